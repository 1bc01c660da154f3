
/*
 * OpenAI's Responses stream as it goes through.  Its end repeats the answer:
 * what is open is closed with its text, and the response has all items.  So
 * these are kept, up to AI_RESPONSES_STOP_MAX bytes; what is beyond is left
 * out of the end, where clients find what they have read before.
 *
 *     output_item.added     a slot with the item as it was spelled
 *       *_part.added          its part, or arguments, is open
 *         *.delta               text
 *         *.done                the text was told
 *       *_part.done           among the parts that are done
 *     output_item.done      among the items that are done, the slot is free
 */

#include <api/ai_responses_int.h>
#include <api/ai_stop.h>


#define AI_RESPONSES_STOP_MAX    (1024 * 1024)
#define AI_RESPONSES_STOP_SLOTS  8


typedef struct {
    ai_str_t           name;        /* of the events, without "response." */
    ai_str_t           place;       /* the member that says which part, or
                                       empty: it is the item's own */
    ai_str_t           part;        /* type of the part */
    ai_str_t           member;      /* with the text */
} ai_responses_form_t;


/* an item that is open */

typedef struct {
    int64_t            index;
    const ai_responses_form_t  *form;        /* what is open of it, or NULL */
    int64_t            place;
    ai_buf_t           item;
    ai_buf_t           text;        /* of what is open */
    ai_buf_t           notes;       /* the same, its annotations */
    ai_buf_t           content;     /* parts that are done */
    ai_buf_t           summary;     /* the same */
    unsigned           used:1;
    unsigned           part:1;      /* the part was told to begin */
    unsigned           said:1;      /* its text was told to be done */
    unsigned           lost:1;      /* was too much to be kept */
} ai_responses_slot_t;


typedef struct {
    ai_json_t          doc;
    ai_buf_t           response;    /* as it was when it began */
    ai_buf_t           output;      /* items that are done */
    ai_responses_slot_t  slots[AI_RESPONSES_STOP_SLOTS];
    size_t             kept;        /* bytes in all that may grow */
    int64_t            seq;         /* the next number */
    unsigned           over:1;      /* the response has ended */
} ai_responses_stop_t;


static void *ai_responses_stop_create(const ai_pool_t *pool);
static void ai_responses_stop_see(void *data, const ai_sse_event_t *ev);
static void ai_responses_stop_begun(ai_responses_stop_t *s, ai_ref_t v);
static void ai_responses_stop_added(ai_responses_stop_t *s,
    ai_responses_slot_t *slot, int64_t index, ai_ref_t v);
static void ai_responses_stop_done(ai_responses_stop_t *s,
    ai_responses_slot_t *slot, ai_ref_t v);
static void ai_responses_stop_part(ai_responses_stop_t *s,
    ai_responses_slot_t *slot, const ai_esc_t *type);
static void ai_responses_stop_part_done(ai_responses_stop_t *s,
    ai_responses_slot_t *slot);
static void ai_responses_stop_text(ai_responses_stop_t *s,
    ai_responses_slot_t *slot, const ai_esc_t *type);
static const ai_responses_form_t *ai_responses_stop_form(
    const ai_esc_t *name);
static ai_responses_slot_t *ai_responses_stop_find(ai_responses_stop_t *s,
    int64_t index, unsigned used);
static void ai_responses_stop_free(ai_responses_stop_t *s,
    ai_responses_slot_t *slot);
static ai_int_t ai_responses_stop_keep(ai_responses_stop_t *s, ai_buf_t *b,
    const ai_str_t *text, ai_int_t listed);
static ai_int_t ai_responses_stop_end(void *data, const ai_usage_t *usage,
    ai_buf_t *out);
static ai_int_t ai_responses_stop_close(ai_responses_stop_t *s,
    ai_responses_slot_t *slot, ai_buf_t *out);
static void ai_responses_stop_said(ai_responses_stop_t *s,
    ai_responses_slot_t *slot, ai_buf_t *out);
static void ai_responses_stop_event(ai_responses_stop_t *s, ai_buf_t *out,
    const ai_str_t *name, const char *verb);
