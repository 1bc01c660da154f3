
/*
 * ai_api: what is configured, used and spent, as JSON.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_API_H
#define NGX_HTTP_AI_API_H


#include <base/ai_limit.h>


/* rows of one answer */
#define NGX_HTTP_AI_API_MAX  10000


/* one counter of a limit zone; strings are of the request's pool */
typedef struct {
    ngx_str_t                  zone;
    ngx_str_t                  key;
    ai_unit_e                  unit;
    int32_t                    period;      /* AI_PERIOD_*, or seconds */
    int64_t                    limit;       /* of the unit; -1: not known */
    int64_t                    used;
    int64_t                    reserved;
    int64_t                    reset;       /* when it is 0 again, s since
                                               1970; 0: does not apply */
} ngx_http_ai_api_limit_t;


/*
 * Pushes the counters there are (ngx_http_ai_api_limit_t): those of a zone and
 * of a key, unless their data is NULL.  NGX_OK; NGX_DECLINED: that would be
 * more than max; NGX_ERROR: no memory.
 */
typedef ngx_int_t (*ngx_http_ai_api_limits_pt)(ngx_http_request_t *r,
    const ngx_str_t *zone, const ngx_str_t *key, ngx_uint_t max,
    ngx_array_t *limits);


typedef struct {
    ngx_array_t               *places;      /* of ai_api, to be checked */
    ngx_http_ai_api_limits_pt  limits;      /* set by whoever has them; NULL:
                                               there are none */
} ngx_http_ai_api_main_conf_t;


typedef struct {
    unsigned                   on:1;
    unsigned                   write:1;     /* of "write=on" */
} ngx_http_ai_api_loc_conf_t;


#pragma GCC visibility push(hidden)


/* the setter of "ai_api" */
char *ngx_http_ai_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* postconfiguration: is every one of them protected? */
ngx_int_t ngx_http_ai_api_init(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_API_H */
