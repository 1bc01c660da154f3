
/*
 * ai_route { ... }: an ordered set of targets, and the choice among them.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_ROUTE_H
#define NGX_HTTP_AI_ROUTE_H


#include <price/ai_price.h>
#include <route/ai_pick.h>


/* what may send a request on to the next target; words of ai_next_upstream */
#define NGX_HTTP_AI_NEXT_ERROR              0x00000002
#define NGX_HTTP_AI_NEXT_TIMEOUT            0x00000004
#define NGX_HTTP_AI_NEXT_FIRST_TOKEN        0x00000008
#define NGX_HTTP_AI_NEXT_INVALID            0x00000010
#define NGX_HTTP_AI_NEXT_HTTP_429           0x00000020
#define NGX_HTTP_AI_NEXT_HTTP_500           0x00000040
#define NGX_HTTP_AI_NEXT_HTTP_502           0x00000080
#define NGX_HTTP_AI_NEXT_HTTP_503           0x00000100
#define NGX_HTTP_AI_NEXT_HTTP_504           0x00000200
#define NGX_HTTP_AI_NEXT_HTTP_529           0x00000400
#define NGX_HTTP_AI_NEXT_HTTP_5XX           0x00000800  /* any 5xx */
#define NGX_HTTP_AI_NEXT_HTTP_403           0x00001000
#define NGX_HTTP_AI_NEXT_HTTP_404           0x00002000
#define NGX_HTTP_AI_NEXT_CONTEXT            0x00004000
#define NGX_HTTP_AI_NEXT_FILTER             0x00008000
#define NGX_HTTP_AI_NEXT_AUTH               0x00010000
#define NGX_HTTP_AI_NEXT_QUOTA              0x00020000
#define NGX_HTTP_AI_NEXT_NON_IDEMPOTENT     0x00040000
#define NGX_HTTP_AI_NEXT_HTTP_408           0x00080000
#define NGX_HTTP_AI_NEXT_NEVER              0x40000000  /* a failure that no
                                                           word stands for */
#define NGX_HTTP_AI_NEXT_OFF                0x80000000

#define NGX_HTTP_AI_NEXT_DEFAULT                                              \
    (NGX_HTTP_AI_NEXT_ERROR|NGX_HTTP_AI_NEXT_TIMEOUT                          \
     |NGX_HTTP_AI_NEXT_FIRST_TOKEN|NGX_HTTP_AI_NEXT_INVALID                   \
     |NGX_HTTP_AI_NEXT_HTTP_429|NGX_HTTP_AI_NEXT_HTTP_500                     \
     |NGX_HTTP_AI_NEXT_HTTP_502|NGX_HTTP_AI_NEXT_HTTP_503                     \
     |NGX_HTTP_AI_NEXT_HTTP_504|NGX_HTTP_AI_NEXT_HTTP_529)


typedef enum {
    NGX_HTTP_AI_BALANCE_RR = 0,
    NGX_HTTP_AI_BALANCE_PRIORITY,
    NGX_HTTP_AI_BALANCE_LEAST_CONN,
    NGX_HTTP_AI_BALANCE_HASH
} ngx_http_ai_balance_e;


struct ngx_http_ai_target_s {
    ngx_http_ai_provider_t    *provider;    /* set by route_init */
    ngx_str_t                  provider_name;
    ngx_http_ai_place_t        place;
    ngx_http_complex_value_t  *model;       /* NULL: the client's */
    ngx_http_complex_value_t  *condition;   /* if=, NULL: always */
    ngx_int_t                  weight;
    int64_t                    min_prompt;  /* tokens, -1 */
    int64_t                    max_prompt;
    ngx_http_ai_slot_t        *slot;        /* in the zone */
    uint64_t                   id;          /* for consistent hashing */
    unsigned                   backup:1;
    unsigned                   down:1;
};


struct ngx_http_ai_route_s {
    ngx_str_t                  name;
    ngx_http_ai_place_t        place;
    ngx_array_t                targets;     /* ngx_http_ai_target_t */
    ngx_http_ai_balance_e      balance;
    ngx_http_complex_value_t  *hash;
    unsigned                   consistent:1;
    unsigned                   sized:1;     /* a target has min_ or
                                               max_prompt */
    unsigned                   implicit:1;  /* ai_pass names a provider */
    ngx_uint_t                 next_upstream;        /* 0: the location's */
    ngx_uint_t                 next_upstream_tries;  /* UNSET: as above */
    ngx_msec_t                 next_upstream_timeout;
    ngx_http_ai_slot_t        *active;      /* its requests; observe's, NULL:
                                               not counted */
};


