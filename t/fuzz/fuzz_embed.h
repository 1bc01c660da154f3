
/*
 * What the targets of embeddings share.
 */

#ifndef T_FUZZ_EMBED_H
#define T_FUZZ_EMBED_H


#include <api/ai_dialect.h>
#include <provider/ai_provider.h>

#include "fuzz_request.h"


static const ai_dialect_t  *const forms[] = {
    &ai_dialect_openai_embeddings,
    &ai_dialect_gemini_embed,
    &ai_dialect_gemini_batch_embed,
    &ai_dialect_ollama_embed,
    &ai_dialect_cohere_embed
};

#define FORMS  (sizeof(forms) / sizeof(forms[0]))


static const struct {
    const ai_service_t   *service;
    const ai_provider_t  *provider;
    const char           *model;
} services[] = {
    { &ai_openai_embed, &ai_provider_openai, "m\"" },
    { &ai_mistral_embed, &ai_provider_openai, "m" },
    { &ai_voyage_embed, &ai_provider_voyage, "m" },
    { &ai_jina_embed, &ai_provider_jina, "m" },
    { &ai_tei_embed, &ai_provider_tei, "m" },
    { &ai_gemini_embed, &ai_provider_gemini, "models/m" },
    { &ai_vertex_embed, &ai_provider_gemini, "gemini-embedding-001" },
    { &ai_vertex_embed, &ai_provider_gemini, "gemini-embedding-2" },
    { &ai_vertex_embed, &ai_provider_gemini, "multimodalembedding@001" },
    { &ai_cohere_embed, &ai_provider_openai, "m" },
    { &ai_bedrock_embed, &ai_provider_bedrock, "cohere.embed-v4:0" },
    { &ai_bedrock_embed, &ai_provider_bedrock, "amazon.titan-embed-text-v2" },
    { &ai_bedrock_embed, &ai_provider_bedrock, "amazon.titan-embed-image" },
    { &ai_bedrock_embed, &ai_provider_bedrock, "multimodal-embeddings" },
    { &ai_ollama_embed, &ai_provider_openai, "m" }
};

#define SERVICES  (sizeof(services) / sizeof(services[0]))


static ai_target_t
target_of(size_t i)
{
    ai_target_t  t;

    memset(&t, 0, sizeof(t));

    t.provider = services[i].provider;
    t.model.data = (ai_char_t *) services[i].model;
    t.model.len = strlen(services[i].model);
    t.max_output = -1;

    return t;
}


static ai_int_t
decode(const ai_dialect_t *dialect, const ai_str_t *text, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err)
{
    ai_json_t  doc;
    ai_peek_t  peek;

    memset(err, 0, sizeof(ai_error_t));
    memset(dropped, 0, sizeof(ai_dropped_t));
    memset(&peek, 0, sizeof(peek));

    peek.model = ai_lit("m");

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, text, NULL) != AI_OK) {
        return AI_DECLINED;
    }

    if (dialect->peek(&doc, &arena, &peek, err) != AI_OK) {
        return AI_ERROR;
    }

    must(peek.model.len > 0 && peek.messages > 0);
    must(peek.messages_ref != AI_JSON_NONE);

    return dialect->form->decode(&doc, &peek, &arena, call, dropped, err);
}


static ai_int_t
reply(const ai_dialect_t *dialect, const ai_call_t *call,
    const ai_result_t *res, ai_str_t *out)
{
    ai_int_t        rc;
    ai_buf_t        b;
    ai_call_conf_t  conf;

    conf.id = ai_lit("0123456789abcdefghijABCDEFGHI");
    conf.model = ai_lit("m");
    conf.created = 1;

    ai_buf_init(&b, &arena);

    rc = dialect->form->reply(call, res, &conf, &arena, &b);
    *out = ai_buf_str(&b);

    return rc;
}


#endif /* T_FUZZ_EMBED_H */
