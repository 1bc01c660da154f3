
/*
 * The words of a text, against those of tiktoken: t/data/token/words.txt.
 */

#include <time.h>

#include <base/ai_scan.h>
#include <token/ai_pretoken_int.h>

#include "expect.h"
#include "mem.h"
#include "tap.h"


#define MB     (1024 * 1024)
#define BATCH  64


static const char  *names[] = {
    "cl100k_base", "o200k_base", "tekken", "qwen", "llama3"
};


static ai_pretoken_e
pattern(const char *name)
{
    unsigned  i;

    for (i = 0; strcmp(names[i], name) != 0; i++) { /* void */ }

    return (ai_pretoken_e) i;
}


static size_t
by_next(ai_pretoken_e how, const ai_char_t *p, size_t len, size_t *ends)
{
    size_t  n, at;

    for (n = 0, at = 0; at < len; n++) {
        at += ai_pretoken_next(how, p + at, len - at);
        ends[n] = at;
    }

    return n;
}


static size_t
by_words(ai_pretoken_e how, const ai_char_t *p, size_t len, size_t *ends)
{
    size_t  n, i, count, at, some[BATCH];

    for (n = 0, at = 0; at < len; at = ends[n - 1]) {
        count = ai_pretoken_words(how, p + at, len - at, some, BATCH);

        for (i = 0; i < count; i++) {
            ends[n++] = at + some[i];
        }
    }

    return n;
}


static int
same(const expect_t *e, const size_t *ends, size_t n)
{
    return n == e->n && memcmp(ends, e->end, n * sizeof(size_t)) == 0;
}


/*
 * Of each beginning of the text, the stable part is words of the whole, and
 * both parts alone have the same words.  The last byte of a stable text may be
 * far from its end, but is not always.
 */

static int
stable(const expect_t *e, const ai_char_t *text, size_t *sum)
{
    int             good;
    size_t          cut, at, n, i, ends[EXPECT_WORDS];
    ai_char_t      *copy;
    ai_pretoken_e   how;

    how = pattern(e->name);
    good = 1;

    for (cut = 0; cut <= e->len; cut++) {
        copy = malloc(cut + 1);
        memcpy(copy, text, cut);

        at = ai_pretoken_stable(how, copy, cut);
        *sum += at;

        free(copy);

        if (at > cut) {
            return 0;
        }

        n = by_next(how, text, at, ends);

        for (i = 0; i < n; i++) {
            good &= ends[i] == e->end[i];
        }

        n += by_next(how, text + at, e->len - at, ends + n);

        for ( /* void */ ; i < n; i++) {
            good &= ends[i] + at == e->end[i];
        }

        good &= n == e->n;
    }

    return good;
}


static void
test_expected(void)
{
    FILE          *f;
    size_t         n, sum, all, ends[EXPECT_WORDS];
    expect_t      *e;
    ai_char_t     *text;
    unsigned       line;
    ai_pretoken_e  how;

    f = expect_open("words.txt");
    e = malloc(sizeof(expect_t));

    sum = 0;
    all = 0;

    for (line = 1; expect_next(f, e, 0); line++) {
        how = pattern(e->name);
        text = guard_copy(e->text, e->len);

        n = by_next(how, text, e->len, ends);
        ok(same(e, ends, n), "line %u: words, %s", line, e->name);

        n = by_words(how, text, e->len, ends);
        ok(same(e, ends, n), "line %u: many words", line);

        ok(stable(e, text, &sum), "line %u: cut anywhere", line);
        all += e->len * e->len / 2;

        guard_free();
    }

    ok(line > 350, "lines");
    ok(sum > all * 3 / 4, "most is stable: %zu of %zu", sum, all);

    free(e);
    fclose(f);
}


/* all texts in one, and from each of the first bytes on: blocks of many words
 * begin elsewhere */

static void
test_blocks(void)
{
    FILE       *f;
    size_t      len, i, from, n, m, *a, *b;
    expect_t   *e;
    unsigned    k;
    ai_char_t  *text;

    f = expect_open("words.txt");
    e = malloc(sizeof(expect_t));
    text = malloc(MB);
    a = malloc(MB / 4 * sizeof(size_t));
    b = malloc(MB / 4 * sizeof(size_t));

    len = 0;

    while (expect_next(f, e, 0)) {
        memcpy(text + len, e->text, e->len);
        len += e->len;
    }

    ok(len > 30000 && len < MB / 4, "%zu bytes", len);

    for (k = 0; k < 5; k++) {
        m = 0;

        for (from = 0; from < 100; from++) {
            if (ai_utf8_tail(text[from])) {
                continue;
            }

            n = by_next((ai_pretoken_e) k, text + from, len - from, a);
            i = by_words((ai_pretoken_e) k, text + from, len - from, b);

            m += n != i || memcmp(a, b, n * sizeof(size_t)) != 0;
        }

        is_int(m, 0, "blocks, %s", names[k]);
    }

    free(a);
    free(b);
    free(text);
    free(e);
    fclose(f);
}


