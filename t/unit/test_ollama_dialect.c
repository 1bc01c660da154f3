
/*
 * Ollama's clients: what is looked at, what is decoded, what is refused, and
 * answers as lines and as one object, those of every recording among them.
 */

#define _GNU_SOURCE

#include "tap.h"
#include "openai_dump.h"
#include "upstream.h"

#include <api/ai_ollama.h>


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif


/* ' stands for " */

#define RQ(s)  "{'model':'m','messages':[{'role':'user','content':'hi'}]," s  \
               "}"
#define MS(s)  "{'model':'m','stream':false,'messages':[" s "]}"
#define U(s)   "{'role':'user'," s "}"
#define AS(s)  "{'role':'assistant'," s "}"
#define TO(s)  "{'role':'tool'," s "}"
#define F(n)   "{'function':{'name':'" n "','arguments':{}}}"
#define CALLS(s)  AS("'tool_calls':[" s "]")
#define GE(s)  "{'model':'m','prompt':'p'," s "}"
#define ON     "; stream=1; usage=1"

#define PNG    "iVBORw0KGgoAAAANSUhEUg=="
#define JPEG   "\\/9j\\/4AAQSkZJRgABAQ=="
#define GIF    "R0lGODlhAQABAIAAAP8="
#define WEBP   "UklGRiQAAABXRUJQVlA4IBgAAAAw"


typedef struct {
    const char  *json;
    const char  *want;
} case_t;


static const case_t  params[] = {

    { RQ("'x':null"), "m" ON },
    { RQ("'stream':null"), "m" ON },
    { RQ("'stream':true"), "m" ON },
    { RQ("'stream':false"), "m; usage=1" },
    { RQ("'options':null,'format':null,'think':null,'tools':null"), "m" ON },
    { RQ("'options':{'temperature':0.50,'top_p':1e0,'top_k':40,'seed':-1,"
         "'presence_penalty':1,'frequency_penalty':0.1,'num_predict':7,"
         "'stop':['a\\n','',' ']}"),
      "m; max=7; temp=0.50; top_p=1e0; top_k=40; seed=-1; pres=1; freq=0.1; "
      "stop=a\\n; stop= " ON },
    { RQ("'options':{'num_predict':-1}"), "m" ON },
    { RQ("'options':{'num_predict':0,'stop':[],'seed':null}"), "m" ON },
    { RQ("'options':{'num_predict':-2}"), "m" ON },
    { RQ("'options':{'num_ctx':8192,'min_p':0.1,'repeat_penalty':1.1},"
         "'keep_alive':'5m','truncate':true,'zz':1"),
      "m" ON " !num_ctx !min_p !repeat_penalty !keep_alive !truncate !zz" },
    { RQ("'format':''"), "m" ON },
    { RQ("'format':'json'"), "m; output=1" ON },
    { RQ("'format':{'type':'object', 'x':1.0}"),
      "m; output=2; oschema={'type':'object', 'x':1.0}" ON },
    { RQ("'think':true"), "m; effort=4; thoughts=1" ON },
    { RQ("'think':false"), "m; budget=0; thoughts=0" ON },
    { RQ("'think':'high'"), "m; effort=5; thoughts=1" ON },
    { RQ("'think':'max'"), "m; effort=7; thoughts=1" ON },
    { RQ("'think':'none'"), "m; effort=1; thoughts=0" ON },
    { RQ("'logprobs':true,'top_logprobs':3"),
      "m; logprobs=1; top_logprobs=3" ON },
    { RQ("'tools':[{'type':'function','function':{'name':'f','description':"
         "'d','parameters':{ 'z':1}}},{'function':{'name':'g'}}]"),
      "m; tool f desc=d schema={ 'z':1}; tool g" ON },
    { NULL, NULL }
};


static const case_t  turns[] = {

    { MS(U("'content':'h\\u00e9'")), "U[text h\\u00e9]" },
    { MS(U("'content':''") "," U("'x':1") "," AS("'content':null")),
      "U; U; A" },
    { MS("{'role':'system','content':'s'}," U("'content':'a'") ","
         AS("'content':'b','thinking':'t'")),
      "S[text s]; U[text a]; A[think t][text b]" },
    { MS(U("'content':'c','images':['" PNG "','" JPEG "','" GIF "','" WEBP
           "']")),
      "U[image base64 media=image/png data=" PNG "]"
      "[image base64 media=image/jpeg data=/9j/4AAQSkZJRgABAQ==]"
      "[image base64 media=image/gif data=" GIF "]"
      "[image base64 media=image/webp data=" WEBP "][text c]" },
    { MS(U("'content':'c','images':[]") "," AS("'content':'d','images':[]")),
      "U[text c]; A[text d]" },

    /* no ids: by name, and by place */
    { MS(CALLS("{'function':{'name':'f','arguments':{'a' : 1.0}}},"
               "{'function':{'index':1,'name':'g'}}") ","
         TO("'tool_name':'g','content':'1'") ","
         TO("'tool_name':'f','content':'2'")),
      "A[call id=call_ollama_0 name=f args={'a' : 1.0}]"
      "[call id=call_ollama_1 name=g args={}]; "
      "U[result id=call_ollama_1 name=g[text 1]]"
      "[result id=call_ollama_0 name=f[text 2]]" },
    { MS(CALLS(F("f") "," F("f") "," F("g")) ","
         TO("'name':'f','content':'1'") "," TO("'content':'2'") ","
         TO("'tool_name':'','content':'3'")),
      "A[call id=call_ollama_0 name=f args={}]"
      "[call id=call_ollama_1 name=f args={}]"
      "[call id=call_ollama_2 name=g args={}]; "
      "U[result id=call_ollama_0 name=f[text 1]]"
      "[result id=call_ollama_1 name=f[text 2]]"
      "[result id=call_ollama_2 name=g[text 3]]" },
    { MS(CALLS(F("f")) "," TO("'tool_name':'f','content':'1'") ","
         CALLS(F("f")) "," TO("'tool_name':'\\u0066','images':['" PNG "']")),
      "A[call id=call_ollama_0 name=f args={}]; "
      "U[result id=call_ollama_0 name=f[text 1]]; "
      "A[call id=call_ollama_1 name=f args={}]; "
      "U[result id=call_ollama_1 name=f[image base64 media=image/png data="
      PNG "]]" },

    /* ids of the client */
    { MS(AS("'content':'t','tool_calls':[{'id':'x','type':'function',"
            "'function':{'name':'f','arguments':null}},"
            "{'id':'','function':{'name':'f','arguments':{}}}]") ","
         TO("'tool_name':'f','content':'1'") ","
         TO("'tool_call_id':'x','content':'2'") ","
         TO("'tool_call_id':'old','tool_name':'g'")),
      "A[text t][call id=x name=f args={}]"
      "[call id=call_ollama_0 name=f args={}]; "
      "U[result id=x name=f[text 1]][result id=x name=f[text 2]]"
      "[result id=old name=g]" },
    { NULL, NULL }
};


