
#include <api/ai_openai_reply_int.h>


/*
 * A chunk is
 *
 *     head          choice  ,"delta":{  ...  tail
 *     data: {..."index":  0                  },"finish_reason":null}]}
 *
 * and all but the middle is made once.
 *
 * Thoughts go out as reasoning_content; a signature follows at the end of its
 * block, in a thinking_blocks entry without the text: repeating it would mean
 * to keep it.
 */


#define AI_OPENAI_END        "}]}\n\n"
#define AI_OPENAI_END_USAGE  "}],\"usage\":null}\n\n"
#define AI_OPENAI_FINISH     "},\"finish_reason\":null"
#define AI_OPENAI_INDEX      "{\"index\":"


static void ai_openai_chunk_open(ai_openai_reply_t *r, uint32_t choice);
static void ai_openai_chunk_close(ai_openai_reply_t *r);
static void ai_openai_raw_line(ai_buf_t *b, const ai_raw_t *raw);


ai_int_t
ai_openai_chunk_init(ai_openai_reply_t *r)
{
    ai_buf_t  *b;

    b = &r->head;

    ai_buf_lit(b, "data: {\"id\":");
    ai_buf_quote_esc(b, &r->id);
    ai_buf_lit(b, ",\"object\":\"chat.completion.chunk\",\"created\":");
    ai_buf_int(b, r->created);
    ai_buf_lit(b, ",\"model\":");
    ai_buf_quote_esc(b, &r->model);
    ai_buf_lit(b, ",\"choices\":[" AI_OPENAI_INDEX);

    ai_buf_add(&r->text_head, b->start, ai_buf_len(b));
    ai_buf_lit(&r->text_head, "0,\"delta\":{\"content\":\"");

    if (r->conf.include_usage) {
        r->end = ai_lit(AI_OPENAI_END_USAGE);
        r->tail = ai_lit(AI_OPENAI_FINISH AI_OPENAI_END_USAGE);

    } else {
        r->end = ai_lit(AI_OPENAI_END);
        r->tail = ai_lit(AI_OPENAI_FINISH AI_OPENAI_END);
    }

    return b->failed || r->text_head.failed ? AI_ERROR : AI_OK;
}


static void
ai_openai_chunk_open(ai_openai_reply_t *r, uint32_t choice)
{
    ai_buf_add(r->out, r->head.start, ai_buf_len(&r->head));
    ai_buf_int(r->out, choice);
    ai_buf_lit(r->out, ",\"delta\":{");
}


static void
ai_openai_chunk_close(ai_openai_reply_t *r)
{
    ai_buf_cat(r->out, &r->tail);
}


void
ai_openai_chunk_role(ai_openai_reply_t *r, uint32_t choice)
{
    ai_openai_chunk_open(r, choice);
    ai_buf_lit(r->out, "\"role\":\"assistant\",\"content\":\"\"");
    ai_openai_chunk_close(r);
}


void
ai_openai_chunk_text(ai_openai_reply_t *r, const ai_event_t *ev)
{
    ai_str_t  name;

    switch (ev->kind) {

    case AI_BLOCK_TEXT:
        name = ai_lit("\"content\":");
        break;

    case AI_BLOCK_THINKING:
        name = ai_lit("\"reasoning_content\":");
        break;

    case AI_BLOCK_REFUSAL:
        name = ai_lit("\"refusal\":");
        break;

    default:
        return;
    }

    ai_openai_chunk_open(r, ev->choice);
    ai_buf_cat(r->out, &name);
    ai_buf_quote_esc(r->out, &ev->text);
    ai_openai_chunk_close(r);
}


void
ai_openai_chunk_logprobs(ai_openai_reply_t *r, const ai_event_t *ev)
{
    if (ev->raw.len == 0) {
        return;
    }

    ai_buf_add(r->out, r->head.start, ai_buf_len(&r->head));
    ai_buf_int(r->out, ev->choice);
    ai_buf_lit(r->out, ",\"delta\":{},\"logprobs\":");
    ai_openai_raw_line(r->out, &ev->raw);
    ai_buf_add(r->out, r->tail.data + 1, r->tail.len - 1);
}


void
ai_openai_chunk_annotation(ai_openai_reply_t *r, const ai_event_t *ev)
{
    if (ev->raw.len == 0) {
        return;
    }

    ai_openai_chunk_open(r, ev->choice);
    ai_buf_lit(r->out, "\"annotations\":[");
    ai_openai_raw_line(r->out, &ev->raw);
    ai_buf_char(r->out, ']');
    ai_openai_chunk_close(r);
}


void
ai_openai_chunk_redacted(ai_openai_reply_t *r, const ai_event_t *ev)
{
    ai_openai_chunk_open(r, ev->choice);
    ai_buf_lit(r->out, "\"thinking_blocks\":[{\"type\":\"redacted_thinking\","
                       "\"data\":");
    ai_openai_opaque(r->out, ev->family, &ev->data);
    ai_buf_lit(r->out, "}]");
    ai_openai_chunk_close(r);
}


/* of the old form there is room for one call only */

