
/*
 * The rule of a footer.  A year has two changes, which may reach into the
 * years beside it: times of day go from -167 to 167 hours.
 */

#include <limit/ai_tz_int.h>


#define AI_TZ_ERA          146097   /* days of 400 years */
#define AI_TZ_EPOCH        719468   /* days from 0000-03-01 to 1970-01-01 */


typedef struct {
    const ai_char_t   *p;
    const ai_char_t   *end;
} ai_tz_text_t;


static ai_int_t ai_tz_rule_name(ai_tz_text_t *t);
static ai_int_t ai_tz_rule_change(ai_tz_text_t *t, ai_tz_change_t *change);
static ai_int_t ai_tz_rule_weekday(ai_tz_text_t *t, ai_tz_change_t *change);
static ai_int_t ai_tz_rule_time(ai_tz_text_t *t, int32_t hours,
    int32_t *seconds);
static ai_int_t ai_tz_rule_number(ai_tz_text_t *t, int32_t min, int32_t max,
    int32_t *n);
static ai_int_t ai_tz_rule_char(ai_tz_text_t *t, ai_char_t c);
static int64_t ai_tz_rule_at(const ai_tz_rule_t *rule, int64_t year,
    ai_uint_t start);
static int64_t ai_tz_change_day(const ai_tz_change_t *change, int64_t year);
static int64_t ai_tz_weekday_day(const ai_tz_change_t *change, int64_t year);
static ai_int_t ai_tz_is_leap(int64_t year);


ai_int_t
ai_tz_rule_parse(ai_tz_rule_t *rule, const ai_str_t *text)
{
    int32_t       west;
    ai_tz_text_t  t;

    memset(rule, 0, sizeof(ai_tz_rule_t));

    t.p = text->data;
    t.end = text->data + text->len;

    if (ai_tz_rule_name(&t) != AI_OK
        || ai_tz_rule_time(&t, 24, &west) != AI_OK)
    {
        return AI_ERROR;
    }

    rule->std = -west;
    rule->dst = rule->std;

    if (t.p == t.end) {
        return AI_OK;
    }

    if (ai_tz_rule_name(&t) != AI_OK) {
        return AI_ERROR;
    }

    rule->changes = 1;
    rule->dst = rule->std + 3600;

    if (t.p < t.end && *t.p != ',') {
        if (ai_tz_rule_time(&t, 24, &west) != AI_OK) {
            return AI_ERROR;
        }

        rule->dst = -west;
    }

    if (ai_tz_rule_char(&t, ',') != AI_OK
        || ai_tz_rule_change(&t, &rule->start) != AI_OK
        || ai_tz_rule_char(&t, ',') != AI_OK
        || ai_tz_rule_change(&t, &rule->end) != AI_OK)
    {
        return AI_ERROR;
    }

    return t.p == t.end ? AI_OK : AI_ERROR;
}


/* letters, or anything in angle brackets; three at least */

static ai_int_t
ai_tz_rule_name(ai_tz_text_t *t)
{
    ai_char_t         c;
    const ai_char_t  *start;

    if (ai_tz_rule_char(t, '<') == AI_OK) {
        start = t->p;

        while (t->p < t->end && *t->p != '>') {
            t->p++;
        }

        if (t->p - start < 3) {
            return AI_ERROR;
        }

        return ai_tz_rule_char(t, '>');
    }

    start = t->p;

    while (t->p < t->end) {
        c = (ai_char_t) (*t->p | 0x20);

        if (c < 'a' || c > 'z') {
            break;
        }

        t->p++;
    }

    return t->p - start < 3 ? AI_ERROR : AI_OK;
}


/* "J60", "59" or "M3.5.0", and "/2" */

static ai_int_t
ai_tz_rule_change(ai_tz_text_t *t, ai_tz_change_t *change)
{
    ai_int_t  rc;

    if (ai_tz_rule_char(t, 'M') == AI_OK) {
        change->kind = AI_TZ_WEEKDAY;
        rc = ai_tz_rule_weekday(t, change);

    } else if (ai_tz_rule_char(t, 'J') == AI_OK) {
        change->kind = AI_TZ_JULIAN;
        rc = ai_tz_rule_number(t, 1, 365, &change->day);

    } else {
        change->kind = AI_TZ_DAY;
        rc = ai_tz_rule_number(t, 0, 365, &change->day);
    }

    if (rc != AI_OK) {
        return AI_ERROR;
    }

    change->time = 2 * 3600;

    if (ai_tz_rule_char(t, '/') != AI_OK) {
        return AI_OK;
    }

    return ai_tz_rule_time(t, 167, &change->time);
}


