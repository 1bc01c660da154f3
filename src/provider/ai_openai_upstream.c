
/*
 * Answers of OpenAI-shaped APIs as events, read tolerantly: what vendors have
 * been seen to do is in the generic rules 1 to 10 of their reference.
 *
 * One choice, seen from its blocks:
 *
 *     text of a kind   -> the block of that kind is open; another kind of
 *                         text, or a call, closes it
 *     tool call        -> a block of its own, open until the choice ends:
 *                         fragments of parallel calls interleave
 *     finish_reason    -> kept; a later one replaces it
 *
 * FINISH is sent when no more can come: with the usage chunk, [DONE], or the
 * end of the stream.  Vendors repeat finish reasons, and follow one with an
 * error.
 *
 * State: a record a choice (128 at most) and a record a call (256 at most),
 * whatever the length of the stream.
 */

#include <provider/ai_openai_wire_int.h>


#define AI_UPSTREAM_CALLS   256
#define AI_UPSTREAM_HELD    65536
#define AI_UPSTREAM_CITES   64


typedef struct ai_upstream_call_s    ai_upstream_call_t;
typedef struct ai_upstream_choice_s  ai_upstream_choice_t;

struct ai_upstream_call_s {
    ai_upstream_call_t    *next;        /* the one before it */
    int64_t                wire;        /* its "index", or -1 */
    uint64_t               id;          /* hash of its id, 0: none */
    uint32_t               index;       /* its block */
    ai_buf_t               held;        /* arguments that came before the
                                           name */
    unsigned               started:1;
    unsigned               args:1;
};


struct ai_upstream_choice_s {
    ai_upstream_choice_t  *next;
    ai_upstream_call_t    *calls;       /* the newest first */
    uint32_t               choice;
    uint32_t               blocks;      /* indices given out */
    uint32_t               index;       /* of the open text block */
    ai_block_e             open;        /* its kind, or 0 */
    ai_finish_e            finish;
    ai_buf_t               stop_seq;
    unsigned               finished:1;  /* FINISH was sent */
    unsigned               text:1;      /* anything but calls was said */
    unsigned               cites:1;     /* annotations were sent */
};


typedef struct {
    ai_decoder_t           base;
    ai_upstream_choice_t  *choices;
    uint32_t               nchoices;
    uint32_t               ncalls;
    uint64_t               salt;        /* hash of the answer's id */
    ai_usage_t             usage;
    unsigned               failed:1;    /* ERROR was sent */
    unsigned               whole:1;     /* a JSON answer */
} ai_upstream_t;


_Static_assert(sizeof(ai_upstream_t) <= AI_UPSTREAM_SIZE, "decoder_size");


static ai_int_t ai_upstream_root(ai_upstream_t *u, const ai_str_t *body,
    ai_int_t named_error);
static ai_int_t ai_upstream_error(ai_upstream_t *u, const ai_str_t *body);
static ai_int_t ai_upstream_begin(ai_upstream_t *u);
static ai_int_t ai_upstream_choice(ai_upstream_t *u, ai_ref_t v);
static ai_upstream_choice_t *ai_upstream_find(ai_upstream_t *u,
    int64_t index);
static ai_int_t ai_upstream_reason(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_ref_t v);
static ai_int_t ai_upstream_message(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_ref_t m);
static ai_int_t ai_upstream_thinking(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_ref_t m);
static ai_int_t ai_upstream_details(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_ref_t list, ai_int_t texts);
static ai_int_t ai_upstream_detail(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_ref_t d, ai_int_t texts);
static ai_family_e ai_upstream_family(const ai_json_t *doc, ai_ref_t d);
static ai_int_t ai_upstream_content(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_ref_t v);
static ai_int_t ai_upstream_part(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_ref_t part);
static ai_int_t ai_upstream_annotations(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_ref_t list);
static ai_int_t ai_upstream_citations(ai_upstream_t *u,
    ai_upstream_choice_t *c);
static ai_int_t ai_upstream_calls(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_ref_t list);
static ai_int_t ai_upstream_call(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_ref_t v, ai_ref_t function);
static ai_upstream_call_t *ai_upstream_slot(ai_upstream_t *u,
    ai_upstream_choice_t *c, int64_t wire, const ai_esc_t *id,
    const ai_esc_t *name);
static ai_int_t ai_upstream_call_start(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_upstream_call_t *call, ai_ref_t v,
    const ai_esc_t *id, const ai_esc_t *name);
