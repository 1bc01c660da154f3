
/*
 * What Gemini says, as events.
 *
 * Every chunk of a stream is a GenerateContentResponse like a whole answer,
 * with parts that continue the ones before.  A finishReason may be followed by
 * more chunks, so FINISH is held until the stream has ended; usage is given as
 * it comes, because a stream may be left early.
 *
 * A signature that comes with a text, or with an empty text after it, is given
 * as the signature of a thinking block of its own, without text.  Clients
 * that know thinking blocks send it back, ai_gemini_contents.c puts it with
 * the turn's last text again, and others lose nothing that is demanded.
 */

#include <provider/ai_gemini_int.h>


static ai_int_t ai_gemini_chunk(ai_gemini_decoder_t *g,
    const ai_str_t *text);
static ai_int_t ai_gemini_error(ai_gemini_decoder_t *g,
    const ai_str_t *text);
static ai_int_t ai_gemini_start(ai_gemini_decoder_t *g);
static ai_int_t ai_gemini_candidate(ai_gemini_decoder_t *g, ai_ref_t v);
static ai_int_t ai_gemini_parts(ai_gemini_decoder_t *g, uint32_t c,
    ai_ref_t parts);
static ai_int_t ai_gemini_text_part(ai_gemini_decoder_t *g, uint32_t c,
    ai_ref_t v, const ai_esc_t *text);
static ai_int_t ai_gemini_call_part(ai_gemini_decoder_t *g, uint32_t c,
    ai_ref_t part, ai_ref_t v);
static ai_int_t ai_gemini_call_start(ai_gemini_decoder_t *g, uint32_t c,
    ai_ref_t part, ai_ref_t v);
static ai_int_t ai_gemini_call_args(ai_gemini_decoder_t *g, uint32_t c,
    ai_ref_t v);
static ai_int_t ai_gemini_call_partial(ai_gemini_decoder_t *g, uint32_t c,
    ai_ref_t v);
static ai_int_t ai_gemini_call_end(ai_gemini_decoder_t *g, uint32_t c);
static void ai_gemini_blocked(ai_gemini_decoder_t *g);
static ai_int_t ai_gemini_end(ai_gemini_decoder_t *g);
static ai_int_t ai_gemini_broken(ai_gemini_decoder_t *g);
static ai_int_t ai_gemini_close(ai_gemini_decoder_t *g, uint32_t c);


void
ai_gemini_decoder_init(ai_decoder_t *d)
{
    ai_gemini_decoder_t  *g;

    g = (ai_gemini_decoder_t *) d;

    ai_usage_init(&g->usage);
    ai_buf_init(&g->text, d->pool);
}


ai_int_t
ai_gemini_stream(ai_decoder_t *d, const ai_sse_event_t *ev)
{
    if (ev->data.data == NULL) {
        return AI_OK;
    }

    /* some front ends add it */

    if (ai_str_is(&ev->data, "[DONE]")) {
        return AI_OK;
    }

    return ai_gemini_chunk((ai_gemini_decoder_t *) d, &ev->data);
}


ai_int_t
ai_gemini_stream_end(ai_decoder_t *d)
{
    ai_gemini_decoder_t  *g;

    g = (ai_gemini_decoder_t *) d;

    if (g->failed) {
        return AI_OK;
    }

    if (!d->terminal) {
        return AI_ERROR;
    }

    return ai_gemini_end(g);
}


/* without a reason to finish an answer is whole all the same: it was framed */

ai_int_t
ai_gemini_answer(ai_decoder_t *d, const ai_str_t *body)
{
    uint32_t              c;
    ai_gemini_choice_t   *choice;
    ai_gemini_decoder_t  *g;

    g = (ai_gemini_decoder_t *) d;

    if (ai_gemini_chunk(g, body) != AI_OK) {
        return AI_ERROR;
    }

    if (g->failed) {
        return AI_OK;
    }

    for (c = 0; c < AI_GEMINI_CHOICES; c++) {
        choice = &g->choice[c];

        if (!choice->seen || choice->finish != AI_FINISH_NONE) {
            continue;
        }

        if (!choice->text && !choice->tools) {
            return AI_ERROR;
        }

        choice->finish = AI_FINISH_STOP;
        d->terminal = 1;
    }

    return d->terminal ? ai_gemini_end(g) : AI_ERROR;
}


