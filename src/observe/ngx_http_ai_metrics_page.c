
/*
 * The directives, and the page that Prometheus reads.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_METRICS_VALUES  200     /* default of "max" */


static ngx_int_t ngx_http_ai_metrics_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_ai_metrics_is_open(ngx_http_request_t *r);
static ngx_int_t ngx_http_ai_metrics_write(ngx_http_request_t *r,
    ai_metric_writer_t *w, const ai_pool_t *pool);
static void ngx_http_ai_metrics_own(ngx_http_request_t *r,
    ai_metric_writer_t *w, ai_metric_e family);
static void ngx_http_ai_metrics_active(ngx_http_request_t *r,
    ai_metric_writer_t *w);
static void ngx_http_ai_metrics_zones(ai_metric_writer_t *w);
static ngx_int_t ngx_http_ai_metrics_send(ngx_http_request_t *r,
    ai_metric_writer_t *w);
static char *ngx_http_ai_metrics_check_label(ngx_conf_t *cf,
    ngx_array_t *labels, ngx_str_t *name);


char *
ngx_http_ai_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t                 *value, hint;
    ngx_uint_t                 i, seen;
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_str_t   format = ngx_string("format=");
    static ngx_str_t   gen_ai = ngx_string("gen_ai=");
    static ngx_str_t  *names[] = { &format, &gen_ai };

    if (alcf->metrics.on) {
        return "is duplicate";
    }

    value = cf->args->elts;
    seen = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "format=", 7) == 0 && !(seen & 1)) {
            seen |= 1;

            if (ngx_strcmp(value[i].data + 7, "auto") == 0) {
                alcf->metrics.format = NGX_HTTP_AI_METRICS_AUTO;
                continue;
            }

            if (ngx_strcmp(value[i].data + 7, "prometheus") == 0) {
                alcf->metrics.format = NGX_HTTP_AI_METRICS_PROMETHEUS;
                continue;
            }

            if (ngx_strcmp(value[i].data + 7, "openmetrics") == 0) {
                alcf->metrics.format = NGX_HTTP_AI_METRICS_OPENMETRICS;
                continue;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"ai_metrics\", "
                               "the format is \"prometheus\", "
                               "\"openmetrics\" or \"auto\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_strncmp(value[i].data, "gen_ai=", 7) == 0 && !(seen & 2)) {
            seen |= 2;

            if (ngx_strcmp(value[i].data + 7, "off") == 0) {
                continue;
            }

            if (ngx_strcmp(value[i].data + 7, "on") == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"gen_ai=on\" of \"ai_metrics\" is not "
                                   "supported yet, only \"gen_ai=off\"");
                return NGX_CONF_ERROR;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"ai_metrics\", "
                               "it must be \"gen_ai=on\" or \"gen_ai=off\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_strncmp(value[i].data, "format=", 7) == 0
            || ngx_strncmp(value[i].data, "gen_ai=", 7) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" of "
                               "\"ai_metrics\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        hint = ngx_http_ai_hint(cf, &value[i], names, 2);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of \"ai_metrics\"%V",
                           &value[i], &hint);
        return NGX_CONF_ERROR;
    }

    alcf->metrics.on = 1;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    amcf->metrics.any = 1;

    ngx_http_ai_count_ask(cf);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_ai_metrics_handler;

    return NGX_CONF_OK;
}


