
/*
 * Embeddings as clients ask for them: what the forms share.
 */

#include <api/ai_embed_int.h>


typedef struct {
    ai_str_t           name;
    ai_purpose_e       purpose;
} ai_embed_word_t;


static ai_int_t ai_embed_tokens_ok(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_embed_one(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v,
    ai_int_t tokens, ai_input_t *in);


/* the first of a purpose is Gemini's */

static const ai_embed_word_t  ai_embed_words[] = {
    { ai_string("RETRIEVAL_QUERY"), AI_PURPOSE_QUERY },
    { ai_string("RETRIEVAL_DOCUMENT"), AI_PURPOSE_DOCUMENT },
    { ai_string("CLASSIFICATION"), AI_PURPOSE_CLASSIFICATION },
    { ai_string("CLUSTERING"), AI_PURPOSE_CLUSTERING },
    { ai_string("SEMANTIC_SIMILARITY"), AI_PURPOSE_SIMILARITY },
    { ai_string("QUESTION_ANSWERING"), AI_PURPOSE_QUESTION },
    { ai_string("FACT_VERIFICATION"), AI_PURPOSE_FACT },
    { ai_string("CODE_RETRIEVAL_QUERY"), AI_PURPOSE_CODE },
    { ai_string("TASK_TYPE_UNSPECIFIED"), AI_PURPOSE_UNSET },

    { ai_string("search_query"), AI_PURPOSE_QUERY },
    { ai_string("search_document"), AI_PURPOSE_DOCUMENT },
    { ai_string("image"), AI_PURPOSE_IMAGE },

    { ai_string("query"), AI_PURPOSE_QUERY },
    { ai_string("document"), AI_PURPOSE_DOCUMENT },
    { ai_string("passage"), AI_PURPOSE_DOCUMENT },

    { ai_null_string, AI_PURPOSE_UNSET }
};


ai_str_t
ai_purpose_task(ai_purpose_e purpose)
{
    const ai_embed_word_t  *w;

    if (purpose == AI_PURPOSE_UNSET || purpose == AI_PURPOSE_IMAGE) {
        return ai_lit("");
    }

    for (w = ai_embed_words; w->purpose != purpose; w++) {
        /* void */
    }

    return w->name;
}


ai_str_t
ai_purpose_type(ai_purpose_e purpose)
{
    switch (purpose) {

    case AI_PURPOSE_QUERY:
    case AI_PURPOSE_QUESTION:
    case AI_PURPOSE_FACT:
    case AI_PURPOSE_CODE:
        return ai_lit("search_query");

    case AI_PURPOSE_DOCUMENT:
        return ai_lit("search_document");

    case AI_PURPOSE_CLASSIFICATION:
        return ai_lit("classification");

    case AI_PURPOSE_CLUSTERING:
        return ai_lit("clustering");

    case AI_PURPOSE_IMAGE:
        return ai_lit("image");

    default: /* UNSET, SIMILARITY */
        return ai_lit("");
    }
}


void
ai_embed_peek_init(ai_peek_t *peek)
{
    ai_str_t  model;

    model = peek->model;

    memset(peek, 0, sizeof(ai_peek_t));

    peek->model = model;
    peek->model_ref = AI_JSON_NONE;
    peek->stream_ref = AI_JSON_NONE;
    peek->stream_options_ref = AI_JSON_NONE;
    peek->include_usage_ref = AI_JSON_NONE;
    peek->messages_ref = AI_JSON_NONE;
    peek->max_tokens_ref = AI_JSON_NONE;
    peek->metadata_ref = AI_JSON_NONE;
    peek->max_output = -1;
    peek->n = -1;
}


ai_int_t
ai_embed_peek_input(const ai_openai_ctx_t *c, const char *name, ai_ref_t v,
    ai_peek_t *peek)
{
    if (v == AI_JSON_NONE) {
        return ai_openai_missing(c, NULL, name);
    }

    peek->messages_ref = v;
    peek->messages = 1;

    if (ai_json_type(c->doc, v) == AI_JSON_ARRAY) {
        peek->messages = c->doc->node[v].count;
    }

    if (peek->messages == 0) {
        return ai_openai_bad_value(c, NULL, name, ": it must not be empty.");
    }

    return AI_OK;
}


ai_int_t
ai_embed_begin(const ai_openai_ctx_t *c, const char *name,
    const ai_peek_t *peek, ai_call_t *call, uint32_t n)
{
    uint32_t     i;
    ai_embed_t  *e;

    ai_call_init(call, AI_CALL_EMBED);

    call->model = peek->model;
    e = &call->u.embed;
    e->input = name;

    if (n == 0) {
        return ai_openai_bad_value(c, NULL, name, ": it must not be empty.");
    }

    if (n > AI_EMBED_INPUTS_MAX) {
        return ai_openai_bad_value(c, NULL, name, ": it has too many inputs.");
    }

    e->inputs = ai_pcalloc(c->pool, n * sizeof(ai_input_t));
    if (e->inputs == NULL) {
        return ai_openai_no_memory(c);
    }

    for (i = 0; i + 1 < n; i++) {
        e->inputs[i].next = &e->inputs[i + 1];
    }

    e->n = n;

    return AI_OK;
}


void
ai_embed_unknown(const ai_openai_ctx_t *c, const ai_str_t *names, ai_uint_t n,
    ai_dropped_t *dropped)
{
    ai_ref_t         key;
    ai_str_t         s;
    ai_uint_t        i;
    const ai_json_t  *doc;

    doc = c->doc;

    for (key = ai_json_first(doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, AI_JSON_ROOT, key))
    {
        if (ai_json_is_null(doc, ai_json_value(doc, key))) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (ai_json_equal(doc, key, (char *) names[i].data, names[i].len))
            {
                break;
            }
        }

        if (i == n) {
            s = ai_json_esc(doc, key);
            ai_dropped_add_str(dropped, &s);
        }
    }
}


