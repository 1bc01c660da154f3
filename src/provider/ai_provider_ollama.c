
/*
 * Ollama's own API, beside the OpenAI one that its other row speaks.
 */

#include <provider/ai_ollama_native_int.h>
#include <provider/ai_provider_rows_int.h>


static void
ai_ollama_native_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    (void) t;
    (void) stream;

    ai_buf_lit(b, "/api/chat");
}


/* a local server wants no key, the cloud one does */

static const ai_service_t  *const ai_ollama_services[] = {
    &ai_ollama_embed,
    NULL
};


const ai_provider_t  ai_provider_ollama_native = {
    .name = ai_string("ollama_native"),
    .family = AI_FAMILY_OLLAMA,
    .endpoint = ai_string("http://127.0.0.1:11434"),
    .base = ai_string(""),
    .own_base = ai_string(""),
    .key_header = ai_string("Authorization"),
    .key_prefix = ai_string("Bearer "),
    .framing = AI_FRAMING_NDJSON,
    .services = ai_ollama_services,
    .path = ai_ollama_native_path,
    .headers = ai_string(""),
    .build = ai_ollama_native_build,
    .decoder_size = sizeof(ai_ollama_native_t),
    .decoder_init = ai_ollama_native_init,
    .stream = ai_ollama_native_stream,
    .stream_end = ai_ollama_native_end,
    .answer = ai_ollama_native_answer
};


/* Ollama's clients have no other family than its own, or none: /api/generate,
 * which is a chat here */

const ai_provider_t *
ai_ollama_choose(const ai_str_t *model, ai_family_e client)
{
    (void) model;

    if (client == AI_FAMILY_OLLAMA || client == AI_FAMILY_NONE) {
        return &ai_provider_ollama_native;
    }

    return &ai_provider_ollama;
}
