
/*
 * Anthropic requests: what is looked at, what is decoded, what is refused,
 * and what of it reaches each provider.
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

#define RQ(s)  "{'model':'m','max_tokens':9,'messages':[{'role':'user',"      \
               "'content':'hi'}]," s "}"
#define MS(s)  "{'model':'m','max_tokens':9,'messages':[" s "]}"
#define U(s)   MS("{'role':'user','content':" s "}")
#define AS(s)  MS("{'role':'assistant','content':" s "}")
#define T(s)   "{'name':'" s "','input_schema':{}}"
#define OK9    "m; max=9; "


typedef struct {
    const char  *json;
    const char  *want;
} case_t;


static const case_t  params[] = {

    { RQ("'x':null"), OK9 "usage=1" },
    { RQ("'temperature':0.50,'top_p':1e0,'top_k':40"),
      OK9 "temp=0.50; top_p=1e0; top_k=40; usage=1" },
    { RQ("'stream':true,'stop_sequences':['a\\n',' ']"),
      OK9 "stop=a\\n; stop= ; stream=1; usage=1" },
    { RQ("'stop_sequences':[],'mcp_servers':[],'tools':[],'container':null"),
      OK9 "usage=1" },
    { RQ("'metadata':{'user_id':'u','x':1},'service_tier':'auto'"),
      OK9 "user=u; tier=auto; usage=1" },
    { RQ("'metadata':{'user_id':null},'service_tier':'standard_only'"),
      OK9 "tier=default; usage=1" },
    { RQ("'inference_geo':'global'"), OK9 "usage=1" },

    { RQ("'thinking':{'type':'enabled','budget_tokens':2000}"),
      "m; budget=2000; thoughts=1; max=9; usage=1" },
    { RQ("'thinking':{'type':'enabled','budget_tokens':5000,"
         "'display':'omitted'},'output_config':{'effort':'low'}"),
      "m; effort=3; budget=5000; thoughts=0; max=9; usage=1" },
    { RQ("'thinking':{'type':'adaptive'}"),
      "m; effort=5; thoughts=1; max=9; usage=1" },
    { RQ("'output_config':{'effort':'max'},'thinking':{'type':'adaptive',"
         "'display':'summarized'}"),
      "m; effort=7; thoughts=1; max=9; usage=1" },
    { RQ("'output_config':{'effort':'medium'}"),
      "m; effort=4; thoughts=0; max=9; usage=1" },
    { RQ("'output_config':{'effort':'medium'},'thinking':{'type':"
         "'disabled'}"),
      "m; budget=0; max=9; usage=1" },
    { RQ("'output_config':{'format':{'type':'json_schema','schema':"
         "{'b':1,'a':1.0}}}"),
      "m; output=2; oschema={'b':1,'a':1.0}; max=9; usage=1" },
    { RQ("'output_format':{'type':'json_schema','schema':{}}"),
      "m; output=2; oschema={}; max=9; usage=1" },

    { RQ("'tools':[{'name':'f','description':'d','input_schema':{ 'z':1},"
         "'strict':true,'cache_control':{'type':'ephemeral'}},"
         "{'type':'custom','name':'g','input_schema':{},'strict':false,"
         "'defer_loading':true}]"),
      "m; tool f desc=d schema={ 'z':1} mark={'type':'ephemeral'} strict; "
      "tool g schema={} loose; max=9; usage=1" },
    { RQ("'tools':[" T("f") "],'tool_choice':{'type':'auto',"
         "'disable_parallel_tool_use':true}"),
      "m; tool f schema={}; choice=1; parallel=0; max=9; usage=1" },
    { RQ("'tools':[" T("f") "],'tool_choice':{'type':'any',"
         "'disable_parallel_tool_use':false}"),
      "m; tool f schema={}; choice=3; max=9; usage=1" },
    { RQ("'tools':[" T("f") "],'tool_choice':{'type':'tool','name':'f'}"),
      "m; tool f schema={}; choice=4; named=f; max=9; usage=1" },
    { RQ("'tool_choice':{'type':'none'}"), "m; choice=2; max=9; usage=1" },

    { NULL, NULL }
};


static const case_t  turns[] = {

    { U("'h\\u00e9'"), "U[text h\\u00e9]" },
    { RQ("'system':'s'"), "S[text s]; U[text hi]" },
    { RQ("'system':[]"), "U[text hi]" },
    { RQ("'system':[{'type':'text','text':'a','cache_control':{'x':1}},"
         "{'type':'text','text':'b','citations':null}]"),
      "S[text a mark={'x':1}][text b]; U[text hi]" },
    { MS("{'role':'user','content':'a'},{'role':'system','content':'b'},"
         "{'role':'assistant','content':[{'type':'text','text':'c'}]},"
         "{'role':'system','content':[{'type':'text','text':'d'}]}"),
      "U[text a]; S[text b]; A[text c]; S[text d]" },
    { AS("[]"), "A" },

    /* media */
    { U("[{'type':'image','source':{'type':'base64','media_type':'image/png'"
        ",'data':'aG\\/k='},'cache_control':{}},"
        "{'type':'image','source':{'type':'url','url':'https:\\/\\/h/i'}},"
        "{'type':'image','source':{'type':'file','file_id':'file_1'}},"
        "{'type':'image','source':{'type':'url','url':"
        "'data:image/gif;base64,R0k='}}]"),
      "U[image base64 media=image/png data=aG/k= mark={}]"
      "[image url data=https://h/i][image id data=file_1]"
      "[image base64 media=image/gif data=R0k=]" },
    { U("[{'type':'document','source':{'type':'base64','media_type':"
        "'application/pdf','data':'JVBE'},'title':'t','context':'c',"
        "'cache_control':{'y':2}},"
        "{'type':'document','source':{'type':'url','url':'https://h/p'},"
        "'citations':{'enabled':true}},"
        "{'type':'document','source':{'type':'text','media_type':"
        "'text/plain','data':'a\\nb'},'title':null},"
        "{'type':'document','source':{'type':'file','file_id':'f'}}]"),
      "U[text c][file base64 name=t media=application/pdf data=JVBE "
      "mark={'y':2}][file url data=https://h/p]"
      "[file text media=text/plain data=a\\nb][file id data=f]" },
    { U("[{'type':'document','title':'t','source':{'type':'content',"
        "'content':[{'type':'text','text':'a'},{'type':'image','source':"
        "{'type':'url','url':'http://h'}}]},'cache_control':{}},"
        "{'type':'document','source':{'type':'content','content':'b'}}]"),
      "U[text t][text a][image url data=http://h mark={}][text b]" },
    { U("[{'type':'search_result','title':'t','source':'s','content':["
        "{'type':'text','text':'a'},{'type':'text','text':'b'}],"
        "'citations':{'enabled':true},'cache_control':{}}]"),
      "U[text t\\ns\\n\\na\\n\\nb mark={}]" },

    /* calls and results */
    { MS("{'role':'assistant','content':[{'type':'text','text':'t'},"
         "{'type':'tool_use','id':'toolu_1','name':'f','input':"
         "{ 'b': 12345678901234567890.10, 'a':'\\u00e9'}},"
         "{'type':'tool_use','id':'call_2','name':'g','input':{},"
         "'cache_control':{'z':1}}]},"
         "{'role':'user','content':[{'type':'tool_result','tool_use_id':"
         "'call_\\u0032','content':'2'},{'type':'tool_result','tool_use_id':"
         "'toolu_1','is_error':true,'content':[{'type':'text','text':'1'},"
         "{'type':'image','source':{'type':'url','url':'http://h'}},"
         "{'type':'tool_reference','tool_name':'r'}],'cache_control':{}},"
         "{'type':'tool_result','tool_use_id':'x'},"
         "{'type':'tool_result','tool_use_id':'y','content':[]},"
         "{'type':'text','text':'u'}]}"),
      "A[text t][call id=toolu_1 name=f args={ 'b': 12345678901234567890.10, "
      "'a':'\\u00e9'}][call id=call_2 name=g args={} mark={'z':1}]; "
      "U[result id=call_2 name=g[text 2]][result id=toolu_1 name=f mark={} "
      "error[text 1][image url data=http://h][text r]][result id=x]"
      "[result id=y][text u]" },

    /* thinking, and who owns it */
    { AS("[{'type':'thinking','thinking':'r','signature':'S'},"
         "{'type':'redacted_thinking','data':'D'},"
         "{'type':'thinking','thinking':'s','signature':''},"
         "{'type':'thinking','thinking':'g','signature':'gemini:G'},"
         "{'type':'redacted_thinking','data':'openai:O'}]"),
      "A[think r sig=S anthropic][redacted data=D anthropic][think s]"
      "[think g sig=G gemini][redacted data=O openai]" },
    { AS("[{'type':'thinking','thinking':'','signature':'gemini:call:C'},"
         "{'type':'tool_use','id':'a','name':'f','input':{}},"
         "{'type':'tool_use','id':'b','name':'f'},"
         "{'type':'thinking','thinking':'','signature':'gemini:call:L'}]"),
      "A[call id=a name=f args={} sig=C gemini][call id=b name=f args={}]" },
    { MS("{'role':'assistant','content':[{'type':'thinking','thinking':'',"
         "'signature':'gemini:call:C'}]},{'role':'assistant','content':["
         "{'type':'tool_use','id':'a','name':'f','input':{}}]}"),
      "A; A[call id=a name=f args={}]" },

    /* what Anthropic's own tools did */
    { AS("[{'type':'server_tool_use','id':'s','name':'web_search','input':{}}"
         ",{'type':'web_search_tool_result','tool_use_id':'s','content':[]},"
         "{'type':'mcp_tool_use','id':'x'},{'type':'mcp_tool_result'},"
         "{'type':'text','text':'t','citations':[{}]}]"),
      "A[text t]" },

    { NULL, NULL }
};


