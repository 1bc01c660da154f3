
/*
 * Byte-pair merging as it is defined, for the tests of vocabularies: of all
 * neighbours that make a token, the first ones of the lowest rank are merged,
 * again and again.
 */

#ifndef T_VOCAB_NAIVE_H
#define T_VOCAB_NAIVE_H


#include <token/ai_tokenizer_int.h>


#define NAIVE_NONE  UINT32_MAX


typedef struct {
    ai_char_t         *bytes;       /* tokens, one behind the other */
    uint32_t          *offset;
    uint32_t           n;
    uint32_t          *slot;        /* ranks by hash */
    uint32_t           mask;
} naive_t;


static void *
naive_alloc(size_t size)
{
    void  *p;

    p = malloc(size);

    if (p == NULL) {
        abort();
    }

    return p;
}


static uint32_t *
naive_slot(const naive_t *v, const ai_char_t *p, size_t len)
{
    size_t    i;
    uint32_t  h, rank;

    h = 2166136261U;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * 16777619U;
    }

    for (h ^= h >> 15; /* void */ ; h++) {
        rank = v->slot[h & v->mask];

        if (rank == NAIVE_NONE
            || (v->offset[rank + 1] - v->offset[rank] == len
                && memcmp(v->bytes + v->offset[rank], p, len) == 0))
        {
            return &v->slot[h & v->mask];
        }
    }
}


/* offset[n + 1] and bytes are taken over; 0: a token is there twice */

__attribute__((unused)) static int
naive_init(naive_t *v, ai_char_t *bytes, uint32_t *offset, uint32_t n)
{
    int        fine;
    uint32_t   i, *slot;

    v->bytes = bytes;
    v->offset = offset;
    v->n = n;

    for (v->mask = 15; v->mask < 2 * n; v->mask = v->mask * 2 + 1) {
        /* void */
    }

    v->slot = naive_alloc((v->mask + 1) * sizeof(uint32_t));
    memset(v->slot, 0xff, (v->mask + 1) * sizeof(uint32_t));

    fine = 1;

    for (i = 0; i < n; i++) {
        slot = naive_slot(v, bytes + offset[i], offset[i + 1] - offset[i]);

        if (*slot != NAIVE_NONE) {
            fine = 0;
        }

        *slot = i;
    }

    return fine;
}


__attribute__((unused)) static void
naive_free(naive_t *v)
{
    free(v->bytes);
    free(v->offset);
    free(v->slot);
}


static uint32_t
naive_rank(const naive_t *v, const ai_char_t *p, size_t len)
{
    return *naive_slot(v, p, len);
}


/* len > 0 */

__attribute__((unused)) static size_t
naive_count(const naive_t *v, const ai_char_t *p, size_t len)
{
    size_t    i, n, at, *start;
    uint32_t  rank, best;

    if (naive_rank(v, p, len) != NAIVE_NONE) {
        return 1;
    }

    start = naive_alloc((len + 1) * sizeof(size_t));
    n = len;

    for (i = 0; i <= len; i++) {
        start[i] = i;
    }

    for ( ;; ) {
        best = NAIVE_NONE;
        at = 0;

        for (i = 0; i + 2 <= n; i++) {
            rank = naive_rank(v, p + start[i], start[i + 2] - start[i]);

            if (rank < best) {
                best = rank;
                at = i;
            }
        }

        if (best == NAIVE_NONE) {
            break;
        }

        memmove(&start[at + 1], &start[at + 2], (n - at - 1) * sizeof(size_t));
        n--;
    }

    free(start);

    return n;
}


static uint32_t
naive_digits(const ai_char_t *p, unsigned n)
{
    static const char  digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    uint32_t  number;

    for (number = 0; n; n--) {
        number = number * 64 + (uint32_t) (strchr(digits, *p++) - digits);
    }

    return number;
}


/* the tokens of a vocabulary that is compiled in, bytes first */

__attribute__((unused)) static void
naive_open(naive_t *v, const ai_vocab_data_t *data)
{
    uint32_t          i, k, n, part, *offset;
    ai_char_t        *bytes;
    const ai_char_t  *p;

    n = naive_digits(data->data, 4);
    bytes = naive_alloc(naive_digits(data->data + 4, 4));
    offset = naive_alloc((n + 1) * sizeof(uint32_t));
    offset[0] = 0;

    for (i = 0; i < n; i++) {
        p = data->data + 8 + (size_t) (i - 256) * 6;
        offset[i + 1] = offset[i];

        if (i < 256) {
            bytes[offset[i + 1]++] = (ai_char_t) i;
            continue;
        }

        for (k = 0; k < 2; k++) {
            part = naive_digits(p + 3 * k, 3);
            memcpy(bytes + offset[i + 1], bytes + offset[part],
                   offset[part + 1] - offset[part]);
            offset[i + 1] += offset[part + 1] - offset[part];
        }
    }

    if (!naive_init(v, bytes, offset, n)) {
        abort();
    }
}


#endif /* T_VOCAB_NAIVE_H */
