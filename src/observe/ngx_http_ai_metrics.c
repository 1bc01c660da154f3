
/*
 * What requests add to the metrics.
 *
 * A request is counted in the log phase, when all of it is final.  For each
 * attempt the worker looks up one group in its cache: pointers to all series
 * with these names; what follows are atomic adds.  Only where a pointer is
 * missing the zone is searched, and only for a new series it is locked.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_METRICS_CACHE  4096     /* entries of a worker */


/* the series of a group, for (route, provider, model, operation, the
 * operator's labels) */
typedef enum {
    NGX_HTTP_AI_G_REQUEST = 0,              /* of code 200 */
    NGX_HTTP_AI_G_DURATION,
    NGX_HTTP_AI_G_GATEWAY,
    NGX_HTTP_AI_G_OK,
    NGX_HTTP_AI_G_UPSTREAM,
    NGX_HTTP_AI_G_FIRST,
    NGX_HTTP_AI_G_PER_TOKEN,
    NGX_HTTP_AI_G_COST,
    NGX_HTTP_AI_G_SAVED,
    NGX_HTTP_AI_G_UNPRICED,
    NGX_HTTP_AI_G_TOKENS,                   /* and the other types */
    NGX_HTTP_AI_G_ESTIMATED = NGX_HTTP_AI_G_TOKENS + 5,
    NGX_HTTP_AI_G_MAX = NGX_HTTP_AI_G_ESTIMATED + 5
} ngx_http_ai_group_e;


/* kinds of the cache's entries: families, and these */
#define NGX_HTTP_AI_K_GROUP        AI_M_MAX
#define NGX_HTTP_AI_K_LABEL        (AI_M_MAX + 1)   /* and which */


struct ngx_http_ai_metrics_s {
    ai_metrics_t               metrics;
    ai_metric_cache_t          cache;       /* this worker's */
    ngx_shm_zone_t            *zone;
    void                      *block;       /* in it */
    ngx_http_ai_metrics_label_t  *labels;
    ngx_uint_t                 nlabels;
};


/* who an attempt, or a request without one, is counted for */
typedef struct {
    ngx_http_ai_metrics_t     *m;
    void                     **slots;
    ai_str_t                   route;
    ai_str_t                   provider;
    ai_str_t                   model;
    ai_str_t                   operation;
    ai_str_t                   extra[AI_METRIC_EXTRA_MAX];
} ngx_http_ai_group_t;


static ngx_int_t ngx_http_ai_metrics_log(ngx_http_request_t *r);
static void ngx_http_ai_metrics_request(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_uint_t lost);
static void ngx_http_ai_metrics_stray(ngx_http_request_t *r);
static void ngx_http_ai_metrics_sent(ngx_http_request_t *r,
    ngx_http_ai_group_t *g);
static void ngx_http_ai_metrics_attempt(ngx_http_ai_group_t *g,
    ngx_http_ai_attempt_t *at);
static void ngx_http_ai_metrics_tokens(ngx_http_ai_group_t *g,
    ngx_http_ai_attempt_t *at);
static void ngx_http_ai_metrics_money(ngx_http_ai_group_t *g,
    ngx_http_ai_attempt_t *at);
static void ngx_http_ai_metrics_fallback(ngx_http_ai_group_t *g,
    ngx_http_ai_attempt_t *at);
static void ngx_http_ai_metrics_times(ngx_http_ai_group_t *g,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_attempt_t *last);
static const ai_str_t *ngx_http_ai_metrics_outcome(
    ngx_http_ai_attempt_t *at);
static void ngx_http_ai_metrics_names(ngx_http_ai_group_t *g,
    ngx_http_ai_attempt_t *at);