/* the parameter that is named */

static const case_t  errors[] = {

    { "[]", "" },
    { "{'model':'m','model':'m','max_tokens':1,'messages':[1]}", "" },
    { "{'model':'m','messages':[{'role':'user','content':'a'}]}",
      "max_tokens" },
    { "{'max_tokens':9,'messages':[{'role':'user','content':'a'}]}",
      "model" },
    { "{'Model':'m','max_tokens':9}", "model" },
    { RQ("'MAX_TOKENS':1"), "max_tokens" },
    { RQ("'System':'s'"), "system" },
    { "{'model':'m','max_tokens':9}", "messages" },
    { "{'model':'m','max_tokens':9,'messages':[]}", "messages" },
    { "{'model':'m','max_tokens':0,'messages':[1]}", "max_tokens" },
    { "{'model':'m','max_tokens':1.5,'messages':[1]}", "max_tokens" },
    { "{'model':'m','max_tokens':'1','messages':[1]}", "max_tokens" },
    { "{'model':'m\\u0000','max_tokens':9,'messages':[1]}", "model" },
    { RQ("'stream':1"), "stream" },
    { RQ("'metadata':[]"), "metadata" },
    { RQ("'metadata':{'user_id':1}"), "metadata.user_id" },
    { RQ("'system':1"), "system" },
    { RQ("'system':[{'type':'image'}]"), "system[0].type" },
    { RQ("'system':[{'type':'text'}]"), "system[0].text" },
    { RQ("'stop_sequences':'a'"), "stop_sequences" },
    { RQ("'stop_sequences':['a',1]"), "stop_sequences[1]" },
    { RQ("'temperature':'1'"), "temperature" },
    { RQ("'top_k':1.5"), "top_k" },
    { RQ("'top_k':-1"), "top_k" },
    { RQ("'thinking':1"), "thinking" },
    { RQ("'thinking':{}"), "thinking.type" },
    { RQ("'thinking':{'type':'x'}"), "thinking.type" },
    { RQ("'thinking':{'type':'enabled'}"), "thinking.budget_tokens" },
    { RQ("'thinking':{'type':'enabled','budget_tokens':0}"),
      "thinking.budget_tokens" },
    { RQ("'output_config':1"), "output_config" },
    { RQ("'output_config':{'effort':'none'}"), "output_config.effort" },
    { RQ("'output_config':{'effort':1}"), "output_config.effort" },
    { RQ("'output_config':{'format':{'type':'x'}}"),
      "output_config.format.type" },
    { RQ("'output_config':{'format':{'type':'json_schema'}}"),
      "output_config.format.schema" },
    { RQ("'tools':{}"), "tools" },
    { RQ("'tools':[1]"), "tools[0]" },
    { RQ("'tools':[{'name':'f'}]"), "tools[0].input_schema" },
    { RQ("'tools':[{'input_schema':{}}]"), "tools[0].name" },
    { RQ("'tool_choice':'auto'"), "tool_choice" },
    { RQ("'tool_choice':{'type':'x'}"), "tool_choice.type" },
    { RQ("'tool_choice':{'type':'any'}"), "tool_choice" },
    { RQ("'tool_choice':{'type':'tool','name':'f'}"), "tool_choice.name" },

    { MS("1"), "messages[0]" },
    { MS("{'content':'x'}"), "messages[0].role" },
    { MS("{'role':'tool','content':'x'}"), "messages[0].role" },
    { MS("{'role':'user'}"), "messages[0].content" },
    { U("[]"), "messages[0].content" },
    { U("1"), "messages[0].content" },
    { U("['a']"), "messages[0].content[0]" },
    { U("[{}]"), "messages[0].content[0].type" },
    { U("[{'type':'container_upload'}]"), "messages[0].content[0].type" },
    { U("[{'type':'tool_use'}]"), "messages[0].content[0].type" },
    { U("[{'type':'text','text':'a','cache_control':1}]"),
      "messages[0].content[0].cache_control" },
    { U("[{'type':'image'}]"), "messages[0].content[0].source" },
    { U("[{'type':'image','source':{'type':'x'}}]"),
      "messages[0].content[0].source.type" },
    { U("[{'type':'image','source':{'type':'base64','media_type':'image/png'"
        "}}]"), "messages[0].content[0].source.data" },
    { U("[{'type':'image','source':{'type':'base64','media_type':"
        "'application/pdf','data':'x'}}]"), "messages[0].content[0].source" },
    { U("[{'type':'image','source':{'type':'text','data':'x'}}]"),
      "messages[0].content[0].source" },
    { U("[{'type':'image','source':{'type':'base64','media_type':"
        "'im\\nage/png','data':'x'}}]"),
      "messages[0].content[0].source.media_type" },
    { U("[{'type':'image','source':{'type':'url','url':'x'}}]"),
      "messages[0].content[0].source.url" },
    { U("[{'type':'document','source':{'type':'text','data':''}}]"),
      "messages[0].content[0].source.data" },
    { U("[{'type':'document','source':{'type':'content'}}]"),
      "messages[0].content[0].source.content" },
    { U("[{'type':'document','source':{'type':'content','content':[{'type':"
        "'document'}]}}]"),
      "messages[0].content[0].source.content[0].type" },
    { U("[{'type':'search_result'}]"), "messages[0].content[0].content" },
    { U("[{'type':'tool_result'}]"), "messages[0].content[0].tool_use_id" },
    { U("[{'type':'tool_result','tool_use_id':'a','content':[{'type':"
        "'tool_result'}]}]"), "messages[0].content[0].content[0].type" },
    { U("[{'type':'tool_result','tool_use_id':'a','is_error':1}]"),
      "messages[0].content[0].is_error" },
    { AS("[{'type':'image'}]"), "messages[0].content[0].type" },
    { AS("[{'type':'tool_result'}]"), "messages[0].content[0].type" },
    { AS("[{'type':'tool_use','name':'f'}]"), "messages[0].content[0].id" },
    { AS("[{'type':'tool_use','id':'a','name':'f','input':'{}'}]"),
      "messages[0].content[0].input" },
    { AS("[{'type':'thinking'}]"), "messages[0].content[0].thinking" },
    { AS("[{'type':'redacted_thinking','data':''}]"),
      "messages[0].content[0].data" },
    { MS("{'role':'system','content':[{'type':'thinking'}]}"),
      "messages[0].content[0].type" },

    { NULL, NULL }
};


