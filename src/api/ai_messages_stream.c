
#include <api/ai_messages_reply_int.h>


/*
 * Each event is
 *
 *     event: content_block_delta
 *     data: {"type":"content_block_delta","index":0,"delta":{...}}
 *
 * and for the text of a block all but the text is made once.
 */


#define AI_MESSAGES_EVENT(name)                                               \
    "event: " name "\ndata: {\"type\":\"" name "\""
#define AI_MESSAGES_EVENT_END  "}\n\n"


static void ai_messages_block_start(ai_messages_reply_t *r);
static void ai_messages_block_stop(ai_messages_reply_t *r);
static void ai_messages_delta_head(ai_messages_reply_t *r, ai_block_e kind);
static void ai_messages_delta(ai_messages_reply_t *r, const ai_str_t *text);
static void ai_messages_signature_delta(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot);
static void ai_messages_signature_block(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot);


/* as late as the first content: a provider that reports its usage before has
 * done so by then */

void
ai_messages_stream_start(ai_messages_reply_t *r)
{
    ai_str_t    id;
    ai_buf_t   *b;
    ai_usage_t  usage;

    if (r->started) {
        return;
    }

    r->started = 1;

    b = r->out;
    id = ai_buf_str(&r->id);

    usage = r->usage;
    ai_usage_normalise(&usage);

    ai_buf_lit(b, AI_MESSAGES_EVENT("message_start") ",\"message\":{\"id\":");
    ai_buf_quote_esc(b, &id);
    ai_buf_lit(b, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    ai_buf_quote_esc(b, &r->model);
    ai_buf_lit(b, ",\"content\":[],\"stop_reason\":null,"
                  "\"stop_sequence\":null,\"usage\":");
    ai_messages_usage(b, &usage);
    ai_buf_lit(b, "}" AI_MESSAGES_EVENT_END);
}


void
ai_messages_stream_ping(ai_messages_reply_t *r)
{
    r->pinged = 1;

    ai_buf_lit(r->out, AI_MESSAGES_EVENT("ping") AI_MESSAGES_EVENT_END);
}


static void
ai_messages_block_start(ai_messages_reply_t *r)
{
    ai_buf_lit(r->out, AI_MESSAGES_EVENT("content_block_start")
                       ",\"index\":");
    ai_buf_int(r->out, r->index);
    ai_buf_lit(r->out, ",\"content_block\":{\"type\":");
}


static void
ai_messages_block_stop(ai_messages_reply_t *r)
{
    ai_buf_lit(r->out, AI_MESSAGES_EVENT("content_block_stop") ",\"index\":");
    ai_buf_int(r->out, r->index++);
    ai_buf_lit(r->out, AI_MESSAGES_EVENT_END);
}


void
ai_messages_stream_open(ai_messages_reply_t *r, ai_messages_slot_t *slot)
{
    ai_buf_t  *b;

    b = r->out;
    slot->started = 1;

    ai_messages_stream_start(r);

    if (slot->kind == AI_BLOCK_TOOL_CALL) {
        ai_messages_signature_block(r, slot);
    }

    ai_messages_block_start(r);

    switch (slot->kind) {

    case AI_BLOCK_TOOL_CALL:
        ai_buf_lit(b, "\"tool_use\",");
        ai_buf_add(b, slot->head.start, ai_buf_len(&slot->head));
        ai_buf_lit(b, ",\"input\":{}");
        break;

    case AI_BLOCK_THINKING:
        ai_buf_lit(b, "\"thinking\",\"thinking\":\"\",\"signature\":\"\"");
        break;

    case AI_BLOCK_REDACTED:
        ai_buf_lit(b, "\"redacted_thinking\",\"data\":\"");
        ai_messages_opaque(b, slot, &slot->text);
        ai_buf_char(b, '"');
        break;

    default:
        ai_buf_lit(b, "\"text\",\"text\":\"\"");
        break;
    }

    ai_buf_lit(b, "}" AI_MESSAGES_EVENT_END);

    ai_messages_delta_head(r, slot->kind);

    if (!r->pinged) {
        ai_messages_stream_ping(r);
    }
}


static void
ai_messages_delta_head(ai_messages_reply_t *r, ai_block_e kind)
{
    ai_buf_t  *b;

    b = &r->delta;

    ai_buf_reset(b);
    ai_buf_lit(b, AI_MESSAGES_EVENT("content_block_delta") ",\"index\":");
    ai_buf_int(b, r->index);
    ai_buf_lit(b, ",\"delta\":{\"type\":");

    switch (kind) {

    case AI_BLOCK_TOOL_CALL:
        ai_buf_lit(b, "\"input_json_delta\",\"partial_json\":\"");
        break;

    case AI_BLOCK_THINKING:
        ai_buf_lit(b, "\"thinking_delta\",\"thinking\":\"");
        break;

    default:
        ai_buf_lit(b, "\"text_delta\",\"text\":\"");
        break;
    }
}


static void
ai_messages_delta(ai_messages_reply_t *r, const ai_str_t *text)
{
    ai_buf_add(r->out, r->delta.start, ai_buf_len(&r->delta));
    ai_buf_cat(r->out, text);
    ai_buf_lit(r->out, AI_MESSAGES_DELTA_END);
}


/* the start of a call has an empty input already: "{}" is said by silence, as
 * Anthropic does, unless more follows */

void
ai_messages_stream_text(ai_messages_reply_t *r, ai_messages_slot_t *slot,
    const ai_esc_t *text)
{
    if (slot->kind != AI_BLOCK_TOOL_CALL) {
        ai_messages_delta(r, text);
        return;
    }

    if (slot->braces) {
        slot->braces = 0;
        ai_messages_delta(r, &ai_lit("{}"));

    } else if (!slot->args && ai_str_is(text, "{}")) {
        slot->braces = 1;
        return;
    }

    slot->args = 1;
    ai_messages_delta(r, text);
}


void
ai_messages_stream_close(ai_messages_reply_t *r, ai_messages_slot_t *slot)
{
    if (slot->started) {
        if (slot->kind == AI_BLOCK_THINKING) {
            ai_messages_signature_delta(r, slot);
        }

        ai_messages_block_stop(r);
    }

    if (slot->kind == AI_BLOCK_TEXT) {
        ai_messages_signature_block(r, slot);
    }
}


/* there is one always, empty where the model signs nothing */

static void
ai_messages_signature_delta(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot)
{
    ai_buf_t  *b;

    b = r->out;

    ai_buf_lit(b, AI_MESSAGES_EVENT("content_block_delta") ",\"index\":");
    ai_buf_int(b, r->index);
    ai_buf_lit(b, ",\"delta\":{\"type\":\"signature_delta\","
                  "\"signature\":\"");
    ai_messages_opaque(b, slot, &slot->signature);
    ai_buf_lit(b, AI_MESSAGES_DELTA_END);
}


/* the signature of a call or of a text has no place in them: a thinking block
 * without a text carries it */

static void
ai_messages_signature_block(ai_messages_reply_t *r,
    const ai_messages_slot_t *slot)
{
    if (!ai_messages_carried(slot)) {
        return;
    }

    ai_messages_stream_start(r);
    ai_messages_block_start(r);
    ai_buf_lit(r->out, "\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"
                       AI_MESSAGES_EVENT_END);
    ai_messages_signature_delta(r, slot);
    ai_messages_block_stop(r);
}


void
ai_messages_stream_end(ai_messages_reply_t *r)
{
    ai_buf_t  *b;

    b = r->out;

    ai_messages_stream_start(r);

    ai_buf_lit(b, AI_MESSAGES_EVENT("message_delta") ",\"delta\":{");
    ai_messages_stop(r, b);
    ai_buf_lit(b, "},\"usage\":");
    ai_messages_usage(b, &r->usage);
    ai_buf_lit(b, AI_MESSAGES_EVENT_END);
    ai_buf_lit(b, AI_MESSAGES_EVENT("message_stop") AI_MESSAGES_EVENT_END);
}
