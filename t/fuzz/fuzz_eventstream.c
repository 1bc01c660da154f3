
/*
 * AWS's event streams.  The first byte selects: bit 0, whether the checksums
 * are put right first, so that what is behind them is reached; the others, the
 * size of pieces.
 *
 * Asserted: a split changes nothing; each byte given is in one message, held,
 * or behind an error; an error stays; spans lie inside their message, and its
 * checksums are right; what is held is no more than was given.
 */

#include <codec/ai_eventstream.h>
#include "fuzz.h"


typedef struct {
    uint64_t           hash;
    size_t             events;
    size_t             bytes;
    ai_eventstream_error_e  error;
    ai_int_t           end;
} fuzz_out_t;


static uint32_t
fuzz_u32(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


static void
fuzz_put(uint8_t *p, uint32_t n)
{
    p[0] = (uint8_t) (n >> 24);
    p[1] = (uint8_t) (n >> 16);
    p[2] = (uint8_t) (n >> 8);
    p[3] = (uint8_t) n;
}


/* lengths are left as they are */

static void
fuzz_seal(uint8_t *p, size_t len)
{
    size_t  total;

    while (len >= 16) {
        fuzz_put(p + 8, ai_crc32(p, 8));
        total = fuzz_u32(p);

        if (total < 16 || total > len) {
            break;
        }

        fuzz_put(p + total - 4, ai_crc32(p, total - 4));
        p += total;
        len -= total;
    }
}


static void
fuzz_span(fuzz_out_t *o, const ai_str_t *s, const ai_str_t *in)
{
    size_t  i;

    if (s->data == NULL) {
        must(s->len == 0);
        o->hash = (o->hash ^ 1) * 0x100000001b3ULL;
        return;
    }

    must(s->data >= in->data && s->data + s->len <= in->data + in->len);

    for (i = 0; i < s->len; i++) {
        o->hash = (o->hash ^ s->data[i]) * 0x100000001b3ULL;
    }

    o->hash = (o->hash ^ s->len) * 0x100000001b3ULL;
}


static void
fuzz_event(fuzz_out_t *o, const ai_eventstream_event_t *ev)
{
    ai_sse_event_t  sse;

    must(ev->bytes.len >= 16 && fuzz_u32(ev->bytes.data) == ev->bytes.len);
    must(fuzz_u32(ev->bytes.data + ev->bytes.len - 4)
         == ai_crc32(ev->bytes.data, ev->bytes.len - 4));
    must(ev->payload.data != NULL);

    fuzz_span(o, &ev->message_type, &ev->bytes);
    fuzz_span(o, &ev->event_type, &ev->bytes);
    fuzz_span(o, &ev->exception_type, &ev->bytes);
    fuzz_span(o, &ev->error_code, &ev->bytes);
    fuzz_span(o, &ev->error_message, &ev->bytes);
    fuzz_span(o, &ev->content_type, &ev->bytes);
    fuzz_span(o, &ev->payload, &ev->bytes);

    ai_eventstream_sse(ev, &sse);
    must(sse.name.len > 0 && sse.data.data != NULL && !sse.comment);

    o->events++;
    o->bytes += ev->bytes.len;
}


static void
fuzz_run(fuzz_out_t *o, const uint8_t *data, size_t size, size_t step)
{
    size_t                  i, n;
    uint8_t                *copy;
    ai_int_t                rc;
    ai_str_t                in;
    ai_eventstream_t        s;
    ai_eventstream_event_t  ev;

    memset(o, 0, sizeof(fuzz_out_t));
    ai_eventstream_init(&s, &fuzz_pool, 0);
    rc = AI_AGAIN;

    for (i = 0; rc == AI_AGAIN && i < size; i += n) {
        n = step ? ai_min(step, size - i) : size - i;

        copy = malloc(n);
        must(copy != NULL);
        memcpy(copy, data + i, n);

        in.data = copy;
        in.len = n;

        while ((rc = ai_eventstream_next(&s, &in, &ev)) == AI_OK) {
            fuzz_event(o, &ev);
        }

        must(rc == AI_ERROR || in.len == 0);
        must((size_t) (s.held.end - s.held.start)
             <= 4 * ai_max(size, 256));

        free(copy);
    }

    o->error = s.error;
    o->end = ai_eventstream_end(&s);

    must((rc == AI_ERROR) == (s.error != AI_EVENTSTREAM_E_NONE));
    must(rc == AI_ERROR || o->bytes <= size);
    must(o->end == AI_ERROR || o->bytes == size);

    if (rc == AI_ERROR) {
        in = ai_lit("x");
        must(ai_eventstream_next(&s, &in, &ev) == AI_ERROR && in.len == 1);
    }

    free(s.held.start);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t     *copy;
    fuzz_out_t   whole, split;

    if (size == 0) {
        return 0;
    }

    copy = malloc(size);
    must(copy != NULL);
    memcpy(copy, data, size);

    if (data[0] & 1) {
        fuzz_seal(copy + 1, size - 1);
    }

    fuzz_run(&whole, copy + 1, size - 1, 0);
    fuzz_run(&split, copy + 1, size - 1, (data[0] >> 1) + 1);

    must(whole.hash == split.hash && whole.events == split.events);
    must(whole.error == split.error && whole.end == split.end);

    free(copy);

    return 0;
}
