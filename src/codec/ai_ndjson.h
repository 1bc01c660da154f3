
/*
 * Newline-delimited JSON, a value a line, read from any split of the bytes.
 *
 * The same shape as ai_sse.h, so that decoders need not know the difference:
 * a line is an event without a name.  A line that lies in one buffer is handed
 * out as spans of it, one that straddles buffers is put together in the
 * splitter's own memory, up to "max" bytes; no byte is looked at twice.
 */

#ifndef AI_NDJSON_H
#define AI_NDJSON_H


#include <codec/ai_sse.h>


typedef struct {
    ai_buf_t           held;        /* bytes of an unfinished line */
    size_t             max;         /* of one line */
    unsigned           oversize:1;  /* a line was longer than max */
    unsigned           used:1;      /* held was handed out: reset first */
} ai_ndjson_t;


#pragma GCC visibility push(hidden)


/* max of one line with its end; 0: 4 MiB */
void ai_ndjson_init(ai_ndjson_t *s, const ai_pool_t *pool, size_t max);

/*
 * Takes bytes off the front of *in and gives the next whole line: ev->data
 * without its LF or CRLF, ev->bytes with it.  A blank line has comment set and
 * no data.  Codes, the life of ev and the sum of all ev.bytes are those of
 * ai_sse_next().
 */
ai_int_t ai_ndjson_next(ai_ndjson_t *s, ai_str_t *in, ai_sse_event_t *ev);

/*
 * The stream ended: a last line without its LF, or AI_DECLINED if there is
 * none.  With as_event its data is filled as if the LF had come; without, only
 * bytes are.  AI_ERROR: an error came before.
 */
ai_int_t ai_ndjson_end(ai_ndjson_t *s, ai_sse_event_t *ev,
    ai_int_t as_event);


#pragma GCC visibility pop


#endif /* AI_NDJSON_H */
