
/*
 * SipHash-2-4, by Jean-Philippe Aumasson and Daniel J. Bernstein, of a key
 * that everybody may know: digits of pi.
 */

#include <base/ai_hash.h>


#define ai_rotl(x, n)  ((x) << (n) | (x) >> (64 - (n)))


static inline void ai_sipround(uint64_t v[4]);
static uint64_t ai_hash_u64(const ai_char_t *p, size_t n);


uint64_t
ai_hash(const ai_char_t *p, size_t len)
{
    size_t    i;
    uint64_t  m, v[4];

    static const uint64_t  key[2] = {
        0x243f6a8885a308d3, 0x13198a2e03707344
    };

    v[0] = key[0] ^ 0x736f6d6570736575;
    v[1] = key[1] ^ 0x646f72616e646f6d;
    v[2] = key[0] ^ 0x6c7967656e657261;
    v[3] = key[1] ^ 0x7465646279746573;

    for (i = 0; i <= len / 8; i++) {

        m = i < len / 8 ? ai_hash_u64(p + i * 8, 8)
            : ai_hash_u64(p + i * 8, len % 8) | (uint64_t) len << 56;

        v[3] ^= m;
        ai_sipround(v);
        ai_sipround(v);
        v[0] ^= m;
    }

    v[2] ^= 0xff;

    for (i = 0; i < 4; i++) {
        ai_sipround(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


static void
ai_sipround(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = ai_rotl(v[1], 13) ^ v[0];
    v[3] = ai_rotl(v[3], 16) ^ v[2];
    v[0] = ai_rotl(v[0], 32);

    v[2] += v[1];
    v[0] += v[3];
    v[1] = ai_rotl(v[1], 17) ^ v[2];
    v[3] = ai_rotl(v[3], 21) ^ v[0];
    v[2] = ai_rotl(v[2], 32);
}


static uint64_t
ai_hash_u64(const ai_char_t *p, size_t n)
{
    uint64_t  w;

    if (n == 8) {
        memcpy(&w, p, sizeof(w));

#if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        w = __builtin_bswap64(w);
#endif

        return w;
    }

    for (w = 0; n; n--) {
        w = w << 8 | p[n - 1];
    }

    return w;
}
