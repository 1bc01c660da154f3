
/*
 * Answers in Gemini's form: a stream, a JSON array, one object, the way back
 * into a request, and recordings of three providers.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <api/ai_generate.h>

#include "tap.h"
#include "openai_dump.h"
#include "upstream.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif


#define TAIL      ",\"modelVersion\":\"m\",\"responseId\":\"r1\"}"
#define H         "{\"candidates\":[{\"content\":{\"role\":\"model\","        \
                  "\"parts\":["
#define P(s)      "data: " H s "]},\"index\":0}]" TAIL "\r\n\r\n"
#define PX(s, x)  "data: " H s "]},\"index\":0" x "}]" TAIL "\r\n\r\n"
#define USE0      ",\"usageMetadata\":{\"promptTokenCount\":0,"               \
                  "\"candidatesTokenCount\":0,\"totalTokenCount\":0}"
#define FIN(s)    "data: " H "{\"text\":\"\"}]},\"finishReason\":\"" s        \
                  "\",\"index\":0}]" USE0 TAIL "\r\n\r\n"
#define A(p, s)   H p "]},\"finishReason\":\"" s "\",\"index\":0}]" USE0 TAIL
#define AX(p, s, x)  H p "]},\"finishReason\":\"" s "\",\"index\":0" x "}]"   \
                  USE0 TAIL
#define T(s)      "{\"text\":\"" s "\"}"
#define TH(s)     "{\"text\":\"" s "\",\"thought\":true}"
#define SG(s)     ",\"thoughtSignature\":\"" s "\""
#define LEFT      ",\"finishMessage\":\"A function call was left out: its "   \
                  "arguments are no JSON object.\""

/* base64 of anthropic:SIG, anthropic-data:RED */
#define SIG_A     "YW50aHJvcGljOlNJRw=="
#define SIG_AD    "YW50aHJvcGljLWRhdGE6UkVE"

#define STR(s)    { sizeof(s) - 1, (ai_char_t *) (s) }

