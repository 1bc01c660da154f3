
/*
 * Addresses and idle connections of one provider in one worker.
 *
 * An attempt whose endpoint is not an operator's upstream{} gets its peer
 * here: names are resolved asynchronously and kept for their TTL, connections
 * stay open per provider, so that two providers behind one address never
 * share one.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_ADDRS_MAX   16
#define NGX_HTTP_AI_ADDR_FAIL   10          /* seconds to be avoided */
#define NGX_HTTP_AI_TTL_MIN     1           /* seconds, against a TTL of 0 */


/* to print one takes longer than all else here */
typedef struct {
    ngx_sockaddr_t             sockaddr;
    socklen_t                  socklen;
    size_t                     len;         /* of its text */
    u_char                     text[NGX_SOCKADDR_STRLEN];
} ngx_http_ai_sock_t;


typedef struct {
    ngx_http_ai_sock_t         sock;
    time_t                     failed;      /* 0: not lately */
} ngx_http_ai_addr_t;


typedef struct {
    ngx_queue_t                queue;
    ngx_http_ai_peers_t       *peers;
    ngx_connection_t          *connection;
    ngx_http_ai_sock_t         sock;
} ngx_http_ai_idle_t;


struct ngx_http_ai_peers_s {
    ngx_http_upstream_srv_conf_t  us;       /* only host and peer.init */
    ngx_http_ai_provider_t    *provider;

    ngx_http_ai_addr_t         addrs[NGX_HTTP_AI_ADDRS_MAX];
    ngx_uint_t                 naddrs;
    ngx_uint_t                 next;
    time_t                     valid;       /* until then; -1: for ever */

    ngx_queue_t                idle;        /* newest first */
    ngx_queue_t                unused;

#if (NGX_HTTP_SSL)
    ngx_ssl_session_t         *session;
#endif
};


/* the peer of one attempt */
typedef struct {
    ngx_http_ai_peers_t       *peers;
    ngx_http_upstream_t       *upstream;
    ngx_uint_t                 index;       /* of its address */
    ngx_http_ai_sock_t         sock;        /* $upstream_addr points here */
    ngx_str_t                  name;
} ngx_http_ai_peer_t;


static void ngx_http_ai_peers_sock(ngx_http_ai_sock_t *sock,
    struct sockaddr *sockaddr, socklen_t socklen, in_port_t port);
static void ngx_http_ai_peers_copy(ngx_http_ai_sock_t *to,
    const ngx_http_ai_sock_t *from);
static ngx_int_t ngx_http_ai_peers_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_ai_peers_get(ngx_peer_connection_t *pc, void *data);
static void ngx_http_ai_peers_pick(ngx_http_ai_peers_t *peers,
    ngx_http_ai_peer_t *peer);
static void ngx_http_ai_peers_reuse(ngx_peer_connection_t *pc,
    ngx_connection_t *c);
static void ngx_http_ai_peers_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static void ngx_http_ai_peers_keep(ngx_peer_connection_t *pc,
    ngx_http_ai_peer_t *peer);
static void ngx_http_ai_peers_dummy(ngx_event_t *wev);
static void ngx_http_ai_peers_closed(ngx_event_t *rev);
static void ngx_http_ai_peers_close(ngx_connection_t *c);
static void ngx_http_ai_peers_addrs(ngx_http_ai_peers_t *peers,
    ngx_resolver_ctx_t *ctx);
static void ngx_http_ai_peers_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_ai_peers_abort(void *data);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_ai_peers_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_ai_peers_save_session(ngx_peer_connection_t *pc,
    void *data);
#endif


