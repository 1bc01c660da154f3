
/*
 * A small client: resolve, connect, handshake, send, receive.  Addresses are
 * tried in turn as long as nothing was sent.
 *
 *     fetch() -> start -> (resolve) -> connect -> (handshake) -> send -> recv
 *                            |            ^ |          |                  |
 *                            |            +-+----------+ next address     |
 *                            +------------- done ------------------------+
 */

#include <core/ngx_http_ai_fetch.h>


#define NGX_HTTP_AI_FETCH_CA       "/etc/ssl/certs/ca-certificates.crt"
#define NGX_HTTP_AI_FETCH_DEPTH    4
#define NGX_HTTP_AI_FETCH_CONNECT  3000     /* ms, of one address */
#define NGX_HTTP_AI_FETCH_ADDRS    8


static const char *ngx_http_ai_fetch_url(ngx_http_ai_fetch_conf_t *conf,
    ngx_str_t *url, ngx_url_t *u);
static ngx_int_t ngx_http_ai_fetch_addrs(ngx_conf_t *cf,
    ngx_http_ai_place_t *place, ngx_http_ai_fetch_conf_t *conf,
    ngx_url_t *u);
static void ngx_http_ai_fetch_resolver(ngx_conf_t *cf,
    ngx_http_ai_fetch_conf_t *conf);
static ngx_int_t ngx_http_ai_fetch_request(ngx_http_ai_fetch_t *f,
    const ngx_http_ai_fetch_request_t *rq);
static void ngx_http_ai_fetch_start(ngx_event_t *ev);
static void ngx_http_ai_fetch_resolve(ngx_http_ai_fetch_t *f);
static void ngx_http_ai_fetch_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_ai_fetch_connect(ngx_http_ai_fetch_t *f);
static void ngx_http_ai_fetch_connected(ngx_http_ai_fetch_t *f);
static void ngx_http_ai_fetch_next(ngx_http_ai_fetch_t *f,
    const char *error);
static void ngx_http_ai_fetch_connecting(ngx_event_t *ev);
static void ngx_http_ai_fetch_write(ngx_event_t *wev);
static void ngx_http_ai_fetch_read(ngx_event_t *rev);
static void ngx_http_ai_fetch_dummy(ngx_event_t *ev);
static void ngx_http_ai_fetch_expired(ngx_event_t *ev);
static void ngx_http_ai_fetch_close(ngx_http_ai_fetch_t *f);
static void ngx_http_ai_fetch_free(ngx_http_ai_fetch_t *f);
static void ngx_http_ai_fetch_done(ngx_http_ai_fetch_t *f,
    const char *error);
static u_char *ngx_http_ai_fetch_log(ngx_log_t *log, u_char *buf,
    size_t len);

#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_ai_fetch_ssl_conf(ngx_conf_t *cf,
    ngx_http_ai_place_t *place, ngx_http_ai_fetch_conf_t *conf,
    ngx_str_t *ca);
static void ngx_http_ai_fetch_handshake(ngx_http_ai_fetch_t *f);
static void ngx_http_ai_fetch_handshaked(ngx_connection_t *c);
#endif


ngx_http_ai_fetch_conf_t *
ngx_http_ai_fetch_conf(ngx_conf_t *cf, ngx_http_ai_place_t *place,
    ngx_str_t *url, ngx_str_t *ca)
{
    ngx_url_t                  u;
    const char                *err;
    ngx_http_ai_fetch_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_fetch_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    err = ngx_http_ai_fetch_url(conf, url, &u);

    if (err == NULL && ngx_parse_url(cf->pool, &u) != NGX_OK) {
        err = u.err ? u.err : "invalid host";
    }

    if (err == NULL && u.host.len == 0) {
        err = "no host";
    }

    if (err) {
        ngx_http_ai_conf_error(cf, place, "%s in \"%V\"", err, url);
        return NULL;
    }

    conf->host = u.host;
    conf->port = u.port;

    if (conf->host.len > 2 && conf->host.data[0] == '[') {
        conf->host.data++;
        conf->host.len -= 2;
    }

    if (ngx_http_ai_fetch_addrs(cf, place, conf, &u) != NGX_OK) {
        return NULL;
    }

    if (!conf->ssl) {
        return conf;
    }

#if (NGX_HTTP_SSL)

    if (ngx_http_ai_fetch_ssl_conf(cf, place, conf, ca) == NGX_OK) {
        return conf;
    }

#else

    ngx_http_ai_conf_error(cf, place, "\"%V\" needs nginx built with "
                           "--with-http_ssl_module", url);

#endif

    return NULL;
}


