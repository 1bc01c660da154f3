
/*
 * Ollama's own API: requests of several dialects as it has them, and answers
 * in the shapes that docs/api.md of ollama/ollama shows and that its server
 * has been seen to send, at every split and with memory that fails.
 */

#include <api/ai_ollama.h>
#include <codec/ai_ndjson.h>
#include <provider/ai_ollama_native_int.h>
#include <provider/ai_provider_rows_int.h>

#include "tap.h"
#include "mem.h"
#include "upstream.h"


/* ' stands for " */

#define HI      "'messages':[{'role':'user','content':'hi'}]"
#define OUT     "{'model':'at','messages':[{'role':'user','content':'hi'}]"
#define RQ(s)   "{'model':'m'," HI "," s "}"
#define MS(s)   "{'model':'m','messages':[" s "]}"
#define OM(s)   "{'model':'at','messages':[" s "],'stream':false}"
#define NS      ",'stream':false}"
#define F(n)    "{'type':'function','function':{'name':'" n "'}}"
#define FO(n)   "{'type':'function','function':{'name':'" n "','parameters':" \
                "{'type':'object','properties':{}}}}"


typedef struct {
    const ai_dialect_t  *dialect;
    const char          *json;
    const char          *want;      /* or the param that is refused */
    const char          *dropped;
} build_t;


