
/*
 * Ollama's /api/chat and /api/generate as rows of dialects, its errors, and
 * its lists.
 */

#include <api/ai_ollama.h>
#include <codec/ai_sigv4.h>


void
ai_ollama_error(ai_buf_t *b, const ai_error_t *err)
{
    ai_buf_lit(b, "{\"error\":");
    ai_error_quote(b, err);
    ai_buf_char(b, '}');
}


void
ai_ollama_error_event(ai_buf_t *b, const ai_error_t *err)
{
    ai_ollama_error(b, err);
    ai_buf_char(b, '\n');
}


/* Ollama's command line shows twelve digits of the digest, and fails if there
 * are fewer */

static void
ai_ollama_tag(ai_buf_t *b, const ai_model_entry_t *model)
{
    ai_char_t  digest[AI_SIGV4_HASH];

    if (ai_sigv4_hash(&model->id, 1, digest) != AI_OK) {
        b->failed = 1;
        return;
    }

    ai_buf_lit(b, "{\"name\":");
    ai_buf_quote(b, &model->id);
    ai_buf_lit(b, ",\"model\":");
    ai_buf_quote(b, &model->id);
    ai_buf_lit(b, ",\"modified_at\":\"1970-01-01T00:00:00Z\",\"size\":0,"
                  "\"digest\":\"");
    ai_buf_add(b, digest, AI_SIGV4_HASH);
    ai_buf_lit(b, "\",\"details\":{\"parent_model\":\"\",\"format\":\"\","
                  "\"family\":");
    ai_buf_quote(b, &model->owner);
    ai_buf_lit(b, ",\"families\":[");
    ai_buf_quote(b, &model->owner);
    ai_buf_lit(b, "],\"parameter_size\":\"\",\"quantization_level\":\"\"}}");
}


void
ai_ollama_tags(ai_buf_t *b, const ai_model_entry_t *models, size_t n)
{
    size_t  i;

    ai_buf_lit(b, "{\"models\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            ai_buf_char(b, ',');
        }

        ai_ollama_tag(b, &models[i]);
    }

    ai_buf_lit(b, "]}");
}


void
ai_ollama_version(ai_buf_t *b, const ai_str_t *version)
{
    ai_buf_lit(b, "{\"version\":");
    ai_buf_quote(b, version);
    ai_buf_char(b, '}');
}


const ai_dialect_t  ai_dialect_ollama_chat = {
    .name = ai_string("ollama.chat"),
    .family = AI_FAMILY_OLLAMA,
    .stream_type = ai_string("application/x-ndjson"),
    .peek = ai_ollama_chat_peek,
    .last_text = ai_ollama_chat_last_text,
    .decode = ai_ollama_chat_decode,
    .reply_create = ai_ollama_chat_create,
    .reply_event = ai_ollama_reply_event,
    .reply_end = ai_ollama_reply_end,
    .error = ai_ollama_error,
    .error_event = ai_ollama_error_event
};


/* no family: at an Ollama provider it is a chat too */

const ai_dialect_t  ai_dialect_ollama_generate = {
    .name = ai_string("ollama.generate"),
    .family = AI_FAMILY_NONE,
    .stream_type = ai_string("application/x-ndjson"),
    .peek = ai_ollama_generate_peek,
    .last_text = ai_ollama_generate_last_text,
    .decode = ai_ollama_generate_decode,
    .reply_create = ai_ollama_generate_create,
    .reply_event = ai_ollama_reply_event,
    .reply_end = ai_ollama_reply_end,
    .error = ai_ollama_error,
    .error_event = ai_ollama_error_event
};
