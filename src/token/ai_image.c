
/*
 * The width and height of an image.
 *
 * Formats: PNG (ISO/IEC 15948, 11.2.2), JPEG (ITU T.81, B.2.2), GIF89a (17,
 * 18), WebP (RFC 9649, 2.5 to 2.7).
 */

#include <token/ai_image.h>


/* the bytes of a file that is spelled in base64 */
typedef struct {
    const ai_char_t   *p;
    const ai_char_t   *end;
    size_t             n;           /* bytes so far */
    uint32_t           bits;
    unsigned           have;        /* of bits */
    unsigned           over:1;      /* there are no more */
} ai_image_in_t;


#define ai_image_be16(p)  ((uint32_t) (p)[0] << 8 | (p)[1])
#define ai_image_be32(p)  (ai_image_be16(p) << 16 | ai_image_be16((p) + 2))
#define ai_image_le16(p)  ((uint32_t) (p)[1] << 8 | (p)[0])
#define ai_image_le24(p)  ((uint32_t) (p)[2] << 16 | ai_image_le16(p))


static ai_int_t ai_image_png(ai_image_in_t *in, ai_image_t *size);
static ai_int_t ai_image_gif(ai_image_in_t *in, ai_image_t *size);
static ai_int_t ai_image_webp(ai_image_in_t *in, ai_image_t *size);
static ai_int_t ai_image_jpeg(ai_image_in_t *in, ai_image_t *size);
static ai_int_t ai_image_jpeg_marker(ai_image_in_t *in, ai_char_t *marker);
static ai_int_t ai_image_read(ai_image_in_t *in, ai_char_t *p, size_t n);
static void ai_image_skip(ai_image_in_t *in, size_t n);
static ai_char_t ai_image_byte(ai_image_in_t *in);
static int ai_image_digit(ai_image_in_t *in);


ai_int_t
ai_image_size(const ai_esc_t *base64, ai_image_t *size, size_t *looked)
{
    ai_int_t       rc;
    ai_char_t      head[2];
    ai_image_in_t  in;

    memset(&in, 0, sizeof(in));

    in.p = base64->data;
    in.end = base64->data + base64->len;

    rc = ai_image_read(&in, head, 2);

    if (rc == AI_OK) {

        switch (head[0] << 8 | head[1]) {

        case 0x8950:
            rc = ai_image_png(&in, size);
            break;

        case 0xffd8:
            rc = ai_image_jpeg(&in, size);
            break;

        case 'G' << 8 | 'I':
            rc = ai_image_gif(&in, size);
            break;

        case 'R' << 8 | 'I':
            rc = ai_image_webp(&in, size);
            break;

        default:
            rc = AI_DECLINED;
            break;
        }
    }

    *looked = (size_t) (in.p - base64->data);

    if (rc == AI_OK && (size->width == 0 || size->height == 0)) {
        return AI_DECLINED;
    }

    return rc;
}


static ai_int_t
ai_image_png(ai_image_in_t *in, ai_image_t *size)
{
    ai_char_t  p[22];

    static const ai_char_t  start[] = "NG\r\n\x1a\n\0\0\0\rIHDR";

    if (ai_image_read(in, p, 22) != AI_OK
        || memcmp(p, start, sizeof(start) - 1) != 0)
    {
        return AI_DECLINED;
    }

    size->width = ai_image_be32(p + 14);
    size->height = ai_image_be32(p + 18);

    return AI_OK;
}


static ai_int_t
ai_image_gif(ai_image_in_t *in, ai_image_t *size)
{
    ai_char_t  p[8];

    if (ai_image_read(in, p, 8) != AI_OK
        || (memcmp(p, "F87a", 4) != 0 && memcmp(p, "F89a", 4) != 0))
    {
        return AI_DECLINED;
    }

    size->width = ai_image_le16(p + 4);
    size->height = ai_image_le16(p + 6);

    return AI_OK;
}


