
/*
 * The rows that speak OpenAI's API.
 */

#ifndef AI_PROVIDER_ROWS_INT_H
#define AI_PROVIDER_ROWS_INT_H


#include <provider/ai_provider.h>


#pragma GCC visibility push(hidden)


extern const ai_provider_t  ai_provider_groq;
extern const ai_provider_t  ai_provider_together;
extern const ai_provider_t  ai_provider_deepseek;
extern const ai_provider_t  ai_provider_xai;
extern const ai_provider_t  ai_provider_mistral;
extern const ai_provider_t  ai_provider_openrouter;
extern const ai_provider_t  ai_provider_vllm;
extern const ai_provider_t  ai_provider_ollama;
extern const ai_provider_t  ai_provider_perplexity;
extern const ai_provider_t  ai_provider_fireworks;
extern const ai_provider_t  ai_provider_cerebras;
extern const ai_provider_t  ai_provider_huggingface;
extern const ai_provider_t  ai_provider_moonshot;
extern const ai_provider_t  ai_provider_zai;
extern const ai_provider_t  ai_provider_alibaba;
extern const ai_provider_t  ai_provider_compatible;

/* Ollama's own API, and which of its two rows is for such a client: the choose
 * of ai_provider_ollama */
extern const ai_provider_t  ai_provider_ollama_native;
const ai_provider_t *ai_ollama_choose(const ai_str_t *model,
    ai_family_e client);


#pragma GCC visibility pop


#endif /* AI_PROVIDER_ROWS_INT_H */
