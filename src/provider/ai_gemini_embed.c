
/*
 * Embeddings of the Gemini API, and of Vertex AI, where most models are asked
 * with predict.
 *
 * https://ai.google.dev/api/embeddings
 * https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/
 */

#include <provider/ai_embed_wire_int.h>
#include <provider/ai_gemini_int.h>


typedef enum {
    AI_VERTEX_PREDICT = 0,          /* {instances, parameters} */
    AI_VERTEX_CONTENT,              /* as the Gemini API has it */
    AI_VERTEX_MULTIMODAL
} ai_vertex_embed_e;


static void ai_gemini_embed_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static ai_str_t ai_gemini_embed_model(const ai_str_t *model,
    ai_str_t *prefix);
static ai_int_t ai_gemini_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_gemini_embed_check(const ai_embed_t *e,
    ai_dropped_t *dropped, ai_error_t *err);
static void ai_gemini_embed_task(ai_buf_t *b, const char *name,
    ai_purpose_e purpose);
static ai_vertex_embed_e ai_vertex_embed_kind(const ai_str_t *model);
static void ai_vertex_embed_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static ai_int_t ai_vertex_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_vertex_embed_content(const ai_embed_t *e, ai_buf_t *body,
    ai_error_t *err);
static ai_int_t ai_vertex_embed_predict(const ai_embed_t *e, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_vertex_embed_multimodal(const ai_embed_t *e,
    ai_buf_t *body, ai_dropped_t *dropped, ai_error_t *err);
static void ai_vertex_embed_image(ai_buf_t *b, const ai_input_t *in);
static void ai_vertex_embed_parameters(ai_buf_t *b, const char *dimension,
    const ai_embed_t *e, ai_int_t truncate);
static ai_int_t ai_vertex_embed_answer(const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);
static ai_int_t ai_vertex_embed_predictions(ai_embed_answer_t *a,
    ai_ref_t list);
static ai_int_t ai_vertex_embed_one(ai_embed_answer_t *a, uint64_t i,
    ai_ref_t v);


const ai_service_t  ai_gemini_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_NONE,       /* a batch names the model many times */
    .path = ai_gemini_embed_path,
    .build = ai_gemini_embed_build,
    .answer = ai_gemini_embed_answer
};

const ai_service_t  ai_vertex_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_NONE,
    .path = ai_vertex_embed_path,
    .build = ai_vertex_embed_build,
    .answer = ai_vertex_embed_answer
};


static void
ai_gemini_embed_path(const ai_target_t *t, const ai_call_t *call, ai_buf_t *b)
{
    ai_str_t  model, prefix;

    model = ai_gemini_embed_model(&t->model, &prefix);

    ai_buf_char(b, '/');
    ai_buf_cat(b, &prefix);
    ai_buf_uri(b, &model, NULL);

    if (call->u.embed.single) {
        ai_buf_lit(b, ":embedContent");

    } else {
        ai_buf_lit(b, ":batchEmbedContents");
    }
}


static ai_str_t
ai_gemini_embed_model(const ai_str_t *model, ai_str_t *prefix)
{
    ai_str_t  rest;

    *prefix = ai_str_starts(model, "tunedModels/") ? ai_lit("tunedModels/")
                                                   : ai_lit("models/");

    rest = *model;

    if (ai_str_starts(model, (const char *) prefix->data)) {
        rest.data += prefix->len;
        rest.len -= prefix->len;
    }

    return rest;
}


/* {"model","content",..}, or {"requests":[the same, ..]} */

static ai_int_t
ai_gemini_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_str_t           model, prefix;
    const ai_embed_t  *e;
    const ai_input_t  *in;

    (void) pool;

    e = &call->u.embed;

    if (ai_gemini_embed_check(e, dropped, err) != AI_OK) {
        return AI_ERROR;
    }

    if (e->truncate == 0) {
        ai_dropped_add(dropped, "truncate");
    }

    model = ai_gemini_embed_model(&t->model, &prefix);

    if (!e->single) {
        ai_buf_lit(body, "{\"requests\":[");
    }

    for (in = e->inputs; in != NULL; in = in->next) {
        ai_buf_lit(body, "{\"model\":\"");
        ai_buf_cat(body, &prefix);
        ai_buf_escape(body, &model);
        ai_buf_lit(body, "\",");
        ai_gemini_embed_one(body, e, in);
        ai_buf_char(body, '}');

        if (in->next) {
            ai_buf_char(body, ',');
        }
    }

    if (!e->single) {
        ai_buf_lit(body, "]}");
    }

    return ai_embed_written(body, err);
}


