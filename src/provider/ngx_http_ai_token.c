
#include <provider/ngx_http_ai_token.h>


#define NGX_HTTP_AI_TOKEN_EARLY   300000    /* ms before its end renewed ... */
#define NGX_HTTP_AI_TOKEN_LATE    10000     /* ... and no longer used */
#define NGX_HTTP_AI_TOKEN_LOCK    (NGX_HTTP_AI_FETCH_TIMEOUT + 2000)
#define NGX_HTTP_AI_TOKEN_POLL    50        /* ms */
#define NGX_HTTP_AI_TOKEN_BACK    1000      /* ms, doubled ... */
#define NGX_HTTP_AI_TOKEN_BACKOFF 60000     /* ... up to this */
#define NGX_HTTP_AI_TOKEN_FORGET  600000    /* ms, of refused tokens */


/* may these ms have passed since then?  the clock may wrap, or start anew */
#define ngx_http_ai_token_passed(now, since, ms)                              \
    ((ngx_msec_t) ((now) - (since)) >= (ngx_msec_t) (ms))

/* is it not yet that time? */
#define ngx_http_ai_token_before(now, time)                                   \
    ((ngx_msec_int_t) ((time) - (now)) > 0)


/* at->credential: what waits, and later what was used */
typedef struct {
    ngx_queue_t                queue;
    ngx_http_ai_attempt_t     *attempt;     /* NULL: does not wait */
    ngx_atomic_uint_t          generation;
} ngx_http_ai_token_wait_t;


static ngx_int_t ngx_http_ai_token_prepare(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_token_cancel(ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_token_sign(ngx_http_ai_attempt_t *at,
    const ngx_http_ai_signing_t *what, ai_buf_t *b);
static void ngx_http_ai_token_refused(ngx_http_ai_attempt_t *at);

static ngx_int_t ngx_http_ai_token_sync(ngx_http_ai_token_t *token);
static void ngx_http_ai_token_renew(ngx_http_ai_token_t *token);
static ngx_int_t ngx_http_ai_token_get(ngx_http_ai_token_t *token);
static ngx_int_t ngx_http_ai_token_claim(ngx_http_ai_token_t *token);
static ngx_msec_t ngx_http_ai_token_backoff(ngx_uint_t n);
static ngx_int_t ngx_http_ai_token_fetch(ngx_http_ai_token_t *token);
static void ngx_http_ai_token_fetched(ngx_http_ai_fetch_t *f);
static void ngx_http_ai_token_store(ngx_http_ai_token_t *token,
    ai_oauth_t *o);
static void ngx_http_ai_token_fail(ngx_http_ai_token_t *token,
    ai_str_t *why);
static void ngx_http_ai_token_look(ngx_event_t *ev);
static void ngx_http_ai_token_wake(ngx_http_ai_token_t *token, ngx_int_t rc);


const ngx_http_ai_credential_t  ngx_http_ai_token_credential = {
    ngx_http_ai_token_prepare,
    ngx_http_ai_token_cancel,
    ngx_http_ai_token_sign,
    ngx_http_ai_token_refused
};


ngx_http_ai_token_t *
ngx_http_ai_token_create(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *key,
    const ngx_http_ai_fetch_conf_t *place,
    ngx_http_ai_token_request_pt request, void *data)
{
    ngx_str_t                 id;
    ngx_http_ai_token_t      *token;
    ngx_http_ai_main_conf_t  *amcf;

    token = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_token_t));
    if (token == NULL) {
        return NULL;
    }

    id.len = sizeof("token/") - 1 + key->len;

    id.data = ngx_pnalloc(cf->pool, id.len);
    if (id.data == NULL) {
        return NULL;
    }

    ngx_sprintf(id.data, "token/%V", key);

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    token->name = *name;
    token->place = place;
    token->request = request;
    token->data = data;
    token->zone = amcf->zone.shm_zone;

    token->timer.handler = ngx_http_ai_token_look;
    token->timer.data = token;
    token->timer.log = &cf->cycle->new_log;

    ngx_queue_init(&token->waiting);

    if (ngx_http_ai_zone_want_block(&amcf->zone, &id,
                                    sizeof(ngx_http_ai_token_sh_t),
                                    (void **) &token->sh)
        != NGX_OK)
    {
        return NULL;
    }

    return token;
}


