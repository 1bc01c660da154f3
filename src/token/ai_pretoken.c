
/*
 * Words, as these expressions part a text (leftmost, alternatives in order,
 * classes of Unicode 16):
 *
 * cl100k   '(?i:[sdmt]|ll|ve|re) | [^\r\n\p{L}\p{N}]?+\p{L}++ | \p{N}{1,3}+
 *          | ?[^\s\p{L}\p{N}]++[\r\n]*+ | \s++$ | \s*[\r\n] | \s+(?!\S) | \s
 *
 * llama3   the same without \s++$, and so is
 * qwen     with \p{N} for \p{N}{1,3}
 *
 * o200k    [^\r\n\p{L}\p{N}]?U*L+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
 *          | [^\r\n\p{L}\p{N}]?U+L*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
 *          | \p{N}{1,3} | ?[^\s\p{L}\p{N}]+[\r\n/]*
 *          | \s*[\r\n]+ | \s+(?!\S) | \s+
 *          with U [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], L [\p{Ll}\p{Lm}\p{Lo}\p{M}]
 *
 * tekken   the same without (?i:...)?, \p{N} for \p{N}{1,3}
 *
 * What they have in common: a blank is only the first character of a word, or
 * newlines are its last, or all is blank; a digit is only among digits.
 */

#include <base/ai_scan.h>
#include <token/ai_pretoken_int.h>


#define ai_word_inline     static inline __attribute__((always_inline))


static inline unsigned
ai_char_class(const ai_char_t *p, const ai_char_t *end, size_t *n)
{
    if (*p < 0x80) {
        *n = 1;
        return ai_unicode_class[*p];
    }

    return ai_char_wide(p, end, n);
}


/* past the characters of these classes */

ai_word_inline const ai_char_t *
ai_word_run(const ai_char_t *p, const ai_char_t *end, unsigned set)
{
    size_t  n;

    for ( ;; ) {

        while (p < end && *p < 0x80) {
            if (!(ai_unicode_class[*p] & set)) {
                return p;
            }

            p++;
        }

        if (p == end || !(ai_char_wide(p, end, &n) & set)) {
            return p;
        }

        p += n;
    }
}


/*
 * 's, 't, 're, 've, 'm, 'll, 'd, in either case; U+017F is an s to those who
 * fold.  The length, or 0.
 */

size_t
ai_pretoken_short(const ai_char_t *p, const ai_char_t *end)
{
    unsigned   next;
    ptrdiff_t  left;

    left = end - p;

    if (left < 2) {
        return 0;
    }

    next = left < 3 ? 0 : p[2];

    if (p[1] == 0xc5) {
        return next == 0xbf ? 3 : 0;
    }

    next |= 0x20;

    switch (p[1] | 0x20) {

    case 's':
    case 't':
    case 'm':
    case 'd':
        return 2;

    case 'r':
    case 'v':
        return next == 'e' ? 3 : 0;

    case 'l':
        return next == 'l' ? 3 : 0;

    default:
        return 0;
    }
}


/*
 * U*L+ or U+L* from a letter or mark on.  When no lower letter follows U*, L+
 * gets the last character of it that is in both sets.
 */

ai_word_inline const ai_char_t *
ai_word_cases(const ai_char_t *p, const ai_char_t *end, unsigned *open)
{
    size_t            n;
    unsigned          c;
    const ai_char_t  *both;

    both = NULL;
    c = 0;

    while (p < end) {
        c = ai_char_class(p, end, &n);

        if (!(c & (AI_CHAR_UPPER|AI_CHAR_BOTH|AI_CHAR_MARK))) {
            break;
        }

        p += n;

        if (c & (AI_CHAR_BOTH|AI_CHAR_MARK)) {
            both = p;
        }
    }

    if (p < end && (c & AI_CHAR_LOWER)) {
        p = ai_word_run(p, end, AI_CHAR_LOWER|AI_CHAR_BOTH|AI_CHAR_MARK);
        both = NULL;
    }

    *open = p == end;

    return both ? both : p;
}


