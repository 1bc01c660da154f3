
/*
 * The OpenAI chat completions API, as clients speak it to us.
 *
 * Format: OpenAI's OpenAPI document (chat/completions, models, errors);
 * extensions in wide use are read and written: reasoning_content,
 * thinking_blocks (LiteLLM), reasoning_details (OpenRouter),
 * extra_content.google.thought_signature (Google's OpenAI endpoint).
 */

#ifndef AI_OPENAI_H
#define AI_OPENAI_H


#include <api/ai_dialect.h>


#pragma GCC visibility push(hidden)


/*
 * Checks the root (an object, keys distinct, no decision field in another
 * letter case, types and ranges of the fields above) and fills peek.
 * Strings that had escapes are owned by pool.  AI_OK, or AI_ERROR with *err.
 */
ai_int_t ai_openai_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);

/* the text of the last user message, decoded, at most max bytes; for
 * variables */
ai_int_t ai_openai_last_text(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, size_t max,
    ai_str_t *out);

/*
 * The whole request.  Everything that has a place in ai_request_t is carried;
 * fields without one that change the meaning are refused
 * (AI_ERR_UNSUPPORTED_PARAMETER with param), those that only tune go to
 * dropped.  Deprecated functions/function_call and role "function" become
 * tools.
 */
ai_int_t ai_openai_decode(const ai_json_t *doc, const ai_pool_t *pool,
    ai_request_t *rq, ai_dropped_t *dropped, ai_error_t *err);


/*
 * The answer.  The encoder is a sink for events and writes into "out": a
 * stream as whole SSE events as they come, a JSON answer as one object at
 * ai_openai_reply_end().
 */

typedef struct ai_openai_reply_s  ai_openai_reply_t;

/* NULL: no memory.  out and pool outlive the encoder; all its state is
 * bounded for a stream, and the answer's size for JSON */
ai_openai_reply_t *ai_openai_reply_create(const ai_reply_conf_t *conf,
    ai_buf_t *out, const ai_pool_t *pool);

/* an ai_event_pt; an AI_EVENT_ERROR writes ai_openai_error_event() */
ai_int_t ai_openai_reply_event(void *reply, const ai_event_t *ev);

/* the answer is complete: the usage chunk and [DONE], or the JSON object */
ai_int_t ai_openai_reply_end(ai_openai_reply_t *reply);

/* {"error":{...}} */
void ai_openai_error(ai_buf_t *b, const ai_error_t *err);

/* the same as the last event of a stream: data: {...} LF LF; no [DONE] */
void ai_openai_error_event(ai_buf_t *b, const ai_error_t *err);

/*
 * GET /models and /models/{id}: one object that satisfies OpenAI's and
 * Anthropic's readers.
 */
typedef struct {
    ai_str_t           id;          /* plain */
    ai_str_t           owner;       /* plain: the provider's name */
} ai_model_entry_t;

void ai_openai_models(ai_buf_t *b, const ai_model_entry_t *models, size_t n);
void ai_openai_model(ai_buf_t *b, const ai_model_entry_t *model);


#pragma GCC visibility pop


#endif /* AI_OPENAI_H */
