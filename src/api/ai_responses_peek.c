
#include <api/ai_peek_int.h>
#include <api/ai_responses_int.h>


#define AI_RESPONSES_OUTPUT_MAX  INT32_MAX


/* the fields that are looked at here */
enum {
    AI_PEEK_MODEL = 0,
    AI_PEEK_INPUT,
    AI_PEEK_STREAM,
    AI_PEEK_MAX_OUTPUT,
    AI_PEEK_TOOLS,
    AI_PEEK_DECISIONS,              /* those above: J7 */

    AI_PEEK_STREAM_OPTIONS = AI_PEEK_DECISIONS,
    AI_PEEK_USER,
    AI_PEEK_SAFETY,
    AI_PEEK_CACHE_KEY,
    AI_PEEK_METADATA,
    AI_PEEK_TEMPERATURE,
    AI_PEEK_INCLUDE,
    AI_PEEK_FIELDS
};


static ai_int_t ai_responses_peek_rest(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);
static ai_int_t ai_responses_peek_lists(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);
static ai_int_t ai_responses_has_image(const ai_json_t *doc, ai_ref_t item);
static ai_int_t ai_responses_has_logprobs(const ai_json_t *doc,
    ai_ref_t include);


static const ai_str_t  ai_responses_peek_names[AI_PEEK_FIELDS] = {
    ai_string("model"),
    ai_string("input"),
    ai_string("stream"),
    ai_string("max_output_tokens"),
    ai_string("tools"),
    ai_string("stream_options"),
    ai_string("user"),
    ai_string("safety_identifier"),
    ai_string("prompt_cache_key"),
    ai_string("metadata"),
    ai_string("temperature"),
    ai_string("include")
};


ai_int_t
ai_responses_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_PEEK_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    memset(peek, 0, sizeof(ai_peek_t));

    if (ai_peek_walk(&c, ai_responses_peek_names, AI_PEEK_FIELDS,
                     AI_PEEK_DECISIONS, refs) != AI_OK
        || ai_peek_model(&c, refs[AI_PEEK_MODEL], &peek->model) != AI_OK
        || ai_responses_peek_rest(&c, refs, peek) != AI_OK)
    {
        return AI_ERROR;
    }

    /* the usage is in every stream's last event */

    peek->include_usage = 1;

    peek->model_ref = refs[AI_PEEK_MODEL];
    peek->stream_ref = refs[AI_PEEK_STREAM];
    peek->stream_options_ref = refs[AI_PEEK_STREAM_OPTIONS];
    peek->include_usage_ref = AI_JSON_NONE;
    peek->messages_ref = refs[AI_PEEK_INPUT];
    peek->max_tokens_ref = refs[AI_PEEK_MAX_OUTPUT];
    peek->metadata_ref = refs[AI_PEEK_METADATA];

    return ai_responses_peek_lists(&c, refs, peek);
}


static ai_int_t
ai_responses_peek_rest(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    int  stream;

    stream = 0;
    peek->n = -1;
    peek->max_output = -1;

    if (ai_openai_flag(c, NULL, "stream", refs[AI_PEEK_STREAM], &stream)
        != AI_OK
        || ai_openai_integer(c, NULL, "max_output_tokens",
                             refs[AI_PEEK_MAX_OUTPUT], 1,
                             AI_RESPONSES_OUTPUT_MAX, &peek->max_output)
           != AI_OK
        || ai_openai_want(c, NULL, "stream_options",
                          refs[AI_PEEK_STREAM_OPTIONS], AI_JSON_OBJECT)
           != AI_OK
        || ai_openai_number(c, NULL, "temperature", refs[AI_PEEK_TEMPERATURE],
                            &peek->temperature) != AI_OK
        || ai_openai_want(c, NULL, "metadata", refs[AI_PEEK_METADATA],
                          AI_JSON_OBJECT) != AI_OK
        || ai_openai_want(c, NULL, "include", refs[AI_PEEK_INCLUDE],
                          AI_JSON_ARRAY) != AI_OK
        || ai_peek_user(c, refs[AI_PEEK_USER], refs[AI_PEEK_SAFETY],
                        refs[AI_PEEK_CACHE_KEY], peek) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->stream = stream;
    peek->logprobs = ai_responses_has_logprobs(c->doc, refs[AI_PEEK_INCLUDE]);

    return AI_OK;
}


/* no input at all is allowed where the provider remembers the conversation */

static ai_int_t
ai_responses_peek_lists(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    ai_ref_t          v, input, tools;
    const ai_json_t  *doc;

    doc = c->doc;
    input = refs[AI_PEEK_INPUT];
    tools = refs[AI_PEEK_TOOLS];

    if (ai_openai_want(c, NULL, "tools", tools, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    if (tools != AI_JSON_NONE) {
        peek->tools = doc->node[tools].count;
    }

    if (input == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_json_type(doc, input) == AI_JSON_STRING) {
        peek->messages = 1;
        return AI_OK;
    }

    if (ai_json_type(doc, input) != AI_JSON_ARRAY) {
        return ai_openai_bad_type(c, NULL, "input", "a string or an array",
                                  input);
    }

    peek->messages = doc->node[input].count;

    for (v = ai_json_first(doc, input);
         v != AI_JSON_NONE && !peek->images;
         v = ai_json_next(doc, input, v))
    {
        peek->images = ai_responses_has_image(doc, v);
    }

    return AI_OK;
}


static ai_int_t
ai_responses_has_image(const ai_json_t *doc, ai_ref_t item)
{
    ai_ref_t  v, content;

    if (ai_json_type(doc, item) != AI_JSON_OBJECT) {
        return 0;
    }

    content = ai_json_get(doc, item, "content");

    if (content == AI_JSON_NONE) {
        content = ai_json_get(doc, item, "output");
    }

    if (ai_json_type(doc, content) != AI_JSON_ARRAY) {
        return 0;
    }

    for (v = ai_json_first(doc, content);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, content, v))
    {
        if (ai_json_type(doc, v) == AI_JSON_OBJECT
            && ai_json_is(doc, ai_json_get(doc, v, "type"), "input_image"))
        {
            return 1;
        }
    }

    return 0;
}


static ai_int_t
ai_responses_has_logprobs(const ai_json_t *doc, ai_ref_t include)
{
    ai_ref_t  v;

    for (v = ai_json_first(doc, include);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, include, v))
    {
        if (ai_json_is(doc, v, "message.output_text.logprobs")) {
            return 1;
        }
    }

    return 0;
}


ai_int_t
ai_responses_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out)
{
    ai_ref_t  last, content;

    out->len = 0;
    out->data = NULL;

    content = peek->messages_ref;

    if (ai_json_type(doc, content) == AI_JSON_ARRAY) {
        last = ai_peek_last_user(doc, content);

        if (last == AI_JSON_NONE) {
            return AI_DECLINED;
        }

        content = ai_json_get(doc, last, "content");
    }

    if (content == AI_JSON_NONE) {
        return AI_DECLINED;
    }

    return ai_peek_content(doc, content, "input_text", pool, max, out);
}
