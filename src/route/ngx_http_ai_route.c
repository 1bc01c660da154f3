
/*
 * Which targets may serve a request, and in what order they are tried.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_ROUTE_STACK    16       /* targets that need no pool */
#define NGX_HTTP_AI_ROUTE_SHOWN    200      /* bytes of a name in an error */


/*
 * How far a target came.  What is told to the client is the reason of the
 * one that came farthest.
 */
typedef enum {
    NGX_HTTP_AI_PLAN_PLACE = 0,             /* what is meant is elsewhere */
    NGX_HTTP_AI_PLAN_MODEL,                 /* does not offer the model */
    NGX_HTTP_AI_PLAN_KEY,                   /* the caller's key or role */
    NGX_HTTP_AI_PLAN_REQUIRE,               /* ai_require */
    NGX_HTTP_AI_PLAN_REGION,                /* ai_require region */
    NGX_HTTP_AI_PLAN_DOWN,                  /* down, if= */
    NGX_HTTP_AI_PLAN_SMALL,                 /* min_prompt= */
    NGX_HTTP_AI_PLAN_LARGE,                 /* max_prompt=, context= */
    NGX_HTTP_AI_PLAN_OK
} ngx_http_ai_plan_e;


static ngx_int_t ngx_http_ai_route_required(ngx_http_request_t *r,
    const ngx_array_t *require, ngx_str_t **values);
static ngx_int_t ngx_http_ai_route_examine(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, const ngx_http_ai_target_t *target,
    const ngx_str_t *required, ngx_http_ai_candidate_t *candidate,
    ngx_http_ai_plan_e *reached);
static ngx_int_t ngx_http_ai_route_is_place(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_target_t *target);
static ngx_int_t ngx_http_ai_route_model(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, const ngx_http_ai_target_t *target,
    ngx_str_t *model);
static ngx_http_ai_plan_e ngx_http_ai_route_allowed(
    const ngx_http_ai_provider_t *provider, const ngx_array_t *require,
    const ngx_str_t *required);
static ngx_int_t ngx_http_ai_route_carries(
    const ngx_http_ai_provider_t *provider,
    const ngx_http_ai_require_t *require, ngx_str_t *word);
static ngx_int_t ngx_http_ai_route_holds(ngx_http_request_t *r,
    const ngx_http_ai_target_t *target);
static ngx_http_ai_plan_e ngx_http_ai_route_fits(
    const ngx_http_ai_target_t *target, int64_t context, int64_t prompt);
