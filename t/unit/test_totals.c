
/*
 * Totals of spend against a model that keeps every addition by itself; without
 * memory; killed at every instruction.
 */

#include <tap.h>
#include <mem.h>

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <store/ai_totals_int.h>
#include <store/ai_totals_share.h>


#define HOUR  3600
#define DAY   86400
#define T0    1795305600LL          /* 2026-11-22 00:00:00 UTC */


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


static void
dims(ai_str_t dim[AI_DIM_MAX], const char *key, const char *team,
    const char *model, const char *provider)
{
    int  i;

    for (i = 0; i < AI_DIM_MAX; i++) {
        dim[i] = str("");
    }

    dim[AI_DIM_KEY] = str(key);
    dim[AI_DIM_TEAM] = str(team);
    dim[AI_DIM_MODEL] = str(model);
    dim[AI_DIM_PROVIDER] = str(provider);
}


static ai_amounts_t
amounts(int64_t n)
{
    ai_amounts_t  a;

    memset(&a, 0, sizeof(a));

    a.requests = 1;
    a.prompt = n;
    a.completion = 2 * n;
    a.cost = 1000 * n;

    return a;
}


/* adds and commits */

static ai_int_t
add(ai_totals_t *t, const ai_pool_t *pool, ai_str_t dim[AI_DIM_MAX],
    int64_t at, int64_t now, const ai_amounts_t *a, ai_uint_t *lost)
{
    ai_int_t      rc;
    ai_redo_t     redo;
    ai_series_t  *s;

    memset(&redo, 0, sizeof(redo));
    ai_redo_begin(&redo);

    s = ai_totals_define(t, pool, ai_series_id(dim), dim);
    rc = ai_totals_add(t, pool, &redo, s, at, now, a, lost);

    if (rc == AI_OK) {
        ai_redo_commit(&redo);
    }

    return rc;
}


static int
age(ai_totals_t *t, const ai_pool_t *pool, int64_t now, int64_t retain)
{
    int        n;
    ai_redo_t  redo;

    memset(&redo, 0, sizeof(redo));

    for (n = 1; ai_totals_age(t, pool, &redo, now, retain) == AI_AGAIN; n++) {
        if (n == 1000000) {
            return -1;
        }
    }

    return n;
}


/* memory for total(), none of the other's */

static void *
once_alloc(void *data, size_t size)
{
    static size_t     used;
    static ai_char_t  mem[32768];

    if (data == NULL) {
        used = 0;
        return NULL;
    }

    size = (size + 15) / 16 * 16;
    used += size;

    return used <= sizeof(mem) ? mem + used - size : NULL;
}


/* all there is, in one row */

static ai_amounts_t
total(const ai_totals_t *t)
{
    size_t              n;
    ai_amounts_t        sum;
    ai_totals_row_t    *rows;
    ai_totals_query_t   q;

    static const ai_pool_t  once = { once_alloc, NULL, &seed };

    memset(&q, 0, sizeof(q));
    memset(&sum, 0, sizeof(sum));
    once_alloc(NULL, 0);

    if (ai_totals_query(t, &q, &once, 10, &rows, &n) == AI_OK && n == 1) {
        sum = rows[0].amounts;
    }

    return sum;
}


static void
test_ids(void)
{
    ai_str_t  dim[AI_DIM_MAX], got[AI_DIM_MAX], text;
    ai_buf_t  b;
    int       i, same;
    size_t    n;

    char  nine[] = "123456789012345678901234567890123456789012345";

    dims(dim, "k1", "search", "gpt-4.1", "openai");
    dim[AI_DIM_PROJECT] = str("rag");
    dim[AI_DIM_USER] = str("u");
    dim[AI_DIM_ROUTE] = str("chat");

    /* an implementation of its own, checked with the published vector */

    ok(ai_series_id(dim) == 0x0d5c1b33f40c0979, "id of a series");

    dims(got, "", "", "", "");
    ok(ai_series_id(got) == 0xb28c9b688af16456, "id of nobody's");

    for (i = 0; i < AI_DIM_MAX; i++) {
        got[i] = str("other");
    }

    ok(ai_series_id(got) == 0x087c45072acd0576, "id of others");

    ai_buf_init(&b, mem_pool());
    ai_series_text(&b, dim);
    text = guard_str(b.start, ai_buf_len(&b));

    is_int(ai_series_read(&text, got), AI_OK, "text and back");

    for (i = 0, same = 0; i < AI_DIM_MAX; i++) {
        same += ai_str_eq(&dim[i], &got[i]);
    }

    is_int(same, AI_DIM_MAX, "all names");

    for (n = 0, same = 0; n < text.len; n++) {
        ai_str_t  cut = guard_str(text.data, n);

        same += ai_series_read(&cut, got) == AI_ERROR;
    }

    is_int(same, text.len, "cut anywhere: an error");

    text = guard_str("\0\0\0\0\0\0\0\0x", 9);
    is_int(ai_series_read(&text, got), AI_ERROR, "more than eight: an error");

    ai_buf_reset(&b);
    ai_buf_lit(&b, "\x2d");
    ai_buf_add(&b, nine, 45);
    ai_buf_add(&b, "\0\0\0\0\0\0\0", 7);
    text = guard_str(b.start, ai_buf_len(&b));
    is_int(ai_series_read(&text, got), AI_ERROR, "too long a name: an error");

    for (i = 0; i < AI_DIM_MAX; i++) {
        dim[i] = guard_str(nine, 45);
    }

    ai_buf_reset(&b);
    ai_series_text(&b, dim);
    is_int(ai_buf_len(&b), 360, "the longest text");

    guard_free();
    mem_reset();
}


