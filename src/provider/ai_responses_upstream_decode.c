
/*
 * Answers of the Responses API.
 *
 *     response.created                     ids
 *       response.output_item.added         an item: a message, a call, ...
 *         response.content_part.added      a message's part
 *         response.<kind>.delta*
 *         response.<kind>.done             the same text whole
 *         response.content_part.done       ... again
 *       response.output_item.done          ... and again
 *     response.completed                   ... and again, with the usage
 *
 * or response.incomplete, response.failed, error.  Whatever comes first
 * counts: hosts leave out any of these, and one that repeats a text says
 * nothing new.  Items are known by their output_index: ids have been seen to
 * change between the events of one item.
 */

#include <provider/ai_openai_wire_int.h>
#include <provider/ai_responses_upstream_int.h>


/* events in a row that are not like the one before: then it is not tried any
 * more */
#define AI_RSP_UNLIKE_MAX  64


typedef ai_int_t (*ai_rsp_handler_pt)(ai_rsp_t *r);

typedef struct {
    ai_str_t           type;
    ai_rsp_handler_pt  handler;
} ai_rsp_handler_t;


static ai_int_t ai_rsp_parse(ai_rsp_t *r, const ai_str_t *data);
static void ai_rsp_pick(ai_rsp_t *r);
static int64_t ai_rsp_number(const ai_json_t *doc, ai_ref_t v);
static ai_rsp_handler_pt ai_rsp_handler(const ai_rsp_t *r,
    const ai_sse_event_t *ev);

static ai_int_t ai_rsp_on_text(ai_rsp_t *r);
static ai_int_t ai_rsp_on_args(ai_rsp_t *r);
static ai_int_t ai_rsp_on_input(ai_rsp_t *r);
static ai_int_t ai_rsp_on_summary(ai_rsp_t *r);
static ai_int_t ai_rsp_on_content(ai_rsp_t *r);
static ai_int_t ai_rsp_on_refusal(ai_rsp_t *r);
static ai_int_t ai_rsp_on_annotation(ai_rsp_t *r);
static ai_int_t ai_rsp_on_text_done(ai_rsp_t *r);
static ai_int_t ai_rsp_on_args_done(ai_rsp_t *r);
static ai_int_t ai_rsp_on_summary_done(ai_rsp_t *r);
static ai_int_t ai_rsp_on_content_done(ai_rsp_t *r);
static ai_int_t ai_rsp_on_part_done(ai_rsp_t *r);
static ai_int_t ai_rsp_on_added(ai_rsp_t *r);
static ai_int_t ai_rsp_on_done(ai_rsp_t *r);
static ai_int_t ai_rsp_on_created(ai_rsp_t *r);
static ai_int_t ai_rsp_on_completed(ai_rsp_t *r);
static ai_int_t ai_rsp_on_incomplete(ai_rsp_t *r);
static ai_int_t ai_rsp_on_failed(ai_rsp_t *r);
static ai_int_t ai_rsp_on_error(ai_rsp_t *r);

static ai_int_t ai_rsp_said(ai_rsp_t *r, ai_block_e kind);
static ai_int_t ai_rsp_thinks(ai_rsp_t *r, ai_rsp_list_e list, ai_ref_t text,
    ai_int_t whole);
static ai_int_t ai_rsp_called(ai_rsp_t *r, ai_rsp_kind_e kind);
static ai_rsp_item_t *ai_rsp_root_item(ai_rsp_t *r);
static uint32_t ai_rsp_root_part(const ai_rsp_t *r,
    const ai_rsp_item_t *item);

static ai_int_t ai_rsp_begin(ai_rsp_t *r, ai_ref_t response);
static ai_int_t ai_rsp_over(ai_rsp_t *r, ai_ref_t response,
    ai_finish_e finish);
static ai_finish_e ai_rsp_status(const ai_rsp_t *r, ai_ref_t response,
    ai_finish_e finish);
