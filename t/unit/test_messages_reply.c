
/*
 * Answers in Anthropic's form: a stream, one object, the way back into a
 * request, and every recording read by a provider's decoder, written here,
 * and read again by Anthropic's.
 */

#define _GNU_SOURCE

#include "tap.h"
#include "openai_dump.h"
#include "upstream.h"

#include <api/ai_messages.h>


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif


/* ' stands for " */

#define EV(name, rest)                                                        \
    "event: " name "\ndata: {'type':'" name "'" rest "}\n\n"
#define USE(i, w, r, o)                                                       \
    "{'input_tokens':" #i ",'cache_creation_input_tokens':" #w                \
    ",'cache_read_input_tokens':" #r ",'output_tokens':" #o "}"
#define MS(use)                                                               \
    EV("message_start", ",'message':{'id':'msg_AbC','type':'message',"        \
       "'role':'assistant','model':'m','content':[],'stop_reason':null,"      \
       "'stop_sequence':null,'usage':" use "}")
#define M0      MS(USE(0, 0, 0, 0))
#define PING    EV("ping", "")
#define O(n, b) EV("content_block_start", ",'index':" #n ",'content_block':"  \
                   "{'type':" b "}")
#define OT(n)   O(n, "'text','text':''")
#define OK_(n)  O(n, "'thinking','thinking':'','signature':''")
#define OC(n, id, f) O(n, "'tool_use','id':'" id "','name':'" f "','input':{}")
#define D(n, b) EV("content_block_delta", ",'index':" #n ",'delta':{'type':"  \
                   b "}")
#define DT(n, s) D(n, "'text_delta','text':'" s "'")
#define DK(n, s) D(n, "'thinking_delta','thinking':'" s "'")
#define DS(n, s) D(n, "'signature_delta','signature':'" s "'")
#define DA(n, s) D(n, "'input_json_delta','partial_json':'" s "'")
#define C(n)    EV("content_block_stop", ",'index':" #n)
#define E(reason, seq, use)                                                   \
    EV("message_delta", ",'delta':{'stop_reason':'" reason "',"               \
       "'stop_sequence':" seq "},'usage':" use)                               \
    EV("message_stop", "")
#define E0(reason)  E(reason, "null", USE(0, 0, 0, 0))

#define J(content, reason, seq)                                               \
    "{'id':'msg_AbC','type':'message','role':'assistant','model':'m',"        \
    "'content':[" content "],'stop_reason':'" reason "','stop_sequence':" seq \
    ",'usage':" USE(0, 0, 0, 0) "}"
#define J0(content, reason)  J(content, reason, "null")

#define STR(s)   { sizeof(s) - 1, (ai_char_t *) (s) }

#define START    { .type = AI_EVENT_START, .id = STR("chatcmpl-1"),           \
                   .model = STR("m") }
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
    const char       *back;         /* the content, sent back */
    ai_event_t        ev[24];
} case_t;


