
/*
 * The items of an answer: which there are, and what of one that is told
 * whole has not been told before.
 */

#include <provider/ai_responses_upstream_int.h>


static ai_rsp_item_t *ai_rsp_known(ai_rsp_t *r, ai_rsp_kind_e kind,
    uint32_t n, uint32_t *next);
static ai_int_t ai_rsp_message_whole(ai_rsp_t *r, ai_rsp_item_t *item,
    ai_ref_t v);
static ai_int_t ai_rsp_reasoning_whole(ai_rsp_t *r, ai_rsp_item_t *item,
    ai_ref_t v);
static ai_int_t ai_rsp_call_item(ai_rsp_t *r, ai_rsp_item_t *item,
    ai_ref_t v);
static ai_int_t ai_rsp_asked(const ai_rsp_t *r, ai_ref_t name);


ai_rsp_item_t *
ai_rsp_item(ai_rsp_t *r, int64_t number)
{
    uint32_t        i, n;
    ai_rsp_item_t  *items;

    if (r->nitems && r->items[r->recent].number == number) {
        return &r->items[r->recent];
    }

    for (i = 0; i < r->nitems; i++) {
        if (r->items[i].number == number) {
            r->recent = i;
            return &r->items[i];
        }
    }

    if (r->nitems == AI_RSP_ITEMS_MAX) {
        return NULL;
    }

    if (r->nitems == r->nalloc) {
        n = r->nalloc ? r->nalloc * 2 : 8;

        items = ai_palloc(r->d.pool, n * sizeof(ai_rsp_item_t));
        if (items == NULL) {
            return NULL;
        }

        if (r->nitems) {
            memcpy(items, r->items, r->nitems * sizeof(ai_rsp_item_t));
        }

        ai_pfree(r->d.pool, r->items);

        r->items = items;
        r->nalloc = n;
    }

    r->recent = r->nitems++;
    items = &r->items[r->recent];

    memset(items, 0, sizeof(ai_rsp_item_t));
    items->number = number;

    return items;
}


ai_int_t
ai_rsp_item_is(ai_rsp_item_t *item, ai_rsp_kind_e kind)
{
    if (item->kind == AI_RSP_UNKNOWN) {
        item->kind = kind;
    }

    return item->kind == kind && !item->done;
}


/*
 * A custom call that nobody asked for is of a tool that the provider runs
 * itself; the items of hosted tools proper have types of their own.
 */

ai_rsp_kind_e
ai_rsp_item_kind(const ai_rsp_t *r, ai_ref_t v)
{
    ai_ref_t          type, role;
    const ai_json_t  *doc;

    doc = &r->d.doc;
    type = ai_json_get(doc, v, "type");

    role = ai_json_get(doc, v, "role");

    if (type == AI_JSON_NONE && role == AI_JSON_NONE) {
        return AI_RSP_UNKNOWN;
    }

    if (type == AI_JSON_NONE || ai_json_is(doc, type, "message")) {
        return role == AI_JSON_NONE || ai_json_is(doc, role, "assistant")
               ? AI_RSP_MESSAGE : AI_RSP_OTHER;
    }

    if (ai_json_is(doc, type, "function_call")) {
        return AI_RSP_CALL;
    }

    if (ai_json_is(doc, type, "reasoning")) {
        return AI_RSP_REASONING;
    }

    if (ai_json_is(doc, type, "custom_tool_call")
        && ai_rsp_asked(r, ai_json_get(doc, v, "name")))
    {
        return AI_RSP_CUSTOM;
    }

    return AI_RSP_OTHER;
}


static ai_int_t
ai_rsp_asked(const ai_rsp_t *r, ai_ref_t name)
{
    ai_esc_t          s;
    const ai_tool_t  *tool;

    if (r->d.rq == NULL) {
        return 1;
    }

    s = ai_json_esc(&r->d.doc, name);

    for (tool = r->d.rq->tools; tool; tool = tool->next) {
        if (ai_str_eq(&tool->name, &s)) {
            return 1;
        }
    }

    return 0;
}


