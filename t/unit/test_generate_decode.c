
/*
 * Gemini requests: what is looked at, what is decoded, what is refused, and
 * that nothing is lost on the way to each provider.
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


#define HI       "\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]"
#define RQ(s)    "{" HI "," s "}"
#define GC(s)    RQ("\"generationConfig\":{" s "}")
#define CS(s)    "{\"contents\":[" s "]}"
#define US(s)    CS("{\"role\":\"user\",\"parts\":[" s "]}")
#define M(s)     "{\"role\":\"model\",\"parts\":[" s "]}"
#define U(s)     "{\"role\":\"user\",\"parts\":[" s "]}"
#define MO(s)    CS(M(s))
#define CALL(s)  "{\"functionCall\":{" s "}}"
#define RES(s)   "{\"functionResponse\":{" s "}}"
#define TOOL(s)  RQ("\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","  \
                    s "}]}]")
#define SCHEMA(s)  TOOL("\"parameters\":" s)
#define ANY(s)   RQ("\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}," \
                    "{\"name\":\"g\"},{\"name\":\"h\"}]}],\"toolConfig\":"    \
                    "{\"functionCallingConfig\":{" s "}}")


typedef struct {
    const char  *json;
    const char  *want;
} case_t;


static const case_t  params[] = {

    { RQ("\"x\":null"), "m; usage=1" },
    { RQ("\"generationConfig\":null,\"tools\":null,\"toolConfig\":null,"
         "\"cachedContent\":null,\"systemInstruction\":null,\"labels\":null"),
      "m; usage=1" },
    { RQ("\"model\":\"m\""), "m; usage=1" },
    { RQ("\"model\":\"models/m\""), "m; usage=1" },

    { GC("\"temperature\":0.50,\"topP\":1e0,\"topK\":40.0,\"seed\":-9,"
         "\"presencePenalty\":-2,\"frequencyPenalty\":2.0,"
         "\"maxOutputTokens\":1e2,\"candidateCount\":2,"
         "\"stopSequences\":[\"a\\n\",\"\"],\"responseLogprobs\":true,"
         "\"logprobs\":3"),
      "m; max=100; n=2; temp=0.50; top_p=1e0; top_k=40; seed=-9; pres=-2; "
      "freq=2.0; logprobs=1; top_logprobs=3; stop=a\\n; stop=; usage=1" },
    { RQ("\"generation_config\":{\"top_p\":0.1,\"top_k\":4,"
         "\"max_output_tokens\":7,\"candidate_count\":1,"
         "\"stop_sequences\":[\"x\"],\"presence_penalty\":1,"
         "\"frequency_penalty\":1,\"response_logprobs\":false}"),
      "m; max=7; n=1; top_p=0.1; top_k=4; pres=1; freq=1; logprobs=0; "
      "stop=x; usage=1" },
    { RQ("\"generation\\u005fconfig\":{\"max\\u004futputTokens\":7}"),
      "m; max=7; usage=1" },

    { GC("\"responseMimeType\":\"text/plain\""), "m; usage=1" },
    { GC("\"responseMimeType\":\"application/json\""),
      "m; output=1; usage=1" },
    { GC("\"response_mime_type\":\"application/json\","
         "\"responseJsonSchema\":{\"b\":1,\"a\":1.0}"),
      "m; output=2; oschema={\"b\":1,\"a\":1.0}; usage=1" },
    { GC("\"responseMimeType\":\"application/json\",\"response_schema\":"
         "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\","
         "\"nullable\":true}},\"property_ordering\":[\"a\"]}"),
      "m; output=2; oschema={\"type\":\"object\",\"properties\":{\"a\":"
      "{\"type\":[\"string\",\"null\"]}}}; usage=1" },

    { GC("\"thinkingConfig\":{\"thinkingBudget\":2000,"
         "\"includeThoughts\":true}"),
      "m; budget=2000; thoughts=1; usage=1" },
    { GC("\"thinking_config\":{\"thinking_level\":\"high\"}"),
      "m; effort=5; thoughts=0; usage=1" },
    { GC("\"thinkingConfig\":{\"thinkingBudget\":0}"),
      "m; budget=0; thoughts=0; usage=1" },
    { GC("\"thinkingConfig\":{\"thinkingBudget\":-1,"
         "\"include_thoughts\":true}"), "m; thoughts=1; usage=1" },
    { GC("\"responseModalities\":[\"TEXT\"]"), "m; usage=1" },

    { RQ("\"labels\":{\"k\":\"v\"},\"serviceTier\":\"STANDARD\""),
      "m; meta={\"k\":\"v\"}; tier=default; usage=1" },

    { TOOL("\"description\":\"d\""), "m; tool f desc=d; usage=1" },
    { TOOL("\"parameters_json_schema\":{\"type\":\"object\", \"b\":1}"),
      "m; tool f schema={\"type\":\"object\", \"b\":1}; usage=1" },
    { RQ("\"tools\":{\"function_declarations\":{\"name\":\"f\"}}"),
      "m; tool f; usage=1" },
    { RQ("\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]},"
         "{\"functionDeclarations\":[{\"name\":\"g\"}],"
         "\"googleSearch\":null},{}]"), "m; tool f; tool g; usage=1" },

    /* schemas */
    { SCHEMA("{\"type\":\"OBJECT\",\"properties\":{\"type\":{\"type\":"
             "\"INTEGER\",\"format\":\"int32\",\"minimum\":1},\"any_of\":"
             "{\"anyOf\":[{\"type\":\"BOOLEAN\"},{\"type\":\"NUMBER\"}],"
             "\"nullable\":true}},\"required\":[\"type\"]}"),
      "m; tool f schema={\"type\":\"object\",\"properties\":{\"type\":"
      "{\"type\":\"integer\",\"format\":\"int32\",\"minimum\":1},\"any_of\":"
      "{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"number\"},"
      "{\"type\":\"null\"}]}},\"required\":[\"type\"]}; usage=1" },
    { SCHEMA("{\"type\":\"ARRAY\",\"items\":{\"type\":\"STRING\",\"format\":"
             "\"enum\",\"enum\":[\"A\",\"B\"],\"nullable\":true},"
             "\"minItems\":\"1\",\"max_items\":3}"),
      "m; tool f schema={\"type\":\"array\",\"items\":{\"type\":[\"string\","
      "\"null\"],\"enum\":[\"A\",\"B\",null]},\"minItems\":1,"
      "\"maxItems\":3}; usage=1" },
    { SCHEMA("{\"nullable\":true,\"propertyOrdering\":[]}"),
      "m; tool f schema={}; usage=1" },
    { SCHEMA("{\"propertyOrdering\":[],\"title\":\"t\",\"nullable\":false,"
             "\"x\":[1, 2],\"nullable2\":1,\"type\":\"TYPE_UNSPECIFIED\"}"),
      "m; tool f schema={\"title\":\"t\",\"x\":[1, 2],\"nullable2\":1}; "
      "usage=1" },
    { SCHEMA("{\"ref\":\"#/defs/P\",\"defs\":{\"P\":{\"type\":\"NULL\","
             "\"example\":{\"a\":1}}}}"),
      "m; tool f schema={\"$ref\":\"#/$defs/P\",\"$defs\":{\"P\":{\"type\":"
      "\"null\",\"examples\":[{\"a\":1}]}}}; usage=1" },
    { SCHEMA("{\"type\":[\"STRING\",\"null\"],\"nullable\":true,"
             "\"additional_properties\":false,\"default\":null}"),
      "m; tool f schema={\"type\":[\"string\",\"null\"],"
      "\"additionalProperties\":false,\"default\":null}; usage=1" },

    /* choice */
    { ANY("\"mode\":\"AUTO\""),
      "m; tool f; tool g; tool h; choice=1; usage=1" },
    { ANY("\"mode\":\"NONE\",\"allowedFunctionNames\":[\"x\"]"),
      "m; tool f; tool g; tool h; choice=2; usage=1" },
    { ANY("\"mode\":\"any\""),
      "m; tool f; tool g; tool h; choice=3; usage=1" },
    { ANY("\"mode\":\"ANY\",\"allowedFunctionNames\":[\"g\"]"),
      "m; tool f; tool g; tool h; choice=4; named=g; usage=1" },
    { ANY("\"mode\":\"ANY\",\"allowed_function_names\":[\"h\",\"f\",\"h\"]"),
      "m; tool h; tool f; choice=3; usage=1" },
    { ANY("\"mode\":\"VALIDATED\",\"allowedFunctionNames\":[\"g\"]"),
      "m; tool g; choice=1; usage=1" },
    { ANY("\"mode\":\"MODE_UNSPECIFIED\""),
      "m; tool f; tool g; tool h; usage=1" },

    { NULL, NULL }
};


