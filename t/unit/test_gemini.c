
/*
 * Requests for Gemini, written from OpenAI's, and answers in tables.
 */

#include "gemini_capture.h"


static char  got[512 * 1024];


typedef struct {
    ai_request_t   rq;
    ai_dropped_t   dropped;
    ai_error_t     err;
    ai_buf_t       body;
} built_t;


static ai_int_t
build(built_t *b, const char *model, const char *json)
{
    int          n;
    char         text[16384];
    ai_int_t     rc;
    ai_str_t     in;
    ai_json_t    doc;
    ai_target_t  t;

    memset(b, 0, sizeof(built_t));
    memset(&t, 0, sizeof(ai_target_t));

    t.provider = &ai_provider_gemini;
    t.model.data = (ai_char_t *) model;
    t.model.len = strlen(model);
    t.max_output = -1;

    n = snprintf(text, sizeof(text), "{\"model\":\"m\",%s", json + 1);

    in = guard_str(text, n);
    ai_json_init(&doc, mem_pool());
    ai_buf_init(&b->body, mem_pool());
    ai_request_init(&b->rq);

    if (ai_json_parse(&doc, &in, NULL) != AI_OK) {
        return AI_ERROR;
    }

    rc = ai_openai_decode(&doc, mem_pool(), &b->rq, &b->dropped, &b->err);

    if (rc != AI_OK) {
        return AI_ERROR;
    }

    return ai_provider_gemini.build(&t, &b->rq, mem_pool(), &b->body,
                                    &b->dropped, &b->err);
}


/* 1 if the body that was written is a JSON object */

static int
valid(built_t *b)
{
    int        rc;
    ai_str_t   s;
    ai_json_t  doc;

    s = ai_buf_str(&b->body);
    ai_json_init(&doc, mem_pool());

    rc = ai_json_parse(&doc, &s, NULL) == AI_OK
         && ai_json_type(&doc, AI_JSON_ROOT) == AI_JSON_OBJECT;

    ai_pfree(mem_pool(), doc.node);

    return rc;
}


static const char *
body(built_t *b)
{
    size_t  n;

    n = ai_min(ai_buf_len(&b->body), sizeof(got) - 1);

    if (n != 0) {
        memcpy(got, b->body.start, n);
    }

    got[n] = '\0';

    return got;
}


static void
finish(void)
{
    mem_reset();
    guard_free();
}


/* ' stands for a quote in what follows */

static char *
quotes(const char *s)
{
    char         *p;
    static int    turn;
    static char   text[4][16384];

    p = text[turn++ & 3];
    snprintf(p, sizeof(text[0]), "%s", s);

    for (s = p; *p; p++) {
        if (*p == '\'') {
            *p = '"';
        }
    }

    return (char *) s;
}


#define G3   "gemini-3-pro-preview"
#define G25  "gemini-2.5-flash"
#define G20  "gemini-2.0-flash"

#define HI   "'messages':[{'role':'user','content':'hi'}]"
#define HI_  "{'contents':[{'role':'user','parts':[{'text':'hi'}]}]"

#define CALL(id, name, args)                                                  \
    "{'id':'" id "','type':'function','function':{'name':'" name "',"         \
    "'arguments':'" args "'}}"


