
/*
 * The table of provider APIs.
 */

#include <provider/ai_provider.h>
#include <provider/ai_provider_rows_int.h>


const ai_provider_t  *const ai_providers[] = {
    &ai_provider_openai,
    &ai_provider_openai_responses,
    &ai_provider_anthropic,
    &ai_provider_gemini,
    &ai_provider_cohere,
    &ai_provider_vertex,
    &ai_provider_bedrock,
    &ai_provider_azure,
    &ai_provider_groq,
    &ai_provider_together,
    &ai_provider_deepseek,
    &ai_provider_xai,
    &ai_provider_mistral,
    &ai_provider_openrouter,
    &ai_provider_vllm,
    &ai_provider_ollama,
    &ai_provider_ollama_native,
    &ai_provider_perplexity,
    &ai_provider_fireworks,
    &ai_provider_cerebras,
    &ai_provider_huggingface,
    &ai_provider_moonshot,
    &ai_provider_zai,
    &ai_provider_alibaba,
    &ai_provider_compatible,
    &ai_provider_voyage,
    &ai_provider_jina,
    &ai_provider_tei,
    NULL
};


const ai_provider_t *
ai_provider_find(const ai_str_t *name)
{
    const ai_provider_t  *const *p;

    for (p = ai_providers; *p; p++) {
        if (ai_str_eq(&(*p)->name, name)) {
            return *p;
        }
    }

    return NULL;
}


const ai_provider_t *
ai_provider_choose(const ai_provider_t *provider, const ai_str_t *model,
    ai_family_e client)
{
    return provider->choose ? provider->choose(model, client) : provider;
}


ai_decoder_t *
ai_decoder_create(const ai_provider_t *provider, const ai_pool_t *pool,
    const ai_sink_t *sink)
{
    ai_decoder_t  *d;

    d = ai_pcalloc(pool, ai_max(provider->decoder_size, sizeof(ai_decoder_t)));
    if (d == NULL) {
        return NULL;
    }

    d->sink = *sink;
    d->provider = provider;
    d->pool = pool;

    ai_json_init(&d->doc, pool);
    ai_buf_init(&d->scratch, pool);

    /* some have no chat */

    if (provider->decoder_init) {
        provider->decoder_init(d);
    }

    return d;
}


ai_int_t
ai_decoder_error(ai_decoder_t *d, unsigned status, const ai_str_t *body)
{
    ai_error_t  err;
    ai_event_t  ev;

    ai_provider_error(d->provider, status, body, d->pool, &err);

    memset(&ev, 0, sizeof(ai_event_t));

    ev.type = AI_EVENT_ERROR;
    ev.error = &err;

    return d->sink.event(d->sink.data, &ev) == AI_OK ? AI_OK : AI_ERROR;
}