/* base64 of "anthropic:S+/=" in both alphabets, "anthropic-data:R" */
#define SIG_A    "YW50aHJvcGljOlMrLz0="
#define SIG_AD   "YW50aHJvcGljLWRhdGE6Ug=="
/* "openai:\"\n" followed by a byte that is no UTF-8 */
#define SIG_O    "b3BlbmFpOiIK_w"


static const case_t  turns[] = {

    { "{\"contents\":\"hi\"}", "U[text hi]" },
    { "{\"contents\":{\"parts\":{\"text\":\"hi\"}}}", "U[text hi]" },
    { "{\"contents\":[\"hi\",{\"text\":\"a\\u00e9\"}]}",
      "U[text hi]; U[text a\\u00e9]" },
    { CS("{\"role\":\"\",\"parts\":[\"a\",{\"text\":\"b\"}]}"),
      "U[text a][text b]" },
    { "{\"system_instruction\":{\"role\":\"x\",\"parts\":[{\"text\":\"s\"},"
      "{\"text\":\"t\"}]}," HI "}", "S[text s][text t]; U[text hi]" },
    { "{\"systemInstruction\":{\"parts\":{\"text\":\"s\"}}," HI "}",
      "S[text s]; U[text hi]" },
    { "{\"systemInstruction\":\"s\"," HI "}", "S[text s]; U[text hi]" },
    { "{\"systemInstruction\":{\"text\":\"s\"}," HI "}",
      "S[text s]; U[text hi]" },
    { "{\"systemInstruction\":{\"role\":\"user\"}," HI "}",
      "S; U[text hi]" },

    /* chunks of a stream, brought back one by one */
    { CS(M("{\"text\":\"a\"}") "," M("{\"text\":\"b\"}") ","
         M("{\"text\":\"c\"}") ",{\"role\":\"model\"}," U("{\"text\":\"u\"}")
         "," M("{\"text\":\"d\"}")), "A[text abc]; U[text u]; A[text d]" },
    { MO("{\"text\":\"w\",\"thought\":true},{\"text\":\"h\",\"thought\":"
         "true},{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\""
         SIG_A "\"},{\"text\":\"x\"},{\"text\":\"y\"}"),
      "A[think wh sig=S+/= anthropic][text xy]" },
    { MO("{\"text\":\"x\",\"thought_signature\":\"QUJD\"}"),
      "A[text x][think sig=QUJD gemini]" },
    { MO("{\"text\":\"w\",\"thought\":true,\"thoughtSignature\":\"QUJD\"},"
         "{\"text\":\"x\"},{\"thoughtSignature\":\"REVG\"}"),
      "A[think w sig=QUJD gemini][text x][think sig=REVG gemini]" },
    { MO("{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"" SIG_AD
         "\"},{\"text\":\"w\",\"thought\":true},{\"thoughtSignature\":\""
         SIG_O "\"}"),
      "A[redacted data=R anthropic][think w sig=\\\"\\n\xef\xbf\xbd openai]" },

    /* media, in the alphabet for URLs too */
    { US("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"A+/=\"}}"),
      "U[image base64 media=image/png data=A+/=]" },
    { US("{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"A-_=\"},"
         "\"media_resolution\":{\"level\":\"MEDIA_RESOLUTION_LOW\"}}"),
      "U[image base64 media=image/png data=A+/= detail=low]" },
    { US("{\"inlineData\":{\"mime_type\":\"application/pdf\",\"data\":"
         "\"A\\/\\u002d\",\"displayName\":\"n.pdf\"}}"),
      "U[file base64 name=n.pdf media=application/pdf data=A/+]" },
    { US("{\"inlineData\":{\"mimeType\":\"audio/pcm;rate=16000\",\"data\":"
         "\"AAAA\"}},{\"inlineData\":{\"mimeType\":\"text/csv\",\"data\":"
         "\"AAAA\"}}"),
      "U[audio base64 media=audio/pcm;rate=16000 data=AAAA]"
      "[file base64 media=text/csv data=AAAA]" },
    { US("{\"fileData\":{\"mimeType\":\"image/png\",\"fileUri\":"
         "\"https://x/y\"}},{\"file_data\":{\"file_uri\":"
         "\"https://x/y.JPEG\"}},{\"fileData\":{\"fileUri\":\"http://x\"}}"),
      "U[image url media=image/png data=https://x/y]"
      "[image url data=https://x/y.JPEG][file url data=http://x]" },

    /* calls: by id, by name and order, synthesized */
    { CS(U("{\"text\":\"q\"}") "," M(CALL("\"name\":\"f\",\"args\":{\"a\": "
         "12345678901234567890}") "," CALL("\"name\":\"g\"") ","
         CALL("\"name\":\"f\"")) "," U(RES("\"name\":\"g\",\"response\":"
         "{\"output\":\"1\"}") "," RES("\"name\":\"f\",\"response\":"
         "{\"result\":\"2\"}") "," RES("\"name\":\"f\",\"response\":"
         "{\"x\":\"3\"}"))),
      "U[text q]; A[call id=call_1_0 name=f args={\"a\": "
      "12345678901234567890}][call id=call_1_1 name=g args={}]"
      "[call id=call_1_2 name=f args={}]; "
      "U[result id=call_1_1 name=g[text 1]]"
      "[result id=call_1_0 name=f[text 2]]"
      "[result id=call_1_2 name=f[text {\\\"x\\\":\\\"3\\\"}]]" },
    { CS(M(CALL("\"id\":\"A\",\"name\":\"f\"") ","
           CALL("\"id\":\"B\",\"name\":\"f\"")) ",{\"role\":\"function\","
         "\"parts\":[" RES("\"id\":\"B\",\"name\":\"f\",\"response\":"
         "{\"error\":\"no\"}") "," RES("\"name\":\"f\"") "]}"),
      "A[call id=A name=f args={}][call id=B name=f args={}]; "
      "U[result id=B name=f error[text no]][result id=A name=f[text {}]]" },
    { CS(M(CALL("\"id\":\"\",\"name\":\"f\"")) ","
         U(RES("\"id\":\"Z\",\"name\":\"f\",\"response\":{\"error\":"
               "{\"code\":1}}"))),
      "A[call id=call_0_0 name=f args={}]; "
      "U[result id=call_0_0 name=f error[text {\\\"code\\\":1}]]" },
    { CS(M(CALL("\"name\":\"f\"")) "," U("{\"text\":\"x\"}") ","
         M(CALL("\"name\":\"f\"")) ","
         U(RES("\"name\":\"f\",\"response\":{\"output\":7}")) ","
         U(RES("\"name\":\"f\",\"response\":{}"))),
      "A[call id=call_0_0 name=f args={}]; U[text x]; "
      "A[call id=call_2_0 name=f args={}]; "
      "U[result id=call_2_0 name=f[text {\\\"output\\\":7}]]; "
      "U[result id=call_0_0 name=f[text {}]]" },
    { CS(M("{\"functionCall\":{\"name\":\"f\"},\"thoughtSignature\":\"QUJD\"}")
         "," U("{\"function_response\":{\"name\":\"f\",\"response\":"
               "{\"output\":\"o\"},\"parts\":[{\"inline_data\":{\"mimeType\":"
               "\"image/png\",\"data\":\"AAAA\"}}]}}")),
      "A[call id=call_0_0 name=f args={} sig=QUJD gemini]; "
      "U[result id=call_0_0 name=f[text o][image base64 media=image/png "
      "data=AAAA]]" },

    { NULL, NULL }
};