static const case_t  refused[] = {

    { RQ("'tools':[" T("f") ",{'type':'web_search_20250305','name':'w'}]"),
      "tools[1].type" },
    { RQ("'tools':[{'type':'bash_20250124','name':'bash'}]"),
      "tools[0].type" },
    { RQ("'mcp_servers':[{}]"), "mcp_servers" },
    { RQ("'container':'c'"), "container" },
    { RQ("'inference_geo':'us'"), "inference_geo" },

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


static ai_int_t
decode(const ai_str_t *text, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_peek_t  peek;
    ai_json_t  doc;

    memset(err, 0, sizeof(ai_error_t));
    memset(dropped, 0, sizeof(ai_dropped_t));

    ai_json_init(&doc, mem_pool());

    if (ai_json_parse(&doc, text, NULL) != AI_OK) {
        ai_error_set(err, doc.error == AI_JSON_E_MEMORY ? AI_ERR_SERVER
                                                        : AI_ERR_BAD_JSON,
                     "");
        return AI_ERROR;
    }

    if (ai_dialect_anthropic.peek(&doc, mem_pool(), &peek, err) != AI_OK) {
        return AI_ERROR;
    }

    return ai_dialect_anthropic.decode(&doc, &peek, mem_pool(), rq, dropped,
                                       err);
}


/* at the edge of a page that cannot be read */

static ai_str_t
guarded(const char *json)
{
    char      *p;
    ai_str_t   text;

    p = quoted(json);
    text.len = strlen(p);
    text.data = guard_copy(p, text.len);

    return text;
}


static void
test_dumps(const case_t *c, void (*dump)(ai_buf_t *b, const ai_request_t *rq))
{
    ai_buf_t      b;
    ai_str_t      text, got;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    for (/* void */; c->json; c++) {
        mem_reset();
        text = guarded(c->json);

        if (!is_int(decode(&text, &rq, &dropped, &err), AI_OK, "%s", c->json))
        {
            diag("%.*s", (int) err.message.len, err.message.data);
            continue;
        }

        ai_buf_init(&b, mem_pool());
        dump(&b, &rq);
        got = ai_buf_str(&b);
        is_str(got, quoted(c->want), "%s", c->json);
        guard_free();
    }
}


static void
test_errors(const case_t *c, ai_error_e kind)
{
    ai_buf_t      b;
    ai_str_t      text;
    ai_json_t     doc;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    for (/* void */; c->json; c++) {
        mem_reset();
        text = guarded(c->json);

        is_int(decode(&text, &rq, &dropped, &err), AI_ERROR, "%s", c->json);
        is_str(err.param, c->want, "%s", c->json);
        is_int(ai_error_status(&err), 400, "%s", c->json);

        if (kind != AI_ERR_NONE) {
            is_int(err.kind, kind, "%s", c->json);
        }

        ai_buf_init(&b, mem_pool());
        ai_dialect_anthropic.error(&b, &err);
        text = ai_buf_str(&b);
        ai_json_init(&doc, mem_pool());
        ok(ai_json_parse(&doc, &text, NULL) == AI_OK
           && ai_json_is(&doc, ai_json_path(&doc, 0, "error", "type", NULL),
                         "invalid_request_error"), "an error to read");
        guard_free();
    }
}


static void
test_dropped(void)
{
    size_t        i;
    ai_buf_t      b;
    ai_str_t      text, got;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    mem_reset();
    text = guarded("{'model':'m','max_tokens':9,'betas':['x'],"
                   "'context_management':{},'speed':'fast','new':1,"
                   "'cache_control':{},'a b':1,'messages':[{'role':"
                   "'assistant','content':[{'type':'server_tool_use'}]},"
                   "{'role':'user','content':[{'type':'document','citations'"
                   ":{},'source':{'type':'text','data':'x'}}]}]}");

    is_int(decode(&text, &rq, &dropped, &err), AI_OK, "dropped");

    ai_buf_init(&b, mem_pool());

    for (i = 0; i < dropped.n; i++) {
        ai_buf_cat(&b, &dropped.name[i]);
        ai_buf_char(&b, ' ');
    }

    got = ai_buf_str(&b);
    is_str(got, "betas context_management speed new cache_control unknown "
                "server_tool_use citations ", "names");
    guard_free();
}


static void
test_peek(void)
{
    ai_str_t    text, out;
    ai_json_t   doc;
    ai_peek_t   p;
    ai_error_t  err;

    mem_reset();
    text = guarded("{'m\\u006fdel':'cl\\u0061ude','messages':["
                   "{'role':'user','content':'first'},"
                   "{'role':'user','content':[{'type':'text','text':'d\\u00e9"
                   "j\\u00e0'},{'type':'image'},{'type':'text','text':'vu'}]},"
                   "{'role':'assistant','content':'a'},"
                   "{'role':'user','content':[{'type':'tool_result','content'"
                   ":[{'type':'text','text':'r'}]}]}],'tools':[1,2],"
                   "'stream':true,'metadata':{'user_id':'u\\u0031'},"
                   "'temperature':0.5}");
    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "peek");
    is_int(ai_dialect_anthropic.peek(&doc, mem_pool(), &p, &err), AI_OK,
           "peek");
    is_str(p.model, "claude", "model");
    is_str(p.user, "u1", "user");
    is_str(p.temperature, "0.5", "temperature");
    is_int(p.max_output, -1, "no limit: count_tokens has none");
    is_int(p.n, -1, "n");
    is_int(p.messages, 4, "messages");
    is_int(p.tools, 2, "tools");
    ok(p.stream && p.include_usage && p.images && !p.logprobs, "flags");
    ok(ai_json_type(&doc, p.messages_ref) == AI_JSON_ARRAY
       && ai_json_type(&doc, p.metadata_ref) == AI_JSON_OBJECT
       && ai_json_type(&doc, p.stream_ref) == AI_JSON_TRUE
       && p.max_tokens_ref == AI_JSON_NONE
       && p.include_usage_ref == AI_JSON_NONE, "refs");

    is_int(ai_dialect_anthropic.last_text(&doc, &p, mem_pool(), 100, &out),
           AI_OK, "last text");
    is_str(out, "d\xc3\xa9j\xc3\xa0\nvu", "of the last message with a text");
    is_int(ai_dialect_anthropic.last_text(&doc, &p, mem_pool(), 2, &out),
           AI_OK, "last text");
    is_str(out, "d", "cut before a sequence");
    guard_free();

    text = guarded("{'model':'m','messages':[{'role':'user','content':["
                   "{'type':'tool_result','content':[{'type':'image'}]}]}]}");
    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "peek");
    is_int(ai_dialect_anthropic.peek(&doc, mem_pool(), &p, &err), AI_OK,
           "peek");
    ok(p.images, "an image in a result");
    is_int(ai_dialect_anthropic.last_text(&doc, &p, mem_pool(), 9, &out),
           AI_DECLINED, "no text of the user's");
    guard_free();
}


