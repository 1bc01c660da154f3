
/*
 * ai_alert: tells a URL when a limit is nearly or quite used up, or when a
 * key spends more than it is used to.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_ALERT_H
#define NGX_HTTP_AI_ALERT_H


#include <limit/ai_alert.h>


typedef struct {
    ngx_array_t               *alerts;      /* ngx_http_ai_alert_t, or NULL */
    ai_alert_entry_t          *table;       /* in the zone, or NULL */
    ngx_shm_zone_t            *shm_zone;
} ngx_http_ai_alert_main_conf_t;


/* what has happened; strings need not stay */
typedef struct {
    ai_alert_e                 kind;        /* AI_ALERT_SOFT or _EXCEEDED */
    ngx_str_t                  zone;
    ngx_str_t                  key;
    ai_unit_e                  unit;
    int32_t                    period;
    int64_t                    limit;
    int64_t                    used;
    int64_t                    reset;       /* Unix time, 0: none */
} ngx_http_ai_alert_event_t;


#pragma GCC visibility push(hidden)


/* the setter of "ai_alert" */
char *ngx_http_ai_alert(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* once the whole file was read; there is a zone */
ngx_int_t ngx_http_ai_alert_init(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);

/* are the zones that alerts name among these? [emerg] if not; to be called
 * once the whole file was read */
ngx_int_t ngx_http_ai_alert_zones(ngx_conf_t *cf,
    ngx_http_ai_alert_main_conf_t *conf, ngx_str_t **names, ngx_uint_t n);

/*
 * Posts what is due, at some later time; nothing is waited for.  To be called
 * without the zone's lock, as often as it happens: a key that was told is
 * looked up and left alone.
 */
void ngx_http_ai_alert_event(const ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_alert_event_t *ev);

/* a key of a limit zone has spent so many nano-USD: for "spend_rate"; as
 * above */
void ngx_http_ai_alert_spend(const ngx_http_ai_main_conf_t *amcf,
    const ngx_str_t *zone, const ngx_str_t *key, int64_t cost);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_ALERT_H */
