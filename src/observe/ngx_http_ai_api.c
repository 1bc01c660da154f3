
/*
 * ai_api: the directive, questions and how they are answered.
 */

#include <observe/ngx_http_ai_api_int.h>


#define NGX_HTTP_AI_API_BODY  65536


typedef struct {
    ngx_str_t     name;
    ngx_str_t     about;
    ngx_int_t   (*handler)(ngx_http_ai_api_t *api);
    ngx_int_t   (*write)(ngx_http_ai_api_t *api, const ai_str_t *body);
                                            /* NULL: it can only be read */
    ngx_str_t   (*methods)(const ngx_str_t *path);  /* that change something */
} ngx_http_ai_api_path_t;


static ngx_int_t ngx_http_ai_api_handler(ngx_http_request_t *r);
static ngx_http_ai_api_t *ngx_http_ai_api_create(ngx_http_request_t *r);
static ngx_int_t ngx_http_ai_api_find(ngx_http_ai_api_t *api,
    const ngx_http_ai_api_path_t **path);
static ngx_int_t ngx_http_ai_api_may_write(ngx_http_ai_api_t *api,
    const ngx_http_ai_api_path_t *p);
static ngx_uint_t ngx_http_ai_api_has_word(const ngx_str_t *words,
    const ngx_str_t *word);
static ngx_uint_t ngx_http_ai_api_is_foreign(ngx_http_request_t *r);
static ngx_uint_t ngx_http_ai_api_permits(ngx_http_request_t *r,
    ngx_http_ai_api_right_e right);
