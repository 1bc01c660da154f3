
/*
 * Vocabularies whose merges do not follow their ranks: a token is ranked
 * before one of the two that it is made of.  No vendor's is like that, an
 * operator's file may be.  Whether two tokens stay is seen by merging them.
 */

#include <token/ai_vocab_int.h>


ai_int_t
ai_vocab_odd_pair(const ai_vocab_t *v, const ai_char_t *p, size_t len,
    size_t more)
{
    size_t    i, n, at;
    uint32_t  best, token, piece[2 * AI_VOCAB_LENGTH_MAX];

    /* len becomes the number of pieces left of the border */

    n = len + more;

    for (i = 0; i < n; i++) {
        piece[i] = p[i];
    }

    for ( ;; ) {
        best = AI_VOCAB_NONE;
        at = 0;

        for (i = 0; i + 1 < n; i++) {
            token = ai_vocab_pair(v, piece[i], piece[i + 1]);

            if (token < best) {
                best = token;
                at = i;
            }
        }

        if (best == AI_VOCAB_NONE) {
            return 1;
        }

        if (at + 1 == len) {
            return 0;
        }

        piece[at] = best;
        memmove(&piece[at + 1], &piece[at + 2],
                (n - at - 2) * sizeof(uint32_t));
        n--;
        len -= at < len;
    }
}
