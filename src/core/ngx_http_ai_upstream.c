
/*
 * The callbacks through which nginx's upstream code carries an attempt:
 * request out, header in, body de-chunked in place, result recorded.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_INTERIM_MAX   8         /* 1xx answers in a row */
#define NGX_HTTP_AI_OUT_MAX       16384     /* unsent bytes that make the
                                               provider wait */


static ngx_int_t ngx_http_ai_upstream_reinit(ngx_http_request_t *sr);
static ngx_int_t ngx_http_ai_upstream_status(ngx_http_request_t *sr);
static ngx_int_t ngx_http_ai_upstream_header(ngx_http_request_t *sr);
static ngx_int_t ngx_http_ai_upstream_header_done(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_upstream_header_line(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at, ngx_str_t *name, ngx_str_t *low,
    ngx_str_t *value);
static ngx_int_t ngx_http_ai_upstream_length(ngx_http_upstream_t *u,
    ngx_str_t *value);
static ngx_int_t ngx_http_ai_upstream_type(ngx_http_ai_attempt_t *at,
    ngx_str_t *value);
static ngx_int_t ngx_http_ai_upstream_keep(ngx_http_ai_attempt_t *at,
    ngx_str_t *name, ngx_str_t *low, ngx_str_t *value);
static ngx_uint_t ngx_http_ai_upstream_is_ratelimit(
    const ngx_http_ai_attempt_t *at, ngx_str_t *name);
static ngx_int_t ngx_http_ai_upstream_filter_init(void *data);
static ngx_int_t ngx_http_ai_upstream_filter(void *data, ssize_t bytes);
static ngx_int_t ngx_http_ai_upstream_chunked(ngx_http_ai_attempt_t *at,
    ngx_http_upstream_t *u);
static void ngx_http_ai_upstream_abort(ngx_http_request_t *sr);
static void ngx_http_ai_upstream_finalize(ngx_http_request_t *sr,
    ngx_int_t rc);
static void ngx_http_ai_upstream_states(ngx_http_request_t *sr);


ngx_int_t
ngx_http_ai_upstream_create(ngx_http_request_t *sr, ngx_http_ai_attempt_t *at)
{
    ngx_http_upstream_t  *u;

    if (ngx_http_upstream_create(sr) != NGX_OK) {
        return NGX_ERROR;
    }

    u = sr->upstream;

    u->conf = at->conf;
    u->output.tag = (ngx_buf_tag_t) &ngx_http_ai_gateway_module;
    u->buffering = 0;

    if (at->provider->ssl) {
        ngx_str_set(&u->schema, "https://");
#if (NGX_HTTP_SSL)
        u->ssl = 1;
#endif

    } else {
        ngx_str_set(&u->schema, "http://");
    }

    u->create_request = ngx_http_ai_outgoing;
    u->reinit_request = ngx_http_ai_upstream_reinit;
    u->process_header = ngx_http_ai_upstream_status;
    u->abort_request = ngx_http_ai_upstream_abort;
    u->finalize_request = ngx_http_ai_upstream_finalize;

    u->input_filter_init = ngx_http_ai_upstream_filter_init;
    u->input_filter = ngx_http_ai_upstream_filter;
    u->input_filter_ctx = at;

    return NGX_OK;
}


/* the connection was stale: everything that was read is void */

static ngx_int_t
ngx_http_ai_upstream_reinit(ngx_http_request_t *sr)
{
    ngx_http_ai_attempt_t  *at;

    at = ngx_http_get_module_ctx(sr, ngx_http_ai_filter_module);

    sr->upstream->process_header = ngx_http_ai_upstream_status;
    ngx_memzero(&at->parser, sizeof(ngx_http_status_t));
    ngx_memzero(&at->chunked, sizeof(ngx_http_chunked_t));
    at->status = 0;
    at->interim = 0;
    sr->state = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_upstream_status(ngx_http_request_t *sr)
{
    ngx_int_t               rc;
    ngx_http_upstream_t    *u;
    ngx_http_ai_attempt_t  *at;

    at = ngx_http_get_module_ctx(sr, ngx_http_ai_filter_module);
    u = sr->upstream;

    rc = ngx_http_parse_status_line(sr, &u->buffer, &at->parser);

    if (rc == NGX_AGAIN) {
        return rc;
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                      "ai: provider \"%V\" sent no valid HTTP answer",
                      &at->provider->name);

        ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM_INVALID,
                                 NGX_HTTP_AI_NEXT_INVALID);
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    at->status = at->parser.code;

    if (at->parser.http_version < NGX_HTTP_VERSION_11) {
        u->headers_in.connection_close = 1;
    }

    u->process_header = ngx_http_ai_upstream_header;

    return ngx_http_ai_upstream_header(sr);
}


static ngx_int_t
ngx_http_ai_upstream_header(ngx_http_request_t *sr)
{
    ngx_int_t               rc;
    ngx_str_t               name, low, value;
    ngx_http_upstream_t    *u;
    ngx_http_ai_attempt_t  *at;

    at = ngx_http_get_module_ctx(sr, ngx_http_ai_filter_module);
    u = sr->upstream;

    for ( ;; ) {

        rc = ngx_http_parse_header_line(sr, &u->buffer, 1);

        if (rc == NGX_AGAIN) {
            return rc;
        }

        if (rc == NGX_OK) {

            name.data = sr->header_name_start;
            name.len = sr->header_name_end - sr->header_name_start;
            value.data = sr->header_start;
            value.len = sr->header_end - sr->header_start;

            /* the parser's own copy; of 32 letters and more it has none */

            low.data = sr->lowcase_header;
            low.len = sr->lowcase_index == name.len ? name.len : 0;

            if (ngx_http_ai_upstream_header_line(sr, at, &name, &low, &value)
                == NGX_OK)
            {
                continue;
            }

        } else if (rc == NGX_HTTP_PARSE_HEADER_DONE) {

            rc = ngx_http_ai_upstream_header_done(sr, at);

            if (rc != NGX_DECLINED) {
                return rc;
            }
        }

        ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                      "ai: provider \"%V\" sent an invalid header",
                      &at->provider->name);

        ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM_INVALID,
                                 NGX_HTTP_AI_NEXT_INVALID);

        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }
}


