
/*
 * A node's part of a counter that others share: each rule by itself.  What
 * comes of all of them together is in test_lease_model.c.
 */

#include <tap.h>
#include <mem.h>

#include <base/ai_hash.h>
#include <limit/ai_lease.h>
#include <store/ai_redis_scripts.h>


#define DAY   86400LL
#define T0    1795305600LL          /* 2026-11-22 00:00:00 UTC, a Sunday */
#define NOW   5000000LL             /* ms of the clock of leases */
#define WALL  (T0 * 1000 + 3600000)


static ai_redo_t        redo;
static ai_lease_call_t  call;
static int64_t          serial;


static ai_quota_t *
get_at(ai_quotas_t *t, const char *name, ai_unit_e unit, int32_t period,
    int64_t wall)
{
    ai_str_t     key;
    ai_uint_t    made;
    ai_quota_t  *q;

    key.data = (ai_char_t *) name;
    key.len = strlen(name);

    q = ai_quotas_get(t, mem_pool(),
                      ai_quota_id(ai_hash(key.data, key.len), unit, period),
                      &key, unit, period, wall, &made);

    if (q) {
        ai_quota_roll(q, NULL, wall, &redo);
    }

    return q;
}


static ai_quota_t *
get(ai_unit_e unit, int32_t period)
{
    mem_reset();
    serial = 0;

    return get_at(ai_quotas_create(mem_pool(), 1, 1), "key", unit, period,
                  WALL);
}


static void
take(ai_quota_t *q, int64_t amount, int64_t wall)
{
    ai_quota_claim_t  c;

    memset(&c, 0, sizeof(c));
    c.quota = q;
    c.limit = INT64_MAX;
    c.amount = amount;

    ai_quota_roll(q, NULL, wall, &redo);
    ai_redo_begin(&redo);
    (void) ai_quota_check(&c, wall, &redo);
    (void) ai_quota_take(&c, &redo);
    ai_redo_commit(&redo);
}


static void
settle(ai_quota_t *q, int64_t window, int64_t reserved, int64_t used)
{
    ai_redo_begin(&redo);
    (void) ai_quota_settle(q, window, reserved, used, &redo);
    ai_redo_commit(&redo);
}


static void
ask(ai_quota_t *q, int64_t amount, int64_t limit, int64_t now)
{
    (void) ai_lease_has(q, amount, now);
    ai_lease_call(q, amount, 1, limit, ++serial, 1, now, &call);
}


static void
tell(ai_quota_t *q, int64_t now)
{
    ai_lease_call(q, 0, 0, 100, ++serial, 1, now, &call);
}


static ai_int_t
answer(ai_quota_t *q, int64_t given, int64_t used, int64_t leased,
    int64_t known, int64_t now)
{
    ai_lease_reply_t  r;

    memset(&r, 0, sizeof(r));
    r.given = given;
    r.used = used;
    r.leased = leased;

    /* of slots it knows what it was told; -1: it has forgotten that */

    r.known = ai_max(known, 0);

    if (ai_quota_is_sliding(q) && known != -1) {
        r.known = ai_max(known, call.known);
    }

    return ai_lease_reply(q, &call, &r, now);
}


static void
no(ai_quota_t *q, int64_t now)
{
    ai_lease_reply_t  r;

    memset(&r, 0, sizeof(r));
    r.refused = 1;

    (void) ai_lease_reply(q, &call, &r, now);
}


/* it has n that is free */

static ai_quota_t *
leased(ai_unit_e unit, int32_t period, int64_t n)
{
    ai_quota_t  *q;

    q = get(unit, period);
    ask(q, n, 100, NOW);
    (void) answer(q, n, 0, 0, 0, NOW + 1);

    return q;
}


static int
due(ai_quota_t *q, int64_t now)
{
    return (int) ai_lease_is_due(q, 1, now, WALL / 1000);
}


static int64_t
told(int64_t slot)
{
    ai_uint_t  i;

    for (i = 0; i < call.n; i++) {
        if (call.tell[i].slot == slot) {
            return call.tell[i].used;
        }
    }

    return -1;
}


static void
test_basics(void)
{
    ai_quota_t  *q;

    q = get(AI_UNIT_TOKENS, AI_PERIOD_DAY);

    is_int(ai_lease_size(AI_PERIOD_DAY),
           sizeof(ai_lease_t) + 2 * sizeof(int64_t), "size of a day's");
    is_int(ai_lease_size(0), ai_lease_size(-3), "of concurrency");
    is_int(ai_lease_size(60),
           sizeof(ai_lease_t) + AI_WINDOW_RING * sizeof(int64_t),
           "of one that slides");

    ok(ai_lease_has(q, 0, NOW), "nothing is always there");
    ok(!ai_lease_has(q, 1, NOW), "a new one has nothing");
    is_int(q->lease->wanted, NOW, "somebody has looked");

    ask(q, 7, 100, NOW);
    is_int(call.id, q->id, "a call: whose");
    is_int(call.unit, AI_UNIT_TOKENS, "unit");
    is_int(call.period, AI_PERIOD_DAY, "period");
    is_int(call.window, T0, "window");
    is_int(call.end, T0 + DAY, "end");
    is_int(call.oldest, -1, "no slots");
    is_int(call.limit, 100, "limit");
    is_int(call.held, 0, "nothing is held");
    is_int(call.least, 7, "the least");
    is_int(call.most, 7, "the most: none beyond at first");
    is_int(call.n, 1, "one is told");
    is_int(call.tell[0].slot, -1, "of the day");
    is_int(call.tell[0].used, 0, "nothing");
    is_int(call.known, 0, "nothing was told");

    ok(ai_lease_is_called(q->lease, NOW), "one at a time");
    ok(ai_lease_is_called(q->lease, NOW + 999), "for a second");
    ok(!ai_lease_is_called(q->lease, NOW + 1000), "then it has died");

    is_int(answer(q, 7, 11, 13, 0, NOW + 5), AI_OK, "an answer");
    ok(!ai_lease_is_called(q->lease, NOW + 5), "the call has ended");
    ok(ai_lease_has(q, 7, NOW + 5), "7 are there");
    ok(!ai_lease_has(q, 8, NOW + 5), "8 are not");
    is_int(q->lease->used, 11, "used by others");
    is_int(q->lease->leased, 13, "leased by others");

    /* its end comes earlier here than there */

    ok(ai_lease_has(q, 7, NOW + AI_LEASE_TIME - 1001), "until a second "
       "before the lease's end");
    ok(!ai_lease_has(q, 7, NOW + AI_LEASE_TIME - 1000), "then no longer");

    ask(q, 3, 100, NOW + AI_LEASE_TIME - 1000);
    is_int(call.held, 0, "what has ended is not held");
    is_int(call.least, 3, "all of it is asked for");

    /* the part that is not there */

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 4);
    ask(q, 10, 100, NOW + 2);
    is_int(call.held, 4, "4 are held");
    is_int(call.least, 6, "6 are missing");
    is_int(call.most, 6, "8 would be too little for another request");
    (void) answer(q, 6, 0, 0, 0, NOW + 3);
    ask(q, 14, 1000, NOW + 4);
    is_int(call.least, 4, "4 are missing");
    is_int(call.most, 4 + 14, "and one more, in a hurry");

    /* more than a limit */

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 4);
    ask(q, 4, -1, NOW + 2);
    is_int(call.limit, 0, "a limit that is not known");

    q = get(AI_UNIT_TOKENS, AI_PERIOD_DAY);
    ask(q, 1000, 100, NOW);
    is_int(call.least, 1000, "more than the limit is asked as it is");
    is_int(call.most, 1000, "and no more");
}