static void
test_memory(const case_t *c, int fails)
{
    int           bad, tries, mode;
    size_t        n;
    ai_str_t      text;
    ai_int_t      rc;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    bad = 0;
    tries = 0;

    for (/* void */; c->json; c++) {
        for (mode = 0; mode < 2; mode++) {
            for (n = 1; n < 1000; n++) {
                mem_reset();
                text = guarded(c->json);

                if (mode) {
                    mem_fail_from(n);

                } else {
                    mem_fail_at(n);
                }

                rc = decode(&text, &rq, &dropped, &err);
                guard_free();

                if (!mem_failed()) {
                    break;
                }

                tries++;

                if (rc != AI_ERROR
                    || (!fails && err.kind != AI_ERR_SERVER))
                {
                    diag("allocation %zu of %s", n, c->json);
                    bad++;
                }
            }
        }
    }

    mem_reset();
    ok(tries > 50, "%d allocations failed", tries);
    is_int(bad, 0, "and each was noticed");
}


/* every text, call and result of the request is in what a provider gets */

typedef struct {
    ai_str_t     body;
    int          embedded;          /* arguments are a string there */
    int          missing;
} survey_t;


static void
survive(survey_t *s, const ai_str_t *what)
{
    ai_str_t  t;

    t = *what;

    /* blanks at the end of a last text may go */

    while (t.len && t.data[t.len - 1] == ' ') {
        t.len--;
    }

    if (t.len && memmem(s->body.data, s->body.len, t.data, t.len) == NULL) {
        diag("missing: %.*s", (int) ai_min(t.len, 200), t.data);
        s->missing++;
    }
}


