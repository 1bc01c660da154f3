
/*
 * Providers made ready when the whole file was read: an upstream{} that an
 * endpoint names may follow the block.
 */

#include <provider/ngx_http_ai_provider_int.h>


#define NGX_HTTP_AI_BUFFER_SIZE   65536     /* of a read from a provider */
#define NGX_HTTP_AI_KEEPALIVE     32


static ngx_int_t ngx_http_ai_provider_fixed(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);

static ngx_int_t ngx_http_ai_provider_upstream(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_addrs(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_has_resolver(ngx_conf_t *cf);
static void ngx_http_ai_provider_clear_text(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_is_private(struct sockaddr *sa);
static ngx_int_t ngx_http_ai_provider_conf(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p, ngx_http_upstream_conf_t *prev);


/* the whole file was read */

ngx_int_t
ngx_http_ai_provider_init(ngx_conf_t *cf,
    ngx_http_ai_provider_main_conf_t *conf)
{
    ngx_uint_t                 i;
    ngx_http_ai_provider_t   **p;
    ngx_http_upstream_conf_t   prev;

    ngx_memzero(&prev, sizeof(ngx_http_upstream_conf_t));
    prev.hide_headers = NGX_CONF_UNSET_PTR;
    prev.pass_headers = NGX_CONF_UNSET_PTR;

    p = conf->providers.elts;

    for (i = 0; i < conf->providers.nelts; i++) {

        if (ngx_http_ai_provider_upstream(cf, p[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_conf_init_value(p[i]->keepalive, NGX_HTTP_AI_KEEPALIVE);
        ngx_conf_init_msec_value(p[i]->keepalive_timeout, 60000);
        ngx_conf_init_value(p[i]->resolve, 1);

        if (ngx_http_ai_provider_addrs(cf, p[i]) != NGX_OK
            || ngx_http_ai_provider_fixed(cf, p[i]) != NGX_OK
            || ngx_http_ai_provider_gcp_init(cf, p[i]) != NGX_OK
            || ngx_http_ai_provider_conf(cf, p[i], &prev) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_ai_provider_clear_text(cf, p[i]);
    }

    return NGX_OK;
}


/* an upstream{} of the endpoint's name */

static ngx_int_t
ngx_http_ai_provider_upstream(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    const char                      *name;
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **uscf;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    uscf = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if ((uscf[i]->flags & NGX_HTTP_UPSTREAM_CREATE)
            && uscf[i]->host.len == p->host.len
            && ngx_strncasecmp(uscf[i]->host.data, p->host.data, p->host.len)
               == 0)
        {
            break;
        }
    }

    if (i == umcf->upstreams.nelts) {
        return NGX_OK;
    }

    if (p->port_given) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "upstream \"%V\" may not have port %d",
                               &p->host, (int) p->port);
        return NGX_ERROR;
    }

    name = p->keepalive != NGX_CONF_UNSET ? "keepalive"
           : p->keepalive_timeout != NGX_CONF_UNSET_MSEC ? "keepalive_timeout"
           : p->resolve != NGX_CONF_UNSET ? "resolve"
           : NULL;

    if (name) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"%s\" of ai_provider \"%V\" cannot take "
                               "effect, its endpoint is the upstream \"%V\"",
                               name, &p->name, &p->host);
        return NGX_ERROR;
    }

    p->uscf = uscf[i];

    return NGX_OK;
}


/*
 * Addresses that are known at start.  A name that the resolver will find is
 * left to it; a lookup of our own blocks, and its failing must not keep nginx
 * from starting.
 */

static ngx_int_t
ngx_http_ai_provider_addrs(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_url_t  u;

    if (p->uscf) {
        return NGX_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    /* with brackets and port, so that any address is seen as one */

    u.url = p->host_header;
    u.default_port = p->port;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_http_ai_conf_error(cf, &p->place, "%s in endpoint \"%V\"",
                               u.err ? u.err : "invalid host", &p->endpoint);
        return NGX_ERROR;
    }

    if (u.naddrs == 0) {

        if (p->resolve && ngx_http_ai_provider_has_resolver(cf)) {
            return NGX_OK;
        }

        if (ngx_inet_resolve_host(cf->pool, &u) != NGX_OK) {
            ngx_http_ai_conf_warn(cf, &p->place,
                                  "host not found in endpoint \"%V\" of "
                                  "ai_provider \"%V\"%s",
                                  &p->endpoint, &p->name,
                                  p->resolve ? ", and there is no \"resolver\""
                                               " to look for it later" : "");
            return NGX_OK;
        }

    } else if (p->ssl && p->ssl_verify != 0 && p->ssl_name.data == NULL) {

        /* nginx compares names only */

        ngx_http_ai_conf_warn(cf, &p->place,
                              "the certificate of an address cannot be "
                              "verified, set \"ssl_name\" of ai_provider "
                              "\"%V\"", &p->name);
    }

    p->addrs = u.addrs;
    p->naddrs = u.naddrs;

    return NGX_OK;
}


/* on the http level or in any server */

static ngx_int_t
ngx_http_ai_provider_has_resolver(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver && clcf->resolver->connections.nelts) {
        return 1;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        clcf = cscf[i]->ctx->loc_conf[ngx_http_core_module.ctx_index];

        if (clcf->resolver && clcf->resolver->connections.nelts) {
            return 1;
        }
    }

    return 0;
}


/* a key that anybody on the way can read */

static void
ngx_http_ai_provider_clear_text(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_uint_t  i;

    if (p->ssl || (p->key.len == 0 && p->gcp == NULL) || p->uscf) {
        return;
    }

    for (i = 0; i < p->naddrs; i++) {
        if (!ngx_http_ai_provider_is_private(p->addrs[i].sockaddr)) {
            break;
        }
    }

    if (p->naddrs && i == p->naddrs) {
        return;
    }

    /* a name without a dot is one of this network, as of a container */

    if (p->naddrs == 0
        && ngx_strlchr(p->host.data, p->host.data + p->host.len, '.') == NULL)
    {
        return;
    }

    ngx_http_ai_conf_warn(cf, &p->place,
                          "the key of ai_provider \"%V\" goes in clear text "
                          "to \"%V\"", &p->name, &p->endpoint);
}


static ngx_int_t
ngx_http_ai_provider_is_private(struct sockaddr *sa)
{
    in_addr_t             a;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    u_char               *b;
    struct sockaddr_in6  *sin6;

    if (sa->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) sa;
        b = sin6->sin6_addr.s6_addr;

        /* ::1, fc00::/7, fe80::/10 */

        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr)
               || (b[0] & 0xfe) == 0xfc
               || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
    }
