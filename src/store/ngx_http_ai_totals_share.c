
/*
 * The leader tells Redis what has changed in the totals of this node.
 *
 * A batch of cells is one call of a script.  Each call has a number, which
 * Redis keeps for this writer; where Redis has less than what it has confirmed
 * before, its memory was lost or is an old one, and all is told again.  So it
 * is after a restart, and when a leader is killed with a call on its way.
 *
 * A field keeps the larger one of two amounts, each of them by itself: while a
 * binary is exchanged two masters write the same cells, and both of them only
 * know more as time goes on.
 */

#include <store/ngx_http_ai_totals_share.h>
#include <store/ngx_http_ai_spend_int.h>


#define NGX_HTTP_AI_SHARE_CELLS   128       /* of a call */
#define NGX_HTTP_AI_SHARE_ROUND   1000      /* ms */
#define NGX_HTTP_AI_SHARE_SIGN    5000      /* ms, when there is nothing */
#define NGX_HTTP_AI_SHARE_OWNER   5000      /* ms a call of another may take */
#define NGX_HTTP_AI_SHARE_TWIN    15        /* s, a sign is of one that runs */
#define NGX_HTTP_AI_SHARE_EXIT    500       /* ms, of a worker that ends */
#define NGX_HTTP_AI_SHARE_PRUNE   3600000
#define NGX_HTTP_AI_SHARE_HOURS   (50 * 3600)
#define NGX_HTTP_AI_SHARE_TOLD    (2 * 86400)
#define NGX_HTTP_AI_SHARE_MIN     3600      /* of a time to live */
#define NGX_HTTP_AI_SHARE_PAUSE   4         /* times what the call took ... */
#define NGX_HTTP_AI_SHARE_LONGEST 200       /* ... ms */


/* in the zone; under the lock */
struct ngx_http_ai_totals_sh_s {
    int64_t                    sent;        /* number of the last call */
    int64_t                    done;        /* Redis has had; -1: none */
    int64_t                    owner;       /* whose call is on its way */
    ngx_msec_t                 since;
    uint64_t                   cursor;      /* all is told, from here on */
    ngx_uint_t                 all;
    ngx_uint_t                 begun;
};


/* of this worker */
typedef struct {
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_ai_redis_call_t  *call;
    ngx_event_t                event;       /* the next call of this round */
    ngx_connection_t           dummy;
    ngx_msec_t                 round;       /* when it began */
    ngx_msec_t                 sent;        /* when the call was */
    ngx_msec_t                 pruned;
    int64_t                    number;
    ngx_uint_t                 n;
    ai_told_t                  told[NGX_HTTP_AI_SHARE_CELLS];
    unsigned                   named:1;     /* names are in the call */
    unsigned                   failed:1;    /* and it was logged */
    unsigned                   twin:1;      /* and so was another host */
    unsigned                   exiting:1;
} ngx_http_ai_told_t;


/* a call that is put together */
typedef struct {
    ngx_http_ai_main_conf_t   *amcf;
    ngx_pool_t                *pool;
    ngx_str_t                 *argv;
    ngx_uint_t                 n;
    ngx_uint_t                 failed;
} ngx_http_ai_told_args_t;


static void ngx_http_ai_told_round(ngx_http_ai_told_t *s, ngx_uint_t first);
static ngx_uint_t ngx_http_ai_told_take(ngx_http_ai_told_t *s,
    ngx_uint_t first, int64_t *done);
static void ngx_http_ai_told_anew(ngx_http_ai_totals_sh_t *sh);
static ngx_int_t ngx_http_ai_told_send(ngx_http_ai_told_t *s,
    int64_t done);
static ngx_uint_t ngx_http_ai_told_keys(ngx_http_ai_told_t *s,
    ngx_http_ai_told_args_t *a);
static void ngx_http_ai_told_head(ngx_http_ai_told_t *s,
    ngx_http_ai_told_args_t *a, int64_t done);
