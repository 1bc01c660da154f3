
/*
 * The blocks of Anthropic's answers, one open at a time.
 *
 * What the provider's own tools do (server_tool_use, *_tool_result, mcp_*)
 * and kinds of blocks not known here are skipped with their deltas: they are
 * no calls for the client to make.
 */

#include <provider/ai_anthropic_int.h>
#include <provider/ai_citation_int.h>


static ai_int_t ai_anthropic_open(ai_anthropic_t *a, ai_ref_t block,
    int64_t number);
static ai_int_t ai_anthropic_open_call(ai_anthropic_t *a, ai_ref_t block);
static ai_int_t ai_anthropic_delta(ai_anthropic_t *a, ai_delta_e what,
    const ai_esc_t *text);
static ai_int_t ai_anthropic_signature(ai_anthropic_t *a, ai_ref_t v);
static ai_int_t ai_anthropic_arguments(ai_anthropic_t *a, ai_ref_t v);
static void ai_anthropic_cite(ai_anthropic_t *a, ai_ref_t citation);


/* whole blocks */

ai_int_t
ai_anthropic_content(ai_anthropic_t *a, ai_ref_t content)
{
    ai_ref_t    v;
    ai_json_t  *doc;

    doc = &a->d.doc;

    if (ai_json_type(doc, content) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (v = ai_json_first(doc, content);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, content, v))
    {
        if (ai_anthropic_open(a, v, -1) != AI_OK
            || ai_anthropic_close(a) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


ai_int_t
ai_anthropic_block_start(ai_anthropic_t *a, ai_ref_t root)
{
    int64_t   number;
    ai_ref_t  block;

    block = ai_json_get(&a->d.doc, root, "content_block");

    if (a->d.finished
        || ai_json_type(&a->d.doc, block) != AI_JSON_OBJECT
        || ai_json_int(&a->d.doc, ai_json_get(&a->d.doc, root, "index"),
                       &number)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_anthropic_start(a, AI_JSON_NONE) != AI_OK
        || ai_anthropic_close(a) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_anthropic_open(a, block, number);
}


static ai_int_t
ai_anthropic_open(ai_anthropic_t *a, ai_ref_t block, int64_t number)
{
    ai_ref_t     type, v;
    ai_json_t   *doc;
    ai_event_t   ev;

    doc = &a->d.doc;
    type = ai_json_get(doc, block, "type");

    a->open = 1;
    a->number = number;
    a->kind = 0;
    a->from = a->chars;
    ai_buf_reset(&a->held);

    ai_anthropic_event(&ev, AI_EVENT_BLOCK_START);

    if (ai_json_is(doc, type, "text")) {
        v = ai_json_get(doc, block, "citations");

        if (ai_anthropic_open_as(a, AI_BLOCK_TEXT, &ev) != AI_OK) {
            return AI_ERROR;
        }

        if (ai_json_type(doc, v) == AI_JSON_ARRAY) {
            for (type = ai_json_first(doc, v);
                 type != AI_JSON_NONE;
                 type = ai_json_next(doc, v, type))
            {
                ai_anthropic_cite(a, type);
            }
        }

        return ai_anthropic_text_of(a, ai_json_get(doc, block, "text"));
    }

    if (ai_json_is(doc, type, "thinking")) {
        if (ai_anthropic_open_as(a, AI_BLOCK_THINKING, &ev) != AI_OK
            || ai_anthropic_text_of(a, ai_json_get(doc, block, "thinking"))
               != AI_OK)
        {
            return AI_ERROR;
        }

        return ai_anthropic_signature(a,
                                      ai_json_get(doc, block, "signature"));
    }

    if (ai_json_is(doc, type, "redacted_thinking")) {
        ev.data = ai_json_esc(doc, ai_json_get(doc, block, "data"));
        ev.family = AI_FAMILY_ANTHROPIC;
        a->d.content = 1;

        return ai_anthropic_open_as(a, AI_BLOCK_REDACTED, &ev);
    }

    if (ai_json_is(doc, type, "tool_use")) {
        return ai_anthropic_open_call(a, block);
    }

    return AI_OK;
}


ai_int_t
ai_anthropic_open_as(ai_anthropic_t *a, ai_block_e kind, ai_event_t *ev)
{
    a->kind = kind;
    a->index = a->blocks++;

    ev->kind = kind;
    ev->index = a->index;

    return ai_anthropic_emit(a, ev);
}


/* in a stream "input" is an empty object and the fragments follow; hosts that
 * put the arguments there send none, which is known at the end only */

static ai_int_t
ai_anthropic_open_call(ai_anthropic_t *a, ai_ref_t block)
{
    ai_raw_t         raw;
    ai_ref_t         input;
    ai_event_t       ev;
    const ai_esc_t  *name;

    ai_anthropic_event(&ev, AI_EVENT_BLOCK_START);

    ev.id = ai_json_esc(&a->d.doc, ai_json_get(&a->d.doc, block, "id"));
    ev.name = ai_json_esc(&a->d.doc, ai_json_get(&a->d.doc, block, "name"));

    if (ev.id.len == 0 || ev.name.len == 0) {
        return AI_ERROR;
    }

    name = ai_anthropic_name_back(a->d.rq, &ev.name, &a->d.scratch);

    if (name != NULL) {
        ev.name = *name;
    }

    input = ai_json_get(&a->d.doc, block, "input");

    if (!ai_json_is_null(&a->d.doc, input)
        && (ai_json_type(&a->d.doc, input) != AI_JSON_OBJECT
            || ai_json_first(&a->d.doc, input) != AI_JSON_NONE))
    {
        raw = ai_json_raw(&a->d.doc, input);
        ai_buf_cat(&a->held, &raw);
    }

    if (a->d.scratch.failed || a->held.failed) {
        return AI_ERROR;
    }

    a->tools = 1;
    a->d.content = 1;

    return ai_anthropic_open_as(a, AI_BLOCK_TOOL_CALL, &ev);
}


/* text or thinking without a start is taken as a block of its own */

ai_int_t
ai_anthropic_block_delta(ai_anthropic_t *a, ai_ref_t root)
{
    int64_t      number;
    ai_ref_t     delta, type;
    ai_json_t   *doc;
    ai_block_e   kind;
    ai_event_t   ev;

    doc = &a->d.doc;
    delta = ai_json_get(doc, root, "delta");
    type = ai_json_get(doc, delta, "type");

    if (a->d.finished
        || ai_json_type(doc, type) != AI_JSON_STRING
        || ai_json_int(doc, ai_json_get(doc, root, "index"), &number)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (a->open && a->kind == 0 && number == a->number) {
        return AI_OK;
    }

    kind = 0;

    if (ai_json_is(doc, type, "text_delta")) {
        kind = AI_BLOCK_TEXT;

    } else if (ai_json_is(doc, type, "thinking_delta")) {
        kind = AI_BLOCK_THINKING;
    }

    if (!a->open || number != a->number) {
        if (kind == 0
            || ai_anthropic_start(a, AI_JSON_NONE) != AI_OK
            || ai_anthropic_close(a) != AI_OK)
        {
            return AI_ERROR;
        }

        a->open = 1;
        a->number = number;
        a->from = a->chars;
        ai_buf_reset(&a->held);
        ai_anthropic_event(&ev, AI_EVENT_BLOCK_START);

        if (ai_anthropic_open_as(a, kind, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (kind != 0) {
        if (kind != a->kind) {
            return AI_ERROR;
        }

        return ai_anthropic_text_of(a, ai_json_get(doc, delta,
                                                   kind == AI_BLOCK_TEXT
                                                   ? "text" : "thinking"));
    }

    if (ai_json_is(doc, type, "input_json_delta")) {
        return ai_anthropic_arguments(a, ai_json_get(doc, delta,
                                                     "partial_json"));
    }

    if (ai_json_is(doc, type, "signature_delta")) {
        return ai_anthropic_signature(a, ai_json_get(doc, delta,
                                                     "signature"));
    }

    if (ai_json_is(doc, type, "citations_delta")) {
        ai_anthropic_cite(a, ai_json_get(doc, delta, "citation"));
        return a->held.failed ? AI_ERROR : AI_OK;
    }

    return AI_OK;
}


static ai_int_t
ai_anthropic_delta(ai_anthropic_t *a, ai_delta_e what, const ai_esc_t *text)
{
    ai_event_t  ev;

    if (text->len == 0) {
        return AI_OK;
    }

    a->d.content = 1;

    ai_anthropic_event(&ev, AI_EVENT_DELTA);

    ev.kind = a->kind;
    ev.index = a->index;
    ev.delta = what;
    ev.text = *text;

    if (what == AI_DELTA_SIGNATURE) {
        ev.family = AI_FAMILY_ANTHROPIC;
    }

    return ai_anthropic_emit(a, &ev);
}


ai_int_t
ai_anthropic_text_of(ai_anthropic_t *a, ai_ref_t v)
{
    ai_esc_t  text;

    text = ai_json_esc(&a->d.doc, v);

    if (a->kind == AI_BLOCK_TEXT) {
        a->chars += ai_esc_chars(&text);
    }

    return ai_anthropic_delta(a, AI_DELTA_TEXT, &text);
}


static ai_int_t
ai_anthropic_signature(ai_anthropic_t *a, ai_ref_t v)
{
    ai_esc_t  text;

    if (a->kind != AI_BLOCK_THINKING) {
        return AI_ERROR;
    }

    text = ai_json_esc(&a->d.doc, v);

    return ai_anthropic_delta(a, AI_DELTA_SIGNATURE, &text);
}


static ai_int_t
ai_anthropic_arguments(ai_anthropic_t *a, ai_ref_t v)
{
    ai_esc_t  text;

    if (a->kind != AI_BLOCK_TOOL_CALL) {
        return AI_ERROR;
    }

    text = ai_json_esc(&a->d.doc, v);

    if (text.len != 0) {
        ai_buf_reset(&a->held);
    }

    return ai_anthropic_delta(a, AI_DELTA_TEXT, &text);
}


ai_int_t
ai_anthropic_block_stop(ai_anthropic_t *a, ai_ref_t root)
{
    (void) root;

    return ai_anthropic_close(a);
}


ai_int_t
ai_anthropic_close(ai_anthropic_t *a)
{
    ai_str_t    raw;
    ai_event_t  ev;

    if (!a->open) {
        return AI_OK;
    }

    a->open = 0;

    if (a->kind == 0) {
        return AI_OK;
    }

    if (a->kind == AI_BLOCK_TEXT
        && ai_citations_send(&a->d, &a->held, a->index, a->from, a->chars)
           != AI_OK)
    {
        return AI_ERROR;
    }

    ai_anthropic_event(&ev, AI_EVENT_DELTA);

    ev.kind = a->kind;
    ev.index = a->index;

    if (a->kind == AI_BLOCK_TOOL_CALL && ai_buf_len(&a->held) != 0) {
        raw = ai_buf_str(&a->held);

        ai_buf_reset(&a->d.scratch);
        ai_json_embed(&a->d.scratch, &raw);

        ev.text = ai_buf_str(&a->d.scratch);

        if (a->d.scratch.failed || ai_anthropic_emit(a, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_anthropic_event(&ev, AI_EVENT_BLOCK_STOP);

    ev.kind = a->kind;
    ev.index = a->index;

    return ai_anthropic_emit(a, &ev);
}


/*
 * A citation names no place in the text: it belongs to the whole block, and
 * comes before its text.  Those of files have no URL and no place in OpenAI's
 * form.  Above the limit they are left out.
 */

static void
ai_anthropic_cite(ai_anthropic_t *a, ai_ref_t citation)
{
    ai_esc_t  url, title;

    url = ai_json_esc(&a->d.doc, ai_json_get(&a->d.doc, citation, "url"));
    title = ai_json_esc(&a->d.doc, ai_json_get(&a->d.doc, citation, "title"));

    if (a->kind != AI_BLOCK_TEXT || url.len == 0
        || url.len > AI_CITED_MAX || title.len > AI_CITED_MAX
        || ai_buf_len(&a->held) + url.len + title.len > AI_CITED_MAX)
    {
        return;
    }

    ai_citation_open(&a->held, &url, &title);
    ai_buf_char(&a->held, '\0');
}


ai_int_t
ai_anthropic_emit(ai_anthropic_t *a, const ai_event_t *ev)
{
    return (a->d.sink.event(a->d.sink.data, ev) == AI_OK) ? AI_OK : AI_ERROR;
}


void
ai_anthropic_event(ai_event_t *ev, ai_event_e type)
{
    memset(ev, 0, sizeof(ai_event_t));

    ev->type = type;
}
