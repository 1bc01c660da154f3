
/*
 * Alerts are posted by the worker that has seen what they are about: the
 * cool-down in shared memory lets one of them do it.  Each alert has a queue
 * of its own in a worker, so that a dead URL delays nobody else, and one call
 * at a time.
 *
 *     event() -> queue -> fetch() -> posted -> next of the queue
 *                            ^         |
 *                            +- timer -+ failed
 */

#include <core/ngx_http_ai.h>
#include <core/ngx_http_ai_fetch.h>


#define NGX_HTTP_AI_ALERT_ENTRIES  1024
#define NGX_HTTP_AI_ALERT_KEY      "alerts"


/* a body that waits; the text follows */
typedef struct {
    size_t                     len;
    ngx_uint_t                 tries;
} ngx_http_ai_alert_post_t;


/* what a worker has to do for an alert */
typedef struct {
    ai_alert_queue_t           queue;
    ngx_http_ai_alert_post_t  *post;        /* the one that is tried */
    ngx_event_t                timer;
    ngx_uint_t                 lost;        /* since it was full */
} ngx_http_ai_alert_work_t;


typedef struct {
    ngx_str_t                  name;
    ai_alert_e                 kind;
    ngx_str_t                  zone;        /* empty: all */
    int64_t                    factor;      /* thousandths */
    time_t                     window;
    time_t                     cooldown;
    ngx_str_t                  url;
    ngx_str_t                  headers;     /* lines */
    ngx_http_ai_place_t        place;
    ngx_http_ai_fetch_conf_t  *fetch;
    ngx_http_ai_alert_work_t  *work;

    unsigned                   kind_set:1;
} ngx_http_ai_alert_t;


typedef struct {
    ngx_str_t                  name;
    char                    *(*set)(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
                                   ngx_str_t *value);
} ngx_http_ai_alert_param_t;


static char *ngx_http_ai_alert_name(ngx_conf_t *cf,
    ngx_http_ai_alert_main_conf_t *conf, ngx_str_t *name);
static char *ngx_http_ai_alert_param(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *param);
static char *ngx_http_ai_alert_on(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value);
static char *ngx_http_ai_alert_zone(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value);
static char *ngx_http_ai_alert_factor(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value);
static char *ngx_http_ai_alert_window(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value);
static char *ngx_http_ai_alert_cooldown(ngx_conf_t *cf,
    ngx_http_ai_alert_t *a, ngx_str_t *value);
static char *ngx_http_ai_alert_time(ngx_conf_t *cf, const char *name,
    time_t *field, ngx_str_t *value);
static char *ngx_http_ai_alert_url(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value);
static char *ngx_http_ai_alert_header(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value);
static ngx_int_t ngx_http_ai_alert_is_header(ngx_str_t *name);
static char *ngx_http_ai_alert_secret(ngx_conf_t *cf, ngx_str_t *value);
static char *ngx_http_ai_alert_check(ngx_conf_t *cf, ngx_http_ai_alert_t *a);
static ngx_int_t ngx_http_ai_alert_is_of(const ngx_http_ai_alert_t *a,
    ai_alert_e kind, const ngx_str_t *zone);
static uint64_t ngx_http_ai_alert_hash(const ngx_http_ai_alert_t *a,
    const ngx_str_t *zone, const ngx_str_t *key, ai_unit_e unit,
    int32_t period);
static void ngx_http_ai_alert_tell(ngx_http_ai_alert_t *a,
    ai_alert_event_t *ev, const ngx_str_t *zone, const ngx_str_t *key);
static ngx_http_ai_alert_post_t *ngx_http_ai_alert_body(
    const ai_alert_event_t *ev);
static void ngx_http_ai_alert_next(ngx_http_ai_alert_t *a);
static void ngx_http_ai_alert_send(ngx_http_ai_alert_t *a);
static void ngx_http_ai_alert_timer(ngx_event_t *ev);
static void ngx_http_ai_alert_posted(ngx_http_ai_fetch_t *f);
static void ngx_http_ai_alert_failed(ngx_http_ai_alert_t *a,
    const char *why, ngx_uint_t status);


