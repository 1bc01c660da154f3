
/*
 * Leases: what is free of them, how much to ask for, and what to tell.
 *
 * A lease is as small as it can be: if it lasts for less than a second the
 * next one is twice as large, if it lasts longer it is half.  It is for some
 * whole requests like the one that asks, since what is left over of them is of
 * use nowhere; near the limit the store gives what this one needs only.
 */

#include <limit/ai_lease.h>
#include <store/ai_redis_scripts.h>


#define AI_LEASE_MARGIN   1000      /* ms: its end comes earlier here */
#define AI_LEASE_RENEW    10000
#define AI_LEASE_IDLE     2000      /* nobody looks: it is given back */
#define AI_LEASE_SHORT    1000      /* it did not last */
#define AI_LEASE_REFUSED  100       /* a refusal is believed */
#define AI_LEASE_HEAR     500       /* others are asked for */
#define AI_LEASE_ASKED    5000      /* ... where somebody has looked since */
#define AI_LEASE_REPEAT   60000     /* what was told is told again */
#define AI_LEASE_OVER     86400     /* s behind a window's end */
#define AI_LEASE_PART     8         /* of a limit is leased at most */


static ai_int_t ai_lease_is_idle(const ai_lease_t *lease, int64_t now);
static int64_t ai_lease_reserved(const ai_quota_t *q);
static ai_int_t ai_lease_is_over(const ai_quota_t *q, int64_t wall);
static ai_int_t ai_lease_is_news(const ai_quota_t *q);
static ai_int_t ai_lease_is_empty(const ai_quota_t *q);
static ai_int_t ai_lease_is_clear(const ai_quota_t *q);
static void ai_lease_forget(ai_quota_t *q, int64_t gen);
static void ai_lease_want(ai_lease_t *lease, int64_t amount, int64_t limit,
    int64_t now, ai_lease_call_t *call);
static void ai_lease_begin(const ai_quota_t *q, int64_t serial, int64_t gen,
    int64_t now, ai_lease_call_t *call);
static void ai_lease_tell_ahead(const ai_quota_t *q, ai_lease_call_t *call);
static void ai_lease_tell_slots(ai_quota_t *q, ai_lease_call_t *call);
static void ai_lease_tell_slot(ai_lease_call_t *call, int64_t slot,
    int64_t used);
static void ai_lease_tell_window(const ai_quota_t *q, ai_uint_t i,
    ai_lease_call_t *call);
static int64_t ai_lease_told(const ai_lease_t *lease, int64_t start);
static void ai_lease_told_window(ai_quota_t *q, int64_t start, int64_t used);
static void ai_lease_told_all(ai_quota_t *q, const ai_lease_call_t *call);
static int64_t ai_lease_over(const ai_lease_call_t *call,
    const ai_lease_reply_t *reply);


#define ai_lease_is_of_now(q)                                                 \
    ((q)->period >= 0 || (q)->lease->window == (q)->u.win[0].start)

/* the store knows no more than this, nor less than nothing */
#define ai_lease_amount(n)  ai_min(ai_max(n, 0), AI_REDIS_AMOUNT)


size_t
ai_lease_size(int32_t period)
{
    return sizeof(ai_lease_t)
           + (period > 0 ? AI_WINDOW_RING : 2) * sizeof(int64_t);
}


void
ai_lease_roll(ai_quota_t *q)
{
    ai_lease_t  *lease;

    lease = q->lease;

    if (ai_quota_is_sliding(q)) {

        /* half of it done is no harm */

        ai_window_advance(lease->told, &lease->slot, q->u.slide.newest);
        return;
    }

    if (ai_lease_is_of_now(q)) {
        return;
    }

    lease->free = 0;
    lease->until = 0;
    lease->used = 0;
    lease->leased = 0;
    lease->heard = 0;
    lease->held = 0;
    lease->refused = 0;

    /* last: so it is done again if a process is killed here */

    __atomic_store_n(&lease->window, q->u.win[0].start, __ATOMIC_RELEASE);
}


/* what they have used slides out here as well */

