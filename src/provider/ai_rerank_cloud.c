
/*
 * Rerank at Amazon Bedrock and at Vertex AI.
 *
 * Bedrock's own operation is of another host (bedrock-agent-runtime), so the
 * models are called as such: InvokeModel, in the API of their vendor.  The
 * ranking API of Vertex is of another host too (discoveryengine), whose base
 * is /v1/projects/P/locations/global.
 */

#include <provider/ai_rerank_upstream_int.h>
#include <provider/ai_service_int.h>


#define AI_RERANK_QUERY  100


static void ai_bedrock_rerank_path(const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *b);
static ai_int_t ai_bedrock_rerank_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static void ai_vertex_rerank_path(const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *b);
static ai_int_t ai_vertex_rerank_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_cloud_rerank_answer(const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);


static const ai_rerank_vendor_t  ai_rerank_at_amazon = {
    .list = "documents",
    .top = "top_n",
    .cuts = 1
};

static const ai_rerank_vendor_t  ai_rerank_at_bedrock = {
    .list = "documents",
    .top = "top_n",
    .max_tokens = "max_tokens_per_doc",
    .cuts = 1
};

static const ai_rerank_vendor_t  ai_rerank_at_vertex = {
    .list = "records",
    .top = "topN",
    .model = 1,
    .cuts = 1
};


const ai_service_t  ai_bedrock_rerank = {
    .kind = AI_CALL_RERANK,
    .family = AI_FAMILY_NONE,
    .path = ai_bedrock_rerank_path,
    .build = ai_bedrock_rerank_build,
    .answer = ai_cloud_rerank_answer
};

const ai_service_t  ai_vertex_rerank = {
    .kind = AI_CALL_RERANK,
    .family = AI_FAMILY_NONE,
    .path = ai_vertex_rerank_path,
    .build = ai_vertex_rerank_build,
    .answer = ai_cloud_rerank_answer
};


static void
ai_bedrock_rerank_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b)
{
    (void) call;

    ai_service_path(t, "/converse", "/invoke", b);
}


/* Cohere's models want the version of their API, Amazon's do not know it */

static ai_int_t
ai_bedrock_rerank_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_int_t         amazon;
    const ai_str_t  *model;

    (void) pool;

    model = &t->model;

    /* nothing that the path could be led astray with */

    if (model->len == 0 || ai_str_is(model, ".") || ai_str_is(model, "..")) {
        ai_error_set_param(err, AI_ERR_MODEL_NOT_FOUND, NULL,
                           &ai_lit("model"));
        return AI_ERROR;
    }

    amazon = ai_str_casefind(model, "amazon.");

    if (ai_rerank_body(amazon ? &ai_rerank_at_amazon : &ai_rerank_at_bedrock,
                       t, call, body, dropped, err) != AI_OK)
    {
        return AI_ERROR;
    }

    if (!amazon) {
        ai_buf_lit(body, ",\"api_version\":2");
    }

    return ai_rerank_end(body, err);
}


static void
ai_vertex_rerank_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/rankingConfigs/default_ranking_config:rank");
}


/* a record's id, which comes back, is its place */

static ai_int_t
ai_vertex_rerank_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    uint32_t              i;
    const ai_rerank_t    *rr;
    const ai_document_t  *d;

    (void) pool;

    rr = &call->u.rerank;

    if (ai_rerank_check(&ai_rerank_at_vertex, rr, dropped, err) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_lit(body, "{\"model\":");
    ai_buf_quote(body, &t->model);
    ai_buf_lit(body, ",\"query\":");
    ai_buf_quote_esc(body, &rr->query);
    ai_buf_lit(body, ",\"records\":[");

    i = 0;

    for (d = rr->documents; d != NULL; d = d->next) {
        ai_buf_cat(body, i ? &ai_lit(",{\"id\":\"") : &ai_lit("{\"id\":\""));
        ai_buf_int(body, i++);
        ai_buf_lit(body, "\",\"content\":");
        ai_buf_quote_esc(body, &d->text);
        ai_buf_char(body, '}');
    }

    ai_buf_char(body, ']');

    if (rr->top_n > 0) {
        ai_buf_lit(body, ",\"topN\":");
        ai_buf_int(body, ai_rerank_top(rr));
    }

    ai_buf_lit(body, ",\"ignoreRecordDetailsInResponse\":true");

    return ai_rerank_end(body, err);
}


/* both are billed by the query of up to so many documents, and say nothing of
 * it; that a long one counts as several is not seen here */

static ai_int_t
ai_cloud_rerank_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    if (ai_rerank_answer(t, call, body, pool, res, err) != AI_OK) {
        return AI_ERROR;
    }

    if (res->usage.searches < 0) {
        res->usage.searches = ((int64_t) call->u.rerank.n
                               + AI_RERANK_QUERY - 1) / AI_RERANK_QUERY;
    }

    return AI_OK;
}