static ai_int_t
ai_gemini_chunk(ai_gemini_decoder_t *g, const ai_str_t *text)
{
    ai_ref_t    v, list;
    ai_json_t  *doc;

    if (g->failed) {
        return AI_OK;
    }

    doc = &g->d.doc;

    if (ai_json_parse(doc, text, NULL) != AI_OK) {
        return AI_ERROR;
    }

    v = AI_JSON_ROOT;

    if (ai_json_type(doc, v) == AI_JSON_ARRAY) {
        v = ai_json_first(doc, v);
    }

    if (!ai_json_is_null(doc, ai_json_get(doc, v, "error"))) {
        return ai_gemini_error(g, text);
    }

    if (ai_json_type(doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        return AI_ERROR;
    }

    list = ai_json_get(doc, v, "candidates");

    if (!ai_json_is_null(doc, list)
        && ai_json_type(doc, list) != AI_JSON_ARRAY)
    {
        return AI_ERROR;
    }

    if (ai_json_is_null(doc, list)
        && ai_json_is_null(doc, ai_json_get(doc, v, "promptFeedback"))
        && ai_json_is_null(doc, ai_json_get(doc, v, "usageMetadata")))
    {
        return AI_ERROR;
    }

    if (ai_gemini_start(g) != AI_OK) {
        return AI_ERROR;
    }

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_gemini_candidate(g, v) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_json_first(doc, list) == AI_JSON_NONE) {
        ai_gemini_blocked(g);
    }

    v = ai_json_get(doc, AI_JSON_ROOT, "usageMetadata");

    return ai_gemini_usage(g, v);
}


static ai_int_t
ai_gemini_error(ai_gemini_decoder_t *g, const ai_str_t *text)
{
    g->failed = 1;

    return ai_decoder_error(&g->d, 0, text);
}


static ai_int_t
ai_gemini_start(ai_gemini_decoder_t *g)
{
    ai_event_t  ev;
    ai_json_t  *doc;

    if (g->d.started) {
        return AI_OK;
    }

    doc = &g->d.doc;

    memset(&ev, 0, sizeof(ai_event_t));

    ev.type = AI_EVENT_START;
    ev.id = ai_json_esc(doc, ai_json_get(doc, AI_JSON_ROOT, "responseId"));
    ev.model = ai_json_esc(doc,
                           ai_json_get(doc, AI_JSON_ROOT, "modelVersion"));

    g->d.started = 1;

    return ai_gemini_send(g, &ev);
}


static ai_int_t
ai_gemini_candidate(ai_gemini_decoder_t *g, ai_ref_t v)
{
    int64_t     index;
    uint32_t    c;
    ai_ref_t    parts;
    ai_json_t  *doc;

    doc = &g->d.doc;
    index = 0;

    if (ai_json_type(doc, v) != AI_JSON_OBJECT
        || ai_json_int(doc, ai_json_get(doc, v, "index"), &index) == AI_ERROR
        || index < 0 || index >= AI_GEMINI_CHOICES)
    {
        return AI_ERROR;
    }

    c = index;
    g->choice[c].seen = 1;

    parts = ai_json_path(doc, v, "content", "parts", NULL);

    if (!ai_json_is_null(doc, parts)
        && ai_gemini_parts(g, c, parts) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_gemini_logprobs(g, c, ai_json_get(doc, v, "logprobsResult"))
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_gemini_grounding(g, c, ai_json_get(doc, v, "groundingMetadata"))
        != AI_OK)
    {
        return AI_ERROR;
    }

    ai_gemini_finish_reason(g, c, ai_json_get(doc, v, "finishReason"));

    return AI_OK;
}


