
/*
 * ai_set_param, set_param, drop_param: edits of the body on its way to a
 * provider.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_PARAM_H
#define NGX_HTTP_AI_PARAM_H


#include <codec/ai_param.h>


typedef struct {
    ai_param_path_t            path;
    ai_param_mode_e            mode;
    ngx_http_complex_value_t  *value;       /* NULL: DROP */
} ngx_http_ai_param_t;


#pragma GCC visibility push(hidden)


/* "PATH VALUE [mode]", words of a line, into an element of list */
char *ngx_http_ai_param_add(ngx_conf_t *cf, ngx_array_t *list,
    ngx_str_t *value, ngx_uint_t n);

/* "PATH ..." */
char *ngx_http_ai_param_drop(ngx_conf_t *cf, ngx_array_t *list,
    ngx_str_t *value, ngx_uint_t n);

/* the setter of "ai_set_param" */
char *ngx_http_ai_set_param(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Edits at->body: first what the location says, then the provider.
 * NGX_DECLINED: at->error says why it cannot be.
 */
ngx_int_t ngx_http_ai_param_apply(ngx_http_ai_attempt_t *at);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_PARAM_H */
