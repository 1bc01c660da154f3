
/*
 * OpenAI requests: what is looked at, what is decoded, and what is refused.
 */

#include <dirent.h>

#include "tap.h"
#include "openai_dump.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif


/* the request around what a case is about */
#define MSG      "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define RQ(s)    "{\"model\":\"m\"," MSG "," s "}"
#define MS(s)    "{\"model\":\"m\",\"messages\":[" s "]}"
#define U(s)     MS("{\"role\":\"user\",\"content\":" s "}")
#define AS(s)    MS("{\"role\":\"assistant\"," s "}")
#define F(name)  "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
#define TC(args) AS("\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","  \
                    "\"function\":{\"name\":\"f\",\"arguments\":" args "}}]")


typedef struct {
    const char  *json;
    const char  *want;
} case_t;


static const case_t  params[] = {

    { RQ("\"x\":null"), "m" },
    { RQ("\"max_tokens\":5"), "m; max=5" },
    { RQ("\"max_completion_tokens\":1e2"), "m; max=100" },
    { RQ("\"max_completion_tokens\":7,\"max_tokens\":7"), "m; max=7" },
    { RQ("\"max_tokens\":null,\"n\":null,\"stream\":null,\"stop\":null,"
         "\"tools\":null,\"response_format\":null,\"temperature\":null,"
         "\"stream_options\":null,\"user\":null,\"metadata\":null,"
         "\"logit_bias\":null,\"tool_choice\":null,\"audio\":null"), "m" },
    { RQ("\"temperature\":0.50,\"top_p\":1e0,\"top_k\":40,\"seed\":-9,"
         "\"presence_penalty\":-2,\"frequency_penalty\":2.0"),
      "m; temp=0.50; top_p=1e0; top_k=40; seed=-9; pres=-2; freq=2.0" },
    { RQ("\"logit_bias\":{ \"50256\": -100 },\"logprobs\":true,"
         "\"top_logprobs\":3"),
      "m; bias={ \"50256\": -100 }; logprobs=1; top_logprobs=3" },
    { RQ("\"stop\":\"a\\n\""), "m; stop=a\\n" },
    { RQ("\"stop\":[\"a\",\"\"]"), "m; stop=a; stop=" },
    { RQ("\"stop\":[]"), "m" },
    { RQ("\"safety_identifier\":\"s\",\"user\":\"u\""), "m; user=u" },
    { RQ("\"user\":\"u\",\"safety_identifier\":\"s\""), "m; user=u" },
    { RQ("\"safety_identifier\":\"s\""), "m; user=s" },
    { RQ("\"metadata\":{\"k\":\"v\"},\"service_tier\":\"flex\",\"n\":2"),
      "m; n=2; meta={\"k\":\"v\"}; tier=flex" },
    { RQ("\"stream\":true,\"stream_options\":{\"include_usage\":true}"),
      "m; stream=1; usage=1" },
    { RQ("\"stream\":false,\"stream_options\":{\"include_usage\":null}"),
      "m" },
    { RQ("\"reasoning_effort\":\"none\""), "m; effort=1" },
    { RQ("\"reasoning_effort\":\"xhigh\""), "m; effort=6" },
    { RQ("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}"),
      "m; budget=2000" },
    { RQ("\"thinking\":{\"type\":\"enabled\"}"), "m; effort=4" },
    { RQ("\"thinking\":{\"type\":\"adaptive\"},\"reasoning_effort\":\"low\""),
      "m; effort=3" },
    { RQ("\"thinking\":{\"type\":\"disabled\"}"), "m; budget=0" },
    { RQ("\"reasoning\":{\"effort\":\"high\",\"exclude\":true}"),
      "m; effort=5; thoughts=0" },
    { RQ("\"reasoning\":{\"max_tokens\":99}"), "m; budget=99" },
    { RQ("\"reasoning\":{\"enabled\":false}"), "m; budget=0" },
    { RQ("\"response_format\":{\"type\":\"text\"}"), "m" },
    { RQ("\"response_format\":{\"type\":\"json_object\"}"), "m; output=1" },
    { RQ("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
         "{\"name\":\"n\",\"description\":\"d\",\"schema\":{\"b\":1,\"a\":1.0}"
         ",\"strict\":true}}"),
      "m; output=2; oname=n; odesc=d; oschema={\"b\":1,\"a\":1.0}; "
      "ostrict=1" },
    { RQ("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
         "{\"name\":\"n\"}}"), "m; output=2; oname=n; oschema={}" },
    { RQ("\"tools\":[{\"type\":\"function\",\"cache_control\":{\"type\":"
         "\"ephemeral\"},\"function\":{\"name\":\"f\",\"description\":"
         "\"d\\u00e9\",\"parameters\":{ },\"strict\":false}}," F("g") "]"),
      "m; tool f desc=d\\u00e9 schema={ } mark={\"type\":\"ephemeral\"} loose"
      "; tool g" },
    { RQ("\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":null,"
         "\"strict\":null,\"description\":null}}]"), "m; tool f" },
    { RQ("\"tools\":[]"), "m" },
    { RQ("\"tools\":[" F("f") "],\"tool_choice\":\"required\","
         "\"parallel_tool_calls\":false"),
      "m; tool f; choice=3; parallel=0" },
    { RQ("\"tools\":[" F("f") "],\"tool_choice\":\"auto\""),
      "m; tool f; choice=1" },
    { RQ("\"tool_choice\":\"none\""), "m; choice=2" },
    { RQ("\"tool_choice\":" F("\\u0066") ",\"tools\":[" F("f") "]"),
      "m; tool f; choice=4; named=f" },
    { RQ("\"tools\":[" F("a") "," F("b") "," F("c") "],\"tool_choice\":"
         "{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\","
         "\"tools\":[" F("c") "," F("a") "," F("c") "]}}"),
      "m; tool c; tool a; choice=1" },
    { RQ("\"functions\":[{\"name\":\"f\",\"parameters\":{}}],"
         "\"function_call\":{\"name\":\"f\"}"),
      "m; tool f schema={}; choice=4; named=f; functions=1" },
    { RQ("\"functions\":[{\"name\":\"f\"}],\"function_call\":\"auto\""),
      "m; tool f; choice=1; functions=1" },
    { "{\"mod\\u0065l\":\"a\\u0062\"," MSG "}", "ab" },

    { NULL, NULL }
};


