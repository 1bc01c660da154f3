
/*
 * Server-sent events (WHATWG HTML, section 9.2), read from any split of the
 * bytes, with each event's place in the byte stream kept.
 *
 * The parser is given buffers; it never reads one twice.  An event that lies
 * in one buffer is handed out as spans of it, one that straddles buffers is
 * put together in the parser's own memory, up to "max" bytes.
 */

#ifndef AI_SSE_H
#define AI_SSE_H


#include <base/ai_buf.h>


typedef struct {
    ai_str_t           data;        /* "data" lines joined by LF; no field:
                                       data == NULL */
    ai_str_t           name;        /* "event", or empty */
    ai_str_t           bytes;       /* the event as it came, with its blank
                                       line; comments in front included */
    unsigned           comment:1;   /* neither data nor a name: comments,
                                       other fields, or a blank line alone;
                                       data.data is NULL */
} ai_sse_event_t;


typedef struct {
    ai_buf_t           held;        /* bytes of an unfinished event */
    ai_buf_t           joined;      /* data of several lines */
    size_t             max;         /* of one event; 0: 4 MiB */
    size_t             skip;        /* of "held": a BOM, or the LF of an
                                       event that ended with CR */
    unsigned           bom_done:1;
    unsigned           cr:1;        /* the last byte of an ended event was
                                       CR; a LF that follows belongs to it */
    unsigned           oversize:1;  /* an event was larger than max */
    unsigned           used:1;      /* held was handed out: reset first */
} ai_sse_t;


#pragma GCC visibility push(hidden)


void ai_sse_init(ai_sse_t *s, const ai_pool_t *pool, size_t max);

/*
 * Takes bytes off the front of *in and gives the next whole event.  AI_OK: ev
 * is filled, valid until the next call or until the buffer of in changes; call
 * again with the rest.  AI_AGAIN: *in is empty, what is unfinished is held.
 * AI_ERROR: no memory, or an event above max (s->oversize).  Lines end with
 * LF, CRLF or CR; a CR line's event is given at once, without waiting for a
 * LF.  The sum of all ev.bytes plus what is held equals the bytes given.
 *
 * After AI_ERROR what was held is still in s->held and the rest, untouched, in
 * *in; every further call gives AI_ERROR.
 */
ai_int_t ai_sse_next(ai_sse_t *s, ai_str_t *in, ai_sse_event_t *ev);

/*
 * The stream ended: the bytes of an event that was never finished by a blank
 * line, or AI_DECLINED if there are none.  With as_event its data is filled
 * as if the blank line had come (some hosts forget it); without, only bytes
 * and comment are.  bytes may be no more than the LF of an event that ended
 * with CR: that one has comment set.  AI_ERROR: no memory.
 */
ai_int_t ai_sse_end(ai_sse_t *s, ai_sse_event_t *ev, ai_int_t as_event);


#pragma GCC visibility pop


#endif /* AI_SSE_H */
