
/*
 * Streams that are ended within, behind whatever has come: the end is whole
 * events of JSON, and no longer than what it repeats.  The first byte chooses
 * the API, the second the client's, or that bytes go through.
 */

#include "fuzz_arena.h"

#include <api/ai_stop.h>
#include <provider/ai_provider_rows_int.h>


typedef struct {
    const ai_provider_t  *provider;
    const ai_dialect_t   *dialect;
} api_t;


typedef struct {
    ai_stop_t            stop;
    const ai_dialect_t  *dialect;
    void                *reply;
    int                  failed;
} run_t;


static const api_t  apis[] = {
    { &ai_provider_openai, &ai_dialect_openai },
    { &ai_provider_openai_completions, &ai_dialect_completions },
    { &ai_provider_anthropic, &ai_dialect_anthropic },
    { &ai_provider_gemini, &ai_dialect_gemini },
    { &ai_provider_openai_responses, &ai_dialect_responses },
    { &ai_provider_ollama_native, &ai_dialect_ollama_chat }
};

#define NAPIS  (sizeof(apis) / sizeof(apis[0]))


static ai_int_t
event(void *data, const ai_event_t *ev)
{
    run_t *r = data;

    r->failed |= ev->type == AI_EVENT_ERROR
                 || (ev->type == AI_EVENT_FINISH
                     && ev->finish == AI_FINISH_ERROR);

    if (ai_stop_event(&r->stop, ev) != AI_OK
        || (r->reply && r->dialect->reply_event(r->reply, ev) != AI_OK))
    {
        r->failed = 1;
        return AI_ERROR;
    }

    return AI_OK;
}


static void
check(const ai_provider_t *provider, const ai_str_t *end)
{
    int              n;
    ai_int_t         rc;
    ai_str_t         in;
    ai_json_t        doc;
    ai_frames_t      frames;
    ai_sse_event_t   ev;

    n = 0;
    in = *end;

    ai_json_init(&doc, &arena);
    ai_frames_init(&frames, provider->framing, &arena);

    while ((rc = ai_frames_next(&frames, &in, &ev)) == AI_OK) {
        n++;
        must(ev.data.data != NULL);
        must(ai_str_is(&ev.data, "[DONE]")
             || ai_json_parse(&doc, &ev.data, NULL) == AI_OK);
    }

    must(rc == AI_AGAIN && ai_frames_end(&frames, &ev) == AI_DECLINED);
    must(n > 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_t            r;
    size_t           len;
    ai_str_t         in, end;
    ai_buf_t         out;
    ai_sink_t        sink;
    ai_usage_t       usage;
    ai_frames_t      frames;
    ai_decoder_t    *d;
    const api_t     *from, *to;
    ai_sse_event_t   ev;
    ai_reply_conf_t  conf;

    if (size < 2) {
        return 0;
    }

    from = &apis[data[0] % NAPIS];
    to = data[1] % (NAPIS + 1) < NAPIS ? &apis[data[1] % (NAPIS + 1)] : NULL;

    memset(&r, 0, sizeof(run_t));
    memset(&conf, 0, sizeof(ai_reply_conf_t));

    conf.id = ai_lit("AbCdEfGhIjKlMnOpQrStUvWxYz012");
    conf.model = ai_lit("m");
    conf.stream = 1;
    conf.include_usage = 1;

    ai_usage_init(&usage);
    usage.prompt = 1;
    usage.completion = 2;
    ai_usage_normalise(&usage);

    ai_buf_init(&out, &arena);

    r.dialect = to ? to->dialect : from->dialect;
    must(ai_stop_init(&r.stop, r.dialect, to == NULL, &arena) == AI_OK);

    sink.event = event;
    sink.data = &r;

    d = ai_decoder_create(from->provider, &arena, &sink);
    must(d != NULL);

    if (to) {
        r.reply = to->dialect->reply_create(&conf, &out, &arena);
        must(r.reply != NULL);
    }

    ai_frames_init(&frames, from->provider->framing, &arena);
    in.data = (ai_char_t *) data + 2;
    in.len = size - 2;

    while (!r.failed && !d->terminal
           && ai_frames_next(&frames, &in, &ev) == AI_OK)
    {
        if (ev.data.data && from->provider->stream(d, &ev) != AI_OK) {

            /* passes, and is the client's to understand */

            r.failed |= to != NULL;
        }

        if (to == NULL && r.stop.wire) {
            r.stop.wire->see(r.stop.data, &ev);
        }
    }

    if (r.failed || d->terminal || !ai_stop_is_open(&r.stop)) {
        arena_free();
        return 0;
    }

    len = ai_buf_len(&out);

    if (to) {
        if (ai_stop_reply(&r.stop, r.reply, &usage) == AI_OK) {
            end = ai_buf_str(&out);
            check(to->provider, &end);
        }

    } else {
        must(ai_stop_pass(&r.stop, &conf, &usage, &out) == AI_OK);
        must(ai_buf_len(&out) >= len);

        end = ai_buf_str(&out);

        if (end.len) {
            check(from->provider, &end);
        }

        must(end.len <= 8 * size + 4096);
    }

    arena_free();

    return 0;
}
