
/*
 * The parser of server-sent events.
 *
 * An event that lies whole in the buffer is read in place, once.  Of one that
 * does not, the bytes are held; only new bytes are then searched for the
 * blank line, and the event is read when it is whole.  The last byte held is
 * all the search has to know of those before.
 */

#include <codec/ai_sse.h>
#include <base/ai_scan.h>


#define AI_SSE_MAX  (4 * 1024 * 1024)

#define ai_sse_is_eol(c)  ((c) == '\n' || (c) == '\r')


static ai_int_t ai_sse_start(ai_sse_t *s, ai_str_t *in, size_t *skip);
static ai_int_t ai_sse_hold(ai_sse_t *s, ai_str_t *in, size_t n);
static ai_int_t ai_sse_bom(ai_sse_t *s, ai_str_t *in);
static size_t ai_sse_find(const ai_sse_t *s, const ai_str_t *in);
static size_t ai_sse_read(ai_sse_t *s, const ai_str_t *bytes, size_t skip,
    ai_int_t ended, ai_sse_event_t *ev);
static void ai_sse_line(ai_sse_t *s, const ai_char_t *p, const ai_char_t *end,
    ai_sse_event_t *ev);
static void ai_sse_data(ai_sse_t *s, const ai_char_t *p, const ai_char_t *end,
    ai_sse_event_t *ev);
static void ai_sse_done(ai_sse_t *s, const ai_char_t *data, size_t len,
    ai_sse_event_t *ev);


static const ai_char_t  ai_sse_bom_bytes[] = { 0xef, 0xbb, 0xbf };


void
ai_sse_init(ai_sse_t *s, const ai_pool_t *pool, size_t max)
{
    memset(s, 0, sizeof(ai_sse_t));

    ai_buf_init(&s->held, pool);
    ai_buf_init(&s->joined, pool);

    s->max = max ? max : AI_SSE_MAX;
}


ai_int_t
ai_sse_next(ai_sse_t *s, ai_str_t *in, ai_sse_event_t *ev)
{
    size_t    n, skip;
    ai_str_t  held;

    if (s->oversize || s->held.failed || s->joined.failed) {
        return AI_ERROR;
    }

    if (s->used) {
        ai_buf_reset(&s->held);
        s->used = 0;
    }

    if (in->len == 0) {
        return AI_AGAIN;
    }

    if (ai_buf_len(&s->held) == 0) {

        if (ai_sse_start(s, in, &skip) == AI_OK) {

            n = ai_sse_read(s, in, skip, 0, ev);

            if (s->joined.failed) {
                return AI_ERROR;
            }

            if (n) {
                if (n > s->max) {
                    s->oversize = 1;
                    return AI_ERROR;
                }

                ai_sse_done(s, in->data, n, ev);

                in->data += n;
                in->len -= n;

                return AI_OK;
            }

            s->skip = skip;
        }

        return ai_sse_hold(s, in, in->len);
    }

    if (!s->bom_done && ai_sse_bom(s, in) != AI_OK) {
        return s->held.failed || s->oversize ? AI_ERROR : AI_AGAIN;
    }

    n = ai_sse_find(s, in);

    if (n == 0) {
        return ai_sse_hold(s, in, in->len);
    }

    if (ai_sse_hold(s, in, n) == AI_ERROR) {
        return AI_ERROR;
    }

    held = ai_buf_str(&s->held);

    (void) ai_sse_read(s, &held, s->skip, 0, ev);

    if (s->joined.failed) {
        return AI_ERROR;
    }

    ai_sse_done(s, held.data, held.len, ev);

    s->used = 1;

    return AI_OK;
}


/* sets what is no line at the front of an event; AI_AGAIN: too short to say
 * whether it is a byte order mark */

static inline ai_int_t
ai_sse_start(ai_sse_t *s, ai_str_t *in, size_t *skip)
{
    size_t  n;

    *skip = 0;

    if (s->bom_done) {
        *skip = s->cr && in->data[0] == '\n';
        s->cr = 0;

        return AI_OK;
    }

    n = ai_min(in->len, sizeof(ai_sse_bom_bytes));

    if (memcmp(in->data, ai_sse_bom_bytes, n) != 0) {
        s->bom_done = 1;
        return AI_OK;
    }

    if (n < sizeof(ai_sse_bom_bytes)) {
        s->skip = 0;
        return AI_AGAIN;
    }

    s->bom_done = 1;
    *skip = n;

    return AI_OK;
}


/* the rest of a byte order mark that came in pieces */

static ai_int_t
ai_sse_bom(ai_sse_t *s, ai_str_t *in)
{
    size_t  n;

    for ( ;; ) {
        n = ai_buf_len(&s->held);

        if (n == sizeof(ai_sse_bom_bytes)) {
            s->skip = n;
            break;
        }

        if (in->len == 0) {
            return AI_AGAIN;
        }

        if (in->data[0] != ai_sse_bom_bytes[n]) {
            break;
        }

        if (ai_sse_hold(s, in, 1) == AI_ERROR) {
            return AI_ERROR;
        }
    }

    s->bom_done = 1;

    return AI_OK;
}


