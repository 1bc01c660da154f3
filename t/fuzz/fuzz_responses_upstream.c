
/*
 * The Responses API of a provider.  The first byte selects: 0 a stream, 1 an
 * answer, 2 a request of an OpenAI client, 3 of an Anthropic one, 4 of this
 * API; the second one the size of a stream's pieces, and whether it is known
 * what was asked.
 *
 * Asserted: events obey their grammar, their texts are spelled as the inside
 * of strings, an answer that ends well has its finish, and the way a stream
 * is cut makes no difference.  A body is JSON, keeps nothing at the provider,
 * has all the text and can be read by the dialect of this API, and is not
 * larger than four times the request and 1 KB.
 */

#include "../unit/upstream.h"

#include <api/ai_dialect.h>
#include <api/ai_peek.h>

#include "fuzz_request.h"
#include "fuzz_arena.h"


#define ROW  (&ai_provider_openai_responses)


static seen_t        whole, parts;
static ai_request_t  asked;
static int           use_asked;


static ai_int_t
sink_event(void *data, const ai_event_t *ev)
{
    check_esc(&ev->text);
    check_esc(&ev->id);
    check_esc(&ev->name);
    check_esc(&ev->data);
    check_esc(&ev->model);
    check_raw(&ev->raw, AI_JSON_OBJECT);

    must(ev->choice == 0);

    if (ev->type == AI_EVENT_USAGE) {
        must(ev->usage->prompt >= -1 && ev->usage->completion >= -1);
        must(ev->usage->cached >= -1 && ev->usage->reasoning >= -1);
    }

    return seen_event(data, ev);
}


static ai_decoder_t *
decoder(seen_t *seen)
{
    ai_sink_t      sink;
    ai_decoder_t  *d;

    seen_free(seen);

    sink.event = sink_event;
    sink.data = seen;

    d = ai_decoder_create(ROW, &arena, &sink);
    must(d != NULL);

    d->rq = use_asked ? &asked : NULL;

    return d;
}


static ai_int_t
run(seen_t *seen, const uint8_t *data, size_t size, size_t step)
{
    size_t           pos, n;
    ai_int_t         rc;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    d = decoder(seen);
    ai_sse_init(&sse, &arena, 0);

    for (pos = 0; pos < size; pos += n) {
        n = size - pos < step ? size - pos : step;

        in.data = (ai_char_t *) data + pos;
        in.len = n;

        while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {
            if (ROW->stream(d, &ev) != AI_OK) {
                return AI_DECLINED;
            }
        }

        if (rc == AI_ERROR) {
            return AI_DECLINED;
        }
    }

    if (ai_sse_end(&sse, &ev, 1) == AI_OK && ROW->stream(d, &ev) != AI_OK) {
        return AI_DECLINED;
    }

    return ROW->stream_end(d);
}


static void
check_stream(const uint8_t *data, size_t size, size_t step)
{
    char      *a, *b;
    ai_int_t   rc, again;

    rc = run(&whole, data, size, size + 1);
    again = run(&parts, data, size, step);

    a = seen_dump(&whole);
    b = seen_dump(&parts);

    must(rc == again && strcmp(a, b) == 0);
    must(whole.bad == NULL);
    must(rc != AI_OK || whole.errors == 1 || whole.finishes == 1);

    free(a);
    free(b);
    seen_free(&whole);
    seen_free(&parts);
}


static void
check_answer(const uint8_t *data, size_t size)
{
    ai_int_t       rc;
    ai_str_t       body;
    ai_decoder_t  *d;

    d = decoder(&whole);

    body.data = (ai_char_t *) data;
    body.len = size;

    rc = ROW->answer(d, &body);

    must(whole.bad == NULL);
    must(rc != AI_OK || whole.errors == 1 || whole.finishes == 1);

    seen_free(&whole);
}


/* the texts of a request, decoded: nothing else says what its end is */

static void
texts(const ai_block_t *block, ai_buf_t *b)
{
    for ( /* void */ ; block; block = block->next) {

        if (block->kind == AI_BLOCK_TEXT || block->kind == AI_BLOCK_REFUSAL) {
            ai_json_unescape(b, &block->text);
        }
    }
}


