
/*
 * Any cutting of a text gives the sum of the whole; the cut that the tokenizer
 * names does; and so does the text in JSON's spelling, cut between escapes.
 *
 * The input: a byte for the vocabulary and whether the text is repeated until
 * there are batches of it, one that chooses pieces, then the text, any bytes.
 */

#include <base/ai_scan.h>
#include <token/ai_tokenizer.h>

#include "fuzz.h"


/* more than a batch; U+FFFD for each byte fits what mends it */
#define LONG  5000


static const ai_str_t  names[] = {
    ai_string("cl100k_base"), ai_string("o200k_base"), ai_string("tekken"),
    ai_string("qwen")
};


static size_t
piece(size_t *seed, size_t most)
{
    *seed = *seed * 1103515245 + 12345;

    return 1 + (*seed >> 16) % most;
}


/* bytes, each piece gone after use; asking for the sum changes nothing */

static int64_t
plain(const ai_tokenizer_t *t, const uint8_t *p, size_t size, size_t most)
{
    size_t         n, seed;
    int64_t        sum;
    uint8_t       *copy;
    ai_counter_t   c;

    ai_counter_init(&c, t, &fuzz_pool);
    seed = most;

    for ( /* void */ ; size; size -= n, p += n) {
        n = piece(&seed, most);
        n = ai_min(n, size);

        copy = malloc(n);
        must(copy != NULL);
        memcpy(copy, p, n);
        ai_counter_add(&c, copy, n);
        free(copy);

        must(ai_buf_len(&c.pending) < AI_COUNTER_MAX);
        must(seed >> 20 & 0xff || ai_counter_tokens(&c) > 0);
    }

    sum = ai_counter_tokens(&c);
    ai_counter_break(&c);
    must(ai_counter_tokens(&c) == sum);

    free(c.pending.start);

    return sum;
}


/* what is not ASCII or has to be is escaped, halves of pairs one by one */

static int64_t
spelled(const ai_tokenizer_t *t, const uint8_t *p, size_t size, size_t most)
{
    char            esc[16];
    size_t          n, i, seed;
    int64_t         sum;
    uint32_t        c;
    ai_esc_t        s;
    ai_counter_t    counter;
    const uint8_t  *end;

    ai_counter_init(&counter, t, &fuzz_pool);
    seed = most;
    end = p + size;
    s.data = (ai_char_t *) esc;

    for ( /* void */ ; p < end; p += n) {
        n = *p < 0x80 ? 1 : ai_utf8_len(p, end);
        c = n == 1 ? *p : n == 2 ? *p & 0x1f : n == 3 ? *p & 0x0f : *p & 0x07;

        if (n == 0) {
            n = ai_utf8_bad(p, end);

            /* what follows is no second half */
            s.len = (size_t) sprintf(esc, "\\ud8%02x", (unsigned) *p);
            ai_counter_add_esc(&counter, &s);
            continue;
        }

        for (i = 1; i < n; i++) {
            c = c << 6 | (p[i] & 0x3f);
        }

        if (n == 4) {
            s.len = (size_t) sprintf(esc, "\\u%04x",
                                     0xd7c0 + (unsigned) (c >> 10));
            ai_counter_add_esc(&counter, &s);
            s.len = (size_t) sprintf(esc, "\\u%04X",
                                     0xdc00 + (unsigned) (c & 0x3ff));
            ai_counter_add_esc(&counter, &s);

        } else if (c < 0x20 || c == '"' || c == '\\'
                   || piece(&seed, most) == 1)
        {
            s.len = (size_t) sprintf(esc, "\\u%04x", (unsigned) c);
            ai_counter_add_esc(&counter, &s);

        } else {
            memcpy(esc, p, n);
            s.len = n;
            ai_counter_add_esc(&counter, &s);
        }
    }

    sum = ai_counter_tokens(&counter);
    free(counter.pending.start);

    return sum;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                 cut, most, len;
    int64_t                want;
    uint8_t               *text;
    const ai_tokenizer_t  *t;

    if (size < 3) {
        return 0;
    }

    t = ai_tokenizer_open(&names[data[0] % 4]);
    must(t != NULL);

    most = 1 + data[1];
    data += 2;
    size -= 2;

    text = malloc(size + LONG);
    must(text != NULL);
    memcpy(text, data, size);

    len = data[-2] & 4 ? LONG : 0;

    while (size < len) {
        memcpy(text + size, text, ai_min(size, len - size));
        size += ai_min(size, len - size);
    }

    want = ai_tokenizer_count(t, text, size);
    must(want > 0 && want <= 3 * (int64_t) size);

    must(plain(t, text, size, 1) == want);
    must(plain(t, text, size, most) == want);
    must(spelled(t, text, size, most % 8 + 1) == want);

    cut = ai_tokenizer_cut(t, text, size * (most - 1) / 255);
    must(cut <= size);
    must(ai_tokenizer_count(t, text, cut)
         + ai_tokenizer_count(t, text + cut, size - cut) == want);

    free(text);

    return 0;
}
