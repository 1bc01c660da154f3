
/*
 * Nodes that share counters through a store, with all that may happen between
 * them: calls that are late, lost, or done in another order, nodes that are
 * killed, a store that forgets.  The store is the contract of AI_REDIS_SHARE
 * and AI_REDIS_EPOCH in plain C; what is true is kept apart from both.
 *
 *     test_lease_model            thousands of runs
 *     test_lease_model N          as many
 *     test_lease_model 1 SEED     one of them, step by step
 */

#include <tap.h>
#include <mem.h>

#include <base/ai_hash.h>
#include <limit/ai_lease.h>
#include <store/ai_redis_scripts.h>


#define DAY       86400LL
#define T0        1795305600LL      /* 2026-11-22 00:00:00 UTC */

#define SEEDS     1200

#define NODES     4
#define COUNTERS  4
#define SCOPES    (2 * COUNTERS)
#define HASHES    (3 * COUNTERS)
#define OWNERS    12
#define SLOTS     128               /* more than count at a time */
#define CALLS     96
#define REQUESTS  48
#define TRUTH     4096
#define EPOCHS    64

#define NEVER     INT64_MAX
#define TIMEOUT   300               /* ms, of a call */
#define PATIENCE  600               /* of a request */
#define PAUSE     6000
#define POLL      500               /* a node asks for the epoch */
#define LENGTH    25000             /* ms of a run */


typedef enum {
    HEALTHY = 0,
    LOSSES,                         /* calls, answers; late ones */
    MORE,                           /* ... and requests that use more */
    KILLS,
    FLUSH,
    RESTORE,
    OUTAGE,                         /* for a while; nodes go on alone */
    ALL,
    KINDS
} kind_e;


/* the store */

typedef struct {
    int                node;
    int                owner;       /* 0: none */
    int64_t            amount;
    int64_t            till;
    int64_t            serial;
} lease_t;

typedef struct {
    int64_t            slot;        /* 0: none */
    int64_t            amount;
} slot_t;

typedef struct {
    int                there;
    int                counter;
    int64_t            window;
    int64_t            used[NODES];
    slot_t             slot[NODES][SLOTS];
    lease_t            lease[OWNERS];
} hash_t;

typedef struct {
    int                epoch;       /* 0: none */
    int                run;
    int                before[EPOCHS];
    int                nbefore;
    int64_t            pause;
    hash_t             hash[HASHES];
} store_t;

typedef enum { OK = 0, NO, WAIT, POISON, STALE, EPOCH } word_e;


/* nodes */

typedef struct {
    int                state;       /* 0: none, 1: on its way, 2: done */
    int                lost;        /* 1: the call, 2: its answer */
    int                failed;      /* nobody waits any more */
    int                node;
    int                owner;
    int                sole;
    int                epoch;
    int                request;     /* that it is for, -1: none */
    int                n;
    int                counter[SCOPES];
    ai_lease_call_t   *scope;
    ai_lease_reply_t   reply[SCOPES];
    word_e             word;
    int64_t            at;
    int64_t            until;
} call_t;

typedef struct {
    int                state;       /* 0: none, 1: waits, 2: runs */
    int                node;
    int                n;
    int                alone;
    int                called;      /* a call of its own is on its way */
    int                counter[COUNTERS];
    ai_quota_claim_t   claim[COUNTERS];
    int64_t            amount[COUNTERS];
    int                extra[COUNTERS];     /* taken without a lease */
    int64_t            at;
    int64_t            since;
} request_t;

typedef struct {
    ai_quotas_t       *t;           /* NULL: it is down */
    ai_buf_t           saved;
    int                owner;
    int                epoch;
    int                changed;     /* the epoch is to be asked for */
    int64_t            gen;
    int64_t            serial;
    int64_t            walk;        /* at */
    int64_t            poll;
    int64_t            up;
} node_t;


/* what is true */

typedef struct {
    int64_t            slot;
    int64_t            sum[NODES];  /* with what is reserved */
} truth_slot_t;

typedef struct {
    int32_t            period;
    ai_unit_e          unit;
    int64_t            limit;
    uint64_t           id;
    int64_t            used[NODES][3];          /* of days, ... */
    int64_t            reserved[NODES][3];      /* ... or now */
    int64_t            extra[3];    /* beyond what was asked for */
    truth_slot_t       slot[TRUTH];
} counter_t;


static uint64_t   seed;
static int        trace;
static char       wrong[512];
static int64_t    now;              /* ms of the nodes' clock */
static int64_t    base;             /* of the wall clock */
static int64_t    stop;
static kind_e     kind;
static int        nnodes;
static int        asleep;           /* the nodes that nobody asks, bits */
static int        ncounters;
static int        owners;
static int        epochs;
static int        checked;          /* is safety looked at? */
static int        losses;           /* per cent */
static int64_t    delay;            /* ms at most */
static int64_t    out, back;        /* no store, from, to */
static int64_t    admitted, refused, given_up;

static store_t    store, older;
static node_t     node[NODES];
static counter_t  counter[COUNTERS];
static call_t     call[CALLS];
static ai_lease_call_t  scopes[CALLS][SCOPES];
static request_t  request[REQUESTS];
static int        ncalls, nrequests;        /* that ever were at a time */
static ai_redo_t  redo;


