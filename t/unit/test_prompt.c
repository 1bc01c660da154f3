
/*
 * How many tokens prompts and answers are: recordings against what their
 * providers have counted, and what the walk over a request is about.
 */

#include "tap.h"
#include "calls.h"
#include "upstream.h"

#include <codec/ai_base64.h>
#include <token/ai_prompt.h>


#ifndef T_DATA
#define T_DATA  "t/data"
#endif

#define RECORDINGS  T_DATA "/token/prompt"


typedef struct {
    const char           *file;
    const ai_dialect_t   *dialect;
    const char           *model;
    int64_t               tokens;       /* as the provider says */
    int64_t               near;         /* allowed difference */
} prompt_case_t;


typedef struct {
    const char           *file;
    const ai_provider_t  *provider;
    const char           *model;
    int64_t               tokens;       /* of what can be seen */
    int64_t               near;
} output_case_t;


/* a request, decoded */
typedef struct {
    ai_token_model_t      model;
    const ai_tokenizer_t *tokenizer;
    ai_request_t          rq;           /* of a chat, or ... */
    call_t                call;         /* ... of another operation */
    const ai_dialect_t   *dialect;
    ai_json_t             doc;
} asked_t;


static const prompt_case_t  prompts[] = {

    { "openai-valid_response.json",
      &ai_dialect_openai, "gpt-4o", 14, 0 },
    { "openai-chat_completion_multiple_choices_streaming.json",
      &ai_dialect_openai, "gpt-4o-mini", 26, 0 },
    { "openai-chat_completion_multiple_tools_streaming_with_content.json",
      &ai_dialect_openai, "gpt-4o-mini", 75, 0 },
    { "openai-dbos_agent_with_model_retry-1.json",
      &ai_dialect_openai, "gpt-4o", 87, 0 },
    { "openai-openai_text_output_function-1.json",
      &ai_dialect_openai, "gpt-4o", 63, 0 },
    { "openai-openai_native_output-1.json",
      &ai_dialect_openai, "gpt-4o", 92, 0 },
    { "openai-openai_tool_output.json",
      &ai_dialect_openai, "gpt-4o", 68, 0 },
    { "openai-image_url_tool_response.json",
      &ai_dialect_openai, "gpt-4o", 46, 0 },
    { "openai-openai_prompted_output.json",
      &ai_dialect_openai, "gpt-4o", 109, 0 },
    { "openai-openai_tool_call_roundtrip_wire_stable-vercel-2.json",
      &ai_dialect_openai, "gpt-4o", 64, 0 },
    { "openai-complex_agent_run_in_workflow-1.json",
      &ai_dialect_openai, "gpt-4o", 423, 1 },
    { "openai-openai_instructions_with_tool_calls_keep_instructions-1.json",
      &ai_dialect_openai, "gpt-4.1-mini", 75, 1 },
    { "openai-max_completion_tokens-gpt-4.5-preview.json",
      &ai_dialect_openai, "gpt-4.5-preview", 8, 0 },
    { "openai-chat-multiturn.json",
      &ai_dialect_openai, "gpt-5-nano", 50, 0 },
    { "openai-chat-image-to-text.json",
      &ai_dialect_openai, "gpt-5-nano", 22, 0 },
    { "openai-chat-json-mode.json",
      &ai_dialect_openai, "gpt-5-nano", 21, 0 },
    { "openai-chat-parallel-tools.json",
      &ai_dialect_openai, "gpt-5-nano", 162, 1 },
    { "openai-tool_choice_matrix-none-openai.json",
      &ai_dialect_openai, "gpt-5-mini", 132, 0 },
    { "openai-stop_settings-openai.json",
      &ai_dialect_openai, "o3-mini", 31, 0 },
    { "openai-openai_chat_prompt_cache_e2e.json",
      &ai_dialect_openai, "gpt-5.6-sol", 4020, 0 },
    { "openai-responses_tool_use_streaming.json",
      &ai_dialect_responses, "gpt-5.5", 58, 0 },
    { "openai-responses_tool_use_streaming-1.json",
      &ai_dialect_responses, "gpt-5.5", 94, 0 },
    { "openai-openai_responses_streaming_usage.json",
      &ai_dialect_responses, "gpt-5", 53, 0 },
    { "openai-openai_responses_native_output_decimal_strict.json",
      &ai_dialect_responses, "gpt-5.4-mini", 72, 1 },
    { "openai-openai_instructions_with_responses_logprobs.json",
      &ai_dialect_responses, "gpt-4o-mini", 25, 0 },
    { "openai-completion-streaming-usage.json",
      &ai_dialect_completions, "babbage-002", 31, 0 },
    { "openai-embeddings-dimensions.json",
      &ai_dialect_openai_embeddings, "text-embedding-3-small", 5, 0 },
    { "azure-azure_provider_call.json",
      &ai_dialect_openai, "gpt-4o", 14, 0 },
    { "bedrock-mantle-gpt_oss_responses.json",
      &ai_dialect_responses, "openai.gpt-oss-120b", 72, 0 },
    { "bedrock-mantle-native_output.json",
      &ai_dialect_responses, "openai.gpt-5.6-luna", 44, 1 },
    { "cerebras-cerebras_thinking_part_survives_multiturn-1.json",
      &ai_dialect_openai, "gpt-oss-120b", 98, 0 },
    { "ollama-ollama_cloud_prompted_output.json",
      &ai_dialect_openai, "gpt-oss:20b", 172, 0 },
    { "ollama-ollama_cloud_tool_output.json",
      &ai_dialect_openai, "gpt-oss:20b", 134, 2 },
    { "mistral-image_as_binary_content_tool_response.json",
      &ai_dialect_openai, "pixtral-12b-latest", 65, 0 },
    { "mistral-mistral_history_uses_prompt_cache.json",
      &ai_dialect_openai, "mistral-large-latest", 253, 0 },
    { "mistral-tool_choice_matrix-auto-mistral.json",
      &ai_dialect_openai, "mistral-large-latest", 77, 0 },
    { "mistral-tool_choice_matrix-auto-mistral-1.json",
      &ai_dialect_openai, "mistral-large-latest", 100, 0 },
    { "mistral-tool_choice_matrix-tools_plus_output-mistral-1.json",
      &ai_dialect_openai, "mistral-large-latest", 175, 0 },
    { "mistral-stop_settings-mistral.json",
      &ai_dialect_openai, "ministral-8b-latest", 28, 0 },
    { "mistral-reasoning_wire_contract-mistral-small-unset-omits-effort.json",
      &ai_dialect_openai, "mistral-small-latest", 28, 0 },
    { "openrouter-openrouter_tool_calling.json",
      &ai_dialect_openai, "mistralai/mistral-small", 134, 1 },
    { "bedrock-bedrock_thinking_false_qwen_variant_silent_drop.json",
      &ai_dialect_openai, "qwen.qwen3-32b-v1:0", 19, 4 },
    { "crusoe-crusoe_model_streaming.json",
      &ai_dialect_openai, "meta-llama/Llama-3.3-70B-Instruct", 46, 0 },
    { "groq-stop_settings-groq.json",
      &ai_dialect_openai, "llama3-8b-8192", 35, 0 },
    { "deepseek-deepseek_model_thinking_part.json",
      &ai_dialect_openai, "deepseek-reasoner", 12, 0 },
    { "deepseek-deepseek_deferred_capability_with_thinking.json",
      &ai_dialect_openai, "deepseek-reasoner", 563, 12 },
    { "gemini-google_model_top_k.json",
      &ai_dialect_gemini, "gemini-3.1-flash-lite", 15, 0 },
    { "gemini-mixed_content_ordering-google_2_5.json",
      &ai_dialect_gemini, "gemini-2.5-flash", 38, 2 },
    { "gemini-tool_choice_matrix-auto-google-1.json",
      &ai_dialect_gemini, "gemini-2.5-flash", 88, 5 },
    { "anthropic-stop_settings-anthropic.json",
      &ai_dialect_anthropic, "claude-sonnet-4-5", 32, 3 },
    { "anthropic-mid_conversation_system_prompt_kept_mid_history.json",
      &ai_dialect_anthropic, "claude-opus-4-8", 109, 6 },
    { "anthropic-strict_none_tool_no_output.json",
      &ai_dialect_anthropic, "claude-sonnet-4-5", 557, 6 },
    { "anthropic-strict_true_tool_native_output-1.json",
      &ai_dialect_anthropic, "claude-sonnet-4-5", 811, 17 },
    { "anthropic-multiple_parallel_tool_calls-1.json",
      &ai_dialect_anthropic, "claude-haiku-4-5", 771, 16 },
    { "anthropic-thinking_roundtrip_anthropic.json",
      &ai_dialect_anthropic, "claude-sonnet-4-5", 48, 1 },
    { "anthropic-anthropic_count_tokens_with_ad"
      "aptive_thinking_and_output_tools-1.json",
      &ai_dialect_anthropic, "claude-opus-4-6", 671, 14 },
    { "openrouter-openrouter_cache_all_settings_real_api-1.json",
      &ai_dialect_openai, "anthropic/claude-sonnet-4.6", 2649, 106 },
    { "bedrock-stop_settings-bedrock.json",
      &ai_dialect_openai, "us.amazon.nova-micro-v1:0", 25, 0 },
    { "cohere-tool_choice_matrix-auto-cohere.json",
      &ai_dialect_openai, "command-r7b-12-2024", 1441, 15 },
    { "zai-zai_thinking_stream.json",
      &ai_dialect_openai, "glm-4.7", 13, 0 },
    { "vertex-google_task_prefix_vertex.json",
      &ai_dialect_gemini_embed, "gemini-embedding-2", 11, 0 },
};


