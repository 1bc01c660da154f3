
/*
 * /keys of ai_api: those of key files, and those that are made here.
 */

#include <observe/ngx_http_ai_api_int.h>


#define NGX_HTTP_AI_API_GRACE  (366 * 24 * 60 * 60)


/* a change, and the question that it answers */
typedef struct {
    ngx_http_ai_made_change_t    change;
    ngx_http_ai_api_t           *api;
} ngx_http_ai_api_key_change_t;


/* a list that is written */
typedef struct {
    ai_buf_t                    *out;
    ngx_str_t                    after;     /* this id; or empty */
    ngx_uint_t                   max;
    ngx_uint_t                   n;
    unsigned                     skip:1;    /* "after" has not come yet */
    unsigned                     truncated:1;
} ngx_http_ai_api_key_list_t;


static ngx_str_t ngx_http_ai_api_keys_rest(const ngx_str_t *path);
static ngx_uint_t ngx_http_ai_api_keys_verb(const ngx_str_t *path,
    ngx_str_t *id, ngx_http_ai_made_op_e *op);
static ngx_int_t ngx_http_ai_api_keys_list(ngx_http_ai_api_t *api);
static void ngx_http_ai_api_keys_row(ngx_http_ai_api_key_list_t *list,
    const ai_key_t *key, const ai_made_key_t *entry);
static ngx_int_t ngx_http_ai_api_keys_one(ngx_http_ai_api_t *api,
    ngx_str_t *id, const ngx_http_ai_made_change_t *change);
static void ngx_http_ai_api_keys_show(ai_buf_t *b, const ai_key_t *key,
    const ai_made_key_t *entry, const ngx_http_ai_made_change_t *change);
static void ngx_http_ai_api_keys_time(ai_buf_t *b, const char *name,
    int64_t seconds);
static ngx_int_t ngx_http_ai_api_keys_read(ngx_http_ai_api_t *api,
    ngx_http_ai_made_change_t *change, const ai_str_t *body);
static ngx_int_t ngx_http_ai_api_keys_grace(ngx_http_ai_api_t *api,
    ngx_http_ai_made_change_t *change);
static void ngx_http_ai_api_keys_done(ngx_http_ai_made_change_t *change);
static ngx_int_t ngx_http_ai_api_keys_answer(
    ngx_http_ai_api_key_change_t *kc);
static void ngx_http_ai_api_keys_forget(void *data);


/* "keys/ID/rotate": what follows "keys/" */

static ngx_str_t
ngx_http_ai_api_keys_rest(const ngx_str_t *path)
{
    ngx_str_t  rest;

    ngx_str_null(&rest);

    if (path->len > sizeof("keys/") - 1) {
        rest.data = path->data + sizeof("keys/") - 1;
        rest.len = path->len - (sizeof("keys/") - 1);
    }

    return rest;
}


static ngx_uint_t
ngx_http_ai_api_keys_verb(const ngx_str_t *path, ngx_str_t *id,
    ngx_http_ai_made_op_e *op)
{
    size_t      len;
    ngx_str_t   rest;
    ngx_uint_t  i;

    static const struct {
        ngx_str_t              name;
        ngx_http_ai_made_op_e  op;
    } verbs[] = {
        { ngx_string("/rotate"), NGX_HTTP_AI_MADE_ROTATE },
        { ngx_string("/block"), NGX_HTTP_AI_MADE_BLOCK },
        { ngx_string("/unblock"), NGX_HTTP_AI_MADE_UNBLOCK }
    };

    rest = ngx_http_ai_api_keys_rest(path);

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        len = verbs[i].name.len;

        if (rest.len > len
            && ngx_memcmp(rest.data + rest.len - len, verbs[i].name.data, len)
               == 0)
        {
            id->data = rest.data;
            id->len = rest.len - len;
            *op = verbs[i].op;
            return 1;
        }
    }

    return 0;
}


ngx_str_t
ngx_http_ai_api_keys_methods(const ngx_str_t *path)
{
    ngx_str_t              id, methods;
    ngx_http_ai_made_op_e  op;

    if (ngx_http_ai_api_keys_rest(path).len == 0
        || ngx_http_ai_api_keys_verb(path, &id, &op))
    {
        ngx_str_set(&methods, "POST");

    } else {
        ngx_str_set(&methods, "PATCH, DELETE");
    }

    return methods;
}


