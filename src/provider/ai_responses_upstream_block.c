
/*
 * The blocks that an answer's items become.
 *
 *     message       a block of text or refusal for each part
 *     reasoning     one of thinking, an empty line between its parts, its
 *                   encrypted_content as signature; without any text one
 *                   of redacted thinking
 *     call          one, open until the item is done; that of a custom tool
 *                   has its input as {"input": "..."}
 *
 * But for calls one block is open at a time.
 */

#include <provider/ai_openai_wire_int.h>
#include <provider/ai_responses_upstream_int.h>


static uint64_t ai_rsp_sent(ai_rsp_item_t *item, uint32_t part,
    const ai_esc_t *text);
static ai_int_t ai_rsp_call_id(ai_rsp_t *r, const ai_rsp_item_t *item,
    ai_esc_t *id);
static ai_int_t ai_rsp_open(ai_rsp_t *r, ai_rsp_item_t *item, ai_block_e kind,
    uint32_t part);
static ai_int_t ai_rsp_is_open(const ai_rsp_t *r, const ai_rsp_item_t *item,
    ai_block_e kind);
static ai_int_t ai_rsp_delta(ai_rsp_t *r, ai_block_e kind, uint32_t index,
    const ai_esc_t *text);
static void ai_rsp_member(ai_buf_t *b, const char *name, const ai_raw_t *raw);
static ai_int_t ai_rsp_place(ai_rsp_t *r, const char *name, ai_ref_t v);
static uint64_t ai_rsp_chars(const ai_esc_t *s);
static unsigned ai_rsp_char(const ai_esc_t *s, size_t *i);


ai_int_t
ai_rsp_text(ai_rsp_t *r, ai_rsp_item_t *item, ai_block_e kind, uint32_t part,
    const ai_esc_t *text)
{
    uint64_t  n;

    if (text->len == 0) {
        return AI_OK;
    }

    if ((!ai_rsp_is_open(r, item, kind) || r->part != part)
        && ai_rsp_open(r, item, kind, part) != AI_OK)
    {
        return AI_ERROR;
    }

    n = ai_rsp_sent(item, part, text);

    if (kind == AI_BLOCK_TEXT) {
        r->chars += n;
    }

    return ai_rsp_delta(r, kind, r->index, text);
}


/* begins the part, if it is a new one; how many characters text has */

static uint64_t
ai_rsp_sent(ai_rsp_item_t *item, uint32_t part, const ai_esc_t *text)
{
    uint64_t  n;

    n = ai_rsp_chars(text);

    if (part >= item->parts) {
        item->parts = part + 1;
        item->sent = 0;
    }

    if (part + 1 == item->parts) {
        item->sent += n;
    }

    return n;
}


/* an item that has both lists says the same in them */

ai_int_t
ai_rsp_thought(ai_rsp_t *r, ai_rsp_item_t *item, ai_rsp_list_e list,
    uint32_t part, const ai_esc_t *text)
{
    ai_str_t  gap;

    if (text->len == 0 || (item->list != AI_RSP_NEITHER && item->list != list))
    {
        return AI_OK;
    }

    item->list = list;

    if (!ai_rsp_is_open(r, item, AI_BLOCK_THINKING)) {

        if (ai_rsp_open(r, item, AI_BLOCK_THINKING, part) != AI_OK) {
            return AI_ERROR;
        }

    } else if (part >= item->parts) {
        gap = ai_lit("\\n\\n");

        if (ai_rsp_delta(r, AI_BLOCK_THINKING, r->index, &gap) != AI_OK) {
            return AI_ERROR;
        }
    }

    (void) ai_rsp_sent(item, part, text);

    return ai_rsp_delta(r, AI_BLOCK_THINKING, r->index, text);
}


/* the signature of the thoughts, or what stands for thoughts nobody is shown;
 * a block that another item has closed is not opened again for it */

