
/*
 * The table of quotas: buckets of chains.  An entry is complete before it is
 * linked in, and unlinked before its memory is given back.
 */

#include <limit/ai_lease.h>


#define AI_QUOTAS_SWEEP  256        /* buckets looked at to make room */


struct ai_quotas_s {
    size_t             mask;
    size_t             count;       /* told only */
    size_t             hand;        /* of the sweep */
    ai_uint_t          shared;
    ai_quota_t       **bucket;
};


static ai_quota_t *ai_quotas_make(ai_quotas_t *t, const ai_pool_t *pool,
    const ai_str_t *key, int32_t period, int64_t now_ms);
static ai_quota_t *ai_quotas_alloc(const ai_quotas_t *t,
    const ai_pool_t *pool, const ai_str_t *key, int32_t period);
static void ai_quotas_free(const ai_pool_t *pool, ai_quota_t *q,
    ai_int_t sliding);
static ai_int_t ai_quotas_sweep(ai_quotas_t *t, const ai_pool_t *pool,
    int64_t now_ms);
static ai_int_t ai_quotas_is_stale(const ai_quota_t *q, int64_t now_ms);
static void ai_quotas_load_slide(ai_quota_t *q, ai_unpack_t *u,
    int64_t now_ms);


#define ai_quotas_barrier()  __atomic_thread_fence(__ATOMIC_RELEASE)


ai_quotas_t *
ai_quotas_create(const ai_pool_t *pool, size_t buckets, ai_uint_t shared)
{
    size_t        n;
    ai_quotas_t  *t;

    for (n = 16; n < buckets; n *= 2) { /* void */ }

    t = ai_pcalloc(pool, sizeof(ai_quotas_t));
    if (t == NULL) {
        return NULL;
    }

    t->mask = n - 1;
    t->shared = shared;
    t->bucket = ai_pcalloc(pool, n * sizeof(ai_quota_t *));

    if (t->bucket == NULL) {
        ai_pfree(pool, t);
        return NULL;
    }

    return t;
}


/* every unit and period of a key has an id of its own: the mixing is one to
 * one (the finalizer of MurmurHash3, by Austin Appleby, public domain) */

uint64_t
ai_quota_id(uint64_t key_hash, ai_unit_e unit, int32_t period)
{
    uint64_t  h;

    h = key_hash ^ ((uint64_t) (uint32_t) period << 8 | (unit + 1));

    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    h ^= h >> 33;

    return h;
}


ai_quota_t *
ai_quotas_find(const ai_quotas_t *t, uint64_t id)
{
    ai_quota_t  *q;

    for (q = t->bucket[id & t->mask]; q; q = q->next) {
        if (q->id == id) {
            return q;
        }
    }

    return NULL;
}


ai_quota_t *
ai_quotas_get(ai_quotas_t *t, const ai_pool_t *pool, uint64_t id,
    const ai_str_t *key, ai_unit_e unit, int32_t period, int64_t now_ms,
    ai_uint_t *made)
{
    ai_quota_t  *q, **bucket;

    *made = 0;

    q = ai_quotas_find(t, id);
    if (q) {
        return q;
    }

    q = ai_quotas_make(t, pool, key, period, now_ms);
    if (q == NULL) {
        return NULL;
    }

    bucket = &t->bucket[id & t->mask];

    q->id = id;
    q->unit = unit;
    q->period = period;
    q->seen = now_ms / 1000;
    q->limit = -1;
    q->next = *bucket;

    ai_quotas_barrier();

    *bucket = q;
    t->count++;
    *made = 1;

    return q;
}


static ai_quota_t *
ai_quotas_make(ai_quotas_t *t, const ai_pool_t *pool, const ai_str_t *key,
    int32_t period, int64_t now_ms)
{
    size_t       i;
    ai_quota_t  *q;

    q = ai_quotas_alloc(t, pool, key, period);

    for (i = 0; q == NULL && i <= t->mask; i += AI_QUOTAS_SWEEP) {
        if (ai_quotas_sweep(t, pool, now_ms)) {
            q = ai_quotas_alloc(t, pool, key, period);
        }
    }

    return q;
}


