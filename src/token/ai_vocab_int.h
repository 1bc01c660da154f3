
/*
 * The run-time tables of a vocabulary.
 *
 * Tokens are numbered: the 256 single bytes first, then all others as they
 * are ranked, so that of two merges the one with the smaller number goes
 * first.  Every token that merges lead to has one pair that is merged last
 * when its bytes are a word ("split"); a piece that comes up while a longer
 * word is merged has come about the same way, for what happens inside of it
 * does not depend on what is around.  Tokens that no merge leads to are a
 * whole word or nothing: they have no number.
 */

#ifndef AI_VOCAB_INT_H
#define AI_VOCAB_INT_H


#include <token/ai_tokenizer_int.h>


#define AI_VOCAB_BITS        21             /* of a token's number */
#define AI_VOCAB_NONE        ((1U << AI_VOCAB_BITS) - 1)
#define AI_VOCAB_TOKENS_MAX  (1U << 20)
#define AI_VOCAB_LENGTH_MAX  512            /* of a token's bytes */

/*
 * The trie is a double array: behind byte c of a node with base b is cell
 * b + c.  A cell's lowest byte is c, or it belongs to another node; bases are
 * not shared, so that this is enough.  Above the flags is the base of the
 * node that the cell is, 0 for one that nothing follows.
 */
#define AI_VOCAB_CELL_USED   0x100
#define AI_VOCAB_CELL_TOKEN  0x200          /* one with a number ends here */
#define AI_VOCAB_CELL_WORD   0x400          /* one without */
#define AI_VOCAB_CELL_SHIFT  11
#define AI_VOCAB_CELLS_MAX   (1U << (32 - AI_VOCAB_CELL_SHIFT))

/* the number of a token or an entry, and the length */
#define ai_vocab_sized(token, len)                                            \
    ((token) | (uint32_t) (len) << AI_VOCAB_BITS)
#define ai_vocab_token(sized)   ((sized) & AI_VOCAB_NONE)
#define ai_vocab_length(sized)  ((sized) >> AI_VOCAB_BITS)


typedef struct {
    uint32_t           left;
    uint32_t           right;       /* of a byte both are itself */
    uint32_t           before;      /* sets: last bytes of what makes a token
                                       with this one when it is on the left, */
    uint32_t           after;       /* first bytes, when on the right */
} ai_vocab_split_t;


/*
 * A token as it is found in a text.  What its ends do when others stand beside
 * it: which merge takes its first and last byte, plus one for the first,
 * AI_VOCAB_NONE: none does; and sets of bytes that may lead to other merges
 * than that of two bytes, see ai_vocab_edge().
 */
typedef struct {
    uint32_t           token;
    uint32_t           prefix;      /* sized: the longest that this one begins
                                       with, AI_VOCAB_NONE: it is a byte */
    uint32_t           first;
    uint32_t           last;
    uint32_t           before;
    uint32_t           after;
} ai_vocab_entry_t;


/* a word of 8 to 15 bytes and its length */
typedef struct {
    uint64_t           head;
    uint64_t           tail;
} ai_vocab_word_t;


struct ai_vocab_s {
    uint64_t          *pair;        /* left, right, token */
    uint64_t          *shorts;      /* words of up to 7 bytes */
    ai_vocab_word_t   *words;
    uint32_t          *cell;
    uint32_t          *value;       /* of cells: the entry */
    ai_vocab_entry_t  *entry;       /* in the order of cells, so that what
                                       begins alike is close together */
    ai_vocab_split_t  *split;
    uint32_t          *bigram;      /* of two bytes, the first one is high:
                                       their token or AI_VOCAB_NONE */
    uint32_t           npair;       /* slots */
    uint32_t           nshort;
    uint32_t           nword;
    uint32_t           cells;
    uint32_t           root;        /* the root's base */
    uint32_t           n;
    uint32_t           longest;
    uint32_t           serial;      /* no two have had the same */
    unsigned           odd:1;       /* merges do not follow the ranks */
};


/* a hash onto 0 .. n - 1 */
static inline uint32_t
ai_vocab_slot(uint64_t key, uint32_t n)
{
    key *= 0x9e3779b97f4a7c15ULL;
    return (uint32_t) (((key >> 32) * n) >> 32);
}


