
/*
 * Leases for requests: calls, their answers, and who waits for them.
 *
 * A call outlives the request that it was made for: what Redis has given is
 * booked in any case.  It knows quotas by their ids only.
 */

#include <limit/ngx_http_ai_share_int.h>


#define NGX_HTTP_AI_SHARE_WAKE   1      /* ms between tries of who waits */
#define NGX_HTTP_AI_SHARE_BATCH  16     /* of them each time */
#define NGX_HTTP_AI_SHARE_SPARE  50     /* ms of patience beyond a call's */


static int64_t ngx_http_ai_share_limit(const ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_claim_t *c);
static void ngx_http_ai_share_alone(ngx_http_ai_share_t *share);
static void ngx_http_ai_share_done(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_uint_t ngx_http_ai_share_read(ngx_http_ai_share_t *share,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_uint_t ngx_http_ai_share_scopes(ngx_http_ai_share_t *share,
    const ngx_http_ai_redis_reply_t *reply, ngx_uint_t refused);
static void ngx_http_ai_share_poisoned(ngx_http_ai_share_t *share,
    const ngx_http_ai_share_scope_t *s);
static ngx_int_t ngx_http_ai_share_park(ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_share_resume(ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_share_timer(ngx_event_t *ev);
static void ngx_http_ai_share_try(ngx_uint_t n);
static void ngx_http_ai_share_cleanup(void *data);


/* a call whose answer comes later than that is not believed */
#define ngx_http_ai_share_patience(rd)                                        \
    ngx_min(ngx_http_ai_redis_patience(rd), AI_LEASE_CALL - 100)


static ngx_queue_t       ngx_http_ai_share_waiters;
static ngx_event_t       ngx_http_ai_share_event;
static ngx_connection_t  ngx_http_ai_share_dummy;


ngx_int_t
ngx_http_ai_share_init_conf(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    static ngx_str_t  key = ngx_string("share");

    if (amcf->spend.redis == NULL) {
        return NGX_OK;
    }

    return ngx_http_ai_zone_want_block(&amcf->zone, &key,
                                       sizeof(ngx_http_ai_share_sh_t),
                                       (void **) &amcf->limit.share);
}


ngx_int_t
ngx_http_ai_share_init_process(ngx_cycle_t *cycle)
{
    ngx_event_t              *ev;
    ngx_http_ai_main_conf_t  *amcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);

    if (amcf == NULL || amcf->limit.share == NULL) {
        return NGX_OK;
    }

    ngx_queue_init(&ngx_http_ai_share_waiters);

    ev = &ngx_http_ai_share_event;

    ngx_memzero(ev, sizeof(ngx_event_t));

    ngx_http_ai_share_dummy.fd = (ngx_socket_t) -1;

    ev->handler = ngx_http_ai_share_timer;
    ev->data = &ngx_http_ai_share_dummy;
    ev->log = cycle->log;

    ngx_http_ai_share_tell_init(amcf, cycle->log);

    return NGX_OK;
}


ngx_http_ai_share_t *
ngx_http_ai_share_create(ngx_http_ai_main_conf_t *amcf, ngx_uint_t n)
{
    ngx_pool_t           *pool;
    ngx_http_ai_share_t  *share;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    share = ngx_pcalloc(pool, sizeof(ngx_http_ai_share_t));

    if (share == NULL
        || (share->scope = ngx_palloc(pool,
                               n * sizeof(ngx_http_ai_share_scope_t)))
           == NULL)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    share->pool = pool;
    share->amcf = amcf;

    return share;
}


void
ngx_http_ai_share_stamp(ngx_http_ai_share_t *share)
{
    ngx_http_ai_share_sh_t  *sh;

    sh = share->amcf->limit.share;

    (void) ngx_hex_dump(share->owner,
                        (u_char *) ai_ledger_id(share->amcf->spend.ledger),
                        16);

    share->epoch_len = sh->len;
    ngx_memcpy(share->epoch, sh->epoch, sh->len);

    share->gen = sh->gen;

    /* higher than all before, also if the zone was made anew */

    sh->serial = ngx_max(sh->serial + 1, (int64_t) ngx_time() * 1000000);
    share->serial = sh->serial;

    share->sole = share->amcf->spend.sh->sole;
}


ai_lease_call_t *
ngx_http_ai_share_scope(ngx_http_ai_share_t *share,
    const ngx_http_ai_limit_zone_t *zone)
{
    ngx_http_ai_share_scope_t  *s;

    s = &share->scope[share->n];

    s->zone = zone->hash;
    s->call = ngx_palloc(share->pool, sizeof(ai_lease_call_t));

    if (s->call) {
        share->n++;
    }

    return s->call;
}


ngx_http_ai_share_t *
ngx_http_ai_share_begin(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_limit_ctx_t *limit, ngx_uint_t prefetch)
{
    ngx_uint_t                        i;
    ai_lease_call_t                  *call;
    ngx_http_ai_share_t              *share;
    const ngx_http_ai_limit_claim_t  *c;

    if (!ngx_http_ai_share_is_sure(amcf)) {
        return NULL;
    }

    /* one call at a time for a counter */

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        if (c->asked && !c->twin
            && ai_lease_is_called(c->claim.quota->lease,
                                  ngx_http_ai_share_now()))
        {
            return NULL;
        }
    }

    share = ngx_http_ai_share_create(amcf, limit->n);

    if (share == NULL) {
        return NULL;
    }

    ngx_http_ai_share_stamp(share);

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        if (!c->asked || c->twin) {
            continue;
        }

        call = ngx_http_ai_share_scope(share, c->zone);

        if (call == NULL) {
            ngx_http_ai_share_failed(share);
            return NULL;
        }

        ai_lease_call(c->claim.quota, prefetch ? 0 : c->claim.amount, 1,
                      ngx_http_ai_share_limit(limit, c), share->serial,
                      share->gen, ngx_http_ai_share_now(), call);
    }

    return share;
}


/* of several rules for one counter the lowest one holds */

static int64_t
ngx_http_ai_share_limit(const ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_claim_t *c)
{
    int64_t     least;
    ngx_uint_t  i;

    least = c->claim.limit;

    for (i = 0; i < limit->n; i++) {
        if (limit->claim[i].id == c->id) {
            least = ngx_min(least, limit->claim[i].claim.limit);
        }
    }

    return least;
}


void
ngx_http_ai_share_failed(ngx_http_ai_share_t *share)
{
    ngx_http_ai_share_alone(share);
    ngx_destroy_pool(share->pool);
}


/* under the lock: no answer that can be used */

static void
ngx_http_ai_share_alone(ngx_http_ai_share_t *share)
{
    ai_quota_t  *q;
    ngx_uint_t   i;

    for (i = 0; i < share->n; i++) {
        q = ngx_http_ai_share_quota(share->amcf, &share->scope[i]);

        if (q) {
            ai_lease_failed(q, share->scope[i].call);
        }
    }
}


ai_quota_t *
ngx_http_ai_share_quota(const ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_share_scope_t *s)
{
    ai_quota_t                *q;
    ngx_http_ai_limit_zone_t  *zone;

    zone = ngx_http_ai_limit_by_hash(amcf, s->zone);

    if (zone == NULL || zone->sh->quotas == NULL) {
        return NULL;
    }

    q = ai_quotas_find(zone->sh->quotas, s->call->id);

    return q && q->lease ? q : NULL;
}


ngx_int_t
ngx_http_ai_share_send(ngx_http_ai_share_t *share)
{
    ngx_str_t                *argv;
    ngx_uint_t                nkeys, argc;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = share->amcf;

    argv = ngx_http_ai_share_args(share, &nkeys, &argc);

    if (argv) {
        share->redis = ngx_http_ai_redis_eval(amcf->spend.redis,
                              ngx_http_ai_redis_script(AI_REDIS_SHARE),
                              nkeys, argv, argc,
                              ngx_http_ai_share_patience(amcf->spend.redis),
                              ngx_http_ai_share_done, share);
    }

    if (share->redis) {
        return NGX_OK;
    }

    ngx_http_ai_spend_lock(amcf);
    ngx_http_ai_share_failed(share);
    ngx_http_ai_spend_unlock(amcf);

    return NGX_DECLINED;
}


static void
ngx_http_ai_share_done(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_share_t  *share = data;

    ngx_uint_t                alone;
    ngx_http_ai_ctx_t        *ctx;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = share->amcf;
    ctx = share->ctx;

    ngx_http_ai_spend_lock(amcf);

    alone = ngx_http_ai_share_read(share, reply);

    ngx_http_ai_spend_unlock(amcf);

    if (share->tells) {
        ngx_http_ai_share_told(reply->rc == NGX_HTTP_AI_REDIS_OK);
    }

    ngx_destroy_pool(share->pool);

    if (ctx) {
        ctx->limit->share = NULL;
        ctx->limit->alone = alone;
        ngx_http_ai_share_resume(ctx);
    }

    ngx_http_ai_share_wake();
}


/* under the lock: 1, who has asked must go on alone */

static ngx_uint_t
ngx_http_ai_share_read(ngx_http_ai_share_t *share,
    const ngx_http_ai_redis_reply_t *reply)
{
    ngx_str_t   word;
    ngx_uint_t  refused;

    word.len = 0;
    word.data = NULL;

    if (reply->rc == NGX_HTTP_AI_REDIS_OK
        && reply->type == NGX_HTTP_AI_REDIS_LIST && reply->n >= 2)
    {
        word = reply->list[0].text;
    }

    if (ngx_http_ai_share_is(&word, "epoch")) {
        ngx_http_ai_share_alone(share);
        share->amcf->limit.share->changed = 1;
        return 0;
    }

    if (word.len == 0 || reply->n != 2 + 4 * share->n) {
        ngx_http_ai_share_alone(share);

        if (reply->rc == NGX_HTTP_AI_REDIS_ERROR) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "ai: Redis has refused a call for limits: \"%V\"",
                          &reply->text);
        }

        return 1;
    }

    if (ngx_http_ai_share_is(&word, "stale")) {
        ngx_http_ai_share_alone(share);
        return 0;
    }

    refused = ngx_http_ai_share_is(&word, "no")
              ? (ngx_uint_t) reply->list[1].number : 0;

    if (ngx_http_ai_share_scopes(share, reply, refused)) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "ai: Redis has lost counters of limits, they are told "
                      "again");
        share->amcf->limit.share->gen++;
    }

    return ngx_http_ai_share_is(&word, "wait")
           || ngx_http_ai_share_is(&word, "poison");
}