static const build_t  builds[] = {

    { &ai_dialect_openai, RQ("'stream':true"), OUT ",'stream':true}", "" },
    { &ai_dialect_openai, RQ("'max_tokens':7,'temperature':0.50,'top_p':1,"
      "'seed':3,'presence_penalty':1,'frequency_penalty':0.1,'stop':"
      "['a\\n','b'],'top_k':40"),
      OUT ",'options':{'num_predict':7,'temperature':0.50,'top_p':1,"
      "'top_k':40,'seed':3,'presence_penalty':1,'frequency_penalty':0.1,"
      "'stop':['a\\n','b']}" NS, "" },
    { &ai_dialect_openai, RQ("'max_tokens':5000"),
      OUT ",'options':{'num_predict':1000}" NS, "" },
    { &ai_dialect_openai, RQ("'n':2"), "n", NULL },
    { &ai_dialect_openai, RQ("'n':1,'logit_bias':{'1':2},'user':'u',"
      "'metadata':{'a':'b'},'service_tier':'flex','parallel_tool_calls':"
      "false"),
      OUT NS, "parallel_tool_calls logit_bias user metadata service_tier" },
    { &ai_dialect_openai, RQ("'logprobs':true,'top_logprobs':2"),
      OUT ",'logprobs':true,'top_logprobs':2" NS, "" },

    { &ai_dialect_openai, RQ("'response_format':{'type':'json_object'}"),
      OUT ",'format':'json'" NS, "" },
    { &ai_dialect_openai, RQ("'response_format':{'type':'json_schema',"
      "'json_schema':{'name':'n','schema':{ 'type':'object'}}}"),
      OUT ",'format':{ 'type':'object'}" NS, "" },
    { &ai_dialect_openai, RQ("'reasoning_effort':'none'"),
      OUT ",'think':false" NS, "" },
    { &ai_dialect_openai, RQ("'reasoning_effort':'minimal'"),
      OUT ",'think':'low'" NS, "" },
    { &ai_dialect_openai, RQ("'reasoning_effort':'max'"),
      OUT ",'think':'max'" NS, "" },
    { &ai_dialect_openai, RQ("'thinking':{'type':'disabled'}"),
      OUT ",'think':false" NS, "" },
    { &ai_dialect_openai, RQ("'thinking':{'type':'enabled',"
      "'budget_tokens':2048}"), OUT ",'think':'medium'" NS, "" },

    { &ai_dialect_openai, RQ("'tools':[{'type':'function','function':{"
      "'name':'f','description':'d','parameters':{ 'x':1},'strict':true}},"
      F("g") "]"),
      OUT ",'tools':[{'type':'function','function':{'name':'f',"
      "'description':'d','parameters':{ 'x':1}}}," FO("g") "]" NS,
      "tools.strict" },
    { &ai_dialect_openai, RQ("'tools':[" F("f") "],'tool_choice':'none'"),
      OUT NS, "" },
    { &ai_dialect_openai, RQ("'tools':[" F("f") "],'tool_choice':'required'"),
      OUT ",'tools':[" FO("f") "]" NS, "tool_choice" },
    { &ai_dialect_openai, RQ("'tools':[" F("f") "," F("g") "],'tool_choice':"
      "{'type':'function','function':{'name':'g'}}"),
      OUT ",'tools':[" FO("g") "]" NS, "tool_choice" },

    /* messages */

    { &ai_dialect_openai, MS("{'role':'system','content':'s'},"
      "{'role':'user','name':'n','content':[{'type':'text','text':'a\\u00e9'},"
      "{'type':'image_url','image_url':{'url':'data:image/png;base64,iVB='}},"
      "{'type':'text','text':'b'},{'type':'image_url','image_url':{'url':"
      "'data:image/gif;base64,R0l'}}]}"),
      OM("{'role':'system','content':'s'},{'role':'user','content':"
         "'a\\u00e9\\n\\nb','images':['iVB=','R0l']}"), "messages.name" },
    { &ai_dialect_openai, MS("{'role':'user','content':[{'type':'image_url',"
      "'image_url':{'url':'https://h/i'}}]}"), "messages", NULL },
    { &ai_dialect_openai, MS("{'role':'user','content':[{'type':'file',"
      "'file':{'file_data':'data:application/pdf;base64,JVBE'}}]}"),
      "messages", NULL },
    { &ai_dialect_openai, MS("{'role':'user','content':[{'type':"
      "'input_audio','input_audio':{'data':'AA','format':'wav'}}]}"),
      "messages", NULL },
    { &ai_dialect_openai, MS("{'role':'assistant','content':'t',"
      "'reasoning_content':'why','tool_calls':[{'id':'x','type':'function',"
      "'function':{'name':'f','arguments':'{\\'a\\' : 12345678901234567890}'"
      "}},{'id':'y','type':'function','function':{'name':'g','arguments':''}}"
      "]},{'role':'tool','tool_call_id':'y','content':'1'},"
      "{'role':'tool','tool_call_id':'x','content':[{'type':'text','text':"
      "'2'}]},{'role':'assistant','content':null}"),
      OM("{'role':'assistant','content':'t','thinking':'why','tool_calls':["
         "{'id':'x','function':{'index':0,'name':'f','arguments':"
         "{'a' : 12345678901234567890}}},{'id':'y','function':{'index':1,"
         "'name':'g','arguments':{}}}]},"
         "{'role':'tool','tool_name':'g','tool_call_id':'y','content':'1'},"
         "{'role':'tool','tool_name':'f','tool_call_id':'x','content':'2'}"),
      "" },
    { &ai_dialect_anthropic, "{'model':'m','max_tokens':9,'messages':["
      "{'role':'assistant','content':[{'type':'tool_use','id':'x','name':'f',"
      "'input':{}}]},{'role':'user','content':[{'type':'text','text':'so'},"
      "{'type':'document','source':{'type':'text','media_type':'text/plain',"
      "'data':'doc'}},{'type':'tool_result','tool_use_id':'x','is_error':true,"
      "'content':[{'type':'text','text':'e'},{'type':'image','source':{"
      "'type':'base64','media_type':'image/png','data':'iVB='}}]}]}]}",
      "{'model':'at','messages':[{'role':'assistant','content':'',"
      "'tool_calls':[{'id':'x','function':{'index':0,'name':'f','arguments':"
      "{}}}]},{'role':'tool','tool_name':'f','tool_call_id':'x','content':"
      "'Error: e','images':['iVB=']},{'role':'user','content':"
      "'so\\n\\ndoc'}],'options':{'num_predict':9}" NS, "" },

    /* its own clients, where something stands between them and it */

    { &ai_dialect_ollama_chat, RQ("'think':true,'options':{'num_ctx':9}"),
      OUT ",'think':'medium','stream':true}", "num_ctx" },
    { &ai_dialect_ollama_generate, "{'model':'m','prompt':'p','system':'s',"
      "'think':false,'images':['iVBORw0KGgo=']}",
      "{'model':'at','messages':[{'role':'system','content':'s'},"
      "{'role':'user','content':'p','images':['iVBORw0KGgo=']}],"
      "'think':false,'stream':true}", "" },

    { NULL, NULL, NULL, NULL }
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


static ai_int_t
build(const build_t *c, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err, size_t fail)
{
    char          *s;
    ai_str_t       text;
    ai_peek_t      peek;
    ai_json_t      doc;
    ai_target_t    target;
    ai_request_t   rq;

    memset(err, 0, sizeof(ai_error_t));
    memset(dropped, 0, sizeof(ai_dropped_t));
    memset(&target, 0, sizeof(ai_target_t));

    target.provider = &ai_provider_ollama_native;
    target.model = ai_lit("at");
    target.max_output = 1000;

    s = quoted(c->json);
    text.data = (ai_char_t *) s;
    text.len = strlen(s);

    ai_json_init(&doc, mem_pool());
    ai_buf_init(body, mem_pool());

    if (ai_json_parse(&doc, &text, NULL) != AI_OK
        || c->dialect->peek(&doc, mem_pool(), &peek, err) != AI_OK
        || c->dialect->decode(&doc, &peek, mem_pool(), &rq, dropped, err)
           != AI_OK)
    {
        return AI_DECLINED;
    }

    if (fail) {
        mem_fail_at(fail);
    }

    return target.provider->build(&target, &rq, mem_pool(), body, dropped,
                                  err);
}


static void
test_build(void)
{
    size_t          n;
    uint32_t        i;
    ai_buf_t        body, names;
    ai_int_t        rc;
    ai_json_t       doc;
    ai_str_t        got;
    ai_error_t      err;
    ai_dropped_t    dropped;
    const build_t  *c;

    for (c = builds; c->json; c++) {
        mem_reset();

        rc = build(c, &body, &dropped, &err, 0);

        if (c->dropped == NULL) {
            is_int(rc, AI_ERROR, "refused: %s", c->json);
            is_int(ai_error_status(&err), 400, "with a 400");
            is_str(err.param, c->want, "that names it");
            continue;
        }

        is_int(rc, AI_OK, "%s", c->json);
        got = ai_buf_str(&body);
        is_str(got, quoted(c->want), "%s", c->json);

        ai_json_init(&doc, mem_pool());
        is_int(ai_json_parse(&doc, &got, NULL), AI_OK, "is JSON");

        ai_buf_init(&names, mem_pool());

        for (i = 0; i < dropped.n; i++) {
            ai_buf_add(&names, " ", i != 0);
            ai_buf_cat(&names, &dropped.name[i]);
        }

        got = ai_buf_str(&names);
        is_str(got, c->dropped, "what was dropped");

        for (n = 1; n < 100; n++) {
            mem_reset();
            rc = build(c, &body, &dropped, &err, n);

            if (!mem_failed()) {
                break;
            }

            if (rc != AI_ERROR) {
                ok(0, "allocation %zu", n);
            }
        }

        ok(n > 1, "memory that fails");
    }

    mem_reset();
}


static void
test_row(void)
{
    ai_buf_t              b;
    ai_str_t              got, model = ai_string("m");
    ai_target_t           target;
    const ai_provider_t  *p;

    memset(&target, 0, sizeof(target));
    ai_buf_init(&b, mem_pool());

    p = ai_ollama_choose(&model, AI_FAMILY_OLLAMA);
    ok(p == &ai_provider_ollama_native, "its own clients");
    ok(ai_ollama_choose(&model, AI_FAMILY_NONE) == p, "of both forms");
    ok(ai_ollama_choose(&model, AI_FAMILY_OPENAI) == &ai_provider_ollama,
       "the others");
    ok(ai_ollama_choose(&model, AI_FAMILY_ANTHROPIC) == &ai_provider_ollama,
       "all of them");

    p->path(&target, 1, &b);
    got = ai_buf_str(&b);
    is_str(got, "/api/chat", "path");
    is_int(p->framing, AI_FRAMING_NDJSON, "lines");
    ok(p->own_base.data != NULL && p->own_base.len == 0, "no /v1");
    mem_reset();
}


/* answers */

#define M(s)     "{'model':'llama3.2','created_at':"                          \
                 "'2023-08-04T19:22:45.499127Z','message':{'role':"           \
                 "'assistant'," s "},'done':false}\n"
#define T(s)     M("'content':'" s "'")
#define K(s)     M("'content':'','thinking':'" s "'")
#define DONE(r, s)                                                            \
    "{'model':'llama3.2','created_at':'2023-08-04T19:22:46Z','message':"      \
    "{'role':'assistant','content':'" s "'},'done_reason':'" r "','done':"    \
    "true,'total_duration':4883583458,'load_duration':1334875,"               \
    "'prompt_eval_count':26,'prompt_eval_duration':342546000,"                \
    "'eval_count':282,'eval_duration':4535599000}"

#define ENDS(f)  "starts 1 finishes 1 finish " f " errors 0 error 0\n"
#define USE      "usage 26 -1 -1 282 -1 308\n"
#define NOUSE    "usage -1 -1 -1 -1 -1 -1\n"


typedef struct {
    const char  *name;
    const char  *text;
    ai_int_t     rc;
    const char  *want;              /* AI_FINISH_STOP is 1, LENGTH 3, TOOLS 5;
                                       kinds: TEXT 1, CALL 5, THINKING 7 */
} answer_t;


static const answer_t  streams[] = {

    { "text", T("The") T(" sky\\n") T("") DONE("stop", "") "\n", AI_OK,
      "0/0 kind 1 open 0: The sky\\n\n" ENDS("1") USE },

    { "without the last line end", T("a") DONE("stop", ""), AI_OK,
      "0/0 kind 1 open 0: a\n" ENDS("1") USE },

    { "CRLF, blank lines, and what comes after the end",
      "\r\n\n" T("a") "\r\n  \n" DONE("length", "b") "\r\n" T("late") "x\n",
      AI_OK, "0/0 kind 1 open 0: ab\n" ENDS("3") USE },

    { "no reason, no counts", T("a") "{'done':true}\n", AI_OK,
      "0/0 kind 1 open 0: a\n" ENDS("1") NOUSE },

    { "a prompt that was cached",
      T("a") "{'done':true,'eval_count':3,'prompt_eval_count':-7}\n", AI_OK,
      "0/0 kind 1 open 0: a\n" ENDS("1") "usage -1 -1 -1 3 -1 3\n" },

    { "thinking, then text",
      K("w") K("hy") M("'content':'x','thinking':'!'") T("y")
      DONE("stop", "") "\n", AI_OK,
      "0/0 kind 7 open 0: why!\n0/1 kind 1 open 0: xy\n" ENDS("1") USE },

    { "members in turn", T("a") K("b") T("c") DONE("stop", "d") "\n", AI_OK,
      "0/0 kind 1 open 0: a\n0/1 kind 7 open 0: b\n0/2 kind 1 open 0: cd\n"
      ENDS("1") USE },

    { "calls with ids, arguments as they are spelled",
      T("so") M("'content':'','tool_calls':[{'id':'call_a','function':"
      "{'index':0,'name':'f','arguments':{'city' : 'T\\u00f6',"
      "'n':12345678901234567890}}},{'id':'call_b','function':{'index':1,"
      "'name':'g','arguments':{}}}]")
      M("'content':'','tool_calls':[{'id':'call_c','function':{'name':'h',"
        "'arguments':'{\\'s\\':1}'}},{'id':'call_d','function':{'name':'i'}}]")
      DONE("stop", "") "\n", AI_OK,
      "0/0 kind 1 open 0: so\n"
      "0/1 kind 5 open 0: call_a f {\\'city\\' : \\'T\\\\u00f6\\',"
      "\\'n\\':12345678901234567890}\n"
      "0/2 kind 5 open 0: call_b g {}\n"
      "0/3 kind 5 open 0: call_c h {\\'s\\':1}\n"
      "0/4 kind 5 open 0: call_d i {}\n" ENDS("5") USE },

    { "lines with calls that differ in their texts only",
      M("'content':'','tool_calls':[{'id':'a','function':{'name':'f',"
        "'arguments':{'x':'1'}}}]")
      M("'content':'','tool_calls':[{'id':'b','function':{'name':'g',"
        "'arguments':{'x':'2'}}}]")
      DONE("stop", "") "\n", AI_OK,
      "0/0 kind 5 open 0: a f {\\'x\\':\\'1\\'}\n"
      "0/1 kind 5 open 0: b g {\\'x\\':\\'2\\'}\n" ENDS("5") USE },

    { "calls that were cut", M("'content':'','tool_calls':[{'id':'a',"
      "'function':{'name':'f','arguments':{}}}]") DONE("length", "") "\n",
      AI_OK, "0/0 kind 5 open 0: a f {}\n" ENDS("3") USE },

    { "nulls", M("'content':null,'thinking':null,'tool_calls':null,"
                 "'images':null") T("a") DONE("stop", "") "\n", AI_OK,
      "0/0 kind 1 open 0: a\n" ENDS("1") USE },

    { "cut", T("a") T("b"), AI_ERROR,
      "0/0 kind 1 open 1: ab\nstarts 1 finishes 0 finish 0 errors 0 "
      "error 0\n" NOUSE },

    { "cut in a line", T("a") "{'model':'x','mess", AI_DECLINED, NULL },
    { "nothing", "", AI_ERROR, NULL },
    { "no object", "[1]\n", AI_DECLINED, NULL },
    { "no JSON", T("a") "<html>\n", AI_DECLINED, NULL },
    { "another object", "{'status':'pulling'}\n", AI_DECLINED, NULL },
    { "a call without a name",
      M("'content':'','tool_calls':[{'id':'a','function':{}}]"),
      AI_DECLINED, NULL },

    { NULL, NULL, 0, NULL }
};


/* as stream_run(), for lines */

static ai_int_t
lines_run(seen_t *seen, const char *data, size_t len, size_t split,
    size_t step)
{
    size_t           pos, n;
    ai_int_t         rc;
    ai_str_t         in;
    ai_sink_t        sink;
    ai_ndjson_t      lines;
    ai_char_t       *copy;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = seen_event;
    sink.data = seen;

    d = ai_decoder_create(&ai_provider_ollama_native, mem_pool(), &sink);
    if (d == NULL) {
        return AI_DECLINED;
    }

    ai_ndjson_init(&lines, mem_pool(), 0);

    for (pos = 0; pos < len; pos += n) {
        n = pos < split ? split - pos : step;
        n = n < len - pos ? n : len - pos;

        copy = malloc(n);
        memcpy(copy, data + pos, n);

        in.data = copy;
        in.len = n;

        if (n == len) {
            in = guard_str(data, n);
        }

        do {
            rc = ai_ndjson_next(&lines, &in, &ev);
        } while (rc == AI_OK && d->provider->stream(d, &ev) == AI_OK);

        free(copy);
        guard_free();

        if (rc != AI_AGAIN) {
            return AI_DECLINED;
        }
    }

    if (ai_ndjson_end(&lines, &ev, 1) == AI_OK
        && d->provider->stream(d, &ev) != AI_OK)
    {
        return AI_DECLINED;
    }

    return d->provider->stream_end(d);
}


static void
test_streams(void)
{
    int              bad;
    char            *text, *got;
    size_t           i, len;
    ai_int_t         rc;
    const answer_t  *c;

    static seen_t  seen;

    for (c = streams; c->name; c++) {
        mem_reset();
        seen_free(&seen);

        text = strdup(quoted(c->text));
        len = strlen(text);

        rc = lines_run(&seen, text, len, 0, len + 1);
        is_int(rc, c->rc, "%s", c->name);
        ok(seen.bad == NULL, "%s: %s", c->name, seen.bad ? seen.bad : "good");

        if (c->want) {
            got = seen_dump(&seen);
            is_cstr(got, quoted(c->want), "%s", c->name);
            free(got);
        }

        bad = 0;

        for (i = 1; i < len; i++) {
            mem_reset();
            seen_free(&seen);
            bad += lines_run(&seen, text, len, i, len) != rc;

            if (c->want) {
                got = seen_dump(&seen);
                bad += strcmp(got, quoted(c->want)) != 0;
                free(got);
            }
        }

        mem_reset();
        seen_free(&seen);
        bad += lines_run(&seen, text, len, 0, 1) != rc;
        is_int(bad, 0, "%s: split everywhere", c->name);

        /* memory, and a sink that says no */

        for (i = 1; i < 1000; i++) {
            mem_reset();
            seen_free(&seen);
            mem_fail_at(i);

            rc = lines_run(&seen, text, len, 0, 40);

            if (!mem_failed()) {
                break;
            }

            bad += rc == AI_OK;
        }

        for (i = 1; i < 1000 && c->rc == AI_OK; i++) {
            mem_reset();
            seen_free(&seen);
            seen.fail_at = i;

            rc = lines_run(&seen, text, len, 0, len + 1);

            if (seen.events < i) {
                break;
            }

            bad += rc == AI_OK;
        }

        is_int(bad, 0, "%s: failures are noticed", c->name);
        free(text);
    }

    mem_reset();
    seen_free(&seen);
}


static void
test_errors(void)
{
    char    *text, *got;
    size_t   i;

    static seen_t  seen;

    static const struct {
        const char  *text;
        ai_error_e   kind;
    } errors[] = {
        { T("a") "{'error':'an error was encountered while running the "
          "model: unexpected EOF'}\n", 0 },
        { "{'error':'model \\'x\\' not found'}\n", 0 },
        { T("a") "{'error':{'message':'x','code':429}}\n" T("b"), 0 }
    };

    for (i = 0; i < 3; i++) {
        seen_free(&seen);
        text = quoted(errors[i].text);

        is_int(lines_run(&seen, text, strlen(text), 0, 7), AI_OK, "told");
        is_int(seen.errors, 1, "an error");
        ok(seen.error != AI_ERR_NONE && seen.finishes == 0, "is no end");

        got = seen_text(&seen, AI_BLOCK_TEXT);
        is_cstr(got, i == 1 ? "" : "a", "of what was said");
        free(got);
        mem_reset();
    }

    /* null is none */

    seen_free(&seen);
    text = quoted("{'message':{'content':'a'},'error':null,'done':false}\n"
                  DONE("stop", ""));
    is_int(lines_run(&seen, text, strlen(text), 0, 100), AI_OK, "no error");
    is_int(seen.finishes, 1, "an answer");

    mem_reset();
    seen_free(&seen);
}


static ai_int_t
whole(seen_t *seen, const char *json)
{
    char          *s;
    ai_str_t       body;
    ai_sink_t      sink;
    ai_decoder_t  *d;

    sink.event = seen_event;
    sink.data = seen;

    seen_free(seen);
    s = quoted(json);
    body = guard_str(s, strlen(s));
    d = ai_decoder_create(&ai_provider_ollama_native, mem_pool(), &sink);

    return d->provider->answer(d, &body);
}


static void
test_answers(void)
{
    char      *got;

    static seen_t  seen;

    is_int(whole(&seen, DONE("stop", "Hi\\u0021") "\n"), AI_OK, "an answer");
    got = seen_dump(&seen);
    is_cstr(got, "0/0 kind 1 open 0: Hi\\u0021\n" ENDS("1") USE, "is read");
    free(got);

    is_int(whole(&seen, "{'model':'m','message':{'role':'assistant','content':"
                 "'','thinking':'t','tool_calls':[{'function':{'name':'f',"
                 "'arguments':{'a':1}}}]},'done':true,'done_reason':'stop'}"),
           AI_OK, "a call");
    is_int(seen.finish, AI_FINISH_TOOLS, "is a reason");
    ok(seen.bad == NULL, "%s", seen.bad ? seen.bad : "good");

    is_int(whole(&seen, T("a")), AI_ERROR, "an answer that is not done");
    is_int(whole(&seen, "{'error':'x'}"), AI_OK, "an error");
    is_int(seen.errors, 1, "is told");
    is_int(whole(&seen, "{}"), AI_ERROR, "nothing");
    is_int(whole(&seen, ""), AI_ERROR, "no body");
    is_int(whole(&seen, "{'done':'true'}"), AI_ERROR, "a string");

    guard_free();
    mem_reset();
    seen_free(&seen);
}


/* calls without ids: one a call, the same each time, another the next time */

static void
test_ids(void)
{
    size_t          i, j;
    char           *text, first[4][128];

    static seen_t   seen;

#define BARE  "{'function':{'name':'f','arguments':{}}}"
#define CALLS(time)                                                           \
    "{'created_at':'" time "','message':{'content':'','tool_calls':["         \
    BARE "," BARE "]},'done':false}\n" DONE("stop", "")

    static const char *const  texts[] = {
        CALLS("2025-07-07T20:22:19.184789Z"),
        CALLS("2025-07-07T20:22:19.184789Z"),
        CALLS("2025-07-07T20:22:19.184790Z")
    };

    for (i = 0; i < 3; i++) {
        seen_free(&seen);
        text = quoted(texts[i]);
        is_int(lines_run(&seen, text, strlen(text), 0, 999), AI_OK, "calls");
        is_int(seen.n, 2, "two");
        ok(seen.bad == NULL, "%s", seen.bad ? seen.bad : "good");

        for (j = 0; j < 2; j++) {
            text = i == 1 ? first[2 + j] : first[j];

            if (i == 0 || i == 1) {
                snprintf(text, 128, "%s", seen.block[j].text);
            }

            ok(strcspn(seen.block[j].text, " ") <= 40, "short enough");
        }

        if (i == 0) {
            ok(strcmp(first[0], first[1]) != 0, "they differ");
        }
    }

    is_cstr(first[2], first[0], "the same again");
    ok(strcmp(seen.block[0].text, first[0]) != 0, "another time, another id");

    mem_reset();
    seen_free(&seen);
}


/* OpenAI's form has all of its members */

static ai_int_t
keep_logprobs(void *data, const ai_event_t *ev)
{
    ai_buf_t  *b = data;

    if (ev->type == AI_EVENT_DELTA && ev->delta == AI_DELTA_LOGPROBS) {
        ai_buf_cat(b, &ev->raw);
    }

    return AI_OK;
}


static void
test_logprobs(void)
{
    char          *s;
    ai_buf_t       b;
    ai_str_t       got, body;
    ai_sink_t      sink;
    ai_decoder_t  *d;

    mem_reset();
    ai_buf_init(&b, mem_pool());
    sink.event = keep_logprobs;
    sink.data = &b;

    s = quoted("{'message':{'content':'Hi'},'logprobs':[{'token':'H',"
               "'logprob':-0.10,'bytes':[72],'top_logprobs':[{'token':'J',"
               "'logprob':-3}]},{'token':'i','logprob':-2e0},1],'done':true}");
    body.data = (ai_char_t *) s;
    body.len = strlen(s);

    d = ai_decoder_create(&ai_provider_ollama_native, mem_pool(), &sink);
    is_int(d->provider->answer(d, &body), AI_OK, "logprobs");

    got = ai_buf_str(&b);
    is_str(got, quoted("{'content':[{'token':'H','logprob':-0.10,'bytes':[72],"
                       "'top_logprobs':[{'token':'J','logprob':-3,'bytes':"
                       "null}]},{'token':'i','logprob':-2e0,'bytes':null,"
                       "'top_logprobs':[]},{'token':'','logprob':0,'bytes':"
                       "null,'top_logprobs':[]}],'refusal':null}"), "as "
           "OpenAI has them");
    mem_reset();
}


/* a long stream takes no memory, and lines that differ in their texts only
 * are read without looking for members again */

static void
test_bounded(void)
{
    int              i, rc;
    char             line[512];
    size_t           before;
    ai_str_t         in;
    ai_sink_t        sink;
    ai_ndjson_t      lines;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    static seen_t  seen;

    seen_free(&seen);
    sink.event = seen_event;
    sink.data = &seen;

    d = ai_decoder_create(&ai_provider_ollama_native, mem_pool(), &sink);
    ai_ndjson_init(&lines, mem_pool(), 0);

    rc = 0;
    before = 0;

    for (i = 0; i < 20000; i++) {
        in.len = (size_t) snprintf(line, sizeof(line),
                     "{\"model\":\"m\",\"created_at\":\"2023-08-04T19:22:"
                     "45.%dZ\",\"message\":{\"role\":\"assistant\",\"content\""
                     ":\"%d\"},\"done\":false}\n", i * 7, i);
        in.data = (ai_char_t *) line;

        rc |= ai_ndjson_next(&lines, &in, &ev);
        rc |= d->provider->stream(d, &ev);

        if (i == 100) {
            before = mem_count();
        }
    }

    ok(rc == AI_OK && mem_count() == before, "nothing is allocated");
    is_int(seen.n, 1, "one block");

    mem_reset();
    seen_free(&seen);
}


/* what we write for a client, its own provider's decoder reads */

static void
test_back(void)
{
    int               stream;
    char             *text, *got;
    void             *r;
    size_t            i;
    ai_buf_t          out;
    ai_reply_conf_t   conf;

    static seen_t  seen;

#define STR(s)  { sizeof(s) - 1, (ai_char_t *) (s) }

    static const ai_event_t  ev[] = {
        { .type = AI_EVENT_START, .model = STR("m") },
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_THINKING,
          .text = STR("why") },
        { .type = AI_EVENT_DELTA, .index = 1, .kind = AI_BLOCK_TEXT,
          .text = STR("a\\n") },
        { .type = AI_EVENT_BLOCK_START, .index = 2,
          .kind = AI_BLOCK_TOOL_CALL, .id = STR("c"), .name = STR("f") },
        { .type = AI_EVENT_DELTA, .index = 2, .kind = AI_BLOCK_TOOL_CALL,
          .text = STR("{\\\"a\\\":1}") },
        { .type = AI_EVENT_FINISH, .finish = AI_FINISH_TOOLS }
    };

    for (stream = 0; stream < 2; stream++) {
        memset(&conf, 0, sizeof(conf));
        conf.stream = stream != 0;
        ai_buf_init(&out, mem_pool());

        r = ai_ollama_chat_create(&conf, &out, mem_pool());

        for (i = 0; i < 6; i++) {
            ai_ollama_reply_event(r, &ev[i]);
        }

        is_int(ai_ollama_reply_end(r), AI_OK, "an answer");

        ai_buf_char(&out, '\0');
        text = (char *) out.start;

        if (stream) {
            seen_free(&seen);
            is_int(lines_run(&seen, text, strlen(text), 0, 9), AI_OK, "read");

        } else {
            is_int(whole(&seen, text), AI_OK, "read");
        }

        got = seen_dump(&seen);
        is_cstr(got, "0/0 kind 7 open 0: why\n0/1 kind 1 open 0: a\\n\n"
                "0/2 kind 5 open 0: c f {\\\"a\\\":1}\n" ENDS("5") NOUSE,
                "and the same");
        free(got);
    }

    guard_free();
    mem_reset();
    seen_free(&seen);
}


int
main(void)
{
    test_build();
    test_row();
    test_streams();
    test_errors();
    test_answers();
    test_ids();
    test_logprobs();
    test_bounded();
    test_back();

    return done();
}
