
/*
 * Exact byte-pair tokenizers, as the models' vendors publish them: how many
 * tokens is this text?  Identifiers of tokens are never needed here.
 *
 * Text is what a person reads: UTF-8, no JSON escapes.  What is not UTF-8
 * counts as the vendors' servers see it, each maximal ill-formed part as
 * U+FFFD (Unicode 3.9, as Python's errors="replace").  Special tokens in a
 * text ("<|endoftext|>") are ordinary text.
 */

#ifndef AI_TOKENIZER_H
#define AI_TOKENIZER_H


#include <base/ai_buf.h>


typedef struct ai_tokenizer_s  ai_tokenizer_t;      /* read-only once open */


/*
 * A text that comes in pieces.  The sum is that of the whole text, wherever
 * it was cut, also inside a character.  Pieces are gathered and counted a
 * kilobyte at a time, so that a piece costs little more than its copy; what
 * is held stays below AI_COUNTER_MAX, whatever comes: a word longer than that,
 * and only such a word, is cut.
 */

#define AI_COUNTER_BATCH  1024
#define AI_COUNTER_MAX    (64 * 1024)

typedef struct {
    const ai_tokenizer_t  *tokenizer;
    ai_buf_t           pending;     /* not counted yet; of the pool */
    size_t             retry;       /* length of pending worth a try */
    uint32_t           high;        /* a surrogate, U+FFFD in pending so far */
    int64_t            tokens;      /* of what is behind us */
} ai_counter_t;


#pragma GCC visibility push(hidden)


/*
 * One of those that are compiled in: "o200k_base", "cl100k_base", "tekken",
 * "qwen".  The first call builds its tables (some milliseconds), which live
 * as long as the process: call it before workers are started, they share
 * them.  NULL: no such name, or no memory.
 */
const ai_tokenizer_t *ai_tokenizer_open(const ai_str_t *name);

/*
 * From an operator's file, in the form of tiktoken: lines of base64, blank,
 * rank.  pattern is one of the names above or "llama3": whose rules part a
 * text into words.  Lives as long as the pool.  NULL: *error is a static text,
 * *line where, 0: none in particular, or no memory.
 */
const ai_tokenizer_t *ai_tokenizer_parse(const ai_str_t *file,
    const ai_str_t *pattern, const ai_pool_t *pool, ai_uint_t *line,
    const char **error);

ai_str_t ai_tokenizer_name(const ai_tokenizer_t *t);

/* without a tokenizer, NULL, here and in a counter, a token is four bytes */
#define AI_TOKENIZER_ROUGH  4

/*
 * Tokens of a whole text; allocates nothing.  A word of more than 16 KB with
 * something ill-formed in it is the only one that is cut.
 */
int64_t ai_tokenizer_count(const ai_tokenizer_t *t, const ai_char_t *p,
    size_t len);

/*
 * Where the text may be cut so that both parts count as much as the whole:
 * the last such place in p[0 .. len - 1] whatever follows, 0: none.
 */
size_t ai_tokenizer_cut(const ai_tokenizer_t *t, const ai_char_t *p,
    size_t len);


void ai_counter_init(ai_counter_t *c, const ai_tokenizer_t *t,
    const ai_pool_t *pool);

/* the next piece, plain or in JSON's spelling (which must not be cut inside
 * an escape).  Memory that fails makes the count an estimate, no error */
void ai_counter_add(ai_counter_t *c, const ai_char_t *p, size_t len);
void ai_counter_add_esc(ai_counter_t *c, const ai_esc_t *s);

/* here a text ends, the next piece begins another */
void ai_counter_break(ai_counter_t *c);

/* as if the text ended here; it may go on */
int64_t ai_counter_tokens(const ai_counter_t *c);


#pragma GCC visibility pop


#endif /* AI_TOKENIZER_H */
