
/*
 * One call to a provider: a background subrequest that runs no phases.  Its
 * life is launch -> start -> (resolve) -> begin -> upstream -> ended -> gone;
 * it records what happens and posts the main request, which decides.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_ATTEMPT_POOL  4096


static ngx_int_t ngx_http_ai_attempt_conf(ngx_http_ai_attempt_t *at);
static const ai_provider_t *ngx_http_ai_attempt_api(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_candidate_t *candidate);
static ngx_int_t ngx_http_ai_attempt_subrequest(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_attempt_start(ngx_http_request_t *sr);
static ngx_int_t ngx_http_ai_attempt_authorize(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at);
static void ngx_http_ai_attempt_withdraw(void *data);
static void ngx_http_ai_attempt_unauthorized(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at);
static void ngx_http_ai_attempt_resolve(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_attempt_gone(ngx_http_request_t *sr, void *data,
    ngx_int_t rc);
static void ngx_http_ai_attempt_timer(ngx_event_t *ev);
static void ngx_http_ai_attempt_cleanup(void *data);


/*
 * NGX_OK: on its way; NGX_DECLINED: the request cannot be written for this
 * target, ctx->error says why; NGX_ERROR.
 */

ngx_int_t
ngx_http_ai_attempt_launch(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_candidate_t *candidate)
{
    ngx_int_t                rc;
    ngx_pool_cleanup_t      *cln;
    ngx_http_request_t      *r;
    ngx_http_ai_attempt_t   *at, **last;

    r = ctx->request;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_ai_attempt_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    at = cln->data;
    ngx_memzero(at, sizeof(ngx_http_ai_attempt_t));

    if (ngx_http_ai_attempt_init(at, ctx, candidate) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ai_attempt_cleanup;

    at->stream = ngx_http_ai_is_chat(ctx) && ctx->peek.stream;
    at->translate = (!ctx->passthrough
                     && (at->api->family != ctx->dialect->family
                         || at->api->family == AI_FAMILY_NONE
                         || ctx->array));
    at->start = ngx_http_ai_now();

    at->timer.handler = ngx_http_ai_attempt_timer;
    at->timer.data = at;
    at->timer.log = r->connection->log;

    rc = ngx_http_ai_rewrite(at);

    if (rc != NGX_OK) {
        ctx->error = at->error;
        return rc;
    }

    if (ngx_http_ai_attempt_conf(at) != NGX_OK
        || ngx_http_ai_attempt_subrequest(at) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (last = &ctx->attempts; *last; last = &(*last)->next) { /* void */ }

    *last = at;
    ctx->attempt = at;
    ctx->nattempts++;

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_attempt_init(ngx_http_ai_attempt_t *at, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_candidate_t *candidate)
{
    at->pool = ngx_create_pool(NGX_HTTP_AI_ATTEMPT_POOL,
                               ctx->request->connection->log);
    if (at->pool == NULL) {
        return NGX_ERROR;
    }

    at->ctx = ctx;
    at->candidate = candidate;
    at->provider = candidate->provider;
    at->api = ngx_http_ai_attempt_api(ctx, candidate);
    at->retry_after = -1;

    ngx_http_ai_pool(&at->ai_pool, at->pool);
    ai_buf_init(&at->out, &at->ai_pool);
    ai_buf_init(&at->sent, &at->ai_pool);
    ai_buf_init(&at->whole, &at->ai_pool);
    ai_usage_init(&at->usage);

    return NGX_OK;
}


/* an account may speak several APIs: the client's own goes first */

static const ai_provider_t *
ngx_http_ai_attempt_api(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_candidate_t *candidate)
{
    ai_str_t  model;

    model = ai_str(&candidate->model);

    return ai_provider_choose(candidate->provider->api, &model,
                              ctx->dialect->family);
}


/*
 * The provider's own upstream configuration, unless this location has other
 * timeouts.
 */

static ngx_int_t
ngx_http_ai_attempt_conf(ngx_http_ai_attempt_t *at)
{
    ngx_msec_t                          connect, send, read;
    ngx_http_upstream_conf_t           *conf;
    const ngx_http_ai_provider_t       *provider;
    const ngx_http_ai_pass_loc_conf_t  *pass;

    provider = at->provider;
    pass = &at->ctx->conf->pass;

    connect = provider->connect_timeout == NGX_CONF_UNSET_MSEC
              ? pass->connect_timeout : provider->connect_timeout;
    send = provider->send_timeout == NGX_CONF_UNSET_MSEC
           ? pass->send_timeout : provider->send_timeout;
    read = provider->read_timeout == NGX_CONF_UNSET_MSEC
           ? pass->read_timeout : provider->read_timeout;

    conf = (ngx_http_upstream_conf_t *) &provider->upstream;

    if (conf->connect_timeout != connect
        || conf->send_timeout != send
        || conf->read_timeout != read)
    {
        conf = ngx_palloc(at->ctx->request->pool,
                          sizeof(ngx_http_upstream_conf_t));
        if (conf == NULL) {
            return NGX_ERROR;
        }

        *conf = provider->upstream;
        conf->connect_timeout = connect;
        conf->send_timeout = send;
        conf->read_timeout = read;
    }

    at->conf = conf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_attempt_subrequest(ngx_http_ai_attempt_t *at)
{
    ngx_http_request_t          *r, *sr;
    ngx_http_post_subrequest_t  *ps;

    r = at->ctx->request;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_ai_attempt_gone;
    ps->data = at;

    if (ngx_http_subrequest(r, &r->uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* no phases: the access checks were done for the main request */

    sr->write_event_handler = ngx_http_ai_attempt_start;
    sr->loc_conf = r->loc_conf;

    if (at->ctx->op == NGX_HTTP_AI_OP_RAW) {
        sr->method = r->method;
        sr->method_name = r->method_name;

    } else {
        sr->method = NGX_HTTP_POST;
        ngx_str_set(&sr->method_name, "POST");
    }

    sr->request_body = NULL;
    sr->upstream_states = NULL;

    ngx_http_set_ctx(sr, at, ngx_http_ai_filter_module);

    at->request = sr;

    return NGX_OK;
}


static void
ngx_http_ai_attempt_start(ngx_http_request_t *sr)
{
    ngx_int_t               rc;
    ngx_http_ai_attempt_t  *at;

    at = ngx_http_get_module_ctx(sr, ngx_http_ai_filter_module);

    sr->write_event_handler = ngx_http_request_empty_handler;

    if (at->cancelled) {
        ngx_http_finalize_request(sr, NGX_OK);
        return;
    }

    if (at->provider->credential && at->provider->credential->prepare) {

        rc = ngx_http_ai_attempt_authorize(sr, at);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc != NGX_OK) {
            ngx_http_ai_attempt_unauthorized(sr, at);
            return;
        }
    }

    ngx_http_ai_attempt_resolve(sr, at);
}


static ngx_int_t
ngx_http_ai_attempt_authorize(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(sr, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ai_attempt_withdraw;
    cln->data = at;

    at->state = NGX_HTTP_AI_AT_AUTHORIZING;

    return at->provider->credential->prepare(at);
}


/* nobody waits for the credential any more */

static void
ngx_http_ai_attempt_withdraw(void *data)
{
    ngx_http_ai_attempt_t  *at = data;

    if (at->credential) {
        at->provider->credential->cancel(at);
        at->credential = NULL;
    }
}


static void
ngx_http_ai_attempt_unauthorized(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at)
{
    ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM_AUTH,
                             NGX_HTTP_AI_NEXT_AUTH|NGX_HTTP_AI_NEXT_ERROR);
    ngx_http_finalize_request(sr, NGX_OK);
}


void
ngx_http_ai_credential_done(ngx_http_ai_attempt_t *at, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *sr;

    sr = at->request;
    c = sr->connection;

    ngx_http_set_log_request(c->log, sr);

    at->credential = NULL;

    if (rc == NGX_OK) {
        ngx_http_ai_attempt_resolve(sr, at);

    } else {
        ngx_http_ai_attempt_unauthorized(sr, at);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_ai_attempt_resolve(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at)
{
    ngx_int_t  rc;

    if (at->provider->uscf) {
        ngx_http_ai_attempt_begin(sr, at);
        return;
    }

    at->state = NGX_HTTP_AI_AT_RESOLVING;

    rc = ngx_http_ai_peers_resolve(at);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_http_ai_attempt_begin(sr, at);
        return;
    }

    ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM, NGX_HTTP_AI_NEXT_ERROR);
    ngx_http_finalize_request(sr, NGX_OK);
}


void
ngx_http_ai_attempt_begin(ngx_http_request_t *sr, ngx_http_ai_attempt_t *at)
{
    ngx_msec_t  timeout;

    if (ngx_http_ai_upstream_create(sr, at) != NGX_OK) {
        ngx_http_ai_attempt_fail(at, AI_ERR_SERVER, NGX_HTTP_AI_NEXT_ERROR);
        ngx_http_finalize_request(sr, NGX_OK);
        return;
    }

    timeout = at->provider->first_token_timeout;

    if (timeout == NGX_CONF_UNSET_MSEC) {
        timeout = at->ctx->conf->pass.first_token_timeout;
    }

    /* an answer in one piece has no first token: it may take its time */

    if (timeout && at->stream) {
        ngx_add_timer(&at->timer, timeout);
    }

    at->state = NGX_HTTP_AI_AT_RUNNING;
    at->counted = 1;
    ngx_http_ai_route_busy(at->candidate->target);
    ngx_http_ai_limit_sent(at->ctx);

    sr->state = 0;
    ngx_http_upstream_init(sr);
}


void
ngx_http_ai_attempt_fail(ngx_http_ai_attempt_t *at, ai_error_e kind,
    ngx_uint_t failure)
{
    if (at->failure) {
        return;
    }

    at->failure = failure;
    ai_error_set(&at->error, kind, NULL);
}


/* the last thing nginx says of the subrequest, whatever became of it */

static ngx_int_t
ngx_http_ai_attempt_gone(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_ai_attempt_t  *at = data;

    at->request = NULL;
    at->state = NGX_HTTP_AI_AT_ENDED;

    if (!at->complete && !at->cancelled) {
        ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM, NGX_HTTP_AI_NEXT_ERROR);
    }

    ngx_http_ai_post(at->ctx);

    /* its result is no result of the client's request; nor is it the end of
     * that if the client is gone: run() says when */

    if (at->ctx->gone) {
        sr->connection->error = 0;
    }

    return NGX_OK;
}


/* no first token in time, or the provider lingers behind its last event */

static void
ngx_http_ai_attempt_timer(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_ai_attempt_t  *at;

    at = ev->data;
    r = at->ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    at->expired = 1;

    if (!at->terminal) {
        ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM_TIMEOUT,
                                 NGX_HTTP_AI_NEXT_FIRST_TOKEN);
    }

    ngx_http_ai_post(at->ctx);
    ngx_http_run_posted_requests(c);
}


/* from run() only: after it the attempt is ended, and its connection closed */

void
ngx_http_ai_attempt_cancel(ngx_http_ai_attempt_t *at)
{
    ngx_http_request_t   *sr;
    ngx_http_upstream_t  *u;

    sr = at->request;

    if (sr == NULL || at->cancelled) {
        return;
    }

    at->cancelled = 1;

    switch (at->state) {

    case NGX_HTTP_AI_AT_WAITING:
        /* start() is posted and will find the mark */
        at->state = NGX_HTTP_AI_AT_ENDED;
        return;

    case NGX_HTTP_AI_AT_AUTHORIZING:
        ngx_http_ai_attempt_withdraw(at);
        break;

    case NGX_HTTP_AI_AT_RESOLVING:
        if (at->resolve) {
            ngx_resolve_name_done(at->resolve);
            at->resolve = NULL;
        }

        break;

    case NGX_HTTP_AI_AT_RUNNING:
        u = sr->upstream;

        if (u->cleanup) {
            /* finalizing the upstream takes a count */
            sr->main->count++;
            (*u->cleanup)(sr);
        }

        break;

    default: /* NGX_HTTP_AI_AT_ENDED */
        return;
    }

    ngx_http_finalize_request(sr, NGX_OK);
}


/*
 * Back-pressure: as long as a non-empty buffer stands in busy_bufs, the core
 * neither reuses its read buffer nor reads beyond it, and TCP does the rest.
 */

void
ngx_http_ai_attempt_pause(ngx_http_ai_attempt_t *at)
{
    ngx_http_upstream_t  *u;

    if (at->paused || at->request == NULL
        || at->state != NGX_HTTP_AI_AT_RUNNING)
    {
        return;
    }

    u = at->request->upstream;

    at->pause.start = (u_char *) "\n";
    at->pause.pos = at->pause.start;
    at->pause.last = at->pause.start + 1;
    at->pause.end = at->pause.last;
    at->pause.tag = u->output.tag;
    at->pause.memory = 1;

    at->pause_link.buf = &at->pause;
    at->pause_link.next = NULL;

    u->free_bufs = NULL;
    u->busy_bufs = &at->pause_link;
    at->paused = 1;
}


void
ngx_http_ai_attempt_resume(ngx_http_ai_attempt_t *at)
{
    ngx_http_request_t  *sr;

    if (!at->paused) {
        return;
    }

    at->paused = 0;
    at->pause.pos = at->pause.last;

    sr = at->request;

    if (sr && at->state == NGX_HTTP_AI_AT_RUNNING) {
        sr->write_event_handler(sr);
    }
}


void
ngx_http_ai_attempt_release(ngx_http_ai_attempt_t *at)
{
    if (at->timer.timer_set) {
        ngx_del_timer(&at->timer);
    }

    if (at->counted) {
        at->counted = 0;
        ngx_http_ai_route_free(at->candidate->target);
    }
}


static void
ngx_http_ai_attempt_cleanup(void *data)
{
    ngx_http_ai_attempt_t  *at = data;

    ngx_http_ai_attempt_release(at);

    if (at->pool) {
        ngx_destroy_pool(at->pool);
        at->pool = NULL;
    }
}
