
/*
 * ai_metrics: what is counted, and the page that shows it.
 *
 * Other rooms count with ngx_http_ai_metrics_count() and _observe(), which do
 * nothing where no location has "ai_metrics"; what is known only when it is
 * asked for is given by a collector.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_METRICS_H
#define NGX_HTTP_AI_METRICS_H


#include <observe/ai_metric_family.h>


#define NGX_HTTP_AI_VERSION  "0.1.0"


typedef struct ngx_http_ai_metrics_s  ngx_http_ai_metrics_t;


/* writes the samples of one family, with ai_metric_write_sample() */
typedef void (*ngx_http_ai_metrics_pt)(ngx_http_request_t *r,
    ai_metric_writer_t *w, ai_metric_e family, void *data);


typedef struct {
    ai_metric_e                family;
    ngx_http_ai_metrics_pt     handler;
    void                      *data;
} ngx_http_ai_collector_t;


/* of ai_metrics_label */
typedef struct {
    ngx_str_t                  name;
    ngx_http_complex_value_t  *value;
    ngx_uint_t                 max;
} ngx_http_ai_metrics_label_t;


typedef struct {
    ngx_array_t               *labels;      /* ngx_http_ai_metrics_label_t */
    ngx_array_t               *collectors;  /* ngx_http_ai_collector_t */
    ngx_http_ai_metrics_t     *metrics;     /* NULL: nothing is counted */
    unsigned                   any:1;       /* there is an ai_metrics */
} ngx_http_ai_metrics_main_conf_t;


typedef enum {
    NGX_HTTP_AI_METRICS_AUTO = 0,
    NGX_HTTP_AI_METRICS_PROMETHEUS,
    NGX_HTTP_AI_METRICS_OPENMETRICS
} ngx_http_ai_metrics_format_e;


typedef struct {
    ngx_http_ai_metrics_format_e  format;
    unsigned                   on:1;
} ngx_http_ai_metrics_loc_conf_t;


#pragma GCC visibility push(hidden)


/* setters of "ai_metrics", "ai_metrics_label" */
char *ngx_http_ai_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ai_metrics_label(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* postconfiguration, after the zone and the routes; and once it is mapped */
ngx_int_t ngx_http_ai_metrics_init(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);
void ngx_http_ai_metrics_init_module(ngx_http_ai_metrics_main_conf_t *conf);

/* the registry; for the page */
const ai_metrics_t *ngx_http_ai_metrics_registry(
    const ngx_http_ai_metrics_main_conf_t *conf);

/* a request goes to its route; and it is over, before the log phase */
void ngx_http_ai_metrics_begin(ngx_http_ai_ctx_t *ctx);
void ngx_http_ai_metrics_end(ngx_http_ai_ctx_t *ctx);

/*
 * n more of a counter, or a duration of a histogram.  labels: the family's, in
 * its order; none of them may be what a client can make up.  Not for families
 * that have the operator's labels too.  r may be NULL.
 */
void ngx_http_ai_metrics_count(ngx_http_request_t *r, ai_metric_e family,
    const ai_str_t *labels, uint64_t n);
void ngx_http_ai_metrics_observe(ngx_http_request_t *r, ai_metric_e family,
    const ai_str_t *labels, uint64_t us);

/* the same for labels that are always these: *kept, NULL at first, is in
 * memory of this process and configuration, and spares it the search */
void ngx_http_ai_metrics_count_kept(ngx_http_request_t *r, void **kept,
    ai_metric_e family, const ai_str_t *labels, uint64_t n);

/* while the configuration is read; of a family several may be */
ngx_int_t ngx_http_ai_metrics_collector(ngx_conf_t *cf, ai_metric_e family,
    ngx_http_ai_metrics_pt handler, void *data);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_METRICS_H */