static const ngx_http_ai_alert_param_t  ngx_http_ai_alert_params[] = {
    { ngx_string("on"), ngx_http_ai_alert_on },
    { ngx_string("zone"), ngx_http_ai_alert_zone },
    { ngx_string("factor"), ngx_http_ai_alert_factor },
    { ngx_string("window"), ngx_http_ai_alert_window },
    { ngx_string("cooldown"), ngx_http_ai_alert_cooldown },
    { ngx_string("url"), ngx_http_ai_alert_url },
    { ngx_string("header"), ngx_http_ai_alert_header }
};

#define NGX_HTTP_AI_ALERT_PARAMS                                              \
    (sizeof(ngx_http_ai_alert_params) / sizeof(ngx_http_ai_alert_param_t))


char *
ngx_http_ai_alert(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_main_conf_t  *amcf = conf;

    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_http_ai_alert_t  *a;

    value = cf->args->elts;

    if (ngx_http_ai_alert_name(cf, &amcf->alert, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    a = ngx_array_push(amcf->alert.alerts);
    if (a == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(a, sizeof(ngx_http_ai_alert_t));

    a->name = value[1];
    ngx_http_ai_place(cf, &a->place);

    a->work = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_alert_work_t));
    if (a->work == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_ai_alert_param(cf, a, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_ai_alert_check(cf, a);
}


static char *
ngx_http_ai_alert_name(ngx_conf_t *cf, ngx_http_ai_alert_main_conf_t *conf,
    ngx_str_t *name)
{
    ngx_uint_t            i;
    ngx_http_ai_alert_t  *a;

    if (conf->alerts == NULL) {
        conf->alerts = ngx_array_create(cf->pool, 4,
                                        sizeof(ngx_http_ai_alert_t));
        if (conf->alerts == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (!ngx_http_ai_is_name(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid alert name \"%V\"",
                           name);
        return NGX_CONF_ERROR;
    }

    a = conf->alerts->elts;

    for (i = 0; i < conf->alerts->nelts; i++) {
        if (a[i].name.len == name->len
            && ngx_memcmp(a[i].name.data, name->data, name->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate ai_alert \"%V\"", name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_alert_param(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *param)
{
    u_char     *eq;
    ngx_str_t   name, value, hint, *names[NGX_HTTP_AI_ALERT_PARAMS];
    ngx_uint_t  i;

    name = *param;
    ngx_str_null(&value);

    eq = ngx_strlchr(name.data, name.data + name.len, '=');

    if (eq) {
        name.len = eq - name.data;
        value.data = eq + 1;
        value.len = param->len - name.len - 1;
    }

    for (i = 0; i < NGX_HTTP_AI_ALERT_PARAMS; i++) {
        names[i] = (ngx_str_t *) &ngx_http_ai_alert_params[i].name;

        if (names[i]->len != name.len
            || ngx_memcmp(names[i]->data, name.data, name.len) != 0)
        {
            continue;
        }

        if (value.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "no value in parameter "
                               "\"%V\" of \"ai_alert\"", param);
            return NGX_CONF_ERROR;
        }

        return ngx_http_ai_alert_params[i].set(cf, a, &value);
    }

    hint = ngx_http_ai_hint(cf, &name, names, NGX_HTTP_AI_ALERT_PARAMS);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of \"ai_alert\"%V", param,
                       &hint);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_ai_alert_on(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value)
{
    ai_str_t    name;
    ngx_str_t   hint, known[AI_ALERT_MAX], *names[AI_ALERT_MAX];
    ngx_uint_t  i;

    if (a->kind_set) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"on=%V\" of \"ai_alert\"",
                           value);
        return NGX_CONF_ERROR;
    }

    name = ai_str(value);

    if (ai_alert_by_name(&name, &a->kind) != AI_OK) {

        for (i = 0; i < AI_ALERT_MAX; i++) {
            known[i] = ngx_http_ai_str(ai_alert_name((ai_alert_e) i));
            names[i] = &known[i];
        }

        hint = ngx_http_ai_hint(cf, value, names, AI_ALERT_MAX);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown event \"on=%V\" of \"ai_alert\"%V", value,
                           &hint);
        return NGX_CONF_ERROR;
    }

    if (a->kind == AI_ALERT_BREAKER || a->kind == AI_ALERT_ERROR_RATE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "event \"on=%V\" of \"ai_alert\" is not supported "
                           "yet", value);
        return NGX_CONF_ERROR;
    }

    a->kind_set = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_alert_zone(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value)
{
    if (a->zone.len || !ngx_http_ai_is_name(value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s \"zone=%V\" of \"ai_alert\"",
                           a->zone.len ? "duplicate parameter" : "invalid",
                           value);
        return NGX_CONF_ERROR;
    }

    a->zone = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_alert_factor(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value)
{
    int64_t   nano;
    ai_str_t  s;

    if (a->factor) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate parameter "
                           "\"factor=%V\" of \"ai_alert\"", value);
        return NGX_CONF_ERROR;
    }

    s = ai_str(value);

    if (ai_amount_parse(&s, AI_UNIT_COST, &nano) != AI_OK
        || nano % 1000000 != 0 || nano <= 1000000000
        || nano > 1000 * (int64_t) 1000000000)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"factor=%V\" of \"ai_alert\", it is a "
                           "number above 1 and at most 1000", value);
        return NGX_CONF_ERROR;
    }

    a->factor = nano / 1000000;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_alert_window(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value)
{
    return ngx_http_ai_alert_time(cf, "window", &a->window, value);
}


static char *
ngx_http_ai_alert_cooldown(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value)
{
    return ngx_http_ai_alert_time(cf, "cooldown", &a->cooldown, value);
}


static char *
ngx_http_ai_alert_time(ngx_conf_t *cf, const char *name, time_t *field,
    ngx_str_t *value)
{
    time_t  t;

    if (*field) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate parameter "
                           "\"%s=%V\" of \"ai_alert\"", name, value);
        return NGX_CONF_ERROR;
    }

    t = ngx_parse_time(value, 1);

    if (t == (time_t) NGX_ERROR || t < 1 || t > AI_PERIOD_LONGEST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%s=%V\" of \"ai_alert\", it is a time "
                           "from 1s to 31d", name, value);
        return NGX_CONF_ERROR;
    }

    *field = t;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_alert_url(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value)
{
    if (a->url.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"url\" of \"ai_alert\"");
        return NGX_CONF_ERROR;
    }

    a->url = *value;

    return ngx_http_ai_alert_secret(cf, &a->url);
}