/* what is wrong, or NULL; u is ready for ngx_parse_url() */

static const char *
ngx_http_ai_fetch_url(ngx_http_ai_fetch_conf_t *conf, ngx_str_t *url,
    ngx_url_t *u)
{
    u_char  *p, *last, *end;

    ngx_memzero(u, sizeof(ngx_url_t));

    p = url->data;
    last = p + url->len;

    for (end = p; end < last; end++) {
        if (*end <= 0x20 || *end >= 0x7f || *end == '#') {
            return "invalid character";
        }
    }

    if (url->len > 8 && ngx_strncasecmp(p, (u_char *) "https://", 8) == 0) {
        conf->ssl = 1;
        u->default_port = 443;
        p += 8;

    } else if (url->len > 7
               && ngx_strncasecmp(p, (u_char *) "http://", 7) == 0)
    {
        u->default_port = 80;
        p += 7;

    } else {
        return "no \"http://\" or \"https://\"";
    }

    for (end = p; end < last && *end != '/' && *end != '?'; end++) {
        if (*end == '@') {
            return "user and password are not allowed";
        }
    }

    if (end - p >= 5 && ngx_strncasecmp(p, (u_char *) "unix:", 5) == 0) {
        return "unix sockets are not supported";
    }

    conf->host_header.data = p;
    conf->host_header.len = end - p;

    conf->uri.data = end;
    conf->uri.len = last - end;

    if (end == last) {
        ngx_str_set(&conf->uri, "/");

    } else if (*end != '/') {
        return "no path";
    }

    u->url = conf->host_header;
    u->no_resolve = 1;

    return NULL;
}


/* a name is left to the resolver where there is one, as in core/peers */

static ngx_int_t
ngx_http_ai_fetch_addrs(ngx_conf_t *cf, ngx_http_ai_place_t *place,
    ngx_http_ai_fetch_conf_t *conf, ngx_url_t *u)
{
    if (u->naddrs == 0) {

        ngx_http_ai_fetch_resolver(cf, conf);

        if (conf->resolver) {
            return NGX_OK;
        }

        if (ngx_inet_resolve_host(cf->pool, u) != NGX_OK) {
            ngx_http_ai_conf_warn(cf, place,
                                  "host \"%V\" not found, and there is no "
                                  "\"resolver\" to look for it later",
                                  &conf->host);
            return NGX_OK;
        }
    }

    conf->addrs = u->addrs;
    conf->naddrs = u->naddrs;

    return NGX_OK;
}


/* of the http level, else of the first server that has one */

static void
ngx_http_ai_fetch_resolver(ngx_conf_t *cf, ngx_http_ai_fetch_conf_t *conf)
{
    ngx_uint_t                   i;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; /* void */ ; i++) {

        if (clcf->resolver && clcf->resolver->connections.nelts) {
            conf->resolver = clcf->resolver;
            conf->resolver_timeout = clcf->resolver_timeout;

            if (conf->resolver_timeout == NGX_CONF_UNSET_MSEC) {
                conf->resolver_timeout = NGX_HTTP_AI_FETCH_TIMEOUT;
            }

            return;
        }

        if (i == cmcf->servers.nelts) {
            return;
        }

        clcf = cscf[i]->ctx->loc_conf[ngx_http_core_module.ctx_index];
    }
}


#if (NGX_HTTP_SSL)

