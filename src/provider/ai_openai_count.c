
/*
 * Counting tokens at OpenAI: of a request in the Responses API.
 */

#include <provider/ai_responses_upstream_int.h>
#include <provider/ai_service_int.h>


static void ai_openai_count_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static ai_int_t ai_openai_count_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_openai_count_answer(const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);


const ai_service_t  ai_openai_count_tokens = {
    .kind = AI_CALL_COUNT,
    .family = AI_FAMILY_RESPONSES,
    .path = ai_openai_count_path,
    .build = ai_openai_count_build,
    .answer = ai_openai_count_answer
};


static void
ai_openai_count_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/responses/input_tokens");
}


static ai_int_t
ai_openai_count_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    static const ai_str_t  names[] = {
        ai_string("model"), ai_string("input"), ai_string("instructions"),
        ai_string("tools"), ai_string("tool_choice"), ai_string("text"),
        ai_string("reasoning"), ai_string("parallel_tool_calls")
    };

    ai_buf_char(body, '{');

    if (ai_count_members(ai_rsp_build, t, call, pool, names,
                         sizeof(names) / sizeof(names[0]), body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_count_end("}", body, err);
}


static ai_int_t
ai_openai_count_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    (void) call;

    return ai_count_answer(t, body, pool, "input_tokens", NULL, res, err);
}
