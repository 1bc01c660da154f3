
/*
 * Alerts: when one is due, what it says, and when it is tried again.
 *
 * What is remembered is one entry a (alert, key, unit, period), in a table of
 * fixed size in shared memory: the end of its cool-down, and for spend_rate
 * what was spent in the windows before.  All calls for a table are made under
 * one lock.
 */

#ifndef AI_ALERT_H
#define AI_ALERT_H


#include <base/ai_buf.h>
#include <base/ai_limit.h>


#define AI_ALERT_WAYS      4        /* entries a key may be in */
#define AI_ALERT_HISTORY   8        /* windows that a mean is of */
#define AI_ALERT_LEARN     3        /* fewer than these are too few */
#define AI_ALERT_QUEUE     32
#define AI_ALERT_KEY_MAX   512      /* bytes of a key that are told */


typedef enum {
    AI_ALERT_SOFT = 0,
    AI_ALERT_EXCEEDED,
    AI_ALERT_SPEND_RATE,
    AI_ALERT_BREAKER,
    AI_ALERT_ERROR_RATE,

    AI_ALERT_MAX
} ai_alert_e;


/* all zero: free */
typedef struct {
    uint64_t           key;
    int64_t            seen;        /* seconds, as all times here */
    int64_t            until;       /* end of the cool-down */
    int64_t            first;       /* number of the first window */
    int64_t            newest;      /* ... and of the one that runs */
    int64_t            cost[AI_ALERT_HISTORY + 1];  /* window n at n % 9 */
} ai_alert_entry_t;


typedef struct {
    ai_alert_e         kind;
    ai_str_t           name;        /* of the alert */
    ai_str_t           zone;
    ai_str_t           key;
    ai_str_t           node;
    ai_unit_e          unit;
    int32_t            period;
    int64_t            limit;       /* spend_rate: what is usual, times the
                                       factor */
    int64_t            used;
    int64_t            reset;       /* 0: unknown */
    int64_t            now;
} ai_alert_event_t;


/* the oldest of what waits first */
typedef struct {
    void              *item[AI_ALERT_QUEUE];
    uint32_t           first;
    uint32_t           n;
} ai_alert_queue_t;


#pragma GCC visibility push(hidden)


/* "spend_rate"; AI_DECLINED: none of them */
ai_int_t ai_alert_by_name(const ai_str_t *name, ai_alert_e *kind);
const ai_str_t *ai_alert_name(ai_alert_e kind);

/*
 * The entry of a key; a new one takes the place of the one of AI_ALERT_WAYS
 * that was seen longest ago.  n, the number of entries, is a multiple of it.
 */
ai_alert_entry_t *ai_alert_entry(ai_alert_entry_t *table, size_t n,
    uint64_t key, int64_t now);

/* AI_OK: it is to be told, and not again for the length of a cool-down;
 * AI_DECLINED: it was told already */
ai_int_t ai_alert_due(ai_alert_entry_t *e, int64_t now, int64_t cooldown);

/*
 * Adds what was spent.  AI_OK: the running window, of so many seconds, is
 * above factor (in thousandths) times the mean of up to AI_ALERT_HISTORY
 * whole windows before it; limit, used: both sides of that, reset: the end of
 * the window.  AI_DECLINED: it is not, or there is nothing to compare with:
 * the first window of a key counts as begun, not as whole.
 */
ai_int_t ai_alert_spend(ai_alert_entry_t *e, int64_t now, int64_t window,
    int64_t factor, int64_t cost, ai_alert_event_t *ev);

/* a JSON object; "text" is Slack's, whose signs are escaped in it */
void ai_alert_write(ai_buf_t *b, const ai_alert_event_t *ev);

/*
 * What was tried n times (1: once) has ended with an HTTP status, or 0, no
 * answer.  Milliseconds to the next time, 0: delivered, -1: given up.
 */
int64_t ai_alert_retry(ai_uint_t n, ai_uint_t status);

/* AI_DECLINED: it is full */
ai_int_t ai_alert_push(ai_alert_queue_t *q, void *item);
/* NULL: it is empty */
void *ai_alert_shift(ai_alert_queue_t *q);


#pragma GCC visibility pop


#endif /* AI_ALERT_H */
