
/*
 * What a request asks for: its method and the end of its URI name an
 * operation and the dialect in which it is spoken to us.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_GET_HEAD   (NGX_HTTP_GET|NGX_HTTP_HEAD)
#define NGX_HTTP_AI_STORED     (NGX_HTTP_GET|NGX_HTTP_POST|NGX_HTTP_DELETE)


typedef struct {
    ngx_str_t                  path;        /* with a slash at its end: more
                                               follows */
    ngx_uint_t                 methods;
    ngx_http_ai_op_e           op;
    const ai_dialect_t        *dialect;
    ngx_str_t                  operation;
} ngx_http_ai_endpoint_t;


/* Gemini's "models/NAME:verb" */
typedef struct {
    ngx_str_t                  name;
    ngx_http_ai_op_e           op;
    const ai_dialect_t        *dialect;
    ngx_str_t                  operation;
} ngx_http_ai_verb_t;


static void ngx_http_ai_endpoint(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_http_ai_endpoint_t *ngx_http_ai_endpoint_find(
    ngx_http_ai_ctx_t *ctx, ngx_str_t *path);
static void ngx_http_ai_endpoint_take(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_endpoint_t *e, ngx_str_t *path);
static void ngx_http_ai_endpoint_unknown(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_str_t *path);
static ngx_uint_t ngx_http_ai_endpoint_is_beta(ngx_http_request_t *r,
    ngx_str_t *path);
static void ngx_http_ai_endpoint_stored(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_endpoint_t *e);
static void ngx_http_ai_endpoint_verb(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_str_t *path);
static ngx_str_t ngx_http_ai_endpoint_path(ngx_http_request_t *r);
static ngx_uint_t ngx_http_ai_endpoint_version(ngx_str_t *path);


#define ngx_http_ai_e(path, methods, op, dialect, operation)                  \
    { ngx_string(path), methods, NGX_HTTP_AI_OP_##op, &ai_dialect_##dialect,  \
      ngx_string(operation) }


static ngx_http_ai_endpoint_t  ngx_http_ai_endpoints[] = {

    ngx_http_ai_e("", NGX_HTTP_AI_GET_HEAD, BASE, openai, ""),

    ngx_http_ai_e("chat/completions", NGX_HTTP_POST, CHAT, openai, "chat"),
    ngx_http_ai_e("messages", NGX_HTTP_POST, CHAT, anthropic, "chat"),
    ngx_http_ai_e("responses", NGX_HTTP_POST, CHAT, responses, "chat"),
    ngx_http_ai_e("completions", NGX_HTTP_POST, CHAT, completions, "chat"),
    ngx_http_ai_e("api/chat", NGX_HTTP_POST, CHAT, ollama_chat, "chat"),
    ngx_http_ai_e("api/generate", NGX_HTTP_POST, CHAT, ollama_generate,
                  "chat"),

    ngx_http_ai_e("embeddings", NGX_HTTP_POST, CALL, openai_embeddings,
                  "embeddings"),
    ngx_http_ai_e("embed", NGX_HTTP_POST, CALL, cohere_embed, "embeddings"),
    ngx_http_ai_e("api/embed", NGX_HTTP_POST, CALL, ollama_embed,
                  "embeddings"),
    ngx_http_ai_e("rerank", NGX_HTTP_POST, CALL, rerank, "rerank"),
    ngx_http_ai_e("messages/count_tokens", NGX_HTTP_POST, CALL, count_tokens,
                  "count_tokens"),
    ngx_http_ai_e("responses/input_tokens", NGX_HTTP_POST, CALL,
                  responses_count, "count_tokens"),

    ngx_http_ai_e("models", NGX_HTTP_AI_GET_HEAD, MODELS, openai, "models"),
    ngx_http_ai_e("models/", NGX_HTTP_AI_GET_HEAD, MODEL, openai, "models"),
    ngx_http_ai_e("api/tags", NGX_HTTP_AI_GET_HEAD, TAGS, ollama_chat,
                  "models"),

    ngx_http_ai_e("responses/", NGX_HTTP_AI_STORED, RAW, responses,
                  "responses"),

    ngx_http_ai_e("moderations", NGX_HTTP_POST, MEDIA, openai_moderations,
                  "moderations"),
    ngx_http_ai_e("images/generations", NGX_HTTP_POST, MEDIA, openai_images,
                  "images"),
    ngx_http_ai_e("images/edits", NGX_HTTP_POST, FORM, openai_images,
                  "images"),
    ngx_http_ai_e("images/variations", NGX_HTTP_POST, FORM, openai_images,
                  "images"),
    ngx_http_ai_e("audio/speech", NGX_HTTP_POST, MEDIA, openai_audio,
                  "speech"),
    ngx_http_ai_e("audio/transcriptions", NGX_HTTP_POST, FORM, openai_audio,
                  "transcriptions"),
    ngx_http_ai_e("audio/translations", NGX_HTTP_POST, FORM, openai_audio,
                  "translations"),

    ngx_http_ai_e("files", NGX_HTTP_AI_STORED, RAW, openai_files, "files"),
    ngx_http_ai_e("files/", NGX_HTTP_AI_STORED, RAW, openai_files, "files"),
    ngx_http_ai_e("batches", NGX_HTTP_AI_STORED, RAW, openai_batches,
                  "batches"),
    ngx_http_ai_e("batches/", NGX_HTTP_AI_STORED, RAW, openai_batches,
                  "batches"),

    { ngx_null_string, 0, NGX_HTTP_AI_OP_NONE, NULL, ngx_null_string }
};


static ngx_http_ai_verb_t  ngx_http_ai_verbs[] = {

    { ngx_string("generateContent"),
      NGX_HTTP_AI_OP_CHAT, &ai_dialect_gemini, ngx_string("chat") },

    { ngx_string("streamGenerateContent"),
      NGX_HTTP_AI_OP_CHAT, &ai_dialect_gemini, ngx_string("chat") },

    { ngx_string("countTokens"), NGX_HTTP_AI_OP_CALL,
      &ai_dialect_gemini_count, ngx_string("count_tokens") },

    { ngx_string("embedContent"), NGX_HTTP_AI_OP_CALL,
      &ai_dialect_gemini_embed, ngx_string("embeddings") },

    { ngx_string("batchEmbedContents"), NGX_HTTP_AI_OP_CALL,
      &ai_dialect_gemini_batch_embed, ngx_string("embeddings") },

    { ngx_null_string, NGX_HTTP_AI_OP_NONE, NULL, ngx_null_string }
};


ngx_http_ai_ctx_t *
ngx_http_ai_ctx_create(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx_early(r);

    if (ctx == NULL || !ctx->early) {
        return ctx;
    }

    ctx->early = 0;
    ctx->conf = ngx_http_ai_loc_conf(r);

    ngx_http_ai_endpoint(r, ctx);

    return ctx;
}


ngx_http_ai_ctx_t *
ngx_http_ai_ctx_early(ngx_http_request_t *r)
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

    ctx->request = r->main;
    ctx->conf = ngx_http_ai_loc_conf(r->main);
    ctx->dialect = &ai_dialect_openai;
    ctx->start = ngx_http_ai_now();
    ctx->peek.model_ref = AI_JSON_NONE;
    ctx->peek.messages_ref = AI_JSON_NONE;
    ctx->peek.metadata_ref = AI_JSON_NONE;
    ctx->identity.rpm.amount = -1;
    ctx->identity.tpm.amount = -1;
    ctx->identity.budget.amount = -1;
    ctx->early = 1;
    ngx_http_ai_pool(&ctx->pool, r->pool);
    ai_json_init(&ctx->doc, &ctx->pool);

    ngx_http_set_ctx(r->main, ctx, ngx_http_ai_gateway_module);

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

    e = ngx_http_ai_endpoint_find(ctx, &path);

    if (e) {
        ngx_http_ai_endpoint_take(r, ctx, e, &path);

    } else {
        ngx_http_ai_endpoint_unknown(r, ctx, &path);
    }
}


