
/*
 * Many words at once.  Of 64 bytes it is found by arithmetic on bits where
 * words start, one bit a byte: a branch for each word, which nobody can
 * predict, would take more time than all of this.  A few letters and dashes
 * above ASCII do not matter; what is not that simple goes word by word.
 */

#include <base/ai_scan.h>
#include <token/ai_pretoken_int.h>


#define AI_BLOCK           64
#define AI_BLOCK_LEAST     12       /* bytes that are worth it */
#define AI_BLOCK_WIDE      12       /* characters above ASCII that are */


#if (AI_SCAN_SSE2)

static const uint8_t  ai_pretoken_how[] = {
    AI_WORD_CL100K,
    AI_WORD_O200K,
    AI_WORD_TEKKEN,
    AI_WORD_QWEN,
    AI_WORD_LLAMA3
};


/* a bit a byte, the first byte is the lowest */
typedef struct {
    uint64_t           upper;
    uint64_t           lower;
    uint64_t           digit;
    uint64_t           newline;     /* CR, LF */
    uint64_t           blank;       /* these, too */
    uint64_t           space;       /* 0x20 alone */
    uint64_t           quote;
    uint64_t           slash;
    uint64_t           tail;        /* of others above ASCII, but the first */
    unsigned           len;         /* so many are known */
} ai_block_t;


#define ai_block_below(n)  ((n) < 64 ? ((uint64_t) 1 << (n)) - 1 : UINT64_MAX)

/* in from .. from + n - 1, n < 128 */
#define ai_block_range(x, from, n)                                            \
    _mm_cmplt_epi8(_mm_add_epi8(x, _mm_set1_epi8((char) (0x80 - (from)))),    \
                   _mm_set1_epi8((char) (0x80 + (n))))

#define ai_block_mask(x)   ((uint64_t) (unsigned) _mm_movemask_epi8(x))
#define ai_block_is(x, c)  ai_block_mask(_mm_cmpeq_epi8(x, _mm_set1_epi8(c)))


static inline uint64_t
ai_block_high(const ai_char_t *p)
{
    unsigned  i;
    uint64_t  high;

    high = 0;

    for (i = 0; i < AI_BLOCK; i += 16) {
        high |= ai_block_mask(_mm_loadu_si128((const __m128i *) (p + i))) << i;
    }

    return high;
}


/* cased letters and others are like those of ASCII, the rest ends the block */

static void
ai_block_wide(ai_block_t *b, const ai_char_t *p, uint64_t high)
{
    size_t    n;
    unsigned  at, most;
    uint64_t  bits;

    for (most = AI_BLOCK_WIDE; high; high &= ~bits) {
        at = (unsigned) __builtin_ctzll(high);
        b->len = at;

        if (most-- == 0 || at > AI_BLOCK - 4) {
            return;
        }

        switch (ai_char_wide(p + at, p + AI_BLOCK, &n)) {

        case AI_CHAR_UPPER:
            bits = ai_block_below(n) << at;
            b->upper |= bits;
            break;

        case AI_CHAR_LOWER:
            bits = ai_block_below(n) << at;
            b->lower |= bits;
            break;

        case AI_CHAR_OTHER:
            bits = ai_block_below(n) << at;
            b->tail |= bits & (bits << 1);
            break;

        default:
            return;
        }
    }

    b->len = AI_BLOCK;
}


static inline void
ai_block_load(ai_block_t *b, const ai_char_t *p, uint64_t high)
{
    __m128i   x;
    unsigned  i;
    uint64_t  alpha, small, known;

    memset(b, 0, sizeof(ai_block_t));
    b->len = AI_BLOCK;

    for (i = 0; i < AI_BLOCK; i += 16) {
        x = _mm_loadu_si128((const __m128i *) (p + i));

        /* the bit that makes a letter small is moved to where the sign is */
        small = ai_block_mask(_mm_slli_epi16(x, 2));
        alpha = ai_block_mask(ai_block_range(
                                  _mm_or_si128(x, _mm_set1_epi8(0x20)), 'a',
                                  26));

        b->upper |= (alpha & ~small) << i;
        b->lower |= (alpha & small) << i;
        b->digit |= ai_block_mask(ai_block_range(x, '0', 10)) << i;
        b->blank |= ai_block_mask(ai_block_range(x, '\t', 5)) << i;
        b->newline |= (ai_block_is(x, '\n') | ai_block_is(x, '\r')) << i;
        b->space |= ai_block_is(x, ' ') << i;
        b->quote |= ai_block_is(x, '\'') << i;
        b->slash |= ai_block_is(x, '/') << i;
    }

    if (high) {
        ai_block_wide(b, p, high);
    }

    known = ai_block_below(b->len);

    b->upper &= known;
    b->lower &= known;
    b->digit &= known;
    b->newline &= known;
    b->space &= known;
    b->blank = (b->blank & known) | b->space;
    b->quote &= known;
    b->slash &= known;
    b->tail &= known;
}


/* of a run of digits each, or every third */

static inline uint64_t
ai_block_digits(uint64_t digit, unsigned how)
{
    uint64_t  start, next, behind;

    if (!(how & AI_WORD_THOUSAND)) {
        return digit;
    }

    start = digit & ~(digit << 1);
    behind = digit & (digit << 1) & (digit << 2) & (digit << 3);

    for (next = (start << 3) & behind; next; next = (next << 3) & behind) {
        start |= next;
    }

    return start;
}


