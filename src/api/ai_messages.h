
/*
 * The Anthropic Messages API, as clients speak it to us.
 *
 * Format: Anthropic's API reference and the types of its Python SDK
 * (messages, streaming, errors).
 */

#ifndef AI_MESSAGES_H
#define AI_MESSAGES_H


#include <api/ai_dialect.h>


#pragma GCC visibility push(hidden)


/* the contracts of ai_dialect_t; max_tokens may be absent in a peek, since
 * count_tokens has the same body without it */

ai_int_t ai_messages_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);

/* results of tools are no words of the user's */
ai_int_t ai_messages_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out);

ai_int_t ai_messages_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err);

/*
 * Thinking without Anthropic's signature; and, where the last answer waits for
 * results of its calls and has no other, the request's wish for more.
 */
ai_int_t ai_messages_foreign(const ai_json_t *doc, const ai_pool_t *pool,
    ai_omit_t *omit);


/*
 * The answer.  Blocks of a stream go out one after the other; what comes for
 * a later one while an earlier one is open is held, up to AI_MESSAGES_HELD
 * bytes a block and AI_MESSAGES_HELD_ALL in all, beyond which an event is
 * answered with AI_ERROR.  Only choice 0 is told.
 */

#define AI_MESSAGES_HELD      (1024 * 1024)
#define AI_MESSAGES_HELD_ALL  (8 * 1024 * 1024)

void *ai_messages_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool);
ai_int_t ai_messages_reply_event(void *reply, const ai_event_t *ev);
ai_int_t ai_messages_reply_end(void *reply);

/* {"type":"error","error":{"type","message"}} */
void ai_messages_error(ai_buf_t *b, const ai_error_t *err);

/* the same as the last event of a stream */
void ai_messages_error_event(ai_buf_t *b, const ai_error_t *err);


#pragma GCC visibility pop


#endif /* AI_MESSAGES_H */