/* Unicode 16.0.0: DerivedGeneralCategory.txt has these totals */

static void
test_classes(void)
{
    unsigned         i;
    uint32_t         c, class;
    static uint32_t  count[256];

    for (c = 0; c < AI_UNICODE_END; c++) {
        class = ai_unicode_class[ai_unicode_index[c / AI_UNICODE_BLOCK]
                                 * AI_UNICODE_BLOCK + c % AI_UNICODE_BLOCK];
        count[class]++;
    }

    is_int(count[AI_CHAR_UPPER], 1858 + 31, "Lu, Lt");
    is_int(count[AI_CHAR_LOWER], 2258, "Ll");
    is_int(count[AI_CHAR_BOTH], 404 + 136477, "Lm, Lo");
    is_int(count[AI_CHAR_MARK] + AI_UNICODE_MARKS, 2020 + 468 + 13, "M");
    is_int(count[AI_CHAR_NUMBER], 760 + 236 + 915, "N");
    is_int(count[AI_CHAR_SPACE], 23, "White_Space but for CR and LF");
    is_int(count[AI_CHAR_NEWLINE], 2, "CR, LF");

    for (i = 0, c = 0; i < 256; i++) {
        c += count[i];
    }

    is_int(c - count[AI_CHAR_OTHER], 1889 + 2258 + 136881 + 2501 - 240 + 1911
           + 25, "no other value");
}


static void
test_linear(void)
{
    size_t              i, k, n, len;
    double              seconds;
    clock_t             start;
    ai_char_t          *text;
    unsigned            how;
    static const char  *units[] = {
        " ", "\n", " \n", "\n ", "\t\n\n ", "a", "A", "aB", "Ab", "\xcc\x81",
        "\xe1\xb5\x83", "\xe1\xb5\x83" "A", "\xe4\xb8\xad", "1", "!", "!\n",
        "!/\n", "'s", "'", "\xf0\x9f\x98\x80", "a\xcc\x81", "a ", " a", "'S ",
        "\n/", "!\n  \n", "  1", "\xc2\xa0"
    };

    text = malloc(MB);

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        k = strlen(units[i]);

        for (len = 0; len + k <= MB / 2; len += k) {
            memcpy(text + len, units[i], k);
        }

        start = clock();

        for (how = 0; how < 5; how++) {
            for (n = 0; n < len; /* void */ ) {
                n += ai_pretoken_next((ai_pretoken_e) how, text + n, len - n);
            }

            n = ai_pretoken_stable((ai_pretoken_e) how, text, len);
        }

        seconds = (double) (clock() - start) / CLOCKS_PER_SEC;

        /* half a second under sanitizers; hours were it quadratic */
        ok(seconds < 20, "\"%s\" repeated is linear", i == 1 ? "LF" : "..");
    }

    free(text);
}


/* the last letter that can end a word is far behind: AAA..A after one */

static void
test_long(void)
{
    size_t      len;
    ai_char_t  *p;

    len = MB / 2;
    p = malloc(len);
    memset(p, 'A', len);
    memcpy(p, "\xe4\xb8\xad", 3);

    is_int(ai_pretoken_next(AI_PRETOKEN_O200K, p, len), 3, "back to the Lo");
    is_int(ai_pretoken_stable(AI_PRETOKEN_O200K, p, len), 0,
           "with a small letter it were one word");

    p[len - 1] = 'a';
    is_int(ai_pretoken_next(AI_PRETOKEN_O200K, p, len), len, "a small letter");

    p[len - 1] = ' ';
    is_int(ai_pretoken_stable(AI_PRETOKEN_O200K, p, len), len - 1,
           "a space is certain");

    free(p);
}


static void
test_valid(void)
{
    size_t                 i, len;
    ai_char_t             *p;
    static const ai_str_t  cases[] = {
        ai_string("plain text, longer than some steps of sixteen\n\t\"\\"),
        ai_string("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80 x\xed\x9f\xbf\n"
                  "\xc2\x80" "1\xee\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80"),
    };

    for (i = 0; i < 2; i++) {
        p = guard_copy(cases[i].data, cases[i].len);
        ok(ai_pretoken_valid(p, p + cases[i].len) == p + cases[i].len,
           "valid");
    }

    for (len = 0; len < 70; len++) {
        p = guard_map(len + 2, &i) + i - len - 2;
        memset(p, 'x', len);
        p[len] = 0xed;
        p[len + 1] = 0xa0;
        is_int(ai_pretoken_valid(p, p + len + 2) - p, len, "a surrogate");

        p[len] = 0xc3;
        is_int(ai_pretoken_valid(p, p + len + 1) - p, len, "cut off");
    }

    guard_free();
}


int
main(void)
{
    test_expected();
    test_blocks();
    test_classes();
    test_linear();
    test_long();
    test_valid();

    return done();
}
