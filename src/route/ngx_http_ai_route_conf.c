
/*
 * ai_route { ... } and ai_require: reading and checking them.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_WEIGHT_MAX   1000000


typedef struct {
    ngx_str_t    name;
    ngx_uint_t   bit;
} ngx_http_ai_next_word_t;


static char *ngx_http_ai_route_target(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_route_target_param(ngx_conf_t *cf,
    ngx_http_ai_target_t *target, ngx_str_t *param);
static ngx_int_t ngx_http_ai_route_param(ngx_str_t *param, const char *name,
    ngx_str_t *text);
static char *ngx_http_ai_route_tokens(ngx_conf_t *cf, ngx_str_t *param,
    ngx_str_t *text, int64_t *np);
static char *ngx_http_ai_route_method(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_route_hash(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_route_balance(ngx_conf_t *cf,
    ngx_http_ai_route_t *route, ngx_str_t *name,
    ngx_http_ai_balance_e balance);
static char *ngx_http_ai_route_next_upstream(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);

static ngx_int_t ngx_http_ai_route_finish(ngx_conf_t *cf,
    ngx_http_ai_route_t *route);
static ngx_http_ai_route_t *ngx_http_ai_route_find(
    const ngx_http_ai_route_main_conf_t *conf, ngx_str_t *name);
static ngx_int_t ngx_http_ai_route_link(ngx_conf_t *cf,
    ngx_http_ai_target_t *target,
    const ngx_http_ai_provider_main_conf_t *providers);
static ngx_int_t ngx_http_ai_route_check_model(ngx_conf_t *cf,
    ngx_http_ai_target_t *target);
static ngx_int_t ngx_http_ai_route_implicit(ngx_conf_t *cf,
    ngx_http_ai_route_main_conf_t *conf, ngx_http_ai_provider_t *provider);
static ngx_int_t ngx_http_ai_route_slots(ngx_conf_t *cf,
    ngx_http_ai_route_t *route);


static const ngx_http_ai_block_t  ngx_http_ai_route_lines[] = {

    { ngx_string("target"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_route_target, 0 },
    { ngx_string("priority"), 0, 0, ngx_http_ai_route_method, 0 },
    { ngx_string("least_conn"), 0, 0, ngx_http_ai_route_method, 0 },
    { ngx_string("hash"), 1, 2, ngx_http_ai_route_hash, 0 },
    { ngx_string("next_upstream"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_route_next_upstream, 0 },
    { ngx_string("next_upstream_tries"), 1, 1, ngx_http_ai_block_num,
      offsetof(ngx_http_ai_route_t, next_upstream_tries) },
    { ngx_string("next_upstream_timeout"), 1, 1, ngx_http_ai_block_msec,
      offsetof(ngx_http_ai_route_t, next_upstream_timeout) },

    { ngx_null_string, 0, 0, NULL, 0 }
};


/* by ngx_http_ai_balance_e */

static const char  *ngx_http_ai_route_methods[] = {
    NULL, "priority", "least_conn", "hash"
};


static ngx_http_ai_next_word_t  ngx_http_ai_next_words[] = {
    { ngx_string("error"), NGX_HTTP_AI_NEXT_ERROR },
    { ngx_string("timeout"), NGX_HTTP_AI_NEXT_TIMEOUT },
    { ngx_string("first_token_timeout"), NGX_HTTP_AI_NEXT_FIRST_TOKEN },
    { ngx_string("invalid_response"), NGX_HTTP_AI_NEXT_INVALID },
    { ngx_string("http_403"), NGX_HTTP_AI_NEXT_HTTP_403 },
    { ngx_string("http_404"), NGX_HTTP_AI_NEXT_HTTP_404 },
    { ngx_string("http_408"), NGX_HTTP_AI_NEXT_HTTP_408 },
    { ngx_string("http_429"), NGX_HTTP_AI_NEXT_HTTP_429 },
    { ngx_string("http_500"), NGX_HTTP_AI_NEXT_HTTP_500 },
    { ngx_string("http_502"), NGX_HTTP_AI_NEXT_HTTP_502 },
    { ngx_string("http_503"), NGX_HTTP_AI_NEXT_HTTP_503 },
    { ngx_string("http_504"), NGX_HTTP_AI_NEXT_HTTP_504 },
    { ngx_string("http_529"), NGX_HTTP_AI_NEXT_HTTP_529 },
    { ngx_string("http_5xx"), NGX_HTTP_AI_NEXT_HTTP_5XX },
    { ngx_string("context_length"), NGX_HTTP_AI_NEXT_CONTEXT },
    { ngx_string("content_filter"), NGX_HTTP_AI_NEXT_FILTER },
    { ngx_string("auth"), NGX_HTTP_AI_NEXT_AUTH },
    { ngx_string("quota"), NGX_HTTP_AI_NEXT_QUOTA },
    { ngx_string("non_idempotent"), NGX_HTTP_AI_NEXT_NON_IDEMPOTENT },
    { ngx_string("off"), NGX_HTTP_AI_NEXT_OFF }
};

