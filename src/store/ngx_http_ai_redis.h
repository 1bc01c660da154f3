
/*
 * ai_redis: a store that several nodes share.  Every worker has connections of
 * its own to it; scripts are sent and answered without anybody waiting, and a
 * server that is down, hung or slow is noticed by deadlines and left alone for
 * a while.
 */

#include <core/ngx_http_ai.h>
#include <store/ai_redis_scripts.h>

#ifndef NGX_HTTP_AI_REDIS_H
#define NGX_HTTP_AI_REDIS_H


typedef struct ngx_http_ai_redis_s  ngx_http_ai_redis_t;


/* a Lua script; constant data */
typedef struct {
    ngx_str_t                  text;
    u_char                     sha1[41];    /* hex; filled at its first use */
} ngx_http_ai_redis_script_t;


typedef enum {
    NGX_HTTP_AI_REDIS_OK = 0,
    NGX_HTTP_AI_REDIS_DOWN,                 /* not sent: there is no
                                               connection that works */
    NGX_HTTP_AI_REDIS_TIMEOUT,              /* sent, outcome not known */
    NGX_HTTP_AI_REDIS_LOST,                 /* the same: connection lost */
    NGX_HTTP_AI_REDIS_ERROR                 /* the server said no: text */
} ngx_http_ai_redis_rc_e;


/*
 * A reply as scripts of ours give it; holds during the callback.  number is
 * also set where a text is an integer as Redis writes them.
 */
typedef struct ngx_http_ai_redis_reply_s  ngx_http_ai_redis_reply_t;

struct ngx_http_ai_redis_reply_s {
    ngx_http_ai_redis_rc_e     rc;
    enum {
        NGX_HTTP_AI_REDIS_NIL = 0,
        NGX_HTTP_AI_REDIS_INT,
        NGX_HTTP_AI_REDIS_STR,              /* also a status; or rc ERROR */
        NGX_HTTP_AI_REDIS_LIST
    }                          type;
    int64_t                    number;
    ngx_str_t                  text;
    ngx_uint_t                 n;
    ngx_http_ai_redis_reply_t *list;
};


/* called once for every call that was taken, never from within it */
typedef void (*ngx_http_ai_redis_pt)(void *data,
    const ngx_http_ai_redis_reply_t *reply);


typedef struct ngx_http_ai_redis_call_s  ngx_http_ai_redis_call_t;


typedef struct {
    ngx_array_t                lines;       /* ngx_http_ai_redis_t * */
} ngx_http_ai_redis_main_conf_t;


/* upper ends of the histogram, us; the last one is open */
#define NGX_HTTP_AI_REDIS_BUCKETS  { 100, 250, 500, 1000, 2500, 5000, 10000, \
                                     25000, 50000, 100000 }
#define NGX_HTTP_AI_REDIS_NBUCKETS  11


/* of this worker, since it started; without calls of the client itself */
typedef struct {
    uint64_t                   calls[NGX_HTTP_AI_REDIS_ERROR + 1];
                                            /* by ngx_http_ai_redis_rc_e */
    uint64_t                   pending;
    uint64_t                   connects;    /* connections that came up */
    uint64_t                   time;        /* us, of those with a reply */
    uint64_t                   bucket[NGX_HTTP_AI_REDIS_NBUCKETS];
} ngx_http_ai_redis_stats_t;


#pragma GCC visibility push(hidden)


/* the setter of "ai_redis" */
char *ngx_http_ai_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

ngx_int_t ngx_http_ai_redis_create(ngx_conf_t *cf,
    ngx_http_ai_redis_main_conf_t *conf);

/* NULL: there is none of this name; at configuration time */
ngx_http_ai_redis_t *ngx_http_ai_redis_get(
    const ngx_http_ai_redis_main_conf_t *conf, ngx_str_t *name);