/* "Name: value" */

static char *
ngx_http_ai_alert_header(ngx_conf_t *cf, ngx_http_ai_alert_t *a,
    ngx_str_t *value)
{
    u_char     *colon, *p;
    ngx_str_t   name, text, lines;

    name = *value;
    colon = ngx_strlchr(name.data, name.data + name.len, ':');

    if (colon) {
        name.len = colon - name.data;
    }

    if (colon == NULL || !ngx_http_ai_alert_is_header(&name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"header=%V\" of \"ai_alert\", it is "
                           "\"NAME: VALUE\"", &name);
        return NGX_CONF_ERROR;
    }

    text.data = colon + 1;
    text.len = value->len - name.len - 1;

    while (text.len && *text.data == ' ') {
        text.data++;
        text.len--;
    }

    if (ngx_http_ai_alert_secret(cf, &text) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_has_ctl(&text)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "control character in "
                           "\"header=%V\" of \"ai_alert\"", &name);
        return NGX_CONF_ERROR;
    }

    lines.len = a->headers.len + name.len + text.len + sizeof(": " CRLF) - 1;
    lines.data = ngx_pnalloc(cf->pool, lines.len);
    if (lines.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(lines.data, a->headers.data, a->headers.len);
    ngx_sprintf(p, "%V: %V" CRLF, &name, &text);

    a->headers = lines;

    return NGX_CONF_OK;
}


/* those of framing are the client's own */

static ngx_int_t
ngx_http_ai_alert_is_header(ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    static ngx_str_t  own[] = {
        ngx_string("host"), ngx_string("connection"),
        ngx_string("content-length"), ngx_string("content-type"),
        ngx_string("transfer-encoding"), ngx_string("expect")
    };

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
            && c != '_')
        {
            return 0;
        }
    }

    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (own[i].len == name->len
            && ngx_strncasecmp(own[i].data, name->data, name->len) == 0)
        {
            return 0;
        }
    }

    return name->len != 0;
}


/* what others must not read may be in a file; it need not be */

