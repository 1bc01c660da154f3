
/*
 * A text in pieces: gathered until a batch is there, and counted as far as it
 * is certain where words end.
 */

#include <base/ai_scan.h>
#include <token/ai_tokenizer.h>


#define AI_COUNTER_CHAR    4        /* the longest character */
#define AI_COUNTER_BAD     3        /* U+FFFD */
#define AI_COUNTER_FULL    (AI_COUNTER_MAX - 2 * AI_COUNTER_CHAR)


static void ai_counter_flush(ai_counter_t *c);
static size_t ai_counter_whole(const ai_counter_t *c, size_t len);
static ai_int_t ai_counter_reserve(ai_counter_t *c, size_t n);
static void ai_counter_escape(ai_counter_t *c, uint32_t ch);
static uint32_t ai_escape_next(const ai_char_t **p, const ai_char_t *end);


void
ai_counter_init(ai_counter_t *c, const ai_tokenizer_t *t,
    const ai_pool_t *pool)
{
    memset(c, 0, sizeof(ai_counter_t));

    ai_buf_init(&c->pending, pool);

    c->tokenizer = t;
    c->retry = AI_COUNTER_BATCH;
}


void
ai_counter_add(ai_counter_t *c, const ai_char_t *p, size_t len)
{
    size_t  n;

    if (len) {
        c->high = 0;
    }

    while (len) {
        n = ai_min(len, c->retry - ai_buf_len(&c->pending));

        if (ai_counter_reserve(c, n) == AI_OK) {
            memcpy(c->pending.last, p, n);
            c->pending.last += n;

        } else {
            c->tokens += ai_tokenizer_count(c->tokenizer, p, n);
        }

        ai_counter_flush(c);

        p += n;
        len -= n;
    }
}


void
ai_counter_add_esc(ai_counter_t *c, const ai_esc_t *s)
{
    const ai_char_t  *p, *q, *end;

    p = s->data;
    end = p + s->len;

    while (p < end) {
        q = memchr(p, '\\', (size_t) (end - p));
        q = q ? q : end;

        ai_counter_add(c, p, (size_t) (q - p));

        if (q < end) {
            ai_counter_escape(c, ai_escape_next(&q, end));
        }

        p = q;
    }
}


/*
 * The first half of a pair is U+FFFD until the other one comes; meanwhile the
 * word that it is in stays in pending.
 */

static void
ai_counter_escape(ai_counter_t *c, uint32_t ch)
{
    size_t     n;
    uint32_t   high;
    ai_char_t  text[AI_COUNTER_CHAR];

    high = 0;

    if (ch >= 0xd800 && ch < 0xe000) {

        if (ch < 0xdc00) {
            high = ch;
            ch = 0xfffd;

        } else if (c->high) {
            c->pending.last -= AI_COUNTER_BAD;
            ch = 0x10000 + ((c->high - 0xd800) << 10) + (ch - 0xdc00);

        } else {
            ch = 0xfffd;
        }
    }

    n = ai_utf8_put(text, ch);

    if (ai_counter_reserve(c, n) != AI_OK) {
        c->tokens += ai_tokenizer_count(c->tokenizer, text, n);
        return;
    }

    memcpy(c->pending.last, text, n);
    c->pending.last += n;
    c->high = high;

    ai_counter_flush(c);
}


static unsigned
ai_escape_hex(ai_char_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10U : 16;
}


/* the character of the escape at *p; a backslash that is none stands for
 * itself */

static uint32_t
ai_escape_next(const ai_char_t **p, const ai_char_t *end)
{
    uint32_t          c, i, digit;
    const ai_char_t  *q;

    q = *p;
    *p = q + 1;

    if (end - q < 2) {
        return '\\';
    }

    c = q[1];

    if (c == 'u') {

        if (end - q < 6) {
            return '\\';
        }

        for (i = 2, c = 0; i < 6; i++) {
            digit = ai_escape_hex(q[i]);

            if (digit > 15) {
                return '\\';
            }

            c = c * 16 + digit;
        }

        *p = q + 6;

        return c;
    }

    *p = q + 2;

    switch (c) {

    case 'n':
        return '\n';

    case 't':
        return '\t';

    case 'r':
        return '\r';

    case 'b':
        return '\b';

    case 'f':
        return '\f';

    case '"':
    case '\\':
    case '/':
        return c;

    default:
        *p = q + 1;
        return '\\';
    }
}


/* no memory: what is gathered makes room, as if the text ended there */

static ai_int_t
ai_counter_reserve(ai_counter_t *c, size_t n)
{
    if (ai_buf_reserve(&c->pending, n) == AI_OK) {
        return AI_OK;
    }

    c->pending.failed = 0;

    ai_counter_break(c);

    return (size_t) (c->pending.end - c->pending.start) >= n ? AI_OK
                                                             : AI_ERROR;
}


/*
 * Tried again when there is half as much more, so that the time is linear in
 * the length of a word that comes byte by byte.
 */

static void
ai_counter_flush(ai_counter_t *c)
{
    size_t   n, len;

    len = ai_buf_len(&c->pending);

    if (len < c->retry) {
        return;
    }

    /* what comes may change the last character */
    n = len - (c->high ? AI_COUNTER_BAD : 0);
    n = ai_tokenizer_cut(c->tokenizer, c->pending.start, n);

    if (n == 0 && len >= AI_COUNTER_FULL) {
        n = c->high ? len - AI_COUNTER_BAD : ai_counter_whole(c, len);
    }

    if (n) {
        c->tokens += ai_tokenizer_count(c->tokenizer, c->pending.start, n);

        len -= n;
        memmove(c->pending.start, c->pending.start + n, len);
        c->pending.last = c->pending.start + len;
    }

    c->retry = ai_max(AI_COUNTER_BATCH, ai_min(len + len / 2,
                                               AI_COUNTER_FULL));
}


/* how much of pending does not end inside a character */

static size_t
ai_counter_whole(const ai_counter_t *c, size_t len)
{
    unsigned          n;
    const ai_char_t  *p, *end;

    end = c->pending.start + len;

    for (n = 1; n < AI_COUNTER_CHAR; n++) {
        p = end - n;

        if (*p >= 0xc0) {
            return ai_utf8_len(p, end) == 0 && ai_utf8_bad(p, end) == n
                   ? len - n : len;
        }
    }

    return len;
}


void
ai_counter_break(ai_counter_t *c)
{
    c->tokens = ai_counter_tokens(c);
    c->retry = AI_COUNTER_BATCH;
    c->high = 0;

    ai_buf_reset(&c->pending);
}


int64_t
ai_counter_tokens(const ai_counter_t *c)
{
    return c->tokens + ai_tokenizer_count(c->tokenizer, c->pending.start,
                                          ai_buf_len(&c->pending));
}
