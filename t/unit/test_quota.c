
/*
 * What is used of a limit, against models that keep every request by itself:
 * windows that slide and those of the calendar, clocks that jump, the table
 * and its file.
 */

#include <tap.h>
#include <mem.h>

#include <base/ai_hash.h>
#include <limit/ai_quota.h>


#define DAY   86400LL
#define T0    1795305600LL          /* 2026-11-22 00:00:00 UTC, a Sunday */

#define TICKETS  64
#define EVENTS   4096


typedef struct {
    int64_t            window;
    int64_t            amount;
    int                open;
} ticket_t;


static uint64_t    seed = 0x5eed;
static ai_redo_t   redo;


static uint32_t
rnd(uint32_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;

    return (uint32_t) (seed >> 33) % n;
}


static ai_str_t
str(const char *s)
{
    return (ai_str_t) { strlen(s), (ai_char_t *) s };
}


static ai_quota_t *
get(ai_quotas_t *t, const char *name, ai_unit_e unit, int32_t period,
    int64_t now_ms)
{
    ai_str_t    key;
    ai_uint_t   made;
    ai_quota_t *q;

    key = str(name);
    q = ai_quotas_get(t, mem_pool(),
                      ai_quota_id(ai_hash(key.data, key.len), unit, period),
                      &key, unit, period, now_ms, &made);

    if (q) {
        ai_quota_roll(q, NULL, now_ms, &redo);
    }

    return q;
}


/* rolled, checked, and taken if it fits */

static int
take(ai_quota_t *q, int64_t limit, int64_t amount, int64_t now_ms,
    ai_quota_claim_t *c)
{
    int  fits;

    memset(c, 0, sizeof(ai_quota_claim_t));
    c->quota = q;
    c->limit = limit;
    c->amount = amount;

    ai_quota_roll(q, NULL, now_ms, &redo);
    ai_redo_begin(&redo);

    fits = ai_quota_check(c, now_ms, &redo);

    if (fits) {
        ai_quota_take(c, &redo);
        ai_redo_commit(&redo);
    }

    return fits;
}


static void
settle(ai_quota_t *q, int64_t window, int64_t reserved, int64_t used)
{
    ai_redo_begin(&redo);
    ok(ai_quota_settle(q, window, reserved, used, &redo) == AI_OK, "settled");
    ai_redo_commit(&redo);
}


static ai_quota_window_t
look(ai_quota_t *q, int64_t now_ms)
{
    ai_quota_window_t  w;

    ai_quota_look(q, NULL, now_ms, &w);

    return w;
}


/* never more than the limit in any time of the period's length, and all that
 * fits is let in */

static void
test_slide(int32_t period, int64_t limit)
{
    int               i, k, n, bad, over;
    int64_t           now, sum, slot, start, amount, used;
    ai_quota_t       *q;
    ai_quotas_t      *t;
    ai_quota_claim_t  c;

    static int64_t    at[EVENTS], took[EVENTS];
    static ticket_t   ticket[TICKETS];
    static int        event[TICKETS];

    mem_reset();
    memset(ticket, 0, sizeof(ticket));

    now = T0 * 1000;
    t = ai_quotas_create(mem_pool(), 1, 0);
    q = get(t, "key", AI_UNIT_TOKENS, period, now);
    bad = 0;
    over = 0;

    for (i = 0, n = 0; i < EVENTS; i++) {
        now += rnd((uint32_t) period * 40);

        k = (int) rnd(TICKETS);

        if (ticket[k].open) {

            /* what was not needed is given back, if it has not slid out */

            used = rnd((uint32_t) ticket[k].amount + 1);

            settle(q, ticket[k].window, ticket[k].amount, used);
            took[event[k]] = used;
            ticket[k].open = 0;
        }

        amount = rnd((uint32_t) limit / 4 + 1);
        slot = ai_window_slot(period, now);

        for (k = 0, sum = 0; k < n; k++) {
            sum += slot - ai_window_slot(period, at[k]) <= AI_WINDOW_SLOTS
                   ? took[k] : 0;
        }

        if (take(q, limit, amount, now, &c) != (sum + amount <= limit)
            || c.used != sum || c.remaining != limit - sum)
        {
            bad++;
        }

        if (sum + amount > limit) {

            if (c.wait <= 0 || c.wait > period * 1000LL + period * 20) {
                bad++;
            }

            continue;
        }

        if (look(q, now).used != sum + amount) {
            bad++;
        }

        at[n] = now;
        took[n] = amount;

        for (k = 0; k < TICKETS && ticket[k].open; k++) { /* void */ }

        if (k < TICKETS) {
            ticket[k].open = 1;
            ticket[k].window = c.window;
            ticket[k].amount = amount;
            event[k] = n;
        }

        n++;
    }

    /* by times, not by slots */

    for (i = 0; i < n; i++) {
        start = at[i];

        for (k = i, sum = 0; k < n && at[k] < start + period * 1000LL; k++) {
            sum += took[k];
        }

        over += (sum > limit);
    }

    is_int(bad, 0, "slides, %d s: as the model has it", period);
    is_int(over, 0, "no %d s have more than %ld", period, (long) limit);
    ok(n > 100, "%d got in", n);
}


