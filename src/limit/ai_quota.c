
/*
 * One quota: its windows, what fits into them, and what is taken and given
 * back.
 *
 * A window of the calendar that has come is made the current one, and the one
 * before is kept: requests that began in it end in it, and a clock that is set
 * back finds it again.
 */

#include <limit/ai_lease.h>


/* a clock that is so far behind was set back: others are so by less, since
 * processes look at it when they come to */
#define AI_QUOTA_BACK_SLOTS  (AI_WINDOW_SLOTS / 8)
#define AI_QUOTA_BACK_MS     5000


static void ai_quota_roll_slide(ai_quota_t *q, int64_t now_ms,
    ai_redo_t *redo);
static void ai_quota_put_back(ai_quota_t *q, int64_t slot, ai_redo_t *redo);
static ai_int_t ai_quota_roll_calendar(ai_quota_t *q, const ai_tz_t *tz,
    int64_t now_ms, ai_redo_t *redo);
static ai_int_t ai_quota_shift(ai_quota_t *q, const ai_quota_window_t *w,
    ai_redo_t *redo);
static void ai_quota_check_slide(ai_quota_claim_t *claim, int64_t now_ms);
static void ai_quota_check_calendar(ai_quota_claim_t *claim, int64_t now_ms,
    const ai_redo_t *redo);
static ai_quota_window_t *ai_quota_window(ai_quota_t *q, int64_t start);
static int64_t *ai_quota_slot(ai_quota_t *q, int64_t slot);
static int64_t *ai_quota_largest(ai_quota_t *q);
static ai_int_t ai_quota_exchange(ai_quota_t *q, int64_t window, int64_t *p,
    int64_t reserved, int64_t used, ai_redo_t *redo);
static void ai_quota_look_around(const ai_quota_t *q, int64_t slot,
    ai_quota_window_t *w);
static int64_t ai_quota_sum(int64_t a, int64_t b);


void
ai_quota_roll(ai_quota_t *q, const ai_tz_t *tz, int64_t now_ms,
    ai_redo_t *redo)
{
    q->seen = now_ms / 1000;

    if (ai_quota_is_sliding(q)) {
        ai_quota_roll_slide(q, now_ms, redo);

    } else if (q->period != AI_PERIOD_NONE
               && (now_ms < q->u.win[0].start * 1000
                   || now_ms >= q->u.win[0].end * 1000))
    {
        ai_redo_begin(redo);

        if (ai_quota_roll_calendar(q, tz, now_ms, redo) == AI_OK) {
            ai_redo_commit(redo);
        }
    }

    if (q->lease) {
        ai_lease_roll(q);
    }
}


static void
ai_quota_roll_slide(ai_quota_t *q, int64_t now_ms, ai_redo_t *redo)
{
    int64_t  slot, newest;

    slot = ai_window_slot(q->period, now_ms);
    newest = q->u.slide.newest;

    if (newest > slot && newest - slot > AI_QUOTA_BACK_SLOTS
        && ai_window_slot_start(q->period, newest) - now_ms
           > AI_QUOTA_BACK_MS)
    {
        ai_quota_put_back(q, slot, redo);
        return;
    }

    if (slot - newest > AI_WINDOW_SLOTS) {
        q->back = 0;
    }

    /* what is cleared has slid out: half of it done is no harm */

    ai_window_advance(q->u.slide.ring, &q->u.slide.newest, slot);
}


/* the clock was far ahead: nobody shall wait for it to come there again, and
 * what was used is not forgotten */

static void
ai_quota_put_back(ai_quota_t *q, int64_t slot, ai_redo_t *redo)
{
    int64_t    sum, *ring;
    ai_uint_t  i;

    ring = q->u.slide.ring;
    sum = ai_window_sum(ring);

    ai_redo_begin(redo);

    for (i = 0; i < AI_WINDOW_RING; i++) {
        if (ai_redo_set(redo, &ring[i],
                        i == (ai_uint_t) (slot % AI_WINDOW_RING) ? sum : 0)
            != AI_OK)
        {
            return;
        }
    }

    if (ai_redo_set(redo, &q->u.slide.newest, slot) != AI_OK) {
        return;
    }

    q->back = 1;

    ai_redo_commit(redo);
}


static ai_int_t
ai_quota_roll_calendar(ai_quota_t *q, const ai_tz_t *tz, int64_t now_ms,
    ai_redo_t *redo)
{
    ai_quota_window_t   w, *win;

    win = q->u.win;

    ai_window_calendar(q->period, tz, now_ms / 1000, &w.start, &w.end);
    w.used = 0;
    w.reserved = 0;

    if (w.start == win[0].start) {

        /* its end was not known when it was booked */

        return ai_redo_set(redo, &win[0].end, w.end);
    }

    if (w.start == win[1].start) {
        w.used = win[1].used;
        w.reserved = win[1].reserved;

    } else if (w.start < win[0].start && w.start < win[1].start) {

        /* before both of them: a clock was ahead, and what this one had used
         * is not known any more; the two were of the same time, in truth */

        w.used = ai_quota_sum(win[0].used, win[1].used);
    }

    return ai_quota_shift(q, &w, redo);
}


