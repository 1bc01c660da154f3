
/*
 * Totals grow old: hours become days, days go.
 *
 * What is moved from one cell to another, and what is taken out of a list,
 * are words of one commit each, so that nothing is counted twice or lost
 * wherever the process is killed.  Cells taken out are in a list of garbage
 * from that commit on, and given back from there one by one.
 */

#include <store/ai_totals_int.h>


/* series looked at, and cells given back, in one go */
#define AI_TOTALS_WORK     256

/* a series that was defined is kept so long without a cell: a request of it
 * may be running */
#define AI_TOTALS_IDLE     AI_TOTALS_DAY


static ai_int_t ai_totals_sweep(ai_totals_t *t, const ai_pool_t *pool,
    ai_uint_t *work);
static ai_int_t ai_series_age(ai_totals_t *t, const ai_pool_t *pool,
    ai_series_t *s, ai_redo_t *redo, int64_t now, int64_t retain,
    ai_uint_t *work);
static ai_int_t ai_series_fold(ai_totals_t *t, ai_series_t *s,
    ai_redo_t *redo, int64_t now);
static void ai_totals_fold(ai_totals_t *t, ai_series_t *s, ai_redo_t *redo,
    int64_t *p);
static ai_int_t ai_series_expire(ai_totals_t *t, ai_series_t *s,
    ai_redo_t *redo, int64_t now, int64_t retain);
static void ai_totals_discard(ai_totals_t *t, ai_redo_t *redo,
    ai_cell_t *first, ai_cell_t *end);


ai_int_t
ai_totals_age(ai_totals_t *t, const ai_pool_t *pool, ai_redo_t *redo,
    int64_t now, int64_t retain)
{
    size_t            i;
    ai_uint_t         work;
    ai_series_t      *s;
    ai_series_iter_t  it;

    work = AI_TOTALS_WORK;
    now = ai_totals_time(now);

    if (ai_totals_sweep(t, pool, &work) != AI_OK) {
        return AI_AGAIN;
    }

    for (i = 0; i < AI_TOTALS_SPARE; i++) {
        if (t->spare[i] == 0) {
            t->spare[i] = ai_word_of(ai_palloc(pool, sizeof(ai_cell_t)));
        }
    }

    ai_series_iter(&it, t, t->cursor);

    for ( ;; ) {
        s = ai_series_iter_next(&it);

        if (s == NULL) {
            t->cursor = 0;
            return AI_OK;
        }

        if (work == 0) {
            t->cursor = s->id;
            return AI_AGAIN;
        }

        work--;
        t->cursor = s->id;

        switch (ai_series_age(t, pool, s, redo, now, retain, &work)) {

        case AI_AGAIN:
            return AI_AGAIN;

        case AI_DONE:

            /* it is gone, and nodes above it may be */

            if (t->cursor == UINT64_MAX) {
                t->cursor = 0;
                return AI_OK;
            }

            ai_series_iter(&it, t, ++t->cursor);
            break;
        }
    }
}


/* AI_DONE: there was nothing left of it */

static ai_int_t
ai_series_age(ai_totals_t *t, const ai_pool_t *pool, ai_series_t *s,
    ai_redo_t *redo, int64_t now, int64_t retain, ai_uint_t *work)
{
    while (ai_series_fold(t, s, redo, now) == AI_AGAIN
           || ai_series_expire(t, s, redo, now, retain) == AI_AGAIN)
    {
        if (ai_totals_sweep(t, pool, work) != AI_OK) {
            return AI_AGAIN;
        }
    }

    if (s->hours || s->days) {
        s->idle = 0;
        return AI_OK;
    }

    if (s->idle == 0 || s->idle > now) {
        s->idle = ai_max(now, 1);
        return AI_OK;
    }

    if (now - s->idle < AI_TOTALS_IDLE || s->untold) {
        return AI_OK;
    }

    ai_series_remove(t, pool, s);

    return AI_DONE;
}


/* gives cells back: to "other" first; AI_AGAIN: that was enough work */

