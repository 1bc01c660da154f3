
/*
 * Keys that ai_api makes: what is configured, and what a change does.
 */

#include <auth/ngx_http_ai_made_int.h>


#define NGX_HTTP_AI_MADE_BYTES  24          /* of a secret: 192 bits */


static void *ngx_http_ai_made_alloc(void *data, size_t size);
static void ngx_http_ai_made_free(void *data, void *p);
static void ngx_http_ai_made_cleanup(void *data);
static ngx_int_t ngx_http_ai_made_path(ngx_conf_t *cf, ngx_str_t *path,
    const ngx_str_t *dir, const char *end);
static ngx_int_t ngx_http_ai_made_prints(ngx_conf_t *cf,
    ngx_http_ai_made_t *made);
static ngx_int_t ngx_http_ai_made_id(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change);
static ngx_uint_t ngx_http_ai_made_is_filed(
    const ngx_http_ai_auth_main_conf_t *conf, ngx_str_t *id);
static ngx_int_t ngx_http_ai_made_secret(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change, ai_made_body_t *body);
static ngx_int_t ngx_http_ai_made_spell(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change, ai_made_body_t *body,
    const ai_str_t *old);
static ngx_int_t ngx_http_ai_made_check_role(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change, const ai_key_t *key);


ngx_int_t
ngx_http_ai_made_ask(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_ai_made_t       *made;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    if (amcf->auth.made) {
        return NGX_OK;
    }

    made = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_made_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (made == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    made->conf = amcf;
    made->pool.alloc = ngx_http_ai_made_alloc;
    made->pool.free = ngx_http_ai_made_free;

    cln->handler = ngx_http_ai_made_cleanup;
    cln->data = made;

    amcf->auth.made = made;
    amcf->auth.limits = 1;

    ngx_http_ai_spend_ask(cf);

    return NGX_OK;
}


/* not of a pool of nginx: keys come and go */

static void *
ngx_http_ai_made_alloc(void *data, size_t size)
{
    return ngx_alloc(size, ngx_cycle->log);
}


static void
ngx_http_ai_made_free(void *data, void *p)
{
    ngx_free(p);
}


static void
ngx_http_ai_made_cleanup(void *data)
{
    ngx_http_ai_made_t  *made = data;

    if (made->event.timer_set) {
        ngx_del_timer(&made->event);
    }

    if (made->table) {
        ai_made_free(made->table);
        made->table = NULL;
    }
}


ngx_int_t
ngx_http_ai_made_init_conf(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    const ngx_str_t     *dir;
    ngx_http_ai_made_t  *made;

    static ngx_str_t  key = ngx_string("keys made");

    made = amcf->auth.made;

    if (made == NULL) {
        return NGX_OK;
    }

    dir = &amcf->spend.dir->name;

    if (ngx_http_ai_made_share_conf(cf, made) != NGX_OK
        || ngx_http_ai_made_path(cf, &made->path, dir, "") != NGX_OK
        || ngx_http_ai_made_path(cf, &made->temp, dir, ".tmp") != NGX_OK
        || ngx_http_ai_made_path(cf, &made->lock, dir, ".lock") != NGX_OK
        || ngx_http_ai_key_peppers(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ai_zone_want_block(&amcf->zone, &key,
                                       sizeof(ngx_http_ai_made_sh_t),
                                       (void **) &made->sh);
}


static ngx_int_t
ngx_http_ai_made_path(ngx_conf_t *cf, ngx_str_t *path, const ngx_str_t *dir,
    const char *end)
{
    u_char  *p;

    path->data = ngx_pnalloc(cf->pool,
                             dir->len + sizeof("/keys") + ngx_strlen(end));
    if (path->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(path->data, "%V/keys%s", dir, end);
    *p = '\0';

    path->len = p - path->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_made_load(ngx_conf_t *cf, ngx_http_ai_made_t *made)
{
    if (ngx_http_ai_made_prints(cf, made) != NGX_OK) {
        return NGX_ERROR;
    }

    made->table = ai_made_create(&made->pool, &made->peppers,
                                 made->redis != NULL);

    if (made->table == NULL
        || ngx_http_ai_made_follow(made, 1, cf->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (made->table->lost) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "ai: %ui keys in \"%V\" are no good without the "
                      "\"pepper=\" of \"ai_key_file\" that they were made "
                      "with",
                      (ngx_uint_t) made->table->lost, &made->path);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_made_prints(ngx_conf_t *cf, ngx_http_ai_made_t *made)
{
    ngx_uint_t                 i;
    ngx_array_t               *peppers;
    ngx_http_ai_key_pepper_t  *pepper;

    peppers = made->conf->auth.peppers;
    pepper = peppers->elts;

    made->peppers.n = peppers->nelts;
    made->peppers.print = ngx_palloc(cf->pool, peppers->nelts * AI_PRINT_LEN);

    if (made->peppers.print == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < peppers->nelts; i++) {
        ngx_memcpy(made->peppers.print[i], pepper[i].print, AI_PRINT_LEN);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_made_init_process(ngx_cycle_t *cycle)
{
    ngx_http_ai_main_conf_t  *amcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);

    if (amcf == NULL || amcf->auth.made == NULL) {
        return NGX_OK;
    }

    amcf->auth.made->running = 1;

    return amcf->auth.made->redis
           ? ngx_http_ai_made_share_init(amcf->auth.made, cycle) : NGX_OK;
}


const ai_made_t *
ngx_http_ai_made_table(ngx_http_ai_made_t *made, ngx_log_t *log)
{
    if (made == NULL) {
        return NULL;
    }

    (void) ngx_http_ai_made_follow(made, 0, log);

    return made->table;
}


const ai_keys_t *
ngx_http_ai_made_keys(ngx_http_ai_made_t *made, ngx_log_t *log)
{
    const ai_made_t  *table;

    table = ngx_http_ai_made_table(made, log);

    return table ? table->keys : NULL;
}


const ai_key_t *
ngx_http_ai_made_copy(const ngx_http_ai_auth_main_conf_t *conf,
    const ai_key_t *key, const ai_pool_t *pool)
{
    ai_key_t   *copy;
    ngx_str_t   role;

    copy = ai_key_copy(pool, key);

    if (copy && copy->role.len) {
        role = ngx_http_ai_str(&copy->role);
        copy->holder = ngx_http_ai_auth_role(conf, &role);
    }

    return copy;
}


ngx_int_t
ngx_http_ai_made_change(ngx_http_ai_made_change_t *change)
{
    ngx_int_t            rc;
    ngx_log_t           *log;
    ngx_http_ai_made_t  *made;

    made = ngx_http_ai_main_conf(change->request)->auth.made;
    log = change->request->connection->log;

    ngx_http_ai_pool(&change->pool, change->request->pool);
    ai_buf_init(&change->body, &change->pool);

    if (made->redis) {
        return ngx_http_ai_made_share(made, change);
    }

    rc = ngx_http_ai_made_begin(made, log);

    if (rc == NGX_BUSY) {
        return ngx_http_ai_made_refuse(change, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "another change of keys goes on, try "
                                       "again");
    }

    if (rc != NGX_OK) {
        return ngx_http_ai_made_refuse(change,
                                       NGX_HTTP_INTERNAL_SERVER_ERROR,
                                       "the file of keys cannot be read or "
                                       "locked, see the error log");
    }

    if (ngx_http_ai_made_prepare(made, change) == NGX_OK) {
        (void) ngx_http_ai_made_store(made, change,
                                      ngx_max(made->table->version + 1,
                                              ngx_http_ai_made_now()));
    }

    ngx_http_ai_made_end(made);

    return NGX_OK;
}


int64_t
ngx_http_ai_made_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


ngx_int_t
ngx_http_ai_made_prepare(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change)
{
    ai_str_t        old;
    ai_made_key_t  *entry;
    ai_made_body_t  body;

    if (ngx_http_ai_made_id(made, change) != NGX_OK) {
        return NGX_DECLINED;
    }

    old = ai_str(&change->id);
    entry = ai_made_find(made->table, &old);

    change->version = entry ? entry->version : 0;
    change->secret_len = 0;
    ai_buf_reset(&change->body);

    if (change->op == NGX_HTTP_AI_MADE_DELETE) {
        return NGX_OK;
    }

    if (entry && entry->key) {
        body = entry->body;
        old = body.attrs;

    } else {
        ngx_memzero(&body, sizeof(ai_made_body_t));
        body.created = ngx_time();
        ngx_memzero(&old, sizeof(ai_str_t));
    }

    switch (change->op) {

    case NGX_HTTP_AI_MADE_ROTATE:
        body.rotated = ngx_time();
        body.until = change->grace ? ngx_time() + change->grace : 0;
        body.was = body.digest;

        /* fall through */

    case NGX_HTTP_AI_MADE_CREATE:
        if (ngx_http_ai_made_secret(made, change, &body) != NGX_OK) {
            (void) ngx_http_ai_made_refuse(change,
                                           NGX_HTTP_INTERNAL_SERVER_ERROR,
                                           "there is no random secret");
            return NGX_DECLINED;
        }

        break;

    case NGX_HTTP_AI_MADE_BLOCK:
        body.blocked = body.blocked ? body.blocked : ngx_time();
        break;

    case NGX_HTTP_AI_MADE_UNBLOCK:
        body.blocked = 0;
        break;

    default:
        break;
    }

    if (body.until && body.until <= ngx_time()) {
        body.until = 0;
    }

    return ngx_http_ai_made_spell(made, change, &body, &old);
}


static ngx_int_t
ngx_http_ai_made_id(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change)
{
    u_char          random[8];
    ai_str_t        id;
    ai_made_key_t  *entry;

    if (change->id.len == 0) {

        change->id.data = ngx_pnalloc(change->request->pool,
                                      sizeof("key-") + 2 * sizeof(random));

        if (change->id.data == NULL
            || ai_random(random, sizeof(random)) != AI_OK)
        {
            (void) ngx_http_ai_made_refuse(change,
                                           NGX_HTTP_INTERNAL_SERVER_ERROR,
                                           "there is no random id");
            return NGX_DECLINED;
        }

        ngx_memcpy(change->id.data, "key-", 4);
        change->id.len = ngx_hex_dump(change->id.data + 4, random,
                                      sizeof(random)) - change->id.data;
    }

    id = ai_str(&change->id);
    entry = ai_made_find(made->table, &id);

    if (change->op == NGX_HTTP_AI_MADE_CREATE) {

        if (!ai_made_is_id(&id)) {
            (void) ngx_http_ai_made_refuse(change, NGX_HTTP_BAD_REQUEST,
                                           "an \"id\" has up to %d letters, "
                                           "digits, \"-\", \"_\", \".\", "
                                           "\"@\", \":\", and no \".\" in "
                                           "front", AI_MADE_ID_MAX);
            return NGX_DECLINED;
        }

        if ((entry && entry->key)
            || ngx_http_ai_made_is_filed(&made->conf->auth, &change->id))
        {
            (void) ngx_http_ai_made_refuse(change, NGX_HTTP_CONFLICT,
                                           "there is a key of this id");
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    if (entry && entry->key) {
        return NGX_OK;
    }

    if (ngx_http_ai_made_is_filed(&made->conf->auth, &change->id)) {
        (void) ngx_http_ai_made_refuse(change, NGX_HTTP_CONFLICT,
                                       "this key is one of an "
                                       "\"ai_key_file\", and can only be "
                                       "changed there");
        return NGX_DECLINED;
    }

    (void) ngx_http_ai_made_refuse(change, NGX_HTTP_NOT_FOUND,
                                   "there is no key of this id");
    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_ai_made_is_filed(const ngx_http_ai_auth_main_conf_t *conf,
    ngx_str_t *id)
{
    ai_str_t  name;

    name = ai_str(id);

    return ngx_http_ai_auth_by_id(conf, ngx_http_ai_auth_tables(conf), &name)
           != NULL;
}


/* with the pepper that was configured last, as new keys in files are */

static ngx_int_t
ngx_http_ai_made_secret(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change, ai_made_body_t *body)
{
    u_char                     random[NGX_HTTP_AI_MADE_BYTES], *p;
    ai_str_t                   secret;
    ngx_uint_t                 n;
    ngx_http_ai_key_pepper_t  *pepper;

    if (ai_random(random, sizeof(random)) != AI_OK) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(change->secret, "sk-ai-", 6);
    p = ngx_hex_dump(p, random, sizeof(random));

    ai_cleanse(random, sizeof(random));

    secret.data = change->secret;
    secret.len = p - change->secret;

    n = made->conf->auth.peppers->nelts - 1;
    pepper = made->conf->auth.peppers->elts;

    ngx_memzero(&body->digest, sizeof(ai_made_digest_t));

    if (ai_pepper_digest(pepper[n].pepper, &secret, body->digest.digest)
        != AI_OK)
    {
        return NGX_ERROR;
    }

    if (n != AI_KEY_SHA256) {
        body->digest.hmac = 1;
        ngx_memcpy(body->digest.print, pepper[n].print, AI_PRINT_LEN);
    }

    change->secret_len = secret.len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_made_spell(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change, ai_made_body_t *body,
    const ai_str_t *old)
{
    ai_int_t         disabled;
    ai_buf_t         attrs;
    ai_str_t         text, id;
    ai_ref_t         v;
    ai_key_t        *key;
    ai_made_body_t   parsed;
    ai_key_error_t   err;

    if (change->op == NGX_HTTP_AI_MADE_CREATE
        || change->op == NGX_HTTP_AI_MADE_CHANGE)
    {
        v = ai_json_get(&change->doc, change->object, "disabled");
        disabled = ai_json_bool(&change->doc, v);

        if (disabled == -1 && v != AI_JSON_NONE) {
            (void) ngx_http_ai_made_refuse(change, NGX_HTTP_BAD_REQUEST,
                                           "\"disabled\" is true or false");
            return NGX_DECLINED;
        }

        if (disabled != -1) {
            body->blocked = !disabled ? 0
                            : body->blocked ? body->blocked : ngx_time();
        }

        id = ai_str(&change->id);

        ai_buf_init(&attrs, &change->pool);
        ai_buf_lit(&attrs, "id=");
        ai_buf_cat(&attrs, &id);

        if (ai_made_attrs(&attrs, &change->doc, change->object, old, &err)
            != AI_OK)
        {
            (void) ngx_http_ai_made_refuse(change, NGX_HTTP_BAD_REQUEST,
                                           "%s", err.text);
            return NGX_DECLINED;
        }

        body->attrs = ai_buf_str(&attrs);
    }

    ai_made_body(&change->body, body);

    if (change->body.failed) {
        (void) ngx_http_ai_made_refuse(change, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                       "no memory");
        return NGX_DECLINED;
    }

    /* it is read as it will be */

    text = ai_buf_str(&change->body);

    if (ai_made_parse(&change->pool, &text, &parsed, &key, &err) != AI_OK) {
        (void) ngx_http_ai_made_refuse(change, NGX_HTTP_BAD_REQUEST, "%s",
                                       err.text);
        return NGX_DECLINED;
    }

    return ngx_http_ai_made_check_role(made, change, key);
}


static ngx_int_t
ngx_http_ai_made_check_role(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change, const ai_key_t *key)
{
    ngx_str_t           name, **names, *near;
    ngx_uint_t          i, n;
    ngx_array_t        *roles;
    ngx_http_ai_role_t *role;

    if (key->role.len == 0
        || (change->op != NGX_HTTP_AI_MADE_CREATE
            && change->op != NGX_HTTP_AI_MADE_CHANGE))
    {
        return NGX_OK;
    }

    name = ngx_http_ai_str(&key->role);

    if (ngx_http_ai_auth_role(&made->conf->auth, &name)) {
        return NGX_OK;
    }

    roles = made->conf->auth.roles;
    n = roles ? roles->nelts : 0;

    names = ngx_palloc(change->request->pool, (n + 1) * sizeof(ngx_str_t *));
    near = NULL;

    for (i = 0; names && i < n; i++) {
        role = roles->elts;
        names[i] = &role[i].name;
    }

    name.len = ngx_min(name.len, 64);

    if (names) {
        near = ngx_http_ai_nearest(&name, names, n);
    }

    if (near) {
        (void) ngx_http_ai_made_refuse(change, NGX_HTTP_BAD_REQUEST,
                                       "unknown role \"%V\", did you mean "
                                       "\"%V\"?", &name, near);

    } else {
        (void) ngx_http_ai_made_refuse(change, NGX_HTTP_BAD_REQUEST,
                                       "unknown role \"%V\"", &name);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_ai_made_store(ngx_http_ai_made_t *made,
    ngx_http_ai_made_change_t *change, int64_t version)
{
    ai_buf_t    lines;
    ai_str_t    text;
    ngx_log_t  *log;

    static const ai_char_t  none[AI_EPOCH_LEN + 1] =
        "00000000000000000000000000000000";

    log = change->request->connection->log;

    ai_buf_init(&lines, &change->pool);

    if (change->op == NGX_HTTP_AI_MADE_DELETE) {
        text = ai_str(&change->id);
        ai_made_delete(&lines, version, &text);

    } else {
        text = ai_buf_str(&change->body);
        ai_made_put(&lines, version, &text);
    }

    /* a Redis that was named before will have to hear of it */

    if (made->redis == NULL && made->table->shared
        && ngx_memcmp(made->table->epoch, none, AI_EPOCH_LEN) != 0)
    {
        ai_made_mark(&lines, 0, none);
    }

    if (lines.failed
        || ngx_http_ai_made_append(made, &lines, log) != NGX_OK)
    {
        return ngx_http_ai_made_refuse(change, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                       "the file of keys could not be "
                                       "written, see the error log");
    }

    ngx_http_ai_made_done(change);

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_made_refuse(ngx_http_ai_made_change_t *change, ngx_uint_t status,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    change->status = status;

    va_start(args, fmt);
    p = ngx_vslprintf(change->text, change->text + sizeof(change->text) - 1,
                      fmt, args);
    va_end(args);

    *p = '\0';

    ai_cleanse(change->secret, sizeof(change->secret));
    change->secret_len = 0;

    return NGX_OK;
}


/* who did it is in the line anyway, but for the key */

void
ngx_http_ai_made_done(ngx_http_ai_made_change_t *change)
{
    ngx_str_t           who;
    ngx_http_ai_ctx_t  *ctx;

    static const char  *words[] = {         /* ngx_http_ai_made_op_e */
        "made", "changed", "given a new secret", "blocked", "unblocked",
        "deleted"
    };

    change->status = change->op == NGX_HTTP_AI_MADE_CREATE
                     ? NGX_HTTP_CREATED : NGX_HTTP_OK;

    ctx = ngx_http_ai_ctx(change->request);
    ngx_str_null(&who);

    if (ctx) {
        who = ctx->identity.key;
    }

    ngx_log_error(NGX_LOG_NOTICE, change->request->connection->log, 0,
                  "ai: key \"%V\" was %s by %s%V", &change->id,
                  words[change->op], who.len ? "key " : "somebody without a "
                  "key", &who);
}