static uint32_t
rnd(uint32_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;

    return (uint32_t) (seed >> 33) % n;
}


static int64_t
wall(void)
{
    return base + now;
}


__attribute__((format(printf, 1, 2))) static void
fail(const char *fmt, ...)
{
    va_list  args;

    if (wrong[0]) {
        return;
    }

    va_start(args, fmt);
    vsnprintf(wrong, sizeof(wrong), fmt, args);
    va_end(args);
}


#define say(...)                                                              \
    do {                                                                      \
        if (trace) {                                                          \
            printf("# %7lld ", (long long) (now));                            \
            printf(__VA_ARGS__);                                              \
            printf("\n");                                                     \
        }                                                                     \
    } while (0)


/* the store, as ai_redis_scripts.h has it */

static hash_t *
store_hash(int c, int64_t window, int make)
{
    int      i;
    hash_t  *h;

    for (i = 0, h = NULL; i < HASHES; i++) {

        if (!store.hash[i].there) {
            h = h ? h : &store.hash[i];
            continue;
        }

        if (store.hash[i].counter == c && store.hash[i].window == window) {
            return &store.hash[i];
        }
    }

    if (!make) {
        return NULL;
    }

    if (h == NULL) {
        fail("the model has no room for hashes");
        return &store.hash[0];
    }

    memset(h, 0, sizeof(hash_t));
    h->there = 1;
    h->counter = c;
    h->window = window;

    return h;
}


static int64_t
store_slots(const hash_t *h, int n, int64_t oldest)
{
    int            i;
    int64_t        sum;
    const slot_t  *p;

    p = h->slot[n];

    for (i = 0, sum = 0; i < SLOTS; i++) {
        sum += p[i].slot >= oldest ? p[i].amount : 0;
    }

    return sum;
}


static lease_t *
store_lease(hash_t *h, int n, int owner)
{
    int  i;

    for (i = 0; i < OWNERS; i++) {
        if (h->lease[i].owner == owner && h->lease[i].node == n) {
            return &h->lease[i];
        }
    }

    for (i = 0; i < OWNERS; i++) {
        if (h->lease[i].owner == 0) {
            return &h->lease[i];
        }
    }

    fail("the model has no room for leases");
    return &h->lease[0];
}


/* what a scope tells; beyond: what was known of the node and is not told */

static int64_t
store_told(const hash_t *h, const call_t *c, const ai_lease_call_t *s,
    int64_t *beyond)
{
    int64_t        told, known;
    ai_uint_t      k;
    const slot_t  *p;

    *beyond = 0;

    if (s->oldest == -1) {
        told = s->n ? s->tell[0].used : 0;
        known = h ? h->used[c->node] : 0;
        *beyond = ai_max(known - told, 0);

        return told;
    }

    *beyond = h ? store_slots(h, c->node, s->oldest) : 0;

    for (k = 0, told = 0; k < s->n; k++) {

        if (s->tell[k].slot < s->oldest) {
            continue;
        }

        told += s->tell[k].used;

        if (h) {
            p = &h->slot[c->node][s->tell[k].slot % SLOTS];
            *beyond -= p->slot == s->tell[k].slot ? p->amount : 0;
        }
    }

    return told;
}


static void
store_arguments(const ai_lease_call_t *s)
{
    ai_uint_t  i;

#define is_amount(n)  ((n) >= 0 && (n) <= AI_REDIS_AMOUNT)

    if (!is_amount(s->limit) || !is_amount(s->held) || !is_amount(s->least)
        || !is_amount(s->most) || s->n > AI_LEASE_TELL
        || (s->most && s->most < s->least))
    {
        fail("arguments: held %lld, least %lld, most %lld, %zu pairs",
             (long long) s->held, (long long) s->least, (long long) s->most,
             (size_t) s->n);
    }

    for (i = 0; i < s->n; i++) {
        if (!is_amount(s->tell[i].used)
            || (s->oldest == -1 ? s->tell[i].slot != -1
                                : s->tell[i].slot < 1))
        {
            fail("arguments: slot %lld has %lld",
                 (long long) s->tell[i].slot, (long long) s->tell[i].used);
        }

        if (i && s->tell[i].slot >= s->tell[i - 1].slot) {
            fail("arguments: slots are not in order");
        }
    }
}


static void
store_write(call_t *c, int i, int64_t given)
{
    int               k;
    slot_t           *p;
    hash_t           *h;
    lease_t          *l;
    ai_uint_t         n;
    ai_lease_call_t  *s;

    s = &c->scope[i];
    h = store_hash(c->counter[i], s->window, 1);

    for (k = 0; k < OWNERS; k++) {
        l = &h->lease[k];

        if (l->owner && !(l->node == c->node && l->owner == c->owner)
            && (l->till <= now || (l->node == c->node && c->sole)))
        {
            l->owner = 0;
        }
    }

    l = store_lease(h, c->node, c->owner);
    l->node = c->node;
    l->owner = c->owner;
    l->amount = s->held + given;
    l->till = now + AI_LEASE_TIME;
    l->serial = s->serial;

    for (k = 0; s->oldest != -1 && k < SLOTS; k++) {
        if (h->slot[c->node][k].slot < s->oldest) {
            h->slot[c->node][k].slot = 0;
        }
    }

    for (n = 0; n < s->n; n++) {

        if (s->oldest == -1) {
            h->used[c->node] = ai_max(h->used[c->node], s->tell[n].used);
            continue;
        }

        if (s->tell[n].slot < s->oldest) {
            continue;
        }

        p = &h->slot[c->node][s->tell[n].slot % SLOTS];

        if (p->slot > s->tell[n].slot) {
            fail("the model has no room for slots");
        }

        p->slot = s->tell[n].used ? s->tell[n].slot : 0;
        p->amount = s->tell[n].used;
    }
}


