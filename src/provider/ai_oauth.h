
/*
 * Access tokens (RFC 6749): the form that asks for one, and the answer.
 */

#ifndef AI_OAUTH_H
#define AI_OAUTH_H


#include <codec/ai_json.h>


#define AI_OAUTH_TOKEN_MAX   2048
#define AI_OAUTH_EXPIRES     300            /* seconds, when none are told */
#define AI_OAUTH_EXPIRES_MAX (24 * 3600)


typedef struct {
    ai_str_t           token;       /* visible ASCII, 1 to 2048 bytes */
    int64_t            expires_in;  /* seconds, 1 to a day */
    ai_str_t           why;         /* of AI_ERROR: printable, and nothing in
                                       it that may be a secret */
} ai_oauth_t;


#pragma GCC visibility push(hidden)


/* appends name=value, encoded for a form, with "&" before all but the first */
void ai_oauth_field(ai_buf_t *b, const char *name, const ai_str_t *value);

/*
 * The answer of a token endpoint, or of a metadata server that speaks alike.
 * AI_OK, with spans of body or of pool; AI_ERROR: no token, o->why says why
 * and is owned by pool or static.
 */
ai_int_t ai_oauth_answer(unsigned status, const ai_str_t *body,
    const ai_pool_t *pool, ai_oauth_t *o);


#pragma GCC visibility pop


#endif /* AI_OAUTH_H */
