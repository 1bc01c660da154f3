
/*
 * Counting tokens: requests of three client APIs, recorded and made up, as
 * the bodies of six services, and their answers.
 */

#include "tap.h"
#include "calls.h"
#include "upstream.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif

#define RECORDINGS  TEST_DATA "/recordings/count"

#define CLAUDE   "claude-sonnet-4-5"
#define GEMINI   "gemini-2.5-flash"
#define PROFILE  "us.anthropic.claude-sonnet-4-20250514-v1:0"
#define BARE     "anthropic.claude-sonnet-4-20250514-v1:0"


static call_t  c;


static ai_target_t
target(const ai_provider_t *provider, const char *model)
{
    ai_target_t  t;

    memset(&t, 0, sizeof(t));

    t.provider = provider;
    t.model.data = (ai_char_t *) model;
    t.model.len = strlen(model);
    t.max_output = -1;

    return t;
}


static ai_int_t
decode(const ai_dialect_t *d, const char *uri, const char *request)
{
    return call_decode(&c, d, uri, request, strlen(request));
}


/* --- from a client's request to the provider's -------------------------- */

/* the same conversation in the three APIs, with everything that only tunes */

#define SCHEMA  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"       \
                "\"string\"}}}"

#define MESSAGES                                                              \
    "{\"model\":\"m\",\"max_tokens\":5,\"stream\":true,\"temperature\":0.5,"  \
    "\"top_k\":3,\"stop_sequences\":[\"x\"],\"metadata\":{\"user_id\":\"u\"}" \
    ",\"service_tier\":\"auto\",\"system\":\"be\\u0020brief\","               \
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"                  \
    "\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":"      \
    SCHEMA "}],\"tool_choice\":{\"type\":\"any\"}}"

#define GENERATE                                                              \
    "\"system_instruction\":{\"parts\":[{\"text\":\"be\\u0020brief\"}]},"     \
    "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],"       \
    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","                  \
    "\"description\":\"d\",\"parametersJsonSchema\":" SCHEMA "}]}],"          \
    "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}},"          \
    "\"generationConfig\":{\"temperature\":0.5,\"topK\":3,"                   \
    "\"maxOutputTokens\":5,\"stopSequences\":[\"x\"]}"

#define RESPONSES                                                             \
    "{\"model\":\"m\",\"stream\":true,\"instructions\":\"be\\u0020brief\","   \
    "\"input\":\"hi\",\"temperature\":0.5,\"max_output_tokens\":50,"          \
    "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"description\":\"d\"," \
    "\"parameters\":" SCHEMA "}],\"tool_choice\":\"required\","               \
    "\"user\":\"u\",\"service_tier\":\"auto\"}"


typedef struct {
    const ai_service_t   *service;
    const ai_provider_t  *provider;
    const char           *model;
    const char           *body;
    const char           *path;
} built_t;


#define A_SYSTEM  "\"system\":[{\"type\":\"text\",\"text\":"                  \
                  "\"be\\u0020brief\"}]"
#define A_REST    "\"messages\":[{\"role\":\"user\",\"content\":[{"           \
                  "\"type\":\"text\",\"text\":\"hi\"}]}],\"tools\":[{"        \
                  "\"name\":\"f\",\"description\":\"d\",\"input_schema\":"    \
                  SCHEMA "}],\"tool_choice\":{\"type\":\"any\"}"

#define G_REST    "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"    \
                  "\"hi\"}]}],\"systemInstruction\":{\"parts\":[{\"text\":"   \
                  "\"be\\u0020brief\"}]},\"tools\":[{"                        \
                  "\"functionDeclarations\":[{\"name\":\"f\","                \
                  "\"description\":\"d\",\"parametersJsonSchema\":" SCHEMA    \
                  "}]}]"

