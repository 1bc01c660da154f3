
#include <api/ai_decode_int.h>
#include <api/ai_rerank_int.h>


typedef struct {
    ai_ref_t           query;
    ai_ref_t           documents;
    ai_ref_t           texts;
    ai_ref_t           top_n;
    ai_ref_t           top_k;
    ai_ref_t           max_tokens;
    ai_ref_t           rank_fields;
    ai_ref_t           instruction;
    ai_ref_t           truncation;
    ai_ref_t           truncate;
    ai_ref_t           return_documents;
    ai_ref_t           return_text;
    ai_ref_t           raw_scores;
} ai_rerank_refs_t;


static ai_rerank_e ai_rerank_shape(const ai_json_t *doc,
    const ai_rerank_refs_t *refs);
static ai_int_t ai_rerank_top(const ai_openai_ctx_t *c,
    const ai_rerank_refs_t *refs, ai_rerank_t *rr);
static ai_int_t ai_rerank_flags(const ai_openai_ctx_t *c,
    const ai_rerank_refs_t *refs, ai_rerank_t *rr);
static ai_int_t ai_rerank_documents(const ai_openai_ctx_t *c,
    const ai_rerank_refs_t *refs, ai_rerank_t *rr, ai_int_t *objects);
static ai_int_t ai_rerank_document(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_document_t *d);
static ai_int_t ai_rerank_rank_fields(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_int_t objects);


static const ai_field_t  ai_rerank_fields[] = {

    AI_FIELD_DO("model", NULL),

    AI_FIELD_REF("query", ai_rerank_refs_t, query),
    AI_FIELD_REF("documents", ai_rerank_refs_t, documents),
    AI_FIELD_REF("texts", ai_rerank_refs_t, texts),
    AI_FIELD_REF("top_n", ai_rerank_refs_t, top_n),
    AI_FIELD_REF("top_k", ai_rerank_refs_t, top_k),
    AI_FIELD_REF("max_tokens_per_doc", ai_rerank_refs_t, max_tokens),
    AI_FIELD_REF("rank_fields", ai_rerank_refs_t, rank_fields),
    AI_FIELD_REF("instruction", ai_rerank_refs_t, instruction),
    AI_FIELD_REF("truncation", ai_rerank_refs_t, truncation),
    AI_FIELD_REF("truncate", ai_rerank_refs_t, truncate),
    AI_FIELD_REF("return_documents", ai_rerank_refs_t, return_documents),
    AI_FIELD_REF("return_text", ai_rerank_refs_t, return_text),
    AI_FIELD_REF("raw_scores", ai_rerank_refs_t, raw_scores),

    AI_FIELD_END
};


ai_int_t
ai_rerank_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_int_t           objects;
    ai_decode_t        d;
    ai_rerank_t       *rr;
    ai_rerank_refs_t   refs;

    ai_call_init(call, AI_CALL_RERANK);

    call->model = peek->model;
    rr = &call->u.rerank;

    /* each of them AI_JSON_NONE */

    memset(&refs, 0xff, sizeof(ai_rerank_refs_t));

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = NULL;
    d.dropped = dropped;
    d.own = &refs;

    if (ai_decode_root(&d, ai_rerank_fields) != AI_OK
        || ai_openai_need(&d.c, NULL, "query", refs.query, AI_JSON_STRING)
           != AI_OK
        || ai_openai_esc(&d.c, NULL, "instruction", refs.instruction,
                         &rr->instruction) != AI_OK
        || ai_openai_integer(&d.c, NULL, "max_tokens_per_doc",
                             refs.max_tokens, 1, INT32_MAX, &rr->max_tokens)
           != AI_OK
        || ai_rerank_top(&d.c, &refs, rr) != AI_OK
        || ai_rerank_flags(&d.c, &refs, rr) != AI_OK
        || ai_rerank_documents(&d.c, &refs, rr, &objects) != AI_OK)
    {
        return AI_ERROR;
    }

    rr->query = ai_json_esc(doc, refs.query);
    rr->shape = ai_rerank_shape(doc, &refs);

    return ai_rerank_rank_fields(&d.c, refs.rank_fields, objects);
}


/* Voyage's SDK sends "top_k":null, and "truncation" always */

static ai_rerank_e
ai_rerank_shape(const ai_json_t *doc, const ai_rerank_refs_t *refs)
{
    if (refs->texts != AI_JSON_NONE) {
        return AI_RERANK_TEI;
    }

    if (refs->top_n != AI_JSON_NONE) {
        return AI_RERANK_COHERE;
    }

    if (ai_json_get(doc, AI_JSON_ROOT, "top_k") != AI_JSON_NONE
        || ai_json_get(doc, AI_JSON_ROOT, "truncation") != AI_JSON_NONE)
    {
        return AI_RERANK_VOYAGE;
    }

    return AI_RERANK_COHERE;
}


