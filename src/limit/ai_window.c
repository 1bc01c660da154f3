
/*
 * Windows of time.  A moment belongs to the slot floor(now / (T / 64)), in
 * milliseconds; where T / 64 is no whole number of them, slots differ by one.
 */

#include <limit/ai_window.h>


/* clocks are never put back by more than twice the largest offset */
#define AI_WINDOW_STEPS  5

_Static_assert(AI_WINDOW_RING % 5 == 0, "the steps of ai_window_sum()");


static void ai_window_date(int32_t period, const ai_tz_t *tz, int64_t now,
    int64_t date[3]);
static void ai_window_step(int32_t period, int64_t date[3]);
static int64_t ai_window_until(int32_t period, int64_t slot, int64_t now_ms);
static ai_uint_t ai_window_index(int64_t slot);
static int64_t ai_window_add(int64_t a, int64_t b);


void
ai_window_calendar(int32_t period, const ai_tz_t *tz, int64_t now,
    int64_t *start, int64_t *end)
{
    int64_t    date[3];
    ai_uint_t  n;

    ai_window_date(period, tz, now, date);
    *end = ai_tz_midnight(tz, date[0], date[1], date[2]);

    /* more than once where clocks were put back over a midnight: the window
     * that has begun stays */

    for (n = 0; n < AI_WINDOW_STEPS; n++) {
        ai_window_step(period, date);
        *start = *end;
        *end = ai_tz_midnight(tz, date[0], date[1], date[2]);

        if (now < *end) {
            break;
        }
    }
}


/* the first day of the period a moment is in: year, month, day */

static void
ai_window_date(int32_t period, const ai_tz_t *tz, int64_t now,
    int64_t date[3])
{
    int64_t  weekday;

    ai_tz_date(tz, now, &date[0], &date[1], &date[2], &weekday);

    switch (period) {

    case AI_PERIOD_WEEK:
        date[2] -= weekday;
        break;

    case AI_PERIOD_MONTH:
        date[2] = 1;
        break;

    default:                /* AI_PERIOD_DAY */
        break;
    }
}


static void
ai_window_step(int32_t period, int64_t date[3])
{
    switch (period) {

    case AI_PERIOD_WEEK:
        date[2] += 7;
        break;

    case AI_PERIOD_MONTH:
        date[1]++;
        break;

    default:                /* AI_PERIOD_DAY */
        date[2]++;
        break;
    }
}


int64_t
ai_window_slot(int32_t period, int64_t now_ms)
{
    int64_t  ms;

    ms = (int64_t) period * 1000;
    now_ms = ai_max(now_ms, 0);

    /* in two parts, neither of which can overflow */

    return now_ms / ms * AI_WINDOW_SLOTS + now_ms % ms * AI_WINDOW_SLOTS / ms;
}


int64_t
ai_window_slot_start(int32_t period, int64_t slot)
{
    int64_t  ms, start;

    ms = (int64_t) period * 1000;

    if (__builtin_mul_overflow(slot / AI_WINDOW_SLOTS, ms, &start)) {
        return slot < 0 ? INT64_MIN : INT64_MAX;
    }

    ms = slot % AI_WINDOW_SLOTS * ms;

    if (ms > 0) {
        ms += AI_WINDOW_SLOTS - 1;
    }

    return ai_window_add(start, ms / AI_WINDOW_SLOTS);
}


void
ai_window_advance(int64_t *ring, int64_t *newest, int64_t slot)
{
    if (slot <= *newest) {
        return;
    }

    if ((uint64_t) slot - (uint64_t) *newest >= AI_WINDOW_RING) {
        memset(ring, 0, AI_WINDOW_RING * sizeof(int64_t));
        *newest = slot;
        return;
    }

    while (*newest < slot) {
        ++*newest;
        ring[ai_window_index(*newest)] = 0;
    }
}


int64_t
ai_window_sum(const int64_t *ring)
{
    int64_t    sum;
    uint64_t   fast, bits;
    ai_uint_t  i;

    fast = 0;
    bits = 0;

    for (i = 0; i < AI_WINDOW_RING; i += 5) {
        fast += (uint64_t) ring[i] + (uint64_t) ring[i + 1]
                + (uint64_t) ring[i + 2] + (uint64_t) ring[i + 3]
                + (uint64_t) ring[i + 4];
        bits |= (uint64_t) (ring[i] | ring[i + 1] | ring[i + 2] | ring[i + 3]
                            | ring[i + 4]);
    }

    /* as a rule none of them is so large that the sum could be too large */

    if (bits <= INT64_MAX / AI_WINDOW_RING) {
        return (int64_t) fast;
    }

    sum = 0;

    for (i = 0; i < AI_WINDOW_RING; i++) {
        sum = ai_window_add(sum, ring[i]);
    }

    return sum;
}


ai_int_t
ai_window_has(int64_t newest, int64_t slot)
{
    return slot <= newest
           && (uint64_t) newest - (uint64_t) slot <= AI_WINDOW_SLOTS;
}


int64_t
ai_window_wait(const int64_t *ring, int64_t newest, int32_t period,
    int64_t now_ms, int64_t amount)
{
    int64_t    sum;
    ai_uint_t  i;

    if (amount <= 0) {
        return 0;
    }

    sum = 0;

    /* the slot before the window gives its place to the oldest one's first */

    for (i = 1; i <= AI_WINDOW_RING; i++) {
        sum = ai_window_add(sum,
                            ring[ai_window_index(newest + (int64_t) i)]);

        if (sum >= amount) {
            return ai_window_until(period, newest + (int64_t) i, now_ms);
        }
    }

    return -1;
}


/* the newest slot that has anything is the last one to go, and it is one of
 * the newest as a rule */

int64_t
ai_window_clear(const int64_t *ring, int64_t newest, int32_t period,
    int64_t now_ms)
{
    ai_uint_t  i;

    for (i = AI_WINDOW_RING; i; i--) {
        if (ring[ai_window_index(newest + (int64_t) i)] > 0) {
            return ai_window_until(period, newest + (int64_t) i, now_ms);
        }
    }

    return 0;
}


static int64_t
ai_window_until(int32_t period, int64_t slot, int64_t now_ms)
{
    int64_t  at;

    at = ai_window_slot_start(period, slot);

    return at > now_ms ? at - now_ms : 0;
}


static ai_uint_t
ai_window_index(int64_t slot)
{
    return (ai_uint_t) ((uint64_t) slot % AI_WINDOW_RING);
}


/* sums stop at the ends of int64_t */

static int64_t
ai_window_add(int64_t a, int64_t b)
{
    int64_t  sum;

    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? INT64_MAX : INT64_MIN;
    }

    return sum;
}
