
/*
 * Requests of the Responses API: what is looked at, what is decoded, what is
 * refused, and what providers then get.
 */

#define _GNU_SOURCE                     /* memmem() */

#include "tap.h"
#include "openai_dump.h"
#include "upstream.h"

#include <api/ai_responses_int.h>


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif


/* the request around what a case is about */
#define RQ(s)    "{\"model\":\"m\",\"input\":\"hi\"," s "}"
#define IN(s)    "{\"model\":\"m\",\"input\":[" s "]}"
#define U(s)     IN("{\"role\":\"user\",\"content\":" s "}")
#define FC(args) IN("{\"type\":\"function_call\",\"call_id\":\"c1\","         \
                    "\"name\":\"f\",\"arguments\":" args "}")
#define F(name)  "{\"type\":\"function\",\"name\":\"" name "\"}"
#define C(name)  "{\"type\":\"custom\",\"name\":\"" name "\"}"

#define ADD(s)   "{\"type\":\"additional_tools\",\"role\":\"developer\","  \
                 "\"tools\":[" s "]}"
#define CUSTOM   "schema={\"type\":\"object\",\"properties\":{\"input\":"     \
                 "{\"type\":\"string\"}},\"required\":[\"input\"],"           \
                 "\"additionalProperties\":false}"
#define CLOSED   "\"type\":\"object\",\"properties\":{\"a\":{}},"             \
                 "\"required\":[\"a\"],\"additionalProperties\":false"


typedef struct {
    const char  *json;
    const char  *want;
} case_t;