static ngx_uint_t ngx_http_ai_metrics_is_named(ngx_http_ai_attempt_t *at);
static ngx_uint_t ngx_http_ai_metrics_is_priced(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_metrics_extra(ngx_http_request_t *r,
    ngx_http_ai_group_t *g);
static ai_str_t ngx_http_ai_metrics_value(ngx_http_ai_metrics_t *m,
    ngx_uint_t n, ai_str_t *value);
static void ngx_http_ai_metrics_group(ngx_http_ai_group_t *g);
static ai_metric_series_t *ngx_http_ai_metrics_slot(ngx_http_ai_group_t *g,
    ngx_uint_t slot, ai_metric_e family, ai_str_t *values);
static ai_metric_series_t *ngx_http_ai_metrics_series(
    ngx_http_ai_metrics_t *m, ai_metric_e family, const ai_str_t *values);
static ai_metric_series_t *ngx_http_ai_metrics_known(ngx_http_request_t *r,
    ai_metric_e family, const ai_str_t *labels, ngx_http_ai_metrics_t **m);
static void *ngx_http_ai_metrics_alloc(void *data, size_t size);
static void ngx_http_ai_metrics_free(void *data, void *p);
static void ngx_http_ai_metrics_cleanup(void *data);


ngx_int_t
ngx_http_ai_metrics_init(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    u_char                           *p;
    ai_str_t                         *extra;
    ngx_str_t                         key;
    ngx_uint_t                        i;
    ngx_pool_cleanup_t               *cln;
    ngx_http_handler_pt              *h;
    ngx_http_ai_route_t             **route;
    ngx_http_ai_metrics_t            *m;
    ngx_http_core_main_conf_t        *cmcf;
    ngx_http_ai_metrics_main_conf_t  *conf;

    conf = &amcf->metrics;

    if (!conf->any) {
        return NGX_OK;
    }

    m = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_metrics_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);
    key.data = ngx_pnalloc(cf->pool, sizeof("metrics/") + 16);

    if (m == NULL || cln == NULL || key.data == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ai_metrics_cleanup;
    cln->data = m;

    if (conf->labels) {
        m->labels = conf->labels->elts;
        m->nlabels = conf->labels->nelts;

        extra = ngx_palloc(cf->pool, m->nlabels * sizeof(ai_str_t));
        if (extra == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < m->nlabels; i++) {
            extra[i] = ai_str(&m->labels[i].name);
        }

        m->metrics.extra = extra;
        m->metrics.nextra = (uint32_t) m->nlabels;
    }

    m->metrics.families = ai_metric_families;
    m->metrics.n = AI_M_MAX;
    m->metrics.max_bytes = amcf->zone.size / 2;
    m->zone = amcf->zone.shm_zone;
    m->cache.pool.alloc = ngx_http_ai_metrics_alloc;
    m->cache.pool.free = ngx_http_ai_metrics_free;
    m->cache.max = NGX_HTTP_AI_METRICS_CACHE;

    /* another module's families are counted anew */

    key.len = ngx_sprintf(key.data, "metrics/%016xL",
                          ai_metric_fingerprint(ai_metric_families,
                                                AI_M_MAX))
              - key.data;

    if (ngx_http_ai_zone_want_block(&amcf->zone, &key,
                                    ai_metric_size(ai_metric_families,
                                                   AI_M_MAX),
                                    &m->block)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    route = amcf->route.routes.elts;

    for (i = 0; i < amcf->route.routes.nelts; i++) {
        p = ngx_pnalloc(cf->pool, sizeof("metrics/active/") - 1
                                  + route[i]->name.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        key.data = p;
        key.len = ngx_sprintf(p, "metrics/active/%V", &route[i]->name) - p;

        if (ngx_http_ai_zone_want(&amcf->zone, &key, &route[i]->active)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_ai_metrics_log;

    conf->metrics = m;

    return NGX_OK;
}


void
ngx_http_ai_metrics_init_module(ngx_http_ai_metrics_main_conf_t *conf)
{
    if (conf->metrics) {
        ai_metric_init(&conf->metrics->metrics, conf->metrics->block);
    }
}


const ai_metrics_t *
ngx_http_ai_metrics_registry(const ngx_http_ai_metrics_main_conf_t *conf)
{
    return &conf->metrics->metrics;
}


void
ngx_http_ai_metrics_begin(ngx_http_ai_ctx_t *ctx)
{
    ngx_http_ai_slot_t  *slot;

    slot = ctx->route->active;

    if (slot == NULL) {
        return;
    }

    ctx->active = slot;
    ngx_http_ai_slot_busy(slot);

    /* no balancing here: it was used */

    if (slot->current == 0) {
        slot->current = 1;
    }
}


/* an internal redirect has made nginx forget the context: it is counted here,
 * without what belongs to the request that goes on */

void
ngx_http_ai_metrics_end(ngx_http_ai_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    if (ctx->active) {
        ngx_http_ai_slot_free(ctx->active);
        ctx->active = NULL;
    }

    r = ctx->request;

    if (ngx_http_ai_ctx(r) != ctx && ngx_http_ai_main_conf(r)->metrics.metrics)
    {
        ngx_http_ai_metrics_request(r, ctx, ngx_http_ai_ctx(r) != NULL);
    }
}


static ngx_int_t
ngx_http_ai_metrics_log(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t  *ctx;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_ai_ctx(r);

    if (ctx) {
        ngx_http_ai_metrics_request(r, ctx, 0);

    } else if (ngx_http_ai_loc_conf(r)->pass.name) {
        ngx_http_ai_metrics_stray(r);
    }

    return NGX_OK;
}


static void
ngx_http_ai_metrics_request(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_uint_t lost)
{
    ngx_http_ai_group_t     g;
    ngx_http_ai_route_t    *route;
    ai_metric_series_t     *s;
    ngx_http_ai_attempt_t  *at, *last;

    g.m = ngx_http_ai_main_conf(r)->metrics.metrics;

    ai_metric_cache_trim(&g.m->cache);

    ngx_str_null(&g.route);
    ngx_str_null(&g.provider);
    ngx_str_null(&g.model);

    route = ctx->route ? ctx->route : ctx->conf->pass.route;

    if (route) {
        g.route = ai_str(&route->name);
    }

    g.operation = ai_str(&ctx->operation);

    ngx_http_ai_metrics_extra(r, &g);

    /* the one the request is known by comes last */

    last = ctx->winner;

    for (at = ctx->attempts; at; at = at->next) {

        if (last == NULL && at->next == NULL) {
            last = at;
        }

        if (at != last) {
            ngx_http_ai_metrics_names(&g, at);
            ngx_http_ai_metrics_group(&g);
            ngx_http_ai_metrics_attempt(&g, at);
        }
    }

    if (last) {
        ngx_http_ai_metrics_names(&g, last);
    }

    ngx_http_ai_metrics_group(&g);

    if (last) {
        ngx_http_ai_metrics_attempt(&g, last);
        ngx_http_ai_metrics_times(&g, ctx, last);
    }

    s = ngx_http_ai_metrics_slot(&g, NGX_HTTP_AI_G_GATEWAY, AI_M_GATEWAY,
                                 &g.route);
    ai_metric_observe(&g.m->metrics, s, ctx->spent);

    if (!lost) {
        ngx_http_ai_metrics_sent(r, &g);
    }
}


/* refused before there was a context: by "limit_conn", "return", ... */

static void
ngx_http_ai_metrics_stray(ngx_http_request_t *r)
{
    ngx_http_ai_group_t                 g;
    const ngx_http_ai_pass_loc_conf_t  *conf;

    conf = &ngx_http_ai_loc_conf(r)->pass;

    ngx_memzero(&g, sizeof(ngx_http_ai_group_t));

    g.m = ngx_http_ai_main_conf(r)->metrics.metrics;

    ai_metric_cache_trim(&g.m->cache);

    if (conf->route) {
        g.route = ai_str(&conf->route->name);
    }

    ngx_http_ai_metrics_extra(r, &g);
    ngx_http_ai_metrics_group(&g);
    ngx_http_ai_metrics_sent(r, &g);
}


static void
ngx_http_ai_metrics_sent(ngx_http_request_t *r, ngx_http_ai_group_t *g)
{
    ai_str_t             values[AI_METRIC_LABELS_MAX];
    ngx_uint_t           status, i;
    ngx_time_t          *tp;
    ngx_msec_int_t       ms;
    ai_metric_series_t  *s;
    u_char               code[NGX_INT_T_LEN];

    status = r->err_status ? r->err_status : r->headers_out.status;

    values[0] = g->route;
    values[1] = g->provider;
    values[2] = g->model;
    values[3] = g->operation;
    values[4] = ai_lit("200");

    if (status != NGX_HTTP_OK) {
        values[4].data = code;
        values[4].len = ngx_sprintf(code, "%03ui", status) - code;
    }

    for (i = 0; i < g->m->nlabels; i++) {
        values[5 + i] = g->extra[i];
    }

    if (status == NGX_HTTP_OK) {
        s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_REQUEST, AI_M_REQUESTS,
                                     values);
        ai_metric_inc(s, 1);

    } else {
        ngx_http_ai_metrics_count(r, AI_M_REQUESTS, values, 1);
    }

    /* as $request_time */

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    values[1] = g->operation;

    s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_DURATION,
                                 AI_M_REQUEST_DURATION, values);

    ai_metric_observe(&g->m->metrics, s, (uint64_t) ngx_max(ms, 0) * 1000);
}


static void
ngx_http_ai_metrics_attempt(ngx_http_ai_group_t *g, ngx_http_ai_attempt_t *at)
{
    ai_str_t         values[4];
    const ai_str_t  *outcome;

    outcome = ngx_http_ai_metrics_outcome(at);

    values[0] = g->route;
    values[1] = g->provider;
    values[2] = g->model;

    if (outcome == NULL) {
        values[3] = ai_lit("ok");
        ai_metric_inc(ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_OK,
                                               AI_M_ATTEMPTS, values), 1);

    } else {
        values[3] = *outcome;
        ngx_http_ai_metrics_count(at->ctx->request, AI_M_ATTEMPTS, values, 1);
    }

    if (at->next) {
        ngx_http_ai_metrics_fallback(g, at);
    }

    if (at->settled) {
        ngx_http_ai_metrics_tokens(g, at);
        ngx_http_ai_metrics_money(g, at);
    }
}


static void
ngx_http_ai_metrics_tokens(ngx_http_ai_group_t *g, ngx_http_ai_attempt_t *at)
{
    int64_t              tokens[5];
    ai_str_t             values[AI_METRIC_LABELS_MAX];
    ngx_uint_t           i, j, guessed;
    ai_metric_series_t  *s;

    static const ai_str_t  types[] = {
        ai_string("input"), ai_string("cached_input"),
        ai_string("cache_write"), ai_string("output"), ai_string("reasoning")
    };

    tokens[0] = at->usage.prompt;
    tokens[1] = at->usage.cached;
    tokens[2] = at->usage.cache_write;
    tokens[3] = at->usage.completion;
    tokens[4] = at->usage.reasoning;

    values[0] = g->route;
    values[1] = g->provider;
    values[2] = g->model;

    for (i = 0; i < g->m->nlabels; i++) {
        values[4 + i] = g->extra[i];
    }

    for (i = 0; i < 5; i++) {

        if (tokens[i] <= 0) {
            continue;
        }

        values[3] = types[i];

        s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_TOKENS + i,
                                     AI_M_TOKENS, values);
        ai_metric_inc(s, (uint64_t) tokens[i]);
    }

    for (j = 0; j < 2; j++) {
        i = j ? 3 : 0;
        guessed = j ? at->guessed_completion : at->guessed_prompt;

        if (!guessed || tokens[i] <= 0) {
            continue;
        }

        values[3] = types[i];

        s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_ESTIMATED + i,
                                     AI_M_TOKENS_ESTIMATED, values);
        ai_metric_inc(s, (uint64_t) tokens[i]);
    }
}


