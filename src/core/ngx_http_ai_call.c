
/*
 * Operations with one document for an answer: embeddings, rerank, counting.
 */

#include <core/ngx_http_ai.h>


static ngx_uint_t ngx_http_ai_call_has_media(const ai_request_t *rq);
static ngx_int_t ngx_http_ai_call_count_send(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, int64_t tokens);
static ngx_int_t ngx_http_ai_call_reply(ngx_http_ai_ctx_t *ctx,
    const ai_result_t *res, ngx_str_t *model, const ai_pool_t *pool,
    ai_buf_t *out);


ngx_int_t
ngx_http_ai_call_decode(ngx_http_ai_ctx_t *ctx, ai_error_t *err)
{
    ai_call_t  *call;

    if (ctx->call) {
        return NGX_OK;
    }

    call = ngx_palloc(ctx->request->pool, sizeof(ai_call_t));
    ctx->rq_dropped = ngx_palloc(ctx->request->pool, sizeof(ai_dropped_t));

    if (call == NULL || ctx->rq_dropped == NULL) {
        return NGX_ERROR;
    }

    ai_call_init(call, ctx->dialect->form->kind);
    ctx->rq_dropped->n = 0;

    if (ctx->dialect->form->decode(&ctx->doc, &ctx->peek, &ctx->pool, call,
                                   ctx->rq_dropped, err)
        != AI_OK)
    {
        return NGX_ERROR;
    }

    ctx->call = call;

    return NGX_OK;
}


/*
 * A provider's answer; a client of the same API gets its bytes, once they are
 * known to be an answer.  NGX_DECLINED: it is none, *err may say why.
 */

ngx_int_t
ngx_http_ai_call_answer(ngx_http_ai_attempt_t *at, ai_error_t *err)
{
    ai_str_t     body;
    ai_target_t  target;
    ai_result_t  res;

    body = ai_buf_str(&at->whole);

    ngx_http_ai_target(at, &target);
    ai_result_init(&res, at->ctx->call->kind);
    ai_error_set(err, AI_ERR_NONE, NULL);

    if (at->service->answer(&target, at->ctx->call, &body, &at->ai_pool, &res,
                            err)
        != AI_OK)
    {
        return NGX_DECLINED;
    }

    at->usage = res.usage;

    if (res.id.len
        && ai_str_dup(&at->ai_pool, &at->response_id, &res.id) != AI_OK)
    {
        return NGX_ERROR;
    }

    if (!at->translate) {
        at->out = at->whole;
        return NGX_OK;
    }

    return ngx_http_ai_call_reply(at->ctx, &res, &at->candidate->model,
                                  &at->ai_pool, &at->out);
}


/* a provider need not be asked for what its vocabulary tells */

ngx_int_t
ngx_http_ai_call_count_known(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    int64_t     tokens;
    ngx_int_t   rc;
    ai_error_t  err;
    ngx_uint_t  exact;

    ai_error_set(&err, AI_ERR_NONE, NULL);

    if (ctx->ncandidates == 0
        || ctx->conf->count.mode == NGX_HTTP_AI_COUNT_ESTIMATE
        || !ngx_http_ai_count_is_exact(r, &ctx->candidates[0].model)
        || ngx_http_ai_call_decode(ctx, &err) != NGX_OK
        || ngx_http_ai_call_has_media(&ctx->call->u.chat))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_ai_count_prompt(r, ctx, &ctx->candidates[0].model, 1,
                                  &tokens, &exact);

    switch (rc) {

    case NGX_OK:
        return ngx_http_ai_call_count_send(r, ctx, tokens);

    case NGX_AGAIN:
        return NGX_DONE;

    default:
        return rc;
    }
}


/* what a file or a picture is worth, the provider knows best */

static ngx_uint_t
ngx_http_ai_call_has_media(const ai_request_t *rq)
{
    const ai_turn_t   *turn;
    const ai_block_t  *b, *in;

    for (turn = rq->turns; turn; turn = turn->next) {
        for (b = turn->blocks; b; b = b->next) {
            if (b->kind == AI_BLOCK_IMAGE || b->kind == AI_BLOCK_FILE
                || b->kind == AI_BLOCK_AUDIO)
            {
                return 1;
            }

            for (in = b->content; in; in = in->next) {
                if (in->kind != AI_BLOCK_TEXT) {
                    return 1;
                }
            }
        }
    }

    return 0;
}


/* no target can count: what we estimate is better than nothing */

ngx_int_t
ngx_http_ai_call_count(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    int64_t     tokens;
    ngx_uint_t  exact;
    ai_error_t  err;

    ai_error_set(&err, AI_ERR_NONE, NULL);

    if (ngx_http_ai_call_decode(ctx, &err) != NGX_OK) {

        if (err.kind == AI_ERR_NONE) {
            ai_error_set(&err, AI_ERR_SERVER, NULL);
        }

        ctx->error = err;

        return ngx_http_ai_error_send(r, &ctx->error);
    }

    if (ctx->conf->count.mode == NGX_HTTP_AI_COUNT_ESTIMATE
        || ngx_http_ai_count_prompt(r, ctx, ctx->ncandidates
                                            ? &ctx->candidates[0].model
                                            : &ctx->model,
                                    0, &tokens, &exact)
           != NGX_OK)
    {
        tokens = ctx->prompt_est;
    }

    return ngx_http_ai_call_count_send(r, ctx, tokens);
}


static ngx_int_t
ngx_http_ai_call_count_send(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    int64_t tokens)
{
    ai_buf_t     b;
    ngx_str_t    json;
    ai_result_t  res;

    ai_result_init(&res, AI_CALL_COUNT);
    res.tokens = tokens;

    ai_buf_init(&b, &ctx->pool);

    if (ngx_http_ai_call_reply(ctx, &res, &ctx->model, &ctx->pool, &b)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ai_error_set(&ctx->error, AI_ERR_NONE, NULL);

    json.data = b.start;
    json.len = ai_buf_len(&b);

    return ngx_http_ai_json_send(r, NGX_HTTP_OK, &json);
}


static ngx_int_t
ngx_http_ai_call_reply(ngx_http_ai_ctx_t *ctx, const ai_result_t *res,
    ngx_str_t *model, const ai_pool_t *pool, ai_buf_t *out)
{
    ai_buf_t        id;
    ai_call_conf_t  conf;

    ai_buf_init(&id, pool);
    ngx_http_ai_random_id(&id);

    if (id.failed) {
        return NGX_ERROR;
    }

    conf.id = ai_buf_str(&id);
    conf.model = ai_str(model);
    conf.created = ngx_time();

    if (ctx->dialect->form->reply(ctx->call, res, &conf, pool, out) != AI_OK
        || out->failed)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
