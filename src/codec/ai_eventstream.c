
/*
 * The reader of AWS's event streams.
 *
 * A message that lies whole in the buffer is read in place.  Of one that does
 * not the bytes are held; its prelude is checked as soon as it is there, so
 * that a wrong length is never waited for.
 */

#include <codec/ai_eventstream.h>


#define AI_EVENTSTREAM_MAX      (16 * 1024 * 1024)
#define AI_EVENTSTREAM_HEADERS  (128 * 1024)

#define AI_EVENTSTREAM_PRELUDE  12
#define AI_EVENTSTREAM_FRAME    16      /* prelude and the last CRC */

#define AI_EVENTSTREAM_BYTES    6       /* types of values */
#define AI_EVENTSTREAM_STRING   7

#define AI_EVENTSTREAM_NAMES                                                  \
    (sizeof(ai_eventstream_names) / sizeof(ai_eventstream_names[0]))


static ai_int_t ai_eventstream_fail(ai_eventstream_t *s,
    ai_eventstream_error_e error);
static ai_int_t ai_eventstream_held(ai_eventstream_t *s, ai_str_t *in,
    ai_eventstream_event_t *ev);
static ai_int_t ai_eventstream_hold(ai_eventstream_t *s, ai_str_t *in,
    size_t upto);
static ai_int_t ai_eventstream_prelude(ai_eventstream_t *s,
    const ai_char_t *p);
static ai_int_t ai_eventstream_read(ai_eventstream_t *s, const ai_char_t *p,
    ai_eventstream_event_t *ev);
static ai_int_t ai_eventstream_headers(const ai_char_t *p,
    const ai_char_t *end, ai_eventstream_event_t *ev);
static const ai_char_t *ai_eventstream_value(const ai_char_t *p,
    const ai_char_t *end, unsigned *type, ai_str_t *value);
static ai_int_t ai_eventstream_keep(ai_eventstream_event_t *ev,
    const ai_str_t *name, unsigned type, const ai_str_t *value);
static uint32_t ai_eventstream_u32(const ai_char_t *p);


static const struct {
    ai_str_t           name;
    size_t             off;         /* in ai_eventstream_event_t */
} ai_eventstream_names[] = {
    { ai_string(":message-type"),
      offsetof(ai_eventstream_event_t, message_type) },
    { ai_string(":event-type"),
      offsetof(ai_eventstream_event_t, event_type) },
    { ai_string(":exception-type"),
      offsetof(ai_eventstream_event_t, exception_type) },
    { ai_string(":error-code"),
      offsetof(ai_eventstream_event_t, error_code) },
    { ai_string(":error-message"),
      offsetof(ai_eventstream_event_t, error_message) },
    { ai_string(":content-type"),
      offsetof(ai_eventstream_event_t, content_type) }
};


void
ai_eventstream_init(ai_eventstream_t *s, const ai_pool_t *pool, size_t max)
{
    memset(s, 0, sizeof(ai_eventstream_t));

    ai_buf_init(&s->held, pool);

    s->max = (max && max < AI_EVENTSTREAM_MAX) ? max : AI_EVENTSTREAM_MAX;
}


ai_int_t
ai_eventstream_next(ai_eventstream_t *s, ai_str_t *in,
    ai_eventstream_event_t *ev)
{
    const ai_char_t  *p;

    if (s->error != AI_EVENTSTREAM_E_NONE) {
        return AI_ERROR;
    }

    if (s->used) {
        ai_buf_reset(&s->held);
        s->used = 0;
        s->need = 0;
    }

    if (in->len == 0) {
        return AI_AGAIN;
    }

    if (ai_buf_len(&s->held) != 0 || in->len < AI_EVENTSTREAM_PRELUDE) {
        return ai_eventstream_held(s, in, ev);
    }

    p = in->data;

    if (ai_eventstream_prelude(s, p) != AI_OK) {
        return AI_ERROR;
    }

    if (in->len < s->need) {
        return ai_eventstream_hold(s, in, s->need);
    }

    if (ai_eventstream_read(s, p, ev) != AI_OK) {
        return AI_ERROR;
    }

    in->data += s->need;
    in->len -= s->need;
    s->need = 0;

    return AI_OK;
}