/* the same for a directive at place; [emerg] if there is none */
ngx_http_ai_redis_t *ngx_http_ai_redis_use(ngx_conf_t *cf,
    const ngx_http_ai_redis_main_conf_t *conf, ngx_str_t *name,
    ngx_http_ai_place_t *place);

/* in a worker: connects, and lets go of everything */
ngx_int_t ngx_http_ai_redis_init_process(ngx_cycle_t *cycle);
void ngx_http_ai_redis_exit_process(ngx_cycle_t *cycle);

/* what the line said */
ngx_str_t *ngx_http_ai_redis_name(const ngx_http_ai_redis_t *rd);
ngx_str_t *ngx_http_ai_redis_prefix(const ngx_http_ai_redis_t *rd);
ngx_uint_t ngx_http_ai_redis_denies(const ngx_http_ai_redis_t *rd);

/* [emerg] where a variable "$ai_redis_NAME" names none */
ngx_int_t ngx_http_ai_redis_check(ngx_conf_t *cf,
    const ngx_http_ai_redis_main_conf_t *conf);

/* does it answer, as far as is known?  Neither is true while the first
 * connection of this worker is made */
ngx_uint_t ngx_http_ai_redis_is_up(const ngx_http_ai_redis_t *rd);
ngx_uint_t ngx_http_ai_redis_is_down(const ngx_http_ai_redis_t *rd);

/* ms: how long an answer may take, from now on */
ngx_msec_t ngx_http_ai_redis_patience(const ngx_http_ai_redis_t *rd);

/*
 * Neither this nor the next one is to be called under the lock of a zone.
 * Runs a script: argv are its keys, the first nkeys, and its arguments; they
 * are sent and need not stay.  NULL: the server is down (nothing is called).
 * timeout: ms, 0: that of the line.
 */
ngx_http_ai_redis_call_t *ngx_http_ai_redis_eval(ngx_http_ai_redis_t *rd,
    ngx_http_ai_redis_script_t *script, ngx_uint_t nkeys,
    const ngx_str_t *argv, ngx_uint_t argc, ngx_msec_t timeout,
    ngx_http_ai_redis_pt handler, void *data);

/* the same for any command; argv[0] is its name */
ngx_http_ai_redis_call_t *ngx_http_ai_redis_command(ngx_http_ai_redis_t *rd,
    const ngx_str_t *argv, ngx_uint_t argc, ngx_msec_t timeout,
    ngx_http_ai_redis_pt handler, void *data);

/* the caller goes away: its handler will not be called */
void ngx_http_ai_redis_forget(ngx_http_ai_redis_call_t *call);

/* in a process that ends: waits for all replies, at most so many ms.  Nothing
 * but their handlers is called meanwhile */
void ngx_http_ai_redis_wait(ngx_http_ai_redis_t *rd, ngx_msec_t ms);

/* a script of store/ai_redis_scripts.h */
ngx_http_ai_redis_script_t *ngx_http_ai_redis_script(ai_redis_script_e n);

/*
 * For a process that ends, and has no events any more: a connection of its
 * own, and calls that are waited for, as long as the line says.  NULL: there
 * is none; NGX_DECLINED: the epoch is another one; NGX_ERROR: end it.
 */
typedef struct redisContext  ngx_http_ai_redis_last_t;

ngx_http_ai_redis_last_t *ngx_http_ai_redis_last_open(
    ngx_http_ai_redis_t *rd);
ngx_int_t ngx_http_ai_redis_last_eval(ngx_http_ai_redis_last_t *last,
    ngx_http_ai_redis_script_t *script, ngx_uint_t nkeys,
    const ngx_str_t *argv, ngx_uint_t argc, ngx_pool_t *pool);
void ngx_http_ai_redis_last_close(ngx_http_ai_redis_last_t *last);

const ngx_http_ai_redis_stats_t *ngx_http_ai_redis_stats(
    const ngx_http_ai_redis_t *rd);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_REDIS_H */
