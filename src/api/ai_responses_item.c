
/*
 * The items of an answer: opened by blocks, kept until the end.
 */

#include <api/ai_reply_int.h>
#include <api/ai_responses_int.h>


static const ai_tool_t *ai_responses_tool_of(const ai_responses_reply_t *r,
    const ai_esc_t *name);
static ai_int_t ai_responses_state_item(ai_responses_reply_t *r,
    ai_block_e kind, ai_family_e family, const ai_esc_t *id,
    const ai_esc_t *signature);
static void ai_responses_part_close(ai_responses_reply_t *r,
    ai_item_t *item);
static ai_int_t ai_responses_custom_input(ai_responses_reply_t *r,
    ai_item_t *item);
static ai_item_t *ai_responses_item_add(ai_responses_reply_t *r,
    ai_item_e type, const ai_event_t *ev);


/* a signature comes in front of what was signed, as thoughts do */

ai_int_t
ai_responses_call_open(ai_responses_reply_t *r, const ai_event_t *ev)
{
    ai_buf_t          call;
    ai_esc_t          id, name;
    ai_item_e         type;
    ai_item_t        *item;
    const ai_tool_t  *tool;

    id = ev->id;
    name = ev->name;

    ai_buf_init(&call, r->pool);

    if (id.len == 0) {
        ai_buf_lit(&call, "call_");
        ai_buf_cat(&call, &r->conf.id);
        ai_buf_int(&call, r->nitems);

        if (call.failed) {
            return AI_ERROR;
        }

        id = ai_buf_str(&call);
    }

    if (ev->signature.len
        && ai_responses_state_item(r, AI_BLOCK_TOOL_CALL, ev->family, &id,
                                   &ev->signature) != AI_OK)
    {
        return AI_ERROR;
    }

    tool = ai_responses_tool_of(r, &name);
    type = tool && tool->custom ? AI_ITEM_CUSTOM : AI_ITEM_CALL;

    item = ai_responses_item_add(r, type, ev);
    if (item == NULL) {
        return AI_ERROR;
    }

    item->family = AI_FAMILY_NONE;

    if (tool && tool->space.len) {
        item->space = tool->space;
        name.data += tool->space.len + 2;
        name.len -= tool->space.len + 2;
    }

    if (ai_responses_keep(r, &item->head, &id) != AI_OK
        || ai_responses_keep(r, &item->name, &name) != AI_OK)
    {
        return AI_ERROR;
    }

    ai_pfree(r->pool, call.start);

    ai_responses_ev_added(r, item);

    return AI_OK;
}


static const ai_tool_t *
ai_responses_tool_of(const ai_responses_reply_t *r, const ai_esc_t *name)
{
    const ai_tool_t  *tool;

    tool = r->conf.rq ? r->conf.rq->tools : NULL;

    while (tool && !ai_str_eq(&tool->name, name)) {
        tool = tool->next;
    }

    return tool;
}


ai_int_t
ai_responses_reasoning_open(ai_responses_reply_t *r, const ai_event_t *ev)
{
    ai_item_t       *item;
    const ai_esc_t  *opaque;

    item = ai_responses_item_add(r, AI_ITEM_REASONING, ev);
    if (item == NULL) {
        return AI_ERROR;
    }

    item->kind = ev->kind;
    item->stopped = ev->kind == AI_BLOCK_REDACTED;

    opaque = ev->kind == AI_BLOCK_REDACTED ? &ev->data : &ev->signature;

    if (ai_responses_keep(r, &item->opaque, opaque) != AI_OK) {
        return AI_ERROR;
    }

    ai_responses_ev_added(r, item);

    return AI_OK;
}


/* an item that holds nothing but somebody's signature; items may have moved
 * after this */

