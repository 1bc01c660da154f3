
/*
 * A set-associative table: an id has four places, the one used last is the
 * first, and a new one takes the place of the last.  An id is its 64-bit hash,
 * and so is a provider's name: both survive a reload.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_PIN_WAYS   4
#define NGX_HTTP_AI_PIN_SHARE  32           /* of the zone: one part in */


struct ngx_http_ai_pin_s {
    uint64_t                   id;
    uint64_t                   where;
};


static ngx_http_ai_pin_t *ngx_http_ai_pin_set_of(
    const ngx_http_ai_zone_main_conf_t *zone, uint64_t id);
static void ngx_http_ai_pin_first(ngx_http_ai_pin_t *set, ngx_uint_t i,
    uint64_t id, uint64_t where);


ngx_int_t
ngx_http_ai_pin_init_conf(ngx_http_ai_zone_main_conf_t *conf)
{
    size_t            set;
    ngx_uint_t        n;

    static ngx_str_t  key = ngx_string("pins");

    set = NGX_HTTP_AI_PIN_WAYS * sizeof(ngx_http_ai_pin_t);

    for (n = 1; 2 * n * set <= conf->size / NGX_HTTP_AI_PIN_SHARE; n *= 2) {
        /* void */
    }

    conf->pin_sets = n;

    return ngx_http_ai_zone_want_block(conf, &key, n * set,
                                       (void **) &conf->pins);
}


uint64_t
ngx_http_ai_pin_hash(const u_char *p, size_t len)
{
    size_t    i;
    uint64_t  hash;

    if (len == 0) {
        return 0;
    }

    /* FNV-1a */

    hash = 0xcbf29ce484222325;

    for (i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * 0x100000001b3;
    }

    return hash ? hash : 1;
}


void
ngx_http_ai_pin_set(const ngx_http_ai_zone_main_conf_t *zone, uint64_t id,
    uint64_t where)
{
    ngx_uint_t          i;
    ngx_http_ai_pin_t  *set;

    set = ngx_http_ai_pin_set_of(zone, id);

    ngx_http_ai_zone_lock(zone->shm_zone);

    for (i = 0; i < NGX_HTTP_AI_PIN_WAYS - 1; i++) {
        if (set[i].id == id) {
            break;
        }
    }

    ngx_http_ai_pin_first(set, i, id, where);

    ngx_http_ai_zone_unlock(zone->shm_zone);
}


uint64_t
ngx_http_ai_pin_get(const ngx_http_ai_zone_main_conf_t *zone, uint64_t id)
{
    uint64_t            where;
    ngx_uint_t          i;
    ngx_http_ai_pin_t  *set;

    where = 0;
    set = ngx_http_ai_pin_set_of(zone, id);

    ngx_http_ai_zone_lock(zone->shm_zone);

    for (i = 0; i < NGX_HTTP_AI_PIN_WAYS; i++) {
        if (set[i].id == id) {
            where = set[i].where;
            ngx_http_ai_pin_first(set, i, id, where);
            break;
        }
    }

    ngx_http_ai_zone_unlock(zone->shm_zone);

    return where;
}


static ngx_http_ai_pin_t *
ngx_http_ai_pin_set_of(const ngx_http_ai_zone_main_conf_t *zone, uint64_t id)
{
    return &zone->pins[(id & (zone->pin_sets - 1)) * NGX_HTTP_AI_PIN_WAYS];
}


/* to the front; those before its old place move one back */

static void
ngx_http_ai_pin_first(ngx_http_ai_pin_t *set, ngx_uint_t i, uint64_t id,
    uint64_t where)
{
    ngx_memmove(&set[1], &set[0], i * sizeof(ngx_http_ai_pin_t));

    set[0].id = id;
    set[0].where = where;
}
