
/*
 * What other nodes have told of their totals, read for one question: first who
 * they are, then for each period which hashes there are, then these, a few at
 * a time.  Series whose names this node does not have are asked for, as they
 * come up.
 */

#include <store/ngx_http_ai_totals_share.h>


#define NGX_HTTP_AI_FETCH_SLOTS    4        /* calls at a time */
#define NGX_HTTP_AI_FETCH_NAMES    512      /* of a call */
#define NGX_HTTP_AI_FETCH_LOCK     256      /* series looked up at once */
#define NGX_HTTP_AI_FETCH_TIMEOUT  1000     /* ms, of a call */
#define NGX_HTTP_AI_FETCH_LONGEST  30000    /* ms, of all */
#define NGX_HTTP_AI_FETCH_DAYS     3660
#define NGX_HTTP_AI_FETCH_DAY      86400
#define NGX_HTTP_AI_FETCH_HOUR     3600


typedef struct {
    int64_t                    at;
    int64_t                    step;
} ngx_http_ai_fetch_period_t;


/* hashes of a period and of a node: a bit for each digit */
typedef struct {
    uint32_t                   period;
    uint16_t                   node;
    uint16_t                   digits;
} ngx_http_ai_fetch_work_t;


/* a call, and the cells it has brought whose names are being asked for */
typedef struct {
    ngx_http_ai_totals_fetch_t  *fetch;
    ngx_http_ai_redis_call_t    *call;
    ngx_uint_t                   period;
    ai_told_t                   *told;
    ngx_uint_t                   n;
    ngx_uint_t                   max;
    ngx_uint_t                   asked;     /* of them, by the call */
} ngx_http_ai_fetch_slot_t;


struct ngx_http_ai_totals_fetch_s {
    const ngx_http_ai_main_conf_t  *amcf;
    ngx_pool_t                     *pool;
    ai_merge_t                     *merge;
    ngx_http_ai_totals_fetched_pt   handler;
    void                           *data;
    ngx_msec_t                      start;

    ngx_array_t                     nodes;
    ngx_array_t                     periods;
    ngx_array_t                     work;
    ngx_uint_t                      period;     /* the next one */
    ngx_uint_t                      next;       /* the next work */

    ngx_http_ai_fetch_slot_t        slot[NGX_HTTP_AI_FETCH_SLOTS];
};


static ngx_int_t ngx_http_ai_fetch_periods(ngx_http_ai_totals_fetch_t *f,
    const ai_totals_query_t *q);
static ngx_int_t ngx_http_ai_fetch_period(ngx_http_ai_totals_fetch_t *f,
    int64_t at, int64_t step);
