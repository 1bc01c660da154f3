
/*
 * JSON, read once into a flat table of spans and never printed again.
 *
 * ai_json_parse() makes one validating pass (RFC 8259 grammar, UTF-8, limits)
 * and leaves one node a value in document order; a container is followed by
 * its members (key, value, key, value, ...) or elements, and "next" jumps over
 * all of it:
 *
 *     {"a": [1, 2], "b": "x"}
 *      0  1 2  3 4   5    6          node 0: next 7, node 2: next 5
 *
 * Nodes hold offsets into the text, so the text must stay where it is.
 */

#ifndef AI_JSON_H
#define AI_JSON_H


#include <base/ai_buf.h>


typedef enum {
    AI_JSON_OBJECT = 1,
    AI_JSON_ARRAY,
    AI_JSON_STRING,         /* keys too */
    AI_JSON_NUMBER,
    AI_JSON_TRUE,
    AI_JSON_FALSE,
    AI_JSON_NULL
} ai_json_type_e;


typedef struct {
    uint32_t           off;         /* of the first byte of the value */
    uint32_t           len;         /* of its spelling, with quotes/brackets */
    uint32_t           next;        /* the node after this value's last */
    uint8_t            type;
    uint8_t            escaped;     /* a string with a backslash in it */
    uint16_t           spare;
    uint32_t           count;       /* members or elements */
} ai_json_node_t;


typedef uint32_t       ai_ref_t;    /* a node; 0 is the root */

#define AI_JSON_ROOT   0
#define AI_JSON_NONE   UINT32_MAX   /* absent; every accessor takes it */


typedef struct {
    uint32_t           depth;       /* containers within each other */
    uint32_t           nodes;
    uint32_t           members;     /* of one object */
    uint32_t           key;         /* bytes of one key */
} ai_json_limits_t;


typedef enum {
    AI_JSON_E_NONE = 0,
    AI_JSON_E_EMPTY,
    AI_JSON_E_SYNTAX,
    AI_JSON_E_UTF8,
    AI_JSON_E_TRUNCATED,
    AI_JSON_E_TRAILING,             /* bytes after the root value */
    AI_JSON_E_LIMIT,
    AI_JSON_E_DUPLICATE,            /* ai_json_unique() */
    AI_JSON_E_MEMORY
} ai_json_error_e;


typedef struct {
    const ai_char_t   *text;
    size_t             len;
    ai_json_node_t    *node;
    uint32_t           n;           /* nodes in use */
    uint32_t           alloc;       /* nodes there is room for */
    const ai_pool_t   *pool;
    ai_json_error_e    error;       /* of the last parse, with ... */
    size_t             error_off;   /* ... where it was found */
    ai_buf_t           last;        /* ai_json_parse_next(): the text ... */
    unsigned           kept:1;      /* ... that the table is of */
    unsigned           moved:1;     /* the table was moved, not made */
} ai_json_t;


#pragma GCC visibility push(hidden)


extern const ai_json_limits_t  ai_json_limits;   /* 128, 1e6, 65536, 1024 */


void ai_json_init(ai_json_t *doc, const ai_pool_t *pool);

/*
 * Parses text (at most 1 GB).  The table is used again by the next parse of
 * the same doc and grows as needed.  AI_OK, or AI_ERROR with doc->error set
 * and doc->n == 0.  limits NULL: ai_json_limits.
 */
ai_int_t ai_json_parse(ai_json_t *doc, const ai_str_t *text,
    const ai_json_limits_t *limits);

/*
 * The same, for texts that resemble each other as the events of a stream do.
 * Where text differs from the one before only inside the values of a few
 * strings, the table is moved along instead of made again, at a quarter of the
 * price, and doc->moved is set: every node still is what it was, and strings
 * may have other content.  Keeps a copy of the text, if it is a short one.
 */
ai_int_t ai_json_parse_next(ai_json_t *doc, const ai_str_t *text,
    const ai_json_limits_t *limits);

/* a short sentence for people, with no part of the input in it */
const char *ai_json_strerror(ai_json_error_e error);


/* reading; AI_JSON_NONE in gives AI_JSON_NONE, 0, or AI_DECLINED out */

ai_json_type_e ai_json_type(const ai_json_t *doc, ai_ref_t v);   /* or 0 */
ai_int_t ai_json_is_null(const ai_json_t *doc, ai_ref_t v);  /* or absent */

/* the value of a member; keys are compared decoded; the first one wins */
#define ai_json_get(doc, object, key)                                         \
    ai_json_member(doc, object, key, strlen(key))
ai_ref_t ai_json_member(const ai_json_t *doc, ai_ref_t object,
    const char *key, size_t len);

/* a path: ai_json_path(doc, v, "usage", "prompt_tokens", NULL) */
ai_ref_t ai_json_path(const ai_json_t *doc, ai_ref_t v, ...);

/* walking: "for (v = first; v != NONE; v = next)"; in an object v is the key
 * and ai_json_value(doc, v) its value */
ai_ref_t ai_json_first(const ai_json_t *doc, ai_ref_t container);
ai_ref_t ai_json_next(const ai_json_t *doc, ai_ref_t container, ai_ref_t v);
#define ai_json_value(doc, key)  ((key) + 1)

ai_raw_t ai_json_raw(const ai_json_t *doc, ai_ref_t v);      /* spelling */

/* a string's inside as spelled; absent (data NULL) if v is no string */
ai_esc_t ai_json_esc(const ai_json_t *doc, ai_ref_t v);

/*
 * A string decoded: a span of the text if it has no escapes, else owned by
 * the pool.  Lone surrogates become U+FFFD.  AI_DECLINED if v is no string.
 */
ai_int_t ai_json_str(const ai_json_t *doc, ai_ref_t v, const ai_pool_t *pool,
    ai_str_t *out);

/* is v a string equal to the plain ASCII literal?  1 or 0 */
#define ai_json_is(doc, v, s)  ai_json_equal(doc, v, s, strlen(s))
ai_int_t ai_json_equal(const ai_json_t *doc, ai_ref_t v, const char *s,
    size_t len);

/* an integer ("1", "1.0", "1e2" are; "1.5" is not); AI_DECLINED if v is no
 * number, AI_ERROR if it is fractional or outside int64 */
ai_int_t ai_json_int(const ai_json_t *doc, ai_ref_t v, int64_t *out);

/* a number as a double; AI_DECLINED if v is no number, AI_ERROR if it is too
 * large for one */
ai_int_t ai_json_double(const ai_json_t *doc, ai_ref_t v, double *out);

/* 1, 0, or -1 if v is neither true nor false */
ai_int_t ai_json_bool(const ai_json_t *doc, ai_ref_t v);

/*
 * Are the keys of this one object distinct once decoded?  AI_OK or AI_ERROR
 * with AI_JSON_E_DUPLICATE.  O(n log n).
 */
ai_int_t ai_json_unique(ai_json_t *doc, ai_ref_t object);


/* text <-> spelling */

/* decodes the inside of a string into b (appends); lone surrogates become
 * U+FFFD */
void ai_json_unescape(ai_buf_t *b, const ai_esc_t *s);

/* like ai_json_unescape, but without copying when there is no backslash */
ai_int_t ai_json_plain(const ai_esc_t *s, const ai_pool_t *pool,
    ai_str_t *out);

/* escapes a spelling once more: JSON text becomes the inside of a string
 * (for OpenAI's "arguments"); the same as ai_buf_escape() on valid UTF-8 */
#define ai_json_embed(b, raw)  ai_buf_escape(b, raw)


#pragma GCC visibility pop


#endif /* AI_JSON_H */
