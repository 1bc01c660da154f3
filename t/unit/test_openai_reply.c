
/*
 * Answers in OpenAI's form: a stream, one object, and the way back into a
 * request.
 */

#include "tap.h"
#include "openai_dump.h"


#define ID       "chatcmpl-AbC123"
#define H(n)     "data: {\"id\":\"" ID "\",\"object\":"                       \
                 "\"chat.completion.chunk\",\"created\":7,\"model\":\"m\","   \
                 "\"choices\":[{\"index\":" #n ",\"delta\":"
#define D(n, s)  H(n) "{" s "},\"finish_reason\":null}]}\n\n"
#define DU(n, s) H(n) "{" s "},\"finish_reason\":null}],\"usage\":null}\n\n"
#define R(n)     D(n, "\"role\":\"assistant\",\"content\":\"\"")
#define FIN(n, s) H(n) "{},\"finish_reason\":\"" s "\"}]}\n\n"
#define DONE     "data: [DONE]\n\n"

#define A0       "{\"id\":\"" ID "\",\"object\":\"chat.completion\","         \
                 "\"created\":7,\"model\":\"m\",\"choices\":[{\"index\":0,"   \
                 "\"message\":{\"role\":\"assistant\","
#define NOUSE    "\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,"    \
                 "\"total_tokens\":0,\"prompt_tokens_details\":"              \
                 "{\"cached_tokens\":0},\"completion_tokens_details\":"       \
                 "{\"reasoning_tokens\":0}}}"
#define A1(s)    "},\"logprobs\":null,\"finish_reason\":\"" s "\"}]," NOUSE

#define STR(s)   { sizeof(s) - 1, (ai_char_t *) (s) }


