
/*
 * Strings and the growable buffer.
 */

#include "tap.h"
#include "mem.h"

#include <base/ai_buf.h>


static void
test_str(void)
{
    ai_str_t  a, b, none = ai_null_string;

    a = ai_lit("GPT-4o");
    b = ai_lit("gpt-4O");

    ok(ai_str_eq(&a, &a) && !ai_str_eq(&a, &b), "eq");
    ok(ai_str_eq(&none, &ai_lit("")) && !ai_str_eq(&none, &a), "eq, empty");
    ok(ai_str_caseeq(&a, &b), "caseeq");
    ok(!ai_str_caseeq(&ai_lit("@["), &ai_lit("`{")), "only letters fold");
    ok(!ai_str_caseeq(&ai_lit("\xc3\xa9"), &ai_lit("\xc3\x89")),
       "only ASCII folds");

    ok(ai_str_starts(&a, "GPT") && ai_str_starts(&a, "")
       && ai_str_starts(&none, "") && !ai_str_starts(&a, "GPT-4o-mini")
       && !ai_str_starts(&a, "PT"), "starts");

    ok(ai_str_casefind(&a, "pt-4") && ai_str_casefind(&a, "O")
       && ai_str_casefind(&none, "") && !ai_str_casefind(&a, "4o-")
       && !ai_str_casefind(&none, "x") && !ai_str_casefind(&a, "gpt-4oo"),
       "casefind");

    a = ai_lit("gpt-4o-mini");

    ok(ai_str_glob(&ai_lit("gpt-4o*"), &a)
       && ai_str_glob(&ai_lit("*"), &a) && ai_str_glob(&ai_lit("*"), &none)
       && ai_str_glob(&a, &a) && ai_str_glob(&ai_lit("gpt-4o-mini*"), &a),
       "glob");
    ok(!ai_str_glob(&ai_lit("gpt-4o"), &a) && !ai_str_glob(&ai_lit(""), &a)
       && !ai_str_glob(&ai_lit("*mini"), &a)
       && !ai_str_glob(&ai_lit("gpt-4o-mini-*"), &a), "no glob");

    is_int(ai_str_dup(mem_pool(), &b, &a), AI_OK, "dup");
    ok(b.data != a.data && ai_str_eq(&a, &b), "is another");
    is_int(ai_str_dup(mem_pool(), &b, &none), AI_OK, "dup of nothing");
    ok(b.data != NULL && b.len == 0, "is empty");

    mem_fail_at(1);
    is_int(ai_str_dup(mem_pool(), &b, &a), AI_ERROR, "dup without memory");
    mem_fail_never();
    mem_reset();
}


static void
test_pool(void)
{
    int            i, sum;
    unsigned char  *p;

    p = ai_pcalloc(mem_pool(), 100);
    sum = 1;

    if (p != NULL) {
        for (sum = 0, i = 0; i < 100; i++) {
            sum += p[i];
        }
    }

    is_int(sum, 0, "pcalloc clears");
    ok(ai_palloc(mem_pool(), 0) != NULL, "0 bytes");

    ai_pfree(mem_pool(), p);
    ai_pfree(mem_pool(), NULL);
    is_int(mem_live(), 1, "pfree");
    ai_pfree(mem_pool_nofree(), p);

    mem_fail_at(1);
    ok(ai_pcalloc(mem_pool(), 8) == NULL, "pcalloc without memory");
    mem_fail_never();
    mem_reset();
}


static void
test_grow(void)
{
    int       i;
    size_t    calls;
    ai_buf_t  b;

    ai_buf_init(&b, mem_pool());
    is_int(mem_count(), 0, "nothing is allocated at first");
    is_int(ai_buf_len(&b), 0, "empty");

    for (i = 0; i < 10000; i++) {
        ai_buf_lit(&b, "abc");
        ai_buf_char(&b, (ai_char_t) ('0' + i % 10));
    }

    is_int(ai_buf_len(&b), 40000, "length");
    ok(memcmp(b.start + 39996, "abc9", 4) == 0, "end");
    ok(mem_count() < 12, "%zu allocations", mem_count());
    is_int(mem_live(), 1, "one of them is left");

    calls = mem_count();
    ai_buf_reset(&b);
    is_int(ai_buf_len(&b), 0, "reset");
    is_int(ai_buf_reserve(&b, 40000), AI_OK, "room is kept");
    is_int(mem_count(), calls, "without asking");

    is_int(ai_buf_reserve(&b, SIZE_MAX), AI_ERROR, "too much");
    ok(b.failed, "sets failed");
    is_int(mem_count(), calls, "without asking");
    ai_buf_lit(&b, "x");
    is_int(ai_buf_len(&b), 0, "and nothing is added any more");

    mem_reset();
    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&b, "kept");

    mem_fail_at(1);

    for (i = 0; i < 1000; i++) {
        ai_buf_lit(&b, "0123456789");
    }

    ok(b.failed, "an allocation fails");
    ok(mem_failed() == 1 && ai_buf_len(&b) < 1000, "and nothing follows");
    ok(memcmp(b.start, "kept", 4) == 0, "what was there is");

    mem_fail_never();
    mem_reset();
}


