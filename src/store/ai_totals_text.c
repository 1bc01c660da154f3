
/*
 * Rows as JSON and CSV.
 */

#include <base/ai_scan.h>
#include <store/ai_totals_int.h>


#define AI_NANO  1000000000


static void ai_totals_time_json(ai_buf_t *b, int64_t at);
static void ai_totals_digits(ai_buf_t *b, uint64_t n, unsigned width);
static int64_t ai_totals_end(const ai_totals_query_t *q,
    const ai_totals_row_t *row);
static ai_int_t ai_date_number(ai_str_t *s, size_t width, int64_t *n);
static ai_int_t ai_date_clock(ai_str_t *s, int64_t *at);
static void ai_csv_time(ai_buf_t *b, int64_t at);
static void ai_csv_name(ai_buf_t *b, const ai_str_t *name);
static void ai_csv_text(ai_buf_t *b, const ai_str_t *s);
static void ai_csv_quoted(ai_buf_t *b, ai_char_t c);
static void ai_csv_tags(ai_buf_t *b, const ai_totals_row_t *row);
static void ai_csv_int(ai_buf_t *b, int64_t n);


static const ai_str_t  ai_dim_names[AI_DIM_MAX] = {
    ai_string("key"),
    ai_string("team"),
    ai_string("project"),
    ai_string("customer"),
    ai_string("user"),
    ai_string("model"),
    ai_string("provider"),
    ai_string("route"),
};


static const ai_str_t  ai_amount_names[AI_AMOUNTS_N] = {
    ai_string("requests"),
    ai_string("failed_requests"),
    ai_string("estimated_requests"),
    ai_string("prompt_tokens"),
    ai_string("cached_tokens"),
    ai_string("cache_write_tokens"),
    ai_string("completion_tokens"),
    ai_string("reasoning_tokens"),
};


const ai_str_t *
ai_dim_name(ai_dim_e dim)
{
    return &ai_dim_names[dim];
}


void
ai_totals_json(ai_buf_t *b, const ai_totals_query_t *q,
    const ai_totals_row_t *row)
{
    size_t          i;
    const int64_t  *p;

    ai_buf_lit(b, "{\"start\":");
    ai_totals_time_json(b, row->from);
    ai_buf_lit(b, ",\"end\":");
    ai_totals_time_json(b, ai_totals_end(q, row));

    for (i = 0; i < AI_DIM_MAX; i++) {
        if (q->group & (1u << i)) {
            ai_buf_char(b, ',');
            ai_buf_quote(b, &ai_dim_names[i]);
            ai_buf_char(b, ':');
            ai_buf_quote(b, &row->dim[i]);
        }
    }

    p = (const int64_t *) &row->amounts;

    for (i = 0; ai_amount_names[i].len; i++) {
        ai_buf_char(b, ',');
        ai_buf_quote(b, &ai_amount_names[i]);
        ai_buf_char(b, ':');
        ai_buf_int(b, p[i]);
    }

    ai_buf_lit(b, ",\"total_tokens\":");
    ai_buf_int(b, ai_amounts_tokens(&row->amounts));
    ai_buf_lit(b, ",\"cost\":\"");
    ai_amounts_usd(b, row->amounts.cost);
    ai_buf_lit(b, "\",\"saved\":\"");
    ai_amounts_usd(b, row->amounts.saved);
    ai_buf_lit(b, "\"}");
}


static void
ai_totals_time_json(ai_buf_t *b, int64_t at)
{
    if (at == 0) {
        ai_buf_lit(b, "null");
        return;
    }

    ai_buf_char(b, '"');
    ai_totals_iso(b, at);
    ai_buf_char(b, '"');
}


/* 0: it has none */

static int64_t
ai_totals_end(const ai_totals_query_t *q, const ai_totals_row_t *row)
{
    return row->step ? row->from + row->step : q->to;
}


/*
 * The date by counting in eras of 400 years that begin on March 1st, so that
 * a leap day is the last of its year.
 */

void
ai_totals_iso(ai_buf_t *b, int64_t at)
{
    uint64_t  s, day, era, doe, year, doy, month;

    s = (uint64_t) ai_totals_time(at);

    day = s / AI_TOTALS_DAY + 719468;
    era = day / 146097;
    doe = day % 146097;
    year = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * year + year / 4 - year / 100);
    month = (5 * doy + 2) / 153;
    day = doy - (153 * month + 2) / 5 + 1;

    year += era * 400 + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;
    s %= AI_TOTALS_DAY;

    ai_totals_digits(b, year, 4);
    ai_buf_char(b, '-');
    ai_totals_digits(b, month, 2);
    ai_buf_char(b, '-');
    ai_totals_digits(b, day, 2);
    ai_buf_char(b, 'T');
    ai_totals_digits(b, s / 3600, 2);
    ai_buf_char(b, ':');
    ai_totals_digits(b, s / 60 % 60, 2);
    ai_buf_char(b, ':');
    ai_totals_digits(b, s % 60, 2);
    ai_buf_char(b, 'Z');
}


