
/*
 * The end of a request: one step that writes it into the ledger, gives back
 * what it had reserved and adds what it has used to all sums.
 */

#include <store/ngx_http_ai_spend_int.h>


#define NGX_HTTP_AI_SPEND_SEEN  256         /* ids of series */


static void ngx_http_ai_spend_attempt(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_attempt_t *at, ngx_uint_t last);
static uint64_t ngx_http_ai_spend_series_of(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate);
static void ngx_http_ai_spend_amounts(const ngx_http_ai_attempt_t *at,
    ngx_uint_t last, ai_amounts_t *amounts);
static ngx_uint_t ngx_http_ai_spend_is_used(const ngx_http_ai_attempt_t *at);
static uint64_t *ngx_http_ai_spend_seen(const ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate);
static void ngx_http_ai_spend_dims(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate, ai_str_t *dim);


static uint64_t  ngx_http_ai_spend_ids[NGX_HTTP_AI_SPEND_SEEN];


void
ngx_http_ai_spend_lock(const ngx_http_ai_main_conf_t *amcf)
{
    ngx_http_ai_zone_lock(amcf->spend.zone);

    ai_redo_recover(ai_ledger_redo(amcf->spend.ledger));
}


void
ngx_http_ai_spend_unlock(const ngx_http_ai_main_conf_t *amcf)
{
    ngx_http_ai_zone_unlock(amcf->spend.zone);
}


ai_totals_t *
ngx_http_ai_totals(const ngx_http_ai_main_conf_t *amcf)
{
    return amcf->spend.sh ? amcf->spend.sh->totals : NULL;
}


void
ngx_http_ai_spend_request(ngx_http_ai_ctx_t *ctx)
{
    ngx_http_ai_attempt_t    *at;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(ctx->request);

    if (amcf->spend.sh == NULL || ctx->booked) {
        return;
    }

    for (at = ctx->attempts; at; at = at->next) {
        if (!at->settled) {
            return;
        }
    }

    ctx->booked = 1;

    if (ctx->attempts == NULL && ctx->ticket == NULL) {
        return;
    }

    ai_ledger_fetch(amcf->spend.ledger);

    ngx_http_ai_spend_lock(amcf);

    ngx_http_ai_spend_step(amcf, "settle-locked");

    for (at = ctx->attempts; at; at = at->next) {

        if (at->next == NULL) {
            ngx_http_ai_spend_attempt(ctx, at, 1);

        } else if (ngx_http_ai_spend_is_used(at)) {
            ngx_http_ai_spend_attempt(ctx, at, 0);
        }
    }

    if (ctx->ticket) {
        ngx_http_ai_spend_giveback(amcf, ctx->ticket);
        ctx->ticket = NULL;
    }

    ngx_http_ai_spend_unlock(amcf);

    ngx_http_ai_spend_step(amcf, "settle-unlocked");

    ngx_http_ai_limit_spent(ctx);
}


static void
ngx_http_ai_spend_attempt(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_attempt_t *at, ngx_uint_t last)
{
    ai_ticket_t               whose;
    ngx_http_ai_spend_end_t   end;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(ctx->request);

    ngx_memzero(&end, sizeof(ngx_http_ai_spend_end_t));

    end.series = ngx_http_ai_spend_series_of(ctx, at->candidate);
    end.start = ngx_http_ai_spend_start(ctx);
    end.owner = ngx_http_ai_spend_owner();

    ngx_http_ai_spend_amounts(at, last, &end.amounts);

    if (ctx->ticket) {

        if (last) {
            end.ticket = ctx->ticket;
            end.scope = ctx->ticket->scope;

        } else {
            whose = *ctx->ticket;
            ngx_http_ai_spend_unreserved(whose.scope, whose.nscopes);
            end.scope = whose.scope;
        }

        end.nscopes = ctx->ticket->nscopes;
    }

    ngx_http_ai_spend_book(amcf, &end);

    if (last) {
        ctx->ticket = NULL;
    }
}


/* the one that it was admitted with, unless that was given up meanwhile */

static uint64_t
ngx_http_ai_spend_series_of(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate)
{
    const ai_totals_t  *totals;

    totals = ngx_http_ai_totals(ngx_http_ai_main_conf(ctx->request));

    if (ctx->ticket && totals && ctx->limit->candidate == candidate
        && ai_totals_find(totals, ctx->ticket->series))
    {
        return ctx->ticket->series;
    }

    return ngx_http_ai_spend_series(ctx, candidate);
}


