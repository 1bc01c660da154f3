
/*
 * The line "ai_redis" of the configuration.
 */

#include <store/ngx_http_ai_redis_int.h>


#define NGX_HTTP_AI_REDIS_PORT      6379
#define NGX_HTTP_AI_REDIS_SENTINEL  26379
#define NGX_HTTP_AI_REDIS_TIME_MAX  60000


typedef struct {
    ngx_str_t                   name;
    char                     *(*set)(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
                                    ngx_str_t *value, ngx_uint_t offset);
    ngx_uint_t                  offset;
} ngx_http_ai_redis_param_t;


static char *ngx_http_ai_redis_params(ngx_conf_t *cf,
    ngx_http_ai_redis_t *rd, ngx_array_t *addrs);
static char *ngx_http_ai_redis_param(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *arg, ngx_uint_t *seen);
static char *ngx_http_ai_redis_unknown(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_http_ai_redis_addr(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *text);
static char *ngx_http_ai_redis_addr_add(ngx_conf_t *cf,
    ngx_http_ai_redis_t *rd, ngx_addr_t *addr);
static char *ngx_http_ai_redis_text(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset);
static char *ngx_http_ai_redis_secret(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset);
static char *ngx_http_ai_redis_number(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset);
static char *ngx_http_ai_redis_time(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset);
static char *ngx_http_ai_redis_on_error(ngx_conf_t *cf,
    ngx_http_ai_redis_t *rd, ngx_str_t *value, ngx_uint_t offset);
static char *ngx_http_ai_redis_ssl(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset);
#if (NGX_HTTP_AI_HIREDIS_SSL)
static char *ngx_http_ai_redis_ssl_init(ngx_conf_t *cf,
    ngx_http_ai_redis_t *rd);
static void ngx_http_ai_redis_ssl_cleanup(void *data);
#endif
static ngx_str_t ngx_http_ai_redis_hint(ngx_conf_t *cf,
    const ngx_http_ai_redis_main_conf_t *conf, ngx_str_t *name);


static const ngx_http_ai_redis_param_t  ngx_http_ai_redis_table[] = {

    { ngx_string("user"), ngx_http_ai_redis_text,
      offsetof(ngx_http_ai_redis_t, user) },

    { ngx_string("password"), ngx_http_ai_redis_secret,
      offsetof(ngx_http_ai_redis_t, password) },

    { ngx_string("db"), ngx_http_ai_redis_number,
      offsetof(ngx_http_ai_redis_t, db) },

    { ngx_string("prefix"), ngx_http_ai_redis_text,
      offsetof(ngx_http_ai_redis_t, prefix) },

    { ngx_string("connect_timeout"), ngx_http_ai_redis_time,
      offsetof(ngx_http_ai_redis_t, connect_timeout) },

    { ngx_string("timeout"), ngx_http_ai_redis_time,
      offsetof(ngx_http_ai_redis_t, timeout) },

    { ngx_string("pool"), ngx_http_ai_redis_number,
      offsetof(ngx_http_ai_redis_t, pool) },

    { ngx_string("on_error"), ngx_http_ai_redis_on_error, 0 },

    { ngx_string("ssl"), ngx_http_ai_redis_ssl, 0 },

    { ngx_string("sentinel"), ngx_http_ai_redis_text,
      offsetof(ngx_http_ai_redis_t, sentinel) },

    { ngx_string("sentinel_password"), ngx_http_ai_redis_secret,
      offsetof(ngx_http_ai_redis_t, sentinel_password) }
};


#define NGX_HTTP_AI_REDIS_NPARAMS                                             \
    (sizeof(ngx_http_ai_redis_table) / sizeof(ngx_http_ai_redis_table[0]))


ngx_int_t
ngx_http_ai_redis_create(ngx_conf_t *cf, ngx_http_ai_redis_main_conf_t *conf)
{
    return ngx_array_init(&conf->lines, cf->pool, 2,
                          sizeof(ngx_http_ai_redis_t *));
}


/* names of variables are in lower case, so that case cannot matter */

ngx_http_ai_redis_t *
ngx_http_ai_redis_get(const ngx_http_ai_redis_main_conf_t *conf,
    ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_http_ai_redis_t  **rd;

    rd = conf->lines.elts;

    for (i = 0; i < conf->lines.nelts; i++) {
        if (rd[i]->name.len == name->len
            && ngx_strncasecmp(rd[i]->name.data, name->data, name->len) == 0)
        {
            return rd[i];
        }
    }

    return NULL;
}


char *
ngx_http_ai_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                    *rv;
    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_array_t              addrs;
    ngx_http_ai_redis_t     *rd, **line;
    ngx_http_ai_main_conf_t *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    value = cf->args->elts;

    if (!ngx_http_ai_is_name(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of \"ai_redis\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_redis_get(&amcf->redis, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate \"ai_redis\" \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    rd = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_redis_t));
    line = ngx_array_push(&amcf->redis.lines);

    if (rd == NULL || line == NULL
        || ngx_array_init(&addrs, cf->temp_pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&rd->addrs, cf->pool, 4,
                          sizeof(ngx_http_ai_redis_addr_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *line = rd;

    rd->name = value[1];
    ngx_str_set(&rd->prefix, "ai:");
    rd->connect_timeout = 200;
    rd->timeout = 50;
    rd->pool = 2;

    rv = ngx_http_ai_redis_params(cf, rd, &addrs);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (addrs.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ai_redis\" \"%V\" has no address", &rd->name);
        return NGX_CONF_ERROR;
    }

    /* the port that is meant depends on "sentinel" */

    value = addrs.elts;

    for (i = 0; i < addrs.nelts; i++) {
        rv = ngx_http_ai_redis_addr(cf, rd, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

#if (NGX_HTTP_AI_HIREDIS_SSL)
    if (rd->ssl) {
        return ngx_http_ai_redis_ssl_init(cf, rd);
    }
#endif

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_redis_params(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_array_t *addrs)
{
    char        *rv;
    ngx_str_t   *value, *addr;
    ngx_uint_t   i, seen;

    seen = 0;
    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "unix:", 5) == 0
            || ngx_strlchr(value[i].data, value[i].data + value[i].len, '=')
               == NULL)
        {
            addr = ngx_array_push(addrs);
            if (addr == NULL) {
                return NGX_CONF_ERROR;
            }

            *addr = value[i];
            continue;
        }

        rv = ngx_http_ai_redis_param(cf, rd, &value[i], &seen);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (rd->user.len && rd->password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"user\" of \"ai_redis\" requires \"password\"");
        return NGX_CONF_ERROR;
    }

    if (rd->sentinel_password.len && rd->sentinel.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"sentinel_password\" of "
                           "\"ai_redis\" requires \"sentinel\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_redis_param(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *arg, ngx_uint_t *seen)
{
    u_char                           *p;
    ngx_str_t                         name, value, *args, save;
    ngx_uint_t                        i;
    char                             *rv;
    const ngx_http_ai_redis_param_t  *param;

    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    name.data = arg->data;
    name.len = p - arg->data;
    value.data = p + 1;
    value.len = arg->data + arg->len - value.data;

    param = NULL;

    for (i = 0; i < NGX_HTTP_AI_REDIS_NPARAMS; i++) {
        param = &ngx_http_ai_redis_table[i];

        if (param->name.len == name.len
            && ngx_strncmp(param->name.data, name.data, name.len) == 0)
        {
            break;
        }
    }

    if (i == NGX_HTTP_AI_REDIS_NPARAMS) {
        return ngx_http_ai_redis_unknown(cf, &name);
    }

    if (*seen & ((ngx_uint_t) 1 << i)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" of \"ai_redis\"",
                           &name);
        return NGX_CONF_ERROR;
    }

    *seen |= (ngx_uint_t) 1 << i;

    /* messages of what is set are about the parameter */

    args = cf->args->elts;
    save = args[0];
    args[0] = name;

    rv = param->set(cf, rd, &value, param->offset);

    args[0] = save;

    return rv;
}


static char *
ngx_http_ai_redis_unknown(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t   hint, names[NGX_HTTP_AI_REDIS_NPARAMS],
               *list[NGX_HTTP_AI_REDIS_NPARAMS];
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_AI_REDIS_NPARAMS; i++) {
        names[i] = ngx_http_ai_redis_table[i].name;
        list[i] = &names[i];
    }

    hint = ngx_http_ai_hint(cf, name, list, NGX_HTTP_AI_REDIS_NPARAMS);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of \"ai_redis\"%V",
                       name, &hint);

    return NGX_CONF_ERROR;
}


/* a name is looked up now, as in a proxy_pass without variables */

static char *
ngx_http_ai_redis_addr(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *text)
{
    ngx_url_t   u;
    ngx_uint_t  i;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *text;
    u.default_port = rd->sentinel.len ? NGX_HTTP_AI_REDIS_SENTINEL
                                      : NGX_HTTP_AI_REDIS_PORT;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in address \"%V\" of \"ai_redis\"",
                           u.err ? u.err : "no host", text);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < u.naddrs; i++) {
        if (ngx_http_ai_redis_addr_add(cf, rd, &u.addrs[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_redis_addr_add(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_addr_t *addr)
{
    size_t                     len;
    ngx_http_ai_redis_addr_t  *a;

    a = ngx_array_push(&rd->addrs);
    if (a == NULL) {
        return NGX_CONF_ERROR;
    }

    a->text = addr->name;

#if (NGX_HAVE_UNIX_DOMAIN)

    if (addr->sockaddr->sa_family == AF_UNIX) {
        a->host = ((struct sockaddr_un *) addr->sockaddr)->sun_path;
        a->port = 0;
        return NGX_CONF_OK;
    }

#endif

    a->port = ngx_inet_get_port(addr->sockaddr);

    if (a->port == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid port in address \"%V\" of \"ai_redis\"",
                           &addr->name);
        return NGX_CONF_ERROR;
    }

    a->host = ngx_pcalloc(cf->pool, NGX_SOCKADDR_STRLEN + 1);
    if (a->host == NULL) {
        return NGX_CONF_ERROR;
    }

    len = ngx_sock_ntop(addr->sockaddr, addr->socklen, (u_char *) a->host,
                        NGX_SOCKADDR_STRLEN, 0);

    /* IPv6 addresses come in brackets, which hiredis does not know */

    if (a->host[0] == '[') {
        a->host++;
        len -= 2;
    }

    a->host[len] = '\0';

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_redis_text(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset)
{
    ngx_str_t  *args, *field;

    args = cf->args->elts;
    field = (ngx_str_t *) ((u_char *) rd + offset);

    if (value->len == 0 && field != &rd->prefix) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"ai_redis\" is empty", &args[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_has_ctl(value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"ai_redis\" contains a control "
                           "character", &args[0]);
        return NGX_CONF_ERROR;
    }

    *field = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_redis_secret(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset)
{
    return ngx_http_ai_secret(cf, value,
                              (ngx_str_t *) ((u_char *) rd + offset));
}


static char *
ngx_http_ai_redis_number(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset)
{
    ngx_int_t   n, *field, least, most;
    ngx_str_t  *args;

    args = cf->args->elts;
    field = (ngx_int_t *) ((u_char *) rd + offset);

    least = (field == &rd->pool);
    most = (field == &rd->pool) ? NGX_HTTP_AI_REDIS_POOL_MAX : 65535;

    n = ngx_atoi(value->data, value->len);

    if (n < least || n > most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%V\" of \"ai_redis\", "
                           "it must be from %i to %i",
                           value, &args[0], least, most);
        return NGX_CONF_ERROR;
    }

    *field = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_redis_time(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset)
{
    ngx_int_t   ms;
    ngx_str_t  *args;

    args = cf->args->elts;
    ms = ngx_parse_time(value, 0);

    if (ms < 1 || ms > NGX_HTTP_AI_REDIS_TIME_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" of \"%V\" of \"ai_redis\", "
                           "it must be from 1ms to 60s", value, &args[0]);
        return NGX_CONF_ERROR;
    }

    *(ngx_msec_t *) ((u_char *) rd + offset) = ms;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_redis_on_error(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset)
{
    if (ngx_strcmp(value->data, "local") == 0) {
        rd->deny = 0;

    } else if (ngx_strcmp(value->data, "deny") == 0) {
        rd->deny = 1;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"on_error\" of "
                           "\"ai_redis\", it must be \"local\" or \"deny\"",
                           value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_redis_ssl(ngx_conf_t *cf, ngx_http_ai_redis_t *rd,
    ngx_str_t *value, ngx_uint_t offset)
{
    if (ngx_strcmp(value->data, "off") == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"ssl\" of "
                           "\"ai_redis\", it must be \"on\" or \"off\"",
                           value);
        return NGX_CONF_ERROR;
    }

#if (NGX_HTTP_AI_HIREDIS_SSL)

    rd->ssl = 1;

    return NGX_CONF_OK;

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"ssl\" of \"ai_redis\": built without TLS, which "
                       "hiredis has from 1.0 on; use a \"unix:\" socket or "
                       "an address of a local stunnel");
    return NGX_CONF_ERROR;

#endif
}


#if (NGX_HTTP_AI_HIREDIS_SSL)

static char *
ngx_http_ai_redis_ssl_init(ngx_conf_t *cf, ngx_http_ai_redis_t *rd)
{
    ngx_pool_cleanup_t    *cln;
    redisSSLContextError   err;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) redisInitOpenSSL();

    rd->ssl_ctx = redisCreateSSLContext("/etc/ssl/certs/ca-certificates.crt",
                                        NULL, NULL, NULL, NULL, &err);
    if (rd->ssl_ctx == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ssl\" of \"ai_redis\": %s",
                           redisSSLContextGetError(err));
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_ai_redis_ssl_cleanup;
    cln->data = rd->ssl_ctx;

    return NGX_CONF_OK;
}


static void
ngx_http_ai_redis_ssl_cleanup(void *data)
{
    redisFreeSSLContext(data);
}

#endif


ngx_int_t
ngx_http_ai_redis_check(ngx_conf_t *cf,
    const ngx_http_ai_redis_main_conf_t *conf)
{
    ngx_str_t                   name, hint;
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (v[i].name.len < sizeof("ai_redis_") - 1
            || ngx_strncmp(v[i].name.data, "ai_redis_",
                           sizeof("ai_redis_") - 1)
               != 0)
        {
            continue;
        }

        name.data = v[i].name.data + sizeof("ai_redis_") - 1;
        name.len = v[i].name.len - (sizeof("ai_redis_") - 1);

        if (ngx_http_ai_redis_get(conf, &name)) {
            continue;
        }

        hint = ngx_http_ai_redis_hint(cf, conf, &name);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "there is no \"ai_redis\" \"%V\" for variable "
                      "\"$%V\"%V", &name, &v[i].name, &hint);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_ai_redis_t *
ngx_http_ai_redis_use(ngx_conf_t *cf,
    const ngx_http_ai_redis_main_conf_t *conf, ngx_str_t *name,
    ngx_http_ai_place_t *place)
{
    ngx_str_t             hint;
    ngx_http_ai_redis_t  *rd;

    rd = ngx_http_ai_redis_get(conf, name);

    if (rd == NULL) {
        hint = ngx_http_ai_redis_hint(cf, conf, name);

        ngx_http_ai_conf_error(cf, place, "there is no \"ai_redis\" \"%V\"%V",
                               name, &hint);
    }

    return rd;
}


static ngx_str_t
ngx_http_ai_redis_hint(ngx_conf_t *cf,
    const ngx_http_ai_redis_main_conf_t *conf, ngx_str_t *name)
{
    ngx_str_t             **names, none;
    ngx_uint_t              n;
    ngx_http_ai_redis_t   **rd;

    rd = conf->lines.elts;

    names = ngx_palloc(cf->pool, (conf->lines.nelts + 1)
                                 * sizeof(ngx_str_t *));
    if (names == NULL) {
        ngx_str_null(&none);
        return none;
    }

    for (n = 0; n < conf->lines.nelts; n++) {
        names[n] = &rd[n]->name;
    }

    return ngx_http_ai_hint(cf, name, names, n);
}


ngx_str_t *
ngx_http_ai_redis_name(const ngx_http_ai_redis_t *rd)
{
    return (ngx_str_t *) &rd->name;
}


ngx_str_t *
ngx_http_ai_redis_prefix(const ngx_http_ai_redis_t *rd)
{
    return (ngx_str_t *) &rd->prefix;
}


ngx_uint_t
ngx_http_ai_redis_denies(const ngx_http_ai_redis_t *rd)
{
    return rd->deny;
}
