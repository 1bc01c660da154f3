
/*
 * /config, /providers, /routes: what is configured, without secrets; /limits:
 * what is used.
 */

#include <observe/ngx_http_ai_api_int.h>

#include <store/ai_totals.h>


static void ngx_http_ai_view_providers(ngx_http_ai_api_t *api);
static void ngx_http_ai_view_provider(ai_buf_t *b,
    const ngx_http_ai_provider_t *p);
static void ngx_http_ai_view_endpoint(ai_buf_t *b,
    const ngx_http_ai_provider_t *p);
static void ngx_http_ai_view_models(ai_buf_t *b,
    const ngx_http_ai_provider_t *p);
static void ngx_http_ai_view_routes(ngx_http_ai_api_t *api);
static void ngx_http_ai_view_target(ai_buf_t *b,
    const ngx_http_ai_target_t *t);
static void ngx_http_ai_view_limit(ai_buf_t *b,
    const ngx_http_ai_api_limit_t *l);
static void ngx_http_ai_view_str(ai_buf_t *b, const char *name,
    const ngx_str_t *value);
static void ngx_http_ai_view_int(ai_buf_t *b, const char *name, int64_t n);
static void ngx_http_ai_view_bool(ai_buf_t *b, const char *name,
    ngx_uint_t on);
static void ngx_http_ai_view_amount(ai_buf_t *b, const char *name,
    ai_unit_e unit, int64_t n);


