
#include <api/ai_openai_reply_int.h>


static void ai_openai_log_add(const ai_json_t *doc, const char *name,
    ai_buf_t *b);
static void ai_openai_answer_choice(ai_openai_reply_t *r, uint32_t n);
static void ai_openai_answer_message(ai_openai_reply_t *r, uint32_t n);
static void ai_openai_answer_thinking(ai_openai_reply_t *r, uint32_t n);
static void ai_openai_answer_blocks(ai_openai_reply_t *r, uint32_t n);
static void ai_openai_answer_calls(ai_openai_reply_t *r, uint32_t n);
static void ai_openai_answer_google(ai_openai_reply_t *r,
    const ai_openai_slot_t *slot);
static void ai_openai_answer_log(ai_buf_t *b, const ai_buf_t *list);
static ai_int_t ai_openai_answer_failed(const ai_openai_reply_t *r);


/* the pieces of a stream add up to one object */

ai_int_t
ai_openai_answer_logprobs(ai_openai_reply_t *r, ai_openai_choice_t *ch,
    const ai_event_t *ev)
{
    if (ai_json_parse(&r->doc, &ev->raw, NULL) != AI_OK) {
        return r->doc.error == AI_JSON_E_MEMORY ? AI_ERROR : AI_OK;
    }

    ch->logprobs = 1;

    ai_openai_log_add(&r->doc, "content", &ch->log_content);
    ai_openai_log_add(&r->doc, "refusal", &ch->log_refusal);

    return AI_OK;
}


static void
ai_openai_log_add(const ai_json_t *doc, const char *name, ai_buf_t *b)
{
    ai_ref_t  v;
    ai_raw_t  raw;

    v = ai_json_get(doc, AI_JSON_ROOT, name);

    if (ai_json_type(doc, v) != AI_JSON_ARRAY || doc->node[v].count == 0) {
        return;
    }

    if (ai_buf_len(b)) {
        ai_buf_char(b, ',');
    }

    raw = ai_json_raw(doc, v);
    ai_buf_add(b, raw.data + 1, raw.len - 2);
}


void
ai_openai_answer_annotation(ai_openai_choice_t *ch, const ai_event_t *ev)
{
    if (ev->raw.len == 0) {
        return;
    }

    if (ai_buf_len(&ch->annotations)) {
        ai_buf_char(&ch->annotations, ',');
    }

    ai_buf_cat(&ch->annotations, &ev->raw);
}


/* the start of a call as it will be written, up to the arguments */

void
ai_openai_answer_call(ai_openai_reply_t *r, ai_openai_slot_t *slot,
    const ai_event_t *ev)
{
    ai_buf_t  *b;

    b = &slot->head;

    if (!r->conf.functions) {
        ai_buf_lit(b, "{\"id\":");
        ai_openai_call_id(r, b, slot, &ev->id);
        ai_buf_lit(b, ",\"type\":\"function\",\"function\":");
    }

    ai_buf_lit(b, "{\"name\":");
    ai_buf_quote_esc(b, &ev->name);
    ai_buf_lit(b, ",\"arguments\":");
}


ai_int_t
ai_openai_answer_end(ai_openai_reply_t *r)
{
    uint32_t   i, n;
    ai_buf_t  *b;

    b = r->out;

    ai_buf_lit(b, "{\"id\":");
    ai_buf_quote_esc(b, &r->id);
    ai_buf_lit(b, ",\"object\":\"chat.completion\",\"created\":");
    ai_buf_int(b, r->created);
    ai_buf_lit(b, ",\"model\":");
    ai_buf_quote_esc(b, &r->model);
    ai_buf_lit(b, ",\"choices\":[");

    n = 0;

    for (i = 0; i < r->nchoices; i++) {
        if (!r->choices[i].base.started) {
            continue;
        }

        if (n++) {
            ai_buf_char(b, ',');
        }

        ai_openai_answer_choice(r, i);
    }

    ai_buf_lit(b, "],\"usage\":");
    ai_openai_usage(b, &r->usage);
    ai_reply_cstr(b, ai_reply_tier(&r->usage));
    ai_buf_char(b, '}');

    return ai_openai_answer_failed(r) ? AI_ERROR : AI_OK;
}


