
/*
 * The state machine of a request that goes to providers.
 *
 *     run:  no attempt ------ launch the next candidate, or answer an error
 *           attempt runs ---- nothing to say yet: wait for its post
 *           it committed ---- hand its bytes to the client, pause it when
 *                             the client is slower
 *           it failed ------- before commit: next; after: it has written
 *                             the error event itself, end the answer
 *     the client has left ----- core/drain
 *
 * It is entered by write events of the client and by posts of attempts, and
 * it is the only place that decides and writes.
 */

#include <core/ngx_http_ai.h>

#include <time.h>


static ngx_uint_t ngx_http_ai_run_is_lost(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_int_t ngx_http_ai_run_step(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_run_launch(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_run_failed(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_run_refused(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at);
static ngx_uint_t ngx_http_ai_run_cannot_count(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at);
static ngx_uint_t ngx_http_ai_run_own_words(ngx_http_ai_ctx_t *ctx);
static ngx_uint_t ngx_http_ai_run_may_go_on(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_run_header(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_run_output(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_run_wait(ngx_http_request_t *r);
static ngx_int_t ngx_http_ai_run_delay(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_run_delayed(ngx_event_t *ev);
static void ngx_http_ai_run_delay_cleanup(void *data);


uint64_t
ngx_http_ai_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
ngx_http_ai_enter(ngx_http_ai_ctx_t *ctx)
{
    if (ctx->depth++ == 0) {
        ctx->entered = ngx_http_ai_now();
    }
}


void
ngx_http_ai_leave(ngx_http_ai_ctx_t *ctx)
{
    if (--ctx->depth == 0) {
        ctx->spent += ngx_http_ai_now() - ctx->entered;
    }
}


/*
 * The struct is the context's own: nginx would take a new one from the pool
 * for every event of a stream.
 */

void
ngx_http_ai_post(ngx_http_ai_ctx_t *ctx)
{
    if (ctx->is_posted) {
        return;
    }

    ctx->is_posted = 1;

    (void) ngx_http_post_request(ctx->request, &ctx->posted);
}


void
ngx_http_ai_run(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);
    ctx->is_posted = 0;

    ngx_http_ai_enter(ctx);

    rc = ctx->gone ? ngx_http_ai_drain_step(r, ctx)
                   : ngx_http_ai_run_step(r, ctx);

    if (!ctx->gone && ngx_http_ai_run_is_lost(r, rc)) {
        ngx_http_ai_drain_begin(r, ctx);
        rc = ngx_http_ai_drain_step(r, ctx);
    }

    ngx_http_ai_leave(ctx);

    if (r->connection->write->delayed
        && ngx_http_ai_run_delay(r, ctx) != NGX_OK)
    {
        rc = NGX_ERROR;
    }

    if (rc != NGX_DONE) {
        ctx->end = ngx_http_ai_now();
        r->read_event_handler = ngx_http_test_reading;

        /* not at the end of the connection: it may linger */

        ngx_http_ai_spend_request(ctx);
        ngx_http_finalize_request(r, rc);
    }
}


/* it was the client that a write has failed for */

static ngx_uint_t
ngx_http_ai_run_is_lost(ngx_http_request_t *r, ngx_int_t rc)
{
    return (rc == NGX_ERROR && r->connection->error)
           || (rc == NGX_HTTP_REQUEST_TIME_OUT && r->connection->timedout);
}


/* NGX_DONE: to be continued; else what to finalize the request with */

static ngx_int_t
ngx_http_ai_run_step(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_http_ai_attempt_t  *at;

    if (r->connection->write->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "ai: client timed out while reading its answer");
        r->connection->timedout = 1;
        return NGX_HTTP_REQUEST_TIME_OUT;
    }

    for ( ;; ) {

        at = ctx->attempt;

        if (at == NULL) {
            return ngx_http_ai_run_launch(r, ctx);
        }

        if (at->state != NGX_HTTP_AI_AT_ENDED
            && (at->expired || (at->failure && !at->content)))
        {
            ngx_http_ai_attempt_cancel(at);
        }

        if (at->content || at->complete) {

            if (at->state == NGX_HTTP_AI_AT_ENDED
                && ngx_http_ai_settle(at, 1) == NGX_AGAIN)
            {
                return NGX_DONE;
            }

            if (!ctx->header_sent) {
                rc = ngx_http_ai_run_header(r, ctx, at);

                if (rc != NGX_OK) {
                    return rc;
                }
            }

            return ngx_http_ai_run_output(r, ctx, at);
        }

        if (at->state != NGX_HTTP_AI_AT_ENDED) {
            return NGX_DONE;
        }

        rc = ngx_http_ai_run_failed(r, ctx, at);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }
}


static ngx_int_t
ngx_http_ai_run_launch(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    int64_t                   min_context;
    ngx_int_t                 rc;
    ai_error_t                failed;
    ngx_http_ai_candidate_t  *candidate;

    if (ngx_http_ai_share_is_waiting(ctx)) {
        return NGX_DONE;
    }

    if (ctx->nattempts == 0 && ngx_http_ai_run_cannot_count(ctx, NULL)) {
        rc = ngx_http_ai_call_count_known(r, ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    min_context = 0;
    failed = ctx->error;

    if (ctx->error.kind == AI_ERR_CONTEXT_LENGTH && ctx->attempts) {
        min_context = ctx->min_context;
    }

    for ( ;; ) {

        candidate = ctx->parked ? ctx->parked
                                : ngx_http_ai_route_next(r, ctx, min_context);
        ctx->parked = NULL;

        if (candidate == NULL) {

            if (ngx_http_ai_run_cannot_count(ctx, NULL)) {
                return ngx_http_ai_call_count(r, ctx);
            }

            /* that a provider failed says more than that others could not
             * take its place */

            if (ctx->nattempts) {
                ctx->error = failed;
            }

            if (ctx->error.kind == AI_ERR_NONE) {
                ai_error_set(&ctx->error, AI_ERR_NO_TARGET, NULL);
            }

            return ngx_http_ai_error_send(r, &ctx->error);
        }

        rc = ngx_http_ai_limit_admit(r, ctx, candidate);

        if (rc == NGX_BUSY) {
            ctx->parked = candidate;
            ctx->error = ctx->nattempts ? failed : ctx->error;
            return NGX_DONE;
        }

        if (rc == NGX_DONE) {

            /* to another route */

            rc = ngx_http_ai_route_plan(r, ctx);

            if (rc == NGX_OK) {
                rc = NGX_AGAIN;
            }
        }

        if (rc == NGX_AGAIN) {
            continue;
        }

        if (rc == NGX_DECLINED) {
            ctx->error = ctx->nattempts ? failed : ctx->error;
            return ngx_http_ai_error_send(r, &ctx->error);
        }

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        rc = ngx_http_ai_attempt_launch(ctx, candidate);

        if (rc == NGX_OK) {
            return NGX_DONE;
        }

        if (rc != NGX_DECLINED) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: provider \"%V\" cannot take this request, "
                      "field \"%*s\"", &candidate->provider->name,
                      ctx->error.param.len, ctx->error.param.data);
    }
}


/* NGX_DECLINED: the next one may try; else the error was answered */

static ngx_int_t
ngx_http_ai_run_failed(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at)
{
    ngx_str_t  reason;

    reason = ngx_http_ai_run_reason(at->failure);

    (void) ngx_http_ai_settle(at, 0);

    ctx->error = at->error;
    ctx->attempt = NULL;

    if (!ngx_http_ai_run_may_go_on(ctx, at)) {

        if (ngx_http_ai_run_cannot_count(ctx, at)) {
            return ngx_http_ai_call_count(r, ctx);
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "ai: provider \"%V\" failed: %V (status %ui)",
                      &at->provider->name, &reason, at->status);

        ctx->attempt = at;

        return ngx_http_ai_run_refused(r, ctx, at);
    }

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "ai: provider \"%V\" failed: %V (status %ui), trying the "
                  "next target", &at->provider->name, &reason, at->status);

    ctx->fallback_reason = reason;
    ctx->min_context = ngx_max(at->candidate->context, ctx->prompt_est);

    return NGX_DECLINED;
}


/*
 * The last word.  Clients of a provider's own API know its errors by their
 * wording: they get them as they are, but for those about our key, and those
 * of a cloud, which name the account.
 */

static ngx_int_t
ngx_http_ai_run_refused(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at)
{
    ngx_str_t  json;

    if (at->translate
        || !ngx_http_ai_run_own_words(ctx)
        || at->provider->credential
        || at->status < 400
        || at->error.kind == AI_ERR_UPSTREAM_AUTH
        || ai_buf_len(&at->whole) == 0
        || ai_buf_len(&at->whole) >= NGX_HTTP_AI_ERROR_MAX
        || at->whole.start[0] != '{')
    {
        return ngx_http_ai_error_send(r, &ctx->error);
    }

    json.data = at->whole.start;
    json.len = ai_buf_len(&at->whole);

    return ngx_http_ai_error_pass(r, at->status, &ctx->error, &json);
}


/* a provider that has no such path, or none that counts: what we know
 * ourselves is the answer */

static ngx_uint_t
ngx_http_ai_run_cannot_count(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at)
{
    if (ctx->op != NGX_HTTP_AI_OP_CALL
        || ctx->dialect->form->kind != AI_CALL_COUNT)
    {
        return 0;
    }

    if (at == NULL) {
        return ctx->nattempts == 0;
    }

    return at->error.kind == AI_ERR_NOT_FOUND
           || at->status == 404 || at->status == 405 || at->status == 501;
}


/* errors of OpenAI's shape are written by many hosts, each in its own way */

static ngx_uint_t
ngx_http_ai_run_own_words(ngx_http_ai_ctx_t *ctx)
{
    if (ctx->passthrough) {
        return 1;
    }

    switch (ctx->dialect->family) {

    case AI_FAMILY_OPENAI:
    case AI_FAMILY_RESPONSES:
    case AI_FAMILY_COMPLETIONS:
        return 0;

    default:
        return 1;
    }
}


static ngx_uint_t
ngx_http_ai_run_may_go_on(ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at)
{
    ngx_uint_t                          i, mask, tries;
    ngx_msec_t                          timeout;
    const ngx_http_ai_route_t          *route;
    const ngx_http_ai_pass_loc_conf_t  *conf;

    route = ctx->route;
    conf = &ctx->conf->pass;

    mask = route->next_upstream ? route->next_upstream : conf->next_upstream;
    tries = route->next_upstream_tries != NGX_CONF_UNSET_UINT
            ? route->next_upstream_tries : conf->next_upstream_tries;
    timeout = route->next_upstream_timeout != NGX_CONF_UNSET_MSEC
              ? route->next_upstream_timeout : conf->next_upstream_timeout;

    if (ctx->modelless
        || (mask & NGX_HTTP_AI_NEXT_OFF)
        || !(mask & at->failure))
    {
        return 0;
    }

    if (tries && ctx->nattempts >= tries) {
        return 0;
    }

    if (timeout
        && ngx_http_ai_now() - ctx->attempts->start
           >= (uint64_t) timeout * 1000)
    {
        return 0;
    }

    for (i = 0; i < ctx->ncandidates; i++) {
        if (!ctx->candidates[i].tried) {
            return 1;
        }
    }

    return 0;
}


ngx_str_t
ngx_http_ai_run_reason(ngx_uint_t failure)
{
    ngx_uint_t  i;

    static struct {
        ngx_uint_t  bit;
        ngx_str_t   word;
    } reasons[] = {
        { NGX_HTTP_AI_NEXT_FIRST_TOKEN, ngx_string("first_token_timeout") },
        { NGX_HTTP_AI_NEXT_TIMEOUT, ngx_string("timeout") },
        { NGX_HTTP_AI_NEXT_INVALID, ngx_string("invalid_response") },
        { NGX_HTTP_AI_NEXT_CONTEXT, ngx_string("context_length") },
        { NGX_HTTP_AI_NEXT_FILTER, ngx_string("content_filter") },
        { NGX_HTTP_AI_NEXT_AUTH, ngx_string("auth") },
        { NGX_HTTP_AI_NEXT_QUOTA, ngx_string("quota") },
        { NGX_HTTP_AI_NEXT_HTTP_403, ngx_string("http_403") },
        { NGX_HTTP_AI_NEXT_HTTP_404, ngx_string("http_404") },
        { NGX_HTTP_AI_NEXT_HTTP_408, ngx_string("http_408") },
        { NGX_HTTP_AI_NEXT_HTTP_429, ngx_string("http_429") },
        { NGX_HTTP_AI_NEXT_HTTP_500, ngx_string("http_500") },
        { NGX_HTTP_AI_NEXT_HTTP_502, ngx_string("http_502") },
        { NGX_HTTP_AI_NEXT_HTTP_503, ngx_string("http_503") },
        { NGX_HTTP_AI_NEXT_HTTP_504, ngx_string("http_504") },
        { NGX_HTTP_AI_NEXT_HTTP_529, ngx_string("http_529") },
        { NGX_HTTP_AI_NEXT_HTTP_5XX, ngx_string("http_5xx") },
        { NGX_HTTP_AI_NEXT_ERROR, ngx_string("error") },
        { 0, ngx_string("refused") }
    };

    for (i = 0; reasons[i].bit && !(failure & reasons[i].bit); i++) {
        /* void */
    }

    return reasons[i].word;
}


/* the attempt has committed: its answer is the client's answer */

static ngx_int_t
ngx_http_ai_run_header(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at)
{
    ai_str_t          type;
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    static ngx_str_t  cache_control = ngx_string("Cache-Control");
    static ngx_str_t  no_cache = ngx_string("no-cache");

    ctx->winner = at;
    ctx->header_sent = 1;
    ctx->answered = 1;
    ai_error_set(&ctx->error, AI_ERR_NONE, NULL);

    r->headers_out.status = NGX_HTTP_OK;

    type = ai_lit("application/json");

    if (at->flow) {
        r->headers_out.status = at->status;
        r->headers_out.content_length_n = at->length;
        type = ai_str(&at->type);

    } else if (at->stream) {

        if (!ctx->array) {
            type = ctx->dialect->stream_type;
        }

        r->headers_out.content_length_n = -1;

        if (ngx_http_ai_header_add(r, &cache_control, &no_cache) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

    } else {
        r->headers_out.content_length_n = ai_buf_len(&at->out);
    }

    ngx_http_ai_content_type(r, ngx_http_ai_str(&type));

    h = at->pass.elts;

    for (i = 0; i < at->pass.nelts; i++) {
        if (ngx_http_ai_header_add(r, &h[i].key, &h[i].value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ngx_http_ai_headers_add(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc == NGX_OK ? NGX_DONE : rc;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_run_output(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at)
{
    ai_buf_t     swap;
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_uint_t   last;

    b = &ctx->buf;
    last = 0;

    for ( ;; ) {

        if (ctx->busy) {
            rc = ngx_http_output_filter(r, NULL);

        } else {

            if (at->out.failed) {
                return NGX_ERROR;
            }

            if (ai_buf_len(&at->out) == 0
                && at->state != NGX_HTTP_AI_AT_ENDED)
            {
                break;
            }

            /* what is evaluated with the last buffer finds final numbers */

            if (at->state == NGX_HTTP_AI_AT_ENDED
                && ngx_http_ai_settle(at, 1) == NGX_AGAIN)
            {
                break;
            }

            swap = at->sent;
            at->sent = at->out;
            at->out = swap;
            ai_buf_reset(&at->out);

            ngx_memzero(b, sizeof(ngx_buf_t));

            b->start = at->sent.start;
            b->pos = at->sent.start;
            b->last = at->sent.last;
            b->end = at->sent.end;
            b->temporary = (b->pos != b->last);
            b->tag = (ngx_buf_tag_t) &ngx_http_ai_gateway_module;

            /* filters clear flags of a buffer: ours to remember */

            last = (at->state == NGX_HTTP_AI_AT_ENDED);

            /* bytes that have no end of their own must not seem to have it */

            if (last && at->flow && !at->complete) {
                return NGX_ERROR;
            }

            b->last_buf = last;
            b->last_in_chain = last;
            b->flush = !last;

            /* who has the end of an answer finds it in the books */

            if (last) {
                ngx_http_ai_spend_request(ctx);
            }

            ctx->chain.buf = b;
            ctx->chain.next = NULL;
            ctx->busy = 1;

            rc = ngx_http_output_filter(r, &ctx->chain);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (last) {

            /* the rest is nginx's: its own writer sends what is left */

            return rc;
        }

        if (b->pos != b->last) {
            return ngx_http_ai_run_wait(r);
        }

        ctx->busy = 0;

        if (at->paused) {
            ngx_http_ai_attempt_resume(at);
        }
    }

    if (r->connection->write->timer_set && !r->connection->write->delayed) {
        ngx_del_timer(r->connection->write);
    }

    return NGX_DONE;
}


/* the client is slower than the provider */

static ngx_int_t
ngx_http_ai_run_wait(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_DONE;
}


/*
 * "limit_rate" holds the client's write event back by a timer, which core
 * deletes when it reads from the provider on the same connection's behalf:
 * one of our own stands in.
 */

static ngx_int_t
ngx_http_ai_run_delay(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_event_t         *wev;
    ngx_msec_int_t       left;
    ngx_pool_cleanup_t  *cln;

    if (ctx->delay.timer_set) {
        return NGX_OK;
    }

    if (ctx->delay.handler == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_ai_run_delay_cleanup;
        cln->data = ctx;

        ctx->delay.handler = ngx_http_ai_run_delayed;
        ctx->delay.data = ctx;
        ctx->delay.log = r->connection->log;
    }

    wev = r->connection->write;
    left = 1;

    if (wev->timer_set) {
        left = (ngx_msec_int_t) (wev->timer.key - ngx_current_msec);
    }

    ngx_add_timer(&ctx->delay, (ngx_msec_t) ngx_max(left, 1));

    return NGX_OK;
}


static void
ngx_http_ai_run_delayed(ngx_event_t *ev)
{
    ngx_event_t         *wev;
    ngx_connection_t    *c;
    ngx_http_ai_ctx_t   *ctx;
    ngx_http_request_t  *r;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;
    wev = c->write;

    ngx_http_set_log_request(c->log, r);

    if (!wev->delayed) {
        return;
    }

    if (wev->timer_set) {

        /* nobody has touched it so far */

        (void) ngx_http_ai_run_delay(r, ctx);
        return;
    }

    wev->delayed = 0;

    /* run(), or nginx's own writer of the rest */

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_ai_run_delay_cleanup(void *data)
{
    ngx_http_ai_ctx_t  *ctx = data;

    if (ctx->delay.timer_set) {
        ngx_del_timer(&ctx->delay);
    }
}


/*
 * Before the log phase, whose handlers run in nobody's order: times and sums
 * are final now.  The upstreams' own cleanups have run.
 */

void
ngx_http_ai_run_cleanup(void *data)
{
    ngx_http_ai_ctx_t  *ctx = data;

    ngx_http_ai_attempt_t  *at;

    if (ctx->end == 0) {
        ctx->end = ngx_http_ai_now();
    }

    ngx_http_ai_drain_end(ctx);

    for (at = ctx->attempts; at; at = at->next) {
        (void) ngx_http_ai_settle(at, 0);
    }

    ngx_http_ai_spend_request(ctx);
    ngx_http_ai_metrics_end(ctx);
}
