
/*
 * Between the files of keys that are made.
 */

#include <auth/ngx_http_ai_auth_int.h>

#ifndef NGX_HTTP_AI_MADE_INT_H
#define NGX_HTTP_AI_MADE_INT_H


/* in the zone */
typedef struct {
    ngx_atomic_t               changes;     /* of the file, by this master's
                                               workers */
    ngx_atomic_t               asked;       /* when Redis was, ms */
} ngx_http_ai_made_sh_t;


struct ngx_http_ai_made_s {
    ngx_http_ai_main_conf_t   *conf;
    ngx_http_ai_made_sh_t     *sh;
    ngx_http_ai_redis_t       *redis;       /* or NULL */
    ngx_str_t                  redis_name;
    ngx_str_t                  names[3];    /* of what is in Redis */
    ngx_http_ai_place_t        place;       /* of redis= */
    ngx_str_t                  path;        /* of the file, ... */
    ngx_str_t                  temp;
    ngx_str_t                  lock;        /* zero-terminated, all of them */

    /* this process */
    ai_pool_t                  pool;
    ai_made_peppers_t          peppers;
    ai_made_t                 *table;
    ino_t                      ino;         /* of the file that was read; 0:
                                               there was none */
    off_t                      offset;      /* ... so far, ... */
    struct timespec            mtime;       /* ... and when it was written */
    ino_t                      bad_ino;     /* the same of one that is
                                               damaged */
    off_t                      bad_size;
    struct timespec            bad_mtime;
    ngx_msec_t                 looked;
    ngx_atomic_uint_t          changes;     /* of sh, that were seen */
    int                        lock_fd;
    ngx_event_t                event;
    ngx_connection_t           dummy;
    ngx_uint_t                 merging;     /* calls without an answer */
    ai_char_t                  epoch[AI_EPOCH_LEN];     /* ... of these */
    unsigned                   merge_failed:1;
    unsigned                   failing:1;   /* Redis says no */
    unsigned                   absent:1;    /* the file is gone */
    unsigned                   running:1;   /* it is a worker */
    unsigned                   pulling:1;   /* by its timer */
};


#pragma GCC visibility push(hidden)


/* reads what is new; now: asks the file in any case.  NGX_ERROR: it cannot be
 * read, what was known goes on */
ngx_int_t ngx_http_ai_made_follow(ngx_http_ai_made_t *made, ngx_uint_t now,
    ngx_log_t *log);

/* nobody else writes until end(), and the table is as the file is.
 * NGX_BUSY: somebody does; NGX_ERROR: said in the log */
ngx_int_t ngx_http_ai_made_begin(ngx_http_ai_made_t *made, ngx_log_t *log);
/* lines, which are in the table afterwards; NGX_ERROR: said in the log */
ngx_int_t ngx_http_ai_made_append(ngx_http_ai_made_t *made, ai_buf_t *lines,
    ngx_log_t *log);
void ngx_http_ai_made_end(ngx_http_ai_made_t *made);

/* what change->body is to be, out of what is known: NGX_OK, or NGX_DECLINED
 * with status and text */
ngx_int_t ngx_http_ai_made_prepare(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change);

/* the least that a new version is, ms: of two changes that do not know each
 * other, because a Redis has lost one of them, the later one holds */
int64_t ngx_http_ai_made_now(void);

/* into the file; the version is new.  NGX_OK also for what failed */
ngx_int_t ngx_http_ai_made_store(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change, int64_t version);

/* it is refused, or failed; always NGX_OK */
ngx_int_t ngx_http_ai_made_refuse(ngx_http_ai_made_change_t *change,
    ngx_uint_t status, const char *fmt, ...);
void ngx_http_ai_made_done(ngx_http_ai_made_change_t *change);

/* "redis=" is looked up */
ngx_int_t ngx_http_ai_made_share_conf(ngx_conf_t *cf,
    ngx_http_ai_made_t *made);

/* the same by way of Redis; NGX_AGAIN, or NGX_OK: it failed */
ngx_int_t ngx_http_ai_made_share(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change);
ngx_int_t ngx_http_ai_made_share_init(ngx_http_ai_made_t *made,
    ngx_cycle_t *cycle);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_MADE_INT_H */
