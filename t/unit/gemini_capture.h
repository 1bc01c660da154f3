
/*
 * A sink that keeps what a Gemini decoder says: texts together, and every
 * event as a line, checking the order events may come in.
 */

#ifndef T_GEMINI_CAPTURE_H
#define T_GEMINI_CAPTURE_H


#include <provider/ai_provider.h>

#include "tap.h"
#include "mem.h"


#define CAPTURE_MAX     (512 * 1024)
#define CAPTURE_BLOCKS  256


typedef struct {
    char         *p;
    size_t        len;
} capture_text_t;


typedef struct {
    capture_text_t  text;           /* spelled, of all choices */
    capture_text_t  thoughts;
    capture_text_t  calls;          /* name(args), args decoded once */
    capture_text_t  log;
    size_t          signature;      /* bytes */
    ai_finish_e     finish;         /* of the last choice */
    unsigned        finishes;
    ai_usage_t      usage;
    ai_error_e      error;
    ai_block_e      open[8][CAPTURE_BLOCKS];
    unsigned        finished[8];
    unsigned        starts;
    int             wrong;
} capture_t;


static void
capture_add(capture_text_t *t, const void *p, size_t len)
{
    if (len > CAPTURE_MAX - t->len) {
        len = CAPTURE_MAX - t->len;
    }

    if (len) {
        memcpy(t->p + t->len, p, len);
        t->len += len;
    }
}


__attribute__((format(printf, 2, 3))) static void
capture_log(capture_t *c, const char *fmt, ...)
{
    int      n;
    char     line[512];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    capture_add(&c->log, line, n < (int) sizeof(line) ? (size_t) n
                                                       : sizeof(line) - 1);
}


static void
capture_quoted(capture_t *c, const char *name, const ai_str_t *s)
{
    if (s->data != NULL) {
        capture_log(c, " %s=", name);
        capture_add(&c->log, s->data, s->len);
    }
}


static int
capture_order(capture_t *c, const ai_event_t *ev)
{
    if (c->error != AI_ERR_NONE || ev->choice >= 8
        || ev->index >= CAPTURE_BLOCKS)
    {
        return 1;
    }

    switch (ev->type) {

    case AI_EVENT_START:
        return c->starts++ != 0;

    case AI_EVENT_BLOCK_START:
        if (c->finished[ev->choice] || c->open[ev->choice][ev->index]) {
            return 1;
        }

        c->open[ev->choice][ev->index] = ev->kind;
        return c->starts == 0;

    case AI_EVENT_DELTA:
        return c->open[ev->choice][ev->index] != ev->kind;

    case AI_EVENT_BLOCK_STOP:
        if (c->open[ev->choice][ev->index] != ev->kind) {
            return 1;
        }

        c->open[ev->choice][ev->index] = 99;
        return 0;

    case AI_EVENT_FINISH:
        return c->finished[ev->choice]++ != 0 || c->starts == 0;

    default:
        return 0;
    }
}


static void
capture_plain(capture_text_t *t, const ai_str_t *text)
{
    ai_buf_t  b;

    static const ai_pool_t  pool = { mem_alloc, mem_free, NULL };
    size_t                  first;

    first = mem_first;
    mem_first = 0;

    ai_buf_init(&b, &pool);
    ai_json_unescape(&b, text);
    capture_add(t, b.start, ai_buf_len(&b));
    ai_pfree(&pool, b.start);

    mem_first = first;
}


