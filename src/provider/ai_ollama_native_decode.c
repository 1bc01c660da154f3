
/*
 * Answers of Ollama's /api/chat.  A line of a stream is a piece of a message,
 * the last one has "done":true, why it ended, and what was counted; a whole
 * answer looks like that last line.  Calls come whole.
 */

#include <provider/ai_ollama_native_int.h>


#define AI_OLLAMA_TIME_MAX  64


/* the members that matter */
typedef struct {
    ai_ref_t           model;
    ai_ref_t           message;
    ai_ref_t           content;     /* these three of the message */
    ai_ref_t           thinking;
    ai_ref_t           calls;
    ai_ref_t           done;
    ai_ref_t           reason;
    ai_ref_t           logprobs;
    ai_ref_t           prompt_count;
    ai_ref_t           count;
    ai_ref_t           error;
    ai_ref_t           created;
} ai_ollama_line_t;


static ai_int_t ai_ollama_read(ai_ollama_native_t *a, const ai_str_t *text,
    ai_ollama_line_t *l);
static void ai_ollama_members(const ai_json_t *doc, ai_ollama_line_t *l);
static ai_int_t ai_ollama_error(ai_ollama_native_t *a, const ai_str_t *body);
static ai_int_t ai_ollama_start(ai_ollama_native_t *a,
    const ai_ollama_line_t *l);
static ai_int_t ai_ollama_message(ai_ollama_native_t *a,
    const ai_ollama_line_t *l);
static ai_int_t ai_ollama_text(ai_ollama_native_t *a, ai_block_e kind,
    ai_ref_t v);
static ai_int_t ai_ollama_logprobs(ai_ollama_native_t *a, ai_ref_t list);
static void ai_ollama_logprob(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v);
static void ai_ollama_member(ai_buf_t *b, const char *name,
    const ai_json_t *doc, ai_ref_t v, const char *absent);
static ai_int_t ai_ollama_call(ai_ollama_native_t *a, ai_ref_t v);
static ai_int_t ai_ollama_call_id(ai_ollama_native_t *a, ai_ref_t v,
    ai_esc_t *id);
static ai_int_t ai_ollama_args(ai_ollama_native_t *a, ai_ref_t v);
static ai_int_t ai_ollama_done(ai_ollama_native_t *a,
    const ai_ollama_line_t *l);
static ai_int_t ai_ollama_close(ai_ollama_native_t *a);
static void ai_ollama_event(ai_event_t *ev, ai_event_e type, uint32_t index,
    ai_block_e kind);
static ai_int_t ai_ollama_send(ai_ollama_native_t *a, const ai_event_t *ev);


void
ai_ollama_native_init(ai_decoder_t *d)
{
    (void) d;
}


ai_int_t
ai_ollama_native_stream(ai_decoder_t *d, const ai_sse_event_t *ev)
{
    size_t               i;
    ai_ollama_line_t     l;
    ai_ollama_native_t  *a;

    a = (ai_ollama_native_t *) d;

    if (d->terminal || a->dead) {
        return AI_OK;
    }

    for (i = 0; i < ev->data.len && ev->data.data[i] <= ' '; i++) {
        /* void */
    }

    if (i == ev->data.len) {
        return AI_OK;
    }

    if (ai_json_parse_next(&d->doc, &ev->data, &ai_wire_event_limits)
        != AI_OK)
    {
        return AI_ERROR;
    }

    /* as the line before, but for its texts */

    if (d->doc.moved && a->quiet) {

        if (ai_ollama_text(a, AI_BLOCK_THINKING, a->thinking) != AI_OK) {
            return AI_ERROR;
        }

        return ai_ollama_text(a, AI_BLOCK_TEXT, a->content);
    }

    return ai_ollama_read(a, &ev->data, &l);
}


ai_int_t
ai_ollama_native_end(ai_decoder_t *d)
{
    return d->terminal || ((ai_ollama_native_t *) d)->dead ? AI_OK : AI_ERROR;
}


ai_int_t
ai_ollama_native_answer(ai_decoder_t *d, const ai_str_t *body)
{
    ai_ollama_line_t     l;
    ai_ollama_native_t  *a;

    a = (ai_ollama_native_t *) d;

    if (ai_json_parse(&d->doc, body, &ai_wire_answer_limits) != AI_OK
        || ai_ollama_read(a, body, &l) != AI_OK)
    {
        return AI_ERROR;
    }

    return d->terminal || a->dead ? AI_OK : AI_ERROR;
}


