
/*
 * Embeddings at Amazon Bedrock: InvokeModel, with a body of each vendor's own.
 *
 * https://docs.aws.amazon.com/bedrock/latest/userguide/
 *     model-parameters-titan-embed-text.html,
 *     model-parameters-titan-embed-mm.html, model-parameters-embed.html
 * https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
 *
 * Cohere's models take many inputs, Amazon's one.
 */

#include <provider/ai_embed_wire_int.h>


typedef enum {
    AI_BEDROCK_UNKNOWN = 0,
    AI_BEDROCK_TITAN_V1,
    AI_BEDROCK_TITAN,
    AI_BEDROCK_TITAN_IMAGE,
    AI_BEDROCK_NOVA,
    AI_BEDROCK_COHERE
} ai_bedrock_embed_e;


typedef struct {
    const char        *word;
    ai_bedrock_embed_e  kind;
} ai_bedrock_embed_word_t;


static ai_bedrock_embed_e ai_bedrock_embed_kind(const ai_str_t *model);
static void ai_bedrock_embed_path(const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *b);
static ai_int_t ai_bedrock_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_bedrock_embed_check(const ai_embed_t *e,
    ai_bedrock_embed_e kind, ai_dropped_t *dropped, ai_error_t *err);
static void ai_bedrock_embed_titan(const ai_embed_t *e, ai_buf_t *b);
static void ai_bedrock_embed_image(const ai_embed_t *e, ai_buf_t *b);
static void ai_bedrock_embed_nova(const ai_embed_t *e, ai_buf_t *b);
static void ai_bedrock_embed_source(const ai_input_t *in, ai_buf_t *b);
static ai_str_t ai_bedrock_embed_purpose(ai_purpose_e purpose);
static ai_int_t ai_bedrock_embed_answer(const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);


const ai_service_t  ai_bedrock_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_NONE,
    .path = ai_bedrock_embed_path,
    .build = ai_bedrock_embed_build,
    .answer = ai_bedrock_embed_answer
};


/* the first that is part of an id counts */

static ai_bedrock_embed_e
ai_bedrock_embed_kind(const ai_str_t *model)
{
    const ai_bedrock_embed_word_t  *w;

    static const ai_bedrock_embed_word_t  words[] = {
        { "cohere.embed", AI_BEDROCK_COHERE },
        { "titan-embed-image", AI_BEDROCK_TITAN_IMAGE },
        { "titan-embed-text-v1", AI_BEDROCK_TITAN_V1 },
        { "titan-embed-g1", AI_BEDROCK_TITAN_V1 },
        { "titan-embed", AI_BEDROCK_TITAN },
        { "multimodal-embeddings", AI_BEDROCK_NOVA },
        { NULL, AI_BEDROCK_UNKNOWN }
    };

    for (w = words; w->word != NULL; w++) {
        if (ai_str_casefind(model, w->word)) {
            break;
        }
    }

    return w->kind;
}


static void
ai_bedrock_embed_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b)
{
    (void) call;

    ai_buf_lit(b, "/model/");
    ai_buf_uri(b, &t->model, NULL);
    ai_buf_lit(b, "/invoke");
}


static ai_int_t
ai_bedrock_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    const ai_embed_t    *e;
    ai_bedrock_embed_e   kind;

    (void) pool;

    e = &call->u.embed;
    kind = ai_bedrock_embed_kind(&t->model);

    if (kind == AI_BEDROCK_COHERE) {
        ai_buf_char(body, '{');

        if (ai_cohere_embed_body(call, body, dropped, err) != AI_OK) {
            return AI_ERROR;
        }

        ai_buf_char(body, '}');

        return ai_embed_written(body, err);
    }

    if (ai_bedrock_embed_check(e, kind, dropped, err) != AI_OK) {
        return AI_ERROR;
    }

    switch (kind) {

    case AI_BEDROCK_TITAN_IMAGE:
        ai_bedrock_embed_image(e, body);
        break;

    case AI_BEDROCK_NOVA:
        ai_bedrock_embed_nova(e, body);
        break;

    default: /* AI_BEDROCK_TITAN_V1, AI_BEDROCK_TITAN */
        ai_bedrock_embed_titan(e, body);
        break;
    }

    return ai_embed_written(body, err);
}


/* Amazon's own */

static ai_int_t
ai_bedrock_embed_check(const ai_embed_t *e, ai_bedrock_embed_e kind,
    ai_dropped_t *dropped, ai_error_t *err)
{
    unsigned           kinds;
    const ai_input_t  *in;

    if (kind == AI_BEDROCK_UNKNOWN) {
        return ai_embed_refuse(err, "model", "This model has no embeddings.");
    }

    if (e->n > 1) {
        return ai_embed_refuse(err, e->input, "This model takes one input a "
                               "request. Please send one at a time.");
    }

    in = e->inputs;
    kinds = 1u << AI_INPUT_TEXT;

    if (kind == AI_BEDROCK_TITAN_IMAGE || kind == AI_BEDROCK_NOVA) {
        kinds |= 1u << AI_INPUT_IMAGE;
    }

    if (ai_embed_only(e, kinds, AI_FAMILY_NONE, err) != AI_OK
        || ai_embed_formats(e, 0, err) != AI_OK)
    {
        return AI_ERROR;
    }

    if (in->kind == AI_INPUT_IMAGE && in->source != AI_SOURCE_BASE64) {
        return ai_embed_refuse(err, e->input,
                       "This model takes images as data, not as URLs.");
    }

    if (kind == AI_BEDROCK_TITAN_V1 && e->dimensions != -1) {
        return ai_embed_refuse(err, e->size,
                       "The vectors of this model have one size only.");
    }

    if (kind != AI_BEDROCK_NOVA) {
        if (e->purpose != AI_PURPOSE_UNSET && e->purpose != AI_PURPOSE_IMAGE)
        {
            ai_dropped_add(dropped, "input_type");
        }

        if (e->truncate == 1) {
            ai_dropped_add(dropped, "truncate");
        }
    }

    if (in->title.len) {
        ai_dropped_add(dropped, "title");
    }

    if (e->user.len) {
        ai_dropped_add(dropped, "user");
    }

    return AI_OK;
}


