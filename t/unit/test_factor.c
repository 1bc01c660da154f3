
/* A factor that learns: averages, oddities, bounds. */

#include <tap.h>

#include <token/ai_factor.h>


static ai_factor_t
learn(ai_factor_t f, int n, int64_t counted, int64_t reported)
{
    while (n--) {
        f = ai_factor_learn(f, counted, reported);
    }

    return f;
}


static void
test_average(void)
{
    ai_factor_t  f;

    f = 0;
    is_int(ai_factor_ratio(f, 1100), 1100, "nothing known: the fallback");

    f = learn(f, 3, 1000, 1300);
    is_int(ai_factor_ratio(f, 1100), 1100, "three are too few");

    f = learn(f, 1, 1000, 1300);
    is_int(ai_factor_ratio(f, 1100), 1331, "four are believed");

    f = learn(f, 1000, 1000, 1300);
    is_int(ai_factor_ratio(f, 1100), 1331, "and stay");

    f = learn(learn(0, 4, 1000, 1000), 4, 1000, 2000);
    is_int(ai_factor_ratio(f, 0) / 10, 148, "steps of an eighth at most");
}


static void
test_odd(void)
{
    uint32_t     ratio;
    ai_factor_t  f;

    f = learn(0, 100, 1000, 1200);
    f = learn(f, 1, 1000, 1000000);
    ratio = ai_factor_ratio(f, 0);

    ok(ratio > 1228 && ratio <= 1228 + 1228 / 8,
       "one absurd report moves it by an eighth at most");

    f = learn(f, 300, 1000, 1200);
    ratio = ai_factor_ratio(f, 0);
    ok(ratio >= 1220 && ratio <= 1240, "and is forgotten");

    f = learn(f, 1000, 1000, 2400);
    ratio = ai_factor_ratio(f, 0);
    ok(ratio >= 2430 && ratio <= 2460, "a lasting change is followed");

    f = learn(0, 8, 1000, 1);
    is_int(ai_factor_ratio(f, 7), 7, "small reports say nothing");
    f = learn(0, 8, 1, 1000);
    is_int(ai_factor_ratio(f, 7), 7, "small counts neither");
    f = learn(0, 8, INT64_MAX, INT64_MAX);
    is_int(ai_factor_ratio(f, 7), 7, "nor nonsense");
    f = learn(0, 8, -5, 100);
    is_int(ai_factor_ratio(f, 7), 7, "nor less than nothing");

    f = learn(0, 100, 20, INT32_MAX);
    is_int(ai_factor_ratio(f, 7), AI_FACTOR_MAX, "bounded above");
    f = learn(0, 100, INT32_MAX, 20);
    is_int(ai_factor_ratio(f, 7), AI_FACTOR_MIN, "bounded below");
}


int
main(void)
{
    test_average();
    test_odd();

    return done();
}
