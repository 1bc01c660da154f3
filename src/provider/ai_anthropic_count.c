
/*
 * Counting tokens in Anthropic's API, at home and on Vertex AI.  It refuses
 * what only tunes an answer.
 */

#include <provider/ai_anthropic_int.h>
#include <provider/ai_service_int.h>


static void ai_anthropic_count_path(const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *b);
static ai_int_t ai_anthropic_count_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_anthropic_count_answer(const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);
static void ai_vertex_anthropic_count_path(const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *b);
static ai_int_t ai_vertex_anthropic_count_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_anthropic_count_members(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *b,
    ai_dropped_t *dropped, ai_error_t *err);


const ai_service_t  ai_anthropic_count_tokens = {
    .kind = AI_CALL_COUNT,
    .family = AI_FAMILY_ANTHROPIC,
    .path = ai_anthropic_count_path,
    .build = ai_anthropic_count_build,
    .answer = ai_anthropic_count_answer
};

const ai_service_t  ai_vertex_anthropic_count_tokens = {
    .kind = AI_CALL_COUNT,
    .family = AI_FAMILY_NONE,
    .path = ai_vertex_anthropic_count_path,
    .build = ai_vertex_anthropic_count_build,
    .answer = ai_anthropic_count_answer
};


static void
ai_anthropic_count_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/messages/count_tokens");
}


static ai_int_t
ai_anthropic_count_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_buf_char(body, '{');

    if (ai_anthropic_count_members(t, call, pool, body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_count_end("}", body, err);
}


static ai_int_t
ai_anthropic_count_members(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *b, ai_dropped_t *dropped,
    ai_error_t *err)
{
    static const ai_str_t  names[] = {
        ai_string("model"), ai_string("messages"), ai_string("system"),
        ai_string("tools"), ai_string("tool_choice"), ai_string("thinking"),
        ai_string("output_config")
    };

    return ai_count_members(ai_anthropic_build, t, call, pool, names,
                            sizeof(names) / sizeof(names[0]), b, dropped,
                            err);
}


static ai_int_t
ai_anthropic_count_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    (void) call;

    return ai_count_answer(t, body, pool, "input_tokens", NULL, res, err);
}


/* a model of that name counts for those the body names; the base ends in
 * "/publishers" */

static void
ai_vertex_anthropic_count_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/anthropic/models/count-tokens:rawPredict");
}


static ai_int_t
ai_vertex_anthropic_count_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_buf_lit(body, "{\"anthropic_version\":\"vertex-2023-10-16\",");

    if (ai_anthropic_count_members(t, call, pool, body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_count_end("}", body, err);
}
