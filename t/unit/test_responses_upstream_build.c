
/*
 * Requests of all client dialects written for the Responses API, and state
 * that goes to a client and comes back.
 */

#include "tap.h"
#include "mem.h"
#include "upstream.h"
#include "openai_dump.h"

#include <api/ai_dialect.h>
#include <api/ai_peek.h>


#define RECORDED  "t/data/recordings/responses"
#define ROW       (&ai_provider_openai_responses)


typedef struct {
    ai_request_t   rq;
    ai_dropped_t   dropped;
    ai_error_t     err;
    ai_buf_t       body;
} built_t;


static const ai_dialect_t  *dialect;
static ai_target_t          target;


/* AI_OK, AI_ERROR: the client's request was refused, or AI_DECLINED: by the
 * builder */

static ai_int_t
decode(built_t *u, const char *json, size_t len)
{
    ai_str_t    text;
    ai_peek_t   peek;
    ai_json_t  *doc;

    memset(u, 0, sizeof(built_t));

    text.data = (ai_char_t *) json;
    text.len = len;

    doc = ai_palloc(mem_pool(), sizeof(ai_json_t));
    if (doc == NULL) {
        return AI_ERROR;
    }

    ai_json_init(doc, mem_pool());
    memset(&peek, 0, sizeof(peek));

    /* what Gemini's clients have in the path */

    if (dialect == &ai_dialect_gemini) {
        peek.model = ai_lit("m");
    }

    if (ai_json_parse(doc, &text, NULL) != AI_OK
        || dialect->peek(doc, mem_pool(), &peek, &u->err) != AI_OK)
    {
        return AI_ERROR;
    }

    return dialect->decode(doc, &peek, mem_pool(), &u->rq, &u->dropped,
                           &u->err);
}


