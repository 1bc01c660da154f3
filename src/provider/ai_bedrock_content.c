
/*
 * The blocks of Bedrock's answers, one open at a time.
 *
 * Only calls are announced: text and thinking begin with their first delta
 * that is not empty.  What the provider's own tools do (calls of the type
 * server_tool_use, results) and images are left out: they are no calls for
 * the client to make, and have no place in its dialect.
 */

#include <provider/ai_bedrock_int.h>
#include <provider/ai_citation_int.h>
#include <codec/ai_base64.h>


static ai_int_t ai_bedrock_whole(ai_bedrock_t *a, ai_ref_t block,
    int64_t number);
static ai_int_t ai_bedrock_whole_call(ai_bedrock_t *a, ai_ref_t call,
    int64_t number);
static ai_int_t ai_bedrock_whole_cited(ai_bedrock_t *a, ai_ref_t cited,
    int64_t number);
static ai_int_t ai_bedrock_reasoning(ai_bedrock_t *a, ai_ref_t reasoning,
    int64_t number);
static ai_int_t ai_bedrock_open(ai_bedrock_t *a, ai_block_e kind,
    int64_t number, ai_event_t *ev);
static ai_int_t ai_bedrock_open_call(ai_bedrock_t *a, ai_ref_t call,
    int64_t number);
static ai_int_t ai_bedrock_redacted(ai_bedrock_t *a, ai_ref_t v,
    int64_t number);
static ai_int_t ai_bedrock_say(ai_bedrock_t *a, ai_block_e kind,
    int64_t number, ai_delta_e what, ai_ref_t v);
static ai_int_t ai_bedrock_args(ai_bedrock_t *a, ai_ref_t v, int64_t number);
static ai_int_t ai_bedrock_cite(ai_bedrock_t *a, ai_ref_t citation,
    int64_t number);
static ai_int_t ai_bedrock_number(ai_bedrock_t *a, ai_ref_t root,
    int64_t *number);


