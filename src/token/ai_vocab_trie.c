
/*
 * The trie of a vocabulary, as a double array.
 *
 * Tokens are sorted while the trie grows: a node is a range of those that
 * begin with its bytes.  Nodes are placed level by level, so that what is near
 * the root, and looked at most, is close together.
 */

#include <token/ai_vocab_int.h>


#define AI_VOCAB_SORT   24      /* ranges up to this are sorted at once */


typedef struct {
    uint64_t           key;     /* 8 bytes, from a multiple of 8 on, the
                                   first one highest */
    uint32_t           token;
    uint32_t           len;
} ai_vocab_item_t;


typedef struct {
    uint32_t           cell;
    uint32_t           from;    /* items */
    uint32_t           to;
    uint32_t           prefix;  /* sized: the longest token up to here */
    uint32_t           sorted;
} ai_vocab_range_t;


typedef struct {
    ai_vocab_t             *vocab;
    const ai_vocab_plan_t  *plan;
    ai_vocab_item_t        *item;
    ai_vocab_item_t        *spare;
    ai_vocab_range_t       *level;
    ai_vocab_range_t       *below;
    uint64_t               *used;       /* a bit for a cell */
    uint64_t               *based;      /* a bit for a base */
    uint32_t                nbelow;
    uint32_t                cells;
    uint32_t                front[4];   /* where 1, some, more, many cells
                                           begin to look for room */
} ai_vocab_trie_t;


static void ai_vocab_items(ai_vocab_trie_t *t);
static void ai_vocab_keys(ai_vocab_trie_t *t, const ai_vocab_range_t *r,
    uint32_t depth);
static ai_int_t ai_vocab_levels(ai_vocab_trie_t *t);
static ai_int_t ai_vocab_node(ai_vocab_trie_t *t, const ai_vocab_range_t *r,
    uint32_t depth);
static void ai_vocab_sort(ai_vocab_trie_t *t, const ai_vocab_range_t *r,
    uint32_t depth);
static void ai_vocab_sort_small(ai_vocab_trie_t *t,
    const ai_vocab_range_t *r, uint32_t behind);
static ai_int_t ai_vocab_less(const ai_vocab_plan_t *plan,
    const ai_vocab_item_t *a, const ai_vocab_item_t *b, uint32_t behind);
static void ai_vocab_end(ai_vocab_trie_t *t, ai_vocab_range_t *r,
    uint32_t depth);
static uint32_t ai_vocab_place(ai_vocab_trie_t *t, const ai_char_t *c,
    uint32_t n);
static inline uint64_t ai_vocab_bits(const uint64_t *bits, uint32_t i);


static inline unsigned
ai_vocab_byte(const ai_vocab_item_t *item, uint32_t depth)
{
    return item->key >> (56 - 8 * (depth & 7)) & 0xff;
}


ai_int_t
ai_vocab_trie(ai_vocab_t *v, const ai_vocab_plan_t *plan,
    const ai_pool_t *pool)
{
    size_t           words;
    ai_int_t         rc;
    ai_vocab_trie_t  t;

    t.vocab = v;
    t.plan = plan;

    t.item = ai_palloc(pool, plan->all * sizeof(ai_vocab_item_t));
    t.spare = ai_palloc(pool, plan->all * sizeof(ai_vocab_item_t));
    t.level = ai_palloc(pool, plan->all * sizeof(ai_vocab_range_t));
    t.below = ai_palloc(pool, plan->all * sizeof(ai_vocab_range_t));

    rc = t.item && t.spare && t.level && t.below ? AI_DECLINED : AI_ERROR;

    /* a vocabulary has about 2.2 nodes a token; once more if that is not
     * enough */

    t.cells = plan->all / 2 * 5 + 1024;

    while (rc == AI_DECLINED && t.cells <= AI_VOCAB_CELLS_MAX) {

        words = t.cells / 64 + 8;
        t.used = ai_pcalloc(pool, words * 2 * sizeof(uint64_t));
        t.based = t.used ? t.used + words : NULL;
        v->cell = ai_pcalloc(pool, t.cells * sizeof(uint32_t));
        v->value = ai_palloc(pool, t.cells * sizeof(uint32_t));

        rc = AI_ERROR;

        if (t.used && v->cell && v->value) {
            ai_vocab_items(&t);
            rc = ai_vocab_levels(&t);
        }

        ai_pfree(pool, t.used);

        if (rc == AI_DECLINED) {
            ai_pfree(pool, v->cell);
            ai_pfree(pool, v->value);
            t.cells *= 2;
        }
    }

    v->cells = t.cells;

    ai_pfree(pool, t.below);
    ai_pfree(pool, t.level);
    ai_pfree(pool, t.spare);
    ai_pfree(pool, t.item);

    return rc == AI_OK ? AI_OK : AI_ERROR;
}


