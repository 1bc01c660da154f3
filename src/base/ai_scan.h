
/*
 * Looking through bytes many at a time: where plain text stops, where a line
 * ends, and what is UTF-8.
 *
 * 16 bytes a step with SSE2, which every x86-64 has; 8 elsewhere.  Nothing
 * is read before "p" or at "end" and after it, not even within a page.
 */

#ifndef AI_SCAN_H
#define AI_SCAN_H


#include <base/ai_base.h>

#if defined(__SSE2__) && !defined(AI_NO_SIMD)
#define AI_SCAN_SSE2   1
#include <emmintrin.h>
#endif


#define AI_SWAR_ONES   0x0101010101010101ULL
#define AI_SWAR_HIGH   0x8080808080808080ULL


static inline uint64_t
ai_scan_load(const ai_char_t *p)
{
    uint64_t  w;

    memcpy(&w, p, sizeof(w));

    return w;
}


/* plain: neither a quote, nor a backslash, nor a control, nor above ASCII */

static inline int
ai_scan_is_plain(ai_char_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}


/*
 * Each term may flag a byte above a true hit by mistake (a borrow), never
 * below the first one and never without one; so zero means plain, and the
 * byte is then looked for one by one.
 */

static inline int
ai_scan_word_plain(uint64_t w)
{
    uint64_t  quote, slash;

    quote = w ^ (AI_SWAR_ONES * '"');
    slash = w ^ (AI_SWAR_ONES * '\\');

    return (((quote - AI_SWAR_ONES) | (slash - AI_SWAR_ONES)
             | (w - AI_SWAR_ONES * 0x20) | w) & AI_SWAR_HIGH) == 0;
}


static inline int
ai_scan_word_inline(uint64_t w)
{
    uint64_t  lf, cr;

    lf = w ^ (AI_SWAR_ONES * '\n');
    cr = w ^ (AI_SWAR_ONES * '\r');

    return ((((lf - AI_SWAR_ONES) & ~lf) | ((cr - AI_SWAR_ONES) & ~cr))
            & AI_SWAR_HIGH) == 0;
}


#if (AI_SCAN_SSE2)

static inline unsigned
ai_scan_mask_plain(const ai_char_t *p)
{
    __m128i  x, hit;

    x = _mm_loadu_si128((const __m128i *) p);

    /*
     * Signed, below 0x20 are the controls and everything above ASCII.  With
     * bit 1 turned over the quote, 0x22, is the next one, 0x20, and nothing
     * else changes sides.  Only the sign is looked at in the end.
     */
    hit = _mm_subs_epi8(_mm_xor_si128(x, _mm_set1_epi8(0x02)),
                        _mm_set1_epi8(0x21));
    hit = _mm_or_si128(hit, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));

    return (unsigned) _mm_movemask_epi8(hit);
}


static inline unsigned
ai_scan_mask_eol(const ai_char_t *p)
{
    __m128i  x, hit;

    x = _mm_loadu_si128((const __m128i *) p);

    hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n')),
                       _mm_cmpeq_epi8(x, _mm_set1_epi8('\r')));

    return (unsigned) _mm_movemask_epi8(hit);
}


/* is a byte among these 64 no larger than CR? */

static inline int
ai_scan_has_small(const ai_char_t *p)
{
    __m128i  a, b, c, d;

    a = _mm_loadu_si128((const __m128i *) p);
    b = _mm_loadu_si128((const __m128i *) (p + 16));
    c = _mm_loadu_si128((const __m128i *) (p + 32));
    d = _mm_loadu_si128((const __m128i *) (p + 48));

    a = _mm_min_epu8(_mm_min_epu8(a, b), _mm_min_epu8(c, d));
    b = _mm_min_epu8(a, _mm_set1_epi8('\r'));

    return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) != 0;
}

#endif


/* the first byte that is not plain, or end */

static inline const ai_char_t *
ai_scan_plain(const ai_char_t *p, const ai_char_t *end)
{
#if (AI_SCAN_SSE2)
    unsigned  mask;

    while (end - p >= 16) {
        mask = ai_scan_mask_plain(p);

        if (mask) {
            return p + __builtin_ctz(mask);
        }

        p += 16;
    }
#endif

    while (end - p >= 8 && ai_scan_word_plain(ai_scan_load(p))) {
        p += 8;
    }

    while (p < end && ai_scan_is_plain(*p)) {
        p++;
    }

    return p;
}


/*
 * The same for strings that mostly are short: a few steps of 16 bytes, of
 * which the last one may look back as far as "start".  Where it stops may be
 * plain after all.
 */

static inline const ai_char_t *
ai_scan_plain_near(const ai_char_t *start, const ai_char_t *p,
    const ai_char_t *end)
{
#if (AI_SCAN_SSE2)
    size_t    left;
    unsigned  mask;

    for ( /* void */ ; end - p >= 16; p += 16) {
        mask = ai_scan_mask_plain(p);

        if (mask) {
            return p + __builtin_ctz(mask);
        }
    }

    left = (size_t) (end - p);

    if (end - start >= 16 && left) {
        mask = ai_scan_mask_plain(end - 16) >> (16 - left);

        return mask ? p + __builtin_ctz(mask) : end;
    }
#endif

    return p;
}


