
/*
 * Answers of our own: errors in the caller's dialect, lists of models.
 */

#include <core/ngx_http_ai.h>


static ngx_uint_t ngx_http_ai_error_page(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_int_t ngx_http_ai_error_allow(ngx_http_request_t *r,
    ngx_uint_t methods);
static ngx_int_t ngx_http_ai_error_retry(ngx_http_request_t *r,
    const ai_error_t *err);


ngx_int_t
ngx_http_ai_error_send(ngx_http_request_t *r, const ai_error_t *err)
{
    ai_buf_t            b;
    ngx_str_t           json;
    ngx_uint_t          status;
    ngx_http_ai_ctx_t  *ctx;


    ctx = ngx_http_ai_ctx(r);
    status = ai_error_status(err);

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->conf->pass.error_format == NGX_HTTP_AI_ERRORS_OFF
        || ngx_http_ai_error_page(r, status))
    {
        return status;
    }

    ai_buf_init(&b, &ctx->pool);
    ngx_http_ai_error_body(ctx, &b, err);

    if (b.failed || ngx_http_ai_error_retry(r, err) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (err->kind == AI_ERR_METHOD
        && ngx_http_ai_error_allow(r, ctx->methods) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json.data = b.start;
    json.len = ai_buf_len(&b);

    return ngx_http_ai_json_send(r, status, &json);
}


static ngx_int_t
ngx_http_ai_error_allow(ngx_http_request_t *r, ngx_uint_t methods)
{
    u_char            *p, *last;
    ngx_str_t          value;
    ngx_uint_t         i;

    static ngx_str_t   name = ngx_string("Allow");

    static struct {
        ngx_uint_t  bit;
        ngx_str_t   word;
    } words[] = {
        { NGX_HTTP_GET, ngx_string("GET") },
        { NGX_HTTP_HEAD, ngx_string("HEAD") },
        { NGX_HTTP_POST, ngx_string("POST") },
        { NGX_HTTP_DELETE, ngx_string("DELETE") },
        { 0, ngx_null_string }
    };

    p = ngx_pnalloc(r->pool, sizeof("GET, HEAD, POST, DELETE"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    last = p;

    for (i = 0; words[i].bit; i++) {

        if (!(methods & words[i].bit)) {
            continue;
        }

        if (last != p) {
            last = ngx_cpymem(last, ", ", 2);
        }

        last = ngx_cpymem(last, words[i].word.data, words[i].word.len);
    }

    value.len = last - p;

    return ngx_http_ai_header_add(r, &name, &value);
}


/* a provider's own words, unless the operator wants others */

ngx_int_t
ngx_http_ai_error_pass(ngx_http_request_t *r, ngx_uint_t status,
    const ai_error_t *err, ngx_str_t *json)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);

    if (ctx->conf->pass.error_format != NGX_HTTP_AI_ERRORS_AUTO
        || ngx_http_ai_error_page(r, status))
    {
        return ngx_http_ai_error_send(r, err);
    }

    if (ngx_http_ai_error_retry(r, err) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_ai_json_send(r, status, json);
}


/* in the caller's dialect, unless the operator wants another */

void
ngx_http_ai_error_body(ngx_http_ai_ctx_t *ctx, ai_buf_t *b,
    const ai_error_t *err)
{
    const ai_dialect_t  *dialect;

    switch (ctx->conf->pass.error_format) {

    case NGX_HTTP_AI_ERRORS_OPENAI:
        dialect = &ai_dialect_openai;
        break;

    case NGX_HTTP_AI_ERRORS_ANTHROPIC:
        dialect = &ai_dialect_anthropic;
        break;

    case NGX_HTTP_AI_ERRORS_GEMINI:
        dialect = &ai_dialect_gemini;
        break;

    default: /* NGX_HTTP_AI_ERRORS_AUTO */
        dialect = ctx->dialect;
        break;
    }

    dialect->error(b, err);
}


/* the operator's error_page wins, also over our own errors */

static ngx_uint_t
ngx_http_ai_error_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    /* nginx ends a request without an answer for 408 */

    if (clcf->error_pages == NULL
        || r->error_page
        || status == NGX_HTTP_REQUEST_TIME_OUT)
    {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_ai_error_retry(ngx_http_request_t *r, const ai_error_t *err)
{
    u_char            *p;
    ngx_str_t          value;

    static ngx_str_t   name = ngx_string("Retry-After");

    if (err->retry_after < 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%L", (err->retry_after + 999) / 1000) - p;

    return ngx_http_ai_header_add(r, &name, &value);
}


ngx_int_t
ngx_http_ai_json_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json)
{
    ngx_int_t           rc;
    ngx_buf_t          *b;
    ngx_chain_t         out;
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);

    ctx->answered = 1;

    ngx_http_ai_spend_request(ctx);

    r->headers_out.status = status;
    r->headers_out.content_length_n = json->len;
    ngx_http_ai_content_type(r, (ngx_str_t) ngx_string("application/json"));

    if (ngx_http_ai_headers_add(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = json->data;
    b->last = json->data + json->len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
