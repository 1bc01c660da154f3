
/*
 * "aws": requests are signed with a pair of keys.  They stand in the
 * configuration or the environment, or in a file that somebody renews; that
 * one is looked at once a second, while it is used.
 */

#include <provider/ngx_http_ai_provider_int.h>

#include <codec/ai_sigv4.h>
#include <provider/ai_aws.h>


#define NGX_HTTP_AI_AWS_FILE   16384        /* bytes of credentials */


/* what a worker has read of the file; one a provider and worker */
typedef struct {
    time_t                     checked;
    time_t                     mtime;
    off_t                      size;
    ngx_file_uniq_t            uniq;
    ngx_pool_t                *pool;        /* of what is in keys; NULL: as
                                               configured */
    ai_aws_keys_t              keys;
} ngx_http_ai_aws_view_t;


typedef struct {
    ngx_str_t                  region;
    ngx_str_t                  service;
    ngx_str_t                  profile;
    ngx_str_t                  file;        /* or empty */
    ngx_str_t                  access_key;
    ngx_str_t                  secret_key;
    ngx_str_t                  session_token;
    ngx_http_ai_aws_view_t    *view;
} ngx_http_ai_aws_t;


static char *ngx_http_ai_aws_param(ngx_conf_t *cf, ngx_http_ai_aws_t *aws,
    ngx_str_t *param);
static ngx_int_t ngx_http_ai_aws_read(ngx_http_ai_aws_t *aws,
    ngx_pool_t *pool, ngx_log_t *log, ai_aws_keys_t *keys);
static ngx_int_t ngx_http_ai_aws_from_env(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p, ngx_http_ai_aws_t *aws);
static void ngx_http_ai_aws_renew(ngx_http_ai_aws_t *aws, ngx_log_t *log);
static ngx_int_t ngx_http_ai_aws_sign(ngx_http_ai_attempt_t *at,
    const ngx_http_ai_signing_t *what, ai_buf_t *b);
static ngx_int_t ngx_http_ai_aws_hash(ngx_http_ai_attempt_t *at,
    ngx_chain_t *body, ai_char_t *hex);


static const ngx_http_ai_credential_t  ngx_http_ai_aws_credential = {
    NULL,                                  /* prepare */
    NULL,                                  /* cancel */
    ngx_http_ai_aws_sign,                  /* sign */
    NULL                                   /* refused */
};


