
/*
 * Answers of Anthropic's Messages API.
 *
 *     message_start
 *       content_block_start   content_block_delta*   content_block_stop
 *     message_delta           stop_reason and the usage that counts
 *     message_stop            the end
 *
 * with ping and error anywhere.
 */

#include <provider/ai_anthropic_int.h>
#include <provider/ai_openai_wire_int.h>


#define AI_ANTHROPIC_USAGE_TOP  1000000000000


typedef ai_int_t (*ai_anthropic_event_pt)(ai_anthropic_t *a, ai_ref_t root);

typedef struct {
    const char            *type;
    ai_anthropic_event_pt  handler;
} ai_anthropic_handler_t;


static ai_int_t ai_anthropic_message_start(ai_anthropic_t *a, ai_ref_t root);
static ai_int_t ai_anthropic_message_delta(ai_anthropic_t *a, ai_ref_t root);
static ai_int_t ai_anthropic_message_stop(ai_anthropic_t *a, ai_ref_t root);
static ai_int_t ai_anthropic_ping(ai_anthropic_t *a, ai_ref_t root);

static ai_int_t ai_anthropic_stopped(ai_anthropic_t *a, ai_ref_t v);
static ai_int_t ai_anthropic_finish(ai_anthropic_t *a, ai_ref_t v);
static ai_int_t ai_anthropic_refusal(ai_anthropic_t *a, ai_ref_t v);
static ai_int_t ai_anthropic_usage(ai_anthropic_t *a, ai_ref_t usage);
static void ai_anthropic_report(const ai_json_t *doc, ai_ref_t usage,
    ai_anthropic_usage_t *au);
static void ai_anthropic_count(const ai_json_t *doc, ai_ref_t usage,
    const char *object, const char *name, int64_t *to);
static int64_t ai_anthropic_field(const ai_json_t *doc, ai_ref_t v,
    const char *object, const char *name);
