
/*
 * Counting tokens at Amazon Bedrock, of a Converse request.  It knows models,
 * not the profiles of several regions that their names have in front.
 */

#include <provider/ai_bedrock_int.h>
#include <provider/ai_service_int.h>


static void ai_bedrock_count_path(const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *b);
static ai_int_t ai_bedrock_count_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_bedrock_count_answer(const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);
static void ai_bedrock_count_target(const ai_target_t *t, ai_target_t *out);


const ai_service_t  ai_bedrock_count_tokens = {
    .kind = AI_CALL_COUNT,
    .family = AI_FAMILY_NONE,
    .path = ai_bedrock_count_path,
    .build = ai_bedrock_count_build,
    .answer = ai_bedrock_count_answer
};


static void
ai_bedrock_count_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b)
{
    ai_target_t  target;

    (void) call;

    ai_bedrock_count_target(t, &target);
    ai_service_path(&target, "/converse", "/count-tokens", b);
}


static ai_int_t
ai_bedrock_count_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_target_t  target;

    static const ai_str_t  names[] = {
        ai_string("messages"), ai_string("system"), ai_string("toolConfig")
    };

    ai_bedrock_count_target(t, &target);

    ai_buf_lit(body, "{\"input\":{\"converse\":{");

    if (ai_count_members(ai_bedrock_build, &target, call, pool, names,
                         sizeof(names) / sizeof(names[0]), body, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_count_end("}}}", body, err);
}


static ai_int_t
ai_bedrock_count_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    (void) call;

    return ai_count_answer(t, body, pool, "inputTokens", NULL, res, err);
}


static void
ai_bedrock_count_target(const ai_target_t *t, ai_target_t *out)
{
    size_t  i, len;

    static const char  *const profiles[] = {
        "us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "global."
    };

    *out = *t;

    for (i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        if (ai_str_starts(&t->model, profiles[i])) {
            len = strlen(profiles[i]);
            out->model.data += len;
            out->model.len -= len;
            return;
        }
    }
}
