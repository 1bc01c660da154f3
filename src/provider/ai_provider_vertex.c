
/*
 * Google's Vertex AI: Gemini, and Anthropic's models behind Anthropic's API
 * with the model in the path.  The base is ".../locations/L/publishers".
 *
 * https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference
 */

#include <provider/ai_anthropic_int.h>
#include <provider/ai_gemini_int.h>


#define AI_VERTEX_VERSION  "vertex-2023-10-16"


static const ai_provider_t *ai_vertex_choose(const ai_str_t *model,
    ai_family_e client);
static void ai_vertex_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);
static void ai_vertex_anthropic_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);
static ai_int_t ai_vertex_anthropic_build(const ai_target_t *t,
    const ai_request_t *rq, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);


/* ranks are of another host, which has to be the endpoint for them */

static const ai_service_t  *const ai_vertex_services[] = {
    &ai_vertex_embed,
    &ai_vertex_gemini_count_tokens,
    &ai_vertex_rerank,
    NULL
};

static const ai_service_t  *const ai_vertex_anthropic_services[] = {
    &ai_vertex_anthropic_count_tokens,
    NULL
};


const ai_provider_t  ai_provider_vertex = {
    .name = ai_string("vertex"),
    .family = AI_FAMILY_GEMINI,
    .endpoint = ai_string(""),
    .base = ai_string(""),
    .key_header = ai_string("Authorization"),
    .key_prefix = ai_string("Bearer "),
    .choose = ai_vertex_choose,
    .services = ai_vertex_services,
    .path = ai_vertex_path,
    .headers = ai_string(""),
    .build = ai_gemini_build,
    .edit = ai_vertex_edit,
    .decoder_size = sizeof(ai_gemini_decoder_t),
    .decoder_init = ai_gemini_decoder_init,
    .stream = ai_gemini_stream,
    .stream_end = ai_gemini_stream_end,
    .answer = ai_gemini_answer
};


const ai_provider_t  ai_provider_vertex_anthropic = {
    .name = ai_string("vertex"),
    .family = AI_FAMILY_ANTHROPIC,
    .endpoint = ai_string(""),
    .base = ai_string(""),
    .key_header = ai_string("Authorization"),
    .key_prefix = ai_string("Bearer "),
    .services = ai_vertex_anthropic_services,
    .path = ai_vertex_anthropic_path,
    .headers = ai_string(""),
    .build = ai_vertex_anthropic_build,
    .edit = ai_vertex_edit,
    .decoder_size = sizeof(ai_anthropic_t),
    .decoder_init = ai_anthropic_init,
    .stream = ai_anthropic_stream,
    .stream_end = ai_anthropic_stream_end,
    .answer = ai_anthropic_answer
};


static const ai_provider_t *
ai_vertex_choose(const ai_str_t *model, ai_family_e client)
{
    (void) client;

    return ai_str_starts(model, "claude") ? &ai_provider_vertex_anthropic
                                          : &ai_provider_vertex;
}


static void
ai_vertex_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    ai_str_t  model;

    model = t->model;

    /* as clients of the Gemini API call it */

    if (ai_str_starts(&model, "models/")) {
        model.data += sizeof("models/") - 1;
        model.len -= sizeof("models/") - 1;
    }

    ai_buf_lit(b, "/google/models/");

    /* versions follow "@", which a path may have as it is */

    ai_buf_uri(b, &model, "@");

    if (stream) {
        ai_buf_lit(b, ":streamGenerateContent?alt=sse");

    } else {
        ai_buf_lit(b, ":generateContent");
    }
}


static void
ai_vertex_anthropic_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    ai_buf_lit(b, "/anthropic/models/");
    ai_buf_uri(b, &t->model, "@");

    if (stream) {
        ai_buf_lit(b, ":streamRawPredict");

    } else {
        ai_buf_lit(b, ":rawPredict");
    }
}


static ai_int_t
ai_vertex_anthropic_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    static const ai_str_t  version = ai_string(AI_VERTEX_VERSION);

    return ai_anthropic_build_hosted(t, rq, &version, pool, body, dropped,
                                     err);
}


/* the model is in the path; the version is in the body, not in a header */

void
ai_vertex_edit(const ai_target_t *t, const ai_json_t *doc,
    const ai_peek_t *peek, ai_splice_t *edits)
{
    ai_ref_t  v;

    static const ai_raw_t  version = ai_string(
                              "\"anthropic_version\":\"" AI_VERTEX_VERSION
                              "\"");

    if (t->provider->family == AI_FAMILY_ANTHROPIC
        && ai_json_get(doc, AI_JSON_ROOT, "anthropic_version")
           == AI_JSON_NONE)
    {
        ai_splice_insert(edits, doc, AI_JSON_ROOT, &version);
    }

    /* Gemini's clients name it in the path, and may do so here as well */

    v = peek->model_ref;

    if (v == AI_JSON_NONE) {
        v = ai_json_get(doc, AI_JSON_ROOT, "model");
    }

    if (v != AI_JSON_NONE) {

        /* of a member's value the key is the node before it */

        ai_splice_remove(edits, doc, AI_JSON_ROOT, v - 1);
    }
}
