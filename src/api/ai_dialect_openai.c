
/*
 * OpenAI chat completions as a row of dialects.
 */

#include <api/ai_openai.h>


static ai_int_t
ai_dialect_openai_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) peek;

    return ai_openai_decode(doc, pool, rq, dropped, err);
}


static void *
ai_dialect_openai_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool)
{
    void             *reply;
    ai_buf_t          id;
    ai_reply_conf_t   own;

    ai_buf_init(&id, pool);
    ai_buf_lit(&id, "chatcmpl-");
    ai_buf_cat(&id, &conf->id);

    if (id.failed) {
        return NULL;
    }

    own = *conf;
    own.id = ai_buf_str(&id);

    reply = ai_openai_reply_create(&own, out, pool);

    ai_pfree(pool, id.start);

    return reply;
}


static ai_int_t
ai_dialect_openai_end(void *reply)
{
    return ai_openai_reply_end(reply);
}


const ai_dialect_t  ai_dialect_openai = {
    .name = ai_string("openai.chat"),
    .family = AI_FAMILY_OPENAI,
    .stream_type = ai_string("text/event-stream"),
    .peek = ai_openai_peek,
    .last_text = ai_openai_last_text,
    .decode = ai_dialect_openai_decode,
    .reply_create = ai_dialect_openai_create,
    .reply_event = ai_openai_reply_event,
    .reply_end = ai_dialect_openai_end,
    .error = ai_openai_error,
    .error_event = ai_openai_error_event
};
