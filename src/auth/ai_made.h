
/*
 * Keys that were made by ai_api: a file of lines, each of which is a change,
 * and the table that they make.
 *
 *     # a comment
 *     + CRC VERSION created=T ... hmac:HEX id=ci-bot team=search rpm=60
 *     - CRC VERSION ci-bot
 *     = CRC CURSOR EPOCH
 *
 * A key is made or changed; deleted; and where a node is in the changes that
 * several of them share.  CRC is that of what follows the blank behind it.  Of
 * two changes of one key the one with the higher version holds, whichever
 * comes first.
 *
 * What describes a key, its body, has some words in front of what a line of a
 * key file has: "created=T", "rotated=T", "blocked=T", seconds since 1970;
 * "print=HEX", which pepper "hmac:" is made with; "until=T", "was=hmac:HEX"
 * and "wasprint=HEX", the secret before, which is good until then.
 */

#ifndef AI_MADE_H
#define AI_MADE_H


#include <base/ai_buf.h>

#include <auth/ai_key.h>


#define AI_MADE_LINE_MAX  (AI_KEY_LINE_MAX + 512)
#define AI_MADE_ID_MAX    128
#define AI_PRINT_LEN      8
#define AI_EPOCH_LEN      32

#define AI_KEY_LOST       ((ai_uint_t) -2)  /* a pepper that is not there */


typedef struct ai_made_s      ai_made_t;
typedef struct ai_made_key_s  ai_made_key_t;


/* a digest as it is kept */
typedef struct {
    ai_char_t          digest[AI_DIGEST_LEN];
    ai_char_t          print[AI_PRINT_LEN];
    unsigned           hmac:1;      /* else SHA-256 alone, and no print */
} ai_made_digest_t;


/* all that describes a key */
typedef struct {
    int64_t            created;
    int64_t            rotated;     /* 0: never */
    int64_t            blocked;     /* 0: it is not */
    ai_made_digest_t   digest;
    int64_t            until;       /* 0: there is no secret before */
    ai_made_digest_t   was;
    ai_str_t           attrs;       /* as in a key file, "id=" too */
} ai_made_body_t;


struct ai_made_key_s {
    ai_str_t           id;
    int64_t            version;
    ai_key_t          *key;         /* NULL: it was deleted */
    ai_key_t          *old;         /* by the secret before; or NULL */
    ai_made_body_t     body;

    ai_made_key_t     *next;        /* in the order they were made in */
    ai_made_key_t    **back;
    ai_made_key_t     *by_id;
};


/* of the peppers that there are; [0] is AI_KEY_SHA256, and not looked at */
typedef struct {
    ai_char_t        (*print)[AI_PRINT_LEN];
    ai_uint_t          n;
} ai_made_peppers_t;


struct ai_made_s {
    const ai_pool_t   *pool;
    ai_made_peppers_t  peppers;
    ai_keys_t         *keys;        /* to be looked at only */
    ai_made_key_t     *first;
    ai_made_key_t    **last;
    ai_made_key_t    **by_id;
    ai_uint_t          nbuckets;    /* a power of 2 */
    ai_uint_t          n;           /* with those that were deleted */
    ai_uint_t          live;        /* without */
    ai_uint_t          lost;        /* live, with a pepper that is not there */
    ai_uint_t          lines;       /* that were read */
    int64_t            version;     /* the highest one */
    int64_t            cursor;
    ai_char_t          epoch[AI_EPOCH_LEN];
    unsigned           shared:1;    /* an epoch is known */
    unsigned           keep:1;      /* those that were deleted stay, as other
                                       nodes have to hear of it */
    void              *scratch;
};


#pragma GCC visibility push(hidden)


/* keep: see above.  Memory is given back piece by piece.  NULL: there is
 * none */
ai_made_t *ai_made_create(const ai_pool_t *pool,
    const ai_made_peppers_t *peppers, ai_uint_t keep);
void ai_made_free(ai_made_t *made);

/*
 * Reads whole lines; *used is how many bytes of text they are.  AI_ERROR: a
 * line is damaged, err is filled (lines are counted over all calls), and those
 * before it hold.
 */
ai_int_t ai_made_read(ai_made_t *made, const ai_str_t *text, size_t *used,
    ai_key_error_t *err);

/* one change without a file, as another node has made it; body empty: the key
 * was deleted.  AI_ERROR: err is filled */
ai_int_t ai_made_change(ai_made_t *made, int64_t version, const ai_str_t *id,
    const ai_str_t *body, ai_key_error_t *err);

/* one that there is, or was; NULL */
ai_made_key_t *ai_made_find(const ai_made_t *made, const ai_str_t *id);

/* good for a new key?  1 or 0 */
ai_int_t ai_made_is_id(const ai_str_t *id);


/* lines, to be read again */
void ai_made_put(ai_buf_t *b, int64_t version, const ai_str_t *body);
void ai_made_delete(ai_buf_t *b, int64_t version, const ai_str_t *id);
void ai_made_mark(ai_buf_t *b, int64_t cursor, const ai_char_t *epoch);
void ai_made_all(ai_buf_t *b, const ai_made_t *made);

void ai_made_body(ai_buf_t *b, const ai_made_body_t *body);

/* AI_ERROR: it is none, or has no key that could be used; err is filled.
 * attrs are a part of text */
ai_int_t ai_made_parse(const ai_pool_t *pool, const ai_str_t *text,
    ai_made_body_t *body, ai_key_t **key, ai_key_error_t *err);

/*
 * The attributes of a key as its line has them, out of a JSON object that has
 * them as members: texts, numbers, and lists of them; "meta" is an object of
 * others.  From old, which may be empty, those are taken that the object does
 * not mention; null removes one.  "id", "disabled" and "grace" are skipped.
 * AI_ERROR: err is filled.
 */
ai_int_t ai_made_attrs(ai_buf_t *b, const ai_json_t *doc, ai_ref_t object,
    const ai_str_t *old, ai_key_error_t *err);


/* members of a key for people: no digest, and ids and times are others' */
void ai_key_json(ai_buf_t *b, const ai_key_t *key);
/* "2027-01-31T23:59:59Z", with quotes */
void ai_key_json_time(ai_buf_t *b, int64_t seconds);


#pragma GCC visibility pop


#endif /* AI_MADE_H */
