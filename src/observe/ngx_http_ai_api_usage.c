
/*
 * /usage: what was spent, by whom and when; on all nodes that share a Redis,
 * or on this one.
 */

#include <observe/ngx_http_ai_api_int.h>

#include <store/ngx_http_ai_totals_share.h>


#define NGX_HTTP_AI_API_DAYS    30          /* asked for without "from" */
#define NGX_HTTP_AI_API_SERIES  200000      /* of other nodes, in one answer */


/* dims come first, in the order of ai_dim_e */
typedef enum {
    NGX_HTTP_AI_USAGE_FROM = AI_DIM_MAX,
    NGX_HTTP_AI_USAGE_TO,
    NGX_HTTP_AI_USAGE_GROUP,
    NGX_HTTP_AI_USAGE_STEP,
    NGX_HTTP_AI_USAGE_FORMAT,
    NGX_HTTP_AI_USAGE_LIMIT,
    NGX_HTTP_AI_USAGE_SCOPE,
    NGX_HTTP_AI_USAGE_MAX
} ngx_http_ai_usage_e;


typedef struct {
    ngx_http_ai_api_t           *api;
    ai_totals_query_t            query;
    ngx_uint_t                   limit;
    ai_totals_row_t             *rows;
    size_t                       n;
    ai_merge_t                  *merge;
    ngx_http_ai_totals_fetch_t  *fetch;     /* goes on; NULL: does not */
    const ngx_http_ai_totals_node_t  *nodes;
    ngx_uint_t                   nnodes;
    unsigned                     csv:1;
    unsigned                     shared:1;  /* there may be other nodes */
    unsigned                     node:1;    /* of this one only */
    unsigned                     partial:1;
} ngx_http_ai_usage_t;


static ngx_int_t ngx_http_ai_usage_parse(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u, ngx_http_ai_api_arg_t *arg);
static ngx_int_t ngx_http_ai_usage_times(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u, ngx_str_t *from, ngx_str_t *to);
static ngx_int_t ngx_http_ai_usage_time(ngx_http_ai_api_t *api,
    const char *name, ngx_str_t *value, int64_t *at);
static ngx_int_t ngx_http_ai_usage_group(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u, ngx_str_t *value);
static ngx_int_t ngx_http_ai_usage_rows(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u);
static ngx_int_t ngx_http_ai_usage_refused(ngx_http_ai_api_t *api,
    ai_merge_full_e why);
static ngx_int_t ngx_http_ai_usage_all(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u);
static void ngx_http_ai_usage_fetched(void *data, ngx_int_t rc);
static void ngx_http_ai_usage_cleanup(void *data);
static ngx_int_t ngx_http_ai_usage_partial(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u);
static void ngx_http_ai_usage_write(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u);
static void ngx_http_ai_usage_nodes(ai_buf_t *b, ngx_http_ai_usage_t *u);
static void ngx_http_ai_usage_one(ai_buf_t *b, ngx_str_t *name,
    ngx_str_t *host, int64_t heard);
static void ngx_http_ai_usage_json(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u, ngx_uint_t n);
static void ngx_http_ai_usage_csv(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u, ngx_uint_t n);


ngx_int_t
ngx_http_ai_api_usage(ngx_http_ai_api_t *api)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_http_ai_usage_t   *u;
    ngx_http_ai_api_arg_t  arg[NGX_HTTP_AI_USAGE_MAX];

    u = ngx_pcalloc(api->request->pool, sizeof(ngx_http_ai_usage_t));
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(arg, sizeof(arg));

    for (i = 0; i < AI_DIM_MAX; i++) {
        arg[i].name = ngx_http_ai_str(ai_dim_name((ai_dim_e) i));
    }

    ngx_str_set(&arg[NGX_HTTP_AI_USAGE_FROM].name, "from");
    ngx_str_set(&arg[NGX_HTTP_AI_USAGE_TO].name, "to");
    ngx_str_set(&arg[NGX_HTTP_AI_USAGE_GROUP].name, "group_by");
    ngx_str_set(&arg[NGX_HTTP_AI_USAGE_STEP].name, "step");
    ngx_str_set(&arg[NGX_HTTP_AI_USAGE_FORMAT].name, "format");
    ngx_str_set(&arg[NGX_HTTP_AI_USAGE_LIMIT].name, "limit");
    ngx_str_set(&arg[NGX_HTTP_AI_USAGE_SCOPE].name, "scope");

    u->api = api;
    u->shared = ngx_http_ai_totals_is_shared(
                                        ngx_http_ai_main_conf(api->request));

    rc = ngx_http_ai_api_args(api, arg, NGX_HTTP_AI_USAGE_MAX);

    if (rc == NGX_OK) {
        rc = ngx_http_ai_usage_parse(api, u, arg);
    }

    if (rc == NGX_OK) {
        rc = u->shared && !u->node ? ngx_http_ai_usage_all(api, u)
                                   : ngx_http_ai_usage_rows(api, u);
    }

    if (rc == NGX_OK) {
        ngx_http_ai_usage_write(api, u);
    }

    return rc == NGX_DECLINED ? NGX_OK : rc;
}


