
/*
 * The size of a prompt.  A long one is counted in slices, between which the
 * worker does its other work.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_COUNT_SLICE   (64 * 1024)       /* bytes, about 1 ms */
#define NGX_HTTP_AI_COUNT_SLICES  8         /* where it cannot wait */

/* tokens that a provider may add of its own: a preamble for tools */
#define NGX_HTTP_AI_COUNT_ADDED   1024

/* the longest spelling of "type" */
#define NGX_HTTP_AI_COUNT_TYPE                                                \
    (sizeof("\"\\u0074\\u0079\\u0070\\u0065\"") - 1)


static ngx_uint_t ngx_http_ai_count_wanted(ngx_http_ai_ctx_t *ctx);
static ngx_uint_t ngx_http_ai_count_bound(ngx_http_ai_ctx_t *ctx);
static ngx_uint_t ngx_http_ai_count_is_text(const ngx_http_ai_ctx_t *ctx);
static ngx_uint_t ngx_http_ai_count_is_text_type(const u_char *p, size_t len);
static ngx_int_t ngx_http_ai_count_start(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_str_t *model);
static ngx_int_t ngx_http_ai_count_decode(ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_count_slice(ngx_http_ai_count_t *count);
static int64_t ngx_http_ai_count_rest(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_count_t *count, int64_t bytes);
static void ngx_http_ai_count_next(ngx_event_t *ev);
static void ngx_http_ai_count_cleanup(void *data);


ngx_int_t
ngx_http_ai_count_request(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    int64_t     tokens;
    ngx_int_t   rc;
    ngx_uint_t  exact;

    if (ctx->sized || !ngx_http_ai_count_wanted(ctx)) {
        return NGX_OK;
    }

    ngx_http_ai_enter(ctx);
    rc = ngx_http_ai_count_prompt(r, ctx, &ctx->request_model, 1, &tokens,
                                  &exact);
    ngx_http_ai_leave(ctx);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ctx->sized = 1;
    ctx->bounded = 0;

    if (rc == NGX_OK) {
        ctx->prompt_est = tokens;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_ai_count_wanted(ngx_http_ai_ctx_t *ctx)
{
    const ngx_http_ai_route_t            *route;
    const ngx_http_ai_count_main_conf_t  *conf;

    conf = &ngx_http_ai_main_conf(ctx->request)->count;
    route = ctx->conf->pass.route;

    if (ctx->error.kind != AI_ERR_NONE
        || ctx->conf->count.mode == NGX_HTTP_AI_COUNT_ESTIMATE
        || (ctx->op != NGX_HTTP_AI_OP_CHAT && ctx->op != NGX_HTTP_AI_OP_CALL))
    {
        return 0;
    }

    if (ngx_http_ai_limit_counts(ctx) && !ngx_http_ai_count_bound(ctx)) {
        return 1;
    }

    if (conf->prompt || ctx->conf->count.mode == NGX_HTTP_AI_COUNT_TOKENIZER) {
        return 1;
    }

    if (conf->sized && (route == NULL || route->sized)) {
        return 1;
    }

    /* there are never more tokens than bytes */

    return (int64_t) ctx->body.len > conf->context;
}


/*
 * Limits are content with a bound while they are far from their end: a text
 * has no more tokens than bytes.  They count it themselves when they come
 * near, which cannot wait and so must not take long.
 */

static ngx_uint_t
ngx_http_ai_count_bound(ngx_http_ai_ctx_t *ctx)
{
    if (ctx->op != NGX_HTTP_AI_OP_CHAT
        || ctx->body.len > NGX_HTTP_AI_COUNT_SLICE
        || !ngx_http_ai_count_is_text(ctx))
    {
        return 0;
    }

    ctx->bounded = 1;
    ctx->prompt_max = (int64_t) ctx->body.len + NGX_HTTP_AI_COUNT_ADDED;

    return 1;
}


/*
 * Of APIs where every part that is no text has a "type", and of plain
 * spellings.  What is not known is none.
 */

static ngx_uint_t
ngx_http_ai_count_is_text(const ngx_http_ai_ctx_t *ctx)
{
    ai_ref_t               i, v, last;
    const ai_json_node_t  *node;

    v = ctx->peek.messages_ref;

    if (v == AI_JSON_NONE
        || ctx->peek.images
        || (ctx->dialect->family != AI_FAMILY_OPENAI
            && ctx->dialect->family != AI_FAMILY_ANTHROPIC
            && ctx->dialect->family != AI_FAMILY_RESPONSES))
    {
        return 0;
    }

    last = ctx->doc.node[v].next;

    for (i = v; i < last; i++) {
        node = &ctx->doc.node[i];

        if (node->type != AI_JSON_STRING) {
            continue;
        }

        if (node->escaped && node->len <= NGX_HTTP_AI_COUNT_TYPE) {
            return 0;
        }

        if (node->len != sizeof("\"type\"") - 1
            || ngx_memcmp(ctx->doc.text + node->off, "\"type\"", 6) != 0
            || i + 1 == last
            || node[1].type != AI_JSON_STRING)
        {
            continue;
        }

        if (!ngx_http_ai_count_is_text_type(ctx->doc.text + node[1].off + 1,
                                            node[1].len - 2))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_ai_count_is_text_type(const u_char *p, size_t len)
{
    ngx_uint_t  i;

    static const ngx_str_t  types[] = {
        ngx_string("text"), ngx_string("input_text"),
        ngx_string("output_text"), ngx_string("message"),
        ngx_string("function"), ngx_string("tool_use"),
        ngx_string("tool_result"), ngx_string("function_call"),
        ngx_string("function_call_output"), ngx_string("ephemeral"),
        ngx_string("thinking"), ngx_string("refusal")
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].len == len && ngx_memcmp(types[i].data, p, len) == 0) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_ai_count_bounded(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    int64_t     tokens;
    ngx_uint_t  exact;

    ctx->sized = 1;
    ctx->bounded = 0;

    if (ngx_http_ai_count_prompt(r, ctx, &ctx->request_model, 0, &tokens,
                                 &exact)
        == NGX_OK)
    {
        ctx->prompt_est = tokens;
    }
}


ngx_int_t
ngx_http_ai_count_prompt(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_str_t *model, ngx_uint_t may_wait, int64_t *tokens,
    ngx_uint_t *exact)
{
    int64_t               bytes;
    ngx_int_t             rc;
    ngx_http_ai_count_t  *count;

    rc = ngx_http_ai_count_start(r, ctx, model);
    if (rc != NGX_OK) {
        return rc;
    }

    count = ctx->count;
    bytes = 0;

    while (count->tokens == -1) {

        if (ngx_http_ai_count_slice(count) == NGX_OK) {
            break;
        }

        if (may_wait) {

            if (!count->event.posted) {
                ngx_post_event(&count->event, &ngx_posted_next_events);
            }

            return NGX_AGAIN;
        }

        bytes += NGX_HTTP_AI_COUNT_SLICE;

        if (bytes >= NGX_HTTP_AI_COUNT_SLICES * NGX_HTTP_AI_COUNT_SLICE) {
            *tokens = ngx_http_ai_count_rest(ctx, count, bytes);
            *exact = 0;
            return NGX_OK;
        }
    }

    *tokens = count->tokens;
    *exact = count->model.exact;

    return NGX_OK;
}


/* ctx->count is that of the model; one that was made for another serves if it
 * comes to the same */

static ngx_int_t
ngx_http_ai_count_start(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_str_t *model)
{
    ai_token_model_t       m;
    ngx_pool_cleanup_t    *cln;
    ngx_http_ai_count_t   *count;
    const ai_tokenizer_t  *tokenizer;

    count = ctx->count;

    if (count && count->failed) {
        return NGX_DECLINED;
    }

    tokenizer = ngx_http_ai_count_model(r, model, 0, &m);
    if (tokenizer == NULL) {
        return NGX_DECLINED;
    }

    if (count && count->tokenizer == tokenizer
        && count->model.vendor == m.vendor && count->model.factor == m.factor
        && count->model.frame == m.frame && count->model.images == m.images)
    {
        return NGX_OK;
    }

    if (count == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_ai_count_t));
        if (cln == NULL) {
            return NGX_DECLINED;
        }

        count = cln->data;
        ngx_memzero(count, sizeof(ngx_http_ai_count_t));

        cln->handler = ngx_http_ai_count_cleanup;

        count->event.data = r;
        count->event.handler = ngx_http_ai_count_next;
        count->event.log = r->connection->log;

        ctx->count = count;
    }

    count->model = m;
    count->tokenizer = tokenizer;
    count->tokens = -1;

    if (ngx_http_ai_count_decode(ctx) != NGX_OK) {
        count->failed = 1;
        return NGX_DECLINED;
    }

    if (ctx->op == NGX_HTTP_AI_OP_CALL) {
        ai_prompt_init_call(&count->walk, &count->model, tokenizer,
                            ctx->call, &ctx->pool);
    } else {
        ai_prompt_init(&count->walk, &count->model, tokenizer, ctx->rq,
                       &ctx->pool);
    }

    /* most likely it goes where it comes from */

    count->walk.responses = (ctx->dialect->family == AI_FAMILY_RESPONSES);

    return NGX_OK;
}


/* a request that could not be translated may go through all the same: its
 * error is not told */

static ngx_int_t
ngx_http_ai_count_decode(ngx_http_ai_ctx_t *ctx)
{
    ai_error_t  err;

    ai_error_set(&err, AI_ERR_NONE, NULL);

    return ctx->op == NGX_HTTP_AI_OP_CALL
           ? ngx_http_ai_call_decode(ctx, &err)
           : ngx_http_ai_rewrite_decode(ctx, &err);
}


/* NGX_OK: that was all */

static ngx_int_t
ngx_http_ai_count_slice(ngx_http_ai_count_t *count)
{
    if (ai_prompt_step(&count->walk, NGX_HTTP_AI_COUNT_SLICE) == AI_AGAIN) {
        return NGX_AGAIN;
    }

    count->tokens = count->walk.tokens;

    return NGX_OK;
}


/* what was counted stands for what was not */

static int64_t
ngx_http_ai_count_rest(ngx_http_ai_ctx_t *ctx, ngx_http_ai_count_t *count,
    int64_t bytes)
{
    int64_t  tokens;

    tokens = ai_counter_tokens(&count->walk.counter) * count->model.factor
             / AI_FACTOR_ONE;
    tokens += count->walk.overhead;

    if (ctx->prompt_bytes <= bytes) {
        return tokens;
    }

    return tokens * ctx->prompt_bytes / bytes;
}


static void
ngx_http_ai_count_next(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_ai_count_cleanup(void *data)
{
    ngx_http_ai_count_t  *count = data;

    if (count->event.posted) {
        ngx_delete_posted_event(&count->event);
    }
}
