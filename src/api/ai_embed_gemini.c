
/*
 * Gemini's models/M:embedContent and models/M:batchEmbedContents.
 *
 * https://ai.google.dev/api/embeddings
 *
 * The model is in the URI, and repeated in the body's requests.  There is one
 * purpose and one size for a call, so those of a batch must be the same.
 */

#include <api/ai_embed_int.h>
#include <api/ai_generate_int.h>
#include <api/ai_peek_int.h>


/* of a request; the first four decide: J7 */
enum {
    AI_EMBED_CONTENT = 0,
    AI_EMBED_MODEL,
    AI_EMBED_TASK,
    AI_EMBED_DIMENSIONS,
    AI_EMBED_DECISIONS,

    AI_EMBED_TITLE = AI_EMBED_DECISIONS,
    AI_EMBED_TRUNCATE,
    AI_EMBED_FIELDS
};


static ai_int_t ai_embed_gemini_peek(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_embed_batch_peek(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_int_t ai_embed_gemini_model(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, ai_ref_t v, const ai_str_t *model);
static ai_int_t ai_embed_gemini_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_embed_batch_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_embed_gemini_read(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_embed_t *e, ai_input_t *in);
static ai_int_t ai_embed_gemini_parts(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_input_t *in);
static ai_int_t ai_embed_gemini_part(ai_generate_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_buf_t *b, ai_input_t *in);
static ai_int_t ai_embed_gemini_is_image(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_embed_gemini_image(ai_generate_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_input_t *in);
static ai_int_t ai_embed_gemini_reply(const ai_call_t *call,
    const ai_result_t *res, const ai_call_conf_t *conf, const ai_pool_t *pool,
    ai_buf_t *out);
static ai_int_t ai_embed_batch_reply(const ai_call_t *call,
    const ai_result_t *res, const ai_call_conf_t *conf, const ai_pool_t *pool,
    ai_buf_t *out);
static void ai_embed_gemini_usage(ai_buf_t *b, const ai_result_t *res);


static const ai_str_t  ai_embed_gemini_names[AI_EMBED_FIELDS] = {
    ai_string("content"),
    ai_string("model"),
    ai_string("taskType"),
    ai_string("outputDimensionality"),
    ai_string("title"),
    ai_string("autoTruncate")
};

static const ai_str_t  ai_embed_batch_names[] = {
    ai_string("requests")
};


static const ai_form_t  ai_embed_gemini_form = {
    AI_CALL_EMBED,
    ai_embed_gemini_decode,
    ai_embed_gemini_reply
};

static const ai_form_t  ai_embed_batch_form = {
    AI_CALL_EMBED,
    ai_embed_batch_decode,
    ai_embed_batch_reply
};


const ai_dialect_t  ai_dialect_gemini_embed = {
    .name = ai_string("gemini.embed"),
    .family = AI_FAMILY_GEMINI,
    .stream_type = ai_string(""),
    .peek = ai_embed_gemini_peek,
    .error = ai_generate_error,
    .form = &ai_embed_gemini_form
};

const ai_dialect_t  ai_dialect_gemini_batch_embed = {
    .name = ai_string("gemini.batch_embed"),
    .family = AI_FAMILY_GEMINI,
    .stream_type = ai_string(""),
    .peek = ai_embed_batch_peek,
    .error = ai_generate_error,
    .form = &ai_embed_batch_form
};


static ai_int_t
ai_embed_gemini_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_EMBED_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    ai_embed_peek_init(peek);

    if (ai_peek_root(&c) != AI_OK
        || ai_generate_case(&c, NULL, AI_JSON_ROOT, ai_embed_gemini_names,
                            AI_EMBED_DECISIONS) != AI_OK
        || ai_generate_pick(&c, NULL, AI_JSON_ROOT, ai_embed_gemini_names,
                            AI_EMBED_FIELDS, refs, NULL) != AI_OK
        || ai_embed_gemini_model(&c, NULL, refs[AI_EMBED_MODEL], &peek->model)
           != AI_OK
        || ai_embed_peek_input(&c, "content", refs[AI_EMBED_CONTENT], peek)
           != AI_OK)
    {
        return AI_ERROR;
    }

    peek->messages = 1;

    return AI_OK;
}


static ai_int_t
ai_embed_batch_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t          v, requests;
    ai_openai_ctx_t   c;
    ai_openai_path_t  root, path;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    ai_embed_peek_init(peek);

    if (ai_peek_root(&c) != AI_OK
        || ai_generate_case(&c, NULL, AI_JSON_ROOT, ai_embed_batch_names, 1)
           != AI_OK
        || ai_generate_pick(&c, NULL, AI_JSON_ROOT, ai_embed_batch_names, 1,
                            &requests, NULL) != AI_OK
        || ai_openai_need(&c, NULL, "requests", requests, AI_JSON_ARRAY)
           != AI_OK
        || ai_embed_peek_input(&c, "requests", requests, peek) != AI_OK)
    {
        return AI_ERROR;
    }

    root.up = NULL;
    root.name = "requests";
    root.index = 0;

    path.up = &root;
    path.name = NULL;
    path.index = 0;

    for (v = ai_json_first(doc, requests);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, requests, v))
    {
        if (ai_openai_want(&c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
            || ai_generate_case(&c, &path, v, ai_embed_gemini_names,
                                AI_EMBED_DECISIONS) != AI_OK
            || ai_embed_gemini_model(&c, &path,
                                     ai_generate_get(doc, v, "model"),
                                     &peek->model) != AI_OK)
        {
            return AI_ERROR;
        }

        path.index++;
    }

    return AI_OK;
}


/* the one of the URI is the one that counts, so another here is a mistake */

static ai_int_t
ai_embed_gemini_model(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t v, const ai_str_t *model)
{
    ai_str_t  s;

    if (ai_json_is_null(c->doc, v)) {
        return AI_OK;
    }

    if (ai_peek_text(c, up, "model", v, &s) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_str_starts(&s, "models/") && !ai_str_starts(model, "models/")) {
        s.data += sizeof("models/") - 1;
        s.len -= sizeof("models/") - 1;
    }

    if (!ai_str_eq(&s, model)) {
        return ai_openai_bad_value(c, up, "model",
                                   ": it differs from the one in the URI.");
    }

    return AI_OK;
}


static ai_int_t
ai_embed_gemini_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_embed_t         *e;
    ai_generate_dec_t   d;

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = NULL;
    d.dropped = dropped;

    if (ai_embed_begin(&d.c, "content", peek, call, 1) != AI_OK) {
        return AI_ERROR;
    }

    e = &call->u.embed;
    e->single = 1;
    e->size = "outputDimensionality";

    return ai_embed_gemini_read(&d, NULL, AI_JSON_ROOT, e, e->inputs);
}