static const output_case_t  outputs[] = {

    { "openai-valid_response.response.json",
      &ai_provider_openai, "gpt-4o-2024-08-06", 7, 0 },
    { "openai-async_chat_completion_multiple_choices.response.json",
      &ai_provider_openai, "gpt-4o-mini-2024-07-18", 10, 0 },
    { "openai-chat_completion_multiple_choices_streaming.response.sse",
      &ai_provider_openai, "gpt-4o-mini-2024-07-18", 104, 0 },
    { "openai-openai_tool_output.response.json",
      &ai_provider_openai, "gpt-4o-2024-08-06", 12, 1 },
    { "openai-dbos_agent_with_model_retry-1.response.json",
      &ai_provider_openai, "gpt-4o-2024-08-06", 17, 0 },
    { "openai-chat_completion_multiple_tools_st"
      "reaming_with_content.response.sse",
      &ai_provider_openai, "gpt-4o-mini-2024-07-18", 51, 1 },
    { "openai-openai_instructions_with_response"
      "s_logprobs_streaming.response.sse",
      &ai_provider_openai_responses, "gpt-4o-mini-2024-07-18", 10, 1 },
    { "openai-completion-streaming-usage.response.sse",
      &ai_provider_openai_completions, "babbage:2023-07-21-v2", 25, 0 },
    { "openai-chat-json-mode.response.json",
      &ai_provider_openai, "gpt-5-nano-2025-08-07", 24, 0 },
    { "openai-chat-parallel-tools.response.json",
      &ai_provider_openai, "gpt-5-nano-2025-08-07", 27, 0 },
    { "openai-responses_basic_streaming.response.sse",
      &ai_provider_openai_responses, "gpt-5.5-2026-04-23", 5, 0 },
    { "openai-responses_tool_use_streaming.response.sse",
      &ai_provider_openai_responses, "gpt-5.5-2026-04-23", 23, 0 },
    { "cerebras-cerebras_thinking_part_survives_multiturn-1.response.json",
      &ai_provider_openai, "gpt-oss-120b", 47, 0 },
    { "groq-tool_use_failed_error_streaming-1.response.sse",
      &ai_provider_openai, "openai/gpt-oss-120b", 49, 0 },
    { "bedrock-mantle-gpt_oss_responses.response.json",
      &ai_provider_openai_responses, "openai.gpt-oss-120b", 45, 0 },
    { "alibaba-qwen-vercel-alibaba-reasoning-stream.response.sse",
      &ai_provider_openai, "qwen3-max", 1355, 0 },
    { "alibaba-qwen-vercel-alibaba-tool-call.response.json",
      &ai_provider_openai, "qwen3-max", 22, 0 },
    { "groq-reasoning_wire_contract-groq-qwen3-effort-setting.response.json",
      &ai_provider_openai, "qwen/qwen3-32b", 173, 2 },
    { "mistral-mistral_model_thinking_part_iter.response.sse",
      &ai_provider_openai, "magistral-medium-latest", 232, 0 },
    { "mistral-tool_choice_matrix-auto-mistral.response.json",
      &ai_provider_openai, "mistral-large-latest", 12, 0 },
    { "mistral-tool_choice_matrix-auto-mistral-1.response.json",
      &ai_provider_openai, "mistral-large-latest", 29, 0 },
    { "crusoe-crusoe_model_streaming.response.sse",
      &ai_provider_openai, "meta-llama/Llama-3.3-70B-Instruct", 14, 0 },
    { "anthropic-anthropic_opus_46_features-basic.response.json",
      &ai_provider_anthropic, "claude-opus-4-6", 5, 1 },
    { "anthropic-anthropic_model_thinking_part_stream.response.sse",
      &ai_provider_anthropic, "claude-sonnet-4-20250514", 282, 6 },
    { "anthropic-anthropic_tool_output-1.response.json",
      &ai_provider_anthropic, "claude-sonnet-4-5-20250929", 56, 0 },
    { "anthropic-vercel-anthropic-json-output-format.1-stream.response.sse",
      &ai_provider_anthropic, "claude-sonnet-4-5-20250929", 305, 10 },
    { "gemini-tool_choice_matrix-auto-google-1.response.json",
      &ai_provider_gemini, "gemini-2.5-flash", 15, 0 },
    { "vertex-google_url_input-DocumentUrl.response.json",
      &ai_provider_gemini, "gemini-2.0-flash", 103, 5 },
    { "deepseek-deepseek_model_thinking_part.response.json",
      &ai_provider_openai, "deepseek-reasoner", 789, 16 },
    { "openai-compatible-vercel-xai-text.response.json",
      &ai_provider_openai, "grok-3-mini", 322, 4 },
    { "zai-zai_thinking_stream.response.sse",
      &ai_provider_openai, "glm-4.7", 564, 12 },
};


