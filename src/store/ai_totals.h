
/*
 * Totals of spend: for every combination of key, team, project, customer,
 * user, model, provider and route (a series) what it has used in every hour of
 * the last 48 and in every day (UTC) before.
 *
 * In shared memory, under one lock.  What is new is linked in by one store, so
 * that a process may be killed anywhere; sums change through a redo, together
 * with whatever belongs to the same step.
 */

#ifndef AI_TOTALS_H
#define AI_TOTALS_H


#include <base/ai_redo.h>
#include <store/ai_amounts.h>
#include <store/ai_pack.h>


#define AI_TOTALS_HOURS   48
#define AI_TOTALS_NAME    44        /* bytes of a name that are kept */


typedef struct ai_totals_s  ai_totals_t;
typedef struct ai_series_s  ai_series_t;


/* hours: [from, to) in seconds, whole hours; 0: no bound */
typedef struct {
    int64_t            from;
    int64_t            to;
    ai_str_t           equal[AI_DIM_MAX];   /* data NULL: any */
    uint32_t           group;       /* 1 << ai_dim_e: rows differ in these */
    uint32_t           step;        /* 0: one row for all time, 3600, 86400 */
    int64_t            hours;       /* those before are taken as their days */
} ai_totals_query_t;


typedef struct {
    int64_t            from;        /* of the row: seconds, and its length; */
    int64_t            step;        /* 0: all that was asked for */
    ai_str_t           dim[AI_DIM_MAX];     /* empty where not grouped by */
    ai_amounts_t       amounts;
} ai_totals_row_t;


#pragma GCC visibility push(hidden)


/*
 * What is shared keeps no pool (functions have other addresses elsewhere):
 * every process brings its own, over the same memory; its free() gives memory
 * back.  NULL: no memory
 */
ai_totals_t *ai_totals_create(const ai_pool_t *pool);

/* the id of a series, the same everywhere; never 0.  Names are cut at
 * AI_TOTALS_NAME before, at the end of a character */
uint64_t ai_series_id(const ai_str_t dim[AI_DIM_MAX]);

/* what AI_RECORD_SERIES carries (at most AI_LEDGER_TEXT bytes), and back */
void ai_series_text(ai_buf_t *b, const ai_str_t dim[AI_DIM_MAX]);
ai_int_t ai_series_read(const ai_str_t *text, ai_str_t dim[AI_DIM_MAX]);

/* NULL: not known.  A series is where it is until the lock is given back */
ai_series_t *ai_totals_find(const ai_totals_t *t, uint64_t id);
/* 1 or 0: is it known, and of these names? */
ai_int_t ai_totals_is(const ai_totals_t *t, uint64_t id,
    const ai_str_t dim[AI_DIM_MAX]);
/* the one there is, or a new one; without memory, or if other names have this
 * id, that of "other", which there always is */
ai_series_t *ai_totals_define(ai_totals_t *t, const ai_pool_t *pool,
    uint64_t id, const ai_str_t dim[AI_DIM_MAX]);

/*
 * Stages amounts in the cell of a moment (s): that of its hour, or of its day
 * when it is long ago.  AI_ERROR: no room in the redo.  A cell for which there
 * is no memory is replaced by one of "other" (and if there is none of that
 * time either, by the nearest it has); *lost goes up by one when amounts are
 * put under "other".
 */
ai_int_t ai_totals_add(ai_totals_t *t, const ai_pool_t *pool,
    ai_redo_t *redo, ai_series_t *series, int64_t at, int64_t now,
    const ai_amounts_t *amounts, ai_uint_t *lost);

/*
 * Once in a while: hours that are older become days, days older than retain
 * seconds go (0: they stay), series that were without any cell for a day too.
 * Does some work, AI_AGAIN: there is more.  Uses and commits the redo.
 */
ai_int_t ai_totals_age(ai_totals_t *t, const ai_pool_t *pool,
    ai_redo_t *redo, int64_t now, int64_t retain);

/* appends chunks of type AI_PACK_SERIES and AI_PACK_CELL; load takes one of
 * them, and adds it to what there is: AI_DECLINED: another type; AI_ERROR: it
 * is not what save has written */
#define AI_PACK_SERIES  0x31726573
#define AI_PACK_CELL    0x316c6563
void ai_totals_save(const ai_totals_t *t, ai_buf_t *b);
ai_int_t ai_totals_load(ai_totals_t *t, const ai_pool_t *pool,
    ai_unpack_t *u);

/*
 * Rows in no order, into an array of the pool's; their strings are copies:
 * they hold once the lock is given back.  AI_ERROR: no memory; or, and then *n
 * is more than max, more than max rows.
 *
 * What is a day by now is in the period that the day begins in, and with a
 * step of an hour its rows are days all the same.
 */
ai_int_t ai_totals_query(const ai_totals_t *t, const ai_totals_query_t *q,
    const ai_pool_t *pool, size_t max, ai_totals_row_t **rows, size_t *n);

/* by time, then by cost, the dearest first */
void ai_totals_sort(ai_totals_row_t *rows, size_t n);

/*
 * The JSON object of a row, with the dims of group; and lines of CSV under the
 * names of FOCUS 1.2, columns of our own with "x_".  In CSV names are quoted,
 * and those that a spreadsheet would take for a formula, or that begin with an
 * apostrophe, have an apostrophe before them.
 */
void ai_totals_json(ai_buf_t *b, const ai_totals_query_t *q,
    const ai_totals_row_t *row);
void ai_totals_csv_head(ai_buf_t *b);
void ai_totals_csv(ai_buf_t *b, const ai_totals_query_t *q,
    const ai_totals_row_t *row);

/* nano-USD as "0.000000000" */
void ai_amounts_usd(ai_buf_t *b, int64_t nano);

/* "team" */
const ai_str_t *ai_dim_name(ai_dim_e dim);

/* "2026-11-22T14:00:00Z"; before 1970, after 9999: the nearest that is not */
void ai_totals_iso(ai_buf_t *b, int64_t at);

/* "2026-11-22", "2026-11-22T14:00:00Z" (the seconds may be left out), or
 * seconds since 1970; AI_ERROR: none of them */
ai_int_t ai_totals_date(const ai_str_t *text, int64_t *at);


#pragma GCC visibility pop


#endif /* AI_TOTALS_H */
