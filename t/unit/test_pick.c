
/* The choice of a target: shares, stickiness, what cannot be chosen. */

#include "tap.h"

#include <route/ai_pick.h>


#define KEYS   20000


static void
set(ai_pick_t *t, const int *weights, ai_uint_t n)
{
    char       name[16];
    ai_uint_t  i;

    memset(t, 0, n * sizeof(ai_pick_t));

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "target-%u", (unsigned) i);
        t[i].weight = weights[i];
        t[i].usable = 1;
        t[i].id = ai_pick_hash((ai_char_t *) name, strlen(name), 0);
    }
}


static uint64_t
key_of(unsigned n)
{
    char  key[32];

    snprintf(key, sizeof(key), "user-%u", n);

    return ai_pick_hash((ai_char_t *) key, strlen(key), 0);
}


/* the choices of n rounds as letters */

static void
rounds(ai_pick_t *t, ai_uint_t n, int count, char *out)
{
    int       i;
    ai_int_t  got;

    for (i = 0; i < count; i++) {
        got = ai_pick_rr(t, n);
        out[i] = got < 0 ? '-' : (char) ('a' + got);
    }

    out[count] = '\0';
}


static void
test_rr(void)
{
    int        i, sum;
    char       out[64];
    ai_pick_t  t[3];

    set(t, (int[]) { 1, 1, 1 }, 3);
    rounds(t, 3, 7, out);
    is_cstr(out, "abcabca", "equal weights take turns");

    set(t, (int[]) { 3, 1 }, 2);
    rounds(t, 2, 8, out);
    is_cstr(out, "aabaaaba", "3:1 is spread");

    set(t, (int[]) { 5, 1, 1 }, 3);
    rounds(t, 3, 14, out);
    is_cstr(out, "aabacaaaabacaa", "5:1:1 is spread");

    sum = 0;
    for (i = 0; i < 3; i++) {
        sum += (int) t[i].current;
    }
    is_int(sum, 0, "running weights sum to nothing");

    set(t, (int[]) { 3, 1, 1 }, 3);
    t[0].usable = 0;
    rounds(t, 3, 4, out);
    is_cstr(out, "bcbc", "without the one that is not usable");
    is_int(t[0].current, 0, "which gathers no credit");

    set(t, (int[]) { 1, 0 }, 2);
    rounds(t, 2, 3, out);
    is_cstr(out, "aaa", "weight 0 takes no part");

    /* left by weights of 1000000:1 before a reload */

    set(t, (int[]) { 1, 1 }, 2);
    t[0].current = -1000000;
    t[1].current = 1000000;
    rounds(t, 2, 10, out);
    ok(strchr(out, 'a') != NULL && strchr(out, 'a') - out < 4,
       "old running weights are forgotten soon: %s", out);

    set(t, (int[]) { 1, 1 }, 2);
    t[0].usable = 0;
    t[1].usable = 0;
    is_int(ai_pick_rr(t, 2), AI_DECLINED, "nothing is usable");
    is_int(ai_pick_rr(t, 0), AI_DECLINED, "no targets");
}


/* subsets that change from request to request still get their shares */

static void
test_rr_subsets(void)
{
    int        i, count[3] = { 0, 0, 0 };
    ai_int_t   got;
    ai_pick_t  t[3];

    set(t, (int[]) { 2, 1, 1 }, 3);

    for (i = 0; i < 4000; i++) {
        t[2].usable = i % 2;
        got = ai_pick_rr(t, 3);
        if (got < 0 || !t[got].usable) {
            break;
        }
        count[got]++;
    }

    is_int(i, 4000, "always a usable one");
    ok(count[0] > 2000 && count[0] < 2700, "the heavy one: %d", count[0]);
    ok(count[1] > 800 && count[2] > 300, "the others: %d, %d", count[1],
       count[2]);
}


static void
test_least_conn(void)
{
    int        i;
    char       out[8];
    ai_pick_t  t[3];

    set(t, (int[]) { 1, 1, 1 }, 3);
    t[0].conns = 2;
    t[1].conns = 1;
    t[2].conns = 3;
    is_int(ai_pick_least_conn(t, 3), 1, "the fewest");

    set(t, (int[]) { 4, 1, 1 }, 3);
    t[0].conns = 3;
    t[1].conns = 1;
    t[2].conns = 2;
    is_int(ai_pick_least_conn(t, 3), 0, "the fewest for its weight");

    set(t, (int[]) { 2, 1 }, 2);
    t[0].conns = 2;
    t[1].conns = 1;
    is_int(ai_pick_least_conn(t, 2), 0, "equal: by weight");

    set(t, (int[]) { 1, 1, 1 }, 3);
    t[0].conns = 5;

    for (i = 0; i < 4; i++) {
        t[0].usable = t[1].usable = t[2].usable = 1;
        out[i] = (char) ('a' + ai_pick_least_conn(t, 3));
    }

    out[4] = '\0';
    is_cstr(out, "bcbc", "equal ones take turns");

    set(t, (int[]) { 1, 1 }, 2);
    t[0].usable = 0;
    t[1].conns = 99;
    is_int(ai_pick_least_conn(t, 2), 1, "the only usable one");

    t[1].usable = 0;
    is_int(ai_pick_least_conn(t, 2), AI_DECLINED, "none");

    set(t, (int[]) { AI_PICK_WEIGHT_MAX, 1 }, 2);
    t[0].conns = INT32_MAX;
    t[1].conns = INT32_MAX;
    is_int(ai_pick_least_conn(t, 2), 0, "large numbers");
}


