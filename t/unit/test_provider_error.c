
/*
 * Errors of providers: recorded ones, and the shapes and statuses there are.
 */

#include "tap.h"
#include "mem.h"
#include "upstream.h"


#define ERRORS  "t/data/recordings/errors"


/* the table of providers names them; their files are tested elsewhere */
__attribute__((weak)) const ai_provider_t  ai_provider_anthropic = {
    .name = ai_string("anthropic")
};
__attribute__((weak)) const ai_provider_t  ai_provider_gemini = {
    .name = ai_string("gemini")
};


#define BAD   AI_ERR_BAD_REQUEST
#define GONE  AI_ERR_MODEL_NOT_FOUND


static const struct {
    const char  *file;
    unsigned     status;
    ai_error_e   kind;
    const char  *param;
    const char  *code;
    int64_t      retry;
} recorded[] = {
    { "anthropic--anthropic_count_tokens_error", 404, GONE, "", "", -1 },
    { "anthropic--anthropic_explicit_effort_xhigh_unsupported_model_errors",
      400, BAD, "", "", -1 },
    { "anthropic--model_name_suggestion-anthropic", 404, GONE, "", "", -1 },
    { "bedrock--anthropic_bedrock_count_tokens_rejects_server_tools", 400, BAD,
      "", "", -1 },
    { "bedrock--bedrock_count_tokens_error", 400, GONE, "", "", -1 },
    { "bedrock--invoke_model_with_response_stream_invalid_model", 400, GONE,
      "", "", -1 },
    { "bedrock--multimodal_tool_return_matrix-direct-uploaded_file-document-"
      "bedrock_nova-1", 400, BAD, "", "", -1 },
    { "bedrock--multimodal_tool_return_matrix-direct-uploaded_file-image-"
      "bedrock_claude-1", 400, BAD, "", "", -1 },
    { "cohere--TestCohere.test_embed_error", 404, GONE, "", "", -1 },
    { "deepseek--deepseek_responses_rejects_interleaved_function_calls", 400,
      BAD, "", "invalid_request_error", -1 },
    { "gemini--TestGoogle.test_embed_error", 404, GONE, "", "", -1 },
    { "gemini--model_name_suggestion-google", 404, GONE, "", "", -1 },
    { "gemini--vercel-google-429-retry-info", 429, AI_ERR_RATE_LIMIT, "", "",
      34400 },
    { "groq--tool_regular_error", 404, GONE, "", "", -1 },
    { "groq--tool_use_failed_error", 400, BAD, "", "tool_use_failed", -1 },
    { "groq--tool_use_failed_error_with_text", 400, BAD, "",
      "tool_use_failed", -1 },
    { "openai-responses--vercel-reasoning-model-temperature-error", 400, BAD,
      "temperature", "", -1 },
    { "openai--TestOpenAI.test_embed_error", 404, GONE, "", "", -1 },
    { "openai--chat-bad-request", 400, BAD, "max_tokens",
      "unsupported_parameter", -1 },
    { "openai--chat-unknown-model", 404, GONE, "", "", -1 },
    { "openai--completion-bad-request", 400, BAD, "max_tokens",
      "integer_below_min_value", -1 },
    { "openai--completion-unknown-model", 404, GONE, "", "", -1 },
    { "openai--embeddings-bad-request", 400, BAD, "", "", -1 },
    { "openai--inferred_model_name_suggestion", 400, GONE, "", "", -1 },
    { "openai--model_name_suggestion-openai-chat", 404, GONE, "", "", -1 },
    { "openai--multimodal_tool_return_matrix-direct-url-audio-openai_responses"
      "-1", 400, BAD, "input", "unsupported_file", -1 },
    { "openai--multimodal_tool_return_matrix-tool_return_content-url-audio-"
      "openai_chat-2", 400, BAD, "messages[3]", "invalid_value", -1 },
    { "openai--openai_o1_mini_system_role-developer", 400, BAD,
      "messages[0].role", "unsupported_value", -1 },
    { "openai--openai_web_search_tool_model_not_supported", 400, BAD,
      "web_search_options", "", -1 },
    { "openai--responses_create_api_error-content_mode0", 400, GONE, "", "",
      -1 },
    { "openai--vercel-gpt-image-response-format-error", 400, BAD,
      "response_format", "unknown_parameter", -1 },
    { "openai--vercel-reasoning-model-legacy-parameter-error", 400, BAD,
      "max_tokens", "unsupported_parameter", -1 },
    { "openrouter--openrouter_errors_raised", 429, AI_ERR_RATE_LIMIT, "", "",
      -1 },
    { "vertex--generate_content_invalid_role", 400, BAD, "", "", -1 },
    { "vertex--generate_content_missing_model", 404, GONE, "", "", -1 },
    { "vertex--multimodal_tool_return_matrix-tool_return_content-url-image-"
      "google_vertex-3", 400, BAD, "", "", -1 },
    { "voyage--TestVoyageAI.test_embed_error", 400, BAD, "", "", -1 },
};