/* NGX_DECLINED: not an answer we can read */

static ngx_int_t
ngx_http_ai_upstream_header_done(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at)
{
    ngx_http_upstream_t  *u;

    u = sr->upstream;

    if (at->status < 200) {

        if (at->status == NGX_HTTP_SWITCHING_PROTOCOLS
            || ++at->interim > NGX_HTTP_AI_INTERIM_MAX)
        {
            return NGX_DECLINED;
        }

        ngx_memzero(&at->parser, sizeof(ngx_http_status_t));
        sr->state = 0;
        u->process_header = ngx_http_ai_upstream_status;

        return ngx_http_ai_upstream_status(sr);
    }

    if (u->headers_in.chunked) {

        /* two framings in one answer: who reads the other one is lost */

        if (u->headers_in.content_length_n != -1) {
            return NGX_DECLINED;
        }

    } else if (at->status == 204 || at->status == 304) {
        u->headers_in.content_length_n = 0;
    }

    at->length = u->headers_in.content_length_n;

    /* status_n stays what the core takes for a success: what an error means
     * is decided by run() */

    u->headers_in.status_n = 200;
    u->state->status = at->status;

    return ngx_http_ai_answer_header(at) == NGX_OK ? NGX_OK : NGX_DECLINED;
}


#define ngx_http_ai_header_is(low, s)                                         \
    ((low)->len == sizeof(s) - 1                                              \
     && ngx_memcmp((low)->data, s, sizeof(s) - 1) == 0)

#define ngx_http_ai_value_is(value, s)                                        \
    ((value)->len == sizeof(s) - 1                                            \
     && ngx_strncasecmp((value)->data, (u_char *) s, sizeof(s) - 1) == 0)


