
/*
 * OpenAI to OpenAI: the few spans of a client's request that must change for
 * a target.  Every other byte goes through as it came.
 *
 * Root members are edited one by one.  Where a vendor refuses members inside
 * messages or tools, the array is replaced by a copy without them: one edit,
 * however many messages there are.
 */

#include <provider/ai_openai_wire_int.h>


typedef struct {
    const ai_target_t        *target;
    const ai_json_t          *doc;
    const ai_peek_t   *peek;
    const ai_pool_t          *pool;
    ai_splice_t              *edits;
    ai_dropped_t             *dropped;
    ai_error_t               *err;
    uint32_t                  quirks;
    unsigned                  state:1;  /* the message's goes */
} ai_edit_ctx_t;


typedef struct {
    ai_buf_t                  out;
    uint32_t                  pos;      /* the text is copied up to here */
    uint32_t                  changes;
} ai_rewrite_t;


static ai_int_t ai_edit_refuse(ai_edit_ctx_t *e);
static ai_int_t ai_edit_model(ai_edit_ctx_t *e);
static ai_int_t ai_edit_stream(ai_edit_ctx_t *e);
static ai_int_t ai_edit_limits(ai_edit_ctx_t *e);
static ai_int_t ai_edit_limit(ai_edit_ctx_t *e, ai_ref_t v);
static void ai_edit_root(ai_edit_ctx_t *e);
static void ai_edit_rename(ai_edit_ctx_t *e, ai_ref_t v, const char *name);
static ai_int_t ai_edit_messages(ai_edit_ctx_t *e);
static ai_int_t ai_edit_may_have_state(const ai_json_t *doc, ai_ref_t m);
static void ai_edit_message(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t m);
static ai_int_t ai_edit_unwanted(ai_edit_ctx_t *e, ai_ref_t key,
    ai_int_t tool);
static ai_int_t ai_edit_state(ai_edit_ctx_t *e, ai_ref_t key);
static void ai_edit_calls(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t list);
static void ai_edit_call_state(ai_edit_ctx_t *e, ai_rewrite_t *w,
    ai_ref_t call);
static void ai_edit_id(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t v);
static ai_int_t ai_edit_tools(ai_edit_ctx_t *e);
static void ai_edit_cut(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t object,
    ai_ref_t key, ai_ref_t before, ai_ref_t kept);
static ai_int_t ai_edit_replace(ai_edit_ctx_t *e, ai_rewrite_t *w,
    ai_ref_t v);
static ai_ref_t ai_edit_get(const ai_edit_ctx_t *e, const char *name);


/* root members Mistral answers 422 to, which only tune or only label */
static const char *const  ai_edit_strict[] = {
    "stream_options", "logprobs", "top_logprobs", "logit_bias", "user",
    "safety_identifier", "service_tier", "store", "verbosity",
    "prompt_cache_retention", "prompt_cache_options", NULL
};


/* keys of messages, likewise */
static const char *const  ai_edit_strict_message[] = {
    "refusal", "annotations", "audio", "reasoning_content", "reasoning",
    "reasoning_details", "thinking_blocks", "function_call", NULL
};


ai_int_t
ai_openai_edit(const ai_target_t *t, const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_splice_t *edits,
    ai_dropped_t *dropped, ai_error_t *err)
{
    ai_edit_ctx_t  e;

    e.target = t;
    e.doc = doc;
    e.peek = peek;
    e.pool = pool;
    e.edits = edits;
    e.dropped = dropped;
    e.err = err;
    e.quirks = t->provider->quirks;

    if (ai_edit_refuse(&e) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_edit_model(&e) != AI_OK
        || ai_edit_stream(&e) != AI_OK
        || ai_edit_limits(&e) != AI_OK
        || ai_edit_messages(&e) != AI_OK
        || ai_edit_tools(&e) != AI_OK)
    {
        ai_error_set(err, AI_ERR_SERVER, "");
        return AI_ERROR;
    }

    ai_edit_root(&e);

    return AI_OK;
}