static const case_t  params[] = {

    { RQ("\"x\":null"), "m; usage=1" },
    { RQ("\"max_output_tokens\":5,\"stream\":true"),
      "m; max=5; stream=1; usage=1" },
    { RQ("\"temperature\":0.50,\"top_p\":1e0,\"parallel_tool_calls\":false,"
         "\"metadata\":{ \"k\":1},\"service_tier\":\"fl\\u0065x\""),
      "m; parallel=0; temp=0.50; top_p=1e0; meta={ \"k\":1}; "
      "tier=fl\\u0065x; usage=1" },
    { RQ("\"tools\":null,\"text\":null,\"reasoning\":null,\"include\":null,"
         "\"tool_choice\":null,\"previous_response_id\":null,"
         "\"conversation\":null,\"background\":null,\"store\":null,"
         "\"prompt\":null,\"instructions\":null,\"stream\":null,"
         "\"temperature\":null,\"max_output_tokens\":null,\"user\":null"),
      "m; usage=1" },
    { RQ("\"user\":\"u\",\"safety_identifier\":\"s\""),
      "m; user=u; usage=1" },
    { RQ("\"safety_identifier\":\"s\""), "m; user=s; usage=1" },
    { RQ("\"include\":[\"message.output_text.logprobs\"],"
         "\"top_logprobs\":3"),
      "m; logprobs=1; top_logprobs=3; usage=1" },
    { RQ("\"include\":[\"message.output_text.logprobs\"]"),
      "m; logprobs=1; usage=1" },
    { RQ("\"top_logprobs\":2"), "m; logprobs=1; top_logprobs=2; usage=1" },
    { RQ("\"top_logprobs\":0"), "m; usage=1" },
    { RQ("\"include\":[\"reasoning.encrypted_content\"]"), "m; usage=1" },

    /* output */
    { RQ("\"text\":{\"format\":{\"type\":\"text\"}}"), "m; usage=1" },
    { RQ("\"text\":{\"format\":{\"type\":\"json_object\"}}"),
      "m; output=1; usage=1" },
    { RQ("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\","
         "\"description\":\"d\",\"schema\":{ \"z\":1e1},\"strict\":true}}"),
      "m; output=2; oname=n; odesc=d; oschema={ \"z\":1e1}; ostrict=1; "
      "usage=1" },

    /* reasoning */
    { RQ("\"reasoning\":{}"), "m; usage=1" },
    { RQ("\"reasoning\":{\"effort\":\"h\\u0069gh\",\"summary\":\"auto\"}"),
      "m; effort=5; thoughts=1; usage=1" },
    { RQ("\"reasoning\":{\"effort\":null,\"summary\":\"none\"}"),
      "m; thoughts=0; usage=1" },
    { RQ("\"reasoning\":{\"generate_summary\":\"concise\"}"),
      "m; thoughts=1; usage=1" },

    /* tools: strict is the default where the schema allows it */
    { RQ("\"tools\":[{\"type\":\"function\",\"name\":\"f\","
         "\"description\":\"d\\n\",\"parameters\":{" CLOSED "}}]"),
      "m; tool f desc=d\\n schema={" CLOSED "} strict; usage=1" },
    { RQ("\"tools\":[{\"type\":\"function\",\"name\":\"f\","
         "\"parameters\":{" CLOSED "},\"strict\":false}]"),
      "m; tool f schema={" CLOSED "} loose; usage=1" },
    { RQ("\"tools\":[{\"type\":\"function\",\"name\":\"f\","
         "\"parameters\":{},\"strict\":true}]"),
      "m; tool f schema={} strict; usage=1" },
    { RQ("\"tools\":[{\"type\":\"function\",\"name\":\"f\","
         "\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{}},"
         "\"additionalProperties\":false}}]"),
      "m; tool f schema={\"type\":\"object\",\"properties\":{\"a\":{}},"
      "\"additionalProperties\":false}; usage=1" },
    { RQ("\"tools\":[{\"type\":\"function\",\"name\":\"f\","
         "\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":"
         "{\"type\":\"object\"}},\"required\":[\"a\"],"
         "\"additionalProperties\":false}}]"),
      "m; tool f schema={\"type\":\"object\",\"properties\":{\"a\":"
      "{\"type\":\"object\"}},\"required\":[\"a\"],"
      "\"additionalProperties\":false}; usage=1" },
    { RQ("\"tools\":[" F("f") "," C("c") "]"),
      "m; tool f; tool c " CUSTOM "; usage=1" },
    { RQ("\"tools\":[{\"type\":\"custom\",\"name\":\"c\",\"description\":"
         "\"d\",\"format\":{\"type\":\"grammar\",\"syntax\":\"lark\","
         "\"definition\":\"s: \\\"x\\\"\"}},{\"type\":\"custom\","
         "\"name\":\"t\",\"format\":{\"type\":\"text\"}}]"),
      "m; tool c desc=d\\n\\nThe input must match this grammar (lark):\\n"
      "s: \\\"x\\\" " CUSTOM "; tool t " CUSTOM "; usage=1" },
    { RQ("\"tools\":[{\"type\":\"web_search\"}," F("f") ","
         "{\"type\":\"web_search_preview_2025_03_11\"}],"
         "\"tool_choice\":\"auto\""),
      "m; tool f; choice=1; usage=1" },

    /* what other APIs have no word for becomes a part of the name */
    { RQ("\"tools\":[" F("a") ",{\"type\":\"namespace\",\"name\":\"n\","
         "\"description\":\"d\",\"tools\":[" F("a") "," C("c") "]}]"),
      "m; tool a; tool n__a; tool n__c " CUSTOM "; usage=1" },
    { RQ("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
         "\"tools\":[]},{\"type\":\"tool_search\",\"execution\":"
         "\"client\"}]"), "m; usage=1" },
    { RQ("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
         "\"tools\":[" F("a") "," F("b") "]}],\"tool_choice\":{\"type\":"
         "\"function\",\"name\":\"b\",\"namespace\":\"n\"}"),
      "m; tool n__a; tool n__b; choice=4; named=n__b; usage=1" },
    { RQ("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
         "\"tools\":[" F("a") "," F("b") "]}],\"tool_choice\":{\"type\":"
         "\"allowed_tools\",\"mode\":\"auto\",\"tools\":[{\"type\":"
         "\"function\",\"name\":\"b\",\"namespace\":\"n\"}]}"),
      "m; tool n__b; choice=1; usage=1" },

    /* tools among the items; of two of a name the later counts */
    { "{\"model\":\"m\",\"tools\":[" F("a") "," F("b") "],\"input\":["
      ADD("{\"type\":\"namespace\",\"name\":\"n\",\"tools\":["
          C("c") "]}") ",{\"role\":\"user\",\"content\":\"x\"},"
      ADD("{\"type\":\"function\",\"name\":\"b\",\"description\":"
          "\"new\"}," F("z")) "," ADD(F("z")) "],\"tool_choice\":"
      "\"required\"}",
      "m; tool a; tool b desc=new; tool n__c " CUSTOM "; tool z; "
      "choice=3; usage=1" },
    { IN(ADD("") ",{\"type\":\"additional_tools\"},{\"role\":\"user\","
         "\"content\":\"x\"}"), "m; usage=1" },

    { RQ("\"tool_choice\":\"none\""), "m; choice=2; usage=1" },
    { RQ("\"tools\":[" F("f") "],\"tool_choice\":\"required\""),
      "m; tool f; choice=3; usage=1" },
    { RQ("\"tools\":[" F("f") "],\"tool_choice\":{\"type\":\"function\","
         "\"name\":\"f\"}"),
      "m; tool f; choice=4; named=f; usage=1" },
    { RQ("\"tools\":[" C("c") "],\"tool_choice\":{\"type\":\"custom\","
         "\"name\":\"c\"}"),
      "m; tool c " CUSTOM "; choice=4; named=c; usage=1" },
    { RQ("\"tools\":[" F("a") "," F("b") "," C("c") "],\"tool_choice\":{"
         "\"type\":\"allowed_tools\",\"mode\":\"required\",\"tools\":["
         C("c") "," F("a") "," F("a") "]}"),
      "m; tool c " CUSTOM "; tool a; choice=3; usage=1" },

    { NULL, NULL }
};


