
/*
 * Cohere, API version 2.
 */

#include <provider/ai_cohere_int.h>


static void ai_cohere_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);


static void
ai_cohere_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    (void) t;
    (void) stream;

    ai_buf_lit(b, "/v2/chat");
}


static const ai_service_t  *const ai_cohere_services[] = {
    &ai_cohere_embed,
    &ai_cohere_rerank,
    NULL
};


const ai_provider_t  ai_provider_cohere = {
    .name = ai_string("cohere"),
    .family = AI_FAMILY_COHERE,
    .endpoint = ai_string("https://api.cohere.com"),
    .base = ai_string(""),
    .key_header = ai_string("Authorization"),
    .key_prefix = ai_string("Bearer "),
    .framing = AI_FRAMING_SSE,
    .services = ai_cohere_services,
    .path = ai_cohere_path,
    .build = ai_cohere_build,
    .decoder_size = sizeof(ai_cohere_t),
    .decoder_init = ai_cohere_init,
    .stream = ai_cohere_stream,
    .stream_end = ai_cohere_stream_end,
    .answer = ai_cohere_answer
};
