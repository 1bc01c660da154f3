
/* Amounts and periods, as limits are written. */

#include <tap.h>
#include <mem.h>

#include <base/ai_limit.h>


typedef struct {
    const char        *text;
    ai_unit_e          unit;
    int64_t            amount;      /* -1: refused */
    int32_t            period;
} limit_case_t;


static const limit_case_t  limits[] = {
    { "100000/m", AI_UNIT_TOKENS, 100000, 60 },
    { "50.00/month", AI_UNIT_COST, 50000000000, AI_PERIOD_MONTH },
    { "5/10s", AI_UNIT_REQUESTS, 5, 10 },
    { "0/s", AI_UNIT_REQUESTS, 0, 1 },
    { "0007/h", AI_UNIT_INPUT_TOKENS, 7, 3600 },
    { "1/2h", AI_UNIT_OUTPUT_TOKENS, 1, 7200 },
    { "1/d", AI_UNIT_COST, 1000000000, AI_PERIOD_DAY },
    { "1/w", AI_UNIT_COST, 1000000000, AI_PERIOD_WEEK },
    { "0.1/d", AI_UNIT_COST, 100000000, AI_PERIOD_DAY },
    { "0.000000001/d", AI_UNIT_COST, 1, AI_PERIOD_DAY },
    { "1234.567890123/d", AI_UNIT_COST, 1234567890123, AI_PERIOD_DAY },
    { "9000000000000000/m", AI_UNIT_TOKENS, AI_LIMIT_MAX, 60 },
    { "9000000/m", AI_UNIT_COST, AI_LIMIT_MAX, 60 },
    { "9000000.000000000/m", AI_UNIT_COST, AI_LIMIT_MAX, 60 },
    { "8999999.999999999/m", AI_UNIT_COST, AI_LIMIT_MAX - 1, 60 },
    { "1/2678400s", AI_UNIT_TOKENS, 1, AI_PERIOD_LONGEST },
    { "1/44640m", AI_UNIT_TOKENS, 1, AI_PERIOD_LONGEST },
    { "1/744h", AI_UNIT_TOKENS, 1, AI_PERIOD_LONGEST },
    { "16", AI_UNIT_CONCURRENCY, 16, AI_PERIOD_NONE },

    { "9000000000000001/m", AI_UNIT_TOKENS, -1, 0 },
    { "9000000.000000001/m", AI_UNIT_COST, -1, 0 },
    { "9000001/m", AI_UNIT_COST, -1, 0 },
    { "9000000000000000/m", AI_UNIT_COST, -1, 0 },
    { "99999999999999999999999999/m", AI_UNIT_TOKENS, -1, 0 },
    { "18446744073709551617/m", AI_UNIT_TOKENS, -1, 0 },
    { "1/2678401s", AI_UNIT_TOKENS, -1, 0 },
    { "1/44641m", AI_UNIT_TOKENS, -1, 0 },
    { "1/745h", AI_UNIT_TOKENS, -1, 0 },
    { "1/4294967297s", AI_UNIT_TOKENS, -1, 0 },
    { "1/18446744073709551617s", AI_UNIT_TOKENS, -1, 0 },
    { "1.0/m", AI_UNIT_TOKENS, -1, 0 },
    { "1./d", AI_UNIT_COST, -1, 0 },
    { ".5/d", AI_UNIT_COST, -1, 0 },
    { "1.0000000000/d", AI_UNIT_COST, -1, 0 },
    { "1.1.1/d", AI_UNIT_COST, -1, 0 },
    { "1,5/d", AI_UNIT_COST, -1, 0 },
    { "1e3/m", AI_UNIT_TOKENS, -1, 0 },
    { "100k/m", AI_UNIT_TOKENS, -1, 0 },
    { "-1/m", AI_UNIT_TOKENS, -1, 0 },
    { "+1/m", AI_UNIT_TOKENS, -1, 0 },
    { " 1/m", AI_UNIT_TOKENS, -1, 0 },
    { "1 /m", AI_UNIT_TOKENS, -1, 0 },
    { "$5/d", AI_UNIT_COST, -1, 0 },
    { "/m", AI_UNIT_TOKENS, -1, 0 },
    { "1/", AI_UNIT_TOKENS, -1, 0 },
    { "/", AI_UNIT_TOKENS, -1, 0 },
    { "", AI_UNIT_TOKENS, -1, 0 },
    { "1", AI_UNIT_TOKENS, -1, 0 },
    { "1/0s", AI_UNIT_TOKENS, -1, 0 },
    { "1/00h", AI_UNIT_TOKENS, -1, 0 },
    { "1/2d", AI_UNIT_TOKENS, -1, 0 },
    { "1/1month", AI_UNIT_TOKENS, -1, 0 },
    { "1/y", AI_UNIT_TOKENS, -1, 0 },
    { "1/M", AI_UNIT_TOKENS, -1, 0 },
    { "1/10", AI_UNIT_TOKENS, -1, 0 },
    { "1/1.5h", AI_UNIT_TOKENS, -1, 0 },
    { "1/ms", AI_UNIT_TOKENS, -1, 0 },
    { "1/-1s", AI_UNIT_TOKENS, -1, 0 },
    { "1/m/m", AI_UNIT_TOKENS, -1, 0 },
    { "1/mont", AI_UNIT_TOKENS, -1, 0 },
    { "1/months", AI_UNIT_TOKENS, -1, 0 },
    { "16/m", AI_UNIT_CONCURRENCY, -1, 0 },
    { "", AI_UNIT_CONCURRENCY, -1, 0 },
    { "1.5", AI_UNIT_CONCURRENCY, -1, 0 }
};


