
/*
 * Rerank at Cohere, at those who follow it, and at Hugging Face's TEI.
 *
 * Texts alone are sent: what an answer repeats of the documents is taken from
 * the request.
 */

#include <provider/ai_rerank_upstream_int.h>


static void ai_rerank_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static void ai_rerank_path_v2(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static ai_int_t ai_cohere_rerank_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_jina_rerank_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_voyage_rerank_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_openai_rerank_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_tei_rerank_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);


static const ai_rerank_vendor_t  ai_rerank_at_cohere = {
    .list = "documents",
    .top = "top_n",
    .max_tokens = "max_tokens_per_doc",
    .model = 1,
    .cuts = 1
};

static const ai_rerank_vendor_t  ai_rerank_at_jina = {
    .list = "documents",
    .top = "top_n",
    .model = 1,
    .quiet = 1,
    .cuts = 1
};

static const ai_rerank_vendor_t  ai_rerank_at_voyage = {
    .list = "documents",
    .top = "top_k",
    .truncate = "truncation",
    .model = 1,
    .cuts = 1
};

/* vLLM, Together, Fireworks, Infinity, and whoever else has the path */

static const ai_rerank_vendor_t  ai_rerank_at_openai = {
    .list = "documents",
    .top = "top_n",
    .model = 1,
    .quiet = 1,
    .instruction = 1
};

static const ai_rerank_vendor_t  ai_rerank_at_tei = {
    .list = "texts",
    .truncate = "truncate",
    .raw_scores = 1
};


const ai_service_t  ai_cohere_rerank = {
    .kind = AI_CALL_RERANK,
    .family = AI_FAMILY_NONE,
    .path = ai_rerank_path_v2,
    .build = ai_cohere_rerank_build,
    .answer = ai_rerank_answer
};

const ai_service_t  ai_jina_rerank = {
    .kind = AI_CALL_RERANK,
    .family = AI_FAMILY_NONE,
    .path = ai_rerank_path,
    .build = ai_jina_rerank_build,
    .answer = ai_rerank_answer
};

const ai_service_t  ai_voyage_rerank = {
    .kind = AI_CALL_RERANK,
    .family = AI_FAMILY_NONE,
    .path = ai_rerank_path,
    .build = ai_voyage_rerank_build,
    .answer = ai_rerank_answer
};

const ai_service_t  ai_openai_rerank = {
    .kind = AI_CALL_RERANK,
    .family = AI_FAMILY_NONE,
    .path = ai_rerank_path,
    .build = ai_openai_rerank_build,
    .answer = ai_rerank_answer
};

const ai_service_t  ai_tei_rerank = {
    .kind = AI_CALL_RERANK,
    .family = AI_FAMILY_NONE,
    .path = ai_rerank_path,
    .build = ai_tei_rerank_build,
    .answer = ai_rerank_answer
};


static void
ai_rerank_path(const ai_target_t *t, const ai_call_t *call, ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/rerank");
}


static void
ai_rerank_path_v2(const ai_target_t *t, const ai_call_t *call, ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/v2/rerank");
}


static ai_int_t
ai_cohere_rerank_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    if (ai_rerank_body(&ai_rerank_at_cohere, t, call, body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_rerank_end(body, err);
}


static ai_int_t
ai_jina_rerank_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    if (ai_rerank_body(&ai_rerank_at_jina, t, call, body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_rerank_end(body, err);
}


static ai_int_t
ai_voyage_rerank_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    if (ai_rerank_body(&ai_rerank_at_voyage, t, call, body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_rerank_end(body, err);
}


static ai_int_t
ai_openai_rerank_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    if (ai_rerank_body(&ai_rerank_at_openai, t, call, body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_rerank_end(body, err);
}


/* the whole order comes back, of which the answer's reader keeps top_n */

static ai_int_t
ai_tei_rerank_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    if (ai_rerank_body(&ai_rerank_at_tei, t, call, body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_rerank_end(body, err);
}
