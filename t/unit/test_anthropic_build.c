
/*
 * Requests for Anthropic: from what an OpenAI client sends to the body, model
 * by model, and with memory that fails.
 */

#include <provider/ai_anthropic_int.h>
#include "tap.h"
#include "mem.h"

#include "anthropic_body.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif

#define RECORDINGS  TEST_DATA "/recordings/anthropic/"

#define OLD     "claude-3-5-haiku-20241022"
#define BUDGET  "claude-sonnet-4-20250514"
#define NEW     "claude-sonnet-4-6"

#define HI      "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOLS   "\"tools\":[{\"type\":\"function\",\"function\":"             \
                "{\"name\":\"f\"}}]"
#define CALL(id, name, args)                                                  \
    "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\""      \
    name "\",\"arguments\":\"" args "\"}}"


static ai_buf_t      body;
static ai_error_t    err;
static ai_dropped_t  dropped;


static ai_int_t
build(const char *model, int64_t max, const char *text)
{
    ai_str_t      in;
    ai_int_t      rc;
    ai_json_t     doc;
    ai_target_t   t;
    ai_request_t  rq;

    memset(&dropped, 0, sizeof(dropped));
    memset(&err, 0, sizeof(err));
    ai_buf_init(&body, mem_pool());
    ai_json_init(&doc, mem_pool());

    in.data = (ai_char_t *) text;
    in.len = strlen(text);

    if (ai_json_parse(&doc, &in, NULL) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_openai_decode(&doc, mem_pool(), &rq, &dropped, &err) != AI_OK) {
        return AI_ERROR;
    }

    t.provider = &ai_provider_anthropic;
    t.model.data = (ai_char_t *) model;
    t.model.len = strlen(model);
    t.max_output = max;

    rc = t.provider->build(&t, &rq, mem_pool(), &body, &dropped, &err);

    if (rc == AI_OK) {
        ai_buf_char(&body, '\0');

        if (!body.failed) {
            body.last--;
        }
    }

    return body.failed ? AI_ERROR : rc;
}


/* the body is one that the API takes; has and lacks are parts of it */

static void
check(const char *model, int64_t max, const char *text, const char *has,
    const char *lacks, const char *left_out)
{
    char         names[512];
    size_t       i, n;
    ai_str_t     s;
    ai_json_t    doc;
    const char  *fault;

    mem_reset();

    if (!is_int(build(model, max, text), AI_OK, "%s %s", model, text)) {
        diag("%.*s", (int) err.message.len, (char *) err.message.data);
        return;
    }

    ai_json_init(&doc, mem_pool());
    s = ai_buf_str(&body);

    fault = (ai_json_parse(&doc, &s, NULL) == AI_OK) ? body_fault(&doc)
                                                     : "no JSON";

    if (!is_cstr(fault ? fault : "", "", "is a body")
        || (has && !ok(strstr((char *) s.data, has) != NULL, "has %s", has))
        || (lacks && !ok(strstr((char *) s.data, lacks) == NULL,
                         "has no %s", lacks)))
    {
        diag("%s", (char *) s.data);
    }

    for (i = 0, n = 0, names[0] = '\0'; i < dropped.n; i++) {
        n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%.*s",
                               i ? " " : "", (int) dropped.name[i].len,
                               (char *) dropped.name[i].data);
    }

    is_cstr(names, left_out, "left out");
}