/* the param, and "!" for what may not be refused by a peek alone */

static const case_t  refused[] = {
    { "[]", "" },
    { "{'messages':[{'role':'user','content':'x'}]}", "model" },
    { "{'model':'m','messages':{}}", "messages" },
    { "{'model':'m','messages':[]}", "!messages" },
    { "{'model':'m'}", "!messages" },
    { "{'model':'m','Messages':[]}", "messages" },
    { "{'model':'m','STREAM':false,'messages':[]}", "stream" },
    { "{'model':'m','model':'n','messages':[]}", "" },
    { RQ("'stream':1"), "stream" },
    { RQ("'options':[]"), "options" },
    { RQ("'options':{'seed':1,'seed':2}"), "options" },
    { RQ("'options':{'num_predict':'1'}"), "options.num_predict" },
    { RQ("'options':{'num_predict':4000000000}"), "options.num_predict" },
    { RQ("'options':{'temperature':'1'}"), "options.temperature" },
    { RQ("'options':{'top_k':1.5}"), "!options.top_k" },
    { RQ("'options':{'stop':'a'}"), "!options.stop" },
    { RQ("'options':{'stop':['a',1]}"), "!options.stop[1]" },
    { RQ("'format':'xml'"), "!format" },
    { RQ("'format':1"), "!format" },
    { RQ("'think':'hard'"), "!think" },
    { RQ("'think':1"), "!think" },
    { RQ("'top_logprobs':21"), "!top_logprobs" },
    { RQ("'tools':{}"), "tools" },
    { RQ("'tools':[{'type':'web'}]"), "!tools[0].type" },
    { MS("1"), "!messages[0]" },
    { MS("{'content':'x'}"), "!messages[0].role" },
    { MS("{'role':'developer','content':'x'}"), "!messages[0].role" },
    { MS(U("'content':[]")), "!messages[0].content" },
    { MS(U("'images':['http://h/x.png']")), "!messages[0].images[0]" },
    { MS(U("'images':['" PNG "',1]")), "!messages[0].images[1]" },
    { MS(U("'images':['']")), "!messages[0].images[0]" },
    { MS(U("'images':['UklGRiQAAABXQVZFZm10IBAAAAAB']")),
      "!messages[0].images[0]" },
    { MS(AS("'images':['" PNG "']")), "!messages[0].images" },
    { MS(AS("'tool_calls':{}")), "!messages[0].tool_calls" },
    { MS(CALLS("1")), "!messages[0].tool_calls[0]" },
    { MS(CALLS("{}")), "!messages[0].tool_calls[0].function" },
    { MS(CALLS("{'function':{'arguments':{}}}")),
      "!messages[0].tool_calls[0].function.name" },
    { MS(CALLS("{'function':{'name':'f','arguments':'{}'}}")),
      "!messages[0].tool_calls[0].function.arguments" },
    { MS(TO("'content':'1'")), "!messages[0]" },
    { MS(CALLS(F("f")) "," TO("'tool_name':'g'")), "!messages[1]" },
    { MS(CALLS(F("f")) "," TO("'tool_name':'f'") "," TO("'tool_name':'f'")),
      "!messages[2]" },
    { NULL, NULL }
};


