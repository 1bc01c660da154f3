
/*
 * ai_limit: how much a key may use.  What a request may need is reserved
 * before a provider is called; what it has used is settled at its end
 * (store/ngx_http_ai_spend.h).
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_LIMIT_H
#define NGX_HTTP_AI_LIMIT_H


#include <base/ai_limit.h>
#include <limit/ai_quota.h>
#include <limit/ngx_http_ai_share.h>


#define NGX_HTTP_AI_LIMIT_CLAIMS  AI_LEDGER_SCOPES


/* what happens to a request that a limit refuses */
typedef enum {
    NGX_HTTP_AI_LIMIT_REJECT = 0,
    NGX_HTTP_AI_LIMIT_NEXT,                 /* the next target, which may be
                                               cheaper */
    NGX_HTTP_AI_LIMIT_ROUTE,                /* another route */
    NGX_HTTP_AI_LIMIT_LOG                   /* nothing but a line in the log */
} ngx_http_ai_limit_exceed_e;


/* what became of a request at a limit, for metrics */
typedef enum {
    NGX_HTTP_AI_LIMIT_WAS_PASSED = 0,
    NGX_HTTP_AI_LIMIT_WAS_SOFT,
    NGX_HTTP_AI_LIMIT_WAS_REJECTED,
    NGX_HTTP_AI_LIMIT_WAS_DRY_RUN,

    NGX_HTTP_AI_LIMIT_WAS_MAX
} ngx_http_ai_limit_was_e;


/* requests that there was no room for, since it was told when */
typedef struct {
    ngx_atomic_t               n;
    ngx_atomic_t               told;        /* ngx_current_msec; 0: never */
} ngx_http_ai_limit_full_t;


/* in shared memory */
typedef struct {
    uint64_t                   magic;       /* with the version */
    ai_quotas_t               *quotas;
    ngx_http_ai_limit_full_t   full;
} ngx_http_ai_limit_sh_t;


typedef struct {
    ngx_str_t                  name;
    uint32_t                   hash;        /* of the name */
    ngx_http_complex_value_t   key;
    ngx_shm_zone_t            *shm_zone;    /* NULL: of keys' own limits, in
                                               ai_zone */
    ngx_slab_pool_t           *shpool;
    ngx_http_ai_limit_sh_t    *sh;
    ngx_str_t                  redis;       /* "redis=", or empty */
    unsigned                   keys:1;      /* limits of the key file */
    unsigned                   used:1;      /* by an ai_limit */
    unsigned                   shared:1;    /* with other nodes */
    ngx_http_ai_place_t        place;

    /* series of metrics, once this worker has found them */
    void                      *told[AI_UNIT_MAX][NGX_HTTP_AI_LIMIT_WAS_MAX];
} ngx_http_ai_limit_zone_t;


/* UNIT=VALUE/PERIOD */
typedef struct {
    ai_unit_e                  unit;
    int32_t                    period;
    int64_t                    amount;      /* with burst; or: */
    ngx_http_complex_value_t  *value;       /* NULL: amount */
    const ai_tz_t             *tz;          /* NULL: UTC */
} ngx_http_ai_limit_unit_t;


/* one ai_limit */
typedef struct {
    ngx_http_ai_limit_zone_t  *zone;        /* set by merge, of */
    ngx_str_t                  name;
    ngx_array_t                units;       /* ngx_http_ai_limit_unit_t */
    ngx_uint_t                 soft;        /* per mille; 0: none */
    int64_t                    burst;
    int64_t                    reserve;     /* tokens of output, -1: full */
    ngx_http_ai_limit_exceed_e exceed;
    ngx_str_t                  route_name;
    ngx_http_ai_route_t       *route;
    ngx_http_complex_value_t  *message;     /* or NULL */
    ai_tz_t                   *tz;
    ngx_http_ai_place_t        place;
} ngx_http_ai_limit_rule_t;


typedef struct {
    ngx_array_t               *zones;       /* ngx_http_ai_limit_zone_t * */
    ngx_http_ai_limit_zone_t  *keys;        /* or NULL */
    ngx_http_ai_share_sh_t    *share;       /* NULL: nothing is shared */
} ngx_http_ai_limit_main_conf_t;


typedef struct {
    ngx_array_t               *rules;       /* ngx_http_ai_limit_rule_t; NULL:
                                               none */
    ngx_uint_t                 status;
    ngx_flag_t                 dry_run;
    unsigned                   counts:1;    /* tokens or money: the prompt's
                                               size is asked for */
} ngx_http_ai_limit_loc_conf_t;


typedef enum {
    NGX_HTTP_AI_LIMIT_NONE = 0,             /* no limit applies */
    NGX_HTTP_AI_LIMIT_PASSED,
    NGX_HTTP_AI_LIMIT_SOFT,
    NGX_HTTP_AI_LIMIT_REJECTED,
    NGX_HTTP_AI_LIMIT_REJECTED_DRY_RUN
} ngx_http_ai_limit_status_e;


/* a counter of a request */
typedef struct {
    const ngx_http_ai_limit_rule_t  *rule;  /* NULL: of the key's line */
    ngx_http_ai_limit_zone_t  *zone;
    ngx_str_t                  key;
    ai_unit_e                  unit;
    int32_t                    period;
    uint64_t                   id;
    ai_quota_claim_t           claim;
    unsigned                   twin:1;      /* an earlier one has the same
                                               counter */
    unsigned                   refused:1;
    unsigned                   asked:1;     /* of Redis: there is not enough of
                                               a lease */
} ngx_http_ai_limit_claim_t;