static const struct {
    const char  *name;
    const char  *model;
    const char  *in;
    const char  *out;
} bodies[] = {
    { "text", G25, "{" HI "}", HI_ "}" },

    { "system, several turns", G25,
      "{'messages':[{'role':'system','content':'a'},"
      "{'role':'user','content':'b'},{'role':'assistant','content':'c'},"
      "{'role':'developer','content':'d'},"
      "{'role':'user','content':'e'},{'role':'user','content':'f'}]}",
      "{'contents':[{'role':'user','parts':[{'text':'b'}]},"
      "{'role':'model','parts':[{'text':'c'}]},"
      "{'role':'user','parts':[{'text':'e'},{'text':'f'}]}],"
      "'systemInstruction':{'parts':[{'text':'a'},{'text':'d'}]}}" },

    { "system alone", G25,
      "{'messages':[{'role':'system','content':'a'}]}",
      "{'contents':[{'role':'user','parts':[{'text':'a'}]}]}" },

    { "nothing said", G25,
      "{'messages':[{'role':'user','content':''}]}",
      "{'contents':[{'role':'user','parts':[{'text':' '}]}]}" },

    { "an empty answer between", G25,
      "{'messages':[{'role':'user','content':'a'},"
      "{'role':'assistant','content':''},{'role':'user','content':'b'}]}",
      "{'contents':[{'role':'user','parts':[{'text':'a'},{'text':'b'}]}]}" },

    { "escapes stay", G25,
      "{'messages':[{'role':'user','content':'\\u00e4\\n\\'\\ud83d\\ude00'}]}",
      "{'contents':[{'role':'user','parts':[{'text':"
      "'\\u00e4\\n\\'\\ud83d\\ude00'}]}]}" },

    { "image", G25,
      "{'messages':[{'role':'user','content':[{'type':'image_url',"
      "'image_url':{'url':'data:image/png;base64,AAAA'}}]}]}",
      "{'contents':[{'role':'user','parts':[{'inlineData':"
      "{'mimeType':'image/png','data':'AAAA'}}]}]}" },

    { "image in a bucket", G25,
      "{'messages':[{'role':'user','content':[{'type':'image_url',"
      "'image_url':{'url':'gs://b/c.JPEG'}}]}]}",
      "{'contents':[{'role':'user','parts':[{'fileData':"
      "{'fileUri':'gs://b/c.JPEG','mimeType':'image/jpeg'}}]}]}" },

    { "video", G25,
      "{'messages':[{'role':'user','content':[{'type':'image_url',"
      "'image_url':{'url':'https:\\/\\/youtu.be/x'}}]}]}",
      "{'contents':[{'role':'user','parts':[{'fileData':"
      "{'fileUri':'https://youtu.be/x'}}]}]}" },

    { "file", G25,
      "{'messages':[{'role':'user','content':[{'type':'file','file':"
      "{'filename':'a.pdf','file_data':'data:application/pdf;base64,QQ=='}"
      "}]}]}",
      "{'contents':[{'role':'user','parts':[{'inlineData':"
      "{'mimeType':'application/pdf','data':'QQ=='}}]}]}" },

    { "file id", G25,
      "{'messages':[{'role':'user','content':[{'type':'file','file':"
      "{'file_id':'files/abc'}}]}]}",
      "{'contents':[{'role':'user','parts':[{'fileData':{'fileUri':"
      "'https://generativelanguage.googleapis.com/v1beta/files/abc'}}]}]}" },

    { "audio", G25,
      "{'messages':[{'role':'user','content':[{'type':'input_audio',"
      "'input_audio':{'data':'QQ==','format':'wav'}}]}]}",
      "{'contents':[{'role':'user','parts':[{'inlineData':"
      "{'mimeType':'audio/wav','data':'QQ=='}}]}]}" },

    { "call and result", G25,
      "{'messages':[{'role':'user','content':'a'},{'role':'assistant',"
      "'tool_calls':[" CALL("call_1", "f", "{\\'x\\': 1e2}") "]},"
      "{'role':'tool','tool_call_id':'call_1','content':'r'}]}",
      "{'contents':[{'role':'user','parts':[{'text':'a'}]},"
      "{'role':'model','parts':[{'functionCall':{'name':'f',"
      "'args':{'x': 1e2}}}]},{'role':'user','parts':[{'functionResponse':"
      "{'name':'f','response':{'output':'r'}}}]}]}" },

    { "an id of its own, and no signature", G3,
      "{'messages':[{'role':'user','content':'a'},{'role':'assistant',"
      "'tool_calls':[" CALL("9x", "f", "{}") "," CALL("9y", "g", "{}") "]},"
      "{'role':'tool','tool_call_id':'9x','content':'{\\'k\\':[1]}'},"
      "{'role':'tool','tool_call_id':'9y','content':''}]}",
      "{'contents':[{'role':'user','parts':[{'text':'a'}]},"
      "{'role':'model','parts':[{'functionCall':{'id':'9x','name':'f',"
      "'args':{}},'thoughtSignature':'skip_thought_signature_validator'},"
      "{'functionCall':{'id':'9y','name':'g','args':{}}}]},"
      "{'role':'user','parts':[{'functionResponse':"
      "{'id':'9x','name':'f','response':{'k':[1]}}},{'functionResponse':"
      "{'id':'9y','name':'g','response':{'output':''}}}]}]}" },

    { "signature", G3,
      "{'messages':[{'role':'user','content':'a'},{'role':'assistant',"
      "'tool_calls':[{'id':'call_1','type':'function','function':{'name':'f',"
      "'arguments':'{}'},'extra_content':{'google':{'thought_signature':"
      "'SIG'}}}]},{'role':'tool','tool_call_id':'call_1','content':'[1]'}]}",
      "{'contents':[{'role':'user','parts':[{'text':'a'}]},"
      "{'role':'model','parts':[{'functionCall':{'name':'f',"
      "'args':{}},'thoughtSignature':'SIG'}]},"
      "{'role':'user','parts':[{'functionResponse':"
      "{'name':'f','response':{'output':'[1]'}}}]}]}" },

    { "results in another order, an id used again", G25,
      "{'messages':[{'role':'user','content':'a'},{'role':'assistant',"
      "'tool_calls':[" CALL("call_1", "old", "{}") "]},"
      "{'role':'tool','tool_call_id':'call_1','content':'o'},"
      "{'role':'assistant','tool_calls':["
      CALL("call_1", "f", "{\\'n\\':1}") ","
      CALL("call_2", "f", "{\\'n\\':2}") "," CALL("call_3", "g", "{}") "]},"
      "{'role':'tool','tool_call_id':'call_3','content':'3'},"
      "{'role':'tool','tool_call_id':'call_2','content':'2'},"
      "{'role':'user','content':'b'},"
      "{'role':'tool','tool_call_id':'call_1','content':'1'}]}",
      "{'contents':[{'role':'user','parts':[{'text':'a'}]},"
      "{'role':'model','parts':[{'functionCall':{'name':'old','args':{}}}]},"
      "{'role':'user','parts':[{'functionResponse':"
      "{'name':'old','response':{'output':'o'}}}]},"
      "{'role':'model','parts':["
      "{'functionCall':{'name':'f','args':{'n':1}}},"
      "{'functionCall':{'name':'f','args':{'n':2}}},"
      "{'functionCall':{'name':'g','args':{}}}]},"
      "{'role':'user','parts':["
      "{'functionResponse':{'name':'f','response':{'output':'1'}}},"
      "{'functionResponse':{'name':'f','response':{'output':'2'}}},"
      "{'functionResponse':{'name':'g','response':{'output':'3'}}},"
      "{'text':'b'}]}]}" },

    { "tools", G25,
      "{" HI ",'tools':[{'type':'function','function':{'name':'f',"
      "'description':'d','strict':true,'parameters':{'type':'object',"
      "'additionalProperties':false}}},"
      "{'type':'function','function':{'name':'1 \\u00e4'}}],"
      "'tool_choice':{'type':'function','function':{'name':'1 \\u00e4'}}}",
      HI_ ",'tools':[{'functionDeclarations':[{'name':'f','description':'d',"
      "'parametersJsonSchema':{'type':'object',"
      "'additionalProperties':false}},{'name':'_____6f32f1a3'}]}],"
      "'toolConfig':{'functionCallingConfig':{'mode':'ANY',"
      "'allowedFunctionNames':['_____6f32f1a3']}}}" },

    { "tools of an old model", G20,
      "{" HI ",'tools':[{'type':'function','function':{'name':'f',"
      "'parameters':{'type':'object','properties':{}}}},"
      "{'type':'function','function':{'name':'g',"
      "'parameters':{'type':'object','properties':{'a':{'type':"
      "['string','null']}},'additionalProperties':false}}}],"
      "'tool_choice':'required'}",
      HI_ ",'tools':[{'functionDeclarations':[{'name':'f'},{'name':'g',"
      "'parameters':{'type':'object','properties':{'a':{'type':'string',"
      "'nullable':true}}}}]}],"
      "'toolConfig':{'functionCallingConfig':{'mode':'ANY'}}}" },

    { "choice auto", G25,
      "{" HI ",'tools':[{'type':'function','function':{'name':'f'}}],"
      "'tool_choice':'auto'}",
      HI_ ",'tools':[{'functionDeclarations':[{'name':'f'}]}],"
      "'toolConfig':{'functionCallingConfig':{'mode':'AUTO'}}}" },

    { "choice none", G25,
      "{" HI ",'tools':[{'type':'function','function':{'name':'f'}}],"
      "'tool_choice':'none'}",
      HI_ ",'tools':[{'functionDeclarations':[{'name':'f'}]}],"
      "'toolConfig':{'functionCallingConfig':{'mode':'NONE'}}}" },

    { "settings", G25,
      "{" HI ",'max_tokens':5,'temperature':0.70,'top_p':1,'n':2,"
      "'stop':['a','b'],'seed':7,'presence_penalty':-1.0,"
      "'frequency_penalty':0.5,'logprobs':true,'top_logprobs':3}",
      HI_ ",'generationConfig':{'maxOutputTokens':5,'temperature':0.70,"
      "'topP':1,'candidateCount':2,'stopSequences':['a','b'],'seed':7,"
      "'presencePenalty':-1.0,'frequencyPenalty':0.5,"
      "'responseLogprobs':true,'logprobs':3}}" },

    { "JSON", G25,
      "{" HI ",'response_format':{'type':'json_object'}}",
      HI_ ",'generationConfig':{'responseMimeType':'application/json'}}" },

    { "schema", G25,
      "{" HI ",'response_format':{'type':'json_schema','json_schema':"
      "{'name':'x','schema':{'type':'object','$defs':{}}}}}",
      HI_ ",'generationConfig':{'responseMimeType':'application/json',"
      "'responseJsonSchema':{'type':'object','$defs':{}}}}" },

    { "schema of an old model", "gemini-1.5-pro",
      "{" HI ",'response_format':{'type':'json_schema','json_schema':"
      "{'name':'x','schema':{'type':'object','properties':{'a':"
      "{'const':'b'}}}}}}",
      HI_ ",'generationConfig':{'responseMimeType':'application/json',"
      "'responseSchema':{'type':'object','properties':{'a':{'enum':['b'],"
      "'type':'string'}}}}}" }
};