static void
test_limits(void)
{
    size_t      i;
    ai_int_t    rc;
    ai_str_t    text;
    ai_limit_t  limit;

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        text = guard_str(limits[i].text, strlen(limits[i].text));

        limit.amount = -7;
        limit.period = -7;
        rc = ai_limit_parse(&text, limits[i].unit, &limit);

        if (limits[i].amount == -1) {
            ok(rc == AI_ERROR && limit.amount == -7 && limit.period == -7,
               "\"%s\" is refused", limits[i].text);

        } else {
            ok(rc == AI_OK && limit.amount == limits[i].amount
               && limit.period == limits[i].period,
               "\"%s\" is %lld in %d", limits[i].text,
               (long long) limits[i].amount, limits[i].period);
        }

        guard_free();
    }

    text.len = 0;
    text.data = NULL;
    ok(ai_limit_parse(&text, AI_UNIT_TOKENS, &limit) == AI_ERROR
       && ai_amount_parse(&text, AI_UNIT_COST, &limit.amount) == AI_ERROR
       && ai_period_parse(&text, &limit.period) == AI_ERROR,
       "nothing at all is refused");

    text = ai_lit("5\0/m");
    ok(ai_limit_parse(&text, AI_UNIT_TOKENS, &limit) == AI_ERROR,
       "a zero byte is refused");
}


static void
test_units(void)
{
    int         i;
    ai_str_t    name;
    ai_unit_e   unit;

    static const char  *names[] = { "requests", "tokens", "input_tokens",
                                    "output_tokens", "cost", "concurrency" };
    static const char  *none[] = { "", "request", "Cost", "cost ", "costs",
                                   "tokens_" };

    for (i = 0; i < AI_UNIT_MAX; i++) {
        name = guard_str(names[i], strlen(names[i]));
        ok(ai_unit_by_name(&name, &unit) == AI_OK && (int) unit == i,
           "the unit %s", names[i]);
        is_str(*ai_unit_name((ai_unit_e) i), names[i], "its name");
    }

    for (i = 0; i < 6; i++) {
        name = guard_str(none[i], strlen(none[i]));
        is_int(ai_unit_by_name(&name, &unit), AI_DECLINED, "no unit: \"%s\"",
               none[i]);
    }

    guard_free();
}


static void
test_print(void)
{
    size_t      i;
    int32_t     period, wrong, back;
    ai_str_t    text;
    ai_char_t   buf[AI_PERIOD_LEN], *p;

    static const struct {
        int32_t      period;
        const char  *text;
    } cases[] = {
        { 1, "s" }, { 10, "10s" }, { 60, "m" }, { 61, "61s" }, { 300, "5m" },
        { 3600, "h" }, { 5400, "90m" }, { 7200, "2h" },
        { AI_PERIOD_LONGEST, "744h" }, { AI_PERIOD_LONGEST - 1, "2678399s" },
        { INT32_MAX, "2147483647s" },
        { AI_PERIOD_DAY, "d" }, { AI_PERIOD_WEEK, "w" },
        { AI_PERIOD_MONTH, "month" }, { AI_PERIOD_NONE, "" }, { -9, "" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = ai_period_print(buf, cases[i].period);
        is_mem(buf, (size_t) (p - buf), cases[i].text, strlen(cases[i].text),
               "%d s as text", cases[i].period);
    }

    wrong = 0;

    for (period = 1; period <= AI_PERIOD_LONGEST; period += 7) {
        text.data = buf;
        text.len = (size_t) (ai_period_print(buf, period) - buf);

        if (ai_period_parse(&text, &back) != AI_OK || back != period) {
            wrong++;
        }
    }

    is_int(wrong, 0, "what is printed is read as the same");
}


int
main(void)
{
    test_limits();
    test_units();
    test_print();

    return done();
}