static ai_int_t
ai_embed_batch_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_ref_t            v, list;
    ai_embed_t          one, *e;
    ai_input_t         *in;
    ai_openai_path_t    root, path;
    ai_generate_dec_t   d;

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = NULL;
    d.dropped = dropped;

    list = peek->messages_ref;

    if (ai_embed_begin(&d.c, "requests", peek, call, peek->messages) != AI_OK
        || ai_generate_pick(&d.c, NULL, AI_JSON_ROOT, ai_embed_batch_names, 1,
                            &v, dropped) != AI_OK)
    {
        return AI_ERROR;
    }

    root.up = NULL;
    root.name = "requests";
    root.index = 0;

    path.up = &root;
    path.name = NULL;
    path.index = 0;

    e = &call->u.embed;
    e->size = "outputDimensionality";
    one = *e;
    in = e->inputs;

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        one.purpose = AI_PURPOSE_UNSET;
        one.dimensions = -1;
        one.truncate = -1;

        if (ai_embed_gemini_read(&d, &path, v, &one, in) != AI_OK) {
            return AI_ERROR;
        }

        if (path.index == 0) {
            *e = one;

        } else if (one.purpose != e->purpose) {
            return ai_openai_bad_value(&d.c, &path, "taskType",
                              ": it must be the same in all requests.");

        } else if (one.dimensions != e->dimensions) {
            return ai_openai_bad_value(&d.c, &path, "outputDimensionality",
                              ": it must be the same in all requests.");

        } else if (one.truncate != e->truncate) {
            return ai_openai_bad_value(&d.c, &path, "autoTruncate",
                              ": it must be the same in all requests.");
        }

        path.index++;
        in = in->next;
    }

    return AI_OK;
}


/* v is a request, at up */