static void
survey(const ai_json_t *doc, ai_ref_t content, survey_t *s)
{
    ai_buf_t  b;
    ai_str_t  t;
    ai_ref_t  v, type;

    if (ai_json_type(doc, content) == AI_JSON_STRING) {
        t = ai_json_esc(doc, content);
        survive(s, &t);
        return;
    }

    for (v = ai_json_first(doc, content);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, content, v))
    {
        type = ai_json_get(doc, v, "type");

        if (ai_json_is(doc, type, "text")) {
            t = ai_json_esc(doc, ai_json_get(doc, v, "text"));
            survive(s, &t);

        } else if (ai_json_is(doc, type, "tool_use")) {
            t = ai_json_esc(doc, ai_json_get(doc, v, "name"));
            survive(s, &t);

            t = ai_json_raw(doc, ai_json_get(doc, v, "input"));
            ai_buf_init(&b, mem_pool());

            if (s->embedded) {
                ai_json_embed(&b, &t);
                t = ai_buf_str(&b);
            }

            survive(s, &t);

        } else if (ai_json_is(doc, type, "tool_result")) {
            survey(doc, ai_json_get(doc, v, "content"), s);
        }
    }
}


static const char *
hosted_tool(const ai_json_t *doc)
{
    ai_ref_t  v, tools, type;

    if (ai_json_get(doc, 0, "mcp_servers") != AI_JSON_NONE) {
        return "mcp_servers";
    }

    tools = ai_json_get(doc, 0, "tools");

    for (v = ai_json_first(doc, tools);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, tools, v))
    {
        type = ai_json_get(doc, v, "type");

        if (ai_json_type(doc, type) == AI_JSON_STRING
            && !ai_json_is(doc, type, "custom"))
        {
            return "tools";
        }
    }

    return NULL;
}