ai_int_t
ai_rsp_opaque(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v)
{
    ai_esc_t    opaque;
    ai_event_t  ev;

    opaque = ai_json_esc(&r->d.doc, v);

    if (opaque.len == 0) {
        return AI_OK;
    }

    if (ai_rsp_is_open(r, item, AI_BLOCK_THINKING)) {
        ai_rsp_event(&ev, AI_EVENT_DELTA, AI_BLOCK_THINKING, r->index);
        ev.delta = AI_DELTA_SIGNATURE;
        ev.text = opaque;
        ev.family = AI_FAMILY_OPENAI;

        return ai_rsp_emit(r, &ev);
    }

    if (ai_rsp_close(r, NULL) != AI_OK) {
        return AI_ERROR;
    }

    ai_rsp_event(&ev, AI_EVENT_BLOCK_START, AI_BLOCK_REDACTED, r->blocks);
    ev.data = opaque;
    ev.family = AI_FAMILY_OPENAI;

    if (ai_rsp_emit(r, &ev) != AI_OK) {
        return AI_ERROR;
    }

    ai_rsp_event(&ev, AI_EVENT_BLOCK_STOP, AI_BLOCK_REDACTED, r->blocks++);

    return ai_rsp_emit(r, &ev);
}


/* chat's form has them in an object; some hosts send them unasked */

ai_int_t
ai_rsp_logprobs(ai_rsp_t *r, const ai_rsp_item_t *item, uint32_t part,
    ai_ref_t list)
{
    ai_buf_t    *b;
    ai_raw_t     raw;
    ai_event_t   ev;
    ai_json_t   *doc;

    doc = &r->d.doc;

    if (ai_json_type(doc, list) != AI_JSON_ARRAY
        || doc->node[list].count == 0
        || (r->d.rq && r->d.rq->logprobs != 1)
        || !ai_rsp_is_open(r, item, AI_BLOCK_TEXT) || r->part != part)
    {
        return AI_OK;
    }

    b = &r->d.scratch;
    raw = ai_json_raw(doc, list);

    ai_buf_reset(b);
    ai_buf_lit(b, "{\"content\":");
    ai_buf_cat(b, &raw);
    ai_buf_lit(b, ",\"refusal\":null}");

    if (b->failed) {
        return AI_ERROR;
    }

    ai_rsp_event(&ev, AI_EVENT_DELTA, AI_BLOCK_TEXT, r->index);
    ev.delta = AI_DELTA_LOGPROBS;
    ev.raw = ai_buf_str(b);

    return ai_rsp_emit(r, &ev);
}


/*
 * Chat has {type, url_citation: {...}}, with places in the whole text; here
 * it is flat, and places are in the part.  Citations of files have no form
 * there.
 */

ai_int_t
ai_rsp_annotation(ai_rsp_t *r, ai_rsp_item_t *item, uint32_t part,
    ai_ref_t note)
{
    ai_buf_t    *b;
    ai_ref_t     v;
    ai_raw_t     raw;
    ai_event_t   ev;
    ai_json_t   *doc;

    doc = &r->d.doc;
    v = ai_json_get(doc, note, "url");

    if (!ai_json_is(doc, ai_json_get(doc, note, "type"), "url_citation")
        || ai_json_type(doc, v) != AI_JSON_STRING)
    {
        return AI_OK;
    }

    if ((!ai_rsp_is_open(r, item, AI_BLOCK_TEXT) || r->part != part)
        && ai_rsp_open(r, item, AI_BLOCK_TEXT, part) != AI_OK)
    {
        return AI_ERROR;
    }

    r->notes = 1;

    b = &r->d.scratch;
    raw = ai_json_raw(doc, v);

    ai_buf_reset(b);
    ai_buf_lit(b, "{\"type\":\"url_citation\",\"url_citation\":{\"url\":");
    ai_buf_cat(b, &raw);

    v = ai_json_get(doc, note, "title");

    if (ai_json_type(doc, v) == AI_JSON_STRING) {
        raw = ai_json_raw(doc, v);
        ai_rsp_member(b, "title", &raw);
    }

    if (ai_rsp_place(r, "start_index", ai_json_get(doc, note, "start_index"))
        != AI_OK
        || ai_rsp_place(r, "end_index", ai_json_get(doc, note, "end_index"))
           != AI_OK)
    {
        return AI_ERROR;
    }

    ai_buf_lit(b, "}}");

    if (b->failed) {
        return AI_ERROR;
    }

    ai_rsp_event(&ev, AI_EVENT_DELTA, AI_BLOCK_TEXT, r->index);
    ev.delta = AI_DELTA_ANNOTATION;
    ev.raw = ai_buf_str(b);

    return ai_rsp_emit(r, &ev);
}


/* AI_OK with nothing started: the name is still to come */