#define START  { .type = AI_EVENT_START, .id = STR("r1"), .model = STR("m") }
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
#define RAW(d, s)                                                             \
    { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,                          \
      .delta = AI_DELTA_##d, .raw = STR(s) }
#define STOP(i, k)                                                            \
    { .type = AI_EVENT_BLOCK_STOP, .index = i, .kind = AI_BLOCK_##k }
#define FINISH(f)  { .type = AI_EVENT_FINISH, .finish = AI_FINISH_##f }
#define END        { .type = 0 }


typedef struct {
    const char       *name;
    const char       *stream;
    const char       *json;
    const char       *back;         /* as a content of a request */
    int               hidden;       /* the request did not ask for thoughts */
    ai_event_t        ev[24];
} case_t;


static const case_t  cases[] = {

    { "text",
      P(T("a\\u00e9\\n")) P(T("b")) FIN("STOP"),
      A(T("a\\u00e9\\nb"), "STOP"), "A[text a\\u00e9\\nb]", 0,
      { START, OPEN(0, TEXT, ), TEXT(0, TEXT, "a\\u00e9\\n"),
        TEXT(0, TEXT, ""), TEXT(0, TEXT, "b"), STOP(0, TEXT), FINISH(STOP),
        TEXT(0, TEXT, "late"), FINISH(LENGTH), END } },

    { "nothing at all",
      FIN("MAX_TOKENS"), A("", "MAX_TOKENS"), NULL, 0,
      { START, FINISH(CONTEXT), END } },

    { "a refusal",
      P(T("no")) FIN("SAFETY"), A(T("no"), "SAFETY"), "A[text no]", 0,
      { START, OPEN(0, REFUSAL, ), TEXT(0, REFUSAL, "no"), STOP(0, REFUSAL),
        FINISH(FILTER), END } },

    { "two calls, interleaved, one without arguments or id",
      P(T("x"))
      P("{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":"
        "{ \"a\":12345678901234567890}}}")
      P("{\"functionCall\":{\"name\":\"g\",\"args\":{}}}") FIN("STOP"),
      A(T("x") ",{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":"
        "{\n \"a\":12345678901234567890}}},"
        "{\"functionCall\":{\"name\":\"g\",\"args\":{}}}", "STOP"),
      "A[text x][call id=c1 name=f args={\n \"a\":12345678901234567890}]"
      "[call id=call_0_1 name=g args={}]", 0,
      { START, TEXT(0, TEXT, "x"),
        OPEN(3, TOOL_CALL, .id = STR("c1"), .name = STR("f")),
        OPEN(5, TOOL_CALL, .name = STR("g")),
        TEXT(3, TOOL_CALL, "{\\n \\\"a\\\":"),
        TEXT(3, TOOL_CALL, "12345678901234567890}"),
        STOP(3, TOOL_CALL), STOP(5, TOOL_CALL), FINISH(TOOLS), END } },

    { "calls nobody ended come in their order",
      P("{\"functionCall\":{\"name\":\"f\",\"args\":{}}}")
      P("{\"functionCall\":{\"name\":\"h\",\"args\":{}}}")
      P("{\"functionCall\":{\"name\":\"g\",\"args\":{}}}") FIN("STOP"),
      A("{\"functionCall\":{\"name\":\"f\",\"args\":{}}},"
        "{\"functionCall\":{\"name\":\"h\",\"args\":{}}},"
        "{\"functionCall\":{\"name\":\"g\",\"args\":{}}}", "STOP"),
      "A[call id=call_0_0 name=f args={}][call id=call_0_1 name=h args={}]"
      "[call id=call_0_2 name=g args={}]", 0,
      { START, OPEN(0, TOOL_CALL, .name = STR("f")),
        OPEN(1, TOOL_CALL, .name = STR("h")), STOP(0, TOOL_CALL),
        OPEN(2, TOOL_CALL, .name = STR("g")), FINISH(STOP), END } },

    { "thoughts with a signature in pieces, redacted, text",
      P(TH("wh")) P(TH("y")) P("{\"text\":\"\",\"thought\":true" SG(SIG_A) "}")
      P("{\"text\":\"\",\"thought\":true" SG(SIG_AD) "}") P(T("x"))
      FIN("STOP"),
      A("{\"text\":\"why\",\"thought\":true" SG(SIG_A) "},{\"text\":\"\","
        "\"thought\":true" SG(SIG_AD) "}," T("x"), "STOP"),
      "A[think why sig=SIG anthropic][redacted data=RED anthropic][text x]",
      0,
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "wh"),
        TEXT(0, THINKING, "y"), SIGN(0, THINKING, "SI", ANTHROPIC),
        SIGN(0, THINKING, "G", ANTHROPIC), STOP(0, THINKING),
        OPEN(1, REDACTED, .data = STR("RED"), .family = AI_FAMILY_ANTHROPIC),
        STOP(1, REDACTED), OPEN(2, TEXT, ), TEXT(2, TEXT, "x"),
        STOP(2, TEXT), FINISH(STOP), END } },

    { "the same, not asked for",
      P(T("x")) FIN("STOP"), A(T("x"), "STOP"), "A[text x]", 1,
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "wh"),
        SIGN(0, THINKING, "SIG", ANTHROPIC), STOP(0, THINKING),
        OPEN(1, REDACTED, .data = STR("RED"), .family = AI_FAMILY_ANTHROPIC),
        STOP(1, REDACTED), OPEN(2, TEXT, ), TEXT(2, TEXT, "x"),
        STOP(2, TEXT), FINISH(STOP), END } },

    { "Google's signatures, on everything",
      P(TH("r")) P("{\"text\":\"\",\"thought\":true" SG("VA==") "}")
      P(T("x")) P("{\"text\":\"\"" SG("WA==") "}")
      P("{\"functionCall\":{\"id\":\"c\",\"name\":\"f\",\"args\":{}}"
        SG("Qw==") "}") FIN("STOP"),
      A("{\"text\":\"r\",\"thought\":true" SG("VA==") "},{\"text\":\"x\""
        SG("WA==") "},{\"functionCall\":{\"id\":\"c\",\"name\":\"f\","
        "\"args\":{}}" SG("Qw==") "}", "STOP"),
      "A[think r sig=VA== gemini][text x][think sig=WA== gemini]"
      "[call id=c name=f args={} sig=Qw== gemini]", 0,
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "r"),
        SIGN(0, THINKING, "VA==", GEMINI), STOP(0, THINKING),
        OPEN(1, TEXT, ), TEXT(1, TEXT, "x"), STOP(1, TEXT),
        OPEN(2, THINKING, ), SIGN(2, THINKING, "WA==", GEMINI),
        STOP(2, THINKING),
        OPEN(3, TOOL_CALL, .id = STR("c"), .name = STR("f"),
             .signature = STR("Qw=="), .family = AI_FAMILY_GEMINI),
        TEXT(3, TOOL_CALL, "{}"), FINISH(TOOLS), END } },

    { "hidden thoughts leave Google's signatures",
      P(T("x")) P("{\"text\":\"\"" SG("WA==") "}") FIN("STOP"),
      A("{\"text\":\"x\"" SG("WA==") "}", "STOP"),
      "A[text x][think sig=WA== gemini]", 1,
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "r"),
        STOP(0, THINKING), OPEN(1, TEXT, ), TEXT(1, TEXT, "x"),
        STOP(1, TEXT), OPEN(2, THINKING, ),
        SIGN(2, THINKING, "WA==", GEMINI), STOP(2, THINKING),
        FINISH(STOP_SEQ), END } },

    { "sources, with line ends between their tokens",
      P(T("x"))
      PX("{\"text\":\"\"}", ",\"groundingMetadata\":{\"groundingChunks\":["
         "{\"web\":{\"uri\":\"http://a\",\"title\":\"t\"}}]}")
      PX("{\"text\":\"\"}", ",\"groundingMetadata\":{\"groundingChunks\":["
         "{\"web\":{\"uri\":\"http://b\"}}]}") FIN("STOP"),
      AX(T("x"), "STOP", ",\"groundingMetadata\":{\"groundingChunks\":["
         "{\"web\":{\"uri\":\"http://a\",\"title\":\"t\"}},"
         "{\"web\":{\"uri\":\"http://b\"}}]}"),
      "A[text x]", 0,
      { START, TEXT(0, TEXT, "x"),
        RAW(ANNOTATION, "{\r\n\"type\":\"url_citation\",\"url_citation\":"
                        "{\"url\":\"http://a\",\n\"title\":\"t\"}}"),
        RAW(ANNOTATION, "{\"url\":\"http://b\"}"), RAW(ANNOTATION, "{}"),
        RAW(ANNOTATION, "{"), FINISH(STOP), END } },

    { "logprobs",
      P(T("x"))
      PX("{\"text\":\"\"}", ",\"logprobsResult\":{\"chosenCandidates\":["
         "{\"token\":\"x\",\"logProbability\":-0.10}],\"topCandidates\":["
         "{\"candidates\":[{\"token\":\"x\",\"logProbability\":-0.10},"
         "{\"token\":\"y\",\"logProbability\":-2e0}]}]}") FIN("MAX_TOKENS"),
      AX(T("x"), "MAX_TOKENS", ",\"logprobsResult\":{\"chosenCandidates\":["
         "{\"token\":\"x\",\"logProbability\":-0.10}],\"topCandidates\":["
         "{\"candidates\":[{\"token\":\"x\",\"logProbability\":-0.10},"
         "{\"token\":\"y\",\"logProbability\":-2e0}]}]}"),
      "A[text x]", 0,
      { START, TEXT(0, TEXT, "x"),
        RAW(LOGPROBS, "{\"content\":[{\"token\":\"x\",\"logprob\":-0.10,"
                      "\"top_logprobs\":[{\"token\":\"x\",\"logprob\":-0.10}"
                      ",{\"token\":\"y\",\"logprob\":-2e0}]}],"
                      "\"refusal\":null}"),
        RAW(LOGPROBS, "{\"content\":[]}"), { .type = AI_EVENT_PING },
        FINISH(PAUSE), END } },

    { NULL, NULL, NULL, NULL, 0, { END } }
};


