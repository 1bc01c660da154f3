
/*
 * The request for one provider: the client's own bytes with a few spans
 * exchanged, or a new body written from the decoded request.
 */

#include <core/ngx_http_ai.h>


/* a request of which something was left out */

typedef struct {
    ai_json_t            doc;
    ai_peek_t            peek;
} ngx_http_ai_rewrite_own_t;


/* what is spliced: the client's request, or one of those */

typedef struct {
    const ai_json_t     *doc;
    const ai_peek_t     *peek;
} ngx_http_ai_rewrite_from_t;


static ngx_int_t ngx_http_ai_rewrite_splice(ngx_http_ai_attempt_t *at,
    ai_target_t *target);
static ngx_int_t ngx_http_ai_rewrite_own(ngx_http_ai_attempt_t *at,
    ngx_http_ai_rewrite_from_t *from);
static ai_int_t ngx_http_ai_rewrite_edit(ngx_http_ai_attempt_t *at,
    ai_target_t *target, const ngx_http_ai_rewrite_from_t *from,
    ai_splice_t *splice);
static void ngx_http_ai_rewrite_model(ngx_http_ai_ctx_t *ctx,
    const ai_str_t *name, ai_buf_t *b);
static ngx_int_t ngx_http_ai_rewrite_build(ngx_http_ai_attempt_t *at,
    ai_target_t *target);
static ngx_int_t ngx_http_ai_rewrite_call(ngx_http_ai_attempt_t *at,
    ai_target_t *target);
