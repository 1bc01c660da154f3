
/*
 * Tokens of whole texts and of texts in pieces, against those of tiktoken:
 * t/data/token/counts.txt.
 */

#include <codec/ai_base64.h>
#include <token/ai_tokenizer.h>

#include "expect.h"
#include "mem.h"
#include "tap.h"


#define MB  (1024 * 1024)


static const ai_tokenizer_t *
tokenizer(const char *name)
{
    ai_str_t  s;

    s.data = (ai_char_t *) name;
    s.len = strlen(name);

    return ai_tokenizer_open(&s);
}


static int64_t
count(const ai_tokenizer_t *t, const char *text)
{
    return ai_tokenizer_count(t, (const ai_char_t *) text, strlen(text));
}


/* from a copy that ends where the piece ends */

static void
add(ai_counter_t *c, const ai_char_t *p, size_t len)
{
    ai_char_t  *copy;

    copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    ai_counter_add(c, copy, len);
    free(copy);
}


static void
add_esc(ai_counter_t *c, const char *p, size_t len)
{
    ai_esc_t  s;

    s.len = len;
    s.data = malloc(len ? len : 1);
    memcpy(s.data, p, len);
    ai_counter_add_esc(c, &s);
    free(s.data);
}


static int64_t
pieces(const ai_tokenizer_t *t, const ai_char_t *p, size_t len, size_t most)
{
    size_t        n;
    int64_t       sum;
    ai_counter_t  c;

    ai_counter_init(&c, t, mem_pool());

    for ( /* void */ ; len; len -= n, p += n) {
        n = ai_min(len, most);
        add(&c, p, n);
    }

    sum = ai_counter_tokens(&c);
    ai_pfree(mem_pool(), c.pending.start);

    return sum;
}


static void
test_expected(void)
{
    int                    cut, two;
    FILE                  *f;
    size_t                 i, k;
    expect_t              *e;
    unsigned               line;
    ai_char_t             *text;
    ai_counter_t           c;
    const ai_tokenizer_t  *t;

    f = expect_open("counts.txt");
    e = malloc(sizeof(expect_t));

    for (line = 1; expect_next(f, e, 1); line++) {
        t = tokenizer(e->name);
        text = guard_copy(e->text, e->len);

        is_int(ai_tokenizer_count(t, text, e->len), e->count, "%s, line %u",
               e->name, line);

        for (cut = 1, two = 1, i = 0; i <= e->len; i++) {
            k = ai_tokenizer_cut(t, text, i);

            cut &= k <= i && ai_tokenizer_count(t, text, k)
                             + ai_tokenizer_count(t, text + k, e->len - k)
                             == e->count;

            ai_counter_init(&c, t, mem_pool());
            add(&c, text, i);
            (void) ai_counter_tokens(&c);
            add(&c, text + i, e->len - i);
            two &= ai_counter_tokens(&c) == e->count;
            ai_pfree(mem_pool(), c.pending.start);
        }

        ok(cut, "cut anywhere");
        ok(two, "two pieces");
        is_int(pieces(t, text, e->len, 1), e->count, "bytes");
        guard_free();
    }

    ok(line > 200, "lines");

    free(e);
    fclose(f);
    mem_reset();
}


static void
test_open(void)
{
    unsigned               i;
    ai_str_t               name;
    const ai_tokenizer_t  *t;
    static const char     *names[] = {
        "cl100k_base", "o200k_base", "tekken", "qwen"
    };

    for (i = 0; i < 4; i++) {
        t = tokenizer(names[i]);
        ok(t != NULL && tokenizer(names[i]) == t, "%s, once", names[i]);

        name = ai_tokenizer_name(t);
        is_str(name, names[i], "its name");
    }

    ok(tokenizer("llama3") == NULL, "no such vocabulary");
    ok(tokenizer("") == NULL, "no name");
    is_int(count(tokenizer("qwen"), ""), 0, "no text");
}


/* a batch and more of all that the file has, in pieces of all sizes */

static void
test_batches(void)
{
    FILE                  *f;
    size_t                 i, len;
    int64_t                want;
    expect_t              *e;
    ai_char_t             *text;
    const ai_tokenizer_t  *t;
    static const size_t    most[] = {
        1, 2, 3, 5, 17, 100, 1000, 4095, 4096, 4097, 10000, MB
    };

    f = expect_open("counts.txt");
    e = malloc(sizeof(expect_t));
    text = malloc(MB);
    len = 0;

    while (expect_next(f, e, 1)) {
        memcpy(text + len, e->text, e->len);
        len += e->len;
    }

    t = tokenizer("o200k_base");
    want = ai_tokenizer_count(t, text, len);
    ok(len > 3 * AI_COUNTER_BATCH && want > 5000, "%zu bytes", len);

    for (i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
        is_int(pieces(t, text, len, most[i]), want, "pieces of %zu", most[i]);
    }

    free(text);
    free(e);
    fclose(f);
    mem_reset();
}