static ai_int_t
ai_gemini_parts(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t parts)
{
    ai_ref_t    v, call;
    ai_esc_t    text;
    ai_json_t  *doc;

    doc = &g->d.doc;

    if (ai_json_type(doc, parts) != AI_JSON_ARRAY) {
        return AI_ERROR;
    }

    for (v = ai_json_first(doc, parts);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, parts, v))
    {
        if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
            return AI_ERROR;
        }

        call = ai_json_get(doc, v, "functionCall");

        if (!ai_json_is_null(doc, call)) {
            if (ai_gemini_call_part(g, c, v, call) != AI_OK) {
                return AI_ERROR;
            }

            continue;
        }

        /* what the provider ran itself (executableCode and its result) is no
         * call for the client to make; media have no place */

        text = ai_json_esc(doc, ai_json_get(doc, v, "text"));

        if (text.data != NULL
            && ai_gemini_text_part(g, c, v, &text) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_gemini_text_part(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v,
    const ai_esc_t *text)
{
    ai_esc_t    signature;
    ai_json_t  *doc;
    ai_block_e  kind;

    doc = &g->d.doc;
    kind = AI_BLOCK_TEXT;

    if (ai_json_bool(doc, ai_json_get(doc, v, "thought")) == 1) {
        kind = AI_BLOCK_THINKING;
    }

    if (text->len != 0
        && (ai_gemini_open(g, c, kind, NULL) != AI_OK
            || ai_gemini_delta(g, c, AI_DELTA_TEXT, text) != AI_OK))
    {
        return AI_ERROR;
    }

    signature = ai_json_esc(doc, ai_json_get(doc, v, "thoughtSignature"));

    if (signature.len == 0) {
        return AI_OK;
    }

    /* a block of its own, also next to another thinking block */

    if (ai_gemini_close(g, c) != AI_OK
        || ai_gemini_open(g, c, AI_BLOCK_THINKING, NULL) != AI_OK
        || ai_gemini_delta(g, c, AI_DELTA_SIGNATURE, &signature) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_gemini_close(g, c);
}


/*
 * {name, args} is a whole call; with "willContinue" it goes on in parts of
 * their own that have "partialArgs", the last of them without "willContinue".
 */

static ai_int_t
ai_gemini_call_part(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t part,
    ai_ref_t v)
{
    ai_int_t    more;
    ai_ref_t    name, partial;
    ai_json_t  *doc;

    doc = &g->d.doc;

    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        return AI_ERROR;
    }

    name = ai_json_get(doc, v, "name");
    partial = ai_json_get(doc, v, "partialArgs");
    more = ai_json_bool(doc, ai_json_get(doc, v, "willContinue")) == 1;

    if (!ai_json_is_null(doc, name)) {

        if (ai_gemini_call_start(g, c, part, v) != AI_OK) {
            return AI_ERROR;
        }

        if (!more && ai_json_is_null(doc, partial)) {
            return ai_gemini_call_args(g, c, ai_json_get(doc, v, "args"));
        }

        ai_gemini_args_start(&g->args);
        g->args_choice = c;
        g->partial = 1;
    }

    if (!g->partial || g->args_choice != c) {

        /* the end of a call that had nothing to continue */

        return ai_json_is_null(doc, partial) ? AI_OK : AI_ERROR;
    }

    if (!ai_json_is_null(doc, partial)
        && ai_gemini_call_partial(g, c, partial) != AI_OK)
    {
        return AI_ERROR;
    }

    return more ? AI_OK : ai_gemini_call_end(g, c);
}


static ai_int_t
ai_gemini_call_start(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t part,
    ai_ref_t v)
{
    ai_json_t        *doc;
    ai_event_t        ev;
    const ai_tool_t  *tool;

    doc = &g->d.doc;

    if (g->partial && ai_gemini_call_end(g, g->args_choice) != AI_OK) {
        return AI_ERROR;
    }

    memset(&ev, 0, sizeof(ai_event_t));

    ev.id = ai_json_esc(doc, ai_json_get(doc, v, "id"));
    ev.name = ai_json_esc(doc, ai_json_get(doc, v, "name"));
    ev.signature = ai_json_esc(doc,
                               ai_json_get(doc, part, "thoughtSignature"));

    if (ev.name.len == 0) {
        return AI_ERROR;
    }

    if (ev.id.len == 0) {
        ev.id.data = NULL;
    }

    if (ev.signature.len != 0) {
        ev.family = AI_FAMILY_GEMINI;

    } else {
        ev.signature.data = NULL;
    }

    tool = ai_gemini_tool(g->d.rq, &g->text, &ev.name);

    if (tool != NULL) {
        ev.name = tool->name;
    }

    if (g->text.failed) {
        return AI_ERROR;
    }

    return ai_gemini_open(g, c, AI_BLOCK_TOOL_CALL, &ev);
}


static ai_int_t
ai_gemini_call_args(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v)
{
    ai_raw_t    raw;
    ai_str_t    text;
    ai_json_t  *doc;

    doc = &g->d.doc;

    if (ai_json_is_null(doc, v)) {
        raw = ai_lit("{}");

    } else if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
        raw = ai_json_raw(doc, v);

    } else {
        return AI_ERROR;
    }

    ai_buf_reset(&g->d.scratch);
    ai_json_embed(&g->d.scratch, &raw);

    if (g->d.scratch.failed) {
        return AI_ERROR;
    }

    text = ai_buf_str(&g->d.scratch);

    if (ai_gemini_delta(g, c, AI_DELTA_TEXT, &text) != AI_OK) {
        return AI_ERROR;
    }

    return ai_gemini_close(g, c);
}