static const ai_request_t  hidden = { .thoughts = 0 };


static ai_reply_conf_t
conf(unsigned stream)
{
    ai_reply_conf_t  c;

    memset(&c, 0, sizeof(c));

    c.id = ai_lit("own");
    c.model = ai_lit("alias");
    c.stream = stream;

    return c;
}


static ai_int_t
run(const ai_reply_conf_t *c, const ai_event_t *ev, ai_buf_t *out)
{
    void  *r;

    ai_buf_init(out, mem_pool());

    r = ai_generate_reply_create(c, out, mem_pool());
    if (r == NULL) {
        return AI_ERROR;
    }

    for (/* void */; ev->type; ev++) {
        if (ai_generate_reply_event(r, ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return ai_generate_reply_end(r);
}


static int
has(const ai_str_t *s, const char *what)
{
    return s->len && memmem(s->data, s->len, what, strlen(what)) != NULL;
}


/* each event of a stream is one line with one object */

static void
check_stream(const ai_str_t *s, const char *name)
{
    int             bad;
    ai_str_t        in;
    ai_sse_t        sse;
    ai_json_t       doc;
    ai_sse_event_t  ev;

    bad = 0;
    in = *s;

    ai_sse_init(&sse, mem_pool(), 0);
    ai_json_init(&doc, mem_pool());

    while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
        bad += ai_json_parse(&doc, &ev.data, NULL) != AI_OK
               || ai_json_type(&doc, 0) != AI_JSON_OBJECT
               || memchr(ev.data.data, '\n', ev.data.len) != NULL
               || ai_json_unique(&doc, 0) != AI_OK;
    }

    bad += ai_sse_end(&sse, &ev, 0) != AI_DECLINED;

    is_int(bad, 0, "%s: events", name);
}


/* the chunks between "data: " and the blank line are the array's elements */

static void
check_array(const ai_str_t *stream, const ai_str_t *array, const char *name)
{
    ai_buf_t        b;
    ai_str_t        in, got;
    ai_sse_t        sse;
    ai_json_t       doc;
    ai_sse_event_t  ev;

    in = *stream;

    ai_buf_init(&b, mem_pool());
    ai_sse_init(&sse, mem_pool(), 0);

    while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
        dump_cstr(&b, ai_buf_len(&b) ? ",\r\n" : "[");
        ai_buf_cat(&b, &ev.data);
        ai_buf_char(&b, '\n');
    }

    ai_buf_char(&b, ']');
    got = ai_buf_str(&b);

    is_mem(array->data, array->len, got.data, got.len, "%s: array", name);

    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, array, NULL), AI_OK, "%s: is JSON", name);
    is_int(ai_json_type(&doc, 0), AI_JSON_ARRAY, "%s: an array", name);
}


