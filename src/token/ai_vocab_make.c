
/*
 * From a list of tokens and their last merges to the tables that words are
 * looked up in.
 */

#include <token/ai_vocab_int.h>


static ai_int_t ai_vocab_tables(ai_vocab_t *v, const ai_vocab_plan_t *plan,
    const ai_pool_t *pool);
static void *ai_vocab_empty(size_t n, size_t size, const ai_pool_t *pool);
static void ai_vocab_fill(ai_vocab_t *v, const ai_vocab_plan_t *plan);
static ai_int_t ai_vocab_edges(ai_vocab_t *v, const ai_vocab_plan_t *plan,
    const ai_pool_t *pool);
static void ai_vocab_edge(ai_vocab_t *v, const ai_vocab_plan_t *plan);
static ai_int_t ai_vocab_order(ai_vocab_t *v, const ai_pool_t *pool);
static void ai_vocab_add_pair(ai_vocab_t *v, uint32_t token);
static void ai_vocab_add_short(ai_vocab_t *v, const ai_char_t *p, size_t len);
static void ai_vocab_add_word(ai_vocab_t *v, const ai_char_t *p, size_t len);


/* of the vocabularies of this process, for what is kept of their results */
static uint32_t  ai_vocab_serial;


ai_int_t
ai_vocab_plan_init(ai_vocab_plan_t *plan, uint32_t all, const ai_pool_t *pool)
{
    uint32_t  i;

    plan->all = all;
    plan->start = ai_palloc(pool, all * sizeof(uint32_t));
    plan->length = ai_palloc(pool, all * sizeof(uint16_t));
    plan->split = ai_pcalloc(pool, all * sizeof(ai_vocab_split_t));

    if (plan->start == NULL || plan->length == NULL || plan->split == NULL) {
        return AI_ERROR;
    }

    for (i = 0; i < 256; i++) {
        plan->split[i].left = i;
        plan->split[i].right = i;
    }

    return AI_OK;
}


void
ai_vocab_plan_free(ai_vocab_plan_t *plan, const ai_pool_t *pool)
{
    ai_pfree(pool, plan->start);
    ai_pfree(pool, plan->length);
    ai_pfree(pool, plan->split);
}


ai_vocab_t *
ai_vocab_make(ai_vocab_plan_t *plan, const ai_pool_t *pool)
{
    ai_vocab_t  *v;

    v = ai_pcalloc(pool, sizeof(ai_vocab_t));
    if (v == NULL) {
        return NULL;
    }

    v->serial = ++ai_vocab_serial;
    v->n = plan->n;
    v->split = plan->split;

    if (ai_vocab_tables(v, plan, pool) != AI_OK) {
        return NULL;
    }

    ai_vocab_fill(v, plan);

    if (ai_vocab_edges(v, plan, pool) != AI_OK) {
        return NULL;
    }

    if (ai_vocab_trie(v, plan, pool) != AI_OK
        || ai_vocab_order(v, pool) != AI_OK)
    {
        return NULL;
    }

    plan->split = NULL;

    return v;
}


static ai_int_t
ai_vocab_tables(ai_vocab_t *v, const ai_vocab_plan_t *plan,
    const ai_pool_t *pool)
{
    uint32_t  i;

    for (i = 0; i < plan->all; i++) {

        if (plan->length[i] <= 7) {
            v->nshort++;

        } else if (plan->length[i] <= 15) {
            v->nword++;
        }

        v->longest = ai_max(v->longest, plan->length[i]);
    }

    v->npair = v->n * 2;
    v->nshort = v->nshort * 2 + 1;
    v->nword = v->nword * 2 + 1;

    v->pair = ai_vocab_empty(v->npair, sizeof(uint64_t), pool);
    v->shorts = ai_vocab_empty(v->nshort, sizeof(uint64_t), pool);
    v->words = ai_vocab_empty(v->nword, sizeof(ai_vocab_word_t), pool);

    return v->pair && v->shorts && v->words ? AI_OK : AI_ERROR;
}


static void *
ai_vocab_empty(size_t n, size_t size, const ai_pool_t *pool)
{
    void  *p;

    p = ai_palloc(pool, n * size);

    if (p) {
        memset(p, 0xff, n * size);
    }

    return p;
}


static void
ai_vocab_fill(ai_vocab_t *v, const ai_vocab_plan_t *plan)
{
    size_t            len;
    uint32_t          i;
    const ai_char_t  *p;

    for (i = 0; i < plan->all; i++) {
        p = plan->bytes + plan->start[i];
        len = plan->length[i];

        if (len <= 7) {
            ai_vocab_add_short(v, p, len);

        } else if (len <= 15) {
            ai_vocab_add_word(v, p, len);
        }

        if (i >= 256 && i < v->n) {
            v->odd |= v->split[i].left >= i || v->split[i].right >= i;
            ai_vocab_add_pair(v, i);
        }
    }
}


