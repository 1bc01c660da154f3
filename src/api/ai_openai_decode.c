
#include <api/ai_openai_int.h>


#define AI_OPENAI_STOP_MAX  64


typedef struct {
    ai_openai_ctx_t        c;
    ai_request_t          *rq;
    ai_dropped_t          *dropped;
    ai_openai_tools_t      tools;
} ai_openai_dec_t;


typedef struct ai_openai_field_s  ai_openai_field_t;

typedef ai_int_t (*ai_openai_read_pt)(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);

struct ai_openai_field_s {
    ai_str_t               name;
    ai_openai_read_pt      read;        /* NULL: done by the peek */
    size_t                 offset;      /* in ai_request_t */
};


static ai_int_t ai_openai_decode_root(ai_openai_dec_t *d);
static const ai_openai_field_t *ai_openai_field(const ai_json_t *doc,
    ai_ref_t key);

static ai_int_t ai_openai_read_number(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_whole(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_flag(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_esc(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_object(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_ref(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_drop(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_refuse(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_user(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_store(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_modalities(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_top_logprobs(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_stop(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_format(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_schema(ai_openai_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v);
static ai_int_t ai_openai_read_effort(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_budget(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);
static ai_int_t ai_openai_read_reasoning(ai_openai_dec_t *d,
    const ai_openai_field_t *f, ai_ref_t v);


#define AI_FIELD(s, read, field)                                              \
    { ai_string(s), read, offsetof(ai_request_t, field) }
#define AI_FIELD_REF(s, field)                                                \
    { ai_string(s), ai_openai_read_ref, offsetof(ai_openai_tools_t, field) }
#define AI_FIELD_DO(s, read)                                                  \
    { ai_string(s), read, 0 }


static const ai_openai_field_t  ai_openai_fields[] = {

    AI_FIELD_DO("model", NULL),
    AI_FIELD_DO("messages", NULL),
    AI_FIELD_DO("stream", NULL),
    AI_FIELD_DO("stream_options", NULL),
    AI_FIELD_DO("max_tokens", NULL),
    AI_FIELD_DO("max_completion_tokens", NULL),
    AI_FIELD_DO("n", NULL),

    AI_FIELD("temperature", ai_openai_read_number, temperature),
    AI_FIELD("top_p", ai_openai_read_number, top_p),
    AI_FIELD("top_k", ai_openai_read_whole, top_k),
    AI_FIELD("seed", ai_openai_read_whole, seed),
    AI_FIELD("presence_penalty", ai_openai_read_number, presence),
    AI_FIELD("frequency_penalty", ai_openai_read_number, frequency),
    AI_FIELD("logit_bias", ai_openai_read_object, logit_bias),
    AI_FIELD("logprobs", ai_openai_read_flag, logprobs),
    AI_FIELD("parallel_tool_calls", ai_openai_read_flag, parallel),
    AI_FIELD("include_reasoning", ai_openai_read_flag, thoughts),
    AI_FIELD("metadata", ai_openai_read_object, metadata),
    AI_FIELD("service_tier", ai_openai_read_esc, tier),

    AI_FIELD_REF("tools", tools),
    AI_FIELD_REF("tool_choice", choice),
    AI_FIELD_REF("functions", functions),
    AI_FIELD_REF("function_call", function_call),

    AI_FIELD_DO("user", ai_openai_read_user),
    AI_FIELD_DO("safety_identifier", ai_openai_read_user),
    AI_FIELD_DO("stop", ai_openai_read_stop),
    AI_FIELD_DO("top_logprobs", ai_openai_read_top_logprobs),
    AI_FIELD_DO("response_format", ai_openai_read_format),
    AI_FIELD_DO("reasoning_effort", ai_openai_read_effort),
    AI_FIELD_DO("thinking", ai_openai_read_budget),
    AI_FIELD_DO("reasoning", ai_openai_read_reasoning),
    AI_FIELD_DO("store", ai_openai_read_store),
    AI_FIELD_DO("modalities", ai_openai_read_modalities),

    AI_FIELD_DO("audio", ai_openai_read_refuse),
    AI_FIELD_DO("web_search_options", ai_openai_read_refuse),

    AI_FIELD_DO("prediction", ai_openai_read_drop),
    AI_FIELD_DO("verbosity", ai_openai_read_drop),
    AI_FIELD_DO("prompt_cache_key", ai_openai_read_drop),
    AI_FIELD_DO("prompt_cache_retention", ai_openai_read_drop),
    AI_FIELD_DO("prompt_cache_options", ai_openai_read_drop),

    { ai_null_string, NULL, 0 }
};


ai_int_t
ai_openai_decode(const ai_json_t *doc, const ai_pool_t *pool,
    ai_request_t *rq, ai_dropped_t *dropped, ai_error_t *err)
{
    ai_openai_dec_t   d;
    ai_peek_t  peek;

    ai_request_init(rq);

    if (ai_openai_peek(doc, pool, &peek, err) != AI_OK) {
        return AI_ERROR;
    }

    rq->model = peek.model;
    rq->stream = peek.stream;
    rq->include_usage = peek.include_usage;
    rq->max_output = peek.max_output;
    rq->n = peek.n;

    memset(&d, 0, sizeof(ai_openai_dec_t));

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = rq;
    d.dropped = dropped;
    d.tools.tools = AI_JSON_NONE;
    d.tools.choice = AI_JSON_NONE;
    d.tools.functions = AI_JSON_NONE;
    d.tools.function_call = AI_JSON_NONE;

    if (ai_openai_decode_root(&d) != AI_OK
        || ai_openai_read_tools(&d.c, &d.tools, rq) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_read_messages(&d.c, peek.messages_ref, rq);
}


static ai_int_t
ai_openai_decode_root(ai_openai_dec_t *d)
{
    ai_ref_t                  key, v;
    ai_str_t                  name;
    const ai_json_t          *doc;
    const ai_openai_field_t  *f;

    doc = d->c.doc;

    for (key = ai_json_first(doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, AI_JSON_ROOT, key))
    {
        v = ai_json_value(doc, key);

        if (ai_json_is_null(doc, v)) {
            continue;
        }

        f = ai_openai_field(doc, key);

        if (f->name.len == 0) {
            name = ai_json_esc(doc, key);
            ai_dropped_add_str(d->dropped, &name);
            continue;
        }

        if (f->read && f->read(d, f, v) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static const ai_openai_field_t *
ai_openai_field(const ai_json_t *doc, ai_ref_t key)
{
    ai_str_t                  s;
    const ai_openai_field_t  *f;

    s = ai_json_esc(doc, key);

    for (f = ai_openai_fields; f->name.len; f++) {
        if (doc->node[key].escaped) {
            if (ai_json_is(doc, key, (char *) f->name.data)) {
                break;
            }

        } else if (s.len == f->name.len
                   && memcmp(s.data, f->name.data, s.len) == 0)
        {
            break;
        }
    }

    return f;
}


#define ai_openai_at(d, f, type)                                              \
    ((type *) (void *) ((char *) (d)->rq + (f)->offset))

#define ai_openai_name(f)  ((const char *) (f)->name.data)


static ai_int_t
ai_openai_read_number(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    return ai_openai_number(&d->c, NULL, ai_openai_name(f), v,
                            ai_openai_at(d, f, ai_raw_t));
}


static ai_int_t
ai_openai_read_whole(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    int64_t  n;

    if (ai_openai_integer(&d->c, NULL, ai_openai_name(f), v, INT64_MIN,
                          INT64_MAX, &n) != AI_OK)
    {
        return AI_ERROR;
    }

    *ai_openai_at(d, f, ai_raw_t) = ai_json_raw(d->c.doc, v);

    return AI_OK;
}


static ai_int_t
ai_openai_read_flag(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    return ai_openai_flag(&d->c, NULL, ai_openai_name(f), v,
                          ai_openai_at(d, f, int));
}


static ai_int_t
ai_openai_read_esc(ai_openai_dec_t *d, const ai_openai_field_t *f, ai_ref_t v)
{
    return ai_openai_esc(&d->c, NULL, ai_openai_name(f), v,
                         ai_openai_at(d, f, ai_esc_t));
}


static ai_int_t
ai_openai_read_object(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    return ai_openai_object(&d->c, NULL, ai_openai_name(f), v,
                            ai_openai_at(d, f, ai_raw_t));
}


/* the offset of these is one in ai_openai_tools_t */

static ai_int_t
ai_openai_read_ref(ai_openai_dec_t *d, const ai_openai_field_t *f, ai_ref_t v)
{
    *(ai_ref_t *) (void *) ((char *) &d->tools + f->offset) = v;

    return AI_OK;
}


static ai_int_t
ai_openai_read_drop(ai_openai_dec_t *d, const ai_openai_field_t *f, ai_ref_t v)
{
    (void) v;

    ai_dropped_add_str(d->dropped, &f->name);

    return AI_OK;
}


static ai_int_t
ai_openai_read_refuse(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    (void) v;

    return ai_openai_unsupported(&d->c, NULL, ai_openai_name(f),
                                 " cannot be carried to this model.");
}


/* "user" wins over its successor, as in the peek */

static ai_int_t
ai_openai_read_user(ai_openai_dec_t *d, const ai_openai_field_t *f, ai_ref_t v)
{
    ai_esc_t  user;

    if (ai_openai_esc(&d->c, NULL, ai_openai_name(f), v, &user) != AI_OK) {
        return AI_ERROR;
    }

    if (user.len && (d->rq->user.len == 0 || ai_str_is(&f->name, "user"))) {
        d->rq->user = user;
    }

    return AI_OK;
}


/* false is what every other provider does anyway */

static ai_int_t
ai_openai_read_store(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    if (ai_json_bool(d->c.doc, v) == 0) {
        return AI_OK;
    }

    return ai_openai_read_drop(d, f, v);
}


static ai_int_t
ai_openai_read_modalities(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
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
ai_openai_read_top_logprobs(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    return ai_openai_integer(&d->c, NULL, ai_openai_name(f), v, 0, 20,
                             &d->rq->top_logprobs);
}


static ai_int_t
ai_openai_read_stop(ai_openai_dec_t *d, const ai_openai_field_t *f, ai_ref_t v)
{
    uint32_t          n;
    ai_ref_t          e;
    ai_esc_t         *stop;
    ai_request_t     *rq;
    const ai_json_t  *doc;
    ai_openai_path_t  list, path;

    rq = d->rq;
    doc = d->c.doc;

    list.up = NULL;
    list.name = ai_openai_name(f);
    list.index = 0;

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    if (ai_json_type(doc, v) == AI_JSON_ARRAY) {
        n = doc->node[v].count;
        e = ai_json_first(doc, v);

    } else if (ai_json_type(doc, v) == AI_JSON_STRING) {
        n = 1;
        e = v;

    } else {
        return ai_openai_bad_type(&d->c, &list, NULL, "a string or an array",
                                  v);
    }

    if (n > AI_OPENAI_STOP_MAX) {
        return ai_openai_bad_value(&d->c, &list, NULL,
                                   ": there are too many.");
    }

    if (n == 0) {
        return AI_OK;
    }

    stop = ai_palloc(d->c.pool, n * sizeof(ai_esc_t));
    if (stop == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    rq->stop = stop;

    for (;;) {
        if (ai_openai_want(&d->c, &path, NULL, e, AI_JSON_STRING) != AI_OK) {
            return AI_ERROR;
        }

        rq->stop[rq->nstop++] = ai_json_esc(doc, e);

        if (e == v || ++path.index == n) {
            return AI_OK;
        }

        e = ai_json_next(doc, v, e);
    }
}


static ai_int_t
ai_openai_read_format(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    ai_ref_t          refs[2];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("json_schema")
    };

    path.up = NULL;
    path.name = ai_openai_name(f);
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
ai_openai_read_schema(ai_openai_dec_t *d, const ai_openai_path_t *up,
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
ai_openai_effort(ai_openai_dec_t *d, const ai_openai_path_t *up,
    const char *name, ai_ref_t v)
{
    ai_str_t  word;

    if (ai_openai_want(&d->c, up, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_str(d->c.doc, v, d->c.pool, &word) != AI_OK) {
        return ai_openai_no_memory(&d->c);
    }

    d->rq->effort = ai_effort_parse(&word);

    if (d->rq->effort == AI_EFFORT_UNSET) {
        return ai_openai_bad_value(&d->c, up, name,
                                   ": it must be 'none', 'minimal', 'low', "
                                   "'medium', 'high', 'xhigh' or 'max'.");
    }

    return AI_OK;
}


static ai_int_t
ai_openai_read_effort(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    return ai_openai_effort(d, NULL, ai_openai_name(f), v);
}


/*
 * Anthropic's field in an OpenAI body, as LiteLLM's clients send it; others
 * (Z.ai, DeepSeek) have the same field without a budget.
 */

static ai_int_t
ai_openai_read_budget(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
{
    ai_ref_t          refs[2];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("budget_tokens")
    };

    path.up = NULL;
    path.name = ai_openai_name(f);
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
ai_openai_read_reasoning(ai_openai_dec_t *d, const ai_openai_field_t *f,
    ai_ref_t v)
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
    path.name = ai_openai_name(f);
    path.index = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 4, refs);

    if ((refs[0] != AI_JSON_NONE
         && ai_openai_effort(d, &path, "effort", refs[0]) != AI_OK)
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
