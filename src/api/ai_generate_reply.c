
/*
 * Follows the events of an answer.  What Gemini has as one piece is held
 * until it is whole: calls, signatures, and at the end the reasons to finish
 * and the usage, which some providers tell after them.
 */

#include <api/ai_generate_reply_int.h>
#include <api/ai_reply_int.h>


static ai_int_t ai_generate_reply_one(ai_generate_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_generate_reply_start(ai_generate_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_generate_reply_block(ai_generate_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_generate_reply_delta(ai_generate_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_generate_reply_args(ai_generate_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_generate_reply_signature(ai_generate_reply_t *r,
    const ai_event_t *ev, const ai_esc_t *piece);
static ai_int_t ai_generate_reply_hold(ai_generate_reply_t *r, ai_buf_t *b,
    const ai_esc_t *s);
static ai_int_t ai_generate_reply_close(ai_generate_reply_t *r,
    ai_generate_slot_t *slot);
static void ai_generate_reply_free(ai_generate_reply_t *r, ai_buf_t *b);
static ai_int_t ai_generate_reply_finish(ai_generate_reply_t *r,
    ai_generate_choice_t *ch, const ai_event_t *ev);
static ai_int_t ai_generate_reply_error(ai_generate_reply_t *r,
    const ai_error_t *err);
static ai_generate_choice_t *ai_generate_reply_choice(ai_generate_reply_t *r,
    uint32_t n);
static ai_int_t ai_generate_choices_grow(ai_generate_reply_t *r, uint32_t n);
static ai_generate_slot_t *ai_generate_slot_find(ai_generate_reply_t *r,
    const ai_event_t *ev);
static ai_generate_slot_t *ai_generate_slot_add(ai_generate_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_generate_slots_grow(ai_generate_reply_t *r);


void *
ai_generate_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool)
{
    ai_generate_reply_t  *r;

    r = ai_pcalloc(pool, sizeof(ai_generate_reply_t));
    if (r == NULL) {
        return NULL;
    }

    r->conf = *conf;
    r->conf.rq = NULL;
    r->out = out;
    r->pool = pool;
    r->thoughts = conf->rq == NULL || conf->rq->thoughts == 1;

    if (ai_str_dup(pool, &r->conf.id, &conf->id) != AI_OK
        || ai_str_dup(pool, &r->conf.model, &conf->model) != AI_OK)
    {
        return NULL;
    }

    ai_usage_init(&r->usage);
    ai_json_init(&r->doc, pool);
    ai_buf_init(&r->tail, pool);
    ai_buf_init(&r->scratch, pool);
    ai_buf_init(&r->opaque, pool);

    r->mark = conf->array ? ai_lit("[") : ai_lit("data: ");

    return r;
}


ai_int_t
ai_generate_reply_event(void *reply, const ai_event_t *ev)
{
    ai_generate_reply_t *r = reply;

    ai_int_t  rc;

    if (r->failed || r->ended) {
        return AI_OK;
    }

    rc = ai_generate_reply_one(r, ev);

    return r->out->failed ? AI_ERROR : rc;
}


static ai_int_t
ai_generate_reply_one(ai_generate_reply_t *r, const ai_event_t *ev)
{
    ai_int_t               rc;
    ai_generate_slot_t    *slot;
    ai_generate_choice_t  *ch;

    rc = ai_reply_common(ev, &r->usage);

    if (rc != AI_DECLINED) {
        return rc == AI_OK ? AI_OK : ai_generate_reply_error(r, ev->error);
    }

    if (!r->started && ai_generate_reply_start(r, ev) != AI_OK) {
        return AI_ERROR;
    }

    ch = ai_generate_reply_choice(r, ev->choice);
    if (ch == NULL) {
        return AI_ERROR;
    }

    if (ch->base.finished) {
        return AI_OK;
    }

    switch (ev->type) {

    case AI_EVENT_BLOCK_START:
        return ai_generate_reply_block(r, ev);

    case AI_EVENT_DELTA:
        return ai_generate_reply_delta(r, ev);

    case AI_EVENT_BLOCK_STOP:
        slot = ai_generate_slot_find(r, ev);

        return slot ? ai_generate_reply_close(r, slot) : AI_OK;

    case AI_EVENT_FINISH:
        return ai_generate_reply_finish(r, ch, ev);

    default:
        return AI_OK;
    }
}


/* ev is the START, or whatever came without one */

static ai_int_t
ai_generate_reply_start(ai_generate_reply_t *r, const ai_event_t *ev)
{
    int64_t  created;               /* has no place in Gemini's form */

    if (ai_reply_name(r->pool, &r->conf, ev, &r->id, &r->model, &created)
        != AI_OK)
    {
        return AI_ERROR;
    }

    r->started = 1;

    return ai_generate_write_init(r);
}


static ai_int_t
ai_generate_reply_block(ai_generate_reply_t *r, const ai_event_t *ev)
{
    ai_generate_slot_t  *slot;

    slot = ai_generate_slot_find(r, ev);

    if (slot && ai_generate_reply_close(r, slot) != AI_OK) {
        return AI_ERROR;
    }

    if (ev->kind == AI_BLOCK_TOOL_CALL) {
        slot = ai_generate_slot_add(r, ev);
        if (slot == NULL) {
            return AI_ERROR;
        }

        if (ev->id.len) {
            ai_buf_lit(&slot->head, "\"id\":");
            ai_buf_quote_esc(&slot->head, &ev->id);
            ai_buf_char(&slot->head, ',');
        }

        ai_buf_lit(&slot->head, "\"name\":");
        ai_buf_quote_esc(&slot->head, &ev->name);

        if (slot->head.failed) {
            return AI_ERROR;
        }

    } else if (ev->kind == AI_BLOCK_REDACTED && ev->data.len) {
        ai_generate_write_redacted(r, ev);
    }

    if (ev->signature.len) {
        return ai_generate_reply_signature(r, ev, &ev->signature);
    }

    return AI_OK;
}


static ai_int_t
ai_generate_reply_delta(ai_generate_reply_t *r, const ai_event_t *ev)
{
    switch (ev->delta) {

    case AI_DELTA_TEXT:
        if (ev->text.len == 0) {
            return AI_OK;
        }

        if (ev->kind == AI_BLOCK_TOOL_CALL) {
            return ai_generate_reply_args(r, ev);
        }

        ai_generate_write_text(r, ev);
        return AI_OK;

    case AI_DELTA_SIGNATURE:
        return ai_generate_reply_signature(r, ev, &ev->text);

    case AI_DELTA_LOGPROBS:
        return ai_generate_write_logprobs(r, ev);

    case AI_DELTA_ANNOTATION:
        return ai_generate_write_source(r, ev);
    }

    return AI_OK;
}


static ai_int_t
ai_generate_reply_args(ai_generate_reply_t *r, const ai_event_t *ev)
{
    ai_generate_slot_t  *slot;

    slot = ai_generate_slot_find(r, ev);

    if (slot == NULL || slot->kind != AI_BLOCK_TOOL_CALL) {
        return AI_ERROR;
    }

    return ai_generate_reply_hold(r, &slot->text, &ev->text);
}


/* kept until the block ends: it may come in pieces */

static ai_int_t
ai_generate_reply_signature(ai_generate_reply_t *r, const ai_event_t *ev,
    const ai_esc_t *piece)
{
    ai_generate_slot_t  *slot;

    slot = ai_generate_slot_find(r, ev);

    if (slot == NULL) {
        if (ev->kind == AI_BLOCK_TOOL_CALL) {
            return AI_ERROR;
        }

        slot = ai_generate_slot_add(r, ev);
        if (slot == NULL) {
            return AI_ERROR;
        }
    }

    if (ev->family != AI_FAMILY_NONE) {
        slot->family = ev->family;
    }

    return ai_generate_reply_hold(r, &slot->signature, piece);
}


static ai_int_t
ai_generate_reply_hold(ai_generate_reply_t *r, ai_buf_t *b, const ai_esc_t *s)
{
    if (r->conf.stream
        && (s->len > AI_GENERATE_HELD_MAX - ai_buf_len(b)
            || s->len > AI_GENERATE_HELD_ALL - r->held))
    {
        return AI_ERROR;
    }

    ai_buf_cat(b, s);

    if (b->failed) {
        return AI_ERROR;
    }

    r->held += s->len;

    return AI_OK;
}


static ai_int_t
ai_generate_reply_close(ai_generate_reply_t *r, ai_generate_slot_t *slot)
{
    ai_int_t  rc;

    slot->open = 0;
    rc = AI_OK;

    if (slot->kind == AI_BLOCK_TOOL_CALL) {
        rc = ai_generate_write_call(r, slot);

    } else if (ai_buf_len(&slot->signature)) {
        ai_generate_write_signature(r, slot);
    }

    ai_buf_reset(&slot->head);
    ai_generate_reply_free(r, &slot->text);
    ai_generate_reply_free(r, &slot->signature);

    return rc;
}


static void
ai_generate_reply_free(ai_generate_reply_t *r, ai_buf_t *b)
{
    r->held -= ai_buf_len(b);

    if (b->end - b->start <= AI_GENERATE_KEEP) {
        ai_buf_reset(b);
        return;
    }

    ai_pfree(r->pool, b->start);
    ai_buf_init(b, r->pool);
}


static ai_int_t
ai_generate_reply_finish(ai_generate_reply_t *r, ai_generate_choice_t *ch,
    const ai_event_t *ev)
{
    uint32_t             i;
    ai_generate_slot_t  *slot, *first;

    /* slots are used again, so their order is not the blocks' */

    for ( ;; ) {
        first = NULL;

        for (i = 0; i < r->nslots; i++) {
            slot = &r->slots[i];

            if (slot->open && slot->choice == ev->choice
                && (first == NULL || slot->index < first->index))
            {
                first = slot;
            }
        }

        if (first == NULL) {
            break;
        }

        if (ai_generate_reply_close(r, first) != AI_OK) {
            return AI_ERROR;
        }
    }

    ch->base.finish = ev->finish;
    ch->base.finished = 1;

    return AI_OK;
}


/* err may be NULL: the provider ended the answer as failed */

static ai_int_t
ai_generate_reply_error(ai_generate_reply_t *r, const ai_error_t *err)
{
    ai_error_t  invalid;

    r->failed = 1;

    if (!r->conf.stream) {
        return AI_ERROR;
    }

    err = ai_reply_error(err, &invalid);

    ai_generate_write_error(r, err);

    return AI_OK;
}


ai_int_t
ai_generate_reply_end(void *reply)
{
    ai_generate_reply_t *r = reply;

    if (r->ended) {
        return AI_OK;
    }

    if (r->failed) {
        return r->conf.stream ? AI_OK : AI_ERROR;
    }

    if (!ai_reply_complete(r->choices, r->nchoices,
                           sizeof(ai_generate_choice_t)))
    {
        return AI_ERROR;
    }

    r->ended = 1;

    ai_usage_normalise(&r->usage);

    return ai_generate_write_end(r);
}


static ai_generate_choice_t *
ai_generate_reply_choice(ai_generate_reply_t *r, uint32_t n)
{
    if (n >= r->nchoices && ai_generate_choices_grow(r, n) != AI_OK) {
        return NULL;
    }

    r->choices[n].base.started = 1;

    return &r->choices[n];
}


static ai_int_t
ai_generate_choices_grow(ai_generate_reply_t *r, uint32_t n)
{
    uint32_t               i, want;
    ai_generate_choice_t  *choices;

    if (n >= AI_GENERATE_CHOICES_MAX) {
        return AI_ERROR;
    }

    want = ai_min(ai_max(n + 1, r->nchoices * 2), AI_GENERATE_CHOICES_MAX);

    choices = ai_reply_grow(r->pool, r->choices, r->nchoices, want,
                            sizeof(ai_generate_choice_t));
    if (choices == NULL) {
        return AI_ERROR;
    }

    for (i = r->nchoices; i < want; i++) {
        ai_buf_init(&choices[i].parts, r->pool);
        ai_buf_init(&choices[i].sources, r->pool);
        ai_buf_init(&choices[i].chosen, r->pool);
        ai_buf_init(&choices[i].top, r->pool);
    }

    r->choices = choices;
    r->nchoices = want;

    return AI_OK;
}


/* an open one; the last found is nearly always the one again */

static ai_generate_slot_t *
ai_generate_slot_find(ai_generate_reply_t *r, const ai_event_t *ev)
{
    uint32_t             i;
    ai_generate_slot_t  *slot;

    if (r->recent < r->nslots) {
        slot = &r->slots[r->recent];

        if (slot->index == ev->index && slot->choice == ev->choice
            && slot->open)
        {
            return slot;
        }
    }

    for (i = r->nslots; i-- > 0; /* void */ ) {
        slot = &r->slots[i];

        if (slot->index == ev->index && slot->choice == ev->choice
            && slot->open)
        {
            r->recent = i;
            return slot;
        }
    }

    return NULL;
}


/* a block that is over leaves its slot to the next */

static ai_generate_slot_t *
ai_generate_slot_add(ai_generate_reply_t *r, const ai_event_t *ev)
{
    uint32_t             i;
    ai_generate_slot_t  *slot;

    for (i = 0; i < r->nslots && r->slots[i].open; i++) { /* void */ }

    if (i == r->nslots) {
        if (r->nslots == r->nalloc && ai_generate_slots_grow(r) != AI_OK) {
            return NULL;
        }

        r->nslots++;

        ai_buf_init(&r->slots[i].head, r->pool);
        ai_buf_init(&r->slots[i].text, r->pool);
        ai_buf_init(&r->slots[i].signature, r->pool);
    }

    slot = &r->slots[i];

    slot->choice = ev->choice;
    slot->index = ev->index;
    slot->kind = ev->kind;
    slot->family = ev->family;
    slot->open = 1;

    r->recent = i;

    return slot;
}


static ai_int_t
ai_generate_slots_grow(ai_generate_reply_t *r)
{
    uint32_t             n;
    ai_generate_slot_t  *slots;

    n = r->nalloc ? r->nalloc * 2 : 4;

    if (n > (r->conf.stream ? AI_GENERATE_STREAM_SLOTS
                            : AI_GENERATE_SLOTS_MAX))
    {
        return AI_ERROR;
    }

    slots = ai_reply_grow(r->pool, r->slots, r->nslots, n,
                          sizeof(ai_generate_slot_t));
    if (slots == NULL) {
        return AI_ERROR;
    }

    r->slots = slots;
    r->nalloc = n;

    return AI_OK;
}
