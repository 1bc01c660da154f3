
/*
 * Prices as configured, and the bill of an attempt.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_PRICE_FILE_MAX  (64 * 1024 * 1024)
#define NGX_HTTP_AI_UNPRICED_MAX    256


/* models that were asked for without a price; in the zone */
struct ngx_http_ai_unpriced_s {
    ngx_atomic_t               requests;
    ngx_atomic_t               seen[NGX_HTTP_AI_UNPRICED_MAX];
};


typedef struct {
    ngx_str_t                  name;
    ai_price_e                 what;
    int                        scale;       /* USD times 10^scale a unit */
} ngx_http_ai_price_word_t;


static ngx_http_ai_price_line_t *ngx_http_ai_price_line(ngx_conf_t *cf,
    ngx_http_ai_price_main_conf_t *conf, ngx_str_t *name);
static ngx_int_t ngx_http_ai_price_pair(ngx_conf_t *cf,
    ngx_http_ai_price_line_t *line, ngx_str_t *param);
static ngx_http_ai_price_word_t *ngx_http_ai_price_word(
    ngx_http_ai_price_word_t *words, ngx_uint_t n, ngx_str_t *name);
static ngx_int_t ngx_http_ai_price_number(ngx_conf_t *cf, ai_price_t *price,
    const ngx_http_ai_price_word_t *word, ngx_str_t *param,
    ngx_str_t *value);
static ngx_int_t ngx_http_ai_price_matches(ngx_str_t *pattern,
    ngx_str_t *provider, ngx_str_t *model, size_t *len);
static void ngx_http_ai_price_warn(ngx_http_ai_attempt_t *at);


static ngx_http_ai_price_word_t  ngx_http_ai_price_words[] = {
    { ngx_string("input"), AI_PRICE_INPUT, -6 },
    { ngx_string("output"), AI_PRICE_OUTPUT, -6 },
    { ngx_string("cached"), AI_PRICE_CACHED, -6 },
    { ngx_string("cache_write"), AI_PRICE_CACHE_WRITE, -6 },
    { ngx_string("cache_write_1h"), AI_PRICE_CACHE_WRITE_1H, -6 },
    { ngx_string("reasoning"), AI_PRICE_REASONING, -6 },
    { ngx_string("input_audio"), AI_PRICE_INPUT_AUDIO, -6 },
    { ngx_string("output_audio"), AI_PRICE_OUTPUT_AUDIO, -6 },
    { ngx_string("input_image"), AI_PRICE_INPUT_IMAGE, -6 },
    { ngx_string("output_image"), AI_PRICE_OUTPUT_IMAGE, -6 },
    { ngx_string("character"), AI_PRICE_CHARACTER, -6 },
    { ngx_string("request"), AI_PRICE_REQUEST, 0 },
    { ngx_string("search"), AI_PRICE_SEARCH, 0 },
    { ngx_string("image"), AI_PRICE_IMAGE, 0 },
    { ngx_string("second"), AI_PRICE_SECOND, 0 }
};

#define NGX_HTTP_AI_PRICE_WORDS                                               \
    (sizeof(ngx_http_ai_price_words) / sizeof(ngx_http_ai_price_word_t))


static ngx_http_ai_price_word_t  ngx_http_ai_price_params[] = {
    { ngx_string("in"), AI_PRICE_INPUT, -6 },
    { ngx_string("out"), AI_PRICE_OUTPUT, -6 },
    { ngx_string("cached"), AI_PRICE_CACHED, -6 },
    { ngx_string("cache_write"), AI_PRICE_CACHE_WRITE, -6 },
    { ngx_null_string, 0, 0 }
};