ngx_int_t
ngx_http_ai_peers_create(ngx_conf_t *cf, ngx_http_ai_provider_t *provider)
{
    ngx_int_t             i;
    ngx_http_ai_idle_t   *idle;
    ngx_http_ai_peers_t  *peers;

    peers = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_peers_t));
    if (peers == NULL) {
        return NGX_ERROR;
    }

    peers->provider = provider;
    peers->us.host = provider->host;
    peers->us.peer.init = ngx_http_ai_peers_init;

    ngx_queue_init(&peers->idle);
    ngx_queue_init(&peers->unused);

    if (provider->keepalive > 0) {
        idle = ngx_pcalloc(cf->pool,
                           provider->keepalive * sizeof(ngx_http_ai_idle_t));
        if (idle == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < provider->keepalive; i++) {
            idle[i].peers = peers;
            ngx_queue_insert_head(&peers->unused, &idle[i].queue);
        }
    }

    for (i = 0; i < (ngx_int_t) provider->naddrs; i++) {

        if (i == NGX_HTTP_AI_ADDRS_MAX) {
            break;
        }

        ngx_http_ai_peers_sock(&peers->addrs[i].sock,
                               provider->addrs[i].sockaddr,
                               provider->addrs[i].socklen,
                               ngx_inet_get_port(provider->addrs[i].sockaddr));
        peers->naddrs++;
        peers->valid = -1;
    }

    provider->peers = peers;
    provider->upstream.upstream = &peers->us;

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_peers_resolve(ngx_http_ai_attempt_t *at)
{
    ngx_resolver_ctx_t        *ctx, temp;
    ngx_http_cleanup_t        *cln;
    ngx_http_request_t        *sr;
    ngx_http_ai_peers_t       *peers;
    ngx_http_core_loc_conf_t  *clcf;

    sr = at->request;
    peers = at->provider->peers;

    if (peers->naddrs && (peers->valid == -1 || peers->valid > ngx_time())) {
        return NGX_OK;
    }

    clcf = ngx_http_get_module_loc_conf(sr->main, ngx_http_core_module);

    temp.name = at->provider->host;

    ctx = ngx_resolve_start(clcf->resolver, &temp);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx == NGX_NO_RESOLVER) {
        ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                      "ai: no \"resolver\" to look up \"%V\" of provider "
                      "\"%V\"", &at->provider->host, &at->provider->name);
        return NGX_ERROR;
    }

    cln = ngx_http_cleanup_add(sr, 0);
    if (cln == NULL) {
        ngx_resolve_name_done(ctx);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ai_peers_abort;
    cln->data = at;

    ctx->name = at->provider->host;
    ctx->handler = ngx_http_ai_peers_resolved;
    ctx->data = at;
    ctx->timeout = clcf->resolver_timeout;

    at->resolve = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        at->resolve = NULL;
        return NGX_ERROR;
    }

    /* an answer from the resolver's cache has been handled already */

    return NGX_AGAIN;
}


static void
ngx_http_ai_peers_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t              async;
    ngx_connection_t       *c;
    ngx_http_request_t     *sr;
    ngx_http_ai_peers_t    *peers;
    ngx_http_ai_attempt_t  *at;

    at = ctx->data;
    sr = at->request;
    c = sr->connection;
    peers = at->provider->peers;
    async = ctx->async;

    ngx_http_set_log_request(c->log, sr);

    if (ctx->state == NGX_OK && ctx->naddrs) {
        ngx_http_ai_peers_addrs(peers, ctx);

    } else {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "ai: \"%V\" of provider \"%V\" could not be resolved "
                      "(%i: %s)%s", &at->provider->host, &at->provider->name,
                      ctx->state, ngx_resolver_strerror(ctx->state),
                      peers->naddrs ? ", going on with the last address" : "");
    }

    at->resolve = NULL;
    ngx_resolve_name_done(ctx);

    if (peers->naddrs) {
        ngx_http_ai_attempt_begin(sr, at);

    } else {
        ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM, NGX_HTTP_AI_NEXT_ERROR);
        ngx_http_finalize_request(sr, NGX_OK);
    }

    if (async) {
        ngx_http_run_posted_requests(c);
    }
}


static void
ngx_http_ai_peers_addrs(ngx_http_ai_peers_t *peers, ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t           i, n;
    ngx_http_ai_addr_t  *addr;

    n = ngx_min(ctx->naddrs, NGX_HTTP_AI_ADDRS_MAX);

    for (i = 0; i < n; i++) {
        addr = &peers->addrs[i];

        ngx_http_ai_peers_sock(&addr->sock, ctx->addrs[i].sockaddr,
                               ctx->addrs[i].socklen, peers->provider->port);
        addr->failed = 0;
    }

    peers->naddrs = n;
    peers->valid = ngx_max(ctx->valid, ngx_time() + NGX_HTTP_AI_TTL_MIN);
}