static void
store_share(call_t *c)
{
    int                i, k, stale[SCOPES];
    int64_t            told, beyond, others, leased, free, given[SCOPES];
    hash_t            *h;
    lease_t           *l;
    ai_lease_call_t   *s;
    ai_lease_reply_t  *r;

    c->word = OK;

    if (store.epoch == 0 || store.epoch != c->epoch) {
        c->word = EPOCH;
        return;
    }

    for (i = 0; i < c->n; i++) {
        s = &c->scope[i];
        r = &c->reply[i];
        h = store_hash(c->counter[i], s->window, 0);

        store_arguments(s);

        memset(r, 0, sizeof(ai_lease_reply_t));
        stale[i] = 0;
        others = 0;
        leased = 0;

        told = store_told(h, c, s, &beyond);

        for (k = 0; h && k < OWNERS; k++) {
            l = &h->lease[k];

            if (l->owner == 0) {
                continue;
            }

            if (l->node == c->node && l->owner == c->owner) {
                stale[i] = l->serial > s->serial;

            } else if (l->till > now && !(l->node == c->node && c->sole)) {
                leased += l->amount;
            }
        }

        for (k = 0; h && k < NODES; k++) {
            if (k != c->node) {
                others += s->oldest == -1 ? h->used[k]
                                          : store_slots(h, k, s->oldest);

            } else {
                r->known = s->oldest == -1 ? h->used[k]
                                           : store_slots(h, k, s->oldest);
            }
        }

        free = s->limit - others - beyond - told - leased - s->held;
        given[i] = s->most > s->least && s->most <= free / 4 ? s->most
                                                             : s->least;
        r->used = others + beyond;
        r->leased = leased;

        if (stale[i]) {
            c->word = STALE;

        } else if ((s->least || s->most) && store.pause > now) {
            c->word = ai_max(c->word, WAIT);

        } else if (s->least && free < s->least) {

            r->refused = c->word < NO;
            c->word = ai_max(c->word, NO);
        }
    }

    for (i = 0; i < c->n; i++) {

        if (c->word != OK) {
            given[i] = 0;
        }

        c->reply[i].refused &= c->word == NO;
        c->reply[i].given = given[i];

        if (!stale[i]) {
            store_write(c, i, given[i]);
        }
    }
}


static int
store_knows(int epoch)
{
    int  i;

    for (i = 0; i < store.nbefore; i++) {
        if (store.before[i] == epoch) {
            return 1;
        }
    }

    return epoch == store.epoch;
}


/* run: seen at the last change of the epoch; the server's is that of now */

static int  server;


static int
store_epoch(int known)
{
    int  strange, was;

    strange = known && !store_knows(known);
    was = store.epoch;

    if (was && !strange && store.run == server) {
        return was;
    }

    if (was && store.nbefore < EPOCHS) {
        store.before[store.nbefore++] = was;
    }

    if (strange && store.nbefore < EPOCHS) {
        store.before[store.nbefore++] = known;
    }

    store.epoch = ++epochs;
    store.run = server;

    if (was || known) {
        store.pause = ai_max(store.pause, now + PAUSE);
    }

    return store.epoch;
}


/* what is true */

static int
day(int64_t window)
{
    return window <= base / 1000 / DAY * DAY ? 0 : 1;
}


static truth_slot_t *
truth_slot(counter_t *c, int64_t slot)
{
    truth_slot_t  *t;

    t = &c->slot[slot % TRUTH];

    if (t->slot != slot) {
        memset(t, 0, sizeof(truth_slot_t));
        t->slot = slot;
    }

    return t;
}


static void
truth_add(int n, int c, int64_t window, int64_t reserved, int64_t used)
{
    int         d;
    counter_t  *p;

    p = &counter[c];

    if (p->period > 0) {
        truth_slot(p, window)->sum[n] += reserved + used;
        return;
    }

    d = p->period == AI_PERIOD_NONE ? 0 : day(window);

    p->reserved[n][d] += reserved;
    p->used[n][d] += p->period == AI_PERIOD_NONE ? 0 : used;
}


static int64_t
truth_sum(int c, int n)
{
    int         d;
    int64_t     slot, sum, i;
    counter_t  *p;

    p = &counter[c];

    if (p->period <= 0) {
        d = p->period == AI_PERIOD_NONE ? 0 : day(wall() / 1000 / DAY * DAY);

        return p->used[n][d] + p->reserved[n][d];
    }

    slot = ai_window_slot(p->period, wall());

    for (i = 0, sum = 0; i < AI_WINDOW_RING; i++) {
        sum += truth_slot(p, slot - i)->sum[n];
    }

    return sum;
}


static int64_t
truth_total(int c)
{
    int      n;
    int64_t  sum;

    for (n = 0, sum = 0; n < NODES; n++) {
        sum += truth_sum(c, n);
    }

    return sum;
}