static ai_int_t
ai_embed_gemini_read(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_embed_t *e, ai_input_t *in)
{
    ai_ref_t  refs[AI_EMBED_FIELDS];

    if (ai_generate_pick(&d->c, up, v, ai_embed_gemini_names, AI_EMBED_FIELDS,
                         refs, d->dropped) != AI_OK
        || ai_embed_purpose(&d->c, up, "taskType", refs[AI_EMBED_TASK],
                            &e->purpose) != AI_OK
        || ai_embed_dimensions(&d->c, up, "outputDimensionality",
                               refs[AI_EMBED_DIMENSIONS], &e->dimensions)
           != AI_OK
        || ai_openai_flag(&d->c, up, "autoTruncate", refs[AI_EMBED_TRUNCATE],
                          &e->truncate) != AI_OK
        || ai_openai_esc(&d->c, up, "title", refs[AI_EMBED_TITLE],
                         &in->title) != AI_OK
        || ai_openai_need(&d->c, up, "content", refs[AI_EMBED_CONTENT],
                          AI_JSON_OBJECT) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_embed_gemini_parts(d, up, refs[AI_EMBED_CONTENT], in);
}


static ai_int_t
ai_embed_gemini_parts(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_input_t *in)
{
    ai_buf_t          b;
    ai_ref_t          part, list;
    ai_openai_path_t  content, parts, path;

    ai_buf_init(&b, d->c.pool);

    content.up = up;
    content.name = "content";
    content.index = 0;

    parts.up = &content;
    parts.name = "parts";
    parts.index = 0;

    path.up = &parts;
    path.name = NULL;
    path.index = 0;

    list = ai_generate_get(d->c.doc, v, "parts");

    for (part = ai_generate_first(d->c.doc, list);
         part != AI_JSON_NONE;
         part = ai_generate_next(d->c.doc, list, part))
    {
        if (ai_openai_want(&d->c, &path, NULL, part, AI_JSON_OBJECT) != AI_OK
            || ai_embed_gemini_part(d, &path, part, &b, in) != AI_OK)
        {
            return AI_ERROR;
        }

        path.index++;
    }

    if (path.index == 0) {
        return ai_openai_missing(&d->c, &content, "parts");
    }

    if (in->kind == AI_INPUT_OTHER) {
        ai_embed_other(&d->c, v, AI_FAMILY_GEMINI, in);
    }

    return AI_OK;
}


/* texts are one input together; all but these, and an image alone, is
 * Gemini's own */

static ai_int_t
ai_embed_gemini_part(ai_generate_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_buf_t *b, ai_input_t *in)
{
    ai_esc_t  text;
    ai_ref_t  refs[2];

    static const ai_str_t  names[] = {
        ai_string("text"), ai_string("inlineData")
    };

    if (ai_generate_pick(&d->c, path, v, names, 2, refs, NULL) != AI_OK) {
        return AI_ERROR;
    }

    if (in->kind == 0 && refs[0] == AI_JSON_NONE
        && ai_embed_gemini_is_image(d->c.doc, refs[1]))
    {
        return ai_embed_gemini_image(d, path, refs[1], in);
    }

    if (in->kind == AI_INPUT_IMAGE || in->kind == AI_INPUT_OTHER
        || refs[0] == AI_JSON_NONE || refs[1] != AI_JSON_NONE)
    {
        in->kind = AI_INPUT_OTHER;
        return AI_OK;
    }

    if (ai_openai_want(&d->c, path, "text", refs[0], AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    text = ai_json_esc(d->c.doc, refs[0]);

    return ai_embed_more(&d->c, b, in, &text);
}


static ai_int_t
ai_embed_gemini_is_image(const ai_json_t *doc, ai_ref_t v)
{
    ai_esc_t  media;

    media = ai_json_esc(doc, ai_generate_get(doc, v, "mimeType"));

    return media.data != NULL && ai_str_starts(&media, "image/");
}


static ai_int_t
ai_embed_gemini_image(ai_generate_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_input_t *in)
{
    ai_block_t  *b, **tail;

    b = NULL;
    tail = &b;

    if (ai_generate_read_inline(d, path, v, &tail) != AI_OK) {
        return AI_ERROR;
    }

    in->kind = AI_INPUT_IMAGE;
    in->source = b->source;
    in->data = b->data;
    in->media = b->media;

    return AI_OK;
}


/* { "embedding": {...} } */

static ai_int_t
ai_embed_gemini_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    ai_int_t  rc;
    ai_buf_t  scratch;

    (void) conf;

    if (ai_embed_counts(call, res) != AI_OK || res->n != 1) {
        return AI_ERROR;
    }

    ai_buf_init(&scratch, pool);

    ai_buf_lit(out, "{\"embedding\":{\"values\":");
    rc = ai_embed_vector(out, &scratch, res->vectors, AI_VECTOR_FLOAT);
    ai_buf_char(out, '}');
    ai_embed_gemini_usage(out, res);
    ai_buf_char(out, '}');

    ai_pfree(pool, scratch.start);

    return rc == AI_OK && !out->failed ? AI_OK : AI_ERROR;
}


/* { "embeddings": [{...}] } */

static ai_int_t
ai_embed_batch_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    uint32_t  i;
    ai_int_t  rc;
    ai_buf_t  scratch;

    (void) conf;

    if (ai_embed_counts(call, res) != AI_OK) {
        return AI_ERROR;
    }

    rc = AI_OK;
    ai_buf_init(&scratch, pool);

    ai_buf_lit(out, "{\"embeddings\":[");

    for (i = 0; i < res->n && rc == AI_OK; i++) {
        if (i) {
            ai_buf_char(out, ',');
        }

        ai_buf_lit(out, "{\"values\":");
        rc = ai_embed_vector(out, &scratch, &res->vectors[i],
                             AI_VECTOR_FLOAT);
        ai_buf_char(out, '}');
    }

    ai_pfree(pool, scratch.start);

    ai_buf_char(out, ']');
    ai_embed_gemini_usage(out, res);
    ai_buf_char(out, '}');

    return rc == AI_OK && !out->failed ? AI_OK : AI_ERROR;
}


static void
ai_embed_gemini_usage(ai_buf_t *b, const ai_result_t *res)
{
    if (res->usage.prompt < 0) {
        return;
    }

    ai_buf_lit(b, ",\"usageMetadata\":{\"promptTokenCount\":");
    ai_embed_tokens(b, res);
    ai_buf_lit(b, ",\"totalTokenCount\":");
    ai_embed_tokens(b, res);
    ai_buf_char(b, '}');
}
