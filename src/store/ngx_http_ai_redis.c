
/*
 * ai_redis: calls and their replies.
 *
 * A call is malloc'ed and belongs to its connection until the reply is there:
 * whoever made it may have gone by then.  hiredis calls back once for each
 * command in any case, without a reply when the connection ends.
 *
 * Scripts go as EVALSHA; where the server does not know one, the same call is
 * sent again as EVAL, behind what was sent meanwhile.
 */

#include <store/ngx_http_ai_redis_int.h>

#include <ngx_sha1.h>

#include <poll.h>


#define NGX_HTTP_AI_REDIS_CALL_MAX     (64 * 1024 * 1024)
#define NGX_HTTP_AI_REDIS_PENDING_MAX  16384
#define NGX_HTTP_AI_REDIS_NODES_MAX    65536
#define NGX_HTTP_AI_REDIS_HEALTH       1000

/* "*" or "$", digits, CRLF */
#define NGX_HTTP_AI_REDIS_COUNT_LEN    (1 + NGX_INT64_LEN + 2)


static ngx_http_ai_redis_link_t *ngx_http_ai_redis_link(
    ngx_http_ai_redis_t *rd);
static ngx_http_ai_redis_call_t *ngx_http_ai_redis_call(
    ngx_http_ai_redis_t *rd, ngx_http_ai_redis_call_t *call,
    ngx_msec_t timeout, ngx_http_ai_redis_pt handler, void *data);
static ngx_http_ai_redis_call_t *ngx_http_ai_redis_build(const ngx_str_t *fix,
    ngx_uint_t nfix, const ngx_str_t *argv, ngx_uint_t argc);
static u_char *ngx_http_ai_redis_arg(u_char *p, const ngx_str_t *arg);
static void ngx_http_ai_redis_sha1(ngx_http_ai_redis_script_t *script);
static void ngx_http_ai_redis_callback(redisAsyncContext *ac, void *data,
    void *priv);
