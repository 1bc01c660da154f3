
/*
 * How totals lie in memory, for the files ai_totals_*.c.
 *
 * Series hang in a tree of 16 ways by the bits of their id, the highest first:
 * it grows by small blocks only, each linked in by one store, is never deeper
 * than an id has digits, whoever picks the names, and goes through series in
 * the order of their ids.  Sizes are such that little is left over of slabs
 * of 128 bytes.
 *
 * Links are words, for a redo.
 */

#ifndef AI_TOTALS_INT_H
#define AI_TOTALS_INT_H


#include <store/ai_totals.h>


#define AI_TOTALS_HOUR     3600
#define AI_TOTALS_DAY      86400
#define AI_TOTALS_LAST     253402300799         /* the year 9999 ends */

#define AI_TOTALS_WAYS     16
#define AI_TOTALS_DEPTH    16
#define AI_TOTALS_SPARE    8

#define ai_cell_of(word)   ((ai_cell_t *) (intptr_t) (word))
#define ai_series_of(word) ((ai_series_t *) (intptr_t) (word))
#define ai_word_of(p)      ((int64_t) (intptr_t) (p))

/* a link to a node of the tree is odd */
#define ai_word_is_node(word)  ((word) & 1)
#define ai_node_of(word)   ((ai_series_node_t *) (intptr_t) ((word) - 1))
#define ai_word_of_node(p) ((int64_t) (intptr_t) (p) + 1)

/* whatever is linked is written before */
#define ai_totals_link(p, word)                                               \
    __atomic_store_n(p, word, __ATOMIC_RELEASE)


typedef struct {
    int64_t            next;        /* the cell before it in time */
    int64_t            at;          /* start of the hour, or of the day */
    ai_amounts_t       amounts;
    int64_t            untold;      /* changed since others were told */
} ai_cell_t;


struct ai_series_s {
    uint64_t           id;
    int64_t            hours;       /* cells, the latest first */
    int64_t            days;
    int64_t            idle;        /* found to be without cells; 0: no */
    int64_t            untold;      /* the next one with cells that are not
                                       told, 1: none; 0: it has none */
    ai_char_t          len[AI_DIM_MAX];
    ai_char_t          names[];     /* one behind the other */
};


typedef struct {
    int64_t            slot[AI_TOTALS_WAYS];
} ai_series_node_t;


struct ai_totals_s {
    ai_series_t       *other;
    int64_t            garbage;     /* cells that are to be given back */
    uint64_t           cursor;      /* ageing: the next id to look at */
    int64_t            spare[AI_TOTALS_SPARE];  /* cells for "other" */
    ai_cell_t          last;        /* where "other" has no cell and there is
                                       none: always there, of the year 1970 */
    int64_t            share;       /* others are told what changes */
    int64_t            changed;     /* series that did, the last one first */
    int64_t            telling;     /* those of the round that goes on */
    int64_t            nuntold;     /* in both */
    ai_series_node_t   root;
};


/* a question, and the rows there are so far */
typedef struct {
    const ai_totals_query_t  *q;
    const ai_pool_t          *pool;
    size_t                    max;

    size_t                    n;        /* max + 1: there would be more */
    size_t                    cap;
    ai_totals_row_t          *row;
    uint64_t                 *hash;     /* of a row */
    uint32_t                 *index;    /* row + 1; two entries a row */

    uint64_t                  seed;
    ai_str_t                  equal[AI_DIM_MAX];

    /* of the series that is looked at */
    uint64_t                  names;    /* hash of what is grouped by */
    ai_str_t                  dim[AI_DIM_MAX];
    ai_totals_row_t          *last;     /* it has added to */
} ai_query_t;


/* all series, or those from an id on */
typedef struct {
    const ai_series_node_t  *node[AI_TOTALS_DEPTH];
    unsigned                 i[AI_TOTALS_DEPTH];
    int                      depth;             /* -1: no more */
} ai_series_iter_t;


#pragma GCC visibility push(hidden)


/* the first so many bytes of it are kept */
size_t ai_series_cut(const ai_str_t *name);
ai_str_t ai_series_name(const ai_series_t *s, ai_dim_e dim);

void ai_series_iter(ai_series_iter_t *it, const ai_totals_t *t, uint64_t from);
ai_series_t *ai_series_iter_next(ai_series_iter_t *it);

/* takes a series without cells out, and frees it */
void ai_series_remove(ai_totals_t *t, const ai_pool_t *pool, ai_series_t *s);

/* within 1970 to 9999 */
int64_t ai_totals_time(int64_t at);
/* step: AI_TOTALS_HOUR or _DAY; a cell of it, a new one or what stands for it
 * when there is no memory; *s: whose it is */
ai_cell_t *ai_totals_cell(ai_totals_t *t, const ai_pool_t *pool,
    ai_series_t **s, int64_t step, int64_t at, ai_uint_t *lost);

/* stages: a cell that changes is to be told */
ai_int_t ai_totals_mark(ai_totals_t *t, ai_redo_t *redo, ai_series_t *s,
    ai_cell_t *c);

/* the question must stay; seed: an address will do */
void ai_query_init(ai_query_t *x, const void *seed,
    const ai_totals_query_t *q, const ai_pool_t *pool, size_t max);
ai_int_t ai_query_totals(ai_query_t *x, const ai_totals_t *t);
/* names of a series, of which cells follow; they must stay as long as rows
 * do.  0: it is not asked for */
ai_int_t ai_query_names(ai_query_t *x, const ai_str_t dim[AI_DIM_MAX]);
ai_int_t ai_query_add(ai_query_t *x, int64_t at, int64_t step,
    const ai_amounts_t *amounts);
/* names of rows lie elsewhere until here */
ai_int_t ai_query_copy(ai_query_t *x);
uint64_t ai_query_mix(uint64_t h, uint64_t w);

void ai_amounts_add(ai_amounts_t *sum, const ai_amounts_t *a);
ai_int_t ai_amounts_zero(const ai_amounts_t *a);
int64_t ai_amounts_tokens(const ai_amounts_t *a);


#pragma GCC visibility pop


#endif /* AI_TOTALS_INT_H */