/* requests end in the window they began in; the clock goes from one day to the
 * other and back */

static void
test_calendar(void)
{
    int               i, k, day, bad;
    int64_t           now, limit, amount, used, sum[2000], reserved[2000];
    ai_quota_t       *q;
    ai_quotas_t      *t;
    ai_quota_claim_t  c;

    static ticket_t   ticket[TICKETS];

    mem_reset();
    memset(ticket, 0, sizeof(ticket));
    memset(sum, 0, sizeof(sum));
    memset(reserved, 0, sizeof(reserved));

    limit = 10000;
    day = 1;
    t = ai_quotas_create(mem_pool(), 1, 0);
    q = get(t, "key", AI_UNIT_COST, AI_PERIOD_DAY, (T0 + DAY) * 1000);
    bad = 0;

    for (i = 0; i < 100000 && day < 1990; i++) {

        if (rnd(100) == 0) {
            day++;

        } else if (rnd(200) == 0 && day > 1
                   && q->u.win[1].start == T0 + (day - 1) * DAY)
        {
            day--;
        }

        now = (T0 + day * DAY) * 1000 + rnd(86400000);
        k = (int) rnd(TICKETS);

        if (ticket[k].open) {
            used = rnd((uint32_t) ticket[k].amount * 2);

            settle(q, ticket[k].window, ticket[k].amount, used);

            reserved[(ticket[k].window - T0) / DAY] -= ticket[k].amount;
            sum[(ticket[k].window - T0) / DAY] += used;
            ticket[k].open = 0;
        }

        amount = 1 + rnd(1000);

        if (take(q, limit, amount, now, &c)
            != (sum[day] + reserved[day] + amount <= limit)
            || c.used != sum[day] + reserved[day]
            || c.window != T0 + day * DAY)
        {
            bad++;
        }

        if (sum[day] + reserved[day] + amount > limit) {

            bad += (c.wait <= 0);
            bad += (c.exhausted != (sum[day] + amount > limit));
            continue;
        }

        if (ticket[k].open) {
            bad++;
        }

        ticket[k].open = 1;
        ticket[k].window = c.window;
        ticket[k].amount = amount;
        reserved[day] += amount;
    }

    is_int(bad, 0, "days, to %d: as the model has it", day);
    ok(day > 100, "days went by");
}


/* F47, F48 */

