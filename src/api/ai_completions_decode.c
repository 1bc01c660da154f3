
#include <api/ai_completions_int.h>
#include <api/ai_decode_int.h>


/* what OpenAI makes of a request that does not say */
#define AI_COMPLETIONS_OUTPUT  16


static ai_int_t ai_completions_read_suffix(ai_decode_t *d,
    const ai_field_t *f, ai_ref_t v);
static ai_int_t ai_completions_read_echo(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_completions_read_best(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_completions_read_logprobs(ai_decode_t *d,
    const ai_field_t *f, ai_ref_t v);
static ai_int_t ai_completions_read_limit(ai_decode_t *d,
    const ai_field_t *f, ai_ref_t v);
static ai_int_t ai_completions_read_n(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);
static ai_int_t ai_completions_read_prompt(ai_decode_t *d,
    const ai_field_t *f, ai_ref_t v);
static ai_int_t ai_completions_refuse(ai_decode_t *d, const ai_field_t *f);


static const ai_field_t  ai_completions_fields[] = {

    AI_FIELD_DO("model", NULL),
    AI_FIELD_DO("stream", NULL),
    AI_FIELD_DO("stream_options", NULL),

    AI_FIELD_DO("prompt", ai_completions_read_prompt),
    AI_FIELD_DO("suffix", ai_completions_read_suffix),
    AI_FIELD_DO("echo", ai_completions_read_echo),
    AI_FIELD_DO("best_of", ai_completions_read_best),
    AI_FIELD_DO("logprobs", ai_completions_read_logprobs),
    AI_FIELD_DO("max_tokens", ai_completions_read_limit),
    AI_FIELD_DO("n", ai_completions_read_n),

    AI_FIELD("temperature", ai_decode_number, temperature),
    AI_FIELD("top_p", ai_decode_number, top_p),
    AI_FIELD("top_k", ai_decode_whole, top_k),
    AI_FIELD("seed", ai_decode_whole, seed),
    AI_FIELD("presence_penalty", ai_decode_number, presence),
    AI_FIELD("frequency_penalty", ai_decode_number, frequency),
    AI_FIELD("logit_bias", ai_decode_object, logit_bias),
    AI_FIELD("metadata", ai_decode_object, metadata),
    AI_FIELD("service_tier", ai_decode_esc, tier),

    AI_FIELD_DO("stop", ai_decode_stop),
    AI_FIELD_DO("user", ai_decode_user),
    AI_FIELD_DO("safety_identifier", ai_decode_user),

    AI_FIELD_END
};


ai_int_t
ai_completions_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_decode_t  d;

    ai_request_init(rq);

    rq->model = peek->model;
    rq->stream = peek->stream;
    rq->include_usage = peek->include_usage;
    rq->max_output = AI_COMPLETIONS_OUTPUT;

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = rq;
    d.dropped = dropped;
    d.own = NULL;

    return ai_decode_root(&d, ai_completions_fields);
}


static ai_int_t
ai_completions_read_suffix(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_esc_t  suffix;

    if (ai_openai_esc(&d->c, NULL, "suffix", v, &suffix) != AI_OK) {
        return AI_ERROR;
    }

    return suffix.len ? ai_completions_refuse(d, f) : AI_OK;
}


static ai_int_t
ai_completions_read_echo(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    int  echo;

    echo = 0;

    if (ai_openai_flag(&d->c, NULL, "echo", v, &echo) != AI_OK) {
        return AI_ERROR;
    }

    return echo ? ai_completions_refuse(d, f) : AI_OK;
}


/* as many as are returned is no choice among them */

static ai_int_t
ai_completions_read_best(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    int64_t  best, n;

    best = 1;
    n = 1;

    if (ai_openai_integer(&d->c, NULL, "best_of", v, 1, INT32_MAX, &best)
        != AI_OK)
    {
        return AI_ERROR;
    }

    v = ai_json_get(d->c.doc, AI_JSON_ROOT, "n");

    if (!ai_json_is_null(d->c.doc, v)
        && ai_openai_integer(&d->c, NULL, "n", v, 1, INT32_MAX, &n) != AI_OK)
    {
        return AI_ERROR;
    }

    return best == n ? AI_OK : ai_completions_refuse(d, f);
}


static ai_int_t
ai_completions_read_logprobs(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    int64_t  n;

    if (ai_json_bool(d->c.doc, v) == 0) {
        return AI_OK;
    }

    if (ai_openai_integer(&d->c, NULL, "logprobs", v, 0, INT32_MAX, &n)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_completions_refuse(d, f);
}


static ai_int_t
ai_completions_read_limit(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    if (ai_openai_integer(&d->c, NULL, "max_tokens", v, 0, INT32_MAX,
                          &d->rq->max_output)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return d->rq->max_output ? AI_OK : ai_completions_refuse(d, f);
}


static ai_int_t
ai_completions_read_n(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    return ai_openai_integer(&d->c, NULL, ai_field_name(f), v, 1, INT32_MAX,
                             &d->rq->n);
}


static ai_int_t
ai_completions_read_prompt(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_turn_t        *turn;
    ai_block_t       *b, **tail;
    const ai_json_t  *doc;

    doc = d->c.doc;

    if (ai_json_type(doc, v) == AI_JSON_ARRAY && doc->node[v].count == 1) {
        v = ai_json_first(doc, v);
    }

    if (ai_json_type(doc, v) != AI_JSON_STRING) {
        return ai_openai_unsupported(&d->c, NULL, ai_field_name(f),
                         " must be one text to be carried to this model.");
    }

    turn = ai_pcalloc(d->c.pool, sizeof(ai_turn_t));
    if (turn == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    turn->role = AI_ROLE_USER;
    tail = &turn->blocks;

    b = ai_block_add(d->c.pool, &tail, AI_BLOCK_TEXT);
    if (b == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    b->text = ai_json_esc(doc, v);

    d->rq->turns = turn;

    return AI_OK;
}


static ai_int_t
ai_completions_refuse(ai_decode_t *d, const ai_field_t *f)
{
    return ai_openai_unsupported(&d->c, NULL, ai_field_name(f),
                                 " cannot be carried to this model.");
}
