
/*
 * The decoder of Ollama's own answers: events obey their grammar, the way a
 * stream is cut makes no difference, and what came out can be written for a
 * client of Ollama and is read again with the same texts.  The first byte
 * chooses the size of the pieces.
 */

#include "../unit/upstream.h"

#include <api/ai_ollama.h>
#include <codec/ai_ndjson.h>
#include <provider/ai_ollama_native_int.h>
#include <provider/ai_provider_rows_int.h>

#include "fuzz_arena.h"


typedef struct {
    seen_t     seen;
    void      *reply;           /* where events go as well, or NULL */
    ai_int_t   rc;              /* of the reply */
} run_t;


static run_t  whole, parts, again;


static ai_int_t
run_event(void *data, const ai_event_t *ev)
{
    run_t  *r = data;

    if (r->reply && r->rc == AI_OK) {
        r->rc = ai_ollama_reply_event(r->reply, ev);
    }

    return seen_event(&r->seen, ev);
}


static ai_int_t
run(run_t *r, const uint8_t *data, size_t size, size_t step)
{
    size_t           pos;
    ai_int_t         rc;
    ai_str_t         in;
    ai_sink_t        sink;
    ai_ndjson_t      lines;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = run_event;
    sink.data = r;

    d = ai_decoder_create(&ai_provider_ollama_native, &arena, &sink);
    must(d != NULL);

    ai_ndjson_init(&lines, &arena, 0);

    for (pos = 0; pos < size; pos += step) {
        in.data = (ai_char_t *) data + pos;
        in.len = ai_min(step, size - pos);

        while ((rc = ai_ndjson_next(&lines, &in, &ev)) == AI_OK) {
            if (d->provider->stream(d, &ev) != AI_OK) {
                return AI_DECLINED;
            }
        }

        must(rc == AI_AGAIN);
    }

    if (ai_ndjson_end(&lines, &ev, 1) == AI_OK
        && d->provider->stream(d, &ev) != AI_OK)
    {
        return AI_DECLINED;
    }

    return d->provider->stream_end(d);
}


static void
same_text(ai_block_e kind)
{
    char  *a, *b;

    a = seen_text(&whole.seen, kind);
    b = seen_text(&again.seen, kind);
    must(strcmp(a, b) == 0);
    free(a);
    free(b);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char              *a, *b;
    ai_buf_t           out;
    ai_int_t           rc;
    ai_str_t           body;
    ai_sink_t          sink;
    ai_decoder_t      *d;
    ai_reply_conf_t    conf;

    if (size < 2 || size > 65536) {
        return 0;
    }

    seen_free(&whole.seen);
    seen_free(&parts.seen);
    seen_free(&again.seen);

    memset(&conf, 0, sizeof(conf));
    conf.stream = 1;
    ai_buf_init(&out, &arena);

    whole.rc = AI_OK;
    whole.reply = ai_ollama_chat_create(&conf, &out, &arena);
    must(whole.reply != NULL);

    rc = run(&whole, data + 1, size - 1, size);
    must(run(&parts, data + 1, size - 1, data[0] + 1u) == rc);

    a = seen_dump(&whole.seen);
    b = seen_dump(&parts.seen);
    must(strcmp(a, b) == 0);
    must(whole.seen.bad == NULL);
    must(rc != AI_OK || whole.seen.errors || whole.seen.finishes == 1);
    must(strlen(a) <= 4 * size + 1024 + 64 * whole.seen.n);
    free(a);
    free(b);

    if (rc == AI_OK && whole.rc == AI_OK && whole.seen.errors == 0
        && whole.seen.finish != AI_FINISH_ERROR)
    {
        must(ai_ollama_reply_end(whole.reply) == AI_OK);
        must(run(&again, out.start, ai_buf_len(&out), 64) == AI_OK);

        /* arguments that are no object end the answer as an error */

        if (again.seen.errors == 0) {
            must(again.seen.bad == NULL);
            same_text(AI_BLOCK_TEXT);
            same_text(AI_BLOCK_THINKING);
        }
    }

    seen_free(&parts.seen);

    sink.event = run_event;
    sink.data = &parts;

    d = ai_decoder_create(&ai_provider_ollama_native, &arena, &sink);
    must(d != NULL);

    body.data = (ai_char_t *) data + 1;
    body.len = size - 1;

    rc = d->provider->answer(d, &body);

    must(parts.seen.bad == NULL);
    must(rc != AI_OK || parts.seen.errors || parts.seen.finishes == 1);

    seen_free(&whole.seen);
    seen_free(&parts.seen);
    seen_free(&again.seen);
    arena_free();

    return 0;
}