static void
test_jumps(void)
{
    int64_t           now, slot, back;
    ai_quota_t       *q;
    ai_quotas_t      *t;
    ai_quota_claim_t  c, d;

    mem_reset();

    now = (T0 + 1000) * 1000;
    t = ai_quotas_create(mem_pool(), 1, 0);

    /* +1 day and back */

    q = get(t, "day", AI_UNIT_COST, AI_PERIOD_DAY, now);
    ok(take(q, 100, 80, now, &c), "80 of today's 100");
    ok(take(q, 100, 90, now + DAY * 1000, &d), "90 of tomorrow's");
    ok(!take(q, 100, 30, now, &d), "no second today");
    is_int(d.remaining, 20, "20 are left");
    settle(q, c.window, 80, 50);
    ok(take(q, 100, 50, now, &d), "what it has given back");
    is_int(look(q, now).used, 50, "used");
    is_int(look(q, now).reserved, 50, "reserved");
    ok(!take(q, 100, 20, now + DAY * 1000, &d), "no second tomorrow");

    /* far ahead, twice, and back: what it has used is lost, but not the
     * time */

    ok(take(q, 100, 60, now + 400 * DAY * 1000, &c), "in a year");
    settle(q, c.window, 60, 60);
    ok(take(q, 100, 30, now + 401 * DAY * 1000, &c), "and a day");
    settle(q, c.window, 30, 30);
    ok(!take(q, 100, 20, now, &d), "back: the 90 count");
    is_int(d.remaining, 10, "10 are left");
    ok(take(q, 100, 90, now + DAY * 1000, &d), "tomorrow is another day");

    /* across the edge */

    now = (T0 + DAY) * 1000;
    q = get(t, "edge", AI_UNIT_COST, AI_PERIOD_DAY, now - 1);
    ok(take(q, 100, 100, now - 1, &c), "the last moment of a day");
    ok(take(q, 100, 100, now, &d), "the first one of the next");
    settle(q, c.window, 100, 70);
    is_int(look(q, now).used, 0, "the one before has it");
    is_int(look(q, now).reserved, 100, "what runs");
    settle(q, d.window, 100, 40);
    is_int(look(q, now).used, 40, "of this one");
    ok(take(q, 100, 30, now - 1, &d), "the clock is set back");
    is_int(d.used, 70, "the day before is found again");
    settle(q, d.window, 30, 30);

    /* long over: it is booked nowhere */

    ok(take(q, 100, 1, now + 3 * DAY * 1000, &d), "three days later");
    settle(q, c.window, 100, 70);
    is_int(look(q, now + 3 * DAY * 1000).used, 0, "nothing of that");
    is_int(look(q, now + 3 * DAY * 1000).reserved, 1, "this one's stands");

    /* a minute that slides */

    now = T0 * 1000;
    q = get(t, "minute", AI_UNIT_REQUESTS, 60, now);
    ok(take(q, 100, 40, now, &c), "40 of 100");
    ok(!take(q, 100, 70, now - 1000, &d), "a second back: they count");
    ok(!take(q, 100, 70, now - 3600000, &d), "an hour back: they count");
    ok(take(q, 100, 60, now - 3600000, &d), "60 more fit");
    ok(!take(q, 100, 70, now - 3600000 + 58000, &d), "for a minute");
    settle(q, c.window, 40, 10);
    is_int(look(q, now - 3600000 + 58000).used, 70, "what is given back");
    settle(q, ai_window_slot(60, now + 1000), 0, 5);
    is_int(look(q, now - 3600000 + 58000).used, 75,
           "of times to come: counts now");
    ok(take(q, 100, 70, now - 3600000 + 62000, &d), "and no longer");
    ok(take(q, 100, 30, now + 86400000, &d), "a day ahead: all is over");
    slot = d.window;
    settle(q, slot + 1, 0, 7);
    is_int(q->u.slide.newest, slot + 1, "of elsewhere, a moment ahead");
    is_int(look(q, now + 86400000).used, 37, "it counts");

    /* set back by all of the window, by half of it, by next to nothing: what
     * was used holds for no more than a window, and an eighth */

    for (back = 3600; back > 4; back /= 2) {
        q = get(t, "hour", AI_UNIT_REQUESTS, 3600, now);
        ok(take(q, 100, 90, now, &c), "90 of 100");
        ok(!take(q, 100, 20, now - back * 1000, &d), "back: they count");
        ok(take(q, 100, 100, now - back * 1000 + 3660000 + 450000, &d),
           "and not for ever");
        now += DAY * 1000;
    }

    /* workers that look at their clocks at different times */

    q = get(t, "second", AI_UNIT_REQUESTS, 1, now);
    ok(take(q, 100, 90, now, &c), "90 of 100");
    ok(!take(q, 100, 20, now - 900, &d), "a worker that is behind");
    ok(take(q, 100, 100, now + 1016, &d), "takes no time");
}