static void ai_responses_stop_place(const ai_responses_stop_t *s,
    const ai_responses_slot_t *slot, ai_buf_t *out);
static void ai_responses_stop_part_write(const ai_responses_slot_t *slot,
    ai_buf_t *b);
static void ai_responses_stop_item(const ai_responses_stop_t *s,
    const ai_responses_slot_t *slot, ai_buf_t *b);
static void ai_responses_stop_members(const ai_json_t *doc, ai_buf_t *b,
    const char *const *without);
static void ai_responses_stop_list(ai_buf_t *b, const char *name,
    const ai_buf_t *list);
static ai_int_t ai_responses_stop_response(ai_responses_stop_t *s,
    const ai_usage_t *usage, ai_buf_t *out);


const ai_stop_wire_t  ai_responses_stop_wire = {
    .create = ai_responses_stop_create,
    .see = ai_responses_stop_see,
    .end = ai_responses_stop_end
};


static const ai_responses_form_t  ai_responses_forms[] = {
    { ai_string("output_text"), ai_string("content_index"),
      ai_string("output_text"), ai_string("text") },
    { ai_string("refusal"), ai_string("content_index"),
      ai_string("refusal"), ai_string("refusal") },
    { ai_string("reasoning_text"), ai_string("content_index"),
      ai_string("reasoning_text"), ai_string("text") },
    { ai_string("reasoning_summary_text"), ai_string("summary_index"),
      ai_string("summary_text"), ai_string("text") },
    { ai_string("function_call_arguments"), ai_null_string,
      ai_null_string, ai_string("arguments") },
    { ai_string("custom_tool_call_input"), ai_null_string,
      ai_null_string, ai_string("input") },
    { ai_string("mcp_call_arguments"), ai_null_string,
      ai_null_string, ai_string("arguments") },
    { ai_string("code_interpreter_call_code"), ai_null_string,
      ai_null_string, ai_string("code") },
    { ai_null_string, ai_null_string, ai_null_string, ai_null_string }
};


#define ai_responses_is_text(form)                                            \
    ((form) == &ai_responses_forms[0])
#define ai_responses_is_summary(form)                                         \
    ((form) == &ai_responses_forms[3])


static void *
ai_responses_stop_create(const ai_pool_t *pool)
{
    uint32_t              i;
    ai_responses_slot_t  *slot;
    ai_responses_stop_t  *s;

    s = ai_pcalloc(pool, sizeof(ai_responses_stop_t));
    if (s == NULL) {
        return NULL;
    }

    ai_json_init(&s->doc, pool);
    ai_buf_init(&s->response, pool);
    ai_buf_init(&s->output, pool);

    for (i = 0; i < AI_RESPONSES_STOP_SLOTS; i++) {
        slot = &s->slots[i];

        ai_buf_init(&slot->item, pool);
        ai_buf_init(&slot->text, pool);
        ai_buf_init(&slot->notes, pool);
        ai_buf_init(&slot->content, pool);
        ai_buf_init(&slot->summary, pool);
    }

    return s;
}