static const case_t  turns[] = {

    { RQ("\"instructions\":\"be \\\"nice\\\"\""),
      "S[text be \\\"nice\\\"]; U[text hi]" },
    { RQ("\"instructions\":\"\""), "U[text hi]" },
    { IN("{\"type\":\"message\",\"role\":\"developer\",\"content\":\"d\"},"
         "{\"role\":\"system\",\"content\":[{\"type\":\"input_text\","
         "\"text\":\"s\"}]},{\"role\":\"user\",\"content\":\"u\"}"),
      "S[text d]; S[text s]; U[text u]" },
    { U("[]"), "U" },
    { IN(ADD(F("f")) ",{\"role\":\"user\",\"content\":\"u\"}"),
      "U[text u]" },
    { IN("{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":"
         "\"f\",\"namespace\":\"n\",\"arguments\":\"{}\"},"
         "{\"type\":\"custom_tool_call\",\"call_id\":\"c2\",\"name\":"
         "\"g\",\"namespace\":\"n\",\"input\":\"i\"},"
         "{\"type\":\"function_call\",\"call_id\":\"c3\",\"name\":"
         "\"f\",\"namespace\":null,\"arguments\":\"{}\"},"
         "{\"type\":\"function_call_output\",\"call_id\":\"c1\","
         "\"output\":\"r\"}"),
      "A[call id=c1 name=n__f args={}]"
      "[call id=c2 name=n__g args={\"input\":\"i\"}]"
      "[call id=c3 name=f args={}]; U[result id=c1 name=n__f[text r]]" },

    /* parts */
    { U("[{\"type\":\"input_text\",\"text\":\"a\"},{\"type\":\"text\","
        "\"text\":\"\"}]"), "U[text a][text ]" },
    { U("[{\"type\":\"input_text\",\"text\":\"a\",\"cache_control\":{}},"
        "{\"type\":\"input_text\",\"text\":\"b\","
        "\"prompt_cache_breakpoint\":{}}]"),
      "U[text a mark={}][text b mark={\"type\":\"ephemeral\"}]" },
    { U("[{\"type\":\"input_image\",\"image_url\":"
        "\"data:image\\/png;base64,QUI=\",\"detail\":\"low\"},"
        "{\"type\":\"input_image\",\"image_url\":\"https://x/y\"},"
        "{\"type\":\"input_image\",\"file_id\":\"file-1\","
        "\"image_url\":null}]"),
      "U[image base64 media=image/png data=QUI= detail=low]"
      "[image url data=https://x/y][image id data=file-1]" },
    { U("[{\"type\":\"input_file\",\"filename\":\"n.pdf\",\"file_data\":"
        "\"data:application/pdf;base64,QQ==\"},{\"type\":\"input_file\","
        "\"file_url\":\"http://x/y\"},{\"type\":\"input_file\","
        "\"file_id\":\"f\"}]"),
      "U[file base64 name=n.pdf media=application/pdf data=QQ==]"
      "[file url data=http://x/y][file id data=f]" },
    { U("[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ==\","
        "\"format\":\"wav\"}}]"),
      "U[audio base64 media=audio/wav data=QQ==]" },

    /* what an assistant said in a row is one turn */
    { IN("{\"role\":\"user\",\"content\":\"u\"},"
         "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":"
         "\"summary_text\",\"text\":\"why\"},{\"type\":\"summary_text\","
         "\"text\":\"\"}],\"encrypted_content\":null},"
         "{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"completed\","
         "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
         "\"text\":\"a\",\"annotations\":[]},{\"type\":\"refusal\","
         "\"refusal\":\"no\"}]},"
         "{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"c1\","
         "\"name\":\"f\",\"arguments\":\"{ \\\"n\\\": 12345678901234567890}"
         "\",\"status\":\"completed\"},"
         "{\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"g\","
         "\"arguments\":\"\"},"
         "{\"type\":\"function_call_output\",\"call_id\":\"c2\","
         "\"output\":\"r2\"},"
         "{\"type\":\"function_call_output\",\"call_id\":\"c1\","
         "\"output\":[{\"type\":\"input_text\",\"text\":\"r1\"},{\"type\":"
         "\"input_image\",\"image_url\":\"https://x\"}]},"
         "{\"role\":\"assistant\",\"content\":\"done\"},"
         "{\"role\":\"user\",\"content\":\"v\"}"),
      "U[text u]; A[think why][text a][refusal no]"
      "[call id=c1 name=f args={ \"n\": 12345678901234567890}]"
      "[call id=c2 name=g args={}]; "
      "U[result id=c2 name=g[text r2]]"
      "[result id=c1 name=f[text r1][image url data=https://x]]; "
      "A[text done]; U[text v]" },
    { IN("{\"type\":\"custom_tool_call\",\"id\":\"ctc_1\",\"call_id\":\"c\","
         "\"name\":\"patch\",\"input\":\"*** a\\n\\\"b\\\"\"},"
         "{\"type\":\"custom_tool_call_output\",\"call_id\":\"c\","
         "\"output\":\"ok\"}"),
      "A[call id=c name=patch args={\"input\":\"*** a\\n\\\"b\\\"\"}]; "
      "U[result id=c name=patch[text ok]]" },
    { IN("{\"type\":\"function_call_output\",\"call_id\":\"q\",\"output\":"
         "[]}"), "U[result id=q]" },
    { FC("null"), "A[call id=c1 name=f args={}]" },

    /* state of others is OpenAI's */
    { IN("{\"type\":\"reasoning\",\"summary\":[],\"content\":[{\"type\":"
         "\"reasoning_text\",\"text\":\"t\"}],\"encrypted_content\":"
         "\"gAAA\"}"), "A[think t][redacted data=gAAA openai]" },
    { IN("{\"type\":\"reasoning\",\"summary\":[{\"text\":\"s\"}],"
         "\"encrypted_content\":\"" AI_RESPONSES_STATE_MARK "!\"}"),
      "A[think s]" },
    { IN("{\"type\":\"reasoning\",\"summary\":[]}"), "A" },

    { NULL, NULL }
};


