
/*
 * Width and height of images: files of every format at every length, and
 * headers that lie.
 */

#include "tap.h"
#include "mem.h"
#include "upstream.h"

#include <base/ai_buf.h>
#include <codec/ai_base64.h>
#include <token/ai_image.h>


#define IMAGES  T_DATA "/token/image"


/* base64 against a guard page; size is 0x0 where it is declined */

static ai_image_t
size_of(const void *base64, size_t len, size_t *looked)
{
    size_t      n;
    ai_int_t    rc;
    ai_esc_t    s;
    ai_image_t  size;

    memset(&size, 0, sizeof(size));

    s = guard_str(base64, len);
    n = (size_t) -1;

    rc = ai_image_size(&s, &size, &n);

    guard_free();

    if (n > len) {
        ok(0, "looked at %zu of %zu", n, len);
    }

    if (rc != AI_OK) {
        if (rc != AI_DECLINED) {
            ok(0, "neither AI_OK nor AI_DECLINED");
        }

        memset(&size, 0, sizeof(size));
    }

    if (looked) {
        *looked = n;
    }

    return size;
}


/* the same of a file's bytes */

static ai_image_t
size_of_bytes(const void *bytes, size_t len, size_t *looked)
{
    ai_buf_t    b;
    ai_str_t    s;
    ai_image_t  size;

    s.data = (ai_char_t *) bytes;
    s.len = len;

    ai_buf_init(&b, mem_pool());
    ai_base64_encode(&b, &s);

    size = size_of(b.start, ai_buf_len(&b), looked);

    ai_pfree(mem_pool(), b.start);

    return size;
}


static void
file(const char *name, uint32_t width, uint32_t height)
{
    char        *bytes;
    int          bad;
    size_t       i, len, from;
    ai_buf_t     b, esc;
    ai_str_t     s;
    ai_image_t   size;

    bytes = file_read(IMAGES, name, &len);
    if (!ok(bytes != NULL, "%s is there", name)) {
        return;
    }

    size = size_of_bytes(bytes, len, NULL);
    is_int(size.width, width, "%s: width", name);
    is_int(size.height, height, "%s: height", name);

    /* cut off anywhere: right or declined, and right from some length on */

    bad = 0;
    from = 0;

    for (i = 0; i < len; i++) {
        size = size_of_bytes(bytes, i, NULL);

        if (size.width == 0) {
            from = i + 1;

        } else if (size.width != width || size.height != height) {
            bad++;
        }
    }

    is_int(bad, 0, "%s: right at every length", name);
    ok(from >= 10 && from < len, "%s: needs %zu of %zu bytes", name, from,
       len);

    size = size_of_bytes(bytes, from, NULL);
    is_int(size.width, width, "%s: no more than those", name);

    /* as JSON may spell it, and in lines */

    s.data = (ai_char_t *) bytes;
    s.len = len;

    ai_buf_init(&b, mem_pool());
    ai_buf_init(&esc, mem_pool());
    ai_base64_encode(&b, &s);

    for (i = 0; i < ai_buf_len(&b); i++) {

        if (i % 76 == 75) {
            ai_buf_lit(&esc, "\\r\\n");
        }

        if (b.start[i] == '/') {
            ai_buf_lit(&esc, "\\/");

        } else {
            ai_buf_char(&esc, b.start[i]);
        }
    }

    size = size_of(esc.start, ai_buf_len(&esc), NULL);
    is_int(size.width, width, "%s: spelled otherwise", name);
    is_int(size.height, height, "%s: spelled otherwise", name);

    for (i = 0; i < ai_buf_len(&b); i++) {
        b.start[i] = b.start[i] == '/' ? '_'
                     : b.start[i] == '+' ? '-' : b.start[i];
    }

    size = size_of(b.start, ai_buf_len(&b), NULL);
    is_int(size.width, width, "%s: in the alphabet of URLs", name);

    free(bytes);
    mem_reset();
}