static ngx_int_t ngx_http_ai_rewrite_raw(ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_rewrite_unable(ngx_http_ai_attempt_t *at);
static const ai_service_t *ngx_http_ai_rewrite_service(
    const ai_provider_t *api, ai_call_e kind);


/* NGX_DECLINED: this target cannot serve it, at->error says why */

ngx_int_t
ngx_http_ai_rewrite(ngx_http_ai_attempt_t *at)
{
    ngx_int_t           rc;
    ai_target_t         target;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    ngx_http_ai_target(at, &target);
    ctx->dropped.n = 0;

    switch (ctx->op) {

    case NGX_HTTP_AI_OP_CALL:
        rc = ngx_http_ai_rewrite_call(at, &target);
        break;

    case NGX_HTTP_AI_OP_MEDIA:
        rc = at->translate ? ngx_http_ai_rewrite_unable(at)
                           : ngx_http_ai_rewrite_splice(at, &target);
        break;

    case NGX_HTTP_AI_OP_FORM:
        rc = at->translate ? ngx_http_ai_rewrite_unable(at)
                           : ngx_http_ai_form_rewrite(at);
        break;

    case NGX_HTTP_AI_OP_RAW:
        rc = ngx_http_ai_rewrite_raw(at);
        break;

    default: /* NGX_HTTP_AI_OP_CHAT */
        rc = at->translate ? ngx_http_ai_rewrite_build(at, &target)
                           : ngx_http_ai_rewrite_splice(at, &target);
        break;
    }

    if (rc != NGX_OK) {
        return at->error.kind != AI_ERR_NONE ? NGX_DECLINED : rc;
    }

    if (ctx->op > NGX_HTTP_AI_OP_MEDIA) {
        return NGX_OK;
    }

    return ngx_http_ai_param_apply(at);
}


static ngx_int_t
ngx_http_ai_rewrite_splice(ngx_http_ai_attempt_t *at, ai_target_t *target)
{
    u_char              *text;
    size_t               pos, len;
    uint32_t             i;
    ai_edit_t           *edit;
    ai_splice_t          splice;
    ngx_chain_t        **last;

    ngx_http_ai_rewrite_from_t  from;

    ai_splice_init(&splice);

    if (ngx_http_ai_rewrite_own(at, &from) != NGX_OK
        || ngx_http_ai_rewrite_edit(at, target, &from, &splice) != AI_OK
        || ai_splice_finish(&splice, from.doc, &len) != AI_OK)
    {
        return NGX_ERROR;
    }

    /* the spans between the edits stay where the client's body is */

    text = (u_char *) from.doc->text;
    last = &at->body;
    pos = 0;

    for (i = 0; i < splice.n; i++) {
        edit = &splice.edit[i];

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
                                   from.doc->len - pos);
}


/*
 * An answer that came of another vendor's may have left state with the client
 * that only we can read.  A target of the client's own API refuses it, so that
 * it gets the request without.  The client's stays as it is for other targets.
 */

static ngx_int_t
ngx_http_ai_rewrite_own(ngx_http_ai_attempt_t *at,
    ngx_http_ai_rewrite_from_t *from)
{
    ai_buf_t                    body;
    ai_str_t                    text;
    ai_omit_t                   omit;
    ngx_http_ai_ctx_t          *ctx;
    ngx_http_ai_rewrite_own_t  *own;

    ctx = at->ctx;

    from->doc = &ctx->doc;
    from->peek = &ctx->peek;

    if (ctx->dialect->foreign == NULL) {
        return NGX_OK;
    }

    if (ctx->dialect->foreign(&ctx->doc, &at->ai_pool, &omit) != AI_OK) {
        return NGX_ERROR;
    }

    if (omit.n == 0) {
        return NGX_OK;
    }

    own = ngx_pcalloc(at->pool, sizeof(ngx_http_ai_rewrite_own_t));
    if (own == NULL) {
        return NGX_ERROR;
    }

    ai_buf_init(&body, &at->ai_pool);
    (void) ai_buf_reserve(&body, ctx->doc.len);
    ai_omit_write(&omit, &ctx->doc, &body);

    if (body.failed) {
        return NGX_ERROR;
    }

    text = ai_buf_str(&body);
    ai_json_init(&own->doc, &at->ai_pool);

    /* what the URI says is not in the body */

    own->peek.model = ctx->peek.model;
    own->peek.stream = ctx->peek.stream;

    if (ai_json_parse(&own->doc, &text, NULL) != AI_OK
        || ctx->dialect->peek(&own->doc, &at->ai_pool, &own->peek,
                              &at->error)
           != AI_OK)
    {
        return NGX_ERROR;
    }

    from->doc = &own->doc;
    from->peek = &own->peek;

    return NGX_OK;
}


/* what has to be another in the body of a client of the same API */

static ai_int_t
ngx_http_ai_rewrite_edit(ngx_http_ai_attempt_t *at, ai_target_t *target,
    const ngx_http_ai_rewrite_from_t *from, ai_splice_t *splice)
{
    ai_raw_t            raw;
    ai_buf_t            model;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    if (ctx->dialect == &ai_dialect_openai) {
        return ai_openai_edit(target, from->doc, from->peek, &at->ai_pool,
                              splice, &ctx->dropped, &at->error);
    }

    if (ngx_http_ai_is_chat(ctx) && at->api->edit) {
        at->api->edit(target, from->doc, from->peek, splice);
        return AI_OK;
    }

    if (ai_str_eq(&from->peek->model, &target->model)
        || (from->peek->model_ref == AI_JSON_NONE
            && ctx->op != NGX_HTTP_AI_OP_MEDIA))
    {
        return AI_OK;
    }

    ai_buf_init(&model, &at->ai_pool);

    if (from->peek->model_ref == AI_JSON_NONE) {
        ai_buf_lit(&model, "\"model\":");
    }

    ngx_http_ai_rewrite_model(ctx, &target->model, &model);

    if (model.failed) {
        return AI_ERROR;
    }

    raw = ai_buf_str(&model);

    if (from->peek->model_ref == AI_JSON_NONE) {
        ai_splice_insert(splice, from->doc, AI_JSON_ROOT, &raw);

    } else {
        ai_splice_replace(splice, from->doc, from->peek->model_ref, &raw);
    }

    return AI_OK;
}


/* bodies of Gemini's API have "models/NAME" */

static void
ngx_http_ai_rewrite_model(ngx_http_ai_ctx_t *ctx, const ai_str_t *name,
    ai_buf_t *b)
{
    if (ctx->dialect->family != AI_FAMILY_GEMINI
        || ai_str_starts(name, "models/")
        || ai_str_starts(name, "tunedModels/"))
    {
        ai_buf_quote(b, name);
        return;
    }

    ai_buf_lit(b, "\"models/");
    ai_buf_escape(b, name);
    ai_buf_char(b, '"');
}


static ngx_int_t
ngx_http_ai_rewrite_build(ngx_http_ai_attempt_t *at, ai_target_t *target)
{
    ai_buf_t            body;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    if (target->provider->build == NULL) {
        return ngx_http_ai_rewrite_unable(at);
    }

    if (ngx_http_ai_rewrite_decode(ctx, &at->error) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->dropped = *ctx->rq_dropped;

    ai_buf_init(&body, &at->ai_pool);

    if (ai_buf_reserve(&body, ctx->body.len + 256) != AI_OK
        || target->provider->build(target, ctx->rq, &at->ai_pool, &body,
                                   &ctx->dropped, &at->error)
           != AI_OK
        || body.failed)
    {
        return NGX_ERROR;
    }

    return ngx_http_ai_rewrite_whole(at, &body);
}


ngx_int_t
ngx_http_ai_rewrite_decode(ngx_http_ai_ctx_t *ctx, ai_error_t *err)
{
    ai_request_t  *rq;

    if (ctx->rq) {
        return NGX_OK;
    }

    rq = ngx_palloc(ctx->request->pool, sizeof(ai_request_t));
    ctx->rq_dropped = ngx_palloc(ctx->request->pool, sizeof(ai_dropped_t));

    if (rq == NULL || ctx->rq_dropped == NULL) {
        return NGX_ERROR;
    }

    ctx->rq_dropped->n = 0;

    if (ctx->dialect->decode(&ctx->doc, &ctx->peek, &ctx->pool, rq,
                             ctx->rq_dropped, err)
        != AI_OK)
    {
        return NGX_ERROR;
    }

    ctx->rq = rq;

    return NGX_OK;
}


/* one document asks: of a client of the same API its own bytes */

static ngx_int_t
ngx_http_ai_rewrite_call(ngx_http_ai_attempt_t *at, ai_target_t *target)
{
    ai_buf_t            body;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    at->service = ngx_http_ai_rewrite_service(at->api,
                                              ctx->dialect->form->kind);
    if (at->service == NULL) {
        return ngx_http_ai_rewrite_unable(at);
    }

    /* what was asked says how an answer is read */

    if (ngx_http_ai_call_decode(ctx, &at->error) != NGX_OK) {
        return NGX_ERROR;
    }

    at->translate = (at->service->family != ctx->dialect->family
                     || at->service->family == AI_FAMILY_NONE);

    if (!at->translate) {
        return ngx_http_ai_rewrite_splice(at, target);
    }

    ctx->dropped = *ctx->rq_dropped;
    ai_buf_init(&body, &at->ai_pool);

    if (at->service->build(target, ctx->call, &at->ai_pool, &body,
                           &ctx->dropped, &at->error)
        != AI_OK
        || body.failed)
    {
        return NGX_ERROR;
    }

    return ngx_http_ai_rewrite_whole(at, &body);
}


static const ai_service_t *
ngx_http_ai_rewrite_service(const ai_provider_t *api, ai_call_e kind)
{
    const ai_service_t  *const *s;

    if (api->services == NULL) {
        return NULL;
    }

    for (s = api->services; *s; s++) {
        if ((*s)->kind == kind) {
            return *s;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_ai_rewrite_raw(ngx_http_ai_attempt_t *at)
{
    ngx_chain_t         *cl, **last;
    ngx_http_request_t  *r;

    r = at->ctx->request;
    last = &at->body;

    cl = r->request_body ? r->request_body->bufs : NULL;

    for ( /* void */ ; cl; cl = cl->next) {
        at->body_len += ngx_buf_size(cl->buf);
    }

    return ngx_http_ai_rewrite_part(at, &last, 0, at->body_len);
}


/* the target has no such operation */

static ngx_int_t
ngx_http_ai_rewrite_unable(ngx_http_ai_attempt_t *at)
{
    ai_error_set(&at->error, AI_ERR_BAD_REQUEST,
                 "The provider of this model does not have this operation.");

    return NGX_ERROR;
}


/* a part of the client's body, which may be in a file */

ngx_int_t
ngx_http_ai_rewrite_part(ngx_http_ai_attempt_t *at, ngx_chain_t ***last,
    off_t off, off_t len)
{
    off_t                size;
    ngx_buf_t           *b, *from;
    ngx_chain_t         *cl, *in;
    ngx_http_request_t  *r;

    r = at->ctx->request;
    in = r->request_body ? r->request_body->bufs : NULL;

    for ( /* void */ ; in && len; in = in->next) {

        from = in->buf;
        size = ngx_buf_size(from);

        if (off >= size) {
            off -= size;
            continue;
        }

        size = ngx_min(size - off, len);

        cl = ngx_alloc_chain_link(at->pool);
        b = ngx_calloc_buf(at->pool);

        if (cl == NULL || b == NULL) {
            return NGX_ERROR;
        }

        if (from->in_file) {
            b->in_file = 1;
            b->file = from->file;
            b->file_pos = from->file_pos + off;
            b->file_last = b->file_pos + size;

        } else {
            b->memory = 1;
            b->start = from->pos + off;
            b->pos = b->start;
            b->last = b->pos + size;
            b->end = b->last;
        }

        cl->buf = b;
        cl->next = NULL;

        **last = cl;
        *last = &cl->next;

        len -= size;
        off = 0;
    }

    return NGX_OK;
}


/* a body that was written anew */

ngx_int_t
ngx_http_ai_rewrite_whole(ngx_http_ai_attempt_t *at, ai_buf_t *body)
{
    ngx_chain_t  **last;

    at->body = NULL;
    at->body_len = ai_buf_len(body);
    last = &at->body;

    return ngx_http_ai_rewrite_add(at, &last, body->start, ai_buf_len(body));
}


ngx_int_t
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