static ai_int_t
ai_totals_sweep(ai_totals_t *t, const ai_pool_t *pool, ai_uint_t *work)
{
    size_t      i;
    ai_cell_t  *c;

    while (t->garbage) {

        if (*work == 0) {
            return AI_AGAIN;
        }

        (*work)--;

        c = ai_cell_of(t->garbage);
        ai_totals_link(&t->garbage, c->next);

        for (i = 0; i < AI_TOTALS_SPARE; i++) {
            if (t->spare[i] == 0) {
                ai_totals_link(&t->spare[i], ai_word_of(c));
                break;
            }
        }

        if (i == AI_TOTALS_SPARE) {
            ai_pfree(pool, c);
        }
    }

    return AI_OK;
}


/* AI_AGAIN: hours have become a day, there may be more of them */

static ai_int_t
ai_series_fold(ai_totals_t *t, ai_series_t *s, ai_redo_t *redo, int64_t now)
{
    int64_t  *p, oldest;

    oldest = (now / AI_TOTALS_HOUR - AI_TOTALS_HOURS + 1) * AI_TOTALS_HOUR;

    for (p = &s->hours; *p; p = &ai_cell_of(*p)->next) {

        if (ai_cell_of(*p)->at < oldest) {
            ai_totals_fold(t, s, redo, p);
            return AI_AGAIN;
        }
    }

    return AI_OK;
}


/* p links the first of the hours of a day, all of which are old */

static void
ai_totals_fold(ai_totals_t *t, ai_series_t *s, ai_redo_t *redo, int64_t *p)
{
    size_t      i;
    int64_t     day, *q, *sum, *n, untold;
    ai_cell_t  *c, *d, *first, *end;

    first = ai_cell_of(*p);
    day = first->at - first->at % AI_TOTALS_DAY;

    for (q = &s->days; *q && ai_cell_of(*q)->at > day; /* void */ ) {
        q = &ai_cell_of(*q)->next;
    }

    d = ai_cell_of(*q);

    ai_redo_begin(redo);

    if (d == NULL || d->at != day) {

        /* the first of the hours is the day from now on: no memory is asked
         * for where some is given back */

        d = first;
        first = ai_cell_of(d->next);

        (void) ai_redo_set(redo, &d->at, day);
        (void) ai_redo_set(redo, &d->next, *q);
        (void) ai_redo_set(redo, q, ai_word_of(d));
    }

    sum = (int64_t *) &d->amounts;
    untold = d->untold;
    end = first;

    for (c = first; c && c->at >= day; c = ai_cell_of(c->next)) {

        n = (int64_t *) &c->amounts;

        for (i = 0; i < AI_AMOUNTS_N; i++) {
            (void) ai_redo_add(redo, sum + i, n[i]);
        }

        untold |= c->untold;
        end = c;
    }

    (void) ai_redo_set(redo, &d->untold, untold);
    (void) ai_redo_set(redo, p, ai_word_of(c));

    if (c != first) {
        ai_totals_discard(t, redo, first, end);
    }

    ai_redo_commit(redo);
}


/* AI_AGAIN: days have gone */

static ai_int_t
ai_series_expire(ai_totals_t *t, ai_series_t *s, ai_redo_t *redo, int64_t now,
    int64_t retain)
{
    int64_t    *p;
    ai_cell_t  *c, *first, *end;

    if (retain <= 0 || retain > now) {
        return AI_OK;
    }

    for (p = &s->days; *p; p = &ai_cell_of(*p)->next) {

        if (ai_cell_of(*p)->at + AI_TOTALS_DAY <= now - retain) {
            break;
        }
    }

    first = ai_cell_of(*p);
    end = NULL;

    for (c = first; c && c != &t->last; c = ai_cell_of(c->next)) {
        end = c;
    }

    if (end == NULL) {
        return AI_OK;
    }

    ai_redo_begin(redo);

    (void) ai_redo_set(redo, p, ai_word_of(c));
    ai_totals_discard(t, redo, first, end);

    ai_redo_commit(redo);

    return AI_AGAIN;
}


/* stages: cells that are linked from first to end become garbage */

static void
ai_totals_discard(ai_totals_t *t, ai_redo_t *redo, ai_cell_t *first,
    ai_cell_t *end)
{
    (void) ai_redo_set(redo, &end->next, t->garbage);
    (void) ai_redo_set(redo, &t->garbage, ai_word_of(first));
}