#define B_REST    "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"  \
                  "\"hi\"}]}],\"system\":[{\"text\":\"be\\u0020brief\"}],"    \
                  "\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\"," \
                  "\"description\":\"d\",\"inputSchema\":{\"json\":" SCHEMA   \
                  "}}}],\"toolChoice\":{\"any\":{}}}"


static const built_t  built[] = {

    { &ai_anthropic_count_tokens, &ai_provider_anthropic, CLAUDE,
      "{\"model\":\"" CLAUDE "\"," A_SYSTEM "," A_REST "}",
      "/messages/count_tokens" },

    { &ai_vertex_anthropic_count_tokens, &ai_provider_vertex_anthropic,
      "claude-sonnet-4@20250514",
      "{\"anthropic_version\":\"vertex-2023-10-16\","
      "\"model\":\"claude-sonnet-4@20250514\"," A_SYSTEM "," A_REST "}",
      "/anthropic/models/count-tokens:rawPredict" },

    { &ai_gemini_count_tokens, &ai_provider_gemini, GEMINI,
      "{\"generateContentRequest\":{\"model\":\"models/" GEMINI "\"," G_REST
      ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}}}}",
      "/models/" GEMINI ":countTokens" },

    { &ai_gemini_count_tokens, &ai_provider_gemini, "tunedModels/t-1",
      "{\"generateContentRequest\":{\"model\":\"tunedModels/t-1\"," G_REST
      ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}}}}",
      "/tunedModels/t-1:countTokens" },

    { &ai_vertex_gemini_count_tokens, &ai_provider_vertex, GEMINI,
      "{" G_REST "}", "/google/models/" GEMINI ":countTokens" },

    { &ai_bedrock_count_tokens, &ai_provider_bedrock, PROFILE,
      "{\"input\":{\"converse\":{" B_REST "}}}",
      "/model/anthropic.claude-sonnet-4-20250514-v1%3A0/count-tokens" },

    { NULL, NULL, NULL, NULL, NULL }
};


static const struct {
    const ai_dialect_t   *dialect;
    const char           *uri;
    const char           *request;
    const char           *reply;
} clients[] = {
    { &ai_dialect_count_tokens, NULL, MESSAGES, "{\"input_tokens\":42}" },
    { &ai_dialect_gemini_count, "m", "{" GENERATE "}",
      "{\"totalTokens\":42}" },
    { &ai_dialect_gemini_count, "m", "{\"generateContentRequest\":{"
      "\"model\":\"models/m\"," GENERATE "}}", "{\"totalTokens\":42}" },
    { &ai_dialect_responses_count, NULL, RESPONSES,
      "{\"object\":\"response.input_tokens\",\"input_tokens\":42}" }
};

#define CLIENTS  (sizeof(clients) / sizeof(clients[0]))


static void
test_built(const built_t *b, size_t i)
{
    ai_target_t  t;

    t = target(b->provider, b->model);

    if (!is_int(decode(clients[i].dialect, clients[i].uri,
                       clients[i].request), AI_OK, "%s decodes",
                (char *) clients[i].dialect->name.data))
    {
        diag("%.*s", (int) c.err.message.len, (char *) c.err.message.data);
    }

    is_int(c.peek.stream, 0, "no stream");
    is_str(c.call.model, "m", "model");
    is_int(c.call.kind, AI_CALL_COUNT, "kind");
    is_int(b->service->kind, AI_CALL_COUNT, "kind of the service");

    c.dropped.n = 0;

    is_int(call_build(&c, b->service, &t), AI_OK, "is built for %s",
           (char *) b->provider->name.data);
    is_str(ai_buf_str(&c.body), b->body, "body");
    is_cstr(call_dropped(&c), "", "nothing is missed");

    b->service->path(&t, &c.call, &c.out);
    is_str(ai_buf_str(&c.out), b->path, "path");

    ai_result_init(&c.res, AI_CALL_COUNT);
    is_int(call_reply(&c, clients[i].dialect), AI_ERROR, "no number");

    c.res.tokens = 42;
    is_int(call_reply(&c, clients[i].dialect), AI_OK, "told");
    is_str(ai_buf_str(&c.out), clients[i].reply, "reply");

    call_free();
}


