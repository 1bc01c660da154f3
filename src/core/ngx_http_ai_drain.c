
/*
 * Clients that leave.  What a provider has been asked for costs, whether
 * somebody reads it or not, and only the end of an answer says how much: with
 * "ai_client_abort drain" the rest of it is read and thrown away.
 *
 *     gone:  nothing was asked yet, or "cut" ----- over
 *            too many are drained already -------- over
 *            else ------------------- the attempt runs on, within its limits
 *     over:  the attempt is cancelled, what is known is settled, 499
 *
 * After the mark nothing is written to the client.  c->error stays set, so
 * that no filter does either; it is taken back for the moment in which nginx
 * finalizes the attempt, which else would end the client's request with it.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_DRAIN_MAX  256          /* requests of a worker */


static ngx_uint_t ngx_http_ai_drain_is_due(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_uint_t ngx_http_ai_drain_is_over(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at);
static int64_t ngx_http_ai_drain_tokens(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_drain_silence(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_drain_timer(ngx_event_t *ev);


static ngx_uint_t  ngx_http_ai_drain_count;


/* one that has closed its own side only counts as gone, as with nginx */

ngx_uint_t
ngx_http_ai_drain_has_left(ngx_http_request_t *r)
{
    int                n;
    char               buf[1];
    ngx_connection_t  *c;

    c = r->connection;

    if (c->error) {
        return 1;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return 0;
    }
#endif

#if (NGX_HTTP_V3 && nginx_version >= 1025000)
    if (c->quic) {
        return c->read->error;
    }
#endif

    if (c->read->pending_eof) {
        return 1;
    }

    /* where events tell of an end, it need not be looked for */

#if (NGX_HAVE_EPOLLRDHUP)
    if ((ngx_event_flags & NGX_USE_EPOLL_EVENT) && ngx_use_epoll_rdhup) {
        return 0;
    }
#endif

    if (ngx_event_flags & NGX_USE_KQUEUE_EVENT) {
        return 0;
    }

    n = recv(c->fd, buf, 1, MSG_PEEK);

    return n == 0 || (n == -1 && ngx_socket_errno != NGX_EAGAIN);
}


/* the read handler while an answer is on its way */

void
ngx_http_ai_drain_reading(ngx_http_request_t *r)
{
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = r->connection;
    rev = c->read;

    if (ngx_http_ai_drain_has_left(r)) {

        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "client prematurely closed connection");

        rev->eof = 1;

#if (NGX_HTTP_SSL)
        if (c->ssl) {
            c->ssl->no_send_shutdown = 1;
        }
#endif

        ngx_http_ai_drain_begin(r, ngx_http_ai_ctx(r));
        ngx_http_ai_run(r);

        return;
    }

    if ((ngx_event_flags & NGX_USE_LEVEL_EVENT) && rev->active
        && ngx_del_event(rev, NGX_READ_EVENT, 0) != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


/* the mark; what becomes of the request is for drain_step() to say */

void
ngx_http_ai_drain_begin(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_http_ai_attempt_t  *at;

    ctx->gone = 1;
    r->connection->error = 1;

    /* for the log, whoever ends the request */

    r->headers_out.status = NGX_HTTP_CLIENT_CLOSED_REQUEST;
    r->err_status = 0;

    ngx_http_ai_drain_silence(r, ctx);

    if (!ngx_http_ai_drain_is_due(r, ctx)) {
        ctx->over = 1;
        return;
    }

    at = ctx->attempt;

    ctx->draining = 1;
    ctx->drained = ngx_http_ai_drain_tokens(at);
    ngx_http_ai_drain_count++;

    ctx->drain.handler = ngx_http_ai_drain_timer;
    ctx->drain.data = ctx;
    ctx->drain.log = r->connection->log;

    ngx_add_timer(&ctx->drain, ctx->conf->pass.drain_timeout);
}


/*
 * A provider that has not got the whole request has nothing to answer, and
 * one that is done needs nobody to read on.
 */

static ngx_uint_t
ngx_http_ai_drain_is_due(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_http_upstream_t    *u;
    ngx_http_ai_attempt_t  *at;

    at = ctx->attempt;

    if (ctx->conf->pass.client_abort == NGX_HTTP_AI_ABORT_CUT
        || at == NULL || at->request == NULL
        || at->state != NGX_HTTP_AI_AT_RUNNING)
    {
        return 0;
    }

    u = at->request->upstream;

    if (!u->request_body_sent && at->status == 0) {
        return 0;
    }

    if (ngx_http_ai_drain_count >= NGX_HTTP_AI_DRAIN_MAX) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: %ui answers are drained already, this one is cut",
                      ngx_http_ai_drain_count);
        return 0;
    }

    return 1;
}


/* core's timers and flags of a writer that has nothing more to write */

static void
ngx_http_ai_drain_silence(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_event_t       *rev, *wev;
    ngx_connection_t  *c;

    c = r->connection;
    rev = c->read;
    wev = c->write;

    r->read_event_handler = ngx_http_block_reading;

    wev->delayed = 0;
    wev->timedout = 0;

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    if (ctx->delay.timer_set) {
        ngx_del_timer(&ctx->delay);
    }

    if (!(ngx_event_flags & NGX_USE_LEVEL_EVENT)) {
        return;
    }

    if (rev->active) {
        (void) ngx_del_event(rev, NGX_READ_EVENT, 0);
    }

    if (wev->active) {
        (void) ngx_del_event(wev, NGX_WRITE_EVENT, 0);
    }
}


/* what run() does once the client is gone; NGX_DONE: it goes on */

ngx_int_t
ngx_http_ai_drain_step(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_http_ai_attempt_t  *at;

    at = ctx->attempt;

    /* reading from the provider, core sets the timer of the client's side */

    r->connection->write->timedout = 0;

    if (at && at->state != NGX_HTTP_AI_AT_ENDED) {

        ai_buf_reset(&at->out);

        if (!ngx_http_ai_drain_is_over(ctx, at)) {
            ngx_http_ai_attempt_resume(at);
            return NGX_DONE;
        }

        ngx_http_ai_attempt_cancel(at);
    }

    if (at && ngx_http_ai_settle(at, 1) == NGX_AGAIN) {
        return NGX_DONE;
    }

    r->connection->error = 1;

    return NGX_HTTP_CLIENT_CLOSED_REQUEST;
}


static ngx_uint_t
ngx_http_ai_drain_is_over(ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at)
{
    int64_t  tokens;

    if (ctx->over || at->expired || (at->failure && !at->content)) {
        return 1;
    }

    tokens = ngx_http_ai_drain_tokens(at) - ctx->drained;

    if (tokens < (int64_t) ctx->conf->pass.drain_tokens) {
        return 0;
    }

    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "ai: the answer is cut, %L tokens were drained", tokens);

    return 1;
}


/*
 * Of a stream.  An answer in one piece was made as a whole before its first
 * byte came: it is read to its end.
 */

static int64_t
ngx_http_ai_drain_tokens(ngx_http_ai_attempt_t *at)
{
    ngx_http_upstream_t  *u;

    if (at->output) {
        return ai_output_tokens(&at->output->output);
    }

    if ((!at->framed && !at->flow) || at->request == NULL) {
        return 0;
    }

    u = at->request->upstream;

    return u->state ? u->state->response_length / 4 : 0;
}


static void
ngx_http_ai_drain_timer(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_ai_ctx_t   *ctx;
    ngx_http_request_t  *r;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "ai: the answer is cut, it was drained for %M ms",
                  ctx->conf->pass.drain_timeout);

    ctx->over = 1;

    ngx_http_ai_run(r);
    ngx_http_run_posted_requests(c);
}


/* the request ends, whatever has ended it; may repeat */

void
ngx_http_ai_drain_end(ngx_http_ai_ctx_t *ctx)
{
    if (ctx->drain.timer_set) {
        ngx_del_timer(&ctx->drain);
    }

    if (ctx->draining) {
        ctx->draining = 0;
        ngx_http_ai_drain_count--;
    }
}
