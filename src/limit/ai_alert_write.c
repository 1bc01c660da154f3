
/* The body of an alert: a sentence, and the same as fields. */

#include <limit/ai_alert.h>
#include <limit/ai_tz.h>


#define AI_NANO             1000000000
#define AI_ALERT_TIME_MAX   253402300799    /* the end of the year 9999 */


static void ai_alert_text(ai_buf_t *b, const ai_alert_event_t *ev);
static void ai_alert_text_used(ai_buf_t *b, const ai_alert_event_t *ev);
static void ai_alert_field(ai_buf_t *b, const char *name, const ai_str_t *s);
static void ai_alert_escape(ai_buf_t *b, const ai_str_t *s);
static void ai_alert_amount(ai_buf_t *b, ai_unit_e unit, int64_t n);
static void ai_alert_time(ai_buf_t *b, int64_t at);
static void ai_alert_digits(ai_buf_t *b, int64_t n, int width);
static ai_str_t ai_alert_period(ai_char_t *buf, int32_t period);


void
ai_alert_write(ai_buf_t *b, const ai_alert_event_t *ev)
{
    ai_str_t   key, period;
    ai_char_t  buf[AI_PERIOD_LEN];

    key = ev->key;
    key.len = ai_min(key.len, AI_ALERT_KEY_MAX);

    period = ai_alert_period(buf, ev->period);

    ai_buf_lit(b, "{\"text\":\"");
    ai_alert_text(b, ev);
    ai_buf_char(b, '"');

    ai_alert_field(b, "alert", &ev->name);
    ai_alert_field(b, "event", ai_alert_name(ev->kind));
    ai_alert_field(b, "zone", &ev->zone);
    ai_alert_field(b, "key", &key);
    ai_alert_field(b, "unit", ai_unit_name(ev->unit));

    ai_buf_lit(b, ",\"limit\":");
    ai_alert_amount(b, ev->unit, ev->limit);
    ai_buf_lit(b, ",\"used\":");
    ai_alert_amount(b, ev->unit, ev->used);
    ai_buf_lit(b, ",\"remaining\":");
    ai_alert_amount(b, ev->unit, ev->used < ev->limit ? ev->limit - ev->used
                                                      : 0);

    ai_alert_field(b, "period", &period);

    ai_buf_lit(b, ",\"reset\":");

    if (ev->reset > 0) {
        ai_buf_char(b, '"');
        ai_alert_time(b, ev->reset);
        ai_buf_char(b, '"');

    } else {
        ai_buf_lit(b, "null");
    }

    ai_alert_field(b, "node", &ev->node);

    ai_buf_lit(b, ",\"time\":\"");
    ai_alert_time(b, ev->now);
    ai_buf_lit(b, "\"}");
}


static void
ai_alert_text(ai_buf_t *b, const ai_alert_event_t *ev)
{
    ai_str_t  key;

    key = ev->key;
    key.len = ai_min(key.len, AI_ALERT_KEY_MAX);

    ai_alert_escape(b, &ev->name);
    ai_buf_lit(b, ": ");
    ai_alert_escape(b, &key);

    if (ev->zone.len) {
        ai_buf_lit(b, " (");
        ai_alert_escape(b, &ev->zone);
        ai_buf_char(b, ')');
    }

    ai_alert_text_used(b, ev);

    if (ev->reset > 0 && ev->kind != AI_ALERT_SPEND_RATE) {
        ai_buf_lit(b, ", until ");
        ai_alert_time(b, ev->reset);
    }
}