static ai_int_t
ai_responses_state_item(ai_responses_reply_t *r, ai_block_e kind,
    ai_family_e family, const ai_esc_t *id, const ai_esc_t *signature)
{
    ai_item_t   *item;
    ai_event_t   ev;

    if (family == AI_FAMILY_NONE) {
        return AI_OK;
    }

    memset(&ev, 0, sizeof(ai_event_t));

    ev.kind = kind;
    ev.family = family;

    item = ai_responses_item_add(r, AI_ITEM_REASONING, &ev);
    if (item == NULL) {
        return AI_ERROR;
    }

    item->kind = kind;

    if (ai_responses_keep(r, &item->opaque, signature) != AI_OK
        || (id && ai_responses_keep(r, &item->head, id) != AI_OK))
    {
        return AI_ERROR;
    }

    ai_responses_ev_added(r, item);

    return ai_responses_close(r, r->nitems - 1, 0);
}


ai_item_t *
ai_responses_message_open(ai_responses_reply_t *r, ai_block_e kind)
{
    ai_item_t   *item;
    ai_event_t   ev;

    if (r->message != AI_ITEM_NONE) {
        item = &r->items[r->message];

    } else {
        memset(&ev, 0, sizeof(ai_event_t));

        item = ai_responses_item_add(r, AI_ITEM_MESSAGE, &ev);
        if (item == NULL) {
            return NULL;
        }

        r->message = r->nitems - 1;

        ai_responses_ev_added(r, item);
    }

    if (item->kind == kind) {
        return item;
    }

    if (item->kind) {
        ai_responses_part_close(r, item);
    }

    item->kind = kind;
    item->before = r->chars;

    ai_responses_ev_part_added(r, item);

    return item;
}


static void
ai_responses_part_close(ai_responses_reply_t *r, ai_item_t *item)
{
    ai_esc_t  text;

    ai_responses_ev_part_done(r, item);

    if (item->parts++) {
        ai_buf_char(&item->content, ',');
    }

    ai_responses_part(&item->content, item, 1);

    if (item->content.failed || item->text.failed || item->logs.failed
        || item->annotations.failed)
    {
        r->scratch.failed = 1;
        return;
    }

    if (item->kind == AI_BLOCK_TEXT) {
        text = ai_buf_str(&item->text);
        r->chars += ai_esc_chars(&text);
    }

    item->kind = 0;
    item->notes = 0;

    ai_pfree(r->pool, item->text.start);
    ai_pfree(r->pool, item->logs.start);
    ai_pfree(r->pool, item->annotations.start);

    ai_buf_init(&item->text, r->pool);
    ai_buf_init(&item->logs, r->pool);
    ai_buf_init(&item->annotations, r->pool);
}


/* a message goes on with more text only */