static ngx_int_t
ngx_http_ai_usage_parse(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u,
    ngx_http_ai_api_arg_t *arg)
{
    int64_t      n;
    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;

    for (i = 0; i < AI_DIM_MAX; i++) {
        u->query.equal[i] = ai_str(&arg[i].value);
    }

    rc = ngx_http_ai_usage_times(api, u, &arg[NGX_HTTP_AI_USAGE_FROM].value,
                                 &arg[NGX_HTTP_AI_USAGE_TO].value);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_ai_usage_group(api, u, &arg[NGX_HTTP_AI_USAGE_GROUP].value);

    if (rc != NGX_OK) {
        return rc;
    }

    value = &arg[NGX_HTTP_AI_USAGE_STEP].value;

    if (value->data == NULL || ngx_strcmp(value->data, "none") == 0) {
        u->query.step = 0;

    } else if (ngx_strcmp(value->data, "hour") == 0) {
        u->query.step = 3600;

    } else if (ngx_strcmp(value->data, "day") == 0) {
        u->query.step = 86400;

    } else {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "\"step\" is \"hour\", \"day\" or "
                                     "\"none\"");
        return NGX_DECLINED;
    }

    value = &arg[NGX_HTTP_AI_USAGE_FORMAT].value;

    if (value->data && ngx_strcmp(value->data, "csv") == 0) {
        u->csv = 1;

    } else if (value->data && ngx_strcmp(value->data, "json") != 0) {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "\"format\" is \"json\" or \"csv\"");
        return NGX_DECLINED;
    }

    value = &arg[NGX_HTTP_AI_USAGE_SCOPE].value;

    if (value->data && ngx_strcmp(value->data, "node") == 0) {
        u->node = 1;

    } else if (value->data && ngx_strcmp(value->data, "all") != 0) {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "\"scope\" is \"all\" or \"node\"");
        return NGX_DECLINED;
    }

    value = &arg[NGX_HTTP_AI_USAGE_LIMIT].value;
    u->limit = NGX_HTTP_AI_API_MAX;

    if (value->data) {
        n = ngx_http_ai_number(value);

        if (n < 1 || n > NGX_HTTP_AI_API_MAX) {
            (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                         "\"limit\" is a number from 1 to %d",
                                         NGX_HTTP_AI_API_MAX);
            return NGX_DECLINED;
        }

        u->limit = (ngx_uint_t) n;
    }

    return NGX_OK;
}


/* whole hours: the first one that was begun, the last one that is */