static ngx_int_t ngx_http_ai_route_refuse(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_plan_e reached);
static ngx_int_t ngx_http_ai_route_refuse_model(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

static ngx_int_t ngx_http_ai_route_usable(ngx_http_request_t *r,
    const ngx_http_ai_candidate_t *candidate, int64_t min_context);
static ngx_int_t ngx_http_ai_route_pick(ngx_http_request_t *r,
    const ngx_http_ai_route_t *route, ai_pick_t *pick, ngx_uint_t usable);
static ngx_int_t ngx_http_ai_route_pick_shared(ngx_http_request_t *r,
    const ngx_http_ai_route_t *route, ai_pick_t *pick);
static ngx_int_t ngx_http_ai_route_pick_hash(ngx_http_request_t *r,
    const ngx_http_ai_route_t *route, ai_pick_t *pick);


ngx_int_t
ngx_http_ai_route_plan(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_str_t                    *required;
    ngx_uint_t                    i, n;
    ngx_http_ai_plan_e            reached, farthest;
    const ngx_http_ai_target_t   *target;

    n = ctx->route->targets.nelts;
    target = ctx->route->targets.elts;

    ctx->ncandidates = 0;
    ctx->candidates = ngx_pcalloc(r->pool,
                                  n * sizeof(ngx_http_ai_candidate_t));
    if (ctx->candidates == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_ai_route_required(r, ctx->conf->route.require, &required)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    farthest = NGX_HTTP_AI_PLAN_PLACE;

    for (i = 0; i < n; i++) {
        reached = NGX_HTTP_AI_PLAN_PLACE;

        rc = ngx_http_ai_route_examine(r, ctx, &target[i], required,
                                       &ctx->candidates[ctx->ncandidates],
                                       &reached);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            ctx->ncandidates++;
        }

        farthest = ngx_max(farthest, reached);
    }

    if (ctx->ncandidates == 0) {
        return ngx_http_ai_route_refuse(r, ctx, farthest);
    }

    return NGX_OK;
}


/* the values of ai_require, once a request */

static ngx_int_t
ngx_http_ai_route_required(ngx_http_request_t *r, const ngx_array_t *require,
    ngx_str_t **values)
{
    ngx_uint_t              i;
    ngx_http_ai_require_t  *rq;

    *values = NULL;

    if (require == NULL || require->nelts == 0) {
        return NGX_OK;
    }

    *values = ngx_palloc(r->pool, require->nelts * sizeof(ngx_str_t));
    if (*values == NULL) {
        return NGX_ERROR;
    }

    rq = require->elts;

    for (i = 0; i < require->nelts; i++) {
        if (ngx_http_complex_value(r, &rq[i].value, &(*values)[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NGX_OK: *candidate is filled; NGX_DECLINED: *reached says why not */

static ngx_int_t
ngx_http_ai_route_examine(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_target_t *target, const ngx_str_t *required,
    ngx_http_ai_candidate_t *candidate, ngx_http_ai_plan_e *reached)
{
    ngx_int_t                   rc;
    ngx_str_t                   model;
    const ngx_http_ai_model_t  *entry;

    static const ngx_http_ai_model_t  nothing = { .context = -1,
                                                  .max_output = -1 };

    if (!ngx_http_ai_route_is_place(ctx, target)) {
        *reached = NGX_HTTP_AI_PLAN_PLACE;
        return NGX_DECLINED;
    }

    if (ngx_http_ai_route_model(r, ctx, target, &model) != NGX_OK) {
        return NGX_ERROR;
    }

    entry = NULL;

    if (ctx->modelless) {
        entry = &nothing;
        ngx_str_null(&model);

    } else if (model.len) {
        entry = ngx_http_ai_provider_model(target->provider, &model);
    }

    if (entry == NULL) {
        *reached = NGX_HTTP_AI_PLAN_MODEL;
        return NGX_DECLINED;
    }

    candidate->target = target;
    candidate->provider = target->provider;

    if (!ngx_http_ai_auth_permits(ctx, candidate)) {
        *reached = NGX_HTTP_AI_PLAN_KEY;
        return NGX_DECLINED;
    }

    *reached = ngx_http_ai_route_allowed(target->provider,
                                         ctx->conf->route.require, required);
    if (*reached != NGX_HTTP_AI_PLAN_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_http_ai_route_holds(r, target);

    if (rc != NGX_OK) {
        *reached = NGX_HTTP_AI_PLAN_DOWN;
        return rc;
    }

    *reached = ngx_http_ai_route_fits(target, entry->context,
                                      ctx->prompt_est);
    if (*reached != NGX_HTTP_AI_PLAN_OK) {
        return NGX_DECLINED;
    }

    candidate->model = entry->as.len ? entry->as : model;
    candidate->context = entry->context;
    candidate->max_output = entry->max_output;
    candidate->price = entry->price;
    candidate->tried = 0;

    return NGX_OK;
}


/*
 * A stored object is where it was made.  A request that names no model goes to
 * a provider that has such paths.
 */

static ngx_int_t
ngx_http_ai_route_is_place(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_target_t *target)
{
    const ai_provider_t           *api;
    const ngx_http_ai_provider_t  *provider;

    provider = target->provider;

    if (ctx->where
        && ngx_http_ai_pin_hash(provider->name.data, provider->name.len)
           != ctx->where)
    {
        return 0;
    }

    if (!ctx->modelless) {
        return 1;
    }

    if (ctx->passthrough) {
        return provider->passthrough == 1;
    }

    api = ai_provider_choose(provider->api, &ai_lit(""),
                             ctx->dialect->family);

    return api->family == ctx->dialect->family;
}


/* the name that is looked up in the provider's list */

static ngx_int_t
ngx_http_ai_route_model(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_target_t *target, ngx_str_t *model)
{
    if (target->model == NULL) {
        *model = ctx->model;
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, target->model, model) != NGX_OK) {
        return NGX_ERROR;
    }

    if (model->len == 0) {
        *model = ctx->model;
    }

    return NGX_OK;
}


static ngx_http_ai_plan_e
ngx_http_ai_route_allowed(const ngx_http_ai_provider_t *provider,
    const ngx_array_t *require, const ngx_str_t *required)
{
    u_char                       *p, *last;
    ngx_str_t                     word;
    ngx_uint_t                    i, carried;
    const ngx_http_ai_require_t  *rq;

    if (required == NULL) {
        return NGX_HTTP_AI_PLAN_OK;
    }

    rq = require->elts;

    for (i = 0; i < require->nelts; i++) {

        if (required[i].len == 0) {
            continue;
        }

        /* a value of separators only is none that anything carries */

        carried = 0;
        p = required[i].data;
        last = p + required[i].len;

        while (p < last && !carried) {

            while (p < last && (*p == ',' || *p == ' ' || *p == '\t')) {
                p++;
            }

            word.data = p;

            while (p < last && *p != ',' && *p != ' ' && *p != '\t') {
                p++;
            }

            word.len = p - word.data;

            carried = word.len
                      && ngx_http_ai_route_carries(provider, &rq[i], &word);
        }

        if (!carried) {
            return rq[i].what == NGX_HTTP_AI_REQUIRE_REGION
                   ? NGX_HTTP_AI_PLAN_REGION : NGX_HTTP_AI_PLAN_REQUIRE;
        }
    }

    return NGX_HTTP_AI_PLAN_OK;
}


static ngx_int_t
ngx_http_ai_route_carries(const ngx_http_ai_provider_t *provider,
    const ngx_http_ai_require_t *require, ngx_str_t *word)
{
    ngx_str_t     *region;
    ngx_uint_t     i;
    ngx_keyval_t  *tag;

#define ngx_http_ai_route_same(a, b)                                          \
    ((a)->len == (b)->len && ngx_memcmp((a)->data, (b)->data, (a)->len) == 0)

    switch (require->what) {

    case NGX_HTTP_AI_REQUIRE_PROVIDER:
        return ngx_http_ai_route_same(word, &provider->name);

    case NGX_HTTP_AI_REQUIRE_REGION:
        region = provider->regions.elts;

        for (i = 0; i < provider->regions.nelts; i++) {
            if (ngx_http_ai_route_same(word, &region[i])) {
                return 1;
            }
        }

        return 0;

    case NGX_HTTP_AI_REQUIRE_TAG:
        tag = provider->tags.elts;

        for (i = 0; i < provider->tags.nelts; i++) {
            if (ngx_http_ai_route_same(&require->tag, &tag[i].key)
                && ngx_http_ai_route_same(word, &tag[i].value))
            {
                return 1;
            }
        }

        return 0;
    }

    return 0;
}


/* NGX_OK: neither down nor switched off by if= */

static ngx_int_t
ngx_http_ai_route_holds(ngx_http_request_t *r,
    const ngx_http_ai_target_t *target)
{
    ngx_str_t  value;

    if (target->down) {
        return NGX_DECLINED;
    }

    if (target->condition == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, target->condition, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0 || (value.len == 1 && value.data[0] == '0')) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_http_ai_plan_e
ngx_http_ai_route_fits(const ngx_http_ai_target_t *target, int64_t context,
    int64_t prompt)
{
    if (target->max_prompt != -1 && prompt > target->max_prompt) {
        return NGX_HTTP_AI_PLAN_LARGE;
    }

    if (context != -1 && prompt > context) {
        return NGX_HTTP_AI_PLAN_LARGE;
    }

    if (target->min_prompt != -1 && prompt < target->min_prompt) {
        return NGX_HTTP_AI_PLAN_SMALL;
    }

    return NGX_HTTP_AI_PLAN_OK;
}


static ngx_int_t
ngx_http_ai_route_refuse(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_plan_e reached)
{
    static const ai_str_t  messages = ai_string("messages");

    switch (reached) {

    case NGX_HTTP_AI_PLAN_PLACE:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: no target of ai_route \"%V\" has what \"%V\" "
                      "stands for", &ctx->route->name, &ctx->name);
        ai_error_set(&ctx->error, AI_ERR_NOT_FOUND, NULL);
        break;

    case NGX_HTTP_AI_PLAN_MODEL:
        return ngx_http_ai_route_refuse_model(r, ctx);

    case NGX_HTTP_AI_PLAN_KEY:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: \"%V\" is not allowed to use any target of "
                      "ai_route \"%V\" that offers the model",
                      &ctx->identity.key, &ctx->route->name);
        ai_error_set(&ctx->error, AI_ERR_FORBIDDEN, NULL);
        ngx_str_set(&ctx->identity.failure, "denied");
        break;

    case NGX_HTTP_AI_PLAN_REGION:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: no target of ai_route \"%V\" is in the region "
                      "that \"ai_require\" asks for", &ctx->route->name);
        ai_error_set(&ctx->error, AI_ERR_REGION, NULL);
        break;

    case NGX_HTTP_AI_PLAN_REQUIRE:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: no target of ai_route \"%V\" carries what "
                      "\"ai_require\" asks for", &ctx->route->name);
        ai_error_set(&ctx->error, AI_ERR_FORBIDDEN,
                     "No provider of this model is allowed for this request.");
        break;

    case NGX_HTTP_AI_PLAN_LARGE:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: no target of ai_route \"%V\" takes a prompt of "
                      "about %L tokens", &ctx->route->name,
                      (int64_t) ctx->prompt_est);
        ai_error_set_param(&ctx->error, AI_ERR_CONTEXT_LENGTH, NULL,
                           &messages);
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "ai: all targets of ai_route \"%V\" that offer the "
                      "model are down or switched off", &ctx->route->name);
        ai_error_set(&ctx->error, AI_ERR_NO_TARGET, NULL);
        break;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_ai_route_refuse_model(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    size_t     len;
    u_char    *p;
    ngx_str_t  name;

    static const ai_str_t  param = ai_string("model");

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "ai: no target of ai_route \"%V\" offers the model that "
                  "the client asked for", &ctx->route->name);

    if (ctx->model.len == 0) {
        ai_error_set_param(&ctx->error, AI_ERR_MODEL_NOT_FOUND,
                           "The request names no model.", &param);
        return NGX_DECLINED;
    }

    name = ctx->model;

    if (name.len > NGX_HTTP_AI_ROUTE_SHOWN) {
        name.len = NGX_HTTP_AI_ROUTE_SHOWN;

        /* not in the middle of a character */

        while (name.len && (name.data[name.len] & 0xc0) == 0x80) {
            name.len--;
        }
    }

    len = sizeof("The model `` does not exist or is not offered here.") - 1
          + name.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ai_error_set_param(&ctx->error, AI_ERR_MODEL_NOT_FOUND, NULL, &param);

    ctx->error.message.data = p;
    ctx->error.message.len = ngx_sprintf(p, "The model `%V` does not exist "
                                         "or is not offered here.", &name)
                             - p;

    return NGX_DECLINED;
}


ngx_http_ai_candidate_t *
ngx_http_ai_route_next(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    int64_t min_context)
{
    ai_pick_t                   stack[NGX_HTTP_AI_ROUTE_STACK], *pick;
    ngx_int_t                   chosen;
    ngx_uint_t                  i, k, n, usable;
    ngx_http_ai_candidate_t    *c;
    const ngx_http_ai_route_t  *route;
    ngx_http_ai_target_t       *target;

    route = ctx->route;
    n = route->targets.nelts;
    target = route->targets.elts;

    pick = stack;

    if (n > NGX_HTTP_AI_ROUTE_STACK) {
        pick = ngx_palloc(r->pool, n * sizeof(ai_pick_t));
        if (pick == NULL) {
            return NULL;
        }
    }

    for (i = 0; i < n; i++) {
        ngx_memzero(&pick[i], sizeof(ai_pick_t));
        pick[i].weight = target[i].backup ? 0 : target[i].weight;
        pick[i].id = target[i].id;
    }

    usable = 0;
    c = ctx->candidates;

    /* what is kept by a provider is with the first one, always */

    if (ctx->modelless) {
        if (c->tried) {
            return NULL;
        }

        c->tried = 1;
        return c;
    }

    for (i = 0; i < ctx->ncandidates; i++) {
        k = c[i].target - target;

        if (!target[k].backup
            && ngx_http_ai_route_usable(r, &c[i], min_context))
        {
            pick[k].usable = 1;
            usable++;
        }
    }

    chosen = usable ? ngx_http_ai_route_pick(r, route, pick, usable)
                    : NGX_DECLINED;

    for (i = 0; i < ctx->ncandidates; i++) {

        if (chosen >= 0) {
            if (c[i].target != &target[chosen]) {
                continue;
            }

        } else if (!ngx_http_ai_route_usable(r, &c[i], min_context)) {
            continue;
        }

        c[i].tried = 1;
        return &c[i];
    }

    return NULL;
}


/* what a price file says of a model's context is good enough for a second try,
 * not to refuse a request */

static ngx_int_t
ngx_http_ai_route_usable(ngx_http_request_t *r,
    const ngx_http_ai_candidate_t *candidate, int64_t min_context)
{
    const ai_price_t  *price;

    if (candidate->tried || min_context <= 0) {
        return !candidate->tried;
    }

    if (candidate->context != -1) {
        return candidate->context > min_context;
    }

    price = ngx_http_ai_price_get(&ngx_http_ai_main_conf(r)->price,
                                  candidate->provider, candidate->price,
                                  (ngx_str_t *) &candidate->model);

    return price && price->max_input > min_context;
}


/* at least one is usable */

static ngx_int_t
ngx_http_ai_route_pick(ngx_http_request_t *r,
    const ngx_http_ai_route_t *route, ai_pick_t *pick, ngx_uint_t usable)
{
    ngx_uint_t  n;

    n = route->targets.nelts;

    if (usable == 1) {
        return ai_pick_first(pick, n);
    }

    switch (route->balance) {

    case NGX_HTTP_AI_BALANCE_PRIORITY:
        return ai_pick_first(pick, n);

    case NGX_HTTP_AI_BALANCE_HASH:
        return ngx_http_ai_route_pick_hash(r, route, pick);

    default:
        return ngx_http_ai_route_pick_shared(r, route, pick);
    }
}


/* round robin and least_conn: what all workers share, under the zone's lock */

static ngx_int_t
ngx_http_ai_route_pick_shared(ngx_http_request_t *r,
    const ngx_http_ai_route_t *route, ai_pick_t *pick)
{
    ngx_int_t                       chosen;
    ngx_uint_t                      i, n;
    ngx_shm_zone_t                 *zone;
    ngx_http_ai_target_t           *target;
    const ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_ai_main_conf(r);
    zone = amcf->zone.shm_zone;

    n = route->targets.nelts;
    target = route->targets.elts;

    ngx_http_ai_zone_lock(zone);

    for (i = 0; i < n; i++) {
        pick[i].current = target[i].slot->current;
    }

    if (route->balance == NGX_HTTP_AI_BALANCE_LEAST_CONN) {

        ngx_http_ai_zone_sweep(zone);

        for (i = 0; i < n; i++) {
            pick[i].conns = ngx_http_ai_slot_conns(target[i].slot);
        }

        chosen = ai_pick_least_conn(pick, n);

    } else {
        chosen = ai_pick_rr(pick, n);
    }

    for (i = 0; i < n; i++) {
        target[i].slot->current = (ngx_int_t) pick[i].current;
    }

    ngx_http_ai_zone_unlock(zone);

    return chosen;
}


static ngx_int_t
ngx_http_ai_route_pick_hash(ngx_http_request_t *r,
    const ngx_http_ai_route_t *route, ai_pick_t *pick)
{
    uint64_t    hash;
    ngx_str_t   key;
    ngx_uint_t  n;

    n = route->targets.nelts;

    if (ngx_http_complex_value(r, route->hash, &key) != NGX_OK) {
        return ai_pick_first(pick, n);
    }

    /* without a key there is nothing to keep together */

    if (key.len == 0) {
        return ngx_http_ai_route_pick_shared(r, route, pick);
    }

    hash = ai_pick_hash(key.data, key.len, 0);

    return route->consistent ? ai_pick_consistent(pick, n, hash)
                             : ai_pick_modulo(pick, n, hash);
}


void
ngx_http_ai_route_busy(const ngx_http_ai_target_t *target)
{
    ngx_http_ai_slot_busy(target->slot);
}


void
ngx_http_ai_route_free(const ngx_http_ai_target_t *target)
{
    ngx_http_ai_slot_free(target->slot);
}
