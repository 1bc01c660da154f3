
/*
 * What the targets share that read requests: a request that was decoded can
 * be written again.  Every spelling is the inside of a JSON string, every raw
 * value is one JSON value.
 */

#ifndef T_FUZZ_REQUEST_H
#define T_FUZZ_REQUEST_H


#include <api/ai_request.h>

#include "fuzz_arena.h"


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


/* what a dialect has to say of a block besides */
typedef void (*fuzz_own_pt)(const ai_request_t *rq, const ai_block_t *b);


static void
check_blocks(const ai_request_t *rq, const ai_block_t *b, fuzz_own_pt own,
    int nested)
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

        must(b->source == AI_SOURCE_NONE || b->data.len > 0);
        must(b->signature.len == 0 || b->family != AI_FAMILY_NONE
             || b->kind == AI_BLOCK_THINKING);

        own(rq, b);

        if (b->kind == AI_BLOCK_TOOL_CALL) {
            must(b->id.len && b->name.len && b->args.data);
            check_raw(&b->args, AI_JSON_OBJECT);
        }

        if (b->kind == AI_BLOCK_TOOL_RESULT) {
            must(b->id.len && !nested);
            check_blocks(rq, b->content, own, 1);
        }
    }
}


__attribute__((unused)) static void
check_request(const ai_request_t *rq, fuzz_own_pt own)
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
        check_blocks(rq, turn->blocks, own, 0);
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
check_error(const ai_error_t *err,
    void (*write)(ai_buf_t *b, const ai_error_t *err))
{
    ai_buf_t  b;
    ai_str_t  text;

    must(ai_error_status(err) == 400);
    must(err->message.len > 0);

    ai_buf_init(&b, &fuzz_pool);
    write(&b, err);

    text = ai_buf_str(&b);
    check_json(&text, AI_JSON_OBJECT);

    ai_pfree(&fuzz_pool, b.start);
}


#endif /* T_FUZZ_REQUEST_H */
