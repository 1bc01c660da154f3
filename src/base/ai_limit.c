
/* Amounts and periods, digit by digit: a limit of 0.1 USD is exact. */

#include <base/ai_limit.h>


#define AI_COST_DECIMALS  9         /* nano-USD */


typedef struct {
    ai_str_t           name;
    int32_t            period;
} ai_period_name_t;


static ai_int_t ai_period_seconds(const ai_str_t *text, int32_t *period);
static ai_char_t *ai_period_number(ai_char_t *p, int32_t n, ai_char_t unit);
static const ai_char_t *ai_amount_digits(const ai_char_t *p,
    const ai_char_t *end, int64_t *n);
static ai_int_t ai_amount_fraction(const ai_char_t *p, const ai_char_t *end,
    int64_t *n);


#define ai_is_digit(c)  ((c) >= '0' && (c) <= '9')


static const ai_str_t  ai_unit_names[AI_UNIT_MAX] = {
    [AI_UNIT_REQUESTS] = ai_string("requests"),
    [AI_UNIT_TOKENS] = ai_string("tokens"),
    [AI_UNIT_INPUT_TOKENS] = ai_string("input_tokens"),
    [AI_UNIT_OUTPUT_TOKENS] = ai_string("output_tokens"),
    [AI_UNIT_COST] = ai_string("cost"),
    [AI_UNIT_CONCURRENCY] = ai_string("concurrency")
};


static const ai_period_name_t  ai_period_names[] = {
    { ai_string("d"), AI_PERIOD_DAY },
    { ai_string("w"), AI_PERIOD_WEEK },
    { ai_string("month"), AI_PERIOD_MONTH }
};

#define AI_PERIOD_NAMES  (sizeof(ai_period_names) / sizeof(ai_period_names[0]))


ai_int_t
ai_unit_by_name(const ai_str_t *name, ai_unit_e *unit)
{
    ai_uint_t  i;

    for (i = 0; i < AI_UNIT_MAX; i++) {
        if (ai_str_eq(name, &ai_unit_names[i])) {
            *unit = (ai_unit_e) i;
            return AI_OK;
        }
    }

    return AI_DECLINED;
}


const ai_str_t *
ai_unit_name(ai_unit_e unit)
{
    return &ai_unit_names[unit];
}


ai_int_t
ai_period_parse(const ai_str_t *text, int32_t *period)
{
    ai_uint_t  i;

    for (i = 0; i < AI_PERIOD_NAMES; i++) {
        if (ai_str_eq(text, &ai_period_names[i].name)) {
            *period = ai_period_names[i].period;
            return AI_OK;
        }
    }

    return ai_period_seconds(text, period);
}


/* [ digits ] "s" | "m" | "h" */

static ai_int_t
ai_period_seconds(const ai_str_t *text, int32_t *period)
{
    int64_t           n, factor;
    const ai_char_t  *p, *end;

    if (text->len == 0) {
        return AI_ERROR;
    }

    n = 1;
    p = text->data;
    end = p + text->len - 1;

    switch (*end) {
    case 's':
        factor = 1;
        break;

    case 'm':
        factor = 60;
        break;

    case 'h':
        factor = 3600;
        break;

    default:
        return AI_ERROR;
    }

    if (p < end && ai_amount_digits(p, end, &n) != end) {
        return AI_ERROR;
    }

    if (n == 0 || n > AI_PERIOD_LONGEST / factor) {
        return AI_ERROR;
    }

    *period = (int32_t) (n * factor);

    return AI_OK;
}


ai_char_t *
ai_period_print(ai_char_t *p, int32_t period)
{
    ai_uint_t        i;
    const ai_str_t  *name;

    for (i = 0; i < AI_PERIOD_NAMES; i++) {
        if (ai_period_names[i].period == period) {
            name = &ai_period_names[i].name;
            memcpy(p, name->data, name->len);
            return p + name->len;
        }
    }

    if (period <= 0) {
        return p;
    }

    if (period % 3600 == 0) {
        return ai_period_number(p, period / 3600, 'h');
    }

    if (period % 60 == 0) {
        return ai_period_number(p, period / 60, 'm');
    }

    return ai_period_number(p, period, 's');
}


