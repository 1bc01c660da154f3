
/*
 * What clients are told of their limits: the headers that their SDKs know.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_LIMIT_TIME  sizeof("2026-11-22T00:00:00Z")


static const ngx_http_ai_limit_claim_t *ngx_http_ai_limit_tightest(
    const ngx_http_ai_limit_ctx_t *limit, ngx_uint_t tokens);
static ngx_int_t ngx_http_ai_limit_openai(ngx_http_request_t *r,
    const ngx_http_ai_limit_claim_t *c, ngx_uint_t tokens);
static ngx_int_t ngx_http_ai_limit_anthropic(ngx_http_request_t *r,
    const ngx_http_ai_limit_claim_t *c, ngx_uint_t tokens);
static u_char *ngx_http_ai_limit_number(u_char *p, int64_t n);


ngx_int_t
ngx_http_ai_limit_headers(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_int_t                         rc;
    ngx_uint_t                        tokens;
    const ngx_http_ai_limit_ctx_t    *limit;
    const ngx_http_ai_limit_claim_t  *c;

    static ngx_str_t  retry = ngx_string("x-should-retry");
    static ngx_str_t  no = ngx_string("false");

    limit = ctx->limit;

    if (limit == NULL || limit->n == 0) {
        return NGX_OK;
    }

    /* SDKs try again what will not be better before the window's end */

    if (limit->status == NGX_HTTP_AI_LIMIT_REJECTED
        && limit->tight && limit->tight->claim.exhausted
        && ngx_http_ai_header_add(r, &retry, &no) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (tokens = 0; tokens < 2; tokens++) {

        c = ngx_http_ai_limit_tightest(limit, tokens);

        if (c == NULL) {
            continue;
        }

        rc = ctx->dialect->family == AI_FAMILY_ANTHROPIC
             ? ngx_http_ai_limit_anthropic(r, c, tokens)
             : ngx_http_ai_limit_openai(r, c, tokens);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* of several limits of a kind the one that has the least left */

static const ngx_http_ai_limit_claim_t *
ngx_http_ai_limit_tightest(const ngx_http_ai_limit_ctx_t *limit,
    ngx_uint_t tokens)
{
    ngx_uint_t                        i;
    const ngx_http_ai_limit_claim_t  *c, *best;

    best = NULL;

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        if (c->unit != (tokens ? AI_UNIT_TOKENS : AI_UNIT_REQUESTS)
            || c->claim.quota == NULL)
        {
            continue;
        }

        if (best == NULL
            || ngx_http_ai_limit_left(c) < ngx_http_ai_limit_left(best))
        {
            best = c;
        }
    }

    return best;
}


int64_t
ngx_http_ai_limit_left(const ngx_http_ai_limit_claim_t *c)
{
    return c->refused ? c->claim.remaining
                      : ngx_max(c->claim.remaining - c->claim.amount, 0);
}


/* x-ratelimit-limit-requests: 60; ...-reset-requests: 1.5s */

static ngx_int_t
ngx_http_ai_limit_openai(ngx_http_request_t *r,
    const ngx_http_ai_limit_claim_t *c, ngx_uint_t tokens)
{
    u_char      *p;
    int64_t      ms;
    ngx_str_t    value;
    ngx_uint_t   i;

    static ngx_str_t  names[][3] = {
        { ngx_string("x-ratelimit-limit-requests"),
          ngx_string("x-ratelimit-remaining-requests"),
          ngx_string("x-ratelimit-reset-requests") },
        { ngx_string("x-ratelimit-limit-tokens"),
          ngx_string("x-ratelimit-remaining-tokens"),
          ngx_string("x-ratelimit-reset-tokens") }
    };

    for (i = 0; i < 3; i++) {

        p = ngx_pnalloc(r->pool, NGX_INT64_LEN + sizeof(".000s"));
        if (p == NULL) {
            return NGX_ERROR;
        }

        value.data = p;

        switch (i) {

        case 0:
            p = ngx_http_ai_limit_number(p, c->claim.limit);
            break;

        case 1:
            p = ngx_http_ai_limit_number(p, ngx_http_ai_limit_left(c));
            break;

        default:
            p = ngx_http_ai_limit_number(p, c->claim.reset / 1000);
            ms = c->claim.reset % 1000;

            *p++ = '.';
            *p++ = (u_char) ('0' + ms / 100);
            *p++ = (u_char) ('0' + ms / 10 % 10);
            *p++ = (u_char) ('0' + ms % 10);
            *p++ = 's';
            break;
        }

        value.len = p - value.data;

        if (ngx_http_ai_header_add(r, &names[tokens][i], &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* anthropic-ratelimit-requests-limit: 60; ...-reset: a date of RFC 3339 */

static ngx_int_t
ngx_http_ai_limit_anthropic(ngx_http_request_t *r,
    const ngx_http_ai_limit_claim_t *c, ngx_uint_t tokens)
{
    u_char      *p;
    ngx_tm_t     tm;
    ngx_str_t    value;
    ngx_uint_t   i;

    static ngx_str_t  names[][3] = {
        { ngx_string("anthropic-ratelimit-requests-limit"),
          ngx_string("anthropic-ratelimit-requests-remaining"),
          ngx_string("anthropic-ratelimit-requests-reset") },
        { ngx_string("anthropic-ratelimit-tokens-limit"),
          ngx_string("anthropic-ratelimit-tokens-remaining"),
          ngx_string("anthropic-ratelimit-tokens-reset") }
    };

    for (i = 0; i < 3; i++) {

        p = ngx_pnalloc(r->pool, ngx_max(NGX_INT64_LEN,
                                         NGX_HTTP_AI_LIMIT_TIME));
        if (p == NULL) {
            return NGX_ERROR;
        }

        value.data = p;

        switch (i) {

        case 0:
            p = ngx_http_ai_limit_number(p, c->claim.limit);
            break;

        case 1:
            p = ngx_http_ai_limit_number(p, ngx_http_ai_limit_left(c));
            break;

        default:
            ngx_gmtime(ngx_time() + (time_t) ((c->claim.reset + 999) / 1000),
                       &tm);
            p = ngx_sprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                            tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                            tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
            break;
        }

        value.len = p - value.data;

        if (ngx_http_ai_header_add(r, &names[tokens][i], &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* of every answer: ngx_sprintf() takes five times as long */

static u_char *
ngx_http_ai_limit_number(u_char *p, int64_t n)
{
    u_char     digits[NGX_INT64_LEN], *first;
    uint64_t   u;

    u = (uint64_t) ngx_max(n, 0);
    first = digits + NGX_INT64_LEN;

    do {
        *--first = (u_char) ('0' + u % 10);
        u /= 10;
    } while (u);

    return ngx_cpymem(p, first, digits + NGX_INT64_LEN - first);
}