static ai_int_t
ai_gemini_embed_check(const ai_embed_t *e, ai_dropped_t *dropped,
    ai_error_t *err)
{
    const ai_input_t  *in;

    if (ai_embed_only(e, 1u << AI_INPUT_TEXT | 1u << AI_INPUT_IMAGE,
                      AI_FAMILY_GEMINI, err) != AI_OK
        || ai_embed_formats(e, 0, err) != AI_OK)
    {
        return AI_ERROR;
    }

    for (in = e->inputs; in != NULL; in = in->next) {
        if (in->kind == AI_INPUT_IMAGE && in->source != AI_SOURCE_BASE64) {
            return ai_embed_refuse(err, e->input,
                       "This model takes images as data, not as URLs.");
        }
    }

    if (e->user.len) {
        ai_dropped_add(dropped, "user");
    }

    if (e->cut_start) {
        ai_dropped_add(dropped, "truncate");
    }

    return AI_OK;
}


/* without braces */

void
ai_gemini_embed_one(ai_buf_t *b, const ai_embed_t *e, const ai_input_t *in)
{
    ai_buf_lit(b, "\"content\":");

    if (in->kind == AI_INPUT_OTHER) {
        ai_buf_cat(b, &in->raw);

    } else if (in->kind == AI_INPUT_IMAGE) {
        ai_buf_lit(b, "{\"parts\":[{\"inlineData\":{\"mimeType\":");
        ai_buf_quote(b, &in->media);
        ai_buf_lit(b, ",\"data\":");
        ai_buf_quote_esc(b, &in->data);
        ai_buf_lit(b, "}}]}");

    } else {
        ai_buf_lit(b, "{\"parts\":[{\"text\":");
        ai_buf_quote_esc(b, &in->text);
        ai_buf_lit(b, "}]}");
    }

    ai_gemini_embed_task(b, "taskType", e->purpose);

    if (in->title.len) {
        ai_buf_lit(b, ",\"title\":");
        ai_buf_quote_esc(b, &in->title);
    }

    ai_embed_write_int(b, "outputDimensionality", e->dimensions);
}


static void
ai_gemini_embed_task(ai_buf_t *b, const char *name, ai_purpose_e purpose)
{
    ai_str_t  task;

    task = ai_purpose_task(purpose);

    if (task.len == 0) {
        return;
    }

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));
    ai_buf_lit(b, "\":");
    ai_buf_quote(b, &task);
}


/* {"embedding": {"values"}}, or {"embeddings": [{"values"}]} */

ai_int_t
ai_gemini_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    ai_ref_t           v;
    ai_embed_answer_t  a;

    if (ai_embed_open(&a, t, call, body, pool, res, err) != AI_OK) {
        return AI_ERROR;
    }

    v = ai_json_get(&a.doc, AI_JSON_ROOT, "embedding");

    if (!ai_json_is_null(&a.doc, v)) {
        if (ai_embed_put(&a, 0, ai_json_get(&a.doc, v, "values"),
                         AI_VECTOR_FLOAT) != AI_OK)
        {
            return AI_ERROR;
        }

    } else {
        v = ai_json_get(&a.doc, AI_JSON_ROOT, "embeddings");

        if (ai_embed_put_list(&a, v, "values", AI_VECTOR_FLOAT) != AI_OK) {
            return AI_ERROR;
        }
    }

    v = ai_json_get(&a.doc, AI_JSON_ROOT, "usageMetadata");
    ai_gemini_report(&a.doc, v, &res->usage);

    return ai_embed_done(&a);
}


