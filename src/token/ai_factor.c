
#include <token/ai_factor.h>


#define AI_FACTOR_FEW      4            /* requests until it is believed */
#define AI_FACTOR_MEMORY   64           /* requests that the average is of */
#define AI_FACTOR_SMALL    16           /* tokens that say too little */
#define AI_FACTOR_SCALE    1024         /* of a ratio, kept finer than told */


/* n of requests above, the ratio in 1/(1024 * 1024) below */

#define ai_factor(n, ratio)  ((ai_factor_t) (n) << 32 | (uint32_t) (ratio))


ai_factor_t
ai_factor_learn(ai_factor_t f, int64_t counted, int64_t reported)
{
    int64_t   sample, step;
    uint32_t  n, ratio;

    if (counted < AI_FACTOR_SMALL || reported < AI_FACTOR_SMALL
        || counted > INT32_MAX || reported > INT32_MAX)
    {
        return f;
    }

    n = (uint32_t) (f >> 32);
    ratio = (uint32_t) f;

    sample = reported * AI_FACTOR_ONE * AI_FACTOR_SCALE / counted;
    sample = ai_max(sample, (int64_t) AI_FACTOR_MIN * AI_FACTOR_SCALE);
    sample = ai_min(sample, (int64_t) AI_FACTOR_MAX * AI_FACTOR_SCALE);

    if (n == 0) {
        return ai_factor(1, sample);
    }

    if (n < AI_FACTOR_MEMORY) {
        n++;
    }

    step = (sample - ratio) / n;

    if (n > AI_FACTOR_FEW) {
        step = ai_min(step, (int64_t) ratio / 8);
        step = ai_max(step, - (int64_t) ratio / 8);
    }

    return ai_factor(n, ratio + step);
}


uint32_t
ai_factor_ratio(ai_factor_t f, uint32_t fallback)
{
    if (f >> 32 < AI_FACTOR_FEW) {
        return fallback;
    }

    return (uint32_t) f / AI_FACTOR_SCALE;
}
