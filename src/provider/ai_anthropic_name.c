
/*
 * Names and ids that Anthropic's patterns do not allow are replaced by ones
 * that follow from the old bytes alone, so call and result, request and
 * answer agree without anything being remembered.
 */

#include <provider/ai_anthropic_int.h>


typedef struct {
    uint32_t           h[8];
    ai_char_t          digest[32];
} ai_sha256_t;


static void ai_sha256(ai_sha256_t *c, const ai_str_t *s);
static void ai_sha256_block(uint32_t h[8], const ai_char_t *p);
static ai_int_t ai_anthropic_word(const ai_str_t *s, size_t max);
static ai_int_t ai_anthropic_decoded(ai_buf_t *b, const ai_esc_t *s,
    ai_str_t *out);
static void ai_anthropic_hex(ai_buf_t *b, const ai_sha256_t *c, size_t n);


static const uint32_t  ai_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
    0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
    0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};


/* bytes of [a-zA-Z0-9_-] */

static ai_int_t
ai_anthropic_is_word(ai_char_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '-';
}


void
ai_anthropic_name(ai_buf_t *b, const ai_esc_t *name)
{
    size_t        i, at, len;
    ai_str_t      s;
    ai_sha256_t   c;

    if (ai_anthropic_decoded(b, name, &s) != AI_OK
        || ai_anthropic_word(&s, AI_ANTHROPIC_NAME_MAX))
    {
        return;
    }

    ai_sha256(&c, &s);

    at = ai_buf_len(b) - s.len;
    len = ai_min(s.len, AI_ANTHROPIC_NAME_MAX - 9);

    for (i = 0; i < len; i++) {
        if (!ai_anthropic_is_word(s.data[i])) {
            s.data[i] = '_';
        }
    }

    b->last = b->start + at + len;

    ai_buf_char(b, '_');
    ai_anthropic_hex(b, &c, 4);
}


const ai_esc_t *
ai_anthropic_name_back(const ai_request_t *rq, const ai_esc_t *name,
    ai_buf_t *scratch)
{
    size_t            i;
    ai_str_t          s;
    const ai_tool_t  *tool;

    if (rq == NULL || name->len < 9 || name->data[name->len - 9] != '_') {
        return NULL;
    }

    for (i = name->len - 8; i < name->len; i++) {
        if (memchr("0123456789abcdef", name->data[i], 16) == NULL) {
            return NULL;
        }
    }

    for (tool = rq->tools; tool != NULL; tool = tool->next) {
        ai_buf_reset(scratch);
        ai_anthropic_name(scratch, &tool->name);

        if (scratch->failed) {
            return NULL;
        }

        s = ai_buf_str(scratch);

        if (ai_str_eq(&s, name)) {
            return &tool->name;
        }
    }

    return NULL;
}


void
ai_anthropic_id(ai_buf_t *b, const ai_esc_t *id)
{
    ai_str_t      s;
    ai_sha256_t   c;

    if (ai_anthropic_decoded(b, id, &s) != AI_OK
        || ai_anthropic_word(&s, AI_ANTHROPIC_ID_MAX))
    {
        return;
    }

    ai_sha256(&c, &s);

    b->last -= s.len;

    ai_buf_lit(b, "call_");
    ai_anthropic_hex(b, &c, 16);
}


void
ai_anthropic_user(ai_buf_t *b, const ai_esc_t *user)
{
    size_t        i, digits;
    ai_str_t      s;
    unsigned      plain, letter;
    ai_char_t     ch;
    ai_sha256_t   c;

    if (ai_anthropic_decoded(b, user, &s) != AI_OK) {
        return;
    }

    plain = (s.len > 0 && s.len <= 256);
    letter = 0;
    digits = 0;

    for (i = 0; plain && i < s.len; i++) {
        ch = s.data[i];
        plain = ai_anthropic_is_word(ch) || ch == '.' || ch == ':';

        if (ch >= '0' && ch <= '9') {
            digits++;

        } else if (ch != '-' && ch != '.' && ch != ':') {
            letter = 1;
        }
    }

    if (plain && (letter || digits < 7)) {
        return;
    }

    ai_sha256(&c, &s);

    b->last -= s.len;
    ai_anthropic_hex(b, &c, 32);
}