static void
asked_model(asked_t *a, const char *name)
{
    ai_str_t  s;

    s.data = (ai_char_t *) name;
    s.len = strlen(name);

    ai_token_model(&s, &a->model);
    a->tokenizer = ai_tokenizer_open(&a->model.tokenizer);

    if (a->tokenizer == NULL) {
        abort();
    }
}


/* 1, or 0: refused */

static int
ask(asked_t *a, const ai_dialect_t *dialect, const char *model,
    const char *body, size_t len)
{
    ai_str_t      text;
    ai_peek_t     peek;
    ai_error_t    err;
    ai_dropped_t  dropped;

    memset(a, 0, sizeof(asked_t));
    memset(&peek, 0, sizeof(peek));
    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));

    a->dialect = dialect;
    asked_model(a, model);

    if (dialect->form) {
        return call_decode(&a->call, dialect, model, body, len) == AI_OK;
    }

    text = guard_str(body, len);

    ai_json_init(&a->doc, mem_pool());
    ai_request_init(&a->rq);

    peek.model.data = (ai_char_t *) model;
    peek.model.len = strlen(model);

    return ai_json_parse(&a->doc, &text, NULL) == AI_OK
           && dialect->peek(&a->doc, mem_pool(), &peek, &err) == AI_OK
           && dialect->decode(&a->doc, &peek, mem_pool(), &a->rq, &dropped,
                              &err) == AI_OK;
}