static void ngx_http_ai_api_body(ngx_http_request_t *r);
static void ngx_http_ai_api_end(ngx_http_ai_api_t *api, ngx_int_t rc);
static ngx_int_t ngx_http_ai_api_body_text(ngx_http_ai_api_t *api,
    ai_str_t *text);
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
      ngx_http_ai_api_usage, NULL, NULL },

    { ngx_string("limits"),
      ngx_string("counters of limits and budgets"),
      ngx_http_ai_api_limits, NULL, NULL },

    { ngx_string("keys"),
      ngx_string("keys of clients, without their secrets"),
      ngx_http_ai_api_keys, ngx_http_ai_api_keys_write,
      ngx_http_ai_api_keys_methods },

    { ngx_string("config"),
      ngx_string("providers and routes"),
      ngx_http_ai_api_config, NULL, NULL },

    { ngx_string("providers"),
      ngx_string("providers and their models"),
      ngx_http_ai_api_providers, NULL, NULL },

    { ngx_string("routes"),
      ngx_string("routes and their targets"),
      ngx_http_ai_api_routes, NULL, NULL },

    { ngx_null_string, ngx_null_string, NULL, NULL, NULL }
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

    if (alcf->api.write && ngx_http_ai_made_ask(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

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
    ngx_int_t                      rc;
    ngx_uint_t                     later;
    ngx_http_ai_api_t             *api;
    const ngx_http_ai_api_path_t  *path;

    api = ngx_http_ai_api_create(r);
    if (api == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_ai_api_find(api, &path);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_read_client_request_body(r, ngx_http_ai_api_body);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    later = (rc == NGX_BUSY);

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (!later) {
        return ngx_http_ai_api_send(api);
    }

    /* a client that leaves is noticed */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    r->main->count++;

    return NGX_DONE;
}


void
ngx_http_ai_api_finish(ngx_http_ai_api_t *api, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = api->request->connection;

    ngx_http_ai_api_end(api, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_http_ai_api_t *
ngx_http_ai_api_create(ngx_http_request_t *r)
{
    ngx_http_ai_api_t  *api;

    api = ngx_pcalloc(r->pool, sizeof(ngx_http_ai_api_t));
    if (api == NULL) {
        return NULL;
    }

    api->request = r;
    api->status = NGX_HTTP_OK;
    ngx_str_set(&api->type, "application/json");

    ngx_http_ai_pool(&api->pool, r->pool);
    ai_buf_init(&api->out, &api->pool);

    return api;
}


/* NGX_OK: this is the answer; NGX_BUSY: it comes later; NGX_AGAIN: something
 * is to be changed */

static ngx_int_t
ngx_http_ai_api_find(ngx_http_ai_api_t *api,
    const ngx_http_ai_api_path_t **path)
{
    size_t                         len;
    ngx_int_t                      rc;
    ngx_http_request_t            *r;
    const ngx_http_ai_api_path_t  *p;

    r = api->request;

    if (!ngx_http_ai_api_permits(r, NGX_HTTP_AI_API_READ)) {
        return ngx_http_ai_api_error(api, NGX_HTTP_FORBIDDEN,
                                     "the role of this key does not allow it");
    }

    if (!ngx_http_ai_api_path(r, &api->path)) {
        return ngx_http_ai_api_error(api, NGX_HTTP_NOT_FOUND,
                                     "there is nothing of this name");
    }

    for (p = ngx_http_ai_api_paths; p->handler; p++) {
        len = p->name.len;

        if (api->path.len >= len
            && ngx_memcmp(p->name.data, api->path.data, len) == 0
            && (api->path.len == len
                || (p->write && api->path.data[len] == '/')))
        {
            break;
        }
    }

    if (p->handler == NULL && api->path.len) {
        return ngx_http_ai_api_error(api, NGX_HTTP_NOT_FOUND,
                                     "there is nothing of this name");
    }

    *path = p;

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
        return ngx_http_ai_api_may_write(api, p);
    }

    rc = p->handler ? p->handler(api) : ngx_http_ai_api_list(api);

    if (rc == NGX_AGAIN) {
        return NGX_BUSY;
    }

    return rc == NGX_OK && !api->out.failed ? NGX_OK : NGX_ERROR;
}


/* NGX_AGAIN: it may */

static ngx_int_t
ngx_http_ai_api_may_write(ngx_http_ai_api_t *api,
    const ngx_http_ai_api_path_t *p)
{
    u_char              *last;
    ngx_str_t            methods, value;
    ngx_http_request_t  *r;

    static ngx_str_t  allow = ngx_string("Allow");

    r = api->request;
    ngx_str_null(&methods);

    if (p->write && ngx_http_ai_loc_conf(r)->api.write) {
        methods = p->methods(&api->path);
    }

    if (!ngx_http_ai_api_has_word(&methods, &r->method_name)) {
        value.data = ngx_pnalloc(r->pool, sizeof("GET, HEAD, ") + methods.len);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        last = ngx_cpymem(value.data, "GET, HEAD", sizeof("GET, HEAD") - 1);

        if (methods.len) {
            last = ngx_sprintf(last, ", %V", &methods);
        }

        value.len = last - value.data;

        if (ngx_http_ai_header_add(r, &allow, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_ai_api_error(api, NGX_HTTP_NOT_ALLOWED, methods.len
                                     ? "there is no such method here"
                                     : "this can only be read");
    }

    if (!ngx_http_ai_api_permits(r, NGX_HTTP_AI_API_WRITE)) {
        return ngx_http_ai_api_error(api, NGX_HTTP_FORBIDDEN,
                                     "the role of this key does not allow it");
    }

    if (ngx_http_ai_api_is_foreign(r)) {
        return ngx_http_ai_api_error(api, NGX_HTTP_FORBIDDEN,
                                     "a page of another site asks for it");
    }

    if (r->headers_in.content_length_n > NGX_HTTP_AI_API_BODY) {
        return ngx_http_ai_api_error(api, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     "the body has more than %d bytes",
                                     NGX_HTTP_AI_API_BODY);
    }

    return NGX_AGAIN;
}


/* "PATCH, DELETE" */

static ngx_uint_t
ngx_http_ai_api_has_word(const ngx_str_t *words, const ngx_str_t *word)
{
    size_t  i, end;

    for (i = 0; i < words->len; i = end + 2) {

        for (end = i; end < words->len && words->data[end] != ','; end++) {
            /* void */
        }

        if (end - i == word->len
            && ngx_memcmp(words->data + i, word->data, word->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Rules of the location may let somebody's browser in, with whatever page it
 * shows.  Browsers say which it is.
 */

static ngx_uint_t
ngx_http_ai_api_is_foreign(ngx_http_request_t *r)
{
    u_char           *p, *last;
    ngx_str_t         host;
    ngx_table_elt_t  *origin;

    static ngx_str_t  name = ngx_string("origin");

    origin = ngx_http_ai_header_in(r, &name);

    if (origin == NULL) {
        return 0;
    }

    if (r->headers_in.host) {
        host = r->headers_in.host->value;

    } else {
        host = r->headers_in.server;
    }

    last = origin->value.data + origin->value.len;
    p = ngx_strlchr(origin->value.data, last, ':');

    if (p == NULL || last - p < 3 || p[1] != '/' || p[2] != '/') {
        return 1;
    }

    p += 3;

    return (size_t) (last - p) != host.len
           || ngx_strncasecmp(p, host.data, host.len) != 0;
}


/*
 * Who has a key, or a role, has what the role gives.  Who has neither was let
 * in by other rules of the location.
 */

static ngx_uint_t
ngx_http_ai_api_permits(ngx_http_request_t *r, ngx_http_ai_api_right_e right)
{
    ngx_http_ai_ctx_t  *ctx;

    ctx = ngx_http_ai_ctx(r);

    if (ctx == NULL
        || (ctx->identity.entry == NULL && ctx->identity.role == NULL))
    {
        return 1;
    }

    return ngx_http_ai_auth_api(ctx) >= right;
}


/* the body is there; the request is looked at once more, since nothing else
 * leads from it to what was found */

static void
ngx_http_ai_api_body(ngx_http_request_t *r)
{
    ai_str_t                       text;
    ngx_int_t                      rc;
    ngx_http_ai_api_t             *api;
    const ngx_http_ai_api_path_t  *path;

    api = ngx_http_ai_api_create(r);

    if (api == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_ai_api_find(api, &path);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_ai_api_body_text(api, &text);

        if (rc == NGX_AGAIN) {
            rc = path->write(api, &text);
        }
    }

    if (rc != NGX_AGAIN) {
        ngx_http_ai_api_end(api, rc);
    }
}


/* NGX_AGAIN: here it is; NGX_OK: it is refused */

static ngx_int_t
ngx_http_ai_api_body_text(ngx_http_ai_api_t *api, ai_str_t *text)
{
    off_t                size;
    u_char              *p;
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = api->request;

    text->len = 0;
    text->data = NULL;

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_AGAIN;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > NGX_HTTP_AI_API_BODY) {
        return ngx_http_ai_api_error(api, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     "the body has more than %d bytes",
                                     NGX_HTTP_AI_API_BODY);
    }

    p = ngx_pnalloc(r->pool, (size_t) size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (b->in_file) {
            size = b->file_last - b->file_pos;

            if (ngx_read_file(b->file, p, (size_t) size, b->file_pos)
                != (ssize_t) size)
            {
                return NGX_ERROR;
            }

            p += size;

        } else {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
        }
    }

    text->len = p - text->data;

    return NGX_AGAIN;
}


static void
ngx_http_ai_api_end(ngx_http_ai_api_t *api, ngx_int_t rc)
{
    if (rc != NGX_OK || api->out.failed) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_http_ai_api_send(api);
    }

    ngx_http_finalize_request(api->request, rc);
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
