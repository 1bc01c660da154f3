
/*
 * Cohere's /v2/embed.
 *
 * Floats are asked for also where a client wants base64, which is then made of
 * them.
 */

#include <provider/ai_embed_wire_int.h>

#include <limits.h>


static void ai_cohere_embed_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static ai_int_t ai_cohere_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static void ai_cohere_embed_inputs(ai_buf_t *b, const ai_embed_t *e,
    unsigned kinds);
static ai_str_t ai_cohere_embed_word(ai_vector_e format);
static ai_int_t ai_cohere_embed_list(ai_embed_answer_t *a,
    ai_vector_e format);


const ai_service_t  ai_cohere_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_COHERE,
    .path = ai_cohere_embed_path,
    .build = ai_cohere_embed_build,
    .answer = ai_cohere_embed_answer
};


static void
ai_cohere_embed_path(const ai_target_t *t, const ai_call_t *call, ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/v2/embed");
}


static ai_int_t
ai_cohere_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_str_t  word;

    (void) pool;

    ai_embed_write_model(body, t);
    ai_buf_char(body, ',');

    if (ai_cohere_embed_body(call, body, dropped, err) != AI_OK) {
        return AI_ERROR;
    }

    /* required by this version of the API, not so on Bedrock */

    if (call->u.embed.format <= AI_VECTOR_BASE64) {
        word = ai_cohere_embed_word(AI_VECTOR_FLOAT);

        ai_buf_lit(body, ",\"embedding_types\":[");
        ai_buf_quote(body, &word);
        ai_buf_char(body, ']');
    }

    ai_buf_char(body, '}');

    return ai_embed_written(body, err);
}


ai_int_t
ai_cohere_embed_body(const ai_call_t *call, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err)
{
    unsigned           kinds;
    ai_str_t           word;
    const ai_embed_t  *e;
    const ai_input_t  *in;

    e = &call->u.embed;

    if (ai_embed_only(e, 1u << AI_INPUT_TEXT | 1u << AI_INPUT_IMAGE,
                      AI_FAMILY_COHERE, err) != AI_OK
        || ai_embed_formats(e, UINT_MAX, err) != AI_OK)
    {
        return AI_ERROR;
    }

    kinds = 0;

    for (in = e->inputs; in != NULL; in = in->next) {
        kinds |= 1u << in->kind;
    }

    ai_cohere_embed_inputs(body, e, kinds);

    word = ai_purpose_type(e->purpose);

    if (kinds == 1u << AI_INPUT_IMAGE) {
        word = ai_lit("image");
    }

    if (word.len == 0) {
        word = ai_lit("search_document");

        if (e->purpose != AI_PURPOSE_UNSET) {
            ai_dropped_add(dropped, "input_type");
        }
    }

    ai_buf_lit(body, ",\"input_type\":");
    ai_buf_quote(body, &word);

    if (e->truncate == 0) {
        ai_buf_lit(body, ",\"truncate\":\"NONE\"");

    } else if (e->cut_start) {
        ai_buf_lit(body, ",\"truncate\":\"START\"");

    } else if (e->truncate == 1) {
        ai_buf_lit(body, ",\"truncate\":\"END\"");
    }

    ai_embed_write_int(body, "output_dimension", e->dimensions);

    if (e->format > AI_VECTOR_BASE64) {
        word = ai_cohere_embed_word(e->format);

        ai_buf_lit(body, ",\"embedding_types\":[");
        ai_buf_quote(body, &word);
        ai_buf_char(body, ']');
    }

    if (e->user.len) {
        ai_dropped_add(dropped, "user");
    }

    ai_embed_drop_titles(e, dropped);

    return AI_OK;
}


/* texts, images, or both in a list of their own */

