
/*
 * Cohere.  The first byte selects: 0, a request of an OpenAI client (the bits
 * above say for which model); 1, a whole answer; 2, a stream of server-sent
 * events; 3, a request of an Anthropic client.
 *
 * Asserted: a body is JSON with distinct keys, of roles and parts that the
 * API knows, not larger than four times the request and 1 KB, and has every
 * text of the user; events follow the order of ai_event.h, texts are whole,
 * annotations and logprobs are JSON, usage is never negative, an answer that
 * ends well has its finish; a stream says the same when no event is read with
 * the help of the one before.
 */

#include <api/ai_messages.h>
#include <provider/ai_provider.h>
#include "fuzz.h"
#include "fuzz_arena.h"


typedef struct {
    unsigned           starts;
    unsigned           finishes;
    unsigned           errors;
    uint32_t           blocks;
    unsigned           open;
    ai_block_e         kind;
    size_t             bytes;       /* of all texts */
    uint64_t           hash;        /* likewise */
} fuzz_said_t;


static void
fuzz_esc(const ai_esc_t *esc)
{
    size_t  i;

    for (i = 0; i < esc->len; i++) {
        must(esc->data[i] >= 0x20 && esc->data[i] != '"');

        if (esc->data[i] == '\\') {
            must(i + 1 < esc->len);
            i++;
        }
    }
}


static void
fuzz_raw(const ai_raw_t *raw)
{
    ai_json_t  doc;

    if (raw->len != 0) {
        ai_json_init(&doc, &arena);
        must(ai_json_parse(&doc, raw, NULL) == AI_OK);
        must(ai_json_type(&doc, AI_JSON_ROOT) == AI_JSON_OBJECT);
    }
}


static void
fuzz_hash(fuzz_said_t *s, const ai_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        s->hash = (s->hash ^ text->data[i]) * UINT64_C(1099511628211);
    }

    s->hash += text->len;
}


static ai_int_t
fuzz_sink(void *data, const ai_event_t *ev)
{
    fuzz_said_t  *s;

    s = data;

    must(s->errors == 0 && ev->choice == 0);

    fuzz_esc(&ev->text);
    fuzz_esc(&ev->id);
    fuzz_esc(&ev->name);
    fuzz_esc(&ev->stop_seq);
    fuzz_raw(&ev->raw);

    switch (ev->type) {

    case AI_EVENT_START:
        must(s->starts++ == 0 && s->blocks == 0);
        break;

    case AI_EVENT_BLOCK_START:
        must(s->starts == 1 && s->finishes == 0 && !s->open);
        must(ev->index == s->blocks++);
        must(ev->kind != AI_BLOCK_TOOL_CALL
             || (ev->id.len > 0 && ev->name.len > 0));
        s->open = 1;
        s->kind = ev->kind;
        break;

    case AI_EVENT_DELTA:
        must(s->open && ev->kind == s->kind && ev->index == s->blocks - 1);
        must(ev->text.len > 0 || ev->raw.len > 0);
        s->bytes += ev->text.len + ev->raw.len;
        fuzz_hash(s, &ev->text);
        fuzz_hash(s, &ev->raw);
        break;

    case AI_EVENT_BLOCK_STOP:
        must(s->open && ev->kind == s->kind && ev->index == s->blocks - 1);
        s->open = 0;
        break;

    case AI_EVENT_FINISH:
        must(s->starts == 1 && !s->open && s->finishes++ == 0);
        must(ev->finish != AI_FINISH_NONE);
        break;

    case AI_EVENT_USAGE:
        must(ev->usage->prompt >= -1 && ev->usage->completion >= -1);
        must(ev->usage->cached >= -1 && ev->usage->cache_write >= -1);
        must(ev->usage->total >= -1);
        break;

    default:
        must(ev->type == AI_EVENT_ERROR);
        must(ev->error->kind > AI_ERR_NONE && ev->error->kind < AI_ERR_N);
        s->errors++;
        break;
    }

    return AI_OK;
}


