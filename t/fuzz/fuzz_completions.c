
/*
 * Legacy completions.  The first byte chooses what the rest is:
 *
 *     a request     it is decoded or refused with a 400, and what was decoded
 *                   can be written again; what is decoded is peeked at, too
 *     an answer     events obey their grammar, whatever the pieces are, and
 *                   made an answer again they are read as the same
 */

#include "../unit/upstream.h"

#include <api/ai_dialect.h>

#include "fuzz_request.h"


static const ai_dialect_t *const   dialect = &ai_dialect_completions;
static const ai_provider_t *const  row = &ai_provider_openai_completions;


typedef struct {
    seen_t   seen;
    void    *reply;
    int      refused;           /* more choices than an answer can have */
} both_t;


static both_t  one, two, back;


static void
check_own(const ai_request_t *rq, const ai_block_t *b)
{
    must(b->kind == AI_BLOCK_TEXT && b->next == NULL);
    must(rq->turns->next == NULL && rq->turns->role == AI_ROLE_USER);
}


static void
request(const uint8_t *data, size_t size)
{
    ai_int_t      rc;
    ai_str_t      text, last;
    ai_json_t     doc;
    ai_peek_t     peek;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));

    text.data = (ai_char_t *) data;
    text.len = size;

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, &text, NULL) != AI_OK) {
        return;
    }

    rc = dialect->peek(&doc, &arena, &peek, &err);

    if (rc == AI_OK) {
        must(peek.messages > 0 && peek.n >= -1 && peek.max_output >= -1);

        if (dialect->last_text(&doc, &peek, &arena, size % 64, &last) == AI_OK)
        {
            must(last.len <= size % 64);
        }

        rc = dialect->decode(&doc, &peek, &arena, &rq, &dropped, &err);

        if (rc == AI_OK) {
            check_request(&rq, check_own);
            must(rq.max_output > 0);
        }
    }

    if (rc != AI_OK) {
        must(rc == AI_ERROR);
        check_error(&err, dialect->error);
    }

    check_dropped(&dropped);
}


static ai_int_t
event(void *data, const ai_event_t *ev)
{
    both_t  *b = data;

    must(seen_event(&b->seen, ev) == AI_OK);

    if (b->reply && dialect->reply_event(b->reply, ev) != AI_OK) {
        b->refused = 1;
        b->reply = NULL;
    }

    return AI_OK;
}


static ai_int_t
run(both_t *b, const ai_str_t *body, size_t step, unsigned stream,
    ai_buf_t *out)
{
    size_t           i;
    ai_int_t         rc;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_sink_t        sink = { event, b };
    ai_decoder_t    *d;
    ai_sse_event_t   ev;
    ai_reply_conf_t  conf;

    memset(&conf, 0, sizeof(conf));

    conf.id = ai_lit("0123456789abcdefghijklmnopqrs");
    conf.model = ai_lit("m");
    conf.stream = stream;
    conf.include_usage = 1;

    seen_free(&b->seen);
    b->refused = 0;
    b->reply = NULL;

    if (out) {
        ai_buf_init(out, &arena);
        b->reply = dialect->reply_create(&conf, out, &arena);
    }

    d = ai_decoder_create(row, &arena, &sink);

    if (step == 0) {
        return row->answer(d, body);
    }

    ai_sse_init(&sse, &arena, 0);

    for (i = 0; i < body->len; i += step) {
        in.data = body->data + i;
        in.len = ai_min(step, body->len - i);

        while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {
            if (row->stream(d, &ev) != AI_OK) {
                return AI_ERROR;
            }
        }

        must(rc == AI_AGAIN);
    }

    return row->stream_end(d);
}


static void
same(both_t *a, both_t *b)
{
    char  *x, *y;

    x = seen_dump(&a->seen);
    y = seen_dump(&b->seen);

    if (strcmp(x, y) != 0) {
        fprintf(stderr, "%s---\n%s", x, y);
    }

    must(strcmp(x, y) == 0);

    free(x);
    free(y);
}


/* the texts of choices, in the order of their first words */

static void
same_texts(const both_t *a, const both_t *b)
{
    size_t               i, k;
    const seen_block_t  *x, *y;

    must(a->seen.n == b->seen.n && a->seen.finishes == b->seen.finishes);
    must(b->seen.errors == 0 && b->seen.bad == NULL);

    for (i = 0; i < a->seen.n; i++) {
        x = &a->seen.block[i];
        y = NULL;

        for (k = 0; k < b->seen.n; k++) {
            if (b->seen.block[k].choice == x->choice) {
                y = &b->seen.block[k];
            }
        }

        must(y != NULL && x->len == y->len);
        must(memcmp(x->text, y->text, x->len) == 0);
    }
}


static void
answer(const uint8_t *data, size_t size, unsigned how)
{
    ai_int_t  rc, ended;
    ai_buf_t  out;
    ai_str_t  body, made;
    unsigned  stream;

    body.data = (ai_char_t *) data;
    body.len = size;
    stream = how & 1;

    rc = run(&one, &body, (how & 2) ? size + 1 : 0, stream, &out);

    /* one more choice than the sink has room for */

    if (one.seen.bad && one.seen.n == SEEN_BLOCKS) {
        return;
    }

    must(one.seen.bad == NULL);

    if (how & 2) {
        must(run(&two, &body, (how >> 2) + 1u, 0, NULL) == rc);
        same(&one, &two);
    }

    if (one.refused || one.reply == NULL) {
        return;
    }

    ended = dialect->reply_end(one.reply);

    must(!out.failed && ai_buf_len(&out) <= 16 * size + 4096);

    if (rc != AI_OK || one.seen.errors || ended != AI_OK) {
        must(rc != AI_OK || one.seen.errors || one.seen.finishes == 0
             || one.seen.finish == AI_FINISH_ERROR || one.seen.finishes > 1);
        return;
    }

    made = ai_buf_str(&out);
    rc = run(&back, &made, stream ? made.len + 1 : 0, 0, NULL);

    must(rc == AI_OK);

    if (back.seen.errors == 0) {
        same_texts(&one, &back);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 65536) {
        return 0;
    }

    if (data[0] == '{') {
        request(data, size);

    } else {
        answer(data + 1, size - 1, data[0]);
    }

    seen_free(&one.seen);
    seen_free(&two.seen);
    seen_free(&back.seen);

    arena_free();

    return 0;
}