static void
ai_openai_answer_choice(ai_openai_reply_t *r, uint32_t n)
{
    ai_buf_t            *b;
    ai_str_t             reason;
    ai_openai_choice_t  *ch;

    b = r->out;
    ch = &r->choices[n];

    ai_buf_lit(b, "{\"index\":");
    ai_buf_int(b, n);
    ai_buf_lit(b, ",\"message\":");
    ai_openai_answer_message(r, n);
    ai_buf_lit(b, ",\"logprobs\":");

    if (ch->logprobs) {
        ai_buf_lit(b, "{\"content\":");
        ai_openai_answer_log(b, &ch->log_content);
        ai_buf_lit(b, ",\"refusal\":");
        ai_openai_answer_log(b, &ch->log_refusal);
        ai_buf_char(b, '}');

    } else {
        ai_buf_lit(b, "null");
    }

    reason = ai_openai_reply_reason(r, ch);

    ai_buf_lit(b, ",\"finish_reason\":");
    ai_buf_quote(b, &reason);
    ai_buf_char(b, '}');
}


static void
ai_openai_answer_log(ai_buf_t *b, const ai_buf_t *list)
{
    if (ai_buf_len(list) == 0) {
        ai_buf_lit(b, "null");
        return;
    }

    ai_buf_char(b, '[');
    ai_buf_add(b, list->start, ai_buf_len(list));
    ai_buf_char(b, ']');
}


static void
ai_openai_answer_string(ai_buf_t *b, const ai_buf_t *text)
{
    ai_buf_char(b, '"');
    ai_buf_add(b, text->start, ai_buf_len(text));
    ai_buf_char(b, '"');
}


static void
ai_openai_answer_message(ai_openai_reply_t *r, uint32_t n)
{
    uint32_t             i;
    ai_buf_t            *b;
    ai_openai_choice_t  *ch;

    b = r->out;
    ch = &r->choices[n];

    ai_buf_lit(b, "{\"role\":\"assistant\",\"content\":");

    if (ch->text || (ch->calls == 0 && ai_buf_len(&ch->refusal) == 0)) {
        ai_openai_answer_string(b, &ch->content);

    } else {
        ai_buf_lit(b, "null");
    }

    ai_buf_lit(b, ",\"refusal\":");

    if (ai_buf_len(&ch->refusal)) {
        ai_openai_answer_string(b, &ch->refusal);

    } else {
        ai_buf_lit(b, "null");
    }

    ai_openai_answer_thinking(r, n);
    ai_openai_answer_blocks(r, n);
    ai_openai_answer_calls(r, n);

    if (ai_buf_len(&ch->annotations)) {
        ai_buf_lit(b, ",\"annotations\":[");
        ai_buf_add(b, ch->annotations.start, ai_buf_len(&ch->annotations));
        ai_buf_char(b, ']');
    }

    /* one member can hold one signature: the last text's */

    for (i = r->nslots; i-- > 0; /* void */ ) {
        if (r->slots[i].choice == n && r->slots[i].kind == AI_BLOCK_TEXT) {
            ai_openai_answer_google(r, &r->slots[i]);
            break;
        }
    }

    ai_buf_char(b, '}');
}


static void
ai_openai_answer_thinking(ai_openai_reply_t *r, uint32_t n)
{
    uint32_t           i, some;
    ai_buf_t          *b;
    ai_openai_slot_t  *slot;

    b = r->out;
    some = 0;

    for (i = 0; i < r->nslots; i++) {
        slot = &r->slots[i];

        if (slot->choice != n || slot->kind != AI_BLOCK_THINKING
            || ai_buf_len(&slot->text) == 0)
        {
            continue;
        }

        if (some++ == 0) {
            ai_buf_lit(b, ",\"reasoning_content\":\"");
        }

        ai_buf_add(b, slot->text.start, ai_buf_len(&slot->text));
    }

    if (some) {
        ai_buf_char(b, '"');
    }
}


/* only where there is something that reasoning_content cannot hold */