char *
ngx_http_ai_metrics_label(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_main_conf_t  *amcf = conf;

    char                         *rv;
    ngx_int_t                     max;
    ngx_str_t                    *value;
    ngx_http_ai_metrics_label_t  *label;

    value = cf->args->elts;
    max = NGX_HTTP_AI_METRICS_VALUES;

    if (cf->args->nelts == 4) {

        if (ngx_strncmp(value[3].data, "max=", 4) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown parameter \"%V\" of "
                               "\"ai_metrics_label\", did you mean \"max=\"?",
                               &value[3]);
            return NGX_CONF_ERROR;
        }

        max = ngx_atoi(value[3].data + 4, value[3].len - 4);

        if (max == NGX_ERROR || max == 0 || max > 100000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"ai_metrics_label\", it is a number from 1 "
                               "to 100000", &value[3]);
            return NGX_CONF_ERROR;
        }
    }

    if (amcf->metrics.labels == NULL) {
        amcf->metrics.labels = ngx_array_create(cf->pool, 4,
                                         sizeof(ngx_http_ai_metrics_label_t));
        if (amcf->metrics.labels == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rv = ngx_http_ai_metrics_check_label(cf, amcf->metrics.labels, &value[1]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    label = ngx_array_push(amcf->metrics.labels);
    if (label == NULL) {
        return NGX_CONF_ERROR;
    }

    label->name = value[1];
    label->max = max;

    if (ngx_http_ai_compile(cf, &value[2], &label->value) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_metrics_check_label(ngx_conf_t *cf, ngx_array_t *labels,
    ngx_str_t *name)
{
    u_char                        c;
    ngx_uint_t                    i, f;
    const char                   *const *own;
    ngx_http_ai_metrics_label_t  *label;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
              || (i && c >= '0' && c <= '9')))
        {
            break;
        }
    }

    if (name->len == 0 || i < name->len || name->len > AI_METRIC_NAME_MAX
        || ngx_strncmp(name->data, "__", 2) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid label \"%V\" in \"ai_metrics_label\", "
                           "it is letters, digits and \"_\", at most %d",
                           name, AI_METRIC_NAME_MAX);
        return NGX_CONF_ERROR;
    }

    /* those of the families with such labels, and what formats use */

    for (f = 0; f < AI_M_MAX; f++) {

        if (!ai_metric_families[f].extra) {
            continue;
        }

        own = ai_metric_families[f].labels;

        for (i = 0; i < ai_metric_families[f].nlabels; i++) {
            if (ngx_strcmp(own[i], name->data) == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "label \"%V\" in \"ai_metrics_label\" is "
                                   "one that metrics have", name);
                return NGX_CONF_ERROR;
            }
        }
    }

    if (ngx_strcmp(name->data, "le") == 0
        || ngx_strcmp(name->data, "quantile") == 0
        || ngx_strcmp(name->data, "job") == 0
        || ngx_strcmp(name->data, "instance") == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "label \"%V\" in \"ai_metrics_label\" is "
                           "Prometheus' own", name);
        return NGX_CONF_ERROR;
    }

    label = labels->elts;

    for (i = 0; i < labels->nelts; i++) {
        if (label[i].name.len == name->len
            && ngx_strncmp(label[i].name.data, name->data, name->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate label \"%V\" in "
                               "\"ai_metrics_label\"", name);
            return NGX_CONF_ERROR;
        }
    }

    if (labels->nelts == AI_METRIC_EXTRA_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d \"ai_metrics_label\"",
                           AI_METRIC_EXTRA_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_ai_metrics_collector(ngx_conf_t *cf, ai_metric_e family,
    ngx_http_ai_metrics_pt handler, void *data)
{
    ngx_http_ai_main_conf_t  *amcf;
    ngx_http_ai_collector_t  *collector;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    if (amcf->metrics.collectors == NULL) {
        amcf->metrics.collectors = ngx_array_create(cf->pool, 4,
                                             sizeof(ngx_http_ai_collector_t));
        if (amcf->metrics.collectors == NULL) {
            return NGX_ERROR;
        }
    }

    collector = ngx_array_push(amcf->metrics.collectors);
    if (collector == NULL) {
        return NGX_ERROR;
    }

    collector->family = family;
    collector->handler = handler;
    collector->data = data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_metrics_handler(ngx_http_request_t *r)
{
    ai_buf_t            buf;
    ai_pool_t           pool;
    ngx_int_t           rc;
    ai_metric_writer_t  w;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_ai_pool(&pool, r->pool);
    ai_buf_init(&buf, &pool);

    w.metrics = ngx_http_ai_metrics_registry(
                                         &ngx_http_ai_main_conf(r)->metrics);
    w.buf = &buf;
    w.family = NULL;
    w.openmetrics = ngx_http_ai_metrics_is_open(r);

    if (ngx_http_ai_metrics_write(r, &w, &pool) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_ai_metrics_send(r, &w);
}


static ngx_uint_t
ngx_http_ai_metrics_is_open(ngx_http_request_t *r)
{
    ai_str_t          text;
    ngx_table_elt_t  *h;

    static ngx_str_t  accept = ngx_string("accept");

    switch (ngx_http_ai_loc_conf(r)->metrics.format) {

    case NGX_HTTP_AI_METRICS_PROMETHEUS:
        return 0;

    case NGX_HTTP_AI_METRICS_OPENMETRICS:
        return 1;

    case NGX_HTTP_AI_METRICS_AUTO:
        break;
    }

    h = ngx_http_ai_header_in(r, &accept);

    if (h == NULL) {
        return 0;
    }

    text = ai_str(&h->value);

    return ai_metric_accept(&text);
}


static ngx_int_t
ngx_http_ai_metrics_write(ngx_http_request_t *r, ai_metric_writer_t *w,
    const ai_pool_t *pool)
{
    size_t                                  starts[AI_M_MAX + 1];
    ngx_uint_t                              i, f;
    ai_metric_series_t                    **list;
    ngx_http_ai_collector_t                *collector;
    const ngx_http_ai_metrics_main_conf_t  *conf;

    conf = &ngx_http_ai_main_conf(r)->metrics;

    list = ai_metric_list(w->metrics, pool, starts);
    if (list == NULL) {
        return NGX_ERROR;
    }

    for (f = 0; f < AI_M_MAX; f++) {

        ai_metric_write_family(w, (uint32_t) f, list + starts[f],
                               starts[f + 1] - starts[f]);

        ngx_http_ai_metrics_own(r, w, f);

        if (conf->collectors == NULL) {
            continue;
        }

        collector = conf->collectors->elts;

        for (i = 0; i < conf->collectors->nelts; i++) {
            if (collector[i].family == f) {
                collector[i].handler(r, w, f, collector[i].data);
            }
        }
    }

    ai_metric_write_end(w);

    return w->buf->failed ? NGX_ERROR : NGX_OK;
}


/* what is known without having been counted */

static void
ngx_http_ai_metrics_own(ngx_http_request_t *r, ai_metric_writer_t *w,
    ai_metric_e family)
{
    ai_str_t  values[2];

    switch (family) {

    case AI_M_BUILD_INFO:
        values[0] = ai_lit(NGX_HTTP_AI_VERSION);
        values[1] = ai_lit(NGINX_VERSION);
        ai_metric_write_sample(w, family, values, 1);
        break;

    case AI_M_ACTIVE:
        ngx_http_ai_metrics_active(r, w);
        break;

    case AI_M_ZONE_BYTES:
        ngx_http_ai_metrics_zones(w);
        break;

    case AI_M_DROPPED:
        ai_metric_write_sample(w, family, NULL,
                               (int64_t) ai_metric_dropped(w->metrics));
        break;

    default:
        break;
    }
}


/* routes that never had a request are left out: every provider is one */

static void
ngx_http_ai_metrics_active(ngx_http_request_t *r, ai_metric_writer_t *w)
{
    int64_t                          n;
    ai_str_t                         name;
    ngx_uint_t                       i;
    ngx_http_ai_route_t            **route;
    const ngx_http_ai_main_conf_t   *amcf;

    amcf = ngx_http_ai_main_conf(r);
    route = amcf->route.routes.elts;

    ngx_http_ai_zone_lock(amcf->zone.shm_zone);
    ngx_http_ai_zone_sweep(amcf->zone.shm_zone);
    ngx_http_ai_zone_unlock(amcf->zone.shm_zone);

    for (i = 0; i < amcf->route.routes.nelts; i++) {
        n = ngx_http_ai_slot_conns(route[i]->active);

        if (n == 0 && route[i]->implicit && !route[i]->active->current) {
            continue;
        }

        name = ai_str(&route[i]->name);
        ai_metric_write_sample(w, AI_M_ACTIVE, &name, n);
    }
}


/* without the lock: a number of pages is one word */

static void
ngx_http_ai_metrics_zones(ai_metric_writer_t *w)
{
    int64_t           total, left;
    ai_str_t          values[2];
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            zone = part->elts;
            i = 0;
        }

        if (zone[i].tag != &ngx_http_ai_gateway_module) {
            continue;
        }

        total = (int64_t) zone[i].shm.size;
        left = (int64_t) (((ngx_slab_pool_t *) zone[i].shm.addr)->pfree
                          * ngx_pagesize);

        values[0] = ai_str(&zone[i].shm.name);

        values[1] = ai_lit("used");
        ai_metric_write_sample(w, AI_M_ZONE_BYTES, values, total - left);

        values[1] = ai_lit("free");
        ai_metric_write_sample(w, AI_M_ZONE_BYTES, values, left);
    }
}


static ngx_int_t
ngx_http_ai_metrics_send(ngx_http_request_t *r, ai_metric_writer_t *w)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    static ngx_str_t  cache_control = ngx_string("Cache-Control");
    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  prometheus = ngx_string("text/plain; version=0.0.4; "
                                              "charset=utf-8");
    static ngx_str_t  openmetrics = ngx_string("application/openmetrics-text;"
                                               " version=1.0.0; "
                                               "charset=utf-8");

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = ai_buf_len(w->buf);

    ngx_http_ai_content_type(r, w->openmetrics ? openmetrics : prometheus);

    if (ngx_http_ai_header_add(r, &cache_control, &no_store) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = w->buf->start;
    b->last = w->buf->last;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
