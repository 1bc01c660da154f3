
/*
 * OpenAI's completions API from before chat, as clients speak it to us: a
 * prompt in, a text out.
 *
 * Format: OpenAI's OpenAPI document (completions).  Editors and evaluation
 * tools still use it, mostly against hosts of open models.
 */

#ifndef AI_COMPLETIONS_INT_H
#define AI_COMPLETIONS_INT_H


#include <api/ai_openai_int.h>


#pragma GCC visibility push(hidden)


/*
 * As ai_dialect_t's.  A request may have many prompts, as texts or as tokens:
 * the peek takes them all, because providers of this API get the bytes as they
 * are.  peek->messages is the number of prompts; peek->n that of the texts to
 * be paid for, "best_of" instead of "n", for each prompt.
 */
ai_int_t ai_completions_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);

/* all prompts that are texts, a line each */
ai_int_t ai_completions_last_text(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, size_t max, ai_str_t *out);

/* one text as a prompt, or it cannot be told to a chat model */
ai_int_t ai_completions_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err);

/* what is thought is left out, a refusal is text */
void *ai_completions_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool);
ai_int_t ai_completions_reply_event(void *reply, const ai_event_t *ev);
ai_int_t ai_completions_reply_end(void *reply);


#pragma GCC visibility pop


#endif /* AI_COMPLETIONS_INT_H */
