
/*
 * ai_limit_zone: a table of counters in memory of its own.  All tables change
 * under one lock, that of ai_zone; a zone's own mutex guards its allocator
 * only.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_LIMIT_MAGIC  0x61696c696d697402     /* "ailimit", 2 */
#define NGX_HTTP_AI_LIMIT_KEYS   "keys"     /* the zone of keys' own limits */


static char *ngx_http_ai_limit_zone_add(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf, ngx_str_t *name, size_t size,
    ngx_str_t *redis);
static ngx_int_t ngx_http_ai_limit_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_ai_limit_zone_format(ngx_http_ai_limit_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static void ngx_http_ai_limit_pool(const ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_limit_zone_t *zone, ai_pool_t *pool);
static void *ngx_http_ai_limit_alloc(void *data, size_t size);
static void ngx_http_ai_limit_free(void *data, void *p);
static void ngx_http_ai_limit_define(ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_limit_claim_t *claim);
static ngx_int_t ngx_http_ai_limit_settle(ngx_http_ai_main_conf_t *amcf,
    const ai_ledger_scope_t *scope, int64_t reserved,
    const ai_amounts_t *amounts, ai_redo_t *redo);
static int64_t ngx_http_ai_limit_used(ai_unit_e unit,
    const ai_amounts_t *amounts);
static void ngx_http_ai_limit_defined(ngx_http_ai_main_conf_t *amcf,
    uint64_t id, const ai_str_t *text);
static void ngx_http_ai_limit_save(ngx_http_ai_main_conf_t *amcf,
    ai_buf_t *b);
static void ngx_http_ai_limit_load(ngx_http_ai_main_conf_t *amcf,
    ai_unpack_t *u);


const ngx_http_ai_spend_hooks_t  ngx_http_ai_limit_hooks = {
    ngx_http_ai_limit_settle,
    ngx_http_ai_limit_defined,
    ngx_http_ai_limit_save,
    ngx_http_ai_limit_load
};


char *
ngx_http_ai_limit_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_main_conf_t  *amcf = conf;

    u_char      *p;
    ssize_t      size;
    ngx_str_t   *value, name, redis, s;
    ngx_uint_t   i;

    value = cf->args->elts;
    size = 0;
    ngx_str_null(&name);
    ngx_str_null(&redis);

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0 && name.len == 0) {
            name.data = value[i].data + 5;
            p = (u_char *) ngx_strchr(name.data, ':');

            if (p == NULL) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid zone size \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }

            name.len = p - name.data;
            s.data = p + 1;
            s.len = value[i].data + value[i].len - s.data;
            size = ngx_parse_size(&s);

            if (size == NGX_ERROR) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid zone size \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "redis=", 6) == 0 && redis.len == 0) {
            redis.data = value[i].data + 6;
            redis.len = value[i].len - 6;

            if (redis.len == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "empty parameter \"redis=\" of "
                                   "\"ai_limit_zone\"");
                return NGX_CONF_ERROR;
            }

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"ai_limit_zone\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_ai_is_name(&name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ai_limit_zone\" must have a \"zone\" parameter "
                           "with a name");
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small", &name);
        return NGX_CONF_ERROR;
    }

    if (name.len == sizeof(NGX_HTTP_AI_LIMIT_KEYS) - 1
        && ngx_strncmp(name.data, NGX_HTTP_AI_LIMIT_KEYS, name.len) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name \"%V\" is that of the limits in key "
                           "files", &name);
        return NGX_CONF_ERROR;
    }

    return ngx_http_ai_limit_zone_add(cf, amcf, &name, size, &redis);
}


static char *
ngx_http_ai_limit_zone_add(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf,
    ngx_str_t *name, size_t size, ngx_str_t *redis)
{
    ngx_str_t                         *value;
    ngx_http_ai_limit_zone_t          *zone, **zones;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    if (amcf->limit.zones == NULL) {
        amcf->limit.zones = ngx_array_create(cf->pool, 4,
                                         sizeof(ngx_http_ai_limit_zone_t *));
        if (amcf->limit.zones == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_ai_limit_by_name(amcf, name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate zone \"%V\"", name);
        return NGX_CONF_ERROR;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_limit_zone_t));
    zones = ngx_array_push(amcf->limit.zones);

    if (zone == NULL || zones == NULL) {
        return NGX_CONF_ERROR;
    }

    *zones = zone;

    zone->name = *name;
    zone->hash = ngx_crc32_short(name->data, name->len);
    zone->redis = *redis;
    zone->shared = redis->len != 0;
    ngx_http_ai_place(cf, &zone->place);

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = &zone->key;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    zone->shm_zone = ngx_shared_memory_add(cf, &zone->name, size,
                                           &ngx_http_ai_gateway_module);
    if (zone->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (zone->shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is that of \"ai_zone\"", name);
        return NGX_CONF_ERROR;
    }

    zone->shm_zone->init = ngx_http_ai_limit_zone_init;
    zone->shm_zone->data = zone;

    ngx_http_ai_spend_ask(cf);

    return NGX_CONF_OK;
}


