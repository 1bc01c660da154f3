
/*
 * Anthropic Messages as a row of dialects, and its errors.
 */

#include <api/ai_messages.h>
#include <api/ai_stop.h>


void
ai_messages_error(ai_buf_t *b, const ai_error_t *err)
{
    ai_str_t               message;
    const ai_error_row_t  *row;

    row = ai_error_row(err->kind == AI_ERR_NONE ? AI_ERR_SERVER : err->kind);

    message = ai_error_message(err);
    if (message.len == 0) {
        message = row->text;
    }

    ai_buf_lit(b, "{\"type\":\"error\",\"error\":{\"type\":");
    ai_buf_quote(b, &row->anthropic);
    ai_buf_lit(b, ",\"message\":");
    ai_buf_quote(b, &message);
    ai_buf_lit(b, "}}");
}


void
ai_messages_error_event(ai_buf_t *b, const ai_error_t *err)
{
    ai_buf_lit(b, "event: error\ndata: ");
    ai_messages_error(b, err);
    ai_buf_lit(b, "\n\n");
}


const ai_dialect_t  ai_dialect_anthropic = {
    .name = ai_string("anthropic.messages"),
    .family = AI_FAMILY_ANTHROPIC,
    .stream_type = ai_string("text/event-stream"),
    .peek = ai_messages_peek,
    .last_text = ai_messages_last_text,
    .decode = ai_messages_decode,
    .reply_create = ai_messages_reply_create,
    .reply_event = ai_messages_reply_event,
    .reply_end = ai_messages_reply_end,
    .error = ai_messages_error,
    .error_event = ai_messages_error_event,
    .foreign = ai_messages_foreign,
    .stop = &ai_messages_stop_wire
};