ai_int_t
ai_bedrock_content(ai_bedrock_t *a, ai_ref_t content)
{
    int64_t   number;
    ai_ref_t  v;

    number = 0;

    for (v = ai_json_first(&a->d.doc, content);
         v != AI_JSON_NONE;
         v = ai_json_next(&a->d.doc, content, v))
    {
        if (ai_bedrock_whole(a, v, number++) != AI_OK
            || ai_bedrock_close(a) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_bedrock_whole(ai_bedrock_t *a, ai_ref_t block, int64_t number)
{
    ai_ref_t    v, text;
    ai_json_t  *doc;

    doc = &a->d.doc;

    v = ai_json_get(doc, block, "text");

    if (v != AI_JSON_NONE) {
        return ai_bedrock_say(a, AI_BLOCK_TEXT, number, AI_DELTA_TEXT, v);
    }

    v = ai_json_get(doc, block, "toolUse");

    if (v != AI_JSON_NONE) {
        return ai_bedrock_whole_call(a, v, number);
    }

    v = ai_json_get(doc, block, "citationsContent");

    if (v != AI_JSON_NONE) {
        return ai_bedrock_whole_cited(a, v, number);
    }

    v = ai_json_get(doc, block, "reasoningContent");
    text = ai_json_get(doc, v, "reasoningText");

    return ai_bedrock_reasoning(a, text != AI_JSON_NONE ? text : v, number);
}


static ai_int_t
ai_bedrock_whole_call(ai_bedrock_t *a, ai_ref_t call, int64_t number)
{
    ai_raw_t    raw;
    ai_ref_t    input;
    ai_event_t  ev;

    if (ai_json_is(&a->d.doc, ai_json_get(&a->d.doc, call, "type"),
                   "server_tool_use"))
    {
        return AI_OK;
    }

    if (ai_bedrock_open_call(a, call, number) != AI_OK) {
        return AI_ERROR;
    }

    input = ai_json_get(&a->d.doc, call, "input");

    if (ai_json_is_null(&a->d.doc, input)
        || (ai_json_type(&a->d.doc, input) == AI_JSON_OBJECT
            && ai_json_first(&a->d.doc, input) == AI_JSON_NONE))
    {
        return AI_OK;
    }

    raw = ai_json_raw(&a->d.doc, input);

    ai_buf_reset(&a->d.scratch);
    ai_json_embed(&a->d.scratch, &raw);

    ai_bedrock_event(&ev, AI_EVENT_DELTA);

    ev.kind = AI_BLOCK_TOOL_CALL;
    ev.index = a->index;
    ev.text = ai_buf_str(&a->d.scratch);

    return a->d.scratch.failed ? AI_ERROR : ai_bedrock_emit(a, &ev);
}


static ai_int_t
ai_bedrock_whole_cited(ai_bedrock_t *a, ai_ref_t cited, int64_t number)
{
    ai_ref_t    list, v;
    ai_json_t  *doc;

    doc = &a->d.doc;
    list = ai_json_get(doc, cited, "content");

    for (v = ai_json_type(doc, list) == AI_JSON_ARRAY
             ? ai_json_first(doc, list) : AI_JSON_NONE;
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_bedrock_say(a, AI_BLOCK_TEXT, number, AI_DELTA_TEXT,
                           ai_json_get(doc, v, "text"))
            != AI_OK)
        {
            return AI_ERROR;
        }
    }

    list = ai_json_get(doc, cited, "citations");

    for (v = ai_json_type(doc, list) == AI_JSON_ARRAY
             ? ai_json_first(doc, list) : AI_JSON_NONE;
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_bedrock_cite(a, v, number) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* a call, or something that is left out with its deltas */

ai_int_t
ai_bedrock_block_start(ai_bedrock_t *a, ai_ref_t root)
{
    int64_t   number;
    ai_ref_t  start, call;

    start = ai_json_get(&a->d.doc, root, "start");
    call = ai_json_get(&a->d.doc, start, "toolUse");

    if (a->d.finished || ai_bedrock_number(a, root, &number) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_bedrock_start(a) != AI_OK || ai_bedrock_close(a) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_type(&a->d.doc, call) != AI_JSON_OBJECT
        || ai_json_is(&a->d.doc, ai_json_get(&a->d.doc, call, "type"),
                      "server_tool_use"))
    {
        a->skipped = number;
        return AI_OK;
    }

    a->skipped = -1;

    return ai_bedrock_open_call(a, call, number);
}


ai_int_t
ai_bedrock_block_delta(ai_bedrock_t *a, ai_ref_t root)
{
    int64_t     number;
    ai_ref_t    delta, v;
    ai_json_t  *doc;

    doc = &a->d.doc;
    delta = ai_json_get(doc, root, "delta");

    if (a->d.finished || ai_json_type(doc, delta) != AI_JSON_OBJECT
        || ai_bedrock_number(a, root, &number) != AI_OK
        || ai_bedrock_start(a) != AI_OK)
    {
        return AI_ERROR;
    }

    v = ai_json_get(doc, delta, "text");

    if (v != AI_JSON_NONE) {
        return ai_bedrock_say(a, AI_BLOCK_TEXT, number, AI_DELTA_TEXT, v);
    }

    v = ai_json_get(doc, delta, "toolUse");

    if (v != AI_JSON_NONE) {
        return ai_bedrock_args(a, ai_json_get(doc, v, "input"), number);
    }

    v = ai_json_get(doc, delta, "reasoningContent");

    if (v != AI_JSON_NONE) {
        return ai_bedrock_reasoning(a, v, number);
    }

    return ai_bedrock_cite(a, ai_json_get(doc, delta, "citation"), number);
}


ai_int_t
ai_bedrock_block_stop(ai_bedrock_t *a, ai_ref_t root)
{
    (void) root;

    return ai_bedrock_close(a);
}


/* {text}, {signature}, both, or {redactedContent} */

static ai_int_t
ai_bedrock_reasoning(ai_bedrock_t *a, ai_ref_t reasoning, int64_t number)
{
    ai_json_t  *doc;

    doc = &a->d.doc;

    if (ai_bedrock_say(a, AI_BLOCK_THINKING, number, AI_DELTA_TEXT,
                       ai_json_get(doc, reasoning, "text"))
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_bedrock_say(a, AI_BLOCK_THINKING, number, AI_DELTA_SIGNATURE,
                       ai_json_get(doc, reasoning, "signature"))
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_bedrock_redacted(a, ai_json_get(doc, reasoning,
                                              "redactedContent"), number);
}


static ai_int_t
ai_bedrock_open(ai_bedrock_t *a, ai_block_e kind, int64_t number,
    ai_event_t *ev)
{
    if (ai_bedrock_close(a) != AI_OK) {
        return AI_ERROR;
    }

    a->open = 1;
    a->number = number;
    a->kind = kind;
    a->index = a->blocks++;
    a->from = a->chars;
    ai_buf_reset(&a->held);

    ev->kind = kind;
    ev->index = a->index;

    return ai_bedrock_emit(a, ev);
}


static ai_int_t
ai_bedrock_open_call(ai_bedrock_t *a, ai_ref_t call, int64_t number)
{
    ai_event_t       ev;
    const ai_esc_t  *name;

    ai_bedrock_event(&ev, AI_EVENT_BLOCK_START);

    ev.id = ai_json_esc(&a->d.doc,
                        ai_json_get(&a->d.doc, call, "toolUseId"));
    ev.name = ai_json_esc(&a->d.doc, ai_json_get(&a->d.doc, call, "name"));

    if (ev.id.len == 0 || ev.name.len == 0) {
        return AI_ERROR;
    }

    name = ai_bedrock_name_back(a->d.rq, &ev.name, &a->d.scratch);

    if (name != NULL) {
        ev.name = *name;
    }

    if (a->d.scratch.failed) {
        return AI_ERROR;
    }

    a->tools = 1;
    a->d.content = 1;

    return ai_bedrock_open(a, AI_BLOCK_TOOL_CALL, number, &ev);
}


/* Anthropic's own spelling is inside; what has another is nothing that could
 * be sent back anywhere */

static ai_int_t
ai_bedrock_redacted(ai_bedrock_t *a, ai_ref_t v, int64_t number)
{
    size_t       i;
    ai_str_t     s;
    ai_buf_t    *b;
    ai_int_t     rc;
    ai_event_t   ev;

    s = ai_json_esc(&a->d.doc, v);
    b = &a->d.scratch;

    if (s.len == 0) {
        return AI_OK;
    }

    /* both buffers are free between two blocks */

    if (ai_bedrock_close(a) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_reset(&a->held);
    ai_json_unescape(&a->held, &s);

    ai_buf_reset(b);
    s = ai_buf_str(&a->held);
    rc = a->held.failed ? AI_ERROR : ai_base64_decode(b, &s);

    if (b->failed || a->held.failed) {
        return AI_ERROR;
    }

    ai_bedrock_event(&ev, AI_EVENT_BLOCK_START);

    ev.data = ai_buf_str(b);
    ev.family = AI_FAMILY_ANTHROPIC;

    for (i = 0; rc == AI_OK && i < ev.data.len; i++) {
        if (ev.data.data[i] <= ' ' || ev.data.data[i] > '~'
            || ev.data.data[i] == '"' || ev.data.data[i] == '\\')
        {
            return AI_OK;
        }
    }

    if (rc != AI_OK || ev.data.len == 0) {
        return AI_OK;
    }

    a->d.content = 1;

    if (ai_bedrock_open(a, AI_BLOCK_REDACTED, number, &ev) != AI_OK) {
        return AI_ERROR;
    }

    return ai_bedrock_close(a);
}


/* a piece of text or thinking, or of a signature; opens the block for it */

static ai_int_t
ai_bedrock_say(ai_bedrock_t *a, ai_block_e kind, int64_t number,
    ai_delta_e what, ai_ref_t v)
{
    ai_esc_t    text;
    ai_event_t  ev;

    text = ai_json_esc(&a->d.doc, v);

    if (text.len == 0) {
        return (ai_json_is_null(&a->d.doc, v) || text.data != NULL)
               ? AI_OK : AI_ERROR;
    }

    if (!a->open || a->kind != kind || a->number != number) {
        ai_bedrock_event(&ev, AI_EVENT_BLOCK_START);

        if (ai_bedrock_open(a, kind, number, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (kind == AI_BLOCK_TEXT) {
        a->chars += ai_esc_chars(&text);
    }

    a->d.content = 1;

    ai_bedrock_event(&ev, AI_EVENT_DELTA);

    ev.kind = kind;
    ev.index = a->index;
    ev.delta = what;
    ev.text = text;

    if (what == AI_DELTA_SIGNATURE) {
        ev.family = AI_FAMILY_ANTHROPIC;
    }

    return ai_bedrock_emit(a, &ev);
}


static ai_int_t
ai_bedrock_args(ai_bedrock_t *a, ai_ref_t v, int64_t number)
{
    ai_event_t  ev;

    if (!a->open || a->kind != AI_BLOCK_TOOL_CALL || a->number != number) {
        return (number == a->skipped) ? AI_OK : AI_ERROR;
    }

    ai_bedrock_event(&ev, AI_EVENT_DELTA);

    ev.kind = AI_BLOCK_TOOL_CALL;
    ev.index = a->index;
    ev.text = ai_json_esc(&a->d.doc, v);

    if (ev.text.len == 0) {
        return (ev.text.data != NULL) ? AI_OK : AI_ERROR;
    }

    return ai_bedrock_emit(a, &ev);
}


/*
 * A citation names no place in the answer: it belongs to the whole block, and
 * may come before its text.  Those of files have no URL and no place in
 * OpenAI's form.  Above the limit they are left out.
 */

static ai_int_t
ai_bedrock_cite(ai_bedrock_t *a, ai_ref_t citation, int64_t number)
{
    ai_esc_t     url, title;
    ai_json_t   *doc;
    ai_event_t   ev;

    doc = &a->d.doc;

    url = ai_json_esc(doc, ai_json_path(doc, citation, "location", "web",
                                        "url", NULL));
    title = ai_json_esc(doc, ai_json_get(doc, citation, "title"));

    if (url.len == 0 || url.len > AI_CITED_MAX || title.len > AI_CITED_MAX) {
        return AI_OK;
    }

    if (!a->open || a->kind != AI_BLOCK_TEXT || a->number != number) {
        ai_bedrock_event(&ev, AI_EVENT_BLOCK_START);

        if (ai_bedrock_open(a, AI_BLOCK_TEXT, number, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_buf_len(&a->held) + url.len + title.len > AI_CITED_MAX) {
        return AI_OK;
    }

    ai_citation_open(&a->held, &url, &title);
    ai_buf_char(&a->held, '\0');

    return a->held.failed ? AI_ERROR : AI_OK;
}


ai_int_t
ai_bedrock_close(ai_bedrock_t *a)
{
    ai_event_t  ev;

    if (!a->open) {
        return AI_OK;
    }

    a->open = 0;

    if (a->kind == AI_BLOCK_TEXT
        && ai_citations_send(&a->d, &a->held, a->index, a->from, a->chars)
           != AI_OK)
    {
        return AI_ERROR;
    }

    ai_bedrock_event(&ev, AI_EVENT_BLOCK_STOP);

    ev.kind = a->kind;
    ev.index = a->index;

    return ai_bedrock_emit(a, &ev);
}


static ai_int_t
ai_bedrock_number(ai_bedrock_t *a, ai_ref_t root, int64_t *number)
{
    if (ai_json_int(&a->d.doc,
                    ai_json_get(&a->d.doc, root, "contentBlockIndex"), number)
        != AI_OK || *number < 0)
    {
        return AI_ERROR;
    }

    return AI_OK;
}
