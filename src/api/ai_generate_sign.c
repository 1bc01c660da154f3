
#include <api/ai_generate_int.h>


#define AI_GENERATE_TAG_MAX  16


static ai_int_t ai_generate_sextet(ai_char_t ch);
static ai_int_t ai_generate_base64(const ai_str_t *s, size_t max,
    ai_buf_t *b, ai_char_t *head, size_t *len);
static void ai_generate_base64_add(ai_buf_t *b, const ai_str_t *s);


static const struct {
    ai_str_t           tag;
    ai_family_e        family;
    unsigned           data;
} ai_generate_tags[] = {
    { ai_string("anthropic:"),      AI_FAMILY_ANTHROPIC, 0 },
    { ai_string("anthropic-data:"), AI_FAMILY_ANTHROPIC, 1 },
    { ai_string("openai:"),         AI_FAMILY_OPENAI,    0 },
    { ai_string("openai-data:"),    AI_FAMILY_OPENAI,    1 },
    { ai_string("gemini-data:"),    AI_FAMILY_GEMINI,    1 }
};

#define AI_GENERATE_TAGS                                                      \
    (sizeof(ai_generate_tags) / sizeof(ai_generate_tags[0]))


void
ai_generate_tag(ai_buf_t *b, ai_buf_t *scratch, ai_family_e family,
    ai_int_t data, const ai_esc_t *s)
{
    size_t    i;
    ai_str_t  plain;

    for (i = 0; i < AI_GENERATE_TAGS; i++) {
        if (ai_generate_tags[i].family == family
            && ai_generate_tags[i].data == (unsigned) data)
        {
            break;
        }
    }

    if (i == AI_GENERATE_TAGS) {
        ai_buf_cat(b, s);
        return;
    }

    ai_buf_reset(scratch);
    ai_buf_cat(scratch, &ai_generate_tags[i].tag);
    ai_json_unescape(scratch, s);

    if (scratch->failed) {
        b->failed = 1;
        return;
    }

    plain = ai_buf_str(scratch);
    ai_generate_base64_add(b, &plain);
}


static void
ai_generate_base64_add(ai_buf_t *b, const ai_str_t *s)
{
    size_t     i, left;
    uint32_t   n;
    ai_char_t  out[4];

    static const char  letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "0123456789+/";

    for (i = 0; i < s->len; i += 3) {
        left = s->len - i;

        n = (uint32_t) s->data[i] << 16;
        n |= left > 1 ? (uint32_t) s->data[i + 1] << 8 : 0;
        n |= left > 2 ? (uint32_t) s->data[i + 2] : 0;

        out[0] = letters[n >> 18];
        out[1] = letters[n >> 12 & 63];
        out[2] = left > 1 ? letters[n >> 6 & 63] : '=';
        out[3] = left > 2 ? letters[n & 63] : '=';

        ai_buf_add(b, out, 4);
    }
}


ai_int_t
ai_generate_untag(const ai_pool_t *pool, const ai_esc_t *s,
    ai_generate_sign_t *out)
{
    size_t     i, n;
    ai_buf_t   plain, b;
    ai_str_t   text;
    ai_char_t  head[AI_GENERATE_TAG_MAX];

    out->text = *s;
    out->family = AI_FAMILY_GEMINI;
    out->data = 0;

    if (ai_json_plain(s, pool, &text) != AI_OK) {
        return AI_ERROR;
    }

    (void) ai_generate_base64(&text, sizeof(head), NULL, head, &n);

    for (i = 0; i < AI_GENERATE_TAGS; i++) {
        if (n >= ai_generate_tags[i].tag.len
            && memcmp(head, ai_generate_tags[i].tag.data,
                      ai_generate_tags[i].tag.len) == 0)
        {
            break;
        }
    }

    if (i == AI_GENERATE_TAGS) {
        return AI_OK;
    }

    ai_buf_init(&plain, pool);

    if (ai_generate_base64(&text, SIZE_MAX, &plain, NULL, &n) != AI_OK) {
        return plain.failed ? AI_ERROR : AI_OK;
    }

    text = ai_buf_str(&plain);
    text.data += ai_generate_tags[i].tag.len;
    text.len -= ai_generate_tags[i].tag.len;

    /* a client may have put anything there */

    ai_buf_init(&b, pool);
    ai_buf_escape(&b, &text);
    ai_pfree(pool, plain.start);

    if (b.failed) {
        return AI_ERROR;
    }

    out->text = ai_buf_str(&b);
    out->family = ai_generate_tags[i].family;
    out->data = ai_generate_tags[i].data;

    return AI_OK;
}


/* at most max bytes, into b or head; AI_DECLINED if it is no base64 */

static ai_int_t
ai_generate_base64(const ai_str_t *s, size_t max, ai_buf_t *b,
    ai_char_t *head, size_t *len)
{
    size_t     i, n;
    uint32_t   bits;
    unsigned   have;
    ai_int_t   v;
    ai_char_t  ch;

    bits = 0;
    have = 0;
    n = 0;

    for (i = 0; i < s->len && n < max && s->data[i] != '='; i++) {
        v = ai_generate_sextet(s->data[i]);

        if (v == -1) {
            *len = n;
            return AI_DECLINED;
        }

        bits = bits << 6 | (uint32_t) v;
        have += 6;

        if (have < 8) {
            continue;
        }

        have -= 8;
        ch = (ai_char_t) (bits >> have);

        if (b) {
            ai_buf_char(b, ch);

        } else {
            head[n] = ch;
        }

        n++;
    }

    *len = n;

    return b && b->failed ? AI_ERROR : AI_OK;
}


static ai_int_t
ai_generate_sextet(ai_char_t ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    switch (ch) {

    case '+':
    case '-':
        return 62;

    case '/':
    case '_':
        return 63;

    default:
        return -1;
    }
}