static ai_quota_t *
ai_quotas_alloc(const ai_quotas_t *t, const ai_pool_t *pool,
    const ai_str_t *key, int32_t period)
{
    size_t       len;
    ai_quota_t  *q;

    len = ai_min(key->len, AI_QUOTA_KEY);

    q = ai_pcalloc(pool, sizeof(ai_quota_t) + len);
    if (q == NULL) {
        return NULL;
    }

    q->key_len = len;

    if (len) {
        memcpy((ai_char_t *) q + sizeof(ai_quota_t), key->data, len);
    }

    if (period > 0) {
        q->u.slide.ring = ai_pcalloc(pool, AI_WINDOW_RING * sizeof(int64_t));

        if (q->u.slide.ring == NULL) {
            ai_pfree(pool, q);
            return NULL;
        }
    }

    if (t->shared) {
        q->lease = ai_pcalloc(pool, ai_lease_size(period));

        if (q->lease == NULL) {
            ai_quotas_free(pool, q, period > 0);
            return NULL;
        }
    }

    return q;
}


static void
ai_quotas_free(const ai_pool_t *pool, ai_quota_t *q, ai_int_t sliding)
{
    int64_t     *ring;
    ai_lease_t  *lease;

    ring = sliding ? q->u.slide.ring : NULL;
    lease = q->lease;

    ai_pfree(pool, q);

    if (ring) {
        ai_pfree(pool, ring);
    }

    if (lease) {
        ai_pfree(pool, lease);
    }
}


/* the next buckets; 1: something was freed */

static ai_int_t
ai_quotas_sweep(ai_quotas_t *t, const ai_pool_t *pool, int64_t now_ms)
{
    size_t        i;
    ai_int_t      freed;
    ai_quota_t   *q, **p;

    freed = 0;

    for (i = 0; i < AI_QUOTAS_SWEEP && i <= t->mask; i++) {

        p = &t->bucket[t->hand++ & t->mask];

        while (*p) {
            q = *p;

            if (!ai_quotas_is_stale(q, now_ms)) {
                p = &q->next;
                continue;
            }

            *p = q->next;
            t->count--;

            ai_quotas_barrier();

            ai_quotas_free(pool, q, ai_quota_is_sliding(q));

            freed = 1;
        }
    }

    return freed;
}


/* nothing is counted in it, and nothing will come back to it */

static ai_int_t
ai_quotas_is_stale(const ai_quota_t *q, int64_t now_ms)
{
    const ai_quota_window_t  *win;

    if (ai_quota_is_sliding(q)) {
        return ai_window_slot(q->period, now_ms) - q->u.slide.newest
               > AI_WINDOW_SLOTS;
    }

    win = q->u.win;

    if (win[0].reserved || win[1].reserved) {
        return 0;
    }

    if (q->period == AI_PERIOD_NONE) {
        return q->seen < now_ms / 1000 - 1;
    }

    return ai_quota_latest_end(q) * 1000 <= now_ms;
}


ai_quota_t *
ai_quotas_next(const ai_quotas_t *t, const ai_quota_t *q)
{
    size_t  i;

    i = 0;

    if (q) {

        if (q->next) {
            return q->next;
        }

        i = (q->id & t->mask) + 1;
    }

    for ( /* void */ ; i <= t->mask; i++) {
        if (t->bucket[i]) {
            return t->bucket[i];
        }
    }

    return NULL;
}


size_t
ai_quotas_count(const ai_quotas_t *t)
{
    return t->count;
}


ai_quota_t *
ai_quotas_bucket(const ai_quotas_t *t, size_t i)
{
    return t->bucket[i & t->mask];
}


size_t
ai_quotas_buckets(const ai_quotas_t *t)
{
    return t->mask + 1;
}


