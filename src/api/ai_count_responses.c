
/*
 * OpenAI's responses/input_tokens: a Responses request of which the tokens
 * are counted.
 */

#include <api/ai_openai.h>
#include <api/ai_responses.h>


static ai_int_t ai_count_responses_peek(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_count_responses_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_count_responses_reply(const ai_call_t *call,
    const ai_result_t *res, const ai_call_conf_t *conf,
    const ai_pool_t *pool, ai_buf_t *out);


static const ai_form_t  ai_count_responses_form = {
    .kind = AI_CALL_COUNT,
    .decode = ai_count_responses_decode,
    .reply = ai_count_responses_reply
};


const ai_dialect_t  ai_dialect_responses_count = {
    .name = ai_string("openai.count_tokens"),
    .family = AI_FAMILY_RESPONSES,
    .stream_type = ai_string(""),
    .peek = ai_count_responses_peek,
    .error = ai_openai_error,
    .foreign = ai_responses_foreign,
    .form = &ai_count_responses_form
};


static ai_int_t
ai_count_responses_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_int_t  rc;

    rc = ai_responses_peek(doc, pool, peek, err);

    peek->stream = 0;

    return rc;
}


static ai_int_t
ai_count_responses_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_call_init(call, AI_CALL_COUNT);

    call->model = peek->model;

    return ai_responses_decode(doc, peek, pool, &call->u.chat, dropped, err);
}


static ai_int_t
ai_count_responses_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    (void) call;
    (void) conf;
    (void) pool;

    if (res->tokens < 0) {
        return AI_ERROR;
    }

    ai_buf_lit(out, "{\"object\":\"response.input_tokens\","
                    "\"input_tokens\":");
    ai_buf_int(out, res->tokens);
    ai_buf_char(out, '}');

    return out->failed ? AI_ERROR : AI_OK;
}
