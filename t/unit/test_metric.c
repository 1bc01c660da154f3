
/*
 * The registry of metrics: families, series, caps, memory that ends, a
 * process that is killed; and the text of both formats.
 */

#define _GNU_SOURCE

#include "tap.h"
#include "mem.h"

#include <signal.h>
#include <sys/wait.h>

#include <observe/ai_metric_family.h>


#define ARENA  (16 * 1024 * 1024)
#define NAMES  1500                         /* a child's */


/* memory that processes share, of which nothing is given back */
typedef struct {
    size_t      used;
    ai_char_t   data[];
} arena_t;


static const ai_metric_bound_t  bounds[] = {
    { "0.001", 1000 }, { "0.5", 500000 }, { "1.0", 1000000 }
};


static const ai_metric_family_t  families[] = {
    { .name = "x_total", .help = "Exes.", .labels = { "a", "b" },
      .nlabels = 2, .extra = 1 },
    { .name = "x_usd_total", .help = "Money.", .labels = { "a" },
      .nlabels = 1, .scale = 9 },
    { .name = "x_seconds", .help = "Time.", .type = AI_METRIC_HISTOGRAM,
      .labels = { "a" }, .nlabels = 1, .bounds = bounds, .nbounds = 3 },
    { .name = "x_ratio", .help = "Part.", .type = AI_METRIC_GAUGE,
      .scale = 6, .labels = { "a" }, .nlabels = 1 },
    { .name = "x_lost_total", .help = "Lost." }
};


static ai_metrics_t  m;


static void
start(const ai_str_t *extra, uint32_t nextra)
{
    size_t  size;

    mem_reset();
    memset(&m, 0, sizeof(ai_metrics_t));

    m.families = families;
    m.n = sizeof(families) / sizeof(families[0]);
    m.extra = extra;
    m.nextra = nextra;

    size = ai_metric_size(families, m.n);
    ai_metric_init(&m, memset(ai_palloc(mem_pool(), size), 0, size));
}


static ai_str_t
text(uint32_t family, const char *a, const char *b, const char *c)
{
    ai_str_t          s, values[3];

    static ai_char_t  data[AI_METRIC_TEXT_MAX];

    values[0] = (ai_str_t) { strlen(a), (ai_char_t *) a };
    values[1] = (ai_str_t) { strlen(b), (ai_char_t *) b };
    values[2] = (ai_str_t) { strlen(c), (ai_char_t *) c };

    s.len = ai_metric_text(&m, family, values, data);
    s.data = data;

    return s;
}


static ai_metric_series_t *
add(uint32_t family, const char *a, const char *b, const char *c)
{
    ai_str_t  s;

    s = text(family, a, b, c);

    return ai_metric_add(&m, family, &s, mem_pool());
}


/* what was written; of the pool */

static ai_str_t
page(unsigned openmetrics)
{
    size_t                starts[AI_METRIC_FAMILIES_MAX];
    uint32_t              f;
    ai_str_t              half;
    static ai_buf_t       buf;
    ai_metric_writer_t    w;
    ai_metric_series_t  **list;

    ai_buf_init(&buf, mem_pool());
    memset(&w, 0, sizeof(ai_metric_writer_t));
    w.metrics = &m;
    w.buf = &buf;
    w.openmetrics = openmetrics;

    list = ai_metric_list(&m, mem_pool(), starts);

    if (list == NULL) {
        return (ai_str_t) ai_null_string;
    }

    half = ai_lit("half");

    for (f = 0; f < m.n; f++) {
        ai_metric_write_family(&w, f, list + starts[f],
                               starts[f + 1] - starts[f]);

        if (f == 3) {
            ai_metric_write_sample(&w, f, &half, 500000);
            ai_metric_write_sample(&w, f, &half, -1);
        }

        if (f == 4) {
            ai_metric_write_sample(&w, f, NULL, 7);
        }
    }

    ai_metric_write_end(&w);

    return buf.failed ? (ai_str_t) ai_null_string : ai_buf_str(&buf);
}