char *
ngx_http_ai_price_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_main_conf_t  *amcf = conf;

    size_t       len;
    ai_str_t     text;
    ai_pool_t   *pool;
    ngx_str_t   *value, name, json;
    ai_uint_t    line;
    const char  *error;

    value = cf->args->elts;
    name = value[1];

    if (amcf->price.table == NULL) {
        pool = ngx_palloc(cf->pool, sizeof(ai_pool_t));
        if (pool == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_http_ai_pool(pool, cf->pool);

        amcf->price.table = ai_price_table_create(pool);
        if (amcf->price.table == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_ai_conf_file(cf, &name, NGX_HTTP_AI_PRICE_FILE_MAX, &json)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    text = ai_str(&json);
    line = 0;
    error = "no memory";

    if (ai_price_table_parse(amcf->price.table, &text, &line, &error)
        != AI_OK)
    {
        len = ngx_strlen(error);

        if (len && error[len - 1] == '.') {
            len--;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s in \"%V\" line %ui",
                           len, error, &name, (ngx_uint_t) line);
        return NGX_CONF_ERROR;
    }

    amcf->price.any = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_ai_price(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_main_conf_t  *amcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_ai_price_line_t  *line;

    value = cf->args->elts;

    line = ngx_http_ai_price_line(cf, &amcf->price, &value[1]);
    if (line == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_ai_price_pair(cf, line, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    amcf->price.any = 1;

    return NGX_CONF_OK;
}


/* a new line for a model; NULL: said why not */

static ngx_http_ai_price_line_t *
ngx_http_ai_price_line(ngx_conf_t *cf, ngx_http_ai_price_main_conf_t *conf,
    ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_http_ai_price_line_t  *line;

    if (conf->lines == NULL) {
        conf->lines = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_ai_price_line_t));
        if (conf->lines == NULL) {
            return NULL;
        }
    }

    if (ngx_http_ai_model_pattern(cf, name) != NGX_OK) {
        return NULL;
    }

    line = conf->lines->elts;

    for (i = 0; i < conf->lines->nelts; i++) {
        if (line[i].name.len == name->len
            && ngx_memcmp(line[i].name.data, name->data, name->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate price of "
                               "\"%V\"", name);
            return NULL;
        }
    }

    line = ngx_array_push(conf->lines);
    if (line == NULL) {
        return NULL;
    }

    ngx_memzero(line, sizeof(ngx_http_ai_price_line_t));

    line->name = *name;
    line->price.max_input = -1;
    line->price.max_output = -1;

    return line;
}


/* one "name=value" of it */

static ngx_int_t
ngx_http_ai_price_pair(ngx_conf_t *cf, ngx_http_ai_price_line_t *line,
    ngx_str_t *param)
{
    u_char                    *eq;
    ngx_str_t                  name, text, hint;
    ngx_str_t                 *names[NGX_HTTP_AI_PRICE_WORDS];
    ngx_uint_t                 i;
    ngx_http_ai_price_word_t  *word;

    name = *param;
    ngx_str_null(&text);
    eq = ngx_strlchr(name.data, name.data + name.len, '=');

    if (eq) {
        name.len = eq - name.data;
        text.data = eq + 1;
        text.len = param->len - name.len - 1;
    }

    word = ngx_http_ai_price_word(ngx_http_ai_price_words,
                                  NGX_HTTP_AI_PRICE_WORDS, &name);

    if (eq && word) {
        return ngx_http_ai_price_number(cf, &line->price, word, param, &text);
    }

    if (word) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no value in parameter \"%V\" of \"ai_price\"",
                           param);
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_AI_PRICE_WORDS; i++) {
        names[i] = &ngx_http_ai_price_words[i].name;
    }

    hint = ngx_http_ai_hint(cf, &name, names, NGX_HTTP_AI_PRICE_WORDS);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of \"ai_price\"%V", param,
                       &hint);
    return NGX_ERROR;
}


