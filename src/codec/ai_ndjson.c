
#include <codec/ai_ndjson.h>


#define AI_NDJSON_MAX  (4 * 1024 * 1024)


static ai_int_t ai_ndjson_hold(ai_ndjson_t *s, ai_str_t *in, size_t n);
static void ai_ndjson_line(const ai_char_t *p, size_t len,
    ai_sse_event_t *ev);


void
ai_ndjson_init(ai_ndjson_t *s, const ai_pool_t *pool, size_t max)
{
    memset(s, 0, sizeof(ai_ndjson_t));

    ai_buf_init(&s->held, pool);

    s->max = max ? max : AI_NDJSON_MAX;
}


ai_int_t
ai_ndjson_next(ai_ndjson_t *s, ai_str_t *in, ai_sse_event_t *ev)
{
    size_t      n;
    ai_char_t  *lf;

    if (s->oversize || s->held.failed) {
        return AI_ERROR;
    }

    if (s->used) {
        ai_buf_reset(&s->held);
        s->used = 0;
    }

    if (in->len == 0) {
        return AI_AGAIN;
    }

    lf = memchr(in->data, '\n', in->len);

    if (lf == NULL) {
        return ai_ndjson_hold(s, in, in->len);
    }

    n = (size_t) (lf - in->data) + 1;

    if (ai_buf_len(&s->held)) {

        if (ai_ndjson_hold(s, in, n) == AI_ERROR) {
            return AI_ERROR;
        }

        s->used = 1;
        ai_ndjson_line(s->held.start, ai_buf_len(&s->held), ev);

        return AI_OK;
    }

    if (n > s->max) {
        s->oversize = 1;
        return AI_ERROR;
    }

    ai_ndjson_line(in->data, n, ev);

    in->data += n;
    in->len -= n;

    return AI_OK;
}


static ai_int_t
ai_ndjson_hold(ai_ndjson_t *s, ai_str_t *in, size_t n)
{
    if (n > s->max - ai_buf_len(&s->held)) {
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


/* p has at least one byte */

static void
ai_ndjson_line(const ai_char_t *p, size_t len, ai_sse_event_t *ev)
{
    size_t  n;

    memset(ev, 0, sizeof(ai_sse_event_t));

    ev->bytes.data = (ai_char_t *) p;
    ev->bytes.len = len;

    n = len - (p[len - 1] == '\n');
    n -= n && p[n - 1] == '\r';

    if (n == 0) {
        ev->comment = 1;
        return;
    }

    ev->data.data = (ai_char_t *) p;
    ev->data.len = n;
}


ai_int_t
ai_ndjson_end(ai_ndjson_t *s, ai_sse_event_t *ev, ai_int_t as_event)
{
    ai_str_t  none = ai_null_string;

    if (s->oversize || s->held.failed) {
        return AI_ERROR;
    }

    if (s->used || ai_buf_len(&s->held) == 0) {
        return AI_DECLINED;
    }

    ai_ndjson_line(s->held.start, ai_buf_len(&s->held), ev);

    if (!as_event) {
        ev->data = none;
    }

    s->used = 1;

    return AI_OK;
}