static void
test_bodies(void)
{
    size_t   i;
    built_t  b;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {

        if (!ok(build(&b, bodies[i].model, quotes(bodies[i].in)) == AI_OK,
                "%s: built", bodies[i].name))
        {
            diag("%.*s: %.*s", (int) b.err.param.len, b.err.param.data,
                 (int) b.err.message.len, b.err.message.data);
            finish();
            continue;
        }

        ok(valid(&b), "%s: JSON", bodies[i].name);
        is_cstr(body(&b), quotes(bodies[i].out), "%s", bodies[i].name);

        finish();
    }
}


static const struct {
    const char  *model;
    const char  *effort;
    const char  *config;
} efforts[] = {
    { "gemini-3-pro-preview", "none", "'thinkingLevel':'LOW',"
      "'includeThoughts':false" },
    { "gemini-3-flash-preview", "none", "'thinkingLevel':'MINIMAL',"
      "'includeThoughts':false" },
    { "gemini-3-flash-preview", "minimal", "'thinkingLevel':'MINIMAL',"
      "'includeThoughts':true" },
    { "gemini-3.5-flash", "low", "'thinkingLevel':'LOW',"
      "'includeThoughts':true" },
    { "models/gemini-3.1-pro", "medium", "'thinkingLevel':'MEDIUM',"
      "'includeThoughts':true" },
    { "gemini-3-pro", "high", "'thinkingLevel':'HIGH',"
      "'includeThoughts':true" },
    { "gemini-3-pro", "xhigh", "'thinkingLevel':'HIGH',"
      "'includeThoughts':true" },
    { "gemini-2.5-flash", "none", "'thinkingBudget':0,"
      "'includeThoughts':false" },
    { "gemini-2.5-flash-lite", "none", "'thinkingBudget':0,"
      "'includeThoughts':false" },
    { "gemini-2.5-flash-lite", "minimal", "'thinkingBudget':512,"
      "'includeThoughts':true" },
    { "gemini-2.5-flash", "minimal", "'thinkingBudget':128,"
      "'includeThoughts':true" },
    { "gemini-2.5-pro", "none", "'thinkingBudget':128,"
      "'includeThoughts':false" },
    { "gemini-2.5-pro", "low", "'thinkingBudget':1024,"
      "'includeThoughts':true" },
    { "gemini-2.5-pro", "high", "'thinkingBudget':4096,"
      "'includeThoughts':true" },
    { "gemini-flash-latest", "medium", "'thinkingBudget':2048,"
      "'includeThoughts':true" },
    { "gemini-2.0-flash", "low", NULL },
    { "gemini-1.5-pro", "high", NULL },
    { "gemma-3-27b-it", "high", NULL },
    { "gemini-", "high", NULL }
};


static void
test_effort(void)
{
    char         in[256], want[512];
    size_t       i;
    built_t      b;
    const char  *p;

    for (i = 0; i < sizeof(efforts) / sizeof(efforts[0]); i++) {
        snprintf(in, sizeof(in), "{%s,'reasoning_effort':'%s'}", HI,
                 efforts[i].effort);

        is_int(build(&b, efforts[i].model, quotes(in)), AI_OK, "%s %s",
               efforts[i].model, efforts[i].effort);

        p = strstr(body(&b), "\"thinkingConfig\"");

        if (efforts[i].config == NULL) {
            ok(p == NULL, "%s: left out", efforts[i].model);
            is_int(b.dropped.n, 1, "%s: and named", efforts[i].model);
            is_str(b.dropped.name[0], "reasoning_effort", "by its name");

        } else {
            snprintf(want, sizeof(want), "'thinkingConfig':{%s}}}",
                     efforts[i].config);
            is_cstr(p ? p : "", quotes(want), "%s: %s", efforts[i].model,
                    efforts[i].effort);
        }

        finish();
    }
}


static const struct {
    const char  *name;
    const char  *in;
    ai_error_e   kind;
    const char  *param;
} refusals[] = {
    { "a URL", "{'messages':[{'role':'user','content':[{'type':'image_url',"
      "'image_url':{'url':'https://example.com/a.png'}}]}]}",
      AI_ERR_UNSUPPORTED_PARAMETER, "messages" },
    { "a host that looks right", "{'messages':[{'role':'user','content':["
      "{'type':'image_url','image_url':"
      "{'url':'https://youtube.com.example/files/a.png'}}]}]}",
      AI_ERR_UNSUPPORTED_PARAMETER, "messages" },
    { "n in a stream", "{" HI ",'n':2,'stream':true}",
      AI_ERR_UNSUPPORTED_PARAMETER, "n" },
    { "result without a call", "{'messages':[{'role':'user','content':'a'},"
      "{'role':'tool','tool_call_id':'call_1','content':'x'}]}",
      AI_ERR_INVALID_VALUE, "messages" }
};