/* OpenAI's own builder writes more than can be said here: read back */

static void
test_openai(size_t i)
{
    size_t       n;
    ai_str_t     s;
    ai_ref_t     key;
    ai_json_t    doc;
    ai_target_t  t;

    static const char  *const known[] = {
        "model", "input", "instructions", "tools", "tool_choice", "text",
        "reasoning", "parallel_tool_calls"
    };

    t = target(&ai_provider_openai_responses, "gpt-5");

    decode(clients[i].dialect, clients[i].uri, clients[i].request);

    is_int(call_build(&c, &ai_openai_count_tokens, &t), AI_OK,
           "is built for OpenAI");

    s = ai_buf_str(&c.body);
    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &s, NULL), AI_OK, "JSON");
    ok(ai_json_is(&doc, ai_json_get(&doc, AI_JSON_ROOT, "model"), "gpt-5"),
       "model");
    ok(ai_json_is(&doc, ai_json_get(&doc, AI_JSON_ROOT, "tool_choice"),
                  "required"), "tool_choice");
    is_int(doc.node[ai_json_get(&doc, AI_JSON_ROOT, "tools")].count, 1,
           "tools");

    ai_buf_char(&c.body, '\0');
    ok(strstr((char *) c.body.start, "\"hi\""), "the text");
    ok(strstr((char *) c.body.start, "\"be\\u0020brief\""), "instructions");

    for (key = ai_json_first(&doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(&doc, AI_JSON_ROOT, key))
    {
        for (n = 0; n < 8 && !ai_json_is(&doc, key, known[n]); n++) {
            /* void */
        }

        ok(n < 8, "a field it takes");
    }

    ai_openai_count_tokens.path(&t, &c.call, &c.out);
    is_str(ai_buf_str(&c.out), "/responses/input_tokens", "path");

    call_free();
}


/* what thinking costs is counted too, and a schema of the answer */

static void
test_thinking(void)
{
    ai_target_t  t;

    t = target(&ai_provider_anthropic, CLAUDE);

    decode(&ai_dialect_count_tokens, NULL, "{\"model\":\"m\",\"thinking\":{"
           "\"type\":\"enabled\",\"budget_tokens\":16000},\"messages\":[{"
           "\"role\":\"user\",\"content\":\"hi\"}]}");
    call_build(&c, &ai_anthropic_count_tokens, &t);
    is_str(ai_buf_str(&c.body), "{\"model\":\"" CLAUDE "\",\"messages\":[{"
           "\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
           "\"hi\"}]}],\"thinking\":{\"type\":\"enabled\","
           "\"budget_tokens\":16000}}", "the budget is the client's");
    call_free();

    t = target(&ai_provider_gemini, "models/" GEMINI);

    decode(&ai_dialect_count_tokens, NULL, "{\"model\":\"m\","
           "\"output_config\":{\"format\":{\"type\":\"json_schema\","
           "\"schema\":" SCHEMA "}},\"messages\":[{"
           "\"role\":\"user\",\"content\":\"hi\"}]}");
    call_build(&c, &ai_gemini_count_tokens, &t);
    is_str(ai_buf_str(&c.body), "{\"generateContentRequest\":{\"model\":"
           "\"models/" GEMINI "\",\"contents\":[{\"role\":\"user\",\"parts\""
           ":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
           "\"responseMimeType\":\"application/json\","
           "\"responseJsonSchema\":" SCHEMA "}}}", "a schema counts");
    call_free();
}


