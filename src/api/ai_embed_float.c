
/*
 * Text and float32, for vectors of which an answer may have millions of
 * numbers.  No locale is asked.
 */

#include <api/ai_embed_int.h>

#include <math.h>
#include <stdio.h>


#define AI_FLOAT_DIGITS   19        /* in 64 bits */
#define AI_FLOAT_POWERS   38

/* of the 29 bits by which a double is longer than a float */
#define AI_FLOAT_REST     0x1fffffffu
#define AI_FLOAT_MIDDLE   0x10000000u
#define AI_FLOAT_DOUBT    8


typedef struct {
    uint64_t           m;           /* the first digits */
    int64_t            exp;         /* value: m * 10^exp, or a bit more */
    int                n;           /* digits in m */
    unsigned           negative:1;
} ai_float_t;


static ai_int_t ai_float_read(const ai_char_t *p, const ai_char_t *end,
    ai_float_t *d);
static ai_int_t ai_float_exp(const ai_char_t *p, const ai_char_t *end,
    ai_float_t *d);
static ai_int_t ai_float_exact(const ai_char_t *p, const ai_char_t *end,
    const ai_float_t *d, float *out);
static double ai_float_scale(double d, int exp);
static int ai_float_nine(double d, int exp2, uint64_t *m, double *scaled);
static size_t ai_float_spell(ai_char_t *p, uint64_t m, int exp);


static const double  ai_float_powers[AI_FLOAT_POWERS] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
    1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24,
    1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36,
    1e37
};


/*
 * The digits times a power of ten in double arithmetic are at most three
 * roundings off.  That is the right float too, unless the double lies within
 * that distance of the middle between two floats; strtof() decides then, for
 * one number in 30 million.
 */

ai_int_t
ai_embed_float_parse(const ai_char_t *p, size_t len, float *out)
{
    double      v;
    uint64_t    bits;
    uint32_t    rest;
    ai_float_t  d;

    if (ai_float_read(p, p + len, &d) != AI_OK) {
        return AI_ERROR;
    }

    if (d.m == 0) {
        *out = d.negative ? -0.0f : 0.0f;
        return AI_OK;
    }

    if (d.exp <= -AI_FLOAT_POWERS || d.exp >= AI_FLOAT_POWERS) {
        return ai_float_exact(p, p + len, &d, out);
    }

    v = (double) d.m;
    v = d.exp < 0 ? v / ai_float_powers[- d.exp] : v * ai_float_powers[d.exp];

    memcpy(&bits, &v, sizeof(bits));
    rest = (uint32_t) bits & AI_FLOAT_REST;

    if ((rest >= AI_FLOAT_MIDDLE - AI_FLOAT_DOUBT
         && rest <= AI_FLOAT_MIDDLE + AI_FLOAT_DOUBT)
        || v < 1.2e-38 || v > 3.4e38)
    {
        return ai_float_exact(p, p + len, &d, out);
    }

    *out = (float) (d.negative ? - v : v);

    return AI_OK;
}


/* in locals, as this is done millions of times */

static ai_int_t
ai_float_read(const ai_char_t *p, const ai_char_t *end, ai_float_t *d)
{
    int               n, point;
    int64_t           exp;
    uint64_t          m;
    unsigned          c, negative;
    const ai_char_t  *start;

    negative = p < end && *p == '-';
    p += negative;

    start = p;
    n = 0;
    m = 0;
    exp = 0;
    point = 0;

    for (/* void */; p < end; p++) {
        c = (unsigned) *p - '0';

        if (c > 9) {

            if (*p == '.' && !point) {
                point = 1;
                continue;
            }

            if ((*p | 0x20) == 'e') {
                break;
            }

            return AI_ERROR;
        }

        if (n == AI_FLOAT_DIGITS) {
            exp += !point;
            continue;
        }

        m = m * 10 + c;
        n += m != 0;
        exp -= point;
    }

    d->m = m;
    d->n = n;
    d->exp = exp;
    d->negative = negative & 1;

    if (p - start == point) {
        return AI_ERROR;
    }

    return p == end ? AI_OK : ai_float_exp(p + 1, end, d);
}


static ai_int_t
ai_float_exp(const ai_char_t *p, const ai_char_t *end, ai_float_t *d)
{
    int      minus;
    int64_t  exp;

    minus = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');

    if (p == end) {
        return AI_ERROR;
    }

    for (exp = 0; p < end; p++) {

        if (*p < '0' || *p > '9') {
            return AI_ERROR;
        }

        exp = ai_min(exp * 10 + (*p - '0'), 1000000000);
    }

    d->exp += minus ? - exp : exp;

    return AI_OK;
}


/* written without a point, which another locale would spell otherwise */

