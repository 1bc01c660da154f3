
#include <api/ai_decode_int.h>
#include <api/ai_responses_int.h>


static ai_int_t ai_responses_read_state(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_responses_read_background(ai_decode_t *d,
    const ai_field_t *f, ai_ref_t v);
static ai_int_t ai_responses_read_truncation(ai_decode_t *d,
    const ai_field_t *f, ai_ref_t v);
static ai_int_t ai_responses_read_include(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_responses_read_text(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_responses_read_format(ai_decode_t *d,
    const ai_openai_path_t *up, ai_ref_t v);
static ai_int_t ai_responses_read_reasoning(ai_decode_t *d,
    const ai_field_t *f, ai_ref_t v);


static const ai_field_t  ai_responses_fields[] = {

    AI_FIELD_DO("model", NULL),
    AI_FIELD_DO("input", NULL),
    AI_FIELD_DO("stream", NULL),
    AI_FIELD_DO("stream_options", NULL),
    AI_FIELD_DO("max_output_tokens", NULL),

    AI_FIELD("temperature", ai_decode_number, temperature),
    AI_FIELD("top_p", ai_decode_number, top_p),
    AI_FIELD("parallel_tool_calls", ai_decode_flag, parallel),
    AI_FIELD("metadata", ai_decode_object, metadata),
    AI_FIELD("service_tier", ai_decode_esc, tier),

    AI_FIELD_REF("instructions", ai_responses_refs_t, instructions),
    AI_FIELD_REF("tools", ai_responses_refs_t, tools),
    AI_FIELD_REF("tool_choice", ai_responses_refs_t, choice),

    AI_FIELD_DO("user", ai_decode_user),
    AI_FIELD_DO("safety_identifier", ai_decode_user),
    AI_FIELD_DO("top_logprobs", ai_decode_top_logprobs),
    AI_FIELD_DO("include", ai_responses_read_include),
    AI_FIELD_DO("text", ai_responses_read_text),
    AI_FIELD_DO("reasoning", ai_responses_read_reasoning),
    AI_FIELD_DO("truncation", ai_responses_read_truncation),
    AI_FIELD_DO("store", ai_decode_drop_true),

    /* what lies at the provider, or is to lie there */

    AI_FIELD_DO("previous_response_id", ai_responses_read_state),
    AI_FIELD_DO("conversation", ai_responses_read_state),
    AI_FIELD_DO("prompt", ai_responses_read_state),
    AI_FIELD_DO("background", ai_responses_read_background),

    AI_FIELD_DO("max_tool_calls", ai_decode_drop),
    AI_FIELD_DO("prompt_cache_key", ai_decode_drop),
    AI_FIELD_DO("prompt_cache_retention", ai_decode_drop),
    AI_FIELD_DO("prompt_cache_options", ai_decode_drop),

    AI_FIELD_END
};


ai_int_t
ai_responses_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_decode_t          d;
    ai_responses_refs_t  refs;

    ai_request_init(rq);

    rq->model = peek->model;
    rq->stream = peek->stream;
    rq->include_usage = 1;
    rq->max_output = peek->max_output;

    refs.tools = AI_JSON_NONE;
    refs.choice = AI_JSON_NONE;
    refs.instructions = AI_JSON_NONE;
    refs.input = peek->messages_ref;

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = rq;
    d.dropped = dropped;
    d.own = &refs;

    if (ai_decode_root(&d, ai_responses_fields) != AI_OK
        || ai_responses_read_tools(&d.c, &refs, rq, dropped) != AI_OK)
    {
        return AI_ERROR;
    }

    /* chat wants to be told that it shall give any */

    if (rq->top_logprobs > 0) {
        rq->logprobs = 1;

    } else if (rq->logprobs != 1) {
        rq->top_logprobs = -1;
    }

    return ai_responses_read_input(&d.c, refs.input, refs.instructions, rq);
}


static ai_int_t
ai_responses_read_state(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    (void) v;

    return ai_openai_unsupported(&d->c, NULL, ai_field_name(f),
                                 " is kept by the provider, which is not "
                                 "possible with this model: send the whole "
                                 "conversation in 'input'.");
}


static ai_int_t
ai_responses_read_background(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    if (ai_json_bool(d->c.doc, v) == 0) {
        return AI_OK;
    }

    return ai_openai_unsupported(&d->c, NULL, ai_field_name(f),
                                 " is not possible with this model.");
}


static ai_int_t
ai_responses_read_truncation(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    if (ai_json_is(d->c.doc, v, "disabled")) {
        return AI_OK;
    }

    return ai_decode_drop(d, f, v);
}


/* reasoning's state is in every answer; results of hosted tools are in none */

static ai_int_t
ai_responses_read_include(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t          e;
    const ai_json_t  *doc;

    doc = d->c.doc;

    if (ai_openai_want(&d->c, NULL, "include", v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    for (e = ai_json_first(doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(doc, v, e))
    {
        if (ai_json_is(doc, e, "message.output_text.logprobs")) {
            d->rq->logprobs = 1;

        } else if (!ai_json_is(doc, e, "reasoning.encrypted_content")) {
            ai_dropped_add_str(d->dropped, &f->name);
        }
    }

    return AI_OK;
}


static ai_int_t
ai_responses_read_text(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t          refs[2];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("format"), ai_string("verbosity")
    };

    path.up = NULL;
    path.name = ai_field_name(f);
    path.index = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 2, refs);

    if (refs[1] != AI_JSON_NONE) {
        ai_dropped_add(d->dropped, "text.verbosity");
    }

    if (refs[0] == AI_JSON_NONE) {
        return AI_OK;
    }

    return ai_responses_read_format(d, &path, refs[0]);
}


static ai_int_t
ai_responses_read_format(ai_decode_t *d, const ai_openai_path_t *up,
    ai_ref_t v)
{
    ai_ref_t          refs[5];
    ai_request_t     *rq;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("name"), ai_string("description"),
        ai_string("schema"), ai_string("strict")
    };

    rq = d->rq;

    path.up = up;
    path.name = "format";
    path.index = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 5, refs);

    if (ai_openai_need(&d->c, &path, "type", refs[0], AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(d->c.doc, refs[0], "text")) {
        return AI_OK;
    }

    if (ai_json_is(d->c.doc, refs[0], "json_object")) {
        rq->output = AI_OUTPUT_JSON;
        return AI_OK;
    }

    if (!ai_json_is(d->c.doc, refs[0], "json_schema")) {
        return ai_openai_bad_value(&d->c, &path, "type",
                     ": it must be 'text', 'json_object' or 'json_schema'.");
    }

    rq->output = AI_OUTPUT_SCHEMA;

    if (ai_openai_word(&d->c, &path, "name", refs[1], &rq->output_name)
        != AI_OK
        || ai_openai_esc(&d->c, &path, "description", refs[2],
                         &rq->output_description) != AI_OK
        || ai_openai_need(&d->c, &path, "schema", refs[3], AI_JSON_OBJECT)
           != AI_OK)
    {
        return AI_ERROR;
    }

    rq->output_schema = ai_json_raw(d->c.doc, refs[3]);

    return ai_openai_flag(&d->c, &path, "strict", refs[4],
                          &rq->output_strict);
}


static ai_int_t
ai_responses_read_reasoning(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t          refs[3];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("effort"), ai_string("summary"),
        ai_string("generate_summary")
    };

    path.up = NULL;
    path.name = ai_field_name(f);
    path.index = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 3, refs);

    if (ai_openai_want(&d->c, &path, "effort", refs[0], AI_JSON_STRING)
        != AI_OK
        || ai_openai_want(&d->c, &path, "summary", refs[1], AI_JSON_STRING)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[1] == AI_JSON_NONE) {
        refs[1] = refs[2];
    }

    if (refs[1] != AI_JSON_NONE) {
        d->rq->thoughts = !ai_json_is(d->c.doc, refs[1], "none");
    }

    if (refs[0] == AI_JSON_NONE) {
        return AI_OK;
    }

    return ai_decode_effort(d, &path, "effort", refs[0]);
}
