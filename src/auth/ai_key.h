
/*
 * Virtual keys: the lines of a key file, and the table that they make.
 *
 *     hmac:HEX id=ci-bot team=search models=gpt-4o*,claude-* rpm=60
 *     sha256:HEX id=old team="Old Team" expires=2027-01-31 disabled
 *
 * No line has a key in it, only its digest.
 */

#ifndef AI_KEY_H
#define AI_KEY_H


#include <base/ai_limit.h>

#include <auth/ai_grant.h>
#include <auth/ai_pepper.h>


#define AI_KEY_LINE_MAX     16384   /* bytes */
#define AI_KEY_NEVER        INT64_MAX

#define AI_KEY_SHA256       0       /* the pepper of "sha256:" */


typedef struct {
    ai_str_t           name;        /* in lower case */
    ai_str_t           value;
} ai_key_attr_t;


typedef struct ai_key_s   ai_key_t;
typedef struct ai_keys_s  ai_keys_t;


struct ai_key_s {
    ai_char_t          digest[AI_DIGEST_LEN];
    ai_uint_t          pepper;      /* AI_KEY_SHA256, or the file's */

    ai_str_t           id;          /* never empty, except of no key at all */
    ai_str_t           team;
    ai_str_t           project;
    ai_str_t           customer;
    ai_str_t           user;
    ai_str_t           tier;
    ai_str_t           role;        /* as written */
    const void        *holder;      /* the owner's, of that name */

    ai_grant_t         grant;

    ai_limit_t         rpm;         /* amount -1: none */
    ai_limit_t         tpm;
    ai_limit_t         budget;

    int64_t            expires;     /* seconds since 1970; from then on it is
                                       no good */
    ai_key_attr_t     *attrs;       /* not built in */
    ai_uint_t          nattrs;

    ai_uint_t          file;        /* as given to ai_keys_parse() */
    ai_uint_t          line;
    ai_key_t          *next;        /* in the file's order */
    ai_key_t         **back;
    ai_key_t          *by_digest;
    ai_key_t          *by_id;

    unsigned           disabled:1;
    unsigned           made:1;      /* by ai_api: it may go at any time */
    unsigned           alias:1;     /* another secret of a key, found by its
                                       digest only */
};


/* what is wrong with a file, and where; shows no digest */
typedef struct {
    ai_uint_t          line;
    char               text[256];
} ai_key_error_t;


typedef enum {
    AI_KEY_GOOD = 0,
    AI_KEY_UNKNOWN,
    AI_KEY_EXPIRED,
    AI_KEY_DISABLED
} ai_key_state_e;


#pragma GCC visibility push(hidden)


/* an empty table; NULL: no memory */
ai_keys_t *ai_keys_create(const ai_pool_t *pool);

/*
 * Adds a file's lines.  pepper: which one its "hmac:" lines are made with,
 * from 1 on; 0: none, and they are refused.  file: any number, kept with each
 * key.  Nothing of text is referred to afterwards.  AI_ERROR: err is filled,
 * and the table is to be thrown away.
 */
ai_int_t ai_keys_parse(ai_keys_t *keys, const ai_str_t *text,
    ai_uint_t pepper, ai_uint_t file, ai_key_error_t *err);

ai_uint_t ai_keys_count(const ai_keys_t *keys);
ai_key_t *ai_keys_first(const ai_keys_t *keys);      /* then ->next */

/* by its id; NULL: there is none */
const ai_key_t *ai_keys_by_id(const ai_keys_t *keys, const ai_str_t *id);

/*
 * Looks a digest up that this pepper made.  *key is always a key: for
 * AI_KEY_UNKNOWN one that nobody has, so that what follows takes the same
 * path.  All that is compared is compared whole.
 */
ai_key_state_e ai_keys_find(const ai_keys_t *keys, ai_uint_t pepper,
    const ai_char_t *digest, int64_t now, const ai_key_t **key);

/* all of a key in one block; NULL: no memory */
ai_key_t *ai_key_copy(const ai_pool_t *pool, const ai_key_t *key);

/* an attribute that is not built in; NULL: it has none of this name */
const ai_str_t *ai_key_attr(const ai_key_t *key, const ai_str_t *name);

/* may both of them?  Each may be NULL; a key only narrows its role */
ai_int_t ai_key_permits(const ai_key_t *key, const ai_grant_t *role,
    ai_grant_e what, const ai_str_t *name);


#pragma GCC visibility pop


#endif /* AI_KEY_H */