static void
test_table(void)
{
    char                       name[128];
    double                     le;
    size_t                     len;
    uint32_t                   i, j, k;
    const ai_metric_family_t  *f;

    for (i = 0; i < AI_M_MAX; i++) {
        f = &ai_metric_families[i];
        len = strlen(f->name);
        snprintf(name, sizeof(name), "%s", f->name);

        ok(strncmp(name, "nginx_ai_", 9) == 0, "%s: prefix", name);
        ok((strcmp(name + len - 6, "_total") == 0)
           == (f->type == AI_METRIC_COUNTER), "%s: _total", name);
        ok((strcmp(name + len - 8, "_seconds") == 0)
           == (f->type == AI_METRIC_HISTOGRAM), "%s: _seconds", name);
        ok(strlen(f->help) > 10 && f->help[strlen(f->help) - 1] == '.'
           && !strpbrk(f->help, "\\\n"), "%s: help", name);
        ok(f->nlabels <= AI_METRIC_BASE_MAX
           && f->nbounds <= AI_METRIC_BOUNDS_MAX, "%s: room", name);
        ok((f->bounds != NULL) == (f->type == AI_METRIC_HISTOGRAM),
           "%s: bounds", name);

        for (j = 0; j < f->nlabels; j++) {
            ok(f->labels[j] && strcmp(f->labels[j], "le") != 0,
               "%s: label %u", name, j);
        }

        for (j = 0; j < f->nbounds; j++) {
            le = strtod(f->bounds[j].le, NULL) * 1e6;
            ok(le > (double) f->bounds[j].us - 0.01
               && le < (double) f->bounds[j].us + 0.01
               && (j == 0 || f->bounds[j].us > f->bounds[j - 1].us)
               && strchr(f->bounds[j].le, '.'), "%s: le %s", name,
               f->bounds[j].le);
        }

        for (k = 0; k < i; k++) {
            ok(strcmp(name, ai_metric_families[k].name) != 0, "%s: once",
               name);
        }
    }

    ok(ai_metric_fingerprint(ai_metric_families, AI_M_MAX)
       != ai_metric_fingerprint(ai_metric_families, AI_M_MAX - 1),
       "a fingerprint");
    ok(ai_metric_fingerprint(families, 3)
       == ai_metric_fingerprint(families, 3), "... that is one");
}


static void
test_text(void)
{
    char             want[600];
    size_t           i;
    ai_str_t         s, value;
    ai_char_t        data[AI_METRIC_TEXT_MAX];

    static const ai_str_t  extra[] = { ai_string("team") };

    static const struct {
        const char  *value;
        const char  *want;
    } cases[] = {
        { "", "" },
        { "plain", "plain" },
        { "a\\b", "a\\\\b" },
        { "say \"x\"", "say \\\"x\\\"" },
        { "two\nlines", "two\\nlines" },
        { "tab\there\x7f\x01", "tab here  " },
        { "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80",
          "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80" },
        { "\xc3", "?" },
        { "\xff\xfe", "??" },
        { "\xed\xa0\x80", "???" },
        { "\xc0\xaf", "??" },
        { "x\xe6\xbc", "x??" }
    };

    start(extra, 1);

    s = text(0, "1", "2", "3");
    is_str(s, "a=\"1\",b=\"2\",team=\"3\"", "labels");
    s = text(1, "1", "2", "3");
    is_str(s, "a=\"1\"", "a family without those of the operator");
    s = text(4, "1", "2", "3");
    is_str(s, "", "no labels");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        value.len = strlen(cases[i].value);
        value.data = guard_copy(cases[i].value, value.len);

        s.len = ai_metric_text(&m, 1, &value, data);
        s.data = data;

        snprintf(want, sizeof(want), "a=\"%s\"", cases[i].want);
        is_str(s, want, "value %zu", i);
        guard_free();
    }

    /* cut, not inside of a character; all of them to be escaped */

    for (i = 120; i < 140; i++) {
        memset(want, '"', sizeof(want));
        value.len = i;
        value.data = guard_copy(want, i);
        is_int(ai_metric_text(&m, 1, &value, data),
               4 + 2 * ai_min(i, AI_METRIC_VALUE_MAX), "%zu quotes", i);

        memcpy(value.data + i - 4, "\xf0\x9f\x98\x80", 4);
        s.len = ai_metric_text(&m, 1, &value, data);
        s.data = data;
        ok(memchr(data, '?', s.len) == NULL, "%zu with a character", i);
        guard_free();
    }
}