static void
test_profiles(void)
{
    size_t       i;
    ai_target_t  t;

    static const struct {
        const char  *model;
        const char  *path;
    } rows[] = {
        { "us.m", "/model/m/count-tokens" },
        { "us-gov.m", "/model/m/count-tokens" },
        { "eu.m", "/model/m/count-tokens" },
        { "apac.m", "/model/m/count-tokens" },
        { "global.m", "/model/m/count-tokens" },
        { "use.m", "/model/use.m/count-tokens" },
        { "a/b", "/model/a%2Fb/count-tokens" }
    };

    decode(&ai_dialect_count_tokens, NULL, MESSAGES);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t = target(&ai_provider_bedrock, rows[i].model);

        ai_buf_reset(&c.out);
        ai_bedrock_count_tokens.path(&t, &c.call, &c.out);
        is_str(ai_buf_str(&c.out), rows[i].path, "%s", rows[i].model);
    }

    t = target(&ai_provider_bedrock, "us...");
    is_int(call_build(&c, &ai_bedrock_count_tokens, &t), AI_ERROR,
           "a path is not led astray");
    is_str(c.err.param, "model", "param");

    call_free();
}


/* --- requests that are refused, and refs -------------------------------- */

static void
test_refused(void)
{
    size_t    i;
    ai_str_t  s;

    static const struct {
        const ai_dialect_t  *dialect;
        const char          *request;
        const char          *param;
        const char          *error;
    } rows[] = {
        { &ai_dialect_count_tokens, "{\"model\":\"m\"}", "messages",
          "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
          "\"message\":\"Missing required parameter: 'messages'.\"}}" },
        { &ai_dialect_count_tokens, "{\"model\":\"m\",\"messages\":[{"
          "\"role\":\"user\",\"content\":\"x\"}],\"container\":\"c\"}",
          "container", NULL },
        { &ai_dialect_gemini_count, "{}", "contents",
          "{\"error\":{\"code\":400,\"message\":\"Missing required "
          "parameter: 'contents'.\",\"status\":\"INVALID_ARGUMENT\","
          "\"details\":[{\"@type\":\"type.googleapis.com/"
          "google.rpc.BadRequest\",\"fieldViolations\":[{\"field\":"
          "\"contents\",\"description\":\"Missing required parameter: "
          "'contents'.\"}]}]}}" },
        { &ai_dialect_gemini_count, "{\"generateContentRequest\":{}}",
          "contents", NULL },
        { &ai_dialect_gemini_count, "{\"generateContentRequest\":[]}",
          "generateContentRequest", NULL },
        { &ai_dialect_gemini_count, "{\"contents\":[{\"parts\":[]}],"
          "\"generate_content_request\":{}}", "contents", NULL },
        { &ai_dialect_gemini_count, "{\"generateContentRequest\":{\"model\":"
          "\"models/other\",\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]}}",
          "model", NULL },
        { &ai_dialect_gemini_count, "{\"generateContentRequest\":{"
          "\"cachedContent\":\"c\",\"contents\":[{\"parts\":[{\"text\":"
          "\"x\"}]}]}}", "cachedContent", NULL },
        { &ai_dialect_responses_count, "{\"model\":\"m\",\"input\":\"x\","
          "\"previous_response_id\":\"r\"}", "previous_response_id", NULL },
        { &ai_dialect_responses_count, "{\"input\":\"x\"}", "model",
          "{\"error\":{\"message\":\"Missing required parameter: 'model'.\","
          "\"type\":\"invalid_request_error\",\"param\":\"model\","
          "\"code\":\"missing_required_parameter\"}}" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        is_int(decode(rows[i].dialect, "m", rows[i].request), AI_ERROR,
               "refuses %s", rows[i].request);
        is_str(c.err.param, rows[i].param, "param");

        rows[i].dialect->error(&c.out, &c.err);
        s = ai_buf_str(&c.out);

        if (rows[i].error) {
            is_str(s, rows[i].error, "as the API says it");
        }

        call_free();
    }
}


/* refs of an inner request are of the outer table */

static void
test_refs(void)
{
    ai_raw_t  s;

    decode(&ai_dialect_gemini_count, "m", "{\"x\":[1,{\"y\":2}],"
           "\"generateContentRequest\":{\"model\":\"m\",\"labels\":{\"l\":"
           "\"1\"},\"contents\":[{\"parts\":[{\"text\":\"t\"}]}],"
           "\"generationConfig\":{\"maxOutputTokens\":9}}}");

    s = ai_json_raw(&c.doc, c.peek.model_ref);
    is_str(s, "\"m\"", "model");
    s = ai_json_raw(&c.doc, c.peek.messages_ref);
    is_str(s, "[{\"parts\":[{\"text\":\"t\"}]}]", "contents");
    s = ai_json_raw(&c.doc, c.peek.max_tokens_ref);
    is_str(s, "9", "limit");
    s = ai_json_raw(&c.doc, c.peek.metadata_ref);
    is_str(s, "{\"l\":\"1\"}", "labels");
    is_int(c.peek.messages, 1, "counted");
    call_free();

    decode(&ai_dialect_gemini_count, "m",
           "{\"model\":null,\"contents\":[{\"parts\":[{\"text\":\"t\"}]}]}");
    ok(c.peek.model_ref == AI_JSON_NONE, "no model in the body");
    call_free();

    decode(&ai_dialect_gemini_count, "m", "{\"model\":\"models/m\","
           "\"contents\":[{\"parts\":[{\"text\":\"t\"}]}]}");
    s = ai_json_raw(&c.doc, c.peek.model_ref);
    is_str(s, "\"models/m\"", "or in its root");
    call_free();
}


/* --- answers ------------------------------------------------------------ */

static void
test_answers(void)
{
    size_t       i;
    ai_int_t     rc;
    ai_target_t  t;

    static const struct {
        const ai_service_t  *service;
        const char          *answer;
        int64_t              tokens;    /* -1: refused, ... */
        int64_t              cached;
        int                  error;     /* ... as an error it reports */
    } rows[] = {
        { &ai_anthropic_count_tokens, "{\"input_tokens\":0}", 0, -1, 0 },
        { &ai_anthropic_count_tokens, "{\"input_tokens\":7,\"x\":{}}", 7, -1,
          0 },
        { &ai_vertex_anthropic_count_tokens, "{\"input_tokens\":7}", 7, -1,
          0 },
        { &ai_openai_count_tokens, "{\"object\":\"response.input_tokens\","
          "\"input_tokens\":11}", 11, -1, 0 },
        { &ai_gemini_count_tokens, "{\"totalTokens\":31,"
          "\"cachedContentTokenCount\":20}", 31, 20, 0 },
        { &ai_vertex_gemini_count_tokens, "{\"totalTokens\":31,"
          "\"totalBillableCharacters\":9}", 31, -1, 0 },
        { &ai_bedrock_count_tokens, "{\"inputTokens\":3}", 3, -1, 0 },

        { &ai_anthropic_count_tokens, "{\"inputTokens\":3}", -1, -1, 0 },
        { &ai_anthropic_count_tokens, "{\"input_tokens\":\"3\"}", -1, -1,
          0 },
        { &ai_anthropic_count_tokens, "{\"input_tokens\":-3}", -1, -1, 0 },
        { &ai_anthropic_count_tokens, "{\"input_tokens\":3.5}", -1, -1, 0 },
        { &ai_anthropic_count_tokens, "{\"input_tokens\":1e13}", -1, -1, 0 },
        { &ai_anthropic_count_tokens, "[3]", -1, -1, 0 },
        { &ai_anthropic_count_tokens, "{\"input_tokens\":3", -1, -1, 0 },
        { &ai_anthropic_count_tokens, "", -1, -1, 0 },
        { &ai_gemini_count_tokens, "{\"totalTokens\":4,"
          "\"cachedContentTokenCount\":-1}", 4, -1, 0 },
        { &ai_gemini_count_tokens, "{\"error\":{\"code\":429,\"message\":"
          "\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}", -1, -1, 1 },
        { &ai_bedrock_count_tokens, "{\"message\":\"m\"}", -1, -1, 1 }
    };

    t = target(&ai_provider_anthropic, "m");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        decode(&ai_dialect_count_tokens, NULL, MESSAGES);

        rc = call_answer(&c, rows[i].service, &t, rows[i].answer,
                         strlen(rows[i].answer));

        is_int(rc, rows[i].tokens < 0 ? AI_ERROR : AI_OK, "%s",
               rows[i].answer);
        is_int(c.res.tokens, rows[i].tokens, "tokens");
        is_int(c.res.cached, rows[i].cached, "cached");
        is_int(c.err.kind != AI_ERR_NONE, rows[i].error, "an error");

        call_free();
    }

    /* what is cached is told where there is a word for it */

    decode(&ai_dialect_gemini_count, "m", "{" GENERATE "}");
    ai_result_init(&c.res, AI_CALL_COUNT);
    c.res.tokens = 31;
    c.res.cached = 20;
    call_reply(&c, &ai_dialect_gemini_count);
    is_str(ai_buf_str(&c.out), "{\"totalTokens\":31,"
           "\"cachedContentTokenCount\":20}", "reply with what is cached");
    call_free();
}


