
/*
 * Embeddings in OpenAI's API, and at vendors whose API is that one but for
 * some names: Mistral, Voyage, Jina, and Hugging Face's TEI.
 *
 * https://platform.openai.com/docs/api-reference/embeddings
 * https://docs.mistral.ai/api/endpoint/embeddings
 * https://docs.voyageai.com/reference/embeddings-api
 * https://api.jina.ai/docs
 */

#include <provider/ai_embed_wire_int.h>


#define AI_EMBED_INTS  (1u << AI_VECTOR_INT8 | 1u << AI_VECTOR_UINT8          \
                        | 1u << AI_VECTOR_BINARY | 1u << AI_VECTOR_UBINARY)

#define AI_EMBED_TEXTS   (1u << AI_INPUT_TEXT)
#define AI_EMBED_TOKENS  (1u << AI_INPUT_TOKENS)
#define AI_EMBED_IMAGES  (1u << AI_INPUT_IMAGE)


/* what a vendor calls it; NULL: it has none */

typedef struct {
    unsigned           inputs;      /* 1 << ai_input_e */
    unsigned           formats;     /* 1 << ai_vector_e, but floats */
    const char        *dimensions;
    const char        *encoding;    /* "base64" is said here */
    const char        *type;        /* integers are asked for here */
    const char        *truncate;
    const char        *purpose;
    ai_str_t         (*word)(ai_purpose_e purpose);
    ai_family_e        family;
    unsigned           user:1;
} ai_embed_vendor_t;


static void ai_openai_embed_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static void ai_tei_embed_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static ai_int_t ai_openai_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_mistral_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_voyage_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_jina_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_tei_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_vendor_embed_build(const ai_embed_vendor_t *v,
    const ai_target_t *t, const ai_call_t *call, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static void ai_vendor_embed_input(ai_buf_t *b, const ai_embed_t *e);
static void ai_vendor_embed_format(const ai_embed_vendor_t *v, ai_buf_t *b,
    ai_vector_e format);
static void ai_vendor_embed_rest(const ai_embed_vendor_t *v, ai_buf_t *b,
    const ai_embed_t *e, ai_dropped_t *dropped);
static void ai_vendor_embed_member(ai_buf_t *b, const char *name,
    const ai_str_t *value);
static ai_str_t ai_voyage_word(ai_purpose_e purpose);
static ai_str_t ai_jina_word(ai_purpose_e purpose);


static const ai_embed_vendor_t  ai_embed_openai = {
    .inputs = AI_EMBED_TEXTS|AI_EMBED_TOKENS,
    .dimensions = "dimensions",
    .encoding = "encoding_format",
    .family = AI_FAMILY_OPENAI,
    .user = 1
};

static const ai_embed_vendor_t  ai_embed_mistral = {
    .inputs = AI_EMBED_TEXTS,
    .formats = AI_EMBED_INTS,
    .dimensions = "output_dimension",
    .encoding = "encoding_format",
    .type = "output_dtype"
};

static const ai_embed_vendor_t  ai_embed_voyage = {
    .inputs = AI_EMBED_TEXTS,
    .formats = AI_EMBED_INTS,
    .dimensions = "output_dimension",
    .encoding = "encoding_format",
    .type = "output_dtype",
    .truncate = "truncation",
    .purpose = "input_type",
    .word = ai_voyage_word
};

static const ai_embed_vendor_t  ai_embed_jina = {
    .inputs = AI_EMBED_TEXTS|AI_EMBED_IMAGES,
    .formats = 1u << AI_VECTOR_BINARY | 1u << AI_VECTOR_UBINARY,
    .dimensions = "dimensions",
    .encoding = "embedding_type",
    .type = "embedding_type",
    .truncate = "truncate",
    .purpose = "task",
    .word = ai_jina_word
};

static const ai_embed_vendor_t  ai_embed_tei = {
    .inputs = AI_EMBED_TEXTS|AI_EMBED_TOKENS,
    .dimensions = "dimensions",
    .encoding = "encoding_format",
    .user = 1
};


const ai_service_t  ai_openai_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_OPENAI,
    .path = ai_openai_embed_path,
    .build = ai_openai_embed_build,
    .answer = ai_openai_embed_answer
};

const ai_service_t  ai_mistral_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_NONE,
    .path = ai_openai_embed_path,
    .build = ai_mistral_embed_build,
    .answer = ai_openai_embed_answer
};