/*
 * [1, 2] is one input of tokens, [[1, 2], [3]] are two.
 */

ai_int_t
ai_embed_input(const ai_openai_ctx_t *c, const ai_peek_t *peek,
    ai_int_t tokens, ai_call_t *call)
{
    uint32_t          n;
    ai_ref_t          v, list;
    ai_input_t       *in;
    ai_openai_path_t  root, path;

    list = peek->messages_ref;

    n = ai_json_type(c->doc, list) == AI_JSON_ARRAY
        && ai_json_type(c->doc, ai_json_first(c->doc, list)) != AI_JSON_NUMBER
        ? c->doc->node[list].count : 0;

    if (ai_embed_begin(c, "input", peek, call, ai_max(n, 1)) != AI_OK) {
        return AI_ERROR;
    }

    in = call->u.embed.inputs;

    if (n == 0) {
        call->u.embed.single = 1;
        return ai_embed_one(c, NULL, "input", list, tokens, in);
    }

    root.up = NULL;
    root.name = "input";
    root.index = 0;

    path.up = &root;
    path.name = NULL;
    path.index = 0;

    for (v = ai_json_first(c->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(c->doc, list, v))
    {
        if (ai_embed_one(c, &path, NULL, v, tokens, in) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
        in = in->next;
    }

    return AI_OK;
}


static ai_int_t
ai_embed_one(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_int_t tokens, ai_input_t *in)
{
    /* some hosts take images so */

    if (tokens && up && ai_json_type(c->doc, v) == AI_JSON_OBJECT) {
        ai_embed_other(c, v, AI_FAMILY_OPENAI, in);
        return AI_OK;
    }

    if (!tokens || ai_json_type(c->doc, v) != AI_JSON_ARRAY) {
        return ai_embed_text(c, up, name, v, in);
    }

    if (!ai_embed_tokens_ok(c->doc, v)) {
        return ai_openai_bad_value(c, up, name,
                                   ": tokens are integers, at least one.");
    }

    in->kind = AI_INPUT_TOKENS;
    in->tokens = ai_json_raw(c->doc, v);

    return AI_OK;
}


static ai_int_t
ai_embed_tokens_ok(const ai_json_t *doc, ai_ref_t v)
{
    int64_t   n;
    ai_ref_t  token;

    if (doc->node[v].count == 0) {
        return 0;
    }

    for (token = ai_json_first(doc, v);
         token != AI_JSON_NONE;
         token = ai_json_next(doc, v, token))
    {
        if (ai_json_int(doc, token, &n) != AI_OK || n < 0 || n > INT32_MAX) {
            return 0;
        }
    }

    return 1;
}


ai_int_t
ai_embed_text(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_input_t *in)
{
    if (ai_openai_need(c, up, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    in->kind = AI_INPUT_TEXT;
    in->text = ai_json_esc(c->doc, v);

    return AI_OK;
}


ai_int_t
ai_embed_more(const ai_openai_ctx_t *c, ai_buf_t *b, ai_input_t *in,
    const ai_esc_t *text)
{
    in->kind = AI_INPUT_TEXT;

    if (in->text.data == NULL) {
        in->text = *text;
        return AI_OK;
    }

    if (b->start == NULL) {
        ai_buf_cat(b, &in->text);
    }

    ai_buf_lit(b, "\\n");
    ai_buf_cat(b, text);

    if (b->failed) {
        return ai_openai_no_memory(c);
    }

    in->text = ai_buf_str(b);

    return AI_OK;
}


void
ai_embed_other(const ai_openai_ctx_t *c, ai_ref_t v, ai_family_e family,
    ai_input_t *in)
{
    in->kind = AI_INPUT_OTHER;
    in->source = AI_SOURCE_NONE;
    in->text.len = 0;
    in->text.data = NULL;
    in->data = in->text;
    in->media = in->text;
    in->raw = ai_json_raw(c->doc, v);
    in->family = family;
}


ai_int_t
ai_embed_dimensions(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, int64_t *dimensions)
{
    return ai_openai_integer(c, up, name, v, 1, AI_EMBED_DIMENSIONS_MAX,
                             dimensions);
}


ai_int_t
ai_embed_purpose(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_purpose_e *purpose)
{
    ai_str_t                s;
    const ai_embed_word_t  *w;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(c, up, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    s = ai_json_esc(c->doc, v);

    for (w = ai_embed_words; w->name.len; w++) {
        if (ai_str_caseeq(&s, &w->name)) {
            *purpose = w->purpose;
            return AI_OK;
        }
    }

    return ai_openai_bad_value(c, up, name, ": this is no purpose that is "
                               "known.");
}


ai_int_t
ai_embed_counts(const ai_call_t *call, const ai_result_t *res)
{
    return res->n == call->u.embed.n && res->n ? AI_OK : AI_ERROR;
}


void
ai_embed_model(ai_buf_t *b, const ai_result_t *res,
    const ai_call_conf_t *conf)
{
    if (res->model.len) {
        ai_buf_quote_esc(b, &res->model);

    } else {
        ai_buf_quote(b, &conf->model);
    }
}


void
ai_embed_tokens(ai_buf_t *b, const ai_result_t *res)
{
    ai_buf_int(b, ai_max(res->usage.prompt, 0));
}