static ngx_http_ai_price_word_t *
ngx_http_ai_price_word(ngx_http_ai_price_word_t *words, ngx_uint_t n,
    ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (words[i].name.len == name->len
            && ngx_memcmp(words[i].name.data, name->data, name->len) == 0)
        {
            return &words[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_ai_price_number(ngx_conf_t *cf, ai_price_t *price,
    const ngx_http_ai_price_word_t *word, ngx_str_t *param, ngx_str_t *value)
{
    int64_t    n;
    ai_str_t   s;
    uint32_t   i;
    ai_pool_t  pool;

    for (i = 0; i < price->n; i++) {
        if (price->rates[i].what == word->what) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate price \"%V\"", param);
            return NGX_ERROR;
        }
    }

    s = ai_str(value);

    if (ai_price_number(&s, word->scale, &n) != AI_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid price \"%V\", it is a number of USD%s",
                           param, word->scale ? " a million" : "");
        return NGX_ERROR;
    }

    ngx_http_ai_pool(&pool, cf->pool);

    if (ai_price_set(price, word->what, AI_TIER_STANDARD, 0, n, &pool)
        != AI_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_price_param(ngx_conf_t *cf, ai_price_t **price,
    ngx_str_t *param, ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_ai_price_word_t  *word;

    word = ngx_http_ai_price_word(ngx_http_ai_price_params,
                                  sizeof(ngx_http_ai_price_params)
                                  / sizeof(ngx_http_ai_price_word_t), name);
    if (word == NULL) {
        return NGX_DECLINED;
    }

    if (*price == NULL) {
        *price = ngx_pcalloc(cf->pool, sizeof(ai_price_t));
        if (*price == NULL) {
            return NGX_ERROR;
        }

        (*price)->max_input = -1;
        (*price)->max_output = -1;
    }

    return ngx_http_ai_price_number(cf, *price, word, param, value);
}


ngx_int_t
ngx_http_ai_price_init_conf(ngx_http_ai_price_main_conf_t *conf,
    ngx_http_ai_zone_main_conf_t *zone)
{
    static ngx_str_t  key = ngx_string("unpriced");

    if (!conf->any) {
        return NGX_OK;
    }

    return ngx_http_ai_zone_want_block(zone, &key,
                                       sizeof(ngx_http_ai_unpriced_t),
                                       (void **) &conf->unpriced);
}


const ai_price_t *
ngx_http_ai_price_get(const ngx_http_ai_price_main_conf_t *conf,
    const ngx_http_ai_provider_t *provider, const ai_price_t *own,
    ngx_str_t *model)
{
    size_t                     len, best;
    ai_str_t                   name, region;
    ngx_str_t                  s;
    ngx_uint_t                 i;
    const ai_price_t          *price;
    ngx_http_ai_price_line_t  *line;

    if (own) {
        return own;
    }

    price = NULL;
    best = 0;

    if (conf->lines) {
        line = conf->lines->elts;
        s = provider->name;

        for (i = 0; i < conf->lines->nelts; i++) {
            if (ngx_http_ai_price_matches(&line[i].name, &s, model, &len)
                && (price == NULL || len > best))
            {
                price = &line[i].price;
                best = len;
            }
        }
    }

    if (price || conf->table == NULL) {
        return price;
    }

    ngx_str_null(&s);

    if (provider->regions.nelts) {
        s = ((ngx_str_t *) provider->regions.elts)[0];
    }

    name = ai_str(model);
    region = ai_str(&s);

    return ai_price_find(conf->table, &provider->api->name, &region, &name);
}


/* "m", "m*", or one of them behind "provider/"; *len tells which is nearer:
 * an exact name beats a pattern, the longer one wins among these */

static ngx_int_t
ngx_http_ai_price_matches(ngx_str_t *pattern, ngx_str_t *provider,
    ngx_str_t *model, size_t *len)
{
    ai_str_t   p, m;
    ngx_str_t  s;

    s = *pattern;
    *len = s.len;

    if (s.data[s.len - 1] != '*') {
        *len += NGX_MAX_SIZE_T_VALUE / 2;
    }

    p = ai_str(&s);
    m = ai_str(model);

    if (ai_str_glob(&p, &m)) {
        return 1;
    }

    if (s.len <= provider->len + 1 || s.data[provider->len] != '/'
        || ngx_memcmp(s.data, provider->data, provider->len) != 0)
    {
        return 0;
    }

    p.data += provider->len + 1;
    p.len -= provider->len + 1;

    return ai_str_glob(&p, &m);
}


void
ngx_http_ai_price_attempt(ngx_http_ai_attempt_t *at)
{
    const ai_price_t                     *price;
    const ngx_http_ai_price_main_conf_t  *conf;

    conf = &ngx_http_ai_main_conf(at->ctx->request)->price;

    price = ngx_http_ai_price_get(conf, at->provider, at->candidate->price,
                                  &at->candidate->model);

    at->price = price;

    ai_price_bill(price, &at->usage, &at->bill);

    /* one that failed and used nothing needs no price */

    if (price == NULL && at->source == NGX_HTTP_AI_SOURCE_NONE
        && !at->content && !at->complete)
    {
        at->bill.known = 1;
    }

    if (!at->bill.known && conf->any && at->candidate->model.len) {
        ngx_http_ai_price_warn(at);
    }
}


/* once a model, whichever worker it is */

static void
ngx_http_ai_price_warn(ngx_http_ai_attempt_t *at)
{
    uint64_t                 hash;
    ngx_uint_t               i, n;
    ngx_atomic_uint_t        seen;
    ngx_http_ai_unpriced_t  *unpriced;

    unpriced = ngx_http_ai_main_conf(at->ctx->request)->price.unpriced;

    if (unpriced == NULL) {
        return;
    }

    (void) ngx_atomic_fetch_add(&unpriced->requests, 1);

    hash = ai_pick_hash(at->candidate->model.data, at->candidate->model.len,
                        ai_pick_hash(at->provider->name.data,
                                     at->provider->name.len, 0));
    if (hash == 0) {
        hash = 1;
    }

    for (n = 0; n < NGX_HTTP_AI_UNPRICED_MAX; n++) {
        i = (ngx_uint_t) (hash + n) % NGX_HTTP_AI_UNPRICED_MAX;
        seen = unpriced->seen[i];

        if (seen == (ngx_atomic_uint_t) hash) {
            return;
        }

        if (seen == 0
            && ngx_atomic_cmp_set(&unpriced->seen[i], 0,
                                  (ngx_atomic_uint_t) hash))
        {
            break;
        }
    }

    if (n == NGX_HTTP_AI_UNPRICED_MAX) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, at->ctx->request->connection->log, 0,
                  "ai: no price is known of model \"%V\" of provider "
                  "\"%V\", its cost is logged as 0",
                  &at->candidate->model, &at->provider->name);
}


void
ngx_http_ai_price_sum(const ngx_http_ai_ctx_t *ctx, ai_bill_t *bill)
{
    const ngx_http_ai_attempt_t  *at;

    ngx_memzero(bill, sizeof(ai_bill_t));
    bill->known = 1;

    for (at = ctx->attempts; at; at = at->next) {
        if (at->settled) {
            bill->cost += at->bill.cost;
            bill->saved += at->bill.saved;
            bill->known &= at->bill.known;
        }
    }
}


u_char *
ngx_http_ai_price_print(u_char *p, int64_t nano)
{
    return ngx_sprintf(p, "%L.%09L", nano / 1000000000, nano % 1000000000);
}