static void ngx_http_ai_told_group(ngx_http_ai_told_t *s,
    ngx_http_ai_told_args_t *a, const ai_told_t *told, ngx_uint_t n);
static void ngx_http_ai_told_cell(ngx_http_ai_told_t *s,
    ngx_http_ai_told_args_t *a, const ai_told_t *told);
static void ngx_http_ai_told_name(ngx_http_ai_told_args_t *a,
    const ai_told_t *told);
static void ngx_http_ai_told_arg(ngx_http_ai_told_args_t *a,
    const char *fmt, ...);
static ngx_uint_t ngx_http_ai_told_same(const ai_told_t *a,
    const ai_told_t *b);
static int ngx_libc_cdecl ngx_http_ai_told_order(const void *one,
    const void *two);
static void ngx_http_ai_told_done(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_told_missing(ngx_http_ai_told_t *s,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_told_again(ngx_http_ai_told_t *s);
static void ngx_http_ai_told_log(ngx_http_ai_told_t *s,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_told_sign(ngx_http_ai_told_t *s,
    const ngx_str_t *sign);
static void ngx_http_ai_told_next(ngx_event_t *ev);
static void ngx_http_ai_told_pending(ngx_http_request_t *r,
    ai_metric_writer_t *w, ai_metric_e family, void *data);


/*
 * KEYS   the writer's number, the nodes; then for each group of cells: its
 *        hash, the period's, the month's names
 * ARGV   the node, the number Redis must have (-1: any), that of this call,
 *        the sign of the node, seconds the number lasts, and the time before
 *        which nodes are forgotten; then for each group: its digit, seconds it
 *        lasts, those of its names (0: they are not looked at), and how many
 *        cells: series, amounts, and names if they are told
 * reply  {"ok", the sign there was before, then the cells (1: the first) whose
 *        names are missing and that were left out}; {"gone"}: nothing was done
 */

#define NGX_HTTP_AI_SHARE_LUA                                                 \
    "local call = redis.call\n"                                               \
    "local was = call('GET', KEYS[1])\n"                                      \
    "local least = tonumber(ARGV[2])\n"                                       \
    "if least >= 0 and (not was or (tonumber(was) or -1) < least) then\n"     \
    "  return { 'gone' }\n"                                                   \
    "end\n"                                                                   \
    "call('SET', KEYS[1], ARGV[3], 'EX', ARGV[5])\n"                          \
    "local reply = { 'ok', call('HGET', KEYS[2], ARGV[1]) or '' }\n"          \
    "call('HSET', KEYS[2], ARGV[1], ARGV[4])\n"                               \
    "if ARGV[6] ~= '0' then\n"                                                \
    "  local all = call('HGETALL', KEYS[2])\n"                                \
    "  for i = 1, #all, 2 do\n"                                               \
    "    local t = tonumber(string.match(all[i + 1], '^%d+') or '0')\n"       \
    "    if t < tonumber(ARGV[6]) then call('HDEL', KEYS[2], all[i]) end\n"   \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "local function last(key, ttl)\n"                                         \
    "  if call('TTL', key) < ttl then call('EXPIRE', key, ttl) end\n"         \
    "end\n"                                                                   \
    "local function larger(a, b)\n"                                           \
    "  local x, n = {}, 0\n"                                                  \
    "  for v in string.gmatch(a .. ',', '(%d*),') do\n"                       \
    "    n = n + 1\n"                                                         \
    "    x[n] = v\n"                                                          \
    "  end\n"                                                                 \
    "  n = 0\n"                                                               \
    "  for v in string.gmatch(b .. ',', '(%d*),') do\n"                       \
    "    n = n + 1\n"                                                         \
    "    local u = x[n] or ''\n"                                              \
    "    if #v > #u or (#v == #u and v > u) then u = v end\n"                 \
    "    x[n] = u\n"                                                          \
    "  end\n"                                                                 \
    "  return table.concat(x, ',')\n"                                         \
    "end\n"                                                                   \
    "local a, cell = 7, 0\n"                                                  \
    "for k = 3, #KEYS, 3 do\n"                                                \
    "  local hash, dir, names = KEYS[k], KEYS[k + 1], KEYS[k + 2]\n"          \
    "  local digit, ttl = ARGV[a], tonumber(ARGV[a + 1])\n"                   \
    "  local keep, n = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])\n"        \
    "  local any, named = false, false\n"                                     \
    "  a = a + 4\n"                                                           \
    "  for i = 1, n do\n"                                                     \
    "    local id, v, name = ARGV[a], ARGV[a + 1], ARGV[a + 2]\n"             \
    "    a = a + 3\n"                                                         \
    "    cell = cell + 1\n"                                                   \
    "    local old = call('HGET', hash, id)\n"                                \
    "    if old ~= v then\n"                                                  \
    "      if old and string.find(old, '^[%d,]*$') then\n"                    \
    "        v = larger(old, v)\n"                                            \
    "      elseif keep > 0 and name ~= '' then\n"                             \
    "        call('HSET', names, id, name)\n"                                 \
    "        named = true\n"                                                  \
    "      elseif keep > 0 and call('HEXISTS', names, id) == 0 then\n"        \
    "        v = nil\n"                                                       \
    "        reply[#reply + 1] = cell\n"                                      \
    "      end\n"                                                             \
    "      if v and v ~= old then\n"                                          \
    "        call('HSET', hash, id, v)\n"                                     \
    "        any = true\n"                                                    \
    "      end\n"                                                             \
    "    end\n"                                                               \
    "  end\n"                                                                 \
    "  if any then\n"                                                         \
    "    call('EXPIRE', hash, ttl)\n"                                         \
    "    local have = call('HGET', dir, ARGV[1]) or ''\n"                     \
    "    if not string.find(have, digit, 1, true) then\n"                     \
    "      call('HSET', dir, ARGV[1], have .. digit)\n"                       \
    "    end\n"                                                               \
    "    last(dir, ttl)\n"                                                    \
    "    if keep > 0 then named = true end\n"                                 \
    "  end\n"                                                                 \
    "  if named then last(names, keep) end\n"                                 \
    "end\n"                                                                   \
    "return reply\n"


static ngx_http_ai_redis_script_t  ngx_http_ai_told_script = {
    ngx_string(NGX_HTTP_AI_SHARE_LUA), { 0 }
};


static ngx_http_ai_told_t  ngx_http_ai_share;


ngx_uint_t
ngx_http_ai_totals_is_shared(const ngx_http_ai_main_conf_t *amcf)
{
    return amcf->spend.redis_name.len && amcf->spend.redis
           && ngx_http_ai_totals(amcf);
}


ngx_int_t
ngx_http_ai_totals_share_init(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    static ngx_str_t  key = ngx_string("totals-share");

    if (amcf->spend.redis_name.len
        && ngx_http_ai_metrics_collector(cf, AI_M_REDIS_PENDING,
                                         ngx_http_ai_told_pending, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ai_zone_want_block(&amcf->zone, &key,
                                       sizeof(ngx_http_ai_totals_sh_t),
                                       (void **) &amcf->spend.told);
}


void
ngx_http_ai_totals_share_init_module(ngx_http_ai_main_conf_t *amcf)
{
    ai_int_t      rc;
    ngx_uint_t    on;
    ai_totals_t  *t;

    t = ngx_http_ai_totals(amcf);

    if (t == NULL) {
        return;
    }

    on = ngx_http_ai_totals_is_shared(amcf);

    do {
        ngx_http_ai_spend_lock(amcf);

        /* what has changed in between has no mark */

        if (!ai_totals_is_shared(t)) {
            amcf->spend.told->begun = 0;
        }

        rc = ai_totals_share(t, ai_ledger_redo(amcf->spend.ledger), on);

        ngx_http_ai_spend_unlock(amcf);

    } while (rc == AI_AGAIN);
}


void
ngx_http_ai_totals_share_tick(ngx_http_ai_main_conf_t *amcf)
{
    ngx_http_ai_told_t  *s;

    s = &ngx_http_ai_share;

    if (!ngx_http_ai_totals_is_shared(amcf) || s->call
        || s->event.timer_set || ngx_current_msec - s->round
                                 < NGX_HTTP_AI_SHARE_ROUND
        || !ngx_http_ai_redis_is_up(amcf->spend.redis))
    {
        return;
    }

    s->amcf = amcf;
    s->round = ngx_current_msec;

    ngx_http_ai_told_round(s, 1);
}


/*
 * This node may never come back.  Only connections to Redis are looked at, and
 * not for long.
 */

void
ngx_http_ai_totals_share_exit(ngx_cycle_t *cycle)
{
    ngx_msec_t                end;
    ngx_http_ai_told_t      *s;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);

    if (amcf == NULL || !ngx_http_ai_totals_is_shared(amcf)) {
        return;
    }

    s = &ngx_http_ai_share;

    s->amcf = amcf;
    s->exiting = 1;

    if (s->event.timer_set) {
        ngx_del_timer(&s->event);
    }

    end = ngx_current_msec + NGX_HTTP_AI_SHARE_EXIT;

    while (ngx_http_ai_redis_is_up(amcf->spend.redis)
           && (ngx_msec_int_t) (end - ngx_current_msec) > 0)
    {
        if (s->call == NULL) {
            ngx_http_ai_told_round(s, 1);
        }

        if (s->call == NULL) {
            return;
        }

        ngx_http_ai_redis_wait(amcf->spend.redis, end - ngx_current_msec);
    }
}


static void
ngx_http_ai_told_round(ngx_http_ai_told_t *s, ngx_uint_t first)
{
    int64_t  done;

    if (!ngx_http_ai_told_take(s, first, &done)) {
        return;
    }

    s->named = 0;

    if (ngx_http_ai_told_send(s, done) != NGX_OK) {
        ngx_http_ai_told_again(s);
    }
}


/*
 * Whoever takes cells says so before: if he is killed with them, all is told
 * again.  0: there is nothing to be said now.
 */

static ngx_uint_t
ngx_http_ai_told_take(ngx_http_ai_told_t *s, ngx_uint_t first,
    int64_t *done)
{
    int64_t                   self;
    ai_redo_t                *redo;
    ai_totals_t              *t;
    ngx_uint_t                more;
    ngx_http_ai_totals_sh_t  *sh;

    sh = s->amcf->spend.told;
    self = ngx_http_ai_spend_owner();

    ngx_http_ai_spend_lock(s->amcf);

    t = ngx_http_ai_totals(s->amcf);
    redo = ai_ledger_redo(s->amcf->spend.ledger);

    /* a reload may have switched it off, and this worker be an old one */

    if (!ai_totals_is_shared(t)) {
        ngx_http_ai_spend_unlock(s->amcf);
        return 0;
    }

    if (sh->owner && sh->owner != self) {

        if (ngx_current_msec - sh->since < NGX_HTTP_AI_SHARE_OWNER
            && ngx_http_ai_spend_is_alive(sh->owner))
        {
            ngx_http_ai_spend_unlock(s->amcf);
            return 0;
        }

        ngx_http_ai_told_anew(sh);
    }

    if (!sh->begun) {
        ngx_http_ai_told_anew(sh);
    }

    sh->owner = self;
    sh->since = ngx_current_msec;

    if (sh->all && ai_totals_untell(t, redo, &sh->cursor) == AI_OK) {
        sh->all = 0;
        first = 1;
    }

    if (first || sh->all) {
        ai_totals_round(t, redo);
    }

    s->n = ai_totals_tell(t, redo, s->told, NGX_HTTP_AI_SHARE_CELLS);
    more = s->n || sh->all
           || ngx_current_msec - s->sent >= NGX_HTTP_AI_SHARE_SIGN;

    if (more) {
        *done = sh->done;
        s->number = ++sh->sent;

    } else {
        sh->owner = 0;
    }

    ngx_http_ai_spend_unlock(s->amcf);

    return more;
}


static void
ngx_http_ai_told_anew(ngx_http_ai_totals_sh_t *sh)
{
    sh->begun = 1;
    sh->all = 1;
    sh->cursor = 0;
    sh->done = -1;
}


/* NGX_ERROR: it was not sent */

static ngx_int_t
ngx_http_ai_told_send(ngx_http_ai_told_t *s, int64_t done)
{
    ngx_uint_t                i, k, nkeys;
    ngx_http_ai_told_args_t  a;

    qsort(s->told, s->n, sizeof(ai_told_t), ngx_http_ai_told_order);

    ngx_memzero(&a, sizeof(ngx_http_ai_told_args_t));

    a.amcf = s->amcf;
    a.pool = ngx_create_pool(16384, ngx_cycle->log);

    if (a.pool == NULL) {
        return NGX_ERROR;
    }

    a.argv = ngx_palloc(a.pool, (8 + 10 * s->n) * sizeof(ngx_str_t));

    if (a.argv == NULL) {
        ngx_destroy_pool(a.pool);
        return NGX_ERROR;
    }

    nkeys = ngx_http_ai_told_keys(s, &a);

    ngx_http_ai_told_head(s, &a, done);

    for (i = 0; i < s->n; i = k) {

        for (k = i + 1; k < s->n; k++) {
            if (!ngx_http_ai_told_same(&s->told[i], &s->told[k])) {
                break;
            }
        }

        ngx_http_ai_told_group(s, &a, &s->told[i], k - i);
    }

    s->sent = ngx_current_msec;

    if (!a.failed) {
        s->call = ngx_http_ai_redis_eval(s->amcf->spend.redis,
                                         &ngx_http_ai_told_script, nkeys,
                                         a.argv, a.n, 1000,
                                         ngx_http_ai_told_done, s);
    }

    ngx_destroy_pool(a.pool);

    return s->call ? NGX_OK : NGX_ERROR;
}


static ngx_uint_t
ngx_http_ai_told_keys(ngx_http_ai_told_t *s, ngx_http_ai_told_args_t *a)
{
    u_char            ledger[33], period[AI_TOLD_PERIOD + 1],
                      month[AI_TOLD_MONTH + 1];
    ngx_str_t        *prefix;
    ngx_uint_t        i;
    const ai_told_t  *told;

    prefix = ngx_http_ai_redis_prefix(s->amcf->spend.redis);

    *ngx_hex_dump(ledger, s->amcf->spend.sh->id, 16) = '\0';

    ngx_http_ai_told_arg(a, "%Vusage:told:%s:%s", prefix,
                          s->amcf->spend.node, ledger);
    ngx_http_ai_told_arg(a, "%Vusage:nodes", prefix);

    for (i = 0; i < s->n; i++) {
        told = &s->told[i];

        if (i && ngx_http_ai_told_same(told, told - 1)) {
            continue;
        }

        period[ai_told_period(period, told->at, told->step)] = '\0';

        (void) ai_told_month(month, told->at);
        month[AI_TOLD_MONTH] = '\0';

        ngx_http_ai_told_arg(a, "%Vusage:%s:%s:%xd", prefix, period,
                              s->amcf->spend.node, (int) (told->id >> 60));
        ngx_http_ai_told_arg(a, "%Vusage:%s", prefix, period);
        ngx_http_ai_told_arg(a, "%Vusage:series:%s", prefix, month);
    }

    return a->n;
}


static void
ngx_http_ai_told_head(ngx_http_ai_told_t *s, ngx_http_ai_told_args_t *a,
    int64_t done)
{
    time_t  now, prune;

    now = ngx_time();
    prune = 0;

    if (ngx_current_msec - s->pruned >= NGX_HTTP_AI_SHARE_PRUNE) {
        s->pruned = ngx_current_msec;
        prune = now - s->amcf->spend.retain - 2 * 86400;
    }

    ngx_http_ai_told_arg(a, "%s", s->amcf->spend.node);
    ngx_http_ai_told_arg(a, "%L", done);
    ngx_http_ai_told_arg(a, "%L", s->number);
    ngx_http_ai_told_arg(a, "%T %V", now, &ngx_cycle->hostname);
    ngx_http_ai_told_arg(a, "%d", NGX_HTTP_AI_SHARE_TOLD);
    ngx_http_ai_told_arg(a, "%T", ngx_max(prune, 0));
}


/* cells of a period, and of a digit */

static void
ngx_http_ai_told_group(ngx_http_ai_told_t *s, ngx_http_ai_told_args_t *a,
    const ai_told_t *told, ngx_uint_t n)
{
    u_char      month[AI_TOLD_MONTH];
    int64_t     now, ttl, names;
    ngx_uint_t  i;

    now = ngx_time();
    ttl = NGX_HTTP_AI_SHARE_HOURS;
    names = 0;

    if (told->step != 3600) {
        ttl = s->amcf->spend.retain;
        names = ttl + 2 * 86400;

        /* what had no room even for a time is of 1970, and stays */

        if (told->at) {
            ttl += told->at + 86400 - now;
            names += ai_told_month(month, told->at) - now;
        }

        ttl = ngx_max(ttl, NGX_HTTP_AI_SHARE_MIN);
        names = ngx_max(names, NGX_HTTP_AI_SHARE_MIN);
    }

    ngx_http_ai_told_arg(a, "%xd", (int) (told->id >> 60));
    ngx_http_ai_told_arg(a, "%L", ttl);
    ngx_http_ai_told_arg(a, "%L", names);
    ngx_http_ai_told_arg(a, "%ui", n);

    for (i = 0; i < n; i++) {
        ngx_http_ai_told_cell(s, a, &told[i]);
    }
}


static void
ngx_http_ai_told_cell(ngx_http_ai_told_t *s, ngx_http_ai_told_args_t *a,
    const ai_told_t *told)
{
    u_char  id[AI_TOLD_ID + 1], text[AI_TOLD_TEXT + 1];

    ai_told_id(id, told->id);
    id[AI_TOLD_ID] = '\0';

    text[ai_told_text(text, &told->amounts)] = '\0';

    ngx_http_ai_told_arg(a, "%s", id);
    ngx_http_ai_told_arg(a, "%s", text);

    if (s->named) {
        ngx_http_ai_told_name(a, told);

    } else {
        ngx_http_ai_told_arg(a, "");
    }
}


static void
ngx_http_ai_told_name(ngx_http_ai_told_args_t *a, const ai_told_t *told)
{
    ai_buf_t    b;
    ai_str_t    dim[AI_DIM_MAX];
    ai_pool_t   pool;

    static const ai_str_t  nobody[AI_DIM_MAX];

    ngx_http_ai_pool(&pool, a->pool);
    ai_buf_init(&b, &pool);

    ngx_http_ai_spend_lock(a->amcf);

    if (ai_totals_names(ngx_http_ai_totals(a->amcf), told->id, dim) == AI_OK)
    {
        ai_series_text(&b, dim);

    } else {
        ai_series_text(&b, nobody);
    }

    ngx_http_ai_spend_unlock(a->amcf);

    if (b.failed) {
        a->failed = 1;
        return;
    }

    a->argv[a->n].data = b.start;
    a->argv[a->n++].len = ai_buf_len(&b);
}


static void
ngx_http_ai_told_arg(ngx_http_ai_told_args_t *a, const char *fmt, ...)
{
    u_char   text[512], *p;
    va_list  args;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    a->argv[a->n].len = p - text;
    a->argv[a->n].data = ngx_pnalloc(a->pool, p - text + 1);

    if (a->argv[a->n].data == NULL) {
        a->argv[a->n].len = 0;
        a->failed = 1;

    } else {
        ngx_memcpy(a->argv[a->n].data, text, p - text);
    }

    a->n++;
}


static ngx_uint_t
ngx_http_ai_told_same(const ai_told_t *a, const ai_told_t *b)
{
    return a->at == b->at && a->step == b->step && a->id >> 60 == b->id >> 60;
}


static int ngx_libc_cdecl
ngx_http_ai_told_order(const void *one, const void *two)
{
    const ai_told_t  *a, *b;

    a = one;
    b = two;

    if (a->step != b->step) {
        return a->step < b->step ? -1 : 1;
    }

    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }

    if (a->id != b->id) {
        return a->id < b->id ? -1 : 1;
    }

    return 0;
}


static void
ngx_http_ai_told_done(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_told_t *s = data;

    int64_t                           done;
    ngx_uint_t                        ok, gone;
    ngx_msec_t                        ms;
    ngx_http_ai_totals_sh_t          *sh;
    const ngx_http_ai_redis_reply_t  *word;

    s->call = NULL;

    ok = 0;
    gone = 0;

    if (reply->rc == NGX_HTTP_AI_REDIS_OK
        && reply->type == NGX_HTTP_AI_REDIS_LIST && reply->n)
    {
        word = &reply->list[0];
        ok = word->text.len == 2 && ngx_strncmp(word->text.data, "ok", 2) == 0;
        gone = !ok;
    }

    if (!ok && !gone) {
        ngx_http_ai_told_log(s, reply);
        ngx_http_ai_told_again(s);
        return;
    }

    s->failed = 0;
    sh = s->amcf->spend.told;

    if (ok && reply->n > 1) {
        ngx_http_ai_told_sign(s, &reply->list[1].text);
    }

    if (ok && reply->n > 2 && !s->named) {
        ngx_http_ai_told_missing(s, reply);

    } else {
        s->n = 0;
    }

    ngx_http_ai_spend_lock(s->amcf);

    if (ok) {
        sh->done = ngx_max(sh->done, s->number);

    } else {
        ngx_http_ai_told_anew(sh);
    }

    if (s->n) {
        s->number = ++sh->sent;

    } else if (sh->owner == ngx_http_ai_spend_owner()) {
        sh->owner = 0;
    }

    done = sh->done;

    ngx_http_ai_spend_unlock(s->amcf);

    if (s->n) {
        s->named = 1;

        if (ngx_http_ai_told_send(s, done) != NGX_OK) {
            ngx_http_ai_told_again(s);
        }

        return;
    }

    if (s->exiting) {
        return;
    }

    /* others have calls too */

    ms = (ngx_current_msec - s->sent) * NGX_HTTP_AI_SHARE_PAUSE;
    ms = ngx_min(ngx_max(ms, 1), NGX_HTTP_AI_SHARE_LONGEST);

    s->dummy.fd = (ngx_socket_t) -1;
    s->dummy.data = s;
    s->event.handler = ngx_http_ai_told_next;
    s->event.data = &s->dummy;
    s->event.log = ngx_cycle->log;
    s->event.cancelable = 1;

    ngx_add_timer(&s->event, ms);
}


/* only those whose names are not known there are left */

static void
ngx_http_ai_told_missing(ngx_http_ai_told_t *s,
    const ngx_http_ai_redis_reply_t *reply)
{
    ngx_uint_t  i, n;

    for (i = 2, n = 0; i < reply->n; i++) {
        if (reply->list[i].number > (int64_t) n
            && reply->list[i].number <= (int64_t) s->n)
        {
            s->told[n++] = s->told[reply->list[i].number - 1];
        }
    }

    s->n = n;
}


/* they were not told, as far as is known */

static void
ngx_http_ai_told_again(ngx_http_ai_told_t *s)
{
    ai_redo_t                *redo;
    ngx_uint_t                i;
    ai_totals_t              *t;
    ngx_http_ai_totals_sh_t  *sh;

    ngx_http_ai_spend_lock(s->amcf);

    sh = s->amcf->spend.told;
    t = ngx_http_ai_totals(s->amcf);
    redo = ai_ledger_redo(s->amcf->spend.ledger);

    for (i = 0; i < s->n; i++) {
        ai_totals_again(t, redo, &s->told[i]);
    }

    if (sh->owner == ngx_http_ai_spend_owner()) {
        sh->owner = 0;
    }

    ngx_http_ai_spend_unlock(s->amcf);

    s->n = 0;
}


/* the first word only: what follows may repeat what was sent */

static void
ngx_http_ai_told_log(ngx_http_ai_told_t *s,
    const ngx_http_ai_redis_reply_t *reply)
{
    ngx_str_t  word, *name;

    if (reply->rc != NGX_HTTP_AI_REDIS_ERROR || s->failed) {
        return;
    }

    s->failed = 1;
    word = reply->text;

    for (word.len = 0; word.len < reply->text.len; word.len++) {
        if (word.data[word.len] < 'A' || word.data[word.len] > 'Z') {
            break;
        }
    }

    name = ngx_http_ai_redis_name(s->amcf->spend.redis);

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "ai: ai_redis \"%V\" refused totals: %V", name, &word);
}


/* "1795305600 host": another one that runs and has the same name */

static void
ngx_http_ai_told_sign(ngx_http_ai_told_t *s, const ngx_str_t *sign)
{
    u_char     *p;
    time_t      heard;
    ngx_str_t   host;

    p = ngx_strlchr(sign->data, sign->data + sign->len, ' ');

    if (p == NULL || s->twin) {
        return;
    }

    heard = ngx_atotm(sign->data, p - sign->data);

    host.data = p + 1;
    host.len = sign->data + sign->len - host.data;

    if (heard == (time_t) NGX_ERROR
        || ngx_time() - heard > NGX_HTTP_AI_SHARE_TWIN
        || (host.len == ngx_cycle->hostname.len
            && ngx_memcmp(host.data, ngx_cycle->hostname.data, host.len)
               == 0))
    {
        return;
    }

    s->twin = 1;

    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "ai: host \"%V\" has the name of this node, \"%s\", as "
                  "well: one of their folders is a copy, and totals are too "
                  "low; stop nginx on one of them and remove \"%V/node\"",
                  &host, s->amcf->spend.node, &s->amcf->spend.dir->name);
}


static void
ngx_http_ai_told_next(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_ai_told_t  *s;

    c = ev->data;
    s = c->data;

    if (ngx_exiting || ngx_quit || ngx_terminate
        || !ngx_http_ai_redis_is_up(s->amcf->spend.redis))
    {
        return;
    }

    ngx_http_ai_told_round(s, 0);
}


/* a series is one, however many of its cells have changed */

static void
ngx_http_ai_told_pending(ngx_http_request_t *r, ai_metric_writer_t *w,
    ai_metric_e family, void *data)
{
    int64_t                         n;
    ai_str_t                        name;
    const ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_ai_main_conf(r);

    if (!ngx_http_ai_totals_is_shared(amcf)) {
        return;
    }

    name = ai_str(ngx_http_ai_redis_name(amcf->spend.redis));
    n = (int64_t) ai_totals_untold(ngx_http_ai_totals(amcf));

    ai_metric_write_sample(w, family, &name, n);
}