static void
ai_bedrock_embed_titan(const ai_embed_t *e, ai_buf_t *b)
{
    ai_buf_lit(b, "{\"inputText\":");
    ai_buf_quote_esc(b, &e->inputs->text);
    ai_embed_write_int(b, "dimensions", e->dimensions);
    ai_buf_char(b, '}');
}


static void
ai_bedrock_embed_image(const ai_embed_t *e, ai_buf_t *b)
{
    if (e->inputs->kind == AI_INPUT_IMAGE) {
        ai_buf_lit(b, "{\"inputImage\":");
        ai_buf_quote_esc(b, &e->inputs->data);

    } else {
        ai_buf_lit(b, "{\"inputText\":");
        ai_buf_quote_esc(b, &e->inputs->text);
    }

    if (e->dimensions != -1) {
        ai_buf_lit(b, ",\"embeddingConfig\":{\"outputEmbeddingLength\":");
        ai_buf_int(b, e->dimensions);
        ai_buf_char(b, '}');
    }

    ai_buf_char(b, '}');
}


static void
ai_bedrock_embed_nova(const ai_embed_t *e, ai_buf_t *b)
{
    ai_str_t  purpose;

    purpose = ai_bedrock_embed_purpose(e->purpose);

    ai_buf_lit(b, "{\"schemaVersion\":\"nova-multimodal-embed-v1\","
                  "\"taskType\":\"SINGLE_EMBEDDING\","
                  "\"singleEmbeddingParams\":{\"embeddingPurpose\":");
    ai_buf_quote(b, &purpose);
    ai_embed_write_int(b, "embeddingDimension", e->dimensions);

    if (e->inputs->kind == AI_INPUT_IMAGE) {
        ai_bedrock_embed_source(e->inputs, b);

    } else {
        ai_buf_lit(b, ",\"text\":{\"truncationMode\":");

        if (e->truncate == 0) {
            ai_buf_lit(b, "\"NONE\"");

        } else if (e->cut_start) {
            ai_buf_lit(b, "\"START\"");

        } else {
            ai_buf_lit(b, "\"END\"");
        }

        ai_buf_lit(b, ",\"value\":");
        ai_buf_quote_esc(b, &e->inputs->text);
        ai_buf_char(b, '}');
    }

    ai_buf_lit(b, "}}");
}


/* the format is what follows "image/" */

static void
ai_bedrock_embed_source(const ai_input_t *in, ai_buf_t *b)
{
    ai_str_t  format;

    format = in->media;

    if (ai_str_starts(&format, "image/")) {
        format.data += sizeof("image/") - 1;
        format.len -= sizeof("image/") - 1;
    }

    if (ai_str_is(&format, "jpg")) {
        format = ai_lit("jpeg");
    }

    ai_buf_lit(b, ",\"image\":{\"format\":");
    ai_buf_quote(b, &format);
    ai_buf_lit(b, ",\"source\":{\"bytes\":");
    ai_buf_quote_esc(b, &in->data);
    ai_buf_lit(b, "}}");
}


static ai_str_t
ai_bedrock_embed_purpose(ai_purpose_e purpose)
{
    switch (purpose) {

    case AI_PURPOSE_QUERY:
    case AI_PURPOSE_QUESTION:
    case AI_PURPOSE_FACT:
    case AI_PURPOSE_CODE:
        return ai_lit("GENERIC_RETRIEVAL");

    case AI_PURPOSE_CLASSIFICATION:
        return ai_lit("CLASSIFICATION");

    case AI_PURPOSE_CLUSTERING:
        return ai_lit("CLUSTERING");

    default:
        return ai_lit("GENERIC_INDEX");
    }
}


/*
 * Titan: {"embedding", "inputTextTokenCount"}, Nova: {"embeddings":
 * [{"embedding"}]}.  Where none is counted the header
 * x-amzn-bedrock-input-token-count has it.
 */

static ai_int_t
ai_bedrock_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    ai_ref_t           v;
    ai_embed_answer_t  a;

    if (ai_bedrock_embed_kind(&t->model) == AI_BEDROCK_COHERE) {
        return ai_cohere_embed_answer(t, call, body, pool, res, err);
    }

    if (ai_embed_open(&a, t, call, body, pool, res, err) != AI_OK) {
        return AI_ERROR;
    }

    v = ai_json_get(&a.doc, AI_JSON_ROOT, "embedding");

    if (ai_json_is_null(&a.doc, v)) {
        v = ai_json_get(&a.doc, AI_JSON_ROOT, "embeddings");

        if (ai_embed_put_list(&a, v, "embedding", AI_VECTOR_FLOAT) != AI_OK) {
            return AI_ERROR;
        }

    } else if (ai_embed_put(&a, 0, v, AI_VECTOR_FLOAT) != AI_OK) {
        return AI_ERROR;
    }

    ai_embed_count(&a, ai_json_get(&a.doc, AI_JSON_ROOT,
                                   "inputTextTokenCount"),
                   &res->usage.prompt);

    return ai_embed_done(&a);
}
