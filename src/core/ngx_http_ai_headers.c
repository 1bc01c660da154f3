
/*
 * Response headers of ours: "ai_headers on | debug".
 */

#include <core/ngx_http_ai.h>


static ngx_int_t ngx_http_ai_headers_number(ngx_http_request_t *r,
    ngx_str_t *name, int64_t n);
static ngx_int_t ngx_http_ai_headers_cost(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_headers_dropped(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_headers_target(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at);


void
ngx_http_ai_content_type(ngx_http_request_t *r, ngx_str_t type)
{
    r->headers_out.content_type = type;
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;
}


ngx_int_t
ngx_http_ai_header_add(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key = *name;
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_headers_add(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_int_t                   index;
    ngx_str_t                   id;
    ngx_http_ai_attempt_t      *at;
    ngx_http_variable_value_t  *v;

    static ngx_str_t   request_id = ngx_string("x-ai-request-id");
    static ngx_str_t   attempts = ngx_string("x-ai-attempts");
    static ngx_str_t   variable = ngx_string("request_id");

    if (ctx->limit && ngx_http_ai_limit_headers(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->conf->pass.headers == NGX_HTTP_AI_HEADERS_OFF) {
        return NGX_OK;
    }

    index = ngx_hash_key(variable.data, variable.len);
    v = ngx_http_get_variable(r, &variable, (ngx_uint_t) index);
    if (v == NULL) {
        return NGX_ERROR;
    }

    if (!v->not_found) {
        id.data = v->data;
        id.len = v->len;

        if (ngx_http_ai_header_add(r, &request_id, &id) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    at = ctx->winner ? ctx->winner : ctx->attempt;

    if (at == NULL) {
        return NGX_OK;
    }

    if (ngx_http_ai_headers_target(r, ctx, at) != NGX_OK
        || ngx_http_ai_headers_number(r, &attempts, ctx->nattempts) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ai_headers_dropped(r, ctx);
}


static ngx_int_t
ngx_http_ai_headers_target(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at)
{
    ngx_str_t          s;

    static ngx_str_t   provider = ngx_string("x-ai-provider");
    static ngx_str_t   model = ngx_string("x-ai-model");
    static ngx_str_t   tokens = ngx_string("x-ai-tokens");
    static ngx_str_t   route = ngx_string("x-ai-route");
    static ngx_str_t   status = ngx_string("x-ai-upstream-status");
    static ngx_str_t   reason = ngx_string("x-ai-fallback-reason");

    s = at->provider->name;
    if (ngx_http_ai_header_add(r, &provider, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    s = at->candidate->model;
    if (!ngx_http_ai_has_ctl(&s)
        && ngx_http_ai_header_add(r, &model, &s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (at->complete && !at->stream && at->usage.total >= 0
        && ngx_http_ai_headers_number(r, &tokens, at->usage.total) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (at->complete && !at->stream
        && ngx_http_ai_headers_cost(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->conf->pass.headers != NGX_HTTP_AI_HEADERS_DEBUG) {
        return NGX_OK;
    }

    if (ngx_http_ai_header_add(r, &route, &ctx->route->name) != NGX_OK
        || ngx_http_ai_headers_number(r, &status, at->status) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->fallback_reason.len == 0) {
        return NGX_OK;
    }

    return ngx_http_ai_header_add(r, &reason, &ctx->fallback_reason);
}


/* not where no price is known: 0 would look like one */

static ngx_int_t
ngx_http_ai_headers_cost(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    u_char            *p;
    ai_bill_t          bill;
    ngx_str_t          value;

    static ngx_str_t   cost = ngx_string("x-ai-cost");

    ngx_http_ai_price_sum(ctx, &bill);

    if (!bill.known) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_AI_PRICE_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_http_ai_price_print(p, bill.cost) - p;

    return ngx_http_ai_header_add(r, &cost, &value);
}


static ngx_int_t
ngx_http_ai_headers_number(ngx_http_request_t *r, ngx_str_t *name, int64_t n)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%L", n) - p;

    return ngx_http_ai_header_add(r, name, &value);
}


/* names come from the client for unknown fields: only plain ones are shown */

static ngx_int_t
ngx_http_ai_headers_dropped(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    size_t             len;
    u_char            *p;
    ngx_str_t          s, value;
    ngx_uint_t         i;

    static ngx_str_t   name = ngx_string("x-ai-dropped-params");

    len = 0;

    for (i = 0; i < ctx->dropped.n; i++) {
        len += ctx->dropped.name[i].len + 1;
    }

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    for (i = 0; i < ctx->dropped.n; i++) {
        s = ngx_http_ai_str(&ctx->dropped.name[i]);

        if (s.len == 0 || ngx_http_ai_has_ctl(&s)) {
            continue;
        }

        if (p != value.data) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, s.data, s.len);
    }

    value.len = p - value.data;

    if (value.len == 0) {
        return NGX_OK;
    }

    return ngx_http_ai_header_add(r, &name, &value);
}