static void
messages(void)
{
    check(NEW, -1, "{\"model\":\"x\"," HI "}",
          "{\"model\":\"" NEW "\",\"max_tokens\":32000,\"messages\":["
          "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
          "\"hi\"}]}],\"stream\":false}", NULL, "");

    check(NEW, -1, "{\"model\":\"x\",\"stream\":true,\"messages\":["
          "{\"role\":\"developer\",\"content\":\"A\\u00e9\"},"
          "{\"role\":\"user\",\"content\":\"b\"},"
          "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":"
          "\"C\",\"cache_control\":{\"type\":\"ephemeral\"}}]},"
          "{\"role\":\"user\",\"content\":\"d\"},"
          "{\"role\":\"assistant\",\"content\":\"\"},"
          "{\"role\":\"user\",\"content\":\" \\n\"},"
          "{\"role\":\"user\",\"content\":\"e\"}]}",
          "\"system\":[{\"type\":\"text\",\"text\":\"A\\u00e9\"},"
          "{\"type\":\"text\",\"text\":\"C\",\"cache_control\":"
          "{\"type\":\"ephemeral\"}}],\"messages\":[{\"role\":\"user\","
          "\"content\":[{\"type\":\"text\",\"text\":\"b\"},"
          "{\"type\":\"text\",\"text\":\"d\"},"
          "{\"type\":\"text\",\"text\":\"e\"}]}],\"stream\":true}",
          NULL, "");

    check(NEW, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"user\",\"content\":\"q\"},"
          "{\"role\":\"assistant\",\"content\":\"t\",\"tool_calls\":["
          CALL("c1", "f", "{\\\"n\\\": 12345678901234567890}") ","
          CALL("c 2", "a.b", "") "]},"
          "{\"role\":\"tool\",\"tool_call_id\":\"c 2\",\"content\":\"\"},"
          "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r\"},"
          "{\"role\":\"user\",\"content\":\"go\"}],\"tools\":["
          "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
          "{\"role\":\"assistant\",\"content\":["
          "{\"type\":\"text\",\"text\":\"t\"},"
          "{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":"
          "{\"n\": 12345678901234567890}},"
          "{\"type\":\"tool_use\",\"id\":"
          "\"call_16951c040f532c41d70bb76090b264bf\","
          "\"name\":\"a_b_2e7336dc\",\"input\":{}}]},"
          "{\"role\":\"user\",\"content\":["
          "{\"type\":\"tool_result\",\"tool_use_id\":"
          "\"call_16951c040f532c41d70bb76090b264bf\"},"
          "{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":["
          "{\"type\":\"text\",\"text\":\"r\"}]},"
          "{\"type\":\"text\",\"text\":\"go\"}]}]", NULL, "");

    /* the end of an assistant's last text */

    check(NEW, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"user\",\"content\":\"q \"},"
          "{\"role\":\"assistant\",\"content\":\"a\\\\n \\n\\t \"}]}",
          "\"text\":\"a\\\\n\"}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"assistant\",\"content\":\"a\\\\\\n\"}]}",
          "\"text\":\"a\\\\\"}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"assistant\",\"content\":\"a \"},"
          "{\"role\":\"user\",\"content\":\"q \"}]}",
          "\"text\":\"a \"}", "\"text\":\"q\"}", "");

    /* files and images */

    check(NEW, -1, "{\"model\":\"x\",\"messages\":[{\"role\":\"user\","
          "\"content\":["
          "{\"type\":\"image_url\",\"image_url\":{\"url\":"
          "\"data:image\\/jpg;base64,QUJD\\/w==\",\"detail\":\"low\"}},"
          "{\"type\":\"image_url\",\"image_url\":{\"url\":"
          "\"https:\\/\\/h\\/i.png\"}},"
          "{\"type\":\"file\",\"file\":{\"filename\":\"a \\\"b\\\".pdf\","
          "\"file_data\":\"data:application/pdf;base64,JVBERi0=\"}},"
          "{\"type\":\"file\",\"file\":{\"filename\":\"t.md\",\"file_data\":"
          "\"data:text/markdown;base64,SGkKIsOpIg==\"}},"
          "{\"type\":\"file\",\"file\":{\"file_id\":\"file_1\"}}]}]}",
          "[{\"type\":\"image\",\"source\":{\"type\":\"base64\","
          "\"media_type\":\"image/jpeg\",\"data\":\"QUJD/w==\"}},"
          "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":"
          "\"https://h/i.png\"}},"
          "{\"type\":\"document\",\"source\":{\"type\":\"base64\","
          "\"media_type\":\"application/pdf\",\"data\":\"JVBERi0=\"},"
          "\"title\":\"a \\\"b\\\".pdf\"},"
          "{\"type\":\"document\",\"source\":{\"type\":\"text\","
          "\"media_type\":\"text/plain\",\"data\":"
          "\"Hi\\n\\\"\xc3\xa9\\\"\"},\"title\":\"t.md\"},"
          "{\"type\":\"document\",\"source\":{\"type\":\"file\","
          "\"file_id\":\"file_1\"}}]", NULL, "");

    /* thinking comes back with Anthropic's signature or not at all */

    check(NEW, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"user\",\"content\":\"q\"},"
          "{\"role\":\"assistant\",\"content\":\"a\",\"thinking_blocks\":["
          "{\"type\":\"thinking\",\"thinking\":\"T\",\"signature\":\"S\"},"
          "{\"type\":\"redacted_thinking\",\"data\":\"D\"},"
          "{\"type\":\"thinking\",\"thinking\":\"unsigned\"}]},"
          "{\"role\":\"user\",\"content\":\"r\"}]}",
          "[{\"type\":\"thinking\",\"thinking\":\"T\",\"signature\":\"S\"},"
          "{\"type\":\"redacted_thinking\",\"data\":\"D\"},"
          "{\"type\":\"text\",\"text\":\"a\"}]", "unsigned", "");
    check(NEW, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":"
          "\"foreign\"},{\"role\":\"user\",\"content\":\"r\"}]}",
          "\"text\":\"a\"", "foreign", "");
}


static void
tools(void)
{
    check(NEW, -1, "{\"model\":\"x\"," HI "," TOOLS "}",
          "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\","
          "\"properties\":{}}}]", "tool_choice", "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"tools\":[{\"type\":"
          "\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\\n\","
          "\"parameters\":{ \"b\":1.50, \"type\":\"object\" },"
          "\"strict\":true},\"cache_control\":{\"type\":\"ephemeral\"}},"
          "{\"type\":\"function\",\"function\":{\"name\":\"g\","
          "\"parameters\":{\"properties\":{}},\"strict\":false}}]}",
          "\"tools\":[{\"name\":\"f\",\"description\":\"d\\n\","
          "\"input_schema\":{ \"b\":1.50, \"type\":\"object\" },"
          "\"strict\":true,\"cache_control\":{\"type\":\"ephemeral\"}},"
          "{\"name\":\"g\",\"input_schema\":{\"type\":\"object\","
          "\"properties\":{}},\"strict\":false}]", NULL, "");

    check(NEW, -1, "{\"model\":\"x\"," HI "," TOOLS
          ",\"tool_choice\":\"auto\"}",
          "\"tool_choice\":{\"type\":\"auto\"}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI "," TOOLS
          ",\"tool_choice\":\"none\",\"parallel_tool_calls\":false}",
          "\"tool_choice\":{\"type\":\"none\"}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI "," TOOLS
          ",\"tool_choice\":\"required\"}",
          "\"tool_choice\":{\"type\":\"any\"}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"tools\":[{\"type\":"
          "\"function\",\"function\":{\"name\":\"a.b\"}}],\"tool_choice\":"
          "{\"type\":\"function\",\"function\":{\"name\":\"a.b\"}},"
          "\"parallel_tool_calls\":false}",
          "\"tool_choice\":{\"type\":\"tool\",\"name\":\"a_b_2e7336dc\","
          "\"disable_parallel_tool_use\":true}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI "," TOOLS
          ",\"parallel_tool_calls\":false}",
          "\"tool_choice\":{\"type\":\"auto\","
          "\"disable_parallel_tool_use\":true}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI "," TOOLS
          ",\"parallel_tool_calls\":true}", NULL, "tool_choice", "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"parallel_tool_calls\":false}",
          NULL, "tool_choice", "");

    /* a history with calls, but no tools: they are named and not to call */

    check(NEW, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"assistant\",\"tool_calls\":["
          CALL("1", "z", "{}") "," CALL("2", "a", "{}") ","
          CALL("3", "z", "{}") "]}]}",
          "\"tools\":[{\"name\":\"z\",\"input_schema\":{\"type\":\"object\","
          "\"properties\":{}}},{\"name\":\"a\",\"input_schema\":{\"type\":"
          "\"object\",\"properties\":{}}}],"
          "\"tool_choice\":{\"type\":\"none\"}", NULL, "");
}


static void
tuning(void)
{
    check(OLD, -1, "{\"model\":\"x\"," HI ",\"temperature\":0.70,"
          "\"top_p\":0.90,\"stop\":[\"END\",\" \",\"\\n\"]}",
          "\"temperature\":0.70,\"top_p\":0.90,\"stop_sequences\":[\"END\"]",
          NULL, "stop");
    check(OLD, -1, "{\"model\":\"x\"," HI ",\"temperature\":1.5,"
          "\"top_k\":40,\"stop\":\"\\t\"}",
          "\"temperature\":1,\"top_k\":40", "stop_sequences", "stop");
    check(BUDGET, -1, "{\"model\":\"x\"," HI ",\"temperature\":1,"
          "\"top_p\":1}", "\"temperature\":1,\"top_p\":1", NULL, "");
    check("claude-opus-4-1", -1, "{\"model\":\"x\"," HI
          ",\"temperature\":1,\"top_p\":1}", "\"temperature\":1", "top_p",
          "top_p");
    check("claude-opus-4-7", -1, "{\"model\":\"x\"," HI
          ",\"temperature\":0,\"top_p\":1}", NULL, "temperature",
          "temperature top_p");
    check("claude-sonnet-4-7", -1, "{\"model\":\"x\"," HI
          ",\"temperature\":0}", "\"temperature\":0", NULL, "");
    check("claude-fable-5", -1, "{\"model\":\"x\"," HI ",\"top_p\":1}", NULL,
          "top_p", "top_p");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"seed\":1,\"logprobs\":false,"
          "\"presence_penalty\":1,\"frequency_penalty\":0,\"n\":1,"
          "\"logit_bias\":{\"1\":2},\"metadata\":{\"a\":\"b\"},"
          "\"service_tier\":\"flex\"}", NULL, "seed",
          "seed presence_penalty frequency_penalty logit_bias metadata "
          "service_tier");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"service_tier\":\"auto\"}",
          "\"service_tier\":\"auto\"", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"service_tier\":\"default\"}",
          "\"service_tier\":\"standard_only\"", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"response_format\":{\"type\":"
          "\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,"
          "\"schema\":{\"type\":\"object\" }}}}",
          "\"output_config\":{\"format\":{\"type\":\"json_schema\","
          "\"schema\":{\"type\":\"object\" }}}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"reasoning_effort\":\"low\","
          "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
          "{\"name\":\"n\",\"schema\":{}}}}",
          "\"output_config\":{\"effort\":\"low\",\"format\":{\"type\":"
          "\"json_schema\",\"schema\":{}}}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"response_format\":{\"type\":"
          "\"json_object\"}}", "\"system\":[{\"type\":\"text\",\"text\":\""
          AI_ANTHROPIC_JSON_HINT "\"}]", NULL, "");

    check(NEW, -1, "{\"model\":\"x\"," HI ",\"user\":\"user-1.a\"}",
          "\"metadata\":{\"user_id\":\"user-1.a\"}", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"user\":\"joe@x.org\"}",
          "\"user_id\":\"3692f5ab56e0c53f4ea323ebabb46f41391510dd6363bd0fd24"
          "c42ec8f8c6b2f\"", NULL, "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"user\":\"49-30-1234567\"}",
          "\"user_id\":\"", "1234567", "");
    check(NEW, -1, "{\"model\":\"x\"," HI ",\"user\":\"J\\u00f6rg\"}",
          "\"user_id\":\"", "J", "");
}


