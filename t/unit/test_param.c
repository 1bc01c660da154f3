
/*
 * Edits of a body that the configuration asks for.
 */

#include "tap.h"
#include "mem.h"

#include <codec/ai_param.h>


#define EDITS  48


typedef struct {
    char              text[8192];
    ai_param_path_t   path[EDITS];
    ai_param_t        list[EDITS];
    size_t            n;
} edits_t;


static edits_t     edits;
static ai_buf_t    out;
static ai_error_t  err;


/* "mode path value" a line; the value may be absent */

static void
read_edits(const char *lines)
{
    char            *line, *word;
    ai_str_t         s;
    ai_param_t      *e;
    const char      *why;
    const char      *const *m;

    static const char *const  modes[] = {
        "set", "default", "min", "max", "drop", NULL
    };

    edits.n = 0;
    snprintf(edits.text, sizeof(edits.text), "%s", lines);

    for (line = strtok(edits.text, "\n"); line; line = strtok(NULL, "\n")) {
        e = &edits.list[edits.n];

        word = strchr(line, ' ');
        *word++ = '\0';

        for (m = modes; strcmp(*m, line) != 0; m++) {
            /* void */
        }

        e->mode = (ai_param_mode_e) (m - modes);

        line = strchr(word, ' ');

        if (line) {
            *line++ = '\0';
        }

        e->value.data = (ai_char_t *) line;
        e->value.len = line ? strlen(line) : 0;

        s.data = (ai_char_t *) word;
        s.len = strlen(word);

        if (ai_param_compile(&s, mem_pool(), &edits.path[edits.n], &why)
            != AI_OK)
        {
            ok(0, "%s: %s", word, why ? why : "no memory");
            continue;
        }

        e->path = &edits.path[edits.n];
        edits.n++;
    }
}


static ai_int_t
run(const char *body)
{
    ai_str_t  s = guard_str(body, strlen(body));

    ai_buf_init(&out, mem_pool());
    memset(&err, 0, sizeof(err));

    return ai_param_body(mem_pool(), &s, edits.list, edits.n, &out, &err);
}


