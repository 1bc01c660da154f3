
/*
 * Small calls of our own, outside of any request: one connection, one HTTP/1.1
 * request, one answer of at most 64 KB, all within one deadline.  For tokens
 * and the like; providers are called by attempts.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_FETCH_H
#define NGX_HTTP_AI_FETCH_H


#include <codec/ai_http.h>


#define NGX_HTTP_AI_FETCH_TIMEOUT   10000   /* ms, for everything */
#define NGX_HTTP_AI_FETCH_MAX       65536   /* bytes of a body */


typedef struct ngx_http_ai_fetch_s  ngx_http_ai_fetch_t;


/* a place that is called; read-only while nginx runs */
typedef struct {
    ngx_str_t                  host;        /* without port and brackets */
    ngx_str_t                  host_header;
    ngx_str_t                  uri;         /* with query, "/" at least */
    in_port_t                  port;
    unsigned                   ssl:1;

    ngx_addr_t                *addrs;       /* known at start, or NULL */
    ngx_uint_t                 naddrs;
    ngx_resolver_t            *resolver;    /* or NULL */
    ngx_msec_t                 resolver_timeout;
#if (NGX_HTTP_SSL)
    ngx_ssl_t                 *ssl_ctx;
#endif
} ngx_http_ai_fetch_conf_t;


typedef struct {
    ngx_str_t                  method;
    ngx_str_t                  uri;         /* empty: the configuration's */
    ngx_str_t                  headers;     /* lines, each with its CRLF; not
                                               those of host and framing */
    ngx_str_t                  body;
} ngx_http_ai_fetch_request_t;


/* f->error, or status and body, which go when it returns */
typedef void (*ngx_http_ai_fetch_pt)(ngx_http_ai_fetch_t *f);


struct ngx_http_ai_fetch_s {
    void                      *data;        /* the caller's */
    const char                *error;       /* static; NULL: an answer */
    ai_http_t                  http;        /* its status and body */
    ngx_pool_t                *pool;

    const ngx_http_ai_fetch_conf_t  *conf;
    ngx_http_ai_fetch_pt       handler;
    ngx_buf_t                  request;
    ngx_peer_connection_t      peer;
    ngx_addr_t                *addrs;
    ngx_uint_t                 naddrs;
    ngx_uint_t                 next;
    ngx_resolver_ctx_t        *resolve;
    ngx_event_t                start;
    ngx_event_t                timer;
    ngx_log_t                  log;
    ai_pool_t                  ai_pool;
};


#pragma GCC visibility push(hidden)


/*
 * At configuration time, once the whole file was read.  url is http:// or
 * https://, without user and fragment; ca is a file of certificates to be
 * trusted beside the system's, or empty.  NULL: the error was logged with
 * place.
 */
ngx_http_ai_fetch_conf_t *ngx_http_ai_fetch_conf(ngx_conf_t *cf,
    ngx_http_ai_place_t *place, ngx_str_t *url, ngx_str_t *ca);

/*
 * The request is copied.  The handler is called once, from an event, never
 * before this returns.  NULL: no memory.
 */
ngx_http_ai_fetch_t *ngx_http_ai_fetch(const ngx_http_ai_fetch_conf_t *conf,
    const ngx_http_ai_fetch_request_t *rq, ngx_http_ai_fetch_pt handler,
    void *data);

/* the handler is not called any more; not from within it */
void ngx_http_ai_fetch_cancel(ngx_http_ai_fetch_t *f);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_FETCH_H */
