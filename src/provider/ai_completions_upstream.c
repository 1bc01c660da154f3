
/*
 * The row of OpenAI's completions API from before chat, which belongs to
 * accounts whose choose() names it: its own clients alone, whose bytes go
 * through.  The decoder watches the answer.
 *
 * A request may have many prompts, and prompt p's text k is choice p * n + k;
 * of a choice no more is kept than whether it is open or over.
 */

#include <provider/ai_openai_wire_int.h>


#define AI_COMPLETIONS_CHOICES  262144      /* 2048 prompts, 128 texts each */
#define AI_COMPLETIONS_FIRST    16


/* of a choice; one that was never heard of is 0 */
#define AI_COMPLETIONS_SEEN      1
#define AI_COMPLETIONS_OPEN      2
#define AI_COMPLETIONS_FINISHED  3


typedef struct {
    ai_decoder_t           base;
    uint8_t               *state;       /* of each choice */
    uint32_t               nstate;
    uint32_t               running;     /* choices without a reason yet */
    uint32_t               ended;       /* choices with one */
    ai_usage_t             usage;
    ai_ref_t               text;        /* of the last event, if that had */
    uint32_t               choice;      /* nothing else; or AI_JSON_NONE */
    unsigned               failed:1;    /* ERROR was sent */
    unsigned               whole:1;     /* a JSON answer */
} ai_completions_t;


static void ai_completions_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);
static void ai_completions_init(ai_decoder_t *d);
static ai_int_t ai_completions_stream(ai_decoder_t *d,
    const ai_sse_event_t *ev);
static ai_int_t ai_completions_end(ai_decoder_t *d);
static ai_int_t ai_completions_answer(ai_decoder_t *d, const ai_str_t *body);
static ai_int_t ai_completions_root(ai_completions_t *u,
    const ai_str_t *body);
static ai_int_t ai_completions_error(ai_completions_t *u,
    const ai_str_t *body);
static ai_int_t ai_completions_choices(ai_completions_t *u, ai_ref_t list);
static ai_int_t ai_completions_begin(ai_completions_t *u);
static ai_int_t ai_completions_choice(ai_completions_t *u, ai_ref_t v,
    uint32_t nth);
static ai_int_t ai_completions_room(ai_completions_t *u, uint32_t choice);
static ai_int_t ai_completions_text(ai_completions_t *u, uint32_t choice,
    ai_ref_t v);
static ai_int_t ai_completions_reason(ai_completions_t *u, uint32_t choice,
    ai_ref_t v);
static ai_int_t ai_completions_close(ai_completions_t *u, uint32_t choice);
static ai_int_t ai_completions_finish(ai_completions_t *u, uint32_t choice,
    ai_finish_e finish, const ai_esc_t *stop);
static ai_int_t ai_completions_finish_all(ai_completions_t *u);
static ai_int_t ai_completions_usage(ai_completions_t *u);
static ai_int_t ai_completions_send(ai_completions_t *u, ai_event_t *ev);
static void ai_completions_event(ai_event_t *ev, ai_event_e type,
    uint32_t choice);


const ai_provider_t  ai_provider_openai_completions = {
    .name = ai_string("openai_completions"),
    .family = AI_FAMILY_COMPLETIONS,
    .endpoint = ai_string("https://api.openai.com/v1"),
    .base = ai_string("/v1"),
    .key_header = ai_string("Authorization"),
    .key_prefix = ai_string("Bearer "),
    .path = ai_completions_path,
    .headers = ai_string(""),
    .decoder_size = sizeof(ai_completions_t),
    .decoder_init = ai_completions_init,
    .stream = ai_completions_stream,
    .stream_end = ai_completions_end,
    .answer = ai_completions_answer
};


static void
ai_completions_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    (void) t;
    (void) stream;

    ai_buf_lit(b, "/completions");
}


static void
ai_completions_init(ai_decoder_t *d)
{
    ai_completions_t  *u;

    u = (ai_completions_t *) d;

    u->text = AI_JSON_NONE;

    ai_usage_init(&u->usage);
}


static ai_int_t
ai_completions_stream(ai_decoder_t *d, const ai_sse_event_t *ev)
{
    size_t             i;
    ai_completions_t  *u;

    u = (ai_completions_t *) d;

    if (u->failed || d->terminal || ev->data.data == NULL) {
        return AI_OK;
    }

    if (ai_wire_done(&ev->data)) {

        if (!d->content && u->ended == 0) {
            return AI_ERROR;
        }

        d->terminal = 1;
        return ai_completions_finish_all(u);
    }

    if (ai_str_is(&ev->name, "error")) {
        return ai_completions_error(u, &ev->data);
    }

    for (i = 0; i < ev->data.len; i++) {
        if (ev->data.data[i] > ' ') {
            return ai_completions_root(u, &ev->data);
        }
    }

    return AI_OK;
}


/* some hosts never say [DONE]: every choice has its reason then */

