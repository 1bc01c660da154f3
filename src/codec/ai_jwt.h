
/*
 * JSON Web Tokens signed with RS256 (RFC 7515, RFC 7518 section 3.3).
 *
 * The key is parsed once; signing takes about a millisecond for 2048 bits.
 */

#ifndef AI_JWT_H
#define AI_JWT_H


#include <base/ai_buf.h>


typedef struct evp_pkey_st  ai_jwt_key_t;   /* OpenSSL's EVP_PKEY */


#pragma GCC visibility push(hidden)


/*
 * A private RSA key of 2048 to 16384 bits from PEM, PKCS#8 or PKCS#1, without
 * a password.  NULL: *why is a static text.  To be freed by the caller.
 */
ai_jwt_key_t *ai_jwt_key(const ai_str_t *pem, const char **why);
void ai_jwt_key_free(ai_jwt_key_t *key);

/*
 * Appends header.claims.signature; claims is a JSON object as it is to be
 * signed, kid plain, empty: none in the header.  AI_ERROR: no memory, or
 * OpenSSL failed; out is then as before.
 */
ai_int_t ai_jwt_rs256(ai_jwt_key_t *key, const ai_str_t *kid,
    const ai_str_t *claims, ai_buf_t *out);

/* appends s in the alphabet of URLs, without padding */
void ai_jwt_base64url(ai_buf_t *b, const ai_str_t *s);


#pragma GCC visibility pop


#endif /* AI_JWT_H */