static void
test_cut(void)
{
    int        i;
    ai_str_t   s, t, dim[AI_DIM_MAX], cut[AI_DIM_MAX];

    static const struct {
        const char  *tail;          /* behind 41 letters */
        size_t       len;
    } cases[] = {
        { "abc", 44 },
        { "abcd", 44 },
        { "abcdefghijkl", 44 },
        { "ab\xc3\xa9", 43 },
        { "a\xc3\xa9", 44 },
        { "a\xc3\xa9x", 44 },
        { "ab\xe2\x82\xac", 43 },
        { "a\xe2\x82\xac", 42 },
        { "\xe2\x82\xac", 44 },
        { "\xe2\x82\xac\xe2\x82\xac", 44 },
        { "\xf0\x9f\x98\x80", 41 },
        { "a\xf0\x9f\x98\x80", 42 },
        { "ab\xf0\x9f\x98\x80", 43 },
        { "abc\xf0\x9f\x98\x80", 44 },
        { "\x80\x80\x80\x80\x80\x80", 44 },
    };

    static const char  letters[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    for (i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++) {
        ai_char_t  text[64];

        s.len = 41 + strlen(cases[i].tail);
        memcpy(text, letters, 41);
        memcpy(text + 41, cases[i].tail, s.len - 41);

        s = guard_str(text, s.len);
        is_int(ai_series_cut(&s), cases[i].len, "cut %d", i);

        t = s;
        t.len = cases[i].len;

        dims(dim, "k", "t", "m", "p");
        memcpy(cut, dim, sizeof(dim));
        dim[AI_DIM_USER] = s;
        cut[AI_DIM_USER] = t;

        ok(ai_series_id(dim) == ai_series_id(cut), "its id %d", i);
    }

    guard_free();
}


static void
test_simple(void)
{
    size_t              n;
    ai_str_t            dim[AI_DIM_MAX], other[AI_DIM_MAX];
    ai_redo_t           redo;
    ai_uint_t           lost;
    ai_totals_t        *t;
    ai_amounts_t        a;
    ai_series_t        *s;
    ai_totals_row_t    *r;
    ai_totals_query_t   q;

    mem_reset();
    t = ai_totals_create(mem_pool());
    lost = 0;

    dims(dim, "k", "t", "m", "p");
    dims(other, "k", "t", "m2", "p");

    ok(ai_totals_find(t, ai_series_id(dim)) == NULL, "not known");
    ok(!ai_totals_is(t, ai_series_id(dim), dim), "whatever its names");
    s = ai_totals_define(t, mem_pool(), ai_series_id(dim), dim);
    ok(s && ai_totals_find(t, ai_series_id(dim)) == s, "known");
    ok(ai_totals_define(t, mem_pool(), ai_series_id(dim), dim) == s, "same");
    ok(ai_totals_define(t, mem_pool(), ai_series_id(dim), other) == t->other,
       "another series of the same id is not mixed up with it");
    ok(ai_totals_is(t, ai_series_id(dim), dim), "known by these names");
    ok(!ai_totals_is(t, ai_series_id(dim), other), "not by others");

    a = amounts(7);
    add(t, mem_pool(), dim, T0 + 5, T0 + 10, &a, &lost);
    add(t, mem_pool(), dim, T0 + HOUR - 1, T0 + HOUR, &a, &lost);
    add(t, mem_pool(), dim, T0 + HOUR, T0 + HOUR, &a, &lost);

    memset(&q, 0, sizeof(q));
    q.step = HOUR;
    is_int(ai_totals_query(t, &q, mem_pool(), 10, &r, &n), AI_OK, "query");
    is_int(n, 2, "two hours");
    ai_totals_sort(r, n);
    ok(r[0].from == T0 && r[0].step == HOUR && r[0].amounts.requests == 2
       && r[0].amounts.cost == 14000 && r[0].dim[0].len == 0, "the first");
    ok(r[1].from == T0 + HOUR && r[1].amounts.completion == 14, "the second");

    is_int(ai_totals_query(t, &q, mem_pool(), 2, &r, &n), AI_OK, "max rows");
    is_int(ai_totals_query(t, &q, mem_pool(), 1, &r, &n), AI_ERROR, "more");
    ok(n == 2 && r == NULL, "which is told");

    /* staged twice before it is committed */

    memset(&redo, 0, sizeof(redo));
    ai_redo_begin(&redo);
    memset(&a, 0, sizeof(a));
    a.cached = 1;
    ai_totals_add(t, mem_pool(), &redo, s, T0, T0, &a, &lost);
    a.saved = 5;
    ai_totals_add(t, mem_pool(), &redo, s, T0, T0, &a, &lost);
    is_int(total(t).cached, 0, "staged only");
    ai_redo_commit(&redo);
    ok(total(t).cached == 2 && total(t).saved == 5, "committed");

    redo.n = AI_REDO_MAX;
    memset(redo.word, 0, sizeof(redo.word));
    is_int(ai_totals_add(t, mem_pool(), &redo, s, T0, T0, &a, &lost),
           AI_ERROR, "no room in the redo");
    redo.n = AI_REDO_MAX - 2;
    is_int(ai_totals_add(t, mem_pool(), &redo, s, T0, T0, &a, &lost),
           AI_ERROR, "too little");
    redo.n = AI_REDO_MAX - 3;
    is_int(ai_totals_add(t, mem_pool(), &redo, s, T0, T0, &a, &lost),
           AI_OK, "enough");

    is_int(lost, 0, "nothing lost");

    /* old: hours, days, nothing */

    age(t, mem_pool(), T0 + 48 * HOUR - 1, 0);
    q.step = HOUR;
    ai_totals_query(t, &q, mem_pool(), 10, &r, &n);
    is_int(n, 2, "47 hours later: hours");

    age(t, mem_pool(), T0 + 48 * HOUR, 0);
    ai_totals_query(t, &q, mem_pool(), 10, &r, &n);
    ai_totals_sort(r, n);
    ok(n == 2 && r[0].step == DAY && r[0].from == T0
       && r[0].amounts.requests == 2 && r[1].step == HOUR, "48: a day");

    age(t, mem_pool(), T0 + 49 * HOUR, 0);
    ai_totals_query(t, &q, mem_pool(), 10, &r, &n);
    ok(n == 1 && r[0].step == DAY && r[0].amounts.requests == 3,
       "49: one of both");

    a = amounts(1);
    add(t, mem_pool(), dim, T0 + HOUR, T0 + 49 * HOUR, &a, &lost);
    ai_totals_query(t, &q, mem_pool(), 10, &r, &n);
    ok(n == 1 && r[0].amounts.requests == 4, "late ones are of the day");

    age(t, mem_pool(), T0 + 11 * DAY - 1, 10 * DAY);
    is_int(total(t).requests, 4, "ten days are kept");
    age(t, mem_pool(), T0 + 11 * DAY, 10 * DAY);
    is_int(total(t).requests, 0, "then they go");
    ok(ai_totals_find(t, ai_series_id(dim)) == s, "the series is there");
    age(t, mem_pool(), T0 + 12 * DAY, 10 * DAY);
    ok(ai_totals_find(t, ai_series_id(dim)) == NULL, "a day later it is not");

    mem_reset();
}


/* the model: everything that was added, one by one */

typedef struct {
    ai_str_t       dim[AI_DIM_MAX];
    int64_t        at;
    int64_t        step;
    ai_amounts_t   amounts;
} naive_t;


static naive_t  naive[4000];
static int      nnaive;


static void
naive_age(int64_t now, int64_t retain)
{
    int  i, k;

    for (i = 0, k = 0; i < nnaive; i++) {

        if (naive[i].step == HOUR
            && naive[i].at / HOUR + 48 <= now / HOUR)
        {
            naive[i].step = DAY;
            naive[i].at -= naive[i].at % DAY;
        }

        if (naive[i].step == DAY && retain
            && naive[i].at + DAY <= now - retain)
        {
            continue;
        }

        naive[k++] = naive[i];
    }

    nnaive = k;
}


/* one row of the answer: takes what belongs to it off the list of those that
 * are asked for */

static int
naive_row(const ai_totals_query_t *q, const ai_totals_row_t *r, char *used)
{
    int            i, k;
    int64_t        from, step;
    ai_amounts_t   sum;

    memset(&sum, 0, sizeof(sum));

    for (i = 0; i < nnaive; i++) {

        if (used[i]) {
            continue;
        }

        step = q->step ? (naive[i].step > q->step ? naive[i].step : q->step)
               : 0;
        from = q->step ? naive[i].at / step * step : q->from;

        if (from != r->from || step != r->step) {
            continue;
        }

        for (k = 0; k < AI_DIM_MAX; k++) {
            if ((q->group & (1u << k))
                ? !ai_str_eq(&naive[i].dim[k], &r->dim[k]) : r->dim[k].len > 0)
            {
                break;
            }
        }

        if (k == AI_DIM_MAX) {
            used[i] = 1;
            ai_amounts_add(&sum, &naive[i].amounts);
        }
    }

    return memcmp(&sum, &r->amounts, sizeof(sum)) == 0
           && !ai_amounts_zero(&sum);
}


static int
check_query(const ai_totals_t *t, const ai_totals_query_t *q)
{
    int               i, k, left;
    size_t            n, j;
    static char       used[4000];
    ai_totals_row_t  *r;

    for (i = 0; i < nnaive; i++) {
        used[i] = (q->from && naive[i].at < q->from)
                  || (q->to && naive[i].at >= q->to);

        for (k = 0; k < AI_DIM_MAX; k++) {
            if (q->equal[k].data
                && !ai_str_eq(&q->equal[k], &naive[i].dim[k]))
            {
                used[i] = 1;
            }
        }
    }

    if (ai_totals_query(t, q, mem_pool(), 100000, &r, &n) != AI_OK) {
        return 0;
    }

    ai_totals_sort(r, n);

    for (j = 0; j < n; j++) {
        if (!naive_row(q, &r[j], used)) {
            diag("row %d of %d differs", (int) j, (int) n);
            return 0;
        }

        if (j && (r[j - 1].from > r[j].from
                  || (r[j - 1].from == r[j].from
                      && r[j - 1].amounts.cost < r[j].amounts.cost)))
        {
            diag("row %d is not in order", (int) j);
            return 0;
        }
    }

    for (i = 0, left = 0; i < nnaive; i++) {
        left += !used[i];
    }

    if (left) {
        diag("%d have no row", left);
    }

    mem_pool()->free(mem_pool()->data, r);

    return left == 0;
}


static ai_str_t
any_name(int dim, int n)
{
    static const char *const  names[AI_DIM_MAX][4] = {
        { "", "k1", "k2", "key-with-a-long-name" },
        { "", "search", "sales", "sal" },
        { "", "p", "q", "12345678" },
        { "", "c", "cc", "1234567812345678" },
        { "", "u", "U", "\xc3\xa9" },
        { "", "gpt", "gpt-4.1-mini-2025-04-14", "claude" },
        { "", "openai", "azure", "vllm" },
        { "", "chat", "r", "rr" },
    };

    return str(names[dim][n]);
}


static ai_totals_query_t
any_query(int64_t now)
{
    int                 i;
    ai_totals_query_t   q;

    memset(&q, 0, sizeof(q));

    q.group = rnd(256);
    q.step = rnd(3) == 0 ? 0 : rnd(2) ? HOUR : DAY;

    if (rnd(2)) {
        q.from = (now - rnd(5 * DAY)) / HOUR * HOUR;
    }

    if (rnd(2)) {
        q.to = (now - rnd(3 * DAY)) / HOUR * HOUR;
    }

    for (i = 0; i < AI_DIM_MAX; i++) {
        if (rnd(10) == 0) {
            q.equal[i] = any_name(i, rnd(4));
        }
    }

    return q;
}


static ai_totals_t *
save_and_load(ai_totals_t *t)
{
    ai_buf_t      b;
    ai_str_t      in;
    ai_totals_t  *other;
    ai_unpack_t   u;

    ai_buf_init(&b, mem_pool());
    ai_totals_save(t, &b);

    in = guard_str(b.start, ai_buf_len(&b));
    other = ai_totals_create(mem_pool());

    while (ai_unpack(&in, &u) == AI_OK) {
        if (ai_totals_load(other, mem_pool(), &u) != AI_OK) {
            diag("load fails");
        }
    }

    if (in.len) {
        diag("damaged");
    }

    guard_free();

    return other;
}


static void
test_model(void)
{
    int                 i, k, bad, round;
    int64_t             now;
    naive_t            *m;
    ai_uint_t           lost;
    ai_totals_t        *t;
    ai_totals_query_t   q;

    for (round = 0; round < 6; round++) {

        mem_reset();
        t = ai_totals_create(mem_pool());

        nnaive = 0;
        now = T0 + rnd(DAY);
        lost = 0;
        bad = 0;

        for (i = 0; i < 1200; i++) {

            m = &naive[nnaive++];

            for (k = 0; k < AI_DIM_MAX; k++) {
                m->dim[k] = any_name(k, rnd(round % 2 ? 4 : 2));
            }

            m->at = now + 2 * HOUR
                    - (rnd(4) ? rnd(3 * HOUR) : rnd(4 * DAY));
            m->step = now / HOUR - m->at / HOUR >= 48 ? DAY : HOUR;

            for (k = 0; k < (int) AI_AMOUNTS_N; k++) {
                ((int64_t *) &m->amounts)[k] = rnd(2) ? rnd(1000000) : 0;
            }

            m->amounts.requests++;

            if (add(t, mem_pool(), m->dim, m->at, now, &m->amounts, &lost)
                != AI_OK)
            {
                bad++;
            }

            m->at = m->at / m->step * m->step;

            if (rnd(50) == 0) {
                now += rnd(3) ? rnd(3 * HOUR) : rnd(2 * DAY);
            }

            if (rnd(100) == 0) {
                int64_t  retain = rnd(3) ? 0 : (3 + rnd(4)) * DAY;

                bad += age(t, mem_pool(), now, retain) < 0;
                naive_age(now, retain);
            }

            if (rnd(150) == 0) {
                t = save_and_load(t);
            }

            if (rnd(25) == 0) {
                q = any_query(now);
                bad += !check_query(t, &q);
            }
        }

        memset(&q, 0, sizeof(q));

        for (q.group = 0; q.group < 256; q.group += 1 + round) {
            q.step = q.group % 3 == 0 ? 0 : q.group % 3 == 1 ? HOUR : DAY;
            bad += !check_query(t, &q);
        }

        is_int(bad, 0, "round %d: as the model has it", round);
        is_int(lost, 0, "round %d: nothing lost", round);
    }

    mem_reset();
}


/* everything that is given out comes back when it is old */

static void
test_gone(void)
{
    int           i, k;
    size_t        live;
    ai_str_t      dim[AI_DIM_MAX];
    ai_uint_t     lost;
    ai_totals_t  *t;
    ai_amounts_t  a;

    char  name[32];

    mem_reset();
    t = ai_totals_create(mem_pool());
    live = mem_live();
    lost = 0;
    a = amounts(1);

    for (i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "user-%d", i);
        dims(dim, "k", "t", "m", "p");
        dim[AI_DIM_USER] = str(name);

        for (k = 0; k < 4; k++) {
            add(t, mem_pool(), dim, T0 + k * 7 * HOUR, T0 + DAY, &a, &lost);
        }
    }

    is_int(total(t).requests, 12000, "3000 series");
    ok(age(t, mem_pool(), T0 + 4 * DAY, 30 * DAY) > 10, "little by little");
    is_int(total(t).requests, 12000, "as days");
    ok(mem_live() < live + 3000 * 3, "that take less memory");

    age(t, mem_pool(), T0 + 60 * DAY, 30 * DAY);
    age(t, mem_pool(), T0 + 62 * DAY, 30 * DAY);
    is_int(total(t).requests, 0, "gone");
    is_int(mem_live(), live, "and so is the memory");

    mem_reset();
}