static void
ngx_http_ai_metrics_money(ngx_http_ai_group_t *g, ngx_http_ai_attempt_t *at)
{
    ai_str_t             values[AI_METRIC_LABELS_MAX];
    ngx_uint_t           i;
    ai_metric_series_t  *s;

    if (at->bill.cost > 0) {
        values[0] = g->route;
        values[1] = g->provider;
        values[2] = g->model;

        for (i = 0; i < g->m->nlabels; i++) {
            values[3 + i] = g->extra[i];
        }

        s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_COST, AI_M_COST,
                                     values);
        ai_metric_inc(s, (uint64_t) at->bill.cost);
    }

    if (at->bill.saved > 0) {
        values[0] = g->route;
        values[1] = ai_lit("provider");

        s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_SAVED, AI_M_COST_SAVED,
                                     values);
        ai_metric_inc(s, (uint64_t) at->bill.saved);
    }

    if (!at->bill.known) {
        values[0] = g->provider;
        values[1] = g->model;

        s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_UNPRICED, AI_M_UNPRICED,
                                     values);
        ai_metric_inc(s, 1);
    }
}


static void
ngx_http_ai_metrics_fallback(ngx_http_ai_group_t *g,
    ngx_http_ai_attempt_t *at)
{
    ai_str_t   values[4];
    ngx_str_t  reason;

    reason = ngx_http_ai_run_reason(at->failure);

    values[0] = g->route;
    values[1] = g->provider;
    values[2] = ai_str(&at->next->provider->name);
    values[3] = ai_str(&reason);

    ngx_http_ai_metrics_count(at->ctx->request, AI_M_FALLBACKS, values, 1);
}