ngx_int_t
ngx_http_ai_api_keys(ngx_http_ai_api_t *api)
{
    ngx_int_t  rc;
    ngx_str_t  id;

    id = ngx_http_ai_api_keys_rest(&api->path);

    if (id.len == 0) {
        return ngx_http_ai_api_keys_list(api);
    }

    rc = ngx_http_ai_api_args(api, NULL, 0);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    return ngx_http_ai_api_keys_one(api, &id, NULL);
}


static ngx_int_t
ngx_http_ai_api_keys_list(ngx_http_ai_api_t *api)
{
    ngx_int_t                       rc, max;
    ai_key_t                       *key;
    ngx_uint_t                      i;
    const ai_made_t                *made;
    const ai_made_key_t            *entry;
    ngx_http_ai_api_key_list_t      list;
    const ngx_http_ai_main_conf_t  *amcf;

    ngx_http_ai_api_arg_t  arg[] = {
        { ngx_string("limit"), ngx_null_string },
        { ngx_string("after"), ngx_null_string }
    };

    rc = ngx_http_ai_api_args(api, arg, 2);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    max = NGX_HTTP_AI_API_MAX;

    if (arg[0].value.data) {
        max = ngx_atoi(arg[0].value.data, arg[0].value.len);

        if (max < 1 || max > NGX_HTTP_AI_API_MAX) {
            return ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                         "\"limit\" is a number from 1 to %d",
                                         NGX_HTTP_AI_API_MAX);
        }
    }

    ngx_memzero(&list, sizeof(ngx_http_ai_api_key_list_t));

    list.out = &api->out;
    list.after = arg[1].value;
    list.skip = (list.after.len != 0);
    list.max = (ngx_uint_t) max;

    ai_buf_lit(&api->out, "{\"object\":\"list\",\"data\":[");

    amcf = ngx_http_ai_main_conf(api->request);

    for (i = 0; i < ngx_http_ai_auth_tables(&amcf->auth); i++) {
        for (key = ai_keys_first(ngx_http_ai_auth_table(&amcf->auth, i));
             key;
             key = key->next)
        {
            /* a file may be that of several levels */

            if (ngx_http_ai_auth_by_id(&amcf->auth, i, &key->id) == NULL) {
                ngx_http_ai_api_keys_row(&list, key, NULL);
            }
        }
    }

    made = ngx_http_ai_made_table(amcf->auth.made,
                                  api->request->connection->log);

    for (entry = made ? made->first : NULL; entry; entry = entry->next) {
        if (entry->key) {
            ngx_http_ai_api_keys_row(&list, entry->key, entry);
        }
    }

    if (list.truncated) {
        ai_buf_lit(&api->out, "],\"truncated\":true}\n");

    } else {
        ai_buf_lit(&api->out, "],\"truncated\":false}\n");
    }

    return NGX_OK;
}


static void
ngx_http_ai_api_keys_row(ngx_http_ai_api_key_list_t *list,
    const ai_key_t *key, const ai_made_key_t *entry)
{
    if (list->skip) {
        list->skip = (key->id.len != list->after.len
                      || ngx_memcmp(key->id.data, list->after.data,
                                    key->id.len) != 0);
        return;
    }

    if (list->n == list->max) {
        list->truncated = 1;
        return;
    }

    if (list->n++) {
        ai_buf_lit(list->out, ",\n");
    }

    ngx_http_ai_api_keys_show(list->out, key, entry, NULL);
}


static ngx_int_t
ngx_http_ai_api_keys_one(ngx_http_ai_api_t *api, ngx_str_t *id,
    const ngx_http_ai_made_change_t *change)
{
    ai_str_t                        name;
    const ai_key_t                 *key;
    const ai_made_t                *made;
    const ai_made_key_t            *entry;
    const ngx_http_ai_main_conf_t  *amcf;

    name = ai_str(id);
    amcf = ngx_http_ai_main_conf(api->request);

    made = ngx_http_ai_made_table(amcf->auth.made,
                                  api->request->connection->log);
    entry = made ? ai_made_find(made, &name) : NULL;

    key = entry && entry->key
          ? entry->key
          : ngx_http_ai_auth_by_id(&amcf->auth,
                                   ngx_http_ai_auth_tables(&amcf->auth),
                                   &name);

    if (key == NULL) {
        return ngx_http_ai_api_error(api, NGX_HTTP_NOT_FOUND,
                                     "there is no key of this id");
    }

    ngx_http_ai_api_keys_show(&api->out, key,
                              entry && entry->key ? entry : NULL, change);
    ai_buf_char(&api->out, '\n');

    return NGX_OK;
}