/* ids of which many digits are the same */

static void
test_deep(void)
{
    int           i, bad;
    uint64_t      id;
    ai_str_t      dim[AI_DIM_MAX];
    ai_series_t  *s[64];
    ai_totals_t  *t;
    size_t        live;

    mem_reset();
    t = ai_totals_create(mem_pool());
    live = mem_live();
    dims(dim, "k", "t", "m", "p");

    for (i = 0; i < 64; i++) {
        id = 0xfedcba9876543210 ^ 1ULL << i;
        s[i] = ai_totals_define(t, mem_pool(), id, dim);
    }

    for (i = 0, bad = 0; i < 64; i++) {
        id = 0xfedcba9876543210 ^ 1ULL << i;
        bad += ai_totals_find(t, id) != s[i] || s[i] == t->other;
    }

    is_int(bad, 0, "all are found");
    ok(ai_totals_find(t, 0xfedcba9876543210) == NULL, "another one is not");

    s[0] = ai_totals_define(t, mem_pool(), UINT64_MAX, dim);
    ok(ai_totals_find(t, UINT64_MAX) == s[0], "the last id");
    s[0] = ai_totals_define(t, mem_pool(), 0, dim);
    ok(ai_totals_find(t, 0) == s[0], "the first");

    age(t, mem_pool(), T0, 0);
    age(t, mem_pool(), T0 + DAY, 0);
    ok(ai_totals_find(t, UINT64_MAX) == NULL, "gone when never used");
    is_int(mem_live(), live, "with all nodes");

    mem_reset();
}