void
ai_lease_others(const ai_quota_t *q, int64_t slot, int64_t *used,
    int64_t *leased)
{
    const ai_lease_t  *lease;

    lease = q->lease;

    *used = 0;
    *leased = 0;

    if (lease && ai_lease_is_of_now(q)
        && (!ai_quota_is_sliding(q) || slot - lease->at <= AI_WINDOW_SLOTS))
    {
        *used = lease->used;
        *leased = lease->leased;
    }
}


ai_int_t
ai_lease_has(ai_quota_t *q, int64_t amount, int64_t now)
{
    ai_lease_t  *lease;

    lease = q->lease;
    lease->wanted = now;

    return amount == 0
           || (ai_lease_is_of_now(q) && now < lease->until
               && lease->free >= amount);
}


ai_int_t
ai_lease_is_refused(const ai_lease_t *lease, int64_t amount, int64_t now)
{
    return lease->refused && now - lease->refused < AI_LEASE_REFUSED
           && amount - ai_max(lease->free, 0) >= lease->least;
}


ai_int_t
ai_lease_is_called(const ai_lease_t *lease, int64_t now)
{
    return lease->called && now - lease->called < AI_LEASE_CALL;
}


ai_int_t
ai_lease_is_low(const ai_lease_t *lease, int64_t now)
{
    return lease->grant > lease->amount && lease->free < lease->grant / 2
           && !ai_lease_is_called(lease, now)
           && !(lease->refused && now - lease->refused < AI_LEASE_SHORT);
}


ai_int_t
ai_lease_is_due(ai_quota_t *q, int64_t gen, int64_t now, int64_t wall)
{
    int64_t            held;
    const ai_lease_t  *lease;

    lease = q->lease;

    if (ai_lease_is_called(lease, now)) {
        return 0;
    }

    ai_lease_roll(q);

    held = now < lease->until ? ai_max(lease->free, 0) : 0;

    if (held > 0 && ai_lease_is_idle(lease, now)) {
        return 1;
    }

    held += ai_lease_reserved(q);

    if (held == 0 && lease->held > 0) {
        return 1;
    }

    if (held > 0 && lease->until - now < AI_LEASE_TIME - AI_LEASE_RENEW) {
        return 1;
    }

    /* what was leased is given back in any case, this is not told any more */

    if (ai_lease_is_over(q, wall)) {
        return 0;
    }

    if (lease->gen != gen) {
        return !ai_lease_is_empty(q);
    }

    if (ai_lease_is_news(q)) {
        return 1;
    }

    return (now - lease->wanted < AI_LEASE_ASKED
            && now - lease->heard > AI_LEASE_HEAR)
           || (now - lease->heard > AI_LEASE_REPEAT && !ai_lease_is_empty(q));
}


/* nobody wants what is there, or it is too little for those who do */

static ai_int_t
ai_lease_is_idle(const ai_lease_t *lease, int64_t now)
{
    return now - lease->wanted > AI_LEASE_IDLE
           || (lease->refused && now - lease->refused < AI_LEASE_IDLE
               && lease->free < lease->amount);
}


/* what requests that run have, where it is not counted as used */

static int64_t
ai_lease_reserved(const ai_quota_t *q)
{
    return ai_quota_is_sliding(q) ? 0
                                  : ai_lease_amount(q->u.win[0].reserved);
}


/* of a window that is long over nobody asks any more */

static ai_int_t
ai_lease_is_over(const ai_quota_t *q, int64_t wall)
{
    if (ai_quota_is_sliding(q)) {
        return ai_window_slot(q->period, wall * 1000) - q->u.slide.newest
               > AI_WINDOW_RING;
    }

    return q->period != AI_PERIOD_NONE
           && wall > ai_quota_latest_end(q) + AI_LEASE_OVER;
}


/* used is not what the store was told */

static ai_int_t
ai_lease_is_news(const ai_quota_t *q)
{
    ai_uint_t          i;
    const ai_lease_t  *lease;

    lease = q->lease;

    if (!ai_quota_is_sliding(q)) {
        return ai_lease_amount(q->u.win[0].used)
               != ai_lease_told(lease, q->u.win[0].start)
               || ai_lease_amount(q->u.win[1].used)
                  != ai_lease_told(lease, q->u.win[1].start);
    }

    if (lease->slot > q->u.slide.newest) {
        return 1;
    }

    if (lease->sure == 0) {
        return !ai_lease_is_clear(q);
    }

    for (i = 0; i < AI_WINDOW_RING; i++) {
        if (ai_lease_amount(q->u.slide.ring[i]) != lease->told[i]) {
            return 1;
        }
    }

    return 0;
}