/*
 * The first LF or CR, or end.  64 bytes that have nothing as small as CR are
 * passed over at once.
 */

static inline const ai_char_t *
ai_scan_eol(const ai_char_t *p, const ai_char_t *end)
{
#if (AI_SCAN_SSE2)
    unsigned          mask;
    const ai_char_t  *stop;

    stop = end - p >= 16 ? p + 16 : p;

    for ( ;; ) {

        for ( /* void */ ; p < stop; p += 16) {
            mask = ai_scan_mask_eol(p);

            if (mask) {
                return p + __builtin_ctz(mask);
            }
        }

        while (end - p >= 64 && !ai_scan_has_small(p)) {
            p += 64;
        }

        if (end - p < 16) {
            break;
        }

        stop = p + (end - p >= 64 ? 64 : (end - p) & 48);
    }
#endif

    while (end - p >= 8 && ai_scan_word_inline(ai_scan_load(p))) {
        p += 8;
    }

    while (p < end && *p != '\n' && *p != '\r') {
        p++;
    }

    return p;
}


#define ai_utf8_tail(c)  (((c) & 0xc0) == 0x80)


/*
 * The length of the well-formed sequence of two to four bytes at p, or 0: cut
 * off, overlong, a surrogate, above U+10FFFF, or a stray byte.
 */

static inline unsigned
ai_utf8_len(const ai_char_t *p, const ai_char_t *end)
{
    size_t  left;

    left = (size_t) (end - p);

    if (p[0] < 0xe0) {
        return p[0] >= 0xc2 && left >= 2 && ai_utf8_tail(p[1]) ? 2 : 0;
    }

    if (p[0] < 0xf0) {
        return left >= 3 && ai_utf8_tail(p[1]) && ai_utf8_tail(p[2])
               && (p[0] != 0xe0 || p[1] >= 0xa0)
               && (p[0] != 0xed || p[1] < 0xa0) ? 3 : 0;
    }

    return p[0] < 0xf5 && left >= 4 && ai_utf8_tail(p[1])
           && ai_utf8_tail(p[2]) && ai_utf8_tail(p[3])
           && (p[0] != 0xf0 || p[1] >= 0x90)
           && (p[0] != 0xf4 || p[1] < 0x90) ? 4 : 0;
}


/*
 * Past the well-formed sequences at p, and single plain bytes between them:
 * at end, at ASCII, or, if the byte there is above it, at a malformed one.
 */

static inline const ai_char_t *
ai_utf8_run(const ai_char_t *p, const ai_char_t *end)
{
    uint32_t  w;
    unsigned  n;

    while (p < end) {

#if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

        /* 3 bytes, neither overlong nor a surrogate; 2 bytes, not overlong */

        while (end - p >= 4) {
            memcpy(&w, p, sizeof(w));

            if ((w & 0xc0c0f0) == 0x8080e0) {
                w &= 0x200f;

                if (w == 0 || w == 0x200d) {
                    break;
                }

                p += 3;

            } else if ((w & 0xc0e0) == 0x80c0 && (w & 0x1e)) {
                p += 2;

            } else if ((w & 0x8000) && ai_scan_is_plain(*p)) {
                p++;

            } else {
                break;
            }
        }

        if (*p < 0x80) {
            break;
        }

#endif

        n = *p < 0x80 ? 0 : ai_utf8_len(p, end);

        if (n == 0) {
            break;
        }

        p += n;
    }

    return p;
}


/*
 * How many bytes of the malformed sequence at p one U+FFFD stands for: the
 * longest start of a well-formed one, at least 1 (Unicode 15, 3.9, D93b).
 */

static inline unsigned
ai_utf8_bad(const ai_char_t *p, const ai_char_t *end)
{
    unsigned   n, need;
    ai_char_t  lo, hi;

    lo = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    hi = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;

    need = p[0] < 0xc2 || p[0] > 0xf4 ? 1
           : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    for (n = 1; n < need && end - p > n && p[n] >= lo && p[n] <= hi; n++) {
        lo = 0x80;
        hi = 0xbf;
    }

    return n;
}


/* writes one code point, which is no surrogate; the length, 1 to 4 */

static inline unsigned
ai_utf8_put(ai_char_t *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (ai_char_t) c;
        return 1;
    }

    if (c < 0x800) {
        p[0] = (ai_char_t) (0xc0 | (c >> 6));
        p[1] = (ai_char_t) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        p[0] = (ai_char_t) (0xe0 | (c >> 12));
        p[1] = (ai_char_t) (0x80 | ((c >> 6) & 0x3f));
        p[2] = (ai_char_t) (0x80 | (c & 0x3f));
        return 3;
    }

    p[0] = (ai_char_t) (0xf0 | (c >> 18));
    p[1] = (ai_char_t) (0x80 | ((c >> 12) & 0x3f));
    p[2] = (ai_char_t) (0x80 | ((c >> 6) & 0x3f));
    p[3] = (ai_char_t) (0x80 | (c & 0x3f));

    return 4;
}


#endif /* AI_SCAN_H */