static const case_t  errors[] = {

    { "[]", "" },
    { "{\"model\":\"m\",\"model\":\"n\",\"input\":\"x\"}", "" },
    { "{\"input\":\"x\"}", "model" },
    { "{\"model\":\"m\",\"Input\":\"x\"}", "input" },
    { "{\"model\":\"m\"}", "input" },
    { "{\"model\":\"m\",\"input\":7}", "input" },
    { IN(""), "input" },
    { IN("1"), "input[0]" },
    { RQ("\"stream\":1"), "stream" },
    { RQ("\"max_output_tokens\":0"), "max_output_tokens" },
    { RQ("\"max_output_tokens\":1.5"), "max_output_tokens" },
    { RQ("\"temperature\":\"1\""), "temperature" },
    { RQ("\"metadata\":[]"), "metadata" },
    { RQ("\"instructions\":[]"), "instructions" },
    { RQ("\"top_logprobs\":21"), "top_logprobs" },
    { RQ("\"include\":\"x\""), "include" },
    { RQ("\"text\":1"), "text" },
    { RQ("\"text\":{\"format\":[]}"), "text.format" },
    { RQ("\"text\":{\"format\":{}}"), "text.format.type" },
    { RQ("\"text\":{\"format\":{\"type\":\"xml\"}}"), "text.format.type" },
    { RQ("\"text\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}"),
      "text.format.name" },
    { RQ("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\"}}"),
      "text.format.schema" },
    { RQ("\"reasoning\":\"high\""), "reasoning" },
    { RQ("\"reasoning\":{\"effort\":\"hi\"}"), "reasoning.effort" },
    { RQ("\"reasoning\":{\"summary\":true}"), "reasoning.summary" },

    { RQ("\"tools\":{}"), "tools" },
    { RQ("\"tools\":[{\"type\":\"namespace\"}]"), "tools[0].name" },
    { RQ("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
         "\"tools\":{}}]"), "tools[0].tools" },
    { RQ("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
         "\"tools\":[" F("f") ",{\"type\":\"function\"}]}]"),
      "tools[0].tools[1].name" },
    { RQ("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
         "\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
         "\"tools\":[]}]}]"), "tools[0].tools[0].type" },
    { IN("{\"role\":\"user\",\"content\":\"x\"},"
         ADD("{\"type\":\"function\"}")), "input[1].tools[0].name" },
    { IN("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":"
         "\"f\",\"namespace\":1}"), "input[0].namespace" },
    { RQ("\"tools\":[1]"), "tools[0]" },
    { RQ("\"tools\":[{\"name\":\"f\"}]"), "tools[0].type" },
    { RQ("\"tools\":[{\"type\":\"function\"}]"), "tools[0].name" },
    { RQ("\"tools\":[" F("a") ",{\"type\":\"function\",\"name\":\"f\","
         "\"parameters\":[]}]"), "tools[1].parameters" },
    { RQ("\"tools\":[{\"type\":\"custom\",\"name\":\"c\",\"format\":"
         "{\"type\":\"grammar\"}}]"), "tools[0].format.syntax" },
    { RQ("\"tool_choice\":1"), "tool_choice" },
    { RQ("\"tool_choice\":\"any\""), "tool_choice" },
    { RQ("\"tool_choice\":\"required\""), "tool_choice" },
    { RQ("\"tools\":[{\"type\":\"web_search\"}],"
         "\"tool_choice\":\"required\""), "tool_choice" },
    { RQ("\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}"),
      "tool_choice.name" },
    { RQ("\"tool_choice\":{\"type\":\"function\"}"), "tool_choice.name" },
    { RQ("\"tools\":[" F("a") "],\"tool_choice\":{\"type\":"
         "\"allowed_tools\",\"mode\":\"auto\",\"tools\":[" F("b") "]}"),
      "tool_choice.tools[0].name" },
    { RQ("\"tools\":[" F("a") "],\"tool_choice\":{\"type\":"
         "\"allowed_tools\",\"mode\":\"auto\",\"tools\":[]}"),
      "tool_choice.tools" },

    { IN("{\"role\":\"tool\",\"content\":\"x\"}"), "input[0].role" },
    { IN("{\"role\":\"user\"}"), "input[0].content" },
    { IN("{\"type\":7}"), "input[0].type" },
    { U("7"), "input[0].content" },
    { U("[{\"text\":\"x\"}]"), "input[0].content[0].type" },
    { U("[{\"type\":\"refusal\",\"refusal\":\"x\"}]"),
      "input[0].content[0].type" },
    { U("[{\"type\":\"input_text\"}]"), "input[0].content[0].text" },
    { U("[{\"type\":\"input_text\",\"text\":\"x\"},{\"type\":"
        "\"input_image\"}]"), "input[0].content[1].image_url" },
    { U("[{\"type\":\"input_image\",\"image_url\":\"x\"}]"),
      "input[0].content[0].image_url" },
    { U("[{\"type\":\"input_image\",\"image_url\":"
        "\"data:text/plain;base64,QQ==\"}]"),
      "input[0].content[0].image_url" },
    { U("[{\"type\":\"input_file\"}]"), "input[0].content[0].file_data" },
    { U("[{\"type\":\"input_audio\"}]"),
      "input[0].content[0].input_audio" },
    { FC("\"[1]\""), "input[0].arguments" },
    { FC("\"{\""), "input[0].arguments" },
    { FC("{}"), "input[0].arguments" },
    { IN("{\"type\":\"function_call\",\"name\":\"f\"}"),
      "input[0].call_id" },
    { IN("{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"f\"}"),
      "input[0].input" },
    { IN("{\"type\":\"function_call_output\",\"call_id\":\"c\"}"),
      "input[0].output" },
    { IN("{\"type\":\"reasoning\",\"summary\":\"x\"}"), "input[0].summary" },
    { IN("{\"type\":\"reasoning\",\"encrypted_content\":1}"),
      "input[0].encrypted_content" },

    { NULL, NULL }
};