const ai_service_t  ai_voyage_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_NONE,
    .path = ai_openai_embed_path,
    .build = ai_voyage_embed_build,
    .answer = ai_openai_embed_answer
};

const ai_service_t  ai_jina_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_NONE,
    .path = ai_openai_embed_path,
    .build = ai_jina_embed_build,
    .answer = ai_openai_embed_answer
};

const ai_service_t  ai_tei_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_OPENAI,
    .path = ai_tei_embed_path,
    .build = ai_tei_embed_build,
    .answer = ai_openai_embed_answer
};


static void
ai_openai_embed_path(const ai_target_t *t, const ai_call_t *call, ai_buf_t *b)
{
    static const ai_str_t  name = ai_string("embeddings");

    (void) call;

    if (t->provider->other) {
        t->provider->other(t, &name, b);
        return;
    }

    ai_buf_char(b, '/');
    ai_buf_cat(b, &name);
}


static void
ai_tei_embed_path(const ai_target_t *t, const ai_call_t *call, ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/v1/embeddings");
}


static ai_int_t
ai_openai_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    return ai_vendor_embed_build(&ai_embed_openai, t, call, body, dropped,
                                 err);
}


static ai_int_t
ai_mistral_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    return ai_vendor_embed_build(&ai_embed_mistral, t, call, body, dropped,
                                 err);
}


static ai_int_t
ai_voyage_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    return ai_vendor_embed_build(&ai_embed_voyage, t, call, body, dropped,
                                 err);
}


static ai_int_t
ai_jina_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    return ai_vendor_embed_build(&ai_embed_jina, t, call, body, dropped, err);
}


static ai_int_t
ai_tei_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    (void) pool;

    return ai_vendor_embed_build(&ai_embed_tei, t, call, body, dropped, err);
}


static ai_int_t
ai_vendor_embed_build(const ai_embed_vendor_t *v, const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    const ai_embed_t  *e;

    e = &call->u.embed;

    if (ai_embed_only(e, v->inputs, v->family, err) != AI_OK
        || ai_embed_formats(e, v->formats, err) != AI_OK)
    {
        return AI_ERROR;
    }

    ai_embed_write_model(body, t);
    ai_vendor_embed_input(body, e);
    ai_vendor_embed_format(v, body, e->format);
    ai_embed_write_int(body, v->dimensions, e->dimensions);
    ai_vendor_embed_rest(v, body, e, dropped);
    ai_buf_char(body, '}');

    return ai_embed_written(body, err);
}


/* images are Jina's: {"image": "..."}, and base64 without a type */

static void
ai_vendor_embed_input(ai_buf_t *b, const ai_embed_t *e)
{
    const ai_input_t  *in;

    ai_buf_lit(b, ",\"input\":");

    if (e->single && e->inputs->kind != AI_INPUT_IMAGE) {
        ai_embed_write_one(b, e->inputs);
        return;
    }

    ai_buf_char(b, '[');

    for (in = e->inputs; in != NULL; in = in->next) {

        if (in->kind == AI_INPUT_IMAGE) {
            ai_buf_lit(b, "{\"image\":");
            ai_buf_quote_esc(b, &in->data);
            ai_buf_char(b, '}');

        } else {
            ai_embed_write_one(b, in);
        }

        if (in->next) {
            ai_buf_char(b, ',');
        }
    }

    ai_buf_char(b, ']');
}


static void
ai_vendor_embed_format(const ai_embed_vendor_t *v, ai_buf_t *b,
    ai_vector_e format)
{
    static const ai_str_t  words[] = {
        ai_string("float"), ai_string("base64"), ai_string("int8"),
        ai_string("uint8"), ai_string("binary"), ai_string("ubinary")
    };

    if (format == AI_VECTOR_BASE64) {
        ai_vendor_embed_member(b, v->encoding, &words[format]);

    } else if (format != AI_VECTOR_FLOAT) {
        ai_vendor_embed_member(b, v->type, &words[format]);
    }
}


