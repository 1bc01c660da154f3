
/*
 * ai_api: the directive, questions and how they are answered.
 */

#include <observe/ngx_http_ai_api_int.h>


typedef struct {
    ngx_str_t     name;
    ngx_str_t     about;
    ngx_int_t   (*handler)(ngx_http_ai_api_t *api);
} ngx_http_ai_api_path_t;


static ngx_int_t ngx_http_ai_api_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_ai_api_permits(ngx_http_request_t *r);
static ngx_int_t ngx_http_ai_api_answer(ngx_http_ai_api_t *api);
static ngx_uint_t ngx_http_ai_api_path(ngx_http_request_t *r,
    ngx_str_t *path);
static ngx_int_t ngx_http_ai_api_list(ngx_http_ai_api_t *api);
static ngx_int_t ngx_http_ai_api_arg(ngx_http_ai_api_t *api,
    ngx_http_ai_api_arg_t *arg, ngx_uint_t n, u_char *p, u_char *last);
static ngx_int_t ngx_http_ai_api_decode(ngx_http_ai_api_t *api,
    ngx_str_t *s, u_char *p, u_char *last);
static ngx_int_t ngx_http_ai_api_send(ngx_http_ai_api_t *api);


static const ngx_http_ai_api_path_t  ngx_http_ai_api_paths[] = {

    { ngx_string("usage"),
      ngx_string("tokens and cost, by key, team, model and others"),
      ngx_http_ai_api_usage },

    { ngx_string("limits"),
      ngx_string("counters of limits and budgets"),
      ngx_http_ai_api_limits },

    { ngx_string("config"),
      ngx_string("providers and routes"),
      ngx_http_ai_api_config },

    { ngx_string("providers"),
      ngx_string("providers and their models"),
      ngx_http_ai_api_providers },

    { ngx_string("routes"),
      ngx_string("routes and their targets"),
      ngx_http_ai_api_routes },

    { ngx_null_string, ngx_null_string, NULL }
};


char *
ngx_http_ai_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t                 *value;
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_ai_api_place_t   *place;
    ngx_http_core_loc_conf_t  *clcf;

    if (alcf->api.on) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "write=on") == 0) {
            alcf->api.write = 1;

        } else if (ngx_strcmp(value[1].data, "write=off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"ai_api\", "
                               "it may be \"write=on\" or \"write=off\"",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

#if (NGX_PCRE)
    if (clcf->regex) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ai_api\" cannot be used in a location given by "
                           "a regular expression: what is asked for follows "
                           "the location's prefix");
        return NGX_CONF_ERROR;
    }