/* 1: something was forgotten there */

static ngx_uint_t
ngx_http_ai_share_scopes(ngx_http_ai_share_t *share,
    const ngx_http_ai_redis_reply_t *reply, ngx_uint_t refused)
{
    ai_quota_t                       *q;
    ngx_uint_t                        i, lost;
    ai_lease_reply_t                  r;
    const ngx_http_ai_redis_reply_t  *item;

    lost = 0;

    for (i = 0; i < share->n; i++) {
        item = &reply->list[2 + 4 * i];

        r.given = item[0].number;
        r.used = item[1].number;
        r.leased = item[2].number;
        r.known = item[3].number;
        r.refused = (i + 1 == refused);

        if (r.given < 0) {
            ngx_http_ai_share_poisoned(share, &share->scope[i]);
        }

        q = ngx_http_ai_share_quota(share->amcf, &share->scope[i]);

        if (q
            && ai_lease_reply(q, share->scope[i].call, &r,
                              ngx_http_ai_share_now())
               == AI_DECLINED)
        {
            lost = 1;
        }
    }

    return lost;
}


/* in each worker once a minute at most */

static void
ngx_http_ai_share_poisoned(ngx_http_ai_share_t *share,
    const ngx_http_ai_share_scope_t *s)
{
    ngx_str_t      *key;
    static time_t   said;

    if (said && ngx_time() - said < 60) {
        return;
    }

    said = ngx_time();
    key = ngx_http_ai_share_key(share, s->call);

    if (key) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "ai: what Redis has under the key \"%V\" is no counter "
                      "of this module, it must be deleted", key);
    }
}