static int64_t
truth_extra(int c)
{
    int         d;
    counter_t  *p;

    p = &counter[c];
    d = p->period == AI_PERIOD_DAY ? day(wall() / 1000 / DAY * DAY) : 0;

    return p->extra[d];
}


static void
truth_extra_add(int c, int64_t window, int64_t amount)
{
    counter_t  *p;

    p = &counter[c];

    p->extra[p->period == AI_PERIOD_DAY ? day(window) : 0] += amount;
}


/* nodes */

static ai_quota_t *
quota(int n, int c)
{
    char         name[8];
    ai_str_t     key;
    ai_uint_t    made;
    ai_quota_t  *q;

    snprintf(name, sizeof(name), "k%d", c);

    key.data = (ai_char_t *) name;
    key.len = strlen(name);

    q = ai_quotas_get(node[n].t, mem_pool(), counter[c].id, &key,
                      counter[c].unit, counter[c].period, wall(), &made);

    if (q == NULL) {
        abort();
    }

    q->limit = counter[c].limit;

    return q;
}


static call_t *
call_new(int n, int req)
{
    int      i;
    call_t  *c;

    for (i = 0; i < CALLS && call[i].state; i++) { /* void */ }

    if (i == CALLS) {
        return NULL;
    }

    c = &call[i];

    ncalls = ai_max(ncalls, i + 1);

    c->state = 1;
    c->scope = scopes[i];
    c->failed = 0;
    c->node = n;
    c->owner = node[n].owner;
    c->sole = 1;
    c->epoch = node[n].epoch;
    c->request = req;
    c->n = 0;
    c->lost = 0;
    c->at = now + 1 + rnd((uint32_t) delay);
    c->until = now + TIMEOUT;

    if (stop == NEVER) {
        return c;
    }

    if (rnd(100) < (uint32_t) losses) {
        c->lost = 1 + (int) rnd(2);
    }

    if (now >= out && now < back) {
        c->lost = 1;
    }

    if (losses && rnd(10) == 0) {
        c->at += rnd(3000);
    }

    return c;
}


static void
call_alone(call_t *c)
{
    int  i;

    for (i = 0; i < c->n; i++) {
        ai_lease_failed(quota(c->node, c->counter[i]), &c->scope[i]);
    }
}


static int
node_can_call(int n)
{
    return node[n].epoch && !node[n].changed;
}


/* as share_begin does */

static int
call_begin(int n, request_t *r, int prefetch, const int *asked)
{
    int       i;
    call_t   *c;

    if (!node_can_call(n)) {
        return 0;
    }

    for (i = 0; i < r->n; i++) {
        if (asked[i] && ai_lease_is_called(r->claim[i].quota->lease, now)) {
            return 0;
        }
    }

    c = call_new(n, prefetch ? -1 : (int) (r - request));

    if (c == NULL) {
        return 0;
    }

    node[n].serial++;

    for (i = 0; i < r->n; i++) {
        if (asked[i]) {
            c->counter[c->n] = r->counter[i];

            ai_lease_call(r->claim[i].quota,
                          prefetch ? 0 : r->claim[i].amount, 1,
                          r->claim[i].limit, node[n].serial, node[n].gen, now,
                          &c->scope[c->n++]);
        }
    }

    say("node %d calls, serial %lld, request %d", n,
        (long long) node[n].serial, c->request);

    return 1;
}


static int
node_walk(int n)
{
    int          i, due;
    call_t      *c;
    ai_quota_t  *q;

    if (!node_can_call(n)) {
        return 1;
    }

    for (i = 0, due = 0, c = NULL; i < ncounters; i++) {
        q = ai_quotas_find(node[n].t, counter[i].id);

        if (q == NULL
            || !ai_lease_is_due(q, node[n].gen, now, wall() / 1000))
        {
            continue;
        }

        due = 1;

        if (c == NULL) {
            c = call_new(n, -1);

            if (c == NULL) {
                return 1;
            }

            node[n].serial++;
        }

        c->counter[c->n] = i;
        ai_lease_call(q, 0, 0, q->limit, node[n].serial, node[n].gen, now,
                      &c->scope[c->n++]);

        c->counter[c->n] = i;
        c->n += (int) ai_lease_call_before(q, node[n].serial, node[n].gen,
                                           now, &c->scope[c->n]);
    }

    if (c) {
        say("node %d tells %d, serial %lld", n, c->n,
            (long long) node[n].serial);
    }

    return due;
}


static void
node_poll(int n)
{
    int  epoch;

    /* only the answer of a moment: what it asks for is not lost, or nothing
     * is asked for */

    if (stop != NEVER
        && ((now >= out && now < back) || rnd(100) < (uint32_t) losses))
    {
        return;
    }

    epoch = store_epoch(node[n].epoch);

    if (epoch != node[n].epoch || node[n].changed) {
        say("node %d has epoch %d", n, epoch);
        node[n].epoch = epoch;
        node[n].changed = 0;
        node[n].gen++;
    }
}


/* as limit_look does: 1 it may be taken, 0 not, -1 the store is to be asked */