/* stages: the current window is the one before, w is the current one */

static ai_int_t
ai_quota_shift(ai_quota_t *q, const ai_quota_window_t *w, ai_redo_t *redo)
{
    ai_uint_t   i;
    int64_t    *to, *from;

    to = (int64_t *) &q->u.win[1];
    from = (int64_t *) &q->u.win[0];

    for (i = 0; i < sizeof(ai_quota_window_t) / sizeof(int64_t); i++) {
        if (ai_redo_set(redo, to + i, ai_redo_get(redo, from + i)) != AI_OK
            || ai_redo_set(redo, from + i, ((const int64_t *) w)[i]) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


ai_int_t
ai_quota_check(ai_quota_claim_t *claim, int64_t now_ms, ai_redo_t *redo)
{
    ai_lease_others(claim->quota, claim->quota->u.slide.newest, &claim->used,
                    &claim->leased);

    claim->wait = 0;
    claim->exhausted = 0;

    claim->amount = ai_min(claim->amount, claim->limit);

    if (ai_quota_is_sliding(claim->quota)) {
        ai_quota_check_slide(claim, now_ms);
    } else {
        ai_quota_check_calendar(claim, now_ms, redo);
    }

    claim->remaining = ai_max(claim->limit
                              - ai_quota_sum(claim->used, claim->leased), 0);

    /* what is free is always given */

    return claim->amount <= claim->remaining
           && (claim->amount > 0 || claim->limit > 0);
}


static void
ai_quota_check_slide(ai_quota_claim_t *claim, int64_t now_ms)
{
    int64_t      own, over;
    ai_quota_t  *q;

    q = claim->quota;
    own = ai_window_sum(q->u.slide.ring);

    claim->window = q->u.slide.newest;
    claim->used = ai_quota_sum(claim->used, own);
    claim->reset = ai_window_clear(q->u.slide.ring, q->u.slide.newest,
                                   q->period, now_ms);

    over = ai_quota_sum(ai_quota_sum(claim->used, claim->leased),
                        claim->amount)
           - claim->limit;

    if (over <= 0) {
        return;
    }

    claim->wait = ai_window_wait(q->u.slide.ring, q->u.slide.newest,
                                 q->period, now_ms, ai_min(over, own));

    if (claim->wait == 0) {

        /* when others' will have slid out is not known here */

        claim->wait = ai_max((int64_t) q->period * 1000 / AI_WINDOW_SLOTS,
                             1000);
    }
}


static void
ai_quota_check_calendar(ai_quota_claim_t *claim, int64_t now_ms,
    const ai_redo_t *redo)
{
    int64_t             used, taken;
    ai_quota_t         *q;
    ai_quota_window_t  *w;

    q = claim->quota;
    w = &q->u.win[0];

    used = ai_quota_sum(claim->used, ai_redo_get(redo, &w->used));

    claim->window = w->start;
    claim->used = ai_quota_sum(used, ai_redo_get(redo, &w->reserved));
    claim->reset = 0;

    if (q->period != AI_PERIOD_NONE) {
        claim->reset = ai_max(w->end * 1000 - now_ms, 0);
    }

    taken = ai_quota_sum(claim->used, claim->leased);

    if (ai_quota_sum(taken, claim->amount) <= claim->limit) {
        return;
    }

    if (q->period == AI_PERIOD_NONE
        || ai_quota_sum(used, claim->amount) <= claim->limit)
    {
        /* others that run will give back what they do not need */

        claim->wait = 1000;
        return;
    }

    claim->wait = claim->reset;
    claim->exhausted = 1;
}


ai_int_t
ai_quota_take(const ai_quota_claim_t *claim, ai_redo_t *redo)
{
    return ai_quota_extend(claim->quota, claim->window, claim->amount, redo);
}


ai_int_t
ai_quota_extend(ai_quota_t *q, int64_t window, int64_t more, ai_redo_t *redo)
{
    int64_t            *p;
    ai_quota_window_t  *w;

    if (ai_quota_is_sliding(q)) {
        p = ai_quota_slot(q, window);

    } else {
        w = ai_quota_window(q, window);
        p = w ? &w->reserved : NULL;
    }

    if (p == NULL) {
        return AI_OK;
    }

    if (q->lease && ai_lease_book(q, window, more, redo) != AI_OK) {
        return AI_ERROR;
    }

    return ai_redo_add(redo, p, more);
}


ai_int_t
ai_quota_settle(ai_quota_t *q, int64_t window, int64_t reserved, int64_t used,
    ai_redo_t *redo)
{
    int64_t            *slot;
    ai_quota_window_t  *w, next;

    if (ai_quota_is_sliding(q)) {

        if (window > q->u.slide.newest && !q->back) {
            ai_window_advance(q->u.slide.ring, &q->u.slide.newest, window);
        }

        slot = ai_quota_slot(q, window);

        if (slot == NULL) {
            return AI_OK;
        }

        /* a slot has both */

        if (used < reserved) {
            return ai_quota_exchange(q, window, slot, reserved - used, 0,
                                     redo);
        }

        if (q->lease && ai_lease_book(q, window, used - reserved, redo)
                        != AI_OK)
        {
            return AI_ERROR;
        }

        return ai_redo_add(redo, slot, used - reserved);
    }

    w = ai_quota_window(q, window);

    if (w == NULL) {

        if (window < q->u.win[0].start || !ai_quota_is_moment(window)) {
            return AI_OK;
        }

        /* one that was opened elsewhere: its end is found by roll() */

        next.start = window;
        next.end = window;
        next.used = used;
        next.reserved = 0;

        return ai_quota_shift(q, &next, redo);
    }

    if (q->period == AI_PERIOD_NONE) {
        used = 0;
    }

    if (used && ai_redo_add(redo, &w->used, used) != AI_OK) {
        return AI_ERROR;
    }

    return ai_quota_exchange(q, window, &w->reserved, reserved, used, redo);
}


/* a window that is still known; concurrency has but one */

static ai_quota_window_t *
ai_quota_window(ai_quota_t *q, int64_t start)
{
    if (q->period == AI_PERIOD_NONE || q->u.win[0].start == start) {
        return &q->u.win[0];
    }

    return q->u.win[1].start == start ? &q->u.win[1] : NULL;
}


static int64_t *
ai_quota_slot(ai_quota_t *q, int64_t slot)
{
    if (q->back && slot > q->u.slide.newest) {
        return ai_quota_largest(q);
    }

    if (!ai_window_has(q->u.slide.newest, slot)) {
        return NULL;
    }

    return &q->u.slide.ring[slot % AI_WINDOW_RING];
}


/* that of the most, which all others were put into */

static int64_t *
ai_quota_largest(ai_quota_t *q)
{
    int64_t    *ring;
    ai_uint_t   i, max;

    ring = q->u.slide.ring;
    max = (ai_uint_t) (q->u.slide.newest % AI_WINDOW_RING);

    for (i = 0; i < AI_WINDOW_RING; i++) {
        if (ring[i] > ring[max]) {
            max = i;
        }
    }

    return &ring[max];
}


/* takes what was reserved off, and stops at 0; what was not used of that is
 * free again */

static ai_int_t
ai_quota_exchange(ai_quota_t *q, int64_t window, int64_t *p, int64_t reserved,
    int64_t used, ai_redo_t *redo)
{
    ai_int_t  rc;

    reserved = ai_min(reserved, ai_redo_get(redo, p));
    rc = AI_OK;

    if (q->lease) {
        rc = used > reserved
             ? ai_lease_book(q, window, used - reserved, redo)
             : ai_lease_return(q, window, p, reserved - used, redo);
    }

    return rc == AI_OK ? ai_redo_add(redo, p, -reserved) : rc;
}


static int64_t
ai_quota_sum(int64_t a, int64_t b)
{
    int64_t  sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}


int64_t
ai_quota_latest_end(const ai_quota_t *q)
{
    int64_t  days;

    if (q->u.win[0].end > q->u.win[0].start) {
        return q->u.win[0].end;
    }

    switch (q->period) {

    case AI_PERIOD_DAY:
        days = 2;
        break;

    case AI_PERIOD_WEEK:
        days = 9;
        break;

    default:                /* AI_PERIOD_MONTH */
        days = 33;
        break;
    }

    return q->u.win[0].start + days * 86400;
}


void
ai_quota_look(const ai_quota_t *q, const ai_tz_t *tz, int64_t now_ms,
    ai_quota_window_t *w)
{
    int64_t  i, slot, oldest;

    if (!ai_quota_is_sliding(q)) {
        *w = q->u.win[0];

        if (q->period != AI_PERIOD_NONE) {
            w->end = ai_quota_latest_end(q);

            if (now_ms >= w->end * 1000) {
                ai_window_calendar(q->period, tz, now_ms / 1000, &w->start,
                                   &w->end);
                w->used = 0;
                w->reserved = 0;
                return;
            }
        }

        ai_quota_look_around(q, 0, w);
        return;
    }

    slot = ai_max(ai_window_slot(q->period, now_ms), q->u.slide.newest);
    oldest = slot - AI_WINDOW_SLOTS;

    w->end = now_ms / 1000;
    w->start = w->end - q->period;
    w->used = 0;
    w->reserved = 0;

    for (i = 0; i < AI_WINDOW_RING; i++) {
        slot = q->u.slide.newest - i;

        if (slot < oldest || slot < 0) {
            break;
        }

        w->used = ai_quota_sum(w->used, q->u.slide.ring[slot
                                                        % AI_WINDOW_RING]);
    }

    ai_quota_look_around(q, oldest + AI_WINDOW_SLOTS, w);
}


/* what is known of others */

static void
ai_quota_look_around(const ai_quota_t *q, int64_t slot, ai_quota_window_t *w)
{
    int64_t  used, leased;

    ai_lease_others(q, slot, &used, &leased);

    w->used = ai_quota_sum(w->used, used);
    w->reserved = ai_quota_sum(w->reserved, leased);
}
