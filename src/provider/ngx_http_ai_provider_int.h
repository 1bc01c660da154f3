
/*
 * What the files of ai_provider { ... } share.
 */

#ifndef NGX_HTTP_AI_PROVIDER_INT_H
#define NGX_HTTP_AI_PROVIDER_INT_H


#include <core/ngx_http_ai.h>


#pragma GCC visibility push(hidden)


/* the setter of "aws"; after the block: its default endpoint and keys */
char *ngx_http_ai_provider_aws(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
ngx_int_t ngx_http_ai_provider_aws_finish(ngx_conf_t *cf,
    ngx_http_ai_provider_t *provider);

/*
 * "gcp": its setter; what follows from it when the block was read, where
 * endpoint and base of Vertex are made; and its tokens, at the end of the
 * file
 */
char *ngx_http_ai_provider_gcp(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
ngx_int_t ngx_http_ai_provider_gcp_finish(ngx_conf_t *cf,
    ngx_http_ai_provider_t *provider);
ngx_int_t ngx_http_ai_provider_gcp_init(ngx_conf_t *cf,
    ngx_http_ai_provider_t *provider);

/* setters of ssl_protocols and ssl_conf_command */
char *ngx_http_ai_provider_ssl_protocols(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_ai_provider_ssl_command(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);

/* checks the ssl_* lines of a block that was read */
ngx_int_t ngx_http_ai_provider_ssl_check(ngx_conf_t *cf,
    ngx_http_ai_provider_t *provider);

/* the TLS part of provider->upstream, for https:// */
ngx_int_t ngx_http_ai_provider_ssl_init(ngx_conf_t *cf,
    ngx_http_ai_provider_t *provider);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_PROVIDER_INT_H */
