
#include <codec/ai_base64.h>


static int ai_base64_digit(ai_char_t c);


void
ai_base64_encode(ai_buf_t *b, const ai_str_t *s)
{
    size_t      i, n;
    uint32_t    bits;
    ai_char_t  *p;

    static const char  digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    if (s->len > (SIZE_MAX - 4) / 4 * 3
        || ai_buf_reserve(b, (s->len + 2) / 3 * 4 + 1) != AI_OK)
    {
        b->failed = 1;
        return;
    }

    p = b->last;

    for (i = 0; i < s->len; i += 3) {
        n = ai_min(s->len - i, 3);

        bits = (uint32_t) s->data[i] << 16
               | (n > 1 ? (uint32_t) s->data[i + 1] << 8 : 0)
               | (n > 2 ? s->data[i + 2] : 0);

        *p++ = (ai_char_t) digits[bits >> 18];
        *p++ = (ai_char_t) digits[bits >> 12 & 63];
        *p++ = n > 1 ? (ai_char_t) digits[bits >> 6 & 63] : '=';
        *p++ = n > 2 ? (ai_char_t) digits[bits & 63] : '=';
    }

    b->last = p;
}


ai_int_t
ai_base64_decode(ai_buf_t *b, const ai_str_t *s)
{
    int         digit;
    size_t      i, len;
    uint32_t    bits;
    ai_char_t  *p;

    len = s->len;

    while (len > 0 && s->len - len < 2 && s->data[len - 1] == '=') {
        len--;
    }

    if (len % 4 == 1 || (len != s->len && s->len % 4 != 0)) {
        return AI_ERROR;
    }

    if (ai_buf_reserve(b, len / 4 * 3 + 3) != AI_OK) {
        return AI_OK;
    }

    p = b->last;
    bits = 0;

    for (i = 0; i < len; i++) {
        digit = ai_base64_digit(s->data[i]);

        if (digit < 0) {
            return AI_ERROR;
        }

        bits = bits << 6 | (uint32_t) digit;

        if (i % 4 != 0) {
            *p++ = (ai_char_t) (bits >> (6 - 2 * (i % 4)));
        }
    }

    b->last = p;

    return AI_OK;
}


static int
ai_base64_digit(ai_char_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return (c == '+' || c == '-') ? 62 : (c == '/' || c == '_') ? 63 : -1;
}
