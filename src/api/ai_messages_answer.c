
#include <api/ai_messages_reply_int.h>


static void ai_messages_answer_add(ai_messages_reply_t *r);
static void ai_messages_answer_signature(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot);
static ai_int_t ai_messages_answer_body(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot);
static ai_int_t ai_messages_answer_input(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot);
static void ai_messages_count(ai_buf_t *b, int64_t n);
static void ai_messages_served(ai_buf_t *b, const ai_usage_t *usage);


static void
ai_messages_answer_add(ai_messages_reply_t *r)
{
    if (ai_buf_len(&r->content)) {
        ai_buf_char(&r->content, ',');
    }

    ai_buf_lit(&r->content, "{\"type\":");
}


ai_int_t
ai_messages_answer_block(ai_messages_reply_t *r, ai_messages_slot_t *slot)
{
    ai_int_t   rc;
    ai_buf_t  *b;

    b = &r->content;
    rc = AI_OK;

    if (slot->kind == AI_BLOCK_TOOL_CALL) {
        ai_messages_answer_signature(r, slot);
    }

    if (!ai_messages_empty(slot)) {
        ai_messages_answer_add(r);
        rc = ai_messages_answer_body(r, slot);
        ai_buf_char(b, '}');
    }

    if (slot->kind == AI_BLOCK_TEXT) {
        ai_messages_answer_signature(r, slot);
    }

    return b->failed ? AI_ERROR : rc;
}


static ai_int_t
ai_messages_answer_body(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot)
{
    ai_buf_t  *b;

    b = &r->content;

    switch (slot->kind) {

    case AI_BLOCK_TOOL_CALL:
        ai_buf_lit(b, "\"tool_use\",");
        ai_buf_add(b, slot->head.start, ai_buf_len(&slot->head));
        ai_buf_lit(b, ",\"input\":");
        return ai_messages_answer_input(r, slot);

    case AI_BLOCK_THINKING:
        ai_buf_lit(b, "\"thinking\",\"thinking\":\"");
        ai_buf_add(b, slot->text.start, ai_buf_len(&slot->text));
        ai_buf_lit(b, "\",\"signature\":\"");
        ai_messages_opaque(b, slot, &slot->signature);
        break;

    case AI_BLOCK_REDACTED:
        ai_buf_lit(b, "\"redacted_thinking\",\"data\":\"");
        ai_messages_opaque(b, slot, &slot->text);
        break;

    default:
        ai_buf_lit(b, "\"text\",\"text\":\"");
        ai_buf_add(b, slot->text.start, ai_buf_len(&slot->text));
        break;
    }

    ai_buf_char(b, '"');

    return AI_OK;
}


static void
ai_messages_answer_signature(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot)
{
    if (!ai_messages_carried(slot)) {
        return;
    }

    ai_messages_answer_add(r);
    ai_buf_lit(&r->content, "\"thinking\",\"thinking\":\"\","
                            "\"signature\":\"");
    ai_messages_opaque(&r->content, slot, &slot->signature);
    ai_buf_lit(&r->content, "\"}");
}


/* an object as the model spelled it; arguments that are none, as of an answer
 * cut by its limit, have no place here */

static ai_int_t
ai_messages_answer_input(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot)
{
    ai_str_t  text;

    text = ai_buf_str(&slot->text);

    ai_buf_reset(&r->scratch);
    ai_json_unescape(&r->scratch, &text);

    if (r->scratch.failed) {
        return AI_ERROR;
    }

    text = ai_buf_str(&r->scratch);

    if (ai_json_parse(&r->doc, &text, NULL) != AI_OK
        && r->doc.error == AI_JSON_E_MEMORY)
    {
        return AI_ERROR;
    }

    if (ai_json_type(&r->doc, AI_JSON_ROOT) == AI_JSON_OBJECT) {
        text = ai_json_raw(&r->doc, AI_JSON_ROOT);

    } else {
        text = ai_lit("{}");
    }

    ai_buf_cat(&r->content, &text);

    return AI_OK;
}