static const case_t  generate[] = {
    { GE("'x':null"), "m" ON " U[text p]" },
    { GE("'system':'s','images':['" PNG "'],'options':{'num_predict':3},"
         "'raw':false,'suffix':'','template':'','context':[],'width':0"),
      "m; max=3" ON " S[text s]; U[image base64 media=image/png data=" PNG
      "][text p]" },
    { GE("'stream':false,'format':'json','system':''"),
      "m; output=1; usage=1 U[text p]" },
    { GE("'raw':true"), "raw" },
    { GE("'template':'{{ .Prompt }}'"), "template" },
    { GE("'context':[1,2]"), "context" },
    { GE("'suffix':'x'"), "suffix" },
    { GE("'width':512"), "width" },
    { GE("'system':1"), "system" },
    { GE("'images':[1]"), "images[0]" },
    { "{'model':'m','prompt':''}", "prompt" },
    { "{'model':'m'}", "prompt" },
    { "{'model':'m','prompt':['a']}", "prompt" },
    { NULL, NULL }
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


/* AI_OK; else err, and *peeked if the peek was content */

static ai_int_t
decode(const ai_dialect_t *d, const char *json, ai_request_t *rq,
    ai_dropped_t *dropped, ai_error_t *err, int *peeked)
{
    char       *s;
    ai_str_t    text;
    ai_peek_t   peek;
    ai_json_t   doc;

    *peeked = 0;

    s = quoted(json);
    text = guard_str(s, strlen(s));

    memset(err, 0, sizeof(ai_error_t));
    memset(dropped, 0, sizeof(ai_dropped_t));

    ai_json_init(&doc, mem_pool());

    if (ai_json_parse(&doc, &text, NULL) != AI_OK) {
        return AI_DECLINED;
    }

    if (d->peek(&doc, mem_pool(), &peek, err) != AI_OK) {
        return AI_ERROR;
    }

    *peeked = 1;

    return d->decode(&doc, &peek, mem_pool(), rq, dropped, err);
}


static ai_str_t
dumped(const ai_request_t *rq, const ai_dropped_t *dropped, int what)
{
    uint32_t  i;
    ai_buf_t  b;

    ai_buf_init(&b, mem_pool());

    if (what & 1) {
        dump_params(&b, rq);

        for (i = 0; i < dropped->n; i++) {
            dump_cstr(&b, " !");
            ai_buf_cat(&b, &dropped->name[i]);
        }
    }

    dump_cstr(&b, what == 3 ? " " : "");

    if (what & 2) {
        dump_turns(&b, rq);
    }

    return ai_buf_str(&b);
}


static void
test_decode(const ai_dialect_t *d, const case_t *c, int what)
{
    int            peeked;
    const char    *want;
    ai_int_t       rc;
    ai_error_t     err;
    ai_dropped_t   dropped;
    ai_request_t   rq;

    for ( /* void */ ; c->json; c++) {
        mem_reset();

        rc = decode(d, c->json, &rq, &dropped, &err, &peeked);

        if (rc == AI_OK) {
            is_str(dumped(&rq, &dropped, what), quoted(c->want), "%s",
                   c->json);

        } else {
            want = c->want + (c->want[0] == '!');
            is_int(rc, AI_ERROR, "refused: %s", c->json);
            is_int(ai_error_status(&err), 400, "with a 400");
            ok(err.message.len > 0, "and a message");
            is_str(err.param, want, "that names it");

            if (c->want[0] == '!') {
                ok(peeked, "goes through");
            }
        }

        guard_free();
    }

    mem_reset();
}


static void
test_decode_memory(void)
{
    int            peeked, bad, tries;
    size_t         i, n;
    ai_int_t       rc;
    const case_t  *c;
    ai_error_t     err;
    ai_dropped_t   dropped;
    ai_request_t   rq;

    static const case_t *const  lists[] = { params, turns };

    bad = 0;
    tries = 0;

    for (i = 0; i < 2; i++) {
        for (c = lists[i]; c->json; c++) {
            for (n = 2; n < 1000; n++) {
                mem_reset();
                mem_fail_at(n);

                rc = decode(&ai_dialect_ollama_chat, c->json, &rq, &dropped,
                            &err, &peeked);
                guard_free();

                if (!mem_failed()) {
                    break;
                }

                tries++;
                bad += rc == AI_OK;
            }
        }
    }

    ok(tries > 100, "%d allocations failed", tries);
    is_int(bad, 0, "and each was noticed");
    mem_reset();
}


static void
test_peek(void)
{
    char        *s;
    ai_str_t     text;
    ai_peek_t    peek;
    ai_json_t    doc;
    ai_error_t   err;

    mem_reset();
    memset(&err, 0, sizeof(err));
    ai_json_init(&doc, mem_pool());

    s = quoted("{'model':'a\\u002fb','messages':[{'role':'user','content':"
               "'one','images':['x']},{'role':'user','content':'tw\\u00f6'},"
               "{'role':'assistant','content':'three'}],'tools':[1,2],"
               "'options':{'temperature':0.2,'num_predict':12},"
               "'logprobs':true}");
    text = guard_str(s, strlen(s));

    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "JSON");
    is_int(ai_ollama_chat_peek(&doc, mem_pool(), &peek, &err), AI_OK, "peek");
    is_str(peek.model, "a/b", "model");
    is_int(peek.stream, 1, "a stream by default");
    ok(peek.stream_ref == AI_JSON_NONE, "that is not written");
    is_int(peek.messages, 3, "messages");
    is_int(peek.tools, 2, "tools");
    is_int(peek.images, 1, "images");
    is_int(peek.logprobs, 1, "logprobs");
    is_int(peek.max_output, 12, "limit");
    is_str(ai_json_raw(&doc, peek.max_tokens_ref), "12", "and where it is");
    is_str(peek.temperature, "0.2", "temperature");

    is_int(ai_ollama_chat_last_text(&doc, &peek, mem_pool(), 100, &text),
           AI_OK, "last text");
    is_str(text, "tw\xc3\xb6", "of the user");
    is_int(ai_ollama_chat_last_text(&doc, &peek, mem_pool(), 3, &text),
           AI_OK, "last text");
    is_str(text, "tw", "not cut in a character");

    s = quoted("{'model':'m','messages':[]}");
    text = guard_str(s, strlen(s));
    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "JSON");
    is_int(ai_ollama_chat_peek(&doc, mem_pool(), &peek, &err), AI_OK, "load");
    is_int(ai_ollama_chat_last_text(&doc, &peek, mem_pool(), 3, &text),
           AI_DECLINED, "has no text");

    s = quoted("{'model':'m','prompt':'say\\n','images':['x'],"
               "'stream':false}");
    text = guard_str(s, strlen(s));
    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "JSON");
    is_int(ai_ollama_generate_peek(&doc, mem_pool(), &peek, &err), AI_OK,
           "generate");
    is_int(peek.stream, 0, "no stream");
    is_int(peek.images, 1, "images");
    is_int(ai_ollama_generate_last_text(&doc, &peek, mem_pool(), 9, &text),
           AI_OK, "prompt");
    is_str(text, "say\n", "is the text");

    guard_free();
    mem_reset();
}


/* answers */

#define AT       "'model':'m','created_at':'2023-11-14T22:13:20Z',"
#define L(s)     "{" AT s ",'done':false}\n"
#define MSG(s)   "'message':{'role':'assistant','content':" s "}"
#define LT(s)    L(MSG("'" s "'"))
#define LK(s)    L(MSG("'','thinking':'" s "'"))
#define CALL(id, i, n, a)                                                     \
    "{'id':'" id "','function':{'index':" #i ",'name':'" n "','arguments':"   \
    a "}}"