static int
request_look(request_t *r, int *asked)
{
    int                i, any, no;
    ai_quota_t        *q;
    ai_quota_claim_t  *c;

    for (i = 0; i < r->n; i++) {
        c = &r->claim[i];

        memset(c, 0, sizeof(ai_quota_claim_t));
        c->quota = quota(r->node, r->counter[i]);
        c->limit = counter[r->counter[i]].limit;
        c->amount = r->amount[i];

        ai_quota_roll(c->quota, NULL, wall(), &redo);
    }

    ai_redo_begin(&redo);

    for (i = 0, any = 0, no = 0; i < r->n; i++) {
        c = &r->claim[i];
        q = c->quota;
        asked[i] = 0;

        if (ai_quota_check(c, wall(), &redo) == 0 && r->alone) {
            no = 1;
        }

        if (ai_lease_has(q, c->amount, now)) {

            if (ai_quota_is_sliding(q) ? c->amount > c->limit
                                       : c->used > c->limit - c->amount)
            {
                /* somebody has used more than was asked for */

                if (checked && truth_extra(r->counter[i]) == 0) {
                    fail("what is leased does not fit: %lld used of %lld",
                         (long long) c->used, (long long) c->limit);
                }

                no = 1;
            }

        } else if (ai_lease_is_refused(q->lease, c->amount, now)) {
            no = 1;

        } else {
            asked[i] = 1;
            any = 1;
        }
    }

    if (no) {
        return 0;
    }

    return any && !r->alone ? -1 : 1;
}


static void
request_take(request_t *r, const int *asked)
{
    int      i, c, low[COUNTERS], any;

    r->state = 2;
    r->at = now + (rnd(3) ? rnd(400) : rnd(4000));
    admitted++;

    ai_redo_begin(&redo);

    for (i = 0; i < r->n; i++) {
        c = r->counter[i];

        r->extra[i] = asked[i];

        if (asked[i]) {
            truth_extra_add(c, r->claim[i].window, r->claim[i].amount);
        }

        if (ai_quota_take(&r->claim[i], &redo) != AI_OK) {
            abort();
        }

        truth_add(r->node, c, r->claim[i].window, r->claim[i].amount, 0);
    }

    ai_redo_commit(&redo);

    for (i = 0, any = 0; i < r->n; i++) {
        c = r->counter[i];

        say("node %d takes %lld of %d, in %lld: %lld of %lld", r->node,
            (long long) r->claim[i].amount, c,
            (long long) r->claim[i].window, (long long) truth_total(c),
            (long long) counter[c].limit);

        if (checked
            && truth_total(c) > counter[c].limit + truth_extra(c))
        {
            fail("%lld of %lld are taken of counter %d (period %d), %lld "
                 "beyond", (long long) truth_total(c),
                 (long long) counter[c].limit, c, counter[c].period,
                 (long long) truth_extra(c));
        }

        low[i] = ai_lease_is_low(r->claim[i].quota->lease, now);
        any |= low[i];
    }

    if (any) {
        (void) call_begin(r->node, r, 1, low);
    }
}


static void
request_try(request_t *r)
{
    int  rc, asked[COUNTERS];

    rc = request_look(r, asked);

    if (rc == -1) {

        if (now - r->since > PATIENCE) {

            if (kind == OUTAGE && now >= out && now < back) {
                r->alone = 1;
                request_try(r);
                return;
            }

            given_up++;
            r->state = 0;
            return;
        }

        r->called = call_begin(r->node, r, 0, asked);
        r->at = r->called ? now + 2 * PATIENCE : now + 20 + rnd(60);
        return;
    }

    if (rc == 0) {
        refused++;
        r->state = 0;
        return;
    }

    request_take(r, asked);
}


static int64_t
request_used(int64_t amount)
{
    if ((kind == MORE || kind == ALL) && rnd(10) == 0) {
        return amount + rnd(10);
    }

    return rnd(3) ? (int64_t) rnd((uint32_t) amount + 1) : amount;
}


static void
request_end(request_t *r)
{
    int      i, c;
    int64_t  used, amount, window;

    ai_redo_begin(&redo);

    for (i = 0; i < r->n; i++) {
        c = r->counter[i];
        window = r->claim[i].window;
        amount = r->claim[i].amount;

        used = request_used(amount);
        truth_extra_add(c, window, r->extra[i] ? used - amount
                                               : ai_max(used - amount, 0));

        say("node %d settles %lld of %lld of %d, in %lld", r->node,
            (long long) used, (long long) amount, c, (long long) window);

        if (ai_quota_settle(quota(r->node, c), window, amount, used, &redo)
            != AI_OK)
        {
            abort();
        }

        truth_add(r->node, c, window, -amount, used);
    }

    ai_redo_commit(&redo);
    r->state = 0;
}


static void
request_new(void)
{
    int         i, n;
    request_t  *r;

    for (i = 0; i < REQUESTS && request[i].state; i++) { /* void */ }

    n = (int) rnd((uint32_t) nnodes);

    if (rnd(40) == 0) {
        asleep = rnd(2) ? (int) rnd(1 << NODES) : 0;
    }

    if (i == REQUESTS || node[n].t == NULL || asleep >> n & 1) {
        return;
    }

    r = &request[i];
    nrequests = ai_max(nrequests, i + 1);

    memset(r, 0, sizeof(request_t));
    r->state = 1;
    r->node = n;
    r->since = now;

    for (i = 0; i < ncounters; i++) {
        if (rnd(2) || (r->n == 0 && i == ncounters - 1)) {
            r->amount[r->n] = counter[i].unit == AI_UNIT_CONCURRENCY
                              ? 1 : 1 + rnd((uint32_t) counter[i].limit / 5);

            if (rnd(50) == 0 && counter[i].unit != AI_UNIT_CONCURRENCY) {
                r->amount[r->n] = counter[i].limit * 3;
            }

            r->counter[r->n++] = i;
        }
    }

    request_try(r);
}