static ai_int_t
ai_lease_is_empty(const ai_quota_t *q)
{
    if (q->lease->held) {
        return 0;
    }

    if (ai_quota_is_sliding(q)) {
        return ai_lease_is_clear(q);
    }

    return q->u.win[0].used == 0 && q->u.win[0].reserved == 0
           && q->u.win[1].used == 0;
}


/* it slides, nothing is in it, and the store has heard of nothing */

static ai_int_t
ai_lease_is_clear(const ai_quota_t *q)
{
    ai_uint_t  i;

    for (i = 0; i < AI_WINDOW_RING; i++) {
        if (q->u.slide.ring[i] || q->lease->told[i]) {
            return 0;
        }
    }

    return 1;
}


void
ai_lease_call(ai_quota_t *q, int64_t amount, ai_int_t more, int64_t limit,
    int64_t serial, int64_t gen, int64_t now, ai_lease_call_t *call)
{
    ai_lease_t  *lease;

    lease = q->lease;

    ai_lease_roll(q);

    if (lease->gen != gen
        || (lease->heard && now - lease->heard > AI_LEASE_REPEAT))
    {
        ai_lease_forget(q, gen);
    }

    if (lease->free > 0
        && (now >= lease->until
            || (amount == 0 && !more && ai_lease_is_idle(lease, now))))
    {
        lease->free = 0;
    }

    ai_lease_begin(q, serial, gen, now, call);

    if (limit >= 0 || amount || more) {
        call->limit = ai_max(limit, 0);
    }

    call->held = ai_lease_amount(lease->free) + ai_lease_reserved(q);
    call->least = ai_max(amount - ai_max(lease->free, 0), 0);

    /* what was used beyond the lease is told as used, or as held: nothing is
     * owed then; but the store must have heard it */

    call->owed = lease->free < 0 ? -ai_max(lease->free, -INT64_MAX) : 0;

    if (amount || more) {
        ai_lease_want(lease, amount, limit, now, call);
    }

    if (ai_quota_is_sliding(q)) {
        ai_lease_tell_slots(q, call);
    } else {
        ai_lease_tell_window(q, 0, call);
    }

    /* it may be given, and the answer lost */

    lease->held = ai_max(lease->held, call->held + call->most);
    lease->called = now;
    lease->serial = serial;
}


ai_int_t
ai_lease_call_before(ai_quota_t *q, int64_t serial, int64_t gen, int64_t now,
    ai_lease_call_t *call)
{
    if (q->period >= 0 || q->u.win[1].used == 0) {
        return 0;
    }

    if (q->lease->gen == gen
        && ai_lease_told(q->lease, q->u.win[1].start)
           == ai_lease_amount(q->u.win[1].used))
    {
        return 0;
    }

    ai_lease_begin(q, serial, gen, now, call);
    ai_lease_tell_window(q, 1, call);

    /* for others whose clock is not there yet */

    call->held = ai_lease_amount(q->u.win[1].reserved);

    return 1;
}


static void
ai_lease_begin(const ai_quota_t *q, int64_t serial, int64_t gen, int64_t now,
    ai_lease_call_t *call)
{
    call->id = q->id;
    call->unit = (ai_unit_e) q->unit;
    call->period = q->period;
    call->window = 0;
    call->end = 0;
    call->oldest = -1;
    call->serial = serial;
    call->sent = now;
    call->gen = gen;
    call->limit = AI_REDIS_AMOUNT;      /* not known, and not needed */
    call->held = 0;
    call->least = 0;
    call->most = 0;
    call->owed = 0;
    call->sure = 0;
    call->ahead = 0;
    call->known = -1;
    call->n = 0;
}


/* the store is another one, or as good as that.  Of slots it may be not, and
 * they may still slide out there */

static void
ai_lease_forget(ai_quota_t *q, int64_t gen)
{
    ai_lease_t  *lease;

    lease = q->lease;

    if (!ai_quota_is_sliding(q)) {
        lease->told[0] = 0;
        lease->told[1] = 0;
    }

    lease->sure = 0;
    lease->gen = gen;
}