static ai_int_t
build_len(built_t *u, const char *json, size_t len)
{
    if (decode(u, json, len) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_init(&u->body, mem_pool());
    target.provider = target.provider ? target.provider : ROW;

    return target.provider->build(&target, &u->rq, mem_pool(), &u->body,
                                  &u->dropped, &u->err) == AI_OK
           ? AI_OK : AI_DECLINED;
}


static ai_int_t
build(built_t *u, const char *json)
{
    return build_len(u, json, strlen(json));
}


typedef struct {
    const char   *name;
    const char   *client;
    const char   *body;         /* behind the model, before the end; or the
                                   param that is refused, behind a "!" */
    const char   *dropped;      /* names, each ended by a blank */
} case_t;


#define HI     "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define IN     "\"input\":[{\"role\":\"user\",\"content\":\"hi\"}]," STORE
#define STORE  "\"store\":false"
#define INC    ",\"include\":[\"reasoning.encrypted_content\"]"


static const case_t  chat[] = {

    { "a text", HI, IN INC, "" },

    { "system and developer in their places",
      "\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},"
      "{\"role\":\"user\",\"content\":\"b\"},"
      "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"c\"},"
      "{\"type\":\"text\",\"text\":\"d\"}]},"
      "{\"role\":\"assistant\",\"content\":\"e\"},"
      "{\"role\":\"user\",\"name\":\"n\",\"content\":\"f\"}]",
      "\"input\":[{\"role\":\"system\",\"content\":\"a\"},"
      "{\"role\":\"user\",\"content\":\"b\"},"
      "{\"role\":\"system\",\"content\":[{\"type\":\"input_text\","
      "\"text\":\"c\"},{\"type\":\"input_text\",\"text\":\"d\"}]},"
      "{\"role\":\"assistant\",\"content\":\"e\"},"
      "{\"role\":\"user\",\"content\":\"f\"}]," STORE INC,
      "messages.name " },

    { "parts",
      "\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"type\":\"text\",\"text\":\"\\u00e4\\n\"},"
      "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y\","
      "\"detail\":\"low\"}},"
      "{\"type\":\"image_url\",\"image_url\":{\"url\":"
      "\"data:image/png;base64,AAAA\"}},"
      "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":"
      "\"data:application/pdf;base64,BBBB\"}},"
      "{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}]}]",
      "\"input\":[{\"role\":\"user\",\"content\":["
      "{\"type\":\"input_text\",\"text\":\"\\u00e4\\n\"},"
      "{\"type\":\"input_image\",\"image_url\":\"https://x/y\","
      "\"detail\":\"low\"},"
      "{\"type\":\"input_image\",\"image_url\":"
      "\"data:image/png;base64,AAAA\",\"detail\":\"auto\"},"
      "{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":"
      "\"data:application/pdf;base64,BBBB\"},"
      "{\"type\":\"input_file\",\"file_id\":\"file-1\"}]}]," STORE INC, "" },

    { "audio",
      "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
      "\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":"
      "\"wav\"}}]}]", "!messages", "" },

    { "calls and results",
      "\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":\"t\",\"tool_calls\":["
      "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
      "\"arguments\":\"{\\\"b\\\": 12345678901234567890.0}\"}},"
      "{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\","
      "\"arguments\":\"\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r\"},"
      "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":["
      "{\"type\":\"text\",\"text\":\"s\"},{\"type\":\"text\",\"text\":"
      "\"u\"}]},"
      "{\"role\":\"user\",\"content\":\"v\"}]",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":\"t\"},"
      "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\","
      "\"arguments\":\"{\\\"b\\\": 12345678901234567890.0}\"},"
      "{\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"g\","
      "\"arguments\":\"{}\"},"
      "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":"
      "\"r\"},"
      "{\"type\":\"function_call_output\",\"call_id\":\"c2\",\"output\":"
      "\"s\\n\\nu\"},"
      "{\"role\":\"user\",\"content\":\"v\"}]," STORE INC, "" },

    { "a refusal",
      "\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"},"
      "{\"role\":\"user\",\"content\":\"v\"}]",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\","
      "\"refusal\":\"no\"}]},"
      "{\"role\":\"user\",\"content\":\"v\"}]," STORE INC, "" },

    { "tools: strict is said, whatever the client said", HI ",\"tools\":["
      "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":"
      "\"d\",\"parameters\":{\"type\": \"object\"}}},"
      "{\"type\":\"function\",\"function\":{\"name\":\"g\",\"strict\":true,"
      "\"parameters\":{}}},"
      "{\"type\":\"function\",\"function\":{\"name\":\"h\",\"strict\":false}}"
      "],\"tool_choice\":\"required\",\"parallel_tool_calls\":false",
      IN ",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"description\":"
      "\"d\",\"parameters\":{\"type\": \"object\"},\"strict\":false},"
      "{\"type\":\"function\",\"name\":\"g\",\"parameters\":{},"
      "\"strict\":true},"
      "{\"type\":\"function\",\"name\":\"h\",\"parameters\":{\"type\":"
      "\"object\",\"properties\":{},\"additionalProperties\":false},"
      "\"strict\":false}],\"tool_choice\":\"required\","
      "\"parallel_tool_calls\":false" INC, "" },

    { "a tool by name", HI ",\"tools\":[{\"type\":\"function\",\"function\":"
      "{\"name\":\"f\",\"parameters\":{}}}],\"tool_choice\":{\"type\":"
      "\"function\",\"function\":{\"name\":\"f\"}}",
      IN ",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{},"
      "\"strict\":false}],\"tool_choice\":{\"type\":\"function\",\"name\":"
      "\"f\"}" INC, "" },

    { "a JSON object", HI ",\"response_format\":{\"type\":\"json_object\"}",
      IN ",\"text\":{\"format\":{\"type\":\"json_object\"}}" INC, "" },

    { "a JSON schema", HI ",\"response_format\":{\"type\":\"json_schema\","
      "\"json_schema\":{\"name\":\"n\",\"description\":\"d\",\"schema\":"
      "{\"z\":1,\"a\":2},\"strict\":true}}",
      IN ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\","
      "\"description\":\"d\",\"schema\":{\"z\":1,\"a\":2},\"strict\":true}}"
      INC, "" },

    { "limits", HI ",\"max_completion_tokens\":5,\"temperature\":0.70,"
      "\"top_p\":1e0,\"stream\":true,\"reasoning_effort\":\"minimal\"",
      IN ",\"stream\":true,\"max_output_tokens\":16,\"reasoning\":{"
      "\"effort\":\"minimal\"}" INC ",\"temperature\":0.70,\"top_p\":1e0",
      "" },

    { "labels", HI ",\"user\":\"u\",\"metadata\":{\"a\":\"b\"},"
      "\"service_tier\":\"flex\"",
      IN INC ",\"user\":\"u\",\"metadata\":{\"a\":\"b\"},"
      "\"service_tier\":\"flex\"", "" },

    { "logprobs", HI ",\"logprobs\":true,\"top_logprobs\":3",
      IN ",\"include\":[\"reasoning.encrypted_content\","
      "\"message.output_text.logprobs\"],\"top_logprobs\":3", "" },

    { "what has no place", HI ",\"seed\":1,\"presence_penalty\":1,"
      "\"frequency_penalty\":1,\"logit_bias\":{\"1\":2},\"n\":1",
      IN INC, "seed presence_penalty frequency_penalty logit_bias " },

    { "stop", HI ",\"stop\":\"x\"", "!stop", "" },
    { "n", HI ",\"n\":2", "!n", "" },

    { "state of another family is left out",
      "\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":\"t\",\"thinking_blocks\":["
      "{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":\"S\"},"
      "{\"type\":\"thinking\",\"thinking\":\"y\",\"signature\":"
      "\"openai:T\"},"
      "{\"type\":\"redacted_thinking\",\"data\":\"gemini:U\"}]},"
      "{\"role\":\"user\",\"content\":\"v\"}]",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
      "\"text\":\"y\"}],\"encrypted_content\":\"T\"},"
      "{\"role\":\"assistant\",\"content\":\"t\"},"
      "{\"role\":\"user\",\"content\":\"v\"}]," STORE INC, "" },

    { "reasoning that nothing follows is left out",
      "\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":\"\",\"thinking_blocks\":["
      "{\"type\":\"redacted_thinking\",\"data\":\"openai:U\"}]},"
      "{\"role\":\"user\",\"content\":\"v\"}]",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"user\",\"content\":\"v\"}]," STORE INC, "" },

    { "a thought without state is left out",
      "\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":\"t\",\"reasoning_content\":"
      "\"x\"},{\"role\":\"user\",\"content\":\"v\"}]",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":\"t\"},"
      "{\"role\":\"user\",\"content\":\"v\"}]," STORE INC, "" },

    { NULL, NULL, NULL, NULL }
};


static const case_t  messages[] = {

    { "an Anthropic client",
      "\"max_tokens\":100,\"system\":\"s\",\"thinking\":{\"type\":\"enabled\","
      "\"budget_tokens\":2048},\"messages\":["
      "{\"role\":\"user\",\"content\":\"q\"},"
      "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
      "\"toolu_1\",\"name\":\"f\",\"input\":{\"a\":[1.50]}}]},"
      "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
      "\"tool_use_id\":\"toolu_1\",\"is_error\":true,\"content\":["
      "{\"type\":\"text\",\"text\":\"e\"},{\"type\":\"image\",\"source\":"
      "{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":"
      "\"AAAA\"}}]},{\"type\":\"text\",\"text\":\"v\"}]}]",
      "\"input\":[{\"role\":\"system\",\"content\":\"s\"},"
      "{\"role\":\"user\",\"content\":\"q\"},"
      "{\"type\":\"function_call\",\"call_id\":\"toolu_1\",\"name\":\"f\","
      "\"arguments\":\"{\\\"a\\\":[1.50]}\"},"
      "{\"type\":\"function_call_output\",\"call_id\":\"toolu_1\","
      "\"output\":[{\"type\":\"input_text\",\"text\":\"Error:\"},"
      "{\"type\":\"input_text\",\"text\":\"e\"},{\"type\":\"input_image\","
      "\"image_url\":\"data:image/png;base64,AAAA\",\"detail\":\"auto\"}]},"
      "{\"role\":\"user\",\"content\":\"v\"}]," STORE
      ",\"max_output_tokens\":100,\"reasoning\":{\"effort\":\"medium\","
      "\"summary\":\"auto\"}" INC, "" },

    { "stop sequences", "\"max_tokens\":100,\"stop_sequences\":[\"x\"]," HI,
      "!stop", "" },

    { NULL, NULL, NULL, NULL }
};


static const case_t  responses[] = {

    { "reasoning behind a call",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
      "\"gA\"},"
      "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
      "\"arguments\":\"{}\"},"
      "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
      "\"gB\"},"
      "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":"
      "\"r\"}]",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
      "\"gA\"},"
      "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
      "\"arguments\":\"{}\"},"
      "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":"
      "\"r\"}]," STORE INC, "" },

    { "custom tools and their calls",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"x\","
      "\"input\":\"a\\\"\\\\b\\n\\u00e4\"},"
      "{\"type\":\"custom_tool_call_output\",\"call_id\":\"c\",\"output\":"
      "\"r\"}],\"tools\":[{\"type\":\"custom\",\"name\":\"x\","
      "\"description\":\"d\"}],\"tool_choice\":{\"type\":\"custom\","
      "\"name\":\"x\"}",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"x\","
      "\"input\":\"a\\\"\\\\b\\n\\u00e4\"},"
      "{\"type\":\"custom_tool_call_output\",\"call_id\":\"c\",\"output\":"
      "\"r\"}]," STORE ",\"tools\":[{\"type\":\"custom\",\"name\":\"x\","
      "\"description\":\"d\"}],\"tool_choice\":{\"type\":\"custom\","
      "\"name\":\"x\"}" INC, "" },

    { "the reasoning of OpenAI's own clients",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":"
      "\"summary_text\",\"text\":\"a\"},{\"type\":\"summary_text\",\"text\":"
      "\"b\"}],\"encrypted_content\":\"gAAA\"},"
      "{\"type\":\"reasoning\",\"id\":\"rs_2\",\"summary\":[],"
      "\"encrypted_content\":\"gBBB\"},"
      "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
      "\"arguments\":\"{}\"},"
      "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":["
      "{\"type\":\"input_file\",\"file_url\":\"https://x/y\"}]}],"
      "\"reasoning\":{\"effort\":\"high\",\"summary\":\"detailed\"}",
      "\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
      "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
      "\"text\":\"a\"},{\"type\":\"summary_text\",\"text\":\"b\"}],"
      "\"encrypted_content\":\"gAAA\"},"
      "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"gBBB\"},"
      "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
      "\"arguments\":\"{}\"},"
      "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":["
      "{\"type\":\"input_file\",\"file_url\":\"https://x/y\"}]}]," STORE
      ",\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"}" INC, "" },

    { NULL, NULL, NULL, NULL }
};


static void
run(const case_t *c)
{
    char      want[4096], json[4096], got[1024];
    size_t    n;
    uint32_t  i;
    built_t   u;
    ai_int_t  rc;

    for ( /* void */ ; c->name; c++) {
        snprintf(json, sizeof(json), "{\"model\":\"m\",%s}", c->client);
        snprintf(want, sizeof(want), "{\"model\":\"m\",%s}", c->body);

        rc = build(&u, json);

        if (c->body[0] == '!') {
            is_int(rc, AI_DECLINED, "%s: refused", c->name);
            is_int(u.err.kind, AI_ERR_UNSUPPORTED_PARAMETER, "%s: why",
                   c->name);
            is_str(u.err.param, c->body + 1, "%s: what", c->name);

        } else {
            is_int(rc, AI_OK, "%s: written", c->name);
            is_str(ai_buf_str(&u.body), want, "%s: body", c->name);

            n = 0;
            got[0] = '\0';

            for (i = 0; i < u.dropped.n && n < sizeof(got); i++) {
                n += (size_t) snprintf(got + n, sizeof(got) - n, "%.*s ",
                                       (int) u.dropped.name[i].len,
                                       u.dropped.name[i].data);
            }

            is_cstr(got, c->dropped, "%s: dropped", c->name);
        }

        /* without memory nothing is written */

        for (n = 1; n < 1000; n++) {
            mem_reset();
            mem_fail_at(n);
            rc = build(&u, json);

            if (!mem_failed()) {
                break;
            }

            if (rc == AI_OK) {
                break;
            }
        }

        ok(!mem_failed(), "%s: %zu allocations fail", c->name, n - 1);
        mem_reset();
    }
}


/* ids that are too long are replaced, the same in both places */

static void
ids(void)
{
    char     *call, *output;
    char      json[1024], id[80];
    built_t   u;

    memset(id, 'x', 65);
    id[65] = '\0';

    snprintf(json, sizeof(json), "{\"model\":\"m\",\"messages\":["
             "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"%s\",\"type\":"
             "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
             "\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"%s\","
             "\"content\":\"r\"}]}", id, id);

    is_int(build(&u, json), AI_OK, "a long id");
    ai_buf_char(&u.body, '\0');

    call = strstr((char *) u.body.start, "\"call_id\":\"call_");
    output = call ? strstr(call + 1, "\"call_id\":\"call_") : NULL;

    ok(output && strncmp(call, output, 41) == 0 && call[40] == '"',
       "the same for the call and its result");

    id[64] = '\0';
    snprintf(json, sizeof(json), "{\"model\":\"m\",\"messages\":["
             "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"%s\",\"type\":"
             "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
             "\"{}\"}}]}]}", id);

    is_int(build(&u, json), AI_OK, "the longest id");
    ai_buf_char(&u.body, '\0');
    ok(strstr((char *) u.body.start, id) != NULL, "is kept");
    mem_reset();
}


/* what depends on the model, and on the row */

static void
models(void)
{
    size_t         i;
    built_t        u;
    ai_provider_t  vendor;

    static const struct {
        const char  *model;
        int          reasons;
    } names[] = {
        { "gpt-4o", 0 }, { "gpt-4.1-mini", 0 }, { "gpt-3.5-turbo", 0 },
        { "chatgpt-4o-latest", 0 }, { "ft:gpt-4.1:acme", 0 },
        { "openai/gpt-4o", 0 }, { "gpt-5-chat-latest", 0 }, { "gpt-5.2", 1 },
        { "o4-mini", 1 }, { "openai.gpt-oss-120b", 1 }, { "codex", 1 },
        { "other", 1 }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        target.model.data = (ai_char_t *) names[i].model;
        target.model.len = strlen(names[i].model);

        is_int(build(&u, "{\"model\":\"m\"," HI "}"), AI_OK, "%s",
               names[i].model);
        ai_buf_char(&u.body, '\0');

        is_int(strstr((char *) u.body.start, "\"include\"") != NULL,
               names[i].reasons, "%s: its reasoning is asked for",
               names[i].model);
        ok(strstr((char *) u.body.start, names[i].model) != NULL,
           "%s: it is asked", names[i].model);
    }

    memset(&target, 0, sizeof(target));
    target.max_output = 100;

    is_int(build(&u, "{\"model\":\"m\",\"max_tokens\":1000," HI "}"), AI_OK,
           "a limit of the model's");
    ai_buf_char(&u.body, '\0');
    ok(strstr((char *) u.body.start, "\"max_output_tokens\":100,") != NULL,
       "is the limit");

    /* another vendor's row */

    memset(&target, 0, sizeof(target));
    memcpy(&vendor, ROW, sizeof(vendor));
    vendor.quirks = AI_QUIRK_REPLAY|AI_QUIRK_NO_STRICT_TOOLS;
    target.provider = &vendor;

    is_int(build(&u, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
                 "\"content\":\"q\"},{\"role\":\"assistant\",\"content\":"
                 "\"t\",\"reasoning_content\":\"x\"}],\"metadata\":{},"
                 "\"service_tier\":\"flex\",\"tools\":[{\"type\":\"function\","
                 "\"function\":{\"name\":\"f\",\"parameters\":{},"
                 "\"strict\":true}}]}"), AI_OK, "another vendor");
    is_str(ai_buf_str(&u.body), "{\"model\":\"m\",\"input\":["
           "{\"role\":\"user\",\"content\":\"q\"},"
           "{\"type\":\"reasoning\",\"summary\":[],\"content\":[{\"type\":"
           "\"reasoning_text\",\"text\":\"x\"}]},"
           "{\"role\":\"assistant\",\"content\":\"t\"}]," STORE
           ",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":"
           "{}}]" INC "}", "its body");
    is_int(u.dropped.n, 3, "what it would not know");

    vendor.quirks = AI_QUIRK_NO_SCHEMA;
    is_int(build(&u, "{\"model\":\"m\"," HI ",\"response_format\":{\"type\":"
                 "\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":"
                 "{}}}}"), AI_DECLINED, "a schema that it does not take");
    is_str(u.err.param, "response_format", "is refused");

    vendor.quirks = AI_QUIRK_NO_LOGPROBS;
    is_int(build(&u, "{\"model\":\"m\"," HI ",\"logprobs\":true}"),
           AI_DECLINED, "logprobs that it does not give");

    memset(&target, 0, sizeof(target));
    mem_reset();
}


/* the path, and the row's place */

static void
row(void)
{
    ai_buf_t  b;

    ai_buf_init(&b, mem_pool());
    ROW->path(&target, 0, &b);

    is_str(ai_buf_str(&b), "/responses", "path");
    is_int(ROW->family, AI_FAMILY_RESPONSES, "family");
    is_str(ROW->name, "openai_responses", "name");
    is_str(ROW->endpoint, "https://api.openai.com/v1", "endpoint");
    mem_reset();
}


/* a recorded request, written and read again, asks for the same */

static void
recorded(void)
{
    char      **names, *data;
    size_t      i, n, len, done;
    built_t     u, again;
    ai_buf_t    a, b;
    ai_str_t    body;
    ai_tool_t  *tool;

    names = dir_names(RECORDED, ".request.json", &n);
    done = 0;

    for (i = 0; i < n; i++) {
        data = file_read(RECORDED, names[i], &len);

        if (build_len(&u, data, len) != AI_OK) {
            diag("%s: %.*s", names[i], (int) u.err.param.len,
                 u.err.param.data);
            free(data);
            mem_reset();
            continue;
        }

        done++;
        body = ai_buf_str(&u.body);

        is_int(decode(&again, (char *) body.data, body.len), AI_OK,
               "%s: can be read again", names[i]);

        /* what is always said, and what says nothing */

        for (tool = u.rq.tools; tool; tool = tool->next) {
            tool->strict = tool->strict == 1;
        }

        if (u.rq.tools == NULL) {
            u.rq.choice = AI_CHOICE_UNSET;
        }

        ai_buf_init(&a, mem_pool());
        ai_buf_init(&b, mem_pool());
        dump_turns(&a, &u.rq);
        dump_params(&a, &u.rq);
        dump_turns(&b, &again.rq);
        dump_params(&b, &again.rq);
        ai_buf_char(&a, '\0');

        is_mem(b.start, ai_buf_len(&b), a.start, ai_buf_len(&a) - 1,
               "%s: asks for the same", names[i]);
        free(data);
        mem_reset();
    }

    ok(done >= 12, "recorded requests: %zu of %zu", done, n);
    names_free(names, n);
}


/*
 * State on its way: an answer is told to a client, who sends it back with the
 * next question.
 */

typedef struct {
    const ai_dialect_t  *dialect;
    const char          *name;
    const char          *path[4];   /* to what the client sends back */
    const char          *before;
    const char          *after;
} way_t;


static const way_t  ways[] = {

    { &ai_dialect_openai, "chat", { "choices", "0", "message", NULL },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},",
      ",{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r\"}]}" },

    { &ai_dialect_anthropic, "messages", { "content", NULL, NULL, NULL },
      "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\","
      "\"content\":\"q\"},{\"role\":\"assistant\",\"content\":",
      "},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
      "\"tool_use_id\":\"c1\",\"content\":\"r\"}]}]}" },

    { &ai_dialect_responses, "responses", { "output", NULL, NULL, NULL },
      "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"q\"},",
      ",{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":"
      "\"r\"}]}" },

    { &ai_dialect_gemini, "generate", { "candidates", "0", "content", NULL },
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]},",
      ",{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\","
      "\"id\":\"c1\",\"response\":{\"output\":\"r\"}}}]}]}" }
};