ai_int_t
ai_eventstream_end(const ai_eventstream_t *s)
{
    if (s->error != AI_EVENTSTREAM_E_NONE) {
        return AI_ERROR;
    }

    return (s->used || ai_buf_len(&s->held) == 0) ? AI_OK : AI_ERROR;
}


void
ai_eventstream_sse(const ai_eventstream_event_t *ev, ai_sse_event_t *out)
{
    ai_str_t  tail;

    memset(out, 0, sizeof(ai_sse_event_t));

    out->bytes = ev->bytes;
    out->data = ev->payload;

    if (ev->event_type.len != 0
        && (ev->message_type.data == NULL
            || ai_str_is(&ev->message_type, "event")))
    {
        out->name = ev->event_type;
        return;
    }

    out->name = ai_lit("error");

    if (ai_str_is(&ev->message_type, "exception")
        && ev->exception_type.len >= sizeof("Exception") - 1)
    {
        tail.len = sizeof("Exception") - 1;
        tail.data = ev->exception_type.data + ev->exception_type.len
                    - tail.len;

        if (ai_str_is(&tail, "Exception")) {
            out->name = ev->exception_type;
        }
    }

    if (out->data.len == 0 && ev->error_message.len != 0) {
        out->data = ev->error_message;
    }
}


const char *
ai_eventstream_strerror(ai_eventstream_error_e error)
{
    static const char  *const text[] = {
        "no error",
        "checksum of a message's head is wrong",
        "lengths of a message contradict each other",
        "message is too long",
        "checksum of a message is wrong",
        "headers of a message are malformed",
        "no memory"
    };

    return ((unsigned) error < sizeof(text) / sizeof(text[0]))
           ? text[error] : "unknown error";
}


static ai_int_t
ai_eventstream_fail(ai_eventstream_t *s, ai_eventstream_error_e error)
{
    s->error = error;

    return AI_ERROR;
}


/* the message began in an earlier buffer, or not even its prelude is there */