static ngx_int_t
ngx_http_ai_fetch_ssl_conf(ngx_conf_t *cf, ngx_http_ai_place_t *place,
    ngx_http_ai_fetch_conf_t *conf, ngx_str_t *ca)
{
    ngx_ssl_t           *ssl;
    ngx_str_t            file;
    ngx_uint_t           given;
    ngx_pool_cleanup_t  *cln;

    static ngx_str_t  system = ngx_string(NGX_HTTP_AI_FETCH_CA);

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    given = ca->len != 0;
    file = system;

    /* without the system's, a file that was given is all there is */

    if ((!given || access(NGX_HTTP_AI_FETCH_CA, R_OK) == 0)
        && ngx_ssl_trusted_certificate(cf, ssl, &file,
                                       NGX_HTTP_AI_FETCH_DEPTH)
           != NGX_OK)
    {
        ngx_http_ai_conf_error(cf, place,
                               "the system's CA certificates \"%V\" cannot "
                               "be loaded to verify \"%V\": name a file in "
                               "\"ssl_trusted_certificate\" or install the "
                               "package ca-certificates",
                               &system, &conf->host);
        return NGX_ERROR;
    }

    file = *ca;

    if (given
        && ngx_ssl_trusted_certificate(cf, ssl, &file,
                                       NGX_HTTP_AI_FETCH_DEPTH)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    conf->ssl_ctx = ssl;

    return NGX_OK;
}

#endif


ngx_http_ai_fetch_t *
ngx_http_ai_fetch(const ngx_http_ai_fetch_conf_t *conf,
    const ngx_http_ai_fetch_request_t *rq, ngx_http_ai_fetch_pt handler,
    void *data)
{
    ngx_pool_t           *pool;
    ngx_http_ai_fetch_t  *f;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    f = ngx_pcalloc(pool, sizeof(ngx_http_ai_fetch_t));

    if (f == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    f->pool = pool;
    f->conf = conf;
    f->handler = handler;
    f->data = data;
    f->addrs = conf->addrs;
    f->naddrs = conf->naddrs;

    f->log = *ngx_cycle->log;
    f->log.handler = ngx_http_ai_fetch_log;
    f->log.data = f;
    f->log.action = "resolving";

    ngx_http_ai_pool(&f->ai_pool, pool);
    ai_http_init(&f->http, &f->ai_pool, NGX_HTTP_AI_FETCH_MAX);

    if (ngx_http_ai_fetch_request(f, rq) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    f->timer.handler = ngx_http_ai_fetch_expired;
    f->timer.data = f;
    f->timer.log = &f->log;

    ngx_add_timer(&f->timer, NGX_HTTP_AI_FETCH_TIMEOUT);

    /* so that no failure comes before the caller knows what has failed */

    f->start.handler = ngx_http_ai_fetch_start;
    f->start.data = f;
    f->start.log = &f->log;

    ngx_post_event(&f->start, &ngx_posted_events);

    return f;
}


static ngx_int_t
ngx_http_ai_fetch_request(ngx_http_ai_fetch_t *f,
    const ngx_http_ai_fetch_request_t *rq)
{
    ai_buf_t          b;
    const ngx_str_t  *uri;

    uri = rq->uri.len ? &rq->uri : &f->conf->uri;

    ai_buf_init(&b, &f->ai_pool);

    ai_buf_add(&b, rq->method.data, rq->method.len);
    ai_buf_char(&b, ' ');
    ai_buf_add(&b, uri->data, uri->len);
    ai_buf_lit(&b, " HTTP/1.1\r\nHost: ");
    ai_buf_add(&b, f->conf->host_header.data, f->conf->host_header.len);
    ai_buf_lit(&b, "\r\nConnection: close\r\n");
    ai_buf_add(&b, rq->headers.data, rq->headers.len);

    if (rq->body.len) {
        ai_buf_lit(&b, "Content-Length: ");
        ai_buf_int(&b, rq->body.len);
        ai_buf_lit(&b, "\r\n");
    }

    ai_buf_lit(&b, "\r\n");
    ai_buf_add(&b, rq->body.data, rq->body.len);

    f->request.start = b.start;
    f->request.pos = b.start;
    f->request.last = b.last;
    f->request.end = b.end;

    return b.failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_ai_fetch_start(ngx_event_t *ev)
{
    ngx_http_ai_fetch_t  *f;

    f = ev->data;

    if (f->naddrs) {
        ngx_http_ai_fetch_connect(f);

    } else {
        ngx_http_ai_fetch_resolve(f);
    }
}


static void
ngx_http_ai_fetch_resolve(ngx_http_ai_fetch_t *f)
{
    ngx_resolver_ctx_t  *ctx, temp;

    temp.name = f->conf->host;

    ctx = f->conf->resolver ? ngx_resolve_start(f->conf->resolver, &temp)
                            : NGX_NO_RESOLVER;

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_http_ai_fetch_done(f, ctx ? "its host was not found at start, and "
                                        "there is no \"resolver\""
                                      : "no memory");
        return;
    }

    ctx->name = f->conf->host;
    ctx->handler = ngx_http_ai_fetch_resolved;
    ctx->data = f;
    ctx->timeout = f->conf->resolver_timeout;

    f->resolve = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        f->resolve = NULL;
        ngx_http_ai_fetch_done(f, "its host could not be resolved");
    }
}


static void
ngx_http_ai_fetch_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t            i;
    ngx_sockaddr_t       *sockaddr;
    ngx_http_ai_fetch_t  *f;

    f = ctx->data;

    if (ctx->state == NGX_OK) {
        f->naddrs = ngx_min(ctx->naddrs, NGX_HTTP_AI_FETCH_ADDRS);
        f->addrs = ngx_pcalloc(f->pool, NGX_HTTP_AI_FETCH_ADDRS
                                        * sizeof(ngx_addr_t));
        sockaddr = ngx_palloc(f->pool, NGX_HTTP_AI_FETCH_ADDRS
                                       * sizeof(ngx_sockaddr_t));

        if (f->addrs == NULL || sockaddr == NULL) {
            f->naddrs = 0;
        }

        for (i = 0; i < f->naddrs; i++) {
            ngx_memcpy(&sockaddr[i], ctx->addrs[i].sockaddr,
                       ctx->addrs[i].socklen);
            ngx_inet_set_port(&sockaddr[i].sockaddr, f->conf->port);

            f->addrs[i].sockaddr = &sockaddr[i].sockaddr;
            f->addrs[i].socklen = ctx->addrs[i].socklen;
            f->addrs[i].name = f->conf->host;
        }

    } else {
        ngx_log_error(NGX_LOG_ERR, &f->log, 0,
                      "ai: \"%V\" could not be resolved (%i: %s)",
                      &f->conf->host, ctx->state,
                      ngx_resolver_strerror(ctx->state));
    }

    f->resolve = NULL;
    ngx_resolve_name_done(ctx);

    if (f->naddrs == 0) {
        ngx_http_ai_fetch_done(f, "its host could not be resolved");
        return;
    }

    ngx_http_ai_fetch_connect(f);
}


static void
ngx_http_ai_fetch_connect(ngx_http_ai_fetch_t *f)
{
    ngx_int_t          rc;
    ngx_addr_t        *addr;
    ngx_connection_t  *c;

    f->log.action = "connecting to";

    for ( ;; ) {

        if (f->next == f->naddrs) {
            ngx_http_ai_fetch_done(f, "cannot be connected");
            return;
        }

        addr = &f->addrs[f->next++];

        ngx_memzero(&f->peer, sizeof(ngx_peer_connection_t));

        f->peer.sockaddr = addr->sockaddr;
        f->peer.socklen = addr->socklen;
        f->peer.name = &addr->name;
        f->peer.get = ngx_event_get_peer;
        f->peer.log = &f->log;
        f->peer.log_error = NGX_ERROR_ERR;

        rc = ngx_event_connect_peer(&f->peer);

        if (rc == NGX_OK || rc == NGX_AGAIN) {
            break;
        }
    }

    c = f->peer.connection;

    c->data = f;
    c->pool = f->pool;
    c->read->handler = ngx_http_ai_fetch_connecting;
    c->write->handler = ngx_http_ai_fetch_connecting;

    if (rc == NGX_OK) {
        ngx_http_ai_fetch_connected(f);
        return;
    }

    ngx_add_timer(c->write, NGX_HTTP_AI_FETCH_CONNECT);
}


/* nothing was sent: there may be another address */

static void
ngx_http_ai_fetch_next(ngx_http_ai_fetch_t *f, const char *error)
{
    if (f->next == f->naddrs) {
        ngx_http_ai_fetch_done(f, error);
        return;
    }

    ngx_http_ai_fetch_close(f);
    ngx_http_ai_fetch_connect(f);
}


static void
ngx_http_ai_fetch_connecting(ngx_event_t *ev)
{
    int                   err;
    socklen_t             len;
    ngx_connection_t     *c;
    ngx_http_ai_fetch_t  *f;

    c = ev->data;
    f = c->data;

    if (ev->timedout) {
        ngx_log_error(NGX_LOG_ERR, &f->log, NGX_ETIMEDOUT,
                      "ai: connection timed out");
        ngx_http_ai_fetch_next(f, "cannot be connected in time");
        return;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        (void) ngx_connection_error(c, err, "connect() failed");
        ngx_http_ai_fetch_next(f, "cannot be connected");
        return;
    }

    ngx_http_ai_fetch_connected(f);
}


static void
ngx_http_ai_fetch_connected(ngx_http_ai_fetch_t *f)
{
    ngx_connection_t  *c;

    c = f->peer.connection;

#if (NGX_HTTP_SSL)

    if (f->conf->ssl && c->ssl == NULL) {
        ngx_http_ai_fetch_handshake(f);
        return;
    }

#endif

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    f->log.action = "talking to";

    c->read->handler = ngx_http_ai_fetch_read;
    c->write->handler = ngx_http_ai_fetch_write;

    ngx_http_ai_fetch_write(c->write);
}


#if (NGX_HTTP_SSL)

static void
ngx_http_ai_fetch_handshake(ngx_http_ai_fetch_t *f)
{
    u_char            *name;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = f->peer.connection;

    f->log.action = "SSL handshaking to";

    c->requests++;

    if (ngx_ssl_create_connection(f->conf->ssl_ctx, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_http_ai_fetch_done(f, "no memory");
        return;
    }

    /* SNI has no addresses, RFC 6066 */

    if (ngx_inet_addr(f->conf->host.data, f->conf->host.len)
        == INADDR_NONE
        && ngx_strlchr(f->conf->host.data,
                       f->conf->host.data + f->conf->host.len, ':')
           == NULL)
    {
        name = ngx_pnalloc(f->pool, f->conf->host.len + 1);
        if (name == NULL) {
            ngx_http_ai_fetch_done(f, "no memory");
            return;
        }

        (void) ngx_cpystrn(name, f->conf->host.data, f->conf->host.len + 1);

        if (SSL_set_tlsext_host_name(c->ssl->connection, (char *) name) == 0)
        {
            ngx_ssl_error(NGX_LOG_ERR, c->log, 0,
                          "SSL_set_tlsext_host_name(\"%s\") failed", name);
            ngx_http_ai_fetch_done(f, "TLS failed");
            return;
        }
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {

        if (!c->write->timer_set) {
            ngx_add_timer(c->write, NGX_HTTP_AI_FETCH_CONNECT);
        }

        c->ssl->handler = ngx_http_ai_fetch_handshaked;
        return;
    }

    ngx_http_ai_fetch_handshaked(c);
}


static void
ngx_http_ai_fetch_handshaked(ngx_connection_t *c)
{
    long                  rc;
    ngx_str_t             name;
    ngx_http_ai_fetch_t  *f;

    f = c->data;

    if (!c->ssl->handshaked) {

        if (c->write->timedout) {
            ngx_log_error(NGX_LOG_ERR, &f->log, NGX_ETIMEDOUT,
                          "ai: SSL handshake timed out");
        }

        ngx_http_ai_fetch_next(f, "TLS failed");
        return;
    }

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_log_error(NGX_LOG_ERR, &f->log, 0,
                      "ai: certificate verify error: (%l:%s)",
                      rc, X509_verify_cert_error_string(rc));
        ngx_http_ai_fetch_done(f, "its certificate cannot be verified");
        return;
    }

    name = f->conf->host;

    if (ngx_ssl_check_host(c, &name) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, &f->log, 0,
                      "ai: certificate does not match \"%V\"", &name);
        ngx_http_ai_fetch_done(f, "its certificate is of another name");
        return;
    }

    ngx_http_ai_fetch_connected(f);
}

#endif


static void
ngx_http_ai_fetch_write(ngx_event_t *wev)
{
    ssize_t               n;
    ngx_buf_t            *b;
    ngx_connection_t     *c;
    ngx_http_ai_fetch_t  *f;

    c = wev->data;
    f = c->data;
    b = &f->request;

    while (b->pos < b->last) {

        n = c->send(c, b->pos, b->last - b->pos);

        if (n == NGX_ERROR) {
            ngx_http_ai_fetch_done(f, "closed the connection");
            return;
        }

        if (n == NGX_AGAIN || n == 0) {

            if (ngx_handle_write_event(wev, 0) != NGX_OK) {
                ngx_http_ai_fetch_done(f, "no more events");
            }

            return;
        }

        b->pos += n;
    }

    wev->handler = ngx_http_ai_fetch_dummy;

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_ai_fetch_done(f, "no more events");
        return;
    }

    ngx_http_ai_fetch_read(c->read);
}