static void
ai_responses_stop_see(void *data, const ai_sse_event_t *ev)
{
    ai_responses_stop_t *s = data;

    int64_t               n;
    ai_esc_t              type;
    const ai_json_t      *doc;
    ai_responses_slot_t  *slot;

    doc = &s->doc;

    if (ev->data.data == NULL
        || ai_json_parse_next(&s->doc, &ev->data, NULL) != AI_OK)
    {
        return;
    }

    if (ai_json_int(doc, ai_json_get(doc, AI_JSON_ROOT, "sequence_number"),
                    &n) == AI_OK
        && n >= 0 && n < INT64_MAX)
    {
        s->seq = n + 1;
    }

    type = ai_json_esc(doc, ai_json_get(doc, AI_JSON_ROOT, "type"));

    if (!ai_str_starts(&type, "response.")) {
        return;
    }

    type.data += sizeof("response.") - 1;
    type.len -= sizeof("response.") - 1;

    if (ai_str_is(&type, "created") || ai_str_is(&type, "in_progress")
        || ai_str_is(&type, "queued"))
    {
        ai_responses_stop_begun(s, ai_json_get(doc, AI_JSON_ROOT,
                                               "response"));
        return;
    }

    if (ai_str_is(&type, "completed") || ai_str_is(&type, "incomplete")
        || ai_str_is(&type, "failed") || ai_str_is(&type, "cancelled"))
    {
        s->over = 1;
        return;
    }

    if (ai_json_int(doc, ai_json_get(doc, AI_JSON_ROOT, "output_index"), &n)
        != AI_OK)
    {
        return;
    }

    slot = ai_responses_stop_find(s, n, 1);

    if (ai_str_is(&type, "output_item.added")) {
        ai_responses_stop_added(s, slot, n,
                                ai_json_get(doc, AI_JSON_ROOT, "item"));

    } else if (ai_str_is(&type, "output_item.done")) {
        ai_responses_stop_done(s, slot,
                               ai_json_get(doc, AI_JSON_ROOT, "item"));

    } else if (slot == NULL) {
        return;

    } else if (ai_str_is(&type, "content_part.added")
               || ai_str_is(&type, "reasoning_summary_part.added"))
    {
        ai_responses_stop_part(s, slot, &type);

    } else if (ai_str_is(&type, "content_part.done")
               || ai_str_is(&type, "reasoning_summary_part.done"))
    {
        ai_responses_stop_part_done(s, slot);

    } else {
        ai_responses_stop_text(s, slot, &type);
    }
}


/* what it was asked for may be long: then its names alone are kept */

static void
ai_responses_stop_begun(ai_responses_stop_t *s, ai_ref_t v)
{
    uint32_t   i, n;
    ai_buf_t  *b;
    ai_raw_t   raw;

    static const char *const  names[] = {
        "id", "object", "created_at", "model", "parallel_tool_calls"
    };

    b = &s->response;

    if (ai_buf_len(b) || b->failed
        || ai_json_type(&s->doc, v) != AI_JSON_OBJECT)
    {
        return;
    }

    raw = ai_json_raw(&s->doc, v);

    if (raw.len <= AI_RESPONSES_STOP_MAX) {
        ai_responses_raw(b, &raw);
        return;
    }

    n = 0;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        raw = ai_json_raw(&s->doc, ai_json_get(&s->doc, v, names[i]));

        if (raw.len == 0 || raw.len > 1024) {
            continue;
        }

        ai_buf_add(b, n++ ? ",\"" : "{\"", 2);
        ai_buf_add(b, names[i], strlen(names[i]));
        ai_buf_lit(b, "\":");
        ai_responses_raw(b, &raw);
    }

    ai_buf_add(b, n ? ",\"" : "{\"", 2);
    ai_buf_lit(b, "tool_choice\":\"auto\",\"tools\":[]}");
}


/* with the same index as one that is open: that one is never ended */

static void
ai_responses_stop_added(ai_responses_stop_t *s, ai_responses_slot_t *slot,
    int64_t index, ai_ref_t v)
{
    ai_raw_t  raw;

    if (slot) {
        ai_responses_stop_free(s, slot);
    }

    slot = ai_responses_stop_find(s, 0, 0);

    if (slot == NULL || ai_json_type(&s->doc, v) != AI_JSON_OBJECT) {
        return;
    }

    slot->used = 1;
    slot->index = index;

    raw = ai_json_raw(&s->doc, v);
    slot->lost = ai_responses_stop_keep(s, &slot->item, &raw, 0) != AI_OK;
}


static void
ai_responses_stop_done(ai_responses_stop_t *s, ai_responses_slot_t *slot,
    ai_ref_t v)
{
    ai_raw_t  raw;

    if (slot) {
        ai_responses_stop_free(s, slot);
    }

    if (ai_json_type(&s->doc, v) == AI_JSON_OBJECT) {
        raw = ai_json_raw(&s->doc, v);
        (void) ai_responses_stop_keep(s, &s->output, &raw, 1);
    }
}


