
#include <api/ai_openai_reply_int.h>
#include <api/ai_reply_int.h>


#define AI_OPENAI_ID_TAIL  20


static ai_int_t ai_openai_reply_one(ai_openai_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_openai_reply_start(ai_openai_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_openai_reply_block(ai_openai_reply_t *r,
    ai_openai_choice_t *ch, const ai_event_t *ev);
static ai_int_t ai_openai_reply_delta(ai_openai_reply_t *r,
    ai_openai_choice_t *ch, const ai_event_t *ev);
static ai_int_t ai_openai_reply_text(ai_openai_reply_t *r,
    ai_openai_choice_t *ch, const ai_event_t *ev);
static ai_int_t ai_openai_reply_args(ai_openai_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_openai_reply_signature(ai_openai_reply_t *r,
    const ai_event_t *ev, const ai_esc_t *piece);
static void ai_openai_reply_close(ai_openai_reply_t *r,
    ai_openai_slot_t *slot);
static ai_int_t ai_openai_reply_finish(ai_openai_reply_t *r,
    ai_openai_choice_t *ch, const ai_event_t *ev);
static ai_int_t ai_openai_reply_error(ai_openai_reply_t *r,
    const ai_error_t *err);
static ai_openai_choice_t *ai_openai_reply_choice(ai_openai_reply_t *r,
    uint32_t n);
static ai_int_t ai_openai_choices_grow(ai_openai_reply_t *r, uint32_t n);
static ai_openai_slot_t *ai_openai_slot_find(ai_openai_reply_t *r,
    const ai_event_t *ev);
static ai_openai_slot_t *ai_openai_slot_add(ai_openai_reply_t *r,
    const ai_event_t *ev);
static ai_openai_slot_t *ai_openai_slot_free(ai_openai_reply_t *r);
static ai_int_t ai_openai_slots_grow(ai_openai_reply_t *r);


ai_openai_reply_t *
ai_openai_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool)
{
    ai_openai_reply_t  *r;

    r = ai_pcalloc(pool, sizeof(ai_openai_reply_t));
    if (r == NULL) {
        return NULL;
    }

    r->conf = *conf;
    r->out = out;
    r->pool = pool;

    if (ai_str_dup(pool, &r->conf.id, &conf->id) != AI_OK
        || ai_str_dup(pool, &r->conf.model, &conf->model) != AI_OK)
    {
        return NULL;
    }

    ai_usage_init(&r->usage);
    ai_json_init(&r->doc, pool);
    ai_buf_init(&r->head, pool);
    ai_buf_init(&r->text_head, pool);

    return r;
}


ai_int_t
ai_openai_reply_event(void *reply, const ai_event_t *ev)
{
    ai_openai_reply_t *r = reply;

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
        && r->nchoices
        && r->choices[0].base.started
        && !r->choices[0].base.finished)
    {
        if (ev->text.len) {
            ai_buf_add(r->out, r->text_head.start, ai_buf_len(&r->text_head));
            ai_buf_add(r->out, ev->text.data, ev->text.len);
            ai_buf_char(r->out, '"');
            ai_buf_add(r->out, r->tail.data, r->tail.len);
        }

        rc = AI_OK;

    } else {
        rc = ai_openai_reply_one(r, ev);
    }

    return r->out->failed ? AI_ERROR : rc;
}


static ai_int_t
ai_openai_reply_one(ai_openai_reply_t *r, const ai_event_t *ev)
{
    ai_int_t             rc;
    ai_openai_slot_t    *slot;
    ai_openai_choice_t  *ch;

    rc = ai_reply_common(ev, &r->usage);

    if (rc != AI_DECLINED) {
        return rc == AI_OK ? AI_OK : ai_openai_reply_error(r, ev->error);
    }

    if (!r->started && ai_openai_reply_start(r, ev) != AI_OK) {
        return AI_ERROR;
    }

    ch = ai_openai_reply_choice(r, ev->choice);
    if (ch == NULL) {
        return AI_ERROR;
    }

    if (ch->base.finished) {
        return AI_OK;
    }

    switch (ev->type) {

    case AI_EVENT_BLOCK_START:
        return ai_openai_reply_block(r, ch, ev);

    case AI_EVENT_DELTA:
        return ai_openai_reply_delta(r, ch, ev);

    case AI_EVENT_BLOCK_STOP:
        slot = ai_openai_slot_find(r, ev);
        if (slot) {
            ai_openai_reply_close(r, slot);
        }

        return AI_OK;

    case AI_EVENT_FINISH:
        return ai_openai_reply_finish(r, ch, ev);

    default:
        return AI_OK;
    }
}


/* ev is the START, or whatever came without one */

static ai_int_t
ai_openai_reply_start(ai_openai_reply_t *r, const ai_event_t *ev)
{
    if (ai_reply_name(r->pool, &r->conf, ev, &r->id, &r->model, &r->created)
        != AI_OK)
    {
        return AI_ERROR;
    }

    r->started = 1;

    return r->conf.stream ? ai_openai_chunk_init(r) : AI_OK;
}


static ai_int_t
ai_openai_reply_block(ai_openai_reply_t *r, ai_openai_choice_t *ch,
    const ai_event_t *ev)
{
    ai_openai_slot_t  *slot;

    slot = ai_openai_slot_find(r, ev);
    if (slot) {
        ai_openai_reply_close(r, slot);
    }

    if (ev->kind == AI_BLOCK_TOOL_CALL) {
        slot = ai_openai_slot_add(r, ev);
        if (slot == NULL) {
            return AI_ERROR;
        }

        slot->call = ch->calls++;

        if (r->conf.stream) {
            ai_openai_chunk_call(r, slot, ev);

        } else {
            ai_openai_answer_call(r, slot, ev);
        }

    } else if (ev->kind == AI_BLOCK_REDACTED && r->conf.stream) {
        ai_openai_chunk_redacted(r, ev);

    } else if (ev->kind == AI_BLOCK_REDACTED
               || (ev->kind == AI_BLOCK_THINKING && !r->conf.stream))
    {
        slot = ai_openai_slot_add(r, ev);
        if (slot == NULL) {
            return AI_ERROR;
        }

        ai_buf_cat(&slot->text, &ev->data);
    }

    if (ev->signature.len) {
        return ai_openai_reply_signature(r, ev, &ev->signature);
    }

    return AI_OK;
}


static ai_int_t
ai_openai_reply_delta(ai_openai_reply_t *r, ai_openai_choice_t *ch,
    const ai_event_t *ev)
{
    switch (ev->delta) {

    case AI_DELTA_TEXT:
        if (ev->text.len == 0) {
            return AI_OK;
        }

        if (ev->kind == AI_BLOCK_TOOL_CALL) {
            return ai_openai_reply_args(r, ev);
        }

        if (r->conf.stream) {
            ai_openai_chunk_text(r, ev);
            return AI_OK;
        }

        return ai_openai_reply_text(r, ch, ev);

    case AI_DELTA_SIGNATURE:
        return ai_openai_reply_signature(r, ev, &ev->text);

    case AI_DELTA_LOGPROBS:
        if (r->conf.stream) {
            ai_openai_chunk_logprobs(r, ev);
            return AI_OK;
        }

        return ai_openai_answer_logprobs(r, ch, ev);

    case AI_DELTA_ANNOTATION:
        if (r->conf.stream) {
            ai_openai_chunk_annotation(r, ev);

        } else {
            ai_openai_answer_annotation(ch, ev);
        }
    }

    return AI_OK;
}


/* for a JSON answer */

static ai_int_t
ai_openai_reply_text(ai_openai_reply_t *r, ai_openai_choice_t *ch,
    const ai_event_t *ev)
{
    ai_openai_slot_t  *slot;

    if (ev->kind == AI_BLOCK_TEXT) {
        ch->text = 1;
        ai_buf_cat(&ch->content, &ev->text);
        return AI_OK;
    }

    if (ev->kind == AI_BLOCK_REFUSAL) {
        ai_buf_cat(&ch->refusal, &ev->text);
        return AI_OK;
    }

    if (ev->kind != AI_BLOCK_THINKING) {
        return AI_OK;
    }

    slot = ai_openai_slot_find(r, ev);

    if (slot == NULL) {
        slot = ai_openai_slot_add(r, ev);
        if (slot == NULL) {
            return AI_ERROR;
        }
    }

    ai_buf_cat(&slot->text, &ev->text);

    return AI_OK;
}


static ai_int_t
ai_openai_reply_args(ai_openai_reply_t *r, const ai_event_t *ev)
{
    ai_openai_slot_t  *slot;

    slot = ai_openai_slot_find(r, ev);

    if (slot == NULL || slot->kind != AI_BLOCK_TOOL_CALL) {
        return AI_ERROR;
    }

    slot->args = 1;

    if (r->conf.stream) {
        ai_openai_chunk_args(r, slot, &ev->text);
        return AI_OK;
    }

    ai_buf_cat(&slot->text, &ev->text);

    return AI_OK;
}


/* kept until the block ends: it may come in pieces */

static ai_int_t
ai_openai_reply_signature(ai_openai_reply_t *r, const ai_event_t *ev,
    const ai_esc_t *piece)
{
    ai_openai_slot_t  *slot;

    slot = ai_openai_slot_find(r, ev);

    if (slot == NULL) {
        slot = ai_openai_slot_add(r, ev);
        if (slot == NULL) {
            return AI_ERROR;
        }
    }

    if (ev->family != AI_FAMILY_NONE) {
        slot->family = ev->family;
    }

    if (r->conf.stream
        && piece->len > AI_OPENAI_SIGNATURE_MAX
                        - ai_buf_len(&slot->signature))
    {
        return AI_ERROR;
    }

    ai_buf_cat(&slot->signature, piece);

    return slot->signature.failed ? AI_ERROR : AI_OK;
}


static void
ai_openai_reply_close(ai_openai_reply_t *r, ai_openai_slot_t *slot)
{
    ai_esc_t  none;

    slot->open = 0;

    if (!r->conf.stream) {
        return;
    }

    if (slot->kind == AI_BLOCK_TOOL_CALL && !slot->args) {
        none = ai_lit("{}");
        ai_openai_chunk_args(r, slot, &none);
    }

    if (ai_buf_len(&slot->signature)) {
        ai_openai_chunk_signature(r, slot);
    }
}


static ai_int_t
ai_openai_reply_finish(ai_openai_reply_t *r, ai_openai_choice_t *ch,
    const ai_event_t *ev)
{
    uint32_t  i;
    ai_str_t  reason;

    for (i = 0; i < r->nslots; i++) {
        if (r->slots[i].open && r->slots[i].choice == ev->choice) {
            ai_openai_reply_close(r, &r->slots[i]);
        }
    }

    ch->base.finish = ev->finish;
    ch->base.finished = 1;

    if (r->conf.stream) {
        reason = ai_openai_reply_reason(r, ch);
        ai_openai_chunk_finish(r, ev->choice, &reason);
    }

    return AI_OK;
}


/* many providers say "stop" after a call, and a tool that the provider ran
 * itself is none for the client */

ai_str_t
ai_openai_reply_reason(const ai_openai_reply_t *r,
    const ai_openai_choice_t *ch)
{
    ai_finish_e  finish;

    finish = ch->base.finish;

    if (ch->calls
        && (finish == AI_FINISH_NONE || finish == AI_FINISH_STOP
            || finish == AI_FINISH_STOP_SEQ))
    {
        finish = AI_FINISH_TOOLS;
    }

    if (finish == AI_FINISH_TOOLS) {
        if (ch->calls == 0) {
            return ai_lit("stop");
        }

        if (r->conf.functions) {
            return ai_lit("function_call");
        }
    }

    return ai_finish_name(finish);
}


/* err may be NULL: the provider ended the answer as failed */

static ai_int_t
ai_openai_reply_error(ai_openai_reply_t *r, const ai_error_t *err)
{
    ai_error_t  invalid;

    r->failed = 1;

    if (!r->conf.stream) {
        return AI_ERROR;
    }

    err = ai_reply_error(err, &invalid);

    ai_openai_error_event(r->out, err);

    return AI_OK;
}


ai_int_t
ai_openai_reply_end(ai_openai_reply_t *r)
{
    if (r->ended) {
        return AI_OK;
    }

    if (r->failed) {
        return r->conf.stream ? AI_OK : AI_ERROR;
    }

    if (!ai_reply_complete(r->choices, r->nchoices,
                           sizeof(ai_openai_choice_t)))
    {
        return AI_ERROR;
    }

    r->ended = 1;

    ai_usage_normalise(&r->usage);

    if (!r->conf.stream) {
        return ai_openai_answer_end(r);
    }

    ai_openai_chunk_end(r);

    return r->out->failed ? AI_ERROR : AI_OK;
}


/* the first event of a choice also writes its first chunk */

static ai_openai_choice_t *
ai_openai_reply_choice(ai_openai_reply_t *r, uint32_t n)
{
    ai_openai_choice_t  *ch;

    if (n >= r->nchoices && ai_openai_choices_grow(r, n) != AI_OK) {
        return NULL;
    }

    ch = &r->choices[n];

    if (!ch->base.started) {
        ch->base.started = 1;

        if (r->conf.stream) {
            ai_openai_chunk_role(r, n);
        }
    }

    return ch;
}


static ai_int_t
ai_openai_choices_grow(ai_openai_reply_t *r, uint32_t n)
{
    uint32_t             i, want;
    ai_openai_choice_t  *choices;

    if (n >= AI_OPENAI_CHOICES_MAX) {
        return AI_ERROR;
    }

    want = ai_min(ai_max(n + 1, r->nchoices * 2), AI_OPENAI_CHOICES_MAX);

    choices = ai_reply_grow(r->pool, r->choices, r->nchoices, want,
                            sizeof(ai_openai_choice_t));
    if (choices == NULL) {
        return AI_ERROR;
    }

    for (i = r->nchoices; i < want; i++) {
        ai_buf_init(&choices[i].content, r->pool);
        ai_buf_init(&choices[i].refusal, r->pool);
        ai_buf_init(&choices[i].annotations, r->pool);
        ai_buf_init(&choices[i].log_content, r->pool);
        ai_buf_init(&choices[i].log_refusal, r->pool);
    }

    r->choices = choices;
    r->nchoices = want;

    return AI_OK;
}


/* an open one; the last found is nearly always the one again */

static ai_openai_slot_t *
ai_openai_slot_find(ai_openai_reply_t *r, const ai_event_t *ev)
{
    uint32_t           i;
    ai_openai_slot_t  *slot;

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


static ai_openai_slot_t *
ai_openai_slot_add(ai_openai_reply_t *r, const ai_event_t *ev)
{
    ai_openai_slot_t  *slot;

    slot = r->conf.stream ? ai_openai_slot_free(r) : NULL;

    if (slot == NULL) {
        if (r->nslots == r->nalloc && ai_openai_slots_grow(r) != AI_OK) {
            return NULL;
        }

        slot = &r->slots[r->nslots++];

        ai_buf_init(&slot->signature, r->pool);
        ai_buf_init(&slot->head, r->pool);
        ai_buf_init(&slot->text, r->pool);
    }

    ai_buf_reset(&slot->signature);

    slot->choice = ev->choice;
    slot->index = ev->index;
    slot->kind = ev->kind;
    slot->family = ev->family;
    slot->call = 0;
    slot->open = 1;
    slot->args = 0;

    r->recent = (uint32_t) (slot - r->slots);

    return slot;
}


/* a block of a stream that is over leaves its slot to the next */

static ai_openai_slot_t *
ai_openai_slot_free(ai_openai_reply_t *r)
{
    uint32_t  i;

    for (i = 0; i < r->nslots; i++) {
        if (!r->slots[i].open) {
            return &r->slots[i];
        }
    }

    return NULL;
}


static ai_int_t
ai_openai_slots_grow(ai_openai_reply_t *r)
{
    uint32_t           n;
    ai_openai_slot_t  *slots;

    n = r->nalloc ? r->nalloc * 2 : 4;

    if (n > AI_OPENAI_SLOTS_MAX) {
        return AI_ERROR;
    }

    slots = ai_reply_grow(r->pool, r->slots, r->nslots, n,
                          sizeof(ai_openai_slot_t));
    if (slots == NULL) {
        return AI_ERROR;
    }

    r->slots = slots;
    r->nalloc = n;

    return AI_OK;
}


void
ai_openai_call_id(const ai_openai_reply_t *r, ai_buf_t *b,
    const ai_openai_slot_t *slot, const ai_esc_t *id)
{
    size_t           n;
    ai_char_t        ch;
    const ai_esc_t  *from;

    if (id->len) {
        ai_buf_quote_esc(b, id);
        return;
    }

    from = r->conf.id.len ? &r->conf.id : &r->id;

    for (n = 0; n < from->len && n < AI_OPENAI_ID_TAIL; n++) {
        ch = from->data[from->len - n - 1];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z')
              || (ch >= 'A' && ch <= 'Z')))
        {
            break;
        }
    }

    ai_buf_lit(b, "\"call_");
    ai_buf_add(b, from->data + from->len - n, n);
    ai_buf_char(b, '_');
    ai_buf_int(b, slot->choice);
    ai_buf_char(b, '_');
    ai_buf_int(b, slot->call);
    ai_buf_char(b, '"');
}


