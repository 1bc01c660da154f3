
/*
 * Answers of Anthropic's.  The first byte selects: bit 0 a stream or a whole
 * answer, the others where a stream is split.
 *
 * Asserted: a split changes no event; events follow the order of ai_event.h
 * (one start first, a delta or a stop only for a block that is open, nothing
 * after an error, one finish); a delta of an escaped text is one; usage is
 * never negative; an answer that ends well has its finish.
 */

#include <provider/ai_provider.h>


typedef struct {
    uint64_t           hash;        /* of all events */
    unsigned           events;
    unsigned           starts;
    unsigned           finishes;
    unsigned           errors;
    uint32_t           blocks;      /* started */
    unsigned           open;        /* of the last one */
    ai_block_e         kind;
} fuzz_said_t;


typedef struct fuzz_mem_s  fuzz_mem_t;

struct fuzz_mem_s {
    fuzz_mem_t        *next;
    size_t             pad;
};


#define CHECK(cond)                                                           \
    do {                                                                      \
        if (!(cond)) {                                                        \
            abort();                                                          \
        }                                                                     \
    } while (0)


static void *
fuzz_alloc(void *data, size_t size)
{
    fuzz_mem_t  *m, **list;

    list = data;
    m = malloc(sizeof(fuzz_mem_t) + size);
    CHECK(m != NULL);

    m->next = *list;
    *list = m;

    return m + 1;
}


static void
fuzz_free_all(fuzz_mem_t **list)
{
    fuzz_mem_t  *m;

    while ((m = *list) != NULL) {
        *list = m->next;
        free(m);
    }
}


static void
fuzz_hash(fuzz_said_t *s, const void *data, size_t len)
{
    size_t                i;
    const unsigned char  *p;

    p = data;

    for (i = 0; i < len; i++) {
        s->hash = (s->hash ^ p[i]) * 0x100000001b3ULL;
    }

    s->hash = (s->hash ^ len) * 0x100000001b3ULL;
}


/* the inside of a JSON string, or nothing */

static void
fuzz_esc(fuzz_said_t *s, const ai_esc_t *esc)
{
    size_t  i;

    fuzz_hash(s, esc->data, esc->len);

    for (i = 0; i < esc->len; i++) {
        CHECK(esc->data[i] >= 0x20 && esc->data[i] != '"');

        if (esc->data[i] == '\\') {
            CHECK(i + 1 < esc->len);
            i++;
        }
    }
}


static ai_int_t
fuzz_sink(void *data, const ai_event_t *ev)
{
    unsigned      head[6] = { ev->type, ev->choice, ev->index, ev->kind,
                              ev->delta, ev->finish };
    fuzz_said_t  *s;

    s = data;

    CHECK(s->errors == 0);
    CHECK(ev->choice == 0);

    s->events++;
    fuzz_hash(s, head, sizeof(head));
    fuzz_esc(s, &ev->text);
    fuzz_esc(s, &ev->id);
    fuzz_esc(s, &ev->name);
    fuzz_esc(s, &ev->data);
    fuzz_esc(s, &ev->model);
    fuzz_esc(s, &ev->stop_seq);
    fuzz_hash(s, ev->raw.data, ev->raw.len);

    switch (ev->type) {

    case AI_EVENT_START:
        CHECK(s->starts++ == 0 && s->blocks == 0);
        break;

    case AI_EVENT_BLOCK_START:
        CHECK(s->starts == 1 && s->finishes == 0 && !s->open);
        CHECK(ev->index == s->blocks++);
        CHECK(ev->kind != AI_BLOCK_TOOL_CALL
              || (ev->id.len > 0 && ev->name.len > 0));
        s->open = 1;
        s->kind = ev->kind;
        break;

    case AI_EVENT_DELTA:
        CHECK(s->open && ev->kind == s->kind && ev->index == s->blocks - 1);
        CHECK(ev->text.len > 0 || ev->raw.len > 0);
        break;

    case AI_EVENT_BLOCK_STOP:
        CHECK(s->open && ev->kind == s->kind && ev->index == s->blocks - 1);
        s->open = 0;
        break;

    case AI_EVENT_FINISH:
        CHECK(s->starts == 1 && !s->open && s->finishes++ == 0);
        CHECK(ev->finish != AI_FINISH_NONE);
        break;

    case AI_EVENT_USAGE:
        CHECK(ev->usage->prompt >= -1 && ev->usage->completion >= -1);
        CHECK(ev->usage->cached >= -1 && ev->usage->cache_write >= -1);
        CHECK(ev->usage->reasoning >= -1 && ev->usage->total >= -1);
        fuzz_hash(s, ev->usage, sizeof(ai_usage_t));
        break;

    case AI_EVENT_ERROR:
        CHECK(ev->error->kind > AI_ERR_NONE && ev->error->kind < AI_ERR_N);
        s->errors++;
        break;

    default:
        CHECK(ev->type == AI_EVENT_PING);
        break;
    }

    return AI_OK;
}


static ai_int_t
fuzz_feed(ai_decoder_t *d, ai_sse_t *sse, const uint8_t *data, size_t len)
{
    ai_int_t        rc;
    ai_str_t        in;
    ai_sse_event_t  ev;

    in.data = (ai_char_t *) data;
    in.len = len;

    for ( ;; ) {
        rc = ai_sse_next(sse, &in, &ev);

        if (rc != AI_OK) {
            return (rc == AI_AGAIN) ? AI_OK : AI_ERROR;
        }

        if (d->provider->stream(d, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }
}


/* step 0: whole */

static ai_int_t
fuzz_run(fuzz_said_t *s, const uint8_t *data, size_t size, int stream,
    size_t step)
{
    size_t         i, n;
    ai_int_t       rc;
    ai_str_t       in;
    ai_sse_t       sse;
    ai_pool_t      pool;
    ai_sink_t      sink;
    fuzz_mem_t    *list;
    ai_decoder_t  *d;

    list = NULL;
    pool.alloc = fuzz_alloc;
    pool.free = NULL;
    pool.data = &list;

    memset(s, 0, sizeof(fuzz_said_t));
    sink.event = fuzz_sink;
    sink.data = s;

    d = ai_decoder_create(&ai_provider_anthropic, &pool, &sink);
    rc = AI_OK;

    if (!stream) {
        in.data = (ai_char_t *) data;
        in.len = size;
        rc = d->provider->answer(d, &in);

    } else {
        ai_sse_init(&sse, &pool, 0);

        for (i = 0; rc == AI_OK && i < size; i += n) {
            n = step ? ai_min(step, size - i) : size - i;
            rc = fuzz_feed(d, &sse, data + i, n);
        }

        if (rc == AI_OK) {
            rc = d->provider->stream_end(d);
        }
    }

    CHECK(rc != AI_OK || s->errors == 1
          || (s->finishes == 1 && d->terminal && d->finished));
    CHECK(s->starts == d->started);

    fuzz_free_all(&list);

    return rc;
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int          stream;
    size_t       step;
    ai_int_t     rc;
    fuzz_said_t  whole, split;

    if (size == 0) {
        return 0;
    }

    stream = data[0] & 1;
    step = (data[0] >> 1) + 1;

    rc = fuzz_run(&whole, data + 1, size - 1, stream, 0);

    if (stream) {
        CHECK(fuzz_run(&split, data + 1, size - 1, 1, step) == rc);
        CHECK(split.hash == whole.hash && split.events == whole.events);
    }

    return 0;
}
