
/*
 * Rows: OpenAI and the vendors that speak its chat completions API.
 *
 * "base" is the path an operator's endpoint gets when it names a host alone.
 * What the vendors refuse is from their API references; the quirks are
 * explained in ai_provider.h.
 *
 * Many of them have OpenAI's other APIs too, under the same base.  A client of
 * one of these has its bytes go through there, and what the vendor has left
 * out of it is the vendor's to refuse; clients of all other APIs, and of these
 * where a vendor has not got them, are translated to chat completions.
 */

#include <provider/ai_openai_wire_int.h>
#include <provider/ai_provider_rows_int.h>


#define AI_OPENAI_COMPLETIONS  1
#define AI_OPENAI_RESPONSES    2


static const ai_provider_t *ai_openai_choose(const ai_provider_t *row,
    unsigned apis, ai_family_e client);
static void ai_openai_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);


/* the choose of a row that has these APIs besides */

#define AI_OPENAI_CHOOSE(row, apis)                                           \
    static const ai_provider_t *                                              \
    ai_choose_##row(const ai_str_t *model, ai_family_e client)                \
    {                                                                         \
        (void) model;                                                         \
        return ai_openai_choose(&ai_provider_##row, apis, client);            \
    }


#define AI_OPENAI_ROW(id, url, dir, pick, offers, differences)                \
    {                                                                         \
        .name = ai_string(id),                                                \
        .family = AI_FAMILY_OPENAI,                                           \
        .endpoint = ai_string(url),                                           \
        .base = ai_string(dir),                                               \
        .key_header = ai_string("Authorization"),                             \
        .key_prefix = ai_string("Bearer "),                                   \
        .quirks = differences,                                                \
        .choose = pick,                                                       \
        .services = offers,                                                   \
        .path = ai_openai_path,                                               \
        .headers = ai_string(""),                                             \
        .build = ai_upstream_build,                                           \
        .decoder_size = AI_UPSTREAM_SIZE,                                     \
        .decoder_init = ai_upstream_init,                                     \
        .stream = ai_upstream_stream,                                         \
        .stream_end = ai_upstream_end,                                        \
        .answer = ai_upstream_answer                                          \
    }


/* what vendors have beside chat */

static const ai_service_t  *const ai_openai_counts[] = {
    &ai_openai_embed,
    &ai_openai_count_tokens,
    NULL
};


static const ai_service_t  *const ai_openai_embeds[] = {
    &ai_openai_embed,
    NULL
};


static const ai_service_t  *const ai_openai_ranks[] = {
    &ai_openai_embed,
    &ai_openai_rerank,
    NULL
};


static const ai_service_t  *const ai_mistral_embeds[] = {
    &ai_mistral_embed,
    NULL
};


AI_OPENAI_CHOOSE(openai, AI_OPENAI_COMPLETIONS|AI_OPENAI_RESPONSES)

const ai_provider_t  ai_provider_openai =
    AI_OPENAI_ROW("openai", "https://api.openai.com/v1", "/v1",
                  ai_choose_openai, ai_openai_counts, AI_QUIRK_NO_STATE);


/* responses: beta, nothing is stored */
AI_OPENAI_CHOOSE(groq, AI_OPENAI_RESPONSES)

const ai_provider_t  ai_provider_groq =
    AI_OPENAI_ROW("groq", "https://api.groq.com/openai/v1", "/openai/v1",
                  ai_choose_groq, NULL,
                  AI_QUIRK_NO_NAMES|AI_QUIRK_NO_LOGPROBS);


AI_OPENAI_CHOOSE(together, AI_OPENAI_COMPLETIONS)

const ai_provider_t  ai_provider_together =
    AI_OPENAI_ROW("together", "https://api.together.xyz/v1", "/v1",
                  ai_choose_together, ai_openai_ranks,
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_TOP_K);


/* its completions are below another base, /beta */
const ai_provider_t  ai_provider_deepseek =
    AI_OPENAI_ROW("deepseek", "https://api.deepseek.com/v1", "/v1", NULL, NULL,
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_NO_SCHEMA|AI_QUIRK_TEXT_CONTENT
                  |AI_QUIRK_REPLAY|AI_QUIRK_THINKING);


AI_OPENAI_CHOOSE(xai, AI_OPENAI_COMPLETIONS|AI_OPENAI_RESPONSES)

const ai_provider_t  ai_provider_xai =
    AI_OPENAI_ROW("xai", "https://api.x.ai/v1", "/v1", ai_choose_xai, NULL,
                  AI_QUIRK_REASONING_APART|AI_QUIRK_NO_STRICT_TOOLS);


const ai_provider_t  ai_provider_mistral =
    AI_OPENAI_ROW("mistral", "https://api.mistral.ai/v1", "/v1", NULL,
                  ai_mistral_embeds,
                  AI_QUIRK_NO_STREAM_OPTIONS|AI_QUIRK_MAX_TOKENS
                  |AI_QUIRK_RANDOM_SEED|AI_QUIRK_STRICT_BODY|AI_QUIRK_NO_NAMES
                  |AI_QUIRK_NO_LOGPROBS);


/* responses: beta, nothing is stored */
AI_OPENAI_CHOOSE(openrouter, AI_OPENAI_COMPLETIONS|AI_OPENAI_RESPONSES)

const ai_provider_t  ai_provider_openrouter =
    AI_OPENAI_ROW("openrouter", "https://openrouter.ai/api/v1", "/api/v1",
                  ai_choose_openrouter, ai_openai_embeds,
                  AI_QUIRK_DETAILS|AI_QUIRK_TOP_K);


/* responses: a subset that grows with its versions, which are the operator's;
 * translated they are whole with any */
AI_OPENAI_CHOOSE(vllm, AI_OPENAI_COMPLETIONS)

const ai_provider_t  ai_provider_vllm =
    AI_OPENAI_ROW("vllm", "http://127.0.0.1:8000/v1", "/v1", ai_choose_vllm,
                  ai_openai_ranks,
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_REPLAY|AI_QUIRK_TOP_K);


/* responses: as with vLLM, and nothing is stored */
static const ai_provider_t *
ai_choose_ollama(const ai_str_t *model, ai_family_e client)
{
    return ai_openai_choose(ai_ollama_choose(model, client),
                            AI_OPENAI_COMPLETIONS, client);
}


const ai_provider_t  ai_provider_ollama =
    AI_OPENAI_ROW("ollama", "http://127.0.0.1:11434/v1", "/v1",
                  ai_choose_ollama, ai_openai_embeds,
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_NO_STRICT_TOOLS);


/* no /v1 in its paths */
const ai_provider_t  ai_provider_perplexity =
    AI_OPENAI_ROW("perplexity", "https://api.perplexity.ai", "", NULL, NULL,
                  AI_QUIRK_NO_STREAM_OPTIONS|AI_QUIRK_MAX_TOKENS
                  |AI_QUIRK_NO_NAMES|AI_QUIRK_NO_LOGPROBS
                  |AI_QUIRK_REASONING_APART);


AI_OPENAI_CHOOSE(fireworks, AI_OPENAI_COMPLETIONS|AI_OPENAI_RESPONSES)

const ai_provider_t  ai_provider_fireworks =
    AI_OPENAI_ROW("fireworks", "https://api.fireworks.ai/inference/v1",
                  "/inference/v1", ai_choose_fireworks, ai_openai_ranks,
                  AI_QUIRK_MAX_TOKENS|AI_QUIRK_TOP_K);


AI_OPENAI_CHOOSE(cerebras, AI_OPENAI_COMPLETIONS)

const ai_provider_t  ai_provider_cerebras =
    AI_OPENAI_ROW("cerebras", "https://api.cerebras.ai/v1", "/v1",
                  ai_choose_cerebras, NULL, 0);


/* responses: a subset, and what the host behind the router makes of it */
AI_OPENAI_CHOOSE(huggingface, AI_OPENAI_RESPONSES)

const ai_provider_t  ai_provider_huggingface =
    AI_OPENAI_ROW("huggingface", "https://router.huggingface.co/v1", "/v1",
                  ai_choose_huggingface, NULL, AI_QUIRK_MAX_TOKENS);


/* "cached_tokens" at the top of usage, which older versions have in the
 * choice */
const ai_provider_t  ai_provider_moonshot =
    AI_OPENAI_ROW("moonshot", "https://api.moonshot.ai/v1", "/v1", NULL, NULL,
                  AI_QUIRK_MAX_TOKENS);


/* "thinking" turns it on and off; codes of errors are numbers in a string */
const ai_provider_t  ai_provider_zai =
    AI_OPENAI_ROW("zai", "https://api.z.ai/api/paas/v4", "/api/paas/v4", NULL,
                  ai_openai_embeds, AI_QUIRK_MAX_TOKENS|AI_QUIRK_THINKING);


const ai_provider_t  ai_provider_alibaba =
    AI_OPENAI_ROW("alibaba",
                  "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
                  "/compatible-mode/v1", NULL, ai_openai_embeds,
                  AI_QUIRK_MAX_TOKENS);


/* any other host: nothing is assumed but OpenAI's older APIs */
AI_OPENAI_CHOOSE(compatible, AI_OPENAI_COMPLETIONS)

const ai_provider_t  ai_provider_compatible =
    AI_OPENAI_ROW("openai_compatible", "", "/v1", ai_choose_compatible,
                  ai_openai_ranks, 0);


static const ai_provider_t *
ai_openai_choose(const ai_provider_t *row, unsigned apis, ai_family_e client)
{
    if (client == AI_FAMILY_COMPLETIONS && (apis & AI_OPENAI_COMPLETIONS)) {
        return &ai_provider_openai_completions;
    }

    if (client == AI_FAMILY_RESPONSES && (apis & AI_OPENAI_RESPONSES)) {
        return &ai_provider_openai_responses;
    }

    return row;
}


static void
ai_openai_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    (void) t;
    (void) stream;

    ai_buf_lit(b, "/chat/completions");
}
