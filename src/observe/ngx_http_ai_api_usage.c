
/*
 * /usage: what was spent, by whom and when.
 */

#include <observe/ngx_http_ai_api_int.h>

#include <store/ngx_http_ai_spend.h>


#define NGX_HTTP_AI_API_DAYS  30            /* asked for without "from" */


/* dims come first, in the order of ai_dim_e */
typedef enum {
    NGX_HTTP_AI_USAGE_FROM = AI_DIM_MAX,
    NGX_HTTP_AI_USAGE_TO,
    NGX_HTTP_AI_USAGE_GROUP,
    NGX_HTTP_AI_USAGE_STEP,
    NGX_HTTP_AI_USAGE_FORMAT,
    NGX_HTTP_AI_USAGE_LIMIT,
    NGX_HTTP_AI_USAGE_MAX
} ngx_http_ai_usage_e;


typedef struct {
    ai_totals_query_t      query;
    ngx_uint_t             limit;
    ai_totals_row_t       *rows;
    size_t                 n;
    unsigned               csv:1;
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
static void ngx_http_ai_usage_json(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u, ngx_uint_t n);
static void ngx_http_ai_usage_csv(ngx_http_ai_api_t *api,
    ngx_http_ai_usage_t *u, ngx_uint_t n);


ngx_int_t
ngx_http_ai_api_usage(ngx_http_ai_api_t *api)
{
    ngx_int_t              rc;
    ngx_uint_t             i, n;
    ngx_http_ai_usage_t    u;
    ngx_http_ai_api_arg_t  arg[NGX_HTTP_AI_USAGE_MAX];

    ngx_memzero(&u, sizeof(ngx_http_ai_usage_t));
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

    rc = ngx_http_ai_api_args(api, arg, NGX_HTTP_AI_USAGE_MAX);

    if (rc == NGX_OK) {
        rc = ngx_http_ai_usage_parse(api, &u, arg);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_ai_usage_rows(api, &u);
    }

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    ai_totals_sort(u.rows, u.n);

    n = ngx_min(u.n, u.limit);

    if (u.csv) {
        ngx_http_ai_usage_csv(api, &u, n);

    } else {
        ngx_http_ai_usage_json(api, &u, n);
    }

    return NGX_OK;
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

    if (u->n <= NGX_HTTP_AI_API_MAX) {
        return NGX_ERROR;
    }

    (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                 "more than %d rows: group by less, ask for "
                                 "longer steps or a shorter time, or for one "
                                 "name such as \"team=NAME\"",
                                 NGX_HTTP_AI_API_MAX);

    return NGX_DECLINED;
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

    ai_buf_lit(b, ",\"data\":[");

    for (i = 0; i < n; i++) {

        if (i) {
            ai_buf_lit(b, ",\n");
        }

        ai_totals_json(b, &u->query, &u->rows[i]);
    }

    ai_buf_lit(b, "]}\n");
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
