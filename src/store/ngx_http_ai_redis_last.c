
/*
 * The last words of a process that ends: calls that are waited for, since
 * there are no events any more.  Nothing takes longer than the deadlines of
 * the line; what goes wrong ends it.
 */

#include <store/ngx_http_ai_redis_int.h>


static redisContext *ngx_http_ai_redis_last_connect(ngx_http_ai_redis_t *rd,
    const ngx_http_ai_redis_addr_t *addr);
static redisContext *ngx_http_ai_redis_last_master(ngx_http_ai_redis_t *rd,
    const ngx_http_ai_redis_addr_t *addr);
static ngx_int_t ngx_http_ai_redis_last_greet(redisContext *rc,
    ngx_http_ai_redis_t *rd);
static ngx_int_t ngx_http_ai_redis_last_does(redisContext *rc,
    const ngx_str_t *argv, ngx_uint_t argc);
static redisReply *ngx_http_ai_redis_last_call(redisContext *rc,
    const ngx_str_t *argv, ngx_uint_t argc);
static struct timeval ngx_http_ai_redis_last_time(ngx_msec_t ms);


ngx_http_ai_redis_last_t *
ngx_http_ai_redis_last_open(ngx_http_ai_redis_t *rd)
{
    ngx_uint_t                 i;
    redisContext              *rc;
    ngx_http_ai_redis_addr_t  *addr;

    addr = rd->addrs.elts;

    for (i = 0; i < rd->addrs.nelts; i++) {
        rc = rd->sentinel.len ? ngx_http_ai_redis_last_master(rd, &addr[i])
                              : ngx_http_ai_redis_last_connect(rd, &addr[i]);

        if (rc == NULL) {
            continue;
        }

        if (ngx_http_ai_redis_last_greet(rc, rd) == NGX_OK) {
            return rc;
        }

        redisFree(rc);
    }

    return NULL;
}


ngx_int_t
ngx_http_ai_redis_last_eval(ngx_http_ai_redis_last_t *last,
    ngx_http_ai_redis_script_t *script, ngx_uint_t nkeys,
    const ngx_str_t *argv, ngx_uint_t argc, ngx_pool_t *pool)
{
    u_char       digits[NGX_INT_T_LEN];
    ngx_int_t    rc;
    ngx_str_t   *all;
    redisReply  *r;

    all = ngx_palloc(pool, (3 + argc) * sizeof(ngx_str_t));
    if (all == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&all[0], "EVAL");
    all[1] = script->text;
    all[2].data = digits;
    all[2].len = ngx_sprintf(digits, "%ui", nkeys) - digits;
    ngx_memcpy(&all[3], argv, argc * sizeof(ngx_str_t));

    r = ngx_http_ai_redis_last_call(last, all, 3 + argc);
    if (r == NULL) {
        return NGX_ERROR;
    }

    /* scripts of ours answer with a word first */

    rc = (r->type == REDIS_REPLY_ARRAY && r->elements
          && r->element[0]->type == REDIS_REPLY_STRING
          && ngx_strcmp(r->element[0]->str, "epoch") != 0)
         ? NGX_OK : NGX_DECLINED;

    freeReplyObject(r);

    return rc;
}


void
ngx_http_ai_redis_last_close(ngx_http_ai_redis_last_t *last)
{
    redisFree(last);
}


static redisContext *
ngx_http_ai_redis_last_connect(ngx_http_ai_redis_t *rd,
    const ngx_http_ai_redis_addr_t *addr)
{
    redisContext    *rc;
    struct timeval   tv;

    tv = ngx_http_ai_redis_last_time(rd->connect_timeout);

    rc = addr->port ? redisConnectWithTimeout(addr->host, addr->port, tv)
                    : redisConnectUnixWithTimeout(addr->host, tv);

    if (rc == NULL) {
        return NULL;
    }

    if (rc->err) {
        redisFree(rc);
        return NULL;
    }

    (void) redisSetTimeout(rc, ngx_http_ai_redis_last_time(rd->timeout));

    return rc;
}


/* a connection to the master that this sentinel knows */