/* as $ai_ttft and $ai_tpot have it */

static void
ngx_http_ai_metrics_times(ngx_http_ai_group_t *g, ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *last)
{
    uint64_t             end;
    ai_str_t             values[3];
    ai_metric_series_t  *s;

    values[0] = g->route;
    values[1] = g->provider;
    values[2] = g->model;

    end = ctx->end ? ctx->end : ngx_http_ai_now();

    s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_UPSTREAM,
                                 AI_M_UPSTREAM_DURATION, values);
    ai_metric_observe(&g->m->metrics, s,
                      end > last->start ? end - last->start : 0);

    if (last != ctx->winner || !last->stream || last->first_token == 0) {
        return;
    }

    s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_FIRST,
                                 AI_M_TIME_TO_FIRST_TOKEN, values);
    ai_metric_observe(&g->m->metrics, s, last->first_token - ctx->start);

    if (last->usage.completion > 1 && end >= last->first_token) {
        s = ngx_http_ai_metrics_slot(g, NGX_HTTP_AI_G_PER_TOKEN,
                                     AI_M_TIME_PER_OUTPUT_TOKEN, values);
        ai_metric_observe(&g->m->metrics, s,
                          (end - last->first_token)
                          / (uint64_t) (last->usage.completion - 1));
    }
}