ngx_int_t
ngx_http_ai_share_wait(ngx_http_ai_ctx_t *ctx, ngx_http_ai_share_t *share)
{
    ngx_http_ai_redis_t      *rd;
    ngx_http_ai_limit_ctx_t  *limit;

    limit = ctx->limit;
    rd = ngx_http_ai_main_conf(ctx->request)->spend.redis;

    if (!limit->patient) {
        limit->patient = 1;
        limit->since = ngx_current_msec;
    }

    /* the answer counts, even if it is too late for this request */

    if (ngx_current_msec - limit->since
        > ngx_http_ai_share_patience(rd) + NGX_HTTP_AI_SHARE_SPARE
        || (share == NULL && ngx_http_ai_redis_is_down(rd)))
    {
        limit->alone = 1;

    } else if (!ngx_http_ai_share_is_sure(ngx_http_ai_main_conf(ctx->request)))
    {
        ngx_http_ai_share_make_sure();
    }

    if (share) {
        share->ctx = limit->alone ? NULL : ctx;

        if (ngx_http_ai_share_send(share) != NGX_OK) {
            limit->alone = 1;

        } else if (!limit->alone) {
            limit->share = share;
        }
    }

    return limit->alone ? NGX_OK : ngx_http_ai_share_park(ctx);
}