/* appends s decoded and says where it lies */

static ai_int_t
ai_anthropic_decoded(ai_buf_t *b, const ai_esc_t *s, ai_str_t *out)
{
    size_t  at;

    if (ai_buf_reserve(b, s->len + 1) != AI_OK) {
        return AI_ERROR;
    }

    at = ai_buf_len(b);
    ai_json_unescape(b, s);

    if (b->failed) {
        return AI_ERROR;
    }

    out->data = b->start + at;
    out->len = ai_buf_len(b) - at;

    return AI_OK;
}


static ai_int_t
ai_anthropic_word(const ai_str_t *s, size_t max)
{
    size_t  i;

    if (s->len == 0 || s->len > max) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if (!ai_anthropic_is_word(s->data[i])) {
            return 0;
        }
    }

    return 1;
}


static void
ai_anthropic_hex(ai_buf_t *b, const ai_sha256_t *c, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        ai_buf_char(b, (ai_char_t) "0123456789abcdef"[c->digest[i] >> 4]);
        ai_buf_char(b, (ai_char_t) "0123456789abcdef"[c->digest[i] & 15]);
    }
}


/* FIPS 180-4 */

static void
ai_sha256(ai_sha256_t *c, const ai_str_t *s)
{
    size_t            n, i;
    uint64_t          bits;
    ai_char_t         tail[128];
    const ai_char_t  *p;

    static const uint32_t  init[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    };

    memcpy(c->h, init, sizeof(init));

    p = s->data;

    for (n = s->len; n >= 64; n -= 64) {
        ai_sha256_block(c->h, p);
        p += 64;
    }

    memset(tail, 0, sizeof(tail));

    if (n > 0) {
        memcpy(tail, p, n);
    }

    tail[n] = 0x80;
    n = (n < 56) ? 64 : 128;
    bits = (uint64_t) s->len * 8;

    for (i = 0; i < 8; i++) {
        tail[n - 1 - i] = (ai_char_t) (bits >> (8 * i));
    }

    for (i = 0; i < n; i += 64) {
        ai_sha256_block(c->h, tail + i);
    }

    for (i = 0; i < 32; i++) {
        c->digest[i] = (ai_char_t) (c->h[i / 4] >> (24 - 8 * (i % 4)));
    }
}


#define ai_ror(x, n)  ((x) >> (n) | (x) << (32 - (n)))


static void
ai_sha256_block(uint32_t h[8], const ai_char_t *p)
{
    uint32_t  w[64], v[8], t1, t2;
    unsigned  i;

    for (i = 0; i < 16; i++) {
        w[i] = (uint32_t) p[4 * i] << 24 | (uint32_t) p[4 * i + 1] << 16
               | (uint32_t) p[4 * i + 2] << 8 | p[4 * i + 3];
    }

    for (i = 16; i < 64; i++) {
        t1 = ai_ror(w[i - 2], 17) ^ ai_ror(w[i - 2], 19) ^ w[i - 2] >> 10;
        t2 = ai_ror(w[i - 15], 7) ^ ai_ror(w[i - 15], 18) ^ w[i - 15] >> 3;
        w[i] = t1 + w[i - 7] + t2 + w[i - 16];
    }

    memcpy(v, h, sizeof(v));

    for (i = 0; i < 64; i++) {
        t1 = v[7] + (ai_ror(v[4], 6) ^ ai_ror(v[4], 11) ^ ai_ror(v[4], 25))
             + ((v[4] & v[5]) ^ (~v[4] & v[6])) + ai_sha256_k[i] + w[i];
        t2 = (ai_ror(v[0], 2) ^ ai_ror(v[0], 13) ^ ai_ror(v[0], 22))
             + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

        memmove(&v[1], &v[0], 7 * sizeof(uint32_t));
        v[4] += t1;
        v[0] = t1 + t2;
    }

    for (i = 0; i < 8; i++) {
        h[i] += v[i];
    }
}