/* NULL: ok */

static const ai_str_t *
ngx_http_ai_metrics_outcome(ngx_http_ai_attempt_t *at)
{
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t  mask;
        ai_str_t    word;
    } outcomes[] = {
        { NGX_HTTP_AI_NEXT_FIRST_TOKEN, ai_string("first_token_timeout") },
        { NGX_HTTP_AI_NEXT_TIMEOUT, ai_string("timeout") },
        { NGX_HTTP_AI_NEXT_HTTP_429, ai_string("http_429") },
        { NGX_HTTP_AI_NEXT_HTTP_5XX|NGX_HTTP_AI_NEXT_HTTP_500
          |NGX_HTTP_AI_NEXT_HTTP_502|NGX_HTTP_AI_NEXT_HTTP_503
          |NGX_HTTP_AI_NEXT_HTTP_504|NGX_HTTP_AI_NEXT_HTTP_529,
          ai_string("http_5xx") },
        { NGX_HTTP_AI_NEXT_HTTP_403|NGX_HTTP_AI_NEXT_HTTP_404
          |NGX_HTTP_AI_NEXT_HTTP_408, ai_string("http_4xx") }
    };

    static const ai_str_t  http_429 = ai_string("http_429");
    static const ai_str_t  http_5xx = ai_string("http_5xx");
    static const ai_str_t  http_4xx = ai_string("http_4xx");
    static const ai_str_t  invalid = ai_string("invalid");
    static const ai_str_t  error = ai_string("error");
    static const ai_str_t  cancelled = ai_string("cancelled");

    if (at->failure) {
        for (i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
            if (at->failure & outcomes[i].mask) {
                return &outcomes[i].word;
            }
        }
    }

    if (at->status == NGX_HTTP_TOO_MANY_REQUESTS) {
        return &http_429;
    }

    if (at->status >= 500) {
        return &http_5xx;
    }

    if (at->status >= 400) {
        return &http_4xx;
    }

    if (at->failure == 0 && (at->complete || at->terminal)) {
        return NULL;
    }

    /* nginx finalizes the upstream so when the client has left */

    if ((at->failure & ~NGX_HTTP_AI_NEXT_ERROR) == 0
        && (at->rc == NGX_DONE || at->cancelled
            || at->state != NGX_HTTP_AI_AT_ENDED))
    {
        return &cancelled;
    }

    return at->failure && !(at->failure & NGX_HTTP_AI_NEXT_ERROR) ? &invalid
                                                                  : &error;
}


static void
ngx_http_ai_metrics_names(ngx_http_ai_group_t *g, ngx_http_ai_attempt_t *at)
{
    g->provider = ai_str(&at->provider->name);
    g->model = ai_str(&at->candidate->model);

    if (g->model.len && !ngx_http_ai_metrics_is_named(at)) {
        g->model = ai_lit("other");
    }
}


