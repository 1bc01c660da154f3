
#include <api/ai_generate_int.h>
#include <api/ai_peek_int.h>


#define AI_GENERATE_N_MAX       128
#define AI_GENERATE_OUTPUT_MAX  INT32_MAX


enum {
    AI_PEEK_CONTENTS = 0,
    AI_PEEK_CONFIG,
    AI_PEEK_TOOLS,
    AI_PEEK_MODEL,
    AI_PEEK_DECISIONS,              /* those above: J7 */

    AI_PEEK_LABELS = AI_PEEK_DECISIONS,
    AI_PEEK_ROOT
};

enum {
    AI_PEEK_MAX_OUTPUT = 0,
    AI_PEEK_CANDIDATES,
    AI_PEEK_CONFIG_DECISIONS,

    AI_PEEK_TEMPERATURE = AI_PEEK_CONFIG_DECISIONS,
    AI_PEEK_LOGPROBS,
    AI_PEEK_CONFIG_FIELDS
};


static ai_int_t ai_generate_peek_model(const ai_openai_ctx_t *c, ai_ref_t v,
    const ai_str_t *model);
static ai_int_t ai_generate_peek_config(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_peek_t *peek);
static ai_int_t ai_generate_peek_lists(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);
static uint32_t ai_generate_count(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_generate_has_image(const ai_json_t *doc, ai_ref_t content);
static void ai_generate_content_text(const ai_json_t *doc, ai_ref_t content,
    size_t max, ai_buf_t *b);


static const ai_str_t  ai_generate_peek_root[AI_PEEK_ROOT] = {
    ai_string("contents"),
    ai_string("generationConfig"),
    ai_string("tools"),
    ai_string("model"),
    ai_string("labels")
};

static const ai_str_t  ai_generate_peek_fields[AI_PEEK_CONFIG_FIELDS] = {
    ai_string("maxOutputTokens"),
    ai_string("candidateCount"),
    ai_string("temperature"),
    ai_string("responseLogprobs")
};


ai_int_t
ai_generate_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_PEEK_ROOT];
    ai_str_t         model;
    unsigned         stream;
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    model = peek->model;
    stream = peek->stream;

    memset(peek, 0, sizeof(ai_peek_t));

    peek->model = model;
    peek->stream = stream;
    peek->include_usage = 1;
    peek->model_ref = AI_JSON_NONE;
    peek->stream_ref = AI_JSON_NONE;
    peek->stream_options_ref = AI_JSON_NONE;
    peek->include_usage_ref = AI_JSON_NONE;
    peek->messages_ref = AI_JSON_NONE;
    peek->max_tokens_ref = AI_JSON_NONE;
    peek->metadata_ref = AI_JSON_NONE;
    peek->max_output = -1;
    peek->n = -1;

    if (ai_peek_root(&c) != AI_OK
        || ai_generate_case(&c, NULL, AI_JSON_ROOT, ai_generate_peek_root,
                            AI_PEEK_DECISIONS) != AI_OK
        || ai_generate_pick(&c, NULL, AI_JSON_ROOT, ai_generate_peek_root,
                            AI_PEEK_ROOT, refs, NULL) != AI_OK
        || ai_generate_peek_model(&c, refs[AI_PEEK_MODEL], &model) != AI_OK
        || ai_generate_peek_config(&c, refs[AI_PEEK_CONFIG], peek) != AI_OK
        || ai_openai_want(&c, NULL, "labels", refs[AI_PEEK_LABELS],
                          AI_JSON_OBJECT) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->metadata_ref = refs[AI_PEEK_LABELS];

    return ai_generate_peek_lists(&c, refs, peek);
}


/* the one of the URI is the one that counts, so another here is a mistake */

static ai_int_t
ai_generate_peek_model(const ai_openai_ctx_t *c, ai_ref_t v,
    const ai_str_t *model)
{
    ai_str_t  s;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_peek_text(c, NULL, "model", v, &s) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_str_starts(&s, "models/")) {
        s.data += sizeof("models/") - 1;
        s.len -= sizeof("models/") - 1;
    }

    if (!ai_str_eq(&s, model)) {
        return ai_openai_bad_value(c, NULL, "model",
                                   ": it differs from the one in the URI.");
    }

    return AI_OK;
}


static ai_int_t
ai_generate_peek_config(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_peek_t *peek)
{
    int               logprobs;
    ai_ref_t          refs[AI_PEEK_CONFIG_FIELDS];
    ai_openai_path_t  path;

    path.up = NULL;
    path.name = "generationConfig";
    path.index = 0;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_peek_unique(c, &path, v) != AI_OK
        || ai_generate_case(c, &path, v, ai_generate_peek_fields,
                            AI_PEEK_CONFIG_DECISIONS) != AI_OK
        || ai_generate_pick(c, &path, v, ai_generate_peek_fields,
                            AI_PEEK_CONFIG_FIELDS, refs, NULL) != AI_OK)
    {
        return AI_ERROR;
    }

    logprobs = 0;

    if (ai_openai_integer(c, &path, "maxOutputTokens",
                          refs[AI_PEEK_MAX_OUTPUT], 1, AI_GENERATE_OUTPUT_MAX,
                          &peek->max_output) != AI_OK
        || ai_openai_integer(c, &path, "candidateCount",
                             refs[AI_PEEK_CANDIDATES], 1, AI_GENERATE_N_MAX,
                             &peek->n) != AI_OK
        || ai_openai_number(c, &path, "temperature",
                            refs[AI_PEEK_TEMPERATURE], &peek->temperature)
           != AI_OK
        || ai_openai_flag(c, &path, "responseLogprobs",
                          refs[AI_PEEK_LOGPROBS], &logprobs) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->max_tokens_ref = refs[AI_PEEK_MAX_OUTPUT];
    peek->logprobs = logprobs;

    return AI_OK;
}


