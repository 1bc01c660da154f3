
/*
 * ai_zone: memory that all workers share.
 *
 * Counts of attempts in flight belong to workers: each adds to its own entry
 * of a slot only, so that what a killed worker leaves behind can be told from
 * what the others do.  An entry is owned by a pid, registered in the zone;
 * numbers of workers would not do, since after a reload the old and the new
 * worker of a number run side by side.  A pid that no longer exists gives its
 * entry back: when a worker starts, and once a second where counts are used.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_ZONE_SIZE      (8 * 1024 * 1024)
#define NGX_HTTP_AI_ZONE_MAGIC     0x61697a6f6e650000       /* "aizone" */
#define NGX_HTTP_AI_ZONE_VERSION   2


/* in shared memory; changed layout: another version */
typedef struct {
    uint64_t             magic;             /* with the version */
    uint64_t             layout;            /* sizes, for other builds */
    time_t               swept;
    ngx_pid_t            owner[NGX_HTTP_AI_ZONE_WORKERS];
    ngx_rbtree_t         blocks;
    ngx_rbtree_node_t    sentinel;
    ngx_queue_t          slots;             /* those of the blocks that are */
} ngx_http_ai_zone_sh_t;


typedef struct {
    ngx_str_t             key;
    size_t                size;
    void                **block;
    unsigned              slot:1;           /* it is a target's */
} ngx_http_ai_zone_want_t;


/* the key and the bytes follow */
typedef struct {
    ngx_str_node_t        sn;
    size_t                size;
    void                 *data;
} ngx_http_ai_zone_block_t;


/* shm_zone->data, one a configuration */
typedef struct {
    ngx_http_ai_zone_sh_t  *sh;
    ngx_slab_pool_t        *shpool;
    ngx_array_t             wants;          /* ngx_http_ai_zone_want_t */
    ngx_http_ai_zone_ready_pt  ready;       /* or NULL */
    void                   *data;
} ngx_http_ai_zone_ctx_t;


static char *ngx_http_ai_zone_add(ngx_conf_t *cf,
    ngx_http_ai_zone_main_conf_t *conf);
static ngx_int_t ngx_http_ai_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_http_ai_zone_attach(ngx_shm_zone_t *shm_zone,
    ngx_http_ai_zone_sh_t *sh);