static void
test_refusals(void)
{
    size_t   i;
    built_t  b;

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        is_int(build(&b, G25, quotes(refusals[i].in)), AI_ERROR, "%s",
               refusals[i].name);
        is_int(b.err.kind, refusals[i].kind, "%s: kind", refusals[i].name);
        is_str(b.err.param, refusals[i].param, "%s: param",
               refusals[i].name);
        finish();
    }

    ai_request_init(&b.rq);
    is_int(build(&b, G25, quotes("{" HI ",'user':'u','metadata':{'a':'b'},"
                                 "'logit_bias':{'1':1},"
                                 "'parallel_tool_calls':false,"
                                 "'service_tier':'flex'}")),
           AI_OK, "fields that only tune");
    is_int(b.dropped.n, 5, "are named");
    is_cstr(body(&b), quotes(HI_ "}"), "and left out");
    finish();
}


static void
test_stop(void)
{
    built_t       b;
    ai_esc_t      stop[6];
    ai_target_t   t;
    unsigned      i;

    for (i = 0; i < 6; i++) {
        stop[i] = ai_lit("x");
    }

    memset(&t, 0, sizeof(t));
    t.provider = &ai_provider_gemini;
    t.model = ai_lit(G25);

    is_int(build(&b, G25, quotes("{" HI "}")), AI_OK, "to have a request");

    b.rq.stop = stop;
    b.rq.nstop = 6;
    is_int(ai_provider_gemini.build(&t, &b.rq, mem_pool(), &b.body,
                                    &b.dropped, &b.err),
           AI_ERROR, "six stop sequences");
    is_str(b.err.param, "stop", "are refused by name");

    b.rq.nstop = 5;
    is_int(ai_provider_gemini.build(&t, &b.rq, mem_pool(), &b.body,
                                    &b.dropped, &b.err),
           AI_OK, "five are taken");
    finish();
}


/* what OpenAI's form cannot say: errors, media of results, thoughts */

static void
test_blocks(void)
{
    built_t       b;
    ai_turn_t     turn[3];
    ai_block_t    call, result, text, image, thought, answer;
    ai_target_t   t;

    memset(&t, 0, sizeof(t));
    memset(turn, 0, sizeof(turn));
    memset(&call, 0, sizeof(call));
    memset(&result, 0, sizeof(result));
    memset(&text, 0, sizeof(text));
    memset(&image, 0, sizeof(image));
    memset(&thought, 0, sizeof(thought));
    memset(&answer, 0, sizeof(answer));

    t.provider = &ai_provider_gemini;
    t.model = ai_lit(G3);

    thought.kind = AI_BLOCK_THINKING;
    thought.family = AI_FAMILY_GEMINI;
    thought.text = ai_lit("hm");
    thought.signature = ai_lit("S1");
    thought.next = &answer;
    answer.kind = AI_BLOCK_TEXT;
    answer.text = ai_lit("so");
    answer.next = &call;
    call.kind = AI_BLOCK_TOOL_CALL;
    call.id = ai_lit("call_1");
    call.name = ai_lit("f");
    call.args = ai_lit("{}");
    result.kind = AI_BLOCK_TOOL_RESULT;
    result.id = call.id;
    result.is_error = 1;
    result.content = &text;
    text.kind = AI_BLOCK_TEXT;
    text.text = ai_lit("{\\\"a\\\":1}");
    text.next = &image;
    image.kind = AI_BLOCK_IMAGE;
    image.source = AI_SOURCE_BASE64;
    image.media = ai_lit("image/webp");
    image.data = ai_lit("QQ==");

    turn[0].role = AI_ROLE_ASSISTANT;
    turn[0].blocks = &thought;
    turn[0].next = &turn[1];
    turn[1].role = AI_ROLE_USER;
    turn[1].blocks = &result;

    memset(&b, 0, sizeof(b));
    ai_request_init(&b.rq);
    b.rq.turns = turn;
    ai_buf_init(&b.body, mem_pool());

    is_int(ai_provider_gemini.build(&t, &b.rq, mem_pool(), &b.body,
                                    &b.dropped, &b.err),
           AI_OK, "blocks of Gemini 3");
    is_cstr(body(&b), quotes(
        "{'contents':[{'role':'model','parts':[{'text':'hm','thought':true},"
        "{'text':'so','thoughtSignature':'S1'},{'functionCall':{'name':'f',"
        "'args':{}},'thoughtSignature':'skip_thought_signature_validator'}]},"
        "{'role':'user','parts':[{'functionResponse':{'name':'f','response':"
        "{'error':{'a':1}},'parts':[{'inlineData':{'mimeType':'image/webp',"
        "'data':'QQ=='}}]}}]}]}"), "blocks of Gemini 3");

    t.model = ai_lit(G25);
    thought.family = AI_FAMILY_ANTHROPIC;
    text.text = ai_lit("no\\n");
    ai_buf_reset(&b.body);

    is_int(ai_provider_gemini.build(&t, &b.rq, mem_pool(), &b.body,
                                    &b.dropped, &b.err),
           AI_OK, "blocks of 2.5, thoughts of others");
    is_cstr(body(&b), quotes(
        "{'contents':[{'role':'model','parts':["
        "{'text':'so'},{'functionCall':{'name':'f','args':{}}}]},"
        "{'role':'user','parts':[{'functionResponse':{'name':'f','response':"
        "{'error':'no\\n'}}},{'inlineData':{'mimeType':'image/webp',"
        "'data':'QQ=='}}]}]}"), "blocks of 2.5, thoughts of others");

    finish();
}


