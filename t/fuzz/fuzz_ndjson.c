
/*
 * The splitter of lines: whole, byte by byte, and in two ways of splitting, a
 * stream gives the same lines as looking for each LF does, and every byte is
 * given out once.
 *
 * The input: a byte that chooses splits and the longest line, then the stream.
 */

#include <codec/ai_ndjson.h>

#include "fuzz.h"


static void
plain(const uint8_t *p, size_t size, size_t max, ai_buf_t *out)
{
    size_t          n, len;
    const uint8_t  *end, *lf;

    for (end = p + size; p < end; p += n) {
        lf = memchr(p, '\n', (size_t) (end - p));
        n = lf ? (size_t) (lf - p) + 1 : (size_t) (end - p);

        if (n > max) {
            ai_buf_char(out, '!');
            return;
        }

        len = n - (lf != NULL);
        len -= len && p[len - 1] == '\r';

        ai_buf_char(out, len ? 'D' : 'C');
        ai_buf_add(out, p, len);
        ai_buf_char(out, '\n');
    }
}


/* reads with buffers of 1 to "most" bytes that are gone after use */

static void
parse(const uint8_t *p, size_t size, size_t max, size_t most, ai_buf_t *out)
{
    size_t           at, i, n, seed;
    uint8_t         *copy;
    ai_int_t         rc;
    ai_str_t         in;
    ai_ndjson_t      s;
    ai_sse_event_t   ev;

    ai_ndjson_init(&s, &fuzz_pool, max);

    at = 0;
    seed = most;
    rc = AI_AGAIN;

    for (i = 0; i < size && rc == AI_AGAIN; i += n) {
        seed = seed * 1103515245 + 12345;
        n = most > size ? size : ai_min(1 + (seed >> 16) % most, size - i);

        copy = malloc(n);
        must(copy != NULL);
        memcpy(copy, p + i, n);

        in.data = copy;
        in.len = n;

        while ((rc = ai_ndjson_next(&s, &in, &ev)) == AI_OK) {
            must(ev.bytes.len > 0 && ev.bytes.len <= ai_min(size - at, max));
            must(memcmp(ev.bytes.data, p + at, ev.bytes.len) == 0);
            must(ev.comment == (ev.data.data == NULL));
            must(ev.name.data == NULL);

            at += ev.bytes.len;
            ai_buf_char(out, ev.comment ? 'C' : 'D');
            ai_buf_cat(out, &ev.data);
            ai_buf_char(out, '\n');
        }

        if (rc == AI_AGAIN) {
            must(in.len == 0);
            must(at + (s.used ? 0 : ai_buf_len(&s.held)) == i + n);
        }

        free(copy);
    }

    if (rc == AI_ERROR) {
        must(s.oversize && ai_ndjson_end(&s, &ev, 1) == AI_ERROR);
        ai_buf_char(out, '!');

    } else {
        if (ai_ndjson_end(&s, &ev, 1) == AI_OK) {
            must(memcmp(ev.bytes.data, p + at, ev.bytes.len) == 0);
            at += ev.bytes.len;
            ai_buf_char(out, ev.comment ? 'C' : 'D');
            ai_buf_cat(out, &ev.data);
            ai_buf_char(out, '\n');
        }

        must(at == size);
        must(ai_ndjson_end(&s, &ev, 1) == AI_DECLINED);
    }

    ai_pfree(&fuzz_pool, s.held.start);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    i, max, most[4];
    ai_buf_t  want, got;
    ai_str_t  a, b;

    if (size < 1) {
        return 0;
    }

    max = data[0] & 1 ? 4096 : 1 + data[0] / 8;

    most[0] = size + 1;
    most[1] = 1;
    most[2] = 2 + data[0] % 16;
    most[3] = 2 + data[0];

    ai_buf_init(&want, &fuzz_pool);
    ai_buf_init(&got, &fuzz_pool);

    plain(data + 1, size - 1, max, &want);
    a = ai_buf_str(&want);

    for (i = 0; i < 4; i++) {
        ai_buf_reset(&got);
        parse(data + 1, size - 1, max, most[i], &got);
        b = ai_buf_str(&got);
        must(ai_str_eq(&a, &b));
    }

    ai_pfree(&fuzz_pool, want.start);
    ai_pfree(&fuzz_pool, got.start);

    return 0;
}
