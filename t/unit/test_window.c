
/*
 * Windows against models that know no slots: a list of events, a calendar
 * counted day by day.
 */

#include <tap.h>
#include <mem.h>
#include <tz_make.h>

#include <limit/ai_window.h>


#define EVENTS_MAX  200000
#define START       1767225600000       /* 2026-01-01 */


/* a window as it is used, and all that it let in */
typedef struct {
    int64_t  ring[AI_WINDOW_RING];
    int64_t  newest;
    int32_t  period;
    int64_t  limit;
    size_t   n;
    int64_t  at[EVENTS_MAX];
    int64_t  amount[EVENTS_MAX];
} model_t;


static model_t   model;
static uint64_t  seed = 88172645463325252;


static uint64_t
rnd(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % below;
}


static void
model_start(int32_t period, int64_t limit)
{
    memset(&model, 0, sizeof(model));
    model.period = period;
    model.limit = limit;
}


static int
model_take(int64_t now, int64_t amount)
{
    ai_window_advance(model.ring, &model.newest,
                      ai_window_slot(model.period, now));

    if (ai_window_sum(model.ring) + amount > model.limit) {
        return 0;
    }

    model.ring[model.newest % AI_WINDOW_RING] += amount;

    if (model.n == EVENTS_MAX) {
        abort();
    }

    model.at[model.n] = now;
    model.amount[model.n++] = amount;

    return 1;
}


/* the most that was let in within any T: intervals that begin with an event
 * are all that matter */

static int64_t
model_most(void)
{
    size_t   first, i;
    int64_t  sum, most, t;

    sum = 0;
    most = 0;
    first = 0;
    t = (int64_t) model.period * 1000;

    for (i = 0; i < model.n; i++) {
        sum += model.amount[i];

        while (model.at[first] <= model.at[i] - t) {
            sum -= model.amount[first++];
        }

        most = ai_max(most, sum);
    }

    return most;
}


/* random loads: never above the limit in any T */

static void
test_limit(void)
{
    int      n, wrong;
    int64_t  now, end, ms;

    static const int32_t  periods[] = { 1, 2, 7, 10, 60, 61, 3600,
                                        AI_PERIOD_LONGEST };

    for (n = 0; n < 8; n++) {
        ms = (int64_t) periods[n] * 1000;

        model_start(periods[n], 100);
        wrong = 0;

        for (now = START + (int64_t) rnd(10000), end = now + 60 * ms;
             now < end;
             now += (int64_t) rnd(rnd(20) ? ms / 40 : ms * 3 / 2))
        {
            (void) model_take(now, 1 + (int64_t) rnd(rnd(9) ? 3 : 60));
            wrong += model.newest != ai_window_slot(periods[n], now);
        }

        ok(model_most() <= 100 && model_most() > 95 && model.n > 500
           && !wrong, "%d s: %zu let in, at most %lld at once", periods[n],
           model.n, (long long) model_most());
    }
}


/* a clock that is put back again and again lets in less, not more */

static void
test_back(void)
{
    int      n;
    int64_t  now, back;

    model_start(60, 100);
    back = 0;

    for (n = 0, now = START; n < 20000; n++, now += 1 + (int64_t) rnd(400)) {

        if (rnd(100) == 0) {
            back += (int64_t) rnd(rnd(10) ? 2000 : 90000);
        }

        if (model_take(now - back, 1)) {
            model.at[model.n - 1] = now;
        }
    }

    ok(model_most() == 100, "put back by %lld s in all: %zu let in, at most "
       "%lld at once", (long long) back / 1000, model.n,
       (long long) model_most());
}


/* as much as there can be: more than 98 % of the limit is used */

static void
test_full(void)
{
    int      n;
    int64_t  now, ms, used, limit;

    static const int32_t  periods[] = { 1, 10, 60, 3600 };

    for (n = 0; n < 4; n++) {
        ms = (int64_t) periods[n] * 1000;
        limit = 1000;

        model_start(periods[n], limit);

        for (now = START; now < START + 130 * ms; now += ai_max(ms / 2000, 1))
        {
            while (model_take(now, 1)) {
                /* void */
            }
        }

        /* the first filling is free, it is not counted */
        used = (int64_t) model.n - limit;

        ok(used * 100 > 98 * limit * 129 && model_most() <= limit,
           "%d s: %lld of %lld", periods[n], (long long) used,
           (long long) limit * 129);
    }

    /* evenly, a little above what is allowed */

    model_start(60, 1000);

    for (now = START; now < START + 100 * 60000; now += 55) {
        (void) model_take(now, 1);
    }

    ok(model.n > 98 * 1000 && model_most() <= 1000, "evenly: %zu of 100000",
       model.n);
}


