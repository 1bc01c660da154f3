
/*
 * A set-associative table: an id has four places, the one used last is the
 * first, and a new one takes the place of the last.  An id is its 64-bit hash,
 * and so is a provider's name: both survive a reload.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_PIN_WAYS   4
#define NGX_HTTP_AI_PIN_SHARE  32           /* of the zone: one part in */


typedef struct {
    uint64_t                   id;
    uint64_t                   where;
} ngx_http_ai_pin_t;


struct ngx_http_ai_pins_s {
    ngx_uint_t                 mask;        /* sets - 1 */
    ngx_http_ai_pin_t          pin[1];
};


static void ngx_http_ai_pin_first(ngx_http_ai_pin_t *set, ngx_uint_t i,
    uint64_t id, uint64_t where);


ngx_http_ai_pins_t *
ngx_http_ai_pins_create(ngx_slab_pool_t *shpool, size_t size)
{
    size_t               set;
    ngx_uint_t           n;
    ngx_http_ai_pins_t  *pins;

    set = NGX_HTTP_AI_PIN_WAYS * sizeof(ngx_http_ai_pin_t);

    for (n = 1; 2 * n * set <= size / NGX_HTTP_AI_PIN_SHARE; n *= 2) {
        /* void */
    }

    pins = ngx_slab_calloc(shpool, sizeof(ngx_http_ai_pins_t) + n * set);
    if (pins == NULL) {
        return NULL;
    }

    pins->mask = n - 1;

    return pins;
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
ngx_http_ai_pin_set(ngx_shm_zone_t *zone, uint64_t id, uint64_t where)
{
    ngx_uint_t           i;
    ngx_http_ai_pin_t   *set;
    ngx_http_ai_pins_t  *pins;

    ngx_http_ai_zone_lock(zone);

    pins = ngx_http_ai_zone_pins(zone);
    set = &pins->pin[(id & pins->mask) * NGX_HTTP_AI_PIN_WAYS];

    for (i = 0; i < NGX_HTTP_AI_PIN_WAYS - 1; i++) {
        if (set[i].id == id) {
            break;
        }
    }

    ngx_http_ai_pin_first(set, i, id, where);

    ngx_http_ai_zone_unlock(zone);
}


uint64_t
ngx_http_ai_pin_get(ngx_shm_zone_t *zone, uint64_t id)
{
    uint64_t             where;
    ngx_uint_t           i;
    ngx_http_ai_pin_t   *set;
    ngx_http_ai_pins_t  *pins;

    where = 0;

    ngx_http_ai_zone_lock(zone);

    pins = ngx_http_ai_zone_pins(zone);
    set = &pins->pin[(id & pins->mask) * NGX_HTTP_AI_PIN_WAYS];

    for (i = 0; i < NGX_HTTP_AI_PIN_WAYS; i++) {
        if (set[i].id == id) {
            where = set[i].where;
            ngx_http_ai_pin_first(set, i, id, where);
            break;
        }
    }

    ngx_http_ai_zone_unlock(zone);

    return where;
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
