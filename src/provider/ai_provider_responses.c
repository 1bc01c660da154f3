
/*
 * The row of OpenAI's Responses API.  It belongs to an account of "openai",
 * whose choose() names it.
 */

#include <provider/ai_responses_upstream_int.h>


static const ai_service_t  *const ai_rsp_services[] = {
    &ai_openai_count_tokens,
    NULL
};


const ai_provider_t  ai_provider_openai_responses = {
    .name = ai_string("openai_responses"),
    .family = AI_FAMILY_RESPONSES,
    .endpoint = ai_string("https://api.openai.com/v1"),
    .base = ai_string("/v1"),
    .key_header = ai_string("Authorization"),
    .key_prefix = ai_string("Bearer "),
    .services = ai_rsp_services,
    .path = ai_rsp_path,
    .headers = ai_string(""),
    .build = ai_rsp_build,
    .decoder_size = sizeof(ai_rsp_t),
    .decoder_init = ai_rsp_init,
    .stream = ai_rsp_stream,
    .stream_end = ai_rsp_end,
    .answer = ai_rsp_answer
};


void
ai_rsp_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    (void) t;
    (void) stream;

    ai_buf_lit(b, "/responses");
}