/* the first moment that wait() names is the first when it is so */

static void
test_wait(void)
{
    int      i, n, early, late, never, whole;
    int64_t  now, wait, amount, sum, at, newest;
    int64_t  ring[AI_WINDOW_RING];

    static const int32_t  periods[] = { 1, 3, 10, 60, 3600 };

    early = 0;
    late = 0;
    never = 0;
    whole = 0;

    for (i = 0; i < 5; i++) {
        model_start(periods[i], 1000);
        now = START;

        for (n = 0; n < 2000; n++) {
            now += (int64_t) rnd((uint64_t) periods[i] * (n % 9 ? 40 : 900));
            (void) model_take(now, 1 + (int64_t) rnd(40));

            sum = ai_window_sum(model.ring);
            amount = (int64_t) rnd((uint64_t) sum + 20);
            wait = ai_window_wait(model.ring, model.newest, periods[i], now,
                                  amount);

            whole += ai_window_clear(model.ring, model.newest, periods[i],
                                     now)
                     != ai_window_wait(model.ring, model.newest, periods[i],
                                       now, sum);

            if (amount > sum || amount == 0) {
                never += wait != (amount ? -1 : 0);
                continue;
            }

            for (at = now + wait - 1; at <= now + wait; at++) {
                memcpy(ring, model.ring, sizeof(ring));
                newest = model.newest;
                ai_window_advance(ring, &newest,
                                  ai_window_slot(periods[i], at));

                if (at < now + wait) {
                    early += wait && sum - ai_window_sum(ring) >= amount;

                } else {
                    late += sum - ai_window_sum(ring) < amount;
                }
            }
        }
    }

    is_int(late, 0, "after the wait there is room");
    is_int(early, 0, "not a millisecond before");
    is_int(whole, 0, "all of it");
    is_int(never, 0, "0 is free, and more than there is never");

    memset(ring, 0, sizeof(ring));
    is_int(ai_window_wait(ring, 5, 1, 0, 1), -1, "an empty window");
    is_int(ai_window_clear(ring, 5, 1, 0), 0, "all of nothing");
    is_int(ai_window_wait(ring, 5, 1, 0, -1), 0, "less than nothing");

    ring[3] = 10;
    is_int(ai_window_wait(ring, 3, 64, 1500000, 10), 0, "long ago");
    is_int(ai_window_wait(ring, 3, 64, 3000, 10), 65000, "T and a 64th");
    is_int(ai_window_wait(ring, 3, 64, -5000, 10), 73000, "a clock put back");
}


/* slots tile time, in order, each a 64th of T */

static void
test_slots(void)
{
    int      i, wrong;
    int64_t  s, start, next, ms, slot;

    static const int32_t  periods[] = { 1, 2, 3, 7, 59, 60, 3600, 86399,
                                        AI_PERIOD_LONGEST };

    for (i = 0; i < 9; i++) {
        ms = (int64_t) periods[i] * 1000;
        slot = ai_window_slot(periods[i], START);
        wrong = 0;

        for (s = slot; s < slot + 2000; s++) {
            start = ai_window_slot_start(periods[i], s);
            next = ai_window_slot_start(periods[i], s + 1);

            wrong += ai_window_slot(periods[i], start) != s
                     || ai_window_slot(periods[i], start - 1) != s - 1
                     || ai_window_slot(periods[i], next - 1) != s
                     || next - start < ms / 64 || next - start > ms / 64 + 1
                     || ai_window_slot_start(periods[i], s + 64) - start != ms;
        }

        is_int(wrong, 0, "the slots of %d s", periods[i]);
    }

    is_int(ai_window_slot(1, 0), 0, "the first slot");
    is_int(ai_window_slot(1, 15), 0, "its last ms");
    is_int(ai_window_slot(1, 16), 1, "the second");
    is_int(ai_window_slot_start(1, 1), 16, "and its start");
    is_int(ai_window_slot(60, -5), 0, "nothing is before 1970");
    ok(ai_window_slot(1, INT64_MAX) > 0, "the end of time");
    ok(ai_window_slot_start(AI_PERIOD_LONGEST, INT64_MAX) == INT64_MAX,
       "the start of a slot beyond it");
}


