
/*
 * ai_zone: memory that all workers share: one slot a route target, with its
 * requests in flight for least_conn and the round-robin state; and where
 * stored objects are.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_ZONE_H
#define NGX_HTTP_AI_ZONE_H


/*
 * Workers that have an entry of their own.  Those of an old configuration
 * that still finish their requests have one too.  More share the last entry.
 */
#define NGX_HTTP_AI_ZONE_WORKERS   64


typedef struct {
    ngx_queue_t                queue;       /* all slots */
    ngx_int_t                  current;     /* smooth weighted round robin's
                                               running weight; locked */
    ngx_atomic_t               conns[NGX_HTTP_AI_ZONE_WORKERS + 1];
                                            /* attempts in flight, a worker */
} ngx_http_ai_slot_t;


typedef struct ngx_http_ai_pin_s  ngx_http_ai_pin_t;


typedef struct {
    ngx_shm_zone_t            *shm_zone;    /* never NULL after init_conf */
    ngx_str_t                  name;
    size_t                     size;

    ngx_http_ai_pin_t         *pins;        /* store/pin: its block, and ... */
    ngx_uint_t                 pin_sets;    /* ... a power of two */
} ngx_http_ai_zone_main_conf_t;


#pragma GCC visibility push(hidden)


/* the setter of "ai_zone" */
char *ngx_http_ai_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* adds the default zone "ai" of 8m when none is declared; before anybody
 * calls zone_want() */
ngx_int_t ngx_http_ai_zone_init_conf(ngx_conf_t *cf,
    ngx_http_ai_zone_main_conf_t *conf);

/*
 * Asks for the slot of a target, found by its key ("route/provider/model/n"),
 * so that counts survive a reload that moves or adds targets.  *slot is
 * written when the zone is ready, before workers start; a zone without room
 * refuses the configuration.  The key and what slot points to live as long as
 * the configuration.
 */
ngx_int_t ngx_http_ai_zone_want(ngx_http_ai_zone_main_conf_t *conf,
    ngx_str_t *key, ngx_http_ai_slot_t **slot);

/*
 * The same for anything else that workers share: size bytes under a key,
 * zeroed when they are new.  They stay over reloads as long as key and size
 * are the same.
 */
ngx_int_t ngx_http_ai_zone_want_block(ngx_http_ai_zone_main_conf_t *conf,
    ngx_str_t *key, size_t size, void **block);

/* called when all blocks are there, before workers start; what fails refuses
 * the configuration */
typedef ngx_int_t (*ngx_http_ai_zone_ready_pt)(void *data, ngx_log_t *log);
void ngx_http_ai_zone_on_ready(ngx_http_ai_zone_main_conf_t *conf,
    ngx_http_ai_zone_ready_pt ready, void *data);

/* the worker's own entry in all slots; counts of workers that died are
 * cleared.  To be called in init_process */
ngx_int_t ngx_http_ai_zone_init_process(ngx_cycle_t *cycle);

/* one more, or one less, attempt of this worker */
void ngx_http_ai_slot_busy(ngx_http_ai_slot_t *slot);
void ngx_http_ai_slot_free(ngx_http_ai_slot_t *slot);

/* attempts in flight in all workers */
int64_t ngx_http_ai_slot_conns(const ngx_http_ai_slot_t *slot);

/* clears what dead workers left, at most once a second; under the lock */
void ngx_http_ai_zone_sweep(ngx_shm_zone_t *zone);

/* memory of the zone, under its lock; free() gives it back, NULL from alloc()
 * is the caller's to tell */
void ngx_http_ai_zone_pool(ngx_shm_zone_t *zone, ai_pool_t *pool);
/* the same for what can do without: a quarter of the zone is left to others */
void ngx_http_ai_zone_spare_pool(ngx_shm_zone_t *zone, ai_pool_t *pool);

void ngx_http_ai_zone_lock(ngx_shm_zone_t *zone);
void ngx_http_ai_zone_unlock(ngx_shm_zone_t *zone);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_ZONE_H */