static ai_vertex_embed_e
ai_vertex_embed_kind(const ai_str_t *model)
{
    if (ai_str_casefind(model, "multimodalembedding")) {
        return AI_VERTEX_MULTIMODAL;
    }

    return ai_str_casefind(model, "gemini-embedding-2") ? AI_VERTEX_CONTENT
                                                        : AI_VERTEX_PREDICT;
}


/* behind ".../locations/L/publishers" */

static void
ai_vertex_embed_path(const ai_target_t *t, const ai_call_t *call, ai_buf_t *b)
{
    ai_str_t  model, prefix;

    (void) call;

    model = ai_gemini_embed_model(&t->model, &prefix);

    ai_buf_lit(b, "/google/models/");
    ai_buf_uri(b, &model, "@");

    if (ai_vertex_embed_kind(&model) == AI_VERTEX_CONTENT) {
        ai_buf_lit(b, ":embedContent");

    } else {
        ai_buf_lit(b, ":predict");
    }
}


static ai_int_t
ai_vertex_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_int_t           rc;
    const ai_embed_t  *e;

    (void) pool;

    e = &call->u.embed;

    if (ai_gemini_embed_check(e, dropped, err) != AI_OK) {
        return AI_ERROR;
    }

    switch (ai_vertex_embed_kind(&t->model)) {

    case AI_VERTEX_CONTENT:
        rc = ai_vertex_embed_content(e, body, err);
        break;

    case AI_VERTEX_MULTIMODAL:
        rc = ai_vertex_embed_multimodal(e, body, dropped, err);
        break;

    default: /* AI_VERTEX_PREDICT */
        rc = ai_vertex_embed_predict(e, body, dropped, err);
        break;
    }

    return rc == AI_OK ? ai_embed_written(body, err) : rc;
}


static ai_int_t
ai_vertex_embed_content(const ai_embed_t *e, ai_buf_t *body, ai_error_t *err)
{
    if (e->n > 1) {
        return ai_embed_refuse(err, e->input,
                               "This model takes one input a request.");
    }

    ai_buf_char(body, '{');
    ai_gemini_embed_one(body, e, e->inputs);
    ai_embed_write_flag(body, "autoTruncate", e->truncate);
    ai_buf_char(body, '}');

    return AI_OK;
}