static void
test_clock(void)
{
    int      i;
    int64_t  ring[AI_WINDOW_RING], newest, slot;

    memset(ring, 0, sizeof(ring));
    newest = 0;
    slot = ai_window_slot(60, START);

    ai_window_advance(ring, &newest, slot);
    ring[slot % AI_WINDOW_RING] = 7;

    ai_window_advance(ring, &newest, slot - 1);
    ok(newest == slot && ai_window_sum(ring) == 7, "a slot back: nothing");
    ai_window_advance(ring, &newest, slot - 100000);
    ok(newest == slot && ai_window_sum(ring) == 7, "days back: nothing");
    ai_window_advance(ring, &newest, -5);
    ok(newest == slot && ai_window_sum(ring) == 7, "before 1970: nothing");

    for (i = 1; i <= AI_WINDOW_SLOTS; i++) {
        ai_window_advance(ring, &newest, slot + i);
        ring[(slot + i) % AI_WINDOW_RING] = 1;

        if (ai_window_sum(ring) != 7 + i || !ai_window_has(newest, slot)) {
            break;
        }
    }

    is_int(i, AI_WINDOW_RING, "64 slots on it is still in");

    ai_window_advance(ring, &newest, slot + i);
    is_int(ai_window_sum(ring), 64, "with the next it is out");
    ok(!ai_window_has(newest, slot) && ai_window_has(newest, slot + 1),
       "and said to be");
    ok(ai_window_has(newest, newest) && !ai_window_has(newest, newest + 1),
       "the newest is in, one to come is not");

    ai_window_advance(ring, &newest, newest + 63);
    is_int(ai_window_sum(ring), 1, "all but one");

    ring[5] = 4;
    ai_window_advance(ring, &newest, newest + 5 * 86400 / 60 * 64);
    is_int(ai_window_sum(ring), 0, "days forward: all of it is out");

    ring[0] = INT64_MAX;
    ring[1] = INT64_MAX;
    is_int(ai_window_sum(ring), INT64_MAX, "sums stop at the end");
    ring[0] = INT64_MIN;
    ring[1] = INT64_MIN;
    is_int(ai_window_sum(ring), INT64_MIN, "at the other end as well");

    ok(!ai_window_has(INT64_MIN, INT64_MAX)
       && !ai_window_has(INT64_MAX, INT64_MIN), "numbers far apart");
}


/* windows tile time: each begins where the one before ends, and any moment
 * of it gives the same */

static void
tile(const char *rule, int32_t period, const char *name)
{
    int      n, wrong;
    int64_t  start, end, s, e, at, length;
    ai_tz_t  *tz;

    tz = rule ? tz_make(rule) : NULL;
    wrong = 0;
    at = START / 1000;

    ai_window_calendar(period, tz, at, &start, &end);
    wrong += !(start <= at && at < end);

    for (n = 0; n < 1500; n++) {
        length = end - start;
        wrong += length <= 0 || length > 32 * 86400;

        at = start + (int64_t) rnd((uint64_t) length);
        ai_window_calendar(period, tz, at, &s, &e);
        wrong += s != start || e != end;

        ai_window_calendar(period, tz, end - 1, &s, &e);
        wrong += s != start || e != end;

        ai_window_calendar(period, tz, end, &s, &e);
        wrong += s != end;

        start = s;
        end = e;
    }

    is_int(wrong, 0, "%s by the %s", rule ? rule : "UTC", name);
}


static void
test_calendar(void)
{
    size_t  i;

    static const char  *rules[] = {
        NULL, "CET-1CEST,M3.5.0,M10.5.0/3", "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",

        /* at midnight, and an hour and 23 hours beside it */
        "<-03>3<-02>,M10.3.0/0,M2.3.0/0", "AAA5BBB,M3.2.0/0,M11.1.0/1",
        "AAA3:30BBB,M4.1.0/0:01,M10.5.0/0:01",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",

        /* first days of weeks and months, and a day skipped and repeated */
        "AAA0BBB,M3.1.1/0,M11.1.1/0:30", "AAA0BBB,J60/0,J305/0:30",
        "AAA10BBB-14,J152/0,J305/0", "AAA10BBB-14,J100/12,J200/0:30"
    };

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        tile(rules[i], AI_PERIOD_DAY, "day");
        tile(rules[i], AI_PERIOD_WEEK, "week");
        tile(rules[i], AI_PERIOD_MONTH, "month");
        mem_reset();
    }
}