static void
test_registry(void)
{
    int                  i;
    char                 name[32];
    ai_str_t             s;
    ai_metric_series_t  *a, *b, *other;

    start(NULL, 0);

    s = text(0, "1", "2", "");
    ok(ai_metric_find(&m, 0, &s) == NULL, "nothing yet");

    a = add(0, "1", "2", "");
    ok(a && a->family == 0, "a series");
    s = text(0, "1", "2", "");
    ok(ai_metric_find(&m, 0, &s) == a, "is found");
    ok(add(0, "1", "2", "") == a, "is made once");
    ok(ai_metric_find(&m, 1, &s) == NULL, "not in another family");

    b = add(1, "1", "", "");
    ok(b != a && b->family == 1, "the same value in another one");
    ok(add(2, "1", "", "") != b, "... and in a third");

    ai_metric_inc(a, 5);
    ai_metric_inc(a, 2);
    is_int(a->words[0], 7, "counts");
    is_int(b->words[0], 0, "... only there");

    /* the cap is the family's */

    m.cap = 10;

    for (i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "v%d", i);
        b = add(0, name, "", "");
        ai_metric_inc(b, 1);
    }

    other = b;
    is_int(other->len, 0, "the last one is \"other\"");
    is_int(other->words[0], 91, "... with all that had no room");
    is_int(ai_metric_dropped(&m), 91, "... told");
    ok(add(1, "new", "", "")->len != 0, "another family has room");
    ok(add(0, "v3", "", "")->len != 0, "what was there stays");

    /* their part of the zone is used up */

    start(NULL, 0);
    m.max_bytes = 1000;

    for (i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "v%d", i);
        other = add(0, name, "", "");
    }

    is_int(ai_metric_dropped(&m), 85, "15 of 64 bytes are below 1000");
    is_int(other->len, 0, "... then \"other\"");

    /* without memory */

    start(NULL, 0);
    mem_fail_from(1);
    other = add(2, "1", "", "");
    is_int(other->len, 0, "no memory: \"other\"");
    ai_metric_observe(&m, other, 700000);
    is_int(other->words[2], 1, "... that counts");
    ok(add(2, "1", "", "") == other, "... again");
    mem_fail_never();
    ok(add(2, "1", "", "") != other, "memory again: a series");
    is_int(ai_metric_dropped(&m), 2, "... twice");
}


static void
test_values(void)
{
    int       i, rc, n;
    char      name[200];
    ai_str_t  label, value;

    start(NULL, 0);
    label = ai_lit("team");

    for (i = 0, n = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "value-%d", i);
        value = (ai_str_t) { strlen(name), (ai_char_t *) name };

        rc = ai_metric_value(&m, &label, &value, 20);
        is_int(rc, i < 20 ? AI_AGAIN : AI_DECLINED, "value %d", i);
        rc = ai_metric_value_add(&m, &label, &value, 20, mem_pool());
        n += (rc == AI_OK);
    }

    is_int(n, 20, "as many as may be");
    value = ai_lit("value-7");
    is_int(ai_metric_value(&m, &label, &value, 20), AI_OK, "one of them");
    is_int(ai_metric_value(&m, &label, &value, 1), AI_OK,
           "... stays when there may be less");
    label = ai_lit("tea");
    is_int(ai_metric_value(&m, &label, &value, 20), AI_AGAIN,
           "another label");
    value = ai_lit("mvalue-7");
    is_int(ai_metric_value(&m, &label, &value, 20), AI_AGAIN,
           "a name is not part of a value");
    is_int(ai_metric_value_add(&m, &label, &value, 0, mem_pool()),
           AI_DECLINED, "none may be");

    memset(name, 'x', sizeof(name));
    value = (ai_str_t) { 200, guard_copy(name, 200) };
    is_int(ai_metric_value_add(&m, &label, &value, 5, mem_pool()), AI_OK,
           "a long one");
    value.len = 150;
    is_int(ai_metric_value(&m, &label, &value, 5), AI_OK, "... is cut");
    guard_free();

    for (i = 1; i < 4; i++) {
        start(NULL, 0);
        value = ai_lit("v");
        mem_fail_at((size_t) i);
        rc = ai_metric_value_add(&m, &label, &value, 5, mem_pool());
        is_int(rc, i < 3 ? AI_DECLINED : AI_OK, "allocation %d fails", i);
        mem_fail_never();
        is_int(ai_metric_value_add(&m, &label, &value, 5, mem_pool()), AI_OK,
               "... the next time it does not");
    }
}