static void
test_edits(void)
{
    size_t    i, n, bad;
    ai_str_t  got;

    static const struct {
        const char  *edits;
        const char  *body;
        const char  *want;      /* NULL: nothing changes */
    } cases[] = {

        /* set */
        { "set a 1", "{}", "{\"a\":1}" },
        { "set a 1", " { \"b\" : 2 } ", " {\"a\":1, \"b\" : 2 } " },
        { "set a 1", "{\"b\":2, \"a\" : [1, 2] }", "{\"b\":2, \"a\" : 1 }" },
        { "set a 1", "{\"\\u0061\":2}", "{\"\\u0061\":1}" },
        { "set a null", "{\"a\":2}", "{\"a\":null}" },
        { "set a \"\"", "{}", "{\"a\":\"\"}" },
        { "set a ", "{}", NULL },
        { "set a b c", "{}", "{\"a\":\"b c\"}" },
        { "set a 0.20", "{}", "{\"a\":0.20}" },
        { "set a 01", "{}", "{\"a\":\"01\"}" },
        { "set a  [1, 2] ", "{}", "{\"a\":[1, 2]}" },
        { "set a {\"b\":true}", "{}", "{\"a\":{\"b\":true}}" },
        { "set a say \"x\\y\"", "{}", "{\"a\":\"say \\\"x\\\\y\\\"\"}" },
        { "set a true", "{}", "{\"a\":true}" },
        { "set a True", "{}", "{\"a\":\"True\"}" },
        { "set a\\.b 1", "{\"a\":{\"b\":2}}", "{\"a.b\":1,\"a\":{\"b\":2}}" },
        { "set a\\\\ 1", "{}", "{\"a\\\\\":1}" },
        { "set \xc3\xbc 1", "{\"\\u00fc\":2}", "{\"\\u00fc\":1}" },

        /* further down */
        { "set o.n 1", "{\"o\":{\"n\":0,\"m\":2}}",
          "{\"o\":{\"n\":1,\"m\":2}}" },
        { "set o.n 1", "{\"o\":{}}", "{\"o\":{\"n\":1}}" },
        { "set o.n 1", "{}", "{\"o\":{\"n\":1}}" },
        { "set o.n 1", "{\"o\":null,\"p\":0}", "{\"o\":{\"n\":1},\"p\":0}" },
        { "set a.b.c.d 1", "{\"a\":{}}", "{\"a\":{\"b\":{\"c\":{\"d\":1}}}}" },
        { "set o.n 1\nset o.m 2\nset o.p.q 3", "{\"x\":0}",
          "{\"o\":{\"n\":1,\"m\":2,\"p\":{\"q\":3}},\"x\":0}" },
        { "set o.n 1\nset o.m 2", "{\"o\":{\"z\":0}}",
          "{\"o\":{\"n\":1,\"m\":2,\"z\":0}}" },
        { "set m.0.c x", "{\"m\":[{\"c\":\"y\"},{\"c\":\"z\"}]}",
          "{\"m\":[{\"c\":\"x\"},{\"c\":\"z\"}]}" },
        { "set m.1.d 1\nset m.0.d 0", "{\"m\":[{},{\"c\":1}]}",
          "{\"m\":[{\"d\":0},{\"d\":1,\"c\":1}]}" },
        { "set m.1 x", "{\"m\":[0,[1,2],3]}", "{\"m\":[0,\"x\",3]}" },
        { "set m.0.x 1", "{\"m\":[null]}", "{\"m\":[{\"x\":1}]}" },
        { "set b.5 -1\nset b.07 1", "{}", "{\"b\":{\"5\":-1,\"07\":1}}" },
        { "set b.5 -1", "{\"b\":{\"5\":1}}", "{\"b\":{\"5\":-1}}" },

        /* default */
        { "default a 1", "{}", "{\"a\":1}" },
        { "default a 1", "{\"a\":null}", "{\"a\":1}" },
        { "default a 1", "{\"a\":false}", NULL },
        { "default o.a 1\ndefault o.b 2", "{\"o\":{\"b\":0}}",
          "{\"o\":{\"a\":1,\"b\":0}}" },
        { "default a ", "{}", NULL },

        /* limits */
        { "max n 10", "{}", "{\"n\":10}" },
        { "max n 10", "{\"n\":null}", "{\"n\":10}" },
        { "max n 10", "{\"n\":10}", NULL },
        { "max n 10", "{\"n\":1.0e1}", NULL },
        { "max n 10", "{\"n\":11}", "{\"n\":10}" },
        { "max n 10", "{\"n\":10.0001}", "{\"n\":10}" },
        { "max n 10", "{\"n\":1e999}", "{\"n\":10}" },
        { "max n 10", "{\"n\":-1e999}", NULL },
        { "max n 10", "{\"n\":-5}", NULL },
        { "min n 10", "{}", "{\"n\":10}" },
        { "min n 10", "{\"n\":9}", "{\"n\":10}" },
        { "min n 10", "{\"n\":-1e999}", "{\"n\":10}" },
        { "min n 10", "{\"n\":11}", NULL },
        { "min n 0.5\nmax n 0.7", "{\"n\":0.1}", "{\"n\":0.5}" },
        { "min n 0.5\nmax n 0.7", "{\"n\":1}", "{\"n\":0.7}" },
        { "min n 0.5\nmax n 0.7", "{\"n\":0.6}", NULL },
        { "max o.n 4", "{}", "{\"o\":{\"n\":4}}" },

        /* drop */
        { "drop a", "{}", NULL },
        { "drop a", "{\"a\":1}", "{}" },
        { "drop a", "{\"a\":1,\"b\":2}", "{\"b\":2}" },
        { "drop b", "{\"a\":1,\"b\":2}", "{\"a\":1}" },
        { "drop b", "{\"a\":1 , \"b\":null , \"c\":3}",
          "{\"a\":1  , \"c\":3}" },
        { "drop a\ndrop b\ndrop c", "{\"a\":1,\"b\":2,\"c\":3}", "{}" },
        { "drop o.a", "{\"o\":{\"a\":1}}", "{\"o\":{}}" },
        { "drop o.a", "{\"o\":null}", NULL },
        { "drop o.a", "{\"o\":\"x\"}", NULL },
        { "drop o.a.b", "{\"o\":{\"b\":1}}", NULL },
        { "drop m.3.x", "{\"m\":[{\"x\":1}]}", NULL },
        { "drop m.0.x\ndrop m.0.y", "{\"m\":[{\"x\":1,\"y\":2,\"z\":3}]}",
          "{\"m\":[{\"z\":3}]}" },

        /* one after the other */
        { "set a 1\nset a 2", "{\"a\":0}", "{\"a\":2}" },
        { "set a 1\ndrop a", "{\"a\":0}", "{}" },
        { "set a 1\ndrop a", "{\"b\":0}", NULL },
        { "drop a\nset a 1", "{\"a\":0}", "{\"a\":1}" },
        { "drop a\ndefault a 1", "{\"a\":0,\"b\":1}", "{\"a\":1,\"b\":1}" },
        { "set a 1\ndefault a 2", "{}", "{\"a\":1}" },
        { "set a null\ndefault a 2", "{}", "{\"a\":2}" },
        { "default n 100\nmax n 10", "{}", "{\"n\":10}" },
        { "max n 10\ndefault n 100", "{}", "{\"n\":10}" },
        { "set o.a 1\nset o 2", "{\"o\":{\"a\":0}}", "{\"o\":2}" },
        { "set o.a 1\ndefault o 2", "{}", "{\"o\":{\"a\":1}}" },
        { "set o.a 1\ndrop o", "{\"o\":{\"a\":0},\"x\":1}", "{\"x\":1}" },
        { "drop o\nset o.a 1", "{\"o\":{\"a\":0,\"b\":1}}",
          "{\"o\":{\"a\":1}}" },
        { "set o.a 1\ndrop o.a", "{}", "{\"o\":{}}" },
        { "set o.a 1\ndrop o.a\nset o.b 1", "{}", "{\"o\":{\"b\":1}}" },
        { "set o {\"x\":1,\"y\":2}\nset o.x 3\ndrop o.y\nset p 4", "{\"q\":5}",
          "{\"p\":4,\"o\":{\"x\":3},\"q\":5}" },
        { "set o {\"x\":1}\nset o.x {\"y\":2}\nset o.x.y 3", "{}",
          "{\"o\":{\"x\":{\"y\":3}}}" },
        { "set o null\nset o.x 1", "{\"o\":2}", "{\"o\":{\"x\":1}}" },
        { "set o [{\"a\":1}]\nmax o.0.a 0", "{}", "{\"o\":[{\"a\":0}]}" },
        { "set a 1\ndrop a\nset o {}\ndrop o.x", "{}", "{\"o\":{}}" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_edits(cases[i].edits);

        is_int(run(cases[i].body), cases[i].want ? AI_OK : AI_DECLINED,
               "%s: %s", cases[i].body, cases[i].edits);

        if (cases[i].want) {
            got = ai_buf_str(&out);
            is_str(got, cases[i].want, "as it should be");
        }

        guard_free();

        bad = 0;

        for (n = 1; n < 100; n++) {
            mem_fail_at(n);

            if (run(cases[i].body) == AI_ERROR) {
                bad += !mem_failed();

            } else if (!mem_failed()) {
                break;

            } else {
                bad++;
            }
        }

        ok(n < 100 && bad == 0, "without memory it fails");

        guard_free();
        mem_reset();
    }
}


static void
test_refused(void)
{
    size_t  i;

    static const struct {
        const char  *edits;
        const char  *body;
        const char  *param;
        ai_error_e   kind;
    } cases[] = {
        { "set o.a 1", "{\"o\":1}", "o.a", AI_ERR_INVALID_VALUE },
        { "set o.a.b 1", "{\"o\":{\"a\":\"x\"}}", "o.a.b",
          AI_ERR_INVALID_VALUE },
        { "default o.a 1", "{\"o\":false}", "o.a", AI_ERR_INVALID_VALUE },
        { "set o.a 1", "{\"o\":[1]}", "o.a", AI_ERR_INVALID_VALUE },
        { "set o.1 1", "{\"o\":[1]}", "o.1", AI_ERR_INVALID_VALUE },
        { "set o.00 1", "{\"o\":[1]}", "o.00", AI_ERR_INVALID_VALUE },
        { "drop o.0", "{\"o\":[1]}", "o.0", AI_ERR_INVALID_VALUE },
        { "set o.0 2\ndrop o.0", "{\"o\":[1]}", "o.0", AI_ERR_INVALID_VALUE },
        { "set o 1\nset o.a 1", "{}", "o.a", AI_ERR_INVALID_VALUE },
        { "max n 10", "{\"n\":\"5\"}", "n", AI_ERR_INVALID_VALUE },
        { "max n 10", "{\"n\":{}}", "n", AI_ERR_INVALID_VALUE },
        { "set n.x 1\nmax n 10", "{}", "n", AI_ERR_INVALID_VALUE },
        { "set n x\nmax n 10", "{}", "n", AI_ERR_INVALID_VALUE },
        { "max n ten", "{}", "n", AI_ERR_SERVER },
        { "min n \"1\"", "{\"n\":1}", "n", AI_ERR_SERVER },
        { "set a 1", "{\"a\":1,\"\\u0061\":2}", "a", AI_ERR_BAD_REQUEST },
        { "drop o.a", "{\"o\":{\"a\":1,\"a\":2}}", "o.a", AI_ERR_BAD_REQUEST },
        { "set a 1", "[]", "", AI_ERR_BAD_JSON },
        { "set a 1", "{", "", AI_ERR_BAD_JSON },
        { "set a 1", "", "", AI_ERR_BAD_JSON }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_edits(cases[i].edits);

        is_int(run(cases[i].body), AI_ERROR, "%s: %s", cases[i].body,
               cases[i].edits);
        is_int(err.kind, cases[i].kind, "of its kind");
        is_str(err.param, cases[i].param, "with its name");
        ok(err.message.len > 0, "and a text: %.*s", (int) err.message.len,
           err.message.data);

        guard_free();
        mem_reset();
    }

    edits.n = 0;
    is_int(run("no JSON"), AI_DECLINED, "without edits nothing is read");
    guard_free();
}


/* more edits than fit into one go, and each of them is there */

static void
test_many(void)
{
    int        i;
    char       lines[4096], *p, name[32];
    ai_str_t   text;
    int64_t    v;
    ai_json_t  doc;

    p = lines;

    for (i = 0; i < EDITS - 1; i++) {
        p += sprintf(p, "set o.k%d %d\n", i, i);
    }

    read_edits(lines);
    is_int(run("{\"o\":{\"k3\":\"x\",\"z\":0}}"), AI_OK, "many edits");

    text = ai_buf_str(&out);
    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "make JSON");
    is_int(doc.node[ai_json_get(&doc, 0, "o")].count, EDITS, "of them all");

    for (i = 0; i < EDITS - 1; i++) {
        sprintf(name, "k%d", i);

        if (ai_json_int(&doc, ai_json_path(&doc, 0, "o", name, NULL), &v)
            != AI_OK || v != i)
        {
            ok(0, "%s", name);
        }
    }

    guard_free();
    mem_reset();
}


