
#include <api/ai_messages_int.h>
#include <api/ai_peek_int.h>


#define AI_MESSAGES_OUTPUT_MAX  INT32_MAX


/* the fields that are looked at here */
enum {
    AI_PEEK_MODEL = 0,
    AI_PEEK_MESSAGES,
    AI_PEEK_STREAM,
    AI_PEEK_MAX_TOKENS,
    AI_PEEK_TOOLS,
    AI_PEEK_SYSTEM,
    AI_PEEK_DECISIONS,              /* those above: J7 */

    AI_PEEK_METADATA = AI_PEEK_DECISIONS,
    AI_PEEK_TEMPERATURE,
    AI_PEEK_FIELDS
};


static ai_int_t ai_messages_peek_user(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_str_t *user);
static ai_int_t ai_messages_peek_lists(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);
static ai_int_t ai_messages_has_image(const ai_json_t *doc,
    ai_ref_t content);
static ai_int_t ai_messages_has_text(const ai_json_t *doc, ai_ref_t message);
static ai_ref_t ai_messages_type(const ai_json_t *doc, ai_ref_t v);


static const ai_str_t  ai_messages_peek_names[AI_PEEK_FIELDS] = {
    ai_string("model"),
    ai_string("messages"),
    ai_string("stream"),
    ai_string("max_tokens"),
    ai_string("tools"),
    ai_string("system"),
    ai_string("metadata"),
    ai_string("temperature")
};


ai_int_t
ai_messages_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    int              stream;
    ai_ref_t         refs[AI_PEEK_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    memset(peek, 0, sizeof(ai_peek_t));

    peek->max_output = -1;
    peek->n = -1;
    stream = 0;

    if (ai_peek_walk(&c, ai_messages_peek_names, AI_PEEK_FIELDS,
                     AI_PEEK_DECISIONS, refs) != AI_OK
        || ai_peek_model(&c, refs[AI_PEEK_MODEL], &peek->model) != AI_OK
        || ai_openai_flag(&c, NULL, "stream", refs[AI_PEEK_STREAM], &stream)
           != AI_OK
        || ai_openai_integer(&c, NULL, "max_tokens", refs[AI_PEEK_MAX_TOKENS],
                             1, AI_MESSAGES_OUTPUT_MAX, &peek->max_output)
           != AI_OK
        || ai_openai_number(&c, NULL, "temperature",
                            refs[AI_PEEK_TEMPERATURE], &peek->temperature)
           != AI_OK
        || ai_messages_peek_user(&c, refs[AI_PEEK_METADATA], &peek->user)
           != AI_OK)
    {
        return AI_ERROR;
    }

    peek->stream = stream;
    peek->include_usage = 1;

    peek->model_ref = refs[AI_PEEK_MODEL];
    peek->stream_ref = refs[AI_PEEK_STREAM];
    peek->stream_options_ref = AI_JSON_NONE;
    peek->include_usage_ref = AI_JSON_NONE;
    peek->messages_ref = refs[AI_PEEK_MESSAGES];
    peek->max_tokens_ref = refs[AI_PEEK_MAX_TOKENS];
    peek->metadata_ref = refs[AI_PEEK_METADATA];

    return ai_messages_peek_lists(&c, refs, peek);
}


static ai_int_t
ai_messages_peek_user(const ai_openai_ctx_t *c, ai_ref_t v, ai_str_t *user)
{
    ai_ref_t          id;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = { ai_string("user_id") };

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    ai_messages_path(&path, NULL, "metadata");

    if (ai_openai_want(c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 1, &id);

    return ai_peek_text(c, &path, "user_id", id, user);
}


static ai_int_t
ai_messages_peek_lists(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    ai_ref_t          v, messages, tools;
    const ai_json_t  *doc;

    doc = c->doc;
    messages = refs[AI_PEEK_MESSAGES];
    tools = refs[AI_PEEK_TOOLS];

    if (ai_openai_need(c, NULL, "messages", messages, AI_JSON_ARRAY) != AI_OK
        || ai_openai_want(c, NULL, "tools", tools, AI_JSON_ARRAY) != AI_OK)
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

    for (v = ai_json_first(doc, messages);
         v != AI_JSON_NONE && !peek->images;
         v = ai_json_next(doc, messages, v))
    {
        if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
            peek->images = ai_messages_has_image(doc,
                                            ai_json_get(doc, v, "content"));
        }
    }

    return AI_OK;
}


/* also in the results of tools: computer use sends its screens there */

static ai_int_t
ai_messages_has_image(const ai_json_t *doc, ai_ref_t content)
{
    ai_ref_t  v, e, list, type;

    if (ai_json_type(doc, content) != AI_JSON_ARRAY) {
        return 0;
    }

    for (v = ai_json_first(doc, content);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, content, v))
    {
        type = ai_messages_type(doc, v);

        if (ai_json_is(doc, type, "image")) {
            return 1;
        }

        if (!ai_json_is(doc, type, "tool_result")) {
            continue;
        }

        list = ai_json_get(doc, v, "content");

        if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
            continue;
        }

        for (e = ai_json_first(doc, list);
             e != AI_JSON_NONE;
             e = ai_json_next(doc, list, e))
        {
            if (ai_json_is(doc, ai_messages_type(doc, e), "image")) {
                return 1;
            }
        }
    }

    return 0;
}


static ai_ref_t
ai_messages_type(const ai_json_t *doc, ai_ref_t v)
{
    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        return AI_JSON_NONE;
    }

    return ai_json_get(doc, v, "type");
}


ai_int_t
ai_messages_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out)
{
    ai_ref_t  v, last;

    out->len = 0;
    out->data = NULL;

    last = AI_JSON_NONE;

    for (v = ai_json_first(doc, peek->messages_ref);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, peek->messages_ref, v))
    {
        if (ai_messages_has_text(doc, v)) {
            last = v;
        }
    }

    if (last == AI_JSON_NONE) {
        return AI_DECLINED;
    }

    return ai_peek_content(doc, ai_json_get(doc, last, "content"), "text",
                           pool, max, out);
}


/* a user's message that says something itself */

static ai_int_t
ai_messages_has_text(const ai_json_t *doc, ai_ref_t message)
{
    ai_ref_t  v, content;

    if (ai_json_type(doc, message) != AI_JSON_OBJECT
        || !ai_json_is(doc, ai_json_get(doc, message, "role"), "user"))
    {
        return 0;
    }

    content = ai_json_get(doc, message, "content");

    if (ai_json_type(doc, content) == AI_JSON_STRING) {
        return 1;
    }

    if (ai_json_type(doc, content) != AI_JSON_ARRAY) {
        return 0;
    }

    for (v = ai_json_first(doc, content);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, content, v))
    {
        if (ai_json_is(doc, ai_messages_type(doc, v), "text")) {
            return 1;
        }
    }

    return 0;
}