static void
ai_responses_stop_part(ai_responses_stop_t *s, ai_responses_slot_t *slot,
    const ai_esc_t *type)
{
    uint32_t                    i;
    ai_ref_t                    v;
    const ai_responses_form_t  *form;

    form = &ai_responses_forms[3];

    if (ai_str_starts(type, "content_part.")) {
        v = ai_json_path(&s->doc, AI_JSON_ROOT, "part", "type", NULL);

        for (i = 0; ai_responses_forms[i].part.len; i++) {
            form = &ai_responses_forms[i];

            if (ai_json_equal(&s->doc, v, (char *) form->part.data,
                              form->part.len))
            {
                break;
            }
        }

        if (ai_responses_forms[i].part.len == 0) {
            form = NULL;
        }
    }

    slot->form = form;
    slot->part = 1;
    slot->said = 0;
    slot->place = 0;

    s->kept -= ai_buf_len(&slot->text) + ai_buf_len(&slot->notes);
    ai_buf_reset(&slot->text);
    ai_buf_reset(&slot->notes);

    if (form) {
        (void) ai_json_int(&s->doc,
                           ai_json_get(&s->doc, AI_JSON_ROOT,
                                       (char *) form->place.data),
                           &slot->place);
    }
}


static void
ai_responses_stop_part_done(ai_responses_stop_t *s, ai_responses_slot_t *slot)
{
    ai_raw_t   raw;
    ai_buf_t  *b;

    b = ai_responses_is_summary(slot->form) ? &slot->summary
                                            : &slot->content;

    s->kept -= ai_buf_len(&slot->text) + ai_buf_len(&slot->notes);
    ai_buf_reset(&slot->text);
    ai_buf_reset(&slot->notes);

    slot->form = NULL;
    slot->part = 0;

    raw = ai_json_raw(&s->doc, ai_json_get(&s->doc, AI_JSON_ROOT, "part"));

    if (raw.len && ai_responses_stop_keep(s, b, &raw, 1) != AI_OK) {
        slot->lost = 1;
    }
}


/* some begin a text without a part */

static void
ai_responses_stop_text(ai_responses_stop_t *s, ai_responses_slot_t *slot,
    const ai_esc_t *type)
{
    ai_str_t                    name, text;
    const ai_responses_form_t  *form;

    if (ai_str_is(type, "output_text.annotation.added")) {
        text = ai_json_raw(&s->doc, ai_json_get(&s->doc, AI_JSON_ROOT,
                                                "annotation"));

        if (text.len
            && ai_responses_stop_keep(s, &slot->notes, &text, 1) != AI_OK)
        {
            slot->lost = 1;
        }

        return;
    }

    name = *type;

    while (name.len && name.data[name.len - 1] != '.') {
        name.len--;
    }

    text.data = name.data + name.len;
    text.len = type->len - name.len;
    name.len -= name.len ? 1 : 0;

    form = ai_responses_stop_form(&name);

    if (form == NULL) {
        return;
    }

    if (slot->form != form) {
        slot->form = form;
        slot->part = 0;
        slot->said = 0;
        slot->place = 0;

        if (form->place.len) {
            (void) ai_json_int(&s->doc,
                               ai_json_get(&s->doc, AI_JSON_ROOT,
                                           (char *) form->place.data),
                               &slot->place);
        }
    }

    /* some say all at once */

    if (ai_str_is(&text, "done")) {
        slot->said = 1;
        s->kept -= ai_buf_len(&slot->text);
        ai_buf_reset(&slot->text);

        text = ai_json_esc(&s->doc,
                           ai_json_get(&s->doc, AI_JSON_ROOT,
                                       (char *) form->member.data));

    } else {
        text = ai_json_esc(&s->doc,
                           ai_json_get(&s->doc, AI_JSON_ROOT, "delta"));
    }

    if (ai_responses_stop_keep(s, &slot->text, &text, 0) != AI_OK) {
        slot->lost = 1;
    }
}


