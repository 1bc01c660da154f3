
/*
 * A stream that ends here and not at the provider: what was reserved for it is
 * used, and there is no more.
 */

#include <core/ngx_http_ai.h>


static ngx_uint_t ngx_http_ai_stop_reached(ngx_http_ai_attempt_t *at,
    int64_t cap);
static void ngx_http_ai_stop_watched(ngx_http_ai_attempt_t *at);


ngx_int_t
ngx_http_ai_stop_begin(ngx_http_ai_attempt_t *at)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    if (ctx->output_cap && ngx_http_ai_is_chat(ctx) && at->request) {
        at->watched = 1;
    }

    if (!at->watched) {
        return NGX_OK;
    }

    at->stop = ai_palloc(&at->ai_pool, sizeof(ai_stop_t));

    if (at->stop == NULL
        || ai_stop_init(at->stop, ctx->dialect, !at->translate, &at->ai_pool)
           != AI_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_stop_check(ngx_http_ai_attempt_t *at)
{
    int64_t             cap;
    ngx_int_t           rc;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    if (ctx->output_cap == 0 || at->output == NULL || at->terminal) {
        return NGX_OK;
    }

    while (ctx->output_cap && ngx_http_ai_stop_reached(at, ctx->output_cap)) {

        ngx_http_ai_stop_watched(at);

        /* all that is to come is the usage */

        if (!ai_stop_is_open(at->stop)) {
            return NGX_OK;
        }

        cap = ctx->output_cap;

        if (ctx->more && ctx->more(ctx, at) == NGX_OK
            && (ctx->output_cap == 0 || ctx->output_cap > cap))
        {
            continue;
        }

        rc = ngx_http_ai_stop(at);

        return rc == NGX_DECLINED ? NGX_OK : rc;
    }

    return NGX_OK;
}


/* some report as they go, thoughts that nobody sees among it */

static ngx_uint_t
ngx_http_ai_stop_reached(ngx_http_ai_attempt_t *at, int64_t cap)
{
    int64_t  reported;

    reported = at->decoder ? at->usage.completion
                           : at->watch.usage.completion;

    return reported >= cap || ai_output_reaches(&at->output->output, cap);
}


/* OpenAI's chat that goes through has a watch, and no events */

static void
ngx_http_ai_stop_watched(ngx_http_ai_attempt_t *at)
{
    ai_stop_t   *stop;
    ai_watch_t  *w;

    if (at->decoder) {
        return;
    }

    stop = at->stop;
    w = &at->watch;

    stop->id = w->name;
    stop->model = w->model;
    stop->created = w->created;

    ngx_memcpy(stop->seen, w->seen, sizeof(stop->seen));
    ngx_memcpy(stop->ended, w->ended, sizeof(stop->ended));
}


ngx_int_t
ngx_http_ai_stop(ngx_http_ai_attempt_t *at)
{
    ai_int_t         rc;
    ai_reply_conf_t  conf;

    if (at->stop == NULL || at->terminal || at->complete || at->failure
        || at->state != NGX_HTTP_AI_AT_RUNNING || at->request == NULL)
    {
        return NGX_DECLINED;
    }

    at->stopped = 1;

    ngx_http_ai_stop_watched(at);

    if (at->decoder == NULL) {
        at->response_id = at->watch.id;
    }

    /* what is told is what is billed */

    (void) ngx_http_ai_settle(at, 0);

    if (at->reply) {
        rc = ai_stop_reply(at->stop, at->reply, &at->usage);

    } else if (ngx_http_ai_reply_conf(at, &conf) == NGX_OK) {
        rc = ai_stop_pass(at->stop, &conf, &at->usage, &at->out);

    } else {
        rc = AI_ERROR;
    }

    if (rc != AI_OK || at->out.failed) {
        at->stopped = 0;
        ngx_http_ai_attempt_fail(at, AI_ERR_SERVER, NGX_HTTP_AI_NEXT_NEVER);
        return NGX_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, at->ctx->request->connection->log, 0,
                   "ai: stream ended after %L tokens", at->usage.completion);

    at->finish = AI_FINISH_BUDGET;
    at->terminal = 1;
    at->complete = 1;

    if (at->timer.timer_set) {
        ngx_del_timer(&at->timer);
    }

    /* as one that lingers too long; a stream of which no content was seen is
     * no longer one that somebody else could answer */

    at->expired = 1;
    at->content |= at->stream;

    ngx_http_ai_post(at->ctx);

    return NGX_OK;
}
