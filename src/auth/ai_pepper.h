
/*
 * What keys are kept as: SHA-256, or HMAC-SHA-256 with a secret that does not
 * stand where the digests do.
 */

#ifndef AI_PEPPER_H
#define AI_PEPPER_H


#include <base/ai_base.h>


#define AI_DIGEST_LEN  32


typedef struct ai_pepper_s  ai_pepper_t;


#pragma GCC visibility push(hidden)


/*
 * The two halves of an HMAC with their key in them, so that the secret itself
 * need not stay; of an empty secret SHA-256 alone.  Memory is OpenSSL's.
 * NULL: there is none.
 */
ai_pepper_t *ai_pepper_create(const ai_str_t *secret);
void ai_pepper_free(ai_pepper_t *pepper);

/* not by two threads at once, it has scratch space; AI_ERROR: no memory */
ai_int_t ai_pepper_digest(const ai_pepper_t *pepper, const ai_str_t *token,
    ai_char_t digest[AI_DIGEST_LEN]);

/* bytes that nobody can guess; AI_ERROR: there are none */
ai_int_t ai_random(ai_char_t *p, size_t n);

/* so many bytes that were secret are zero, whatever the compiler thinks */
void ai_cleanse(void *p, size_t len);

/* 1 if they are the same, else 0; the time does not tell where not */
ai_int_t ai_digest_eq(const ai_char_t *a, const ai_char_t *b);


#pragma GCC visibility pop


#endif /* AI_PEPPER_H */
