
/*
 * Counting against byte-pair merging as it is defined, and against numbers
 * that tiktoken gave.
 */

#include "tap.h"
#include "mem.h"
#include "vocab_naive.h"


#define VOCABS  4


typedef struct {
    const char        *word;
    unsigned           repeat;
    size_t             tokens[VOCABS];  /* as in ai_vocab_data */
} known_t;


/* by tiktoken 0.14 with the vendors' files, each as one word */

static const known_t  known[] = {
    { "hello", 1, { 1, 1, 1, 1 } },
    { " tokenization", 1, { 2, 2, 2, 2 } },
    { "antidisestablishmentarianism", 1, { 6, 6, 7, 6 } },
    { "ngx_http_ai_gateway_module", 1, { 5, 5, 8, 5 } },
    { "a", 1000, { 125, 125, 500, 125 } },
    { " ", 300, { 3, 3, 5, 3 } },
    { "0123456789", 1, { 4, 4, 10, 10 } },
    { "=====================!", 1, { 3, 3, 4, 3 } },
    { "internationalisierung", 1, { 2, 3, 3, 3 } },
    { "\xe6\x88\x91\xe4\xbb\xac\xe5\x9c\xa8\xe5\x8c\x97\xe4\xba\xac"
      "\xe5\xa4\xa7\xe5\xad\xa6\xe5\xad\xa6\xe4\xb9\xa0\xe8\xae\xa1"
      "\xe7\xae\x97\xe6\x9c\xba\xe7\xa7\x91\xe5\xad\xa6", 1,
      { 8, 13, 10, 5 } },
    { "\xe3\x81\x93\xe3\x82\x8c\xe3\x81\xaf\xe3\x83\x86\xe3\x82\xb9"
      "\xe3\x83\x88\xe3\x81\xa7\xe3\x81\x99", 1, { 4, 5, 4, 3 } },
    { "\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4\xeb\xac\xb8\xec\x9e\xa5", 1,
      { 4, 6, 5, 5 } },
    { "\xf0\x9f\x98\x80", 20, { 20, 40, 80, 20 } },
    { "\xd1\x80\xd0\xb0\xd1\x81\xd0\xbf\xd0\xbe\xd0\xb7\xd0\xbd\xd0\xb0"
      "\xd0\xb2\xd0\xb0\xd0\xbd\xd0\xb8\xd0\xb5", 1, { 4, 7, 4, 5 } },
    { "qzxjvkwpfgbhydmclurnsoitea", 1, { 15, 14, 16, 14 } },
    { "\xef\xbf\xbd", 7, { 2, 2, 4, 2 } }
};


static uint32_t  seed = 12345;


static unsigned
any(unsigned n)
{
    seed = seed * 1664525 + 1013904223;

    return (unsigned) (((uint64_t) seed * n) >> 32);
}


/* one word, with unreadable pages around it: are both the same? */

static int
agrees(const ai_vocab_t *v, const naive_t *naive, const ai_char_t *p,
    size_t len)
{
    size_t  got, want;

    want = naive_count(naive, p, len);
    got = ai_vocab_count(v, p, len);

    if (got != want) {
        diag("%zu bytes: %zu tokens, expected %zu", len, got, want);
        tap_show("word", p, len);
    }

    return got == want;
}


static void
test_known(const ai_vocab_t *v, unsigned which)
{
    size_t       i, k, len;
    ai_char_t    word[4096];
    const char  *name;

    name = (const char *) ai_vocab_data[which].name.data;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        len = 0;

        for (k = 0; k < known[i].repeat; k++) {
            memcpy(word + len, known[i].word, strlen(known[i].word));
            len += strlen(known[i].word);
        }

        is_int(ai_vocab_count(v, word, len), known[i].tokens[which],
               "%s: known word %zu", name, i);
    }

    is_int(ai_vocab_count(v, word, 0), 0, "%s: nothing", name);
}


static void
test_tokens(const ai_vocab_t *v, const naive_t *naive, const char *name)
{
    size_t    bad;
    uint32_t  i;

    bad = 0;

    for (i = 0; i < naive->n; i++) {
        bad += ai_vocab_count(v, naive->bytes + naive->offset[i],
                              naive->offset[i + 1] - naive->offset[i]) != 1;
    }

    is_int(bad, 0, "%s: each of %u tokens is one", name, naive->n);
}


/* a random word of a kind; its length */

