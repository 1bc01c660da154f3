
/*
 * Totals of several nodes.  Each of them tells what it knows of a cell: the
 * amounts as they are, and never what was added, so that telling twice or late
 * does no harm.  What is told of a day has its hours in it.
 *
 * Cells that change are marked, as part of the same commit, and their series
 * are put into a list: finding what is to be told takes no longer where
 * nothing has changed, however many cells there are.
 */

#ifndef AI_TOTALS_SHARE_H
#define AI_TOTALS_SHARE_H


#include <store/ai_totals.h>


/* bytes of the texts below */
#define AI_TOLD_ID       16
#define AI_TOLD_PERIOD   11
#define AI_TOLD_MONTH    6
#define AI_TOLD_TEXT     (AI_AMOUNTS_N * 20)

/* cells of a day and its hours: the least that is told at once */
#define AI_TOLD_MIN      25


typedef struct {
    uint64_t           id;          /* of the series */
    int64_t            at;
    int64_t            step;        /* 3600, 86400 */
    ai_amounts_t       amounts;
} ai_told_t;


typedef struct ai_merge_s  ai_merge_t;


#pragma GCC visibility push(hidden)


/*
 * From now on changes are marked, or not any more.  AI_AGAIN: off, call again,
 * there are marks to be taken away.  All of these are called under the lock;
 * redo is used and committed.
 */
ai_int_t ai_totals_share(ai_totals_t *t, ai_redo_t *redo, ai_uint_t on);
ai_int_t ai_totals_is_shared(const ai_totals_t *t);

/* series with something that is not told */
size_t ai_totals_untold(const ai_totals_t *t);

/* all there is, from the series *cursor on (0: the first), is to be told
 * again.  Does some work, AI_AGAIN: there is more */
ai_int_t ai_totals_untell(ai_totals_t *t, ai_redo_t *redo, uint64_t *cursor);

/* a round: what has changed until now, if the one before is over */
void ai_totals_round(ai_totals_t *t, ai_redo_t *redo);

/* what is to be told next; from here on it is told.  At most max cells, which
 * is AI_TOLD_MIN or more; 0: the round is over */
size_t ai_totals_tell(ai_totals_t *t, ai_redo_t *redo, ai_told_t *told,
    size_t max);

/* this one was not told after all */
void ai_totals_again(ai_totals_t *t, ai_redo_t *redo, const ai_told_t *told);

/* names of a series, as pointers into it; AI_DECLINED: not known */
ai_int_t ai_totals_names(const ai_totals_t *t, uint64_t id,
    ai_str_t dim[AI_DIM_MAX]);


/* decimals with commas between, zeros left out: at most AI_TOLD_TEXT */
size_t ai_told_text(ai_char_t *p, const ai_amounts_t *amounts);
ai_int_t ai_told_read(const ai_str_t *text, ai_amounts_t *amounts);

/* hex digits */
void ai_told_id(ai_char_t *p, uint64_t id);
ai_int_t ai_told_id_read(const ai_str_t *text, uint64_t *id);

/* "20261122T14", "20261122"; how long it is */
size_t ai_told_period(ai_char_t *p, int64_t at, int64_t step);
/* "202611"; and the first second behind that month */
int64_t ai_told_month(ai_char_t *p, int64_t at);


/*
 * Rows of a question, out of this node's totals and of what others have told,
 * which comes by ids.  NULL: no memory.  AI_ERROR: no memory or, and then
 * ai_merge_full() tells, too many rows (max), or too many series (nseries).
 */
ai_merge_t *ai_merge_create(const ai_totals_query_t *q, const ai_pool_t *pool,
    size_t max, size_t nseries);
ai_int_t ai_merge_totals(ai_merge_t *m, const ai_totals_t *t);

ai_int_t ai_merge_is_known(const ai_merge_t *m, uint64_t id);
ai_int_t ai_merge_define(ai_merge_t *m, uint64_t id,
    const ai_str_t dim[AI_DIM_MAX]);
/* AI_DECLINED: the series is not defined */
ai_int_t ai_merge_add(ai_merge_t *m, const ai_told_t *told);

typedef enum {
    AI_MERGE_FITS = 0,
    AI_MERGE_ROWS,
    AI_MERGE_SERIES
} ai_merge_full_e;

ai_merge_full_e ai_merge_full(const ai_merge_t *m);
ai_totals_row_t *ai_merge_rows(ai_merge_t *m, size_t *n);


#pragma GCC visibility pop


#endif /* AI_TOTALS_SHARE_H */
