
/*
 * Spend: what requests have reserved and used, kept so that no process that
 * dies takes any of it along.
 *
 *     the ledger    a file that all processes of one nginx master map
 *     counters      quotas of limit/ and totals, in shared zones
 *     the snapshot  a file: counters as of a record of the ledger
 *
 * A request's end goes into the ledger and into the counters in one step,
 * under the zone's lock.  At start counters are made of the snapshot and of
 * the records behind it, in the ledgers of all masters that there were; those
 * of another one that runs (a binary upgrade) are followed.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_SPEND_H
#define NGX_HTTP_AI_SPEND_H


#include <store/ai_ledger.h>
#include <store/ai_totals.h>


/* counters that others keep; all are called under the lock */
typedef struct {

    /* stages: of a record's scope, reserved is given back, amounts are used.
     * A counter that is not there is made */
    ngx_int_t                (*settle)(ngx_http_ai_main_conf_t *amcf,
                                   const ai_ledger_scope_t *scope,
                                   int64_t reserved,
                                   const ai_amounts_t *amounts,
                                   ai_redo_t *redo);

    /* an AI_RECORD_COUNTER says what a counter is */
    void                     (*define)(ngx_http_ai_main_conf_t *amcf,
                                   uint64_t id, const ai_str_t *text);

    void                     (*save)(ngx_http_ai_main_conf_t *amcf,
                                   ai_buf_t *b);
    void                     (*load)(ngx_http_ai_main_conf_t *amcf,
                                   ai_unpack_t *u);
} ngx_http_ai_spend_hooks_t;


/* in the zone */
typedef struct {
    ai_char_t                  id[16];      /* of the ledger */
    ai_totals_t               *totals;
    ngx_uint_t                 loaded;      /* counters are not empty */
    int64_t                    leader;      /* the worker that keeps house */
    ngx_msec_t                 led;         /* when it did so last */
    int64_t                    saved;       /* the head of the snapshot */
    ngx_uint_t                 sole;        /* no other master of this folder
                                               runs, when it was looked last */
    ngx_uint_t                 lost;        /* of totals: names that were */
    ngx_uint_t                 unsaved;     /* requests that were not counted:
                                               the ledger was full */
} ngx_http_ai_spend_sh_t;


typedef struct ngx_http_ai_totals_sh_s  ngx_http_ai_totals_sh_t;


typedef struct {
    ngx_path_t                *dir;         /* of "state=" */
    time_t                     retain;      /* s */
    ngx_str_t                  redis_name;  /* "redis=" of ai_zone */
    ngx_http_ai_place_t        redis_place;
    ngx_http_ai_redis_t       *redis;       /* NULL: nothing is shared.  One
                                               for all zones */
    u_char                     node[33];    /* hex: this folder, for ever; set
                                               by the master, with redis */
    ngx_http_ai_spend_sh_t    *sh;          /* NULL: nobody asks for spend */
    ngx_http_ai_totals_sh_t   *told;        /* what Redis has of the totals */
    ai_ledger_t               *ledger;
    ngx_shm_zone_t            *zone;
    const ngx_http_ai_spend_hooks_t  *hooks;        /* or NULL */
    unsigned                   asked:1;
} ngx_http_ai_spend_main_conf_t;


#pragma GCC visibility push(hidden)


/* a directive that needs it */
void ngx_http_ai_spend_ask(ngx_conf_t *cf);

/* "state=", "retain=" of "ai_zone" */
ngx_int_t ngx_http_ai_spend_param(ngx_conf_t *cf,
    ngx_http_ai_spend_main_conf_t *conf, ngx_str_t *param);

/* a zone is shared by a line of ai_redis, which must be one for all */
ngx_int_t ngx_http_ai_spend_share(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf, ngx_str_t *redis,
    ngx_http_ai_place_t *place);

/* once the file was read */
ngx_int_t ngx_http_ai_spend_init_conf(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);

/* the master, when modules start and when it ends */
ngx_int_t ngx_http_ai_spend_init_module(ngx_cycle_t *cycle,
    ngx_http_ai_main_conf_t *amcf);
void ngx_http_ai_spend_exit_master(ngx_cycle_t *cycle);

ngx_int_t ngx_http_ai_spend_init_process(ngx_cycle_t *cycle);


/* brings to its end what somebody who was killed has begun */
void ngx_http_ai_spend_lock(const ngx_http_ai_main_conf_t *amcf);
void ngx_http_ai_spend_unlock(const ngx_http_ai_main_conf_t *amcf);

/* for tests only: dies here if the file "abort" of the folder has this name */
#if (NGX_HTTP_AI_ABORT)
void ngx_http_ai_spend_step(const ngx_http_ai_main_conf_t *amcf,
    const char *name);
#else
#define ngx_http_ai_spend_step(amcf, name)
#endif

/* this worker, as an owner of tickets: unlike a pid it is not used again */
int64_t ngx_http_ai_spend_owner(void);

/*
 * The end of a request: every attempt's use as a record of its own, the last
 * one's with the ticket, if there is one.  Nothing happens before all attempts
 * are settled, and nothing the second time.
 */
void ngx_http_ai_spend_request(ngx_http_ai_ctx_t *ctx);

/* under the lock: a request that has not used anything, or will take another
 * ticket */
void ngx_http_ai_spend_giveback(ngx_http_ai_main_conf_t *amcf,
    ai_ticket_t *ticket);

/* whose spend it is; under the lock, makes the series where it is new */
uint64_t ngx_http_ai_spend_series(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate);

/* under the lock: says in the ledger what an id stands for, before anything of
 * that id is made */
void ngx_http_ai_spend_define(ngx_http_ai_main_conf_t *amcf, ai_record_e type,
    uint64_t id, const ai_str_t *text);

/* the totals, under the lock only; NULL: nobody asked for spend */
ai_totals_t *ngx_http_ai_totals(const ngx_http_ai_main_conf_t *amcf);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_SPEND_H */
