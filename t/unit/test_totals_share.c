
/*
 * What nodes tell of their totals, and how it is put together: texts; cells
 * that come and grow old, told to a store that loses some of it; rows of
 * several nodes against those of one that has had all of it.
 */

#include <tap.h>
#include <mem.h>

#include <stdio.h>

#include <store/ai_totals_int.h>
#include <store/ai_totals_share.h>


#define HOUR    3600
#define DAY     86400
#define T0      1795305600LL        /* 2026-11-22 00:00:00 UTC */

#define NODES   3
#define SERIES  40
#define CELLS   20000


static uint64_t  seed = 0x5eed;


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


/* one of SERIES combinations */

static void
dims(ai_str_t dim[AI_DIM_MAX], int n)
{
    int   i;

    static char  name[AI_DIM_MAX][16];

    for (i = 0; i < AI_DIM_MAX; i++) {
        snprintf(name[i], sizeof(name[i]), "%c%d", 'a' + i,
                 i == 3 ? 0 : n / (1 + i) % 7);
        dim[i] = str(name[i]);
    }

    if (n % 5 == 0) {
        dim[AI_DIM_USER].len = 0;
    }

    snprintf(name[0], sizeof(name[0]), "key%d", n);
    dim[AI_DIM_KEY] = str(name[0]);
}


static void
test_texts(void)
{
    int            i, same;
    size_t         n;
    int64_t        next;
    uint64_t       id;
    ai_str_t       s;
    ai_char_t      text[AI_TOLD_TEXT];
    ai_amounts_t   a, b;

    static const struct {
        const char  *text;
        ai_int_t     rc;
        int64_t      requests;
        int64_t      cost;
        int64_t      saved;
    } cases[] = {
        { "", AI_OK, 0, 0, 0 },
        { "1", AI_OK, 1, 0, 0 },
        { "12,,,34,,,,,56", AI_OK, 12, 56, 0 },
        { ",,,,,,,,9223372036854775807,5", AI_OK, 0, INT64_MAX, 5 },
        { ",,,,,,,,9223372036854775808", AI_ERROR, 0, 0, 0 },
        { ",,,,,,,,99999999999999999999", AI_ERROR, 0, 0, 0 },
        { "1,,,,,,,,2,3,4,x", AI_OK, 1, 2, 3 },
        { "-1", AI_ERROR, 0, 0, 0 },
        { "1 ", AI_ERROR, 0, 0, 0 },
        { "1,a", AI_ERROR, 0, 0, 0 },
    };

    for (i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++) {
        s = guard_str(cases[i].text, strlen(cases[i].text));
        is_int(ai_told_read(&s, &a), cases[i].rc, "read \"%s\"",
               cases[i].text);

        if (cases[i].rc == AI_OK) {
            ok(a.requests == cases[i].requests && a.cost == cases[i].cost
               && a.saved == cases[i].saved, "what it says");
        }
    }

    memset(&a, 0, sizeof(a));
    is_int(ai_told_text(text, &a), 0, "nothing");

    a.requests = 12;
    a.prompt = 340;
    a.cost = 56;
    n = ai_told_text(text, &a);
    is_mem(text, n, "12,,,340,,,,,56", 15, "some");

    a.prompt = -5;
    n = ai_told_text(text, &a);
    is_mem(text, n, "12,,,,,,,,56", 12, "less than nothing is nothing");

    for (i = 0; i < (int) AI_AMOUNTS_N; i++) {
        ((int64_t *) &a)[i] = INT64_MAX;
    }

    ok(ai_told_text(text, &a) <= AI_TOLD_TEXT, "the longest");

    for (i = 0, same = 0; i < 2000; i++) {
        for (n = 0; n < AI_AMOUNTS_N; n++) {
            ((int64_t *) &a)[n] = rnd(3) ? 0
                                  : (int64_t) rnd(1000000000) * rnd(1000000);
        }

        s = guard_str(text, ai_told_text(text, &a));
        same += ai_told_read(&s, &b) == AI_OK
                && memcmp(&a, &b, sizeof(a)) == 0;

        if (i % 100 == 0) {
            guard_free();
        }
    }

    is_int(same, 2000, "and back");

    ai_told_id(text, 0x0123456789abcdefULL);
    is_mem(text, AI_TOLD_ID, "0123456789abcdef", 16, "id");
    s = guard_str(text, 16);
    ok(ai_told_id_read(&s, &id) == AI_OK && id == 0x0123456789abcdefULL,
       "and back");

    s = str("0123456789abcdeg");
    is_int(ai_told_id_read(&s, &id), AI_ERROR, "no digit");
    s = str("0123456789ABCDEF");
    is_int(ai_told_id_read(&s, &id), AI_ERROR, "large letters");
    s = str("0123456789abcde");
    is_int(ai_told_id_read(&s, &id), AI_ERROR, "too short");
    s = str("0000000000000000");
    is_int(ai_told_id_read(&s, &id), AI_ERROR, "no series");

    n = ai_told_period(text, T0 + 14 * HOUR, HOUR);
    is_mem(text, n, "20261122T14", 11, "an hour");
    n = ai_told_period(text, T0, DAY);
    is_mem(text, n, "20261122", 8, "a day");

    next = ai_told_month(text, T0 + 5);
    is_mem(text, 6, "202611", 6, "a month");
    is_int(next, 1796083200, "which ends so");
    is_int(ai_told_month(text, 1798761599), 1798761600, "a year");
    is_mem(text, 6, "202612", 6, "its last month");
    is_int(ai_told_month(text, 1835395200), 1835481600, "a leap day");
    is_int(ai_told_month(text, 0), 31 * DAY, "the first");
    ok(ai_told_month(text, INT64_MAX) > 0, "the last");

    guard_free();
}


