
/*
 * Answers of Cohere's chat API.
 *
 *     message-start
 *       content-start  content-delta*  content-end       text or thinking
 *       citation-start  citation-end                     of the text so far
 *       tool-plan-delta*
 *       tool-call-start  tool-call-delta*  tool-call-end
 *     message-end      finish_reason, usage
 *
 * The name of an event is in its JSON too, should its line be missing.
 */

#include <provider/ai_cohere_int.h>


#define AI_COHERE_USAGE_TOP  INT64_C(1000000000000)


typedef struct {
    ai_str_t            name;
    ai_cohere_event_pt  handler;
} ai_cohere_handler_t;


static ai_int_t ai_cohere_message_start(ai_cohere_t *a, ai_ref_t root);
static ai_int_t ai_cohere_message_end(ai_cohere_t *a, ai_ref_t root);
static ai_int_t ai_cohere_ignored(ai_cohere_t *a, ai_ref_t root);

static ai_cohere_event_pt ai_cohere_handler(const ai_str_t *name);
static ai_int_t ai_cohere_nameless(ai_cohere_t *a, const ai_str_t *data);
static ai_int_t ai_cohere_handle(ai_cohere_t *a, ai_cohere_event_pt handler);
static unsigned ai_cohere_failed(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_cohere_failure(ai_cohere_t *a, unsigned status,
    ai_ref_t v);
static ai_int_t ai_cohere_finish(ai_cohere_t *a, ai_ref_t reason);
static ai_int_t ai_cohere_usage(ai_cohere_t *a, ai_ref_t usage);
static int64_t ai_cohere_tokens(const ai_json_t *doc, ai_ref_t usage,
    const char *name);
static int64_t ai_cohere_billed(const ai_json_t *doc, ai_ref_t usage,
    const char *name);
static int64_t ai_cohere_count(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_cohere_error(ai_cohere_t *a, unsigned status,
    const ai_str_t *body);


static const ai_cohere_handler_t  ai_cohere_handlers[] = {
    { ai_string("content-delta"), ai_cohere_content_delta },
    { ai_string("tool-call-delta"), ai_cohere_call_delta },
    { ai_string("tool-plan-delta"), ai_cohere_plan_delta },
    { ai_string("content-start"), ai_cohere_content_start },
    { ai_string("content-end"), ai_cohere_content_end },
    { ai_string("tool-call-start"), ai_cohere_call_start },
    { ai_string("tool-call-end"), ai_cohere_call_end },
    { ai_string("citation-start"), ai_cohere_citation },
    { ai_string("message-start"), ai_cohere_message_start },
    { ai_string("message-end"), ai_cohere_message_end },
    { ai_null_string, ai_cohere_ignored }
};


static const struct {
    const char            *reason;
    ai_finish_e            finish;
} ai_cohere_finishes[] = {
    { "COMPLETE", AI_FINISH_STOP },
    { "TOOL_CALL", AI_FINISH_STOP },            /* if there is one: TOOLS */
    { "STOP_SEQUENCE", AI_FINISH_STOP_SEQ },
    { "MAX_TOKENS", AI_FINISH_LENGTH },
    { "ERROR_LIMIT", AI_FINISH_CONTEXT },
    { "ERROR_TOXIC", AI_FINISH_FILTER },
    { NULL, AI_FINISH_STOP }
};


void
ai_cohere_init(ai_decoder_t *d)
{
    ai_cohere_t  *a;

    a = (ai_cohere_t *) d;

    a->number = -1;
    a->piece = AI_JSON_NONE;
}


ai_int_t
ai_cohere_stream(ai_decoder_t *d, const ai_sse_event_t *ev)
{
    ai_cohere_t         *a;
    ai_cohere_event_pt   handler;

    a = (ai_cohere_t *) d;

    if (ev->data.len == 0 || ev->comment || d->terminal || a->dead) {
        return AI_OK;
    }

    handler = ai_cohere_handler(&ev->name);

    if (handler == ai_cohere_ignored) {

        if (ev->name.len == 0 || ai_str_is(&ev->name, "message")) {
            return ai_cohere_nameless(a, &ev->data);
        }

        return ai_str_is(&ev->name, "error")
               ? ai_cohere_error(a, 0, &ev->data) : AI_OK;
    }

    if (ai_json_parse_next(&d->doc, &ev->data, NULL) != AI_OK
        || ai_json_type(&d->doc, AI_JSON_ROOT) != AI_JSON_OBJECT)
    {
        return AI_ERROR;
    }

    return ai_cohere_handle(a, handler);
}


/* pieces of one text follow each other, and their events are alike: where the
 * last one had its piece, this one has it too */

static ai_int_t
ai_cohere_handle(ai_cohere_t *a, ai_cohere_event_pt handler)
{
    if (!a->d.doc.moved || a->handler != handler) {
        a->piece = AI_JSON_NONE;
        a->handler = handler;
    }

    return handler(a, AI_JSON_ROOT);
}


static ai_cohere_event_pt
ai_cohere_handler(const ai_str_t *name)
{
    const ai_cohere_handler_t  *h;

    for (h = ai_cohere_handlers; h->name.len != 0; h++) {
        if (ai_str_eq(&h->name, name)) {
            break;
        }
    }

    return h->handler;
}


/* a type that is not known yet is no error, neither type nor error is one */

static ai_int_t
ai_cohere_nameless(ai_cohere_t *a, const ai_str_t *data)
{
    ai_ref_t    type;
    ai_esc_t    name;
    ai_json_t  *doc;

    doc = &a->d.doc;

    if (ai_json_parse_next(doc, data, NULL) != AI_OK
        || ai_json_type(doc, AI_JSON_ROOT) != AI_JSON_OBJECT)
    {
        return AI_ERROR;
    }

    type = ai_json_get(doc, AI_JSON_ROOT, "type");
    name = ai_json_esc(doc, type);

    if (name.len != 0 && !ai_str_is(&name, "error")) {
        return ai_cohere_handle(a, ai_cohere_handler(&name));
    }

    if (name.len != 0
        || ai_json_get(doc, AI_JSON_ROOT, "message") != AI_JSON_NONE
        || ai_json_get(doc, AI_JSON_ROOT, "error") != AI_JSON_NONE)
    {
        return ai_cohere_error(a, 0, data);
    }

    return AI_ERROR;
}


ai_int_t
ai_cohere_stream_end(ai_decoder_t *d)
{
    ai_cohere_t  *a;

    a = (ai_cohere_t *) d;

    return (d->terminal || a->dead) ? AI_OK : AI_ERROR;
}


/* an answer that failed is not told in part */

ai_int_t
ai_cohere_answer(ai_decoder_t *d, const ai_str_t *body)
{
    unsigned      status;
    ai_ref_t      message, reason;
    ai_cohere_t  *a;

    a = (ai_cohere_t *) d;

    if (ai_json_parse(&d->doc, body, NULL) != AI_OK) {
        return AI_ERROR;
    }

    message = ai_json_get(&d->doc, AI_JSON_ROOT, "message");
    reason = ai_json_get(&d->doc, AI_JSON_ROOT, "finish_reason");

    if (ai_json_type(&d->doc, message) == AI_JSON_STRING) {
        return ai_cohere_error(a, 0, body);
    }

    status = ai_cohere_failed(&d->doc, AI_JSON_ROOT);

    if (status != 0) {
        return ai_cohere_failure(a, status, AI_JSON_ROOT);
    }

    if (ai_json_type(&d->doc, message) != AI_JSON_OBJECT
        || ai_cohere_start(a, AI_JSON_ROOT) != AI_OK
        || ai_cohere_message(a, message) != AI_OK
        || ai_cohere_finish(a, reason) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_cohere_usage(a, ai_json_get(&d->doc, AI_JSON_ROOT, "usage"));
}


static ai_int_t
ai_cohere_message_start(ai_cohere_t *a, ai_ref_t root)
{
    return ai_cohere_start(a, root);
}


/* the model is not in an answer */

ai_int_t
ai_cohere_start(ai_cohere_t *a, ai_ref_t root)
{
    ai_event_t  ev;

    if (a->d.started) {
        return AI_OK;
    }

    a->d.started = 1;

    ai_cohere_event(&ev, AI_EVENT_START);
    ev.id = ai_json_esc(&a->d.doc, ai_json_get(&a->d.doc, root, "id"));

    return ai_cohere_emit(a, &ev);
}


static ai_int_t
ai_cohere_message_end(ai_cohere_t *a, ai_ref_t root)
{
    unsigned    status;
    ai_ref_t    delta;
    ai_json_t  *doc;

    doc = &a->d.doc;
    delta = ai_json_get(doc, root, "delta");
    status = ai_cohere_failed(doc, delta);

    if (status != 0) {
        return ai_cohere_failure(a, status, delta);
    }

    if (ai_json_type(doc, delta) != AI_JSON_OBJECT
        || ai_cohere_start(a, AI_JSON_NONE) != AI_OK
        || ai_cohere_finish(a, ai_json_get(doc, delta, "finish_reason"))
           != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_cohere_usage(a, ai_json_get(doc, delta, "usage"));
}


static ai_int_t
ai_cohere_ignored(ai_cohere_t *a, ai_ref_t root)
{
    (void) a;
    (void) root;

    return AI_OK;
}


/* the status of what ended in an error, or 0 */

static unsigned
ai_cohere_failed(const ai_json_t *doc, ai_ref_t v)
{
    ai_ref_t  reason;

    reason = ai_json_get(doc, v, "finish_reason");

    if (ai_json_is(doc, reason, "TIMEOUT")) {
        return 504;
    }

    if (ai_json_is(doc, reason, "ERROR")
        || ai_json_esc(doc, ai_json_get(doc, v, "error")).len != 0)
    {
        return 502;
    }

    return 0;
}


/* what it cost until then is paid for */

static ai_int_t
ai_cohere_failure(ai_cohere_t *a, unsigned status, ai_ref_t v)
{
    ai_raw_t  raw;

    raw = ai_json_raw(&a->d.doc, v);

    if (ai_cohere_usage(a, ai_json_get(&a->d.doc, v, "usage")) != AI_OK) {
        return AI_ERROR;
    }

    return ai_cohere_error(a, status, &raw);
}


/* an end without a reason, or with a new one, is a stop; which sequence
 * stopped it is known if there was one only */

static ai_int_t
ai_cohere_finish(ai_cohere_t *a, ai_ref_t reason)
{
    size_t      i;
    ai_event_t  ev;

    if (!ai_json_is_null(&a->d.doc, reason)
        && ai_json_type(&a->d.doc, reason) != AI_JSON_STRING)
    {
        return AI_ERROR;
    }

    if (ai_cohere_close(a) != AI_OK) {
        return AI_ERROR;
    }

    for (i = 0; ai_cohere_finishes[i].reason != NULL; i++) {
        if (ai_json_is(&a->d.doc, reason, ai_cohere_finishes[i].reason)) {
            break;
        }
    }

    a->d.finished = 1;
    a->d.terminal = 1;

    ai_cohere_event(&ev, AI_EVENT_FINISH);

    ev.finish = ai_cohere_finishes[i].finish;

    if (ev.finish == AI_FINISH_STOP && a->tools) {
        ev.finish = AI_FINISH_TOOLS;
    }

    if (ev.finish == AI_FINISH_STOP_SEQ && a->d.rq != NULL
        && a->d.rq->nstop == 1)
    {
        ev.stop_seq = a->d.rq->stop[0];
    }

    return ai_cohere_emit(a, &ev);
}


/* "tokens" are those of the model, with its template, which "billed_units"
 * leave out */

static ai_int_t
ai_cohere_usage(ai_cohere_t *a, ai_ref_t usage)
{
    ai_event_t  ev;
    ai_usage_t  u;
    ai_json_t  *doc;

    doc = &a->d.doc;

    if (ai_json_type(doc, usage) != AI_JSON_OBJECT) {
        return AI_OK;
    }

    ai_usage_init(&u);

    u.prompt = ai_cohere_tokens(doc, usage, "input_tokens");
    u.completion = ai_cohere_tokens(doc, usage, "output_tokens");
    u.cached = ai_cohere_count(doc, ai_json_get(doc, usage,
                                                "cached_tokens"));
    u.billed_prompt = ai_cohere_billed(doc, usage, "input_tokens");
    u.billed_completion = ai_cohere_billed(doc, usage, "output_tokens");
    u.searches = ai_cohere_billed(doc, usage, "search_units");
    ai_usage_normalise(&u);

    ai_cohere_event(&ev, AI_EVENT_USAGE);
    ev.usage = &u;

    return ai_cohere_emit(a, &ev);
}


static int64_t
ai_cohere_tokens(const ai_json_t *doc, ai_ref_t usage, const char *name)
{
    int64_t  n;

    n = ai_cohere_count(doc, ai_json_path(doc, usage, "tokens", name, NULL));

    return n >= 0 ? n : ai_cohere_billed(doc, usage, name);
}


static int64_t
ai_cohere_billed(const ai_json_t *doc, ai_ref_t usage, const char *name)
{
    return ai_cohere_count(doc, ai_json_path(doc, usage, "billed_units", name,
                                             NULL));
}


/* -1: absent, or nonsense */

static int64_t
ai_cohere_count(const ai_json_t *doc, ai_ref_t v)
{
    int64_t  n;

    if (ai_json_int(doc, v, &n) != AI_OK || n < 0 || n > AI_COHERE_USAGE_TOP)
    {
        return -1;
    }

    return n;
}


static ai_int_t
ai_cohere_error(ai_cohere_t *a, unsigned status, const ai_str_t *body)
{
    a->dead = 1;

    return ai_decoder_error(&a->d, status, body);
}


ai_int_t
ai_cohere_emit(ai_cohere_t *a, const ai_event_t *ev)
{
    return (a->d.sink.event(a->d.sink.data, ev) == AI_OK) ? AI_OK : AI_ERROR;
}


void
ai_cohere_event(ai_event_t *ev, ai_event_e type)
{
    memset(ev, 0, sizeof(ai_event_t));

    ev->type = type;
}
