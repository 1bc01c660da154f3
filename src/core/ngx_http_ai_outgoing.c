
/*
 * The request as it goes out to a provider: its line, its header, and the
 * body that rewrite() made.
 */

#include <core/ngx_http_ai.h>


static void ngx_http_ai_outgoing_path(ngx_http_ai_attempt_t *at,
    ai_buf_t *b);
static void ngx_http_ai_outgoing_base(ngx_http_ai_attempt_t *at,
    ai_buf_t *b);
static void ngx_http_ai_outgoing_name(ngx_http_ai_attempt_t *at,
    const ai_target_t *target, ai_buf_t *b);
static void ngx_http_ai_outgoing_args(ngx_str_t *args, ngx_uint_t n,
    ai_buf_t *b);
static ngx_int_t ngx_http_ai_outgoing_set_headers(ngx_http_ai_attempt_t *at,
    ai_buf_t *b);
static void ngx_http_ai_outgoing_own(ngx_http_ai_attempt_t *at, ai_buf_t *b);
static void ngx_http_ai_outgoing_client(ngx_http_ai_attempt_t *at,
    ai_buf_t *b);
static void ngx_http_ai_outgoing_content(ngx_http_ai_attempt_t *at,
    ai_buf_t *b);
static ngx_int_t ngx_http_ai_outgoing_sign(ngx_http_ai_attempt_t *at,
    size_t path, size_t len, ai_buf_t *b);
static ngx_int_t ngx_http_ai_outgoing_chain(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at, ai_buf_t *b);


/* headers of a client's request that mean something to a provider of the
 * same API; everything else stays here */
static ngx_str_t  ngx_http_ai_forwarded[] = {
    ngx_string("user-agent"),
    ngx_string("openai-beta"),
    ngx_string("anthropic-version"),
    ngx_string("anthropic-beta"),
    ngx_string("idempotency-key"),
    ngx_string("x-client-request-id"),
    ngx_string("http-referer"),
    ngx_string("x-title"),
    ngx_null_string
};


void
ngx_http_ai_target(const ngx_http_ai_attempt_t *at, ai_target_t *target)
{
    target->provider = at->api;
    target->model = ai_str(&at->candidate->model);
    target->max_output = at->candidate->max_output;
    target->deployment = ai_str(&at->provider->deployment);
    target->api_version = ai_str(&at->provider->api_version);
}