static inline uint64_t
ai_vocab_load32(const ai_char_t *p)
{
    uint32_t  w;

    memcpy(&w, p, sizeof(w));

#if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    w = __builtin_bswap32(w);
#endif

    return w;
}


static inline uint64_t
ai_vocab_load64(const ai_char_t *p)
{
    uint64_t  w;

    memcpy(&w, p, sizeof(w));

#if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    w = __builtin_bswap64(w);
#endif

    return w;
}


/* the bytes, 1 to 7, and their number; nothing behind them is read */

static inline uint64_t
ai_vocab_short_key(const ai_char_t *p, size_t len)
{
    uint64_t  key;

    if (len >= 4) {
        key = ai_vocab_load32(p)
              | ai_vocab_load32(p + len - 4) << (8 * (len - 4));

    } else {
        key = p[0] | (uint64_t) p[len / 2] << (8 * (len / 2))
              | (uint64_t) p[len - 1] << (8 * (len - 1));
    }

    return key | (uint64_t) len << 56;
}


/* 8 to 15; the highest four bits are free */

static inline ai_vocab_word_t
ai_vocab_word_key(const ai_char_t *p, size_t len)
{
    ai_vocab_word_t  key;

    key.head = ai_vocab_load64(p);
    key.tail = ai_vocab_load64(p + len - 8) >> (8 * (15 - len)) >> 8;
    key.tail |= (uint64_t) len << 56;

    return key;
}


static inline uint64_t
ai_vocab_word_mix(const ai_vocab_word_t *key)
{
    return key->head ^ (key->tail * 0x9e3779b97f4a7c15ULL >> 7);
}


static inline uint64_t
ai_vocab_pair_key(uint32_t left, uint32_t right)
{
    return (uint64_t) left << AI_VOCAB_BITS | right;
}


/* a coarse set of bytes */
#define ai_vocab_bit(c)  (1U << ((c) & 31))


/* the token that these two make, or AI_VOCAB_NONE */

static inline uint32_t
ai_vocab_pair(const ai_vocab_t *v, uint32_t left, uint32_t right)
{
    uint32_t  i;
    uint64_t  key, slot;

    key = ai_vocab_pair_key(left, right);
    i = ai_vocab_slot(key, v->npair);

    for ( ;; ) {
        slot = v->pair[i];

        if (slot >> AI_VOCAB_BITS == key || slot == UINT64_MAX) {
            return (uint32_t) slot & AI_VOCAB_NONE;
        }

        if (++i == v->npair) {
            i = 0;
        }
    }
}


/*
 * What tables are made of: the tokens by their numbers, behind them those
 * that no merge leads to.
 */

typedef struct {
    const ai_char_t   *bytes;
    uint32_t          *start;       /* of each in bytes */
    uint16_t          *length;
    ai_vocab_split_t  *split;
    uint32_t           n;           /* have a number */
    uint32_t           all;
} ai_vocab_plan_t;


#pragma GCC visibility push(hidden)


/* start, length and split for so many tokens; the bytes' splits are set */
ai_int_t ai_vocab_plan_init(ai_vocab_plan_t *plan, uint32_t all,
    const ai_pool_t *pool);
void ai_vocab_plan_free(ai_vocab_plan_t *plan, const ai_pool_t *pool);

/* takes plan->split */
ai_vocab_t *ai_vocab_make(ai_vocab_plan_t *plan, const ai_pool_t *pool);

/* the trie; v->entry is as it will be in the end, but in the order of tokens,
 * and its prefixes are set */
ai_int_t ai_vocab_trie(ai_vocab_t *v, const ai_vocab_plan_t *plan,
    const ai_pool_t *pool);

/* whether two tokens, one behind the other in a word of len + more bytes, are
 * what merging makes of them; for vocabularies that are odd */
ai_int_t ai_vocab_odd_pair(const ai_vocab_t *v, const ai_char_t *p,
    size_t len, size_t more);


#pragma GCC visibility pop


#endif /* AI_VOCAB_INT_H */