static ai_int_t
ai_gemini_call_partial(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v)
{
    ai_str_t  raw, text;

    ai_buf_reset(&g->text);

    if (ai_gemini_args_add(&g->args, &g->d.doc, v, &g->text, &g->d.scratch)
        != AI_OK)
    {
        return AI_ERROR;
    }

    raw = ai_buf_str(&g->text);

    ai_buf_reset(&g->d.scratch);
    ai_json_embed(&g->d.scratch, &raw);

    if (g->text.failed || g->d.scratch.failed) {
        return AI_ERROR;
    }

    text = ai_buf_str(&g->d.scratch);

    return text.len != 0 ? ai_gemini_delta(g, c, AI_DELTA_TEXT, &text)
                         : AI_OK;
}


static ai_int_t
ai_gemini_call_end(ai_gemini_decoder_t *g, uint32_t c)
{
    ai_str_t  raw, text;

    g->partial = 0;

    ai_buf_reset(&g->text);
    ai_gemini_args_end(&g->args, &g->text);

    raw = ai_buf_str(&g->text);

    ai_buf_reset(&g->d.scratch);
    ai_json_embed(&g->d.scratch, &raw);

    if (g->text.failed || g->d.scratch.failed) {
        return AI_ERROR;
    }

    text = ai_buf_str(&g->d.scratch);

    if (ai_gemini_delta(g, c, AI_DELTA_TEXT, &text) != AI_OK) {
        return AI_ERROR;
    }

    return ai_gemini_close(g, c);
}


/* a prompt that was refused has no candidates; so may the rest of an answer */

static void
ai_gemini_blocked(ai_gemini_decoder_t *g)
{
    uint32_t  c, n;
    ai_ref_t  v;

    v = ai_json_path(&g->d.doc, AI_JSON_ROOT, "promptFeedback",
                     "blockReason", NULL);

    if (ai_json_is_null(&g->d.doc, v)) {
        return;
    }

    n = 0;

    for (c = 0; c < AI_GEMINI_CHOICES; c++) {
        n += g->choice[c].seen;

        if (g->choice[c].seen && g->choice[c].finish == AI_FINISH_NONE) {
            g->choice[c].finish = AI_FINISH_FILTER;
        }
    }

    if (n == 0) {
        g->choice[0].seen = 1;
        g->choice[0].finish = AI_FINISH_FILTER;
    }

    g->d.terminal = 1;
}


/* what was held */