static void
ai_lease_want(ai_lease_t *lease, int64_t amount, int64_t limit, int64_t now,
    ai_lease_call_t *call)
{
    int64_t  most, grant;

    most = limit / AI_LEASE_PART;
    grant = lease->grant;

    if (now - lease->granted < AI_LEASE_SHORT) {
        grant = grant > most / 2 ? most : grant * 2;

    } else {
        grant /= 2;
    }

    if (amount) {
        lease->amount = amount;
    }

    if (lease->amount) {
        grant -= grant % lease->amount;
    }

    lease->grant = ai_max(grant, lease->amount);

    call->most = call->least + ai_min(grant, most);
}


/*
 * Until there is an answer the store may have what it was told before, or what
 * it is told now: told keeps the larger one of these.  If there is none, all
 * is told with the next call.
 */

static void
ai_lease_tell_slots(ai_quota_t *q, ai_lease_call_t *call)
{
    int64_t      slot, used, told, newest;
    ai_uint_t    i;
    ai_lease_t  *lease;

    lease = q->lease;
    newest = q->u.slide.newest;

    call->oldest = ai_max(newest - AI_WINDOW_SLOTS, 0);

    if (lease->sure && call->sent - lease->sure <= AI_LEASE_REPEAT) {
        call->sure = lease->sure;
    }

    lease->sure = 0;
    call->known = 0;

    ai_lease_tell_ahead(q, call);

    for (i = 0; i < AI_WINDOW_RING; i++) {
        slot = newest - (int64_t) i;

        if (slot < 1) {
            break;
        }

        used = ai_lease_amount(q->u.slide.ring[slot % AI_WINDOW_RING]);
        told = call->ahead ? 0 : lease->told[slot % AI_WINDOW_RING];

        if (used != told || (used && !call->sure)) {
            ai_lease_tell_slot(call, slot, used);
        }

        if (told && call->sure) {
            call->known = 1;
        }

        if (used > told && !call->ahead) {
            lease->told[slot % AI_WINDOW_RING] = used;
        }
    }

    if (call->sure == 0) {
        call->sure = call->sent;
    }
}


/* the clock was ahead: nothing of that is to stay */

static void
ai_lease_tell_ahead(const ai_quota_t *q, ai_lease_call_t *call)
{
    int64_t            slot;
    ai_uint_t          i;
    const ai_lease_t  *lease;

    lease = q->lease;

    if (lease->slot <= q->u.slide.newest) {
        return;
    }

    call->ahead = 1;
    call->sure = 0;

    for (i = 0; i < AI_WINDOW_RING; i++) {
        slot = lease->slot - (int64_t) i;

        if (slot > q->u.slide.newest && lease->told[slot % AI_WINDOW_RING]) {
            ai_lease_tell_slot(call, slot, 0);
        }
    }
}


static void
ai_lease_tell_slot(ai_lease_call_t *call, int64_t slot, int64_t used)
{
    call->tell[call->n].slot = slot;
    call->tell[call->n++].used = used;
}


static void
ai_lease_tell_window(const ai_quota_t *q, ai_uint_t i, ai_lease_call_t *call)
{
    if (q->period == AI_PERIOD_NONE) {
        return;
    }

    call->window = q->u.win[i].start;
    call->end = q->u.win[i].end;
    call->known = ai_lease_told(q->lease, call->window);

    ai_lease_tell_slot(call, -1, ai_lease_amount(q->u.win[i].used));
}


static int64_t
ai_lease_told(const ai_lease_t *lease, int64_t start)
{
    ai_uint_t  i;

    for (i = 0; i < 2; i++) {
        if (lease->start[i] == start) {
            return lease->told[i];
        }
    }

    return 0;
}


/* one that is not there takes the place of one that is not known any more */

static void
ai_lease_told_window(ai_quota_t *q, int64_t start, int64_t used)
{
    ai_uint_t    i;
    ai_lease_t  *lease;

    lease = q->lease;

    if (start != q->u.win[0].start && start != q->u.win[1].start) {
        return;
    }

    i = lease->start[1] == start;

    if (lease->start[i] != start) {
        i = lease->start[0] == q->u.win[0].start
            || lease->start[0] == q->u.win[1].start;

        lease->told[i] = 0;
        lease->start[i] = start;
    }

    lease->told[i] = used;
}