/*
 * Who waits is in a queue unless it has a call of its own.  All are tried when
 * an answer is there, and some every millisecond: another worker may have got
 * what they wait for.
 */

static ngx_int_t
ngx_http_ai_share_park(ngx_http_ai_ctx_t *ctx)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_ai_limit_ctx_t  *limit;

    limit = ctx->limit;

    if (limit->ctx == NULL) {
        cln = ngx_pool_cleanup_add(ctx->request->pool, 0);

        if (cln == NULL) {

            if (limit->share) {
                limit->share->ctx = NULL;
                limit->share = NULL;
            }

            return NGX_ERROR;
        }

        cln->handler = ngx_http_ai_share_cleanup;
        cln->data = limit;
        limit->ctx = ctx;
    }

    if (limit->share == NULL) {
        limit->waiting = 1;
        ngx_queue_insert_tail(&ngx_http_ai_share_waiters, &limit->waiter);

        if (!ngx_http_ai_share_event.timer_set) {
            ngx_add_timer(&ngx_http_ai_share_event, NGX_HTTP_AI_SHARE_WAKE);
        }
    }

    return NGX_AGAIN;
}


ngx_uint_t
ngx_http_ai_share_is_waiting(const ngx_http_ai_ctx_t *ctx)
{
    return ctx->limit && (ctx->limit->share || ctx->limit->waiting);
}


static void
ngx_http_ai_share_resume(ngx_http_ai_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_ai_post(ctx);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_ai_share_wake(void)
{
    ngx_http_ai_share_try(NGX_MAX_UINT32_VALUE);
}


static void
ngx_http_ai_share_timer(ngx_event_t *ev)
{
    ngx_http_ai_share_try(NGX_HTTP_AI_SHARE_BATCH);

    if (!ngx_queue_empty(&ngx_http_ai_share_waiters) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_AI_SHARE_WAKE);
    }
}


/* at most n, and none that comes to wait, or does so again, meanwhile */

static void
ngx_http_ai_share_try(ngx_uint_t n)
{
    ngx_queue_t               tried, *q;
    ngx_http_ai_limit_ctx_t  *limit;

    if (ngx_queue_empty(&ngx_http_ai_share_waiters)) {
        return;
    }

    /* requests leave the queue that they are in, which may be this one */

    ngx_queue_init(&tried);

    while (n-- && !ngx_queue_empty(&ngx_http_ai_share_waiters)) {
        q = ngx_queue_head(&ngx_http_ai_share_waiters);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&tried, q);
    }

    while (!ngx_queue_empty(&tried)) {
        q = ngx_queue_head(&tried);
        limit = ngx_queue_data(q, ngx_http_ai_limit_ctx_t, waiter);

        ngx_queue_remove(q);
        limit->waiting = 0;

        ngx_http_ai_share_resume(limit->ctx);
    }
}


static void
ngx_http_ai_share_cleanup(void *data)
{
    ngx_http_ai_limit_ctx_t  *limit = data;

    if (limit->waiting) {
        limit->waiting = 0;
        ngx_queue_remove(&limit->waiter);
    }

    if (limit->share) {
        limit->share->ctx = NULL;
        limit->share = NULL;
    }
}