static size_t
word_of(const naive_t *naive, unsigned kind, ai_char_t *p)
{
    static const char  some[] = "etaoin ";

    size_t    len, max;
    uint32_t  i, k, n;

    len = 0;

    switch (kind) {

    case 0:                             /* tokens behind each other */
    case 1:
        for (n = kind == 0 ? 2 : 2 + any(8); n; n--) {
            i = any(naive->n);
            memcpy(p + len, naive->bytes + naive->offset[i],
                   naive->offset[i + 1] - naive->offset[i]);
            len += naive->offset[i + 1] - naive->offset[i];
        }

        return len;

    case 2:                             /* the end of one, another's start */
        i = any(naive->n);
        k = naive->offset[i] + any(naive->offset[i + 1] - naive->offset[i]);
        n = naive->offset[i + 1] - k;
        memcpy(p, naive->bytes + k, n);

        i = any(naive->n);
        len = any(naive->offset[i + 1] - naive->offset[i]) + 1;
        memcpy(p + n, naive->bytes + naive->offset[i], len);

        return n + len;

    case 3:                             /* a run of one byte, of one token */
        max = 1 + any(300);
        memset(p, (int) any(256), max);
        return max;

    case 4:
        i = any(naive->n);
        n = naive->offset[i + 1] - naive->offset[i];

        for (max = 1 + any(400 / n + 1); max; max--) {
            memcpy(p + len, naive->bytes + naive->offset[i], n);
            len += n;
        }

        return len;

    case 5:                             /* bytes, letters, few letters */
        max = 1 + any(40);

        while (len < max) {
            p[len++] = (ai_char_t) any(256);
        }

        return len;

    case 6:
        max = 1 + any(60);

        while (len < max) {
            p[len++] = (ai_char_t) ('a' + any(26));
        }

        return len;

    default:
        max = 1 + any(80);

        while (len < max) {
            p[len++] = (ai_char_t) some[any(7)];
        }

        return len;
    }
}


static void
test_random(const ai_vocab_t *v, const naive_t *naive, const char *name)
{
    static const char *const  kinds[] = {
        "two tokens", "some tokens", "parts of tokens", "runs of a byte",
        "runs of a token", "bytes", "letters", "few letters"
    };

    size_t     len, bad, i;
    unsigned   kind;
    ai_char_t  word[8192];

    for (kind = 0; kind < 8; kind++) {
        bad = 0;

        for (i = 0; i < 1000 && bad < 3; i++) {
            len = word_of(naive, kind, word);
            bad += !agrees(v, naive, word, len);
        }

        is_int(bad, 0, "%s: %s", name, kinds[kind]);
    }
}


static void
test_guard(const ai_vocab_t *v, const naive_t *naive, const char *name)
{
    size_t     len, bad, i;
    ai_char_t  word[8192];

    bad = 0;

    for (i = 0; i < 200; i++) {
        len = word_of(naive, i % 8, word);
        bad += !agrees(v, naive, guard_copy(word, len), len);
        bad += !agrees(v, naive, guard_after(word, len), len);
        guard_free();
    }

    for (len = 1; len < 70; len++) {
        memset(word, 'x', len);
        bad += !agrees(v, naive, guard_copy(word, len), len);
        bad += !agrees(v, naive, guard_after(word, len), len);
        guard_free();
    }

    is_int(bad, 0, "%s: nothing before and behind a word is read", name);
}


/* the same vocabulary as a list */

static void
test_as_list(const ai_vocab_t *v, const naive_t *naive, const char *name)
{
    size_t       len, bad, i;
    ai_char_t    word[8192];
    ai_vocab_t  *list;

    list = ai_vocab_build_list(naive->bytes, naive->offset, naive->n,
                               mem_pool());
    if (!ok(list != NULL, "%s: as a list", name)) {
        return;
    }

    bad = 0;

    for (i = 0; i < 8000; i++) {
        len = word_of(naive, i % 8, word);
        bad += ai_vocab_count(v, word, len)
               != ai_vocab_count(list, word, len);
    }

    is_int(bad, 0, "%s: the list counts the same", name);
}


