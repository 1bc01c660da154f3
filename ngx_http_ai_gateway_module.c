
/*
 * ngx_http_ai_gateway_module: the table of contents.
 *
 * Directives by room, and the hooks through which nginx calls the rooms.
 * There is no logic here: start reading at src/core/README.
 */

#include <core/ngx_http_ai.h>


static ngx_int_t ngx_http_ai_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_ai_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_ai_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_ai_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_ai_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ai_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_ai_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_ai_init_process(ngx_cycle_t *cycle);
static void ngx_http_ai_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_ai_error_formats[] = {
    { ngx_string("off"), NGX_HTTP_AI_ERRORS_OFF },
    { ngx_string("auto"), NGX_HTTP_AI_ERRORS_AUTO },
    { ngx_string("openai"), NGX_HTTP_AI_ERRORS_OPENAI },
    { ngx_string("anthropic"), NGX_HTTP_AI_ERRORS_ANTHROPIC },
    { ngx_string("gemini"), NGX_HTTP_AI_ERRORS_GEMINI },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_ai_headers[] = {
    { ngx_string("off"), NGX_HTTP_AI_HEADERS_OFF },
    { ngx_string("on"), NGX_HTTP_AI_HEADERS_ON },
    { ngx_string("debug"), NGX_HTTP_AI_HEADERS_DEBUG },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_ai_token_counts[] = {
    { ngx_string("auto"), NGX_HTTP_AI_COUNT_AUTO },
    { ngx_string("estimate"), NGX_HTTP_AI_COUNT_ESTIMATE },
    { ngx_string("tokenizer"), NGX_HTTP_AI_COUNT_TOKENIZER },
    { ngx_null_string, 0 }
};


static ngx_conf_num_bounds_t  ngx_http_ai_limit_status_bounds = {
    ngx_conf_check_num_bounds, 400, 599
};


static ngx_command_t  ngx_http_ai_commands[] = {

    /* provider */

    { ngx_string("ai_provider"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_ai_provider,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* store */

    { ngx_string("ai_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_ai_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_ai_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* auth */

    { ngx_string("ai_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_ai_key_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1234,
      ngx_http_ai_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_identity"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_ai_identity,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_role"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_ai_role,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* route */

    { ngx_string("ai_route"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_ai_route,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_ai_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /* token */

    { ngx_string("ai_token_count"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, count.mode),
      &ngx_http_ai_token_counts },

    { ngx_string("ai_tokenizer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_ai_tokenizer,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* price */

    { ngx_string("ai_price_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_ai_price_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_price"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_ai_price,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* limit */

    { ngx_string("ai_alert"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_ai_alert,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_limit_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_http_ai_limit_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_ai_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_limit_status"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, limit.status),
      &ngx_http_ai_limit_status_bounds },

    { ngx_string("ai_limit_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, limit.dry_run),
      NULL },

    /* core */

    { ngx_string("ai_pass"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_ai_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_model"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.model),
      NULL },

    { ngx_string("ai_next_upstream"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_ai_next_upstream,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_next_upstream_tries"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.next_upstream_tries),
      NULL },

    { ngx_string("ai_next_upstream_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.next_upstream_timeout),
      NULL },

    { ngx_string("ai_connect_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.connect_timeout),
      NULL },

    { ngx_string("ai_send_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.send_timeout),
      NULL },

    { ngx_string("ai_read_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.read_timeout),
      NULL },

    { ngx_string("ai_first_token_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.first_token_timeout),
      NULL },

    { ngx_string("ai_client_abort"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_ai_client_abort,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_body_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.body_max_size),
      NULL },

    { ngx_string("ai_set_param"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_ai_set_param,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_error_format"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.error_format),
      &ngx_http_ai_error_formats },

    { ngx_string("ai_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, pass.headers),
      &ngx_http_ai_headers },

    { ngx_string("ai_meter"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_ai_meter,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ai_loc_conf_t, meter.flag),
      NULL },

    /* observe */

    { ngx_string("ai_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_ai_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_http_ai_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ai_metrics_label"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_http_ai_metrics_label,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ai_module_ctx = {
    ngx_http_ai_preconfiguration,          /* preconfiguration */
    ngx_http_ai_postconfiguration,         /* postconfiguration */

    ngx_http_ai_create_main_conf,          /* create main configuration */
    ngx_http_ai_init_main_conf,            /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_ai_create_loc_conf,           /* create location configuration */
    ngx_http_ai_merge_loc_conf             /* merge location configuration */
};


ngx_module_t  ngx_http_ai_gateway_module = {
    NGX_MODULE_V1,
    &ngx_http_ai_module_ctx,               /* module context */
    ngx_http_ai_commands,                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_ai_init_module,               /* init module */
    ngx_http_ai_init_process,              /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_ai_exit_process,              /* exit process */
    ngx_http_ai_spend_exit_master,         /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_module_t  ngx_http_ai_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_ai_filter_init,               /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_ai_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_ai_filter_module_ctx,        /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_ai_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_ai_variables_add(cf);
}


static void *
ngx_http_ai_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ai_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_main_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    if (ngx_http_ai_provider_create(cf, &conf->provider) != NGX_OK
        || ngx_http_ai_redis_create(cf, &conf->redis) != NGX_OK
        || ngx_http_ai_route_create(cf, &conf->route) != NGX_OK)
    {
        return NULL;
    }

    return conf;
}


static char *
ngx_http_ai_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_ai_main_conf_t  *amcf = conf;

    /* routes are known before locations are merged: ai_pass looks there */

    if ((amcf->provider.providers.nelts != 0 || amcf->meter.any
         || amcf->metrics.any || amcf->auth.made)
        && (ngx_http_ai_zone_init_conf(cf, &amcf->zone) != NGX_OK
            || ngx_http_ai_count_init_conf(&amcf->count, &amcf->zone)
               != NGX_OK
            || ngx_http_ai_price_init_conf(&amcf->price, &amcf->zone)
               != NGX_OK
            || ngx_http_ai_limit_init_conf(cf, amcf) != NGX_OK
            || ngx_http_ai_spend_init_conf(cf, amcf) != NGX_OK
            || ngx_http_ai_share_init_conf(cf, amcf) != NGX_OK
            || ngx_http_ai_made_init_conf(cf, amcf) != NGX_OK))
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_route_init(cf, &amcf->route, &amcf->provider) != NGX_OK
        || ngx_http_ai_auth_init_conf(cf, amcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_ai_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_ai_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    ngx_http_ai_pass_create(&conf->pass);
    ngx_http_ai_limit_create(&conf->limit);
    conf->route.require = NGX_CONF_UNSET_PTR;
    conf->count.mode = NGX_CONF_UNSET_UINT;
    conf->meter.flag = NGX_CONF_UNSET;
    ngx_http_ai_auth_create(&conf->auth);

    return conf;
}


static char *
ngx_http_ai_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_ai_loc_conf_t  *prev = parent;
    ngx_http_ai_loc_conf_t  *conf = child;

    char  *rv;

    rv = ngx_http_ai_pass_merge(cf, &prev->pass, &conf->pass);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_ai_meter_merge(cf, &prev->meter, &conf->meter, &conf->pass);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_ai_limit_merge(cf, &prev->limit, &conf->limit);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_ai_route_merge(cf, &prev->route, &conf->route);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_ai_auth_merge(cf, &prev->auth, &conf->auth);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_ai_count_merge(cf, &prev->count, &conf->count);
}


static ngx_int_t
ngx_http_ai_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_ai_main_conf_t    *amcf;
    ngx_http_core_main_conf_t  *cmcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (ngx_http_ai_auth_init(cf, &amcf->auth) != NGX_OK
        || ngx_http_ai_redis_check(cf, &amcf->redis) != NGX_OK
        || ngx_http_ai_api_init(cf, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* without a provider nothing of this runs, but for what ai_meter needs */

    if (ngx_http_ai_metrics_init(cf, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (amcf->provider.providers.nelts == 0 && !amcf->meter.any) {
        return NGX_OK;
    }

    if (ngx_http_ai_provider_init(cf, &amcf->provider) != NGX_OK
        || ngx_http_ai_count_init(cf, amcf) != NGX_OK
        || ngx_http_ai_alert_init(cf, amcf) != NGX_OK
        || ngx_http_ai_limit_init(cf, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (amcf->provider.providers.nelts == 0) {
        return NGX_OK;
    }

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_ai_body_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_init_module(ngx_cycle_t *cycle)
{
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);

    if (amcf == NULL || amcf->zone.shm_zone == NULL) {
        return NGX_OK;
    }

    if (ngx_http_ai_limit_init_module(cycle, amcf) != NGX_OK
        || ngx_http_ai_spend_init_module(cycle, amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_ai_metrics_init_module(&amcf->metrics);

    return ngx_http_ai_route_init_module(cycle, &amcf->route,
                                         amcf->zone.shm_zone);
}


static ngx_int_t
ngx_http_ai_init_process(ngx_cycle_t *cycle)
{
    ngx_http_ai_main_conf_t  *amcf;

    if (ngx_http_ai_redis_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);

    if (amcf == NULL || amcf->zone.shm_zone == NULL) {
        return NGX_OK;
    }

    if (ngx_http_ai_zone_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_ai_made_init_process(cycle) != NGX_OK
        || ngx_http_ai_spend_init_process(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ai_share_init_process(cycle);
}


static void
ngx_http_ai_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_ai_totals_share_exit(cycle);
    ngx_http_ai_redis_exit_process(cycle);
}
