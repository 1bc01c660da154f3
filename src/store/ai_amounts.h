
/*
 * What requests have used, as it is summed up: integers, all of them.
 */

#ifndef AI_AMOUNTS_H
#define AI_AMOUNTS_H


#include <base/ai_base.h>


typedef struct {
    int64_t            requests;
    int64_t            failed;      /* those without an answer */
    int64_t            estimated;   /* those whose tokens are not all from a
                                       provider's report */
    int64_t            prompt;      /* tokens; the next two are parts of it */
    int64_t            cached;
    int64_t            cache_write;
    int64_t            completion;  /* tokens, with reasoning */
    int64_t            reasoning;
    int64_t            cost;        /* nano-USD */
    int64_t            saved;       /* by a provider's cache, nano-USD */
} ai_amounts_t;


/* as an array, for sums */
#define AI_AMOUNTS_N  (sizeof(ai_amounts_t) / sizeof(int64_t))


/* whose they are: names, empty where there is none */
typedef enum {
    AI_DIM_KEY = 0,
    AI_DIM_TEAM,
    AI_DIM_PROJECT,
    AI_DIM_CUSTOMER,
    AI_DIM_USER,
    AI_DIM_MODEL,                   /* the provider's */
    AI_DIM_PROVIDER,
    AI_DIM_ROUTE,

    AI_DIM_MAX
} ai_dim_e;


#endif /* AI_AMOUNTS_H */
