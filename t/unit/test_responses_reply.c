
/*
 * Answers in the form of the Responses API: a stream, read back by a reader
 * that knows only the format, one object, and the way back into a request.
 */

#define _GNU_SOURCE                     /* memmem() */

#include "tap.h"
#include "openai_dump.h"
#include "upstream.h"

#include <api/ai_responses.h>


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif

#define ID       "0123456789abcdefghijABCDEFGHI"
#define STR(s)   { sizeof(s) - 1, (ai_char_t *) (s) }

#define START    { .type = AI_EVENT_START, .id = STR("x"), .model = STR("m") }
#define OPEN(i, k, ...)                                                       \
    { .type = AI_EVENT_BLOCK_START, .index = i, .kind = AI_BLOCK_##k,         \
      __VA_ARGS__ }
#define TEXT(i, k, s)                                                         \
    { .type = AI_EVENT_DELTA, .index = i, .kind = AI_BLOCK_##k,               \
      .text = STR(s) }
#define SIGN(i, k, s, f)                                                      \
    { .type = AI_EVENT_DELTA, .index = i, .kind = AI_BLOCK_##k,               \
      .delta = AI_DELTA_SIGNATURE, .text = STR(s),                            \
      .family = AI_FAMILY_##f }
#define RAW(i, d, s)                                                          \
    { .type = AI_EVENT_DELTA, .index = i, .kind = AI_BLOCK_TEXT,              \
      .delta = AI_DELTA_##d, .raw = STR(s) }
#define STOP(i, k)                                                            \
    { .type = AI_EVENT_BLOCK_STOP, .index = i, .kind = AI_BLOCK_##k }
#define FINISH(f)  { .type = AI_EVENT_FINISH, .finish = AI_FINISH_##f }
#define END        { .type = 0 }

/* short names of events, as the reader notes them */
#define CREATED  "created in_progress "
#define MSG(d)   "output_item.added content_part.added " d                    \
                 "output_text.done content_part.done output_item.done "
#define TD       "output_text.delta "
#define CALL(d)  "output_item.added " d "function_call_arguments.done "       \
                 "output_item.done "
#define AD       "function_call_arguments.delta "
#define CUSTOM   "output_item.added custom_tool_call_input.delta "            \
                 "custom_tool_call_input.done output_item.done "
#define THINK(d) "output_item.added reasoning_summary_part.added " d          \
                 "reasoning_summary_text.done reasoning_summary_part.done "   \
                 "output_item.done "
#define SD       "reasoning_summary_text.delta "
#define STATE    "output_item.added output_item.done "


typedef struct {
    const char       *name;
    const char       *events;       /* types, in order */
    const char       *items;        /* what the output says */
    const char       *back;         /* as the input of a request */
    ai_event_t        ev[24];
} case_t;


static const case_t  cases[] = {

    { "text, of two blocks",
      CREATED MSG(TD TD TD) "completed ",
      "message completed [text a\\u00e9\\nbc]",
      "A[text a\\u00e9\\nbc]",
      { START, OPEN(0, TEXT, ), TEXT(0, TEXT, "a\\u00e9\\n"),
        TEXT(0, TEXT, ""), TEXT(0, TEXT, "b"), STOP(0, TEXT),
        OPEN(1, TEXT, ), TEXT(1, TEXT, "c"), STOP(1, TEXT), FINISH(STOP),
        TEXT(0, TEXT, "late"), FINISH(LENGTH), END } },

    { "nothing at all",
      CREATED "incomplete ", "", NULL,
      { START, OPEN(0, TEXT, ), FINISH(CONTEXT), END } },

    { "two calls, one without arguments, interleaved",
      CREATED "output_item.added output_item.added " AD AD
      "function_call_arguments.done output_item.done " AD
      "function_call_arguments.done output_item.done completed ",
      "function_call completed c1 f {\\\"a\\\":1}; "
      "function_call completed call_" ID "1 g {}",
      "A[call id=c1 name=f args={\"a\":1}][call id=call_" ID "1 name=g "
      "args={}]",
      { START, OPEN(3, TOOL_CALL, .id = STR("c1"), .name = STR("f")),
        OPEN(5, TOOL_CALL, .name = STR("g")),
        TEXT(3, TOOL_CALL, "{\\\"a\\\":"), TEXT(3, TOOL_CALL, "1}"),
        STOP(3, TOOL_CALL), STOP(5, TOOL_CALL), FINISH(STOP), END } },

    { "thinking with a signature in pieces, redacted, text, a call",
      CREATED THINK(SD SD) STATE MSG(TD) CALL(AD) "completed ",
      "reasoning completed [summary_text why]; reasoning completed; "
      "message completed [text x]; function_call completed c f {}",
      "A[think why sig=SIG anthropic][redacted data=RED anthropic][text x]"
      "[call id=c name=f args={}]",
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "wh"),
        TEXT(0, THINKING, "y"), SIGN(0, THINKING, "SI", ANTHROPIC),
        SIGN(0, THINKING, "G", ANTHROPIC), STOP(0, THINKING),
        OPEN(1, REDACTED, .data = STR("RED"), .family = AI_FAMILY_ANTHROPIC),
        STOP(1, REDACTED), OPEN(2, TEXT, ), TEXT(2, TEXT, "x"),
        STOP(2, TEXT),
        OPEN(3, TOOL_CALL, .id = STR("c"), .name = STR("f")),
        STOP(3, TOOL_CALL), FINISH(TOOLS), END } },

    { "thinking that is signed only, and some that is not",
      CREATED STATE THINK(SD) "completed ",
      "reasoning completed; reasoning completed [summary_text t]",
      "A[think sig=S anthropic][think t]",
      { START, OPEN(0, THINKING, ), SIGN(0, THINKING, "S", ANTHROPIC),
        STOP(0, THINKING), OPEN(1, THINKING, ), TEXT(1, THINKING, "t"),
        STOP(1, THINKING), FINISH(STOP), END } },

    { "Google's signatures, on text and calls, early and late",
      CREATED MSG(TD) STATE STATE CALL(AD) CALL(AD) STATE "completed ",
      "message completed [text x]; reasoning completed; "
      "reasoning completed; function_call completed c f {}; "
      "function_call completed d g {}; reasoning completed",
      "A[text x sig=X gemini][call id=c name=f args={} sig=C gemini]"
      "[call id=d name=g args={} sig=D gemini]",
      { START, OPEN(1, TEXT, ), TEXT(1, TEXT, "x"), SIGN(1, TEXT, "X", GEMINI),
        STOP(1, TEXT),
        OPEN(2, TOOL_CALL, .id = STR("c"), .name = STR("f"),
             .signature = STR("C"), .family = AI_FAMILY_GEMINI),
        TEXT(2, TOOL_CALL, "{}"), STOP(2, TOOL_CALL),
        OPEN(3, TOOL_CALL, .id = STR("d"), .name = STR("g")),
        SIGN(3, TOOL_CALL, "D", GEMINI), STOP(3, TOOL_CALL),
        FINISH(TOOLS), END } },

    { "refusal after text",
      CREATED "output_item.added content_part.added " TD
      "output_text.done content_part.done content_part.added refusal.delta "
      "refusal.done content_part.done output_item.done incomplete ",
      "message incomplete [text a] [refusal no]",
      "A[text a][refusal no]",
      { START, TEXT(0, TEXT, "a"), STOP(0, TEXT), OPEN(1, REFUSAL, ),
        TEXT(1, REFUSAL, "no"), STOP(1, REFUSAL), FINISH(FILTER), END } },

    { "a custom tool",
      CREATED CUSTOM CALL(AD) "completed ",
      "custom_tool_call completed c patch a\\n\\\"b\\\"; "
      "function_call completed d f {}",
      "A[call id=c name=patch args={\"input\":\"a\\n\\\"b\\\"\"}]"
      "[call id=d name=f args={}]",
      { START, OPEN(0, TOOL_CALL, .id = STR("c"), .name = STR("patch")),
        TEXT(0, TOOL_CALL, "{\\\"input\\\": \\\"a\\\\n"),
        TEXT(0, TOOL_CALL, "\\\\\\\"b\\\\\\\"\\\"}"), STOP(0, TOOL_CALL),
        OPEN(1, TOOL_CALL, .id = STR("d"), .name = STR("f")),
        TEXT(1, TOOL_CALL, "{}"), STOP(1, TOOL_CALL), FINISH(TOOLS), END } },

    { "tools of a namespace, and one that nobody offered",
      CREATED CALL(AD) CUSTOM CALL(AD) "completed ",
      "function_call completed c n f {}; custom_tool_call completed d n p i; "
      "function_call completed e n__z {}",
      "A[call id=c name=n__f args={}][call id=d name=n__p args="
      "{\"input\":\"i\"}][call id=e name=n__z args={}]",
      { START, OPEN(0, TOOL_CALL, .id = STR("c"), .name = STR("n__f")),
        TEXT(0, TOOL_CALL, "{}"), STOP(0, TOOL_CALL),
        OPEN(1, TOOL_CALL, .id = STR("d"), .name = STR("n__p")),
        TEXT(1, TOOL_CALL, "{\\\"input\\\":\\\"i\\\"}"),
        STOP(1, TOOL_CALL),
        OPEN(2, TOOL_CALL, .id = STR("e"), .name = STR("n__z")),
        TEXT(2, TOOL_CALL, "{}"), STOP(2, TOOL_CALL), FINISH(TOOLS), END } },

    { "a custom tool that was cut",
      CREATED CUSTOM "incomplete ",
      "custom_tool_call incomplete c patch {\\\"inp", NULL,
      { START, OPEN(0, TOOL_CALL, .id = STR("c"), .name = STR("patch")),
        TEXT(0, TOOL_CALL, "{\\\"inp"), STOP(0, TOOL_CALL),
        FINISH(LENGTH), END } },

    { "annotations and logprobs, with line ends between their tokens",
      CREATED "output_item.added content_part.added " TD TD
      "output_text.annotation.added output_text.done content_part.done "
      "output_item.done " THINK(SD) "output_item.added content_part.added " TD
      "output_text.annotation.added output_text.done content_part.done "
      "output_item.done completed ",
      "message completed [text \\u00e9\\n notes 1 logs 2 at 0 2 \"u\"]; "
      "reasoning completed [summary_text t]; "
      "message completed [text yz notes 1 logs 0 at 0 1 \"v\"]",
      "A[text \\u00e9\\n][think t][text yz]",
      { START, TEXT(0, TEXT, "\\u00e9\\n"),
        RAW(0, LOGPROBS, "{\r\n\"content\":[{\"token\":\"x\"},\n"
                         "{\"token\":\"y\"}]}"),
        RAW(0, ANNOTATION, "{\"type\":\"url_citation\",\"url_citation\":\n"
                           "{\"url\":\"u\",\"start_index\":0,"
                           "\"end_index\":2}}"),
        RAW(0, ANNOTATION, "{\"type\":\"file\"}"),
        STOP(0, TEXT), TEXT(1, THINKING, "t"), STOP(1, THINKING),
        OPEN(2, TEXT, ), TEXT(2, TEXT, "yz"),
        RAW(2, ANNOTATION, "{\"url_citation\":{\"url\":\"v\",\"title\":"
                           "\"t\",\"start_index\":2,\"end_index\":3}}"),
        FINISH(STOP), END } },

    { "another choice has no place",
      CREATED MSG(TD) "completed ", "message completed [text x]",
      "A[text x]",
      { START, TEXT(0, TEXT, "x"),
        { .type = AI_EVENT_DELTA, .choice = 1, .kind = AI_BLOCK_TEXT,
          .text = STR("y") },
        { .type = AI_EVENT_FINISH, .choice = 1,
          .finish = AI_FINISH_LENGTH }, FINISH(STOP), END } },

    { .name = NULL }
};


static ai_tool_t  tools[] = {
    { .next = &tools[1], .name = STR("f"), .strict = 1,
      .schema = STR("{\"a\":\n1}") },
    { .next = &tools[2], .name = STR("patch"), .custom = 1, .strict = -1 },
    { .next = &tools[3], .name = STR("n__f"), .space = STR("n"),
      .strict = 0 },
    { .name = STR("n__p"), .space = STR("n"), .custom = 1, .strict = -1 }
};


static ai_request_t *
request(void)
{
    static ai_request_t  rq;

    ai_request_init(&rq);

    rq.tools = tools;
    rq.temperature = ai_lit("0.50");
    rq.max_output = 99;
    rq.choice = AI_CHOICE_NAMED;
    rq.choice_name = ai_lit("patch");
    rq.metadata = ai_lit("{\"k\":\r\n\"v\"}");
    rq.user = ai_lit("u\\n");
    rq.effort = AI_EFFORT_LOW;
    rq.parallel = 0;

    return &rq;
}


static ai_reply_conf_t
conf(int stream)
{
    ai_reply_conf_t  c;

    memset(&c, 0, sizeof(ai_reply_conf_t));

    c.id = ai_lit(ID);
    c.model = ai_lit("alias");
    c.created = 7;
    c.stream = stream;
    c.rq = request();

    return c;
}


static ai_int_t
run(const ai_reply_conf_t *c, const ai_event_t *ev, ai_buf_t *out)
{
    void  *r;

    ai_buf_init(out, mem_pool());

    r = ai_responses_reply_create(c, out, mem_pool());
    if (r == NULL) {
        return AI_ERROR;
    }

    for (/* void */; ev->type; ev++) {
        if (ai_responses_reply_event(r, ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return ai_responses_reply_end(r);
}


/*
 * The reader.  It keeps what the deltas of each item add up to and wants
 * every later copy to be the same.
 */

#define READ_ITEMS  256

typedef struct {
    ai_json_t     doc;
    int64_t       seq;
    int64_t       items;            /* added so far */
    ai_str_t      id[READ_ITEMS];
    ai_buf_t      text[READ_ITEMS];     /* deltas of the open part */
    ai_buf_t      done[READ_ITEMS];     /* the item at its end, spelled */
    ai_buf_t      types;
    ai_buf_t      all[4];           /* text, thoughts, arguments, refusals */
    ai_str_t      last;             /* the last event's response */
    const char   *bad;
} reader_t;


static void
reader_bad(reader_t *r, const char *what)
{
    if (r->bad == NULL) {
        r->bad = what;
    }
}


static ai_esc_t
reader_esc(reader_t *r, const char *name)
{
    return ai_json_esc(&r->doc, ai_json_get(&r->doc, 0, name));
}


static void
reader_same(reader_t *r, int64_t n, const ai_esc_t *s, const char *what)
{
    ai_str_t  text;

    text = ai_buf_str(&r->text[n]);

    if (!ai_str_eq(&text, s)) {
        reader_bad(r, what);
    }
}


static void
reader_response(reader_t *r, ai_ref_t v, int ended)
{
    int64_t    n;
    ai_ref_t   e, output;
    ai_str_t   raw, want;

    output = ai_json_get(&r->doc, v, "output");
    n = 0;

    for (e = ai_json_first(&r->doc, output);
         e != AI_JSON_NONE;
         e = ai_json_next(&r->doc, output, e))
    {
        raw = ai_json_raw(&r->doc, e);
        want = ai_buf_str(&r->done[n]);
        n++;

        if (!ai_str_eq(&raw, &want)) {
            reader_bad(r, "output that differs from its item");
        }
    }

    if (n != (ended ? r->items : 0)) {
        reader_bad(r, "items that are missing in the output");
    }

    if (ai_json_is_null(&r->doc, ai_json_get(&r->doc, v, "usage")) == ended) {
        reader_bad(r, "usage");
    }
}


static void
reader_event(reader_t *r, const ai_sse_event_t *ev)
{
    int        kind;
    int64_t    n;
    ai_esc_t   s, type;
    ai_ref_t   v, item;
    ai_raw_t   raw;

    if (ai_json_parse(&r->doc, &ev->data, NULL) != AI_OK) {
        reader_bad(r, "no JSON");
        return;
    }

    type = reader_esc(r, "type");

    if (!ai_str_eq(&type, &ev->name)) {
        reader_bad(r, "the event's name is not its type");
    }

    if (ai_json_int(&r->doc, ai_json_get(&r->doc, 0, "sequence_number"), &n)
        != AI_OK || n != r->seq++)
    {
        reader_bad(r, "sequence_number");
    }

    if (ai_str_starts(&type, "response.")) {
        type.data += 9;
        type.len -= 9;
    }

    ai_buf_cat(&r->types, &type);
    ai_buf_char(&r->types, ' ');

    v = ai_json_get(&r->doc, 0, "response");

    if (v != AI_JSON_NONE) {
        r->last = ai_json_raw(&r->doc, v);
        reader_response(r, v, !ai_str_is(&type, "created")
                              && !ai_str_is(&type, "in_progress"));
        return;
    }

    if (ai_str_is(&type, "error")) {
        return;
    }

    if (ai_json_int(&r->doc, ai_json_get(&r->doc, 0, "output_index"), &n)
        != AI_OK || n < 0 || n > r->items || n >= READ_ITEMS)
    {
        reader_bad(r, "output_index");
        return;
    }

    item = ai_json_get(&r->doc, 0, "item");

    if (item != AI_JSON_NONE) {
        s = ai_json_esc(&r->doc, ai_json_get(&r->doc, item, "id"));

        if (ai_str_is(&type, "output_item.added")) {
            if (n != r->items++ || s.len < 30) {
                reader_bad(r, "an item out of order");
            }

            ai_str_dup(mem_pool(), &r->id[n], &s);
            return;
        }

        if (ai_buf_len(&r->done[n]) || !ai_str_eq(&s, &r->id[n])) {
            reader_bad(r, "an item that ends twice, or is another");
        }

        raw = ai_json_raw(&r->doc, item);
        ai_buf_cat(&r->done[n], &raw);
        return;
    }

    s = reader_esc(r, "item_id");

    if (n == r->items || !ai_str_eq(&s, &r->id[n])
        || ai_buf_len(&r->done[n]))
    {
        reader_bad(r, "an event of no open item");
        return;
    }

    s = reader_esc(r, "delta");

    if (s.data) {
        kind = ai_str_starts(&type, "output_text") ? 0
               : ai_str_starts(&type, "reasoning") ? 1
               : ai_str_starts(&type, "refusal") ? 3 : 2;

        ai_buf_cat(&r->text[n], &s);
        ai_buf_cat(&r->all[kind], &s);

    } else if (ai_str_is(&type, "content_part.added")) {
        ai_buf_reset(&r->text[n]);

    } else if (ai_str_is(&type, "output_text.done")
               || ai_str_is(&type, "reasoning_summary_text.done"))
    {
        s = reader_esc(r, "text");
        reader_same(r, n, &s, "text.done");

    } else if (ai_str_is(&type, "refusal.done")) {
        s = reader_esc(r, "refusal");
        reader_same(r, n, &s, "refusal.done");

    } else if (ai_str_is(&type, "function_call_arguments.done")) {
        s = reader_esc(r, "arguments");
        reader_same(r, n, &s, "arguments.done");

    } else if (ai_str_is(&type, "custom_tool_call_input.done")) {
        s = reader_esc(r, "input");
        reader_same(r, n, &s, "input.done");

    } else if (ai_str_is(&type, "content_part.done")
               || ai_str_is(&type, "reasoning_summary_part.done"))
    {
        v = ai_json_get(&r->doc, 0, "part");
        s = ai_json_esc(&r->doc, ai_json_get(&r->doc, v, "text"));

        if (s.data == NULL) {
            s = ai_json_esc(&r->doc, ai_json_get(&r->doc, v, "refusal"));
        }

        reader_same(r, n, &s, "part.done");
    }
}


static void
reader_read(reader_t *r, const ai_str_t *stream)
{
    int              i;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_sse_event_t   ev;

    memset(r, 0, sizeof(reader_t));
    ai_json_init(&r->doc, mem_pool());
    ai_buf_init(&r->types, mem_pool());

    for (i = 0; i < READ_ITEMS; i++) {
        ai_buf_init(&r->text[i], mem_pool());
        ai_buf_init(&r->done[i], mem_pool());
    }

    for (i = 0; i < 4; i++) {
        ai_buf_init(&r->all[i], mem_pool());
    }

    ai_sse_init(&sse, mem_pool(), 0);
    in = *stream;

    while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
        if (ev.bytes.data[ev.bytes.len - 2] != '\n' || ev.name.len == 0) {
            reader_bad(r, "not the form of an event");
        }

        reader_event(r, &ev);
    }

    if (ai_sse_end(&sse, &ev, 0) != AI_DECLINED) {
        reader_bad(r, "an event without its end");
    }
}


static void
say_notes(ai_buf_t *b, const ai_json_t *doc, ai_ref_t part)
{
    ai_ref_t   notes, first;
    ai_raw_t   raw;
    ai_uint_t  i;

    static const char *const  fields[] = {
        "start_index", "end_index", "url"
    };

    notes = ai_json_get(doc, part, "annotations");

    if (notes == AI_JSON_NONE || doc->node[notes].count == 0) {
        return;
    }

    dump_cstr(b, " notes ");
    ai_buf_int(b, doc->node[notes].count);
    dump_cstr(b, " logs ");
    ai_buf_int(b, doc->node[ai_json_get(doc, part, "logprobs")].count);
    dump_cstr(b, " at");

    first = ai_json_first(doc, notes);

    for (i = 0; i < 3; i++) {
        raw = ai_json_raw(doc, ai_json_get(doc, first, fields[i]));
        ai_buf_char(b, ' ');
        ai_buf_cat(b, &raw);
    }
}


/* what a response object's output says */

static void
say_items(ai_buf_t *b, const ai_json_t *doc)
{
    ai_ref_t         output, v, p, list;
    ai_uint_t        i;
    ai_raw_t         raw;

    static const char *const  fields[] = {
        "type", "status", "call_id", "namespace", "name", "arguments",
        "input"
    };

    output = ai_json_get(doc, 0, "output");

    for (v = ai_json_first(doc, output);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, output, v))
    {
        dump_cstr(b, ai_buf_len(b) ? "; " : "");

        for (i = 0; i < 7; i++) {
            raw = ai_json_esc(doc, ai_json_get(doc, v, fields[i]));

            if (raw.data) {
                dump_cstr(b, i ? " " : "");
                ai_buf_cat(b, &raw);
            }
        }

        list = ai_json_get(doc, v, "content");

        if (list == AI_JSON_NONE) {
            list = ai_json_get(doc, v, "summary");
        }

        for (p = ai_json_first(doc, list);
             p != AI_JSON_NONE;
             p = ai_json_next(doc, list, p))
        {
            raw = ai_json_esc(doc, ai_json_get(doc, p, "type"));
            dump_cstr(b, " [");

            if (ai_str_is(&raw, "output_text")) {
                raw = ai_lit("text");
            }

            ai_buf_cat(b, &raw);
            ai_buf_char(b, ' ');

            raw = ai_json_esc(doc, ai_json_get(doc, p, "text"));
            ai_buf_cat(b, &raw);
            raw = ai_json_esc(doc, ai_json_get(doc, p, "refusal"));
            ai_buf_cat(b, &raw);

            say_notes(b, doc, p);
            ai_buf_char(b, ']');
        }
    }
}


/* an answer's output, sent back */

static void
check_back(const ai_json_t *answer, const case_t *c)
{
    ai_buf_t      b;
    ai_raw_t      output;
    ai_str_t      text, got;
    ai_json_t     doc;
    ai_peek_t     peek;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    ai_json_init(&doc, mem_pool());

    output = ai_json_raw(answer, ai_json_get(answer, 0, "output"));

    ai_buf_init(&b, mem_pool());
    dump_cstr(&b, "{\"model\":\"m\",\"input\":");
    ai_buf_cat(&b, &output);
    dump_cstr(&b, "}");
    text = ai_buf_str(&b);

    if (c->back == NULL) {
        return;
    }

    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "%s: back", c->name);
    is_int(ai_responses_peek(&doc, mem_pool(), &peek, &err), AI_OK,
           "%s: peek", c->name);

    if (!is_int(ai_responses_decode(&doc, &peek, mem_pool(), &rq, &dropped,
                                    &err), AI_OK, "%s: decoded", c->name))
    {
        diag("%.*s", (int) err.message.len, err.message.data);
        return;
    }

    ai_buf_init(&b, mem_pool());
    dump_turns(&b, &rq);
    got = ai_buf_str(&b);
    is_str(got, c->back, "%s: sent back", c->name);
}


static void
test_cases(void)
{
    ai_buf_t          out, b;
    ai_str_t          got, stream;
    reader_t         *r;
    ai_json_t         doc;
    const case_t     *c;
    ai_reply_conf_t   rc;

    r = malloc(sizeof(reader_t));

    for (c = cases; c->name; c++) {
        mem_reset();

        rc = conf(1);
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        stream = ai_buf_str(&out);

        reader_read(r, &stream);

        if (!ok(r->bad == NULL, "%s: %s", c->name,
                r->bad ? r->bad : "grammar"))
        {
            tap_show("stream", stream.data, stream.len);
        }

        got = ai_buf_str(&r->types);
        is_str(got, c->events, "%s: events", c->name);

        rc.stream = 0;
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        is_mem(got.data, got.len, r->last.data, r->last.len,
               "%s: the object is the last event's", c->name);

        ai_json_init(&doc, mem_pool());
        is_int(ai_json_parse(&doc, &got, NULL), AI_OK, "%s: JSON", c->name);

        ai_buf_init(&b, mem_pool());
        say_items(&b, &doc);
        got = ai_buf_str(&b);
        is_str(got, c->items, "%s: items", c->name);

        check_back(&doc, c);
    }

    free(r);
}


static void
test_object(void)
{
    ai_buf_t          out;
    ai_str_t          got;
    ai_usage_t        a, b;
    ai_reply_conf_t   c;

    ai_event_t  ev[] = {
        START, TEXT(0, TEXT, "x"), FINISH(LENGTH),
        { .type = AI_EVENT_USAGE }, { .type = AI_EVENT_USAGE }, END
    };

    mem_reset();
    ai_usage_init(&a);
    ai_usage_init(&b);
    a.prompt = 10;
    a.cached = 4;
    a.completion = 1;
    b.completion = 5;
    b.cache_write = 3;
    b.reasoning = 2;
    ev[3].usage = &a;
    ev[4].usage = &b;

#define OBJECT                                                                \
    "{\"id\":\"resp_" ID "\",\"object\":\"response\",\"created_at\":7,"       \
    "\"status\":\"incomplete\",\"background\":false,\"error\":null,"          \
    "\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"model\":"    \
    "\"m\",\"output\":[{\"id\":\"msg_" ID "0\",\"type\":\"message\","         \
    "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":" \
    "\"x\",\"annotations\":[],\"logprobs\":[]}],\"status\":\"incomplete\"}]," \
    "\"instructions\":null,\"max_output_tokens\":"
#define USE                                                                   \
    "\"usage\":{\"input_tokens\":10,\"input_tokens_details\":"                \
    "{\"cached_tokens\":4,\"cache_write_tokens\":3},\"output_tokens\":5,"     \
    "\"output_tokens_details\":{\"reasoning_tokens\":2},\"total_tokens\":15}}"

    c = conf(0);
    is_int(run(&c, ev, &out), AI_OK, "an object");
    got = ai_buf_str(&out);
    is_str(got, OBJECT "99,\"max_tool_calls\":null,\"parallel_tool_calls\":"
           "false,\"previous_response_id\":null,\"reasoning\":{\"effort\":"
           "\"low\",\"summary\":null},\"store\":false,\"text\":{\"format\":"
           "{\"type\":\"text\"}},\"tool_choice\":{\"type\":\"custom\","
           "\"name\":\"patch\"},\"tools\":[{\"type\":\"function\",\"name\":"
           "\"f\",\"description\":null,\"parameters\":{\"a\":1},\"strict\":"
           "true},{\"type\":\"custom\",\"name\":\"patch\",\"description\":"
           "null,\"format\":{\"type\":\"text\"}},{\"type\":"
           "\"namespace\",\"name\":\"n\",\"description\":\"\",\"tools\":"
           "[{\"type\":\"function\",\"name\":\"f\",\"description\":null,"
           "\"parameters\":null,\"strict\":false},{\"type\":\"custom\","
           "\"name\":\"p\",\"description\":null,\"format\":{\"type\":"
           "\"text\"}}]}],\"temperature\":0.50,"
           "\"top_p\":1.0,\"top_logprobs\":0,\"truncation\":\"disabled\","
           "\"service_tier\":null,\"user\":\"u\\n\",\"metadata\":{\"k\":"
           "\"v\"}," USE, "settings are repeated");

    c.rq = NULL;
    is_int(run(&c, ev, &out), AI_OK, "without a request");
    got = ai_buf_str(&out);
    is_str(got, OBJECT "null,\"max_tool_calls\":null,"
           "\"parallel_tool_calls\":true,\"previous_response_id\":null,"
           "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":false,"
           "\"text\":{\"format\":{\"type\":\"text\"}},\"tool_choice\":"
           "\"auto\",\"tools\":[],\"temperature\":1.0,\"top_p\":1.0,"
           "\"top_logprobs\":0,\"truncation\":\"disabled\",\"service_tier\":"
           "null,\"user\":null,\"metadata\":{}," USE, "nothing was asked");
}


static int
has(const ai_str_t *s, const char *what)
{
    return memmem(s->data, s->len, what, strlen(what)) != NULL;
}


static void
test_errors(void)
{
    ai_buf_t          out;
    ai_str_t          got;
    reader_t         *r;
    ai_error_t        err;
    ai_reply_conf_t   c;

    ai_event_t  ev[] = {
        START, TEXT(0, THINKING, "t"), STOP(0, THINKING), OPEN(1, TEXT, ),
        { .type = AI_EVENT_ERROR }, TEXT(1, TEXT, "y"), FINISH(STOP), END
    };
    ai_event_t  fin[] = { FINISH(ERROR), END };
    ai_event_t  cut[] = { START, TEXT(0, TEXT, "x"), END };
    ai_event_t  call[] = { START, TEXT(0, TOOL_CALL, "{}"), END };

    r = malloc(sizeof(reader_t));

    mem_reset();
    memset(&err, 0, sizeof(err));
    ai_error_set(&err, AI_ERR_RATE_LIMIT, "slow \"down\"\n");
    err.param = ai_lit("p");
    ev[4].error = &err;

    c = conf(1);
    is_int(run(&c, ev, &out), AI_OK, "an error in a stream");
    got = ai_buf_str(&out);
    reader_read(r, &got);
    ok(r->bad == NULL, "grammar: %s", r->bad ? r->bad : "good");
    got = ai_buf_str(&r->types);
    is_str(got, CREATED THINK(SD) "error failed ", "its last events");
    ok(has(&r->last, "\"status\":\"failed\"")
       && has(&r->last, "\"error\":{\"code\":\"rate_limit_exceeded\","
                        "\"message\":\"slow \\\"down\\\"\\n\"}"),
       "the failure is in the object");

    is_int(run(&c, fin, &out), AI_OK, "an answer that failed");
    got = ai_buf_str(&out);
    reader_read(r, &got);
    ok(r->bad == NULL, "grammar: %s", r->bad ? r->bad : "good");
    got = ai_buf_str(&r->types);
    is_str(got, CREATED "error failed ", "at once");

    is_int(run(&c, cut, &out), AI_ERROR, "an answer without its end");
    is_int(run(&c, call, &out), AI_ERROR, "arguments without a call");

    c.stream = 0;
    is_int(run(&c, ev, &out), AI_ERROR, "an error before an object");
    is_int(ai_buf_len(&out), 0, "writes nothing");
    is_int(run(&c, cut, &out), AI_ERROR, "an object without its end");

    ai_buf_init(&out, mem_pool());
    ai_dialect_responses.error_event(&out, &err);
    got = ai_buf_str(&out);
    reader_read(r, &got);
    got = ai_buf_str(&r->types);
    is_str(got, "error failed ", "an error of no stream");

    ai_buf_reset(&out);
    memset(&err, 0, sizeof(err));
    ai_dialect_responses.error_event(&out, &err);
    got = ai_buf_str(&out);
    reader_read(r, &got);
    is_str(ai_buf_str(&r->types), "error failed ", "without a kind too");

    free(r);
}


/* what comes from the decoder, added up apart from the encoder */

typedef struct {
    void      *stream;
    void      *json;
    ai_buf_t   all[4];
    int        calls;
    int        errors;
    int        refused;
} tee_t;


static ai_int_t
tee_event(void *data, const ai_event_t *ev)
{
    tee_t  *t = data;

    if (ev->choice == 0 && ev->type == AI_EVENT_DELTA
        && ev->delta == AI_DELTA_TEXT)
    {
        ai_buf_cat(&t->all[ev->kind == AI_BLOCK_TEXT ? 0
                           : ev->kind == AI_BLOCK_THINKING ? 1
                           : ev->kind == AI_BLOCK_REFUSAL ? 3 : 2],
                   &ev->text);
    }

    if (ev->type == AI_EVENT_ERROR) {
        t->errors++;
        return AI_OK;
    }

    if (ai_responses_reply_event(t->stream, ev) != AI_OK
        || ai_responses_reply_event(t->json, ev) != AI_OK)
    {
        t->refused++;
    }

    return AI_OK;
}


static int
tee_run(const ai_provider_t *p, const char *name, const ai_str_t *text,
    tee_t *t)
{
    ai_int_t         rc;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_sink_t        sink;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = tee_event;
    sink.data = t;

    d = ai_decoder_create(p, mem_pool(), &sink);

    if (!name_ends(name, ".sse")) {
        return p->answer(d, text) == AI_OK;
    }

    ai_sse_init(&sse, mem_pool(), 0);
    in = *text;
    rc = AI_OK;

    while (rc == AI_OK && ai_sse_next(&sse, &in, &ev) == AI_OK) {
        rc = p->stream(d, &ev);
    }

    if (rc == AI_OK && ai_sse_end(&sse, &ev, 1) == AI_OK) {
        rc = p->stream(d, &ev);
    }

    return rc == AI_OK && p->stream_end(d) == AI_OK;
}


static int
test_recording(const ai_provider_t *p, const char *dir, const char *name,
    reader_t *r)
{
    int               i;
    char             *data;
    tee_t             t;
    size_t            len;
    ai_buf_t          out, json;
    ai_str_t          text, got, want;
    ai_reply_conf_t   c;

    mem_reset();
    memset(&t, 0, sizeof(tee_t));

    data = file_read(dir, name, &len);
    text.data = (ai_char_t *) data;
    text.len = len;

    for (i = 0; i < 4; i++) {
        ai_buf_init(&t.all[i], mem_pool());
    }

    ai_buf_init(&out, mem_pool());
    ai_buf_init(&json, mem_pool());

    c = conf(1);
    t.stream = ai_responses_reply_create(&c, &out, mem_pool());
    c.stream = 0;
    t.json = ai_responses_reply_create(&c, &json, mem_pool());

    i = tee_run(p, name, &text, &t);
    free(data);

    if (!i || t.errors) {
        return 0;
    }

    is_int(t.refused, 0, "%s: taken", name);
    is_int(ai_responses_reply_end(t.stream), AI_OK, "%s: end", name);
    is_int(ai_responses_reply_end(t.json), AI_OK, "%s: object", name);

    got = ai_buf_str(&out);
    reader_read(r, &got);
    ok(r->bad == NULL, "%s: %s", name, r->bad ? r->bad : "grammar");

    for (i = 0; i < 4; i++) {
        got = ai_buf_str(&r->all[i]);
        want = ai_buf_str(&t.all[i]);

        /* arguments that never came are an empty object */

        if (i != 2 || want.len) {
            is_mem(got.data, got.len, want.data, want.len, "%s: text %d",
                   name, i);
        }
    }

    got = ai_buf_str(&json);
    is_mem(got.data, got.len, r->last.data, r->last.len, "%s: the same",
           name);

    return 1;
}


static void
test_recordings(void)
{
    int        all;
    char       dir[256], **names;
    size_t     i, k, n;
    reader_t  *r;

    static const struct {
        const char           *name;
        const ai_provider_t  *provider;
    } sets[] = {
        { "openai", &ai_provider_openai },
        { "anthropic", &ai_provider_anthropic },
        { "gemini", &ai_provider_gemini }
    };

    r = malloc(sizeof(reader_t));

    for (k = 0; k < 3; k++) {
        snprintf(dir, sizeof(dir), "%s/recordings/%s", TEST_DATA,
                 sets[k].name);
        all = 0;

        names = dir_names(dir, ".response.json", &n);

        for (i = 0; i < n; i++) {
            all += test_recording(sets[k].provider, dir, names[i], r);
        }

        names_free(names, n);
        names = dir_names(dir, ".response.sse", &n);

        for (i = 0; i < n; i++) {
            all += test_recording(sets[k].provider, dir, names[i], r);
        }

        names_free(names, n);

        ok(all >= 25, "%d answers of %s", all, sets[k].name);
    }

    free(r);
    mem_reset();
}


/* members of OpenAI's own events, which ours must have too; left out are
 * padding, and what another host has added */

static int
known_missing(const ai_esc_t *key)
{
    return ai_str_is(key, "obfuscation") || ai_str_is(key, "copilot_usage");
}


static void
test_shape(void)
{
    int               checked;
    char            **names, *data;
    size_t            i, n, len;
    ai_buf_t          out, seen;
    ai_esc_t          key, type;
    ai_ref_t          v;
    ai_str_t          in, line, stream;
    ai_sse_t          sse;
    ai_json_t         doc;
    const case_t     *c;
    ai_sse_event_t    ev;
    ai_reply_conf_t   rc;

    mem_reset();
    ai_buf_init(&seen, mem_pool());
    ai_json_init(&doc, mem_pool());

    /* "type member" of each of ours, in lines */

    for (c = cases; c->name; c++) {
        rc = conf(1);
        run(&rc, c->ev, &out);
        in = ai_buf_str(&out);
        ai_sse_init(&sse, mem_pool(), 0);

        while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
            ai_json_parse(&doc, &ev.data, NULL);

            for (v = ai_json_first(&doc, 0);
                 v != AI_JSON_NONE;
                 v = ai_json_next(&doc, 0, v))
            {
                key = ai_json_esc(&doc, v);
                ai_buf_cat(&seen, &ev.name);
                ai_buf_char(&seen, ' ');
                ai_buf_cat(&seen, &key);
                ai_buf_char(&seen, '\n');
            }
        }
    }

    stream = ai_buf_str(&seen);
    checked = 0;

    names = dir_names(TEST_DATA "/recordings/responses", ".sse", &n);

    for (i = 0; i < n; i++) {
        data = file_read(TEST_DATA "/recordings/responses", names[i], &len);
        in.data = (ai_char_t *) data;
        in.len = len;
        ai_sse_init(&sse, mem_pool(), 0);

        while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
            if (ai_json_parse(&doc, &ev.data, NULL) != AI_OK) {
                continue;
            }

            type = ai_json_esc(&doc, ai_json_get(&doc, 0, "type"));

            ai_buf_init(&out, mem_pool());
            ai_buf_cat(&out, &type);
            dump_cstr(&out, " type\n");

            if (memmem(stream.data, stream.len, out.start, ai_buf_len(&out))
                == NULL)
            {
                continue;
            }

            for (v = ai_json_first(&doc, 0);
                 v != AI_JSON_NONE;
                 v = ai_json_next(&doc, 0, v))
            {
                key = ai_json_esc(&doc, v);
                ai_buf_reset(&out);
                ai_buf_cat(&out, &type);
                ai_buf_char(&out, ' ');
                ai_buf_cat(&out, &key);
                ai_buf_char(&out, '\n');
                line = ai_buf_str(&out);
                checked++;

                if (!known_missing(&key)
                    && memmem(stream.data, stream.len, line.data, line.len)
                       == NULL)
                {
                    ok(0, "%s: ours has no %.*s", names[i],
                       (int) line.len - 1, line.data);
                }
            }
        }

        free(data);
    }

    names_free(names, n);
    mem_reset();

    ok(checked > 500, "%d members of OpenAI's events", checked);
}