static ai_int_t
ai_gemini_end(ai_gemini_decoder_t *g)
{
    uint32_t             c;
    ai_event_t           ev;
    ai_gemini_choice_t  *choice;

    if (g->partial && ai_gemini_call_end(g, g->args_choice) != AI_OK) {
        return AI_ERROR;
    }

    for (c = 0; c < AI_GEMINI_CHOICES; c++) {
        choice = &g->choice[c];

        if (choice->seen && choice->finish == AI_FINISH_ERROR
            && !choice->text && !choice->tools)
        {
            return ai_gemini_broken(g);
        }
    }

    for (c = 0; c < AI_GEMINI_CHOICES; c++) {
        choice = &g->choice[c];

        if (!choice->seen) {
            continue;
        }

        /* one of several that was never finished: the stream was cut */

        if (choice->finish == AI_FINISH_NONE) {
            return AI_ERROR;
        }

        if (ai_gemini_close(g, c) != AI_OK) {
            return AI_ERROR;
        }

        memset(&ev, 0, sizeof(ai_event_t));

        ev.type = AI_EVENT_FINISH;
        ev.choice = c;
        ev.finish = choice->finish;

        if (ev.finish == AI_FINISH_ERROR) {
            ev.finish = AI_FINISH_STOP;
        }

        if (ev.finish == AI_FINISH_STOP && choice->tools) {
            ev.finish = AI_FINISH_TOOLS;
        }

        if (c == 0) {
            g->d.finished = 1;
        }

        if (ai_gemini_send(g, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_gemini_broken(ai_gemini_decoder_t *g)
{
    ai_error_t  err;
    ai_event_t  ev;

    memset(&err, 0, sizeof(ai_error_t));
    ai_error_set(&err, AI_ERR_UPSTREAM_INVALID,
                 "the model ended its answer without content");

    memset(&ev, 0, sizeof(ai_event_t));

    ev.type = AI_EVENT_ERROR;
    ev.error = &err;

    g->failed = 1;

    return ai_gemini_send(g, &ev);
}


/* an open block of this kind goes on, unless it is a call */

ai_int_t
ai_gemini_open(ai_gemini_decoder_t *g, uint32_t c, ai_block_e kind,
    ai_event_t *ev)
{
    ai_event_t           start;
    ai_gemini_choice_t  *choice;

    choice = &g->choice[c];

    if (choice->kind == kind && kind != AI_BLOCK_TOOL_CALL) {
        return AI_OK;
    }

    if (ai_gemini_close(g, c) != AI_OK) {
        return AI_ERROR;
    }

    if (ev == NULL) {
        ev = &start;
        memset(ev, 0, sizeof(ai_event_t));
    }

    choice->open = choice->next++;
    choice->kind = kind;

    ev->type = AI_EVENT_BLOCK_START;
    ev->choice = c;
    ev->index = choice->open;
    ev->kind = kind;

    if (kind == AI_BLOCK_TOOL_CALL) {
        choice->tools = 1;
        g->d.content = 1;
    }

    return ai_gemini_send(g, ev);
}


static ai_int_t
ai_gemini_close(ai_gemini_decoder_t *g, uint32_t c)
{
    ai_event_t           ev;
    ai_gemini_choice_t  *choice;

    choice = &g->choice[c];

    if (choice->kind == 0) {
        return AI_OK;
    }

    if (g->partial && g->args_choice == c) {
        return ai_gemini_call_end(g, c);
    }

    memset(&ev, 0, sizeof(ai_event_t));

    ev.type = AI_EVENT_BLOCK_STOP;
    ev.choice = c;
    ev.index = choice->open;
    ev.kind = choice->kind;

    choice->kind = 0;

    return ai_gemini_send(g, &ev);
}


ai_int_t
ai_gemini_delta(ai_gemini_decoder_t *g, uint32_t c, ai_delta_e delta,
    const ai_str_t *text)
{
    ai_event_t           ev;
    ai_gemini_choice_t  *choice;

    choice = &g->choice[c];

    memset(&ev, 0, sizeof(ai_event_t));

    ev.type = AI_EVENT_DELTA;
    ev.choice = c;
    ev.index = choice->open;
    ev.kind = choice->kind;
    ev.delta = delta;

    switch (delta) {

    case AI_DELTA_TEXT:
        ev.text = *text;
        choice->text |= (ev.kind == AI_BLOCK_TEXT);
        g->d.content = 1;
        break;

    case AI_DELTA_SIGNATURE:
        ev.text = *text;
        ev.family = AI_FAMILY_GEMINI;
        break;

    default:
        ev.raw = *text;
    }

    return ai_gemini_send(g, &ev);
}


ai_int_t
ai_gemini_send(ai_gemini_decoder_t *g, ai_event_t *ev)
{
    return g->d.sink.event(g->d.sink.data, ev);
}