typedef struct {
    const ai_dialect_t  *dialect;
    void                *reply;
} teller_t;


static ai_int_t
tell(void *data, const ai_event_t *ev)
{
    teller_t *t = data;

    return t->dialect->reply_event(t->reply, ev);
}


static void
way(const way_t *w, const char *answer, const char *want, const char *what)
{
    size_t            i;
    built_t           u;
    ai_buf_t          out, next;
    ai_str_t          body, raw;
    ai_ref_t          v;
    ai_sink_t         sink;
    teller_t          t;
    ai_json_t         doc;
    ai_decoder_t     *d;
    ai_reply_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.id = ai_lit("0123456789abcdefghijABCDEFGHI");
    conf.model = ai_lit("m");

    ai_buf_init(&out, mem_pool());

    t.dialect = w->dialect;
    t.reply = w->dialect->reply_create(&conf, &out, mem_pool());

    sink.event = tell;
    sink.data = &t;

    d = ai_decoder_create(ROW, mem_pool(), &sink);

    body.data = (ai_char_t *) answer;
    body.len = strlen(answer);

    is_int(ROW->answer(d, &body), AI_OK, "%s, %s: read", w->name, what);
    is_int(w->dialect->reply_end(t.reply), AI_OK, "%s, %s: told", w->name,
           what);

    body = ai_buf_str(&out);
    ai_json_init(&doc, mem_pool());
    (void) ai_json_parse(&doc, &body, NULL);
    v = 0;

    for (i = 0; i < 4 && w->path[i]; i++) {
        v = w->path[i][0] == '0' ? ai_json_first(&doc, v)
                                 : ai_json_get(&doc, v, w->path[i]);
    }

    raw = ai_json_raw(&doc, v);

    /* items stand in the list itself */

    if (w->dialect == &ai_dialect_responses && raw.len) {
        raw.data++;
        raw.len -= 2;
    }

    ai_buf_init(&next, mem_pool());
    ai_buf_add(&next, w->before, strlen(w->before));
    ai_buf_cat(&next, &raw);
    ai_buf_add(&next, w->after, strlen(w->after));

    dialect = w->dialect;

    is_int(build_len(&u, (char *) next.start, ai_buf_len(&next)), AI_OK,
           "%s, %s: sent back", w->name, what);
    is_mem(u.body.start, ai_min(ai_buf_len(&u.body), strlen(want)), want,
           strlen(want), "%s, %s: the same state", w->name, what);

    mem_reset();
}


