
/*
 * What all glue shares: the configuration, put together from each room's
 * part, and the context of one request.
 *
 * Configuration is read-only while requests run.  What changes lives in the
 * context (one request), in a peer (one worker) or in a zone (all workers).
 */

#ifndef NGX_HTTP_AI_H
#define NGX_HTTP_AI_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <api/ai_stop.h>
#include <provider/ai_provider.h>


typedef struct ngx_http_ai_main_conf_s  ngx_http_ai_main_conf_t;
typedef struct ngx_http_ai_ctx_s        ngx_http_ai_ctx_t;
typedef struct ngx_http_ai_attempt_s    ngx_http_ai_attempt_t;
typedef struct ngx_http_ai_provider_s   ngx_http_ai_provider_t;
typedef struct ngx_http_ai_route_s      ngx_http_ai_route_t;
typedef struct ngx_http_ai_target_s     ngx_http_ai_target_t;
typedef struct ngx_http_ai_peers_s      ngx_http_ai_peers_t;
typedef struct ngx_http_ai_form_s       ngx_http_ai_form_t;
typedef struct ngx_http_ai_meter_s      ngx_http_ai_meter_t;


#include <core/ngx_http_ai_util.h>
#include <core/ngx_http_ai_param.h>
#include <provider/ngx_http_ai_credential.h>
#include <provider/ngx_http_ai_provider.h>
#include <store/ngx_http_ai_zone.h>
#include <store/ngx_http_ai_pin.h>
#include <store/ngx_http_ai_redis.h>
#include <route/ngx_http_ai_route.h>
#include <store/ngx_http_ai_spend.h>
#include <store/ngx_http_ai_totals_share.h>
#include <auth/ngx_http_ai_auth.h>
#include <auth/ngx_http_ai_made.h>
#include <core/ngx_http_ai_pass.h>
#include <core/ngx_http_ai_meter.h>
#include <token/ngx_http_ai_count.h>
#include <price/ngx_http_ai_price.h>
#include <limit/ngx_http_ai_limit.h>
#include <observe/ngx_http_ai_metrics.h>
#include <limit/ngx_http_ai_alert.h>
#include <observe/ngx_http_ai_api.h>


struct ngx_http_ai_main_conf_s {
    ngx_http_ai_provider_main_conf_t   provider;
    ngx_http_ai_zone_main_conf_t       zone;
    ngx_http_ai_spend_main_conf_t      spend;
    ngx_http_ai_redis_main_conf_t      redis;
    ngx_http_ai_auth_main_conf_t       auth;
    ngx_http_ai_limit_main_conf_t      limit;
    ngx_http_ai_route_main_conf_t      route;
    ngx_http_ai_count_main_conf_t      count;
    ngx_http_ai_price_main_conf_t      price;
    ngx_http_ai_meter_main_conf_t      meter;
    ngx_http_ai_metrics_main_conf_t    metrics;
    ngx_http_ai_alert_main_conf_t      alert;
    ngx_http_ai_api_main_conf_t        api;
};


typedef struct {
    ngx_http_ai_pass_loc_conf_t        pass;
    ngx_http_ai_route_loc_conf_t       route;
    ngx_http_ai_count_loc_conf_t       count;
    ngx_http_ai_meter_loc_conf_t       meter;
    ngx_http_ai_auth_loc_conf_t        auth;
    ngx_http_ai_limit_loc_conf_t       limit;
    ngx_http_ai_metrics_loc_conf_t     metrics;
    ngx_http_ai_api_loc_conf_t         api;
} ngx_http_ai_loc_conf_t;


extern ngx_module_t  ngx_http_ai_gateway_module;
extern ngx_module_t  ngx_http_ai_filter_module;


#include <core/ngx_http_ai_ctx.h>


#define ngx_http_ai_loc_conf(r)                                               \
    ((const ngx_http_ai_loc_conf_t *)                                         \
         ngx_http_get_module_loc_conf(r, ngx_http_ai_gateway_module))

#define ngx_http_ai_main_conf(r)                                              \
    ((const ngx_http_ai_main_conf_t *)                                        \
         ngx_http_get_module_main_conf(r, ngx_http_ai_gateway_module))

#define ngx_http_ai_ctx(r)                                                    \
    ((ngx_http_ai_ctx_t *)                                                    \
         ngx_http_get_module_ctx((r)->main, ngx_http_ai_gateway_module))


#endif /* NGX_HTTP_AI_H */
