
/*
 * What others see of limits: rows of ai_api, counts and shares of ai_metrics,
 * events of ai_alert.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_LIMIT_NEAR  50


typedef struct {
    ngx_http_request_t        *request;
    const ngx_str_t           *zone;
    const ngx_str_t           *key;
    ngx_uint_t                 max;
    ngx_array_t               *rows;        /* ngx_http_ai_api_limit_t */
    ngx_int_t                  rc;
} ngx_http_ai_limit_view_t;


/* one of the limits that are nearest to their end */
typedef struct {
    const ngx_http_ai_limit_zone_t  *zone;
    ai_unit_e                  unit;
    int64_t                    used;        /* millionths of the limit */
    ai_str_t                   key;
    u_char                     data[AI_QUOTA_KEY];
} ngx_http_ai_limit_near_t;


typedef struct {
    int64_t                    now;
    ngx_uint_t                 n;
    ngx_http_ai_limit_near_t   near[NGX_HTTP_AI_LIMIT_NEAR];
} ngx_http_ai_limit_nearest_t;


static ngx_int_t ngx_http_ai_limit_rows(ngx_http_request_t *r,
    const ngx_str_t *zone, const ngx_str_t *key, ngx_uint_t max,
    ngx_array_t *rows);
static void ngx_http_ai_limit_row(void *data,
    const ngx_http_ai_limit_zone_t *zone, const ai_quota_t *q);
static void ngx_http_ai_limit_used_ratio(ngx_http_request_t *r,
    ai_metric_writer_t *w, ai_metric_e family, void *data);
static void ngx_http_ai_limit_near(void *data,
    const ngx_http_ai_limit_zone_t *zone, const ai_quota_t *q);
static ngx_http_ai_limit_near_t *ngx_http_ai_limit_place(
    ngx_http_ai_limit_nearest_t *nearest,
    const ngx_http_ai_limit_zone_t *zone, const ai_quota_t *q, int64_t used);
static void ngx_http_ai_limit_tell_claim(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *c);
static void ngx_http_ai_limit_alert(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *c, ai_alert_e kind);


void
ngx_http_ai_limit_views(ngx_http_ai_main_conf_t *amcf)
{
    amcf->api.limits = ngx_http_ai_limit_rows;
}


static ngx_int_t
ngx_http_ai_limit_rows(ngx_http_request_t *r, const ngx_str_t *zone,
    const ngx_str_t *key, ngx_uint_t max, ngx_array_t *rows)
{
    ngx_http_ai_limit_view_t        view;
    const ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_ai_main_conf(r);

    if (amcf->spend.sh == NULL) {
        return NGX_OK;
    }

    view.request = r;
    view.zone = zone;
    view.key = key;
    view.max = max;
    view.rows = rows;
    view.rc = NGX_OK;

    ngx_http_ai_spend_lock(amcf);
    ngx_http_ai_limit_walk(amcf, ngx_http_ai_limit_row, &view);
    ngx_http_ai_spend_unlock(amcf);

    return view.rc;
}


static void
ngx_http_ai_limit_row(void *data, const ngx_http_ai_limit_zone_t *zone,
    const ai_quota_t *q)
{
    ngx_http_ai_limit_view_t  *view = data;

    ai_str_t                  key;
    ngx_time_t               *tp;
    ai_quota_window_t         w;
    ngx_http_ai_api_limit_t  *row;

    key = ai_quota_key(q);

    if (view->rc != NGX_OK
        || (view->zone->data
            && (view->zone->len != zone->name.len
                || ngx_memcmp(view->zone->data, zone->name.data,
                              zone->name.len) != 0))
        || (view->key->data
            && (view->key->len != key.len
                || ngx_memcmp(view->key->data, key.data, key.len) != 0)))
    {
        return;
    }

    if (view->rows->nelts == view->max) {
        view->rc = NGX_DECLINED;
        return;
    }

    row = ngx_array_push(view->rows);

    if (row == NULL) {
        view->rc = NGX_ERROR;
        return;
    }

    tp = ngx_timeofday();

    /* a window that is over, and that nobody has asked for since, is shown by
     * UTC */

    ai_quota_look(q, NULL, (int64_t) tp->sec * 1000 + tp->msec, &w);

    ngx_memzero(row, sizeof(ngx_http_ai_api_limit_t));

    row->zone = zone->name;
    row->key.len = key.len;
    row->key.data = ngx_pnalloc(view->request->pool, ngx_max(key.len, 1));

    if (row->key.data == NULL) {
        view->rc = NGX_ERROR;
        return;
    }

    ngx_memcpy(row->key.data, key.data, key.len);

    row->unit = q->unit;
    row->period = q->period;
    row->limit = q->limit;
    row->used = w.used;
    row->reserved = w.reserved;
    row->reset = q->period < 0 ? w.end : 0;
}