#define LC(c)    L(MSG("'','tool_calls':[" c "]"))
#define END_(r)  "{" AT MSG("''") ",'done':true,'done_reason':'" r "'}\n"
#define J(m, r)  "{" AT MSG(m) ",'done':true,'done_reason':'" r "'}"

#define GT(s)    L("'response':'" s "'")
#define GK(s)    L("'response':'','thinking':'" s "'")
#define GE_(r)   "{" AT "'response':'','done':true,'done_reason':'" r "'}\n"
#define GJ(m, r) "{" AT "'response':" m ",'done':true,'done_reason':'" r "'}"

#define STR(s)   { sizeof(s) - 1, (ai_char_t *) (s) }

#define START    { .type = AI_EVENT_START, .id = STR("chatcmpl-1"),           \
                   .model = STR("m") }
#define OPEN(i, k, ...)                                                       \
    { .type = AI_EVENT_BLOCK_START, .index = i, .kind = AI_BLOCK_##k,         \
      __VA_ARGS__ }
#define TEXT(i, k, s)                                                         \
    { .type = AI_EVENT_DELTA, .index = i, .kind = AI_BLOCK_##k,               \
      .text = STR(s) }
#define STOP(i, k)                                                            \
    { .type = AI_EVENT_BLOCK_STOP, .index = i, .kind = AI_BLOCK_##k }
#define FINISH(f)  { .type = AI_EVENT_FINISH, .finish = AI_FINISH_##f }
#define END        { .type = 0 }


typedef struct {
    const char       *name;
    const char       *stream;
    const char       *json;
    ai_event_t        ev[20];
} reply_t;


static const reply_t  chat_replies[] = {

    { "text",
      LT("a\\u00e9\\n") LT("b") END_("stop"),
      J("'a\\u00e9\\nb'", "stop"),
      { START, OPEN(0, TEXT, ), TEXT(0, TEXT, "a\\u00e9\\n"),
        TEXT(0, TEXT, ""), TEXT(0, TEXT, "b"), STOP(0, TEXT), FINISH(STOP),
        TEXT(0, TEXT, "late"), FINISH(LENGTH), END } },

    { "nothing, without a start",
      END_("length"), J("''", "length"), { FINISH(CONTEXT), END } },

    { "a filter", LT("x") END_("content_filter"), J("'x'", "content_filter"),
      { TEXT(0, REFUSAL, "x"), FINISH(FILTER), END } },

    { "thinking, text, and what has no place",
      LK("wh") LK("y") LT("x") END_("stop"),
      J("'x','thinking':'why'", "stop"),
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "wh"),
        TEXT(0, THINKING, "y"),
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_THINKING,
          .delta = AI_DELTA_SIGNATURE, .text = STR("S") },
        STOP(0, THINKING), OPEN(1, REDACTED, .data = STR("R")),
        STOP(1, REDACTED), OPEN(2, TEXT, ), TEXT(2, TEXT, "x"),
        { .type = AI_EVENT_DELTA, .index = 2, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_ANNOTATION, .raw = STR("{}") },
        STOP(2, TEXT), FINISH(STOP), END } },

    { "two calls, interleaved, in the order of their starts",
      LT("t")
      LC(CALL("call_1", 0, "f", "{'a' :1}"))
      LC(CALL("call_0123456789abcdefghij_1", 1, "g\\n", "{'b':'\\''}"))
      END_("stop"),
      J("'t','tool_calls':[" CALL("call_1", 0, "f", "{'a' :1}") ","
        CALL("call_0123456789abcdefghij_1", 1, "g\\n", "{'b':'\\''}") "]",
        "stop"),
      { START, OPEN(3, TOOL_CALL, .id = STR("call_1"), .name = STR("f")),
        TEXT(3, TOOL_CALL, "{\\\"a\\\" :\\n"),
        OPEN(5, TOOL_CALL, .name = STR("g\\n")),
        TEXT(5, TOOL_CALL, "{\\\"b\\\":\\\""), TEXT(0, TEXT, "t"),
        TEXT(5, TOOL_CALL, "\\\\\\\"\\\"}"), STOP(5, TOOL_CALL),
        TEXT(3, TOOL_CALL, "1}\\r\\n"), STOP(3, TOOL_CALL), FINISH(TOOLS),
        END } },

    { "no arguments, and none at all; FINISH ends them",
      LC(CALL("a", 0, "f", "{}")) LC(CALL("b", 1, "f", "{}")) END_("stop"),
      J("'','tool_calls':[" CALL("a", 0, "f", "{}") ","
        CALL("b", 1, "f", "{}") "]", "stop"),
      { START, OPEN(0, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        OPEN(1, TOOL_CALL, .id = STR("b"), .name = STR("f")),
        TEXT(1, TOOL_CALL, "{}"), FINISH(STOP), END } },

    { "a call that was cut is none",
      LC(CALL("a", 0, "f", "{}")) END_("length"),
      J("'','tool_calls':[" CALL("a", 0, "f", "{}") "]", "length"),
      { START, OPEN(0, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        STOP(0, TOOL_CALL),
        OPEN(1, TOOL_CALL, .id = STR("b"), .name = STR("f")),
        TEXT(1, TOOL_CALL, "{\\\"a\\\":"), FINISH(LENGTH), END } },

    { "logprobs",
      LT("x") L(MSG("''") ",'logprobs':[{'token':'x','logprob':-0.10}]")
      END_("stop"),
      "{" AT MSG("'x'") ",'logprobs':[{'token':'x','logprob':-0.10}],"
      "'done':true,'done_reason':'stop'}",
      { START, TEXT(0, TEXT, "x"),
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_LOGPROBS,
          .raw = STR("{\"content\":[{\"token\":\"x\",\n\"logprob\":-0.10}]}")
        },
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_LOGPROBS, .raw = STR("{\"content\":[]}") },
        FINISH(STOP), END } },

    { "several answers: the first is told",
      LT("x") END_("length"), J("'x'", "length"),
      { START,
        { .type = AI_EVENT_BLOCK_START, .choice = 1, .kind = AI_BLOCK_TEXT },
        TEXT(0, TEXT, "x"),
        { .type = AI_EVENT_DELTA, .choice = 1, .kind = AI_BLOCK_TEXT,
          .text = STR("y") },
        { .type = AI_EVENT_FINISH, .choice = 1, .finish = AI_FINISH_STOP },
        { .type = AI_EVENT_PING }, FINISH(PAUSE), END } },

    { NULL, NULL, NULL, { END } }
};