/* contents, as a client keeps them, are the blocks that were said */

static void
check_back(const ai_buf_t *contents, const char *want, const char *name)
{
    ai_buf_t      b;
    ai_str_t      text, got;
    ai_json_t     doc;
    ai_peek_t     peek;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    memset(&err, 0, sizeof(err));
    memset(&peek, 0, sizeof(peek));
    memset(&dropped, 0, sizeof(dropped));

    peek.model = ai_lit("m");
    text = ai_buf_str(contents);

    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "%s: back", name);
    is_int(ai_generate_peek(&doc, mem_pool(), &peek, &err), AI_OK,
           "%s: looked at", name);
    is_int(ai_generate_decode(&doc, &peek, mem_pool(), &rq, &dropped, &err),
           AI_OK, "%s: decoded", name);

    ai_buf_init(&b, mem_pool());
    dump_turns(&b, &rq);
    got = ai_buf_str(&b);
    is_str(got, want, "%s: the same blocks", name);
}


static void
add_contents(ai_buf_t *b, const ai_json_t *doc, ai_ref_t root)
{
    ai_raw_t  raw;

    raw = ai_json_raw(doc, ai_json_get(doc,
                     ai_json_first(doc, ai_json_get(doc, root, "candidates")),
                     "content"));

    if (b->last != b->start && b->last[-1] != '[') {
        ai_buf_char(b, ',');
    }

    ai_buf_cat(b, &raw);
}


static void
test_cases(void)
{
    ai_buf_t         out, back;
    ai_ref_t         v;
    ai_str_t         stream, got;
    ai_json_t        doc;
    const case_t    *c;
    ai_reply_conf_t  rc;

    for (c = cases; c->name; c++) {
        mem_reset();

        rc = conf(1);
        rc.rq = c->hidden ? &hidden : NULL;
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        stream = ai_buf_str(&out);
        is_str(stream, c->stream, "%s: stream", c->name);
        check_stream(&stream, c->name);

        rc.array = 1;
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        check_array(&stream, &got, c->name);

        if (c->back) {
            ai_json_init(&doc, mem_pool());
            (void) ai_json_parse(&doc, &got, NULL);
            ai_buf_init(&back, mem_pool());
            dump_cstr(&back, "{\"contents\":[");

            for (v = ai_json_first(&doc, 0);
                 v != AI_JSON_NONE;
                 v = ai_json_next(&doc, 0, v))
            {
                add_contents(&back, &doc, v);
            }

            /* the number of the chunk is in ids made up */

            dump_cstr(&back, "]}");

            if (strstr(c->back, "call_0_") == NULL) {
                check_back(&back, c->back, c->name);
            }
        }

        rc = conf(0);
        rc.rq = c->hidden ? &hidden : NULL;
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        is_str(got, c->json, "%s: answer", c->name);

        if (c->back) {
            ai_json_init(&doc, mem_pool());
            (void) ai_json_parse(&doc, &got, NULL);
            ai_buf_init(&back, mem_pool());
            dump_cstr(&back, "{\"contents\":[");
            add_contents(&back, &doc, 0);
            dump_cstr(&back, "]}");
            check_back(&back, c->back, c->name);
        }
    }
}


/* arguments that are no object */

static void
test_malformed(void)
{
    size_t           i;
    ai_buf_t         out;
    ai_str_t         got;
    ai_reply_conf_t  c;

    static const char *const  bad[] = {
        "{\\\"a\\\":", "[]", "\\\"x\\\"", "{} {}", "{\\\"a\\\":1,}"
    };

    ai_event_t  ev[] = {
        START, OPEN(0, TOOL_CALL, .name = STR("f")), TEXT(0, TOOL_CALL, "x"),
        STOP(0, TOOL_CALL), FINISH(TOOLS), END
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        mem_reset();

        ev[2].text.data = (ai_char_t *) bad[i];
        ev[2].text.len = strlen(bad[i]);

        ev[4].finish = AI_FINISH_TOOLS;
        c = conf(0);
        is_int(run(&c, ev, &out), AI_OK, "%s", bad[i]);
        got = ai_buf_str(&out);
        is_str(got, H "]},\"finishReason\":\"MALFORMED_FUNCTION_CALL\"" LEFT
               ",\"index\":0}]" USE0 TAIL, "is left out");

        ev[4].finish = AI_FINISH_LENGTH;
        c = conf(1);
        is_int(run(&c, ev, &out), AI_OK, "%s", bad[i]);
        got = ai_buf_str(&out);
        is_str(got, "data: " H T("") "]},\"finishReason\":\"MAX_TOKENS\"" LEFT
               ",\"index\":0}]" USE0 TAIL "\r\n\r\n", "and the limit said");
    }
}


