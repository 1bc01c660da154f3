
/*
 * Which tokenizers there are, who asks for a count, and what is known of a
 * model.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_TOKENIZER_MAX  (64 * 1024 * 1024)
#define NGX_HTTP_AI_FACTORS        1024
#define NGX_HTTP_AI_FACTORS_SHARE  64       /* of the zone: one part in */
#define NGX_HTTP_AI_FACTOR_WAYS    8


/* in the zone; races between workers lose a sample, nothing else */
struct ngx_http_ai_factor_s {
    volatile uint64_t          key;         /* hash of the model's name */
    volatile ai_factor_t       factor;
};


static ngx_uint_t ngx_http_ai_count_needs(
    const ngx_http_ai_provider_t *provider);
static ngx_uint_t ngx_http_ai_count_in_use(ngx_conf_t *cf,
    const ngx_str_t *names);
static ngx_int_t ngx_http_ai_tokenizer_pattern(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_ai_tokenizer_model(ngx_conf_t *cf,
    const ngx_http_ai_count_main_conf_t *conf, ngx_http_ai_tokenizer_t *t,
    ngx_str_t *name);
static const ai_tokenizer_t *ngx_http_ai_count_line(
    const ngx_http_ai_count_main_conf_t *conf, ngx_str_t *model);
static volatile ai_factor_t *ngx_http_ai_count_factor(ngx_http_request_t *r,
    ngx_str_t *model, ngx_uint_t output, ngx_uint_t make);


static const ai_str_t  ngx_http_ai_count_tables[] = {
    ai_string("o200k_base"),
    ai_string("cl100k_base"),
    ai_string("tekken"),
    ai_string("qwen"),
    ai_null_string
};


/* what a provider's models are counted by, where it may have any of its own:
 * bits of the above; all others may have any at all */

#define NGX_HTTP_AI_COUNT_ALL  0xf
/* of OpenAI, Anthropic and Gemini, whose APIs "ai_meter" knows */
#define NGX_HTTP_AI_COUNT_METER  0x7

static const struct {
    ai_str_t                   name;
    ngx_uint_t                 tables;
} ngx_http_ai_count_vendors[] = {
    { ai_string("openai"), 0x3 },
    { ai_string("openai_responses"), 0x3 },
    { ai_string("azure"), 0x3 },
    { ai_string("anthropic"), 0x1 },
    { ai_string("gemini"), 0x5 },
    { ai_string("mistral"), 0x5 },
    { ai_string("xai"), 0x1 },
    { ai_string("deepseek"), 0x1 },
    { ai_string("cohere"), 0x1 },
    { ai_string("moonshot"), 0x1 },
    { ai_string("zai"), 0x1 },
    { ai_string("perplexity"), 0x1 },
    { ai_string("alibaba"), 0x9 },
    { ai_null_string, 0 }
};


/* those of ai_tokenizer_parse() */

static ngx_str_t  ngx_http_ai_tokenizer_patterns[] = {
    ngx_string("cl100k_base"),
    ngx_string("o200k_base"),
    ngx_string("tekken"),
    ngx_string("qwen"),
    ngx_string("llama3")
};

#define NGX_HTTP_AI_TOKENIZER_PATTERNS                                        \
    (sizeof(ngx_http_ai_tokenizer_patterns) / sizeof(ngx_str_t))


/* those that are about the prompt before anything is sent, and those about
 * what was used */

static const ngx_str_t  ngx_http_ai_count_sizes[] = {
    ngx_string("ai_prompt_tokens_est"),
    ngx_string("ai_prompt_class"),
    ngx_null_string
};


static const ngx_str_t  ngx_http_ai_count_usages[] = {
    ngx_string("ai_prompt_tokens"),
    ngx_string("ai_completion_tokens"),
    ngx_string("ai_total_tokens"),
    ngx_string("ai_usage_source"),
    ngx_string("ai_cost"),
    ngx_null_string
};


char *
ngx_http_ai_tokenizer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_main_conf_t  *amcf = conf;

    ai_str_t                  file, rules;
    ai_pool_t                *pool;
    ngx_str_t                *value, path, text, pattern;
    ai_uint_t                 line;
    ngx_uint_t                i;
    const char               *error;
    ngx_http_ai_tokenizer_t  *t;

    if (amcf->count.tokenizers == NULL) {
        amcf->count.tokenizers = ngx_array_create(cf->pool, 2,
                                          sizeof(ngx_http_ai_tokenizer_t));
        if (amcf->count.tokenizers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    t = ngx_array_push(amcf->count.tokenizers);
    pool = ngx_palloc(cf->pool, sizeof(ai_pool_t));

    if (t == NULL || pool == NULL
        || ngx_array_init(&t->models, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    path = value[1];
    ngx_str_null(&pattern);

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "pattern=", 8) == 0) {

            if (pattern.data) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate "
                                   "parameter \"%V\" of \"ai_tokenizer\"",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }

            pattern.data = value[i].data + 8;
            pattern.len = value[i].len - 8;

            if (ngx_http_ai_tokenizer_pattern(cf, &pattern) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

        } else if (ngx_http_ai_tokenizer_model(cf, &amcf->count, t, &value[i])
                   != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (t->models.nelts == 0) {
        return "names no model";
    }

    rules = pattern.data ? ai_str(&pattern) : ai_lit("cl100k_base");

    if (ngx_http_ai_conf_file(cf, &path, NGX_HTTP_AI_TOKENIZER_MAX, &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_ai_pool(pool, cf->pool);

    file = ai_str(&text);
    line = 0;
    error = "no memory";

    t->tokenizer = ai_tokenizer_parse(&file, &rules, pool, &line, &error);

    if (t->tokenizer == NULL && line == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\"", error,
                           &path);
        return NGX_CONF_ERROR;
    }

    if (t->tokenizer == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\" line %ui",
                           error, &path, (ngx_uint_t) line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ai_tokenizer_pattern(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t   hint, *names[NGX_HTTP_AI_TOKENIZER_PATTERNS];
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_AI_TOKENIZER_PATTERNS; i++) {
        names[i] = &ngx_http_ai_tokenizer_patterns[i];

        if (names[i]->len == name->len
            && ngx_memcmp(names[i]->data, name->data, name->len) == 0)
        {
            return NGX_OK;
        }
    }

    hint = ngx_http_ai_hint(cf, name, names, NGX_HTTP_AI_TOKENIZER_PATTERNS);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown pattern \"%V\" of \"ai_tokenizer\"%V", name,
                       &hint);
    return NGX_ERROR;
}


/* t is the last of conf->tokenizers */

static ngx_int_t
ngx_http_ai_tokenizer_model(ngx_conf_t *cf,
    const ngx_http_ai_count_main_conf_t *conf, ngx_http_ai_tokenizer_t *t,
    ngx_str_t *name)
{
    ngx_str_t                      *model;
    ngx_uint_t                      i, j;
    const ngx_http_ai_tokenizer_t  *other;

    if (ngx_strlchr(name->data, name->data + name->len, '=')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of \"ai_tokenizer\", "
                           "it has \"pattern\"", name);
        return NGX_ERROR;
    }

    if (ngx_http_ai_model_pattern(cf, name) != NGX_OK) {
        return NGX_ERROR;
    }

    other = conf->tokenizers->elts;

    for (i = 0; i < conf->tokenizers->nelts; i++) {
        model = other[i].models.elts;

        for (j = 0; j < other[i].models.nelts; j++) {
            if (model[j].len == name->len
                && ngx_memcmp(model[j].data, name->data, name->len) == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate model \"%V\" of "
                                   "\"ai_tokenizer\"", name);
                return NGX_ERROR;
            }
        }
    }

    model = ngx_array_push(&t->models);
    if (model == NULL) {
        return NGX_ERROR;
    }

    *model = *name;

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_count_init_conf(ngx_http_ai_count_main_conf_t *conf,
    ngx_http_ai_zone_main_conf_t *zone)
{
    static ngx_str_t  key = ngx_string("factors");

    conf->nfactors = zone->size / NGX_HTTP_AI_FACTORS_SHARE
                     / sizeof(ngx_http_ai_factor_t);
    conf->nfactors = ngx_max(conf->nfactors, NGX_HTTP_AI_FACTOR_WAYS);
    conf->nfactors = ngx_min(conf->nfactors, NGX_HTTP_AI_FACTORS);

    return ngx_http_ai_zone_want_block(zone, &key, conf->nfactors
                                       * sizeof(ngx_http_ai_factor_t),
                                       (void **) &conf->factors);
}


char *
ngx_http_ai_count_merge(ngx_conf_t *cf, ngx_http_ai_count_loc_conf_t *prev,
    ngx_http_ai_count_loc_conf_t *conf)
{
    ngx_http_ai_main_conf_t  *amcf;

    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              NGX_HTTP_AI_COUNT_AUTO);

    if (conf->mode == NGX_HTTP_AI_COUNT_TOKENIZER) {
        amcf = ngx_http_conf_get_module_main_conf(cf,
                                                ngx_http_ai_gateway_module);
        amcf->count.tables = 1;
    }

    return NGX_CONF_OK;
}


void
ngx_http_ai_count_ask(ngx_conf_t *cf)
{
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ai_gateway_module);
    amcf->count.usage = 1;
}


ngx_int_t
ngx_http_ai_count_init(ngx_conf_t *cf, ngx_http_ai_main_conf_t *amcf)
{
    ngx_uint_t                      i, j, needs;
    ngx_http_ai_model_t            *model;
    ngx_http_ai_provider_t        **provider;
    ngx_http_ai_count_main_conf_t  *conf;

    conf = &amcf->count;

    conf->context = NGX_MAX_INT_T_VALUE;
    conf->prompt = ngx_http_ai_count_in_use(cf, ngx_http_ai_count_sizes);
    conf->usage |= ngx_http_ai_count_in_use(cf, ngx_http_ai_count_usages);
    conf->sized = ngx_http_ai_route_sized(&amcf->route);

    needs = amcf->meter.any ? NGX_HTTP_AI_COUNT_METER : 0;
    provider = amcf->provider.providers.elts;

    for (i = 0; i < amcf->provider.providers.nelts; i++) {
        needs |= ngx_http_ai_count_needs(provider[i]);
        model = provider[i]->models.elts;

        for (j = 0; j < provider[i]->models.nelts; j++) {
            if (model[j].context != -1) {
                conf->context = ngx_min(conf->context, model[j].context);
            }
        }
    }

    if (!conf->prompt && !conf->usage && !conf->sized && !conf->tables
        && conf->context == NGX_MAX_INT_T_VALUE)
    {
        return NGX_OK;
    }

    for (i = 0; ngx_http_ai_count_tables[i].len; i++) {

        if ((needs & ((ngx_uint_t) 1 << i))
            && ai_tokenizer_open(&ngx_http_ai_count_tables[i]) == NULL)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "ai: no memory for the tokenizer \"%*s\"",
                          ngx_http_ai_count_tables[i].len,
                          ngx_http_ai_count_tables[i].data);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Which tables the workers will want of the master.  One that was not foreseen
 * is built by the worker that comes to need it.
 */

static ngx_uint_t
ngx_http_ai_count_needs(const ngx_http_ai_provider_t *provider)
{
    ai_str_t              name;
    ngx_uint_t            i, j, needs;
    ai_token_model_t      m;
    ngx_http_ai_model_t  *model;

    needs = 0;
    model = provider->models.elts;

    for (i = 0; i < provider->models.nelts; i++) {

        if (model[i].wildcard && model[i].name.len == 1) {

            for (j = 0; ngx_http_ai_count_vendors[j].tables; j++) {
                if (ai_str_eq(&ngx_http_ai_count_vendors[j].name,
                              &provider->api->name))
                {
                    break;
                }
            }

            needs |= ngx_http_ai_count_vendors[j].tables
                     ? ngx_http_ai_count_vendors[j].tables
                     : NGX_HTTP_AI_COUNT_ALL;
            continue;
        }

        name = ai_str(model[i].as.len ? &model[i].as : &model[i].name);
        ai_token_model(&name, &m);

        for (j = 0; ngx_http_ai_count_tables[j].len; j++) {
            if (ai_str_eq(&ngx_http_ai_count_tables[j], &m.tokenizer)) {
                needs |= (ngx_uint_t) 1 << j;
            }
        }
    }

    return needs;
}


/* whatever names a variable in the configuration has it indexed */

static ngx_uint_t
ngx_http_ai_count_in_use(ngx_conf_t *cf, const ngx_str_t *names)
{
    ngx_uint_t                  i, j;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        for (j = 0; names[j].len; j++) {
            if (v[i].name.len == names[j].len
                && ngx_strncmp(v[i].name.data, names[j].data, names[j].len)
                   == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


const ai_tokenizer_t *
ngx_http_ai_count_model(ngx_http_request_t *r, ngx_str_t *name,
    ngx_uint_t output, ai_token_model_t *m)
{
    ai_str_t                              s;
    const ai_tokenizer_t                 *t;
    const ngx_http_ai_count_main_conf_t  *conf;

    conf = &ngx_http_ai_main_conf(r)->count;
    s = ai_str(name);

    ai_token_model(&s, m);

    t = ngx_http_ai_count_line(conf, name);

    if (t) {
        m->factor = AI_FACTOR_ONE;
        m->exact = 1;
        return t;
    }

    if (!m->exact) {
        m->factor = ngx_http_ai_count_ratio(r, name, output, m->factor);
    }

    return ai_tokenizer_open(&m->tokenizer);
}


ngx_uint_t
ngx_http_ai_count_is_exact(ngx_http_request_t *r, ngx_str_t *name)
{
    ai_str_t          s;
    ai_token_model_t  m;

    s = ai_str(name);

    ai_token_model(&s, &m);

    return m.exact
           || ngx_http_ai_count_line(&ngx_http_ai_main_conf(r)->count, name)
              != NULL;
}


/* an exact name before a pattern, the longest pattern first */

static const ai_tokenizer_t *
ngx_http_ai_count_line(const ngx_http_ai_count_main_conf_t *conf,
    ngx_str_t *model)
{
    size_t                    best;
    ai_str_t                  s, p;
    ngx_str_t                *pattern;
    ngx_uint_t                i, j;
    const ai_tokenizer_t     *found;
    ngx_http_ai_tokenizer_t  *t;

    if (conf->tokenizers == NULL) {
        return NULL;
    }

    s = ai_str(model);
    t = conf->tokenizers->elts;

    found = NULL;
    best = 0;

    for (i = 0; i < conf->tokenizers->nelts; i++) {
        pattern = t[i].models.elts;

        for (j = 0; j < t[i].models.nelts; j++) {
            p = ai_str(&pattern[j]);

            if (!ai_str_glob(&p, &s) || (found && p.len <= best)) {
                continue;
            }

            found = t[i].tokenizer;
            best = p.len;
        }
    }

    return found;
}


uint32_t
ngx_http_ai_count_ratio(ngx_http_request_t *r, ngx_str_t *model,
    ngx_uint_t output, uint32_t fallback)
{
    volatile ai_factor_t  *f;

    f = ngx_http_ai_count_factor(r, model, output, 0);

    return f ? ai_factor_ratio(*f, fallback) : fallback;
}


void
ngx_http_ai_count_learn(ngx_http_request_t *r, ngx_str_t *model,
    ngx_uint_t output, int64_t counted, int64_t reported)
{
    volatile ai_factor_t  *f;

    f = ngx_http_ai_count_factor(r, model, output, 1);

    if (f) {
        *f = ai_factor_learn(*f, counted, reported);
    }
}


/* the model's own, a free one, or the one that has seen the least */

static volatile ai_factor_t *
ngx_http_ai_count_factor(ngx_http_request_t *r, ngx_str_t *model,
    ngx_uint_t output, ngx_uint_t make)
{
    uint64_t                              key;
    ngx_uint_t                            i, n, least;
    ngx_http_ai_factor_t                 *e;
    const ngx_http_ai_count_main_conf_t  *conf;

    conf = &ngx_http_ai_main_conf(r)->count;
    e = conf->factors;

    if (e == NULL) {
        return NULL;
    }

    key = ai_pick_hash(model->data, model->len, output);
    key |= 1;

    least = (ngx_uint_t) (key >> 1) % conf->nfactors;
    i = least;

    for (n = 0; n < NGX_HTTP_AI_FACTOR_WAYS; n++) {

        if (e[i].key == key) {
            return &e[i].factor;
        }

        if (e[i].factor < e[least].factor) {
            least = i;
        }

        i = (i + 1) % conf->nfactors;
    }

    if (!make) {
        return NULL;
    }

    e[least].key = key;
    e[least].factor = 0;

    return &e[least].factor;
}
