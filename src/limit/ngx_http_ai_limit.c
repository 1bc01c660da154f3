
/*
 * Admission: before a provider is called, what the request may need is taken
 * from all counters that it is counted in, or from none.
 */

#include <limit/ngx_http_ai_limit_int.h>


static ngx_http_ai_limit_ctx_t *ngx_http_ai_limit_create_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ai_limit_take(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, const ngx_http_ai_candidate_t *candidate,
    ngx_http_ai_limit_claim_t **refused, ngx_http_ai_share_t **share);
static ngx_int_t ngx_http_ai_limit_look(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, int64_t now,
    ngx_http_ai_limit_claim_t **refused);
static void ngx_http_ai_limit_lease(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, ngx_http_ai_limit_claim_t *c);
static ngx_uint_t ngx_http_ai_limit_is_low(
    const ngx_http_ai_main_conf_t *amcf, ngx_http_ai_limit_ctx_t *limit);
static ngx_uint_t ngx_http_ai_limit_is_near(
    const ngx_http_ai_limit_claim_t *claim);
static void ngx_http_ai_limit_tighten(ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_claim_t *claim);


ngx_int_t
ngx_http_ai_limit_admit(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate)
{
    ngx_int_t                   rc;
    ngx_http_ai_share_t        *share;
    ngx_http_ai_limit_ctx_t    *limit;
    ngx_http_ai_limit_claim_t  *refused;

    if (ngx_http_ai_main_conf(r)->spend.sh == NULL) {
        return NGX_OK;
    }

    limit = ctx->limit;

    if (limit == NULL) {
        limit = ngx_http_ai_limit_create_ctx(r);
        if (limit == NULL) {
            return NGX_ERROR;
        }

        ctx->limit = limit;
    }

    /* keys may be names of what is going to be asked */

    ctx->candidate = candidate;
    rc = ngx_http_ai_limit_claims(r, ctx, limit);
    ctx->candidate = NULL;

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    do {
        rc = ngx_http_ai_limit_size(r, ctx, limit, candidate);
        if (rc != NGX_OK) {
            return rc;
        }

        share = NULL;
        rc = ngx_http_ai_limit_take(ctx, limit, candidate, &refused, &share);

        if (rc == NGX_AGAIN) {
            ngx_http_ai_count_bounded(r, ctx);

        } else if (rc == NGX_BUSY) {
            rc = ngx_http_ai_share_wait(ctx, share);

            if (rc == NGX_AGAIN) {
                return NGX_BUSY;
            }

            rc = rc == NGX_OK ? NGX_AGAIN : rc;

        } else if (share) {
            (void) ngx_http_ai_share_send(share);
        }

    } while (rc == NGX_AGAIN);

    if (rc == NGX_ABORT) {
        return ngx_http_ai_limit_unknown(r, ctx);
    }

    if (rc == NGX_DECLINED) {
        limit->status = NGX_HTTP_AI_LIMIT_REJECTED;
        limit->tight = refused;
    }

    if (rc == NGX_OK || rc == NGX_DECLINED) {
        ngx_http_ai_limit_tell(ctx);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_ai_limit_refuse(r, ctx, refused);
    }

    if (rc != NGX_OK) {
        ai_error_set(&ctx->error, AI_ERR_OVERLOADED, NULL);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_http_ai_limit_ctx_t *
ngx_http_ai_limit_create_ctx(ngx_http_request_t *r)
{
    ngx_http_ai_limit_ctx_t  *limit;

    limit = ngx_palloc(r->pool, sizeof(ngx_http_ai_limit_ctx_t));

    if (limit) {
        ngx_memzero(limit, offsetof(ngx_http_ai_limit_ctx_t, claim));
    }

    return limit;
}


/*
 * All of them, or none; NGX_AGAIN: the prompt's size must be known better;
 * NGX_BUSY: an answer of Redis is needed; NGX_ABORT: it is, and does not come.
 * *share: to be sent, for this request if NGX_BUSY
 */

static ngx_int_t
ngx_http_ai_limit_take(ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_candidate_t *candidate,
    ngx_http_ai_limit_claim_t **refused, ngx_http_ai_share_t **share)
{
    int64_t                     now;
    uint64_t                    series;
    ngx_int_t                   rc;
    ai_redo_t                  *redo;
    ngx_uint_t                  i, n;
    ai_ledger_scope_t           scope[NGX_HTTP_AI_LIMIT_CLAIMS];
    ngx_http_ai_main_conf_t    *amcf;
    ngx_http_ai_limit_claim_t  *c;

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(ctx->request);
    redo = ai_ledger_redo(amcf->spend.ledger);
    now = ngx_http_ai_limit_now();
    rc = NGX_OK;

    *refused = NULL;

    ngx_http_ai_spend_lock(amcf);

    ngx_http_ai_spend_step(amcf, "admit-locked");

    /* what another candidate had reserved; it was not used, or is settled
     * with what this one will use */

    if (ctx->ticket) {
        ngx_http_ai_spend_giveback(amcf, ctx->ticket);
        ctx->ticket = NULL;
    }

    limit->status = limit->n ? NGX_HTTP_AI_LIMIT_PASSED
                             : NGX_HTTP_AI_LIMIT_NONE;
    limit->tight = NULL;

    rc = ngx_http_ai_limit_look(ctx, limit, now, refused);

    if (rc == NGX_BUSY) {
        *share = ngx_http_ai_share_begin(amcf, limit, 0);
    }

    if (rc != NGX_OK) {
        goto done;
    }

    series = ngx_http_ai_spend_series(ctx, candidate);

    ai_redo_begin(redo);

    for (i = 0, n = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        if (c->twin) {
            continue;
        }

        if (ai_quota_take(&c->claim, redo) != AI_OK) {
            rc = NGX_ERROR;
            goto done;
        }

        scope[n].counter = c->id;
        scope[n].zone = c->zone->hash;
        scope[n].unit = c->unit;
        scope[n].window = c->claim.window;
        scope[n].reserve = c->claim.amount;

        n++;
    }

    ctx->ticket = ai_ledger_reserve(amcf->spend.ledger,
                                    ngx_http_ai_spend_owner(),
                                    ctx->request->start_sec, series, scope, n);
    if (ctx->ticket == NULL) {
        rc = NGX_ERROR;
        goto done;
    }

    ngx_http_ai_spend_step(amcf, "admit-staged");

    ai_redo_commit(redo);

    ngx_http_ai_spend_step(amcf, "admit-done");

    limit->candidate = candidate;

    if (ngx_http_ai_limit_is_low(amcf, limit)) {
        *share = ngx_http_ai_share_begin(amcf, limit, 1);
    }

done:

    ngx_http_ai_spend_unlock(amcf);

    if (rc == NGX_ERROR) {
        ngx_http_ai_limit_full(ctx, limit);
        return NGX_ERROR;
    }

    if (rc == NGX_OK && limit->step) {
        ctx->output_cap = limit->output;
        ctx->more = ngx_http_ai_limit_more;
    }

    return rc;
}


/* all are looked at, since the client is told of each: NGX_OK, or one has
 * *refused */

static ngx_int_t
ngx_http_ai_limit_look(ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit,
    int64_t now, ngx_http_ai_limit_claim_t **refused)
{
    ai_redo_t                  *redo;
    ngx_uint_t                  i, asked;
    ngx_http_ai_main_conf_t    *amcf;
    ngx_http_ai_limit_claim_t  *c;

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(ctx->request);
    redo = ai_ledger_redo(amcf->spend.ledger);
    asked = 0;

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];
        c->refused = 0;

        c->claim.quota = ngx_http_ai_limit_quota(amcf, c, now);

        if (c->claim.quota == NULL) {
            return NGX_ERROR;
        }

        c->claim.quota->limit = c->claim.limit;

        ai_quota_roll(c->claim.quota, c->claim.tz, now, redo);
    }

    ai_redo_begin(redo);

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        c->refused = !ai_quota_check(&c->claim, now, redo);
        c->asked = 0;

        if (c->claim.quota->lease) {
            ngx_http_ai_limit_lease(ctx, limit, c);
            asked |= c->asked;
        }

        if (ctx->bounded && ngx_http_ai_limit_is_near(c)) {
            return NGX_AGAIN;
        }

        if (c->refused) {

            if (ngx_http_ai_limit_lets_pass(ctx, c)) {
                limit->status = NGX_HTTP_AI_LIMIT_REJECTED_DRY_RUN;

            } else if (*refused == NULL
                       || c->claim.wait > (*refused)->claim.wait)
            {
                *refused = c;
            }

        } else if (limit->status == NGX_HTTP_AI_LIMIT_PASSED
                   && ngx_http_ai_limit_is_soft(c, c->claim.used
                                                   + c->claim.amount))
        {
            limit->status = NGX_HTTP_AI_LIMIT_SOFT;
        }

        ngx_http_ai_limit_tighten(limit, c);
    }

    if (*refused) {
        return NGX_DECLINED;
    }

    if (asked && limit->alone) {
        return ngx_http_ai_redis_denies(amcf->spend.redis) ? NGX_ABORT
                                                           : NGX_OK;
    }

    return asked ? NGX_BUSY : NGX_OK;
}


