
/*
 * The request for one provider: the client's own bytes with a few spans
 * exchanged, or a new body written from the decoded request.
 */

#include <core/ngx_http_ai.h>


static ngx_int_t ngx_http_ai_rewrite_splice(ngx_http_ai_attempt_t *at,
    ai_target_t *target);
static ai_int_t ngx_http_ai_rewrite_edit(ngx_http_ai_attempt_t *at,
    ai_target_t *target, ai_splice_t *splice);
static ngx_int_t ngx_http_ai_rewrite_build(ngx_http_ai_attempt_t *at,
    ai_target_t *target);
static ngx_int_t ngx_http_ai_rewrite_add(ngx_http_ai_attempt_t *at,
    ngx_chain_t ***last, u_char *start, size_t len);


/* NGX_DECLINED: this target cannot serve it, at->error says why */

ngx_int_t
ngx_http_ai_rewrite(ngx_http_ai_attempt_t *at)
{
    ngx_int_t           rc;
    ai_target_t         target;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    target.provider = at->provider->api;
    target.model = ai_str(&at->candidate->model);
    target.max_output = at->candidate->max_output;

    if (at->translate) {
        rc = ngx_http_ai_rewrite_build(at, &target);
    } else {
        ctx->dropped.n = 0;
        rc = ngx_http_ai_rewrite_splice(at, &target);
    }

    if (rc != NGX_OK && at->error.kind != AI_ERR_NONE) {
        return NGX_DECLINED;
    }

    return rc;
}


static ngx_int_t
ngx_http_ai_rewrite_splice(ngx_http_ai_attempt_t *at, ai_target_t *target)
{
    u_char              *text;
    size_t               pos, len;
    uint32_t             i;
    ai_edit_t           *edit;
    ai_splice_t         *splice;
    ngx_chain_t        **last;
    ngx_http_ai_ctx_t   *ctx;

    ctx = at->ctx;

    splice = ngx_pcalloc(at->pool, sizeof(ai_splice_t));
    if (splice == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_ai_rewrite_edit(at, target, splice) != AI_OK
        || ai_splice_finish(splice, &ctx->doc, &len) != AI_OK)
    {
        return NGX_ERROR;
    }

    /* the spans between the edits stay where the client's body is */

    text = ctx->body.data;
    last = &at->body;
    pos = 0;

    for (i = 0; i < splice->n; i++) {
        edit = &splice->edit[i];

        if (ngx_http_ai_rewrite_add(at, &last, text + pos, edit->off - pos)
            != NGX_OK
            || ngx_http_ai_rewrite_add(at, &last, edit->with.data,
                                       edit->with.len)
               != NGX_OK
            || ngx_http_ai_rewrite_add(at, &last, (u_char *) ",", edit->comma)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        pos = edit->off + edit->len;
    }

    at->body_len = len;

    return ngx_http_ai_rewrite_add(at, &last, text + pos,
                                   ctx->body.len - pos);
}


/* what has to be another in the body of a client of the same API */

static ai_int_t
ngx_http_ai_rewrite_edit(ngx_http_ai_attempt_t *at, ai_target_t *target,
    ai_splice_t *splice)
{
    ai_raw_t            raw;
    ai_buf_t            model;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    if (ctx->dialect == &ai_dialect_openai) {
        return ai_openai_edit(target, &ctx->doc, &ctx->peek, &at->ai_pool,
                              splice, &ctx->dropped, &at->error);
    }

    if (ctx->peek.model_ref == AI_JSON_NONE
        || ai_str_eq(&ctx->peek.model, &target->model))
    {
        return AI_OK;
    }

    ai_buf_init(&model, &at->ai_pool);
    ai_buf_quote(&model, &target->model);

    if (model.failed) {
        return AI_ERROR;
    }

    raw = ai_buf_str(&model);
    ai_splice_replace(splice, &ctx->doc, ctx->peek.model_ref, &raw);

    return AI_OK;
}


static ngx_int_t
ngx_http_ai_rewrite_build(ngx_http_ai_attempt_t *at, ai_target_t *target)
{
    ai_buf_t             body;
    ai_request_t        *rq;
    ngx_chain_t        **last;
    ngx_http_ai_ctx_t   *ctx;

    ctx = at->ctx;

    if (ctx->rq == NULL) {

        rq = ngx_palloc(ctx->request->pool, sizeof(ai_request_t));
        if (rq == NULL) {
            return NGX_ERROR;
        }

        ctx->rq_dropped.n = 0;

        if (ctx->dialect->decode(&ctx->doc, &ctx->peek, &ctx->pool, rq,
                                 &ctx->rq_dropped, &at->error)
            != AI_OK)
        {
            return NGX_ERROR;
        }

        ctx->rq = rq;
    }

    ctx->dropped = ctx->rq_dropped;

    ai_buf_init(&body, &at->ai_pool);

    if (ai_buf_reserve(&body, ctx->body.len + 256) != AI_OK
        || target->provider->build(target, ctx->rq, &at->ai_pool, &body,
                                   &ctx->dropped, &at->error)
           != AI_OK
        || body.failed)
    {
        return NGX_ERROR;
    }

    at->body_len = ai_buf_len(&body);
    last = &at->body;

    return ngx_http_ai_rewrite_add(at, &last, body.start, ai_buf_len(&body));
}


static ngx_int_t
ngx_http_ai_rewrite_add(ngx_http_ai_attempt_t *at, ngx_chain_t ***last,
    u_char *start, size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (len == 0) {
        return NGX_OK;
    }

    cl = ngx_alloc_chain_link(at->pool);
    b = ngx_calloc_buf(at->pool);

    if (cl == NULL || b == NULL) {
        return NGX_ERROR;
    }

    b->start = start;
    b->pos = start;
    b->last = start + len;
    b->end = b->last;
    b->memory = 1;

    cl->buf = b;
    cl->next = NULL;

    **last = cl;
    *last = &cl->next;

    return NGX_OK;
}
