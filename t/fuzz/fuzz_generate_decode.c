
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

#include "fuzz.h"


#define FUZZ_TEXTS  8


/* a pool that is emptied at once */

typedef struct fuzz_block_s  fuzz_block_t;

struct fuzz_block_s {
    fuzz_block_t  *next;
    size_t         pad;
};


static fuzz_block_t  *blocks;


static void *
arena_alloc(void *data, size_t size)
{
    fuzz_block_t  *b;

    (void) data;

    b = malloc(sizeof(fuzz_block_t) + size);
    must(b != NULL);

    b->next = blocks;
    blocks = b;

    return b + 1;
}


static void
arena_free(void)
{
    fuzz_block_t  *b;

    while (blocks) {
        b = blocks;
        blocks = b->next;
        free(b);
    }
}


static const ai_pool_t  arena = { arena_alloc, NULL, NULL };


static void
check_json(const ai_str_t *text, ai_json_type_e type)
{
    ai_json_t  doc;

    ai_json_init(&doc, &fuzz_pool);

    must(ai_json_parse(&doc, text, NULL) == AI_OK);
    must(type == 0 || ai_json_type(&doc, AI_JSON_ROOT) == type);

    ai_pfree(&fuzz_pool, doc.node);
}


static void
check_esc(const ai_esc_t *s)
{
    ai_buf_t  b;
    ai_str_t  text;

    if (s->data == NULL) {
        must(s->len == 0);
        return;
    }

    ai_buf_init(&b, &fuzz_pool);
    ai_buf_quote_esc(&b, s);
    must(!b.failed);

    text = ai_buf_str(&b);
    check_json(&text, AI_JSON_STRING);

    ai_pfree(&fuzz_pool, b.start);
}


static void
check_raw(const ai_raw_t *s, ai_json_type_e type)
{
    if (s->data) {
        check_json(s, type);
    }
}


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
check_blocks(const ai_request_t *rq, const ai_block_t *b, int nested)
{
    size_t  i;

    for (/* void */; b; b = b->next) {
        must(b->kind >= AI_BLOCK_TEXT && b->kind <= AI_BLOCK_REDACTED);

        check_esc(&b->text);
        check_esc(&b->id);
        check_esc(&b->name);
        check_esc(&b->signature);
        check_esc(&b->data);
        check_esc(&b->detail);

        for (i = 0; i < b->media.len; i++) {
            must(b->media.data[i] > 0x20 && b->media.data[i] < 0x7f
                 && b->media.data[i] != '"' && b->media.data[i] != '\\');
        }

        must(b->media.len > 0 || b->source != AI_SOURCE_BASE64);
        must(b->source == AI_SOURCE_NONE || b->data.len > 0);
        must(b->signature.len == 0 || b->family != AI_FAMILY_NONE);
        must(b->kind != AI_BLOCK_REDACTED
             || (b->data.len && b->family != AI_FAMILY_NONE));

        if (b->kind == AI_BLOCK_TOOL_CALL) {
            must(b->id.len && b->name.len && b->args.data);
            check_raw(&b->args, AI_JSON_OBJECT);
        }

        if (b->kind == AI_BLOCK_TOOL_RESULT) {
            must(b->id.len && !nested && has_call(rq, b));
            check_blocks(rq, b->content, 1);
        }
    }
}


static void
check_request(const ai_request_t *rq)
{
    uint32_t          i;
    const ai_turn_t  *turn;
    const ai_tool_t  *tool;

    must(rq->turns != NULL);
    must(rq->max_output == -1 || rq->max_output > 0);
    must(rq->n == -1 || (rq->n > 0 && rq->n <= 128));

    for (turn = rq->turns; turn; turn = turn->next) {
        must(turn->role >= AI_ROLE_SYSTEM && turn->role <= AI_ROLE_ASSISTANT);
        must(turn->role != AI_ROLE_ASSISTANT || turn->next == NULL
             || turn->next->role != AI_ROLE_ASSISTANT);
        check_blocks(rq, turn->blocks, 0);
    }

    for (tool = rq->tools; tool; tool = tool->next) {
        must(tool->name.len > 0);
        check_esc(&tool->name);
        check_esc(&tool->description);
        check_raw(&tool->schema, AI_JSON_OBJECT);
    }

    must((rq->choice == AI_CHOICE_NAMED) == (rq->choice_name.len > 0));

    check_esc(&rq->choice_name);
    check_raw(&rq->output_schema, AI_JSON_OBJECT);
    check_raw(&rq->temperature, AI_JSON_NUMBER);
    check_raw(&rq->top_p, AI_JSON_NUMBER);
    check_raw(&rq->top_k, AI_JSON_NUMBER);
    check_raw(&rq->seed, AI_JSON_NUMBER);
    check_raw(&rq->presence, AI_JSON_NUMBER);
    check_raw(&rq->frequency, AI_JSON_NUMBER);
    check_raw(&rq->metadata, AI_JSON_OBJECT);
    check_esc(&rq->tier);

    for (i = 0; i < rq->nstop; i++) {
        must(rq->stop[i].data != NULL);
        check_esc(&rq->stop[i]);
    }
}


/* what is written to a header or into an error is safe there */

static void
check_dropped(const ai_dropped_t *d)
{
    size_t    i;
    uint32_t  n;

    must(d->n <= AI_DROPPED_MAX);

    for (n = 0; n < d->n; n++) {
        for (i = 0; i < d->name[n].len; i++) {
            must(d->name[n].data[i] > 0x20 && d->name[n].data[i] < 0x7f);
        }
    }
}


static void
check_error(const ai_error_t *err)
{
    ai_buf_t  b;
    ai_str_t  text;

    must(ai_error_status(err) == 400);
    must(err->message.len > 0);

    ai_buf_init(&b, &fuzz_pool);
    ai_generate_error(&b, err);

    text = ai_buf_str(&b);
    check_json(&text, AI_JSON_OBJECT);

    ai_pfree(&fuzz_pool, b.start);
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
        check_request(&rq);

    } else {
        must(rc == AI_ERROR);
        check_error(&err);
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