static ai_int_t
ai_image_webp(ai_image_in_t *in, ai_image_t *size)
{
    uint32_t   bits;
    ai_char_t  p[28];

    if (ai_image_read(in, p, 28) != AI_OK || memcmp(p, "FF", 2) != 0
        || memcmp(p + 6, "WEBPVP8", 7) != 0)
    {
        return AI_DECLINED;
    }

    switch (p[13]) {

    case ' ':
        if (p[21] != 0x9d || p[22] != 0x01 || p[23] != 0x2a) {
            return AI_DECLINED;
        }

        size->width = ai_image_le16(p + 24) & 0x3fff;
        size->height = ai_image_le16(p + 26) & 0x3fff;

        return AI_OK;

    case 'L':
        if (p[18] != 0x2f) {
            return AI_DECLINED;
        }

        bits = ai_image_le16(p + 19) | ai_image_le16(p + 21) << 16;

        size->width = (bits & 0x3fff) + 1;
        size->height = (bits >> 14 & 0x3fff) + 1;

        return AI_OK;

    case 'X':
        size->width = ai_image_le24(p + 22) + 1;
        size->height = ai_image_le24(p + 25) + 1;

        return AI_OK;
    }

    return AI_DECLINED;
}


/* segments up to the one that has the frame's size */

static ai_int_t
ai_image_jpeg(ai_image_in_t *in, ai_image_t *size)
{
    ai_char_t  marker, p[7];

    while (ai_image_jpeg_marker(in, &marker) == AI_OK) {

        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
            continue;
        }

        /* the picture begins, or the file ends */
        if (marker == 0xda || marker == 0xd9
            || ai_image_read(in, p, 2) != AI_OK || ai_image_be16(p) < 2)
        {
            break;
        }

        if (marker < 0xc0 || marker > 0xcf || marker == 0xc4 || marker == 0xc8
            || marker == 0xcc)
        {
            ai_image_skip(in, ai_image_be16(p) - 2);
            continue;
        }

        if (ai_image_be16(p) < 7 || ai_image_read(in, p + 2, 5) != AI_OK) {
            break;
        }

        size->height = ai_image_be16(p + 3);
        size->width = ai_image_be16(p + 5);

        return AI_OK;
    }

    return AI_DECLINED;
}


static ai_int_t
ai_image_jpeg_marker(ai_image_in_t *in, ai_char_t *marker)
{
    if (ai_image_byte(in) != 0xff) {
        return AI_DECLINED;
    }

    do {
        *marker = ai_image_byte(in);
    } while (*marker == 0xff && !in->over);

    return in->over ? AI_DECLINED : AI_OK;
}


static ai_int_t
ai_image_read(ai_image_in_t *in, ai_char_t *p, size_t n)
{
    while (n--) {
        *p++ = ai_image_byte(in);
    }

    return in->over ? AI_DECLINED : AI_OK;
}


/* whole groups of four digits at once, where there is nothing else */

static void
ai_image_skip(ai_image_in_t *in, size_t n)
{
    size_t  chars;

    while (n && in->have && !in->over) {
        (void) ai_image_byte(in);
        n--;
    }

    chars = n / 3 * 4;

    if (in->n + n < AI_IMAGE_MAX && chars <= (size_t) (in->end - in->p)
        && chars && memchr(in->p, '\\', chars) == NULL)
    {
        in->p += chars;
        in->n += n / 3 * 3;
        n %= 3;
    }

    while (n-- && !in->over) {
        (void) ai_image_byte(in);
    }
}


static ai_char_t
ai_image_byte(ai_image_in_t *in)
{
    int  digit;

    while (in->have < 8) {
        digit = ai_image_digit(in);

        if (digit < 0 || in->n == AI_IMAGE_MAX) {
            in->over = 1;
            return 0;
        }

        in->bits = in->bits << 6 | (uint32_t) digit;
        in->have += 6;
    }

    in->have -= 8;
    in->n++;

    return (ai_char_t) (in->bits >> in->have);
}


static int
ai_image_digit(ai_image_in_t *in)
{
    ai_char_t  c;

    while (in->p < in->end) {
        c = *in->p++;

        if (c >= 'A' && c <= 'Z') {
            return c - 'A';
        }

        if (c >= 'a' && c <= 'z') {
            return c - 'a' + 26;
        }

        if (c >= '0' && c <= '9') {
            return c - '0' + 52;
        }

        if (c == '+' || c == '-') {
            return 62;
        }

        if (c == '/' || c == '_') {
            return 63;
        }

        /* "\/", or the end of a line */
        if (c != '\\' || in->p == in->end) {
            return -1;
        }

        if (*in->p == 'n' || *in->p == 'r') {
            in->p++;

        } else if (*in->p != '/') {
            return -1;
        }
    }

    return -1;
}
