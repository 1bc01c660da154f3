
/*
 * ai_limit: what stands in a line.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_LIMIT_ZONEINFO  "/usr/share/zoneinfo/"
#define NGX_HTTP_AI_LIMIT_TZ_MAX    (256 * 1024)


/* a parameter behind its "=" */
typedef ngx_int_t (*ngx_http_ai_limit_set_pt)(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param, ngx_str_t *value);


static ngx_int_t ngx_http_ai_limit_param(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param);
static ngx_int_t ngx_http_ai_limit_unknown(ngx_conf_t *cf, ngx_str_t *param,
    ngx_str_t *name);
static ngx_int_t ngx_http_ai_limit_unit(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ai_unit_e unit, ngx_str_t *param,
    ngx_str_t *value);
static ngx_int_t ngx_http_ai_limit_invalid(ngx_conf_t *cf, ngx_str_t *param);
static ngx_int_t ngx_http_ai_limit_set_zone(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param, ngx_str_t *value);
static ngx_int_t ngx_http_ai_limit_set_soft(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param, ngx_str_t *value);
static ngx_int_t ngx_http_ai_limit_set_burst(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param, ngx_str_t *value);
static ngx_int_t ngx_http_ai_limit_set_reserve(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param, ngx_str_t *value);
static ngx_int_t ngx_http_ai_limit_set_exceed(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param, ngx_str_t *value);
static ngx_int_t ngx_http_ai_limit_set_message(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param, ngx_str_t *value);
static ngx_int_t ngx_http_ai_limit_set_tz(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule, ngx_str_t *param, ngx_str_t *value);
static ngx_int_t ngx_http_ai_limit_check(ngx_conf_t *cf,
    ngx_http_ai_limit_rule_t *rule);
static char *ngx_http_ai_limit_resolve(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf, ngx_http_ai_limit_rule_t *rule);


static struct {
    ngx_str_t                 name;
    ngx_http_ai_limit_set_pt  set;
} ngx_http_ai_limit_params[] = {
    { ngx_string("zone"), ngx_http_ai_limit_set_zone },
    { ngx_string("soft"), ngx_http_ai_limit_set_soft },
    { ngx_string("burst"), ngx_http_ai_limit_set_burst },
    { ngx_string("reserve"), ngx_http_ai_limit_set_reserve },
    { ngx_string("on_exceed"), ngx_http_ai_limit_set_exceed },
    { ngx_string("message"), ngx_http_ai_limit_set_message },
    { ngx_string("tz"), ngx_http_ai_limit_set_tz }
};

#define NGX_HTTP_AI_LIMIT_PARAMS                                              \
    (sizeof(ngx_http_ai_limit_params) / sizeof(ngx_http_ai_limit_params[0]))