/* what is refused, with the field named; '!' in front: unsupported */

static const case_t  errors[] = {

    { "[]", "" },
    { "{}", "contents" },
    { "{\"contents\":null}", "contents" },
    { "{\"contents\":[]}", "contents" },
    { "{\"contents\":7}", "contents" },
    { "{\"contents\":[{\"role\":\"model\"}]}", "contents" },
    { "{\"contents\":[7]}", "contents[0]" },
    { "{\"contents\":[{\"role\":\"system\",\"parts\":[\"x\"]}]}",
      "contents[0].role" },
    { "{" HI "," HI "}", "" },
    { RQ("\"x\":1,\"\\u0078\":2"), "" },
    { "{\"Contents\":[]," HI "}", "contents" },
    { RQ("\"GENERATION_CONFIG\":{}"), "generationConfig" },
    { RQ("\"generationConfig\":{},\"generation_config\":{}"),
      "generationConfig" },
    { RQ("\"systemInstruction\":\"a\",\"system_instruction\":\"a\""),
      "systemInstruction" },
    { RQ("\"model\":\"other\""), "model" },
    { GC("\"maxOutputTokens\":0"), "generationConfig.maxOutputTokens" },
    { GC("\"maxOutputTokens\":\"5\""), "generationConfig.maxOutputTokens" },
    { GC("\"maxoutputtokens\":5"), "generationConfig.maxOutputTokens" },
    { GC("\"max_output_tokens\":5,\"maxOutputTokens\":5"),
      "generationConfig.maxOutputTokens" },
    { GC("\"candidateCount\":129"), "generationConfig.candidateCount" },
    { GC("\"topK\":1.5"), "generationConfig.topK" },
    { GC("\"topP\":1,\"top_p\":1"), "generationConfig.topP" },
    { GC("\"stopSequences\":[1]"), "generationConfig.stopSequences[0]" },
    { GC("\"responseMimeType\":\"text/x.enum\""),
      "!generationConfig.responseMimeType" },
    { GC("\"responseSchema\":{},\"responseJsonSchema\":{}"),
      "generationConfig.responseJsonSchema" },
    { GC("\"responseModalities\":[\"TEXT\",\"IMAGE\"]"),
      "!generationConfig.responseModalities" },
    { GC("\"speech_config\":{}"), "!generationConfig.speechConfig" },
    { GC("\"thinkingConfig\":{\"thinkingBudget\":1,\"thinkingLevel\":"
         "\"LOW\"}"), "generationConfig.thinkingConfig.thinkingLevel" },
    { GC("\"thinkingConfig\":{\"thinkingLevel\":\"x\"}"),
      "generationConfig.thinkingConfig.thinkingLevel" },
    { RQ("\"cached_content\":\"cachedContents/x\""), "!cachedContent" },
    { RQ("\"labels\":[]"), "labels" },
    { RQ("\"systemInstruction\":{\"parts\":[{\"inlineData\":{}}]}"),
      "!systemInstruction.parts[0]" },

    { RQ("\"tools\":[{\"googleSearch\":{}}]"), "!tools[0].googleSearch" },
    { RQ("\"tools\":[{\"code_execution\":{}}]"), "!tools[0].code_execution" },
    { RQ("\"tools\":[{},{\"functionDeclarations\":[],\"u\\nl\":{}}]"),
      "!tools[1]" },
    { RQ("\"tools\":[7]"), "tools[0]" },
    { TOOL("\"parameters\":{},\"parametersJsonSchema\":{}"),
      "tools[0].functionDeclarations[0].parametersJsonSchema" },
    { TOOL("\"parameters\":7"),
      "tools[0].functionDeclarations[0].parameters" },
    { SCHEMA("{\"properties\":{\"a\":7}}"),
      "tools[0].functionDeclarations[0].parameters" },
    { SCHEMA("{\"anyOf\":[],\"any_of\":[]}"),
      "tools[0].functionDeclarations[0].parameters" },
    { SCHEMA("{\"ref\":\"a\",\"$ref\":\"b\"}"),
      "tools[0].functionDeclarations[0].parameters" },
    { RQ("\"tools\":[{\"functionDeclarations\":[{}]}]"),
      "tools[0].functionDeclarations[0].name" },
    { ANY("\"mode\":\"x\""), "toolConfig.functionCallingConfig.mode" },
    { ANY("\"mode\":\"ANY\",\"allowedFunctionNames\":[\"x\"]"),
      "toolConfig.functionCallingConfig.allowedFunctionNames[0]" },

    { US("{}"), "contents[0].parts[0]" },
    { US("{\"text\":7}"), "contents[0].parts[0].text" },
    { US("{\"text\":\"a\",\"functionCall\":{\"name\":\"f\"}}"),
      "contents[0].parts[0]" },
    { US("{\"inlineData\":{},\"inline_data\":{}}"),
      "contents[0].parts[0].inlineData" },
    { US("{\"executableCode\":{}}"), "!contents[0].parts[0].executableCode" },
    { US("{\"tool_call\":{}}"), "!contents[0].parts[0].toolCall" },
    { US(CALL("\"name\":\"f\"")), "contents[0].parts[0].functionCall" },
    { US("{\"text\":\"a\",\"thought\":true}"),
      "contents[0].parts[0].thought" },
    { MO(RES("\"name\":\"f\"")), "contents[0].parts[0].functionResponse" },
    { MO(CALL("\"name\":\"\"")), "contents[0].parts[0].functionCall.name" },
    { MO(CALL("\"name\":\"f\",\"args\":[]")),
      "contents[0].parts[0].functionCall.args" },
    { MO(CALL("\"name\":\"f\",\"partialArgs\":[]")),
      "!contents[0].parts[0].functionCall.partialArgs" },
    { US(RES("\"name\":\"f\"")), "contents" },
    { CS(U(RES("\"name\":\"f\"")) "," M(CALL("\"name\":\"f\""))),
      "contents" },
    { CS(M(CALL("\"name\":\"f\"")) "," U(RES("\"name\":\"f\"") ","
         RES("\"name\":\"f\""))), "contents" },
    { US(RES("\"name\":\"f\",\"response\":\"x\"")),
      "contents[0].parts[0].functionResponse.response" },
    { US("{\"inlineData\":{\"mimeType\":\"video/mp4\",\"data\":\"A\"}}"),
      "!contents[0].parts[0].inlineData.mimeType" },
    { US("{\"inlineData\":{\"mimeType\":\"image/\\\"\",\"data\":\"A\"}}"),
      "contents[0].parts[0].inlineData.mimeType" },
    { US("{\"inlineData\":{\"mimeType\":\"image/png\"}}"),
      "contents[0].parts[0].inlineData.data" },
    { US("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
         "\"-\\\"\"}}"), "contents[0].parts[0].inlineData.data" },
    { US("{\"fileData\":{\"fileUri\":\"gs://b/o\"}}"),
      "!contents[0].parts[0].fileData.fileUri" },
    { US("{\"fileData\":{\"fileUri\":"
         "\"https://generativelanguage.googleapis.com/v1beta/files/x\"}}"),
      "!contents[0].parts[0].fileData.fileUri" },

    { NULL, NULL }
};


