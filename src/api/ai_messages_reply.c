
#include <api/ai_messages_reply_int.h>
#include <api/ai_reply_int.h>


#define AI_MESSAGES_ID_TAIL  20


static ai_int_t ai_messages_reply_one(ai_messages_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_messages_reply_name(ai_messages_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_messages_reply_block(ai_messages_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_messages_reply_call(ai_messages_reply_t *r,
    ai_messages_slot_t *slot, const ai_event_t *ev);
static ai_int_t ai_messages_reply_delta(ai_messages_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_messages_reply_text(ai_messages_reply_t *r,
    ai_messages_slot_t *slot, const ai_esc_t *text);
static ai_int_t ai_messages_reply_stop(ai_messages_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_messages_reply_finish(ai_messages_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_messages_reply_error(ai_messages_reply_t *r,
    const ai_error_t *err);

static ai_int_t ai_messages_settle(ai_messages_reply_t *r);
static ai_int_t ai_messages_hold(ai_messages_reply_t *r,
    ai_messages_slot_t *slot, ai_buf_t *b, const ai_esc_t *piece);
static ai_messages_slot_t *ai_messages_slot_find(ai_messages_reply_t *r,
    const ai_event_t *ev);
static ai_messages_slot_t *ai_messages_slot_add(ai_messages_reply_t *r,
    const ai_event_t *ev);
static ai_messages_slot_t *ai_messages_slot_new(ai_messages_reply_t *r);


void *
ai_messages_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool)
{
    ai_messages_reply_t  *r;

    r = ai_pcalloc(pool, sizeof(ai_messages_reply_t));
    if (r == NULL) {
        return NULL;
    }

    r->conf = *conf;
    r->out = out;
    r->pool = pool;

    ai_usage_init(&r->usage);
    ai_json_init(&r->doc, pool);
    ai_buf_init(&r->id, pool);
    ai_buf_init(&r->stop_seq, pool);
    ai_buf_init(&r->delta, pool);
    ai_buf_init(&r->content, pool);
    ai_buf_init(&r->scratch, pool);

    ai_buf_lit(&r->id, "msg_");
    ai_buf_cat(&r->id, &conf->id);

    if (r->id.failed
        || ai_str_dup(pool, &r->model, &conf->model) != AI_OK)
    {
        return NULL;
    }

    return r;
}


ai_int_t
ai_messages_reply_event(void *reply, const ai_event_t *ev)
{
    ai_messages_reply_t *r = reply;

    ai_int_t             rc;
    ai_messages_slot_t  *slot;

    if (r->failed || r->ended) {
        return AI_OK;
    }

    slot = r->first;

    /* nearly all events of a stream are this one */

    if (ev->type == AI_EVENT_DELTA
        && ev->delta == AI_DELTA_TEXT
        && ev->choice == 0
        && slot
        && slot->started
        && slot->open
        && slot->index == ev->index
        && slot->kind == ev->kind
        && slot->kind != AI_BLOCK_TOOL_CALL
        && slot->kind != AI_BLOCK_REDACTED)
    {
        if (ev->text.len) {
            ai_buf_add(r->out, r->delta.start, ai_buf_len(&r->delta));
            ai_buf_add(r->out, ev->text.data, ev->text.len);
            ai_buf_lit(r->out, AI_MESSAGES_DELTA_END);
        }

        rc = AI_OK;

    } else {
        rc = ai_messages_reply_one(r, ev);
    }

    return r->out->failed || r->delta.failed ? AI_ERROR : rc;
}


static ai_int_t
ai_messages_reply_one(ai_messages_reply_t *r, const ai_event_t *ev)
{
    switch (ev->type) {

    case AI_EVENT_START:
        return ai_messages_reply_name(r, ev);

    case AI_EVENT_USAGE:
        if (ev->usage) {
            ai_usage_merge(&r->usage, ev->usage);
        }

        return AI_OK;

    case AI_EVENT_ERROR:
        return ai_messages_reply_error(r, ev->error);

    case AI_EVENT_PING:
        if (r->conf.stream) {
            ai_messages_stream_start(r);
            ai_messages_stream_ping(r);
        }

        return AI_OK;

    default:
        break;
    }

    /* one message is all that a client can be told */

    if (ev->choice != 0 || r->finished) {
        return AI_OK;
    }

    switch (ev->type) {

    case AI_EVENT_BLOCK_START:
        return ai_messages_reply_block(r, ev);

    case AI_EVENT_DELTA:
        return ai_messages_reply_delta(r, ev);

    case AI_EVENT_BLOCK_STOP:
        return ai_messages_reply_stop(r, ev);

    case AI_EVENT_FINISH:
        return ai_messages_reply_finish(r, ev);

    default:
        return AI_OK;
    }
}


/* clients look at the prefix of an id: another provider's is not told */

static ai_int_t
ai_messages_reply_name(ai_messages_reply_t *r, const ai_event_t *ev)
{
    if (r->named || r->started) {
        return AI_OK;
    }

    r->named = 1;

    if (ai_str_starts(&ev->id, "msg_")) {
        ai_buf_reset(&r->id);
        ai_buf_cat(&r->id, &ev->id);
    }

    if (r->id.failed
        || (ev->model.len
            && ai_str_dup(r->pool, &r->model, &ev->model) != AI_OK))
    {
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_messages_reply_block(ai_messages_reply_t *r, const ai_event_t *ev)
{
    ai_messages_slot_t  *slot;

    slot = ai_messages_slot_find(r, ev);
    if (slot) {
        slot->open = 0;
    }

    slot = ai_messages_slot_add(r, ev);
    if (slot == NULL) {
        return AI_ERROR;
    }

    slot->family = ev->family;

    switch (ev->kind) {

    case AI_BLOCK_TOOL_CALL:
        if (ai_messages_reply_call(r, slot, ev) != AI_OK) {
            return AI_ERROR;
        }

        break;

    case AI_BLOCK_REDACTED:
        if (ev->family != AI_FAMILY_NONE
            && ai_messages_hold(r, slot, &slot->text, &ev->data) != AI_OK)
        {
            return AI_ERROR;
        }

        break;

    case AI_BLOCK_REFUSAL:
        r->refused = 1;
        break;

    default:
        break;
    }

    if (ev->signature.len
        && ai_messages_hold(r, slot, &slot->signature, &ev->signature)
           != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_messages_settle(r);
}


/* a call that came without an id gets one that no other answer has */

static ai_int_t
ai_messages_reply_call(ai_messages_reply_t *r, ai_messages_slot_t *slot,
    const ai_event_t *ev)
{
    size_t     n;
    ai_buf_t  *b;

    b = &slot->head;

    ai_buf_lit(b, "\"id\":");

    if (ev->id.len) {
        ai_buf_quote_esc(b, &ev->id);

    } else {
        n = ai_min(ai_buf_len(&r->id) - 4, AI_MESSAGES_ID_TAIL);

        ai_buf_lit(b, "\"toolu_");
        ai_buf_add(b, r->id.last - n, n);
        ai_buf_char(b, '_');
        ai_buf_int(b, r->calls);
        ai_buf_char(b, '"');
    }

    ai_buf_lit(b, ",\"name\":");
    ai_buf_quote_esc(b, &ev->name);

    r->calls++;

    return b->failed ? AI_ERROR : AI_OK;
}


static ai_int_t
ai_messages_reply_delta(ai_messages_reply_t *r, const ai_event_t *ev)
{
    ai_messages_slot_t  *slot;

    if (ev->delta == AI_DELTA_LOGPROBS || ev->delta == AI_DELTA_ANNOTATION
        || ev->text.len == 0)
    {
        return AI_OK;
    }

    slot = ai_messages_slot_find(r, ev);

    /* text without a start is a block of its own */

    if (slot == NULL
        && (ev->kind == AI_BLOCK_TEXT || ev->kind == AI_BLOCK_THINKING
            || ev->kind == AI_BLOCK_REFUSAL))
    {
        slot = ai_messages_slot_add(r, ev);
        r->refused |= (ev->kind == AI_BLOCK_REFUSAL);
    }

    if (slot == NULL || slot->kind != ev->kind) {
        return AI_ERROR;
    }

    if (ev->delta == AI_DELTA_TEXT) {
        return ai_messages_reply_text(r, slot, &ev->text);
    }

    /* kept until the block ends: it may come in pieces */

    if (ev->family != AI_FAMILY_NONE) {
        slot->family = ev->family;
    }

    return ai_messages_hold(r, slot, &slot->signature, &ev->text);
}


static ai_int_t
ai_messages_reply_text(ai_messages_reply_t *r, ai_messages_slot_t *slot,
    const ai_esc_t *text)
{
    if (slot->kind == AI_BLOCK_REDACTED) {
        return AI_OK;
    }

    if (!r->conf.stream || slot != r->first) {
        return ai_messages_hold(r, slot, &slot->text, text);
    }

    if (!slot->started) {
        ai_messages_stream_open(r, slot);
    }

    ai_messages_stream_text(r, slot, text);

    return AI_OK;
}


static ai_int_t
ai_messages_reply_stop(ai_messages_reply_t *r, const ai_event_t *ev)
{
    ai_messages_slot_t  *slot;

    slot = ai_messages_slot_find(r, ev);

    if (slot == NULL) {
        return AI_OK;
    }

    slot->open = 0;

    return ai_messages_settle(r);
}


static ai_int_t
ai_messages_reply_finish(ai_messages_reply_t *r, const ai_event_t *ev)
{
    ai_messages_slot_t  *slot;

    if (ev->finish == AI_FINISH_ERROR) {
        return ai_messages_reply_error(r, NULL);
    }

    for (slot = r->first; slot; slot = slot->next) {
        slot->open = 0;
    }

    r->finished = 1;
    r->finish = ev->finish;

    ai_buf_cat(&r->stop_seq, &ev->stop_seq);

    if (r->stop_seq.failed) {
        return AI_ERROR;
    }

    return ai_messages_settle(r);
}


/* err may be NULL: the provider ended the answer as failed */

static ai_int_t
ai_messages_reply_error(ai_messages_reply_t *r, const ai_error_t *err)
{
    ai_error_t  invalid;

    r->failed = 1;

    if (!r->conf.stream) {
        return AI_ERROR;
    }

    err = ai_reply_error(err, &invalid);

    ai_messages_error_event(r->out, err);

    return AI_OK;
}


ai_int_t
ai_messages_reply_end(void *reply)
{
    ai_messages_reply_t *r = reply;

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

    if (!r->conf.stream) {
        return ai_messages_answer_end(r);
    }

    ai_messages_stream_end(r);

    return r->out->failed ? AI_ERROR : AI_OK;
}


/* writes what can be written: the first block, and those behind it when it
 * has ended */

static ai_int_t
ai_messages_settle(ai_messages_reply_t *r)
{
    ai_str_t             text;
    ai_messages_slot_t  *slot;

    while ((slot = r->first) != NULL) {

        if (!r->conf.stream) {

            if (slot->open) {
                break;
            }

            if (ai_messages_answer_block(r, slot) != AI_OK) {
                return AI_ERROR;
            }

        } else {

            if (!slot->started && !ai_messages_empty(slot)) {
                ai_messages_stream_open(r, slot);

                if (ai_buf_len(&slot->text)
                    && slot->kind != AI_BLOCK_REDACTED)
                {
                    text = ai_buf_str(&slot->text);
                    ai_messages_stream_text(r, slot, &text);
                    ai_buf_reset(&slot->text);
                }
            }

            if (slot->open) {
                break;
            }

            ai_messages_stream_close(r, slot);
        }

        r->first = slot->next;

        if (r->first == NULL) {
            r->last = NULL;
        }

        slot->next = r->unused;
        r->unused = slot;
    }

    return AI_OK;
}


/* a text or a thought of nothing may not be sent back by the client: it is
 * not told before it says something */

ai_int_t
ai_messages_empty(const ai_messages_slot_t *slot)
{
    switch (slot->kind) {

    case AI_BLOCK_TOOL_CALL:
        return 0;

    case AI_BLOCK_THINKING:
        return ai_buf_len(&slot->text) == 0
               && ai_buf_len(&slot->signature) == 0;

    default:
        return ai_buf_len(&slot->text) == 0;
    }
}


/* a slot's memory is never given back, so the most it ever had counts */

static ai_int_t
ai_messages_hold(ai_messages_reply_t *r, ai_messages_slot_t *slot,
    ai_buf_t *b, const ai_esc_t *piece)
{
    size_t  n;

    if (r->conf.stream) {
        n = ai_buf_len(&slot->text) + ai_buf_len(&slot->signature);

        if (piece->len > AI_MESSAGES_HELD - n) {
            return AI_ERROR;
        }

        n += piece->len;

        if (n > slot->cap) {
            if (n - slot->cap > AI_MESSAGES_HELD_ALL - r->held) {
                return AI_ERROR;
            }

            r->held += n - slot->cap;
            slot->cap = n;
        }
    }

    ai_buf_cat(b, piece);

    return b->failed ? AI_ERROR : AI_OK;
}


static ai_messages_slot_t *
ai_messages_slot_find(ai_messages_reply_t *r, const ai_event_t *ev)
{
    ai_messages_slot_t  *slot;

    for (slot = r->first; slot; slot = slot->next) {
        if (slot->index == ev->index && slot->open) {
            return slot;
        }
    }

    return NULL;
}


static ai_messages_slot_t *
ai_messages_slot_add(ai_messages_reply_t *r, const ai_event_t *ev)
{
    ai_messages_slot_t  *slot;

    slot = r->unused;

    if (slot) {
        r->unused = slot->next;

    } else {
        slot = ai_messages_slot_new(r);
        if (slot == NULL) {
            return NULL;
        }
    }

    slot->next = NULL;
    slot->index = ev->index;
    slot->kind = ev->kind;
    slot->family = AI_FAMILY_NONE;
    slot->open = 1;
    slot->started = 0;
    slot->args = 0;
    slot->braces = 0;

    ai_buf_reset(&slot->head);
    ai_buf_reset(&slot->text);
    ai_buf_reset(&slot->signature);

    if (r->last) {
        r->last->next = slot;

    } else {
        r->first = slot;
    }

    r->last = slot;

    return slot;
}


static ai_messages_slot_t *
ai_messages_slot_new(ai_messages_reply_t *r)
{
    ai_messages_slot_t  *slot;

    if (r->nslots == AI_MESSAGES_SLOTS_MAX) {
        return NULL;
    }

    slot = ai_pcalloc(r->pool, sizeof(ai_messages_slot_t));
    if (slot == NULL) {
        return NULL;
    }

    ai_buf_init(&slot->head, r->pool);
    ai_buf_init(&slot->text, r->pool);
    ai_buf_init(&slot->signature, r->pool);

    r->nslots++;

    return slot;
}
