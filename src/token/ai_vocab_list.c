
/*
 * A vocabulary out of a list of tokens, whatever they are: the last merge of
 * each is found by merging it.
 */

#include <token/ai_vocab_int.h>


typedef struct {
    const ai_char_t   *bytes;
    const uint32_t    *offset;
    uint32_t           n;
    uint32_t          *slot;        /* ranks by their bytes' hash */
    uint32_t           slots;
    uint32_t          *number;      /* by rank */
    uint16_t          *cut;         /* where the last merge is, 0: nowhere */
} ai_vocab_list_t;


static ai_int_t ai_vocab_list_index(ai_vocab_list_t *l);
static uint32_t ai_vocab_list_find(const ai_vocab_list_t *l,
    const ai_char_t *p, size_t len);
static uint32_t *ai_vocab_list_slot(const ai_vocab_list_t *l,
    const ai_char_t *p, size_t len);
static uint16_t ai_vocab_list_merge(const ai_vocab_list_t *l,
    const ai_char_t *p, uint32_t len);
static void ai_vocab_list_number(ai_vocab_list_t *l, ai_vocab_plan_t *plan);
static uint32_t ai_vocab_list_part(const ai_vocab_list_t *l,
    const ai_char_t *p, uint32_t len);
static void ai_vocab_list_plan(const ai_vocab_list_t *l,
    ai_vocab_plan_t *plan, ai_char_t *copy);


ai_vocab_t *
ai_vocab_build_list(const ai_char_t *bytes, const uint32_t *offset,
    uint32_t n, const ai_pool_t *pool)
{
    size_t            sum;
    ai_char_t        *copy;
    ai_vocab_t       *v;
    ai_vocab_list_t   l;
    ai_vocab_plan_t   plan;

    if (n == 0 || n > AI_VOCAB_TOKENS_MAX - 256) {
        return NULL;
    }

    v = NULL;
    sum = (size_t) offset[n] - offset[0];

    l.bytes = bytes;
    l.offset = offset;
    l.n = n;
    l.slots = n * 2;
    l.slot = ai_palloc(pool, l.slots * sizeof(uint32_t));
    l.number = ai_palloc(pool, n * sizeof(uint32_t));
    l.cut = ai_palloc(pool, n * sizeof(uint16_t));

    /* room for 256 single bytes more than there are */
    copy = ai_palloc(pool, sum + 256);

    if (ai_vocab_plan_init(&plan, n + 256, pool) == AI_OK
        && l.slot && l.number && l.cut && copy
        && ai_vocab_list_index(&l) == AI_OK)
    {
        ai_vocab_list_number(&l, &plan);
        ai_vocab_list_plan(&l, &plan, copy);
        v = ai_vocab_make(&plan, pool);
    }

    ai_vocab_plan_free(&plan, pool);
    ai_pfree(pool, copy);
    ai_pfree(pool, l.cut);
    ai_pfree(pool, l.number);
    ai_pfree(pool, l.slot);

    return v;
}


/* AI_ERROR: a token is empty, too long, or there twice */

static ai_int_t
ai_vocab_list_index(ai_vocab_list_t *l)
{
    uint32_t          i, *slot;
    const ai_char_t  *p, *end;

    memset(l->slot, 0xff, l->slots * sizeof(uint32_t));

    for (i = 0; i < l->n; i++) {
        p = l->bytes + l->offset[i];
        end = l->bytes + l->offset[i + 1];

        if (end <= p || end - p > AI_VOCAB_LENGTH_MAX) {
            return AI_ERROR;
        }

        slot = ai_vocab_list_slot(l, p, (size_t) (end - p));

        if (*slot != UINT32_MAX) {
            return AI_ERROR;
        }

        *slot = i;
    }

    return AI_OK;
}


/* the rank, or UINT32_MAX */

static uint32_t
ai_vocab_list_find(const ai_vocab_list_t *l, const ai_char_t *p, size_t len)
{
    return *ai_vocab_list_slot(l, p, len);
}


