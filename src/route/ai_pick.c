
/* The choice of a target. */

#include <route/ai_pick.h>


#define AI_PICK_REHASH   20


static int64_t ai_pick_total(const ai_pick_t *t, ai_uint_t n, int usable);
static uint64_t ai_pick_mix(uint64_t h);
static uint64_t ai_pick_minus_log2(uint64_t u);


/* of all, or of the usable ones */

static int64_t
ai_pick_total(const ai_pick_t *t, ai_uint_t n, int usable)
{
    int64_t    total;
    ai_uint_t  i;

    total = 0;

    for (i = 0; i < n; i++) {
        if (t[i].weight > 0 && (t[i].usable || !usable)) {
            total += t[i].weight;
        }
    }

    return total;
}


ai_int_t
ai_pick_rr(ai_pick_t *t, ai_uint_t n)
{
    int64_t    total, bound;
    ai_int_t   best;
    ai_uint_t  i;

    best = AI_DECLINED;
    total = ai_pick_total(t, n, 1);
    bound = ai_pick_total(t, n, 0);

    for (i = 0; i < n; i++) {

        if (!t[i].usable || t[i].weight <= 0) {
            continue;
        }

        t[i].current = ai_min(ai_max(t[i].current, -bound), bound);
        t[i].current += t[i].weight;

        if (best == AI_DECLINED || t[i].current > t[best].current) {
            best = (ai_int_t) i;
        }
    }

    if (best != AI_DECLINED) {
        t[best].current -= total;
    }

    return best;
}


ai_int_t
ai_pick_least_conn(ai_pick_t *t, ai_uint_t n)
{
    ai_int_t   best, chosen;
    ai_uint_t  i;

    best = AI_DECLINED;

    for (i = 0; i < n; i++) {

        if (!t[i].usable || t[i].weight <= 0) {
            continue;
        }

        /* a / wa < b / wb without a division */

        if (best == AI_DECLINED
            || t[i].conns * t[best].weight < t[best].conns * t[i].weight)
        {
            best = (ai_int_t) i;
        }
    }

    if (best == AI_DECLINED) {
        return AI_DECLINED;
    }

    for (i = 0; i < n; i++) {
        if (t[i].conns * t[best].weight != t[best].conns * t[i].weight) {
            t[i].usable = 0;
        }
    }

    chosen = ai_pick_rr(t, n);

    return chosen;
}


ai_int_t
ai_pick_first(const ai_pick_t *t, ai_uint_t n)
{
    ai_uint_t  i;

    for (i = 0; i < n; i++) {
        if (t[i].usable) {
            return (ai_int_t) i;
        }
    }

    return AI_DECLINED;
}


ai_int_t
ai_pick_modulo(const ai_pick_t *t, ai_uint_t n, uint64_t key)
{
    int64_t    at, total;
    unsigned   tries;
    ai_uint_t  i;

    total = ai_pick_total(t, n, 0);

    if (total == 0) {
        return ai_pick_first(t, n);
    }

    for (tries = 0; tries < AI_PICK_REHASH; tries++) {

        at = (int64_t) (key % (uint64_t) total);

        for (i = 0; i < n; i++) {

            if (t[i].weight <= 0) {
                continue;
            }

            if (at < t[i].weight) {
                break;
            }

            at -= t[i].weight;
        }

        if (i < n && t[i].usable) {
            return (ai_int_t) i;
        }

        key = ai_pick_mix(key + tries + 1);
    }

    return ai_pick_first(t, n);
}


/*
 * The greatest weight / -log2(u), u drawn evenly from (0, 1], wins with the
 * probability of its share.  In fixed point, so that all nodes agree.
 */

ai_int_t
ai_pick_consistent(const ai_pick_t *t, ai_uint_t n, uint64_t key)
{
    uint64_t   cost, best_cost;
    ai_int_t   best;
    ai_uint_t  i;

    best = AI_DECLINED;
    best_cost = 0;

    for (i = 0; i < n; i++) {

        if (!t[i].usable || t[i].weight <= 0) {
            continue;
        }

        cost = ai_pick_minus_log2(ai_pick_mix(key ^ ai_pick_mix(t[i].id)));

        /* below 2^38 times 10^6 */

        if (best == AI_DECLINED
            || cost * (uint64_t) t[best].weight
               < best_cost * (uint64_t) t[i].weight)
        {
            best = (ai_int_t) i;
            best_cost = cost;
        }
    }

    return best == AI_DECLINED ? ai_pick_first(t, n) : best;
}


/* FNV-1a, then mixed: its own high bits move little for short keys */

uint64_t
ai_pick_hash(const ai_char_t *p, size_t len, uint64_t seed)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325ULL ^ seed;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * 0x100000001b3ULL;
    }

    return ai_pick_mix(h);
}


/* splitmix64's finalizer: each bit of the input moves half of the output */

static uint64_t
ai_pick_mix(uint64_t h)
{
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;

    return h ^ (h >> 31);
}


/*
 * -log2((u + 1) / 2^64) with 32 bits behind the point, at least one step.
 * The leading zeros are the whole part; each squaring of the rest gives the
 * next bit of its logarithm.
 */

static uint64_t
ai_pick_minus_log2(uint64_t u)
{
    int       i;
    uint64_t  log, m;

    if (u == 0) {
        return (uint64_t) 64 << 32;
    }

    i = __builtin_clzll(u);

    log = (uint64_t) (63 - i) << 32;

    /* 1.31: from 1 to just below 2 */

    m = (u << i) >> 32;

    for (i = 31; i >= 0; i--) {
        m = (m * m) >> 31;

        if (m >= (uint64_t) 1 << 32) {
            log |= (uint64_t) 1 << i;
            m >>= 1;
        }
    }

    return ((uint64_t) 64 << 32) - log;
}