static ai_int_t
ai_float_exact(const ai_char_t *p, const ai_char_t *end, const ai_float_t *d,
    float *out)
{
    int      n, more;
    char     cstr[160], *q;
    int64_t  exp;

    more = 0;
    q = cstr;

    if (d->negative) {
        *q++ = '-';
    }

    exp = d->exp;

    /* the middle of two floats has no more than 112 digits; one more stands
     * for all that were not kept */

    for (n = 0; p < end && (*p | 0x20) != 'e'; p++) {

        if (*p < '0' || *p > '9' || (n == 0 && *p == '0')) {
            continue;
        }

        if (n == 120) {
            more |= *p != '0';
            continue;
        }

        *q++ = (char) *p;
        exp -= n >= AI_FLOAT_DIGITS;
        n++;
    }

    *q++ = more ? '1' : '0';
    exp = ai_max(ai_min(exp - 1, 9999), -9999);

    snprintf(q, (size_t) (cstr + sizeof(cstr) - q), "e%d", (int) exp);

    *out = strtof(cstr, NULL);

    return isfinite(*out) ? AI_OK : AI_ERROR;
}


/* d * 10^exp, some roundings off */

static double
ai_float_scale(double d, int exp)
{
    int  n;

    while (exp != 0) {
        n = ai_min(abs(exp), AI_FLOAT_POWERS - 1);

        if (exp > 0) {
            d *= ai_float_powers[n];
            exp -= n;

        } else {
            d /= ai_float_powers[n];
            exp += n;
        }
    }

    return d;
}


/* nine digits of d and the power of ten of the first one */

static int
ai_float_nine(double d, int exp2, uint64_t *m, double *scaled)
{
    int  exp;

    /* log10(2), less than a digit off */

    exp = exp2 * 1233 / 4096 - (exp2 < 0);

    for ( ;; ) {
        *scaled = ai_float_scale(d, 8 - exp);

        if (*scaled >= 999999999.5) {
            exp++;

        } else if (*scaled < 99999999.5) {
            exp--;

        } else {
            break;
        }
    }

    *m = (uint64_t) (*scaled + 0.5);

    return exp;
}


/*
 * Nine digits always do.  Of them as many are given up as keep the number
 * nearer to this float than to its neighbours, by more than the error that
 * the scaling can have.
 */

size_t
ai_embed_float_print(ai_char_t *p, float f)
{
    int        exp, exp2;
    double     d, half, scaled, diff;
    size_t     n;
    uint32_t   bits;
    uint64_t   m, cut, power, gap;

    memcpy(&bits, &f, sizeof(bits));

    n = 0;

    if (bits >> 31) {
        p[n++] = '-';
    }

    bits &= 0x7fffffff;

    if (bits >= 0x7f800000) {
        return 0;
    }

    if (bits == 0) {
        p[n++] = '0';
        return n;
    }

    d = fabs((double) f);
    exp2 = ai_max((int) (bits >> 23), 1) - 127;

    exp = ai_float_nine(d, exp2, &m, &scaled);

    /* half the way to the next float; at a power of two the one below is
     * nearer */

    gap = (uint64_t) (exp2 - ((bits & 0x7fffff) ? 24 : 25) + 1023) << 52;
    memcpy(&half, &gap, sizeof(half));
    half *= scaled / d;

    for (power = 10; power <= 100000000; power *= 10) {
        cut = ((uint64_t) scaled + power / 2) / power * power;
        diff = (double) cut - scaled;

        if (cut == 0 || (diff < 0 ? - diff : diff) > half - 0.001) {
            break;
        }

        m = cut;
    }

    return n + ai_float_spell(p + n, m, exp);
}


static size_t
ai_float_spell(ai_char_t *p, uint64_t m, int exp)
{
    int        i, len, point;
    size_t     n;
    ai_char_t  digit[16];

    if (m >= 1000000000) {
        m /= 10;
        exp++;
    }

    for (i = 8; i >= 0; i--) {
        digit[i] = (ai_char_t) ('0' + m % 10);
        m /= 10;
    }

    for (len = 9; len > 1 && digit[len - 1] == '0'; len--) {
        /* void */
    }

    n = 0;

    if (exp < -4 || exp > 8) {
        p[n++] = digit[0];

        if (len > 1) {
            p[n++] = '.';
            memcpy(p + n, digit + 1, (size_t) (len - 1));
            n += (size_t) (len - 1);
        }

        p[n++] = 'e';

        if (exp < 0) {
            p[n++] = '-';
            exp = - exp;
        }

        if (exp > 9) {
            p[n++] = (ai_char_t) ('0' + exp / 10);
        }

        p[n++] = (ai_char_t) ('0' + exp % 10);

        return n;
    }

    if (exp < 0) {
        p[n++] = '0';
        p[n++] = '.';

        for (i = -1; i > exp; i--) {
            p[n++] = '0';
        }
    }

    point = exp + 1;

    for (i = 0; i < ai_max(len, point); i++) {

        if (i == point && point > 0) {
            p[n++] = '.';
        }

        p[n++] = digit[i];
    }

    return n;
}
