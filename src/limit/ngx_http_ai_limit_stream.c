
/*
 * Limits while an answer comes: how far it is, and more for it.
 */

#include <limit/ngx_http_ai_limit_int.h>


#define NGX_HTTP_AI_LIMIT_NOTED    100      /* ms between notes of progress */


static ngx_uint_t ngx_http_ai_limit_fits(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_claim_t *c, ai_quota_claim_t *more, ai_redo_t *redo);


void
ngx_http_ai_limit_sent(ngx_http_ai_ctx_t *ctx)
{
    int64_t                   cost;
    ngx_http_ai_limit_ctx_t  *limit;

    limit = ctx->limit;

    if (ctx->ticket == NULL) {
        return;
    }

    /* what is counted if this process is killed: no bound */

    cost = limit->price ? ai_price_worst(limit->price, ctx->prompt_est, 0,
                                         ctx->peek.images)
                        : 0;

    ngx_http_ai_spend_step(ngx_http_ai_main_conf(ctx->request), "send");

    ai_ticket_sent(ctx->ticket, ctx->prompt_est, cost);

    ngx_http_ai_spend_step(ngx_http_ai_main_conf(ctx->request), "sent");
}


void
ngx_http_ai_limit_progress(ngx_http_ai_attempt_t *at)
{
    int64_t                   tokens, cost;
    ngx_http_ai_ctx_t        *ctx;
    ngx_http_ai_limit_ctx_t  *limit;

    ctx = at->ctx;
    limit = ctx->limit;

    if (at->output == NULL
        || ngx_current_msec - limit->noted < NGX_HTTP_AI_LIMIT_NOTED)
    {
        return;
    }

    limit->noted = ngx_current_msec;
    tokens = ai_output_tokens(&at->output->output);

    cost = limit->price ? ai_price_worst(limit->price, ctx->prompt_est,
                                         tokens, ctx->peek.images)
                        : 0;

    ai_ticket_progress(ctx->ticket, ctx->prompt_est, tokens, cost);
}


/* a stream has used what was reserved for it */

ngx_int_t
ngx_http_ai_limit_more(ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at)
{
    int64_t                     cost;
    ai_redo_t                  *redo;
    ngx_int_t                   rc;
    ngx_uint_t                  i, n, low;
    ai_quota_claim_t            more;
    ngx_http_ai_share_t        *share;
    ngx_http_ai_limit_ctx_t    *limit;
    ngx_http_ai_main_conf_t    *amcf;
    ngx_http_ai_limit_claim_t  *c;

    limit = ctx->limit;

    if (ctx->ticket == NULL) {
        return NGX_DECLINED;
    }

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(ctx->request);
    redo = ai_ledger_redo(amcf->spend.ledger);
    low = 0;
    rc = NGX_OK;

    cost = limit->price ? ai_price_worst(limit->price, 0, limit->step, 0) : 0;

    ngx_http_ai_spend_lock(amcf);

    ai_redo_begin(redo);

    for (i = 0, n = 0; i < limit->n && rc == NGX_OK; i++) {
        c = &limit->claim[i];
        c->asked = 0;
        more = c->claim;

        switch (c->unit) {

        case AI_UNIT_TOKENS:
        case AI_UNIT_OUTPUT_TOKENS:
            more.amount = limit->step;
            break;

        case AI_UNIT_COST:
            more.amount = cost;
            break;

        default:
            n += !c->twin;
            continue;
        }

        more.quota = ai_quotas_find(c->zone->sh->quotas, c->id);

        if (more.quota == NULL) {
            n += !c->twin;
            continue;
        }

        if (!ngx_http_ai_limit_fits(ctx, c, &more, redo)) {
            rc = NGX_DECLINED;
            break;
        }

        if (c->twin) {
            continue;
        }

        if (ai_quota_extend(more.quota, ctx->ticket->scope[n].window,
                            more.amount, redo)
            != AI_OK
            || ai_ticket_extend(amcf->spend.ledger, ctx->ticket, n,
                                more.amount)
               != AI_OK)
        {
            rc = NGX_DECLINED;
        }

        low |= c->asked;
        n++;
    }

    if (rc == NGX_OK) {
        ai_redo_commit(redo);
        ctx->output_cap += limit->step;
    }

    share = low && rc == NGX_OK ? ngx_http_ai_share_begin(amcf, limit, 1)
                                : NULL;

    ngx_http_ai_spend_unlock(amcf);

    if (share) {
        (void) ngx_http_ai_share_send(share);
    }

    return rc;
}


/*
 * A stream does not wait for Redis: without a lease it goes on if it is far
 * from the limit, as far as is known here, or if there is nobody to ask.
 */

static ngx_uint_t
ngx_http_ai_limit_fits(ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_claim_t *c,
    ai_quota_claim_t *more, ai_redo_t *redo)
{
    int64_t                         now;
    const ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_ai_main_conf(ctx->request);

    if (!ai_quota_check(more, ngx_http_ai_limit_now(), redo)) {
        return ngx_http_ai_limit_lets_pass(ctx, c);
    }

    if (more->quota->lease == NULL) {
        return 1;
    }

    now = ngx_http_ai_share_now();

    c->claim.quota = more->quota;
    c->asked = ai_lease_is_low(more->quota->lease, now);

    return ai_lease_has(more->quota, more->amount, now)
           || more->amount <= more->remaining / NGX_HTTP_AI_LIMIT_FAR
           || ngx_http_ai_redis_is_down(amcf->spend.redis)
           || ngx_http_ai_limit_lets_pass(ctx, c);
}