static ai_int_t
ai_completions_end(ai_decoder_t *d)
{
    ai_completions_t  *u;

    u = (ai_completions_t *) d;

    if (u->failed || d->terminal) {
        return AI_OK;
    }

    return u->running == 0 && u->ended ? AI_OK : AI_ERROR;
}


static ai_int_t
ai_completions_answer(ai_decoder_t *d, const ai_str_t *body)
{
    ai_completions_t  *u;

    u = (ai_completions_t *) d;
    u->whole = 1;

    if (ai_completions_root(u, body) != AI_OK) {
        return AI_ERROR;
    }

    if (u->failed) {
        return AI_OK;
    }

    if (u->running == 0 && u->ended == 0) {
        return AI_ERROR;
    }

    d->terminal = 1;

    return ai_completions_finish_all(u);
}


static ai_int_t
ai_completions_root(ai_completions_t *u, const ai_str_t *body)
{
    ai_ref_t    v, error;
    ai_int_t    rc;
    ai_json_t  *doc;

    doc = &u->base.doc;

    rc = u->whole ? ai_json_parse(doc, body, &ai_wire_answer_limits)
                  : ai_json_parse_next(doc, body, &ai_wire_event_limits);

    if (rc != AI_OK || ai_json_type(doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        u->text = AI_JSON_NONE;
        return AI_ERROR;
    }

    /* like the one before, but for what strings say */

    if (doc->moved && u->text != AI_JSON_NONE) {
        return ai_completions_text(u, u->choice, u->text);
    }

    u->text = AI_JSON_NONE;

    error = ai_json_get(doc, AI_JSON_ROOT, "error");

    if (ai_wire_is_error(doc, error)) {

        /* what was used until then is paid for */

        if (ai_completions_usage(u) != AI_OK) {
            return AI_ERROR;
        }

        return ai_completions_error(u, body);
    }

    v = ai_json_get(doc, AI_JSON_ROOT, "choices");

    if (ai_json_type(doc, v) == AI_JSON_ARRAY
        && ai_completions_choices(u, v) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_type(doc, error) == AI_JSON_STRING) {
        u->text = AI_JSON_NONE;
    }

    return ai_completions_usage(u);
}


static ai_int_t
ai_completions_error(ai_completions_t *u, const ai_str_t *body)
{
    u->failed = 1;

    return ai_decoder_error(&u->base, 0, body);
}


static ai_int_t
ai_completions_choices(ai_completions_t *u, ai_ref_t list)
{
    uint32_t    n;
    ai_ref_t    v;
    ai_json_t  *doc;

    doc = &u->base.doc;
    n = 0;

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_json_type(doc, v) == AI_JSON_OBJECT
            && (ai_completions_begin(u) != AI_OK
                || ai_completions_choice(u, v, n) != AI_OK))
        {
            return AI_ERROR;
        }

        n++;
    }

    if (n != 1) {
        u->text = AI_JSON_NONE;
    }

    return AI_OK;
}


static ai_int_t
ai_completions_begin(ai_completions_t *u)
{
    ai_event_t   ev;
    ai_json_t   *doc;

    if (u->base.started) {
        return AI_OK;
    }

    u->base.started = 1;
    doc = &u->base.doc;

    ai_completions_event(&ev, AI_EVENT_START, 0);

    ai_wire_start(doc, AI_JSON_ROOT,
                  ai_json_get(doc, AI_JSON_ROOT, "created"), &ev);

    return ai_completions_send(u, &ev);
}


/* nth is the place in the list, for answers that do not say */

static ai_int_t
ai_completions_choice(ai_completions_t *u, ai_ref_t v, uint32_t nth)
{
    int64_t     index;
    uint32_t    choice;
    ai_ref_t    text;
    ai_json_t  *doc;

    doc = &u->base.doc;

    if (ai_json_int(doc, ai_json_get(doc, v, "index"), &index) != AI_OK) {
        index = u->whole ? (int64_t) nth : 0;
    }

    if (index < 0 || index >= AI_COMPLETIONS_CHOICES) {
        return AI_ERROR;
    }

    choice = (uint32_t) index;

    if (ai_completions_room(u, choice) != AI_OK) {
        return AI_ERROR;
    }

    if (u->state[choice] == AI_COMPLETIONS_FINISHED) {
        return AI_OK;
    }

    if (u->state[choice] == 0) {
        u->state[choice] = AI_COMPLETIONS_SEEN;
        u->running++;
    }

    text = ai_json_get(doc, v, "text");

    if (ai_completions_text(u, choice, text) != AI_OK
        || ai_completions_reason(u, choice, v) != AI_OK)
    {
        return AI_ERROR;
    }

    /* a reason that is a string might be another one next time */

    if (ai_json_type(doc, text) == AI_JSON_STRING
        && ai_json_type(doc, ai_json_get(doc, v, "finish_reason"))
           != AI_JSON_STRING)
    {
        u->text = text;
        u->choice = choice;
    }

    return AI_OK;
}


