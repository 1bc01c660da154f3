
/*
 * Any sequence of events as an answer in Anthropic's form.  What comes out is
 * whole events of JSON in the order the API has, or one JSON object, and
 * Anthropic's own decoder reads both; no block gets another's text.
 */

#include <api/ai_messages.h>
#include <provider/ai_provider.h>

#include "fuzz_arena.h"


#define BLOCKS  8


typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
} input_t;


typedef struct {
    ai_int_t        rc;
    ai_buf_t        out;
} answer_t;


static const ai_esc_t  words[BLOCKS] = {
    ai_string("a"), ai_string("{}"), ai_string("\\u00e9"),
    ai_string("{\\\"k\\\":1}"), ai_string(""), ai_string("\\n"),
    ai_string("S"), ai_string("long enough to be seen")
};


static void
next_event(input_t *in, ai_event_t *ev)
{
    unsigned  op, n;

    static const ai_block_e  kinds[] = {
        AI_BLOCK_TEXT, AI_BLOCK_TOOL_CALL, AI_BLOCK_THINKING,
        AI_BLOCK_REDACTED, AI_BLOCK_REFUSAL, AI_BLOCK_TEXT,
        AI_BLOCK_TOOL_CALL, AI_BLOCK_THINKING
    };

    memset(ev, 0, sizeof(ai_event_t));

    op = in->p[0] & 7;
    n = in->p[1];
    in->p += 2;

    ev->choice = (n & 0xe0) == 0xe0;
    ev->index = n & (BLOCKS - 1);
    ev->kind = kinds[(n >> 3) & 7];
    ev->family = (ai_family_e) ((op + n) & 3);
    ev->text = words[(n >> 2) & 7];

    switch (op) {

    case 0:
    case 1:
        ev->type = AI_EVENT_BLOCK_START;
        ev->id = words[n & 1 ? 0 : 4];
        ev->name = words[2];
        ev->signature = words[n & 2 ? 6 : 4];
        ev->data = words[n & 4 ? 6 : 4];
        break;

    case 2:
    case 3:
    case 4:
        ev->type = AI_EVENT_DELTA;
        ev->delta = n & 0x80 ? AI_DELTA_SIGNATURE : AI_DELTA_TEXT;
        break;

    case 5:
        ev->type = AI_EVENT_BLOCK_STOP;
        break;

    case 6:
        ev->type = n & 1 ? AI_EVENT_PING : AI_EVENT_START;
        ev->id = words[0];
        ev->model = words[0];
        break;

    default:
        ev->type = n & 0x10 ? AI_EVENT_FINISH : AI_EVENT_PING;
        ev->finish = (ai_finish_e) (n % (AI_FINISH_ERROR + 1));
        ev->stop_seq = words[2];
        break;
    }
}


static void
answer(answer_t *a, const uint8_t *data, size_t size, unsigned stream)
{
    void             *r;
    input_t           in;
    ai_event_t        ev;
    ai_reply_conf_t   conf;

    memset(&conf, 0, sizeof(conf));

    conf.id = ai_lit("0123456789abcdefghijklmnopqrs");
    conf.model = ai_lit("m");
    conf.stream = stream;

    ai_buf_init(&a->out, &arena);

    r = ai_messages_reply_create(&conf, &a->out, &arena);
    must(r != NULL);

    in.p = data;
    in.end = data + size;
    a->rc = AI_OK;

    while (a->rc == AI_OK && in.end - in.p >= 2) {
        next_event(&in, &ev);
        a->rc = ai_messages_reply_event(r, &ev);
    }

    if (a->rc == AI_OK) {
        a->rc = ai_messages_reply_end(r);
    }
}


static ai_int_t
count(void *data, const ai_event_t *ev)
{
    size_t  *n = data;

    n[0] += ev->type == AI_EVENT_BLOCK_START
            && ev->kind == AI_BLOCK_TOOL_CALL;
    n[1] += (ev->type == AI_EVENT_DELTA && ev->kind == AI_BLOCK_TEXT)
            ? ev->text.len : 0;
    n[2] += (ev->type == AI_EVENT_DELTA && ev->kind == AI_BLOCK_THINKING
             && ev->delta == AI_DELTA_TEXT) ? ev->text.len : 0;
    n[3] += ev->type == AI_EVENT_ERROR;

    return AI_OK;
}


/* one block is open at a time, and they are numbered from 0 */

static void
check_order(const ai_json_t *doc, int64_t *open, int64_t *next)
{
    int64_t   n;
    ai_ref_t  type;

    type = ai_json_get(doc, 0, "type");

    if (ai_json_int(doc, ai_json_get(doc, 0, "index"), &n) != AI_OK) {
        must(*open == -1 || ai_json_is(doc, type, "ping")
             || ai_json_is(doc, type, "error"));
        return;
    }

    if (ai_json_is(doc, type, "content_block_start")) {
        must(*open == -1 && n == *next);
        *open = (*next)++;
        return;
    }

    must(n == *open);

    if (ai_json_is(doc, type, "content_block_stop")) {
        *open = -1;
    }
}


static void
read_stream(answer_t *a, size_t *n)
{
    int64_t          open, next;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_json_t        doc;
    ai_sink_t        sink;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = count;
    sink.data = n;

    d = ai_decoder_create(&ai_provider_anthropic, &arena, &sink);
    ai_sse_init(&sse, &arena, 0);
    ai_json_init(&doc, &arena);

    in = ai_buf_str(&a->out);
    open = -1;
    next = 0;

    while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
        must(ai_json_parse(&doc, &ev.data, NULL) == AI_OK);
        check_order(&doc, &open, &next);
        must(d->provider->stream(d, &ev) == AI_OK);
    }

    must(ai_buf_len(&sse.held) - sse.skip == 0);
    must(a->rc != AI_OK || d->provider->stream_end(d) == AI_OK);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i, n[2][4];
    ai_str_t       text;
    answer_t       a, b;
    ai_sink_t      sink;
    ai_decoder_t  *d;

    memset(n, 0, sizeof(n));

    answer(&a, data, size, 1);
    answer(&b, data, size, 0);

    read_stream(&a, n[0]);

    if (b.rc == AI_OK) {
        must(a.rc == AI_OK && n[0][3] == 0);

        sink.event = count;
        sink.data = n[1];

        d = ai_decoder_create(&ai_provider_anthropic, &arena, &sink);
        text = ai_buf_str(&b.out);
        must(d->provider->answer(d, &text) == AI_OK);

        for (i = 0; i < 3; i++) {
            must(n[0][i] == n[1][i]);
        }

    } else {
        must(a.rc != AI_OK || n[0][3] == 1);
    }

    arena_free();

    return 0;
}
