
/*
 * Anthropic's count_tokens: a Messages request that need not say max_tokens.
 */

#include <api/ai_messages.h>


static ai_int_t ai_count_messages_peek(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_count_messages_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_count_messages_reply(const ai_call_t *call,
    const ai_result_t *res, const ai_call_conf_t *conf,
    const ai_pool_t *pool, ai_buf_t *out);


static const ai_form_t  ai_count_messages_form = {
    .kind = AI_CALL_COUNT,
    .decode = ai_count_messages_decode,
    .reply = ai_count_messages_reply
};


const ai_dialect_t  ai_dialect_count_tokens = {
    .name = ai_string("anthropic.count_tokens"),
    .family = AI_FAMILY_ANTHROPIC,
    .stream_type = ai_string(""),
    .peek = ai_count_messages_peek,
    .error = ai_messages_error,
    .foreign = ai_messages_foreign,
    .form = &ai_count_messages_form
};


/* some clients send the whole request they are about to make */

static ai_int_t
ai_count_messages_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_int_t  rc;

    rc = ai_messages_peek(doc, pool, peek, err);

    peek->stream = 0;

    return rc;
}


static ai_int_t
ai_count_messages_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_int_t   rc;
    ai_peek_t  copy;

    ai_call_init(call, AI_CALL_COUNT);

    call->model = peek->model;
    copy = *peek;

    if (copy.max_output == -1) {
        copy.max_output = 1;
    }

    rc = ai_messages_decode(doc, &copy, pool, &call->u.chat, dropped, err);

    call->u.chat.max_output = peek->max_output;

    return rc;
}


static ai_int_t
ai_count_messages_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    (void) call;
    (void) conf;
    (void) pool;

    if (res->tokens < 0) {
        return AI_ERROR;
    }

    ai_buf_lit(out, "{\"input_tokens\":");
    ai_buf_int(out, res->tokens);
    ai_buf_char(out, '}');

    return out->failed ? AI_ERROR : AI_OK;
}