ai_int_t
ai_rsp_item_added(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v)
{
    ai_rsp_kind_e  kind;

    kind = ai_rsp_item_kind(r, v);

    if (!ai_rsp_item_is(item, kind)) {
        return AI_OK;
    }

    if ((kind == AI_RSP_CALL || kind == AI_RSP_CUSTOM) && !item->started) {
        return ai_rsp_call_start(r, item, v);
    }

    return AI_OK;
}


ai_int_t
ai_rsp_item_whole(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v)
{
    ai_int_t       rc;
    ai_rsp_kind_e  kind;

    kind = ai_rsp_item_kind(r, v);

    if (!ai_rsp_item_is(item, kind)) {
        return AI_OK;
    }

    switch (kind) {

    case AI_RSP_MESSAGE:
        rc = ai_rsp_message_whole(r, item, v);
        break;

    case AI_RSP_REASONING:
        rc = ai_rsp_reasoning_whole(r, item, v);
        break;

    case AI_RSP_CALL:
    case AI_RSP_CUSTOM:
        rc = ai_rsp_call_item(r, item, v);
        break;

    default:
        rc = AI_OK;
    }

    item->done = 1;

    return rc;
}


/*
 * The list of the last event against the items of those before.  Hosts leave
 * items out of it, so numbers mean nothing here: of each kind the first is
 * the first.
 */

