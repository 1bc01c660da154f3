
#include <api/ai_ollama_int.h>
#include <api/ai_peek_int.h>


/* the fields that are looked at here */
enum {
    AI_PEEK_MODEL = 0,
    AI_PEEK_STREAM,
    AI_PEEK_OPTIONS,
    AI_PEEK_CONTENT,                /* messages, prompt */
    AI_PEEK_BESIDE,                 /* tools, system */
    AI_PEEK_IMAGES,
    AI_PEEK_DECISIONS,              /* those above: Ollama ignores the case */

    AI_PEEK_LOGPROBS = AI_PEEK_DECISIONS,
    AI_PEEK_FIELDS
};


static ai_int_t ai_ollama_peek(const ai_openai_ctx_t *c,
    const ai_str_t *names, ai_ref_t *refs, ai_peek_t *peek);
static ai_int_t ai_ollama_peek_options(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_peek_t *peek);
static ai_int_t ai_ollama_has_images(const ai_json_t *doc, ai_ref_t v);


static const ai_str_t  ai_ollama_chat_names[AI_PEEK_FIELDS] = {
    ai_string("model"),
    ai_string("stream"),
    ai_string("options"),
    ai_string("messages"),
    ai_string("tools"),
    ai_string("images"),
    ai_string("logprobs")
};


static const ai_str_t  ai_ollama_generate_names[AI_PEEK_FIELDS] = {
    ai_string("model"),
    ai_string("stream"),
    ai_string("options"),
    ai_string("prompt"),
    ai_string("system"),
    ai_string("images"),
    ai_string("logprobs")
};


/* messages may be absent: that loads the model */

ai_int_t
ai_ollama_chat_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         v, messages, tools, refs[AI_PEEK_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    if (ai_ollama_peek(&c, ai_ollama_chat_names, refs, peek) != AI_OK) {
        return AI_ERROR;
    }

    messages = refs[AI_PEEK_CONTENT];
    tools = refs[AI_PEEK_BESIDE];

    if (ai_openai_want(&c, NULL, "messages", messages, AI_JSON_ARRAY) != AI_OK
        || ai_openai_want(&c, NULL, "tools", tools, AI_JSON_ARRAY) != AI_OK)
    {
        return AI_ERROR;
    }

    if (tools != AI_JSON_NONE) {
        peek->tools = doc->node[tools].count;
    }

    if (messages == AI_JSON_NONE) {
        return AI_OK;
    }

    peek->messages = doc->node[messages].count;

    for (v = ai_json_first(doc, messages);
         v != AI_JSON_NONE && !peek->images;
         v = ai_json_next(doc, messages, v))
    {
        if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
            peek->images = ai_ollama_has_images(doc,
                                             ai_json_get(doc, v, "images"));
        }
    }

    return AI_OK;
}


ai_int_t
ai_ollama_generate_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_PEEK_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    if (ai_ollama_peek(&c, ai_ollama_generate_names, refs, peek) != AI_OK
        || ai_openai_want(&c, NULL, "prompt", refs[AI_PEEK_CONTENT],
                          AI_JSON_STRING) != AI_OK
        || ai_openai_want(&c, NULL, "system", refs[AI_PEEK_BESIDE],
                          AI_JSON_STRING) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->messages = ai_json_esc(doc, refs[AI_PEEK_CONTENT]).len != 0;
    peek->images = ai_ollama_has_images(doc, refs[AI_PEEK_IMAGES]);

    return AI_OK;
}


static ai_int_t
ai_ollama_peek(const ai_openai_ctx_t *c, const ai_str_t *names,
    ai_ref_t *refs, ai_peek_t *peek)
{
    int  stream, logprobs;

    memset(peek, 0, sizeof(ai_peek_t));

    stream = 1;
    logprobs = 0;

    peek->max_output = -1;
    peek->n = -1;
    peek->include_usage = 1;

    peek->stream_options_ref = AI_JSON_NONE;
    peek->include_usage_ref = AI_JSON_NONE;
    peek->max_tokens_ref = AI_JSON_NONE;
    peek->metadata_ref = AI_JSON_NONE;

    if (ai_peek_walk(c, names, AI_PEEK_FIELDS, AI_PEEK_DECISIONS, refs)
        != AI_OK
        || ai_peek_model(c, refs[AI_PEEK_MODEL], &peek->model) != AI_OK
        || ai_openai_flag(c, NULL, "stream", refs[AI_PEEK_STREAM], &stream)
           != AI_OK
        || ai_openai_flag(c, NULL, "logprobs", refs[AI_PEEK_LOGPROBS],
                          &logprobs) != AI_OK
        || ai_ollama_peek_options(c, refs[AI_PEEK_OPTIONS], peek) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->model_ref = refs[AI_PEEK_MODEL];
    peek->stream_ref = refs[AI_PEEK_STREAM];
    peek->messages_ref = refs[AI_PEEK_CONTENT];
    peek->stream = stream;
    peek->logprobs = logprobs;

    return AI_OK;
}


/* below 1 num_predict sets no limit */

static ai_int_t
ai_ollama_peek_options(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_peek_t *peek)
{
    int64_t           n;
    ai_ref_t          refs[2];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("num_predict"), ai_string("temperature")
    };

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    n = -1;

    path.up = NULL;
    path.name = "options";
    path.index = 0;

    if (ai_openai_want(c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_peek_unique(c, &path, v) != AI_OK)
    {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 2, refs);

    if (ai_openai_integer(c, &path, "num_predict", refs[0], INT64_MIN,
                          INT32_MAX, &n) != AI_OK
        || ai_openai_number(c, &path, "temperature", refs[1],
                            &peek->temperature) != AI_OK)
    {
        return AI_ERROR;
    }

    if (n > 0) {
        peek->max_output = n;
        peek->max_tokens_ref = refs[0];
    }

    return AI_OK;
}


static ai_int_t
ai_ollama_has_images(const ai_json_t *doc, ai_ref_t v)
{
    return ai_json_type(doc, v) == AI_JSON_ARRAY && doc->node[v].count != 0;
}


ai_int_t
ai_ollama_chat_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out)
{
    return ai_openai_last_text(doc, peek, pool, max, out);
}


ai_int_t
ai_ollama_generate_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out)
{
    out->len = 0;
    out->data = NULL;

    if (peek->messages == 0) {
        return AI_DECLINED;
    }

    return ai_peek_content(doc, peek->messages_ref, "text", pool, max, out);
}