static void
test_built(const char *name, const ai_json_t *doc, const ai_request_t *rq)
{
    size_t        i;
    ai_buf_t      body;
    ai_ref_t      v, messages;
    ai_json_t     out;
    ai_error_t    err;
    survey_t      s;
    ai_target_t   t;
    ai_dropped_t  dropped;

    static const struct {
        const ai_provider_t  *provider;
        ai_str_t              model;
    } targets[] = {
        { &ai_provider_openai, ai_string("gpt-5") },
        { &ai_provider_anthropic, ai_string("claude-sonnet-4-6") },
        { &ai_provider_gemini, ai_string("gemini-2.5-pro") }
    };

    for (i = 0; i < 3; i++) {
        memset(&err, 0, sizeof(err));
        memset(&dropped, 0, sizeof(dropped));

        t.provider = targets[i].provider;
        t.model = targets[i].model;
        t.max_output = -1;

        ai_buf_init(&body, mem_pool());

        if (t.provider->build(&t, rq, mem_pool(), &body, &dropped, &err)
            != AI_OK)
        {
            /* an image's URL or file is not for everybody */

            ok(err.kind == AI_ERR_UNSUPPORTED_PARAMETER
               || err.kind == AI_ERR_INVALID_VALUE, "%s: %.*s refuses: %.*s",
               name, (int) t.provider->name.len, t.provider->name.data,
               (int) err.message.len, err.message.data);
            continue;
        }

        memset(&s, 0, sizeof(s));
        s.body = ai_buf_str(&body);
        s.embedded = i == 0;

        ai_json_init(&out, mem_pool());
        is_int(ai_json_parse(&out, &s.body, NULL), AI_OK, "%s: %.*s: JSON",
               name, (int) t.provider->name.len, t.provider->name.data);

        survey(doc, ai_json_get(doc, 0, "system"), &s);
        messages = ai_json_get(doc, 0, "messages");

        for (v = ai_json_first(doc, messages);
             v != AI_JSON_NONE;
             v = ai_json_next(doc, messages, v))
        {
            survey(doc, ai_json_get(doc, v, "content"), &s);
        }

        is_int(s.missing, 0, "%s: all is there", name);
    }
}