static void
test_first(void)
{
    ai_pick_t  t[3];

    set(t, (int[]) { 1, 0, 9 }, 3);
    is_int(ai_pick_first(t, 3), 0, "first");

    t[0].usable = 0;
    is_int(ai_pick_first(t, 3), 1, "the next, whatever its weight");

    t[1].usable = t[2].usable = 0;
    is_int(ai_pick_first(t, 3), AI_DECLINED, "none");
}


typedef ai_int_t (*hash_pt)(const ai_pick_t *t, ai_uint_t n, uint64_t key);


/* shares by weight within 5 % of all keys; the same key, the same target */

static void
test_shares(const char *name, hash_pt f)
{
    int        i, count[3] = { 0, 0, 0 }, wrong;
    ai_int_t   got;
    ai_pick_t  t[3];

    set(t, (int[]) { 1, 2, 5 }, 3);
    wrong = 0;

    for (i = 0; i < KEYS; i++) {
        got = f(t, 3, key_of(i));
        if (got < 0 || got > 2 || got != f(t, 3, key_of(i))) {
            wrong++;
            continue;
        }
        count[got]++;
    }

    is_int(wrong, 0, "%s: the same target each time", name);

    ok(abs(count[0] - KEYS / 8) < KEYS / 50, "%s: 1/8: %d", name, count[0]);
    ok(abs(count[1] - KEYS / 4) < KEYS / 50, "%s: 2/8: %d", name, count[1]);
    ok(abs(count[2] - KEYS * 5 / 8) < KEYS / 50, "%s: 5/8: %d", name,
       count[2]);
}


/* only keys of a target that is not usable move */

static void
test_moves(const char *name, hash_pt f)
{
    int        i, moved, wrong;
    ai_int_t   before, after;
    ai_pick_t  t[4], u[4];

    set(t, (int[]) { 1, 1, 1, 1 }, 4);
    memcpy(u, t, sizeof(t));
    u[2].usable = 0;

    moved = 0;
    wrong = 0;

    for (i = 0; i < KEYS; i++) {
        before = f(t, 4, key_of(i));
        after = f(u, 4, key_of(i));

        if (after < 0 || after == 2 || (before != 2 && before != after)) {
            wrong++;
        }

        moved += (before != after);
    }

    is_int(wrong, 0, "%s: only the lost one's keys move", name);
    ok(abs(moved - KEYS / 4) < KEYS / 50, "%s: a quarter: %d", name, moved);

    u[0].usable = u[1].usable = u[3].usable = 0;
    is_int(f(u, 4, 1), AI_DECLINED, "%s: none", name);

    u[3].usable = 1;
    wrong = 0;

    for (i = 0; i < 1000; i++) {
        wrong += (f(u, 4, key_of(i)) != 3);
    }

    is_int(wrong, 0, "%s: the only one", name);
}


/* a target more, and another order of the same ones */

static void
test_consistent(void)
{
    int        i, moved, wrong, swapped;
    ai_int_t   before, after;
    ai_pick_t  t[5], u[5];

    set(t, (int[]) { 1, 1, 1, 1, 1 }, 5);
    moved = 0;
    wrong = 0;

    for (i = 0; i < KEYS; i++) {
        before = ai_pick_consistent(t, 4, key_of(i));
        after = ai_pick_consistent(t, 5, key_of(i));

        if (before != after) {
            moved++;
            wrong += (after != 4);
        }
    }

    is_int(wrong, 0, "keys move to the new target only");
    ok(abs(moved - KEYS / 5) < KEYS / 50, "a fifth of them: %d", moved);

    for (i = 0; i < 5; i++) {
        u[i] = t[4 - i];
    }

    swapped = 0;

    for (i = 0; i < 1000; i++) {
        before = ai_pick_consistent(t, 5, key_of(i));
        after = ai_pick_consistent(u, 5, key_of(i));
        swapped += (before != 4 - after);
    }

    is_int(swapped, 0, "the order in the file does not matter");

    /* a heavier target only gains */

    memcpy(u, t, sizeof(t));
    u[1].weight = 3;
    wrong = 0;

    for (i = 0; i < KEYS; i++) {
        before = ai_pick_consistent(t, 5, key_of(i));
        after = ai_pick_consistent(u, 5, key_of(i));
        wrong += (before != after && after != 1);
    }

    is_int(wrong, 0, "more weight takes keys, gives none");

    set(t, (int[]) { AI_PICK_WEIGHT_MAX, 1 }, 2);
    wrong = 0;

    for (i = 0; i < KEYS; i++) {
        wrong += (ai_pick_consistent(t, 2, key_of(i)) != 0);
    }

    ok(wrong < 5, "the largest weight: %d of the others", wrong);
}


/* nodes and versions must agree: fixed values */

static void
test_hash(void)
{
    ok(ai_pick_hash(NULL, 0, 0) == 0xf52a15e9a9b5e89bULL, "of nothing");
    ok(ai_pick_hash((ai_char_t *) "a", 1, 0) == 0x02c0bdbf481420f8ULL,
       "of a letter");
    ok(ai_pick_hash((ai_char_t *) "a", 1, 1)
       != ai_pick_hash((ai_char_t *) "a", 1, 0), "the seed counts");
    ok(ai_pick_hash((ai_char_t *) "ab", 2, 0)
       != ai_pick_hash((ai_char_t *) "ba", 2, 0), "the order counts");
}


int
main(void)
{
    test_rr();
    test_rr_subsets();
    test_least_conn();
    test_first();
    test_shares("modulo", ai_pick_modulo);
    test_shares("consistent", ai_pick_consistent);
    test_moves("modulo", ai_pick_modulo);
    test_moves("consistent", ai_pick_consistent);
    test_consistent();
    test_hash();

    return done();
}
