
/*
 * ai_meter: what passes through a location of proxy_pass and its like is read
 * on its way to the client, and counted as an attempt is that had no
 * subrequest.  Bytes and headers go on as they are, and nothing that fails
 * here is the request's failure.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_METER_MAX  (8 * 1024 * 1024)    /* of an answer in one
                                                       piece */


/* Gemini's stream as one JSON array, cut into its elements */
typedef struct {
    ai_buf_t                   event;
    ngx_uint_t                 depth;       /* of brackets */
    unsigned                   string:1;
    unsigned                   escape:1;
} ngx_http_ai_meter_array_t;


struct ngx_http_ai_meter_s {
    ngx_http_ai_attempt_t      at;
    ngx_http_ai_candidate_t    candidate;
    ngx_http_ai_meter_array_t  elements;

    unsigned                   array:1;
    unsigned                   deaf:1;      /* nothing more is read */
    unsigned                   ended:1;
};


static ngx_http_ai_meter_t *ngx_http_ai_meter_create(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static const ngx_http_ai_provider_t *ngx_http_ai_meter_provider(
    ngx_http_ai_ctx_t *ctx);
static uint64_t ngx_http_ai_meter_start(ngx_http_request_t *r);
static void ngx_http_ai_meter_request(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
static void ngx_http_ai_meter_begin(ngx_http_request_t *r,
    ngx_http_ai_meter_t *meter);
static ngx_uint_t ngx_http_ai_meter_is_type(ngx_http_request_t *r,
    ai_str_t type);
static ngx_int_t ngx_http_ai_meter_call(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_meter_feed(ngx_http_ai_meter_t *meter, u_char *p,
    size_t len);
static ngx_int_t ngx_http_ai_meter_elements(ngx_http_ai_meter_t *meter,
    u_char *p, size_t len);
static ngx_int_t ngx_http_ai_meter_element(ngx_http_ai_meter_t *meter);
static void ngx_http_ai_meter_end(ngx_http_ai_meter_t *meter, ngx_int_t rc);
static void ngx_http_ai_meter_stop(ngx_http_ai_meter_t *meter,
    const char *why);
static void ngx_http_ai_meter_cleanup(void *data);
static void ngx_http_ai_meter_pool_cleanup(void *data);


/* who answers is not known, but how it speaks is */

static const ngx_http_ai_provider_t  ngx_http_ai_meter_openai = {
    .name = ngx_string("openai"),
    .api = &ai_provider_openai
};


static const ngx_http_ai_provider_t  ngx_http_ai_meter_anthropic = {
    .name = ngx_string("anthropic"),
    .api = &ai_provider_anthropic
};


static const ngx_http_ai_provider_t  ngx_http_ai_meter_gemini = {
    .name = ngx_string("gemini"),
    .api = &ai_provider_gemini
};


char *
ngx_http_ai_meter(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ai_loc_conf_t  *alcf = conf;

    char                     *rv;
    ngx_http_ai_main_conf_t  *amcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (alcf->meter.flag) {
        amcf = ngx_http_conf_get_module_main_conf(cf,
                                                ngx_http_ai_gateway_module);
        amcf->meter.any = 1;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_ai_meter_merge(ngx_conf_t *cf, ngx_http_ai_meter_loc_conf_t *prev,
    ngx_http_ai_meter_loc_conf_t *conf, ngx_http_ai_pass_loc_conf_t *pass)
{
    /* an inherited one is silent where requests are counted anyway */

    if (conf->flag == 1 && pass->name) {
        ngx_http_ai_conf_error(cf, &pass->place,
                               "\"ai_meter\" is not for a location with "
                               "\"ai_pass\"");
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_value(conf->flag, prev->flag, 0);

    conf->on = (conf->flag && pass->name == NULL);

    return NGX_CONF_OK;
}


void
ngx_http_ai_meter_header(ngx_http_request_t *r)
{
    ngx_http_ai_ctx_t    *ctx;
    ngx_http_ai_meter_t  *meter;

    ctx = ngx_http_ai_ctx(r);

    if (r != r->main || r->method != NGX_HTTP_POST
        || r->headers_out.status < NGX_HTTP_OK
        || r->headers_out.status >= NGX_HTTP_SPECIAL_RESPONSE
        || r->headers_out.status == NGX_HTTP_NO_CONTENT
        || r->headers_out.status == NGX_HTTP_PARTIAL_CONTENT
        || (ctx && !ctx->early))
    {
        return;
    }

    ctx = ngx_http_ai_ctx_create(r);
    if (ctx == NULL) {
        return;
    }

    ngx_http_ai_enter(ctx);

    meter = ngx_http_ai_meter_create(r, ctx);

    if (meter) {
        ngx_http_ai_meter_begin(r, meter);

    } else if (ctx->identity.done) {

        /* who asks is known all the same, and nothing else */

        ctx->early = 1;
        ctx->op = NGX_HTTP_AI_OP_NONE;
        ctx->dialect = &ai_dialect_openai;
        ctx->error.kind = AI_ERR_NONE;
        ngx_str_null(&ctx->operation);

    } else {
        ngx_http_set_ctx(r, NULL, ngx_http_ai_gateway_module);
    }

    ngx_http_ai_leave(ctx);
}


static ngx_http_ai_meter_t *
ngx_http_ai_meter_create(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    ngx_pool_cleanup_t            *pcln;
    ngx_http_cleanup_t            *cln;
    ngx_http_ai_meter_t           *meter;
    ngx_http_ai_attempt_t         *at;
    const ngx_http_ai_provider_t  *provider;

    provider = ngx_http_ai_meter_provider(ctx);
    if (provider == NULL) {
        return NULL;
    }

    pcln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_ai_meter_t));
    if (pcln == NULL) {
        return NULL;
    }

    meter = pcln->data;
    ngx_memzero(meter, sizeof(ngx_http_ai_meter_t));

    pcln->handler = ngx_http_ai_meter_pool_cleanup;

    /* the access log finds final numbers */

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_ai_meter_cleanup;
    cln->data = meter;

    ctx->start = ngx_http_ai_meter_start(r);

    ngx_http_ai_meter_request(r, ctx);

    meter->candidate.provider = provider;
    meter->candidate.model = ctx->request_model;
    meter->candidate.context = -1;
    meter->candidate.max_output = -1;

    at = &meter->at;

    if (ngx_http_ai_attempt_init(at, ctx, &meter->candidate) != NGX_OK) {
        return NULL;
    }

    at->state = NGX_HTTP_AI_AT_RUNNING;
    at->status = r->headers_out.status;
    at->length = r->headers_out.content_length_n;
    at->start = ctx->start;

    ctx->meter = meter;
    ctx->attempts = at;
    ctx->attempt = at;
    ctx->winner = at;
    ctx->nattempts = 1;

    return meter;
}


/* NULL: nothing that is counted */

static const ngx_http_ai_provider_t *
ngx_http_ai_meter_provider(ngx_http_ai_ctx_t *ctx)
{
    if (ctx->error.kind != AI_ERR_NONE
        || (ctx->op != NGX_HTTP_AI_OP_CHAT && ctx->op != NGX_HTTP_AI_OP_CALL))
    {
        return NULL;
    }

    switch (ctx->dialect->family) {

    case AI_FAMILY_OPENAI:
    case AI_FAMILY_RESPONSES:
    case AI_FAMILY_COMPLETIONS:
        return &ngx_http_ai_meter_openai;

    case AI_FAMILY_ANTHROPIC:
        return &ngx_http_ai_meter_anthropic;

    case AI_FAMILY_GEMINI:
        return &ngx_http_ai_meter_gemini;

    default:
        return NULL;
    }
}


/* the request is older than its context */

static uint64_t
ngx_http_ai_meter_start(ngx_http_request_t *r)
{
    uint64_t         now;
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();
    now = ngx_http_ai_now();

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    return ms > 0 && (uint64_t) ms < now / 1000 ? now - (uint64_t) ms * 1000
                                                : now;
}


/* what cannot be read of the request is told by the answer, or not known */

static void
ngx_http_ai_meter_request(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    if (r->request_body && r->request_body->bufs
        && !r->request_body_no_buffering && !r->reading_body)
    {
        ngx_http_ai_body_scan(r, ctx);

        if (ctx->error.kind != AI_ERR_NONE) {
            ai_error_set(&ctx->error, AI_ERR_NONE, NULL);
            ngx_str_null(&ctx->body);
        }
    }

    ctx->request_model = ngx_http_ai_str(&ctx->peek.model);
}


static void
ngx_http_ai_meter_begin(ngx_http_request_t *r, ngx_http_ai_meter_t *meter)
{
    ngx_table_elt_t        *h;
    ngx_http_ai_ctx_t      *ctx;
    ngx_http_ai_attempt_t  *at;

    at = &meter->at;
    ctx = at->ctx;

    h = r->headers_out.content_encoding;

    if (h && h->hash
        && !(h->value.len == 8
             && ngx_strncasecmp(h->value.data, (u_char *) "identity", 8)
                == 0))
    {
        ngx_http_ai_meter_stop(meter, "is compressed");
        return;
    }

    /* the answer tells what was asked for */

    at->framed = ngx_http_ai_meter_is_type(r,
                                         ai_frames_type(at->api->framing));

    if (ctx->array && !at->framed) {
        meter->array = 1;
        at->framed = 1;
        ai_buf_init(&meter->elements.event, &at->ai_pool);
    }

    at->stream = at->framed;

    if (ctx->body.len == 0) {
        ctx->peek.stream = at->framed;
    }

    if (!at->framed && at->length > NGX_HTTP_AI_METER_MAX) {
        ngx_http_ai_meter_stop(meter, "is longer than 8m");
        return;
    }

    if (ngx_http_ai_answer_header(at) != NGX_OK
        || (ctx->op == NGX_HTTP_AI_OP_CALL
            && ngx_http_ai_meter_call(at) != NGX_OK)
        || (!at->framed && at->length > 0
            && ai_buf_reserve(&at->whole, (size_t) at->length) != AI_OK))
    {
        ngx_http_ai_meter_stop(meter, "needs more memory than there is");
        return;
    }

    /* what would be edited is not written anywhere */

    at->watch.hide_usage = 0;

    /* parts of it may be in files, as those of a cache */

    r->main_filter_need_in_memory = 1;
}


static ngx_uint_t
ngx_http_ai_meter_is_type(ngx_http_request_t *r, ai_str_t type)
{
    ngx_str_t  *s;

    s = &r->headers_out.content_type;

    return s->len >= type.len
           && ngx_strncasecmp(s->data, (u_char *) type.data, type.len) == 0;
}


/* OpenAI's usage is found without reading all the vectors */

static ngx_int_t
ngx_http_ai_meter_call(ngx_http_ai_attempt_t *at)
{
    ai_error_t           err;
    ngx_http_ai_ctx_t   *ctx;

    ctx = at->ctx;

    if (ctx->dialect->family == AI_FAMILY_GEMINI
        && ctx->dialect->form->kind == AI_CALL_EMBED
        && ctx->body.len
        && ngx_http_ai_call_decode(ctx, &err) == NGX_OK)
    {
        at->service = &ai_gemini_embed;
        return NGX_OK;
    }

    ai_watch_init(&at->watch, at->api, &at->ai_pool, 0);
    at->watch.any = 1;

    return NGX_OK;
}


void
ngx_http_ai_meter_body(ngx_http_ai_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t            *b;
    ngx_chain_t          *cl;
    ngx_http_ai_meter_t  *meter;

    meter = ctx->meter;

    if (meter->ended) {
        return;
    }

    ngx_http_ai_enter(ctx);

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (meter->deaf) {
            /* void */

        } else if (ngx_buf_in_memory(b)) {
            ngx_http_ai_meter_feed(meter, b->pos, b->last - b->pos);

        } else if (b->in_file) {
            ngx_http_ai_meter_stop(meter, "is in a file");
        }

        if (b->last_buf) {
            ngx_http_ai_meter_end(meter, NGX_OK);
        }
    }

    ngx_http_ai_leave(ctx);
}


static void
ngx_http_ai_meter_feed(ngx_http_ai_meter_t *meter, u_char *p, size_t len)
{
    ngx_int_t               rc;
    ngx_http_ai_attempt_t  *at;

    at = &meter->at;

    if (!at->framed
        && ai_buf_len(&at->whole) + len > NGX_HTTP_AI_METER_MAX)
    {
        ngx_http_ai_meter_stop(meter, "is longer than 8m");
        return;
    }

    rc = meter->array ? ngx_http_ai_meter_elements(meter, p, len)
                      : ngx_http_ai_answer_feed(at, p, len);

    if (rc != NGX_OK) {

        /* what was read until now is counted */

        meter->deaf = 1;
    }

    ai_buf_reset(&at->out);
}


/* newlines in JSON are blanks: an element is written as an event's line */

static ngx_int_t
ngx_http_ai_meter_elements(ngx_http_ai_meter_t *meter, u_char *p, size_t len)
{
    u_char                      c, *last;
    ngx_http_ai_meter_array_t  *a;

    a = &meter->elements;

    for (last = p + len; p < last; p++) {
        c = *p;

        if (a->string) {

            if (a->escape) {
                a->escape = 0;

            } else if (c == '\\') {
                a->escape = 1;

            } else if (c == '"') {
                a->string = 0;
            }

        } else if (c == '"') {
            a->string = 1;

        } else if (c == '{' || c == '[') {

            if (++a->depth == 2) {
                ai_buf_reset(&a->event);
                ai_buf_lit(&a->event, "data: ");
            }

        } else if (c == '}' || c == ']') {

            if (a->depth == 0) {
                return NGX_ERROR;
            }

            if (--a->depth == 1) {
                ai_buf_char(&a->event, c);

                if (ngx_http_ai_meter_element(meter) != NGX_OK) {
                    return NGX_ERROR;
                }
            }

        } else if (c == '\n' || c == '\r') {
            continue;
        }

        if (a->depth > 1) {
            ai_buf_char(&a->event, c);
        }
    }

    return a->event.failed || ai_buf_len(&a->event) > NGX_HTTP_AI_METER_MAX
           ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_ai_meter_element(ngx_http_ai_meter_t *meter)
{
    ai_buf_t  *event;

    event = &meter->elements.event;

    ai_buf_lit(event, "\n\n");

    if (event->failed) {
        return NGX_ERROR;
    }

    return ngx_http_ai_answer_feed(&meter->at, event->start,
                                   ai_buf_len(event));
}


static void
ngx_http_ai_meter_end(ngx_http_ai_meter_t *meter, ngx_int_t rc)
{
    ngx_http_ai_attempt_t  *at;

    if (meter->ended) {
        return;
    }

    meter->ended = 1;
    meter->deaf = 1;

    at = &meter->at;

    at->ctx->end = ngx_http_ai_now();
    at->state = NGX_HTTP_AI_AT_ENDED;

    if (at->settled) {
        return;
    }

    ngx_http_ai_answer_end(at, rc);

    (void) ngx_http_ai_settle(at, 0);
}


/* nothing is known of what it has used, nor will be */

static void
ngx_http_ai_meter_stop(ngx_http_ai_meter_t *meter, const char *why)
{
    ngx_http_ai_attempt_t  *at;

    at = &meter->at;

    ngx_log_error(NGX_LOG_INFO, at->ctx->request->connection->log, 0,
                  "ai: an answer is not metered: it %s", why);

    meter->deaf = 1;

    at->settled = 1;
    at->decoder = NULL;
    at->output = NULL;
    at->response_id.len = 0;
    ngx_memzero(&at->watch, sizeof(ai_watch_t));
    ai_usage_init(&at->usage);

    ngx_destroy_pool(at->pool);
    at->pool = NULL;
}


/* before the log phase; without a last byte the answer broke off, or the
 * client left */

static void
ngx_http_ai_meter_cleanup(void *data)
{
    ngx_http_ai_meter_t  *meter = data;

    ngx_http_ai_attempt_t  *at;

    at = &meter->at;

    if (at->ctx == NULL) {
        return;
    }

    if (!meter->ended) {
        at->cancelled = at->ctx->request->connection->error;
        ngx_http_ai_meter_end(meter, NGX_ERROR);
    }

    ngx_http_ai_spend_request(at->ctx);
}


static void
ngx_http_ai_meter_pool_cleanup(void *data)
{
    ngx_http_ai_meter_t  *meter = data;

    if (meter->at.pool) {
        ngx_destroy_pool(meter->at.pool);
        meter->at.pool = NULL;
    }
}