static void
ai_openai_answer_blocks(ai_openai_reply_t *r, uint32_t n)
{
    uint32_t           i, some;
    ai_buf_t          *b;
    ai_str_t           s;
    ai_openai_slot_t  *slot;

    b = r->out;
    some = 0;

    for (i = 0; i < r->nslots && !some; i++) {
        slot = &r->slots[i];
        some = slot->choice == n
               && (slot->kind == AI_BLOCK_REDACTED
                   || (slot->kind == AI_BLOCK_THINKING
                       && ai_buf_len(&slot->signature)));
    }

    if (!some) {
        return;
    }

    ai_buf_lit(b, ",\"thinking_blocks\":[");
    some = 0;

    for (i = 0; i < r->nslots; i++) {
        slot = &r->slots[i];

        if (slot->choice != n
            || (slot->kind != AI_BLOCK_REDACTED
                && slot->kind != AI_BLOCK_THINKING))
        {
            continue;
        }

        if (some++) {
            ai_buf_char(b, ',');
        }

        if (slot->kind == AI_BLOCK_REDACTED) {
            s = ai_buf_str(&slot->text);
            ai_buf_lit(b, "{\"type\":\"redacted_thinking\",\"data\":");
            ai_openai_opaque(b, slot->family, &s);
            ai_buf_char(b, '}');
            continue;
        }

        ai_buf_lit(b, "{\"type\":\"thinking\",\"thinking\":");
        ai_openai_answer_string(b, &slot->text);

        if (ai_buf_len(&slot->signature)) {
            s = ai_buf_str(&slot->signature);
            ai_buf_lit(b, ",\"signature\":");
            ai_openai_opaque(b, slot->family, &s);
        }

        ai_buf_char(b, '}');
    }

    ai_buf_char(b, ']');
}


static void
ai_openai_answer_calls(ai_openai_reply_t *r, uint32_t n)
{
    uint32_t           i;
    ai_buf_t          *b;
    ai_openai_slot_t  *slot;

    b = r->out;

    for (i = 0; i < r->nslots; i++) {
        slot = &r->slots[i];

        if (slot->choice != n || slot->kind != AI_BLOCK_TOOL_CALL
            || (r->conf.functions && slot->call))
        {
            continue;
        }

        if (slot->call) {
            ai_buf_char(b, ',');

        } else if (r->conf.functions) {
            ai_buf_lit(b, ",\"function_call\":");

        } else {
            ai_buf_lit(b, ",\"tool_calls\":[");
        }

        ai_buf_add(b, slot->head.start, ai_buf_len(&slot->head));

        if (slot->args) {
            ai_openai_answer_string(b, &slot->text);

        } else {
            ai_buf_lit(b, "\"{}\"");
        }

        ai_buf_char(b, '}');

        if (!r->conf.functions) {
            ai_openai_answer_google(r, slot);
            ai_buf_char(b, '}');
        }
    }

    if (r->choices[n].calls && !r->conf.functions) {
        ai_buf_char(b, ']');
    }
}


static void
ai_openai_answer_google(ai_openai_reply_t *r, const ai_openai_slot_t *slot)
{
    if (slot->family != AI_FAMILY_GEMINI
        || ai_buf_len(&slot->signature) == 0)
    {
        return;
    }

    ai_buf_lit(r->out, ",\"extra_content\":{\"google\":"
                       "{\"thought_signature\":");
    ai_openai_answer_string(r->out, &slot->signature);
    ai_buf_lit(r->out, "}}");
}


/* a piece that could not be kept must not be missing without a word */

static ai_int_t
ai_openai_answer_failed(const ai_openai_reply_t *r)
{
    uint32_t                   i;
    const ai_openai_slot_t    *slot;
    const ai_openai_choice_t  *ch;

    for (i = 0; i < r->nchoices; i++) {
        ch = &r->choices[i];

        if (ch->content.failed || ch->refusal.failed
            || ch->annotations.failed || ch->log_content.failed
            || ch->log_refusal.failed)
        {
            return 1;
        }
    }

    for (i = 0; i < r->nslots; i++) {
        slot = &r->slots[i];

        if (slot->signature.failed || slot->head.failed || slot->text.failed) {
            return 1;
        }
    }

    return r->out->failed;
}
