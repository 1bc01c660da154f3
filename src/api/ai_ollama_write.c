
/*
 * What an answer looks like in Ollama's form.  A line of a stream is
 *
 *     {"model":"m","created_at":"...","message":{...},"done":false}
 *
 * and for texts all but the text is made once.  Of a generation it has
 * "response" and "thinking" in place of the message.  The durations that
 * Ollama measures are not known here and left out, as Ollama does with those
 * that are zero.
 */

#include <api/ai_ollama_int.h>

#include <time.h>


#define AI_OLLAMA_TIME_MAX  INT64_C(253402300799)     /* the end of 9999 */

#define AI_OLLAMA_MESSAGE   "\"message\":{\"role\":\"assistant\","            \
                            "\"content\":\""


static void ai_ollama_time(ai_buf_t *b, int64_t created);
static void ai_ollama_line(ai_buf_t *b, const ai_raw_t *raw);
static void ai_ollama_write_rest(ai_ollama_reply_t *r);
static void ai_ollama_count(ai_buf_t *b, const char *name, int64_t n);


ai_int_t
ai_ollama_write_init(ai_ollama_reply_t *r, const ai_esc_t *model)
{
    ai_buf_lit(&r->head, "{\"model\":");
    ai_buf_quote_esc(&r->head, model);
    ai_buf_lit(&r->head, ",\"created_at\":\"");
    ai_ollama_time(&r->head, r->conf.created);
    ai_buf_lit(&r->head, "\",");

    ai_buf_add(&r->text_head, r->head.start, ai_buf_len(&r->head));
    ai_buf_add(&r->think_head, r->head.start, ai_buf_len(&r->head));

    if (r->generate) {
        ai_buf_lit(&r->text_head, "\"response\":\"");
        ai_buf_lit(&r->think_head, "\"response\":\"\",\"thinking\":\"");
        r->tail = ai_lit("\",\"done\":false}\n");

    } else {
        ai_buf_lit(&r->text_head, AI_OLLAMA_MESSAGE);
        ai_buf_lit(&r->think_head, AI_OLLAMA_MESSAGE "\",\"thinking\":\"");
        r->tail = ai_lit("\"},\"done\":false}\n");
    }

    return r->head.failed || r->text_head.failed || r->think_head.failed
           ? AI_ERROR : AI_OK;
}


static void
ai_ollama_time(ai_buf_t *b, int64_t created)
{
    char       text[64];
    time_t     t;
    struct tm  tm;

    t = (time_t) ai_min(ai_max(created, 0), AI_OLLAMA_TIME_MAX);

    if (gmtime_r(&t, &tm) == NULL) {
        ai_buf_lit(b, "1970-01-01T00:00:00Z");
        return;
    }

    ai_buf_add(b, text, strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ",
                                 &tm));
}


void
ai_ollama_write_thinking(ai_ollama_reply_t *r, const ai_esc_t *text)
{
    ai_buf_add(r->out, r->think_head.start, ai_buf_len(&r->think_head));
    ai_buf_cat(r->out, text);
    ai_buf_cat(r->out, &r->tail);
}


/* arguments that are no object are left out with their call: a client would
 * make it without them */