static ai_int_t
ai_tz_rule_weekday(ai_tz_text_t *t, ai_tz_change_t *change)
{
    if (ai_tz_rule_number(t, 1, 12, &change->month) != AI_OK
        || ai_tz_rule_char(t, '.') != AI_OK
        || ai_tz_rule_number(t, 1, 5, &change->week) != AI_OK
        || ai_tz_rule_char(t, '.') != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_tz_rule_number(t, 0, 6, &change->day);
}


/* [ "+" | "-" ] hours [ ":" minutes [ ":" seconds ] ] */

static ai_int_t
ai_tz_rule_time(ai_tz_text_t *t, int32_t hours, int32_t *seconds)
{
    int32_t  n, sum, minus;

    minus = ai_tz_rule_char(t, '-') == AI_OK;

    if (!minus) {
        (void) ai_tz_rule_char(t, '+');
    }

    if (ai_tz_rule_number(t, 0, hours, &n) != AI_OK) {
        return AI_ERROR;
    }

    sum = n * 3600;

    if (ai_tz_rule_char(t, ':') == AI_OK) {

        if (ai_tz_rule_number(t, 0, 59, &n) != AI_OK) {
            return AI_ERROR;
        }

        sum += n * 60;

        if (ai_tz_rule_char(t, ':') == AI_OK) {

            if (ai_tz_rule_number(t, 0, 59, &n) != AI_OK) {
                return AI_ERROR;
            }

            sum += n;
        }
    }

    *seconds = minus ? -sum : sum;

    return AI_OK;
}


static ai_int_t
ai_tz_rule_number(ai_tz_text_t *t, int32_t min, int32_t max, int32_t *n)
{
    int32_t           sum;
    const ai_char_t  *start;

    start = t->p;

    for (sum = 0; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++) {
        sum = sum * 10 + (*t->p - '0');

        if (sum > max) {
            return AI_ERROR;
        }
    }

    if (t->p == start || sum < min) {
        return AI_ERROR;
    }

    *n = sum;

    return AI_OK;
}


static ai_int_t
ai_tz_rule_char(ai_tz_text_t *t, ai_char_t c)
{
    if (t->p == t->end || *t->p != c) {
        return AI_DECLINED;
    }

    t->p++;

    return AI_OK;
}


void
ai_tz_rule_span(const ai_tz_rule_t *rule, int64_t at, ai_tz_span_t *span)
{
    int64_t    year, month, day, change, last;
    ai_uint_t  start;

    span->start = INT64_MIN;
    span->end = INT64_MAX;
    span->offset = rule->std;

    if (!rule->changes) {
        return;
    }

    ai_tz_civil(at / AI_TZ_DAY_SECONDS, &year, &month, &day);
    last = year + 2;

    /* in the order of time, but for changes that a year apart hit the same
     * moment: the later year's counts, as where DST is all the year */

    for (year -= 2; year <= last; year++) {
        for (start = 0; start < 2; start++) {
            change = ai_tz_rule_at(rule, year, start);

            if (change > at) {
                span->end = ai_min(span->end, change);

            } else if (change >= span->start) {
                span->start = change;
                span->offset = start ? rule->dst : rule->std;
            }
        }
    }
}


/* the moment dst starts, or ends, in a year */

static int64_t
ai_tz_rule_at(const ai_tz_rule_t *rule, int64_t year, ai_uint_t start)
{
    int32_t                before;
    const ai_tz_change_t  *change;

    change = start ? &rule->start : &rule->end;
    before = start ? rule->std : rule->dst;

    return ai_tz_change_day(change, year) * AI_TZ_DAY_SECONDS
           + change->time - before;
}


static int64_t
ai_tz_change_day(const ai_tz_change_t *change, int64_t year)
{
    int64_t  day;

    day = change->day;

    switch (change->kind) {

    case AI_TZ_WEEKDAY:
        return ai_tz_weekday_day(change, year);

    case AI_TZ_JULIAN:
        day -= !(ai_tz_is_leap(year) && day >= 60);
        break;

    default:                /* AI_TZ_DAY */
        break;
    }

    return ai_tz_days(year, 1, 1) + day;
}


static int64_t
ai_tz_weekday_day(const ai_tz_change_t *change, int64_t year)
{
    int64_t  first, next, day;

    first = ai_tz_days(year, change->month, 1);
    next = change->month == 12 ? ai_tz_days(year + 1, 1, 1)
                               : ai_tz_days(year, change->month + 1, 1);

    /* 1970-01-01 was a Thursday, 4 of the days of a rule */

    day = (change->day - (first + 4) % 7 + 14) % 7;
    day += first + 7 * (change->week - 1);

    return day < next ? day : day - 7;
}


static ai_int_t
ai_tz_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}


/* years begin in March: the day that is not always there is their last one */

int64_t
ai_tz_days(int64_t year, int64_t month, int64_t day)
{
    int64_t  era, y, d;

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;

    y = year - era * 400;
    d = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * AI_TZ_ERA + y * 365 + y / 4 - y / 100 + d - AI_TZ_EPOCH;
}


void
ai_tz_civil(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t  era, y, d, m;

    days += AI_TZ_EPOCH;
    era = (days >= 0 ? days : days - (AI_TZ_ERA - 1)) / AI_TZ_ERA;

    d = days - era * AI_TZ_ERA;
    y = (d - d / 1460 + d / 36524 - d / 146096) / 365;

    d -= y * 365 + y / 4 - y / 100;
    m = (5 * d + 2) / 153;

    *day = d - (153 * m + 2) / 5 + 1;
    *month = m + (m < 10 ? 3 : -9);
    *year = y + era * 400 + (*month <= 2);
}
