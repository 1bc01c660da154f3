
/*
 * Follows the events of an answer.  Texts go out as they come; a call is held
 * until it is whole, as Ollama has it in one piece.
 */

#include <api/ai_ollama_int.h>
#include <api/ai_reply_int.h>


#define AI_OLLAMA_ID_TAIL  20


static void *ai_ollama_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool, unsigned generate);
static ai_int_t ai_ollama_reply_one(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_ollama_reply_start(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_ollama_reply_call(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_ollama_reply_delta(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_ollama_reply_text(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_ollama_reply_args(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_ollama_reply_finish(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_ollama_reply_error(ai_ollama_reply_t *r,
    const ai_error_t *err);
static ai_int_t ai_ollama_settle(ai_ollama_reply_t *r);
static ai_ollama_slot_t *ai_ollama_slot_find(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_ollama_slot_t *ai_ollama_slot_add(ai_ollama_reply_t *r,
    const ai_event_t *ev);
static ai_ollama_slot_t *ai_ollama_slot_new(ai_ollama_reply_t *r);
static void ai_ollama_slot_free(ai_ollama_reply_t *r,
    ai_ollama_slot_t *slot);


void *
ai_ollama_chat_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool)
{
    return ai_ollama_create(conf, out, pool, 0);
}


void *
ai_ollama_generate_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool)
{
    return ai_ollama_create(conf, out, pool, 1);
}


static void *
ai_ollama_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool, unsigned generate)
{
    ai_ollama_reply_t  *r;

    r = ai_pcalloc(pool, sizeof(ai_ollama_reply_t));
    if (r == NULL) {
        return NULL;
    }

    r->conf = *conf;
    r->conf.rq = NULL;
    r->out = out;
    r->pool = pool;
    r->generate = generate;
    r->thoughts = conf->rq == NULL || conf->rq->thoughts != 0;

    if (ai_str_dup(pool, &r->conf.id, &conf->id) != AI_OK
        || ai_str_dup(pool, &r->conf.model, &conf->model) != AI_OK)
    {
        return NULL;
    }

    ai_usage_init(&r->usage);
    ai_json_init(&r->doc, pool);
    ai_buf_init(&r->head, pool);
    ai_buf_init(&r->text_head, pool);
    ai_buf_init(&r->think_head, pool);
    ai_buf_init(&r->text, pool);
    ai_buf_init(&r->thinking, pool);
    ai_buf_init(&r->tools, pool);
    ai_buf_init(&r->logs, pool);
    ai_buf_init(&r->scratch, pool);

    return r;
}


ai_int_t
ai_ollama_reply_event(void *reply, const ai_event_t *ev)
{
    ai_ollama_reply_t *r = reply;

    ai_int_t  rc;

    if (r->failed || r->ended) {
        return AI_OK;
    }

    /* nearly all events of a stream are this one */

    if (ev->type == AI_EVENT_DELTA
        && ev->kind == AI_BLOCK_TEXT
        && ev->delta == AI_DELTA_TEXT
        && ev->choice == 0
        && r->conf.stream
        && r->started
        && !r->finished)
    {
        if (ev->text.len) {
            ai_buf_add(r->out, r->text_head.start, ai_buf_len(&r->text_head));
            ai_buf_add(r->out, ev->text.data, ev->text.len);
            ai_buf_add(r->out, r->tail.data, r->tail.len);
        }

        rc = AI_OK;

    } else {
        rc = ai_ollama_reply_one(r, ev);
    }

    return r->out->failed ? AI_ERROR : rc;
}


static ai_int_t
ai_ollama_reply_one(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    ai_ollama_slot_t  *slot;

    switch (ev->type) {

    case AI_EVENT_PING:
        return AI_OK;

    case AI_EVENT_USAGE:
        if (ev->usage) {
            ai_usage_merge(&r->usage, ev->usage);
        }

        return AI_OK;

    case AI_EVENT_ERROR:
        return ai_ollama_reply_error(r, ev->error);

    default:
        break;
    }

    /* one message is all that a client can be told */

    if (ev->choice != 0 || r->finished) {
        return AI_OK;
    }

    if (!r->started && ai_ollama_reply_start(r, ev) != AI_OK) {
        return AI_ERROR;
    }

    switch (ev->type) {

    case AI_EVENT_BLOCK_START:
        return ev->kind == AI_BLOCK_TOOL_CALL ? ai_ollama_reply_call(r, ev)
                                              : AI_OK;

    case AI_EVENT_DELTA:
        return ai_ollama_reply_delta(r, ev);

    case AI_EVENT_BLOCK_STOP:
        slot = ai_ollama_slot_find(r, ev);

        if (slot == NULL) {
            return AI_OK;
        }

        slot->open = 0;

        return ai_ollama_settle(r);

    case AI_EVENT_FINISH:
        return ai_ollama_reply_finish(r, ev);

    default:
        return AI_OK;
    }
}


/* ev is the START, or whatever came without one */

static ai_int_t
ai_ollama_reply_start(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    const ai_esc_t  *model;

    model = &r->conf.model;

    if (ev->type == AI_EVENT_START && ev->model.len) {
        model = &ev->model;
    }

    r->started = 1;

    return ai_ollama_write_init(r, model);
}


/* there are no tools in a request to /api/generate */

static ai_int_t
ai_ollama_reply_call(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    size_t             n;
    ai_buf_t          *b;
    ai_ollama_slot_t  *slot;

    if (r->generate) {
        return AI_OK;
    }

    slot = ai_ollama_slot_find(r, ev);
    if (slot) {
        slot->open = 0;

        if (ai_ollama_settle(r) != AI_OK) {
            return AI_ERROR;
        }
    }

    slot = ai_ollama_slot_add(r, ev);
    if (slot == NULL) {
        return AI_ERROR;
    }

    b = &slot->head;

    ai_buf_lit(b, "{\"id\":\"");

    if (ev->id.len) {
        ai_buf_cat(b, &ev->id);

    } else {
        n = ai_min(r->conf.id.len, AI_OLLAMA_ID_TAIL);

        ai_buf_lit(b, "call_");
        ai_buf_add(b, r->conf.id.data + r->conf.id.len - n, n);
        ai_buf_char(b, '_');
        ai_buf_int(b, r->calls);
    }

    ai_buf_lit(b, "\",\"function\":{\"index\":");
    ai_buf_int(b, r->calls++);
    ai_buf_lit(b, ",\"name\":");
    ai_buf_quote_esc(b, &ev->name);
    ai_buf_lit(b, ",\"arguments\":");

    return b->failed ? AI_ERROR : AI_OK;
}


static ai_int_t
ai_ollama_reply_delta(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    switch (ev->delta) {

    case AI_DELTA_TEXT:
        if (ev->text.len == 0) {
            return AI_OK;
        }

        return ev->kind == AI_BLOCK_TOOL_CALL ? ai_ollama_reply_args(r, ev)
                                              : ai_ollama_reply_text(r, ev);

    case AI_DELTA_LOGPROBS:
        return ai_ollama_write_logprobs(r, &ev->raw);

    default: /* signatures, annotations */
        return AI_OK;
    }
}


static ai_int_t
ai_ollama_reply_text(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    ai_buf_t  *b;

    switch (ev->kind) {

    case AI_BLOCK_THINKING:
        if (!r->thoughts) {
            return AI_OK;
        }

        if (r->conf.stream) {
            ai_ollama_write_thinking(r, &ev->text);
            return AI_OK;
        }

        b = &r->thinking;
        break;

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        if (r->conf.stream) {
            ai_buf_add(r->out, r->text_head.start, ai_buf_len(&r->text_head));
            ai_buf_cat(r->out, &ev->text);
            ai_buf_cat(r->out, &r->tail);
            return AI_OK;
        }

        b = &r->text;
        break;

    default:
        return AI_OK;
    }

    ai_buf_cat(b, &ev->text);

    return b->failed ? AI_ERROR : AI_OK;
}


static ai_int_t
ai_ollama_reply_args(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    ai_ollama_slot_t  *slot;

    if (r->generate) {
        return AI_OK;
    }

    slot = ai_ollama_slot_find(r, ev);

    if (slot == NULL) {
        return AI_ERROR;
    }

    if (r->conf.stream
        && (ev->text.len > AI_OLLAMA_HELD - ai_buf_len(&slot->args)
            || ev->text.len > AI_OLLAMA_HELD_ALL - r->held))
    {
        return AI_ERROR;
    }

    ai_buf_cat(&slot->args, &ev->text);

    if (slot->args.failed) {
        return AI_ERROR;
    }

    r->held += ev->text.len;

    return AI_OK;
}


static ai_int_t
ai_ollama_reply_finish(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    ai_error_t         err;
    ai_ollama_slot_t  *slot;

    if (ev->finish == AI_FINISH_ERROR) {
        return ai_ollama_reply_error(r, NULL);
    }

    for (slot = r->first; slot; slot = slot->next) {
        slot->open = 0;
    }

    if (ai_ollama_settle(r) != AI_OK) {
        return AI_ERROR;
    }

    r->finished = 1;
    r->finish = ev->finish;

    if (!r->malformed || ev->finish == AI_FINISH_LENGTH
        || ev->finish == AI_FINISH_CONTEXT || ev->finish == AI_FINISH_FILTER)
    {
        return AI_OK;
    }

    memset(&err, 0, sizeof(ai_error_t));
    ai_error_set(&err, AI_ERR_UPSTREAM_INVALID,
                 "The model called a tool with arguments that are no JSON "
                 "object.");

    return ai_ollama_reply_error(r, &err);
}


/* err may be NULL: the provider ended the answer as failed */

static ai_int_t
ai_ollama_reply_error(ai_ollama_reply_t *r, const ai_error_t *err)
{
    ai_error_t  invalid;

    r->failed = 1;

    if (!r->conf.stream) {
        return AI_ERROR;
    }

    ai_ollama_error_event(r->out, ai_reply_error(err, &invalid));

    return AI_OK;
}


ai_int_t
ai_ollama_reply_end(void *reply)
{
    ai_ollama_reply_t *r = reply;

    if (r->ended) {
        return AI_OK;
    }

    if (r->failed) {
        return r->conf.stream ? AI_OK : AI_ERROR;
    }

    if (!r->finished) {
        return AI_ERROR;
    }

    r->ended = 1;

    ai_usage_normalise(&r->usage);
    ai_ollama_write_end(r);

    return r->out->failed ? AI_ERROR : AI_OK;
}


/* writes the calls that are whole, in the order in which they began */

static ai_int_t
ai_ollama_settle(ai_ollama_reply_t *r)
{
    ai_int_t           rc;
    ai_ollama_slot_t  *slot;

    while ((slot = r->first) != NULL && !slot->open) {

        rc = ai_ollama_write_call(r, slot);

        r->first = slot->next;

        if (r->first == NULL) {
            r->last = NULL;
        }

        ai_ollama_slot_free(r, slot);

        if (rc != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_ollama_slot_t *
ai_ollama_slot_find(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    ai_ollama_slot_t  *slot;

    for (slot = r->first; slot; slot = slot->next) {
        if (slot->index == ev->index && slot->open) {
            return slot;
        }
    }

    return NULL;
}


static ai_ollama_slot_t *
ai_ollama_slot_add(ai_ollama_reply_t *r, const ai_event_t *ev)
{
    ai_ollama_slot_t  *slot;

    slot = r->unused;

    if (slot) {
        r->unused = slot->next;

    } else {
        slot = ai_ollama_slot_new(r);
        if (slot == NULL) {
            return NULL;
        }
    }

    slot->next = NULL;
    slot->index = ev->index;
    slot->open = 1;

    if (r->last) {
        r->last->next = slot;

    } else {
        r->first = slot;
    }

    r->last = slot;

    return slot;
}


static ai_ollama_slot_t *
ai_ollama_slot_new(ai_ollama_reply_t *r)
{
    ai_ollama_slot_t  *slot;

    if (r->nslots == (r->conf.stream ? AI_OLLAMA_STREAM_SLOTS
                                     : AI_OLLAMA_SLOTS_MAX))
    {
        return NULL;
    }

    slot = ai_pcalloc(r->pool, sizeof(ai_ollama_slot_t));
    if (slot == NULL) {
        return NULL;
    }

    ai_buf_init(&slot->head, r->pool);
    ai_buf_init(&slot->args, r->pool);

    r->nslots++;

    return slot;
}


static void
ai_ollama_slot_free(ai_ollama_reply_t *r, ai_ollama_slot_t *slot)
{
    r->held -= ai_buf_len(&slot->args);

    ai_buf_reset(&slot->head);
    ai_buf_reset(&slot->args);

    if (slot->args.end - slot->args.start > AI_OLLAMA_KEEP) {
        ai_pfree(r->pool, slot->args.start);
        ai_buf_init(&slot->args, r->pool);
    }

    slot->next = r->unused;
    r->unused = slot;
}
