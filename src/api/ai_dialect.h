
/*
 * A dialect: an API as clients speak it to us.  One decoder for requests, one
 * encoder for answers, the errors, and what the hot path wants to know of a
 * request before anything is decoded.
 *
 * No I/O, no clock, no configuration.  A dialect is a row of ai_dialects[].
 */

#ifndef AI_DIALECT_H
#define AI_DIALECT_H


#include <api/ai_call.h>
#include <codec/ai_omit.h>


typedef struct {
    ai_esc_t           id;          /* for an answer whose provider has none;
                                       29 letters and digits, the dialect's
                                       prefix is put in front */
    ai_esc_t           model;       /* what to call the model when the
                                       provider does not say */
    int64_t            created;     /* now, Unix seconds */
    const ai_request_t  *rq;        /* for dialects that repeat settings in
                                       the answer; may be NULL */
    unsigned           stream:1;
    unsigned           include_usage:1;
    unsigned           functions:1;
    unsigned           array:1;     /* Gemini's stream without alt=sse: one
                                       JSON array */
} ai_reply_conf_t;


typedef struct {
    ai_str_t           name;        /* $ai_api: "openai.chat" */
    ai_family_e        family;      /* of the providers that speak it too */
    ai_str_t           stream_type; /* content type of a stream */

    /*
     * Checks the root (an object, keys distinct, no decision field in
     * another letter case, types and ranges of the fields above) and fills
     * peek.  A dialect with the model and the stream in its URI finds them
     * set in peek by the caller and leaves them.  Strings that had escapes
     * are owned by pool.  AI_OK, or AI_ERROR with *err.
     */
    ai_int_t         (*peek)(const ai_json_t *doc, const ai_pool_t *pool,
                         ai_peek_t *peek, ai_error_t *err);

    /* the text of the last user message, decoded, at most max bytes */
    ai_int_t         (*last_text)(const ai_json_t *doc,
                         const ai_peek_t *peek, const ai_pool_t *pool,
                         size_t max, ai_str_t *out);

    /*
     * The whole request.  What has a place in ai_request_t is carried; fields
     * without one that change the meaning are refused
     * (AI_ERR_UNSUPPORTED_PARAMETER with param), those that only tune go to
     * dropped.
     */
    ai_int_t         (*decode)(const ai_json_t *doc, const ai_peek_t *peek,
                         const ai_pool_t *pool, ai_request_t *rq,
                         ai_dropped_t *dropped, ai_error_t *err);

    /*
     * The answer: a sink for events that writes into out; a stream as whole
     * events as they come, a JSON answer as one object at reply_end.  NULL:
     * no memory.  out and pool outlive the encoder.  Its state is bounded
     * for a stream, unless the API repeats the answer at its end.
     */
    void            *(*reply_create)(const ai_reply_conf_t *conf,
                         ai_buf_t *out, const ai_pool_t *pool);
    ai_int_t         (*reply_event)(void *reply, const ai_event_t *ev);
    ai_int_t         (*reply_end)(void *reply);

    /* an error as a body, and as the last event of a stream */
    void             (*error)(ai_buf_t *b, const ai_error_t *err);
    void             (*error_event)(ai_buf_t *b, const ai_error_t *err);

    /*
     * Pass-through: what only we can read of it, left there by our answers or
     * those of other vendors.  Sets up omit; nothing is foreign if omit->n is
     * 0 then.  AI_ERROR: no memory.  NULL: there is no such thing.
     */
    ai_int_t         (*foreign)(const ai_json_t *doc, const ai_pool_t *pool,
                         ai_omit_t *omit);

    /*
     * An operation beside chat: decode and reply are there, those above are
     * NULL, but for peek, error and foreign.  NULL: chat.
     */
    const ai_form_t   *form;

    /* follows a stream that goes through, so that it can be ended within:
     * api/ai_stop.h.  NULL: its events say enough */
    const struct ai_stop_wire_s  *stop;
} ai_dialect_t;


#pragma GCC visibility push(hidden)


extern const ai_dialect_t   ai_dialect_openai;
extern const ai_dialect_t   ai_dialect_anthropic;
extern const ai_dialect_t   ai_dialect_gemini;
extern const ai_dialect_t   ai_dialect_responses;
extern const ai_dialect_t   ai_dialect_completions;
extern const ai_dialect_t   ai_dialect_ollama_chat;
extern const ai_dialect_t   ai_dialect_ollama_generate;

/* what goes through as it is */
extern const ai_dialect_t   ai_dialect_openai_moderations;
extern const ai_dialect_t   ai_dialect_openai_images;
extern const ai_dialect_t   ai_dialect_openai_audio;
extern const ai_dialect_t   ai_dialect_openai_files;
extern const ai_dialect_t   ai_dialect_openai_batches;

/* rerank in the spellings of Cohere, Voyage and TEI; a TEI's request may name
 * no model, which is empty then */
extern const ai_dialect_t   ai_dialect_rerank;

/* counting the tokens of a request; Gemini's, which has the model in its URI,
 * says in peek->model_ref where the body repeats it */
extern const ai_dialect_t   ai_dialect_count_tokens;        /* Anthropic's */
extern const ai_dialect_t   ai_dialect_gemini_count;
extern const ai_dialect_t   ai_dialect_responses_count;

/* embeddings; Gemini's have the model in their URI, and in the body only what
 * is the same */
extern const ai_dialect_t   ai_dialect_openai_embeddings;
extern const ai_dialect_t   ai_dialect_gemini_embed;
extern const ai_dialect_t   ai_dialect_gemini_batch_embed;
extern const ai_dialect_t   ai_dialect_ollama_embed;
extern const ai_dialect_t   ai_dialect_cohere_embed;

/* 29 letters and digits out of 16 random bytes */
void ai_dialect_id(ai_buf_t *b, const ai_char_t random[16]);


#pragma GCC visibility pop


#endif /* AI_DIALECT_H */
