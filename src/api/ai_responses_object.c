
/*
 * The response object, its items, and the row of dialects.
 */

#include <api/ai_reply_int.h>
#include <api/ai_responses_int.h>
#include <api/ai_stop.h>


static void ai_responses_string(ai_buf_t *b, const ai_buf_t *s);
static void ai_responses_encrypted(ai_responses_reply_t *r, ai_buf_t *b,
    const ai_item_t *item);
static void ai_responses_settings(ai_buf_t *b, const ai_request_t *rq,
    const ai_usage_t *usage);
static void ai_responses_sampling(ai_buf_t *b, const ai_request_t *rq,
    const ai_usage_t *usage);
static void ai_responses_tools(ai_buf_t *b, const ai_request_t *rq);
static void ai_responses_tool_given(ai_buf_t *b, const ai_tool_t *tool);
static void ai_responses_tool_choice(ai_buf_t *b, const ai_request_t *rq);
static void ai_responses_format(ai_buf_t *b, const ai_request_t *rq);
static void ai_responses_raw_or(ai_buf_t *b, const char *name,
    const ai_raw_t *raw, const char *none);
static void ai_responses_esc_or_null(ai_buf_t *b, const char *name,
    const ai_esc_t *s);


const ai_dialect_t  ai_dialect_responses = {
    .name = ai_string("openai.responses"),
    .family = AI_FAMILY_RESPONSES,
    .stream_type = ai_string("text/event-stream"),
    .peek = ai_responses_peek,
    .last_text = ai_responses_last_text,
    .decode = ai_responses_decode,
    .reply_create = ai_responses_reply_create,
    .reply_event = ai_responses_reply_event,
    .reply_end = ai_responses_reply_end,
    .error = ai_openai_error,
    .error_event = ai_responses_error_event,
    .foreign = ai_responses_foreign,
    .stop = &ai_responses_stop_wire
};


static void
ai_responses_cstr(ai_buf_t *b, const char *cstr)
{
    ai_buf_add(b, cstr, strlen(cstr));
}


/* the inside of a string, in quotes */

static void
ai_responses_string(ai_buf_t *b, const ai_buf_t *s)
{
    ai_buf_char(b, '"');
    ai_buf_add(b, s->start, ai_buf_len(s));
    ai_buf_char(b, '"');
}


void
ai_responses_quote_or_null(ai_buf_t *b, const ai_str_t *s)
{
    if (s->len) {
        ai_buf_quote(b, s);

    } else {
        ai_buf_lit(b, "null");
    }
}


void
ai_responses_raw(ai_buf_t *b, const ai_raw_t *raw)
{
    size_t  i, from;

    from = 0;

    for (i = 0; i < raw->len; i++) {
        if (raw->data[i] == '\n' || raw->data[i] == '\r') {
            ai_buf_add(b, raw->data + from, i - from);
            from = i + 1;
        }
    }

    if (from < raw->len) {
        ai_buf_add(b, raw->data + from, raw->len - from);
    }
}


void
ai_responses_item_id(const ai_responses_reply_t *r, ai_buf_t *b,
    const ai_item_t *item)
{
    static const char *const  prefixes[] = {
        "", "msg_", "fc_", "ctc_", "rs_"
    };

    ai_buf_char(b, '"');
    ai_responses_cstr(b, prefixes[item->type]);
    ai_buf_cat(b, &r->conf.id);
    ai_buf_int(b, item - r->items);
    ai_buf_char(b, '"');
}


void
ai_responses_part(ai_buf_t *b, const ai_item_t *item, ai_int_t filled)
{
    ai_raw_t  list;
    ai_buf_t  none;

    memset(&none, 0, sizeof(ai_buf_t));

    if (item->type == AI_ITEM_REASONING) {
        ai_buf_lit(b, "{\"type\":\"summary_text\",\"text\":");
        ai_responses_string(b, filled ? &item->text : &none);
        ai_buf_char(b, '}');
        return;
    }

    if (item->kind == AI_BLOCK_REFUSAL) {
        ai_buf_lit(b, "{\"type\":\"refusal\",\"refusal\":");
        ai_responses_string(b, filled ? &item->text : &none);
        ai_buf_char(b, '}');
        return;
    }

    ai_buf_lit(b, "{\"type\":\"output_text\",\"text\":");
    ai_responses_string(b, filled ? &item->text : &none);
    ai_buf_lit(b, ",\"annotations\":[");

    if (filled) {
        ai_buf_add(b, item->annotations.start,
                   ai_buf_len(&item->annotations));
    }

    ai_buf_lit(b, "],\"logprobs\":[");

    if (filled) {
        list = ai_buf_str(&item->logs);
        ai_responses_raw(b, &list);
    }

    ai_buf_lit(b, "]}");
}