typedef struct {
    const char  *rule;
    int32_t      period;
    int64_t      at;
    int64_t      start;
    int64_t      end;
} calendar_case_t;


static const calendar_case_t  calendars[] = {

    /* Thursday 2026-01-01 12:00 */
    { NULL, AI_PERIOD_DAY, 1767268800, 1767225600, 1767312000 },
    { NULL, AI_PERIOD_WEEK, 1767268800, 1766966400, 1767571200 },
    { NULL, AI_PERIOD_MONTH, 1767268800, 1767225600, 1769904000 },

    /* its edges */
    { NULL, AI_PERIOD_DAY, 1767225600, 1767225600, 1767312000 },
    { NULL, AI_PERIOD_DAY, 1767225599, 1767139200, 1767225600 },
    { NULL, AI_PERIOD_WEEK, 1766966400, 1766966400, 1767571200 },
    { NULL, AI_PERIOD_WEEK, 1766966399, 1766361600, 1766966400 },
    { NULL, AI_PERIOD_MONTH, 1769903999, 1767225600, 1769904000 },

    /* February of 2024, 2026, 2000 and 2100 */
    { NULL, AI_PERIOD_MONTH, 1708000000, 1706745600, 1709251200 },
    { NULL, AI_PERIOD_MONTH, 1771000000, 1769904000, 1772323200 },
    { NULL, AI_PERIOD_MONTH, 951782400, 949363200, 951868800 },
    { NULL, AI_PERIOD_MONTH, 4106000000, 4105123200, 4107542400 },

    /* Berlin: a day of 23 hours and its week, one of 25, months of both */
    { "CET-1CEST,M3.5.0,M10.5.0/3", AI_PERIOD_DAY, 1774746000,
      1774738800, 1774821600 },
    { "CET-1CEST,M3.5.0,M10.5.0/3", AI_PERIOD_WEEK, 1774746000,
      1774220400, 1774821600 },
    { "CET-1CEST,M3.5.0,M10.5.0/3", AI_PERIOD_MONTH, 1774746000,
      1772319600, 1774994400 },
    { "CET-1CEST,M3.5.0,M10.5.0/3", AI_PERIOD_DAY, 1792890000,
      1792879200, 1792969200 },

    /* 00:00 of Sunday 2026-10-18 is skipped: it begins at 01:00 */
    { "<-03>3<-02>,M10.3.0/0,M2.3.0/0", AI_PERIOD_DAY, 1792292399,
      1792206000, 1792292400 },
    { "<-03>3<-02>,M10.3.0/0,M2.3.0/0", AI_PERIOD_DAY, 1792292400,
      1792292400, 1792375200 },

    /* 00:01 of Sunday 2026-10-25 back to 23:01 (UTC-2:30 to -3:30): the day
     * that has begun at 02:30 UTC goes on */
    { "AAA3:30BBB,M4.1.0/0:01,M10.5.0/0:01", AI_PERIOD_DAY, 1792895400,
      1792895400, 1792985400 },
    { "AAA3:30BBB,M4.1.0/0:01,M10.5.0/0:01", AI_PERIOD_DAY, 1792895520,
      1792895400, 1792985400 },
    { "AAA3:30BBB,M4.1.0/0:01,M10.5.0/0:01", AI_PERIOD_DAY, 1792895399,
      1792809000, 1792895400 }
};


static void
test_dates(void)
{
    size_t    i;
    int64_t   start, end;
    ai_tz_t  *tz;

    for (i = 0; i < sizeof(calendars) / sizeof(calendars[0]); i++) {
        tz = calendars[i].rule ? tz_make(calendars[i].rule) : NULL;

        ai_window_calendar(calendars[i].period, tz, calendars[i].at, &start,
                           &end);

        is_int(start, calendars[i].start, "window %zu begins", i);
        is_int(end, calendars[i].end, "window %zu ends", i);
        mem_reset();
    }
}


int
main(void)
{
    test_limit();
    test_back();
    test_full();
    test_wait();
    test_slots();
    test_clock();
    test_calendar();
    test_dates();

    return done();
}