static const case_t  turns[] = {

    { U("\"\""), "U[text ]" },
    { MS("{\"role\":\"system\",\"content\":\"s\"},"
         "{\"role\":\"developer\",\"content\":[{\"type\":\"text\","
         "\"text\":\"d\\u0000\"}],\"name\":\"x\"},"
         "{\"role\":\"user\",\"content\":\"u\",\"name\":\"bob\"}"),
      "S[text s]; S name=x[text d\\u0000]; U name=bob[text u]" },
    { U("[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"t\":1}},"
        "{\"text\":\"b\",\"type\":\"text\",\"prompt_cache_breakpoint\":"
        "{\"mode\":\"explicit\"}}]"),
      "U[text a mark={\"t\":1}][text b mark={\"type\":\"ephemeral\"}]" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:image/png;base64,QUJD\",\"detail\":\"low\"}}]"),
      "U[image base64 media=image/png data=QUJD detail=low]" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"DATA:image\\/png;charset=x;BASE64,QU\\/D\\n=\"}}]"),
      "U[image base64 media=image/png data=QU/D=]" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"https://e.org/a.png?x=\\\"\"}}]"),
      "U[image url data=https://e.org/a.png?x=\\\"]" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:application/pdf;base64,QQ==\"}}]"),
      "U[file base64 media=application/pdf data=QQ==]" },
    { U("[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ==\","
        "\"format\":\"wav\"}}]"),
      "U[audio base64 media=audio/wav data=QQ==]" },
    { U("[{\"type\":\"file\",\"file\":{\"file_data\":"
        "\"data:application/pdf;base64,QQ==\",\"filename\":\"a.pdf\"}}]"),
      "U[file base64 name=a.pdf media=application/pdf data=QQ==]" },
    { U("[{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}]"),
      "U[file id data=file-1]" },
    { U("[{\"type\":\"file\",\"file\":{\"file_data\":\"https://e.org/\"}}]"),
      "U[file url data=https://e.org/]" },
    { AS("\"content\":\"a\",\"name\":\"n\""), "A name=n[text a]" },
    { AS("\"content\":\"\""), "A[text ]" },
    { AS("\"content\":null,\"refusal\":\"no\""), "A[refusal no]" },
    { AS("\"content\":[{\"type\":\"text\",\"text\":\"t\"},"
         "{\"type\":\"refusal\",\"refusal\":\"r\"}]"),
      "A[text t][refusal r]" },
    { AS("\"content\":null,\"audio\":null"), "A" },

    /* arguments: as the sender spelled them */
    { TC("\"{ \\\"b\\\": 12345678901234567890.10, \\\"a\\\": \\\"\\\\u00e9"
         "\\\"}\""),
      "A[call id=c1 name=f args={ \"b\": 12345678901234567890.10, \"a\": "
      "\"\\u00e9\"}]" },
    { TC("\"\""), "A[call id=c1 name=f args={}]" },
    { TC("\" \\n{} \""), "A[call id=c1 name=f args={}]" },
    { TC("null"), "A[call id=c1 name=f args={}]" },
    { AS("\"content\":\"\",\"tool_calls\":[{\"id\":\"c\",\"function\":"
         "{\"name\":\"f\"},\"extra_content\":{\"google\":"
         "{\"thought_signature\":\"SIG\"}}}]"),
      "A[call id=c name=f args={} sig=SIG gemini]" },
    { AS("\"content\":\"t\",\"extra_content\":{\"google\":"
         "{\"thought_signature\":\"SIG\"}}"), "A[text t sig=SIG gemini]" },

    /* results */
    { MS("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\","
         "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
         "{\"id\":\"c2\",\"function\":{\"name\":\"g\"}}]},"
         "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"2\"},"
         "{\"role\":\"tool\",\"tool_call_id\":\"c\\u0031\",\"content\":"
         "[{\"type\":\"text\",\"text\":\"1\"}]},"
         "{\"role\":\"user\",\"content\":\"u\"},"
         "{\"role\":\"tool\",\"tool_call_id\":\"x\",\"content\":\"\"}"),
      "A[call id=c1 name=f args={}][call id=c2 name=g args={}]; "
      "U[result id=c2 name=g[text 2]][result id=c1 name=f[text 1]]; "
      "U[text u]; U[result id=x[text ]]" },
    { MS("{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\","
         "\"arguments\":\"{\\\"a\\\":1}\"}},"
         "{\"role\":\"function\",\"name\":\"f\",\"content\":\"r\"},"
         "{\"role\":\"function\",\"name\":\"f\",\"content\":\"s\"}"),
      "A[call id=call_function_0 name=f args={\"a\":1}]; "
      "U[result id=call_function_0 name=f[text r]]"
      "[result id=call_function_1 name=f[text s]]" },
    { MS("{\"role\":\"tool\",\"tool_call_id\":\"c\",\"cache_control\":{},"
         "\"content\":null}"), "U[result id=c mark={}]" },
    { MS("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
         "{\"type\":\"text\",\"text\":\"b\"}],\"cache_control\":{\"x\":1}}"),
      "U[text a][text b mark={\"x\":1}]" },

    /* thinking, and who owns it */
    { AS("\"content\":\"a\",\"reasoning_content\":\"r\""),
      "A[think r][text a]" },
    { AS("\"content\":\"a\",\"reasoning\":\"r\",\"reasoning_details\":[]"),
      "A[think r][text a]" },
    { AS("\"content\":\"a\",\"reasoning_content\":\"r\",\"thinking_blocks\":["
         "{\"type\":\"thinking\",\"thinking\":\"r\",\"signature\":\"S\"},"
         "{\"type\":\"redacted_thinking\",\"data\":\"D\"},"
         "{\"type\":\"thinking\",\"thinking\":\"s\"}]"),
      "A[think r sig=S anthropic][redacted data=D anthropic][think s]"
      "[text a]" },
    { AS("\"content\":\"a\",\"thinking_blocks\":["
         "{\"type\":\"thinking\",\"thinking\":\"r\",\"signature\":"
         "\"gemini:S\"},{\"type\":\"redacted_thinking\",\"data\":"
         "\"openai:D\"}]"),
      "A[think r sig=S gemini][redacted data=D openai][text a]" },
    { AS("\"content\":\"a\",\"reasoning_content\":\"r\",\"thinking_blocks\":["
         "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"S\"}]"),
      "A[think r sig=S anthropic][text a]" },
    { AS("\"content\":\"a\",\"thinking_blocks\":["
         "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"S\"}]"),
      "A[think  sig=S anthropic][text a]" },
    { AS("\"content\":\"a\",\"reasoning_content\":\"r\",\"thinking_blocks\":["
         "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"S\"},"
         "{\"type\":\"redacted_thinking\",\"data\":\"D\"},"
         "{\"type\":\"thinking\",\"signature\":\"T\"}]"),
      "A[think r][redacted data=D anthropic][text a]" },
    { AS("\"content\":\"a\",\"reasoning_details\":["
         "{\"type\":\"reasoning.text\",\"text\":\"r\",\"signature\":\"S\","
         "\"format\":\"anthropic-claude-v1\",\"index\":0},"
         "{\"type\":\"reasoning.encrypted\",\"data\":\"D\",\"format\":"
         "\"openai-responses-v1\"},"
         "{\"type\":\"reasoning.summary\",\"summary\":\"s\"},"
         "{\"type\":\"reasoning.encrypted\",\"data\":\"E\",\"format\":"
         "\"google-gemini-v1\"},{\"type\":\"reasoning.new\"}]"),
      "A[think r sig=S anthropic][redacted data=D openai][think s]"
      "[redacted data=E gemini][text a]" },

    { NULL, NULL }
};


