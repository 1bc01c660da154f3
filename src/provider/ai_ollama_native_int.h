
/*
 * Ollama's own API: what its files share.
 *
 *   ai_provider_ollama.c       the row, and when it is used
 *   ai_ollama_native_build.c   a request
 *   ai_ollama_native_decode.c  answers, whole and streamed
 */

#ifndef AI_OLLAMA_NATIVE_INT_H
#define AI_OLLAMA_NATIVE_INT_H


#include <provider/ai_openai_wire_int.h>


/* an answer being read; one block is open at a time */
typedef struct {
    ai_decoder_t       d;
    ai_ref_t           created;     /* created_at of the line */
    ai_ref_t           content;     /* of the line, for the next one ... */
    ai_ref_t           thinking;
    uint32_t           index;       /* of the open block */
    uint32_t           blocks;      /* given to the sink so far */
    ai_block_e         open;        /* its kind; 0: none */
    unsigned           quiet:1;     /* ... if that has only text as well */
    unsigned           tools:1;     /* a call was seen */
    unsigned           dead:1;      /* the provider reported an error */
} ai_ollama_native_t;


#pragma GCC visibility push(hidden)


ai_int_t ai_ollama_native_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err);

void ai_ollama_native_init(ai_decoder_t *d);
ai_int_t ai_ollama_native_stream(ai_decoder_t *d, const ai_sse_event_t *ev);
ai_int_t ai_ollama_native_end(ai_decoder_t *d);
ai_int_t ai_ollama_native_answer(ai_decoder_t *d, const ai_str_t *body);


#pragma GCC visibility pop


#endif /* AI_OLLAMA_NATIVE_INT_H */