static void
is_integer(int64_t n, const char *want)
{
    ai_buf_t  b;

    ai_buf_init(&b, mem_pool());
    ai_buf_int(&b, n);
    is_mem(b.start, ai_buf_len(&b), want, strlen(want), "%s", want);
}


static void
is_escaped(const char *text, size_t len, const char *want)
{
    ai_buf_t  b;
    ai_str_t  s;

    ai_buf_init(&b, mem_pool());

    s.len = len;
    s.data = guard_copy(text, len);
    ai_buf_escape(&b, &s);
    is_mem(b.start, ai_buf_len(&b), want, strlen(want), "%.40s", want);

    guard_free();
    mem_reset();
}


#define escaped(text, want)  is_escaped(text, sizeof(text) - 1, want)

#define BAD  "\xef\xbf\xbd"


static void
test_escape(void)
{
    int       i, wrong;
    size_t    n;
    char      text[100], want[110];
    ai_buf_t  b;
    ai_str_t  s;

    escaped("", "");
    escaped("plain text, long enough for two steps of sixteen",
            "plain text, long enough for two steps of sixteen");
    escaped("\"\\/", "\\\"\\\\/");
    escaped("\b\t\n\v\f\r", "\\b\\t\\n\\u000b\\f\\r");
    escaped("\0\1\x1f\x7f", "\\u0000\\u0001\\u001f\x7f");
    escaped("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
            "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    escaped("\xe2\x80\xa8\xe2\x80\xa9", "\xe2\x80\xa8\xe2\x80\xa9");

    /* the table of The Unicode Standard, 3.9, and its neighbours */

    escaped("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82" "A",
            BAD BAD BAD BAD BAD BAD BAD BAD "A");
    escaped("\xed\xa0\x80\xed\xbf\xbf\xed\xaf" "A",
            BAD BAD BAD BAD BAD BAD BAD BAD "A");
    escaped("\xf4\x91\x92\x93\xff" "A\x80\xbf" "B",
            BAD BAD BAD BAD BAD "A" BAD BAD "B");
    escaped("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf" "A", BAD BAD BAD BAD "A");
    escaped("x\xf0\x9f\x98", "x" BAD);
    escaped("x\xe2\x82", "x" BAD);
    escaped("\xc3", BAD);
    escaped("\xc3\"", BAD "\\\"");

    /* one odd byte at every place */

    wrong = 0;
    ai_buf_init(&b, mem_pool());

    for (n = 1; n < 80; n++) {
        for (i = 0; i < (int) n; i++) {
            memset(text, 'x', n);
            text[i] = '\n';
            memset(want, 'x', n + 1);
            memcpy(want + i, "\\n", 2);

            s.len = n;
            s.data = (ai_char_t *) text;
            ai_buf_reset(&b);
            ai_buf_escape(&b, &s);

            wrong += ai_buf_len(&b) != n + 1
                     || memcmp(b.start, want, n + 1) != 0;
        }
    }

    is_int(wrong, 0, "an escape at every place");

    ai_buf_reset(&b);
    s = ai_lit("a\\nb");
    ai_buf_quote_esc(&b, &s);
    ai_buf_quote(&b, &s);
    is_str(ai_buf_str(&b), "\"a\\nb\"\"a\\\\nb\"", "quotes");

    s = (ai_str_t) ai_null_string;
    ai_buf_reset(&b);
    ai_buf_quote_esc(&b, &s);
    ai_buf_quote(&b, &s);
    ai_buf_cat(&b, &s);
    is_str(ai_buf_str(&b), "\"\"\"\"", "of nothing");

    mem_reset();
}


/* a text whose escaped form needs the buffer to grow in the middle */

static void
test_escape_memory(void)
{
    int       n;
    char      text[400];
    ai_buf_t  b;
    ai_str_t  s;

    memset(text, 1, sizeof(text));
    s.len = sizeof(text);
    s.data = (ai_char_t *) text;

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at((size_t) n);
        ai_buf_init(&b, mem_pool());
        ai_buf_escape(&b, &s);

        if (!mem_failed()) {
            break;
        }

        ok(b.failed, "allocation %d fails", n);
    }

    ok(n > 2 && ai_buf_len(&b) == 6 * sizeof(text), "then all is there");
    mem_reset();
}


int
main(void)
{
    test_str();
    test_pool();
    test_grow();

    is_integer(0, "0");
    is_integer(7, "7");
    is_integer(-10, "-10");
    is_integer(INT64_MAX, "9223372036854775807");
    is_integer(INT64_MIN, "-9223372036854775808");
    mem_reset();

    test_escape();
    test_escape_memory();

    return done();
}