ngx_int_t
ngx_http_ai_outgoing(ngx_http_request_t *sr)
{
    size_t                  path, len;
    ai_buf_t                b;
    ngx_http_ai_attempt_t  *at;

    at = ngx_http_get_module_ctx(sr, ngx_http_ai_filter_module);

    ai_buf_init(&b, &at->ai_pool);
    (void) ai_buf_reserve(&b, 512);

    ai_buf_add(&b, sr->method_name.data, sr->method_name.len);
    ai_buf_char(&b, ' ');

    path = ai_buf_len(&b);
    ngx_http_ai_outgoing_path(at, &b);
    len = ai_buf_len(&b) - path;

    ai_buf_lit(&b, " HTTP/1.1\r\n");
    ai_buf_add(&b, at->provider->fixed.data, at->provider->fixed.len);

    if (ngx_http_ai_outgoing_set_headers(at, &b) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_ai_outgoing_own(at, &b);

    if (!at->translate) {
        ngx_http_ai_outgoing_client(at, &b);
    }

    ngx_http_ai_outgoing_content(at, &b);

    if (b.failed
        || ngx_http_ai_outgoing_sign(at, path, len, &b) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ai_buf_lit(&b, "\r\n");

    return b.failed ? NGX_ERROR : ngx_http_ai_outgoing_chain(sr, at, &b);
}


static void
ngx_http_ai_outgoing_path(ngx_http_ai_attempt_t *at, ai_buf_t *b)
{
    ai_target_t          target;
    ngx_http_ai_ctx_t   *ctx;

    ctx = at->ctx;

    ngx_http_ai_target(at, &target);
    ngx_http_ai_outgoing_base(at, b);

    switch (ctx->op) {

    case NGX_HTTP_AI_OP_CALL:
        at->service->path(&target, ctx->call, b);
        break;

    case NGX_HTTP_AI_OP_MEDIA:
    case NGX_HTTP_AI_OP_FORM:
    case NGX_HTTP_AI_OP_RAW:
        ngx_http_ai_outgoing_name(at, &target, b);
        break;

    default: /* NGX_HTTP_AI_OP_CHAT */
        at->api->path(&target, at->stream, b);
        break;
    }
}


/* an API that the account speaks besides may have a base of its own */

static void
ngx_http_ai_outgoing_base(ngx_http_ai_attempt_t *at, ai_buf_t *b)
{
    size_t           len;
    const ai_str_t  *usual;

    len = at->provider->base.len;
    usual = &at->provider->api->base;

    if (at->api->own_base.data == NULL) {
        ai_buf_add(b, at->provider->base.data, len);
        return;
    }

    if (len >= usual->len
        && ngx_memcmp(at->provider->base.data + len - usual->len,
                      usual->data, usual->len)
           == 0)
    {
        len -= usual->len;
    }

    ai_buf_add(b, at->provider->base.data, len);
    ai_buf_cat(b, &at->api->own_base);
}


/* the client's own path, and of RAW its query; nginx has decoded the path */

static void
ngx_http_ai_outgoing_name(ngx_http_ai_attempt_t *at,
    const ai_target_t *target, ai_buf_t *b)
{
    ai_buf_t    text;
    ai_str_t    name;
    ngx_uint_t  n;

    name = ai_str(&at->ctx->name);

    ai_buf_init(&text, &at->ai_pool);
    ai_buf_uri(&text, &name, "/:@!$&'()*+,;=");

    if (text.failed) {
        b->failed = 1;
        return;
    }

    name = ai_buf_str(&text);

    if (at->api->other) {
        at->api->other(target, &name, b);

    } else {
        ai_buf_char(b, '/');
        ai_buf_cat(b, &name);
    }

    if (at->ctx->op != NGX_HTTP_AI_OP_RAW
        || at->ctx->request->args.len == 0
        || b->failed)
    {
        return;
    }

    n = (memchr(b->start, '?', ai_buf_len(b)) != NULL);

    ngx_http_ai_outgoing_args(&at->ctx->request->args, n, b);
}


/* n: how many are there already; "key" is Gemini's way to give a credential,
 * and ours to keep */

static void
ngx_http_ai_outgoing_args(ngx_str_t *args, ngx_uint_t n, ai_buf_t *b)
{
    u_char  *p, *last, *end;

    p = args->data;
    last = p + args->len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        if (end == p || (end - p >= 4 && ngx_strncmp(p, "key=", 4) == 0)) {
            continue;
        }

        ai_buf_char(b, n++ ? '&' : '?');
        ai_buf_add(b, p, end - p);
    }
}


static ngx_int_t
ngx_http_ai_outgoing_set_headers(ngx_http_ai_attempt_t *at, ai_buf_t *b)
{
    ngx_str_t              value;
    ngx_uint_t             i;
    ngx_http_request_t    *r;
    ngx_http_ai_header_t  *h;

    r = at->ctx->request;
    h = at->provider->headers.elts;

    for (i = 0; i < at->provider->headers.nelts; i++) {

        if (ngx_http_complex_value(r, h[i].value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (value.len == 0) {
            continue;
        }

        if (ngx_http_ai_has_ctl(&value)) {
            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "ai: value for header \"%V\" of provider \"%V\" has "
                          "control characters, header left out",
                          &h[i].name, &at->provider->name);
            continue;
        }

        ai_buf_add(b, h[i].name.data, h[i].name.len);
        ai_buf_lit(b, ": ");
        ai_buf_add(b, value.data, value.len);
        ai_buf_lit(b, "\r\n");
    }

    return NGX_OK;
}


/* of an API's own headers its clients may choose the version alone */

static void
ngx_http_ai_outgoing_own(ngx_http_ai_attempt_t *at, ai_buf_t *b)
{
    static ngx_str_t  version = ngx_string("anthropic-version");

    if (at->translate
        || ngx_http_ai_header_in(at->ctx->request, &version) == NULL)
    {
        ai_buf_add(b, at->provider->own.data, at->provider->own.len);
    }
}


/* the provider's set_header goes before the client's header */

static void
ngx_http_ai_outgoing_client(ngx_http_ai_attempt_t *at, ai_buf_t *b)
{
    ngx_str_t        *name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &at->ctx->request->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        for (name = ngx_http_ai_forwarded; name->len; name++) {
            if (h[i].key.len == name->len
                && ngx_strncmp(h[i].lowcase_key, name->data, name->len) == 0
                && !ngx_http_ai_provider_sets(at->provider, name->data,
                                              name->len))
            {
                ai_buf_add(b, h[i].key.data, h[i].key.len);
                ai_buf_lit(b, ": ");
                ai_buf_add(b, h[i].value.data, h[i].value.len);
                ai_buf_lit(b, "\r\n");
                break;
            }
        }
    }
}


static void
ngx_http_ai_outgoing_content(ngx_http_ai_attempt_t *at, ai_buf_t *b)
{
    ai_str_t             type;
    ngx_table_elt_t     *h;
    ngx_http_ai_ctx_t   *ctx;
    ngx_http_request_t  *r;

    static ngx_str_t     accept = ngx_string("accept");

    ctx = at->ctx;
    r = ctx->request;

    if (!ngx_http_ai_is_chat(ctx)) {

        h = ngx_http_ai_header_in(r, &accept);

        if (h && ctx->op != NGX_HTTP_AI_OP_CALL) {
            ai_buf_lit(b, "Accept: ");
            ai_buf_add(b, h->value.data, h->value.len);
            ai_buf_lit(b, "\r\n");

        } else {
            ai_buf_lit(b, "Accept: */*\r\n");
        }

    } else if (at->stream) {
        type = ai_frames_type(at->api->framing);

        ai_buf_lit(b, "Accept: ");
        ai_buf_cat(b, &type);
        ai_buf_lit(b, "\r\n");

    } else {
        ai_buf_lit(b, "Accept: application/json\r\n");
    }

    if (at->body == NULL && ctx->op == NGX_HTTP_AI_OP_RAW
        && !(r->method & (NGX_HTTP_POST|NGX_HTTP_PUT|NGX_HTTP_PATCH)))
    {
        return;
    }

    if (ctx->op == NGX_HTTP_AI_OP_FORM || ctx->op == NGX_HTTP_AI_OP_RAW) {
        h = r->headers_in.content_type;

        if (h) {
            ai_buf_lit(b, "Content-Type: ");
            ai_buf_add(b, h->value.data, h->value.len);
            ai_buf_lit(b, "\r\n");
        }

    } else {
        ai_buf_lit(b, "Content-Type: application/json\r\n");
    }

    ai_buf_lit(b, "Content-Length: ");
    ai_buf_int(b, at->body_len);
    ai_buf_lit(b, "\r\n");
}


static ngx_int_t
ngx_http_ai_outgoing_sign(ngx_http_ai_attempt_t *at, size_t path, size_t len,
    ai_buf_t *b)
{
    ai_buf_t                         lines;
    ngx_http_ai_signing_t            what;
    const ngx_http_ai_credential_t  *credential;

    credential = at->provider->credential;

    if (credential == NULL || credential->sign == NULL) {
        return NGX_OK;
    }

    what.method = ai_str(&at->request->method_name);
    what.path.data = b->start + path;
    what.path.len = len;
    what.host = ai_str(&at->provider->host_header);
    what.body = at->body;

    /* what is signed stays where it is while lines are added */

    ai_buf_init(&lines, &at->ai_pool);

    if (credential->sign(at, &what, &lines) != NGX_OK || lines.failed) {
        return NGX_ERROR;
    }

    ai_buf_add(b, lines.start, ai_buf_len(&lines));

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_outgoing_chain(ngx_http_request_t *sr, ngx_http_ai_attempt_t *at,
    ai_buf_t *b)
{
    ngx_buf_t    *buf;
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(at->pool);
    buf = ngx_calloc_buf(at->pool);

    if (cl == NULL || buf == NULL) {
        return NGX_ERROR;
    }

    buf->start = b->start;
    buf->pos = b->start;
    buf->last = b->last;
    buf->end = b->last;
    buf->memory = 1;

    cl->buf = buf;
    cl->next = at->body;

    sr->upstream->request_bufs = cl;

    /* TLS collects small buffers until one says that there is no more */

    while (cl->next) {
        cl = cl->next;
    }

    cl->buf->flush = 1;

    return NGX_OK;
}
