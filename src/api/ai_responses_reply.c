
/*
 * Follows the events of an answer and keeps its items.
 *
 *     THINKING, REDACTED  ->  reasoning, one item a block
 *     TEXT, REFUSAL       ->  parts of a message; blocks in a row are one
 *                             message, and texts in a row one part of it
 *     TOOL_CALL           ->  function_call, or custom_tool_call if the
 *                             request has it as a custom tool
 *
 * A signature on a call or on text goes into a reasoning item of its own.
 * An item whose block is over waits for the next block or the end: only then
 * it is known whether the answer was cut within it.
 */

#include <api/ai_reply_int.h>
#include <api/ai_responses_int.h>


static ai_int_t ai_responses_reply_one(ai_responses_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_responses_reply_start(ai_responses_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_responses_reply_block(ai_responses_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_responses_reply_delta(ai_responses_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_responses_reply_text(ai_responses_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_responses_reply_logprobs(ai_responses_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_responses_reply_annotation(ai_responses_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_responses_reply_signature(ai_responses_reply_t *r,
    const ai_event_t *ev);
static void ai_responses_reply_stop(ai_responses_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_responses_reply_finish(ai_responses_reply_t *r,
    ai_finish_e finish);
static ai_int_t ai_responses_reply_error(ai_responses_reply_t *r,
    const ai_error_t *err);


void *
ai_responses_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool)
{
    ai_responses_reply_t  *r;

    r = ai_pcalloc(pool, sizeof(ai_responses_reply_t));
    if (r == NULL) {
        return NULL;
    }

    r->conf = *conf;
    r->out = out;
    r->pool = pool;
    r->message = AI_ITEM_NONE;

    if (ai_str_dup(pool, &r->conf.id, &conf->id) != AI_OK
        || ai_str_dup(pool, &r->conf.model, &conf->model) != AI_OK)
    {
        return NULL;
    }

    ai_usage_init(&r->usage);
    ai_json_init(&r->doc, pool);
    ai_buf_init(&r->text_head, pool);
    ai_buf_init(&r->scratch, pool);

    return r;
}


ai_int_t
ai_responses_reply_event(void *reply, const ai_event_t *ev)
{
    ai_responses_reply_t *r = reply;

    ai_int_t  rc;

    if (r->failed || r->ended) {
        return AI_OK;
    }

    rc = ai_responses_reply_one(r, ev);

    return r->out->failed || r->scratch.failed || r->text_head.failed
           ? AI_ERROR : rc;
}


static ai_int_t
ai_responses_reply_one(ai_responses_reply_t *r, const ai_event_t *ev)
{
    ai_int_t  rc;

    rc = ai_reply_common(ev, &r->usage);

    if (rc != AI_DECLINED) {
        return rc == AI_OK ? AI_OK : ai_responses_reply_error(r, ev->error);
    }

    if (!r->started && ai_responses_reply_start(r, ev) != AI_OK) {
        return AI_ERROR;
    }

    if (ev->choice != 0 || r->finished) {
        return AI_OK;
    }

    switch (ev->type) {

    case AI_EVENT_BLOCK_START:
        return ai_responses_reply_block(r, ev);

    case AI_EVENT_DELTA:
        return ai_responses_reply_delta(r, ev);

    case AI_EVENT_BLOCK_STOP:
        ai_responses_reply_stop(r, ev);
        return AI_OK;

    case AI_EVENT_FINISH:
        return ai_responses_reply_finish(r, ev->finish);

    default:
        return AI_OK;
    }
}


/* ev is the START, or whatever came without one */

static ai_int_t
ai_responses_reply_start(ai_responses_reply_t *r, const ai_event_t *ev)
{
    const ai_esc_t  *model;

    model = &r->conf.model;
    r->created = r->conf.created;

    if (ev->type == AI_EVENT_START) {
        model = ev->model.len ? &ev->model : model;

        if (ev->created > 0) {
            r->created = ev->created;
        }
    }

    if (ai_str_dup(r->pool, &r->model, model) != AI_OK) {
        return AI_ERROR;
    }

    r->started = 1;

    ai_responses_ev_started(r);

    return AI_OK;
}


static ai_int_t
ai_responses_reply_block(ai_responses_reply_t *r, const ai_event_t *ev)
{
    if (ai_responses_close_waiting(r, ev) != AI_OK) {
        return AI_ERROR;
    }

    switch (ev->kind) {

    case AI_BLOCK_TOOL_CALL:
        return ai_responses_call_open(r, ev);

    case AI_BLOCK_THINKING:
    case AI_BLOCK_REDACTED:
        return ai_responses_reasoning_open(r, ev);

    default:
        return AI_OK;
    }
}


static ai_int_t
ai_responses_reply_delta(ai_responses_reply_t *r, const ai_event_t *ev)
{
    switch (ev->delta) {

    case AI_DELTA_TEXT:
        return ev->text.len ? ai_responses_reply_text(r, ev) : AI_OK;

    case AI_DELTA_SIGNATURE:
        return ev->text.len ? ai_responses_reply_signature(r, ev) : AI_OK;

    case AI_DELTA_LOGPROBS:
        return ai_responses_reply_logprobs(r, ev);

    case AI_DELTA_ANNOTATION:
        return ai_responses_reply_annotation(r, ev);
    }

    return AI_OK;
}


static ai_int_t
ai_responses_reply_text(ai_responses_reply_t *r, const ai_event_t *ev)
{
    ai_item_t  *item;

    switch (ev->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        item = ai_responses_message_open(r, ev->kind);
        if (item == NULL) {
            return AI_ERROR;
        }

        ai_responses_ev_text(r, item, &ev->text);
        break;

    case AI_BLOCK_THINKING:
        item = ai_responses_item_find(r, ev);

        if (item == NULL) {
            if (ai_responses_reply_block(r, ev) != AI_OK) {
                return AI_ERROR;
            }

            item = &r->items[r->nitems - 1];
        }

        if (item->type != AI_ITEM_REASONING) {
            return AI_ERROR;
        }

        if (!item->parts) {
            item->parts = 1;
            ai_responses_ev_part_added(r, item);
        }

        ai_responses_ev_text(r, item, &ev->text);
        break;

    case AI_BLOCK_TOOL_CALL:
        item = ai_responses_item_find(r, ev);

        if (item == NULL || item->type == AI_ITEM_REASONING) {
            return AI_ERROR;
        }

        if (item->type == AI_ITEM_CALL) {
            ai_responses_ev_args(r, item, &ev->text);
        }

        break;

    default:
        return AI_OK;
    }

    return ai_responses_keep(r, &item->text, &ev->text);
}


/* raw is OpenAI's chat form: its lists are ours */

static ai_int_t
ai_responses_reply_logprobs(ai_responses_reply_t *r, const ai_event_t *ev)
{
    ai_ref_t    v;
    ai_raw_t    raw;
    ai_item_t  *item;

    if (ev->raw.len == 0 || ev->kind != AI_BLOCK_TEXT) {
        return AI_OK;
    }

    if (ai_json_parse(&r->doc, &ev->raw, NULL) != AI_OK) {
        return AI_ERROR;
    }

    v = ai_json_get(&r->doc, AI_JSON_ROOT, "content");

    if (ai_json_type(&r->doc, v) != AI_JSON_ARRAY
        || r->doc.node[v].count == 0)
    {
        return AI_OK;
    }

    item = ai_responses_message_open(r, AI_BLOCK_TEXT);
    if (item == NULL) {
        return AI_ERROR;
    }

    raw = ai_json_raw(&r->doc, v);

    ai_responses_ev_logprobs(r, item, &raw);

    raw.data++;
    raw.len -= 2;

    if (ai_buf_len(&item->logs)) {
        ai_buf_char(&item->logs, ',');
    }

    return ai_responses_keep(r, &item->logs, &raw);
}


/*
 * Chat has {type, url_citation: {...}}, with places in the whole text; here it
 * is flat, and places are in the part.
 */

static ai_int_t
ai_responses_reply_annotation(ai_responses_reply_t *r, const ai_event_t *ev)
{
    int64_t     from, to;
    ai_esc_t    url, title;
    ai_ref_t    v;
    ai_raw_t    raw;
    ai_item_t  *item;

    if (ev->raw.len == 0) {
        return AI_OK;
    }

    if (ai_json_parse(&r->doc, &ev->raw, NULL) != AI_OK) {
        return AI_ERROR;
    }

    v = ai_json_get(&r->doc, AI_JSON_ROOT, "url_citation");
    url = ai_json_esc(&r->doc, ai_json_get(&r->doc, v, "url"));
    title = ai_json_esc(&r->doc, ai_json_get(&r->doc, v, "title"));

    if (url.len == 0) {
        return AI_OK;
    }

    item = ai_responses_message_open(r, AI_BLOCK_TEXT);
    if (item == NULL) {
        return AI_ERROR;
    }

    from = 0;
    to = 0;

    (void) ai_json_int(&r->doc, ai_json_get(&r->doc, v, "start_index"), &from);
    (void) ai_json_int(&r->doc, ai_json_get(&r->doc, v, "end_index"), &to);

    from = from > (int64_t) item->before ? from - (int64_t) item->before : 0;
    to = to > (int64_t) item->before ? to - (int64_t) item->before : 0;

    ai_buf_reset(&r->scratch);
    ai_buf_lit(&r->scratch, "{\"type\":\"url_citation\",\"start_index\":");
    ai_buf_int(&r->scratch, from);
    ai_buf_lit(&r->scratch, ",\"end_index\":");
    ai_buf_int(&r->scratch, to);
    ai_buf_lit(&r->scratch, ",\"url\":");
    ai_buf_quote_esc(&r->scratch, &url);
    ai_buf_lit(&r->scratch, ",\"title\":");
    ai_buf_quote_esc(&r->scratch, &title);
    ai_buf_char(&r->scratch, '}');

    if (r->scratch.failed) {
        return AI_ERROR;
    }

    raw = ai_buf_str(&r->scratch);

    ai_responses_ev_annotation(r, item, &raw);

    if (item->notes++) {
        ai_buf_char(&item->annotations, ',');
    }

    return ai_responses_keep(r, &item->annotations, &raw);
}


/* may come in pieces; of several on one message's texts the last one wins */

static ai_int_t
ai_responses_reply_signature(ai_responses_reply_t *r, const ai_event_t *ev)
{
    ai_item_t  *item;

    if (ev->kind == AI_BLOCK_TEXT) {
        item = ai_responses_message_open(r, AI_BLOCK_TEXT);

        if (item && item->stopped) {
            item->stopped = 0;
            ai_buf_reset(&item->opaque);
        }

    } else {
        item = ai_responses_item_find(r, ev);

        if (item == NULL && ev->kind == AI_BLOCK_THINKING) {
            if (ai_responses_reply_block(r, ev) != AI_OK) {
                return AI_ERROR;
            }

            item = &r->items[r->nitems - 1];
        }
    }

    if (item == NULL) {
        return AI_ERROR;
    }

    if (ev->family != AI_FAMILY_NONE) {
        item->family = ev->family;
    }

    return ai_responses_keep(r, &item->opaque, &ev->text);
}


static void
ai_responses_reply_stop(ai_responses_reply_t *r, const ai_event_t *ev)
{
    ai_item_t  *item;

    if (ev->kind == AI_BLOCK_TEXT || ev->kind == AI_BLOCK_REFUSAL) {
        item = r->message == AI_ITEM_NONE ? NULL : &r->items[r->message];

    } else {
        item = ai_responses_item_find(r, ev);
    }

    if (item) {
        item->stopped = 1;
    }
}


static ai_int_t
ai_responses_reply_finish(ai_responses_reply_t *r, ai_finish_e finish)
{
    uint32_t  i, n;
    ai_int_t  cut;

    r->finish = finish;
    r->finished = 1;

    cut = finish == AI_FINISH_LENGTH || finish == AI_FINISH_CONTEXT
          || finish == AI_FINISH_FILTER;

    n = r->nitems;

    for (i = r->first; i < n; i++) {
        if (!r->items[i].done
            && ai_responses_close(r, i, cut && i == n - 1) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* err may be NULL: the provider ended the answer as failed */

static ai_int_t
ai_responses_reply_error(ai_responses_reply_t *r, const ai_error_t *err)
{
    ai_event_t  none;
    ai_error_t  invalid;

    r->failed = 1;

    if (!r->conf.stream) {
        return AI_ERROR;
    }

    err = ai_reply_error(err, &invalid);

    /* readers take no other event before this one */

    if (!r->started) {
        memset(&none, 0, sizeof(ai_event_t));

        if (ai_responses_reply_start(r, &none) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_responses_ev_error(r, err);

    r->error = err;
    ai_usage_normalise(&r->usage);
    ai_responses_ev_end(r, "failed");
    r->error = NULL;

    return r->out->failed ? AI_ERROR : AI_OK;
}


ai_int_t
ai_responses_reply_end(void *reply)
{
    ai_responses_reply_t *r = reply;

    const char  *status;

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

    switch (r->finish) {

    case AI_FINISH_LENGTH:
    case AI_FINISH_CONTEXT:
    case AI_FINISH_FILTER:
    case AI_FINISH_PAUSE:
        status = "incomplete";
        break;

    default:
        status = "completed";
    }

    ai_usage_normalise(&r->usage);

    if (r->conf.stream) {
        ai_responses_ev_end(r, status);

    } else {
        ai_responses_object(r, r->out, status);
    }

    return r->out->failed || r->scratch.failed ? AI_ERROR : AI_OK;
}
