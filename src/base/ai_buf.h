
/*
 * A growable buffer of bytes, for everything that is written piece by piece.
 *
 * Writers need not check each step: the first allocation that fails sets
 * "failed", everything after it is ignored, and the caller looks once at the
 * end.  Reset between events; memory then stays what the largest event took.
 */

#ifndef AI_BUF_H
#define AI_BUF_H


#include <base/ai_base.h>


typedef struct {
    ai_char_t         *start;
    ai_char_t         *last;        /* one past the last byte written */
    ai_char_t         *end;
    const ai_pool_t   *pool;
    unsigned           failed:1;
} ai_buf_t;


#define ai_buf_len(b)    ((size_t) ((b)->last - (b)->start))
#define ai_buf_str(b)                                                         \
    ((ai_str_t) { (size_t) ((b)->last - (b)->start), (b)->start })
#define ai_buf_reset(b)  ((b)->last = (b)->start)

/* a literal */
#define ai_buf_lit(b, s) ai_buf_add(b, s, sizeof(s) - 1)


#pragma GCC visibility push(hidden)


/* allocates nothing until the first byte */
void ai_buf_init(ai_buf_t *b, const ai_pool_t *pool);

/* makes room for n more bytes; AI_ERROR sets failed */
ai_int_t ai_buf_reserve(ai_buf_t *b, size_t n);

/* ai_buf_add() where there is no room yet */
void ai_buf_add_slow(ai_buf_t *b, const void *data, size_t len);

void ai_buf_int(ai_buf_t *b, int64_t n);

/* plain bytes as the inside of a JSON string, escaped; invalid UTF-8 becomes
 * U+FFFD */
void ai_buf_escape(ai_buf_t *b, const ai_str_t *s);

/* "..." around an ai_esc_t, and around plain bytes */
void ai_buf_quote_esc(ai_buf_t *b, const ai_esc_t *s);
void ai_buf_quote(ai_buf_t *b, const ai_str_t *s);

/* plain bytes as a part of a URI (RFC 3986): all but its unreserved characters
 * percent-encoded; keep: characters that stay as well, or NULL */
void ai_buf_uri(ai_buf_t *b, const ai_str_t *s, const char *keep);


#pragma GCC visibility pop


/* in the header, because a stream's event is some twenty of these, most of
 * them literals */

static inline void
ai_buf_add(ai_buf_t *b, const void *data, size_t len)
{
    if (len && len < (size_t) (b->end - b->last) && !b->failed) {
        memcpy(b->last, data, len);
        b->last += len;
        return;
    }

    ai_buf_add_slow(b, data, len);
}


static inline void
ai_buf_cat(ai_buf_t *b, const ai_str_t *s)
{
    ai_buf_add(b, s->data, s->len);
}


static inline void
ai_buf_char(ai_buf_t *b, ai_char_t c)
{
    ai_buf_add(b, &c, 1);
}


#endif /* AI_BUF_H */