#endif

    if (clcf->named) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ai_api\" cannot be used in a named location");
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    if (amcf->api.places == NULL) {
        amcf->api.places = ngx_array_create(cf->pool, 2,
                                            sizeof(ngx_http_ai_api_place_t));
        if (amcf->api.places == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    place = ngx_array_push(amcf->api.places);
    if (place == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_ai_place(cf, &place->place);
    place->ctx = cf->ctx;
    place->loc_conf = place->ctx->loc_conf;
    place->write = alcf->api.write;

    ngx_http_ai_spend_ask(cf);

    alcf->api.on = 1;
    clcf->handler = ngx_http_ai_api_handler;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_ai_api_init(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    ngx_uint_t                i;
    ngx_http_ai_api_place_t  *place;

    if (amcf->api.places == NULL) {
        return NGX_OK;
    }

    place = amcf->api.places->elts;

    for (i = 0; i < amcf->api.places->nelts; i++) {
        if (ngx_http_ai_api_check(cf, &place[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_api_handler(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_http_ai_api_t   api;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&api, sizeof(ngx_http_ai_api_t));

    api.request = r;
    api.status = NGX_HTTP_OK;
    ngx_str_set(&api.type, "application/json");

    ngx_http_ai_pool(&api.pool, r->pool);
    ai_buf_init(&api.out, &api.pool);

    if (ngx_http_ai_api_answer(&api) != NGX_OK || api.out.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_ai_api_send(&api);
}


static ngx_int_t
ngx_http_ai_api_answer(ngx_http_ai_api_t *api)
{
    ngx_str_t                      path;
    ngx_http_request_t            *r;
    const ngx_http_ai_api_path_t  *p;

    static ngx_str_t  allow = ngx_string("Allow");
    static ngx_str_t  methods = ngx_string("GET, HEAD");

    r = api->request;

    if (!ngx_http_ai_api_permits(r)) {
        return ngx_http_ai_api_error(api, NGX_HTTP_FORBIDDEN,
                                     "the role of this key does not allow it");
    }

    if (!ngx_http_ai_api_path(r, &path)) {
        return ngx_http_ai_api_error(api, NGX_HTTP_NOT_FOUND,
                                     "there is nothing of this name");
    }

    for (p = ngx_http_ai_api_paths; p->handler; p++) {
        if (p->name.len == path.len
            && ngx_memcmp(p->name.data, path.data, path.len) == 0)
        {
            break;
        }
    }

    if (p->handler == NULL && path.len) {
        return ngx_http_ai_api_error(api, NGX_HTTP_NOT_FOUND,
                                     "there is nothing of this name");
    }

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {

        if (ngx_http_ai_header_add(r, &allow, &methods) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_ai_api_error(api, NGX_HTTP_NOT_ALLOWED,
                                     "this can only be read");
    }

    return p->handler ? p->handler(api) : ngx_http_ai_api_list(api);
}


/*
 * Who has a key, or a role, has what the role gives.  Who has neither was let
 * in by other rules of the location.
 */

static ngx_uint_t
ngx_http_ai_api_permits(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);

    if (ctx == NULL
        || (ctx->identity.entry == NULL && ctx->identity.role == NULL))
    {
        return 1;
    }

    return ngx_http_ai_auth_api(ctx) >= NGX_HTTP_AI_API_READ;
}


/* what follows the location's prefix, without slashes around it */

static ngx_uint_t
ngx_http_ai_api_path(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_str_t                 *name;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    name = &clcf->name;

    if (r->uri.len < name->len) {
        return 0;
    }

    path->data = r->uri.data + name->len;
    path->len = r->uri.len - name->len;

    if (path->len && path->data[0] == '/') {
        path->data++;
        path->len--;

    } else if (path->len && name->len && name->data[name->len - 1] != '/') {
        return 0;
    }

    if (path->len && path->data[path->len - 1] == '/') {
        path->len--;
    }

    return 1;
}


static ngx_int_t
ngx_http_ai_api_list(ngx_http_ai_api_t *api)
{
    ai_buf_t                      *b;
    ai_str_t                       s;
    const ngx_http_ai_api_path_t  *p;

    b = &api->out;

    ai_buf_lit(b, "{\"object\":\"list\",\"data\":[");

    for (p = ngx_http_ai_api_paths; p->handler; p++) {

        if (p != ngx_http_ai_api_paths) {
            ai_buf_char(b, ',');
        }

        s = ai_str(&p->name);
        ai_buf_lit(b, "{\"path\":");
        ai_buf_quote(b, &s);

        s = ai_str(&p->about);
        ai_buf_lit(b, ",\"description\":");
        ai_buf_quote(b, &s);
        ai_buf_char(b, '}');
    }

    ai_buf_lit(b, "]}\n");

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_api_error(ngx_http_ai_api_t *api, ngx_uint_t status,
    const char *fmt, ...)
{
    u_char    text[256], *p;
    va_list   args;
    ai_str_t  s;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    s.data = text;
    s.len = p - text;

    api->status = status;
    ngx_str_set(&api->type, "application/json");
    ngx_str_null(&api->file);

    ai_buf_reset(&api->out);
    ai_buf_lit(&api->out, "{\"error\":{\"message\":");
    ai_buf_quote(&api->out, &s);
    ai_buf_lit(&api->out, "}}\n");

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_api_args(ngx_http_ai_api_t *api, ngx_http_ai_api_arg_t *arg,
    ngx_uint_t n)
{
    u_char     *p, *last, *end;
    ngx_int_t   rc;

    if (api->request->args.len == 0) {
        return NGX_OK;
    }

    p = api->request->args.data;
    last = p + api->request->args.len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        if (end == p) {
            continue;
        }

        rc = ngx_http_ai_api_arg(api, arg, n, p, end);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_api_arg(ngx_http_ai_api_t *api, ngx_http_ai_api_arg_t *arg,
    ngx_uint_t n, u_char *p, u_char *last)
{
    u_char      *eq;
    ngx_str_t    name, value, **names, *near;
    ngx_uint_t   i;

    eq = ngx_strlchr(p, last, '=');

    if (ngx_http_ai_api_decode(api, &name, p, eq ? eq : last) != NGX_OK
        || ngx_http_ai_api_decode(api, &value, eq ? eq + 1 : last, last)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (arg[i].name.len != name.len
            || ngx_memcmp(arg[i].name.data, name.data, name.len) != 0)
        {
            continue;
        }

        if (arg[i].value.data) {
            (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                         "\"%V\" is given twice",
                                         &arg[i].name);
            return NGX_DECLINED;
        }

        arg[i].value = value;
        return NGX_OK;
    }

    names = ngx_palloc(api->request->pool, (n + 1) * sizeof(ngx_str_t *));
    if (names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        names[i] = &arg[i].name;
    }

    name.len = ngx_min(name.len, 64);
    near = ngx_http_ai_nearest(&name, names, n);

    if (near) {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "unknown argument \"%V\", did you mean "
                                     "\"%V\"?", &name, near);

    } else {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "unknown argument \"%V\"", &name);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_ai_api_decode(ngx_http_ai_api_t *api, ngx_str_t *s, u_char *p,
    u_char *last)
{
    u_char  *dst, *src;
    size_t   i, len;

    len = last - p;

    s->data = ngx_pnalloc(api->request->pool, len + 1);
    if (s->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(s->data, p, len);

    for (i = 0; i < len; i++) {
        if (s->data[i] == '+') {
            s->data[i] = ' ';
        }
    }

    dst = s->data;
    src = s->data;

    ngx_unescape_uri(&dst, &src, len, 0);

    s->len = dst - s->data;
    s->data[s->len] = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_api_send(ngx_http_ai_api_t *api)
{
    ngx_str_t                  name, value;
    ngx_http_request_t        *r;
    ngx_http_complex_value_t   cv;

    r = api->request;

    ngx_str_set(&name, "Cache-Control");
    ngx_str_set(&value, "no-store");

    if (ngx_http_ai_header_add(r, &name, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&name, "X-Content-Type-Options");
    ngx_str_set(&value, "nosniff");

    if (ngx_http_ai_header_add(r, &name, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (api->file.len) {
        ngx_str_set(&name, "Content-Disposition");

        if (ngx_http_ai_header_add(r, &name, &api->file) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    cv.value.data = api->out.start;
    cv.value.len = ai_buf_len(&api->out);

    return ngx_http_send_response(r, api->status, &api->type, &cv);
}