#define NGX_HTTP_AI_NEXT_WORDS                                                \
    (sizeof(ngx_http_ai_next_words) / sizeof(ngx_http_ai_next_word_t))


ngx_int_t
ngx_http_ai_route_create(ngx_conf_t *cf, ngx_http_ai_route_main_conf_t *conf)
{
    return ngx_array_init(&conf->routes, cf->pool, 4,
                          sizeof(ngx_http_ai_route_t *));
}


char *
ngx_http_ai_route(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                           *rv;
    ngx_str_t                      *value;
    ngx_http_ai_route_t            *route, **rp;
    ngx_http_ai_main_conf_t        *amcf;
    ngx_http_ai_route_main_conf_t  *rmcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    rmcf = &amcf->route;

    value = cf->args->elts;

    if (!ngx_http_ai_is_name(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of ai_route, it may have "
                           "letters, digits, \"_\", \"-\" and \".\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_route_find(rmcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate ai_route \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    route = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_route_t));
    if (route == NULL) {
        return NGX_CONF_ERROR;
    }

    route->name = value[1];
    route->next_upstream_tries = NGX_CONF_UNSET_UINT;
    route->next_upstream_timeout = NGX_CONF_UNSET_MSEC;
    ngx_http_ai_place(cf, &route->place);

    if (ngx_array_init(&route->targets, cf->pool, 4,
                       sizeof(ngx_http_ai_target_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_ai_block(cf, ngx_http_ai_route_lines, route);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_http_ai_route_finish(cf, route) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rp = ngx_array_push(&rmcf->routes);
    if (rp == NULL) {
        return NGX_CONF_ERROR;
    }

    *rp = route;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_route_target(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_route_t  *route = object;

    char                  *rv;
    ngx_uint_t             i;
    ngx_http_ai_target_t  *target;

    target = ngx_array_push(&route->targets);
    if (target == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(target, sizeof(ngx_http_ai_target_t));

    target->provider_name = value[1];
    target->min_prompt = -1;
    target->max_prompt = -1;
    ngx_http_ai_place(cf, &target->place);

    for (i = 2; i < n; i++) {
        rv = ngx_http_ai_route_target_param(cf, target, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (target->min_prompt != -1 && target->max_prompt != -1
        && target->min_prompt > target->max_prompt)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"min_prompt\" of target \"%V\" is above its "
                           "\"max_prompt\"", &target->provider_name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_route_target_param(ngx_conf_t *cf, ngx_http_ai_target_t *target,
    ngx_str_t *param)
{
    u_char     *eq;
    ngx_str_t   text, name, hint, *names[7];
    ngx_uint_t  i;

    static ngx_str_t  words[] = {
        ngx_string("model"), ngx_string("weight"), ngx_string("backup"),
        ngx_string("down"), ngx_string("max_prompt"),
        ngx_string("min_prompt"), ngx_string("if")
    };

    if (param->len == 6 && ngx_strncmp(param->data, "backup", 6) == 0) {

        if (target->backup) {
            goto duplicate;
        }

        target->backup = 1;
        return NGX_CONF_OK;
    }

    if (param->len == 4 && ngx_strncmp(param->data, "down", 4) == 0) {

        if (target->down) {
            goto duplicate;
        }

        target->down = 1;
        return NGX_CONF_OK;
    }

    if (ngx_http_ai_route_param(param, "model=", &text)) {

        if (target->model) {
            goto duplicate;
        }

        if (text.len == 0 || ngx_http_ai_has_ctl(&text)) {
            goto invalid;
        }

        return ngx_http_ai_compile(cf, &text, &target->model) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_ai_route_param(param, "weight=", &text)) {

        if (target->weight) {
            goto duplicate;
        }

        target->weight = ngx_atoi(text.data, text.len);

        if (target->weight < 1 || target->weight > NGX_HTTP_AI_WEIGHT_MAX) {
            goto invalid;
        }

        return NGX_CONF_OK;
    }

    if (ngx_http_ai_route_param(param, "max_prompt=", &text)) {
        return ngx_http_ai_route_tokens(cf, param, &text, &target->max_prompt);
    }

    if (ngx_http_ai_route_param(param, "min_prompt=", &text)) {
        return ngx_http_ai_route_tokens(cf, param, &text, &target->min_prompt);
    }

    if (ngx_http_ai_route_param(param, "if=", &text)) {

        if (target->condition) {
            goto duplicate;
        }

        if (ngx_http_script_variables_count(&text) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "no variable in parameter \"%V\" of \"target\"",
                               param);
            return NGX_CONF_ERROR;
        }

        return ngx_http_ai_compile(cf, &text, &target->condition) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    name = *param;
    eq = ngx_strlchr(name.data, name.data + name.len, '=');

    if (eq) {
        name.len = eq - name.data;
    }

    for (i = 0; i < 7; i++) {
        names[i] = &words[i];
    }

    hint = ngx_http_ai_hint(cf, &name, names, 7);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of \"target\"%V",
                       param, &hint);

    return NGX_CONF_ERROR;

duplicate:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "duplicate parameter \"%V\" of \"target\"", param);

    return NGX_CONF_ERROR;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"target\"", param);

    return NGX_CONF_ERROR;
}


/* what follows "name=" */

static ngx_int_t
ngx_http_ai_route_param(ngx_str_t *param, const char *name, ngx_str_t *text)
{
    size_t  len;

    len = ngx_strlen(name);

    if (param->len < len || ngx_strncmp(param->data, name, len) != 0) {
        return 0;
    }

    text->data = param->data + len;
    text->len = param->len - len;

    return 1;
}


static char *
ngx_http_ai_route_tokens(ngx_conf_t *cf, ngx_str_t *param, ngx_str_t *text,
    int64_t *np)
{
    if (*np != -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" of \"target\"", param);
        return NGX_CONF_ERROR;
    }

    *np = ngx_http_ai_number(text);

    if (*np <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number in \"%V\", tokens are counted in "
                           "plain numbers such as 128000", param);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_route_method(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    return ngx_http_ai_route_balance(cf, object, &value[0],
                                     value[0].data[0] == 'p'
                                         ? NGX_HTTP_AI_BALANCE_PRIORITY
                                         : NGX_HTTP_AI_BALANCE_LEAST_CONN);
}


static char *
ngx_http_ai_route_hash(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_route_t  *route = object;

    char  *rv;

    rv = ngx_http_ai_route_balance(cf, route, &value[0],
                                   NGX_HTTP_AI_BALANCE_HASH);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (n == 3) {
        if (ngx_strcmp(value[2].data, "consistent") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown parameter \"%V\" of \"hash\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        route->consistent = 1;
    }

    if (ngx_http_script_variables_count(&value[1]) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no variable in the key \"%V\" of \"hash\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_ai_compile(cf, &value[1], &route->hash) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_ai_route_balance(ngx_conf_t *cf, ngx_http_ai_route_t *route,
    ngx_str_t *name, ngx_http_ai_balance_e balance)
{
    if (route->balance == balance) {
        return "is duplicate";
    }

    if (route->balance != NGX_HTTP_AI_BALANCE_RR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" conflicts with \"%s\"",
                           name, ngx_http_ai_route_methods[route->balance]);
        return NGX_CONF_ERROR;
    }

    route->balance = balance;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_route_next_upstream(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_ai_route_t  *route = object;

    if (route->next_upstream) {
        return "is duplicate";
    }

    return ngx_http_ai_next_upstream_words(cf, &value[1], n - 1,
                                           &route->next_upstream);
}


char *
ngx_http_ai_next_upstream_words(ngx_conf_t *cf, ngx_str_t *words,
    ngx_uint_t n, ngx_uint_t *mask)
{
    ngx_str_t   *args, hint, *names[NGX_HTTP_AI_NEXT_WORDS];
    ngx_uint_t   i, k;

    args = cf->args->elts;

    for (i = 0; i < n; i++) {

        for (k = 0; k < NGX_HTTP_AI_NEXT_WORDS; k++) {

            names[k] = &ngx_http_ai_next_words[k].name;

            if (names[k]->len == words[i].len
                && ngx_strcasecmp(names[k]->data, words[i].data) == 0)
            {
                break;
            }
        }

        if (k == NGX_HTTP_AI_NEXT_WORDS) {
            hint = ngx_http_ai_hint(cf, &words[i], names, k);

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\"%V",
                               &words[i], &args[0], &hint);
            return NGX_CONF_ERROR;
        }

        if (*mask & ngx_http_ai_next_words[k].bit) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "duplicate value \"%V\" in \"%V\"",
                               &words[i], &args[0]);
        }

        *mask |= ngx_http_ai_next_words[k].bit;
    }

    if ((*mask & NGX_HTTP_AI_NEXT_OFF) && *mask != NGX_HTTP_AI_NEXT_OFF) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"off\" conflicts with other values in \"%V\"",
                           &args[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the block was read */

static ngx_int_t
ngx_http_ai_route_finish(ngx_conf_t *cf, ngx_http_ai_route_t *route)
{
    ngx_uint_t             i, primaries;
    ngx_http_ai_target_t  *target;

    if (route->targets.nelts == 0) {
        ngx_http_ai_conf_error(cf, &route->place,
                               "no \"target\" in ai_route \"%V\"",
                               &route->name);
        return NGX_ERROR;
    }

    primaries = 0;
    target = route->targets.elts;

    for (i = 0; i < route->targets.nelts; i++) {

        if (!target[i].backup && !target[i].down) {
            primaries++;
        }

        if (target[i].weight
            && (target[i].backup
                || route->balance == NGX_HTTP_AI_BALANCE_PRIORITY))
        {
            ngx_http_ai_conf_error(cf, &target[i].place,
                                   "\"weight\" of target \"%V\" cannot take "
                                   "effect with \"%s\"",
                                   &target[i].provider_name,
                                   target[i].backup ? "backup" : "priority");
            return NGX_ERROR;
        }

        if (target[i].weight == 0) {
            target[i].weight = 1;
        }
    }

    if (primaries == 0) {
        ngx_http_ai_conf_error(cf, &route->place,
                               "all targets of ai_route \"%V\" are "
                               "\"backup\" or \"down\"", &route->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_http_ai_route_t *
ngx_http_ai_route_find(const ngx_http_ai_route_main_conf_t *conf,
    ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_http_ai_route_t  **route;

    route = conf->routes.elts;

    for (i = 0; i < conf->routes.nelts; i++) {
        if (route[i]->name.len == name->len
            && ngx_memcmp(route[i]->name.data, name->data, name->len) == 0)
        {
            return route[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_ai_route_sized(const ngx_http_ai_route_main_conf_t *conf)
{
    ngx_uint_t             i;
    ngx_http_ai_route_t  **route;

    route = conf->routes.elts;

    for (i = 0; i < conf->routes.nelts; i++) {
        if (route[i]->sized) {
            return 1;
        }
    }

    return 0;
}


/* explicit ones come first, and no implicit one has the name of one */

ngx_http_ai_route_t *
ngx_http_ai_route_get(const ngx_http_ai_route_main_conf_t *conf,
    ngx_str_t *name)
{
    return ngx_http_ai_route_find(conf, name);
}


ngx_int_t
ngx_http_ai_route_init(ngx_conf_t *cf, ngx_http_ai_route_main_conf_t *conf,
    const ngx_http_ai_provider_main_conf_t *providers)
{
    ngx_uint_t                i, k;
    ngx_http_ai_route_t     **route;
    ngx_http_ai_target_t     *target;
    ngx_http_ai_provider_t  **provider;

    route = conf->routes.elts;

    for (i = 0; i < conf->routes.nelts; i++) {
        target = route[i]->targets.elts;

        for (k = 0; k < route[i]->targets.nelts; k++) {
            if (ngx_http_ai_route_link(cf, &target[k], providers) != NGX_OK) {
                return NGX_ERROR;
            }

            if (target[k].min_prompt != -1 || target[k].max_prompt != -1) {
                route[i]->sized = 1;
            }
        }
    }

    provider = providers->providers.elts;

    for (i = 0; i < providers->providers.nelts; i++) {

        if (ngx_http_ai_route_find(conf, &provider[i]->name)) {
            continue;
        }

        if (ngx_http_ai_route_implicit(cf, conf, provider[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    route = conf->routes.elts;

    for (i = 0; i < conf->routes.nelts; i++) {
        if (ngx_http_ai_route_slots(cf, route[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_route_link(ngx_conf_t *cf, ngx_http_ai_target_t *target,
    const ngx_http_ai_provider_main_conf_t *providers)
{
    ngx_str_t                 hint, **names;
    ngx_uint_t                i, n;
    ngx_http_ai_provider_t  **provider;

    target->provider = ngx_http_ai_provider_get(providers,
                                                &target->provider_name);
    if (target->provider) {
        return ngx_http_ai_route_check_model(cf, target);
    }

    n = providers->providers.nelts;
    provider = providers->providers.elts;

    names = ngx_palloc(cf->pool, (n + 1) * sizeof(ngx_str_t *));
    if (names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        names[i] = &provider[i]->name;
    }

    hint = ngx_http_ai_hint(cf, &target->provider_name, names, n);

    ngx_http_ai_conf_error(cf, &target->place, "unknown ai_provider \"%V\"%V",
                           &target->provider_name, &hint);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_ai_route_check_model(ngx_conf_t *cf, ngx_http_ai_target_t *target)
{
    ngx_str_t              hint, **names;
    ngx_uint_t             i, n;
    ngx_http_ai_model_t   *model;

    if (target->model == NULL || target->model->lengths
        || ngx_http_ai_provider_model(target->provider, &target->model->value))
    {
        return NGX_OK;
    }

    n = target->provider->models.nelts;
    model = target->provider->models.elts;

    names = ngx_palloc(cf->pool, n * sizeof(ngx_str_t *));
    if (names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        names[i] = &model[i].name;
    }

    hint = ngx_http_ai_hint(cf, &target->model->value, names, n);

    ngx_http_ai_conf_error(cf, &target->place,
                           "ai_provider \"%V\" does not offer the model "
                           "\"%V\"%V", &target->provider_name,
                           &target->model->value, &hint);

    return NGX_ERROR;
}


/* what ai_pass of a provider's name means */

static ngx_int_t
ngx_http_ai_route_implicit(ngx_conf_t *cf,
    ngx_http_ai_route_main_conf_t *conf, ngx_http_ai_provider_t *provider)
{
    ngx_http_ai_route_t   *route, **rp;
    ngx_http_ai_target_t  *target;

    route = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_route_t));
    if (route == NULL) {
        return NGX_ERROR;
    }

    if (ngx_array_init(&route->targets, cf->pool, 1,
                       sizeof(ngx_http_ai_target_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    target = ngx_array_push(&route->targets);
    if (target == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(target, sizeof(ngx_http_ai_target_t));

    target->provider = provider;
    target->provider_name = provider->name;
    target->place = provider->place;
    target->weight = 1;
    target->min_prompt = -1;
    target->max_prompt = -1;

    route->name = provider->name;
    route->place = provider->place;
    route->implicit = 1;
    route->next_upstream_tries = NGX_CONF_UNSET_UINT;
    route->next_upstream_timeout = NGX_CONF_UNSET_MSEC;

    rp = ngx_array_push(&conf->routes);
    if (rp == NULL) {
        return NGX_ERROR;
    }

    *rp = route;

    return NGX_OK;
}


/*
 * The key of a slot does not depend on the order of targets: the number at
 * its end only tells equal ones apart.
 */

static ngx_int_t
ngx_http_ai_route_slots(ngx_conf_t *cf, ngx_http_ai_route_t *route)
{
    size_t                    len;
    ngx_str_t                 key, model;
    ngx_uint_t                i, k, same;
    ngx_http_ai_target_t     *target;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    target = route->targets.elts;

    for (i = 0; i < route->targets.nelts; i++) {

        ngx_str_null(&model);

        if (target[i].model) {
            model = target[i].model->value;
        }

        len = route->name.len + target[i].provider_name.len + model.len
              + sizeof("///") - 1 + NGX_INT_T_LEN;

        key.data = ngx_pnalloc(cf->pool, len);
        if (key.data == NULL) {
            return NGX_ERROR;
        }

        same = 0;

        for (k = 0; k < i; k++) {
            if (target[k].provider == target[i].provider
                && (target[k].model ? target[k].model->value.len : 0)
                   == model.len
                && (model.len == 0
                    || ngx_memcmp(target[k].model->value.data, model.data,
                                  model.len)
                       == 0))
            {
                same++;
            }
        }

        key.len = ngx_sprintf(key.data, "%V/%V/%V/%ui", &route->name,
                              &target[i].provider_name, &model, same)
                  - key.data;

        target[i].id = ai_pick_hash(key.data, key.len, 0);

        if (ngx_http_ai_zone_want(&amcf->zone, &key, &target[i].slot)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the zone gave every target its slot, or refused the configuration */

ngx_int_t
ngx_http_ai_route_init_module(ngx_cycle_t *cycle,
    ngx_http_ai_route_main_conf_t *conf, ngx_shm_zone_t *zone)
{
    ngx_uint_t             i, k;
    ngx_http_ai_route_t  **route;
    ngx_http_ai_target_t  *target;

    route = conf->routes.elts;

    for (i = 0; i < conf->routes.nelts; i++) {
        target = route[i]->targets.elts;

        for (k = 0; k < route[i]->targets.nelts; k++) {
            if (target[k].slot == NULL) {
                ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                              "ai: target \"%V\" of ai_route \"%V\" has no "
                              "slot in zone \"%V\"", &target[k].provider_name,
                              &route[i]->name, &zone->shm.name);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


char *
ngx_http_ai_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                         *value, tag;
    ngx_http_ai_require_e              what;
    ngx_http_ai_require_t             *require;
    ngx_http_ai_loc_conf_t            *alcf;
    ngx_http_ai_route_loc_conf_t      *rlcf;
    ngx_http_compile_complex_value_t   ccv;

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_ai_gateway_module);
    rlcf = &alcf->route;

    value = cf->args->elts;
    ngx_str_null(&tag);

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" "
                               "directive", &value[0]);
            return NGX_CONF_ERROR;
        }

        if (rlcf->require != NGX_CONF_UNSET_PTR) {
            return rlcf->require
                   ? "conflicts with \"ai_require off\" of this level"
                   : "is duplicate";
        }

        rlcf->require = NULL;

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "region") == 0) {
        what = NGX_HTTP_AI_REQUIRE_REGION;

    } else if (ngx_strcmp(value[1].data, "provider") == 0) {
        what = NGX_HTTP_AI_REQUIRE_PROVIDER;

    } else if (ngx_strncmp(value[1].data, "tag:", 4) == 0) {
        what = NGX_HTTP_AI_REQUIRE_TAG;

        tag.data = value[1].data + 4;
        tag.len = value[1].len - 4;

        if (!ngx_http_ai_is_name(&tag)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid tag in \"%V\" of \"%V\"",
                               &value[1], &value[0]);
            return NGX_CONF_ERROR;
        }

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of \"%V\", it must be "
                           "\"region\", \"provider\" or \"tag:KEY\"",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    if (rlcf->require == NULL) {
        return "conflicts with \"ai_require off\" of this level";
    }

    if (rlcf->require == NGX_CONF_UNSET_PTR) {
        rlcf->require = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_ai_require_t));
        if (rlcf->require == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    require = ngx_array_push(rlcf->require);
    if (require == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(require, sizeof(ngx_http_ai_require_t));

    require->what = what;
    require->tag = tag;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[2];
    ccv.complex_value = &require->value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_ai_route_merge(ngx_conf_t *cf, ngx_http_ai_route_loc_conf_t *prev,
    ngx_http_ai_route_loc_conf_t *conf)
{
    ngx_conf_merge_ptr_value(conf->require, prev->require, NULL);

    return NGX_CONF_OK;
}
