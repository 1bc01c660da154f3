
/*
 * Answers of Amazon Bedrock's Converse API.
 *
 *     messageStart
 *       contentBlockStart      calls only
 *       contentBlockDelta*     contentBlockStop
 *     messageStop              stopReason
 *     metadata                 usage; some gateways send it before
 *
 * An exception may come instead of any of them.  Every event has "p", padding
 * of random length.
 */

#include <provider/ai_bedrock_int.h>
#include <provider/ai_openai_wire_int.h>


#define AI_BEDROCK_USAGE_TOP  INT64_C(1000000000000)


typedef ai_int_t (*ai_bedrock_event_pt)(ai_bedrock_t *a, ai_ref_t root);

typedef struct {
    ai_str_t            name;
    ai_bedrock_event_pt  handler;
} ai_bedrock_handler_t;


static ai_int_t ai_bedrock_message_start(ai_bedrock_t *a, ai_ref_t root);
static ai_int_t ai_bedrock_message_stop(ai_bedrock_t *a, ai_ref_t root);
static ai_int_t ai_bedrock_metadata(ai_bedrock_t *a, ai_ref_t root);

static ai_int_t ai_bedrock_finish(ai_bedrock_t *a, ai_ref_t root);
static ai_int_t ai_bedrock_usage(ai_bedrock_t *a, ai_ref_t root);
static int64_t ai_bedrock_written(const ai_json_t *doc, ai_ref_t usage);
static int64_t ai_bedrock_tokens(const ai_json_t *doc, ai_ref_t usage,
    const char *name, const char *other);
static ai_int_t ai_bedrock_is_error(const ai_str_t *name);
static ai_int_t ai_bedrock_error(ai_bedrock_t *a, unsigned status,
    const ai_str_t *body);
static unsigned ai_bedrock_status(const ai_str_t *name);


static const ai_bedrock_handler_t  ai_bedrock_handlers[] = {
    { ai_string("contentBlockDelta"), ai_bedrock_block_delta },
    { ai_string("contentBlockStart"), ai_bedrock_block_start },
    { ai_string("contentBlockStop"), ai_bedrock_block_stop },
    { ai_string("messageStart"), ai_bedrock_message_start },
    { ai_string("messageStop"), ai_bedrock_message_stop },
    { ai_string("metadata"), ai_bedrock_metadata },
    { ai_null_string, NULL }
};


static const struct {
    const char            *reason;
    ai_finish_e            finish;
} ai_bedrock_reasons[] = {
    { "end_turn", AI_FINISH_STOP },
    { "tool_use", AI_FINISH_TOOLS },
    { "stop_sequence", AI_FINISH_STOP_SEQ },
    { "max_tokens", AI_FINISH_LENGTH },
    { "model_context_window_exceeded", AI_FINISH_CONTEXT },
    { "guardrail_intervened", AI_FINISH_FILTER },
    { "content_filtered", AI_FINISH_FILTER },
    { "refusal", AI_FINISH_FILTER },
    { "malformed_model_output", AI_FINISH_ERROR },
    { "malformed_tool_use", AI_FINISH_ERROR },
    { NULL, AI_FINISH_STOP }
};


/* exceptions as the statuses they have when they come before a stream */

static const struct {
    ai_str_t               name;
    unsigned               status;
} ai_bedrock_exceptions[] = {
    { ai_string("throttlingException"), 429 },
    { ai_string("modelNotReadyException"), 429 },
    { ai_string("serviceQuotaExceededException"), 429 },
    { ai_string("validationException"), 400 },
    { ai_string("resourceNotFoundException"), 404 },
    { ai_string("accessDeniedException"), 403 },
    { ai_string("expiredTokenException"), 403 },
    { ai_string("unrecognizedClientException"), 403 },
    { ai_string("invalidSignatureException"), 403 },
    { ai_string("modelTimeoutException"), 408 },
    { ai_string("modelErrorException"), 424 },
    { ai_string("modelStreamErrorException"), 424 },
    { ai_string("serviceUnavailableException"), 503 },
    { ai_string("internalServerException"), 500 },
    { ai_null_string, 500 }
};


void
ai_bedrock_init(ai_decoder_t *d)
{
    ai_bedrock_t  *a;

    a = (ai_bedrock_t *) d;

    ai_buf_init(&a->held, d->pool);

    a->skipped = -1;
}