char *
ngx_http_ai_provider_aws(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    char               *rv;
    ngx_uint_t          i;
    ngx_http_ai_aws_t  *aws;

    if (p->credential_data) {
        return "is duplicate";
    }

    aws = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_aws_t));
    if (aws == NULL) {
        return NGX_CONF_ERROR;
    }

    aws->view = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_aws_view_t));
    if (aws->view == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {
        rv = ngx_http_ai_aws_param(cf, aws, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (aws->region.len == 0) {
        return "needs \"region=\"";
    }

    p->credential = &ngx_http_ai_aws_credential;
    p->credential_data = aws;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_aws_param(ngx_conf_t *cf, ngx_http_ai_aws_t *aws,
    ngx_str_t *param)
{
    u_char      *eq;
    ngx_str_t    name, text, hint, *to;
    ngx_uint_t   i;

    static ngx_str_t  words[] = {
        ngx_string("region"), ngx_string("service"), ngx_string("profile"),
        ngx_string("credentials"), ngx_string("access_key"),
        ngx_string("secret_key"), ngx_string("session_token")
    };

    ngx_str_t  *names[] = { &words[0], &words[1], &words[2], &words[3],
                            &words[4], &words[5], &words[6] };
    ngx_str_t  *fields[] = { &aws->region, &aws->service, &aws->profile,
                             &aws->file, &aws->access_key, &aws->secret_key,
                             &aws->session_token };

    name = *param;
    ngx_str_null(&text);

    eq = ngx_strlchr(param->data, param->data + param->len, '=');

    if (eq) {
        name.len = eq - param->data;
        text.data = eq + 1;
        text.len = param->len - name.len - 1;
    }

    for (i = 0; i < 7; i++) {
        if (name.len == words[i].len
            && ngx_strncmp(name.data, words[i].data, name.len) == 0)
        {
            break;
        }
    }

    if (eq == NULL || i == 7) {
        hint = ngx_http_ai_hint(cf, &name, names, 7);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of \"aws\"%V", &name,
                           &hint);
        return NGX_CONF_ERROR;
    }

    to = fields[i];

    if (to->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" of \"aws\"", &name);
        return NGX_CONF_ERROR;
    }

    if (i >= 4) {
        return ngx_http_ai_secret(cf, &text, to);
    }

    if (i < 3) {

        if (!ngx_http_ai_is_name(&text)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value in \"%V\" of \"aws\"", param);
            return NGX_CONF_ERROR;
        }

        *to = text;

        return NGX_CONF_OK;
    }

    if (text.len <= 5 || ngx_strncmp(text.data, "file:", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"credentials=\" of \"aws\" must be "
                           "\"file:PATH\"");
        return NGX_CONF_ERROR;
    }

    to->data = text.data + 5;
    to->len = text.len - 5;

    return ngx_conf_full_name(cf->cycle, to, 1) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


/* the block was read */

ngx_int_t
ngx_http_ai_provider_aws_finish(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    u_char             *last;
    ai_aws_keys_t       keys;
    ngx_http_ai_aws_t  *aws;

    if (p->credential != &ngx_http_ai_aws_credential) {

        if (p->api == &ai_provider_bedrock) {
            ngx_http_ai_conf_error(cf, &p->place,
                                   "no \"aws\" in ai_provider \"%V\"",
                                   &p->name);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    aws = p->credential_data;

    if (aws->service.len == 0) {
        ngx_str_set(&aws->service, "bedrock");
    }

    if (p->endpoint.data == NULL && p->api == &ai_provider_bedrock) {

        p->endpoint.len = sizeof("https://bedrock-runtime..amazonaws.com") - 1
                          + aws->region.len;
        p->endpoint.data = ngx_pnalloc(cf->pool, p->endpoint.len);
        if (p->endpoint.data == NULL) {
            return NGX_ERROR;
        }

        last = ngx_sprintf(p->endpoint.data,
                           "https://bedrock-runtime.%V.amazonaws.com",
                           &aws->region);
        p->endpoint.len = last - p->endpoint.data;
    }

    /* a Bedrock key is sent as it is, nothing is signed */

    if (p->key.len) {

        if (aws->access_key.len || aws->secret_key.len || aws->file.len) {
            ngx_http_ai_conf_error(cf, &p->place,
                                   "\"key\" and the keys of \"aws\" of "
                                   "ai_provider \"%V\" exclude each other",
                                   &p->name);
            return NGX_ERROR;
        }

        p->credential = NULL;

        return NGX_OK;
    }

    if (aws->file.len == 0) {

        if (aws->profile.len) {
            ngx_http_ai_conf_error(cf, &p->place,
                                   "\"profile=\" of \"aws\" of ai_provider "
                                   "\"%V\" cannot take effect without "
                                   "\"credentials=\"", &p->name);
            return NGX_ERROR;
        }

        return ngx_http_ai_aws_from_env(cf, p, aws);
    }

    if (aws->access_key.len || aws->secret_key.len || aws->session_token.len) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"credentials=\" and \"access_key=\" of "
                               "\"aws\" of ai_provider \"%V\" exclude each "
                               "other", &p->name);
        return NGX_ERROR;
    }

    if (aws->profile.len == 0) {
        ngx_str_set(&aws->profile, "default");
    }

    if (ngx_http_ai_aws_read(aws, cf->pool, cf->log, &keys) != NGX_OK) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "no credentials of profile \"%V\" in \"%V\" "
                               "of ai_provider \"%V\"", &aws->profile,
                               &aws->file, &p->name);
        return NGX_ERROR;
    }

    aws->view->keys = keys;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_aws_from_env(ngx_conf_t *cf, ngx_http_ai_provider_t *p,
    ngx_http_ai_aws_t *aws)
{
    char        *text;
    ngx_uint_t   i;

    static const char  *names[] = {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
    };

    ngx_str_t  *fields[] = { &aws->access_key, &aws->secret_key,
                             &aws->session_token };

    if (aws->access_key.len == 0 && aws->secret_key.len == 0) {

        for (i = 0; i < 3; i++) {
            text = getenv(names[i]);

            if (text == NULL || fields[i]->len) {
                continue;
            }

            fields[i]->len = ngx_strlen(text);
            fields[i]->data = ngx_pnalloc(cf->pool, fields[i]->len);

            if (fields[i]->data == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(fields[i]->data, text, fields[i]->len);

            if (ngx_http_ai_has_ctl(fields[i])) {
                ngx_http_ai_conf_error(cf, &p->place, "\"%s\" contains a "
                                       "control character", names[i]);
                return NGX_ERROR;
            }
        }
    }

    if (aws->access_key.len == 0 || aws->secret_key.len == 0) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "no credentials for \"aws\" of ai_provider "
                               "\"%V\": neither \"access_key=\" and "
                               "\"secret_key=\", nor \"credentials=\", nor "
                               "AWS_ACCESS_KEY_ID in the environment",
                               &p->name);
        return NGX_ERROR;
    }

    aws->view->keys.access_key = ai_str(&aws->access_key);
    aws->view->keys.secret = ai_str(&aws->secret_key);
    aws->view->keys.token = ai_str(&aws->session_token);

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_aws_read(ngx_http_ai_aws_t *aws, ngx_pool_t *pool, ngx_log_t *log,
    ai_aws_keys_t *keys)
{
    u_char     *text;
    ssize_t     n;
    ngx_fd_t    fd;
    ai_str_t    s, profile;
    ai_pool_t   ai_pool;

    fd = ngx_open_file(aws->file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", &aws->file);
        return NGX_ERROR;
    }

    text = ngx_pnalloc(pool, NGX_HTTP_AI_AWS_FILE);
    n = text ? ngx_read_fd(fd, text, NGX_HTTP_AI_AWS_FILE) : -1;

    (void) ngx_close_file(fd);

    if (n <= 0) {
        return NGX_ERROR;
    }

    s.data = text;
    s.len = (size_t) n;

    profile = ai_str(&aws->profile);
    ngx_http_ai_pool(&ai_pool, pool);

    return ai_aws_credentials(&s, &profile, &ai_pool, keys) == AI_OK
           ? NGX_OK : NGX_ERROR;
}


