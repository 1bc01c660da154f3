
/*
 * A time zone's file: a header, data with times of 32 bits, and from version
 * 2 on a second header, data with times of 64 bits, and a footer.
 */

#include <limit/ai_tz_int.h>


#define AI_TZ_HEADER       44


typedef struct {
    int64_t            at;
    int32_t            offset;
} ai_tz_change_at_t;


struct ai_tz_s {
    ai_tz_change_at_t *changes;
    size_t             n;
    int32_t            before;      /* the first of them; seconds */
    int32_t            ruled;       /* there is a rule for what is behind */
    ai_tz_rule_t       rule;
};


/* one of the two headers, and where its data is */
typedef struct {
    ai_char_t          version;
    uint64_t           isut;
    uint64_t           isstd;
    uint64_t           leap;
    uint64_t           times;
    uint64_t           types;
    uint64_t           chars;
    uint64_t           size;        /* of its data */
    size_t             width;       /* of a time */
    const ai_char_t   *data;
} ai_tz_head_t;


static ai_int_t ai_tz_read_head(ai_str_t *in, size_t width,
    ai_tz_head_t *head);
static ai_int_t ai_tz_read_changes(ai_tz_t *tz, const ai_tz_head_t *head,
    const ai_pool_t *pool);
static ai_int_t ai_tz_read_type(const ai_tz_head_t *head, ai_uint_t type,
    int32_t *offset);
static ai_int_t ai_tz_read_footer(ai_tz_t *tz, const ai_str_t *in);
static uint32_t ai_tz_u32(const ai_char_t *p);
static int64_t ai_tz_time(const ai_char_t *p, size_t width);
static void ai_tz_span(const ai_tz_t *tz, int64_t at, ai_tz_span_t *span);
static size_t ai_tz_find(const ai_tz_t *tz, int64_t at);
static int64_t ai_tz_clamp(int64_t n, int64_t max);
static int64_t ai_tz_floor(int64_t n, int64_t by);


ai_tz_t *
ai_tz_read(const ai_str_t *data, const ai_pool_t *pool)
{
    ai_tz_t       *tz;
    ai_str_t       in;
    ai_tz_head_t   head;

    in = *data;

    if (ai_tz_read_head(&in, 4, &head) != AI_OK) {
        return NULL;
    }

    if (head.version && ai_tz_read_head(&in, 8, &head) != AI_OK) {
        return NULL;
    }

    tz = ai_pcalloc(pool, sizeof(ai_tz_t));
    if (tz == NULL) {
        return NULL;
    }

    if ((head.version && ai_tz_read_footer(tz, &in) != AI_OK)
        || ai_tz_read_changes(tz, &head, pool) != AI_OK)
    {
        ai_pfree(pool, tz);
        return NULL;
    }

    return tz;
}


/* takes a header and its data off the front */

static ai_int_t
ai_tz_read_head(ai_str_t *in, size_t width, ai_tz_head_t *head)
{
    const ai_char_t  *p;

    p = in->data;

    if (in->len < AI_TZ_HEADER || memcmp(p, "TZif", 4) != 0) {
        return AI_ERROR;
    }

    head->version = p[4];
    head->isut = ai_tz_u32(p + 20);
    head->isstd = ai_tz_u32(p + 24);
    head->leap = ai_tz_u32(p + 28);
    head->times = ai_tz_u32(p + 32);
    head->types = ai_tz_u32(p + 36);
    head->chars = ai_tz_u32(p + 40);
    head->width = width;
    head->data = p + AI_TZ_HEADER;

    head->size = head->times * (width + 1) + head->types * 6 + head->chars
                 + head->leap * (width + 4) + head->isstd + head->isut;

    if (head->size > in->len - AI_TZ_HEADER) {
        return AI_ERROR;
    }

    in->data += AI_TZ_HEADER + head->size;
    in->len -= AI_TZ_HEADER + (size_t) head->size;

    return AI_OK;
}


/* Unix time has no leap seconds, and files that count them are no use here */