/* a store: cells, the larger amounts of each */

typedef struct {
    size_t      n;
    ai_told_t   cell[CELLS];
} store_t;


static store_t  store[NODES];


static void
store_put(store_t *to, const ai_told_t *told)
{
    size_t  i, k;

    for (i = 0; i < to->n; i++) {
        if (to->cell[i].id == told->id && to->cell[i].at == told->at
            && to->cell[i].step == told->step)
        {
            break;
        }
    }

    if (i == to->n) {
        if (to->n == CELLS) {
            return;
        }

        to->cell[to->n++] = *told;
        return;
    }

    for (k = 0; k < AI_AMOUNTS_N; k++) {
        if (((const int64_t *) &told->amounts)[k]
            > ((int64_t *) &to->cell[i].amounts)[k])
        {
            ((int64_t *) &to->cell[i].amounts)[k]
                                = ((const int64_t *) &told->amounts)[k];
        }
    }
}


/* tells; some calls get lost, of these it is not known whether they did */

static void
tell(ai_totals_t *t, ai_redo_t *redo, store_t *to, uint32_t lose)
{
    size_t     i, n, rounds;
    ai_told_t  told[64];

    for (rounds = 0; rounds < 100000; rounds++) {
        ai_totals_round(t, redo);

        n = ai_totals_tell(t, redo, told, rnd(2) ? 64 : AI_TOLD_MIN);

        if (n == 0 && ai_totals_untold(t) == 0) {
            return;
        }

        if (lose && rnd(lose) == 0) {
            for (i = 0; i < n; i++) {
                ai_totals_again(t, redo, &told[i]);
            }

            if (rnd(2)) {
                continue;
            }
        }

        for (i = 0; i < n; i++) {
            store_put(to, &told[i]);
        }
    }

    ok(0, "it comes to an end");
}


static void
add(ai_totals_t *t, ai_redo_t *redo, int series, int64_t at, int64_t now,
    const ai_amounts_t *a)
{
    ai_str_t   dim[AI_DIM_MAX];
    ai_uint_t  lost;

    lost = 0;
    dims(dim, series);

    ai_redo_begin(redo);
    ai_totals_add(t, mem_pool(), redo,
                  ai_totals_define(t, mem_pool(), ai_series_id(dim), dim), at,
                  now, a, &lost);
    ai_redo_commit(redo);
}


static void
age(ai_totals_t *t, ai_redo_t *redo, int64_t now)
{
    while (ai_totals_age(t, mem_pool(), redo, now, 0) == AI_AGAIN) {
        /* void */
    }
}


static int
row_is(const ai_totals_row_t *a, const ai_totals_row_t *b)
{
    int  i;

    for (i = 0; i < AI_DIM_MAX; i++) {
        if (!ai_str_eq(&a->dim[i], &b->dim[i])) {
            return 0;
        }
    }

    return a->from == b->from && a->step == b->step
           && memcmp(&a->amounts, &b->amounts, sizeof(ai_amounts_t)) == 0;
}


/* rows of the first node and of what the others have told, and those of a
 * node that has all */

