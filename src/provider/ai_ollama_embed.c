
/*
 * Ollama's own /api/embed.
 */

#include <provider/ai_embed_wire_int.h>


static void ai_ollama_embed_path(const ai_target_t *t, const ai_call_t *call,
    ai_buf_t *b);
static ai_int_t ai_ollama_embed_build(const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);
static ai_int_t ai_ollama_embed_answer(const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err);


const ai_service_t  ai_ollama_embed = {
    .kind = AI_CALL_EMBED,
    .family = AI_FAMILY_OLLAMA,
    .path = ai_ollama_embed_path,
    .build = ai_ollama_embed_build,
    .answer = ai_ollama_embed_answer
};


static void
ai_ollama_embed_path(const ai_target_t *t, const ai_call_t *call, ai_buf_t *b)
{
    (void) t;
    (void) call;

    ai_buf_lit(b, "/api/embed");
}


static ai_int_t
ai_ollama_embed_build(const ai_target_t *t, const ai_call_t *call,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    const ai_embed_t  *e;

    (void) pool;

    e = &call->u.embed;

    if (ai_embed_only(e, 1u << AI_INPUT_TEXT, AI_FAMILY_NONE, err) != AI_OK
        || ai_embed_formats(e, 0, err) != AI_OK)
    {
        return AI_ERROR;
    }

    ai_embed_write_model(body, t);
    ai_buf_lit(body, ",\"input\":");

    if (e->single) {
        ai_embed_write_one(body, e->inputs);

    } else {
        ai_embed_write_list(body, e);
    }

    ai_embed_write_flag(body, "truncate", e->truncate);
    ai_embed_write_int(body, "dimensions", e->dimensions);
    ai_buf_char(body, '}');

    if (e->cut_start) {
        ai_dropped_add(dropped, "truncate");
    }

    if (e->purpose != AI_PURPOSE_UNSET) {
        ai_dropped_add(dropped, "input_type");
    }

    ai_embed_drop_titles(e, dropped);

    if (e->user.len) {
        ai_dropped_add(dropped, "user");
    }

    return ai_embed_written(body, err);
}


static ai_int_t
ai_ollama_embed_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    ai_ref_t           v;
    ai_embed_answer_t  a;

    if (ai_embed_open(&a, t, call, body, pool, res, err) != AI_OK) {
        return AI_ERROR;
    }

    v = ai_json_get(&a.doc, AI_JSON_ROOT, "embeddings");

    if (ai_embed_put_list(&a, v, NULL, AI_VECTOR_FLOAT) != AI_OK) {
        return AI_ERROR;
    }

    ai_embed_count(&a, ai_json_get(&a.doc, AI_JSON_ROOT, "prompt_eval_count"),
                   &res->usage.prompt);

    res->model = ai_json_esc(&a.doc, ai_json_get(&a.doc, AI_JSON_ROOT,
                                                 "model"));

    return ai_embed_done(&a);
}
