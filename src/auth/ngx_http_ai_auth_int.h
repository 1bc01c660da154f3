
/*
 * Shared by the files of auth.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_AUTH_INT_H
#define NGX_HTTP_AI_AUTH_INT_H


#include <auth/ai_made.h>


/* one for all levels that have it; the first is AI_KEY_SHA256 */
typedef struct {
    ngx_str_t                  name;        /* "file:..." or "env:..." */
    ai_pepper_t               *pepper;
    ai_char_t                  print[AI_PRINT_LEN];
} ngx_http_ai_key_pepper_t;


/* what the ai_key_file lines of one level make together */
struct ngx_http_ai_keys_s {
    ai_keys_t                 *table;
    ngx_array_t                peppers;     /* ngx_uint_t: those of this level,
                                               of all there are */
    ngx_array_t                files;       /* ngx_str_t: paths */
    ai_pool_t                  pool;
    ngx_http_ai_place_t        place;       /* of the first line */
};


typedef enum {
    NGX_HTTP_AI_IDENTITY_KEY = 0,
    NGX_HTTP_AI_IDENTITY_TEAM,
    NGX_HTTP_AI_IDENTITY_PROJECT,
    NGX_HTTP_AI_IDENTITY_CUSTOMER,
    NGX_HTTP_AI_IDENTITY_USER,
    NGX_HTTP_AI_IDENTITY_SESSION,
    NGX_HTTP_AI_IDENTITY_ROLE
} ngx_http_ai_identity_e;


/* "ai_identity" */
typedef struct {
    ngx_uint_t                 what;        /* ngx_http_ai_identity_e */
    ngx_http_complex_value_t  *value;
} ngx_http_ai_identity_line_t;


#pragma GCC visibility push(hidden)


/* the list of peppers is there, with AI_KEY_SHA256 */
ngx_int_t ngx_http_ai_key_peppers(ngx_conf_t *cf);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_AUTH_INT_H */