static char *
ngx_http_ai_alert_secret(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_str_t  secret;

    if ((value->len <= 5 || ngx_strncmp(value->data, "file:", 5) != 0)
        && (value->len <= 4 || ngx_strncmp(value->data, "env:", 4) != 0))
    {
        return NGX_CONF_OK;
    }

    if (ngx_http_ai_secret(cf, value, &secret) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    *value = secret;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_alert_check(ngx_conf_t *cf, ngx_http_ai_alert_t *a)
{
    const char  *missing;

    missing = !a->kind_set ? "on" : a->url.len == 0 ? "url" : NULL;

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no parameter \"%s\" in ai_alert \"%V\"", missing,
                           &a->name);
        return NGX_CONF_ERROR;
    }

    if (a->kind != AI_ALERT_SPEND_RATE && (a->factor || a->window)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" of ai_alert \"%V\" requires "
                           "\"on=spend_rate\"",
                           a->factor ? "factor" : "window", &a->name);
        return NGX_CONF_ERROR;
    }

    a->factor = a->factor ? a->factor : 3000;
    a->window = a->window ? a->window : 600;
    a->cooldown = a->cooldown ? a->cooldown : 3600;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_ai_alert_init(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    ngx_uint_t            i;
    ngx_http_ai_alert_t  *a;

    static ngx_str_t  key = ngx_string(NGX_HTTP_AI_ALERT_KEY);
    static ngx_str_t  ca = ngx_null_string;

    if (amcf->alert.alerts == NULL) {
        return NGX_OK;
    }

    a = amcf->alert.alerts->elts;

    for (i = 0; i < amcf->alert.alerts->nelts; i++) {

        a[i].fetch = ngx_http_ai_fetch_conf(cf, &a[i].place, &a[i].url, &ca);

        if (a[i].fetch == NULL) {
            return NGX_ERROR;
        }

        a[i].work->timer.handler = ngx_http_ai_alert_timer;
        a[i].work->timer.data = &a[i];
        a[i].work->timer.log = &cf->cycle->new_log;
        a[i].work->timer.cancelable = 1;
    }

    amcf->alert.shm_zone = amcf->zone.shm_zone;

    return ngx_http_ai_zone_want_block(&amcf->zone, &key,
                                       NGX_HTTP_AI_ALERT_ENTRIES
                                       * sizeof(ai_alert_entry_t),
                                       (void **) &amcf->alert.table);
}