ai_int_t
ai_rsp_output(ai_rsp_t *r, ai_ref_t list)
{
    int64_t         n;
    uint32_t        known, next[AI_RSP_OTHER + 1];
    ai_ref_t        v;
    ai_json_t      *doc;
    ai_rsp_item_t  *item;

    doc = &r->d.doc;

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    memset(next, 0, sizeof(next));
    known = r->nitems;

    for (v = ai_json_first(doc, list), n = -1;
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v), n--)
    {
        item = ai_rsp_known(r, ai_rsp_item_kind(r, v), known, next);

        if (item == NULL) {
            item = ai_rsp_item(r, n);
        }

        if (item == NULL || ai_rsp_item_whole(r, item, v) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* the next of that kind among the first n items, or NULL */

static ai_rsp_item_t *
ai_rsp_known(ai_rsp_t *r, ai_rsp_kind_e kind, uint32_t n, uint32_t *next)
{
    uint32_t  i;

    for (i = next[kind]; i < n; i++) {
        if (r->items[i].kind == kind) {
            break;
        }
    }

    next[kind] = ai_min(i + 1, n);

    return i < n ? &r->items[i] : NULL;
}


static ai_int_t
ai_rsp_message_whole(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v)
{
    uint32_t    part;
    ai_ref_t    content, e;
    ai_esc_t    text;
    ai_json_t  *doc;

    doc = &r->d.doc;
    content = ai_json_get(doc, v, "content");

    if (ai_json_type(doc, content) == AI_JSON_STRING && item->parts <= 1) {
        text = ai_json_esc(doc, content);
        text = ai_rsp_rest(item, &text);

        if (ai_rsp_text(r, item, AI_BLOCK_TEXT, 0, &text) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_json_type(doc, content) == AI_JSON_ARRAY) {

        for (e = ai_json_first(doc, content), part = 0;
             e != AI_JSON_NONE;
             e = ai_json_next(doc, content, e), part++)
        {
            if (ai_rsp_part_whole(r, item, part, e) != AI_OK) {
                return AI_ERROR;
            }
        }
    }

    return ai_rsp_close(r, item);
}


ai_int_t
ai_rsp_part_whole(ai_rsp_t *r, ai_rsp_item_t *item, uint32_t part,
    ai_ref_t v)
{
    ai_ref_t    e, list;
    ai_esc_t    text;
    ai_json_t  *doc;
    ai_block_e  kind;

    doc = &r->d.doc;

    kind = AI_BLOCK_TEXT;
    text = ai_json_esc(doc, ai_json_get(doc, v, "text"));

    if (text.data == NULL) {
        kind = AI_BLOCK_REFUSAL;
        text = ai_json_esc(doc, ai_json_get(doc, v, "refusal"));
    }

    if (part >= item->parts) {
        list = ai_json_get(doc, v, "logprobs");

        if (ai_rsp_text(r, item, kind, part, &text) != AI_OK
            || ai_rsp_logprobs(r, item, part, list) != AI_OK)
        {
            return AI_ERROR;
        }

    } else if (part + 1 == item->parts) {
        text = ai_rsp_rest(item, &text);

        if (ai_rsp_text(r, item, kind, part, &text) != AI_OK) {
            return AI_ERROR;
        }
    }

    /* they have come in events of their own, or in none yet */

    list = ai_json_get(doc, v, "annotations");

    if (ai_json_type(doc, list) != AI_JSON_ARRAY
        || r->kind != AI_BLOCK_TEXT || &r->items[r->item] != item
        || r->part != part || r->notes)
    {
        return AI_OK;
    }

    for (e = ai_json_first(doc, list);
         e != AI_JSON_NONE;
         e = ai_json_next(doc, list, e))
    {
        if (ai_rsp_annotation(r, item, part, e) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* a summary, or the thoughts themselves: what was begun goes on */

static ai_int_t
ai_rsp_reasoning_whole(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v)
{
    uint32_t        part;
    ai_ref_t        e, content;
    ai_json_t      *doc;
    ai_rsp_list_e   list;

    doc = &r->d.doc;
    list = item->list;
    content = ai_json_get(doc, v, "summary");

    if (list == AI_RSP_CONTENT
        || (list == AI_RSP_NEITHER
            && ai_json_first(doc, content) == AI_JSON_NONE))
    {
        list = AI_RSP_CONTENT;
        content = ai_json_get(doc, v, "content");

    } else {
        list = AI_RSP_SUMMARY;
    }

    if (ai_json_type(doc, content) == AI_JSON_ARRAY) {

        for (e = ai_json_first(doc, content), part = 0;
             e != AI_JSON_NONE;
             e = ai_json_next(doc, content, e), part++)
        {
            if (ai_rsp_thought_whole(r, item, list, part,
                                     ai_json_get(doc, e, "text"))
                != AI_OK)
            {
                return AI_ERROR;
            }
        }
    }

    if (ai_rsp_opaque(r, item, ai_json_get(doc, v, "encrypted_content"))
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_rsp_close(r, item);
}


ai_int_t
ai_rsp_thought_whole(ai_rsp_t *r, ai_rsp_item_t *item, ai_rsp_list_e list,
    uint32_t part, ai_ref_t text)
{
    ai_esc_t  s;

    if (item->list != AI_RSP_NEITHER && item->list != list) {
        return AI_OK;
    }

    s = ai_json_esc(&r->d.doc, text);

    if (part < item->parts) {

        if (part + 1 < item->parts) {
            return AI_OK;
        }

        s = ai_rsp_rest(item, &s);
    }

    return ai_rsp_thought(r, item, list, part, &s);
}


static ai_int_t
ai_rsp_call_item(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v)
{
    ai_ref_t    args;
    ai_json_t  *doc;

    doc = &r->d.doc;

    if (!item->started && ai_rsp_call_start(r, item, v) != AI_OK) {
        return AI_ERROR;
    }

    if (!item->started) {
        return AI_ERROR;
    }

    args = ai_json_get(doc, v, item->kind == AI_RSP_CUSTOM ? "input"
                                                           : "arguments");

    if (ai_rsp_call_whole(r, item, args) != AI_OK) {
        return AI_ERROR;
    }

    return ai_rsp_call_stop(r, item);
}
