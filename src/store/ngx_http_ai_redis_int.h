
/*
 * Inside of ai_redis: a line of the configuration, what a worker has of it,
 * and one connection.
 *
 *     conf       reads the line
 *     redis      calls and replies; whether it is up
 *     link       one connection: hiredis on nginx's events, deadlines, retries
 *     sentinel   asks which server is the master
 */

#include <store/ngx_http_ai_redis.h>

#include <hiredis/hiredis.h>
#include <hiredis/async.h>

#if (NGX_HTTP_AI_HIREDIS_SSL)
#include <hiredis/hiredis_ssl.h>
#endif

#ifndef NGX_HTTP_AI_REDIS_INT_H
#define NGX_HTTP_AI_REDIS_INT_H


#define NGX_HTTP_AI_REDIS_POOL_MAX  64


/* why a connection is not there */
typedef enum {
    NGX_HTTP_AI_REDIS_R_NONE = 0,
    NGX_HTTP_AI_REDIS_R_CONNECT,
    NGX_HTTP_AI_REDIS_R_CLOSED,
    NGX_HTTP_AI_REDIS_R_TIMEOUT,
    NGX_HTTP_AI_REDIS_R_PROTOCOL,
    NGX_HTTP_AI_REDIS_R_AUTH,
    NGX_HTTP_AI_REDIS_R_SELECT,
    NGX_HTTP_AI_REDIS_R_LOADING,
    NGX_HTTP_AI_REDIS_R_READONLY,
    NGX_HTTP_AI_REDIS_R_REFUSED,
    NGX_HTTP_AI_REDIS_R_MASTER,
    NGX_HTTP_AI_REDIS_R_MEMORY
} ngx_http_ai_redis_reason_e;


typedef struct {
    ngx_str_t                   text;       /* for messages */
    char                       *host;       /* an IP address, or the path */
    int                         port;       /* 0: a unix socket */
} ngx_http_ai_redis_addr_t;


typedef struct ngx_http_ai_redis_link_s  ngx_http_ai_redis_link_t;


struct ngx_http_ai_redis_call_s {
    ngx_queue_t                 queue;      /* of the link */
    ngx_http_ai_redis_link_t   *link;
    ngx_http_ai_redis_pt        handler;    /* NULL: nobody waits */
    void                       *data;

    ngx_msec_t                  deadline;
    uint64_t                    start;      /* us */

    /* NULL, or once it was sent as a whole: a command */
    ngx_http_ai_redis_script_t *script;

    unsigned                    own:1;      /* of the link itself */
    unsigned                    expired:1;

    ngx_uint_t                  argc;       /* of the whole command */
    size_t                      head;       /* bytes of name and script */
    size_t                      len;
    u_char                      text[1];    /* as it is sent, and a zero */
};


struct ngx_http_ai_redis_link_s {
    ngx_http_ai_redis_t        *rd;
    ngx_uint_t                  n;          /* of the pool */

    redisAsyncContext          *ac;         /* NULL: there is no connection */
    ngx_connection_t           *c;
    ngx_http_ai_redis_addr_t   *addr;

    ngx_queue_t                 calls;      /* sent, in order */
    ngx_uint_t                  pending;

    ngx_event_t                 timer;      /* the first deadline; without a
                                               connection: the next try */
    ngx_event_t                 flush;      /* posted: there is something to
                                               send */
    ngx_connection_t            ident;      /* of both, for debug logs */

    ngx_msec_t                  heard;      /* when a reply came */
    ngx_uint_t                  fails;      /* in a row */
    ngx_http_ai_redis_reason_e  reason;
    u_char                      code[64];   /* more of it, for the log */

    unsigned                    up:1;       /* takes calls */
    unsigned                    was_up:1;
    unsigned                    connected:1;
    unsigned                    flushing:1;
    unsigned                    sentinel:1; /* it is the one that asks */
    unsigned                    found:1;    /* and it has got an answer */
};


