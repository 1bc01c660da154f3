
/*
 * The PREACCESS handler: what does the request ask for, and its body, read
 * and scanned once.  Later phases and variables find everything in the
 * context; what is wrong with a request is kept there too and answered by
 * the content handler, after the access rules had their say.
 */

#include <core/ngx_http_ai.h>


static void ngx_http_ai_body_op(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx);
static ngx_str_t ngx_http_ai_body_path(ngx_http_request_t *r);
static ngx_int_t ngx_http_ai_body_acceptable(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_body_read(ngx_http_request_t *r);
static void ngx_http_ai_body_ready(ngx_http_request_t *r);
static void ngx_http_ai_body_scan(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_body_join(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_body_copy(ngx_http_request_t *r, u_char *p,
    ngx_buf_t *b);
static int64_t ngx_http_ai_body_estimate(ai_json_t *doc, ai_ref_t v);
static ngx_uint_t ngx_http_ai_body_is_media(const u_char *p, size_t len);


#define ngx_http_ai_path_is(path, s)                                          \
    ((path).len == sizeof(s) - 1                                              \
     && ngx_strncmp((path).data, s, sizeof(s) - 1) == 0)


ngx_http_ai_ctx_t *
ngx_http_ai_ctx_create(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);
    if (ctx) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_ai_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->conf = ngx_http_ai_loc_conf(r);
    ctx->dialect = &ai_dialect_openai;
    ctx->start = ngx_http_ai_now();
    ngx_http_ai_pool(&ctx->pool, r->pool);
    ai_json_init(&ctx->doc, &ctx->pool);

    ngx_http_set_ctx(r, ctx, ngx_http_ai_gateway_module);

    return ctx;
}


ngx_int_t
ngx_http_ai_body_handler(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_http_ai_ctx_t  *ctx;

    if (ngx_http_ai_loc_conf(r)->pass.name == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_ai_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->body_done) {
        return NGX_DECLINED;
    }

    ngx_http_ai_body_op(r, ctx);

    if (ctx->error.kind != AI_ERR_NONE
        || ctx->op != NGX_HTTP_AI_OP_CHAT
        || ngx_http_ai_body_acceptable(r, ctx) != NGX_OK)
    {
        ctx->body_done = 1;
        return NGX_DECLINED;
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


static void
ngx_http_ai_body_op(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_str_t   path;
    ngx_uint_t  allowed;

    path = ngx_http_ai_body_path(r);
    allowed = NGX_HTTP_GET|NGX_HTTP_HEAD;

    if (path.len == 0) {
        ctx->op = NGX_HTTP_AI_OP_BASE;

    } else if (ngx_http_ai_path_is(path, "chat/completions")) {
        ctx->op = NGX_HTTP_AI_OP_CHAT;
        allowed = NGX_HTTP_POST;

    } else if (ngx_http_ai_path_is(path, "models")) {
        ctx->op = NGX_HTTP_AI_OP_MODELS;

    } else if (path.len > 7 && ngx_strncmp(path.data, "models/", 7) == 0) {
        ctx->op = NGX_HTTP_AI_OP_MODEL;
        ctx->model_id.data = path.data + 7;
        ctx->model_id.len = path.len - 7;

    } else {
        ai_error_set(&ctx->error, AI_ERR_NOT_FOUND, NULL);
        return;
    }

    if (!(r->method & allowed)) {
        ai_error_set(&ctx->error, AI_ERR_METHOD, NULL);
    }
}


/* the URI behind the location's prefix and an API version */

static ngx_str_t
ngx_http_ai_body_path(ngx_http_request_t *r)
{
    size_t                     i;
    ngx_str_t                  path;
    ngx_http_core_loc_conf_t  *clcf;

    path = r->uri;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!clcf->named
#if (NGX_PCRE)
        && clcf->regex == NULL
#endif
        && !clcf->exact_match
        && clcf->name.len <= path.len
        && ngx_strncmp(path.data, clcf->name.data, clcf->name.len) == 0)
    {
        path.data += clcf->name.len;
        path.len -= clcf->name.len;

    } else {

        /* no prefix is known here: it ends before the first "/v1/" */

        for (i = 0; i + 4 < path.len; i++) {
            if (ngx_strncmp(path.data + i, "/v1/", 4) == 0) {
                path.data += i;
                path.len -= i;
                break;
            }
        }
    }

    if (path.len && path.data[0] == '/') {
        path.data++;
        path.len--;
    }

    if (ngx_http_ai_path_is(path, "v1")) {
        path.len = 0;

    } else if (path.len >= 3 && ngx_strncmp(path.data, "v1/", 3) == 0) {
        path.data += 3;
        path.len -= 3;
    }

    return path;
}


static ngx_int_t
ngx_http_ai_body_acceptable(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (r->headers_in.content_length_n > 0
        && (size_t) r->headers_in.content_length_n
           > ctx->conf->pass.body_max_size)
    {
        ai_error_set(&ctx->error, AI_ERR_TOO_LARGE, NULL);
        return NGX_DECLINED;
    }

    /* nginx does not decode request bodies, and neither do we */

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NGX_OK;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == sizeof("content-encoding") - 1
            && ngx_strncmp(h[i].lowcase_key, "content-encoding",
                           sizeof("content-encoding") - 1) == 0
            && !(h[i].value.len == 8
                 && ngx_strncasecmp(h[i].value.data, (u_char *) "identity", 8)
                    == 0))
        {
            ai_error_set(&ctx->error, AI_ERR_MEDIA_TYPE,
                         "Compressed request bodies are not supported.");
            return NGX_DECLINED;
        }
    }
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

    ngx_http_ai_enter(ctx);
    ngx_http_ai_body_scan(r, ctx);
    ngx_http_ai_leave(ctx);

    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


static void
ngx_http_ai_body_scan(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    u_char    *p;
    ai_str_t   text;

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
    ctx->prompt_est = ngx_http_ai_body_estimate(&ctx->doc,
                                                ctx->peek.messages_ref);
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

    if (cl->next == NULL && !cl->buf->in_file) {
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

static int64_t
ngx_http_ai_body_estimate(ai_json_t *doc, ai_ref_t v)
{
    int64_t          bytes, media;
    ai_ref_t         i;
    ai_json_node_t  *node;

    if (v == AI_JSON_NONE) {
        return 0;
    }

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

    return bytes / 4 + media * 1000;
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
