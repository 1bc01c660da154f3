
/*
 * What Redis is told without anybody waiting for it.
 *
 * The worker that keeps house goes through all counters about once a second,
 * a part at each tick, and tells what has changed: what was used, leases that
 * are to be renewed or given back.  All of it is told anew when Redis may have
 * forgotten it: after each connection that was made, and when its epoch is
 * another one.
 */

#include <limit/ngx_http_ai_share_int.h>

#include <sys/random.h>


#define NGX_HTTP_AI_SHARE_TICK   50     /* ms */
#define NGX_HTTP_AI_SHARE_ROUND  20     /* ticks to go through all */
#define NGX_HTTP_AI_SHARE_SLICE  512    /* buckets under one lock */
#define NGX_HTTP_AI_SHARE_MAX    64     /* counters of a call */
#define NGX_HTTP_AI_SHARE_LOOK   500    /* ms between looks at the epoch */
#define NGX_HTTP_AI_SHARE_PAUSE  "2000" /* ms without leases: all nodes tell */


/* of this worker */
typedef struct {
    ngx_http_ai_main_conf_t   *amcf;
    ngx_event_t                event;
    ngx_connection_t           dummy;
    ngx_uint_t                 zone;        /* where the walk is */
    size_t                     bucket;
    size_t                     left;        /* of this tick */
    ngx_msec_t                 looked;      /* when the epoch was asked for */
    uint64_t                   connects;    /* how many connections there were
                                               then, ... */
    uint64_t                   sure;        /* ... and at its last answer */
    unsigned                   last:1;      /* leases are given back */
    unsigned                   busy:1;      /* a call is under way */
    unsigned                   asking:1;    /* for the epoch */
} ngx_http_ai_share_tell_t;


static void ngx_http_ai_share_tick(ngx_event_t *ev);
static void ngx_http_ai_share_ask_epoch(ngx_http_ai_share_tell_t *t);
static void ngx_http_ai_share_epoch(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_share_walk(ngx_http_ai_share_tell_t *t);
static size_t ngx_http_ai_share_buckets(const ngx_http_ai_main_conf_t *amcf);
static ngx_http_ai_limit_zone_t *ngx_http_ai_share_zone(
    const ngx_http_ai_main_conf_t *amcf, ngx_uint_t i, ngx_uint_t *last);
static void ngx_http_ai_share_part(ngx_http_ai_share_tell_t *t,
    ngx_http_ai_share_t *share);
static ngx_int_t ngx_http_ai_share_tell(ngx_http_ai_share_t *share,
    const ngx_http_ai_limit_zone_t *zone, ai_quota_t *q, ngx_uint_t last);
static ngx_int_t ngx_http_ai_share_last(ngx_http_ai_share_tell_t *t,
    ngx_http_ai_redis_last_t *last);


static ngx_http_ai_share_tell_t  ngx_http_ai_share_teller;


void
ngx_http_ai_share_tell_init(ngx_http_ai_main_conf_t *amcf, ngx_log_t *log)
{
    ngx_event_t               *ev;
    ngx_http_ai_share_tell_t  *t;

    t = &ngx_http_ai_share_teller;

    ngx_memzero(t, sizeof(ngx_http_ai_share_tell_t));

    t->amcf = amcf;
    t->dummy.fd = (ngx_socket_t) -1;
    t->dummy.data = t;

    ev = &t->event;

    ev->handler = ngx_http_ai_share_tick;
    ev->data = &t->dummy;
    ev->log = log;
    ev->cancelable = 1;

    ngx_add_timer(ev, 1);
}


static void
ngx_http_ai_share_tick(ngx_event_t *ev)
{
    ngx_uint_t                 leads;
    ngx_http_ai_redis_t       *rd;
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_ai_share_tell_t  *t;

    if (ngx_terminate) {
        return;
    }

    t = &ngx_http_ai_share_teller;
    amcf = t->amcf;
    rd = amcf->spend.redis;

    ngx_add_timer(ev, NGX_HTTP_AI_SHARE_TICK);

    if (!ngx_http_ai_redis_is_up(rd)) {
        return;
    }

    leads = (amcf->spend.sh->leader == ngx_http_ai_spend_owner());

    if (!ngx_http_ai_share_is_sure(amcf)
        || (leads
            && ngx_current_msec - t->looked >= NGX_HTTP_AI_SHARE_LOOK))
    {
        ngx_http_ai_share_ask_epoch(t);
    }

    if (leads && ngx_http_ai_share_is_sure(amcf)) {
        ngx_http_ai_share_walk(t);
    }
}


/*
 * Behind a new connection may be a server that has forgotten something, and
 * nobody may call it before its epoch is known.
 */

ngx_uint_t
ngx_http_ai_share_is_sure(const ngx_http_ai_main_conf_t *amcf)
{
    const ngx_http_ai_share_sh_t     *sh;
    const ngx_http_ai_redis_stats_t  *stats;

    sh = amcf->limit.share;
    stats = ngx_http_ai_redis_stats(amcf->spend.redis);

    return sh->len && !sh->changed
           && ngx_http_ai_redis_is_up(amcf->spend.redis)
           && stats->connects == ngx_http_ai_share_teller.sure;
}


void
ngx_http_ai_share_make_sure(void)
{
    ngx_http_ai_share_ask_epoch(&ngx_http_ai_share_teller);
}


static void
ngx_http_ai_share_ask_epoch(ngx_http_ai_share_tell_t *t)
{
    u_char                   known[64], fresh[2 * 16];
    uint64_t                 random[2];
    ngx_pool_t              *pool;
    ngx_str_t                argv[5], *epoch, *pause;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = t->amcf;

    if (t->asking || !ngx_http_ai_redis_is_up(amcf->spend.redis)) {
        return;
    }

    t->looked = ngx_current_msec;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    epoch = ngx_http_ai_share_word(amcf, pool, "epoch");
    pause = ngx_http_ai_share_word(amcf, pool, "pause");

    if (epoch == NULL || pause == NULL
        || getrandom(random, sizeof(random), 0) != sizeof(random))
    {
        ngx_destroy_pool(pool);
        return;
    }

    argv[0] = *epoch;
    argv[1] = *pause;

    ngx_http_ai_spend_lock(amcf);
    argv[2].len = amcf->limit.share->len;
    ngx_memcpy(known, amcf->limit.share->epoch, argv[2].len);
    ngx_http_ai_spend_unlock(amcf);

    argv[2].data = known;
    argv[3].data = fresh;
    argv[3].len = ngx_hex_dump(fresh, (u_char *) random, sizeof(random))
                  - fresh;
    ngx_str_set(&argv[4], NGX_HTTP_AI_SHARE_PAUSE);

    t->connects = ngx_http_ai_redis_stats(amcf->spend.redis)->connects;

    t->asking = ngx_http_ai_redis_eval(amcf->spend.redis,
                              ngx_http_ai_redis_script(AI_REDIS_EPOCH), 2,
                              argv, 5, 0, ngx_http_ai_share_epoch, t)
                != NULL;

    ngx_destroy_pool(pool);
}


static void
ngx_http_ai_share_epoch(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_share_tell_t  *t = data;

    ngx_uint_t               other;
    ngx_http_ai_share_sh_t  *sh;

    t->asking = 0;
    sh = t->amcf->limit.share;

    if (reply->rc != NGX_HTTP_AI_REDIS_OK
        || reply->type != NGX_HTTP_AI_REDIS_STR || reply->text.len == 0
        || reply->text.len > sizeof(sh->epoch))
    {
        if (reply->rc == NGX_HTTP_AI_REDIS_ERROR) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "ai: Redis does not tell its epoch: \"%V\"",
                          &reply->text);
        }

        return;
    }

    ngx_http_ai_spend_lock(t->amcf);

    other = sh->len
            && (sh->len != reply->text.len
                || ngx_memcmp(sh->epoch, reply->text.data, sh->len) != 0);

    sh->len = reply->text.len;
    ngx_memcpy(sh->epoch, reply->text.data, sh->len);

    sh->changed = 0;
    sh->gen += other || t->sure != t->connects;

    ngx_http_ai_spend_unlock(t->amcf);

    t->sure = t->connects;

    if (other) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "ai: Redis was flushed, or restored from a time before: "
                      "counters of limits are told anew");
    }

    ngx_http_ai_share_wake();
}


