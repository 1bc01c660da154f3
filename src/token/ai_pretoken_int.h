
/*
 * The classes of characters that the patterns know, and their parts that are
 * also of use to the tokenizer.
 */

#ifndef AI_PRETOKEN_INT_H
#define AI_PRETOKEN_INT_H


#include <token/ai_tokenizer_int.h>


/* a character is in one of them */
#define AI_CHAR_UPPER      0x01     /* Lu, Lt */
#define AI_CHAR_LOWER      0x02     /* Ll */
#define AI_CHAR_BOTH       0x04     /* Lm, Lo */
#define AI_CHAR_MARK       0x08     /* M */
#define AI_CHAR_NUMBER     0x10     /* N */
#define AI_CHAR_SPACE      0x20     /* White_Space but for these: */
#define AI_CHAR_NEWLINE    0x40     /* CR, LF */
#define AI_CHAR_OTHER      0x80

#define AI_CHAR_LETTER     (AI_CHAR_UPPER|AI_CHAR_LOWER|AI_CHAR_BOTH)
#define AI_CHAR_BLANK      (AI_CHAR_SPACE|AI_CHAR_NEWLINE)


/* what the patterns differ in */
#define AI_WORD_CASES      0x01     /* U and L, marks are as good as letters */
#define AI_WORD_SUFFIX     0x02     /* 's ends a word */
#define AI_WORD_PREFIX     0x04     /* 's is a word */
#define AI_WORD_THOUSAND   0x08     /* three digits */
#define AI_WORD_SLASH      0x10     /* among newlines behind punctuation */
#define AI_WORD_TAIL       0x20     /* blanks that end the text are a word */

#define AI_WORD_CL100K     (AI_WORD_PREFIX|AI_WORD_THOUSAND|AI_WORD_TAIL)
#define AI_WORD_LLAMA3     (AI_WORD_PREFIX|AI_WORD_THOUSAND)
#define AI_WORD_QWEN       AI_WORD_PREFIX
#define AI_WORD_TEKKEN     (AI_WORD_CASES|AI_WORD_SLASH)
#define AI_WORD_O200K      (AI_WORD_CASES|AI_WORD_SUFFIX|AI_WORD_THOUSAND     \
                            |AI_WORD_SLASH)


/* beyond are selectors, which are marks, and nothing else in a class */
#define AI_UNICODE_END     0x32400
#define AI_UNICODE_BLOCK   128
#define AI_UNICODE_MARK    0xe0100
#define AI_UNICODE_MARKS   0xf0


#pragma GCC visibility push(hidden)


/* the class of c is ai_unicode_class[index[c / 128] * 128 + c % 128], and so
 * that of ASCII is ai_unicode_class[c] */
extern const uint8_t  ai_unicode_index[];
extern const uint8_t  ai_unicode_class[];


/* 's, 't, 're, 've, 'm, 'll, 'd at p, where an apostrophe is, in either case;
 * U+017F is an s to those who fold.  The length, or 0 */
size_t ai_pretoken_short(const ai_char_t *p, const ai_char_t *end);

/* the first byte that is not of a well-formed character, or end */
const ai_char_t *ai_pretoken_valid(const ai_char_t *p, const ai_char_t *end);

/*
 * The words at p, as many as there are and fit: their ends, relative to p, go
 * to ends[0 .. n - 1]; how many is returned.  len > 0, n >= 64.
 */
size_t ai_pretoken_words(ai_pretoken_e pattern, const ai_char_t *p,
    size_t len, size_t *ends, size_t n);


#pragma GCC visibility pop


/* above ASCII, well-formed; what is cut off is a character of one byte */

static inline unsigned
ai_char_wide(const ai_char_t *p, const ai_char_t *end, size_t *n)
{
    size_t    left;
    uint32_t  c;

    left = (size_t) (end - p);
    c = p[0];

    if (c < 0xe0 && left >= 2) {
        *n = 2;
        c = ((c & 0x1f) << 6) | (p[1] & 0x3f);

    } else if (c < 0xf0 && left >= 3) {
        *n = 3;
        c = ((c & 0x0f) << 12) | ((uint32_t) (p[1] & 0x3f) << 6)
            | (p[2] & 0x3f);

    } else if (left >= 4) {
        *n = 4;
        c = ((c & 0x07) << 18) | ((uint32_t) (p[1] & 0x3f) << 12)
            | ((uint32_t) (p[2] & 0x3f) << 6) | (p[3] & 0x3f);

    } else {
        *n = 1;
        return AI_CHAR_OTHER;
    }

    if (c >= AI_UNICODE_END) {
        return c - AI_UNICODE_MARK < AI_UNICODE_MARKS ? AI_CHAR_MARK
                                                      : AI_CHAR_OTHER;
    }

    return ai_unicode_class[ai_unicode_index[c / AI_UNICODE_BLOCK]
                            * AI_UNICODE_BLOCK + c % AI_UNICODE_BLOCK];
}


#endif /* AI_PRETOKEN_INT_H */