static void
test_grant(void)
{
    int          i;
    int64_t      now;
    ai_quota_t  *q;

    q = get(AI_UNIT_TOKENS, 60);
    now = NOW;

    ask(q, 10, 1000, now);
    (void) answer(q, call.most, 0, 0, 0, now);
    is_int(call.most, 10, "what it needs");
    ok(!ai_lease_is_low(q->lease, now), "nothing beyond: none in advance");

    take(q, 10, WALL);
    ask(q, 10, 1000, now + 100);
    is_int(call.most, 30, "it did not last: two more");
    (void) answer(q, 30, 0, 0, 0, now + 100);

    for (i = 0, now += 100; i < 10; i++) {
        take(q, q->lease->free, WALL);
        now += 100;
        ask(q, 10, 1000, now);
        (void) answer(q, call.most, 0, 0, 0, now);
    }

    is_int(call.most, 130, "an eighth of the limit beyond");
    ok(!ai_lease_is_low(q->lease, now), "enough");

    take(q, 100, WALL);
    is_int(q->lease->free, 30, "30 are left");
    ok(ai_lease_is_low(q->lease, now), "now it is low");
    ask(q, 0, 1000, now + 5000);
    ok(!ai_lease_is_low(q->lease, now + 5000), "not while somebody asks");
    is_int(call.least, 0, "in advance: nothing must be given");
    is_int(call.most, 60, "it has lasted: half as much");
    (void) answer(q, 0, 0, 0, 0, now + 5001);
    ok(!ai_lease_is_low(q->lease, now + 5001), "nothing was given: not again");

    take(q, 30, WALL);
    ask(q, 10, 1000, now + 5500);
    is_int(call.most, 10, "it begins anew");

    /* crumbs of the limit are of no use */

    q = get(AI_UNIT_TOKENS, 60);
    ask(q, 1, 7, NOW);
    (void) answer(q, 1, 0, 0, 0, NOW);
    take(q, 1, WALL);
    ask(q, 1, 7, NOW + 1);
    is_int(call.most, 1, "an eighth of seven is nothing");
}


static void
test_refused(void)
{
    ai_quota_t  *q;

    q = get(AI_UNIT_TOKENS, AI_PERIOD_DAY);
    ok(!ai_lease_is_refused(q->lease, 1000, NOW), "nothing was refused");

    ask(q, 10, 100, NOW);
    no(q, NOW + 1);
    ok(ai_lease_is_refused(q->lease, 10, NOW + 2), "as much");
    ok(ai_lease_is_refused(q->lease, 11, NOW + 2), "more");
    ok(!ai_lease_is_refused(q->lease, 9, NOW + 2), "less may be there");
    ok(ai_lease_is_refused(q->lease, 10, NOW + 100), "for a moment");
    ok(!ai_lease_is_refused(q->lease, 10, NOW + 101), "no longer");

    ask(q, 3, 100, NOW + 2);
    (void) answer(q, 3, 0, 0, 0, NOW + 3);
    ok(!ai_lease_is_refused(q->lease, 10, NOW + 3), "something was given");

    /* it had three, seven were missing */

    ask(q, 10, 100, NOW + 4);
    no(q, NOW + 5);
    ok(!ai_lease_is_refused(q->lease, 9, NOW + 6), "six may be there");
    ok(ai_lease_is_refused(q->lease, 10, NOW + 6), "seven are not");

    /* the three are of no use here, and given back */

    q->lease->wanted = NOW + 6;
    ok(due(q, NOW + 6), "crumbs");
    tell(q, NOW + 6);
    is_int(call.held, 0, "are given back");

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 10);
    ask(q, 10, 100, NOW + 4);
    q->lease->refused = NOW + 4;
    q->lease->grant = 40;
    q->lease->called = 0;
    ok(!ai_lease_is_low(q->lease, NOW + 5), "no more in advance for a second");
    ok(ai_lease_is_low(q->lease, NOW + 1004), "then again");
}