#endif

    sin = (struct sockaddr_in *) sa;
    a = ntohl(sin->sin_addr.s_addr);

    return (a >> 24) == 127                          /* 127/8 */
           || (a >> 24) == 10                        /* 10/8 */
           || (a >> 20) == 0xac1                     /* 172.16/12 */
           || (a >> 16) == 0xc0a8                    /* 192.168/16 */
           || (a >> 16) == 0xa9fe                    /* 169.254/16 */
           || (a >> 22) == (0x64400000 >> 22);       /* 100.64/10 */
}


static ngx_int_t
ngx_http_ai_provider_conf(ngx_conf_t *cf, ngx_http_ai_provider_t *p,
    ngx_http_upstream_conf_t *prev)
{
    ngx_hash_init_t            hash;
    ngx_http_upstream_conf_t  *u;

    static ngx_str_t  no_headers[] = { ngx_null_string };

    u = &p->upstream;

    /* timeouts of the location take the place of these where they are unset */

    u->connect_timeout = p->connect_timeout != NGX_CONF_UNSET_MSEC
                         ? p->connect_timeout : 5000;
    u->send_timeout = p->send_timeout != NGX_CONF_UNSET_MSEC
                      ? p->send_timeout : 60000;
    u->read_timeout = p->read_timeout != NGX_CONF_UNSET_MSEC
                      ? p->read_timeout : 600000;

    u->buffering = 0;
    u->request_buffering = 1;
    u->buffer_size = NGX_HTTP_AI_BUFFER_SIZE;
    u->pass_request_headers = 0;
    u->pass_request_body = 0;

    /* X-Accel-* of a provider must not reach into this nginx */

    u->ignore_headers = NGX_CONF_BITMASK_SET
                        |NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                        |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES
                        |NGX_HTTP_UPSTREAM_IGN_EXPIRES
                        |NGX_HTTP_UPSTREAM_IGN_CACHE_CONTROL
                        |NGX_HTTP_UPSTREAM_IGN_SET_COOKIE
                        |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                        |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                        |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET
                        |NGX_HTTP_UPSTREAM_IGN_VARY;

    ngx_str_set(&u->module, "ai");

    u->hide_headers = NGX_CONF_UNSET_PTR;
    u->pass_headers = NGX_CONF_UNSET_PTR;

    ngx_memzero(&hash, sizeof(ngx_hash_init_t));

    hash.max_size = 512;
    hash.bucket_size = ngx_align(64, ngx_cacheline_size);
    hash.name = "ai_provider_headers_hash";

    if (ngx_http_upstream_hide_headers_hash(cf, u, prev, no_headers, &hash)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p->ssl && ngx_http_ai_provider_ssl_init(cf, p) != NGX_OK) {
        return NGX_ERROR;
    }

    if (p->uscf) {
        u->upstream = p->uscf;
        u->next_upstream = NGX_CONF_BITMASK_SET
                           |NGX_HTTP_UPSTREAM_FT_ERROR
                           |NGX_HTTP_UPSTREAM_FT_TIMEOUT
                           |NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;
        return NGX_OK;
    }

    /*
     * What failed after it was sent ends the attempt: the peers count tries,
     * a second one is for another address when nothing was sent.  On a kept
     * connection that the provider closed meanwhile nginx gives one more.
     */

    u->next_upstream = NGX_CONF_BITMASK_SET
                       |NGX_HTTP_UPSTREAM_FT_ERROR
                       |NGX_HTTP_UPSTREAM_FT_TIMEOUT
                       |NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;

    return ngx_http_ai_peers_create(cf, p);
}