static void
ai_alert_text_used(ai_buf_t *b, const ai_alert_event_t *ev)
{
    int        rate;
    ai_str_t   period;
    ai_char_t  buf[AI_PERIOD_LEN];

    rate = ev->kind == AI_ALERT_SPEND_RATE;
    period = ai_alert_period(buf, ev->period);

    ai_buf_lit(b, " has used ");
    ai_alert_amount(b, ev->unit, ev->used);

    if (!rate) {
        ai_buf_lit(b, " of ");
        ai_alert_amount(b, ev->unit, ev->limit);
    }

    ai_buf_char(b, ' ');

    if (ev->unit == AI_UNIT_COST) {
        ai_buf_lit(b, "USD");

    } else {
        ai_buf_cat(b, ai_unit_name(ev->unit));
    }

    if (period.len) {
        ai_buf_lit(b, " per ");
        ai_buf_cat(b, &period);
    }

    if (rate) {
        ai_buf_lit(b, ", more than the ");
        ai_alert_amount(b, ev->unit, ev->limit);
        ai_buf_lit(b, " that would be usual");
    }
}


static void
ai_alert_field(ai_buf_t *b, const char *name, const ai_str_t *s)
{
    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));
    ai_buf_lit(b, "\":");
    ai_buf_quote(b, s);
}


/* a key may be what a client sent, and <!channel> calls everybody */

static void
ai_alert_escape(ai_buf_t *b, const ai_str_t *s)
{
    size_t    i, from;
    ai_str_t  part, sign;

    for (i = 0, from = 0; i <= s->len; i++) {

        if (i < s->len && s->data[i] != '&' && s->data[i] != '<'
            && s->data[i] != '>')
        {
            continue;
        }

        part.data = s->data + from;
        part.len = i - from;
        from = i + 1;

        if (part.len) {
            ai_buf_escape(b, &part);
        }

        if (i < s->len) {
            sign = s->data[i] == '&' ? ai_lit("&amp;")
                                     : s->data[i] == '<' ? ai_lit("&lt;")
                                                         : ai_lit("&gt;");
            ai_buf_cat(b, &sign);
        }
    }
}


/* USD have two decimals at least */

static void
ai_alert_amount(ai_buf_t *b, ai_unit_e unit, int64_t n)
{
    int      width;
    int64_t  rest;

    if (unit != AI_UNIT_COST) {
        ai_buf_int(b, n);
        return;
    }

    rest = n % AI_NANO;

    if (n < 0) {
        ai_buf_char(b, '-');
        rest = -rest;
    }

    ai_alert_digits(b, n < 0 ? -(n / AI_NANO) : n / AI_NANO, 1);
    ai_buf_char(b, '.');

    for (width = 9; width > 2 && rest % 10 == 0; width--) {
        rest /= 10;
    }

    ai_alert_digits(b, rest, width);
}


/* 2026-01-01T00:00:00Z */

static void
ai_alert_time(ai_buf_t *b, int64_t at)
{
    int64_t  year, month, day, weekday;

    at = ai_max(ai_min(at, AI_ALERT_TIME_MAX), 0);
    ai_tz_date(NULL, at, &year, &month, &day, &weekday);

    ai_alert_digits(b, year, 4);
    ai_buf_char(b, '-');
    ai_alert_digits(b, month, 2);
    ai_buf_char(b, '-');
    ai_alert_digits(b, day, 2);
    ai_buf_char(b, 'T');
    ai_alert_digits(b, at / 3600 % 24, 2);
    ai_buf_char(b, ':');
    ai_alert_digits(b, at / 60 % 60, 2);
    ai_buf_char(b, ':');
    ai_alert_digits(b, at % 60, 2);
    ai_buf_char(b, 'Z');
}


/* with leading zeros to a width */

static void
ai_alert_digits(ai_buf_t *b, int64_t n, int width)
{
    ai_char_t  digits[20], *p;

    p = digits + sizeof(digits);

    do {
        *--p = (ai_char_t) ('0' + n % 10);
        n /= 10;
        width--;
    } while (n || width > 0);

    ai_buf_add(b, p, (size_t) (digits + sizeof(digits) - p));
}


static ai_str_t
ai_alert_period(ai_char_t *buf, int32_t period)
{
    ai_str_t  s;

    s.data = buf;
    s.len = (size_t) (ai_period_print(buf, period) - buf);

    return s;
}
