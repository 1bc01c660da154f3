
/*
 * Admission: before a provider is called, what the request may need is taken
 * from all counters that it is counted in, or from none.
 */

#include <core/ngx_http_ai.h>

#include <base/ai_hash.h>


/* tokens of an answer that are reserved, and again when they are used, where
 * nobody says how long it may get */
#define NGX_HTTP_AI_LIMIT_STEP     4096

#define NGX_HTTP_AI_LIMIT_KEY_MAX  4096     /* bytes of a key that count */

/* a prompt is counted where a limit has not room for so many requests */
#define NGX_HTTP_AI_LIMIT_FAR      16

#define NGX_HTTP_AI_LIMIT_NOTED    100      /* ms between notes of progress */


static ngx_int_t ngx_http_ai_limit_claims(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit);
static ngx_int_t ngx_http_ai_limit_rule(ngx_http_request_t *r,
    ngx_http_ai_limit_ctx_t *limit, const ngx_http_ai_limit_rule_t *rule);
static ngx_int_t ngx_http_ai_limit_value(ngx_http_request_t *r,
    const ngx_http_ai_limit_rule_t *rule, const ngx_http_ai_limit_unit_t *u,
    int64_t *value);
static void ngx_http_ai_limit_own(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit);
static void ngx_http_ai_limit_claim(ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_rule_t *rule, ngx_http_ai_limit_zone_t *zone,
    ngx_str_t *key, uint64_t hash, ai_unit_e unit, int32_t period,
    int64_t value, const ai_tz_t *tz);
static uint64_t ngx_http_ai_limit_hash(const ngx_http_ai_limit_zone_t *zone,
    ngx_str_t *key);
static ngx_int_t ngx_http_ai_limit_size(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_candidate_t *candidate);
static ngx_uint_t ngx_http_ai_limit_is_priced(const ngx_http_ai_ctx_t *ctx);
static int64_t ngx_http_ai_limit_output(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, const ngx_http_ai_candidate_t *candidate);
static int64_t ngx_http_ai_limit_amount(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_claim_t *claim);
static ngx_int_t ngx_http_ai_limit_unpriced(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_candidate_t *candidate);
static ngx_int_t ngx_http_ai_limit_take(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, const ngx_http_ai_candidate_t *candidate,
    ngx_http_ai_limit_claim_t **refused);
static ngx_int_t ngx_http_ai_limit_look(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, int64_t now,
    ngx_http_ai_limit_claim_t **refused);
static ngx_uint_t ngx_http_ai_limit_is_near(
    const ngx_http_ai_limit_claim_t *claim);
static ngx_uint_t ngx_http_ai_limit_lets_pass(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *claim);
static void ngx_http_ai_limit_tighten(ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_claim_t *claim);
static ngx_int_t ngx_http_ai_limit_refuse(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_claim_t *claim);
static ngx_int_t ngx_http_ai_limit_error(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, const ngx_http_ai_limit_claim_t *claim);
static u_char *ngx_http_ai_limit_period(u_char *p, int32_t period);
static ngx_int_t ngx_http_ai_limit_more(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at);
static int64_t ngx_http_ai_limit_now(void);


ngx_uint_t
ngx_http_ai_limit_counts(const ngx_http_ai_ctx_t *ctx)
{
    const ngx_http_ai_identity_t  *id;

    id = &ctx->identity;

    return ctx->conf->limit.counts
           || id->tpm.amount != -1 || id->budget.amount != -1;
}


