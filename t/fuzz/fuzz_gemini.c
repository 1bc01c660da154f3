
/*
 * Answers of Gemini, whole and streamed: the events come in an order that an
 * encoder understands, every text is the inside of a JSON string, arguments
 * are JSON, and a stream says the same however it is split.
 *
 * The first byte chooses: even a whole answer, odd a stream cut at its half.
 */

#include <provider/ai_provider.h>


#define FUZZ_BLOCKS  64

typedef struct {
    uint64_t           hash;
    ai_block_e         open[8][FUZZ_BLOCKS];
    ai_buf_t           args[8];
    unsigned           finished[8];
    unsigned           started;
    unsigned           failed;
    unsigned           finishes;
} fuzz_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* frees what was allocated and not given back */

typedef struct fuzz_block_s  fuzz_block_t;

struct fuzz_block_s {
    fuzz_block_t      *next;
    fuzz_block_t     **prev;
};


static fuzz_block_t  *fuzz_blocks;


static void *
fuzz_alloc(void *data, size_t size)
{
    fuzz_block_t  *b;

    (void) data;

    b = malloc(sizeof(fuzz_block_t) + size);
    if (b == NULL) {
        return NULL;
    }

    b->next = fuzz_blocks;
    b->prev = &fuzz_blocks;

    if (fuzz_blocks != NULL) {
        fuzz_blocks->prev = &b->next;
    }

    fuzz_blocks = b;

    return b + 1;
}


static void
fuzz_free(void *data, void *p)
{
    fuzz_block_t  *b;

    (void) data;

    if (p == NULL) {
        return;
    }

    b = (fuzz_block_t *) p - 1;
    *b->prev = b->next;

    if (b->next != NULL) {
        b->next->prev = b->prev;
    }

    free(b);
}


static const ai_pool_t  fuzz_pool = { fuzz_alloc, fuzz_free, NULL };


#define must(cond)  do { if (!(cond)) { abort(); } } while (0)


static void
fuzz_hash(fuzz_t *f, const void *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        f->hash = (f->hash ^ ((const uint8_t *) p)[i]) * 1099511628211u;
    }
}


static ai_json_type_e
fuzz_json(const ai_str_t *s)
{
    ai_json_t       doc;
    ai_json_type_e  type;

    ai_json_init(&doc, &fuzz_pool);
    type = ai_json_parse(&doc, s, NULL) == AI_OK ? ai_json_type(&doc, 0) : 0;
    ai_pfree(&fuzz_pool, doc.node);

    return type;
}


static void
fuzz_esc(fuzz_t *f, const ai_esc_t *s)
{
    ai_buf_t  b;
    ai_str_t  text;

    if (s->data == NULL) {
        return;
    }

    fuzz_hash(f, s->data, s->len);

    ai_buf_init(&b, &fuzz_pool);
    ai_buf_quote_esc(&b, s);
    text = ai_buf_str(&b);
    must(fuzz_json(&text) == AI_JSON_STRING);
    ai_pfree(&fuzz_pool, b.start);
}


static void
fuzz_delta(fuzz_t *f, const ai_event_t *ev)
{
    fuzz_esc(f, &ev->text);

    if (ev->raw.data != NULL) {
        must(fuzz_json(&ev->raw) == AI_JSON_OBJECT);
        fuzz_hash(f, ev->raw.data, ev->raw.len);
    }

    if (ev->kind == AI_BLOCK_TOOL_CALL) {
        must(ev->delta == AI_DELTA_TEXT);
        ai_json_unescape(&f->args[ev->choice], &ev->text);
    }
}