ngx_http_ai_limit_zone_t *
ngx_http_ai_limit_by_name(const ngx_http_ai_main_conf_t *amcf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_ai_limit_zone_t  **zones;

    if (amcf->limit.zones == NULL) {
        return NULL;
    }

    zones = amcf->limit.zones->elts;

    for (i = 0; i < amcf->limit.zones->nelts; i++) {
        if (zones[i]->name.len == name->len
            && ngx_memcmp(zones[i]->name.data, name->data, name->len) == 0)
        {
            return zones[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_ai_limit_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_ai_limit_zone_t  *ozone = data;

    ngx_http_ai_limit_zone_t  *zone;

    zone = shm_zone->data;
    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (ozone == NULL && !shm_zone->shm.exists) {
        return ngx_http_ai_limit_zone_format(zone, shm_zone);
    }

    zone->sh = ozone ? ozone->sh : zone->shpool->data;

    if (zone->sh == NULL || zone->sh->magic != NGX_HTTP_AI_LIMIT_MAGIC) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "ai_limit_zone \"%V\" has the layout of another "
                      "version of the module, restart nginx or rename the "
                      "zone", &zone->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_limit_zone_format(ngx_http_ai_limit_zone_t *zone,
    ngx_shm_zone_t *shm_zone)
{
    size_t     len;
    ai_pool_t  pool;

    len = sizeof(" in ai_limit_zone \"\"") + zone->name.len;

    zone->sh = ngx_slab_calloc(zone->shpool, sizeof(ngx_http_ai_limit_sh_t));
    zone->shpool->log_ctx = ngx_slab_alloc(zone->shpool, len);

    if (zone->sh == NULL || zone->shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(zone->shpool->log_ctx, " in ai_limit_zone \"%V\"%Z",
                &zone->name);

    zone->shpool->log_nomem = 0;
    zone->shpool->data = zone->sh;

    ngx_http_ai_limit_pool(NULL, zone, &pool);

    /* a bucket for about one counter of 512 bytes */

    zone->sh->quotas = ai_quotas_create(&pool, shm_zone->shm.size / 1024,
                                         zone->shared);

    if (zone->sh->quotas == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "ai_limit_zone \"%V\" is too small", &zone->name);
        return NGX_ERROR;
    }

    zone->sh->magic = NGX_HTTP_AI_LIMIT_MAGIC;

    return NGX_OK;
}


/* of the zone's own memory; keys' own limits are in ai_zone */

static void
ngx_http_ai_limit_pool(const ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_limit_zone_t *zone, ai_pool_t *pool)
{
    if (zone->keys) {
        ngx_http_ai_zone_pool(amcf->zone.shm_zone, pool);
        return;
    }

    pool->alloc = ngx_http_ai_limit_alloc;
    pool->free = ngx_http_ai_limit_free;
    pool->data = zone->shpool;
}


static void *
ngx_http_ai_limit_alloc(void *data, size_t size)
{
    return ngx_slab_alloc(data, size);
}


static void
ngx_http_ai_limit_free(void *data, void *p)
{
    ngx_slab_free(data, p);
}


ngx_int_t
ngx_http_ai_limit_init_conf(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    ngx_uint_t                  i, n;
    ngx_http_ai_limit_zone_t   *zone, **zones;

    static ngx_str_t  name = ngx_string(NGX_HTTP_AI_LIMIT_KEYS);
    static ngx_str_t  key = ngx_string("limits of keys");

    amcf->spend.hooks = &ngx_http_ai_limit_hooks;

    ngx_http_ai_limit_views(amcf);

    n = amcf->limit.zones ? amcf->limit.zones->nelts : 0;
    zones = n ? amcf->limit.zones->elts : NULL;

    for (i = 0; i < n; i++) {
        if (zones[i]->shared
            && ngx_http_ai_spend_share(cf, amcf, &zones[i]->redis,
                                       &zones[i]->place)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (!amcf->auth.limits) {
        return NGX_OK;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_limit_zone_t));
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->name = name;
    zone->hash = ngx_crc32_short(name.data, name.len);
    zone->keys = 1;
    zone->used = 1;
    zone->shared = amcf->spend.redis_name.len != 0;

    amcf->limit.keys = zone;

    return ngx_http_ai_zone_want_block(&amcf->zone, &key,
                                       sizeof(ngx_http_ai_limit_sh_t),
                                       (void **) &zone->sh);
}


ngx_int_t
ngx_http_ai_limit_init(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    ngx_str_t                 **names;
    ngx_uint_t                  i, n;
    ngx_http_ai_limit_zone_t  **zones;

    n = amcf->limit.zones ? amcf->limit.zones->nelts : 0;
    zones = n ? amcf->limit.zones->elts : NULL;

    names = ngx_palloc(cf->temp_pool, (n + 1) * sizeof(ngx_str_t *));
    if (names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        names[i] = &zones[i]->name;

        if (!zones[i]->used) {
            ngx_http_ai_conf_warn(cf, &zones[i]->place,
                                  "no \"ai_limit\" uses ai_limit_zone "
                                  "\"%V\"", &zones[i]->name);
        }
    }

    if (amcf->limit.keys) {
        names[n++] = &amcf->limit.keys->name;
    }

    if (n && ngx_http_ai_limit_metrics(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_ai_alert_zones(cf, &amcf->alert, names, n);
}


ngx_int_t
ngx_http_ai_limit_init_module(ngx_cycle_t *cycle,
    ngx_http_ai_main_conf_t *amcf)
{
    ai_pool_t                  pool;
    ngx_http_ai_limit_zone_t  *zone;

    zone = amcf->limit.keys;

    if (zone == NULL || zone->sh == NULL || zone->sh->quotas
        || ngx_test_config)
    {
        return NGX_OK;
    }

    ngx_http_ai_spend_lock(amcf);

    ngx_http_ai_limit_pool(amcf, zone, &pool);
    zone->sh->quotas = ai_quotas_create(&pool, 1024, zone->shared);

    ngx_http_ai_spend_unlock(amcf);

    if (zone->sh->quotas == NULL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "ai: ai_zone \"%V\" has no room for limits of keys",
                      &amcf->zone.name);
    }

    return NGX_OK;
}


ngx_http_ai_limit_zone_t *
ngx_http_ai_limit_by_hash(const ngx_http_ai_main_conf_t *amcf, uint32_t hash)
{
    ngx_uint_t                  i;
    ngx_http_ai_limit_zone_t  **zones;

    if (amcf->limit.keys && amcf->limit.keys->hash == hash) {
        return amcf->limit.keys;
    }

    if (amcf->limit.zones == NULL) {
        return NULL;
    }

    zones = amcf->limit.zones->elts;

    for (i = 0; i < amcf->limit.zones->nelts; i++) {
        if (zones[i]->hash == hash) {
            return zones[i];
        }
    }

    return NULL;
}


ai_quota_t *
ngx_http_ai_limit_quota(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_limit_claim_t *claim, int64_t now_ms)
{
    ai_str_t     key;
    ai_pool_t    pool;
    ai_uint_t    made;
    ai_quota_t  *q;

    if (claim->zone->sh == NULL || claim->zone->sh->quotas == NULL) {
        return NULL;
    }

    key = ai_str(&claim->key);

    ngx_http_ai_limit_pool(amcf, claim->zone, &pool);

    q = ai_quotas_find(claim->zone->sh->quotas, claim->id);

    if (q) {
        return q;
    }

    ngx_http_ai_limit_define(amcf, claim);

    return ai_quotas_get(claim->zone->sh->quotas, &pool, claim->id, &key,
                         claim->unit, claim->period, now_ms, &made);
}


/* what its id stands for, for those who read the ledger */

static void
ngx_http_ai_limit_define(ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_limit_claim_t *claim)
{
    size_t       mark;
    ai_buf_t     b;
    ai_str_t     key, text;
    ngx_pool_t  *pool;
    ai_pool_t    ap;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    ngx_http_ai_pool(&ap, pool);
    ai_buf_init(&b, &ap);

    key = ai_str(&claim->key);
    key.len = ngx_min(key.len, AI_QUOTA_KEY);

    mark = ai_pack_begin(&b, AI_PACK_QUOTA);
    ai_pack_int(&b, claim->zone->hash);
    ai_pack_str(&b, &key);
    ai_pack_int(&b, claim->unit);
    ai_pack_int(&b, claim->period);
    ai_pack_end(&b, mark);

    if (!b.failed) {
        text = ai_buf_str(&b);
        ngx_http_ai_spend_define(amcf, AI_RECORD_COUNTER, claim->id, &text);
    }

    ngx_destroy_pool(pool);
}


static void
ngx_http_ai_limit_defined(ngx_http_ai_main_conf_t *amcf, uint64_t id,
    const ai_str_t *text)
{
    int64_t                    hash, unit, period;
    ai_str_t                   in, key;
    ai_pool_t                  pool;
    ai_uint_t                  made;
    ai_unpack_t                u;
    ngx_http_ai_limit_zone_t  *zone;

    in = *text;

    if (ai_unpack(&in, &u) != AI_OK || u.type != AI_PACK_QUOTA) {
        return;
    }

    hash = ai_unpack_int(&u);
    key = ai_unpack_str(&u);
    unit = ai_unpack_int(&u);
    period = ai_unpack_int(&u);

    zone = ngx_http_ai_limit_by_hash(amcf, (uint32_t) hash);

    if (u.failed || zone == NULL || zone->sh->quotas == NULL
        || unit < 0 || unit >= AI_UNIT_MAX
        || period < AI_PERIOD_MONTH || period > AI_PERIOD_LONGEST)
    {
        return;
    }

    ngx_http_ai_limit_pool(amcf, zone, &pool);

    (void) ai_quotas_get(zone->sh->quotas, &pool, id, &key, (ai_unit_e) unit,
                         (int32_t) period, (int64_t) ngx_time() * 1000, &made);
}


static ngx_int_t
ngx_http_ai_limit_settle(ngx_http_ai_main_conf_t *amcf,
    const ai_ledger_scope_t *scope, int64_t reserved,
    const ai_amounts_t *amounts, ai_redo_t *redo)
{
    ai_quota_t                *q;
    ngx_http_ai_limit_zone_t  *zone;

    zone = ngx_http_ai_limit_by_hash(amcf, scope->zone);

    if (zone == NULL || zone->sh->quotas == NULL) {
        return NGX_OK;
    }

    q = ai_quotas_find(zone->sh->quotas, scope->counter);

    if (q == NULL) {
        return NGX_OK;
    }

    if (ai_quota_settle(q, scope->window, reserved,
                        ngx_http_ai_limit_used((ai_unit_e) scope->unit,
                                               amounts),
                        redo)
        != AI_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static int64_t
ngx_http_ai_limit_used(ai_unit_e unit, const ai_amounts_t *amounts)
{
    switch (unit) {

    case AI_UNIT_REQUESTS:
        return amounts->requests;

    case AI_UNIT_TOKENS:
        return amounts->prompt + amounts->completion;

    case AI_UNIT_INPUT_TOKENS:
        return amounts->prompt;

    case AI_UNIT_OUTPUT_TOKENS:
        return amounts->completion;

    case AI_UNIT_COST:
        return amounts->cost;

    default: /* AI_UNIT_CONCURRENCY */
        return 0;
    }
}


static void
ngx_http_ai_limit_save(ngx_http_ai_main_conf_t *amcf, ai_buf_t *b)
{
    ngx_uint_t                  i;
    ngx_http_ai_limit_zone_t  **zones;

    if (amcf->limit.keys && amcf->limit.keys->sh->quotas) {
        ai_quotas_save(amcf->limit.keys->sh->quotas, amcf->limit.keys->hash,
                       b);
    }

    if (amcf->limit.zones == NULL) {
        return;
    }

    zones = amcf->limit.zones->elts;

    for (i = 0; i < amcf->limit.zones->nelts; i++) {
        ai_quotas_save(zones[i]->sh->quotas, zones[i]->hash, b);
    }
}


static void
ngx_http_ai_limit_load(ngx_http_ai_main_conf_t *amcf, ai_unpack_t *u)
{
    ai_pool_t                  pool;
    ngx_http_ai_limit_zone_t  *zone;

    if (u->type != AI_PACK_QUOTA) {
        return;
    }

    zone = ngx_http_ai_limit_by_hash(amcf, (uint32_t) ai_unpack_int(u));

    if (zone == NULL || zone->sh->quotas == NULL) {
        return;
    }

    ngx_http_ai_limit_pool(amcf, zone, &pool);

    if (ai_quotas_load(zone->sh->quotas, &pool, u, (int64_t) ngx_time() * 1000)
        == AI_ERROR)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "ai: ai_limit_zone \"%V\" has no room for all counters "
                      "of the snapshot", &zone->name);
    }
}


void
ngx_http_ai_limit_walk(const ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_limit_walk_pt walk, void *data)
{
    ai_quota_t                 *q;
    ngx_uint_t                  i, n;
    ngx_http_ai_limit_zone_t   *zone, **zones;

    n = amcf->limit.zones ? amcf->limit.zones->nelts : 0;
    zones = n ? amcf->limit.zones->elts : NULL;

    for (i = 0; i <= n; i++) {
        zone = i < n ? zones[i] : amcf->limit.keys;

        if (zone == NULL || zone->sh == NULL || zone->sh->quotas == NULL) {
            continue;
        }

        for (q = ai_quotas_next(zone->sh->quotas, NULL);
             q;
             q = ai_quotas_next(zone->sh->quotas, q))
        {
            walk(data, zone, q);
        }
    }
}
