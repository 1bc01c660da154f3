
/*
 * The OpenAI Responses API, as clients speak it to us.
 *
 * Format: OpenAI's OpenAPI document (responses, its stream events).  There is
 * no memory here: what names an earlier answer is refused.
 */

#ifndef AI_RESPONSES_H
#define AI_RESPONSES_H


#include <api/ai_dialect.h>


#pragma GCC visibility push(hidden)


/* what ai_dialect_t says of each */

ai_int_t ai_responses_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);

ai_int_t ai_responses_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out);

ai_int_t ai_responses_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err);

/* reasoning that is not OpenAI's; state of OpenAI's is unwrapped */
ai_int_t ai_responses_foreign(const ai_json_t *doc, const ai_pool_t *pool,
    ai_omit_t *omit);

/*
 * The API repeats the answer at its end, so all of it is kept: 64 MiB at
 * most, then events are refused.  Choices other than the first have no place
 * and are left out.
 */
void *ai_responses_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool);
ai_int_t ai_responses_reply_event(void *reply, const ai_event_t *ev);
ai_int_t ai_responses_reply_end(void *reply);

/*
 * "error" and "response.failed", for a stream that is not ours: its id and
 * the number of its last event are not known here.  A stream of ours is
 * better ended by an AI_EVENT_ERROR to ai_responses_reply_event(), which
 * knows both.
 */
void ai_responses_error_event(ai_buf_t *b, const ai_error_t *err);


#pragma GCC visibility pop


#endif /* AI_RESPONSES_H */
