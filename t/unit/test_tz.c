
/*
 * Time zone files: rules, oddities, and what is none; t/05-limit-time.t
 * compares those of tzdata with another implementation.
 */

#include <tap.h>
#include <mem.h>
#include <tz_make.h>

#include <limit/ai_tz.h>


typedef struct {
    const char        *rule;
    int64_t            at;
    int32_t            offset;
} tz_case_t;


/* 2026-03-29 01:00 and 2026-10-25 01:00 UTC are Europe's changes */

static const tz_case_t  offsets[] = {
    { "CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600 },
    { "CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200 },
    { "CET-1CEST,M3.5.0,M10.5.0/3", 1792889999, 7200 },
    { "CET-1CEST,M3.5.0,M10.5.0/3", 1792890000, 3600 },
    { "IST-1GMT0,M10.5.0,M3.5.0/1", 1774745999, 0 },
    { "IST-1GMT0,M10.5.0,M3.5.0/1", 1774746000, 3600 },
    { "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1767225600, 39600 },
    { "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1782864000, 37800 },
    { "<-03>3", 0, -10800 },
    { "UTC0", 1, 0 },
    { "ABC-5:45", 1, 20700 },
    { "ABC+24:59:59", 1, -89999 },
    { "ABC-24:59:59DEF,0/0,J365/25", 1, 93599 },

    /* the last of March 2026 in days from 0 and from 1; no 29 February */
    { "XXX0YYY,89/0,J365/25", 1774915199, 0 },
    { "XXX0YYY,89/0,J365/25", 1774915200, 3600 },
    { "XXX0YYY,J90/0,J365/24", 1774915199, 0 },
    { "XXX0YYY,J90/0,J365/24", 1774915200, 3600 },
    { "XXX0YYY,J60/0,J300", 1709251199, 0 },
    { "XXX0YYY,J60/0,J300", 1709251200, 3600 },
    { "XXX0YYY,59/0,J300", 1709164799, 0 },
    { "XXX0YYY,59/0,J300", 1709164800, 3600 },
    { "XXX0YYY,J59/0,J300", 1709078400, 3600 },

    /* always, and into the years beside it */
    { "XXX3EDT4,0/0,J365/23", 1767225600, -14400 },
    { "EST5EDT,0/0,J365/25", 1767225599, -14400 },
    { "EST5EDT,0/0,J365/25", 1767243600, -14400 },
    { "EST5EDT,0/0,J365/25", 1774746000, -14400 },
    { "AAA0BBB,J1/-24,J100", 1767139199, 0 },
    { "AAA0BBB,J1/-24,J100", 1767139200, 3600 },
    { "AAA0BBB,J300,J365/48", 1767308399, 3600 },
    { "AAA0BBB,J300,J365/48", 1767308400, 0 },
    { "AAA0BBB,J300,J365/167", 1767736799, 3600 },
    { "AAA0BBB,J300,J365/167", 1767736800, 0 }
};


static const char  *bad_rules[] = {
    "UT0", "U", "<A>0", "<ABC0", "CET", "CET-", "CET-25", "CET-1:60",
    "CET-1:", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0",
    "CET-1CEST,M3.5.0,", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M0.5.0,J1",
    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
    "CET-1CEST,M3.5,M10.5.0", "CET-1CEST,M3.5.0/168,M10.5.0",
    "CET-1CEST,J0,J5", "CET-1CEST,J366,J5", "CET-1CEST,366,5",
    "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,M3.5.0,M10.5.0,M1.1.1",
    "CET-1C,M3.5.0,M10.5.0", "CET-99999999999CEST,M3.5.0,M10.5.0",
    "CET-1CEST,M3.5.0/1:61,M10.5.0", " CET-1", ":Europe/Berlin",
    "CET-1CEST-25,M3.5.0,M10.5.0", "C\1T-1"
};


static void
test_rules(void)
{
    size_t    i;
    ai_tz_t  *tz;

    for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        tz = tz_make(offsets[i].rule);
        ok(tz != NULL, "the rule %s", offsets[i].rule);
        is_int(ai_tz_offset(tz, offsets[i].at), offsets[i].offset,
               "at %lld", (long long) offsets[i].at);
        mem_reset();
    }

    for (i = 0; i < sizeof(bad_rules) / sizeof(bad_rules[0]); i++) {
        ok(tz_make(bad_rules[i]) == NULL, "no rule: %s", bad_rules[i]);
        mem_reset();
    }
}


/* an empty rule, changes, and both */

static void
test_changes(void)
{
    ai_str_t  s;
    ai_tz_t  *tz;

    static const tz_change_t  changes[] = {
        { -1000, 100 }, { 0, -200 }, { 1000, 300 }
    };

    s = tz_bytes("", 50, changes, 3);
    tz = ai_tz_read(&s, mem_pool());

    is_int(ai_tz_offset(tz, INT64_MIN), 50, "before all of them");
    is_int(ai_tz_offset(tz, -1001), 50, "just before");
    is_int(ai_tz_offset(tz, -1000), 100, "the first");
    is_int(ai_tz_offset(tz, -1), 100, "still");
    is_int(ai_tz_offset(tz, 0), -200, "the second");
    is_int(ai_tz_offset(tz, 1000), 300, "the third");
    is_int(ai_tz_offset(tz, INT64_MAX), 300, "and no rule");

    s = tz_bytes("ABC-1", 50, changes, 3);
    tz = ai_tz_read(&s, mem_pool());

    is_int(ai_tz_offset(tz, 999), -200, "changes before the rule");
    is_int(ai_tz_offset(tz, 1000), 3600, "the rule from the last one on");

    s = tz_bytes("ABC-1", 50, NULL, 0);
    tz = ai_tz_read(&s, mem_pool());
    is_int(ai_tz_offset(tz, -5), 3600, "no changes: the rule only");

    mem_reset();
}


/* days that begin late, never, and twice */

static void
test_midnight(void)
{
    int64_t   y, m, d, w;
    ai_str_t  s;
    ai_tz_t  *tz;

    static const tz_change_t  late[] = { { 86400 * 10, 3600 } };
    static const tz_change_t  never[] = { { 86400 * 10 + 36000, 50400 } };
    static const tz_change_t  twice[] = { { 86400 * 10 + 60, -3600 } };

    is_int(ai_tz_midnight(NULL, 1970, 1, 1), 0, "UTC, 1970");
    is_int(ai_tz_midnight(NULL, 2026, 2, 28), 1772236800, "UTC, 2026");
    is_int(ai_tz_midnight(NULL, 2026, 1, 59), 1772236800, "days carried");
    is_int(ai_tz_midnight(NULL, 2026, 14, 0), 1801353600, "both carried");
    is_int(ai_tz_midnight(NULL, 2026, 0, 31), 1767139200, "month 0");
    is_int(ai_tz_midnight(NULL, 2027, -11, 1), 1767225600, "month -11");
    is_int(ai_tz_midnight(NULL, 1969, 12, 31), -86400, "before 1970");
    is_int(ai_tz_midnight(NULL, 0, 3, 1), -62162035200, "the year 0");
    is_int(ai_tz_midnight(NULL, 2000, 2, 29), 951782400, "29 February");

    s = tz_bytes("", 0, late, 1);
    tz = ai_tz_read(&s, mem_pool());
    is_int(ai_tz_midnight(tz, 1970, 1, 11), 864000, "00:00 skipped");
    is_int(ai_tz_midnight(tz, 1970, 1, 12), 864000 + 82800, "the day after");

    /* from -10 h to +14 h at local midnight of the 11th */
    s = tz_bytes("", -36000, never, 1);
    tz = ai_tz_read(&s, mem_pool());
    is_int(ai_tz_midnight(tz, 1970, 1, 11), 900000, "a day that is not");
    is_int(ai_tz_midnight(tz, 1970, 1, 12), 900000, "begins with the next");

    ai_tz_date(tz, 899999, &y, &m, &d, &w);
    ok(y == 1970 && m == 1 && d == 10 && w == 5, "Saturday 10");
    ai_tz_date(tz, 900000, &y, &m, &d, &w);
    ok(y == 1970 && m == 1 && d == 12 && w == 0, "Monday 12");

    s = tz_bytes("", 0, twice, 1);
    tz = ai_tz_read(&s, mem_pool());
    is_int(ai_tz_midnight(tz, 1970, 1, 11), 864000, "the earlier of two");
    ai_tz_date(tz, 864059, &y, &m, &d, &w);
    is_int(d, 11, "the 11th");
    ai_tz_date(tz, 864060, &y, &m, &d, &w);
    is_int(d, 10, "the 10th again");

    mem_reset();
}


static void
test_extremes(void)
{
    size_t    i;
    int64_t   y, m, d, w, at;
    ai_tz_t  *tz;

    static const int64_t  odd[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1,
                                    1LL << 40, INT64_MAX - 1, INT64_MAX };

    tz = tz_make("CET-1CEST,M3.5.0,M10.5.0/3");

    for (i = 0; i < 8; i++) {
        ai_tz_date(tz, odd[i], &y, &m, &d, &w);
        ok(m >= 1 && m <= 12 && d >= 1 && d <= 31 && w >= 0 && w <= 6,
           "the date of %lld", (long long) odd[i]);

        at = ai_tz_midnight(tz, odd[i], odd[7 - i], odd[i]);
        at = ai_tz_midnight(tz, odd[i], odd[i], odd[i]);
        ok(at == ai_tz_midnight(tz, odd[i], odd[i], odd[i]),
           "a date of %lld", (long long) odd[i]);
    }

    mem_reset();
}


/* every cut of a file, against a guard page, and every allocation */

static void
test_broken(void)
{
    int       bad;
    size_t    n;
    ai_str_t  s, cut;
    ai_tz_t  *tz;

    static const tz_change_t  changes[] = {
        { -1000, 100 }, { 0, -200 }, { 1000, 300 }
    };

    s = tz_bytes("CET-1CEST,M3.5.0,M10.5.0/3", 0, changes, 3);
    bad = 0;

    for (n = 0; n < s.len; n++) {
        cut = guard_str(s.data, n);
        bad += ai_tz_read(&cut, mem_pool()) != NULL;
        guard_free();
    }

    is_int(bad, 0, "no part of a file is one");
    is_int(mem_live(), 0, "and nothing is left behind");

    cut = guard_str(s.data, s.len);
    tz = ai_tz_read(&cut, mem_pool());
    ok(tz != NULL, "the whole is");
    guard_free();
    is_int(ai_tz_offset(tz, 5), -200, "and the file need not stay");
    mem_reset();

    for (n = 1; n < 10; n++) {
        mem_reset();
        mem_fail_at(n);
        tz = ai_tz_read(&s, mem_pool());

        if (!mem_failed()) {
            break;
        }

        ok(tz == NULL && mem_live() == 0, "allocation %zu fails", n);
    }

    ok(n == 3, "two allocations");
    mem_reset();

    s.data[58 + 20 + 11] = 1;
    ok(ai_tz_read(&s, mem_pool()) == NULL, "leap seconds are refused");
}


static void
test_refused(void)
{
    ai_str_t     s;
    tz_change_t  c[2];

    c[0].at = 5;
    c[0].offset = 0;
    c[1].at = 5;
    c[1].offset = 60;

    s = tz_bytes("", 0, c, 2);
    ok(ai_tz_read(&s, mem_pool()) == NULL, "two changes at once");

    c[1].at = 4;
    s = tz_bytes("", 0, c, 2);
    ok(ai_tz_read(&s, mem_pool()) == NULL, "changes that go back");

    c[1].at = 6;
    c[1].offset = 26 * 3600 + 1;
    s = tz_bytes("", 0, c, 2);
    ok(ai_tz_read(&s, mem_pool()) == NULL, "an offset too large");

    c[1].offset = INT32_MIN;
    s = tz_bytes("", 0, c, 2);
    ok(ai_tz_read(&s, mem_pool()) == NULL, "an offset too small");

    c[1].offset = 60;
    s = tz_bytes("", 0, c, 2);
    s.data[54 + 44 + 16] = 3;
    ok(ai_tz_read(&s, mem_pool()) == NULL, "a type that is not there");

    s = ai_lit("");
    ok(ai_tz_read(&s, mem_pool()) == NULL, "an empty file");
    s = ai_lit("# a text that is longer than the header of such a file is");
    ok(ai_tz_read(&s, mem_pool()) == NULL, "a text");

    s.len = 0;
    s.data = NULL;
    ok(ai_tz_read(&s, mem_pool()) == NULL, "nothing");

    mem_reset();
}


/* version 1: times of 32 bits, no footer */

static void
test_first(void)
{
    ai_str_t   s;
    ai_tz_t   *tz;
    ai_char_t  buf[128], *p;

    p = buf;
    tz_head(&p, 1, 2);
    buf[4] = 0;
    tz_put(&p, (uint32_t) -100, 4);
    tz_put(&p, 1, 1);
    tz_put(&p, 3600, 4);
    tz_put(&p, 0, 2);
    tz_put(&p, (uint32_t) -7200, 4);
    tz_put(&p, 0, 2);
    tz_put(&p, 0, 4);

    s.data = buf;
    s.len = (size_t) (p - buf);

    tz = ai_tz_read(&s, mem_pool());
    ok(tz != NULL, "version 1");
    is_int(ai_tz_offset(tz, -101), 3600, "before");
    is_int(ai_tz_offset(tz, -100), -7200, "after");

    mem_reset();
}


int
main(void)
{
    test_rules();
    test_changes();
    test_midnight();
    test_extremes();
    test_broken();
    test_refused();
    test_first();

    return done();
}