static void
test_due(void)
{
    ai_quota_t  *q;

    q = get(AI_UNIT_TOKENS, AI_PERIOD_DAY);
    ok(!due(q, NOW), "nothing to tell");
    ok(!due(q, NOW + 100000000), "ever");

    q->lease->wanted = NOW;
    tell(q, NOW - 2000);
    (void) answer(q, 0, 0, 0, 0, NOW - 2000);
    ok(due(q, NOW), "somebody looks: others are heard");
    tell(q, NOW);
    ok(!due(q, NOW + 999), "there is a call");
    (void) answer(q, 0, 0, 0, 0, NOW + 10);
    ok(!due(q, NOW + 510), "for half a second");
    ok(due(q, NOW + 511), "others are heard again");
    ok(!due(q, NOW + 5000), "nobody looks any more");

    /* news */

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 10);
    ok(!due(q, NOW + 1), "as told");
    take(q, 10, WALL);
    ok(!due(q, NOW + 1), "what runs is held, it is known as such");
    settle(q, T0, 10, 4);
    ok(due(q, NOW + 1), "something was used");
    tell(q, NOW + 2);
    is_int(call.tell[0].used, 4, "4");
    is_int(call.held, 6, "6 are still held");
    is_int(call.least, 0, "nothing must be given");
    is_int(call.most, 0, "nor is more wanted");
    ai_lease_failed(q, &call);
    ok(due(q, NOW + 3), "that was not heard");
    tell(q, NOW + 3);
    is_int(answer(q, 0, 0, 0, 0, NOW + 4), AI_OK, "that was");
    ok(!due(q, NOW + 4), "done");

    /* idle */

    ok(!due(q, NOW + 500), "it may be wanted");
    ok(due(q, NOW + 2001), "nobody wants it");
    tell(q, NOW + 2001);
    is_int(call.held, 0, "given back");
    ok(!ai_lease_has(q, 1, NOW + 2002), "at once");
    ai_lease_failed(q, &call);
    q->lease->wanted = 0;
    ok(due(q, NOW + 2003), "given back, until that is heard");
    tell(q, NOW + 2003);
    (void) answer(q, 0, 0, 0, 4, NOW + 2004);
    ok(!due(q, NOW + 2005), "given back");

    /* what is told is told again */

    ok(!due(q, NOW + 62004), "a minute");
    ok(due(q, NOW + 62005), "all is told again");
    tell(q, NOW + 62005);
    is_int(call.known, 0, "as if nothing was told");
    is_int(call.tell[0].used, 4, "4");
    (void) answer(q, 0, 0, 0, 4, NOW + 62006);

    /* another life of the store */

    ok(ai_lease_is_due(q, 2, NOW + 62007, WALL / 1000), "the store is "
       "another one");
    ok(!ai_lease_is_due(q, 2, NOW + 62007, T0 + 2 * DAY + 1), "nobody asks "
       "for the day before yesterday");
    ok(ai_lease_is_due(q, 2, NOW + 62007, T0 + 2 * DAY), "but for yesterday");
    ai_lease_call(q, 0, 0, 100, ++serial, 2, NOW + 62007, &call);
    is_int(call.known, 0, "nothing is known there");
    is_int(call.tell[0].used, 4, "4, again");
    (void) answer(q, 0, 0, 0, 0, NOW + 62008);
    ok(!ai_lease_is_due(q, 2, NOW + 62009, WALL / 1000), "told");

    /* renewed, while something runs */

    q = leased(AI_UNIT_CONCURRENCY, AI_PERIOD_NONE, 1);
    take(q, 1, WALL);
    ok(!due(q, NOW + 6000), "it runs");
    ok(!due(q, NOW + 9000), "for 9 seconds");
    ok(due(q, NOW + 9001), "then the lease is renewed");
    tell(q, NOW + 9001);
    is_int(call.held, 1, "one");
    is_int(call.n, 0, "nothing is told");
    is_int(call.known, -1, "nor is anything known");
    (void) answer(q, 0, 0, 0, 0, NOW + 9002);
    ok(!due(q, NOW + 9003), "renewed");
    settle(q, 0, 1, 1);
    is_int(q->lease->free, 1, "it has ended");
    ok(due(q, NOW + 9003), "and is given back");
    tell(q, NOW + 9003);
    is_int(call.held, 0, "none");
    (void) answer(q, 0, 0, 0, 0, NOW + 9004);
    ok(!due(q, NOW + 9003), "done");
    ok(!due(q, NOW + 90030000), "for ever");

    /* the answer was lost: who knows what it was */

    q = get(AI_UNIT_CONCURRENCY, AI_PERIOD_NONE);
    ask(q, 1, 8, NOW);
    ai_lease_failed(q, &call);
    ok(due(q, NOW + 1), "it may have been given");
    tell(q, NOW + 1);
    is_int(call.held, 0, "nothing is held");
    (void) answer(q, 0, 0, 0, 0, NOW + 2);
    ok(!due(q, NOW + 3), "that is known now");

    /* one that slides does so before anybody is idle */

    q = leased(AI_UNIT_TOKENS, 1, 10);
    ok(ai_lease_is_due(q, 1, NOW + 2002, WALL / 1000 + 3), "the window is "
       "over, the lease is not");
    ai_lease_call(q, 0, 0, 100, ++serial, 1, NOW + 2002, &call);
    is_int(call.held, 0, "given back");
    (void) answer(q, 0, 0, 0, 0, NOW + 2003);
    ok(!ai_lease_is_due(q, 1, NOW + 2004, WALL / 1000 + 3), "done");
}


