
/*
 * Who is calling, and may they?  The credential is looked up when somebody
 * first asks, which may be a variable; it is judged in the phase ACCESS.
 */

#include <auth/ngx_http_ai_auth_int.h>


static ngx_int_t ngx_http_ai_auth_credential(ngx_http_request_t *r,
    const ngx_http_ai_auth_loc_conf_t *conf, ngx_str_t *token);
static ngx_int_t ngx_http_ai_auth_headers(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_int_t ngx_http_ai_auth_args(ngx_http_request_t *r,
    ngx_str_t *token);
static void ngx_http_ai_auth_forget(void *data);
static ngx_int_t ngx_http_ai_auth_hide_args(ngx_http_request_t *r);
static void ngx_http_ai_auth_hide(ngx_str_t *line);
static ngx_uint_t ngx_http_ai_auth_arg(u_char **p, u_char *last,
    ngx_str_t *value);
static ngx_str_t ngx_http_ai_auth_bearer(const ngx_str_t *value,
    ngx_uint_t required);
static ngx_int_t ngx_http_ai_auth_same(ngx_str_t *token,
    const ngx_str_t *value);
static void ngx_http_ai_auth_look(const ai_keys_t *keys, ngx_uint_t pepper,
    const ai_char_t *digest, ai_key_state_e *state, const ai_key_t **key);
static void ngx_http_ai_auth_base(ngx_http_ai_identity_t *id);
static void ngx_http_ai_auth_set(ngx_http_request_t *r,
    ngx_http_ai_identity_t *id, ngx_uint_t what, ngx_str_t *value);
static ngx_int_t ngx_http_ai_auth_refuse(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_auth_check_tools(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_uint_t ngx_http_ai_auth_is_modelless(
    const ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_auth_deny(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, const char *what, const char *message);


/* nothing is granted to these, and nothing kept from them */
#define ngx_http_ai_auth_is_nobody(id)                                        \
    ((id)->entry == NULL && (id)->role == NULL)


/* of several credentials only equal ones are taken */

static ngx_str_t  ngx_http_ai_auth_names[] = {
    ngx_string("authorization"),
    ngx_string("x-api-key"),
    ngx_string("api-key"),
    ngx_string("x-goog-api-key"),
    ngx_null_string
};


ngx_int_t
ngx_http_ai_auth_identify(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_int_t                           rc;
    ngx_str_t                           token;
    ai_key_state_e                      state;
    const ai_key_t                     *key;
    ngx_http_ai_identity_t             *id;
    const ngx_http_ai_auth_loc_conf_t  *conf;

    static ngx_str_t  words[] = {           /* ai_key_state_e */
        ngx_null_string,
        ngx_string("unknown"),
        ngx_string("expired"),
        ngx_string("disabled")
    };

    r = r->main;
    id = &ctx->identity;
    conf = &ngx_http_ai_loc_conf(r)->auth;

    if (!id->done && !ngx_http_ai_auth_is_on(conf)) {
        return NGX_OK;
    }

    /* the location may have changed since a variable was asked for */

    if (id->busy || (id->done && id->conf == conf)) {
        return NGX_OK;
    }

    ngx_memzero(id, sizeof(ngx_http_ai_identity_t));

    id->conf = conf;
    id->done = 1;
    ngx_http_ai_auth_base(id);

    if (conf->mode == NGX_HTTP_AI_AUTH_OFF) {
        return NGX_OK;
    }

    id->busy = 1;
    rc = ngx_http_ai_auth_credential(r, conf, &token);
    id->busy = 0;

    if (rc == NGX_ERROR
        || ngx_http_ai_auth_find(r, conf, &token, &state, &key) != NGX_OK)
    {
        id->done = 0;
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_str_set(&id->failure, "conflict");
        id->failed = 1;

    } else if (token.len == 0) {

        if (conf->mode == NGX_HTTP_AI_AUTH_ON) {
            ngx_str_set(&id->failure, "missing");
            id->failed = 1;
        }

    } else if (state != AI_KEY_GOOD) {
        id->failure = words[state];
        id->failed = 1;

    } else {
        id->entry = key;
        ngx_http_ai_auth_base(id);
    }

    return NGX_OK;
}


/* NGX_DECLINED: there are several that differ */

static ngx_int_t
ngx_http_ai_auth_credential(ngx_http_request_t *r,
    const ngx_http_ai_auth_loc_conf_t *conf, ngx_str_t *token)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    ngx_str_null(token);

    if (conf->source) {

        if (ngx_http_complex_value(r, conf->source, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        *token = ngx_http_ai_auth_bearer(&value, 0);

        return NGX_OK;
    }

    rc = ngx_http_ai_auth_args(r, token);

    return rc == NGX_OK ? ngx_http_ai_auth_headers(r, token) : rc;
}


static ngx_int_t
ngx_http_ai_auth_headers(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_str_t         value;
    ngx_uint_t        i, j;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            for (j = 0; ngx_http_ai_auth_names[j].len; j++) {
                if (h[i].key.len == ngx_http_ai_auth_names[j].len
                    && ngx_strncmp(h[i].lowcase_key,
                                   ngx_http_ai_auth_names[j].data,
                                   h[i].key.len)
                       == 0)
                {
                    break;
                }
            }

            if (ngx_http_ai_auth_names[j].len == 0) {
                continue;
            }

            value = ngx_http_ai_auth_bearer(&h[i].value, j == 0);

            if (ngx_http_ai_auth_same(token, &value) != NGX_OK) {
                return NGX_DECLINED;
            }
        }
    }

    return NGX_OK;
}


/*
 * "key" of the query, which Gemini's clients may use.  nginx writes the
 * request's line to its logs, so the key is made unreadable there, and kept
 * for a location that may be asked for later; a cleanup of the request's pool
 * is found again after an internal redirect.
 */

static ngx_int_t
ngx_http_ai_auth_args(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char              *p, *last, *dst, *src;
    ngx_int_t            rc;
    ngx_str_t            value, *kept;
    ngx_pool_cleanup_t  *cln;

    p = r->args.data;
    last = r->args.len ? p + r->args.len : p;

    while (ngx_http_ai_auth_arg(&p, last, &value)) {

        if (value.len == 0 || value.data[0] == '*') {
            continue;
        }

        cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_str_t));
        dst = ngx_pnalloc(r->pool, value.len);

        if (cln == NULL || dst == NULL) {
            return NGX_ERROR;
        }

        kept = cln->data;
        kept->data = dst;
        src = value.data;

        ngx_unescape_uri(&dst, &src, value.len, 0);

        kept->len = dst - kept->data;
        cln->handler = ngx_http_ai_auth_forget;
    }

    if (ngx_http_ai_auth_hide_args(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_ai_auth_hide(&r->request_line);
    ngx_http_ai_auth_hide(&r->unparsed_uri);

    rc = NGX_OK;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_ai_auth_forget
            && ngx_http_ai_auth_same(token, cln->data) != NGX_OK)
        {
            rc = NGX_DECLINED;
        }
    }

    return rc;
}


static void
ngx_http_ai_auth_forget(void *data)
{
    ngx_str_t  *kept = data;

    ai_cleanse(kept->data, kept->len);
}


/* in a copy: after an internal redirect they may be the configuration's */

static ngx_int_t
ngx_http_ai_auth_hide_args(ngx_http_request_t *r)
{
    u_char     *p, *last;
    ngx_str_t   value;

    p = r->args.data;
    last = r->args.len ? p + r->args.len : p;

    if (!ngx_http_ai_auth_arg(&p, last, &value)) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, r->args.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, r->args.data, r->args.len);

    r->args.data = p;
    last = p + r->args.len;

    while (ngx_http_ai_auth_arg(&p, last, &value)) {
        ngx_memset(value.data, '*', value.len);
    }

    return NGX_OK;
}


