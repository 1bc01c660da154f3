
/*
 * Series and their cells: found, made, added to.
 *
 * A process may be killed between any two stores.  What is new is complete
 * before it is linked, so that all that can be lost is a block that is in
 * nobody's hands at that moment.
 */

#include <base/ai_scan.h>
#include <store/ai_totals_int.h>


static ai_series_t *ai_totals_insert(ai_totals_t *t, const ai_pool_t *pool,
    uint64_t id, const ai_str_t dim[AI_DIM_MAX]);
static ai_series_t *ai_series_create(const ai_pool_t *pool, uint64_t id,
    const ai_str_t dim[AI_DIM_MAX]);
static int64_t ai_series_fork(const ai_pool_t *pool, ai_series_t *a,
    ai_series_t *b, unsigned shift);
static ai_int_t ai_series_same(const ai_series_t *s,
    const ai_str_t dim[AI_DIM_MAX]);
static inline ai_int_t ai_name_same(const ai_char_t *a, const ai_char_t *b,
    size_t n);
static ai_int_t ai_series_node_only(const ai_series_node_t *node,
    int64_t *word);
static ai_cell_t *ai_totals_spare(ai_totals_t *t);
static ai_cell_t *ai_totals_near(ai_totals_t *t, int64_t *first, int64_t *p);
static ai_int_t ai_cell_stage(ai_redo_t *redo, ai_cell_t *c,
    const ai_amounts_t *amounts);


ai_totals_t *
ai_totals_create(const ai_pool_t *pool)
{
    size_t        i;
    ai_str_t      dim[AI_DIM_MAX];
    ai_cell_t    *c;
    ai_totals_t  *t;

    t = ai_pcalloc(pool, sizeof(ai_totals_t));
    if (t == NULL) {
        return NULL;
    }

    for (i = 0; i < AI_DIM_MAX; i++) {
        dim[i] = ai_lit("other");
    }

    t->other = ai_totals_insert(t, pool, ai_series_id(dim), dim);
    if (t->other == NULL) {
        ai_pfree(pool, t);
        return NULL;
    }

    t->other->days = ai_word_of(&t->last);

    /* those that cannot be had now are asked for again */

    for (i = 0; i < AI_TOTALS_SPARE; i++) {
        c = ai_palloc(pool, sizeof(ai_cell_t));
        t->spare[i] = ai_word_of(c);
    }

    return t;
}


ai_series_t *
ai_totals_find(const ai_totals_t *t, uint64_t id)
{
    int64_t       word;
    unsigned      shift;
    ai_series_t  *s;

    shift = 60;
    word = t->root.slot[id >> shift];

    while (ai_word_is_node(word)) {
        shift -= 4;
        word = ai_node_of(word)->slot[id >> shift & 15];
    }

    s = ai_series_of(word);

    return s && s->id == id ? s : NULL;
}


ai_int_t
ai_totals_is(const ai_totals_t *t, uint64_t id, const ai_str_t dim[AI_DIM_MAX])
{
    ai_series_t  *s;

    s = ai_totals_find(t, id);

    return s && ai_series_same(s, dim);
}


ai_series_t *
ai_totals_define(ai_totals_t *t, const ai_pool_t *pool, uint64_t id,
    const ai_str_t dim[AI_DIM_MAX])
{
    ai_series_t  *s;

    s = ai_totals_find(t, id);

    if (s) {
        return ai_series_same(s, dim) ? s : t->other;
    }

    s = ai_totals_insert(t, pool, id, dim);

    return s ? s : t->other;
}


static ai_int_t
ai_series_same(const ai_series_t *s, const ai_str_t dim[AI_DIM_MAX])
{
    size_t            i, n;
    const ai_char_t  *p;

    p = s->names;

    for (i = 0; i < AI_DIM_MAX; i++) {
        n = dim[i].len;

        if (n > AI_TOTALS_NAME) {
            n = ai_series_cut(&dim[i]);
        }

        if (n != s->len[i] || !ai_name_same(p, dim[i].data, n)) {
            return 0;
        }

        p += n;
    }

    return 1;
}