static void
lies(void)
{
    size_t  i;

#define LIE(s)  { (const ai_char_t *) (s), sizeof(s) - 1 }

    static const struct {
        const ai_char_t  *bytes;
        size_t            len;
    } cases[] = {
        LIE(""),
        LIE("\x89"),
        LIE("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\1"),
        LIE("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\0"),
        LIE("\x89PNG\r\n\x1a\n\0\0\0\rIDAT\0\0\0\1\0\0\0\1"),
        LIE("\x89PNG\n\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1"),
        LIE("GIF88a\1\0\1\0"),
        LIE("GIF89a\0\0\1\0"),
        LIE("GIF89a\1\0\0\0"),
        LIE("RIFF\1\0\0\0WEBPVP8 aaaabbbbbbbbbbbbbbbb"),
        LIE("RIFF\1\0\0\0WEBPVP8Laaaabbbbbbbbbbbbbbbb"),
        LIE("RIFF\1\0\0\0WEBPVP8Yaaaabbbbbbbbbbbbbbbb"),
        LIE("RIFF\1\0\0\0WAVEVP8Xaaaabbbbbbbbbbbbbbbb"),
        LIE("\xff\xd8"),
        LIE("\xff\xd8\xff"),
        LIE("\xff\xd8\xff\xff\xff\xff"),
        LIE("\xff\xd8\xff\xc0\0\1"),
        LIE("\xff\xd8\xff\xc0\0\6\10\0\1\0\1"),
        LIE("\xff\xd8\xff\xc0\0\21\10\0\0\0\1"),
        LIE("\xff\xd8\xff\xe0\0\0\xff\xc0\0\21\10\0\1\0\1"),
        LIE("\xff\xd8\xff\xd9\xff\xc0\0\21\10\0\1\0\1"),
        LIE("\xff\xd8\xff\xda\0\2\xff\xc0\0\21\10\0\1\0\1"),
        LIE("\xff\xd8\xff\xc4\0\21\10\0\1\0\1"),
        LIE("\xff\xd8\0\xc0\0\21\10\0\1\0\1"),
        LIE("BM\1\2\3\4\5\6\7\10\11\12\13\14\15\16"),
        LIE("%PDF-1.7 and the rest of it")
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(size_of_bytes(cases[i].bytes, cases[i].len, NULL).width, 0,
               "lie %zu is declined", i);
    }

    is_int(size_of("not base64!", 11, NULL).width, 0, "another letter");
    is_int(size_of("/9\\u002f/", 9, NULL).width, 0, "another escape");
    is_int(size_of("iVBOR\\", 6, NULL).width, 0, "half an escape");

    mem_reset();
}


/* fill bytes and restart marks between segments are no segments */

static void
jpeg_marks(void)
{
    ai_image_t  size;

    static const char  bytes[] =
        "\xff\xd8\xff\xff\xff\xe0\0\4ab\xff\xd0\xff\x01\xff\xcf\0\21\10\1\2"
        "\3\4";

    size = size_of_bytes(bytes, sizeof(bytes) - 1, NULL);

    is_int(size.height, 0x102, "height between marks");
    is_int(size.width, 0x304, "width between marks");
}


/* no more is looked at than the limit, however many segments there are */

static void
jpeg_limit(void)
{
    size_t       i, n, looked;
    ai_char_t   *bytes;
    ai_image_t   size;

    n = 1024 * 1024;

    bytes = calloc(1, n);
    if (bytes == NULL) {
        abort();
    }

    memcpy(bytes, "\xff\xd8", 2);

    for (i = 2; i + 65537 < n; i += 65537) {
        memcpy(bytes + i, "\xff\xe2\xff\xff", 4);
    }

    memcpy(bytes + i, "\xff\xc0\0\21\10\0\1\0\1", 9);

    size = size_of_bytes(bytes, n, &looked);
    is_int(size.width, 0, "a megabyte before the size");
    ok(looked <= AI_IMAGE_MAX / 3 * 4 + 8, "%zu characters", looked);

    /* three of them are within it */

    memcpy(bytes + 2 + 3 * 65537, "\xff\xc0\0\21\10\0\5\0\7", 9);

    size = size_of_bytes(bytes, n, &looked);
    is_int(size.width, 7, "a profile before the size: width");
    is_int(size.height, 5, "height");

    free(bytes);
    mem_reset();
}


int
main(void)
{
    file("rgb.png", 37, 21);
    file("wide.png", 4000, 3);
    file("p.gif", 37, 21);
    file("lossy.webp", 37, 21);
    file("lossless.webp", 37, 21);
    file("alpha.webp", 37, 21);
    file("base.jpg", 37, 21);
    file("progressive.jpg", 37, 21);
    file("exif.jpg", 37, 21);

    lies();
    jpeg_marks();
    jpeg_limit();

    return done();
}
