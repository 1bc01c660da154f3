
/*
 * The parser of server-sent events: whole, byte by byte, and in two ways of
 * splitting, a stream gives the same events as a plain reading of the
 * standard, line by line, and every byte is given out once.
 *
 * The input: a byte that chooses splits, then the stream.
 */

#include <codec/ai_sse.h>

#include "fuzz.h"


/* events one after the other: 'E' name 0 'D' data 0, either may be missing */

static void
record(ai_buf_t *b, const ai_str_t *name, const ai_str_t *data)
{
    if (name->data == NULL && data->data == NULL) {
        return;
    }

    if (name->len) {
        ai_buf_char(b, 'E');
        ai_buf_cat(b, name);
        ai_buf_char(b, '\0');
    }

    if (data->data != NULL) {
        ai_buf_char(b, 'D');
        ai_buf_cat(b, data);
        ai_buf_char(b, '\0');
    }

    ai_buf_char(b, '\n');
}


/* the plain reading */

typedef struct {
    ai_buf_t    data;
    ai_str_t    name;
    int         has;
} plain_t;


static void
plain_line(plain_t *e, const uint8_t *p, size_t len)
{
    size_t          n, v;
    const uint8_t  *colon;

    colon = memchr(p, ':', len);
    n = colon ? (size_t) (colon - p) : len;
    v = colon ? n + 1 : len;
    v += v < len && p[v] == ' ';

    if (n == 4 && memcmp(p, "data", 4) == 0) {

        if (e->has) {
            ai_buf_char(&e->data, '\n');
        }

        ai_buf_add(&e->data, p + v, len - v);
        e->has = 1;
    }

    if (n == 5 && memcmp(p, "event", 5) == 0) {
        e->name.data = (ai_char_t *) p + v;
        e->name.len = len - v;
    }
}


static void
plain_end(plain_t *e, ai_buf_t *out)
{
    ai_str_t  data = ai_null_string;

    if (e->has) {
        data = ai_buf_str(&e->data);
        data.data = data.data ? data.data : (ai_char_t *) "";
    }

    record(out, &e->name, &data);

    ai_buf_reset(&e->data);
    e->name = data;
    memset(&e->name, 0, sizeof(e->name));
    e->has = 0;
}


static void
plain(const uint8_t *p, size_t size, ai_buf_t *out)
{
    size_t   i, line;
    plain_t  e;

    memset(&e, 0, sizeof(e));
    ai_buf_init(&e.data, &fuzz_pool);

    i = size >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    for (line = i; i < size; i++) {

        if (p[i] != '\n' && p[i] != '\r') {
            continue;
        }

        if (i == line) {
            plain_end(&e, out);

        } else {
            plain_line(&e, p + line, i - line);
        }

        if (p[i] == '\r' && i + 1 < size && p[i + 1] == '\n') {
            i++;
        }

        line = i + 1;
    }

    if (line < size) {
        plain_line(&e, p + line, size - line);
    }

    plain_end(&e, out);

    ai_pfree(&fuzz_pool, e.data.start);
}


/* reads with buffers of 1 to "most" bytes that are gone after use */

static void
parse(const uint8_t *p, size_t size, size_t most, ai_buf_t *out)
{
    size_t           at, i, n, seed;
    uint8_t         *copy;
    ai_int_t         rc;
    ai_str_t         in;
    ai_sse_t         s;
    ai_sse_event_t   ev;

    ai_sse_init(&s, &fuzz_pool, 0);

    at = 0;
    seed = most;

    for (i = 0; i < size; i += n) {
        seed = seed * 1103515245 + 12345;
        n = ai_min(1 + (seed >> 16) % most, size - i);

        if (most > size) {
            n = size;
        }

        copy = malloc(n);
        must(copy != NULL);
        memcpy(copy, p + i, n);

        in.data = copy;
        in.len = n;

        while ((rc = ai_sse_next(&s, &in, &ev)) == AI_OK) {
            must(ev.bytes.len > 0 && ev.bytes.len <= size - at);
            must(memcmp(ev.bytes.data, p + at, ev.bytes.len) == 0);
            must(ev.comment == (ev.data.data == NULL
                                && ev.name.data == NULL));

            at += ev.bytes.len;
            record(out, &ev.name, &ev.data);
        }

        must(rc == AI_AGAIN && in.len == 0);
        must(at + (s.used ? 0 : ai_buf_len(&s.held)) == i + n);

        free(copy);
    }

    if (ai_sse_end(&s, &ev, 1) == AI_OK) {
        must(memcmp(ev.bytes.data, p + at, ev.bytes.len) == 0);
        at += ev.bytes.len;
        record(out, &ev.name, &ev.data);
    }

    must(at == size);
    must(ai_sse_end(&s, &ev, 1) == AI_DECLINED);

    ai_pfree(&fuzz_pool, s.held.start);
    ai_pfree(&fuzz_pool, s.joined.start);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    i, most[4];
    ai_buf_t  want, got;
    ai_str_t  a, b;

    if (size < 1) {
        return 0;
    }

    most[0] = size + 1;
    most[1] = 1;
    most[2] = 2 + data[0] % 16;
    most[3] = 2 + data[0];

    ai_buf_init(&want, &fuzz_pool);
    ai_buf_init(&got, &fuzz_pool);

    plain(data + 1, size - 1, &want);
    a = ai_buf_str(&want);

    for (i = 0; i < 4; i++) {
        ai_buf_reset(&got);
        parse(data + 1, size - 1, most[i], &got);
        b = ai_buf_str(&got);
        must(ai_str_eq(&a, &b));
    }

    ai_pfree(&fuzz_pool, want.start);
    ai_pfree(&fuzz_pool, got.start);

    return 0;
}