static ai_int_t ai_upstream_args(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_upstream_call_t *call, ai_ref_t v);
static ai_int_t ai_upstream_logprobs(ai_upstream_t *u,
    ai_upstream_choice_t *c, ai_ref_t v);
static ai_int_t ai_upstream_text(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_block_e kind, ai_ref_t v);
static ai_int_t ai_upstream_open(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_block_e kind);
static ai_int_t ai_upstream_close(ai_upstream_t *u, ai_upstream_choice_t *c);
static ai_int_t ai_upstream_has_reason(const ai_upstream_t *u);
static ai_int_t ai_upstream_finish(ai_upstream_t *u);
static ai_int_t ai_upstream_finish_one(ai_upstream_t *u,
    ai_upstream_choice_t *c);
static ai_int_t ai_upstream_usage(ai_upstream_t *u);
static ai_int_t ai_upstream_send(ai_upstream_t *u, ai_event_t *ev);
static void ai_upstream_event(ai_event_t *ev, ai_event_e type,
    const ai_upstream_choice_t *c, uint32_t index, ai_block_e kind);
static uint64_t ai_upstream_hash(uint64_t h, const ai_str_t *s);


void
ai_upstream_init(ai_decoder_t *d)
{
    ai_upstream_t  *u;

    u = (ai_upstream_t *) d;

    u->salt = UINT64_C(14695981039346656037);

    ai_usage_init(&u->usage);
}


ai_int_t
ai_upstream_stream(ai_decoder_t *d, const ai_sse_event_t *ev)
{
    size_t          i;
    ai_upstream_t  *u;

    u = (ai_upstream_t *) d;

    if (u->failed || d->terminal || ev->data.data == NULL) {
        return AI_OK;
    }

    if (ai_wire_done(&ev->data)) {

        if (!d->content && !ai_upstream_has_reason(u)) {
            return AI_ERROR;
        }

        d->terminal = 1;
        return ai_upstream_finish(u);
    }

    for (i = 0; i < ev->data.len; i++) {
        if (ev->data.data[i] > ' ') {
            return ai_upstream_root(u, &ev->data,
                                    ai_str_is(&ev->name, "error"));
        }
    }

    return AI_OK;
}


/* an answer that said nothing at all has at least to say why */

static ai_int_t
ai_upstream_has_reason(const ai_upstream_t *u)
{
    const ai_upstream_choice_t  *c;

    for (c = u->choices; c; c = c->next) {
        if (c->finish != AI_FINISH_NONE) {
            return 1;
        }
    }

    return 0;
}


ai_int_t
ai_upstream_end(ai_decoder_t *d)
{
    ai_upstream_t         *u;
    ai_upstream_choice_t  *c;

    u = (ai_upstream_t *) d;

    if (u->failed || d->terminal) {
        return AI_OK;
    }

    /* some hosts never say [DONE]: every choice has its reason then */

    if (u->choices == NULL) {
        return AI_ERROR;
    }

    for (c = u->choices; c; c = c->next) {
        if (c->finish == AI_FINISH_NONE) {
            return AI_ERROR;
        }
    }

    return ai_upstream_finish(u);
}


ai_int_t
ai_upstream_answer(ai_decoder_t *d, const ai_str_t *body)
{
    ai_upstream_t  *u;

    u = (ai_upstream_t *) d;
    u->whole = 1;

    if (ai_upstream_root(u, body, 0) != AI_OK) {
        return AI_ERROR;
    }

    if (u->failed) {
        return AI_OK;
    }

    if (u->choices == NULL) {
        return AI_ERROR;
    }

    d->terminal = 1;

    return ai_upstream_finish(u);
}


static ai_int_t
ai_upstream_root(ai_upstream_t *u, const ai_str_t *body, ai_int_t named_error)
{
    ai_ref_t    v, choices;
    ai_json_t  *doc;

    doc = &u->base.doc;

    if (named_error) {
        return ai_upstream_error(u, body);
    }

    if (ai_json_parse(doc, body, u->whole ? &ai_wire_answer_limits
                                          : &ai_wire_event_limits)
        != AI_OK
        || ai_json_type(doc, AI_JSON_ROOT) != AI_JSON_OBJECT)
    {
        return AI_ERROR;
    }

    v = ai_json_get(doc, AI_JSON_ROOT, "error");

    if (ai_wire_is_error(doc, v)) {

        /* what was used until then is paid for */

        if (ai_upstream_usage(u) != AI_OK) {
            return AI_ERROR;
        }

        return ai_upstream_error(u, body);
    }

    choices = ai_json_get(doc, AI_JSON_ROOT, "choices");

    if (ai_json_type(doc, choices) != AI_JSON_ARRAY) {
        choices = AI_JSON_NONE;
    }

    for (v = ai_json_first(doc, choices);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, choices, v))
    {
        if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
            continue;
        }

        if (ai_upstream_begin(u) != AI_OK
            || ai_upstream_choice(u, v) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return ai_upstream_usage(u);
}


