
/*
 * Totals of all nodes, in Redis: the worker that keeps house tells what this
 * node knows (base: ai_totals_share.h), and any worker can ask what others
 * have told.
 *
 *     usage:PERIOD               hash: node, digits of the next ones there are
 *     usage:PERIOD:NODE:DIGIT    hash: series, amounts; of series whose id
 *                                begins with DIGIT
 *     usage:series:MONTH         hash: series, names
 *     usage:nodes                hash: node, when it was heard and its host
 *     usage:told:NODE:LEDGER     number of the last call of a writer
 *
 * PERIOD is a day, "20261122", or an hour, "20261122T14".
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_TOTALS_SHARE_H
#define NGX_HTTP_AI_TOTALS_SHARE_H


#include <store/ai_totals_share.h>


#define NGX_HTTP_AI_TOTALS_NODES  1024
#define NGX_HTTP_AI_TOTALS_NODE   32        /* bytes of a name */
#define NGX_HTTP_AI_TOTALS_HOST   64


typedef struct {
    u_char                     name[NGX_HTTP_AI_TOTALS_NODE];
    u_char                     host[NGX_HTTP_AI_TOTALS_HOST];
    size_t                     host_len;
    int64_t                    heard;       /* s; 0: not known */
} ngx_http_ai_totals_node_t;


typedef struct ngx_http_ai_totals_fetch_s  ngx_http_ai_totals_fetch_t;


/*
 * NGX_OK: all that others have told is in the merge; NGX_DECLINED: Redis has
 * failed; NGX_BUSY: ai_merge_full(); NGX_ERROR: no memory.  Never called from
 * within the call that has begun it.
 */
typedef void (*ngx_http_ai_totals_fetched_pt)(void *data, ngx_int_t rc);


#pragma GCC visibility push(hidden)


/* are totals shared? */
ngx_uint_t ngx_http_ai_totals_is_shared(const ngx_http_ai_main_conf_t *amcf);

/* when the file was read; in the master, when the zone is there; the leader,
 * every now and then; a worker that ends, as long as it has connections */
ngx_int_t ngx_http_ai_totals_share_init(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);
void ngx_http_ai_totals_share_init_module(ngx_http_ai_main_conf_t *amcf);
void ngx_http_ai_totals_share_tick(ngx_http_ai_main_conf_t *amcf);
void ngx_http_ai_totals_share_exit(ngx_cycle_t *cycle);

/* hours before this one are told, and asked for, as their days */
int64_t ngx_http_ai_totals_hours(void);

/*
 * Adds what other nodes have told to a merge, whose question has hours as
 * above.  All of pool must stay until it is over; NULL: Redis is down, or no
 * memory.  forget: before that, at any time.
 */
ngx_http_ai_totals_fetch_t *ngx_http_ai_totals_fetch(
    const ngx_http_ai_main_conf_t *amcf, ngx_pool_t *pool,
    const ai_totals_query_t *q, ai_merge_t *merge,
    ngx_http_ai_totals_fetched_pt handler, void *data);
void ngx_http_ai_totals_forget(ngx_http_ai_totals_fetch_t *fetch);

/* those that were found, without this one */
const ngx_http_ai_totals_node_t *ngx_http_ai_totals_nodes(
    const ngx_http_ai_totals_fetch_t *fetch, ngx_uint_t *n);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_TOTALS_SHARE_H */