ai_int_t
ai_rsp_call_start(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v)
{
    ai_str_t     head;
    ai_event_t   ev;
    ai_json_t   *doc;

    doc = &r->d.doc;

    ai_rsp_event(&ev, AI_EVENT_BLOCK_START, AI_BLOCK_TOOL_CALL, r->blocks);

    ev.name = ai_json_esc(doc, ai_json_get(doc, v, "name"));
    ev.id = ai_json_esc(doc, ai_json_get(doc, v, "call_id"));

    if (ev.name.len == 0) {
        return AI_OK;
    }

    if (ev.id.len == 0) {
        ev.id = ai_json_esc(doc, ai_json_get(doc, v, "id"));
    }

    if (ev.id.len == 0 && ai_rsp_call_id(r, item, &ev.id) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_rsp_close(r, NULL) != AI_OK || ai_rsp_emit(r, &ev) != AI_OK) {
        return AI_ERROR;
    }

    item->block = r->blocks++;
    item->started = 1;
    r->tools = 1;

    if (item->kind == AI_RSP_CUSTOM) {
        head = ai_lit("{\\\"input\\\":\\\"");

        return ai_rsp_delta(r, AI_BLOCK_TOOL_CALL, item->block, &head);
    }

    return AI_OK;
}


/* one that came without gets one that no other answer has */

static ai_int_t
ai_rsp_call_id(ai_rsp_t *r, const ai_rsp_item_t *item, ai_esc_t *id)
{
    size_t     len;
    ai_buf_t  *b;
    ai_str_t   seed;

    b = &r->d.scratch;
    len = ai_buf_len(&r->id);

    ai_buf_char(&r->id, ':');
    ai_buf_int(&r->id, item->number);

    seed = ai_buf_str(&r->id);

    ai_buf_reset(b);
    ai_buf_lit(b, "call_");
    ai_wire_token(b, &seed, 24);

    if (b->failed || r->id.failed) {
        return AI_ERROR;
    }

    r->id.last = r->id.start + len;
    *id = ai_buf_str(b);

    return AI_OK;
}


/* those of a call that has no name yet are told again at its end */

ai_int_t
ai_rsp_call_args(ai_rsp_t *r, ai_rsp_item_t *item, const ai_esc_t *args)
{
    ai_str_t  text;

    if (!item->started || args->len == 0) {
        return AI_OK;
    }

    item->args = 1;
    item->sent += ai_rsp_chars(args);

    if (item->kind == AI_RSP_CALL) {
        return ai_rsp_delta(r, AI_BLOCK_TOOL_CALL, item->block, args);
    }

    /* a string within a string */

    ai_buf_reset(&r->d.scratch);
    ai_buf_escape(&r->d.scratch, args);

    if (r->d.scratch.failed) {
        return AI_ERROR;
    }

    text = ai_buf_str(&r->d.scratch);

    return ai_rsp_delta(r, AI_BLOCK_TOOL_CALL, item->block, &text);
}


ai_int_t
ai_rsp_call_whole(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t args)
{
    ai_esc_t  text;
    ai_raw_t  raw;

    if (ai_json_type(&r->d.doc, args) != AI_JSON_OBJECT) {
        text = ai_json_esc(&r->d.doc, args);
        text = ai_rsp_rest(item, &text);

        return ai_rsp_call_args(r, item, &text);
    }

    if (item->args) {
        return AI_OK;
    }

    raw = ai_json_raw(&r->d.doc, args);

    ai_buf_reset(&r->d.scratch);
    ai_json_embed(&r->d.scratch, &raw);

    if (r->d.scratch.failed) {
        return AI_ERROR;
    }

    item->args = 1;
    text = ai_buf_str(&r->d.scratch);

    return ai_rsp_delta(r, AI_BLOCK_TOOL_CALL, item->block, &text);
}


ai_int_t
ai_rsp_call_stop(ai_rsp_t *r, ai_rsp_item_t *item)
{
    ai_str_t    text;
    ai_event_t  ev;

    item->done = 1;

    text = item->kind == AI_RSP_CUSTOM ? ai_lit("\\\"}") : ai_lit("{}");

    if ((item->kind == AI_RSP_CUSTOM || !item->args)
        && ai_rsp_delta(r, AI_BLOCK_TOOL_CALL, item->block, &text) != AI_OK)
    {
        return AI_ERROR;
    }

    ai_rsp_event(&ev, AI_EVENT_BLOCK_STOP, AI_BLOCK_TOOL_CALL, item->block);

    return ai_rsp_emit(r, &ev);
}


