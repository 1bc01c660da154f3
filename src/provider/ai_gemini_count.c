
/*
 * Counting tokens at Gemini, which wants a whole request inside another one,
 * and on Vertex AI, where its fields are the root's.  A schema for the answer
 * counts too.
 */

#include <provider/ai_gemini_int.h>
#include <provider/ai_service_int.h>


static void ai_gemini_count_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static ai_int_t ai_gemini_count_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_gemini_count_answer(const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);
static ai_int_t ai_vertex_gemini_count_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);


const ai_service_t  ai_gemini_count_tokens = {
    .kind = AI_CALL_COUNT,
    .family = AI_FAMILY_GEMINI,
    .path = ai_gemini_count_path,
    .build = ai_gemini_count_build,
    .answer = ai_gemini_count_answer
};

const ai_service_t  ai_vertex_gemini_count_tokens = {
    .kind = AI_CALL_COUNT,
    .family = AI_FAMILY_NONE,
    .path = ai_gemini_count_path,
    .build = ai_vertex_gemini_count_build,
    .answer = ai_gemini_count_answer
};


static void
ai_gemini_count_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b)
{
    (void) call;

    ai_service_path(t, ":generateContent", ":countTokens", b);
}


static ai_int_t
ai_gemini_count_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    static const ai_str_t  names[] = {
        ai_string("contents"), ai_string("systemInstruction"),
        ai_string("tools"), ai_string("toolConfig"),
        ai_string("generationConfig")
    };

    ai_buf_lit(body, "{\"generateContentRequest\":{\"model\":\"");

    if (!ai_str_starts(&t->model, "models/")
        && !ai_str_starts(&t->model, "tunedModels/"))
    {
        ai_buf_lit(body, "models/");
    }

    ai_buf_escape(body, &t->model);
    ai_buf_lit(body, "\",");

    if (ai_count_members(ai_gemini_build, t, call, pool, names,
                         sizeof(names) / sizeof(names[0]), body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_count_end("}}", body, err);
}


static ai_int_t
ai_vertex_gemini_count_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    static const ai_str_t  names[] = {
        ai_string("contents"), ai_string("systemInstruction"),
        ai_string("tools"), ai_string("generationConfig")
    };

    ai_buf_char(body, '{');

    if (ai_count_members(ai_gemini_build, t, call, pool, names,
                         sizeof(names) / sizeof(names[0]), body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_count_end("}", body, err);
}


static ai_int_t
ai_gemini_count_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    (void) call;

    return ai_count_answer(t, body, pool, "totalTokens",
                           "cachedContentTokenCount", res, err);
}
