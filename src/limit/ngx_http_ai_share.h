
/*
 * Limits that several nodes share through Redis: leases are asked for, and
 * what was used is told.
 *
 * A request takes what it needs of leases that this node has.  Where these do
 * not hold it, it waits for an answer of Redis, as long as "timeout" of
 * ai_redis, and then goes on with what is known here, or is refused
 * (on_error=).  One worker tells Redis what has changed, renews leases and
 * gives back what nobody uses.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_SHARE_H
#define NGX_HTTP_AI_SHARE_H


#include <limit/ai_lease.h>


/* in the zone; under the lock of spend */
typedef struct {
    u_char                     epoch[64];
    size_t                     len;         /* 0: not known yet */
    ngx_uint_t                 changed;     /* Redis has another one */
    int64_t                    gen;         /* counts what Redis may have
                                               forgotten everything by */
    int64_t                    serial;      /* of calls */
} ngx_http_ai_share_sh_t;


/* a call on its way */
typedef struct ngx_http_ai_share_s      ngx_http_ai_share_t;

typedef struct ngx_http_ai_limit_ctx_s  ngx_http_ai_limit_ctx_t;


#pragma GCC visibility push(hidden)


ngx_int_t ngx_http_ai_share_init_conf(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);
ngx_int_t ngx_http_ai_share_init_process(ngx_cycle_t *cycle);

/* the master, at its end: tells Redis the last, and gives leases back */
void ngx_http_ai_share_exit_master(ngx_http_ai_main_conf_t *amcf);

/* ms of the clock of leases */
#define ngx_http_ai_share_now()  ((int64_t) ngx_current_msec)

/*
 * Under the lock: a call for what all claims need that have "asked" set; NULL:
 * it cannot be made now.  prefetch: for nobody, more than there is.
 */
ngx_http_ai_share_t *ngx_http_ai_share_begin(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_limit_ctx_t *limit, ngx_uint_t prefetch);

/* not under the lock: sends it; NGX_DECLINED: Redis is down, it is gone */
ngx_int_t ngx_http_ai_share_send(ngx_http_ai_share_t *share);

/*
 * Not under the lock: the request waits for the answer, or (share is NULL)
 * until somebody else's is there.  NGX_AGAIN: it will be run again; NGX_OK: it
 * is to go on alone (limit->alone).
 */
ngx_int_t ngx_http_ai_share_wait(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_share_t *share);

/* does it wait for Redis? */
ngx_uint_t ngx_http_ai_share_is_waiting(const ngx_http_ai_ctx_t *ctx);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_SHARE_H */
