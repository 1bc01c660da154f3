
/*
 * Chunks of numbers and strings for files of our own.
 */

#include <store/ai_pack.h>
#include <codec/ai_crc32.h>


#define AI_PACK_HEAD   12           /* type, length, CRC */
#define AI_PACK_SUM     8           /* bytes of it that the CRC is about */


static void ai_pack_u32(ai_char_t *p, uint32_t n);
static uint32_t ai_unpack_u32(const ai_char_t *p);
static const ai_char_t *ai_unpack_take(ai_unpack_t *u, size_t len);


size_t
ai_pack_begin(ai_buf_t *b, uint32_t type)
{
    size_t     mark;
    ai_char_t  head[AI_PACK_HEAD];

    mark = ai_buf_len(b);

    memset(head, 0, sizeof(head));
    ai_pack_u32(head, type);

    ai_buf_add(b, head, sizeof(head));

    return mark;
}


void
ai_pack_int(ai_buf_t *b, int64_t n)
{
    ai_char_t  p[8];

    ai_pack_u32(p, (uint32_t) ((uint64_t) n & 0xffffffff));
    ai_pack_u32(p + 4, (uint32_t) ((uint64_t) n >> 32));

    ai_buf_add(b, p, sizeof(p));
}


void
ai_pack_str(ai_buf_t *b, const ai_str_t *s)
{
    ai_char_t  p[4];

    if (s->len > UINT32_MAX) {
        b->failed = 1;
        return;
    }

    ai_pack_u32(p, (uint32_t) s->len);

    ai_buf_add(b, p, sizeof(p));
    ai_buf_cat(b, s);
}


void
ai_pack_end(ai_buf_t *b, size_t mark)
{
    size_t      len;
    uint32_t    crc;
    ai_char_t  *head;

    if (b->failed) {
        return;
    }

    len = ai_buf_len(b) - mark - AI_PACK_HEAD;

    if (len > UINT32_MAX) {
        b->failed = 1;
        return;
    }

    head = b->start + mark;
    ai_pack_u32(head + 4, (uint32_t) len);

    crc = ai_crc32(head, AI_PACK_SUM);
    crc = ai_crc32_more(crc, head + AI_PACK_HEAD, len);

    ai_pack_u32(head + 8, crc);
}


ai_int_t
ai_unpack(ai_str_t *in, ai_unpack_t *u)
{
    size_t      len;
    uint32_t    crc;
    ai_char_t  *head;

    memset(u, 0, sizeof(ai_unpack_t));

    if (in->len == 0) {
        return AI_DONE;
    }

    head = in->data;

    if (in->len < AI_PACK_HEAD) {
        return AI_ERROR;
    }

    len = ai_unpack_u32(head + 4);

    if (len > in->len - AI_PACK_HEAD) {
        return AI_ERROR;
    }

    crc = ai_crc32(head, AI_PACK_SUM);
    crc = ai_crc32_more(crc, head + AI_PACK_HEAD, len);

    if (crc != ai_unpack_u32(head + 8)) {
        return AI_ERROR;
    }

    u->type = ai_unpack_u32(head);
    u->fields.data = head + AI_PACK_HEAD;
    u->fields.len = len;

    in->data += AI_PACK_HEAD + len;
    in->len -= AI_PACK_HEAD + len;

    return AI_OK;
}


int64_t
ai_unpack_int(ai_unpack_t *u)
{
    const ai_char_t  *p;

    p = ai_unpack_take(u, 8);

    if (p == NULL) {
        return 0;
    }

    return (int64_t) ((uint64_t) ai_unpack_u32(p + 4) << 32
                      | ai_unpack_u32(p));
}


ai_str_t
ai_unpack_str(ai_unpack_t *u)
{
    ai_str_t          s;
    const ai_char_t  *p;

    s.len = 0;
    s.data = (ai_char_t *) "";

    p = ai_unpack_take(u, 4);

    if (p == NULL) {
        return s;
    }

    s.len = ai_unpack_u32(p);
    p = ai_unpack_take(u, s.len);

    if (p == NULL) {
        s.len = 0;
        return s;
    }

    s.data = (ai_char_t *) p;

    return s;
}


/* once a field was not there nothing behind it is */

static const ai_char_t *
ai_unpack_take(ai_unpack_t *u, size_t len)
{
    const ai_char_t  *p;

    if (u->failed || len > u->fields.len) {
        u->failed = 1;
        return NULL;
    }

    p = u->fields.data;

    u->fields.data += len;
    u->fields.len -= len;

    return p;
}


static void
ai_pack_u32(ai_char_t *p, uint32_t n)
{
    p[0] = (ai_char_t) n;
    p[1] = (ai_char_t) (n >> 8);
    p[2] = (ai_char_t) (n >> 16);
    p[3] = (ai_char_t) (n >> 24);
}


static uint32_t
ai_unpack_u32(const ai_char_t *p)
{
    return (uint32_t) p[0] | (uint32_t) p[1] << 8
           | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}
