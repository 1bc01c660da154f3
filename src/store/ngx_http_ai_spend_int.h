
/*
 * Between the files of spend.  All of these are called under the lock, unless
 * they say otherwise.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_SPEND_INT_H
#define NGX_HTTP_AI_SPEND_INT_H


/* one record to be */
typedef struct {
    ai_ticket_t               *ticket;      /* NULL: nothing was reserved by
                                               this ledger */
    uint64_t                   id;          /* without a ticket: as its own */
    int64_t                    owner;
    int64_t                    start;
    uint64_t                   series;
    const ai_ledger_scope_t   *scope;
    ngx_uint_t                 nscopes;
    ai_amounts_t               amounts;
} ngx_http_ai_spend_end_t;


#pragma GCC visibility push(hidden)


/* the master: fills conf->node, if it has a redis */
ngx_int_t ngx_http_ai_spend_node(ngx_http_ai_spend_main_conf_t *conf,
    ngx_log_t *log);

/* the master: this configuration's ledger, when its zone is ready */
ngx_int_t ngx_http_ai_spend_map(void *conf, ngx_log_t *log);

/* the master: zones that were made anew are, from now on, as all others */
void ngx_http_ai_spend_renewed(ngx_cycle_t *cycle,
    ngx_http_ai_main_conf_t *amcf);

/* the configuration that runs, when another is read; NULL: none of ours */
ngx_http_ai_main_conf_t *ngx_http_ai_spend_old(ngx_cycle_t *cycle);

void ngx_http_ai_spend_book(ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_spend_end_t *end);
void ngx_http_ai_spend_apply(ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_spend_end_t *end);
void ngx_http_ai_spend_unreserved(ai_ledger_scope_t *scope, ngx_uint_t n);
int64_t ngx_http_ai_spend_start(const ngx_http_ai_ctx_t *ctx);

/* writes a snapshot at once, so that records may be overwritten */
void ngx_http_ai_spend_make_room(ngx_http_ai_main_conf_t *amcf);

/* not under the lock: writes a snapshot; NGX_DECLINED: another master does */
ngx_int_t ngx_http_ai_spend_save(ngx_http_ai_main_conf_t *amcf,
    ngx_log_t *log);
/* is it time for one, after what the one before took? */
ngx_uint_t ngx_http_ai_spend_may_pack(void);

/* not under the lock: other ledgers of the folder */
void ngx_http_ai_spend_follow(ngx_http_ai_main_conf_t *amcf, ngx_log_t *log);

/* a ticket whose owner is dead; own: of the ledger of this master */
void ngx_http_ai_spend_adopt(ngx_http_ai_main_conf_t *amcf,
    const ai_ticket_t *ticket, ngx_uint_t own);

/* is the process that an owner's number stands for still there? */
ngx_uint_t ngx_http_ai_spend_is_alive(int64_t owner);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_SPEND_INT_H */
