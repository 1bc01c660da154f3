
/*
 * Credentials that are more than a fixed header line: access tokens that are
 * fetched, and requests that are signed.
 *
 *     attempt  prepare -> (resolve) -> begin -> sign -> upstream -> refused?
 *                 |           ^
 *              NGX_AGAIN -> ngx_http_ai_credential_done()
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_CREDENTIAL_H
#define NGX_HTTP_AI_CREDENTIAL_H


/* a request that is complete but for its credential */
typedef struct {
    ai_str_t                   method;
    ai_str_t                   path;        /* with query, as on the wire */
    ai_str_t                   host;        /* of "Host:" */
    ngx_chain_t               *body;
} ngx_http_ai_signing_t;


/* each may be NULL: nothing to be done there */
typedef struct {

    /*
     * Before an attempt starts.  NGX_OK: go on; NGX_AGAIN: at->credential is
     * what is waited for, and ngx_http_ai_credential_done() is called later,
     * from an event; NGX_ERROR: the attempt fails with AI_ERR_UPSTREAM_AUTH,
     * why was logged.
     */
    ngx_int_t        (*prepare)(ngx_http_ai_attempt_t *at);

    /* the attempt is cancelled or gone while prepare was pending */
    void             (*cancel)(ngx_http_ai_attempt_t *at);

    /* appends the header lines of a request that is otherwise complete;
     * NGX_ERROR: no memory, or there is no credential any more */
    ngx_int_t        (*sign)(ngx_http_ai_attempt_t *at,
                         const ngx_http_ai_signing_t *what, ai_buf_t *b);

    /* the provider answered 401: what was used is no longer good */
    void             (*refused)(ngx_http_ai_attempt_t *at);
} ngx_http_ai_credential_t;


#pragma GCC visibility push(hidden)


/*
 * core/attempt: a pending prepare is over.  rc is NGX_OK or NGX_ERROR, which
 * is why the attempt then fails; posted requests of the attempt's connection
 * are run, so nothing of the attempt may be touched after it.
 */
void ngx_http_ai_credential_done(ngx_http_ai_attempt_t *at, ngx_int_t rc);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_CREDENTIAL_H */
