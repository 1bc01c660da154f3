
/*
 * Answers whose bytes are the client's, whatever they are: images, speech,
 * transcripts, files.  JSON of a known operation is collected and checked as
 * any other answer; the rest goes on as it comes, with the provider's status
 * and type.  What it says of usage is noted on the way.
 */

#include <core/ngx_http_ai.h>


static ngx_uint_t ngx_http_ai_flow_is_type(ngx_str_t *type, const char *word,
    size_t len);
static void ngx_http_ai_flow_watch(ngx_http_ai_attempt_t *at, u_char *p,
    size_t len);


void
ngx_http_ai_flow_header(ngx_http_ai_attempt_t *at)
{
    ngx_uint_t  json;

    json = ngx_http_ai_flow_is_type(&at->type, "application/json", 16);

    at->flow = (at->ctx->op == NGX_HTTP_AI_OP_RAW || !json);
    at->framed = ngx_http_ai_flow_is_type(&at->type, "text/event-stream", 17);

    if (at->framed) {
        ai_frames_init(&at->frames, AI_FRAMING_SSE, &at->ai_pool);
    }

    ai_watch_init(&at->watch, at->api, &at->ai_pool, 0);
    at->watch.any = 1;
}


static ngx_uint_t
ngx_http_ai_flow_is_type(ngx_str_t *type, const char *word, size_t len)
{
    return type->len >= len
           && ngx_strncasecmp(type->data, (u_char *) word, len) == 0
           && (type->len == len || type->data[len] == ';'
               || type->data[len] == ' ');
}


void
ngx_http_ai_flow_feed(ngx_http_ai_attempt_t *at, u_char *p, size_t len)
{
    if (!at->content) {
        at->content = 1;
        at->first_token = ngx_http_ai_now();
    }

    ai_buf_add(&at->out, p, len);

    if (at->framed) {
        ngx_http_ai_flow_watch(at, p, len);
    }
}


/* events are only read; one too large to be held ends the reading */

static void
ngx_http_ai_flow_watch(ngx_http_ai_attempt_t *at, u_char *p, size_t len)
{
    ai_int_t        rc;
    ai_str_t        in, edited;
    ai_sse_event_t  ev;

    in.data = p;
    in.len = len;

    while ((rc = ai_frames_next(&at->frames, &in, &ev)) == AI_OK) {
        if (ev.data.data) {
            (void) ai_watch_event(&at->watch, &ev, &edited);
        }
    }

    if (rc == AI_ERROR) {
        at->framed = 0;
    }
}


/* the bytes have ended, by themselves or not */

void
ngx_http_ai_flow_end(ngx_http_ai_attempt_t *at, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        at->complete = 1;
        return;
    }

    ngx_http_ai_attempt_fail(at, AI_ERR_UPSTREAM_CUT, NGX_HTTP_AI_NEXT_ERROR);
}