static void
test_usage(void)
{
    ai_buf_t         out;
    ai_str_t         got;
    ai_usage_t       a, b;
    ai_reply_conf_t  c;

    ai_event_t  ev[] = {
        START, TEXT(0, TEXT, "x"), { .type = AI_EVENT_USAGE }, FINISH(STOP),
        { .type = AI_EVENT_USAGE }, END
    };

    mem_reset();
    ai_usage_init(&a);
    ai_usage_init(&b);
    a.prompt = 10;
    a.cached = 4;
    a.completion = 1;
    b.completion = 5;
    b.reasoning = 2;
    ev[2].usage = &a;
    ev[4].usage = &b;

#define USE  ",\"usageMetadata\":{\"promptTokenCount\":10,"                   \
             "\"candidatesTokenCount\":3,\"totalTokenCount\":15,"             \
             "\"cachedContentTokenCount\":4,\"thoughtsTokenCount\":2}"

    c = conf(1);
    is_int(run(&c, ev, &out), AI_OK, "usage, after the finish too");
    got = ai_buf_str(&out);
    is_str(got, P(T("x")) "data: " H T("") "]},\"finishReason\":\"STOP\","
           "\"index\":0}]" USE TAIL "\r\n\r\n", "in the last chunk");

    c = conf(0);
    is_int(run(&c, ev, &out), AI_OK, "usage");
    got = ai_buf_str(&out);
    is_str(got, H T("x") "]},\"finishReason\":\"STOP\",\"index\":0}]" USE TAIL,
           "in an answer");

    b.reasoning = INT64_MAX;
    b.completion = 7;
    is_int(run(&c, ev, &out), AI_OK, "nonsense");
    got = ai_buf_str(&out);
    ok(has(&got, "\"candidatesTokenCount\":7,"), "is left out");
}


static void
test_choices(void)
{
    void            *r;
    ai_buf_t         out;
    ai_str_t         got;
    ai_reply_conf_t  c;

    ai_event_t  ev[] = {
        START, TEXT(0, TEXT, "a"), TEXT(0, TEXT, "b"), TEXT(0, TEXT, "c"),
        FINISH(STOP), FINISH(LENGTH), END
    };
    ai_event_t  far[] = { START, TEXT(0, TEXT, "a"), END };

    mem_reset();
    ev[2].choice = 1;
    ev[5].choice = 1;

    c = conf(1);
    is_int(run(&c, ev, &out), AI_OK, "two choices");
    got = ai_buf_str(&out);
    is_str(got, P(T("a")) "data: " H T("b") "]},\"index\":1}]" TAIL "\r\n\r\n"
           P(T("c")) "data: " H T("") "]},\"finishReason\":\"STOP\","
           "\"index\":0},{\"content\":{\"role\":\"model\",\"parts\":["
           T("") "]},\"finishReason\":\"MAX_TOKENS\",\"index\":1}]" USE0 TAIL
           "\r\n\r\n", "interleaved");

    c = conf(0);
    is_int(run(&c, ev, &out), AI_OK, "two choices");
    got = ai_buf_str(&out);
    is_str(got, H T("ac") "]},\"finishReason\":\"STOP\",\"index\":0},"
           "{\"content\":{\"role\":\"model\",\"parts\":[" T("b") "]},"
           "\"finishReason\":\"MAX_TOKENS\",\"index\":1}]" USE0 TAIL,
           "in an answer");

    ev[5].type = AI_EVENT_PING;
    is_int(run(&c, ev, &out), AI_ERROR, "a choice without its end");
    c.stream = 1;
    is_int(run(&c, ev, &out), AI_ERROR, "in a stream too");
    got = ai_buf_str(&out);
    ok(!has(&got, "finishReason"), "and no reason");
    is_int(run(&c, &ev[6], &out), AI_ERROR, "no event at all");

    far[1].choice = 128;
    is_int(run(&c, far, &out), AI_ERROR, "no 129th choice");
    far[1].choice = UINT32_MAX;
    is_int(run(&c, far, &out), AI_ERROR, "nor the last one");

    far[1] = (ai_event_t) TEXT(0, TOOL_CALL, "{}");
    is_int(run(&c, far, &out), AI_ERROR, "arguments without a call");
    far[1] = (ai_event_t) SIGN(0, TOOL_CALL, "QUJD", GEMINI);
    is_int(run(&c, far, &out), AI_ERROR, "a signature without a call");

    c = conf(1);
    c.model = ai_lit("alias\\\"");
    ai_buf_init(&out, mem_pool());
    r = ai_generate_reply_create(&c, &out, mem_pool());
    ai_generate_reply_event(r, &ev[1]);
    got = ai_buf_str(&out);
    ok(has(&got, "\"responseId\":\"own\"")
       && has(&got, "\"modelVersion\":\"alias\\\"\""),
       "own id and model without START");
}


