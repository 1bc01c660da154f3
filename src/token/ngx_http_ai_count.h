
/*
 * Where tokens are counted here: the prompt before anything is spent, where
 * something asks for its size, and what a provider did not report.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_COUNT_H
#define NGX_HTTP_AI_COUNT_H


#include <token/ai_factor.h>
#include <token/ai_prompt.h>


/* ai_token_count */
#define NGX_HTTP_AI_COUNT_AUTO       0      /* where something asks for it */
#define NGX_HTTP_AI_COUNT_ESTIMATE   1      /* by length, never counted */
#define NGX_HTTP_AI_COUNT_TOKENIZER  2      /* every prompt */


/* where a number of tokens is from: $ai_usage_source */
typedef enum {
    NGX_HTTP_AI_SOURCE_NONE = 0,
    NGX_HTTP_AI_SOURCE_PROVIDER,
    NGX_HTTP_AI_SOURCE_TOKENIZER,           /* of the model's vocabulary */
    NGX_HTTP_AI_SOURCE_ESTIMATE
} ngx_http_ai_source_e;


typedef struct ngx_http_ai_factor_s  ngx_http_ai_factor_t;


/* a line "ai_tokenizer" */
typedef struct {
    const ai_tokenizer_t      *tokenizer;
    ngx_array_t                models;      /* ngx_str_t: "m", "m*" */
} ngx_http_ai_tokenizer_t;


typedef struct {
    ngx_array_t               *tokenizers;  /* ngx_http_ai_tokenizer_t */
    ngx_http_ai_factor_t      *factors;     /* in the zone */
    ngx_uint_t                 nfactors;
    int64_t                    context;     /* the smallest "context=" */
    unsigned                   prompt:1;    /* something asks for the size
                                               of every prompt ... */
    unsigned                   sized:1;     /* ... of a target does */
    unsigned                   usage:1;     /* something asks what a request
                                               has used */
    unsigned                   tables:1;    /* "tokenizer" stands somewhere */
} ngx_http_ai_count_main_conf_t;


typedef struct {
    ngx_uint_t                 mode;        /* of ai_token_count */
} ngx_http_ai_count_loc_conf_t;


/* one model's count of a prompt; in ctx->count */
typedef struct {
    ai_token_model_t           model;
    const ai_tokenizer_t      *tokenizer;
    ai_prompt_t                walk;
    int64_t                    tokens;      /* -1: not done */
    ngx_event_t                event;       /* goes on with the next slice */
    unsigned                   failed:1;    /* cannot be counted */
} ngx_http_ai_count_t;


/* the count of an attempt's answer */
typedef struct {
    ai_token_model_t           model;
    const ai_tokenizer_t      *tokenizer;
    ai_output_t                output;
} ngx_http_ai_count_output_t;


#pragma GCC visibility push(hidden)


/* the setter of "ai_tokenizer" */
char *ngx_http_ai_tokenizer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* what is shared by workers */
ngx_int_t ngx_http_ai_count_init_conf(ngx_http_ai_count_main_conf_t *conf,
    ngx_http_ai_zone_main_conf_t *zone);

char *ngx_http_ai_count_merge(ngx_conf_t *cf,
    ngx_http_ai_count_loc_conf_t *prev, ngx_http_ai_count_loc_conf_t *conf);

/* a directive that wants to know what requests have used */
void ngx_http_ai_count_ask(ngx_conf_t *cf);

/* after the whole file was read: finds out who asks, and opens the tables
 * before there are workers */
ngx_int_t ngx_http_ai_count_init(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *amcf);

/*
 * ctx->prompt_est is the request's size as well as it can be told.  NGX_AGAIN:
 * it is long; r->write_event_handler will be called to ask again.
 */
ngx_int_t ngx_http_ai_count_request(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
/* the same, now, of one that was only bounded */
void ngx_http_ai_count_bounded(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx);

/*
 * The prompt by a model's vocabulary into *tokens.  NGX_AGAIN as above, if it
 * may wait; what is too long for it then is projected.  NGX_DECLINED: cannot
 * be counted.  *exact: the vocabulary is the model's own.
 */
ngx_int_t ngx_http_ai_count_prompt(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_str_t *model, ngx_uint_t may_wait,
    int64_t *tokens, ngx_uint_t *exact);

/* what is known of a model, with the factor that was learned of its prompts,
 * or of its output; NULL: no memory */
const ai_tokenizer_t *ngx_http_ai_count_model(ngx_http_request_t *r,
    ngx_str_t *name, ngx_uint_t output, ai_token_model_t *m);

/* is a model's vocabulary known?  Without making it */
ngx_uint_t ngx_http_ai_count_is_exact(ngx_http_request_t *r, ngx_str_t *name);

/* the learned factor of a model's prompts, or of its output; counted is
 * without a factor */
uint32_t ngx_http_ai_count_ratio(ngx_http_request_t *r, ngx_str_t *model,
    ngx_uint_t output, uint32_t fallback);
void ngx_http_ai_count_learn(ngx_http_request_t *r, ngx_str_t *model,
    ngx_uint_t output, int64_t counted, int64_t reported);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_COUNT_H */
