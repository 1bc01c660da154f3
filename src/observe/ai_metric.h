
/*
 * Counters and histograms in memory that processes share, and how they are
 * written for Prometheus.
 *
 * A series is a family and the values of its labels.  It is found through a
 * hash table whose nodes are published by one store and never freed: readers
 * need no lock, and a process may be killed at any instruction without
 * leaving half a link.  What is counted is a 64-bit word that is added to
 * atomically.  Only making a series needs the lock, which is the caller's.
 *
 *     request:  ai_metric_cache_get -> pointer to a series -> atomic adds
 *     miss:     ai_metric_text, ai_metric_find; else lock, ai_metric_add
 *     scrape:   ai_metric_list, ai_metric_write_family ...: without a lock
 */

#ifndef AI_METRIC_H
#define AI_METRIC_H


#include <base/ai_base.h>
#include <base/ai_buf.h>


#define AI_METRIC_BASE_MAX     6            /* labels of a family ... */
#define AI_METRIC_EXTRA_MAX    8            /* ... and the operator's */
#define AI_METRIC_LABELS_MAX   (AI_METRIC_BASE_MAX + AI_METRIC_EXTRA_MAX)
#define AI_METRIC_NAME_MAX     64           /* bytes of a label's name */
#define AI_METRIC_VALUE_MAX    128          /* bytes of a label's value */
#define AI_METRIC_BOUNDS_MAX   24
#define AI_METRIC_FAMILIES_MAX 64
#define AI_METRIC_SERIES       1000         /* of a family */

/* name="value", escaped, and a comma, for all labels */
#define AI_METRIC_TEXT_MAX                                                    \
    (AI_METRIC_LABELS_MAX                                                     \
     * (AI_METRIC_NAME_MAX + 2 * AI_METRIC_VALUE_MAX + sizeof("=\"\",")))


typedef enum {
    AI_METRIC_COUNTER = 0,
    AI_METRIC_GAUGE,                        /* always of a collector */
    AI_METRIC_HISTOGRAM                     /* of microseconds */
} ai_metric_type_e;


typedef struct {
    const char                *le;          /* seconds, as a float */
    uint64_t                   us;
} ai_metric_bound_t;


/* constant; changed families: another fingerprint */
typedef struct {
    const char                *name;        /* a counter's with "_total" */
    const char                *help;
    ai_metric_type_e           type;
    uint32_t                   scale;       /* decimals: values are integers
                                               of 10^-scale */
    const char                *labels[AI_METRIC_BASE_MAX];
    uint32_t                   nlabels;
    const ai_metric_bound_t   *bounds;      /* ascending */
    uint32_t                   nbounds;
    unsigned                   extra:1;     /* has the operator's labels too */
} ai_metric_family_t;


typedef struct ai_metric_sh_s      ai_metric_sh_t;
typedef struct ai_metric_series_s  ai_metric_series_t;


/* in shared memory; nothing but words changes once it is published */
struct ai_metric_series_s {
    ai_metric_series_t        *next;
    uint32_t                   hash;
    uint32_t                   len;         /* of the text behind words; 0:
                                               what had no room */
    uint16_t                   family;
    uint16_t                   nwords;
    uint64_t                   words[];     /* the count; or buckets and the
                                               sum */
};


/* one process's view */
typedef struct {
    const ai_metric_family_t  *families;
    uint32_t                   n;
    const ai_str_t            *extra;       /* names of the operator's */
    uint32_t                   nextra;
    uint32_t                   cap;         /* series of a family */
    uint64_t                   max_bytes;   /* of all, as a slab allocator
                                               gives them; 0: any */
    ai_metric_sh_t            *sh;
} ai_metrics_t;


typedef struct ai_metric_entry_s  ai_metric_entry_t;

typedef struct {
    ai_pool_t                  pool;        /* of the process; with free() */
    ai_metric_entry_t        **table;
    uint32_t                   n;
    uint32_t                   max;         /* a trim empties a larger one */
} ai_metric_cache_t;