static int64_t
count(const asked_t *a, size_t bytes, size_t *steps)
{
    size_t       n;
    ai_prompt_t  p;

    if (a->dialect->form) {
        return ai_prompt_call(&a->model, a->tokenizer, &a->call.call,
                              mem_pool());
    }

    ai_prompt_init(&p, &a->model, a->tokenizer, &a->rq, mem_pool());
    p.responses = a->dialect == &ai_dialect_responses;

    for (n = 1; ai_prompt_step(&p, bytes) == AI_AGAIN; n++) {
        if (n > 10000000) {
            return -1;
        }
    }

    if (steps) {
        *steps = n;
    }

    return p.tokens;
}


/* a request of OpenAI's API, from its text */

static int64_t
count_text(const char *model, const char *body, size_t bytes)
{
    asked_t  a;

    if (!ask(&a, &ai_dialect_openai, model, body, strlen(body))) {
        return -2;
    }

    return count(&a, bytes, NULL);
}


static int
near(int64_t got, int64_t want, int64_t by)
{
    return got >= want - by && got <= want + by;
}


static void
prompts_as_recorded(void)
{
    char     *body;
    size_t    i, n, len;
    asked_t   a;
    int64_t   got;

    static const size_t  bytes[] = { 1, 7, 100, 4096 };

    for (i = 0; i < sizeof(prompts) / sizeof(prompts[0]); i++) {
        mem_reset();

        body = file_read(RECORDINGS, prompts[i].file, &len);
        if (!ok(body != NULL, "%s is there", prompts[i].file)) {
            continue;
        }

        if (!ok(ask(&a, prompts[i].dialect, prompts[i].model, body, len),
                "%s is decoded", prompts[i].file))
        {
            free(body);
            continue;
        }

        got = count(&a, SIZE_MAX, NULL);

        ok(near(got, prompts[i].tokens, prompts[i].near),
           "%s: %ld, the provider counts %ld", prompts[i].file, (long) got,
           (long) prompts[i].tokens);

        for (n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++) {
            is_int(count(&a, bytes[n], NULL), got, "%s by %zu bytes",
                   prompts[i].file, bytes[n]);
        }

        free(body);
        guard_free();
    }

    mem_reset();
}


/* --- texts in slices ---------------------------------------------------- */

static void
text_in_slices(void)
{
    int64_t    want;
    size_t     n, i, len;
    ai_buf_t   body, plain;
    ai_str_t   name;
    asked_t    a;

    static const char *const  pieces[] = {
        "\\\\", "\\\\\\\\", "\\ud83d\\ude00", "\\u00e9", "\\n\\n", "\\\"",
        "word ", "\\\\\\ud83d\\ude00x", "\xc3\xa9", "\xf0\x9f\x98\x80",
        "\\u4f60\\u597d", "12345", "\\t", "\\ud83d", "\\\\u0041", "  "
    };

    name = ai_lit("o200k_base");

    ai_buf_init(&body, mem_pool());
    ai_buf_init(&plain, mem_pool());

    for (i = 0; i < 3000; i++) {
        n = (i * i + 7 * i) % (sizeof(pieces) / sizeof(pieces[0]));
        ai_buf_add(&body, pieces[n], strlen(pieces[n]));
    }

    name = ai_buf_str(&body);
    ai_json_unescape(&plain, &name);

    ok(!body.failed && !plain.failed, "text made");

    asked_model(&a, "gpt-4o");

    want = 7 + ai_tokenizer_count(a.tokenizer, plain.start,
                                  ai_buf_len(&plain));

    ai_buf_init(&plain, mem_pool());
    ai_buf_lit(&plain, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
               "\"content\":\"");
    ai_buf_cat(&plain, &name);
    ai_buf_lit(&plain, "\"}]}");
    ai_buf_char(&plain, '\0');

    len = ai_buf_len(&plain);
    ok(len > 10000, "it is long");

    for (n = 1; n < 60; n++) {
        is_int(count_text("gpt-4o", (char *) plain.start, n), want,
               "escapes by %zu bytes", n);
    }

    guard_free();
    mem_reset();
}


static void
slices_are_small(void)
{
    char     *body;
    size_t    len, steps;
    asked_t   a;
    int64_t   n;

    body = malloc(1100000);
    if (body == NULL) {
        abort();
    }

    strcpy(body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
                 "\"content\":\"");
    len = strlen(body);

    for (n = 0; len < 1000000; n++) {
        memcpy(body + len, "one two three ", 14);
        len += 14;
    }

    strcpy(body + len, "\"}]}");

    ok(ask(&a, &ai_dialect_openai, "gpt-4o", body, strlen(body)),
       "a megabyte");

    is_int(count(&a, 8192, &steps), 7 + 3 * n + 1, "its tokens");
    ok(steps >= 1000000 / 8192, "in %zu steps", steps);

    free(body);
    guard_free();
    mem_reset();
}


/* --- what counts -------------------------------------------------------- */

#define CHAT(messages)  "{\"model\":\"m\",\"messages\":[" messages "]}"
#define USER(text)      "{\"role\":\"user\",\"content\":\"" text "\"}"
#define TOOL(name, schema)                                                    \
    "{\"model\":\"m\",\"messages\":[" USER("hi") "],\"tools\":[{\"type\":"    \
    "\"function\",\"function\":{\"name\":\"" name "\",\"parameters\":"        \
    schema "}}]}"
