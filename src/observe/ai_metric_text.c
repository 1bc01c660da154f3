
/*
 * Labels and samples as text: Prometheus' format 0.0.4, and OpenMetrics 1.0.0
 * (which names a counter without "_total" in its heading, and has an end).
 */

#include <observe/ai_metric.h>

#include <base/ai_scan.h>


#define AI_METRIC_Q_MAX  1000               /* q=1 of "Accept" */


static const ai_str_t *ai_metric_label(const ai_metrics_t *m,
    const ai_metric_family_t *f, uint32_t i, ai_str_t *name);
static ai_char_t *ai_metric_put_value(ai_char_t *p, const ai_str_t *value);
static size_t ai_metric_cut(const ai_str_t *value);
static size_t ai_metric_text_other(const ai_metric_family_t *f,
    ai_char_t *text);
static void ai_metric_heading(ai_metric_writer_t *w,
    const ai_metric_family_t *f);
static void ai_metric_number(ai_buf_t *b, int64_t n, uint32_t scale);
static void ai_metric_labels(ai_buf_t *b, const ai_str_t *text,
    const char *le);
static void ai_metric_histogram(ai_metric_writer_t *w,
    const ai_metric_family_t *f, const uint64_t *words,
    const ai_str_t *text);
static void ai_metric_accept_item(const ai_str_t *item, int *open,
    int *plain);
static int ai_metric_accept_q(const ai_char_t *p, const ai_char_t *end);
static ai_str_t ai_metric_trim(const ai_char_t *p, const ai_char_t *end);


size_t
ai_metric_text(const ai_metrics_t *m, uint32_t family,
    const ai_str_t *values, ai_char_t *text)
{
    uint32_t                   i, n;
    ai_str_t                   name;
    ai_char_t                 *p;
    const ai_metric_family_t  *f;

    f = &m->families[family];
    n = f->nlabels + (f->extra ? m->nextra : 0);
    n = ai_min(n, AI_METRIC_LABELS_MAX);
    p = text;

    for (i = 0; i < n; i++) {
        (void) ai_metric_label(m, f, i, &name);

        if (i) {
            *p++ = ',';
        }

        memcpy(p, name.data, name.len);
        p += name.len;
        *p++ = '=';
        p = ai_metric_put_value(p, &values[i]);
    }

    return (size_t) (p - text);
}


static const ai_str_t *
ai_metric_label(const ai_metrics_t *m, const ai_metric_family_t *f,
    uint32_t i, ai_str_t *name)
{
    if (i < f->nlabels) {
        name->data = (ai_char_t *) f->labels[i];
        name->len = strlen(f->labels[i]);

    } else {
        *name = m->extra[i - f->nlabels];
    }

    name->len = ai_min(name->len, AI_METRIC_NAME_MAX);

    return name;
}


static ai_char_t *
ai_metric_put_value(ai_char_t *p, const ai_str_t *value)
{
    size_t            n;
    const ai_char_t  *s, *end;

    *p++ = '"';

    s = value->len ? value->data : (const ai_char_t *) "";
    end = s + ai_metric_cut(value);

    for ( /* void */ ; s < end; s += n) {
        n = 1;

        if (*s == '\\' || *s == '"') {
            *p++ = '\\';
            *p++ = *s;

        } else if (*s == '\n') {
            *p++ = '\\';
            *p++ = 'n';

        } else if (*s < 0x20 || *s == 0x7f) {
            *p++ = ' ';

        } else if (*s < 0x80) {
            *p++ = *s;

        } else {
            n = ai_utf8_len(s, end);

            if (n) {
                memcpy(p, s, n);
                p += n;

            } else {
                *p++ = '?';
                n = 1;
            }
        }
    }

    *p++ = '"';

    return p;
}


/* not inside of a character */

static size_t
ai_metric_cut(const ai_str_t *value)
{
    size_t  n, i;

    if (value->len <= AI_METRIC_VALUE_MAX) {
        return value->len;
    }

    n = AI_METRIC_VALUE_MAX;

    for (i = 0; i < 3 && ai_utf8_tail(value->data[n]); i++) {
        n--;
    }

    return n;
}


