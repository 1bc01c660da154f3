
/*
 * Which tokenizer a model has, as its names are spelled by hosts, regions and
 * operators.
 */

#include "tap.h"

#include <token/ai_prompt.h>


typedef struct {
    const char   *name;
    ai_vendor_e   vendor;
    const char   *tokenizer;
    int           exact;
} model_case_t;


static const model_case_t  cases[] = {

    /* as tiktoken has them */
    { "o1", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "o1-2024-12-17", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "o3-mini", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "o4-mini-2025-04-16", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-5", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-5.6-sol", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-5-chat-latest", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-4.5-preview", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-4.1-nano", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "chatgpt-4o-latest", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-4o", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-4o-2024-08-06", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-4", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "gpt-4-0314", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "gpt-4-1106-preview", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "gpt-4-turbo", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "gpt-3.5-turbo-0125", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "gpt-35-turbo-16k", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "gpt-oss-120b", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "ft:gpt-4o-mini-2024-07-18:org::id", AI_VENDOR_OPENAI, "o200k_base",
      1 },
    { "ft:gpt-3.5-turbo-0125:org:x:id", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "text-embedding-3-large", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "text-embedding-ada-002", AI_VENDOR_OPENAI, "cl100k_base", 1 },
    { "davinci-002", AI_VENDOR_OPENAI, "cl100k_base", 1 },

    /* hosts */
    { "openai/gpt-oss-120b", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "gpt-oss:20b", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "openai.gpt-oss-120b-1:0", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "openai.gpt-5.5", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "accounts/fireworks/models/gpt-oss-20b", AI_VENDOR_OPENAI,
      "o200k_base", 1 },
    { "my-gpt-4o-eu", AI_VENDOR_OPENAI, "o200k_base", 1 },
    { "GPT-4O", AI_VENDOR_OPENAI, "o200k_base", 1 },

    { "us.anthropic.claude-sonnet-4-5-20250929-v1:0", AI_VENDOR_ANTHROPIC,
      "o200k_base", 0 },
    { "claude-sonnet-4-5@20250929", AI_VENDOR_ANTHROPIC, "o200k_base", 0 },
    { "anthropic/claude-opus-4.7", AI_VENDOR_ANTHROPIC, "o200k_base", 0 },
    { "claude-3-5-haiku-latest", AI_VENDOR_ANTHROPIC, "o200k_base", 0 },

    { "models/gemini-2.5-pro", AI_VENDOR_GEMINI, "tekken", 0 },
    { "google/gemini-3-flash-preview", AI_VENDOR_GEMINI, "tekken", 0 },
    { "gemma-3-27b-it", AI_VENDOR_GEMINI, "tekken", 0 },

    { "mistral-large-latest", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "mistral-large-2512", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "mistral-large-2411", AI_VENDOR_MISTRAL, "tekken", 0 },
    { "mistral-large-2407", AI_VENDOR_MISTRAL, "tekken", 0 },
    { "mistral-small-2402", AI_VENDOR_MISTRAL, "tekken", 0 },
    { "mistral-small-2409", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "mistral-small-2506", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "mistral.mistral-7b-instruct-v0:2", AI_VENDOR_MISTRAL, "tekken", 0 },
    { "open-mistral-nemo-2407", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "mistral-nemo", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "open-mixtral-8x22b", AI_VENDOR_MISTRAL, "tekken", 0 },
    { "mistralai/Mixtral-8x7B-Instruct-v0.1", AI_VENDOR_MISTRAL, "tekken",
      0 },
    { "ministral-8b-2410", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "magistral-medium-latest", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "pixtral-12b-2409", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "us.mistral.pixtral-large-2502-v1:0", AI_VENDOR_MISTRAL, "tekken", 0 },
    { "codestral-2405", AI_VENDOR_MISTRAL, "tekken", 0 },
    { "codestral-latest", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "devstral-small-2507", AI_VENDOR_MISTRAL, "tekken", 1 },
    { "mistralai/voxtral-small", AI_VENDOR_MISTRAL, "tekken", 1 },

    { "Qwen/Qwen3-32B", AI_VENDOR_QWEN, "qwen", 1 },
    { "qwen.qwen3-32b-v1:0", AI_VENDOR_QWEN, "qwen", 1 },
    { "qwen-max", AI_VENDOR_QWEN, "qwen", 1 },
    { "QwQ-32B", AI_VENDOR_QWEN, "qwen", 1 },
    { "deepseek-r1-distill-qwen-32b", AI_VENDOR_QWEN, "qwen", 1 },

    { "meta-llama/Llama-3.3-70B-Instruct", AI_VENDOR_LLAMA, "cl100k_base",
      0 },
    { "meta.llama3-1-70b-instruct-v1:0", AI_VENDOR_LLAMA, "cl100k_base", 0 },
    { "llama3-8b-8192", AI_VENDOR_LLAMA, "cl100k_base", 0 },
    { "meta-llama/llama-4-scout-17b-16e-instruct", AI_VENDOR_LLAMA,
      "o200k_base", 0 },
    { "deepseek-r1-distill-llama-70b", AI_VENDOR_LLAMA, "cl100k_base", 0 },

    { "deepseek-chat", AI_VENDOR_DEEPSEEK, "o200k_base", 0 },
    { "us.deepseek.r1-v1:0", AI_VENDOR_DEEPSEEK, "o200k_base", 0 },
    { "command-r7b-12-2024", AI_VENDOR_COHERE, "o200k_base", 0 },
    { "cohere.embed-english-v3", AI_VENDOR_COHERE, "o200k_base", 0 },
    { "grok-4-fast", AI_VENDOR_XAI, "o200k_base", 0 },
    { "us.amazon.nova-pro-v1:0", AI_VENDOR_AMAZON, "o200k_base", 0 },

    /* nobody's, and words within words */
    { "", AI_VENDOR_OTHER, "o200k_base", 0 },
    { "o", AI_VENDOR_OTHER, "o200k_base", 0 },
    { "o10", AI_VENDOR_OTHER, "o200k_base", 0 },
    { "foo1", AI_VENDOR_OTHER, "o200k_base", 0 },
    { "supernova", AI_VENDOR_OTHER, "o200k_base", 0 },
    { "glm-4.7", AI_VENDOR_OTHER, "o200k_base", 0 },
    { "kimi-k2", AI_VENDOR_OTHER, "o200k_base", 0 },
    { "----////::::", AI_VENDOR_OTHER, "o200k_base", 0 }
};


int
main(void)
{
    size_t             i, len;
    ai_str_t           s;
    char              *name;
    ai_token_model_t   m;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = strlen(cases[i].name);

        /* of its own length, so that a byte beyond it is seen */

        name = malloc(len + 1);
        if (name == NULL) {
            abort();
        }

        memcpy(name, cases[i].name, len);
        name = realloc(name, len ? len : 1);

        s.data = (ai_char_t *) name;
        s.len = len;

        ai_token_model(&s, &m);

        is_int(m.vendor, cases[i].vendor, "vendor of \"%s\"", cases[i].name);
        is_str(m.tokenizer, cases[i].tokenizer, "tokenizer of \"%s\"",
               cases[i].name);
        is_int(m.exact, cases[i].exact, "exact: \"%s\"", cases[i].name);
        ok(m.exact ? m.factor == 1024 : m.factor >= 900 && m.factor <= 1400,
           "factor %u", m.factor);
        ok(ai_tokenizer_open(&m.tokenizer) != NULL, "it is there");

        free(name);
    }

    return done();
}