static ngx_int_t ngx_http_ai_zone_format(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_http_ai_zone_fill(ngx_shm_zone_t *shm_zone);
static ngx_uint_t ngx_http_ai_zone_targets(ngx_http_ai_zone_ctx_t *ctx);
static void *ngx_http_ai_zone_block(ngx_http_ai_zone_ctx_t *ctx,
    ngx_http_ai_zone_want_t *want);
static void ngx_http_ai_zone_clear(ngx_http_ai_zone_sh_t *sh, ngx_uint_t n);
static void ngx_http_ai_zone_bury(ngx_http_ai_zone_sh_t *sh);
static void *ngx_http_ai_zone_pool_alloc(void *data, size_t size);
static void *ngx_http_ai_zone_spare_alloc(void *data, size_t size);
static void ngx_http_ai_zone_pool_free(void *data, void *p);


/* this worker's entry; the last one is nobody's */
static ngx_uint_t  ngx_http_ai_zone_worker = NGX_HTTP_AI_ZONE_WORKERS;


char *
ngx_http_ai_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t                        size;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_ai_main_conf_t       *amcf;
    ngx_http_ai_zone_main_conf_t  *zmcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    zmcf = &amcf->zone;

    if (zmcf->name.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts < 3) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ai_zone\" needs a name and a size");
        return NGX_CONF_ERROR;
    }

    for (i = 3; i < cf->args->nelts; i++) {
        if (ngx_http_ai_spend_param(cf, &amcf->spend, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (!ngx_http_ai_is_name(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small", &value[1]);
        return NGX_CONF_ERROR;
    }

    zmcf->name = value[1];
    zmcf->size = size;

    return ngx_http_ai_zone_add(cf, zmcf);
}


ngx_int_t
ngx_http_ai_zone_init_conf(ngx_conf_t *cf, ngx_http_ai_zone_main_conf_t *conf)
{
    if (conf->shm_zone == NULL) {
        ngx_str_set(&conf->name, "ai");
        conf->size = NGX_HTTP_AI_ZONE_SIZE;

        if (ngx_http_ai_zone_add(cf, conf) != NGX_CONF_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_ai_pin_init_conf(conf);
}


static char *
ngx_http_ai_zone_add(ngx_conf_t *cf, ngx_http_ai_zone_main_conf_t *conf)
{
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_zone_ctx_t));
    if (ctx == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&ctx->wants, cf->pool, 8,
                       sizeof(ngx_http_ai_zone_want_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    conf->shm_zone = ngx_shared_memory_add(cf, &conf->name, conf->size,
                                           &ngx_http_ai_gateway_module);
    if (conf->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->shm_zone->init = ngx_http_ai_zone_init;
    conf->shm_zone->data = ctx;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_ai_zone_want(ngx_http_ai_zone_main_conf_t *conf, ngx_str_t *key,
    ngx_http_ai_slot_t **slot)
{
    ngx_http_ai_zone_ctx_t   *ctx;
    ngx_http_ai_zone_want_t  *want;

    if (ngx_http_ai_zone_want_block(conf, key, sizeof(ngx_http_ai_slot_t),
                                    (void **) slot)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx = conf->shm_zone->data;

    want = ctx->wants.elts;
    want[ctx->wants.nelts - 1].slot = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_zone_want_block(ngx_http_ai_zone_main_conf_t *conf,
    ngx_str_t *key, size_t size, void **block)
{
    ngx_http_ai_zone_ctx_t   *ctx;
    ngx_http_ai_zone_want_t  *want;

    ctx = conf->shm_zone->data;

    want = ngx_array_push(&ctx->wants);
    if (want == NULL) {
        return NGX_ERROR;
    }

    want->key = *key;
    want->size = size;
    want->block = block;
    want->slot = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_ai_zone_ctx_t  *octx = data;

    ngx_int_t                rc;
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = shm_zone->data;
    ctx->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (octx) {
        rc = ngx_http_ai_zone_attach(shm_zone, octx->sh);

    } else if (shm_zone->shm.exists) {
        rc = ngx_http_ai_zone_attach(shm_zone, ctx->shpool->data);

    } else {
        rc = ngx_http_ai_zone_format(shm_zone);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_ai_zone_fill(shm_zone) != NGX_OK) {
        return NGX_ERROR;
    }

    return ctx->ready ? ctx->ready(ctx->data, shm_zone->shm.log) : NGX_OK;
}


void
ngx_http_ai_zone_on_ready(ngx_http_ai_zone_main_conf_t *conf,
    ngx_http_ai_zone_ready_pt ready, void *data)
{
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = conf->shm_zone->data;

    ctx->ready = ready;
    ctx->data = data;
}


static ngx_int_t
ngx_http_ai_zone_attach(ngx_shm_zone_t *shm_zone, ngx_http_ai_zone_sh_t *sh)
{
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = shm_zone->data;
    ctx->sh = sh;

    if (sh == NULL
        || sh->magic != (NGX_HTTP_AI_ZONE_MAGIC | NGX_HTTP_AI_ZONE_VERSION)
        || sh->layout != sizeof(ngx_http_ai_slot_t))
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "ai_zone \"%V\" has the layout of another version "
                      "of the module, restart nginx or rename the zone",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_zone_format(ngx_shm_zone_t *shm_zone)
{
    size_t                   len;
    ngx_http_ai_zone_sh_t   *sh;
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = shm_zone->data;

    sh = ngx_slab_calloc(ctx->shpool, sizeof(ngx_http_ai_zone_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->magic = NGX_HTTP_AI_ZONE_MAGIC | NGX_HTTP_AI_ZONE_VERSION;
    sh->layout = sizeof(ngx_http_ai_slot_t);

    ngx_rbtree_init(&sh->blocks, &sh->sentinel, ngx_str_rbtree_insert_value);
    ngx_queue_init(&sh->slots);

    ctx->sh = sh;
    ctx->shpool->data = sh;

    len = sizeof(" in ai_zone \"\"") + shm_zone->shm.name.len;

    ctx->shpool->log_ctx = ngx_slab_alloc(ctx->shpool, len);
    if (ctx->shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(ctx->shpool->log_ctx, " in ai_zone \"%V\"%Z",
                &shm_zone->shm.name);

    ctx->shpool->log_nomem = 0;

    return NGX_OK;
}


/* here and not when modules start: what fails here keeps the old cycle */

static ngx_int_t
ngx_http_ai_zone_fill(ngx_shm_zone_t *shm_zone)
{
    void                     *block;
    ngx_uint_t                i;
    ngx_http_ai_zone_ctx_t   *ctx;
    ngx_http_ai_zone_want_t  *want;

    ctx = shm_zone->data;
    want = ctx->wants.elts;

    for (i = 0; i < ctx->wants.nelts; i++) {

        ngx_shmtx_lock(&ctx->shpool->mutex);
        block = ngx_http_ai_zone_block(ctx, &want[i]);
        ngx_shmtx_unlock(&ctx->shpool->mutex);

        *want[i].block = block;

        if (block == NULL) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "ai_zone \"%V\" is too small for %ui targets",
                          &shm_zone->shm.name,
                          ngx_http_ai_zone_targets(ctx));
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_ai_zone_targets(ngx_http_ai_zone_ctx_t *ctx)
{
    ngx_uint_t                i, n;
    ngx_http_ai_zone_want_t  *want;

    want = ctx->wants.elts;

    for (i = 0, n = 0; i < ctx->wants.nelts; i++) {
        n += want[i].slot;
    }

    return n;
}


static void *
ngx_http_ai_zone_block(ngx_http_ai_zone_ctx_t *ctx,
    ngx_http_ai_zone_want_t *want)
{
    uint32_t                   hash;
    ngx_str_node_t            *sn;
    ngx_http_ai_slot_t        *slot;
    ngx_http_ai_zone_block_t  *block;

    hash = ngx_crc32_short(want->key.data, want->key.len);

    sn = ngx_str_rbtree_lookup(&ctx->sh->blocks, &want->key, hash);

    if (sn) {
        block = (ngx_http_ai_zone_block_t *) sn;
        return block->size == want->size ? block->data : NULL;
    }

    block = ngx_slab_calloc_locked(ctx->shpool,
                                   sizeof(ngx_http_ai_zone_block_t)
                                   + want->key.len);
    if (block == NULL) {
        return NULL;
    }

    block->data = ngx_slab_calloc_locked(ctx->shpool, want->size);

    if (block->data == NULL) {
        ngx_slab_free_locked(ctx->shpool, block);
        return NULL;
    }

    block->size = want->size;
    block->sn.str.data = (u_char *) block + sizeof(ngx_http_ai_zone_block_t);
    block->sn.str.len = want->key.len;
    ngx_memcpy(block->sn.str.data, want->key.data, want->key.len);

    block->sn.node.key = hash;

    ngx_rbtree_insert(&ctx->sh->blocks, &block->sn.node);

    if (want->slot) {
        slot = block->data;
        ngx_queue_insert_tail(&ctx->sh->slots, &slot->queue);
    }

    return block->data;
}


ngx_int_t
ngx_http_ai_zone_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                i;
    ngx_http_ai_zone_ctx_t   *ctx;
    ngx_http_ai_main_conf_t  *amcf;

    ngx_http_ai_zone_worker = NGX_HTTP_AI_ZONE_WORKERS;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);

    if (amcf == NULL || amcf->zone.shm_zone == NULL) {
        return NGX_OK;
    }

    ctx = amcf->zone.shm_zone->data;

    ngx_shmtx_lock(&ctx->shpool->mutex);

    ngx_http_ai_zone_bury(ctx->sh);

    for (i = 0; i < NGX_HTTP_AI_ZONE_WORKERS; i++) {
        if (ctx->sh->owner[i] == 0) {
            ctx->sh->owner[i] = ngx_pid;
            ngx_http_ai_zone_worker = i;
            break;
        }
    }

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    return NGX_OK;
}


void
ngx_http_ai_zone_sweep(ngx_shm_zone_t *zone)
{
    time_t                   now;
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = zone->data;
    now = ngx_time();

    if (ctx->sh->swept != now) {
        ctx->sh->swept = now;
        ngx_http_ai_zone_bury(ctx->sh);
    }
}


static void
ngx_http_ai_zone_bury(ngx_http_ai_zone_sh_t *sh)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_AI_ZONE_WORKERS; i++) {

        if (sh->owner[i] == 0) {
            continue;
        }

        if (sh->owner[i] == ngx_pid) {

            /* a number used again, unless it is this worker's own entry */

            if (i == ngx_http_ai_zone_worker) {
                continue;
            }

        } else if (kill(sh->owner[i], 0) == 0 || ngx_errno != NGX_ESRCH) {
            continue;
        }

        ngx_http_ai_zone_clear(sh, i);
        sh->owner[i] = 0;
    }
}


static void
ngx_http_ai_zone_clear(ngx_http_ai_zone_sh_t *sh, ngx_uint_t n)
{
    ngx_queue_t         *q;
    ngx_http_ai_slot_t  *slot;

    for (q = ngx_queue_head(&sh->slots);
         q != ngx_queue_sentinel(&sh->slots);
         q = ngx_queue_next(q))
    {
        slot = ngx_queue_data(q, ngx_http_ai_slot_t, queue);
        slot->conns[n] = 0;
    }
}


void
ngx_http_ai_slot_busy(ngx_http_ai_slot_t *slot)
{
    (void) ngx_atomic_fetch_add(&slot->conns[ngx_http_ai_zone_worker], 1);
}


void
ngx_http_ai_slot_free(ngx_http_ai_slot_t *slot)
{
    (void) ngx_atomic_fetch_add(&slot->conns[ngx_http_ai_zone_worker], -1);
}


int64_t
ngx_http_ai_slot_conns(const ngx_http_ai_slot_t *slot)
{
    int64_t           sum;
    ngx_uint_t        i;
    ngx_atomic_int_t  n;

    sum = 0;

    for (i = 0; i <= NGX_HTTP_AI_ZONE_WORKERS; i++) {
        n = (ngx_atomic_int_t) slot->conns[i];

        if (n > 0) {
            sum += n;
        }
    }

    return sum;
}


void
ngx_http_ai_zone_lock(ngx_shm_zone_t *zone)
{
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = zone->data;

    ngx_shmtx_lock(&ctx->shpool->mutex);
}


void
ngx_http_ai_zone_unlock(ngx_shm_zone_t *zone)
{
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = zone->data;

    ngx_shmtx_unlock(&ctx->shpool->mutex);
}


void
ngx_http_ai_zone_pool(ngx_shm_zone_t *zone, ai_pool_t *pool)
{
    ngx_http_ai_zone_ctx_t  *ctx;

    ctx = zone->data;

    pool->alloc = ngx_http_ai_zone_pool_alloc;
    pool->free = ngx_http_ai_zone_pool_free;
    pool->data = ctx->shpool;
}


void
ngx_http_ai_zone_spare_pool(ngx_shm_zone_t *zone, ai_pool_t *pool)
{
    ngx_http_ai_zone_pool(zone, pool);

    pool->alloc = ngx_http_ai_zone_spare_alloc;
}


static void *
ngx_http_ai_zone_pool_alloc(void *data, size_t size)
{
    return ngx_slab_alloc_locked(data, size);
}


static void *
ngx_http_ai_zone_spare_alloc(void *data, size_t size)
{
    ngx_slab_pool_t  *shpool = data;

    if (shpool->pfree < (ngx_uint_t) (shpool->last - shpool->pages) / 4) {
        return NULL;
    }

    return ngx_slab_alloc_locked(shpool, size);
}


static void
ngx_http_ai_zone_pool_free(void *data, void *p)
{
    ngx_slab_free_locked(data, p);
}
