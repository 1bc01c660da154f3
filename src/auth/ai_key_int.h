
/*
 * Shared by the parser of key files and the table.
 */

#ifndef AI_KEY_INT_H
#define AI_KEY_INT_H


#include <auth/ai_key.h>


struct ai_keys_s {
    const ai_pool_t   *pool;
    ai_key_t          *first;
    ai_key_t         **last;
    ai_key_t          *nobody;      /* found where no key is */
    ai_uint_t          n;
    ai_uint_t          nbuckets;    /* a power of 2 */
    ai_key_t         **by_digest;
    ai_key_t         **by_id;
};


typedef enum {
    AI_KEY_ADDED = 0,
    AI_KEY_SAME_DIGEST,
    AI_KEY_SAME_ID,
    AI_KEY_NO_MEMORY
} ai_key_add_e;


#pragma GCC visibility push(hidden)


/*
 * One line, without its end.  *key is NULL where there is none in it, and else
 * of the pool, as all of its parts; err->line is not written.
 */
ai_int_t ai_key_parse(const ai_pool_t *pool, const ai_str_t *text,
    ai_uint_t pepper, ai_key_t **key, ai_key_error_t *err);

/* the key is kept; *other is the one that is in its way */
ai_key_add_e ai_keys_add(ai_keys_t *keys, ai_key_t *key, ai_key_t **other);

/* one that was added; its memory stays the caller's */
void ai_keys_remove(ai_keys_t *keys, ai_key_t *key);

/* so many can be added without more memory */
ai_int_t ai_keys_reserve(ai_keys_t *keys, ai_uint_t n);

/* gives back what the table itself has, not the keys */
void ai_keys_free(ai_keys_t *keys);

/* one with nothing in it */
ai_key_t *ai_key_create(const ai_pool_t *pool);

/* "2027-01-31", "2027-01-31T23:59:59Z" */
ai_int_t ai_key_date(const ai_str_t *text, int64_t *seconds);

#pragma GCC visibility pop


#endif /* AI_KEY_INT_H */