static void
test_cache(void)
{
    int                 i;
    void              **a, **b;
    char                name[32];
    ai_str_t            v[2];
    ai_metric_cache_t   c;

    mem_reset();
    memset(&c, 0, sizeof(ai_metric_cache_t));
    c.pool = *mem_pool();
    c.max = 100;

    v[0] = ai_lit("ab");
    v[1] = ai_lit("c");

    a = ai_metric_cache_get(&c, 1, v, 2, 3);
    ok(a && a[0] == NULL && a[1] == NULL && a[2] == NULL, "a new entry");
    a[2] = &c;

    b = ai_metric_cache_get(&c, 1, v, 2, 3);
    ok(b == a && b[2] == &c, "is found");
    ok(ai_metric_cache_get(&c, 2, v, 2, 3) != a, "another kind");

    v[0] = ai_lit("a");
    v[1] = ai_lit("bc");
    ok(ai_metric_cache_get(&c, 1, v, 2, 3) != a, "other values");
    ok(ai_metric_cache_get(&c, 1, v, 1, 3) != a, "fewer values");
    ok(ai_metric_cache_get(&c, 1, NULL, 0, 3) != NULL, "no values");

    for (i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "v%d", i);
        v[0] = (ai_str_t) { strlen(name), (ai_char_t *) name };
        (void) ai_metric_cache_get(&c, 1, v, 1, 3);
    }

    is_int(c.n, 205, "entries");
    ai_metric_cache_trim(&c);
    is_int(c.n, 0, "... go when there are too many");
    is_int(mem_live(), 0, "... with their memory");

    for (i = 1; i < 3; i++) {
        mem_fail_at((size_t) i);
        ok(ai_metric_cache_get(&c, 1, v, 1, 3) == NULL,
           "allocation %d fails", i);
        mem_fail_never();
        ok(ai_metric_cache_get(&c, 1, v, 1, 3) != NULL, "... not again");
        ai_metric_cache_clear(&c);
    }
}


static void
test_page(void)
{
    int                  n;
    ai_str_t             s;
    ai_metric_series_t  *a;

    start(NULL, 0);

    is_str(page(0),
           "# HELP x_ratio Part.\n"
           "# TYPE x_ratio gauge\n"
           "x_ratio{a=\"half\"} 0.500000\n"
           "x_ratio{a=\"half\"} -0.000001\n"
           "# HELP x_lost_total Lost.\n"
           "# TYPE x_lost_total counter\n"
           "x_lost_total 7\n", "nothing counted");

    ai_metric_inc(add(0, "1", "q\"", ""), 12345678901234ull);
    ai_metric_inc(add(1, "1", "", ""), 1234567890123456789ull);

    a = add(2, "1", "", "");
    ai_metric_observe(&m, a, 0);
    ai_metric_observe(&m, a, 1000);
    ai_metric_observe(&m, a, 1001);
    ai_metric_observe(&m, a, 1000000);
    ai_metric_observe(&m, a, 5000000);

    m.cap = 1;
    ai_metric_inc(add(1, "2", "", ""), 1);

    is_str(page(1),
           "# HELP x Exes.\n"
           "# TYPE x counter\n"
           "x_total{a=\"1\",b=\"q\\\"\"} 12345678901234\n"
           "# HELP x_usd Money.\n"
           "# TYPE x_usd counter\n"
           "x_usd_total{a=\"other\"} 0.000000001\n"
           "x_usd_total{a=\"1\"} 1234567890.123456789\n"
           "# HELP x_seconds Time.\n"
           "# TYPE x_seconds histogram\n"
           "x_seconds_bucket{a=\"1\",le=\"0.001\"} 2\n"
           "x_seconds_bucket{a=\"1\",le=\"0.5\"} 3\n"
           "x_seconds_bucket{a=\"1\",le=\"1.0\"} 4\n"
           "x_seconds_bucket{a=\"1\",le=\"+Inf\"} 5\n"
           "x_seconds_sum{a=\"1\"} 6.002001\n"
           "x_seconds_count{a=\"1\"} 5\n"
           "# HELP x_ratio Part.\n"
           "# TYPE x_ratio gauge\n"
           "x_ratio{a=\"half\"} 0.500000\n"
           "x_ratio{a=\"half\"} -0.000001\n"
           "# HELP x_lost Lost.\n"
           "# TYPE x_lost counter\n"
           "x_lost_total 7\n"
           "# EOF\n", "OpenMetrics");

    s = page(0);
    ok(memmem(s.data, s.len, "# TYPE x_usd_total counter\n", 27) != NULL
       && memmem(s.data, s.len, "# EOF", 5) == NULL, "the older format");

    for (n = 1; n < 100; n++) {
        mem_fail_at((size_t) n);
        s = page(0);

        if (!mem_failed()) {
            break;
        }

        is_int(s.len, 0, "allocation %d of a page fails", n);
    }

    mem_fail_never();
}


