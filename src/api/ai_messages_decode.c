
#include <api/ai_decode_int.h>
#include <api/ai_messages_int.h>


#define AI_MESSAGES_STOP_MAX  256


static ai_int_t ai_messages_read_whole(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_messages_read_refuse(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_messages_read_geo(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_messages_read_user(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_messages_read_stop(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_messages_read_tier(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_messages_read_output(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_messages_read_format(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_messages_format(ai_decode_t *d,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_messages_effort(ai_messages_dec_t *d);
static ai_int_t ai_messages_thinking(ai_messages_dec_t *d);


static const ai_field_t  ai_messages_fields[] = {

    AI_FIELD_DO("model", NULL),
    AI_FIELD_DO("messages", NULL),
    AI_FIELD_DO("stream", NULL),
    AI_FIELD_DO("max_tokens", NULL),

    AI_FIELD("temperature", ai_decode_number, temperature),
    AI_FIELD("top_p", ai_decode_number, top_p),
    AI_FIELD("top_k", ai_messages_read_whole, top_k),

    AI_FIELD_REF("system", ai_messages_dec_t, system),
    AI_FIELD_REF("tools", ai_messages_dec_t, tools),
    AI_FIELD_REF("tool_choice", ai_messages_dec_t, choice),
    AI_FIELD_REF("thinking", ai_messages_dec_t, thinking),

    AI_FIELD_DO("stop_sequences", ai_messages_read_stop),
    AI_FIELD_DO("metadata", ai_messages_read_user),
    AI_FIELD_DO("service_tier", ai_messages_read_tier),
    AI_FIELD_DO("output_config", ai_messages_read_output),
    AI_FIELD_DO("output_format", ai_messages_read_format),

    AI_FIELD_DO("mcp_servers", ai_messages_read_refuse),
    AI_FIELD_DO("container", ai_messages_read_refuse),
    AI_FIELD_DO("inference_geo", ai_messages_read_geo),

    AI_FIELD_DO("cache_control", ai_decode_drop),
    AI_FIELD_DO("context_management", ai_decode_drop),
    AI_FIELD_DO("betas", ai_decode_drop),
    AI_FIELD_DO("speed", ai_decode_drop),

    AI_FIELD_END
};


ai_int_t
ai_messages_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_decode_t        root;
    ai_messages_dec_t  d;

    ai_request_init(rq);

    rq->model = peek->model;
    rq->stream = peek->stream;
    rq->include_usage = 1;
    rq->max_output = peek->max_output;

    memset(&d, 0, sizeof(ai_messages_dec_t));

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = rq;
    d.dropped = dropped;
    d.tail = &rq->turns;
    d.tools = AI_JSON_NONE;
    d.choice = AI_JSON_NONE;
    d.system = AI_JSON_NONE;
    d.thinking = AI_JSON_NONE;
    d.effort = AI_JSON_NONE;

    if (peek->max_output == -1) {
        return ai_openai_missing(&d.c, NULL, "max_tokens");
    }

    root.c = d.c;
    root.rq = rq;
    root.dropped = dropped;
    root.own = &d;

    if (ai_decode_root(&root, ai_messages_fields) != AI_OK
        || ai_messages_effort(&d) != AI_OK
        || ai_messages_thinking(&d) != AI_OK
        || ai_messages_read_tools(&d) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_messages_read_turns(&d, peek->messages_ref);
}


static ai_int_t
ai_messages_read_whole(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    int64_t  n;

    if (ai_openai_integer(&d->c, NULL, ai_field_name(f), v, 0, INT32_MAX,
                          &n) != AI_OK)
    {
        return AI_ERROR;
    }

    *ai_field_at(d, f, ai_raw_t) = ai_json_raw(d->c.doc, v);

    return AI_OK;
}


/* an SDK may send an empty list */

static ai_int_t
ai_messages_read_refuse(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    if (ai_json_type(d->c.doc, v) == AI_JSON_ARRAY
        && d->c.doc->node[v].count == 0)
    {
        return AI_OK;
    }

    return ai_openai_unsupported(&d->c, NULL, ai_field_name(f),
                                 " cannot be carried to this model.");
}


/* a promise about where the model runs, which nobody else can keep */

static ai_int_t
ai_messages_read_geo(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    if (ai_json_is(d->c.doc, v, "global")) {
        return AI_OK;
    }

    return ai_messages_read_refuse(d, f, v);
}


/* the peek has seen that it is an object, and its user_id a string */

static ai_int_t
ai_messages_read_user(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t  id;
    ai_esc_t  user;

    static const ai_str_t  names[] = { ai_string("user_id") };

    (void) f;

    ai_openai_pick(&d->c, v, names, 1, &id);

    user = ai_json_esc(d->c.doc, id);

    if (user.len) {
        d->rq->user = user;
    }

    return AI_OK;
}


static ai_int_t
ai_messages_read_stop(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    return ai_decode_stops(&d->c, NULL, ai_field_name(f), v,
                           AI_MESSAGES_STOP_MAX, d->rq);
}


static ai_int_t
ai_messages_read_tier(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    if (ai_openai_esc(&d->c, NULL, ai_field_name(f), v, &d->rq->tier)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(d->c.doc, v, "standard_only")) {
        d->rq->tier = ai_lit("default");
    }

    return AI_OK;
}


static ai_int_t
ai_messages_read_output(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t            refs[2];
    ai_openai_path_t    path, format;
    ai_messages_dec_t  *own;

    static const ai_str_t  names[] = {
        ai_string("effort"), ai_string("format")
    };

    ai_messages_path(&path, NULL, ai_field_name(f));
    ai_messages_path(&format, &path, "format");

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 2, refs);

    own = d->own;
    own->effort = refs[0];

    if (refs[1] == AI_JSON_NONE) {
        return AI_OK;
    }

    return ai_messages_format(d, &format, refs[1]);
}


/* where the format was before output_config had it */

static ai_int_t
ai_messages_read_format(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_openai_path_t  path;

    ai_messages_path(&path, NULL, ai_field_name(f));

    return ai_messages_format(d, &path, v);
}


static ai_int_t
ai_messages_format(ai_decode_t *d, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_ref_t  refs[2];

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("schema")
    };

    if (ai_openai_want(&d->c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 2, refs);

    if (ai_openai_need(&d->c, path, "type", refs[0], AI_JSON_STRING) != AI_OK)
    {
        return AI_ERROR;
    }

    if (!ai_json_is(d->c.doc, refs[0], "json_schema")) {
        return ai_openai_bad_value(&d->c, path, "type",
                                   ": it must be 'json_schema'.");
    }

    if (ai_openai_need(&d->c, path, "schema", refs[1], AI_JSON_OBJECT)
        != AI_OK)
    {
        return AI_ERROR;
    }

    d->rq->output = AI_OUTPUT_SCHEMA;
    d->rq->output_schema = ai_json_raw(d->c.doc, refs[1]);

    return AI_OK;
}


static ai_int_t
ai_messages_effort(ai_messages_dec_t *d)
{
    ai_str_t          word;
    ai_openai_path_t  path;

    if (d->effort == AI_JSON_NONE) {
        return AI_OK;
    }

    ai_messages_path(&path, NULL, "output_config");

    if (ai_openai_want(&d->c, &path, "effort", d->effort, AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_str(d->c.doc, d->effort, d->c.pool, &word) != AI_OK) {
        return ai_openai_no_memory(&d->c);
    }

    d->rq->effort = ai_effort_parse(&word);

    if (d->rq->effort < AI_EFFORT_LOW) {
        return ai_openai_bad_value(&d->c, &path, "effort",
                                   ": it must be 'low', 'medium', 'high', "
                                   "'xhigh' or 'max'.");
    }

    return AI_OK;
}


/*
 * A client that did not ask for thinking need not know the blocks it comes
 * in: an effort alone asks for care, not for thoughts to look at.  Adaptive
 * thinking without an effort is "high", as at Anthropic.
 */

static ai_int_t
ai_messages_thinking(ai_messages_dec_t *d)
{
    ai_ref_t          refs[3];
    ai_request_t     *rq;
    const ai_json_t  *doc;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("budget_tokens"), ai_string("display")
    };

    rq = d->rq;
    doc = d->c.doc;

    ai_messages_path(&path, NULL, "thinking");

    if (d->thinking == AI_JSON_NONE) {
        rq->thoughts = rq->effort == AI_EFFORT_UNSET ? -1 : 0;
        return AI_OK;
    }

    if (ai_openai_want(&d->c, &path, NULL, d->thinking, AI_JSON_OBJECT)
        != AI_OK)
    {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, d->thinking, names, 3, refs);

    if (ai_openai_need(&d->c, &path, "type", refs[0], AI_JSON_STRING) != AI_OK
        || ai_openai_want(&d->c, &path, "display", refs[2], AI_JSON_STRING)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(doc, refs[0], "disabled")) {
        rq->effort = AI_EFFORT_UNSET;
        rq->budget = 0;
        return AI_OK;
    }

    rq->thoughts = !ai_json_is(doc, refs[2], "omitted");

    if (ai_json_is(doc, refs[0], "adaptive")) {
        if (rq->effort == AI_EFFORT_UNSET) {
            rq->effort = AI_EFFORT_HIGH;
        }

        return AI_OK;
    }

    if (!ai_json_is(doc, refs[0], "enabled")) {
        return ai_openai_bad_value(&d->c, &path, "type",
                     ": it must be 'enabled', 'adaptive' or 'disabled'.");
    }

    if (ai_openai_need(&d->c, &path, "budget_tokens", refs[1], AI_JSON_NUMBER)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_integer(&d->c, &path, "budget_tokens", refs[1], 1,
                             INT32_MAX, &rq->budget);
}