static void
test_recordings(void)
{
    char          **names;
    size_t          i, n, len, built, hosted;
    ai_int_t        rc;
    ai_str_t        text;
    ai_json_t       doc;
    ai_error_t      err;
    const char     *tool;
    ai_request_t    rq;
    ai_dropped_t    dropped;

    built = 0;
    hosted = 0;
    names = dir_names(TEST_DATA "/recordings/anthropic", ".request.json", &n);

    for (i = 0; i < n; i++) {
        mem_reset();
        text.data = (ai_char_t *) file_read(TEST_DATA "/recordings/anthropic",
                                            names[i], &len);
        text.len = len;
        ai_json_init(&doc, mem_pool());

        if (!is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "%s", names[i])) {
            continue;
        }

        rc = decode(&text, &rq, &dropped, &err);
        tool = hosted_tool(&doc);

        if (tool) {
            hosted++;
            ok(rc == AI_ERROR && err.kind == AI_ERR_UNSUPPORTED_PARAMETER
               && ai_str_starts(&err.param, tool), "%s: %s", names[i], tool);

        } else if (!is_int(rc, AI_OK, "%s", names[i])) {
            diag("%.*s", (int) err.message.len, err.message.data);

        } else {
            built++;
            test_built(names[i], &doc, &rq);
        }

        free(text.data);
    }

    names_free(names, n);
    mem_reset();

    ok(built > 30, "%zu recorded requests", built);
    ok(hosted > 5, "%zu with tools of Anthropic's own", hosted);
}