__attribute__((unused)) static ai_int_t
capture_event(void *data, const ai_event_t *ev)
{
    capture_t  *c = data;

    static const char  *const names[] = {
        "", "START", "BLOCK", "DELTA", "STOP", "FINISH", "USAGE", "ERROR",
        "PING"
    };

    if (capture_order(c, ev)) {
        c->wrong = 1;
    }

    capture_log(c, "%s", names[ev->type]);

    switch (ev->type) {

    case AI_EVENT_START:
        capture_quoted(c, "id", &ev->id);
        capture_quoted(c, "model", &ev->model);
        break;

    case AI_EVENT_BLOCK_START:
        capture_log(c, " %u.%u kind=%d", ev->choice, ev->index, ev->kind);
        capture_quoted(c, "id", &ev->id);
        capture_quoted(c, "name", &ev->name);
        capture_quoted(c, "signature", &ev->signature);

        if (ev->kind == AI_BLOCK_TOOL_CALL) {
            capture_plain(&c->calls, &ev->name);
            capture_add(&c->calls, "(", 1);
            c->signature += ev->signature.len;
        }

        break;

    case AI_EVENT_DELTA:
        capture_log(c, " %u.%u %d", ev->choice, ev->index, ev->delta);
        capture_quoted(c, "text", &ev->text);
        capture_quoted(c, "raw", &ev->raw);

        if (ev->delta == AI_DELTA_SIGNATURE) {
            c->signature += ev->text.len;

        } else if (ev->delta == AI_DELTA_TEXT) {
            if (ev->kind == AI_BLOCK_TEXT) {
                capture_plain(&c->text, &ev->text);

            } else if (ev->kind == AI_BLOCK_THINKING) {
                capture_plain(&c->thoughts, &ev->text);

            } else {
                capture_plain(&c->calls, &ev->text);
            }
        }

        break;

    case AI_EVENT_BLOCK_STOP:
        capture_log(c, " %u.%u", ev->choice, ev->index);

        if (ev->kind == AI_BLOCK_TOOL_CALL) {
            capture_add(&c->calls, ")", 1);
        }

        break;

    case AI_EVENT_FINISH:
        capture_log(c, " %u %d", ev->choice, ev->finish);
        c->finish = ev->finish;
        c->finishes++;
        break;

    case AI_EVENT_USAGE:
        c->usage = *ev->usage;
        capture_log(c, " %lld/%lld %lld/%lld",
                    (long long) c->usage.prompt, (long long) c->usage.cached,
                    (long long) c->usage.completion,
                    (long long) c->usage.reasoning);
        break;

    case AI_EVENT_ERROR:
        c->error = ev->error->kind;
        capture_log(c, " %d", ev->error->kind);
        break;

    default:
        break;
    }

    capture_add(&c->log, "\n", 1);

    return AI_OK;
}


__attribute__((unused)) static capture_t *
capture_create(void)
{
    capture_t  *c;

    c = calloc(1, sizeof(capture_t));
    c->text.p = malloc(CAPTURE_MAX);
    c->thoughts.p = malloc(CAPTURE_MAX);
    c->calls.p = malloc(CAPTURE_MAX);
    c->log.p = malloc(CAPTURE_MAX);
    ai_usage_init(&c->usage);

    return c;
}


__attribute__((unused)) static void
capture_free(capture_t *c)
{
    free(c->text.p);
    free(c->thoughts.p);
    free(c->calls.p);
    free(c->log.p);
    free(c);
}


/*
 * Reads a stream in two pieces, cut at "at", or one byte at a time if at is
 * (size_t) -1.  The input stands before an unreadable page.
 */

__attribute__((unused)) static ai_int_t
capture_stream(capture_t *c, const ai_request_t *rq, const ai_pool_t *pool,
    const char *bytes, size_t len, size_t at)
{
    size_t           n, from;
    ai_int_t         rc;
    ai_sse_t         sse;
    ai_str_t         in;
    ai_sink_t        sink;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = capture_event;
    sink.data = c;

    d = ai_decoder_create(&ai_provider_gemini, pool, &sink);
    if (d == NULL) {
        return AI_ERROR;
    }

    d->rq = rq;
    ai_sse_init(&sse, pool, 0);

    for (from = 0; from < len; from += n) {
        n = at == (size_t) -1 ? 1 : from < at ? at - from : len - from;

        in.data = (ai_char_t *) bytes + from;
        in.len = n;

        while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {

            if (ai_provider_gemini.stream(d, &ev) != AI_OK) {
                return AI_ERROR;
            }
        }

        if (rc != AI_AGAIN) {
            return AI_ERROR;
        }
    }

    if (ai_sse_end(&sse, &ev, 1) == AI_OK
        && ai_provider_gemini.stream(d, &ev) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_provider_gemini.stream_end(d);
}


__attribute__((unused)) static ai_int_t
capture_answer(capture_t *c, const ai_request_t *rq, const ai_pool_t *pool,
    const char *bytes, size_t len)
{
    ai_str_t       body;
    ai_sink_t      sink;
    ai_decoder_t  *d;

    sink.event = capture_event;
    sink.data = c;

    d = ai_decoder_create(&ai_provider_gemini, pool, &sink);
    if (d == NULL) {
        return AI_ERROR;
    }

    d->rq = rq;
    body.data = (ai_char_t *) bytes;
    body.len = len;

    return ai_provider_gemini.answer(d, &body);
}


#endif /* T_GEMINI_CAPTURE_H */