static ai_int_t
ai_upstream_error(ai_upstream_t *u, const ai_str_t *body)
{
    u->failed = 1;

    return ai_decoder_error(&u->base, 0, body);
}


/* with the first chunk that has a choice: what hosts send in front of it
 * (Azure's filter results) has neither an id nor a model */

static ai_int_t
ai_upstream_begin(ai_upstream_t *u)
{
    ai_event_t        ev;
    const ai_json_t  *doc;

    if (u->base.started) {
        return AI_OK;
    }

    u->base.started = 1;
    doc = &u->base.doc;

    ai_upstream_event(&ev, AI_EVENT_START, NULL, 0, 0);

    ai_wire_start(doc, AI_JSON_ROOT,
                  ai_json_get(doc, AI_JSON_ROOT, "created"), &ev);

    u->salt = ai_upstream_hash(u->salt, &ev.id);

    return ai_upstream_send(u, &ev);
}


static ai_int_t
ai_upstream_choice(ai_upstream_t *u, ai_ref_t v)
{
    int64_t                index;
    ai_ref_t               m;
    ai_json_t             *doc;
    ai_upstream_choice_t  *c;

    doc = &u->base.doc;

    if (ai_json_int(doc, ai_json_get(doc, v, "index"), &index) != AI_OK) {
        index = u->whole ? (int64_t) u->nchoices : 0;
    }

    c = ai_upstream_find(u, index);

    if (c == NULL) {
        return AI_ERROR;
    }

    if (c->finished) {
        return AI_OK;
    }

    m = ai_json_get(doc, v, "delta");

    if (ai_json_type(doc, m) != AI_JSON_OBJECT) {
        m = ai_json_get(doc, v, "message");
    }

    if (ai_json_type(doc, m) == AI_JSON_OBJECT) {
        if (ai_upstream_message(u, c, m) != AI_OK) {
            return AI_ERROR;
        }

    } else if (ai_upstream_text(u, c, AI_BLOCK_TEXT,
                                ai_json_get(doc, v, "text"))
               != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_upstream_logprobs(u, c, ai_json_get(doc, v, "logprobs"))
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_upstream_reason(u, c, v);
}


static ai_upstream_choice_t *
ai_upstream_find(ai_upstream_t *u, int64_t index)
{
    ai_upstream_choice_t  *c, **last;

    if (index < 0 || index >= AI_WIRE_CHOICES) {
        return NULL;
    }

    for (last = &u->choices; (c = *last) != NULL; last = &c->next) {
        if (c->choice == (uint32_t) index) {
            return c;
        }
    }

    c = ai_pcalloc(u->base.pool, sizeof(ai_upstream_choice_t));
    if (c == NULL) {
        return NULL;
    }

    c->choice = (uint32_t) index;
    ai_buf_init(&c->stop_seq, u->base.pool);

    *last = c;
    u->nchoices++;

    return c;
}


static ai_int_t
ai_upstream_reason(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t v)
{
    ai_ref_t      reason;
    ai_esc_t      stop;
    ai_finish_e   finish;
    ai_json_t    *doc;

    doc = &u->base.doc;
    reason = ai_json_get(doc, v, "finish_reason");
    finish = ai_wire_finish(doc, reason);

    if (finish == AI_FINISH_NONE) {
        return AI_OK;
    }

    /* the host ran out of room in the middle of an answer */

    if (ai_json_is(doc, reason, "insufficient_system_resource")
        && (c->text || c->calls))
    {
        finish = AI_FINISH_LENGTH;
    }

    /* vLLM names the string it stopped at */

    if (finish == AI_FINISH_STOP) {
        stop = ai_json_esc(doc, ai_json_get(doc, v, "stop_reason"));

        if (stop.len && stop.len <= 1024) {
            finish = AI_FINISH_STOP_SEQ;

            ai_buf_reset(&c->stop_seq);
            ai_buf_cat(&c->stop_seq, &stop);

            if (c->stop_seq.failed) {
                return AI_ERROR;
            }
        }
    }

    c->finish = finish;

    return ai_upstream_citations(u, c);
}


/* in the order in which a model thinks and speaks */

static ai_int_t
ai_upstream_message(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t m)
{
    ai_ref_t    v;
    ai_json_t  *doc;

    doc = &u->base.doc;

    if (ai_upstream_thinking(u, c, m) != AI_OK
        || ai_upstream_content(u, c, ai_json_get(doc, m, "content")) != AI_OK
        || ai_upstream_text(u, c, AI_BLOCK_REFUSAL,
                            ai_json_get(doc, m, "refusal"))
           != AI_OK
        || ai_upstream_annotations(u, c, ai_json_get(doc, m, "annotations"))
           != AI_OK
        || ai_upstream_calls(u, c, ai_json_get(doc, m, "tool_calls"))
           != AI_OK)
    {
        return AI_ERROR;
    }

    v = ai_json_get(doc, m, "function_call");

    if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
        return ai_upstream_call(u, c, AI_JSON_NONE, v);
    }

    return AI_OK;
}