static const ai_responses_form_t *
ai_responses_stop_form(const ai_esc_t *name)
{
    const ai_responses_form_t  *form;

    for (form = ai_responses_forms; form->name.len; form++) {
        if (ai_str_eq(&form->name, name)) {
            return form;
        }
    }

    return NULL;
}


/* used 0: a free one */

static ai_responses_slot_t *
ai_responses_stop_find(ai_responses_stop_t *s, int64_t index, unsigned used)
{
    uint32_t              i;
    ai_responses_slot_t  *slot;

    for (i = 0; i < AI_RESPONSES_STOP_SLOTS; i++) {
        slot = &s->slots[i];

        if (slot->used == used && (!used || slot->index == index)) {
            return slot;
        }
    }

    return NULL;
}


static void
ai_responses_stop_free(ai_responses_stop_t *s, ai_responses_slot_t *slot)
{
    s->kept -= ai_buf_len(&slot->item) + ai_buf_len(&slot->text)
               + ai_buf_len(&slot->notes) + ai_buf_len(&slot->content)
               + ai_buf_len(&slot->summary);

    ai_buf_reset(&slot->item);
    ai_buf_reset(&slot->text);
    ai_buf_reset(&slot->notes);
    ai_buf_reset(&slot->content);
    ai_buf_reset(&slot->summary);

    slot->form = NULL;
    slot->place = 0;
    slot->used = 0;
    slot->part = 0;
    slot->said = 0;
    slot->lost = 0;
}


static ai_int_t
ai_responses_stop_keep(ai_responses_stop_t *s, ai_buf_t *b,
    const ai_str_t *text, ai_int_t listed)
{
    size_t  len;

    len = ai_buf_len(b);

    if (b->failed || text->len >= AI_RESPONSES_STOP_MAX - s->kept) {
        return AI_ERROR;
    }

    if (listed && len) {
        ai_buf_char(b, ',');
    }

    ai_responses_raw(b, text);

    if (b->failed) {
        return AI_ERROR;
    }

    s->kept += ai_buf_len(b) - len;

    return AI_OK;
}


static ai_int_t
ai_responses_stop_end(void *data, const ai_usage_t *usage, ai_buf_t *out)
{
    ai_responses_stop_t *s = data;

    uint32_t              i;
    ai_responses_slot_t  *slot, *first;

    if (ai_buf_len(&s->response) == 0) {
        return AI_DECLINED;
    }

    if (s->over) {
        return AI_OK;
    }

    for ( ;; ) {
        first = NULL;

        for (i = 0; i < AI_RESPONSES_STOP_SLOTS; i++) {
            slot = &s->slots[i];

            if (slot->used && (first == NULL || slot->index < first->index)) {
                first = slot;
            }
        }

        if (first == NULL) {
            break;
        }

        if (!first->lost
            && ai_responses_stop_close(s, first, out) != AI_OK)
        {
            return AI_ERROR;
        }

        ai_responses_stop_free(s, first);
    }

    s->over = 1;

    return ai_responses_stop_response(s, usage, out);
}


static ai_int_t
ai_responses_stop_close(ai_responses_stop_t *s, ai_responses_slot_t *slot,
    ai_buf_t *out)
{
    ai_str_t   item;
    ai_buf_t  *b;

    static const ai_str_t  name = ai_string("output_item");

    item = ai_buf_str(&slot->item);

    if (ai_json_parse(&s->doc, &item, NULL) != AI_OK) {
        return s->doc.error == AI_JSON_E_MEMORY ? AI_ERROR : AI_OK;
    }

    if (slot->form) {
        ai_responses_stop_said(s, slot, out);
    }

    ai_responses_stop_event(s, out, &name, "done");
    ai_buf_lit(out, ",\"output_index\":");
    ai_buf_int(out, slot->index);
    ai_buf_lit(out, ",\"item\":");
    ai_responses_stop_item(s, slot, out);
    ai_buf_lit(out, "}\n\n");

    b = &s->output;

    if (ai_buf_len(b)) {
        ai_buf_char(b, ',');
    }

    ai_responses_stop_item(s, slot, b);

    return out->failed || b->failed || slot->content.failed
           || slot->summary.failed ? AI_ERROR : AI_OK;
}