/* ill-formed parts count as U+FFFD, also where the text is put right a buffer
 * at a time */

static void
test_broken(void)
{
    size_t                 i, n, m, step;
    ai_char_t             *bad, *good;
    const ai_tokenizer_t  *t;
    static const char     *texts[] = {
        "some words, and numbers 12345\n\n  of\ttext's ", "!!!", "a", "\n "
    };
    static const ai_str_t  parts[] = {
        ai_string("\xff"), ai_string("\xe2\x82"), ai_string("\xf0\x9f\x98"),
        ai_string("\xed\xa0\x80"), ai_string("\xc0\xaf")
    };
    static const size_t    marks[] = { 1, 1, 1, 3, 2 };

    t = tokenizer("cl100k_base");
    bad = malloc(MB);
    good = malloc(MB);

    for (step = 1; step < 40000; step = step * 5 + 2) {
        n = 0;
        m = 0;

        for (i = 0; n < 70000; i++) {
            const char      *s = texts[step < 1000 ? 0 : i / 700 % 4];
            const ai_str_t  *part = &parts[i / step % 5];

            memcpy(bad + n, s, strlen(s));
            memcpy(good + m, s, strlen(s));
            n += strlen(s);
            m += strlen(s);

            if (i % step == 0) {
                memcpy(bad + n, part->data, part->len);
                n += part->len;

                for (size_t k = 0; k < marks[i / step % 5]; k++) {
                    memcpy(good + m, "\xef\xbf\xbd", 3);
                    m += 3;
                }
            }
        }

        is_int(ai_tokenizer_count(t, bad, n), ai_tokenizer_count(t, good, m),
               "ill-formed every %zu texts", step);
        is_int(pieces(t, bad, n, 333), ai_tokenizer_count(t, good, m),
               "and in pieces");
    }

    free(bad);
    free(good);
    mem_reset();
}


/* one word of 200 KB is cut, what is held is bounded, and nothing is lost */

static void
test_long(void)
{
    size_t                 i, len, k, unit;
    int64_t                whole, sum;
    ai_char_t             *text;
    ai_counter_t           c;
    const ai_tokenizer_t  *t;
    static const char     *units[] = {
        "a", "!", " ", "\xe4\xb8\xad", "\xff", "\xf0\x9f\x98\x80"
    };

    t = tokenizer("o200k_base");
    text = malloc(MB);

    for (k = 0; k < 6; k++) {
        unit = strlen(units[k]);

        for (len = 0; len < 200 * 1024; len += unit) {
            memcpy(text + len, units[k], unit);
        }

        whole = ai_tokenizer_count(t, text, len);
        ai_counter_init(&c, t, mem_pool());

        for (i = 0; i < len; i += 7) {
            ai_counter_add(&c, text + i, ai_min(7, len - i));

            if (ai_buf_len(&c.pending) >= AI_COUNTER_MAX) {
                ok(0, "too much is held");
                break;
            }
        }

        sum = ai_counter_tokens(&c);
        ok(sum + 8 > whole && sum < whole + 8, "a long word: %ld of %ld",
           (long) sum, (long) whole);

        ai_pfree(mem_pool(), c.pending.start);
    }

    free(text);
    mem_reset();
}


static int64_t
escaped(const char *s, size_t cut)
{
    size_t        len;
    int64_t       n;
    ai_counter_t  c;

    len = strlen(s);

    ai_counter_init(&c, tokenizer("o200k_base"), mem_pool());
    add_esc(&c, s, cut);
    add_esc(&c, s + cut, len - cut);
    n = ai_counter_tokens(&c);
    ai_pfree(mem_pool(), c.pending.start);

    return n;
}