/* want is the param; behind a blank, what the message holds */

static const case_t  errors[] = {

    { "[]", "" },
    { "\"x\"", "" },
    { "{}", "model" },
    { "{\"model\":null," MSG "}", "model" },
    { "{\"model\":1," MSG "}", "model" },
    { "{\"model\":\"\"," MSG "}", "model" },
    { "{\"model\":\"a\\n\"," MSG "}", "model" },
    { "{\"model\":\"a\\u0000\"," MSG "}", "model" },
    { "{\"model\":\"a\\ud800\"," MSG "}", "model" },
    { "{\"model\":\"a\\u0085\"," MSG "}", "model" },
    { "{\"model\":\"m\"}", "messages" },
    { "{\"model\":\"m\",\"messages\":[]}", "messages" },
    { "{\"model\":\"m\",\"messages\":{}}", "messages" },
    { "{\"model\":\"m\",\"mod\\u0065l\":\"n\"," MSG "}", "" },
    { "{\"model\":\"m\",\"x\":1,\"x\":1," MSG "}", "" },
    { RQ("\"a\\u0000\":1"), "" },
    { RQ("\"Model\":\"x\""), "model" },
    { RQ("\"MAX_TOKENS\":1"), "max_tokens" },
    { RQ("\"N\":1"), "n" },
    { RQ("\"streaM\":true"), "stream" },
    { RQ("\"Stream_options\":{}"), "stream_options" },
    { RQ("\"Messages\":[]"), "messages" },
    { RQ("\"Tools\":[]"), "tools" },
    { RQ("\"max_Completion_tokens\":1"), "max_completion_tokens" },
    { RQ("\"stream\":\"true\""), "stream" },
    { RQ("\"stream\":1"), "stream" },
    { RQ("\"stream_options\":true"), "stream_options" },
    { RQ("\"stream_options\":{\"include_usage\":1}"),
      "stream_options.include_usage" },
    { RQ("\"stream_options\":{\"include_usage\":true,\"include_usage\":0}"),
      "stream_options" },
    { RQ("\"max_tokens\":0"), "max_tokens" },
    { RQ("\"max_tokens\":-1"), "max_tokens" },
    { RQ("\"max_tokens\":1.5"), "max_tokens" },
    { RQ("\"max_tokens\":1e99"), "max_tokens" },
    { RQ("\"max_tokens\":\"5\""), "max_tokens" },
    { RQ("\"max_tokens\":4294967297"), "max_tokens" },
    { RQ("\"max_tokens\":1000000000000000000000000000000000000000000000000000"
         "00000000000000000000000000000000000000"), "max_tokens" },
    { RQ("\"max_tokens\":5,\"max_completion_tokens\":6"), "max_tokens" },
    { RQ("\"n\":0"), "n" },
    { RQ("\"n\":-1"), "n" },
    { RQ("\"n\":1.5"), "n" },
    { RQ("\"n\":\"1\""), "n" },
    { RQ("\"n\":129"), "n" },
    { RQ("\"n\":1e6"), "n" },
    { RQ("\"temperature\":\"1\""), "temperature" },
    { RQ("\"top_p\":[]"), "top_p" },
    { RQ("\"top_k\":1.5"), "top_k" },
    { RQ("\"seed\":\"a\""), "seed" },
    { RQ("\"presence_penalty\":true"), "presence_penalty" },
    { RQ("\"frequency_penalty\":{}"), "frequency_penalty" },
    { RQ("\"logit_bias\":[]"), "logit_bias" },
    { RQ("\"logprobs\":1"), "logprobs" },
    { RQ("\"top_logprobs\":21"), "top_logprobs" },
    { RQ("\"stop\":1"), "stop" },
    { RQ("\"stop\":[\"a\",1]"), "stop[1]" },
    { RQ("\"user\":1"), "user" },
    { RQ("\"safety_identifier\":[]"), "safety_identifier" },
    { RQ("\"prompt_cache_key\":1"), "prompt_cache_key" },
    { RQ("\"metadata\":[]"), "metadata" },
    { RQ("\"service_tier\":1"), "service_tier" },
    { RQ("\"parallel_tool_calls\":\"no\""), "parallel_tool_calls" },
    { RQ("\"reasoning_effort\":\"huge\""), "reasoning_effort" },
    { RQ("\"reasoning_effort\":1"), "reasoning_effort" },
    { RQ("\"thinking\":true"), "thinking" },
    { RQ("\"thinking\":{}"), "thinking.type" },
    { RQ("\"thinking\":{\"type\":\"on\"}"), "thinking.type" },
    { RQ("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":0}"),
      "thinking.budget_tokens" },
    { RQ("\"reasoning\":1"), "reasoning" },
    { RQ("\"reasoning\":{\"effort\":\"x\"}"), "reasoning.effort" },
    { RQ("\"response_format\":\"json\""), "response_format" },
    { RQ("\"response_format\":{}"), "response_format.type" },
    { RQ("\"response_format\":{\"type\":\"xml\"}"), "response_format.type" },
    { RQ("\"response_format\":{\"type\":\"json_schema\"}"),
      "response_format.json_schema" },
    { RQ("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}"),
      "response_format.json_schema.name" },
    { RQ("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
         "{\"name\":\"n\",\"schema\":\"s\"}}"),
      "response_format.json_schema.schema" },
    { RQ("\"tools\":{}"), "tools" },
    { RQ("\"tools\":[1]"), "tools[0]" },
    { RQ("\"tools\":[{\"type\":\"function\"}]"), "tools[0].function" },
    { RQ("\"tools\":[" F("f") "," F("") "]"), "tools[1].function.name" },
    { RQ("\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":[]}}]"),
      "tools[0].function.parameters" },
    { RQ("\"functions\":[{}]"), "functions[0].name" },
    { RQ("\"functions\":1"), "functions" },
    { RQ("\"function_call\":{\"name\":\"f\"}"), "function_call.name" },
    { RQ("\"tool_choice\":\"any\""), "tool_choice" },
    { RQ("\"tool_choice\":\"required\""), "tool_choice" },
    { RQ("\"tool_choice\":1"), "tool_choice" },
    { RQ("\"tool_choice\":{}"), "tool_choice.type" },
    { RQ("\"tool_choice\":{\"type\":\"function\"}"), "tool_choice.function" },
    { RQ("\"tool_choice\":" F("f")), "tool_choice.function.name" },
    { RQ("\"tools\":[" F("a") "],\"tool_choice\":{\"type\":\"allowed_tools\","
         "\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[" F("b") "]}}"),
      "tool_choice.allowed_tools.tools[0].function.name" },
    { RQ("\"tools\":[" F("a") "],\"tool_choice\":{\"type\":\"allowed_tools\","
         "\"allowed_tools\":{\"mode\":\"x\",\"tools\":[" F("a") "]}}"),
      "tool_choice.allowed_tools.mode" },
    { MS("1"), "messages[0]" },
    { MS("{}"), "messages[0].role" },
    { MS("{\"role\":1}"), "messages[0].role" },
    { MS("{\"role\":\"bot\",\"content\":\"\"}"), "messages[0].role" },
    { MS("{\"role\":\"user\"}"), "messages[0].content" },
    { U("null"), "messages[0].content" },
    { U("1"), "messages[0].content" },
    { U("[]"), "messages[0].content" },
    { U("[1]"), "messages[0].content[0]" },
    { U("[{}]"), "messages[0].content[0].type" },
    { U("[{\"type\":\"text\",\"text\":\"\"},{\"type\":\"video\"}]"),
      "messages[0].content[1].type" },
    { U("[{\"type\":\"text\"}]"), "messages[0].content[0].text" },
    { U("[{\"type\":\"text\",\"text\":1}]"), "messages[0].content[0].text" },
    { U("[{\"type\":\"refusal\",\"refusal\":\"\"}]"),
      "messages[0].content[0].type" },
    { U("[{\"type\":\"image_url\",\"image_url\":\"http://x\"}]"),
      "messages[0].content[0].image_url" },
    { U("[{\"type\":\"image_url\",\"image_url\":{}}]"),
      "messages[0].content[0].image_url.url" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]"),
      "messages[0].content[0].image_url.url" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,x\"}}]"),
      "messages[0].content[0].image_url.url" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:image/png;base64,\"}}]"),
      "messages[0].content[0].image_url.url" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:image/png;base64,Q\\\"Q\"}}]"),
      "messages[0].content[0].image_url.url" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:image/\\\";base64,QQ\"}}]"),
      "messages[0].content[0].image_url.url" },
    { U("[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:text/plain;base64,QQ\"}}]"),
      "messages[0].content[0].image_url.url" },
    { U("[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ\"}}]"),
      "messages[0].content[0].input_audio.format" },
    { U("[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ\","
        "\"format\":\"a\\r\\nb\"}}]"),
      "messages[0].content[0].input_audio.format" },
    { U("[{\"type\":\"file\",\"file\":{}}]"),
      "messages[0].content[0].file.file_data" },
    { U("[{\"type\":\"file\",\"file\":{\"file_data\":\"QQ==\"}}]"),
      "messages[0].content[0].file.file_data" },
    { MS("{\"role\":\"system\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"http://x\"}}]}"),
      "messages[0].content[0].type" },
    { AS("\"refusal\":1"), "messages[0].refusal" },
    { AS("\"name\":1"), "messages[0].name" },
    { AS("\"tool_calls\":{}"), "messages[0].tool_calls" },
    { AS("\"tool_calls\":[1]"), "messages[0].tool_calls[0]" },
    { AS("\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]"),
      "messages[0].tool_calls[0].id" },
    { AS("\"tool_calls\":[{\"id\":\"a\"}]"),
      "messages[0].tool_calls[0].function" },
    { TC("\"[]\""), "messages[0].tool_calls[0].function.arguments" },
    { TC("\"{\""), "messages[0].tool_calls[0].function.arguments" },
    { TC("\"{\\u0000}\""), "messages[0].tool_calls[0].function.arguments" },
    { TC("{}"), "messages[0].tool_calls[0].function.arguments" },
    { AS("\"function_call\":{\"name\":\"f\",\"arguments\":\"x\"}"),
      "messages[0].function_call.arguments" },
    { AS("\"thinking_blocks\":[{\"type\":\"x\"}]"),
      "messages[0].thinking_blocks[0].type" },
    { AS("\"thinking_blocks\":[{\"type\":\"redacted_thinking\"}]"),
      "messages[0].thinking_blocks[0].data" },
    { AS("\"reasoning_content\":1"), "messages[0].reasoning_content" },
    { AS("\"reasoning_details\":[1]"), "messages[0].reasoning_details[0]" },
    { MS("{\"role\":\"tool\",\"content\":\"x\"}"),
      "messages[0].tool_call_id" },
    { MS("{\"role\":\"function\",\"content\":\"x\"}"), "messages[0].name" },
    { MS("{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":1}"),
      "messages[0].content" },

    { NULL, NULL }
};


