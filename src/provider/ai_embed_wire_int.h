
/*
 * What the providers' services of embeddings share: inputs as they are
 * written, and answers with millions of numbers.
 */

#ifndef AI_EMBED_WIRE_INT_H
#define AI_EMBED_WIRE_INT_H


#include <provider/ai_provider.h>


/*
 * An answer.  Its arrays that have nothing but numbers in them are checked and
 * noted, and stand as "[k]" in the text that doc was made of; a node for each
 * number would take 24 bytes.
 */
typedef struct {
    ai_json_t          doc;
    const ai_target_t  *target;
    const ai_str_t    *body;
    const ai_pool_t   *pool;
    ai_result_t       *res;
    ai_error_t        *err;
    ai_buf_t           text;
    ai_raw_t          *arrays;
    uint32_t           n;
    uint32_t           alloc;
    uint32_t           max;
} ai_embed_answer_t;


#pragma GCC visibility push(hidden)


/* requests */

/* the inputs are of the kinds that are given, bits by 1 << kind, or another
 * that is of this family */
ai_int_t ai_embed_only(const ai_embed_t *e, unsigned kinds,
    ai_family_e family, ai_error_t *err);

/* the vectors can be had, or made, in the format: a float in either spelling,
 * and those given; bits by 1 << format */
ai_int_t ai_embed_formats(const ai_embed_t *e, unsigned formats,
    ai_error_t *err);

/* "param" is of no use with this model: err, AI_ERROR */
ai_int_t ai_embed_refuse(ai_error_t *err, const char *param,
    const char *message);

/* there is no place for them */
void ai_embed_drop_titles(const ai_embed_t *e, ai_dropped_t *dropped);

/* {"model":"..." */
void ai_embed_write_model(ai_buf_t *b, const ai_target_t *t);

/* a string, or a list of tokens; of an image its data: URL or its URL; what
 * else there is as it is */
void ai_embed_write_one(ai_buf_t *b, const ai_input_t *in);

/* all of them as a list */
void ai_embed_write_list(ai_buf_t *b, const ai_embed_t *e);

/* ,"name":N unless it is -1 */
void ai_embed_write_int(ai_buf_t *b, const char *name, int64_t n);

/* ,"name":true or false unless it is -1 */
void ai_embed_write_flag(ai_buf_t *b, const char *name, int flag);

/* the end of a body; AI_ERROR: no memory */
ai_int_t ai_embed_written(ai_buf_t *b, ai_error_t *err);


/* answers */

/* reads body, makes room for a vector for each input; AI_ERROR as answer()
 * has it */
ai_int_t ai_embed_open(ai_embed_answer_t *a, const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);

/* not what was expected: an error if the body tells one; always AI_ERROR */
ai_int_t ai_embed_invalid(ai_embed_answer_t *a);

/* v is the vector of input i; of FLOAT a string is float32s in base64, of
 * BASE64 it is base64 of what the provider says */
ai_int_t ai_embed_put(ai_embed_answer_t *a, uint64_t i, ai_ref_t v,
    ai_vector_e format);

/* v is a list of them, or of objects that have them in "name" */
ai_int_t ai_embed_put_list(ai_embed_answer_t *a, ai_ref_t v, const char *name,
    ai_vector_e format);

/* a number of tokens, *n is left alone if there is none */
void ai_embed_count(ai_embed_answer_t *a, ai_ref_t v, int64_t *n);

/* is there a vector for each input? */
ai_int_t ai_embed_done(ai_embed_answer_t *a);


/* OpenAI's answer: data[] with an index each */
ai_int_t ai_openai_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err);

/* Cohere's, also on Bedrock: without the model, up to the closing brace */
ai_int_t ai_cohere_embed_body(const ai_call_t *call, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
ai_int_t ai_cohere_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err);

/* Gemini's, of one request or of many; also on Vertex */
void ai_gemini_embed_one(ai_buf_t *b, const ai_embed_t *e,
    const ai_input_t *in);
ai_int_t ai_gemini_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err);


#pragma GCC visibility pop


#endif /* AI_EMBED_WIRE_INT_H */