static void
ngx_http_ai_peers_sock(ngx_http_ai_sock_t *sock, struct sockaddr *sockaddr,
    socklen_t socklen, in_port_t port)
{
    ngx_memcpy(&sock->sockaddr, sockaddr, socklen);
    ngx_inet_set_port(&sock->sockaddr.sockaddr, port);

    sock->socklen = socklen;
    sock->len = ngx_sock_ntop(&sock->sockaddr.sockaddr, socklen, sock->text,
                              NGX_SOCKADDR_STRLEN, 1);
}


/* most of it is room for paths of sockets */

static void
ngx_http_ai_peers_copy(ngx_http_ai_sock_t *to, const ngx_http_ai_sock_t *from)
{
    to->socklen = from->socklen;
    to->len = from->len;

    ngx_memcpy(&to->sockaddr, &from->sockaddr, from->socklen);
    ngx_memcpy(to->text, from->text, from->len);
}


/* the client or run() gave the attempt up while its name was looked up */

static void
ngx_http_ai_peers_abort(void *data)
{
    ngx_http_ai_attempt_t  *at = data;

    if (at->resolve) {
        ngx_resolve_name_done(at->resolve);
        at->resolve = NULL;
    }
}


static ngx_int_t
ngx_http_ai_peers_init(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t    *u;
    ngx_http_ai_peer_t     *peer;
    ngx_http_ai_attempt_t  *at;

    at = ngx_http_get_module_ctx(r, ngx_http_ai_filter_module);
    u = r->upstream;

    peer = ngx_pcalloc(r->pool, sizeof(ngx_http_ai_peer_t));
    if (peer == NULL) {
        return NGX_ERROR;
    }

    peer->peers = at->provider->peers;
    peer->upstream = u;

    u->peer.data = peer;
    u->peer.get = ngx_http_ai_peers_get;
    u->peer.free = ngx_http_ai_peers_free;
    u->peer.tries = ngx_min(peer->peers->naddrs, 2);

#if (NGX_HTTP_SSL)
    u->peer.set_session = ngx_http_ai_peers_set_session;
    u->peer.save_session = ngx_http_ai_peers_save_session;
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_peers_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_ai_peer_t  *peer = data;

    ngx_queue_t          *q;
    ngx_http_ai_idle_t   *idle;
    ngx_http_ai_peers_t  *peers;

    peers = peer->peers;

    pc->cached = 0;
    pc->connection = NULL;

    idle = NULL;

    if (!ngx_queue_empty(&peers->idle)) {
        q = ngx_queue_head(&peers->idle);
        idle = ngx_queue_data(q, ngx_http_ai_idle_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_head(&peers->unused, q);

        ngx_http_ai_peers_copy(&peer->sock, &idle->sock);
        peer->index = NGX_HTTP_AI_ADDRS_MAX;

    } else {
        ngx_http_ai_peers_pick(peers, peer);
    }

    peer->name.data = peer->sock.text;
    peer->name.len = peer->sock.len;

    pc->sockaddr = &peer->sock.sockaddr.sockaddr;
    pc->socklen = peer->sock.socklen;
    pc->name = &peer->name;

    if (idle == NULL) {
        return NGX_OK;
    }

    ngx_http_ai_peers_reuse(pc, idle->connection);

    return NGX_DONE;
}


/* round robin over the addresses, those that failed lately last */

static void
ngx_http_ai_peers_pick(ngx_http_ai_peers_t *peers, ngx_http_ai_peer_t *peer)
{
    ngx_uint_t           i, n;
    ngx_http_ai_addr_t  *addr;

    n = peers->next++ % peers->naddrs;

    for (i = 0; i < peers->naddrs; i++) {
        addr = &peers->addrs[(n + i) % peers->naddrs];

        if (addr->failed == 0
            || ngx_time() - addr->failed >= NGX_HTTP_AI_ADDR_FAIL)
        {
            n = (n + i) % peers->naddrs;
            break;
        }
    }

    addr = &peers->addrs[n];

    peer->index = n;
    ngx_http_ai_peers_copy(&peer->sock, &addr->sock);
}


static void
ngx_http_ai_peers_reuse(ngx_peer_connection_t *pc, ngx_connection_t *c)
{
    c->idle = 0;
    c->sent = 0;
    c->data = NULL;
    c->log = pc->log;
    c->read->log = pc->log;
    c->write->log = pc->log;
    c->pool->log = pc->log;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    pc->connection = c;
    pc->cached = 1;
}


static void
ngx_http_ai_peers_free(ngx_peer_connection_t *pc, void *data, ngx_uint_t state)
{
    ngx_http_ai_peer_t  *peer = data;

    ngx_http_ai_peers_t  *peers;

    peers = peer->peers;

    if (state & NGX_PEER_FAILED) {

        if (peer->upstream->request_sent && !pc->cached) {

            /* the provider may have begun to work on it */

            pc->tries = 1;

        } else if (peer->index < peers->naddrs && !pc->cached) {
            peers->addrs[peer->index].failed = ngx_time();
        }

    } else if (pc->connection) {
        ngx_http_ai_peers_keep(pc, peer);
    }

    if (pc->tries) {
        pc->tries--;
    }
}


static void
ngx_http_ai_peers_keep(ngx_peer_connection_t *pc, ngx_http_ai_peer_t *peer)
{
    ngx_queue_t          *q;
    ngx_connection_t     *c;
    ngx_http_ai_idle_t   *idle;
    ngx_http_ai_peers_t  *peers;

    c = pc->connection;
    peers = peer->peers;

    if (!peer->upstream->keepalive
        || !peer->upstream->request_body_sent
        || peers->provider->keepalive <= 0
        || c->read->eof
        || c->read->error
        || c->read->timedout
        || c->write->error
        || c->write->timedout
        || ngx_terminate
        || ngx_exiting
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        return;
    }

    if (ngx_queue_empty(&peers->unused)) {
        q = ngx_queue_last(&peers->idle);
        ngx_queue_remove(q);

        idle = ngx_queue_data(q, ngx_http_ai_idle_t, queue);
        ngx_http_ai_peers_close(idle->connection);

    } else {
        q = ngx_queue_head(&peers->unused);
        ngx_queue_remove(q);

        idle = ngx_queue_data(q, ngx_http_ai_idle_t, queue);
    }

    ngx_queue_insert_head(&peers->idle, q);

    idle->connection = c;
    ngx_http_ai_peers_copy(&idle->sock, &peer->sock);

    pc->connection = NULL;

    c->read->delayed = 0;
    ngx_add_timer(c->read, peers->provider->keepalive_timeout);

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->write->handler = ngx_http_ai_peers_dummy;
    c->read->handler = ngx_http_ai_peers_closed;

    c->data = idle;
    c->idle = 1;
    c->log = ngx_cycle->log;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->pool->log = ngx_cycle->log;

    if (c->read->ready) {
        ngx_http_ai_peers_closed(c->read);
    }
}


static void
ngx_http_ai_peers_dummy(ngx_event_t *wev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, wev->log, 0, "ai: idle write event");
}