static ai_int_t
ai_completions_room(ai_completions_t *u, uint32_t choice)
{
    uint8_t   *state;
    uint32_t   n;

    if (choice < u->nstate) {
        return AI_OK;
    }

    n = u->nstate ? u->nstate : AI_COMPLETIONS_FIRST;

    while (n <= choice) {
        n *= 2;
    }

    state = ai_pcalloc(u->base.pool, n);
    if (state == NULL) {
        return AI_ERROR;
    }

    if (u->nstate) {
        memcpy(state, u->state, u->nstate);
    }

    ai_pfree(u->base.pool, u->state);

    u->state = state;
    u->nstate = n;

    return AI_OK;
}


static ai_int_t
ai_completions_text(ai_completions_t *u, uint32_t choice, ai_ref_t v)
{
    ai_esc_t    text;
    ai_event_t  ev;

    text = ai_json_esc(&u->base.doc, v);

    if (text.len == 0 || u->state[choice] == AI_COMPLETIONS_FINISHED) {
        return AI_OK;
    }

    if (u->state[choice] != AI_COMPLETIONS_OPEN) {
        u->state[choice] = AI_COMPLETIONS_OPEN;

        ai_completions_event(&ev, AI_EVENT_BLOCK_START, choice);

        if (ai_completions_send(u, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_completions_event(&ev, AI_EVENT_DELTA, choice);
    ev.text = text;

    return ai_completions_send(u, &ev);
}


static ai_int_t
ai_completions_reason(ai_completions_t *u, uint32_t choice, ai_ref_t v)
{
    ai_esc_t      stop;
    ai_finish_e   finish;
    ai_json_t    *doc;

    doc = &u->base.doc;
    finish = ai_wire_finish(doc, ai_json_get(doc, v, "finish_reason"));

    if (finish == AI_FINISH_NONE) {
        return AI_OK;
    }

    /* vLLM names the string it stopped at */

    stop = ai_json_esc(doc, ai_json_get(doc, v, "stop_reason"));

    if (finish == AI_FINISH_STOP && stop.len) {
        finish = AI_FINISH_STOP_SEQ;
    }

    return ai_completions_finish(u, choice, finish, &stop);
}


static ai_int_t
ai_completions_close(ai_completions_t *u, uint32_t choice)
{
    ai_event_t  ev;

    if (u->state[choice] != AI_COMPLETIONS_OPEN) {
        return AI_OK;
    }

    u->state[choice] = AI_COMPLETIONS_SEEN;

    ai_completions_event(&ev, AI_EVENT_BLOCK_STOP, choice);

    return ai_completions_send(u, &ev);
}


static ai_int_t
ai_completions_finish(ai_completions_t *u, uint32_t choice,
    ai_finish_e finish, const ai_esc_t *stop)
{
    ai_event_t  ev;

    if (ai_completions_close(u, choice) != AI_OK) {
        return AI_ERROR;
    }

    u->state[choice] = AI_COMPLETIONS_FINISHED;
    u->running--;
    u->ended++;

    if (choice == 0) {
        u->base.finished = 1;
    }

    ai_completions_event(&ev, AI_EVENT_FINISH, choice);
    ev.finish = finish;

    if (finish == AI_FINISH_STOP_SEQ && stop && stop->len) {
        ev.stop_seq = *stop;
    }

    return ai_completions_send(u, &ev);
}


/* nothing more comes: what has no reason has ended as well */

static ai_int_t
ai_completions_finish_all(ai_completions_t *u)
{
    uint32_t  i;

    for (i = 0; i < u->nstate && u->running; i++) {

        if (u->state[i] != 0 && u->state[i] != AI_COMPLETIONS_FINISHED
            && ai_completions_finish(u, i, AI_FINISH_STOP, NULL) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_completions_usage(ai_completions_t *u)
{
    ai_event_t  ev;
    ai_usage_t  before;

    before = u->usage;

    if (!ai_wire_usage_any(u->base.provider, &u->base.doc, &u->usage)) {
        return AI_OK;
    }

    u->text = AI_JSON_NONE;

    if (ai_usage_eq(&before, &u->usage)) {
        return AI_OK;
    }

    ai_completions_event(&ev, AI_EVENT_USAGE, 0);
    ev.usage = &u->usage;

    return ai_completions_send(u, &ev);
}


static ai_int_t
ai_completions_send(ai_completions_t *u, ai_event_t *ev)
{
    if (ev->type == AI_EVENT_DELTA || ev->type == AI_EVENT_BLOCK_START) {
        u->base.content = 1;
    }

    return u->base.sink.event(u->base.sink.data, ev) == AI_OK ? AI_OK
                                                              : AI_ERROR;
}


/* all blocks are texts, and a choice has one */

static void
ai_completions_event(ai_event_t *ev, ai_event_e type, uint32_t choice)
{
    memset(ev, 0, sizeof(ai_event_t));

    ev->type = type;
    ev->choice = choice;

    if (type == AI_EVENT_BLOCK_START || type == AI_EVENT_DELTA
        || type == AI_EVENT_BLOCK_STOP)
    {
        ev->kind = AI_BLOCK_TEXT;
    }
}