ngx_int_t
ngx_http_ai_limit_metrics(ngx_conf_t *cf)
{
    return ngx_http_ai_metrics_collector(cf, AI_M_LIMIT_USED,
                                         ngx_http_ai_limit_used_ratio, NULL);
}


static void
ngx_http_ai_limit_used_ratio(ngx_http_request_t *r, ai_metric_writer_t *w,
    ai_metric_e family, void *data)
{
    ai_str_t                        labels[3];
    ngx_time_t                     *tp;
    ngx_uint_t                      i;
    ngx_http_ai_limit_near_t       *near;
    ngx_http_ai_limit_nearest_t    *nearest;
    const ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_ai_main_conf(r);

    if (amcf->spend.sh == NULL) {
        return;
    }

    nearest = ngx_palloc(r->pool, sizeof(ngx_http_ai_limit_nearest_t));
    if (nearest == NULL) {
        return;
    }

    tp = ngx_timeofday();

    nearest->now = (int64_t) tp->sec * 1000 + tp->msec;
    nearest->n = 0;

    ngx_http_ai_spend_lock(amcf);
    ngx_http_ai_limit_walk(amcf, ngx_http_ai_limit_near, nearest);
    ngx_http_ai_spend_unlock(amcf);

    for (i = 0; i < nearest->n; i++) {
        near = &nearest->near[i];

        labels[0] = ai_str(&near->zone->name);
        labels[1] = *ai_unit_name(near->unit);
        labels[2] = near->key;

        ai_metric_write_sample(w, (uint32_t) family, labels, near->used);
    }
}


static void
ngx_http_ai_limit_near(void *data, const ngx_http_ai_limit_zone_t *zone,
    const ai_quota_t *q)
{
    ngx_http_ai_limit_nearest_t  *nearest = data;

    ai_str_t                   key;
    ai_quota_window_t          w;
    ngx_http_ai_limit_near_t  *near;

    if (q->limit <= 0) {
        return;
    }

    ai_quota_look(q, NULL, nearest->now, &w);

    w.used = (int64_t) (((double) w.used + (double) w.reserved) * 1e6
                        / (double) q->limit);

    near = w.used > 0 ? ngx_http_ai_limit_place(nearest, zone, q, w.used)
                      : NULL;

    if (near == NULL) {
        return;
    }

    key = ai_quota_key(q);

    near->zone = zone;
    near->unit = q->unit;
    near->used = w.used;
    near->key.len = key.len;
    near->key.data = near->data;

    ngx_memcpy(near->data, key.data, key.len);
}


/* periods have no label: of a zone, key and unit the highest one is shown */

static ngx_http_ai_limit_near_t *
ngx_http_ai_limit_place(ngx_http_ai_limit_nearest_t *nearest,
    const ngx_http_ai_limit_zone_t *zone, const ai_quota_t *q, int64_t used)
{
    ai_str_t                   key;
    ngx_uint_t                 i;
    ngx_http_ai_limit_near_t  *near, *least;

    key = ai_quota_key(q);
    least = NULL;

    for (i = 0; i < nearest->n; i++) {
        near = &nearest->near[i];

        if (near->zone == zone && near->unit == q->unit
            && near->key.len == key.len
            && ngx_memcmp(near->data, key.data, key.len) == 0)
        {
            return near->used < used ? near : NULL;
        }

        if (least == NULL || near->used < least->used) {
            least = near;
        }
    }

    if (nearest->n < NGX_HTTP_AI_LIMIT_NEAR) {
        return &nearest->near[nearest->n++];
    }

    return least->used < used ? least : NULL;
}