static ngx_int_t
ngx_http_ai_usage_times(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u,
    ngx_str_t *from, ngx_str_t *to)
{
    ngx_int_t           rc;
    ai_totals_query_t  *q;

    q = &u->query;
    q->to = ngx_time() + 1;

    if (to->data) {
        rc = ngx_http_ai_usage_time(api, "to", to, &q->to);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    q->to = (q->to + 3599) / 3600 * 3600;
    q->from = q->to / 86400 * 86400 - NGX_HTTP_AI_API_DAYS * 86400;

    if (from->data) {
        rc = ngx_http_ai_usage_time(api, "from", from, &q->from);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    q->from = ngx_max(q->from, 0) / 3600 * 3600;

    if (q->from >= q->to) {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "\"from\" has to be before \"to\"");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_usage_time(ngx_http_ai_api_t *api, const char *name,
    ngx_str_t *value, int64_t *at)
{
    ai_str_t  text;

    text = ai_str(value);

    if (ai_totals_date(&text, at) == AI_OK) {
        return NGX_OK;
    }

    (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                 "\"%s\" is a date such as \"2026-11-22\" or "
                                 "\"2026-11-22T14:00Z\", or seconds since "
                                 "1970", name);

    return NGX_DECLINED;
}


/* "team,model" */

static ngx_int_t
ngx_http_ai_usage_group(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u,
    ngx_str_t *value)
{
    u_char          *p, *last, *end;
    ngx_str_t        name;
    ngx_uint_t       i;
    const ai_str_t  *dim;

    p = value->data;
    last = value->len ? p + value->len : p;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        name.data = p;
        name.len = ngx_min(end - p, 64);

        for (i = 0; i < AI_DIM_MAX; i++) {
            dim = ai_dim_name((ai_dim_e) i);

            if (dim->len == name.len
                && ngx_memcmp(dim->data, name.data, name.len) == 0)
            {
                break;
            }
        }

        if (i == AI_DIM_MAX) {
            (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                         "cannot group by \"%V\": it is key, "
                                         "team, project, customer, user, "
                                         "model, provider or route", &name);
            return NGX_DECLINED;
        }

        u->query.group |= 1u << i;
    }

    return NGX_OK;
}


/* under the lock only the sums; they are written and sent without it */

static ngx_int_t
ngx_http_ai_usage_rows(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u)
{
    ai_int_t                        rc;
    ai_totals_t                    *t;
    const ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_ai_main_conf(api->request);

    if (amcf->zone.shm_zone == NULL) {
        return NGX_OK;
    }

    ngx_http_ai_zone_lock(amcf->zone.shm_zone);

    t = ngx_http_ai_totals(amcf);
    rc = AI_OK;

    if (t) {
        rc = ai_totals_query(t, &u->query, &api->pool, NGX_HTTP_AI_API_MAX,
                             &u->rows, &u->n);
    }

    ngx_http_ai_zone_unlock(amcf->zone.shm_zone);

    if (rc == AI_OK) {
        return NGX_OK;
    }

    return u->n > NGX_HTTP_AI_API_MAX
           ? ngx_http_ai_usage_refused(api, AI_MERGE_ROWS) : NGX_ERROR;
}


static ngx_int_t
ngx_http_ai_usage_refused(ngx_http_ai_api_t *api, ai_merge_full_e why)
{
    if (why == AI_MERGE_FITS) {
        return NGX_ERROR;
    }

    if (why == AI_MERGE_SERIES) {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "more than %d combinations of names: ask "
                                     "for a shorter time, or each node by "
                                     "itself with \"scope=node\"",
                                     NGX_HTTP_AI_API_SERIES);
        return NGX_DECLINED;
    }

    (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                 "more than %d rows: group by less, ask for "
                                 "longer steps or a shorter time, or for one "
                                 "name such as \"team=NAME\"",
                                 NGX_HTTP_AI_API_MAX);

    return NGX_DECLINED;
}


/* what this node has, and then what the others have told */

static ngx_int_t
ngx_http_ai_usage_all(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u)
{
    ai_int_t                        rc;
    ngx_http_cleanup_t             *cln;
    const ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_ai_main_conf(api->request);

    u->query.hours = ngx_http_ai_totals_hours();

    if (!ngx_http_ai_redis_is_up(amcf->spend.redis)) {
        return ngx_http_ai_usage_partial(api, u);
    }

    u->merge = ai_merge_create(&u->query, &api->pool, NGX_HTTP_AI_API_MAX,
                               NGX_HTTP_AI_API_SERIES);
    cln = ngx_http_cleanup_add(api->request, 0);

    if (u->merge == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ai_usage_cleanup;
    cln->data = u;

    ngx_http_ai_spend_lock(amcf);
    rc = ai_merge_totals(u->merge, ngx_http_ai_totals(amcf));
    ngx_http_ai_spend_unlock(amcf);

    if (rc != AI_OK) {
        return ngx_http_ai_usage_refused(api, ai_merge_full(u->merge));
    }

    u->fetch = ngx_http_ai_totals_fetch(amcf, api->request->pool, &u->query,
                                        u->merge, ngx_http_ai_usage_fetched,
                                        u);

    return u->fetch ? NGX_AGAIN : ngx_http_ai_usage_partial(api, u);
}


static void
ngx_http_ai_usage_fetched(void *data, ngx_int_t rc)
{
    ngx_http_ai_usage_t *u = data;

    ngx_http_ai_api_t  *api;

    api = u->api;

    switch (rc) {

    case NGX_OK:
        u->rows = ai_merge_rows(u->merge, &u->n);
        u->nodes = ngx_http_ai_totals_nodes(u->fetch, &u->nnodes);
        break;

    case NGX_DECLINED:
        rc = ngx_http_ai_usage_partial(api, u);
        break;

    case NGX_BUSY:
        rc = ngx_http_ai_usage_refused(api, ai_merge_full(u->merge));
        break;

    default:
        break;
    }

    u->fetch = NULL;

    if (rc == NGX_OK) {
        ngx_http_ai_usage_write(api, u);
    }

    ngx_http_ai_api_finish(api, rc == NGX_DECLINED ? NGX_OK : rc);
}


static void
ngx_http_ai_usage_cleanup(void *data)
{
    ngx_http_ai_usage_t *u = data;

    if (u->fetch) {
        ngx_http_ai_totals_forget(u->fetch);
        u->fetch = NULL;
    }
}


/* Redis is down: this node only */

static ngx_int_t
ngx_http_ai_usage_partial(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u)
{
    static ngx_str_t  name = ngx_string("x-ai-partial");
    static ngx_str_t  value = ngx_string("true");

    u->partial = 1;

    if (ngx_http_ai_header_add(api->request, &name, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_ai_usage_rows(api, u);
}


static void
ngx_http_ai_usage_write(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u)
{
    ngx_uint_t  n;

    ai_totals_sort(u->rows, u->n);

    n = ngx_min(u->n, u->limit);

    if (u->csv) {
        ngx_http_ai_usage_csv(api, u, n);

    } else {
        ngx_http_ai_usage_json(api, u, n);
    }
}


static void
ngx_http_ai_usage_json(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u,
    ngx_uint_t n)
{
    ai_buf_t    *b;
    ngx_uint_t   i;

    b = &api->out;

    ai_buf_lit(b, "{\"object\":\"list\",\"currency\":\"USD\",\"from\":\"");
    ai_totals_iso(b, u->query.from);
    ai_buf_lit(b, "\",\"to\":\"");
    ai_totals_iso(b, u->query.to);
    ai_buf_lit(b, "\",\"truncated\":");

    if (n < u->n) {
        ai_buf_lit(b, "true");

    } else {
        ai_buf_lit(b, "false");
    }

    if (u->shared) {
        ngx_http_ai_usage_nodes(b, u);
    }

    ai_buf_lit(b, ",\"data\":[");

    for (i = 0; i < n; i++) {

        if (i) {
            ai_buf_lit(b, ",\n");
        }

        ai_totals_json(b, &u->query, &u->rows[i]);
    }

    ai_buf_lit(b, "]}\n");
}


/* those that are in the sums, this one first */

static void
ngx_http_ai_usage_nodes(ai_buf_t *b, ngx_http_ai_usage_t *u)
{
    ngx_str_t                         name, host;
    ngx_uint_t                        i;
    ngx_http_ai_main_conf_t          *amcf;
    const ngx_http_ai_totals_node_t  *node;

    amcf = (ngx_http_ai_main_conf_t *)
                                  ngx_http_ai_main_conf(u->api->request);

    if (u->partial) {
        ai_buf_lit(b, ",\"partial\":true,\"nodes\":[");

    } else {
        ai_buf_lit(b, ",\"partial\":false,\"nodes\":[");
    }

    name.data = amcf->spend.node;
    name.len = NGX_HTTP_AI_TOTALS_NODE;

    ngx_http_ai_usage_one(b, &name, (ngx_str_t *) &ngx_cycle->hostname,
                          ngx_time());

    for (i = 0; i < u->nnodes; i++) {
        node = &u->nodes[i];

        name.data = (u_char *) node->name;
        host.data = (u_char *) node->host;
        host.len = node->host_len;

        ai_buf_char(b, ',');
        ngx_http_ai_usage_one(b, &name, &host, node->heard);
    }

    ai_buf_char(b, ']');
}


static void
ngx_http_ai_usage_one(ai_buf_t *b, ngx_str_t *name, ngx_str_t *host,
    int64_t heard)
{
    ai_str_t  s;

    s = ai_str(name);
    ai_buf_lit(b, "{\"node\":");
    ai_buf_quote(b, &s);

    s = ai_str(host);
    ai_buf_lit(b, ",\"host\":");
    ai_buf_quote(b, &s);

    ai_buf_lit(b, ",\"heard\":");

    if (heard) {
        ai_buf_char(b, '"');
        ai_totals_iso(b, heard);
        ai_buf_lit(b, "\"}");

    } else {
        ai_buf_lit(b, "null}");
    }
}


static void
ngx_http_ai_usage_csv(ngx_http_ai_api_t *api, ngx_http_ai_usage_t *u,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    ngx_str_set(&api->type, "text/csv; charset=utf-8");
    ngx_str_set(&api->file, "attachment; filename=\"usage.csv\"");

    ai_totals_csv_head(&api->out);

    for (i = 0; i < n; i++) {
        ai_totals_csv(&api->out, &u->query, &u->rows[i]);
    }
}