void
ngx_http_ai_share_told(ngx_uint_t ok)
{
    ngx_http_ai_share_tell_t  *t;

    t = &ngx_http_ai_share_teller;
    t->busy = 0;

    /* there is more: as fast as Redis takes it */

    if (ok && t->left) {
        ngx_http_ai_share_walk(t);
    }
}


static void
ngx_http_ai_share_walk(ngx_http_ai_share_tell_t *t)
{
    ngx_http_ai_share_t  *share;

    if (t->busy) {
        return;
    }

    share = ngx_http_ai_share_create(t->amcf, NGX_HTTP_AI_SHARE_MAX);
    if (share == NULL) {
        return;
    }

    if (t->left == 0) {
        t->left = (ngx_http_ai_share_buckets(t->amcf)
                   + NGX_HTTP_AI_SHARE_ROUND - 1)
                  / NGX_HTTP_AI_SHARE_ROUND;
    }

    while (t->left && share->n == 0) {

        ngx_http_ai_spend_lock(t->amcf);

        ngx_http_ai_share_stamp(share);
        ngx_http_ai_share_part(t, share);

        ngx_http_ai_spend_unlock(t->amcf);
    }

    if (share->n == 0) {
        ngx_destroy_pool(share->pool);
        return;
    }

    share->tells = 1;
    t->busy = (ngx_http_ai_share_send(share) == NGX_OK);
}


static size_t
ngx_http_ai_share_buckets(const ngx_http_ai_main_conf_t *amcf)
{
    size_t                     n;
    ngx_uint_t                 i, last;
    ngx_http_ai_limit_zone_t  *zone;

    n = 0;

    for (i = 0, last = 0; !last; i++) {
        zone = ngx_http_ai_share_zone(amcf, i, &last);

        if (zone) {
            n += ai_quotas_buckets(zone->sh->quotas);
        }
    }

    return n;
}


