
/*
 * What the files that read an OpenAI request share: typed access to fields,
 * and errors that name the field the way OpenAI does ("messages[3].content").
 */

#ifndef AI_OPENAI_INT_H
#define AI_OPENAI_INT_H


#include <api/ai_openai.h>


/* a number that is read; a longer spelling says nothing that could matter */
#define AI_OPENAI_NUMBER_MAX  64

#define AI_OPENAI_TOOLS_MAX   1024

/* in front of signatures and data in thinking_blocks that are not
 * Anthropic's */
#define AI_OPENAI_TAG_GEMINI  "gemini:"
#define AI_OPENAI_TAG_OPENAI  "openai:"


typedef struct {
    const ai_json_t   *doc;
    const ai_pool_t   *pool;
    ai_error_t        *err;
} ai_openai_ctx_t;


/*
 * The way to a value, as a chain on the stack: written out only for an error.
 * name == NULL is an element of an array.
 */

typedef struct ai_openai_path_s  ai_openai_path_t;

struct ai_openai_path_s {
    const ai_openai_path_t  *up;
    const char              *name;
    uint32_t                 index;
};


/* the fields that are read together, as the root has them */

typedef struct {
    ai_ref_t           tools;
    ai_ref_t           choice;
    ai_ref_t           functions;
    ai_ref_t           function_call;
} ai_openai_tools_t;


/* a kind of part in a content */

typedef struct {
    const char         *type;
    unsigned            allow;      /* AI_OPENAI_PART_... */
    ai_block_e          kind;
    ai_int_t          (*read)(const ai_openai_ctx_t *c,
                            const ai_openai_path_t *path, ai_ref_t v,
                            ai_block_t *b);
    unsigned            inner:1;    /* what it has is in the member with the
                                       name of its type */
} ai_openai_part_t;


#pragma GCC visibility push(hidden)


/*
 * Each fills c->err and returns AI_ERROR.  The field is "name" in "up"; up
 * NULL is the root, name NULL is up itself.
 */
ai_int_t ai_openai_bad_type(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, const char *want,
    ai_ref_t v);
ai_int_t ai_openai_bad_value(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, const char *why);
ai_int_t ai_openai_missing(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name);
ai_int_t ai_openai_unsupported(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, const char *why);
ai_int_t ai_openai_no_memory(const ai_openai_ctx_t *c);

/* the values of the members named, AI_JSON_NONE for those absent or null; the
 * first of equal keys wins */
void ai_openai_pick(const ai_openai_ctx_t *c, ai_ref_t object,
    const ai_str_t *names, ai_uint_t n, ai_ref_t *refs);

/* v is absent or of the type; else an error */
ai_int_t ai_openai_want(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_json_type_e type);

/* ... and not absent */
ai_int_t ai_openai_need(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_json_type_e type);

/* an optional string; out->data == NULL if absent */
ai_int_t ai_openai_esc(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_esc_t *out);

/* a required string of at least one byte, spelled as ai_buf_escape()
 * would write: equal texts have equal spellings */
ai_int_t ai_openai_word(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_esc_t *out);

/* an optional boolean; *out is left alone if absent */
ai_int_t ai_openai_flag(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, int *out);

/* an optional integer of min .. max; *out is left alone if absent */
ai_int_t ai_openai_integer(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v, int64_t min,
    int64_t max, int64_t *out);

/* an optional number, as spelled */
ai_int_t ai_openai_number(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_raw_t *out);

/* an optional object, as spelled */
ai_int_t ai_openai_object(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_raw_t *out);

/* the parts of a request; each returns AI_OK, or AI_ERROR with c->err */

ai_int_t ai_openai_read_tools(const ai_openai_ctx_t *c,
    const ai_openai_tools_t *refs, ai_request_t *rq);

ai_int_t ai_openai_read_messages(const ai_openai_ctx_t *c, ai_ref_t messages,
    ai_request_t *rq);

/* a message's "content": a string or parts; "allow" is a set of part kinds */
#define AI_OPENAI_PART_TEXT     0x01
#define AI_OPENAI_PART_IMAGE    0x02
#define AI_OPENAI_PART_FILE     0x04
#define AI_OPENAI_PART_AUDIO    0x08
#define AI_OPENAI_PART_REFUSAL  0x10

ai_int_t ai_openai_read_content(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, ai_ref_t v, unsigned allow,
    ai_block_t ***tail);

/* the thinking that a client brings back with an assistant's message */
typedef struct {
    ai_ref_t           content;     /* reasoning_content */
    ai_ref_t           reasoning;
    ai_ref_t           blocks;      /* thinking_blocks */
    ai_ref_t           details;     /* reasoning_details */
} ai_openai_thinking_t;

ai_int_t ai_openai_read_thinking(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const ai_openai_thinking_t *refs,
    ai_block_t ***tail);


/* what other dialects share with this one */

/* a content in the member "name": a string, or parts of the kinds that the
 * table has, up to type == NULL, and "allow" */
ai_int_t ai_openai_read_parts(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v,
    const ai_openai_part_t *parts, unsigned allow, ai_block_t ***tail);

/* {"data", "format"}, which is the object at "path" */
ai_int_t ai_openai_audio(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);

/* a data: URL is taken apart into b, any other URL is carried */
ai_int_t ai_openai_source(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, const ai_esc_t *s,
    ai_block_t *b);

/* "type/subtype" of plain letters; 1 or 0 */
ai_int_t ai_openai_media_ok(const ai_str_t *media);

/* base64 as spelled, without its line ends if they are escaped */
ai_int_t ai_openai_base64(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, const ai_esc_t *s,
    ai_esc_t *out);


#pragma GCC visibility pop


#endif /* AI_OPENAI_INT_H */