static ai_int_t
ai_sse_hold(ai_sse_t *s, ai_str_t *in, size_t n)
{
    size_t  len;

    len = ai_buf_len(&s->held);

    if (len > s->max || n > s->max - len) {
        s->oversize = 1;
        return AI_ERROR;
    }

    ai_buf_add(&s->held, in->data, n);

    if (s->held.failed) {
        return AI_ERROR;
    }

    in->data += n;
    in->len -= n;

    return AI_AGAIN;
}


/* how many bytes of in end the event that is held, or 0 */

static size_t
ai_sse_find(const ai_sse_t *s, const ai_str_t *in)
{
    ai_char_t         prev;
    const ai_char_t  *p, *end;

    end = in->data + in->len;
    prev = ai_buf_len(&s->held) > s->skip ? s->held.last[-1] : '\n';

    for (p = in->data; /* void */ ; p++) {

        p = ai_scan_eol(p, end);

        if (p == end) {
            return 0;
        }

        if (p > in->data) {
            prev = p[-1];
        }

        if (!ai_sse_is_eol(prev) || (prev == '\r' && *p == '\n')) {
            continue;
        }

        p += *p == '\r' && end - p > 1 && p[1] == '\n' ? 2 : 1;

        return (size_t) (p - in->data);
    }
}


/*
 * Reads lines into ev up to a blank one; the number of bytes read, or 0 if
 * there is none.  "ended" takes the end of the bytes for one.
 */

static inline size_t
ai_sse_read(ai_sse_t *s, const ai_str_t *bytes, size_t skip, ai_int_t ended,
    ai_sse_event_t *ev)
{
    ai_int_t          blank;
    const ai_char_t  *p, *eol, *end;

    memset(ev, 0, sizeof(ai_sse_event_t));

    p = bytes->data + skip;
    end = bytes->data + bytes->len;

    for ( ;; ) {
        eol = ai_scan_eol(p, end);

        if (eol == end) {

            if (!ended) {
                return 0;
            }

            ai_sse_line(s, p, end, ev);

            return bytes->len;
        }

        blank = eol == p;

        if (!blank) {
            ai_sse_line(s, p, eol, ev);
        }

        p = eol + (*eol == '\r' && end - eol > 1 && eol[1] == '\n' ? 2 : 1);

        if (blank) {
            return (size_t) (p - bytes->data);
        }

        if (p < end && *p == '\n') {
            return (size_t) (p + 1 - bytes->data);
        }
    }
}


static inline __attribute__((always_inline)) void
ai_sse_line(ai_sse_t *s, const ai_char_t *p, const ai_char_t *end,
    ai_sse_event_t *ev)
{
    size_t            n;
    const ai_char_t  *value;

    n = (size_t) (end - p);

    if (n >= 5 && memcmp(p, "data:", 5) == 0) {
        value = p + 5;
        ai_sse_data(s, value + (value < end && *value == ' '), end, ev);

    } else if (n == 4 && memcmp(p, "data", 4) == 0) {
        ai_sse_data(s, end, end, ev);

    } else if (n >= 5 && memcmp(p, "event", 5) == 0
               && (n == 5 || p[5] == ':'))
    {
        value = n == 5 ? end : p + 6;
        value += value < end && *value == ' ';

        ev->name.len = (size_t) (end - value);
        ev->name.data = (ai_char_t *) value;
    }
}


/* the first line stays where it is, more are put together */

static inline void
ai_sse_data(ai_sse_t *s, const ai_char_t *p, const ai_char_t *end,
    ai_sse_event_t *ev)
{
    if (ev->data.data == NULL) {
        ev->data.len = (size_t) (end - p);
        ev->data.data = (ai_char_t *) p;
        return;
    }

    if (ev->data.data != s->joined.start) {
        ai_buf_reset(&s->joined);
        ai_buf_cat(&s->joined, &ev->data);
    }

    ai_buf_char(&s->joined, '\n');
    ai_buf_add(&s->joined, p, (size_t) (end - p));

    ev->data = ai_buf_str(&s->joined);
}


static inline void
ai_sse_done(ai_sse_t *s, const ai_char_t *data, size_t len,
    ai_sse_event_t *ev)
{
    ev->bytes.len = len;
    ev->bytes.data = (ai_char_t *) data;
    ev->comment = ev->data.data == NULL && ev->name.data == NULL;

    s->cr = data[len - 1] == '\r';
}


ai_int_t
ai_sse_end(ai_sse_t *s, ai_sse_event_t *ev, ai_int_t as_event)
{
    ai_str_t  held, none = ai_null_string;

    if (s->used || ai_buf_len(&s->held) == 0) {
        return AI_DECLINED;
    }

    held = ai_buf_str(&s->held);

    (void) ai_sse_read(s, &held, s->skip, 1, ev);

    if (s->joined.failed) {
        return AI_ERROR;
    }

    ai_sse_done(s, held.data, held.len, ev);

    if (!as_event) {
        ev->data = none;
        ev->name = none;
    }

    s->used = 1;

    return AI_OK;
}