/* an idle connection was closed, timed out, or spoke out of turn */

static void
ngx_http_ai_peers_closed(ngx_event_t *rev)
{
    int                  n;
    char                 buf[1];
    ngx_connection_t    *c;
    ngx_http_ai_idle_t  *idle;

    c = rev->data;

    if (!c->close && !rev->timedout) {

        n = recv(c->fd, buf, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            rev->ready = 0;

            if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
                return;
            }
        }
    }

    idle = c->data;

    ngx_queue_remove(&idle->queue);
    ngx_queue_insert_head(&idle->peers->unused, &idle->queue);

    ngx_http_ai_peers_close(c);
}


static void
ngx_http_ai_peers_close(ngx_connection_t *c)
{
#if (NGX_HTTP_SSL)

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
            c->ssl->handler = ngx_http_ai_peers_close;
            return;
        }
    }

#endif

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}


#if (NGX_HTTP_SSL)

static ngx_int_t
ngx_http_ai_peers_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_ai_peer_t  *peer = data;

    return ngx_ssl_set_session(pc->connection, peer->peers->session);
}


static void
ngx_http_ai_peers_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_ai_peer_t  *peer = data;

    ngx_ssl_session_t  *session;

    session = ngx_ssl_get_session(pc->connection);

    if (session == NULL) {
        return;
    }

    if (peer->peers->session) {
        ngx_ssl_free_session(peer->peers->session);
    }

    peer->peers->session = session;
}

#endif
