
/*
 * Decimal numbers as prices, digit by digit: 1e-15 USD are exact, and a double
 * is nowhere.
 */

#include <price/ai_price_int.h>


#define AI_PRICE_POINT  15      /* a price of 1 is 1e-15 USD */
#define AI_PRICE_EXP    1000000000


typedef struct {
    const ai_char_t   *digit;       /* digits, with a point among them */
    const ai_char_t   *end;
    int64_t            point;       /* digits before the point of the price */
} ai_decimal_t;


static ai_int_t ai_price_decimal(const ai_str_t *s, int scale,
    ai_decimal_t *d);
static ai_int_t ai_price_exponent(const ai_char_t *p, const ai_char_t *end,
    int64_t *exp);
static ai_int_t ai_price_sum(const ai_decimal_t *d, int64_t *price,
    unsigned *half, unsigned *rest);
static ai_int_t ai_price_digit(int64_t *n, unsigned digit);


#define ai_is_digit(c)  ((c) >= '0' && (c) <= '9')


ai_int_t
ai_price_number(const ai_str_t *s, int scale, int64_t *price)
{
    int64_t       n;
    unsigned      half, rest;
    ai_decimal_t  d;

    if (ai_price_decimal(s, scale, &d) != AI_OK
        || ai_price_sum(&d, &n, &half, &rest) != AI_OK
        || half || rest)
    {
        return AI_DECLINED;
    }

    *price = n;

    return AI_OK;
}


ai_int_t
ai_price_round(const ai_str_t *s, int scale, int64_t *price)
{
    int64_t       n;
    unsigned      half, rest;
    ai_decimal_t  d;

    if (ai_price_decimal(s, scale, &d) != AI_OK
        || ai_price_sum(&d, &n, &half, &rest) != AI_OK
        || (half && n == INT64_MAX))
    {
        return AI_DECLINED;
    }

    *price = n + half;

    return AI_OK;
}


/* digits [ "." digits ] [ "e" [ sign ] digits ] */

static ai_int_t
ai_price_decimal(const ai_str_t *s, int scale, ai_decimal_t *d)
{
    int64_t           exp;
    const ai_char_t  *p, *end, *start;

    p = s->data;
    end = p + s->len;

    d->digit = p;

    while (p < end && ai_is_digit(*p)) {
        p++;
    }

    if (p == d->digit) {
        return AI_DECLINED;
    }

    d->point = p - d->digit;

    if (p < end && *p == '.') {
        start = ++p;

        while (p < end && ai_is_digit(*p)) {
            p++;
        }

        if (p == start) {
            return AI_DECLINED;
        }
    }

    d->end = p;

    if (p < end) {
        if ((*p | 0x20) != 'e'
            || ai_price_exponent(p + 1, end, &exp) != AI_OK)
        {
            return AI_DECLINED;
        }

        d->point += exp;
    }

    d->point += AI_PRICE_POINT + scale;

    return AI_OK;
}


/* one beyond AI_PRICE_EXP is out of all bounds anyway: a text of so many
 * digits, which could make up for it, is never read */

static ai_int_t
ai_price_exponent(const ai_char_t *p, const ai_char_t *end, int64_t *exp)
{
    int      minus;
    int64_t  n;

    minus = p < end && *p == '-';

    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }

    if (p == end) {
        return AI_DECLINED;
    }

    for (n = 0; p < end; p++) {

        if (!ai_is_digit(*p)) {
            return AI_DECLINED;
        }

        if (n < 4LL * AI_PRICE_EXP) {
            n = n * 10 + (*p - '0');
        }
    }

    *exp = minus ? -n : n;

    return AI_OK;
}


/* the digits before the point; whether those behind it are a half or more,
 * and whether there is anything else but zeroes */

static ai_int_t
ai_price_sum(const ai_decimal_t *d, int64_t *price, unsigned *half,
    unsigned *rest)
{
    int64_t           n, at;
    unsigned          digit;
    const ai_char_t  *p;

    n = 0;
    at = 0;
    *half = 0;
    *rest = 0;

    for (p = d->digit; p < d->end; p++) {

        if (*p == '.') {
            continue;
        }

        digit = *p - '0';

        if (at < d->point) {
            if (ai_price_digit(&n, digit) != AI_OK) {
                return AI_DECLINED;
            }

        } else if (at == d->point && digit >= 5) {
            *half = 1;

        } else if (digit) {
            *rest = 1;
        }

        at++;
    }

    for ( /* void */ ; n && at < d->point; at++) {
        if (ai_price_digit(&n, 0) != AI_OK) {
            return AI_DECLINED;
        }
    }

    *price = n;

    return AI_OK;
}


static ai_int_t
ai_price_digit(int64_t *n, unsigned digit)
{
    if (__builtin_mul_overflow(*n, (int64_t) 10, n)
        || __builtin_add_overflow(*n, (int64_t) digit, n))
    {
        return AI_DECLINED;
    }

    return AI_OK;
}
