
/*
 * What an attempt has used and what that costs.  The provider's report goes
 * first; what is missing in it, or not final because the answer broke off, is
 * counted here and flagged.
 */

#include <core/ngx_http_ai.h>


static ngx_uint_t ngx_http_ai_settle_is_due(ngx_http_ai_attempt_t *at);
static ngx_uint_t ngx_http_ai_settle_is_cut(const ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_settle_prompt(ngx_http_ai_attempt_t *at,
    ngx_uint_t may_wait);
static void ngx_http_ai_settle_completion(ngx_http_ai_attempt_t *at);
static int64_t ngx_http_ai_settle_output(ngx_http_ai_attempt_t *at,
    ngx_uint_t *exact);
static ngx_int_t ngx_http_ai_settle_answer(ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_settle_create(ngx_http_ai_attempt_t *at);
static ai_int_t ngx_http_ai_settle_event(void *data, const ai_event_t *ev);
static void ngx_http_ai_settle_source(ngx_http_ai_attempt_t *at,
    ngx_uint_t exact);
static void ngx_http_ai_settle_learn(ngx_http_ai_attempt_t *at);


ngx_int_t
ngx_http_ai_settle_begin(ngx_http_ai_attempt_t *at)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    if (!at->framed
        || (ctx->output_cap == 0 && !at->watched
            && !ngx_http_ai_main_conf(ctx->request)->count.usage))
    {
        return NGX_OK;
    }

    return ngx_http_ai_settle_create(at);
}


static ngx_int_t
ngx_http_ai_settle_create(ngx_http_ai_attempt_t *at)
{
    ai_str_t                     name;
    ngx_http_ai_ctx_t           *ctx;
    ngx_http_ai_count_output_t  *output;

    ctx = at->ctx;

    output = ai_palloc(&at->ai_pool, sizeof(ngx_http_ai_count_output_t));
    if (output == NULL) {
        return NGX_ERROR;
    }

    if (ctx->conf->count.mode == NGX_HTTP_AI_COUNT_ESTIMATE) {
        name = ai_str(&at->candidate->model);
        ai_token_model(&name, &output->model);

        output->tokenizer = NULL;
        output->model.factor = AI_FACTOR_ONE;
        output->model.exact = 0;

    } else {
        output->tokenizer = ngx_http_ai_count_model(ctx->request,
                                                    &at->candidate->model, 1,
                                                    &output->model);
        if (output->tokenizer == NULL) {
            return NGX_ERROR;
        }
    }

    ai_output_init(&output->output, &output->model, output->tokenizer,
                   &at->ai_pool);

    at->output = output;

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_settle(ngx_http_ai_attempt_t *at, ngx_uint_t may_wait)
{
    if (at->settled) {
        return NGX_OK;
    }

    if (at->state != NGX_HTTP_AI_AT_ENDED && at->watch.provider) {

        /* one that was cut off has not come to its end */

        ai_usage_merge(&at->usage, &at->watch.usage);
    }

    ai_usage_normalise(&at->usage);

    if (at->usage.prompt >= 0 || at->usage.completion >= 0) {
        at->source = NGX_HTTP_AI_SOURCE_PROVIDER;
    }

    if (ngx_http_ai_settle_is_due(at)) {

        if (at->usage.prompt == -1 && at->ctx->body.len
            && ngx_http_ai_settle_prompt(at, may_wait) == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }

        ngx_http_ai_settle_completion(at);
    }

    if (at->source == NGX_HTTP_AI_SOURCE_PROVIDER) {
        ngx_http_ai_settle_learn(at);
    }

    ngx_http_ai_price_attempt(at);

    at->settled = 1;

    return NGX_OK;
}


/* something was answered, or would have been, and somebody wants to know */

static ngx_uint_t
ngx_http_ai_settle_is_due(ngx_http_ai_attempt_t *at)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    /* ranks are billed by the search, counts not at all */

    if (at->stopped) {
        return 1;
    }

    return (at->content || at->complete || ngx_http_ai_settle_is_cut(at))
           && (ctx->op == NGX_HTTP_AI_OP_CHAT
               || (ctx->op == NGX_HTTP_AI_OP_CALL
                   && ctx->dialect->form->kind == AI_CALL_EMBED))
           && ngx_http_ai_main_conf(ctx->request)->count.usage;
}


/*
 * A provider that was at work was left.  It bills the prompt, and what it had
 * written until it noticed.
 */

static ngx_uint_t
ngx_http_ai_settle_is_cut(const ngx_http_ai_attempt_t *at)
{
    return at->cancelled && at->reached
           && !at->complete && !at->terminal && !at->failure
           && (at->status == 0 || (at->status >= 200 && at->status < 300));
}


static ngx_int_t
ngx_http_ai_settle_prompt(ngx_http_ai_attempt_t *at, ngx_uint_t may_wait)
{
    int64_t             tokens;
    ngx_int_t           rc;
    ngx_uint_t          exact;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;
    rc = NGX_DECLINED;
    tokens = 0;
    exact = 0;

    if (ctx->conf->count.mode != NGX_HTTP_AI_COUNT_ESTIMATE) {
        rc = ngx_http_ai_count_prompt(ctx->request, ctx,
                                      &at->candidate->model, may_wait,
                                      &tokens, &exact);
        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }

    if (rc != NGX_OK) {
        tokens = ctx->prompt_est;
        exact = 0;
    }

    at->usage.prompt = ngx_max(tokens, 1);
    at->usage.total = -1;
    at->guessed_prompt = 1;

    ngx_http_ai_settle_source(at, exact);

    return NGX_OK;
}


/*
 * A stream that broke off may have reported what it had used at its start:
 * then the larger number is nearer to the truth.
 */

static void
ngx_http_ai_settle_completion(ngx_http_ai_attempt_t *at)
{
    int64_t     tokens;
    ngx_uint_t  exact;

    if (at->ctx->op == NGX_HTTP_AI_OP_CHAT
        && (at->usage.completion == -1 || !at->complete || at->stopped))
    {
        tokens = ngx_http_ai_settle_output(at, &exact);

        if (tokens > at->usage.completion) {
            at->usage.completion = tokens;
            at->usage.total = -1;
            at->guessed_completion = 1;

            ngx_http_ai_settle_source(at, exact);
        }
    }

    if (at->usage.total == -1) {
        ai_usage_normalise(&at->usage);
    }
}


static int64_t
ngx_http_ai_settle_output(ngx_http_ai_attempt_t *at, ngx_uint_t *exact)
{
    int64_t     tokens;
    ngx_uint_t  cut;

    cut = ngx_http_ai_settle_is_cut(at);

    if (cut && !at->framed) {

        /* nothing of it is known, and nothing is billed */

        *exact = 1;
        return 0;
    }

    *exact = 0;

    if (at->output == NULL && ngx_http_ai_settle_answer(at) != NGX_OK) {
        return 0;
    }

    *exact = at->output->model.exact;

    tokens = ai_output_tokens(&at->output->output);

    if (!cut) {
        return tokens;
    }

    /* one event more was on its way: as large as those before, on average */

    return tokens + ngx_max(tokens / ngx_max(at->pieces, 1), 1);
}


/* an answer in one piece is decoded once more, for its text */

static ngx_int_t
ngx_http_ai_settle_answer(ngx_http_ai_attempt_t *at)
{
    ai_str_t       body;
    ai_sink_t      sink;
    ai_decoder_t  *decoder;

    if (at->framed || ngx_http_ai_settle_create(at) != NGX_OK) {
        return NGX_DECLINED;
    }

    sink.event = ngx_http_ai_settle_event;
    sink.data = at;

    decoder = ai_decoder_create(at->api, &at->ai_pool, &sink);
    if (decoder == NULL) {
        return NGX_DECLINED;
    }

    decoder->rq = at->ctx->rq;

    body = ai_buf_str(&at->whole);
    (void) at->api->answer(decoder, &body);

    return NGX_OK;
}


static ai_int_t
ngx_http_ai_settle_event(void *data, const ai_event_t *ev)
{
    ngx_http_ai_attempt_t  *at = data;

    ai_output_event(&at->output->output, ev);

    return AI_OK;
}


/* the least certain of what was put together */

static void
ngx_http_ai_settle_source(ngx_http_ai_attempt_t *at, ngx_uint_t exact)
{
    ngx_http_ai_source_e  source;

    source = exact ? NGX_HTTP_AI_SOURCE_TOKENIZER
                   : NGX_HTTP_AI_SOURCE_ESTIMATE;

    at->source = ngx_max(at->source, source);
}


/* how far our count was from the provider's, where we had made one */

static void
ngx_http_ai_settle_learn(ngx_http_ai_attempt_t *at)
{
    int64_t               texts;
    ai_output_t          *output;
    ngx_str_t            *model;
    ai_token_model_t      m;
    ngx_http_ai_count_t  *count;

    count = at->ctx->count;
    model = &at->candidate->model;

    /* it may have been counted for another model, that the client named */

    if (count && count->tokens > 0 && count->walk.rq
        && ngx_http_ai_count_model(at->ctx->request, model, 0, &m)
           == count->tokenizer
        && !m.exact)
    {
        texts = ai_counter_tokens(&count->walk.counter);

        /* the factor is that of texts alone; where most is tools and images
         * it would learn what is wrong with those */

        if (texts >= count->walk.overhead) {
            ngx_http_ai_count_learn(at->ctx->request, model, 0, texts,
                                    at->usage.prompt - count->walk.overhead);
        }
    }

    if (at->output == NULL || at->output->model.exact
        || at->usage.reasoning > 0)
    {
        return;
    }

    /* short ones were not counted, and are not for this */

    output = &at->output->output;

    if (output->counter.tokens > 0) {
        ngx_http_ai_count_learn(at->ctx->request, model, 1,
                                ai_counter_tokens(&output->counter),
                                at->usage.completion - output->overhead);
    }
}