static ai_int_t
ai_rerank_top(const ai_openai_ctx_t *c, const ai_rerank_refs_t *refs,
    ai_rerank_t *rr)
{
    if (refs->top_n != AI_JSON_NONE && refs->top_k != AI_JSON_NONE) {
        return ai_openai_bad_value(c, NULL, "top_k",
                                   ": there is 'top_n' too.");
    }

    if (refs->top_k != AI_JSON_NONE) {
        return ai_openai_integer(c, NULL, "top_k", refs->top_k, 1, INT32_MAX,
                                 &rr->top_n);
    }

    return ai_openai_integer(c, NULL, "top_n", refs->top_n, 1, INT32_MAX,
                             &rr->top_n);
}


static ai_int_t
ai_rerank_flags(const ai_openai_ctx_t *c, const ai_rerank_refs_t *refs,
    ai_rerank_t *rr)
{
    int  documents, raw;

    documents = 0;
    raw = 0;

    if (ai_openai_flag(c, NULL, "truncation", refs->truncation, &rr->truncate)
        != AI_OK
        || ai_openai_flag(c, NULL, "truncate", refs->truncate, &rr->truncate)
           != AI_OK
        || ai_openai_flag(c, NULL, "return_text", refs->return_text,
                          &documents) != AI_OK
        || ai_openai_flag(c, NULL, "return_documents", refs->return_documents,
                          &documents) != AI_OK
        || ai_openai_flag(c, NULL, "raw_scores", refs->raw_scores, &raw)
           != AI_OK)
    {
        return AI_ERROR;
    }

    rr->return_documents = documents != 0;
    rr->raw_scores = raw != 0;

    return AI_OK;
}


static ai_int_t
ai_rerank_documents(const ai_openai_ctx_t *c, const ai_rerank_refs_t *refs,
    ai_rerank_t *rr, ai_int_t *objects)
{
    ai_ref_t           v, list;
    ai_document_t     *d;
    ai_openai_path_t   up, path;

    up.up = NULL;
    up.name = refs->texts != AI_JSON_NONE ? "texts" : "documents";
    up.index = 0;

    path.up = &up;
    path.name = NULL;
    path.index = 0;

    *objects = 0;

    list = refs->texts != AI_JSON_NONE ? refs->texts : refs->documents;

    if (ai_openai_need(c, &up, NULL, list, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    rr->n = c->doc->node[list].count;

    if (rr->n == 0) {
        return ai_openai_bad_value(c, &up, NULL, ": it must not be empty.");
    }

    d = ai_pcalloc(c->pool, rr->n * sizeof(ai_document_t));
    if (d == NULL) {
        return ai_openai_no_memory(c);
    }

    rr->documents = d;

    for (v = ai_json_first(c->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(c->doc, list, v))
    {
        if (ai_rerank_document(c, &path, v, d) != AI_OK) {
            return AI_ERROR;
        }

        *objects |= ai_json_type(c->doc, v) == AI_JSON_OBJECT;

        if (++path.index < rr->n) {
            d->next = d + 1;
            d++;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_rerank_document(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_document_t *d)
{
    ai_ref_t  text;

    static const ai_str_t  names[] = { ai_string("text") };

    text = v;

    if (ai_json_type(c->doc, v) == AI_JSON_OBJECT) {
        ai_openai_pick(c, v, names, 1, &text);

        if (ai_openai_need(c, path, "text", text, AI_JSON_STRING) != AI_OK) {
            return AI_ERROR;
        }

    } else if (ai_json_type(c->doc, v) != AI_JSON_STRING) {
        return ai_openai_bad_type(c, path, NULL,
                                  "a string or an object with 'text'", v);
    }

    d->text = ai_json_esc(c->doc, text);
    d->spelled = ai_json_raw(c->doc, v);

    return AI_OK;
}


/* strings have no fields to choose from; of an object the text is ranked */

static ai_int_t
ai_rerank_rank_fields(const ai_openai_ctx_t *c, ai_ref_t v, ai_int_t objects)
{
    ai_ref_t  e;

    if (ai_openai_want(c, NULL, "rank_fields", v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    if (v == AI_JSON_NONE || !objects) {
        return AI_OK;
    }

    for (e = ai_json_first(c->doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, v, e))
    {
        if (!ai_json_is(c->doc, e, "text")) {
            return ai_openai_unsupported(c, NULL, "rank_fields",
                                         ": only 'text' can be ranked by.");
        }
    }

    return AI_OK;
}