char *
ngx_http_ai_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_ai_limit_rule_t  *rule;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && value[1].len == 3
        && ngx_strncmp(value[1].data, "off", 3) == 0)
    {
        if (alcf->limit.rules != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        alcf->limit.rules = NULL;
        return NGX_CONF_OK;
    }

    if (alcf->limit.rules == NULL) {
        return "is duplicate";
    }

    if (alcf->limit.rules == NGX_CONF_UNSET_PTR) {
        alcf->limit.rules = ngx_array_create(cf->pool, 2,
                                             sizeof(ngx_http_ai_limit_rule_t));
        if (alcf->limit.rules == NULL) {
            alcf->limit.rules = NGX_CONF_UNSET_PTR;
            return NGX_CONF_ERROR;
        }
    }

    rule = ngx_array_push(alcf->limit.rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_http_ai_limit_rule_t));

    rule->reserve = -1;
    ngx_http_ai_place(cf, &rule->place);

    if (ngx_array_init(&rule->units, cf->pool, 2,
                       sizeof(ngx_http_ai_limit_unit_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_ai_limit_param(cf, rule, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_ai_limit_check(cf, rule) == NGX_OK ? NGX_CONF_OK
                                                       : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_ai_limit_param(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ngx_str_t *param)
{
    u_char      *p;
    ai_str_t     unit_name;
    ai_unit_e    unit;
    ngx_str_t    name, value;
    ngx_uint_t   i;

    p = (u_char *) ngx_strchr(param->data, '=');

    name.data = param->data;
    name.len = p ? (size_t) (p - param->data) : param->len;

    value.data = param->data + name.len + 1;
    value.len = p ? param->len - name.len - 1 : 0;

    unit_name = ai_str(&name);

    if (ai_unit_by_name(&unit_name, &unit) == AI_OK) {
        return value.len ? ngx_http_ai_limit_unit(cf, rule, unit, param,
                                                  &value)
                         : ngx_http_ai_limit_invalid(cf, param);
    }

    for (i = 0; i < NGX_HTTP_AI_LIMIT_PARAMS; i++) {
        if (ngx_http_ai_limit_params[i].name.len == name.len
            && ngx_memcmp(ngx_http_ai_limit_params[i].name.data, name.data,
                          name.len) == 0)
        {
            return value.len ? ngx_http_ai_limit_params[i].set(cf, rule,
                                                               param, &value)
                             : ngx_http_ai_limit_invalid(cf, param);
        }
    }

    return ngx_http_ai_limit_unknown(cf, param, &name);
}


static ngx_int_t
ngx_http_ai_limit_unknown(ngx_conf_t *cf, ngx_str_t *param, ngx_str_t *name)
{
    ngx_str_t    hint, units[AI_UNIT_MAX];
    ngx_str_t   *names[AI_UNIT_MAX + NGX_HTTP_AI_LIMIT_PARAMS];
    ngx_uint_t   i;

    for (i = 0; i < AI_UNIT_MAX; i++) {
        units[i] = ngx_http_ai_str(ai_unit_name(i));
        names[i] = &units[i];
    }

    for (i = 0; i < NGX_HTTP_AI_LIMIT_PARAMS; i++) {
        names[AI_UNIT_MAX + i] = &ngx_http_ai_limit_params[i].name;
    }

    hint = ngx_http_ai_hint(cf, name, names,
                            AI_UNIT_MAX + NGX_HTTP_AI_LIMIT_PARAMS);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of \"ai_limit\"%V", param,
                       &hint);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_ai_limit_invalid(ngx_conf_t *cf, ngx_str_t *param)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"ai_limit\"", param);
    return NGX_ERROR;
}


/* "100/m", "$variable/month", "20" of concurrency */

static ngx_int_t
ngx_http_ai_limit_unit(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ai_unit_e unit, ngx_str_t *param, ngx_str_t *value)
{
    u_char                    *p;
    ai_str_t                   amount, period;
    ngx_str_t                  s;
    ngx_http_ai_limit_unit_t  *u;

    u = ngx_array_push(&rule->units);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(u, sizeof(ngx_http_ai_limit_unit_t));

    u->unit = unit;
    amount = ai_str(value);

    if (unit != AI_UNIT_CONCURRENCY) {

        for (p = value->data + value->len; p > value->data; p--) {
            if (p[-1] == '/') {
                break;
            }
        }

        period.data = p;
        period.len = value->data + value->len - p;

        if (p <= value->data + 1
            || ai_period_parse(&period, &u->period) != AI_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid period in \"%V\", it is \"/s\", "
                               "\"/m\", \"/h\", \"/d\", \"/w\", \"/month\" "
                               "or a time as in \"/10s\"", param);
            return NGX_ERROR;
        }

        amount.len = p - 1 - value->data;
    }

    if (memchr(amount.data, '$', amount.len)) {
        s = ngx_http_ai_str(&amount);
        return ngx_http_ai_compile(cf, &s, &u->value);
    }

    if (ai_amount_parse(&amount, unit, &u->amount) != AI_OK
        || u->amount == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number in \"%V\", it is %s", param,
                           unit == AI_UNIT_COST
                           ? "USD, above 0 and at most 9000000"
                           : "a plain number above 0, without a suffix");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_limit_set_zone(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ngx_str_t *param, ngx_str_t *value)
{
    if (rule->name.len) {
        return ngx_http_ai_limit_invalid(cf, param);
    }

    rule->name = *value;

    return NGX_OK;
}


/* "80%", "0.8" */

static ngx_int_t
ngx_http_ai_limit_set_soft(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ngx_str_t *param, ngx_str_t *value)
{
    size_t     len;
    ngx_int_t  n;

    len = value->len;

    if (value->data[len - 1] == '%') {
        n = ngx_atofp(value->data, len - 1, 1);
    } else {
        n = ngx_atofp(value->data, len, 3);
    }

    if (n <= 0 || n > 1000) {
        return ngx_http_ai_limit_invalid(cf, param);
    }

    rule->soft = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_limit_set_burst(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ngx_str_t *param, ngx_str_t *value)
{
    rule->burst = ngx_http_ai_number(value);

    return rule->burst > 0 ? NGX_OK : ngx_http_ai_limit_invalid(cf, param);
}


static ngx_int_t
ngx_http_ai_limit_set_reserve(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ngx_str_t *param, ngx_str_t *value)
{
    if (value->len == 4 && ngx_strncmp(value->data, "full", 4) == 0) {
        rule->reserve = -1;
        return NGX_OK;
    }

    rule->reserve = ngx_http_ai_number(value);

    return rule->reserve > 0 ? NGX_OK : ngx_http_ai_limit_invalid(cf, param);
}


static ngx_int_t
ngx_http_ai_limit_set_exceed(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ngx_str_t *param, ngx_str_t *value)
{
    if (value->len == 6 && ngx_strncmp(value->data, "reject", 6) == 0) {
        rule->exceed = NGX_HTTP_AI_LIMIT_REJECT;

    } else if (value->len == 4 && ngx_strncmp(value->data, "next", 4) == 0) {
        rule->exceed = NGX_HTTP_AI_LIMIT_NEXT;

    } else if (value->len == 3 && ngx_strncmp(value->data, "log", 3) == 0) {
        rule->exceed = NGX_HTTP_AI_LIMIT_LOG;

    } else if (value->len > 6 && ngx_strncmp(value->data, "route:", 6) == 0) {
        rule->exceed = NGX_HTTP_AI_LIMIT_ROUTE;
        rule->route_name.data = value->data + 6;
        rule->route_name.len = value->len - 6;

    } else {
        return ngx_http_ai_limit_invalid(cf, param);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_limit_set_message(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ngx_str_t *param, ngx_str_t *value)
{
    if (value->data[0] == '"' || value->data[0] == '\'') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "quotes are around all of a parameter, as in "
                           "\"message=No more for $ai_team\"");
        return NGX_ERROR;
    }

    return ngx_http_ai_compile(cf, value, &rule->message);
}


static ngx_int_t
ngx_http_ai_limit_set_tz(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule,
    ngx_str_t *param, ngx_str_t *value)
{
    u_char      *p;
    ai_str_t     data;
    ai_pool_t    pool;
    ngx_str_t    name, text;
    ngx_uint_t   i;

    for (i = 0; i < value->len; i++) {
        p = &value->data[i];

        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
              || (*p >= '0' && *p <= '9') || *p == '_' || *p == '+'
              || *p == '-' || (*p == '/' && i)))
        {
            return ngx_http_ai_limit_invalid(cf, param);
        }
    }

    if (value->len == 3 && ngx_strncmp(value->data, "UTC", 3) == 0) {
        return NGX_OK;
    }

    name.len = sizeof(NGX_HTTP_AI_LIMIT_ZONEINFO) - 1 + value->len;
    name.data = ngx_pnalloc(cf->pool, name.len + 1);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(name.data, NGX_HTTP_AI_LIMIT_ZONEINFO "%V%Z", value);

    if (ngx_http_ai_conf_file(cf, &name, NGX_HTTP_AI_LIMIT_TZ_MAX, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_ai_pool(&pool, cf->pool);
    data = ai_str(&text);

    rule->tz = ai_tz_read(&data, &pool);

    if (rule->tz == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no time zone", &name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_limit_check(ngx_conf_t *cf, ngx_http_ai_limit_rule_t *rule)
{
    ngx_uint_t                 i, requests, calendar;
    ngx_http_ai_limit_unit_t  *u;

    if (rule->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ai_limit\" must have a \"zone\" parameter");
        return NGX_ERROR;
    }

    if (rule->units.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ai_limit\" limits nothing: it wants "
                           "\"requests=\", \"tokens=\", \"input_tokens=\", "
                           "\"output_tokens=\", \"cost=\" or "
                           "\"concurrency=\"");
        return NGX_ERROR;
    }

    requests = 0;
    calendar = 0;
    u = rule->units.elts;

    for (i = 0; i < rule->units.nelts; i++) {
        u[i].tz = rule->tz;

        requests |= (u[i].unit == AI_UNIT_REQUESTS && u[i].period > 0);
        calendar |= (u[i].period < 0);
    }

    if (rule->burst && !requests) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"burst\" of \"ai_limit\" is for \"requests=\" "
                           "in /s, /m, /h or a time");
        return NGX_ERROR;
    }

    if (rule->tz && !calendar) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tz\" of \"ai_limit\" is for limits in /d, /w "
                           "or /month");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_ai_limit_create(ngx_http_ai_limit_loc_conf_t *conf)
{
    conf->rules = NGX_CONF_UNSET_PTR;
    conf->status = NGX_CONF_UNSET_UINT;
    conf->dry_run = NGX_CONF_UNSET;
}


char *
ngx_http_ai_limit_merge(ngx_conf_t *cf, ngx_http_ai_limit_loc_conf_t *prev,
    ngx_http_ai_limit_loc_conf_t *conf)
{
    char                      *rv;
    ngx_uint_t                 i, j, n, max;
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_ai_limit_rule_t  *rule;
    ngx_http_ai_limit_unit_t  *u;

    ngx_conf_merge_ptr_value(conf->rules, prev->rules, NULL);
    ngx_conf_merge_uint_value(conf->status, prev->status, 429);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (conf->rules == NULL) {
        return NGX_CONF_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    n = 0;
    rule = conf->rules->elts;

    for (i = 0; i < conf->rules->nelts; i++) {

        rv = ngx_http_ai_limit_resolve(cf, amcf, &rule[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        n += rule[i].units.nelts;
        u = rule[i].units.elts;

        for (j = 0; j < rule[i].units.nelts; j++) {
            conf->counts |= (u[j].unit != AI_UNIT_REQUESTS
                             && u[j].unit != AI_UNIT_CONCURRENCY
                             && u[j].unit != AI_UNIT_OUTPUT_TOKENS);
        }
    }

    /* "rpm=", "tpm=" and "budget=" of a key come on top */

    max = NGX_HTTP_AI_LIMIT_CLAIMS - (amcf->auth.limits ? 3 : 0);

    if (n > max) {
        ngx_http_ai_conf_error(cf, &rule[conf->rules->nelts - 1].place,
                               "%ui limits on one level, %ui are the most",
                               n, max);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* names of what may stand further down in the file */

static char *
ngx_http_ai_limit_resolve(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_limit_rule_t *rule)
{
    ngx_str_t                  *names[16], hint;
    ngx_uint_t                  i, n;
    ngx_http_ai_limit_zone_t  **zones;

    if (rule->zone) {
        return NGX_CONF_OK;
    }

    rule->zone = ngx_http_ai_limit_by_name(amcf, &rule->name);

    if (rule->zone == NULL) {
        n = amcf->limit.zones ? ngx_min(amcf->limit.zones->nelts, 16) : 0;
        zones = n ? amcf->limit.zones->elts : NULL;

        for (i = 0; i < n; i++) {
            names[i] = &zones[i]->name;
        }

        hint = ngx_http_ai_hint(cf, &rule->name, names, n);

        ngx_http_ai_conf_error(cf, &rule->place,
                               "unknown ai_limit_zone \"%V\" in "
                               "\"ai_limit\"%V", &rule->name, &hint);
        return NGX_CONF_ERROR;
    }

    rule->zone->used = 1;

    if (rule->exceed != NGX_HTTP_AI_LIMIT_ROUTE) {
        return NGX_CONF_OK;
    }

    rule->route = ngx_http_ai_route_get(&amcf->route, &rule->route_name);

    if (rule->route == NULL) {
        ngx_http_ai_conf_error(cf, &rule->place,
                               "unknown ai_route or ai_provider \"%V\" in "
                               "\"ai_limit\"", &rule->route_name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
