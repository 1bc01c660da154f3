
/*
 * Keys that several nodes share by a Redis:
 *
 *     PREFIXkeys        a hash: id -> "VERSION BODY", or "VERSION " of a key
 *                       that was deleted
 *     PREFIXkeys:order  a sorted set: id -> number of its last change
 *     PREFIXkeys:state  a hash: "epoch", a random text that comes with the
 *                       data and goes with it; "seq", the last number
 *
 * A change is made there first.  Each node asks for what is new twice a
 * second, by whichever of its workers comes to it, and writes it into its own
 * file, from which all workers have it: nobody needs Redis to look a key up,
 * and nodes start without it.
 *
 * When Redis has lost its data, or this node has never spoken to it, the epoch
 * is another, or the last number is lower than the one that was seen: then all
 * that this node knows goes there, deleted keys too, and of each key the
 * change with the highest version holds.
 */

#include <auth/ngx_http_ai_made_int.h>


#define NGX_HTTP_AI_MADE_TICK     200       /* ms */
#define NGX_HTTP_AI_MADE_ASK      400       /* between questions of a node */
#define NGX_HTTP_AI_MADE_TIMEOUT  1000
#define NGX_HTTP_AI_MADE_PAGE     500       /* keys of one call */
#define NGX_HTTP_AI_MADE_AGAIN    5


static ngx_int_t ngx_http_ai_made_share_names(ngx_conf_t *cf,
    ngx_http_ai_made_t *made);