static void
test_claims(void)
{
    ai_quota_t        *q;
    ai_quotas_t       *t;
    ai_quota_claim_t   c;

    mem_reset();

    t = ai_quotas_create(mem_pool(), 1, 0);
    q = get(t, "k", AI_UNIT_TOKENS, AI_PERIOD_DAY, T0 * 1000);

    ok(!take(q, 0, 0, T0 * 1000, &c), "a limit of nothing");
    ok(!take(q, 0, 1, T0 * 1000, &c), "lets nothing in");
    ok(take(q, 10, 5000, T0 * 1000, &c), "more than it, when it is new");
    is_int(c.amount, 10, "takes all of it");
    ok(!take(q, 10, 1, T0 * 1000, &c), "then nothing fits");
    is_int(c.exhausted, 0, "but may");
    is_int(c.wait, 1000, "soon");
    ok(take(q, 10, 0, T0 * 1000, &c), "what is free is given");
    settle(q, c.window, 10, INT64_MAX);
    is_int(look(q, T0 * 1000).used, INT64_MAX, "a provider that lies");
    ok(!take(q, AI_LIMIT_MAX, 1, T0 * 1000, &c), "no overflow");
    is_int(c.remaining, 0, "nothing is left");
    is_int(c.exhausted, 1, "until midnight");
    is_int(c.wait, DAY * 1000, "that long");
    settle(q, c.window, INT64_MAX, INT64_MAX);
    is_int(look(q, T0 * 1000).reserved, 0, "never below nothing");

    q = get(t, "l", AI_UNIT_TOKENS, 60, T0 * 1000);
    ok(take(q, AI_LIMIT_MAX, INT64_MAX, T0 * 1000, &c), "a large one");
    is_int(c.amount, AI_LIMIT_MAX, "at most");
    ok(!take(q, AI_LIMIT_MAX, 1, T0 * 1000, &c), "is used");
    settle(q, c.window, 1, INT64_MAX);
    ok(!take(q, AI_LIMIT_MAX, INT64_MAX, T0 * 1000, &c), "no overflow");

    q = get(t, "m", AI_UNIT_CONCURRENCY, AI_PERIOD_NONE, T0 * 1000);
    ok(take(q, 1, 1, T0 * 1000, &c), "one at a time");
    ok(!take(q, 1, 1, T0 * 1000 + 900 * DAY * 1000, &c), "however long");
    settle(q, 0, 1, 0);
    ok(take(q, 1, 1, T0 * 1000, &c), "then the next");
    settle(q, 0, 1, 0);
    settle(q, 0, 1, 0);
    is_int(look(q, T0 * 1000).reserved, 0, "never below nothing");

    q = get(t, "n", AI_UNIT_TOKENS, AI_PERIOD_DAY, T0 * 1000);
    settle(q, INT64_MAX, 0, 5);
    settle(q, INT64_MIN, 0, 5);
    ok(take(q, 10, 10, T0 * 1000, &c), "windows that cannot be are left");
}


/* a zone that is full: what is over goes, what counts stays */

static size_t  room;


static void *
some_alloc(void *data, size_t size)
{
    if (room < size) {
        return NULL;
    }

    room -= size;

    return mem_alloc(data, size);
}


static void
some_free(void *data, void *p)
{
    room += ((mem_block_t *) p - 1)->size;
    mem_free(data, p);
}