static const struct {
    unsigned     status;
    const char  *body;
    ai_error_e   kind;
    unsigned     told;          /* ai_error_status() */
    const char  *message;       /* NULL: not looked at */
    int64_t      retry;
} made[] = {
    { 400, "", BAD, 400, "", -1 },
    { 418, "<html><h1>no</h1></html>", BAD, 418, "", -1 },
    { 422, "{\"detail\":[{\"loc\":[\"body\",\"n\"],\"msg\":\"bad n\"}]}", BAD,
      422, "bad n", -1 },
    { 400, "{\"detail\":\"d\"}", BAD, 400, "d", -1 },
    { 400, "[{\"error\":{\"message\":\"m\"}}]", BAD, 400, "m", -1 },
    { 400, "{\"error\":\"s\"}", BAD, 400, "s", -1 },
    { 400, "{\"error\":[\"s\"]}", BAD, 400, "s", -1 },
    { 400, "{\"message\":\"m\"}", BAD, 400, "m", -1 },
    { 400, "{\"code\":\"c\",\"error\":\"x\"}", BAD, 400, "x", -1 },
    { 400, "{\"fault\":{\"faultstring\":\"f\"}}", BAD, 400, "f", -1 },
    { 400, "{\"object\":\"error\",\"message\":\"m\",\"code\":400}", BAD, 400,
      "m", -1 },
    { 401, "<html>", AI_ERR_UPSTREAM_AUTH, 502, "", -1 },
    { 401, "{\"error\":{\"message\":\"Incorrect API key provided: sk-x\"}}",
      AI_ERR_UPSTREAM_AUTH, 502, "", -1 },
    { 403, "{\"error\":{\"message\":\"no\"}}", AI_ERR_UPSTREAM_AUTH, 502, "",
      -1 },
    { 403, "{\"error\":{\"code\":403,\"message\":\"flagged\",\"metadata\":{"
      "\"reasons\":[\"x\"]}}}", AI_ERR_CONTENT_POLICY, 400, "flagged", -1 },
    { 400, "{\"error\":{\"code\":400,\"message\":\"API key not valid\","
      "\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}",
      AI_ERR_UPSTREAM_AUTH, 502, "", -1 },
    { 402, "{}", AI_ERR_QUOTA, 429, "", -1 },
    { 429, "{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"m\"}}",
      AI_ERR_QUOTA, 429, "m", -1 },
    { 429, "{\"error\":{\"code\":429,\"details\":[{\"violations\":[{"
      "\"quotaId\":\"GenerateRequestsPerDayPerProject\"}]},{\"retryDelay\":"
      "\"5s\"}]}}", AI_ERR_QUOTA, 429, "", 5000 },
    { 400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
      "\"message\":\"Your credit balance is too low to access\"}}",
      AI_ERR_QUOTA, 429, NULL, -1 },
    { 429, "{\"error\":{\"message\":\"Please retry after 6 seconds.\"}}",
      AI_ERR_RATE_LIMIT, 429, NULL, 6000 },
    { 429, "{\"error\":{\"message\":\"Please try again in 6m0s.\"}}",
      AI_ERR_RATE_LIMIT, 429, NULL, 360000 },
    { 429, "{\"error\":{\"message\":\"Please try again in 120ms.\"}}",
      AI_ERR_RATE_LIMIT, 429, NULL, 120 },
    { 498, "", AI_ERR_RATE_LIMIT, 429, "", -1 },
    { 404, "", GONE, 404, "", -1 },
    { 400, "{\"error\":{\"code\":\"context_length_exceeded\"}}",
      AI_ERR_CONTEXT_LENGTH, 400, "", -1 },
    { 400, "{\"message\":\"This model's maximum context length is 8192\"}",
      AI_ERR_CONTEXT_LENGTH, 400, NULL, -1 },
    { 413, "{\"message\":\"prompt is too long\"}", AI_ERR_TOO_LARGE, 413,
      NULL, -1 },
    { 400, "{\"error\":{\"code\":\"content_filter\",\"message\":\"m\"}}",
      AI_ERR_CONTENT_POLICY, 400, "m", -1 },
    { 400, "{\"error\":{\"code\":\"x\",\"innererror\":{\"code\":"
      "\"ResponsibleAIPolicyViolation\"}}}", AI_ERR_CONTENT_POLICY, 400, "",
      -1 },
    { 408, "", AI_ERR_UPSTREAM_TIMEOUT, 504, "", -1 },
    { 504, "", AI_ERR_UPSTREAM_TIMEOUT, 504, "", -1 },
    { 424, "", AI_ERR_OVERLOADED, 503, "", -1 },
    { 503, "", AI_ERR_OVERLOADED, 503, "", -1 },
    { 529, "", AI_ERR_OVERLOADED, 503, "", -1 },
    { 500, "", AI_ERR_UPSTREAM, 500, "", -1 },
    { 502, "<html>bad gateway</html>", AI_ERR_UPSTREAM, 502, "", -1 },
    { 301, "", AI_ERR_UPSTREAM_INVALID, 502, "", -1 },
    { 0, "{\"error\":{\"code\":429,\"message\":\"m\"}}", AI_ERR_RATE_LIMIT,
      429, "m", -1 },
    { 0, "{\"error\":{\"code\":\"503\",\"message\":\"m\"}}",
      AI_ERR_OVERLOADED, 503, "m", -1 },
    { 0, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
      "\"message\":\"m\"}}", AI_ERR_OVERLOADED, 503, "m", -1 },
    { 200, "{\"error\":{\"type\":\"server_error\"}}", AI_ERR_UPSTREAM, 500, "",
      -1 },
    { 0, "{\"error\":\"boom\"}", AI_ERR_UPSTREAM, 502, "boom", -1 },
    { 0, "garbage", AI_ERR_UPSTREAM, 502, "", -1 },

    /* what is taken out, and what only looks like it */
    { 400, "{\"message\":\"key sk-abcdefgh12345678, org org-a1B2c3D4e5.\"}",
      BAD, 400, "key sk-***, org org-***.", -1 },
    { 400, "{\"message\":\"AIzaSyA1234567890 in (Bearer abc123def456)\"}",
      BAD, 400, "AIza*** in (Bearer ***)", -1 },
    { 400, "{\"message\":\"user-9ab8cd7 of acct_12345 at projects/777/x\"}",
      BAD, 400, "user-*** of acct_*** at projects/***/x", -1 },
    { 400, "{\"message\":\"a user-defined task-oriented Bearer token\"}", BAD,
      400, "a user-defined task-oriented Bearer token", -1 },
    { 400, "{\"message\":\"a\\u0000b\\r\\u001bc\"}", BAD, 400, "a b  c", -1 },
};


