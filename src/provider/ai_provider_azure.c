
/*
 * Azure OpenAI and AI Foundry: OpenAI's API under other paths.
 *
 * Without an api-version those of "/openai/v1", where the body names the
 * deployment as its model.  With one the older ones, where the path does; the
 * deployment is called as the model is, unless the operator says otherwise.
 */

#include <provider/ai_openai_wire_int.h>
#include <provider/ai_provider_rows_int.h>
#include <provider/ai_responses_upstream_int.h>


static const ai_provider_t *ai_azure_choose(const ai_str_t *model,
    ai_family_e client);
static void ai_azure_responses_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);
static void ai_azure_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);
static void ai_azure_other(const ai_target_t *t, const ai_str_t *name,
    ai_buf_t *b);
static ai_int_t ai_azure_is_common(const ai_str_t *name);


static const ai_service_t  *const ai_azure_services[] = {
    &ai_openai_embed,
    NULL
};


const ai_provider_t  ai_provider_azure = {
    .name = ai_string("azure"),
    .family = AI_FAMILY_OPENAI,
    .endpoint = ai_string(""),
    .base = ai_string("/openai"),
    .key_header = ai_string("api-key"),
    .key_prefix = ai_string(""),
    .quirks = AI_QUIRK_NO_STATE,
    .other = ai_azure_other,
    .choose = ai_azure_choose,
    .services = ai_azure_services,
    .path = ai_azure_path,
    .headers = ai_string(""),
    .build = ai_upstream_build,
    .decoder_size = AI_UPSTREAM_SIZE,
    .decoder_init = ai_upstream_init,
    .stream = ai_upstream_stream,
    .stream_end = ai_upstream_end,
    .answer = ai_upstream_answer
};


static const ai_provider_t  ai_provider_azure_responses = {
    .name = ai_string("azure_responses"),
    .family = AI_FAMILY_RESPONSES,
    .other = ai_azure_other,
    .path = ai_azure_responses_path,
    .headers = ai_string(""),
    .build = ai_rsp_build,
    .decoder_size = sizeof(ai_rsp_t),
    .decoder_init = ai_rsp_init,
    .stream = ai_rsp_stream,
    .stream_end = ai_rsp_end,
    .answer = ai_rsp_answer
};


static const ai_provider_t *
ai_azure_choose(const ai_str_t *model, ai_family_e client)
{
    (void) model;

    return client == AI_FAMILY_RESPONSES ? &ai_provider_azure_responses
                                         : &ai_provider_azure;
}


static void
ai_azure_responses_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    static const ai_str_t  name = ai_string("responses");

    (void) stream;

    ai_azure_other(t, &name, b);
}


static void
ai_azure_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    static const ai_str_t  name = ai_string("chat/completions");

    (void) stream;

    ai_azure_other(t, &name, b);
}


static void
ai_azure_other(const ai_target_t *t, const ai_str_t *name, ai_buf_t *b)
{
    if (t->api_version.len == 0) {
        ai_buf_lit(b, "/v1/");
        ai_buf_cat(b, name);
        return;
    }

    if (!ai_azure_is_common(name)) {
        ai_buf_lit(b, "/deployments/");
        ai_buf_uri(b, t->deployment.len ? &t->deployment : &t->model, NULL);
    }

    ai_buf_char(b, '/');
    ai_buf_cat(b, name);
    ai_buf_lit(b, "?api-version=");
    ai_buf_cat(b, &t->api_version);
}


/* what an account has once, not for each deployment */

static ai_int_t
ai_azure_is_common(const ai_str_t *name)
{
    ai_uint_t  i;

    static const ai_str_t  words[] = {
        ai_string("responses"),
        ai_string("files"),
        ai_string("batches"),
        ai_null_string
    };

    for (i = 0; words[i].len; i++) {
        if (name->len >= words[i].len
            && memcmp(name->data, words[i].data, words[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