static ai_int_t ai_rsp_finish(ai_rsp_t *r, ai_finish_e finish);
static ai_int_t ai_rsp_usage(ai_rsp_t *r, ai_ref_t response);
static void ai_rsp_searches(ai_rsp_t *r, ai_ref_t output);
static ai_int_t ai_rsp_error(ai_rsp_t *r, ai_ref_t v);
static unsigned ai_rsp_error_status(const ai_json_t *doc, ai_ref_t error);


static const ai_rsp_handler_t  ai_rsp_handlers[] = {
    { ai_string("response.output_text.delta"), ai_rsp_on_text },
    { ai_string("response.function_call_arguments.delta"), ai_rsp_on_args },
    { ai_string("response.reasoning_summary_text.delta"), ai_rsp_on_summary },
    { ai_string("response.reasoning_text.delta"), ai_rsp_on_content },
    { ai_string("response.custom_tool_call_input.delta"), ai_rsp_on_input },
    { ai_string("response.refusal.delta"), ai_rsp_on_refusal },
    { ai_string("response.output_text.annotation.added"),
      ai_rsp_on_annotation },
    { ai_string("response.output_text.done"), ai_rsp_on_text_done },
    { ai_string("response.refusal.done"), ai_rsp_on_text_done },
    { ai_string("response.function_call_arguments.done"),
      ai_rsp_on_args_done },
    { ai_string("response.custom_tool_call_input.done"),
      ai_rsp_on_args_done },
    { ai_string("response.reasoning_summary_text.done"),
      ai_rsp_on_summary_done },
    { ai_string("response.reasoning_text.done"), ai_rsp_on_content_done },
    { ai_string("response.content_part.done"), ai_rsp_on_part_done },
    { ai_string("response.output_item.added"), ai_rsp_on_added },
    { ai_string("response.output_item.done"), ai_rsp_on_done },
    { ai_string("response.created"), ai_rsp_on_created },
    { ai_string("response.in_progress"), ai_rsp_on_created },
    { ai_string("response.queued"), ai_rsp_on_created },
    { ai_string("response.completed"), ai_rsp_on_completed },
    { ai_string("response.incomplete"), ai_rsp_on_incomplete },
    { ai_string("response.failed"), ai_rsp_on_failed },
    { ai_string("response.cancelled"), ai_rsp_on_failed },
    { ai_string("error"), ai_rsp_on_error },
    { ai_null_string, NULL }
};


void
ai_rsp_init(ai_decoder_t *d)
{
    ai_rsp_t  *r;

    r = (ai_rsp_t *) d;

    ai_buf_init(&r->id, d->pool);
    ai_usage_init(&r->usage);
}


ai_int_t
ai_rsp_stream(ai_decoder_t *d, const ai_sse_event_t *ev)
{
    ai_rsp_t           *r;
    ai_rsp_handler_pt   handler;

    r = (ai_rsp_t *) d;

    if (ev->data.len == 0 || d->terminal || r->failed) {
        return AI_OK;
    }

    if (ai_wire_done(&ev->data)) {

        /* a host that ends like chat does */

        if (!d->content) {
            return AI_ERROR;
        }

        d->terminal = 1;
        return ai_rsp_finish(r, AI_FINISH_STOP);
    }

    if (ai_rsp_parse(r, &ev->data) != AI_OK) {
        return AI_ERROR;
    }

    handler = ai_rsp_handler(r, ev);

    if (handler) {
        return handler(r);
    }

    if (ai_wire_is_error(&d->doc, ai_json_get(&d->doc, AI_JSON_ROOT,
                                              "error")))
    {
        return ai_rsp_on_error(r);
    }

    /* progress of hosted tools, and types that are not known yet; an event
     * without a type is of another API */

    return (ai_json_type(&d->doc, r->root.type) == AI_JSON_STRING
            || ev->name.len) ? AI_OK : AI_ERROR;
}