/* memcmp() takes longer to be called than such names to be compared */

static inline ai_int_t
ai_name_same(const ai_char_t *a, const ai_char_t *b, size_t n)
{
    size_t    i;
    uint32_t  v, w, x, y;

    if (n < 4) {
        return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2]
                          && a[n - 1] == b[n - 1]);
    }

    if (n < 8) {
        memcpy(&v, a, 4);
        memcpy(&w, b, 4);
        memcpy(&x, a + n - 4, 4);
        memcpy(&y, b + n - 4, 4);

        return v == w && x == y;
    }

    for (i = 0; i + 8 < n; i += 8) {
        if (ai_scan_load(a + i) != ai_scan_load(b + i)) {
            return 0;
        }
    }

    return ai_scan_load(a + n - 8) == ai_scan_load(b + n - 8);
}


static ai_series_t *
ai_totals_insert(ai_totals_t *t, const ai_pool_t *pool, uint64_t id,
    const ai_str_t dim[AI_DIM_MAX])
{
    int64_t      *p, word;
    unsigned      shift;
    ai_series_t  *s;

    shift = 60;
    p = &t->root.slot[id >> shift];

    while (ai_word_is_node(*p)) {
        shift -= 4;
        p = &ai_node_of(*p)->slot[id >> shift & 15];
    }

    s = ai_series_create(pool, id, dim);
    if (s == NULL) {
        return NULL;
    }

    word = ai_word_of(s);

    if (*p) {
        word = ai_series_fork(pool, ai_series_of(*p), s, shift);

        if (word == 0) {
            ai_pfree(pool, s);
            return NULL;
        }
    }

    ai_totals_link(p, word);

    return s;
}


static ai_series_t *
ai_series_create(const ai_pool_t *pool, uint64_t id,
    const ai_str_t dim[AI_DIM_MAX])
{
    size_t        i, len, n[AI_DIM_MAX];
    ai_char_t    *p;
    ai_series_t  *s;

    len = sizeof(ai_series_t);

    for (i = 0; i < AI_DIM_MAX; i++) {
        n[i] = ai_series_cut(&dim[i]);
        len += n[i];
    }

    s = ai_palloc(pool, len);
    if (s == NULL) {
        return NULL;
    }

    memset(s, 0, sizeof(ai_series_t));

    s->id = id;
    p = s->names;

    for (i = 0; i < AI_DIM_MAX; i++) {
        s->len[i] = (ai_char_t) n[i];

        if (n[i]) {
            memcpy(p, dim[i].data, n[i]);
            p += n[i];
        }
    }

    return s;
}


/*
 * Nodes for two series where so far there was one, down to the digit in which
 * their ids, which are not the same, differ; shift is that of the last digit
 * they have in common for sure.
 */

static int64_t
ai_series_fork(const ai_pool_t *pool, ai_series_t *a, ai_series_t *b,
    unsigned shift)
{
    unsigned           i, n;
    int64_t            word;
    ai_series_node_t  *node[AI_TOTALS_DEPTH];

    n = 0;

    do {
        shift -= 4;

        node[n] = ai_pcalloc(pool, sizeof(ai_series_node_t));

        if (node[n] == NULL) {
            while (n) {
                ai_pfree(pool, node[--n]);
            }

            return 0;
        }

        n++;

    } while ((a->id >> shift & 15) == (b->id >> shift & 15));

    node[n - 1]->slot[a->id >> shift & 15] = ai_word_of(a);
    node[n - 1]->slot[b->id >> shift & 15] = ai_word_of(b);

    word = ai_word_of_node(node[n - 1]);

    for (i = n - 1; i; i--) {
        shift += 4;
        node[i - 1]->slot[a->id >> shift & 15] = word;
        word = ai_word_of_node(node[i - 1]);
    }

    return word;
}