typedef struct {
    ai_json_t     doc;
    ai_peek_t     peek;
    ai_request_t  rq;
    ai_dropped_t  dropped;
    ai_error_t    err;
} run_t;


static ai_int_t
run(run_t *r, const char *json, size_t len)
{
    ai_str_t  text;

    memset(r, 0, sizeof(run_t));
    ai_json_init(&r->doc, mem_pool());

    text.data = (ai_char_t *) json;
    text.len = len;

    if (ai_json_parse(&r->doc, &text, NULL) != AI_OK) {
        return AI_DECLINED;
    }

    r->peek.model = ai_lit("m");

    if (ai_generate_peek(&r->doc, mem_pool(), &r->peek, &r->err) != AI_OK) {
        return AI_ERROR;
    }

    return ai_generate_decode(&r->doc, &r->peek, mem_pool(), &r->rq,
                              &r->dropped, &r->err);
}


static ai_str_t
dump(const run_t *r, int all)
{
    ai_buf_t  b;

    ai_buf_init(&b, mem_pool());

    if (all) {
        dump_params(&b, &r->rq);

    } else {
        dump_turns(&b, &r->rq);
    }

    return ai_buf_str(&b);
}


static void
test_table(const case_t *c, int all)
{
    run_t     r;
    ai_str_t  got, in;

    for (/* void */; c->json; c++) {
        mem_reset();

        in = guard_str(c->json, strlen(c->json));
        is_int(run(&r, (char *) in.data, in.len), AI_OK, "%s", c->json);

        if (r.err.message.len) {
            diag("%.*s", (int) r.err.message.len, r.err.message.data);
            continue;
        }

        got = dump(&r, all);
        is_str(got, c->want, "decoded");
        guard_free();
    }
}


