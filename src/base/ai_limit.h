
/*
 * An amount in a period, as limits are written: "100000/m", "50.00/month",
 * "5/10s".
 */

#ifndef AI_LIMIT_H
#define AI_LIMIT_H


#include <base/ai_base.h>


typedef enum {
    AI_UNIT_REQUESTS = 0,
    AI_UNIT_TOKENS,                 /* both of them */
    AI_UNIT_INPUT_TOKENS,
    AI_UNIT_OUTPUT_TOKENS,
    AI_UNIT_COST,                   /* nano-USD */
    AI_UNIT_CONCURRENCY,            /* requests at once, no period */

    AI_UNIT_MAX
} ai_unit_e;


/* seconds of a sliding window are positive */
#define AI_PERIOD_NONE    0         /* concurrency */
#define AI_PERIOD_DAY    -1         /* by the calendar, from local midnight */
#define AI_PERIOD_WEEK   -2         /* ... of Monday */
#define AI_PERIOD_MONTH  -3         /* ... of the first */

#define AI_PERIOD_LONGEST  (31 * 86400)     /* of a sliding window, s */

/* limits above this are an error: sums with it cannot overflow */
#define AI_LIMIT_MAX  9000000000000000


typedef struct {
    int64_t            amount;      /* of the unit; cost: nano-USD */
    int32_t            period;      /* AI_PERIOD_*, or seconds */
} ai_limit_t;


#pragma GCC visibility push(hidden)


/* "cost" -> AI_UNIT_COST; AI_DECLINED: none of them */
ai_int_t ai_unit_by_name(const ai_str_t *name, ai_unit_e *unit);
const ai_str_t *ai_unit_name(ai_unit_e unit);

/*
 * "s" "m" "h" "10s" "5m" "2h": a sliding window; "d" "w" "month": a calendar
 * period.  The whole of text is one; AI_ERROR: it is not, or out of range.
 */
ai_int_t ai_period_parse(const ai_str_t *text, int32_t *period);
/* "m", "10s", "month"; p has room for AI_PERIOD_LEN bytes; returns the end */
#define AI_PERIOD_LEN  16
ai_char_t *ai_period_print(ai_char_t *p, int32_t period);

/*
 * A plain number: digits, for cost with up to nine decimals, no sign, no
 * suffix, at most AI_LIMIT_MAX.
 */
ai_int_t ai_amount_parse(const ai_str_t *text, ai_unit_e unit,
    int64_t *amount);

/* "amount/period" */
ai_int_t ai_limit_parse(const ai_str_t *text, ai_unit_e unit,
    ai_limit_t *limit);


#pragma GCC visibility pop


#endif /* AI_LIMIT_H */