static void
ai_vocab_items(ai_vocab_trie_t *t)
{
    uint32_t  i;

    for (i = 0; i < t->plan->all; i++) {
        t->item[i].token = i;
        t->item[i].len = t->plan->length[i];
    }
}


static void
ai_vocab_keys(ai_vocab_trie_t *t, const ai_vocab_range_t *r, uint32_t depth)
{
    uint32_t          i, k, len;
    uint64_t          key;
    ai_vocab_item_t  *item;
    const ai_char_t  *p;

    for (i = r->from; i < r->to; i++) {
        item = &t->item[i];
        p = t->plan->bytes + t->plan->start[item->token] + depth;
        len = item->len - depth;
        key = 0;

        for (k = 0; k < 8; k++) {
            key = key << 8 | (k < len ? p[k] : 0);
        }

        item->key = key;
    }
}


/* AI_DECLINED: there are not cells enough */

static ai_int_t
ai_vocab_levels(ai_vocab_trie_t *t)
{
    uint32_t           i, n, depth;
    ai_vocab_range_t  *r;

    for (i = 0; i < 4; i++) {
        t->front[i] = 1;
    }

    n = 1;
    r = t->level;
    r->cell = 0;
    r->from = 0;
    r->to = t->plan->all;
    r->prefix = AI_VOCAB_NONE;
    r->sorted = 0;

    for (depth = 0; n; depth++) {
        t->nbelow = 0;

        for (i = 0; i < n; i++) {
            if (ai_vocab_node(t, &t->level[i], depth) != AI_OK) {
                return AI_DECLINED;
            }
        }

        n = t->nbelow;
        r = t->level;
        t->level = t->below;
        t->below = r;
    }

    return AI_OK;
}


/* what is behind a node: its cells now, what is behind them on the next
 * level */

static ai_int_t
ai_vocab_node(ai_vocab_trie_t *t, const ai_vocab_range_t *r, uint32_t depth)
{
    unsigned           b;
    uint32_t           i, n, end, base;
    ai_char_t          c[256];
    ai_vocab_range_t  *to, *below;

    if (depth % 8 == 0) {
        ai_vocab_keys(t, r, depth);
    }

    if (!r->sorted) {
        ai_vocab_sort(t, r, depth);
    }

    to = &t->below[t->nbelow];
    n = 0;

    for (i = r->from; i < r->to; i = end) {
        b = ai_vocab_byte(&t->item[i], depth);

        for (end = i + 1; end < r->to; end++) {
            if (ai_vocab_byte(&t->item[end], depth) != b) {
                break;
            }
        }

        c[n] = (ai_char_t) b;
        to[n].from = i;
        to[n].to = end;
        to[n].prefix = r->prefix;
        to[n].sorted = r->to - r->from <= AI_VOCAB_SORT;
        n++;
    }

    base = ai_vocab_place(t, c, n);

    if (base == 0) {
        return AI_DECLINED;
    }

    if (depth == 0) {
        t->vocab->root = base;

    } else {
        t->vocab->cell[r->cell] |= base << AI_VOCAB_CELL_SHIFT;
    }

    for (i = 0; i < n; i++) {
        to[i].cell = base + c[i];
        t->vocab->cell[to[i].cell] = AI_VOCAB_CELL_USED | c[i];

        ai_vocab_end(t, &to[i], depth + 1);

        if (to[i].from == to[i].to) {
            continue;
        }

        below = &t->below[t->nbelow++];

        if (below != &to[i]) {
            below->cell = to[i].cell;
            below->from = to[i].from;
            below->to = to[i].to;
            below->prefix = to[i].prefix;
            below->sorted = to[i].sorted;
        }
    }

    return AI_OK;
}


/* a small range at once, a larger one by the next byte */