ai_int_t
ai_lease_reply(ai_quota_t *q, const ai_lease_call_t *call,
    const ai_lease_reply_t *reply, int64_t now)
{
    ai_lease_t  *lease;

    lease = q->lease;

    if (lease->serial != call->serial) {
        return AI_OK;
    }

    lease->called = 0;

    if (reply->given < 0) {
        return AI_OK;
    }

    if (lease->gen == call->gen) {

        if (call->known > reply->known) {
            return AI_DECLINED;
        }

        ai_lease_told_all(q, call);
    }

    if (call->period < 0 && call->window != q->u.win[0].start) {
        return AI_OK;
    }

    lease->used = reply->used;
    lease->leased = reply->leased;
    lease->heard = now;
    lease->at = call->oldest + AI_WINDOW_SLOTS;
    lease->held = call->held + reply->given;

    if (lease->held > 0) {
        lease->until = call->sent + AI_LEASE_TIME - AI_LEASE_MARGIN;
    }

    lease->free += call->owed + reply->given - ai_lease_over(call, reply);

    if (reply->given > 0) {
        lease->granted = now;
        lease->refused = 0;
    }

    if (call->most > call->least && reply->given == call->least) {

        /* near the limit nothing is given beyond that: do not ask again until
         * more is needed */

        lease->grant = lease->amount;
    }

    if (reply->refused) {
        lease->refused = now;
        lease->least = call->least;
    }

    return AI_OK;
}


static void
ai_lease_told_all(ai_quota_t *q, const ai_lease_call_t *call)
{
    ai_uint_t    i;
    ai_lease_t  *lease;

    lease = q->lease;

    if (!ai_quota_is_sliding(q)) {

        for (i = 0; i < call->n; i++) {
            ai_lease_told_window(q, call->window, call->tell[i].used);
        }

        return;
    }

    ai_lease_roll(q);

    if (call->ahead && lease->slot > q->u.slide.newest) {

        /* what was ahead is gone */

        memset(lease->told, 0, AI_WINDOW_RING * sizeof(int64_t));
        lease->slot = q->u.slide.newest;
    }

    for (i = 0; i < call->n; i++) {
        if (ai_window_has(lease->slot, call->tell[i].slot)) {
            lease->told[call->tell[i].slot % AI_WINDOW_RING]
                                                     = call->tell[i].used;
        }
    }

    lease->sure = call->sure;
}


/*
 * More than the limit is taken, by nodes that went on alone: what of that is
 * held here is given up as it comes back, else the next request would have it.
 * In slots nothing comes back.
 */

static int64_t
ai_lease_over(const ai_lease_call_t *call, const ai_lease_reply_t *reply)
{
    int64_t  over, held;

    if (call->period > 0) {
        return 0;
    }

    held = call->held + reply->given;
    over = reply->used + reply->leased + held - call->limit
           + (call->n ? call->tell[0].used : 0);

    return ai_min(ai_max(over, 0), held);
}


void
ai_lease_failed(ai_quota_t *q, const ai_lease_call_t *call)
{
    if (q->lease->serial == call->serial) {
        q->lease->called = 0;
    }
}


void
ai_lease_end(ai_lease_t *lease)
{
    lease->wanted = 0;
    lease->called = 0;
}


ai_int_t
ai_lease_book(ai_quota_t *q, int64_t window, int64_t amount, ai_redo_t *redo)
{
    if (q->period < 0 && window != q->lease->window) {
        return AI_OK;
    }

    return ai_redo_add(redo, &q->lease->free, -amount);
}


ai_int_t
ai_lease_return(ai_quota_t *q, int64_t window, const int64_t *from,
    int64_t amount, ai_redo_t *redo)
{
    int64_t  above;

    if (ai_quota_is_sliding(q)) {
        ai_lease_roll(q);

        if (q->lease->slot > q->u.slide.newest) {
            return AI_OK;
        }

        above = ai_redo_get(redo, from)
                - q->lease->told[from - q->u.slide.ring];

        amount = ai_min(amount, ai_max(above, 0));
    }

    return ai_lease_book(q, window, -amount, redo);
}