static const case_t  refused[] = {

    { RQ("\"audio\":{\"voice\":\"alloy\"}"), "audio" },
    { RQ("\"modalities\":[\"text\",\"audio\"]"), "modalities" },
    { RQ("\"web_search_options\":{}"), "web_search_options" },
    { RQ("\"tools\":[" F("f") ",{\"type\":\"custom\",\"custom\":"
         "{\"name\":\"x\"}}]"), "tools[1].type" },
    { RQ("\"tools\":[{\"type\":\"web_search\"}]"), "tools[0].type" },
    { RQ("\"tool_choice\":{\"type\":\"custom\",\"custom\":{\"name\":\"x\"}}"),
      "tool_choice.type" },
    { AS("\"audio\":{\"id\":\"a\"}"), "messages[0].audio" },
    { AS("\"tool_calls\":[{\"id\":\"c\",\"type\":\"custom\",\"custom\":{}}]"),
      "messages[0].tool_calls[0].type" },

    { NULL, NULL }
};


/* recordings that use what is refused by design, and one that OpenAI itself
 * refused: a file and the param */

static const case_t  by_design[] = {

    { "chat-bad-request.request.json", "max_tokens" },

    { "openai_web_search_tool.request.json", "web_search_options" },
    { "openai_web_search_tool_model_not_supported.request.json",
      "web_search_options" },

    { NULL, NULL }
};


