
/*
 * Any text as a Gemini request: it is decoded or refused with a 400 that has
 * a message, and what was decoded can be written again.  Every spelling is
 * the inside of a JSON string, every raw value is one JSON value, every
 * result has its call.
 *
 * An input that begins with a byte below 8 is a list of events instead: the
 * answer made of them is JSON, whole events, or an array, whatever comes.
 */

#include <api/ai_generate.h>
#include <codec/ai_sse.h>

#include "fuzz_request.h"


#define FUZZ_TEXTS  8


static int
has_call(const ai_request_t *rq, const ai_block_t *result)
{
    const ai_turn_t   *turn;
    const ai_block_t  *b;

    for (turn = rq->turns; turn; turn = turn->next) {
        for (b = turn->blocks; b; b = b->next) {

            if (b == result) {
                return 0;
            }

            if (b->kind == AI_BLOCK_TOOL_CALL
                && ai_str_eq(&b->id, &result->id))
            {
                return 1;
            }
        }
    }

    return 0;
}


static void
check_own(const ai_request_t *rq, const ai_block_t *b)
{
    must(b->kind <= AI_BLOCK_REDACTED);
    must(b->media.len > 0 || b->source != AI_SOURCE_BASE64);
    must(b->signature.len == 0 || b->family != AI_FAMILY_NONE);
    must(b->kind != AI_BLOCK_REDACTED
         || (b->data.len && b->family != AI_FAMILY_NONE));
    must(b->kind != AI_BLOCK_TOOL_RESULT || has_call(rq, b));
}


static void
check_contents(const ai_request_t *rq)
{
    const ai_turn_t  *turn;

    check_request(rq, check_own);

    for (turn = rq->turns; turn; turn = turn->next) {
        must(turn->role != AI_ROLE_ASSISTANT || turn->next == NULL
             || turn->next->role != AI_ROLE_ASSISTANT);
    }

    must((rq->choice == AI_CHOICE_NAMED) == (rq->choice_name.len > 0));
}


static void
fuzz_request(const uint8_t *data, size_t size)
{
    ai_int_t      rc;
    ai_str_t      text, last;
    ai_json_t     doc;
    ai_peek_t     peek;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    memset(&peek, 0, sizeof(peek));

    peek.model = ai_lit("m");

    text.data = (ai_char_t *) data;
    text.len = size;

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, &text, NULL) != AI_OK) {
        return;
    }

    rc = ai_generate_peek(&doc, &arena, &peek, &err);

    if (rc == AI_OK) {
        must(peek.messages > 0);

        if (ai_generate_last_text(&doc, &peek, &arena, size % 64, &last)
            == AI_OK)
        {
            must(last.len <= size % 64);
        }

        rc = ai_generate_decode(&doc, &peek, &arena, &rq, &dropped, &err);
    }

    if (rc == AI_OK) {
        check_contents(&rq);

    } else {
        must(rc == AI_ERROR);
        check_error(&err, ai_generate_error);
    }

    check_dropped(&dropped);
}


static void
check_stream(const ai_str_t *out)
{
    ai_str_t        in;
    ai_sse_t        sse;
    ai_sse_event_t  ev;

    in = *out;
    ai_sse_init(&sse, &arena, 0);

    while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
        check_json(&ev.data, AI_JSON_OBJECT);
    }

    must(ai_sse_end(&sse, &ev, 0) == AI_DECLINED);
}


static ai_esc_t
fuzz_text(unsigned n)
{
    static const ai_str_t  texts[FUZZ_TEXTS] = {
        ai_string("{}"), ai_string("{\\\"a\\\":"), ai_string("1}"),
        ai_string("\\ud83d"), ai_string("\\ude00\\n"), ai_string("QUJD"),
        ai_string(""), ai_string("[\\\"\\\\n\\\"]")
    };

    return texts[n % FUZZ_TEXTS];
}


/* two bytes an event: what it is, and its block and text */

static void
fuzz_event(void *reply, uint8_t what, uint8_t n, ai_int_t *rc)
{
    ai_event_t  ev;
    ai_usage_t  usage;

    static const ai_raw_t  raws[] = {
        ai_string("{\"content\":[{\"token\":\"x\",\n\"logprob\":-1,"
                  "\"top_logprobs\":[{},7]},7]}"),
        ai_string("{\"url_citation\":{\"url\":\"u\",\"title\":7}}"),
        ai_string("{\"url\":\"u\"\r\n}"), ai_string("{")
    };

    memset(&ev, 0, sizeof(ev));

    ai_usage_init(&usage);
    usage.prompt = n;
    usage.reasoning = what * 3;
    usage.completion = what;

    ev.type = AI_EVENT_START + what % 8;
    ev.kind = AI_BLOCK_TEXT + what / 8 % 9;
    ev.delta = n / 64;
    ev.index = n % 4;
    ev.choice = n / 4 % 2;
    ev.text = fuzz_text(n / 8);
    ev.raw = raws[n / 8 % 4];
    ev.id = fuzz_text(n / 16);
    ev.name = ai_lit("f");
    ev.family = what / 64;
    ev.usage = &usage;
    ev.finish = AI_FINISH_NONE + n % 9;

    if (n & 0x80) {
        ev.signature = ai_lit("U0lH");
        ev.data = ai_lit("REFUQQ==");
    }

    if (*rc == AI_OK && (ev.type != AI_EVENT_ERROR || n == 0xff)) {
        *rc = ai_generate_reply_event(reply, &ev);
    }
}


static void
fuzz_reply(const uint8_t *data, size_t size)
{
    void             *reply;
    size_t            i;
    ai_buf_t          out;
    ai_int_t          rc;
    ai_str_t          text;
    ai_request_t      rq;
    ai_reply_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    ai_request_init(&rq);

    conf.id = ai_lit("id");
    conf.model = ai_lit("m");
    conf.stream = data[0] & 1;
    conf.array = data[0] >> 1 & 1;
    conf.rq = data[0] & 4 ? &rq : NULL;

    ai_buf_init(&out, &arena);
    reply = ai_generate_reply_create(&conf, &out, &arena);
    must(reply != NULL);

    rc = AI_OK;

    for (i = 1; i + 1 < size; i += 2) {
        fuzz_event(reply, data[i], data[i + 1], &rc);

        if (conf.stream && !conf.array) {
            text = ai_buf_str(&out);
            must(text.len == 0 || text.data[text.len - 1] == '\n');
        }
    }

    if (rc == AI_OK) {
        rc = ai_generate_reply_end(reply);
    }

    text = ai_buf_str(&out);

    if (conf.stream && !conf.array) {
        check_stream(&text);

    } else if (rc == AI_OK) {
        check_json(&text, conf.stream ? AI_JSON_ARRAY : AI_JSON_OBJECT);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] < 8) {
        fuzz_reply(data, size < 512 ? size : 512);

    } else {
        fuzz_request(data, size);
    }

    arena_free();

    return 0;
}