static void
test_escapes(void)
{
    size_t                 i;
    int64_t                n;
    ai_counter_t           c;
    const ai_tokenizer_t  *t;

    static const struct {
        const char  *esc;
        const char  *text;
    } cases[] = {
        { "plain", "plain" },
        { "a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te", "a\"b\\c/d\b\f\n\r\te" },
        { "\\u0041\\u00e9\\u4E2d\\u4e2D",
          "A\xc3\xa9\xe4\xb8\xad\xe4\xb8\xad" },
        { "x \\ud83d\\ude00!", "x \xf0\x9f\x98\x80!" },
        { "\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80" },
        { "\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\\ud83dx\\ude00", "\xef\xbf\xbdx\xef\xbf\xbd" },
        { "\\ud83d\\n\\ude00", "\xef\xbf\xbd\n\xef\xbf\xbd" },
        { "\\ud800\\udc00\\udbff\\udfff", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
        { "ab\\ud835\\udc00c", "ab\xf0\x9d\x90\x80" "c" },
        { "\xe4\xb8\xad\\n\xe4\xb8\xad", "\xe4\xb8\xad\n\xe4\xb8\xad" },
        { "\xe4\xb8\\n", "\xef\xbf\xbd\n" },
        { "\\", "\\" }, { "\\x", "\\x" }, { "\\u12", "\\u12" },
        { "\\u12g4", "\\u12g4" },
    };

    t = tokenizer("o200k_base");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(escaped(cases[i].esc, 0), count(t, cases[i].text), "%s",
               cases[i].esc);
    }

    n = count(t, "x \xf0\x9f\x98\x80!");
    is_int(escaped("x \\ud83d\\ude00!", 8), n, "a pair in two pieces");

    /* the first half counts as long as the other one is not there */

    ai_counter_init(&c, t, mem_pool());
    add_esc(&c, "\\ud83d", 6);
    is_int(ai_counter_tokens(&c), count(t, "\xef\xbf\xbd"), "half a pair");

    add(&c, (const ai_char_t *) "", 0);
    add_esc(&c, "\\ude00", 6);
    is_int(ai_counter_tokens(&c), count(t, "\xf0\x9f\x98\x80"), "all of it");

    ai_counter_break(&c);
    n = ai_counter_tokens(&c);
    add_esc(&c, "\\ud83d", 6);
    ai_counter_break(&c);
    add_esc(&c, "\\ude00", 6);
    is_int(ai_counter_tokens(&c) - n, 2 * count(t, "\xef\xbf\xbd"),
           "not over a break");
    ai_pfree(mem_pool(), c.pending.start);

    ai_counter_init(&c, t, mem_pool());
    add_esc(&c, "\\ud83d", 6);
    add(&c, (const ai_char_t *) "!", 1);
    add_esc(&c, "\\ude00", 6);
    is_int(ai_counter_tokens(&c), count(t, "\xef\xbf\xbd!\xef\xbf\xbd"),
           "no pair");
    ai_pfree(mem_pool(), c.pending.start);

    mem_reset();
}


/* pairs, of letters also, at every place of a batch, in one piece and in some
 * that part them */

static void
test_pairs(void)
{
    char                  *esc, *text;
    size_t                 i, k;
    int64_t                want;
    ai_counter_t           c;
    const ai_tokenizer_t  *t;
    static const char     *parts[] = {
        "ab", "\\ud835", "\\udc00", "c d", "\\ud83d", "\\ude00", ",\\n"
    };

    t = tokenizer("o200k_base");
    esc = malloc(MB);
    text = malloc(MB);

    for (i = 0; i < 40; i++) {
        sprintf(esc, "%*s", (int) i, "");
        sprintf(text, "%*s", (int) i, "");

        ai_counter_init(&c, t, mem_pool());
        add(&c, (ai_char_t *) text, i);

        while (strlen(text) < 3 * AI_COUNTER_BATCH) {
            strcat(text, "ab\xf0\x9d\x90\x80" "c d\xf0\x9f\x98\x80,\n");

            for (k = 0; k < 7; k++) {
                strcat(esc, parts[k]);
                add_esc(&c, parts[k], strlen(parts[k]));
            }
        }

        want = count(t, text);
        is_int(ai_counter_tokens(&c), want, "pairs in pieces, %zu", i);
        is_int(escaped(esc, 0), want, "in one");

        ai_pfree(mem_pool(), c.pending.start);
    }

    free(esc);
    free(text);
    mem_reset();
}


/* no memory: an estimate that is not far off, and no text is lost */

static void
test_counter_memory(void)
{
    size_t                 n, i;
    int64_t                want, got;
    ai_counter_t           c;
    const ai_tokenizer_t  *t;
    static const char      text[] = "Some words \\ud83d\\ude00 and more.\\n";

    t = tokenizer("o200k_base");

    for (want = 0, n = 0; n < 20; n++) {
        mem_reset();
        mem_fail_from(n);

        ai_counter_init(&c, t, mem_pool());

        for (i = 0; i < 300; i++) {
            add_esc(&c, text, sizeof(text) - 1);
        }

        got = ai_counter_tokens(&c);

        if (n == 0) {
            want = got;
            ok(want > 1500, "tokens");
        }

        ok(got >= want && got < want * 2, "allocation %zu and on: %ld", n,
           (long) got);

        if (n && !mem_failed()) {
            is_int(got, want, "nothing failed");
            break;
        }
    }

    ok(n > 3 && n < 20, "all were tried");
    mem_reset();
}


/* a file: bytes 255 to 0, then these; ranks are in order or not */