static void
test_errors(void)
{
    run_t          r;
    ai_str_t       in;
    const char    *want;
    ai_error_e     kind;
    const case_t  *c;

    for (c = errors; c->json; c++) {
        mem_reset();

        in = guard_str(c->json, strlen(c->json));
        is_int(run(&r, (char *) in.data, in.len), AI_ERROR, "%s", c->json);

        want = c->want + (c->want[0] == '!');
        is_str(r.err.param, want, "names the field");
        is_int(ai_error_status(&r.err), 400, "400");

        kind = c->want[0] == '!' ? AI_ERR_UNSUPPORTED_PARAMETER
                                 : AI_ERR_INVALID_VALUE;

        if (*want) {
            is_int(r.err.kind, kind, "of its kind");
        }

        ok(r.err.message.len > 10, "with a message");
        guard_free();
    }
}


static void
test_peek(void)
{
    run_t     r;
    ai_str_t  last;

    static const char  json[] =
        "{\"contents\":[{\"parts\":[{\"text\":\"one\"},{\"text\":\"t\\u00e9\"}"
        "]},{\"role\":\"model\",\"parts\":[{\"text\":\"no\"}]},{\"role\":"
        "\"user\",\"parts\":[{\"inline_data\":{\"mime_type\":\"image/png\","
        "\"data\":\"A\"}}]}],\"generation_config\":{\"max_output_tokens\":9,"
        "\"candidateCount\":3,\"temperature\":1.0,\"responseLogprobs\":true},"
        "\"labels\":{\"a\":\"b\"},\"tools\":[{\"function_declarations\":[{},"
        "{}]},{\"googleSearch\":{}}]}";

    mem_reset();
    (void) run(&r, json, sizeof(json) - 1);

    is_str(r.peek.model, "m", "the model is the URI's");
    is_int(r.peek.model_ref, AI_JSON_NONE, "and not in the body");
    is_int(r.peek.messages, 3, "contents");
    is_int(r.peek.tools, 3, "tools");
    is_int(r.peek.max_output, 9, "limit");
    ok(ai_json_type(&r.doc, r.peek.max_tokens_ref) == AI_JSON_NUMBER,
       "and where it is");
    is_int(r.peek.n, 3, "candidates");
    is_str(r.peek.temperature, "1.0", "temperature");
    is_int(r.peek.images, 1, "an image");
    is_int(r.peek.logprobs, 1, "logprobs");
    ok(ai_json_type(&r.doc, r.peek.metadata_ref) == AI_JSON_OBJECT, "labels");

    is_int(ai_generate_last_text(&r.doc, &r.peek, mem_pool(), 100, &last),
           AI_OK, "last text");
    is_str(last, "one\nt\xc3\xa9", "of the last content that has one");
    is_int(ai_generate_last_text(&r.doc, &r.peek, mem_pool(), 6, &last),
           AI_OK, "cut");
    is_str(last, "one\nt", "before the letter");

    r.peek.stream = 1;
    is_int(ai_generate_peek(&r.doc, mem_pool(), &r.peek, &r.err), AI_OK,
           "once more");
    ok(r.peek.stream == 1, "stream is left alone");

    (void) run(&r, MO("{\"text\":\"x\"}"), strlen(MO("{\"text\":\"x\"}")));
    is_int(ai_generate_last_text(&r.doc, &r.peek, mem_pool(), 6, &last),
           AI_DECLINED, "nobody said anything");
    is_int(r.peek.images, 0, "no image");

    (void) run(&r, "{\"contents\":\"hi\"}", 17);
    is_int(ai_generate_last_text(&r.doc, &r.peek, mem_pool(), 6, &last),
           AI_OK, "a string");
    is_str(last, "hi", "is its own text");
}


