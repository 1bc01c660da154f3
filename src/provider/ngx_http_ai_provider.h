
/*
 * ai_provider { ... }: one account at one endpoint, as configured.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_PROVIDER_H
#define NGX_HTTP_AI_PROVIDER_H


#include <price/ai_price.h>


typedef struct {
    ngx_str_t                  name;        /* "gpt-4o", "gpt-4o*", "*" */
    ngx_str_t                  as;          /* empty: the same */
    int64_t                    context;     /* tokens, -1 unknown */
    int64_t                    max_output;  /* tokens, -1 unknown */
    ai_price_t                *price;       /* price_in= ..., or NULL */
    unsigned                   wildcard:1;
} ngx_http_ai_model_t;


typedef struct {
    ngx_str_t                  name;
    ngx_http_complex_value_t  *value;       /* empty value: header removed */
} ngx_http_ai_header_t;


typedef struct ngx_http_ai_gcp_s  ngx_http_ai_gcp_t;


struct ngx_http_ai_provider_s {
    ngx_str_t                  name;
    ngx_http_ai_place_t        place;
    const ai_provider_t       *api;

    ngx_str_t                  endpoint;    /* as written, for messages */
    ngx_str_t                  host;        /* without port and brackets */
    ngx_str_t                  host_header; /* for "Host:", with port if it
                                               is not the scheme's own */
    in_port_t                  port;
    ngx_str_t                  base;        /* "/v1", no slash at the end */
    unsigned                   ssl:1;
    unsigned                   port_given:1;

    ngx_str_t                  key;         /* the secret itself, or empty */
    ngx_str_t                  key_header;
    ngx_str_t                  key_prefix;
    ngx_str_t                  fixed;       /* ready request header lines that
                                               are the same in every request:
                                               Host, credential, CRLF ended */
    ngx_str_t                  own;         /* the API's own lines, alike */

    ngx_str_t                  deployment;  /* Azure's, or empty */
    ngx_str_t                  api_version;
    ngx_flag_t                 passthrough; /* paths that are none of ours */

    ngx_http_ai_gcp_t         *gcp;         /* Google's, or NULL */

    const ngx_http_ai_credential_t  *credential;     /* more than a key, or
                                                        NULL; with its ... */
    void                      *credential_data;      /* ... own settings */

    ngx_array_t                models;      /* ngx_http_ai_model_t; never
                                               empty: "*" is the default */
    ngx_array_t                regions;     /* ngx_str_t */
    ngx_array_t                tags;        /* ngx_keyval_t */
    ngx_array_t                headers;     /* ngx_http_ai_header_t */
    ngx_array_t               *params;      /* ngx_http_ai_param_t, or NULL */

    ngx_msec_t                 connect_timeout;      /* UNSET: the       */
    ngx_msec_t                 send_timeout;         /* location's       */
    ngx_msec_t                 read_timeout;
    ngx_msec_t                 first_token_timeout;
    ngx_msec_t                 keepalive_timeout;
    ngx_int_t                  keepalive;   /* idle connections, 0: off */
    ngx_flag_t                 resolve;

    /* TLS, meaning of proxy_ssl_* */
    ngx_flag_t                 ssl_verify;
    ngx_flag_t                 ssl_session_reuse;
    ngx_uint_t                 ssl_protocols;
    ngx_int_t                  ssl_verify_depth;
    ngx_str_t                  ssl_ciphers;
    ngx_str_t                  ssl_name;
    ngx_str_t                  ssl_trusted_certificate;
    ngx_str_t                  ssl_crl;
    ngx_str_t                  ssl_certificate;
    ngx_str_t                  ssl_certificate_key;
    ngx_str_t                  ssl_password_file;
    ngx_array_t               *ssl_conf_commands;    /* ngx_keyval_t */

    /*
     * One stable upstream configuration a provider (nginx's connection cache
     * compares its address); timeouts of a location go into the peers' copy.
     */
    ngx_http_upstream_conf_t   upstream;
    ngx_http_upstream_srv_conf_t  *uscf;    /* the operator's upstream{} that
                                               the endpoint names, or NULL */
    ngx_addr_t                *addrs;       /* known at start, or NULL */
    ngx_uint_t                 naddrs;
    ngx_http_ai_peers_t       *peers;       /* this worker's connections and
                                               addresses; core/ owns it */
};


typedef struct {
    ngx_array_t                providers;   /* ngx_http_ai_provider_t * */
    unsigned                   passthrough:1;        /* of any of them */
} ngx_http_ai_provider_main_conf_t;


#pragma GCC visibility push(hidden)


/* the setter of "ai_provider" */
char *ngx_http_ai_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

ngx_int_t ngx_http_ai_provider_create(ngx_conf_t *cf,
    ngx_http_ai_provider_main_conf_t *conf);

/* after the whole file was read: endpoints that name an upstream{}, resolving
 * of hosts, TLS contexts, upstream confs.  Errors name the block's line. */
ngx_int_t ngx_http_ai_provider_init(ngx_conf_t *cf,
    ngx_http_ai_provider_main_conf_t *conf);

ngx_http_ai_provider_t *ngx_http_ai_provider_get(
    const ngx_http_ai_provider_main_conf_t *conf, ngx_str_t *name);

/* is there a set_header of this name, in any case? */
ngx_int_t ngx_http_ai_provider_sets(const ngx_http_ai_provider_t *p,
    u_char *name, size_t len);

/* the entry of the model list that offers this name: an exact one before a
 * wildcard, the longest wildcard first; NULL: not offered */
const ngx_http_ai_model_t *ngx_http_ai_provider_model(
    const ngx_http_ai_provider_t *provider, ngx_str_t *model);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_PROVIDER_H */
