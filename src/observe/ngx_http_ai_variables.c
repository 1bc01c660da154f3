
/*
 * The "ai_*" variables.  This room only reads: everything stands in the
 * context, and a variable is evaluated when it is asked for, because most of
 * them are final only at the end of the request.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_PROMPT_MAX  4096        /* bytes of $ai_prompt */


static ngx_int_t ngx_http_ai_variable_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_usage(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_cost(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_providers(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_prompt(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_session(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_meta(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_target(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_key(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_http_ai_ctx_t *ngx_http_ai_variable_caller(ngx_http_request_t *r);
static ngx_http_ai_ctx_t *ngx_http_ai_variable_ctx(ngx_http_request_t *r);
static ngx_int_t ngx_http_ai_variable_redis(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ai_variable_limit(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


typedef enum {
    AI_V_LIMIT_STATUS,
    AI_V_LIMIT_ZONE,
    AI_V_LIMIT_REMAINING
} ngx_http_ai_limit_var_e;


typedef enum {
    AI_V_REQUEST_MODEL,
    AI_V_MODEL,
    AI_V_UPSTREAM_MODEL,
    AI_V_PROVIDER,
    AI_V_ROUTE,
    AI_V_API,
    AI_V_OPERATION,
    AI_V_STREAM,
    AI_V_USER,
    AI_V_TEMPERATURE,
    AI_V_PROMPT_CLASS,
    AI_V_USAGE_SOURCE,
    AI_V_FALLBACK_REASON,
    AI_V_FINISH_REASON,
    AI_V_ERROR_TYPE,
    AI_V_RESPONSE_ID
} ngx_http_ai_text_e;


typedef enum {
    AI_V_MESSAGE_COUNT,
    AI_V_TOOL_COUNT,
    AI_V_HAS_IMAGES,
    AI_V_MAX_TOKENS,
    AI_V_PROMPT_EST,
    AI_V_ATTEMPTS,
    AI_V_FALLBACKS
} ngx_http_ai_number_e;


typedef enum {
    AI_V_KEY_ID,
    AI_V_TEAM,
    AI_V_PROJECT,
    AI_V_CUSTOMER,
    AI_V_KEY_TIER,
    AI_V_KEY_ROLE
} ngx_http_ai_who_e;


typedef enum {
    AI_V_COST,
    AI_V_SAVED,
    AI_V_PRICE_KNOWN
} ngx_http_ai_cost_e;


typedef enum {
    AI_V_TTFT,
    AI_V_TPOT,
    AI_V_GATEWAY
} ngx_http_ai_time_e;


#define ngx_http_ai_v(name, handler, data)                                    \
    { ngx_string(name), NULL, handler, data,                                  \
      NGX_HTTP_VAR_NOCACHEABLE, 0 }

#define ngx_http_ai_v_usage(name, field)                                      \
    ngx_http_ai_v(name, ngx_http_ai_variable_usage,                           \
                  offsetof(ai_usage_t, field))


static ngx_http_variable_t  ngx_http_ai_variables[] = {

    /* the request */

    ngx_http_ai_v("ai_request_model", ngx_http_ai_variable_text,
                  AI_V_REQUEST_MODEL),
    ngx_http_ai_v("ai_model", ngx_http_ai_variable_text, AI_V_MODEL),
    ngx_http_ai_v("ai_api", ngx_http_ai_variable_text, AI_V_API),
    ngx_http_ai_v("ai_operation", ngx_http_ai_variable_text, AI_V_OPERATION),
    ngx_http_ai_v("ai_stream", ngx_http_ai_variable_text, AI_V_STREAM),
    ngx_http_ai_v("ai_user", ngx_http_ai_variable_text, AI_V_USER),
    ngx_http_ai_v("ai_session_id", ngx_http_ai_variable_session, 0),
    ngx_http_ai_v("ai_temperature", ngx_http_ai_variable_text,
                  AI_V_TEMPERATURE),
    ngx_http_ai_v("ai_message_count", ngx_http_ai_variable_number,
                  AI_V_MESSAGE_COUNT),
    ngx_http_ai_v("ai_tool_count", ngx_http_ai_variable_number,
                  AI_V_TOOL_COUNT),
    ngx_http_ai_v("ai_has_images", ngx_http_ai_variable_number,
                  AI_V_HAS_IMAGES),
    ngx_http_ai_v("ai_max_tokens", ngx_http_ai_variable_number,
                  AI_V_MAX_TOKENS),
    ngx_http_ai_v("ai_prompt", ngx_http_ai_variable_prompt, 0),
    ngx_http_ai_v("ai_prompt_tokens_est", ngx_http_ai_variable_number,
                  AI_V_PROMPT_EST),
    ngx_http_ai_v("ai_prompt_class", ngx_http_ai_variable_text,
                  AI_V_PROMPT_CLASS),

    { ngx_string("ai_meta_"), NULL, ngx_http_ai_variable_meta, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

    /* the caller */

    ngx_http_ai_v("ai_key_id", ngx_http_ai_variable_identity, AI_V_KEY_ID),
    ngx_http_ai_v("ai_team", ngx_http_ai_variable_identity, AI_V_TEAM),
    ngx_http_ai_v("ai_project", ngx_http_ai_variable_identity, AI_V_PROJECT),
    ngx_http_ai_v("ai_customer", ngx_http_ai_variable_identity,
                  AI_V_CUSTOMER),
    ngx_http_ai_v("ai_key_tier", ngx_http_ai_variable_identity,
                  AI_V_KEY_TIER),
    ngx_http_ai_v("ai_key_role", ngx_http_ai_variable_identity,
                  AI_V_KEY_ROLE),

    { ngx_string("ai_key_"), NULL, ngx_http_ai_variable_key, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

    /* the way */

    ngx_http_ai_v("ai_route", ngx_http_ai_variable_text, AI_V_ROUTE),
    ngx_http_ai_v("ai_provider", ngx_http_ai_variable_text, AI_V_PROVIDER),
    ngx_http_ai_v("ai_target", ngx_http_ai_variable_target, 0),
    ngx_http_ai_v("ai_providers", ngx_http_ai_variable_providers, 0),
    ngx_http_ai_v("ai_upstream_model", ngx_http_ai_variable_text,
                  AI_V_UPSTREAM_MODEL),
    ngx_http_ai_v("ai_attempts", ngx_http_ai_variable_number, AI_V_ATTEMPTS),
    ngx_http_ai_v("ai_fallbacks", ngx_http_ai_variable_number,
                  AI_V_FALLBACKS),
    ngx_http_ai_v("ai_fallback_reason", ngx_http_ai_variable_text,
                  AI_V_FALLBACK_REASON),

    /* limits */

    ngx_http_ai_v("ai_limit_status", ngx_http_ai_variable_limit,
                  AI_V_LIMIT_STATUS),
    ngx_http_ai_v("ai_limit_zone", ngx_http_ai_variable_limit,
                  AI_V_LIMIT_ZONE),
    ngx_http_ai_v("ai_limit_remaining", ngx_http_ai_variable_limit,
                  AI_V_LIMIT_REMAINING),

    /* the answer */

    ngx_http_ai_v_usage("ai_prompt_tokens", prompt),
    ngx_http_ai_v_usage("ai_completion_tokens", completion),
    ngx_http_ai_v_usage("ai_total_tokens", total),
    ngx_http_ai_v_usage("ai_cached_tokens", cached),
    ngx_http_ai_v_usage("ai_cache_write_tokens", cache_write),
    ngx_http_ai_v_usage("ai_reasoning_tokens", reasoning),
    ngx_http_ai_v("ai_cost", ngx_http_ai_variable_cost, AI_V_COST),
    ngx_http_ai_v("ai_cost_saved", ngx_http_ai_variable_cost, AI_V_SAVED),
    ngx_http_ai_v("ai_price_known", ngx_http_ai_variable_cost,
                  AI_V_PRICE_KNOWN),
    ngx_http_ai_v("ai_usage_source", ngx_http_ai_variable_text,
                  AI_V_USAGE_SOURCE),
    ngx_http_ai_v("ai_finish_reason", ngx_http_ai_variable_text,
                  AI_V_FINISH_REASON),
    ngx_http_ai_v("ai_error_type", ngx_http_ai_variable_text,
                  AI_V_ERROR_TYPE),
    ngx_http_ai_v("ai_response_id", ngx_http_ai_variable_text,
                  AI_V_RESPONSE_ID),

    /* time */

    ngx_http_ai_v("ai_ttft", ngx_http_ai_variable_time, AI_V_TTFT),
    ngx_http_ai_v("ai_tpot", ngx_http_ai_variable_time, AI_V_TPOT),
    ngx_http_ai_v("ai_gateway_time", ngx_http_ai_variable_time,
                  AI_V_GATEWAY),

    /* this node */

    { ngx_string("ai_redis_"), NULL, ngx_http_ai_variable_redis, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_ai_variables_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_ai_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* NULL where no ai_pass and no ai_meter is: there is only the caller */

static ngx_http_ai_ctx_t *
ngx_http_ai_variable_ctx(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);

    return ctx && !ctx->early ? ctx : NULL;
}


/* the attempt the request is known by: the one that answered, or the last */

static ngx_http_ai_attempt_t *
ngx_http_ai_variable_attempt(ngx_http_ai_ctx_t *ctx)
{
    ngx_http_ai_attempt_t  *at;

    if (ctx->winner) {
        return ctx->winner;
    }

    for (at = ctx->attempts; at && at->next; at = at->next) { /* void */ }

    return at;
}


static ngx_int_t
ngx_http_ai_variable_set(ngx_http_variable_value_t *v, ngx_str_t *s)
{
    v->len = s->len;
    v->data = s->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/*
 * What may be asked for while it is being found (ai_identity user u-$ai_user):
 * that value is not kept.  Logs and scripts flush the others themselves.
 */

static ngx_int_t
ngx_http_ai_variable_fresh(ngx_http_variable_value_t *v, ngx_str_t *s)
{
    (void) ngx_http_ai_variable_set(v, s);

    v->valid = 0;

    return NGX_OK;
}


static ngx_str_t
ngx_http_ai_variable_class(int64_t tokens)
{
    ngx_uint_t  i;

    static struct {
        int64_t    below;
        ngx_str_t  name;
    } classes[] = {
        { 256, ngx_string("tiny") },
        { 2048, ngx_string("small") },
        { 16384, ngx_string("medium") },
        { 131072, ngx_string("large") },
        { INT64_MAX, ngx_string("huge") }
    };

    for (i = 0; tokens >= classes[i].below; i++) { /* void */ }

    return classes[i].name;
}


static ngx_str_t
ngx_http_ai_variable_finish(ngx_http_ai_attempt_t *at)
{
    ai_str_t          name;

    static ngx_str_t  none = ngx_null_string;

    if (at->finish == AI_FINISH_NONE) {
        return none;
    }

    name = ai_finish_name(at->finish);

    return ngx_http_ai_str(&name);
}


static ngx_int_t
ngx_http_ai_variable_text(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t               s;
    const ai_error_row_t   *row;
    ngx_http_ai_ctx_t      *ctx;
    ngx_http_ai_attempt_t  *at;

    static ngx_str_t   yes = ngx_string("1");
    static ngx_str_t   no = ngx_string("0");
    static ngx_str_t   sources[] = {        /* ngx_http_ai_source_e */
        ngx_string("none"), ngx_string("provider"), ngx_string("tokenizer"),
        ngx_string("estimate")
    };

    ctx = ngx_http_ai_variable_ctx(r);
    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    at = ngx_http_ai_variable_attempt(ctx);
    ngx_str_null(&s);

    switch ((ngx_http_ai_text_e) data) {

    case AI_V_REQUEST_MODEL:
        s = ctx->request_model;
        break;

    case AI_V_MODEL:
        s = ctx->model.len ? ctx->model : ctx->request_model;
        break;

    case AI_V_API:
        if (ngx_http_ai_is_sent(ctx)) {
            s = ngx_http_ai_str(&ctx->dialect->name);
        }

        break;

    case AI_V_OPERATION:
        s = ctx->operation;
        break;

    case AI_V_STREAM:
        s = ctx->peek.stream ? yes : no;
        break;

    case AI_V_USER:
        if (ngx_http_ai_auth_body(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        s = ctx->identity.user.len ? ctx->identity.user
                                   : ngx_http_ai_str(&ctx->peek.user);
        return ngx_http_ai_variable_fresh(v, &s);

    case AI_V_TEMPERATURE:
        s = ngx_http_ai_str(&ctx->peek.temperature);
        break;

    case AI_V_PROMPT_CLASS:
        s = ngx_http_ai_variable_class(ctx->prompt_est);
        break;

    case AI_V_ROUTE:
        if (ctx->route) {
            s = ctx->route->name;
        }

        break;

    case AI_V_PROVIDER:
        if (ctx->candidate) {
            s = ctx->candidate->provider->name;

        } else if (at) {
            s = at->provider->name;
        }

        break;

    case AI_V_UPSTREAM_MODEL:
        if (ctx->candidate) {
            s = ctx->candidate->model;

        } else if (at) {
            s = at->candidate->model;
        }

        break;

    case AI_V_USAGE_SOURCE:
        s = sources[at ? at->source : NGX_HTTP_AI_SOURCE_NONE];
        break;

    case AI_V_FALLBACK_REASON:
        s = ctx->fallback_reason;
        break;

    case AI_V_FINISH_REASON:
        if (at) {
            s = ngx_http_ai_variable_finish(at);
        }

        break;

    case AI_V_ERROR_TYPE:
        if (ctx->error.kind != AI_ERR_NONE) {
            row = ai_error_row(ctx->error.kind);
            s = ngx_http_ai_str(row->code.len ? &row->code : &row->type);

        } else if (at && at->failure) {
            row = ai_error_row(at->error.kind);
            s = ngx_http_ai_str(row->code.len ? &row->code : &row->type);
        }

        break;

    case AI_V_RESPONSE_ID:
        if (at) {
            s = ngx_http_ai_str(&at->response_id);
        }

        break;
    }

    return ngx_http_ai_variable_set(v, &s);
}


static ngx_int_t
ngx_http_ai_variable_int(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    int64_t n)
{
    ngx_str_t  s;

    s.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (s.data == NULL) {
        return NGX_ERROR;
    }

    s.len = ngx_sprintf(s.data, "%L", n) - s.data;

    return ngx_http_ai_variable_set(v, &s);
}


static ngx_int_t
ngx_http_ai_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    int64_t             n;
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_variable_ctx(r);
    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    n = 0;

    switch ((ngx_http_ai_number_e) data) {

    case AI_V_MESSAGE_COUNT:
        n = ctx->peek.messages;
        break;

    case AI_V_TOOL_COUNT:
        n = ctx->peek.tools;
        break;

    case AI_V_HAS_IMAGES:
        n = ctx->peek.images;
        break;

    case AI_V_MAX_TOKENS:
        n = ctx->peek.max_output;

        if (n <= 0) {
            v->len = 0;
            v->valid = 1;
            v->not_found = 0;
            return NGX_OK;
        }

        break;

    case AI_V_PROMPT_EST:
        n = ctx->prompt_est;
        break;

    case AI_V_ATTEMPTS:
        n = ctx->nattempts;
        break;

    case AI_V_FALLBACKS:
        n = ctx->nattempts ? ctx->nattempts - 1 : 0;
        break;
    }

    return ngx_http_ai_variable_int(r, v, n);
}


/* always a number, so that a log of JSON stays one */

static ngx_int_t
ngx_http_ai_variable_usage(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    int64_t                 n;
    ngx_http_ai_ctx_t      *ctx;
    ngx_http_ai_attempt_t  *at;

    ctx = ngx_http_ai_variable_ctx(r);
    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    at = ngx_http_ai_variable_attempt(ctx);
    n = 0;

    if (at) {
        n = *(int64_t *) ((u_char *) &at->usage + data);
    }

    return ngx_http_ai_variable_int(r, v, ngx_max(n, 0));
}


/* USD with nine decimals, of all attempts together */

static ngx_int_t
ngx_http_ai_variable_cost(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    int64_t             nano;
    ngx_str_t           s;
    ai_bill_t           bill;
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_variable_ctx(r);
    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_ai_price_sum(ctx, &bill);

    if (data == AI_V_PRICE_KNOWN) {
        return ngx_http_ai_variable_int(r, v, bill.known);
    }

    nano = (data == AI_V_COST) ? bill.cost : bill.saved;

    s.data = ngx_pnalloc(r->pool, NGX_HTTP_AI_PRICE_LEN);
    if (s.data == NULL) {
        return NGX_ERROR;
    }

    s.len = ngx_http_ai_price_print(s.data, nano) - s.data;

    return ngx_http_ai_variable_set(v, &s);
}


static ngx_int_t
ngx_http_ai_variable_time(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    uint64_t                us, end;
    ngx_str_t               s;
    ngx_http_ai_ctx_t      *ctx;
    ngx_http_ai_attempt_t  *at;

    ctx = ngx_http_ai_variable_ctx(r);
    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    at = ngx_http_ai_variable_attempt(ctx);
    ngx_str_null(&s);
    us = 0;

    switch ((ngx_http_ai_time_e) data) {

    case AI_V_GATEWAY:
        us = ctx->spent;

        if (ctx->depth) {
            us += ngx_http_ai_now() - ctx->entered;
        }

        break;

    case AI_V_TTFT:
        if (at == NULL || at != ctx->winner || at->first_token == 0) {
            return ngx_http_ai_variable_set(v, &s);
        }

        us = at->first_token - ctx->start;
        break;

    case AI_V_TPOT:
        if (at == NULL || at != ctx->winner || at->first_token == 0
            || !at->stream || at->usage.completion < 2)
        {
            return ngx_http_ai_variable_set(v, &s);
        }

        end = ctx->end ? ctx->end : ngx_http_ai_now();
        us = (end - at->first_token) / (at->usage.completion - 1);
        break;
    }

    s.data = ngx_pnalloc(r->pool, NGX_INT64_LEN + sizeof(".000000"));
    if (s.data == NULL) {
        return NGX_ERROR;
    }

    if (data == AI_V_GATEWAY) {
        s.len = ngx_sprintf(s.data, "%uL.%06uL", us / 1000000, us % 1000000)
                - s.data;
    } else {
        s.len = ngx_sprintf(s.data, "%uL.%03uL", us / 1000000,
                            us / 1000 % 1000)
                - s.data;
    }

    return ngx_http_ai_variable_set(v, &s);
}


static ngx_int_t
ngx_http_ai_variable_target(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t               s;
    ngx_http_ai_ctx_t      *ctx;
    ngx_http_ai_attempt_t  *at;

    ctx = ngx_http_ai_variable_ctx(r);
    at = ctx ? ngx_http_ai_variable_attempt(ctx) : NULL;

    if (at == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    s.len = at->provider->name.len + 1 + at->candidate->model.len;
    s.data = ngx_pnalloc(r->pool, s.len);
    if (s.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(s.data, "%V/%V", &at->provider->name, &at->candidate->model);

    return ngx_http_ai_variable_set(v, &s);
}


static ngx_int_t
ngx_http_ai_variable_providers(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    size_t                  len;
    ngx_str_t               s;
    ngx_http_ai_ctx_t      *ctx;
    ngx_http_ai_attempt_t  *at;

    ctx = ngx_http_ai_variable_ctx(r);

    if (ctx == NULL || ctx->attempts == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    len = 0;

    for (at = ctx->attempts; at; at = at->next) {
        len += at->provider->name.len + 2;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s.data = p;

    for (at = ctx->attempts; at; at = at->next) {

        if (at != ctx->attempts) {
            *p++ = ',';
            *p++ = ' ';
        }

        p = ngx_cpymem(p, at->provider->name.data, at->provider->name.len);
    }

    s.len = p - s.data;

    return ngx_http_ai_variable_set(v, &s);
}


static ngx_int_t
ngx_http_ai_variable_prompt(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ai_str_t            text;
    ngx_str_t           s;
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_variable_ctx(r);

    if (ctx == NULL || ctx->peek.messages == 0
        || ctx->dialect->last_text == NULL
        || ctx->dialect->last_text(&ctx->doc, &ctx->peek, &ctx->pool,
                                   NGX_HTTP_AI_PROMPT_MAX, &text)
           != AI_OK)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    s = ngx_http_ai_str(&text);

    return ngx_http_ai_variable_set(v, &s);
}


/* whom a request belongs to, from the most to the least exact sign of it */

static ngx_int_t
ngx_http_ai_variable_session(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t           s;
    ngx_table_elt_t    *h;
    ngx_http_ai_ctx_t  *ctx;

    static ngx_str_t    session = ngx_string("session-id");
    static ngx_str_t    code = ngx_string("x-claude-code-session-id");

    ctx = ngx_http_ai_variable_ctx(r);
    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_ai_auth_body(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->identity.session.len) {
        return ngx_http_ai_variable_fresh(v, &ctx->identity.session);
    }

    h = ngx_http_ai_header_in(r->main, &code);

    if (h == NULL) {
        h = ngx_http_ai_header_in(r->main, &session);
    }

    if (h) {
        return ngx_http_ai_variable_fresh(v, &h->value);
    }

    s = ngx_http_ai_str(ctx->peek.cache_key.len ? &ctx->peek.cache_key
                                                : &ctx->peek.user);

    return ngx_http_ai_variable_fresh(v, &s);
}


/*
 * Who asks may be wanted before a body is there, and where no ai_pass is: in
 * the key of limit_req_zone, say.
 */

static ngx_http_ai_ctx_t *
ngx_http_ai_variable_caller(ngx_http_request_t *r)
{
    r = r->main;

    return ngx_http_ai_auth_is_on(&ngx_http_ai_loc_conf(r)->auth)
           ? ngx_http_ai_ctx_early(r) : ngx_http_ai_ctx(r);
}


static ngx_int_t
ngx_http_ai_variable_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                s;
    ngx_http_ai_ctx_t       *ctx;
    ngx_http_ai_identity_t  *id;

    ctx = ngx_http_ai_variable_caller(r);
    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_ai_auth_body(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    id = &ctx->identity;
    ngx_str_null(&s);

    switch ((ngx_http_ai_who_e) data) {

    case AI_V_KEY_ID:
        s = id->key;
        break;

    case AI_V_TEAM:
        s = id->team;
        break;

    case AI_V_PROJECT:
        s = id->project;
        break;

    case AI_V_CUSTOMER:
        s = id->customer;
        break;

    case AI_V_KEY_TIER:
        s = id->tier;
        break;

    case AI_V_KEY_ROLE:
        if (id->role) {
            s = id->role->name;
        }

        break;
    }

    return ngx_http_ai_variable_fresh(v, &s);
}


/* $ai_key_NAME: an attribute of the key that is not built in */

static ngx_int_t
ngx_http_ai_variable_key(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    ngx_str_t           attr, s;
    ngx_http_ai_ctx_t  *ctx;
    const ngx_str_t    *value;

    ctx = ngx_http_ai_variable_caller(r);
    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_ai_auth_identify(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    attr.data = name->data + sizeof("ai_key_") - 1;
    attr.len = name->len - (sizeof("ai_key_") - 1);

    value = ngx_http_ai_auth_attribute(ctx, &attr);

    if (value == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    s = *value;

    return ngx_http_ai_variable_fresh(v, &s);
}


/* $ai_meta_NAME: metadata.NAME of the request */

static ngx_int_t
ngx_http_ai_variable_meta(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    u_char             *key;
    ai_raw_t            raw;
    ai_ref_t            ref;
    ai_str_t            text;
    ngx_str_t           s;
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_variable_ctx(r);

    if (ctx == NULL || ctx->peek.messages == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    key = ngx_pnalloc(r->pool, name->len);
    if (key == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(key, name->data + sizeof("ai_meta_") - 1,
                       name->len - (sizeof("ai_meta_") - 1) + 1);

    ref = ai_json_get(&ctx->doc, ctx->peek.metadata_ref, (char *) key);

    if (ref == AI_JSON_NONE) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ai_json_str(&ctx->doc, ref, &ctx->pool, &text) != AI_OK) {
        raw = ai_json_raw(&ctx->doc, ref);
        text = raw;
    }

    s = ngx_http_ai_str(&text);

    return ngx_http_ai_variable_set(v, &s);
}


/* of the worker that answers; names were checked at start */

static ngx_int_t
ngx_http_ai_variable_redis(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *var = (ngx_str_t *) data;

    ngx_str_t             name;
    ngx_http_ai_redis_t  *rd;

    static ngx_str_t      up = ngx_string("up"), down = ngx_string("down");

    name.data = var->data + sizeof("ai_redis_") - 1;
    name.len = var->len - (sizeof("ai_redis_") - 1);

    rd = ngx_http_ai_redis_get(&ngx_http_ai_main_conf(r)->redis, &name);

    if (rd == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_ai_variable_set(v, ngx_http_ai_redis_is_up(rd) ? &up
                                                                   : &down);
}


/* before a provider is asked what is known then, as for "ai_model" */

static ngx_int_t
ngx_http_ai_variable_limit(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                         s;
    ngx_http_ai_ctx_t                *ctx;
    const ngx_http_ai_limit_claim_t  *c;

    static ngx_str_t  words[] = {
        ngx_null_string, ngx_string("PASSED"), ngx_string("SOFT"),
        ngx_string("REJECTED"), ngx_string("REJECTED_DRY_RUN")
    };

    ctx = ngx_http_ai_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_ai_limit_peek(r, ctx);

    c = ctx->limit ? ctx->limit->tight : NULL;

    ngx_str_null(&s);

    switch ((ngx_http_ai_limit_var_e) data) {

    case AI_V_LIMIT_STATUS:
        if (ctx->limit) {
            s = words[ctx->limit->status];
        }

        break;

    case AI_V_LIMIT_ZONE:
        if (c) {
            s = c->zone->name;
        }

        break;

    case AI_V_LIMIT_REMAINING:
        if (c == NULL) {
            break;
        }

        if (c->unit != AI_UNIT_COST) {
            return ngx_http_ai_variable_int(r, v, ngx_http_ai_limit_left(c));
        }

        s.data = ngx_pnalloc(r->pool, NGX_HTTP_AI_PRICE_LEN);
        if (s.data == NULL) {
            return NGX_ERROR;
        }

        s.len = ngx_http_ai_price_print(s.data, ngx_http_ai_limit_left(c))
                - s.data;
        break;
    }

    return ngx_http_ai_variable_set(v, &s);
}
