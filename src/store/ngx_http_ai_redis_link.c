
/*
 * ai_redis: one connection.
 *
 * hiredis owns the socket; nginx watches it, level-triggered, since hiredis
 * reads a limited amount each time.  It is "up" when a reply has come: a
 * connection alone says nothing, as the kernel of a server that hangs accepts
 * them.
 *
 * hiredis calls cleanup() exactly once for each connection, whoever ended it
 * and why: what comes next is decided there and nowhere else.
 *
 * As long as none is up one connection tries, the leader, and the others wait
 * for it.
 */

#include <store/ngx_http_ai_redis_int.h>

#include <sys/ioctl.h>


#define NGX_HTTP_AI_REDIS_BACKOFF_MIN   50
#define NGX_HTTP_AI_REDIS_BACKOFF_MAX   2000
#define NGX_HTTP_AI_REDIS_ELEMENTS_MAX  65536
#define NGX_HTTP_AI_REDIS_STRING_MAX    (16 * 1024 * 1024)

#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_http_ai_redis_elements_t;
#else
typedef int     ngx_http_ai_redis_elements_t;
#endif


static void ngx_http_ai_redis_link_setup(ngx_http_ai_redis_link_t *link);
static void ngx_http_ai_redis_link_greet(ngx_http_ai_redis_link_t *link);
static void ngx_http_ai_redis_link_reader(redisAsyncContext *ac);
static void *ngx_http_ai_redis_link_string(const redisReadTask *task,
    char *text, size_t len);
static void *ngx_http_ai_redis_link_array(const redisReadTask *task,
    ngx_http_ai_redis_elements_t n);
static void *ngx_http_ai_redis_link_integer(const redisReadTask *task,
    long long n);
