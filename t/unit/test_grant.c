
/*
 * What may be asked for: lists, keys that only narrow their role, and the
 * names of tools.
 */

#include <auth/ai_key.h>

#include "tap.h"
#include "mem.h"


static void
test_lists(void)
{
    ai_str_t    models[] = { ai_string("gpt-4o*"), ai_string("claude") };
    ai_grant_t  g;

    memset(&g, 0, sizeof(g));

    ok(ai_grant_permits(NULL, AI_GRANT_MODELS, &ai_lit("x")), "no grant");
    ok(ai_grant_permits(&g, AI_GRANT_MODELS, &ai_lit("x")), "no list");
    ok(ai_grant_is_open(&g, AI_GRANT_MODELS), "... is open");

    g.strict = 1;
    ok(!ai_grant_permits(&g, AI_GRANT_MODELS, &ai_lit("x")),
       "no list of a role");
    ok(!ai_grant_is_open(&g, AI_GRANT_MODELS), "... is not");

    g.list[AI_GRANT_MODELS].v = models;
    g.list[AI_GRANT_MODELS].n = 2;

    ok(ai_grant_permits(&g, AI_GRANT_MODELS, &ai_lit("gpt-4o-mini")), "glob");
    ok(ai_grant_permits(&g, AI_GRANT_MODELS, &ai_lit("gpt-4o")), "its stem");
    ok(ai_grant_permits(&g, AI_GRANT_MODELS, &ai_lit("claude")), "a name");
    ok(!ai_grant_permits(&g, AI_GRANT_MODELS, &ai_lit("claude-2")), "longer");
    ok(!ai_grant_permits(&g, AI_GRANT_MODELS, &ai_lit("")), "nothing");
    ok(!ai_grant_permits(&g, AI_GRANT_ROUTES, &ai_lit("gpt-4o")),
       "another list");
    ok(!ai_grant_is_open(&g, AI_GRANT_MODELS), "not open");
    ok(ai_grant_names(&g, AI_GRANT_MODELS, &ai_lit("claude")), "named");
    ok(!ai_grant_names(&g, AI_GRANT_MODELS, &ai_lit("gpt-4o")),
       "not named, only matched");

    models[0] = ai_lit("*");
    ok(ai_grant_is_open(&g, AI_GRANT_MODELS), "open: *");
    ok(ai_grant_permits(&g, AI_GRANT_MODELS, &ai_lit("")), "* of nothing");

    ok(ai_pattern_is_valid(&ai_lit("*")), "*");
    ok(ai_pattern_is_valid(&ai_lit("a*")), "a*");
    ok(!ai_pattern_is_valid(&ai_lit("*a")), "*a");
    ok(!ai_pattern_is_valid(&ai_lit("a**")), "a**");
    ok(!ai_pattern_is_valid(&ai_lit("")), "nothing");
}


static uint32_t  seed = 12345;


static uint32_t
number(uint32_t n)
{
    seed = seed * 1664525U + 1013904223U;

    return (seed >> 8) % n;
}


/* a list of up to 3 patterns, or none, over a small alphabet */

static void
make(ai_patterns_t *list, ai_str_t *v, ai_char_t *bytes)
{
    size_t     j, len;
    uint32_t   i, n;

    n = number(4);
    list->v = n ? v : NULL;
    list->n = n;

    for (i = 0; i < n; i++, bytes += 4) {
        len = number(3);

        for (j = 0; j < len; j++) {
            bytes[j] = (ai_char_t) ('a' + number(3));
        }

        if (len == 0 || number(2)) {
            bytes[len++] = '*';
        }

        v[i].data = bytes;
        v[i].len = len;
    }
}


/*
 * Whatever lists both have: with a key nothing is permitted that its role
 * refuses, nor more than without the key's list; and what both permit is.
 */

static void
test_narrows(void)
{
    int          i, more, less, permitted, refused;
    size_t       j;
    ai_key_t     key, bare;
    ai_str_t     name, v[2][3];
    ai_char_t    bytes[2][16], letters[4];
    ai_grant_t   role;
    unsigned     both, by_role, by_key;

    more = less = permitted = refused = 0;

    for (i = 0; i < 200000; i++) {
        memset(&key, 0, sizeof(key));
        memset(&bare, 0, sizeof(bare));
        memset(&role, 0, sizeof(role));

        role.strict = 1;
        make(&key.grant.list[AI_GRANT_MODELS], v[0], bytes[0]);
        make(&role.list[AI_GRANT_MODELS], v[1], bytes[1]);

        name.data = letters;
        name.len = number(4);

        for (j = 0; j < name.len; j++) {
            letters[j] = (ai_char_t) ('a' + number(3));
        }

        both = ai_key_permits(&key, &role, AI_GRANT_MODELS, &name) != 0;
        by_role = ai_key_permits(&bare, &role, AI_GRANT_MODELS, &name) != 0;
        by_key = ai_key_permits(&key, NULL, AI_GRANT_MODELS, &name) != 0;

        more += both && !(by_role && by_key);
        less += !both && by_role && by_key;
        permitted += both;
        refused += by_role && !both;

        if (role.list[AI_GRANT_MODELS].v == NULL) {
            more += both;
        }
    }

    is_int(more, 0, "a key never widens its role");
    is_int(less, 0, "what both permit is permitted");
    ok(permitted > 1000 && refused > 1000, "%d permitted, %d narrowed",
       permitted, refused);
}