static ngx_int_t
ngx_http_ai_token_prepare(ngx_http_ai_attempt_t *at)
{
    ngx_int_t                  rc;
    ngx_http_ai_token_t       *token;
    ngx_http_ai_token_wait_t  *wait;

    token = at->provider->credential_data;

    if (ngx_http_ai_token_sync(token) == NGX_OK) {
        ngx_http_ai_token_renew(token);
        return NGX_OK;
    }

    rc = ngx_http_ai_token_get(token);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, at->ctx->request->connection->log, 0,
                      "ai: no access token for provider \"%V\"",
                      &token->name);
        return NGX_ERROR;
    }

    wait = ngx_palloc(at->ctx->request->pool,
                      sizeof(ngx_http_ai_token_wait_t));
    if (wait == NULL) {
        return NGX_ERROR;
    }

    wait->attempt = at;
    ngx_queue_insert_tail(&token->waiting, &wait->queue);

    at->credential = wait;

    return NGX_AGAIN;
}


static void
ngx_http_ai_token_cancel(ngx_http_ai_attempt_t *at)
{
    ngx_http_ai_token_t       *token;
    ngx_http_ai_token_wait_t  *wait;

    token = at->provider->credential_data;
    wait = at->credential;

    if (wait == NULL || wait->attempt == NULL) {
        return;
    }

    wait->attempt = NULL;
    ngx_queue_remove(&wait->queue);

    if (ngx_queue_empty(&token->waiting) && token->timer.timer_set) {
        ngx_del_timer(&token->timer);
    }
}


static ngx_int_t
ngx_http_ai_token_sign(ngx_http_ai_attempt_t *at,
    const ngx_http_ai_signing_t *what, ai_buf_t *b)
{
    ngx_http_ai_token_t       *token;
    ngx_http_ai_token_wait_t  *used;

    token = at->provider->credential_data;

    /* a name was looked up meanwhile: the token may have been exchanged */

    (void) ngx_http_ai_token_sync(token);

    if (token->len == 0) {
        ngx_log_error(NGX_LOG_ERR, at->ctx->request->connection->log, 0,
                      "ai: the access token for provider \"%V\" was refused "
                      "meanwhile", &token->name);
        return NGX_ERROR;
    }

    used = ngx_pcalloc(at->ctx->request->pool,
                       sizeof(ngx_http_ai_token_wait_t));
    if (used == NULL) {
        return NGX_ERROR;
    }

    used->generation = token->generation;
    at->credential = used;

    ai_buf_lit(b, "Authorization: Bearer ");
    ai_buf_add(b, token->text, token->len);
    ai_buf_lit(b, "\r\n");

    return b->failed ? NGX_ERROR : NGX_OK;
}


/*
 * The token goes, unless it has been exchanged since.  Where new ones are
 * refused too, another would not help, and the endpoint is not to be asked for
 * each request.
 */

static void
ngx_http_ai_token_refused(ngx_http_ai_attempt_t *at)
{
    ngx_uint_t                 dropped;
    ngx_http_ai_token_t       *token;
    ngx_http_ai_token_sh_t    *sh;
    ngx_http_ai_token_wait_t  *used;

    token = at->provider->credential_data;
    used = at->credential;
    sh = token->sh;

    if (used == NULL || used->attempt) {
        return;
    }

    dropped = 0;

    ngx_http_ai_zone_lock(token->zone);

    if (sh->generation == used->generation && sh->len
        && (sh->drops == 0
            || ngx_http_ai_token_passed(ngx_current_msec, sh->dropped,
                                  ngx_http_ai_token_backoff(sh->drops))))
    {
        sh->len = 0;
        sh->generation++;
        sh->drops++;
        sh->dropped = ngx_current_msec;

        dropped = 1;
    }

    ngx_http_ai_zone_unlock(token->zone);

    if (dropped) {
        ngx_log_error(NGX_LOG_WARN, at->ctx->request->connection->log, 0,
                      "ai: provider \"%V\" refused its access token, the next "
                      "request gets a new one", &token->name);
    }
}


/* takes over what is in shared memory; NGX_OK: there is a token to be used */

static ngx_int_t
ngx_http_ai_token_sync(ngx_http_ai_token_t *token)
{
    ngx_http_ai_token_sh_t  *sh;

    sh = token->sh;

    if (token->generation != sh->generation) {

        ngx_http_ai_zone_lock(token->zone);

        token->generation = sh->generation;
        token->due = sh->due;
        token->end = sh->end;
        token->len = sh->len;
        ngx_memcpy(token->text, sh->text, sh->len);

        ngx_http_ai_zone_unlock(token->zone);
    }

    return token->len && ngx_http_ai_token_before(ngx_current_msec,
                                                  token->end)
           ? NGX_OK : NGX_DECLINED;
}