static const struct {
    const char  *name;
    const char  *in;
    const char  *out;       /* NULL: refused */
} schemas[] = {
    { "as it is", "{'type':'string','minLength':1,'pattern':'a'}",
      "{'type':'string','minLength':1,'pattern':'a'}" },
    { "unknown words", "{'$schema':'x','type':'object','properties':{'a':"
      "{'type':'integer','exclusiveMinimum':1,'minimum':0}},"
      "'additionalProperties':{'type':'string'},'required':['a']}",
      "{'type':'object','properties':{'a':{'type':'integer','minimum':0}},"
      "'required':['a']}" },
    { "const", "{'type':'string','const':'a'}",
      "{'type':'string','enum':['a']}" },
    { "const that is no string", "{'const':1}", "{'type':'object'}" },
    { "enum", "{'enum':['a','b',null]}",
      "{'enum':['a','b'],'type':'string','nullable':true}" },
    { "enum of numbers", "{'type':'integer','enum':[1,2]}",
      "{'type':'integer'}" },
    { "null", "{'type':['string','null']}",
      "{'type':'string','nullable':true}" },
    { "types", "{'type':['string','integer','null']}",
      "{'anyOf':[{'type':'string'},{'type':'integer'}],'nullable':true}" },
    { "optional", "{'anyOf':[{'type':'string','title':'t'},{'type':'null'}],"
      "'title':'x'}", "{'title':'x','type':'string','nullable':true}" },
    { "oneOf", "{'oneOf':[{'type':'string'},{'type':'number'}]}",
      "{'anyOf':[{'type':'string'},{'type':'number'}]}" },
    { "allOf", "{'description':'d','allOf':[{'type':'string',"
      "'description':'e'}]}", "{'description':'d','type':'string'}" },
    { "formats", "{'type':'object','properties':{"
      "'a':{'type':'string','format':'date-time'},"
      "'b':{'type':'string','format':'uri'}}}",
      "{'type':'object','properties':{"
      "'a':{'type':'string','format':'date-time'},'b':{'type':'string'}}}" },
    { "reference", "{'type':'object','properties':{'a':{'$ref':"
      "'#/$defs/A~1B','description':'d'}},'$defs':{'A/B':{'type':'array',"
      "'items':{'$ref':'#/$defs/C'}},'C':{'type':'number'}}}",
      "{'type':'object','properties':{'a':{'description':'d',"
      "'type':'array','items':{'type':'number'}}}}" },
    { "a reference to nothing", "{'$ref':'#/$defs/A'}",
      "{'type':'object'}" },
    { "a circle", "{'$ref':'#'}", "{'type':'object'}" },
    { "a list of lists", "{'$ref':'#/$defs/N','$defs':{'N':{'type':'object',"
      "'properties':{'next':{'$ref':'#/$defs/N'}}}}}",
      "{'type':'object','properties':{'next':{'type':'object','properties':{"
      "'next':{'type':'object'}}}}}" },
    { "a tuple", "{'type':'array','items':[{'type':'string'},{}]}",
      "{'type':'array','items':{'type':'string'}}" },
    { "true", "{'type':'object','properties':{'a':true}}",
      "{'type':'object','properties':{'a':{'type':'object'}}}" },
    { "no properties", "{'type':'object','properties':{}}", "-" }
};


ai_int_t ai_gemini_schema(ai_buf_t *b, ai_json_t *doc, const ai_raw_t *schema);


static void
test_schemas(void)
{
    int        n;
    char       big[8192];
    size_t     i;
    ai_buf_t   b;
    ai_int_t   rc;
    ai_raw_t   raw;
    ai_json_t  doc;
    ai_str_t   out;

    for (i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        char  *in = quotes(schemas[i].in);

        raw = guard_str(in, strlen(in));
        ai_buf_init(&b, mem_pool());
        ai_json_init(&doc, mem_pool());

        rc = ai_gemini_schema(&b, &doc, &raw);

        if (schemas[i].out[0] == '-') {
            is_int(rc, AI_DECLINED, "schema: %s", schemas[i].name);
            is_int(ai_buf_len(&b), 0, "nothing is written");

        } else {
            is_int(rc, AI_OK, "schema: %s", schemas[i].name);
            out = ai_buf_str(&b);
            is_str(out, quotes(schemas[i].out), "schema: %s",
                   schemas[i].name);
        }

        finish();
    }

    /* references that double with each level */

    n = sprintf(big, "{\"$ref\":\"#/d/a0\",\"d\":{");

    for (i = 0; i < 40; i++) {
        n += sprintf(big + n, "\"a%zu\":{\"type\":\"object\",\"properties\":{"
                     "\"x\":{\"$ref\":\"#/d/a%zu\"},"
                     "\"y\":{\"$ref\":\"#/d/a%zu\"}}},", i, i + 1, i + 1);
    }

    n += sprintf(big + n, "\"a40\":{}}}");

    raw.data = (ai_char_t *) big;
    raw.len = n;
    ai_buf_init(&b, mem_pool());
    ai_json_init(&doc, mem_pool());

    is_int(ai_gemini_schema(&b, &doc, &raw), AI_ERROR,
           "references that double are refused");
    ok(ai_buf_len(&b) < 200000, "before they are written");

    finish();

    /* and ones that multiply without anything to write */

    n = sprintf(big, "{\"type\":\"string\",\"allOf\":[");

    for (i = 0; i < 100; i++) {
        n += sprintf(big + n, "{\"$ref\":\"#\"},");
    }

    n += sprintf(big + n, "{}]}");

    raw.len = n;
    ai_buf_init(&b, mem_pool());
    ai_json_init(&doc, mem_pool());

    rc = ai_gemini_schema(&b, &doc, &raw);
    ok(rc == AI_OK || rc == AI_ERROR, "circles of allOf come to an end");

    finish();
}


static const struct {
    const char  *reason;
    ai_finish_e  with;      /* text */
    int          without;   /* a finish, or minus an error */
} reasons[] = {
    { "STOP", AI_FINISH_STOP, AI_FINISH_STOP },
    { "MAX_TOKENS", AI_FINISH_LENGTH, AI_FINISH_LENGTH },
    { "SAFETY", AI_FINISH_FILTER, AI_FINISH_FILTER },
    { "RECITATION", AI_FINISH_FILTER, AI_FINISH_FILTER },
    { "LANGUAGE", AI_FINISH_FILTER, AI_FINISH_FILTER },
    { "BLOCKLIST", AI_FINISH_FILTER, AI_FINISH_FILTER },
    { "PROHIBITED_CONTENT", AI_FINISH_FILTER, AI_FINISH_FILTER },
    { "SPII", AI_FINISH_FILTER, AI_FINISH_FILTER },
    { "IMAGE_SAFETY", AI_FINISH_FILTER, AI_FINISH_FILTER },
    { "OTHER", AI_FINISH_FILTER, AI_FINISH_FILTER },
    { "MALFORMED_FUNCTION_CALL", AI_FINISH_STOP, -AI_ERR_UPSTREAM_INVALID },
    { "UNEXPECTED_TOOL_CALL", AI_FINISH_STOP, -AI_ERR_UPSTREAM_INVALID },
    { "SOMETHING_NEW", AI_FINISH_STOP, -AI_ERR_UPSTREAM_INVALID }
};