static ngx_int_t ngx_http_ai_redis_again(ngx_http_ai_redis_call_t *call);
static void ngx_http_ai_redis_done(ngx_http_ai_redis_call_t *call,
    ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_redis_failed(ngx_http_ai_redis_t *rd,
    ngx_http_ai_redis_rc_e rc);
static void ngx_http_ai_redis_told(ngx_http_ai_redis_link_t *link,
    const ngx_str_t *error);
static ngx_uint_t ngx_http_ai_redis_nodes(const redisReply *r);
static void ngx_http_ai_redis_copy(ngx_http_ai_redis_reply_t *reply,
    const redisReply *r, ngx_http_ai_redis_reply_t **next);
static int64_t ngx_http_ai_redis_int(const ngx_str_t *s);
static uint64_t ngx_http_ai_redis_now(void);
static ngx_int_t ngx_http_ai_redis_start(ngx_cycle_t *cycle,
    ngx_http_ai_redis_t *rd);
static void ngx_http_ai_redis_counters(ngx_http_ai_redis_t *rd);
static ngx_uint_t ngx_http_ai_redis_poll(ngx_http_ai_redis_t *rd,
    struct pollfd *fd, ngx_http_ai_redis_link_t **links);
static void ngx_http_ai_redis_write(ngx_http_ai_redis_link_t *link);
static void ngx_http_ai_redis_health(ngx_event_t *ev);


/* by ngx_http_ai_redis_reason_e */
static const char  *ngx_http_ai_redis_reasons[] = {
    "",
    "cannot connect",
    "connection closed",
    "no answer in time",
    "protocol error",
    "AUTH refused",
    "SELECT refused",
    "it is loading",
    "it is read-only",
    "PING refused",
    "no master known to Sentinel",
    "no memory or connections"
};


/* by ngx_http_ai_redis_rc_e */
static const ai_str_t  ngx_http_ai_redis_failures[] = {
    ai_string("ok"), ai_string("down"), ai_string("timeout"),
    ai_string("lost"), ai_string("refused")
};


ngx_http_ai_redis_script_t *
ngx_http_ai_redis_script(ai_redis_script_e n)
{
    ngx_http_ai_redis_script_t         *script;
    static ngx_http_ai_redis_script_t   scripts[AI_REDIS_MAX];

    script = &scripts[n];
    script->text = ngx_http_ai_str(ai_redis_script(n));

    return script;
}


const ngx_http_ai_redis_stats_t *
ngx_http_ai_redis_stats(const ngx_http_ai_redis_t *rd)
{
    return &rd->stats;
}


ngx_uint_t
ngx_http_ai_redis_is_up(const ngx_http_ai_redis_t *rd)
{
    return rd->up;
}


ngx_uint_t
ngx_http_ai_redis_is_down(const ngx_http_ai_redis_t *rd)
{
    return !rd->up && rd->known;
}


ngx_msec_t
ngx_http_ai_redis_patience(const ngx_http_ai_redis_t *rd)
{
    return rd->known ? rd->timeout : rd->connect_timeout + rd->timeout;
}


ngx_http_ai_redis_call_t *
ngx_http_ai_redis_eval(ngx_http_ai_redis_t *rd,
    ngx_http_ai_redis_script_t *script, ngx_uint_t nkeys,
    const ngx_str_t *argv, ngx_uint_t argc, ngx_msec_t timeout,
    ngx_http_ai_redis_pt handler, void *data)
{
    u_char                     digits[NGX_INT_T_LEN];
    ngx_str_t                  fix[3];
    ngx_http_ai_redis_call_t  *call;

    if (!rd->up) {
        ngx_http_ai_redis_failed(rd, NGX_HTTP_AI_REDIS_DOWN);
        return NULL;
    }

    ngx_http_ai_redis_sha1(script);

    ngx_str_set(&fix[0], "EVALSHA");
    fix[1].data = script->sha1;
    fix[1].len = sizeof(script->sha1) - 1;
    fix[2].data = digits;
    fix[2].len = ngx_sprintf(digits, "%ui", nkeys) - digits;

    call = ngx_http_ai_redis_build(fix, 3, argv, argc);

    if (call) {
        call->script = script;
    }

    return ngx_http_ai_redis_call(rd, call, timeout, handler, data);
}


ngx_http_ai_redis_call_t *
ngx_http_ai_redis_command(ngx_http_ai_redis_t *rd, const ngx_str_t *argv,
    ngx_uint_t argc, ngx_msec_t timeout, ngx_http_ai_redis_pt handler,
    void *data)
{
    if (!rd->up) {
        ngx_http_ai_redis_failed(rd, NGX_HTTP_AI_REDIS_DOWN);
        return NULL;
    }

    return ngx_http_ai_redis_call(rd,
                                  ngx_http_ai_redis_build(NULL, 0, argv, argc),
                                  timeout, handler, data);
}


void
ngx_http_ai_redis_forget(ngx_http_ai_redis_call_t *call)
{
    call->handler = NULL;
}


static ngx_http_ai_redis_call_t *
ngx_http_ai_redis_call(ngx_http_ai_redis_t *rd,
    ngx_http_ai_redis_call_t *call, ngx_msec_t timeout,
    ngx_http_ai_redis_pt handler, void *data)
{
    ngx_http_ai_redis_link_t  *link;

    link = ngx_http_ai_redis_link(rd);

    if (call == NULL || link == NULL) {
        goto failed;
    }

    /* the time that nginx keeps may be that of long ago */

    ngx_time_update();

    call->handler = handler;
    call->data = data;
    call->start = ngx_http_ai_redis_now();
    call->deadline = ngx_current_msec + (timeout ? timeout : rd->timeout);

    if (ngx_http_ai_redis_send(link, call) != NGX_OK) {
        goto failed;
    }

    rd->stats.pending++;

    return call;

failed:

    if (call) {
        ngx_free(call);
    }

    ngx_http_ai_redis_failed(rd, NGX_HTTP_AI_REDIS_DOWN);

    return NULL;
}


/* the one with the fewest calls on the way */

static ngx_http_ai_redis_link_t *
ngx_http_ai_redis_link(ngx_http_ai_redis_t *rd)
{
    ngx_int_t                  i;
    ngx_http_ai_redis_link_t  *link, *best;

    best = NULL;

    for (i = 0; i < rd->pool; i++) {
        link = &rd->links[i];

        if (link->up && (best == NULL || link->pending < best->pending)) {
            best = link;
        }
    }

    if (best && best->pending >= NGX_HTTP_AI_REDIS_PENDING_MAX) {
        return NULL;
    }

    return best;
}


/* a command of fix and argv; fix is what differs when it is sent again */

static ngx_http_ai_redis_call_t *
ngx_http_ai_redis_build(const ngx_str_t *fix, ngx_uint_t nfix,
    const ngx_str_t *argv, ngx_uint_t argc)
{
    size_t                     len;
    u_char                    *p;
    ngx_uint_t                 i;
    ngx_http_ai_redis_call_t  *call;

    len = NGX_HTTP_AI_REDIS_COUNT_LEN;

    for (i = 0; i < nfix; i++) {
        len += NGX_HTTP_AI_REDIS_COUNT_LEN + fix[i].len + 2;
    }

    for (i = 0; i < argc; i++) {
        if (argv[i].len > NGX_HTTP_AI_REDIS_CALL_MAX) {
            return NULL;
        }

        len += NGX_HTTP_AI_REDIS_COUNT_LEN + argv[i].len + 2;

        if (len > NGX_HTTP_AI_REDIS_CALL_MAX) {
            return NULL;
        }
    }

    call = ngx_alloc(sizeof(ngx_http_ai_redis_call_t) + len, ngx_cycle->log);
    if (call == NULL) {
        return NULL;
    }

    ngx_memzero(call, sizeof(ngx_http_ai_redis_call_t));

    call->argc = nfix + argc;

    p = ngx_sprintf(call->text, "*%ui" CRLF, call->argc);

    for (i = 0; i < nfix; i++) {
        p = ngx_http_ai_redis_arg(p, &fix[i]);

        if (i == 1) {
            call->head = p - call->text;
        }
    }

    for (i = 0; i < argc; i++) {
        p = ngx_http_ai_redis_arg(p, &argv[i]);
    }

    call->len = p - call->text;
    *p = '\0';

    return call;
}


static u_char *
ngx_http_ai_redis_arg(u_char *p, const ngx_str_t *arg)
{
    p = ngx_sprintf(p, "$%uz" CRLF, arg->len);

    if (arg->len) {
        p = ngx_cpymem(p, arg->data, arg->len);
    }

    *p++ = CR;
    *p++ = LF;

    return p;
}


static void
ngx_http_ai_redis_sha1(ngx_http_ai_redis_script_t *script)
{
    u_char      digest[20];
    ngx_sha1_t  sha1;

    if (script->sha1[0]) {
        return;
    }

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, script->text.data, script->text.len);
    ngx_sha1_final(digest, &sha1);

    *ngx_hex_dump(script->sha1, digest, 20) = '\0';
}


