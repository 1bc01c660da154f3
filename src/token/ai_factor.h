
/*
 * A factor that learns: how many tokens a provider reports for each that is
 * counted here, where its vocabulary is secret.
 */

#ifndef AI_FACTOR_H
#define AI_FACTOR_H


#include <base/ai_base.h>


#define AI_FACTOR_ONE   1024        /* a ratio of 1 */
#define AI_FACTOR_MIN   (AI_FACTOR_ONE / 8)
#define AI_FACTOR_MAX   (AI_FACTOR_ONE * 8)


/* one word, so that workers may share it without a lock; 0: nothing known */
typedef uint64_t  ai_factor_t;


#pragma GCC visibility push(hidden)


/*
 * After one request more.  The average of the first dozens, then one that
 * follows slowly; a single request moves it by an eighth of itself at most,
 * however odd it was.  Small counts say little and change nothing.
 */
ai_factor_t ai_factor_learn(ai_factor_t f, int64_t counted,
    int64_t reported);

/* the ratio, in 1/1024; fallback as long as fewer than four were seen */
uint32_t ai_factor_ratio(ai_factor_t f, uint32_t fallback);


#pragma GCC visibility pop


#endif /* AI_FACTOR_H */
