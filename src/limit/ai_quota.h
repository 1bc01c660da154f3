
/*
 * What a key has used of one unit in one period, and a table of these in
 * shared memory.
 *
 * Calls are made under one lock.  Sums change through a redo; entries are
 * linked in and out by one store, so that a process may be killed anywhere.
 */

#ifndef AI_QUOTA_H
#define AI_QUOTA_H


#include <base/ai_redo.h>
#include <limit/ai_window.h>
#include <store/ai_pack.h>


#define AI_QUOTA_KEY  255           /* bytes of a key that are kept */


typedef struct ai_quotas_s  ai_quotas_t;
typedef struct ai_quota_s   ai_quota_t;
typedef struct ai_lease_s   ai_lease_t;


/* a window by the calendar; of concurrency: the only one, without times */
typedef struct {
    int64_t            start;       /* s */
    int64_t            end;
    int64_t            used;
    int64_t            reserved;
} ai_quota_window_t;


struct ai_quota_s {
    ai_quota_t        *next;        /* of the same bucket */
    uint64_t           id;
    int32_t            period;
    uint8_t            unit;        /* ai_unit_e */
    uint8_t            key_len;
    uint8_t            back;        /* slides, and the clock was set back by
                                       more than all of the window: what is of
                                       times to come counts as of now */
    int64_t            seen;        /* s, when it was asked for last */
    int64_t            limit;       /* as it was then, -1: not yet known */
    ai_lease_t        *lease;       /* of a table that nodes share, or NULL:
                                       limit/ai_lease.h */

    union {
        ai_quota_window_t  win[2];  /* the current one, the one before */

        struct {
            int64_t    newest;      /* number of a slot */
            int64_t   *ring;        /* booked when reserved */
        } slide;
    } u;

    /* the key follows */
};


#define ai_quota_is_sliding(q)  ((q)->period > 0)
/* s, what can be said in ms without a thought */
#define ai_quota_is_moment(s)   ((s) >= 0 && (s) < 1000000000000)
#define ai_quota_key(q)                                                       \
    ((ai_str_t) { (q)->key_len, (ai_char_t *) (q) + sizeof(ai_quota_t) })


/* a quota, seen from one request */
typedef struct {
    ai_quota_t        *quota;
    int64_t            limit;
    int64_t            amount;      /* asked for; never more than the limit is
                                       taken */
    const ai_tz_t     *tz;

    /* filled by check */
    int64_t            window;      /* for ai_quota_settle() */
    int64_t            used;        /* with what is reserved, before this;
                                       also by other nodes, as far as known */
    int64_t            leased;      /* to other nodes, and not used there */
    int64_t            remaining;   /* before this, 0 at least */
    int64_t            reset;       /* ms from now: until all of the window is
                                       free again; 0: concurrency */
    int64_t            wait;        /* ms from now, refused: until amount may
                                       fit */
    unsigned           exhausted:1; /* refused, and for the rest of a calendar
                                       window: only spent, nothing reserved
                                       stands in the way */
} ai_quota_claim_t;


#pragma GCC visibility push(hidden)


/* NULL: no memory; buckets is rounded up to a power of two.  shared: with
 * other nodes */
ai_quotas_t *ai_quotas_create(const ai_pool_t *pool, size_t buckets,
    ai_uint_t shared);

/* of a key's hash, the same in all nodes */
uint64_t ai_quota_id(uint64_t key_hash, ai_unit_e unit, int32_t period);

ai_quota_t *ai_quotas_find(const ai_quotas_t *t, uint64_t id);
/* the one there is, or a new one, which *made tells; those that nothing is
 * left of make room.  NULL: no memory.  The pool is the process' own */
ai_quota_t *ai_quotas_get(ai_quotas_t *t, const ai_pool_t *pool, uint64_t id,
    const ai_str_t *key, ai_unit_e unit, int32_t period, int64_t now_ms,
    ai_uint_t *made);

/* all of them, in no order: NULL before the first one, and behind the last */
ai_quota_t *ai_quotas_next(const ai_quotas_t *t, const ai_quota_t *q);
size_t ai_quotas_count(const ai_quotas_t *t);

/* the same in pieces, for who cannot hold the lock: the first one of a bucket,
 * and how many of these there are */
ai_quota_t *ai_quotas_bucket(const ai_quotas_t *t, size_t i);
size_t ai_quotas_buckets(const ai_quotas_t *t);


/* brings it to the present; commits the redo, which must be empty */
void ai_quota_roll(ai_quota_t *q, const ai_tz_t *tz, int64_t now_ms,
    ai_redo_t *redo);

/* a calendar window whose end is not known (yet) is over by now in any zone */
int64_t ai_quota_latest_end(const ai_quota_t *q);

/*
 * Does it fit?  1: the claim may be taken; 0: it may not.  Nothing changes but
 * the quota's place in time (see roll).
 */
ai_int_t ai_quota_check(ai_quota_claim_t *claim, int64_t now_ms,
    ai_redo_t *redo);

/* stages what check said; amount may be taken whether it fits or not */
ai_int_t ai_quota_take(const ai_quota_claim_t *claim, ai_redo_t *redo);

/* stages: more for the same window, without a look at the limit */
ai_int_t ai_quota_extend(ai_quota_t *q, int64_t window, int64_t more,
    ai_redo_t *redo);

/* stages: of what was reserved in a window this much was used; a window that
 * is long over takes nothing any more, one that has not come yet here is begun
 * (another node, or a ledger, knows it) */
ai_int_t ai_quota_settle(ai_quota_t *q, int64_t window, int64_t reserved,
    int64_t used, ai_redo_t *redo);

/* for views: what is used and reserved now, with other nodes as far as known,
 * and the window's bounds, s */
void ai_quota_look(const ai_quota_t *q, const ai_tz_t *tz, int64_t now_ms,
    ai_quota_window_t *w);


/*
 * Chunks of AI_PACK_QUOTA, each with the number of its table first.  What is
 * reserved is not saved; windows that slide have it booked with the rest, so
 * the caller takes it off again, by ai_quota_settle() with nothing used, once
 * they are loaded.  load: into a table, of a chunk whose number was read;
 * AI_DECLINED: damaged, AI_ERROR: no memory.
 */
#define AI_PACK_QUOTA  0x31617571
void ai_quotas_save(const ai_quotas_t *t, uint32_t zone, ai_buf_t *b);
ai_int_t ai_quotas_load(ai_quotas_t *t, const ai_pool_t *pool, ai_unpack_t *u,
    int64_t now_ms);


#pragma GCC visibility pop


#endif /* AI_QUOTA_H */
