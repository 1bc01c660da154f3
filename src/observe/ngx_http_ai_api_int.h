
/*
 * What the files of ai_api share.
 */

#ifndef NGX_HTTP_AI_API_INT_H
#define NGX_HTTP_AI_API_INT_H


#include <core/ngx_http_ai.h>

#include <base/ai_buf.h>


/* an ai_api in the configuration */
typedef struct {
    ngx_http_ai_place_t          place;
    ngx_http_conf_ctx_t         *ctx;       /* its server's, and ... */
    void                       **loc_conf;  /* ... its location's */
    unsigned                     write:1;
} ngx_http_ai_api_place_t;


/* a question and its answer; of the request's pool */
typedef struct {
    ngx_http_request_t          *request;
    ngx_str_t                    path;      /* behind the location's prefix,
                                               without slashes around it */
    ai_pool_t                    pool;
    ai_buf_t                     out;
    ngx_uint_t                   status;
    ngx_str_t                    type;      /* of the content */
    ngx_str_t                    file;      /* name to save it as, or empty */
} ngx_http_ai_api_t;


/* an argument that a question may have; its value is decoded */
typedef struct {
    ngx_str_t                    name;
    ngx_str_t                    value;     /* data NULL: not given */
} ngx_http_ai_api_arg_t;


#pragma GCC visibility push(hidden)


/* handlers: NGX_OK: out is the answer; NGX_ERROR: no memory; NGX_AGAIN: it
 * will be, ngx_http_ai_api_finish() is called then */
ngx_int_t ngx_http_ai_api_usage(ngx_http_ai_api_t *api);
ngx_int_t ngx_http_ai_api_limits(ngx_http_ai_api_t *api);
ngx_int_t ngx_http_ai_api_config(ngx_http_ai_api_t *api);
ngx_int_t ngx_http_ai_api_providers(ngx_http_ai_api_t *api);
ngx_int_t ngx_http_ai_api_routes(ngx_http_ai_api_t *api);
ngx_int_t ngx_http_ai_api_keys(ngx_http_ai_api_t *api);

/* the same for what changes something, with the request's body; NGX_AGAIN:
 * ngx_http_ai_api_finish() is called then */
ngx_int_t ngx_http_ai_api_keys_write(ngx_http_ai_api_t *api,
    const ai_str_t *body);

/* which methods change something at this path; empty: none */
ngx_str_t ngx_http_ai_api_keys_methods(const ngx_str_t *path);

/* rc as above; the request may be gone afterwards */
void ngx_http_ai_api_finish(ngx_http_ai_api_t *api, ngx_int_t rc);

/* an error is the answer; always NGX_OK */
ngx_int_t ngx_http_ai_api_error(ngx_http_ai_api_t *api, ngx_uint_t status,
    const char *fmt, ...);

/* NGX_DECLINED: an error is the answer */
ngx_int_t ngx_http_ai_api_args(ngx_http_ai_api_t *api,
    ngx_http_ai_api_arg_t *arg, ngx_uint_t n);

/* [emerg] when nothing says who may ask */
ngx_int_t ngx_http_ai_api_check(ngx_conf_t *cf,
    ngx_http_ai_api_place_t *place);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_API_INT_H */