void
ai_openai_opaque(ai_buf_t *b, ai_family_e family, const ai_esc_t *s)
{
    ai_buf_char(b, '"');

    if (family == AI_FAMILY_GEMINI) {
        ai_buf_lit(b, AI_OPENAI_TAG_GEMINI);

    } else if (family == AI_FAMILY_OPENAI) {
        ai_buf_lit(b, AI_OPENAI_TAG_OPENAI);
    }

    ai_buf_cat(b, s);
    ai_buf_char(b, '"');
}


static void
ai_openai_count(ai_buf_t *b, int64_t n)
{
    ai_buf_int(b, ai_max(n, 0));
}


/* what is not known is zero where OpenAI always has a number; the rest is
 * there when there is something to say */

void
ai_openai_usage(ai_buf_t *b, const ai_usage_t *usage)
{
    ai_buf_lit(b, "{\"prompt_tokens\":");
    ai_openai_count(b, usage->prompt);
    ai_buf_lit(b, ",\"completion_tokens\":");
    ai_openai_count(b, usage->completion);
    ai_buf_lit(b, ",\"total_tokens\":");
    ai_openai_count(b, usage->total);

    ai_buf_lit(b, ",\"prompt_tokens_details\":{\"cached_tokens\":");
    ai_openai_count(b, usage->cached);
    ai_reply_count(b, ",\"cache_write_tokens\":", usage->cache_write);
    ai_reply_count(b, ",\"audio_tokens\":", usage->prompt_audio);
    ai_reply_count(b, ",\"image_tokens\":", usage->prompt_image);

    ai_buf_lit(b, "},\"completion_tokens_details\":{\"reasoning_tokens\":");
    ai_openai_count(b, usage->reasoning);
    ai_reply_count(b, ",\"audio_tokens\":", usage->completion_audio);
    ai_reply_count(b, ",\"image_tokens\":", usage->completion_image);
    ai_buf_lit(b, "}}");
}