/* work that grows faster than the request would be felt here */

static void
test_large(void)
{
    int           i;
    ai_buf_t      b;
    ai_str_t      text;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    mem_reset();
    ai_buf_init(&b, mem_pool());
    dump_cstr(&b, "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[");

    for (i = 0; i < 10000; i++) {
        dump_cstr(&b, "{\"role\":\"assistant\",\"content\":[{\"type\":"
                      "\"tool_use\",\"name\":\"f\",\"input\":{},\"id\":\"c");
        ai_buf_int(&b, i);
        dump_cstr(&b, "\"}]},{\"role\":\"user\",\"content\":[{\"type\":"
                      "\"tool_result\",\"tool_use_id\":\"c");
        ai_buf_int(&b, i);
        dump_cstr(&b, "\",\"content\":\"x\"}]},");
    }

    dump_cstr(&b, "{\"role\":\"user\",\"content\":\"x\"}]}");
    text = ai_buf_str(&b);

    is_int(decode(&text, &rq, &dropped, &err), AI_OK, "20001 messages");
    is_str(rq.turns->next->blocks->name, "f", "name of the tool");
    mem_reset();
}


int
main(void)
{
    test_peek();
    test_dumps(params, dump_params);
    test_dumps(turns, dump_turns);
    test_errors(errors, AI_ERR_NONE);
    test_errors(refused, AI_ERR_UNSUPPORTED_PARAMETER);
    test_dropped();
    test_memory(params, 0);
    test_memory(turns, 0);
    test_memory(errors, 1);
    test_recordings();
    test_large();

    return done();
}