/* --- recordings --------------------------------------------------------- */

static void
test_anthropic_recordings(void)
{
    char         *q, *a, name[256];
    size_t        i, nq, na;
    ai_target_t   t;

    static const struct {
        const char  *name;
        const char  *model;
        const char  *body;
        int64_t      tokens;
    } rows[] = {
        { "anthropic_count_tokens_error", "claude-does-not-exist",
          "{\"model\":\"claude-does-not-exist\",\"messages\":[{\"role\":"
          "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hello\"}]}]}",
          -1 },
        { "anthropic_count_tokens_with_native_tools", "claude-sonnet-4-5",
          "{\"model\":\"claude-sonnet-4-5\",\"messages\":[{\"role\":\"user\","
          "\"content\":[{\"type\":\"text\",\"text\":\"What is 2 + 2?\"}]}]}",
          16 },
        { "anthropic_count_tokens_with_adaptive_thinking_and_output_tools",
          "claude-opus-4-6", NULL, 671 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(name, sizeof(name), "anthropic--%s.request.json",
                 rows[i].name);
        q = file_read(RECORDINGS, name, &nq);
        snprintf(name, sizeof(name), "anthropic--%s.response.json",
                 rows[i].name);
        a = file_read(RECORDINGS, name, &na);

        if (!ok(q && a, "%s is there", rows[i].name)) {
            continue;
        }

        t = target(&ai_provider_anthropic, rows[i].model);

        is_int(call_decode(&c, &ai_dialect_count_tokens, NULL, q, nq), AI_OK,
               "decoded");
        is_str(c.call.model, rows[i].model, "model");
        is_int(c.call.u.chat.max_output, -1, "no limit was said");
        is_int(call_build(&c, &ai_anthropic_count_tokens, &t), AI_OK,
               "built");

        if (rows[i].body) {
            is_str(ai_buf_str(&c.body), rows[i].body, "body");

        } else {
            ai_buf_char(&c.body, '\0');
            ok(strstr((char *) c.body.start, "\"thinking\":{\"type\":"
                      "\"adaptive\""), "thinking");
            ok(strstr((char *) c.body.start, "\"tool_choice\":{\"type\":"
                      "\"any\"}"), "tool_choice");
            ok(strstr((char *) c.body.start, "\"name\":\"final_result\","
                      "\"description\":\"The final response which ends this "
                      "conversation\""), "tools");
            ok(strstr((char *) c.body.start, "max_tokens") == NULL,
               "no limit");
        }

        is_int(call_answer(&c, &ai_anthropic_count_tokens, &t, a, na),
               rows[i].tokens < 0 ? AI_ERROR : AI_OK, "answer");
        is_int(c.res.tokens, rows[i].tokens, "tokens");

        if (rows[i].tokens < 0) {
            is_str(c.err.message, "model: claude-does-not-exist",
                   "the error it reports");
        }

        call_free();
        free(q);
        free(a);
    }
}


/* a request of Bedrock's, as an Anthropic client would make it */

static void
test_bedrock_recordings(void)
{
    char         *q, *a;
    size_t        nq, na;
    ai_str_t      text;
    ai_raw_t      want, got;
    ai_json_t     recorded, doc;
    ai_target_t   t;

    t = target(&ai_provider_bedrock, PROFILE);

    q = file_read(RECORDINGS, "bedrock--bedrock_count_tokens_tool_config"
                  ".request.json", &nq);
    a = file_read(RECORDINGS, "bedrock--bedrock_count_tokens_tool_config"
                  ".response.json", &na);

    if (!ok(q && a, "Bedrock's are there")) {
        return;
    }

    decode(&ai_dialect_count_tokens, NULL, "{\"model\":\"m\",\"messages\":[{"
           "\"role\":\"user\",\"content\":\"What is the weather in Paris?\""
           "}],\"tools\":[{\"name\":\"get_weather\",\"description\":"
           "\"Get the weather for a location\",\"input_schema\":{\"type\": "
           "\"object\", \"properties\": {\"location\": {\"type\": "
           "\"string\"}}}}],\"tool_choice\":{\"type\":\"auto\"}}");
    is_int(call_build(&c, &ai_bedrock_count_tokens, &t), AI_OK, "built");

    text.data = (ai_char_t *) q;
    text.len = nq;
    ai_json_init(&recorded, mem_pool());
    ai_json_parse(&recorded, &text, NULL);

    text = ai_buf_str(&c.body);
    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "JSON");

#define PATH(d, ...)  ai_json_path(d, AI_JSON_ROOT, "input", "converse",      \
                                   __VA_ARGS__, NULL)

    want = ai_json_esc(&recorded, PATH(&recorded, "messages") + 8);
    got = ai_json_esc(&doc, PATH(&doc, "messages") + 8);
    is_str(want, "What is the weather in Paris?", "(the place of the text)");
    is_mem(got.data, got.len, want.data, want.len, "the text");

    /* tools, tool, toolSpec, its members */

    want = ai_json_raw(&recorded, ai_json_path(&recorded,
                       PATH(&recorded, "toolConfig", "tools") + 3,
                       "inputSchema", "json", NULL));
    got = ai_json_raw(&doc, ai_json_path(&doc,
                      PATH(&doc, "toolConfig", "tools") + 3,
                      "inputSchema", "json", NULL));
    ok(want.len > 10, "(the place of the schema)");
    is_mem(got.data, got.len, want.data, want.len, "the schema");
    ok(PATH(&doc, "toolConfig", "toolChoice") == AI_JSON_NONE
       || PATH(&doc, "toolConfig", "toolChoice", "auto") != AI_JSON_NONE,
       "the choice is the model's, said or not");
    is_int(doc.node[PATH(&doc, "messages") - 2].count, 2,
           "nothing but messages and tools");

    is_int(call_answer(&c, &ai_bedrock_count_tokens, &t, a, na), AI_OK,
           "answer");
    is_int(c.res.tokens, 375, "tokens");

    call_free();
    free(q);
    free(a);
}