/* of a request that is over: others of its attempts hold nothing back */

void
ngx_http_ai_spend_unreserved(ai_ledger_scope_t *scope, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        scope[i].reserve = 0;
    }
}


static void
ngx_http_ai_spend_amounts(const ngx_http_ai_attempt_t *at, ngx_uint_t last,
    ai_amounts_t *a)
{
    const ai_usage_t  *usage;

    usage = &at->usage;

    a->requests = last;
    a->failed = last && !at->content && !at->complete;
    a->estimated = last && at->source > NGX_HTTP_AI_SOURCE_PROVIDER;

    a->prompt = ngx_max(usage->prompt, 0);
    a->cached = ngx_max(usage->cached, 0);
    a->cache_write = ngx_max(usage->cache_write, 0);
    a->completion = ngx_max(usage->completion, 0);
    a->reasoning = ngx_max(usage->reasoning, 0);

    a->cost = at->bill.cost;
    a->saved = at->bill.saved;
}


static ngx_uint_t
ngx_http_ai_spend_is_used(const ngx_http_ai_attempt_t *at)
{
    return at->usage.prompt > 0 || at->usage.completion > 0
           || at->bill.cost > 0;
}


/* the first moment of a request, in whole seconds: what windows go by */

int64_t
ngx_http_ai_spend_start(const ngx_http_ai_ctx_t *ctx)
{
    return ctx->request->start_sec;
}


/*
 * One record, and everything that it changes.  Under the lock; where the
 * ledger is full room is made, and where that fails sums are right as long as
 * the zone is there.
 */

void
ngx_http_ai_spend_book(ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_spend_end_t *end)
{
    ai_int_t          rc;
    ngx_uint_t        tries;
    ai_redo_t        *redo;
    ai_ledger_t      *l;

    l = amcf->spend.ledger;
    redo = ai_ledger_redo(l);

    for (tries = 0; /* void */ ; tries++) {

        ai_redo_begin(redo);

        if (end->ticket) {
            rc = ai_ledger_settle(l, end->ticket, end->series, &end->amounts);

        } else {
            rc = ai_ledger_add(l, end->id, end->owner, end->start,
                               end->series, end->scope, end->nscopes,
                               &end->amounts);
        }

        if (rc != AI_AGAIN || tries) {
            break;
        }

        ngx_http_ai_spend_make_room(amcf);
    }

    if (rc != AI_OK) {
        amcf->spend.sh->unsaved++;

        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "ai: the ledger in \"%V\" is full, a request is "
                      "counted in memory only", &amcf->spend.dir->name);

        ai_redo_begin(redo);

        if (end->ticket) {
            (void) ai_ledger_release(l, end->ticket);
        }
    }

    ngx_http_ai_spend_apply(amcf, end);

    ngx_http_ai_spend_step(amcf, "settle-staged");

    ai_redo_commit(redo);

    ngx_http_ai_spend_step(amcf, "settle-done");
}


/* stages what a record changes in the sums of this master */

void
ngx_http_ai_spend_apply(ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_spend_end_t *end)
{
    ai_pool_t     pool;
    ai_uint_t     lost;
    ai_redo_t    *redo;
    ngx_uint_t    i;
    ai_series_t  *series;
    ai_totals_t  *totals;

    static const ai_str_t  nobody[AI_DIM_MAX];

    redo = ai_ledger_redo(amcf->spend.ledger);

    if (amcf->spend.hooks) {
        for (i = 0; i < end->nscopes; i++) {
            (void) amcf->spend.hooks->settle(amcf, &end->scope[i],
                                             end->scope[i].reserve,
                                             &end->amounts, redo);
        }
    }

    totals = amcf->spend.sh->totals;

    if (totals == NULL) {
        return;
    }

    ngx_http_ai_zone_spare_pool(amcf->spend.zone, &pool);

    series = ai_totals_find(totals, end->series);

    if (series == NULL) {
        series = ai_totals_define(totals, &pool, end->series, nobody);
    }

    lost = 0;

    (void) ai_totals_add(totals, &pool, redo, series, end->start, ngx_time(),
                         &end->amounts, &lost);

    if (lost && amcf->spend.sh->lost++ == 0) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "ai: ai_zone \"%V\" has no room for more totals, they "
                      "are summed up as \"other\"",
                      &amcf->spend.zone->shm.name);
    }
}


