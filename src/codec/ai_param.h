
/*
 * Edits of a JSON body that the configuration asks for: a member at a path is
 * set, given a default, kept within a limit, or removed.  Every byte of the
 * body that no edit is about stays as it was.
 *
 * A path is names with dots between, "options.num_ctx".  A backslash takes the
 * meaning from the letter behind it.  A name of digits is the place of an
 * element where the body has an array ("messages.0.content"), and a name like
 * others where it has an object or nothing ("logit_bias.50256").
 */

#ifndef AI_PARAM_H
#define AI_PARAM_H


#include <base/ai_error.h>
#include <codec/ai_splice.h>


#define AI_PARAM_DEPTH  16          /* names of a path */
#define AI_PARAM_NAME   1024        /* bytes of one */


/* null is the same as absent to all but SET */
typedef enum {
    AI_PARAM_SET = 0,
    AI_PARAM_DEFAULT,               /* if absent */
    AI_PARAM_MIN,                   /* set to the limit if below or absent */
    AI_PARAM_MAX,                   /* ... if above or absent */
    AI_PARAM_DROP
} ai_param_mode_e;


typedef struct {
    ai_str_t           name;        /* plain */
    uint32_t           index;       /* of an element, or AI_JSON_NONE */
} ai_param_name_t;


typedef struct {
    ai_str_t           text;        /* as it was written */
    ai_param_name_t   *name;
    uint32_t           n;
} ai_param_path_t;


/*
 * value is plain text.  One that is a JSON value (0.2, true, null, "x", [1],
 * {}) stands for it, any other for the string with these letters; an empty one
 * makes the edit void.
 */
typedef struct {
    const ai_param_path_t  *path;
    ai_param_mode_e         mode;
    ai_str_t                value;  /* not of DROP */
} ai_param_t;


#pragma GCC visibility push(hidden)


/* a path from the configuration, owned by pool, but for text.  AI_OK, or
 * AI_ERROR: no memory, or *why says what is wrong (else it is NULL) */
ai_int_t ai_param_compile(const ai_str_t *text, const ai_pool_t *pool,
    ai_param_path_t *path, const char **why);

/* can this value, if it is known beforehand, be one of the mode?  AI_OK, or
 * AI_ERROR: a limit that is no number */
ai_int_t ai_param_check(ai_param_mode_e mode, const ai_str_t *value,
    const ai_pool_t *pool);

/*
 * Does the edits in their order, so that a later one sees what those before it
 * did; objects that are missing on the way are made.  AI_OK: out has the new
 * body.  AI_DECLINED: nothing changes, the body is as it should be.  AI_ERROR:
 * *err is set, with the path as its param.
 *
 * It is the client's error if the body is no JSON object, has something on the
 * way that is neither an object nor an array with that element, has a name
 * twice on the way, has no number where a limit is; and if an element of an
 * array is to be removed.  A limit that is no number is the server's.
 *
 * The body is read once, and once more for each edit within a value that an
 * earlier one has set.
 */
ai_int_t ai_param_body(const ai_pool_t *pool, const ai_str_t *body,
    const ai_param_t *list, size_t n, ai_buf_t *out, ai_error_t *err);


#pragma GCC visibility pop


#endif /* AI_PARAM_H */