/* whether an allocation failed on the way */

static int
scenario(int *bad)
{
    int                 i, failed;
    size_t              n;
    int64_t             now;
    ai_buf_t            b;
    ai_str_t            dim[AI_DIM_MAX], in;
    ai_uint_t           lost;
    ai_totals_t        *t, *other;
    ai_unpack_t         u;
    ai_amounts_t        a;
    ai_totals_row_t    *r;
    ai_totals_query_t   q;

    t = ai_totals_create(mem_pool());

    if (t == NULL) {
        *bad += !mem_failed();
        return 1;
    }

    now = T0;
    lost = 0;
    a = amounts(3);

    for (i = 0; i < 40; i++) {
        dims(dim, i % 3 ? "a" : "b", i % 5 ? "t" : "u", "m", "p");
        now += 2 * HOUR;
        add(t, mem_pool(), dim, now - (i % 7) * DAY, now, &a, &lost);

        if (i % 10 == 9) {
            *bad += age(t, mem_pool(), now, 0) < 0;
        }
    }

    memset(&q, 0, sizeof(q));
    q.group = 3;
    q.step = HOUR;

    if (ai_totals_query(t, &q, mem_pool(), 1000, &r, &n) != AI_OK) {
        *bad += !mem_failed() || n != 0 || r != NULL;
    }

    ai_buf_init(&b, mem_pool());
    ai_totals_save(t, &b);
    *bad += b.failed && !mem_failed();

    failed = mem_failed() > 0;
    mem_fail_never();
    *bad += total(t).requests != 40 || total(t).cost != 120000;
    *bad += lost > 40 + 40;

    if (b.failed) {
        return failed;
    }

    other = ai_totals_create(mem_pool());
    in = ai_buf_str(&b);
    mem_fail_from(mem_count() % 50);

    while (ai_unpack(&in, &u) == AI_OK) {
        *bad += ai_totals_load(other, mem_pool(), &u) != AI_OK;
    }

    mem_fail_never();
    *bad += total(other).requests != 40 || in.len != 0;

    return failed;
}


