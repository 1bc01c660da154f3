
/*
 * ai_pass and the settings of a location.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_PASS_H
#define NGX_HTTP_AI_PASS_H


/* ai_error_format */
#define NGX_HTTP_AI_ERRORS_OFF        0
#define NGX_HTTP_AI_ERRORS_AUTO       1
#define NGX_HTTP_AI_ERRORS_OPENAI     2
#define NGX_HTTP_AI_ERRORS_ANTHROPIC  3
#define NGX_HTTP_AI_ERRORS_GEMINI     4


/* ai_client_abort */
#define NGX_HTTP_AI_ABORT_DRAIN       0
#define NGX_HTTP_AI_ABORT_CUT         1


/* ai_headers */
#define NGX_HTTP_AI_HEADERS_OFF       0
#define NGX_HTTP_AI_HEADERS_ON        1
#define NGX_HTTP_AI_HEADERS_DEBUG     2


typedef struct {
    ngx_http_complex_value_t  *name;        /* of ai_pass; NULL: not here */
    ngx_http_ai_place_t        place;       /* of ai_pass */
    ngx_http_ai_route_t       *route;       /* of a literal name */
    ngx_http_complex_value_t  *model;       /* of ai_model */

    ngx_uint_t                 next_upstream;        /* NEXT_* */
    ngx_uint_t                 next_upstream_tries;
    ngx_msec_t                 next_upstream_timeout;
    ngx_msec_t                 connect_timeout;
    ngx_msec_t                 send_timeout;
    ngx_msec_t                 read_timeout;
    ngx_msec_t                 first_token_timeout;

    ngx_uint_t                 client_abort;
    ngx_uint_t                 drain_tokens;
    ngx_msec_t                 drain_timeout;
    size_t                     body_max_size;
    ngx_array_t               *params;      /* ngx_http_ai_param_t, or NULL */
    ngx_uint_t                 error_format;
    ngx_uint_t                 headers;
} ngx_http_ai_pass_loc_conf_t;


#pragma GCC visibility push(hidden)


/* setters */
char *ngx_http_ai_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ai_next_upstream(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_ai_client_abort(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

void ngx_http_ai_pass_create(ngx_http_ai_pass_loc_conf_t *conf);
char *ngx_http_ai_pass_merge(ngx_conf_t *cf,
    ngx_http_ai_pass_loc_conf_t *prev, ngx_http_ai_pass_loc_conf_t *conf);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_PASS_H */