ai_int_t
ai_bedrock_stream(ai_decoder_t *d, const ai_sse_event_t *ev)
{
    ai_bedrock_t                *a;
    const ai_bedrock_handler_t  *h;

    a = (ai_bedrock_t *) d;

    if (ev->comment || d->terminal || a->dead) {
        return AI_OK;
    }

    if (ai_bedrock_is_error(&ev->name)) {
        return ai_bedrock_error(a, ai_bedrock_status(&ev->name), &ev->data);
    }

    for (h = ai_bedrock_handlers; h->handler != NULL; h++) {
        if (ai_str_eq(&h->name, &ev->name)) {
            break;
        }
    }

    /* a type that is not known yet is no error, an event without one is */

    if (h->handler == NULL) {
        return (ev->name.len != 0) ? AI_OK : AI_ERROR;
    }

    if (ev->data.len == 0
        || ai_json_parse_next(&d->doc, &ev->data, NULL) != AI_OK
        || ai_json_type(&d->doc, AI_JSON_ROOT) != AI_JSON_OBJECT)
    {
        return AI_ERROR;
    }

    return h->handler(a, AI_JSON_ROOT);
}


/* usage is missed where a gateway ends the stream without it, no more */

ai_int_t
ai_bedrock_stream_end(ai_decoder_t *d)
{
    ai_bedrock_t  *a;

    a = (ai_bedrock_t *) d;

    if (a->dead) {
        return AI_OK;
    }

    if (!d->finished) {
        return AI_ERROR;
    }

    d->terminal = 1;

    return AI_OK;
}


ai_int_t
ai_bedrock_answer(ai_decoder_t *d, const ai_str_t *body)
{
    ai_ref_t       content;
    ai_bedrock_t  *a;

    a = (ai_bedrock_t *) d;

    if (ai_json_parse(&d->doc, body, NULL) != AI_OK) {
        return AI_ERROR;
    }

    content = ai_json_path(&d->doc, AI_JSON_ROOT, "output", "message",
                           "content", NULL);

    if (ai_json_type(&d->doc, content) != AI_JSON_ARRAY) {
        if (ai_json_type(&d->doc,
                         ai_json_get(&d->doc, AI_JSON_ROOT, "message"))
            == AI_JSON_STRING)
        {
            return ai_bedrock_error(a, 0, body);
        }

        return AI_ERROR;
    }

    if (ai_bedrock_start(a) != AI_OK
        || ai_bedrock_content(a, content) != AI_OK
        || ai_bedrock_finish(a, AI_JSON_ROOT) != AI_OK)
    {
        return AI_ERROR;
    }

    d->terminal = 1;

    return ai_bedrock_usage(a, AI_JSON_ROOT);
}


static ai_int_t
ai_bedrock_message_start(ai_bedrock_t *a, ai_ref_t root)
{
    (void) root;

    return ai_bedrock_start(a);
}


/* neither an id nor the model is in the body */

ai_int_t
ai_bedrock_start(ai_bedrock_t *a)
{
    ai_event_t  ev;

    if (a->d.started) {
        return AI_OK;
    }

    a->d.started = 1;

    ai_bedrock_event(&ev, AI_EVENT_START);

    return ai_bedrock_emit(a, &ev);
}


static ai_int_t
ai_bedrock_message_stop(ai_bedrock_t *a, ai_ref_t root)
{
    if (ai_bedrock_start(a) != AI_OK || ai_bedrock_finish(a, root) != AI_OK) {
        return AI_ERROR;
    }

    a->d.terminal = a->usage;

    return AI_OK;
}


static ai_int_t
ai_bedrock_metadata(ai_bedrock_t *a, ai_ref_t root)
{
    if (ai_bedrock_start(a) != AI_OK) {
        return AI_ERROR;
    }

    a->usage = 1;
    a->d.terminal = a->d.finished;

    return ai_bedrock_usage(a, root);
}


/* once; v holds stopReason, an end without one is a stop */

static ai_int_t
ai_bedrock_finish(ai_bedrock_t *a, ai_ref_t v)
{
    size_t      i;
    ai_ref_t    reason;
    ai_event_t  ev;

    if (a->d.finished) {
        return AI_OK;
    }

    reason = ai_json_get(&a->d.doc, v, "stopReason");

    if (!ai_json_is_null(&a->d.doc, reason)
        && ai_json_type(&a->d.doc, reason) != AI_JSON_STRING)
    {
        return AI_ERROR;
    }

    if (ai_bedrock_close(a) != AI_OK) {
        return AI_ERROR;
    }

    for (i = 0; ai_bedrock_reasons[i].reason != NULL; i++) {
        if (ai_json_is(&a->d.doc, reason, ai_bedrock_reasons[i].reason)) {
            break;
        }
    }

    a->d.finished = 1;

    ai_bedrock_event(&ev, AI_EVENT_FINISH);

    ev.finish = ai_bedrock_reasons[i].finish;

    if (ev.finish == AI_FINISH_STOP && a->tools) {
        ev.finish = AI_FINISH_TOOLS;
    }

    if (ev.finish == AI_FINISH_STOP_SEQ) {
        ev.stop_seq = ai_json_esc(&a->d.doc,
                                  ai_json_path(&a->d.doc, v,
                                      "additionalModelResponseFields",
                                      "stop_sequence", NULL));
    }

    return ai_bedrock_emit(a, &ev);
}


