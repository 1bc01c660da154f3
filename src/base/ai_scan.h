
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

    /* signed: below 0x20 are the controls and everything above ASCII */
    hit = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));
    hit = _mm_or_si128(hit, _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
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


/* the first LF or CR, or end */

static inline const ai_char_t *
ai_scan_eol(const ai_char_t *p, const ai_char_t *end)
{
#if (AI_SCAN_SSE2)
    unsigned  mask;

    while (end - p >= 16) {
        mask = ai_scan_mask_eol(p);

        if (mask) {
            return p + __builtin_ctz(mask);
        }

        p += 16;
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


/* past the well-formed sequences at p: at end, at ASCII, or, if the byte
 * there is above ASCII, at a malformed one */

static inline const ai_char_t *
ai_utf8_run(const ai_char_t *p, const ai_char_t *end)
{
    unsigned  n;

    while (p < end && *p >= 0x80) {
        n = ai_utf8_len(p, end);

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