static ai_int_t
ai_vocab_edges(ai_vocab_t *v, const ai_vocab_plan_t *plan,
    const ai_pool_t *pool)
{
    uint32_t  i;

    v->bigram = ai_palloc(pool, 65536 * sizeof(uint32_t));
    v->entry = ai_pcalloc(pool, v->n * sizeof(ai_vocab_entry_t));

    if (v->bigram == NULL || v->entry == NULL) {
        return AI_ERROR;
    }

    for (i = 0; i < 65536; i++) {
        v->bigram[i] = AI_VOCAB_NONE;
    }

    ai_vocab_edge(v, plan);

    return AI_OK;
}


/*
 * Most pairs stay what they are because no token is made of two pieces at
 * their border that come up before they are merged with what is inside.  So
 * for each token: the first bytes of the right parts of tokens whose left
 * part is a piece at its end and which are made early enough; the same for
 * the pieces at its beginning.  Tokens come in the order of merges, their
 * splits have what was seen until now.  Tokens of two bytes are looked up by
 * themselves.
 */

static void
ai_vocab_edge(ai_vocab_t *v, const ai_vocab_plan_t *plan)
{
    uint32_t           i, left, right;
    const ai_char_t   *p;
    ai_vocab_entry_t  *e;

    for (i = 0; i < 256; i++) {
        v->entry[i].first = AI_VOCAB_NONE;
        v->entry[i].last = AI_VOCAB_NONE;
    }

    for (i = 256; i < v->n; i++) {
        left = v->split[i].left;
        right = v->split[i].right;
        e = &v->entry[i];

        e->first = left < 256 ? i + 1 : v->entry[left].first;
        e->last = right < 256 ? i : v->entry[right].last;
        e->after = v->split[right].after | v->entry[right].after;

        if (left < 256 && right < 256) {
            v->bigram[left << 8 | right] = i;

        } else {
            p = plan->bytes + plan->start[i] + plan->length[left];
            v->split[left].after |= ai_vocab_bit(p[0]);
            v->split[right].before |= ai_vocab_bit(p[-1]);
        }

        e->before = v->split[left].before | v->entry[left].before;
    }

    for (i = 0; i < v->n; i++) {
        v->entry[i].token = i;
        v->entry[i].before |= v->split[i].before;
        v->entry[i].after |= v->split[i].after;
    }
}


/* entries from the order of tokens into that of cells */

static ai_int_t
ai_vocab_order(ai_vocab_t *v, const ai_pool_t *pool)
{
    uint32_t           i, n, token, prefix, *at;
    ai_vocab_entry_t  *entry;

    entry = ai_palloc(pool, v->n * sizeof(ai_vocab_entry_t));
    at = ai_palloc(pool, v->n * sizeof(uint32_t));

    if (entry == NULL || at == NULL) {
        return AI_ERROR;
    }

    n = 0;

    for (i = 0; i < v->cells; i++) {
        if (v->cell[i] & AI_VOCAB_CELL_TOKEN) {
            token = v->value[i];
            entry[n] = v->entry[token];
            at[token] = n;
            v->value[i] = n++;
        }
    }

    for (i = 0; i < n; i++) {
        prefix = entry[i].prefix;

        if (prefix != AI_VOCAB_NONE) {
            entry[i].prefix = ai_vocab_sized(at[ai_vocab_token(prefix)],
                                             ai_vocab_length(prefix));
        }
    }

    ai_pfree(pool, at);
    ai_pfree(pool, v->entry);
    v->entry = entry;

    return AI_OK;
}


static void
ai_vocab_add_pair(ai_vocab_t *v, uint32_t token)
{
    uint32_t  i;
    uint64_t  key;

    key = ai_vocab_pair_key(v->split[token].left, v->split[token].right);
    i = ai_vocab_slot(key, v->npair);

    while (v->pair[i] != UINT64_MAX) {
        i = i + 1 == v->npair ? 0 : i + 1;
    }

    v->pair[i] = key << AI_VOCAB_BITS | token;
}


static void
ai_vocab_add_short(ai_vocab_t *v, const ai_char_t *p, size_t len)
{
    uint32_t  i;
    uint64_t  key;

    key = ai_vocab_short_key(p, len);
    i = ai_vocab_slot(key, v->nshort);

    while (v->shorts[i] != UINT64_MAX) {
        i = i + 1 == v->nshort ? 0 : i + 1;
    }

    v->shorts[i] = key;
}


static void
ai_vocab_add_word(ai_vocab_t *v, const ai_char_t *p, size_t len)
{
    uint32_t         i;
    ai_vocab_word_t  key;

    key = ai_vocab_word_key(p, len);
    i = ai_vocab_slot(ai_vocab_word_mix(&key), v->nword);

    while (v->words[i].tail != UINT64_MAX) {
        i = i + 1 == v->nword ? 0 : i + 1;
    }

    v->words[i] = key;
}
