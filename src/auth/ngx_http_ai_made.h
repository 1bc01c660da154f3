
/*
 * Keys that ai_api makes, changes and deletes: a file that all workers follow,
 * and, with "redis=" of ai_auth, a Redis that several nodes share.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_MADE_H
#define NGX_HTTP_AI_MADE_H


#include <auth/ai_made.h>


typedef enum {
    NGX_HTTP_AI_MADE_CREATE = 0,
    NGX_HTTP_AI_MADE_CHANGE,
    NGX_HTTP_AI_MADE_ROTATE,
    NGX_HTTP_AI_MADE_BLOCK,
    NGX_HTTP_AI_MADE_UNBLOCK,
    NGX_HTTP_AI_MADE_DELETE
} ngx_http_ai_made_op_e;


typedef struct ngx_http_ai_made_change_s  ngx_http_ai_made_change_t;

typedef void (*ngx_http_ai_made_pt)(ngx_http_ai_made_change_t *change);


/* what is asked for, and what became of it; of the request's pool */
struct ngx_http_ai_made_change_s {
    ngx_http_request_t        *request;
    ngx_http_ai_made_op_e      op;
    ngx_str_t                  id;          /* empty: one is made up */
    ai_json_t                  doc;         /* attributes */
    ai_ref_t                   object;      /* ... or AI_JSON_NONE */
    time_t                     grace;       /* of the secret before, s */
    ngx_http_ai_made_pt        handler;     /* called unless it is done at
                                               once */

    /* the outcome */
    ngx_uint_t                 status;      /* as of HTTP */
    u_char                     text[320];   /* of an error, with a zero */
    u_char                     secret[64];  /* new; len 0: none */
    size_t                     secret_len;

    /* while it goes on */
    ai_pool_t                  pool;
    ai_buf_t                   body;
    int64_t                    version;     /* that was changed; 0: none */
    ngx_uint_t                 tries;
    ngx_http_ai_redis_call_t  *call;
};


#pragma GCC visibility push(hidden)


/* a directive that keys can be made by */
ngx_int_t ngx_http_ai_made_ask(ngx_conf_t *cf);
/* "redis=NAME" of ai_auth */
ngx_int_t ngx_http_ai_made_redis(ngx_conf_t *cf, ngx_str_t *param);

/* once the file was read; and the keys that there are.  NGX_ERROR: [emerg] */
ngx_int_t ngx_http_ai_made_init_conf(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);
ngx_int_t ngx_http_ai_made_load(ngx_conf_t *cf, ngx_http_ai_made_t *made);

ngx_int_t ngx_http_ai_made_init_process(ngx_cycle_t *cycle);

/* as they are now, for this turn of the event loop; NULL: there are none */
const ai_keys_t *ngx_http_ai_made_keys(ngx_http_ai_made_t *made,
    ngx_log_t *log);
const ai_made_t *ngx_http_ai_made_table(ngx_http_ai_made_t *made,
    ngx_log_t *log);

/* a key with its role, for as long as the pool lives; NULL: no memory */
const ai_key_t *ngx_http_ai_made_copy(
    const ngx_http_ai_auth_main_conf_t *conf, const ai_key_t *key,
    const ai_pool_t *pool);

/* NGX_OK: it is done, or refused; NGX_AGAIN: the handler will be called */
ngx_int_t ngx_http_ai_made_change(ngx_http_ai_made_change_t *change);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_MADE_H */
