
#include <core/ngx_http_ai.h>


static ngx_http_ai_param_t *ngx_http_ai_param_push(ngx_conf_t *cf,
    ngx_array_t *list, ngx_str_t *path);
static ngx_int_t ngx_http_ai_param_values(ngx_http_request_t *r,
    const ngx_array_t *list, ai_param_t *to, ngx_uint_t *n);
static ngx_int_t ngx_http_ai_param_join(ngx_http_ai_attempt_t *at,
    ai_str_t *text);


char *
ngx_http_ai_param_add(ngx_conf_t *cf, ngx_array_t *list, ngx_str_t *value,
    ngx_uint_t n)
{
    ai_str_t              text;
    ai_pool_t             pool;
    ngx_uint_t            i;
    ngx_http_ai_param_t  *param;

    static struct {
        ngx_str_t        name;
        ai_param_mode_e  mode;
    } modes[] = {
        { ngx_string("set"), AI_PARAM_SET },
        { ngx_string("default"), AI_PARAM_DEFAULT },
        { ngx_string("min"), AI_PARAM_MIN },
        { ngx_string("max"), AI_PARAM_MAX },
        { ngx_null_string, AI_PARAM_SET }
    };

    param = ngx_http_ai_param_push(cf, list, &value[1]);
    if (param == NULL) {
        return NGX_CONF_ERROR;
    }

    if (n == 4) {

        for (i = 0; modes[i].name.len; i++) {
            if (modes[i].name.len == value[3].len
                && ngx_strncmp(modes[i].name.data, value[3].data,
                               value[3].len)
                   == 0)
            {
                break;
            }
        }

        if (modes[i].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid mode \"%V\" of \"%V\", it must be "
                               "\"set\", \"default\", \"min\" or \"max\"",
                               &value[3], &value[0]);
            return NGX_CONF_ERROR;
        }

        param->mode = modes[i].mode;
    }

    if (ngx_http_ai_compile(cf, &value[2], &param->value) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (param->value->lengths) {
        return NGX_CONF_OK;
    }

    text = ai_str(&value[2]);
    ngx_http_ai_pool(&pool, cf->temp_pool);

    if (text.len == 0
        || ai_param_check(param->mode, &text, &pool) != AI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%V\"", &value[2],
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_ai_param_drop(ngx_conf_t *cf, ngx_array_t *list, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_uint_t            i;
    ngx_http_ai_param_t  *param;

    for (i = 1; i < n; i++) {

        param = ngx_http_ai_param_push(cf, list, &value[i]);
        if (param == NULL) {
            return NGX_CONF_ERROR;
        }

        param->mode = AI_PARAM_DROP;
    }

    return NGX_CONF_OK;
}


static ngx_http_ai_param_t *
ngx_http_ai_param_push(ngx_conf_t *cf, ngx_array_t *list, ngx_str_t *path)
{
    ai_str_t              text;
    ai_pool_t             pool;
    const char           *why;
    ngx_http_ai_param_t  *param;

    param = ngx_array_push(list);
    if (param == NULL) {
        return NULL;
    }

    ngx_memzero(param, sizeof(ngx_http_ai_param_t));

    text = ai_str(path);
    ngx_http_ai_pool(&pool, cf->pool);

    if (ai_param_compile(&text, &pool, &param->path, &why) != AI_OK) {

        if (why) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid path \"%V\": %s", path, why);
        }

        return NULL;
    }

    return param;
}


char *
ngx_http_ai_set_param(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t    *value;
    ngx_array_t  *list;

    value = cf->args->elts;
    list = alcf->pass.params;

    if (cf->args->nelts == 2) {

        if (value[1].len != 3 || ngx_strncmp(value[1].data, "off", 3) != 0) {
            return "needs a path and a value, or \"off\"";
        }

        if (list != NGX_CONF_UNSET_PTR) {
            return "is \"off\" beside others on the same level";
        }

        alcf->pass.params = NULL;

        return NGX_CONF_OK;
    }

    if (list == NULL) {
        return "is \"off\" beside others on the same level";
    }

    if (list == NGX_CONF_UNSET_PTR) {
        list = ngx_array_create(cf->pool, 4, sizeof(ngx_http_ai_param_t));
        if (list == NULL) {
            return NGX_CONF_ERROR;
        }

        alcf->pass.params = list;
    }

    return ngx_http_ai_param_add(cf, list, value, cf->args->nelts);
}


ngx_int_t
ngx_http_ai_param_apply(ngx_http_ai_attempt_t *at)
{
    ai_int_t            rc;
    ai_buf_t            out;
    ai_str_t            text;
    ai_param_t         *list;
    ngx_uint_t          n;
    const ngx_array_t  *first, *second;

    first = at->ctx->conf->pass.params;
    second = at->provider->params;

    n = (first ? first->nelts : 0) + (second ? second->nelts : 0);

    if (n == 0) {
        return NGX_OK;
    }

    list = ngx_palloc(at->pool, n * sizeof(ai_param_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    if (ngx_http_ai_param_values(at->ctx->request, first, list, &n) != NGX_OK
        || ngx_http_ai_param_values(at->ctx->request, second, list, &n)
           != NGX_OK
        || ngx_http_ai_param_join(at, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ai_buf_init(&out, &at->ai_pool);

    rc = ai_param_body(&at->ai_pool, &text, list, n, &out, &at->error);

    if (rc == AI_DECLINED) {
        return NGX_OK;
    }

    if (rc != AI_OK || out.failed) {
        return at->error.kind == AI_ERR_NONE ? NGX_ERROR : NGX_DECLINED;
    }

    return ngx_http_ai_rewrite_whole(at, &out);
}


static ngx_int_t
ngx_http_ai_param_values(ngx_http_request_t *r, const ngx_array_t *list,
    ai_param_t *to, ngx_uint_t *n)
{
    ngx_str_t                   value;
    ngx_uint_t                  i;
    const ngx_http_ai_param_t  *param;

    if (list == NULL) {
        return NGX_OK;
    }

    param = list->elts;

    for (i = 0; i < list->nelts; i++) {

        ngx_str_null(&value);

        if (param[i].value
            && ngx_http_complex_value(r, param[i].value, &value) != NGX_OK)
        {
            return NGX_ERROR;
        }

        to[*n].path = &param[i].path;
        to[*n].mode = param[i].mode;
        to[*n].value = ai_str(&value);

        (*n)++;
    }

    return NGX_OK;
}


/* the body in one piece */

static ngx_int_t
ngx_http_ai_param_join(ngx_http_ai_attempt_t *at, ai_str_t *text)
{
    u_char       *p;
    ngx_chain_t  *cl;

    text->len = (size_t) at->body_len;

    if (at->body && at->body->next == NULL) {
        text->data = at->body->buf->pos;
        return NGX_OK;
    }

    p = ngx_pnalloc(at->pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (cl = at->body; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    return NGX_OK;
}