static ai_int_t
decode(const ai_str_t *text, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_json_t  doc;

    memset(dropped, 0, sizeof(ai_dropped_t));
    memset(err, 0, sizeof(ai_error_t));

    ai_json_init(&doc, mem_pool());

    if (ai_json_parse(&doc, text, NULL) != AI_OK) {
        ai_error_set(err, doc.error == AI_JSON_E_MEMORY ? AI_ERR_SERVER
                                                        : AI_ERR_BAD_JSON,
                     ai_json_strerror(doc.error));
        return AI_ERROR;
    }

    return ai_openai_decode(&doc, mem_pool(), rq, dropped, err);
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
test_messages(void)
{
    ai_str_t      text;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    mem_reset();

    text = ai_lit(U("[{\"type\":\"image_url\",\"image_url\":\"x\"}]"));
    decode(&text, &rq, &dropped, &err);
    is_str(err.message, "Invalid type for 'messages[0].content[0].image_url': "
           "expected an object, but got a string instead.", "type error");
    is_str(err.code, "invalid_type", "its code");

    text = ai_lit("{\"model\":\"m\"}");
    decode(&text, &rq, &dropped, &err);
    is_str(err.message, "Missing required parameter: 'messages'.", "missing");
    is_str(err.code, "missing_required_parameter", "its code");
}


static void
test_dropped(void)
{
    uint32_t      i;
    ai_str_t      text;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    static const char *const  want[] = {
        "prediction", "store", "verbosity", "x", "unknown",
        "prompt_cache_key"
    };

    mem_reset();

    text = ai_lit(RQ("\"prediction\":{\"type\":\"content\",\"content\":\"\"},"
                     "\"store\":true,\"verbosity\":\"low\",\"x\":1,"
                     "\"a\\r\\nb\":1,\"\\u00e9\":2,\"prompt_cache_key\":\"k\","
                     "\"modalities\":[\"text\"]"));

    is_int(decode(&text, &rq, &dropped, &err), AI_OK, "decoded");
    is_int(dropped.n, 6, "dropped");

    for (i = 0; i < dropped.n && i < 6; i++) {
        is_str(dropped.name[i], want[i], "dropped %s", want[i]);
    }

    text = ai_lit(RQ("\"store\":false"));
    decode(&text, &rq, &dropped, &err);
    is_int(dropped.n, 0, "store false is nothing to tell");

    for (i = 0; i < 40; i++) {
        ai_dropped_add(&dropped, i & 1 ? "a" : "b");
    }

    is_int(dropped.n, 2, "each once");
}


static void
test_peek(void)
{
    ai_str_t          text, last;
    ai_json_t         doc;
    ai_error_t        err;
    ai_peek_t  peek;

    mem_reset();
    ai_json_init(&doc, mem_pool());
    memset(&err, 0, sizeof(ai_error_t));

    text = ai_lit("{\"model\":\"gpt\",\"stream\":true,\"stream_options\":"
                  "{\"include_usage\":true},\"max_tokens\":9,\"n\":3,"
                  "\"metadata\":{},\"user\":\"u\\u0041\",\"temperature\":0.0,"
                  "\"prompt_cache_key\":\"k\",\"logprobs\":true,"
                  "\"tools\":[1,2],\"functions\":[3],\"messages\":["
                  "{\"role\":\"user\",\"content\":\"old\"},"
                  "{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                  "\"text\":\"a\\u00e9\"},{\"type\":\"image_url\"},"
                  "{\"type\":\"text\",\"text\":\"\\ud83d\\ude00z\"}]},"
                  "{\"role\":\"assistant\",\"content\":\"no\"}]}");

    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "parsed");
    is_int(ai_openai_peek(&doc, mem_pool(), &peek, &err), AI_OK, "peek");
    is_str(peek.model, "gpt", "model");
    is_str(peek.user, "uA", "user");
    is_str(peek.cache_key, "k", "cache key");
    is_str(peek.temperature, "0.0", "temperature");
    is_int(peek.max_output, 9, "limit");
    is_int(peek.n, 3, "n");
    is_int(peek.messages, 3, "messages");
    is_int(peek.tools, 3, "tools");
    ok(peek.stream && peek.include_usage && peek.images && peek.logprobs,
       "flags");
    is_int(ai_json_bool(&doc, peek.stream_ref), 1, "stream_ref");
    is_int(ai_json_bool(&doc, peek.include_usage_ref), 1, "usage_ref");
    ok(ai_json_is(&doc, peek.model_ref, "gpt"), "model_ref");
    is_int(ai_json_type(&doc, peek.metadata_ref), AI_JSON_OBJECT, "metadata");
    is_int(ai_json_type(&doc, peek.messages_ref), AI_JSON_ARRAY, "messages");
    is_int(ai_json_type(&doc, peek.max_tokens_ref), AI_JSON_NUMBER, "limit");

    is_int(ai_openai_last_text(&doc, &peek, mem_pool(), 100, &last), AI_OK,
           "last text");
    is_str(last, "a\xc3\xa9\n\xf0\x9f\x98\x80z", "its text");
    ai_openai_last_text(&doc, &peek, mem_pool(), 7, &last);
    is_str(last, "a\xc3\xa9\n", "no sequence is cut");
    ai_openai_last_text(&doc, &peek, mem_pool(), 8, &last);
    is_str(last, "a\xc3\xa9\n\xf0\x9f\x98\x80", "up to the limit");
    ai_openai_last_text(&doc, &peek, mem_pool(), 2, &last);
    is_str(last, "a", "short");

    text = ai_lit("{\"model\":\"m\",\"messages\":[{\"role\":\"system\"}]}");
    ai_json_parse(&doc, &text, NULL);
    is_int(ai_openai_peek(&doc, mem_pool(), &peek, &err), AI_OK, "peek");
    is_int(peek.max_output, -1, "no limit");
    is_int(peek.n, -1, "no n");
    ok(peek.stream_ref == AI_JSON_NONE
       && peek.stream_options_ref == AI_JSON_NONE
       && peek.include_usage_ref == AI_JSON_NONE
       && peek.max_tokens_ref == AI_JSON_NONE
       && peek.metadata_ref == AI_JSON_NONE, "absent");
    ok(!peek.stream && !peek.images && peek.temperature.data == NULL,
       "absent");
    is_int(ai_openai_last_text(&doc, &peek, mem_pool(), 9, &last),
           AI_DECLINED, "no user");
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


static ai_str_t
load(const char *path)
{
    long        size;
    FILE       *f;
    ai_str_t    s;

    s.len = 0;
    s.data = NULL;

    f = fopen(path, "rb");
    if (f == NULL) {
        return s;
    }

    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);

    s.data = mem_alloc(NULL, (size_t) size + 1);
    s.len = fread(s.data, 1, (size_t) size, f);
    fclose(f);

    return s;
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


static void
test_recordings(void)
{
    int             n, all;
    DIR            *dir;
    char            path[4096];
    ai_int_t        rc;
    ai_str_t        text;
    ai_json_t       doc;
    ai_error_t      err;
    const char     *param;
    ai_request_t    rq;
    ai_dropped_t    dropped;
    struct dirent  *e;

    n = 0;
    all = 0;

    dir = opendir(TEST_DATA "/recordings/openai");

    if (!ok(dir != NULL, "recordings")) {
        return;
    }

    while ((e = readdir(dir)) != NULL) {
        if (strstr(e->d_name, ".request.json") == NULL) {
            continue;
        }

        mem_reset();
        snprintf(path, sizeof(path), "%s/recordings/openai/%s", TEST_DATA,
                 e->d_name);

        text = load(path);
        ai_json_init(&doc, mem_pool());

        if (ai_json_parse(&doc, &text, NULL) != AI_OK
            || ai_json_get(&doc, 0, "messages") == AI_JSON_NONE)
        {
            continue;
        }

        param = designed(e->d_name);
        rc = decode(&text, &rq, &dropped, &err);
        all++;

        if (param == NULL) {
            if (!ok(rc == AI_OK, "%s", e->d_name)) {
                diag("%.*s", (int) err.message.len, err.message.data);
            }

            continue;
        }

        n++;
        is_int(rc, AI_ERROR, "%s", e->d_name);
        is_int(ai_error_status(&err), 400, "%s", e->d_name);
        is_str(err.param, param, "%s", e->d_name);
    }

    closedir(dir);
    mem_reset();

    ok(all > 30, "%d recorded requests", all);
    is_int(n, sizeof(by_design) / sizeof(by_design[0]) - 1, "all refused");
}


static void
test_effort(void)
{
    ai_str_t  s;

    is_int(ai_effort_budget(AI_EFFORT_UNSET), -1, "unset");
    is_int(ai_effort_budget(AI_EFFORT_NONE), 0, "none");
    is_int(ai_effort_budget(AI_EFFORT_MINIMAL), 128, "minimal");
    is_int(ai_effort_budget(AI_EFFORT_MAX), 16384, "max");
    is_int(ai_budget_effort(-1), AI_EFFORT_UNSET, "-1");
    is_int(ai_budget_effort(0), AI_EFFORT_NONE, "0");
    is_int(ai_budget_effort(1), AI_EFFORT_MINIMAL, "1");
    is_int(ai_budget_effort(1024), AI_EFFORT_LOW, "1024");
    is_int(ai_budget_effort(4095), AI_EFFORT_MEDIUM, "4095");
    is_int(ai_budget_effort(4096), AI_EFFORT_HIGH, "4096");
    is_int(ai_budget_effort(INT64_MAX), AI_EFFORT_HIGH, "much");

    s = ai_lit("medium");
    is_int(ai_effort_parse(&s), AI_EFFORT_MEDIUM, "medium");
    s = ai_lit("Medium");
    is_int(ai_effort_parse(&s), AI_EFFORT_UNSET, "case");
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
    dump_cstr(&b, "{\"model\":\"m\",\"messages\":[");

    for (i = 0; i < 10000; i++) {
        dump_cstr(&b, "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c");
        ai_buf_int(&b, i);
        dump_cstr(&b, "\",\"function\":{\"name\":\"f\"}}]},"
                      "{\"role\":\"tool\",\"tool_call_id\":\"c");
        ai_buf_int(&b, i);
        dump_cstr(&b, "\",\"content\":\"x\"},");
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
    test_messages();
    test_dropped();
    test_memory(params);
    test_memory(turns);
    test_memory_errors(errors);
    test_recordings();
    test_effort();
    test_large();

    return done();
}
