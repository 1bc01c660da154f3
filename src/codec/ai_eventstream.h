
/*
 * application/vnd.amazon.eventstream, the framing of AWS's streams, read from
 * any split of the bytes.
 *
 *     0   uint32   length of the message, with all that follows
 *     4   uint32   length of the headers
 *     8   uint32   CRC-32 of the eight bytes before
 *     12           headers: uint8 length, name, uint8 type, value
 *                  payload
 *         uint32   CRC-32 of the whole message before it
 *
 * All numbers are big-endian.  Lengths are believed only as far as bytes have
 * come: a message announced at 16 MB takes the memory of what was sent of it.
 * A stream that broke once stays broken, as there is no mark in it to find the
 * next message by.
 */

#ifndef AI_EVENTSTREAM_H
#define AI_EVENTSTREAM_H


#include <codec/ai_crc32.h>
#include <codec/ai_sse.h>


typedef enum {
    AI_EVENTSTREAM_E_NONE = 0,
    AI_EVENTSTREAM_E_PRELUDE,       /* CRC of the first 8 bytes */
    AI_EVENTSTREAM_E_LENGTH,        /* lengths that contradict each other */
    AI_EVENTSTREAM_E_OVERSIZE,      /* above max, or headers above 128 KB */
    AI_EVENTSTREAM_E_CRC,
    AI_EVENTSTREAM_E_HEADER,
    AI_EVENTSTREAM_E_MEMORY
} ai_eventstream_error_e;


typedef struct {
    ai_str_t           message_type;       /* "event", "exception", "error" */
    ai_str_t           event_type;
    ai_str_t           exception_type;
    ai_str_t           error_code;         /* of an "error" */
    ai_str_t           error_message;
    ai_str_t           content_type;
    ai_str_t           payload;     /* data is not NULL even if empty */
    ai_str_t           bytes;       /* the message as it came */
} ai_eventstream_event_t;


typedef struct {
    ai_buf_t           held;        /* bytes of an unfinished message */
    size_t             max;         /* of one message */
    size_t             need;        /* length of the message that is held,
                                       once its prelude is there; or 0 */
    ai_eventstream_error_e  error;
    unsigned           used:1;      /* held was handed out: reset first */
} ai_eventstream_t;


#pragma GCC visibility push(hidden)


/* max of one message; 0, or above it: 16 MB */
void ai_eventstream_init(ai_eventstream_t *s, const ai_pool_t *pool,
    size_t max);

/*
 * Takes bytes off the front of *in and gives the next whole message.  AI_OK:
 * ev is filled, valid until the next call or until the buffer of in changes;
 * call again with the rest.  AI_AGAIN: *in is empty, what is unfinished is
 * held.  AI_ERROR: s->error says why; every further call gives AI_ERROR.
 * Headers of other names, whatever the type of their value, are skipped.
 */
ai_int_t ai_eventstream_next(ai_eventstream_t *s, ai_str_t *in,
    ai_eventstream_event_t *ev);

/* the stream ended: AI_OK between two messages, AI_ERROR within one or after
 * an error */
ai_int_t ai_eventstream_end(const ai_eventstream_t *s);

/*
 * The message as the event that decoders take: the payload is the data, the
 * type of the event or of the exception is the name.  Types of exceptions end
 * in "Exception"; one that does not, an "error" and a kind of message that is
 * not known are named "error", with the error's text as data if there is no
 * payload.  Spans of ev.
 */
void ai_eventstream_sse(const ai_eventstream_event_t *ev, ai_sse_event_t *out);

/* a short sentence for people, with no part of the input in it */
const char *ai_eventstream_strerror(ai_eventstream_error_e error);


#pragma GCC visibility pop


#endif /* AI_EVENTSTREAM_H */