static void
efforts(void)
{
    char    text[512], want[256];
    size_t  i;

    static const struct {
        const char  *effort;
        const char  *word;      /* adaptive; NULL: off */
        int          budget;
    } rows[] = {
        { "none", NULL, 0 },
        { "minimal", "low", 1024 },
        { "low", "low", 1024 },
        { "medium", "medium", 2048 },
        { "high", "high", 4096 },
        { "xhigh", "xhigh", 8192 },
        { "max", "max", 16384 }
    };

    static const struct {
        const char  *model;
        unsigned     version;
        int          think;     /* 0 none, 1 budget, 2 adaptive */
    } models[] = {
        { "claude-3-haiku-20240307", 300, 0 },
        { "claude-3-5-sonnet-latest", 305, 0 },
        { "claude-2.1", 201, 0 },
        { "claude-3-7-sonnet-20250219", 307, 1 },
        { "us.anthropic.claude-3-7-sonnet-20250219-v1:0", 307, 1 },
        { "claude-opus-4-20250514", 400, 1 },
        { "claude-sonnet-4@20250514", 400, 1 },
        { "claude-opus-4-1-20250805", 401, 1 },
        { "claude-haiku-4-5", 405, 1 },
        { "claude-sonnet-4-5-20250929", 405, 1 },
        { "Claude-Sonnet-4.5", 405, 1 },
        { "claude-opus-4-6", 406, 2 },
        { "anthropic/claude-opus-4.6", 406, 2 },
        { "claude-sonnet-5", 500, 2 },
        { "claude-fable-5-20270101", 500, 2 },
        { "claude-mythos-10-2", 1002, 2 },
        { "claude-next", 0, 2 },
        { "claude", 0, 2 },
        { "claude-", 0, 2 },
        { "brand-new-9", 0, 2 },
        { "", 0, 2 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "{\"model\":\"x\"," HI
                 ",\"reasoning_effort\":\"%s\"}", rows[i].effort);

        snprintf(want, sizeof(want), "\"thinking\":{\"type\":\"adaptive\","
                 "\"display\":\"summarized\"},\"output_config\":{\"effort\":"
                 "\"%s\"}", rows[i].word ? rows[i].word : "");
        check(NEW, -1, text, rows[i].word ? want : NULL,
              rows[i].word ? NULL : "thinking", "");

        snprintf(want, sizeof(want), "\"thinking\":{\"type\":\"enabled\","
                 "\"budget_tokens\":%d}", rows[i].budget);
        check(BUDGET, -1, text, rows[i].word ? want : NULL,
              rows[i].word ? "output_config" : "thinking", "");

        check(OLD, -1, text, NULL, "thinking",
              rows[i].word ? "reasoning_effort" : "");
    }

    for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        is_int(ai_anthropic_version(&(ai_str_t) { strlen(models[i].model),
                                    (ai_char_t *) models[i].model }),
               models[i].version, "version of %s", models[i].model);

        check(models[i].model, -1, "{\"model\":\"x\"," HI
              ",\"reasoning_effort\":\"low\"}",
              models[i].think == 0 ? NULL
              : models[i].think == 1 ? "\"enabled\"" : "\"adaptive\"",
              models[i].think == 0 ? "thinking" : NULL,
              models[i].think == 0 ? "reasoning_effort" : "");
    }

    /* what thinking does not go with */

    check(BUDGET, -1, "{\"model\":\"x\"," HI "," TOOLS
          ",\"tool_choice\":\"required\",\"reasoning_effort\":\"low\","
          "\"temperature\":0.5,\"top_k\":4,\"top_p\":0.5}",
          "\"tool_choice\":{\"type\":\"auto\"}", "top_",
          "tool_choice temperature top_k top_p");
    check(NEW, -1, "{\"model\":\"x\"," HI "," TOOLS
          ",\"tool_choice\":\"required\",\"reasoning_effort\":\"low\","
          "\"temperature\":0.5,\"top_p\":0.99}",
          "\"tool_choice\":{\"type\":\"any\"},\"top_p\":0.99", "temperature",
          "temperature");

    /* an open tool loop without its thinking */

    check(BUDGET, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"assistant\",\"tool_calls\":[" CALL("1", "f", "{}")
          "]},{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"}],"
          "\"reasoning_effort\":\"low\"}", NULL, "\"thinking\"",
          "reasoning_effort");
    check(BUDGET, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"assistant\",\"thinking_blocks\":[{\"type\":"
          "\"thinking\",\"thinking\":\"T\",\"signature\":\"S\"}],"
          "\"tool_calls\":[" CALL("1", "f", "{}")
          "]},{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"}],"
          "\"reasoning_effort\":\"low\"}", "\"budget_tokens\":1024", NULL,
          "");
    check(BUDGET, -1, "{\"model\":\"x\",\"messages\":["
          "{\"role\":\"assistant\",\"tool_calls\":[" CALL("1", "f", "{}")
          "]},{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"},"
          "{\"role\":\"assistant\",\"content\":\"done\"},"
          "{\"role\":\"user\",\"content\":\"more\"}],"
          "\"reasoning_effort\":\"low\"}", "\"budget_tokens\":1024", NULL,
          "");
}