static uint32_t *
ai_vocab_list_slot(const ai_vocab_list_t *l, const ai_char_t *p, size_t len)
{
    size_t    k;
    uint32_t  i, rank;
    uint64_t  h;

    h = len;

    for (k = 0; k < len; k++) {
        h = (h ^ p[k]) * 0x100000001b3ULL;
    }

    i = ai_vocab_slot(h, l->slots);

    for ( ;; ) {
        rank = l->slot[i];

        if (rank == UINT32_MAX
            || (l->offset[rank + 1] - l->offset[rank] == len
                && memcmp(l->bytes + l->offset[rank], p, len) == 0))
        {
            return &l->slot[i];
        }

        i = i + 1 == l->slots ? 0 : i + 1;
    }
}


/* merges a token until two pieces are left: the length of the first; 0: there
 * are always more, or it is a byte */

static uint16_t
ai_vocab_list_merge(const ai_vocab_list_t *l, const ai_char_t *p, uint32_t len)
{
    uint32_t  i, n, best, at, start[AI_VOCAB_LENGTH_MAX + 1];
    uint32_t  rank[AI_VOCAB_LENGTH_MAX + 1];

    /* rank[i]: of what the pieces i and i + 1 make */

    for (i = 0; i <= len; i++) {
        start[i] = i;
        rank[i] = i + 2 <= len ? ai_vocab_list_find(l, p + i, 2) : UINT32_MAX;
    }

    for (n = len; n > 2; n--) {
        best = UINT32_MAX;
        at = 0;

        for (i = 0; i + 1 < n; i++) {
            if (rank[i] < best) {
                best = rank[i];
                at = i;
            }
        }

        if (best == UINT32_MAX) {
            return 0;
        }

        memmove(&start[at + 1], &start[at + 2],
                (n - at - 1) * sizeof(uint32_t));
        memmove(&rank[at], &rank[at + 1], (n - at - 1) * sizeof(uint32_t));

        if (at + 2 < n) {
            rank[at] = ai_vocab_list_find(l, p + start[at],
                                          start[at + 2] - start[at]);
        }

        if (at) {
            rank[at - 1] = ai_vocab_list_find(l, p + start[at - 1],
                                              start[at + 1] - start[at - 1]);
        }
    }

    return (uint16_t) (n == 2 ? start[1] : 0);
}


static void
ai_vocab_list_number(ai_vocab_list_t *l, ai_vocab_plan_t *plan)
{
    uint32_t          i, len;
    const ai_char_t  *p;

    plan->n = 256;
    plan->all = 256;

    for (i = 0; i < l->n; i++) {
        p = l->bytes + l->offset[i];
        len = l->offset[i + 1] - l->offset[i];
        l->cut[i] = ai_vocab_list_merge(l, p, len);

        if (len == 1) {
            l->number[i] = *p;

        } else if (l->cut[i]) {
            l->number[i] = plan->n++;
        }
    }

    plan->all = plan->n;

    for (i = 0; i < l->n; i++) {
        if (l->offset[i + 1] - l->offset[i] > 1 && l->cut[i] == 0) {
            l->number[i] = plan->all++;
        }
    }
}


static void
ai_vocab_list_plan(const ai_vocab_list_t *l, ai_vocab_plan_t *plan,
    ai_char_t *copy)
{
    uint32_t          i, k, len, used;
    const ai_char_t  *p;

    for (i = 0; i < 256; i++) {
        copy[i] = (ai_char_t) i;
        plan->start[i] = i;
        plan->length[i] = 1;
    }

    plan->bytes = copy;
    used = 256;

    for (i = 0; i < l->n; i++) {
        p = l->bytes + l->offset[i];
        len = l->offset[i + 1] - l->offset[i];

        if (len == 1) {
            continue;
        }

        k = l->number[i];
        plan->start[k] = used;
        plan->length[k] = (uint16_t) len;
        memcpy(copy + used, p, len);
        used += len;

        if (l->cut[i]) {
            plan->split[k].left = ai_vocab_list_part(l, p, l->cut[i]);
            plan->split[k].right = ai_vocab_list_part(l, p + l->cut[i],
                                                      len - l->cut[i]);
        }
    }
}


/* a byte need not be in the list */

static uint32_t
ai_vocab_list_part(const ai_vocab_list_t *l, const ai_char_t *p, uint32_t len)
{
    return len == 1 ? *p : l->number[ai_vocab_list_find(l, p, len)];
}
