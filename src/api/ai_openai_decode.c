
#include <api/ai_decode_int.h>


static ai_int_t ai_openai_read_refuse(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_openai_read_modalities(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_openai_read_format(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_openai_read_schema(ai_decode_t *d,
    const ai_openai_path_t *up, ai_ref_t v);
static ai_int_t ai_openai_read_effort(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_openai_read_budget(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_openai_read_reasoning(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);


static const ai_field_t  ai_openai_fields[] = {

    AI_FIELD_DO("model", NULL),
    AI_FIELD_DO("messages", NULL),
    AI_FIELD_DO("stream", NULL),
    AI_FIELD_DO("stream_options", NULL),
    AI_FIELD_DO("max_tokens", NULL),
    AI_FIELD_DO("max_completion_tokens", NULL),
    AI_FIELD_DO("n", NULL),

    AI_FIELD("temperature", ai_decode_number, temperature),
    AI_FIELD("top_p", ai_decode_number, top_p),
    AI_FIELD("top_k", ai_decode_whole, top_k),
    AI_FIELD("seed", ai_decode_whole, seed),
    AI_FIELD("presence_penalty", ai_decode_number, presence),
    AI_FIELD("frequency_penalty", ai_decode_number, frequency),
    AI_FIELD("logit_bias", ai_decode_object, logit_bias),
    AI_FIELD("logprobs", ai_decode_flag, logprobs),
    AI_FIELD("parallel_tool_calls", ai_decode_flag, parallel),
    AI_FIELD("include_reasoning", ai_decode_flag, thoughts),
    AI_FIELD("metadata", ai_decode_object, metadata),
    AI_FIELD("service_tier", ai_decode_esc, tier),

    AI_FIELD_REF("tools", ai_openai_tools_t, tools),
    AI_FIELD_REF("tool_choice", ai_openai_tools_t, choice),
    AI_FIELD_REF("functions", ai_openai_tools_t, functions),
    AI_FIELD_REF("function_call", ai_openai_tools_t, function_call),

    AI_FIELD_DO("user", ai_decode_user),
    AI_FIELD_DO("safety_identifier", ai_decode_user),
    AI_FIELD_DO("stop", ai_decode_stop),
    AI_FIELD_DO("top_logprobs", ai_decode_top_logprobs),
    AI_FIELD_DO("response_format", ai_openai_read_format),
    AI_FIELD_DO("reasoning_effort", ai_openai_read_effort),
    AI_FIELD_DO("thinking", ai_openai_read_budget),
    AI_FIELD_DO("reasoning", ai_openai_read_reasoning),
    AI_FIELD_DO("store", ai_decode_drop_true),
    AI_FIELD_DO("modalities", ai_openai_read_modalities),

    AI_FIELD_DO("audio", ai_openai_read_refuse),
    AI_FIELD_DO("web_search_options", ai_openai_read_refuse),

    AI_FIELD_DO("prediction", ai_decode_drop),
    AI_FIELD_DO("verbosity", ai_decode_drop),
    AI_FIELD_DO("prompt_cache_key", ai_decode_drop),
    AI_FIELD_DO("prompt_cache_retention", ai_decode_drop),
    AI_FIELD_DO("prompt_cache_options", ai_decode_drop),

    AI_FIELD_END
};


ai_int_t
ai_openai_decode(const ai_json_t *doc, const ai_pool_t *pool,
    ai_request_t *rq, ai_dropped_t *dropped, ai_error_t *err)
{
    ai_peek_t          peek;
    ai_decode_t        d;
    ai_openai_tools_t  tools;

    ai_request_init(rq);

    if (ai_openai_peek(doc, pool, &peek, err) != AI_OK) {
        return AI_ERROR;
    }

    rq->model = peek.model;
    rq->stream = peek.stream;
    rq->include_usage = peek.include_usage;
    rq->max_output = peek.max_output;
    rq->n = peek.n;

    tools.tools = AI_JSON_NONE;
    tools.choice = AI_JSON_NONE;
    tools.functions = AI_JSON_NONE;
    tools.function_call = AI_JSON_NONE;

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = rq;
    d.dropped = dropped;
    d.own = &tools;

    if (ai_decode_root(&d, ai_openai_fields) != AI_OK
        || ai_openai_read_tools(&d.c, &tools, rq) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_read_messages(&d.c, peek.messages_ref, rq);
}


static ai_int_t
ai_openai_read_refuse(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    (void) v;

    return ai_openai_unsupported(&d->c, NULL, ai_field_name(f),
                                 " cannot be carried to this model.");
}


static ai_int_t
ai_openai_read_modalities(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t  e;

    if (ai_openai_want(&d->c, NULL, "modalities", v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    for (e = ai_json_first(d->c.doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(d->c.doc, v, e))
    {
        if (!ai_json_is(d->c.doc, e, "text")) {
            return ai_openai_read_refuse(d, f, v);
        }
    }

    return AI_OK;
}


static ai_int_t
ai_openai_read_format(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t          refs[2];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("json_schema")
    };

    path.up = NULL;
    path.name = ai_field_name(f);
    path.index = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 2, refs);

    if (ai_openai_need(&d->c, &path, "type", refs[0], AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(d->c.doc, refs[0], "text")) {
        return AI_OK;
    }

    if (ai_json_is(d->c.doc, refs[0], "json_object")) {
        d->rq->output = AI_OUTPUT_JSON;
        return AI_OK;
    }

    if (ai_json_is(d->c.doc, refs[0], "json_schema")) {
        return ai_openai_read_schema(d, &path, refs[1]);
    }

    return ai_openai_bad_value(&d->c, &path, "type",
                 ": it must be 'text', 'json_object' or 'json_schema'.");
}


static ai_int_t
ai_openai_read_schema(ai_decode_t *d, const ai_openai_path_t *up,
    ai_ref_t v)
{
    ai_ref_t          refs[4];
    ai_request_t     *rq;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("name"), ai_string("description"), ai_string("schema"),
        ai_string("strict")
    };

    rq = d->rq;

    path.up = up;
    path.name = "json_schema";
    path.index = 0;

    if (ai_openai_need(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 4, refs);

    rq->output = AI_OUTPUT_SCHEMA;
    rq->output_schema = ai_lit("{}");

    if (ai_openai_word(&d->c, &path, "name", refs[0], &rq->output_name)
        != AI_OK
        || ai_openai_esc(&d->c, &path, "description", refs[1],
                         &rq->output_description) != AI_OK
        || ai_openai_object(&d->c, &path, "schema", refs[2],
                            &rq->output_schema) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_flag(&d->c, &path, "strict", refs[3],
                          &rq->output_strict);
}


static ai_int_t
ai_openai_read_effort(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    return ai_decode_effort(d, NULL, ai_field_name(f), v);
}


/*
 * Anthropic's field in an OpenAI body, as LiteLLM's clients send it; others
 * (Z.ai, DeepSeek) have the same field without a budget.
 */

static ai_int_t
ai_openai_read_budget(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t          refs[2];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("budget_tokens")
    };

    path.up = NULL;
    path.name = ai_field_name(f);
    path.index = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 2, refs);

    if (ai_openai_need(&d->c, &path, "type", refs[0], AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(d->c.doc, refs[0], "disabled")) {
        d->rq->budget = 0;
        return AI_OK;
    }

    if (!ai_json_is(d->c.doc, refs[0], "enabled")
        && !ai_json_is(d->c.doc, refs[0], "adaptive"))
    {
        return ai_openai_bad_value(&d->c, &path, "type",
                     ": it must be 'enabled', 'adaptive' or 'disabled'.");
    }

    if (refs[1] == AI_JSON_NONE && d->rq->effort == AI_EFFORT_UNSET) {
        d->rq->effort = AI_EFFORT_MEDIUM;
    }

    return ai_openai_integer(&d->c, &path, "budget_tokens", refs[1], 1,
                             INT32_MAX, &d->rq->budget);
}


/* OpenRouter's: {effort, max_tokens, exclude, enabled} */

static ai_int_t
ai_openai_read_reasoning(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    int               exclude, enabled;
    ai_ref_t          refs[4];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("effort"), ai_string("max_tokens"), ai_string("exclude"),
        ai_string("enabled")
    };

    exclude = -1;
    enabled = -1;

    path.up = NULL;
    path.name = ai_field_name(f);
    path.index = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 4, refs);

    if ((refs[0] != AI_JSON_NONE
         && ai_decode_effort(d, &path, "effort", refs[0]) != AI_OK)
        || ai_openai_integer(&d->c, &path, "max_tokens", refs[1], 0,
                             INT32_MAX, &d->rq->budget) != AI_OK
        || ai_openai_flag(&d->c, &path, "exclude", refs[2], &exclude) != AI_OK
        || ai_openai_flag(&d->c, &path, "enabled", refs[3], &enabled) != AI_OK)
    {
        return AI_ERROR;
    }

    if (exclude != -1) {
        d->rq->thoughts = !exclude;
    }

    if (enabled == 0) {
        d->rq->budget = 0;

    } else if (enabled == 1 && refs[1] == AI_JSON_NONE
               && d->rq->effort == AI_EFFORT_UNSET)
    {
        d->rq->effort = AI_EFFORT_MEDIUM;
    }

    return AI_OK;
}