/* on failure the call is still the caller's */

ngx_int_t
ngx_http_ai_redis_send(ngx_http_ai_redis_link_t *link,
    ngx_http_ai_redis_call_t *call)
{
    if (link->ac == NULL
        || redisAsyncFormattedCommand(link->ac, ngx_http_ai_redis_callback,
                                      call, (char *) call->text, call->len)
           != REDIS_OK)
    {
        return NGX_ERROR;
    }

    call->link = link;
    link->pending++;
    ngx_queue_insert_tail(&link->calls, &call->queue);

    ngx_http_ai_redis_link_watch(link, call->deadline);

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_redis_own(ngx_http_ai_redis_link_t *link, const ngx_str_t *argv,
    ngx_uint_t argc, ngx_msec_t timeout, ngx_http_ai_redis_pt handler)
{
    ngx_http_ai_redis_call_t  *call;

    call = ngx_http_ai_redis_build(NULL, 0, argv, argc);
    if (call == NULL) {
        return NGX_ERROR;
    }

    ngx_time_update();

    call->own = 1;
    call->handler = handler;
    call->data = link;
    call->deadline = ngx_current_msec + timeout;

    if (ngx_http_ai_redis_send(link, call) != NGX_OK) {
        ngx_free(call);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_ai_redis_callback(redisAsyncContext *ac, void *data, void *priv)
{
    redisReply                *r = data;
    ngx_http_ai_redis_call_t  *call = priv;

    ngx_uint_t                  n;
    ngx_http_ai_redis_link_t   *link;
    ngx_http_ai_redis_reply_t   reply, *nodes, *next;

    link = call->link;

    link->pending--;
    ngx_queue_remove(&call->queue);

    ngx_memzero(&reply, sizeof(ngx_http_ai_redis_reply_t));

    if (r == NULL) {

        /* the connection is at its end: it takes no more */

        link->up = 0;

        reply.rc = call->expired ? NGX_HTTP_AI_REDIS_TIMEOUT
                                 : NGX_HTTP_AI_REDIS_LOST;
        ngx_http_ai_redis_done(call, &reply);
        return;
    }

    link->heard = ngx_current_msec;

    n = ngx_http_ai_redis_nodes(r);

    nodes = ngx_alloc((n + 1) * sizeof(ngx_http_ai_redis_reply_t),
                      ngx_cycle->log);

    if (nodes == NULL || n > NGX_HTTP_AI_REDIS_NODES_MAX) {
        reply.rc = NGX_HTTP_AI_REDIS_ERROR;
        ngx_str_set(&reply.text, "ERR reply too large");

    } else {
        next = nodes;
        ngx_http_ai_redis_copy(&reply, r, &next);
    }

    if (reply.rc == NGX_HTTP_AI_REDIS_ERROR && !call->own) {

        if (ngx_http_ai_redis_is(&reply.text, "NOSCRIPT")
            && ngx_http_ai_redis_again(call) == NGX_OK)
        {
            goto done;
        }

        ngx_http_ai_redis_told(link, &reply.text);
    }

    ngx_http_ai_redis_done(call, &reply);

done:

    if (nodes) {
        ngx_free(nodes);
    }
}


/* the server does not know the script: the same with its text */

static ngx_int_t
ngx_http_ai_redis_again(ngx_http_ai_redis_call_t *call)
{
    u_char                      *p, *text;
    size_t                       len;
    ngx_int_t                    rc;
    ngx_str_t                    name;
    ngx_http_ai_redis_link_t    *link;
    ngx_http_ai_redis_script_t  *script;

    link = call->link;
    script = call->script;

    if (script == NULL || link->ac == NULL) {
        return NGX_ERROR;
    }

    len = 3 * NGX_HTTP_AI_REDIS_COUNT_LEN + sizeof("EVAL" CRLF) - 1
          + script->text.len + 2 + call->len - call->head;

    text = ngx_alloc(len + 1, ngx_cycle->log);
    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&name, "EVAL");

    p = ngx_sprintf(text, "*%ui" CRLF, call->argc);
    p = ngx_http_ai_redis_arg(p, &name);
    p = ngx_http_ai_redis_arg(p, &script->text);
    p = ngx_cpymem(p, call->text + call->head, call->len - call->head);
    *p = '\0';

    rc = redisAsyncFormattedCommand(link->ac, ngx_http_ai_redis_callback,
                                    call, (char *) text, p - text);

    ngx_free(text);

    if (rc != REDIS_OK) {
        return NGX_ERROR;
    }

    call->script = NULL;
    link->pending++;
    ngx_queue_insert_tail(&link->calls, &call->queue);

    return NGX_OK;
}


static void
ngx_http_ai_redis_done(ngx_http_ai_redis_call_t *call,
    ngx_http_ai_redis_reply_t *reply)
{
    uint64_t                    us;
    ai_str_t                    name;
    ngx_uint_t                  i;
    ngx_http_ai_redis_stats_t  *stats;
    static const uint32_t       ends[] = NGX_HTTP_AI_REDIS_BUCKETS;

    if (!call->own) {
        stats = &call->link->rd->stats;

        stats->pending--;

        if (reply->rc == NGX_HTTP_AI_REDIS_OK) {
            stats->calls[reply->rc]++;

        } else {
            ngx_http_ai_redis_failed(call->link->rd, reply->rc);
        }

        if (reply->rc == NGX_HTTP_AI_REDIS_OK
            || reply->rc == NGX_HTTP_AI_REDIS_ERROR)
        {
            us = ngx_http_ai_redis_now() - call->start;
            stats->time += us;

            for (i = 0; i < NGX_HTTP_AI_REDIS_NBUCKETS - 1; i++) {
                if (us <= ends[i]) {
                    break;
                }
            }

            stats->bucket[i]++;

            name = ai_str(&call->link->rd->name);
            ngx_http_ai_metrics_observe(NULL, AI_M_REDIS_DURATION, &name, us);
        }
    }

    if (call->handler) {
        call->handler(call->data, reply);
    }

    ngx_free(call);
}


static void
ngx_http_ai_redis_failed(ngx_http_ai_redis_t *rd, ngx_http_ai_redis_rc_e rc)
{
    ai_str_t  labels[2];

    rd->stats.calls[rc]++;

    labels[0] = ai_str(&rd->name);
    labels[1] = ngx_http_ai_redis_failures[rc];

    ngx_http_ai_metrics_count(NULL, AI_M_REDIS_ERRORS, labels, 1);
}


/* errors that are about the server and not about the call */

static void
ngx_http_ai_redis_told(ngx_http_ai_redis_link_t *link, const ngx_str_t *error)
{
    ngx_int_t                    i;
    ngx_http_ai_redis_t         *rd;
    ngx_http_ai_redis_reason_e   reason;

    rd = link->rd;

    if (ngx_http_ai_redis_is(error, "READONLY")
        || ngx_http_ai_redis_is(error, "MASTERDOWN"))
    {
        reason = NGX_HTTP_AI_REDIS_R_READONLY;

    } else if (ngx_http_ai_redis_is(error, "LOADING")) {
        reason = NGX_HTTP_AI_REDIS_R_LOADING;

    } else if (ngx_http_ai_redis_is(error, "NOAUTH")) {
        reason = NGX_HTTP_AI_REDIS_R_AUTH;

    } else {
        if ((ngx_http_ai_redis_is(error, "MOVED")
             || ngx_http_ai_redis_is(error, "ASK")
             || ngx_http_ai_redis_is(error, "CROSSSLOT"))
            && !rd->moved)
        {
            rd->moved = 1;
            ngx_log_error(NGX_LOG_WARN, rd->log, 0,
                          "ai_redis \"%V\" is a node of a cluster, which is "
                          "not supported", &rd->name);
        }

        return;
    }

    /* it is the same server for all of them */

    for (i = 0; i < rd->pool; i++) {
        if (rd->links[i].up) {
            ngx_http_ai_redis_link_fail(&rd->links[i], reason, error);
        }
    }
}


ngx_uint_t
ngx_http_ai_redis_is(const ngx_str_t *error, const char *code)
{
    size_t  len;

    len = ngx_strlen(code);

    return error->len >= len && ngx_strncmp(error->data, code, len) == 0
           && (error->len == len || error->data[len] == ' ');
}


static ngx_uint_t
ngx_http_ai_redis_nodes(const redisReply *r)
{
    size_t      i;
    ngx_uint_t  n;

    if (r->type != REDIS_REPLY_ARRAY) {
        return 0;
    }

    n = r->elements;

    for (i = 0; i < r->elements; i++) {
        n += ngx_http_ai_redis_nodes(r->element[i]);
    }

    return n;
}


static void
ngx_http_ai_redis_copy(ngx_http_ai_redis_reply_t *reply, const redisReply *r,
    ngx_http_ai_redis_reply_t **next)
{
    size_t  i;

    ngx_memzero(reply, sizeof(ngx_http_ai_redis_reply_t));

    switch (r->type) {

    case REDIS_REPLY_INTEGER:
        reply->type = NGX_HTTP_AI_REDIS_INT;
        reply->number = r->integer;
        break;

    case REDIS_REPLY_ERROR:
        reply->rc = NGX_HTTP_AI_REDIS_ERROR;

        /* fall through */

    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        reply->type = NGX_HTTP_AI_REDIS_STR;
        reply->text.data = (u_char *) r->str;
        reply->text.len = r->len;
        reply->number = ngx_http_ai_redis_int(&reply->text);
        break;

    case REDIS_REPLY_ARRAY:
        reply->type = NGX_HTTP_AI_REDIS_LIST;
        reply->n = r->elements;
        reply->list = *next;
        *next += r->elements;

        for (i = 0; i < r->elements; i++) {
            ngx_http_ai_redis_copy(&reply->list[i], r->element[i], next);
        }

        break;

    default: /* nil */
        break;
    }
}


static int64_t
ngx_http_ai_redis_int(const ngx_str_t *s)
{
    size_t    i;
    int64_t   n;
    ngx_uint_t  minus;

    minus = (s->len > 1 && s->data[0] == '-');

    if (s->len == 0 || s->len - minus > 18) {
        return 0;
    }

    n = 0;

    for (i = minus; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }

        n = n * 10 + (s->data[i] - '0');
    }

    return minus ? -n : n;
}


static uint64_t
ngx_http_ai_redis_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
ngx_http_ai_redis_changed(ngx_http_ai_redis_t *rd,
    ngx_http_ai_redis_link_t *link)
{
    ngx_int_t   i;
    ngx_uint_t  up, bit, level;

    up = 0;

    for (i = 0; i < rd->pool; i++) {
        up |= rd->links[i].up;
    }

    if (up && !rd->up) {
        rd->up = 1;
        rd->logged = 0;

        level = rd->known ? NGX_LOG_WARN : NGX_LOG_INFO;

        ngx_log_error(level, rd->log, 0, "ai_redis \"%V\" is up, %V",
                      &rd->name, &link->addr->text);

        rd->known = 1;
    }

    if (up || rd->exiting) {
        return;
    }

    rd->up = 0;

    if (!link->was_up && rd->tried + 1 < rd->addrs.nelts) {
        /* there is another address */
        return;
    }

    /* each reason is told once */

    rd->known = 1;
    bit = (ngx_uint_t) 1 << link->reason;

    if (link->reason && !(rd->logged & bit)) {
        rd->logged |= bit;

        ngx_log_error(NGX_LOG_WARN, rd->log, 0,
                      "ai_redis \"%V\" is down: %s%s%s, %V", &rd->name,
                      ngx_http_ai_redis_reasons[link->reason],
                      link->code[0] ? ": " : "", link->code,
                      &link->addr->text);
    }
}


ngx_int_t
ngx_http_ai_redis_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                i;
    ngx_http_ai_redis_t     **rd;
    ngx_http_ai_main_conf_t  *amcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);
    if (amcf == NULL) {
        return NGX_OK;
    }

    rd = amcf->redis.lines.elts;

    for (i = 0; i < amcf->redis.lines.nelts; i++) {
        if (ngx_http_ai_redis_start(cycle, rd[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_redis_start(ngx_cycle_t *cycle, ngx_http_ai_redis_t *rd)
{
    ngx_int_t                  i;
    ngx_http_ai_redis_link_t  *links;

    links = ngx_pcalloc(cycle->pool, (rd->pool + 1)
                                     * sizeof(ngx_http_ai_redis_link_t));
    if (links == NULL) {
        return NGX_ERROR;
    }

    rd->log = cycle->log;

    for (i = 0; i < rd->pool + 1; i++) {
        ngx_http_ai_redis_link_init(&links[i], rd);
        links[i].n = i;
    }

    rd->links = links;
    rd->ask = &links[rd->pool];
    rd->ask->sentinel = 1;
    rd->leader = links;

    rd->ident.fd = (ngx_socket_t) -1;
    rd->ident.data = rd;

    rd->health.handler = ngx_http_ai_redis_health;
    rd->health.data = &rd->ident;
    rd->health.log = cycle->log;
    rd->health.cancelable = 1;

    ngx_add_timer(&rd->health, NGX_HTTP_AI_REDIS_HEALTH);

    ngx_http_ai_redis_counters(rd);

    ngx_http_ai_redis_link_start(rd->leader);

    return NGX_OK;
}


/* there from the beginning, so that none has to be made later */

static void
ngx_http_ai_redis_counters(ngx_http_ai_redis_t *rd)
{
    ai_str_t                labels[2];
    ngx_http_ai_redis_rc_e  rc;

    labels[0] = ai_str(&rd->name);

    ngx_http_ai_metrics_count(NULL, AI_M_REDIS_DURATION, labels, 0);

    for (rc = NGX_HTTP_AI_REDIS_DOWN; rc <= NGX_HTTP_AI_REDIS_ERROR; rc++) {
        labels[1] = ngx_http_ai_redis_failures[rc];
        ngx_http_ai_metrics_count(NULL, AI_M_REDIS_ERRORS, labels, 0);
    }
}


void
ngx_http_ai_redis_exit_process(ngx_cycle_t *cycle)
{
    ngx_int_t                  n;
    ngx_uint_t                 i;
    ngx_http_ai_redis_t      **rd;
    ngx_http_ai_main_conf_t   *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);
    if (amcf == NULL) {
        return;
    }

    rd = amcf->redis.lines.elts;

    for (i = 0; i < amcf->redis.lines.nelts; i++) {

        if (rd[i]->links == NULL) {
            continue;
        }

        rd[i]->exiting = 1;
        rd[i]->up = 0;

        for (n = 0; n < rd[i]->pool + 1; n++) {
            rd[i]->links[n].up = 0;
        }

        for (n = 0; n < rd[i]->pool + 1; n++) {
            ngx_http_ai_redis_link_close(&rd[i]->links[n]);
        }

        if (rd[i]->health.timer_set) {
            ngx_del_timer(&rd[i]->health);
        }
    }
}


void
ngx_http_ai_redis_wait(ngx_http_ai_redis_t *rd, ngx_msec_t ms)
{
    int                         rc;
    ngx_uint_t                  i, n;
    ngx_msec_t                  end;
    ngx_msec_int_t              left;
    struct pollfd               fd[NGX_HTTP_AI_REDIS_POOL_MAX];
    ngx_http_ai_redis_link_t   *links[NGX_HTTP_AI_REDIS_POOL_MAX];

    ngx_time_update();
    end = ngx_current_msec + ms;

    for ( ;; ) {
        n = ngx_http_ai_redis_poll(rd, fd, links);
        left = (ngx_msec_int_t) (end - ngx_current_msec);

        if (n == 0 || left <= 0) {
            return;
        }

        rc = poll(fd, n, (int) left);

        ngx_time_update();

        if (rc == -1 && ngx_errno != NGX_EINTR) {
            return;
        }

        for (i = 0; rc > 0 && i < n; i++) {

            if (fd[i].revents & POLLOUT) {
                ngx_http_ai_redis_write(links[i]);
            }

            if ((fd[i].revents & ~POLLOUT) && links[i]->ac) {
                redisAsyncHandleRead(links[i]->ac);
            }
        }
    }
}


/* connections with calls on their way */

static ngx_uint_t
ngx_http_ai_redis_poll(ngx_http_ai_redis_t *rd, struct pollfd *fd,
    ngx_http_ai_redis_link_t **links)
{
    ngx_int_t                  i;
    ngx_uint_t                 n;
    ngx_http_ai_redis_link_t  *link;

    for (i = 0, n = 0; i < rd->pool; i++) {
        link = &rd->links[i];

        if (link->flush.posted) {
            ngx_delete_posted_event(&link->flush);
            ngx_http_ai_redis_write(link);
        }

        if (link->ac == NULL || !link->connected || link->pending == 0) {
            continue;
        }

        links[n] = link;
        fd[n].fd = link->ac->c.fd;
        fd[n].events = (short) (link->c->write->active ? POLLIN|POLLOUT
                                                       : POLLIN);
        fd[n++].revents = 0;
    }

    return n;
}


static void
ngx_http_ai_redis_write(ngx_http_ai_redis_link_t *link)
{
    if (link->ac) {
        link->flushing = 1;
        redisAsyncHandleWrite(link->ac);
        link->flushing = 0;
    }
}


/*
 * Asks servers that were silent for a second whether they are there, so that
 * the first to know of one that hangs is not a request.
 */

static void
ngx_http_ai_redis_health(ngx_event_t *ev)
{
    ngx_int_t                  i;
    ngx_connection_t          *c;
    ngx_http_ai_redis_t       *rd;
    ngx_http_ai_redis_link_t  *link;

    c = ev->data;
    rd = c->data;

    for (i = 0; i < rd->pool; i++) {
        link = &rd->links[i];

        if (!link->up) {
            continue;
        }

        link->fails = 0;

        if (link->pending == 0
            && ngx_current_msec - link->heard >= NGX_HTTP_AI_REDIS_HEALTH / 2)
        {
            ngx_http_ai_redis_link_ping(link);
        }
    }

    ngx_add_timer(ev, NGX_HTTP_AI_REDIS_HEALTH);
}
