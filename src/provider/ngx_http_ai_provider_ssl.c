
/*
 * TLS to a provider: the ssl_* lines of ai_provider { ... }.  They mean what
 * proxy_ssl_* mean, but the certificate is verified and SNI is sent unless
 * the configuration says otherwise: the connection carries a key.
 */

#include <provider/ngx_http_ai_provider_int.h>


#define NGX_HTTP_AI_CA_FILE     "/etc/ssl/certs/ca-certificates.crt"
#define NGX_HTTP_AI_SSL_DEPTH   3


static const char *ngx_http_ai_provider_ssl_given(
    ngx_http_ai_provider_t *p);

#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_ai_provider_ssl_create(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_ssl_verify(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_provider_ssl_identity(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
#endif


char *
ngx_http_ai_provider_ssl_protocols(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

#if (NGX_HTTP_SSL)
    ngx_uint_t               i, k;

    static struct {
        ngx_str_t            name;
        ngx_uint_t           bit;
    } protocols[] = {
        { ngx_string("TLSv1"), NGX_SSL_TLSv1 },
        { ngx_string("TLSv1.1"), NGX_SSL_TLSv1_1 },
        { ngx_string("TLSv1.2"), NGX_SSL_TLSv1_2 },
        { ngx_string("TLSv1.3"), NGX_SSL_TLSv1_3 },
        { ngx_null_string, 0 }
    };

    if (p->ssl_protocols) {
        return "is duplicate";
    }

    for (i = 1; i < n; i++) {

        for (k = 0; protocols[k].name.len; k++) {
            if (protocols[k].name.len == value[i].len
                && ngx_strcasecmp(protocols[k].name.data, value[i].data) == 0)
            {
                p->ssl_protocols |= protocols[k].bit;
                break;
            }
        }

        if (protocols[k].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\"",
                               &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }
    }
#else
    p->ssl_protocols = 1;
#endif

    return NGX_CONF_OK;
}


