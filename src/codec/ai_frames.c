
#include <codec/ai_frames.h>


void
ai_frames_init(ai_frames_t *f, ai_framing_e kind, const ai_pool_t *pool)
{
    f->kind = kind;

    switch (kind) {

    case AI_FRAMING_EVENTSTREAM:
        ai_eventstream_init(&f->u.messages, pool, 0);
        break;

    case AI_FRAMING_NDJSON:
        ai_ndjson_init(&f->u.lines, pool, 0);
        break;

    default: /* AI_FRAMING_SSE */
        ai_sse_init(&f->u.sse, pool, 0);
        break;
    }
}


ai_int_t
ai_frames_next(ai_frames_t *f, ai_str_t *in, ai_sse_event_t *ev)
{
    ai_int_t                rc;
    ai_eventstream_event_t  message;

    switch (f->kind) {

    case AI_FRAMING_EVENTSTREAM:
        rc = ai_eventstream_next(&f->u.messages, in, &message);

        if (rc == AI_OK) {
            ai_eventstream_sse(&message, ev);
        }

        return rc;

    case AI_FRAMING_NDJSON:
        return ai_ndjson_next(&f->u.lines, in, ev);

    default: /* AI_FRAMING_SSE */
        return ai_sse_next(&f->u.sse, in, ev);
    }
}


ai_int_t
ai_frames_end(ai_frames_t *f, ai_sse_event_t *ev)
{
    switch (f->kind) {

    case AI_FRAMING_EVENTSTREAM:
        return ai_eventstream_end(&f->u.messages) == AI_OK ? AI_DECLINED
                                                           : AI_ERROR;

    case AI_FRAMING_NDJSON:
        return ai_ndjson_end(&f->u.lines, ev, 1);

    default: /* AI_FRAMING_SSE */
        return ai_sse_end(&f->u.sse, ev, 1);
    }
}


ai_str_t
ai_frames_type(ai_framing_e kind)
{
    switch (kind) {

    case AI_FRAMING_EVENTSTREAM:
        return ai_lit("application/vnd.amazon.eventstream");

    case AI_FRAMING_NDJSON:
        return ai_lit("application/x-ndjson");

    default: /* AI_FRAMING_SSE */
        return ai_lit("text/event-stream");
    }
}


ai_str_t
ai_frames_tail(ai_framing_e kind)
{
    switch (kind) {

    case AI_FRAMING_EVENTSTREAM:
        return ai_lit("");

    case AI_FRAMING_NDJSON:
        return ai_lit("\n");

    default: /* AI_FRAMING_SSE */
        return ai_lit("\n\n");
    }
}