static void
ai_responses_stop_said(ai_responses_stop_t *s, ai_responses_slot_t *slot,
    ai_buf_t *out)
{
    ai_buf_t                   *b;
    ai_esc_t                    text;
    const ai_responses_form_t  *form;

    static const ai_str_t  content = ai_string("content_part");
    static const ai_str_t  summary = ai_string("reasoning_summary_part");

    form = slot->form;

    if (!slot->said) {
        text = ai_buf_str(&slot->text);

        ai_responses_stop_event(s, out, &form->name, "done");
        ai_responses_stop_place(s, slot, out);
        ai_buf_lit(out, ",\"");
        ai_buf_cat(out, &form->member);
        ai_buf_lit(out, "\":");
        ai_buf_quote_esc(out, &text);

        if (ai_responses_is_text(form)) {
            ai_buf_lit(out, ",\"logprobs\":[]");
        }

        ai_buf_lit(out, "}\n\n");
    }

    if (form->part.len == 0) {
        return;
    }

    if (slot->part) {
        ai_responses_stop_event(s, out, ai_responses_is_summary(form)
                                        ? &summary : &content, "done");
        ai_responses_stop_place(s, slot, out);
        ai_buf_lit(out, ",\"part\":");
        ai_responses_stop_part_write(slot, out);
        ai_buf_lit(out, "}\n\n");
    }

    b = ai_responses_is_summary(form) ? &slot->summary : &slot->content;

    if (ai_buf_len(b)) {
        ai_buf_char(b, ',');
    }

    ai_responses_stop_part_write(slot, b);
}


static void
ai_responses_stop_event(ai_responses_stop_t *s, ai_buf_t *out,
    const ai_str_t *name, const char *verb)
{
    uint32_t  i;

    for (i = 0; i < 2; i++) {
        ai_buf_add(out, i ? "\ndata: {\"type\":\"" : "event: ", i ? 16 : 7);
        ai_buf_lit(out, "response.");
        ai_buf_cat(out, name);
        ai_buf_add(out, ".", name->len ? 1 : 0);
        ai_buf_add(out, verb, strlen(verb));
    }

    ai_buf_lit(out, "\",\"sequence_number\":");
    ai_buf_int(out, s->seq++);
}


/* s->doc is the item */

static void
ai_responses_stop_place(const ai_responses_stop_t *s,
    const ai_responses_slot_t *slot, ai_buf_t *out)
{
    ai_esc_t  id;

    id = ai_json_esc(&s->doc, ai_json_get(&s->doc, AI_JSON_ROOT, "id"));

    ai_buf_lit(out, ",\"item_id\":");
    ai_buf_quote_esc(out, &id);
    ai_buf_lit(out, ",\"output_index\":");
    ai_buf_int(out, slot->index);

    if (slot->form->place.len) {
        ai_buf_lit(out, ",\"");
        ai_buf_cat(out, &slot->form->place);
        ai_buf_lit(out, "\":");
        ai_buf_int(out, slot->place);
    }
}


static void
ai_responses_stop_part_write(const ai_responses_slot_t *slot, ai_buf_t *b)
{
    ai_esc_t  text;

    text = ai_buf_str(&slot->text);

    ai_buf_lit(b, "{\"type\":\"");
    ai_buf_cat(b, &slot->form->part);
    ai_buf_lit(b, "\",\"");
    ai_buf_cat(b, &slot->form->member);
    ai_buf_lit(b, "\":");
    ai_buf_quote_esc(b, &text);

    if (ai_responses_is_text(slot->form)) {
        ai_responses_stop_list(b, "annotations", &slot->notes);
        ai_buf_lit(b, ",\"logprobs\":[]");
    }

    ai_buf_char(b, '}');
}


/* as it was added, with what has come since; s->doc is the item */

