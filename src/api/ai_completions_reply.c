
#include <api/ai_completions_int.h>
#include <api/ai_openai_reply_int.h>
#include <api/ai_reply_int.h>


/*
 * A chunk is
 *
 *     head          choice  ,"text":"...  tail
 *     data: {..."index":  0              ","logprobs":null,"finish_reason":..
 *
 * and all but the middle is made once.
 */


#define AI_COMPLETIONS_INDEX  "{\"index\":"
#define AI_COMPLETIONS_TEXT   ",\"text\":\""
#define AI_COMPLETIONS_LOGS   "\",\"logprobs\":null,\"finish_reason\":"


typedef struct {
    ai_reply_choice_t         base;
    ai_buf_t                  text;     /* for a JSON answer only */
} ai_completions_choice_t;


typedef struct {
    ai_reply_conf_t           conf;
    ai_buf_t                 *out;
    const ai_pool_t          *pool;

    ai_esc_t                  id;
    ai_esc_t                  model;
    int64_t                   created;
    ai_usage_t                usage;

    ai_completions_choice_t  *choices;
    uint32_t                  nchoices;

    ai_buf_t                  head;     /* of a chunk, up to the index */
    ai_str_t                  end;      /* from the choice's brace on */

    unsigned                  started:1;
    unsigned                  failed:1;
    unsigned                  ended:1;
} ai_completions_reply_t;


static ai_int_t ai_completions_reply_one(ai_completions_reply_t *r,
    const ai_event_t *ev);
static ai_int_t ai_completions_reply_start(ai_completions_reply_t *r,
    const ai_event_t *ev);
static void ai_completions_reply_head(ai_completions_reply_t *r, ai_buf_t *b);
static void ai_completions_reply_text(ai_completions_reply_t *r,
    ai_completions_choice_t *ch, const ai_event_t *ev);
static void ai_completions_reply_finish(ai_completions_reply_t *r,
    ai_completions_choice_t *ch, const ai_event_t *ev);
static ai_int_t ai_completions_reply_error(ai_completions_reply_t *r,
    const ai_error_t *err);
static ai_str_t ai_completions_reason(ai_finish_e finish);
static ai_completions_choice_t *ai_completions_choice(
    ai_completions_reply_t *r, uint32_t n);
static void ai_completions_stream_end(ai_completions_reply_t *r);
static ai_int_t ai_completions_answer_end(ai_completions_reply_t *r);


void *
ai_completions_reply_create(const ai_reply_conf_t *conf, ai_buf_t *out,
    const ai_pool_t *pool)
{
    ai_buf_t                 id;
    ai_completions_reply_t  *r;

    r = ai_pcalloc(pool, sizeof(ai_completions_reply_t));
    if (r == NULL) {
        return NULL;
    }

    r->conf = *conf;
    r->out = out;
    r->pool = pool;

    ai_buf_init(&id, pool);
    ai_buf_lit(&id, "cmpl-");
    ai_buf_cat(&id, &conf->id);

    if (id.failed
        || ai_str_dup(pool, &r->conf.model, &conf->model) != AI_OK)
    {
        return NULL;
    }

    r->conf.id = ai_buf_str(&id);

    ai_usage_init(&r->usage);
    ai_buf_init(&r->head, pool);

    return r;
}


ai_int_t
ai_completions_reply_event(void *reply, const ai_event_t *ev)
{
    ai_completions_reply_t *r = reply;

    ai_int_t  rc;

    if (r->failed || r->ended) {
        return AI_OK;
    }

    rc = ai_completions_reply_one(r, ev);

    return r->out->failed ? AI_ERROR : rc;
}


static ai_int_t
ai_completions_reply_one(ai_completions_reply_t *r, const ai_event_t *ev)
{
    ai_int_t                  rc;
    ai_completions_choice_t  *ch;

    rc = ai_reply_common(ev, &r->usage);

    if (rc != AI_DECLINED) {
        return rc == AI_OK ? AI_OK : ai_completions_reply_error(r, ev->error);
    }

    if (!r->started && ai_completions_reply_start(r, ev) != AI_OK) {
        return AI_ERROR;
    }

    if (ev->type == AI_EVENT_START) {
        return AI_OK;
    }

    ch = ai_completions_choice(r, ev->choice);
    if (ch == NULL) {
        return AI_ERROR;
    }

    if (ch->base.finished) {
        return AI_OK;
    }

    if (ev->type == AI_EVENT_DELTA) {
        ai_completions_reply_text(r, ch, ev);
        return ch->text.failed ? AI_ERROR : AI_OK;
    }

    if (ev->type == AI_EVENT_FINISH) {
        ai_completions_reply_finish(r, ch, ev);
    }

    return AI_OK;
}


/* ev is the START, or whatever came without one */

static ai_int_t
ai_completions_reply_start(ai_completions_reply_t *r, const ai_event_t *ev)
{
    if (ai_reply_name(r->pool, &r->conf, ev, &r->id, &r->model, &r->created)
        != AI_OK)
    {
        return AI_ERROR;
    }

    r->started = 1;

    ai_buf_lit(&r->head, "data: ");
    ai_completions_reply_head(r, &r->head);
    ai_buf_lit(&r->head, AI_COMPLETIONS_INDEX);

    r->end = r->conf.include_usage ? ai_lit("}],\"usage\":null}\n\n")
                                   : ai_lit("}]}\n\n");

    return r->head.failed ? AI_ERROR : AI_OK;
}


static void
ai_completions_reply_head(ai_completions_reply_t *r, ai_buf_t *b)
{
    ai_buf_lit(b, "{\"id\":");
    ai_buf_quote_esc(b, &r->id);
    ai_buf_lit(b, ",\"object\":\"text_completion\",\"created\":");
    ai_buf_int(b, r->created);
    ai_buf_lit(b, ",\"model\":");
    ai_buf_quote_esc(b, &r->model);
    ai_buf_lit(b, ",\"choices\":[");
}