/* a number of 1 is left out */

static ai_char_t *
ai_period_number(ai_char_t *p, int32_t n, ai_char_t unit)
{
    size_t      len;
    ai_char_t   digits[AI_PERIOD_LEN], *d;

    d = digits + AI_PERIOD_LEN;
    *--d = unit;

    if (n > 1) {
        for ( /* void */ ; n; n /= 10) {
            *--d = (ai_char_t) ('0' + n % 10);
        }
    }

    len = (size_t) (digits + AI_PERIOD_LEN - d);
    memcpy(p, d, len);

    return p + len;
}


ai_int_t
ai_amount_parse(const ai_str_t *text, ai_unit_e unit, int64_t *amount)
{
    int64_t           n;
    const ai_char_t  *p, *end;

    if (text->len == 0) {
        return AI_ERROR;
    }

    end = text->data + text->len;
    p = ai_amount_digits(text->data, end, &n);

    if (p == NULL) {
        return AI_ERROR;
    }

    if (unit == AI_UNIT_COST) {

        if (ai_amount_fraction(p, end, &n) != AI_OK) {
            return AI_ERROR;
        }

    } else if (p != end) {
        return AI_ERROR;
    }

    if (n > AI_LIMIT_MAX) {
        return AI_ERROR;
    }

    *amount = n;

    return AI_OK;
}


/* what follows the digits; NULL: there are none, or it is beyond all bounds */

static const ai_char_t *
ai_amount_digits(const ai_char_t *p, const ai_char_t *end, int64_t *n)
{
    int64_t           sum;
    const ai_char_t  *start;

    start = p;

    for (sum = 0; p < end && ai_is_digit(*p); p++) {
        sum = sum * 10 + (*p - '0');

        if (sum > AI_LIMIT_MAX) {
            return NULL;
        }
    }

    *n = sum;

    return p == start ? NULL : p;
}


/* [ "." digits ], and to the unit of the last decimal; n is of whole ones */

static ai_int_t
ai_amount_fraction(const ai_char_t *p, const ai_char_t *end, int64_t *n)
{
    int         i;
    int64_t     sum;
    ai_char_t   digit;

    sum = *n;

    if (p < end && (*p++ != '.' || p == end)) {
        return AI_ERROR;
    }

    for (i = 0; i < AI_COST_DECIMALS; i++) {
        digit = '0';

        if (p < end) {
            digit = *p++;
        }

        if (!ai_is_digit(digit) || sum > AI_LIMIT_MAX / 10) {
            return AI_ERROR;
        }

        sum = sum * 10 + (digit - '0');
    }

    *n = sum;

    return p == end ? AI_OK : AI_ERROR;
}


ai_int_t
ai_limit_parse(const ai_str_t *text, ai_unit_e unit, ai_limit_t *limit)
{
    int64_t      amount;
    int32_t      period;
    ai_str_t     head, tail;
    ai_char_t   *slash;

    if (text->len == 0) {
        return AI_ERROR;
    }

    head = *text;
    period = AI_PERIOD_NONE;
    slash = memchr(text->data, '/', text->len);

    if ((slash == NULL) != (unit == AI_UNIT_CONCURRENCY)) {
        return AI_ERROR;
    }

    if (slash) {
        head.len = (size_t) (slash - text->data);
        tail.data = slash + 1;
        tail.len = text->len - head.len - 1;

        if (ai_period_parse(&tail, &period) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_amount_parse(&head, unit, &amount) != AI_OK) {
        return AI_ERROR;
    }

    limit->amount = amount;
    limit->period = period;

    return AI_OK;
}