/* one of the three names; hosts that send a text under two names send the
 * same text */

static ai_int_t
ai_upstream_thinking(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t m)
{
    ai_int_t      texts;
    ai_ref_t      v;
    ai_json_t    *doc;
    const char  *const *name;

    static const char *const  names[] = {
        "reasoning_content", "reasoning", "thinking", NULL
    };

    doc = &u->base.doc;
    texts = 1;

    for (name = names; *name; name++) {
        v = ai_json_get(doc, m, *name);

        if (ai_json_type(doc, v) == AI_JSON_STRING && doc->node[v].len > 2) {

            if (ai_upstream_text(u, c, AI_BLOCK_THINKING, v) != AI_OK) {
                return AI_ERROR;
            }

            texts = 0;
            break;
        }
    }

    v = ai_json_get(doc, m, "reasoning_details");

    if (ai_json_type(doc, v) == AI_JSON_ARRAY) {
        return ai_upstream_details(u, c, v, texts);
    }

    return ai_upstream_details(u, c, ai_json_get(doc, m, "thinking_blocks"),
                               texts);
}


static ai_int_t
ai_upstream_details(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t list,
    ai_int_t texts)
{
    ai_ref_t    d;
    ai_json_t  *doc;

    doc = &u->base.doc;

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (d = ai_json_first(doc, list);
         d != AI_JSON_NONE;
         d = ai_json_next(doc, list, d))
    {
        if (ai_json_type(doc, d) == AI_JSON_OBJECT
            && ai_upstream_detail(u, c, d, texts) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_upstream_detail(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t d,
    ai_int_t texts)
{
    ai_ref_t      v;
    ai_esc_t      opaque;
    ai_event_t    ev;
    ai_json_t    *doc;
    ai_family_e   family;
    const char  *const *name;

    static const char *const  names[] = {
        "text", "thinking", "summary", NULL
    };

    doc = &u->base.doc;
    family = ai_upstream_family(doc, d);

    opaque = ai_json_esc(doc, ai_json_get(doc, d, "data"));

    if (opaque.len && family != AI_FAMILY_NONE) {

        if (ai_upstream_close(u, c) != AI_OK) {
            return AI_ERROR;
        }

        ai_upstream_event(&ev, AI_EVENT_BLOCK_START, c, c->blocks,
                          AI_BLOCK_REDACTED);
        ev.data = opaque;
        ev.family = family;

        if (ai_upstream_send(u, &ev) != AI_OK) {
            return AI_ERROR;
        }

        ai_upstream_event(&ev, AI_EVENT_BLOCK_STOP, c, c->blocks++,
                          AI_BLOCK_REDACTED);

        return ai_upstream_send(u, &ev);
    }

    for (name = names; texts && *name; name++) {
        v = ai_json_get(doc, d, *name);

        if (ai_json_type(doc, v) == AI_JSON_STRING
            && ai_upstream_text(u, c, AI_BLOCK_THINKING, v) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    opaque = ai_json_esc(doc, ai_json_get(doc, d, "signature"));

    if (opaque.len == 0 || family == AI_FAMILY_NONE) {
        return AI_OK;
    }

    if (ai_upstream_open(u, c, AI_BLOCK_THINKING) != AI_OK) {
        return AI_ERROR;
    }

    ai_upstream_event(&ev, AI_EVENT_DELTA, c, c->index, AI_BLOCK_THINKING);
    ev.delta = AI_DELTA_SIGNATURE;
    ev.text = opaque;
    ev.family = family;

    return ai_upstream_send(u, &ev);
}


/* OpenRouter says the format; LiteLLM's blocks are Anthropic's own */

static ai_family_e
ai_upstream_family(const ai_json_t *doc, ai_ref_t d)
{
    ai_ref_t  type;
    ai_esc_t  format;

    format = ai_json_esc(doc, ai_json_get(doc, d, "format"));

    if (ai_str_starts(&format, "anthropic")) {
        return AI_FAMILY_ANTHROPIC;
    }

    if (ai_str_starts(&format, "google")) {
        return AI_FAMILY_GEMINI;
    }

    if (ai_str_starts(&format, "openai")) {
        return AI_FAMILY_OPENAI;
    }

    type = ai_json_get(doc, d, "type");

    if (ai_json_is(doc, type, "thinking")
        || ai_json_is(doc, type, "redacted_thinking"))
    {
        return AI_FAMILY_ANTHROPIC;
    }

    return AI_FAMILY_NONE;
}


static ai_int_t
ai_upstream_content(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t v)
{
    ai_ref_t    part;
    ai_json_t  *doc;

    doc = &u->base.doc;

    if (ai_json_type(doc, v) == AI_JSON_STRING) {
        return ai_upstream_text(u, c, AI_BLOCK_TEXT, v);
    }

    if (ai_json_type(doc, v) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (part = ai_json_first(doc, v);
         part != AI_JSON_NONE;
         part = ai_json_next(doc, v, part))
    {
        if (ai_upstream_part(u, c, part) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* {"type":"text"}, {"type":"refusal"}, and Mistral's {"type":"thinking",
 * "thinking":[{"type":"text"}]}; other kinds say nothing a client could
 * show */

static ai_int_t
ai_upstream_part(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t part)
{
    ai_ref_t    v, t;
    ai_json_t  *doc;

    doc = &u->base.doc;

    if (ai_json_type(doc, part) == AI_JSON_STRING) {
        return ai_upstream_text(u, c, AI_BLOCK_TEXT, part);
    }

    v = ai_json_get(doc, part, "thinking");

    if (ai_json_type(doc, v) == AI_JSON_ARRAY) {

        for (t = ai_json_first(doc, v);
             t != AI_JSON_NONE;
             t = ai_json_next(doc, v, t))
        {
            if (ai_upstream_text(u, c, AI_BLOCK_THINKING,
                                 ai_json_get(doc, t, "text"))
                != AI_OK)
            {
                return AI_ERROR;
            }
        }

        return AI_OK;
    }

    if (ai_upstream_text(u, c, AI_BLOCK_THINKING, v) != AI_OK
        || ai_upstream_text(u, c, AI_BLOCK_REFUSAL,
                            ai_json_get(doc, part, "refusal"))
           != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_upstream_text(u, c, AI_BLOCK_TEXT,
                            ai_json_get(doc, part, "text"));
}


static ai_int_t
ai_upstream_annotations(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_ref_t list)
{
    ai_ref_t     v;
    ai_event_t   ev;
    ai_json_t   *doc;

    doc = &u->base.doc;

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
            continue;
        }

        if (ai_upstream_open(u, c, AI_BLOCK_TEXT) != AI_OK) {
            return AI_ERROR;
        }

        ai_upstream_event(&ev, AI_EVENT_DELTA, c, c->index, AI_BLOCK_TEXT);
        ev.delta = AI_DELTA_ANNOTATION;
        ev.raw = ai_json_raw(doc, v);

        c->cites = 1;

        if (ai_upstream_send(u, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* Perplexity's: all of them again in every chunk, so the last one counts */

static ai_int_t
ai_upstream_citations(ai_upstream_t *u, ai_upstream_choice_t *c)
{
    ai_ref_t     list, v, url;
    uint32_t     n;
    ai_buf_t    *b;
    ai_raw_t     raw;
    ai_event_t   ev;
    ai_json_t   *doc;

    doc = &u->base.doc;
    b = &u->base.scratch;

    if (c->cites || c->open != AI_BLOCK_TEXT) {
        return AI_OK;
    }

    list = ai_json_get(doc, AI_JSON_ROOT, "search_results");

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        list = ai_json_get(doc, AI_JSON_ROOT, "citations");
    }

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    c->cites = 1;

    for (v = ai_json_first(doc, list), n = 0;
         v != AI_JSON_NONE && n < AI_UPSTREAM_CITES;
         v = ai_json_next(doc, list, v), n++)
    {
        url = v;

        if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
            url = ai_json_get(doc, v, "url");
        }

        if (ai_json_type(doc, url) != AI_JSON_STRING) {
            continue;
        }

        ai_buf_reset(b);
        ai_buf_lit(b, "{\"type\":\"url_citation\",\"url_citation\":{\"url\":");

        raw = ai_json_raw(doc, url);
        ai_buf_cat(b, &raw);

        url = ai_json_get(doc, v, "title");

        if (ai_json_type(doc, url) == AI_JSON_STRING) {
            raw = ai_json_raw(doc, url);
            ai_buf_lit(b, ",\"title\":");
            ai_buf_cat(b, &raw);
        }

        ai_buf_lit(b, "}}");

        if (b->failed) {
            return AI_ERROR;
        }

        ai_upstream_event(&ev, AI_EVENT_DELTA, c, c->index, AI_BLOCK_TEXT);
        ev.delta = AI_DELTA_ANNOTATION;
        ev.raw = ai_buf_str(b);

        if (ai_upstream_send(u, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_upstream_calls(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t list)
{
    ai_ref_t    v, f;
    ai_json_t  *doc;

    doc = &u->base.doc;

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        f = ai_json_get(doc, v, "function");

        if (ai_json_type(doc, f) == AI_JSON_OBJECT
            && ai_upstream_call(u, c, v, f) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* v is AI_JSON_NONE for the deprecated function_call */

static ai_int_t
ai_upstream_call(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t v,
    ai_ref_t function)
{
    int64_t              wire;
    ai_esc_t             id, name;
    ai_json_t           *doc;
    ai_upstream_call_t  *call;

    doc = &u->base.doc;

    id = ai_json_esc(doc, ai_json_get(doc, v, "id"));
    name = ai_json_esc(doc, ai_json_get(doc, function, "name"));

    if (ai_json_int(doc, ai_json_get(doc, v, "index"), &wire) != AI_OK
        && ai_json_int(doc, ai_json_get(doc, function, "index"), &wire)
           != AI_OK)
    {
        wire = -1;
    }

    call = ai_upstream_slot(u, c, wire, &id, &name);

    if (call == NULL) {
        return AI_ERROR;
    }

    if (!call->started && name.len
        && ai_upstream_call_start(u, c, call, v, &id, &name) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_upstream_args(u, c, call,
                            ai_json_get(doc, function, "arguments"));
}


/*
 * Which call a fragment belongs to.  With an index: the newest call of that
 * index, unless another id together with a name begins one.  Without: the
 * call of its id; without an id too: the newest call, unless it is a name
 * that comes.
 */

static ai_upstream_call_t *
ai_upstream_slot(ai_upstream_t *u, ai_upstream_choice_t *c, int64_t wire,
    const ai_esc_t *id, const ai_esc_t *name)
{
    uint64_t             hash;
    ai_upstream_call_t  *call;

    hash = id->len ? ai_upstream_hash(UINT64_C(14695981039346656037), id) : 0;

    for (call = u->whole ? NULL : c->calls; call; call = call->next) {

        if (wire >= 0) {

            if (call->wire != wire) {
                continue;
            }

            if (hash && call->id && hash != call->id && name->len) {
                break;
            }

            return call;
        }

        if (hash) {

            if (call->id == hash) {
                return call;
            }

            continue;
        }

        if (name->len && call->started) {
            break;
        }

        return call;
    }

    if (u->ncalls == AI_UPSTREAM_CALLS) {
        return NULL;
    }

    if (ai_upstream_close(u, c) != AI_OK) {
        return NULL;
    }

    call = ai_pcalloc(u->base.pool, sizeof(ai_upstream_call_t));
    if (call == NULL) {
        return NULL;
    }

    call->wire = wire;
    call->id = hash;
    call->index = c->blocks++;
    call->next = c->calls;
    ai_buf_init(&call->held, u->base.pool);

    c->calls = call;
    u->ncalls++;

    return call;
}


static ai_int_t
ai_upstream_call_start(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_upstream_call_t *call, ai_ref_t v, const ai_esc_t *id,
    const ai_esc_t *name)
{
    ai_buf_t    *b;
    ai_str_t     seed;
    ai_event_t   ev;
    ai_json_t   *doc;
    uint64_t     seeds[3];

    doc = &u->base.doc;
    b = &u->base.scratch;

    call->started = 1;

    ai_upstream_event(&ev, AI_EVENT_BLOCK_START, c, call->index,
                      AI_BLOCK_TOOL_CALL);
    ev.name = *name;
    ev.id = *id;

    if (id->len == 0) {
        seeds[0] = ai_upstream_hash(u->salt, name);
        seeds[1] = c->choice;
        seeds[2] = call->index;

        seed.data = (ai_char_t *) seeds;
        seed.len = sizeof(seeds);

        ai_buf_reset(b);
        ai_buf_lit(b, "call_");
        ai_wire_token(b, &seed, 24);

        if (b->failed) {
            return AI_ERROR;
        }

        ev.id = ai_buf_str(b);
    }

    ev.signature = ai_json_esc(doc, ai_json_path(doc, v, "extra_content",
                                                 "google",
                                                 "thought_signature", NULL));
    if (ev.signature.len) {
        ev.family = AI_FAMILY_GEMINI;
    }

    if (ai_upstream_send(u, &ev) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_buf_len(&call->held) == 0) {
        return AI_OK;
    }

    ai_upstream_event(&ev, AI_EVENT_DELTA, c, call->index,
                      AI_BLOCK_TOOL_CALL);
    ev.text = ai_buf_str(&call->held);

    call->args = 1;

    if (ai_upstream_send(u, &ev) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_reset(&call->held);

    return AI_OK;
}


static ai_int_t
ai_upstream_args(ai_upstream_t *u, ai_upstream_choice_t *c,
    ai_upstream_call_t *call, ai_ref_t v)
{
    ai_raw_t     raw;
    ai_esc_t     text;
    ai_buf_t    *b;
    ai_event_t   ev;
    ai_json_t   *doc;

    doc = &u->base.doc;
    b = &u->base.scratch;

    if (ai_json_type(doc, v) == AI_JSON_STRING) {
        text = ai_json_esc(doc, v);

    } else if (ai_json_type(doc, v) == AI_JSON_OBJECT) {
        raw = ai_json_raw(doc, v);

        ai_buf_reset(b);
        ai_json_embed(b, &raw);

        if (b->failed) {
            return AI_ERROR;
        }

        text = ai_buf_str(b);

    } else {
        return AI_OK;
    }

    if (text.len == 0) {
        return AI_OK;
    }

    if (!call->started) {

        if (ai_buf_len(&call->held) + text.len > AI_UPSTREAM_HELD) {
            return AI_ERROR;
        }

        ai_buf_cat(&call->held, &text);

        return call->held.failed ? AI_ERROR : AI_OK;
    }

    call->args = 1;

    ai_upstream_event(&ev, AI_EVENT_DELTA, c, call->index,
                      AI_BLOCK_TOOL_CALL);
    ev.text = text;

    return ai_upstream_send(u, &ev);
}


static ai_int_t
ai_upstream_logprobs(ai_upstream_t *u, ai_upstream_choice_t *c, ai_ref_t v)
{
    ai_event_t   ev;
    ai_json_t   *doc;

    doc = &u->base.doc;

    if (ai_json_type(doc, v) != AI_JSON_OBJECT || c->open == 0) {
        return AI_OK;
    }

    ai_upstream_event(&ev, AI_EVENT_DELTA, c, c->index, c->open);
    ev.delta = AI_DELTA_LOGPROBS;
    ev.raw = ai_json_raw(doc, v);

    return ai_upstream_send(u, &ev);
}


/* nothing for what is no string, or empty */

static ai_int_t
ai_upstream_text(ai_upstream_t *u, ai_upstream_choice_t *c, ai_block_e kind,
    ai_ref_t v)
{
    ai_event_t  ev;
    ai_esc_t    text;

    text = ai_json_esc(&u->base.doc, v);

    if (text.len == 0) {
        return AI_OK;
    }

    if (ai_upstream_open(u, c, kind) != AI_OK) {
        return AI_ERROR;
    }

    ai_upstream_event(&ev, AI_EVENT_DELTA, c, c->index, kind);
    ev.text = text;

    return ai_upstream_send(u, &ev);
}


static ai_int_t
ai_upstream_open(ai_upstream_t *u, ai_upstream_choice_t *c, ai_block_e kind)
{
    ai_event_t  ev;

    if (c->open == kind) {
        return AI_OK;
    }

    if (ai_upstream_close(u, c) != AI_OK) {
        return AI_ERROR;
    }

    c->open = kind;
    c->index = c->blocks++;
    c->text = 1;

    ai_upstream_event(&ev, AI_EVENT_BLOCK_START, c, c->index, kind);

    return ai_upstream_send(u, &ev);
}


static ai_int_t
ai_upstream_close(ai_upstream_t *u, ai_upstream_choice_t *c)
{
    ai_event_t  ev;

    if (c->open == 0) {
        return AI_OK;
    }

    ai_upstream_event(&ev, AI_EVENT_BLOCK_STOP, c, c->index, c->open);

    c->open = 0;

    return ai_upstream_send(u, &ev);
}


static ai_int_t
ai_upstream_finish(ai_upstream_t *u)
{
    ai_upstream_choice_t  *c;

    for (c = u->choices; c; c = c->next) {
        if (!c->finished && ai_upstream_finish_one(u, c) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_upstream_finish_one(ai_upstream_t *u, ai_upstream_choice_t *c)
{
    ai_event_t            ev;
    ai_upstream_call_t   *call, *next, *calls;

    if (ai_upstream_close(u, c) != AI_OK) {
        return AI_ERROR;
    }

    /* the oldest call stops first */

    calls = NULL;

    for (call = c->calls; call; call = next) {
        next = call->next;
        call->next = calls;
        calls = call;
    }

    c->calls = calls;

    for (call = calls; call; call = call->next) {

        /* a call without a name is nothing a client could make */

        if (!call->started) {
            return AI_ERROR;
        }

        if (!call->args) {
            ai_upstream_event(&ev, AI_EVENT_DELTA, c, call->index,
                              AI_BLOCK_TOOL_CALL);
            ev.text = ai_lit("{}");

            if (ai_upstream_send(u, &ev) != AI_OK) {
                return AI_ERROR;
            }
        }

        ai_upstream_event(&ev, AI_EVENT_BLOCK_STOP, c, call->index,
                          AI_BLOCK_TOOL_CALL);

        if (ai_upstream_send(u, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_upstream_event(&ev, AI_EVENT_FINISH, c, 0, 0);

    ev.finish = c->finish;

    if (ev.finish == AI_FINISH_NONE || ev.finish == AI_FINISH_STOP) {
        ev.finish = c->calls ? AI_FINISH_TOOLS : AI_FINISH_STOP;
    }

    if (ev.finish == AI_FINISH_STOP_SEQ && ai_buf_len(&c->stop_seq)) {
        ev.stop_seq = ai_buf_str(&c->stop_seq);
    }

    c->finished = 1;

    if (c->choice == 0) {
        u->base.finished = 1;
    }

    return ai_upstream_send(u, &ev);
}


/* a report in a chunk of its own is the last but [DONE] */

static ai_int_t
ai_upstream_usage(ai_upstream_t *u)
{
    ai_ref_t               choices;
    ai_event_t             ev;
    ai_usage_t             before;
    ai_json_t             *doc;
    ai_upstream_choice_t  *c;

    doc = &u->base.doc;
    before = u->usage;

    if (!ai_wire_usage_any(u->base.provider, doc, &u->usage)
        || ai_usage_eq(&before, &u->usage))
    {
        return AI_OK;
    }

    choices = ai_json_get(doc, AI_JSON_ROOT, "choices");

    if (ai_json_type(doc, choices) == AI_JSON_ARRAY
        && doc->node[choices].count == 0)
    {
        for (c = u->choices; c; c = c->next) {
            if (c->finish == AI_FINISH_NONE) {
                break;
            }
        }

        if (c == NULL && ai_upstream_finish(u) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_upstream_event(&ev, AI_EVENT_USAGE, NULL, 0, 0);
    ev.usage = &u->usage;

    return ai_upstream_send(u, &ev);
}


static ai_int_t
ai_upstream_send(ai_upstream_t *u, ai_event_t *ev)
{
    if (ev->type == AI_EVENT_DELTA || ev->type == AI_EVENT_BLOCK_START) {
        u->base.content = 1;
    }

    return u->base.sink.event(u->base.sink.data, ev) == AI_OK ? AI_OK
                                                              : AI_ERROR;
}


static void
ai_upstream_event(ai_event_t *ev, ai_event_e type,
    const ai_upstream_choice_t *c, uint32_t index, ai_block_e kind)
{
    memset(ev, 0, sizeof(ai_event_t));

    ev->type = type;
    ev->choice = c ? c->choice : 0;
    ev->index = index;
    ev->kind = kind;
}


static uint64_t
ai_upstream_hash(uint64_t h, const ai_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        h ^= s->data[i];
        h *= UINT64_C(1099511628211);
    }

    return h ? h : 1;
}