static void
ai_totals_digits(ai_buf_t *b, uint64_t n, unsigned width)
{
    unsigned   i;
    ai_char_t  digits[16];

    for (i = width; i; n /= 10) {
        digits[--i] = (ai_char_t) ('0' + n % 10);
    }

    ai_buf_add(b, digits, width);
}


void
ai_amounts_usd(ai_buf_t *b, int64_t nano)
{
    uint64_t  n;

    n = nano < 0 ? - (uint64_t) nano : (uint64_t) nano;

    if (nano < 0) {
        ai_buf_char(b, '-');
    }

    ai_buf_int(b, (int64_t) (n / AI_NANO));
    ai_buf_char(b, '.');
    ai_totals_digits(b, n % AI_NANO, 9);
}


void
ai_totals_csv_head(ai_buf_t *b)
{
    ai_buf_lit(b, "ChargePeriodStart,ChargePeriodEnd,ProviderName,"
                  "ServiceCategory,ServiceSubcategory,ServiceName,SkuMeter,"
                  "ConsumedQuantity,ConsumedUnit,ListUnitPrice,ListCost,"
                  "EffectiveCost,BilledCost,BillingCurrency,SubAccountId,"
                  "RegionId,Tags,x_InputTokens,x_CachedTokens,"
                  "x_CacheWriteTokens,x_OutputTokens,x_ReasoningTokens,"
                  "x_Requests,x_FailedRequests,x_EstimatedRequests\r\n");
}


void
ai_totals_csv(ai_buf_t *b, const ai_totals_query_t *q,
    const ai_totals_row_t *row)
{
    ai_amounts_t         list;
    const ai_amounts_t  *a;

    a = &row->amounts;

    memset(&list, 0, sizeof(list));
    list.cost = a->saved;
    ai_amounts_add(&list, a);

    ai_csv_time(b, row->from);
    ai_csv_time(b, ai_totals_end(q, row));

    ai_csv_name(b, &row->dim[AI_DIM_PROVIDER]);
    ai_buf_lit(b, "AI and Machine Learning,Generative AI,");
    ai_csv_name(b, &row->dim[AI_DIM_MODEL]);

    ai_buf_lit(b, "tokens,");
    ai_buf_int(b, ai_amounts_tokens(a));
    ai_buf_lit(b, ",Tokens,,");

    ai_amounts_usd(b, list.cost);
    ai_buf_char(b, ',');
    ai_amounts_usd(b, a->cost);
    ai_buf_char(b, ',');
    ai_amounts_usd(b, a->cost);
    ai_buf_lit(b, ",USD,");

    ai_csv_name(b, &row->dim[AI_DIM_TEAM]);
    ai_buf_char(b, ',');
    ai_csv_tags(b, row);

    ai_csv_int(b, a->prompt);
    ai_csv_int(b, a->cached);
    ai_csv_int(b, a->cache_write);
    ai_csv_int(b, a->completion);
    ai_csv_int(b, a->reasoning);
    ai_csv_int(b, a->requests);
    ai_csv_int(b, a->failed);
    ai_csv_int(b, a->estimated);

    ai_buf_lit(b, "\r\n");
}


static void
ai_csv_int(ai_buf_t *b, int64_t n)
{
    ai_buf_char(b, ',');
    ai_buf_int(b, n);
}


static void
ai_csv_time(ai_buf_t *b, int64_t at)
{
    if (at) {
        ai_totals_iso(b, at);
    }

    ai_buf_char(b, ',');
}


/*
 * Programs that show tables take a field for a formula by its first
 * character, quoted or not; with an apostrophe before it it is text.
 */

static void
ai_csv_name(ai_buf_t *b, const ai_str_t *name)
{
    ai_str_t  s;

    if (name->len == 0) {
        ai_buf_char(b, ',');
        return;
    }

    ai_buf_char(b, '"');

    if (memchr("=+-@\t\r\n'", name->data[0], 8) != NULL) {
        ai_buf_char(b, '\'');
    }

    s = *name;
    ai_csv_text(b, &s);

    ai_buf_lit(b, "\",");
}


/* the inside of a quoted field: UTF-8 without controls */

