
/*
 * The growable buffer, and text written as the inside of a JSON string.
 */

#include <base/ai_buf.h>
#include <base/ai_scan.h>


#define AI_BUF_MIN     256
#define AI_INT64_LEN   (sizeof("-9223372036854775808") - 1)


static ai_int_t ai_buf_grow(ai_buf_t *b, size_t n);
static void ai_buf_escape_char(ai_buf_t *b, ai_char_t c);


void
ai_buf_init(ai_buf_t *b, const ai_pool_t *pool)
{
    memset(b, 0, sizeof(ai_buf_t));

    b->pool = pool;
}


ai_int_t
ai_buf_reserve(ai_buf_t *b, size_t n)
{
    if (b->failed) {
        return AI_ERROR;
    }

    if (b->start != NULL && (size_t) (b->end - b->last) >= n) {
        return AI_OK;
    }

    return ai_buf_grow(b, n);
}


static ai_int_t
ai_buf_grow(ai_buf_t *b, size_t n)
{
    size_t      len, size;
    ai_char_t  *p;

    len = ai_buf_len(b);
    size = ai_max((size_t) (b->end - b->start), AI_BUF_MIN / 2);

    if (n > PTRDIFF_MAX / 2 - len) {
        b->failed = 1;
        return AI_ERROR;
    }

    size = ai_max(size * 2, len + n);

    p = ai_palloc(b->pool, size);
    if (p == NULL) {
        b->failed = 1;
        return AI_ERROR;
    }

    if (b->start != NULL) {
        memcpy(p, b->start, len);
    }

    ai_pfree(b->pool, b->start);

    b->start = p;
    b->last = p + len;
    b->end = p + size;

    return AI_OK;
}


void
ai_buf_add_slow(ai_buf_t *b, const void *data, size_t len)
{
    if (len == 0 || ai_buf_reserve(b, len) != AI_OK) {
        return;
    }

    memcpy(b->last, data, len);
    b->last += len;
}


void
ai_buf_int(ai_buf_t *b, int64_t n)
{
    uint64_t    u;
    ai_char_t   digits[AI_INT64_LEN], *p;

    p = digits + AI_INT64_LEN;
    u = n < 0 ? - (uint64_t) n : (uint64_t) n;

    do {
        *--p = (ai_char_t) ('0' + u % 10);
        u /= 10;
    } while (u);

    if (n < 0) {
        *--p = '-';
    }

    ai_buf_add(b, p, (size_t) (digits + AI_INT64_LEN - p));
}


void
ai_buf_escape(ai_buf_t *b, const ai_str_t *s)
{
    const ai_char_t  *p, *from, *end;

    if (s->len == 0 || ai_buf_reserve(b, s->len) != AI_OK) {
        return;
    }

    from = s->data;
    end = from + s->len;

    for (p = from; p < end; /* void */) {

        p = ai_utf8_run(ai_scan_plain(p, end), end);

        if (p == end) {
            break;
        }

        if (ai_scan_is_plain(*p)) {
            continue;
        }

        ai_buf_add(b, from, (size_t) (p - from));

        if (*p < 0x80) {
            ai_buf_escape_char(b, *p++);

        } else {
            ai_buf_lit(b, "\xef\xbf\xbd");
            p += ai_utf8_bad(p, end);
        }

        from = p;
    }

    ai_buf_add(b, from, (size_t) (end - from));
}


static void
ai_buf_escape_char(ai_buf_t *b, ai_char_t c)
{
    static const char  hex[] = "0123456789abcdef";

    /* by code, 0x08 to 0x0d; no short form for 0x0b */
    static const char  brief[] = "btn\0fr";

    ai_char_t          out[6];

    if (ai_buf_reserve(b, sizeof(out)) != AI_OK) {
        return;
    }

    if (c >= 0x20) {
        *b->last++ = '\\';
        *b->last++ = c;
        return;
    }

    if (c >= 0x08 && c <= 0x0d && brief[c - 0x08] != '\0') {
        *b->last++ = '\\';
        *b->last++ = (ai_char_t) brief[c - 0x08];
        return;
    }

    memcpy(out, "\\u00", 4);
    out[4] = (ai_char_t) hex[c >> 4];
    out[5] = (ai_char_t) hex[c & 0x0f];

    ai_buf_add(b, out, sizeof(out));
}


void
ai_buf_quote_esc(ai_buf_t *b, const ai_esc_t *s)
{
    ai_buf_char(b, '"');
    ai_buf_cat(b, s);
    ai_buf_char(b, '"');
}


void
ai_buf_quote(ai_buf_t *b, const ai_str_t *s)
{
    ai_buf_char(b, '"');
    ai_buf_escape(b, s);
    ai_buf_char(b, '"');
}


void
ai_buf_uri(ai_buf_t *b, const ai_str_t *s, const char *keep)
{
    size_t     i;
    ai_char_t  c;

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || c == '-' || c == '.' || c == '_' || c == '~'
            || (keep && c != '\0' && strchr(keep, c) != NULL))
        {
            ai_buf_char(b, c);
            continue;
        }

        ai_buf_char(b, '%');
        ai_buf_char(b, (ai_char_t) hex[c >> 4]);
        ai_buf_char(b, (ai_char_t) hex[c & 15]);
    }
}
