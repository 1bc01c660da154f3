
/*
 * Between the files of share.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_SHARE_INT_H
#define NGX_HTTP_AI_SHARE_INT_H


/* of a call */
typedef struct {
    uint32_t                   zone;        /* hash of its name */
    ai_lease_call_t           *call;
} ngx_http_ai_share_scope_t;


struct ngx_http_ai_share_s {
    ngx_pool_t                *pool;        /* its own */
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_ai_ctx_t         *ctx;         /* who waits; NULL: nobody */
    ngx_http_ai_redis_call_t  *redis;
    ngx_http_ai_share_scope_t *scope;
    ngx_uint_t                 n;

    u_char                     epoch[64];
    size_t                     epoch_len;
    u_char                     owner[32];   /* hex: the ledger */
    int64_t                    gen;
    int64_t                    serial;

    unsigned                   sole:1;      /* no other master runs here */
    unsigned                   tells:1;     /* made by share_tell */
};


#define ngx_http_ai_share_is(s, word)                                         \
    ((s)->len == sizeof(word) - 1                                             \
     && ngx_strncmp((s)->data, word, sizeof(word) - 1) == 0)


#pragma GCC visibility push(hidden)


/* with room for n scopes; NULL: no memory */
ngx_http_ai_share_t *ngx_http_ai_share_create(ngx_http_ai_main_conf_t *amcf,
    ngx_uint_t n);

/* under the lock, which is held until all scopes are there: when it is */
void ngx_http_ai_share_stamp(ngx_http_ai_share_t *share);
/* one more scope, to be filled; NULL: no memory */
ai_lease_call_t *ngx_http_ai_share_scope(ngx_http_ai_share_t *share,
    const ngx_http_ai_limit_zone_t *zone);

/* under the lock: it was not sent, and is gone */
void ngx_http_ai_share_failed(ngx_http_ai_share_t *share);

/* under the lock: that of a scope; NULL: it is not there any more */
ai_quota_t *ngx_http_ai_share_quota(const ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_share_scope_t *s);

/* tries all who wait */
void ngx_http_ai_share_wake(void);

/* the script's keys and arguments, of the share's pool; NULL: no memory */
ngx_str_t *ngx_http_ai_share_args(ngx_http_ai_share_t *share,
    ngx_uint_t *nkeys, ngx_uint_t *argc);

/* PREFIX with a word, and with a counter's name; NULL: no memory */
ngx_str_t *ngx_http_ai_share_word(const ngx_http_ai_main_conf_t *amcf,
    ngx_pool_t *pool, const char *word);
ngx_str_t *ngx_http_ai_share_key(const ngx_http_ai_share_t *share,
    const ai_lease_call_t *call);

/* may calls be made? and who needs one and may not does this */
ngx_uint_t ngx_http_ai_share_is_sure(const ngx_http_ai_main_conf_t *amcf);
void ngx_http_ai_share_make_sure(void);

/* what has changed is told: the timer, and the answer to a call of it */
void ngx_http_ai_share_tell_init(ngx_http_ai_main_conf_t *amcf,
    ngx_log_t *log);
void ngx_http_ai_share_told(ngx_uint_t ok);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_SHARE_INT_H */