typedef struct {
    const ai_metrics_t        *metrics;
    ai_buf_t                  *buf;
    const ai_metric_family_t  *family;      /* whose heading was written */
    unsigned                   openmetrics:1;
} ai_metric_writer_t;


#pragma GCC visibility push(hidden)


/* what a shared block is found by: another number, another layout */
uint64_t ai_metric_fingerprint(const ai_metric_family_t *families,
    uint32_t n);

/* bytes of the shared block, which is zeroed when it is new */
size_t ai_metric_size(const ai_metric_family_t *families, uint32_t n);

/* m->families, n are set; block is of ai_metric_size() bytes.  May be called
 * for a block that is in use */
void ai_metric_init(ai_metrics_t *m, void *block);

/*
 * The labels of a series, as they are printed, into AI_METRIC_TEXT_MAX bytes;
 * returns the length.  values: the family's, then the operator's if it has
 * those.  They are cut at AI_METRIC_VALUE_MAX bytes; what is not UTF-8
 * becomes "?", control characters a blank.
 */
size_t ai_metric_text(const ai_metrics_t *m, uint32_t family,
    const ai_str_t *values, ai_char_t *text);

/* a series, or NULL */
ai_metric_series_t *ai_metric_find(const ai_metrics_t *m, uint32_t family,
    const ai_str_t *text);

/*
 * The same, made if it is not there; under the lock that guards the pool.
 * Never NULL: without memory, or above cap or max_bytes, it is the family's
 * "other", and ai_metric_dropped() is one more.
 */
ai_metric_series_t *ai_metric_add(const ai_metrics_t *m, uint32_t family,
    const ai_str_t *text, const ai_pool_t *pool);

uint64_t ai_metric_dropped(const ai_metrics_t *m);

/* duration in microseconds */
void ai_metric_observe(const ai_metrics_t *m, ai_metric_series_t *series,
    uint64_t us);

/*
 * Values of the operator's labels are as many as max: AI_OK for one that is
 * known, AI_AGAIN if it may be added, AI_DECLINED if there is no room for it.
 * add() is called under the lock and returns AI_OK or AI_DECLINED.
 */
ai_int_t ai_metric_value(const ai_metrics_t *m, const ai_str_t *label,
    const ai_str_t *value, uint32_t max);
ai_int_t ai_metric_value_add(const ai_metrics_t *m, const ai_str_t *label,
    const ai_str_t *value, uint32_t max, const ai_pool_t *pool);

/*
 * n pointers, NULL at first, that a process keeps for a kind and values; they
 * stay until the next trim.  NULL: no memory.  Values are compared as
 * AI_METRIC_VALUE_MAX bytes of them, at most AI_METRIC_LABELS_MAX.
 */
void **ai_metric_cache_get(ai_metric_cache_t *c, uint32_t kind,
    const ai_str_t *values, uint32_t nvalues, uint32_t n);
void ai_metric_cache_trim(ai_metric_cache_t *c);
void ai_metric_cache_clear(ai_metric_cache_t *c);

/* all series, those of a family together with its "other" first, family f at
 * starts[f] up to starts[f + 1]; starts has room for n + 1.  NULL: no
 * memory */
ai_metric_series_t **ai_metric_list(const ai_metrics_t *m,
    const ai_pool_t *pool, size_t *starts);

/* series of one family, n of them; an "other" that counted nothing is left
 * out */
void ai_metric_write_family(ai_metric_writer_t *w, uint32_t family,
    ai_metric_series_t **list, size_t n);

/* one value of a family: gauges that are known when they are asked for.  All
 * of a family in a row */
void ai_metric_write_sample(ai_metric_writer_t *w, uint32_t family,
    const ai_str_t *values, int64_t value);

void ai_metric_write_end(ai_metric_writer_t *w);

/* "Accept": 1 if OpenMetrics is wanted at least as much as plain text */
ai_int_t ai_metric_accept(const ai_str_t *accept);


#pragma GCC visibility pop


static inline void
ai_metric_inc(ai_metric_series_t *series, uint64_t n)
{
    (void) __atomic_fetch_add(&series->words[0], n, __ATOMIC_RELAXED);
}


#endif /* AI_METRIC_H */