/* a name that the configuration has, not one that a client has made up */

static ngx_uint_t
ngx_http_ai_metrics_is_named(ngx_http_ai_attempt_t *at)
{
    ngx_str_t                  *name, *model;
    ngx_uint_t                  i;
    ngx_http_ai_model_t        *entry;
    const ngx_http_ai_target_t  *target;

    target = at->candidate->target;

    if (target && target->model && target->model->lengths == NULL) {
        return 1;
    }

    model = &at->candidate->model;
    entry = at->provider->models.elts;

    for (i = 0; i < at->provider->models.nelts; i++) {
        name = entry[i].as.len ? &entry[i].as : &entry[i].name;

        if ((entry[i].as.len || !entry[i].wildcard)
            && name->len == model->len
            && ngx_memcmp(name->data, model->data, model->len) == 0)
        {
            return 1;
        }
    }

    return ngx_http_ai_metrics_is_priced(at);
}


/* by exactly this name; in a file it may be after a vendor's */

static ngx_uint_t
ngx_http_ai_metrics_is_priced(ngx_http_ai_attempt_t *at)
{
    size_t                                n;
    ai_str_t                              file;
    ngx_str_t                            *model, *name;
    ngx_uint_t                            i;
    ngx_http_ai_price_line_t             *line;
    const ngx_http_ai_price_main_conf_t  *conf;

    model = &at->candidate->model;
    conf = &ngx_http_ai_main_conf(at->ctx->request)->price;

    if (conf->lines) {
        line = conf->lines->elts;

        for (i = 0; i < conf->lines->nelts; i++) {
            name = &line[i].name;
            n = 0;

            if (name->len > model->len) {
                n = at->provider->name.len + 1;

                if (name->len < n || name->data[n - 1] != '/'
                    || ngx_memcmp(name->data, at->provider->name.data, n - 1)
                       != 0)
                {
                    continue;
                }
            }

            if (name->len - n == model->len
                && ngx_memcmp(name->data + n, model->data, model->len) == 0)
            {
                return 1;
            }
        }
    }

    if (at->price == NULL) {
        return 0;
    }

    file = at->price->model;

    if (file.len < model->len) {
        return 0;
    }

    n = file.len - model->len;

    return ngx_memcmp(file.data + n, model->data, model->len) == 0
           && (n == 0 || file.data[n - 1] == '/');
}


static void
ngx_http_ai_metrics_extra(ngx_http_request_t *r, ngx_http_ai_group_t *g)
{
    ai_str_t    text;
    ngx_str_t   value;
    ngx_uint_t  i;

    for (i = 0; i < g->m->nlabels; i++) {

        if (ngx_http_ai_value(r, g->m->labels[i].value, &value) != NGX_OK) {
            value.len = 0;
        }

        text = ai_str(&value);
        g->extra[i] = ngx_http_ai_metrics_value(g->m, i, &text);
    }
}


/* the value, or "other" when there are enough of them */

static ai_str_t
ngx_http_ai_metrics_value(ngx_http_ai_metrics_t *m, ngx_uint_t n,
    ai_str_t *value)
{
    ai_int_t                      rc;
    ai_str_t                      name;
    ai_pool_t                     pool;
    ngx_http_ai_metrics_label_t  *label;

    if (value->len == 0) {
        return *value;
    }

    label = &m->labels[n];
    name = ai_str(&label->name);

    rc = ai_metric_value(&m->metrics, &name, value, (uint32_t) label->max);

    if (rc == AI_AGAIN) {
        ngx_http_ai_zone_pool(m->zone, &pool);

        ngx_http_ai_zone_lock(m->zone);
        rc = ai_metric_value_add(&m->metrics, &name, value,
                                 (uint32_t) label->max, &pool);
        ngx_http_ai_zone_unlock(m->zone);
    }

    return rc == AI_OK ? *value : ai_lit("other");
}


static void
ngx_http_ai_metrics_group(ngx_http_ai_group_t *g)
{
    ai_str_t    values[AI_METRIC_LABELS_MAX];
    ngx_uint_t  i;

    values[0] = g->route;
    values[1] = g->provider;
    values[2] = g->model;
    values[3] = g->operation;

    for (i = 0; i < g->m->nlabels; i++) {
        values[4 + i] = g->extra[i];
    }

    g->slots = ai_metric_cache_get(&g->m->cache, NGX_HTTP_AI_K_GROUP, values,
                                   (uint32_t) (4 + g->m->nlabels),
                                   NGX_HTTP_AI_G_MAX);
}