static void
shown(const ai_error_t *e, const char *name)
{
    ok(e->message.len <= 2048, "%s: the message is short", name);
    ok(e->kind != AI_ERR_NONE && e->kind < AI_ERR_N, "%s: a kind", name);
    ok(ai_error_message(e).len > 0, "%s: there is a text", name);
}


static void
recordings(void)
{
    char         name[256], *data;
    size_t       i, len;
    ai_str_t     body;
    ai_error_t   e;

    for (i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        snprintf(name, sizeof(name), "%s.json", recorded[i].file);
        data = file_read(ERRORS, name, &len);

        if (!ok(data != NULL, "%s", name)) {
            continue;
        }

        body = guard_str(data, len);
        ai_provider_error(&ai_provider_openai, recorded[i].status, &body,
                          mem_pool(), &e);

        is_int(e.kind, recorded[i].kind, "%s: kind", name);
        is_str(e.param, recorded[i].param, "%s: param", name);
        is_str(e.code, recorded[i].code, "%s: code", name);
        is_int(e.retry_after, recorded[i].retry, "%s: retry", name);
        ok(e.message.len > 0, "%s: message", name);
        shown(&e, name);

        free(data);
        guard_free();
        mem_reset();
    }
}


static void
shapes(void)
{
    size_t      i, len, cut;
    ai_str_t    body;
    ai_error_t  e;

    for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        len = strlen(made[i].body);
        body = guard_str(made[i].body, len);

        ai_provider_error(&ai_provider_openai, made[i].status, &body,
                          mem_pool(), &e);

        is_int(e.kind, made[i].kind, "%u %s: kind", made[i].status,
               made[i].body);
        is_int(ai_error_status(&e), made[i].told, "%s: status", made[i].body);
        is_int(e.retry_after, made[i].retry, "%s: retry", made[i].body);

        if (made[i].message) {
            is_str(e.message, made[i].message, "%s: message", made[i].body);
        }

        shown(&e, made[i].body);

        /* half an error is one, too */

        for (cut = 0; cut < len; cut++) {
            body = guard_str(made[i].body, cut);
            ai_provider_error(NULL, made[i].status, &body, mem_pool(), &e);

            if (e.kind == AI_ERR_NONE) {
                ok(0, "%s: cut at %zu", made[i].body, cut);
            }

            guard_free();
        }

        guard_free();
        mem_reset();
    }
}


