
#include <api/ai_peek_int.h>
#include <api/ai_rerank_int.h>


/* the fields that are looked at here, all of them decisions: J7 */
enum {
    AI_PEEK_MODEL = 0,
    AI_PEEK_QUERY,
    AI_PEEK_DOCUMENTS,
    AI_PEEK_TEXTS,
    AI_PEEK_TOP_N,
    AI_PEEK_TOP_K,
    AI_PEEK_FIELDS
};


static ai_int_t ai_rerank_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_rerank_peek_model(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_str_t *model);
static ai_int_t ai_rerank_peek_list(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);


static const ai_str_t  ai_rerank_peek_names[AI_PEEK_FIELDS] = {
    ai_string("model"),
    ai_string("query"),
    ai_string("documents"),
    ai_string("texts"),
    ai_string("top_n"),
    ai_string("top_k")
};


static const ai_form_t  ai_rerank_form = {
    .kind = AI_CALL_RERANK,
    .decode = ai_rerank_decode,
    .reply = ai_rerank_reply
};


const ai_dialect_t  ai_dialect_rerank = {
    .name = ai_string("cohere.rerank"),
    .family = AI_FAMILY_COHERE,
    .stream_type = ai_string(""),
    .peek = ai_rerank_peek,
    .error = ai_rerank_error,
    .form = &ai_rerank_form
};


static ai_int_t
ai_rerank_peek(const ai_json_t *doc, const ai_pool_t *pool, ai_peek_t *peek,
    ai_error_t *err)
{
    ai_ref_t         refs[AI_PEEK_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    memset(peek, 0, sizeof(ai_peek_t));

    peek->max_output = -1;
    peek->n = -1;
    peek->stream_ref = AI_JSON_NONE;
    peek->stream_options_ref = AI_JSON_NONE;
    peek->include_usage_ref = AI_JSON_NONE;
    peek->max_tokens_ref = AI_JSON_NONE;
    peek->metadata_ref = AI_JSON_NONE;

    if (ai_peek_walk(&c, ai_rerank_peek_names, AI_PEEK_FIELDS, AI_PEEK_FIELDS,
                     refs) != AI_OK
        || ai_rerank_peek_model(&c, refs, &peek->model) != AI_OK
        || ai_openai_need(&c, NULL, "query", refs[AI_PEEK_QUERY],
                          AI_JSON_STRING) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->model_ref = refs[AI_PEEK_MODEL];

    return ai_rerank_peek_list(&c, refs, peek);
}


/* a TEI serves one model, which nobody names: it is empty then */

static ai_int_t
ai_rerank_peek_model(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_str_t *model)
{
    if (refs[AI_PEEK_MODEL] == AI_JSON_NONE
        && refs[AI_PEEK_TEXTS] != AI_JSON_NONE)
    {
        *model = ai_lit("");
        return AI_OK;
    }

    return ai_peek_model(c, refs[AI_PEEK_MODEL], model);
}


static ai_int_t
ai_rerank_peek_list(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    ai_ref_t     list;
    const char  *name;

    name = "documents";
    list = refs[AI_PEEK_DOCUMENTS];

    if (refs[AI_PEEK_TEXTS] != AI_JSON_NONE) {
        if (list != AI_JSON_NONE) {
            return ai_openai_bad_value(c, NULL, "texts",
                                       ": there is 'documents' too.");
        }

        name = "texts";
        list = refs[AI_PEEK_TEXTS];
    }

    if (ai_openai_need(c, NULL, name, list, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    peek->messages_ref = list;
    peek->messages = c->doc->node[list].count;

    if (peek->messages == 0) {
        return ai_openai_bad_value(c, NULL, name, ": it must not be empty.");
    }

    return AI_OK;
}