static const case_t  refused[] = {

    { RQ("\"previous_response_id\":\"resp_1\""), "previous_response_id" },
    { RQ("\"conversation\":\"conv_1\""), "conversation" },
    { RQ("\"prompt\":{\"id\":\"p\"}"), "prompt" },
    { RQ("\"background\":true"), "background" },
    { RQ("\"tools\":[{\"type\":\"file_search\"}]"), "tools[0].type" },
    { RQ("\"tools\":[" F("f") ",{\"type\":\"mcp\"}]"), "tools[1].type" },
    { IN(ADD("{\"type\":\"mcp\"}")), "input[0].tools[0].type" },
    { RQ("\"tools\":[{\"type\":\"web_search\"}],\"tool_choice\":"
         "{\"type\":\"web_search\"}"), "tool_choice.type" },
    { RQ("\"tools\":[" F("f") "],\"tool_choice\":{\"type\":"
         "\"allowed_tools\",\"mode\":\"auto\",\"tools\":[{\"type\":"
         "\"web_search\"}]}"), "tool_choice.tools[0].type" },
    { IN("{\"type\":\"item_reference\",\"id\":\"rs_1\"}"), "input[0]" },
    { IN("{\"id\":\"rs_1\"}"), "input[0]" },
    { IN("{\"type\":\"local_shell_call\"}"), "input[0].type" },
    { IN("{\"role\":\"user\",\"content\":\"x\"},"
         "{\"type\":\"computer_call_output\"}"), "input[1].type" },

    { NULL, NULL }
};


/* recordings that use what is refused by design: a file and the param */

static const case_t  by_design[] = {

    { "background_mode_streaming_without_starting_after_vcr.request.json",
      "background" },
    { "background_mode_with_tool_vcr.request.json", "background" },
    { "openai_responses_compact_with_auto_previous_response_id_chain-4"
      ".request.json", "previous_response_id" },
    { "openai_responses_model_mcp_server_tool-1.request.json",
      "tools[0].type" },

    { NULL, NULL }
};


static ai_int_t
decode(const ai_str_t *text, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_peek_t   peek;
    ai_json_t  *doc;

    memset(dropped, 0, sizeof(ai_dropped_t));
    memset(err, 0, sizeof(ai_error_t));

    doc = ai_palloc(mem_pool(), sizeof(ai_json_t));
    if (doc == NULL) {
        ai_error_set(err, AI_ERR_SERVER, "");
        return AI_ERROR;
    }

    ai_json_init(doc, mem_pool());

    if (ai_json_parse(doc, text, NULL) != AI_OK) {
        ai_error_set(err, doc->error == AI_JSON_E_MEMORY ? AI_ERR_SERVER
                                                         : AI_ERR_BAD_JSON,
                     ai_json_strerror(doc->error));
        return AI_ERROR;
    }

    if (ai_dialect_responses.peek(doc, mem_pool(), &peek, err) != AI_OK) {
        return AI_ERROR;
    }

    return ai_dialect_responses.decode(doc, &peek, mem_pool(), rq, dropped,
                                       err);
}


static void
test_dumps(const case_t *c, void (*dump)(ai_buf_t *b, const ai_request_t *rq))
{
    ai_buf_t      b;
    ai_int_t      rc;
    ai_str_t      text, got;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    for (/* void */; c->json; c++) {
        mem_reset();

        text = guard_str(c->json, strlen(c->json));
        rc = decode(&text, &rq, &dropped, &err);

        if (rc != AI_OK) {
            ok(0, "decoded: %s", c->json);
            diag("%.*s", (int) err.message.len, err.message.data);
            continue;
        }

        ai_buf_init(&b, mem_pool());
        dump(&b, &rq);
        got = ai_buf_str(&b);
        is_str(got, c->want, "%s", c->json);
        guard_free();
    }
}