ai_int_t
ai_responses_close_waiting(ai_responses_reply_t *r, const ai_event_t *ev)
{
    uint32_t    i, n;
    ai_int_t    over;
    ai_item_t  *item;

    n = r->nitems;

    for (i = r->first; i < n; i++) {
        item = &r->items[i];

        if (item->type == AI_ITEM_MESSAGE) {
            over = ev->kind != AI_BLOCK_TEXT && ev->kind != AI_BLOCK_REFUSAL;

        } else {
            over = item->stopped || item->index == ev->index;
        }

        if (over && !item->done && ai_responses_close(r, i, 0) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


ai_int_t
ai_responses_close(ai_responses_reply_t *r, uint32_t n, ai_int_t cut)
{
    ai_esc_t     id, signature;
    ai_item_t   *item;
    ai_block_e   kind;

    item = &r->items[n];

    item->cut = cut != 0;

    switch (item->type) {

    case AI_ITEM_MESSAGE:
        if (item->kind) {
            ai_responses_part_close(r, item);
        }

        r->message = AI_ITEM_NONE;
        kind = AI_BLOCK_TEXT;
        break;

    case AI_ITEM_CALL:
        if (ai_buf_len(&item->text) == 0) {
            id = ai_lit("{}");
            ai_responses_ev_args(r, item, &id);
            ai_buf_cat(&item->text, &id);
        }

        ai_responses_ev_args_done(r, item);
        kind = AI_BLOCK_TOOL_CALL;
        break;

    case AI_ITEM_CUSTOM:
        if (ai_responses_custom_input(r, item) != AI_OK) {
            return AI_ERROR;
        }

        kind = AI_BLOCK_TOOL_CALL;
        break;

    default:
        if (item->parts) {
            ai_responses_ev_part_done(r, item);
        }

        kind = 0;
    }

    if (item->text.failed || item->content.failed) {
        return AI_ERROR;
    }

    item->done = 1;

    while (r->first < r->nitems && r->items[r->first].done) {
        r->first++;
    }

    ai_responses_ev_done(r, item);

    if (kind == 0 || ai_buf_len(&item->opaque) == 0) {
        return AI_OK;
    }

    id = ai_buf_str(&item->head);
    signature = ai_buf_str(&item->opaque);

    return ai_responses_state_item(r, kind, item->family, &id, &signature);
}


/*
 * {"input": "..."}, known as a whole only; what is no such object, because it
 * was cut, is given as it is.
 */

static ai_int_t
ai_responses_custom_input(ai_responses_reply_t *r, ai_item_t *item)
{
    ai_esc_t  args, input;
    ai_str_t  text;

    args = ai_buf_str(&item->text);
    input = args;

    ai_buf_reset(&r->scratch);
    ai_json_unescape(&r->scratch, &args);

    if (r->scratch.failed) {
        return AI_ERROR;
    }

    text = ai_buf_str(&r->scratch);

    if (ai_json_parse(&r->doc, &text, NULL) == AI_OK) {
        input = ai_json_esc(&r->doc, ai_json_get(&r->doc, AI_JSON_ROOT,
                                                 "input"));

    } else if (r->doc.error == AI_JSON_E_MEMORY) {
        return AI_ERROR;
    }

    if (input.data == NULL) {
        input = args;
    }

    ai_buf_cat(&item->content, &input);

    ai_responses_ev_args(r, item, &input);
    ai_responses_ev_args_done(r, item);

    return AI_OK;
}


/* the last found is nearly always the one again */

ai_item_t *
ai_responses_item_find(ai_responses_reply_t *r, const ai_event_t *ev)
{
    uint32_t    i;
    ai_item_t  *item;

    if (r->recent < r->nitems) {
        item = &r->items[r->recent];

        if (item->index == ev->index && !item->stopped && !item->done
            && item->type != AI_ITEM_MESSAGE)
        {
            return item;
        }
    }

    for (i = r->nitems; i-- > r->first; /* void */ ) {
        item = &r->items[i];

        if (item->index == ev->index && !item->stopped && !item->done
            && item->type != AI_ITEM_MESSAGE)
        {
            r->recent = i;
            return item;
        }
    }

    return NULL;
}


static ai_item_t *
ai_responses_item_add(ai_responses_reply_t *r, ai_item_e type,
    const ai_event_t *ev)
{
    uint32_t    n;
    ai_item_t  *items, *item;

    if (r->nitems == r->nalloc) {
        n = r->nalloc ? r->nalloc * 2 : 4;

        if (n > AI_RESPONSES_ITEMS_MAX) {
            return NULL;
        }

        items = ai_reply_grow(r->pool, r->items, r->nitems, n,
                              sizeof(ai_item_t));
        if (items == NULL) {
            return NULL;
        }

        r->items = items;
        r->nalloc = n;
    }

    item = &r->items[r->nitems++];

    item->type = type;
    item->index = ev->index;
    item->family = ev->family;

    ai_buf_init(&item->head, r->pool);
    ai_buf_init(&item->name, r->pool);
    ai_buf_init(&item->text, r->pool);
    ai_buf_init(&item->annotations, r->pool);
    ai_buf_init(&item->logs, r->pool);
    ai_buf_init(&item->content, r->pool);
    ai_buf_init(&item->opaque, r->pool);

    return item;
}


ai_int_t
ai_responses_keep(ai_responses_reply_t *r, ai_buf_t *b, const ai_str_t *s)
{
    if (s->len > AI_RESPONSES_KEPT_MAX - r->kept) {
        return AI_ERROR;
    }

    r->kept += s->len;

    ai_buf_cat(b, s);

    return b->failed ? AI_ERROR : AI_OK;
}
