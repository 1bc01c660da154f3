
/*
 * Rows out of several nodes' cells.
 *
 * Cells of others come by the ids of their series.  What is kept of a series
 * is its id and a number: of the names, as far as they are asked for, which
 * many series may have in common.
 */

#include <store/ai_totals_int.h>
#include <store/ai_totals_share.h>


#define AI_MERGE_BEGIN  256             /* entries of tables, to begin with */


typedef struct {
    uint64_t           id;              /* 0: free */
    uint32_t           group;           /* + 1; 0: it is not asked for */
} ai_merge_series_t;


typedef struct {
    uint64_t           hash;
    ai_str_t           dim[AI_DIM_MAX]; /* what is not grouped by: empty */
} ai_merge_group_t;


struct ai_merge_s {
    ai_query_t         x;
    ai_totals_query_t  q;
    size_t             nseries;
    size_t             max;
    size_t             cap;             /* entries, a power of 2 */
    ai_merge_series_t *series;

    size_t             ngroups;
    size_t             gcap;
    ai_merge_group_t  *group;
    uint32_t          *index;           /* group + 1; two entries a group */
    ai_merge_full_e    full;
};


static ai_merge_series_t *ai_merge_find(const ai_merge_t *m, uint64_t id);
static ai_int_t ai_merge_grow(ai_merge_t *m);
static ai_int_t ai_merge_group(ai_merge_t *m, uint32_t *group);
static uint32_t *ai_merge_slot(const ai_merge_t *m, uint64_t hash,
    const ai_str_t *dim);
static ai_int_t ai_merge_same(const ai_str_t *a, const ai_str_t *b);
static ai_int_t ai_merge_grow_groups(ai_merge_t *m);
static ai_int_t ai_merge_dup(const ai_pool_t *pool, ai_str_t *dst,
    const ai_str_t *src);


ai_merge_t *
ai_merge_create(const ai_totals_query_t *q, const ai_pool_t *pool, size_t max,
    size_t nseries)
{
    ai_merge_t  *m;

    m = ai_pcalloc(pool, sizeof(ai_merge_t));
    if (m == NULL) {
        return NULL;
    }

    m->q = *q;
    m->max = nseries;

    ai_query_init(&m->x, pool, &m->q, pool, max);

    return ai_merge_grow(m) == AI_OK ? m : NULL;
}


ai_int_t
ai_merge_totals(ai_merge_t *m, const ai_totals_t *t)
{
    if (ai_query_totals(&m->x, t) != AI_OK) {

        if (m->x.n > m->x.max) {
            m->full = AI_MERGE_ROWS;
        }

        return AI_ERROR;
    }

    return ai_query_copy(&m->x);
}


ai_int_t
ai_merge_is_known(const ai_merge_t *m, uint64_t id)
{
    return ai_merge_find(m, id)->id != 0;
}


/* the entry of an id, or the one that it belongs in */

static ai_merge_series_t *
ai_merge_find(const ai_merge_t *m, uint64_t id)
{
    size_t  i, mask;

    mask = m->cap - 1;
    i = ai_query_mix(m->x.seed, id) & mask;

    while (m->series[i].id && m->series[i].id != id) {
        i = (i + 1) & mask;
    }

    return &m->series[i];
}


ai_int_t
ai_merge_define(ai_merge_t *m, uint64_t id, const ai_str_t dim[AI_DIM_MAX])
{
    uint32_t            group;
    ai_merge_series_t  *s;

    group = 0;

    if (ai_query_names(&m->x, dim)
        && ai_merge_group(m, &group) != AI_OK)
    {
        return AI_ERROR;
    }

    if (m->nseries == m->max) {
        m->full = AI_MERGE_SERIES;
        return AI_ERROR;
    }

    if (m->nseries >= m->cap / 2 && ai_merge_grow(m) != AI_OK) {
        return AI_ERROR;
    }

    s = ai_merge_find(m, id);

    if (s->id == 0) {
        m->nseries++;
    }

    s->id = id;
    s->group = group;

    return AI_OK;
}


static ai_int_t
ai_merge_grow(ai_merge_t *m)
{
    size_t              i, n;
    ai_merge_series_t  *old;

    old = m->series;
    n = m->cap;

    m->series = ai_pcalloc(m->x.pool, ai_max(n * 2, AI_MERGE_BEGIN)
                                      * sizeof(ai_merge_series_t));
    if (m->series == NULL) {
        m->series = old;
        return AI_ERROR;
    }

    m->cap = ai_max(n * 2, AI_MERGE_BEGIN);

    for (i = 0; i < n; i++) {
        if (old[i].id) {
            *ai_merge_find(m, old[i].id) = old[i];
        }
    }

    ai_pfree(m->x.pool, old);

    return AI_OK;
}


