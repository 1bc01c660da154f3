
/*
 * The words of a call to Redis: keys, and arguments of AI_REDIS_SHARE.
 *
 *     PREFIX "epoch", PREFIX "pause"
 *     PREFIX "c:" ID             a counter without windows by the calendar
 *     PREFIX "c:" ID ":" START   one window of it
 */

#include <limit/ngx_http_ai_share_int.h>


#define NGX_HTTP_AI_SHARE_NAME  16      /* hex digits of a node, an owner */
#define NGX_HTTP_AI_SHARE_LATE  (2 * 86400)

/* arguments of a call, and of a scope, without what it tells */
#define NGX_HTTP_AI_SHARE_ARGS  6
#define NGX_HTTP_AI_SHARE_SCOPE 7


typedef struct {
    ngx_pool_t                *pool;
    ngx_str_t                 *next;
    ngx_uint_t                 failed;      /* no memory */
} ngx_http_ai_share_words_t;


static ngx_uint_t ngx_http_ai_share_count(const ngx_http_ai_share_t *share);
static void ngx_http_ai_share_call(ngx_http_ai_share_words_t *w,
    const ai_lease_call_t *call);
static int64_t ngx_http_ai_share_ttl(const ai_lease_call_t *call);
static void ngx_http_ai_share_str(ngx_http_ai_share_words_t *w,
    const ngx_str_t *s);
static void ngx_http_ai_share_text(ngx_http_ai_share_words_t *w,
    const u_char *data, size_t len);
static void ngx_http_ai_share_number(ngx_http_ai_share_words_t *w, int64_t n);


ngx_str_t *
ngx_http_ai_share_args(ngx_http_ai_share_t *share, ngx_uint_t *nkeys,
    ngx_uint_t *argc)
{
    ngx_str_t                 *argv;
    ngx_uint_t                 i;
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_ai_share_words_t  w;

    amcf = share->amcf;

    argv = ngx_palloc(share->pool, ngx_http_ai_share_count(share)
                                   * sizeof(ngx_str_t));
    if (argv == NULL) {
        return NULL;
    }

    w.pool = share->pool;
    w.next = argv;
    w.failed = 0;

    ngx_http_ai_share_str(&w, ngx_http_ai_share_word(amcf, w.pool, "epoch"));
    ngx_http_ai_share_str(&w, ngx_http_ai_share_word(amcf, w.pool, "pause"));

    for (i = 0; i < share->n; i++) {
        ngx_http_ai_share_str(&w, ngx_http_ai_share_key(share,
                                                      share->scope[i].call));
    }

    *nkeys = w.next - argv;

    ngx_http_ai_share_text(&w, share->epoch, share->epoch_len);
    ngx_http_ai_share_text(&w, amcf->spend.node, NGX_HTTP_AI_SHARE_NAME);
    ngx_http_ai_share_text(&w, share->owner, NGX_HTTP_AI_SHARE_NAME);
    ngx_http_ai_share_number(&w, share->sole);
    ngx_http_ai_share_number(&w, share->serial);
    ngx_http_ai_share_number(&w, AI_LEASE_TIME);

    for (i = 0; i < share->n; i++) {
        ngx_http_ai_share_call(&w, share->scope[i].call);
    }

    *argc = w.next - argv;

    return w.failed ? NULL : argv;
}


static ngx_uint_t
ngx_http_ai_share_count(const ngx_http_ai_share_t *share)
{
    ngx_uint_t  i, n;

    n = 2 + NGX_HTTP_AI_SHARE_ARGS;

    for (i = 0; i < share->n; i++) {
        n += 1 + NGX_HTTP_AI_SHARE_SCOPE + 2 * share->scope[i].call->n;
    }

    return n;
}


static void
ngx_http_ai_share_call(ngx_http_ai_share_words_t *w,
    const ai_lease_call_t *call)
{
    ngx_uint_t  i;

    if (call->oldest == -1) {
        ngx_http_ai_share_text(w, (u_char *) "", 0);
    } else {
        ngx_http_ai_share_number(w, call->oldest);
    }

    ngx_http_ai_share_number(w, call->limit);
    ngx_http_ai_share_number(w, call->held);
    ngx_http_ai_share_number(w, call->least);
    ngx_http_ai_share_number(w, call->most);
    ngx_http_ai_share_number(w, ngx_http_ai_share_ttl(call));
    ngx_http_ai_share_number(w, (int64_t) call->n);

    for (i = 0; i < call->n; i++) {

        if (call->tell[i].slot == -1) {
            ngx_http_ai_share_text(w, (u_char *) "u", 1);
        } else {
            ngx_http_ai_share_number(w, call->tell[i].slot);
        }

        ngx_http_ai_share_number(w, call->tell[i].used);
    }
}


/* as long as somebody may ask for it, or has something to tell of it */

static int64_t
ngx_http_ai_share_ttl(const ai_lease_call_t *call)
{
    if (call->period > 0) {
        return call->period + call->period / AI_WINDOW_SLOTS
               + 2 * AI_LEASE_TIME / 1000;
    }

    if (call->period == AI_PERIOD_NONE) {
        return 2 * AI_LEASE_TIME / 1000;
    }

    return ngx_max(call->end - (int64_t) ngx_time(), 0)
           + NGX_HTTP_AI_SHARE_LATE;
}


ngx_str_t *
ngx_http_ai_share_word(const ngx_http_ai_main_conf_t *amcf, ngx_pool_t *pool,
    const char *word)
{
    ngx_str_t  *s, *prefix;

    prefix = ngx_http_ai_redis_prefix(amcf->spend.redis);

    s = ngx_palloc(pool, sizeof(ngx_str_t));
    if (s == NULL) {
        return NULL;
    }

    s->data = ngx_pnalloc(pool, prefix->len + ngx_strlen(word));
    if (s->data == NULL) {
        return NULL;
    }

    s->len = ngx_sprintf(s->data, "%V%s", prefix, word) - s->data;

    return s;
}


ngx_str_t *
ngx_http_ai_share_key(const ngx_http_ai_share_t *share,
    const ai_lease_call_t *call)
{
    u_char  word[sizeof("c:") + 16 + sizeof(":") + NGX_INT64_LEN], *p;

    p = ngx_sprintf(word, "c:%016xL", (int64_t) call->id);

    if (call->period < 0) {
        p = ngx_sprintf(p, ":%L", call->window);
    }

    *p = '\0';

    return ngx_http_ai_share_word(share->amcf, share->pool, (char *) word);
}


static void
ngx_http_ai_share_str(ngx_http_ai_share_words_t *w, const ngx_str_t *s)
{
    if (s == NULL) {
        w->failed = 1;
        return;
    }

    *w->next++ = *s;
}


static void
ngx_http_ai_share_text(ngx_http_ai_share_words_t *w, const u_char *data,
    size_t len)
{
    w->next->data = (u_char *) data;
    w->next++->len = len;
}


static void
ngx_http_ai_share_number(ngx_http_ai_share_words_t *w, int64_t n)
{
    u_char  *p;

    p = ngx_pnalloc(w->pool, NGX_INT64_LEN);

    if (p == NULL) {
        w->failed = 1;
        return;
    }

    ngx_http_ai_share_text(w, p, ngx_sprintf(p, "%L",
                                                ngx_min(n, AI_REDIS_AMOUNT))
                                 - p);
}
