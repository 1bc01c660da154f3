
/*
 * Keys made for a test, in PEM, and base64url read by another program than the
 * one that writes it.
 */

#ifndef T_RSA_KEY_H
#define T_RSA_KEY_H


#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <base/ai_base.h>


typedef enum {
    RSA_KEY_PKCS8 = 0,
    RSA_KEY_PKCS1,
    RSA_KEY_ENCRYPTED,
    RSA_KEY_PUBLIC
} rsa_key_e;


static EVP_PKEY *
rsa_key(unsigned bits)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) bits);
}


/* to be freed */

static char *
rsa_key_pem(EVP_PKEY *key, rsa_key_e form)
{
    BIO   *bio;
    long   len;
    char  *p, *s;

    bio = BIO_new(BIO_s_mem());

    switch (form) {

    case RSA_KEY_PKCS1:
        PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL,
                                             NULL);
        break;

    case RSA_KEY_ENCRYPTED:
        PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret",
                                      6, NULL, NULL);
        break;

    case RSA_KEY_PUBLIC:
        PEM_write_bio_PUBKEY(bio, key);
        break;

    default:
        PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
        break;
    }

    len = BIO_get_mem_data(bio, &p);
    s = malloc((size_t) len + 1);
    memcpy(s, p, (size_t) len);
    s[len] = '\0';

    BIO_free(bio);

    return s;
}


/* -1: not base64url without padding; out has room for 3/4 of n */

static long
rsa_base64url(const unsigned char *s, size_t n, unsigned char *out)
{
    long         len;
    size_t       i;
    unsigned     bits, have;
    const char  *p;

    static const char  abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                               "stuvwxyz0123456789-_";

    len = 0;
    bits = 0;
    have = 0;

    for (i = 0; i < n; i++) {
        p = s[i] ? strchr(abc, s[i]) : NULL;

        if (p == NULL) {
            return -1;
        }

        bits = (bits << 6 | (unsigned) (p - abc)) & 0xffff;
        have += 6;

        if (have >= 8) {
            have -= 8;
            out[len++] = (unsigned char) (bits >> have);
        }
    }

    return have < 6 && (bits & ((1u << have) - 1)) == 0 ? len : -1;
}


/*
 * The parts of header.claims.signature, decoded in place of parts[0..2]; the
 * signature is verified with the public half of key.  1 or 0.
 */

static int
rsa_jwt_verify(EVP_PKEY *key, const unsigned char *s, size_t len,
    char header[1024], char claims[4096])
{
    int            rc;
    long           n;
    EVP_PKEY      *pub;
    BIO           *bio;
    char          *pem;
    unsigned char  sig[2048];
    EVP_MD_CTX    *md;
    const unsigned char  *one, *two;

    one = memchr(s, '.', len);
    two = one ? memchr(one + 1, '.', len - (size_t) (one + 1 - s)) : NULL;

    if (two == NULL || len > 5000) {
        return 0;
    }

    n = rsa_base64url(s, (size_t) (one - s), (unsigned char *) header);

    if (n < 0) {
        return 0;
    }

    header[n] = '\0';

    n = rsa_base64url(one + 1, (size_t) (two - one - 1),
                      (unsigned char *) claims);
    if (n < 0) {
        return 0;
    }

    claims[n] = '\0';

    n = rsa_base64url(two + 1, len - (size_t) (two + 1 - s), sig);

    if (n < 0) {
        return 0;
    }

    pem = rsa_key_pem(key, RSA_KEY_PUBLIC);
    bio = BIO_new_mem_buf(pem, -1);
    pub = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    md = EVP_MD_CTX_new();

    rc = EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, pub) == 1
         && EVP_DigestVerify(md, sig, (size_t) n, s, (size_t) (two - s)) == 1;

    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pub);
    BIO_free(bio);
    free(pem);

    return rc;
}


#endif /* T_RSA_KEY_H */