/*
 * Blanks between newlines belong to one word with them: no start there,
 * unless the first newline is of the word before.
 */

static inline uint64_t
ai_block_merged(uint64_t blank, uint64_t newline, uint64_t indent,
    uint64_t absorbed)
{
    uint64_t  end, start, merged;

    merged = 0;
    end = ((blank & ~newline) + indent) & newline;

    for ( /* void */ ; end; end &= end - 1) {
        start = indent & ((end & -end) - 1);
        start = (uint64_t) 1 << (63 - __builtin_clzll(start));

        if (!(absorbed & (start >> 1))) {
            merged |= start;
        }
    }

    return merged;
}


/* where words start, but for contractions; what *unsure is must not be
 * believed, nor what is behind it */

static inline uint64_t
ai_block_starts(const ai_block_t *b, unsigned how, uint64_t *unsure)
{
    uint64_t  letter, other, absorbed, blank, indent, single, start;

    letter = b->upper | b->lower;
    blank = b->blank & ~b->newline;
    other = ai_block_below(b->len) & ~(letter | b->digit | b->blank);

    /* newlines right behind punctuation are of its word; it goes on if there
     * is a slash behind them */

    absorbed = b->newline & ~(b->newline + (b->newline & (other << 1)));
    *unsure = how & AI_WORD_SLASH ? b->slash & (absorbed << 1) : 0;

    /* other blanks: up to the last newline, then up to the last but one, then
     * the last one */

    start = b->blank & ~absorbed;
    start &= ~(start << 1);
    indent = blank & (b->newline << 1);
    start |= indent;
    start &= ~ai_block_merged(b->blank, b->newline, indent, absorbed);
    start |= blank & ~(b->blank >> 1);

    /* punctuation, and a space before it */

    other &= ~(other << 1) & ~(b->space << 1);
    start |= other;

    /* letters, and a blank or a single punctuation before them */

    single = other << 1;
    single = (single | (b->tail + (single & b->tail))) & ~b->tail;
    start |= letter & ~(letter << 1) & ~(blank << 1) & ~single;

    if (how & AI_WORD_CASES) {
        start |= b->upper & (b->lower << 1);
    }

    return start | ai_block_digits(b->digit, how);
}


/* 's and the like: the end of a word, or a word */

static inline uint64_t
ai_block_short(const ai_block_t *b, const ai_char_t *p, unsigned how,
    uint64_t start, uint64_t *unsure)
{
    size_t    n;
    unsigned  at, done;
    uint64_t  quote;

    quote = b->quote & (how & AI_WORD_PREFIX ? start
                        : how & AI_WORD_SUFFIX ? (b->upper | b->lower) << 1
                        : 0);

    for (done = 0; quote; quote &= quote - 1) {
        at = (unsigned) __builtin_ctzll(quote);

        if (at + 3 >= b->len) {
            *unsure |= (uint64_t) 1 << at;
            break;
        }

        n = ai_pretoken_short(p + at, p + b->len);

        /* one behind the other is a word of its own */

        if (n == 0 || (at == done && (how & AI_WORD_SUFFIX))) {
            continue;
        }

        done = at + (unsigned) n;

        if (how & AI_WORD_SUFFIX) {
            start &= ~(ai_block_below(n) << at);
        }

        start |= (uint64_t) 1 << done;
    }

    return start;
}


/*
 * The starts of words in a block, but for the first; the last one is that of a
 * word that may go on.
 */

static inline uint64_t
ai_block_words(const ai_char_t *p, uint64_t high, unsigned how)
{
    unsigned    len;
    uint64_t    start, unsure, solid;
    ai_block_t  b;

    ai_block_load(&b, p, high);
    len = b.len;

    if (len < AI_BLOCK_LEAST) {
        return 0;
    }

    start = ai_block_starts(&b, how, &unsure);
    start = ai_block_short(&b, p, how, start | 1, &unsure);

    /* blanks up to the end: only where they begin */

    solid = ~b.blank & ai_block_below(len);

    if (b.blank >> (len - 1)) {
        start &= solid ? (ai_block_below(65 - __builtin_clzll(solid))) : 1;
    }

    if (unsure) {
        start &= (unsure & -unsure) - 1;
    }

    return start & ~(uint64_t) 1;
}

#endif


size_t
ai_pretoken_words(ai_pretoken_e pattern, const ai_char_t *p, size_t len,
    size_t *ends, size_t n)
{
    size_t    i, at;
#if (AI_SCAN_SSE2)
    unsigned  how;
    uint64_t  start, high;

    how = ai_pretoken_how[pattern];
#endif

    for (i = 0, at = 0; i + AI_BLOCK <= n && at < len; /* void */ ) {

#if (AI_SCAN_SSE2)

        if (len - at >= AI_BLOCK) {
            high = ai_block_high(p + at);
            start = 0;

            if (__builtin_popcountll(high) < AI_BLOCK / 2) {
                start = ai_block_words(p + at, high, how);
            }

            if (start) {

                do {
                    ends[i++] = at + (unsigned) __builtin_ctzll(start);
                    start &= start - 1;
                } while (start);

                at = ends[i - 1];
                continue;
            }
        }

#endif

        at += ai_pretoken_next(pattern, p + at, len - at);
        ends[i++] = at;
    }

    return i;
}