static void
test_finish(void)
{
    char        in[512];
    int         n, k;
    size_t      i;
    capture_t  *c;

    static const char  *const parts[] = {
        "{'text':'a'}", "{'text':''}", "{'functionCall':{'name':'f'}}"
    };

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        for (k = 0; k < 3; k++) {
            n = snprintf(in, sizeof(in), "{'candidates':[{'content':{"
                         "'parts':[%s]},'finishReason':'%s'}]}", parts[k],
                         reasons[i].reason);

            c = capture_create();
            is_int(capture_answer(c, NULL, mem_pool(), quotes(in), n),
                   AI_OK, "%s", reasons[i].reason);

            if (k == 0) {
                is_int(c->finish, reasons[i].with, "%s with text",
                       reasons[i].reason);

            } else if (k == 1) {
                is_int(c->error ? -(int) c->error : (int) c->finish,
                       reasons[i].without, "%s without",
                       reasons[i].reason);

            } else {
                is_int(c->finish, reasons[i].with == AI_FINISH_STOP
                                      ? AI_FINISH_TOOLS : reasons[i].with,
                       "%s with a call", reasons[i].reason);
            }

            capture_free(c);
            finish();
        }
    }
}


static const struct {
    const char  *name;
    const char  *in;
    ai_int_t     rc;
    const char  *log;
} answers[] = {
    { "blocked", "{'candidates':[],'promptFeedback':{'blockReason':'SAFETY'},"
      "'usageMetadata':{'promptTokenCount':12,'totalTokenCount':12},"
      "'modelVersion':'m'}", AI_OK,
      "START model=m\nUSAGE 12/-1 0/-1\nFINISH 0 6\n" },
    { "an error", "{'error':{'code':429,'status':'RESOURCE_EXHAUSTED',"
      "'message':'m'}}", AI_OK, "ERROR 18\n" },
    { "an error in a list", "[{'error':{'code':503,'message':'m',"
      "'status':'UNAVAILABLE'}}]", AI_OK, "ERROR 25\n" },
    { "no JSON", "<html>", AI_ERROR, "" },
    { "another API", "{'choices':[]}", AI_ERROR, "" },
    { "no candidate", "{'candidates':[]}", AI_ERROR, "START\n" },
    { "no content", "{'candidates':[{}]}", AI_ERROR, "START\n" },
    { "an index out of range", "{'candidates':[{'index':8}]}", AI_ERROR,
      "START\n" },
    { "arguments that are none", "{'candidates':[{'content':{'parts':["
      "{'functionCall':{'name':'f','args':'x'}}]}}]}", AI_ERROR,
      "START\nBLOCK 0.0 kind=5 name=f\n" },
    { "two answers", "{'responseId':'r','candidates':[{'content':{'parts':["
      "{'text':'a'}]},'finishReason':'STOP','index':0},{'content':{'parts':["
      "{'functionCall':{'name':'f','args':{'a':'b'},'id':'i'},"
      "'thoughtSignature':'s'}]},'finishReason':'STOP','index':1}]}", AI_OK,
      "START id=r\nBLOCK 0.0 kind=1\nDELTA 0.0 0 text=a\n"
      "BLOCK 1.0 kind=5 id=i name=f signature=s\n"
      "DELTA 1.0 0 text={\\'a\\':\\'b\\'}\nSTOP 1.0\nSTOP 0.0\n"
      "FINISH 0 1\nFINISH 1 5\n" },
    { "a signature of a text", "{'candidates':[{'content':{'parts':["
      "{'text':'t','thought':true},{'text':'a'},{'text':'',"
      "'thoughtSignature':'s'}]},'finishReason':'STOP'}]}", AI_OK,
      "START\nBLOCK 0.0 kind=7\nDELTA 0.0 0 text=t\nSTOP 0.0\n"
      "BLOCK 0.1 kind=1\nDELTA 0.1 0 text=a\nSTOP 0.1\nBLOCK 0.2 kind=7\n"
      "DELTA 0.2 1 text=s\nSTOP 0.2\nFINISH 0 1\n" },
    { "what the provider ran", "{'candidates':[{'content':{'parts':["
      "{'text':'a'},{'executableCode':{'code':'c'}},{'codeExecutionResult':"
      "{'output':'o'}},{'inlineData':{'data':'x'}},{'text':'b'}]},"
      "'finishReason':'STOP'}]}", AI_OK,
      "START\nBLOCK 0.0 kind=1\nDELTA 0.0 0 text=a\nDELTA 0.0 0 text=b\n"
      "STOP 0.0\nFINISH 0 1\n" },
    { "sources", "{'candidates':[{'content':{'parts':[{'text':'a'}]},"
      "'groundingMetadata':{'groundingChunks':[{'web':{'uri':'u',"
      "'title':'t'}},{}]},'finishReason':'STOP'}]}", AI_OK,
      "START\nBLOCK 0.0 kind=1\nDELTA 0.0 0 text=a\nDELTA 0.0 3 raw="
      "{'type':'url_citation','url_citation':{'start_index':0,"
      "'end_index':0,'url':'u','title':'t'}}\nSTOP 0.0\nFINISH 0 1\n" },
    { "logprobs", "{'candidates':[{'content':{'parts':[{'text':'a'}]},"
      "'logprobsResult':{'chosenCandidates':[{'token':'a',"
      "'logProbability':-0.50}],'topCandidates':[{'candidates':["
      "{'token':'a','logProbability':-0.50},{'token':'b'}]}]},"
      "'finishReason':'STOP'}]}", AI_OK,
      "START\nBLOCK 0.0 kind=1\nDELTA 0.0 0 text=a\nDELTA 0.0 2 raw="
      "{'content':[{'token':'a','logprob':-0.50,'bytes':null,"
      "'top_logprobs':[{'token':'a','logprob':-0.50,'bytes':null},"
      "{'token':'b','logprob':0,'bytes':null}]}],'refusal':null}\n"
      "STOP 0.0\nFINISH 0 1\n" },
    { "tokens for tools and thoughts", "{'candidates':[{'finishReason':"
      "'MAX_TOKENS'}],'usageMetadata':{'promptTokenCount':10,"
      "'toolUsePromptTokenCount':5,'cachedContentTokenCount':3,"
      "'thoughtsTokenCount':4,'candidatesTokenCount':2}}", AI_OK,
      "START\nUSAGE 15/3 6/4\nFINISH 0 3\n" },
    { "tokens that are none", "{'candidates':[{'finishReason':'STOP'}],"
      "'usageMetadata':{'promptTokenCount':-1,"
      "'candidatesTokenCount':99999999999999999999,"
      "'thoughtsTokenCount':'x'}}", AI_OK, "START\nFINISH 0 1\n" }
};