static void
ai_vendor_embed_rest(const ai_embed_vendor_t *v, ai_buf_t *b,
    const ai_embed_t *e, ai_dropped_t *dropped)
{
    ai_str_t  word;

    if (e->truncate != -1 && v->truncate) {
        ai_embed_write_flag(b, v->truncate, e->truncate);
    }

    /* an input that is too long is refused where nobody can say */

    if ((e->truncate == 1 && v->truncate == NULL) || e->cut_start) {
        ai_dropped_add(dropped, "truncate");
    }

    word = v->word ? v->word(e->purpose) : ai_lit("");

    if (word.len) {
        ai_vendor_embed_member(b, v->purpose, &word);

    } else if (e->purpose != AI_PURPOSE_UNSET
               && e->purpose != AI_PURPOSE_IMAGE)
    {
        ai_dropped_add(dropped, "input_type");
    }

    ai_embed_drop_titles(e, dropped);

    if (e->user.len == 0) {
        return;
    }

    if (v->user) {
        ai_buf_lit(b, ",\"user\":");
        ai_buf_quote_esc(b, &e->user);

    } else {
        ai_dropped_add(dropped, "user");
    }
}


static void
ai_vendor_embed_member(ai_buf_t *b, const char *name, const ai_str_t *value)
{
    if (name == NULL) {
        return;
    }

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));
    ai_buf_lit(b, "\":");
    ai_buf_quote(b, value);
}


static ai_str_t
ai_voyage_word(ai_purpose_e purpose)
{
    switch (purpose) {

    case AI_PURPOSE_QUERY:
    case AI_PURPOSE_QUESTION:
    case AI_PURPOSE_FACT:
    case AI_PURPOSE_CODE:
        return ai_lit("query");

    case AI_PURPOSE_DOCUMENT:
        return ai_lit("document");

    default:
        return ai_lit("");
    }
}


static ai_str_t
ai_jina_word(ai_purpose_e purpose)
{
    switch (purpose) {

    case AI_PURPOSE_QUERY:
    case AI_PURPOSE_QUESTION:
    case AI_PURPOSE_FACT:
    case AI_PURPOSE_CODE:
        return ai_lit("retrieval.query");

    case AI_PURPOSE_DOCUMENT:
        return ai_lit("retrieval.passage");

    case AI_PURPOSE_CLASSIFICATION:
        return ai_lit("classification");

    case AI_PURPOSE_CLUSTERING:
        return ai_lit("separation");

    case AI_PURPOSE_SIMILARITY:
        return ai_lit("text-matching");

    default:
        return ai_lit("");
    }
}


/*
 * {"data": [{"index": 0, "embedding": ...}], "model", "usage"}.  Voyage tells
 * the total alone, which for embeddings is the same.
 */

ai_int_t
ai_openai_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    int64_t            index;
    uint64_t           i;
    ai_ref_t           v, data, usage, ref;
    ai_vector_e        format;
    ai_embed_answer_t  a;

    if (ai_embed_open(&a, t, call, body, pool, res, err) != AI_OK) {
        return AI_ERROR;
    }

    format = call->u.embed.format == AI_VECTOR_BASE64 ? AI_VECTOR_FLOAT
                                                      : call->u.embed.format;

    data = ai_json_get(&a.doc, AI_JSON_ROOT, "data");

    if (ai_json_type(&a.doc, data) != AI_JSON_ARRAY) {
        return ai_embed_invalid(&a);
    }

    i = 0;

    for (v = ai_json_first(&a.doc, data);
         v != AI_JSON_NONE;
         v = ai_json_next(&a.doc, data, v))
    {
        ref = ai_json_get(&a.doc, v, "index");
        index = (int64_t) i;

        if (!ai_json_is_null(&a.doc, ref)
            && (ai_json_int(&a.doc, ref, &index) != AI_OK || index < 0))
        {
            return AI_ERROR;
        }

        if (ai_embed_put(&a, (uint64_t) index,
                         ai_json_get(&a.doc, v, "embedding"), format)
            != AI_OK)
        {
            return AI_ERROR;
        }

        i++;
    }

    usage = ai_json_get(&a.doc, AI_JSON_ROOT, "usage");
    ai_embed_count(&a, ai_json_get(&a.doc, usage, "total_tokens"),
                   &res->usage.prompt);
    ai_embed_count(&a, ai_json_get(&a.doc, usage, "prompt_tokens"),
                   &res->usage.prompt);

    res->model = ai_json_esc(&a.doc, ai_json_get(&a.doc, AI_JSON_ROOT,
                                                 "model"));

    return ai_embed_done(&a);
}