static int
merged(const ai_totals_t *own, const ai_totals_t *all,
    const ai_totals_query_t *q)
{
    int                i;
    size_t             k, n, m;
    ai_str_t           dim[AI_DIM_MAX];
    ai_told_t         *c;
    ai_merge_t        *merge;
    ai_totals_row_t   *rows, *want;

    merge = ai_merge_create(q, mem_pool(), 100000, 1000);

    if (merge == NULL || ai_merge_totals(merge, own) != AI_OK) {
        return 0;
    }

    for (i = 1; i < NODES; i++) {
        for (k = 0; k < store[i].n; k++) {
            c = &store[i].cell[k];

            if (c->at >= q->hours ? (c->step == HOUR) != (q->step == HOUR)
                                  : c->step == HOUR)
            {
                continue;
            }

            if (ai_merge_add(merge, c) == AI_OK) {
                continue;
            }

            if (ai_merge_is_known(merge, c->id)
                || ai_totals_names(all, c->id, dim) != AI_OK
                || ai_merge_define(merge, c->id, dim) != AI_OK
                || ai_merge_add(merge, c) != AI_OK)
            {
                return 0;
            }
        }
    }

    rows = ai_merge_rows(merge, &n);

    if (ai_totals_query(all, q, mem_pool(), 100000, &want, &m) != AI_OK
        || n != m)
    {
        diag("%d rows, not %d", (int) n, (int) m);
        return 0;
    }

    ai_totals_sort(rows, n);
    ai_totals_sort(want, n);

    for (k = 0; k < n; k++) {
        if (!row_is(&rows[k], &want[k])) {
            diag("row %d of %d: %lld, not %lld", (int) k, (int) n,
                 (long long) rows[k].amounts.cost,
                 (long long) want[k].amounts.cost);
            return 0;
        }
    }

    return 1;
}


static void
test_model(void)
{
    int                 i, n, day, good, series;
    int64_t             now, at;
    uint64_t            cursor;
    ai_str_t            dim[AI_DIM_MAX];
    ai_totals_t        *t[NODES], *all;
    ai_amounts_t        a;
    ai_totals_query_t   q;

    static ai_redo_t    redo;

    mem_reset();

    for (i = 0; i < NODES; i++) {
        t[i] = ai_totals_create(mem_pool());
        is_int(ai_totals_share(t[i], &redo, 1), AI_OK, "a node");
    }

    all = ai_totals_create(mem_pool());
    now = T0 + 5 * HOUR;

    for (day = 0; day < 40; day++) {

        for (n = 0; n < 150; n++) {
            i = (int) rnd(NODES);
            series = (int) rnd(SERIES);
            at = now - rnd(4) * HOUR;

            if (rnd(50) == 0) {
                at -= rnd(6) * DAY;
            }

            memset(&a, 0, sizeof(a));
            a.requests = 1;
            a.prompt = rnd(1000);
            a.cost = rnd(1000000);

            add(t[i], &redo, series, at, now, &a);
            add(all, &redo, series, at, now, &a);

            now += rnd(600);

            if (rnd(40) == 0) {
                age(t[i], &redo, now);
            }

            if (rnd(30) == 0) {
                tell(t[i], &redo, &store[i], 3);
            }
        }

        now += rnd(8 * HOUR);

        /* its memory is lost, or a part of it */

        if (day % 7 == 3) {
            i = (int) rnd(NODES);
            store[i].n = rnd(2) ? 0 : store[i].n / 2;
            cursor = 0;

            while (ai_totals_untell(t[i], &redo, &cursor) == AI_AGAIN) {
                tell(t[i], &redo, &store[i], 5);
            }
        }

        for (i = 0; i < NODES; i++) {
            tell(t[i], &redo, &store[i], 0);
        }

        memset(&q, 0, sizeof(q));
        q.hours = now / DAY * DAY - DAY;
        q.from = T0 - 10 * DAY;
        q.to = now / DAY * DAY + DAY;
        q.group = rnd(256);
        q.step = (uint32_t [3]) { 0, HOUR, DAY }[rnd(3)];

        if (rnd(3) == 0) {
            dims(dim, (int) rnd(SERIES));
            i = (int) rnd(AI_DIM_MAX);
            q.equal[i] = dim[i];
        }

        good = merged(t[0], all, &q);
        ok(good, "day %d: group %x, step %d", day, (unsigned) q.group,
           (int) q.step);
    }

    ok(store[1].n < CELLS && store[2].n < CELLS, "the store was large enough");

    /* nothing has changed: nothing is told */

    is_int(ai_totals_untold(t[0]), 0, "all is told");
    ai_totals_round(t[0], &redo);
    is_int(ai_totals_tell(t[0], &redo, store[0].cell, 100), 0, "and no more");

    /* switched off with something in the list */

    add(t[0], &redo, 1, now, now, &a);
    add(t[0], &redo, 2, now, now, &a);
    is_int(ai_totals_untold(t[0]), 2, "two series");
    add(t[0], &redo, 2, now - HOUR, now, &a);
    is_int(ai_totals_untold(t[0]), 2, "still two");
    ai_totals_round(t[0], &redo);
    add(t[0], &redo, 3, now, now, &a);
    is_int(ai_totals_untold(t[0]), 3, "one for the next round");
    is_int(ai_totals_tell(t[0], &redo, store[0].cell, 100), 5,
           "three hours, two days");
    is_int(ai_totals_tell(t[0], &redo, store[0].cell, 100), 0, "that is all");
    ai_totals_round(t[0], &redo);
    is_int(ai_totals_share(t[0], &redo, 0), AI_OK, "off");
    is_int(ai_totals_untold(t[0]), 0, "nothing is to be told");
    add(t[0], &redo, 4, now, now, &a);
    is_int(ai_totals_untold(t[0]), 0, "nor later");

    (void) ai_totals_share(t[0], &redo, 1);
    add(t[0], &redo, 3, now, now, &a);
    is_int(ai_totals_untold(t[0]), 1, "on, with an old mark");

    /* a cell that is gone, a series that there is not */

    store[0].cell[0].id = 77;
    ai_totals_again(t[0], &redo, &store[0].cell[0]);
    dims(dim, 5);
    store[0].cell[0].id = ai_series_id(dim);
    store[0].cell[0].at = 0;
    ai_totals_again(t[0], &redo, &store[0].cell[0]);
    is_int(ai_totals_untold(t[0]), 1, "nothing of what is gone");

    mem_reset();
}