static void
test_calls(void)
{
    ai_quota_t       *q;
    ai_lease_call_t   first;

    q = get(AI_UNIT_TOKENS, AI_PERIOD_DAY);

    ask(q, 10, 100, NOW);
    first = call;
    ask(q, 5, 100, NOW + 1500);
    ok(call.serial > first.serial, "a later one");

    is_int(ai_lease_reply(q, &first,
                          &(ai_lease_reply_t) { 10, 1, 1, 50, 0 }, NOW + 1600),
           AI_OK, "an answer to the one before");
    ok(!ai_lease_has(q, 1, NOW + 1600), "is not counted");
    is_int(q->lease->used, 0, "nor looked at");
    ai_lease_failed(q, &first);
    ok(ai_lease_is_called(q->lease, NOW + 1600), "the later one is waited "
       "for");
    (void) answer(q, 5, 2, 3, 0, NOW + 1700);
    ok(ai_lease_has(q, 5, NOW + 1700), "that one counts");
    is_int(q->lease->until, NOW + 1500 + AI_LEASE_TIME - 1000,
           "from when it was sent");

    /* somebody's counter that is poisoned */

    ask(q, 10, 100, NOW + 1800);
    is_int(answer(q, -1, 0, 0, 0, NOW + 1801), AI_OK, "one that cannot be "
           "used");
    is_int(q->lease->free, 5, "gives nothing");
    is_int(q->lease->used, 2, "tells nothing");
    ok(!ai_lease_is_called(q->lease, NOW + 1801), "ends");

    /* takes meanwhile */

    ask(q, 10, 100, NOW + 1900);
    take(q, 4, WALL);
    (void) answer(q, 5, 2, 3, 0, NOW + 1901);
    is_int(q->lease->free, 6, "what was taken while it was under way");
    is_int(q->lease->held, 10, "is among what is held");

    /* what the store has forgotten */

    settle(q, T0, 4, 3);
    tell(q, NOW + 2000);
    is_int(answer(q, 0, 2, 3, 0, NOW + 2001), AI_OK, "told");
    tell(q, NOW + 2100);
    is_int(call.known, 3, "it knows 3");
    is_int(answer(q, 0, 0, 0, 3, NOW + 2101), AI_OK, "so it says");
    tell(q, NOW + 2200);
    is_int(answer(q, 0, 0, 0, 7, NOW + 2201), AI_OK, "or more");
    ask(q, 20, 100, NOW + 2300);
    is_int(answer(q, 20, 0, 0, 2, NOW + 2301), AI_DECLINED, "less");
    ok(!ai_lease_has(q, 20, NOW + 2301), "what it has given then is not "
       "taken");

    /* the same with amounts that no counter has */

    q = get(AI_UNIT_TOKENS, AI_PERIOD_DAY);
    take(q, 5, WALL);
    settle(q, T0, 5, INT64_MAX);
    tell(q, NOW);
    is_int(call.tell[0].used, AI_REDIS_AMOUNT, "the most that can be told");
    is_int(answer(q, 0, 0, 0, 0, NOW + 1), AI_OK, "told");
    ok(!due(q, NOW + 2), "no news");
    tell(q, NOW + 2);
    is_int(answer(q, 0, 0, 0, AI_REDIS_AMOUNT, NOW + 3), AI_OK,
           "nothing was forgotten");

    take(q, INT64_MAX, WALL);
    tell(q, NOW + 4);
    is_int(call.held, AI_REDIS_AMOUNT, "the most that can be held");
    (void) answer(q, 0, 0, 0, AI_REDIS_AMOUNT, NOW + 5);
    take(q, INT64_MAX, WALL);
    take(q, INT64_MAX, WALL);
    tell(q, NOW + 6);
    (void) answer(q, 0, 0, 0, AI_REDIS_AMOUNT, NOW + 7);
    ok(q->lease->free <= 0, "nothing is free of that");
}


