
#include <api/ai_peek_int.h>


#define AI_OPENAI_N_MAX       128
#define AI_OPENAI_OUTPUT_MAX  INT32_MAX


/* the fields that are looked at here */
enum {
    AI_PEEK_MODEL = 0,
    AI_PEEK_MESSAGES,
    AI_PEEK_STREAM,
    AI_PEEK_STREAM_OPTIONS,
    AI_PEEK_MAX_TOKENS,
    AI_PEEK_MAX_COMPLETION,
    AI_PEEK_N,
    AI_PEEK_TOOLS,
    AI_PEEK_DECISIONS,              /* those above: J7 */

    AI_PEEK_FUNCTIONS = AI_PEEK_DECISIONS,
    AI_PEEK_USER,
    AI_PEEK_SAFETY,
    AI_PEEK_CACHE_KEY,
    AI_PEEK_METADATA,
    AI_PEEK_TEMPERATURE,
    AI_PEEK_LOGPROBS,
    AI_PEEK_FIELDS
};


static ai_int_t ai_openai_peek_limit(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);
static ai_int_t ai_openai_peek_rest(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);
static ai_int_t ai_openai_peek_lists(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);
static ai_int_t ai_openai_has_image(const ai_json_t *doc, ai_ref_t content);


static const ai_str_t  ai_openai_peek_names[AI_PEEK_FIELDS] = {
    ai_string("model"),
    ai_string("messages"),
    ai_string("stream"),
    ai_string("stream_options"),
    ai_string("max_tokens"),
    ai_string("max_completion_tokens"),
    ai_string("n"),
    ai_string("tools"),
    ai_string("functions"),
    ai_string("user"),
    ai_string("safety_identifier"),
    ai_string("prompt_cache_key"),
    ai_string("metadata"),
    ai_string("temperature"),
    ai_string("logprobs")
};


ai_int_t
ai_openai_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_PEEK_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    memset(peek, 0, sizeof(ai_peek_t));

    if (ai_peek_walk(&c, ai_openai_peek_names, AI_PEEK_FIELDS,
                     AI_PEEK_DECISIONS, refs) != AI_OK
        || ai_peek_model(&c, refs[AI_PEEK_MODEL], &peek->model) != AI_OK
        || ai_peek_stream(&c, refs[AI_PEEK_STREAM],
                          refs[AI_PEEK_STREAM_OPTIONS], peek) != AI_OK
        || ai_openai_peek_limit(&c, refs, peek) != AI_OK
        || ai_openai_peek_rest(&c, refs, peek) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->model_ref = refs[AI_PEEK_MODEL];
    peek->messages_ref = refs[AI_PEEK_MESSAGES];
    peek->metadata_ref = refs[AI_PEEK_METADATA];

    return ai_openai_peek_lists(&c, refs, peek);
}


static ai_int_t
ai_openai_peek_limit(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    int64_t   old;
    ai_ref_t  a, b;

    a = refs[AI_PEEK_MAX_COMPLETION];
    b = refs[AI_PEEK_MAX_TOKENS];

    peek->max_output = -1;
    old = -1;

    if (ai_openai_integer(c, NULL, "max_completion_tokens", a, 1,
                          AI_OPENAI_OUTPUT_MAX, &peek->max_output) != AI_OK
        || ai_openai_integer(c, NULL, "max_tokens", b, 1,
                             AI_OPENAI_OUTPUT_MAX, &old) != AI_OK)
    {
        return AI_ERROR;
    }

    if (a != AI_JSON_NONE && b != AI_JSON_NONE && old != peek->max_output) {
        return ai_openai_bad_value(c, NULL, "max_tokens",
                              ": it differs from 'max_completion_tokens'.");
    }

    peek->max_tokens_ref = a != AI_JSON_NONE ? a : b;
    peek->max_output = ai_max(peek->max_output, old);

    return AI_OK;
}


static ai_int_t
ai_openai_peek_rest(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    int  logprobs;

    logprobs = 0;
    peek->n = -1;

    if (ai_openai_integer(c, NULL, "n", refs[AI_PEEK_N], 1, AI_OPENAI_N_MAX,
                          &peek->n) != AI_OK
        || ai_openai_number(c, NULL, "temperature", refs[AI_PEEK_TEMPERATURE],
                            &peek->temperature) != AI_OK
        || ai_openai_flag(c, NULL, "logprobs", refs[AI_PEEK_LOGPROBS],
                          &logprobs) != AI_OK
        || ai_openai_want(c, NULL, "metadata", refs[AI_PEEK_METADATA],
                          AI_JSON_OBJECT) != AI_OK
        || ai_peek_user(c, refs[AI_PEEK_USER], refs[AI_PEEK_SAFETY],
                        refs[AI_PEEK_CACHE_KEY], peek) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->logprobs = logprobs;

    return AI_OK;
}


static ai_int_t
ai_openai_peek_lists(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    ai_ref_t         v, messages, tools, functions;
    const ai_json_t  *doc;

    doc = c->doc;
    messages = refs[AI_PEEK_MESSAGES];
    tools = refs[AI_PEEK_TOOLS];
    functions = refs[AI_PEEK_FUNCTIONS];

    if (ai_openai_need(c, NULL, "messages", messages, AI_JSON_ARRAY) != AI_OK
        || ai_openai_want(c, NULL, "tools", tools, AI_JSON_ARRAY) != AI_OK
        || ai_openai_want(c, NULL, "functions", functions, AI_JSON_ARRAY)
           != AI_OK)
    {
        return AI_ERROR;
    }

    peek->messages = doc->node[messages].count;

    if (peek->messages == 0) {
        return ai_openai_bad_value(c, NULL, "messages",
                                   ": it must not be empty.");
    }

    if (tools != AI_JSON_NONE) {
        peek->tools = doc->node[tools].count;
    }

    if (functions != AI_JSON_NONE) {
        peek->tools += doc->node[functions].count;
    }

    for (v = ai_json_first(doc, messages);
         v != AI_JSON_NONE && !peek->images;
         v = ai_json_next(doc, messages, v))
    {
        if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
            peek->images = ai_openai_has_image(doc,
                                            ai_json_get(doc, v, "content"));
        }
    }

    return AI_OK;
}


static ai_int_t
ai_openai_has_image(const ai_json_t *doc, ai_ref_t content)
{
    ai_ref_t  v;

    if (ai_json_type(doc, content) != AI_JSON_ARRAY) {
        return 0;
    }

    for (v = ai_json_first(doc, content);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, content, v))
    {
        if (ai_json_type(doc, v) == AI_JSON_OBJECT
            && ai_json_is(doc, ai_json_get(doc, v, "type"), "image_url"))
        {
            return 1;
        }
    }

    return 0;
}


ai_int_t
ai_openai_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out)
{
    ai_ref_t  last;

    out->len = 0;
    out->data = NULL;

    last = ai_peek_last_user(doc, peek->messages_ref);

    if (last == AI_JSON_NONE) {
        return AI_DECLINED;
    }

    return ai_peek_content(doc, ai_json_get(doc, last, "content"), "text",
                           pool, max, out);
}
