
/*
 * The PREACCESS handler: the body of a request, read and scanned once.  Later
 * phases and variables find everything in the context; what is wrong with a
 * request is kept there too and answered by the content handler, after the
 * access rules had their say.
 */

#include <core/ngx_http_ai.h>


/* others may be large, and are not parsed */
#define ngx_http_ai_body_is_json(ctx)  ((ctx)->op <= NGX_HTTP_AI_OP_MEDIA)


static ngx_int_t ngx_http_ai_body_acceptable(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_body_buffer(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_body_read(ngx_http_request_t *r);
static void ngx_http_ai_body_ready(ngx_http_request_t *r);
static void ngx_http_ai_body_scan_form(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_body_join(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_uint_t ngx_http_ai_body_is_whole(ngx_chain_t *cl);
static ngx_int_t ngx_http_ai_body_copy(ngx_http_request_t *r, u_char *p,
    ngx_buf_t *b);
static void ngx_http_ai_body_estimate(ngx_http_ai_ctx_t *ctx, ai_ref_t v);
static ngx_uint_t ngx_http_ai_body_is_media(const u_char *p, size_t len);


ngx_int_t
ngx_http_ai_body_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_ai_ctx_t         *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    if (ngx_http_ai_loc_conf(r)->pass.name == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_ai_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->body_done) {

        if (ctx->sized) {
            return NGX_DECLINED;
        }

        rc = ngx_http_ai_count_request(r, ctx);

        return rc == NGX_AGAIN ? NGX_AGAIN : NGX_DECLINED;
    }

    if (ngx_http_ai_auth_identify(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* nothing is read of who will be refused, which is decided in the phase
     * ACCESS */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if ((ctx->identity.failed && clcf->satisfy == NGX_HTTP_SATISFY_ALL)
        || ctx->error.kind != AI_ERR_NONE
        || !ngx_http_ai_is_sent(ctx)
        || ngx_http_ai_body_acceptable(r, ctx) != NGX_OK)
    {
        ctx->body_done = 1;
        return NGX_DECLINED;
    }

    if (ngx_http_ai_body_is_json(ctx)
        && ngx_http_ai_body_buffer(r, ctx) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_ai_body_ready);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    if (rc == NGX_AGAIN) {
        ctx->read_body = r->read_event_handler;
        r->read_event_handler = ngx_http_ai_body_read;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_ai_body_acceptable(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_table_elt_t   *h;

    static ngx_str_t   encoding = ngx_string("content-encoding");

    if (ngx_http_ai_body_is_json(ctx)
        && r->headers_in.content_length_n > 0
        && (size_t) r->headers_in.content_length_n
           > ctx->conf->pass.body_max_size)
    {
        ai_error_set(&ctx->error, AI_ERR_TOO_LARGE, NULL);
        return NGX_DECLINED;
    }

    /* nginx does not decode request bodies, and neither do we */

    h = ngx_http_ai_header_in(r, &encoding);

    if (h && !(h->value.len == 8
               && ngx_strncasecmp(h->value.data, (u_char *) "identity", 8)
                  == 0))
    {
        ai_error_set(&ctx->error, AI_ERR_MEDIA_TYPE,
                     "Compressed request bodies are not supported.");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * nginx puts a body right behind the header where it fits.  A buffer that is
 * large enough for all of it, in place of that of the header, keeps the body
 * in one piece: no file, and nothing to join.  The length is within
 * ai_body_max_size.
 */

static ngx_int_t
ngx_http_ai_body_buffer(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    off_t       length;
    size_t      preread;
    ngx_buf_t  *b;

    length = r->headers_in.content_length_n;
    preread = r->header_in->last - r->header_in->pos;

#if (NGX_HTTP_V2)
    if (r->stream) {
        return NGX_OK;
    }
#endif

    if (r->headers_in.chunked
        || preread == 0
        || length <= (off_t) (r->header_in->end - r->header_in->pos))
    {
        return NGX_OK;
    }

    b = ngx_create_temp_buf(r->pool, (size_t) length);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->pos, r->header_in->pos, preread);

    ctx->header_in = r->header_in;
    r->header_in = b;

    return NGX_OK;
}


/*
 * nginx closes the connection of a client that is too slow with its body
 * without a word; we tell it why.
 */

static void
ngx_http_ai_body_read(ngx_http_request_t *r)
{
    ngx_event_t        *rev;
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);
    rev = r->connection->read;

    if (!rev->timedout) {

        /* with the last bytes the request may be answered, and freed */

        ctx->read_body(r);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                  "ai: client timed out while sending its body");

    rev->timedout = 0;
    r->keepalive = 0;
    r->lingering_close = 0;
    r->read_event_handler = ngx_http_block_reading;

    ai_error_set(&ctx->error, AI_ERR_TIMEOUT, NULL);

    /* the count that reading took is still held */

    ngx_http_finalize_request(r, ngx_http_ai_error_send(r, &ctx->error));
}


static void
ngx_http_ai_body_ready(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);
    ctx->body_done = 1;

    if (ctx->header_in) {

        /* what it had of the body was copied; nothing is behind a body that
         * had not come as a whole */

        ctx->header_in->pos = ctx->header_in->last;
        r->header_in = ctx->header_in;
    }

    ngx_http_ai_enter(ctx);
    ngx_http_ai_body_scan(r, ctx);
    ngx_http_ai_leave(ctx);

    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


void
ngx_http_ai_body_scan(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    u_char    *p;
    ai_str_t   text;

    if (ctx->op == NGX_HTTP_AI_OP_RAW) {
        return;
    }

    if (ctx->op == NGX_HTTP_AI_OP_FORM) {
        ngx_http_ai_body_scan_form(r, ctx);
        return;
    }

    if (ngx_http_ai_body_join(r, ctx) != NGX_OK) {
        if (ctx->error.kind == AI_ERR_NONE) {
            ai_error_set(&ctx->error, AI_ERR_SERVER, NULL);
        }
        return;
    }

    text = ai_str(&ctx->body);

    if (ai_json_parse(&ctx->doc, &text, NULL) != AI_OK) {

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: client sent invalid JSON: %s at byte %uz",
                      ai_json_strerror(ctx->doc.error), ctx->doc.error_off);

        ai_error_set(&ctx->error,
                     ctx->doc.error == AI_JSON_E_MEMORY ? AI_ERR_SERVER
                                                        : AI_ERR_BAD_JSON,
                     NULL);

        p = ngx_pnalloc(r->pool, 160);
        if (p && ctx->error.kind == AI_ERR_BAD_JSON) {
            ctx->error.message.data = p;
            ctx->error.message.len = ngx_snprintf(p, 160,
                        "The body is not valid JSON: %s at byte %uz.",
                        ai_json_strerror(ctx->doc.error), ctx->doc.error_off)
                        - p;
        }

        return;
    }

    if (ctx->dialect->peek(&ctx->doc, &ctx->pool, &ctx->peek, &ctx->error)
        != AI_OK)
    {
        if (ctx->error.kind == AI_ERR_NONE) {
            ai_error_set(&ctx->error, AI_ERR_SERVER, NULL);
        }

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: client sent a bad request, field \"%*s\"",
                      ctx->error.param.len, ctx->error.param.data);
        return;
    }

    ctx->request_model = ngx_http_ai_str(&ctx->peek.model);

    ngx_http_ai_body_estimate(ctx, ctx->peek.messages_ref);
}


static void
ngx_http_ai_body_scan_form(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    if (ngx_http_ai_form_scan(r, ctx) != NGX_OK) {

        if (ctx->error.kind == AI_ERR_NONE) {
            ai_error_set(&ctx->error, AI_ERR_SERVER, NULL);
        }

        return;
    }

    ctx->request_model = ngx_http_ai_str(&ctx->peek.model);
}


/* the body as one piece of memory; without a copy when nginx has it so */

static ngx_int_t
ngx_http_ai_body_join(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    off_t         size;
    u_char       *p;
    ngx_chain_t  *cl;

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if ((size_t) size > ctx->conf->pass.body_max_size) {
        ai_error_set(&ctx->error, AI_ERR_TOO_LARGE, NULL);
        return NGX_ERROR;
    }

    ctx->body.len = (size_t) size;
    cl = r->request_body->bufs;

    if (ngx_http_ai_body_is_whole(cl)) {
        ctx->body.data = cl->buf->pos;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, ctx->body.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->body.data = p;

    for ( /* void */ ; cl; cl = cl->next) {
        if (ngx_http_ai_body_copy(r, p, cl->buf) != NGX_OK) {
            return NGX_ERROR;
        }

        p += ngx_buf_size(cl->buf);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_ai_body_is_whole(ngx_chain_t *cl)
{
    for ( /* void */ ; cl; cl = cl->next) {

        if (cl->buf->in_file
            || (cl->next && cl->buf->last != cl->next->buf->pos))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_ai_body_copy(ngx_http_request_t *r, u_char *p, ngx_buf_t *b)
{
    size_t   size;
    ssize_t  n;

    if (!b->in_file) {
        ngx_memcpy(p, b->pos, b->last - b->pos);
        return NGX_OK;
    }

    size = (size_t) (b->file_last - b->file_pos);

    n = ngx_read_file(b->file, p, size, b->file_pos);

    if (n == NGX_ERROR || (size_t) n != size) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "ai: could not read the request body back from \"%V\"",
                      &b->file->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Tokens of the prompt, roughly: a token is about four bytes of text.  Inline
 * media are one long string each and count as a thousand tokens.
 */

static void
ngx_http_ai_body_estimate(ngx_http_ai_ctx_t *ctx, ai_ref_t v)
{
    int64_t          bytes, media;
    ai_ref_t         i;
    ai_json_t       *doc;
    ai_json_node_t  *node;

    if (v == AI_JSON_NONE) {
        return;
    }

    doc = &ctx->doc;
    bytes = 0;
    media = 0;

    for (i = v; i < doc->node[v].next; i++) {
        node = &doc->node[i];

        if (node->type != AI_JSON_STRING) {
            continue;
        }

        if (ngx_http_ai_body_is_media(doc->text + node->off + 1, node->len)) {
            media++;
            continue;
        }

        bytes += node->len - 2;
    }

    ctx->prompt_bytes = bytes;
    ctx->prompt_est = bytes / 4 + media * 1000;
}


static ngx_uint_t
ngx_http_ai_body_is_media(const u_char *p, size_t len)
{
    size_t  i;

    if (len < 1024) {
        return 0;
    }

    /* base64, or a data: URL of it: 512 bytes without blank or escape */

    for (i = 0; i < 512; i++) {
        if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '\\') {
            return 0;
        }
    }

    return 1;
}
