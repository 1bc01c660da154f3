
/*
 * A vocabulary out of a string of data/, whose format is in gen_vocab.py.
 */

#include <token/ai_vocab_int.h>


#define AI_VOCAB_HEAD   8       /* digits before the first pair */
#define AI_VOCAB_PAIR   6


typedef struct {
    uint32_t           n;
    uint32_t           sum;
    const ai_char_t   *pairs;
} ai_vocab_file_t;


static ai_int_t ai_vocab_open(ai_vocab_file_t *f, const ai_vocab_data_t *data);
static ai_int_t ai_vocab_read(const ai_vocab_file_t *f, ai_vocab_plan_t *plan,
    ai_char_t *bytes);
static uint32_t ai_vocab_number(const ai_char_t *p, unsigned n);


/* what is no digit counts as 0 */

static const uint8_t  ai_vocab_digit[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0, 62,  0,  0,  0, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61,  0,  0,
     0,  0,  0,  0,  0,  0,  1,  2,  3,  4,  5,  6,
     7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
    19, 20, 21, 22, 23, 24, 25,  0,  0,  0,  0,  0,
     0, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
    37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51,  0,  0,  0,  0,  0
};


ai_vocab_t *
ai_vocab_build(const ai_vocab_data_t *data, const ai_pool_t *pool)
{
    ai_char_t        *bytes;
    ai_vocab_t       *v;
    ai_vocab_file_t   f;
    ai_vocab_plan_t   plan;

    if (ai_vocab_open(&f, data) != AI_OK) {
        return NULL;
    }

    v = NULL;
    bytes = ai_palloc(pool, f.sum);

    if (ai_vocab_plan_init(&plan, f.n, pool) == AI_OK && bytes
        && ai_vocab_read(&f, &plan, bytes) == AI_OK)
    {
        v = ai_vocab_make(&plan, pool);
    }

    ai_vocab_plan_free(&plan, pool);
    ai_pfree(pool, bytes);

    return v;
}


static ai_int_t
ai_vocab_open(ai_vocab_file_t *f, const ai_vocab_data_t *data)
{
    size_t  size;

    size = (size_t) (data->end - data->data);

    if (size < AI_VOCAB_HEAD) {
        return AI_ERROR;
    }

    f->n = ai_vocab_number(data->data, 4);
    f->sum = ai_vocab_number(data->data + 4, 4);
    f->pairs = data->data + AI_VOCAB_HEAD;

    if (f->n < 256 || f->n > 1 << 18 || f->sum < 256
        || size != AI_VOCAB_HEAD + (size_t) (f->n - 256) * AI_VOCAB_PAIR)
    {
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_vocab_read(const ai_vocab_file_t *f, ai_vocab_plan_t *plan,
    ai_char_t *bytes)
{
    uint32_t          i, left, right, len, used;
    const ai_char_t  *p;

    plan->n = f->n;
    plan->bytes = bytes;

    for (i = 0; i < 256; i++) {
        plan->start[i] = i;
        plan->length[i] = 1;
        bytes[i] = (ai_char_t) i;
    }

    p = f->pairs;
    used = 256;

    for (i = 256; i < f->n; i++, p += AI_VOCAB_PAIR) {
        left = ai_vocab_number(p, 3);
        right = ai_vocab_number(p + 3, 3);

        if (left >= i || right >= i) {
            return AI_ERROR;
        }

        len = (uint32_t) plan->length[left] + plan->length[right];

        if (len > AI_VOCAB_LENGTH_MAX || len > f->sum - used) {
            return AI_ERROR;
        }

        plan->split[i].left = left;
        plan->split[i].right = right;
        plan->start[i] = used;
        plan->length[i] = (uint16_t) len;

        memcpy(bytes + used, bytes + plan->start[left], plan->length[left]);
        memcpy(bytes + used + plan->length[left],
               bytes + plan->start[right], plan->length[right]);

        used += len;
    }

    return used == f->sum ? AI_OK : AI_ERROR;
}


static uint32_t
ai_vocab_number(const ai_char_t *p, unsigned n)
{
    uint32_t  w;

    w = 0;

    while (n--) {
        w = w << 6 | ai_vocab_digit[*p++];
    }

    return w;
}
