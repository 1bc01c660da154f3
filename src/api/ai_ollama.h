
/*
 * Ollama's own API, as clients speak it to us: POST /api/chat and
 * /api/generate, GET /api/tags and /api/version.
 *
 * Format: api/types.go and docs/api.md of ollama/ollama, and the types of its
 * Python SDK.  A stream is a JSON object a line, and is what a client gets
 * that does not say.
 *
 * A request without messages, or with an empty prompt, asks Ollama to load a
 * model and is answered without one being asked.  It goes through to an Ollama
 * provider; to any other there is nothing to load, and decode refuses it.
 */

#ifndef AI_OLLAMA_H
#define AI_OLLAMA_H


#include <api/ai_dialect.h>
#include <api/ai_openai.h>


/* arguments of calls in a stream, which are told when they are complete */
#define AI_OLLAMA_HELD      (1024 * 1024)
#define AI_OLLAMA_HELD_ALL  (8 * 1024 * 1024)


#pragma GCC visibility push(hidden)


/* the contracts of ai_dialect_t */

ai_int_t ai_ollama_chat_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);
ai_int_t ai_ollama_chat_last_text(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, size_t max, ai_str_t *out);
ai_int_t ai_ollama_chat_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err);

ai_int_t ai_ollama_generate_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);
ai_int_t ai_ollama_generate_last_text(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, size_t max, ai_str_t *out);
ai_int_t ai_ollama_generate_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_request_t *rq,
    ai_dropped_t *dropped, ai_error_t *err);


/*
 * The answer.  A call is one line, told when its arguments are complete and
 * all calls before it were; beyond AI_OLLAMA_HELD bytes of one and
 * AI_OLLAMA_HELD_ALL of all that wait an event is answered with AI_ERROR.
 * Arguments that are no JSON object: the call is left out where the answer was
 * cut short, else the answer is an error, as it is in Ollama.  Only choice 0
 * is told.  Signatures have no place and are left out.
 */
void *ai_ollama_chat_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool);
void *ai_ollama_generate_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool);
ai_int_t ai_ollama_reply_event(void *reply, const ai_event_t *ev);
ai_int_t ai_ollama_reply_end(void *reply);

/* {"error":"..."}, and the same as the last line of a stream */
void ai_ollama_error(ai_buf_t *b, const ai_error_t *err);
void ai_ollama_error_event(ai_buf_t *b, const ai_error_t *err);

/*
 * GET /api/tags.  A model behind the gateway has neither size nor date; its
 * digest, of which clients show the start, is the SHA-256 of its name.
 */
void ai_ollama_tags(ai_buf_t *b, const ai_model_entry_t *models, size_t n);

/* GET /api/version; plain */
void ai_ollama_version(ai_buf_t *b, const ai_str_t *version);


#pragma GCC visibility pop


#endif /* AI_OLLAMA_H */
