
/*
 * An HTTP/1 answer to a small call of our own, such as that for a token, read
 * as its bytes come.  The body is kept whole, up to a limit.
 *
 *     status -> headers -> (1xx: again) -> length  -> done
 *                                       -> close   -> done by end()
 *                                       -> chunked -> trailers -> done
 */

#ifndef AI_HTTP_H
#define AI_HTTP_H


#include <base/ai_buf.h>


typedef enum {
    AI_HTTP_STATUS = 0,
    AI_HTTP_HEADER,
    AI_HTTP_LENGTH,
    AI_HTTP_CLOSE,
    AI_HTTP_CHUNK_SIZE,
    AI_HTTP_CHUNK_DATA,
    AI_HTTP_CHUNK_END,
    AI_HTTP_TRAILER,
    AI_HTTP_DONE,
    AI_HTTP_FAILED
} ai_http_state_e;


typedef struct {
    unsigned           status;      /* valid once feed() said AI_OK */
    ai_buf_t           body;        /* de-chunked */
    size_t             max;         /* bytes of body */

    ai_http_state_e    state;
    ai_buf_t           line;        /* not complete yet */
    size_t             head;        /* bytes of header lines so far */
    uint64_t           left;        /* of the body, or of a chunk */
    unsigned           interim;     /* 1xx answers so far */
    unsigned           chunked:1;
    unsigned           sized:1;     /* Content-Length was there */
} ai_http_t;


#pragma GCC visibility push(hidden)


void ai_http_init(ai_http_t *h, const ai_pool_t *pool, size_t max);

/* AI_OK: the answer is whole (bytes behind it are ignored); AI_AGAIN; or
 * AI_ERROR: no HTTP, too large, or no memory */
ai_int_t ai_http_feed(ai_http_t *h, const ai_str_t *data);

/* the connection was closed: AI_OK, or AI_ERROR if that came too early */
ai_int_t ai_http_end(ai_http_t *h);


#pragma GCC visibility pop


#endif /* AI_HTTP_H */