static int64_t ai_anthropic_tokens(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_anthropic_error(ai_anthropic_t *a, const ai_str_t *body);


static const ai_anthropic_handler_t  ai_anthropic_handlers[] = {
    { "content_block_delta", ai_anthropic_block_delta },
    { "content_block_start", ai_anthropic_block_start },
    { "content_block_stop", ai_anthropic_block_stop },
    { "message_start", ai_anthropic_message_start },
    { "message_delta", ai_anthropic_message_delta },
    { "message_stop", ai_anthropic_message_stop },
    { "ping", ai_anthropic_ping },
    { NULL, NULL }
};


static const struct {
    const char            *reason;
    ai_finish_e            finish;
} ai_anthropic_reasons[] = {
    { "end_turn", AI_FINISH_STOP },
    { "tool_use", AI_FINISH_TOOLS },
    { "stop_sequence", AI_FINISH_STOP_SEQ },
    { "max_tokens", AI_FINISH_LENGTH },
    { "compaction", AI_FINISH_LENGTH },
    { "model_context_window_exceeded", AI_FINISH_CONTEXT },
    { "refusal", AI_FINISH_FILTER },
    { "pause_turn", AI_FINISH_PAUSE },
    { NULL, AI_FINISH_STOP }
};


void
ai_anthropic_init(ai_decoder_t *d)
{
    ai_anthropic_t  *a;

    a = (ai_anthropic_t *) d;

    ai_buf_init(&a->held, d->pool);

    a->usage.input = -1;
    a->usage.written = -1;
    a->usage.written_1h = -1;
    a->usage.read = -1;
    a->usage.output = -1;
    a->usage.thinking = -1;
    a->usage.searches = -1;
}


ai_int_t
ai_anthropic_stream(ai_decoder_t *d, const ai_sse_event_t *ev)
{
    ai_ref_t                       type;
    ai_anthropic_t                *a;
    const ai_anthropic_handler_t  *h;

    a = (ai_anthropic_t *) d;

    if (ev->data.len == 0 || d->terminal || a->dead) {
        return AI_OK;
    }

    if (ai_json_parse_next(&d->doc, &ev->data, NULL) != AI_OK) {
        return AI_ERROR;
    }

    type = ai_json_get(&d->doc, AI_JSON_ROOT, "type");

    for (h = ai_anthropic_handlers; h->type != NULL; h++) {
        if (ai_json_is(&d->doc, type, h->type)) {
            return h->handler(a, AI_JSON_ROOT);
        }
    }

    if (ai_json_type(&d->doc, ai_json_get(&d->doc, AI_JSON_ROOT, "error"))
        == AI_JSON_OBJECT)
    {
        return ai_anthropic_error(a, &ev->data);
    }

    /* a type that is not known yet is no error, an event without one is */

    return (ai_json_type(&d->doc, type) == AI_JSON_STRING) ? AI_OK : AI_ERROR;
}


ai_int_t
ai_anthropic_stream_end(ai_decoder_t *d)
{
    ai_anthropic_t  *a;

    a = (ai_anthropic_t *) d;

    return (d->terminal || a->dead) ? AI_OK : AI_ERROR;
}


ai_int_t
ai_anthropic_answer(ai_decoder_t *d, const ai_str_t *body)
{
    ai_ref_t         content;
    ai_anthropic_t  *a;

    a = (ai_anthropic_t *) d;

    if (ai_json_parse(&d->doc, body, NULL) != AI_OK) {
        return AI_ERROR;
    }

    content = ai_json_get(&d->doc, AI_JSON_ROOT, "content");

    if (ai_json_type(&d->doc, content) != AI_JSON_ARRAY) {
        if (ai_json_type(&d->doc,
                         ai_json_get(&d->doc, AI_JSON_ROOT, "error"))
            == AI_JSON_OBJECT)
        {
            return ai_anthropic_error(a, body);
        }

        return AI_ERROR;
    }

    if (ai_anthropic_start(a, AI_JSON_ROOT) != AI_OK
        || ai_anthropic_content(a, content) != AI_OK
        || ai_anthropic_stopped(a, AI_JSON_ROOT) != AI_OK
        || ai_anthropic_finish(a, AI_JSON_ROOT) != AI_OK)
    {
        return AI_ERROR;
    }

    d->terminal = 1;

    return ai_anthropic_usage(a, ai_json_get(&d->doc, AI_JSON_ROOT, "usage"));
}


/* a second one, as some hosts send, changes nothing; content in it has been
 * seen when code that the provider ran called a tool */

static ai_int_t
ai_anthropic_message_start(ai_anthropic_t *a, ai_ref_t root)
{
    ai_ref_t  message, content;

    if (a->d.started) {
        return AI_OK;
    }

    message = ai_json_get(&a->d.doc, root, "message");
    content = ai_json_get(&a->d.doc, message, "content");

    if (ai_json_type(&a->d.doc, message) != AI_JSON_OBJECT) {
        return AI_ERROR;
    }

    if (ai_anthropic_start(a, message) != AI_OK
        || ai_anthropic_content(a, content) != AI_OK
        || ai_anthropic_stopped(a, message) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_anthropic_usage(a, ai_json_get(&a->d.doc, message, "usage"));
}


ai_int_t
ai_anthropic_start(ai_anthropic_t *a, ai_ref_t message)
{
    ai_event_t  ev;

    if (a->d.started) {
        return AI_OK;
    }

    a->d.started = 1;

    ai_anthropic_event(&ev, AI_EVENT_START);

    ev.id = ai_json_esc(&a->d.doc, ai_json_get(&a->d.doc, message, "id"));
    ev.model = ai_json_esc(&a->d.doc,
                           ai_json_get(&a->d.doc, message, "model"));

    return ai_anthropic_emit(a, &ev);
}


static ai_int_t
ai_anthropic_message_delta(ai_anthropic_t *a, ai_ref_t root)
{
    ai_ref_t  delta;

    delta = ai_json_get(&a->d.doc, root, "delta");

    if (ai_anthropic_start(a, AI_JSON_NONE) != AI_OK
        || ai_anthropic_stopped(a, delta) != AI_OK)
    {
        return AI_ERROR;
    }

    if (a->finish != AI_FINISH_NONE && ai_anthropic_finish(a, delta) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_anthropic_usage(a, ai_json_get(&a->d.doc, root, "usage"));
}


static ai_int_t
ai_anthropic_message_stop(ai_anthropic_t *a, ai_ref_t root)
{
    (void) root;

    if (ai_anthropic_start(a, AI_JSON_NONE) != AI_OK
        || ai_anthropic_finish(a, AI_JSON_NONE) != AI_OK)
    {
        return AI_ERROR;
    }

    a->d.terminal = 1;

    return AI_OK;
}


/* v holds stop_reason, if it is known */

static ai_int_t
ai_anthropic_stopped(ai_anthropic_t *a, ai_ref_t v)
{
    size_t    i;
    ai_ref_t  reason;

    reason = ai_json_get(&a->d.doc, v, "stop_reason");

    if (ai_json_is_null(&a->d.doc, reason)) {
        return AI_OK;
    }

    if (ai_json_type(&a->d.doc, reason) != AI_JSON_STRING) {
        return AI_ERROR;
    }

    for (i = 0; ai_anthropic_reasons[i].reason != NULL; i++) {
        if (ai_json_is(&a->d.doc, reason, ai_anthropic_reasons[i].reason)) {
            break;
        }
    }

    a->finish = ai_anthropic_reasons[i].finish;

    return AI_OK;
}


/* once; the protocol's end without a reason is a stop */

static ai_int_t
ai_anthropic_finish(ai_anthropic_t *a, ai_ref_t v)
{
    ai_event_t  ev;

    if (a->d.finished) {
        return AI_OK;
    }

    if (ai_anthropic_close(a) != AI_OK
        || ai_anthropic_refusal(a, ai_json_get(&a->d.doc, v, "stop_details"))
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (a->finish == AI_FINISH_NONE) {
        a->finish = AI_FINISH_STOP;
    }

    if (a->finish == AI_FINISH_STOP && a->tools) {
        a->finish = AI_FINISH_TOOLS;
    }

    a->d.finished = 1;

    ai_anthropic_event(&ev, AI_EVENT_FINISH);

    ev.finish = a->finish;

    if (a->finish == AI_FINISH_STOP_SEQ) {
        ev.stop_seq = ai_json_esc(&a->d.doc, ai_json_get(&a->d.doc, v,
                                                         "stop_sequence"));
    }

    return ai_anthropic_emit(a, &ev);
}


static ai_int_t
ai_anthropic_refusal(ai_anthropic_t *a, ai_ref_t v)
{
    ai_ref_t    text;
    ai_event_t  ev;

    text = ai_json_get(&a->d.doc, v, "explanation");

    if (a->finish != AI_FINISH_FILTER
        || ai_json_esc(&a->d.doc, text).len == 0)
    {
        return AI_OK;
    }

    a->open = 1;
    ai_anthropic_event(&ev, AI_EVENT_BLOCK_START);

    if (ai_anthropic_open_as(a, AI_BLOCK_REFUSAL, &ev) != AI_OK
        || ai_anthropic_text_of(a, text) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_anthropic_close(a);
}


/*
 * Reports are cumulative: a later one wins field by field.
 */

static ai_int_t
ai_anthropic_usage(ai_anthropic_t *a, ai_ref_t usage)
{
    ai_event_t                   ev;
    ai_usage_t                   u;
    const ai_anthropic_usage_t  *au;

    if (ai_json_type(&a->d.doc, usage) != AI_JSON_OBJECT) {
        return AI_OK;
    }

    ai_anthropic_report(&a->d.doc, usage, &a->usage);

    au = &a->usage;

    ai_usage_init(&u);

    u.cached = au->read;
    u.cache_write = au->written;
    u.cache_write_1h = au->written_1h;
    u.completion = au->output;
    u.reasoning = au->thinking;
    u.searches = au->searches;
    u.tier = au->tier;

    if (au->input >= 0) {
        u.prompt = au->input + ai_max(au->read, 0) + ai_max(au->written, 0);
    }

    ai_usage_normalise(&u);

    ai_anthropic_event(&ev, AI_EVENT_USAGE);
    ev.usage = &u;

    return ai_anthropic_emit(a, &ev);
}


static void
ai_anthropic_report(const ai_json_t *doc, ai_ref_t usage,
    ai_anthropic_usage_t *au)
{
    ai_ref_t  v;

    ai_anthropic_count(doc, usage, NULL, "input_tokens", &au->input);
    ai_anthropic_count(doc, usage, NULL, "cache_creation_input_tokens",
                       &au->written);
    ai_anthropic_count(doc, usage, "cache_creation",
                       "ephemeral_1h_input_tokens", &au->written_1h);
    ai_anthropic_count(doc, usage, NULL, "cache_read_input_tokens",
                       &au->read);
    ai_anthropic_count(doc, usage, NULL, "output_tokens", &au->output);
    ai_anthropic_count(doc, usage, "output_tokens_details",
                       "thinking_tokens", &au->thinking);
    ai_anthropic_count(doc, usage, "server_tool_use", "web_search_requests",
                       &au->searches);

    v = ai_json_get(doc, usage, "service_tier");

    if (ai_json_type(doc, v) == AI_JSON_STRING) {
        au->tier = ai_wire_tier(doc, v);
    }
}


/*
 * One field, or one of an object in it.  "iterations" lists every run of a
 * model behind one answer (fallback, advisor, compaction); the fields beside
 * it may leave some out, and all are billed.  What is not said stays.
 */

static void
ai_anthropic_count(const ai_json_t *doc, ai_ref_t usage, const char *object,
    const char *name, int64_t *to)
{
    int64_t   n, sum;
    ai_ref_t  runs, v;

    sum = -1;
    runs = ai_json_get(doc, usage, "iterations");

    if (ai_json_type(doc, runs) == AI_JSON_ARRAY) {
        for (v = ai_json_first(doc, runs);
             v != AI_JSON_NONE;
             v = ai_json_next(doc, runs, v))
        {
            n = ai_anthropic_field(doc, v, object, name);

            if (n >= 0) {
                sum = ai_max(sum, 0) + n;
            }
        }
    }

    n = ai_anthropic_field(doc, usage, object, name);
    n = ai_max(n, sum);

    if (n >= 0) {
        *to = n;
    }
}


static int64_t
ai_anthropic_field(const ai_json_t *doc, ai_ref_t v, const char *object,
    const char *name)
{
    if (object) {
        v = ai_json_get(doc, v, object);
    }

    return ai_anthropic_tokens(doc, ai_json_get(doc, v, name));
}


/* -1: absent, or nonsense.  A million of them still add up in 64 bits */

static int64_t
ai_anthropic_tokens(const ai_json_t *doc, ai_ref_t v)
{
    int64_t  n;

    if (ai_json_int(doc, v, &n) != AI_OK || n < 0
        || n > AI_ANTHROPIC_USAGE_TOP)
    {
        return -1;
    }

    return n;
}


static ai_int_t
ai_anthropic_ping(ai_anthropic_t *a, ai_ref_t root)
{
    ai_event_t  ev;

    (void) root;

    ai_anthropic_event(&ev, AI_EVENT_PING);

    return ai_anthropic_emit(a, &ev);
}


static ai_int_t
ai_anthropic_error(ai_anthropic_t *a, const ai_str_t *body)
{
    a->dead = 1;

    return ai_decoder_error(&a->d, 0, body);
}