static ngx_int_t
ngx_http_ai_upstream_header_line(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at, ngx_str_t *name, ngx_str_t *low,
    ngx_str_t *value)
{
    ai_str_t              ms, s, type;
    ngx_http_upstream_t  *u;

    u = sr->upstream;

    if (at->status < 200) {
        return NGX_OK;
    }

    if (ngx_http_ai_header_is(low, "content-length")) {
        return ngx_http_ai_upstream_length(u, value);
    }

    if (ngx_http_ai_header_is(low, "transfer-encoding")) {
        u->headers_in.chunked = ngx_http_ai_value_is(value, "chunked");
        return u->headers_in.chunked ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_ai_header_is(low, "connection")) {
        if (ngx_strlcasestrn(value->data, value->data + value->len,
                             (u_char *) "close", 5 - 1)
            != NULL)
        {
            u->headers_in.connection_close = 1;
        }

        return NGX_OK;
    }

    if (ngx_http_ai_header_is(low, "content-encoding")) {

        /* none was asked for */

        return ngx_http_ai_value_is(value, "identity") ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_ai_header_is(low, "content-type")) {
        if (ngx_http_ai_is_raw(at->ctx)) {
            return ngx_http_ai_upstream_type(at, value);
        }

        type = ai_frames_type(at->api->framing);

        at->framed = (value->len >= type.len
                      && ngx_strncasecmp(value->data, (u_char *) type.data,
                                         type.len)
                         == 0);
        return NGX_OK;
    }

    if (ngx_http_ai_header_is(low, "retry-after")
        || ngx_http_ai_header_is(low, "retry-after-ms"))
    {
        s = ai_str(value);
        ms = ai_lit("");

        if (low->len == sizeof("retry-after-ms") - 1) {
            at->retry_after = ai_retry_after(&s, &ms, ngx_time());

        } else if (at->retry_after == -1) {
            at->retry_after = ai_retry_after(&ms, &s, ngx_time());
        }

        return NGX_OK;
    }

    return ngx_http_ai_upstream_keep(at, name, low, value);
}


static ngx_int_t
ngx_http_ai_upstream_length(ngx_http_upstream_t *u, ngx_str_t *value)
{
    off_t  n;

    n = ngx_atoof(value->data, value->len);

    if (n == NGX_ERROR
        || (u->headers_in.content_length_n != -1
            && u->headers_in.content_length_n != n))
    {
        return NGX_ERROR;
    }

    u->headers_in.content_length_n = n;

    return NGX_OK;
}


/* the read buffer will be used again */

static ngx_int_t
ngx_http_ai_upstream_type(ngx_http_ai_attempt_t *at, ngx_str_t *value)
{
    if (ngx_http_ai_has_ctl(value)) {
        return NGX_ERROR;
    }

    at->type.len = value->len;
    at->type.data = ngx_pstrdup(at->ctx->request->pool, value);

    return at->type.data ? NGX_OK : NGX_ERROR;
}


/* headers that go on to the client */