/* a string or one object stands for a list of it */

static uint32_t
ai_generate_count(const ai_json_t *doc, ai_ref_t v)
{
    switch (ai_json_type(doc, v)) {

    case AI_JSON_ARRAY:
        return doc->node[v].count;

    case AI_JSON_OBJECT:
    case AI_JSON_STRING:
        return 1;

    default:
        return 0;
    }
}


static ai_int_t
ai_generate_peek_lists(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    ai_ref_t         v, list, contents, tools;
    const ai_json_t  *doc;

    doc = c->doc;
    contents = refs[AI_PEEK_CONTENTS];
    tools = refs[AI_PEEK_TOOLS];

    if (contents == AI_JSON_NONE) {
        return ai_openai_missing(c, NULL, "contents");
    }

    peek->messages_ref = contents;
    peek->messages = ai_generate_count(doc, contents);

    if (peek->messages == 0) {
        return ai_json_type(doc, contents) == AI_JSON_ARRAY
               ? ai_openai_bad_value(c, NULL, "contents",
                                     ": it must not be empty.")
               : ai_openai_bad_type(c, NULL, "contents", "an array",
                                    contents);
    }

    for (v = ai_generate_first(doc, tools);
         v != AI_JSON_NONE;
         v = ai_generate_next(doc, tools, v))
    {
        list = ai_generate_get(doc, v, "functionDeclarations");
        peek->tools += list == AI_JSON_NONE ? 1
                                            : ai_generate_count(doc, list);
    }

    for (v = ai_generate_first(doc, contents);
         v != AI_JSON_NONE && !peek->images;
         v = ai_generate_next(doc, contents, v))
    {
        peek->images = ai_generate_has_image(doc, v) != 0;
    }

    return AI_OK;
}


static ai_int_t
ai_generate_has_image(const ai_json_t *doc, ai_ref_t content)
{
    ai_esc_t  media;
    ai_ref_t  v, parts, data;

    parts = ai_generate_get(doc, content, "parts");

    if (parts == AI_JSON_NONE) {
        parts = content;
    }

    for (v = ai_generate_first(doc, parts);
         v != AI_JSON_NONE;
         v = ai_generate_next(doc, parts, v))
    {
        data = ai_generate_get(doc, v, "inlineData");

        if (data == AI_JSON_NONE) {
            data = ai_generate_get(doc, v, "fileData");
        }

        media = ai_json_esc(doc, ai_generate_get(doc, data, "mimeType"));

        if (media.data && ai_str_starts(&media, "image")) {
            return 1;
        }
    }

    return 0;
}


/* results of tools are the user's too, so the last one with a text is meant */

ai_int_t
ai_generate_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out)
{
    ai_buf_t  b;
    ai_ref_t  v, role, last;

    out->len = 0;
    out->data = NULL;

    last = AI_JSON_NONE;

    for (v = ai_generate_first(doc, peek->messages_ref);
         v != AI_JSON_NONE;
         v = ai_generate_next(doc, peek->messages_ref, v))
    {
        role = ai_generate_get(doc, v, "role");

        if (!ai_json_is_null(doc, role) && !ai_json_is(doc, role, "user")) {
            continue;
        }

        ai_buf_init(&b, pool);
        ai_generate_content_text(doc, v, 1, &b);

        if (b.failed) {
            return AI_ERROR;
        }

        if (ai_buf_len(&b)) {
            last = v;
        }

        ai_pfree(pool, b.start);
    }

    if (last == AI_JSON_NONE) {
        return AI_DECLINED;
    }

    ai_buf_init(&b, pool);
    ai_generate_content_text(doc, last, max, &b);

    if (b.failed) {
        return AI_ERROR;
    }

    *out = ai_buf_str(&b);
    out->len = ai_peek_cut(out, max);

    return AI_OK;
}


static void
ai_generate_content_text(const ai_json_t *doc, ai_ref_t content, size_t max,
    ai_buf_t *b)
{
    ai_ref_t  v, text, parts;

    parts = ai_generate_get(doc, content, "parts");

    if (parts == AI_JSON_NONE) {
        parts = content;
    }

    for (v = ai_generate_first(doc, parts);
         v != AI_JSON_NONE && ai_buf_len(b) < max && !b->failed;
         v = ai_generate_next(doc, parts, v))
    {
        text = ai_json_type(doc, v) == AI_JSON_STRING
               ? v : ai_generate_get(doc, v, "text");

        if (ai_json_esc(doc, text).len) {
            ai_peek_line(b, doc, text, max);
        }
    }
}
