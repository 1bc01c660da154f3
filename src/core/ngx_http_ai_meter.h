
/*
 * ai_meter: answers that nginx's own modules pass on are counted.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_METER_H
#define NGX_HTTP_AI_METER_H


typedef struct {
    unsigned                   any:1;       /* it is on somewhere */
} ngx_http_ai_meter_main_conf_t;


typedef struct {
    ngx_flag_t                 flag;        /* as configured */
    unsigned                   on:1;        /* ... and no ai_pass is here */
} ngx_http_ai_meter_loc_conf_t;


#pragma GCC visibility push(hidden)


/* the setter of "ai_meter" */
char *ngx_http_ai_meter(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

char *ngx_http_ai_meter_merge(ngx_conf_t *cf,
    ngx_http_ai_meter_loc_conf_t *prev, ngx_http_ai_meter_loc_conf_t *conf,
    ngx_http_ai_pass_loc_conf_t *pass);

/* a header goes out in a location with ai_meter: ctx->meter, if it is that of
 * an answer that can be counted */
void ngx_http_ai_meter_header(ngx_http_request_t *r);

/* ... and these are bytes of it; ctx->meter is there */
void ngx_http_ai_meter_body(ngx_http_ai_ctx_t *ctx, ngx_chain_t *in);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_METER_H */
