
/*
 * Any text as an Anthropic request: it is decoded or refused with a 400 that
 * has a message, and what was decoded can be written again, for each API.
 * Every spelling is the inside of a JSON string, every raw value is one JSON
 * value.
 */

#include <api/ai_messages.h>
#include <provider/ai_provider.h>

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

        must((b->media.len > 0) == (b->source == AI_SOURCE_BASE64
                                    || b->source == AI_SOURCE_TEXT));
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
    must(rq->n == -1 || (rq->n > 0 && rq->n <= 128));

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
    ai_messages_error(&b, err);

    text = ai_buf_str(&b);
    check_json(&text, AI_JSON_OBJECT);

    ai_pfree(&fuzz_pool, b.start);
}


/* what each provider would get: JSON, unless it refuses */

static void
check_built(const ai_request_t *rq, size_t size)
{
    size_t        i;
    ai_buf_t      body;
    ai_str_t      text;
    ai_json_t     doc;
    ai_error_t    err;
    ai_target_t   t;
    ai_dropped_t  dropped;

    static const struct {
        const ai_provider_t  *provider;
        ai_str_t              model;
    } targets[] = {
        { &ai_provider_openai, ai_string("gpt-5") },
        { &ai_provider_anthropic, ai_string("claude-sonnet-4-5") },
        { &ai_provider_gemini, ai_string("gemini-2.5-pro") }
    };

    for (i = 0; i < 3; i++) {
        memset(&err, 0, sizeof(err));
        memset(&dropped, 0, sizeof(dropped));

        t.provider = targets[i].provider;
        t.model = targets[i].model;
        t.max_output = -1;

        ai_buf_init(&body, &arena);

        if (t.provider->build(&t, rq, &arena, &body, &dropped, &err)
            != AI_OK)
        {
            must(err.kind != AI_ERR_NONE && err.kind != AI_ERR_SERVER);
            continue;
        }

        text = ai_buf_str(&body);
        ai_json_init(&doc, &arena);

        /* nesting comes on top of the body's own */

        must(ai_json_parse(&doc, &text, NULL) == AI_OK
             || doc.error == AI_JSON_E_LIMIT);
        must(text.len <= 8 * size + 4096);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
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

    text.data = (ai_char_t *) data;
    text.len = size;

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, &text, NULL) == AI_OK) {
        rc = ai_messages_peek(&doc, &arena, &peek, &err);

        if (rc == AI_OK) {
            rc = ai_messages_last_text(&doc, &peek, &arena, size % 64, &last);

            must(rc == AI_DECLINED || (rc == AI_OK && last.len <= size % 64));

            rc = ai_messages_decode(&doc, &peek, &arena, &rq, &dropped, &err);

            if (rc == AI_OK) {
                check_request(&rq);
                check_built(&rq, size);
            }
        }

        if (rc != AI_OK) {
            must(rc == AI_ERROR);
            check_error(&err);
        }

        check_dropped(&dropped);
    }

    arena_free();

    return 0;
}