/* change: a secret to be shown, this once */

static void
ngx_http_ai_api_keys_show(ai_buf_t *b, const ai_key_t *key,
    const ai_made_key_t *entry, const ngx_http_ai_made_change_t *change)
{
    ai_str_t  secret;

    ai_buf_lit(b, "{\"object\":\"key\",\"id\":");
    ai_buf_quote(b, &key->id);

    if (change && change->secret_len) {
        secret.data = (ai_char_t *) change->secret;
        secret.len = change->secret_len;

        ai_buf_lit(b, ",\"key\":");
        ai_buf_quote(b, &secret);
    }

    if (entry) {
        ai_buf_lit(b, ",\"source\":\"api\"");
        ngx_http_ai_api_keys_time(b, "created", entry->body.created);
        ngx_http_ai_api_keys_time(b, "rotated", entry->body.rotated);
        ngx_http_ai_api_keys_time(b, "blocked", entry->body.blocked);

        if (entry->body.until > ngx_time()) {
            ngx_http_ai_api_keys_time(b, "grace_until", entry->body.until);
        }

        if (key->pepper == AI_KEY_LOST) {
            ai_buf_lit(b, ",\"pepper\":\"missing\"");
        }

    } else {
        ai_buf_lit(b, ",\"source\":\"file\"");
    }

    if (key->disabled) {
        ai_buf_lit(b, ",\"disabled\":true");

    } else {
        ai_buf_lit(b, ",\"disabled\":false");
    }

    if (key->expires != AI_KEY_NEVER) {
        ngx_http_ai_api_keys_time(b, "expires", key->expires);

        if (key->expires <= ngx_time()) {
            ai_buf_lit(b, ",\"expired\":true");

        } else {
            ai_buf_lit(b, ",\"expired\":false");
        }
    }

    ai_key_json(b, key);
    ai_buf_char(b, '}');
}


static void
ngx_http_ai_api_keys_time(ai_buf_t *b, const char *name, int64_t seconds)
{
    if (seconds == 0) {
        return;
    }

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, ngx_strlen(name));
    ai_buf_lit(b, "\":");
    ai_key_json_time(b, seconds);
}


