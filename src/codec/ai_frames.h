
/*
 * A stream cut into events, whatever its framing: all are given as
 * ai_sse_event_t.
 */

#ifndef AI_FRAMES_H
#define AI_FRAMES_H


#include <codec/ai_eventstream.h>
#include <codec/ai_ndjson.h>


typedef enum {
    AI_FRAMING_SSE = 0,
    AI_FRAMING_EVENTSTREAM,         /* AWS */
    AI_FRAMING_NDJSON               /* a line an event */
} ai_framing_e;


typedef struct {
    ai_framing_e       kind;

    union {
        ai_sse_t           sse;
        ai_eventstream_t   messages;
        ai_ndjson_t        lines;
    } u;
} ai_frames_t;


#pragma GCC visibility push(hidden)


void ai_frames_init(ai_frames_t *f, ai_framing_e kind,
    const ai_pool_t *pool);

/* as ai_sse_next() */
ai_int_t ai_frames_next(ai_frames_t *f, ai_str_t *in, ai_sse_event_t *ev);

/*
 * The stream ended: AI_OK with an event whose end was forgotten, AI_DECLINED
 * when nothing is left, AI_ERROR when it broke off within an event.
 */
ai_int_t ai_frames_end(ai_frames_t *f, ai_sse_event_t *ev);

/* the content type of a stream with this framing */
ai_str_t ai_frames_type(ai_framing_e kind);

/* what ends an event that is written without its end */
ai_str_t ai_frames_tail(ai_framing_e kind);


#pragma GCC visibility pop


#endif /* AI_FRAMES_H */