static void
test_windows(void)
{
    int64_t           tomorrow, used, others;
    ai_quota_t       *q;
    ai_lease_call_t   before, first;
    ai_quota_claim_t  c;

    q = leased(AI_UNIT_COST, AI_PERIOD_DAY, 10);
    take(q, 4, WALL);
    q->lease->used = 17;
    q->lease->leased = 3;
    tomorrow = WALL + DAY * 1000;

    ai_lease_others(q, 0, &used, &others);
    is_int(used, 17, "used by others");
    is_int(others, 3, "leased by others");

    ask(q, 20, 100, NOW + 10);
    ai_quota_roll(q, NULL, tomorrow, &redo);
    ok(!ai_lease_has(q, 1, NOW + 20), "the next day: nothing is left");
    ai_lease_others(q, 0, &used, &others);
    is_int(used + others, 0, "nor of others");
    is_int(answer(q, 20, 17, 3, 0, NOW + 20), AI_OK, "an answer of "
           "yesterday");
    is_int(q->lease->free, 0, "gives nothing today");
    is_int(q->lease->used, 0, "nor does it tell");
    is_int(q->lease->held, 0, "nor is it held");

    /* ends in its window */

    settle(q, T0, 4, 3);
    is_int(q->lease->free, 0, "what comes back of it is not free");
    ok(due(q, NOW + 30), "but told");
    ai_lease_call(q, 0, 0, 100, ++serial, 1, NOW + 30, &call);
    is_int(call.window, T0 + DAY, "of today");
    is_int(call.tell[0].used, 0, "nothing");
    ok(ai_lease_call_before(q, serial, 1, NOW + 30, &before), "of yesterday");
    is_int(before.window, T0, "its window");
    is_int(before.end, T0 + DAY, "its end");
    is_int(before.tell[0].used, 3, "3");
    is_int(before.held, 0, "nothing runs there");
    is_int(before.least + before.most, 0, "nothing is asked for");
    is_int(before.serial, call.serial, "of one call");
    (void) answer(q, 0, 1, 2, 0, NOW + 31);
    ok(due(q, NOW + 31), "the other answer is missing");
    is_int(ai_lease_reply(q, &before, &(ai_lease_reply_t) { 0, 50, 60, 0, 0 },
                          NOW + 31),
           AI_OK, "there it is");
    is_int(q->lease->used, 1, "it tells nothing of today");
    ok(!due(q, NOW + 32), "all is told");
    ok(!ai_lease_call_before(q, serial, 1, NOW + 32, &before), "not twice");
    ok(ai_lease_call_before(q, serial, 2, NOW + 32, &before), "but to "
       "another store");

    /* what still runs there is held for those whose clocks are behind */

    q = leased(AI_UNIT_COST, AI_PERIOD_DAY, 10);
    take(q, 4, WALL);
    take(q, 5, WALL);
    ai_quota_roll(q, NULL, tomorrow, &redo);
    settle(q, T0, 4, 4);
    ok(ai_lease_call_before(q, ++serial, 1, NOW + 30, &before), "yesterday");
    is_int(before.held, 5, "5 run");

    /* a day back: what it was told is known of all that is known here */

    q = get(AI_UNIT_COST, AI_PERIOD_DAY);
    take(q, 4, WALL);
    settle(q, T0, 4, 4);
    tell(q, NOW);
    (void) answer(q, 0, 0, 0, 0, NOW);
    take(q, 5, tomorrow);
    settle(q, T0 + DAY, 5, 5);
    tell(q, NOW + 1);
    (void) answer(q, 0, 0, 0, 0, NOW + 1);
    ok(!due(q, NOW + 2), "two days are told");
    take(q, 1, WALL);
    settle(q, T0, 1, 1);
    tell(q, NOW + 2);
    is_int(call.window, T0, "the first one again");
    is_int(call.known, 4, "it knows 4");
    is_int(call.tell[0].used, 5, "5");
    (void) answer(q, 0, 0, 0, 4, NOW + 2);
    ok(!due(q, NOW + 3), "all is told");
    take(q, 2, WALL - DAY * 1000);
    settle(q, T0 - DAY, 2, 2);
    tell(q, NOW + 4);
    is_int(call.window, T0 - DAY, "the day before");
    is_int(call.known, 0, "it knows nothing of it");
    (void) answer(q, 0, 0, 0, 0, NOW + 4);
    ok(!due(q, NOW + 5), "and now it does, with the first one");

    /* one that was opened by a ledger is not that of the lease */

    q = leased(AI_UNIT_COST, AI_PERIOD_DAY, 10);
    q->lease->used = 17;
    settle(q, T0 + DAY, 0, 6);
    ok(!ai_lease_has(q, 1, NOW + 2), "the lease is of another day");
    ai_lease_others(q, 0, &used, &others);
    is_int(used, 0, "so is what is known");
    tell(q, NOW + 2);
    is_int(call.window, T0 + DAY, "told");
    is_int(call.held, 0, "nothing is held of it");
    is_int(call.tell[0].used, 6, "6");

    /* long over when the answer comes */

    q = get(AI_UNIT_COST, AI_PERIOD_DAY);
    take(q, 4, WALL);
    settle(q, T0, 4, 4);
    tell(q, NOW);
    first = call;
    take(q, 1, tomorrow);
    take(q, 1, tomorrow + DAY * 1000);
    is_int(ai_lease_reply(q, &first, &(ai_lease_reply_t) { 0, 9, 9, 0, 0 },
                          NOW + 9),
           AI_OK, "an answer of the day before yesterday");
    is_int(q->lease->used, 0, "is of no use");

    /* what check says with others */

    q = get(AI_UNIT_TOKENS, AI_PERIOD_DAY);
    tell(q, NOW);
    (void) answer(q, 0, 30, 20, 0, NOW);
    memset(&c, 0, sizeof(c));
    c.quota = q;
    c.limit = 100;
    c.amount = 51;
    ai_redo_begin(&redo);
    ok(!ai_quota_check(&c, WALL, &redo), "51 do not fit");
    is_int(c.remaining, 50, "50 are left");
    is_int(c.exhausted, 0, "for now");
    c.amount = 50;
    ok(ai_quota_check(&c, WALL, &redo), "50 do");
}