#define STRING  "{\"type\":\"string\"}"


static int64_t
words(const char *model, const char *text)
{
    asked_t  a;

    asked_model(&a, model);

    return ai_tokenizer_count(a.tokenizer, (const ai_char_t *) text,
                              strlen(text));
}


static void
messages(void)
{
    is_int(count_text("gpt-4o", CHAT(USER("hi")), 100), 3 + 4 + 1,
           "a message");
    is_int(count_text("gpt-4o", CHAT(USER("hi") "," USER("hi")), 100),
           3 + 2 * (4 + 1), "two");
    is_int(count_text("gpt-4o", CHAT("{\"role\":\"user\",\"name\":\"bob\","
                      "\"content\":\"hi\"}"), 100), 3 + 4 + 1 + 1 + 1,
           "a name");
    is_int(count_text("gpt-4o", CHAT("{\"role\":\"user\",\"content\":["
                      "{\"type\":\"text\",\"text\":\"hi\"},{\"type\":"
                      "\"text\",\"text\":\"hi\"}]}"), 100), 3 + 4 + 1 + 1,
           "two parts");
    is_int(count_text("gpt-4o", CHAT("{\"role\":\"user\",\"content\":\"\"}"),
                      100), 3 + 4, "an empty one");

    is_int(count_text("gpt-4o", CHAT("{\"role\":\"assistant\",\"content\":"
                      "\"hi\",\"reasoning_content\":\"hi hi hi hi\"},"
                      USER("hi")), 100), 3 + 2 * (4 + 1),
           "earlier thinking does not count");
    is_int(count_text("gpt-4o", CHAT(USER("hi") ",{\"role\":\"assistant\","
                      "\"content\":\"hi\",\"reasoning_content\":"
                      "\"hi hi hi hi\"}"), 100), 3 + 2 * (4 + 1) + 4,
           "that of the last answer does");

    mem_reset();
    guard_free();
}


/* TypeScript, by hand */

static void
types(void)
{
    size_t   i;
    int64_t  base, got;
    char     text[1024];

    static const struct {
        const char  *body;
        const char  *type;
        int          idle;          /* no tool takes anything */
    } cases[] = {

        { TOOL("f", "{\"type\":\"object\",\"properties\":{}}"),
          "type f = () => any;\n\n", 1 },
        { TOOL("f", "{}"), "type f = () => any;\n\n", 1 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"a\":" STRING
               ",\"b\":{\"type\":\"integer\"}},\"required\":[\"a\"]}"),
          "type f = (_: {\na: string,\nb?: number,\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
               "\"string\",\"description\":\"the \\\"a\\\"\"}},"
               "\"required\":[\"a\"]}"),
          "type f = (_: {\n// the \"a\"\na: string,\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"u\":{\"type\":"
               "\"string\",\"enum\":[\"C\",\"F\"]}}}"),
          "type f = (_: {\nu?: \"C\" | \"F\",\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"u\":{\"type\":"
               "\"array\",\"items\":" STRING "}}}"),
          "type f = (_: {\nu?: string[],\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"u\":{\"anyOf\":["
               STRING ",{\"type\":\"null\"}]}}}"),
          "type f = (_: {\nu?: string | null,\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"u\":{\"type\":["
               "\"boolean\",\"null\"]}}}"),
          "type f = (_: {\nu?: boolean | null,\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"o\":{\"type\":"
               "\"object\",\"properties\":{\"a\":" STRING "}}}}"),
          "type f = (_: {\no?: {\na?: string,\n},\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"$defs\":{\"A\":" STRING "},"
               "\"properties\":{\"o\":{\"$ref\":\"#/$defs/A\"}}}"),
          "type f = (_: {\no?: string,\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"o\":{\"$ref\":"
               "\"#/nowhere\"}}}"),
          "type f = (_: {\no?: any,\n}) => any;\n\n", 0 },
        { TOOL("f", "{\"type\":\"object\",\"properties\":{\"c\":" STRING
               ",\"a\":" STRING ",\"b\":" STRING "},\"required\":[\"a\","
               "\"b\",\"c\"]}"),
          "type f = (_: {\nc: string,\na: string,\nb: string,\n})"
          " => any;\n\n", 0 }
    };

    base = count_text("gpt-4o", CHAT(USER("hi")), 100);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "# Tools\n\n## functions\n\nnamespace "
                 "functions {\n\n%s} // namespace functions", cases[i].type);

        got = count_text("gpt-4o", cases[i].body, 100);

        is_int(got, base + words("gpt-4o", text) + 2 + cases[i].idle,
               "type %zu", i);
    }

    mem_reset();
    guard_free();
}


/* references in rings and large types that are named often: bounded */