static ngx_int_t
ngx_http_ai_upstream_keep(ngx_http_ai_attempt_t *at, ngx_str_t *name,
    ngx_str_t *low, ngx_str_t *value)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    if (!ngx_http_ai_header_is(low, "x-request-id")
        && !ngx_http_ai_header_is(low, "request-id")
        && !ngx_http_ai_header_is(low, "openai-processing-ms")
        && !ngx_http_ai_header_is(low, "openai-version")
        && !ngx_http_ai_header_is(low, "x-should-retry")
        && !(ngx_http_ai_is_raw(at->ctx)
             && ngx_http_ai_header_is(low, "content-disposition"))
        && !ngx_http_ai_upstream_is_ratelimit(at, name))
    {
        return NGX_OK;
    }

    if (at->pass.elts == NULL
        && ngx_array_init(&at->pass, at->ctx->request->pool, 4,
                          sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (at->pass.nelts >= 16) {
        return NGX_OK;
    }

    h = ngx_array_push(&at->pass);
    p = ngx_pnalloc(at->ctx->request->pool, name->len + value->len);

    if (h == NULL || p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = name->len;
    h->key.data = p;
    h->value.len = value->len;
    h->value.data = ngx_cpymem(p, name->data, name->len);
    ngx_memcpy(h->value.data, value->data, value->len);

    return NGX_OK;
}


/* the provider's limits; ours take their place where there are some */

static ngx_uint_t
ngx_http_ai_upstream_is_ratelimit(const ngx_http_ai_attempt_t *at,
    ngx_str_t *name)
{
    const ngx_http_ai_limit_ctx_t  *limit;

    limit = at->ctx->limit;

    if (limit && limit->n) {
        return 0;
    }

    return (name->len > 12
            && ngx_strncasecmp(name->data, (u_char *) "x-ratelimit-", 12) == 0)
           || (name->len > 20
               && ngx_strncasecmp(name->data,
                                  (u_char *) "anthropic-ratelimit-", 20)
                  == 0);
}


static ngx_int_t
ngx_http_ai_upstream_filter_init(void *data)
{
    ngx_http_ai_attempt_t  *at = data;

    ngx_http_upstream_t  *u;

    u = at->request->upstream;

    if (u->headers_in.chunked) {
        u->length = 1;                      /* until the last chunk */
        return NGX_OK;
    }

    u->length = u->headers_in.content_length_n;

    if (u->length == 0) {
        u->keepalive = !u->headers_in.connection_close;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_upstream_filter(void *data, ssize_t bytes)
{
    ngx_http_ai_attempt_t  *at = data;

    ngx_int_t             rc;
    ngx_buf_t            *b;
    ngx_http_upstream_t  *u;

    u = at->request->upstream;
    b = &u->buffer;

    ngx_http_ai_enter(at->ctx);

    b->pos = b->last;
    b->last += bytes;

    if (u->headers_in.chunked) {
        rc = ngx_http_ai_upstream_chunked(at, u);

    } else {

        if (u->length != -1) {

            if (bytes > u->length) {

                /* bytes behind the end: not a connection to use again */

                u->headers_in.connection_close = 1;
                bytes = u->length;
            }

            u->length -= bytes;

            if (u->length == 0) {
                u->keepalive = !u->headers_in.connection_close;
            }
        }

        rc = ngx_http_ai_answer_feed(at, b->pos, bytes);
    }

    /* what is held before the first content has a limit of its own, and
     * nobody who would resume */

    if (u->length != 0
        && at->content
        && ai_buf_len(&at->out) >= NGX_HTTP_AI_OUT_MAX)
    {
        ngx_http_ai_attempt_pause(at);
    }

    ngx_http_ai_leave(at->ctx);

    if (at->content || at->failure) {
        ngx_http_ai_post(at->ctx);
    }

    return rc;
}


static ngx_int_t
ngx_http_ai_upstream_chunked(ngx_http_ai_attempt_t *at, ngx_http_upstream_t *u)
{
    size_t      size;
    ngx_int_t   rc;
    ngx_buf_t  *b;

    b = &u->buffer;

    for ( ;; ) {

#if (nginx_version >= 1027002)
        rc = ngx_http_parse_chunked(at->request, b, &at->chunked, 0);
#else
        rc = ngx_http_parse_chunked(at->request, b, &at->chunked);
#endif

        if (rc == NGX_OK) {
            size = ngx_min((off_t) (b->last - b->pos), at->chunked.size);

            if (ngx_http_ai_answer_feed(at, b->pos, size) != NGX_OK) {
                return NGX_ERROR;
            }

            b->pos += size;
            at->chunked.size -= size;

            continue;
        }

        if (rc == NGX_DONE) {
            u->keepalive = !u->headers_in.connection_close
                           && b->pos == b->last;
            u->length = 0;
            return NGX_OK;
        }

        if (rc == NGX_AGAIN) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_ERR, at->ctx->request->connection->log, 0,
                      "ai: provider \"%V\" sent invalid chunks",
                      &at->provider->name);

        return NGX_ERROR;
    }
}


static void
ngx_http_ai_upstream_abort(ngx_http_request_t *sr)
{
    /* core's client abort: its cleanup finalizes the upstream */
}


static void
ngx_http_ai_upstream_finalize(ngx_http_request_t *sr, ngx_int_t rc)
{
    ngx_http_ai_attempt_t  *at;

    at = ngx_http_get_module_ctx(sr, ngx_http_ai_filter_module);

    ngx_http_ai_attempt_release(at);

    ngx_http_ai_enter(at->ctx);

    /* a cleanup: run() cancels it, or nginx ends the whole request */

    if (rc == NGX_DONE) {
        at->cancelled = 1;
    }

    at->rc = rc;
    at->reached = (sr->upstream->request_body_sent || at->status);

    ngx_http_ai_answer_end(at, rc);
    at->state = NGX_HTTP_AI_AT_ENDED;

    ngx_http_ai_leave(at->ctx);

    ngx_http_ai_upstream_states(sr);
    ngx_http_ai_post(at->ctx);
}


/* $upstream_addr and its like list what all attempts did, in their order */

static void
ngx_http_ai_upstream_states(ngx_http_request_t *sr)
{
    ngx_uint_t                  i;
    ngx_http_request_t         *r;
    ngx_http_upstream_state_t  *from, *to;

    r = sr->main;

    if (sr->upstream_states == NULL) {
        return;
    }

    if (r->upstream_states == NULL) {
        r->upstream_states = ngx_array_create(r->pool, 1,
                                          sizeof(ngx_http_upstream_state_t));
        if (r->upstream_states == NULL) {
            return;
        }
    }

    from = sr->upstream_states->elts;

    for (i = 0; i < sr->upstream_states->nelts; i++) {
        to = ngx_array_push(r->upstream_states);
        if (to == NULL) {
            return;
        }

        *to = from[i];
    }
}
