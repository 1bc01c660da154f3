
/*
 * Ollama's POST /api/embed.
 *
 * https://github.com/ollama/ollama/blob/main/docs/api.md
 */

#include <api/ai_embed_int.h>
#include <api/ai_ollama.h>
#include <api/ai_peek_int.h>


enum {
    AI_EMBED_MODEL = 0,
    AI_EMBED_INPUT,
    AI_EMBED_DECISIONS,             /* those above: J7 */

    AI_EMBED_TRUNCATE = AI_EMBED_DECISIONS,
    AI_EMBED_DIMENSIONS,
    AI_EMBED_FIELDS
};


static ai_int_t ai_embed_ollama_peek(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_embed_ollama_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_embed_ollama_reply(const ai_call_t *call,
    const ai_result_t *res, const ai_call_conf_t *conf, const ai_pool_t *pool,
    ai_buf_t *out);


static const ai_str_t  ai_embed_ollama_names[AI_EMBED_FIELDS] = {
    ai_string("model"),
    ai_string("input"),
    ai_string("truncate"),
    ai_string("dimensions")
};


static const ai_form_t  ai_embed_ollama_form = {
    AI_CALL_EMBED,
    ai_embed_ollama_decode,
    ai_embed_ollama_reply
};


const ai_dialect_t  ai_dialect_ollama_embed = {
    .name = ai_string("ollama.embed"),
    .family = AI_FAMILY_OLLAMA,
    .stream_type = ai_string(""),
    .peek = ai_embed_ollama_peek,
    .error = ai_ollama_error,
    .form = &ai_embed_ollama_form
};


static ai_int_t
ai_embed_ollama_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_EMBED_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    ai_embed_peek_init(peek);

    if (ai_peek_walk(&c, ai_embed_ollama_names, AI_EMBED_FIELDS,
                     AI_EMBED_DECISIONS, refs) != AI_OK
        || ai_peek_model(&c, refs[AI_EMBED_MODEL], &peek->model) != AI_OK
        || ai_embed_peek_input(&c, "input", refs[AI_EMBED_INPUT], peek)
           != AI_OK)
    {
        return AI_ERROR;
    }

    peek->model_ref = refs[AI_EMBED_MODEL];

    return AI_OK;
}


static ai_int_t
ai_embed_ollama_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_ref_t         refs[AI_EMBED_FIELDS];
    ai_embed_t      *e;
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    ai_openai_pick(&c, AI_JSON_ROOT, ai_embed_ollama_names, AI_EMBED_FIELDS,
                   refs);

    if (ai_embed_input(&c, peek, 0, call) != AI_OK) {
        return AI_ERROR;
    }

    e = &call->u.embed;

    if (ai_openai_flag(&c, NULL, "truncate", refs[AI_EMBED_TRUNCATE],
                       &e->truncate) != AI_OK
        || ai_embed_dimensions(&c, NULL, "dimensions",
                               refs[AI_EMBED_DIMENSIONS], &e->dimensions)
           != AI_OK)
    {
        return AI_ERROR;
    }

    /* options, keep_alive: of the server that runs the model */

    ai_embed_unknown(&c, ai_embed_ollama_names, AI_EMBED_FIELDS, dropped);

    return AI_OK;
}


static ai_int_t
ai_embed_ollama_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    ai_int_t  rc;

    if (ai_embed_counts(call, res) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_lit(out, "{\"model\":");
    ai_embed_model(out, res, conf);
    ai_buf_lit(out, ",\"embeddings\":");
    rc = ai_embed_vectors(out, res, AI_VECTOR_FLOAT, pool);
    ai_buf_lit(out, ",\"prompt_eval_count\":");
    ai_embed_tokens(out, res);
    ai_buf_char(out, '}');

    return rc == AI_OK && !out->failed ? AI_OK : AI_ERROR;
}