/*
 * One that nodes share.  A lease that is there is enough, and an answer of a
 * moment ago; alone it goes by what is known here, which check() has done.
 */

static void
ngx_http_ai_limit_lease(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, ngx_http_ai_limit_claim_t *c)
{
    int64_t      now, used;
    ai_quota_t  *q;

    q = c->claim.quota;
    now = ngx_http_ai_share_now();

    if (ai_lease_has(q, c->claim.amount, now)) {

        /* what others have leased is not ours to look at; what they have used
         * in a window that slides is not that of now */

        used = ai_quota_is_sliding(q) ? ai_window_sum(q->u.slide.ring)
                                      : c->claim.used;

        c->refused = (used > c->claim.limit - c->claim.amount
                      || c->claim.limit == 0);
        return;
    }

    if (ngx_http_ai_limit_lets_pass(ctx, c)) {
        return;
    }

    if (ai_lease_is_refused(q->lease, c->claim.amount, now)) {
        c->refused = 1;
        c->claim.wait = ngx_max(c->claim.wait, 1000);
        return;
    }

    c->asked = 1;

    if (!limit->alone) {
        c->refused = 0;
    }
}


/* are there leases that will not last?  marks them */

static ngx_uint_t
ngx_http_ai_limit_is_low(const ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_limit_ctx_t *limit)
{
    ngx_uint_t                  i, low;
    ai_lease_t                 *lease;
    ngx_http_ai_limit_claim_t  *c;

    if (amcf->limit.share == NULL) {
        return 0;
    }

    for (i = 0, low = 0; i < limit->n; i++) {
        c = &limit->claim[i];
        lease = c->claim.quota->lease;

        c->asked = lease && ai_lease_is_low(lease, ngx_http_ai_share_now());
        low |= c->asked;
    }

    return low;
}


