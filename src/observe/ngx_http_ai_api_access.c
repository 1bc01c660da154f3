
/*
 * ai_api tells who spends how much on what: a location with it must say who
 * may ask, and nginx does not start otherwise.
 *
 * The rules are those of other modules, which keep their configuration to
 * themselves.  It is found by the module's name, and read by its first fields:
 * what is below is how nginx 1.22 to 1.29 have them, unchanged since modules
 * can be dynamic.  At this time they are merged: rules that were written
 * further outside count where they hold.
 */

#include <observe/ngx_http_ai_api_int.h>

#if (NGX_HTTP_SSL)
#include <ngx_http_ssl_module.h>
#endif


typedef struct {
    ngx_array_t               *rules;
#if (NGX_HAVE_INET6)
    ngx_array_t               *rules6;
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
    ngx_array_t               *rules_un;
#endif
} ngx_http_ai_api_access_t;


typedef struct {
    ngx_http_complex_value_t  *realm;
    ngx_http_complex_value_t  *user_file;
} ngx_http_ai_api_basic_t;


typedef struct {
    ngx_str_t                  uri;
} ngx_http_ai_api_request_t;


static void *ngx_http_ai_api_conf(ngx_conf_t *cf,
    ngx_http_ai_api_place_t *place, const char *name);
static ngx_uint_t ngx_http_ai_api_has_access(ngx_conf_t *cf,
    ngx_http_ai_api_place_t *place);
static ngx_uint_t ngx_http_ai_api_has_basic(ngx_conf_t *cf,
    ngx_http_ai_api_place_t *place);
static ngx_uint_t ngx_http_ai_api_has_request(ngx_conf_t *cf,
    ngx_http_ai_api_place_t *place);
static ngx_uint_t ngx_http_ai_api_has_certificate(
    ngx_http_ai_api_place_t *place);
static ngx_uint_t ngx_http_ai_api_is_unix(ngx_conf_t *cf,
    ngx_http_ai_api_place_t *place);


ngx_int_t
ngx_http_ai_api_check(ngx_conf_t *cf, ngx_http_ai_api_place_t *place)
{
    ngx_http_ai_loc_conf_t  *alcf;

    alcf = place->loc_conf[ngx_http_ai_gateway_module.ctx_index];

    /* 1: "ai_auth on"; an optional key keeps nobody out */

    if (alcf->auth.mode == 1
        || ngx_http_ai_api_has_access(cf, place)
        || ngx_http_ai_api_has_basic(cf, place)
        || ngx_http_ai_api_has_request(cf, place)
        || ngx_http_ai_api_has_certificate(place)
        || ngx_http_ai_api_is_unix(cf, place))
    {
        return NGX_OK;
    }

    ngx_http_ai_conf_error(cf, &place->place,
                           "\"ai_api%s\" needs \"allow\" or \"deny\", "
                           "\"auth_basic\", \"auth_request\", "
                           "\"ssl_verify_client on\" or \"ai_auth on\" on "
                           "the same level, or a server that listens on "
                           "unix sockets only",
                           place->write ? " write=on" : "");

    return NGX_ERROR;
}


static void *
ngx_http_ai_api_conf(ngx_conf_t *cf, ngx_http_ai_api_place_t *place,
    const char *name)
{
    ngx_uint_t     i;
    ngx_module_t  *m;

    for (i = 0; cf->cycle->modules[i]; i++) {
        m = cf->cycle->modules[i];

        if (m->type == NGX_HTTP_MODULE && m->name
            && ngx_strcmp(m->name, name) == 0)
        {
            return place->loc_conf[m->ctx_index];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_ai_api_has_access(ngx_conf_t *cf, ngx_http_ai_api_place_t *place)
{
    ngx_http_ai_api_access_t  *access;

    access = ngx_http_ai_api_conf(cf, place, "ngx_http_access_module");

    return access
           && (access->rules
#if (NGX_HAVE_INET6)
               || access->rules6
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
               || access->rules_un
#endif
              );
}


static ngx_uint_t
ngx_http_ai_api_has_basic(ngx_conf_t *cf, ngx_http_ai_api_place_t *place)
{
    ngx_http_ai_api_basic_t  *basic;

    basic = ngx_http_ai_api_conf(cf, place, "ngx_http_auth_basic_module");

    return basic && basic->realm && basic->realm != NGX_CONF_UNSET_PTR
           && basic->user_file && basic->user_file != NGX_CONF_UNSET_PTR
           && !(basic->realm->lengths == NULL && basic->realm->value.len == 3
                && ngx_strncmp(basic->realm->value.data, "off", 3) == 0);
}


static ngx_uint_t
ngx_http_ai_api_has_request(ngx_conf_t *cf, ngx_http_ai_api_place_t *place)
{
    ngx_http_ai_api_request_t  *request;

    request = ngx_http_ai_api_conf(cf, place, "ngx_http_auth_request_module");

    return request && request->uri.data && request->uri.len;
}


/* 1: on; the other modes let everybody in */

static ngx_uint_t
ngx_http_ai_api_has_certificate(ngx_http_ai_api_place_t *place)
{
#if (NGX_HTTP_SSL)
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = place->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    return sscf && sscf->verify == 1;
#else
    return 0;
#endif
}


static ngx_uint_t
ngx_http_ai_api_is_unix(ngx_conf_t *cf, ngx_http_ai_api_place_t *place)
{
    ngx_uint_t                   i, j, k, found;
    ngx_http_conf_addr_t        *addr;
    ngx_http_conf_port_t        *port;
    ngx_http_core_srv_conf_t    *cscf, **server;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = place->ctx->srv_conf[ngx_http_core_module.ctx_index];

    if (cmcf->ports == NULL) {
        return 0;
    }

    found = 0;
    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts; i++) {
        addr = port[i].addrs.elts;

        for (j = 0; j < port[i].addrs.nelts; j++) {
            server = addr[j].servers.elts;

            for (k = 0; k < addr[j].servers.nelts; k++) {

                if (server[k] != cscf) {
                    continue;
                }

                if (addr[j].opt.sockaddr->sa_family != AF_UNIX) {
                    return 0;
                }

                found = 1;
            }
        }
    }

    return found;
}