static void
test_memory(void)
{
    int  n, bad, all;

    bad = 0;

    for (n = 1; n < 1000; n++) {
        mem_reset();
        mem_fail_at(n);

        if (!scenario(&bad)) {
            break;
        }
    }

    is_int(bad, 0, "sums are kept when one allocation fails");
    ok(n > 50 && n < 1000, "%d of them", n);

    for (all = n, n = 1; n < all; n++) {
        mem_reset();
        mem_fail_from(n);
        (void) scenario(&bad);
    }

    is_int(bad, 0, "and when all fail from one on");

    mem_reset();
}


static void
test_other(void)
{
    int                 i, hours;
    size_t              n;
    ai_str_t            dim[AI_DIM_MAX];
    ai_uint_t           lost;
    ai_totals_t        *t;
    ai_amounts_t        a;
    ai_totals_row_t    *r;
    ai_totals_query_t   q;

    mem_reset();
    t = ai_totals_create(mem_pool());
    mem_fail_from(1);

    dims(dim, "k", "t", "m", "p");
    a = amounts(1);
    lost = 0;

    for (i = 0; i < 30; i++) {
        add(t, mem_pool(), dim, T0 + i * HOUR, T0 + i * HOUR, &a, &lost);
    }

    is_int(lost, 30, "thirty lost their names");
    mem_fail_never();

    memset(&q, 0, sizeof(q));
    q.step = HOUR;
    q.group = 0xff;
    ai_totals_query(t, &q, mem_pool(), 100, &r, &n);
    ai_totals_sort(r, n);

    for (i = 0, hours = 0; i < (int) n; i++) {
        hours += r[i].step == HOUR && r[i].from == T0 + i * HOUR;
        is_str(r[i].dim[i], "other", "row %d is under other", i);
    }

    is_int(hours, 8, "eight hours had a cell in reserve");
    is_int(r[n - 1].amounts.requests, 23, "the last one took the others");

    age(t, mem_pool(), T0 + 400 * DAY, 30 * DAY);
    is_int(total(t).requests, 0, "it grows old like all");

    mem_fail_from(1);
    add(t, mem_pool(), dim, T0 + 400 * DAY, T0 + 400 * DAY, &a, &lost);
    mem_fail_never();
    ai_totals_query(t, &q, mem_pool(), 100, &r, &n);
    ok(n == 1 && r[0].from == T0 + 400 * DAY, "cells are in reserve again");

    mem_reset();
}


static void
test_extremes(void)
{
    int           i, k;
    ai_str_t      dim[AI_DIM_MAX];
    ai_uint_t     lost;
    ai_totals_t  *t;
    ai_amounts_t  a, sum;
    ai_buf_t      b;

    ai_totals_query_t  q;
    ai_totals_row_t   *r;
    size_t             n;

    static const int64_t  times[] = {
        INT64_MIN, INT64_MIN + 1, -1, 0, 1, T0, 253402300799, INT64_MAX - 1,
        INT64_MAX
    };

    mem_reset();
    t = ai_totals_create(mem_pool());
    lost = 0;
    dims(dim, "k", "t", "m", "p");

    for (i = 0; i < (int) AI_AMOUNTS_N; i++) {
        ((int64_t *) &a)[i] = i % 2 ? INT64_MAX : INT64_MIN;
    }

    a.requests = 1;

    for (i = 0; i < 9; i++) {
        for (k = 0; k < 9; k++) {
            add(t, mem_pool(), dim, times[i], times[k], &a, &lost);
        }
    }

    sum = total(t);
    is_int(sum.requests, 81, "any time");
    ok(sum.failed == INT64_MAX && sum.estimated == INT64_MIN
       && sum.saved == INT64_MAX, "sums stop at the ends");

    memset(&q, 0, sizeof(q));
    q.from = INT64_MIN;
    q.to = INT64_MAX;
    q.step = DAY;
    ai_totals_query(t, &q, mem_pool(), 100, &r, &n);
    is_int(n, 3, "three days");
    ai_totals_sort(r, n);

    ai_buf_init(&b, mem_pool());
    ai_totals_csv(&b, &q, &r[0]);
    ai_totals_csv(&b, &q, &r[2]);
    ai_totals_json(&b, &q, &r[0]);
    ai_buf_char(&b, '\0');
    ok(strstr((char *) b.start, "-9223372036.854775808") != NULL
       && strstr((char *) b.start, "9999-12-31T00:00:00Z"), "as text");

    for (k = 0; k < 9; k++) {
        for (i = 0; i < 9; i++) {
            age(t, mem_pool(), times[k], times[i] < 0 ? 0 : times[i]);
        }
    }

    is_int(total(t).requests, 27, "what is left has not ended");

    mem_reset();
}


