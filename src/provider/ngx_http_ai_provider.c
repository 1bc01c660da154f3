
/*
 * ai_provider { ... }: one account at one endpoint.
 *
 * The block is read into the struct, checked at its end as far as the block
 * alone can tell, and made ready when the whole file was read: an upstream{}
 * that the endpoint names may follow the block.
 */

#include <provider/ngx_http_ai_provider_int.h>


#define NGX_HTTP_AI_BUFFER_SIZE   65536     /* of a read from a provider */
#define NGX_HTTP_AI_KEEPALIVE     32


static char *ngx_http_ai_provider_api(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_endpoint(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_key(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_key_header(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_provider_set_header(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
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
static ngx_int_t ngx_http_ai_provider_sets(ngx_http_ai_provider_t *p,
    u_char *name, size_t len);
static ngx_int_t ngx_http_ai_provider_fixed(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);

static ngx_int_t ngx_http_ai_provider_upstream(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_addrs(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_has_resolver(ngx_conf_t *cf);
static void ngx_http_ai_provider_clear_text(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_is_private(struct sockaddr *sa);
static ngx_int_t ngx_http_ai_provider_conf(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p, ngx_http_upstream_conf_t *prev);


#define ngx_http_ai_provider_offset(field)                                    \
    offsetof(ngx_http_ai_provider_t, field)


static const ngx_http_ai_block_t  ngx_http_ai_provider_lines[] = {

    { ngx_string("api"), 1, 1, ngx_http_ai_provider_api, 0 },
    { ngx_string("endpoint"), 1, 1, ngx_http_ai_provider_endpoint, 0 },
    { ngx_string("key"), 1, 1, ngx_http_ai_provider_key, 0 },
    { ngx_string("key_header"), 1, 2, ngx_http_ai_provider_key_header, 0 },
    { ngx_string("set_header"), 2, 2, ngx_http_ai_provider_set_header, 0 },
    { ngx_string("model"), 1, 4, ngx_http_ai_provider_model_line, 0 },
    { ngx_string("region"), 1, NGX_CONF_MAX_ARGS,
      ngx_http_ai_provider_region, 0 },
    { ngx_string("tag"), 1, NGX_CONF_MAX_ARGS, ngx_http_ai_provider_tag, 0 },

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
ngx_http_ai_provider_model_line(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    char                 *rv;
    u_char               *star, *last;
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

    last = m.name.data + m.name.len;
    star = ngx_strlchr(m.name.data, last, '*');

    if (star && star != last - 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid model name \"%V\", "
                           "\"*\" may only be its last character", &m.name);
        return NGX_CONF_ERROR;
    }

    m.wildcard = (star != NULL);

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
    ngx_str_t   name, text, hint;

    static ngx_str_t  words[] = {
        ngx_string("as"), ngx_string("context"), ngx_string("max_output")
    };

    ngx_str_t  *names[] = { &words[0], &words[1], &words[2] };

    name = *param;
    ngx_str_null(&text);

    eq = ngx_strlchr(param->data, param->data + param->len, '=');

    if (eq) {
        name.len = eq - param->data;
        text.data = eq + 1;
        text.len = param->len - name.len - 1;
    }

    np = NULL;

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
        hint = ngx_http_ai_hint(cf, &name, names, 3);

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

        err = ngx_http_ai_provider_url(p);

        if (err) {
            ngx_http_ai_conf_error(cf, &p->place, "%s in endpoint \"%V\"",
                                   err, &p->endpoint);
            return NGX_ERROR;
        }
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


/* is there a set_header of this name? */

static ngx_int_t
ngx_http_ai_provider_sets(ngx_http_ai_provider_t *p, u_char *name, size_t len)
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


/* the header lines that are the same in every request */

static ngx_int_t
ngx_http_ai_provider_fixed(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    size_t   len;
    u_char  *b, *line, *next, *colon, *last;

    len = sizeof("Host: " CRLF) - 1 + p->host_header.len
          + p->key_header.len + sizeof(": " CRLF) - 1
          + p->key_prefix.len + p->key.len
          + p->api->headers.len;

    b = ngx_pnalloc(cf->pool, len);
    if (b == NULL) {
        return NGX_ERROR;
    }

    p->fixed.data = b;

    if (!ngx_http_ai_provider_sets(p, (u_char *) "Host", 4)) {
        b = ngx_sprintf(b, "Host: %V" CRLF, &p->host_header);
    }

    if (p->key.len) {
        b = ngx_sprintf(b, "%V: %V%V" CRLF, &p->key_header, &p->key_prefix,
                        &p->key);
    }

    line = p->api->headers.data;
    last = line + p->api->headers.len;

    for ( /* void */ ; line < last; line = next) {

        next = ngx_strlchr(line, last, LF);
        next = next ? next + 1 : last;

        colon = ngx_strlchr(line, next, ':');

        if (colon == NULL || ngx_http_ai_provider_sets(p, line, colon - line))
        {
            continue;
        }

        b = ngx_cpymem(b, line, next - line);
    }

    p->fixed.len = b - p->fixed.data;

    return NGX_OK;
}


/* the whole file was read */

ngx_int_t
ngx_http_ai_provider_init(ngx_conf_t *cf,
    ngx_http_ai_provider_main_conf_t *conf)
{
    ngx_uint_t                 i;
    ngx_http_ai_provider_t   **p;
    ngx_http_upstream_conf_t   prev;

    ngx_memzero(&prev, sizeof(ngx_http_upstream_conf_t));
    prev.hide_headers = NGX_CONF_UNSET_PTR;
    prev.pass_headers = NGX_CONF_UNSET_PTR;

    p = conf->providers.elts;

    for (i = 0; i < conf->providers.nelts; i++) {

        if (ngx_http_ai_provider_upstream(cf, p[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_conf_init_value(p[i]->keepalive, NGX_HTTP_AI_KEEPALIVE);
        ngx_conf_init_msec_value(p[i]->keepalive_timeout, 60000);
        ngx_conf_init_value(p[i]->resolve, 1);

        if (ngx_http_ai_provider_addrs(cf, p[i]) != NGX_OK
            || ngx_http_ai_provider_fixed(cf, p[i]) != NGX_OK
            || ngx_http_ai_provider_conf(cf, p[i], &prev) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_ai_provider_clear_text(cf, p[i]);
    }

    return NGX_OK;
}


/* an upstream{} of the endpoint's name */

static ngx_int_t
ngx_http_ai_provider_upstream(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    const char                      *name;
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **uscf;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    uscf = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if ((uscf[i]->flags & NGX_HTTP_UPSTREAM_CREATE)
            && uscf[i]->host.len == p->host.len
            && ngx_strncasecmp(uscf[i]->host.data, p->host.data, p->host.len)
               == 0)
        {
            break;
        }
    }

    if (i == umcf->upstreams.nelts) {
        return NGX_OK;
    }

    if (p->port_given) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "upstream \"%V\" may not have port %d",
                               &p->host, (int) p->port);
        return NGX_ERROR;
    }

    name = p->keepalive != NGX_CONF_UNSET ? "keepalive"
           : p->keepalive_timeout != NGX_CONF_UNSET_MSEC ? "keepalive_timeout"
           : p->resolve != NGX_CONF_UNSET ? "resolve"
           : NULL;

    if (name) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"%s\" of ai_provider \"%V\" cannot take "
                               "effect, its endpoint is the upstream \"%V\"",
                               name, &p->name, &p->host);
        return NGX_ERROR;
    }

    p->uscf = uscf[i];

    return NGX_OK;
}


/*
 * Addresses that are known at start.  A name that the resolver will find is
 * left to it; a lookup of our own blocks, and its failing must not keep nginx
 * from starting.
 */

static ngx_int_t
ngx_http_ai_provider_addrs(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_url_t  u;

    if (p->uscf) {
        return NGX_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    /* with brackets and port, so that any address is seen as one */

    u.url = p->host_header;
    u.default_port = p->port;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_http_ai_conf_error(cf, &p->place, "%s in endpoint \"%V\"",
                               u.err ? u.err : "invalid host", &p->endpoint);
        return NGX_ERROR;
    }

    if (u.naddrs == 0) {

        if (p->resolve && ngx_http_ai_provider_has_resolver(cf)) {
            return NGX_OK;
        }

        if (ngx_inet_resolve_host(cf->pool, &u) != NGX_OK) {
            ngx_http_ai_conf_warn(cf, &p->place,
                                  "host not found in endpoint \"%V\" of "
                                  "ai_provider \"%V\"%s",
                                  &p->endpoint, &p->name,
                                  p->resolve ? ", and there is no \"resolver\""
                                               " to look for it later" : "");
            return NGX_OK;
        }

    } else if (p->ssl && p->ssl_verify != 0 && p->ssl_name.data == NULL) {

        /* nginx compares names only */

        ngx_http_ai_conf_warn(cf, &p->place,
                              "the certificate of an address cannot be "
                              "verified, set \"ssl_name\" of ai_provider "
                              "\"%V\"", &p->name);
    }

    p->addrs = u.addrs;
    p->naddrs = u.naddrs;

    return NGX_OK;
}


/* on the http level or in any server */

static ngx_int_t
ngx_http_ai_provider_has_resolver(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver && clcf->resolver->connections.nelts) {
        return 1;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        clcf = cscf[i]->ctx->loc_conf[ngx_http_core_module.ctx_index];

        if (clcf->resolver && clcf->resolver->connections.nelts) {
            return 1;
        }
    }

    return 0;
}


/* a key that anybody on the way can read */

static void
ngx_http_ai_provider_clear_text(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_uint_t  i;

    if (p->ssl || p->key.len == 0 || p->uscf) {
        return;
    }

    for (i = 0; i < p->naddrs; i++) {
        if (!ngx_http_ai_provider_is_private(p->addrs[i].sockaddr)) {
            break;
        }
    }

    if (p->naddrs && i == p->naddrs) {
        return;
    }

    /* a name without a dot is one of this network, as of a container */

    if (p->naddrs == 0
        && ngx_strlchr(p->host.data, p->host.data + p->host.len, '.') == NULL)
    {
        return;
    }

    ngx_http_ai_conf_warn(cf, &p->place,
                          "the key of ai_provider \"%V\" goes in clear text "
                          "to \"%V\"", &p->name, &p->endpoint);
}


static ngx_int_t
ngx_http_ai_provider_is_private(struct sockaddr *sa)
{
    in_addr_t             a;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    u_char               *b;
    struct sockaddr_in6  *sin6;

    if (sa->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) sa;
        b = sin6->sin6_addr.s6_addr;

        /* ::1, fc00::/7, fe80::/10 */

        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr)
               || (b[0] & 0xfe) == 0xfc
               || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
    }
#endif

    sin = (struct sockaddr_in *) sa;
    a = ntohl(sin->sin_addr.s_addr);

    return (a >> 24) == 127                          /* 127/8 */
           || (a >> 24) == 10                        /* 10/8 */
           || (a >> 20) == 0xac1                     /* 172.16/12 */
           || (a >> 16) == 0xc0a8                    /* 192.168/16 */
           || (a >> 16) == 0xa9fe                    /* 169.254/16 */
           || (a >> 22) == (0x64400000 >> 22);       /* 100.64/10 */
}


static ngx_int_t
ngx_http_ai_provider_conf(ngx_conf_t *cf, ngx_http_ai_provider_t *p,
    ngx_http_upstream_conf_t *prev)
{
    ngx_hash_init_t            hash;
    ngx_http_upstream_conf_t  *u;

    static ngx_str_t  no_headers[] = { ngx_null_string };

    u = &p->upstream;

    /* timeouts of the location take the place of these where they are unset */

    u->connect_timeout = p->connect_timeout != NGX_CONF_UNSET_MSEC
                         ? p->connect_timeout : 5000;
    u->send_timeout = p->send_timeout != NGX_CONF_UNSET_MSEC
                      ? p->send_timeout : 60000;
    u->read_timeout = p->read_timeout != NGX_CONF_UNSET_MSEC
                      ? p->read_timeout : 600000;

    u->buffering = 0;
    u->request_buffering = 1;
    u->buffer_size = NGX_HTTP_AI_BUFFER_SIZE;
    u->pass_request_headers = 0;
    u->pass_request_body = 0;

    /* X-Accel-* of a provider must not reach into this nginx */

    u->ignore_headers = NGX_CONF_BITMASK_SET
                        |NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                        |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES
                        |NGX_HTTP_UPSTREAM_IGN_EXPIRES
                        |NGX_HTTP_UPSTREAM_IGN_CACHE_CONTROL
                        |NGX_HTTP_UPSTREAM_IGN_SET_COOKIE
                        |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                        |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                        |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET
                        |NGX_HTTP_UPSTREAM_IGN_VARY;

    ngx_str_set(&u->module, "ai");

    u->hide_headers = NGX_CONF_UNSET_PTR;
    u->pass_headers = NGX_CONF_UNSET_PTR;

    ngx_memzero(&hash, sizeof(ngx_hash_init_t));

    hash.max_size = 512;
    hash.bucket_size = ngx_align(64, ngx_cacheline_size);
    hash.name = "ai_provider_headers_hash";

    if (ngx_http_upstream_hide_headers_hash(cf, u, prev, no_headers, &hash)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p->ssl && ngx_http_ai_provider_ssl_init(cf, p) != NGX_OK) {
        return NGX_ERROR;
    }

    if (p->uscf) {
        u->upstream = p->uscf;
        u->next_upstream = NGX_CONF_BITMASK_SET
                           |NGX_HTTP_UPSTREAM_FT_ERROR
                           |NGX_HTTP_UPSTREAM_FT_TIMEOUT
                           |NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;
        return NGX_OK;
    }

    /*
     * One try: what failed on a fresh connection ends the attempt.  On a kept
     * one that the provider closed meanwhile nginx itself gives another.
     */

    u->next_upstream = NGX_CONF_BITMASK_SET
                       |NGX_HTTP_UPSTREAM_FT_ERROR
                       |NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;
    u->next_upstream_tries = 1;

    return ngx_http_ai_peers_create(cf, p);
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
