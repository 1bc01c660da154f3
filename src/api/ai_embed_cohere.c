
/*
 * Cohere's POST /v2/embed.
 *
 * https://docs.cohere.com/reference/embed
 */

#include <api/ai_dialect.h>
#include <api/ai_embed_int.h>
#include <api/ai_peek_int.h>
#include <api/ai_rerank_int.h>


enum {
    AI_EMBED_MODEL = 0,
    AI_EMBED_TEXTS,
    AI_EMBED_IMAGES,
    AI_EMBED_INPUTS,
    AI_EMBED_DECISIONS,             /* those above: J7 */

    AI_EMBED_PURPOSE = AI_EMBED_DECISIONS,
    AI_EMBED_TYPES,
    AI_EMBED_TRUNCATE,
    AI_EMBED_DIMENSIONS,
    AI_EMBED_FIELDS
};


static ai_int_t ai_embed_cohere_peek(const ai_json_t *doc,
    const ai_pool_t *pool, ai_peek_t *peek, ai_error_t *err);
static ai_uint_t ai_embed_cohere_which(const ai_ref_t *refs);
static ai_int_t ai_embed_cohere_decode(const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_call_t *call,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_embed_cohere_list(const ai_openai_ctx_t *c,
    ai_uint_t which, ai_ref_t list, ai_input_t *in);
static ai_int_t ai_embed_cohere_image(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v, ai_input_t *in);
static ai_int_t ai_embed_cohere_content(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, ai_ref_t v, ai_input_t *in);
static ai_int_t ai_embed_cohere_part(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_buf_t *b, ai_input_t *in);
static ai_int_t ai_embed_cohere_types(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_embed_t *e);
static ai_int_t ai_embed_cohere_truncate(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_embed_t *e);
static ai_int_t ai_embed_cohere_reply(const ai_call_t *call,
    const ai_result_t *res, const ai_call_conf_t *conf, const ai_pool_t *pool,
    ai_buf_t *out);
static void ai_embed_cohere_texts(ai_buf_t *b, const ai_embed_t *e);


static const ai_str_t  ai_embed_cohere_names[AI_EMBED_FIELDS] = {
    ai_string("model"),
    ai_string("texts"),
    ai_string("images"),
    ai_string("inputs"),
    ai_string("input_type"),
    ai_string("embedding_types"),
    ai_string("truncate"),
    ai_string("output_dimension")
};

/* in the order of ai_vector_e */

static const ai_str_t  ai_embed_cohere_formats[] = {
    ai_string("float"),
    ai_string("base64"),
    ai_string("int8"),
    ai_string("uint8"),
    ai_string("binary"),
    ai_string("ubinary")
};


static const ai_form_t  ai_embed_cohere_form = {
    AI_CALL_EMBED,
    ai_embed_cohere_decode,
    ai_embed_cohere_reply
};


const ai_dialect_t  ai_dialect_cohere_embed = {
    .name = ai_string("cohere.embed"),
    .family = AI_FAMILY_COHERE,
    .stream_type = ai_string(""),
    .peek = ai_embed_cohere_peek,
    .error = ai_rerank_error,
    .form = &ai_embed_cohere_form
};


static ai_int_t
ai_embed_cohere_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_EMBED_FIELDS];
    ai_uint_t        i, which;
    const char      *name;
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    ai_embed_peek_init(peek);

    if (ai_peek_walk(&c, ai_embed_cohere_names, AI_EMBED_FIELDS,
                     AI_EMBED_DECISIONS, refs) != AI_OK
        || ai_peek_model(&c, refs[AI_EMBED_MODEL], &peek->model) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->model_ref = refs[AI_EMBED_MODEL];

    which = ai_embed_cohere_which(refs);

    for (i = which + 1; i < AI_EMBED_DECISIONS; i++) {
        if (refs[i] != AI_JSON_NONE) {
            return ai_openai_bad_value(&c, NULL,
                               (const char *) ai_embed_cohere_names[i].data,
                               ": there is another list of inputs.");
        }
    }

    name = (const char *) ai_embed_cohere_names[which].data;
    peek->images = which == AI_EMBED_IMAGES;

    if (ai_openai_need(&c, NULL, name, refs[which], AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    return ai_embed_peek_input(&c, name, refs[which], peek);
}


/* the field that has the inputs */

static ai_uint_t
ai_embed_cohere_which(const ai_ref_t *refs)
{
    ai_uint_t  i;

    for (i = AI_EMBED_TEXTS; i < AI_EMBED_DECISIONS; i++) {
        if (refs[i] != AI_JSON_NONE) {
            return i;
        }
    }

    return AI_EMBED_TEXTS;
}


static ai_int_t
ai_embed_cohere_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_ref_t         refs[AI_EMBED_FIELDS];
    ai_uint_t        which;
    ai_embed_t      *e;
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    ai_openai_pick(&c, AI_JSON_ROOT, ai_embed_cohere_names, AI_EMBED_FIELDS,
                   refs);

    which = ai_embed_cohere_which(refs);

    if (ai_embed_begin(&c, (const char *) ai_embed_cohere_names[which].data,
                       peek, call, peek->messages) != AI_OK)
    {
        return AI_ERROR;
    }

    e = &call->u.embed;
    e->size = "output_dimension";

    if (ai_embed_cohere_list(&c, which, peek->messages_ref, e->inputs)
        != AI_OK
        || ai_embed_purpose(&c, NULL, "input_type", refs[AI_EMBED_PURPOSE],
                            &e->purpose) != AI_OK
        || ai_embed_cohere_types(&c, refs[AI_EMBED_TYPES], e) != AI_OK
        || ai_embed_cohere_truncate(&c, refs[AI_EMBED_TRUNCATE], e) != AI_OK
        || ai_embed_dimensions(&c, NULL, "output_dimension",
                               refs[AI_EMBED_DIMENSIONS], &e->dimensions)
           != AI_OK)
    {
        return AI_ERROR;
    }

    ai_embed_unknown(&c, ai_embed_cohere_names, AI_EMBED_FIELDS, dropped);

    return AI_OK;
}


static ai_int_t
ai_embed_cohere_list(const ai_openai_ctx_t *c, ai_uint_t which, ai_ref_t list,
    ai_input_t *in)
{
    ai_int_t          rc;
    ai_ref_t          v;
    ai_openai_path_t  root, path;

    root.up = NULL;
    root.name = (const char *) ai_embed_cohere_names[which].data;
    root.index = 0;

    path.up = &root;
    path.name = NULL;
    path.index = 0;

    for (v = ai_json_first(c->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(c->doc, list, v))
    {
        switch (which) {

        case AI_EMBED_TEXTS:
            rc = ai_embed_text(c, &path, NULL, v, in);
            break;

        case AI_EMBED_IMAGES:
            rc = ai_embed_cohere_image(c, &path, NULL, v, in);
            break;

        default: /* AI_EMBED_INPUTS */
            rc = ai_embed_cohere_content(c, &path, v, in);
            break;
        }

        if (rc != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
        in = in->next;
    }

    return AI_OK;
}


static ai_int_t
ai_embed_cohere_image(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_input_t *in)
{
    ai_esc_t    s;
    ai_block_t  b;

    memset(&b, 0, sizeof(ai_block_t));

    if (ai_openai_need(c, up, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    s = ai_json_esc(c->doc, v);

    if (ai_openai_source(c, up, name, &s, &b) != AI_OK) {
        return AI_ERROR;
    }

    if (b.source == AI_SOURCE_BASE64 && !ai_str_starts(&b.media, "image/")) {
        return ai_openai_bad_value(c, up, name, ": it is not an image.");
    }

    in->kind = AI_INPUT_IMAGE;
    in->source = b.source;
    in->data = b.data;
    in->media = b.media;

    return AI_OK;
}


static ai_int_t
ai_embed_cohere_content(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t v, ai_input_t *in)
{
    ai_buf_t          b;
    ai_ref_t          part, list;
    ai_openai_path_t  content, path;

    ai_buf_init(&b, c->pool);

    if (ai_openai_want(c, up, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    list = ai_json_get(c->doc, v, "content");

    if (ai_openai_need(c, up, "content", list, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    content.up = up;
    content.name = "content";
    content.index = 0;

    path.up = &content;
    path.name = NULL;
    path.index = 0;

    for (part = ai_json_first(c->doc, list);
         part != AI_JSON_NONE;
         part = ai_json_next(c->doc, list, part))
    {
        if (ai_embed_cohere_part(c, &path, part, &b, in) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    if (path.index == 0) {
        return ai_openai_bad_value(c, up, "content",
                                   ": it must not be empty.");
    }

    if (in->kind == AI_INPUT_OTHER) {
        ai_embed_other(c, v, AI_FAMILY_COHERE, in);
    }

    return AI_OK;
}


/* texts are one input together; with an image it is Cohere's own */

static ai_int_t
ai_embed_cohere_part(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_buf_t *b, ai_input_t *in)
{
    ai_esc_t          text;
    ai_ref_t          ref;
    ai_int_t          image;
    ai_openai_path_t  url;

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ref = ai_json_get(c->doc, v, "type");
    image = ai_json_is(c->doc, ref, "image_url");

    if (ai_openai_need(c, path, "type", ref, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if ((!image && !ai_json_is(c->doc, ref, "text"))
        || in->kind == AI_INPUT_IMAGE || in->kind == AI_INPUT_OTHER
        || (image && in->kind != 0))
    {
        in->kind = AI_INPUT_OTHER;
        return AI_OK;
    }

    if (image) {
        url.up = path;
        url.name = "image_url";
        url.index = 0;

        ref = ai_json_get(c->doc, v, "image_url");

        if (ai_openai_need(c, &url, NULL, ref, AI_JSON_OBJECT) != AI_OK) {
            return AI_ERROR;
        }

        return ai_embed_cohere_image(c, &url, "url",
                                     ai_json_get(c->doc, ref, "url"), in);
    }

    ref = ai_json_get(c->doc, v, "text");

    if (ai_openai_need(c, path, "text", ref, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    text = ai_json_esc(c->doc, ref);

    return ai_embed_more(c, b, in, &text);
}


static ai_int_t
ai_embed_cohere_types(const ai_openai_ctx_t *c, ai_ref_t v, ai_embed_t *e)
{
    size_t    i;
    ai_ref_t  word;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(c, NULL, "embedding_types", v, AI_JSON_ARRAY)
        != AI_OK)
    {
        return AI_ERROR;
    }

    /* an answer is read by the first */

    e->several = c->doc->node[v].count > 1;
    word = ai_json_first(c->doc, v);

    if (word == AI_JSON_NONE) {
        return AI_OK;
    }

    for (i = 0; i <= AI_VECTOR_UBINARY; i++) {
        if (ai_json_is(c->doc, word,
                       (const char *) ai_embed_cohere_formats[i].data))
        {
            e->format = (ai_vector_e) i;
            return AI_OK;
        }
    }

    return ai_openai_bad_value(c, NULL, "embedding_types",
                               ": it must be 'float', 'int8', 'uint8', "
                               "'binary', 'ubinary' or 'base64'.");
}


static ai_int_t
ai_embed_cohere_truncate(const ai_openai_ctx_t *c, ai_ref_t v, ai_embed_t *e)
{
    if (ai_openai_want(c, NULL, "truncate", v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_json_is(c->doc, v, "NONE")) {
        e->truncate = 0;
        return AI_OK;
    }

    e->truncate = 1;
    e->cut_start = ai_json_is(c->doc, v, "START") != 0;

    if (!e->cut_start && !ai_json_is(c->doc, v, "END")) {
        return ai_openai_bad_value(c, NULL, "truncate",
                              ": it must be 'NONE', 'START' or 'END'.");
    }

    return AI_OK;
}


static ai_int_t
ai_embed_cohere_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    ai_int_t           rc;
    const ai_embed_t  *e;

    if (ai_embed_counts(call, res) != AI_OK) {
        return AI_ERROR;
    }

    e = &call->u.embed;

    ai_buf_lit(out, "{\"id\":");

    if (res->id.len) {
        ai_buf_quote_esc(out, &res->id);

    } else {
        ai_buf_quote(out, &conf->id);
    }

    ai_buf_lit(out, ",\"embeddings\":{");
    ai_buf_quote(out, &ai_embed_cohere_formats[e->format]);
    ai_buf_char(out, ':');
    rc = ai_embed_vectors(out, res, e->format, pool);
    ai_buf_lit(out, "},\"texts\":[");
    ai_embed_cohere_texts(out, e);
    ai_buf_lit(out, "],\"meta\":{\"api_version\":{\"version\":\"2\"},"
                    "\"billed_units\":{\"input_tokens\":");
    ai_embed_tokens(out, res);
    ai_buf_lit(out, "}},\"response_type\":\"embeddings_by_type\"}");

    return rc == AI_OK && !out->failed ? AI_OK : AI_ERROR;
}


static void
ai_embed_cohere_texts(ai_buf_t *b, const ai_embed_t *e)
{
    ai_int_t           any;
    const ai_input_t  *in;

    any = 0;

    for (in = e->inputs; in != NULL; in = in->next) {

        if (in->kind != AI_INPUT_TEXT) {
            continue;
        }

        if (any) {
            ai_buf_char(b, ',');
        }

        any = 1;
        ai_buf_quote_esc(b, &in->text);
    }
}