static ai_int_t
ai_vertex_embed_predict(const ai_embed_t *e, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err)
{
    const ai_input_t  *in;

    (void) dropped;

    if (ai_embed_only(e, 1u << AI_INPUT_TEXT, AI_FAMILY_NONE, err) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_lit(body, "{\"instances\":[");

    for (in = e->inputs; in != NULL; in = in->next) {
        ai_buf_lit(body, "{\"content\":");
        ai_buf_quote_esc(body, &in->text);
        ai_gemini_embed_task(body, "task_type", e->purpose);

        if (in->title.len) {
            ai_buf_lit(body, ",\"title\":");
            ai_buf_quote_esc(body, &in->title);
        }

        ai_buf_char(body, '}');

        if (in->next) {
            ai_buf_char(body, ',');
        }
    }

    ai_buf_char(body, ']');
    ai_vertex_embed_parameters(body, "outputDimensionality", e, 1);
    ai_buf_char(body, '}');

    return AI_OK;
}


static ai_int_t
ai_vertex_embed_multimodal(const ai_embed_t *e, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err)
{
    const ai_input_t  *in;

    if (e->n > 1) {
        return ai_embed_refuse(err, e->input,
                               "This model takes one input a request.");
    }

    if (ai_embed_only(e, 1u << AI_INPUT_TEXT | 1u << AI_INPUT_IMAGE,
                      AI_FAMILY_NONE, err) != AI_OK)
    {
        return AI_ERROR;
    }

    in = e->inputs;

    if (e->purpose != AI_PURPOSE_UNSET && e->purpose != AI_PURPOSE_IMAGE) {
        ai_dropped_add(dropped, "input_type");
    }

    if (in->title.len) {
        ai_dropped_add(dropped, "title");
    }

    if (e->truncate == 1) {
        ai_dropped_add(dropped, "truncate");
    }

    ai_buf_lit(body, "{\"instances\":[{");

    if (in->kind == AI_INPUT_IMAGE) {
        ai_vertex_embed_image(body, in);

    } else {
        ai_buf_lit(body, "\"text\":");
        ai_buf_quote_esc(body, &in->text);
    }

    ai_buf_lit(body, "}]");
    ai_vertex_embed_parameters(body, "dimension", e, 0);
    ai_buf_char(body, '}');

    return AI_OK;
}


static void
ai_vertex_embed_image(ai_buf_t *b, const ai_input_t *in)
{
    ai_buf_lit(b, "\"image\":{\"bytesBase64Encoded\":");
    ai_buf_quote_esc(b, &in->data);
    ai_buf_lit(b, ",\"mimeType\":");
    ai_buf_quote(b, &in->media);
    ai_buf_char(b, '}');
}


static void
ai_vertex_embed_parameters(ai_buf_t *b, const char *dimension,
    const ai_embed_t *e, ai_int_t truncate)
{
    ai_int_t  comma;

    truncate = truncate && e->truncate != -1;
    comma = e->dimensions != -1;

    if (!comma && !truncate) {
        return;
    }

    ai_buf_lit(b, ",\"parameters\":{");

    if (comma) {
        ai_buf_char(b, '"');
        ai_buf_add(b, dimension, strlen(dimension));
        ai_buf_lit(b, "\":");
        ai_buf_int(b, e->dimensions);
    }

    if (truncate) {
        if (comma) {
            ai_buf_char(b, ',');
        }

        ai_buf_lit(b, "\"autoTruncate\":");
        ai_buf_add(b, e->truncate ? "true" : "false", e->truncate ? 4 : 5);
    }

    ai_buf_char(b, '}');
}


static ai_int_t
ai_vertex_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    ai_ref_t           list;
    ai_embed_answer_t  a;

    if (ai_vertex_embed_kind(&t->model) == AI_VERTEX_CONTENT) {
        return ai_gemini_embed_answer(t, call, body, pool, res, err);
    }

    if (ai_embed_open(&a, t, call, body, pool, res, err) != AI_OK) {
        return AI_ERROR;
    }

    list = ai_json_get(&a.doc, AI_JSON_ROOT, "predictions");

    if (ai_json_type(&a.doc, list) != AI_JSON_ARRAY) {
        return ai_embed_invalid(&a);
    }

    if (ai_vertex_embed_predictions(&a, list) != AI_OK) {
        return AI_ERROR;
    }

    return ai_embed_done(&a);
}


static ai_int_t
ai_vertex_embed_predictions(ai_embed_answer_t *a, ai_ref_t list)
{
    int64_t   n, sum;
    uint64_t  i;
    ai_ref_t  v;

    i = 0;
    sum = 0;

    for (v = ai_json_first(&a->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(&a->doc, list, v))
    {
        if (ai_vertex_embed_one(a, i, v) != AI_OK) {
            return AI_ERROR;
        }

        n = -1;
        ai_embed_count(a, ai_json_path(&a->doc, v, "embeddings", "statistics",
                                       "token_count", NULL), &n);

        /* the sum is only as good as its parts */

        sum = n < 0 || n > INT32_MAX || sum < 0 ? -1 : sum + n;
        i++;
    }

    a->res->usage.prompt = i ? sum : -1;

    return AI_OK;
}


static ai_int_t
ai_vertex_embed_one(ai_embed_answer_t *a, uint64_t i, ai_ref_t v)
{
    ai_ref_t  values;

    values = ai_json_path(&a->doc, v, "embeddings", "values", NULL);

    if (ai_json_is_null(&a->doc, values)) {
        values = ai_json_get(&a->doc, v, "textEmbedding");
    }

    if (ai_json_is_null(&a->doc, values)) {
        values = ai_json_get(&a->doc, v, "imageEmbedding");
    }

    return ai_embed_put(a, i, values, AI_VECTOR_FLOAT);
}