ngx_int_t
ngx_http_ai_limit_admit(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate)
{
    ngx_int_t                   rc;
    ngx_http_ai_limit_ctx_t    *limit;
    ngx_http_ai_limit_claim_t  *refused;

    if (ngx_http_ai_main_conf(r)->spend.sh == NULL) {
        return NGX_OK;
    }

    limit = ctx->limit;

    if (limit == NULL) {
        limit = ngx_pcalloc(r->pool, sizeof(ngx_http_ai_limit_ctx_t));
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

        rc = ngx_http_ai_limit_take(ctx, limit, candidate, &refused);

        if (rc == NGX_AGAIN) {
            ngx_http_ai_count_bounded(r, ctx);
        }

    } while (rc == NGX_AGAIN);

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


/* which counters, and how much they may hold */

static ngx_int_t
ngx_http_ai_limit_claims(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit)
{
    ngx_uint_t                 i;
    const ngx_array_t         *rules;
    ngx_http_ai_limit_rule_t  *rule;

    limit->n = 0;
    rules = ctx->conf->limit.rules;

    if (rules) {
        rule = rules->elts;

        for (i = 0; i < rules->nelts; i++) {
            if (ngx_http_ai_limit_rule(r, limit, &rule[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    ngx_http_ai_limit_own(ctx, limit);

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_limit_rule(ngx_http_request_t *r, ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_rule_t *rule)
{
    int64_t                    value;
    uint64_t                   hash;
    ngx_int_t                  rc;
    ngx_str_t                  key;
    ngx_uint_t                 i;
    ngx_http_ai_limit_unit_t  *u;

    if (ngx_http_complex_value(r, &rule->zone->key, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    if (key.len == 0) {
        return NGX_OK;
    }

    hash = ngx_http_ai_limit_hash(rule->zone, &key);
    u = rule->units.elts;

    for (i = 0; i < rule->units.nelts; i++) {

        rc = ngx_http_ai_limit_value(r, rule, &u[i], &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            ngx_http_ai_limit_claim(limit, rule, rule->zone, &key, hash,
                                    u[i].unit, u[i].period, value, u[i].tz);
        }
    }

    return NGX_OK;
}


/* NGX_DECLINED: an empty value is no limit; one that is none allows nothing */

static ngx_int_t
ngx_http_ai_limit_value(ngx_http_request_t *r,
    const ngx_http_ai_limit_rule_t *rule, const ngx_http_ai_limit_unit_t *u,
    int64_t *value)
{
    ai_str_t   text;
    ngx_str_t  s;

    *value = u->amount;

    if (u->value) {

        if (ngx_http_complex_value(r, u->value, &s) != NGX_OK) {
            return NGX_ERROR;
        }

        if (s.len == 0) {
            return NGX_DECLINED;
        }

        text = ai_str(&s);

        if (ai_amount_parse(&text, u->unit, value) != AI_OK) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "ai: \"%V\" is no number for a limit in zone "
                          "\"%V\", nothing is allowed", &s,
                          &rule->zone->name);
            *value = 0;
            return NGX_OK;
        }
    }

    if (u->unit == AI_UNIT_REQUESTS && u->period > 0) {
        *value += rule->burst;
    }

    return NGX_OK;
}


/* what stands in the key's line */

static void
ngx_http_ai_limit_own(ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit)
{
    uint64_t                   hash;
    ngx_str_t                  key;
    ngx_uint_t                 i;
    const ai_limit_t          *own[3];
    ngx_http_ai_limit_zone_t  *zone;

    static const ai_unit_e  units[3] = {
        AI_UNIT_REQUESTS, AI_UNIT_TOKENS, AI_UNIT_COST
    };

    zone = ngx_http_ai_main_conf(ctx->request)->limit.keys;

    if (zone == NULL || ctx->identity.entry == NULL
        || (ctx->identity.rpm.amount == -1 && ctx->identity.tpm.amount == -1
            && ctx->identity.budget.amount == -1))
    {
        return;
    }

    key = ctx->identity.key;
    hash = ngx_http_ai_limit_hash(zone, &key);

    own[0] = &ctx->identity.rpm;
    own[1] = &ctx->identity.tpm;
    own[2] = &ctx->identity.budget;

    for (i = 0; i < 3; i++) {
        if (own[i]->amount != -1) {
            ngx_http_ai_limit_claim(limit, NULL, zone, &key, hash, units[i],
                                    own[i]->period, own[i]->amount, NULL);
        }
    }
}


static void
ngx_http_ai_limit_claim(ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_rule_t *rule, ngx_http_ai_limit_zone_t *zone,
    ngx_str_t *key, uint64_t hash, ai_unit_e unit, int32_t period,
    int64_t value, const ai_tz_t *tz)
{
    ngx_uint_t                  i;
    ngx_http_ai_limit_claim_t  *c;

    /* the configuration was checked: there is room */

    if (limit->n == NGX_HTTP_AI_LIMIT_CLAIMS) {
        return;
    }

    c = &limit->claim[limit->n++];

    ngx_memzero(c, sizeof(ngx_http_ai_limit_claim_t));

    c->rule = rule;
    c->zone = zone;
    c->key = *key;
    c->unit = unit;
    c->period = period;

    c->claim.limit = value;
    c->claim.tz = tz;

    c->id = ai_quota_id(hash, unit, period);

    for (i = 0; i < limit->n - 1; i++) {
        if (limit->claim[i].id == c->id) {
            c->twin = 1;
        }
    }
}


/* of a key, which is cut to what counts of it, in a zone */

static uint64_t
ngx_http_ai_limit_hash(const ngx_http_ai_limit_zone_t *zone, ngx_str_t *key)
{
    key->len = ngx_min(key->len, NGX_HTTP_AI_LIMIT_KEY_MAX);

    return ai_hash(key->data, key->len)
           ^ ((uint64_t) zone->hash << 32 | zone->hash);
}


/* how much of each unit; NGX_DECLINED: it cannot be told, and must be */

static ngx_int_t
ngx_http_ai_limit_size(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, const ngx_http_ai_candidate_t *candidate)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_http_ai_limit_claim_t  *c;

    limit->price = ngx_http_ai_price_get(&ngx_http_ai_main_conf(r)->price,
                                         candidate->provider,
                                         candidate->price,
                                         (ngx_str_t *) &candidate->model);
    limit->step = 0;
    limit->prompt = 0;
    limit->output = 0;

    if (ngx_http_ai_limit_is_priced(ctx)) {
        limit->prompt = ctx->bounded ? ctx->prompt_max : ctx->prompt_est;
        limit->output = ngx_http_ai_limit_output(ctx, limit, candidate);
    }

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        if (c->unit == AI_UNIT_COST && limit->price == NULL
            && ngx_http_ai_limit_is_priced(ctx)
            && !ngx_http_ai_limit_lets_pass(ctx, c))
        {
            rc = ngx_http_ai_limit_unpriced(r, ctx, limit, candidate);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        c->claim.amount = ngx_http_ai_limit_amount(ctx, limit, c);
    }

    return NGX_OK;
}


/* counts of tokens are free, and so is what stored objects are looked at, or
 * files are brought by */

static ngx_uint_t
ngx_http_ai_limit_is_priced(const ngx_http_ai_ctx_t *ctx)
{
    if (ctx->op == NGX_HTTP_AI_OP_CALL) {
        return ctx->dialect->form->kind != AI_CALL_COUNT;
    }

    if (!ctx->modelless) {
        return 1;
    }

    return !(ctx->request->method & (NGX_HTTP_GET|NGX_HTTP_HEAD
                                     |NGX_HTTP_DELETE))
           && !(ctx->name.len >= 5
                && ngx_strncmp(ctx->name.data, "files", 5) == 0);
}


/*
 * Tokens of output that are reserved at first: all that may come, or a step,
 * and another one each time a stream has used it.
 */

static int64_t
ngx_http_ai_limit_output(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, const ngx_http_ai_candidate_t *candidate)
{
    int64_t                     max, n, step;
    ngx_uint_t                  i;
    ngx_http_ai_limit_claim_t  *c;

    if (!ngx_http_ai_is_chat(ctx)) {
        return 0;
    }

    n = ngx_max(ctx->peek.n, 1);
    max = ctx->peek.max_output;

    if (max == -1) {
        max = candidate->max_output;
    }

    if (max == -1 && limit->price) {
        max = limit->price->max_output;
    }

    if (max > INT64_MAX / n) {
        max = INT64_MAX / n;
    }

    max = max == -1 ? -1 : max * n;
    step = 0;

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        if (c->rule && c->rule->reserve != -1
            && (step == 0 || c->rule->reserve < step))
        {
            step = c->rule->reserve;
        }
    }

    if (max == -1) {
        step = step ? step : NGX_HTTP_AI_LIMIT_STEP;
        max = step;
    }

    if (step && step < max && ctx->peek.stream) {
        limit->step = step;
        return step;
    }

    if (step >= max && ctx->peek.stream) {

        /* what is reserved may be less than it asked for */

        limit->step = step;
    }

    return max;
}


static int64_t
ngx_http_ai_limit_amount(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_claim_t *claim)
{
    switch (claim->unit) {

    case AI_UNIT_REQUESTS:
    case AI_UNIT_CONCURRENCY:
        return 1;

    case AI_UNIT_TOKENS:
        return limit->output < INT64_MAX - limit->prompt
               ? limit->prompt + limit->output : INT64_MAX;

    case AI_UNIT_INPUT_TOKENS:
        return limit->prompt;

    case AI_UNIT_OUTPUT_TOKENS:
        return limit->output;

    default: /* AI_UNIT_COST */
        break;
    }

    if (limit->price == NULL) {
        return 0;
    }

    return ai_price_worst(limit->price, limit->prompt, limit->output,
                          ctx->peek.images);
}


/* an operation without a price is never free under a budget */

static ngx_int_t
ngx_http_ai_limit_unpriced(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, const ngx_http_ai_candidate_t *candidate)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "ai: no price is known of model \"%V\" of provider \"%V\", "
                  "and a limit in USD applies", &candidate->model,
                  &candidate->provider->name);

    limit->status = NGX_HTTP_AI_LIMIT_REJECTED;

    ai_error_set(&ctx->error, AI_ERR_FORBIDDEN,
                 "This model has no price, and a budget applies.");

    return NGX_AGAIN;
}


/* all of them, or none; NGX_AGAIN: the prompt's size must be known better */

static ngx_int_t
ngx_http_ai_limit_take(ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_candidate_t *candidate,
    ngx_http_ai_limit_claim_t **refused)
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
            rc = NGX_BUSY;
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
        rc = NGX_BUSY;
        goto done;
    }

    ngx_http_ai_spend_step(amcf, "admit-staged");

    ai_redo_commit(redo);

    ngx_http_ai_spend_step(amcf, "admit-done");

    limit->candidate = candidate;

done:

    ngx_http_ai_spend_unlock(amcf);

    if (rc == NGX_BUSY) {
        ngx_log_error(NGX_LOG_ALERT, ctx->request->connection->log, 0,
                      "ai: no room for what a request reserves: zones are "
                      "too small, or too many requests run");
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
    ngx_uint_t                  i;
    ngx_http_ai_main_conf_t    *amcf;
    ngx_http_ai_limit_claim_t  *c;

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(ctx->request);
    redo = ai_ledger_redo(amcf->spend.ledger);

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];
        c->refused = 0;

        c->claim.quota = ngx_http_ai_limit_quota(amcf, c, now);

        if (c->claim.quota == NULL) {
            return NGX_BUSY;
        }

        c->claim.quota->limit = c->claim.limit;

        ai_quota_roll(c->claim.quota, c->claim.tz, now, redo);
    }

    ai_redo_begin(redo);

    for (i = 0; i < limit->n; i++) {
        c = &limit->claim[i];

        c->refused = !ai_quota_check(&c->claim, now, redo);

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

    return *refused ? NGX_DECLINED : NGX_OK;
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


static ngx_uint_t
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


static ngx_int_t
ngx_http_ai_limit_refuse(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_claim_t *c)
{
    ngx_str_t  unit;

    unit = ngx_http_ai_str(ai_unit_name(c->unit));

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "ai: limiting %V by zone \"%V\", %L of %L are left",
                  &unit, &c->zone->name, c->claim.remaining, c->claim.limit);

    if (ngx_http_ai_limit_error(r, ctx, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (c->rule && c->rule->exceed == NGX_HTTP_AI_LIMIT_NEXT) {
        return NGX_AGAIN;
    }

    if (c->rule && c->rule->exceed == NGX_HTTP_AI_LIMIT_ROUTE) {
        ctx->limit->moved = 1;
        ctx->route = c->rule->route;
        return NGX_DONE;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_ai_limit_error(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *c)
{
    u_char      *p;
    ngx_str_t    message, unit;
    ngx_uint_t   i;

    ai_error_set(&ctx->error, c->claim.exhausted ? AI_ERR_QUOTA
                                                 : AI_ERR_RATE_LIMIT, NULL);

    ctx->error.retry_after = c->claim.wait;

    if (ctx->conf->limit.status != NGX_HTTP_TOO_MANY_REQUESTS) {
        ctx->error.status = ctx->conf->limit.status;
    }

    if (c->rule && c->rule->message) {

        if (ngx_http_complex_value(r, c->rule->message, &message) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->error.message = ai_str(&message);

        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 160);
    if (p == NULL) {
        return NGX_ERROR;
    }

    unit = ngx_http_ai_str(ai_unit_name(c->unit));
    message.data = p;

    if (c->unit == AI_UNIT_CONCURRENCY) {
        p = ngx_sprintf(p, "Only %L requests at a time are allowed.",
                        c->claim.limit);

    } else {
        p = ngx_sprintf(p, "The limit of ");

        if (c->unit == AI_UNIT_COST) {
            p = ngx_http_ai_price_print(p, c->claim.limit);

            /* two decimals at least */

            for (i = 0; i < 7 && p[-1] == '0'; i++) {
                p--;
            }

            p = ngx_cpymem(p, " USD", 4);
        } else {
            p = ngx_sprintf(p, "%L %V", c->claim.limit, &unit);
        }

        p = ngx_http_ai_limit_period(ngx_cpymem(p, " per ", 5), c->period);
        p = ngx_cpymem(p, " is reached.", 12);
    }

    message.len = p - message.data;

    for (p = message.data; p < message.data + message.len; p++) {
        if (*p == '_') {
            *p = ' ';
        }
    }

    ctx->error.message = ai_str(&message);

    return NGX_OK;
}


static u_char *
ngx_http_ai_limit_period(u_char *p, int32_t period)
{
    ngx_uint_t  i;

    static struct {
        int32_t      period;
        const char  *word;
    } words[] = {
        { 1, "second" },
        { 60, "minute" },
        { 3600, "hour" },
        { AI_PERIOD_DAY, "day" },
        { AI_PERIOD_WEEK, "week" },
        { AI_PERIOD_MONTH, "month" }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].period == period) {
            return ngx_sprintf(p, "%s", words[i].word);
        }
    }

    return ai_period_print(p, period);
}


/* a stream has used what was reserved for it */

static ngx_int_t
ngx_http_ai_limit_more(ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *at)
{
    int64_t                     now, cost;
    ai_redo_t                  *redo;
    ngx_int_t                   rc;
    ngx_uint_t                  i, n;
    ai_quota_claim_t            more;
    ngx_http_ai_limit_ctx_t    *limit;
    ngx_http_ai_main_conf_t    *amcf;
    ngx_http_ai_limit_claim_t  *c;

    limit = ctx->limit;

    if (ctx->ticket == NULL) {
        return NGX_DECLINED;
    }

    amcf = (ngx_http_ai_main_conf_t *) ngx_http_ai_main_conf(ctx->request);
    redo = ai_ledger_redo(amcf->spend.ledger);
    now = ngx_http_ai_limit_now();
    rc = NGX_OK;

    cost = limit->price ? ai_price_worst(limit->price, 0, limit->step, 0) : 0;

    ngx_http_ai_spend_lock(amcf);

    ai_redo_begin(redo);

    for (i = 0, n = 0; i < limit->n && rc == NGX_OK; i++) {
        c = &limit->claim[i];
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

        if (!ai_quota_check(&more, now, redo)
            && !ngx_http_ai_limit_lets_pass(ctx, c))
        {
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

        n++;
    }

    if (rc == NGX_OK) {
        ai_redo_commit(redo);
        ctx->output_cap += limit->step;
    }

    ngx_http_ai_spend_unlock(amcf);

    return rc;
}


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

    limit = ngx_pcalloc(r->pool, sizeof(ngx_http_ai_limit_ctx_t));

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

static int64_t
ngx_http_ai_limit_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}