static void
test_text(void)
{
    int                 i;
    int64_t             at;
    ai_buf_t            b;
    ai_str_t            s;
    ai_totals_row_t     r;
    ai_totals_query_t   q;

    static const struct {
        int64_t      nano;
        const char  *text;
    } usd[] = {
        { 0, "0.000000000" },
        { 1, "0.000000001" },
        { 999999999, "0.999999999" },
        { 1000000000, "1.000000000" },
        { -1, "-0.000000001" },
        { -1500000000, "-1.500000000" },
        { INT64_MAX, "9223372036.854775807" },
        { INT64_MIN, "-9223372036.854775808" },
    };

    static const struct {
        const char  *text;
        int64_t      at;
    } dates[] = {
        { "2026-11-22", T0 },
        { "2026-11-22T14:00:00Z", T0 + 14 * HOUR },
        { "2026-11-22T23:59:59Z", T0 + DAY - 1 },
        { "2026-11-22T14:05Z", T0 + 14 * HOUR + 300 },
        { "1970-01-01", 0 },
        { "2000-02-29", 951782400 },
        { "2024-02-29T00:00Z", 1709164800 },
        { "2023-02-29", -1 },
        { "2100-02-29", -1 },
        { "2100-03-01", 4107542400 },
        { "9999-12-31T23:59:59Z", 253402300799 },
        { "1795305600", T0 },
        { "0", 0 },
        { "12", 12 },
        { "999999999999", 999999999999 },
        { "1000000000000", -1 },
        { "", -1 },
        { "-1", -1 },
        { "1969-12-31", -1 },
        { "2026-13-01", -1 },
        { "2026-00-01", -1 },
        { "2026-11-31", -1 },
        { "2026-11-00", -1 },
        { "2026-1-01", -1 },
        { "2026-11", -1 },
        { "2026-11-22T", -1 },
        { "2026-11-22T14", -1 },
        { "2026-11-22T14Z", -1 },
        { "2026-11-22T24:00Z", -1 },
        { "2026-11-22T14:60Z", -1 },
        { "2026-11-22T14:00:60Z", -1 },
        { "2026-11-22T14:00:00", -1 },
        { "2026-11-22T14:00:00+01:00", -1 },
        { "2026-11-22 14:00:00Z", -1 },
        { "yesterday", -1 },
        { "12a4", -1 },
    };

    for (i = 0; i < (int) (sizeof(usd) / sizeof(usd[0])); i++) {
        ai_buf_init(&b, mem_pool());
        ai_amounts_usd(&b, usd[i].nano);
        s = ai_buf_str(&b);
        is_str(s, usd[i].text, "%s", usd[i].text);
    }

    for (i = 0; i < (int) (sizeof(dates) / sizeof(dates[0])); i++) {
        size_t  n = strlen(dates[i].text);

        s = guard_str(dates[i].text, n);
        at = -1;

        if (ai_totals_date(&s, &at) != AI_OK) {
            at = -1;
        }

        is_int(at, dates[i].at, "date \"%s\"", dates[i].text);
    }

    memset(&r, 0, sizeof(r));
    memset(&q, 0, sizeof(q));

    for (i = 0; i < AI_DIM_MAX; i++) {
        r.dim[i] = str("");
    }

    r.from = 951782400;
    r.step = HOUR;
    r.amounts = (ai_amounts_t) { 9, 1, 2, 100, 40, 10, 50, 5, 1500000000, 7 };
    q.group = 1 << AI_DIM_TEAM | 1 << AI_DIM_MODEL | 1 << AI_DIM_PROJECT;

    r.dim[AI_DIM_TEAM] = str("a \"b\"\n");
    r.dim[AI_DIM_MODEL] = str("=cmd|' /C calc'!A0");
    r.dim[AI_DIM_PROJECT] = str("p\"\\,\xff");

    ai_buf_init(&b, mem_pool());
    ai_totals_json(&b, &q, &r);
    s = ai_buf_str(&b);
    is_str(s,
           "{\"start\":\"2000-02-29T00:00:00Z\","
           "\"end\":\"2000-02-29T01:00:00Z\",\"team\":\"a \\\"b\\\"\\n\","
           "\"project\":\"p\\\"\\\\,\xef\xbf\xbd"
           "\",\"model\":\"=cmd|' /C calc'!A0\",\"requests\":9,"
           "\"failed_requests\":1,\"estimated_requests\":2,"
           "\"prompt_tokens\":100,\"cached_tokens\":40,"
           "\"cache_write_tokens\":10,\"completion_tokens\":50,"
           "\"reasoning_tokens\":5,\"total_tokens\":150,"
           "\"cost\":\"1.500000000\",\"saved\":\"0.000000007\"}", "JSON");

    ai_buf_reset(&b);
    ai_totals_csv(&b, &q, &r);
    s = ai_buf_str(&b);
    is_str(s,
           "2000-02-29T00:00:00Z,2000-02-29T01:00:00Z,,"
           "AI and Machine Learning,Generative AI,"
           "\"'=cmd|' /C calc'!A0\",tokens,150,Tokens,,"
           "1.500000007,1.500000000,1.500000000,USD,\"a \"\"b\"\" \",,"
           "\"{\"\"project\"\":\"\"p\\\"\"\\\\,\xef\xbf\xbd\"\"}\","
           "100,40,10,50,5,9,1,2\r\n", "CSV");

    q.group = 0;
    r.from = 0;
    r.step = 0;

    for (i = 0; i < AI_DIM_MAX; i++) {
        r.dim[i] = str("");
    }

    ai_buf_reset(&b);
    ai_totals_csv_head(&b);
    ai_totals_csv(&b, &q, &r);
    s = ai_buf_str(&b);
    is_str(s,
           "ChargePeriodStart,ChargePeriodEnd,ProviderName,ServiceCategory,"
           "ServiceSubcategory,ServiceName,SkuMeter,ConsumedQuantity,"
           "ConsumedUnit,ListUnitPrice,ListCost,EffectiveCost,BilledCost,"
           "BillingCurrency,SubAccountId,RegionId,Tags,x_InputTokens,"
           "x_CachedTokens,x_CacheWriteTokens,x_OutputTokens,"
           "x_ReasoningTokens,x_Requests,x_FailedRequests,"
           "x_EstimatedRequests\r\n"
           ",,,AI and Machine Learning,Generative AI,,tokens,150,Tokens,,"
           "1.500000007,1.500000000,1.500000000,USD,,,\"{}\","
           "100,40,10,50,5,9,1,2\r\n", "the head, and a row without bounds");

    /* the longest tags, all of them six bytes for one */

    for (i = 0; i < AI_DIM_MAX; i++) {
        r.dim[i] = str("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
                       "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1");
    }

    ai_buf_reset(&b);
    ai_totals_csv(&b, &q, &r);
    ok(!b.failed && ai_buf_len(&b) > 5 * 6 * 44, "long tags");

    guard_free();
    mem_reset();
}


/* what does not look like our own is refused, or harmless */