static ngx_http_ai_endpoint_t *
ngx_http_ai_endpoint_find(ngx_http_ai_ctx_t *ctx, ngx_str_t *path)
{
    ngx_http_ai_endpoint_t  *e;

    for (e = ngx_http_ai_endpoints; e->dialect; e++) {

        if (path->len < e->path.len
            || ngx_strncmp(path->data, e->path.data, e->path.len) != 0)
        {
            continue;
        }

        if (e->path.len && e->path.data[e->path.len - 1] == '/') {

            if (path->len == e->path.len) {
                continue;
            }

            ctx->model_id.data = path->data + e->path.len;
            ctx->model_id.len = path->len - e->path.len;

            return e;
        }

        if (path->len == e->path.len) {
            return e;
        }

        /* there is nothing behind it, which is told in its dialect */

        if (e->path.len && path->data[e->path.len] == '/') {
            ctx->dialect = e->dialect;
        }
    }

    return NULL;
}


static void
ngx_http_ai_endpoint_take(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_endpoint_t *e, ngx_str_t *path)
{
    ctx->op = e->op;
    ctx->dialect = e->dialect;
    ctx->operation = e->operation;
    ctx->name = *path;

    if (e->op >= NGX_HTTP_AI_OP_MODELS && e->op <= NGX_HTTP_AI_OP_MODEL
        && ngx_http_ai_endpoint_is_beta(r, path))
    {
        ctx->dialect = &ai_dialect_gemini;
    }

    if (e->op == NGX_HTTP_AI_OP_RAW) {
        ngx_http_ai_endpoint_stored(ctx, e);
    }

    if (r->method & e->methods) {
        return;
    }

    ctx->methods = e->methods;

    /* who asks for a WebSocket goes on with POST after a 426 */

    ai_error_set(&ctx->error,
                 e->dialect == &ai_dialect_responses
                 && r->headers_in.upgrade ? AI_ERR_UPGRADE : AI_ERR_METHOD,
                 NULL);
}


