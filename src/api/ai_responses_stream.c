
/*
 * The events of a stream:
 *
 *     response.created  response.in_progress
 *       response.output_item.added
 *         message    content_part.added  output_text.delta*
 *                    output_text.done  content_part.done
 *         reasoning  reasoning_summary_part.added
 *                    reasoning_summary_text.delta*
 *                    reasoning_summary_text.done
 *                    reasoning_summary_part.done
 *         call       function_call_arguments.delta*
 *                    function_call_arguments.done
 *       response.output_item.done
 *     response.completed | response.incomplete | response.failed
 */

#include <api/ai_responses_int.h>


#define AI_RESPONSES_TEXT                                                     \
    "event: response.output_text.delta\n"                                     \
    "data: {\"type\":\"response.output_text.delta\",\"sequence_number\":"


static void ai_responses_begin(ai_responses_reply_t *r, const char *type);
static void ai_responses_event_end(ai_responses_reply_t *r);
static void ai_responses_place(ai_responses_reply_t *r, ai_buf_t *b,
    const ai_item_t *item, const char *part);
static const char *ai_responses_pick_type(const ai_item_t *item,
    const char *text, const char *refusal, const char *summary);
static void ai_responses_code(ai_buf_t *b, const ai_error_t *err);
static void ai_responses_error_body(ai_buf_t *b, const ai_error_t *err);


static void
ai_responses_cstr(ai_buf_t *b, const char *cstr)
{
    ai_buf_add(b, cstr, strlen(cstr));
}


static void
ai_responses_begin(ai_responses_reply_t *r, const char *type)
{
    ai_buf_lit(r->out, "event: ");
    ai_responses_cstr(r->out, type);
    ai_buf_lit(r->out, "\ndata: {\"type\":\"");
    ai_responses_cstr(r->out, type);
    ai_buf_lit(r->out, "\",\"sequence_number\":");
    ai_buf_int(r->out, r->seq++);
}


static void
ai_responses_event_end(ai_responses_reply_t *r)
{
    ai_buf_lit(r->out, "}\n\n");
}


/* the members that say where a part is */

static void
ai_responses_place(ai_responses_reply_t *r, ai_buf_t *b,
    const ai_item_t *item, const char *part)
{
    ai_buf_lit(b, ",\"item_id\":");
    ai_responses_item_id(r, b, item);
    ai_buf_lit(b, ",\"output_index\":");
    ai_buf_int(b, item - r->items);

    if (part) {
        ai_buf_lit(b, ",\"");
        ai_responses_cstr(b, part);
        ai_buf_lit(b, "\":");
        ai_buf_int(b, item->type == AI_ITEM_MESSAGE ? item->parts : 0);
    }
}


static const char *
ai_responses_pick_type(const ai_item_t *item, const char *text,
    const char *refusal, const char *summary)
{
    if (item->type != AI_ITEM_MESSAGE) {
        return summary;
    }

    return item->kind == AI_BLOCK_TEXT ? text : refusal;
}


#define ai_responses_part_index(item)                                         \
    ai_responses_pick_type(item, "content_index", "content_index",            \
                           "summary_index")


void
ai_responses_ev_started(ai_responses_reply_t *r)
{
    if (!r->conf.stream) {
        return;
    }

    ai_responses_begin(r, "response.created");
    ai_buf_lit(r->out, ",\"response\":");
    ai_responses_object(r, r->out, "in_progress");
    ai_responses_event_end(r);

    ai_responses_begin(r, "response.in_progress");
    ai_buf_lit(r->out, ",\"response\":");
    ai_responses_object(r, r->out, "in_progress");
    ai_responses_event_end(r);
}


void
ai_responses_ev_added(ai_responses_reply_t *r, const ai_item_t *item)
{
    if (!r->conf.stream) {
        return;
    }

    ai_responses_begin(r, "response.output_item.added");
    ai_buf_lit(r->out, ",\"output_index\":");
    ai_buf_int(r->out, item - r->items);
    ai_buf_lit(r->out, ",\"item\":");
    ai_responses_item(r, r->out, item, 0);
    ai_responses_event_end(r);
}


void
ai_responses_ev_done(ai_responses_reply_t *r, const ai_item_t *item)
{
    if (!r->conf.stream) {
        return;
    }

    ai_responses_begin(r, "response.output_item.done");
    ai_buf_lit(r->out, ",\"output_index\":");
    ai_buf_int(r->out, item - r->items);
    ai_buf_lit(r->out, ",\"item\":");
    ai_responses_item(r, r->out, item, 1);
    ai_responses_event_end(r);
}