static const case_t  cases[] = {

    { "text",
      M0 OT(0) PING DT(0, "a\\u00e9\\n") DT(0, "b") C(0) E0("end_turn"),
      J0("{'type':'text','text':'a\\u00e9\\nb'}", "end_turn"),
      "A[text a\\u00e9\\nb]",
      { START, OPEN(0, TEXT, ), TEXT(0, TEXT, "a\\u00e9\\n"),
        TEXT(0, TEXT, ""), TEXT(0, TEXT, "b"), STOP(0, TEXT), FINISH(STOP),
        TEXT(0, TEXT, "late"), FINISH(LENGTH), END } },

    { "nothing at all",
      M0 E0("max_tokens"), J0("", "max_tokens"), "A",
      { START, OPEN(0, TEXT, ), STOP(0, TEXT), OPEN(1, THINKING, ),
        FINISH(LENGTH), END } },

    { "text without a start, and no STOP",
      M0 OT(0) PING DT(0, "x") C(0) E("stop_sequence", "'\\n'",
                                      USE(0, 0, 0, 0)),
      J("{'type':'text','text':'x'}", "stop_sequence", "'\\n'"),
      "A[text x]",
      { START, TEXT(7, TEXT, "x"),
        { .type = AI_EVENT_FINISH, .finish = AI_FINISH_STOP_SEQ,
          .stop_seq = STR("\\n") }, END } },

    { "two calls, interleaved; the second has no id",
      M0 OC(0, "call_1", "f") PING DA(0, "{\\'a\\':") DA(0, "1}") C(0)
      OC(1, "toolu_AbC_1", "g") DA(1, "{\\'b\\':\\'\\\\\\'\\'}") C(1)
      E0("tool_use"),
      J0("{'type':'tool_use','id':'call_1','name':'f','input':{'a':1}},"
         "{'type':'tool_use','id':'toolu_AbC_1','name':'g','input':"
         "{'b':'\\''}}", "tool_use"),
      "A[call id=call_1 name=f args={'a':1}]"
      "[call id=toolu_AbC_1 name=g args={'b':'\\''}]",
      { START, OPEN(3, TOOL_CALL, .id = STR("call_1"), .name = STR("f")),
        TEXT(3, TOOL_CALL, "{\\\"a\\\":"),
        OPEN(5, TOOL_CALL, .name = STR("g")),
        TEXT(5, TOOL_CALL, "{\\\"b\\\":\\\""), TEXT(3, TOOL_CALL, "1}"),
        TEXT(5, TOOL_CALL, "\\\\\\\"\\\"}"),
        STOP(5, TOOL_CALL), STOP(3, TOOL_CALL), FINISH(STOP), END } },

    { "text and thoughts behind an open call wait for it",
      M0 OT(0) PING DT(0, "t") C(0) OC(1, "a", "f") DA(1, "{") DA(1, "}")
      C(1) OK_(2) DK(2, "why") DS(2, "S") C(2) OT(3) DT(3, "uv") DT(3, "w")
      C(3) E0("tool_use"),
      J0("{'type':'text','text':'t'},{'type':'tool_use','id':'a','name':'f',"
         "'input':{}},{'type':'thinking','thinking':'why','signature':'S'},"
         "{'type':'text','text':'uvw'}", "tool_use"),
      "A[text t][call id=a name=f args={}][think why sig=S anthropic]"
      "[text uvw]",
      { START, OPEN(0, TEXT, ), TEXT(0, TEXT, "t"), STOP(0, TEXT),
        OPEN(1, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        TEXT(1, TOOL_CALL, "{"), OPEN(2, THINKING, ),
        TEXT(2, THINKING, "why"), SIGN(2, THINKING, "S", ANTHROPIC),
        STOP(2, THINKING), OPEN(3, TEXT, ), TEXT(3, TEXT, "u"),
        TEXT(3, TEXT, "v"), TEXT(1, TOOL_CALL, "}"), STOP(1, TOOL_CALL),
        TEXT(3, TEXT, "w"), FINISH(TOOLS), END } },

    { "no arguments, empty ones, and an object of nothing and blanks",
      M0 OC(0, "a", "f") PING C(0) OC(1, "b", "f") C(1)
      OC(2, "c", "f") DA(2, "{}") DA(2, " ") C(2) E0("tool_use"),
      J0("{'type':'tool_use','id':'a','name':'f','input':{}},"
         "{'type':'tool_use','id':'b','name':'f','input':{}},"
         "{'type':'tool_use','id':'c','name':'f','input':{}}", "tool_use"),
      "A[call id=a name=f args={}][call id=b name=f args={}]"
      "[call id=c name=f args={}]",
      { START, OPEN(0, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        STOP(0, TOOL_CALL),
        OPEN(1, TOOL_CALL, .id = STR("b"), .name = STR("f")),
        TEXT(1, TOOL_CALL, "{}"), STOP(1, TOOL_CALL),
        OPEN(2, TOOL_CALL, .id = STR("c"), .name = STR("f")),
        TEXT(2, TOOL_CALL, "{}"), TEXT(2, TOOL_CALL, " "),
        STOP(2, TOOL_CALL), FINISH(TOOLS), END } },

    { "a call that was cut",
      M0 OC(0, "a", "f") PING DA(0, "{\\'a\\':") C(0) E0("max_tokens"),
      J0("{'type':'tool_use','id':'a','name':'f','input':{}}", "max_tokens"),
      "A[call id=a name=f args={}]",
      { START, OPEN(0, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        TEXT(0, TOOL_CALL, "{\\\"a\\\":"), FINISH(LENGTH), END } },

    { "thinking with a signature in pieces, redacted, text",
      M0 OK_(0) PING DK(0, "wh") DK(0, "y") DS(0, "SIG") C(0)
      O(1, "'redacted_thinking','data':'RED'") C(1)
      OT(2) DT(2, "x") C(2) E0("end_turn"),
      J0("{'type':'thinking','thinking':'why','signature':'SIG'},"
         "{'type':'redacted_thinking','data':'RED'},"
         "{'type':'text','text':'x'}", "end_turn"),
      "A[think why sig=SIG anthropic][redacted data=RED anthropic][text x]",
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "wh"),
        TEXT(0, THINKING, "y"), SIGN(0, THINKING, "SI", ANTHROPIC),
        SIGN(0, THINKING, "G", ANTHROPIC), STOP(0, THINKING),
        OPEN(1, REDACTED, .data = STR("RED"), .family = AI_FAMILY_ANTHROPIC),
        STOP(1, REDACTED), OPEN(2, TEXT, ), TEXT(2, TEXT, "x"),
        STOP(2, TEXT), FINISH(STOP), END } },

    { "thinking without a signature, and only a signature",
      M0 OK_(0) PING DK(0, "r") DS(0, "") C(0) OK_(1) DS(1, "S") C(1)
      E0("end_turn"),
      J0("{'type':'thinking','thinking':'r','signature':''},"
         "{'type':'thinking','thinking':'','signature':'S'}", "end_turn"),
      "A[think r][think  sig=S anthropic]",
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "r"),
        STOP(0, THINKING), OPEN(1, THINKING, ),
        SIGN(1, THINKING, "S", ANTHROPIC), STOP(1, THINKING), FINISH(STOP),
        END } },

    { "Google's signatures, on everything; OpenAI's state; nobody's",
      M0 OK_(0) PING DK(0, "r") DS(0, "gemini:T") C(0)
      OT(1) DT(1, "x") C(1) OK_(2) DS(2, "gemini:X") C(2)
      OK_(3) DS(3, "gemini:call:C") C(3) OC(4, "c", "f") C(4)
      O(5, "'redacted_thinking','data':'openai:E'") C(5)
      E0("tool_use"),
      J0("{'type':'thinking','thinking':'r','signature':'gemini:T'},"
         "{'type':'text','text':'x'},"
         "{'type':'thinking','thinking':'','signature':'gemini:X'},"
         "{'type':'thinking','thinking':'','signature':'gemini:call:C'},"
         "{'type':'tool_use','id':'c','name':'f','input':{}},"
         "{'type':'redacted_thinking','data':'openai:E'}", "tool_use"),
      "A[think r sig=T gemini][text x][think  sig=X gemini]"
      "[call id=c name=f args={} sig=C gemini][redacted data=E openai]",
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "r"),
        SIGN(0, THINKING, "T", GEMINI), STOP(0, THINKING),
        OPEN(1, TEXT, ), TEXT(1, TEXT, "x"), SIGN(1, TEXT, "X", GEMINI),
        STOP(1, TEXT),
        OPEN(2, TOOL_CALL, .id = STR("c"), .name = STR("f"),
             .signature = STR("C"), .family = AI_FAMILY_GEMINI),
        TEXT(2, TOOL_CALL, "{}"), STOP(2, TOOL_CALL),
        OPEN(3, REDACTED, .data = STR("E"), .family = AI_FAMILY_OPENAI),
        STOP(3, REDACTED), OPEN(4, REDACTED, .data = STR("N")),
        FINISH(TOOLS), END } },

    { "refusal",
      M0 OT(0) PING DT(0, "no") C(0) E0("refusal"),
      J0("{'type':'text','text':'no'}", "refusal"), "A[text no]",
      { START, OPEN(0, REFUSAL, ), TEXT(0, REFUSAL, "no"), STOP(0, REFUSAL),
        FINISH(STOP), END } },

    { "tools for nobody, and what has no place here",
      M0 OT(0) PING DT(0, "x") C(0) E0("end_turn"),
      J0("{'type':'text','text':'x'}", "end_turn"), "A[text x]",
      { START, TEXT(0, TEXT, "x"),
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_ANNOTATION, .raw = STR("{}") },
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_LOGPROBS, .raw = STR("{}") },
        FINISH(TOOLS), END } },

    { "several answers: the first is told",
      M0 OT(0) PING DT(0, "x") C(0) E0("model_context_window_exceeded"),
      J0("{'type':'text','text':'x'}", "model_context_window_exceeded"),
      "A[text x]",
      { START,
        { .type = AI_EVENT_BLOCK_START, .choice = 1, .kind = AI_BLOCK_TEXT },
        TEXT(0, TEXT, "x"),
        { .type = AI_EVENT_DELTA, .choice = 1, .kind = AI_BLOCK_TEXT,
          .text = STR("y") },
        { .type = AI_EVENT_FINISH, .choice = 1, .finish = AI_FINISH_STOP },
        FINISH(CONTEXT), END } },

    { NULL, NULL, NULL, NULL, { END } }
};