static void
test_error(void)
{
    ai_buf_t         out;
    ai_str_t         got;
    ai_error_t       err;
    ai_reply_conf_t  c;

    ai_event_t  ev[] = {
        START, TEXT(0, TEXT, "x"), { .type = AI_EVENT_ERROR },
        TEXT(0, TEXT, "y"), FINISH(STOP), END
    };
    ai_event_t  fin[] = { START, FINISH(ERROR), END };

    mem_reset();
    memset(&err, 0, sizeof(err));
    ai_error_set(&err, AI_ERR_RATE_LIMIT, "slow \"down\"\n");
    ev[2].error = &err;

#define SLOW  "{\"error\":{\"code\":429,\"message\":"                         \
              "\"slow \\\"down\\\"\\n\",\"status\":\"RESOURCE_EXHAUSTED\"}}"

    err.retry_after = -1;
    c = conf(1);
    is_int(run(&c, ev, &out), AI_OK, "an error in a stream");
    got = ai_buf_str(&out);
    is_str(got, P(T("x")) "data: " SLOW "\r\n\r\n", "is its last event");

    c.array = 1;
    is_int(run(&c, ev, &out), AI_OK, "in an array");
    got = ai_buf_str(&out);
    is_str(got, "[" H T("x") "]},\"index\":0}]" TAIL "\n,\r\n" SLOW "\n]",
           "its last element");

    is_int(run(&c, &ev[2], &out), AI_OK, "at once");
    got = ai_buf_str(&out);
    is_str(got, "[" SLOW "\n]", "its only one");

    c.array = 0;
    is_int(run(&c, fin, &out), AI_OK, "an answer that failed");
    got = ai_buf_str(&out);
    ok(has(&got, "{\"error\":{\"code\":502") && !has(&got, "finishReason"),
       "ends with one");

    c.stream = 0;
    is_int(run(&c, ev, &out), AI_ERROR, "an error before an answer");
    is_int(ai_buf_len(&out), 0, "writes nothing");
    is_int(run(&c, fin, &out), AI_ERROR, "an answer that failed");

    err.param = ai_lit("contents[0]");
    err.retry_after = 34070;
    ai_buf_init(&out, mem_pool());
    ai_generate_error(&out, &err);
    got = ai_buf_str(&out);
    is_str(got, "{\"error\":{\"code\":429,"
           "\"message\":\"slow \\\"down\\\"\\n\","
           "\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":"
           "\"type.googleapis.com/google.rpc.BadRequest\","
           "\"fieldViolations\":[{\"field\":\"contents[0]\",\"description\":"
           "\"slow \\\"down\\\"\\n\"}]},{\"@type\":"
           "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":"
           "\"34.070s\"}]}}", "details");

    ai_buf_init(&out, mem_pool());
    memset(&err, 0, sizeof(err));
    ai_generate_error(&out, &err);
    ok(ai_buf_len(&out) > 40, "an error without a kind is one too");
}


/* a stream leaves nothing behind, however many blocks it has */

static void
test_bounded(void)
{
    int                i;
    void              *r;
    size_t             bytes, count;
    ai_buf_t           out, big;
    ai_event_t         ev[6];
    ai_reply_conf_t    c;

    const ai_event_t  model[] = {
        OPEN(0, TOOL_CALL, .id = STR("c"), .name = STR("f")),
        SIGN(0, TOOL_CALL, "SIG", ANTHROPIC), TEXT(0, TOOL_CALL, "{}"),
        STOP(0, TOOL_CALL), TEXT(1, TEXT, "x"), TEXT(2, THINKING, "y")
    };

    mem_reset();
    c = conf(1);
    ai_buf_init(&out, mem_pool());
    r = ai_generate_reply_create(&c, &out, mem_pool());

    memcpy(ev, model, sizeof(ev));
    bytes = 0;
    count = 0;

    for (i = 0; i < 20000; i++) {
        ev[0].index = ev[1].index = ev[2].index = ev[3].index = i;

        if (i == 10) {
            bytes = mem_bytes();
            count = mem_count();
        }

        ai_buf_reset(&out);
        ai_generate_reply_event(r, &ev[0]);
        ai_generate_reply_event(r, &ev[1]);
        ai_generate_reply_event(r, &ev[2]);
        ai_generate_reply_event(r, &ev[4]);
        ai_generate_reply_event(r, &ev[5]);

        if (ai_generate_reply_event(r, &ev[3]) != AI_OK) {
            break;
        }
    }

    is_int(i, 20000, "blocks");
    is_int(mem_count() - count, 0, "no allocation after the first few");
    is_int(mem_bytes() - bytes, 0, "no byte");

    for (i = 0; i < 1000; i++) {
        ev[0].index = i;
        ai_buf_reset(&out);

        if (ai_generate_reply_event(r, &ev[0]) != AI_OK) {
            break;
        }
    }

    is_int(i, 128, "open blocks have an end");

    /* arguments: 1 MiB each, 4 together */

    ai_buf_init(&big, mem_pool());

    for (i = 0; i < 256 * 1024; i++) {
        ai_buf_char(&big, ' ');
    }

    ev[2].text = ai_buf_str(&big);

    for (i = 0; i < 40; i++) {
        ev[2].index = i / 4;

        if (ai_generate_reply_event(r, &ev[2]) != AI_OK) {
            break;
        }
    }

    is_int(i, 16, "what is held has an end");

    ev[3].index = 0;
    is_int(ai_generate_reply_event(r, &ev[3]), AI_OK, "one is over");
    ev[2].index = 50;

    for (i = 0; i < 10; i++) {
        if (ai_generate_reply_event(r, &ev[2]) != AI_OK) {
            break;
        }
    }

    is_int(i, 4, "there is room for one again");
}