static void
test_compiled_in(void)
{
    unsigned     i;
    naive_t      naive;
    ai_vocab_t  *v[VOCABS];
    const char  *name;

    for (i = 0; ai_vocab_data[i].data; i++) {
        name = (const char *) ai_vocab_data[i].name.data;
        v[i] = ai_vocab_build(&ai_vocab_data[i], mem_pool());

        if (!ok(v[i] != NULL, "%s is built", name)) {
            return;
        }

        naive_open(&naive, &ai_vocab_data[i]);

        test_known(v[i], i);
        test_tokens(v[i], &naive, name);
        test_random(v[i], &naive, name);
        test_guard(v[i], &naive, name);

        if (i == 1) {
            test_as_list(v[i], &naive, name);
        }

        naive_free(&naive);
    }

    is_int(i, VOCABS, "vocabularies");

    /* all at once: what is remembered of one is not another's */

    while (i--) {
        test_known(v[i], i);
    }

    mem_reset();
}


/* a random vocabulary of few letters, in any order, some bytes missing */

static int
small(naive_t *v)
{
    uint32_t    i, k, n, len, alone, *offset;
    ai_char_t  *bytes;

    alone = any(5);
    n = alone + 1 + any(40);
    bytes = naive_alloc(n * 6);
    offset = naive_alloc((n + 1) * sizeof(uint32_t));
    offset[0] = 0;

    for (i = 0; i < n; i++) {
        len = i < alone ? 1 : 2 + any(any(5) + 1);
        offset[i + 1] = offset[i] + len;

        for (k = offset[i]; k < offset[i + 1]; k++) {
            bytes[k] = (ai_char_t) ('a' + (i < alone ? i : any(4)));
        }
    }

    return naive_init(v, bytes, offset, n);
}


static void
test_small(void)
{
    int          fine;
    size_t       built, refused, twice, bad, i, k, len;
    naive_t      naive;
    ai_char_t    word[200];
    ai_vocab_t  *v;

    built = 0;
    refused = 0;
    twice = 0;
    bad = 0;

    for (i = 0; i < 4000 && bad < 3; i++) {
        fine = small(&naive);
        twice += !fine;

        v = ai_vocab_build_list(naive.bytes, naive.offset, naive.n,
                                mem_pool());
        refused += v == NULL;

        if (v && fine) {
            built++;

            for (k = 0; k < 60 && bad < 3; k++) {
                for (len = 0; len <= any(60); len++) {
                    word[len] = (ai_char_t) ('a' + any(4));
                }

                bad += !agrees(v, &naive, word, len);
            }
        }

        naive_free(&naive);
        mem_reset();
    }

    is_int(bad, 0, "small vocabularies");
    is_int(refused, twice, "those with a token twice are refused");
    ok(built > 500, "%zu others", built);
}


/*
 * Characters of two bytes, of which each makes a token with the next one, the
 * last two first: where the row of them begins to pair up shows at its end.
 */

#define ROW  1199

static void
test_far_back(void)
{
    uint32_t     i, n, *offset;
    naive_t      naive;
    ai_char_t   *bytes, *word, *p;
    ai_vocab_t  *v;

    bytes = naive_alloc(ROW * 6 + 256);
    offset = naive_alloc((2 * ROW + 256) * sizeof(uint32_t));
    word = naive_alloc(ROW * 2 * 50);
    p = bytes;

    for (i = 0; i < ROW; i++) {
        word[2 * i] = (ai_char_t) (i / 100);
        word[2 * i + 1] = (ai_char_t) (100 + i % 100);
    }

    memcpy(p, word, 2 * ROW);
    p += 2 * ROW;

    for (i = ROW - 1; i; i--) {
        memcpy(p, word + 2 * (i - 1), 4);
        p += 4;
    }

    n = 2 * ROW - 1;

    for (i = 0; i <= n; i++) {
        offset[i] = i < ROW ? 2 * i : 2 * ROW + 4 * (i - ROW);
    }

    ok(naive_init(&naive, bytes, offset, n), "a list");
    v = ai_vocab_build_list(bytes, offset, n, mem_pool());

    is_int(ai_vocab_count(v, word, 2 * ROW), ROW / 2 + 1,
           "the first one stays alone");
    is_int(ai_vocab_count(v, word, 2 * ROW - 2), ROW / 2, "or has a pair");
    ok(agrees(v, &naive, word, 2 * 301), "a shorter row, odd");
    ok(agrees(v, &naive, word, 2 * 300), "even");

    for (i = 1; i < 50; i++) {
        memcpy(word + 2 * ROW * i, word, 2 * ROW);
    }

    is_int(ai_vocab_count(v, word, 2 * ROW * 50), (ROW / 2 + 1) * 50,
           "many rows");

    free(word);
    naive_free(&naive);
    mem_reset();
}


