
/*
 * The rule of a TZif file's footer, a POSIX TZ string, and dates of the
 * Gregorian calendar as numbers of days.
 */

#ifndef AI_TZ_INT_H
#define AI_TZ_INT_H


#include <limit/ai_tz.h>


#define AI_TZ_DAY_SECONDS  86400

#define AI_TZ_OFFSET_MAX  (26 * 3600)       /* beyond it no offset is */

/* moments and years are cut to this, so that nothing overflows */
#define AI_TZ_TIME_MAX    ((int64_t) 1 << 58)
#define AI_TZ_YEAR_MAX    10000000000


typedef enum {
    AI_TZ_JULIAN = 0,               /* Jn: 1..365, no 29 February */
    AI_TZ_DAY,                      /* n: 0..365 */
    AI_TZ_WEEKDAY                   /* Mm.w.d */
} ai_tz_date_e;


typedef struct {
    ai_tz_date_e       kind;
    int32_t            month;       /* 1..12 */
    int32_t            week;        /* 1..5, 5: the last one */
    int32_t            day;         /* of AI_TZ_WEEKDAY: 0 Sunday */
    int32_t            time;        /* seconds after local midnight */
} ai_tz_change_t;


typedef struct {
    int32_t            std;         /* offset, seconds east of UTC */
    int32_t            dst;
    int32_t            changes;     /* are there two times a year? */
    ai_tz_change_t     start;       /* of dst */
    ai_tz_change_t     end;
} ai_tz_rule_t;


/* a time with one offset: start <= at < end */
typedef struct {
    int64_t            start;
    int64_t            end;         /* INT64_MAX: none */
    int32_t            offset;
} ai_tz_span_t;


#pragma GCC visibility push(hidden)


/* "CET-1CEST,M3.5.0,M10.5.0/3"; AI_ERROR: it is none */
ai_int_t ai_tz_rule_parse(ai_tz_rule_t *rule, const ai_str_t *text);

/* what a rule has around a moment; at is within AI_TZ_TIME_MAX */
void ai_tz_rule_span(const ai_tz_rule_t *rule, int64_t at, ai_tz_span_t *span);

/* days since 1970-01-01; month 1..12, year within AI_TZ_YEAR_MAX + 1 */
int64_t ai_tz_days(int64_t year, int64_t month, int64_t day);
void ai_tz_civil(int64_t days, int64_t *year, int64_t *month, int64_t *day);


#pragma GCC visibility pop


#endif /* AI_TZ_INT_H */