/* what admission has decided; without the lock */

void
ngx_http_ai_limit_tell(ngx_http_ai_ctx_t *ctx)
{
    ngx_uint_t                         i;
    const ngx_http_ai_limit_ctx_t     *limit;
    const ngx_http_ai_main_conf_t     *amcf;

    amcf = ngx_http_ai_main_conf(ctx->request);

    if (amcf->metrics.metrics == NULL && amcf->alert.alerts == NULL) {
        return;
    }

    limit = ctx->limit;

    for (i = 0; i < limit->n; i++) {
        if (!limit->claim[i].twin) {
            ngx_http_ai_limit_tell_claim(ctx, &limit->claim[i]);
        }
    }
}


static void
ngx_http_ai_limit_tell_claim(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *c)
{
    ai_str_t    labels[3];
    ngx_uint_t  soft, was;

    static const ai_str_t  words[NGX_HTTP_AI_LIMIT_WAS_MAX] = {
        ai_string("passed"), ai_string("soft"), ai_string("rejected"),
        ai_string("dry_run")
    };

    soft = ngx_http_ai_limit_is_soft(c, c->claim.used + c->claim.amount);

    if (c->refused) {
        was = ctx->limit->status == NGX_HTTP_AI_LIMIT_REJECTED
              ? NGX_HTTP_AI_LIMIT_WAS_REJECTED
              : NGX_HTTP_AI_LIMIT_WAS_DRY_RUN;
    } else {
        was = soft ? NGX_HTTP_AI_LIMIT_WAS_SOFT : NGX_HTTP_AI_LIMIT_WAS_PASSED;
    }

    labels[0] = ai_str(&c->zone->name);
    labels[1] = *ai_unit_name(c->unit);
    labels[2] = words[was];

    ngx_http_ai_metrics_count_kept(ctx->request, &c->zone->told[c->unit][was],
                                   AI_M_LIMIT, labels, 1);

    if (c->refused) {
        ngx_http_ai_limit_alert(ctx, c, AI_ALERT_EXCEEDED);

    } else if (soft) {
        ngx_http_ai_limit_alert(ctx, c, AI_ALERT_SOFT);
    }
}


static void
ngx_http_ai_limit_alert(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *c, ai_alert_e kind)
{
    ngx_http_ai_alert_event_t       ev;
    const ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_ai_main_conf(ctx->request);

    if (amcf->alert.alerts == NULL) {
        return;
    }

    ev.kind = kind;
    ev.zone = c->zone->name;
    ev.key = c->key;
    ev.unit = c->unit;
    ev.period = c->period;
    ev.limit = c->claim.limit;
    ev.used = c->refused ? c->claim.used : c->claim.used + c->claim.amount;
    ev.reset = c->claim.reset
               ? ngx_time() + (time_t) ((c->claim.reset + 999) / 1000) : 0;

    ngx_http_ai_alert_event(amcf, &ev);
}


void
ngx_http_ai_limit_spent(ngx_http_ai_ctx_t *ctx)
{
    ai_bill_t                          bill;
    ngx_uint_t                         i;
    const ngx_http_ai_limit_ctx_t     *limit;
    const ngx_http_ai_main_conf_t     *amcf;
    const ngx_http_ai_limit_claim_t   *c;

    amcf = ngx_http_ai_main_conf(ctx->request);
    limit = ctx->limit;

    if (amcf->alert.alerts == NULL || limit == NULL) {
        return;
    }

    ngx_http_ai_price_sum(ctx, &bill);

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        /* units of a line follow each other */

        if (bill.cost > 0
            && (i == 0 || c[-1].zone != c->zone
                || c[-1].key.data != c->key.data))
        {
            ngx_http_ai_alert_spend(amcf, &c->zone->name, &c->key, bill.cost);
        }
    }
}