void
ai_responses_item(ai_responses_reply_t *r, ai_buf_t *b, const ai_item_t *item,
    ai_int_t filled)
{
    ai_buf_t     none;
    const char  *status;

    memset(&none, 0, sizeof(ai_buf_t));

    status = !filled ? "in_progress" : item->cut ? "incomplete" : "completed";

    ai_buf_lit(b, "{\"id\":");
    ai_responses_item_id(r, b, item);

    switch (item->type) {

    case AI_ITEM_MESSAGE:
        ai_buf_lit(b, ",\"type\":\"message\",\"role\":\"assistant\","
                      "\"content\":[");

        if (filled) {
            ai_buf_add(b, item->content.start, ai_buf_len(&item->content));
        }

        ai_buf_char(b, ']');
        break;

    case AI_ITEM_CALL:
    case AI_ITEM_CUSTOM:
        ai_responses_cstr(b, item->type == AI_ITEM_CALL
                             ? ",\"type\":\"function_call\",\"call_id\":"
                             : ",\"type\":\"custom_tool_call\",\"call_id\":");
        ai_responses_string(b, &item->head);
        ai_buf_lit(b, ",\"name\":");
        ai_responses_string(b, &item->name);

        if (item->space.len) {
            ai_buf_lit(b, ",\"namespace\":");
            ai_buf_quote_esc(b, &item->space);
        }

        if (item->type == AI_ITEM_CALL) {
            ai_buf_lit(b, ",\"arguments\":");
            ai_responses_string(b, filled ? &item->text : &none);

        } else {
            ai_buf_lit(b, ",\"input\":");
            ai_responses_string(b, filled ? &item->content : &none);
        }

        break;

    default:
        ai_buf_lit(b, ",\"type\":\"reasoning\",\"summary\":[");

        if (filled && item->parts) {
            ai_responses_part(b, item, 1);
        }

        ai_buf_lit(b, "],\"encrypted_content\":");

        if (filled) {
            ai_responses_encrypted(r, b, item);

        } else {
            ai_buf_lit(b, "null");
        }
    }

    ai_buf_lit(b, ",\"status\":\"");
    ai_responses_cstr(b, status);
    ai_buf_lit(b, "\"}");
}


static void
ai_responses_encrypted(ai_responses_reply_t *r, ai_buf_t *b,
    const ai_item_t *item)
{
    ai_responses_state_t  st;

    if (item->family == AI_FAMILY_NONE || ai_buf_len(&item->opaque) == 0) {
        ai_buf_lit(b, "null");
        return;
    }

    st.kind = item->kind;
    st.family = item->family;
    st.id = ai_buf_str(&item->head);
    st.text = ai_buf_str(&item->text);
    st.opaque = ai_buf_str(&item->opaque);

    ai_buf_char(b, '"');
    ai_responses_state_write(b, &r->scratch, &st);
    ai_buf_char(b, '"');
}


void
ai_responses_object(ai_responses_reply_t *r, ai_buf_t *b, const char *status)
{
    uint32_t   i, n;
    ai_int_t   over;

    over = strcmp(status, "in_progress") != 0;

    ai_buf_lit(b, "{\"id\":\"resp_");
    ai_buf_cat(b, &r->conf.id);
    ai_buf_lit(b, "\",\"object\":\"response\",\"created_at\":");
    ai_buf_int(b, r->created);
    ai_buf_lit(b, ",\"status\":\"");
    ai_responses_cstr(b, status);
    ai_buf_lit(b, "\",\"background\":false,\"error\":");

    if (r->error) {
        ai_responses_failure(b, r->error);

    } else {
        ai_buf_lit(b, "null");
    }

    ai_buf_lit(b, ",\"incomplete_details\":");

    if (strcmp(status, "incomplete") != 0) {
        ai_buf_lit(b, "null");

    } else if (r->finish == AI_FINISH_FILTER) {
        ai_buf_lit(b, "{\"reason\":\"content_filter\"}");

    } else {
        ai_buf_lit(b, "{\"reason\":\"max_output_tokens\"}");
    }

    ai_buf_lit(b, ",\"model\":");
    ai_buf_quote_esc(b, &r->model);
    ai_buf_lit(b, ",\"output\":[");

    n = 0;

    for (i = 0; i < r->nitems && over; i++) {
        if (r->items[i].done) {
            ai_buf_add(b, ",", n++ ? 1 : 0);
            ai_responses_item(r, b, &r->items[i], 1);
        }
    }

    ai_buf_char(b, ']');

    ai_responses_settings(b, r->conf.rq, over ? &r->usage : NULL);

    ai_buf_lit(b, ",\"usage\":");

    if (over) {
        ai_responses_usage(b, &r->usage);

    } else {
        ai_buf_lit(b, "null");
    }

    ai_buf_char(b, '}');
}


