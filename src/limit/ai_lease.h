
/*
 * A node's part of a counter that several nodes share through a store.
 *
 * What a request takes was leased from the store before, as a rule, so that it
 * does not wait; what was used is told to the store afterwards.  The store
 * counts for this node
 *
 *     used      as it was told last, a whole window's or slot's amount
 *     held      leased, and not used as far as it was told
 *
 * and this node knows that held is never less than what its requests have
 * reserved with what is free.  A call to the store says how all of this is
 * now, and what comes back is added: so it does not matter if a call was lost,
 * or if the store has forgotten everything.  There is one call at a time for a
 * counter, and each has a serial, higher than that of all before: what comes
 * late is ignored on both sides.
 *
 * A window that slides has reservations among what is used, slot by slot, and
 * what the store was told of a slot slides out there, too.  So what comes back
 * of such a slot is not free here: it is once the store has heard of it, and
 * gives it again.
 *
 * In shared memory, under the lock of its quota; "now" is ms of a clock that
 * only goes on and is the same in all processes of this machine.
 */

#ifndef AI_LEASE_H
#define AI_LEASE_H


#include <limit/ai_quota.h>


#define AI_LEASE_TIME   30000       /* ms a lease lasts without a sign */
#define AI_LEASE_CALL   1000        /* ms: who made a call has died */

/* what has changed, and after a clock was set back all that was ahead */
#define AI_LEASE_TELL   (2 * AI_WINDOW_RING)


struct ai_lease_s {
    int64_t            window;      /* of the calendar: that this is of */
    int64_t            free;        /* may be taken; below 0: more was used
                                       than there was */
    int64_t            until;       /* the lease's end */

    int64_t            used;        /* by other nodes, and leased to them, */
    int64_t            leased;
    int64_t            heard;       /* ... when the store said so last */
    int64_t            at;          /* ... of a slot, if it slides */

    int64_t            serial;      /* of the newest call */
    int64_t            called;      /* when it was made; 0: it has ended */
    int64_t            held;        /* that the store has as ours, at
                                       most */

    int64_t            amount;      /* that a request has asked for last, */
    int64_t            grant;       /* ... and beyond that */
    int64_t            granted;
    int64_t            wanted;      /* when a request has looked here last */

    int64_t            refused;     /* when the store has refused, ... */
    int64_t            least;       /* ... this much */

    /* what the store was told; gen: in which life of it */
    int64_t            gen;
    int64_t            sure;        /* slides: when all was told last; 0: the
                                       store may have less of a slot than told
                                       has, never more */
    int64_t            slot;        /* the newest one of told, if it slides */
    int64_t            start[2];    /* else the windows of it */
    int64_t            told[];      /* AI_WINDOW_RING, or 2 */
};


/* what the store is told of one window, and asked */
typedef struct {
    uint64_t           id;          /* of the quota */
    ai_unit_e          unit;
    int32_t            period;
    int64_t            window;      /* start; 0: not of the calendar */
    int64_t            end;         /* s, 0: not known */
    int64_t            oldest;      /* slot that counts; -1: it does not
                                       slide */
    int64_t            serial;
    int64_t            sent;
    int64_t            gen;
    int64_t            limit;
    int64_t            held;
    int64_t            least;
    int64_t            most;
    int64_t            owed;        /* used beyond the lease; the store knows,
                                       when it has answered */
    int64_t            sure;        /* slides: will be so, with an answer */
    ai_uint_t          ahead;       /* slides: tells that slots ahead are
                                       empty */
    int64_t            known;       /* what it was told of this before; of
                                       slots 1, if anything; -1: that is not
                                       known */
    ai_uint_t          n;

    struct {
        int64_t        slot;        /* -1: of the calendar */
        int64_t        used;
    } tell[AI_LEASE_TELL];
} ai_lease_call_t;


/* what the store has answered */
typedef struct {
    int64_t            given;       /* -1: it cannot be used */
    int64_t            used;
    int64_t            leased;
    int64_t            known;
    unsigned           refused:1;   /* here the least was not there */
} ai_lease_reply_t;


#pragma GCC visibility push(hidden)


/* bytes of a lease of a quota of that period */
size_t ai_lease_size(int32_t period);

/* after ai_quota_roll() */
void ai_lease_roll(ai_quota_t *q);

/* what is known of other nodes, as of a slot if it slides */
void ai_lease_others(const ai_quota_t *q, int64_t slot, int64_t *used,
    int64_t *leased);

/* a request looks at it: 1: amount can be taken at once */
ai_int_t ai_lease_has(ai_quota_t *q, int64_t amount, int64_t now);
/* 1: the store has just refused as much */
ai_int_t ai_lease_is_refused(const ai_lease_t *lease, int64_t amount,
    int64_t now);
/* 1: somebody's call is under way */
ai_int_t ai_lease_is_called(const ai_lease_t *lease, int64_t now);
/* 1: so little is free that more should be asked for in time */
ai_int_t ai_lease_is_low(const ai_lease_t *lease, int64_t now);
/* 1: the store should hear of it: something has changed, or is to be given
 * back, or renewed.  wall: s since 1970 */
ai_int_t ai_lease_is_due(ai_quota_t *q, int64_t gen, int64_t now,
    int64_t wall);

/*
 * Begins a call, of the current window: least is what must be given, most 0:
 * nothing is asked for, else as much as seems good.
 */
void ai_lease_call(ai_quota_t *q, int64_t amount, ai_int_t more,
    int64_t limit, int64_t serial, int64_t gen, int64_t now,
    ai_lease_call_t *call);
/* ... of the calendar window before it: 0, there is nothing to tell */
ai_int_t ai_lease_call_before(ai_quota_t *q, int64_t serial, int64_t gen,
    int64_t now, ai_lease_call_t *call);

/* its end, nothing happens if there is a newer one; AI_DECLINED: the store has
 * forgotten what it was told */
ai_int_t ai_lease_reply(ai_quota_t *q, const ai_lease_call_t *call,
    const ai_lease_reply_t *reply, int64_t now);
/* ... without an answer that can be used */
void ai_lease_failed(ai_quota_t *q, const ai_lease_call_t *call);

/* nobody will take anything any more: what is free is given back with the next
 * call, whatever is under way */
void ai_lease_end(ai_lease_t *lease);

/* stages: taken by a request, of a window */
ai_int_t ai_lease_book(ai_quota_t *q, int64_t window, int64_t amount,
    ai_redo_t *redo);
/* stages: given back; from: where it is taken off, as before */
ai_int_t ai_lease_return(ai_quota_t *q, int64_t window, const int64_t *from,
    int64_t amount, ai_redo_t *redo);


#pragma GCC visibility pop


#endif /* AI_LEASE_H */