ai_int_t
ai_rsp_end(ai_decoder_t *d)
{
    return d->terminal || ((ai_rsp_t *) d)->failed ? AI_OK : AI_ERROR;
}


/*
 * An answer that is kept at the provider and not ready yet is told as a
 * paused one: those who watch it go by need an end.
 */

ai_int_t
ai_rsp_answer(ai_decoder_t *d, const ai_str_t *body)
{
    ai_ref_t   output;
    ai_rsp_t  *r;

    r = (ai_rsp_t *) d;

    if (ai_json_parse(&d->doc, body, &ai_wire_answer_limits) != AI_OK) {
        return AI_ERROR;
    }

    output = ai_json_get(&d->doc, AI_JSON_ROOT, "output");

    if (ai_json_type(&d->doc, output) != AI_JSON_ARRAY
        && !ai_wire_is_error(&d->doc, ai_json_get(&d->doc, AI_JSON_ROOT,
                                                  "error")))
    {
        return AI_ERROR;
    }

    return ai_rsp_over(r, AI_JSON_ROOT, AI_FINISH_STOP);
}


/* most hosts number their events, so that no event is like the one before */

static ai_int_t
ai_rsp_parse(ai_rsp_t *r, const ai_str_t *data)
{
    ai_int_t    rc;
    ai_json_t  *doc;

    doc = &r->d.doc;

    if (r->unlike < AI_RSP_UNLIKE_MAX) {
        rc = ai_json_parse_next(doc, data, NULL);

        if (rc == AI_OK && doc->moved) {
            r->unlike = 0;
            return AI_OK;
        }

        r->unlike++;

    } else {
        rc = ai_json_parse(doc, data, NULL);
    }

    if (rc != AI_OK || ai_json_type(doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        return AI_ERROR;
    }

    ai_rsp_pick(r);

    return AI_OK;
}


/* one pass over the members; the first of equal keys wins */

static void
ai_rsp_pick(ai_rsp_t *r)
{
    ai_ref_t          k, *to;
    ai_json_t        *doc;
    ai_rsp_root_t    *root;

    doc = &r->d.doc;
    root = &r->root;

    root->type = AI_JSON_NONE;
    root->output = AI_JSON_NONE;
    root->part = AI_JSON_NONE;
    root->delta = AI_JSON_NONE;
    root->logprobs = AI_JSON_NONE;

    for (k = 1; k < doc->node[0].next; k = doc->node[k + 1].next) {
        to = NULL;

        switch (doc->node[k].escaped ? 0 : doc->node[k].len - 2) {

        case sizeof("type") - 1:
            to = ai_wire_key(doc, k, "type") ? &root->type : NULL;
            break;

        case sizeof("delta") - 1:
            to = ai_wire_key(doc, k, "delta") ? &root->delta : NULL;
            break;

        case sizeof("logprobs") - 1:
            to = ai_wire_key(doc, k, "logprobs") ? &root->logprobs : NULL;
            break;

        case sizeof("output_index") - 1:
            to = ai_wire_key(doc, k, "output_index") ? &root->output : NULL;
            break;

        case sizeof("content_index") - 1:
            to = ai_wire_key(doc, k, "content_index")
                 || ai_wire_key(doc, k, "summary_index") ? &root->part : NULL;
            break;

        default:
            break;
        }

        if (to == NULL) {
            continue;
        }

        if (*to == AI_JSON_NONE) {
            *to = ai_json_value(doc, k);
        }
    }
}


/* by the type in the data, or else by the event's name */

static ai_rsp_handler_pt
ai_rsp_handler(const ai_rsp_t *r, const ai_sse_event_t *ev)
{
    ai_str_t                 type;
    const ai_rsp_handler_t  *h;

    type = ai_json_esc(&r->d.doc, r->root.type);

    if (type.len == 0) {
        type = ev->name;
    }

    for (h = ai_rsp_handlers; h->handler; h++) {
        if (ai_str_eq(&h->type, &type)) {
            return h->handler;
        }
    }

    return NULL;
}


static ai_int_t
ai_rsp_on_text(ai_rsp_t *r)
{
    return ai_rsp_said(r, AI_BLOCK_TEXT);
}


static ai_int_t
ai_rsp_on_refusal(ai_rsp_t *r)
{
    return ai_rsp_said(r, AI_BLOCK_REFUSAL);
}


static ai_int_t
ai_rsp_on_args(ai_rsp_t *r)
{
    return ai_rsp_called(r, AI_RSP_CALL);
}


static ai_int_t
ai_rsp_on_input(ai_rsp_t *r)
{
    return ai_rsp_called(r, AI_RSP_CUSTOM);
}


static ai_int_t
ai_rsp_on_summary(ai_rsp_t *r)
{
    return ai_rsp_thinks(r, AI_RSP_SUMMARY, r->root.delta, 0);
}


static ai_int_t
ai_rsp_on_content(ai_rsp_t *r)
{
    return ai_rsp_thinks(r, AI_RSP_CONTENT, r->root.delta, 0);
}


static ai_int_t
ai_rsp_said(ai_rsp_t *r, ai_block_e kind)
{
    uint32_t        part;
    ai_esc_t        text;
    ai_rsp_item_t  *item;

    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    if (!ai_rsp_item_is(item, AI_RSP_MESSAGE)) {
        return AI_OK;
    }

    part = ai_rsp_root_part(r, item);
    text = ai_json_esc(&r->d.doc, r->root.delta);

    if (ai_rsp_text(r, item, kind, part, &text) != AI_OK) {
        return AI_ERROR;
    }

    return ai_rsp_logprobs(r, item, part, r->root.logprobs);
}


/* whole: it is a thought's whole text, of which nothing may be new */

static ai_int_t
ai_rsp_thinks(ai_rsp_t *r, ai_rsp_list_e list, ai_ref_t text, ai_int_t whole)
{
    uint32_t        part;
    ai_esc_t        s;
    ai_rsp_item_t  *item;

    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    if (!ai_rsp_item_is(item, AI_RSP_REASONING)) {
        return AI_OK;
    }

    part = ai_rsp_root_part(r, item);

    if (whole) {
        return ai_rsp_thought_whole(r, item, list, part, text);
    }

    s = ai_json_esc(&r->d.doc, text);

    return ai_rsp_thought(r, item, list, part, &s);
}


static ai_int_t
ai_rsp_called(ai_rsp_t *r, ai_rsp_kind_e kind)
{
    ai_esc_t        args;
    ai_rsp_item_t  *item;

    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    if (!ai_rsp_item_is(item, kind)) {
        return AI_OK;
    }

    args = ai_json_esc(&r->d.doc, r->root.delta);

    return ai_rsp_call_args(r, item, &args);
}


static ai_int_t
ai_rsp_on_annotation(ai_rsp_t *r)
{
    ai_ref_t        note;
    ai_rsp_item_t  *item;

    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    if (!ai_rsp_item_is(item, AI_RSP_MESSAGE)) {
        return AI_OK;
    }

    note = ai_json_get(&r->d.doc, AI_JSON_ROOT, "annotation");

    return ai_rsp_annotation(r, item, ai_rsp_root_part(r, item), note);
}


/* the root is what a part is: "text" or "refusal", and "logprobs" */

static ai_int_t
ai_rsp_on_text_done(ai_rsp_t *r)
{
    ai_rsp_item_t  *item;

    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    if (!ai_rsp_item_is(item, AI_RSP_MESSAGE)) {
        return AI_OK;
    }

    return ai_rsp_part_whole(r, item, ai_rsp_root_part(r, item),
                             AI_JSON_ROOT);
}


/* the end of a call without a name has to wait for the whole item */

static ai_int_t
ai_rsp_on_args_done(ai_rsp_t *r)
{
    ai_ref_t        args;
    ai_json_t      *doc;
    ai_rsp_kind_e   kind;
    ai_rsp_item_t  *item;

    doc = &r->d.doc;
    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    kind = AI_RSP_CALL;
    args = ai_json_get(doc, AI_JSON_ROOT, "arguments");

    if (args == AI_JSON_NONE) {
        kind = AI_RSP_CUSTOM;
        args = ai_json_get(doc, AI_JSON_ROOT, "input");
    }

    if (!ai_rsp_item_is(item, kind) || !item->started) {
        return AI_OK;
    }

    return ai_rsp_call_whole(r, item, args);
}


static ai_int_t
ai_rsp_on_summary_done(ai_rsp_t *r)
{
    return ai_rsp_thinks(r, AI_RSP_SUMMARY,
                         ai_json_get(&r->d.doc, AI_JSON_ROOT, "text"), 1);
}


static ai_int_t
ai_rsp_on_content_done(ai_rsp_t *r)
{
    return ai_rsp_thinks(r, AI_RSP_CONTENT,
                         ai_json_get(&r->d.doc, AI_JSON_ROOT, "text"), 1);
}


static ai_int_t
ai_rsp_on_part_done(ai_rsp_t *r)
{
    ai_ref_t        part;
    ai_json_t      *doc;
    ai_rsp_item_t  *item;

    doc = &r->d.doc;
    part = ai_json_get(doc, AI_JSON_ROOT, "part");

    if (ai_json_is(doc, ai_json_get(doc, part, "type"), "reasoning_text")) {
        return ai_rsp_thinks(r, AI_RSP_CONTENT,
                             ai_json_get(doc, part, "text"), 1);
    }

    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    if (!ai_rsp_item_is(item, AI_RSP_MESSAGE)) {
        return AI_OK;
    }

    if (ai_rsp_part_whole(r, item, ai_rsp_root_part(r, item), part) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_rsp_close(r, item);
}


static ai_int_t
ai_rsp_on_added(ai_rsp_t *r)
{
    ai_rsp_item_t  *item;

    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    return ai_rsp_item_added(r, item, ai_json_get(&r->d.doc, AI_JSON_ROOT,
                                                  "item"));
}


static ai_int_t
ai_rsp_on_done(ai_rsp_t *r)
{
    ai_rsp_item_t  *item;

    item = ai_rsp_root_item(r);

    if (item == NULL) {
        return AI_ERROR;
    }

    return ai_rsp_item_whole(r, item, ai_json_get(&r->d.doc, AI_JSON_ROOT,
                                                  "item"));
}


static ai_int_t
ai_rsp_on_created(ai_rsp_t *r)
{
    ai_ref_t  response;

    response = ai_json_get(&r->d.doc, AI_JSON_ROOT, "response");

    return r->d.started ? AI_OK : ai_rsp_begin(r, response);
}


/* the status in the answer decides, or else the name of the event */

static ai_int_t
ai_rsp_on_completed(ai_rsp_t *r)
{
    return ai_rsp_over(r, ai_json_get(&r->d.doc, AI_JSON_ROOT, "response"),
                       AI_FINISH_STOP);
}


static ai_int_t
ai_rsp_on_incomplete(ai_rsp_t *r)
{
    return ai_rsp_over(r, ai_json_get(&r->d.doc, AI_JSON_ROOT, "response"),
                       AI_FINISH_LENGTH);
}


static ai_int_t
ai_rsp_on_failed(ai_rsp_t *r)
{
    return ai_rsp_over(r, ai_json_get(&r->d.doc, AI_JSON_ROOT, "response"),
                       AI_FINISH_ERROR);
}


static ai_int_t
ai_rsp_on_error(ai_rsp_t *r)
{
    return ai_rsp_error(r, AI_JSON_ROOT);
}


/* events without a number are about the item of the event before */

static ai_rsp_item_t *
ai_rsp_root_item(ai_rsp_t *r)
{
    int64_t  n;

    if (!r->d.started && ai_rsp_begin(r, AI_JSON_NONE) != AI_OK) {
        return NULL;
    }

    n = ai_rsp_number(&r->d.doc, r->root.output);

    if (n < 0) {
        n = r->nitems ? r->items[r->recent].number : 0;
    }

    return ai_rsp_item(r, n);
}


static uint32_t
ai_rsp_root_part(const ai_rsp_t *r, const ai_rsp_item_t *item)
{
    int64_t  n;

    n = ai_rsp_number(&r->d.doc, r->root.part);

    if (n < 0 || n > INT32_MAX) {
        return item->parts ? item->parts - 1 : 0;
    }

    return (uint32_t) n;
}


/* -1: there is none; nearly all are of one digit */

static int64_t
ai_rsp_number(const ai_json_t *doc, ai_ref_t v)
{
    int64_t  n;

    if (v == AI_JSON_NONE) {
        return -1;
    }

    if (doc->node[v].type == AI_JSON_NUMBER && doc->node[v].len == 1) {
        return doc->text[doc->node[v].off] - '0';
    }

    return ai_json_int(doc, v, &n) == AI_OK && n >= 0 ? n : -1;
}


static ai_int_t
ai_rsp_begin(ai_rsp_t *r, ai_ref_t response)
{
    ai_event_t        ev;
    const ai_json_t  *doc;

    r->d.started = 1;
    doc = &r->d.doc;

    ai_rsp_event(&ev, AI_EVENT_START, 0, 0);

    ai_wire_start(doc, response, ai_json_get(doc, response, "created_at"),
                  &ev);

    ai_buf_add(&r->id, ev.id.data, ai_min(ev.id.len, 256));

    if (r->id.failed) {
        return AI_ERROR;
    }

    return ai_rsp_emit(r, &ev);
}


/* the end: response is the whole answer once more */

static ai_int_t
ai_rsp_over(ai_rsp_t *r, ai_ref_t response, ai_finish_e finish)
{
    ai_ref_t    error;
    ai_json_t  *doc;

    doc = &r->d.doc;
    error = ai_json_get(doc, response, "error");
    finish = ai_rsp_status(r, response, finish);

    if (finish == AI_FINISH_ERROR || ai_wire_is_error(doc, error)) {

        /* what was used until then is paid for */

        if (ai_rsp_usage(r, response) != AI_OK) {
            return AI_ERROR;
        }

        return ai_rsp_error(r, response);
    }

    if (!r->d.started && ai_rsp_begin(r, response) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_rsp_output(r, ai_json_get(doc, response, "output")) != AI_OK
        || ai_rsp_finish(r, finish) != AI_OK)
    {
        return AI_ERROR;
    }

    r->d.terminal = 1;

    return ai_rsp_usage(r, response);
}


static ai_finish_e
ai_rsp_status(const ai_rsp_t *r, ai_ref_t response, ai_finish_e finish)
{
    ai_ref_t          status, reason;
    const ai_json_t  *doc;

    doc = &r->d.doc;
    status = ai_json_get(doc, response, "status");

    if (ai_json_is(doc, status, "failed")
        || ai_json_is(doc, status, "cancelled"))
    {
        return AI_FINISH_ERROR;
    }

    if (ai_json_is(doc, status, "queued")
        || ai_json_is(doc, status, "in_progress"))
    {
        return finish == AI_FINISH_STOP ? AI_FINISH_PAUSE : finish;
    }

    if (finish != AI_FINISH_LENGTH && !ai_json_is(doc, status, "incomplete"))
    {
        return finish;
    }

    reason = ai_json_path(doc, response, "incomplete_details", "reason",
                          NULL);

    return ai_json_is(doc, reason, "content_filter") ? AI_FINISH_FILTER
                                                     : AI_FINISH_LENGTH;
}


/* a call whose name never came is nothing a client could make */

static ai_int_t
ai_rsp_finish(ai_rsp_t *r, ai_finish_e finish)
{
    uint32_t        i;
    ai_event_t      ev;
    ai_rsp_item_t  *item;

    if (ai_rsp_close(r, NULL) != AI_OK) {
        return AI_ERROR;
    }

    for (i = 0; i < r->nitems; i++) {
        item = &r->items[i];

        if (item->done
            || (item->kind != AI_RSP_CALL && item->kind != AI_RSP_CUSTOM))
        {
            continue;
        }

        if (!item->started || ai_rsp_call_stop(r, item) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (finish == AI_FINISH_STOP && r->tools) {
        finish = AI_FINISH_TOOLS;
    }

    r->d.finished = 1;

    ai_rsp_event(&ev, AI_EVENT_FINISH, 0, 0);
    ev.finish = finish;

    return ai_rsp_emit(r, &ev);
}


static ai_int_t
ai_rsp_usage(ai_rsp_t *r, ai_ref_t response)
{
    ai_ref_t    usage;
    ai_event_t  ev;

    usage = ai_json_get(&r->d.doc, response, "usage");

    if (ai_json_type(&r->d.doc, usage) != AI_JSON_OBJECT) {
        return AI_OK;
    }

    ai_wire_usage(r->d.provider, &r->d.doc, usage, &r->usage);
    ai_wire_tier_set(&r->d.doc, ai_json_get(&r->d.doc, response,
                                            "service_tier"), &r->usage);
    ai_rsp_searches(r, ai_json_get(&r->d.doc, response, "output"));

    ai_rsp_event(&ev, AI_EVENT_USAGE, 0, 0);
    ev.usage = &r->usage;

    return ai_rsp_emit(r, &ev);
}


/* they are not in the usage, but in the output; a page that was opened, or
 * looked through, is no search */

static void
ai_rsp_searches(ai_rsp_t *r, ai_ref_t output)
{
    int64_t           n;
    ai_ref_t          v, action;
    const ai_json_t  *doc;

    doc = &r->d.doc;

    if (r->usage.searches >= 0 || ai_json_type(doc, output) != AI_JSON_ARRAY) {
        return;
    }

    n = 0;

    for (v = ai_json_first(doc, output);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, output, v))
    {
        if (!ai_json_is(doc, ai_json_get(doc, v, "type"), "web_search_call")) {
            continue;
        }

        action = ai_json_path(doc, v, "action", "type", NULL);
        n += (action == AI_JSON_NONE || ai_json_is(doc, action, "search"));
    }

    if (n) {
        r->usage.searches = n;
    }
}


/* v has "error", or is one itself */

static ai_int_t
ai_rsp_error(ai_rsp_t *r, ai_ref_t v)
{
    ai_raw_t          body;
    ai_ref_t          error;
    const ai_json_t  *doc;

    doc = &r->d.doc;
    error = ai_json_get(doc, v, "error");

    if (ai_wire_is_error(doc, error)) {
        body = ai_json_raw(doc, error);

    } else {
        error = v;
        body = ai_json_raw(doc, v);
    }

    if (ai_json_is(doc, ai_json_get(doc, v, "object"), "response")
        && error == v)
    {
        /* it ended without a word */

        body.len = 0;
    }

    r->failed = 1;

    return ai_decoder_error(&r->d, ai_rsp_error_status(doc, error), &body);
}


/* codes that blame the request and have no type beside them; 0: others */

static unsigned
ai_rsp_error_status(const ai_json_t *doc, ai_ref_t error)
{
    ai_esc_t  code;

    code = ai_json_esc(doc, ai_json_get(doc, error, "code"));

    if (ai_str_starts(&code, "invalid_")
        && !ai_str_is(&code, "invalid_api_key"))
    {
        return 400;
    }

    return ai_str_casefind(&code, "image") ? 400 : 0;
}