/* what was asked for, and got; rq and usage may be NULL.  The instructions are
 * not repeated: they may be long, and nobody reads them here */

static void
ai_responses_settings(ai_buf_t *b, const ai_request_t *rq,
    const ai_usage_t *usage)
{
    ai_request_t  none;

    static const char *const  efforts[] = {
        "null", "\"none\"", "\"minimal\"", "\"low\"", "\"medium\"",
        "\"high\"", "\"xhigh\"", "\"max\""
    };

    if (rq == NULL) {
        ai_request_init(&none);
        rq = &none;
    }

    ai_buf_lit(b, ",\"instructions\":null,\"max_output_tokens\":");

    if (rq->max_output >= 0) {
        ai_buf_int(b, rq->max_output);

    } else {
        ai_buf_lit(b, "null");
    }

    ai_buf_lit(b, ",\"max_tool_calls\":null,\"parallel_tool_calls\":");
    ai_responses_cstr(b, rq->parallel == 0 ? "false" : "true");
    ai_buf_lit(b, ",\"previous_response_id\":null,\"reasoning\":{\"effort\":");
    ai_responses_cstr(b, efforts[rq->effort]);
    ai_buf_lit(b, ",\"summary\":");
    ai_responses_cstr(b, rq->thoughts == 1 ? "\"auto\"" : "null");
    ai_buf_lit(b, "},\"store\":false,\"text\":{\"format\":");
    ai_responses_format(b, rq);
    ai_buf_lit(b, "},\"tool_choice\":");
    ai_responses_tool_choice(b, rq);
    ai_buf_lit(b, ",\"tools\":[");
    ai_responses_tools(b, rq);
    ai_buf_char(b, ']');
    ai_responses_sampling(b, rq, usage);
}


static void
ai_responses_sampling(ai_buf_t *b, const ai_request_t *rq,
    const ai_usage_t *usage)
{
    const char  *tier;

    ai_responses_raw_or(b, ",\"temperature\":", &rq->temperature, "1.0");
    ai_responses_raw_or(b, ",\"top_p\":", &rq->top_p, "1.0");
    ai_buf_lit(b, ",\"top_logprobs\":");
    ai_buf_int(b, ai_max(rq->top_logprobs, 0));
    ai_buf_lit(b, ",\"truncation\":\"disabled\"");

    tier = usage ? ai_reply_tier(usage) : "";

    if (*tier) {
        ai_responses_cstr(b, tier);

    } else {
        ai_responses_esc_or_null(b, ",\"service_tier\":", &rq->tier);
    }

    ai_responses_esc_or_null(b, ",\"user\":", &rq->user);
    ai_responses_raw_or(b, ",\"metadata\":", &rq->metadata, "{}");
}


static void
ai_responses_raw_or(ai_buf_t *b, const char *name, const ai_raw_t *raw,
    const char *none)
{
    ai_responses_cstr(b, name);

    if (raw->len) {
        ai_responses_raw(b, raw);

    } else {
        ai_responses_cstr(b, none);
    }
}


static void
ai_responses_esc_or_null(ai_buf_t *b, const char *name, const ai_esc_t *s)
{
    ai_responses_cstr(b, name);

    if (s->data) {
        ai_buf_quote_esc(b, s);

    } else {
        ai_buf_lit(b, "null");
    }
}


static void
ai_responses_tools(ai_buf_t *b, const ai_request_t *rq)
{
    ai_esc_t          space;
    const ai_tool_t  *tool;

    memset(&space, 0, sizeof(ai_esc_t));

    for (tool = rq->tools; tool; tool = tool->next) {

        if (!ai_str_eq(&tool->space, &space)) {
            ai_buf_add(b, "]}", space.len ? 2 : 0);
            ai_buf_add(b, ",", tool != rq->tools);

            if (tool->space.len) {
                ai_buf_lit(b, "{\"type\":\"namespace\",\"name\":");
                ai_buf_quote_esc(b, &tool->space);
                ai_buf_lit(b, ",\"description\":\"\",\"tools\":[");
            }

            space = tool->space;

        } else {
            ai_buf_add(b, ",", tool != rq->tools);
        }

        ai_responses_tool_given(b, tool);
    }

    ai_buf_add(b, "]}", space.len ? 2 : 0);
}


