
/*
 * ai_pass: the settings of a location, and the content handler that decides
 * what a request asks for and starts it on its way.
 */

#include <core/ngx_http_ai.h>

#include <api/ai_generate.h>
#include <api/ai_ollama.h>


static ngx_int_t ngx_http_ai_pass_send(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_pass_locate(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_pass_plan(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_pass_route(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_pass_models(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static ngx_int_t ngx_http_ai_pass_add_model(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_array_t *list, ngx_str_t *id,
    ngx_str_t *owner);
static ngx_int_t ngx_http_ai_pass_list(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, ngx_array_t *list);
static ngx_int_t ngx_http_ai_pass_base(ngx_http_request_t *r);
static char *ngx_http_ai_client_abort_param(ngx_conf_t *cf,
    ngx_http_ai_pass_loc_conf_t *conf, ngx_str_t *param);
static char *ngx_http_ai_pass_resolve(ngx_conf_t *cf,
    ngx_http_ai_pass_loc_conf_t *conf);


char *
ngx_http_ai_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (alcf->pass.name) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "has an empty name";
    }

    if (ngx_http_ai_compile(cf, &value[1], &alcf->pass.name) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_ai_place(cf, &alcf->pass.place);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_ai_pass_handler;

    return NGX_CONF_OK;
}


char *
ngx_http_ai_next_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t  *value;

    if (alcf->pass.next_upstream) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_http_ai_next_upstream_words(cf, &value[1], cf->args->nelts - 1,
                                           &alcf->pass.next_upstream);
}


char *
ngx_http_ai_client_abort(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (alcf->pass.client_abort != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "drain") == 0) {
        alcf->pass.client_abort = NGX_HTTP_AI_ABORT_DRAIN;

    } else if (ngx_strcmp(value[1].data, "cut") == 0) {
        alcf->pass.client_abort = NGX_HTTP_AI_ABORT_CUT;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"ai_client_abort\", "
                           "it must be \"drain\" or \"cut\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (alcf->pass.client_abort == NGX_HTTP_AI_ABORT_CUT) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"ai_client_abort\", \"cut\" has none",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_ai_client_abort_param(cf, &alcf->pass, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_client_abort_param(ngx_conf_t *cf,
    ngx_http_ai_pass_loc_conf_t *conf, ngx_str_t *param)
{
    u_char      *eq;
    int64_t      tokens;
    ngx_str_t    name, text, hint;
    ngx_msec_t   ms;

    static ngx_str_t   words[] = { ngx_string("tokens"),
                                   ngx_string("timeout") };
    static ngx_str_t  *names[] = { &words[0], &words[1] };

    name = *param;
    ngx_str_null(&text);

    eq = ngx_strlchr(param->data, param->data + param->len, '=');

    if (eq) {
        name.len = eq - param->data;
        text.data = eq + 1;
        text.len = param->data + param->len - text.data;
    }

    if (eq && name.len == 6 && ngx_strncmp(name.data, "tokens", 6) == 0) {

        if (conf->drain_tokens != NGX_CONF_UNSET_UINT) {
            goto duplicate;
        }

        tokens = ngx_http_ai_number(&text);

        if (tokens <= 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number in \"%V\" of "
                               "\"ai_client_abort\", tokens are counted in "
                               "plain numbers such as 8192", param);
            return NGX_CONF_ERROR;
        }

        conf->drain_tokens = (ngx_uint_t) tokens;

        return NGX_CONF_OK;
    }

    if (eq && name.len == 7 && ngx_strncmp(name.data, "timeout", 7) == 0) {

        if (conf->drain_timeout != NGX_CONF_UNSET_MSEC) {
            goto duplicate;
        }

        ms = ngx_parse_time(&text, 0);

        if (ms == (ngx_msec_t) NGX_ERROR || ms == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time in \"%V\" of "
                               "\"ai_client_abort\"", param);
            return NGX_CONF_ERROR;
        }

        conf->drain_timeout = ms;

        return NGX_CONF_OK;
    }

    hint = ngx_http_ai_hint(cf, &name, names, 2);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of \"ai_client_abort\"%V",
                       param, &hint);
    return NGX_CONF_ERROR;

duplicate:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "duplicate parameter \"%V\" of \"ai_client_abort\"",
                       param);
    return NGX_CONF_ERROR;
}


void
ngx_http_ai_pass_create(ngx_http_ai_pass_loc_conf_t *conf)
{
    conf->model = NGX_CONF_UNSET_PTR;
    conf->params = NGX_CONF_UNSET_PTR;
    conf->next_upstream_tries = NGX_CONF_UNSET_UINT;
    conf->next_upstream_timeout = NGX_CONF_UNSET_MSEC;
    conf->connect_timeout = NGX_CONF_UNSET_MSEC;
    conf->send_timeout = NGX_CONF_UNSET_MSEC;
    conf->read_timeout = NGX_CONF_UNSET_MSEC;
    conf->first_token_timeout = NGX_CONF_UNSET_MSEC;
    conf->client_abort = NGX_CONF_UNSET_UINT;
    conf->drain_tokens = NGX_CONF_UNSET_UINT;
    conf->drain_timeout = NGX_CONF_UNSET_MSEC;
    conf->body_max_size = NGX_CONF_UNSET_SIZE;
    conf->error_format = NGX_CONF_UNSET_UINT;
    conf->headers = NGX_CONF_UNSET_UINT;
}


char *
ngx_http_ai_pass_merge(ngx_conf_t *cf, ngx_http_ai_pass_loc_conf_t *prev,
    ngx_http_ai_pass_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    ngx_conf_merge_ptr_value(conf->model, prev->model, NULL);
    ngx_conf_merge_ptr_value(conf->params, prev->params, NULL);

    if (conf->next_upstream == 0) {
        conf->next_upstream = prev->next_upstream ? prev->next_upstream
                                                  : NGX_HTTP_AI_NEXT_DEFAULT;
    }

    ngx_conf_merge_uint_value(conf->next_upstream_tries,
                              prev->next_upstream_tries, 3);
    ngx_conf_merge_msec_value(conf->next_upstream_timeout,
                              prev->next_upstream_timeout, 0);
    ngx_conf_merge_msec_value(conf->connect_timeout,
                              prev->connect_timeout, 5000);
    ngx_conf_merge_msec_value(conf->send_timeout, prev->send_timeout, 60000);
    ngx_conf_merge_msec_value(conf->read_timeout, prev->read_timeout, 600000);
    ngx_conf_merge_msec_value(conf->first_token_timeout,
                              prev->first_token_timeout, 0);
    if (conf->headers != NGX_CONF_UNSET_UINT && conf->headers) {
        ngx_http_ai_count_ask(cf);
    }

    if (conf->client_abort == NGX_CONF_UNSET_UINT) {

        /* the line is inherited as a whole */

        conf->client_abort = prev->client_abort;
        conf->drain_tokens = prev->drain_tokens;
        conf->drain_timeout = prev->drain_timeout;
    }

    ngx_conf_init_uint_value(conf->client_abort, NGX_HTTP_AI_ABORT_DRAIN);
    ngx_conf_init_uint_value(conf->drain_tokens, 8192);
    ngx_conf_init_msec_value(conf->drain_timeout, 60000);

    ngx_conf_merge_size_value(conf->body_max_size, prev->body_max_size,
                              8 * 1024 * 1024);
    ngx_conf_merge_uint_value(conf->error_format, prev->error_format,
                              NGX_HTTP_AI_ERRORS_AUTO);
    ngx_conf_merge_uint_value(conf->headers, prev->headers,
                              NGX_HTTP_AI_HEADERS_OFF);

    if (conf->name) {
        return ngx_http_ai_pass_resolve(cf, conf);
    }

    /* "if" and "limit_except" blocks are locations without a name */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && prev->name) {
        conf->name = prev->name;
        conf->route = prev->route;

        if (clcf->handler == NULL) {
            clcf->handler = ngx_http_ai_pass_handler;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_pass_resolve(ngx_conf_t *cf, ngx_http_ai_pass_loc_conf_t *conf)
{
    ngx_str_t                *near, **names;
    ngx_uint_t                i, n;
    ngx_http_ai_route_t     **routes;
    ngx_http_ai_main_conf_t  *amcf;

    if (conf->name->lengths) {
        return NGX_CONF_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);

    conf->route = ngx_http_ai_route_get(&amcf->route, &conf->name->value);
    if (conf->route) {
        return NGX_CONF_OK;
    }

    n = amcf->route.routes.nelts;
    routes = amcf->route.routes.elts;

    names = ngx_palloc(cf->temp_pool, (n + 1) * sizeof(ngx_str_t *));
    if (names == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {
        names[i] = &routes[i]->name;
    }

    near = ngx_http_ai_nearest(&conf->name->value, names, n);

    if (near) {
        ngx_http_ai_conf_error(cf, &conf->place,
                               "unknown ai_route or ai_provider \"%V\" in "
                               "\"ai_pass\", did you mean \"%V\"?",
                               &conf->name->value, near);
    } else {
        ngx_http_ai_conf_error(cf, &conf->place,
                               "unknown ai_route or ai_provider \"%V\" in "
                               "\"ai_pass\"", &conf->name->value);
    }

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_ai_pass_handler(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t  *ctx;

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "ai: \"ai_pass\" does not serve subrequests");
        return NGX_HTTP_NOT_FOUND;
    }

    ctx = ngx_http_ai_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_ai_auth_body(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->error.kind == AI_ERR_NONE
        && ngx_http_ai_auth_check(r, ctx) != NGX_OK
        && ctx->error.kind == AI_ERR_NONE)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->error.kind != AI_ERR_NONE) {
        return ngx_http_ai_error_send(r, &ctx->error);
    }

    if (ngx_http_ai_is_sent(ctx)) {
        return ngx_http_ai_pass_send(r, ctx);
    }

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->op == NGX_HTTP_AI_OP_BASE) {
        return ngx_http_ai_pass_base(r);
    }

    return ngx_http_ai_pass_models(r, ctx);
}


static ngx_int_t
ngx_http_ai_pass_send(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_cleanup_t  *cln;

    rc = ngx_http_ai_pass_plan(r, ctx);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: no target for model \"%V\": %*s", &ctx->model,
                      ctx->error.message.len, ctx->error.message.data);

        return ngx_http_ai_error_send(r, &ctx->error);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_ai_drain_has_left(r)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client prematurely closed connection");

        return NGX_HTTP_CLIENT_CLOSED_REQUEST;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_ai_run_cleanup;
    cln->data = ctx;

    ngx_http_ai_metrics_begin(ctx);

    /* from here on the request is held by a count of its own, and run()
     * finalizes it */

    r->main->count++;
    r->write_event_handler = ngx_http_ai_run;
    r->read_event_handler = ngx_http_ai_drain_reading;

    /* a client may have left already, and nothing more will come of it */

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    }

    ngx_http_ai_run(r);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_ai_pass_plan(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ctx->model = ctx->request_model;

    if (ctx->conf->pass.model
        && ngx_http_complex_value(r, ctx->conf->pass.model, &ctx->model)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->model.len == 0 && !ctx->modelless) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "ai: \"ai_model\" gave an empty name for \"%V\"",
                      &ctx->request_model);
        ai_error_set_param(&ctx->error, AI_ERR_MODEL_NOT_FOUND, NULL,
                           &ai_lit("model"));
        return NGX_DECLINED;
    }

    if (ngx_http_ai_pass_route(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->route == NULL) {
        ai_error_set_param(&ctx->error, AI_ERR_MODEL_NOT_FOUND, NULL,
                           &ai_lit("model"));
        return NGX_DECLINED;
    }

    if (ngx_http_ai_auth_check_way(r, ctx) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_http_ai_pass_locate(r, ctx);

    return ngx_http_ai_route_plan(r, ctx);
}


/* a stored answer that is asked for, or gone on from, is where it was made */

static void
ngx_http_ai_pass_locate(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ai_ref_t  ref;
    ai_str_t  id;

    if (ctx->dialect != &ai_dialect_responses) {
        return;
    }

    if (ngx_http_ai_is_chat(ctx)) {
        ref = ai_json_get(&ctx->doc, AI_JSON_ROOT, "previous_response_id");

        if (ai_json_type(&ctx->doc, ref) != AI_JSON_STRING) {
            return;
        }

        id = ai_json_esc(&ctx->doc, ref);
        ctx->pin = ngx_http_ai_pin_hash((u_char *) id.data, id.len);
    }

    if (ctx->pin) {
        ctx->where = ngx_http_ai_pin_get(&ngx_http_ai_main_conf(r)->zone,
                                         ctx->pin);
    }
}


static ngx_int_t
ngx_http_ai_pass_route(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_str_t                           name;
    const ngx_http_ai_pass_loc_conf_t  *conf;

    conf = &ctx->conf->pass;

    if (conf->route) {
        ctx->route = conf->route;
        return NGX_OK;
    }

    if (ngx_http_ai_value(r, conf->name, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->route = ngx_http_ai_route_get(&ngx_http_ai_main_conf(r)->route,
                                       &name);
    if (ctx->route == NULL) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "ai: \"ai_pass\" gave \"%V\", which is no ai_route "
                      "and no ai_provider", &name);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_pass_base(ngx_http_request_t *r)
{
    static ngx_str_t  json = ngx_string("{\"object\":\"ai_gateway\"}\n");

    return ngx_http_ai_json_send(r, NGX_HTTP_OK, &json);
}


static ngx_int_t
ngx_http_ai_pass_models(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ai_buf_t           b;
    ngx_str_t          json;
    ngx_uint_t         i;
    ngx_array_t        list;
    ai_model_entry_t  *entry;

    if (ngx_http_ai_pass_route(r, ctx) != NGX_OK
        || ngx_array_init(&list, r->pool, 8, sizeof(ai_model_entry_t))
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->route && !ngx_http_ai_auth_permits_route(ctx, ctx->route)) {
        ai_error_set(&ctx->error, AI_ERR_FORBIDDEN, NULL);
        return ngx_http_ai_error_send(r, &ctx->error);
    }

    if (ctx->route && ngx_http_ai_pass_list(r, ctx, &list) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    entry = list.elts;
    ai_buf_init(&b, &ctx->pool);

    if (ctx->op == NGX_HTTP_AI_OP_TAGS) {
        ai_ollama_tags(&b, entry, list.nelts);

    } else if (ctx->op == NGX_HTTP_AI_OP_MODELS) {

        if (ctx->dialect == &ai_dialect_gemini) {
            ai_generate_models(&b, entry, list.nelts);
        } else {
            ai_openai_models(&b, entry, list.nelts);
        }

    } else {

        for (i = 0; i < list.nelts; i++) {
            if (entry[i].id.len == ctx->model_id.len
                && ngx_memcmp(entry[i].id.data, ctx->model_id.data,
                              ctx->model_id.len) == 0)
            {
                if (ctx->dialect == &ai_dialect_gemini) {
                    ai_generate_model(&b, &entry[i]);
                } else {
                    ai_openai_model(&b, &entry[i]);
                }

                break;
            }
        }

        if (i == list.nelts) {
            ai_error_set_param(&ctx->error, AI_ERR_MODEL_NOT_FOUND, NULL,
                               &ai_lit("model"));
            return ngx_http_ai_error_send(r, &ctx->error);
        }
    }

    if (b.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json.data = b.start;
    json.len = ai_buf_len(&b);

    return ngx_http_ai_json_send(r, NGX_HTTP_OK, &json);
}


/*
 * What a client may ask this route for: every name a target fixes or its
 * provider lists.  Wildcards and names with variables have no end and are
 * left out.
 */

static ngx_int_t
ngx_http_ai_pass_list(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_array_t *list)
{
    ngx_uint_t                i, j;
    ngx_http_ai_model_t      *model;
    ngx_http_ai_route_t      *route;
    ngx_http_ai_target_t     *target;
    ngx_http_ai_candidate_t   candidate;

    route = ctx->route;
    target = route->targets.elts;

    ngx_memzero(&candidate, sizeof(ngx_http_ai_candidate_t));

    for (i = 0; i < route->targets.nelts; i++) {

        candidate.target = &target[i];
        candidate.provider = target[i].provider;

        if (target[i].down || !ngx_http_ai_auth_permits(ctx, &candidate)) {
            continue;
        }

        if (target[i].model) {

            if (target[i].model->lengths == NULL
                && ngx_http_ai_pass_add_model(r, ctx, list,
                                              &target[i].model->value,
                                              &target[i].provider->name)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        model = target[i].provider->models.elts;

        for (j = 0; j < target[i].provider->models.nelts; j++) {
            if (model[j].wildcard) {
                continue;
            }

            if (ngx_http_ai_pass_add_model(r, ctx, list, &model[j].name,
                                           &target[i].provider->name)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_pass_add_model(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    ngx_array_t *list, ngx_str_t *id, ngx_str_t *owner)
{
    ngx_uint_t         i;
    ai_model_entry_t  *entry;

    if (!ngx_http_ai_auth_permits_model(ctx, id, NULL)) {
        return NGX_OK;
    }

    entry = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (entry[i].id.len == id->len
            && ngx_memcmp(entry[i].id.data, id->data, id->len) == 0)
        {
            return NGX_OK;
        }
    }

    entry = ngx_array_push(list);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    entry->id = ai_str(id);
    entry->owner = ai_str(owner);

    return NGX_OK;
}