#define START    { .type = AI_EVENT_START, .id = STR(ID), .model = STR("m") }
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
#define STOP(i, k)                                                            \
    { .type = AI_EVENT_BLOCK_STOP, .index = i, .kind = AI_BLOCK_##k }
#define FINISH(f)  { .type = AI_EVENT_FINISH, .finish = AI_FINISH_##f }
#define END        { .type = 0 }


typedef struct {
    const char       *name;
    const char       *stream;
    const char       *json;
    const char       *back;         /* as a message of a request */
    unsigned          functions;
    ai_event_t        ev[24];
} case_t;


static const case_t  cases[] = {

    { "text",
      R(0) D(0, "\"content\":\"a\\u00e9\\n\"") D(0, "\"content\":\"b\"")
      FIN(0, "stop") DONE,
      A0 "\"content\":\"a\\u00e9\\nb\",\"refusal\":null" A1("stop"),
      "A[text a\\u00e9\\nb]", 0,
      { START, OPEN(0, TEXT, ), TEXT(0, TEXT, "a\\u00e9\\n"),
        TEXT(0, TEXT, ""), TEXT(0, TEXT, "b"), STOP(0, TEXT), FINISH(STOP),
        TEXT(0, TEXT, "late"), FINISH(LENGTH), END } },

    { "nothing at all",
      R(0) FIN(0, "length") DONE,
      A0 "\"content\":\"\",\"refusal\":null" A1("length"),
      "A[text ]", 0,
      { START, FINISH(CONTEXT), END } },

    { "two calls, one without arguments, interleaved",
      R(0)
      D(0, "\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\","
           "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]")
      D(0, "\"tool_calls\":[{\"index\":1,\"id\":\"call_AbC123_0_1\",\"type\":"
           "\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]")
      D(0, "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
           "\"{\\\"a\\\":\"}}]")
      D(0, "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
           "\"1}\"}}]")
      D(0, "\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":"
           "\"{}\"}}]")
      FIN(0, "tool_calls") DONE,
      A0 "\"content\":null,\"refusal\":null,\"tool_calls\":["
      "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
      "\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"call_AbC123_0_1\","
      "\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":"
      "\"{}\"}}]" A1("tool_calls"),
      "A[call id=c1 name=f args={\"a\":1}]"
      "[call id=call_AbC123_0_1 name=g args={}]", 0,
      { START, OPEN(3, TOOL_CALL, .id = STR("c1"), .name = STR("f")),
        OPEN(5, TOOL_CALL, .name = STR("g")),
        TEXT(3, TOOL_CALL, "{\\\"a\\\":"), TEXT(3, TOOL_CALL, "1}"),
        STOP(3, TOOL_CALL), STOP(5, TOOL_CALL), FINISH(STOP), END } },

    { "thinking with a signature in pieces, redacted, text",
      R(0) D(0, "\"reasoning_content\":\"wh\"")
      D(0, "\"reasoning_content\":\"y\"")
      D(0, "\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"\","
           "\"signature\":\"SIG\"}]")
      D(0, "\"thinking_blocks\":[{\"type\":\"redacted_thinking\",\"data\":"
           "\"RED\"}]")
      D(0, "\"content\":\"x\"") FIN(0, "stop") DONE,
      A0 "\"content\":\"x\",\"refusal\":null,\"reasoning_content\":\"why\","
      "\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"why\","
      "\"signature\":\"SIG\"},{\"type\":\"redacted_thinking\",\"data\":"
      "\"RED\"}]" A1("stop"),
      "A[think why sig=SIG anthropic][redacted data=RED anthropic][text x]",
      0,
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "wh"),
        TEXT(0, THINKING, "y"), SIGN(0, THINKING, "SI", ANTHROPIC),
        SIGN(0, THINKING, "G", ANTHROPIC), STOP(0, THINKING),
        OPEN(1, REDACTED, .data = STR("RED"), .family = AI_FAMILY_ANTHROPIC),
        STOP(1, REDACTED), OPEN(2, TEXT, ), TEXT(2, TEXT, "x"),
        STOP(2, TEXT), FINISH(STOP), END } },

    { "thinking without a signature",
      R(0) D(0, "\"reasoning_content\":\"r\"") FIN(0, "stop") DONE,
      A0 "\"content\":\"\",\"refusal\":null,\"reasoning_content\":\"r\""
      A1("stop"),
      "A[think r][text ]", 0,
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "r"),
        STOP(0, THINKING), FINISH(STOP), END } },

    { "Google's signatures, on everything",
      R(0) D(0, "\"reasoning_content\":\"r\"")
      D(0, "\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"\","
           "\"signature\":\"gemini:T\"}]")
      D(0, "\"content\":\"x\"")
      D(0, "\"extra_content\":{\"google\":{\"thought_signature\":\"X\"}}")
      D(0, "\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\","
           "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]")
      D(0, "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
           "\"{}\"}}]")
      D(0, "\"tool_calls\":[{\"index\":0,"
           "\"function\":{\"arguments\":\"\"},"
           "\"extra_content\":{\"google\":"
           "{\"thought_signature\":\"C\"}}}]")
      FIN(0, "tool_calls") DONE,
      A0 "\"content\":\"x\",\"refusal\":null,\"reasoning_content\":\"r\","
      "\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"r\","
      "\"signature\":\"gemini:T\"}],\"tool_calls\":[{\"id\":\"c\",\"type\":"
      "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},"
      "\"extra_content\":{\"google\":{\"thought_signature\":\"C\"}}}],"
      "\"extra_content\":{\"google\":{\"thought_signature\":\"X\"}}"
      A1("tool_calls"),
      "A[think r sig=T gemini][text x sig=X gemini]"
      "[call id=c name=f args={} sig=C gemini]", 0,
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "r"),
        SIGN(0, THINKING, "T", GEMINI), STOP(0, THINKING),
        OPEN(1, TEXT, ), TEXT(1, TEXT, "x"), SIGN(1, TEXT, "X", GEMINI),
        STOP(1, TEXT),
        OPEN(2, TOOL_CALL, .id = STR("c"), .name = STR("f"),
             .signature = STR("C"), .family = AI_FAMILY_GEMINI),
        TEXT(2, TOOL_CALL, "{}"), FINISH(TOOLS), END } },

    { "refusal",
      R(0) D(0, "\"refusal\":\"no\"") FIN(0, "content_filter") DONE,
      A0 "\"content\":null,\"refusal\":\"no\"" A1("content_filter"),
      "A[refusal no]", 0,
      { START, OPEN(0, REFUSAL, ), TEXT(0, REFUSAL, "no"), STOP(0, REFUSAL),
        FINISH(FILTER), END } },

    { "tools for nobody",
      R(0) D(0, "\"content\":\"x\"") FIN(0, "stop") DONE,
      A0 "\"content\":\"x\",\"refusal\":null" A1("stop"),
      "A[text x]", 0,
      { START, TEXT(0, TEXT, "x"), FINISH(TOOLS), END } },

    { "the old form of a call",
      R(0)
      D(0, "\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}")
      D(0, "\"function_call\":{\"arguments\":\"{}\"}")
      FIN(0, "function_call") DONE,
      A0 "\"content\":null,\"refusal\":null,\"function_call\":{\"name\":"
      "\"f\",\"arguments\":\"{}\"}" A1("function_call"),
      "A[call id=call_function_0 name=f args={}]", 1,
      { START, OPEN(0, TOOL_CALL, .id = STR("c"), .name = STR("f")),
        STOP(0, TOOL_CALL),
        OPEN(1, TOOL_CALL, .id = STR("d"), .name = STR("g")),
        TEXT(1, TOOL_CALL, "{}"), STOP(1, TOOL_CALL), FINISH(TOOLS), END } },

    { "annotations, with line ends between their tokens",
      R(0) D(0, "\"content\":\"x\"") D(0, "\"annotations\":[{ \"a\":1}]")
      D(0, "\"annotations\":[{}]") FIN(0, "stop") DONE,
      A0 "\"content\":\"x\",\"refusal\":null,\"annotations\":[{\r\n \"a\":"
      "1},{}]" A1("stop"),
      "A[text x]", 0,
      { START, TEXT(0, TEXT, "x"),
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_ANNOTATION, .raw = STR("{\r\n \"a\":1}") },
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_ANNOTATION, .raw = STR("{}") },
        FINISH(STOP), END } },

    { "logprobs",
      R(0)
      H(0) "{},\"logprobs\":{\"content\":[1]},\"finish_reason\":null}]}\n\n"
      H(0) "{},\"logprobs\":{\"content\":[2, 3],\"refusal\":[]},"
      "\"finish_reason\":null}]}\n\n"
      FIN(0, "stop") DONE,
      A0 "\"content\":\"\",\"refusal\":null},\"logprobs\":{\"content\":[1,2, "
      "3],\"refusal\":null},\"finish_reason\":\"stop\"}]," NOUSE,
      "A[text ]", 0,
      { START,
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_LOGPROBS, .raw = STR("{\"content\":[1]}") },
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_LOGPROBS,
          .raw = STR("{\"content\":[2, 3],\"refusal\":[]}") },
        { .type = AI_EVENT_PING }, FINISH(STOP_SEQ), END } },

    { NULL, NULL, NULL, NULL, 0, { END } }
};


