
/*
 * Rows: vendors that have vectors and ranks but no chat.
 */

#include <provider/ai_provider.h>


static const ai_service_t  *const ai_voyage_services[] = {
    &ai_voyage_embed,
    &ai_voyage_rerank,
    NULL
};

static const ai_service_t  *const ai_jina_services[] = {
    &ai_jina_embed,
    &ai_jina_rerank,
    NULL
};

static const ai_service_t  *const ai_tei_services[] = {
    &ai_tei_embed,
    &ai_tei_rerank,
    NULL
};


#define AI_VECTOR_ROW(id, url, dir, list)                                     \
    {                                                                         \
        .name = ai_string(id),                                                \
        .family = AI_FAMILY_NONE,                                             \
        .endpoint = ai_string(url),                                           \
        .base = ai_string(dir),                                               \
        .key_header = ai_string("Authorization"),                             \
        .key_prefix = ai_string("Bearer "),                                   \
        .services = list,                                                     \
        .headers = ai_string("")                                              \
    }


const ai_provider_t  ai_provider_voyage =
    AI_VECTOR_ROW("voyage", "https://api.voyageai.com/v1", "/v1",
                  ai_voyage_services);


const ai_provider_t  ai_provider_jina =
    AI_VECTOR_ROW("jina", "https://api.jina.ai/v1", "/v1", ai_jina_services);


/* Hugging Face's text-embeddings-inference, which has some paths below /v1
 * and some not */
const ai_provider_t  ai_provider_tei =
    AI_VECTOR_ROW("tei", "http://127.0.0.1:8080", "", ai_tei_services);