/* what there is no memory for is other's, and is told as such */

static void
test_other(void)
{
    int            i, n;
    size_t         k, got;
    int64_t        sum;
    ai_told_t      told[64];
    ai_totals_t   *t;
    ai_amounts_t   a;

    static ai_redo_t  redo;

    memset(&a, 0, sizeof(a));
    a.requests = 1;
    a.cost = 3;

    for (n = 0; n < 6; n++) {
        mem_reset();
        t = ai_totals_create(mem_pool());
        (void) ai_totals_share(t, &redo, 1);
        add(t, &redo, 1, T0, T0, &a);
        mem_fail_from(n + 1);

        for (i = 0; i < 30; i++) {
            add(t, &redo, 2 + i % 3, T0 + i * HOUR, T0 + i * HOUR, &a);
        }

        mem_fail_never();

        for (sum = 0; /* void */ ; /* void */ ) {
            ai_totals_round(t, &redo);
            got = ai_totals_tell(t, &redo, told, 64);

            if (got == 0) {
                break;
            }

            for (k = 0; k < got; k++) {
                sum += told[k].step == DAY ? told[k].amounts.requests : 0;
            }
        }

        is_int(sum, 31, "%d allocations: all is told", n);
    }

    mem_reset();
}


/* many days of one series: more than fits */

static void
test_long(void)
{
    int            i;
    size_t         n, calls, days, hours;
    ai_told_t      told[AI_TOLD_MIN];
    ai_totals_t   *t;
    ai_amounts_t   a;

    static ai_redo_t  redo;

    mem_reset();
    t = ai_totals_create(mem_pool());
    (void) ai_totals_share(t, &redo, 1);

    memset(&a, 0, sizeof(a));
    a.requests = 1;

    for (i = 0; i < 400; i++) {
        add(t, &redo, 1, T0 + i * DAY, T0 + 400 * DAY, &a);
    }

    for (i = 0; i < 48; i++) {
        add(t, &redo, 1, T0 + 398 * DAY + i * HOUR, T0 + 399 * DAY, &a);
    }

    ai_totals_round(t, &redo);
    days = 0;
    hours = 0;

    for (calls = 0; calls < 1000; calls++) {
        n = ai_totals_tell(t, &redo, told, AI_TOLD_MIN);

        for (i = 0; i < (int) n; i++) {
            days += told[i].step == DAY;
            hours += told[i].step == HOUR;
        }

        if (n == 0) {
            break;
        }
    }

    is_int(hours, 48, "hours");
    is_int(days, 400, "days");
    ok(calls > 10 && calls < 1000, "in many calls");
    is_int(ai_totals_untold(t), 0, "then it is told");

    /* an hour that is not told becomes part of a day that is */

    add(t, &redo, 2, T0, T0, &a);
    add(t, &redo, 2, T0 + HOUR, T0 + HOUR, &a);
    ai_totals_round(t, &redo);
    is_int(ai_totals_tell(t, &redo, told, AI_TOLD_MIN), 3, "two hours");
    is_int(ai_totals_tell(t, &redo, told, AI_TOLD_MIN), 0, "and a day");
    add(t, &redo, 2, T0, T0 + HOUR, &a);
    age(t, &redo, T0 + 60 * HOUR);
    ai_totals_round(t, &redo);
    is_int(ai_totals_tell(t, &redo, told, AI_TOLD_MIN), 1, "of one more");
    ok(told[0].step == DAY && told[0].at == T0
       && told[0].amounts.requests == 3, "the day is told");

    mem_reset();
}


