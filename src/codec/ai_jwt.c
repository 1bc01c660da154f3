
#include <codec/ai_jwt.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>


#define AI_JWT_PEM_MAX    65536
#define AI_JWT_BITS_MIN   2048
#define AI_JWT_BITS_MAX   16384


static int ai_jwt_password(char *buf, int size, int rwflag, void *data);
static ai_int_t ai_jwt_sign(ai_jwt_key_t *key, const ai_str_t *text,
    ai_buf_t *out);


ai_jwt_key_t *
ai_jwt_key(const ai_str_t *pem, const char **why)
{
    BIO           *bio;
    ai_jwt_key_t  *key;

    *why = "is no private key in PEM";

    if (pem->len == 0 || pem->len > AI_JWT_PEM_MAX) {
        return NULL;
    }

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);

    if (bio == NULL) {
        *why = "cannot be read, no memory";
        return NULL;
    }

    key = PEM_read_bio_PrivateKey(bio, NULL, ai_jwt_password, NULL);

    BIO_free(bio);

    /* what is left behind would be blamed on the next connection */

    ERR_clear_error();

    if (key == NULL) {
        return NULL;
    }

    if (EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
        *why = "is no RSA key";

    } else if (EVP_PKEY_bits(key) < AI_JWT_BITS_MIN) {
        *why = "is an RSA key of less than 2048 bits";

    } else if (EVP_PKEY_bits(key) > AI_JWT_BITS_MAX) {
        *why = "is an RSA key of more than 16384 bits";

    } else {
        return key;
    }

    EVP_PKEY_free(key);

    return NULL;
}


/* OpenSSL's own asks on the terminal */

static int
ai_jwt_password(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return -1;
}


void
ai_jwt_key_free(ai_jwt_key_t *key)
{
    EVP_PKEY_free(key);
}


ai_int_t
ai_jwt_rs256(ai_jwt_key_t *key, const ai_str_t *kid, const ai_str_t *claims,
    ai_buf_t *out)
{
    size_t    at;
    ai_str_t  text;
    ai_buf_t  header;

    at = ai_buf_len(out);

    ai_buf_init(&header, out->pool);
    ai_buf_lit(&header, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");

    if (kid->len) {
        ai_buf_lit(&header, ",\"kid\":");
        ai_buf_quote(&header, kid);
    }

    ai_buf_char(&header, '}');

    text = ai_buf_str(&header);

    ai_jwt_base64url(out, &text);
    ai_buf_char(out, '.');
    ai_jwt_base64url(out, claims);

    if (header.failed || out->failed) {
        goto failed;
    }

    text.data = out->start + at;
    text.len = ai_buf_len(out) - at;

    if (ai_jwt_sign(key, &text, out) == AI_OK) {
        return AI_OK;
    }

failed:

    if (out->start) {
        out->last = out->start + at;
    }

    return AI_ERROR;
}


/* appends "." and the signature of text, which is part of out */

static ai_int_t
ai_jwt_sign(ai_jwt_key_t *key, const ai_str_t *text, ai_buf_t *out)
{
    int          ok;
    size_t       len;
    ai_str_t     sig;
    ai_char_t    bytes[AI_JWT_BITS_MAX / 8];
    EVP_MD_CTX  *md;

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        return AI_ERROR;
    }

    len = sizeof(bytes);

    ok = (size_t) EVP_PKEY_size(key) <= sizeof(bytes)
         && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1
         && EVP_DigestSign(md, bytes, &len, text->data, text->len) == 1;

    EVP_MD_CTX_free(md);

    if (!ok) {
        ERR_clear_error();
        return AI_ERROR;
    }

    sig.data = bytes;
    sig.len = len;

    ai_buf_char(out, '.');
    ai_jwt_base64url(out, &sig);

    return out->failed ? AI_ERROR : AI_OK;
}


void
ai_jwt_base64url(ai_buf_t *b, const ai_str_t *s)
{
    size_t      i, n;
    uint32_t    w;
    ai_char_t  *p;

    static const char  abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789-_";

    if (s->len > SIZE_MAX / 4 * 3 - 4) {
        b->failed = 1;
        return;
    }

    n = s->len / 3 * 4 + (s->len % 3 ? s->len % 3 + 1 : 0);

    if (n == 0 || ai_buf_reserve(b, n) != AI_OK) {
        return;
    }

    p = b->last;

    for (i = 0; i + 3 <= s->len; i += 3) {
        w = (uint32_t) s->data[i] << 16 | (uint32_t) s->data[i + 1] << 8
            | s->data[i + 2];

        *p++ = (ai_char_t) abc[w >> 18];
        *p++ = (ai_char_t) abc[w >> 12 & 63];
        *p++ = (ai_char_t) abc[w >> 6 & 63];
        *p++ = (ai_char_t) abc[w & 63];
    }

    if (i < s->len) {
        w = (uint32_t) s->data[i] << 16;

        if (i + 1 < s->len) {
            w |= (uint32_t) s->data[i + 1] << 8;
        }

        *p++ = (ai_char_t) abc[w >> 18];
        *p++ = (ai_char_t) abc[w >> 12 & 63];

        if (i + 1 < s->len) {
            *p++ = (ai_char_t) abc[w >> 6 & 63];
        }
    }

    b->last = p;
}