static void
ai_csv_text(ai_buf_t *b, const ai_str_t *s)
{
    unsigned          n;
    const ai_char_t  *p, *end;

    p = s->data;
    end = p + s->len;

    while (p < end) {

        if (*p < 0x80) {
            ai_csv_quoted(b, *p++);
            continue;
        }

        n = ai_utf8_len(p, end);

        if (n) {
            ai_buf_add(b, p, n);
            p += n;

        } else {
            ai_buf_lit(b, "\xef\xbf\xbd");
            p += ai_utf8_bad(p, end);
        }
    }
}


static void
ai_csv_quoted(ai_buf_t *b, ai_char_t c)
{
    if (c == '"') {
        ai_buf_char(b, '"');
    }

    ai_buf_char(b, c < 0x20 || c == 0x7f ? ' ' : c);
}


/* {"customer":"...",...}: what has a column of its own is not in it */

static void
ai_csv_tags(ai_buf_t *b, const ai_totals_row_t *row)
{
    size_t     i, n;
    ai_buf_t   json;
    ai_str_t   s;
    ai_char_t  space[64 + 5 * (6 * AI_TOTALS_NAME + 16)];

    static const struct {
        ai_dim_e   dim;
        ai_str_t   name;
    } tags[] = {
        { AI_DIM_PROJECT, ai_string("project") },
        { AI_DIM_CUSTOMER, ai_string("customer") },
        { AI_DIM_KEY, ai_string("key_id") },
        { AI_DIM_USER, ai_string("user") },
        { AI_DIM_ROUTE, ai_string("route") },
    };

    /* names are cut, so that this cannot be too small */

    memset(&json, 0, sizeof(json));
    json.start = space;
    json.last = space;
    json.end = space + sizeof(space);

    n = 0;
    ai_buf_char(&json, '{');

    for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        s = row->dim[tags[i].dim];

        if (s.len == 0) {
            continue;
        }

        s.len = ai_min(s.len, AI_TOTALS_NAME);

        if (n++) {
            ai_buf_char(&json, ',');
        }

        ai_buf_quote(&json, &tags[i].name);
        ai_buf_char(&json, ':');
        ai_buf_quote(&json, &s);
    }

    ai_buf_char(&json, '}');

    s = ai_buf_str(&json);

    ai_buf_char(b, '"');
    ai_csv_text(b, &s);
    ai_buf_char(b, '"');
}


ai_int_t
ai_totals_date(const ai_str_t *text, int64_t *at)
{
    int64_t    year, month, day, era, yoe, doy;
    ai_str_t   s;

    static const ai_char_t  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    s = *text;

    if (s.len < 5 || s.data[4] != '-') {
        return s.len && s.len <= 12 && ai_date_number(&s, s.len, at) == AI_OK
               ? AI_OK : AI_ERROR;
    }

    if (ai_date_number(&s, 4, &year) != AI_OK || year < 1970
        || ai_date_number(&s, 0, &month) != AI_OK || month < 1 || month > 12
        || ai_date_number(&s, 0, &day) != AI_OK || day < 1
        || day > days[month - 1]
                 + (month == 2 && year % 4 == 0
                    && (year % 100 != 0 || year % 400 == 0)))
    {
        return AI_ERROR;
    }

    year -= month <= 2;
    era = year / 400;
    yoe = year % 400;
    doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    *at = (era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468)
          * AI_TOTALS_DAY;

    return s.len ? ai_date_clock(&s, at) : AI_OK;
}


/* width digits, or a "-" and two */

static ai_int_t
ai_date_number(ai_str_t *s, size_t width, int64_t *n)
{
    size_t  i;

    i = 0;

    if (width == 0) {
        width = 3;
        i = 1;
    }

    if (s->len < width || (i && s->data[0] != '-')) {
        return AI_ERROR;
    }

    for (*n = 0; i < width; i++) {

        if (s->data[i] < '0' || s->data[i] > '9') {
            return AI_ERROR;
        }

        *n = *n * 10 + (s->data[i] - '0');
    }

    s->data += width;
    s->len -= width;

    return AI_OK;
}


/* "T14:00Z", "T14:00:00Z" */

static ai_int_t
ai_date_clock(ai_str_t *s, int64_t *at)
{
    size_t   i;
    int64_t  n;

    static const struct {
        ai_char_t  before;
        int64_t    end;
        int64_t    seconds;
    } part[] = { { 'T', 24, 3600 }, { ':', 60, 60 }, { ':', 60, 1 } };

    for (i = 0; i < 3; i++) {

        if (s->len == 0 || s->data[0] != part[i].before) {
            break;
        }

        s->data++;
        s->len--;

        if (ai_date_number(s, 2, &n) != AI_OK || n >= part[i].end) {
            return AI_ERROR;
        }

        *at += n * part[i].seconds;
    }

    return i >= 2 && s->len == 1 && s->data[0] == 'Z' ? AI_OK : AI_ERROR;
}