/* what happens to calls */

static void
call_reply(call_t *c)
{
    int         i, lost;
    request_t  *r;

    c->state = 0;

    if (node[c->node].t == NULL || node[c->node].owner != c->owner) {
        return;
    }

    if (c->word == EPOCH) {
        call_alone(c);
        node[c->node].changed = 1;

    } else if (c->word == STALE) {
        call_alone(c);

    } else {

        for (i = 0, lost = 0; i < c->n; i++) {
            lost |= ai_lease_reply(quota(c->node, c->counter[i]),
                                   &c->scope[i], &c->reply[i], now)
                    == AI_DECLINED;

            say("node %d has %lld of %d, used %lld, leased %lld%s", c->node,
                (long long) c->reply[i].given, c->counter[i],
                (long long) c->reply[i].used, (long long) c->reply[i].leased,
                c->reply[i].refused ? ", refused" : "");
        }

        if (lost) {

            if (kind < FLUSH || kind == OUTAGE) {
                fail("the store has lost nothing, and a node believes so");
            }

            node[c->node].gen++;
        }
    }

    if (c->request != -1 && !c->failed) {
        r = &request[c->request];

        if (r->state == 1 && r->called) {
            r->called = 0;
            request_try(r);
        }
    }
}


static void
call_timeout(call_t *c)
{
    request_t  *r;

    c->failed = 1;
    c->until = NEVER;

    if (node[c->node].t && node[c->node].owner == c->owner) {
        call_alone(c);

        if (c->request != -1 && request[c->request].state == 1
            && request[c->request].called)
        {
            r = &request[c->request];
            r->called = 0;
            request_try(r);
        }
    }

    /* the connection may be gone, the call may still be done */

    if (c->state == 2 && rnd(2)) {
        c->state = 0;
    }

    if ((c->state == 1 && c->lost == 1) || (c->state == 2 && c->lost == 2)) {
        c->state = 0;
    }
}


static void
call_step(call_t *c)
{
    if (c->until <= now) {
        call_timeout(c);

    } else if (c->state == 1) {
        say("serial %lld of node %d is done",
            (long long) (c->n ? c->scope[0].serial : 0), c->node);

        store_share(c);
        c->state = 2;
        c->at = now + 1 + rnd((uint32_t) delay);

        if (c->failed && c->lost == 2) {
            c->state = 0;
        }

    } else {
        call_reply(c);
    }
}


static int64_t
call_next(const call_t *c)
{
    if ((c->state == 1 && c->lost == 1) || (c->state == 2 && c->lost == 2)) {
        return c->until;
    }

    return ai_min(c->at, c->until);
}


/* disasters */

static void
node_start(int n)
{
    int           i, k;
    ai_str_t      in;
    request_t    *r;
    ai_unpack_t   u;

    node[n].t = ai_quotas_create(mem_pool(), 1, 1);
    node[n].owner = ++owners;
    node[n].epoch = 0;
    node[n].changed = 1;
    node[n].gen = 0;
    node[n].serial = 0;
    node[n].walk = now + rnd(500);
    node[n].poll = now;
    node[n].up = NEVER;

    if (node[n].t == NULL) {
        abort();
    }

    in = ai_buf_str(&node[n].saved);

    while (ai_unpack(&in, &u) == AI_OK) {
        (void) ai_unpack_int(&u);

        if (ai_quotas_load(node[n].t, mem_pool(), &u, wall()) != AI_OK) {
            fail("a snapshot is not read");
        }
    }

    /* requests that ran are settled with what is known of them */

    for (i = 0; i < REQUESTS; i++) {
        r = &request[i];

        if (r->state != 2 || r->node != n) {
            continue;
        }

        for (k = 0; k < r->n; k++) {
            if (counter[r->counter[k]].period > 0) {
                ai_redo_begin(&redo);
                (void) ai_quota_settle(quota(n, r->counter[k]),
                                       r->claim[k].window,
                                       r->claim[k].amount, 0, &redo);
                ai_redo_commit(&redo);
            }

            ai_redo_begin(&redo);
            (void) ai_quota_settle(quota(n, r->counter[k]),
                                   r->claim[k].window, 0,
                                   r->claim[k].amount / 2, &redo);
            ai_redo_commit(&redo);

            truth_add(n, r->counter[k], r->claim[k].window,
                      -r->claim[k].amount, r->claim[k].amount / 2);
        }

        r->state = 0;
    }

    ai_buf_init(&node[n].saved, mem_pool());

    say("node %d starts, owner %d", n, node[n].owner);
}