void
ai_series_remove(ai_totals_t *t, const ai_pool_t *pool, ai_series_t *s)
{
    int                n;
    int64_t            word, *path[AI_TOTALS_DEPTH];
    unsigned           shift;
    ai_series_node_t  *node;

    n = 0;
    shift = 60;
    path[0] = &t->root.slot[s->id >> shift];

    while (ai_word_is_node(*path[n])) {
        shift -= 4;
        path[n + 1] = &ai_node_of(*path[n])->slot[s->id >> shift & 15];
        n++;
    }

    ai_totals_link(path[n], 0);
    ai_pfree(pool, s);

    /* a node of nothing goes, and one with a single series makes place for it;
     * those above it only then */

    while (n--) {
        node = ai_node_of(*path[n]);

        if (ai_series_node_only(node, &word) != AI_OK) {
            return;
        }

        ai_totals_link(path[n], word);
        ai_pfree(pool, node);
    }
}


/* the one series of a node, 0: it has none; AI_DECLINED: it has more */

static ai_int_t
ai_series_node_only(const ai_series_node_t *node, int64_t *word)
{
    size_t  i;

    *word = 0;

    for (i = 0; i < AI_TOTALS_WAYS; i++) {

        if (node->slot[i] == 0) {
            continue;
        }

        if (*word || ai_word_is_node(node->slot[i])) {
            return AI_DECLINED;
        }

        *word = node->slot[i];
    }

    return AI_OK;
}


void
ai_series_iter(ai_series_iter_t *it, const ai_totals_t *t, uint64_t from)
{
    int64_t                  word;
    unsigned                 i, shift;
    const ai_series_node_t  *node;

    shift = 60;
    node = &t->root;
    it->depth = 0;

    for ( ;; ) {
        i = from >> shift & 15;
        word = node->slot[i];

        it->node[it->depth] = node;
        it->i[it->depth] = i;

        if (!ai_word_is_node(word)) {
            break;
        }

        it->i[it->depth++]++;
        node = ai_node_of(word);
        shift -= 4;
    }

    if (word && ai_series_of(word)->id < from) {
        it->i[it->depth]++;
    }
}


ai_series_t *
ai_series_iter_next(ai_series_iter_t *it)
{
    int64_t   word;
    unsigned  i;

    while (it->depth >= 0) {
        i = it->i[it->depth]++;

        if (i >= AI_TOTALS_WAYS) {
            it->depth--;
            continue;
        }

        word = it->node[it->depth]->slot[i];

        if (ai_word_is_node(word)) {
            it->depth++;
            it->node[it->depth] = ai_node_of(word);
            it->i[it->depth] = 0;

        } else if (word) {
            return ai_series_of(word);
        }
    }

    return NULL;
}


ai_int_t
ai_totals_add(ai_totals_t *t, const ai_pool_t *pool, ai_redo_t *redo,
    ai_series_t *series, int64_t at, int64_t now, const ai_amounts_t *amounts,
    ai_uint_t *lost)
{
    int64_t     step;
    ai_cell_t  *c;

    at = ai_totals_time(at);
    now = ai_totals_time(now);

    step = now / AI_TOTALS_HOUR - at / AI_TOTALS_HOUR < AI_TOTALS_HOURS
           ? AI_TOTALS_HOUR : AI_TOTALS_DAY;

    if (series == t->other) {
        (*lost)++;
    }

    c = ai_totals_cell(t, pool, &series, step, at, lost);

    if (ai_cell_stage(redo, c, amounts) != AI_OK) {
        return AI_ERROR;
    }

    return ai_totals_mark(t, redo, series, c);
}


int64_t
ai_totals_time(int64_t at)
{
    return at < 0 ? 0 : ai_min(at, AI_TOTALS_LAST);
}