static char *
quoted(const char *s)
{
    char    *p;
    size_t   i, n;

    n = strlen(s);
    p = mem_alloc(NULL, n + 1);

    for (i = 0; i <= n; i++) {
        p[i] = s[i] == '\'' ? '"' : s[i];
    }

    return p;
}


static ai_reply_conf_t
conf(unsigned stream)
{
    ai_reply_conf_t  c;

    memset(&c, 0, sizeof(c));

    c.id = ai_lit("AbC");
    c.created = 7;
    c.stream = stream;

    return c;
}


static ai_int_t
run(const ai_reply_conf_t *c, const ai_event_t *ev, ai_buf_t *out)
{
    void  *r;

    ai_buf_init(out, mem_pool());

    r = ai_dialect_anthropic.reply_create(c, out, mem_pool());
    if (r == NULL) {
        return AI_ERROR;
    }

    for (/* void */; ev->type; ev++) {
        if (ai_dialect_anthropic.reply_event(r, ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return ai_dialect_anthropic.reply_end(r);
}


/* an answer's content as a message of a request */

static void
check_back(const ai_str_t *json, const case_t *c)
{
    ai_buf_t      b;
    ai_raw_t      content;
    ai_str_t      text, got;
    ai_peek_t     peek;
    ai_json_t     doc;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    ai_json_init(&doc, mem_pool());

    if (!is_int(ai_json_parse(&doc, json, NULL), AI_OK, "%s: JSON", c->name)) {
        return;
    }

    content = ai_json_raw(&doc, ai_json_get(&doc, 0, "content"));

    ai_buf_init(&b, mem_pool());
    dump_cstr(&b, "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":"
                  "\"assistant\",\"content\":");
    ai_buf_cat(&b, &content);
    dump_cstr(&b, "}]}");
    text = ai_buf_str(&b);

    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "%s: back", c->name);
    ok(ai_messages_peek(&doc, mem_pool(), &peek, &err) == AI_OK
       && ai_messages_decode(&doc, &peek, mem_pool(), &rq, &dropped, &err)
          == AI_OK, "%s: decoded", c->name);

    ai_buf_init(&b, mem_pool());
    dump_turns(&b, &rq);
    got = ai_buf_str(&b);
    is_str(got, quoted(c->back), "%s: the same blocks", c->name);
}


static void
test_cases(void)
{
    ai_buf_t         out;
    ai_str_t         got;
    const case_t    *c;
    ai_reply_conf_t  rc;

    for (c = cases; c->name; c++) {
        mem_reset();

        rc = conf(1);
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        is_str(got, quoted(c->stream), "%s: stream", c->name);

        rc.stream = 0;
        is_int(run(&rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        is_str(got, quoted(c->json), "%s: answer", c->name);
        check_back(&got, c);
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
        { .type = AI_EVENT_START, .id = STR("msg_AbC"), .model = STR("m") },
        { .type = AI_EVENT_USAGE }, { .type = AI_EVENT_PING },
        TEXT(0, TEXT, "x"), FINISH(PAUSE), { .type = AI_EVENT_USAGE }, END
    };

    mem_reset();
    ai_usage_init(&a);
    ai_usage_init(&b);
    a.prompt = 1000;
    a.cached = 300;
    a.cache_write = 200;
    a.completion = 1;
    b.completion = 50;
    b.reasoning = 20;
    ev[1].usage = &a;
    ev[5].usage = &b;

    c = conf(1);
    c.id = ai_lit("other");
    is_int(run(&c, ev, &out), AI_OK, "usage");
    got = ai_buf_str(&out);
    is_str(got, quoted(MS(USE(500, 200, 300, 1)) PING OT(0) DT(0, "x") C(0)
           EV("message_delta", ",'delta':{'stop_reason':'pause_turn',"
              "'stop_sequence':null},'usage':{'input_tokens':500,"
              "'cache_creation_input_tokens':200,'cache_read_input_tokens':"
              "300,'output_tokens':50,'output_tokens_details':"
              "{'thinking_tokens':20}}")
           EV("message_stop", "")), "known first, complete last");

    a.prompt = 10;
    a.cached = 30;
    c.stream = 0;
    is_int(run(&c, ev, &out), AI_OK, "usage");
    ok(memmem(out.start, ai_buf_len(&out), "\"input_tokens\":0,", 17) != NULL,
       "never below zero");
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
    ai_event_t  bad[] = { START, FINISH(ERROR), END };
    ai_event_t  open[] = { START, TEXT(0, TEXT, "x"), END };
    ai_event_t  lost[] = { START, TEXT(0, TOOL_CALL, "x"), END };
    ai_event_t  kind[] = { START, OPEN(0, TEXT, ), TEXT(0, THINKING, "x"),
                           END };

    mem_reset();
    memset(&err, 0, sizeof(err));
    ai_error_set(&err, AI_ERR_OVERLOADED, "busy \"x\"");
    ev[2].error = &err;

#define OVER  "{'type':'error','error':{'type':'overloaded_error',"           \
              "'message':'busy \\'x\\''}}"

    c = conf(1);
    is_int(run(&c, ev, &out), AI_OK, "error");
    got = ai_buf_str(&out);
    is_str(got, quoted(M0 OT(0) PING DT(0, "x") "event: error\ndata: " OVER
                       "\n\n"), "ends the stream");

    c.stream = 0;
    is_int(run(&c, ev, &out), AI_ERROR, "error");
    is_int(ai_buf_len(&out), 0, "nothing of an object");

    ai_buf_init(&out, mem_pool());
    ai_messages_error(&out, &err);
    got = ai_buf_str(&out);
    is_str(got, quoted(OVER), "as a body");

    c.stream = 1;
    is_int(run(&c, bad, &out), AI_OK, "a failed answer");
    ok(memmem(out.start, ai_buf_len(&out), "\"api_error\"", 11) != NULL,
       "is an error");
    is_int(run(&c, open, &out), AI_ERROR, "an answer that did not end");
    is_int(run(&c, lost, &out), AI_ERROR, "arguments of no call");
    is_int(run(&c, kind, &out), AI_ERROR, "thoughts of a text");
}


/* a stream's state has an end, whatever comes */

static void
test_bounded(void)
{
    int              i, n, rc;
    void            *r;
    size_t           before;
    ai_buf_t         out;
    ai_event_t       ev[] = {
        START, OPEN(0, TEXT, ), TEXT(0, TEXT, "some text of a stream"),
        STOP(0, TEXT), OPEN(1, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        OPEN(2, TOOL_CALL, .id = STR("b"), .name = STR("f")),
        TEXT(2, TOOL_CALL, "{\\\"a\\\":1}"), STOP(2, TOOL_CALL),
        STOP(1, TOOL_CALL), OPEN(3, THINKING, ), TEXT(3, THINKING, "t"),
        SIGN(3, THINKING, "S", ANTHROPIC), STOP(3, THINKING)
    };
    ai_event_t       open = OPEN(0, TOOL_CALL, .id = STR("a"),
                                 .name = STR("f"));
    ai_event_t       held = TEXT(1, TOOL_CALL, "");
    ai_reply_conf_t  c;

    static ai_char_t  big[65536];

    mem_reset();
    memset(big, 'x', sizeof(big));

    c = conf(1);
    ai_buf_init(&out, mem_pool());
    r = ai_messages_reply_create(&c, &out, mem_pool());
    before = 0;
    rc = 0;

    for (i = 0; i < 20000; i++) {
        n = i < 13 ? i : 1 + i % 12;
        rc |= ai_messages_reply_event(r, &ev[n]) != AI_OK;

        if (i % 12 == 0) {
            ai_buf_reset(&out);
        }

        if (i == 100) {
            before = mem_count();
        }
    }

    ok(rc == 0 && mem_count() == before, "a long stream allocates nothing");

    /* one block held */

    mem_reset();
    ai_buf_init(&out, mem_pool());
    r = ai_messages_reply_create(&c, &out, mem_pool());
    ai_messages_reply_event(r, &open);
    open.index = 1;
    ai_messages_reply_event(r, &open);

    held.text.data = big;
    held.text.len = sizeof(big);

    for (i = 0; i < 100; i++) {
        if (ai_messages_reply_event(r, &held) != AI_OK) {
            break;
        }
    }

    is_int(i, AI_MESSAGES_HELD / sizeof(big), "one block held has an end");

    /* many, each of them small enough */

    mem_reset();
    ai_buf_init(&out, mem_pool());
    r = ai_messages_reply_create(&c, &out, mem_pool());
    open.index = 0;
    ai_messages_reply_event(r, &open);
    rc = AI_OK;

    for (i = 1; i < 1000 && rc == AI_OK; i++) {
        open.index = (uint32_t) i;
        held.index = (uint32_t) i;
        rc = ai_messages_reply_event(r, &open);

        if (rc == AI_OK) {
            rc = ai_messages_reply_event(r, &held);
        }
    }

    is_int(i - 2, AI_MESSAGES_HELD_ALL / sizeof(big), "all have an end");

    /* open blocks without anything in them */

    mem_reset();
    ai_buf_init(&out, mem_pool());
    r = ai_messages_reply_create(&c, &out, mem_pool());

    for (i = 0; i < 100000; i++) {
        open.index = (uint32_t) i;

        if (ai_messages_reply_event(r, &open) != AI_OK) {
            break;
        }
    }

    ok(i > 500 && i < 100000, "open blocks have an end: %d", i);
    mem_reset();
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


/*
 * The gist of an answer, put together from events.  A refusal is a text in
 * Anthropic's form; arguments are compared decoded; a block that says nothing
 * does not count.
 */

#define GIST_CALLS  64

typedef struct {
    ai_buf_t     text;
    ai_buf_t     thinking;
    ai_buf_t     signature;
    ai_buf_t     redacted;
    ai_buf_t     id[GIST_CALLS];
    ai_buf_t     args[GIST_CALLS];
    uint32_t     index[GIST_CALLS];
    size_t       ncalls;
    ai_usage_t   usage;
    ai_finish_e  finish;
    int          refused;
    int          errors;
    void        *reply[2];          /* where events go as well, or NULL */
} gist_t;


static void
gist_init(gist_t *g)
{
    size_t  i;

    memset(g, 0, sizeof(gist_t));

    ai_buf_init(&g->text, mem_pool());
    ai_buf_init(&g->thinking, mem_pool());
    ai_buf_init(&g->signature, mem_pool());
    ai_buf_init(&g->redacted, mem_pool());
    ai_usage_init(&g->usage);

    for (i = 0; i < GIST_CALLS; i++) {
        ai_buf_init(&g->id[i], mem_pool());
        ai_buf_init(&g->args[i], mem_pool());
    }
}


static void
gist_delta(gist_t *g, const ai_event_t *ev)
{
    size_t  i;

    if (ev->delta == AI_DELTA_SIGNATURE) {
        ai_buf_cat(&g->signature, &ev->text);
        return;
    }

    if (ev->delta != AI_DELTA_TEXT) {
        return;
    }

    switch (ev->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        ai_buf_cat(&g->text, &ev->text);
        g->refused |= ev->kind == AI_BLOCK_REFUSAL;
        break;

    case AI_BLOCK_THINKING:
        ai_buf_cat(&g->thinking, &ev->text);
        break;

    default:
        for (i = g->ncalls; i-- > 0; /* void */ ) {
            if (g->index[i] == ev->index) {
                ai_buf_cat(&g->args[i], &ev->text);
                break;
            }
        }
    }
}


static ai_int_t
gist_event(void *data, const ai_event_t *ev)
{
    gist_t  *g = data;
    int      i;

    for (i = 0; i < 2; i++) {
        if (g->reply[i]) {
            if (ai_dialect_anthropic.reply_event(g->reply[i], ev) != AI_OK
                && !(i == 1 && ev->type == AI_EVENT_ERROR))
            {
                return AI_ERROR;
            }
        }
    }

    if (ev->choice) {
        return AI_OK;
    }

    switch (ev->type) {

    case AI_EVENT_BLOCK_START:
        if (ev->kind == AI_BLOCK_TOOL_CALL && g->ncalls < GIST_CALLS) {
            ai_buf_cat(&g->id[g->ncalls], &ev->id);
            ai_buf_char(&g->id[g->ncalls], ' ');
            ai_buf_cat(&g->id[g->ncalls], &ev->name);
            g->index[g->ncalls++] = ev->index;
        }

        ai_buf_cat(&g->signature, &ev->signature);
        ai_buf_cat(&g->redacted, &ev->data);
        break;

    case AI_EVENT_DELTA:
        gist_delta(g, ev);
        break;

    case AI_EVENT_FINISH:
        g->finish = ev->finish;
        break;

    case AI_EVENT_USAGE:
        ai_usage_merge(&g->usage, ev->usage);
        break;

    case AI_EVENT_ERROR:
        g->errors++;
        break;

    default:
        break;
    }

    return AI_OK;
}


/* without the tags that are put in front of another family's */

static char *
gist_untagged(const ai_buf_t *b)
{
    char    *s, *p;
    size_t   i;

    static const char *const  tags[] = { "gemini:call:", "gemini:",
                                         "openai:" };

    s = mem_alloc(NULL, ai_buf_len(b) + 1);

    if (ai_buf_len(b)) {
        memcpy(s, b->start, ai_buf_len(b));
    }

    s[ai_buf_len(b)] = '\0';

    for (i = 0; i < 3; i++) {
        while ((p = strstr(s, tags[i])) != NULL) {
            memmove(p, p + strlen(tags[i]), strlen(p + strlen(tags[i])) + 1);
        }
    }

    return s;
}


static void
gist_same(const char *name, const char *form, const gist_t *a,
    const gist_t *b)
{
    size_t       i;
    ai_buf_t     x, y;
    ai_str_t     s;
    ai_json_t    doc;
    ai_finish_e  finish;

#define SAME(f)                                                               \
    is_mem(b->f.start, ai_buf_len(&b->f), a->f.start, ai_buf_len(&a->f),      \
           "%s, %s: " #f, name, form)

    ai_json_init(&doc, mem_pool());

    SAME(text);
    SAME(thinking);
    is_cstr(gist_untagged(&b->signature), gist_untagged(&a->signature),
            "%s, %s: signatures", name, form);
    is_cstr(gist_untagged(&b->redacted), gist_untagged(&a->redacted),
            "%s, %s: redacted", name, form);
    is_int(b->ncalls, a->ncalls, "%s, %s: calls", name, form);

    for (i = 0; i < a->ncalls && i < b->ncalls; i++) {
        if (a->id[i].start[0] != ' ') {
            SAME(id[i]);
        }

        ai_buf_init(&x, mem_pool());
        ai_buf_init(&y, mem_pool());
        s = ai_buf_str(&a->args[i]);
        ai_json_unescape(&x, &s);
        s = ai_buf_str(&b->args[i]);
        ai_json_unescape(&y, &s);

        if (ai_buf_len(&x) == 0) {
            ai_buf_lit(&x, "{}");
        }

        if (ai_buf_len(&y) == 0) {
            ai_buf_lit(&y, "{}");
        }

        /* an object cannot hold what was cut in the middle */

        s = ai_buf_str(&x);

        if (strcmp(form, "answer") == 0
            && ai_json_parse(&doc, &s, NULL) != AI_OK)
        {
            ai_buf_reset(&x);
            ai_buf_lit(&x, "{}");
        }

        is_mem(y.start, ai_buf_len(&y), x.start, ai_buf_len(&x),
               "%s, %s: arguments", name, form);
    }

    finish = a->finish;

    if (finish == AI_FINISH_STOP && a->refused) {
        finish = AI_FINISH_FILTER;
    }

    is_int(b->finish, finish, "%s, %s: finish", name, form);

    is_int(ai_max(b->usage.prompt, 0), ai_max(a->usage.prompt, 0),
           "%s, %s: prompt", name, form);
    is_int(ai_max(b->usage.cached, 0), ai_max(a->usage.cached, 0),
           "%s, %s: cached", name, form);
    is_int(ai_max(b->usage.cache_write, 0), ai_max(a->usage.cache_write, 0),
           "%s, %s: written", name, form);
    is_int(ai_max(b->usage.completion, 0), ai_max(a->usage.completion, 0),
           "%s, %s: completion", name, form);
    is_int(ai_max(b->usage.reasoning, 0), ai_max(a->usage.reasoning, 0),
           "%s, %s: reasoning", name, form);
}


/* is it what an SDK reads: message_start, blocks one after the other counted
 * from 0, message_delta, message_stop; names as in the data */

static const char *
grammar(const ai_buf_t *out)
{
    int             state;
    int64_t         n, open, next;
    ai_str_t        in;
    ai_sse_t        sse;
    ai_esc_t        type;
    ai_json_t       doc;
    ai_sse_event_t  ev;

    ai_sse_init(&sse, mem_pool(), 0);
    ai_json_init(&doc, mem_pool());

    in = ai_buf_str(out);
    state = 0;
    open = -1;
    next = 0;

    while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
        if (ai_json_parse(&doc, &ev.data, NULL) != AI_OK) {
            return "not JSON";
        }

        type = ai_json_esc(&doc, ai_json_get(&doc, 0, "type"));

        if (!ai_str_eq(&type, &ev.name)) {
            return "another name";
        }

        if (ai_str_is(&type, "ping") || ai_str_is(&type, "error")) {
            continue;
        }

        n = -1;
        (void) ai_json_int(&doc, ai_json_get(&doc, 0, "index"), &n);

        if (ai_str_is(&type, "message_start")) {
            if (state++ != 0) {
                return "message_start";
            }

        } else if (ai_str_is(&type, "content_block_start")) {
            if (state != 1 || open != -1 || n != next++) {
                return "content_block_start";
            }

            open = n;

        } else if (ai_str_is(&type, "content_block_delta")) {
            if (open == -1 || n != open) {
                return "content_block_delta";
            }

        } else if (ai_str_is(&type, "content_block_stop")) {
            if (open == -1 || n != open) {
                return "content_block_stop";
            }

            open = -1;

        } else if (ai_str_is(&type, "message_delta")) {
            if (state++ != 1 || open != -1) {
                return "message_delta";
            }

        } else if (!ai_str_is(&type, "message_stop") || state++ != 2) {
            return "message_stop";
        }
    }

    return state == 3 ? NULL : "no end";
}


static ai_int_t
feed(const ai_provider_t *provider, gist_t *g, const char *data, size_t len,
    int stream, size_t step)
{
    size_t           pos;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_sink_t        sink;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = gist_event;
    sink.data = g;

    d = ai_decoder_create(provider, mem_pool(), &sink);

    if (!stream) {
        in.data = (ai_char_t *) data;
        in.len = len;
        return provider->answer(d, &in);
    }

    ai_sse_init(&sse, mem_pool(), 0);

    for (pos = 0; pos < len; pos += step) {
        in.data = (ai_char_t *) data + pos;
        in.len = ai_min(step, len - pos);

        while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
            if (provider->stream(d, &ev) != AI_OK) {
                return AI_DECLINED;
            }
        }
    }

    return provider->stream_end(d);
}


/* 1 if it was an answer, and could be compared */

static int
test_recording(const ai_provider_t *provider, const char *name,
    const char *data, size_t len, int stream)
{
    gist_t           a, b;
    ai_buf_t         out[2];
    ai_int_t         rc;
    const char      *bad;
    ai_reply_conf_t  c;

    gist_init(&a);

    c = conf(1);
    ai_buf_init(&out[0], mem_pool());
    a.reply[0] = ai_messages_reply_create(&c, &out[0], mem_pool());

    c = conf(0);
    ai_buf_init(&out[1], mem_pool());
    a.reply[1] = ai_messages_reply_create(&c, &out[1], mem_pool());

    rc = feed(provider, &a, data, len, stream, 100);

    if (rc != AI_OK) {
        return 0;
    }

    if (a.errors) {
        ok(memmem(out[0].start, ai_buf_len(&out[0]), "event: error\n", 13)
           != NULL, "%s: an error is told", name);
        is_int(ai_messages_reply_end(a.reply[1]), AI_ERROR, "%s: ends", name);
        return 0;
    }

    is_int(ai_messages_reply_end(a.reply[0]), AI_OK, "%s: stream ends", name);
    is_int(ai_messages_reply_end(a.reply[1]), AI_OK, "%s: answer ends", name);

    bad = grammar(&out[0]);
    ok(bad == NULL, "%s: grammar: %s", name, bad ? bad : "good");

    gist_init(&b);
    is_int(feed(&ai_provider_anthropic, &b, (char *) out[0].start,
                ai_buf_len(&out[0]), 1, 1), AI_OK, "%s: read", name);
    gist_same(name, "stream", &a, &b);

    gist_init(&b);
    is_int(feed(&ai_provider_anthropic, &b, (char *) out[1].start,
                ai_buf_len(&out[1]), 0, 1), AI_OK, "%s: read", name);
    gist_same(name, "answer", &a, &b);

    return 1;
}


static void
test_recordings(void)
{
    int      good;
    char   **names, *data, dir[128];
    size_t   i, j, k, n, len;

    static const char *const  ends[] = { ".response.json", ".response.sse" };

    static const struct {
        const ai_provider_t  *provider;
        const char           *dir;
    } from[] = {
        { &ai_provider_openai, "openai" },
        { &ai_provider_anthropic, "anthropic" },
        { &ai_provider_gemini, "gemini" }
    };

    for (i = 0; i < 3; i++) {
        for (j = 0; j < 2; j++) {
            good = 0;

            snprintf(dir, sizeof(dir), TEST_DATA "/recordings/%s",
                     from[i].dir);
            names = dir_names(dir, ends[j], &n);

            for (k = 0; k < n; k++) {
                mem_reset();
                data = file_read(dir, names[k], &len);
                good += test_recording(from[i].provider, names[k], data, len,
                                       (int) j);
                free(data);
            }

            names_free(names, n);
            ok(good > 5, "%d of %s", good, dir);
        }
    }

    mem_reset();
}


int
main(void)
{
    test_cases();
    test_usage();
    test_error();
    test_bounded();
    test_memory();
    test_recordings();

    return done();
}