static void
state(void)
{
    size_t  i;

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {

        way(&ways[i],
            "{\"id\":\"r\",\"status\":\"completed\",\"output\":["
            "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":"
            "\"summary_text\",\"text\":\"I \\\"think\\\"\"}],"
            "\"encrypted_content\":\"gAAAA-_=\"},"
            "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\","
            "\"arguments\":\"{\\\"a\\\":1}\"}]}",
            "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":"
            "\"q\"},{\"type\":\"reasoning\",\"summary\":[{\"type\":"
            "\"summary_text\",\"text\":\"I \\\"think\\\"\"}],"
            "\"encrypted_content\":\"gAAAA-_=\"},"
            "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\","
            "\"arguments\":\"{\\\"a\\\":1}\"},"
            "{\"type\":\"function_call_output\",\"call_id\":\"c1\","
            "\"output\":\"r\"}]," STORE,
            "with a summary");

        way(&ways[i],
            "{\"id\":\"r\",\"status\":\"completed\",\"output\":["
            "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],"
            "\"encrypted_content\":\"gAAAA\"},"
            "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\","
            "\"arguments\":\"{}\"}]}",
            "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":"
            "\"q\"},{\"type\":\"reasoning\",\"summary\":[],"
            "\"encrypted_content\":\"gAAAA\"},"
            "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\","
            "\"arguments\":\"{}\"},"
            "{\"type\":\"function_call_output\",\"call_id\":\"c1\","
            "\"output\":\"r\"}]," STORE,
            "without");
    }
}


int
main(void)
{
    memset(&target, 0, sizeof(target));
    target.provider = ROW;

    row();

    dialect = &ai_dialect_openai;
    run(chat);
    ids();
    models();

    dialect = &ai_dialect_anthropic;
    run(messages);

    dialect = &ai_dialect_responses;
    run(responses);
    recorded();

    state();

    return done();
}