static void
test_dropped(void)
{
    run_t  r;

    static const char  json[] =
        RQ("\"safetySettings\":[],\"store\":true,\"what_ever\":1,"
           "\"generationConfig\":{\"mediaResolution\":\"x\",\"seed\":1}");

    mem_reset();
    is_int(run(&r, json, sizeof(json) - 1), AI_OK, "fields without a place");
    is_int(r.dropped.n, 4, "are noted");
    is_str(r.dropped.name[0], "what_ever", "unknown");
    is_str(r.dropped.name[1], "safetySettings", "safety");
    is_str(r.dropped.name[2], "store", "store");
    is_str(r.dropped.name[3], "mediaResolution", "resolution");
}


static void
test_memory(void)
{
    int            bad, tries, mode;
    run_t          r;
    size_t         n;
    ai_int_t       rc;
    const case_t  *c;

    bad = 0;
    tries = 0;

    for (mode = 0; mode < 6; mode++) {
        for (c = mode / 2 == 0 ? params : mode / 2 == 1 ? turns : errors;
             c->json; c++)
        {
            for (n = 1; n < 1000; n++) {
                mem_reset();

                if (mode & 1) {
                    mem_fail_from(n);

                } else {
                    mem_fail_at(n);
                }

                rc = run(&r, c->json, strlen(c->json));

                if (!mem_failed()) {
                    break;
                }

                tries++;

                if (rc == AI_OK) {
                    diag("allocation %zu of %s", n, c->json);
                    bad++;
                }
            }
        }
    }

    mem_reset();
    ok(tries > 500, "%d allocations failed", tries);
    is_int(bad, 0, "and each was noticed");
}


