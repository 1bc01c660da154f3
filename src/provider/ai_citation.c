
#include <provider/ai_citation_int.h>


void
ai_citation_open(ai_buf_t *b, const ai_esc_t *url, const ai_esc_t *title)
{
    ai_buf_lit(b, "{\"type\":\"url_citation\",\"url_citation\":{\"url\":");
    ai_buf_quote_esc(b, url);
    ai_buf_lit(b, ",\"title\":");
    ai_buf_quote_esc(b, title);
}


void
ai_citation_close(ai_buf_t *b, uint64_t from, uint64_t to)
{
    ai_buf_lit(b, ",\"start_index\":");
    ai_buf_int(b, (int64_t) from);
    ai_buf_lit(b, ",\"end_index\":");
    ai_buf_int(b, (int64_t) to);
    ai_buf_lit(b, "}}");
}


ai_int_t
ai_citations_send(ai_decoder_t *d, const ai_buf_t *held, uint32_t index,
    uint64_t from, uint64_t to)
{
    ai_char_t   *p, *end;
    ai_buf_t    *b;
    ai_event_t   ev;

    if (held->failed) {
        return AI_ERROR;
    }

    b = &d->scratch;

    for (p = held->start; p < held->last; p = end + 1) {
        end = memchr(p, '\0', (size_t) (held->last - p));

        if (end == NULL) {
            return AI_ERROR;
        }

        ai_buf_reset(b);
        ai_buf_add(b, p, (size_t) (end - p));
        ai_citation_close(b, from, to);

        memset(&ev, 0, sizeof(ai_event_t));

        ev.type = AI_EVENT_DELTA;
        ev.kind = AI_BLOCK_TEXT;
        ev.index = index;
        ev.delta = AI_DELTA_ANNOTATION;
        ev.raw = ai_buf_str(b);

        if (b->failed || d->sink.event(d->sink.data, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}
