
/*
 * The blocks of Cohere's answers, one open at a time.
 *
 * Text and thinking begin with their first delta that is not empty.  A block
 * of text stays open until the next one begins or the message ends: its
 * citations may come after "content-end".  The numbers of Cohere's blocks
 * begin anywhere, ours at 0.
 */

#include <provider/ai_cohere_int.h>
#include <provider/ai_anthropic_int.h>
#include <provider/ai_citation_int.h>


#define AI_COHERE_PLAN       -2     /* "number" of the plan */

/* texts of one answer that are looked through all citations for */
#define AI_COHERE_CITED_MAX  64


static ai_int_t ai_cohere_whole(ai_cohere_t *a, ai_ref_t message,
    ai_ref_t part, int64_t number, unsigned *texts);
static ai_int_t ai_cohere_cites(ai_cohere_t *a, ai_ref_t message,
    int64_t number, unsigned texts);
static ai_int_t ai_cohere_open(ai_cohere_t *a, ai_block_e kind,
    int64_t number, ai_event_t *ev);
static ai_int_t ai_cohere_call(ai_cohere_t *a, ai_ref_t call,
    int64_t number);
static ai_int_t ai_cohere_args(ai_cohere_t *a, ai_ref_t v);
static ai_int_t ai_cohere_say(ai_cohere_t *a, ai_block_e kind,
    int64_t number, ai_ref_t v);
static ai_int_t ai_cohere_said(ai_cohere_t *a, ai_ref_t root);
static ai_int_t ai_cohere_cite(ai_cohere_t *a, ai_ref_t citation);
static ai_int_t ai_cohere_annotate(ai_cohere_t *a, ai_ref_t source,
    int64_t start, int64_t end);
static ai_int_t ai_cohere_logprobs(ai_cohere_t *a, ai_ref_t v);
static unsigned ai_cohere_logprob(ai_cohere_t *a, ai_ref_t item,
    unsigned n);
static ai_ref_t ai_cohere_one(const ai_json_t *doc, ai_ref_t v);
static ai_ref_t ai_cohere_list(const ai_json_t *doc, ai_ref_t v);
static int64_t ai_cohere_number(const ai_json_t *doc, ai_ref_t root);


/* the order is that of a stream: content, the plan, the calls */