static void
test_answers(void)
{
    char       *in;
    size_t      i;
    ai_str_t    log, body;
    capture_t  *c;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        in = quotes(answers[i].in);
        body = guard_str(in, strlen(in));
        c = capture_create();

        is_int(capture_answer(c, NULL, mem_pool(), (char *) body.data,
                              body.len),
               answers[i].rc, "%s", answers[i].name);

        log.data = (ai_char_t *) c->log.p;
        log.len = c->log.len;
        is_str(log, quotes(answers[i].log), "%s: events", answers[i].name);
        ok(!c->wrong, "%s: in order", answers[i].name);

        capture_free(c);
        finish();
    }
}


static const struct {
    const char  *name;
    const char  *in;        /* events, one a line */
    ai_int_t     rc;
    const char  *log;
} streams[] = {
    { "a signature behind the reason",
      "{'candidates':[{'content':{'parts':[{'text':'a'}]}}]}\n"
      "{'candidates':[{'content':{'parts':[{'text':'b'}]},"
      "'finishReason':'STOP'}]}\n"
      "{'candidates':[{'content':{'parts':[{'text':'',"
      "'thoughtSignature':'s'}]}}]}\n"
      "{'usageMetadata':{'promptTokenCount':1,'candidatesTokenCount':2}}",
      AI_OK,
      "START\nBLOCK 0.0 kind=1\nDELTA 0.0 0 text=a\nDELTA 0.0 0 text=b\n"
      "STOP 0.0\nBLOCK 0.1 kind=7\nDELTA 0.1 1 text=s\nSTOP 0.1\n"
      "USAGE 1/-1 2/-1\nFINISH 0 1\n" },
    { "cut", "{'candidates':[{'content':{'parts':[{'text':'a'}]}}]}",
      AI_ERROR, "START\nBLOCK 0.0 kind=1\nDELTA 0.0 0 text=a\n" },
    { "nothing", "", AI_ERROR, "" },
    { "an error in the middle",
      "{'candidates':[{'content':{'parts':[{'text':'a'}]}}]}\n"
      "{'error':{'code':503,'status':'UNAVAILABLE'}}\n"
      "{'candidates':[{'finishReason':'STOP'}]}",
      AI_OK, "START\nBLOCK 0.0 kind=1\nDELTA 0.0 0 text=a\nERROR 25\n" },
    { "broken JSON", "{'candidates':[}", AI_ERROR, "" },
    { "blocked in the middle",
      "{'candidates':[{'content':{'parts':[{'text':'a'}]}}]}\n"
      "{'promptFeedback':{'blockReason':'SAFETY'}}", AI_OK,
      "START\nBLOCK 0.0 kind=1\nDELTA 0.0 0 text=a\nSTOP 0.0\n"
      "FINISH 0 6\n" },
    { "arguments in pieces",
      "{'candidates':[{'content':{'parts':[{'functionCall':{'name':'f',"
      "'willContinue':true}}]}}]}\n"
      "{'candidates':[{'content':{'parts':[{'functionCall':{'partialArgs':["
      "{'jsonPath':'$.a.b','stringValue':'x\\ny','willContinue':true}],"
      "'willContinue':true}}]}}]}\n"
      "{'candidates':[{'content':{'parts':[{'functionCall':{'partialArgs':["
      "{'jsonPath':'$.a.b','stringValue':'z'},"
      "{'jsonPath':'$.a.c[0]','numberValue':1.50},"
      "{'jsonPath':'$.a.c[1].d','boolValue':true},"
      "{'jsonPath':'$.a.c[2].d','nullValue':null},"
      "{'jsonPath':'$.e','stringValue':''}],"
      "'willContinue':true}}]}}]}\n"
      "{'candidates':[{'content':{'parts':[{'functionCall':{}}]},"
      "'finishReason':'STOP'}]}", AI_OK,
      "START\nBLOCK 0.0 kind=5 name=f\n"
      "DELTA 0.0 0 text={\\'a\\':{\\'b\\':\\'x\\\\ny\n"
      "DELTA 0.0 0 text=z\\',\\'c\\':[1.50,{\\'d\\':true},{\\'d\\':null}]},"
      "\\'e\\':\\'\\'\nDELTA 0.0 0 text=}\nSTOP 0.0\nFINISH 0 5\n" },
    { "a value that becomes an object",
      "{'candidates':[{'content':{'parts':[{'functionCall':{'name':'f',"
      "'partialArgs':[{'jsonPath':'$.a','numberValue':1},"
      "{'jsonPath':'$.a.b','numberValue':1}]}}]}}]}", AI_ERROR,
      "START\nBLOCK 0.0 kind=5 name=f\n" }
};


static void
test_streams(void)
{
    int         n;
    char        in[16384], *p, *line;
    size_t      i, at, len;
    ai_str_t    log, bytes;
    capture_t  *c;

    for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        p = in;
        *p = '\0';

        for (line = strtok(quotes(streams[i].in), "\n");
             line != NULL;
             line = strtok(NULL, "\n"))
        {
            p += sprintf(p, "data: %s\r\n\r\n", line);
        }

        len = p - in;
        bytes = guard_str(in, len);
        n = 0;

        for (at = 0; at <= len; at++) {
            c = capture_create();

            n += capture_stream(c, NULL, mem_pool(), (char *) bytes.data,
                                len, at) != streams[i].rc;

            log.data = (ai_char_t *) c->log.p;
            log.len = c->log.len;

            if (at == 0) {
                is_str(log, quotes(streams[i].log), "%s: events",
                       streams[i].name);
                ok(!c->wrong, "%s: in order", streams[i].name);

            } else {
                p = quotes(streams[i].log);
                n += (log.len != strlen(p)
                      || memcmp(log.data, p, log.len) != 0);
            }

            capture_free(c);
            mem_reset();
        }

        is_int(n, 0, "%s: split anywhere", streams[i].name);
        finish();
    }
}


