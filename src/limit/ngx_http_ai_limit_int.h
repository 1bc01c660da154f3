
/*
 * Between the files of limit.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_LIMIT_INT_H
#define NGX_HTTP_AI_LIMIT_INT_H


/* a limit is far away as long as it has room for so many requests */
#define NGX_HTTP_AI_LIMIT_FAR  16


#pragma GCC visibility push(hidden)


/* fills limit->claim: which counters, and how much they may hold */
ngx_int_t ngx_http_ai_limit_claims(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit);

/* how much of each; NGX_AGAIN: it cannot be told, and must be: not with this
 * candidate, ctx->error is filled */
ngx_int_t ngx_http_ai_limit_size(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_ctx_t *limit,
    const ngx_http_ai_candidate_t *candidate);

/* does one that is exceeded only tell? */
ngx_uint_t ngx_http_ai_limit_lets_pass(ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_limit_claim_t *claim);

/* a stream has used what was reserved for it: ctx->more */
ngx_int_t ngx_http_ai_limit_more(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_attempt_t *at);

/* what admit() returns then; unknown: nobody tells what is left */
ngx_int_t ngx_http_ai_limit_refuse(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_limit_claim_t *claim);
ngx_int_t ngx_http_ai_limit_unknown(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

/* ms since 1970: windows are of everybody's time */
int64_t ngx_http_ai_limit_now(void);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_LIMIT_INT_H */