static void ngx_http_ai_made_tick(ngx_event_t *ev);
static void ngx_http_ai_made_ask_all(ngx_http_ai_made_t *made);
static void ngx_http_ai_made_asked(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_http_ai_redis_call_t *ngx_http_ai_made_pull(
    ngx_http_ai_made_t *made, ngx_http_ai_redis_pt handler, void *data);
static ngx_int_t ngx_http_ai_made_take(ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *reply, ngx_log_t *log);
static ngx_int_t ngx_http_ai_made_take_all(ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *reply, ngx_log_t *log);
static ngx_uint_t ngx_http_ai_made_is_stranger(const ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_made_take_one(ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *item, ai_buf_t *lines, ngx_log_t *log);
static void ngx_http_ai_made_merge(ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_int_t ngx_http_ai_made_merge_page(ngx_http_ai_made_t *made,
    ai_made_key_t **entry);
static void ngx_http_ai_made_merged(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_made_share_pulled(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_made_share_put(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change);
static void ngx_http_ai_made_share_done(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_made_share_down(ngx_http_ai_made_change_t *change);
static void ngx_http_ai_made_names(ngx_http_ai_made_t *made, ngx_str_t *argv);


/*
 * KEYS  the three above
 * ARGV  an epoch, taken if there is none; the last change that was seen; how
 *       many at most
 * reply {epoch, seq, then for each: id, number, value}
 */
static ngx_http_ai_redis_script_t  ngx_http_ai_made_pull_script = {
    ngx_string(
    "redis.call('HSETNX', KEYS[3], 'epoch', ARGV[1])\n"
    "local reply = { redis.call('HGET', KEYS[3], 'epoch'),\n"
    "                redis.call('HGET', KEYS[3], 'seq') or '0' }\n"
    "local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2],\n"
    "                       '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])\n"
    "for i = 1, #ids, 2 do\n"
    "    reply[#reply + 1] = ids[i]\n"
    "    reply[#reply + 1] = ids[i + 1]\n"
    "    reply[#reply + 1] = redis.call('HGET', KEYS[1], ids[i]) or ''\n"
    "end\n"
    "return reply\n"),
    ""
};


/*
 * KEYS  the same
 * ARGV  the epoch, the id, the version that is changed (0: none), the body
 *       (empty: the key is deleted), the least that the new version may be
 * reply {"ok", the new version}; {"epoch"}, {"conflict"}: nothing was done
 */
static ngx_http_ai_redis_script_t  ngx_http_ai_made_put_script = {
    ngx_string(
    "if redis.call('HGET', KEYS[3], 'epoch') ~= ARGV[1] then\n"
    "    return { 'epoch' }\n"
    "end\n"
    "local now = redis.call('HGET', KEYS[1], ARGV[2]) or '0 '\n"
    "now = tonumber(string.match(now, '^(%d+) ') or 0)\n"
    "if now ~= tonumber(ARGV[3]) then\n"
    "    return { 'conflict' }\n"
    "end\n"
    "redis.call('ZSCORE', KEYS[2], ARGV[2])\n"
    "now = math.max(now + 1, tonumber(ARGV[5]))\n"
    "local seq = redis.call('HINCRBY', KEYS[3], 'seq', 1)\n"
    "redis.call('HSET', KEYS[1], ARGV[2],\n"
    "           string.format('%.0f ', now) .. ARGV[4])\n"
    "redis.call('ZADD', KEYS[2], seq, ARGV[2])\n"
    "return { 'ok', now }\n"),
    ""
};


/*
 * KEYS  the same
 * ARGV  for each key its id, version, body
 * reply how many of them were newer
 */
static ngx_http_ai_redis_script_t  ngx_http_ai_made_merge_script = {
    ngx_string(
    "local n = 0\n"
    "for i = 1, #ARGV, 3 do\n"
    "    local now = redis.call('HGET', KEYS[1], ARGV[i]) or '0 '\n"
    "    now = tonumber(string.match(now, '^(%d+) ') or 0)\n"
    "    if now < tonumber(ARGV[i + 1]) then\n"
    "        redis.call('ZSCORE', KEYS[2], ARGV[i])\n"
    "        local seq = redis.call('HINCRBY', KEYS[3], 'seq', 1)\n"
    "        redis.call('HSET', KEYS[1], ARGV[i],\n"
    "                   ARGV[i + 1] .. ' ' .. ARGV[i + 2])\n"
    "        redis.call('ZADD', KEYS[2], seq, ARGV[i])\n"
    "        n = n + 1\n"
    "    end\n"
    "end\n"
    "return n\n"),
    ""
};


ngx_int_t
ngx_http_ai_made_redis(ngx_conf_t *cf, ngx_str_t *param)
{
    ngx_str_t                 name;
    ngx_http_ai_made_t       *made;
    ngx_http_ai_main_conf_t  *amcf;

    if (ngx_http_ai_made_ask(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    made = amcf->auth.made;

    name.data = param->data + 6;
    name.len = param->len - 6;

    if (made->redis_name.data == NULL) {
        made->redis_name = name;
        ngx_http_ai_place(cf, &made->place);

        return NGX_OK;
    }

    if (made->redis_name.len == name.len
        && ngx_strncasecmp(made->redis_name.data, name.data, name.len) == 0)
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" of \"ai_auth\" conflicts with \"redis=%V\" in "
                       "%V:%ui", param, &made->redis_name,
                       &made->place.file, made->place.line);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_ai_made_share_conf(ngx_conf_t *cf, ngx_http_ai_made_t *made)
{
    ngx_str_t            **names, hint;
    ngx_uint_t             i, n;
    ngx_http_ai_redis_t  **rd;

    if (made->redis_name.data == NULL) {
        return NGX_OK;
    }

    made->redis = ngx_http_ai_redis_get(&made->conf->redis, &made->redis_name);

    if (made->redis) {
        return ngx_http_ai_made_share_names(cf, made);
    }

    n = made->conf->redis.lines.nelts;
    rd = made->conf->redis.lines.elts;

    names = ngx_palloc(cf->temp_pool, (n + 1) * sizeof(ngx_str_t *));
    if (names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        names[i] = ngx_http_ai_redis_name(rd[i]);
    }

    hint = ngx_http_ai_hint(cf, &made->redis_name, names, n);

    ngx_http_ai_conf_error(cf, &made->place,
                           "unknown ai_redis \"%V\" in \"ai_auth\"%V",
                           &made->redis_name, &hint);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_ai_made_share_names(ngx_conf_t *cf, ngx_http_ai_made_t *made)
{
    u_char      *p;
    ngx_str_t   *prefix;
    ngx_uint_t   i;

    static const char  *ends[] = { "keys", "keys:order", "keys:state" };

    prefix = ngx_http_ai_redis_prefix(made->redis);

    for (i = 0; i < 3; i++) {
        p = ngx_pnalloc(cf->pool, prefix->len + ngx_strlen(ends[i]));
        if (p == NULL) {
            return NGX_ERROR;
        }

        made->names[i].data = p;
        made->names[i].len = ngx_sprintf(p, "%V%s", prefix, ends[i]) - p;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_made_share_init(ngx_http_ai_made_t *made, ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    made->dummy.fd = (ngx_socket_t) -1;
    made->dummy.data = made;

    ev = &made->event;

    ev->handler = ngx_http_ai_made_tick;
    ev->data = &made->dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, 10);

    return NGX_OK;
}


/* the first of the node's workers whose turn it is */

static void
ngx_http_ai_made_tick(ngx_event_t *ev)
{
    ngx_connection_t    *dummy;
    ngx_atomic_uint_t    asked, now;
    ngx_http_ai_made_t  *made;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    dummy = ev->data;
    made = dummy->data;

    now = ngx_current_msec;
    asked = made->sh->asked;

    if (!made->pulling && ngx_http_ai_redis_is_up(made->redis)
        && (asked == 0 || now - asked >= NGX_HTTP_AI_MADE_ASK)
        && ngx_atomic_cmp_set(&made->sh->asked, asked, now ? now : 1))
    {
        ngx_http_ai_made_ask_all(made);
    }

    ngx_add_timer(ev, NGX_HTTP_AI_MADE_TICK);
}


static void
ngx_http_ai_made_ask_all(ngx_http_ai_made_t *made)
{
    (void) ngx_http_ai_made_follow(made, 0, made->event.log);

    made->pulling = (ngx_http_ai_made_pull(made, ngx_http_ai_made_asked, made)
                     != NULL);
}


static void
ngx_http_ai_made_asked(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_made_t  *made = data;

    made->pulling = 0;

    switch (ngx_http_ai_made_take(made, reply, made->event.log)) {

    case NGX_AGAIN:
        ngx_http_ai_made_ask_all(made);
        break;

    case NGX_DECLINED:
        ngx_http_ai_made_merge(made, reply);
        break;

    default:
        break;
    }
}


/* NULL: it is down */

static ngx_http_ai_redis_call_t *
ngx_http_ai_made_pull(ngx_http_ai_made_t *made, ngx_http_ai_redis_pt handler,
    void *data)
{
    u_char     random[AI_EPOCH_LEN / 2], hex[AI_EPOCH_LEN];
    u_char     cursor[NGX_INT64_LEN], page[NGX_INT64_LEN];
    ngx_str_t  argv[6];

    if (ai_random(random, sizeof(random)) != AI_OK) {
        return NULL;
    }

    ngx_http_ai_made_names(made, argv);

    argv[3].data = hex;
    argv[3].len = ngx_hex_dump(hex, random, sizeof(random)) - hex;

    argv[4].data = cursor;
    argv[4].len = ngx_sprintf(cursor, "%L", made->table->cursor) - cursor;

    argv[5].data = page;
    argv[5].len = ngx_sprintf(page, "%d", NGX_HTTP_AI_MADE_PAGE) - page;

    return ngx_http_ai_redis_eval(made->redis, &ngx_http_ai_made_pull_script,
                                  3, argv, 6, NGX_HTTP_AI_MADE_TIMEOUT,
                                  handler, data);
}


static void
ngx_http_ai_made_names(ngx_http_ai_made_t *made, ngx_str_t *argv)
{
    ngx_uint_t  i;

    for (i = 0; i < 3; i++) {
        argv[i] = made->names[i];
    }
}


/*
 * NGX_OK: nothing more is there; NGX_AGAIN: more is; NGX_DECLINED: it is not
 * the Redis that was known; NGX_BUSY, NGX_ERROR: not now.
 */

static ngx_int_t
ngx_http_ai_made_take(ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *reply, ngx_log_t *log)
{
    ngx_int_t  rc;

    if (reply->rc != NGX_HTTP_AI_REDIS_OK) {

        if (reply->rc == NGX_HTTP_AI_REDIS_ERROR && !made->failing) {
            made->failing = 1;
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "ai: keys cannot be read from ai_redis \"%V\": %V",
                          ngx_http_ai_redis_name(made->redis), &reply->text);
        }

        return NGX_ERROR;
    }

    made->failing = 0;

    if (reply->type != NGX_HTTP_AI_REDIS_LIST || reply->n < 2
        || (reply->n - 2) % 3 != 0
        || reply->list[0].text.len != AI_EPOCH_LEN)
    {
        return NGX_ERROR;
    }

    if (ngx_http_ai_made_is_stranger(made, reply)) {
        return NGX_DECLINED;
    }

    if (reply->n == 2) {
        return NGX_OK;
    }

    rc = ngx_http_ai_made_begin(made, log);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_ai_made_is_stranger(made, reply)
         ? NGX_DECLINED : ngx_http_ai_made_take_all(made, reply, log);

    ngx_http_ai_made_end(made);

    if (rc == NGX_OK && reply->n == 2 + 3 * NGX_HTTP_AI_MADE_PAGE) {
        return NGX_AGAIN;
    }

    return rc;
}


static ngx_uint_t
ngx_http_ai_made_is_stranger(const ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *reply)
{
    return !made->table->shared
           || ngx_memcmp(made->table->epoch, reply->list[0].text.data,
                         AI_EPOCH_LEN)
              != 0
           || reply->list[1].number < made->table->cursor;
}


static ngx_int_t
ngx_http_ai_made_take_all(ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *reply, ngx_log_t *log)
{
    int64_t     last;
    ai_buf_t    lines;
    ngx_int_t   rc;
    ngx_uint_t  i;

    ai_buf_init(&lines, &made->pool);

    for (i = 2; i < reply->n; i += 3) {
        ngx_http_ai_made_take_one(made, &reply->list[i], &lines, log);
    }

    last = reply->list[reply->n - 2].number;

    if (last > made->table->cursor) {
        ai_made_mark(&lines, last, made->table->epoch);
    }

    rc = NGX_OK;

    if (lines.failed
        || (ai_buf_len(&lines)
            && ngx_http_ai_made_append(made, &lines, log) != NGX_OK))
    {
        rc = NGX_ERROR;
    }

    ai_pfree(&made->pool, lines.start);

    return rc;
}


/* it is tried first: what others wrote does not spoil the file */

static void
ngx_http_ai_made_take_one(ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *item, ai_buf_t *lines, ngx_log_t *log)
{
    size_t           i;
    int64_t          version;
    ai_str_t         id, body;
    ai_made_key_t   *entry;
    ai_key_error_t   err;

    id = ai_str(&item[0].text);
    body = ai_str(&item[2].text);
    version = 0;

    for (i = 0; i < body.len && i < 16; i++) {

        if (body.data[i] < '0' || body.data[i] > '9') {
            break;
        }

        version = version * 10 + (body.data[i] - '0');
    }

    if (i == 0 || i == body.len || body.data[i] != ' ') {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "ai: a key in ai_redis \"%V\" is no key of this module",
                      ngx_http_ai_redis_name(made->redis));
        return;
    }

    body.data += i + 1;
    body.len -= i + 1;

    entry = ai_made_find(made->table, &id);

    if (entry && entry->version >= version) {
        return;
    }

    if (ai_made_change(made->table, version, &id, &body, &err) != AI_OK) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "ai: a key in ai_redis \"%V\" cannot be used: %s",
                      ngx_http_ai_redis_name(made->redis), err.text);
        return;
    }

    if (body.len) {
        ai_made_put(lines, version, &body);

    } else {
        ai_made_delete(lines, version, &id);
    }
}


/* all that is known here goes there, a page a call; then what is there is read
 * from its beginning */

static void
ngx_http_ai_made_merge(ngx_http_ai_made_t *made,
    const ngx_http_ai_redis_reply_t *reply)
{
    ai_made_key_t  *entry;

    ngx_log_error(NGX_LOG_NOTICE, made->event.log, 0,
                  "ai: %ui keys of this node are put together with those of "
                  "ai_redis \"%V\"", (ngx_uint_t) made->table->live,
                  ngx_http_ai_redis_name(made->redis));

    ngx_memcpy(made->epoch, reply->list[0].text.data, AI_EPOCH_LEN);

    made->pulling = 1;
    made->merging = 1;
    made->merge_failed = 0;

    entry = made->table->first;

    while (entry) {
        if (ngx_http_ai_made_merge_page(made, &entry) != NGX_OK) {
            made->merge_failed = 1;
            break;
        }

        made->merging++;
    }

    /* the calls are answered later; this one at once */

    ngx_http_ai_made_merged(made, NULL);
}


static ngx_int_t
ngx_http_ai_made_merge_page(ngx_http_ai_made_t *made, ai_made_key_t **entry)
{
    size_t                     start;
    ai_buf_t                   b;
    ngx_str_t                 *argv;
    ngx_pool_t                *pool;
    ai_pool_t                  api;
    ngx_uint_t                 i, n;
    ngx_http_ai_redis_call_t  *call;

    pool = ngx_create_pool(4096, made->event.log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    call = NULL;

    argv = ngx_palloc(pool, (3 + 3 * NGX_HTTP_AI_MADE_PAGE)
                            * sizeof(ngx_str_t));
    if (argv == NULL) {
        goto done;
    }

    ngx_http_ai_made_names(made, argv);
    ngx_http_ai_pool(&api, pool);
    ai_buf_init(&b, &api);

    /* lengths first: the buffer may move */

    for (n = 3;
         *entry && n < 3 + 3 * NGX_HTTP_AI_MADE_PAGE;
         *entry = (*entry)->next)
    {
        argv[n++] = ngx_http_ai_str(&(*entry)->id);

        start = ai_buf_len(&b);
        ai_buf_int(&b, (*entry)->version);
        argv[n++].len = ai_buf_len(&b) - start;

        start = ai_buf_len(&b);

        if ((*entry)->key) {
            ai_made_body(&b, &(*entry)->body);
        }

        argv[n++].len = ai_buf_len(&b) - start;
    }

    if (b.failed) {
        goto done;
    }

    start = 0;

    for (i = 3; i < n; i++) {

        if (i % 3 == 0) {
            continue;
        }

        argv[i].data = b.start + start;
        start += argv[i].len;
    }

    call = ngx_http_ai_redis_eval(made->redis, &ngx_http_ai_made_merge_script,
                                  3, argv, n, NGX_HTTP_AI_MADE_TIMEOUT,
                                  ngx_http_ai_made_merged, made);

done:

    ngx_destroy_pool(pool);

    return call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_ai_made_merged(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_made_t  *made = data;

    ai_buf_t    lines;
    ngx_int_t   rc;
    ngx_log_t  *log;

    log = made->event.log;

    if (reply && reply->rc != NGX_HTTP_AI_REDIS_OK) {
        made->merge_failed = 1;

        if (reply->rc == NGX_HTTP_AI_REDIS_ERROR) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "ai: keys cannot be written to ai_redis \"%V\": %V",
                          ngx_http_ai_redis_name(made->redis), &reply->text);
        }
    }

    if (--made->merging) {
        return;
    }

    made->pulling = 0;

    if (made->merge_failed) {
        return;
    }

    if (ngx_http_ai_made_begin(made, log) != NGX_OK) {
        return;
    }

    ai_buf_init(&lines, &made->pool);
    ai_made_mark(&lines, 0, made->epoch);

    rc = lines.failed ? NGX_ERROR
                      : ngx_http_ai_made_append(made, &lines, log);

    ai_pfree(&made->pool, lines.start);

    ngx_http_ai_made_end(made);

    if (rc == NGX_OK) {
        ngx_http_ai_made_ask_all(made);
    }
}


/*
 * A change: first what others have changed is read, so that it is one of what
 * there is now.
 */

ngx_int_t
ngx_http_ai_made_share(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change)
{
    (void) ngx_http_ai_made_follow(made, 0, change->request->connection->log);

    change->call = ngx_http_ai_made_pull(made, ngx_http_ai_made_share_pulled,
                                         change);
    if (change->call) {
        return NGX_AGAIN;
    }

    ngx_http_ai_made_share_down(change);

    return NGX_OK;
}


static void
ngx_http_ai_made_share_pulled(void *data,
    const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_made_change_t  *change = data;

    ngx_int_t            rc;
    ngx_http_ai_made_t  *made;

    change->call = NULL;
    made = ngx_http_ai_main_conf(change->request)->auth.made;

    rc = ngx_http_ai_made_take(made, reply, change->request->connection->log);

    if (rc == NGX_AGAIN) {

        if (ngx_http_ai_made_share(made, change) == NGX_OK) {
            change->handler(change);
        }

        return;
    }

    if (rc == NGX_OK) {
        ngx_http_ai_made_share_put(made, change);
        return;
    }

    if (reply->rc != NGX_HTTP_AI_REDIS_OK) {
        ngx_http_ai_made_share_down(change);

    } else {
        (void) ngx_http_ai_made_refuse(change, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "keys of this node and of Redis are "
                                       "being put together, try again");
    }

    change->handler(change);
}


static void
ngx_http_ai_made_share_put(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change)
{
    u_char     version[NGX_INT64_LEN], least[NGX_INT64_LEN];
    ngx_str_t  argv[8];

    if (ngx_http_ai_made_prepare(made, change) != NGX_OK) {
        change->handler(change);
        return;
    }

    ngx_http_ai_made_names(made, argv);

    argv[3].data = made->table->epoch;
    argv[3].len = AI_EPOCH_LEN;

    argv[4] = change->id;

    argv[5].data = version;
    argv[5].len = ngx_sprintf(version, "%L", change->version) - version;

    argv[6].data = change->body.start;
    argv[6].len = ai_buf_len(&change->body);

    argv[7].data = least;
    argv[7].len = ngx_sprintf(least, "%L", ngx_http_ai_made_now()) - least;

    change->call = ngx_http_ai_redis_eval(made->redis,
                                          &ngx_http_ai_made_put_script, 3,
                                          argv, 8, NGX_HTTP_AI_MADE_TIMEOUT,
                                          ngx_http_ai_made_share_done,
                                          change);
    if (change->call == NULL) {
        ngx_http_ai_made_share_down(change);
        change->handler(change);
    }
}


static void
ngx_http_ai_made_share_done(void *data,
    const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_made_change_t  *change = data;

    ngx_int_t            rc;
    ngx_log_t           *log;
    ngx_http_ai_made_t  *made;

    change->call = NULL;

    log = change->request->connection->log;
    made = ngx_http_ai_main_conf(change->request)->auth.made;

    if (reply->rc != NGX_HTTP_AI_REDIS_OK
        || reply->type != NGX_HTTP_AI_REDIS_LIST || reply->n == 0)
    {
        if (reply->rc == NGX_HTTP_AI_REDIS_ERROR) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "ai: keys cannot be written to ai_redis \"%V\": %V",
                          ngx_http_ai_redis_name(made->redis), &reply->text);
        }

        (void) ngx_http_ai_made_refuse(change, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "Redis did not say whether it was "
                                       "done, look at the key");

    } else if (reply->n == 2) {
        rc = ngx_http_ai_made_begin(made, log);

        if (rc == NGX_OK) {
            (void) ngx_http_ai_made_store(made, change, reply->list[1].number);
            ngx_http_ai_made_end(made);

        } else {
            (void) ngx_http_ai_made_refuse(change,
                                           NGX_HTTP_INTERNAL_SERVER_ERROR,
                                           "it was done in Redis, but this "
                                           "node's file could not be locked");
        }

    } else if (++change->tries < NGX_HTTP_AI_MADE_AGAIN) {

        if (ngx_http_ai_made_share(made, change) == NGX_AGAIN) {
            return;
        }

    } else {
        (void) ngx_http_ai_made_refuse(change, NGX_HTTP_CONFLICT,
                                       "somebody else changes this key, try "
                                       "again");
    }

    change->handler(change);
}


static void
ngx_http_ai_made_share_down(ngx_http_ai_made_change_t *change)
{
    (void) ngx_http_ai_made_refuse(change, NGX_HTTP_SERVICE_UNAVAILABLE,
                                   "Redis is down, keys cannot be changed "
                                   "now; those that there are go on");
}