ngx_int_t
ngx_http_ai_api_providers(ngx_http_ai_api_t *api)
{
    ngx_int_t  rc;

    rc = ngx_http_ai_api_args(api, NULL, 0);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    ai_buf_lit(&api->out, "{\"object\":\"list\",\"data\":");
    ngx_http_ai_view_providers(api);
    ai_buf_lit(&api->out, "}\n");

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_api_routes(ngx_http_ai_api_t *api)
{
    ngx_int_t  rc;

    rc = ngx_http_ai_api_args(api, NULL, 0);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    ai_buf_lit(&api->out, "{\"object\":\"list\",\"data\":");
    ngx_http_ai_view_routes(api);
    ai_buf_lit(&api->out, "}\n");

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_api_config(ngx_http_ai_api_t *api)
{
    ai_buf_t                       *b;
    ngx_int_t                       rc;
    const ngx_http_ai_main_conf_t  *amcf;

    static const ngx_str_t  version = ngx_string(NGINX_VERSION);

    rc = ngx_http_ai_api_args(api, NULL, 0);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    b = &api->out;
    amcf = ngx_http_ai_main_conf(api->request);

    ai_buf_lit(b, "{\"object\":\"config\"");
    ngx_http_ai_view_str(b, "nginx_version", &version);

    if (amcf->zone.shm_zone) {
        ai_buf_lit(b, ",\"zone\":{\"object\":\"zone\"");
        ngx_http_ai_view_str(b, "name", &amcf->zone.name);
        ngx_http_ai_view_int(b, "size", (int64_t) amcf->zone.size);
        ai_buf_char(b, '}');
    }

    ai_buf_lit(b, ",\n\"providers\":");
    ngx_http_ai_view_providers(api);
    ai_buf_lit(b, ",\n\"routes\":");
    ngx_http_ai_view_routes(api);
    ai_buf_lit(b, "}\n");

    return NGX_OK;
}


static void
ngx_http_ai_view_providers(ngx_http_ai_api_t *api)
{
    ngx_uint_t                        i;
    ngx_http_ai_provider_t          **provider;
    const ngx_http_ai_main_conf_t    *amcf;

    amcf = ngx_http_ai_main_conf(api->request);
    provider = amcf->provider.providers.elts;

    ai_buf_char(&api->out, '[');

    for (i = 0; i < amcf->provider.providers.nelts; i++) {

        if (i) {
            ai_buf_lit(&api->out, ",\n");
        }

        ngx_http_ai_view_provider(&api->out, provider[i]);
    }

    ai_buf_char(&api->out, ']');
}


/* whether there is a credential, and nothing else of it; headers may carry one
 * and are left out */

static void
ngx_http_ai_view_provider(ai_buf_t *b, const ngx_http_ai_provider_t *p)
{
    ai_str_t      s;
    ngx_str_t    *region, api;
    ngx_uint_t    i;
    ngx_keyval_t *tag;

    ai_buf_lit(b, "{\"object\":\"provider\"");
    ngx_http_ai_view_str(b, "name", &p->name);

    api = ngx_http_ai_str(&p->api->name);
    ngx_http_ai_view_str(b, "api", &api);

    ngx_http_ai_view_endpoint(b, p);
    ngx_http_ai_view_bool(b, "ssl_verify", p->ssl && p->ssl_verify);
    ngx_http_ai_view_bool(b, "credential", p->key.len || p->credential);

    ai_buf_lit(b, ",\"regions\":[");

    region = p->regions.elts;

    for (i = 0; i < p->regions.nelts; i++) {

        if (i) {
            ai_buf_char(b, ',');
        }

        s = ai_str(&region[i]);
        ai_buf_quote(b, &s);
    }

    ai_buf_lit(b, "],\"tags\":{");

    tag = p->tags.elts;

    for (i = 0; i < p->tags.nelts; i++) {

        if (i) {
            ai_buf_char(b, ',');
        }

        s = ai_str(&tag[i].key);
        ai_buf_quote(b, &s);
        ai_buf_char(b, ':');
        s = ai_str(&tag[i].value);
        ai_buf_quote(b, &s);
    }

    ai_buf_char(b, '}');
    ngx_http_ai_view_models(b, p);
    ai_buf_char(b, '}');
}


/* put together again: what was written may have anything in it */

static void
ngx_http_ai_view_endpoint(ai_buf_t *b, const ngx_http_ai_provider_t *p)
{
    ai_str_t  s;

    ai_buf_lit(b, ",\"endpoint\":\"");

    if (p->ssl) {
        ai_buf_lit(b, "https://");

    } else {
        ai_buf_lit(b, "http://");
    }

    s = ai_str(&p->host_header);
    ai_buf_escape(b, &s);
    s = ai_str(&p->base);
    ai_buf_escape(b, &s);

    ai_buf_char(b, '"');
}


static void
ngx_http_ai_view_models(ai_buf_t *b, const ngx_http_ai_provider_t *p)
{
    ngx_uint_t            i;
    ngx_http_ai_model_t  *model;

    ai_buf_lit(b, ",\"models\":[");

    model = p->models.elts;

    for (i = 0; i < p->models.nelts; i++) {

        if (i) {
            ai_buf_char(b, ',');
        }

        ai_buf_lit(b, "{\"object\":\"model\"");
        ngx_http_ai_view_str(b, "name", &model[i].name);

        if (model[i].as.len) {
            ngx_http_ai_view_str(b, "as", &model[i].as);
        }

        if (model[i].context >= 0) {
            ngx_http_ai_view_int(b, "context", model[i].context);
        }

        if (model[i].max_output >= 0) {
            ngx_http_ai_view_int(b, "max_output", model[i].max_output);
        }

        ai_buf_char(b, '}');
    }

    ai_buf_char(b, ']');
}


static void
ngx_http_ai_view_routes(ngx_http_ai_api_t *api)
{
    ai_buf_t                       *b;
    ngx_uint_t                      i, j, n;
    ngx_http_ai_route_t           **route;
    ngx_http_ai_target_t           *target;
    const ngx_http_ai_main_conf_t  *amcf;

    static const ngx_str_t  methods[] = {           /* ngx_http_ai_balance_e */
        ngx_string("round_robin"),
        ngx_string("priority"),
        ngx_string("least_conn"),
        ngx_string("hash")
    };

    b = &api->out;
    amcf = ngx_http_ai_main_conf(api->request);
    route = amcf->route.routes.elts;

    ai_buf_char(b, '[');

    for (i = 0, n = 0; i < amcf->route.routes.nelts; i++) {

        if (route[i]->implicit) {
            continue;
        }

        if (n++) {
            ai_buf_lit(b, ",\n");
        }

        ai_buf_lit(b, "{\"object\":\"route\"");
        ngx_http_ai_view_str(b, "name", &route[i]->name);
        ngx_http_ai_view_str(b, "balance", &methods[route[i]->balance]);
        ai_buf_lit(b, ",\"targets\":[");

        target = route[i]->targets.elts;

        for (j = 0; j < route[i]->targets.nelts; j++) {

            if (j) {
                ai_buf_char(b, ',');
            }

            ngx_http_ai_view_target(b, &target[j]);
        }

        ai_buf_lit(b, "]}");
    }

    ai_buf_char(b, ']');
}


static void
ngx_http_ai_view_target(ai_buf_t *b, const ngx_http_ai_target_t *t)
{
    ai_buf_lit(b, "{\"object\":\"target\"");
    ngx_http_ai_view_str(b, "provider", &t->provider_name);

    /* as written, with its variables */

    if (t->model) {
        ngx_http_ai_view_str(b, "model", &t->model->value);
    }

    ngx_http_ai_view_int(b, "weight", t->weight);
    ngx_http_ai_view_bool(b, "backup", t->backup);
    ngx_http_ai_view_bool(b, "down", t->down);

    if (t->min_prompt >= 0) {
        ngx_http_ai_view_int(b, "min_prompt", t->min_prompt);
    }

    if (t->max_prompt >= 0) {
        ngx_http_ai_view_int(b, "max_prompt", t->max_prompt);
    }

    if (t->slot) {
        ngx_http_ai_view_int(b, "active", ngx_http_ai_slot_conns(t->slot));
    }

    ai_buf_char(b, '}');
}


ngx_int_t
ngx_http_ai_api_limits(ngx_http_ai_api_t *api)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_array_t                     list;
    ngx_http_ai_api_arg_t           arg[2];
    ngx_http_ai_api_limit_t        *limit;
    const ngx_http_ai_main_conf_t  *amcf;

    ngx_memzero(arg, sizeof(arg));
    ngx_str_set(&arg[0].name, "zone");
    ngx_str_set(&arg[1].name, "key");

    rc = ngx_http_ai_api_args(api, arg, 2);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    if (ngx_array_init(&list, api->request->pool, 16,
                       sizeof(ngx_http_ai_api_limit_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    amcf = ngx_http_ai_main_conf(api->request);

    if (amcf->api.limits) {
        rc = amcf->api.limits(api->request, &arg[0].value, &arg[1].value,
                              NGX_HTTP_AI_API_MAX, &list);

        if (rc == NGX_DECLINED) {
            return ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                         "more than %d counters: ask for one "
                                         "\"zone=\" or \"key=\"",
                                         NGX_HTTP_AI_API_MAX);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ai_buf_lit(&api->out, "{\"object\":\"list\",\"data\":[");

    limit = list.elts;

    for (i = 0; i < list.nelts; i++) {

        if (i) {
            ai_buf_lit(&api->out, ",\n");
        }

        ngx_http_ai_view_limit(&api->out, &limit[i]);
    }

    ai_buf_lit(&api->out, "]}\n");

    return NGX_OK;
}


static void
ngx_http_ai_view_limit(ai_buf_t *b, const ngx_http_ai_api_limit_t *l)
{
    int64_t    left;
    ai_char_t  text[AI_PERIOD_LEN];
    ngx_str_t  s;

    ai_buf_lit(b, "{\"object\":\"limit\"");
    ngx_http_ai_view_str(b, "zone", &l->zone);
    ngx_http_ai_view_str(b, "key", &l->key);

    s = ngx_http_ai_str(ai_unit_name(l->unit));
    ngx_http_ai_view_str(b, "unit", &s);

    if (l->period != AI_PERIOD_NONE) {
        s.data = text;
        s.len = ai_period_print(text, l->period) - text;
        ngx_http_ai_view_str(b, "period", &s);
    }

    ngx_http_ai_view_amount(b, "used", l->unit, l->used);
    ngx_http_ai_view_amount(b, "reserved", l->unit, l->reserved);

    if (l->limit >= 0) {
        ngx_http_ai_view_amount(b, "limit", l->unit, l->limit);

        if (__builtin_sub_overflow(l->limit, l->used, &left)
            || __builtin_sub_overflow(left, l->reserved, &left)
            || left < 0)
        {
            left = 0;
        }

        ngx_http_ai_view_amount(b, "remaining", l->unit, left);
    }

    if (l->reset) {
        ai_buf_lit(b, ",\"reset\":\"");
        ai_totals_iso(b, l->reset);
        ai_buf_char(b, '"');
    }

    ai_buf_char(b, '}');
}


static void
ngx_http_ai_view_str(ai_buf_t *b, const char *name, const ngx_str_t *value)
{
    ai_str_t  s;

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, ngx_strlen(name));
    ai_buf_lit(b, "\":");

    s = ai_str(value);
    ai_buf_quote(b, &s);
}


static void
ngx_http_ai_view_int(ai_buf_t *b, const char *name, int64_t n)
{
    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, ngx_strlen(name));
    ai_buf_lit(b, "\":");
    ai_buf_int(b, n);
}


static void
ngx_http_ai_view_bool(ai_buf_t *b, const char *name, ngx_uint_t on)
{
    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, ngx_strlen(name));

    if (on) {
        ai_buf_lit(b, "\":true");

    } else {
        ai_buf_lit(b, "\":false");
    }
}


/* money as text in USD, as everywhere: no reader makes a float of it */

static void
ngx_http_ai_view_amount(ai_buf_t *b, const char *name, ai_unit_e unit,
    int64_t n)
{
    if (unit != AI_UNIT_COST) {
        ngx_http_ai_view_int(b, name, n);
        return;
    }

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, ngx_strlen(name));
    ai_buf_lit(b, "\":\"");
    ai_amounts_usd(b, n);
    ai_buf_char(b, '"');
}