static void
test_slots(void)
{
    int64_t      slot, used, others, wall;
    ai_quota_t  *q;

    /* 1 s each */

    q = leased(AI_UNIT_TOKENS, 64, 50);
    slot = WALL / 1000;
    is_int(q->u.slide.newest, slot, "slots of a second");
    is_int(call.oldest, slot - 64, "the oldest");
    is_int(call.window, 0, "no window");
    is_int(call.known, 0, "nothing was told");

    take(q, 10, WALL);
    is_int(q->lease->free, 40, "taken");
    ok(due(q, NOW + 2), "booked, and told");
    tell(q, NOW + 2);
    is_int(call.n, 1, "one slot");
    is_int(told(slot), 10, "10");
    is_int(call.held, 40, "of one that slides only what is free is held");

    /* what the store may have of a slot slides out there */

    settle(q, slot, 10, 3);
    is_int(q->lease->free, 40, "what comes back is not free before it is "
           "told");
    ai_lease_failed(q, &call);
    take(q, 5, WALL);
    is_int(q->lease->free, 35, "5 more");
    settle(q, slot, 5, 0);
    is_int(q->lease->free, 35, "the store may have 10");
    take(q, 20, WALL);
    settle(q, slot, 20, 0);
    is_int(q->lease->free, 28, "what is above that comes back");

    tell(q, NOW + 3);
    is_int(told(slot), 3, "3");
    is_int(call.held, 28, "and what is left");
    (void) answer(q, 0, 0, 0, 10, NOW + 4);
    take(q, 10, WALL);
    settle(q, slot, 10, 1);
    is_int(q->lease->free, 27, "what was not told comes back");
    is_int(q->u.slide.ring[slot % AI_WINDOW_RING], 4, "4 are used");

    tell(q, NOW + 5);
    (void) answer(q, 0, 0, 0, 3, NOW + 6);
    ok(!due(q, NOW + 6), "all is told");
    tell(q, NOW + 7);
    is_int(call.n, 0, "nothing new");

    /* after a call that had no answer all is told */

    ai_lease_failed(q, &call);
    ok(due(q, NOW + 8), "it is not sure");
    wall = WALL + 10000;
    take(q, 2, wall);
    tell(q, NOW + 8);
    is_int(call.n, 2, "two slots");
    is_int(told(slot), 4, "4");
    is_int(told(slot + 10), 2, "2");
    (void) answer(q, 0, 6, 5, 3, NOW + 9);

    /* settled with nothing: it must be told that, too */

    settle(q, slot + 10, 2, 0);
    ok(due(q, NOW + 10), "news");
    tell(q, NOW + 10);
    is_int(call.n, 1, "one slot");
    is_int(told(slot + 10), 0, "0");
    ai_lease_failed(q, &call);
    tell(q, NOW + 11);
    is_int(told(slot + 10), 0, "0, again");
    is_int(told(slot), 4, "and all the rest");
    (void) answer(q, 0, 6, 5, 3, NOW + 12);
    ok(!due(q, NOW + 12), "told");

    /* another store may be the same one */

    ai_lease_call(q, 0, 0, 100, ++serial, 2, NOW + 13, &call);
    is_int(call.n, 1, "all is told");
    is_int(told(slot), 4, "4");
    (void) answer(q, 0, 6, 5, 3, NOW + 13);

    /* once a minute all is told, also if there is a call each second */

    for (used = 1; used < 60; used++) {
        ai_lease_call(q, 0, 0, 100, ++serial, 2, NOW + 13 + used * 1000,
                      &call);

        if (call.n) {
            ok(0, "something is told after %d s", (int) used);
        }

        (void) answer(q, 0, 6, 5, 4, NOW + 13 + used * 1000);
    }

    ai_lease_call(q, 0, 0, 100, ++serial, 2, NOW + 61013, &call);
    is_int(call.n, 1, "after a minute all is told");
    (void) answer(q, 0, 6, 5, 4, NOW + 61013);

    /* others' slide out here as well */

    ai_lease_others(q, slot + 10 + 64, &used, &others);
    is_int(used, 6, "used by others, 64 s later");
    ai_lease_others(q, slot + 10 + 65, &used, &others);
    is_int(used + others, 0, "nothing after 65 s");

    /* a slot that has slid out takes nothing, and gives nothing */

    q = leased(AI_UNIT_TOKENS, 64, 50);
    take(q, 10, WALL);
    ai_quota_roll(q, NULL, WALL + 65000, &redo);
    settle(q, slot, 10, 0);
    is_int(q->lease->free, 40, "it has slid out");
    tell(q, NOW + 2);
    is_int(call.n, 0, "there is nothing to tell of it");

    /* nothing is left here, and the store has not heard so */

    q = leased(AI_UNIT_TOKENS, 64, 50);
    take(q, 50, WALL);
    tell(q, NOW + 2);
    (void) answer(q, 0, 0, 0, 0, NOW + 3);
    settle(q, slot, 50, 0);
    tell(q, NOW + 4);
    ai_lease_failed(q, &call);
    ok(due(q, NOW + 5), "it may still have 50");
    ok(ai_lease_is_due(q, 2, NOW + 5, WALL / 1000), "also if it is another "
       "one");
    tell(q, NOW + 5);
    is_int(told(slot), 0, "nothing");
    (void) answer(q, 0, 0, 0, 50, NOW + 6);
    ok(!due(q, NOW + 7), "told");

    /* as many as there can be */

    q = leased(AI_UNIT_TOKENS, 64, 90);

    for (used = 0; used < 70; used++) {
        take(q, 1, WALL + used * 1000);
    }

    tell(q, NOW + 2);
    is_int(call.n, AI_WINDOW_RING, "all slots");
    is_int(told(slot + 69), 1, "the newest");
    is_int(told(slot + 5), 1, "the oldest");

    /* the store has lost what it was told */

    q = leased(AI_UNIT_TOKENS, 64, 50);
    take(q, 10, WALL);
    tell(q, NOW + 1);
    is_int(answer(q, 0, 0, 0, 0, NOW + 1), AI_OK, "it has heard of 10");
    tell(q, NOW + 2);
    is_int(call.known, 1, "it should know something");
    is_int(answer(q, 0, 0, 0, -1, NOW + 2), AI_DECLINED, "it does not");
}


/* F48: the clock was ahead, and is set back */

static void
test_back(void)
{
    int64_t      slot, ahead, i;
    ai_quota_t  *q;

    q = leased(AI_UNIT_TOKENS, 64, 90);
    slot = WALL / 1000;
    ahead = slot + DAY;

    for (i = 0; i < 65; i++) {
        take(q, 1, WALL + DAY * 1000 + i * 1000);
    }

    tell(q, NOW + 2);
    is_int(call.n, 65, "of tomorrow");
    (void) answer(q, 0, 0, 0, 0, NOW + 3);

    take(q, 2, WALL);
    is_int(q->u.slide.newest, slot, "the clock is set back");
    is_int(q->u.slide.ring[slot % AI_WINDOW_RING], 67, "all counts as of "
           "now");

    ok(due(q, NOW + 4), "the store has to hear it");
    settle(q, slot, 2, 0);
    is_int(q->lease->free, 23, "until then nothing comes back");

    tell(q, NOW + 4);
    is_int(call.n, 66, "all at once");
    is_int(told(ahead + 64), 0, "the newest of tomorrow is empty");
    is_int(told(ahead), 0, "the oldest, too");
    is_int(told(slot), 65, "all is there now");
    is_int(call.oldest, slot - 64, "the oldest that counts");
    ai_lease_failed(q, &call);

    tell(q, NOW + 5);
    is_int(call.n, 66, "once more");
    (void) answer(q, 0, 0, 0, 65, NOW + 6);
    ok(!due(q, NOW + 6), "told");
    take(q, 3, WALL);
    settle(q, slot, 3, 1);
    is_int(q->lease->free, 22, "now it comes back");
    tell(q, NOW + 7);
    is_int(call.n, 1, "as ever");
    is_int(told(slot), 66, "the sum");

    /* ahead again while the call is under way */

    q = leased(AI_UNIT_TOKENS, 64, 90);
    take(q, 1, WALL + DAY * 1000);
    tell(q, NOW + 2);
    (void) answer(q, 0, 0, 0, 0, NOW + 3);
    take(q, 2, WALL);
    tell(q, NOW + 4);
    is_int(told(ahead), 0, "nothing ahead");
    is_int(told(slot), 3, "all is of now");
    take(q, 4, WALL + DAY * 1000);
    (void) answer(q, 0, 0, 0, 1, NOW + 5);
    ok(due(q, NOW + 5), "it has 4");
    tell(q, NOW + 6);
    is_int(told(ahead), 4, "4, ahead");

    /* set back while a call is under way */

    (void) answer(q, 0, 0, 0, 1, NOW + 7);
    take(q, 5, WALL + DAY * 1000);
    tell(q, NOW + 8);
    take(q, 1, WALL);
    (void) answer(q, 0, 0, 0, 1, NOW + 9);
    ok(due(q, NOW + 9), "it is told");
    tell(q, NOW + 10);
    is_int(told(ahead), 0, "nothing ahead");
    is_int(told(slot), 10, "all is of now");
}


