
/*
 * ai_provider { ... }: one account at one endpoint.
 *
 * The block is read into the struct and checked at its end as far as the
 * block alone can tell.
 */

#include <provider/ngx_http_ai_provider_int.h>


static char *ngx_http_ai_provider_api(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_endpoint(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_key(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_azure(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_key_header(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_set_header(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_set_param(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_drop_param(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static ngx_array_t *ngx_http_ai_provider_params(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static char *ngx_http_ai_provider_model_line(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_model_param(ngx_conf_t *cf,
    ngx_http_ai_model_t *model, ngx_str_t *param);
static char *ngx_http_ai_provider_region(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_tag(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);

static ngx_int_t ngx_http_ai_provider_alloc(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_finish(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_finish_api(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static const char *ngx_http_ai_provider_url(ngx_http_ai_provider_t *p);
static const char *ngx_http_ai_provider_host(ngx_http_ai_provider_t *p,
    u_char *first, u_char *last);
static ngx_int_t ngx_http_ai_provider_finish_key(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_token(ngx_str_t *s);
static ngx_int_t ngx_http_ai_provider_reserved(ngx_str_t *name);


#define ngx_http_ai_provider_offset(field)                                    \
    offsetof(ngx_http_ai_provider_t, field)


static const ngx_http_ai_block_t  ngx_http_ai_provider_lines[] = {

    { ngx_string("api"), 1, 1, ngx_http_ai_provider_api, 0 },
    { ngx_string("endpoint"), 1, 1, ngx_http_ai_provider_endpoint, 0 },
    { ngx_string("key"), 1, 1, ngx_http_ai_provider_key, 0 },
    { ngx_string("key_header"), 1, 2, ngx_http_ai_provider_key_header, 0 },
    { ngx_string("aws"), 1, 7, ngx_http_ai_provider_aws, 0 },
    { ngx_string("azure"), 1, 2, ngx_http_ai_provider_azure, 0 },
    { ngx_string("gcp"), 1, 3, ngx_http_ai_provider_gcp, 0 },
    { ngx_string("passthrough"), 1, 1, ngx_http_ai_block_flag,
      ngx_http_ai_provider_offset(passthrough) },
    { ngx_string("set_header"), 2, 2, ngx_http_ai_provider_set_header, 0 },
    { ngx_string("set_param"), 2, 3, ngx_http_ai_provider_set_param, 0 },
    { ngx_string("drop_param"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_provider_drop_param, 0 },
    { ngx_string("model"), 1, 8, ngx_http_ai_provider_model_line, 0 },
    { ngx_string("region"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_provider_region, 0 },
    { ngx_string("tag"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_provider_tag, 0 },

    { ngx_string("connect_timeout"), 1, 1, ngx_http_ai_block_msec,
      ngx_http_ai_provider_offset(connect_timeout) },
    { ngx_string("send_timeout"), 1, 1, ngx_http_ai_block_msec,
      ngx_http_ai_provider_offset(send_timeout) },
    { ngx_string("read_timeout"), 1, 1, ngx_http_ai_block_msec,
      ngx_http_ai_provider_offset(read_timeout) },
    { ngx_string("first_token_timeout"), 1, 1, ngx_http_ai_block_msec,
      ngx_http_ai_provider_offset(first_token_timeout) },

    { ngx_string("keepalive"), 1, 1, ngx_http_ai_block_num,
      ngx_http_ai_provider_offset(keepalive) },
    { ngx_string("keepalive_timeout"), 1, 1, ngx_http_ai_block_msec,
      ngx_http_ai_provider_offset(keepalive_timeout) },
    { ngx_string("resolve"), 1, 1, ngx_http_ai_block_flag,
      ngx_http_ai_provider_offset(resolve) },

    { ngx_string("ssl_verify"), 1, 1, ngx_http_ai_block_flag,
      ngx_http_ai_provider_offset(ssl_verify) },
    { ngx_string("ssl_verify_depth"), 1, 1, ngx_http_ai_block_num,
      ngx_http_ai_provider_offset(ssl_verify_depth) },
    { ngx_string("ssl_session_reuse"), 1, 1, ngx_http_ai_block_flag,
      ngx_http_ai_provider_offset(ssl_session_reuse) },
    { ngx_string("ssl_protocols"), 1, 4,
      ngx_http_ai_provider_ssl_protocols, 0 },
    { ngx_string("ssl_ciphers"), 1, 1, ngx_http_ai_block_str,
      ngx_http_ai_provider_offset(ssl_ciphers) },
    { ngx_string("ssl_name"), 1, 1, ngx_http_ai_block_str,
      ngx_http_ai_provider_offset(ssl_name) },
    { ngx_string("ssl_trusted_certificate"), 1, 1, ngx_http_ai_block_str,
      ngx_http_ai_provider_offset(ssl_trusted_certificate) },
    { ngx_string("ssl_crl"), 1, 1, ngx_http_ai_block_str,
      ngx_http_ai_provider_offset(ssl_crl) },
    { ngx_string("ssl_certificate"), 1, 1, ngx_http_ai_block_str,
      ngx_http_ai_provider_offset(ssl_certificate) },
    { ngx_string("ssl_certificate_key"), 1, 1, ngx_http_ai_block_str,
      ngx_http_ai_provider_offset(ssl_certificate_key) },
    { ngx_string("ssl_password_file"), 1, 1, ngx_http_ai_block_str,
      ngx_http_ai_provider_offset(ssl_password_file) },
    { ngx_string("ssl_conf_command"), 2, 2,
      ngx_http_ai_provider_ssl_command, 0 },

    { ngx_null_string, 0, 0, NULL, 0 }
};


/* written by core, or of no use to a provider's answer that core reads */

static ngx_str_t  ngx_http_ai_provider_reserved_headers[] = {
    ngx_string("Content-Length"),
    ngx_string("Transfer-Encoding"),
    ngx_string("Connection"),
    ngx_string("Content-Type"),
    ngx_string("Content-Encoding"),
    ngx_string("Accept-Encoding"),
    ngx_string("Upgrade"),
    ngx_string("Expect"),
    ngx_string("TE"),
    ngx_string("Trailer"),
    ngx_string("Keep-Alive"),
    ngx_null_string
};


ngx_int_t
ngx_http_ai_provider_create(ngx_conf_t *cf,
    ngx_http_ai_provider_main_conf_t *conf)
{
    return ngx_array_init(&conf->providers, cf->pool, 4,
                          sizeof(ngx_http_ai_provider_t *));
}


char *
ngx_http_ai_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                              *rv;
    ngx_str_t                         *value;
    ngx_http_ai_provider_t            *p, **pp;
    ngx_http_ai_main_conf_t           *amcf;
    ngx_http_ai_provider_main_conf_t  *pmcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    pmcf = &amcf->provider;

    value = cf->args->elts;

    if (!ngx_http_ai_is_name(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of ai_provider, it may have "
                           "letters, digits, \"_\", \"-\" and \".\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_provider_get(pmcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate ai_provider \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    p = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_provider_t));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    p->name = value[1];
    ngx_http_ai_place(cf, &p->place);

    if (ngx_http_ai_provider_alloc(cf, p) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_ai_block(cf, ngx_http_ai_provider_lines, p);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_http_ai_provider_finish(cf, p) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    pp = ngx_array_push(&pmcf->providers);
    if (pp == NULL) {
        return NGX_CONF_ERROR;
    }

    *pp = p;

    ngx_conf_init_value(p->passthrough, 0);

    if (p->passthrough) {
        pmcf->passthrough = 1;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ai_provider_alloc(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    p->connect_timeout = NGX_CONF_UNSET_MSEC;
    p->send_timeout = NGX_CONF_UNSET_MSEC;
    p->read_timeout = NGX_CONF_UNSET_MSEC;
    p->first_token_timeout = NGX_CONF_UNSET_MSEC;
    p->keepalive_timeout = NGX_CONF_UNSET_MSEC;
    p->keepalive = NGX_CONF_UNSET;
    p->resolve = NGX_CONF_UNSET;
    p->passthrough = NGX_CONF_UNSET;

    p->ssl_verify = NGX_CONF_UNSET;
    p->ssl_session_reuse = NGX_CONF_UNSET;
    p->ssl_verify_depth = NGX_CONF_UNSET;

    if (ngx_array_init(&p->models, cf->pool, 4, sizeof(ngx_http_ai_model_t))
        != NGX_OK
        || ngx_array_init(&p->regions, cf->pool, 2, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&p->tags, cf->pool, 2, sizeof(ngx_keyval_t))
           != NGX_OK
        || ngx_array_init(&p->headers, cf->pool, 2,
                          sizeof(ngx_http_ai_header_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_http_ai_provider_api(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    ai_str_t      name;
    ngx_str_t     hint, *copy, **names;
    ngx_uint_t    i, count;

    if (p->api) {
        return "is duplicate";
    }

    name = ai_str(&value[1]);

    p->api = ai_provider_find(&name);
    if (p->api) {
        return NGX_CONF_OK;
    }

    for (count = 0; ai_providers[count]; count++) { /* void */ }

    names = ngx_palloc(cf->pool, count * sizeof(ngx_str_t *));
    copy = ngx_palloc(cf->pool, count * sizeof(ngx_str_t));

    if (names == NULL || copy == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < count; i++) {
        copy[i] = ngx_http_ai_str(&ai_providers[i]->name);
        names[i] = &copy[i];
    }

    hint = ngx_http_ai_hint(cf, &value[1], names, count);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown api \"%V\"%V",
                       &value[1], &hint);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_ai_provider_endpoint(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    const char  *err;

    if (p->endpoint.data) {
        return "is duplicate";
    }

    p->endpoint = value[1];

    err = ngx_http_ai_provider_url(p);

    if (err == NULL) {
        return NGX_CONF_OK;
    }

    /* a password is not shown */

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '@')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in endpoint", err);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in endpoint \"%V\"",
                           err, &value[1]);
    }

    return NGX_CONF_ERROR;
}


static char *
ngx_http_ai_provider_key(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    if (p->key.data) {
        return "is duplicate";
    }

    return ngx_http_ai_secret(cf, &value[1], &p->key);
}


/* "azure deployment=NAME api_version=DATE": the older paths of Azure OpenAI;
 * without them those of "/openai/v1" */

static char *
ngx_http_ai_provider_azure(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    u_char      *eq;
    ngx_str_t    name, *to;
    ngx_uint_t   i;

    if (p->deployment.len || p->api_version.len) {
        return "is duplicate";
    }

    for (i = 1; i < n; i++) {
        to = NULL;
        name = value[i];

        eq = ngx_strlchr(name.data, name.data + name.len, '=');

        if (eq) {
            name.len = eq - name.data;
        }

        if (eq && name.len == 10
            && ngx_strncmp(name.data, "deployment", 10) == 0)
        {
            to = &p->deployment;

        } else if (eq && name.len == 11
                   && ngx_strncmp(name.data, "api_version", 11) == 0)
        {
            to = &p->api_version;
        }

        if (to == NULL || to->len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "%s parameter \"%V\" of \"azure\", it takes "
                               "\"deployment=\" and \"api_version=\"",
                               to ? "duplicate" : "unknown", &name);
            return NGX_CONF_ERROR;
        }

        to->data = eq + 1;
        to->len = value[i].len - name.len - 1;

        if (!ngx_http_ai_is_name(to)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value in \"%V\" of \"azure\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (p->deployment.len && p->api_version.len == 0) {
        return "needs \"api_version=\" beside \"deployment=\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_provider_key_header(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    u_char  c, *last;

    if (p->key_header.data) {
        return "is duplicate";
    }

    if (!ngx_http_ai_provider_token(&value[1])
        || ngx_http_ai_provider_reserved(&value[1])
        || (value[1].len == 4
            && ngx_strcasecmp(value[1].data, (u_char *) "Host") == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\" in \"%V\"",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    p->key_header = value[1];
    ngx_str_set(&p->key_prefix, "");

    if (n == 2 || value[2].len == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_http_ai_has_ctl(&value[2])) {
        return "contains a control character";
    }

    p->key_prefix = value[2];

    /* a word such as "Bearer" is followed by a blank */

    c = value[2].data[value[2].len - 1];

    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z'))
    {
        p->key_prefix.data = ngx_pnalloc(cf->pool, value[2].len + 1);
        if (p->key_prefix.data == NULL) {
            return NGX_CONF_ERROR;
        }

        last = ngx_cpymem(p->key_prefix.data, value[2].data, value[2].len);
        *last = ' ';

        p->key_prefix.len = value[2].len + 1;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_provider_set_header(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    ngx_http_ai_header_t  *h;

    if (!ngx_http_ai_provider_token(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\" in \"%V\"",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_provider_reserved(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "header \"%V\" cannot be set with \"%V\"",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_has_ctl(&value[2])) {
        return "contains a control character";
    }

    h = ngx_array_push(&p->headers);
    if (h == NULL) {
        return NGX_CONF_ERROR;
    }

    h->name = value[1];

    if (ngx_http_ai_compile(cf, &value[2], &h->value) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_provider_set_param(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_array_t  *list;

    list = ngx_http_ai_provider_params(cf, object);

    return list ? ngx_http_ai_param_add(cf, list, value, n) : NGX_CONF_ERROR;
}


static char *
ngx_http_ai_provider_drop_param(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_array_t  *list;

    list = ngx_http_ai_provider_params(cf, object);

    return list ? ngx_http_ai_param_drop(cf, list, value, n) : NGX_CONF_ERROR;
}


static ngx_array_t *
ngx_http_ai_provider_params(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    if (p->params == NULL) {
        p->params = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_ai_param_t));
    }

    return p->params;
}


static char *
ngx_http_ai_provider_model_line(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    char                 *rv;
    ngx_uint_t            i;
    ngx_http_ai_model_t  *model, m;

    ngx_memzero(&m, sizeof(ngx_http_ai_model_t));

    m.name = value[1];
    m.context = -1;
    m.max_output = -1;

    if (m.name.len == 0 || ngx_http_ai_has_ctl(&m.name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid model name");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_model_pattern(cf, &m.name) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    m.wildcard = (m.name.data[m.name.len - 1] == '*');

    model = p->models.elts;

    for (i = 0; i < p->models.nelts; i++) {
        if (model[i].name.len == m.name.len
            && ngx_memcmp(model[i].name.data, m.name.data, m.name.len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate model \"%V\"",
                               &m.name);
            return NGX_CONF_ERROR;
        }
    }

    for (i = 2; i < n; i++) {
        rv = ngx_http_ai_provider_model_param(cf, &m, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    model = ngx_array_push(&p->models);
    if (model == NULL) {
        return NGX_CONF_ERROR;
    }

    *model = m;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_provider_model_param(ngx_conf_t *cf, ngx_http_ai_model_t *model,
    ngx_str_t *param)
{
    int64_t    *np;
    u_char     *eq;
    ngx_int_t   rc;
    ngx_str_t   name, text, hint;

    static ngx_str_t  words[] = {
        ngx_string("as"), ngx_string("context"), ngx_string("max_output"),
        ngx_string("price_in"), ngx_string("price_out"),
        ngx_string("price_cached"), ngx_string("price_cache_write")
    };

    ngx_str_t  *names[] = { &words[0], &words[1], &words[2], &words[3],
                            &words[4], &words[5], &words[6] };

    name = *param;
    ngx_str_null(&text);

    eq = ngx_strlchr(param->data, param->data + param->len, '=');

    if (eq) {
        name.len = eq - param->data;
        text.data = eq + 1;
        text.len = param->len - name.len - 1;
    }

    np = NULL;

    if (eq && name.len > 6 && ngx_strncmp(name.data, "price_", 6) == 0) {
        name.data += 6;
        name.len -= 6;

        rc = ngx_http_ai_price_param(cf, &model->price, param, &name,
                                     &text);

        if (rc != NGX_DECLINED) {
            return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
        }

        name.data -= 6;
        name.len += 6;
    }

    if (eq && name.len == 7 && ngx_strncmp(name.data, "context", 7) == 0) {
        np = &model->context;

    } else if (eq && name.len == 10
               && ngx_strncmp(name.data, "max_output", 10) == 0)
    {
        np = &model->max_output;

    } else if (eq && name.len == 2 && ngx_strncmp(name.data, "as", 2) == 0) {

        if (text.len == 0 || model->as.len || ngx_http_ai_has_ctl(&text)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"model\"",
                               param);
            return NGX_CONF_ERROR;
        }

        if (model->wildcard) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"as=\" cannot rename the models of \"%V\"",
                               &model->name);
            return NGX_CONF_ERROR;
        }

        model->as = text;

        return NGX_CONF_OK;

    } else {
        hint = ngx_http_ai_hint(cf, &name, names, 7);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of \"model\"%V",
                           param, &hint);
        return NGX_CONF_ERROR;
    }

    if (*np != -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" of \"model\"", param);
        return NGX_CONF_ERROR;
    }

    *np = ngx_http_ai_number(&text);

    if (*np <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number in \"%V\", tokens are counted in "
                           "plain numbers such as 128000", param);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_provider_region(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    ngx_str_t   *region;
    ngx_uint_t   i;

    for (i = 1; i < n; i++) {

        /* ai_require takes lists, so that a name has no blank and no comma */

        if (!ngx_http_ai_is_name(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid region \"%V\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        region = ngx_array_push(&p->regions);
        if (region == NULL) {
            return NGX_CONF_ERROR;
        }

        *region = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_provider_tag(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    u_char        *eq;
    ngx_uint_t     i;
    ngx_keyval_t  *tag, kv;

    for (i = 1; i < n; i++) {

        eq = ngx_strlchr(value[i].data, value[i].data + value[i].len, '=');

        if (eq) {
            kv.key.data = value[i].data;
            kv.key.len = eq - value[i].data;
            kv.value.data = eq + 1;
            kv.value.len = value[i].len - kv.key.len - 1;
        }

        if (eq == NULL || !ngx_http_ai_is_name(&kv.key)
            || !ngx_http_ai_is_name(&kv.value))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid tag \"%V\", it must be KEY=VALUE",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        tag = ngx_array_push(&p->tags);
        if (tag == NULL) {
            return NGX_CONF_ERROR;
        }

        *tag = kv;
    }

    return NGX_CONF_OK;
}


/* the block was read */

static ngx_int_t
ngx_http_ai_provider_finish(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_http_ai_model_t  *model;

    if (ngx_http_ai_provider_finish_api(cf, p) != NGX_OK
        || ngx_http_ai_provider_ssl_check(cf, p) != NGX_OK
        || ngx_http_ai_provider_finish_key(cf, p) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p->models.nelts == 0) {
        model = ngx_array_push(&p->models);
        if (model == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(model, sizeof(ngx_http_ai_model_t));

        ngx_str_set(&model->name, "*");
        model->context = -1;
        model->max_output = -1;
        model->wildcard = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_provider_finish_api(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ai_str_t     name;
    const char  *err;

    if (p->api == NULL) {
        name = ai_str(&p->name);
        p->api = ai_provider_find(&name);
    }

    if (p->api == NULL) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "no \"api\" in ai_provider \"%V\", and its "
                               "name is not the name of one", &p->name);
        return NGX_ERROR;
    }

    if (ngx_http_ai_provider_aws_finish(cf, p) != NGX_OK
        || ngx_http_ai_provider_gcp_finish(cf, p) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p->endpoint.data == NULL) {

        if (p->api->endpoint.len == 0) {
            ngx_http_ai_conf_error(cf, &p->place,
                                   "no \"endpoint\" in ai_provider \"%V\", "
                                   "the api \"%*s\" has no usual one",
                                   &p->name, p->api->name.len,
                                   p->api->name.data);
            return NGX_ERROR;
        }

        p->endpoint = ngx_http_ai_str(&p->api->endpoint);
    }

    if (p->host.len == 0) {
        err = ngx_http_ai_provider_url(p);

        if (err) {
            ngx_http_ai_conf_error(cf, &p->place, "%s in endpoint \"%V\"",
                                   err, &p->endpoint);
            return NGX_ERROR;
        }
    }

    if ((p->deployment.len || p->api_version.len)
        && p->api != &ai_provider_azure)
    {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"azure\" of ai_provider \"%V\" cannot "
                               "take effect, its api is \"%*s\"", &p->name,
                               p->api->name.len, p->api->name.data);
        return NGX_ERROR;
    }

    if (p->base.data == NULL) {
        p->base = ngx_http_ai_str(&p->api->base);
    }

    return NGX_OK;
}


/* p->endpoint into its parts; NULL, or what is wrong */

static const char *
ngx_http_ai_provider_url(ngx_http_ai_provider_t *p)
{
    u_char  *pos, *last, *path, *c;

    pos = p->endpoint.data;
    last = pos + p->endpoint.len;

    for (c = pos; c < last; c++) {
        if (*c <= 0x20 || *c >= 0x7f || *c == '"' || *c == '\\') {
            return "invalid character";
        }

        if (*c == '$') {
            return "variables are not supported";
        }

        if (*c == '?' || *c == '#') {
            return "neither a query nor a fragment is allowed";
        }
    }

    if (p->endpoint.len > 8
        && ngx_strncasecmp(pos, (u_char *) "https://", 8) == 0)
    {
        p->ssl = 1;
        p->port = 443;
        pos += 8;

    } else if (p->endpoint.len > 7
               && ngx_strncasecmp(pos, (u_char *) "http://", 7) == 0)
    {
        p->port = 80;
        pos += 7;

    } else if (p->endpoint.len < 5
               || ngx_strncasecmp(pos, (u_char *) "unix:", 5) != 0)
    {
        return "no \"http://\" or \"https://\"";
    }

    if (last - pos >= 5 && ngx_strncasecmp(pos, (u_char *) "unix:", 5) == 0) {
        return "unix sockets are not supported";
    }

    path = ngx_strlchr(pos, last, '/');

    if (path) {

        while (last > path && last[-1] == '/') {
            last--;
        }

        /* a lone slash asks for no base path */

        p->base.data = path;
        p->base.len = last - path;

        last = path;
    }

    if (ngx_strlchr(pos, last, '@')) {
        return "user and password are not allowed";
    }

    return ngx_http_ai_provider_host(p, pos, last);
}


static const char *
ngx_http_ai_provider_host(ngx_http_ai_provider_t *p, u_char *first,
    u_char *last)
{
    u_char     *c, *end;
    ngx_int_t   port;

    p->host_header.data = first;
    p->host_header.len = last - first;

    if (first < last && *first == '[') {

        end = ngx_strlchr(first, last, ']');

        if (end == NULL) {
            return "no \"]\"";
        }

        p->host.data = first + 1;
        p->host.len = end - first - 1;
        end++;

        if (end < last && *end != ':') {
            return "invalid host";
        }

#if (NGX_HAVE_INET6)
        {
        u_char  addr[16];

        if (ngx_inet6_addr(p->host.data, p->host.len, addr) != NGX_OK) {
            return "invalid IPv6 address";
        }
        }
#endif

    } else {
        end = ngx_strlchr(first, last, ':');

        if (end == NULL) {
            end = last;
        }

        p->host.data = first;
        p->host.len = end - first;

        /* "_" is none of DNS, but names of upstream{} have it */

        if (!ngx_http_ai_is_name(&p->host)) {
            return p->host.len ? "invalid host" : "no host";
        }
    }

    if (end == last) {
        return NULL;
    }

    c = end + 1;
    port = ngx_atoi(c, last - c);

    if (port < 1 || port > 65535) {
        return "invalid port";
    }

    p->port_given = 1;

    if (port == p->port) {
        p->host_header.len = end - first;
    }

    p->port = (in_port_t) port;

    return NULL;
}


static ngx_int_t
ngx_http_ai_provider_finish_key(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    if (p->key_header.data == NULL) {
        p->key_header = ngx_http_ai_str(&p->api->key_header);
        p->key_prefix = ngx_http_ai_str(&p->api->key_prefix);

        if (p->key_header.len == 0) {
            ngx_str_set(&p->key_header, "Authorization");
            ngx_str_set(&p->key_prefix, "Bearer ");
        }

    } else if (p->key.len == 0) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"key_header\" of ai_provider \"%V\" cannot "
                               "take effect without \"key\"", &p->name);
        return NGX_ERROR;
    }

    if (p->key.len
        && ngx_http_ai_provider_sets(p, p->key_header.data, p->key_header.len))
    {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"set_header %V\" of ai_provider \"%V\" "
                               "conflicts with \"key\"",
                               &p->key_header, &p->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* RFC 9110: token */

static ngx_int_t
ngx_http_ai_provider_token(ngx_str_t *s)
{
    u_char  *p, *last;

    last = s->data + s->len;

    for (p = s->data; p < last; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
            || (*p >= '0' && *p <= '9'))
        {
            continue;
        }

        if (*p == '\0' || ngx_strchr("!#$%&'*+-.^_`|~", *p) == NULL) {
            return 0;
        }
    }

    return s->len != 0;
}


static ngx_int_t
ngx_http_ai_provider_reserved(ngx_str_t *name)
{
    ngx_str_t  *h;

    for (h = ngx_http_ai_provider_reserved_headers; h->len; h++) {
        if (h->len == name->len
            && ngx_strncasecmp(h->data, name->data, h->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_ai_provider_sets(const ngx_http_ai_provider_t *p, u_char *name,
    size_t len)
{
    ngx_uint_t             i;
    ngx_http_ai_header_t  *h;

    h = p->headers.elts;

    for (i = 0; i < p->headers.nelts; i++) {
        if (h[i].name.len == len
            && ngx_strncasecmp(h[i].name.data, name, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_http_ai_provider_t *
ngx_http_ai_provider_get(const ngx_http_ai_provider_main_conf_t *conf,
    ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_http_ai_provider_t  **p;

    p = conf->providers.elts;

    for (i = 0; i < conf->providers.nelts; i++) {
        if (p[i]->name.len == name->len
            && ngx_memcmp(p[i]->name.data, name->data, name->len) == 0)
        {
            return p[i];
        }
    }

    return NULL;
}


const ngx_http_ai_model_t *
ngx_http_ai_provider_model(const ngx_http_ai_provider_t *provider,
    ngx_str_t *model)
{
    size_t                      len;
    ngx_uint_t                  i;
    const ngx_http_ai_model_t  *m, *found;

    m = provider->models.elts;
    found = NULL;

    for (i = 0; i < provider->models.nelts; i++) {

        if (!m[i].wildcard) {
            if (m[i].name.len == model->len
                && ngx_memcmp(m[i].name.data, model->data, model->len) == 0)
            {
                return &m[i];
            }

            continue;
        }

        len = m[i].name.len - 1;

        if (len <= model->len
            && ngx_memcmp(m[i].name.data, model->data, len) == 0
            && (found == NULL || len + 1 > found->name.len))
        {
            found = &m[i];
        }
    }

    return found;
}
