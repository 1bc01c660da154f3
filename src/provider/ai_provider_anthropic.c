
/*
 * Anthropic, Messages API, version 2023-06-01.
 */

#include <provider/ai_anthropic_int.h>


static void ai_anthropic_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);


static void
ai_anthropic_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    (void) t;
    (void) stream;

    ai_buf_lit(b, "/messages");
}


static const ai_service_t  *const ai_anthropic_services[] = {
    &ai_anthropic_count_tokens,
    NULL
};


const ai_provider_t  ai_provider_anthropic = {
    .name = ai_string("anthropic"),
    .family = AI_FAMILY_ANTHROPIC,
    .endpoint = ai_string("https://api.anthropic.com/v1"),
    .base = ai_string("/v1"),
    .key_header = ai_string("x-api-key"),
    .key_prefix = ai_string(""),
    .services = ai_anthropic_services,
    .path = ai_anthropic_path,
    .headers = ai_string("anthropic-version: 2023-06-01\r\n"),
    .build = ai_anthropic_build,
    .decoder_size = sizeof(ai_anthropic_t),
    .decoder_init = ai_anthropic_init,
    .stream = ai_anthropic_stream,
    .stream_end = ai_anthropic_stream_end,
    .answer = ai_anthropic_answer
};