static void
ngx_http_ai_endpoint_unknown(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_str_t *path)
{
    if (ngx_http_ai_endpoint_is_beta(r, path)) {
        ctx->dialect = &ai_dialect_gemini;
    }

    if (!ngx_http_ai_main_conf(r)->provider.passthrough) {
        ai_error_set(&ctx->error, AI_ERR_NOT_FOUND, NULL);
        return;
    }

    ctx->op = NGX_HTTP_AI_OP_RAW;
    ngx_str_set(&ctx->operation, "passthrough");
    ctx->name = *path;
    ctx->modelless = 1;
    ctx->passthrough = 1;
}


/* OpenAI and Anthropic have no "v1beta" */

static ngx_uint_t
ngx_http_ai_endpoint_is_beta(ngx_http_request_t *r, ngx_str_t *path)
{
    return path->data - r->uri.data >= 8
           && ngx_strncmp(path->data - 8, "/v1beta/", 8) == 0;
}


/* what a provider keeps is with the provider that made it */

static void
ngx_http_ai_endpoint_stored(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_endpoint_t *e)
{
    size_t  len;

    ctx->modelless = 1;

    if (e->dialect != &ai_dialect_responses) {
        return;
    }

    for (len = 0; len < ctx->model_id.len; len++) {
        if (ctx->model_id.data[len] == '/') {
            break;
        }
    }

    ctx->pin = ngx_http_ai_pin_hash(ctx->model_id.data, len);
}


/*
 * Gemini's "models/NAME:verb": the model and the stream are in the URI, and
 * without "alt=sse" a stream is one JSON array.
 */

static void
ngx_http_ai_endpoint_verb(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_str_t *path)
{
    u_char              *p, *last;
    ngx_str_t            verb, alt;
    ngx_http_ai_verb_t  *v;

    ctx->dialect = &ai_dialect_gemini;

    last = path->data + path->len;

    for (p = last - 1; p > path->data && *p != ':'; p--) { /* void */ }

    verb.data = p + 1;
    verb.len = last - verb.data;

    for (v = ngx_http_ai_verbs; v->dialect; v++) {
        if (v->name.len == verb.len
            && ngx_strncmp(v->name.data, verb.data, verb.len) == 0)
        {
            break;
        }
    }

    if (v->dialect == NULL) {
        ai_error_set(&ctx->error, AI_ERR_NOT_FOUND, NULL);
        return;
    }

    ctx->op = v->op;
    ctx->dialect = v->dialect;
    ctx->operation = v->operation;
    ctx->peek.model.data = path->data + 7;
    ctx->peek.model.len = p - ctx->peek.model.data;

    if (verb.data[0] != 's') {
        return;
    }

    /* streamGenerateContent */

    ctx->peek.stream = 1;

    ctx->array = (ngx_http_arg(r, (u_char *) "alt", 3, &alt) != NGX_OK
                  || alt.len != 3
                  || ngx_strncmp(alt.data, "sse", 3) != 0);
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

        /* "api/" is a part of Ollama's paths, whatever the location is */

        if (path.data - r->uri.data >= 5
            && ngx_strncmp(path.data - 5, "/api/", 5) == 0)
        {
            path.data -= 4;
            path.len += 4;
            return path;
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
        ngx_string("v2"),
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