static void
ngx_http_ai_fetch_read(ngx_event_t *rev)
{
    ssize_t               n;
    u_char                buf[4096];
    ai_int_t              rc;
    ai_str_t              in;
    ngx_connection_t     *c;
    ngx_http_ai_fetch_t  *f;

    c = rev->data;
    f = c->data;

    for ( ;; ) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_http_ai_fetch_done(f, "no more events");
            }

            return;
        }

        if (n == NGX_ERROR) {
            ngx_http_ai_fetch_done(f, "closed the connection");
            return;
        }

        if (n == 0) {
            ngx_http_ai_fetch_done(f, ai_http_end(&f->http) == AI_OK
                                      ? NULL : "closed the connection");
            return;
        }

        in.data = buf;
        in.len = n;

        rc = ai_http_feed(&f->http, &in);

        if (rc != AI_AGAIN) {
            ngx_http_ai_fetch_done(f, rc == AI_OK
                                      ? NULL : "sent no valid HTTP answer");
            return;
        }
    }
}


static void
ngx_http_ai_fetch_dummy(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0, "ai: fetch dummy event");
}


static void
ngx_http_ai_fetch_expired(ngx_event_t *ev)
{
    ngx_http_ai_fetch_t  *f;

    f = ev->data;

    ngx_http_ai_fetch_done(f, "did not answer in time");
}


