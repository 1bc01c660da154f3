
/*
 * The Gemini API's generateContent, as clients speak it to us.
 *
 * Format: the reference of generativelanguage.googleapis.com v1beta and what
 * google-genai (Python, JS) and @ai-sdk/google send and read.  JSON of
 * protocol buffers: a field is spelled lowerCamelCase or snake_case, at every
 * level, also mixed in one body; the same field in both spellings is refused.
 */

#ifndef AI_GENERATE_H
#define AI_GENERATE_H


#include <api/ai_dialect.h>
#include <api/ai_openai.h>


#pragma GCC visibility push(hidden)


/* model and stream are in the URI: peek has them from the caller */
ai_int_t ai_generate_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);

ai_int_t ai_generate_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out);

ai_int_t ai_generate_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err);

/* signatures that hold another vendor's state, and parts and contents that
 * have nothing else */
ai_int_t ai_generate_foreign(const ai_json_t *doc, const ai_pool_t *pool,
    ai_omit_t *omit);

/*
 * A stream is one event a chunk, or with conf->array the elements of one JSON
 * array.  Thoughts are shown if the request asked for them, or if there is
 * none to look at.  finishReason and usageMetadata are in the last chunk.
 */
void *ai_generate_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool);
ai_int_t ai_generate_reply_event(void *reply, const ai_event_t *ev);
ai_int_t ai_generate_reply_end(void *reply);

/* {"error":{"code":..,"message":..,"status":..}} */
void ai_generate_error(ai_buf_t *b, const ai_error_t *err);
void ai_generate_error_event(ai_buf_t *b, const ai_error_t *err);

/* GET models and models/{id} below "/v1beta" */
void ai_generate_models(ai_buf_t *b, const ai_model_entry_t *models,
    size_t n);
void ai_generate_model(ai_buf_t *b, const ai_model_entry_t *model);


#pragma GCC visibility pop


#endif /* AI_GENERATE_H */