static void
ngx_http_ai_auth_hide(ngx_str_t *line)
{
    u_char     *p, *last, *end;
    ngx_str_t   value;

    p = line->len ? memchr(line->data, '?', line->len) : NULL;

    if (p == NULL) {
        return;
    }

    p++;
    last = line->data + line->len;

    /* behind it the version, of the request's line */

    end = ngx_strlchr(p, last, ' ');

    if (end == NULL) {
        end = last;
    }

    while (ngx_http_ai_auth_arg(&p, end, &value)) {
        ngx_memset(value.data, '*', value.len);
    }
}


/* the next "key=" of a query that begins at *p */

static ngx_uint_t
ngx_http_ai_auth_arg(u_char **p, u_char *last, ngx_str_t *value)
{
    u_char  *start, *end;

    while (*p < last) {
        start = *p;
        end = ngx_strlchr(start, last, '&');

        if (end == NULL) {
            end = last;
        }

        *p = end + 1;

        if (end - start >= 4 && ngx_strncmp(start, "key=", 4) == 0) {
            value->data = start + 4;
            value->len = end - value->data;
            return 1;
        }
    }

    return 0;
}


/* what stands behind "Bearer"; of another scheme nothing is, if one is
 * required, and else the value is the token itself */

static ngx_str_t
ngx_http_ai_auth_bearer(const ngx_str_t *value, ngx_uint_t required)
{
    ngx_str_t  token;

    token = *value;

    if (token.len >= 6
        && ngx_strncasecmp(token.data, (u_char *) "bearer", 6) == 0
        && (token.len == 6 || token.data[6] == ' ' || token.data[6] == '\t'))
    {
        token.data += 6;
        token.len -= 6;

    } else if (required) {
        ngx_str_null(&token);
    }

    while (token.len && (token.data[0] == ' ' || token.data[0] == '\t')) {
        token.data++;
        token.len--;
    }

    while (token.len && (token.data[token.len - 1] == ' '
                         || token.data[token.len - 1] == '\t'))
    {
        token.len--;
    }

    return token;
}


