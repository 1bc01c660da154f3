
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


/* the reflected polynomial 0xedb88320 */

static const uint32_t  ai_crc32_table[256] = {
    0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419,
    0x706af48f, 0xe963a535, 0x9e6495a3, 0x0edb8832, 0x79dcb8a4,
    0xe0d5e91e, 0x97d2d988, 0x09b64c2b, 0x7eb17cbd, 0xe7b82d07,
    0x90bf1d91, 0x1db71064, 0x6ab020f2, 0xf3b97148, 0x84be41de,
    0x1adad47d, 0x6ddde4eb, 0xf4d4b551, 0x83d385c7, 0x136c9856,
    0x646ba8c0, 0xfd62f97a, 0x8a65c9ec, 0x14015c4f, 0x63066cd9,
    0xfa0f3d63, 0x8d080df5, 0x3b6e20c8, 0x4c69105e, 0xd56041e4,
    0xa2677172, 0x3c03e4d1, 0x4b04d447, 0xd20d85fd, 0xa50ab56b,
    0x35b5a8fa, 0x42b2986c, 0xdbbbc9d6, 0xacbcf940, 0x32d86ce3,
    0x45df5c75, 0xdcd60dcf, 0xabd13d59, 0x26d930ac, 0x51de003a,
    0xc8d75180, 0xbfd06116, 0x21b4f4b5, 0x56b3c423, 0xcfba9599,
    0xb8bda50f, 0x2802b89e, 0x5f058808, 0xc60cd9b2, 0xb10be924,
    0x2f6f7c87, 0x58684c11, 0xc1611dab, 0xb6662d3d, 0x76dc4190,
    0x01db7106, 0x98d220bc, 0xefd5102a, 0x71b18589, 0x06b6b51f,
    0x9fbfe4a5, 0xe8b8d433, 0x7807c9a2, 0x0f00f934, 0x9609a88e,
    0xe10e9818, 0x7f6a0dbb, 0x086d3d2d, 0x91646c97, 0xe6635c01,
    0x6b6b51f4, 0x1c6c6162, 0x856530d8, 0xf262004e, 0x6c0695ed,
    0x1b01a57b, 0x8208f4c1, 0xf50fc457, 0x65b0d9c6, 0x12b7e950,
    0x8bbeb8ea, 0xfcb9887c, 0x62dd1ddf, 0x15da2d49, 0x8cd37cf3,
    0xfbd44c65, 0x4db26158, 0x3ab551ce, 0xa3bc0074, 0xd4bb30e2,
    0x4adfa541, 0x3dd895d7, 0xa4d1c46d, 0xd3d6f4fb, 0x4369e96a,
    0x346ed9fc, 0xad678846, 0xda60b8d0, 0x44042d73, 0x33031de5,
    0xaa0a4c5f, 0xdd0d7cc9, 0x5005713c, 0x270241aa, 0xbe0b1010,
    0xc90c2086, 0x5768b525, 0x206f85b3, 0xb966d409, 0xce61e49f,
    0x5edef90e, 0x29d9c998, 0xb0d09822, 0xc7d7a8b4, 0x59b33d17,
    0x2eb40d81, 0xb7bd5c3b, 0xc0ba6cad, 0xedb88320, 0x9abfb3b6,
    0x03b6e20c, 0x74b1d29a, 0xead54739, 0x9dd277af, 0x04db2615,
    0x73dc1683, 0xe3630b12, 0x94643b84, 0x0d6d6a3e, 0x7a6a5aa8,
    0xe40ecf0b, 0x9309ff9d, 0x0a00ae27, 0x7d079eb1, 0xf00f9344,
    0x8708a3d2, 0x1e01f268, 0x6906c2fe, 0xf762575d, 0x806567cb,
    0x196c3671, 0x6e6b06e7, 0xfed41b76, 0x89d32be0, 0x10da7a5a,
    0x67dd4acc, 0xf9b9df6f, 0x8ebeeff9, 0x17b7be43, 0x60b08ed5,
    0xd6d6a3e8, 0xa1d1937e, 0x38d8c2c4, 0x4fdff252, 0xd1bb67f1,
    0xa6bc5767, 0x3fb506dd, 0x48b2364b, 0xd80d2bda, 0xaf0a1b4c,
    0x36034af6, 0x41047a60, 0xdf60efc3, 0xa867df55, 0x316e8eef,
    0x4669be79, 0xcb61b38c, 0xbc66831a, 0x256fd2a0, 0x5268e236,
    0xcc0c7795, 0xbb0b4703, 0x220216b9, 0x5505262f, 0xc5ba3bbe,
    0xb2bd0b28, 0x2bb45a92, 0x5cb36a04, 0xc2d7ffa7, 0xb5d0cf31,
    0x2cd99e8b, 0x5bdeae1d, 0x9b64c2b0, 0xec63f226, 0x756aa39c,
    0x026d930a, 0x9c0906a9, 0xeb0e363f, 0x72076785, 0x05005713,
    0x95bf4a82, 0xe2b87a14, 0x7bb12bae, 0x0cb61b38, 0x92d28e9b,
    0xe5d5be0d, 0x7cdcefb7, 0x0bdbdf21, 0x86d3d2d4, 0xf1d4e242,
    0x68ddb3f8, 0x1fda836e, 0x81be16cd, 0xf6b9265b, 0x6fb077e1,
    0x18b74777, 0x88085ae6, 0xff0f6a70, 0x66063bca, 0x11010b5c,
    0x8f659eff, 0xf862ae69, 0x616bffd3, 0x166ccf45, 0xa00ae278,
    0xd70dd2ee, 0x4e048354, 0x3903b3c2, 0xa7672661, 0xd06016f7,
    0x4969474d, 0x3e6e77db, 0xaed16a4a, 0xd9d65adc, 0x40df0b66,
    0x37d83bf0, 0xa9bcae53, 0xdebb9ec5, 0x47b2cf7f, 0x30b5ffe9,
    0xbdbdf21c, 0xcabac28a, 0x53b39330, 0x24b4a3a6, 0xbad03605,
    0xcdd70693, 0x54de5729, 0x23d967bf, 0xb3667a2e, 0xc4614ab8,
    0x5d681b02, 0x2a6f2b94, 0xb40bbe37, 0xc30c8ea1, 0x5a05df1b,
    0x2d02ef8d
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


uint32_t
ai_crc32(const ai_char_t *p, size_t len)
{
    size_t    i;
    uint32_t  c;

    c = 0xffffffff;

    for (i = 0; i < len; i++) {
        c = ai_crc32_table[(c ^ p[i]) & 0xff] ^ c >> 8;
    }

    return c ^ 0xffffffff;
}