/* inputTokens leaves out what was read from the cache or written to it; how
 * much was thinking is not said */

static ai_int_t
ai_bedrock_usage(ai_bedrock_t *a, ai_ref_t root)
{
    ai_ref_t     usage;
    ai_event_t   ev;
    ai_usage_t   u;
    ai_json_t   *doc;

    doc = &a->d.doc;
    usage = ai_json_get(doc, root, "usage");

    if (ai_json_type(doc, usage) != AI_JSON_OBJECT) {
        return AI_OK;
    }

    ai_usage_init(&u);

    u.prompt = ai_bedrock_tokens(doc, usage, "inputTokens", NULL);
    u.completion = ai_bedrock_tokens(doc, usage, "outputTokens", NULL);
    u.cached = ai_bedrock_tokens(doc, usage, "cacheReadInputTokens",
                                 "cacheReadInputTokenCount");
    u.cache_write = ai_bedrock_tokens(doc, usage, "cacheWriteInputTokens",
                                      "cacheWriteInputTokenCount");
    u.cache_write_1h = ai_bedrock_written(doc, usage);
    u.tier = ai_wire_tier(doc, ai_json_path(doc, root, "serviceTier", "type",
                                            NULL));

    if (u.prompt >= 0) {
        u.prompt += ai_max(u.cached, 0) + ai_max(u.cache_write, 0);
    }

    ai_usage_normalise(&u);

    ai_bedrock_event(&ev, AI_EVENT_USAGE);
    ev.usage = &u;

    return ai_bedrock_emit(a, &ev);
}


/* for an hour: the details are of what was written only */

static int64_t
ai_bedrock_written(const ai_json_t *doc, ai_ref_t usage)
{
    int64_t   n, sum;
    ai_ref_t  details, v;

    sum = -1;
    details = ai_json_get(doc, usage, "cacheDetails");

    if (ai_json_type(doc, details) != AI_JSON_ARRAY) {
        return -1;
    }

    for (v = ai_json_first(doc, details);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, details, v))
    {
        n = ai_bedrock_tokens(doc, v, "inputTokens", NULL);

        if (n >= 0) {
            sum = ai_max(sum, 0)
                  + (ai_json_is(doc, ai_json_get(doc, v, "ttl"), "1h") ? n
                                                                       : 0);
        }
    }

    return sum;
}


/* under its name, or an older one; -1: absent, or nonsense */

static int64_t
ai_bedrock_tokens(const ai_json_t *doc, ai_ref_t usage, const char *name,
    const char *other)
{
    int64_t  n;

    if (ai_json_int(doc, ai_json_get(doc, usage, name), &n) == AI_OK
        && n >= 0 && n <= AI_BEDROCK_USAGE_TOP)
    {
        return n;
    }

    return other ? ai_bedrock_tokens(doc, usage, other, NULL) : -1;
}


static ai_int_t
ai_bedrock_is_error(const ai_str_t *name)
{
    size_t    n;
    ai_str_t  end;

    n = sizeof("Exception") - 1;

    if (name->len < n) {
        return ai_str_is(name, "error");
    }

    end.data = name->data + name->len - n;
    end.len = n;

    return ai_str_is(&end, "Exception");
}


static unsigned
ai_bedrock_status(const ai_str_t *name)
{
    size_t  i;

    for (i = 0; ai_bedrock_exceptions[i].name.len != 0; i++) {
        if (ai_str_caseeq(&ai_bedrock_exceptions[i].name, name)) {
            break;
        }
    }

    return ai_bedrock_exceptions[i].status;
}


static ai_int_t
ai_bedrock_error(ai_bedrock_t *a, unsigned status, const ai_str_t *body)
{
    a->dead = 1;

    return ai_decoder_error(&a->d, status, body);
}


ai_int_t
ai_bedrock_emit(ai_bedrock_t *a, const ai_event_t *ev)
{
    return (a->d.sink.event(a->d.sink.data, ev) == AI_OK) ? AI_OK : AI_ERROR;
}


void
ai_bedrock_event(ai_event_t *ev, ai_event_e type)
{
    memset(ev, 0, sizeof(ai_event_t));

    ev->type = type;
}
