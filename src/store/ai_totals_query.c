
/*
 * Sums of cells, grouped: rows are found by a hash of what they differ in.
 */

#include <store/ai_totals_int.h>


#define AI_QUERY_ROWS  64           /* to begin with */


static ai_int_t ai_query_series(ai_query_t *x, const ai_series_t *s);
static ai_int_t ai_query_matches(ai_query_t *x, const ai_series_t *s);
static inline ai_int_t ai_query_name(ai_query_t *x, size_t i,
    const ai_str_t *name);
static ai_int_t ai_query_cells(ai_query_t *x, int64_t word, int64_t step);
static ai_totals_row_t *ai_query_row(ai_query_t *x, int64_t from,
    int64_t step);
static uint32_t *ai_query_find(ai_query_t *x, uint64_t hash, int64_t from,
    int64_t step);
static ai_int_t ai_query_same(const ai_query_t *x, const ai_totals_row_t *row);
static ai_int_t ai_query_grow(ai_query_t *x);
static uint32_t *ai_query_slot(const ai_query_t *x, uint64_t hash);
static uint64_t ai_query_hash(uint64_t h, const ai_str_t *s);
static int ai_totals_compare(const void *a, const void *b);


ai_int_t
ai_totals_query(const ai_totals_t *t, const ai_totals_query_t *q,
    const ai_pool_t *pool, size_t max, ai_totals_row_t **rows, size_t *n)
{
    ai_query_t  x;

    *rows = NULL;
    *n = 0;

    ai_query_init(&x, t, q, pool, max);

    if (ai_query_totals(&x, t) != AI_OK) {
        *n = x.n > max ? x.n : 0;
        return AI_ERROR;
    }

    if (ai_query_copy(&x) != AI_OK) {
        return AI_ERROR;
    }

    *rows = x.row;
    *n = x.n;

    return AI_OK;
}


/*
 * Who picks names does not know an address of this process: rows cannot be
 * made to fall on one another.
 */

void
ai_query_init(ai_query_t *x, const void *seed, const ai_totals_query_t *q,
    const ai_pool_t *pool, size_t max)
{
    size_t  i;

    memset(x, 0, sizeof(ai_query_t));

    x->q = q;
    x->pool = pool;
    x->max = ai_min(max, UINT32_MAX / 4);
    x->seed = ai_query_mix((uintptr_t) seed, (uintptr_t) x);

    for (i = 0; i < AI_DIM_MAX; i++) {
        x->equal[i] = q->equal[i];
        x->dim[i].data = (ai_char_t *) "";

        if (q->equal[i].data) {
            x->equal[i].len = ai_series_cut(&q->equal[i]);
        }
    }
}