ai_int_t
ai_ollama_write_call(ai_ollama_reply_t *r, const ai_ollama_slot_t *slot)
{
    ai_buf_t  *b;
    ai_str_t   args;

    args = ai_buf_str(&slot->args);

    ai_buf_reset(&r->scratch);
    ai_json_unescape(&r->scratch, &args);

    if (r->scratch.failed) {
        return AI_ERROR;
    }

    args = ai_buf_len(&r->scratch) ? ai_buf_str(&r->scratch) : ai_lit("{}");

    if (ai_json_parse(&r->doc, &args, NULL) != AI_OK
        && r->doc.error == AI_JSON_E_MEMORY)
    {
        return AI_ERROR;
    }

    if (ai_json_type(&r->doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        r->malformed = 1;
        return AI_OK;
    }

    args = ai_json_raw(&r->doc, AI_JSON_ROOT);

    if (r->conf.stream) {
        b = r->out;
        ai_buf_add(b, r->head.start, ai_buf_len(&r->head));
        ai_buf_lit(b, AI_OLLAMA_MESSAGE "\",\"tool_calls\":[");

    } else {
        b = &r->tools;

        if (ai_buf_len(b)) {
            ai_buf_char(b, ',');
        }
    }

    ai_buf_add(b, slot->head.start, ai_buf_len(&slot->head));
    ai_ollama_line(b, &args);
    ai_buf_lit(b, "}}");

    if (r->conf.stream) {
        ai_buf_lit(b, "]},\"done\":false}\n");
    }

    return b->failed ? AI_ERROR : AI_OK;
}


/* without the line ends that may stand between the tokens of a value */

static void
ai_ollama_line(ai_buf_t *b, const ai_raw_t *raw)
{
    size_t             n;
    const ai_char_t   *p, *end;

    p = raw->data;
    end = raw->data + raw->len;

    while (p < end) {

        for (n = 0; p + n < end && p[n] != '\n' && p[n] != '\r'; n++) {
            /* void */
        }

        ai_buf_add(b, p, n);
        p += n + 1;
    }
}


ai_int_t
ai_ollama_write_logprobs(ai_ollama_reply_t *r, const ai_raw_t *raw)
{
    ai_buf_t  *b;
    ai_ref_t   list;
    ai_raw_t   inner;

    if (ai_json_parse(&r->doc, raw, NULL) != AI_OK) {
        return r->doc.error == AI_JSON_E_MEMORY ? AI_ERROR : AI_OK;
    }

    list = ai_json_get(&r->doc, AI_JSON_ROOT, "content");

    if (ai_json_type(&r->doc, list) != AI_JSON_ARRAY
        || r->doc.node[list].count == 0)
    {
        return AI_OK;
    }

    inner = ai_json_raw(&r->doc, list);
    inner.data++;
    inner.len -= 2;

    if (!r->conf.stream) {
        b = &r->logs;

        if (ai_buf_len(b)) {
            ai_buf_char(b, ',');
        }

        ai_ollama_line(b, &inner);

        return b->failed ? AI_ERROR : AI_OK;
    }

    b = r->out;

    ai_buf_add(b, r->text_head.start, ai_buf_len(&r->text_head));

    if (r->generate) {
        ai_buf_lit(b, "\",\"logprobs\":[");

    } else {
        ai_buf_lit(b, "\"},\"logprobs\":[");
    }

    ai_ollama_line(b, &inner);
    ai_buf_lit(b, "],\"done\":false}\n");

    return AI_OK;
}


void
ai_ollama_write_end(ai_ollama_reply_t *r)
{
    ai_buf_t  *b;

    static const ai_str_t  reasons[] = {
        ai_string("stop"), ai_string("stop"), ai_string("stop"),
        ai_string("length"), ai_string("length"), ai_string("stop"),
        ai_string("content_filter"), ai_string("length"), ai_string("stop")
    };

    b = r->out;

    ai_buf_add(b, r->text_head.start, ai_buf_len(&r->text_head));
    ai_buf_add(b, r->text.start, ai_buf_len(&r->text));

    ai_buf_char(b, '"');

    ai_ollama_write_rest(r);

    if (!r->generate) {
        ai_buf_char(b, '}');
    }

    if (ai_buf_len(&r->logs)) {
        ai_buf_lit(b, ",\"logprobs\":[");
        ai_buf_add(b, r->logs.start, ai_buf_len(&r->logs));
        ai_buf_char(b, ']');
    }

    ai_buf_lit(b, ",\"done\":true,\"done_reason\":");
    ai_buf_quote(b, &reasons[r->finish]);

    ai_ollama_count(b, ",\"prompt_eval_count\":", r->usage.prompt);
    ai_ollama_count(b, ",\"eval_count\":", r->usage.completion);

    if (r->conf.stream) {
        ai_buf_lit(b, "}\n");

    } else {
        ai_buf_char(b, '}');
    }
}


/* what follows the text; a stream has told it before */

static void
ai_ollama_write_rest(ai_ollama_reply_t *r)
{
    ai_buf_t  *b;

    b = r->out;

    if (ai_buf_len(&r->thinking)) {
        ai_buf_lit(b, ",\"thinking\":\"");
        ai_buf_add(b, r->thinking.start, ai_buf_len(&r->thinking));
        ai_buf_char(b, '"');
    }

    if (ai_buf_len(&r->tools)) {
        ai_buf_lit(b, ",\"tool_calls\":[");
        ai_buf_add(b, r->tools.start, ai_buf_len(&r->tools));
        ai_buf_char(b, ']');
    }
}


static void
ai_ollama_count(ai_buf_t *b, const char *name, int64_t n)
{
    if (n >= 0) {
        ai_buf_add(b, name, strlen(name));
        ai_buf_int(b, n);
    }
}