/* in the background, if it is time and nobody does so */

static void
ngx_http_ai_token_renew(ngx_http_ai_token_t *token)
{
    if (token->fetch || ngx_exiting || ngx_terminate
        || ngx_http_ai_token_before(ngx_current_msec, token->due)
        || (token->sh->owner
            && ngx_http_ai_token_before(ngx_current_msec,
                                        token->sh->deadline)))
    {
        return;
    }

    if (ngx_http_ai_token_claim(token) == NGX_OK) {
        (void) ngx_http_ai_token_fetch(token);
    }
}


/* NGX_OK: there is one after all; NGX_AGAIN: it is asked for; NGX_ERROR */

static ngx_int_t
ngx_http_ai_token_get(ngx_http_ai_token_t *token)
{
    ngx_int_t  rc;

    if (token->fetch) {
        return NGX_AGAIN;
    }

    rc = ngx_http_ai_token_claim(token);

    if (rc == NGX_OK) {
        return ngx_http_ai_token_fetch(token) == NGX_OK ? NGX_AGAIN
                                                        : NGX_ERROR;
    }

    if (rc == NGX_DONE) {

        if (ngx_http_ai_token_sync(token) == NGX_OK) {
            return NGX_OK;
        }

        rc = NGX_AGAIN;
    }

    if (rc == NGX_AGAIN && !token->timer.timer_set) {
        ngx_add_timer(&token->timer, NGX_HTTP_AI_TOKEN_POLL);
    }

    return rc;
}


/*
 * NGX_OK: this worker is to ask; NGX_AGAIN: another does; NGX_DONE: one has;
 * NGX_ERROR: that failed a moment ago.
 */

static ngx_int_t
ngx_http_ai_token_claim(ngx_http_ai_token_t *token)
{
    ngx_int_t                rc;
    ngx_msec_t               now;
    ngx_http_ai_token_sh_t  *sh;

    sh = token->sh;
    now = ngx_current_msec;

    ngx_http_ai_zone_lock(token->zone);

    if (sh->generation != token->generation) {
        rc = NGX_DONE;

    } else if (sh->failures
               && !ngx_http_ai_token_passed(now, sh->failed,
                                  ngx_http_ai_token_backoff(sh->failures)))
    {
        rc = NGX_ERROR;

    } else if (sh->owner && ngx_http_ai_token_before(now, sh->deadline)
               && (sh->owner == ngx_pid || kill(sh->owner, 0) == 0
                   || ngx_errno != NGX_ESRCH))
    {
        rc = NGX_AGAIN;

    } else {
        sh->owner = ngx_pid;
        sh->deadline = now + NGX_HTTP_AI_TOKEN_LOCK;
        rc = NGX_OK;
    }

    ngx_http_ai_zone_unlock(token->zone);

    return rc;
}


static ngx_msec_t
ngx_http_ai_token_backoff(ngx_uint_t n)
{
    if (n > 6) {
        return NGX_HTTP_AI_TOKEN_BACKOFF;
    }

    return ngx_min((ngx_msec_t) NGX_HTTP_AI_TOKEN_BACK << (n - 1),
                   NGX_HTTP_AI_TOKEN_BACKOFF);
}


/* to be called by the owner, who is none any more after NGX_ERROR */

static ngx_int_t
ngx_http_ai_token_fetch(ngx_http_ai_token_t *token)
{
    ai_str_t                      why;
    ngx_pool_t                   *pool;
    ngx_http_ai_fetch_request_t   rq;

    ngx_memzero(&rq, sizeof(ngx_http_ai_fetch_request_t));

    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (pool) {

        if (token->request(token->data, pool, &rq) == NGX_OK) {
            token->fetch = ngx_http_ai_fetch(token->place, &rq,
                                             ngx_http_ai_token_fetched,
                                             token);
        }

        if (rq.body.len) {
            ngx_memzero(rq.body.data, rq.body.len);
        }

        ngx_destroy_pool(pool);
    }

    if (token->fetch) {
        return NGX_OK;
    }

    why = ai_lit("the request cannot be made");
    ngx_http_ai_token_fail(token, &why);

    return NGX_ERROR;
}