/* the header lines that are the same in every request */

static ngx_int_t
ngx_http_ai_provider_fixed(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    size_t   len;
    u_char  *b, *line, *next, *colon, *last;

    len = sizeof("Host: " CRLF) - 1 + p->host_header.len
          + p->key_header.len + sizeof(": " CRLF) - 1
          + p->key_prefix.len + p->key.len
          + p->api->headers.len;

    b = ngx_pnalloc(cf->pool, len);
    if (b == NULL) {
        return NGX_ERROR;
    }

    p->fixed.data = b;

    if (!ngx_http_ai_provider_sets(p, (u_char *) "Host", 4)) {
        b = ngx_sprintf(b, "Host: %V" CRLF, &p->host_header);
    }

    if (p->key.len) {
        b = ngx_sprintf(b, "%V: %V%V" CRLF, &p->key_header, &p->key_prefix,
                        &p->key);
    }

    p->fixed.len = b - p->fixed.data;
    p->own.data = b;

    if (p->api->headers.len == 0) {
        return NGX_OK;
    }

    line = p->api->headers.data;
    last = line + p->api->headers.len;

    for ( /* void */ ; line < last; line = next) {

        next = ngx_strlchr(line, last, LF);
        next = next ? next + 1 : last;

        colon = ngx_strlchr(line, next, ':');

        if (colon == NULL || ngx_http_ai_provider_sets(p, line, colon - line))
        {
            continue;
        }

        b = ngx_cpymem(b, line, next - line);
    }

    p->own.len = b - p->own.data;

    return NGX_OK;
}
