
/*
 * Gemini's countTokens: "contents" alone, on Vertex AI with the other fields
 * of a request beside it, or a whole request in "generateContentRequest".
 *
 * The readers of requests start at the root, so an inner request is read into
 * a table of its own.  Its nodes are those of the outer table from the
 * request's on, which is how refs are told to the caller.
 */

#include <api/ai_generate_int.h>
#include <api/ai_peek_int.h>


static ai_int_t ai_count_generate_peek(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_ref_t ai_count_generate_model(const ai_json_t *doc);
static ai_int_t ai_count_generate_inner(const ai_json_t *doc,
    const ai_pool_t *pool, ai_ref_t *v, ai_error_t *err);
static ai_int_t ai_count_generate_parse(const ai_json_t *doc,
    const ai_pool_t *pool, ai_ref_t v, ai_json_t *inner, ai_error_t *err);
static ai_int_t ai_count_generate_whole(const ai_json_t *doc,
    const ai_pool_t *pool, ai_ref_t v, ai_peek_t *peek, ai_error_t *err);
static void ai_count_generate_ref(ai_ref_t *ref, ai_ref_t by);
static ai_int_t ai_count_generate_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_count_generate_reply(const ai_call_t *call,
    const ai_result_t *res, const ai_call_conf_t *conf,
    const ai_pool_t *pool, ai_buf_t *out);


static const ai_form_t  ai_count_generate_form = {
    .kind = AI_CALL_COUNT,
    .decode = ai_count_generate_decode,
    .reply = ai_count_generate_reply
};


const ai_dialect_t  ai_dialect_gemini_count = {
    .name = ai_string("gemini.count_tokens"),
    .family = AI_FAMILY_GEMINI,
    .stream_type = ai_string(""),
    .peek = ai_count_generate_peek,
    .error = ai_generate_error,
    .foreign = ai_generate_foreign,
    .form = &ai_count_generate_form
};


static ai_int_t
ai_count_generate_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_int_t  rc;
    ai_ref_t  v;

    peek->stream = 0;

    if (ai_count_generate_inner(doc, pool, &v, err) != AI_OK) {
        return AI_ERROR;
    }

    if (v != AI_JSON_NONE) {
        return ai_count_generate_whole(doc, pool, v, peek, err);
    }

    rc = ai_generate_peek(doc, pool, peek, err);

    if (rc == AI_OK) {
        peek->model_ref = ai_count_generate_model(doc);
    }

    return rc;
}


static ai_ref_t
ai_count_generate_model(const ai_json_t *doc)
{
    ai_ref_t  v;

    v = ai_generate_get(doc, AI_JSON_ROOT, "model");

    return ai_json_is_null(doc, v) ? AI_JSON_NONE : v;
}


/* the request within the request, or AI_JSON_NONE */

static ai_int_t
ai_count_generate_inner(const ai_json_t *doc, const ai_pool_t *pool,
    ai_ref_t *v, ai_error_t *err)
{
    ai_ref_t         refs[2];
    ai_openai_ctx_t  c;

    static const ai_str_t  names[] = {
        ai_string("generateContentRequest"), ai_string("contents")
    };

    *v = AI_JSON_NONE;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    if (ai_peek_root(&c) != AI_OK
        || ai_generate_case(&c, NULL, AI_JSON_ROOT, names, 2) != AI_OK
        || ai_generate_pick(&c, NULL, AI_JSON_ROOT, names, 2, refs, NULL)
           != AI_OK
        || ai_openai_want(&c, NULL, "generateContentRequest", refs[0],
                          AI_JSON_OBJECT) != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[0] != AI_JSON_NONE && refs[1] != AI_JSON_NONE) {
        return ai_openai_bad_value(&c, NULL, "contents",
                               ": there is 'generateContentRequest' too.");
    }

    *v = refs[0];

    return AI_OK;
}


static ai_int_t
ai_count_generate_parse(const ai_json_t *doc, const ai_pool_t *pool,
    ai_ref_t v, ai_json_t *inner, ai_error_t *err)
{
    ai_raw_t  text;

    text = ai_json_raw(doc, v);
    ai_json_init(inner, pool);

    /* it was valid within the whole, so what fails is the memory */

    if (ai_json_parse(inner, &text, NULL) != AI_OK) {
        ai_error_set(err, AI_ERR_SERVER, "Out of memory.");
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_count_generate_whole(const ai_json_t *doc, const ai_pool_t *pool,
    ai_ref_t v, ai_peek_t *peek, ai_error_t *err)
{
    ai_int_t   rc;
    ai_json_t  inner;

    if (ai_count_generate_parse(doc, pool, v, &inner, err) != AI_OK) {
        return AI_ERROR;
    }

    rc = ai_generate_peek(&inner, pool, peek, err);

    if (rc == AI_OK) {
        peek->model_ref = ai_count_generate_model(&inner);

        ai_count_generate_ref(&peek->model_ref, v);
        ai_count_generate_ref(&peek->messages_ref, v);
        ai_count_generate_ref(&peek->max_tokens_ref, v);
        ai_count_generate_ref(&peek->metadata_ref, v);
    }

    ai_pfree(pool, inner.node);

    return rc;
}


static void
ai_count_generate_ref(ai_ref_t *ref, ai_ref_t by)
{
    if (*ref != AI_JSON_NONE) {
        *ref += by;
    }
}


static ai_int_t
ai_count_generate_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_int_t   rc;
    ai_ref_t   v;
    ai_json_t  inner;

    ai_call_init(call, AI_CALL_COUNT);

    call->model = peek->model;

    if (ai_count_generate_inner(doc, pool, &v, err) != AI_OK) {
        return AI_ERROR;
    }

    if (v == AI_JSON_NONE) {
        return ai_generate_decode(doc, peek, pool, &call->u.chat, dropped,
                                  err);
    }

    if (ai_count_generate_parse(doc, pool, v, &inner, err) != AI_OK) {
        return AI_ERROR;
    }

    /* the peek's refs are not looked at there, and spans are of the text */

    rc = ai_generate_decode(&inner, peek, pool, &call->u.chat, dropped, err);

    ai_pfree(pool, inner.node);

    return rc;
}


static ai_int_t
ai_count_generate_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    (void) call;
    (void) conf;
    (void) pool;

    if (res->tokens < 0) {
        return AI_ERROR;
    }

    ai_buf_lit(out, "{\"totalTokens\":");
    ai_buf_int(out, res->tokens);

    if (res->cached > 0) {
        ai_buf_lit(out, ",\"cachedContentTokenCount\":");
        ai_buf_int(out, res->cached);
    }

    ai_buf_char(out, '}');

    return out->failed ? AI_ERROR : AI_OK;
}