static void
test_errors(const case_t *c, ai_error_e kind)
{
    ai_str_t      text;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    for (/* void */; c->json; c++) {
        mem_reset();

        text = guard_str(c->json, strlen(c->json));

        if (!is_int(decode(&text, &rq, &dropped, &err), AI_ERROR,
                    "refused: %s", c->json))
        {
            continue;
        }

        is_str(err.param, c->want, "param of %s", c->json);
        is_int(ai_error_status(&err), 400, "status");
        ok(err.message.len > 0, "message");

        if (kind != AI_ERR_NONE) {
            is_int(err.kind, kind, "kind");

        } else {
            ok(err.kind != AI_ERR_SERVER
               && err.kind != AI_ERR_UNSUPPORTED_PARAMETER, "kind");
        }

        guard_free();
    }
}


static void
test_dropped(void)
{
    uint32_t      i;
    ai_buf_t      b;
    ai_str_t      text, got;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    mem_reset();

    text = ai_lit(RQ("\"store\":true,\"truncation\":\"auto\","
                     "\"text\":{\"verbosity\":\"low\"},"
                     "\"tools\":[{\"type\":\"web_search\"},"
                     "{\"type\":\"web_search_preview\"}],"
                     "\"include\":[\"web_search_call.action.sources\"],"
                     "\"max_tool_calls\":1,\"prompt_cache_key\":\"k\","
                     "\"client_metadata\":{},\"background\":false,"
                     "\"stream_options\":{\"include_obfuscation\":false}"));

    is_int(decode(&text, &rq, &dropped, &err), AI_OK, "decoded");

    ai_buf_init(&b, mem_pool());

    for (i = 0; i < dropped.n; i++) {
        ai_buf_cat(&b, &dropped.name[i]);
        ai_buf_char(&b, ' ');
    }

    got = ai_buf_str(&b);
    is_str(got, "store truncation text.verbosity include max_tool_calls "
                "prompt_cache_key client_metadata tools.web_search ",
           "dropped");
    ok(rq.tools == NULL, "no tools");

    text = ai_lit(RQ("\"store\":false,\"truncation\":\"disabled\""));
    is_int(decode(&text, &rq, &dropped, &err), AI_OK, "decoded");
    is_int(dropped.n, 0, "what happens anyway is not named");

    text = ai_lit(RQ("\"tools\":[" F("f") "," C("c") "]"));
    is_int(decode(&text, &rq, &dropped, &err), AI_OK, "decoded");
    ok(!rq.tools->custom && rq.tools->next->custom, "custom");

    text = ai_lit(RQ("\"tools\":[" F("f") ",{\"type\":\"namespace\","
                     "\"name\":\"n\",\"tools\":[" F("f") "]},"
                     "{\"type\":\"tool_search\"}]"));
    is_int(decode(&text, &rq, &dropped, &err), AI_OK, "decoded");
    is_int(rq.tools->space.len, 0, "no namespace");
    is_str(rq.tools->next->space, "n", "a namespace");
    is_int(dropped.n, 1, "one thing was dropped");
    is_str(dropped.name[0], "tools.tool_search", "the search for tools");
}


static void
test_peek(void)
{
    ai_str_t    text, last;
    ai_json_t   doc;
    ai_error_t  err;
    ai_peek_t   peek;

    mem_reset();
    ai_json_init(&doc, mem_pool());
    memset(&err, 0, sizeof(ai_error_t));

    text = ai_lit("{\"model\":\"gpt\",\"str\\u0065am\":true,"
                  "\"stream_options\":{},\"max_output_tokens\":9,"
                  "\"metadata\":{},\"user\":\"u\\u0041\","
                  "\"temperature\":0.0,\"prompt_cache_key\":\"k\","
                  "\"include\":[\"message.output_text.logprobs\"],"
                  "\"previous_response_id\":\"resp_1\",\"tools\":[1,2],"
                  "\"input\":[{\"role\":\"user\",\"content\":\"old\"},"
                  "{\"type\":\"message\",\"role\":\"user\",\"content\":"
                  "[{\"type\":\"input_text\",\"text\":\"a\\u00e9\"},"
                  "{\"type\":\"input_image\"},{\"type\":\"input_text\","
                  "\"text\":\"\\ud83d\\ude00z\"}]},"
                  "{\"role\":\"assistant\",\"content\":\"no\"}]}");

    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "parsed");
    is_int(ai_responses_peek(&doc, mem_pool(), &peek, &err), AI_OK, "peek");
    is_str(peek.model, "gpt", "model");
    is_str(peek.user, "uA", "user");
    is_str(peek.cache_key, "k", "cache key");
    is_str(peek.temperature, "0.0", "temperature");
    is_int(peek.max_output, 9, "limit");
    is_int(peek.n, -1, "n");
    is_int(peek.messages, 3, "items");
    is_int(peek.tools, 2, "tools");
    ok(peek.stream && peek.include_usage && peek.images && peek.logprobs,
       "flags");
    is_int(ai_json_bool(&doc, peek.stream_ref), 1, "stream_ref");
    is_int(ai_json_type(&doc, peek.stream_options_ref), AI_JSON_OBJECT,
           "stream_options_ref");
    is_int(peek.include_usage_ref, AI_JSON_NONE, "usage_ref");
    ok(ai_json_is(&doc, peek.model_ref, "gpt"), "model_ref");
    is_int(ai_json_type(&doc, peek.metadata_ref), AI_JSON_OBJECT, "metadata");
    is_int(ai_json_type(&doc, peek.messages_ref), AI_JSON_ARRAY, "input");
    is_int(ai_json_type(&doc, peek.max_tokens_ref), AI_JSON_NUMBER, "limit");

    is_int(ai_responses_last_text(&doc, &peek, mem_pool(), 100, &last), AI_OK,
           "last text");
    is_str(last, "a\xc3\xa9\n\xf0\x9f\x98\x80z", "its text");
    ai_responses_last_text(&doc, &peek, mem_pool(), 7, &last);
    is_str(last, "a\xc3\xa9\n", "no sequence is cut");
    ai_responses_last_text(&doc, &peek, mem_pool(), 2, &last);
    is_str(last, "a", "short");

    text = ai_lit("{\"model\":\"m\",\"input\":\"h\\u00e9llo\"}");
    ai_json_parse(&doc, &text, NULL);
    is_int(ai_responses_peek(&doc, mem_pool(), &peek, &err), AI_OK, "peek");
    is_int(peek.messages, 1, "a string is one");
    is_int(peek.max_output, -1, "no limit");
    ok(!peek.stream && !peek.images && !peek.logprobs, "flags");
    is_int(ai_responses_last_text(&doc, &peek, mem_pool(), 3, &last), AI_OK,
           "last text");
    is_str(last, "h\xc3\xa9", "of a string");

    text = ai_lit("{\"model\":\"m\",\"previous_response_id\":\"r\"}");
    ai_json_parse(&doc, &text, NULL);
    is_int(ai_responses_peek(&doc, mem_pool(), &peek, &err), AI_OK,
           "no input");
    is_int(ai_responses_last_text(&doc, &peek, mem_pool(), 3, &last),
           AI_DECLINED, "no text");

    text = ai_lit("{\"model\":\"m\",\"input\":[{\"role\":\"system\"}]}");
    ai_json_parse(&doc, &text, NULL);
    ai_responses_peek(&doc, mem_pool(), &peek, &err);
    is_int(ai_responses_last_text(&doc, &peek, mem_pool(), 3, &last),
           AI_DECLINED, "no user");
}