void
ai_openai_chunk_call(ai_openai_reply_t *r, const ai_openai_slot_t *slot,
    const ai_event_t *ev)
{
    if (r->conf.functions && slot->call) {
        return;
    }

    ai_openai_chunk_open(r, slot->choice);

    if (r->conf.functions) {
        ai_buf_lit(r->out, "\"function_call\":{\"name\":");
        ai_buf_quote_esc(r->out, &ev->name);
        ai_buf_lit(r->out, ",\"arguments\":\"\"}");

    } else {
        ai_buf_lit(r->out, "\"tool_calls\":[" AI_OPENAI_INDEX);
        ai_buf_int(r->out, slot->call);
        ai_buf_lit(r->out, ",\"id\":");
        ai_openai_call_id(r, r->out, slot, &ev->id);
        ai_buf_lit(r->out, ",\"type\":\"function\",\"function\":{\"name\":");
        ai_buf_quote_esc(r->out, &ev->name);
        ai_buf_lit(r->out, ",\"arguments\":\"\"}}]");
    }

    ai_openai_chunk_close(r);
}


void
ai_openai_chunk_args(ai_openai_reply_t *r, const ai_openai_slot_t *slot,
    const ai_esc_t *args)
{
    if (r->conf.functions && slot->call) {
        return;
    }

    ai_openai_chunk_open(r, slot->choice);

    if (r->conf.functions) {
        ai_buf_lit(r->out, "\"function_call\":{\"arguments\":");
        ai_buf_quote_esc(r->out, args);
        ai_buf_char(r->out, '}');

    } else {
        ai_buf_lit(r->out, "\"tool_calls\":[" AI_OPENAI_INDEX);
        ai_buf_int(r->out, slot->call);
        ai_buf_lit(r->out, ",\"function\":{\"arguments\":");
        ai_buf_quote_esc(r->out, args);
        ai_buf_lit(r->out, "}}]");
    }

    ai_openai_chunk_close(r);
}


/* on calls and text only Google has signatures */

void
ai_openai_chunk_signature(ai_openai_reply_t *r, const ai_openai_slot_t *slot)
{
    ai_str_t  signature;

    signature = ai_buf_str(&slot->signature);

    if (slot->kind != AI_BLOCK_THINKING
        && (slot->family != AI_FAMILY_GEMINI
            || (slot->kind == AI_BLOCK_TOOL_CALL && r->conf.functions)))
    {
        return;
    }

    ai_openai_chunk_open(r, slot->choice);

    if (slot->kind == AI_BLOCK_THINKING) {
        ai_buf_lit(r->out, "\"thinking_blocks\":[{\"type\":\"thinking\","
                           "\"thinking\":\"\",\"signature\":");
        ai_openai_opaque(r->out, slot->family, &signature);
        ai_buf_lit(r->out, "}]");
        ai_openai_chunk_close(r);
        return;
    }

    if (slot->kind == AI_BLOCK_TOOL_CALL) {
        ai_buf_lit(r->out, "\"tool_calls\":[" AI_OPENAI_INDEX);
        ai_buf_int(r->out, slot->call);

        /* OpenAI's SDK takes no call without a function */

        ai_buf_lit(r->out, ",\"function\":{\"arguments\":\"\"},");
    }

    ai_buf_lit(r->out, "\"extra_content\":{\"google\":"
                       "{\"thought_signature\":");
    ai_buf_quote_esc(r->out, &signature);
    ai_buf_lit(r->out, "}}");

    if (slot->kind == AI_BLOCK_TOOL_CALL) {
        ai_buf_lit(r->out, "}]");
    }

    ai_openai_chunk_close(r);
}


void
ai_openai_chunk_finish(ai_openai_reply_t *r, uint32_t choice,
    const ai_str_t *reason)
{
    ai_buf_add(r->out, r->head.start, ai_buf_len(&r->head));
    ai_buf_int(r->out, choice);
    ai_buf_lit(r->out, ",\"delta\":{},\"finish_reason\":");
    ai_buf_quote(r->out, reason);
    ai_buf_cat(r->out, &r->end);
}


void
ai_openai_chunk_end(ai_openai_reply_t *r)
{
    if (r->conf.include_usage) {
        ai_buf_add(r->out, r->head.start,
                   ai_buf_len(&r->head) - (sizeof(AI_OPENAI_INDEX) - 1));
        ai_buf_lit(r->out, "],\"usage\":");
        ai_openai_usage(r->out, &r->usage);
        ai_reply_cstr(r->out, ai_reply_tier(&r->usage));
        ai_buf_lit(r->out, "}\n\n");
    }

    ai_buf_lit(r->out, "data: [DONE]\n\n");
}


/* line ends between the tokens of a value would end the event's line */

static void
ai_openai_raw_line(ai_buf_t *b, const ai_raw_t *raw)
{
    size_t  i, from;

    from = 0;

    for (i = 0; i < raw->len; i++) {
        if (raw->data[i] == '\n' || raw->data[i] == '\r') {
            ai_buf_add(b, raw->data + from, i - from);
            from = i + 1;
        }
    }

    ai_buf_add(b, raw->data + from, raw->len - from);
}
