
/*
 * Totals in a file, and back.
 *
 *     SERIES  id, the eight names
 *     CELL    id of the series, seconds it is long, its start, ten amounts
 */

#include <store/ai_totals_int.h>


static void ai_cell_save(ai_buf_t *b, const ai_series_t *s, int64_t step,
    int64_t word);
static ai_int_t ai_series_load(ai_totals_t *t, const ai_pool_t *pool,
    ai_unpack_t *u);
static ai_int_t ai_cell_load(ai_totals_t *t, const ai_pool_t *pool,
    ai_unpack_t *u);


void
ai_totals_save(const ai_totals_t *t, ai_buf_t *b)
{
    size_t             i, mark;
    ai_str_t           name;
    ai_series_t       *s;
    ai_series_iter_t   it;

    ai_series_iter(&it, t, 0);

    while ((s = ai_series_iter_next(&it)) != NULL && !b->failed) {

        mark = ai_pack_begin(b, AI_PACK_SERIES);
        ai_pack_int(b, (int64_t) s->id);

        for (i = 0; i < AI_DIM_MAX; i++) {
            name = ai_series_name(s, (ai_dim_e) i);
            ai_pack_str(b, &name);
        }

        ai_pack_end(b, mark);

        ai_cell_save(b, s, AI_TOTALS_HOUR, s->hours);
        ai_cell_save(b, s, AI_TOTALS_DAY, s->days);
    }
}


static void
ai_cell_save(ai_buf_t *b, const ai_series_t *s, int64_t step, int64_t word)
{
    size_t            i, mark;
    const int64_t    *p;
    const ai_cell_t  *c;

    for ( /* void */ ; word; word = c->next) {
        c = ai_cell_of(word);

        if (ai_amounts_zero(&c->amounts)) {
            continue;
        }

        mark = ai_pack_begin(b, AI_PACK_CELL);

        ai_pack_int(b, (int64_t) s->id);
        ai_pack_int(b, step);
        ai_pack_int(b, c->at);

        p = (const int64_t *) &c->amounts;

        for (i = 0; i < AI_AMOUNTS_N; i++) {
            ai_pack_int(b, p[i]);
        }

        ai_pack_end(b, mark);
    }
}


ai_int_t
ai_totals_load(ai_totals_t *t, const ai_pool_t *pool, ai_unpack_t *u)
{
    switch (u->type) {

    case AI_PACK_SERIES:
        return ai_series_load(t, pool, u);

    case AI_PACK_CELL:
        return ai_cell_load(t, pool, u);

    default:
        return AI_DECLINED;
    }
}


static ai_int_t
ai_series_load(ai_totals_t *t, const ai_pool_t *pool, ai_unpack_t *u)
{
    size_t    i;
    uint64_t  id;
    ai_str_t  dim[AI_DIM_MAX];

    id = (uint64_t) ai_unpack_int(u);

    for (i = 0; i < AI_DIM_MAX; i++) {
        dim[i] = ai_unpack_str(u);
    }

    if (u->failed || id != ai_series_id(dim)) {
        return AI_ERROR;
    }

    (void) ai_totals_define(t, pool, id, dim);

    return AI_OK;
}


/* what is of a series that is not known, or that there was no memory for, is
 * kept as everywhere: under "other" */

static ai_int_t
ai_cell_load(ai_totals_t *t, const ai_pool_t *pool, ai_unpack_t *u)
{
    size_t         i;
    int64_t        step, at, *p;
    uint64_t       id;
    ai_cell_t     *c;
    ai_uint_t      lost;
    ai_series_t   *s;
    ai_amounts_t   amounts;

    id = (uint64_t) ai_unpack_int(u);
    step = ai_unpack_int(u);
    at = ai_unpack_int(u);

    p = (int64_t *) &amounts;

    for (i = 0; i < AI_AMOUNTS_N; i++) {
        p[i] = ai_unpack_int(u);
    }

    if (u->failed || (step != AI_TOTALS_HOUR && step != AI_TOTALS_DAY)) {
        return AI_ERROR;
    }

    s = ai_totals_find(t, id);

    if (s == NULL) {
        s = t->other;
    }

    lost = 0;
    c = ai_totals_cell(t, pool, &s, step, ai_totals_time(at), &lost);

    ai_amounts_add(&c->amounts, &amounts);

    return AI_OK;
}
