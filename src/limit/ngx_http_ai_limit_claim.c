
/*
 * Which counters a request is counted in, and how much it may need of each.
 */

#include <limit/ngx_http_ai_limit_int.h>

#include <base/ai_hash.h>


/* tokens of an answer that are reserved, and again when they are used, where
 * nobody says how long it may get */
#define NGX_HTTP_AI_LIMIT_STEP     4096

#define NGX_HTTP_AI_LIMIT_KEY_MAX  4096     /* bytes of a key that count */


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
static ngx_uint_t ngx_http_ai_limit_is_priced(const ngx_http_ai_ctx_t *ctx);
static int64_t ngx_http_ai_limit_output(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_limit_ctx_t *limit, const ngx_http_ai_candidate_t *candidate);
static int64_t ngx_http_ai_limit_amount(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_limit_claim_t *claim);
static ngx_int_t ngx_http_ai_limit_unpriced(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_candidate_t *candidate);


ngx_uint_t
ngx_http_ai_limit_counts(const ngx_http_ai_ctx_t *ctx)
{
    const ngx_http_ai_identity_t  *id;

    id = &ctx->identity;

    return ctx->conf->limit.counts
           || id->tpm.amount != -1 || id->budget.amount != -1;
}


ngx_int_t
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

    if (ngx_http_ai_value(r, &rule->zone->key, &key) != NGX_OK) {
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

        if (ngx_http_ai_value(r, u->value, &s) != NGX_OK) {
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


ngx_int_t
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