static void *ngx_http_ai_redis_link_nil(const redisReadTask *task);
static ngx_uint_t ngx_http_ai_redis_link_asked(const redisReadTask *task);
static void ngx_http_ai_redis_link_authed(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_redis_link_selected(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_redis_link_pong(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_redis_link_up(ngx_http_ai_redis_link_t *link);
static void ngx_http_ai_redis_link_lost(ngx_http_ai_redis_link_t *link);
static ngx_uint_t ngx_http_ai_redis_link_busy(ngx_http_ai_redis_link_t *link);
static void ngx_http_ai_redis_link_code(ngx_http_ai_redis_link_t *link,
    const ngx_str_t *error);
static void ngx_http_ai_redis_link_why(ngx_http_ai_redis_link_t *link,
    redisAsyncContext *ac);
static void ngx_http_ai_redis_link_timer(ngx_event_t *ev);
static void ngx_http_ai_redis_link_expired(ngx_http_ai_redis_link_t *link);
static void ngx_http_ai_redis_link_drain(ngx_http_ai_redis_link_t *link);
static void ngx_http_ai_redis_link_connected(const redisAsyncContext *ac,
    int status);
static void ngx_http_ai_redis_link_read(ngx_event_t *ev);
static void ngx_http_ai_redis_link_write(ngx_event_t *ev);
static void ngx_http_ai_redis_link_flush(ngx_event_t *ev);
static void ngx_http_ai_redis_link_add_read(void *data);
static void ngx_http_ai_redis_link_del_read(void *data);
static void ngx_http_ai_redis_link_add_write(void *data);
static void ngx_http_ai_redis_link_del_write(void *data);
static void ngx_http_ai_redis_link_cleanup(void *data);


/* hiredis' own, and those with our checks before them */
static redisReplyObjectFunctions  ngx_http_ai_redis_theirs;
static redisReplyObjectFunctions  ngx_http_ai_redis_ours;


void
ngx_http_ai_redis_link_init(ngx_http_ai_redis_link_t *link,
    ngx_http_ai_redis_t *rd)
{
    link->rd = rd;

    ngx_queue_init(&link->calls);

    link->ident.fd = (ngx_socket_t) -1;
    link->ident.data = link;

    link->timer.handler = ngx_http_ai_redis_link_timer;
    link->timer.data = &link->ident;
    link->timer.log = rd->log;
    link->timer.cancelable = 1;

    link->flush.handler = ngx_http_ai_redis_link_flush;
    link->flush.data = &link->ident;
    link->flush.log = rd->log;
}


void
ngx_http_ai_redis_link_start(ngx_http_ai_redis_link_t *link)
{
    ngx_http_ai_redis_t       *rd;
    ngx_http_ai_redis_addr_t  *addrs;

    rd = link->rd;
    addrs = rd->addrs.elts;

    if (!rd->up) {

        if (ngx_http_ai_redis_link_busy(link)) {
            return;
        }

        rd->leader = link;

        if (rd->sentinel.len) {
            ngx_http_ai_redis_ask(rd);
            return;
        }
    }

    ngx_http_ai_redis_link_connect(link, rd->sentinel.len ? &rd->master
                                                          : &addrs[rd->at]);
}


void
ngx_http_ai_redis_link_connect(ngx_http_ai_redis_link_t *link,
    ngx_http_ai_redis_addr_t *addr)
{
    redisAsyncContext    *ac;
    ngx_http_ai_redis_t  *rd;

    rd = link->rd;

    link->addr = addr;
    link->reason = NGX_HTTP_AI_REDIS_R_NONE;
    link->code[0] = '\0';
    link->connected = 0;

    ac = addr->port ? redisAsyncConnect(addr->host, addr->port)
                    : redisAsyncConnectUnix(addr->host);

    if (ac == NULL) {
        link->reason = NGX_HTTP_AI_REDIS_R_MEMORY;
        ngx_http_ai_redis_link_lost(link);
        return;
    }

    if (ac->err) {
        ngx_http_ai_redis_link_why(link, ac);
        goto failed;
    }

    link->c = ngx_get_connection(ac->c.fd, rd->log);

    if (link->c == NULL) {
        link->reason = NGX_HTTP_AI_REDIS_R_MEMORY;
        goto failed;
    }

    link->ac = ac;

    ngx_http_ai_redis_link_setup(link);

#if (NGX_HTTP_AI_HIREDIS_SSL)
    if (rd->ssl && !link->sentinel
        && redisInitiateSSLWithContext(&ac->c, rd->ssl_ctx) != REDIS_OK)
    {
        ngx_http_ai_redis_link_fail(link, NGX_HTTP_AI_REDIS_R_CONNECT, NULL);
        return;
    }
#endif

    if (link->sentinel) {
        ngx_http_ai_redis_ask_greet(link);
        return;
    }

    ngx_http_ai_redis_link_greet(link);

    return;

failed:

    redisAsyncFree(ac);
    ngx_http_ai_redis_link_lost(link);
}


static void
ngx_http_ai_redis_link_setup(ngx_http_ai_redis_link_t *link)
{
    ngx_connection_t   *c;
    redisAsyncContext  *ac;

    c = link->c;
    ac = link->ac;

    c->data = link;
    c->read->handler = ngx_http_ai_redis_link_read;
    c->write->handler = ngx_http_ai_redis_link_write;
    c->read->log = link->rd->log;
    c->write->log = link->rd->log;

    ac->data = link;
    ac->ev.data = link;
    ac->ev.addRead = ngx_http_ai_redis_link_add_read;
    ac->ev.delRead = ngx_http_ai_redis_link_del_read;
    ac->ev.addWrite = ngx_http_ai_redis_link_add_write;
    ac->ev.delWrite = ngx_http_ai_redis_link_del_write;
    ac->ev.cleanup = ngx_http_ai_redis_link_cleanup;

    ngx_http_ai_redis_link_reader(ac);

    (void) redisAsyncSetConnectCallback(ac, ngx_http_ai_redis_link_connected);
}


/* what is sent first, all at once */

static void
ngx_http_ai_redis_link_greet(ngx_http_ai_redis_link_t *link)
{
    u_char                db[NGX_INT_T_LEN];
    ngx_int_t             rc;
    ngx_str_t             argv[3];
    ngx_uint_t            n;
    ngx_msec_t            timeout;
    ngx_http_ai_redis_t  *rd;

    rd = link->rd;
    rc = NGX_OK;
    timeout = rd->connect_timeout + rd->timeout;

    if (rd->password.len) {
        n = 0;
        ngx_str_set(&argv[n], "AUTH");

        if (rd->user.len) {
            argv[++n] = rd->user;
        }

        argv[++n] = rd->password;

        rc = ngx_http_ai_redis_own(link, argv, n + 1, timeout,
                                   ngx_http_ai_redis_link_authed);
    }

    if (rc == NGX_OK && rd->db) {
        ngx_str_set(&argv[0], "SELECT");
        argv[1].data = db;
        argv[1].len = ngx_sprintf(db, "%i", rd->db) - db;

        rc = ngx_http_ai_redis_own(link, argv, 2, timeout,
                                   ngx_http_ai_redis_link_selected);
    }

    if (rc == NGX_OK) {
        ngx_str_set(&argv[0], "PING");

        rc = ngx_http_ai_redis_own(link, argv, 1, timeout,
                                   ngx_http_ai_redis_link_pong);
    }

    if (rc != NGX_OK) {
        ngx_http_ai_redis_link_fail(link, NGX_HTTP_AI_REDIS_R_MEMORY, NULL);
    }
}


void
ngx_http_ai_redis_link_ping(ngx_http_ai_redis_link_t *link)
{
    ngx_str_t  ping;

    ngx_str_set(&ping, "PING");

    if (ngx_http_ai_redis_own(link, &ping, 1, link->rd->timeout,
                              ngx_http_ai_redis_link_pong)
        != NGX_OK)
    {
        ngx_http_ai_redis_link_fail(link, NGX_HTTP_AI_REDIS_R_MEMORY, NULL);
    }
}


/*
 * hiredis 0.14 ends the process (assert) when a reply comes that nobody asked
 * for, and allocates what a list says it has.  Both are checked before: what
 * is refused here is a protocol error there.
 */

static void
ngx_http_ai_redis_link_reader(redisAsyncContext *ac)
{
    if (ngx_http_ai_redis_theirs.createString == NULL) {
        ngx_http_ai_redis_theirs = *ac->c.reader->fn;

        ngx_http_ai_redis_ours = ngx_http_ai_redis_theirs;
        ngx_http_ai_redis_ours.createString = ngx_http_ai_redis_link_string;
        ngx_http_ai_redis_ours.createArray = ngx_http_ai_redis_link_array;
        ngx_http_ai_redis_ours.createInteger = ngx_http_ai_redis_link_integer;
        ngx_http_ai_redis_ours.createNil = ngx_http_ai_redis_link_nil;
    }

    ac->c.reader->fn = &ngx_http_ai_redis_ours;
    ac->c.reader->privdata = ac;
}


static void *
ngx_http_ai_redis_link_string(const redisReadTask *task, char *text,
    size_t len)
{
    if (len > NGX_HTTP_AI_REDIS_STRING_MAX
        || !ngx_http_ai_redis_link_asked(task))
    {
        return NULL;
    }

    return ngx_http_ai_redis_theirs.createString(task, text, len);
}


static void *
ngx_http_ai_redis_link_array(const redisReadTask *task,
    ngx_http_ai_redis_elements_t n)
{
    if (n > NGX_HTTP_AI_REDIS_ELEMENTS_MAX
        || !ngx_http_ai_redis_link_asked(task))
    {
        return NULL;
    }

    return ngx_http_ai_redis_theirs.createArray(task, n);
}


static void *
ngx_http_ai_redis_link_integer(const redisReadTask *task, long long n)
{
    if (!ngx_http_ai_redis_link_asked(task)) {
        return NULL;
    }

    return ngx_http_ai_redis_theirs.createInteger(task, n);
}


static void *
ngx_http_ai_redis_link_nil(const redisReadTask *task)
{
    if (!ngx_http_ai_redis_link_asked(task)) {
        return NULL;
    }

    return ngx_http_ai_redis_theirs.createNil(task);
}


static ngx_uint_t
ngx_http_ai_redis_link_asked(const redisReadTask *task)
{
    redisAsyncContext  *ac;

    ac = task->privdata;

    return task->parent || ac->replies.head;
}


static void
ngx_http_ai_redis_link_authed(void *data,
    const ngx_http_ai_redis_reply_t *reply)
{
    if (reply->rc == NGX_HTTP_AI_REDIS_ERROR) {
        ngx_http_ai_redis_link_fail(data, NGX_HTTP_AI_REDIS_R_AUTH,
                                    &reply->text);
    }
}


static void
ngx_http_ai_redis_link_selected(void *data,
    const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_redis_reason_e  reason;

    if (reply->rc == NGX_HTTP_AI_REDIS_ERROR) {
        reason = NGX_HTTP_AI_REDIS_R_SELECT;

        if (ngx_http_ai_redis_is(&reply->text, "NOAUTH")) {
            reason = NGX_HTTP_AI_REDIS_R_AUTH;

        } else if (ngx_http_ai_redis_is(&reply->text, "LOADING")) {
            reason = NGX_HTTP_AI_REDIS_R_LOADING;
        }

        ngx_http_ai_redis_link_fail(data, reason, &reply->text);
    }
}


static void
ngx_http_ai_redis_link_pong(void *data,
    const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_redis_link_t *link = data;

    ngx_http_ai_redis_reason_e  reason;

    switch (reply->rc) {

    case NGX_HTTP_AI_REDIS_OK:
        if (reply->type != NGX_HTTP_AI_REDIS_STR || reply->text.len != 4
            || ngx_strncmp(reply->text.data, "PONG", 4) != 0)
        {
            ngx_http_ai_redis_link_fail(link, NGX_HTTP_AI_REDIS_R_PROTOCOL,
                                        NULL);
            return;
        }

        break;

    case NGX_HTTP_AI_REDIS_ERROR:

        if (ngx_http_ai_redis_is(&reply->text, "MISCONF")
            || ngx_http_ai_redis_is(&reply->text, "BUSY")
            || ngx_http_ai_redis_is(&reply->text, "OOM"))
        {
            /* it is there; what it says to calls is theirs to judge */
            break;
        }

        reason = NGX_HTTP_AI_REDIS_R_REFUSED;

        if (ngx_http_ai_redis_is(&reply->text, "LOADING")) {
            reason = NGX_HTTP_AI_REDIS_R_LOADING;

        } else if (ngx_http_ai_redis_is(&reply->text, "NOAUTH")) {
            reason = NGX_HTTP_AI_REDIS_R_AUTH;
        }

        ngx_http_ai_redis_link_fail(link, reason, &reply->text);
        return;

    default:
        return;
    }

    /* what came before it may have ended the connection */

    if (!link->up && link->reason == NGX_HTTP_AI_REDIS_R_NONE) {
        ngx_http_ai_redis_link_up(link);
    }
}


static void
ngx_http_ai_redis_link_up(ngx_http_ai_redis_link_t *link)
{
    ngx_int_t                  i;
    ngx_http_ai_redis_t       *rd;
    ngx_http_ai_redis_link_t  *other;

    rd = link->rd;

    if (!link->was_up) {
        rd->stats.connects++;
    }

    link->up = 1;
    link->was_up = 1;
    rd->tried = 0;

    ngx_http_ai_redis_changed(rd, link);

    for (i = 0; i < rd->pool; i++) {
        other = &rd->links[i];

        if (other->ac == NULL && !other->timer.timer_set) {
            ngx_http_ai_redis_link_start(other);
        }
    }
}


void
ngx_http_ai_redis_link_fail(ngx_http_ai_redis_link_t *link,
    ngx_http_ai_redis_reason_e reason, const ngx_str_t *error)
{
    link->up = 0;

    if (link->reason == NGX_HTTP_AI_REDIS_R_NONE) {
        link->reason = reason;

        if (error) {
            ngx_http_ai_redis_link_code(link, error);
        }
    }

    /* in a callback of hiredis this waits for its end */

    if (link->ac) {
        redisAsyncFree(link->ac);
    }
}


void
ngx_http_ai_redis_link_close(ngx_http_ai_redis_link_t *link)
{
    if (link->ac) {
        redisAsyncFree(link->ac);
    }

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    if (link->flush.posted) {
        ngx_delete_posted_event(&link->flush);
    }
}


/*
 * The first word of an error, for the log.  What follows may repeat what was
 * sent, a password among it.
 */

static void
ngx_http_ai_redis_link_code(ngx_http_ai_redis_link_t *link,
    const ngx_str_t *error)
{
    size_t                  i;
    static const ngx_str_t  clients =
                            ngx_string("ERR max number of clients reached");

    if (error->len == clients.len
        && ngx_strncmp(error->data, clients.data, clients.len) == 0)
    {
        link->reason = NGX_HTTP_AI_REDIS_R_REFUSED;
        (void) ngx_cpystrn(link->code, (u_char *) "too many clients",
                           sizeof(link->code));
        return;
    }

    for (i = 0; i < error->len && i < 15; i++) {
        if (error->data[i] < 'A' || error->data[i] > 'Z') {
            break;
        }

        link->code[i] = error->data[i];
    }

    link->code[i] = '\0';
}


/* texts of hiredis and of the system */

static void
ngx_http_ai_redis_link_why(ngx_http_ai_redis_link_t *link,
    redisAsyncContext *ac)
{
    if (!link->connected) {
        link->reason = NGX_HTTP_AI_REDIS_R_CONNECT;

    } else if (ac->err == REDIS_ERR_EOF) {
        link->reason = NGX_HTTP_AI_REDIS_R_CLOSED;
        return;

    } else if (ac->err == REDIS_ERR_OOM) {
        link->reason = NGX_HTTP_AI_REDIS_R_PROTOCOL;
        (void) ngx_cpystrn(link->code, (u_char *) "unexpected reply",
                           sizeof(link->code));
        return;

    } else if (ac->err == REDIS_ERR_PROTOCOL) {
        link->reason = NGX_HTTP_AI_REDIS_R_PROTOCOL;
        return;

    } else {
        link->reason = NGX_HTTP_AI_REDIS_R_CLOSED;
    }

    (void) ngx_cpystrn(link->code, (u_char *) ac->c.errstr,
                       sizeof(link->code));
}


/* there is no connection, or not any more */

static void
ngx_http_ai_redis_link_lost(ngx_http_ai_redis_link_t *link)
{
    ngx_uint_t            was_up;
    ngx_http_ai_redis_t  *rd;

    rd = link->rd;
    was_up = link->was_up;

    link->up = 0;

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    if (rd->exiting) {
        return;
    }

    if (link->sentinel) {
        ngx_http_ai_redis_ask_lost(link);
        return;
    }

    ngx_http_ai_redis_changed(rd, link);

    link->was_up = 0;

    if (!rd->up) {

        if (ngx_http_ai_redis_link_busy(link)) {
            return;
        }

        rd->leader = link;

        if (rd->sentinel.len == 0) {

            if (was_up && link->reason != NGX_HTTP_AI_REDIS_R_READONLY) {
                rd->at = 0;

            } else {
                rd->at = (rd->at + 1) % rd->addrs.nelts;
            }
        }
    }

    if (was_up) {
        rd->tried = rd->addrs.nelts;
    }

    ngx_http_ai_redis_link_retry(link);
}


/* does another one try, or wait for its next try? */

static ngx_uint_t
ngx_http_ai_redis_link_busy(ngx_http_ai_redis_link_t *link)
{
    ngx_int_t             i;
    ngx_http_ai_redis_t  *rd;

    rd = link->rd;

    for (i = 0; i < rd->pool; i++) {
        if (&rd->links[i] != link
            && (rd->links[i].ac || rd->links[i].timer.timer_set))
        {
            return 1;
        }
    }

    return rd->ask->ac != NULL && rd->leader != link;
}


/*
 * The next try: at once while there are addresses that were not tried yet,
 * then after a while that grows.
 */

void
ngx_http_ai_redis_link_retry(ngx_http_ai_redis_link_t *link)
{
    ngx_msec_t            ms;
    ngx_http_ai_redis_t  *rd;

    rd = link->rd;

    if (link->timer.timer_set) {
        return;
    }

    if (!rd->up && ++rd->tried < rd->addrs.nelts) {
        ngx_add_timer(&link->timer, 1);
        return;
    }

    rd->tried = 0;

    ms = NGX_HTTP_AI_REDIS_BACKOFF_MIN << ngx_min(link->fails, 8);
    ms = ngx_min(ms, NGX_HTTP_AI_REDIS_BACKOFF_MAX);

    link->fails++;

    ngx_add_timer(&link->timer, ms / 2 + (ngx_msec_t) ngx_random()
                                         % (ms / 2 + 1));
}


void
ngx_http_ai_redis_link_watch(ngx_http_ai_redis_link_t *link,
    ngx_msec_t deadline)
{
    ngx_msec_int_t  left;

    /* nginx leaves a timer as it is when it is moved by a little */

    if (link->timer.timer_set) {

        if ((ngx_msec_int_t) (link->timer.timer.key - deadline) <= 0) {
            return;
        }

        ngx_del_timer(&link->timer);
    }

    left = (ngx_msec_int_t) (deadline - ngx_current_msec);

    ngx_add_timer(&link->timer, (ngx_msec_t) ngx_max(left, 1));
}


static void
ngx_http_ai_redis_link_timer(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_ai_redis_link_t  *link;

    c = ev->data;
    link = c->data;

    if (link->ac == NULL) {
        ngx_http_ai_redis_link_start(link);
        return;
    }

    /* this process may have been late, and not the server */

    ngx_http_ai_redis_link_drain(link);

    if (link->ac) {
        ngx_http_ai_redis_link_expired(link);
    }
}


static void
ngx_http_ai_redis_link_drain(ngx_http_ai_redis_link_t *link)
{
    int         n;
    ngx_uint_t  i;

    for (i = 0; link->ac && link->connected && i < 64; i++) {
        n = 0;

        if (ioctl(link->ac->c.fd, FIONREAD, &n) == -1 || n == 0) {
            return;
        }

        redisAsyncHandleRead(link->ac);
    }
}


static void
ngx_http_ai_redis_link_expired(ngx_http_ai_redis_link_t *link)
{
    ngx_int_t                  i;
    ngx_uint_t                 expired;
    ngx_queue_t               *q;
    ngx_http_ai_redis_t       *rd;
    ngx_http_ai_redis_link_t  *other;
    ngx_http_ai_redis_call_t  *call;

    rd = link->rd;
    expired = 0;

    for (q = ngx_queue_head(&link->calls);
         q != ngx_queue_sentinel(&link->calls);
         q = ngx_queue_next(q))
    {
        call = ngx_queue_data(q, ngx_http_ai_redis_call_t, queue);

        if ((ngx_msec_int_t) (call->deadline - ngx_current_msec) <= 0) {
            call->expired = 1;
            expired = 1;

        } else {
            ngx_http_ai_redis_link_watch(link, call->deadline);
        }
    }

    if (!expired) {
        return;
    }

    /* the other connections have to show that it is not the server */

    for (i = 0; i < rd->pool && !link->sentinel; i++) {
        other = &rd->links[i];

        if (other != link && other->up) {
            other->up = 0;
            ngx_http_ai_redis_link_ping(other);
        }
    }

    if (!link->connected) {
        (void) ngx_cpystrn(link->code, (u_char *) "timed out",
                           sizeof(link->code));
    }

    ngx_http_ai_redis_link_fail(link, link->connected
                                      ? NGX_HTTP_AI_REDIS_R_TIMEOUT
                                      : NGX_HTTP_AI_REDIS_R_CONNECT, NULL);
}


static void
ngx_http_ai_redis_link_connected(const redisAsyncContext *ac, int status)
{
    ngx_http_ai_redis_link_t  *link;

    link = ac->data;

    if (status == REDIS_OK) {
        link->connected = 1;
    }
}


static void
ngx_http_ai_redis_link_read(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_ai_redis_link_t  *link;

    c = ev->data;
    link = c->data;

    redisAsyncHandleRead(link->ac);
}


static void
ngx_http_ai_redis_link_write(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_ai_redis_link_t  *link;

    c = ev->data;
    link = c->data;

    link->flushing = 1;
    redisAsyncHandleWrite(link->ac);
    link->flushing = 0;
}


static void
ngx_http_ai_redis_link_flush(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_ai_redis_link_t  *link;

    c = ev->data;
    link = c->data;

    if (link->ac == NULL) {
        return;
    }

    link->flushing = 1;
    redisAsyncHandleWrite(link->ac);
    link->flushing = 0;
}


static void
ngx_http_ai_redis_link_add_read(void *data)
{
    ngx_event_t               *rev;
    ngx_http_ai_redis_link_t  *link = data;

    rev = link->c->read;

    if (!rev->active) {
        (void) ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT);
    }
}


static void
ngx_http_ai_redis_link_del_read(void *data)
{
    ngx_event_t               *rev;
    ngx_http_ai_redis_link_t  *link = data;

    rev = link->c->read;

    if (rev->active) {
        (void) ngx_del_event(rev, NGX_READ_EVENT, 0);
    }
}


/*
 * What is sent in one turn of the event loop goes out at its end, in one
 * write; the socket is watched only where that was not enough.
 */

static void
ngx_http_ai_redis_link_add_write(void *data)
{
    ngx_event_t               *wev;
    ngx_http_ai_redis_link_t  *link = data;

    wev = link->c->write;

    if (wev->active) {
        return;
    }

    if (link->connected && !link->flushing) {
        ngx_post_event(&link->flush, &ngx_posted_events);
        return;
    }

    (void) ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
}


static void
ngx_http_ai_redis_link_del_write(void *data)
{
    ngx_event_t               *wev;
    ngx_http_ai_redis_link_t  *link = data;

    wev = link->c->write;

    if (wev->active) {
        (void) ngx_del_event(wev, NGX_WRITE_EVENT, 0);
    }
}


/* the socket is still open, hiredis closes it behind this */

static void
ngx_http_ai_redis_link_cleanup(void *data)
{
    ngx_connection_t          *c;
    ngx_http_ai_redis_link_t  *link = data;

    c = link->c;

    ngx_http_ai_redis_link_del_read(link);
    ngx_http_ai_redis_link_del_write(link);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    if (link->flush.posted) {
        ngx_delete_posted_event(&link->flush);
    }

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    if (link->reason == NGX_HTTP_AI_REDIS_R_NONE && !link->found) {
        ngx_http_ai_redis_link_why(link, link->ac);
    }

    link->ac = NULL;
    link->c = NULL;

    ngx_http_ai_redis_link_lost(link);
}
