
/*
 * Time zones, for budgets that begin at somebody's midnight.  Read from a
 * TZif file (RFC 8536, versions 1 to 4), such as those of Debian's tzdata:
 * transitions, and the rule of its footer for what comes after them.
 */

#ifndef AI_TZ_H
#define AI_TZ_H


#include <base/ai_base.h>


typedef struct ai_tz_s  ai_tz_t;


#pragma GCC visibility push(hidden)


/* data is the file's content and need not stay; NULL: not such a file, or no
 * memory */
ai_tz_t *ai_tz_read(const ai_str_t *data, const ai_pool_t *pool);

/* seconds east of UTC at a moment (Unix time); 0 for a tz of NULL, UTC */
int32_t ai_tz_offset(const ai_tz_t *tz, int64_t at);

/*
 * The moment at which a local date begins: 00:00, or the first moment of the
 * day where that hour is skipped; the earlier one where it comes twice.
 * month 1..12, day 1..31; both may be beyond and are carried over.
 */
int64_t ai_tz_midnight(const ai_tz_t *tz, int64_t year, int64_t month,
    int64_t day);

/* the local date of a moment */
void ai_tz_date(const ai_tz_t *tz, int64_t at, int64_t *year, int64_t *month,
    int64_t *day, int64_t *weekday);        /* weekday: 0 Monday */


#pragma GCC visibility pop


#endif /* AI_TZ_H */