static ai_metric_series_t *
ngx_http_ai_metrics_slot(ngx_http_ai_group_t *g, ngx_uint_t slot,
    ai_metric_e family, ai_str_t *values)
{
    ai_metric_series_t  *s;

    if (g->slots && g->slots[slot]) {
        return g->slots[slot];
    }

    s = ngx_http_ai_metrics_series(g->m, family, values);

    if (g->slots) {
        g->slots[slot] = s;
    }

    return s;
}


static ai_metric_series_t *
ngx_http_ai_metrics_series(ngx_http_ai_metrics_t *m, ai_metric_e family,
    const ai_str_t *values)
{
    ai_str_t             text;
    ai_char_t            data[AI_METRIC_TEXT_MAX];
    ai_pool_t            pool;
    ai_metric_series_t  *s;

    text.data = data;
    text.len = ai_metric_text(&m->metrics, family, values, data);

    s = ai_metric_find(&m->metrics, family, &text);

    if (s == NULL) {
        ngx_http_ai_zone_pool(m->zone, &pool);

        ngx_http_ai_zone_lock(m->zone);
        s = ai_metric_add(&m->metrics, family, &text, &pool);
        ngx_http_ai_zone_unlock(m->zone);
    }

    return s;
}


/* NULL: nothing is counted */

static ai_metric_series_t *
ngx_http_ai_metrics_known(ngx_http_request_t *r, ai_metric_e family,
    const ai_str_t *labels, ngx_http_ai_metrics_t **m)
{
    void                           **slots;
    uint32_t                         n;
    const ai_metric_family_t        *f;
    const ngx_http_ai_main_conf_t   *amcf;

    if (r) {
        amcf = ngx_http_ai_main_conf(r);

    } else {
        amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                                  ngx_http_ai_gateway_module);
    }

    if (amcf == NULL || amcf->metrics.metrics == NULL) {
        return NULL;
    }

    *m = amcf->metrics.metrics;
    f = &ai_metric_families[family];
    n = f->nlabels + (f->extra ? (*m)->nlabels : 0);

    slots = ai_metric_cache_get(&(*m)->cache, family, labels, n, 1);

    if (slots == NULL) {
        return ngx_http_ai_metrics_series(*m, family, labels);
    }

    if (slots[0] == NULL) {
        slots[0] = ngx_http_ai_metrics_series(*m, family, labels);
    }

    return slots[0];
}


void
ngx_http_ai_metrics_count(ngx_http_request_t *r, ai_metric_e family,
    const ai_str_t *labels, uint64_t n)
{
    ai_metric_series_t     *s;
    ngx_http_ai_metrics_t  *m;

    s = ngx_http_ai_metrics_known(r, family, labels, &m);

    if (s) {
        ai_metric_inc(s, n);
    }
}


void
ngx_http_ai_metrics_count_kept(ngx_http_request_t *r, void **kept,
    ai_metric_e family, const ai_str_t *labels, uint64_t n)
{
    ngx_http_ai_metrics_t  *m;

    m = ngx_http_ai_main_conf(r)->metrics.metrics;

    if (m == NULL) {
        return;
    }

    if (*kept == NULL) {
        *kept = ngx_http_ai_metrics_series(m, family, labels);
    }

    ai_metric_inc(*kept, n);
}


void
ngx_http_ai_metrics_observe(ngx_http_request_t *r, ai_metric_e family,
    const ai_str_t *labels, uint64_t us)
{
    ai_metric_series_t     *s;
    ngx_http_ai_metrics_t  *m;

    s = ngx_http_ai_metrics_known(r, family, labels, &m);

    if (s) {
        ai_metric_observe(&m->metrics, s, us);
    }
}


static void *
ngx_http_ai_metrics_alloc(void *data, size_t size)
{
    return ngx_alloc(size, ngx_cycle->log);
}


static void
ngx_http_ai_metrics_free(void *data, void *p)
{
    ngx_free(p);
}


static void
ngx_http_ai_metrics_cleanup(void *data)
{
    ngx_http_ai_metrics_t  *m = data;

    ai_metric_cache_clear(&m->cache);
}