void
ngx_http_ai_spend_giveback(ngx_http_ai_main_conf_t *amcf, ai_ticket_t *ticket)
{
    ai_redo_t     *redo;
    ngx_uint_t     i;
    ai_amounts_t   nothing;

    redo = ai_ledger_redo(amcf->spend.ledger);
    ngx_memzero(&nothing, sizeof(ai_amounts_t));

    ai_redo_begin(redo);

    for (i = 0; amcf->spend.hooks && i < ticket->nscopes; i++) {
        (void) amcf->spend.hooks->settle(amcf, &ticket->scope[i],
                                         ticket->scope[i].reserve, &nothing,
                                         redo);
    }

    (void) ai_ledger_release(amcf->spend.ledger, ticket);

    ai_redo_commit(redo);
}


uint64_t
ngx_http_ai_spend_series(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate)
{
    uint64_t                  id, *seen;
    ai_str_t                  dim[AI_DIM_MAX], text;
    ai_buf_t                  b;
    ai_pool_t                 pool;
    ai_totals_t              *totals;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(ctx->request);
    totals = amcf->spend.sh->totals;

    ngx_http_ai_spend_dims(ctx, candidate, dim);

    if (totals == NULL) {
        return ai_series_id(dim);
    }

    /* to compare names is much faster than to make an id of them */

    seen = ngx_http_ai_spend_seen(ctx, candidate);

    if (ai_totals_is(totals, *seen, dim)) {
        return *seen;
    }

    id = ai_series_id(dim);
    *seen = id;

    if (ai_totals_find(totals, id)) {
        return id;
    }

    /* a record that is there twice does no harm, one that is missing does */

    ai_buf_init(&b, &ctx->pool);
    ai_series_text(&b, dim);

    if (!b.failed) {
        text = ai_buf_str(&b);
        ngx_http_ai_spend_define(amcf, AI_RECORD_SERIES, id, &text);
    }

    ngx_http_ai_spend_step(amcf, "series-defined");

    ngx_http_ai_zone_spare_pool(amcf->spend.zone, &pool);

    (void) ai_totals_define(totals, &pool, id, dim);

    return id;
}


/* where this worker has the id of what was alike, if not the same */

static uint64_t *
ngx_http_ai_spend_seen(const ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate)
{
    uintptr_t  n;

    n = (uintptr_t) ctx->identity.entry;
    n = n * 31 + (uintptr_t) candidate->provider;
    n = n * 31 + (uintptr_t) ctx->route;
    n = n * 31 + candidate->model.len * 256;

    return &ngx_http_ai_spend_ids[n / 16 % NGX_HTTP_AI_SPEND_SEEN];
}


void
ngx_http_ai_spend_define(ngx_http_ai_main_conf_t *amcf, ai_record_e type,
    uint64_t id, const ai_str_t *text)
{
    ai_int_t      rc;
    ai_redo_t    *redo;
    ngx_uint_t    tries;
    ai_ledger_t  *l;

    l = amcf->spend.ledger;
    redo = ai_ledger_redo(l);

    for (tries = 0; /* void */ ; tries++) {

        ai_redo_begin(redo);

        rc = ai_ledger_define(l, type, id, ngx_time(), text);

        if (rc != AI_AGAIN || tries) {
            break;
        }

        ngx_http_ai_spend_make_room(amcf);
    }

    if (rc == AI_OK) {
        ai_redo_commit(redo);
    }
}


static void
ngx_http_ai_spend_dims(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate, ai_str_t *dim)
{
    const ngx_http_ai_identity_t  *id;

    id = &ctx->identity;

    dim[AI_DIM_KEY] = ai_str(&id->key);
    dim[AI_DIM_TEAM] = ai_str(&id->team);
    dim[AI_DIM_PROJECT] = ai_str(&id->project);
    dim[AI_DIM_CUSTOMER] = ai_str(&id->customer);
    dim[AI_DIM_USER] = ai_str(&id->user);
    dim[AI_DIM_MODEL] = ai_str(&candidate->model);
    dim[AI_DIM_PROVIDER] = ai_str(&candidate->provider->name);

    if (ctx->route) {
        dim[AI_DIM_ROUTE] = ai_str(&ctx->route->name);
    } else {
        dim[AI_DIM_ROUTE] = ai_lit("");
    }
}