/* a small vocabulary in the form of those that are compiled in */

static const char  tiny[] =
    "AAEC" "AAEG"       /* 258 tokens, 262 bytes */
    "ABh" "ABi"         /* "ab" */
    "EAA" "ABj";        /* 256: "abc" ... of 3 bytes */


static ai_vocab_t *
build_tiny(const char *s, size_t len)
{
    ai_vocab_data_t  data;

    memset(&data, 0, sizeof(data));
    data.data = guard_copy(s, len);
    data.end = data.data + len;

    return ai_vocab_build(&data, mem_pool());
}


static void
test_broken_data(void)
{
    char         s[sizeof(tiny)];
    size_t       i;
    ai_vocab_t  *v;

    memcpy(s, tiny, sizeof(tiny));
    memcpy(s + 7, "F", 1);              /* 261 bytes */
    memcpy(s + 14, "AEA", 3);           /* token 256 */

    v = build_tiny(s, sizeof(s) - 1);

    if (ok(v != NULL, "a small vocabulary")) {
        is_int(ai_vocab_count(v, (ai_char_t *) "abc", 3), 1, "abc");
        is_int(ai_vocab_count(v, (ai_char_t *) "abab", 4), 2, "ab ab");
        is_int(ai_vocab_count(v, (ai_char_t *) "bcabcb", 6), 4, "b c abc b");
    }

    for (i = 0; i < sizeof(s) - 1; i++) {
        ok(build_tiny(s, i) == NULL, "its first %zu bytes", i);
    }

    s[7] = 'E';
    ok(build_tiny(s, sizeof(s) - 1) == NULL, "more bytes than it says");

    s[7] = 'G';
    ok(build_tiny(s, sizeof(s) - 1) == NULL, "fewer");

    s[7] = 'F';
    s[16] = 'B';
    ok(build_tiny(s, sizeof(s) - 1) == NULL, "a token made of itself");

    mem_reset();
    guard_free();
}


static void
test_broken_lists(void)
{
    ai_char_t  bytes[1024];
    uint32_t   offset[4];

    memset(bytes, 'a', sizeof(bytes));

    offset[0] = 0;
    offset[1] = 1;
    offset[2] = 1;
    offset[3] = 3;
    ok(ai_vocab_build_list(bytes, offset, 3, mem_pool()) == NULL,
       "an empty token");

    offset[2] = 2;
    ok(ai_vocab_build_list(bytes, offset, 3, mem_pool()) == NULL,
       "a token twice");
    ok(ai_vocab_build_list(bytes, offset, 0, mem_pool()) == NULL, "no token");

    offset[1] = 1;
    offset[2] = 1 + 513;
    ok(ai_vocab_build_list(bytes, offset, 2, mem_pool()) == NULL,
       "a token of 513 bytes");

    offset[2] = 1 + 512;
    ok(ai_vocab_build_list(bytes, offset, 2, mem_pool()) != NULL, "of 512");

    mem_reset();
}


static void
test_no_memory(void)
{
    size_t       i, bad;
    uint32_t     offset[] = { 0, 1, 2, 4, 7 };
    ai_vocab_t  *v;

    bad = 0;

    for (i = 1; i < 100; i++) {
        mem_reset();
        mem_fail_at(i);
        v = ai_vocab_build(&ai_vocab_data[1], mem_pool());

        if (!mem_failed()) {
            break;
        }

        bad += v != NULL;
    }

    ok(i > 5 && i < 100 && v, "%zu allocations of a vocabulary", i - 1);
    is_int(bad, 0, "each may fail");

    for (i = 1; i < 100; i++) {
        mem_reset();
        mem_fail_at(i);
        v = ai_vocab_build_list((ai_char_t *) "ababcab", offset, 4,
                                mem_pool());

        if (!mem_failed()) {
            break;
        }

        bad += v != NULL;
    }

    ok(i > 5 && i < 100 && v, "%zu allocations of a list", i - 1);
    is_int(bad, 0, "each may fail");

    mem_reset();
    v = ai_vocab_build_list((ai_char_t *) "ababcab", offset, 4,
                            mem_pool_nofree());
    ok(v != NULL, "a pool that frees nothing");

    mem_reset();
}


int
main(void)
{
    test_compiled_in();
    test_small();
    test_far_back();
    test_broken_data();
    test_broken_lists();
    test_no_memory();

    return done();
}