static void
test_table(void)
{
    int               i, kept, refused, known;
    char              name[300];
    int64_t           now;
    size_t            n;
    ai_str_t          key;
    uint64_t          id;
    ai_uint_t         made;
    ai_pool_t         pool = { some_alloc, some_free, NULL };
    ai_quota_t       *q;
    ai_quotas_t      *t;
    ai_quota_claim_t  c;

    static const int32_t  periods[] = { AI_PERIOD_DAY, AI_PERIOD_WEEK,
                                        AI_PERIOD_MONTH, 60, 3600 };

    mem_reset();

    room = 60000;
    now = (T0 + 1000) * 1000;
    t = ai_quotas_create(&pool, 10, 0);
    refused = 0;
    known = 0;

    /* keys at random, a second each; every eighth has spent in all periods */

    for (i = 0; i < 4000; i++, now += 1000) {
        snprintf(name, sizeof(name), "key-%u", rnd(1000000));
        key = str(name);
        id = ai_quota_id(ai_hash(key.data, key.len), AI_UNIT_TOKENS, 60);

        q = ai_quotas_get(t, &pool, id, &key, AI_UNIT_TOKENS, 60, now, &made);
        known += (q == NULL);

        if (q) {
            (void) take(q, 10, 1, now, &c);
            settle(q, c.window, 1, 1);
        }
    }

    is_int(known, 0, "keys of a minute: the old ones go");
    ok(ai_quotas_count(t) < 100, "%zu are there", ai_quotas_count(t));

    room = 30000;
    t = ai_quotas_create(&pool, 10, 0);
    now = (T0 + 1000) * 1000;

    for (i = 0; i < 5; i++) {
        key = str("budget");
        q = ai_quotas_get(t, &pool, ai_quota_id(7, AI_UNIT_COST, periods[i]),
                          &key, AI_UNIT_COST, periods[i], now, &made);
        is_int(made, 1, "new");
        ok(take(q, 100, 60, now, &c), "a budget");
        settle(q, c.window, 60, 60);
    }

    /* as a ledger leaves it, the end not known yet */

    q = ai_quotas_get(t, &pool, 99, &key, AI_UNIT_COST, AI_PERIOD_DAY, now,
                      &made);
    settle(q, T0, 0, 60);

    /* the clock is set back a day, after it was ahead */

    q = ai_quotas_get(t, &pool, 98, &key, AI_UNIT_COST, 60, now, &made);
    ok(take(q, 100, 60, now + DAY * 1000, &c), "ahead");

    for (i = 0, kept = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "%0*d", 5 + (int) rnd(250), i);
        key = str(name);
        id = ai_quota_id(ai_hash(key.data, key.len), AI_UNIT_COST,
                         periods[i % 5]);

        q = ai_quotas_get(t, &pool, id, &key, AI_UNIT_COST, periods[i % 5],
                          now, &made);

        if (q == NULL) {
            refused++;
            continue;
        }

        kept++;
        ai_quota_roll(q, NULL, now, &redo);
    }

    ok(kept > 10, "%d found room", kept);
    is_int(kept + refused, 10000, "the others are told so");

    for (i = 0; i < 5; i++) {
        q = ai_quotas_find(t, ai_quota_id(7, AI_UNIT_COST, periods[i]));

        if (q == NULL) {
            ok(0, "budget %d is there", periods[i]);
            continue;
        }

        ok(!take(q, 100, 60, now, &c) && c.used == 60, "budget %d is known",
           periods[i]);
    }

    q = ai_quotas_find(t, 99);
    ok(q && look(q, now).used == 60, "so is one from a ledger");
    ok(q && !take(q, 100, 60, now, &c), "and counts");
    q = ai_quotas_find(t, 98);
    ok(q && !take(q, 100, 60, now, &c), "so is one of a clock ahead");

    for (q = ai_quotas_next(t, NULL), n = 0; q; q = ai_quotas_next(t, q)) {
        n++;
    }

    is_int(n, ai_quotas_count(t), "all of them are walked");

    /* next month there is room for everybody; nobody leaves who runs */

    q = ai_quotas_find(t, ai_quota_id(7, AI_UNIT_COST, AI_PERIOD_DAY));
    ok(take(q, 100, 40, now, &c), "one runs");

    now += 40 * DAY * 1000;

    for (i = 0, refused = 0; i < 1000; i++, now += 100000) {
        key = str("later");
        refused += ai_quotas_get(t, &pool, 100000 + i, &key, AI_UNIT_COST, 60,
                                 now, &made)
                   == NULL;
    }

    is_int(refused, 0, "later all find room");
    ok(ai_quotas_find(t, ai_quota_id(7, AI_UNIT_COST, AI_PERIOD_DAY)) == q,
       "a reservation holds its counter");
}


static ai_quotas_t *
filled(int64_t now)
{
    int                i;
    char               name[16];
    ai_quotas_t       *t;
    ai_quota_t        *q;
    ai_quota_claim_t   c;

    static const int32_t  periods[] = { AI_PERIOD_DAY, AI_PERIOD_WEEK,
                                        AI_PERIOD_MONTH, 60, 0 };

    t = ai_quotas_create(mem_pool(), 1, 0);

    for (i = 0; t && i < 20; i++) {
        snprintf(name, sizeof(name), "k%d", i);
        q = get(t, name, periods[i % 5] ? AI_UNIT_COST : AI_UNIT_CONCURRENCY,
                periods[i % 5], now);

        if (q) {
            q->limit = 1000 + i;
            (void) take(q, 1000, 100 + i, now, &c);
            settle(q, c.window, 90, 90);
        }
    }

    return t;
}