ai_cell_t *
ai_totals_cell(ai_totals_t *t, const ai_pool_t *pool, ai_series_t **s,
    int64_t step, int64_t at, ai_uint_t *lost)
{
    int64_t    *p, *first;
    ai_cell_t  *c;

    at -= at % step;

    for ( ;; ) {
        first = step == AI_TOTALS_HOUR ? &(*s)->hours : &(*s)->days;

        for (p = first; *p; p = &ai_cell_of(*p)->next) {
            c = ai_cell_of(*p);

            if (c->at <= at) {

                if (c->at == at) {
                    return c;
                }

                break;
            }
        }

        c = ai_palloc(pool, sizeof(ai_cell_t));

        if (c != NULL) {
            break;
        }

        if (*s == t->other) {
            c = ai_totals_spare(t);

            if (c == NULL) {
                return ai_totals_near(t, first, p);
            }

            break;
        }

        (*lost)++;
        *s = t->other;
    }

    memset(c, 0, sizeof(ai_cell_t));

    c->at = at;
    c->next = *p;

    ai_totals_link(p, ai_word_of(c));

    return c;
}


/* taken out before it is used: at worst it is lost, it is never used twice */

static ai_cell_t *
ai_totals_spare(ai_totals_t *t)
{
    size_t      i;
    ai_cell_t  *c;

    for (i = 0; i < AI_TOTALS_SPARE; i++) {

        if (t->spare[i]) {
            c = ai_cell_of(t->spare[i]);
            ai_totals_link(&t->spare[i], 0);
            return c;
        }
    }

    return NULL;
}


/* not of the right time then: the cell of "other" before it; else behind it;
 * else its latest day, which there always is */

static ai_cell_t *
ai_totals_near(ai_totals_t *t, int64_t *first, int64_t *p)
{
    if (*p) {
        return ai_cell_of(*p);
    }

    if (p != first) {
        return (ai_cell_t *) (void *) ((char *) p - offsetof(ai_cell_t, next));
    }

    return ai_cell_of(t->other->days);
}


/*
 * Nobody else stages words of a cell, and whoever does begins with the first
 * one: if that is not there yet, none is, and they need not be looked for.
 */

static ai_int_t
ai_cell_stage(ai_redo_t *redo, ai_cell_t *c, const ai_amounts_t *amounts)
{
    size_t           i;
    int64_t         *p;
    uint32_t         n;
    const int64_t   *delta;
    ai_redo_word_t  *w;

    p = (int64_t *) &c->amounts;
    delta = (const int64_t *) amounts;

    for (n = 0; n < redo->n; n++) {

        if (redo->word[n].p != p) {
            continue;
        }

        for (i = 0; i < AI_AMOUNTS_N; i++) {
            if (delta[i] && ai_redo_add(redo, p + i, delta[i]) != AI_OK) {
                return AI_ERROR;
            }
        }

        return AI_OK;
    }

    for (i = 0; i < AI_AMOUNTS_N; i++) {

        if (i && delta[i] == 0) {
            continue;
        }

        if (redo->n == AI_REDO_MAX) {
            return AI_ERROR;
        }

        w = &redo->word[redo->n++];
        w->p = p + i;

        if (__builtin_add_overflow(p[i], delta[i], &w->value)) {
            w->value = delta[i] > 0 ? INT64_MAX : INT64_MIN;
        }
    }

    return AI_OK;
}


void
ai_amounts_add(ai_amounts_t *sum, const ai_amounts_t *a)
{
    size_t          i;
    int64_t        *p;
    const int64_t  *delta;

    p = (int64_t *) sum;
    delta = (const int64_t *) a;

    for (i = 0; i < AI_AMOUNTS_N; i++) {
        if (__builtin_add_overflow(p[i], delta[i], &p[i])) {
            p[i] = delta[i] > 0 ? INT64_MAX : INT64_MIN;
        }
    }
}


ai_int_t
ai_amounts_zero(const ai_amounts_t *a)
{
    size_t          i;
    int64_t         bits;
    const int64_t  *p;

    bits = 0;
    p = (const int64_t *) a;

    for (i = 0; i < AI_AMOUNTS_N; i++) {
        bits |= p[i];
    }

    return bits == 0;
}


int64_t
ai_amounts_tokens(const ai_amounts_t *a)
{
    int64_t  sum;

    if (__builtin_add_overflow(a->prompt, a->completion, &sum)) {
        sum = a->prompt > 0 ? INT64_MAX : INT64_MIN;
    }

    return sum;
}
