
/*
 * What the files of the generateContent dialect share.  Fields that were
 * found are read, and errors said, with the helpers of ai_openai_int.h.
 */

#ifndef AI_GENERATE_INT_H
#define AI_GENERATE_INT_H


#include <api/ai_generate.h>
#include <api/ai_openai_int.h>


typedef struct {
    ai_openai_ctx_t    c;
    ai_request_t      *rq;
    ai_dropped_t      *dropped;
} ai_generate_dec_t;


/* a thoughtSignature, and whose it is */

typedef struct {
    ai_esc_t           text;
    ai_family_e        family;
    unsigned           data:1;      /* of thinking nobody may read */
} ai_generate_sign_t;


#pragma GCC visibility push(hidden)


/* is this key the field, in one of its spellings?  name is lowerCamelCase */
ai_int_t ai_generate_key_is(const ai_json_t *doc, ai_ref_t key,
    const ai_str_t *name);

/* the value of a field, AI_JSON_NONE if absent; the first one wins */
ai_ref_t ai_generate_get(const ai_json_t *doc, ai_ref_t object,
    const char *name);

/*
 * The values of the fields named, AI_JSON_NONE for those absent or null.  A
 * field that is there twice, in one spelling or in two, is an error.  Others
 * are noted in dropped, unless that is NULL.
 */
ai_int_t ai_generate_pick(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, ai_ref_t object, const ai_str_t *names,
    ai_uint_t n, ai_ref_t *refs, ai_dropped_t *dropped);

/* the first n fields in some other letter case are an error */
ai_int_t ai_generate_case(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, ai_ref_t object, const ai_str_t *names,
    ai_uint_t n);

/* an enum's name, which may be in either case: its place in names, or n */
ai_uint_t ai_generate_enum(const ai_json_t *doc, ai_ref_t v,
    const ai_str_t *names, ai_uint_t n);

/* JSON text as the inside of a string */
ai_int_t ai_generate_embed(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_esc_t *out);

/* an array, or the one value that stands for an array of it */
ai_ref_t ai_generate_first(const ai_json_t *doc, ai_ref_t list);
ai_ref_t ai_generate_next(const ai_json_t *doc, ai_ref_t list, ai_ref_t v);


/* the parts of a request; each returns AI_OK, or AI_ERROR with err */

ai_int_t ai_generate_read_config(ai_generate_dec_t *d, ai_ref_t v);
ai_int_t ai_generate_read_tools(ai_generate_dec_t *d, ai_ref_t tools,
    ai_ref_t config);
ai_int_t ai_generate_read_contents(ai_generate_dec_t *d, ai_ref_t system,
    ai_ref_t contents);

/* inlineData and fileData; v is the object, up the way to it */
ai_int_t ai_generate_read_inline(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_block_t ***tail);
ai_int_t ai_generate_read_file(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_block_t ***tail);

/* a functionResponse becomes a TOOL_RESULT; its id may be absent still */
ai_int_t ai_generate_read_response(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_block_t ***tail);

/* gives every result the id of its call */
ai_int_t ai_generate_link(const ai_openai_ctx_t *c, const ai_request_t *rq);

/* a schema in the OpenAPI form as JSON schema */
ai_int_t ai_generate_schema(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v, ai_raw_t *out);


/*
 * SDKs hold a thoughtSignature as bytes, so it must be base64, and come back
 * in either alphabet.  What is not Google's own is base64 of the text behind
 * a word for whose it is.
 */
void ai_generate_tag(ai_buf_t *b, ai_buf_t *scratch, ai_family_e family,
    ai_int_t data, const ai_esc_t *s);
ai_int_t ai_generate_untag(const ai_pool_t *pool, const ai_esc_t *s,
    ai_generate_sign_t *out);


#pragma GCC visibility pop


#endif /* AI_GENERATE_INT_H */