static ai_int_t
ai_rsp_open(ai_rsp_t *r, ai_rsp_item_t *item, ai_block_e kind, uint32_t part)
{
    ai_event_t  ev;

    if (ai_rsp_close(r, NULL) != AI_OK) {
        return AI_ERROR;
    }

    r->kind = kind;
    r->index = r->blocks++;
    r->item = (uint32_t) (item - r->items);
    r->part = part;
    r->from = r->chars;
    r->notes = 0;

    ai_rsp_event(&ev, AI_EVENT_BLOCK_START, kind, r->index);

    return ai_rsp_emit(r, &ev);
}


ai_int_t
ai_rsp_close(ai_rsp_t *r, const ai_rsp_item_t *item)
{
    ai_event_t  ev;

    if (r->kind == 0 || (item && &r->items[r->item] != item)) {
        return AI_OK;
    }

    ai_rsp_event(&ev, AI_EVENT_BLOCK_STOP, r->kind, r->index);

    r->kind = 0;

    return ai_rsp_emit(r, &ev);
}


static ai_int_t
ai_rsp_is_open(const ai_rsp_t *r, const ai_rsp_item_t *item, ai_block_e kind)
{
    return r->kind == kind && &r->items[r->item] == item;
}


static ai_int_t
ai_rsp_delta(ai_rsp_t *r, ai_block_e kind, uint32_t index,
    const ai_esc_t *text)
{
    ai_event_t  ev;

    ai_rsp_event(&ev, AI_EVENT_DELTA, kind, index);
    ev.text = *text;

    return ai_rsp_emit(r, &ev);
}


static void
ai_rsp_member(ai_buf_t *b, const char *name, const ai_raw_t *raw)
{
    ai_rsp_key(b, name);
    ai_buf_cat(b, raw);
}


static ai_int_t
ai_rsp_place(ai_rsp_t *r, const char *name, ai_ref_t v)
{
    int64_t  n;

    if (ai_json_int(&r->d.doc, v, &n) != AI_OK || n < 0 || n > INT32_MAX) {
        return AI_OK;
    }

    ai_rsp_key(&r->d.scratch, name);
    ai_buf_int(&r->d.scratch, n + (int64_t) r->from);

    return r->d.scratch.failed ? AI_ERROR : AI_OK;
}


/* a text may be spelled otherwise when it is told again, so its characters
 * are counted: an escape is one, and the second half of a pair none */

static uint64_t
ai_rsp_chars(const ai_esc_t *s)
{
    size_t    i;
    uint64_t  n;

    for (i = 0, n = 0; i < s->len; /* void */) {
        n += ai_rsp_char(s, &i);
    }

    return n;
}


ai_esc_t
ai_rsp_rest(const ai_rsp_item_t *item, const ai_esc_t *text)
{
    size_t    i, from;
    uint64_t  n;
    ai_esc_t  rest;

    if (text->len == 0) {
        return *text;
    }

    for (i = 0, from = 0, n = 0; i < text->len; from = i) {
        n += ai_rsp_char(text, &i);

        if (n > item->sent) {
            break;
        }
    }

    rest.data = text->data + from;
    rest.len = text->len - from;

    return rest;
}


/* 1 if a character begins at i, or 0; i is moved on by a byte or an escape */

static unsigned
ai_rsp_char(const ai_esc_t *s, size_t *i)
{
    const ai_char_t  *p;

    p = s->data + *i;

    if (*p != '\\') {
        *i += 1;
        return (*p & 0xc0) != 0x80;
    }

    if (s->len - *i < 6 || p[1] != 'u') {
        *i += ai_min(s->len - *i, 2);
        return 1;
    }

    *i += 6;

    return !((p[2] | 0x20) == 'd'
             && (p[3] | 0x20) >= 'c' && (p[3] | 0x20) <= 'f');
}


void
ai_rsp_event(ai_event_t *ev, ai_event_e type, ai_block_e kind, uint32_t index)
{
    memset(ev, 0, sizeof(ai_event_t));

    ev->type = type;
    ev->kind = kind;
    ev->index = index;
}


ai_int_t
ai_rsp_emit(ai_rsp_t *r, const ai_event_t *ev)
{
    if (ev->type == AI_EVENT_DELTA || ev->type == AI_EVENT_BLOCK_START) {
        r->d.content = 1;
    }

    return r->d.sink.event(r->d.sink.data, ev) == AI_OK ? AI_OK : AI_ERROR;
}