static void
test_other_recordings(void)
{
    char         *a;
    size_t        i, na;
    ai_target_t   t;

    static const struct {
        const ai_service_t  *service;
        const char          *name;
        int64_t              tokens;
        const char          *message;
    } rows[] = {
        { &ai_bedrock_count_tokens,
          "bedrock--bedrock_inference_profile_count_tokens.response.json",
          11, "" },
        { &ai_bedrock_count_tokens,
          "bedrock--bedrock_count_tokens_error.response.json", -1,
          "The provided model identifier is invalid." },
        { &ai_bedrock_count_tokens, "bedrock--anthropic_bedrock_count_tokens_"
          "rejects_server_tools.response.json", -1, NULL },
        { &ai_gemini_count_tokens,
          "gemini--TestGoogle.test_count_tokens.response.json", 5, "" },
        { &ai_vertex_gemini_count_tokens,
          "gemini--TestGoogle.test_count_tokens.response.json", 5, "" },

        /* a list of tokens is another operation's answer */
        { &ai_anthropic_count_tokens,
          "cohere--TestCohere.test_count_tokens.response.json", -1, "" }
    };

    t = target(&ai_provider_bedrock, "m");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        a = file_read(RECORDINGS, rows[i].name, &na);

        if (!ok(a != NULL, "%s is there", rows[i].name)) {
            continue;
        }

        decode(&ai_dialect_count_tokens, NULL, MESSAGES);

        is_int(call_answer(&c, rows[i].service, &t, a, na),
               rows[i].tokens < 0 ? AI_ERROR : AI_OK, "read");
        is_int(c.res.tokens, rows[i].tokens, "tokens");

        if (rows[i].message) {
            is_str(c.err.message, rows[i].message, "message");
        }

        call_free();
        free(a);
    }

    /* Gemini's request, through */

    a = file_read(RECORDINGS,
                  "gemini--TestGoogle.test_count_tokens.request.json", &na);

    if (!ok(a != NULL, "Gemini's request is there")) {
        return;
    }

    t = target(&ai_provider_gemini, "g");

    is_int(call_decode(&c, &ai_dialect_gemini_count, "m", a, na), AI_OK,
           "decoded");
    call_build(&c, &ai_gemini_count_tokens, &t);
    is_str(ai_buf_str(&c.body), "{\"generateContentRequest\":{\"model\":"
           "\"models/g\",\"contents\":[{\"role\":\"user\",\"parts\":[{"
           "\"text\":\"Hello, world!\"}]}]}}", "body");

    call_free();
    free(a);
}