/* more is used than there is, with what comes of it */

static void
test_owed(void)
{
    ai_quota_t  *q;

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 10);
    take(q, 10, WALL);
    settle(q, T0, 10, 16);
    is_int(q->lease->free, -6, "6 beyond");
    ok(!ai_lease_has(q, 1, NOW + 2), "nothing is there");
    ask(q, 5, 100, NOW + 2);
    is_int(call.least, 5, "what was used is not asked for");
    is_int(call.held, 0, "nor held");
    is_int(call.tell[0].used, 16, "it is told");
    is_int(answer(q, 5, 0, 0, 0, NOW + 3), AI_OK, "5 are given");
    ok(ai_lease_has(q, 5, NOW + 3), "and there");

    /* taken without a lease, and given back; nobody has heard of it */

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 10);
    take(q, 30, WALL);
    is_int(q->lease->free, -20, "20 beyond");
    tell(q, NOW + 2);
    is_int(call.held, 30, "30 run");
    ai_lease_failed(q, &call);
    settle(q, T0, 30, 0);
    ok(ai_lease_has(q, 10, NOW + 3), "what was leased is there again");
    ok(!ai_lease_has(q, 11, NOW + 3), "and no more");

    /* the store has heard */

    take(q, 30, WALL);
    tell(q, NOW + 4);
    is_int(call.held, 30, "30 run");
    (void) answer(q, 0, 0, 0, 0, NOW + 5);
    settle(q, T0, 30, 0);
    ok(ai_lease_has(q, 30, NOW + 6), "now they are ours");

    /* nodes that went on alone have more than the limit: nobody keeps it by
     * giving it to the next request */

    q = leased(AI_UNIT_CONCURRENCY, AI_PERIOD_NONE, 1);
    take(q, 1, WALL);
    take(q, 1, WALL);
    take(q, 1, WALL);
    ai_lease_call(q, 0, 0, 4, ++serial, 1, NOW + 2, &call);
    is_int(call.held, 3, "3 run");
    (void) answer(q, 0, 0, 3, 0, NOW + 3);
    settle(q, 0, 1, 1);
    settle(q, 0, 1, 1);
    ok(!ai_lease_has(q, 1, NOW + 4), "6 of 4: 2 are given up");
    settle(q, 0, 1, 1);
    ok(ai_lease_has(q, 1, NOW + 4), "the third may be taken again");
    ok(!ai_lease_has(q, 2, NOW + 4), "and no other");

    take(q, 1, WALL);
    take(q, 1, WALL);
    ai_lease_call(q, 0, 0, -1, ++serial, 1, NOW + 5, &call);
    (void) answer(q, 0, 0, 3, 0, NOW + 6);
    settle(q, 0, 1, 1);
    ok(ai_lease_has(q, 1, NOW + 7), "the limit is not known: nothing is "
       "given up");

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 10);
    take(q, 8, WALL);
    settle(q, T0, 8, 8);
    take(q, 1, WALL);
    ai_lease_call(q, 0, 0, 20, ++serial, 1, NOW + 2, &call);
    (void) answer(q, 0, 10, 0, 0, NOW + 3);
    is_int(q->lease->free, 1, "20 of 20");
    ai_lease_call(q, 0, 0, 20, ++serial, 1, NOW + 4, &call);
    (void) answer(q, 0, 12, 1, 8, NOW + 5);
    is_int(q->lease->free, -1, "23 of 20: what is free, and what runs");
    ai_lease_call(q, 0, 0, 20, ++serial, 1, NOW + 6, &call);
    is_int(call.held, 1, "what runs is held");
    (void) answer(q, 0, 11, 0, 8, NOW + 7);
    is_int(q->lease->free, 0, "20 of 20: nothing is owed");

    /* more is given back than runs: it was settled twice, or is of a window
     * that was lost */

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 10);
    take(q, 10, WALL);
    settle(q, T0, 25, 0);
    is_int(q->lease->free, 10, "not more than there was");
    settle(q, T0, 25, 3);
    is_int(q->lease->free, 7, "what was used");
    is_int(q->u.win[0].used, 3, "is used");

    q = leased(AI_UNIT_TOKENS, 64, 10);
    take(q, 10, WALL);
    settle(q, WALL / 1000, 25, 3);
    is_int(q->lease->free, 10, "the same in slots");

    q = leased(AI_UNIT_CONCURRENCY, AI_PERIOD_NONE, 1);
    take(q, 1, WALL);
    settle(q, 0, 1, 1);
    settle(q, 0, 1, 1);
    is_int(q->lease->free, 1, "the same at once");
}