/* many calls and results of one name: no quadratic time */

static void
test_many(void)
{
    int         i, n;
    run_t       r;
    ai_buf_t    b;
    ai_str_t    s;
    ai_block_t *call, *result;

    mem_reset();
    ai_buf_init(&b, mem_pool());
    dump_cstr(&b, "{\"contents\":[{\"role\":\"model\",\"parts\":[");

    for (i = 0; i < 50000; i++) {
        dump_cstr(&b, i ? "," : "");
        dump_cstr(&b, CALL("\"name\":\"f\""));
    }

    dump_cstr(&b, "]},{\"parts\":[");

    for (i = 0; i < 50000; i++) {
        dump_cstr(&b, i ? "," : "");
        dump_cstr(&b, RES("\"name\":\"f\""));
    }

    dump_cstr(&b, "]}]}");
    s = ai_buf_str(&b);

    is_int(run(&r, (char *) s.data, s.len), AI_OK, "50000 calls");

    n = 0;
    call = r.rq.turns->blocks;
    result = r.rq.turns->next->blocks;

    while (call && result) {
        n += ai_str_eq(&call->id, &result->id);
        call = call->next;
        result = result->next;
    }

    is_int(n, 50000, "each has its result");
    mem_reset();
}


/* all strings of a body, decoded, and the body: where texts must be found */

static void
strings(ai_json_t *doc, ai_buf_t *b)
{
    uint32_t  i;
    ai_esc_t  s;

    for (i = 0; i < doc->n; i++) {
        if (doc->node[i].type == AI_JSON_STRING) {
            s = ai_json_esc(doc, i);
            ai_json_unescape(b, &s);
            ai_buf_char(b, '\1');
        }
    }

    ai_buf_add(b, doc->text, doc->len);
}


static int
contains(const ai_buf_t *b, const ai_str_t *s)
{
    return s->len == 0
           || memmem(b->start, ai_buf_len(b), s->data, s->len) != NULL;
}


/* texts, names and arguments of a request, read without the decoder */