static void
hostile_schemas(void)
{
    int       i;
    char     *body, *p;
    int64_t   n;

    n = count_text("gpt-4o",
                   TOOL("f", "{\"$defs\":{\"A\":{\"type\":\"object\","
                        "\"properties\":{\"x\":{\"$ref\":\"#/$defs/A\"},"
                        "\"y\":{\"$ref\":\"#/$defs/A\"}}}},\"properties\":"
                        "{\"r\":{\"$ref\":\"#/$defs/A\"},\"s\":{\"$ref\":"
                        "\"#\"}}}"), 100);
    ok(n > 20 && n < 2000, "a ring of references is %ld tokens", (long) n);

    body = malloc(200000);
    if (body == NULL) {
        abort();
    }

    /* a long description, a thousand times */

    p = body + sprintf(body, "{\"model\":\"m\",\"messages\":[" USER("hi") "],"
                       "\"tools\":[{\"type\":\"function\",\"function\":"
                       "{\"name\":\"f\",\"parameters\":{\"$defs\":{\"A\":"
                       "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":"
                       "\"string\",\"description\":\"");

    for (i = 0; i < 4000; i++) {
        p += sprintf(p, "word ");
    }

    p += sprintf(p, "\"}}}},\"required\":[\"p0\"");

    for (i = 1; i < 1000; i++) {
        p += sprintf(p, ",\"p%d\"", 1000 - i);
    }

    p += sprintf(p, "],\"properties\":{\"p\":true");

    for (i = 0; i < 1000; i++) {
        p += sprintf(p, ",\"p%d\":{\"$ref\":\"#/$defs/A\"}", i);
    }

    strcpy(p, "}}}}]}");

    n = count_text("gpt-4o", body, 1000);
    ok(n > 4000 && n < (int64_t) (4 * strlen(body)),
       "a thousand references are %ld tokens", (long) n);

    /* one that is too long for a type is a text */

    p = body + sprintf(body, "{\"model\":\"m\",\"messages\":[" USER("hi") "],"
                       "\"tools\":[{\"type\":\"function\",\"function\":"
                       "{\"name\":\"f\",\"parameters\":{\"properties\":{"
                       "\"x\":{\"type\":\"string\",\"description\":\"");

    for (i = 0; i < 20000; i++) {
        p += sprintf(p, "word ");
    }

    strcpy(p, "\"}}}}}]}");

    n = count_text("gpt-4o", body, 1000);
    ok(near(n, 20050, 50), "a long one is %ld", (long) n);

    free(body);
    mem_reset();
    guard_free();
}


/* --- images ------------------------------------------------------------- */

/* the start of a PNG of this size */

static int64_t
image(const char *model, uint32_t width, uint32_t height, const char *detail)
{
    char           body[512];
    ai_buf_t       b;
    ai_str_t       png;
    unsigned char  head[24] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    head[16] = (unsigned char) (width >> 24);
    head[17] = (unsigned char) (width >> 16);
    head[18] = (unsigned char) (width >> 8);
    head[19] = (unsigned char) width;
    head[20] = (unsigned char) (height >> 24);
    head[21] = (unsigned char) (height >> 16);
    head[22] = (unsigned char) (height >> 8);
    head[23] = (unsigned char) height;

    png.data = head;
    png.len = sizeof(head);

    ai_buf_init(&b, mem_pool());
    ai_base64_encode(&b, &png);

    snprintf(body, sizeof(body),
             CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                  "\"image_url\":{\"url\":\"data:image/png;base64,%.*s\""
                  "%s%s%s}}]}"), (int) ai_buf_len(&b), b.start,
             detail ? ",\"detail\":\"" : "", detail ? detail : "",
             detail ? "\"" : "");

    return count_text(model, body, 100)
           - count_text(model, CHAT(USER("")), 100);
}


static void
images(void)
{
    size_t  i;

    /* OpenAI's own examples, where its documentation has them */

    static const struct {
        const char  *model;
        uint32_t     width;
        uint32_t     height;
        const char  *detail;
        int64_t      tokens;
    } cases[] = {

        { "gpt-4o", 1024, 1024, "high", 765 },
        { "gpt-4o", 2048, 4096, "high", 1105 },
        { "gpt-4o", 4096, 8192, "low", 85 },
        { "gpt-4o", 512, 512, NULL, 255 },
        { "gpt-4o", 1, 1, NULL, 255 },
        { "gpt-4o-mini", 1024, 1024, NULL, 2833 + 4 * 5667 },
        { "o1", 1024, 1024, NULL, 75 + 4 * 150 },
        { "gpt-5", 1024, 1024, NULL, 70 + 4 * 140 },
        { "gpt-4.1-mini", 1024, 1024, NULL, 1659 },      /* 1024 * 1.62 */
        { "gpt-4.1-mini", 1800, 2400, NULL, 2353 },      /* 1452 * 1.62 */
        { "o4-mini", 32, 32, NULL, 2 },
        { "gpt-5-nano", 16, 16, NULL, 3 },
        { "claude-sonnet-4-5", 200, 200, NULL, 54 },
        { "claude-sonnet-4-5", 1000, 1000, NULL, 1334 },
        { "claude-sonnet-4-5", 4000, 4000, NULL, 1600 },
        { "gemini-2.5-flash", 384, 384, NULL, 258 },
        { "gemini-2.5-flash", 960, 540, NULL, 6 * 258 },

        /* as recorded: 254 for a prompt of 78 and 400x301; 269 for one of 20
         * and 540x360 */
        { "mistral-medium-latest", 400, 301, NULL, 176 },
        { "Qwen/Qwen2.5-VL-72B-Instruct", 540, 360, NULL, 249 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(image(cases[i].model, cases[i].width, cases[i].height,
                     cases[i].detail), cases[i].tokens, "%s, %ux%u",
               cases[i].model, cases[i].width, cases[i].height);
    }

    static const char *const  models[] = {
        "gpt-4o", "gpt-4o-mini", "gpt-5-mini", "claude-opus-4-1", "nova-pro",
        "gemini-2.5-pro", "gemini-3-pro", "mistral-large-latest", "pixtral",
        "qwen-vl-max", "llama-4-scout", "command-a-vision", "grok-4", "x"
    };

    for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        int64_t  big, wide, tall;

        big = image(models[i], 0xffffffff, 0xffffffff, NULL);
        wide = image(models[i], 0xffffffff, 1, NULL);
        tall = image(models[i], 1, 0xffffffff, NULL);

        ok(big > 0 && big < 60000 && wide > 0 && wide < 60000 && tall > 0
           && tall < 60000, "%s: the largest are %ld, %ld, %ld", models[i],
           (long) big, (long) wide, (long) tall);
    }

    mem_reset();
    guard_free();
}