/* memory is the answer's size: blocks double, and there is an end */

static void
test_bounded(void)
{
    int               i;
    void             *r;
    char             *big;
    size_t            count;
    ai_buf_t          out;
    ai_event_t        ev, call;
    ai_reply_conf_t   c;

    const ai_event_t  text = TEXT(0, TEXT, "word ");
    const ai_event_t  open = OPEN(0, TOOL_CALL, .name = STR("f"));

    mem_reset();
    c = conf(1);
    ai_buf_init(&out, mem_pool());
    r = ai_responses_reply_create(&c, &out, mem_pool());

    ev = text;
    ai_responses_reply_event(r, &ev);
    count = mem_count();

    for (i = 0; i < 100000; i++) {
        ai_buf_reset(&out);

        if (ai_responses_reply_event(r, &ev) != AI_OK) {
            break;
        }
    }

    is_int(i, 100000, "deltas");
    ok(mem_count() - count < 16, "%zu allocations for half a megabyte",
       mem_count() - count);

    big = malloc(1024 * 1024);
    memset(big, 'x', 1024 * 1024);
    ev.text.data = (ai_char_t *) big;
    ev.text.len = 1024 * 1024;

    for (i = 0; i < 100; i++) {
        ai_buf_reset(&out);

        if (ai_responses_reply_event(r, &ev) != AI_OK) {
            break;
        }
    }

    is_int(i, 63, "an answer ends at 64 MiB");
    free(big);

    mem_reset();
    c = conf(1);
    ai_buf_init(&out, mem_pool());
    r = ai_responses_reply_create(&c, &out, mem_pool());
    call = open;

    for (i = 0; i < 100000; i++) {
        call.index = i;
        ai_buf_reset(&out);

        if (ai_responses_reply_event(r, &call) != AI_OK) {
            break;
        }
    }

    is_int(i, 4096, "items have an end");
    mem_reset();
}


static void
test_memory(void)
{
    int               bad, tries, mode;
    size_t            n;
    ai_buf_t          out;
    ai_int_t          rc;
    const case_t     *c;
    ai_reply_conf_t   co;

    bad = 0;
    tries = 0;

    for (c = cases; c->name; c++) {
        for (mode = 0; mode < 4; mode++) {
            for (n = 1; n < 1000; n++) {
                mem_reset();

                if (mode & 2) {
                    mem_fail_from(n);

                } else {
                    mem_fail_at(n);
                }

                co = conf(mode & 1);
                rc = run(&co, c->ev, &out);

                if (!mem_failed()) {
                    break;
                }

                tries++;

                if (rc != AI_ERROR) {
                    diag("allocation %zu of %s", n, c->name);
                    bad++;
                }
            }
        }
    }

    mem_reset();
    ok(tries > 100, "%d allocations failed", tries);
    is_int(bad, 0, "and each was noticed");
}


int
main(void)
{
    test_cases();
    test_object();
    test_errors();
    test_recordings();
    test_shape();
    test_bounded();
    test_memory();

    return done();
}