static void
test_memory(const ai_service_t *s, const ai_provider_t *provider, size_t i)
{
    size_t       n;
    ai_int_t     rc;
    ai_target_t  t;

    static const char  answer[] = "{\"input_tokens\":1,\"inputTokens\":1,"
                                  "\"totalTokens\":1}";

    t = target(provider, "m");

    for (n = 1; n < 2000; n++) {
        mem_reset();
        mem_fail_at(n);

        rc = decode(clients[i].dialect, clients[i].uri, clients[i].request);

        if (rc == AI_OK) {
            rc = call_build(&c, s, &t);
        }

        if (rc == AI_OK) {
            rc = call_answer(&c, s, &t, answer, sizeof(answer) - 1);
        }

        if (rc == AI_OK) {
            rc = call_reply(&c, clients[i].dialect);
        }

        guard_free();

        if (!mem_failed()) {
            break;
        }

        if (rc != AI_ERROR) {
            ok(0, "allocation %zu fails", n);
        }
    }

    is_int(rc, AI_OK, "%zu allocations failed", n - 1);
    ok(n > 4 && n < 2000, "there were some");

    call_free();
}


int
main(void)
{
    size_t  i, k;

    for (i = 0; i < CLIENTS; i++) {
        for (k = 0; built[k].service; k++) {
            test_built(&built[k], i);
            test_memory(built[k].service, built[k].provider, i);
        }

        test_openai(i);
        test_memory(&ai_openai_count_tokens, &ai_provider_openai_responses,
                    i);
    }

    test_thinking();
    test_profiles();
    test_refused();
    test_refs();
    test_answers();
    test_anthropic_recordings();
    test_bedrock_recordings();
    test_other_recordings();

    return done();
}