static size_t
ranks(char *out, const char *end, unsigned step, const char *more)
{
    char      *p;
    ai_buf_t   b;
    ai_str_t   s;
    unsigned   i, rank;
    ai_char_t  c;

    ai_buf_init(&b, mem_pool());
    p = out;

    for (i = 0; i < 256; i++) {
        rank = i * step % 256;
        c = (ai_char_t) (255 - rank);
        s.data = &c;
        s.len = 1;

        ai_buf_reset(&b);
        ai_base64_encode(&b, &s);
        p += sprintf(p, "%.*s %u%s", (int) ai_buf_len(&b), b.start, rank, end);
    }

    ai_pfree(mem_pool(), b.start);

    return (size_t) (p - out) + (size_t) sprintf(p, "%s", more);
}


static const ai_tokenizer_t *
parse(const char *file, size_t len, const char *pattern, ai_uint_t *line,
    const char **error)
{
    ai_str_t               f, s;
    const ai_tokenizer_t  *t;

    f.data = malloc(len ? len : 1);
    f.len = len;
    memcpy(f.data, file, len);

    s.data = (ai_char_t *) pattern;
    s.len = strlen(pattern);

    t = ai_tokenizer_parse(&f, &s, mem_pool(), line, error);

    free(f.data);

    return t;
}


static void
test_parse(void)
{
    char                  *file;
    size_t                 len, i, n;
    ai_str_t               name;
    ai_uint_t              line;
    const char            *error;
    const ai_tokenizer_t  *t;

    /* "ab", "abc", " abc" */
    static const char      more[] = "YWI= 256\nYWJj 257\nIGFiYw== 258\n";

    static const struct {
        const char  *more;
        unsigned     line;
        const char  *what;
    } bad[] = {
        { "YWI=\n", 257, "no rank" },
        { " 256\n", 257, "no token" },
        { "\n", 257, "an empty line" },
        { "YWI= 256 \n", 257, "a blank at the end" },
        { "YWI= x\n", 257, "no number" },
        { "YWI= \n", 257, "an empty number" },
        { "YWI= -1\n", 257, "negative" },
        { "YWI= 99999999999999999999\n", 257, "a large number" },
        { "YWI= 4294967296\n", 257, "of 33 bits" },
        { "YWI= 256\nYWJj 256\n", 258, "the rank twice" },
        { "YWI= 7\n", 257, "the rank of a byte" },
        { "YWI= 257\n", 257, "a gap" },
        { "!!!! 256\n", 257, "no base64" },
        { "==== 256\n", 257, "padding alone" },
    };

    file = malloc(MB);

    for (i = 0; i < 4; i++) {
        len = ranks(file, i & 1 ? "\r\n" : "\n", i & 2 ? 77 : 1, more);
        error = NULL;
        t = parse(file, len - (i == 3), "qwen", &line, &error);

        if (!ok(t != NULL, "a file")) {
            diag("line %u: %s", (unsigned) line, error);
            continue;
        }

        name = ai_tokenizer_name(t);
        is_str(name, "qwen", "its name");
        is_int(count(t, "abc abcd xab"), 6, "its tokens");
        is_int(count(t, "123"), 3, "its pattern");
        mem_reset();
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        len = ranks(file, "\n", 1, bad[i].more);
        error = NULL;
        t = parse(file, len, "llama3", &line, &error);

        ok(t == NULL && error != NULL, "%s: %s", bad[i].what,
           error ? error : "");
        is_int(line, bad[i].line, "its line");
        mem_reset();
    }

    /* the last byte twice, so that one is missing */

    len = ranks(file, "\n", 1, "");
    memcpy(file + len - strlen("AA== 255\n"), "AQ==", 4);
    error = "none";
    ok(parse(file, len, "llama3", &line, &error) == NULL, "%s", error);
    is_int(line, 0, "no line");

    ok(parse("", 0, "llama3", &line, &error) == NULL, "empty: %s", error);
    ok(parse("IQ== 0\n", 7, "none", &line, &error) == NULL, "%s", error);
    mem_reset();

    /* cut anywhere and without memory: no more than refused */

    len = ranks(file, "\n", 3, more);

    for (i = 0; i < len; i += 7) {
        (void) parse(file, i, "qwen", &line, &error);
        mem_reset();
    }

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at(n);
        error = NULL;
        t = parse(file, len, "qwen", &line, &error);

        if (!mem_failed()) {
            break;
        }

        ok(t == NULL && line == 0 && error != NULL, "allocation %zu: %s", n,
           error);
    }

    ok(t != NULL && n > 5 && n < 100, "all were tried");

    mem_reset();
    free(file);
}


int
main(void)
{
    test_open();
    test_expected();
    test_batches();
    test_broken();
    test_long();
    test_escapes();
    test_pairs();
    test_counter_memory();
    test_parse();

    return done();
}