/* what was written as state is read again, also from a client that escapes
 * slashes, and damaged state is no state */

static void
test_state(void)
{
    size_t                i, n;
    int                   bad;
    ai_buf_t              b, scratch;
    ai_str_t              s, cut;
    ai_ref_t              list;
    ai_json_t             doc;
    ai_responses_state_t  st, got;
    char                  text[64];

    memset(&st, 0, sizeof(st));
    st.kind = AI_BLOCK_THINKING;
    st.family = AI_FAMILY_ANTHROPIC;
    st.opaque = ai_lit("S/+=");

    for (n = 1; n < 40; n++) {
        mem_reset();
        ai_buf_init(&b, mem_pool());
        ai_buf_init(&scratch, mem_pool());
        ai_json_init(&doc, mem_pool());

        memset(text, '?' + (int) n % 7, n);
        st.text.data = (ai_char_t *) text;
        st.text.len = n;

        ai_responses_state_write(&b, &scratch, &st);
        s = ai_buf_str(&b);

        ok(ai_responses_state_ours(&s) && s.len % 4 == 0, "ours, %zu", n);

        if (is_int(ai_responses_state_read(&s, &doc, &list), AI_OK, "read")
            && is_int(ai_responses_state_get(&doc, ai_json_first(&doc, list),
                                             &got), AI_OK, "got"))
        {
            ok(got.kind == st.kind && got.family == st.family
               && ai_str_eq(&got.text, &st.text)
               && ai_str_eq(&got.opaque, &st.opaque), "the same");
        }
    }

    bad = 0;

    for (i = 0; i < s.len; i++) {
        cut = guard_str(s.data, i);
        bad += ai_responses_state_read(&cut, &doc, &list) == AI_ERROR;
        guard_free();
    }

    is_int(bad, 0, "cut anywhere");

    cut = ai_lit("eyJhaV9ibG9ja3MiOltdfQ==");
    is_int(ai_responses_state_read(&cut, &doc, &list), AI_OK, "empty list");
    cut = ai_lit("eyJhaV9ibG9ja3MiOjd9");
    is_int(ai_responses_state_read(&cut, &doc, &list), AI_DECLINED, "no list");
    mem_reset();
}


/* every n-th allocation of every good case fails, once and for ever */