static void
test_memory(void)
{
    int              bad, tries, mode;
    size_t           n;
    ai_buf_t         out;
    ai_int_t         rc;
    const case_t    *c;
    ai_reply_conf_t  co;

    bad = 0;
    tries = 0;

    for (c = cases; c->name; c++) {
        for (mode = 0; mode < 6; mode++) {
            for (n = 1; n < 1000; n++) {
                mem_reset();

                if (mode & 1) {
                    mem_fail_from(n);

                } else {
                    mem_fail_at(n);
                }

                co = conf(mode / 2 > 0);
                co.array = mode / 2 > 1;
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


/*
 * Recordings: what a provider's decoder says, once as it is and once through
 * our stream and Google's decoder, which is a reader of its own.
 */

typedef struct {
    seen_t      seen;
    void       *reply;
} tee_t;


static ai_int_t
tee_event(void *data, const ai_event_t *ev)
{
    tee_t  *t = data;

    /* what is no text has its own tests */

    if ((ev->type != AI_EVENT_DELTA || ev->delta == AI_DELTA_TEXT)
        && seen_event(&t->seen, ev) != AI_OK)
    {
        return AI_ERROR;
    }

    return t->reply ? ai_generate_reply_event(t->reply, ev) : AI_OK;
}


static ai_int_t
tee_stream(const ai_provider_t *provider, tee_t *t, const char *data,
    size_t len)
{
    ai_str_t         in;
    ai_sse_t         sse;
    ai_sink_t        sink;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = tee_event;
    sink.data = t;

    d = ai_decoder_create(provider, mem_pool(), &sink);
    ai_sse_init(&sse, mem_pool(), 0);

    in.data = (ai_char_t *) data;
    in.len = len;

    while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
        if (provider->stream(d, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_sse_end(&sse, &ev, 1) == AI_OK
        && provider->stream(d, &ev) != AI_OK)
    {
        return AI_ERROR;
    }

    return provider->stream_end(d);
}


static ai_int_t
tee_answer(const ai_provider_t *provider, tee_t *t, const char *data,
    size_t len)
{
    ai_str_t       body;
    ai_sink_t      sink;
    ai_decoder_t  *d;

    sink.event = tee_event;
    sink.data = t;

    d = ai_decoder_create(provider, mem_pool(), &sink);

    body.data = (ai_char_t *) data;
    body.len = len;

    return provider->answer(d, &body);
}


/*
 * What was said of these kinds, decoded: our spelling need not be the
 * provider's.
 */

static char *
plain(const seen_t *seen, ai_block_e kind, ai_block_e other)
{
    size_t     i;
    ai_buf_t   b;
    ai_str_t   s;

    ai_buf_init(&b, mem_pool());

    for (i = 0; i < seen->n; i++) {
        if (seen->block[i].choice != 0
            || (seen->block[i].kind != kind && seen->block[i].kind != other))
        {
            continue;
        }

        s.data = (ai_char_t *) seen->block[i].text;
        s.len = seen->block[i].len;

        ai_json_unescape(&b, &s);

        /* a call without arguments */

        if (kind == AI_BLOCK_TOOL_CALL) {
            dump_cstr(&b, s.len && s.data[s.len - 1] == ' ' ? "{};" : ";");
        }
    }

    ai_buf_char(&b, '\0');

    return (char *) b.start;
}


static void
compare(const tee_t *t, const tee_t *got, const char *name, const char *form)
{
    char  *text, *want;

    is_int(got->seen.finishes, t->seen.finishes, "%s, %s: finishes", name,
           form);

    text = plain(&got->seen, AI_BLOCK_TEXT, AI_BLOCK_REFUSAL);
    want = plain(&t->seen, AI_BLOCK_TEXT, AI_BLOCK_REFUSAL);
    is_cstr(text, want, "%s, %s: text", name, form);

    text = plain(&got->seen, AI_BLOCK_THINKING, AI_BLOCK_THINKING);
    want = plain(&t->seen, AI_BLOCK_THINKING, AI_BLOCK_THINKING);
    is_cstr(text, want, "%s, %s: thoughts", name, form);

    text = plain(&got->seen, AI_BLOCK_TOOL_CALL, AI_BLOCK_TOOL_CALL);
    want = plain(&t->seen, AI_BLOCK_TOOL_CALL, AI_BLOCK_TOOL_CALL);

    if (t->seen.finish == AI_FINISH_LENGTH) {
        want = "";                      /* cut */
    }

    is_cstr(text, want, "%s, %s: calls", name, form);

    if (t->seen.finish != AI_FINISH_STOP_SEQ
        && t->seen.finish != AI_FINISH_PAUSE
        && t->seen.finish != AI_FINISH_CONTEXT
        && t->seen.finish != AI_FINISH_TOOLS)
    {
        is_int(got->seen.finish, t->seen.finish, "%s, %s: reason", name,
               form);
    }

    if (t->seen.usage.completion > 0) {
        is_int(got->seen.usage.prompt, ai_max(t->seen.usage.prompt, 0),
               "%s, %s: prompt", name, form);
        is_int(got->seen.usage.completion, t->seen.usage.completion,
               "%s, %s: completion", name, form);
        is_int(ai_max(got->seen.usage.reasoning, 0),
               ai_max(t->seen.usage.reasoning, 0), "%s, %s: reasoning", name,
               form);
        is_int(ai_max(got->seen.usage.cached, 0),
               ai_max(t->seen.usage.cached, 0), "%s, %s: cached", name, form);
    }
}


static size_t
test_recording(const ai_provider_t *provider, const char *dir,
    const char *name, int stream)
{
    char             *data;
    size_t            len;
    ai_int_t          rc;
    ai_buf_t          out;
    ai_str_t          text;
    ai_reply_conf_t   c;

    static tee_t      t, got;

    mem_reset();
    seen_free(&got.seen);
    seen_free(&t.seen);

    data = file_read(dir, name, &len);

    c = conf(stream);
    ai_buf_init(&out, mem_pool());
    t.reply = ai_generate_reply_create(&c, &out, mem_pool());

    rc = stream ? tee_stream(provider, &t, data, len)
                : tee_answer(provider, &t, data, len);
    free(data);

    if (rc != AI_OK || t.seen.errors) {
        if (stream && t.seen.errors) {
            text = ai_buf_str(&out);
            check_stream(&text, name);
            ok(has(&text, "{\"error\":{\"code\":"), "%s: its error", name);
        }

        return 0;
    }

    is_int(ai_generate_reply_end(t.reply), AI_OK, "%s: end", name);

    text = ai_buf_str(&out);

    if (stream) {
        check_stream(&text, name);
        is_int(tee_stream(&ai_provider_gemini, &got, (char *) text.data,
                          text.len), AI_OK,
               "%s: Google's decoder reads it", name);

    } else if (t.seen.n) {
        is_int(tee_answer(&ai_provider_gemini, &got, (char *) text.data,
                          text.len), AI_OK,
               "%s: Google's decoder reads it", name);

    } else {
        return 0;
    }

    compare(&t, &got, name, stream ? "stream" : "answer");

    seen_free(&got.seen);
    seen_free(&t.seen);

    return 1;
}


static void
test_recordings(void)
{
    char        **names, dir[256];
    size_t        i, n, p, done_;
    unsigned      stream;

    const ai_provider_t  *providers[] = {
        &ai_provider_openai, &ai_provider_anthropic, &ai_provider_gemini
    };
    static const char *const  dirs[] = { "openai", "anthropic", "gemini" };

    done_ = 0;

    for (p = 0; p < 3; p++) {
        snprintf(dir, sizeof(dir), TEST_DATA "/recordings/%s", dirs[p]);

        for (stream = 0; stream < 2; stream++) {
            names = dir_names(dir, stream ? ".response.sse"
                                          : ".response.json", &n);

            for (i = 0; i < n; i++) {
                done_ += test_recording(providers[p], dir, names[i],
                                        (int) stream);
            }

            names_free(names, n);
        }
    }

    ok(done_ > 60, "%zu recordings", done_);
}


int
main(void)
{
    test_cases();
    test_malformed();
    test_usage();
    test_choices();
    test_error();
    test_bounded();
    test_memory();
    test_recordings();
    mem_reset();

    return done();
}