typedef struct {
    ngx_array_t                routes;      /* ngx_http_ai_route_t * */
} ngx_http_ai_route_main_conf_t;


typedef enum {
    NGX_HTTP_AI_REQUIRE_REGION = 0,
    NGX_HTTP_AI_REQUIRE_PROVIDER,
    NGX_HTTP_AI_REQUIRE_TAG
} ngx_http_ai_require_e;


typedef struct {
    ngx_http_ai_require_e      what;
    ngx_str_t                  tag;         /* the tag's key */
    ngx_http_complex_value_t   value;       /* several: separated by commas
                                               or blanks, any of them */
} ngx_http_ai_require_t;


typedef struct {
    ngx_array_t               *require;     /* ngx_http_ai_require_t */
} ngx_http_ai_route_loc_conf_t;


/* a target that may serve this request, with its variables evaluated */
typedef struct {
    const ngx_http_ai_target_t  *target;
    const ngx_http_ai_provider_t  *provider;
    ngx_str_t                  model;       /* at the provider */
    int64_t                    context;     /* tokens, -1 unknown */
    int64_t                    max_output;  /* tokens, -1 unknown */
    const ai_price_t          *price;       /* of the model's line, or NULL */
    unsigned                   tried:1;
} ngx_http_ai_candidate_t;


#pragma GCC visibility push(hidden)


/* setters of "ai_route", "ai_require" */
char *ngx_http_ai_route(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ai_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* the words of ai_next_upstream, shared with the block's line */
char *ngx_http_ai_next_upstream_words(ngx_conf_t *cf, ngx_str_t *words,
    ngx_uint_t n, ngx_uint_t *mask);

ngx_int_t ngx_http_ai_route_create(ngx_conf_t *cf,
    ngx_http_ai_route_main_conf_t *conf);

/* after the whole file was read: names of providers, "did you mean" with the
 * target's file:line */
ngx_int_t ngx_http_ai_route_init(ngx_conf_t *cf,
    ngx_http_ai_route_main_conf_t *conf,
    const ngx_http_ai_provider_main_conf_t *providers);

/* every target has its slot: the zone gives them when it is mapped, where a
 * zone that is too small still keeps the running configuration */
ngx_int_t ngx_http_ai_route_init_module(ngx_cycle_t *cycle,
    ngx_http_ai_route_main_conf_t *conf, ngx_shm_zone_t *zone);

char *ngx_http_ai_route_merge(ngx_conf_t *cf,
    ngx_http_ai_route_loc_conf_t *prev, ngx_http_ai_route_loc_conf_t *conf);

/* 1 if any route has a target that asks for the size of prompts */
ngx_uint_t ngx_http_ai_route_sized(
    const ngx_http_ai_route_main_conf_t *conf);

/* a route of this name, or else an implicit one for the provider of this
 * name (made in route_init for every provider); NULL: neither */
ngx_http_ai_route_t *ngx_http_ai_route_get(
    const ngx_http_ai_route_main_conf_t *conf, ngx_str_t *name);

/*
 * Fills ctx->candidates for ctx->route and ctx->model.  NGX_OK, NGX_ERROR, or
 * NGX_DECLINED with ctx->error set: model_not_found, region_not_allowed, or
 * no target.
 */
ngx_int_t ngx_http_ai_route_plan(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

/*
 * The next candidate by the route's method: primaries first, then backups in
 * order; each at most once.  min_context > 0: only models known to take more
 * tokens than that.  NULL: none left.  Marks it tried.
 */
ngx_http_ai_candidate_t *ngx_http_ai_route_next(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, int64_t min_context);

/* an attempt at the target starts or ends: its count in the zone */
void ngx_http_ai_route_busy(const ngx_http_ai_target_t *target);
void ngx_http_ai_route_free(const ngx_http_ai_target_t *target);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_ROUTE_H */
