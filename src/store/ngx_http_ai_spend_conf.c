
/*
 * Where spend is kept: parameters of ai_zone.
 */

#include <store/ngx_http_ai_spend_int.h>


#define NGX_HTTP_AI_SPEND_RETAIN  (400 * 24 * 60 * 60)


static ngx_int_t ngx_http_ai_spend_path(ngx_conf_t *cf,
    ngx_http_ai_spend_main_conf_t *conf, ngx_str_t *name);
static void ngx_http_ai_spend_renew(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);
static ngx_uint_t ngx_http_ai_spend_resized(ngx_cycle_t *old,
    const ngx_shm_zone_t *zone);
static ngx_shm_zone_t *ngx_http_ai_spend_same(ngx_cycle_t *cycle,
    const ngx_shm_zone_t *zone);


void
ngx_http_ai_spend_ask(ngx_conf_t *cf)
{
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    amcf->spend.asked = 1;

    ngx_http_ai_count_ask(cf);
}


ngx_int_t
ngx_http_ai_spend_param(ngx_conf_t *cf, ngx_http_ai_spend_main_conf_t *conf,
    ngx_str_t *param)
{
    time_t     retain;
    ngx_str_t  value;

    if (ngx_strncmp(param->data, "state=", 6) == 0 && param->len > 6) {

        if (conf->dir) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" of \"ai_zone\"",
                               param);
            return NGX_ERROR;
        }

        value.data = param->data + 6;
        value.len = param->len - 6;

        ngx_http_ai_spend_ask(cf);

        return ngx_http_ai_spend_path(cf, conf, &value);
    }

    if (ngx_strncmp(param->data, "retain=", 7) == 0) {
        value.data = param->data + 7;
        value.len = param->len - 7;

        retain = ngx_parse_time(&value, 1);

        if (retain < 2 * 86400) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"ai_zone\", it "
                               "is a time of 2d or more", param);
            return NGX_ERROR;
        }

        conf->retain = retain;
        ngx_http_ai_spend_ask(cf);

        return NGX_OK;
    }

    if (ngx_strncmp(param->data, "redis=", 6) == 0 && param->len > 6
        && conf->redis_name.len == 0)
    {
        conf->redis_name.data = param->data + 6;
        conf->redis_name.len = param->len - 6;

        ngx_http_ai_place(cf, &conf->redis_place);
        ngx_http_ai_spend_ask(cf);

        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of \"ai_zone\"", param);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_ai_spend_path(ngx_conf_t *cf, ngx_http_ai_spend_main_conf_t *conf,
    ngx_str_t *name)
{
    ngx_path_t  *path;

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_ERROR;
    }

    path->name = *name;

    if (path->name.data[path->name.len - 1] == '/' && path->name.len > 1) {
        path->name.len--;
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    path->name.data[path->name.len] = '\0';

    if (cf->conf_file) {
        path->conf_file = cf->conf_file->file.name.data;
        path->line = cf->conf_file->line;
    }

    conf->dir = path;

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_spend_share(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf,
    ngx_str_t *redis, ngx_http_ai_place_t *place)
{
    ngx_str_t            *name;
    ngx_http_ai_redis_t  *rd;

    rd = ngx_http_ai_redis_use(cf, &amcf->redis, redis, place);

    if (rd == NULL) {
        return NGX_ERROR;
    }

    if (amcf->spend.redis && amcf->spend.redis != rd) {
        name = ngx_http_ai_redis_name(amcf->spend.redis);

        ngx_http_ai_conf_error(cf, place, "all zones must be shared by the "
                               "same \"ai_redis\", \"%V\" is used elsewhere",
                               name);
        return NGX_ERROR;
    }

    amcf->spend.redis = rd;

    return NGX_OK;
}


/*
 * The default is beside nginx's other state: "/var/lib/nginx/ai" where
 * temporary files of proxied answers are in "/var/lib/nginx/proxy".
 */

ngx_int_t
ngx_http_ai_spend_init_conf(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    u_char                         *p;
    ngx_str_t                       name;
    ngx_http_ai_spend_main_conf_t  *conf;

    static ngx_str_t  key = ngx_string("spend");
    static u_char     proxy[] = NGX_HTTP_PROXY_TEMP_PATH;

    conf = &amcf->spend;

    if (!conf->asked) {
        return NGX_OK;
    }

    if (conf->redis_name.len
        && ngx_http_ai_spend_share(cf, amcf, &conf->redis_name,
                                   &conf->redis_place)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conf->retain == 0) {
        conf->retain = NGX_HTTP_AI_SPEND_RETAIN;
    }

    if (conf->dir == NULL) {
        p = (u_char *) strrchr((char *) proxy, '/');

        name.len = p ? (size_t) (p + 1 - proxy) : 0;
        name.data = ngx_pnalloc(cf->pool, name.len + sizeof("ai"));
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(ngx_cpymem(name.data, proxy, name.len), "ai", 3);
        name.len += 2;

        if (ngx_http_ai_spend_path(cf, conf, &name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_add_path(cf, &conf->dir) != NGX_OK) {
        return NGX_ERROR;
    }

    conf->zone = amcf->zone.shm_zone;

    ngx_http_ai_spend_renew(cf, amcf);

    ngx_http_ai_zone_on_ready(&amcf->zone, ngx_http_ai_spend_map, conf);

    if (ngx_http_ai_totals_share_init(cf, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_ai_zone_want_block(&amcf->zone, &key,
                                       sizeof(ngx_http_ai_spend_sh_t),
                                       (void **) &conf->sh);
}


/*
 * All zones change under the lock of one of them, and one ledger is theirs.
 * So if a reload makes one anew, because its size is another one, or because
 * nodes share it now, all are: new workers begin with what the old ones have,
 * which go on with the old zones (ngx_http_ai_spend_file.c).
 */

static void
ngx_http_ai_spend_renew(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    ngx_uint_t                  i, n, anew;
    ngx_cycle_t                *running;
    ngx_http_ai_main_conf_t    *old;
    ngx_http_ai_limit_zone_t   *zone, **zones;

    running = cf->cycle->old_cycle;
    old = ngx_http_ai_spend_old(cf->cycle);

    if (old == NULL || old->spend.sh == NULL) {
        return;
    }

    n = amcf->limit.zones ? amcf->limit.zones->nelts : 0;
    zones = n ? amcf->limit.zones->elts : NULL;

    anew = old->zone.name.len != amcf->zone.name.len
           || ngx_memcmp(old->zone.name.data, amcf->zone.name.data,
                         amcf->zone.name.len) != 0
           || ngx_http_ai_spend_resized(running, amcf->zone.shm_zone)
           || (old->limit.keys && amcf->limit.keys
               && old->limit.keys->shared != amcf->limit.keys->shared);

    for (i = 0; i < n && !anew; i++) {
        zone = ngx_http_ai_limit_by_name(old, &zones[i]->name);

        anew = ngx_http_ai_spend_resized(running, zones[i]->shm_zone)
               || (zone && zone->shared != zones[i]->shared);
    }

    if (!anew) {
        return;
    }

    amcf->zone.shm_zone->noreuse = 1;

    for (i = 0; i < n; i++) {
        zones[i]->shm_zone->noreuse = 1;
    }
}


static ngx_uint_t
ngx_http_ai_spend_resized(ngx_cycle_t *old, const ngx_shm_zone_t *zone)
{
    ngx_shm_zone_t  *z;

    z = ngx_http_ai_spend_same(old, zone);

    return z && z->shm.size != zone->shm.size;
}


/* a zone of this name in another configuration */

static ngx_shm_zone_t *
ngx_http_ai_spend_same(ngx_cycle_t *cycle, const ngx_shm_zone_t *zone)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *z;

    for (part = &cycle->shared_memory.part; part; part = part->next) {
        z = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (z[i].tag == zone->tag
                && z[i].shm.name.len == zone->shm.name.len
                && ngx_memcmp(z[i].shm.name.data, zone->shm.name.data,
                              zone->shm.name.len) == 0)
            {
                return &z[i];
            }
        }
    }

    return NULL;
}


/*
 * nginx frees an old zone that has the mark, and gives a new one new memory
 * if that has it.  Nothing of this may happen at the next reload.
 */

void
ngx_http_ai_spend_renewed(ngx_cycle_t *cycle, ngx_http_ai_main_conf_t *amcf)
{
    ngx_uint_t                  i, n;
    ngx_shm_zone_t             *zone, *old;
    ngx_http_ai_limit_zone_t  **zones;

    n = amcf->limit.zones ? amcf->limit.zones->nelts : 0;
    zones = n ? amcf->limit.zones->elts : NULL;

    for (i = 0; i <= n; i++) {
        zone = i < n ? zones[i]->shm_zone : amcf->zone.shm_zone;

        if (!zone->noreuse) {
            continue;
        }

        zone->noreuse = 0;
        old = ngx_http_ai_spend_same(cycle->old_cycle, zone);

        /* in a single process requests are there that use it */

        if (old && ngx_process != NGX_PROCESS_SINGLE) {
            old->noreuse = 1;
        }
    }
}
