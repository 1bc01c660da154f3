
/*
 * Operations of OpenAI's API that go through as they are: images, audio,
 * moderations, files, batches.  What is looked at is the model's name.
 */

#include <api/ai_dialect.h>
#include <api/ai_openai.h>
#include <api/ai_peek_int.h>


enum {
    AI_MEDIA_MODEL = 0,
    AI_MEDIA_STREAM,
    AI_MEDIA_DECISIONS,

    AI_MEDIA_INPUT = AI_MEDIA_DECISIONS,
    AI_MEDIA_PROMPT,
    AI_MEDIA_USER,
    AI_MEDIA_FIELDS
};


static ai_int_t ai_media_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_media_peek_moderation(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_media_look(const ai_json_t *doc, const ai_pool_t *pool,
    const ai_str_t *usual, ai_peek_t *peek, ai_error_t *err);


static const ai_str_t  ai_media_names[AI_MEDIA_FIELDS] = {
    ai_string("model"),
    ai_string("stream"),
    ai_string("input"),
    ai_string("prompt"),
    ai_string("user")
};


#define AI_MEDIA_ROW(id, look)                                                \
    {                                                                         \
        .name = ai_string("openai." id),                                      \
        .family = AI_FAMILY_OPENAI,                                           \
        .stream_type = ai_string("text/event-stream"),                        \
        .peek = look,                                                         \
        .error = ai_openai_error,                                             \
        .error_event = ai_openai_error_event                                  \
    }


const ai_dialect_t  ai_dialect_openai_moderations =
    AI_MEDIA_ROW("moderations", ai_media_peek_moderation);

const ai_dialect_t  ai_dialect_openai_images =
    AI_MEDIA_ROW("images", ai_media_peek);

const ai_dialect_t  ai_dialect_openai_audio =
    AI_MEDIA_ROW("audio", ai_media_peek);

const ai_dialect_t  ai_dialect_openai_files =
    AI_MEDIA_ROW("files", ai_media_peek);

const ai_dialect_t  ai_dialect_openai_batches =
    AI_MEDIA_ROW("batches", ai_media_peek);


static ai_int_t
ai_media_peek(const ai_json_t *doc, const ai_pool_t *pool, ai_peek_t *peek,
    ai_error_t *err)
{
    return ai_media_look(doc, pool, NULL, peek, err);
}


/* the only operation whose model is left out as a rule */

static ai_int_t
ai_media_peek_moderation(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    static const ai_str_t  usual = ai_string("omni-moderation-latest");

    return ai_media_look(doc, pool, &usual, peek, err);
}


/* usual: the model when none is named, NULL: there must be one */

static ai_int_t
ai_media_look(const ai_json_t *doc, const ai_pool_t *pool,
    const ai_str_t *usual, ai_peek_t *peek, ai_error_t *err)
{
    int              stream;
    ai_ref_t         refs[AI_MEDIA_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    memset(peek, 0, sizeof(ai_peek_t));

    stream = 0;

    if (ai_peek_walk(&c, ai_media_names, AI_MEDIA_FIELDS, AI_MEDIA_DECISIONS,
                     refs) != AI_OK
        || ai_openai_flag(&c, NULL, "stream", refs[AI_MEDIA_STREAM], &stream)
           != AI_OK
        || ai_peek_text(&c, NULL, "user", refs[AI_MEDIA_USER], &peek->user)
           != AI_OK)
    {
        return AI_ERROR;
    }

    peek->model_ref = refs[AI_MEDIA_MODEL];

    if (peek->model_ref == AI_JSON_NONE && usual) {
        peek->model = *usual;

    } else if (ai_peek_model(&c, peek->model_ref, &peek->model) != AI_OK) {
        return AI_ERROR;
    }

    peek->stream_ref = refs[AI_MEDIA_STREAM];
    peek->stream_options_ref = AI_JSON_NONE;
    peek->include_usage_ref = AI_JSON_NONE;
    peek->messages_ref = refs[AI_MEDIA_INPUT] != AI_JSON_NONE
                         ? refs[AI_MEDIA_INPUT] : refs[AI_MEDIA_PROMPT];
    peek->max_tokens_ref = AI_JSON_NONE;
    peek->metadata_ref = AI_JSON_NONE;
    peek->max_output = -1;
    peek->n = -1;
    peek->stream = stream;

    return AI_OK;
}