static void
ngx_http_ai_fetch_close(ngx_http_ai_fetch_t *f)
{
    ngx_connection_t  *c;

    c = f->peer.connection;

    if (c == NULL) {
        return;
    }

    f->peer.connection = NULL;

#if (NGX_HTTP_SSL)

    if (c->ssl) {

        /* both set, nothing is waited for */

        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

#endif

    ngx_close_connection(c);
}


static void
ngx_http_ai_fetch_free(ngx_http_ai_fetch_t *f)
{
    if (f->start.posted) {
        ngx_delete_posted_event(&f->start);
    }

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->resolve) {
        ngx_resolve_name_done(f->resolve);
        f->resolve = NULL;
    }

    ngx_http_ai_fetch_close(f);
}


static void
ngx_http_ai_fetch_done(ngx_http_ai_fetch_t *f, const char *error)
{
    ngx_http_ai_fetch_free(f);

    f->error = error;
    f->handler(f);

    /* the request had a secret in it */

    ngx_memzero(f->request.start, f->request.end - f->request.start);

    ngx_destroy_pool(f->pool);
}


void
ngx_http_ai_fetch_cancel(ngx_http_ai_fetch_t *f)
{
    ngx_http_ai_fetch_free(f);
    ngx_destroy_pool(f->pool);
}


static u_char *
ngx_http_ai_fetch_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_http_ai_fetch_t  *f;

    f = log->data;

    return ngx_snprintf(buf, len, " while %s \"%V\"", log->action,
                        &f->conf->host_header);
}