static const reply_t  generate_replies[] = {

    { "generate: text and thinking",
      GK("why") GT("a") GT("b") GE_("stop"),
      GJ("'ab','thinking':'why'", "stop"),
      { START, OPEN(0, THINKING, ), TEXT(0, THINKING, "why"),
        STOP(0, THINKING), OPEN(1, TEXT, ), TEXT(1, TEXT, "a"),
        TEXT(1, TEXT, "b"), STOP(1, TEXT), FINISH(STOP), END } },

    { "generate: calls are none",
      GT("a") GE_("stop"), GJ("'a'", "stop"),
      { START, OPEN(0, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        TEXT(0, TOOL_CALL, "{"), TEXT(1, TEXT, "a"), STOP(0, TOOL_CALL),
        FINISH(TOOLS), END } },

    { "generate: logprobs",
      GT("x") L("'response':'','logprobs':[1]") GE_("stop"),
      "{" AT "'response':'x','logprobs':[1],'done':true,'done_reason':"
      "'stop'}",
      { START, TEXT(0, TEXT, "x"),
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .delta = AI_DELTA_LOGPROBS, .raw = STR("{\"content\":[1]}") },
        FINISH(STOP), END } },

    { NULL, NULL, NULL, { END } }
};


static ai_reply_conf_t
conf(unsigned stream)
{
    ai_reply_conf_t  c;

    memset(&c, 0, sizeof(c));

    c.id = ai_lit("xxxxxxxxx0123456789abcdefghij");
    c.model = ai_lit("m");
    c.created = 1700000000;
    c.stream = stream;

    return c;
}