static void
limits(void)
{
    char    text[512], want[256];
    size_t  i;

    static const struct {
        const char  *model;
        long         table;     /* -1 unknown */
        long         client;    /* -1 none */
        const char  *effort;
        long         max;
        long         budget;    /* 0: no thinking */
    } rows[] = {
        { NEW, -1, -1, "none", 32000, 0 },
        { "claude-3-5-sonnet-latest", -1, -1, "none", 4096, 0 },
        { "claude-3-7-sonnet-latest", -1, -1, "none", 32000, 0 },
        { "other", -1, -1, "none", 4096, 0 },
        { "other", 8192, -1, "none", 8192, 0 },
        { NEW, 64000, -1, "none", 32000, 0 },
        { NEW, 4000, -1, "none", 4000, 0 },
        { NEW, -1, 100000, "none", 100000, 0 },
        { NEW, 64000, 100000, "none", 64000, 0 },
        { NEW, 64000, 7, "none", 7, 0 },
        { BUDGET, -1, -1, "low", 32000, 1024 },
        { BUDGET, -1, -1, "high", 32000, 4096 },
        { BUDGET, 64000, -1, "high", 32000, 4096 },
        { BUDGET, 64000, -1, "max", 32000, 16384 },
        { BUDGET, 64000, 5000, "high", 5000, 4096 },
        { BUDGET, 64000, 4097, "high", 4097, 4096 },
        { BUDGET, 64000, 4096, "high", 8192, 4096 },
        { BUDGET, 64000, 10, "high", 4106, 4096 },
        { BUDGET, 4096, -1, "high", 4096, 4095 },
        { BUDGET, 4096, -1, "max", 4096, 4095 },
        { BUDGET, 1025, -1, "low", 1025, 1024 },
        { BUDGET, 1024, -1, "low", 1024, 0 },
        { BUDGET, 1000, 500, "low", 500, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].client >= 0) {
            snprintf(text, sizeof(text), "{\"model\":\"x\"," HI
                     ",\"max_completion_tokens\":%ld,"
                     "\"reasoning_effort\":\"%s\"}", rows[i].client,
                     rows[i].effort);

        } else {
            snprintf(text, sizeof(text), "{\"model\":\"x\"," HI
                     ",\"reasoning_effort\":\"%s\"}", rows[i].effort);
        }

        snprintf(want, sizeof(want), "\"max_tokens\":%ld,", rows[i].max);
        check(rows[i].model, rows[i].table, text, want, NULL,
              strcmp(rows[i].effort, "none") != 0 && rows[i].budget == 0
              ? "reasoning_effort" : "");

        snprintf(want, sizeof(want), "\"budget_tokens\":%ld}",
                 rows[i].budget);
        ok(rows[i].budget == 0
           ? strstr((char *) body.start, "thinking") == NULL
           : strstr((char *) body.start, want) != NULL, "its budget");
    }
}