/* of those that depend on the prompt */

static ngx_uint_t
ngx_http_ai_limit_is_near(const ngx_http_ai_limit_claim_t *c)
{
    return c->unit != AI_UNIT_REQUESTS && c->unit != AI_UNIT_CONCURRENCY
           && c->unit != AI_UNIT_OUTPUT_TOKENS
           && c->claim.amount > c->claim.remaining / NGX_HTTP_AI_LIMIT_FAR;
}


ngx_uint_t
ngx_http_ai_limit_is_soft(const ngx_http_ai_limit_claim_t *c, int64_t used)
{
    return c->rule && c->rule->soft
           && used >= c->claim.limit / 1000 * (int64_t) c->rule->soft
                      + (c->claim.limit % 1000 * (int64_t) c->rule->soft
                         + 999) / 1000;
}


ngx_uint_t
ngx_http_ai_limit_lets_pass(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *c)
{
    if (ctx->conf->limit.dry_run) {
        return 1;
    }

    if (c->rule == NULL) {
        return 0;
    }

    return c->rule->exceed == NGX_HTTP_AI_LIMIT_LOG
           || (c->rule->exceed == NGX_HTTP_AI_LIMIT_ROUTE
               && ctx->limit->moved);
}


/* which one has the smallest share left? */

static void
ngx_http_ai_limit_tighten(ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_claim_t *c)
{
    const ngx_http_ai_limit_claim_t  *t;

    t = limit->tight;

    if (t == NULL
        || (double) c->claim.remaining * (double) t->claim.limit
           < (double) t->claim.remaining * (double) c->claim.limit)
    {
        limit->tight = c;
    }
}


void
ngx_http_ai_limit_peek(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    int64_t                     now;
    ngx_uint_t                  i;
    ai_quota_t                 *q;
    ai_quota_window_t           w;
    ngx_http_ai_limit_ctx_t    *limit;
    ngx_http_ai_main_conf_t    *amcf;
    ngx_http_ai_limit_claim_t  *c;

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(r);

    if (amcf->spend.sh == NULL || ctx->limit
        || (ctx->conf->limit.rules == NULL && amcf->limit.keys == NULL))
    {
        return;
    }

    limit = ngx_http_ai_limit_create_ctx(r);

    if (limit == NULL || ngx_http_ai_limit_claims(r, ctx, limit) != NGX_OK) {
        return;
    }

    limit->status = limit->n ? NGX_HTTP_AI_LIMIT_PASSED
                             : NGX_HTTP_AI_LIMIT_NONE;
    now = ngx_http_ai_limit_now();

    ngx_http_ai_spend_lock(amcf);

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        q = c->zone->sh && c->zone->sh->quotas
            ? ai_quotas_find(c->zone->sh->quotas, c->id) : NULL;

        ngx_memzero(&w, sizeof(ai_quota_window_t));

        if (q) {
            ai_quota_look(q, c->claim.tz, now, &w);
        }

        c->claim.remaining = ngx_max(c->claim.limit - w.used - w.reserved, 0);

        if (ngx_http_ai_limit_is_soft(c, w.used + w.reserved)) {
            limit->status = NGX_HTTP_AI_LIMIT_SOFT;
        }

        ngx_http_ai_limit_tighten(limit, c);
    }

    ngx_http_ai_spend_unlock(amcf);

    ctx->limit = limit;
}


/* the wall clock: windows are of everybody's time */

int64_t
ngx_http_ai_limit_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}