static ai_int_t
run(const ai_dialect_t *d, const ai_reply_conf_t *c, const ai_event_t *ev,
    ai_buf_t *out)
{
    void  *r;

    ai_buf_init(out, mem_pool());

    r = d->reply_create(c, out, mem_pool());
    if (r == NULL) {
        return AI_ERROR;
    }

    for (/* void */; ev->type; ev++) {
        if (d->reply_event(r, ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return d->reply_end(r);
}


static void
test_replies(const ai_dialect_t *d, const reply_t *c)
{
    ai_buf_t         out;
    ai_str_t         got;
    ai_reply_conf_t  rc;

    for ( /* void */ ; c->name; c++) {
        mem_reset();

        rc = conf(1);
        is_int(run(d, &rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        is_str(got, quoted(c->stream), "%s: stream", c->name);

        rc.stream = 0;
        is_int(run(d, &rc, c->ev, &out), AI_OK, "%s", c->name);
        got = ai_buf_str(&out);
        is_str(got, quoted(c->json), "%s: answer", c->name);
    }

    mem_reset();
}


static void
test_thoughts(void)
{
    ai_buf_t          out;
    ai_str_t          got;
    ai_usage_t        a, b;
    ai_request_t      rq;
    ai_reply_conf_t   c;

    ai_event_t  ev[] = {
        START, { .type = AI_EVENT_USAGE }, TEXT(0, THINKING, "why"),
        TEXT(1, TEXT, "x"), FINISH(STOP), { .type = AI_EVENT_USAGE }, END
    };

    mem_reset();
    ai_usage_init(&a);
    ai_usage_init(&b);
    a.prompt = 1000;
    a.completion = 1;
    b.completion = 50;
    b.reasoning = 20;
    ev[1].usage = &a;
    ev[5].usage = &b;

    ai_request_init(&rq);
    rq.thoughts = 0;

    c = conf(1);
    c.rq = &rq;
    c.created = -5;

    is_int(run(&ai_dialect_ollama_chat, &c, ev, &out), AI_OK, "usage");
    got = ai_buf_str(&out);
    is_str(got, quoted(
           "{'model':'m','created_at':'1970-01-01T00:00:00Z','message':"
           "{'role':'assistant','content':'x'},'done':false}\n"
           "{'model':'m','created_at':'1970-01-01T00:00:00Z','message':"
           "{'role':'assistant','content':''},'done':true,'done_reason':"
           "'stop','prompt_eval_count':1000,'eval_count':50}\n"),
           "thoughts nobody wants, usage that is complete");

    c.created = INT64_MAX;
    is_int(run(&ai_dialect_ollama_chat, &c, ev, &out), AI_OK, "late");
    ok(memmem(out.start, ai_buf_len(&out), "9999-12-31T23:59:59Z", 20) != NULL,
       "has a date");
    mem_reset();
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
    ai_event_t  args[] = {
        START, OPEN(0, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        TEXT(0, TOOL_CALL, "[1]"), FINISH(TOOLS), END
    };
    ai_event_t  open[] = { START, TEXT(0, TEXT, "x"), END };
    ai_event_t  lost[] = { START, TEXT(0, TOOL_CALL, "x"), END };

    mem_reset();
    memset(&err, 0, sizeof(err));
    ai_error_set(&err, AI_ERR_OVERLOADED, "busy \"x\"\n");
    ev[2].error = &err;

    c = conf(1);
    is_int(run(&ai_dialect_ollama_chat, &c, ev, &out), AI_OK, "error");
    got = ai_buf_str(&out);
    is_str(got, quoted(LT("x") "{'error':'busy \\'x\\'\\n'}\n"),
           "ends the stream");

    is_int(run(&ai_dialect_ollama_chat, &c, bad, &out), AI_OK, "failed");
    ok(ai_buf_len(&out) > 10 && memcmp(out.start, "{\"error\":\"", 10) == 0,
       "is an error");

    is_int(run(&ai_dialect_ollama_chat, &c, args, &out), AI_OK,
           "arguments that are no object");
    ok(memmem(out.start, ai_buf_len(&out), "{\"error\":\"The model called", 26)
       != NULL, "are an error");
    is_int(run(&ai_dialect_ollama_chat, &c, open, &out), AI_ERROR,
           "an answer that did not end");
    is_int(run(&ai_dialect_ollama_chat, &c, lost, &out), AI_ERROR,
           "arguments of no call");

    c.stream = 0;
    is_int(run(&ai_dialect_ollama_chat, &c, ev, &out), AI_ERROR, "error");
    is_int(ai_buf_len(&out), 0, "nothing of an object");
    is_int(run(&ai_dialect_ollama_chat, &c, args, &out), AI_ERROR,
           "arguments that are no object");

    ai_buf_init(&out, mem_pool());
    ai_dialect_ollama_chat.error(&out, &err);
    got = ai_buf_str(&out);
    is_str(got, quoted("{'error':'busy \\'x\\'\\n'}"), "as a body");

    ai_buf_reset(&out);
    memset(&err, 0, sizeof(err));
    ai_dialect_ollama_generate.error(&out, &err);
    ok(ai_buf_len(&out) > 12, "never empty");
    mem_reset();
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
        START, TEXT(0, TEXT, "some text of a stream"),
        OPEN(1, TOOL_CALL, .id = STR("a"), .name = STR("f")),
        OPEN(2, TOOL_CALL, .id = STR("b"), .name = STR("f")),
        TEXT(2, TOOL_CALL, "{\\\"a\\\":1}"), STOP(2, TOOL_CALL),
        STOP(1, TOOL_CALL), TEXT(3, THINKING, "t")
    };
    ai_event_t       open = OPEN(0, TOOL_CALL, .id = STR("a"),
                                 .name = STR("f"));
    ai_event_t       held = TEXT(0, TOOL_CALL, "");
    ai_reply_conf_t  c;

    static ai_char_t  big[65536];

    mem_reset();
    memset(big, ' ', sizeof(big));

    c = conf(1);
    ai_buf_init(&out, mem_pool());
    r = ai_ollama_chat_create(&c, &out, mem_pool());
    before = 0;
    rc = 0;

    for (i = 0; i < 20000; i++) {
        n = i < 8 ? i : 1 + i % 7;
        rc |= ai_ollama_reply_event(r, &ev[n]) != AI_OK;

        if (i % 7 == 0) {
            ai_buf_reset(&out);
        }

        if (i == 100) {
            before = mem_count();
        }
    }

    ok(rc == 0 && mem_count() == before, "a long stream allocates nothing");

    /* one call held */

    mem_reset();
    ai_buf_init(&out, mem_pool());
    r = ai_ollama_chat_create(&c, &out, mem_pool());
    ai_ollama_reply_event(r, &open);

    held.text.data = big;
    held.text.len = sizeof(big);

    for (i = 0; i < 100; i++) {
        if (ai_ollama_reply_event(r, &held) != AI_OK) {
            break;
        }
    }

    is_int(i, AI_OLLAMA_HELD / sizeof(big), "one call held has an end");

    /* many, each of them small enough */

    mem_reset();
    ai_buf_init(&out, mem_pool());
    r = ai_ollama_chat_create(&c, &out, mem_pool());
    rc = AI_OK;

    for (i = 0; i < 1000 && rc == AI_OK; i++) {
        open.index = (uint32_t) i;
        held.index = (uint32_t) i;
        rc = ai_ollama_reply_event(r, &open);

        if (rc == AI_OK) {
            rc = ai_ollama_reply_event(r, &held);
        }
    }

    is_int(i - 1, AI_OLLAMA_HELD_ALL / sizeof(big), "all have an end");

    /* open calls without anything in them */

    mem_reset();
    ai_buf_init(&out, mem_pool());
    r = ai_ollama_chat_create(&c, &out, mem_pool());

    for (i = 0; i < 100000; i++) {
        open.index = (uint32_t) i;

        if (ai_ollama_reply_event(r, &open) != AI_OK) {
            break;
        }
    }

    ok(i > 500 && i < 100000, "open calls have an end: %d", i);
    mem_reset();
}


static void
test_reply_memory(void)
{
    int              bad, tries, mode;
    size_t           n;
    ai_buf_t         out;
    ai_int_t         rc;
    const reply_t   *c;
    ai_reply_conf_t  co;

    bad = 0;
    tries = 0;

    for (c = chat_replies; c->name; c++) {
        for (mode = 0; mode < 4; mode++) {
            for (n = 1; n < 1000; n++) {
                mem_reset();

                if (mode & 2) {
                    mem_fail_from(n);

                } else {
                    mem_fail_at(n);
                }

                co = conf(mode & 1);
                rc = run(&ai_dialect_ollama_chat, &co, c->ev, &out);

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
test_lists(void)
{
    ai_buf_t  b;
    ai_str_t  got;

    static const ai_model_entry_t  models[] = {
        { STR("gpt-4o"), STR("openai") },
        { STR("a\"b"), STR("x") }
    };

#define TAG(n, d, o)                                                          \
    "{'name':'" n "','model':'" n "','modified_at':'1970-01-01T00:00:00Z',"   \
    "'size':0,'digest':'" d "','details':{'parent_model':'','format':'',"     \
    "'family':'" o "','families':['" o "'],'parameter_size':'',"              \
    "'quantization_level':''}}"

    mem_reset();
    ai_buf_init(&b, mem_pool());

    ai_ollama_tags(&b, NULL, 0);
    got = ai_buf_str(&b);
    is_str(got, "{\"models\":[]}", "no models");

    /* printf gpt-4o | sha256sum */

    ai_buf_reset(&b);
    ai_ollama_tags(&b, models, 2);
    got = ai_buf_str(&b);
    is_str(got, quoted("{'models':["
           TAG("gpt-4o", "a2a69af70d1b9be70f1abf8218492c5e"
           "65aea34285462bd65757cd6f44a7c10e",
               "openai") ","
           TAG("a\\'b", "39a012772dd5c3accbc5692309342289"
           "6d41ac882e3cd66914bc584c7aac966f",
               "x") "]}"), "two models");

    ai_buf_reset(&b);
    ai_ollama_version(&b, &ai_lit("1.2"));
    got = ai_buf_str(&b);
    is_str(got, "{\"version\":\"1.2\"}", "version");
    mem_reset();
}


/*
 * The gist of an answer, put together from the events of a recording, and
 * again from what was written, by reading its JSON alone.
 */

#define GIST_CALLS  64

typedef struct {
    ai_buf_t     text;
    ai_buf_t     thinking;
    ai_buf_t     id[GIST_CALLS];
    ai_buf_t     name[GIST_CALLS];
    ai_buf_t     args[GIST_CALLS];      /* plain */
    uint32_t     index[GIST_CALLS];
    size_t       ncalls;
    int64_t      prompt;
    int64_t      completion;
    char         reason[32];
    int          errors;
    int          ends;
    void        *reply[4];
} gist_t;


static const ai_dialect_t *const  gist_dialects[] = {
    &ai_dialect_ollama_chat, &ai_dialect_ollama_chat,
    &ai_dialect_ollama_generate, &ai_dialect_ollama_generate
};


static void
gist_init(gist_t *g)
{
    size_t  i;

    memset(g, 0, sizeof(gist_t));

    ai_buf_init(&g->text, mem_pool());
    ai_buf_init(&g->thinking, mem_pool());
    g->prompt = -1;
    g->completion = -1;

    for (i = 0; i < GIST_CALLS; i++) {
        ai_buf_init(&g->id[i], mem_pool());
        ai_buf_init(&g->name[i], mem_pool());
        ai_buf_init(&g->args[i], mem_pool());
    }
}


static ai_int_t
gist_event(void *data, const ai_event_t *ev)
{
    size_t   i;
    gist_t  *g = data;

    static const char *const  words[] = {
        "stop", "stop", "stop", "length", "length", "stop", "content_filter",
        "length", ""
    };

    for (i = 0; i < 4; i++) {
        if (gist_dialects[i]->reply_event(g->reply[i], ev) != AI_OK
            && !((i & 1) && ev->type == AI_EVENT_ERROR))
        {
            return AI_ERROR;
        }
    }

    if (ev->choice) {
        return AI_OK;
    }

    switch (ev->type) {

    case AI_EVENT_BLOCK_START:
        if (ev->kind == AI_BLOCK_TOOL_CALL && g->ncalls < GIST_CALLS) {
            ai_buf_cat(&g->id[g->ncalls], &ev->id);
            ai_buf_cat(&g->name[g->ncalls], &ev->name);
            g->index[g->ncalls++] = ev->index;
        }

        break;

    case AI_EVENT_DELTA:
        if (ev->delta != AI_DELTA_TEXT) {
            break;
        }

        if (ev->kind == AI_BLOCK_THINKING) {
            ai_buf_cat(&g->thinking, &ev->text);

        } else if (ev->kind == AI_BLOCK_TOOL_CALL) {
            for (i = g->ncalls; i-- > 0; /* void */ ) {
                if (g->index[i] == ev->index) {
                    ai_json_unescape(&g->args[i], &ev->text);
                    break;
                }
            }

        } else {
            ai_buf_cat(&g->text, &ev->text);
        }

        break;

    case AI_EVENT_FINISH:
        strcpy(g->reason, words[ev->finish]);
        g->ends++;
        break;

    case AI_EVENT_USAGE:
        g->prompt = ev->usage->prompt >= 0 ? ev->usage->prompt : g->prompt;
        g->completion = ev->usage->completion >= 0 ? ev->usage->completion
                                                   : g->completion;
        break;

    case AI_EVENT_ERROR:
        g->errors++;
        break;

    default:
        break;
    }

    return AI_OK;
}


static void
gist_add(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v)
{
    ai_esc_t  s;

    s = ai_json_esc(doc, v);
    ai_buf_cat(b, &s);
}


/* one object that was written; what is wrong with it, or NULL */

static const char *
gist_object(gist_t *g, const ai_str_t *line, int generate)
{
    ai_raw_t   raw;
    ai_ref_t   m, v, f;
    ai_json_t  doc;

    ai_json_init(&doc, mem_pool());

    if (ai_json_parse(&doc, line, NULL) != AI_OK) {
        return "not JSON";
    }

    if (g->ends) {
        return "a line behind the last";
    }

    if (ai_json_esc(&doc, ai_json_get(&doc, 0, "model")).len == 0
        || ai_json_esc(&doc, ai_json_get(&doc, 0, "created_at")).len != 20
        || ai_json_bool(&doc, ai_json_get(&doc, 0, "done")) == -1)
    {
        return "no model, time or done";
    }

    if (generate) {
        gist_add(&g->text, &doc, ai_json_get(&doc, 0, "response"));
        gist_add(&g->thinking, &doc, ai_json_get(&doc, 0, "thinking"));

    } else {
        m = ai_json_get(&doc, 0, "message");

        if (!ai_json_is(&doc, ai_json_get(&doc, m, "role"), "assistant")
            || ai_json_type(&doc, ai_json_get(&doc, m, "content"))
               != AI_JSON_STRING)
        {
            return "no role or content";
        }

        gist_add(&g->text, &doc, ai_json_get(&doc, m, "content"));
        gist_add(&g->thinking, &doc, ai_json_get(&doc, m, "thinking"));

        m = ai_json_get(&doc, m, "tool_calls");

        for (v = ai_json_first(&doc, m);
             v != AI_JSON_NONE && g->ncalls < GIST_CALLS;
             v = ai_json_next(&doc, m, v))
        {
            f = ai_json_get(&doc, v, "function");
            gist_add(&g->id[g->ncalls], &doc, ai_json_get(&doc, v, "id"));
            gist_add(&g->name[g->ncalls], &doc, ai_json_get(&doc, f, "name"));
            f = ai_json_get(&doc, f, "arguments");

            if (ai_json_type(&doc, f) != AI_JSON_OBJECT) {
                return "arguments";
            }

            raw = ai_json_raw(&doc, f);
            ai_buf_cat(&g->args[g->ncalls++], &raw);
        }
    }

    if (ai_json_bool(&doc, ai_json_get(&doc, 0, "done")) == 1) {
        raw = ai_json_esc(&doc, ai_json_get(&doc, 0, "done_reason"));
        memcpy(g->reason, raw.data, ai_min(raw.len, sizeof(g->reason) - 1));
        (void) ai_json_int(&doc, ai_json_get(&doc, 0, "prompt_eval_count"),
                           &g->prompt);
        (void) ai_json_int(&doc, ai_json_get(&doc, 0, "eval_count"),
                           &g->completion);
        g->ends++;
    }

    return NULL;
}


static const char *
gist_read(gist_t *g, const ai_buf_t *out, int stream, int generate)
{
    ai_str_t          line;
    const char       *bad;
    const ai_char_t  *p, *lf;

    line = ai_buf_str(out);

    if (!stream) {
        return gist_object(g, &line, generate);
    }

    for (p = out->start; p < out->last; p = lf + 1) {
        lf = memchr(p, '\n', (size_t) (out->last - p));

        if (lf == NULL) {
            return "the last line has no end";
        }

        line.data = (ai_char_t *) p;
        line.len = (size_t) (lf - p);

        bad = gist_object(g, &line, generate);

        if (bad) {
            return bad;
        }
    }

    return g->ends == 1 ? NULL : "no end";
}


/* without its line ends, as a line has none */

static void
gist_args(ai_buf_t *b)
{
    ai_char_t  *p, *to;

    if (ai_buf_len(b) == 0) {
        ai_buf_lit(b, "{}");
    }

    for (p = to = b->start; p < b->last; p++) {
        if (*p != '\n' && *p != '\r') {
            *to++ = *p;
        }
    }

    b->last = to;
}


/* a call that was cut has no arguments to be made with */

static void
gist_cut(gist_t *g)
{
    size_t     i, n;
    ai_str_t   text;
    ai_json_t  doc;

    ai_json_init(&doc, mem_pool());

    for (i = n = 0; i < g->ncalls; i++) {
        gist_args(&g->args[i]);
        text = ai_buf_str(&g->args[i]);

        if (ai_json_parse(&doc, &text, NULL) != AI_OK
            && strcmp(g->reason, "length") == 0)
        {
            continue;
        }

        g->id[n] = g->id[i];
        g->name[n] = g->name[i];
        g->args[n++] = g->args[i];
    }

    g->ncalls = n;
}


static void
gist_same(const char *name, int mode, const gist_t *a, const gist_t *b)
{
    size_t  i;

#define SAME(f)                                                               \
    is_mem(b->f.start, ai_buf_len(&b->f), a->f.start, ai_buf_len(&a->f),      \
           "%s, %d: " #f, name, mode)

    SAME(text);
    SAME(thinking);
    is_cstr(b->reason, a->reason, "%s, %d: reason", name, mode);
    is_int(b->prompt, a->prompt, "%s, %d: prompt", name, mode);
    is_int(b->completion, a->completion, "%s, %d: completion", name, mode);

    if (mode >= 2) {
        return;
    }

    is_int(b->ncalls, a->ncalls, "%s, %d: calls", name, mode);

    for (i = 0; i < a->ncalls && i < b->ncalls; i++) {
        SAME(name[i]);
        SAME(args[i]);

        if (ai_buf_len(&a->id[i])) {
            SAME(id[i]);
        }
    }
}


static ai_int_t
feed(const ai_provider_t *provider, gist_t *g, const char *data, size_t len,
    int stream)
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

    for (pos = 0; pos < len; pos += 100) {
        in.data = (ai_char_t *) data + pos;
        in.len = ai_min(100, len - pos);

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
    size_t           i;
    gist_t           a, b;
    ai_buf_t         out[4];
    const char      *bad;
    ai_reply_conf_t  c;

    gist_init(&a);

    for (i = 0; i < 4; i++) {
        c = conf(!(i & 1));
        ai_buf_init(&out[i], mem_pool());
        a.reply[i] = gist_dialects[i]->reply_create(&c, &out[i], mem_pool());
    }

    if (feed(provider, &a, data, len, stream) != AI_OK) {
        return 0;
    }

    if (a.errors) {
        ok(memmem(out[0].start, ai_buf_len(&out[0]), "{\"error\":\"", 10)
           != NULL, "%s: an error is told", name);
        is_int(ai_ollama_reply_end(a.reply[1]), AI_ERROR, "%s: ends", name);
        return 0;
    }

    gist_cut(&a);

    for (i = 0; i < 4; i++) {
        is_int(ai_ollama_reply_end(a.reply[i]), AI_OK, "%s: %zu ends", name,
               i);
        gist_init(&b);
        bad = gist_read(&b, &out[i], !(i & 1), i >= 2);
        ok(bad == NULL, "%s: %zu: %s", name, i, bad ? bad : "good");
        gist_same(name, (int) i, &a, &b);
    }

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
    test_decode(&ai_dialect_ollama_chat, params, 1);
    test_decode(&ai_dialect_ollama_chat, turns, 2);
    test_decode(&ai_dialect_ollama_chat, refused, 3);
    test_decode(&ai_dialect_ollama_generate, generate, 3);
    test_decode_memory();
    test_peek();

    test_replies(&ai_dialect_ollama_chat, chat_replies);
    test_replies(&ai_dialect_ollama_generate, generate_replies);
    test_thoughts();
    test_error();
    test_bounded();
    test_reply_memory();
    test_lists();
    test_recordings();

    return done();
}