static ai_int_t
ai_eventstream_held(ai_eventstream_t *s, ai_str_t *in,
    ai_eventstream_event_t *ev)
{
    if (s->need == 0) {
        if (ai_eventstream_hold(s, in, AI_EVENTSTREAM_PRELUDE) != AI_AGAIN) {
            return AI_ERROR;
        }

        if (ai_buf_len(&s->held) < AI_EVENTSTREAM_PRELUDE) {
            return AI_AGAIN;
        }

        if (ai_eventstream_prelude(s, s->held.start) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_eventstream_hold(s, in, s->need) != AI_AGAIN) {
        return AI_ERROR;
    }

    if (ai_buf_len(&s->held) < s->need) {
        return AI_AGAIN;
    }

    s->used = 1;

    return ai_eventstream_read(s, s->held.start, ev);
}


/* moves bytes until "upto" are held; AI_AGAIN, or AI_ERROR */

static ai_int_t
ai_eventstream_hold(ai_eventstream_t *s, ai_str_t *in, size_t upto)
{
    size_t  n;

    n = ai_min(in->len, upto - ai_buf_len(&s->held));

    ai_buf_add(&s->held, in->data, n);

    if (s->held.failed) {
        return ai_eventstream_fail(s, AI_EVENTSTREAM_E_MEMORY);
    }

    in->data += n;
    in->len -= n;

    return AI_AGAIN;
}


static ai_int_t
ai_eventstream_prelude(ai_eventstream_t *s, const ai_char_t *p)
{
    uint32_t  total, headers;

    if (ai_eventstream_u32(p + 8) != ai_crc32(p, 8)) {
        return ai_eventstream_fail(s, AI_EVENTSTREAM_E_PRELUDE);
    }

    total = ai_eventstream_u32(p);
    headers = ai_eventstream_u32(p + 4);

    if (total > s->max || headers > AI_EVENTSTREAM_HEADERS) {
        return ai_eventstream_fail(s, AI_EVENTSTREAM_E_OVERSIZE);
    }

    if (total < AI_EVENTSTREAM_FRAME
        || headers > total - AI_EVENTSTREAM_FRAME)
    {
        return ai_eventstream_fail(s, AI_EVENTSTREAM_E_LENGTH);
    }

    s->need = total;

    return AI_OK;
}


/* the s->need bytes of a message at p, whose prelude was checked */

static ai_int_t
ai_eventstream_read(ai_eventstream_t *s, const ai_char_t *p,
    ai_eventstream_event_t *ev)
{
    size_t            total;
    const ai_char_t  *headers, *payload, *end;

    total = s->need;

    headers = p + AI_EVENTSTREAM_PRELUDE;
    payload = headers + ai_eventstream_u32(p + 4);
    end = p + total - 4;

    if (ai_eventstream_u32(end) != ai_crc32(p, total - 4)) {
        return ai_eventstream_fail(s, AI_EVENTSTREAM_E_CRC);
    }

    memset(ev, 0, sizeof(ai_eventstream_event_t));

    if (ai_eventstream_headers(headers, payload, ev) != AI_OK) {
        return ai_eventstream_fail(s, AI_EVENTSTREAM_E_HEADER);
    }

    ev->payload.data = (ai_char_t *) payload;
    ev->payload.len = (size_t) (end - payload);
    ev->bytes.data = (ai_char_t *) p;
    ev->bytes.len = total;

    return AI_OK;
}


static ai_int_t
ai_eventstream_headers(const ai_char_t *p, const ai_char_t *end,
    ai_eventstream_event_t *ev)
{
    ai_str_t  name, value;
    unsigned  type;

    while (p < end) {
        name.len = *p++;
        name.data = (ai_char_t *) p;

        if (name.len == 0 || (size_t) (end - p) < name.len) {
            return AI_ERROR;
        }

        p = ai_eventstream_value(p + name.len, end, &type, &value);

        if (p == NULL
            || ai_eventstream_keep(ev, &name, type, &value) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* past the value whose type is at p, or NULL */

static const ai_char_t *
ai_eventstream_value(const ai_char_t *p, const ai_char_t *end, unsigned *type,
    ai_str_t *value)
{
    size_t  len;

    /* true, false, byte, short, integer, long, bytes, string, timestamp,
     * UUID; of bytes and string the two bytes in front of them */

    static const uint8_t  lengths[] = { 0, 0, 1, 2, 4, 8, 2, 2, 8, 16 };

    if (p == end || *p >= sizeof(lengths)) {
        return NULL;
    }

    *type = *p++;
    len = lengths[*type];

    if ((size_t) (end - p) < len) {
        return NULL;
    }

    if (*type == AI_EVENTSTREAM_BYTES || *type == AI_EVENTSTREAM_STRING) {
        len = (size_t) p[0] << 8 | p[1];
        p += 2;

        if ((size_t) (end - p) < len) {
            return NULL;
        }
    }

    value->data = (ai_char_t *) p;
    value->len = len;

    return p + len;
}


/* a header that decides has to be a string and to come once */

static ai_int_t
ai_eventstream_keep(ai_eventstream_event_t *ev, const ai_str_t *name,
    unsigned type, const ai_str_t *value)
{
    size_t     i;
    ai_str_t  *field;

    for (i = 0; i < AI_EVENTSTREAM_NAMES; i++) {
        if (!ai_str_eq(name, &ai_eventstream_names[i].name)) {
            continue;
        }

        field = (ai_str_t *) ((char *) ev + ai_eventstream_names[i].off);

        if (type != AI_EVENTSTREAM_STRING || field->data != NULL) {
            return AI_ERROR;
        }

        *field = *value;
    }

    return AI_OK;
}


static uint32_t
ai_eventstream_u32(const ai_char_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}