static void
ai_responses_stop_item(const ai_responses_stop_t *s,
    const ai_responses_slot_t *slot, ai_buf_t *b)
{
    ai_esc_t     text;
    uint32_t     n;
    const char  *without[6];

    n = 0;
    without[n++] = "status";

    if (ai_buf_len(&slot->content)) {
        without[n++] = "content";
    }

    if (ai_buf_len(&slot->summary)) {
        without[n++] = "summary";
    }

    if (slot->form && slot->form->part.len == 0) {
        without[n++] = (char *) slot->form->member.data;
    }

    without[n] = NULL;

    ai_buf_char(b, '{');
    ai_responses_stop_members(&s->doc, b, without);

    if (slot->form && slot->form->part.len == 0) {
        text = ai_buf_str(&slot->text);

        ai_buf_char(b, '"');
        ai_buf_cat(b, &slot->form->member);
        ai_buf_lit(b, "\":");
        ai_buf_quote_esc(b, &text);
        ai_buf_char(b, ',');
    }

    /* a search has no word for it but this */

    ai_buf_lit(b, "\"status\":");

    if (ai_json_is(&s->doc, ai_json_get(&s->doc, AI_JSON_ROOT, "type"),
                   "web_search_call")
        || ai_json_is(&s->doc, ai_json_get(&s->doc, AI_JSON_ROOT, "type"),
                      "image_generation_call"))
    {
        ai_buf_lit(b, "\"failed\"");

    } else {
        ai_buf_lit(b, "\"incomplete\"");
    }

    if (ai_buf_len(&slot->content)) {
        ai_responses_stop_list(b, "content", &slot->content);
    }

    if (ai_buf_len(&slot->summary)) {
        ai_responses_stop_list(b, "summary", &slot->summary);
    }

    ai_buf_char(b, '}');
}


/* of the root, each with a comma behind it */

static void
ai_responses_stop_members(const ai_json_t *doc, ai_buf_t *b,
    const char *const *without)
{
    uint32_t  i;
    ai_raw_t  raw;
    ai_ref_t  k;

    for (k = ai_json_first(doc, AI_JSON_ROOT); k != AI_JSON_NONE;
         k = ai_json_next(doc, AI_JSON_ROOT, k))
    {
        for (i = 0; without[i] && !ai_json_is(doc, k, without[i]); i++) {
            /* void */
        }

        if (without[i]) {
            continue;
        }

        raw = ai_json_raw(doc, k);
        ai_buf_cat(b, &raw);
        ai_buf_char(b, ':');

        raw = ai_json_raw(doc, ai_json_value(doc, k));
        ai_buf_cat(b, &raw);
        ai_buf_char(b, ',');
    }
}


static void
ai_responses_stop_list(ai_buf_t *b, const char *name, const ai_buf_t *list)
{
    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));
    ai_buf_lit(b, "\":[");
    ai_buf_add(b, list->start, ai_buf_len(list));
    ai_buf_char(b, ']');
}


static ai_int_t
ai_responses_stop_response(ai_responses_stop_t *s, const ai_usage_t *usage,
    ai_buf_t *out)
{
    ai_str_t  response;

    static const ai_str_t     none = ai_null_string;
    static const char *const  without[] = {
        "status", "incomplete_details", "output", "output_text", "usage",
        "completed_at", NULL
    };

    response = ai_buf_str(&s->response);

    if (ai_json_parse(&s->doc, &response, NULL) != AI_OK) {
        return AI_ERROR;
    }

    ai_responses_stop_event(s, out, &none, "incomplete");
    ai_buf_lit(out, ",\"response\":{");
    ai_responses_stop_members(&s->doc, out, without);
    ai_buf_lit(out, "\"status\":\"incomplete\",\"incomplete_details\":"
                    "{\"reason\":\"max_output_tokens\"}");
    ai_responses_stop_list(out, "output", &s->output);
    ai_buf_lit(out, ",\"usage\":");
    ai_responses_usage(out, usage);
    ai_buf_lit(out, "}}\n\n");

    return out->failed || s->output.failed || s->response.failed ? AI_ERROR
                                                                 : AI_OK;
}
