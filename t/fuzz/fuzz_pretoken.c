
/*
 * The lengths of the words add up to the text, found one by one or many at a
 * time; what is stable at any cut is words of the whole, and both parts have
 * the words of the whole.
 *
 * The input: a byte for the pattern, one for the cut, then the text, of which
 * what is ill-formed becomes U+FFFD.
 */

#include <base/ai_scan.h>
#include <token/ai_pretoken_int.h>

#include "fuzz.h"


#define MAX    4096
#define BATCH  64


static size_t
by_next(ai_pretoken_e how, const ai_char_t *p, size_t len, size_t *ends)
{
    size_t  n, at, word;

    for (n = 0, at = 0; at < len; n++) {
        word = ai_pretoken_next(how, p + at, len - at);
        must(word > 0 && word <= len - at);
        at += word;
        must(at == len || !ai_utf8_tail(p[at]));
        ends[n] = at;
    }

    return n;
}


static void
check_words(ai_pretoken_e how, const ai_char_t *p, size_t len,
    const size_t *ends, size_t n)
{
    size_t  i, k, count, at, some[BATCH];

    for (i = 0, at = 0; at < len; at += some[count - 1]) {
        count = ai_pretoken_words(how, p + at, len - at, some, BATCH);
        must(count > 0 && count <= BATCH);

        for (k = 0; k < count; k++) {
            must(i < n && at + some[k] == ends[i]);
            i++;
        }
    }

    must(i == n);
}


static void
check_cut(ai_pretoken_e how, const ai_char_t *p, size_t len, size_t cut,
    const size_t *ends, size_t n)
{
    size_t      i, at, some[MAX];
    ai_char_t  *copy;

    copy = malloc(cut ? cut : 1);
    must(copy != NULL);
    memcpy(copy, p, cut);

    at = ai_pretoken_stable(how, copy, cut);
    must(at <= cut);

    free(copy);

    i = by_next(how, p, at, some);
    must(i <= n && memcmp(some, ends, i * sizeof(size_t)) == 0);

    n -= i;
    ends += i;

    must(by_next(how, p + at, len - at, some) == n);

    for (i = 0; i < n; i++) {
        must(some[i] + at == ends[i]);
    }
}


static size_t
mend(ai_char_t *to, const uint8_t *p, const uint8_t *end)
{
    size_t    len;
    unsigned  n;

    for (len = 0; p < end && len < MAX - 4; p += n) {
        n = *p < 0x80 ? 1 : ai_utf8_len(p, end);

        if (n) {
            memcpy(to + len, p, n);
            len += n;

        } else {
            n = ai_utf8_bad(p, end);
            len += ai_utf8_put(to + len, 0xfffd);
        }
    }

    return len;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len, n, ends[MAX];
    ai_char_t      *text, *p;
    ai_pretoken_e   how;

    if (size < 3) {
        return 0;
    }

    text = malloc(MAX);
    must(text != NULL);
    len = mend(text, data + 2, data + size);

    p = malloc(len);
    must(p != NULL);
    memcpy(p, text, len);

    how = (ai_pretoken_e) (data[0] % 5);

    must(ai_pretoken_valid(p, p + len) == p + len);

    n = by_next(how, p, len, ends);
    check_words(how, p, len, ends, n);
    check_cut(how, p, len, len * data[1] / 255, ends, n);
    check_cut(how, p, len, len, ends, n);

    free(p);
    free(text);

    return 0;
}