static void
test_accept(void)
{
    size_t    i;
    ai_str_t  s;

    static const struct {
        const char  *accept;
        int          open;
    } cases[] = {
        { "", 0 },
        { "*/*", 0 },
        { "text/plain", 0 },
        { "application/openmetrics-text", 1 },
        { "Application/OpenMetrics-Text ; version=1.0.0", 1 },
        { "application/openmetrics-text;q=0", 0 },
        { "application/openmetrics-text;q=0.0", 0 },
        { "application/openmetrics-text;q=0.001", 1 },
        { "application/openmetrics-text;q=0.5,text/plain;q=0.5", 1 },
        { "application/openmetrics-text;q=0.5,text/plain;q=0.51", 0 },
        { "text/plain;version=0.0.4;q=0.5,application/openmetrics-text", 1 },
        { "text/plain , */*;q=0.1 , application/openmetrics-text;q=0.9", 0 },
        { "application/openmetrics-textual", 0 },
        { "application/json, ;;;,,q=1", 0 },
        { "application/openmetrics-text;q=", 1 },
        { "application/openmetrics-text;q=1", 1 },
        { "application/openmetrics-text;q", 1 },
        { ";", 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s.len = strlen(cases[i].accept);
        s.data = guard_copy(cases[i].accept, s.len);
        is_int(ai_metric_accept(&s), cases[i].open, "Accept: %s",
               cases[i].accept);
        guard_free();
    }
}


static void *
arena_alloc(void *data, size_t size)
{
    void     *p;
    arena_t  *a = data;

    size = (size + 15) & ~ (size_t) 15;

    if (size > ARENA - sizeof(arena_t) - a->used) {
        return NULL;
    }

    p = a->data + a->used;
    a->used += size;

    return p;
}


/* adds until it is killed, at any instruction */

static void
child(const ai_pool_t *pool, int round)
{
    int                  i;
    char                 name[32];
    ai_str_t             s;
    ai_metric_series_t  *series;

    for (i = 0; ; i++) {
        snprintf(name, sizeof(name), "v%d", i % NAMES + round * NAMES / 2);
        s = text((uint32_t) i % 3, name, "", "");

        series = ai_metric_add(&m, (uint32_t) i % 3, &s, pool);
        ai_metric_inc(series, 1);
    }
}


static void
test_kill(void)
{
    int                   round, status, bad;
    void                 *map;
    pid_t                 pid;
    size_t                i, n, starts[AI_METRIC_FAMILIES_MAX];
    arena_t              *arena;
    ai_pool_t             pool;
    ai_str_t              s;
    ai_metric_series_t  **list;

    mem_reset();

    map = mmap(NULL, ARENA, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);
    ok(map != MAP_FAILED, "shared memory");

    arena = map;
    pool.alloc = arena_alloc;
    pool.free = NULL;
    pool.data = arena;

    memset(&m, 0, sizeof(ai_metrics_t));
    m.families = families;
    m.n = 3;
    ai_metric_init(&m, arena_alloc(arena, ai_metric_size(families, 3)));

    m.cap = UINT32_MAX;
    bad = 0;
    n = 0;

    for (round = 0; round < 40; round++) {
        pid = fork();

        if (pid == 0) {
            child(&pool, round);
        }

        usleep((useconds_t) (500 + round * 37 % 1500));
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);

        if (round % 8 != 7) {
            continue;
        }

        list = ai_metric_list(&m, mem_pool(), starts);

        for (i = 0, n = 0; i < starts[3]; i++) {
            if (list[i]->len == 0) {
                continue;
            }

            s.len = list[i]->len;
            s.data = (ai_char_t *) (list[i]->words + list[i]->nwords);

            /* each is found, and there is one of it */

            bad += ai_metric_find(&m, list[i]->family, &s) != list[i];
            n++;
        }
    }

    is_int(bad, 0, "40 killed processes left no half link and no twin");
    ok(n > 100, "... of %zu series", n);

    (void) munmap(map, ARENA);
}


int
main(void)
{
    test_table();
    test_text();
    test_registry();
    test_values();
    test_cache();
    test_page();
    test_accept();
    test_kill();

    return done();
}