static redisContext *
ngx_http_ai_redis_last_master(ngx_http_ai_redis_t *rd,
    const ngx_http_ai_redis_addr_t *addr)
{
    char                       host[NGX_SOCKADDR_STRLEN];
    ngx_str_t                  argv[3];
    redisReply                *r;
    redisContext              *rc;
    ngx_http_ai_redis_addr_t   master;

    rc = ngx_http_ai_redis_last_connect(rd, addr);
    if (rc == NULL) {
        return NULL;
    }

    if (rd->sentinel_password.len) {
        ngx_str_set(&argv[0], "AUTH");
        argv[1] = rd->sentinel_password;

        (void) ngx_http_ai_redis_last_does(rc, argv, 2);
    }

    ngx_str_set(&argv[0], "SENTINEL");
    ngx_str_set(&argv[1], "get-master-addr-by-name");
    argv[2] = rd->sentinel;

    r = rc->err ? NULL : ngx_http_ai_redis_last_call(rc, argv, 3);

    redisFree(rc);
    rc = NULL;

    if (r == NULL) {
        return NULL;
    }

    if (r->type == REDIS_REPLY_ARRAY && r->elements == 2
        && r->element[0]->type == REDIS_REPLY_STRING
        && r->element[1]->type == REDIS_REPLY_STRING
        && ngx_strlen(r->element[0]->str) < sizeof(host))
    {
        (void) ngx_cpystrn((u_char *) host, (u_char *) r->element[0]->str,
                           sizeof(host));

        ngx_memzero(&master, sizeof(ngx_http_ai_redis_addr_t));

        master.host = host;
        master.port = ngx_atoi((u_char *) r->element[1]->str,
                               ngx_strlen(r->element[1]->str));

        rc = master.port > 0 ? ngx_http_ai_redis_last_connect(rd, &master)
                             : NULL;
    }

    freeReplyObject(r);

    return rc;
}


static ngx_int_t
ngx_http_ai_redis_last_greet(redisContext *rc, ngx_http_ai_redis_t *rd)
{
    u_char      db[NGX_INT_T_LEN];
    ngx_str_t   argv[3];
    ngx_uint_t  n;

#if (NGX_HTTP_AI_HIREDIS_SSL)
    if (rd->ssl && redisInitiateSSLWithContext(rc, rd->ssl_ctx) != REDIS_OK) {
        return NGX_ERROR;
    }
#endif

    if (rd->password.len) {
        n = 0;
        ngx_str_set(&argv[n], "AUTH");

        if (rd->user.len) {
            argv[++n] = rd->user;
        }

        argv[++n] = rd->password;

        if (ngx_http_ai_redis_last_does(rc, argv, n + 1) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (rd->db == 0) {
        return NGX_OK;
    }

    ngx_str_set(&argv[0], "SELECT");
    argv[1].data = db;
    argv[1].len = ngx_sprintf(db, "%i", rd->db) - db;

    return ngx_http_ai_redis_last_does(rc, argv, 2);
}


/* a command that is answered by a status */

static ngx_int_t
ngx_http_ai_redis_last_does(redisContext *rc, const ngx_str_t *argv,
    ngx_uint_t argc)
{
    ngx_int_t    ok;
    redisReply  *r;

    r = ngx_http_ai_redis_last_call(rc, argv, argc);
    if (r == NULL) {
        return NGX_ERROR;
    }

    ok = r->type == REDIS_REPLY_STATUS;

    freeReplyObject(r);

    return ok ? NGX_OK : NGX_ERROR;
}


/* NULL: no answer in time, or no memory */

static redisReply *
ngx_http_ai_redis_last_call(redisContext *rc, const ngx_str_t *argv,
    ngx_uint_t argc)
{
    size_t       *len;
    ngx_uint_t    i;
    redisReply   *r;
    const char  **text;

    text = ngx_alloc(argc * (sizeof(char *) + sizeof(size_t)),
                     ngx_cycle->log);
    if (text == NULL) {
        return NULL;
    }

    len = (size_t *) (text + argc);

    for (i = 0; i < argc; i++) {
        text[i] = (const char *) argv[i].data;
        len[i] = argv[i].len;
    }

    r = redisCommandArgv(rc, (int) argc, text, len);

    ngx_free(text);

    return r;
}


static struct timeval
ngx_http_ai_redis_last_time(ngx_msec_t ms)
{
    struct timeval  tv;

    tv.tv_sec = (time_t) (ms / 1000);
    tv.tv_usec = (suseconds_t) (ms % 1000 * 1000);

    return tv;
}