ai_int_t
ai_messages_answer_end(ai_messages_reply_t *r)
{
    ai_str_t   id;
    ai_buf_t  *b;

    b = r->out;
    id = ai_buf_str(&r->id);

    ai_buf_lit(b, "{\"id\":");
    ai_buf_quote_esc(b, &id);
    ai_buf_lit(b, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    ai_buf_quote_esc(b, &r->model);
    ai_buf_lit(b, ",\"content\":[");
    ai_buf_add(b, r->content.start, ai_buf_len(&r->content));
    ai_buf_lit(b, "],");
    ai_messages_stop(r, b);
    ai_buf_lit(b, ",\"usage\":");
    ai_messages_usage(b, &r->usage);
    ai_buf_char(b, '}');

    return b->failed ? AI_ERROR : AI_OK;
}


/* many providers say "stop" after a call or a refusal; and a tool that the
 * provider ran itself is none for the client */

void
ai_messages_stop(ai_messages_reply_t *r, ai_buf_t *b)
{
    ai_str_t     stop;
    ai_finish_e  finish;

    static const ai_str_t  reasons[] = {
        ai_string("end_turn"), ai_string("end_turn"),
        ai_string("stop_sequence"), ai_string("max_tokens"),
        ai_string("model_context_window_exceeded"), ai_string("tool_use"),
        ai_string("refusal"), ai_string("pause_turn"), ai_string("end_turn")
    };

    finish = r->finish;

    if (finish == AI_FINISH_TOOLS && r->calls == 0) {
        finish = AI_FINISH_STOP;
    }

    if (finish == AI_FINISH_NONE || finish == AI_FINISH_STOP
        || finish == AI_FINISH_STOP_SEQ)
    {
        if (r->calls) {
            finish = AI_FINISH_TOOLS;

        } else if (r->refused) {
            finish = AI_FINISH_FILTER;
        }
    }

    ai_buf_lit(b, "\"stop_reason\":");
    ai_buf_quote(b, &reasons[finish]);
    ai_buf_lit(b, ",\"stop_sequence\":");

    stop = ai_buf_str(&r->stop_seq);

    if (finish == AI_FINISH_STOP_SEQ && stop.len) {
        ai_buf_quote_esc(b, &stop);

    } else {
        ai_buf_lit(b, "null");
    }
}


static void
ai_messages_count(ai_buf_t *b, int64_t n)
{
    ai_buf_int(b, ai_max(n, 0));
}


/* what came out of the cache and went into it is counted beside the input,
 * not in it */

void
ai_messages_usage(ai_buf_t *b, const ai_usage_t *usage)
{
    int64_t  cached, written;

    cached = ai_max(usage->cached, 0);
    written = ai_max(usage->cache_write, 0);

    ai_buf_lit(b, "{\"input_tokens\":");
    ai_messages_count(b, usage->prompt - cached - written);
    ai_buf_lit(b, ",\"cache_creation_input_tokens\":");
    ai_messages_count(b, written);
    ai_buf_lit(b, ",\"cache_read_input_tokens\":");
    ai_messages_count(b, cached);

    if (usage->cache_write_1h >= 0) {
        ai_buf_lit(b, ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":");
        ai_messages_count(b, written - usage->cache_write_1h);
        ai_buf_lit(b, ",\"ephemeral_1h_input_tokens\":");
        ai_messages_count(b, usage->cache_write_1h);
        ai_buf_char(b, '}');
    }

    ai_buf_lit(b, ",\"output_tokens\":");
    ai_messages_count(b, usage->completion);

    if (usage->reasoning > 0) {
        ai_buf_lit(b, ",\"output_tokens_details\":{\"thinking_tokens\":");
        ai_messages_count(b, usage->reasoning);
        ai_buf_char(b, '}');
    }

    ai_messages_served(b, usage);
    ai_buf_char(b, '}');
}


/* what the provider did beside, and at which price; Anthropic's clients know
 * no "flex" */

static void
ai_messages_served(ai_buf_t *b, const ai_usage_t *usage)
{
    if (usage->searches > 0) {
        ai_buf_lit(b, ",\"server_tool_use\":{\"web_search_requests\":");
        ai_messages_count(b, usage->searches);
        ai_buf_lit(b, ",\"web_fetch_requests\":0}");
    }

    if (usage->tier == AI_TIER_PRIORITY) {
        ai_buf_lit(b, ",\"service_tier\":\"priority\"");

    } else if (usage->tier == AI_TIER_BATCH) {
        ai_buf_lit(b, ",\"service_tier\":\"batch\"");
    }
}


ai_int_t
ai_messages_carried(const ai_messages_slot_t *slot)
{
    return slot->family == AI_FAMILY_GEMINI && ai_buf_len(&slot->signature);
}


void
ai_messages_opaque(ai_buf_t *b, const ai_messages_slot_t *slot,
    const ai_buf_t *data)
{
    if (ai_buf_len(data) == 0) {
        return;
    }

    switch (slot->family) {

    case AI_FAMILY_GEMINI:
        if (slot->kind == AI_BLOCK_TOOL_CALL) {
            ai_buf_lit(b, AI_MESSAGES_TAG_CALL);

        } else {
            ai_buf_lit(b, AI_OPENAI_TAG_GEMINI);
        }

        break;

    case AI_FAMILY_OPENAI:
        ai_buf_lit(b, AI_OPENAI_TAG_OPENAI);
        break;

    case AI_FAMILY_ANTHROPIC:
        break;

    default:
        return;
    }

    ai_buf_add(b, data->start, ai_buf_len(data));
}
