
/*
 * Rows: OpenAI and the vendors that speak its chat completions API.
 *
 * "base" is the path an operator's endpoint gets when it names a host alone.
 * What the vendors refuse is from their API references; the quirks are
 * explained in ai_provider.h.
 */

#include <provider/ai_openai_wire_int.h>
#include <provider/ai_provider_rows_int.h>


static void ai_openai_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);


#define AI_OPENAI_ROW(id, url, dir, differences)                              \
    {                                                                         \
        .name = ai_string(id),                                                \
        .family = AI_FAMILY_OPENAI,                                           \
        .endpoint = ai_string(url),                                           \
        .base = ai_string(dir),                                               \
        .key_header = ai_string("Authorization"),                             \
        .key_prefix = ai_string("Bearer "),                                   \
        .quirks = differences,                                                \
        .path = ai_openai_path,                                               \
        .headers = ai_string(""),                                             \
        .build = ai_upstream_build,                                           \
        .decoder_size = AI_UPSTREAM_SIZE,                                     \
        .decoder_init = ai_upstream_init,                                     \
        .stream = ai_upstream_stream,                                         \
        .stream_end = ai_upstream_end,                                        \
        .answer = ai_upstream_answer                                          \
    }


const ai_provider_t  ai_provider_openai =
    AI_OPENAI_ROW("openai", "https://api.openai.com/v1", "/v1", 0);


const ai_provider_t  ai_provider_groq =
    AI_OPENAI_ROW("groq", "https://api.groq.com/openai/v1", "/openai/v1",
                  AI_QUIRK_NO_NAMES|AI_QUIRK_NO_LOGPROBS);


const ai_provider_t  ai_provider_together =
    AI_OPENAI_ROW("together", "https://api.together.xyz/v1", "/v1",
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_TOP_K);


const ai_provider_t  ai_provider_deepseek =
    AI_OPENAI_ROW("deepseek", "https://api.deepseek.com/v1", "/v1",
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_NO_SCHEMA
                  |AI_QUIRK_TEXT_CONTENT|AI_QUIRK_REPLAY
                  |AI_QUIRK_THINKING);


const ai_provider_t  ai_provider_xai =
    AI_OPENAI_ROW("xai", "https://api.x.ai/v1", "/v1",
                  AI_QUIRK_REASONING_APART|AI_QUIRK_NO_STRICT_TOOLS);


const ai_provider_t  ai_provider_mistral =
    AI_OPENAI_ROW("mistral", "https://api.mistral.ai/v1", "/v1",
                  AI_QUIRK_NO_STREAM_OPTIONS|AI_QUIRK_MAX_TOKENS
                  |AI_QUIRK_RANDOM_SEED|AI_QUIRK_STRICT_BODY
                  |AI_QUIRK_NO_NAMES|AI_QUIRK_NO_LOGPROBS);


const ai_provider_t  ai_provider_openrouter =
    AI_OPENAI_ROW("openrouter", "https://openrouter.ai/api/v1", "/api/v1",
                  AI_QUIRK_DETAILS|AI_QUIRK_TOP_K);


const ai_provider_t  ai_provider_vllm =
    AI_OPENAI_ROW("vllm", "http://127.0.0.1:8000/v1", "/v1",
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_REPLAY|AI_QUIRK_TOP_K);


const ai_provider_t  ai_provider_ollama =
    AI_OPENAI_ROW("ollama", "http://127.0.0.1:11434/v1", "/v1",
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_NO_STRICT_TOOLS);


/* no /v1 in its paths */
const ai_provider_t  ai_provider_perplexity =
    AI_OPENAI_ROW("perplexity", "https://api.perplexity.ai", "",
                  AI_QUIRK_NO_STREAM_OPTIONS|AI_QUIRK_MAX_TOKENS
                  |AI_QUIRK_NO_NAMES|AI_QUIRK_NO_LOGPROBS);


const ai_provider_t  ai_provider_fireworks =
    AI_OPENAI_ROW("fireworks", "https://api.fireworks.ai/inference/v1",
                  "/inference/v1", AI_QUIRK_MAX_TOKENS|AI_QUIRK_TOP_K);


const ai_provider_t  ai_provider_cerebras =
    AI_OPENAI_ROW("cerebras", "https://api.cerebras.ai/v1", "/v1", 0);


const ai_provider_t  ai_provider_huggingface =
    AI_OPENAI_ROW("huggingface", "https://router.huggingface.co/v1", "/v1",
                  AI_QUIRK_MAX_TOKENS);


/* any other host: nothing is assumed but OpenAI's API */
const ai_provider_t  ai_provider_compatible =
    AI_OPENAI_ROW("openai_compatible", "", "/v1", 0);


static void
ai_openai_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    (void) t;
    (void) stream;

    ai_buf_lit(b, "/chat/completions");
}