static void
long_message(void)
{
    size_t      i, n;
    ai_buf_t    b;
    ai_str_t    body;
    ai_error_t  e;

    for (n = 2040; n < 2050; n++) {
        ai_buf_init(&b, mem_pool());
        ai_buf_lit(&b, "{\"message\":\"");

        for (i = 0; i < n; i++) {
            ai_buf_char(&b, 'x');
        }

        for (i = 0; i < 20; i++) {
            ai_buf_lit(&b, "\xf0\x9f\x98\x80\xc3\xa9");
        }

        ai_buf_lit(&b, "\"}");
        body = ai_buf_str(&b);
        ai_provider_error(NULL, 400, &body, mem_pool(), &e);

        ok(e.message.len <= 2048 && e.message.len > 2040, "cut at 2048");
        ok(e.message.data[e.message.len - 1] == 'x'
           || e.message.data[e.message.len - 1] == 0x80
           || e.message.data[e.message.len - 1] == 0xa9,
           "at the end of a character");
        mem_reset();
    }
}


static void
retry(void)
{
    size_t    i;
    ai_str_t  ms, s;

    static const struct {
        const char  *ms;
        const char  *after;
        int64_t      want;
    } r[] = {
        { "1500", "7", 1500 }, { "", "7", 7000 }, { "x", "7", 7000 },
        { "", "0", 0 }, { "", "1.5", 1500 }, { "", "-1", -1 },
        { "-5", "", -1 }, { "", "", -1 }, { "", "86400", 86400000 },
        { "", "86401", -1 }, { "", "99999999999999999999", -1 },
        { "", "7 apples", -1 }, { "", " 7 ", 7000 }, { "", "1e3", -1 },
        { "", "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
        { "", "Sun, 06 Nov 1994 08:49:47 GMT", 10000 },
        { "", "Sunday, 06-Nov-94 08:49:47 GMT", 10000 },
        { "", "Sun Nov  6 08:49:47 1994", 10000 },
        { "", "Sun, 06 Nov 1994 08:49:30 GMT", 0 },
        { "", "Sun, 06 Nov 2094 08:49:37 GMT", -1 },
        { "", "Sun, 06 Nov 1993 08:49:37 GMT", -1 },
        { "", "Sun, 99 Nov 1994 08:49:37 GMT", -1 },
        { "", "soon", -1 },
    };

    for (i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
        ms = guard_str(r[i].ms, strlen(r[i].ms));
        s = guard_str(r[i].after, strlen(r[i].after));

        is_int(ai_retry_after(&ms, &s, 784111777), r[i].want, "\"%s\" \"%s\"",
               r[i].ms, r[i].after);
        guard_free();
    }

    is_int(ai_retry_after(NULL, NULL, 784111777), -1, "no header");
}


static void
failures(void)
{
    size_t      n, pass;
    ai_str_t    body;
    ai_error_t  e;

    body = ai_lit("{\"error\":{\"message\":\"a\\u00e9 sk-abcdefgh1\",\"code\":"
                  "\"c\\u0041\",\"param\":\"p\\u0041\",\"details\":[{"
                  "\"retryDelay\":\"2s\"}]}}");

    for (pass = 0; pass < 2; pass++) {
        for (n = 1; n < 50; n++) {
            mem_reset();

            if (pass) {
                mem_fail_from(n);

            } else {
                mem_fail_at(n);
            }

            ai_provider_error(NULL, 400, &body, mem_pool(), &e);

            ok(e.kind == BAD && ai_error_message(&e).len > 0,
               "allocation %zu fails", n);

            if (!mem_failed()) {
                break;
            }
        }
    }

    mem_reset();
}


int
main(void)
{
    recordings();
    shapes();
    long_message();
    retry();
    failures();

    return done();
}