static void
refusals(void)
{
    size_t  i;

    static const struct {
        const char  *text;
        ai_error_e   kind;
        const char  *param;
    } rows[] = {
        { "{\"model\":\"x\"," HI ",\"n\":2}", AI_ERR_UNSUPPORTED_PARAMETER,
          "n" },
        { "{\"model\":\"x\"," HI ",\"logprobs\":true}",
          AI_ERR_UNSUPPORTED_PARAMETER, "logprobs" },
        { "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":["
          "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\","
          "\"format\":\"wav\"}}]}]}", AI_ERR_UNSUPPORTED_PARAMETER,
          "messages" },
        { "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":["
          "{\"type\":\"file\",\"file\":{\"file_data\":"
          "\"data:application/msword;base64,AA==\"}}]}]}",
          AI_ERR_UNSUPPORTED_PARAMETER, "messages" },
        { "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":["
          "{\"type\":\"file\",\"file\":{\"file_data\":"
          "\"data:text/plain;base64,A*==\"}}]}]}",
          AI_ERR_INVALID_VALUE, "messages" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mem_reset();
        is_int(build(NEW, -1, rows[i].text), AI_ERROR, "%s", rows[i].text);
        is_int(err.kind, rows[i].kind, "its kind");
        ok(ai_str_starts(&err.param, rows[i].param), "names %s",
           rows[i].param);
    }
}


static void
names(void)
{
    char       text[512];
    size_t     i;
    ai_buf_t   b;
    ai_esc_t   s;

    static const struct {
        const char  *in;
        const char  *out;
    } rows[] = {
        { "fine_Name-1", "fine_Name-1" },
        { "a\\u002eb", "a_b_2e7336dc" },
        { "get\\u005fx", "get_x" },
        { "", "_e3b0c442" },
        { "abc.", "abc__" }         /* hash compared by length only */
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mem_reset();
        ai_buf_init(&b, mem_pool());
        ai_buf_lit(&b, "<");
        s.data = (ai_char_t *) rows[i].in;
        s.len = strlen(rows[i].in);
        ai_anthropic_name(&b, &s);
        ai_buf_char(&b, '\0');
        ok(strncmp((char *) b.start + 1, rows[i].out, strlen(rows[i].out))
           == 0, "name of \"%s\"", rows[i].in);
    }

    /* around the limits, and SHA-256 over more than one block */

    memset(text, 'a', sizeof(text));

    for (i = 60; i < 260; i++) {
        mem_reset();
        ai_buf_init(&b, mem_pool());
        s.data = (ai_char_t *) text;
        s.len = i;
        ai_anthropic_name(&b, &s);
        is_int(ai_buf_len(&b), i > 128 ? 128 : i, "name of %zu bytes", i);

        ai_buf_reset(&b);
        ai_anthropic_id(&b, &s);
        is_int(ai_buf_len(&b), i > 64 ? 37 : i, "id of %zu bytes", i);
    }

    mem_reset();
    ai_buf_init(&b, mem_pool());
    s.data = (ai_char_t *) "abcdbcdecdefdefgefghfghighijhijk"
                           "ijkljklmklmnlmnomnopnopq@";
    s.len = 57;
    ai_anthropic_user(&b, &s);
    s.len = 56;
    ai_anthropic_user(&b, &s);
    ai_buf_reset(&b);
    memset(text, 'a', 119);
    text[0] = '@';
    s.data = (ai_char_t *) text;
    s.len = 119;
    ai_anthropic_user(&b, &s);
    is_str(ai_buf_str(&b), "ad9ef2ef76f6595e1809a20145add03c"
                            "80ce1e7c330c39814dad3732bbefa79c",
           "SHA-256 with a long tail");
}


/* the checker takes what the real API took */

static void
recorded(void)
{
    char         path[256];
    FILE        *f;
    size_t       n, good, i;
    ai_str_t     s;
    ai_json_t    doc;

    static char               text[262144];
    static const char *const  files[] = {
        "anthropic_always_on_capability_toolset_is_visible",
        "anthropic_opus_46_features-basic", "anthropic_opus_48_features",
        "anthropic_sampling_settings_reach_the_wire", "document_url_input",
        "image_url_input", "multiple_parallel_tool_calls-1",
        "stop_settings-anthropic", "strict_true_tool_native_output",
        "text_document_as_binary_content_input",
        "text_plain_document_anthropic-1", "thinking_roundtrip_anthropic",
        "tool_choice_matrix-none-anthropic",
        "anthropic_model_thinking_part_stream"
    };

    good = 0;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        mem_reset();
        snprintf(path, sizeof(path), RECORDINGS "%s.request.json", files[i]);
        f = fopen(path, "rb");

        if (f == NULL) {
            printf("Bail out! %s\n", path);
            exit(1);
        }

        n = fread(text, 1, sizeof(text), f);
        fclose(f);

        s.data = (ai_char_t *) text;
        s.len = n;
        ai_json_init(&doc, mem_pool());

        if (ai_json_parse(&doc, &s, NULL) == AI_OK
            && body_fault(&doc) == NULL)
        {
            good++;

        } else {
            diag("%s: %s", files[i], body_fault(&doc));
        }
    }

    is_int(good, i, "the checker takes recorded bodies");
}


static void
memory(void)
{
    int       ever;
    size_t    n, bad;
    ai_int_t  rc;

    static const char  text[] =
        "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":"
        "\"s\"},{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":"
        "{\"file_data\":\"data:text/plain;base64,SGVsbG8=\"}}]},"
        "{\"role\":\"assistant\",\"tool_calls\":["
        CALL("a b", "a.b", "{\\\"a\\\":1}") "]},{\"role\":\"tool\","
        "\"tool_call_id\":\"a b\",\"content\":\"r\"}],\"tools\":[{\"type\":"
        "\"function\",\"function\":{\"name\":\"a.b\",\"parameters\":"
        "{\"properties\":{}}}}],\"user\":\"a@b\",\"reasoning_effort\":"
        "\"high\",\"temperature\":2}";

    bad = 0;

    for (ever = 0; ever < 2; ever++) {
        for (n = 1; n < 10000; n++) {
            mem_reset();

            if (ever) {
                mem_fail_from(n);

            } else {
                mem_fail_at(n);
            }

            rc = build(NEW, -1, text);

            if (!mem_failed()) {
                bad += (rc != AI_OK);
                break;
            }

            bad += (rc != AI_ERROR);
        }
    }

    is_int(bad, 0, "failing memory is an error");
    mem_reset();
}


int
main(void)
{
    ai_buf_t     b;
    ai_target_t  t;

    memset(&t, 0, sizeof(t));
    ai_buf_init(&b, mem_pool());
    ai_provider_anthropic.path(&t, 1, &b);
    is_str(ai_buf_str(&b), "/messages", "path");
    is_str(ai_provider_anthropic.headers,
           "anthropic-version: 2023-06-01\r\n", "headers");

    messages();
    tools();
    tuning();
    efforts();
    limits();
    refusals();
    names();
    recorded();
    memory();

    return done();
}
