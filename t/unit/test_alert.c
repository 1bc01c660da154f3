
/* Alerts: when they are due, what they say, when they are tried again. */

#include <tap.h>
#include <mem.h>

#include <limit/ai_alert.h>


#define NOW  1767225600         /* 2026-01-01 */


static void
test_due(void)
{
    ai_alert_entry_t  e;

    memset(&e, 0, sizeof(e));

    is_int(ai_alert_due(&e, NOW, 60), AI_OK, "the first time");
    is_int(ai_alert_due(&e, NOW, 60), AI_DECLINED, "not twice");
    is_int(ai_alert_due(&e, NOW + 59, 60), AI_DECLINED, "nor a little later");
    is_int(ai_alert_due(&e, NOW + 60, 60), AI_OK, "after the cool-down");
    is_int(ai_alert_due(&e, NOW + 60, 60), AI_DECLINED, "and not again");
    is_int(ai_alert_due(&e, NOW - 86400, 60), AI_OK, "a clock put back");
    is_int(ai_alert_due(&e, NOW - 86400 + 10, 10), AI_OK,
           "a cool-down made shorter");
}


static void
test_table(void)
{
    int               i;
    uint64_t          key;
    ai_alert_entry_t  table[16], *e[5];

    memset(table, 0, sizeof(table));

    for (i = 0; i < 5; i++) {
        key = 2 + (uint64_t) i * 4;
        e[i] = ai_alert_entry(table, 16, key, NOW + i);
        e[i]->until = i;

        ok(e[i] >= table + 8 && e[i] < table + 12, "key %d has its place", i);
    }

    ok(e[0] != e[1] && e[1] != e[2] && e[2] != e[3], "places are different");
    ok(e[4] == e[0], "the oldest one is given away");
    ok(ai_alert_entry(table, 16, 6, NOW + 9) == e[1] && e[1]->until == 1,
       "a key is found again");
    is_int(e[1]->seen, NOW + 9, "and was seen now");

    e[0] = ai_alert_entry(table, 16, 2, NOW + 10);
    ok(e[0] == e[2] && e[0]->until == 0, "a new one begins empty");

    ok(ai_alert_entry(table, 16, 0, NOW)->key != 0, "the key 0 is one too");
}


/* spends in windows of 10 s, from NOW on; how often it was above */

static int
spend(ai_alert_entry_t *e, const int *cost, int n)
{
    int               i, above;
    ai_alert_event_t  ev;

    above = 0;

    for (i = 0; i < n; i++) {
        if (cost[i] >= 0) {
            above += ai_alert_spend(e, NOW + i * 10 + i % 10, 10, 3000,
                                    cost[i], &ev) == AI_OK;
        }
    }

    return above;
}


static void
test_spend(void)
{
    int               i;
    ai_alert_entry_t  e;
    ai_alert_event_t  ev;

    static const struct {
        int          above;
        const char  *what;
        int          cost[12];
    } cases[] = {
        { 0, "even", { 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10 } },
        { 1, "a peak", { 10, 10, 10, 10, 10, 10, 10, 10, 31, 10, 10, 10 } },
        { 0, "three times", { 9, 10, 10, 10, 10, 10, 10, 10, 30, 1, 1, 1 } },
        { 1, "the fifth window is the first that can",
          { 99, 10, 10, 10, 31, 1, 1, 1, 1, 1, 1, 1 } },
        { 0, "the fourth is too early",
          { 99, 10, 10, 90, 10, 10, 10, 10, 10, 10, 10, 10 } },
        { 0, "the first one does not count",
          { 1, 40, 40, 40, 100, 40, 40, 40, 40, 40, 40, 40 } },
        { 1, "silence counts",
          { 1, 40, -1, -1, -1, -1, -1, 21, -1, -1, -1, -1 } },
        { 0, "nothing to compare with",
          { 1, -1, -1, -1, -1, -1, 99, -1, -1, -1, -1, -1 } },
        { 0, "a long silence is a new start",
          { 1, -1, -1, -1, -1, -1, -1, -1, -1, 99, 300, 900 } },
    };

    for (i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++) {
        memset(&e, 0, sizeof(e));
        is_int(spend(&e, cases[i].cost, 12) > 0, cases[i].above, "%s",
               cases[i].what);
    }

    /* many small ones are as one */

    memset(&e, 0, sizeof(e));
    (void) spend(&e, cases[0].cost, 9);

    for (i = 0; i < 20; i++) {
        is_int(ai_alert_spend(&e, NOW + 90, 10, 3000, 1, &ev), AI_DECLINED,
               "%d more", i + 1);
        if (i == 14) {
            (void) ai_alert_spend(&e, NOW + 90, 10, 3000, 10, &ev);
        }
    }

    is_int(ai_alert_spend(&e, NOW + 99, 10, 3000, 1, &ev), AI_OK,
           "one too many");
    is_int(ev.used, 31, "what was spent");
    is_int(ev.limit, 30, "what would be usual, times the factor");
    is_int(ev.reset, NOW + 100, "the end of the window");

    is_int(ai_alert_spend(&e, NOW + 99, 10, 3000, INT64_MAX, &ev), AI_OK,
           "as much as there is");
    is_int(ev.used, INT64_MAX, "sums stop there");
    is_int(ai_alert_spend(&e, NOW + 109, 10, 1000000, INT64_MAX, &ev),
           AI_DECLINED, "means too");
    (void) ai_alert_spend(&e, NOW + 109, 10, 3000, -5, &ev);
    is_int(ev.used, INT64_MAX, "less than nothing is nothing");
    is_int(ai_alert_spend(&e, 5, 10, 3000, 5, &ev), AI_DECLINED,
           "a clock put back by years");
    ok(e.newest == 0, "starts anew");
}


