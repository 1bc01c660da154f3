
/*
 * ai_key_file, ai_auth, ai_identity, ai_role: as configured.
 */

#include <auth/ngx_http_ai_auth_int.h>


#define NGX_HTTP_AI_KEY_FILE_MAX  (64 * 1024 * 1024)


static void ngx_http_ai_key_limits(ngx_conf_t *cf, const ai_keys_t *keys);
static ngx_http_ai_keys_t *ngx_http_ai_key_set(ngx_conf_t *cf);
static void ngx_http_ai_key_cleanup(void *data);
static ngx_int_t ngx_http_ai_key_pepper(ngx_conf_t *cf,
    ngx_http_ai_keys_t *keys, ngx_str_t *value, ngx_uint_t *index);
static ngx_int_t ngx_http_ai_key_add_pepper(ngx_conf_t *cf, ngx_str_t *name,
    const ai_str_t *secret);
static ngx_int_t ngx_http_ai_key_use(ngx_http_ai_keys_t *keys,
    ngx_uint_t index);
static void ngx_http_ai_key_open(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_http_ai_role_api(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_role_list(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_ai_role_operations(ngx_conf_t *cf, void *object,
    ngx_str_t *value, ngx_uint_t n);
static ngx_int_t ngx_http_ai_auth_init_keys(ngx_conf_t *cf,
    ngx_http_ai_auth_main_conf_t *conf, ngx_http_ai_keys_t *keys);
static ngx_int_t ngx_http_ai_auth_init_role(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *conf, ngx_http_ai_role_t *role);
static ngx_int_t ngx_http_ai_auth_init_list(ngx_conf_t *cf,
    ngx_http_ai_role_t *role, const char *what, const ai_patterns_t *list,
    ngx_str_t **names, ngx_uint_t n);


#define ngx_http_ai_role_offset(what)                                         \
    offsetof(ngx_http_ai_role_t, grant.list[AI_GRANT_##what])


static const ngx_http_ai_block_t  ngx_http_ai_role_lines[] = {

    { ngx_string("models"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_role_list, ngx_http_ai_role_offset(MODELS) },

    { ngx_string("providers"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_role_list, ngx_http_ai_role_offset(PROVIDERS) },

    { ngx_string("routes"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_role_list, ngx_http_ai_role_offset(ROUTES) },

    { ngx_string("operations"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_role_operations, ngx_http_ai_role_offset(OPERATIONS) },

    { ngx_string("tools"), 1, NGX_HTTP_AI_BLOCK_MANY,
      ngx_http_ai_role_list, ngx_http_ai_role_offset(TOOLS) },

    { ngx_string("api"), 1, 1, ngx_http_ai_role_api,
      offsetof(ngx_http_ai_role_t, api) },

    { ngx_null_string, 0, 0, NULL, 0 }
};


static ngx_str_t  ngx_http_ai_identity_names[] = {
    ngx_string("key"),              /* ngx_http_ai_identity_e */
    ngx_string("team"),
    ngx_string("project"),
    ngx_string("customer"),
    ngx_string("user"),
    ngx_string("session"),
    ngx_string("role")
};

#define NGX_HTTP_AI_IDENTITIES                                                \
    (sizeof(ngx_http_ai_identity_names) / sizeof(ngx_str_t))


char *
ngx_http_ai_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ai_str_t             text;
    ngx_str_t           *value, name, lines, *file;
    ngx_uint_t           pepper;
    ai_key_error_t       err;
    ngx_http_ai_keys_t  *keys;

    value = cf->args->elts;

    if (alcf->auth.keys == NULL) {
        alcf->auth.keys = ngx_http_ai_key_set(cf);

        if (alcf->auth.keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    keys = alcf->auth.keys;
    pepper = AI_KEY_SHA256;

    if (cf->args->nelts == 3
        && ngx_http_ai_key_pepper(cf, keys, &value[2], &pepper) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    name = value[1];

    if (ngx_http_ai_conf_file(cf, &name, NGX_HTTP_AI_KEY_FILE_MAX, &lines)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_ai_key_open(cf, &name);

    file = ngx_array_push(&keys->files);
    if (file == NULL) {
        return NGX_CONF_ERROR;
    }

    *file = name;
    text = ai_str(&lines);

    if (ai_keys_parse(keys->table, &text, pepper, keys->files.nelts - 1, &err)
        != AI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in %V:%ui", err.text,
                           &name, (ngx_uint_t) err.line);
        return NGX_CONF_ERROR;
    }

    ngx_http_ai_key_limits(cf, keys->table);

    return NGX_CONF_OK;
}


/* counters of these are asked for before anything is made of the file */

static void
ngx_http_ai_key_limits(ngx_conf_t *cf, const ai_keys_t *keys)
{
    ai_key_t                 *key;
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    for (key = ai_keys_first(keys);
         key && !amcf->auth.limits;
         key = key->next)
    {
        if (key->rpm.amount != -1 || key->tpm.amount != -1
            || key->budget.amount != -1)
        {
            amcf->auth.limits = 1;
            ngx_http_ai_spend_ask(cf);
        }
    }
}


/* what all files of a level make together */

static ngx_http_ai_keys_t *
ngx_http_ai_key_set(ngx_conf_t *cf)
{
    ngx_http_ai_keys_t        *keys, **set;
    ngx_http_ai_main_conf_t   *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    if (amcf->auth.sets == NULL) {
        amcf->auth.sets = ngx_array_create(cf->pool, 4,
                                           sizeof(ngx_http_ai_keys_t *));
        if (amcf->auth.sets == NULL) {
            return NULL;
        }
    }

    keys = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_keys_t));
    set = ngx_array_push(amcf->auth.sets);

    if (keys == NULL || set == NULL
        || ngx_array_init(&keys->files, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&keys->peppers, cf->pool, 4, sizeof(ngx_uint_t))
           != NGX_OK
        || ngx_http_ai_key_peppers(cf) != NGX_OK
        || ngx_http_ai_key_use(keys, AI_KEY_SHA256) != NGX_OK)
    {
        return NULL;
    }

    ngx_http_ai_place(cf, &keys->place);
    ngx_http_ai_pool(&keys->pool, cf->pool);

    keys->table = ai_keys_create(&keys->pool);
    if (keys->table == NULL) {
        return NULL;
    }

    *set = keys;

    return keys;
}


/* there is AI_KEY_SHA256, at least */

ngx_int_t
ngx_http_ai_key_peppers(ngx_conf_t *cf)
{
    ngx_array_t              *peppers;
    ngx_pool_cleanup_t       *cln;
    ngx_http_ai_main_conf_t  *amcf;

    static ngx_str_t       none = ngx_null_string;
    static const ai_str_t  sha256 = ai_null_string;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    if (amcf->auth.peppers) {
        return NGX_OK;
    }

    peppers = ngx_array_create(cf->pool, 4, sizeof(ngx_http_ai_key_pepper_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (peppers == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ai_key_cleanup;
    cln->data = peppers;

    amcf->auth.peppers = peppers;

    return ngx_http_ai_key_add_pepper(cf, &none, &sha256);
}


static void
ngx_http_ai_key_cleanup(void *data)
{
    ngx_array_t  *peppers = data;

    ngx_uint_t                 i;
    ngx_http_ai_key_pepper_t  *pepper;

    pepper = peppers->elts;

    for (i = 0; i < peppers->nelts; i++) {
        ai_pepper_free(pepper[i].pepper);
    }
}


/* in order */

static ngx_int_t
ngx_http_ai_key_use(ngx_http_ai_keys_t *keys, ngx_uint_t index)
{
    ngx_uint_t  i, *uses;

    uses = keys->peppers.elts;

    for (i = 0; i < keys->peppers.nelts; i++) {
        if (uses[i] == index) {
            return NGX_OK;
        }
    }

    if (ngx_array_push(&keys->peppers) == NULL) {
        return NGX_ERROR;
    }

    uses = keys->peppers.elts;

    for (i = keys->peppers.nelts - 1; i && uses[i - 1] > index; i--) {
        uses[i] = uses[i - 1];
    }

    uses[i] = index;

    return NGX_OK;
}


/* each request is digested with every pepper, so one that several files have
 * is kept once */

static ngx_int_t
ngx_http_ai_key_pepper(ngx_conf_t *cf, ngx_http_ai_keys_t *keys,
    ngx_str_t *value, ngx_uint_t *index)
{
    char                      *rv;
    ai_str_t                   text;
    ngx_int_t                  rc;
    ngx_str_t                 *args, name, directive, secret;
    ngx_uint_t                 i;
    ngx_array_t               *peppers;
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_ai_key_pepper_t  *pepper;

    if (ngx_strncmp(value->data, "pepper=", 7) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of \"ai_key_file\"%s",
                           value, ngx_strlchr(value->data, value->data
                                              + value->len, '=')
                                  ? ", did you mean \"pepper\"?" : "");
        return NGX_ERROR;
    }

    name.data = value->data + 7;
    name.len = value->len - 7;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    peppers = amcf->auth.peppers;
    pepper = peppers->elts;

    for (i = 1; i < peppers->nelts; i++) {
        if (name.len
            && pepper[i].name.len == name.len
            && ngx_memcmp(pepper[i].name.data, name.data, name.len) == 0)
        {
            *index = i;
            return ngx_http_ai_key_use(keys, i);
        }
    }

    /* the word that messages name */

    args = cf->args->elts;
    directive = args[0];
    ngx_str_set(&args[0], "pepper");

    rv = ngx_http_ai_secret(cf, &name, &secret);

    args[0] = directive;

    if (rv != NGX_CONF_OK) {
        return NGX_ERROR;
    }

    *index = peppers->nelts;
    text = ai_str(&secret);

    if (secret.data == name.data) {
        ngx_str_null(&name);
    }

    rc = ngx_http_ai_key_add_pepper(cf, &name, &text);

    ai_cleanse(secret.data, secret.len);

    return rc == NGX_OK ? ngx_http_ai_key_use(keys, *index) : NGX_ERROR;
}


static ngx_int_t
ngx_http_ai_key_add_pepper(ngx_conf_t *cf, ngx_str_t *name,
    const ai_str_t *secret)
{
    ai_char_t                  digest[AI_DIGEST_LEN];
    ngx_array_t               *peppers;
    ngx_http_ai_main_conf_t   *amcf;
    ngx_http_ai_key_pepper_t  *pepper;

    static const ai_str_t  print = ai_string("ai: which pepper this is");

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    peppers = amcf->auth.peppers;

    pepper = ngx_array_push(peppers);
    if (pepper == NULL) {
        return NGX_ERROR;
    }

    pepper->name = *name;
    pepper->pepper = ai_pepper_create(secret);

    if (pepper->pepper == NULL
        || ai_pepper_digest(pepper->pepper, &print, digest) != AI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "OpenSSL has no SHA-256 or no memory");
        ai_pepper_free(pepper->pepper);
        peppers->nelts--;
        return NGX_ERROR;
    }

    ngx_memcpy(pepper->print, digest, AI_PRINT_LEN);

    return NGX_OK;
}


/* a file of digests is no secret, but who may read it knows whom to ask */

static void
ngx_http_ai_key_open(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(name->data, &fi) == NGX_FILE_ERROR) {
        return;
    }

    if (fi.st_mode & (S_IRGRP|S_IROTH)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" can be read by others than its owner",
                           name);
    }
}


char *
ngx_http_ai_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t                     *value, source;
    ngx_uint_t                     i;
    ngx_http_ai_auth_loc_conf_t   *auth;

    auth = &alcf->auth;

    if (auth->given != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        auth->given = NGX_HTTP_AI_AUTH_ON;

    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        auth->given = NGX_HTTP_AI_AUTH_OFF;

    } else if (ngx_strcmp(value[1].data, "optional") == 0) {
        auth->given = NGX_HTTP_AI_AUTH_OPTIONAL;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"ai_auth\", it must be "
                           "\"on\", \"off\" or \"optional\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_http_ai_place(cf, &auth->place);

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "redis=", 6) == 0) {

            if (ngx_http_ai_made_redis(cf, &value[i]) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "made=", 5) == 0) {

            if (auth->made != NGX_CONF_UNSET_UINT) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate parameter \"%V\" of "
                                   "\"ai_auth\"", &value[i]);
                return NGX_CONF_ERROR;
            }

            if (ngx_strcmp(value[i].data + 5, "on") == 0) {
                auth->made = 1;
                continue;
            }

            if (ngx_strcmp(value[i].data + 5, "off") == 0) {
                auth->made = 0;
                continue;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"ai_auth\", it "
                               "may be \"made=on\" or \"made=off\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_strncmp(value[i].data, "source=", 7) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown parameter \"%V\" of \"ai_auth\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        source.data = value[i].data + 7;
        source.len = value[i].len - 7;

        if (auth->source != NGX_CONF_UNSET_PTR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" of \"ai_auth\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (source.len == 4 && ngx_strncmp(source.data, "auto", 4) == 0) {
            auth->source = NULL;
            continue;
        }

        if (ngx_http_script_variables_count(&source) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"ai_auth\", it "
                               "must be \"auto\" or have a variable",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_ai_compile(cf, &source, &auth->source) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_ai_identity(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t                    *value, hint, *names[NGX_HTTP_AI_IDENTITIES];
    ngx_uint_t                    i, n;
    ngx_http_ai_identity_line_t  *line;
    ngx_http_ai_auth_loc_conf_t  *auth;

    auth = &alcf->auth;
    value = cf->args->elts;
    n = cf->args->nelts;

    if (n == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (auth->identity != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        auth->identity = NULL;
        return NGX_CONF_OK;
    }

    if (n == 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no value for \"%V\" in \"ai_identity\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < NGX_HTTP_AI_IDENTITIES; i++) {
        names[i] = &ngx_http_ai_identity_names[i];

        if (ngx_strcmp(value[1].data, names[i]->data) == 0) {
            break;
        }
    }

    if (i == NGX_HTTP_AI_IDENTITIES) {
        hint = ngx_http_ai_hint(cf, &value[1], names, NGX_HTTP_AI_IDENTITIES);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown name \"%V\" in \"ai_identity\"%V",
                           &value[1], &hint);
        return NGX_CONF_ERROR;
    }

    if (auth->identity == NULL) {
        return "is duplicate";
    }

    if (auth->identity == NGX_CONF_UNSET_PTR) {
        auth->identity = ngx_array_create(cf->pool, 4,
                                          sizeof(ngx_http_ai_identity_line_t));
        if (auth->identity == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    line = auth->identity->elts;

    for (n = 0; n < auth->identity->nelts; n++) {
        if (line[n].what == i) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"%V\" in \"ai_identity\"",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    line = ngx_array_push(auth->identity);
    if (line == NULL) {
        return NGX_CONF_ERROR;
    }

    line->what = i;

    return ngx_http_ai_compile(cf, &value[2], &line->value) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_ai_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_main_conf_t  *amcf = conf;

    char                *rv;
    ngx_str_t           *value;
    ngx_http_ai_role_t  *role;

    value = cf->args->elts;

    if (!ngx_http_ai_is_name(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name of ai_role \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_auth_role(&amcf->auth, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate ai_role \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (amcf->auth.roles == NULL) {
        amcf->auth.roles = ngx_array_create(cf->pool, 4,
                                            sizeof(ngx_http_ai_role_t));
        if (amcf->auth.roles == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    role = ngx_array_push(amcf->auth.roles);
    if (role == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(role, sizeof(ngx_http_ai_role_t));

    role->name = value[1];
    role->api = NGX_CONF_UNSET_UINT;
    role->grant.strict = 1;
    ngx_http_ai_place(cf, &role->place);

    rv = ngx_http_ai_block(cf, ngx_http_ai_role_lines, role);

    ngx_conf_init_uint_value(role->api, NGX_HTTP_AI_API_NONE);

    return rv;
}


static char *
ngx_http_ai_role_api(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_uint_t  *api = object;

    ngx_uint_t         i;

    static ngx_str_t   words[] = {          /* ngx_http_ai_api_right_e */
        ngx_string("none"), ngx_string("read"), ngx_string("write")
    };

    if (*api != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    for (i = 0; i < 3; i++) {
        if (ngx_strcmp(value[1].data, words[i].data) == 0) {
            *api = i;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"api\", it must be \"none\", "
                       "\"read\" or \"write\"", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_ai_role_list(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ai_patterns_t  *list = object;

    ngx_uint_t  i;

    if (list->v) {
        return "is duplicate";
    }

    list->v = ngx_palloc(cf->pool, (n - 1) * sizeof(ai_str_t));
    if (list->v == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {
        list->v[list->n] = ai_str(&value[i]);

        if (!ai_pattern_is_valid(&list->v[list->n])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in \"%V\", \"*\" may only "
                               "be its last character", &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }

        list->n++;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_role_operations(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    char            *rv;
    ai_str_t         word;
    ngx_str_t        known[32], *names[32], hint;
    ngx_uint_t       i, j, count;
    const ai_str_t  *operation;

    rv = ngx_http_ai_role_list(cf, object, value, n);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (count = 0; count < 32; count++) {
        operation = ai_grant_operation(count);

        if (operation == NULL) {
            break;
        }

        known[count] = ngx_http_ai_str(operation);
        names[count] = &known[count];
    }

    for (i = 1; i < n; i++) {
        word = ai_str(&value[i]);

        for (j = 0; j < count; j++) {
            if (ai_str_glob(&word, ai_grant_operation(j))) {
                break;
            }
        }

        if (j < count) {
            continue;
        }

        hint = ngx_http_ai_hint(cf, &value[i], names, count);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown operation \"%V\" in \"operations\"%V",
                           &value[i], &hint);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_ai_auth_tables(const ngx_http_ai_auth_main_conf_t *conf)
{
    return conf->sets ? conf->sets->nelts : 0;
}


const ai_keys_t *
ngx_http_ai_auth_table(const ngx_http_ai_auth_main_conf_t *conf, ngx_uint_t i)
{
    ngx_http_ai_keys_t  **keys;

    keys = conf->sets->elts;

    return keys[i]->table;
}


const ai_key_t *
ngx_http_ai_auth_by_id(const ngx_http_ai_auth_main_conf_t *conf, ngx_uint_t n,
    const ai_str_t *id)
{
    ngx_uint_t       i;
    const ai_key_t  *key;

    for (i = 0; i < n; i++) {
        key = ai_keys_by_id(ngx_http_ai_auth_table(conf, i), id);

        if (key) {
            return key;
        }
    }

    return NULL;
}


const ngx_http_ai_role_t *
ngx_http_ai_auth_role(const ngx_http_ai_auth_main_conf_t *conf,
    ngx_str_t *name)
{
    ngx_uint_t                 i;
    const ngx_http_ai_role_t  *role;

    if (conf->roles == NULL) {
        return NULL;
    }

    role = conf->roles->elts;

    for (i = 0; i < conf->roles->nelts; i++) {
        if (role[i].name.len == name->len
            && ngx_memcmp(role[i].name.data, name->data, name->len) == 0)
        {
            return &role[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_ai_auth_init_conf(ngx_conf_t *cf, ngx_http_ai_main_conf_t *conf)
{
    ngx_uint_t            i;
    ngx_http_ai_role_t   *role;
    ngx_http_ai_keys_t  **keys;

    for (i = 0; conf->auth.roles && i < conf->auth.roles->nelts; i++) {
        role = conf->auth.roles->elts;

        if (ngx_http_ai_auth_init_role(cf, conf, &role[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; conf->auth.sets && i < conf->auth.sets->nelts; i++) {
        keys = conf->auth.sets->elts;

        if (ngx_http_ai_auth_init_keys(cf, &conf->auth, keys[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_auth_init_keys(ngx_conf_t *cf, ngx_http_ai_auth_main_conf_t *conf,
    ngx_http_ai_keys_t *keys)
{
    ai_key_t            *key;
    ngx_str_t            name, hint, *file, **names;
    ngx_uint_t           i, n;
    ngx_http_ai_role_t  *role;

    for (key = ai_keys_first(keys->table); key; key = key->next) {

        if (key->role.len == 0) {
            continue;
        }

        name = ngx_http_ai_str(&key->role);
        key->holder = ngx_http_ai_auth_role(conf, &name);

        if (key->holder) {
            continue;
        }

        n = conf->roles ? conf->roles->nelts : 0;

        names = ngx_palloc(cf->temp_pool, (n + 1) * sizeof(ngx_str_t *));
        if (names == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < n; i++) {
            role = conf->roles->elts;
            names[i] = &role[i].name;
        }

        hint = ngx_http_ai_hint(cf, &name, names, n);
        file = keys->files.elts;

        ngx_http_ai_conf_error(cf, &keys->place,
                               "unknown ai_role \"%V\"%V in %V:%ui", &name,
                               &hint, &file[key->file],
                               (ngx_uint_t) key->line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_auth_init_role(ngx_conf_t *cf, ngx_http_ai_main_conf_t *conf,
    ngx_http_ai_role_t *role)
{
    ngx_str_t               **names;
    ngx_uint_t                i, n;
    ngx_http_ai_route_t     **route;
    ngx_http_ai_provider_t  **provider;

    n = ngx_max(conf->provider.providers.nelts, conf->route.routes.nelts);

    names = ngx_palloc(cf->temp_pool, (n + 1) * sizeof(ngx_str_t *));
    if (names == NULL) {
        return NGX_ERROR;
    }

    n = conf->provider.providers.nelts;
    provider = conf->provider.providers.elts;

    for (i = 0; i < n; i++) {
        names[i] = &provider[i]->name;
    }

    if (ngx_http_ai_auth_init_list(cf, role, "ai_provider",
                                   &role->grant.list[AI_GRANT_PROVIDERS],
                                   names, n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    n = conf->route.routes.nelts;
    route = conf->route.routes.elts;

    for (i = 0; i < n; i++) {
        names[i] = &route[i]->name;
    }

    return ngx_http_ai_auth_init_list(cf, role, "ai_route",
                                      &role->grant.list[AI_GRANT_ROUTES],
                                      names, n);
}


static ngx_int_t
ngx_http_ai_auth_init_list(ngx_conf_t *cf, ngx_http_ai_role_t *role,
    const char *what, const ai_patterns_t *list, ngx_str_t **names,
    ngx_uint_t n)
{
    ai_str_t    name;
    ngx_str_t   word, hint;
    ngx_uint_t  i, j;

    for (i = 0; i < list->n; i++) {

        if (list->v[i].data[list->v[i].len - 1] == '*') {
            continue;
        }

        for (j = 0; j < n; j++) {
            name = ai_str(names[j]);

            if (ai_str_eq(&list->v[i], &name)) {
                break;
            }
        }

        if (j < n) {
            continue;
        }

        word = ngx_http_ai_str(&list->v[i]);
        hint = ngx_http_ai_hint(cf, &word, names, n);

        ngx_http_ai_conf_error(cf, &role->place,
                               "unknown %s \"%V\" in ai_role \"%V\"%V", what,
                               &word, &role->name, &hint);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_ai_auth_create(ngx_http_ai_auth_loc_conf_t *conf)
{
    conf->given = NGX_CONF_UNSET_UINT;
    conf->source = NGX_CONF_UNSET_PTR;
    conf->identity = NGX_CONF_UNSET_PTR;
    conf->made = NGX_CONF_UNSET_UINT;
}


char *
ngx_http_ai_auth_merge(ngx_conf_t *cf, ngx_http_ai_auth_loc_conf_t *prev,
    ngx_http_ai_auth_loc_conf_t *conf)
{
    ngx_http_ai_main_conf_t  *amcf;

    ngx_conf_merge_ptr_value(conf->identity, prev->identity, NULL);

    if (conf->keys == NULL) {
        conf->keys = prev->keys;
    }

    /* "source" and "made" belong to the line that they stand in */

    if (conf->given == NGX_CONF_UNSET_UINT) {
        conf->given = prev->given;
        conf->place = prev->place;
        conf->source = prev->source;
        conf->made = prev->made;
    }

    if (conf->source == NGX_CONF_UNSET_PTR) {
        conf->source = NULL;
    }

    conf->mode = conf->given != NGX_CONF_UNSET_UINT ? conf->given
                 : conf->keys ? NGX_HTTP_AI_AUTH_ON : NGX_HTTP_AI_AUTH_OFF;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    conf->made = (conf->made != 0 && amcf->auth.made);

    if (conf->mode != NGX_HTTP_AI_AUTH_OFF && conf->keys == NULL
        && !conf->made)
    {
        ngx_http_ai_conf_error(cf, &conf->place,
                               "\"ai_auth\" needs an \"ai_key_file\", or "
                               "keys made by \"ai_api write=on\"");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ai_auth_is_on(conf)) {
        amcf->auth.any = 1;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_ai_auth_init(ngx_conf_t *cf, ngx_http_ai_auth_main_conf_t *conf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    if (conf->made && ngx_http_ai_made_load(cf, conf->made) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!conf->any) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_ai_auth_handler;

    return NGX_OK;
}