static ai_int_t
ai_ollama_read(ai_ollama_native_t *a, const ai_str_t *text,
    ai_ollama_line_t *l)
{
    ai_json_t  *doc;

    doc = &a->d.doc;
    a->quiet = 0;

    if (ai_json_type(doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        return AI_ERROR;
    }

    ai_ollama_members(doc, l);
    a->created = l->created;

    if (ai_wire_is_error(doc, l->error)) {
        return ai_ollama_error(a, text);
    }

    if (ai_json_type(doc, l->message) != AI_JSON_OBJECT
        && ai_json_bool(doc, l->done) != 1)
    {
        return AI_ERROR;
    }

    if (ai_ollama_start(a, l) != AI_OK || ai_ollama_message(a, l) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_bool(doc, l->done) == 1) {
        return ai_ollama_done(a, l);
    }

    a->quiet = l->error == AI_JSON_NONE && l->calls == AI_JSON_NONE
               && l->logprobs == AI_JSON_NONE;
    a->content = l->content;
    a->thinking = l->thinking;

    return AI_OK;
}


static void
ai_ollama_members(const ai_json_t *doc, ai_ollama_line_t *l)
{
    size_t     i;
    ai_ref_t   key, *refs[9];

    static const struct {
        size_t       len;
        const char  *name;
    } names[] = {
        { 5, "model" }, { 7, "message" }, { 4, "done" }, { 11, "done_reason" },
        { 8, "logprobs" }, { 17, "prompt_eval_count" }, { 10, "eval_count" },
        { 5, "error" }, { 10, "created_at" }
    };

    refs[0] = &l->model;
    refs[1] = &l->message;
    refs[2] = &l->done;
    refs[3] = &l->reason;
    refs[4] = &l->logprobs;
    refs[5] = &l->prompt_count;
    refs[6] = &l->count;
    refs[7] = &l->error;
    refs[8] = &l->created;

    for (i = 0; i < 9; i++) {
        *refs[i] = AI_JSON_NONE;
    }

    for (key = ai_json_first(doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, AI_JSON_ROOT, key))
    {
        for (i = 0; i < 9; i++) {
            if (ai_json_equal(doc, key, names[i].name, names[i].len)) {
                *refs[i] = ai_json_value(doc, key);
                break;
            }
        }
    }

    l->content = ai_json_get(doc, l->message, "content");
    l->thinking = ai_json_get(doc, l->message, "thinking");
    l->calls = ai_json_get(doc, l->message, "tool_calls");
}


static ai_int_t
ai_ollama_error(ai_ollama_native_t *a, const ai_str_t *body)
{
    a->dead = 1;

    return ai_decoder_error(&a->d, 0, body);
}


static ai_int_t
ai_ollama_start(ai_ollama_native_t *a, const ai_ollama_line_t *l)
{
    ai_event_t  ev;

    if (a->d.started) {
        return AI_OK;
    }

    a->d.started = 1;

    ai_ollama_event(&ev, AI_EVENT_START, 0, 0);
    ev.model = ai_json_esc(&a->d.doc, l->model);

    return ai_ollama_send(a, &ev);
}


/* in the order in which a model thinks and speaks */

static ai_int_t
ai_ollama_message(ai_ollama_native_t *a, const ai_ollama_line_t *l)
{
    ai_ref_t          v;
    const ai_json_t  *doc;

    doc = &a->d.doc;

    if (ai_ollama_text(a, AI_BLOCK_THINKING, l->thinking) != AI_OK
        || ai_ollama_text(a, AI_BLOCK_TEXT, l->content) != AI_OK
        || ai_ollama_logprobs(a, l->logprobs) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_type(doc, l->calls) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (v = ai_json_first(doc, l->calls);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, l->calls, v))
    {
        if (ai_ollama_call(a, v) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* nothing for what is no string, or empty */

static ai_int_t
ai_ollama_text(ai_ollama_native_t *a, ai_block_e kind, ai_ref_t v)
{
    ai_esc_t    text;
    ai_event_t  ev;

    text = ai_json_esc(&a->d.doc, v);

    if (text.len == 0) {
        return AI_OK;
    }

    if (a->open != kind) {

        if (ai_ollama_close(a) != AI_OK) {
            return AI_ERROR;
        }

        a->open = kind;
        a->index = a->blocks++;

        ai_ollama_event(&ev, AI_EVENT_BLOCK_START, a->index, kind);

        if (ai_ollama_send(a, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_ollama_event(&ev, AI_EVENT_DELTA, a->index, kind);
    ev.text = text;

    return ai_ollama_send(a, &ev);
}


/* those of thoughts have no place elsewhere */

static ai_int_t
ai_ollama_logprobs(ai_ollama_native_t *a, ai_ref_t list)
{
    ai_buf_t         *b;
    ai_ref_t          v;
    ai_event_t        ev;
    const ai_json_t  *doc;

    b = &a->d.scratch;
    doc = &a->d.doc;

    if (ai_json_type(doc, list) != AI_JSON_ARRAY || doc->node[list].count == 0
        || a->open != AI_BLOCK_TEXT)
    {
        return AI_OK;
    }

    ai_buf_reset(b);
    ai_buf_lit(b, "{\"content\":");

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        ai_buf_char(b, v == ai_json_first(doc, list) ? '[' : ',');
        ai_ollama_logprob(b, doc, v);
    }

    ai_buf_lit(b, "],\"refusal\":null}");

    if (b->failed) {
        return AI_ERROR;
    }

    ai_ollama_event(&ev, AI_EVENT_DELTA, a->index, AI_BLOCK_TEXT);
    ev.delta = AI_DELTA_LOGPROBS;
    ev.raw = ai_buf_str(b);

    return ai_ollama_send(a, &ev);
}


/* OpenAI's has all of its members always */

static void
ai_ollama_logprob(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v)
{
    ai_ref_t  e, top;

    top = ai_json_get(doc, v, "top_logprobs");

    ai_buf_char(b, '{');
    ai_ollama_member(b, "\"token\":", doc, ai_json_get(doc, v, "token"),
                     "\"\"");
    ai_ollama_member(b, ",\"logprob\":", doc, ai_json_get(doc, v, "logprob"),
                     "0");
    ai_ollama_member(b, ",\"bytes\":", doc, ai_json_get(doc, v, "bytes"),
                     "null");
    ai_buf_lit(b, ",\"top_logprobs\":[");

    if (ai_json_type(doc, top) != AI_JSON_ARRAY) {
        top = AI_JSON_NONE;
    }

    for (e = ai_json_first(doc, top);
         e != AI_JSON_NONE;
         e = ai_json_next(doc, top, e))
    {
        if (e != ai_json_first(doc, top)) {
            ai_buf_char(b, ',');
        }

        ai_buf_char(b, '{');
        ai_ollama_member(b, "\"token\":", doc, ai_json_get(doc, e, "token"),
                         "\"\"");
        ai_ollama_member(b, ",\"logprob\":", doc,
                         ai_json_get(doc, e, "logprob"), "0");
        ai_ollama_member(b, ",\"bytes\":", doc, ai_json_get(doc, e, "bytes"),
                         "null");
        ai_buf_char(b, '}');
    }

    ai_buf_lit(b, "]}");
}


static void
ai_ollama_member(ai_buf_t *b, const char *name, const ai_json_t *doc,
    ai_ref_t v, const char *absent)
{
    ai_raw_t  raw;

    ai_buf_add(b, name, strlen(name));

    if (v == AI_JSON_NONE) {
        ai_buf_add(b, absent, strlen(absent));
        return;
    }

    raw = ai_json_raw(doc, v);
    ai_buf_cat(b, &raw);
}


static ai_int_t
ai_ollama_call(ai_ollama_native_t *a, ai_ref_t v)
{
    ai_ref_t          function;
    ai_event_t        ev;
    const ai_json_t  *doc;

    doc = &a->d.doc;
    function = ai_json_get(doc, v, "function");

    if (ai_ollama_close(a) != AI_OK) {
        return AI_ERROR;
    }

    ai_ollama_event(&ev, AI_EVENT_BLOCK_START, a->blocks++,
                    AI_BLOCK_TOOL_CALL);

    ev.name = ai_json_esc(doc, ai_json_get(doc, function, "name"));
    ev.id = ai_json_esc(doc, ai_json_get(doc, v, "id"));

    /* a call without a name is nothing a client could make */

    if (ev.name.len == 0
        || (ev.id.len == 0 && ai_ollama_call_id(a, v, &ev.id) != AI_OK))
    {
        return AI_ERROR;
    }

    a->tools = 1;
    a->open = AI_BLOCK_TOOL_CALL;
    a->index = ev.index;

    if (ai_ollama_send(a, &ev) != AI_OK
        || ai_ollama_args(a, ai_json_get(doc, function, "arguments"))
           != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_ollama_close(a);
}


/* older servers give none: one is made of the line's time, which they have to
 * the nanosecond, and of the call */

static ai_int_t
ai_ollama_call_id(ai_ollama_native_t *a, ai_ref_t v, ai_esc_t *id)
{
    ai_buf_t         *b;
    ai_str_t          time, call;
    const ai_json_t  *doc;

    b = &a->d.scratch;
    doc = &a->d.doc;

    time = ai_json_esc(doc, a->created);
    time.len = ai_min(time.len, AI_OLLAMA_TIME_MAX);

    call = ai_json_raw(doc, v);

    ai_buf_reset(b);
    ai_buf_lit(b, "call_");
    ai_wire_token(b, &time, 9);
    ai_wire_token(b, &call, 9);
    ai_buf_char(b, '_');
    ai_buf_int(b, a->blocks);

    *id = ai_buf_str(b);

    return b->failed ? AI_ERROR : AI_OK;
}


/* an object; some hosts behind this API send a string, as OpenAI does */

static ai_int_t
ai_ollama_args(ai_ollama_native_t *a, ai_ref_t v)
{
    ai_raw_t    raw;
    ai_buf_t   *b;
    ai_event_t  ev;

    b = &a->d.scratch;

    ai_ollama_event(&ev, AI_EVENT_DELTA, a->index, AI_BLOCK_TOOL_CALL);

    switch (ai_json_type(&a->d.doc, v)) {

    case AI_JSON_OBJECT:
        raw = ai_json_raw(&a->d.doc, v);

        ai_buf_reset(b);
        ai_json_embed(b, &raw);

        if (b->failed) {
            return AI_ERROR;
        }

        ev.text = ai_buf_str(b);
        break;

    case AI_JSON_STRING:
        ev.text = ai_json_esc(&a->d.doc, v);
        break;

    default:
        break;
    }

    if (ev.text.len == 0) {
        ev.text = ai_lit("{}");
    }

    return ai_ollama_send(a, &ev);
}


/* "stop" is said after calls too */

static ai_int_t
ai_ollama_done(ai_ollama_native_t *a, const ai_ollama_line_t *l)
{
    ai_event_t        ev;
    ai_usage_t        usage;
    const ai_json_t  *doc;

    doc = &a->d.doc;

    if (ai_ollama_close(a) != AI_OK) {
        return AI_ERROR;
    }

    a->d.finished = 1;
    a->d.terminal = 1;

    ai_ollama_event(&ev, AI_EVENT_FINISH, 0, 0);

    ev.finish = ai_wire_finish(doc, l->reason);

    if (ev.finish == AI_FINISH_NONE || ev.finish == AI_FINISH_STOP) {
        ev.finish = a->tools ? AI_FINISH_TOOLS : AI_FINISH_STOP;
    }

    if (ai_ollama_send(a, &ev) != AI_OK) {
        return AI_ERROR;
    }

    ai_usage_init(&usage);

    (void) ai_json_int(doc, l->prompt_count, &usage.prompt);
    (void) ai_json_int(doc, l->count, &usage.completion);

    ai_usage_normalise(&usage);

    if (usage.prompt < 0 && usage.completion < 0) {
        return AI_OK;
    }

    ai_ollama_event(&ev, AI_EVENT_USAGE, 0, 0);
    ev.usage = &usage;

    return ai_ollama_send(a, &ev);
}


static ai_int_t
ai_ollama_close(ai_ollama_native_t *a)
{
    ai_event_t  ev;

    if (a->open == 0) {
        return AI_OK;
    }

    ai_ollama_event(&ev, AI_EVENT_BLOCK_STOP, a->index, a->open);

    a->open = 0;

    return ai_ollama_send(a, &ev);
}


static void
ai_ollama_event(ai_event_t *ev, ai_event_e type, uint32_t index,
    ai_block_e kind)
{
    memset(ev, 0, sizeof(ai_event_t));

    ev->type = type;
    ev->index = index;
    ev->kind = kind;
}


static ai_int_t
ai_ollama_send(ai_ollama_native_t *a, const ai_event_t *ev)
{
    if (ev->type == AI_EVENT_DELTA || ev->type == AI_EVENT_BLOCK_START) {
        a->d.content = 1;
    }

    return a->d.sink.event(a->d.sink.data, ev) == AI_OK ? AI_OK : AI_ERROR;
}