void
ai_responses_ev_part_added(ai_responses_reply_t *r, const ai_item_t *item)
{
    if (!r->conf.stream) {
        return;
    }

    ai_responses_begin(r, ai_responses_pick_type(item,
                              "response.content_part.added",
                              "response.content_part.added",
                              "response.reasoning_summary_part.added"));
    ai_responses_place(r, r->out, item, ai_responses_part_index(item));
    ai_buf_lit(r->out, ",\"part\":");
    ai_responses_part(r->out, item, 0);
    ai_responses_event_end(r);

    /* what nearly all events of a stream have in common */

    if (item->type == AI_ITEM_MESSAGE && item->kind == AI_BLOCK_TEXT) {
        ai_buf_reset(&r->text_head);
        ai_responses_place(r, &r->text_head, item, "content_index");
        ai_buf_lit(&r->text_head, ",\"logprobs\":[],\"delta\":\"");
    }
}


void
ai_responses_ev_part_done(ai_responses_reply_t *r, const ai_item_t *item)
{
    ai_str_t  text;

    if (!r->conf.stream) {
        return;
    }

    text = ai_buf_str(&item->text);

    ai_responses_begin(r, ai_responses_pick_type(item,
                              "response.output_text.done",
                              "response.refusal.done",
                              "response.reasoning_summary_text.done"));
    ai_responses_place(r, r->out, item, ai_responses_part_index(item));
    ai_responses_cstr(r->out, ai_responses_pick_type(item, ",\"text\":",
                                  ",\"refusal\":", ",\"text\":"));
    ai_buf_quote_esc(r->out, &text);

    if (item->type == AI_ITEM_MESSAGE && item->kind == AI_BLOCK_TEXT) {
        text = ai_buf_str(&item->logs);
        ai_buf_lit(r->out, ",\"logprobs\":[");
        ai_responses_raw(r->out, &text);
        ai_buf_char(r->out, ']');
    }

    ai_responses_event_end(r);

    ai_responses_begin(r, ai_responses_pick_type(item,
                              "response.content_part.done",
                              "response.content_part.done",
                              "response.reasoning_summary_part.done"));
    ai_responses_place(r, r->out, item, ai_responses_part_index(item));
    ai_buf_lit(r->out, ",\"part\":");
    ai_responses_part(r->out, item, 1);
    ai_responses_event_end(r);
}


void
ai_responses_ev_text(ai_responses_reply_t *r, const ai_item_t *item,
    const ai_esc_t *text)
{
    if (!r->conf.stream) {
        return;
    }

    if (item->type == AI_ITEM_MESSAGE && item->kind == AI_BLOCK_TEXT) {
        ai_buf_lit(r->out, AI_RESPONSES_TEXT);
        ai_buf_int(r->out, r->seq++);
        ai_buf_add(r->out, r->text_head.start, ai_buf_len(&r->text_head));
        ai_buf_cat(r->out, text);
        ai_buf_lit(r->out, "\"}\n\n");
        return;
    }

    ai_responses_begin(r, ai_responses_pick_type(item, NULL,
                              "response.refusal.delta",
                              "response.reasoning_summary_text.delta"));
    ai_responses_place(r, r->out, item, ai_responses_part_index(item));
    ai_buf_lit(r->out, ",\"delta\":");
    ai_buf_quote_esc(r->out, text);
    ai_responses_event_end(r);
}


void
ai_responses_ev_logprobs(ai_responses_reply_t *r, const ai_item_t *item,
    const ai_raw_t *list)
{
    if (!r->conf.stream) {
        return;
    }

    ai_responses_begin(r, "response.output_text.delta");
    ai_responses_place(r, r->out, item, "content_index");
    ai_buf_lit(r->out, ",\"logprobs\":");
    ai_responses_raw(r->out, list);
    ai_buf_lit(r->out, ",\"delta\":\"\"");
    ai_responses_event_end(r);
}


void
ai_responses_ev_annotation(ai_responses_reply_t *r, const ai_item_t *item,
    const ai_raw_t *note)
{
    if (!r->conf.stream) {
        return;
    }

    ai_responses_begin(r, "response.output_text.annotation.added");
    ai_responses_place(r, r->out, item, "content_index");
    ai_buf_lit(r->out, ",\"annotation_index\":");
    ai_buf_int(r->out, item->notes);
    ai_buf_lit(r->out, ",\"annotation\":");
    ai_buf_cat(r->out, note);
    ai_responses_event_end(r);
}


