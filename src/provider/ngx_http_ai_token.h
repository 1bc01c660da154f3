
/*
 * Access tokens that expire: fetched from a token endpoint, shared by all
 * workers and over reloads, renewed before they end.
 *
 * One worker at a time asks the endpoint; requests that cannot do without
 * wait for it.  Who sees that a token is due has it renewed in the background
 * and goes on with the old one.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_TOKEN_H
#define NGX_HTTP_AI_TOKEN_H


#include <core/ngx_http_ai_fetch.h>
#include <provider/ai_oauth.h>


typedef struct ngx_http_ai_token_s  ngx_http_ai_token_t;


/* the request for a token, in memory of pool, which goes after it was sent */
typedef ngx_int_t (*ngx_http_ai_token_request_pt)(void *data,
    ngx_pool_t *pool, ngx_http_ai_fetch_request_t *rq);


/* in shared memory, under the zone's lock but for the generation; times are
 * of ngx_current_msec, which is one clock for all processes */
typedef struct {
    ngx_atomic_t               generation;  /* another with each token, and
                                               when one is dropped; 0: none */
    ngx_msec_t                 due;         /* to be renewed from then on */
    ngx_msec_t                 end;         /* not to be used from then on */

    ngx_pid_t                  owner;       /* who asks, 0: nobody */
    ngx_msec_t                 deadline;    /* ... until then at most */

    ngx_uint_t                 failures;    /* in a row */
    ngx_msec_t                 failed;      /* the last of them */
    ngx_uint_t                 drops;       /* tokens that were refused */
    ngx_msec_t                 dropped;     /* the last of them */

    size_t                     len;         /* 0: no token */
    u_char                     text[AI_OAUTH_TOKEN_MAX];
} ngx_http_ai_token_sh_t;


struct ngx_http_ai_token_s {
    ngx_str_t                  name;        /* of the provider */
    const ngx_http_ai_fetch_conf_t  *place;
    ngx_http_ai_token_request_pt  request;
    void                      *data;
    ngx_shm_zone_t            *zone;
    ngx_http_ai_token_sh_t    *sh;

    /* this worker's */
    ngx_atomic_uint_t          generation;  /* that it has a copy of */
    ngx_msec_t                 due;
    ngx_msec_t                 end;
    ngx_http_ai_fetch_t       *fetch;       /* it asks */
    ngx_event_t                timer;       /* looks what another has got */
    ngx_queue_t                waiting;
    size_t                     len;
    u_char                     text[AI_OAUTH_TOKEN_MAX];
};


#pragma GCC visibility push(hidden)


/* provider->credential, with a token as credential_data: sends "Authorization:
 * Bearer" */
extern const ngx_http_ai_credential_t  ngx_http_ai_token_credential;


/*
 * At configuration time.  key tells this credential from all others, best by
 * a hash of it: providers of one credential share the token, and another one
 * never inherits it.  NULL: no memory.
 */
ngx_http_ai_token_t *ngx_http_ai_token_create(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *key, const ngx_http_ai_fetch_conf_t *place,
    ngx_http_ai_token_request_pt request, void *data);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_TOKEN_H */