static void
node_kill(int n, int64_t down)
{
    int  i;

    say("node %d is killed", n);

    ai_quotas_save(node[n].t, 1, &node[n].saved);

    node[n].t = NULL;
    node[n].up = now + down;

    for (i = 0; i < REQUESTS; i++) {
        if (request[i].node == n && request[i].state == 1) {
            request[i].state = 0;
        }
    }

    /* what it has sent is done, or not; but not after it is there again */

    for (i = 0; i < CALLS; i++) {
        if (call[i].state && call[i].node == n) {

            if (call[i].state == 1 && call[i].lost != 1 && rnd(2)) {
                store_share(&call[i]);
            }

            call[i].state = 0;
        }
    }
}


/* another server, or the same one with an older file: connections are gone */

static void
store_restore(const store_t *from)
{
    int  i;

    say("the store is restored");

    store = *from;
    server++;

    for (i = 0; i < CALLS; i++) {
        if (call[i].state == 1) {
            call[i].lost = 1;
        } else if (call[i].state == 2) {
            call[i].lost = 2;
        }
    }

    for (i = 0; i < nnodes; i++) {
        node[i].changed = 1;
    }
}


static void
disaster(void)
{
    int  n;

    if ((kind == KILLS || kind == ALL) && rnd(3) == 0) {
        n = (int) rnd((uint32_t) nnodes);

        if (node[n].t) {
            node_kill(n, 10 + rnd(kind == ALL ? 40000 : 8000));
        }
    }

    if ((kind == FLUSH || kind == ALL) && rnd(6) == 0) {
        say("the store is flushed");
        memset(&store, 0, sizeof(store_t));
        store.run = server;
    }

    if (kind == RESTORE || kind == ALL) {
        if (rnd(3) == 0) {
            older = store;

        } else if (rnd(6) == 0 && older.run) {
            store_restore(&older);
        }
    }
}


/* a run */

static void
start(uint64_t number)
{
    int  i;

    static const int32_t  periods[] = {
        AI_PERIOD_DAY, 60, 1, AI_PERIOD_NONE, 10, 3, AI_PERIOD_DAY
    };

    mem_reset();

    seed = number * 0x9e3779b97f4a7c15ULL + 77;
    wrong[0] = '\0';

    memset(&store, 0, sizeof(store_t));
    memset(&older, 0, sizeof(store_t));
    memset(node, 0, sizeof(node));
    memset(call, 0, sizeof(call));
    memset(request, 0, sizeof(request));

    kind = (kind_e) (number % KINDS);
    now = 100000;
    stop = now + LENGTH;
    owners = 0;
    epochs = 0;
    server = 1;
    ncalls = 0;
    nrequests = 1;
    asleep = 0;
    store.run = 1;
    out = NEVER;
    back = NEVER;

    /* days of its own, so that nothing of a run before is left; sometimes
     * midnight is in it */

    base = (T0 + (int64_t) number * DAY * 2) * 1000 + 3600000 - now;

    if (rnd(2)) {
        base += (DAY - 3600) * 1000 - rnd(LENGTH);
    }

    nnodes = 2 + (int) rnd(NODES - 1);
    ncounters = 1 + (int) rnd(COUNTERS);
    delay = rnd(2) ? 5 : 100;
    losses = kind == HEALTHY || kind == OUTAGE ? 0 : (int) rnd(20);
    checked = kind != ALL;

    if (kind == HEALTHY && rnd(2)) {
        delay = TIMEOUT / 2 - 10;
    }

    if (kind == FLUSH || kind == RESTORE) {
        losses /= 4;
    }

    if (kind == OUTAGE) {
        out = now + 5000;
        back = out + rnd(15000);
    }

    for (i = 0; i < ncounters; i++) {
        counter[i].period = periods[rnd(7)];
        counter[i].unit = counter[i].period == AI_PERIOD_NONE
                          ? AI_UNIT_CONCURRENCY : AI_UNIT_TOKENS;
        counter[i].limit = rnd(4) ? 5 + rnd(200) : 2000;
        counter[i].id = ai_quota_id((uint64_t) i + 1, counter[i].unit,
                                    counter[i].period);

        memset(counter[i].used, 0, sizeof(counter[i].used));
        memset(counter[i].reserved, 0, sizeof(counter[i].reserved));
        memset(counter[i].extra, 0, sizeof(counter[i].extra));
    }

    for (i = 0; i < nnodes; i++) {
        ai_buf_init(&node[i].saved, mem_pool());
        node_start(i);
    }
}


static void
step_nodes(int64_t *next)
{
    int  i;

    for (i = 0; i < nnodes; i++) {

        if (node[i].t == NULL) {

            if (node[i].up <= now) {
                node_start(i);
            }

            *next = ai_min(*next, node[i].up);
            continue;
        }

        if (node[i].poll <= now) {
            node_poll(i);
            node[i].poll = now + (node[i].changed ? 50 : POLL);
        }

        if (node[i].walk <= now) {
            (void) node_walk(i);
            node[i].walk = now + 300 + rnd(400);
        }

        *next = ai_min(*next, ai_min(node[i].poll, node[i].walk));
    }
}


/* all that is to happen now; the next moment */