static int
survives(const ai_json_t *doc, const ai_buf_t *b, const char *name)
{
    int       bad;
    uint32_t  i;
    ai_str_t  s;
    ai_ref_t  v;

    bad = 0;

    for (i = 0; i + 2 < doc->n; i++) {
        v = i + 1;

        if (ai_json_is(doc, i, "text")
            && ai_json_type(doc, v) == AI_JSON_STRING)
        {
            /* thoughts without a signature may go */

            if ((i >= 2 && ai_json_is(doc, i - 2, "thought"))
                || ai_json_is(doc, i + 2, "thought"))
            {
                continue;
            }

            (void) ai_json_str(doc, v, mem_pool(), &s);

        } else if (ai_json_is(doc, i, "args")
                   && ai_json_type(doc, v) == AI_JSON_OBJECT)
        {
            s = ai_json_raw(doc, v);

        } else if (ai_json_is(doc, i, "functionCall")
                   || ai_json_is(doc, i, "functionDeclarations")
                   || ai_json_is(doc, i, "function_call"))
        {
            v = ai_json_type(doc, v) == AI_JSON_ARRAY ? ai_json_first(doc, v)
                                                       : v;
            (void) ai_json_str(doc, ai_json_get(doc, v, "name"), mem_pool(),
                               &s);

        } else if (ai_json_is(doc, i, "response")
                   && ai_json_type(doc, v) == AI_JSON_OBJECT
                   && doc->node[v].count == 1
                   && ai_json_type(doc, v + 2) == AI_JSON_STRING)
        {
            (void) ai_json_str(doc, v + 2, mem_pool(), &s);

        } else {
            continue;
        }

        if (!contains(b, &s)) {
            diag("%s: lost %.*s", name, (int) ai_min(s.len, 200), s.data);
            bad++;
        }
    }

    return bad;
}


static void
test_recordings(void)
{
    char               *json, **names;
    run_t               r;
    size_t              i, n, p, len, built, refused;
    ai_int_t            rc;
    ai_buf_t            body, all;
    ai_str_t            text;
    ai_json_t           out;
    ai_error_t          err;
    ai_target_t         target;
    ai_dropped_t        dropped;

    const ai_provider_t  *providers[] = {
        &ai_provider_openai, &ai_provider_anthropic, &ai_provider_gemini
    };

    names = dir_names(TEST_DATA "/recordings/gemini", ".request.json", &n);
    built = 0;
    refused = 0;

    for (i = 0; i < n; i++) {
        mem_reset();
        json = file_read(TEST_DATA "/recordings/gemini", names[i], &len);
        rc = run(&r, json, len);

        if (rc != AI_OK) {
            diag("%s: %.*s", names[i], (int) r.err.message.len,
                 r.err.message.data);
            ok(rc == AI_ERROR && (r.err.kind == AI_ERR_UNSUPPORTED_PARAMETER
                                  || ai_str_is(&r.err.param, "contents")
                                  || ai_str_is(&r.err.param, "model")),
               "%s is refused for a reason", names[i]);
            refused++;
            free(json);
            continue;
        }

        for (p = 0; p < 3; p++) {
            memset(&target, 0, sizeof(target));
            memset(&dropped, 0, sizeof(dropped));
            memset(&err, 0, sizeof(err));

            target.provider = providers[p];
            target.model = p == 2 ? ai_lit("gemini-2.5-flash")
                                  : ai_lit("model");
            target.max_output = -1;

            ai_buf_init(&body, mem_pool());

            if (providers[p]->build(&target, &r.rq, mem_pool(), &body,
                                    &dropped, &err) != AI_OK)
            {
                diag("%s to %.*s: %.*s", names[i],
                     (int) providers[p]->name.len, providers[p]->name.data,
                     (int) err.message.len, err.message.data);
                ok(err.kind == AI_ERR_UNSUPPORTED_PARAMETER,
                   "%s cannot be built", names[i]);
                continue;
            }

            text = ai_buf_str(&body);
            ai_json_init(&out, mem_pool());
            is_int(ai_json_parse(&out, &text, NULL), AI_OK, "%s to %s",
                   names[i], (char *) providers[p]->name.data);

            ai_buf_init(&all, mem_pool());
            strings(&out, &all);
            is_int(survives(&r.doc, &all, names[i]), 0, "nothing is lost");
            built++;
        }

        free(json);
    }

    names_free(names, n);
    ok(n > 20 && built > 40, "%zu requests, %zu built, %zu refused", n, built,
       refused);
}


int
main(void)
{
    test_table(params, 1);
    test_table(turns, 0);
    test_errors();
    test_peek();
    test_dropped();
    test_memory();
    test_many();
    test_recordings();

    return done();
}