/* files and sound: their base64 is that many bytes */

static int64_t
media(const char *model, const char *before, size_t bytes,
    const char *after)
{
    char     *body;
    size_t    n;
    int64_t   got;

    n = bytes / 3 * 4;

    body = malloc(n + 512);
    if (body == NULL) {
        abort();
    }

    n = (size_t) sprintf(body, "{\"model\":\"m\",\"messages\":[{\"role\":"
                         "\"user\",\"content\":[{%s", before);
    memset(body + n, 'A', bytes / 3 * 4);
    sprintf(body + n + bytes / 3 * 4, "%s}]}]}", after);

    got = count_text(model, body, 1 << 20)
          - count_text(model, CHAT(USER("")), 100);

    free(body);

    return got;
}


#define WAVE  "\"type\":\"input_audio\",\"input_audio\":{\"format\":"       \
              "\"wav\",\"data\":\""
#define PDF   "\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","          \
              "\"file_data\":\"data:application/pdf;base64,"

static void
files(void)
{
    /* ten seconds of 16 kHz; tokens that are documented */

    is_int(media("gemini-2.5-pro", WAVE, 320001, "\"}"), 321, "Gemini hears");
    is_int(media("gpt-4o-audio-preview", WAVE, 320001, "\"}"), 101,
           "OpenAI hears");
    ok(media("llama-3.3-70b", WAVE, 320001, "\"}") > 100, "others hear");

    is_int(media("gemini-2.5-pro", PDF, 99999, "\"}"), 3 * 258,
           "three pages of Gemini");
    ok(media("claude-sonnet-4-5", PDF, 99999, "\"}") >= 3 * 1500,
       "of Claude");
    is_int(media("gemini-2.5-pro", PDF, 3, "\"}"), 258, "a page at least");

    mem_reset();
    guard_free();
}


/* --- answers ------------------------------------------------------------ */

static ai_output_t  output;


static ai_int_t
output_event(void *data, const ai_event_t *ev)
{
    ai_output_event(&output, ev);

    return AI_OK;
}