static void
all_texts(const ai_request_t *rq, ai_buf_t *b)
{
    const ai_turn_t  *turn;

    for (turn = rq->turns; turn; turn = turn->next) {
        texts(turn->blocks, b);
    }
}


static ai_int_t
read_request(const ai_dialect_t *dialect, const ai_str_t *text,
    ai_request_t *rq, ai_error_t *err)
{
    ai_peek_t      peek;
    ai_json_t     *doc;
    ai_dropped_t   dropped;

    memset(&peek, 0, sizeof(peek));
    memset(err, 0, sizeof(ai_error_t));
    memset(&dropped, 0, sizeof(dropped));

    doc = arena_alloc(NULL, sizeof(ai_json_t));
    ai_json_init(doc, &arena);

    if (ai_json_parse(doc, text, NULL) != AI_OK
        || dialect->peek(doc, &arena, &peek, err) != AI_OK)
    {
        return AI_ERROR;
    }

    return dialect->decode(doc, &peek, &arena, rq, &dropped, err);
}


static void
own(const ai_request_t *rq, const ai_block_t *b)
{
    must(rq->turns != NULL && b->kind != 0);
}


static void
check_build(const ai_dialect_t *dialect, const uint8_t *data, size_t size)
{
    ai_buf_t       body, a, b;
    ai_str_t       text;
    ai_json_t      doc;
    ai_error_t     err;
    ai_target_t    target;
    ai_dropped_t   dropped;
    ai_request_t   rq, again;

    text.data = (ai_char_t *) data;
    text.len = size;

    if (read_request(dialect, &text, &rq, &err) != AI_OK) {
        return;
    }

    memset(&target, 0, sizeof(target));
    memset(&dropped, 0, sizeof(dropped));

    target.provider = ROW;
    target.max_output = -1;

    ai_buf_init(&body, &arena);

    if (ROW->build(&target, &rq, &arena, &body, &dropped, &err) != AI_OK) {
        must(err.kind == AI_ERR_UNSUPPORTED_PARAMETER && err.param.len > 0);
        check_error(&err, dialect->error);
        return;
    }

    check_dropped(&dropped);
    must(ai_buf_len(&body) <= size * 4 + 1024);

    text = ai_buf_str(&body);
    ai_json_init(&doc, &arena);

    must(ai_json_parse(&doc, &text, NULL) == AI_OK);
    must(ai_json_unique(&doc, AI_JSON_ROOT) == AI_OK);
    must(ai_json_bool(&doc, ai_json_get(&doc, AI_JSON_ROOT, "store")) == 0);
    must(ai_json_type(&doc, ai_json_get(&doc, AI_JSON_ROOT, "input"))
         == AI_JSON_ARRAY);

    if (ai_json_first(&doc, ai_json_get(&doc, AI_JSON_ROOT, "input"))
        == AI_JSON_NONE)
    {
        return;
    }

    must(read_request(&ai_dialect_responses, &text, &again, &err) == AI_OK);
    check_request(&again, own);

    ai_buf_init(&a, &arena);
    ai_buf_init(&b, &arena);

    all_texts(&rq, &a);
    all_texts(&again, &b);

    must(ai_buf_len(&a) == ai_buf_len(&b));
    must(ai_buf_len(&a) == 0
         || memcmp(a.start, b.start, ai_buf_len(&a)) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ai_dialect_t *const  dialects[] = {
        &ai_dialect_openai, &ai_dialect_anthropic, &ai_dialect_responses
    };

    if (size < 3 || size > 65536) {
        return 0;
    }

    use_asked = data[1] & 1;
    ai_request_init(&asked);

    switch (data[0] % 5) {

    case 0:
        check_stream(data + 2, size - 2, (size_t) (data[1] >> 1) + 1);
        break;

    case 1:
        check_answer(data + 2, size - 2);
        break;

    default:
        check_build(dialects[data[0] % 5 - 2], data + 2, size - 2);
    }

    arena_free();

    return 0;
}