ai_word_inline const ai_char_t *
ai_word_letters(const ai_char_t *p, const ai_char_t *end, unsigned how,
    unsigned *open)
{
    size_t  n;

    if (!(how & AI_WORD_CASES)) {
        p = ai_word_run(p, end, AI_CHAR_LETTER);
        *open = p == end;
        return p;
    }

    p = ai_word_cases(p, end, open);

    if ((how & AI_WORD_SUFFIX) && p < end && *p == '\'') {
        n = ai_pretoken_short(p, end);
        *open = n == 0 && end - p < 3;
        p += n;
    }

    return p;
}


ai_word_inline const ai_char_t *
ai_word_digits(const ai_char_t *p, const ai_char_t *end, unsigned how,
    unsigned *open)
{
    size_t    n;
    unsigned  i, most;

    most = how & AI_WORD_THOUSAND ? 3 : 1;

    for (i = 0; i < most && p < end; i++) {
        if (!(ai_char_class(p, end, &n) & AI_CHAR_NUMBER)) {
            return p;
        }

        p += n;
    }

    *open = i < most;

    return p;
}


ai_word_inline const ai_char_t *
ai_word_other(const ai_char_t *p, const ai_char_t *end, unsigned how,
    unsigned *open)
{
    p = ai_word_run(p, end, AI_CHAR_OTHER|AI_CHAR_MARK);

    while (p < end
           && (*p == '\n' || *p == '\r'
               || ((how & AI_WORD_SLASH) && *p == '/')))
    {
        p++;
    }

    *open = p == end;

    return p;
}


static const ai_char_t *
ai_word_blank(const ai_char_t *start, const ai_char_t *end, unsigned how,
    unsigned *open)
{
    size_t            n;
    unsigned          c;
    const ai_char_t  *p, *last, *newline;

    last = start;
    newline = NULL;

    for (p = start; p < end; p += n) {
        c = ai_char_class(p, end, &n);

        if (!(c & AI_CHAR_BLANK)) {
            break;
        }

        last = p;

        if (c == AI_CHAR_NEWLINE) {
            newline = p + 1;
        }
    }

    *open = p == end;

    if (newline && !(p == end && (how & AI_WORD_TAIL))) {
        return newline;
    }

    return p == end || last == start ? p : last;
}


/* open: with more text it could end elsewhere */

ai_word_inline const ai_char_t *
ai_word_next(const ai_char_t *p, const ai_char_t *end, unsigned how,
    unsigned *open)
{
    size_t    n, m;
    unsigned  c, next, letter;

    letter = AI_CHAR_LETTER | (how & AI_WORD_CASES ? AI_CHAR_MARK : 0);

    *open = 0;
    c = ai_char_class(p, end, &n);

    if (c & letter) {
        return ai_word_letters(p, end, how, open);
    }

    if (c & AI_CHAR_NUMBER) {
        return ai_word_digits(p, end, how, open);
    }

    next = 0;

    if (c != AI_CHAR_NEWLINE && p + n < end) {

        if ((how & AI_WORD_PREFIX) && *p == '\'') {
            m = ai_pretoken_short(p, end);

            if (m) {
                return p + m;
            }
        }

        next = ai_char_class(p + n, end, &m);

        if (next & letter) {
            return ai_word_letters(p + n, end, how, open);
        }
    }

    if (c & (AI_CHAR_OTHER|AI_CHAR_MARK)) {
        return ai_word_other(p, end, how, open);
    }

    if (*p == ' ' && (next & (AI_CHAR_OTHER|AI_CHAR_MARK))) {
        return ai_word_other(p + 1, end, how, open);
    }

    return ai_word_blank(p, end, how, open);
}


static const ai_char_t *
ai_word_any(ai_pretoken_e pattern, const ai_char_t *p, const ai_char_t *end,
    unsigned *open)
{
    switch (pattern) {

    case AI_PRETOKEN_CL100K:
        return ai_word_next(p, end, AI_WORD_CL100K, open);

    case AI_PRETOKEN_O200K:
        return ai_word_next(p, end, AI_WORD_O200K, open);

    case AI_PRETOKEN_TEKKEN:
        return ai_word_next(p, end, AI_WORD_TEKKEN, open);

    case AI_PRETOKEN_QWEN:
        return ai_word_next(p, end, AI_WORD_QWEN, open);

    default: /* AI_PRETOKEN_LLAMA3 */
        return ai_word_next(p, end, AI_WORD_LLAMA3, open);
    }
}