/* the names, with a bar behind each */

static void
tools(const char *text, unsigned gemini, const char *want)
{
    char         out[256];
    size_t       len;
    ai_str_t     s;
    ai_uint_t    i;
    ai_json_t    doc;
    ai_names_t   names;

    s.len = strlen(text);
    s.data = (ai_char_t *) guard_copy(text, s.len);

    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &s, NULL), AI_OK, "JSON");

    is_int(ai_grant_tools(&doc, gemini, mem_pool(), &names), AI_OK, "tools");

    len = 0;
    out[0] = '\0';

    for (i = 0; i < names.n && len < 200; i++) {
        len += (size_t) sprintf(out + len, "%.*s|", (int) names.v[i].len,
                                (const char *) names.v[i].data);
    }

    is_cstr(out, want, "%s", text);

    guard_free();
    mem_reset();
}


static void
test_tools(void)
{
    int         n;
    ai_str_t    s;
    ai_json_t   doc;
    ai_names_t  names;

    tools("{}", 0, "");
    tools("[]", 0, "");
    tools("{\"tools\":[]}", 0, "");
    tools("{\"tools\":null}", 0, "");

    tools("{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}},"
          "{\"type\":\"function\",\"function\":{\"name\":\"b\"}}]}", 0,
          "a|b|");
    tools("{\"functions\":[{\"name\":\"old\"}]}", 0, "old|");
    tools("{\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}]}",
          0, "c|");
    tools("{\"tools\":[{\"type\":\"function\",\"name\":\"r\"},"
          "{\"type\":\"web_search\"},{\"type\":\"mcp\"}]}", 0,
          "r|web_search|mcp|");
    tools("{\"tools\":[{\"name\":\"get\",\"input_schema\":{\"name\":1}},"
          "{\"type\":\"bash_20250124\",\"name\":\"bash\"}]}", 0,
          "get|bash|");

    /* no way around it */

    tools("{\"tools\":[{\"name\":\"a\",\"function\":{\"name\":\"b\"}}]}", 0,
          "a|b|");
    tools("{\"tools\":[{\"name\":\"a\",\"name\":\"b\"}]}", 0, "a|b|");
    tools("{\"tools\":[{\"name\":\"a\"}],\"tools\":[{\"name\":\"b\"}]}", 0,
          "a|b|");
    tools("{\"t\\u006fols\":[{\"n\\u0061me\":\"\\u0061\"}]}", 0, "a|");
    tools("{\"tools\":{\"name\":\"a\"}}", 0, "a|");
    tools("{\"tools\":[1,{},{\"name\":1}]}", 0, "|||");

    tools("{\"tools\":[{\"functionDeclarations\":[{\"name\":\"a\"},"
          "{\"name\":\"b\"}]},{\"googleSearch\":{}}]}", 1,
          "a|b|googleSearch|");
    tools("{\"tools\":[{\"function_declarations\":[{\"name\":\"a\"}],"
          "\"codeExecution\":{},\"name\":\"x\"}]}", 1,
          "a|codeExecution|name|");

    /* memory */

    s = ai_lit("{\"tools\":[{\"name\":\"\\u0061\"},{\"name\":\"b\"},{},{},"
               "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}");

    for (n = 1; n < 100; n++) {
        mem_reset();
        ai_json_init(&doc, mem_pool());
        (void) ai_json_parse(&doc, &s, NULL);
        mem_fail_at((size_t) n);

        if (ai_grant_tools(&doc, 0, mem_pool(), &names) == AI_OK) {
            ok(!mem_failed(), "allocation %d", n);
            break;
        }
    }

    ok(n > 3, "%d allocations failed", n - 1);
    is_int(names.n, 19, "all of them");
    mem_reset();
}


int
main(void)
{
    test_lists();
    test_narrows();
    test_tools();

    return done();
}
