
/*
 * Any text as a request of the Responses API: it is decoded or refused with a
 * 400 that has a message, every spelling is the inside of a JSON string and
 * every raw value one JSON value.  The settings can be repeated in an answer,
 * and the request's bytes as the texts of an answer give JSON again.
 */

#include <api/ai_openai.h>
#include <api/ai_responses.h>

#include "fuzz.h"


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


static void
check_blocks(const ai_block_t *b, int nested)
{
    size_t  i;

    for (/* void */; b; b = b->next) {
        must(b->kind >= AI_BLOCK_TEXT && b->kind <= AI_BLOCK_REFUSAL);

        check_esc(&b->text);
        check_esc(&b->id);
        check_esc(&b->name);
        check_esc(&b->signature);
        check_esc(&b->data);
        check_esc(&b->detail);
        check_raw(&b->cache_mark, AI_JSON_OBJECT);

        for (i = 0; i < b->media.len; i++) {
            must(b->media.data[i] > 0x20 && b->media.data[i] < 0x7f
                 && b->media.data[i] != '"' && b->media.data[i] != '\\');
        }

        must((b->media.len > 0) == (b->source == AI_SOURCE_BASE64));
        must(b->source == AI_SOURCE_NONE || b->data.len > 0);
        must(b->signature.len == 0 || b->family != AI_FAMILY_NONE
             || b->kind == AI_BLOCK_THINKING);

        if (b->kind == AI_BLOCK_TOOL_CALL) {
            must(b->id.len && b->name.len && b->args.data);
            check_raw(&b->args, AI_JSON_OBJECT);
        }

        if (b->kind == AI_BLOCK_TOOL_RESULT) {
            must(b->id.len && !nested);
            check_blocks(b->content, 1);
        }
    }
}


static void
check_request(const ai_request_t *rq)
{
    uint32_t          i;
    const ai_turn_t  *turn;
    const ai_tool_t  *tool;

    must(rq->model.len > 0 && rq->model.len <= 256);
    must(rq->turns != NULL);
    must(rq->max_output == -1 || rq->max_output > 0);
    must(rq->n == -1);

    for (turn = rq->turns; turn; turn = turn->next) {
        must(turn->role >= AI_ROLE_SYSTEM && turn->role <= AI_ROLE_ASSISTANT);
        check_esc(&turn->name);
        check_blocks(turn->blocks, 0);
    }

    for (tool = rq->tools; tool; tool = tool->next) {
        must(tool->name.len > 0);
        check_esc(&tool->name);
        check_esc(&tool->description);
        check_raw(&tool->schema, AI_JSON_OBJECT);
        must(!tool->custom || tool->schema.len);
        check_raw(&tool->cache_mark, AI_JSON_OBJECT);
    }

    check_esc(&rq->choice_name);
    check_esc(&rq->output_name);
    check_esc(&rq->output_description);
    check_raw(&rq->output_schema, AI_JSON_OBJECT);
    check_raw(&rq->temperature, AI_JSON_NUMBER);
    check_raw(&rq->top_p, AI_JSON_NUMBER);
    check_raw(&rq->top_k, AI_JSON_NUMBER);
    check_raw(&rq->seed, AI_JSON_NUMBER);
    check_raw(&rq->presence, AI_JSON_NUMBER);
    check_raw(&rq->frequency, AI_JSON_NUMBER);
    check_raw(&rq->logit_bias, AI_JSON_OBJECT);
    check_raw(&rq->metadata, AI_JSON_OBJECT);
    check_esc(&rq->user);
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
    ai_openai_error(&b, err);

    text = ai_buf_str(&b);
    check_json(&text, AI_JSON_OBJECT);

    ai_pfree(&fuzz_pool, b.start);
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
            check_request(&rq);

            text = ai_json_esc(&doc, peek.messages_ref);

            if (text.data == NULL && rq.turns->blocks) {
                text = rq.turns->blocks->text;
            }

            check_reply(&rq, &text, (int) size & 1);

        } else {
            must(rc == AI_ERROR);
            check_error(&err);
        }

        check_dropped(&dropped);
    }

    arena_free();

    return 0;
}
