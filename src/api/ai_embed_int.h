
/*
 * What the client forms of embeddings share.
 */

#ifndef AI_EMBED_INT_H
#define AI_EMBED_INT_H


#include <api/ai_call.h>
#include <api/ai_openai_int.h>


/* far beyond what any provider takes at once */
#define AI_EMBED_INPUTS_MAX      65536
#define AI_EMBED_DIMENSIONS_MAX  INT32_MAX

#define AI_EMBED_FLOAT_LEN       24


#pragma GCC visibility push(hidden)


/* requests */

/* all absent, but for the model */
void ai_embed_peek_init(ai_peek_t *peek);

/* the input that was found, counted, of one that is no list one */
ai_int_t ai_embed_peek_input(const ai_openai_ctx_t *c, const char *name,
    ai_ref_t v, ai_peek_t *peek);

/* starts a call: n inputs, all zero but for "next" */
ai_int_t ai_embed_begin(const ai_openai_ctx_t *c, const char *name,
    const ai_peek_t *peek, ai_call_t *call, uint32_t n);

/* members of the root that are not among the names are dropped and named */
void ai_embed_unknown(const ai_openai_ctx_t *c, const ai_str_t *names,
    ai_uint_t n, ai_dropped_t *dropped);

/* "input": a string or a list of them, and with "tokens" lists of integers */
ai_int_t ai_embed_input(const ai_openai_ctx_t *c, const ai_peek_t *peek,
    ai_int_t tokens, ai_call_t *call);

ai_int_t ai_embed_text(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_input_t *in);

/* one more text of the same input, on a line of its own; b is for this input,
 * empty at first */
ai_int_t ai_embed_more(const ai_openai_ctx_t *c, ai_buf_t *b, ai_input_t *in,
    const ai_esc_t *text);

/* v is an input that is not understood here, of the form's own API */
void ai_embed_other(const ai_openai_ctx_t *c, ai_ref_t v, ai_family_e family,
    ai_input_t *in);

ai_int_t ai_embed_dimensions(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v,
    int64_t *dimensions);

/* a word of Cohere's, Voyage's or Gemini's */
ai_int_t ai_embed_purpose(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v,
    ai_purpose_e *purpose);


/* answers */

/* is there a vector for each input?  AI_OK or AI_ERROR */
ai_int_t ai_embed_counts(const ai_call_t *call, const ai_result_t *res);

/* the vectors as a JSON list of them, brought to the format */
ai_int_t ai_embed_vectors(ai_buf_t *b, const ai_result_t *res,
    ai_vector_e format, const ai_pool_t *pool);

/*
 * One vector.  scratch is the caller's, for all vectors of an answer.
 * AI_ERROR: no memory, or it cannot be told in this format.
 */
ai_int_t ai_embed_vector(ai_buf_t *b, ai_buf_t *scratch, const ai_vector_t *v,
    ai_vector_e format);

/* who the provider says the model is, or who we say; with quotes */
void ai_embed_model(ai_buf_t *b, const ai_result_t *res,
    const ai_call_conf_t *conf);

/* 0 unless it was reported */
void ai_embed_tokens(ai_buf_t *b, const ai_result_t *res);


/* floats */

/* a JSON number as the nearest float32; AI_ERROR: it is no number, or too
 * large */
ai_int_t ai_embed_float_parse(const ai_char_t *p, size_t len, float *out);

/* the digits that it takes to read the same float32 again, at most
 * AI_EMBED_FLOAT_LEN bytes; 0: not finite */
size_t ai_embed_float_print(ai_char_t *p, float f);


#pragma GCC visibility pop


#endif /* AI_EMBED_INT_H */