static void
test_full(void)
{
    int                 i, n;
    ai_int_t            rc;
    ai_str_t            dim[AI_DIM_MAX];
    ai_told_t           c;
    ai_merge_t         *m;
    ai_totals_t        *t;
    ai_totals_query_t   q;

    static ai_redo_t    redo;

    memset(&q, 0, sizeof(q));
    memset(&c, 0, sizeof(c));
    q.group = 1;
    c.at = T0;
    c.step = DAY;
    c.amounts.requests = 1;

    mem_reset();
    m = ai_merge_create(&q, mem_pool(), 5, 100);

    for (i = 0, rc = AI_OK; i < 10 && rc == AI_OK; i++) {
        dims(dim, i);
        c.id = ai_series_id(dim);
        rc = ai_merge_add(m, &c);
        is_int(rc, AI_DECLINED, "series %d is not known", i);
        rc = ai_merge_define(m, c.id, dim);

        if (rc == AI_OK) {
            rc = ai_merge_add(m, &c);
        }
    }

    is_int(i, 6, "five keys");
    is_int(ai_merge_full(m), AI_MERGE_ROWS, "that would be more rows");

    m = ai_merge_create(&q, mem_pool(), 50, 5);

    for (i = 0, rc = AI_OK; i < 10 && rc == AI_OK; i++) {
        dims(dim, i);
        rc = ai_merge_define(m, ai_series_id(dim), dim);
    }

    is_int(i, 6, "five series");
    is_int(ai_merge_full(m), AI_MERGE_SERIES, "that would be more of them");

    m = ai_merge_create(&q, mem_pool(), 5, 100);
    dims(dim, 1);
    c.id = ai_series_id(dim);
    q.step = DAY;
    (void) ai_merge_define(m, c.id, dim);

    m = ai_merge_create(&q, mem_pool(), 5, 100);
    (void) ai_merge_define(m, c.id, dim);

    for (i = 0, rc = AI_OK; i < 10 && rc == AI_OK; i++) {
        c.at += DAY;
        rc = ai_merge_add(m, &c);
    }

    is_int(i, 6, "five days");
    is_int(ai_merge_full(m), AI_MERGE_ROWS, "rows again");

    /* totals that are too many by themselves */

    t = ai_totals_create(mem_pool());

    for (i = 0; i < 10; i++) {
        add(t, &redo, i, T0, T0, &c.amounts);
    }

    m = ai_merge_create(&q, mem_pool(), 5, 100);
    is_int(ai_merge_totals(m, t), AI_ERROR, "ten keys");
    is_int(ai_merge_full(m), AI_MERGE_ROWS, "are more than five");

    /* no memory, anywhere */

    for (n = 1; n < 1000; n++) {
        mem_reset();
        t = ai_totals_create(mem_pool());

        for (i = 0; i < 10; i++) {
            add(t, &redo, i, T0, T0, &c.amounts);
        }

        mem_fail_at(n);
        rc = AI_ERROR;
        m = ai_merge_create(&q, mem_pool(), 1000, 1000);

        if (m) {
            rc = ai_merge_totals(m, t);
        }

        for (i = 0; i < 300 && rc == AI_OK; i++) {
            dims(dim, i);
            c.id = ai_series_id(dim);
            rc = ai_merge_define(m, c.id, dim);

            if (rc == AI_OK) {
                rc = ai_merge_add(m, &c);
            }
        }

        if (!mem_failed()) {
            break;
        }

        if (rc != AI_ERROR || (m && ai_merge_full(m) != AI_MERGE_FITS)) {
            ok(0, "allocation %d fails", n);
        }
    }

    ok(n > 10 && n < 1000, "%d allocations failed", n - 1);

    mem_reset();
}


int
main(void)
{
    test_texts();
    test_model();
    test_other();
    test_long();
    test_full();

    return done();
}
