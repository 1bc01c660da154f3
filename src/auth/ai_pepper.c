
/*
 * HMAC(K, m) = H((K ^ opad) || H((K ^ ipad) || m)), RFC 2104: the states of
 * both hashes behind their first block are kept, and copied for each token.
 */

#include <auth/ai_pepper.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>


#define AI_PEPPER_BLOCK  64         /* of SHA-256 */


struct ai_pepper_s {
    EVP_MD_CTX        *inner;
    EVP_MD_CTX        *outer;       /* NULL: SHA-256 alone */
    EVP_MD_CTX        *scratch;
};


static ai_int_t ai_pepper_key(ai_pepper_t *pepper, const ai_str_t *secret);
static ai_int_t ai_pepper_pad(EVP_MD_CTX *md, const ai_char_t *key,
    ai_char_t pad);
static ai_int_t ai_pepper_finish(const ai_pepper_t *pepper,
    const EVP_MD_CTX *md, const ai_char_t *data, size_t len,
    ai_char_t *digest);


ai_pepper_t *
ai_pepper_create(const ai_str_t *secret)
{
    ai_pepper_t  *pepper;

    pepper = OPENSSL_zalloc(sizeof(ai_pepper_t));
    if (pepper == NULL) {
        return NULL;
    }

    pepper->inner = EVP_MD_CTX_new();
    pepper->scratch = EVP_MD_CTX_new();

    if (pepper->inner == NULL || pepper->scratch == NULL
        || !EVP_DigestInit_ex(pepper->inner, EVP_sha256(), NULL)
        || (secret->len && ai_pepper_key(pepper, secret) != AI_OK))
    {
        ai_pepper_free(pepper);
        return NULL;
    }

    return pepper;
}


static ai_int_t
ai_pepper_key(ai_pepper_t *pepper, const ai_str_t *secret)
{
    ai_int_t   rc;
    ai_char_t  key[AI_PEPPER_BLOCK];

    memset(key, 0, sizeof(key));

    pepper->outer = EVP_MD_CTX_new();

    if (pepper->outer == NULL
        || !EVP_DigestInit_ex(pepper->outer, EVP_sha256(), NULL))
    {
        return AI_ERROR;
    }

    rc = AI_OK;

    if (secret->len > AI_PEPPER_BLOCK) {
        rc = ai_pepper_finish(pepper, pepper->inner, secret->data,
                              secret->len, key);
    } else {
        memcpy(key, secret->data, secret->len);
    }

    if (rc != AI_OK
        || ai_pepper_pad(pepper->inner, key, 0x36) != AI_OK
        || ai_pepper_pad(pepper->outer, key, 0x5c) != AI_OK)
    {
        rc = AI_ERROR;
    }

    OPENSSL_cleanse(key, sizeof(key));

    return rc;
}


static ai_int_t
ai_pepper_pad(EVP_MD_CTX *md, const ai_char_t *key, ai_char_t pad)
{
    int        ok;
    size_t     i;
    ai_char_t  block[AI_PEPPER_BLOCK];

    for (i = 0; i < AI_PEPPER_BLOCK; i++) {
        block[i] = key[i] ^ pad;
    }

    ok = EVP_DigestUpdate(md, block, sizeof(block));

    OPENSSL_cleanse(block, sizeof(block));

    return ok ? AI_OK : AI_ERROR;
}


void
ai_pepper_free(ai_pepper_t *pepper)
{
    if (pepper == NULL) {
        return;
    }

    EVP_MD_CTX_free(pepper->inner);
    EVP_MD_CTX_free(pepper->outer);
    EVP_MD_CTX_free(pepper->scratch);

    OPENSSL_free(pepper);
}


ai_int_t
ai_pepper_digest(const ai_pepper_t *pepper, const ai_str_t *token,
    ai_char_t digest[AI_DIGEST_LEN])
{
    if (ai_pepper_finish(pepper, pepper->inner, token->data, token->len,
                         digest)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (pepper->outer == NULL) {
        return AI_OK;
    }

    return ai_pepper_finish(pepper, pepper->outer, digest, AI_DIGEST_LEN,
                            digest);
}


static ai_int_t
ai_pepper_finish(const ai_pepper_t *pepper, const EVP_MD_CTX *md,
    const ai_char_t *data, size_t len, ai_char_t *digest)
{
    unsigned  n;

    if (!EVP_MD_CTX_copy_ex(pepper->scratch, md)
        || (len && !EVP_DigestUpdate(pepper->scratch, data, len))
        || !EVP_DigestFinal_ex(pepper->scratch, digest, &n))
    {
        return AI_ERROR;
    }

    return n == AI_DIGEST_LEN ? AI_OK : AI_ERROR;
}


ai_int_t
ai_random(ai_char_t *p, size_t n)
{
    return RAND_bytes(p, (int) n) == 1 ? AI_OK : AI_ERROR;
}


void
ai_cleanse(void *p, size_t len)
{
    OPENSSL_cleanse(p, len);
}


ai_int_t
ai_digest_eq(const ai_char_t *a, const ai_char_t *b)
{
    return CRYPTO_memcmp(a, b, AI_DIGEST_LEN) == 0;
}