static const char *
find(const ai_str_t *s, size_t from, const char *what)
{
    size_t  i, n;

    n = strlen(what);

    for (i = from; i + n <= s->len; i++) {
        if (memcmp(s->data + i, what, n) == 0) {
            return (const char *) s->data + i;
        }
    }

    return NULL;
}


static ai_reply_conf_t
conf(unsigned stream)
{
    ai_reply_conf_t  c;

    memset(&c, 0, sizeof(c));

    c.id = ai_lit(ID);
    c.created = 7;
    c.stream = stream;

    return c;
}


static ai_int_t
run(const ai_reply_conf_t *c, const ai_event_t *ev, ai_buf_t *out)
{
    ai_openai_reply_t  *r;

    ai_buf_init(out, mem_pool());

    r = ai_openai_reply_create(c, out, mem_pool());
    if (r == NULL) {
        return AI_ERROR;
    }

    for (/* void */; ev->type; ev++) {
        if (ai_openai_reply_event(r, ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return ai_openai_reply_end(r);
}


/* each event of a stream is one line of JSON */

static void
check_events(const ai_str_t *out, const char *name)
{
    int         bad, n;
    ai_str_t    line;
    ai_json_t   doc;
    const char *p, *end, *last;

    bad = 0;
    n = 0;
    ai_json_init(&doc, mem_pool());

    p = (const char *) out->data;
    last = p + out->len;

    while (p < last) {
        end = find(out, (size_t) (p - (const char *) out->data), "\n\n");
        if (end == NULL || (size_t) (end - p) < 6
            || memcmp(p, "data: ", 6) != 0)
        {
            bad++;
            break;
        }

        line.data = (ai_char_t *) p + 6;
        line.len = (size_t) (end - p) - 6;
        p = end + 2;
        n++;

        if (ai_str_is(&line, "[DONE]")) {
            bad += p != last;

        } else if (memchr(line.data, '\n', line.len)
                   || ai_json_parse(&doc, &line, NULL) != AI_OK)
        {
            bad++;
        }
    }

    ok(n > 1 && bad == 0, "%s: %d events of JSON", name, n);
}


/* an answer's message, sent back */

static void
check_back(const ai_str_t *json, const case_t *c)
{
    ai_buf_t      b;
    ai_raw_t      message;
    ai_json_t     doc;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;
    ai_str_t      text, got;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    ai_json_init(&doc, mem_pool());

    if (!is_int(ai_json_parse(&doc, json, NULL), AI_OK, "%s: JSON", c->name)) {
        return;
    }

    message = ai_json_raw(&doc, ai_json_path(&doc,
                          ai_json_first(&doc, ai_json_get(&doc, 0,
                                                          "choices")),
                          "message", NULL));

    ai_buf_init(&b, mem_pool());
    dump_cstr(&b, "{\"model\":\"m\",\"messages\":[");
    ai_buf_cat(&b, &message);
    dump_cstr(&b, "]}");
    text = ai_buf_str(&b);

    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "%s: back", c->name);
    is_int(ai_openai_decode(&doc, mem_pool(), &rq, &dropped, &err), AI_OK,
           "%s: decoded", c->name);

    ai_buf_init(&b, mem_pool());
    dump_turns(&b, &rq);
    got = ai_buf_str(&b);
    is_str(got, c->back, "%s: the same blocks", c->name);
}


static void
test_cases(void)
{
    ai_buf_t                out;
    ai_str_t                got;
    const case_t           *c;
    ai_reply_conf_t  rc;

    for (c = cases; c->name; c++) {
        mem_reset();

        rc = conf(1);
        rc.functions = c->functions;
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        is_str(got, c->stream, "%s: stream", c->name);
        check_events(&got, c->name);

        rc.stream = 0;
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        is_str(got, c->json, "%s: answer", c->name);
        check_back(&got, c);
    }
}


static void
test_usage(void)
{
    ai_buf_t                out;
    ai_str_t                got;
    ai_usage_t              a, b;
    ai_reply_conf_t  c;

    ai_event_t  ev[] = {
        START, TEXT(0, TEXT, "x"), { .type = AI_EVENT_USAGE },
        { .type = AI_EVENT_USAGE }, FINISH(STOP), END
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
    ev[2].usage = &a;
    ev[3].usage = &b;

    c = conf(1);
    c.include_usage = 1;

#define USE  "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"       \
             "\"total_tokens\":15,\"prompt_tokens_details\":"                 \
             "{\"cached_tokens\":4,\"cache_write_tokens\":3},"                \
             "\"completion_tokens_details\":{\"reasoning_tokens\":2}}}"

    is_int(run(&c, ev, &out), AI_OK, "usage");
    got = ai_buf_str(&out);
    is_str(got, DU(0, "\"role\":\"assistant\",\"content\":\"\"")
           DU(0, "\"content\":\"x\"")
           H(0) "{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n"
           "data: {\"id\":\"" ID "\",\"object\":\"chat.completion.chunk\","
           "\"created\":7,\"model\":\"m\",\"choices\":[]," USE "\n\n" DONE,
           "usage chunk");
    check_events(&got, "usage");

    c = conf(0);
    is_int(run(&c, ev, &out), AI_OK, "usage");
    got = ai_buf_str(&out);
    is_str(got, A0 "\"content\":\"x\",\"refusal\":null},\"logprobs\":null,"
           "\"finish_reason\":\"stop\"}]," USE, "usage in an answer");

    a.prompt = -7;
    a.cached = INT64_MAX;
    a.completion = 3;
    a.total = -1;
    ai_usage_normalise(&a);
    is_int(a.prompt, -1, "negative");
    is_int(a.cached, -1, "nonsense");
    is_int(a.total, 3, "total of what is known");
    ai_usage_init(&a);
    ai_usage_normalise(&a);
    is_int(a.total, -1, "nothing known");
}


static void
test_choices(void)
{
    ai_buf_t                out;
    ai_str_t                got;
    ai_openai_reply_t      *r;
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
    is_str(got, R(0) D(0, "\"content\":\"a\"") R(1) D(1, "\"content\":\"b\"")
           D(0, "\"content\":\"c\"") FIN(0, "stop") FIN(1, "length") DONE,
           "interleaved");

    c = conf(0);
    is_int(run(&c, ev, &out), AI_OK, "two choices");
    got = ai_buf_str(&out);
    is_str(got, A0 "\"content\":\"ac\",\"refusal\":null},\"logprobs\":null,"
           "\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"role\":"
           "\"assistant\",\"content\":\"b\",\"refusal\":null},\"logprobs\":"
           "null,\"finish_reason\":\"length\"}]," NOUSE, "in an answer");

    ev[5].type = AI_EVENT_PING;
    is_int(run(&c, ev, &out), AI_ERROR, "a choice without its end");
    c.stream = 1;
    is_int(run(&c, ev, &out), AI_ERROR, "in a stream too");
    got = ai_buf_str(&out);
    ok(find(&got, 0, "[DONE]") == NULL, "and no [DONE]");
    is_int(run(&c, &ev[6], &out), AI_ERROR, "no event at all");

    far[1].choice = 128;
    is_int(run(&c, far, &out), AI_ERROR, "no 129th choice");
    far[1].choice = UINT32_MAX;
    is_int(run(&c, far, &out), AI_ERROR, "nor the last one");

    /* calls nobody opened */
    far[1] = (ai_event_t) TEXT(0, TOOL_CALL, "{}");
    is_int(run(&c, far, &out), AI_ERROR, "arguments without a call");

    /* names: ours where the provider says none */
    c = conf(1);
    c.id = ai_lit("own");
    c.model = ai_lit("alias\\\"");
    ai_buf_init(&out, mem_pool());
    r = ai_openai_reply_create(&c, &out, mem_pool());
    ai_openai_reply_event(r, &ev[1]);
    got = ai_buf_str(&out);
    ok(got.len && find(&got, 0, "\"id\":\"own\"")
       && find(&got, 0, "\"model\":\"alias\\\"\""),
       "own id and model without START");
}


static void
test_error(void)
{
    ai_buf_t                out;
    ai_str_t                got;
    ai_error_t              err;
    ai_reply_conf_t  c;

    ai_event_t  ev[] = {
        START, TEXT(0, TEXT, "x"), { .type = AI_EVENT_ERROR },
        TEXT(0, TEXT, "y"), FINISH(STOP), END
    };
    ai_event_t  fin[] = { START, FINISH(ERROR), END };

    mem_reset();
    memset(&err, 0, sizeof(err));
    ai_error_set(&err, AI_ERR_RATE_LIMIT, "slow \"down\"\n");
    err.param = ai_lit("p");
    ev[2].error = &err;

    c = conf(1);
    is_int(run(&c, ev, &out), AI_OK, "an error in a stream");
    got = ai_buf_str(&out);
    is_str(got, R(0) D(0, "\"content\":\"x\"")
           "data: {\"error\":{\"message\":\"slow \\\"down\\\"\\n\",\"type\":"
           "\"rate_limit_error\",\"param\":\"p\",\"code\":"
           "\"rate_limit_exceeded\"}}\n\n", "is its last event");

    is_int(run(&c, fin, &out), AI_OK, "an answer that failed");
    got = ai_buf_str(&out);
    ok(find(&got, 0, "{\"error\":{") != NULL
       && find(&got, 0, "[DONE]") == NULL, "ends with one");

    c.stream = 0;
    is_int(run(&c, ev, &out), AI_ERROR, "an error before an answer");
    is_int(ai_buf_len(&out), 0, "writes nothing");
    is_int(run(&c, fin, &out), AI_ERROR, "an answer that failed");

    ai_buf_init(&out, mem_pool());
    memset(&err, 0, sizeof(err));
    ai_openai_error(&out, &err);
    ok(ai_buf_len(&out) > 40, "an error without a kind is one too");
}


/* a stream leaves nothing behind, however many blocks it has */

static void
test_bounded(void)
{
    int                     i;
    size_t                  bytes, count;
    ai_buf_t                out;
    ai_event_t              ev[4];
    ai_openai_reply_t      *r;
    ai_reply_conf_t  c;

    const ai_event_t  model[] = {
        OPEN(0, TOOL_CALL, .id = STR("c"), .name = STR("f")),
        SIGN(0, TOOL_CALL, "SIG", GEMINI), TEXT(0, TOOL_CALL, "{}"),
        STOP(0, TOOL_CALL)
    };

    mem_reset();
    c = conf(1);
    ai_buf_init(&out, mem_pool());
    r = ai_openai_reply_create(&c, &out, mem_pool());

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
        ai_openai_reply_event(r, &ev[0]);
        ai_openai_reply_event(r, &ev[1]);
        ai_openai_reply_event(r, &ev[2]);

        if (ai_openai_reply_event(r, &ev[3]) != AI_OK) {
            break;
        }
    }

    is_int(i, 20000, "blocks");
    is_int(mem_count() - count, 0, "no allocation after the first few");
    is_int(mem_bytes() - bytes, 0, "no byte");

    for (i = 0; i < 100000; i++) {
        ev[0].index = i;
        ai_buf_reset(&out);

        if (ai_openai_reply_event(r, &ev[0]) != AI_OK) {
            break;
        }
    }

    ok(i > 1000 && i < 100000, "open blocks have an end: %d", i);
}


static void
test_memory(void)
{
    int                     bad, tries, mode, stream;
    size_t                  n;
    ai_buf_t                out;
    ai_int_t                rc;
    const case_t           *c;
    ai_reply_conf_t  co;

    bad = 0;
    tries = 0;

    for (c = cases; c->name; c++) {
        for (mode = 0; mode < 4; mode++) {
            stream = mode & 1;

            for (n = 1; n < 1000; n++) {
                mem_reset();

                if (mode & 2) {
                    mem_fail_from(n);

                } else {
                    mem_fail_at(n);
                }

                co = conf(stream);
                co.functions = c->functions;
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


static void
test_small(void)
{
    ai_buf_t          b;
    ai_str_t          got;
    ai_model_entry_t  m[2];

    ai_char_t  random[16] = { 1, 2, 3 };

    mem_reset();
    ai_buf_init(&b, mem_pool());
    ai_dialect_id(&b, random);
    random[15] = 1;
    ai_dialect_id(&b, random);

    is_int(ai_buf_len(&b), 58, "two ids");
    ok(memcmp(b.start, b.start + 29, 29) != 0, "one byte makes another id");

    m[0].id = ai_lit("a\"");
    m[0].owner = ai_lit("openai");
    m[1].id = ai_lit("b");
    m[1].owner = ai_lit("x");

    ai_buf_reset(&b);
    ai_openai_models(&b, m, 2);
    got = ai_buf_str(&b);

#define MODEL(id, own)                                                        \
    "{\"id\":\"" id "\",\"object\":\"model\",\"type\":\"model\","             \
    "\"created\":0,\"created_at\":\"1970-01-01T00:00:00Z\",\"owned_by\":\""   \
    own "\",\"display_name\":\"" id "\"}"

    is_str(got, "{\"object\":\"list\",\"data\":[" MODEL("a\\\"", "openai") ","
           MODEL("b", "x") "],\"has_more\":false,\"first_id\":\"a\\\"\","
           "\"last_id\":\"b\"}", "models");

    ai_buf_reset(&b);
    ai_openai_models(&b, NULL, 0);
    got = ai_buf_str(&b);
    is_str(got, "{\"object\":\"list\",\"data\":[],\"has_more\":false,"
           "\"first_id\":null,\"last_id\":null}", "no models");
}


int
main(void)
{
    test_cases();
    test_usage();
    test_choices();
    test_error();
    test_bounded();
    test_memory();
    test_small();

    return done();
}