static void ngx_http_ai_fetch_nodes(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_int_t ngx_http_ai_fetch_node(ngx_http_ai_totals_fetch_t *f,
    const ngx_str_t *name, ngx_uint_t *hint);
static void ngx_http_ai_fetch_go(ngx_http_ai_totals_fetch_t *f);
static ngx_int_t ngx_http_ai_fetch_send(ngx_http_ai_totals_fetch_t *f,
    ngx_http_ai_fetch_slot_t *slot);
static void ngx_http_ai_fetch_dir(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_fetch_cells(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_int_t ngx_http_ai_fetch_cell(ngx_http_ai_fetch_slot_t *slot,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_int_t ngx_http_ai_fetch_room(ngx_http_ai_fetch_slot_t *slot,
    ngx_uint_t n);
static ngx_int_t ngx_http_ai_fetch_known(ngx_http_ai_fetch_slot_t *slot);
static ngx_int_t ngx_http_ai_fetch_ask(ngx_http_ai_fetch_slot_t *slot);
static void ngx_http_ai_fetch_names(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_int_t ngx_http_ai_fetch_name(ngx_http_ai_fetch_slot_t *slot,
    const ai_told_t *told, const ngx_http_ai_redis_reply_t *reply);
static ngx_int_t ngx_http_ai_fetch_add(ngx_http_ai_fetch_slot_t *slot,
    const ai_told_t *told);
static ngx_int_t ngx_http_ai_fetch_full(ngx_http_ai_totals_fetch_t *f);
static void ngx_http_ai_fetch_end(ngx_http_ai_totals_fetch_t *f,
    ngx_int_t rc);


int64_t
ngx_http_ai_totals_hours(void)
{
    return ngx_time() / NGX_HTTP_AI_FETCH_DAY * NGX_HTTP_AI_FETCH_DAY
           - NGX_HTTP_AI_FETCH_DAY;
}


ngx_http_ai_totals_fetch_t *
ngx_http_ai_totals_fetch(const ngx_http_ai_main_conf_t *amcf,
    ngx_pool_t *pool, const ai_totals_query_t *q, ai_merge_t *merge,
    ngx_http_ai_totals_fetched_pt handler, void *data)
{
    u_char                       key[512];
    ngx_str_t                    argv[2];
    ngx_uint_t                   i;
    ngx_http_ai_totals_fetch_t  *f;

    f = ngx_pcalloc(pool, sizeof(ngx_http_ai_totals_fetch_t));

    if (f == NULL
        || ngx_array_init(&f->nodes, pool, 8,
                          sizeof(ngx_http_ai_totals_node_t)) != NGX_OK
        || ngx_array_init(&f->periods, pool, 64,
                          sizeof(ngx_http_ai_fetch_period_t)) != NGX_OK
        || ngx_array_init(&f->work, pool, 64,
                          sizeof(ngx_http_ai_fetch_work_t)) != NGX_OK)
    {
        return NULL;
    }

    f->amcf = amcf;
    f->pool = pool;
    f->merge = merge;
    f->handler = handler;
    f->data = data;
    f->start = ngx_current_msec;

    for (i = 0; i < NGX_HTTP_AI_FETCH_SLOTS; i++) {
        f->slot[i].fetch = f;
    }

    if (ngx_http_ai_fetch_periods(f, q) != NGX_OK) {
        return NULL;
    }

    ngx_str_set(&argv[0], "HGETALL");
    argv[1].data = key;
    argv[1].len = ngx_snprintf(key, sizeof(key), "%Vusage:nodes",
                               ngx_http_ai_redis_prefix(amcf->spend.redis))
                  - key;

    f->slot[0].call = ngx_http_ai_redis_command(amcf->spend.redis, argv, 2,
                                                NGX_HTTP_AI_FETCH_TIMEOUT,
                                                ngx_http_ai_fetch_nodes,
                                                &f->slot[0]);

    return f->slot[0].call ? f : NULL;
}


const ngx_http_ai_totals_node_t *
ngx_http_ai_totals_nodes(const ngx_http_ai_totals_fetch_t *f, ngx_uint_t *n)
{
    *n = f->nodes.nelts;

    return f->nodes.elts;
}


void
ngx_http_ai_totals_forget(ngx_http_ai_totals_fetch_t *f)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_AI_FETCH_SLOTS; i++) {
        if (f->slot[i].call) {
            ngx_http_ai_redis_forget(f->slot[i].call);
            f->slot[i].call = NULL;
        }
    }
}


/*
 * Days that are over by two, and those that are asked for as a whole, by their
 * days; hours otherwise.  Nobody tells of the future, but for clocks that are
 * ahead a little.
 */

static ngx_int_t
ngx_http_ai_fetch_periods(ngx_http_ai_totals_fetch_t *f,
    const ai_totals_query_t *q)
{
    int64_t     now, day, end, first, hour, to;
    ngx_uint_t  whole;

    now = ngx_time();
    to = ngx_min(q->to, now + NGX_HTTP_AI_FETCH_HOUR);

    if (q->from == 0
        && ngx_http_ai_fetch_period(f, 0, NGX_HTTP_AI_FETCH_DAY) != NGX_OK)
    {
        return NGX_ERROR;
    }

    first = now - (int64_t) NGX_HTTP_AI_FETCH_DAYS * NGX_HTTP_AI_FETCH_DAY;
    first = ngx_max(q->from, first);

    for (day = first - first % NGX_HTTP_AI_FETCH_DAY; day < to; day = end) {

        end = day + NGX_HTTP_AI_FETCH_DAY;

        whole = (q->step != NGX_HTTP_AI_FETCH_HOUR && day >= first
                 && (end <= q->to || q->to > now));

        if (day < q->hours || whole) {

            if (day >= first
                && ngx_http_ai_fetch_period(f, day, NGX_HTTP_AI_FETCH_DAY)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        for (hour = ngx_max(day, first); hour < ngx_min(end, to);
             hour += NGX_HTTP_AI_FETCH_HOUR)
        {
            if (ngx_http_ai_fetch_period(f, hour, NGX_HTTP_AI_FETCH_HOUR)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_fetch_period(ngx_http_ai_totals_fetch_t *f, int64_t at,
    int64_t step)
{
    ngx_http_ai_fetch_period_t  *p;

    p = ngx_array_push(&f->periods);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p->at = at;
    p->step = step;

    return NGX_OK;
}


/* "1795305600 host" */

static void
ngx_http_ai_fetch_nodes(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_fetch_slot_t *slot = data;

    u_char                           *p, *last;
    ngx_int_t                         k;
    ngx_uint_t                        i, hint;
    ngx_http_ai_totals_node_t        *node;
    ngx_http_ai_totals_fetch_t       *f;
    const ngx_http_ai_redis_reply_t  *value;

    f = slot->fetch;
    slot->call = NULL;
    hint = 0;

    if (reply->rc != NGX_HTTP_AI_REDIS_OK) {
        ngx_http_ai_fetch_end(f, NGX_DECLINED);
        return;
    }

    for (i = 0; i + 1 < reply->n; i += 2) {

        k = ngx_http_ai_fetch_node(f, &reply->list[i].text, &hint);

        if (k == NGX_DECLINED) {
            continue;
        }

        if (k < 0) {
            ngx_http_ai_fetch_end(f, k);
            return;
        }

        value = &reply->list[i + 1];
        p = value->text.data;
        last = p + value->text.len;

        node = f->nodes.elts;
        node += k;

        while (p < last && *p >= '0' && *p <= '9' && node->heard < 1e12) {
            node->heard = node->heard * 10 + (*p++ - '0');
        }

        if (p < last && *p == ' ') {
            p++;
            node->host_len = ngx_min((size_t) (last - p), sizeof(node->host));
            ngx_memcpy(node->host, p, node->host_len);
        }
    }

    ngx_http_ai_fetch_go(f);
}


/* its number; NGX_DECLINED: this one, or nobody's name.  They come in the same
 * order mostly */

static ngx_int_t
ngx_http_ai_fetch_node(ngx_http_ai_totals_fetch_t *f, const ngx_str_t *name,
    ngx_uint_t *hint)
{
    ngx_uint_t                  i, k;
    ngx_http_ai_totals_node_t  *node;

    if (name->len != NGX_HTTP_AI_TOTALS_NODE
        || ngx_memcmp(name->data, f->amcf->spend.node,
                      NGX_HTTP_AI_TOTALS_NODE)
           == 0)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < name->len; i++) {
        if (!((name->data[i] >= '0' && name->data[i] <= '9')
              || (name->data[i] >= 'a' && name->data[i] <= 'f')))
        {
            return NGX_DECLINED;
        }
    }

    node = f->nodes.elts;

    for (i = 0; i < f->nodes.nelts; i++) {
        k = (*hint + i) % f->nodes.nelts;

        if (ngx_memcmp(node[k].name, name->data, name->len) == 0) {
            *hint = k + 1;
            return (ngx_int_t) k;
        }
    }

    if (f->nodes.nelts == NGX_HTTP_AI_TOTALS_NODES) {
        return NGX_ERROR;
    }

    node = ngx_array_push(&f->nodes);
    if (node == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(node, sizeof(ngx_http_ai_totals_node_t));
    ngx_memcpy(node->name, name->data, name->len);

    return (ngx_int_t) f->nodes.nelts - 1;
}


/* gives all slots something to do; it is over when there is nothing */

static void
ngx_http_ai_fetch_go(ngx_http_ai_totals_fetch_t *f)
{
    ngx_int_t   rc;
    ngx_uint_t  i, busy;

    if (ngx_current_msec - f->start > NGX_HTTP_AI_FETCH_LONGEST) {
        ngx_http_ai_fetch_end(f, NGX_DECLINED);
        return;
    }

    busy = 0;

    for (i = 0; i < NGX_HTTP_AI_FETCH_SLOTS; i++) {

        if (f->slot[i].call == NULL) {
            rc = ngx_http_ai_fetch_send(f, &f->slot[i]);

            if (rc == NGX_DECLINED) {
                ngx_http_ai_fetch_end(f, NGX_DECLINED);
                return;
            }
        }

        busy |= f->slot[i].call != NULL;
    }

    if (!busy) {
        ngx_http_ai_fetch_end(f, NGX_OK);
    }
}


/* the next directory or, if there is no more of them, the next hash;
 * NGX_DECLINED: it cannot be sent */

static ngx_int_t
ngx_http_ai_fetch_send(ngx_http_ai_totals_fetch_t *f,
    ngx_http_ai_fetch_slot_t *slot)
{
    u_char                       key[512], text[AI_TOLD_PERIOD + 1], *p;
    ngx_str_t                    argv[2];
    ngx_uint_t                   digit;
    ngx_http_ai_redis_pt         handler;
    ngx_http_ai_fetch_work_t    *work;
    ngx_http_ai_totals_node_t   *node;
    ngx_http_ai_fetch_period_t  *period;

    work = f->work.elts;
    node = f->nodes.elts;
    period = f->periods.elts;
    digit = 0;

    if (f->period < f->periods.nelts) {
        work = NULL;
        slot->period = f->period++;
        handler = ngx_http_ai_fetch_dir;

    } else if (f->next < f->work.nelts) {
        work += f->next;
        slot->period = work->period;
        handler = ngx_http_ai_fetch_cells;

        while (!(work->digits & 1 << digit)) {
            digit++;
        }

        work->digits &= (uint16_t) ~(1 << digit);

        if (work->digits == 0) {
            f->next++;
        }

    } else {
        return NGX_OK;
    }

    period += slot->period;
    text[ai_told_period(text, period->at, period->step)] = '\0';

    p = ngx_snprintf(key, sizeof(key), "%Vusage:%s",
                     ngx_http_ai_redis_prefix(f->amcf->spend.redis), text);

    if (work) {
        p = ngx_slprintf(p, key + sizeof(key), ":%*s:%xd",
                         (size_t) NGX_HTTP_AI_TOTALS_NODE,
                         node[work->node].name, (int) digit);
    }

    ngx_str_set(&argv[0], "HGETALL");
    argv[1].data = key;
    argv[1].len = p - key;

    slot->call = ngx_http_ai_redis_command(f->amcf->spend.redis, argv, 2,
                                           NGX_HTTP_AI_FETCH_TIMEOUT, handler,
                                           slot);

    return slot->call ? NGX_OK : NGX_DECLINED;
}


/* of a node: digits that there are hashes of */

static void
ngx_http_ai_fetch_dir(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_fetch_slot_t *slot = data;

    u_char                       c;
    size_t                       k;
    ngx_int_t                    n;
    ngx_str_t                   *digits;
    ngx_uint_t                   i, hint, mask;
    ngx_http_ai_fetch_work_t    *work;
    ngx_http_ai_totals_fetch_t  *f;

    f = slot->fetch;
    slot->call = NULL;
    hint = 0;

    if (reply->rc != NGX_HTTP_AI_REDIS_OK) {
        ngx_http_ai_fetch_end(f, NGX_DECLINED);
        return;
    }

    for (i = 0; i + 1 < reply->n; i += 2) {

        n = ngx_http_ai_fetch_node(f, &reply->list[i].text, &hint);

        if (n == NGX_DECLINED) {
            continue;
        }

        if (n < 0) {
            ngx_http_ai_fetch_end(f, n);
            return;
        }

        digits = &reply->list[i + 1].text;
        mask = 0;

        for (k = 0; k < digits->len; k++) {
            c = digits->data[k];

            if (c >= '0' && c <= '9') {
                mask |= 1 << (c - '0');

            } else if (c >= 'a' && c <= 'f') {
                mask |= 1 << (c - 'a' + 10);
            }
        }

        if (mask == 0) {
            continue;
        }

        work = ngx_array_push(&f->work);

        if (work == NULL) {
            ngx_http_ai_fetch_end(f, NGX_ERROR);
            return;
        }

        work->period = (uint32_t) slot->period;
        work->node = (uint16_t) n;
        work->digits = (uint16_t) mask;
    }

    ngx_http_ai_fetch_go(f);
}


static void
ngx_http_ai_fetch_cells(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_fetch_slot_t *slot = data;

    ngx_int_t                    rc;
    ngx_http_ai_totals_fetch_t  *f;

    f = slot->fetch;
    slot->call = NULL;
    slot->n = 0;
    rc = NGX_DECLINED;

    if (reply->rc == NGX_HTTP_AI_REDIS_OK) {
        rc = ngx_http_ai_fetch_cell(slot, reply);
    }

    if (rc == NGX_OK && slot->n) {
        rc = ngx_http_ai_fetch_known(slot);
    }

    if (rc == NGX_OK && slot->n) {
        rc = ngx_http_ai_fetch_ask(slot);
    }

    if (rc != NGX_OK) {
        ngx_http_ai_fetch_end(f, rc);
        return;
    }

    ngx_http_ai_fetch_go(f);
}


/* what is of series that are known is added, the others stay in the slot */

static ngx_int_t
ngx_http_ai_fetch_cell(ngx_http_ai_fetch_slot_t *slot,
    const ngx_http_ai_redis_reply_t *reply)
{
    ai_str_t                          id, text;
    ai_told_t                         told;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_ai_fetch_period_t       *period;
    const ngx_http_ai_redis_reply_t  *list;

    period = slot->fetch->periods.elts;
    period += slot->period;

    told.at = period->at;
    told.step = period->step;
    list = reply->list;

    for (i = 0; i + 1 < reply->n; i += 2) {
        id = ai_str(&list[i].text);
        text = ai_str(&list[i + 1].text);

        /* nothing of ours */

        if (ai_told_id_read(&id, &told.id) != AI_OK
            || ai_told_read(&text, &told.amounts) != AI_OK)
        {
            continue;
        }

        if (ai_merge_is_known(slot->fetch->merge, told.id)) {
            rc = ngx_http_ai_fetch_add(slot, &told);

        } else {
            rc = ngx_http_ai_fetch_room(slot, (reply->n - i) / 2);

            if (rc == NGX_OK) {
                slot->told[slot->n++] = told;
            }
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_fetch_room(ngx_http_ai_fetch_slot_t *slot, ngx_uint_t n)
{
    /* n are left of a reply; the first one of it asks for all of them */

    if (slot->n || slot->max >= n) {
        return NGX_OK;
    }

    if (slot->told) {
        (void) ngx_pfree(slot->fetch->pool, slot->told);
    }

    slot->told = ngx_palloc(slot->fetch->pool, n * sizeof(ai_told_t));

    if (slot->told == NULL) {
        slot->max = 0;
        return NGX_ERROR;
    }

    slot->max = n;

    return NGX_OK;
}


/* names that this node has itself */

static ngx_int_t
ngx_http_ai_fetch_known(ngx_http_ai_fetch_slot_t *slot)
{
    ai_str_t                         dim[AI_DIM_MAX];
    ai_told_t                       *told;
    ngx_int_t                        rc;
    ngx_uint_t                       i, n, end;
    const ngx_http_ai_main_conf_t   *amcf;

    amcf = slot->fetch->amcf;
    told = slot->told;
    rc = NGX_OK;
    n = 0;

    for (i = 0; i < slot->n && rc == NGX_OK; /* void */ ) {

        end = ngx_min(i + NGX_HTTP_AI_FETCH_LOCK, slot->n);

        ngx_http_ai_spend_lock(amcf);

        for ( /* void */ ; i < end && rc == NGX_OK; i++) {

            if (ai_totals_names(ngx_http_ai_totals(amcf), told[i].id, dim)
                != AI_OK)
            {
                told[n++] = told[i];
                continue;
            }

            rc = NGX_ERROR;

            if (ai_merge_define(slot->fetch->merge, told[i].id, dim)
                == AI_OK)
            {
                rc = ngx_http_ai_fetch_add(slot, &told[i]);
            }
        }

        ngx_http_ai_spend_unlock(amcf);
    }

    slot->n = n;

    return rc == NGX_ERROR ? ngx_http_ai_fetch_full(slot->fetch) : rc;
}


/* the names of some of those in the slot */

static ngx_int_t
ngx_http_ai_fetch_ask(ngx_http_ai_fetch_slot_t *slot)
{
    u_char                       *id, *key, month[AI_TOLD_MONTH + 1];
    ngx_str_t                    *argv, *prefix;
    ngx_uint_t                    i;
    ngx_pool_t                   *pool;
    ngx_http_ai_redis_t          *rd;
    ngx_http_ai_fetch_period_t   *period;

    rd = slot->fetch->amcf->spend.redis;
    prefix = ngx_http_ai_redis_prefix(rd);

    period = slot->fetch->periods.elts;
    period += slot->period;

    slot->asked = ngx_min(slot->n, NGX_HTTP_AI_FETCH_NAMES);

    pool = ngx_create_pool(16384, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    argv = ngx_palloc(pool, (slot->asked + 2) * sizeof(ngx_str_t));
    id = ngx_pnalloc(pool, slot->asked * AI_TOLD_ID);
    key = ngx_pnalloc(pool, prefix->len + sizeof("usage:series:")
                            + AI_TOLD_MONTH);

    if (argv == NULL || id == NULL || key == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    (void) ai_told_month(month, period->at);
    month[AI_TOLD_MONTH] = '\0';

    ngx_str_set(&argv[0], "HMGET");
    argv[1].data = key;
    argv[1].len = ngx_sprintf(key, "%Vusage:series:%s", prefix, month) - key;

    for (i = 0; i < slot->asked; i++, id += AI_TOLD_ID) {
        ai_told_id(id, slot->told[slot->n - 1 - i].id);
        argv[i + 2].data = id;
        argv[i + 2].len = AI_TOLD_ID;
    }

    slot->call = ngx_http_ai_redis_command(rd, argv, slot->asked + 2,
                                           NGX_HTTP_AI_FETCH_TIMEOUT,
                                           ngx_http_ai_fetch_names, slot);

    ngx_destroy_pool(pool);

    return slot->call ? NGX_OK : NGX_DECLINED;
}


/* they were asked for from the end of the list on */

static void
ngx_http_ai_fetch_names(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_fetch_slot_t *slot = data;

    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_http_ai_totals_fetch_t  *f;

    f = slot->fetch;
    slot->call = NULL;

    if (reply->rc != NGX_HTTP_AI_REDIS_OK || reply->n != slot->asked) {
        ngx_http_ai_fetch_end(f, NGX_DECLINED);
        return;
    }

    rc = NGX_OK;

    for (i = 0; i < reply->n && rc == NGX_OK; i++) {
        slot->n--;
        rc = ngx_http_ai_fetch_name(slot, &slot->told[slot->n],
                                    &reply->list[i]);
    }

    if (rc == NGX_OK && slot->n) {
        rc = ngx_http_ai_fetch_ask(slot);
    }

    if (rc != NGX_OK) {
        ngx_http_ai_fetch_end(f, rc);
        return;
    }

    ngx_http_ai_fetch_go(f);
}


/* names that are lost: "other" */

static ngx_int_t
ngx_http_ai_fetch_name(ngx_http_ai_fetch_slot_t *slot, const ai_told_t *told,
    const ngx_http_ai_redis_reply_t *reply)
{
    ai_str_t    text, dim[AI_DIM_MAX];
    ngx_uint_t  i;

    if (!ai_merge_is_known(slot->fetch->merge, told->id)) {

        text = ai_str(&reply->text);

        if (reply->type != NGX_HTTP_AI_REDIS_STR
            || ai_series_read(&text, dim) != AI_OK)
        {
            for (i = 0; i < AI_DIM_MAX; i++) {
                dim[i] = ai_lit("other");
            }
        }

        if (ai_merge_define(slot->fetch->merge, told->id, dim) != AI_OK) {
            return ngx_http_ai_fetch_full(slot->fetch);
        }
    }

    return ngx_http_ai_fetch_add(slot, told);
}


static ngx_int_t
ngx_http_ai_fetch_add(ngx_http_ai_fetch_slot_t *slot, const ai_told_t *told)
{
    return ai_merge_add(slot->fetch->merge, told) == AI_OK
           ? NGX_OK : ngx_http_ai_fetch_full(slot->fetch);
}


static ngx_int_t
ngx_http_ai_fetch_full(ngx_http_ai_totals_fetch_t *f)
{
    return ai_merge_full(f->merge) == AI_MERGE_FITS ? NGX_ERROR : NGX_BUSY;
}


static void
ngx_http_ai_fetch_end(ngx_http_ai_totals_fetch_t *f, ngx_int_t rc)
{
    ngx_http_ai_totals_forget(f);

    f->handler(f->data, rc);
}