static ai_int_t
load(ai_quotas_t *t, ai_str_t in, int64_t now)
{
    ai_int_t     rc, worst;
    ai_unpack_t  u;

    worst = AI_OK;

    while (ai_unpack(&in, &u) == AI_OK) {
        (void) ai_unpack_int(&u);
        rc = ai_quotas_load(t, mem_pool(), &u, now);
        worst = rc != AI_OK ? rc : worst;
    }

    return worst;
}


static void
test_file(void)
{
    int                n;
    int64_t            now;
    size_t             i, rows, bad;
    ai_buf_t           b;
    ai_str_t           s;
    ai_int_t           rc;
    ai_quota_t        *q, *o;
    ai_quotas_t       *t, *u;
    ai_quota_window_t  was, is;

    now = (T0 + 1000) * 1000;

    mem_reset();
    t = filled(now);
    ai_buf_init(&b, mem_pool());
    ai_quotas_save(t, 77, &b);
    ok(!b.failed, "saved");
    s = ai_buf_str(&b);

    u = ai_quotas_create(mem_pool(), 1, 0);
    is_int(load(u, s, now), AI_OK, "loaded");

    for (q = ai_quotas_next(t, NULL), rows = 0, bad = 0;
         q;
         q = ai_quotas_next(t, q))
    {
        o = ai_quotas_find(u, q->id);

        if (q->period == AI_PERIOD_NONE) {
            bad += (o != NULL);
            continue;
        }

        if (o == NULL) {
            bad++;
            continue;
        }

        rows++;
        was = look(q, now);
        is = look(o, now);

        bad += (was.used != is.used || is.reserved != 0
                || was.start != is.start || was.end != is.end
                || o->limit != q->limit || o->unit != q->unit
                || o->key_len != q->key_len || o->period != q->period);
    }

    is_int(bad, 0, "as it was, but for what is reserved");
    is_int(rows, 16, "all that have a period");
    is_int(ai_quotas_count(u), 16, "and no others");

    /* a clock that was ahead when it was saved */

    u = ai_quotas_create(mem_pool(), 1, 0);
    is_int(load(u, s, now - 100 * DAY * 1000), AI_OK, "loaded, long before");

    for (q = ai_quotas_next(u, NULL), bad = 0; q; q = ai_quotas_next(u, q)) {
        if (ai_quota_is_sliding(q)) {
            ai_quota_roll(q, NULL, now - 100 * DAY * 1000, &redo);
            bad += (look(q, now - 100 * DAY * 1000).used < 100);
        }
    }

    is_int(bad, 0, "what slides counts as of now");

    for (i = 0; i < s.len; i++) {
        u = ai_quotas_create(mem_pool(), 1, 0);
        (void) load(u, (ai_str_t) { i, guard_copy((char *) s.data, i) }, now);

        if (i % 100 == 0) {
            guard_free();
        }
    }

    guard_free();

    for (n = 1; n < 1000; n++) {
        mem_reset();
        ai_buf_init(&b, mem_pool());
        t = filled(now);
        ai_quotas_save(t, 1, &b);

        mem_fail_at((size_t) n);
        u = ai_quotas_create(mem_pool(), 1, 0);
        rc = u ? load(u, ai_buf_str(&b), now) : AI_ERROR;

        if (!mem_failed()) {
            break;
        }

        ok(rc == AI_ERROR, "allocation %d fails", n);
        mem_fail_never();
    }

    ok(n > 20, "%d allocations", n);
    mem_reset();
}


static void
test_id(void)
{
    int       unit, same;
    size_t    i, j, n;
    int32_t   period;
    uint64_t  id[100];

    n = 0;

    for (unit = 0; unit < AI_UNIT_MAX; unit++) {
        for (period = AI_PERIOD_MONTH; period < 10; period++) {
            id[n++] = ai_quota_id(5, (ai_unit_e) unit, period);
        }
    }

    for (i = 0, same = 0; i < n; i++) {
        for (j = i + 1; j < n; j++) {
            same += (id[i] == id[j]);
        }
    }

    is_int(same, 0, "units and periods have ids of their own");
}


int
main(void)
{
    test_slide(1, 100);
    test_slide(60, 1000);
    test_slide(3600, 1000000);
    test_calendar();
    test_jumps();
    test_claims();
    test_table();
    test_file();
    test_id();

    return done();
}