static void
test_load(void)
{
    int           i;
    size_t        mark;
    int64_t       n;
    uint64_t      id;
    ai_buf_t      b;
    ai_str_t      in, name, dim[AI_DIM_MAX];
    ai_totals_t  *t;
    ai_unpack_t   u;

    mem_reset();
    t = ai_totals_create(mem_pool());
    dims(dim, "k", "t", "m", "p");
    id = ai_series_id(dim);

    for (i = 0; i < 6; i++) {
        ai_buf_init(&b, mem_pool());
        mark = ai_pack_begin(&b, i < 2 ? AI_PACK_SERIES
                                 : i == 5 ? 77 : AI_PACK_CELL);
        ai_pack_int(&b, (int64_t) id + (i == 0));

        if (i < 2) {
            for (n = 0; n < AI_DIM_MAX - i; n++) {
                name = dim[n];
                ai_pack_str(&b, &name);
            }

        } else {
            ai_pack_int(&b, i == 2 ? 60 : HOUR);

            for (n = 0; n < (i == 3 ? 10 : 11); n++) {
                ai_pack_int(&b, 5);
            }
        }

        ai_pack_end(&b, mark);

        in = ai_buf_str(&b);
        is_int(ai_unpack(&in, &u), AI_OK, "chunk %d", i);
        is_int(ai_totals_load(t, mem_pool(), &u),
               i == 4 ? AI_OK : i == 5 ? AI_DECLINED : AI_ERROR,
               "load %d", i);
    }

    is_int(total(t).requests, 5, "a cell of an unknown series is kept");

    mem_reset();
}


/* shared memory, and a child that is killed at every instruction */

#define ARENA  (48 * 1024)


typedef struct {
    size_t         used;
    int64_t        low;             /* what a query may tell, these only */
    int64_t        mid;
    int64_t        high;
    ai_totals_t   *t;
    ai_redo_t      redo;
    _Alignas(16) ai_char_t  mem[];
} arena_t;


static arena_t  *arena;


static void *
arena_alloc(void *data, size_t size)
{
    size_t     *head;

    (void) data;

    size = (size + 15) / 16 * 16 + 16;

    if (sizeof(arena_t) + arena->used + size > ARENA) {
        return NULL;
    }

    head = (size_t *) (void *) &arena->mem[arena->used];
    arena->used += size;
    *head = size - 16;

    memset(head + 2, 0xa5, size - 16);

    return head + 2;
}


/* nothing is given out again, so that what points to it is seen */

static void
arena_free(void *data, void *p)
{
    size_t  *head;

    (void) data;

    head = (size_t *) p - 2;

    memset(p, 0xdd, *head);
    *head = 0;
}


static const ai_pool_t  arena_pool = { arena_alloc, arena_free, NULL };


static int
live_block(int64_t word, size_t size)
{
    size_t      *head;
    ai_char_t   *p;

    p = (ai_char_t *) (intptr_t) word;

    if (p < arena->mem + 16 || p > (ai_char_t *) arena + ARENA
        || (uintptr_t) p % 16 != 0)
    {
        return 0;
    }

    head = (size_t *) (void *) p - 2;

    return *head >= size;
}


static int
check_cells(int64_t word, int64_t step, int *cells)
{
    int64_t     at;
    ai_cell_t  *c;

    for (at = INT64_MAX; word; word = c->next) {
        c = ai_cell_of(word);

        if (c == &arena->t->last) {
            continue;
        }

        if (!live_block(word, sizeof(ai_cell_t)) || c->at >= at
            || c->at % step || ++*cells > 500)
        {
            return 0;
        }

        at = c->at;
    }

    return 1;
}


static int
check_node(const ai_series_node_t *node, int depth, uint64_t prefix)
{
    int           i, cells;
    int64_t       word;
    uint64_t      id;
    ai_series_t  *s;

    cells = 0;

    for (i = 0; i < 16; i++) {
        word = node->slot[i];
        id = prefix << 4 | (uint64_t) i;

        if (word == 0) {
            continue;
        }

        if (ai_word_is_node(word)) {
            if (depth == 15 || !live_block(word - 1, 128)
                || !check_node(ai_node_of(word), depth + 1, id))
            {
                return 0;
            }

            continue;
        }

        s = ai_series_of(word);

        if (!live_block(word, sizeof(ai_series_t))
            || s->id >> (60 - 4 * depth) != id
            || !check_cells(s->hours, HOUR, &cells)
            || !check_cells(s->days, DAY, &cells))
        {
            return 0;
        }
    }

    return 1;
}


/* what is to be told: -1: a list is broken */

static int
check_list(int64_t word)
{
    int  n;

    for (n = 0; word > 1; n++) {
        if (n == 10 || !live_block(word, sizeof(ai_series_t))
            || ai_series_of(word)->untold == 0)
        {
            return -1;
        }

        word = ai_series_of(word)->untold;
    }

    return n;
}


/* series that are in a list are those that say so, and all that have a mark
 * are */

static int
check_untold(void)
{
    int                n, changed, telling;
    int64_t            word;
    ai_series_t       *s;
    ai_series_iter_t   it;

    changed = check_list(arena->t->changed);
    telling = check_list(arena->t->telling);

    if (changed < 0 || telling < 0
        || (size_t) (changed + telling) != ai_totals_untold(arena->t))
    {
        return 0;
    }

    n = 0;
    ai_series_iter(&it, arena->t, 0);

    while ((s = ai_series_iter_next(&it)) != NULL) {
        n += s->untold != 0;

        for (word = s->hours; word && !s->untold;
             word = ai_cell_of(word)->next)
        {
            if (ai_cell_of(word)->untold) {
                return 0;
            }
        }

        for (word = s->days; word && !s->untold;
             word = ai_cell_of(word)->next)
        {
            if (ai_cell_of(word)->untold) {
                return 0;
            }
        }
    }

    return n == changed + telling;
}


/* what the next one who takes the lock finds, and can do with it */