static ai_int_t
ai_tz_read_changes(ai_tz_t *tz, const ai_tz_head_t *head,
    const ai_pool_t *pool)
{
    size_t              i;
    const ai_char_t    *p, *types;
    ai_tz_change_at_t  *change;

    if (head->leap || head->types == 0
        || ai_tz_read_type(head, 0, &tz->before) != AI_OK)
    {
        return AI_ERROR;
    }

    if (head->times == 0) {
        return AI_OK;
    }

    p = head->data;
    types = p + head->times * head->width;

    tz->n = (size_t) head->times;
    tz->changes = ai_palloc(pool, tz->n * sizeof(ai_tz_change_at_t));
    if (tz->changes == NULL) {
        return AI_ERROR;
    }

    for (i = 0; i < tz->n; i++) {
        change = &tz->changes[i];
        change->at = ai_tz_time(p + i * head->width, head->width);

        if ((i && change->at <= change[-1].at)
            || ai_tz_read_type(head, types[i], &change->offset) != AI_OK)
        {
            ai_pfree(pool, tz->changes);
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_tz_read_type(const ai_tz_head_t *head, ai_uint_t type, int32_t *offset)
{
    const ai_char_t  *p;

    if (type >= head->types) {
        return AI_ERROR;
    }

    p = head->data + head->times * (head->width + 1) + type * 6;
    *offset = (int32_t) ai_tz_u32(p);

    if (*offset > AI_TZ_OFFSET_MAX || *offset < -AI_TZ_OFFSET_MAX) {
        return AI_ERROR;
    }

    return AI_OK;
}


/* between two newlines; empty: there is no rule */

static ai_int_t
ai_tz_read_footer(ai_tz_t *tz, const ai_str_t *in)
{
    ai_str_t          text;
    const ai_char_t  *end;

    if (in->len < 2 || in->data[0] != '\n') {
        return AI_ERROR;
    }

    text.data = in->data + 1;
    end = memchr(text.data, '\n', in->len - 1);

    if (end == NULL) {
        return AI_ERROR;
    }

    text.len = (size_t) (end - text.data);

    if (text.len == 0) {
        return AI_OK;
    }

    tz->ruled = 1;

    return ai_tz_rule_parse(&tz->rule, &text);
}


static uint32_t
ai_tz_u32(const ai_char_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


static int64_t
ai_tz_time(const ai_char_t *p, size_t width)
{
    if (width == 4) {
        return (int32_t) ai_tz_u32(p);
    }

    return (int64_t) ((uint64_t) ai_tz_u32(p) << 32 | ai_tz_u32(p + 4));
}


int32_t
ai_tz_offset(const ai_tz_t *tz, int64_t at)
{
    ai_tz_span_t  span;

    ai_tz_span(tz, ai_tz_clamp(at, AI_TZ_TIME_MAX), &span);

    return span.offset;
}


/*
 * Offsets are less than AI_TZ_OFFSET_MAX, so that much before a date's number
 * of seconds the date has not begun anywhere, and from there on the first
 * moment that is not before it is looked for.
 */

int64_t
ai_tz_midnight(const ai_tz_t *tz, int64_t year, int64_t month, int64_t day)
{
    int64_t       local, at;
    ai_tz_span_t  span;

    year = ai_tz_clamp(year, AI_TZ_YEAR_MAX / 4);
    month = ai_tz_clamp(month, AI_TZ_YEAR_MAX / 4) - 1;
    day = ai_tz_clamp(day, AI_TZ_YEAR_MAX / 4);

    year += ai_tz_floor(month, 12);
    month -= ai_tz_floor(month, 12) * 12;

    local = (ai_tz_days(year, month + 1, 1) + day - 1) * AI_TZ_DAY_SECONDS;
    local = ai_tz_clamp(local, AI_TZ_TIME_MAX - 2 * AI_TZ_OFFSET_MAX);

    at = local - AI_TZ_OFFSET_MAX;

    for ( ;; ) {
        ai_tz_span(tz, at, &span);
        at = ai_max(at, local - span.offset);

        if (at < span.end) {
            return at;
        }

        at = span.end;
    }
}


void
ai_tz_date(const ai_tz_t *tz, int64_t at, int64_t *year, int64_t *month,
    int64_t *day, int64_t *weekday)
{
    int64_t  days;

    at = ai_tz_clamp(at, AI_TZ_TIME_MAX);
    at += ai_tz_offset(tz, at);

    days = ai_tz_floor(at, AI_TZ_DAY_SECONDS);
    ai_tz_civil(days, year, month, day);

    /* 1970-01-01 was a Thursday */

    days += 3;
    *weekday = days - ai_tz_floor(days, 7) * 7;
}


static void
ai_tz_span(const ai_tz_t *tz, int64_t at, ai_tz_span_t *span)
{
    size_t  i;

    span->start = INT64_MIN;
    span->end = INT64_MAX;
    span->offset = 0;

    if (tz == NULL) {
        return;
    }

    i = ai_tz_find(tz, at);

    if (i < tz->n) {
        span->end = tz->changes[i].at;

    } else if (tz->ruled) {
        ai_tz_rule_span(&tz->rule, at, span);
        return;
    }

    span->offset = i ? tz->changes[i - 1].offset : tz->before;
}


/* how many changes were at that moment, or before it */

static size_t
ai_tz_find(const ai_tz_t *tz, int64_t at)
{
    size_t  low, high, i;

    low = 0;
    high = tz->n;

    while (low < high) {
        i = low + (high - low) / 2;

        if (tz->changes[i].at <= at) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    return low;
}


static int64_t
ai_tz_clamp(int64_t n, int64_t max)
{
    return n > max ? max : n < -max ? -max : n;
}


/* division that rounds down */

static int64_t
ai_tz_floor(int64_t n, int64_t by)
{
    return n / by - (n % by < 0);
}