ai_int_t
ai_query_totals(ai_query_t *x, const ai_totals_t *t)
{
    ai_series_t       *s;
    ai_series_iter_t   it;

    ai_series_iter(&it, t, 0);

    while ((s = ai_series_iter_next(&it)) != NULL) {

        if (ai_query_series(x, s) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_query_series(ai_query_t *x, const ai_series_t *s)
{
    if (!ai_query_matches(x, s)) {
        return AI_OK;
    }

    x->last = NULL;

    if (ai_query_cells(x, s->hours, AI_TOTALS_HOUR) != AI_OK) {
        return AI_ERROR;
    }

    return ai_query_cells(x, s->days, AI_TOTALS_DAY);
}


static ai_int_t
ai_query_matches(ai_query_t *x, const ai_series_t *s)
{
    size_t     i;
    ai_str_t   name;

    x->names = x->seed;
    name.data = (ai_char_t *) s->names;

    for (i = 0; i < AI_DIM_MAX; i++, name.data += name.len) {
        name.len = s->len[i];

        if (!ai_query_name(x, i, &name)) {
            return 0;
        }
    }

    return 1;
}


ai_int_t
ai_query_names(ai_query_t *x, const ai_str_t dim[AI_DIM_MAX])
{
    size_t  i;

    x->names = x->seed;
    x->last = NULL;

    for (i = 0; i < AI_DIM_MAX; i++) {
        if (!ai_query_name(x, i, &dim[i])) {
            return 0;
        }
    }

    return 1;
}


static inline ai_int_t
ai_query_name(ai_query_t *x, size_t i, const ai_str_t *name)
{
    if (x->equal[i].data && !ai_str_eq(&x->equal[i], name)) {
        return 0;
    }

    if (x->q->group & (1u << i)) {
        x->dim[i] = *name;
        x->names = ai_query_hash(x->names, name);
    }

    return 1;
}


static ai_int_t
ai_query_cells(ai_query_t *x, int64_t word, int64_t step)
{
    const ai_cell_t  *c;

    for ( /* void */ ; word; word = c->next) {
        c = ai_cell_of(word);

        /* cells are two lines each, and all over the memory */

        __builtin_prefetch(ai_cell_of(c->next));
        __builtin_prefetch(ai_cell_of(c->next + 64));

        if (x->q->from && c->at < x->q->from) {
            break;
        }

        if (ai_query_add(x, c->at, step, &c->amounts) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


ai_int_t
ai_query_add(ai_query_t *x, int64_t at, int64_t step,
    const ai_amounts_t *amounts)
{
    int64_t           from, length;
    ai_totals_row_t  *row;

    if (step == AI_TOTALS_HOUR && at < x->q->hours) {
        step = AI_TOTALS_DAY;
        at -= at % AI_TOTALS_DAY;
    }

    if ((x->q->from && at < x->q->from) || (x->q->to && at >= x->q->to)
        || ai_amounts_zero(amounts))
    {
        return AI_OK;
    }

    if (x->q->step == 0) {
        from = x->q->from;
        length = 0;

    } else {
        length = ai_max(step, (int64_t) x->q->step);
        from = at - at % length;
    }

    row = x->last;

    if (row == NULL || row->from != from || row->step != length) {
        row = ai_query_row(x, from, length);

        if (row == NULL) {
            return AI_ERROR;
        }

        x->last = row;
    }

    ai_amounts_add(&row->amounts, amounts);

    return AI_OK;
}


static ai_totals_row_t *
ai_query_row(ai_query_t *x, int64_t from, int64_t step)
{
    uint32_t         *p;
    uint64_t          hash;
    ai_totals_row_t  *row;

    if (x->cap == 0 && ai_query_grow(x) != AI_OK) {
        return NULL;
    }

    hash = ai_query_mix(x->names ^ (uint64_t) step, (uint64_t) from);
    p = ai_query_find(x, hash, from, step);

    if (*p) {
        return &x->row[*p - 1];
    }

    if (x->n >= x->max) {
        x->n = x->max + 1;
        return NULL;
    }

    if (x->n == x->cap) {

        if (ai_query_grow(x) != AI_OK) {
            return NULL;
        }

        p = ai_query_slot(x, hash);
    }

    row = &x->row[x->n];
    x->hash[x->n] = hash;
    *p = (uint32_t) ++x->n;

    row->from = from;
    row->step = step;
    memcpy(row->dim, x->dim, sizeof(row->dim));
    memset(&row->amounts, 0, sizeof(ai_amounts_t));

    return row;
}


/* the entry of the row, or where it belongs */

static uint32_t *
ai_query_find(ai_query_t *x, uint64_t hash, int64_t from, int64_t step)
{
    size_t            i, mask;
    ai_totals_row_t  *row;

    mask = x->cap * 2 - 1;

    for (i = hash & mask; x->index[i]; i = (i + 1) & mask) {
        row = &x->row[x->index[i] - 1];

        if (x->hash[x->index[i] - 1] == hash && row->from == from
            && row->step == step && ai_query_same(x, row))
        {
            break;
        }
    }

    return &x->index[i];
}


static ai_int_t
ai_query_same(const ai_query_t *x, const ai_totals_row_t *row)
{
    size_t  i;

    for (i = 0; i < AI_DIM_MAX; i++) {
        if (!ai_str_eq(&x->dim[i], &row->dim[i])) {
            return 0;
        }
    }

    return 1;
}


static ai_int_t
ai_query_grow(ai_query_t *x)
{
    size_t            i, cap;
    uint32_t         *index;
    uint64_t         *hash;
    ai_totals_row_t  *row;

    cap = x->cap ? x->cap * 2 : AI_QUERY_ROWS;

    row = ai_palloc(x->pool, cap * sizeof(ai_totals_row_t));
    hash = ai_palloc(x->pool, cap * sizeof(uint64_t));
    index = ai_pcalloc(x->pool, cap * 2 * sizeof(uint32_t));

    if (row == NULL || hash == NULL || index == NULL) {
        return AI_ERROR;
    }

    if (x->n) {
        memcpy(row, x->row, x->n * sizeof(ai_totals_row_t));
        memcpy(hash, x->hash, x->n * sizeof(uint64_t));
    }

    ai_pfree(x->pool, x->row);
    ai_pfree(x->pool, x->hash);
    ai_pfree(x->pool, x->index);

    x->row = row;
    x->hash = hash;
    x->index = index;
    x->cap = cap;

    for (i = 0; i < x->n; i++) {
        *ai_query_slot(x, hash[i]) = (uint32_t) i + 1;
    }

    return AI_OK;
}


static uint32_t *
ai_query_slot(const ai_query_t *x, uint64_t hash)
{
    size_t  i, mask;

    mask = x->cap * 2 - 1;

    for (i = hash & mask; x->index[i]; i = (i + 1) & mask) { /* void */ }

    return &x->index[i];
}


uint64_t
ai_query_mix(uint64_t h, uint64_t w)
{
    h = (h ^ w) * 0x9e3779b97f4a7c15;

    return h ^ h >> 29;
}


static uint64_t
ai_query_hash(uint64_t h, const ai_str_t *s)
{
    size_t     i;
    uint64_t   w;

    h = ai_query_mix(h, s->len + 1);

    for (i = 0; i + 8 <= s->len; i += 8) {
        memcpy(&w, s->data + i, 8);
        h = ai_query_mix(h, w);
    }

    for (w = 0; i < s->len; i++) {
        w = w << 8 | s->data[i];
    }

    return ai_query_mix(h, w);
}


/* names lie in the shared memory until here */

ai_int_t
ai_query_copy(ai_query_t *x)
{
    size_t      i, k, len;
    ai_str_t   *s;
    ai_char_t  *p;

    len = 0;

    for (i = 0; i < x->n; i++) {
        for (k = 0; k < AI_DIM_MAX; k++) {
            len += x->row[i].dim[k].len;
        }
    }

    p = ai_palloc(x->pool, len);
    if (p == NULL) {
        return AI_ERROR;
    }

    for (i = 0; i < x->n; i++) {
        for (k = 0; k < AI_DIM_MAX; k++) {
            s = &x->row[i].dim[k];

            if (s->len) {
                memcpy(p, s->data, s->len);
                s->data = p;
                p += s->len;

            } else {
                s->data = (ai_char_t *) "";
            }
        }
    }

    return AI_OK;
}


void
ai_totals_sort(ai_totals_row_t *rows, size_t n)
{
    if (n > 1) {
        qsort(rows, n, sizeof(ai_totals_row_t), ai_totals_compare);
    }
}


/* names last, so that the order is the same every time */

static int
ai_totals_compare(const void *a, const void *b)
{
    int                     rc;
    size_t                  i;
    const ai_totals_row_t  *r, *s;

    r = a;
    s = b;

    if (r->from != s->from) {
        return r->from < s->from ? -1 : 1;
    }

    if (r->amounts.cost != s->amounts.cost) {
        return r->amounts.cost > s->amounts.cost ? -1 : 1;
    }

    for (i = 0; i < AI_DIM_MAX; i++) {

        rc = memcmp(r->dim[i].data, s->dim[i].data,
                    ai_min(r->dim[i].len, s->dim[i].len));

        if (rc) {
            return rc;
        }

        if (r->dim[i].len != s->dim[i].len) {
            return r->dim[i].len < s->dim[i].len ? -1 : 1;
        }
    }

    return r->step < s->step ? -1 : r->step > s->step;
}