static ngx_int_t
ngx_http_ai_auth_same(ngx_str_t *token, const ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_OK;
    }

    if (token->len == 0) {
        *token = *value;
        return NGX_OK;
    }

    return token->len == value->len
           && ngx_memcmp(token->data, value->data, value->len) == 0
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_ai_auth_find(ngx_http_request_t *r,
    const ngx_http_ai_auth_loc_conf_t *conf, ngx_str_t *token,
    ai_key_state_e *state, const ai_key_t **key)
{
    ai_str_t                             text;
    ai_pool_t                            pool;
    ngx_uint_t                           i, n, *uses;
    ai_char_t                            digest[AI_DIGEST_LEN];
    const ai_keys_t                     *made;
    ngx_http_ai_key_pepper_t            *pepper;
    const ngx_http_ai_auth_main_conf_t  *amcf;

    amcf = &ngx_http_ai_main_conf(r)->auth;
    made = conf->made ? ngx_http_ai_made_keys(amcf->made, r->connection->log)
                      : NULL;

    text = ai_str(token);
    pepper = amcf->peppers->elts;

    /* a level's own are in the same order */

    uses = conf->keys ? conf->keys->peppers.elts : NULL;
    n = conf->keys ? conf->keys->peppers.nelts : 0;

    *state = AI_KEY_UNKNOWN;
    *key = NULL;

    for (i = 0; i < amcf->peppers->nelts; i++) {

        if (made == NULL && (n == 0 || *uses != i)) {
            continue;
        }

        if (ai_pepper_digest(pepper[i].pepper, &text, digest) != AI_OK) {
            return NGX_ERROR;
        }

        if (n && *uses == i) {
            ngx_http_ai_auth_look(conf->keys->table, i, digest, state, key);
            uses++;
            n--;
        }

        if (made) {
            ngx_http_ai_auth_look(made, i, digest, state, key);
        }
    }

    if (*state != AI_KEY_GOOD || !(*key)->made) {
        return NGX_OK;
    }

    /* it may be changed while the request runs */

    ngx_http_ai_pool(&pool, r->pool);

    *key = ngx_http_ai_made_copy(amcf, *key, &pool);

    return *key ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_ai_auth_look(const ai_keys_t *keys, ngx_uint_t pepper,
    const ai_char_t *digest, ai_key_state_e *state, const ai_key_t **key)
{
    ai_key_state_e   one;
    const ai_key_t  *found;

    one = ai_keys_find(keys, pepper, digest, ngx_time(), &found);

    if (one != AI_KEY_UNKNOWN) {
        *state = one;
        *key = found;
    }
}


/* what the key's line says */

static void
ngx_http_ai_auth_base(ngx_http_ai_identity_t *id)
{
    const ai_key_t  *key;

    key = id->entry;

    if (key == NULL) {
        ngx_str_null(&id->key);
        ngx_str_null(&id->team);
        ngx_str_null(&id->project);
        ngx_str_null(&id->customer);
        ngx_str_null(&id->user);
        ngx_str_null(&id->session);
        ngx_str_null(&id->tier);

        id->role = NULL;
        id->stray = 0;
        id->rpm.amount = -1;
        id->tpm.amount = -1;
        id->budget.amount = -1;

        return;
    }

    id->key = ngx_http_ai_str(&key->id);
    id->team = ngx_http_ai_str(&key->team);
    id->project = ngx_http_ai_str(&key->project);
    id->customer = ngx_http_ai_str(&key->customer);
    id->user = ngx_http_ai_str(&key->user);
    ngx_str_null(&id->session);
    id->tier = ngx_http_ai_str(&key->tier);

    /* of a key that was made: roles may have been taken out since */

    id->role = key->holder;
    id->stray = (key->role.len && key->holder == NULL);
    id->rpm = key->rpm;
    id->tpm = key->tpm;
    id->budget = key->budget;
}


ngx_int_t
ngx_http_ai_auth_body(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_str_t                           value;
    ngx_uint_t                          i;
    ngx_http_ai_identity_t             *id;
    ngx_http_ai_identity_line_t        *line;
    const ngx_http_ai_auth_loc_conf_t  *conf;

    if (ngx_http_ai_auth_identify(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    r = r->main;
    id = &ctx->identity;
    conf = id->conf;

    if (conf == NULL || conf->identity == NULL || id->busy) {
        return NGX_OK;
    }

    /* values change until the request has come to its location's handler */

    ngx_http_ai_auth_base(id);

    id->busy = 1;

    line = conf->identity->elts;

    for (i = 0; i < conf->identity->nelts; i++) {

        if (ngx_http_complex_value(r, line[i].value, &value) != NGX_OK) {
            id->busy = 0;
            return NGX_ERROR;
        }

        if (value.len) {
            ngx_http_ai_auth_set(r, id, line[i].what, &value);
        }
    }

    id->busy = 0;

    return NGX_OK;
}


static void
ngx_http_ai_auth_set(ngx_http_request_t *r, ngx_http_ai_identity_t *id,
    ngx_uint_t what, ngx_str_t *value)
{
    switch ((ngx_http_ai_identity_e) what) {

    case NGX_HTTP_AI_IDENTITY_KEY:
        id->key = *value;
        break;

    case NGX_HTTP_AI_IDENTITY_TEAM:
        id->team = *value;
        break;

    case NGX_HTTP_AI_IDENTITY_PROJECT:
        id->project = *value;
        break;

    case NGX_HTTP_AI_IDENTITY_CUSTOMER:
        id->customer = *value;
        break;

    case NGX_HTTP_AI_IDENTITY_USER:
        id->user = *value;
        break;

    case NGX_HTTP_AI_IDENTITY_SESSION:
        id->session = *value;
        break;

    case NGX_HTTP_AI_IDENTITY_ROLE:
        id->role = ngx_http_ai_auth_role(&ngx_http_ai_main_conf(r)->auth,
                                         value);
        id->stray = (id->role == NULL);
        break;
    }
}


ngx_int_t
ngx_http_ai_auth_handler(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t             *ctx;
    ngx_http_core_loc_conf_t      *clcf;
    const ngx_http_ai_loc_conf_t  *conf;

    conf = ngx_http_ai_loc_conf(r);

    if (!ngx_http_ai_auth_is_on(&conf->auth)) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_ai_ctx_early(r);

    if (ctx == NULL || ngx_http_ai_auth_identify(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->identity.failed) {
        return ngx_http_ai_auth_refuse(r, ctx);
    }

    if (ngx_http_ai_auth_body(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->error.kind == AI_ERR_NONE
        && ngx_http_ai_auth_check(r, ctx) != NGX_OK)
    {
        if (ctx->error.kind != AI_ERR_FORBIDDEN) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->identity.refused = 1;

        /* with "satisfy any" others may still let it in; whoever makes the
         * answer then asks once more */

        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        if (clcf->satisfy != NGX_HTTP_SATISFY_ALL) {
            ctx->error.kind = AI_ERR_NONE;
        }

        return NGX_HTTP_FORBIDDEN;
    }

    return ctx->identity.entry ? NGX_OK : NGX_DECLINED;
}


/* the same answer whatever is wrong; only the log tells */

static ngx_int_t
ngx_http_ai_auth_refuse(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ai_str_t          reason;
    ngx_table_elt_t  *h;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "ai: client's key is refused: %V", &ctx->identity.failure);

    reason = ai_str(&ctx->identity.failure);
    ngx_http_ai_metrics_count(r, AI_M_AUTH_FAILURES, &reason, 1);

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "WWW-Authenticate");
    ngx_str_set(&h->value, "Bearer realm=\"ai\"");

    r->headers_out.www_authenticate = h;

    ctx->identity.challenge = h;
    ctx->identity.refused = 1;

    return NGX_HTTP_UNAUTHORIZED;
}


ngx_int_t
ngx_http_ai_auth_check(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ai_str_t                            operation;
    const ngx_http_ai_identity_t       *id;
    const ngx_http_ai_pass_loc_conf_t  *conf;

    id = &ctx->identity;
    conf = &ngx_http_ai_loc_conf(r)->pass;

    if (id->stray) {
        return ngx_http_ai_auth_deny(r, ctx, "role", NULL);
    }

    if (ngx_http_ai_auth_is_nobody(id)
        || conf->name == NULL || ctx->early)
    {
        return NGX_OK;
    }

    operation = ai_str(&ctx->operation);

    if (operation.len
        && !ngx_http_ai_auth_may(ctx, AI_GRANT_OPERATIONS, &operation))
    {
        return ngx_http_ai_auth_deny(r, ctx, "operation",
                              "This API key is not allowed to use this "
                              "operation.");
    }

    if (ctx->modelless && !ngx_http_ai_auth_is_modelless(ctx)) {
        return ngx_http_ai_auth_deny(r, ctx, "operation",
                              "This API key is limited to some models, and "
                              "not allowed to make requests that name none.");
    }

    if (conf->route && !ngx_http_ai_auth_permits_route(ctx, conf->route)
        && ctx->op > NGX_HTTP_AI_OP_BASE)
    {
        return ngx_http_ai_auth_deny(r, ctx, "route", NULL);
    }

    if (conf->model == NULL && ctx->request_model.len
        && !ngx_http_ai_auth_permits_model(ctx, &ctx->request_model, NULL))
    {
        return ngx_http_ai_auth_deny(r, ctx, "model",
                              "This API key is not allowed to use this "
                              "model.");
    }

    return ngx_http_ai_auth_check_tools(r, ctx);
}


/* the model and the route are decided */

ngx_int_t
ngx_http_ai_auth_check_way(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    if (ctx->route && !ngx_http_ai_auth_permits_route(ctx, ctx->route)) {
        return ngx_http_ai_auth_deny(r, ctx, "route", NULL);
    }

    if (!ctx->modelless
        && !ngx_http_ai_auth_permits_model(ctx, &ctx->request_model,
                                           &ctx->model))
    {
        return ngx_http_ai_auth_deny(r, ctx, "model",
                              "This API key is not allowed to use this "
                              "model.");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_auth_check_tools(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ai_uint_t                      i;
    ai_names_t                     tools;
    const ngx_http_ai_identity_t  *id;

    id = &ctx->identity;

    if (ctx->doc.n == 0
        || (ai_grant_is_open(id->entry ? &id->entry->grant : NULL,
                             AI_GRANT_TOOLS)
            && ai_grant_is_open(id->role ? &id->role->grant : NULL,
                                AI_GRANT_TOOLS)))
    {
        return NGX_OK;
    }

    if (ai_grant_tools(&ctx->doc, ctx->dialect->family == AI_FAMILY_GEMINI,
                       &ctx->pool, &tools)
        != AI_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < tools.n; i++) {
        if (!ngx_http_ai_auth_may(ctx, AI_GRANT_TOOLS, &tools.v[i])) {
            return ngx_http_ai_auth_deny(r, ctx, "tool",
                              "This API key is not allowed to use a tool of "
                              "this request.");
        }
    }

    return NGX_OK;
}


/*
 * Requests that name no model (files, batches, passed through) may reach any.
 * Who is limited to some needs the operation by its name.
 */

static ngx_uint_t
ngx_http_ai_auth_is_modelless(const ngx_http_ai_ctx_t *ctx)
{
    ai_str_t                       operation;
    const ngx_http_ai_identity_t  *id;

    id = &ctx->identity;
    operation = ai_str(&ctx->operation);

    if (id->entry
        && !ai_grant_is_open(&id->entry->grant, AI_GRANT_MODELS)
        && !ai_grant_names(&id->entry->grant, AI_GRANT_OPERATIONS,
                           &operation))
    {
        return 0;
    }

    return id->role == NULL
           || ai_grant_is_open(&id->role->grant, AI_GRANT_MODELS)
           || ai_grant_names(&id->role->grant, AI_GRANT_OPERATIONS,
                             &operation);
}


/* message NULL: the usual one; none of them tells what would be allowed */

static ngx_int_t
ngx_http_ai_auth_deny(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    const char *what, const char *message)
{
    ai_str_t  reason;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "ai: \"%V\" is not allowed to use this %s",
                  &ctx->identity.key, what);

    ai_error_set(&ctx->error, AI_ERR_FORBIDDEN, message);
    ngx_str_set(&ctx->identity.failure, "denied");

    reason = ai_lit("denied");
    ngx_http_ai_metrics_count(r, AI_M_AUTH_FAILURES, &reason, 1);

    return NGX_DECLINED;
}


/*
 * Either name is enough of the key, and either of the role: ai_model is the
 * operator's, and so is what it makes of a name.
 */

ngx_uint_t
ngx_http_ai_auth_permits_model(const ngx_http_ai_ctx_t *ctx,
    ngx_str_t *requested, ngx_str_t *model)
{
    ai_str_t                       name[2];
    ngx_uint_t                     i, n, key, role;
    const ngx_http_ai_identity_t  *id;

    id = &ctx->identity;

    if (ngx_http_ai_auth_is_nobody(id)) {
        return 1;
    }

    n = 0;

    if (requested && requested->len) {
        name[n++] = ai_str(requested);
    }

    if (model && model->len) {
        name[n++] = ai_str(model);
    }

    key = 0;
    role = 0;

    for (i = 0; i < n && !(key && role); i++) {
        key |= ai_key_permits(id->entry, NULL, AI_GRANT_MODELS, &name[i]);
        role |= ai_key_permits(NULL, id->role ? &id->role->grant : NULL,
                               AI_GRANT_MODELS, &name[i]);
    }

    return key && role;
}


ngx_uint_t
ngx_http_ai_auth_permits_route(const ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_route_t *route)
{
    ai_str_t  name;

    if (ngx_http_ai_auth_is_nobody(&ctx->identity)) {
        return 1;
    }

    name = ai_str(&route->name);

    return ngx_http_ai_auth_may(ctx, AI_GRANT_ROUTES, &name);
}


ngx_uint_t
ngx_http_ai_auth_permits(const ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate)
{
    ai_str_t                       name;
    ngx_str_t                     *region;
    ngx_uint_t                     i;
    const ngx_http_ai_identity_t  *id;
    const ngx_http_ai_provider_t  *provider;

    id = &ctx->identity;

    if (ngx_http_ai_auth_is_nobody(id)) {
        return 1;
    }

    provider = candidate->provider;
    name = ai_str(&provider->name);

    if (!ngx_http_ai_auth_may(ctx, AI_GRANT_PROVIDERS, &name)) {
        return 0;
    }

    /* regions are of keys only */

    if (id->entry == NULL
        || ai_grant_is_open(&id->entry->grant, AI_GRANT_REGIONS))
    {
        return 1;
    }

    region = provider->regions.elts;

    for (i = 0; i < provider->regions.nelts; i++) {
        name = ai_str(&region[i]);

        if (ai_grant_permits(&id->entry->grant, AI_GRANT_REGIONS, &name)) {
            return 1;
        }
    }

    return 0;
}


ngx_http_ai_api_right_e
ngx_http_ai_auth_api(const ngx_http_ai_ctx_t *ctx)
{
    return ctx->identity.role ? ctx->identity.role->api
                              : NGX_HTTP_AI_API_NONE;
}


const ngx_str_t *
ngx_http_ai_auth_attribute(const ngx_http_ai_ctx_t *ctx,
    const ngx_str_t *name)
{
    ai_str_t         attr;
    const ai_str_t  *value;

    if (ctx->identity.entry == NULL) {
        return NULL;
    }

    attr = ai_str(name);
    value = ai_key_attr(ctx->identity.entry, &attr);

    /* the two types have the same fields in the same order */

    return (const ngx_str_t *) (const void *) value;
}