size_t
ai_pretoken_next(ai_pretoken_e pattern, const ai_char_t *p, size_t len)
{
    unsigned  open;

    return (size_t) (ai_word_any(pattern, p, p + len, &open) - p);
}


const ai_char_t *
ai_pretoken_valid(const ai_char_t *p, const ai_char_t *end)
{
    const ai_char_t  *q;

    for ( ;; ) {

#if (AI_SCAN_SSE2)
        while (end - p >= 16
               && _mm_movemask_epi8(_mm_loadu_si128((const __m128i *) p)) == 0)
        {
            p += 16;
        }
#endif

        while (end - p >= 8 && (ai_scan_load(p) & AI_SWAR_HIGH) == 0) {
            p += 8;
        }

        while (p < end && *p < 0x80) {
            p++;
        }

        q = ai_utf8_run(p, end);

        if (q == p) {
            return p;
        }

        p = q;
    }
}


/*
 * The class of what ends at p, where a character starts or the text ends.
 * *prev is its first byte, *after the class of what starts there; 0: that
 * depends on what follows the end.  What is ill-formed is U+FFFD.
 */

static unsigned
ai_char_before(const ai_char_t *start, const ai_char_t *p,
    const ai_char_t *end, const ai_char_t **prev, unsigned *after)
{
    size_t            n;
    const ai_char_t  *q;

    for (q = p - 1; q > start && ai_utf8_tail(*q); q--) { /* void */ }

    *prev = q;

    if (*q < 0x80) {
        *after = ai_unicode_class[*q];
        n = 1;

    } else {
        n = ai_utf8_len(q, end);

        if (n) {
            *after = ai_char_wide(q, end, &n);

        } else {
            *after = end - q < 4 && ai_utf8_bad(q, end) == end - q
                     ? 0 : AI_CHAR_OTHER;
        }
    }

    /* there may be stray bytes behind it */

    return n == (size_t) (p - q) ? *after : AI_CHAR_OTHER;
}


/*
 * May a text always be parted between these two, whatever is around them?
 * Not behind a space: how many of them are a word depends on what follows.
 */

static int
ai_word_parts(unsigned before, unsigned after, ai_char_t c)
{
    switch (before) {

    case AI_CHAR_UPPER:
    case AI_CHAR_LOWER:
    case AI_CHAR_BOTH:
        return (after & (AI_CHAR_BLANK|AI_CHAR_NUMBER))
               || (after == AI_CHAR_OTHER && c != '\'');

    case AI_CHAR_NUMBER:
        return after && after != AI_CHAR_NUMBER;

    case AI_CHAR_NEWLINE:
        return after && !(after & AI_CHAR_BLANK) && c != '/';

    case AI_CHAR_OTHER:
    case AI_CHAR_MARK:
        return (after & (AI_CHAR_SPACE|AI_CHAR_NUMBER)) != 0;

    default: /* AI_CHAR_SPACE */
        return 0;
    }
}


/*
 * From the end back to two characters that are certain, and from there on
 * word by word.
 */

size_t
ai_pretoken_stable(ai_pretoken_e pattern, const ai_char_t *start, size_t len)
{
    unsigned          open, before, after, next;
    const ai_char_t  *p, *q, *end;

    end = start + len;
    after = 0;

    for (p = end; p > start; p = q, after = next) {
        before = ai_char_before(start, p, end, &q, &next);

        if (after && ai_word_parts(before, after, *p)) {
            break;
        }
    }

    len = (size_t) (p - start);
    end = ai_pretoken_valid(p, end);

    for (q = p; q < end; /* void */ ) {
        q = ai_word_any(pattern, q, end, &open);

        if (open) {
            break;
        }

        if (ai_char_before(p, q, end, &p, &next) != AI_CHAR_SPACE) {
            len = (size_t) (q - start);
        }

        p = q;
    }

    return len;
}