ai_int_t
ai_cohere_message(ai_cohere_t *a, ai_ref_t message)
{
    int64_t     number;
    ai_ref_t    list, v;
    unsigned    texts;
    ai_json_t  *doc;

    doc = &a->d.doc;
    number = 0;
    texts = 0;

    list = ai_json_get(doc, message, "content");

    if (ai_json_type(doc, list) != AI_JSON_ARRAY
        && ai_cohere_say(a, AI_BLOCK_TEXT, number, list) != AI_OK)
    {
        return AI_ERROR;
    }

    for (v = ai_cohere_list(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_cohere_whole(a, message, v, number++, &texts) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_cohere_say(a, AI_BLOCK_TEXT, AI_COHERE_PLAN,
                      ai_json_get(doc, message, "tool_plan"))
        != AI_OK)
    {
        return AI_ERROR;
    }

    list = ai_json_get(doc, message, "tool_calls");

    if (!ai_json_is_null(doc, list)
        && ai_json_type(doc, list) != AI_JSON_ARRAY)
    {
        return AI_ERROR;
    }

    for (v = ai_cohere_list(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_cohere_call(a, v, number++) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_cohere_whole(ai_cohere_t *a, ai_ref_t message, ai_ref_t part,
    int64_t number, unsigned *texts)
{
    ai_json_t  *doc;

    doc = &a->d.doc;

    if (ai_cohere_say(a, AI_BLOCK_THINKING, number,
                      ai_json_get(doc, part, "thinking"))
           != AI_OK
        || ai_cohere_say(a, AI_BLOCK_TEXT, number,
                         ai_json_get(doc, part, "text"))
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (!a->open || a->kind != AI_BLOCK_TEXT || a->number != number) {
        return AI_OK;
    }

    if ((*texts)++ == 0
        && ai_cohere_logprobs(a, ai_json_get(doc, AI_JSON_ROOT, "logprobs"))
           != AI_OK)
    {
        return AI_ERROR;
    }

    return (*texts <= AI_COHERE_CITED_MAX)
           ? ai_cohere_cites(a, message, number, *texts) : AI_OK;
}


/* those that do not say of which block they are belong to the first text */

static ai_int_t
ai_cohere_cites(ai_cohere_t *a, ai_ref_t message, int64_t number,
    unsigned texts)
{
    int64_t     of;
    ai_ref_t    list, v;
    ai_json_t  *doc;

    doc = &a->d.doc;
    list = ai_json_get(doc, message, "citations");

    for (v = ai_cohere_list(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_json_int(doc, ai_json_get(doc, v, "content_index"), &of)
            != AI_OK)
        {
            of = (texts == 1) ? number : -1;
        }

        if (of == number && ai_cohere_cite(a, v) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


ai_int_t
ai_cohere_content_start(ai_cohere_t *a, ai_ref_t root)
{
    return ai_cohere_said(a, root);
}


ai_int_t
ai_cohere_content_delta(ai_cohere_t *a, ai_ref_t root)
{
    if (a->piece != AI_JSON_NONE) {
        return ai_cohere_say(a, a->as, a->at, a->piece);
    }

    return ai_cohere_said(a, root);
}


static ai_int_t
ai_cohere_said(ai_cohere_t *a, ai_ref_t root)
{
    int64_t     number;
    ai_ref_t    content, v;
    ai_json_t  *doc;

    doc = &a->d.doc;

    number = ai_cohere_number(doc, root);
    v = ai_json_get(doc, root, "delta");
    v = ai_json_get(doc, v, "message");
    content = ai_cohere_one(doc, ai_json_get(doc, v, "content"));

    if (ai_json_type(doc, content) != AI_JSON_OBJECT
        || ai_cohere_start(a, AI_JSON_NONE) != AI_OK)
    {
        return AI_ERROR;
    }

    a->as = AI_BLOCK_TEXT;
    a->at = number;
    v = ai_json_get(doc, content, "text");

    if (v == AI_JSON_NONE) {
        a->as = AI_BLOCK_THINKING;
        v = ai_json_get(doc, content, "thinking");
    }

    if (ai_cohere_say(a, a->as, number, v) != AI_OK) {
        return AI_ERROR;
    }

    content = ai_json_get(doc, root, "logprobs");

    if (content != AI_JSON_NONE) {
        return ai_cohere_logprobs(a, content);
    }

    a->piece = v;

    return AI_OK;
}


ai_int_t
ai_cohere_content_end(ai_cohere_t *a, ai_ref_t root)
{
    (void) root;

    return a->kind == AI_BLOCK_THINKING ? ai_cohere_close(a) : AI_OK;
}


ai_int_t
ai_cohere_plan_delta(ai_cohere_t *a, ai_ref_t root)
{
    if (a->piece == AI_JSON_NONE) {
        a->piece = ai_json_path(&a->d.doc, root, "delta", "message",
                                "tool_plan", NULL);

        if (a->piece == AI_JSON_NONE
            || ai_cohere_start(a, AI_JSON_NONE) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return ai_cohere_say(a, AI_BLOCK_TEXT, AI_COHERE_PLAN, a->piece);
}


ai_int_t
ai_cohere_call_start(ai_cohere_t *a, ai_ref_t root)
{
    ai_ref_t  call;

    call = ai_cohere_one(&a->d.doc, ai_json_path(&a->d.doc, root, "delta",
                                                 "message", "tool_calls",
                                                 NULL));

    if (ai_cohere_start(a, AI_JSON_NONE) != AI_OK) {
        return AI_ERROR;
    }

    return ai_cohere_call(a, call, ai_cohere_number(&a->d.doc, root));
}


ai_int_t
ai_cohere_call_delta(ai_cohere_t *a, ai_ref_t root)
{
    ai_ref_t    call;
    ai_json_t  *doc;

    doc = &a->d.doc;

    if (a->piece == AI_JSON_NONE) {
        a->at = ai_cohere_number(doc, root);

        call = ai_cohere_one(doc, ai_json_path(doc, root, "delta", "message",
                                               "tool_calls", NULL));
        if (ai_json_type(doc, call) != AI_JSON_OBJECT) {
            return AI_ERROR;
        }

        a->piece = ai_json_path(doc, call, "function", "arguments", NULL);
    }

    if (!a->open || a->kind != AI_BLOCK_TOOL_CALL
        || (a->at >= 0 && a->at != a->number))
    {
        return AI_ERROR;
    }

    return ai_cohere_args(a, a->piece);
}


ai_int_t
ai_cohere_call_end(ai_cohere_t *a, ai_ref_t root)
{
    (void) root;

    return a->kind == AI_BLOCK_TOOL_CALL ? ai_cohere_close(a) : AI_OK;
}


ai_int_t
ai_cohere_citation(ai_cohere_t *a, ai_ref_t root)
{
    ai_ref_t    list, v;
    ai_json_t  *doc;

    doc = &a->d.doc;
    list = ai_json_path(doc, root, "delta", "message", "citations", NULL);

    if (ai_json_type(doc, list) == AI_JSON_OBJECT) {
        return ai_cohere_cite(a, list);
    }

    for (v = ai_cohere_list(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_cohere_cite(a, v) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_cohere_open(ai_cohere_t *a, ai_block_e kind, int64_t number,
    ai_event_t *ev)
{
    if (ai_cohere_close(a) != AI_OK) {
        return AI_ERROR;
    }

    a->open = 1;
    a->number = number;
    a->kind = kind;
    a->index = a->blocks++;
    a->from = a->chars;
    a->d.content = 1;

    ev->kind = kind;
    ev->index = a->index;

    return ai_cohere_emit(a, ev);
}


ai_int_t
ai_cohere_close(ai_cohere_t *a)
{
    ai_event_t  ev;

    if (!a->open) {
        return AI_OK;
    }

    a->open = 0;

    ai_cohere_event(&ev, AI_EVENT_BLOCK_STOP);

    ev.kind = a->kind;
    ev.index = a->index;

    return ai_cohere_emit(a, &ev);
}


static ai_int_t
ai_cohere_call(ai_cohere_t *a, ai_ref_t call, int64_t number)
{
    ai_ref_t         function;
    ai_json_t       *doc;
    ai_event_t       ev;
    const ai_esc_t  *name;

    doc = &a->d.doc;
    function = ai_json_get(doc, call, "function");

    ai_cohere_event(&ev, AI_EVENT_BLOCK_START);

    ev.id = ai_json_esc(doc, ai_json_get(doc, call, "id"));
    ev.name = ai_json_esc(doc, ai_json_get(doc, function, "name"));

    if (ev.id.len == 0 || ev.name.len == 0) {
        return AI_ERROR;
    }

    name = ai_anthropic_name_back(a->d.rq, &ev.name, &a->d.scratch);

    if (name != NULL) {
        ev.name = *name;
    }

    if (a->d.scratch.failed) {
        return AI_ERROR;
    }

    a->tools = 1;

    if (ai_cohere_open(a, AI_BLOCK_TOOL_CALL, number, &ev) != AI_OK) {
        return AI_ERROR;
    }

    return ai_cohere_args(a, ai_json_get(doc, function, "arguments"));
}


/* a string; an object is embedded in one */

static ai_int_t
ai_cohere_args(ai_cohere_t *a, ai_ref_t v)
{
    ai_raw_t    raw;
    ai_event_t  ev;

    ai_cohere_event(&ev, AI_EVENT_DELTA);

    ev.kind = AI_BLOCK_TOOL_CALL;
    ev.index = a->index;

    if (ai_json_type(&a->d.doc, v) == AI_JSON_OBJECT) {
        raw = ai_json_raw(&a->d.doc, v);

        ai_buf_reset(&a->d.scratch);
        ai_json_embed(&a->d.scratch, &raw);

        if (a->d.scratch.failed) {
            return AI_ERROR;
        }

        ev.text = ai_buf_str(&a->d.scratch);

    } else {
        ev.text = ai_json_esc(&a->d.doc, v);
    }

    if (ev.text.len == 0) {
        return (ai_json_is_null(&a->d.doc, v) || ev.text.data != NULL)
               ? AI_OK : AI_ERROR;
    }

    return ai_cohere_emit(a, &ev);
}


/* a piece of text or thinking; opens the block for it */

static ai_int_t
ai_cohere_say(ai_cohere_t *a, ai_block_e kind, int64_t number, ai_ref_t v)
{
    ai_esc_t    text;
    ai_event_t  ev;

    text = ai_json_esc(&a->d.doc, v);

    if (text.len == 0) {
        return (text.data != NULL || ai_json_is_null(&a->d.doc, v))
               ? AI_OK : AI_ERROR;
    }

    if (!a->open || a->kind != kind || a->number != number) {
        ai_cohere_event(&ev, AI_EVENT_BLOCK_START);

        if (ai_cohere_open(a, kind, number, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (kind == AI_BLOCK_TEXT) {
        a->chars += ai_esc_chars(&text);
    }

    ai_cohere_event(&ev, AI_EVENT_DELTA);

    ev.kind = kind;
    ev.index = a->index;
    ev.text = text;

    return ai_cohere_emit(a, &ev);
}


/* places are counted in characters of the block; those in thinking or in the
 * plan have none in a client's answer */

static ai_int_t
ai_cohere_cite(ai_cohere_t *a, ai_ref_t citation)
{
    int64_t     start, end;
    ai_ref_t    type, list, v;
    ai_json_t  *doc;

    doc = &a->d.doc;
    type = ai_json_get(doc, citation, "type");

    if (!a->open || a->kind != AI_BLOCK_TEXT || a->number == AI_COHERE_PLAN
        || (!ai_json_is_null(doc, type)
            && !ai_json_is(doc, type, "TEXT_CONTENT")))
    {
        return AI_OK;
    }

    if (ai_json_int(doc, ai_json_get(doc, citation, "start"), &start) != AI_OK
        || ai_json_int(doc, ai_json_get(doc, citation, "end"), &end) != AI_OK
        || start < 0 || end < start || end > INT32_MAX)
    {
        return AI_OK;
    }

    list = ai_json_get(doc, citation, "sources");

    for (v = ai_cohere_list(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_cohere_annotate(a, v, start, end) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* a document or a tool's output that says where it is from; the others have
 * no place in OpenAI's form */

static ai_int_t
ai_cohere_annotate(ai_cohere_t *a, ai_ref_t source, int64_t start,
    int64_t end)
{
    ai_esc_t     url, title;
    ai_ref_t     v;
    ai_buf_t    *b;
    ai_json_t   *doc;
    ai_event_t   ev;

    doc = &a->d.doc;
    b = &a->d.scratch;

    v = ai_json_get(doc, source, "document");

    if (v == AI_JSON_NONE) {
        v = ai_json_get(doc, source, "tool_output");
    }

    url = ai_json_esc(doc, ai_json_get(doc, v, "url"));
    title = ai_json_esc(doc, ai_json_get(doc, v, "title"));

    if (!ai_str_starts(&url, "http://") && !ai_str_starts(&url, "https://")) {
        return AI_OK;
    }

    ai_buf_reset(b);
    ai_citation_open(b, &url, &title);
    ai_citation_close(b, a->from + (uint64_t) start,
                      a->from + (uint64_t) end);

    ai_cohere_event(&ev, AI_EVENT_DELTA);

    ev.kind = AI_BLOCK_TEXT;
    ev.index = a->index;
    ev.delta = AI_DELTA_ANNOTATION;
    ev.raw = ai_buf_str(b);

    return b->failed ? AI_ERROR : ai_cohere_emit(a, &ev);
}


/* one item, or a list of them */

static ai_int_t
ai_cohere_logprobs(ai_cohere_t *a, ai_ref_t v)
{
    unsigned     n;
    ai_ref_t     item;
    ai_buf_t    *b;
    ai_event_t   ev;
    ai_json_t   *doc;

    doc = &a->d.doc;
    b = &a->d.scratch;
    n = 0;

    if (!a->open || a->kind != AI_BLOCK_TEXT || ai_json_is_null(doc, v)) {
        return AI_OK;
    }

    ai_buf_reset(b);
    ai_buf_lit(b, "{\"content\":[");

    if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
        n = ai_cohere_logprob(a, v, n);
    }

    for (item = ai_cohere_list(doc, v);
         item != AI_JSON_NONE;
         item = ai_json_next(doc, v, item))
    {
        n = ai_cohere_logprob(a, item, n);
    }

    ai_buf_lit(b, "],\"refusal\":null}");

    if (n == 0 || b->failed) {
        return b->failed ? AI_ERROR : AI_OK;
    }

    ai_cohere_event(&ev, AI_EVENT_DELTA);

    ev.kind = AI_BLOCK_TEXT;
    ev.index = a->index;
    ev.delta = AI_DELTA_LOGPROBS;
    ev.raw = ai_buf_str(b);

    return ai_cohere_emit(a, &ev);
}


/*
 * {text, token_ids, logprobs}, of several tokens where one alone is no text:
 * the text stands at the first of them, so that texts and probabilities both
 * add up.  Returns the number written so far.
 */

static unsigned
ai_cohere_logprob(ai_cohere_t *a, ai_ref_t item, unsigned n)
{
    ai_ref_t     list, v;
    ai_esc_t     text;
    ai_raw_t     raw;
    ai_buf_t    *b;
    ai_json_t   *doc;

    doc = &a->d.doc;
    b = &a->d.scratch;

    text = ai_json_esc(doc, ai_json_get(doc, item, "text"));
    list = ai_json_get(doc, item, "logprobs");

    for (v = ai_cohere_list(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_json_type(doc, v) != AI_JSON_NUMBER) {
            continue;
        }

        raw = ai_json_raw(doc, v);

        ai_buf_cat(b, n++ ? &ai_lit(",{\"token\":") : &ai_lit("{\"token\":"));
        ai_buf_quote_esc(b, &text);
        ai_buf_lit(b, ",\"logprob\":");
        ai_buf_cat(b, &raw);
        ai_buf_lit(b, ",\"bytes\":null,\"top_logprobs\":[]}");

        text.len = 0;
    }

    return n;
}


/* what is an object in a stream, and an array in an answer */

static ai_ref_t
ai_cohere_one(const ai_json_t *doc, ai_ref_t v)
{
    return ai_json_type(doc, v) == AI_JSON_ARRAY ? ai_json_first(doc, v) : v;
}


static ai_ref_t
ai_cohere_list(const ai_json_t *doc, ai_ref_t v)
{
    return ai_json_type(doc, v) == AI_JSON_ARRAY ? ai_json_first(doc, v)
                                                 : AI_JSON_NONE;
}


/* -1: not said */

static int64_t
ai_cohere_number(const ai_json_t *doc, ai_ref_t root)
{
    int64_t  n;

    if (ai_json_int(doc, ai_json_get(doc, root, "index"), &n) != AI_OK
        || n < 0)
    {
        return -1;
    }

    return n;
}