static void
full(uint32_t n)
{
    ai_redo_begin(&redo);

    while (redo.n < n) {
        redo.word[redo.n++].p = NULL;
    }
}


/* lease and quota change as one */

static void
test_redo(void)
{
    ai_quota_t        *q;
    ai_quota_claim_t   c;

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 10);

    memset(&c, 0, sizeof(c));
    c.quota = q;
    c.limit = 100;
    c.amount = 4;

    ai_redo_begin(&redo);
    ok(ai_quota_check(&c, WALL, &redo), "it fits");
    is_int(ai_quota_take(&c, &redo), AI_OK, "staged");
    is_int(q->lease->free, 10, "not yet");
    is_int(ai_quota_extend(q, c.window, 3, &redo), AI_OK, "more");
    ai_redo_commit(&redo);
    is_int(q->lease->free, 3, "both");
    is_int(q->u.win[0].reserved, 7, "reserved");
    ai_redo_begin(&redo);
    is_int(ai_quota_extend(q, T0 - DAY, 3, &redo), AI_OK, "of a day that is "
           "not known");
    ai_redo_commit(&redo);
    is_int(q->lease->free, 3, "nothing");

    /* no room in the redo */

    full(AI_REDO_MAX);
    is_int(ai_quota_take(&c, &redo), AI_ERROR, "no room to take");
    is_int(ai_quota_settle(q, T0, 1, 1, &redo), AI_ERROR, "nor to settle");
    full(AI_REDO_MAX - 1);
    is_int(ai_quota_take(&c, &redo), AI_ERROR, "for one word only");

    q = leased(AI_UNIT_TOKENS, 64, 10);
    take(q, 5, WALL);
    full(AI_REDO_MAX);
    is_int(ai_quota_settle(q, WALL / 1000, 5, 1, &redo), AI_ERROR, "in slots");
    is_int(ai_quota_settle(q, WALL / 1000, 5, 6, &redo), AI_ERROR, "or more");
    ai_redo_begin(&redo);
}


static void
test_table(void)
{
    int           n, made;
    size_t        live;
    char          name[16];
    ai_buf_t      b;
    ai_str_t      in;
    ai_quota_t   *q;
    ai_quotas_t  *t;
    ai_unpack_t   u;

    static const int32_t  periods[3] = { AI_PERIOD_DAY, AI_PERIOD_NONE, 60 };

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at((size_t) n);
        made = 0;

        t = ai_quotas_create(mem_pool(), 1, 1);

        for (made = 0; t && made < 3; made++) {
            if (get_at(t, "key", AI_UNIT_TOKENS, periods[made], WALL)
                == NULL)
            {
                break;
            }
        }

        if (!mem_failed()) {
            break;
        }

        ok(t == NULL || made < 3, "allocation %d fails", n);

        if (t) {
            live = mem_live();
            mem_fail_never();
            q = get_at(t, "key", AI_UNIT_TOKENS, periods[made], WALL);
            ok(q && q->lease, "then it is there");
            is_int(live, 2 + 2 * made + (made > 2), "nothing is left behind");
        }
    }

    is_int(n, 10, "9 allocations");

    /* what is over goes, with its lease */

    mem_reset();
    t = ai_quotas_create(mem_pool(), 1, 1);
    live = mem_live();

    for (n = 0; n < 300; n++) {
        snprintf(name, sizeof(name), "k%d", n);
        q = get_at(t, name, AI_UNIT_TOKENS, n % 2 ? 60 : AI_PERIOD_DAY, WALL);

        if (q == NULL || q->lease == NULL) {
            ok(0, "%d is there, and has a lease", n);
        }
    }

    is_int(mem_live(), live + 300 * 2 + 150, "300 counters");

    mem_fail_at(1);
    q = get_at(t, "one", AI_UNIT_TOKENS, 60, WALL + 2 * DAY * 1000);
    ok(q && mem_failed(), "room was made for one more");
    is_int(mem_live(), live + 3, "all that is over went, with all it had");
    is_int(ai_quotas_count(t), 1, "it is the only one");

    /* in a file there are no leases */

    q = leased(AI_UNIT_TOKENS, AI_PERIOD_DAY, 10);
    take(q, 5, WALL);
    settle(q, T0, 5, 5);

    t = ai_quotas_create(mem_pool(), 1, 1);
    q = get_at(t, "key", AI_UNIT_TOKENS, AI_PERIOD_DAY, WALL);
    take(q, 5, WALL);
    settle(q, T0, 5, 5);
    q->lease->free = 10;

    ai_buf_init(&b, mem_pool());
    ai_quotas_save(t, 1, &b);
    in = ai_buf_str(&b);
    t = ai_quotas_create(mem_pool(), 1, 1);

    ok(ai_unpack(&in, &u) == AI_OK, "a chunk");
    (void) ai_unpack_int(&u);
    is_int(ai_quotas_load(t, mem_pool(), &u, WALL), AI_OK, "loaded");
    q = get_at(t, "key", AI_UNIT_TOKENS, AI_PERIOD_DAY, WALL);
    is_int(q->u.win[0].used, 5, "5 are used");
    is_int(q->lease->free, 0, "nothing is leased");
    ok(due(q, NOW), "it is told");

    /* a table of one node */

    mem_reset();
    t = ai_quotas_create(mem_pool(), 1, 0);
    q = get_at(t, "key", AI_UNIT_TOKENS, 60, WALL);
    ok(q->lease == NULL, "alone there are no leases");
    take(q, 5, WALL);
    settle(q, WALL * 64 / 60000, 5, 2);
    is_int(ai_window_sum(q->u.slide.ring), 2, "and it counts");
}


int
main(void)
{
    test_basics();
    test_grant();
    test_refused();
    test_due();
    test_calls();
    test_windows();
    test_slots();
    test_back();
    test_owed();
    test_redo();
    test_table();

    mem_reset();

    return done();
}
