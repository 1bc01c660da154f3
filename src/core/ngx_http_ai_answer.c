
/*
 * What a provider's bytes become: collected and checked as a whole, watched
 * on their way through, or decoded to events and written again in the
 * client's dialect.  The result stands in at->out, where run() finds it.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_ANSWER_MAX   (64 * 1024 * 1024)
#define NGX_HTTP_AI_HELD_MAX     (256 * 1024)
#define NGX_HTTP_AI_LINGER       500        /* ms behind the last event */
#define NGX_HTTP_AI_MODEL_MAX    256        /* of an answer's model */


static ngx_int_t ngx_http_ai_answer_decoder(ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_answer_encoder(ngx_http_ai_attempt_t *at);
static ngx_int_t ngx_http_ai_answer_whole(ngx_http_ai_attempt_t *at,
    u_char *p, size_t len);
static ngx_int_t ngx_http_ai_answer_frame(ngx_http_ai_attempt_t *at,
    ai_sse_event_t *ev);
static ngx_int_t ngx_http_ai_answer_watch(ngx_http_ai_attempt_t *at,
    ai_sse_event_t *ev);
static void ngx_http_ai_answer_count(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_answer_watch_model(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_answer_model(ngx_http_ai_attempt_t *at,
    const ai_esc_t *model);
static ngx_int_t ngx_http_ai_answer_observe(ngx_http_ai_attempt_t *at,
    ai_sse_event_t *ev);
static ngx_int_t ngx_http_ai_answer_translate(ngx_http_ai_attempt_t *at,
    ai_sse_event_t *ev);
static ngx_int_t ngx_http_ai_answer_invalid(ngx_http_ai_attempt_t *at,
    const char *what);
static ai_int_t ngx_http_ai_answer_event(void *data, const ai_event_t *ev);
static void ngx_http_ai_answer_pin(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_answer_content(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_answer_terminal(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_answer_error(ngx_http_ai_attempt_t *at,
    const ai_error_t *err);
static ngx_uint_t ngx_http_ai_answer_failure(const ai_error_t *err,
    ngx_uint_t status);
static void ngx_http_ai_answer_refused(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_answer_end_whole(ngx_http_ai_attempt_t *at);
static void ngx_http_ai_answer_end_stream(ngx_http_ai_attempt_t *at,
    ngx_int_t rc);
static void ngx_http_ai_answer_broken(ngx_http_ai_attempt_t *at,
    ngx_int_t rc);
static void ngx_http_ai_answer_tell(ngx_http_ai_attempt_t *at);


#define ngx_http_ai_answer_is_ok(at)  ((at)->status >= 200                    \
                                       && (at)->status < 300)


/* the header was read: how will the body be read? */

ngx_int_t
ngx_http_ai_answer_header(ngx_http_ai_attempt_t *at)
{
    if (!ngx_http_ai_answer_is_ok(at)) {
        at->framed = 0;
        return NGX_OK;
    }

    if (ngx_http_ai_is_raw(at->ctx)) {
        ngx_http_ai_flow_header(at);
        return NGX_OK;
    }

    if (at->ctx->op == NGX_HTTP_AI_OP_CALL) {
        at->framed = 0;
        return NGX_OK;
    }

    if (!at->framed) {

        /* a JSON answer to somebody who wants a stream becomes one */

        at->translate |= at->stream;

    } else if (!at->stream) {
        at->translate = 1;
    }

    if (at->framed) {
        ai_frames_init(&at->frames, at->api->framing, &at->ai_pool);

        if (ngx_http_ai_settle_begin(at) != NGX_OK
            || ngx_http_ai_stop_begin(at) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (at->translate || at->ctx->dialect != &ai_dialect_openai) {
        return ngx_http_ai_answer_decoder(at);
    }

    ai_watch_init(&at->watch, at->api, &at->ai_pool,
                  !at->ctx->peek.include_usage);

    return NGX_OK;
}


/*
 * A translation needs both ends.  A decoder alone watches an answer that goes
 * through as it is.
 */

static ngx_int_t
ngx_http_ai_answer_decoder(ngx_http_ai_attempt_t *at)
{
    ai_sink_t  sink;

    sink.event = ngx_http_ai_answer_event;
    sink.data = at;

    at->decoder = ai_decoder_create(at->api, &at->ai_pool, &sink);

    if (at->decoder == NULL) {
        return NGX_ERROR;
    }

    at->decoder->rq = at->ctx->rq;

    return at->translate ? ngx_http_ai_answer_encoder(at) : NGX_OK;
}


static ngx_int_t
ngx_http_ai_answer_encoder(ngx_http_ai_attempt_t *at)
{
    ai_reply_conf_t  conf;

    if (ngx_http_ai_reply_conf(at, &conf) != NGX_OK) {
        return NGX_ERROR;
    }

    at->reply = at->ctx->dialect->reply_create(&conf, &at->out, &at->ai_pool);

    return at->reply ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_ai_reply_conf(ngx_http_ai_attempt_t *at, ai_reply_conf_t *conf)
{
    ai_buf_t            id, model;
    ai_str_t            name;
    ngx_http_ai_ctx_t  *ctx;

    ctx = at->ctx;

    ai_buf_init(&id, &at->ai_pool);
    ngx_http_ai_random_id(&id);

    ai_buf_init(&model, &at->ai_pool);
    name = ai_str(&at->candidate->model);
    ai_buf_escape(&model, &name);

    if (id.failed || model.failed) {
        return NGX_ERROR;
    }

    ngx_memzero(conf, sizeof(ai_reply_conf_t));

    conf->id = ai_buf_str(&id);
    conf->model = ai_buf_str(&model);
    conf->created = ngx_time();
    conf->rq = ctx->rq;
    conf->stream = at->stream;
    conf->include_usage = ctx->peek.include_usage;
    conf->functions = ctx->rq ? ctx->rq->functions : 0;
    conf->array = ctx->array;

    return NGX_OK;
}


void
ngx_http_ai_random_id(ai_buf_t *b)
{
    uint32_t    bytes[4];
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        bytes[i] = (uint32_t) ngx_random() ^ ((uint32_t) ngx_random() << 16);
    }

    ai_dialect_id(b, (u_char *) bytes);
}


/* NGX_ERROR ends the attempt, at->failure says why */

ngx_int_t
ngx_http_ai_answer_feed(ngx_http_ai_attempt_t *at, u_char *p, size_t len)
{
    ai_int_t        rc;
    ai_str_t        in;
    ngx_int_t       rv;
    ai_sse_event_t  ev;

    if (len == 0) {
        return NGX_OK;
    }

    if (at->flow) {
        ngx_http_ai_flow_feed(at, p, len);
        return at->out.failed ? NGX_ERROR : NGX_OK;
    }

    if (!at->framed) {
        return ngx_http_ai_answer_whole(at, p, len);
    }

    in.data = p;
    in.len = len;

    /* room for what these bytes become, at once and not in steps */

    (void) ai_buf_reserve(&at->out, at->translate ? 2 * len : len + 16);

    for ( ;; ) {

        rc = ai_frames_next(&at->frames, &in, &ev);

        if (rc == AI_AGAIN) {
            break;
        }

        if (rc != AI_OK) {
            return ngx_http_ai_answer_invalid(at, "an event that is too long "
                                              "or broken");
        }

        if (at->terminal) {
            continue;
        }

        rv = ngx_http_ai_answer_frame(at, &ev);

        if (rv == NGX_OK && at->stop) {
            rv = ngx_http_ai_stop_check(at);
        }

        if (rv != NGX_OK) {
            return rv;
        }
    }

    if (!at->content
        && ai_buf_len(&at->out) > NGX_HTTP_AI_HELD_MAX)
    {
        ngx_http_ai_answer_content(at);
    }

    if (at->ctx->ticket) {
        ngx_http_ai_limit_progress(at);
    }

    return at->out.failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_ai_answer_frame(ngx_http_ai_attempt_t *at, ai_sse_event_t *ev)
{
    at->pieces++;

    if (at->translate) {
        return ngx_http_ai_answer_translate(at, ev);
    }

    return at->decoder ? ngx_http_ai_answer_observe(at, ev)
                       : ngx_http_ai_answer_watch(at, ev);
}


static ngx_int_t
ngx_http_ai_answer_whole(ngx_http_ai_attempt_t *at, u_char *p, size_t len)
{
    off_t                 length;
    ngx_http_upstream_t  *u;

    if (!ngx_http_ai_answer_is_ok(at)) {
        len = ngx_min(len, NGX_HTTP_AI_ERROR_MAX - ai_buf_len(&at->whole));
        ai_buf_add(&at->whole, p, len);
        return NGX_OK;
    }

    if (ai_buf_len(&at->whole) + len > NGX_HTTP_AI_ANSWER_MAX) {
        return ngx_http_ai_answer_invalid(at, "an answer that is too long");
    }

    if (at->whole.start == NULL && at->request) {
        u = at->request->upstream;
        length = u->headers_in.content_length_n;

        if (length > 0 && length <= NGX_HTTP_AI_ANSWER_MAX) {
            (void) ai_buf_reserve(&at->whole, (size_t) length);
        }
    }

    ai_buf_add(&at->whole, p, len);

    return at->whole.failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_ai_answer_watch(ngx_http_ai_attempt_t *at, ai_sse_event_t *ev)
{
    ai_buf_t  *out;
    ai_str_t   edited;

    out = &at->out;

    switch (ai_watch_event(&at->watch, ev, &edited)) {

    case AI_WATCH_PASS:
        ai_buf_cat(out, &ev->bytes);
        break;

    case AI_WATCH_EDIT:
        ai_buf_cat(out, &edited);
        break;

    case AI_WATCH_DROP:
        break;

    default: /* AI_WATCH_ERROR */
        ngx_http_ai_answer_error(at, &at->watch.error);
        return NGX_ERROR;
    }

    if (at->candidate->model.len == 0 && ev->data.data && !at->watch.done) {
        ngx_http_ai_answer_watch_model(at);
    }

    if (at->output) {
        ngx_http_ai_answer_count(at);
    }

    if (at->watch.content || at->watch.finished) {
        ngx_http_ai_answer_content(at);
    }

    if (at->watch.done) {
        ngx_http_ai_answer_terminal(at);
    }

    return NGX_OK;
}


static void
ngx_http_ai_answer_count(ngx_http_ai_attempt_t *at)
{
    ai_esc_t                text;
    uint32_t                i;
    const ai_watch_text_t  *t;

    t = at->watch.text;

    for (i = 0; i < at->watch.ntexts; i++) {
        text = ai_json_esc(&at->watch.doc, t[i].ref);
        ai_output_text(&at->output->output, t[i].choice, t[i].index, &text);
    }
}


/* in what was parsed just now: an event, or the answer */

static void
ngx_http_ai_answer_watch_model(ngx_http_ai_attempt_t *at)
{
    ai_esc_t    model;
    ai_ref_t    ref;
    ai_json_t  *doc;

    doc = &at->watch.doc;

    if (doc->n == 0) {
        return;
    }

    ref = ai_json_get(doc, AI_JSON_ROOT, "model");

    if (ai_json_type(doc, ref) == AI_JSON_STRING) {
        model = ai_json_esc(doc, ref);
        ngx_http_ai_answer_model(at, &model);
    }
}


/* of a metered answer whose request could not be read */

static void
ngx_http_ai_answer_model(ngx_http_ai_attempt_t *at, const ai_esc_t *model)
{
    ai_str_t  name;

    if (at->request
        || model->len == 0 || model->len > NGX_HTTP_AI_MODEL_MAX
        || ai_str_dup(&at->ctx->pool, &name, model) != AI_OK)
    {
        return;
    }

    at->candidate->model = ngx_http_ai_str(&name);
    at->ctx->model = at->candidate->model;

    /* it names the tokenizer too */

    (void) ngx_http_ai_settle_begin(at);
}


/*
 * The event goes on as it is, once the decoder has seen what it says; one the
 * decoder does not know is the client's to understand.
 */

static ngx_int_t
ngx_http_ai_answer_observe(ngx_http_ai_attempt_t *at, ai_sse_event_t *ev)
{
    if (ev->data.data) {
        (void) at->api->stream(at->decoder, ev);

        if (at->failure && !at->content) {
            return NGX_ERROR;
        }

        if (at->decoder->terminal && !at->terminal) {
            ngx_http_ai_answer_terminal(at);
        }
    }

    ai_buf_cat(&at->out, &ev->bytes);

    if (at->stop && at->stop->wire) {
        at->stop->wire->see(at->stop->data, ev);
    }

    if (at->failure) {

        /* the provider's own error event has told the client */

        at->told = 1;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_answer_translate(ngx_http_ai_attempt_t *at, ai_sse_event_t *ev)
{
    if (ev->data.data == NULL) {
        return NGX_OK;
    }

    if (at->api->stream(at->decoder, ev) != AI_OK) {

        if (at->error.kind != AI_ERR_NONE) {
            return NGX_ERROR;
        }

        return ngx_http_ai_answer_invalid(at, "an event that is none of "
                                          "its API");
    }

    if (at->error.kind != AI_ERR_NONE) {
        return NGX_ERROR;
    }

    if (at->decoder->terminal) {
        ngx_http_ai_answer_terminal(at);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_answer_invalid(ngx_http_ai_attempt_t *at, const char *what)
{
    ngx_log_error((at->request ? NGX_LOG_ERR : NGX_LOG_INFO),
                  at->ctx->request->connection->log, 0,
                  "ai: provider \"%V\" sent %s", &at->provider->name, what);

    ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM_INVALID,
                             NGX_HTTP_AI_NEXT_INVALID);
    return NGX_ERROR;
}


/* the sink of a decoder: notes what run() and the log want to know, and hands
 * the event on to the client's encoder */

static ai_int_t
ngx_http_ai_answer_event(void *data, const ai_event_t *ev)
{
    ngx_http_ai_attempt_t  *at = data;

    ai_int_t  rc;

    switch (ev->type) {

    case AI_EVENT_ERROR:
        ngx_http_ai_answer_error(at, ev->error);
        return AI_OK;

    case AI_EVENT_USAGE:
        ai_usage_merge(&at->usage, ev->usage);
        break;

    case AI_EVENT_FINISH:
        if (ev->choice == 0) {
            at->finish = ev->finish;
        }

        break;

    case AI_EVENT_START:
        if (at->response_id.len == 0 && ev->id.len) {
            (void) ai_str_dup(&at->ai_pool, &at->response_id, &ev->id);
            ngx_http_ai_answer_pin(at);
        }

        if (at->candidate->model.len == 0) {
            ngx_http_ai_answer_model(at, &ev->model);
        }

        break;

    default:
        break;
    }

    if (at->output) {
        ai_output_event(&at->output->output, ev);
    }

    if (at->stop && ai_stop_event(at->stop, ev) != AI_OK) {
        return AI_ERROR;
    }

    rc = at->reply ? at->ctx->dialect->reply_event(at->reply, ev) : AI_OK;

    if (ev->type == AI_EVENT_DELTA || ev->type == AI_EVENT_FINISH
        || (ev->type == AI_EVENT_BLOCK_START
            && ev->kind == AI_BLOCK_TOOL_CALL))
    {
        ngx_http_ai_answer_content(at);
    }

    return rc;
}


/* what the provider keeps can be asked for only there */

static void
ngx_http_ai_answer_pin(ngx_http_ai_attempt_t *at)
{
    uint64_t  id, where;

    if (at->translate || at->request == NULL
        || at->api->family != AI_FAMILY_RESPONSES)
    {
        return;
    }

    id = ngx_http_ai_pin_hash((u_char *) at->response_id.data,
                              at->response_id.len);
    where = ngx_http_ai_pin_hash(at->provider->name.data,
                                 at->provider->name.len);

    if (id) {
        ngx_http_ai_pin_set(&ngx_http_ai_main_conf(at->ctx->request)->zone,
                            id, where);
    }
}


/* the first content: from now on nobody else can answer */

static void
ngx_http_ai_answer_content(ngx_http_ai_attempt_t *at)
{
    if (at->content || !at->framed || !at->stream) {
        return;
    }

    at->content = 1;
    at->first_token = ngx_http_ai_now();

    if (at->timer.timer_set) {
        ngx_del_timer(&at->timer);
    }
}


static void
ngx_http_ai_answer_terminal(ngx_http_ai_attempt_t *at)
{
    at->terminal = 1;

    if (at->request) {
        ngx_add_timer(&at->timer, NGX_HTTP_AI_LINGER);
    }
}


/* the provider reports an error inside an answer */

static void
ngx_http_ai_answer_error(ngx_http_ai_attempt_t *at, const ai_error_t *err)
{
    if (at->failure) {
        return;
    }

    at->error = *err;
    at->failure = ngx_http_ai_answer_failure(err, 0);

    if (err->message.len
        && ai_str_dup(&at->ai_pool, &at->error.message, &err->message)
           != AI_OK)
    {
        ai_error_set(&at->error, err->kind, NULL);
    }
}


/* which words of ai_next_upstream an error stands for */

static ngx_uint_t
ngx_http_ai_answer_failure(const ai_error_t *err, ngx_uint_t status)
{
    ngx_uint_t  failure;

    failure = 0;

    switch (err->kind) {

    case AI_ERR_CONTEXT_LENGTH:
        return NGX_HTTP_AI_NEXT_CONTEXT;

    case AI_ERR_CONTENT_POLICY:
        return NGX_HTTP_AI_NEXT_FILTER;

    case AI_ERR_QUOTA:
        failure = NGX_HTTP_AI_NEXT_QUOTA|NGX_HTTP_AI_NEXT_HTTP_429;
        break;

    case AI_ERR_RATE_LIMIT:
        failure = NGX_HTTP_AI_NEXT_HTTP_429;
        break;

    case AI_ERR_UPSTREAM_AUTH:
        failure = NGX_HTTP_AI_NEXT_AUTH;
        break;

    case AI_ERR_UPSTREAM_INVALID:
        failure = NGX_HTTP_AI_NEXT_INVALID;
        break;

    case AI_ERR_OVERLOADED:
        failure = NGX_HTTP_AI_NEXT_HTTP_503|NGX_HTTP_AI_NEXT_HTTP_5XX;
        break;

    case AI_ERR_SERVER:
    case AI_ERR_UPSTREAM:
        failure = NGX_HTTP_AI_NEXT_HTTP_500|NGX_HTTP_AI_NEXT_HTTP_5XX;
        break;

    case AI_ERR_UPSTREAM_TIMEOUT:
        failure = NGX_HTTP_AI_NEXT_HTTP_504|NGX_HTTP_AI_NEXT_HTTP_5XX;
        break;

    default:
        break;
    }

    switch (status) {

    case 0:
        break;

    case 403:
        return failure|NGX_HTTP_AI_NEXT_HTTP_403;

    case 404:
        return failure|NGX_HTTP_AI_NEXT_HTTP_404;

    case 408:
        return failure|NGX_HTTP_AI_NEXT_HTTP_408;

    case 429:
        return failure|NGX_HTTP_AI_NEXT_HTTP_429;

    case 500:
        failure = NGX_HTTP_AI_NEXT_HTTP_500;
        break;

    case 502:
        failure = NGX_HTTP_AI_NEXT_HTTP_502;
        break;

    case 503:
        failure = NGX_HTTP_AI_NEXT_HTTP_503;
        break;

    case 504:
        failure = NGX_HTTP_AI_NEXT_HTTP_504;
        break;

    case 529:
        failure = NGX_HTTP_AI_NEXT_HTTP_529;
        break;

    default:

        /* a status without a word of its own is not one of the others */

        if (status > 500) {
            failure = 0;
        }

        break;
    }

    if (status >= 500) {
        failure |= NGX_HTTP_AI_NEXT_HTTP_5XX;
    }

    return failure ? failure : NGX_HTTP_AI_NEXT_NEVER;
}


/* the upstream is done with this attempt; called once, from its end */

void
ngx_http_ai_answer_end(ngx_http_ai_attempt_t *at, ngx_int_t rc)
{
    if (at->failure && !at->content) {
        return;
    }

    if (at->first_token == 0) {
        at->first_token = ngx_http_ai_now();
    }

    if (at->stopped) {

        /* all was said */

        return;
    }

    if (at->flow) {
        ngx_http_ai_flow_end(at, rc);

    } else if (at->status == 0 || (rc != NGX_OK && !at->framed)) {
        ngx_http_ai_answer_broken(at, rc);

    } else if (!ngx_http_ai_answer_is_ok(at)) {
        ngx_http_ai_answer_refused(at);

    } else if (at->framed) {
        ngx_http_ai_answer_end_stream(at, rc);

    } else {
        ngx_http_ai_answer_end_whole(at);
    }

    if (at->decoder == NULL && at->service == NULL
        && ngx_http_ai_answer_is_ok(at))
    {
        at->usage = at->watch.usage;
        at->finish = at->watch.finish;
        at->response_id = at->watch.id;
    }
}


/* a status that is no success */

static void
ngx_http_ai_answer_refused(ngx_http_ai_attempt_t *at)
{
    ai_str_t  body;

    body = ai_buf_str(&at->whole);

    ai_provider_error(at->api, at->status, &body, &at->ai_pool,
                      &at->error);

    if (at->retry_after >= 0) {
        at->error.retry_after = at->retry_after;
    }

    at->failure = ngx_http_ai_answer_failure(&at->error, at->status);

    if (at->error.kind == AI_ERR_UPSTREAM_AUTH) {
        ngx_log_error(NGX_LOG_ERR, at->ctx->request->connection->log, 0,
                      "ai: provider \"%V\" refused the key with status %ui",
                      &at->provider->name, at->status);
    }

    if (at->status == NGX_HTTP_UNAUTHORIZED && at->provider->credential
        && at->provider->credential->refused)
    {
        at->provider->credential->refused(at);
    }
}


/* a success with one JSON document */

static void
ngx_http_ai_answer_end_whole(ngx_http_ai_attempt_t *at)
{
    ai_int_t    rc;
    ai_str_t    body;
    ai_error_t  err;

    body = ai_buf_str(&at->whole);

    if (at->service) {

        if (ngx_http_ai_call_answer(at, &err) == NGX_OK) {
            at->complete = 1;

        } else if (err.kind != AI_ERR_NONE) {
            ngx_http_ai_answer_error(at, &err);

        } else {
            (void) ngx_http_ai_answer_invalid(at, "an answer that is none of "
                                              "its API");
        }

        return;
    }

    if (at->decoder == NULL) {

        if (ai_watch_answer(&at->watch, &body) != AI_OK) {
            ngx_http_ai_answer_error(at, &at->watch.error);
            return;
        }

        if (at->candidate->model.len == 0) {
            ngx_http_ai_answer_watch_model(at);
        }

        at->out = at->whole;
        at->complete = 1;

        return;
    }

    rc = at->api->answer(at->decoder, &body);

    if (at->failure) {
        return;
    }

    if (rc != AI_OK
        || (at->reply && at->ctx->dialect->reply_end(at->reply) != AI_OK))
    {
        (void) ngx_http_ai_answer_invalid(at, "an answer that is none of its "
                                          "API");
        return;
    }

    if (at->reply == NULL) {
        at->out = at->whole;
    }

    at->complete = 1;
}


static void
ngx_http_ai_answer_end_stream(ngx_http_ai_attempt_t *at, ngx_int_t rc)
{
    ai_str_t         tail;
    ai_buf_t        *out;
    ai_sse_event_t   ev;

    /* some hosts forget the blank line behind their last event */

    if (rc == NGX_OK && !at->failure && !at->terminal
        && ai_frames_end(&at->frames, &ev) == AI_OK
        && ngx_http_ai_answer_frame(at, &ev) == NGX_OK
        && !at->translate)
    {
        tail = ai_frames_tail(at->api->framing);
        ai_buf_cat(&at->out, &tail);
    }

    if (at->timer.timer_set) {
        ngx_del_timer(&at->timer);
    }

    out = &at->out;

    if (at->failure) {
        ngx_http_ai_answer_broken(at, rc);
        return;
    }

    if (at->decoder == NULL) {

        if (at->watch.done && !at->content) {
            (void) ngx_http_ai_answer_invalid(at, "an empty stream");
            return;
        }

        if (at->watch.done || (rc == NGX_OK && at->watch.finished)) {

            if (!at->watch.done) {
                ai_buf_lit(out, "data: [DONE]\n\n");
            }

            at->complete = 1;
            return;
        }

    } else if ((at->terminal || rc == NGX_OK)
               && at->api->stream_end(at->decoder) == AI_OK
               && !at->failure
               && (at->reply == NULL
                   || at->ctx->dialect->reply_end(at->reply) == AI_OK))
    {
        at->complete = 1;
        return;
    }

    ngx_http_ai_answer_broken(at, rc);
}


/*
 * Nothing came, or not all of it.  To a client that has begun to read this is
 * told as the stream's last event.
 */

static void
ngx_http_ai_answer_broken(ngx_http_ai_attempt_t *at, ngx_int_t rc)
{
    if (at->cancelled && !at->failure) {
        return;
    }

    if (rc == NGX_HTTP_GATEWAY_TIME_OUT) {
        ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM_TIMEOUT,
                                 NGX_HTTP_AI_NEXT_TIMEOUT);

    } else if (at->status == 0) {
        ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM, NGX_HTTP_AI_NEXT_ERROR);

    } else {
        ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM_CUT,
                                 NGX_HTTP_AI_NEXT_ERROR);
    }

    if (at->content && !at->told) {
        ngx_http_ai_answer_tell(at);
    }
}


/* the stream's last event; an encoder knows best how its stream ends */

static void
ngx_http_ai_answer_tell(ngx_http_ai_attempt_t *at)
{
    ai_event_t  ev;

    if (at->reply == NULL) {
        at->ctx->dialect->error_event(&at->out, &at->error);
        return;
    }

    ngx_memzero(&ev, sizeof(ai_event_t));

    ev.type = AI_EVENT_ERROR;
    ev.error = &at->error;

    (void) at->ctx->dialect->reply_event(at->reply, &ev);
}
