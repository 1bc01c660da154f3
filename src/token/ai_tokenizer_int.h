
/*
 * The two halves of a tokenizer: what parts a text into words, and what parts
 * a word into tokens.
 */

#ifndef AI_TOKENIZER_INT_H
#define AI_TOKENIZER_INT_H


#include <token/ai_tokenizer.h>


typedef enum {
    AI_PRETOKEN_CL100K = 0,
    AI_PRETOKEN_O200K,
    AI_PRETOKEN_TEKKEN,
    AI_PRETOKEN_QWEN,
    AI_PRETOKEN_LLAMA3
} ai_pretoken_e;


typedef struct ai_vocab_s  ai_vocab_t;


/* a vocabulary as it is compiled in */
typedef struct {
    ai_str_t           name;
    ai_pretoken_e      pattern;
    const ai_char_t   *data;        /* format: gen_vocab.py */
    const ai_char_t   *end;
} ai_vocab_data_t;

#pragma GCC visibility push(hidden)


extern const ai_vocab_data_t  ai_vocab_data[];      /* ends with data NULL */


/*
 * The next word of p[0 .. len - 1], len > 0: its length, at least 1.  The
 * input is well-formed UTF-8 and the text ends at p + len.  Equals the regular
 * expression of the vendor (in ai_pretoken.c).
 */
size_t ai_pretoken_next(ai_pretoken_e pattern, const ai_char_t *p, size_t len);

/*
 * How much of p[0 .. len - 1] parts into the same words whatever follows:
 * the end of the last word that is certain, 0: none.  The input may end
 * inside a character.
 */
size_t ai_pretoken_stable(ai_pretoken_e pattern, const ai_char_t *p,
    size_t len);


/* the tables of a vocabulary, out of pool; NULL: no memory or broken data */
ai_vocab_t *ai_vocab_build(const ai_vocab_data_t *data, const ai_pool_t *pool);

/* the same from a list: tokens in the order of their ranks, bytes one behind
 * the other, offset[n] their sum */
ai_vocab_t *ai_vocab_build_list(const ai_char_t *bytes,
    const uint32_t *offset, uint32_t n, const ai_pool_t *pool);

/*
 * Tokens of one word, any bytes: as tiktoken's byte-pair merge, a word that is
 * in the vocabulary is one token.  Time is linear in len, hostile or not.
 * Allocates nothing.
 */
size_t ai_vocab_count(const ai_vocab_t *vocab, const ai_char_t *p, size_t len);


#pragma GCC visibility pop


#endif /* AI_TOKENIZER_INT_H */
