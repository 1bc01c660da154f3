
/*
 * Any text as a request of Ollama's /api/chat and /api/generate: it is decoded
 * or refused with a 400 that has a message, every spelling is the inside of a
 * JSON string and every raw value one JSON value.  What was decoded can be
 * written for Ollama itself, is read back as the same number of messages, and
 * has not grown out of bounds; its texts as an answer give JSON, a line each.
 */

#include <api/ai_ollama.h>
#include <provider/ai_ollama_native_int.h>
#include <provider/ai_provider_rows_int.h>

#include "fuzz_request.h"


static void
check_own(const ai_request_t *rq, const ai_block_t *b)
{
    (void) rq;

    must(b->signature.len == 0 && b->kind != AI_BLOCK_REDACTED);
    must((b->media.len > 0) == (b->source == AI_SOURCE_BASE64));
}


/* the bytes of all texts */

static size_t
texts(const ai_request_t *rq)
{
    size_t             n;
    const ai_turn_t   *turn;
    const ai_block_t  *b;

    n = 0;

    for (turn = rq->turns; turn; turn = turn->next) {
        for (b = turn->blocks; b; b = b->next) {
            n += b->text.len + (b->content ? b->content->text.len : 0);
        }
    }

    return n;
}


static void
check_build(const ai_request_t *rq, size_t size)
{
    ai_buf_t      body;
    ai_str_t      text;
    ai_json_t     doc;
    ai_error_t    err;
    ai_peek_t     peek;
    ai_target_t   target;
    ai_request_t  again;
    ai_dropped_t  dropped;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    memset(&target, 0, sizeof(target));

    target.provider = &ai_provider_ollama_native;
    target.model = ai_lit("m");

    ai_buf_init(&body, &arena);

    must(ai_ollama_native_build(&target, rq, &arena, &body, &dropped, &err)
         == AI_OK);

    text = ai_buf_str(&body);
    check_json(&text, AI_JSON_OBJECT);
    must(text.len <= 4 * size + 1024);

    ai_json_init(&doc, &arena);
    must(ai_json_parse(&doc, &text, NULL) == AI_OK);
    must(ai_ollama_chat_peek(&doc, &arena, &peek, &err) == AI_OK);

    /* turns of thoughts alone, or of nothing, are left out */

    if (peek.messages == 0) {
        return;
    }

    must(ai_ollama_chat_decode(&doc, &peek, &arena, &again, &dropped, &err)
         == AI_OK);
    must(again.stream == rq->stream && again.max_output == rq->max_output);
    must(texts(&again) <= texts(rq));
}


static void
check_reply(const ai_request_t *rq, int stream, int generate)
{
    void             *r;
    size_t            i;
    ai_buf_t          out;
    ai_str_t          line;
    ai_char_t        *p, *lf;
    ai_event_t        ev;
    ai_reply_conf_t   conf;
    const ai_block_t *b;

    static const ai_block_e  kinds[] = {
        AI_BLOCK_THINKING, AI_BLOCK_TEXT, AI_BLOCK_TOOL_CALL,
        AI_BLOCK_REFUSAL
    };

    b = rq->turns->blocks;

    if (b == NULL) {
        return;
    }

    memset(&conf, 0, sizeof(conf));
    conf.id = ai_lit("0123456789abcdefghijABCDEFGHI");
    conf.model = ai_lit("m");
    conf.stream = stream;

    ai_buf_init(&out, &arena);

    r = generate ? ai_ollama_generate_create(&conf, &out, &arena)
                 : ai_ollama_chat_create(&conf, &out, &arena);
    must(r != NULL);

    for (i = 0; i < 12; i++) {
        memset(&ev, 0, sizeof(ev));
        ev.kind = kinds[i / 3];
        ev.index = (uint32_t) i / 3;
        ev.name = rq->tools ? rq->tools->name : ai_lit("f");
        ev.type = i % 3 == 0 ? AI_EVENT_BLOCK_START
                  : i % 3 == 1 ? AI_EVENT_DELTA : AI_EVENT_BLOCK_STOP;
        ev.text = b->text;

        must(ai_ollama_reply_event(r, &ev) == AI_OK);
    }

    memset(&ev, 0, sizeof(ev));
    ev.type = AI_EVENT_FINISH;
    ev.finish = AI_FINISH_LENGTH;

    must(ai_ollama_reply_event(r, &ev) == AI_OK);
    must(ai_ollama_reply_end(r) == AI_OK);

    if (!stream) {
        line = ai_buf_str(&out);
        check_json(&line, AI_JSON_OBJECT);
        return;
    }

    for (p = out.start; p < out.last; p = lf + 1) {
        lf = memchr(p, '\n', (size_t) (out.last - p));
        must(lf != NULL);

        line.data = p;
        line.len = (size_t) (lf - p);
        check_json(&line, AI_JSON_OBJECT);
    }
}


static void
check(const ai_dialect_t *d, const ai_json_t *doc, size_t size)
{
    ai_int_t       rc;
    ai_str_t       last;
    ai_error_t     err;
    ai_peek_t      peek;
    ai_request_t   rq;
    ai_dropped_t   dropped;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));

    rc = d->peek(doc, &arena, &peek, &err);

    if (rc == AI_OK
        && d->last_text(doc, &peek, &arena, size % 64, &last) == AI_OK)
    {
        must(last.len <= size % 64);
    }

    if (rc == AI_OK) {
        rc = d->decode(doc, &peek, &arena, &rq, &dropped, &err);
    }

    if (rc == AI_OK) {
        check_request(&rq, check_own);
        check_build(&rq, size);
        check_reply(&rq, (int) size & 1, d == &ai_dialect_ollama_generate);

    } else {
        must(rc == AI_ERROR);
        check_error(&err, d->error);
    }

    check_dropped(&dropped);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_str_t   text;
    ai_json_t  doc;

    text.data = (ai_char_t *) data;
    text.len = size;

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, &text, NULL) == AI_OK) {
        check(&ai_dialect_ollama_chat, &doc, size);
        check(&ai_dialect_ollama_generate, &doc, size);
    }

    arena_free();

    return 0;
}