static ai_int_t
fuzz_stream(ai_decoder_t *d, ai_str_t in, int anew)
{
    ai_int_t        rc;
    ai_sse_t        sse;
    ai_sse_event_t  ev;

    ai_sse_init(&sse, &arena, 0);

    while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {
        if (anew) {
            d->doc.kept = 0;
        }

        if (d->provider->stream(d, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return rc == AI_AGAIN ? d->provider->stream_end(d) : AI_ERROR;
}


static ai_int_t
fuzz_read(fuzz_said_t *said, ai_str_t in, int stream, int anew)
{
    ai_int_t       rc;
    ai_sink_t      sink;
    ai_decoder_t  *d;

    memset(said, 0, sizeof(fuzz_said_t));
    sink.event = fuzz_sink;
    sink.data = said;

    d = ai_decoder_create(&ai_provider_cohere, &arena, &sink);
    must(d != NULL);

    rc = stream ? fuzz_stream(d, in, anew) : d->provider->answer(d, &in);

    must(rc != AI_OK || said->errors == 1
         || (said->finishes == 1 && d->terminal && d->finished));
    must(said->starts == d->started);
    must(said->bytes <= 4 * in.len + 1024);

    return rc;
}


static void
fuzz_answer(ai_str_t in, int stream)
{
    ai_int_t     rc;
    fuzz_said_t  said, again;

    rc = fuzz_read(&said, in, stream, 0);

    if (stream) {
        must(fuzz_read(&again, in, stream, 1) == rc);
        must(again.hash == said.hash && again.blocks == said.blocks);
        must(again.errors == said.errors && again.kind == said.kind);
    }
}


/* the content of a message, its shape aside: strings, or parts of it */

static void
fuzz_content(const ai_json_t *doc, ai_ref_t content)
{
    ai_ref_t  v, type;

    if (ai_json_type(doc, content) == AI_JSON_STRING) {
        must(ai_json_esc(doc, content).len > 0);
        return;
    }

    must(ai_json_type(doc, content) == AI_JSON_ARRAY);
    must(ai_json_first(doc, content) != AI_JSON_NONE);

    for (v = ai_json_first(doc, content);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, content, v))
    {
        type = ai_json_get(doc, v, "type");

        must((ai_json_is(doc, type, "text")
              && ai_json_esc(doc, ai_json_get(doc, v, "text")).len > 0)
             || (ai_json_is(doc, type, "thinking")
                 && ai_json_esc(doc, ai_json_get(doc, v, "thinking")).len > 0)
             || (ai_json_is(doc, type, "image_url")
                 && ai_json_esc(doc, ai_json_path(doc, v, "image_url", "url",
                                                  NULL)).len > 0)
             || (ai_json_is(doc, type, "document")
                 && ai_json_esc(doc, ai_json_path(doc, v, "document", "data",
                                                  "text", NULL)).data));
    }
}


static void
fuzz_message(const ai_json_t *doc, ai_ref_t v)
{
    ai_ref_t  role, content, calls;

    role = ai_json_get(doc, v, "role");
    content = ai_json_get(doc, v, "content");
    calls = ai_json_get(doc, v, "tool_calls");

    if (content != AI_JSON_NONE) {
        fuzz_content(doc, content);
    }

    if (ai_json_is(doc, role, "assistant")) {
        must(content != AI_JSON_NONE
             || ai_json_first(doc, calls) != AI_JSON_NONE);
        return;
    }

    must(content != AI_JSON_NONE && calls == AI_JSON_NONE);
    must(ai_json_is(doc, role, "user") || ai_json_is(doc, role, "system")
         || (ai_json_is(doc, role, "tool")
             && ai_json_esc(doc, ai_json_get(doc, v, "tool_call_id")).data));
}


static const ai_char_t *
fuzz_find(const ai_char_t *p, const ai_char_t *end, const ai_str_t *s)
{
    while ((size_t) (end - p) >= s->len) {
        if (memcmp(p, s->data, s->len) == 0) {
            return p + s->len;
        }

        p++;
    }

    return NULL;
}


/* text that was to be carried is there, in order */

static void
fuzz_kept(const ai_request_t *rq, const ai_str_t *body)
{
    const ai_char_t   *p;
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    p = body->data;

    for (turn = rq->turns; turn; turn = turn->next) {
        for (blk = turn->blocks; blk; blk = blk->next) {
            if (blk->kind == AI_BLOCK_TEXT && blk->text.len) {
                p = fuzz_find(p, body->data + body->len, &blk->text);
                must(p != NULL);
            }
        }
    }
}


static void
fuzz_body(const ai_request_t *rq, const ai_buf_t *body, size_t size)
{
    ai_ref_t   messages, v;
    ai_str_t   s;
    ai_json_t  doc;

    s = ai_buf_str(body);
    ai_json_init(&doc, &arena);

    /* an argument's nesting comes on top of the body's own */

    if (ai_json_parse(&doc, &s, NULL) != AI_OK) {
        must(doc.error == AI_JSON_E_LIMIT);
        return;
    }

    must(s.len <= 4 * size + 1024);
    must(ai_json_unique(&doc, AI_JSON_ROOT) == AI_OK);
    must(ai_json_get(&doc, AI_JSON_ROOT, "response_format") == AI_JSON_NONE
         || ai_json_get(&doc, AI_JSON_ROOT, "tools") == AI_JSON_NONE);

    messages = ai_json_get(&doc, AI_JSON_ROOT, "messages");
    must(ai_json_type(&doc, messages) == AI_JSON_ARRAY);

    for (v = ai_json_first(&doc, messages);
         v != AI_JSON_NONE;
         v = ai_json_next(&doc, messages, v))
    {
        must(ai_json_unique(&doc, v) == AI_OK);
        fuzz_message(&doc, v);
    }

    fuzz_kept(rq, &s);
}


static void
fuzz_build(ai_str_t in, unsigned select, int anthropic)
{
    ai_int_t      rc;
    ai_buf_t      body;
    ai_json_t     doc;
    ai_peek_t     peek;
    ai_error_t    err;
    ai_target_t   t;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    static const ai_str_t  models[] = {
        ai_string("command-a-reasoning-08-2025"),
        ai_string("command-r7b-12-2024")
    };

    memset(&t, 0, sizeof(t));
    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    ai_json_init(&doc, &arena);
    ai_buf_init(&body, &arena);

    t.provider = &ai_provider_cohere;
    t.model = models[select & 1];
    t.max_output = (select & 2) ? 2000 : -1;

    if (ai_json_parse(&doc, &in, NULL) != AI_OK) {
        return;
    }

    rc = anthropic ? ai_messages_peek(&doc, &arena, &peek, &err) : AI_OK;

    if (rc == AI_OK) {
        rc = anthropic ? ai_messages_decode(&doc, &peek, &arena, &rq,
                                            &dropped, &err)
                       : ai_openai_decode(&doc, &arena, &rq, &dropped, &err);
    }

    if (rc != AI_OK) {
        return;
    }

    if (select & 4) {
        t.model = rq.model;
    }

    err.kind = AI_ERR_NONE;

    if (t.provider->build(&t, &rq, &arena, &body, &dropped, &err) == AI_OK) {
        fuzz_body(&rq, &body, in.len);

    } else {
        must(err.kind != AI_ERR_NONE && err.kind != AI_ERR_SERVER);
        must(err.param.len > 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_str_t  in;

    if (size == 0) {
        return 0;
    }

    in.data = (ai_char_t *) data + 1;
    in.len = size - 1;

    switch (data[0] & 3) {

    case 1:
    case 2:
        fuzz_answer(in, (data[0] & 3) == 2);
        break;

    default:
        fuzz_build(in, data[0] >> 2, (data[0] & 3) == 3);
        break;
    }

    arena_free();

    return 0;
}