static void
ngx_http_ai_token_fetched(ngx_http_ai_fetch_t *f)
{
    ai_str_t              body, why;
    ai_oauth_t            o;
    ngx_http_ai_token_t  *token;

    token = f->data;
    token->fetch = NULL;

    if (f->error) {
        why.data = (u_char *) f->error;
        why.len = ngx_strlen(f->error);

        ngx_http_ai_token_fail(token, &why);
        ngx_http_ai_token_wake(token, NGX_ERROR);

        return;
    }

    body = ai_buf_str(&f->http.body);

    if (ai_oauth_answer(f->http.status, &body, &f->ai_pool, &o) != AI_OK) {
        ngx_http_ai_token_fail(token, &o.why);
        ngx_http_ai_token_wake(token, NGX_ERROR);

    } else {
        ngx_http_ai_token_store(token, &o);
        ngx_http_ai_token_wake(token, NGX_OK);
    }

    if (body.len) {
        ngx_memzero(body.data, body.len);
    }
}


/* a token of a minute has to do with less than minutes of reserve */

static void
ngx_http_ai_token_store(ngx_http_ai_token_t *token, ai_oauth_t *o)
{
    ngx_msec_t               now, life;
    ngx_uint_t               failures, level;
    ngx_http_ai_token_sh_t  *sh;

    sh = token->sh;
    now = ngx_current_msec;
    life = (ngx_msec_t) o->expires_in * 1000;

    ngx_http_ai_zone_lock(token->zone);

    ngx_memcpy(sh->text, o->token.data, o->token.len);
    sh->len = o->token.len;

    sh->due = now + life - ngx_min(life / 2, NGX_HTTP_AI_TOKEN_EARLY);
    sh->end = now + life - ngx_min(life / 10, NGX_HTTP_AI_TOKEN_LATE);

    failures = sh->failures;
    sh->failures = 0;

    if (ngx_http_ai_token_passed(now, sh->dropped, NGX_HTTP_AI_TOKEN_FORGET))
    {
        sh->drops = 0;
    }

    if (sh->owner == ngx_pid) {
        sh->owner = 0;
    }

    sh->generation++;

    ngx_http_ai_zone_unlock(token->zone);

    level = failures ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "ai: access token for provider \"%V\" is there, for %L "
                  "seconds", &token->name, o->expires_in);
}


static void
ngx_http_ai_token_fail(ngx_http_ai_token_t *token, ai_str_t *why)
{
    ngx_uint_t               failures, level;
    ngx_http_ai_token_sh_t  *sh;

    sh = token->sh;

    ngx_http_ai_zone_lock(token->zone);

    failures = ++sh->failures;
    sh->failed = ngx_current_msec;

    if (sh->owner == ngx_pid) {
        sh->owner = 0;
    }

    ngx_http_ai_zone_unlock(token->zone);

    /* as long as there is an old one nobody suffers */

    level = ngx_http_ai_token_sync(token) == NGX_OK ? NGX_LOG_WARN
                                                    : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "ai: no new access token for provider \"%V\" from \"%V\": "
                  "%*s, next try in %M ms at the earliest",
                  &token->name, &token->place->host_header, why->len,
                  why->data, ngx_http_ai_token_backoff(failures));
}


/* has the worker that asks got it? */

static void
ngx_http_ai_token_look(ngx_event_t *ev)
{
    ngx_int_t             rc;
    ngx_http_ai_token_t  *token;

    token = ev->data;

    if (ngx_queue_empty(&token->waiting)) {
        return;
    }

    if (ngx_http_ai_token_sync(token) == NGX_OK) {
        ngx_http_ai_token_wake(token, NGX_OK);
        return;
    }

    rc = ngx_http_ai_token_get(token);

    if (rc != NGX_AGAIN) {
        ngx_http_ai_token_wake(token, rc);
    }
}


/* who is woken may wait again, for another attempt of the same request */

static void
ngx_http_ai_token_wake(ngx_http_ai_token_t *token, ngx_int_t rc)
{
    ngx_queue_t                all, *q;
    ngx_http_ai_attempt_t     *at;
    ngx_http_ai_token_wait_t  *wait;

    if (token->timer.timer_set) {
        ngx_del_timer(&token->timer);
    }

    if (ngx_queue_empty(&token->waiting)) {
        return;
    }

    if (rc == NGX_OK) {
        (void) ngx_http_ai_token_sync(token);
    }

    ngx_queue_init(&all);
    ngx_queue_add(&all, &token->waiting);
    ngx_queue_init(&token->waiting);

    /* what one does may cancel others, which leave the queue then */

    while (!ngx_queue_empty(&all)) {
        q = ngx_queue_head(&all);
        wait = ngx_queue_data(q, ngx_http_ai_token_wait_t, queue);

        ngx_queue_remove(q);

        at = wait->attempt;
        wait->attempt = NULL;

        ngx_http_ai_credential_done(at, rc);
    }
}
