
#include <api/ai_ollama_int.h>


#define AI_OLLAMA_STOP_MAX  64


/* the fields that are read at the end, as the root has them */

typedef struct {
    ai_ref_t           tools;
    ai_ref_t           system;
    ai_ref_t           images;
} ai_ollama_refs_t;


typedef struct {
    ai_str_t           name;
    size_t             offset;      /* in ai_request_t: ai_raw_t */
    unsigned           whole:1;     /* an integer */
} ai_ollama_option_t;


static ai_int_t ai_ollama_decode(ai_decode_t *d, const ai_peek_t *peek,
    const ai_field_t *fields);
static ai_int_t ai_ollama_generate_turns(ai_decode_t *d,
    const ai_ollama_refs_t *refs, ai_ref_t prompt);
static ai_turn_t *ai_ollama_turn(ai_decode_t *d, ai_turn_t ***tail,
    ai_role_e role);
static ai_int_t ai_ollama_text(ai_decode_t *d, ai_block_t ***tail,
    ai_ref_t v);
static ai_int_t ai_ollama_read_options(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_ollama_read_option(ai_decode_t *d,
    const ai_openai_path_t *up, ai_ref_t key);
static ai_int_t ai_ollama_read_stop(ai_decode_t *d,
    const ai_openai_path_t *up, ai_ref_t v);
static ai_int_t ai_ollama_read_format(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_ollama_read_think(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_ollama_read_refuse(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);


#define AI_OLLAMA_FIELDS                                                      \
    AI_FIELD_DO("model", NULL),                                               \
    AI_FIELD_DO("stream", NULL),                                              \
    AI_FIELD_DO("options", ai_ollama_read_options),                           \
    AI_FIELD_DO("format", ai_ollama_read_format),                             \
    AI_FIELD_DO("think", ai_ollama_read_think),                               \
    AI_FIELD("logprobs", ai_decode_flag, logprobs),                           \
    AI_FIELD_DO("top_logprobs", ai_decode_top_logprobs),                      \
    AI_FIELD_DO("keep_alive", ai_decode_drop),                                \
    AI_FIELD_DO("truncate", ai_decode_drop),                                  \
    AI_FIELD_DO("shift", ai_decode_drop)


static const ai_field_t  ai_ollama_chat_fields[] = {

    AI_OLLAMA_FIELDS,

    AI_FIELD_DO("messages", NULL),
    AI_FIELD_REF("tools", ai_ollama_refs_t, tools),

    AI_FIELD_END
};


static const ai_field_t  ai_ollama_generate_fields[] = {

    AI_OLLAMA_FIELDS,

    AI_FIELD_DO("prompt", NULL),
    AI_FIELD_REF("system", ai_ollama_refs_t, system),
    AI_FIELD_REF("images", ai_ollama_refs_t, images),

    AI_FIELD_DO("raw", ai_ollama_read_refuse),
    AI_FIELD_DO("template", ai_ollama_read_refuse),
    AI_FIELD_DO("context", ai_ollama_read_refuse),
    AI_FIELD_DO("suffix", ai_ollama_read_refuse),

    /* of a picture to be made */
    AI_FIELD_DO("width", ai_ollama_read_refuse),
    AI_FIELD_DO("height", ai_ollama_read_refuse),
    AI_FIELD_DO("steps", ai_ollama_read_refuse),

    AI_FIELD_END
};


/* the others are the local runtime's, or of one kind of sampler */

static const ai_ollama_option_t  ai_ollama_options[] = {
    { ai_string("temperature"), offsetof(ai_request_t, temperature), 0 },
    { ai_string("top_p"), offsetof(ai_request_t, top_p), 0 },
    { ai_string("top_k"), offsetof(ai_request_t, top_k), 1 },
    { ai_string("seed"), offsetof(ai_request_t, seed), 1 },
    { ai_string("presence_penalty"), offsetof(ai_request_t, presence), 0 },
    { ai_string("frequency_penalty"), offsetof(ai_request_t, frequency), 0 },
    { ai_null_string, 0, 0 }
};


ai_int_t
ai_ollama_chat_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_decode_t        d;
    ai_ollama_refs_t   refs;
    ai_openai_tools_t  tools;

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = rq;
    d.dropped = dropped;
    d.own = &refs;

    refs.tools = AI_JSON_NONE;

    if (ai_ollama_decode(&d, peek, ai_ollama_chat_fields) != AI_OK) {
        return AI_ERROR;
    }

    if (peek->messages == 0) {
        return ai_openai_bad_value(&d.c, NULL, "messages",
                     ": it must not be empty, as there is nothing to load "
                     "for this model.");
    }

    tools.tools = refs.tools;
    tools.choice = AI_JSON_NONE;
    tools.functions = AI_JSON_NONE;
    tools.function_call = AI_JSON_NONE;

    if (ai_openai_read_tools(&d.c, &tools, rq) != AI_OK) {
        return AI_ERROR;
    }

    return ai_ollama_read_messages(&d.c, peek->messages_ref, rq);
}


ai_int_t
ai_ollama_generate_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_decode_t       d;
    ai_ollama_refs_t  refs;

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = rq;
    d.dropped = dropped;
    d.own = &refs;

    refs.system = AI_JSON_NONE;
    refs.images = AI_JSON_NONE;

    if (ai_ollama_decode(&d, peek, ai_ollama_generate_fields) != AI_OK) {
        return AI_ERROR;
    }

    if (peek->messages == 0) {
        return ai_openai_bad_value(&d.c, NULL, "prompt",
                     ": it must not be empty, as there is nothing to load "
                     "for this model.");
    }

    return ai_ollama_generate_turns(&d, &refs, peek->messages_ref);
}


static ai_int_t
ai_ollama_decode(ai_decode_t *d, const ai_peek_t *peek,
    const ai_field_t *fields)
{
    ai_request_init(d->rq);

    d->rq->model = peek->model;
    d->rq->stream = peek->stream;
    d->rq->include_usage = 1;
    d->rq->max_output = peek->max_output;

    return ai_decode_root(d, fields);
}


static ai_int_t
ai_ollama_generate_turns(ai_decode_t *d, const ai_ollama_refs_t *refs,
    ai_ref_t prompt)
{
    ai_turn_t   *turn, **turns;
    ai_block_t **tail;

    turns = &d->rq->turns;

    if (ai_json_esc(d->c.doc, refs->system).len) {
        turn = ai_ollama_turn(d, &turns, AI_ROLE_SYSTEM);
        if (turn == NULL) {
            return AI_ERROR;
        }

        tail = &turn->blocks;

        if (ai_ollama_text(d, &tail, refs->system) != AI_OK) {
            return AI_ERROR;
        }
    }

    turn = ai_ollama_turn(d, &turns, AI_ROLE_USER);
    if (turn == NULL) {
        return AI_ERROR;
    }

    tail = &turn->blocks;

    if (ai_ollama_read_images(&d->c, NULL, refs->images, &tail) != AI_OK) {
        return AI_ERROR;
    }

    return ai_ollama_text(d, &tail, prompt);
}


static ai_turn_t *
ai_ollama_turn(ai_decode_t *d, ai_turn_t ***tail, ai_role_e role)
{
    ai_turn_t  *turn;

    turn = ai_pcalloc(d->c.pool, sizeof(ai_turn_t));
    if (turn == NULL) {
        ai_openai_no_memory(&d->c);
        return NULL;
    }

    turn->role = role;

    **tail = turn;
    *tail = &turn->next;

    return turn;
}


static ai_int_t
ai_ollama_text(ai_decode_t *d, ai_block_t ***tail, ai_ref_t v)
{
    ai_block_t  *b;

    b = ai_block_add(d->c.pool, tail, AI_BLOCK_TEXT);
    if (b == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    b->text = ai_json_esc(d->c.doc, v);

    return AI_OK;
}


static ai_int_t
ai_ollama_read_options(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_ref_t          key;
    ai_openai_path_t  path;

    path.up = NULL;
    path.name = ai_field_name(f);
    path.index = 0;

    for (key = ai_json_first(d->c.doc, v);
         key != AI_JSON_NONE;
         key = ai_json_next(d->c.doc, v, key))
    {
        if (!ai_json_is_null(d->c.doc, ai_json_value(d->c.doc, key))
            && ai_ollama_read_option(d, &path, key) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_ollama_read_option(ai_decode_t *d, const ai_openai_path_t *up,
    ai_ref_t key)
{
    int64_t                    n;
    ai_ref_t                   v;
    ai_str_t                   name;
    ai_raw_t                  *out;
    const char                *cstr;
    const ai_json_t           *doc;
    const ai_ollama_option_t  *o;

    doc = d->c.doc;
    v = ai_json_value(doc, key);

    for (o = ai_ollama_options; o->name.len; o++) {
        cstr = (const char *) o->name.data;

        if (!ai_json_equal(doc, key, cstr, o->name.len)) {
            continue;
        }

        if (o->whole
            && ai_openai_integer(&d->c, up, cstr, v, INT64_MIN, INT64_MAX, &n)
               != AI_OK)
        {
            return AI_ERROR;
        }

        out = (ai_raw_t *) (void *) ((char *) d->rq + o->offset);

        return ai_openai_number(&d->c, up, cstr, v, out);
    }

    if (ai_json_is(doc, key, "stop")) {
        return ai_ollama_read_stop(d, up, v);
    }

    if (!ai_json_is(doc, key, "num_predict")) {
        name = ai_json_esc(doc, key);
        ai_dropped_add_str(d->dropped, &name);
    }

    return AI_OK;
}


/* an empty one could not be found in any text */

static ai_int_t
ai_ollama_read_stop(ai_decode_t *d, const ai_openai_path_t *up, ai_ref_t v)
{
    uint32_t       i, n;
    ai_request_t  *rq;

    rq = d->rq;

    if (ai_decode_stops(&d->c, up, "stop", v, AI_OLLAMA_STOP_MAX, rq)
        != AI_OK)
    {
        return AI_ERROR;
    }

    /* empty ones stop nothing */

    n = rq->nstop;
    rq->nstop = 0;

    for (i = 0; i < n; i++) {
        if (rq->stop[i].len) {
            rq->stop[rq->nstop++] = rq->stop[i];
        }
    }

    return AI_OK;
}


static ai_int_t
ai_ollama_read_format(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    const ai_json_t  *doc;

    doc = d->c.doc;

    if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
        d->rq->output = AI_OUTPUT_SCHEMA;
        d->rq->output_schema = ai_json_raw(doc, v);

        return AI_OK;
    }

    if (ai_json_type(doc, v) != AI_JSON_STRING) {
        return ai_openai_bad_type(&d->c, NULL, ai_field_name(f),
                                  "a string or an object", v);
    }

    if (ai_json_is(doc, v, "json")) {
        d->rq->output = AI_OUTPUT_JSON;

    } else if (ai_json_esc(doc, v).len) {
        return ai_openai_bad_value(&d->c, NULL, ai_field_name(f),
                                   ": it must be 'json' or a JSON schema.");
    }

    return AI_OK;
}


static ai_int_t
ai_ollama_read_think(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_int_t       on;
    ai_request_t  *rq;

    rq = d->rq;
    on = ai_json_bool(d->c.doc, v);

    if (on == -1 && ai_json_type(d->c.doc, v) != AI_JSON_STRING) {
        return ai_openai_bad_type(&d->c, NULL, ai_field_name(f),
                                  "a boolean or a string", v);
    }

    if (on == -1
        && ai_decode_effort(d, NULL, ai_field_name(f), v) != AI_OK)
    {
        return AI_ERROR;
    }

    if (on == 1) {
        rq->effort = AI_EFFORT_MEDIUM;

    } else if (on == 0) {
        rq->budget = 0;
    }

    rq->thoughts = on != 0 && rq->effort != AI_EFFORT_NONE;

    return AI_OK;
}


/* SDKs send what was not said as "", false, [] or 0 */

static ai_int_t
ai_ollama_read_refuse(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    int64_t           n;
    const ai_json_t  *doc;

    doc = d->c.doc;

    switch (ai_json_type(doc, v)) {

    case AI_JSON_STRING:
        if (ai_json_esc(doc, v).len == 0) {
            return AI_OK;
        }

        break;

    case AI_JSON_ARRAY:
        if (doc->node[v].count == 0) {
            return AI_OK;
        }

        break;

    case AI_JSON_NUMBER:
        if (ai_json_int(doc, v, &n) == AI_OK && n == 0) {
            return AI_OK;
        }

        break;

    case AI_JSON_FALSE:
        return AI_OK;

    default:
        break;
    }

    return ai_openai_unsupported(&d->c, NULL, ai_field_name(f),
                                 " cannot be carried to this model.");
}