static void
ai_cohere_embed_inputs(ai_buf_t *b, const ai_embed_t *e, unsigned kinds)
{
    const ai_input_t  *in;

    if (kinds == 1u << AI_INPUT_TEXT) {
        ai_buf_lit(b, "\"texts\":");
        ai_embed_write_list(b, e);
        return;
    }

    if (kinds == 1u << AI_INPUT_IMAGE) {
        ai_buf_lit(b, "\"images\":");
        ai_embed_write_list(b, e);
        return;
    }

    ai_buf_lit(b, "\"inputs\":[");

    for (in = e->inputs; in != NULL; in = in->next) {

        if (in->kind == AI_INPUT_OTHER) {
            ai_buf_cat(b, &in->raw);

        } else if (in->kind == AI_INPUT_IMAGE) {
            ai_buf_lit(b, "{\"content\":[{\"type\":\"image_url\","
                          "\"image_url\":{\"url\":");
            ai_embed_write_one(b, in);
            ai_buf_lit(b, "}}]}");

        } else {
            ai_buf_lit(b, "{\"content\":[{\"type\":\"text\",\"text\":");
            ai_embed_write_one(b, in);
            ai_buf_lit(b, "}]}");
        }

        if (in->next) {
            ai_buf_char(b, ',');
        }
    }

    ai_buf_char(b, ']');
}


static ai_str_t
ai_cohere_embed_word(ai_vector_e format)
{
    switch (format) {

    case AI_VECTOR_INT8:
        return ai_lit("int8");

    case AI_VECTOR_UINT8:
        return ai_lit("uint8");

    case AI_VECTOR_BINARY:
        return ai_lit("binary");

    case AI_VECTOR_UBINARY:
        return ai_lit("ubinary");

    default:
        return ai_lit("float");
    }
}


/*
 * Floats may be the list alone.  Base64 there is only for Cohere's own
 * clients.
 */

static ai_int_t
ai_cohere_embed_list(ai_embed_answer_t *a, ai_vector_e format)
{
    ai_ref_t  v, list, base64;
    ai_str_t  word;

    v = ai_json_get(&a->doc, AI_JSON_ROOT, "embeddings");

    if (format <= AI_VECTOR_BASE64
        && ai_json_type(&a->doc, v) != AI_JSON_OBJECT)
    {
        return ai_embed_put_list(a, v, NULL, AI_VECTOR_FLOAT);
    }

    word = ai_cohere_embed_word(format);
    list = ai_json_member(&a->doc, v, (const char *) word.data, word.len);

    if (format == AI_VECTOR_BASE64) {
        base64 = ai_json_get(&a->doc, v, "base64");

        if (!ai_json_is_null(&a->doc, base64)) {
            return ai_embed_put_list(a, base64, NULL, AI_VECTOR_BASE64);
        }

        format = AI_VECTOR_FLOAT;
    }

    return ai_embed_put_list(a, list, NULL, format);
}


/* {"embeddings": {"float": [[..], ..]}} */

ai_int_t
ai_cohere_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    int64_t            images;
    ai_ref_t           units;
    ai_embed_answer_t  a;

    if (ai_embed_open(&a, t, call, body, pool, res, err) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_cohere_embed_list(&a, call->u.embed.format) != AI_OK) {
        return AI_ERROR;
    }

    units = ai_json_path(&a.doc, AI_JSON_ROOT, "meta", "billed_units", NULL);

    images = 0;
    ai_embed_count(&a, ai_json_get(&a.doc, units, "image_tokens"), &images);
    ai_embed_count(&a, ai_json_get(&a.doc, units, "input_tokens"),
                   &res->usage.prompt);

    if (images > 0 && images <= INT32_MAX && res->usage.prompt <= INT32_MAX) {
        res->usage.prompt = ai_max(res->usage.prompt, 0) + images;
        res->usage.prompt_image = images;
    }

    res->id = ai_json_esc(&a.doc, ai_json_get(&a.doc, AI_JSON_ROOT, "id"));

    return ai_embed_done(&a);
}