static void
test_write(void)
{
    size_t            n;
    ai_buf_t          b;
    ai_alert_event_t  ev;

    memset(&ev, 0, sizeof(ev));

    ev.kind = AI_ALERT_SOFT;
    ev.name = ai_lit("budget");
    ev.zone = ai_lit("team");
    ev.key = ai_lit("R&D <!channel> \"x\"\n\xff");
    ev.node = ai_lit("gw1");
    ev.unit = AI_UNIT_COST;
    ev.period = AI_PERIOD_MONTH;
    ev.limit = 50000000000;
    ev.used = 40123456780;
    ev.reset = 1769904000;
    ev.now = 1767323045;

    ai_buf_init(&b, mem_pool());
    ai_alert_write(&b, &ev);

    is_str(ai_buf_str(&b),
           "{\"text\":\"budget: R&amp;D &lt;!channel&gt; \\\"x\\\"\\n\xef\xbf"
           "\xbd (team) has used 40.12345678 of 50.00 USD per month, until "
           "2026-02-01T00:00:00Z\",\"alert\":\"budget\",\"event\":\"soft\","
           "\"zone\":\"team\",\"key\":\"R&D <!channel> \\\"x\\\"\\n\xef\xbf"
           "\xbd\",\"unit\":\"cost\",\"limit\":50.00,\"used\":40.12345678,"
           "\"remaining\":9.87654322,\"period\":\"month\",\"reset\":"
           "\"2026-02-01T00:00:00Z\",\"node\":\"gw1\",\"time\":"
           "\"2026-01-02T03:04:05Z\"}", "a budget");

    ev.kind = AI_ALERT_EXCEEDED;
    ev.zone = ai_lit("");
    ev.key = ai_lit("k");
    ev.unit = AI_UNIT_CONCURRENCY;
    ev.period = AI_PERIOD_NONE;
    ev.limit = 5;
    ev.used = 6;
    ev.reset = 0;
    ai_buf_reset(&b);
    ai_alert_write(&b, &ev);

    is_str(ai_buf_str(&b),
           "{\"text\":\"budget: k has used 6 of 5 concurrency\",\"alert\":"
           "\"budget\",\"event\":\"exceeded\",\"zone\":\"\",\"key\":\"k\","
           "\"unit\":\"concurrency\",\"limit\":5,\"used\":6,\"remaining\":0,"
           "\"period\":\"\",\"reset\":null,\"node\":\"gw1\",\"time\":"
           "\"2026-01-02T03:04:05Z\"}", "no period, no end");

    ev.kind = AI_ALERT_SPEND_RATE;
    ev.unit = AI_UNIT_COST;
    ev.period = 600;
    ev.limit = 1000000000;
    ev.used = 1000000001;
    ai_buf_reset(&b);
    ai_alert_write(&b, &ev);

    ok(ai_str_starts(&ai_buf_str(&b), "{\"text\":\"budget: k has used "
                     "1.000000001 USD per 10m, more than the 1.00 that would "
                     "be usual\",\"alert\""), "a rate");

    for (n = 1; n < 20; n++) {
        mem_reset();
        mem_fail_at(n);
        ai_buf_init(&b, mem_pool());
        ai_alert_write(&b, &ev);

        if (!mem_failed()) {
            break;
        }

        ok(b.failed, "allocation %zu fails", n);
    }

    mem_reset();
}


static void
test_queue(void)
{
    int               i, wrong, items[100];
    ai_alert_queue_t  q;

    memset(&q, 0, sizeof(q));
    wrong = 0;

    ok(ai_alert_shift(&q) == NULL, "an empty queue");

    for (i = 0; i < 100; i++) {
        wrong += ai_alert_push(&q, &items[i]) != AI_OK;

        if (i >= AI_ALERT_QUEUE - 1) {
            wrong += ai_alert_push(&q, &wrong) != AI_DECLINED;
            wrong += ai_alert_shift(&q) != &items[i - AI_ALERT_QUEUE + 1];
        }
    }

    is_int(wrong, 0, "first in, first out, and no more than there is room");
    is_int(q.n, AI_ALERT_QUEUE - 1, "what is left");
}


static void
test_retry(void)
{
    is_int(ai_alert_retry(1, 200), 0, "200");
    is_int(ai_alert_retry(4, 204), 0, "204");
    is_int(ai_alert_retry(1, 0), 1000, "no answer");
    is_int(ai_alert_retry(2, 503), 4000, "503");
    is_int(ai_alert_retry(3, 429), 16000, "429");
    is_int(ai_alert_retry(4, 500), -1, "four times are enough");
    is_int(ai_alert_retry(1, 404), -1, "404");
    is_int(ai_alert_retry(1, 302), -1, "302");
    is_int(ai_alert_retry(1, 408), 1000, "408");
}


int
main(void)
{
    int        i;
    ai_str_t   name;
    ai_alert_e kind;

    for (i = 0; i < AI_ALERT_MAX; i++) {
        ok(ai_alert_by_name(ai_alert_name((ai_alert_e) i), &kind) == AI_OK
           && (int) kind == i, "event %d", i);
    }

    name = ai_lit("sof");
    is_int(ai_alert_by_name(&name, &kind), AI_DECLINED, "no event");

    test_due();
    test_table();
    test_spend();
    test_write();
    test_queue();
    test_retry();

    return done();
}