static size_t
ai_metric_text_other(const ai_metric_family_t *f, ai_char_t *text)
{
    size_t      len;
    uint32_t    i;
    ai_char_t  *p;

    p = text;

    for (i = 0; i < f->nlabels; i++) {
        if (i) {
            *p++ = ',';
        }

        len = strlen(f->labels[i]);
        memcpy(p, f->labels[i], len);
        memcpy(p + len, "=\"other\"", sizeof("=\"other\"") - 1);
        p += len + sizeof("=\"other\"") - 1;
    }

    return (size_t) (p - text);
}


static void
ai_metric_heading(ai_metric_writer_t *w, const ai_metric_family_t *f)
{
    size_t      len;
    ai_buf_t   *b;

    static const char *const  types[] = {   /* ai_metric_type_e */
        "counter", "gauge", "histogram"
    };

    if (w->family == f) {
        return;
    }

    w->family = f;
    b = w->buf;
    len = strlen(f->name);

    if (w->openmetrics && f->type == AI_METRIC_COUNTER) {
        len -= sizeof("_total") - 1;
    }

    ai_buf_lit(b, "# HELP ");
    ai_buf_add(b, f->name, len);
    ai_buf_char(b, ' ');
    ai_buf_add(b, f->help, strlen(f->help));
    ai_buf_lit(b, "\n# TYPE ");
    ai_buf_add(b, f->name, len);
    ai_buf_char(b, ' ');
    ai_buf_add(b, types[f->type], strlen(types[f->type]));
    ai_buf_char(b, '\n');
}


/* exact, whatever the locale: integers only */

static void
ai_metric_number(ai_buf_t *b, int64_t n, uint32_t scale)
{
    uint32_t    i;
    uint64_t    u;
    ai_char_t   digits[32], *p, *end;

    end = digits + sizeof(digits);
    p = end;
    u = n < 0 ? - (uint64_t) n : (uint64_t) n;

    for (i = 0; u || i <= scale; i++) {
        if (i == scale && scale) {
            *--p = '.';
        }

        *--p = (ai_char_t) ('0' + u % 10);
        u /= 10;
    }

    if (n < 0) {
        *--p = '-';
    }

    ai_buf_add(b, p, (size_t) (end - p));
}


static void
ai_metric_labels(ai_buf_t *b, const ai_str_t *text, const char *le)
{
    if (text->len || le) {
        ai_buf_char(b, '{');
        ai_buf_cat(b, text);

        if (le) {
            if (text->len) {
                ai_buf_char(b, ',');
            }

            ai_buf_lit(b, "le=\"");
            ai_buf_add(b, le, strlen(le));
            ai_buf_char(b, '"');
        }

        ai_buf_char(b, '}');
    }

    ai_buf_char(b, ' ');
}


/* the count is what the buckets say, though others go on counting */

static void
ai_metric_histogram(ai_metric_writer_t *w, const ai_metric_family_t *f,
    const uint64_t *words, const ai_str_t *text)
{
    size_t      len;
    uint32_t    i;
    uint64_t    count;
    ai_buf_t   *b;

    b = w->buf;
    len = strlen(f->name);
    count = 0;

    for (i = 0; i <= f->nbounds; i++) {
        count += __atomic_load_n(&words[i], __ATOMIC_RELAXED);

        ai_buf_add(b, f->name, len);
        ai_buf_lit(b, "_bucket");
        ai_metric_labels(b, text, i < f->nbounds ? f->bounds[i].le : "+Inf");
        ai_buf_int(b, (int64_t) count);
        ai_buf_char(b, '\n');
    }

    ai_buf_add(b, f->name, len);
    ai_buf_lit(b, "_sum");
    ai_metric_labels(b, text, NULL);
    ai_metric_number(b, (int64_t) __atomic_load_n(&words[i],
                                                  __ATOMIC_RELAXED), 6);
    ai_buf_char(b, '\n');

    ai_buf_add(b, f->name, len);
    ai_buf_lit(b, "_count");
    ai_metric_labels(b, text, NULL);
    ai_buf_int(b, (int64_t) count);
    ai_buf_char(b, '\n');
}


