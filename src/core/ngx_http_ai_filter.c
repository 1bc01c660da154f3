
/*
 * The filters.  Output of attempts stops here: their bytes belong to run().
 * Error pages that nginx makes itself in our locations (413, 429, 502, ...)
 * become errors of the caller's dialect.  What ai_meter counts is seen here.
 */

#include <core/ngx_http_ai.h>


static ngx_int_t ngx_http_ai_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_ai_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_ai_filter_is_refusal(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_filter_replace(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


#define ngx_http_ai_is_attempt(r)                                             \
    ((r) != (r)->main                                                         \
     && ngx_http_get_module_ctx(r, ngx_http_ai_filter_module) != NULL)


ngx_int_t
ngx_http_ai_filter_init(ngx_conf_t *cf)
{
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    if (amcf->provider.providers.nelts == 0
        && !amcf->meter.any && !amcf->auth.any)
    {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_ai_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_ai_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_header_filter(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t                  *ctx;
    const ngx_http_ai_pass_loc_conf_t  *conf;

    if (ngx_http_ai_is_attempt(r)) {
        return NGX_OK;
    }

    if (ngx_http_ai_loc_conf(r)->meter.on) {
        ngx_http_ai_meter_header(r);
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_ai_ctx(r);

    /* ours, of a request that something else let in: "satisfy any" */

    if (ctx && ctx->identity.challenge
        && r->headers_out.status != NGX_HTTP_UNAUTHORIZED)
    {
        ctx->identity.challenge->hash = 0;
    }

    if (r->headers_out.status < 400 || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    conf = &ngx_http_ai_loc_conf(r)->pass;

    if ((conf->name == NULL && !ngx_http_ai_filter_is_refusal(r, ctx))
        || conf->error_format == NGX_HTTP_AI_ERRORS_OFF
        || (ctx && ctx->answered))
    {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_ai_filter_replace(r) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* of our access handler, in a location without ai_pass */

static ngx_uint_t
ngx_http_ai_filter_is_refusal(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    return ctx && ctx->identity.refused
           && (r->headers_out.status == NGX_HTTP_UNAUTHORIZED
               || r->headers_out.status == NGX_HTTP_FORBIDDEN);
}


static ngx_int_t
ngx_http_ai_filter_replace(ngx_http_request_t *r)
{
    ai_buf_t            b;
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx_create(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->error.kind == AI_ERR_NONE
        || ai_error_status(&ctx->error) != r->headers_out.status)
    {
        ai_error_set(&ctx->error, ai_error_by_status(r->headers_out.status),
                     NULL);
        ctx->error.status = r->headers_out.status;
    }

    ai_buf_init(&b, &ctx->pool);
    ngx_http_ai_error_body(ctx, &b, &ctx->error);

    if (b.failed) {
        return NGX_ERROR;
    }

    ctx->buf.pos = b.start;
    ctx->buf.last = b.last;
    ctx->replaced = 1;
    ctx->answered = 1;

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    ngx_http_clear_content_length(r);

    r->headers_out.content_length_n = ai_buf_len(&b);
    ngx_http_ai_content_type(r, (ngx_str_t) ngx_string("application/json"));
    ngx_str_null(&r->headers_out.charset);

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_uint_t          last;
    ngx_chain_t        *cl;
    ngx_http_ai_ctx_t  *ctx;

    if (ngx_http_ai_is_attempt(r)) {
        return NGX_OK;
    }

    if (r != r->main || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    ctx = ngx_http_ai_ctx(r);

    if (ctx && ctx->meter) {
        ngx_http_ai_meter_body(ctx, in);
        return ngx_http_next_body_filter(r, in);
    }

    if (ctx == NULL || !ctx->replaced) {
        return ngx_http_next_body_filter(r, in);
    }

    last = 0;

    for (cl = in; cl; cl = cl->next) {
        last |= cl->buf->last_buf;
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (!last) {
        return NGX_OK;
    }

    ctx->replaced = 0;

    ctx->buf.memory = 1;
    ctx->buf.last_buf = 1;
    ctx->buf.last_in_chain = 1;
    ctx->chain.buf = &ctx->buf;
    ctx->chain.next = NULL;

    return ngx_http_next_body_filter(r, &ctx->chain);
}
