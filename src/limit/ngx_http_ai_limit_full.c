
/*
 * Requests that are refused because memory has no room for them: an alert that
 * says how many, once a minute and zone.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_LIMIT_TELL  60000       /* ms */


static ngx_uint_t ngx_http_ai_limit_tells(ngx_http_ai_limit_full_t *full);


/* of requests that run, in this process */
static ngx_http_ai_limit_full_t  ngx_http_ai_limit_tickets;


void
ngx_http_ai_limit_full(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_ctx_t *limit)
{
    ngx_log_t                 *log;
    ngx_uint_t                 i, n;
    ngx_http_ai_limit_zone_t  *zone;
    ngx_http_ai_limit_full_t  *full;

    log = ctx->request->connection->log;
    zone = NULL;

    /* the first counter that there was none of */

    for (i = 0; i < limit->n && zone == NULL; i++) {
        if (limit->claim[i].claim.quota == NULL) {
            zone = limit->claim[i].zone;
        }
    }

    full = zone ? &zone->sh->full : &ngx_http_ai_limit_tickets;

    (void) ngx_atomic_fetch_add(&full->n, 1);

    if (!ngx_http_ai_limit_tells(full)) {
        return;
    }

    n = full->n;
    (void) ngx_atomic_fetch_add(&full->n, -(ngx_atomic_int_t) n);

    if (zone == NULL) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "ai: no room for what a request reserves: too many "
                      "requests run, or have so many counters; %ui were "
                      "refused", n);

    } else if (zone->keys) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "ai: no room for what a request reserves: ai_zone has "
                      "none for more counters of keys; %ui requests were "
                      "refused", n);

    } else {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "ai: no room for what a request reserves: "
                      "ai_limit_zone \"%V\" has none for more counters; %ui "
                      "requests were refused", &zone->name, n);
    }
}


/* by the process that comes first */

static ngx_uint_t
ngx_http_ai_limit_tells(ngx_http_ai_limit_full_t *full)
{
    ngx_atomic_uint_t  told;

    told = full->told;

    if (told && ngx_current_msec - told < NGX_HTTP_AI_LIMIT_TELL) {
        return 0;
    }

    return ngx_atomic_cmp_set(&full->told, told,
                              ngx_max(ngx_current_msec, 1));
}
