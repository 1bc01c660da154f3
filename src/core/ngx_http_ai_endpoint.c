
/*
 * What a request asks for: its method and the end of its URI name an
 * operation and the dialect in which it is spoken to us.
 */

#include <core/ngx_http_ai.h>


static void ngx_http_ai_endpoint(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_endpoint_verb(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_str_t *path);
static ngx_str_t ngx_http_ai_endpoint_path(ngx_http_request_t *r);
static ngx_uint_t ngx_http_ai_endpoint_version(ngx_str_t *path);


typedef struct {
    ngx_str_t                  path;        /* with a slash at its end: more
                                               follows, the model's id */
    ngx_uint_t                 methods;
    ngx_http_ai_op_e           op;
    const ai_dialect_t        *dialect;
} ngx_http_ai_endpoint_t;


#define ngx_http_ai_verb_is(v, s)                                             \
    ((v).len == sizeof(s) - 1                                                 \
     && ngx_strncmp((v).data, s, sizeof(s) - 1) == 0)


static ngx_http_ai_endpoint_t  ngx_http_ai_endpoints[] = {

    { ngx_string(""), NGX_HTTP_GET|NGX_HTTP_HEAD,
      NGX_HTTP_AI_OP_BASE, &ai_dialect_openai },

    { ngx_string("chat/completions"), NGX_HTTP_POST,
      NGX_HTTP_AI_OP_CHAT, &ai_dialect_openai },

    { ngx_string("messages"), NGX_HTTP_POST,
      NGX_HTTP_AI_OP_CHAT, &ai_dialect_anthropic },

    { ngx_string("responses"), NGX_HTTP_POST,
      NGX_HTTP_AI_OP_CHAT, &ai_dialect_responses },

    { ngx_string("models"), NGX_HTTP_GET|NGX_HTTP_HEAD,
      NGX_HTTP_AI_OP_MODELS, &ai_dialect_openai },

    { ngx_string("models/"), NGX_HTTP_GET|NGX_HTTP_HEAD,
      NGX_HTTP_AI_OP_MODEL, &ai_dialect_openai },

    { ngx_null_string, 0, NGX_HTTP_AI_OP_NONE, NULL }
};


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

    ngx_http_ai_endpoint(r, ctx);

    ngx_http_set_ctx(r, ctx, ngx_http_ai_gateway_module);

    return ctx;
}


static void
ngx_http_ai_endpoint(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_str_t                path;
    ngx_http_ai_endpoint_t  *e;

    path = ngx_http_ai_endpoint_path(r);

    if (r->method == NGX_HTTP_POST
        && path.len > 7 && ngx_strncmp(path.data, "models/", 7) == 0)
    {
        ngx_http_ai_endpoint_verb(r, ctx, &path);
        return;
    }

    for (e = ngx_http_ai_endpoints; e->dialect; e++) {

        if (e->path.len && e->path.data[e->path.len - 1] == '/') {

            if (path.len <= e->path.len
                || ngx_strncmp(path.data, e->path.data, e->path.len) != 0)
            {
                continue;
            }

            ctx->model_id.data = path.data + e->path.len;
            ctx->model_id.len = path.len - e->path.len;

        } else if (path.len < e->path.len
                   || ngx_strncmp(path.data, e->path.data, e->path.len) != 0)
        {
            continue;

        } else if (path.len != e->path.len) {

            /* there is nothing behind it, which is told in its dialect */

            if (e->path.len && path.data[e->path.len] == '/') {
                ctx->dialect = e->dialect;
            }

            continue;
        }

        ctx->op = e->op;
        ctx->dialect = e->dialect;

        if (!(r->method & e->methods)) {

            /* who asks for a WebSocket goes on with POST after a 426 */

            ai_error_set(&ctx->error,
                         e->dialect == &ai_dialect_responses
                         && r->headers_in.upgrade ? AI_ERR_UPGRADE
                                                  : AI_ERR_METHOD,
                         NULL);
        }

        return;
    }

    ai_error_set(&ctx->error, AI_ERR_NOT_FOUND, NULL);
}


/*
 * Gemini's "models/NAME:verb": the model and the stream are in the URI, and
 * without "alt=sse" a stream is one JSON array.
 */

static void
ngx_http_ai_endpoint_verb(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_str_t *path)
{
    u_char     *p, *last;
    ngx_str_t   verb, alt;

    ctx->dialect = &ai_dialect_gemini;

    last = path->data + path->len;

    for (p = last - 1; p > path->data && *p != ':'; p--) { /* void */ }

    verb.data = p + 1;
    verb.len = last - verb.data;

    if (ngx_http_ai_verb_is(verb, "streamGenerateContent")) {
        ctx->peek.stream = 1;

        ctx->array = (ngx_http_arg(r, (u_char *) "alt", 3, &alt) != NGX_OK
                      || alt.len != 3
                      || ngx_strncmp(alt.data, "sse", 3) != 0);

    } else if (!ngx_http_ai_verb_is(verb, "generateContent")) {
        ai_error_set(&ctx->error, AI_ERR_NOT_FOUND, NULL);
        return;
    }

    ctx->op = NGX_HTTP_AI_OP_CHAT;
    ctx->peek.model.data = path->data + 7;
    ctx->peek.model.len = p - ctx->peek.model.data;
}


/* the URI behind the location's prefix and an API version */

static ngx_str_t
ngx_http_ai_endpoint_path(ngx_http_request_t *r)
{
    size_t                     i, n;
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

        if (path.len && path.data[0] == '/') {
            path.data++;
            path.len--;
        }

        n = ngx_http_ai_endpoint_version(&path);
        path.data += n;
        path.len -= n;

        return path;
    }

    /* no prefix is known here: it ends behind the first version */

    for (i = 0; i < r->uri.len; i++) {

        if (r->uri.data[i] != '/') {
            continue;
        }

        path.data = r->uri.data + i + 1;
        path.len = r->uri.len - i - 1;

        n = ngx_http_ai_endpoint_version(&path);

        if (n) {
            path.data += n;
            path.len -= n;
            return path;
        }
    }

    path = r->uri;

    if (path.len && path.data[0] == '/') {
        path.data++;
        path.len--;
    }

    return path;
}


/* the length of a version in front, with its slash */

static ngx_uint_t
ngx_http_ai_endpoint_version(ngx_str_t *path)
{
    ngx_str_t  *v;

    static ngx_str_t  versions[] = {
        ngx_string("v1"),
        ngx_string("v1beta"),
        ngx_null_string
    };

    for (v = versions; v->len; v++) {

        if (path->len < v->len
            || ngx_strncmp(path->data, v->data, v->len) != 0)
        {
            continue;
        }

        if (path->len == v->len) {
            return v->len;
        }

        if (path->data[v->len] == '/') {
            return v->len + 1;
        }
    }

    return 0;
}