static void
ai_completions_reply_text(ai_completions_reply_t *r,
    ai_completions_choice_t *ch, const ai_event_t *ev)
{
    if (ev->delta != AI_DELTA_TEXT || ev->text.len == 0
        || (ev->kind != AI_BLOCK_TEXT && ev->kind != AI_BLOCK_REFUSAL))
    {
        return;
    }

    if (!r->conf.stream) {
        ai_buf_cat(&ch->text, &ev->text);
        return;
    }

    ai_buf_add(r->out, r->head.start, ai_buf_len(&r->head));
    ai_buf_int(r->out, ev->choice);
    ai_buf_lit(r->out, AI_COMPLETIONS_TEXT);
    ai_buf_cat(r->out, &ev->text);
    ai_buf_lit(r->out, AI_COMPLETIONS_LOGS "null");
    ai_buf_cat(r->out, &r->end);
}


static void
ai_completions_reply_finish(ai_completions_reply_t *r,
    ai_completions_choice_t *ch, const ai_event_t *ev)
{
    ai_str_t  reason;

    ch->base.finish = ev->finish;
    ch->base.finished = 1;

    if (!r->conf.stream) {
        return;
    }

    reason = ai_completions_reason(ev->finish);

    ai_buf_add(r->out, r->head.start, ai_buf_len(&r->head));
    ai_buf_int(r->out, ev->choice);
    ai_buf_lit(r->out, AI_COMPLETIONS_TEXT AI_COMPLETIONS_LOGS);
    ai_buf_quote(r->out, &reason);
    ai_buf_cat(r->out, &r->end);
}


/* there are no tools, so that nothing can end for one */

static ai_str_t
ai_completions_reason(ai_finish_e finish)
{
    return ai_finish_name(finish == AI_FINISH_TOOLS ? AI_FINISH_STOP : finish);
}


/* err may be NULL: the provider ended the answer as failed */

static ai_int_t
ai_completions_reply_error(ai_completions_reply_t *r, const ai_error_t *err)
{
    ai_error_t  invalid;

    r->failed = 1;

    if (!r->conf.stream) {
        return AI_ERROR;
    }

    err = ai_reply_error(err, &invalid);

    ai_openai_error_event(r->out, err);

    return AI_OK;
}


ai_int_t
ai_completions_reply_end(void *reply)
{
    ai_completions_reply_t *r = reply;

    if (r->ended) {
        return AI_OK;
    }

    if (r->failed) {
        return r->conf.stream ? AI_OK : AI_ERROR;
    }

    if (!ai_reply_complete(r->choices, r->nchoices,
                           sizeof(ai_completions_choice_t)))
    {
        return AI_ERROR;
    }

    r->ended = 1;

    ai_usage_normalise(&r->usage);

    if (!r->conf.stream) {
        return ai_completions_answer_end(r);
    }

    ai_completions_stream_end(r);

    return r->out->failed ? AI_ERROR : AI_OK;
}


static void
ai_completions_stream_end(ai_completions_reply_t *r)
{
    if (r->conf.include_usage) {
        ai_buf_add(r->out, r->head.start,
                   ai_buf_len(&r->head) - (sizeof(AI_COMPLETIONS_INDEX) - 1));
        ai_buf_lit(r->out, "],\"usage\":");
        ai_openai_usage(r->out, &r->usage);
        ai_buf_lit(r->out, "}\n\n");
    }

    ai_buf_lit(r->out, "data: [DONE]\n\n");
}


static ai_int_t
ai_completions_answer_end(ai_completions_reply_t *r)
{
    uint32_t                  i, n;
    ai_buf_t                 *b;
    ai_str_t                  reason;
    ai_completions_choice_t  *ch;

    b = r->out;
    n = 0;

    ai_completions_reply_head(r, b);

    for (i = 0; i < r->nchoices; i++) {
        ch = &r->choices[i];

        if (!ch->base.started) {
            continue;
        }

        if (n++) {
            ai_buf_char(b, ',');
        }

        reason = ai_completions_reason(ch->base.finish);

        ai_buf_lit(b, AI_COMPLETIONS_INDEX);
        ai_buf_int(b, i);
        ai_buf_lit(b, AI_COMPLETIONS_TEXT);
        ai_buf_add(b, ch->text.start, ai_buf_len(&ch->text));
        ai_buf_lit(b, AI_COMPLETIONS_LOGS);
        ai_buf_quote(b, &reason);
        ai_buf_char(b, '}');
    }

    ai_buf_lit(b, "],\"usage\":");
    ai_openai_usage(b, &r->usage);
    ai_buf_char(b, '}');

    return b->failed ? AI_ERROR : AI_OK;
}


static ai_completions_choice_t *
ai_completions_choice(ai_completions_reply_t *r, uint32_t n)
{
    uint32_t                  i, want;
    ai_completions_choice_t  *choices;

    if (n >= AI_OPENAI_CHOICES_MAX) {
        return NULL;
    }

    if (n >= r->nchoices) {
        want = ai_min(ai_max(n + 1, r->nchoices * 2), AI_OPENAI_CHOICES_MAX);

        choices = ai_reply_grow(r->pool, r->choices, r->nchoices, want,
                                sizeof(ai_completions_choice_t));
        if (choices == NULL) {
            return NULL;
        }

        for (i = r->nchoices; i < want; i++) {
            ai_buf_init(&choices[i].text, r->pool);
        }

        r->choices = choices;
        r->nchoices = want;
    }

    r->choices[n].base.started = 1;

    return &r->choices[n];
}