static void
test_names(void)
{
    char        in[512];
    int         n;
    built_t     b;
    capture_t  *c;
    ai_str_t    calls;

    is_int(build(&b, G25, quotes(
        "{" HI ",'tools':[{'type':'function','function':{'name':'ok'}},"
        "{'type':'function','function':{'name':'1 \\u00e4'}}]}")),
        AI_OK, "tools");

    n = snprintf(in, sizeof(in), "{'candidates':[{'content':{'parts':["
                 "{'functionCall':{'name':'_____6f32f1a3'}},"
                 "{'functionCall':{'name':'_____6f32f1a4'}},"
                 "{'functionCall':{'name':'ok'}}]},'finishReason':'STOP'}]}");

    c = capture_create();
    is_int(capture_answer(c, &b.rq, mem_pool(), quotes(in), n), AI_OK,
           "answer");

    calls.data = (ai_char_t *) c->calls.p;
    calls.len = c->calls.len;
    is_str(calls, "1 \xc3\xa4({})_____6f32f1a4({})ok({})",
           "a changed name is changed back");

    capture_free(c);
    finish();
}


/* what a client of OpenAI's API keeps of an answer, sent back */

static void
test_round_trip(void)
{
    char                    in[8192];
    built_t                 b;
    ai_buf_t                out;
    ai_raw_t                raw;
    ai_str_t                body1;
    ai_sink_t               sink;
    ai_json_t               doc;
    ai_decoder_t           *d;
    ai_openai_reply_t      *reply;
    ai_reply_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.id = ai_lit("chatcmpl-x");
    ai_buf_init(&out, mem_pool());

    reply = ai_openai_reply_create(&conf, &out, mem_pool());
    sink.event = ai_openai_reply_event;
    sink.data = reply;
    d = ai_decoder_create(&ai_provider_gemini, mem_pool(), &sink);

    body1.data = (ai_char_t *) quotes(
        "{'modelVersion':'" G3 "','candidates':[{'content':{'parts':["
        "{'text':'hm','thought':true},{'text':'a'},"
        "{'text':'','thoughtSignature':'TEXTSIG'},"
        "{'functionCall':{'name':'f','args':{'x': 1e2}},"
        "'thoughtSignature':'CALLSIG'}]},'finishReason':'STOP'}]}");
    body1.len = strlen((char *) body1.data);

    is_int(ai_provider_gemini.answer(d, &body1), AI_OK, "answer");
    is_int(ai_openai_reply_end(reply), AI_OK, "reply");

    raw = ai_buf_str(&out);
    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &raw, NULL), AI_OK, "JSON");
    raw = ai_json_raw(&doc, ai_json_path(&doc, ai_json_first(&doc,
                      ai_json_get(&doc, 0, "choices")), "message", NULL));

    snprintf(in, sizeof(in), "{\"messages\":[{\"role\":\"user\","
             "\"content\":\"q\"},%.*s]}", (int) raw.len, raw.data);

    is_int(build(&b, G3, in), AI_OK, "sent back");
    is_cstr(body(&b), quotes(
        "{'contents':[{'role':'user','parts':[{'text':'q'}]},"
        "{'role':'model','parts':[{'text':'a','thoughtSignature':'TEXTSIG'},"
        "{'functionCall':{'name':'f','args':{'x': 1e2}},"
        "'thoughtSignature':'CALLSIG'}]}]}"), "with its signatures");
    finish();
}


static void
test_path(void)
{
    size_t       i;
    ai_buf_t     b;
    ai_str_t     s;
    ai_target_t  t;

    static const char  *const paths[][2] = {
        { "gemini-2.5-pro", "/models/gemini-2.5-pro" },
        { "models/gemini-2.5-pro", "/models/gemini-2.5-pro" },
        { "tunedModels/a/b", "/tunedModels/a%2Fb" },
        { "../x?y#z:\r\n%", "/models/..%2Fx%3Fy%23z%3A%0D%0A%25" }
    };

    memset(&t, 0, sizeof(t));
    ai_buf_init(&b, mem_pool());

    for (i = 0; i < 4; i++) {
        t.model.data = (ai_char_t *) paths[i][0];
        t.model.len = strlen(paths[i][0]);

        ai_buf_reset(&b);
        ai_provider_gemini.path(&t, 0, &b);
        s = ai_buf_str(&b);
        snprintf(got, sizeof(got), "%s:generateContent", paths[i][1]);
        is_str(s, got, "path %zu", i);

        ai_buf_reset(&b);
        ai_provider_gemini.path(&t, 1, &b);
        s = ai_buf_str(&b);
        snprintf(got, sizeof(got), "%s:streamGenerateContent?alt=sse",
                 paths[i][1]);
        is_str(s, got, "path of a stream %zu", i);
    }

    finish();
}


static void
test_memory(void)
{
    int          ever, wrong;
    char         in[4096];
    size_t       n, tried;
    built_t      b;
    ai_int_t     rc;

    snprintf(in, sizeof(in), "%s", quotes(
        "{'messages':[{'role':'user','content':'a'},{'role':'assistant',"
        "'tool_calls':[" CALL("call_1", "f g", "{}") "]},"
        "{'role':'tool','tool_call_id':'call_1','content':'{\\'a\\':1}'},"
        "{'role':'user','content':[{'type':'image_url','image_url':"
        "{'url':'https:\\/\\/youtu.be/x'}}]}],"
        "'tools':[{'type':'function','function':{'name':'f g','parameters':"
        "{'type':'object','properties':{'a':{'type':'string'}}}}}]}"));

    is_int(build(&b, G20, in), AI_OK, "enough memory");
    finish();

    for (ever = 0; ever < 2; ever++) {
        tried = 0;
        wrong = 0;

        for (n = 1; n < 1000; n++) {

            if (ever) {
                mem_fail_from(n);

            } else {
                mem_fail_at(n);
            }

            rc = build(&b, G20, in);

            if (mem_failed() == 0) {
                finish();
                break;
            }

            tried++;
            wrong += (rc != AI_ERROR);
            finish();
        }

        ok(tried > 8 && n < 1000, "allocations that fail");
        is_int(wrong, 0, "each is noticed");
    }
}


int
main(void)
{
    test_bodies();
    test_effort();
    test_refusals();
    test_stop();
    test_blocks();
    test_schemas();
    test_finish();
    test_answers();
    test_streams();
    test_names();
    test_round_trip();
    test_path();
    test_memory();

    return done();
}
