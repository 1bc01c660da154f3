
/*
 * What every pure file starts from: return codes, strings, the allocator it
 * is given, and the three spellings of text.
 *
 * Nothing here knows nginx.  ai_str_t has the two fields of ngx_str_t, the
 * codes have nginx's values; glue converts by value.
 */

#ifndef AI_BASE_H
#define AI_BASE_H


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>


typedef intptr_t       ai_int_t;
typedef uintptr_t      ai_uint_t;
typedef unsigned char  ai_char_t;


#define AI_OK          0
#define AI_ERROR      -1        /* no memory, or an ai_error_t is filled */
#define AI_AGAIN      -2        /* give me more bytes */
#define AI_DONE       -4
#define AI_DECLINED   -5        /* not mine, absent, not applicable */


typedef struct {
    size_t             len;
    ai_char_t         *data;    /* not zero-terminated */
} ai_str_t;


/*
 * The same two fields, with what they hold in the name:
 *
 *   ai_str_t   plain bytes, as a person would read them
 *   ai_esc_t   the inside of a JSON string: escapes kept as the sender wrote
 *              them, without the quotes.  Text travels from one dialect to
 *              the other in this form and is never decoded on the way.
 *   ai_raw_t   a complete JSON value, as the sender spelled it
 *
 * len == 0 with data == NULL means absent.  An ai_esc_t of length 0 with
 * data != NULL is an empty string.
 */

typedef ai_str_t       ai_esc_t;
typedef ai_str_t       ai_raw_t;


#define ai_string(s)     { sizeof(s) - 1, (ai_char_t *) (s) }
#define ai_null_string   { 0, NULL }

#define ai_lit(s)        ((ai_str_t) ai_string(s))

#define ai_str_is(s, lit)                                                     \
    ((s)->len == sizeof(lit) - 1                                              \
     && memcmp((s)->data, lit, sizeof(lit) - 1) == 0)

#define ai_min(a, b)     ((a) < (b) ? (a) : (b))
#define ai_max(a, b)     ((a) > (b) ? (a) : (b))


/*
 * An allocator.  Blocks live until their owner frees them all at once; free()
 * gives one back early and may be NULL or do nothing.  Aligned for any type.
 */

typedef struct {
    void            *(*alloc)(void *data, size_t size);
    void             (*free)(void *data, void *p);
    void              *data;
} ai_pool_t;


#pragma GCC visibility push(hidden)


void *ai_palloc(const ai_pool_t *pool, size_t size);
void *ai_pcalloc(const ai_pool_t *pool, size_t size);
void ai_pfree(const ai_pool_t *pool, void *p);

/* a copy owned by the pool; dst->data is not NULL even for an empty src */
ai_int_t ai_str_dup(const ai_pool_t *pool, ai_str_t *dst, const ai_str_t *src);

ai_int_t ai_str_eq(const ai_str_t *a, const ai_str_t *b);        /* 1 or 0 */
ai_int_t ai_str_starts(const ai_str_t *s, const char *prefix);   /* 1 or 0 */

/* ASCII letters fold */
ai_int_t ai_str_caseeq(const ai_str_t *a, const ai_str_t *b);    /* 1 or 0 */
ai_int_t ai_str_casefind(const ai_str_t *s, const char *what);   /* 1 or 0 */

/* "gpt-4o*" matches by prefix, "*" everything, else the whole name */
ai_int_t ai_str_glob(const ai_str_t *pattern, const ai_str_t *s);


#pragma GCC visibility pop


#endif /* AI_BASE_H */
