
/*
 * RS256: signatures are verified by OpenSSL with the public half of keys that
 * are made here; base64url against the vectors of RFC 4648 and by decoding;
 * keys that are none; memory that fails.
 */

#include <stdio.h>
#include <openssl/err.h>
#include <codec/ai_jwt.h>
#include "tap.h"
#include "mem.h"
#include "rsa_key.h"


static void
base64url(void)
{
    size_t         i, k;
    ai_buf_t       b;
    ai_str_t       s, got;
    unsigned char  in[300], out[300];

    static const char  *const vectors[][2] = {
        { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "-_-_" }
    };

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        ai_buf_init(&b, mem_pool());
        s.data = (ai_char_t *) vectors[i][0];
        s.len = strlen(vectors[i][0]);

        ai_jwt_base64url(&b, &s);
        got = ai_buf_str(&b);
        is_str(got, vectors[i][1], "base64url of \"%s\"", vectors[i][1]);
    }

    for (i = 0; i < sizeof(in); i++) {
        for (k = 0; k < i; k++) {
            in[k] = (unsigned char) (k * 37 + i * 11);
        }

        ai_buf_init(&b, mem_pool());
        s.data = guard_copy(in, i);
        s.len = i;
        ai_jwt_base64url(&b, &s);

        if (b.failed
            || rsa_base64url(b.start, ai_buf_len(&b), out) != (long) i
            || (i && memcmp(in, out, i) != 0))
        {
            break;
        }

        guard_free();
    }

    is_int(i, sizeof(in), "all lengths come back");

    s.len = SIZE_MAX - 1;
    ai_buf_init(&b, mem_pool());
    ai_jwt_base64url(&b, &s);
    ok(b.failed, "a length beyond all is refused");

    mem_reset();
}


static void
sign(EVP_PKEY *pair, ai_jwt_key_t *key)
{
    char      header[1024], claims[4096];
    size_t    n;
    ai_buf_t  b;
    ai_str_t  kid, text;

    text = ai_lit("{\"iss\":\"a@b\",\"n\":1}");
    kid = ai_lit("k\"1");

    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&b, "before ");

    is_int(ai_jwt_rs256(key, &kid, &text, &b), AI_OK, "signed");
    is_mem(b.start, 7, "before ", 7, "what was there stays");
    ok(rsa_jwt_verify(pair, b.start + 7, ai_buf_len(&b) - 7, header, claims),
       "OpenSSL verifies it with the public key");
    is_cstr(header, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k\\\"1\"}",
            "header");
    is_cstr(claims, "{\"iss\":\"a@b\",\"n\":1}", "claims");

    b.start[20] ^= 1;
    ok(!rsa_jwt_verify(pair, b.start + 7, ai_buf_len(&b) - 7, header, claims),
       "the check would see a changed byte");

    ai_buf_init(&b, mem_pool());
    kid.len = 0;
    is_int(ai_jwt_rs256(key, &kid, &text, &b), AI_OK, "without a kid");
    ok(rsa_jwt_verify(pair, b.start, ai_buf_len(&b), header, claims),
       "verified");
    is_cstr(header, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", "no kid in it");

    /* the buffer of the header, and those of out as it grows */

    for (n = 1; n < 100; n++) {
        mem_reset();
        ai_buf_init(&b, mem_pool());
        ai_buf_lit(&b, "x");
        mem_fail_at(n);

        kid = ai_lit("kid");

        if (ai_jwt_rs256(key, &kid, &text, &b) == AI_OK) {
            break;
        }

        if (!mem_failed() || ai_buf_len(&b) != 1) {
            break;
        }
    }

    ok(n > 2 && !mem_failed(), "each of %zu allocations fails in turn",
       n - 1);

    mem_reset();
}


static void
refused(const char *what, const char *pem, size_t len)
{
    ai_str_t       s;
    const char    *why;
    ai_jwt_key_t  *key;

    s.data = guard_copy(pem, len);
    s.len = len;
    why = NULL;

    key = ai_jwt_key(&s, &why);
    ok(key == NULL && why != NULL, "%s: %s", what, why ? why : "taken");
    is_int(ERR_peek_error(), 0, "OpenSSL's errors are gone");

    ai_jwt_key_free(key);
    guard_free();
}


int
main(void)
{
    char          *pem;
    size_t         len, n, taken;
    EVP_PKEY      *pair, *other;
    ai_str_t       s;
    const char    *why;
    ai_jwt_key_t  *key;

    base64url();

    pair = rsa_key(2048);
    pem = rsa_key_pem(pair, RSA_KEY_PKCS8);
    len = strlen(pem);

    s.data = guard_copy(pem, len);
    s.len = len;
    key = ai_jwt_key(&s, &why);
    ok(key != NULL, "PKCS#8");
    sign(pair, key);
    ai_jwt_key_free(key);
    guard_free();

    /* only what lies behind the last line may be missing */

    taken = 0;

    for (n = 0; n + 1 < len; n += 7) {
        s.data = guard_copy(pem, n);
        s.len = n;
        key = ai_jwt_key(&s, &why);
        taken += (key != NULL);
        ai_jwt_key_free(key);
        guard_free();
    }

    is_int(taken, 0, "no beginning of it is a key");

    taken = 0;

    for (n = 30; n < len; n += 13) {
        pem[n] ^= 0x15;
        s.data = (ai_char_t *) pem;
        s.len = len;
        key = ai_jwt_key(&s, &why);
        ai_jwt_key_free(key);
        pem[n] ^= 0x15;
        taken += ERR_peek_error() != 0;
    }

    is_int(taken, 0, "changed bytes do no harm");
    free(pem);

    pem = rsa_key_pem(pair, RSA_KEY_PKCS1);
    ok(strstr(pem, "BEGIN RSA PRIVATE KEY") != NULL, "the other form");
    s.data = (ai_char_t *) pem;
    s.len = strlen(pem);
    key = ai_jwt_key(&s, &why);
    ok(key != NULL, "PKCS#1");
    sign(pair, key);
    ai_jwt_key_free(key);
    free(pem);

    pem = rsa_key_pem(pair, RSA_KEY_ENCRYPTED);
    refused("with a password", pem, strlen(pem));
    free(pem);

    pem = rsa_key_pem(pair, RSA_KEY_PUBLIC);
    refused("a public key", pem, strlen(pem));
    free(pem);

    EVP_PKEY_free(pair);

    other = rsa_key(1024);
    pem = rsa_key_pem(other, RSA_KEY_PKCS8);
    refused("1024 bits", pem, strlen(pem));
    free(pem);
    EVP_PKEY_free(other);

    other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    pem = rsa_key_pem(other, RSA_KEY_PKCS8);
    refused("an EC key", pem, strlen(pem));
    free(pem);
    EVP_PKEY_free(other);

    refused("nothing", "", 0);
    refused("a text", "not a key", 9);
    refused("an empty block", "-----BEGIN PRIVATE KEY-----\n"
            "-----END PRIVATE KEY-----\n", 54);

    pem = calloc(1, 70000);
    memset(pem, 'A', 70000);
    refused("70,000 bytes", pem, 70000);
    free(pem);

    return done();
}
