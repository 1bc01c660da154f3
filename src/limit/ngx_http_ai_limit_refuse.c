
/*
 * What becomes of a request that a limit refuses, and what its client is told.
 */

#include <limit/ngx_http_ai_limit_int.h>


static ngx_int_t ngx_http_ai_limit_error(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, const ngx_http_ai_limit_claim_t *claim);
static u_char *ngx_http_ai_limit_period(u_char *p, int32_t period);


ngx_int_t
ngx_http_ai_limit_refuse(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_claim_t *c)
{
    ngx_str_t  unit;

    unit = ngx_http_ai_str(ai_unit_name(c->unit));

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "ai: limiting %V by zone \"%V\", %L of %L are left",
                  &unit, &c->zone->name, c->claim.remaining, c->claim.limit);

    if (ngx_http_ai_limit_error(r, ctx, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (c->rule && c->rule->exceed == NGX_HTTP_AI_LIMIT_NEXT) {
        return NGX_AGAIN;
    }

    if (c->rule && c->rule->exceed == NGX_HTTP_AI_LIMIT_ROUTE) {
        ctx->limit->moved = 1;
        ctx->route = c->rule->route;
        return NGX_DONE;
    }

    return NGX_DECLINED;
}


/* on_error=deny */

ngx_int_t
ngx_http_ai_limit_unknown(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "ai: what is left of a limit is not known, Redis does not "
                  "answer");

    ctx->limit->status = NGX_HTTP_AI_LIMIT_REJECTED;

    ai_error_set(&ctx->error, AI_ERR_OVERLOADED,
                 "Limits cannot be checked at the moment.");
    ctx->error.retry_after = 1000;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_ai_limit_error(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *c)
{
    u_char      *p;
    ngx_str_t    message, unit;
    ngx_uint_t   i;

    ai_error_set(&ctx->error, c->claim.exhausted ? AI_ERR_QUOTA
                                                 : AI_ERR_RATE_LIMIT, NULL);

    ctx->error.retry_after = c->claim.wait;

    if (ctx->conf->limit.status != NGX_HTTP_TOO_MANY_REQUESTS) {
        ctx->error.status = ctx->conf->limit.status;
    }

    if (c->rule && c->rule->message) {

        if (ngx_http_complex_value(r, c->rule->message, &message) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->error.message = ai_str(&message);

        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 160);
    if (p == NULL) {
        return NGX_ERROR;
    }

    unit = ngx_http_ai_str(ai_unit_name(c->unit));
    message.data = p;

    if (c->unit == AI_UNIT_CONCURRENCY) {
        p = ngx_sprintf(p, "Only %L requests at a time are allowed.",
                        c->claim.limit);

    } else {
        p = ngx_sprintf(p, "The limit of ");

        if (c->unit == AI_UNIT_COST) {
            p = ngx_http_ai_price_print(p, c->claim.limit);

            /* two decimals at least */

            for (i = 0; i < 7 && p[-1] == '0'; i++) {
                p--;
            }

            p = ngx_cpymem(p, " USD", 4);
        } else {
            p = ngx_sprintf(p, "%L %V", c->claim.limit, &unit);
        }

        p = ngx_http_ai_limit_period(ngx_cpymem(p, " per ", 5), c->period);
        p = ngx_cpymem(p, " is reached.", 12);
    }

    message.len = p - message.data;

    for (p = message.data; p < message.data + message.len; p++) {
        if (*p == '_') {
            *p = ' ';
        }
    }

    ctx->error.message = ai_str(&message);

    return NGX_OK;
}


static u_char *
ngx_http_ai_limit_period(u_char *p, int32_t period)
{
    ngx_uint_t  i;

    static struct {
        int32_t      period;
        const char  *word;
    } words[] = {
        { 1, "second" },
        { 60, "minute" },
        { 3600, "hour" },
        { AI_PERIOD_DAY, "day" },
        { AI_PERIOD_WEEK, "week" },
        { AI_PERIOD_MONTH, "month" }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].period == period) {
            return ngx_sprintf(p, "%s", words[i].word);
        }
    }

    return ai_period_print(p, period);
}