static int64_t
step(void)
{
    int      i;
    int64_t  next;

    next = NEVER;

    for (i = 0; i < ncalls; i++) {
        if (call[i].state && call_next(&call[i]) <= now) {
            call_step(&call[i]);
        }
    }

    for (i = 0; i < nrequests; i++) {

        if (request[i].state == 1 && request[i].at <= now) {
            request[i].called = 0;
            request_try(&request[i]);

        } else if (request[i].state == 2 && request[i].at <= now
                   && node[request[i].node].t)
        {
            request_end(&request[i]);
        }
    }

    step_nodes(&next);

    for (i = 0; i < ncalls; i++) {
        if (call[i].state) {
            next = ai_min(next, call_next(&call[i]));
        }
    }

    for (i = 0; i < nrequests; i++) {
        if (request[i].state && node[request[i].node].t) {
            next = ai_min(next, request[i].at);
        }
    }

    return ai_max(next, now + 1);
}


static void
run_until(int64_t end)
{
    int64_t  next;

    while (now < end && !wrong[0]) {
        next = step();
        now = ai_min(next, end);
    }
}


/* nobody asks any more: what the store has is what is true */

static void
quiet(void)
{
    int         i, n, k, d;
    hash_t     *h;
    int64_t     sum;
    counter_t  *c;

    for (n = 0; n < nnodes; n++) {
        /* after so long a time all is told again */

        if (kind != ALL && node[n].t && node_can_call(n) && node_walk(n)) {
            fail("node %d has something to tell", n);
        }
    }

    for (i = 0; i < ncounters; i++) {
        c = &counter[i];

        for (d = 0; d < 2 && c->period == AI_PERIOD_DAY; d++) {
            h = store_hash(i, (base / 1000 / DAY + d) * DAY, 0);

            for (n = 0; n < nnodes; n++) {
                sum = h ? h->used[n] : 0;

                if (sum != c->used[n][d] || c->reserved[n][d]) {
                    fail("day %d of counter %d: node %d has used %lld, the "
                         "store has %lld", d, i, n,
                         (long long) c->used[n][d], (long long) sum);
                }
            }
        }

        h = store_hash(i, c->period == AI_PERIOD_DAY
                          ? wall() / 1000 / DAY * DAY : 0, 0);

        for (n = 0; h && n < nnodes && c->period > 0; n++) {
            sum = store_slots(h, n, ai_window_slot(c->period, wall())
                                    - AI_WINDOW_SLOTS);

            if (kind <= MORE || kind == OUTAGE
                ? sum != truth_sum(i, n) : sum < truth_sum(i, n))
            {
                fail("counter %d (period %d): node %d has used %lld, the "
                     "store has %lld", i, c->period, n,
                     (long long) truth_sum(i, n), (long long) sum);
            }
        }

        for (k = 0; h && k < OWNERS; k++) {
            if (h->lease[k].owner && h->lease[k].till > now
                && h->lease[k].amount
                && (kind < KILLS || kind == OUTAGE))
            {
                fail("node %d has %lld of counter %d, and needs nothing",
                     h->lease[k].node, (long long) h->lease[k].amount, i);
            }
        }
    }
}


/* all that is free can be had, by any node */

static void
capacity(void)
{
    int         i, n;
    int64_t     free, was;
    request_t  *r;

    for (i = 0; i < ncounters; i++) {
        n = (int) rnd((uint32_t) nnodes);
        free = counter[i].limit - truth_total(i);

        if (free <= 0 || wrong[0]) {
            continue;
        }

        r = &request[0];

        memset(r, 0, sizeof(request_t));
        r->state = 1;
        r->node = n;
        r->since = now;
        r->n = 1;
        r->counter[0] = i;
        r->amount[0] = free;

        was = admitted;
        request_try(r);
        run_until(now + 3000);

        if (admitted == was) {
            fail("%lld of %lld of counter %d (period %d) are free, and node "
                 "%d is refused", (long long) free,
                 (long long) counter[i].limit, i, counter[i].period, n);
        }
    }
}


static void
run(uint64_t number)
{
    int64_t  next;

    start(number);

    next = now;

    while (now < stop && !wrong[0]) {
        request_new();

        if (rnd(10) == 0) {
            disaster();
        }

        /* some are busy, some are not */

        next = now + (rnd(20) ? rnd(150) : rnd(4000));
        run_until(ai_min(next, stop));
    }

    stop = NEVER;

    run_until(now + 15000 + (kind == ALL ? 40000 : 0));

    if (!wrong[0]) {
        quiet();
    }

    /* leases of those that were killed, and what a store that was restored
     * has of slots that were given back */

    if (kind >= KILLS && kind != OUTAGE) {
        run_until(now + 65000);
    }

    delay = 5;

    if (!wrong[0]) {
        capacity();
    }
}


int
main(int argc, char **argv)
{
    int       bad, n;
    uint64_t  number;

    n = argc > 1 ? atoi(argv[1]) : SEEDS;
    trace = argc > 2;
    number = trace ? strtoull(argv[2], NULL, 10) : 0;

    for (bad = 0; n && bad < 20; n--, number++) {
        run(number);

        if (wrong[0]) {
            diag("seed %llu, kind %d: %s", (unsigned long long) number,
                 (int) kind, wrong);
            bad++;
        }
    }

    mem_reset();

    is_int(bad, 0, "%llu runs", (unsigned long long) number);

    ok(trace || (admitted > 20 * (int64_t) number
                 && refused > (int64_t) number),
       "%lld were admitted, %lld refused, %lld had no answer",
       (long long) admitted, (long long) refused, (long long) given_up);

    return done();
}