ngx_int_t
ngx_http_ai_alert_zones(ngx_conf_t *cf, ngx_http_ai_alert_main_conf_t *conf,
    ngx_str_t **names, ngx_uint_t n)
{
    ngx_str_t             hint;
    ngx_uint_t            i, j;
    ngx_http_ai_alert_t  *a;

    if (conf->alerts == NULL) {
        return NGX_OK;
    }

    a = conf->alerts->elts;

    for (i = 0; i < conf->alerts->nelts; i++) {

        for (j = 0; j < n; j++) {
            if (names[j]->len == a[i].zone.len
                && ngx_memcmp(names[j]->data, a[i].zone.data, a[i].zone.len)
                   == 0)
            {
                break;
            }
        }

        if (j < n || a[i].zone.len == 0) {
            continue;
        }

        hint = ngx_http_ai_hint(cf, &a[i].zone, names, n);

        ngx_http_ai_conf_error(cf, &a[i].place,
                               "unknown ai_limit_zone \"%V\" in ai_alert "
                               "\"%V\"%V", &a[i].zone, &a[i].name, &hint);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_ai_alert_event(const ngx_http_ai_main_conf_t *amcf,
    const ngx_http_ai_alert_event_t *e)
{
    ai_int_t              rc;
    uint64_t              hash;
    ngx_uint_t            i;
    ai_alert_entry_t     *entry;
    ai_alert_event_t      ev;
    ngx_http_ai_alert_t  *a;

    if (amcf->alert.table == NULL) {
        return;
    }

    a = amcf->alert.alerts->elts;

    for (i = 0; i < amcf->alert.alerts->nelts; i++) {

        if (!ngx_http_ai_alert_is_of(&a[i], e->kind, &e->zone)) {
            continue;
        }

        hash = ngx_http_ai_alert_hash(&a[i], &e->zone, &e->key, e->unit,
                                      e->period);

        ngx_http_ai_zone_lock(amcf->alert.shm_zone);

        entry = ai_alert_entry(amcf->alert.table, NGX_HTTP_AI_ALERT_ENTRIES,
                               hash, ngx_time());
        rc = ai_alert_due(entry, ngx_time(), a[i].cooldown);

        ngx_http_ai_zone_unlock(amcf->alert.shm_zone);

        if (rc != AI_OK) {
            continue;
        }

        ngx_memzero(&ev, sizeof(ai_alert_event_t));

        ev.unit = e->unit;
        ev.period = e->period;
        ev.limit = e->limit;
        ev.used = e->used;
        ev.reset = e->reset;

        ngx_http_ai_alert_tell(&a[i], &ev, &e->zone, &e->key);
    }
}


void
ngx_http_ai_alert_spend(const ngx_http_ai_main_conf_t *amcf,
    const ngx_str_t *zone, const ngx_str_t *key, int64_t cost)
{
    ai_int_t              rc;
    uint64_t              hash;
    ngx_uint_t            i;
    ai_alert_entry_t     *entry;
    ai_alert_event_t      ev;
    ngx_http_ai_alert_t  *a;

    if (amcf->alert.table == NULL || cost <= 0) {
        return;
    }

    a = amcf->alert.alerts->elts;

    for (i = 0; i < amcf->alert.alerts->nelts; i++) {

        if (!ngx_http_ai_alert_is_of(&a[i], AI_ALERT_SPEND_RATE, zone)) {
            continue;
        }

        ngx_memzero(&ev, sizeof(ai_alert_event_t));

        ev.unit = AI_UNIT_COST;
        ev.period = (int32_t) a[i].window;

        hash = ngx_http_ai_alert_hash(&a[i], zone, key, ev.unit, ev.period);

        ngx_http_ai_zone_lock(amcf->alert.shm_zone);

        entry = ai_alert_entry(amcf->alert.table, NGX_HTTP_AI_ALERT_ENTRIES,
                               hash, ngx_time());
        rc = ai_alert_spend(entry, ngx_time(), a[i].window, a[i].factor, cost,
                            &ev);
        if (rc == AI_OK) {
            rc = ai_alert_due(entry, ngx_time(), a[i].cooldown);
        }

        ngx_http_ai_zone_unlock(amcf->alert.shm_zone);

        if (rc == AI_OK) {
            ngx_http_ai_alert_tell(&a[i], &ev, zone, key);
        }
    }
}


static ngx_int_t
ngx_http_ai_alert_is_of(const ngx_http_ai_alert_t *a, ai_alert_e kind,
    const ngx_str_t *zone)
{
    if (a->kind != kind) {
        return 0;
    }

    return a->zone.len == 0
           || (a->zone.len == zone->len
               && ngx_memcmp(a->zone.data, zone->data, zone->len) == 0);
}


static uint64_t
ngx_http_ai_alert_hash(const ngx_http_ai_alert_t *a, const ngx_str_t *zone,
    const ngx_str_t *key, ai_unit_e unit, int32_t period)
{
    uint64_t  hash;

    hash = ai_pick_hash(a->name.data, a->name.len,
                        ((uint64_t) unit << 32) + (uint32_t) period);
    hash = ai_pick_hash(zone->data, zone->len, hash);

    return ai_pick_hash(key->data, key->len, hash);
}


static void
ngx_http_ai_alert_tell(ngx_http_ai_alert_t *a, ai_alert_event_t *ev,
    const ngx_str_t *zone, const ngx_str_t *key)
{
    ngx_str_t                  node;
    ngx_http_ai_alert_post_t  *post;

    node = ((ngx_cycle_t *) ngx_cycle)->hostname;

    ev->kind = a->kind;
    ev->name = ai_str(&a->name);
    ev->zone = ai_str(zone);
    ev->key = ai_str(key);
    ev->node = ai_str(&node);
    ev->now = ngx_time();

    post = ngx_http_ai_alert_body(ev);
    if (post == NULL) {
        return;
    }

    if (ai_alert_push(&a->work->queue, post) != AI_OK) {
        ngx_free(post);

        if (a->work->lost++ == 0) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "ai: alerts \"%V\" come faster than they can be "
                          "posted, some are not", &a->name);
        }

        return;
    }

    if (a->work->post == NULL && !a->work->timer.timer_set) {
        ngx_http_ai_alert_next(a);
    }
}