ngx_int_t
ngx_http_ai_api_keys_write(ngx_http_ai_api_t *api, const ai_str_t *body)
{
    ngx_int_t                      rc;
    ngx_str_t                      id;
    ngx_pool_cleanup_t            *cln;
    ngx_http_request_t            *r;
    ngx_http_ai_made_change_t     *change;
    ngx_http_ai_api_key_change_t  *kc;

    r = api->request;

    rc = ngx_http_ai_api_args(api, NULL, 0);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    kc = ngx_pcalloc(r->pool, sizeof(ngx_http_ai_api_key_change_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (kc == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ai_api_keys_forget;
    cln->data = kc;

    kc->api = api;

    change = &kc->change;
    change->request = r;
    change->handler = ngx_http_ai_api_keys_done;
    change->object = AI_JSON_NONE;

    id = ngx_http_ai_api_keys_rest(&api->path);

    if (id.len == 0) {
        change->op = NGX_HTTP_AI_MADE_CREATE;

    } else if (!ngx_http_ai_api_keys_verb(&api->path, &id, &change->op)) {
        change->op = r->method == NGX_HTTP_DELETE ? NGX_HTTP_AI_MADE_DELETE
                                                  : NGX_HTTP_AI_MADE_CHANGE;
    }

    change->id = id;

    rc = ngx_http_ai_api_keys_read(api, change, body);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    rc = ngx_http_ai_made_change(change);

    return rc == NGX_OK ? ngx_http_ai_api_keys_answer(kc) : rc;
}


/* NGX_DECLINED: an error is the answer */

static ngx_int_t
ngx_http_ai_api_keys_read(ngx_http_ai_api_t *api,
    ngx_http_ai_made_change_t *change, const ai_str_t *body)
{
    ai_ref_t  v;
    ai_str_t  id;

    static const ai_json_limits_t  limits = { 4, 8192, 1024, 256 };

    /* others need nothing of it */

    if (change->op > NGX_HTTP_AI_MADE_ROTATE
        || (body->len == 0 && change->op != NGX_HTTP_AI_MADE_CHANGE))
    {
        return NGX_OK;
    }

    ai_json_init(&change->doc, &api->pool);

    if (ai_json_parse(&change->doc, body, &limits) != AI_OK) {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "the body is no JSON: %s",
                                     ai_json_strerror(change->doc.error));
        return NGX_DECLINED;
    }

    if (ai_json_type(&change->doc, AI_JSON_ROOT) != AI_JSON_OBJECT
        || ai_json_unique(&change->doc, AI_JSON_ROOT) != AI_OK)
    {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "the body is no JSON object, or has a "
                                     "name twice");
        return NGX_DECLINED;
    }

    change->object = AI_JSON_ROOT;

    if (change->op == NGX_HTTP_AI_MADE_ROTATE) {
        return ngx_http_ai_api_keys_grace(api, change);
    }

    v = ai_json_get(&change->doc, AI_JSON_ROOT, "id");

    if (ai_json_is_null(&change->doc, v)) {
        return NGX_OK;
    }

    if (ai_json_str(&change->doc, v, &api->pool, &id) != AI_OK
        || id.len == 0)
    {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "\"id\" is a text");
        return NGX_DECLINED;
    }

    if (change->op == NGX_HTTP_AI_MADE_CREATE) {
        change->id = ngx_http_ai_str(&id);
        return NGX_OK;
    }

    if (id.len != change->id.len
        || ngx_memcmp(id.data, change->id.data, id.len) != 0)
    {
        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "the \"id\" of a key cannot be changed");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_api_keys_grace(ngx_http_ai_api_t *api,
    ngx_http_ai_made_change_t *change)
{
    ai_ref_t   k;
    ai_str_t   text;
    ngx_str_t  value;

    for (k = ai_json_first(&change->doc, AI_JSON_ROOT);
         k != AI_JSON_NONE;
         k = ai_json_next(&change->doc, AI_JSON_ROOT, k))
    {
        if (!ai_json_is(&change->doc, k, "grace")) {
            (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                         "there is only \"grace\" here");
            return NGX_DECLINED;
        }

        if (ai_json_str(&change->doc, ai_json_value(&change->doc, k),
                        &api->pool, &text)
            == AI_OK)
        {
            value = ngx_http_ai_str(&text);
            change->grace = ngx_parse_time(&value, 1);

            if (change->grace >= 0
                && change->grace <= NGX_HTTP_AI_API_GRACE)
            {
                continue;
            }
        }

        (void) ngx_http_ai_api_error(api, NGX_HTTP_BAD_REQUEST,
                                     "\"grace\" is a time such as \"1h\", of "
                                     "a year at most");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_ai_api_keys_done(ngx_http_ai_made_change_t *change)
{
    ngx_http_ai_api_key_change_t  *kc;

    kc = (ngx_http_ai_api_key_change_t *) change;

    ngx_http_ai_api_finish(kc->api, ngx_http_ai_api_keys_answer(kc));
}


static ngx_int_t
ngx_http_ai_api_keys_answer(ngx_http_ai_api_key_change_t *kc)
{
    ai_str_t                    id;
    ngx_http_ai_api_t          *api;
    ngx_http_ai_made_change_t  *change;

    api = kc->api;
    change = &kc->change;

    if (change->status != NGX_HTTP_OK && change->status != NGX_HTTP_CREATED) {
        return ngx_http_ai_api_error(api, change->status, "%s", change->text);
    }

    api->status = change->status;

    if (change->op == NGX_HTTP_AI_MADE_DELETE) {
        id = ai_str(&change->id);

        ai_buf_lit(&api->out, "{\"object\":\"key\",\"id\":");
        ai_buf_quote(&api->out, &id);
        ai_buf_lit(&api->out, ",\"deleted\":true}\n");

        return NGX_OK;
    }

    /* it does not move: there is no other copy of the secret */

    if (ai_buf_reserve(&api->out, 65536) != AI_OK) {
        return NGX_ERROR;
    }

    return ngx_http_ai_api_keys_one(api, &change->id, change);
}


/* the request has ended */

static void
ngx_http_ai_api_keys_forget(void *data)
{
    ngx_http_ai_api_key_change_t  *kc = data;

    if (kc->change.call) {
        ngx_http_ai_redis_forget(kc->change.call);
    }

    ai_cleanse(kc->change.secret, sizeof(kc->change.secret));

    if (kc->api->out.start && kc->change.op <= NGX_HTTP_AI_MADE_ROTATE) {
        ai_cleanse(kc->api->out.start,
                   kc->api->out.end - kc->api->out.start);
    }
}