/* of the names that the question was given just now */

static ai_int_t
ai_merge_group(ai_merge_t *m, uint32_t *group)
{
    size_t             i;
    uint32_t          *slot;
    ai_query_t        *x;
    ai_merge_group_t  *g;

    x = &m->x;

    if (m->gcap == 0 && ai_merge_grow_groups(m) != AI_OK) {
        return AI_ERROR;
    }

    slot = ai_merge_slot(m, x->names, x->dim);

    if (*slot) {
        *group = *slot;
        return AI_OK;
    }

    /* each of them will have a row */

    if (m->ngroups >= x->max) {
        m->full = AI_MERGE_ROWS;
        return AI_ERROR;
    }

    if (m->ngroups == m->gcap) {

        if (ai_merge_grow_groups(m) != AI_OK) {
            return AI_ERROR;
        }

        slot = ai_merge_slot(m, x->names, x->dim);
    }

    g = &m->group[m->ngroups];
    g->hash = x->names;

    for (i = 0; i < AI_DIM_MAX; i++) {

        g->dim[i] = x->dim[i];

        if ((x->q->group & (1u << i))
            && ai_merge_dup(x->pool, &g->dim[i], &x->dim[i]) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    *slot = (uint32_t) ++m->ngroups;
    *group = *slot;

    return AI_OK;
}


static ai_int_t
ai_merge_dup(const ai_pool_t *pool, ai_str_t *dst, const ai_str_t *src)
{
    if (src->len == 0) {
        dst->len = 0;
        dst->data = (ai_char_t *) "";
        return AI_OK;
    }

    return ai_str_dup(pool, dst, src);
}


static uint32_t *
ai_merge_slot(const ai_merge_t *m, uint64_t hash, const ai_str_t *dim)
{
    size_t             i, mask;
    ai_merge_group_t  *g;

    mask = m->gcap * 2 - 1;

    for (i = hash & mask; m->index[i]; i = (i + 1) & mask) {
        g = &m->group[m->index[i] - 1];

        if (g->hash == hash && ai_merge_same(g->dim, dim)) {
            break;
        }
    }

    return &m->index[i];
}


static ai_int_t
ai_merge_same(const ai_str_t *a, const ai_str_t *b)
{
    size_t  i;

    for (i = 0; i < AI_DIM_MAX; i++) {
        if (!ai_str_eq(&a[i], &b[i])) {
            return 0;
        }
    }

    return 1;
}


static ai_int_t
ai_merge_grow_groups(ai_merge_t *m)
{
    size_t             i, k, cap;
    uint32_t          *index;
    ai_merge_group_t  *group;

    cap = ai_max(m->gcap * 2, AI_MERGE_BEGIN);

    group = ai_palloc(m->x.pool, cap * sizeof(ai_merge_group_t));
    index = ai_pcalloc(m->x.pool, cap * 2 * sizeof(uint32_t));

    if (group == NULL || index == NULL) {
        return AI_ERROR;
    }

    if (m->ngroups) {
        memcpy(group, m->group, m->ngroups * sizeof(ai_merge_group_t));
    }

    for (i = 0; i < m->ngroups; i++) {
        k = group[i].hash & (cap * 2 - 1);

        while (index[k]) {
            k = (k + 1) & (cap * 2 - 1);
        }

        index[k] = (uint32_t) i + 1;
    }

    ai_pfree(m->x.pool, m->group);
    ai_pfree(m->x.pool, m->index);

    m->group = group;
    m->index = index;
    m->gcap = cap;

    return AI_OK;
}


ai_int_t
ai_merge_add(ai_merge_t *m, const ai_told_t *told)
{
    ai_query_t               *x;
    const ai_merge_group_t   *g;
    const ai_merge_series_t  *s;

    x = &m->x;
    s = ai_merge_find(m, told->id);

    if (s->id == 0) {
        return AI_DECLINED;
    }

    if (s->group == 0) {
        return AI_OK;
    }

    g = &m->group[s->group - 1];

    x->names = g->hash;
    x->last = NULL;
    memcpy(x->dim, g->dim, sizeof(x->dim));

    if (ai_query_add(x, told->at, told->step, &told->amounts) == AI_OK) {
        return AI_OK;
    }

    if (x->n > x->max) {
        m->full = AI_MERGE_ROWS;
    }

    return AI_ERROR;
}


ai_merge_full_e
ai_merge_full(const ai_merge_t *m)
{
    return m->full;
}


ai_totals_row_t *
ai_merge_rows(ai_merge_t *m, size_t *n)
{
    *n = m->x.n;

    return m->x.row;
}
