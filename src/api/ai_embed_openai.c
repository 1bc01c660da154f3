
/*
 * OpenAI's POST /v1/embeddings.
 */

#include <api/ai_dialect.h>
#include <api/ai_embed_int.h>
#include <api/ai_peek_int.h>


enum {
    AI_EMBED_MODEL = 0,
    AI_EMBED_INPUT,
    AI_EMBED_DECISIONS,             /* those above: J7 */

    AI_EMBED_USER = AI_EMBED_DECISIONS,
    AI_EMBED_FORMAT,
    AI_EMBED_DIMENSIONS,
    AI_EMBED_PURPOSE,               /* not OpenAI's own */
    AI_EMBED_FIELDS
};


static ai_int_t ai_embed_openai_peek(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_embed_openai_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_embed_openai_format(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_vector_e *format);
static ai_int_t ai_embed_openai_reply(const ai_call_t *call,
    const ai_result_t *res, const ai_call_conf_t *conf, const ai_pool_t *pool,
    ai_buf_t *out);


static const ai_str_t  ai_embed_openai_names[AI_EMBED_FIELDS] = {
    ai_string("model"),
    ai_string("input"),
    ai_string("user"),
    ai_string("encoding_format"),
    ai_string("dimensions"),
    ai_string("input_type")
};


static const ai_form_t  ai_embed_openai_form = {
    AI_CALL_EMBED,
    ai_embed_openai_decode,
    ai_embed_openai_reply
};


const ai_dialect_t  ai_dialect_openai_embeddings = {
    .name = ai_string("openai.embeddings"),
    .family = AI_FAMILY_OPENAI,
    .stream_type = ai_string(""),
    .peek = ai_embed_openai_peek,
    .error = ai_openai_error,
    .form = &ai_embed_openai_form
};


static ai_int_t
ai_embed_openai_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_EMBED_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    ai_embed_peek_init(peek);

    if (ai_peek_walk(&c, ai_embed_openai_names, AI_EMBED_FIELDS,
                     AI_EMBED_DECISIONS, refs) != AI_OK
        || ai_peek_model(&c, refs[AI_EMBED_MODEL], &peek->model) != AI_OK
        || ai_peek_text(&c, NULL, "user", refs[AI_EMBED_USER], &peek->user)
           != AI_OK
        || ai_embed_peek_input(&c, "input", refs[AI_EMBED_INPUT], peek)
           != AI_OK)
    {
        return AI_ERROR;
    }

    peek->model_ref = refs[AI_EMBED_MODEL];

    return AI_OK;
}


static ai_int_t
ai_embed_openai_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_ref_t         refs[AI_EMBED_FIELDS];
    ai_embed_t      *e;
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    ai_openai_pick(&c, AI_JSON_ROOT, ai_embed_openai_names, AI_EMBED_FIELDS,
                   refs);

    if (ai_embed_input(&c, peek, 1, call) != AI_OK) {
        return AI_ERROR;
    }

    e = &call->u.embed;

    if (ai_embed_openai_format(&c, refs[AI_EMBED_FORMAT], &e->format) != AI_OK
        || ai_embed_dimensions(&c, NULL, "dimensions",
                               refs[AI_EMBED_DIMENSIONS], &e->dimensions)
           != AI_OK
        || ai_openai_esc(&c, NULL, "user", refs[AI_EMBED_USER], &e->user)
           != AI_OK
        || ai_openai_want(&c, NULL, "input_type", refs[AI_EMBED_PURPOSE],
                          AI_JSON_STRING) != AI_OK)
    {
        return AI_ERROR;
    }

    /* not OpenAI's field, so a word of any host may be in it */

    if (ai_embed_purpose(&c, NULL, "input_type", refs[AI_EMBED_PURPOSE],
                         &e->purpose) != AI_OK)
    {
        if (err->kind != AI_ERR_INVALID_VALUE) {
            return AI_ERROR;
        }

        ai_error_set(err, AI_ERR_NONE, NULL);
        ai_dropped_add(dropped, "input_type");
    }

    ai_embed_unknown(&c, ai_embed_openai_names, AI_EMBED_FIELDS, dropped);

    return AI_OK;
}


static ai_int_t
ai_embed_openai_format(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_vector_e *format)
{
    if (ai_openai_want(c, NULL, "encoding_format", v, AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (v == AI_JSON_NONE || ai_json_is(c->doc, v, "float")) {
        *format = AI_VECTOR_FLOAT;
        return AI_OK;
    }

    if (ai_json_is(c->doc, v, "base64")) {
        *format = AI_VECTOR_BASE64;
        return AI_OK;
    }

    return ai_openai_bad_value(c, NULL, "encoding_format",
                               ": it must be 'float' or 'base64'.");
}


static ai_int_t
ai_embed_openai_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    uint32_t  i;
    ai_int_t  rc;
    ai_buf_t  scratch;

    if (ai_embed_counts(call, res) != AI_OK) {
        return AI_ERROR;
    }

    rc = AI_OK;
    ai_buf_init(&scratch, pool);

    ai_buf_lit(out, "{\"object\":\"list\",\"data\":[");

    for (i = 0; i < res->n && rc == AI_OK; i++) {
        if (i) {
            ai_buf_char(out, ',');
        }

        ai_buf_lit(out, "{\"object\":\"embedding\",\"index\":");
        ai_buf_int(out, i);
        ai_buf_lit(out, ",\"embedding\":");
        rc = ai_embed_vector(out, &scratch, &res->vectors[i],
                             call->u.embed.format);
        ai_buf_char(out, '}');
    }

    ai_pfree(pool, scratch.start);

    ai_buf_lit(out, "],\"model\":");
    ai_embed_model(out, res, conf);
    ai_buf_lit(out, ",\"usage\":{\"prompt_tokens\":");
    ai_embed_tokens(out, res);
    ai_buf_lit(out, ",\"total_tokens\":");
    ai_embed_tokens(out, res);
    ai_buf_lit(out, "}}");

    return rc == AI_OK && !out->failed ? AI_OK : AI_ERROR;
}