char *
ngx_http_ai_provider_ssl_command(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    ngx_keyval_t  *kv;

    if (p->ssl_conf_commands == NULL) {
        p->ssl_conf_commands = ngx_array_create(cf->pool, 4,
                                                sizeof(ngx_keyval_t));
        if (p->ssl_conf_commands == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    kv = ngx_array_push(p->ssl_conf_commands);
    if (kv == NULL) {
        return NGX_CONF_ERROR;
    }

    kv->key = value[1];
    kv->value = value[2];

    return NGX_CONF_OK;
}


/* the name of a line that was given, for the message; NULL: none was */

static const char *
ngx_http_ai_provider_ssl_given(ngx_http_ai_provider_t *p)
{
    ngx_uint_t  i;

    struct {
        const char  *name;
        ngx_uint_t   given;
    } lines[] = {
        { "ssl_verify", p->ssl_verify != NGX_CONF_UNSET },
        { "ssl_verify_depth", p->ssl_verify_depth != NGX_CONF_UNSET },
        { "ssl_session_reuse", p->ssl_session_reuse != NGX_CONF_UNSET },
        { "ssl_protocols", p->ssl_protocols != 0 },
        { "ssl_ciphers", p->ssl_ciphers.data != NULL },
        { "ssl_name", p->ssl_name.data != NULL },
        { "ssl_trusted_certificate", p->ssl_trusted_certificate.data != NULL },
        { "ssl_crl", p->ssl_crl.data != NULL },
        { "ssl_certificate", p->ssl_certificate.data != NULL },
        { "ssl_certificate_key", p->ssl_certificate_key.data != NULL },
        { "ssl_password_file", p->ssl_password_file.data != NULL },
        { "ssl_conf_command", p->ssl_conf_commands != NULL },
        { NULL, 0 }
    };

    for (i = 0; lines[i].name; i++) {
        if (lines[i].given) {
            return lines[i].name;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_ai_provider_ssl_check(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    const char  *name;

    if (!p->ssl) {
        name = ngx_http_ai_provider_ssl_given(p);

        if (name) {
            ngx_http_ai_conf_error(cf, &p->place,
                                   "\"%s\" cannot take effect with endpoint "
                                   "\"%V\" of ai_provider \"%V\"",
                                   name, &p->endpoint, &p->name);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

#if !(NGX_HTTP_SSL)

    ngx_http_ai_conf_error(cf, &p->place,
                           "endpoint \"%V\" of ai_provider \"%V\" needs nginx "
                           "built with --with-http_ssl_module",
                           &p->endpoint, &p->name);
    return NGX_ERROR;

#endif

    if (p->ssl_name.data && ngx_strlchr(p->ssl_name.data,
                                        p->ssl_name.data + p->ssl_name.len,
                                        '$'))
    {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"ssl_name\" does not support variables");
        return NGX_ERROR;
    }

    if ((p->ssl_certificate.data == NULL) != (p->ssl_certificate_key.data
                                              == NULL))
    {
        ngx_http_ai_conf_error(cf, &p->place,
                               "ai_provider \"%V\" has \"%s\" without \"%s\"",
                               &p->name,
                               p->ssl_certificate.data
                                   ? "ssl_certificate" : "ssl_certificate_key",
                               p->ssl_certificate.data
                                   ? "ssl_certificate_key"
                                   : "ssl_certificate");
        return NGX_ERROR;
    }

    if (p->ssl_password_file.data && p->ssl_certificate.data == NULL) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"ssl_password_file\" of ai_provider \"%V\" "
                               "cannot take effect without "
                               "\"ssl_certificate_key\"", &p->name);
        return NGX_ERROR;
    }

    if (p->ssl_verify == 0) {

        name = p->ssl_trusted_certificate.data ? "ssl_trusted_certificate"
               : p->ssl_crl.data ? "ssl_crl"
               : p->ssl_verify_depth != NGX_CONF_UNSET ? "ssl_verify_depth"
               : NULL;

        if (name) {
            ngx_http_ai_conf_error(cf, &p->place,
                                   "\"%s\" of ai_provider \"%V\" cannot take "
                                   "effect with \"ssl_verify off\"",
                                   name, &p->name);
            return NGX_ERROR;
        }

        ngx_http_ai_conf_warn(cf, &p->place,
                              "\"ssl_verify off\": anybody on the way to "
                              "ai_provider \"%V\" can read its key and all "
                              "requests", &p->name);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_provider_ssl_init(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
#if (NGX_HTTP_SSL)

    if (ngx_http_ai_provider_ssl_create(cf, p) != NGX_OK) {

        /* OpenSSL's message, without a place, was logged before */

        ngx_http_ai_conf_error(cf, &p->place,
                               "cannot set up TLS for ai_provider \"%V\"",
                               &p->name);
        return NGX_ERROR;
    }

#endif

    return NGX_OK;
}


#if (NGX_HTTP_SSL)

static ngx_int_t
ngx_http_ai_provider_ssl_create(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_str_t                 *name;
    ngx_ssl_t                 *ssl;
    ngx_pool_cleanup_t        *cln;
    ngx_http_complex_value_t  *cv;

    static ngx_str_t  ciphers = ngx_string("DEFAULT");

    ngx_conf_init_value(p->ssl_verify, 1);
    ngx_conf_init_value(p->ssl_session_reuse, 1);
    ngx_conf_init_value(p->ssl_verify_depth, NGX_HTTP_AI_SSL_DEPTH);

    if (p->ssl_protocols == 0) {
        p->ssl_protocols = NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3;
    }

    if (p->ssl_ciphers.data == NULL) {
        p->ssl_ciphers = ciphers;
    }

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, p->ssl_protocols, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    p->upstream.ssl = ssl;

    if (ngx_ssl_ciphers(cf, ssl, &p->ssl_ciphers, 0) != NGX_OK
        || ngx_http_ai_provider_ssl_identity(cf, p) != NGX_OK
        || ngx_http_ai_provider_ssl_verify(cf, p) != NGX_OK
        || ngx_ssl_client_session_cache(cf, ssl, p->ssl_session_reuse)
           != NGX_OK
        || ngx_ssl_conf_commands(cf, ssl, p->ssl_conf_commands) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /*
     * The name that SNI and the check use.  Without it nginx takes the name
     * of the upstream{}.
     */

    name = p->ssl_name.data ? &p->ssl_name : &p->host;

    cv = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (cv == NULL) {
        return NGX_ERROR;
    }

    cv->value = *name;

    p->upstream.ssl_name = cv;
    p->upstream.ssl_server_name = 1;
    p->upstream.ssl_verify = p->ssl_verify;
    p->upstream.ssl_session_reuse = p->ssl_session_reuse;

    return NGX_OK;
}


/* the client's certificate */

static ngx_int_t
ngx_http_ai_provider_ssl_identity(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_array_t  *passwords;

    if (p->ssl_certificate.data == NULL) {
        return NGX_OK;
    }

    passwords = NULL;

    if (p->ssl_password_file.data) {
        passwords = ngx_ssl_read_password_file(cf, &p->ssl_password_file);
        if (passwords == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_ssl_certificate(cf, p->upstream.ssl, &p->ssl_certificate,
                               &p->ssl_certificate_key, passwords);
}


static ngx_int_t
ngx_http_ai_provider_ssl_verify(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_uint_t  given;

    if (!p->ssl_verify) {
        return NGX_OK;
    }

    given = p->ssl_trusted_certificate.data != NULL;

    if (!given) {
        ngx_str_set(&p->ssl_trusted_certificate, NGX_HTTP_AI_CA_FILE);
    }

    if (ngx_ssl_trusted_certificate(cf, p->upstream.ssl,
                                    &p->ssl_trusted_certificate,
                                    p->ssl_verify_depth)
        != NGX_OK)
    {
        if (!given) {
            ngx_http_ai_conf_error(cf, &p->place,
                                   "the system's CA certificates \"%s\" "
                                   "cannot be loaded for ai_provider \"%V\": "
                                   "name a file in \"ssl_trusted_certificate\""
                                   " or install the package ca-certificates",
                                   NGX_HTTP_AI_CA_FILE, &p->name);
        }

        return NGX_ERROR;
    }

    return ngx_ssl_crl(cf, p->upstream.ssl, &p->ssl_crl);
}

#endif