struct ngx_http_ai_redis_s {
    ngx_str_t                   name;
    ngx_str_t                   prefix;
    ngx_str_t                   user;
    ngx_str_t                   password;
    ngx_str_t                   sentinel;   /* the master's name, or empty */
    ngx_str_t                   sentinel_password;
    ngx_int_t                   db;
    ngx_int_t                   pool;
    ngx_msec_t                  connect_timeout;
    ngx_msec_t                  timeout;
    ngx_array_t                 addrs;      /* ngx_http_ai_redis_addr_t */
    ngx_uint_t                  deny;
    ngx_uint_t                  ssl;
#if (NGX_HTTP_AI_HIREDIS_SSL)
    redisSSLContext            *ssl_ctx;
#endif

    /* from here on of the worker; without links nothing was started */

    ngx_log_t                  *log;
    ngx_http_ai_redis_link_t   *links;
    ngx_http_ai_redis_link_t   *ask;        /* sentinel */
    ngx_http_ai_redis_link_t   *leader;     /* the one that tries, as long as
                                               none is up */
    ngx_http_ai_redis_addr_t    master;     /* as Sentinel said */
    u_char                      master_host[NGX_SOCKADDR_STRLEN];
    u_char                      master_text[NGX_SOCKADDR_STRLEN + 8];

    ngx_event_t                 health;
    ngx_connection_t            ident;

    ngx_uint_t                  at;         /* address, or sentinel, to try */
    ngx_uint_t                  tried;      /* how many since all failed */
    ngx_uint_t                  logged;     /* reasons, bits, of this state */

    unsigned                    up:1;
    unsigned                    known:1;    /* it was up or down before */
    unsigned                    moved:1;    /* it was said that it is part of
                                               a cluster */
    unsigned                    exiting:1;

    ngx_http_ai_redis_stats_t   stats;
};


#pragma GCC visibility push(hidden)


/* redis: sends a call; the reply callback of all of them */
ngx_int_t ngx_http_ai_redis_send(ngx_http_ai_redis_link_t *link,
    ngx_http_ai_redis_call_t *call);

/* a call of the link's own; NGX_ERROR: no memory, or the link is going */
ngx_int_t ngx_http_ai_redis_own(ngx_http_ai_redis_link_t *link,
    const ngx_str_t *argv, ngx_uint_t argc, ngx_msec_t timeout,
    ngx_http_ai_redis_pt handler);

/* redis: what the links have become; logs a change */
void ngx_http_ai_redis_changed(ngx_http_ai_redis_t *rd,
    ngx_http_ai_redis_link_t *link);
ngx_uint_t ngx_http_ai_redis_is(const ngx_str_t *error, const char *code);

/* link */
void ngx_http_ai_redis_link_init(ngx_http_ai_redis_link_t *link,
    ngx_http_ai_redis_t *rd);
void ngx_http_ai_redis_link_start(ngx_http_ai_redis_link_t *link);
void ngx_http_ai_redis_link_connect(ngx_http_ai_redis_link_t *link,
    ngx_http_ai_redis_addr_t *addr);
void ngx_http_ai_redis_link_retry(ngx_http_ai_redis_link_t *link);
void ngx_http_ai_redis_link_watch(ngx_http_ai_redis_link_t *link,
    ngx_msec_t deadline);
void ngx_http_ai_redis_link_ping(ngx_http_ai_redis_link_t *link);

/* ends the connection: after the callback that runs, or at once */
void ngx_http_ai_redis_link_fail(ngx_http_ai_redis_link_t *link,
    ngx_http_ai_redis_reason_e reason, const ngx_str_t *error);
void ngx_http_ai_redis_link_close(ngx_http_ai_redis_link_t *link);

/* sentinel */
void ngx_http_ai_redis_ask(ngx_http_ai_redis_t *rd);
void ngx_http_ai_redis_ask_greet(ngx_http_ai_redis_link_t *link);
void ngx_http_ai_redis_ask_lost(ngx_http_ai_redis_link_t *link);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_REDIS_INT_H */