static void
test_compile(void)
{
    size_t           i;
    char             text[3000];
    ai_str_t         s;
    const char      *why;
    ai_param_path_t  path;

    static const char *const  wrong[] = {
        "", ".", "a.", ".a", "a..b", "a\\", "a.\\", "a\nb", "a\x7f",
        "a\xff", "a\xc3", "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17"
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        s = guard_str(wrong[i], strlen(wrong[i]));
        is_int(ai_param_compile(&s, mem_pool(), &path, &why), AI_ERROR,
               "no path: %s", wrong[i]);
        ok(why != NULL, "%s", why ? why : "no text");
        guard_free();
    }

    memset(text, 'x', sizeof(text));
    s.data = (ai_char_t *) text;
    s.len = AI_PARAM_NAME;
    is_int(ai_param_compile(&s, mem_pool(), &path, &why), AI_OK, "long");
    s.len++;
    is_int(ai_param_compile(&s, mem_pool(), &path, &why), AI_ERROR, "longer");

    s = ai_lit("a.0.12\\.3.007.1234567890");
    is_int(ai_param_compile(&s, mem_pool(), &path, &why), AI_OK, "names");
    is_int(path.n, 5, "of them five");
    is_str(path.text, "a.0.12\\.3.007.1234567890", "as written");
    is_str(path.name[0].name, "a", "the first");
    is_str(path.name[2].name, "12.3", "with a dot in it");
    ok(path.name[0].index == AI_JSON_NONE && path.name[1].index == 0
       && path.name[2].index == AI_JSON_NONE
       && path.name[3].index == AI_JSON_NONE
       && path.name[4].index == AI_JSON_NONE, "one is a place");

    s = ai_lit("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.999999999");
    is_int(ai_param_compile(&s, mem_pool(), &path, &why), AI_OK, "deep");
    ok(path.n == 16 && path.name[15].index == 999999999, "as far as it goes");

    for (i = 1; i < 3; i++) {
        mem_reset();
        mem_fail_at(i);
        why = "";
        is_int(ai_param_compile(&s, mem_pool(), &path, &why), AI_ERROR,
               "no memory");
        ok(why == NULL, "is no fault of the path");
    }

    mem_reset();

    s = ai_lit("12");
    is_int(ai_param_check(AI_PARAM_MAX, &s, mem_pool()), AI_OK, "a limit");
    s = ai_lit("1 2");
    is_int(ai_param_check(AI_PARAM_MIN, &s, mem_pool()), AI_ERROR, "none");
    is_int(ai_param_check(AI_PARAM_SET, &s, mem_pool()), AI_OK, "a value");
    s = ai_lit("\"1\"");
    is_int(ai_param_check(AI_PARAM_MAX, &s, mem_pool()), AI_ERROR, "a string");
    s = ai_lit("");
    is_int(ai_param_check(AI_PARAM_MAX, &s, mem_pool()), AI_OK, "void");
}


int
main(void)
{
    test_edits();
    test_refused();
    test_many();
    test_compile();

    mem_reset();

    return done();
}