void
ai_responses_ev_args(ai_responses_reply_t *r, const ai_item_t *item,
    const ai_esc_t *text)
{
    if (!r->conf.stream) {
        return;
    }

    ai_responses_begin(r, item->type == AI_ITEM_CUSTOM
                          ? "response.custom_tool_call_input.delta"
                          : "response.function_call_arguments.delta");
    ai_responses_place(r, r->out, item, NULL);
    ai_buf_lit(r->out, ",\"delta\":");
    ai_buf_quote_esc(r->out, text);
    ai_responses_event_end(r);
}


void
ai_responses_ev_args_done(ai_responses_reply_t *r, const ai_item_t *item)
{
    ai_esc_t  text;

    if (!r->conf.stream) {
        return;
    }

    if (item->type == AI_ITEM_CUSTOM) {
        text = ai_buf_str(&item->content);

        ai_responses_begin(r, "response.custom_tool_call_input.done");
        ai_responses_place(r, r->out, item, NULL);
        ai_buf_lit(r->out, ",\"input\":");

    } else {
        text = ai_buf_str(&item->text);

        ai_responses_begin(r, "response.function_call_arguments.done");
        ai_responses_place(r, r->out, item, NULL);
        ai_buf_lit(r->out, ",\"arguments\":");
    }

    ai_buf_quote_esc(r->out, &text);
    ai_responses_event_end(r);
}


void
ai_responses_ev_error(ai_responses_reply_t *r, const ai_error_t *err)
{
    ai_responses_begin(r, "error");
    ai_responses_error_body(r->out, err);
    ai_responses_event_end(r);
}


void
ai_responses_ev_end(ai_responses_reply_t *r, const char *status)
{
    ai_responses_begin(r, strcmp(status, "completed") == 0
                          ? "response.completed"
                          : strcmp(status, "failed") == 0
                          ? "response.failed" : "response.incomplete");
    ai_buf_lit(r->out, ",\"response\":");
    ai_responses_object(r, r->out, status);
    ai_responses_event_end(r);
}


static void
ai_responses_code(ai_buf_t *b, const ai_error_t *err)
{
    const ai_error_row_t  *row;

    row = ai_error_row(err->kind == AI_ERR_NONE ? AI_ERR_SERVER : err->kind);

    ai_buf_lit(b, "\"code\":");

    if (err->code.len || row->code.len) {
        ai_buf_quote(b, err->code.len ? &err->code : &row->code);

    } else {
        ai_buf_quote(b, &row->type);
    }
}


static void
ai_responses_message_text(ai_buf_t *b, const ai_error_t *err)
{
    ai_str_t  message;

    message = ai_error_message(err);

    if (message.len == 0) {
        message = ai_error_row(AI_ERR_SERVER)->text;
    }

    ai_buf_lit(b, ",\"message\":");
    ai_buf_quote(b, &message);
}


static void
ai_responses_error_body(ai_buf_t *b, const ai_error_t *err)
{
    ai_buf_char(b, ',');
    ai_responses_code(b, err);
    ai_responses_message_text(b, err);
    ai_buf_lit(b, ",\"param\":");
    ai_responses_quote_or_null(b, &err->param);
}


/* {code, message} of a failed response */

void
ai_responses_failure(ai_buf_t *b, const ai_error_t *err)
{
    ai_buf_char(b, '{');
    ai_responses_code(b, err);
    ai_responses_message_text(b, err);
    ai_buf_char(b, '}');
}


void
ai_responses_error_event(ai_buf_t *b, const ai_error_t *err)
{
    ai_buf_lit(b, "event: error\ndata: {\"type\":\"error\","
                  "\"sequence_number\":0");
    ai_responses_error_body(b, err);
    ai_buf_lit(b, "}\n\nevent: response.failed\ndata: {\"type\":"
                  "\"response.failed\",\"sequence_number\":1,\"response\":"
                  "{\"id\":\"resp_failed\",\"object\":\"response\","
                  "\"created_at\":0,\"status\":\"failed\",\"error\":");
    ai_responses_failure(b, err);
    ai_buf_lit(b, ",\"incomplete_details\":null,\"instructions\":null,"
                  "\"model\":\"\",\"output\":[],\"parallel_tool_calls\":true,"
                  "\"temperature\":null,\"tool_choice\":\"auto\","
                  "\"tools\":[],\"top_p\":null,\"usage\":null,"
                  "\"metadata\":{}}}\n\n");
}