void
ai_metric_write_family(ai_metric_writer_t *w, uint32_t family,
    ai_metric_series_t **list, size_t n)
{
    size_t                     i;
    uint32_t                   j;
    uint64_t                   any;
    ai_str_t                   text;
    ai_char_t                  other[AI_METRIC_TEXT_MAX];
    ai_metric_series_t        *s;
    const ai_metric_family_t  *f;

    f = &w->metrics->families[family];

    for (i = 0; i < n; i++) {
        s = list[i];

        text.data = (ai_char_t *) (s->words + s->nwords);
        text.len = s->len;

        if (s->len == 0) {
            for (any = 0, j = 0; j < s->nwords; j++) {
                any |= __atomic_load_n(&s->words[j], __ATOMIC_RELAXED);
            }

            if (any == 0) {
                continue;
            }

            text.data = other;
            text.len = ai_metric_text_other(f, other);
        }

        ai_metric_heading(w, f);

        if (f->type == AI_METRIC_HISTOGRAM) {
            ai_metric_histogram(w, f, s->words, &text);
            continue;
        }

        ai_buf_add(w->buf, f->name, strlen(f->name));
        ai_metric_labels(w->buf, &text, NULL);
        ai_metric_number(w->buf,
                         (int64_t) __atomic_load_n(&s->words[0],
                                                   __ATOMIC_RELAXED),
                         f->scale);
        ai_buf_char(w->buf, '\n');
    }
}


void
ai_metric_write_sample(ai_metric_writer_t *w, uint32_t family,
    const ai_str_t *values, int64_t value)
{
    ai_str_t                   text;
    ai_char_t                  data[AI_METRIC_TEXT_MAX];
    const ai_metric_family_t  *f;

    f = &w->metrics->families[family];

    text.data = data;
    text.len = ai_metric_text(w->metrics, family, values, data);

    ai_metric_heading(w, f);

    ai_buf_add(w->buf, f->name, strlen(f->name));
    ai_metric_labels(w->buf, &text, NULL);
    ai_metric_number(w->buf, value, f->scale);
    ai_buf_char(w->buf, '\n');
}


void
ai_metric_write_end(ai_metric_writer_t *w)
{
    if (w->openmetrics) {
        ai_buf_lit(w->buf, "# EOF\n");
    }
}


ai_int_t
ai_metric_accept(const ai_str_t *accept)
{
    int               open, plain;
    ai_str_t          item;
    const ai_char_t  *p, *end, *last;

    open = 0;
    plain = 0;
    last = accept->data + accept->len;

    for (p = accept->data; p && p < last; p = end + 1) {
        end = memchr(p, ',', (size_t) (last - p));

        if (end == NULL) {
            end = last;
        }

        item = ai_metric_trim(p, end);
        ai_metric_accept_item(&item, &open, &plain);
    }

    return open > 0 && open >= plain;
}


static void
ai_metric_accept_item(const ai_str_t *item, int *open, int *plain)
{
    int               q, *which;
    ai_str_t          name;
    const ai_char_t  *p, *end;

    end = item->data + item->len;
    p = item->len ? memchr(item->data, ';', item->len) : NULL;

    name = ai_metric_trim(item->data, p ? p : end);
    q = p ? ai_metric_accept_q(p, end) : AI_METRIC_Q_MAX;

    if (ai_str_caseeq(&name, &ai_lit("application/openmetrics-text"))) {
        which = open;

    } else if (ai_str_caseeq(&name, &ai_lit("text/plain"))
               || ai_str_is(&name, "*/*") || ai_str_is(&name, "text/*"))
    {
        which = plain;

    } else {
        return;
    }

    *which = ai_max(*which, q);
}


/* thousandths; 1 if there is none */

static int
ai_metric_accept_q(const ai_char_t *p, const ai_char_t *end)
{
    int               q, unit;
    ai_str_t          param;
    const ai_char_t  *next, *s;

    for ( /* void */ ; p < end; p = next) {
        next = memchr(p + 1, ';', (size_t) (end - p - 1));

        if (next == NULL) {
            next = end;
        }

        param = ai_metric_trim(p + 1, next);
        s = param.data;

        if (param.len < 3 || (s[0] | 0x20) != 'q' || s[1] != '=') {
            continue;
        }

        q = s[2] == '1' ? AI_METRIC_Q_MAX : 0;

        for (s += ai_min(param.len, 4), unit = 100;
             s < param.data + param.len && unit && *s >= '0' && *s <= '9';
             s++, unit /= 10)
        {
            q += (*s - '0') * unit;
        }

        return ai_min(q, AI_METRIC_Q_MAX);
    }

    return AI_METRIC_Q_MAX;
}


static ai_str_t
ai_metric_trim(const ai_char_t *p, const ai_char_t *end)
{
    ai_str_t  s;

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < end && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }

    s.data = (ai_char_t *) p;
    s.len = (size_t) (end - p);

    return s;
}