/* the i-th zone, if it is shared; after the last one come limits of keys */

static ngx_http_ai_limit_zone_t *
ngx_http_ai_share_zone(const ngx_http_ai_main_conf_t *amcf, ngx_uint_t i,
    ngx_uint_t *last)
{
    ngx_uint_t                  n;
    ngx_http_ai_limit_zone_t   *zone, **zones;

    n = amcf->limit.zones ? amcf->limit.zones->nelts : 0;
    zones = n ? amcf->limit.zones->elts : NULL;

    *last = i >= n;

    zone = i < n ? zones[i] : amcf->limit.keys;

    return zone && zone->shared && zone->sh && zone->sh->quotas ? zone : NULL;
}


/* under the lock: the next buckets, until the call is full */

static void
ngx_http_ai_share_part(ngx_http_ai_share_tell_t *t,
    ngx_http_ai_share_t *share)
{
    ai_quota_t                *q;
    ngx_uint_t                 n, last;
    ngx_http_ai_limit_zone_t  *zone;

    n = 0;

    while (t->left && n < NGX_HTTP_AI_SHARE_SLICE) {

        zone = ngx_http_ai_share_zone(t->amcf, t->zone, &last);

        if (zone == NULL || t->bucket >= ai_quotas_buckets(zone->sh->quotas))
        {
            t->bucket = 0;
            t->zone = last ? 0 : t->zone + 1;

            /* also if nothing is in any zone this comes to an end */

            n++;
            continue;
        }

        for (q = ai_quotas_bucket(zone->sh->quotas, t->bucket); q; q = q->next)
        {
            if (share->n + 2 > NGX_HTTP_AI_SHARE_MAX) {
                return;
            }

            if (q->lease
                && ngx_http_ai_share_tell(share, zone, q, t->last) != NGX_OK)
            {
                return;
            }
        }

        t->bucket++;
        t->left--;
        n++;
    }
}


/* a counter, if there is something to tell of it */

static ngx_int_t
ngx_http_ai_share_tell(ngx_http_ai_share_t *share,
    const ngx_http_ai_limit_zone_t *zone, ai_quota_t *q, ngx_uint_t last)
{
    int64_t           now;
    ai_lease_call_t  *call;

    now = ngx_http_ai_share_now();

    if (last) {
        ai_lease_end(q->lease);
    }

    if (!ai_lease_is_due(q, share->gen, now, ngx_time())) {
        return NGX_OK;
    }

    call = ngx_http_ai_share_scope(share, zone);
    if (call == NULL) {
        return NGX_ERROR;
    }

    ai_lease_call(q, 0, 0, q->limit, share->serial, share->gen, now, call);

    call = ngx_http_ai_share_scope(share, zone);

    if (call == NULL
        || !ai_lease_call_before(q, share->serial, share->gen, now, call))
    {
        share->n -= call != NULL;
    }

    return NGX_OK;
}


/* by the master, when all its workers have ended */

void
ngx_http_ai_share_exit_master(ngx_http_ai_main_conf_t *amcf)
{
    ngx_http_ai_share_tell_t   t;
    ngx_http_ai_redis_last_t  *last;

    if (amcf->limit.share == NULL || amcf->limit.share->len == 0) {
        return;
    }

    last = ngx_http_ai_redis_last_open(amcf->spend.redis);

    if (last == NULL) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "ai: Redis cannot be told what was used last, it will "
                      "be when nginx is started again");
        return;
    }

    ngx_memzero(&t, sizeof(ngx_http_ai_share_tell_t));

    t.amcf = amcf;
    t.last = 1;
    t.left = ngx_http_ai_share_buckets(amcf);

    while (t.left && ngx_http_ai_share_last(&t, last) == NGX_OK) {
        /* void */
    }

    ngx_http_ai_redis_last_close(last);
}


static ngx_int_t
ngx_http_ai_share_last(ngx_http_ai_share_tell_t *t,
    ngx_http_ai_redis_last_t *last)
{
    ngx_int_t             rc;
    ngx_str_t            *argv;
    ngx_uint_t            nkeys, argc;
    ngx_http_ai_share_t  *share;

    share = ngx_http_ai_share_create(t->amcf, NGX_HTTP_AI_SHARE_MAX);
    if (share == NULL) {
        return NGX_ERROR;
    }

    ngx_http_ai_spend_lock(t->amcf);

    ngx_http_ai_share_stamp(share);
    ngx_http_ai_share_part(t, share);

    ngx_http_ai_spend_unlock(t->amcf);

    rc = NGX_OK;

    if (share->n) {
        argv = ngx_http_ai_share_args(share, &nkeys, &argc);

        rc = argv ? ngx_http_ai_redis_last_eval(last,
                              ngx_http_ai_redis_script(AI_REDIS_SHARE),
                              nkeys, argv, argc, share->pool)
                  : NGX_ERROR;
    }

    ngx_destroy_pool(share->pool);

    return rc;
}
