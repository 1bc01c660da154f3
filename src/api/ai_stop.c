
#include <api/ai_stop.h>


static ai_int_t ai_stop_finish(ai_stop_t *s, void *reply,
    const ai_usage_t *usage);
static uint32_t ai_stop_first(const ai_stop_t *s);
static ai_int_t ai_stop_has(const uint64_t *bits, uint32_t n);


ai_int_t
ai_stop_init(ai_stop_t *s, const ai_dialect_t *d, ai_int_t passes,
    const ai_pool_t *pool)
{
    memset(s, 0, sizeof(ai_stop_t));

    s->dialect = d;
    s->pool = pool;

    if (!passes || d->stop == NULL) {
        return AI_OK;
    }

    s->wire = d->stop;
    s->data = d->stop->create(pool);

    return s->data ? AI_OK : AI_ERROR;
}


ai_int_t
ai_stop_event(ai_stop_t *s, const ai_event_t *ev)
{
    uint64_t  bit;

    switch (ev->type) {

    case AI_EVENT_START:
        if (s->id.data) {
            return AI_OK;
        }

        s->created = ev->created;

        return ai_str_dup(s->pool, &s->id, &ev->id) == AI_OK
               && ai_str_dup(s->pool, &s->model, &ev->model) == AI_OK
               ? AI_OK : AI_ERROR;

    case AI_EVENT_BLOCK_START:
    case AI_EVENT_DELTA:
    case AI_EVENT_BLOCK_STOP:
    case AI_EVENT_FINISH:
        break;

    default:
        return AI_OK;
    }

    if (ev->choice >= AI_STOP_CHOICES) {
        return AI_OK;
    }

    bit = UINT64_C(1) << (ev->choice & 63);

    s->seen[ev->choice >> 6] |= bit;

    if (ev->type == AI_EVENT_FINISH) {
        s->ended[ev->choice >> 6] |= bit;
    }

    return AI_OK;
}


ai_int_t
ai_stop_is_open(const ai_stop_t *s)
{
    return (s->seen[0] | s->seen[1]) == 0
           || s->seen[0] != s->ended[0] || s->seen[1] != s->ended[1];
}


ai_int_t
ai_stop_reply(ai_stop_t *s, void *reply, const ai_usage_t *usage)
{
    return ai_stop_finish(s, reply, usage);
}


/*
 * A choice that has been seen and has not ended ends here.  Where none was
 * seen the first one is all there is to tell.
 */

static ai_int_t
ai_stop_finish(ai_stop_t *s, void *reply, const ai_usage_t *usage)
{
    uint32_t    i;
    ai_event_t  ev;

    memset(&ev, 0, sizeof(ai_event_t));

    ev.type = AI_EVENT_FINISH;
    ev.finish = AI_FINISH_LENGTH;

    for (i = ai_stop_first(s); i < AI_STOP_CHOICES; i++) {
        ev.choice = i;

        if ((i == 0 || ai_stop_has(s->seen, i))
            && !ai_stop_has(s->ended, i)
            && s->dialect->reply_event(reply, &ev) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    ev.type = AI_EVENT_USAGE;
    ev.choice = 0;
    ev.usage = usage;

    if (s->dialect->reply_event(reply, &ev) != AI_OK) {
        return AI_ERROR;
    }

    return s->dialect->reply_end(reply);
}


/* that is open; 0 if none is */

static uint32_t
ai_stop_first(const ai_stop_t *s)
{
    uint32_t  i;

    for (i = 0; i < AI_STOP_CHOICES; i++) {
        if (ai_stop_has(s->seen, i) && !ai_stop_has(s->ended, i)) {
            return i;
        }
    }

    return 0;
}


static ai_int_t
ai_stop_has(const uint64_t *bits, uint32_t n)
{
    return (bits[n >> 6] >> (n & 63)) & 1;
}


/*
 * An encoder that is told how the stream began writes what the client has
 * already, which is taken back, and then the end that fits it.
 */

ai_int_t
ai_stop_pass(ai_stop_t *s, const ai_reply_conf_t *conf,
    const ai_usage_t *usage, ai_buf_t *out)
{
    void        *reply;
    size_t       len;
    uint32_t     i;
    ai_int_t     rc, begun;
    ai_event_t   ev;

    if (s->wire) {
        rc = s->wire->end(s->data, usage, out);

        if (rc != AI_DECLINED) {
            return rc;
        }
    }

    reply = s->dialect->reply_create(conf, out, s->pool);
    if (reply == NULL) {
        return AI_ERROR;
    }

    begun = (s->seen[0] | s->seen[1]) != 0;
    len = ai_buf_len(out);

    memset(&ev, 0, sizeof(ai_event_t));

    ev.type = AI_EVENT_START;
    ev.choice = ai_stop_first(s);
    ev.id = s->id;
    ev.model = s->model;
    ev.created = s->created;

    if (s->dialect->reply_event(reply, &ev) != AI_OK) {
        return AI_ERROR;
    }

    /* its first event made a choice known to the encoder; so it is with the
     * others that are open */

    ev.type = AI_EVENT_BLOCK_START;
    ev.kind = AI_BLOCK_TEXT;

    for (i = ev.choice + 1; i < AI_STOP_CHOICES; i++) {
        ev.choice = i;

        if (ai_stop_has(s->seen, i) && !ai_stop_has(s->ended, i)
            && s->dialect->reply_event(reply, &ev) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    if (begun && ai_buf_len(out) > len) {
        out->last = out->start + len;
    }

    return ai_stop_finish(s, reply, usage);
}