/* in ctx->limit */
struct ngx_http_ai_limit_ctx_s {
    ngx_http_ai_limit_status_e status;
    ngx_uint_t                 n;           /* of claim[] */
    const ngx_http_ai_limit_claim_t  *tight;    /* the one that is nearest to
                                               its limit, or that refused */
    const ngx_http_ai_candidate_t    *candidate;    /* admitted */
    int64_t                    prompt;      /* tokens that were reserved, at
                                               least what it has, ... */
    int64_t                    output;      /* ... for, -1: not bounded */
    int64_t                    step;        /* reserve=N: another N each time;
                                               0: all of it is reserved */
    const ai_price_t          *price;
    ngx_msec_t                 noted;       /* progress, last */
    unsigned                   moved:1;     /* to another route, once */

    /* of limit/ngx_http_ai_share.h: while it waits for Redis */
    ngx_http_ai_ctx_t         *ctx;         /* back; set once it has waited */
    ngx_http_ai_share_t       *share;       /* for its own call, ... */
    ngx_queue_t                waiter;      /* ... or for somebody's */
    ngx_msec_t                 since;
    unsigned                   waiting:1;
    unsigned                   patient:1;   /* since is set */
    unsigned                   alone:1;     /* goes by what is known here */

    /* the last member: those that are not in use are not even zeroed */
    ngx_http_ai_limit_claim_t  claim[NGX_HTTP_AI_LIMIT_CLAIMS];
};


#pragma GCC visibility push(hidden)


/* setters of "ai_limit_zone", "ai_limit" */
char *ngx_http_ai_limit_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ai_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* a request was refused, since memory has no room for what it reserves */
void ngx_http_ai_limit_full(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_ctx_t *limit);

void ngx_http_ai_limit_create(ngx_http_ai_limit_loc_conf_t *conf);
char *ngx_http_ai_limit_merge(ngx_conf_t *cf,
    ngx_http_ai_limit_loc_conf_t *prev, ngx_http_ai_limit_loc_conf_t *conf);

/* once all was read: the table of keys' own limits, if any key has one; and
 * once levels are merged: warns of zones that nobody uses */
ngx_int_t ngx_http_ai_limit_init_conf(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);
ngx_int_t ngx_http_ai_limit_init(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);
ngx_int_t ngx_http_ai_limit_init_module(ngx_cycle_t *cycle,
    ngx_http_ai_main_conf_t *amcf);

/* the part of spend that is ours */
extern const ngx_http_ai_spend_hooks_t  ngx_http_ai_limit_hooks;

/* a zone of a name, at configuration time, and of a name's hash; NULL: none */
ngx_http_ai_limit_zone_t *ngx_http_ai_limit_by_name(
    const ngx_http_ai_main_conf_t *amcf, ngx_str_t *name);
ngx_http_ai_limit_zone_t *ngx_http_ai_limit_by_hash(
    const ngx_http_ai_main_conf_t *amcf, uint32_t hash);

/* the counter of a claim, made when it is new; under the lock; NULL: no
 * memory */
ai_quota_t *ngx_http_ai_limit_quota(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_limit_claim_t *claim, int64_t now_ms);


/*
 * What this candidate needs is reserved, or kept if it was for another one.
 * NGX_OK; NGX_DECLINED: a limit refuses, ctx->error is filled; NGX_AGAIN: this
 * candidate is refused, another may be asked for; NGX_DONE: another route,
 * ctx->route was exchanged; NGX_BUSY: the request waits for Redis, and is run
 * again: admit it once more then; NGX_ERROR.
 */
ngx_int_t ngx_http_ai_limit_admit(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, const ngx_http_ai_candidate_t *candidate);

/* a provider is called now */
void ngx_http_ai_limit_sent(ngx_http_ai_ctx_t *ctx);

/* how far the answer is, for the case that this process is killed */
void ngx_http_ai_limit_progress(ngx_http_ai_attempt_t *at);

/* the status before anything was asked for; for $ai_limit_status */
void ngx_http_ai_limit_peek(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx);

/* does the prompt's size matter here? */
ngx_uint_t ngx_http_ai_limit_counts(const ngx_http_ai_ctx_t *ctx);

/* what is left of a limit, behind this request */
int64_t ngx_http_ai_limit_left(const ngx_http_ai_limit_claim_t *claim);

/* x-ratelimit-* and the like, in the caller's dialect */
ngx_int_t ngx_http_ai_limit_headers(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

/* has it come to its soft threshold? */
ngx_uint_t ngx_http_ai_limit_is_soft(const ngx_http_ai_limit_claim_t *claim,
    int64_t used);

/* for metrics and alerts: what was decided, and what was spent in the end */
void ngx_http_ai_limit_tell(ngx_http_ai_ctx_t *ctx);
void ngx_http_ai_limit_spent(ngx_http_ai_ctx_t *ctx);

/* for ai_api, and a collector of ai_metrics */
void ngx_http_ai_limit_views(ngx_http_ai_main_conf_t *amcf);
ngx_int_t ngx_http_ai_limit_metrics(ngx_conf_t *cf);

/* all counters, for views; under the lock */
typedef void (*ngx_http_ai_limit_walk_pt)(void *data,
    const ngx_http_ai_limit_zone_t *zone, const ai_quota_t *q);
void ngx_http_ai_limit_walk(const ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_limit_walk_pt walk, void *data);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_LIMIT_H */