static void
ai_vocab_sort(ai_vocab_trie_t *t, const ai_vocab_range_t *r, uint32_t depth)
{
    uint32_t  i, k, sum, at[256];

    if (r->to - r->from <= AI_VOCAB_SORT) {
        ai_vocab_sort_small(t, r, depth / 8 * 8 + 8);
        return;
    }

    memset(at, 0, sizeof(at));

    for (i = r->from; i < r->to; i++) {
        at[ai_vocab_byte(&t->item[i], depth)]++;
    }

    sum = r->from;

    for (k = 0; k < 256; k++) {
        i = at[k];
        at[k] = sum;
        sum += i;
    }

    memcpy(&t->spare[r->from], &t->item[r->from],
           (r->to - r->from) * sizeof(ai_vocab_item_t));

    for (i = r->from; i < r->to; i++) {
        k = ai_vocab_byte(&t->spare[i], depth);
        t->item[at[k]++] = t->spare[i];
    }
}


static void
ai_vocab_sort_small(ai_vocab_trie_t *t, const ai_vocab_range_t *r,
    uint32_t behind)
{
    uint32_t         i, k;
    ai_vocab_item_t  item;

    for (i = r->from + 1; i < r->to; i++) {
        item = t->item[i];

        for (k = i; k > r->from; k--) {
            if (!ai_vocab_less(t->plan, &item, &t->item[k - 1], behind)) {
                break;
            }

            t->item[k] = t->item[k - 1];
        }

        t->item[k] = item;
    }
}


/* behind: the depth after the keys */

static ai_int_t
ai_vocab_less(const ai_vocab_plan_t *plan, const ai_vocab_item_t *a,
    const ai_vocab_item_t *b, uint32_t behind)
{
    int  rc;

    if (a->key != b->key) {
        return a->key < b->key;
    }

    if (a->len > behind && b->len > behind) {
        rc = memcmp(plan->bytes + plan->start[a->token] + behind,
                    plan->bytes + plan->start[b->token] + behind,
                    ai_min(a->len, b->len) - behind);

        if (rc) {
            return rc < 0;
        }
    }

    return a->len < b->len;
}


/* the token that ends in a node, if there is one, leaves its range */

static void
ai_vocab_end(ai_vocab_trie_t *t, ai_vocab_range_t *r, uint32_t depth)
{
    uint32_t         i, token, *cell;
    ai_vocab_item_t  item;

    for (i = r->from; i < r->to && t->item[i].len != depth; i++) {

        if (r->sorted) {
            return;
        }
    }

    if (i == r->to) {
        return;
    }

    item = t->item[i];
    t->item[i] = t->item[r->from];
    t->item[r->from++] = item;

    token = item.token;
    cell = &t->vocab->cell[r->cell];

    if (token >= t->plan->n) {
        *cell |= AI_VOCAB_CELL_WORD;
        return;
    }

    *cell |= AI_VOCAB_CELL_TOKEN;

    t->vocab->value[r->cell] = token;
    t->vocab->entry[token].prefix = r->prefix;
    r->prefix = ai_vocab_sized(token, depth);
}


/* a base for n different bytes, or 0; 64 of them are looked at at once */

static uint32_t
ai_vocab_place(ai_vocab_trie_t *t, const ai_char_t *c, uint32_t n)
{
    uint32_t  i, at, base, *front;
    uint64_t  fits;

    front = &t->front[n == 1 ? 0 : n < 4 ? 1 : n < 16 ? 2 : 3];
    base = *front;

    for ( ;; ) {

        if (base + 64 + 256 > t->cells) {
            return 0;
        }

        fits = ~ai_vocab_bits(t->based, base);

        for (i = 0; i < n && fits; i++) {
            fits &= ~ai_vocab_bits(t->used, base + c[i]);
        }

        if (fits) {
            break;
        }

        base += 64;
    }

    *front = base;

    base += (uint32_t) __builtin_ctzll(fits);

    for (i = 0; i < n; i++) {
        at = base + c[i];
        t->used[at / 64] |= (uint64_t) 1 << (at % 64);
    }

    t->based[base / 64] |= (uint64_t) 1 << (base % 64);

    return base;
}


/* 64 bits from bit i on */

static inline uint64_t
ai_vocab_bits(const uint64_t *bits, uint32_t i)
{
    bits += i / 64;
    i %= 64;

    return bits[0] >> i | (bits[1] << 1) << (63 - i);
}