static int
check_survivor(void)
{
    int            i;
    int64_t        n;
    ai_totals_t   *t;
    ai_redo_t     *redo;
    ai_str_t       dim[AI_DIM_MAX];
    ai_uint_t      lost;
    ai_amounts_t   a;
    ai_series_t   *s;

    t = arena->t;
    redo = &arena->redo;

    if (redo->n > AI_REDO_MAX && redo->valid) {
        return 0;
    }

    ai_redo_recover(redo);

    if (!check_node(&t->root, 0, 0) || !check_untold()) {
        return 0;
    }

    n = total(t).requests;

    if ((n != arena->low && n != arena->mid && n != arena->high)
        || total(t).cost != 1000 * n)
    {
        diag("%d requests", (int) n);
        return 0;
    }

    a = amounts(1);
    lost = 0;
    dims(dim, "survivor", "t", "m", "p");

    ai_redo_begin(redo);
    s = ai_totals_define(t, &arena_pool, ai_series_id(dim), dim);
    ai_totals_add(t, &arena_pool, redo, s, T0 + 90 * DAY, T0 + 90 * DAY, &a,
                  &lost);
    ai_redo_commit(redo);

    if (total(t).requests != n + 1 || lost) {
        return 0;
    }

    for (i = 0; i < 100; i++) {
        if (ai_totals_age(t, &arena_pool, redo, T0 + 90 * DAY, 0) == AI_OK) {
            break;
        }
    }

    return total(t).requests == n + 1 && check_node(&t->root, 0, 0)
           && check_untold();
}


static void
step_add(int64_t at, int64_t now)
{
    ai_str_t       dim[AI_DIM_MAX];
    ai_uint_t      lost;
    ai_amounts_t   a;
    ai_series_t   *s;

    lost = 0;
    a = amounts(1);
    dims(dim, "k", "t", "m", "p");

    /* an id of which five digits are those of another series */

    ai_redo_begin(&arena->redo);
    s = ai_totals_define(arena->t, &arena_pool, 0x123456789abcdef0, dim);
    ai_totals_add(arena->t, &arena_pool, &arena->redo, s, at, now, &a, &lost);
    ai_redo_commit(&arena->redo);
}


static void
step_age(int64_t now, int64_t retain)
{
    while (ai_totals_age(arena->t, &arena_pool, &arena->redo, now, retain)
           == AI_AGAIN)
    {
        /* void */
    }
}


static void
step_tell(void)
{
    size_t     n;
    ai_told_t  told[AI_TOLD_MIN];

    do {
        ai_totals_round(arena->t, &arena->redo);
        n = ai_totals_tell(arena->t, &arena->redo, told, AI_TOLD_MIN);
    } while (n);
}


static void
child(int what)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);

    switch (what) {

    case 0:
        step_add(T0 + 5 * HOUR, T0 + 5 * HOUR);
        break;

    case 1:
        step_add(T0 + 6 * HOUR, T0 + 6 * HOUR);
        break;

    case 2:
        step_age(T0 + 50 * HOUR, 0);
        break;

    case 3:
        step_add(T0 + 3 * HOUR, T0 + 60 * HOUR);
        break;

    case 4:
        step_age(T0 + 3 * DAY, 0);
        break;

    case 5:
        step_tell();
        break;

    case 6:
        step_age(T0 + 30 * DAY, 10 * DAY);
        break;

    default:
        step_age(T0 + 33 * DAY, 10 * DAY);
        break;
    }

    _exit(0);
}


static void
test_kill(void)
{
    int              i, what, status, bad, changes;
    pid_t            pid;
    ai_str_t         dim[AI_DIM_MAX];
    static ai_char_t copy[ARENA];

    static const struct {
        int          low;
        int          mid;
        int          high;
        const char  *name;
    } ops[] = {
        { 12, 13, 13, "a new series, its first hour" },
        { 13, 14, 14, "an hour behind it" },
        { 14, 14, 14, "some hours become a day" },
        { 14, 15, 15, "one more in the day" },
        { 15, 15, 15, "the others do as well" },
        { 15, 15, 15, "what there is is told" },
        { 0, 12, 15, "days go" },
        { 0, 0, 0, "series go" },
    };

    arena = mmap(NULL, ARENA, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                 -1, 0);

    arena->t = ai_totals_create(&arena_pool);
    (void) ai_totals_share(arena->t, &arena->redo, 1);

    dims(dim, "k2", "t", "m", "p");
    (void) ai_totals_define(arena->t, &arena_pool, 0x123459789abcdef0, dim);

    dims(dim, "k3", "t", "m", "p");

    for (i = 0; i < 12; i++) {
        ai_amounts_t   a = amounts(1);
        ai_uint_t      lost = 0;

        ai_redo_begin(&arena->redo);
        ai_totals_add(arena->t, &arena_pool, &arena->redo,
                      ai_totals_define(arena->t, &arena_pool,
                                       0x123456789abcdef1, dim),
                      T0 + i / 2 * HOUR, T0 + 5 * HOUR, &a, &lost);
        ai_redo_commit(&arena->redo);
    }

    for (what = 0; what < 8; what++) {

        arena->low = ops[what].low;
        arena->mid = ops[what].mid;
        arena->high = ops[what].high;

        fflush(stdout);
        pid = fork();

        if (pid == 0) {
            child(what);
        }

        waitpid(pid, &status, 0);
        memcpy(copy, arena, ARENA);

        bad = 0;
        changes = 0;

        while (!WIFEXITED(status)) {

            if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1) {
                break;
            }

            waitpid(pid, &status, 0);

            if (WIFEXITED(status) || memcmp(copy, arena, ARENA) == 0) {
                continue;
            }

            /* the child waits while its memory is tried out */

            memcpy(copy, arena, ARENA);
            changes++;

            if (!check_survivor() && bad++ == 0) {
                diag("after change %d", changes);
            }

            memcpy(arena, copy, ARENA);
        }

        if (!WIFEXITED(status)) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            ok(1, "%s # skip no ptrace", ops[what].name);
            break;
        }

        ok(bad == 0 && changes > 5, "killed after any of %d changes: %s",
           changes, ops[what].name);
        is_int(total(arena->t).requests,
               what < 6 ? ops[what].high : ops[what].low, "and done");

        mem_reset();
    }

    ok(ai_totals_find(arena->t, 0x123456789abcdef1) == NULL, "all are gone");

    munmap(arena, ARENA);
}


int
main(void)
{
    test_ids();
    test_cut();
    test_simple();
    test_model();
    test_gone();
    test_deep();
    test_memory();
    test_other();
    test_extremes();
    test_text();
    test_load();
    test_kill();

    return done();
}