static ai_int_t
output_run(const ai_provider_t *provider, const char *file, char *body,
    size_t len)
{
    ai_int_t         rc;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_sink_t        sink;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = output_event;
    sink.data = NULL;

    in.data = (ai_char_t *) body;
    in.len = len;

    d = ai_decoder_create(provider, mem_pool(), &sink);
    if (d == NULL) {
        return AI_ERROR;
    }

    if (!name_ends(file, ".sse")) {
        return provider->answer(d, &in);
    }

    ai_sse_init(&sse, mem_pool(), 0);

    while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {
        if (provider->stream(d, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return provider->stream_end(d);
}


static void
outputs_as_recorded(void)
{
    char     *body;
    size_t    i, len;
    asked_t   a;
    int64_t   got;

    for (i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        mem_reset();

        body = file_read(RECORDINGS, outputs[i].file, &len);
        if (!ok(body != NULL, "%s is there", outputs[i].file)) {
            continue;
        }

        asked_model(&a, outputs[i].model);
        ai_output_init(&output, &a.model, a.tokenizer, mem_pool());

        is_int(ai_output_tokens(&output), 0, "nothing yet");

        ok(output_run(outputs[i].provider, outputs[i].file, body, len)
           == AI_OK, "%s is read", outputs[i].file);

        got = ai_output_tokens(&output);

        ok(near(got, outputs[i].tokens, outputs[i].near),
           "%s: %ld, the provider counts %ld", outputs[i].file, (long) got,
           (long) outputs[i].tokens);

        free(body);
    }

    mem_reset();
}


static void
say(uint32_t choice, uint32_t index, const char *text)
{
    ai_event_t  ev;

    memset(&ev, 0, sizeof(ev));

    ev.type = AI_EVENT_DELTA;
    ev.kind = AI_BLOCK_TEXT;
    ev.choice = choice;
    ev.index = index;
    ev.text.data = (ai_char_t *) text;
    ev.text.len = strlen(text);

    ai_output_event(&output, &ev);
}


/* asked behind every piece, it says what the count says */

static void
output_reaches(void)
{
    int       bad;
    size_t    i;
    int64_t   n;
    asked_t   a;

    static const char *const  pieces[] = {
        "The ", "quick brown fox", " jumps", "over", "\\n\\n", "xxxxxxxxxxxx",
        "\\u00e9\\u4e2d", "12345678", " and then", "."
    };

    asked_model(&a, "gpt-4o");

    for (n = 1; n < 200; n += 13) {
        ai_output_init(&output, &a.model, a.tokenizer, mem_pool());
        bad = 0;

        for (i = 0; i < 100; i++) {
            say(i / 50, 0, pieces[i % 10]);
            bad += ai_output_reaches(&output, n)
                   != (ai_output_tokens(&output) >= n);
        }

        is_int(bad, 0, "reaches %d when it does", (int) n);
    }

    ai_output_init(&output, &a.model, a.tokenizer, mem_pool());
    is_int(ai_output_reaches(&output, 1), 0, "nothing reaches nothing");
}


static void
output_pieces(void)
{
    asked_t     a;
    ai_str_t    s;
    ai_event_t  ev;

    asked_model(&a, "gpt-4o");
    ai_output_init(&output, &a.model, a.tokenizer, mem_pool());

    say(0, 0, "");
    is_int(ai_output_tokens(&output), 0, "an empty text is nothing");

    say(0, 0, "wonder");
    say(0, 0, "ful");
    is_int(ai_output_tokens(&output), words("gpt-4o", "wonderful"),
           "pieces are one text");

    say(1, 0, "wonder");
    say(0, 0, "ful");
    is_int(ai_output_tokens(&output), words("gpt-4o", "wonderful")
           + words("gpt-4o", "wonder") + words("gpt-4o", "ful"),
           "another choice breaks it");

    memset(&ev, 0, sizeof(ev));
    ev.type = AI_EVENT_DELTA;
    ev.kind = AI_BLOCK_THINKING;
    ev.delta = AI_DELTA_SIGNATURE;
    ev.text = ai_lit("not a text at all");

    ai_output_init(&output, &a.model, a.tokenizer, mem_pool());
    ai_output_event(&output, &ev);
    is_int(ai_output_tokens(&output), 0, "a signature is no text");

    ev.type = AI_EVENT_BLOCK_START;
    ev.kind = AI_BLOCK_TEXT;
    ai_output_event(&output, &ev);
    is_int(ai_output_tokens(&output), 0, "nor is a block without one");

    asked_model(&a, "gpt-5.5");
    ai_output_init(&output, &a.model, a.tokenizer, mem_pool());

    s = ai_lit("hi");
    ai_output_text(&output, 0, 0, &s);
    ai_output_text(&output, 0, 0, &s);
    is_int(ai_output_tokens(&output), 4 + words("gpt-5.5", "hihi"),
           "a text without events");

    ai_output_text(&output, 1, 0, &s);
    ai_output_text(&output, 70, 0, &s);
    is_int(ai_output_tokens(&output), 2 * 4 + words("gpt-5.5", "hihi") + 2,
           "of other choices");

    mem_reset();
}


/* --- calls -------------------------------------------------------------- */

static int64_t
call_count(const ai_dialect_t *dialect, const char *model, const char *body)
{
    asked_t  a;

    if (!ask(&a, dialect, model, body, strlen(body))) {
        return -2;
    }

    return count(&a, 0, NULL);
}


static void
calls(void)
{
    is_int(call_count(&ai_dialect_openai_embeddings, "text-embedding-3-small",
                      "{\"model\":\"m\",\"input\":[\"hello world\",\"hi\"]}"),
           3, "inputs");
    is_int(call_count(&ai_dialect_openai_embeddings, "text-embedding-3-small",
                      "{\"model\":\"m\",\"input\":[[1, 22,333],[4]]}"),
           4, "tokens");
    is_int(call_count(&ai_dialect_rerank, "rerank-2.5",
                      "{\"model\":\"m\",\"query\":\"one two\",\"documents\":"
                      "[\"three\",\"four five\",\"six\"]}"),
           3 * 2 + 1 + 2 + 1, "the query is read with each document");

    mem_reset();
    guard_free();
}


/* --- no memory ---------------------------------------------------------- */

static void
no_memory(void)
{
    int       n, failed;
    char     *body;
    size_t    len;
    asked_t   a;
    int64_t   all, got;

    body = file_read(RECORDINGS, "openai-complex_agent_run_in_workflow-1.json",
                     &len);

    if (body == NULL) {
        ok(0, "a recording");
        return;
    }

    ok(ask(&a, &ai_dialect_openai, "gpt-4o", body, len), "decoded");
    all = count(&a, SIZE_MAX, NULL);

    failed = 0;

    for (n = 1; n < 200; n++) {
        mem_fail_at((size_t) n);
        got = count(&a, SIZE_MAX, NULL);

        if (!mem_failed()) {
            break;
        }

        failed++;
        ok(got > 0 && got < 4 * all, "allocation %d fails: %ld", n,
           (long) got);
    }

    ok(failed > 0, "%d allocations", failed);

    mem_fail_never();
    is_int(count(&a, SIZE_MAX, NULL), all, "as before");

    mem_fail_from(1);
    asked_model(&a, "gpt-4o");
    ai_output_init(&output, &a.model, a.tokenizer, mem_pool());
    say(0, 0, "some text that is some tokens long");
    ok(ai_output_tokens(&output) > 0, "an answer without memory");
    mem_fail_never();

    free(body);
    mem_reset();
    guard_free();
}


int
main(void)
{
    prompts_as_recorded();
    text_in_slices();
    slices_are_small();
    messages();
    types();
    hostile_schemas();
    images();
    files();
    outputs_as_recorded();
    output_pieces();
    output_reaches();
    calls();
    no_memory();

    return done();
}