void
ai_quotas_save(const ai_quotas_t *t, uint32_t zone, ai_buf_t *b)
{
    size_t       mark;
    int64_t      i;
    ai_str_t     key;
    ai_quota_t  *q;

    for (q = ai_quotas_next(t, NULL); q; q = ai_quotas_next(t, q)) {

        if (q->period == AI_PERIOD_NONE) {
            continue;
        }

        key = ai_quota_key(q);

        mark = ai_pack_begin(b, AI_PACK_QUOTA);

        ai_pack_int(b, zone);
        ai_pack_int(b, (int64_t) q->id);
        ai_pack_str(b, &key);
        ai_pack_int(b, q->unit);
        ai_pack_int(b, q->period);
        ai_pack_int(b, q->seen);
        ai_pack_int(b, q->limit);

        if (ai_quota_is_sliding(q)) {
            ai_pack_int(b, q->u.slide.newest);

            for (i = 0; i < AI_WINDOW_RING; i++) {
                ai_pack_int(b, q->u.slide.ring[i]);
            }

        } else {
            for (i = 0; i < 2; i++) {
                ai_pack_int(b, q->u.win[i].start);
                ai_pack_int(b, q->u.win[i].end);
                ai_pack_int(b, q->u.win[i].used);
            }
        }

        ai_pack_end(b, mark);
    }
}


ai_int_t
ai_quotas_load(ai_quotas_t *t, const ai_pool_t *pool, ai_unpack_t *u,
    int64_t now_ms)
{
    int64_t             unit, period, seen, limit;
    uint64_t            id;
    ai_str_t            key;
    ai_uint_t           i, made;
    ai_quota_t         *q;
    ai_quota_window_t   win;

    id = (uint64_t) ai_unpack_int(u);
    key = ai_unpack_str(u);
    unit = ai_unpack_int(u);
    period = ai_unpack_int(u);
    seen = ai_unpack_int(u);
    limit = ai_unpack_int(u);

    if (u->failed
        || unit < 0 || unit >= AI_UNIT_CONCURRENCY
        || period < AI_PERIOD_MONTH || period > AI_PERIOD_LONGEST
        || period == AI_PERIOD_NONE)
    {
        return AI_DECLINED;
    }

    q = ai_quotas_get(t, pool, id, &key, (ai_unit_e) unit, (int32_t) period,
                      now_ms, &made);
    if (q == NULL) {
        return AI_ERROR;
    }

    q->seen = seen;
    q->limit = limit;

    if (ai_quota_is_sliding(q)) {
        ai_quotas_load_slide(q, u, now_ms);
        return u->failed ? AI_DECLINED : AI_OK;
    }

    for (i = 0; i < 2; i++) {
        win.start = ai_unpack_int(u);
        win.end = ai_unpack_int(u);
        win.used = ai_unpack_int(u);
        win.reserved = 0;

        if (u->failed || !ai_quota_is_moment(win.start)
            || !ai_quota_is_moment(win.end) || win.used < 0)
        {
            return AI_DECLINED;
        }

        q->u.win[i] = win;
    }

    return AI_OK;
}


static void
ai_quotas_load_slide(ai_quota_t *q, ai_unpack_t *u, int64_t now_ms)
{
    int64_t    newest, now, sum, all;
    ai_uint_t  i;

    newest = ai_unpack_int(u);
    now = ai_window_slot(q->period, now_ms);

    if (newest < 0) {
        return;
    }

    for (i = 0; i < AI_WINDOW_RING; i++) {
        sum = ai_unpack_int(u);
        q->u.slide.ring[i] = ai_max(sum, 0);
    }

    if (newest - now <= AI_WINDOW_SLOTS) {
        q->u.slide.newest = newest;
        return;
    }

    /* a clock that was far ahead when it was written */

    all = ai_window_sum(q->u.slide.ring);

    memset(q->u.slide.ring, 0, AI_WINDOW_RING * sizeof(int64_t));

    q->u.slide.ring[now % AI_WINDOW_RING] = all;
    q->u.slide.newest = now;
    q->back = 1;
}