static void
ai_responses_tool_given(ai_buf_t *b, const ai_tool_t *tool)
{
    ai_esc_t  name;

    name = tool->name;

    if (tool->space.len) {
        name.data += tool->space.len + 2;
        name.len -= tool->space.len + 2;
    }

    ai_responses_cstr(b, tool->custom ? "{\"type\":\"custom\",\"name\":"
                                      : "{\"type\":\"function\",\"name\":");
    ai_buf_quote_esc(b, &name);
    ai_responses_esc_or_null(b, ",\"description\":", &tool->description);

    if (tool->custom) {
        ai_buf_lit(b, ",\"format\":{\"type\":\"text\"}}");
        return;
    }

    ai_responses_raw_or(b, ",\"parameters\":", &tool->schema, "null");
    ai_responses_cstr(b, tool->strict == 1 ? ",\"strict\":true}"
                                           : ",\"strict\":false}");
}


static void
ai_responses_tool_choice(ai_buf_t *b, const ai_request_t *rq)
{
    const char       *type;
    const ai_tool_t  *tool;

    switch (rq->choice) {

    case AI_CHOICE_NONE:
        ai_buf_lit(b, "\"none\"");
        return;

    case AI_CHOICE_REQUIRED:
        ai_buf_lit(b, "\"required\"");
        return;

    case AI_CHOICE_NAMED:
        type = "function";

        for (tool = rq->tools; tool; tool = tool->next) {
            if (tool->custom && ai_str_eq(&tool->name, &rq->choice_name)) {
                type = "custom";
            }
        }

        ai_buf_lit(b, "{\"type\":\"");
        ai_responses_cstr(b, type);
        ai_buf_lit(b, "\",\"name\":");
        ai_buf_quote_esc(b, &rq->choice_name);
        ai_buf_char(b, '}');
        return;

    default:
        ai_buf_lit(b, "\"auto\"");
    }
}


static void
ai_responses_format(ai_buf_t *b, const ai_request_t *rq)
{
    switch (rq->output) {

    case AI_OUTPUT_JSON:
        ai_buf_lit(b, "{\"type\":\"json_object\"}");
        return;

    case AI_OUTPUT_SCHEMA:
        ai_buf_lit(b, "{\"type\":\"json_schema\",\"name\":");
        ai_buf_quote_esc(b, &rq->output_name);
        ai_responses_esc_or_null(b, ",\"description\":",
                                 &rq->output_description);
        ai_responses_raw_or(b, ",\"schema\":", &rq->output_schema, "{}");
        ai_responses_cstr(b, rq->output_strict == 1 ? ",\"strict\":true}"
                                                    : ",\"strict\":false}");
        return;

    default:
        ai_buf_lit(b, "{\"type\":\"text\"}");
    }
}


static void
ai_responses_count(ai_buf_t *b, int64_t n)
{
    ai_buf_int(b, ai_max(n, 0));
}


void
ai_responses_usage(ai_buf_t *b, const ai_usage_t *usage)
{
    ai_buf_lit(b, "{\"input_tokens\":");
    ai_responses_count(b, usage->prompt);
    ai_buf_lit(b, ",\"input_tokens_details\":{\"cached_tokens\":");
    ai_responses_count(b, usage->cached);
    ai_buf_lit(b, ",\"cache_write_tokens\":");
    ai_responses_count(b, usage->cache_write);
    ai_reply_count(b, ",\"audio_tokens\":", usage->prompt_audio);
    ai_reply_count(b, ",\"image_tokens\":", usage->prompt_image);
    ai_buf_lit(b, "},\"output_tokens\":");
    ai_responses_count(b, usage->completion);
    ai_buf_lit(b, ",\"output_tokens_details\":{\"reasoning_tokens\":");
    ai_responses_count(b, usage->reasoning);
    ai_reply_count(b, ",\"audio_tokens\":", usage->completion_audio);
    ai_reply_count(b, ",\"image_tokens\":", usage->completion_image);
    ai_buf_lit(b, "},\"total_tokens\":");
    ai_responses_count(b, usage->total);
    ai_buf_char(b, '}');
}