static ai_int_t
fuzz_event(void *data, const ai_event_t *ev)
{
    fuzz_t      *f = data;
    ai_str_t     s;
    ai_block_e  *open;

    must(!f->failed);
    must(ev->choice < 8);

    fuzz_hash(f, &ev->type, sizeof(ev->type));
    fuzz_hash(f, &ev->index, sizeof(ev->index));

    if (ev->index >= FUZZ_BLOCKS) {
        return AI_ERROR;
    }

    open = &f->open[ev->choice][ev->index];

    switch (ev->type) {

    case AI_EVENT_START:
        must(!f->started);
        f->started = 1;
        fuzz_esc(f, &ev->id);
        fuzz_esc(f, &ev->model);
        break;

    case AI_EVENT_BLOCK_START:
        must(f->started && !f->finished[ev->choice] && *open == 0);
        *open = ev->kind;
        fuzz_esc(f, &ev->id);
        fuzz_esc(f, &ev->name);
        fuzz_esc(f, &ev->signature);
        must(ev->kind != AI_BLOCK_TOOL_CALL || ev->name.len != 0);
        ai_buf_reset(&f->args[ev->choice]);
        break;

    case AI_EVENT_DELTA:
        must(*open == ev->kind);
        fuzz_delta(f, ev);
        break;

    case AI_EVENT_BLOCK_STOP:
        must(*open == ev->kind);
        *open = AI_BLOCK_REFUSAL;

        if (ev->kind == AI_BLOCK_TOOL_CALL) {
            s = ai_buf_str(&f->args[ev->choice]);
            must(s.len < 2000 ? fuzz_json(&s) == AI_JSON_OBJECT : 1);
        }

        break;

    case AI_EVENT_FINISH:
        must(f->started && !f->finished[ev->choice]);
        must(ev->finish != AI_FINISH_NONE && ev->finish != AI_FINISH_ERROR);
        f->finished[ev->choice] = 1;
        f->finishes++;
        break;

    case AI_EVENT_USAGE:
        must(f->started);
        must(ev->usage->prompt >= -1 && ev->usage->completion >= -1
             && ev->usage->cached >= -1 && ev->usage->reasoning >= -1);
        break;

    case AI_EVENT_ERROR:
        must(ev->error->kind != AI_ERR_NONE);
        f->failed = 1;
        break;

    default:
        abort();
    }

    return AI_OK;
}


static ai_int_t
fuzz_stream(ai_decoder_t *d, const uint8_t *data, size_t size, size_t at)
{
    int             i;
    ai_int_t        rc;
    ai_sse_t        sse;
    ai_str_t        in, part[2];
    ai_sse_event_t  ev;

    part[0].data = (ai_char_t *) data;
    part[0].len = at;
    part[1].data = (ai_char_t *) data + at;
    part[1].len = size - at;

    ai_sse_init(&sse, &fuzz_pool, 0);
    rc = AI_AGAIN;

    for (i = 0; i < 2 && rc == AI_AGAIN; i++) {
        in = part[i];

        while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {

            rc = ai_provider_gemini.stream(d, &ev);

            if (rc != AI_OK) {
                rc = AI_ERROR;
                break;
            }
        }
    }

    return rc == AI_AGAIN ? ai_provider_gemini.stream_end(d) : AI_ERROR;
}


static uint64_t
fuzz_run(const uint8_t *data, size_t size, ai_int_t stream, size_t at)
{
    int            i;
    fuzz_t         f;
    ai_str_t       body;
    ai_int_t       rc;
    ai_sink_t      sink;
    ai_tool_t      tool;
    ai_request_t   rq;
    ai_decoder_t  *d;

    memset(&f, 0, sizeof(f));
    memset(&tool, 0, sizeof(tool));

    for (i = 0; i < 8; i++) {
        ai_buf_init(&f.args[i], &fuzz_pool);
    }

    tool.name = ai_lit("f g");
    ai_request_init(&rq);
    rq.tools = &tool;

    sink.event = fuzz_event;
    sink.data = &f;

    d = ai_decoder_create(&ai_provider_gemini, &fuzz_pool, &sink);
    must(d != NULL);
    d->rq = &rq;

    if (stream) {
        rc = fuzz_stream(d, data, size, at);

    } else {
        body.data = (ai_char_t *) data;
        body.len = size;
        rc = ai_provider_gemini.answer(d, &body);
    }

    must(rc == AI_OK || rc == AI_ERROR);
    must(rc != AI_OK || f.failed || f.finishes > 0);

    fuzz_hash(&f, &rc, sizeof(rc));

    while (fuzz_blocks != NULL) {
        fuzz_free(NULL, fuzz_blocks + 1);
    }

    return f.hash;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_int_t  stream;

    if (size == 0) {
        return 0;
    }

    stream = data[0] & 1;
    data++;
    size--;

    if (fuzz_run(data, size, stream, size / 2)
        != fuzz_run(data, size, stream, size))
    {
        abort();
    }

    return 0;
}