static void
test_memory(const case_t *c)
{
    int           bad, tries, mode;
    size_t        n;
    ai_int_t      rc;
    ai_str_t      text;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    bad = 0;
    tries = 0;

    for (/* void */; c->json; c++) {
        for (mode = 0; mode < 2; mode++) {
            for (n = 1; n < 1000; n++) {
                mem_reset();

                if (mode) {
                    mem_fail_from(n);

                } else {
                    mem_fail_at(n);
                }

                text.data = (ai_char_t *) c->json;
                text.len = strlen(c->json);

                rc = decode(&text, &rq, &dropped, &err);

                if (!mem_failed()) {
                    break;
                }

                tries++;

                if (rc != AI_ERROR || err.kind != AI_ERR_SERVER) {
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


/* no allocation failure may turn an error into a success either */

static void
test_memory_errors(const case_t *c)
{
    int           bad;
    size_t        n;
    ai_str_t      text;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    bad = 0;

    for (/* void */; c->json; c++) {
        for (n = 1; n < 1000; n++) {
            mem_reset();
            mem_fail_at(n);

            text.data = (ai_char_t *) c->json;
            text.len = strlen(c->json);

            if (decode(&text, &rq, &dropped, &err) != AI_ERROR) {
                bad++;
            }

            if (!mem_failed()) {
                break;
            }
        }
    }

    mem_reset();
    is_int(bad, 0, "an error stays an error without memory");
}


static const char *
designed(const char *name)
{
    const case_t  *c;

    for (c = by_design; c->json; c++) {
        if (strcmp(c->json, name) == 0) {
            return c->want;
        }
    }

    return NULL;
}


/* does the body hold these bytes? */

static int
holds(const ai_buf_t *body, const ai_str_t *what)
{
    return what->len == 0
           || memmem(body->start, ai_buf_len(body), what->data, what->len)
              != NULL;
}


/* texts, calls and results of a request are in what a provider gets */

static int
survives(const ai_request_t *rq, const ai_buf_t *body)
{
    int                lost;
    const ai_turn_t   *turn;
    const ai_block_t  *b;

    lost = 0;

    for (turn = rq->turns; turn; turn = turn->next) {
        for (b = turn->blocks; b; b = b->next) {

            if (b->kind == AI_BLOCK_TEXT) {
                lost += !holds(body, &b->text);
            }

            if (b->kind == AI_BLOCK_TOOL_CALL) {
                lost += !holds(body, &b->name);
            }

            if (b->kind == AI_BLOCK_TOOL_RESULT && b->content) {
                lost += !holds(body, &b->content->text);
            }
        }
    }

    return lost;
}


static void
test_recordings(void)
{
    char           **names, *data;
    size_t           i, k, n, len, refusals, built;
    ai_int_t         rc;
    ai_buf_t         body;
    ai_str_t         text;
    ai_json_t        doc;
    ai_error_t       err;
    const char      *param;
    ai_target_t      target;
    ai_request_t     rq;
    ai_dropped_t     dropped;

    static const ai_provider_t *const  providers[] = {
        &ai_provider_openai, &ai_provider_anthropic, &ai_provider_gemini
    };

    names = dir_names(TEST_DATA "/recordings/responses", ".request.json", &n);
    refusals = 0;
    built = 0;

    for (i = 0; i < n; i++) {
        mem_reset();
        data = file_read(TEST_DATA "/recordings/responses", names[i], &len);

        text = guard_str(data, len);
        free(data);

        rc = decode(&text, &rq, &dropped, &err);
        param = designed(names[i]);

        if (param) {
            refusals++;
            is_int(rc, AI_ERROR, "%s", names[i]);
            is_str(err.param, param, "%s", names[i]);
            is_int(ai_error_status(&err), 400, "%s", names[i]);
            guard_free();
            continue;
        }

        if (!is_int(rc, AI_OK, "%s", names[i])) {
            diag("%.*s", (int) err.message.len, err.message.data);
            guard_free();
            continue;
        }

        for (k = 0; k < 3; k++) {
            memset(&target, 0, sizeof(ai_target_t));
            target.provider = providers[k];
            target.model = ai_lit("m");
            target.max_output = -1;

            ai_buf_init(&body, mem_pool());
            ai_json_init(&doc, mem_pool());

            rc = providers[k]->build(&target, &rq, mem_pool(), &body,
                                     &dropped, &err);

            if (rc != AI_OK) {
                is_int(err.kind, AI_ERR_UNSUPPORTED_PARAMETER,
                       "%s: provider %zu refuses", names[i], k);
                continue;
            }

            built++;
            text = ai_buf_str(&body);

            is_int(ai_json_parse(&doc, &text, NULL), AI_OK,
                   "%s: JSON for provider %zu", names[i], k);
            is_int(survives(&rq, &body), 0, "%s: all of it", names[i]);
        }

        guard_free();
    }

    names_free(names, n);
    mem_reset();

    ok(n >= 18, "%zu recorded requests", n);
    ok(built >= 30, "%zu bodies", built);
    is_int(refusals, sizeof(by_design) / sizeof(by_design[0]) - 1,
           "all refused");
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
    dump_cstr(&b, "{\"model\":\"m\",\"input\":[");

    for (i = 0; i < 10000; i++) {
        dump_cstr(&b, "{\"type\":\"function_call\",\"name\":\"f\","
                      "\"call_id\":\"c");
        ai_buf_int(&b, i);
        dump_cstr(&b, "\"},{\"type\":\"function_call_output\",\"call_id\":"
                      "\"c");
        ai_buf_int(&b, i);
        dump_cstr(&b, "\",\"output\":\"x\"},");
    }

    dump_cstr(&b, "{\"role\":\"user\",\"content\":\"x\"}]}");
    text = ai_buf_str(&b);

    is_int(decode(&text, &rq, &dropped, &err), AI_OK, "20001 items");
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
    test_state();
    test_memory(params);
    test_memory(turns);
    test_memory_errors(errors);
    test_recordings();
    test_large();

    return done();
}