static ai_int_t
ai_edit_refuse(ai_edit_ctx_t *e)
{
    ai_ref_t  v;

    static const ai_str_t  logprobs = ai_string("logprobs");
    static const ai_str_t  format = ai_string("response_format");

    if ((e->quirks & AI_QUIRK_NO_LOGPROBS)
        && ai_json_bool(e->doc, ai_edit_get(e, "logprobs")) == 1)
    {
        ai_error_set_param(e->err, AI_ERR_UNSUPPORTED_PARAMETER,
                           "This model does not return logprobs.", &logprobs);
        return AI_ERROR;
    }

    if (e->quirks & AI_QUIRK_NO_SCHEMA) {
        v = ai_json_get(e->doc, ai_edit_get(e, "response_format"), "type");

        if (ai_json_is(e->doc, v, "json_schema")) {
            ai_error_set_param(e->err, AI_ERR_UNSUPPORTED_PARAMETER,
                               "This model does not take a JSON schema for "
                               "its answer.", &format);
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_edit_model(ai_edit_ctx_t *e)
{
    ai_buf_t  b;
    ai_raw_t  raw;

    if (e->peek->model_ref == AI_JSON_NONE || e->target->model.len == 0
        || ai_str_eq(&e->peek->model, &e->target->model))
    {
        return AI_OK;
    }

    ai_buf_init(&b, e->pool);
    ai_buf_quote(&b, &e->target->model);

    if (b.failed) {
        return AI_ERROR;
    }

    raw = ai_buf_str(&b);

    ai_splice_replace(e->edits, e->doc, e->peek->model_ref, &raw);

    return AI_OK;
}


/* usage must come at the end of every stream, asked for or not */

static ai_int_t
ai_edit_stream(ai_edit_ctx_t *e)
{
    ai_ref_t  options, include;

    static const ai_raw_t  value = ai_string("{\"include_usage\":true}");
    static const ai_raw_t  yes = ai_string("true");
    static const ai_raw_t  inner = ai_string("\"include_usage\":true");
    static const ai_raw_t  outer =
        ai_string("\"stream_options\":{\"include_usage\":true}");

    options = e->peek->stream_options_ref;

    /* an option of null is absent for peek, but must not come twice */

    if (options == AI_JSON_NONE && e->peek->stream) {
        options = ai_edit_get(e, "stream_options");
    }

    if (e->quirks & AI_QUIRK_NO_STREAM_OPTIONS) {

        /* with AI_QUIRK_STRICT_BODY it goes with the other members */

        if (options != AI_JSON_NONE && !(e->quirks & AI_QUIRK_STRICT_BODY)) {
            ai_splice_remove(e->edits, e->doc, AI_JSON_ROOT, options - 1);
        }

        return AI_OK;
    }

    if (!e->peek->stream) {
        return AI_OK;
    }

    if (options == AI_JSON_NONE) {
        ai_splice_insert(e->edits, e->doc, AI_JSON_ROOT, &outer);
        return AI_OK;
    }

    if (ai_json_type(e->doc, options) != AI_JSON_OBJECT) {
        ai_splice_replace(e->edits, e->doc, options, &value);
        return AI_OK;
    }

    include = ai_json_get(e->doc, options, "include_usage");

    if (include == AI_JSON_NONE) {
        ai_splice_insert(e->edits, e->doc, options, &inner);

    } else if (ai_json_bool(e->doc, include) != 1) {
        ai_splice_replace(e->edits, e->doc, include, &yes);
    }

    return AI_OK;
}


static ai_int_t
ai_edit_limits(ai_edit_ctx_t *e)
{
    ai_ref_t  old, now;

    /* the usual request needs no look-up */

    if (e->peek->max_tokens_ref == AI_JSON_NONE
        || (e->target->max_output <= 0
            && !(e->quirks & AI_QUIRK_MAX_TOKENS)))
    {
        return AI_OK;
    }

    old = ai_edit_get(e, "max_tokens");
    now = ai_edit_get(e, "max_completion_tokens");

    if (e->quirks & AI_QUIRK_MAX_TOKENS) {

        if (now != AI_JSON_NONE) {

            if (old != AI_JSON_NONE) {
                ai_splice_remove(e->edits, e->doc, AI_JSON_ROOT, old - 1);
                old = AI_JSON_NONE;
            }

            ai_edit_rename(e, now, "\"max_tokens\"");
        }
    }

    if (ai_edit_limit(e, old) != AI_OK) {
        return AI_ERROR;
    }

    return ai_edit_limit(e, now);
}


static ai_int_t
ai_edit_limit(ai_edit_ctx_t *e, ai_ref_t v)
{
    int64_t    n;
    ai_buf_t   b;
    ai_raw_t   raw;

    if (e->target->max_output <= 0 || v == AI_JSON_NONE
        || ai_json_int(e->doc, v, &n) != AI_OK
        || n <= e->target->max_output)
    {
        return AI_OK;
    }

    ai_buf_init(&b, e->pool);
    ai_buf_int(&b, e->target->max_output);

    if (b.failed) {
        return AI_ERROR;
    }

    raw = ai_buf_str(&b);

    ai_splice_replace(e->edits, e->doc, v, &raw);

    return AI_OK;
}


static void
ai_edit_root(ai_edit_ctx_t *e)
{
    ai_ref_t      v;
    const char  *const *name;

    if (e->quirks & AI_QUIRK_RANDOM_SEED) {
        v = ai_edit_get(e, "seed");

        if (v != AI_JSON_NONE) {
            ai_edit_rename(e, v, "\"random_seed\"");
        }
    }

    if (!(e->quirks & AI_QUIRK_STRICT_BODY)) {
        return;
    }

    for (name = ai_edit_strict; *name; name++) {
        v = ai_edit_get(e, *name);

        if (v == AI_JSON_NONE) {
            continue;
        }

        ai_splice_remove(e->edits, e->doc, AI_JSON_ROOT, v - 1);

        /* what stream_options asks for happens anyway */

        if (strcmp(*name, "stream_options") != 0) {
            ai_dropped_add(e->dropped, *name);
        }
    }
}


static void
ai_edit_rename(ai_edit_ctx_t *e, ai_ref_t v, const char *name)
{
    ai_raw_t  raw;

    raw.data = (ai_char_t *) name;
    raw.len = strlen(name);

    ai_splice_replace(e->edits, e->doc, v - 1, &raw);
}


static ai_int_t
ai_edit_messages(ai_edit_ctx_t *e)
{
    ai_ref_t      m, list;
    ai_rewrite_t  w;

    list = e->peek->messages_ref;

    if (!(e->quirks & (AI_QUIRK_STRICT_BODY|AI_QUIRK_NO_NAMES
                       |AI_QUIRK_NO_STATE))
        || ai_json_type(e->doc, list) != AI_JSON_ARRAY)
    {
        return AI_OK;
    }

    memset(&w, 0, sizeof(ai_rewrite_t));

    ai_buf_init(&w.out, e->pool);
    w.pos = e->doc->node[list].off;

    for (m = ai_json_first(e->doc, list);
         m != AI_JSON_NONE;
         m = ai_json_next(e->doc, list, m))
    {
        if (ai_json_type(e->doc, m) == AI_JSON_OBJECT) {
            ai_edit_message(e, &w, m);
        }
    }

    return ai_edit_replace(e, &w, list);
}


/* most messages have short keys only: no need to read them */

static ai_int_t
ai_edit_may_have_state(const ai_json_t *doc, ai_ref_t m)
{
    ai_ref_t  k;

    for (k = ai_json_first(doc, m);
         k != AI_JSON_NONE;
         k = ai_json_next(doc, m, k))
    {
        if (doc->node[k].len >= sizeof("\"tool_calls\"") - 1) {
            return 1;
        }
    }

    return 0;
}


static void
ai_edit_message(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t m)
{
    ai_int_t          tool;
    ai_ref_t          k, v, role, before, kept;
    const ai_json_t  *doc;

    doc = e->doc;
    if (!(e->quirks & (AI_QUIRK_STRICT_BODY|AI_QUIRK_NO_NAMES))
        && !ai_edit_may_have_state(doc, m))
    {
        return;
    }

    role = ai_json_get(doc, m, "role");
    tool = ai_json_is(doc, role, "tool");

    e->state = (e->quirks & AI_QUIRK_NO_STATE)
               && ai_json_is(doc, role, "assistant");

    if (!e->state && !(e->quirks & (AI_QUIRK_STRICT_BODY|AI_QUIRK_NO_NAMES)))
    {
        return;
    }

    before = AI_JSON_NONE;
    kept = AI_JSON_NONE;

    for (k = ai_json_first(doc, m);
         k != AI_JSON_NONE;
         k = ai_json_next(doc, m, k))
    {
        v = ai_json_value(doc, k);

        if (ai_edit_unwanted(e, k, tool)) {
            ai_edit_cut(e, w, m, k, before, kept);

        } else {
            kept = v;

            if (ai_json_is(doc, k, "tool_calls")) {
                ai_edit_calls(e, w, v);

            } else if ((e->quirks & AI_QUIRK_STRICT_BODY)
                       && ai_json_is(doc, k, "tool_call_id"))
            {
                ai_edit_id(e, w, v);
            }
        }

        before = v;
    }
}


/* names what it finds, unless null was all that was said */

static ai_int_t
ai_edit_unwanted(ai_edit_ctx_t *e, ai_ref_t key, ai_int_t tool)
{
    const char  *const *name;

    if (e->state && ai_edit_state(e, key)) {
        return 1;
    }

    if ((e->quirks & (AI_QUIRK_NO_NAMES|AI_QUIRK_STRICT_BODY)) && !tool
        && ai_json_is(e->doc, key, "name"))
    {
        ai_dropped_add(e->dropped, "messages.name");
        return 1;
    }

    if (!(e->quirks & AI_QUIRK_STRICT_BODY)) {
        return 0;
    }

    for (name = ai_edit_strict_message; *name; name++) {

        if (ai_json_is(e->doc, key, *name)) {

            if (!ai_json_is_null(e->doc, ai_json_value(e->doc, key))) {
                ai_dropped_add(e->dropped, *name);
            }

            return 1;
        }
    }

    return 0;
}


/* thoughts, and state that another vendor's answer left with the client; it
 * was never this vendor's, so that nothing of the request is lost */

static ai_int_t
ai_edit_state(ai_edit_ctx_t *e, ai_ref_t key)
{
    return ai_wire_key(e->doc, key, "reasoning_content")
           || ai_wire_key(e->doc, key, "reasoning_details")
           || ai_wire_key(e->doc, key, "thinking_blocks")
           || ai_wire_key(e->doc, key, "extra_content");
}


static void
ai_edit_calls(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t list)
{
    ai_ref_t  v;

    if (ai_json_type(e->doc, list) != AI_JSON_ARRAY) {
        return;
    }

    for (v = ai_json_first(e->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(e->doc, list, v))
    {
        if (e->quirks & AI_QUIRK_STRICT_BODY) {
            ai_edit_id(e, w, ai_json_get(e->doc, v, "id"));

        } else if (e->state && ai_json_type(e->doc, v) == AI_JSON_OBJECT) {
            ai_edit_call_state(e, w, v);
        }
    }
}


/* a signature of Gemini's, as its own API for such clients has it */

static void
ai_edit_call_state(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t call)
{
    ai_ref_t  k, before, kept;

    before = AI_JSON_NONE;
    kept = AI_JSON_NONE;

    for (k = ai_json_first(e->doc, call);
         k != AI_JSON_NONE;
         k = ai_json_next(e->doc, call, k))
    {
        if (ai_wire_key(e->doc, k, "extra_content")) {
            ai_edit_cut(e, w, call, k, before, kept);

        } else {
            kept = ai_json_value(e->doc, k);
        }

        before = ai_json_value(e->doc, k);
    }
}


static void
ai_edit_id(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t v)
{
    ai_esc_t  id;

    id = ai_json_esc(e->doc, v);

    if (id.data == NULL || ai_wire_tool_id_ok(e->quirks, &id)) {
        return;
    }

    ai_buf_add(&w->out, e->doc->text + w->pos,
               e->doc->node[v].off + 1 - w->pos);
    ai_wire_tool_id(&w->out, e->quirks, &id);

    w->pos = e->doc->node[v].off + e->doc->node[v].len - 1;
    w->changes++;
}


static ai_int_t
ai_edit_tools(ai_edit_ctx_t *e)
{
    ai_ref_t          t, f, k, v, list, before, kept;
    ai_rewrite_t      w;
    const ai_json_t  *doc;

    if (!(e->quirks & AI_QUIRK_NO_STRICT_TOOLS) || e->peek->tools == 0) {
        return AI_OK;
    }

    doc = e->doc;
    list = ai_edit_get(e, "tools");

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    memset(&w, 0, sizeof(ai_rewrite_t));

    ai_buf_init(&w.out, e->pool);
    w.pos = doc->node[list].off;

    for (t = ai_json_first(doc, list);
         t != AI_JSON_NONE;
         t = ai_json_next(doc, list, t))
    {
        f = ai_json_get(doc, t, "function");

        if (ai_json_type(doc, f) != AI_JSON_OBJECT) {
            continue;
        }

        before = AI_JSON_NONE;
        kept = AI_JSON_NONE;

        for (k = ai_json_first(doc, f);
             k != AI_JSON_NONE;
             k = ai_json_next(doc, f, k))
        {
            v = ai_json_value(doc, k);

            if (ai_json_is(doc, k, "strict")) {
                ai_edit_cut(e, &w, f, k, before, kept);

                if (ai_json_bool(doc, v) == 1) {
                    ai_dropped_add(e->dropped, "tools.strict");
                }

            } else {
                kept = v;
            }

            before = v;
        }
    }

    return ai_edit_replace(e, &w, list);
}


/*
 * Leaves a member out of the copy.  Its comma is the one in front of it; as
 * long as nothing was kept, the one behind it.  "before" is the value in
 * front, "kept" the last one that stays; between them nothing is copied.
 */

static void
ai_edit_cut(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t object, ai_ref_t key,
    ai_ref_t before, ai_ref_t kept)
{
    uint32_t               from, to;
    ai_ref_t               next;
    const ai_json_node_t  *node;

    node = e->doc->node;
    next = ai_json_next(e->doc, object, key);

    if (kept != AI_JSON_NONE) {
        from = node[before].off + node[before].len;
        to = node[key + 1].off + node[key + 1].len;

    } else {
        from = node[key].off;
        to = next != AI_JSON_NONE ? node[next].off
                                  : node[key + 1].off + node[key + 1].len;
    }

    if (from > w->pos) {
        ai_buf_add(&w->out, e->doc->text + w->pos, from - w->pos);
    }

    w->pos = to;
    w->changes++;
}


static ai_int_t
ai_edit_replace(ai_edit_ctx_t *e, ai_rewrite_t *w, ai_ref_t v)
{
    uint32_t  end;
    ai_raw_t  raw;

    if (w->changes == 0) {
        return AI_OK;
    }

    end = e->doc->node[v].off + e->doc->node[v].len;

    ai_buf_add(&w->out, e->doc->text + w->pos, end - w->pos);

    if (w->out.failed) {
        return AI_ERROR;
    }

    raw = ai_buf_str(&w->out);

    ai_splice_replace(e->edits, e->doc, v, &raw);

    return AI_OK;
}


static ai_ref_t
ai_edit_get(const ai_edit_ctx_t *e, const char *name)
{
    return ai_json_get(e->doc, AI_JSON_ROOT, name);
}
