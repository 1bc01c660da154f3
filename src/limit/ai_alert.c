
/* When an alert is due, and when it is tried again. */

#include <limit/ai_alert.h>


#define AI_ALERT_TRIES    4
#define AI_ALERT_BACKOFF  1000      /* ms, after the first; then 4 times it */


static void ai_alert_advance(ai_alert_entry_t *e, int64_t window);
static int64_t ai_alert_before(const ai_alert_entry_t *e, int64_t *n);


static const ai_str_t  ai_alert_names[AI_ALERT_MAX] = {
    [AI_ALERT_SOFT] = ai_string("soft"),
    [AI_ALERT_EXCEEDED] = ai_string("exceeded"),
    [AI_ALERT_SPEND_RATE] = ai_string("spend_rate"),
    [AI_ALERT_BREAKER] = ai_string("breaker"),
    [AI_ALERT_ERROR_RATE] = ai_string("error_rate")
};


ai_int_t
ai_alert_by_name(const ai_str_t *name, ai_alert_e *kind)
{
    ai_uint_t  i;

    for (i = 0; i < AI_ALERT_MAX; i++) {
        if (ai_str_eq(name, &ai_alert_names[i])) {
            *kind = (ai_alert_e) i;
            return AI_OK;
        }
    }

    return AI_DECLINED;
}


const ai_str_t *
ai_alert_name(ai_alert_e kind)
{
    return &ai_alert_names[kind];
}


ai_alert_entry_t *
ai_alert_entry(ai_alert_entry_t *table, size_t n, uint64_t key, int64_t now)
{
    size_t             i;
    ai_alert_entry_t  *e, *old;

    key += key == 0;

    e = table + key % (n / AI_ALERT_WAYS) * AI_ALERT_WAYS;
    old = e;

    for (i = 0; i < AI_ALERT_WAYS; i++) {

        if (e[i].key == key) {
            e[i].seen = now;
            return &e[i];
        }

        if (old->key && (e[i].key == 0 || e[i].seen < old->seen)) {
            old = &e[i];
        }
    }

    memset(old, 0, sizeof(ai_alert_entry_t));
    old->key = key;
    old->seen = now;

    return old;
}


/* an end further away than a cool-down is of a clock that was put back */

ai_int_t
ai_alert_due(ai_alert_entry_t *e, int64_t now, int64_t cooldown)
{
    if (e->until > now && e->until <= now + cooldown) {
        return AI_DECLINED;
    }

    e->until = now + cooldown;

    return AI_OK;
}


ai_int_t
ai_alert_spend(ai_alert_entry_t *e, int64_t now, int64_t window,
    int64_t factor, int64_t cost, ai_alert_event_t *ev)
{
    int64_t     n, sum, *running;
    __int128_t  limit;

    ai_alert_advance(e, now / window);

    running = &e->cost[e->newest % (AI_ALERT_HISTORY + 1)];

    if (__builtin_add_overflow(*running, ai_max(cost, 0), running)) {
        *running = INT64_MAX;
    }

    sum = ai_alert_before(e, &n);

    if (n < AI_ALERT_LEARN || sum == 0) {
        return AI_DECLINED;
    }

    limit = (__int128_t) factor * sum / (1000 * n);

    if (*running <= limit) {
        return AI_DECLINED;
    }

    ev->limit = (int64_t) limit;
    ev->used = *running;
    ev->reset = (e->newest + 1) * window;

    return AI_OK;
}


/* a clock put back stays in the window that runs, by much it starts anew, as
 * after a long silence */

static void
ai_alert_advance(ai_alert_entry_t *e, int64_t window)
{
    if (e->first == 0
        || window - e->newest > AI_ALERT_HISTORY
        || e->newest - window > AI_ALERT_HISTORY)
    {
        memset(e->cost, 0, sizeof(e->cost));
        e->first = window;
        e->newest = window;
        return;
    }

    while (e->newest < window) {
        e->newest++;
        e->cost[e->newest % (AI_ALERT_HISTORY + 1)] = 0;
    }
}


/* the sum of the n whole windows before the one that runs */

static int64_t
ai_alert_before(const ai_alert_entry_t *e, int64_t *n)
{
    int64_t  i, sum;

    *n = ai_min(e->newest - e->first - 1, AI_ALERT_HISTORY);
    sum = 0;

    for (i = e->newest - *n; i < e->newest; i++) {
        if (__builtin_add_overflow(sum, e->cost[i % (AI_ALERT_HISTORY + 1)],
                                   &sum))
        {
            return INT64_MAX;
        }
    }

    return sum;
}


int64_t
ai_alert_retry(ai_uint_t n, ai_uint_t status)
{
    if (status >= 200 && status < 300) {
        return 0;
    }

    /* what the other side does not want it will not want later */

    if (n >= AI_ALERT_TRIES
        || (status >= 300 && status < 500 && status != 408 && status != 425
            && status != 429))
    {
        return -1;
    }

    return (int64_t) AI_ALERT_BACKOFF << (2 * (n - 1));
}


ai_int_t
ai_alert_push(ai_alert_queue_t *q, void *item)
{
    if (q->n == AI_ALERT_QUEUE) {
        return AI_DECLINED;
    }

    q->item[(q->first + q->n++) % AI_ALERT_QUEUE] = item;

    return AI_OK;
}


void *
ai_alert_shift(ai_alert_queue_t *q)
{
    void  *item;

    if (q->n == 0) {
        return NULL;
    }

    item = q->item[q->first];
    q->first = (q->first + 1) % AI_ALERT_QUEUE;
    q->n--;

    return item;
}