static ngx_http_ai_alert_post_t *
ngx_http_ai_alert_body(const ai_alert_event_t *ev)
{
    ai_buf_t                   b;
    ai_pool_t                  ai_pool;
    ngx_pool_t                *pool;
    ngx_http_ai_alert_post_t  *post;

    post = NULL;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    ngx_http_ai_pool(&ai_pool, pool);
    ai_buf_init(&b, &ai_pool);

    ai_alert_write(&b, ev);

    if (!b.failed) {
        post = ngx_alloc(sizeof(ngx_http_ai_alert_post_t) + ai_buf_len(&b),
                         ngx_cycle->log);
    }

    if (post) {
        post->len = ai_buf_len(&b);
        post->tries = 0;
        ngx_memcpy(post + 1, b.start, post->len);
    }

    ngx_destroy_pool(pool);

    return post;
}


static void
ngx_http_ai_alert_next(ngx_http_ai_alert_t *a)
{
    a->work->post = ai_alert_shift(&a->work->queue);

    if (a->work->post) {
        ngx_http_ai_alert_send(a);

    } else {
        a->work->lost = 0;
    }
}


static void
ngx_http_ai_alert_send(ngx_http_ai_alert_t *a)
{
    u_char                       *p;
    ngx_str_t                     type;
    ngx_http_ai_fetch_t          *f;
    ngx_http_ai_fetch_request_t   rq;

    ngx_str_set(&type, "Content-Type: application/json" CRLF);
    ngx_memzero(&rq, sizeof(ngx_http_ai_fetch_request_t));

    a->work->post->tries++;

    ngx_str_set(&rq.method, "POST");
    rq.body.data = (u_char *) (a->work->post + 1);
    rq.body.len = a->work->post->len;

    rq.headers.len = type.len + a->headers.len;
    rq.headers.data = ngx_alloc(rq.headers.len, ngx_cycle->log);

    f = NULL;

    if (rq.headers.data) {
        p = ngx_cpymem(rq.headers.data, type.data, type.len);
        ngx_memcpy(p, a->headers.data, a->headers.len);

        f = ngx_http_ai_fetch(a->fetch, &rq, ngx_http_ai_alert_posted, a);

        ngx_explicit_memzero(rq.headers.data, rq.headers.len);
        ngx_free(rq.headers.data);
    }

    if (f == NULL) {
        ngx_http_ai_alert_failed(a, "no memory", 0);
    }
}


static void
ngx_http_ai_alert_timer(ngx_event_t *ev)
{
    ngx_http_ai_alert_t  *a;

    a = ev->data;

    if (a->work->post) {
        ngx_http_ai_alert_send(a);

    } else {
        ngx_http_ai_alert_next(a);
    }
}


static void
ngx_http_ai_alert_posted(ngx_http_ai_fetch_t *f)
{
    ngx_http_ai_alert_t  *a;

    a = f->data;

    if (f->error) {
        ngx_http_ai_alert_failed(a, f->error, 0);
        return;
    }

    if (ai_alert_retry(a->work->post->tries, f->http.status) != 0) {
        ngx_http_ai_alert_failed(a, "status", f->http.status);
        return;
    }

    ngx_free(a->work->post);
    a->work->post = NULL;

    ngx_http_ai_alert_next(a);
}


/* a worker that is to end does not stay for another try */

static void
ngx_http_ai_alert_failed(ngx_http_ai_alert_t *a, const char *why,
    ngx_uint_t status)
{
    int64_t  wait;

    wait = ai_alert_retry(a->work->post->tries, status);

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        wait = -1;
    }

    if (wait > 0) {
        ngx_add_timer(&a->work->timer, (ngx_msec_t) wait);
        return;
    }

    if (status) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "ai: alert \"%V\" was not taken by \"%V\", status %ui",
                      &a->name, &a->fetch->host_header, status);

    } else {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "ai: alert \"%V\" could not be posted to \"%V\": %s",
                      &a->name, &a->fetch->host_header, why);
    }

    ngx_free(a->work->post);
    a->work->post = NULL;

    /* not from here: with many that wait it would nest */

    if (a->work->queue.n) {
        ngx_add_timer(&a->work->timer, 1);
    }
}