/* the last good keys stay when the new ones cannot be read */

static void
ngx_http_ai_aws_renew(ngx_http_ai_aws_t *aws, ngx_log_t *log)
{
    ngx_pool_t              *pool;
    ai_aws_keys_t            keys;
    ngx_file_info_t          fi;
    ngx_http_ai_aws_view_t  *view;

    view = aws->view;

    if (view->checked == ngx_time()) {
        return;
    }

    view->checked = ngx_time();

    if (ngx_file_info(aws->file.data, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      ngx_file_info_n " \"%V\" failed", &aws->file);
        return;
    }

    if (ngx_file_mtime(&fi) == view->mtime
        && ngx_file_size(&fi) == view->size
        && ngx_file_uniq(&fi) == view->uniq)
    {
        return;
    }

    view->mtime = ngx_file_mtime(&fi);
    view->size = ngx_file_size(&fi);
    view->uniq = ngx_file_uniq(&fi);

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    if (ngx_http_ai_aws_read(aws, pool, log, &keys) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "ai: no credentials of profile \"%V\" in \"%V\", those "
                      "read before are used", &aws->profile, &aws->file);
        ngx_destroy_pool(pool);
        return;
    }

    if (view->pool) {
        ngx_destroy_pool(view->pool);
    }

    view->pool = pool;
    view->keys = keys;
}


static ngx_int_t
ngx_http_ai_aws_sign(ngx_http_ai_attempt_t *at,
    const ngx_http_ai_signing_t *what, ai_buf_t *b)
{
    ngx_log_t          *log;
    ai_sigv4_t          r;
    ai_char_t          *mark, hex[AI_SIGV4_HASH];
    ngx_http_ai_aws_t  *aws;

    aws = at->provider->credential_data;
    log = at->ctx->request->connection->log;

    if (aws->file.len) {
        ngx_http_ai_aws_renew(aws, log);
    }

    if (ngx_http_ai_aws_hash(at, what->body, hex) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&r, sizeof(ai_sigv4_t));

    r.access_key = aws->view->keys.access_key;
    r.secret = aws->view->keys.secret;
    r.token = aws->view->keys.token;
    r.region = ai_str(&aws->region);
    r.service = ai_str(&aws->service);
    r.method = what->method;
    r.host = what->host;
    r.path = what->path;
    r.time = ngx_time();

    mark = memchr(what->path.data, '?', what->path.len);

    if (mark) {
        r.path.len = mark - what->path.data;
        r.query.data = mark + 1;
        r.query.len = what->path.len - r.path.len - 1;
    }

    if (ai_sigv4_sign(&r, hex, b) != AI_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "ai: a request to provider \"%V\" could not be signed",
                      &at->provider->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_aws_hash(ngx_http_ai_attempt_t *at, ngx_chain_t *body,
    ai_char_t *hex)
{
    ai_str_t     *span;
    ngx_uint_t    n;
    ngx_chain_t  *cl;

    n = 0;

    for (cl = body; cl; cl = cl->next) {

        if (cl->buf->in_file) {
            ngx_log_error(NGX_LOG_ERR, at->ctx->request->connection->log, 0,
                          "ai: a body in a file cannot be signed");
            return NGX_ERROR;
        }

        n++;
    }

    span = ngx_palloc(at->pool, (n + 1) * sizeof(ai_str_t));
    if (span == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (cl = body; cl; cl = cl->next) {
        span[n].data = cl->buf->pos;
        span[n].len = cl->buf->last - cl->buf->pos;
        n++;
    }

    return ai_sigv4_hash(span, n, hex) == AI_OK ? NGX_OK : NGX_ERROR;
}
