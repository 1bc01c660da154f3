
/*
 * Any text as a request of the Responses API: it is decoded or refused with a
 * 400 that has a message, every spelling is the inside of a JSON string and
 * every raw value one JSON value.  The settings can be repeated in an answer,
 * and the request's bytes as the texts of an answer give JSON again.
 */

#include <api/ai_openai.h>
#include <api/ai_responses.h>

#include "fuzz_request.h"


static void
check_own(const ai_request_t *rq, const ai_block_t *b)
{
    (void) rq;

    must((b->media.len > 0) == (b->source == AI_SOURCE_BASE64));
}


static void
check_settings(const ai_request_t *rq)
{
    const ai_tool_t  *tool;

    check_request(rq, check_own);

    must(rq->n == -1);

    for (tool = rq->tools; tool; tool = tool->next) {
        must(!tool->custom || tool->schema.len);
    }
}


/* a stream of one item of each kind, with texts out of the request */

static void
check_stream(const ai_str_t *stream)
{
    const ai_char_t  *p, *end;
    ai_str_t          data;

    end = stream->data + stream->len;

    for (p = stream->data; p < end; p = data.data + data.len + 2) {
        must(memcmp(p, "event: ", 7) == 0);

        p = memchr(p, '\n', (size_t) (end - p));
        must(p != NULL && memcmp(p, "\ndata: {", 8) == 0);

        data.data = (ai_char_t *) p + 7;
        p = memchr(data.data, '\n', (size_t) (end - data.data));
        must(p != NULL && p[1] == '\n');

        data.len = (size_t) (p - data.data);
        check_json(&data, AI_JSON_OBJECT);
    }
}


static void
check_reply(const ai_request_t *rq, const ai_esc_t *text, int stream)
{
    void             *r;
    size_t            i;
    ai_buf_t          out;
    ai_str_t          got;
    ai_event_t        ev;
    ai_reply_conf_t   conf;

    static const ai_block_e  kinds[] = {
        AI_BLOCK_THINKING, AI_BLOCK_TEXT, AI_BLOCK_TOOL_CALL,
        AI_BLOCK_REFUSAL, AI_BLOCK_REDACTED
    };

    memset(&conf, 0, sizeof(conf));
    conf.id = ai_lit("0123456789abcdefghijABCDEFGHI");
    conf.model = ai_lit("m");
    conf.stream = stream;
    conf.rq = rq;

    ai_buf_init(&out, &arena);

    r = ai_responses_reply_create(&conf, &out, &arena);
    must(r != NULL);

    for (i = 0; i < 15; i++) {
        memset(&ev, 0, sizeof(ev));
        ev.kind = kinds[i / 3];
        ev.index = (uint32_t) i / 3;
        ev.family = AI_FAMILY_GEMINI;
        ev.name = rq->tools ? rq->tools->name : ai_lit("f");

        ev.type = i % 3 == 0 ? AI_EVENT_BLOCK_START
                  : i % 3 == 1 ? AI_EVENT_DELTA : AI_EVENT_BLOCK_STOP;

        ev.signature = *text;
        ev.data = *text;
        ev.text = *text;

        must(ai_responses_reply_event(r, &ev) == AI_OK);
    }

    memset(&ev, 0, sizeof(ev));
    ev.type = AI_EVENT_FINISH;
    ev.finish = AI_FINISH_LENGTH;

    must(ai_responses_reply_event(r, &ev) == AI_OK);
    must(ai_responses_reply_end(r) == AI_OK);

    got = ai_buf_str(&out);

    if (stream) {
        check_stream(&got);

    } else {
        check_json(&got, AI_JSON_OBJECT);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_int_t       rc;
    ai_str_t       text, last;
    ai_json_t      doc;
    ai_error_t     err;
    ai_peek_t      peek;
    ai_request_t   rq;
    ai_dropped_t   dropped;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));

    text.data = (ai_char_t *) data;
    text.len = size;

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, &text, NULL) == AI_OK) {
        rc = ai_responses_peek(&doc, &arena, &peek, &err);

        if (rc == AI_OK
            && ai_responses_last_text(&doc, &peek, &arena, size % 64, &last)
               == AI_OK)
        {
            must(last.len <= size % 64);
        }

        if (rc == AI_OK) {
            rc = ai_responses_decode(&doc, &peek, &arena, &rq, &dropped,
                                     &err);
        }

        if (rc == AI_OK) {
            check_settings(&rq);

            text = ai_json_esc(&doc, peek.messages_ref);

            if (text.data == NULL && rq.turns->blocks) {
                text = rq.turns->blocks->text;
            }

            check_reply(&rq, &text, (int) size & 1);

        } else {
            must(rc == AI_ERROR);
            check_error(&err, ai_openai_error);
        }

        check_dropped(&dropped);
    }

    arena_free();

    return 0;
}
