
/*
 * The families there are.
 */

#ifndef AI_METRIC_FAMILY_H
#define AI_METRIC_FAMILY_H


#include <observe/ai_metric.h>


/* in the order in which they are printed */
typedef enum {
    AI_M_BUILD_INFO = 0,
    AI_M_REQUESTS,
    AI_M_ATTEMPTS,
    AI_M_FALLBACKS,
    AI_M_TOKENS,
    AI_M_TOKENS_ESTIMATED,
    AI_M_COST,
    AI_M_COST_SAVED,
    AI_M_UNPRICED,
    AI_M_REQUEST_DURATION,
    AI_M_UPSTREAM_DURATION,
    AI_M_TIME_TO_FIRST_TOKEN,
    AI_M_TIME_PER_OUTPUT_TOKEN,
    AI_M_GATEWAY,
    AI_M_ACTIVE,
    AI_M_LIMIT,
    AI_M_LIMIT_USED,
    AI_M_AUTH_FAILURES,
    AI_M_REDIS_DURATION,
    AI_M_REDIS_ERRORS,
    AI_M_REDIS_PENDING,
    AI_M_ZONE_BYTES,
    AI_M_DROPPED,
    AI_M_MAX
} ai_metric_e;


#pragma GCC visibility push(hidden)


extern const ai_metric_family_t  ai_metric_families[AI_M_MAX];


#pragma GCC visibility pop


#endif /* AI_METRIC_FAMILY_H */
