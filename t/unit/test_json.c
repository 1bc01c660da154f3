
/*
 * The JSON reader.  J1 to J6 and J9 are the cases of RELIABILITY.md,
 * section 4; JSONTestSuite's verdicts are in t/data/jsontestsuite.
 */

#include "tap.h"
#include "mem.h"

#include <dirent.h>
#include <math.h>

#include <codec/ai_json.h>


#define SUITE  T_DATA "/jsontestsuite/test_parsing"


static ai_json_t  doc;


static int
parse_n(const void *text, size_t len)
{
    ai_str_t  s;

    s.len = len;
    s.data = (ai_char_t *) text;

    return (int) ai_json_parse(&doc, &s, NULL);
}


static int
parse(const char *text)
{
    return parse_n(text, strlen(text));
}


/* the error of a text, seen with a guard page on either side */

static ai_json_error_e
verdict_n(const void *text, size_t len)
{
    int              rc, rc2;
    ai_json_error_e  error;

    rc = parse_n(guard_copy(text, len), len);
    error = doc.error;
    rc2 = parse_n(guard_after(text, len), len);

    guard_free();

    if (rc != rc2 || error != doc.error
        || (rc == AI_OK) != (error == AI_JSON_E_NONE)
        || (rc == AI_OK) != (doc.n > 0)
        || doc.error_off > len)
    {
        return 99;
    }

    return error;
}


static void
is_error(const char *text, ai_json_error_e error)
{
    is_int(verdict_n(text, strlen(text)), error, "%.60s", text);
}


static char *
slurp(const char *path, size_t *len)
{
    FILE  *f;
    char  *p;

    f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }

    p = malloc(1 << 20);
    *len = p ? fread(p, 1, 1 << 20, f) : 0;
    fclose(f);

    return p;
}


/* what the policy says on cases that the RFC leaves open */

static int
suite_accepts(const char *name)
{
    static const char *const  refused[] = {
        "i_object_key_lone_2nd_surrogate.json",                 /* J3 */
        "i_string_UTF-16LE_with_BOM.json",                      /* J2 */
        "i_string_UTF-8_invalid_sequence.json",
        "i_string_UTF8_surrogate_U+D800.json",
        "i_string_invalid_utf-8.json",
        "i_string_iso_latin_1.json",
        "i_string_lone_utf8_continuation_byte.json",
        "i_string_not_in_unicode_range.json",
        "i_string_overlong_sequence_2_bytes.json",
        "i_string_overlong_sequence_6_bytes.json",
        "i_string_overlong_sequence_6_bytes_null.json",
        "i_string_truncated-utf-8.json",
        "i_string_utf16BE_no_BOM.json",
        "i_string_utf16LE_no_BOM.json",
        "i_structure_UTF-8_BOM_empty_object.json",
        "i_structure_500_nested_arrays.json",                   /* J5 */
        "y_object_escaped_null_in_key.json",                    /* J3 */
        NULL
    };

    int  i;

    for (i = 0; refused[i]; i++) {
        if (strcmp(refused[i], name) == 0) {
            return 0;
        }
    }

    return name[0] != 'n';
}


static void
test_suite(void)
{
    DIR            *dir;
    char            path[4096], *text;
    size_t          len;
    struct dirent  *de;
    int             n, seen[128] = { 0 };

    dir = opendir(SUITE);
    if (!ok(dir != NULL, "%s", SUITE)) {
        return;
    }

    n = 0;

    while ((de = readdir(dir)) != NULL) {

        if (strstr(de->d_name, ".json") == NULL) {
            continue;
        }

        snprintf(path, sizeof(path), "%s/%s", SUITE, de->d_name);

        text = slurp(path, &len);
        if (text == NULL) {
            ok(0, "%s is readable", path);
            continue;
        }

        is_int(verdict_n(text, len) == AI_JSON_E_NONE,
               suite_accepts(de->d_name), "%s", de->d_name);

        seen[(unsigned char) de->d_name[0] & 0x7f]++;
        free(text);
        n++;
    }

    closedir(dir);

    is_int(n, 318, "the whole suite");
    ok(seen['y'] == 95 && seen['n'] == 188 && seen['i'] == 35,
       "y %d, n %d, i %d", seen['y'], seen['n'], seen['i']);
}


static void
test_errors(void)
{
    is_error("", AI_JSON_E_EMPTY);                              /* J1 */
    is_error(" \t\r\n", AI_JSON_E_EMPTY);
    is_error("{}", AI_JSON_E_NONE);
    is_error(" [ ] ", AI_JSON_E_NONE);
    is_error("[", AI_JSON_E_TRUNCATED);
    is_error("{\"a\"", AI_JSON_E_TRUNCATED);
    is_error("{\"a\" ", AI_JSON_E_TRUNCATED);
    is_error("{\"a\":", AI_JSON_E_TRUNCATED);
    is_error("{\"a\":1", AI_JSON_E_TRUNCATED);
    is_error("{\"a\":1,", AI_JSON_E_TRUNCATED);
    is_error("\"a", AI_JSON_E_TRUNCATED);
    is_error("\"a\\", AI_JSON_E_TRUNCATED);
    is_error("\"\\u12", AI_JSON_E_TRUNCATED);
    is_error("tru", AI_JSON_E_TRUNCATED);
    is_error("-", AI_JSON_E_TRUNCATED);
    is_error("1.", AI_JSON_E_TRUNCATED);
    is_error("1e+", AI_JSON_E_TRUNCATED);
    is_error("\"\xe4\xbd", AI_JSON_E_TRUNCATED);
    is_error("\"\xe4\xbd\"", AI_JSON_E_UTF8);
    is_error("trux", AI_JSON_E_SYNTAX);
    is_error("trx", AI_JSON_E_SYNTAX);
    is_error("True", AI_JSON_E_SYNTAX);
    is_error("NaN", AI_JSON_E_SYNTAX);
    is_error("+1", AI_JSON_E_SYNTAX);
    is_error(".5", AI_JSON_E_SYNTAX);
    is_error("1.e1", AI_JSON_E_SYNTAX);
    is_error("[01]", AI_JSON_E_SYNTAX);
    is_error("{1:2}", AI_JSON_E_SYNTAX);
    is_error("{\"a\" 1}", AI_JSON_E_SYNTAX);
    is_error("{\"a\":1,}", AI_JSON_E_SYNTAX);
    is_error("{,}", AI_JSON_E_SYNTAX);
    is_error("[,]", AI_JSON_E_SYNTAX);
    is_error("[1,]", AI_JSON_E_SYNTAX);
    is_error("[1}", AI_JSON_E_SYNTAX);
    is_error("{\"a\":1]", AI_JSON_E_SYNTAX);
    is_error("[}", AI_JSON_E_SYNTAX);
    is_error("\"a\nb\"", AI_JSON_E_SYNTAX);
    is_error("\"\\x\"", AI_JSON_E_SYNTAX);
    is_error("\"\\u12g4\"", AI_JSON_E_SYNTAX);
    is_error("[\f]", AI_JSON_E_SYNTAX);
    is_error("{} {}", AI_JSON_E_TRAILING);                      /* J9 */
    is_error("1 2", AI_JSON_E_TRAILING);
    is_error("01", AI_JSON_E_TRAILING);
    is_error("{}x", AI_JSON_E_TRAILING);
    is_error("1]", AI_JSON_E_TRAILING);
    is_error("1,]", AI_JSON_E_TRAILING);
    is_error("\"a\" }", AI_JSON_E_TRAILING);
    is_error("[1]]", AI_JSON_E_TRAILING);
    is_error("[1]}  ", AI_JSON_E_TRAILING);
    is_error("[[1]  ", AI_JSON_E_TRUNCATED);
    is_error("[\"]", AI_JSON_E_TRUNCATED);
    is_error("[\"\\]", AI_JSON_E_SYNTAX);
    is_error("[\"\\\"]", AI_JSON_E_TRUNCATED);
    is_error("[t]", AI_JSON_E_SYNTAX);
    is_error("[1.]", AI_JSON_E_SYNTAX);
    is_error("[-]", AI_JSON_E_SYNTAX);
    is_error("]", AI_JSON_E_SYNTAX);
    is_error(" }", AI_JSON_E_SYNTAX);
    is_error("{]", AI_JSON_E_SYNTAX);
    is_error("{\"a\":]", AI_JSON_E_SYNTAX);
    is_int(verdict_n("1\0]", 3), AI_JSON_E_TRAILING, "NUL, then a bracket");
    is_int(verdict_n("[1\0]", 4), AI_JSON_E_SYNTAX, "NUL in an array");
    is_int(verdict_n("{}", 3), AI_JSON_E_TRAILING, "NUL behind the root");
    is_int(verdict_n("\"\0\"", 3), AI_JSON_E_SYNTAX, "NUL in a string");
    is_error("\xef\xbb\xbf{}", AI_JSON_E_SYNTAX);               /* J2 */

    is_error("\"\x7f\"", AI_JSON_E_NONE);
    is_error("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", AI_JSON_E_NONE);

    ok(parse("[1,?]") == AI_ERROR && doc.error_off == 3, "error_off");
    ok(strlen(ai_json_strerror(AI_JSON_E_MEMORY)) > 10
       && strlen(ai_json_strerror(99)) > 10, "strerror");
}


/* J3: escaped surrogates and NUL pass in values, not in keys */

static void
test_escapes(void)
{
    is_error("\"\\ud800\"", AI_JSON_E_NONE);
    is_error("\"\\udc00\\ud800\"", AI_JSON_E_NONE);
    is_error("\"\\u0000\"", AI_JSON_E_NONE);
    is_error("{\"\\ud83d\\ude00\":1}", AI_JSON_E_NONE);
    is_error("{\"\\u0061\\n\":1}", AI_JSON_E_NONE);
    is_error("{\"\\ud800\":1}", AI_JSON_E_SYNTAX);
    is_error("{\"\\ud800\\n\":1}", AI_JSON_E_SYNTAX);
    is_error("{\"\\ud800\\u0041\":1}", AI_JSON_E_SYNTAX);
    is_error("{\"\\ud800x\":1}", AI_JSON_E_SYNTAX);
    is_error("{\"\\ud800\\ud800\":1}", AI_JSON_E_SYNTAX);
    is_error("{\"\\udc00\":1}", AI_JSON_E_SYNTAX);
    is_error("{\"a\\u0000\":1}", AI_JSON_E_SYNTAX);
    is_error("[{\"a\":1},{\"b\":{\"\\u0000\":1}}]", AI_JSON_E_SYNTAX);
}


/* the length of the character at p by the definition of UTF-8, or 0 */

static size_t
utf8_char(const unsigned char *p, size_t n)
{
    uint32_t  c, min;
    size_t    i, need;

    if (p[0] < 0x80) {
        return p[0] >= 0x20 && p[0] != '"' && p[0] != '\\';
    }

    need = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    min = need == 4 ? 0x10000 : need == 3 ? 0x800 : 0x80;

    if (p[0] < 0xc0 || p[0] > 0xf7 || n < need) {
        return 0;
    }

    c = p[0] & (0xff >> (need + 1));

    for (i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    return c >= min && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? need : 0;
}


static int
utf8_valid(const unsigned char *p, size_t n)
{
    size_t  i, len;

    for (i = 0; i < n; i += len) {
        len = utf8_char(p + i, n - i);

        if (len == 0) {
            return 0;
        }
    }

    return 1;
}


/* every first byte with tails around each limit, at each distance from the
 * 16 bytes that are looked at together */

static void
test_utf8(void)
{
    static const unsigned char  tail[] = {
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff
    };

    char           text[64];
    size_t         n, pad;
    unsigned       a, b, c, d, wrong, valid;
    unsigned char  s[4];

    wrong = 0;
    valid = 0;

    for (a = 0x80; a < 0x100; a++) {
        for (b = 0; b < sizeof(tail); b++) {
            for (c = 0; c < sizeof(tail); c++) {
                for (d = 0; d < sizeof(tail); d++) {

                    s[0] = (unsigned char) a;
                    s[1] = tail[b];
                    s[2] = tail[c];
                    s[3] = tail[d];

                    for (n = 1; n <= 4; n++) {
                        pad = (a + b + c + d) % 40;

                        text[0] = '"';
                        memset(text + 1, 'x', pad);
                        memcpy(text + 1 + pad, s, n);
                        text[1 + pad + n] = '"';

                        if ((parse_n(text, n + pad + 2) == AI_OK)
                            != utf8_valid(s, n))
                        {
                            wrong++;
                        }

                        valid += (unsigned) utf8_valid(s, n);
                    }
                }
            }
        }
    }

    is_int(wrong, 0, "UTF-8, every first byte (J2)");
    ok(valid > 1000, "%u of them are valid", valid);
}


/* each byte that ends plain text, at each place, with each length */

static void
test_places(void)
{
    static const unsigned char  odd[] = { '"', '\\', 0x1f, 0x00, 0x80, 0xff };

    size_t         i, k, n, wrong;
    unsigned char  text[64];

    wrong = 0;

    for (n = 2; n < 60; n++) {
        for (k = 1; k < n - 1; k++) {
            for (i = 0; i < sizeof(odd); i++) {
                memset(text, 'x', n);
                text[0] = '"';
                text[n - 1] = '"';

                wrong += parse_n(text, n) != AI_OK;

                text[k] = odd[i];

                wrong += parse_n(text, n) != AI_ERROR
                         || doc.error_off < k || doc.error_off > k + 2;
            }
        }
    }

    is_int(wrong, 0, "a bad byte at every place of a string");
}


static int
parse_deep(uint32_t depth, const char *open, const char *inner,
    const char *close)
{
    int       rc;
    uint32_t  i;
    ai_buf_t  b;
    ai_str_t  s;

    ai_buf_init(&b, mem_pool());

    for (i = 0; i < depth; i++) {
        ai_buf_add(&b, open, strlen(open));
    }

    ai_buf_add(&b, inner, strlen(inner));

    for (i = 0; i < depth; i++) {
        ai_buf_add(&b, close, strlen(close));
    }

    s = ai_buf_str(&b);
    rc = (int) ai_json_parse(&doc, &s, NULL);

    ai_pfree(mem_pool(), b.start);

    return rc;
}


static int
parse_many(uint32_t n, const char *open, const char *each, const char *close,
    const ai_json_limits_t *limits)
{
    int       rc;
    char      item[64];
    uint32_t  i;
    ai_buf_t  b;
    ai_str_t  s;

    ai_buf_init(&b, mem_pool());
    ai_buf_add(&b, open, strlen(open));

    for (i = 0; i < n; i++) {
        ai_buf_add(&b, item, (size_t) snprintf(item, sizeof(item), each,
                                               i ? "," : "", i));
    }

    ai_buf_add(&b, close, strlen(close));

    s = ai_buf_str(&b);
    rc = (int) ai_json_parse(&doc, &s, limits);

    if (rc == AI_OK) {
        rc = (int) ai_json_unique(&doc, AI_JSON_ROOT);
    }

    ai_pfree(mem_pool(), b.start);

    return rc;
}


static void
test_limits(void)
{
    char              key[1100];
    ai_json_limits_t  limits;

    is_int(parse_deep(128, "[", "", "]"), AI_OK, "depth 128 (J5)");
    is_int(parse_deep(129, "[", "", "]"), AI_ERROR, "depth 129");
    is_int(doc.error, AI_JSON_E_LIMIT, "is a limit");
    is_int(parse_deep(127, "{\"a\":", "{}", "}"), AI_OK, "objects, 128");
    is_int(parse_deep(128, "{\"a\":", "{}", "}"), AI_ERROR, "objects, 129");
    is_int(parse_deep(128, "[", "1", "]"), AI_OK, "a scalar is no level");
    is_int(parse_deep(100000, "[", "", ""), AI_ERROR, "100,000 brackets");
    is_int(doc.error, AI_JSON_E_LIMIT, "are a limit too");

    is_int(parse_many(65536, "{", "%s\"%u\":1", "}", NULL), AI_OK,
           "65,536 members");
    is_int(parse_many(65537, "{", "%s\"%u\":1", "}", NULL), AI_ERROR,
           "65,537 members");
    is_int(doc.error, AI_JSON_E_LIMIT, "are too many");

    is_int(parse_many(999999, "[", "%s1", "]", NULL), AI_OK,
           "1,000,000 nodes");
    is_int(parse_many(1000000, "[", "%s1", "]", NULL), AI_ERROR,
           "one more");
    is_int(doc.error, AI_JSON_E_LIMIT, "is too many");

    limits = ai_json_limits;
    limits.nodes = 10;

    is_int(parse_many(9, "[", "%s1", "]", &limits), AI_OK,
           "a smaller limit than the table");
    is_int(parse_many(10, "[", "%s1", "]", &limits), AI_ERROR,
           "holds");

    memset(key, 'k', sizeof(key));
    memcpy(key, "{\"", 2);
    memcpy(key + 2 + 1024, "\":1}", 4);
    is_int(parse_n(key, 1024 + 6), AI_OK, "key of 1,024 bytes");

    key[2 + 1024] = 'k';
    memcpy(key + 2 + 1025, "\":1}", 4);
    is_int(parse_n(key, 1025 + 6), AI_ERROR, "key of 1,025 bytes");
    is_int(doc.error, AI_JSON_E_LIMIT, "is a limit");
}


static void
test_table(void)
{
    static const char  text[] = " {\"a\": [1, 2], \"b\":\"x\"} ";

    ai_raw_t  raw;

    is_int(parse(text), AI_OK, "the header's example");
    is_int(doc.n, 7, "nodes");
    is_int(doc.node[0].next, 7, "next of the root");
    is_int(doc.node[0].count, 2, "members");
    is_int(doc.node[2].next, 5, "next of the array");
    is_int(doc.node[2].count, 2, "elements");

    raw = ai_json_raw(&doc, AI_JSON_ROOT);
    is_str(raw, "{\"a\": [1, 2], \"b\":\"x\"}", "root");
    raw = ai_json_raw(&doc, 2);
    is_str(raw, "[1, 2]", "array");
    raw = ai_json_raw(&doc, 6);
    is_str(raw, "\"x\"", "string");
    raw = ai_json_esc(&doc, 6);
    is_str(raw, "x", "inside");
    ok(ai_json_esc(&doc, 2).data == NULL, "an array has no inside");
    ok(ai_json_raw(&doc, AI_JSON_NONE).data == NULL, "nothing");

    parse("[[],{},[[]],\"\"]");
    is_int(doc.node[0].count, 4, "empty ones are counted");
    is_int(doc.node[3].count, 1, "inside too");
    ok(ai_json_esc(&doc, 5).data != NULL, "an empty string is there");
}


static void
test_walk(void)
{
    char      keys[16] = "", values[16] = "";
    ai_ref_t  v, a;

    parse("{\"a\":[1,[2,3],{\"x\":4},5],\"b\":{},\"c\":[],\"d\":6}");

    for (v = ai_json_first(&doc, 0); v != AI_JSON_NONE;
         v = ai_json_next(&doc, 0, v))
    {
        strncat(keys, (char *) ai_json_esc(&doc, v).data, 1);
    }

    is_cstr(keys, "abcd", "keys in order");

    a = ai_json_get(&doc, 0, "a");

    for (v = ai_json_first(&doc, a); v != AI_JSON_NONE;
         v = ai_json_next(&doc, a, v))
    {
        strncat(values, (char *) ai_json_raw(&doc, v).data, 1);
    }

    is_cstr(values, "1[{5", "elements in order");

    is_int(ai_json_first(&doc, ai_json_get(&doc, 0, "b")), AI_JSON_NONE,
           "empty object");
    is_int(ai_json_first(&doc, ai_json_get(&doc, 0, "c")), AI_JSON_NONE,
           "empty array");
    is_int(ai_json_first(&doc, ai_json_get(&doc, 0, "d")), AI_JSON_NONE,
           "scalar");
    is_int(ai_json_first(&doc, AI_JSON_NONE), AI_JSON_NONE, "nothing");
    is_int(ai_json_next(&doc, 0, AI_JSON_NONE), AI_JSON_NONE, "after nothing");
}


static void
test_get(void)
{
    ai_str_t  s;
    ai_ref_t  v;

    parse("{\"mod\\u0065l\":\"a\\/b\",\"model\":\"second\",\"n\":null,"
          "\"u\":{\"p\":{\"q\":7}},\"\":1,\"\\ud83d\\ude00\":\"\\ud800x\"}");

    v = ai_json_get(&doc, 0, "model");
    ok(ai_json_is(&doc, v, "a/b"), "keys and strings are compared decoded");
    ok(!ai_json_is(&doc, v, "a/"), "a start is not equal");
    ok(!ai_json_is(&doc, v, "a/bc"), "nor is more");
    ok(!ai_json_is(&doc, ai_json_get(&doc, 0, "n"), "null"), "no string");

    is_int(ai_json_str(&doc, v, mem_pool(), &s), AI_OK, "decoded");
    is_str(s, "a/b", "as it reads");

    is_int(ai_json_get(&doc, 0, "mode"), AI_JSON_NONE, "mode");
    is_int(ai_json_get(&doc, 0, "models"), AI_JSON_NONE, "models");
    ok(ai_json_get(&doc, 0, "") != AI_JSON_NONE, "the empty key");
    v = ai_json_get(&doc, 0, "\xf0\x9f\x98\x80");
    is_int(ai_json_str(&doc, v, mem_pool(), &s), AI_OK, "beyond the BMP");
    is_str(s, "\xef\xbf\xbdx", "a lone surrogate reads as U+FFFD");

    ok(ai_json_is_null(&doc, ai_json_get(&doc, 0, "n"))
       && ai_json_is_null(&doc, AI_JSON_NONE)
       && !ai_json_is_null(&doc, 0), "null or absent");

    v = ai_json_path(&doc, 0, "u", "p", "q", NULL);
    is_str(ai_json_raw(&doc, v), "7", "path");
    is_int(ai_json_path(&doc, 0, "u", "x", "q", NULL), AI_JSON_NONE,
           "a hole in it");
    is_int(ai_json_path(&doc, 0, "n", "q", NULL), AI_JSON_NONE,
           "a scalar in it");
    is_int(ai_json_path(&doc, 0, NULL), 0, "empty path");

    parse("[true,false,0]");
    is_int(ai_json_bool(&doc, 1), 1, "true");
    is_int(ai_json_bool(&doc, 2), 0, "false");
    is_int(ai_json_bool(&doc, 3), -1, "neither");
    is_int(ai_json_bool(&doc, AI_JSON_NONE), -1, "absent");
    is_int(ai_json_get(&doc, 0, "a"), AI_JSON_NONE, "an array has no keys");
    is_int(ai_json_str(&doc, 1, mem_pool(), &s), AI_DECLINED, "no string");

    parse("[");
    is_int(ai_json_type(&doc, 0), 0, "after an error there is nothing");
    is_int(ai_json_get(&doc, 0, "a"), AI_JSON_NONE, "in it");
}


static void
is_number(const char *text, ai_int_t rc, int64_t want)
{
    int64_t  n = 42;

    parse(text);
    is_int(ai_json_int(&doc, 0, &n), rc, "%.40s", text);
    is_int(n, rc == AI_OK ? want : 42, "gives %lld", (long long) want);
}


static void
test_int(void)
{
    char  *text;

    is_number("0", AI_OK, 0);
    is_number("-0", AI_OK, 0);
    is_number("1", AI_OK, 1);
    is_number("-17", AI_OK, -17);
    is_number("1.0", AI_OK, 1);
    is_number("100.00", AI_OK, 100);
    is_number("1e2", AI_OK, 100);
    is_number("1E+2", AI_OK, 100);
    is_number("1.5e1", AI_OK, 15);
    is_number("150e-1", AI_OK, 15);
    is_number("1000e-3", AI_OK, 1);
    is_number("0.001e3", AI_OK, 1);
    is_number("0e999999999999", AI_OK, 0);
    is_number("0.000", AI_OK, 0);
    is_number("-0.0e-5", AI_OK, 0);
    is_number("1.5", AI_ERROR, 0);
    is_number("1e-1", AI_ERROR, 0);
    is_number("10.01", AI_ERROR, 0);
    is_number("9223372036854775807", AI_OK, INT64_MAX);
    is_number("9223372036854775807.000", AI_OK, INT64_MAX);
    is_number("922337203685477580.7e1", AI_OK, INT64_MAX);
    is_number("9223372036854775808", AI_ERROR, 0);
    is_number("-9223372036854775808", AI_OK, INT64_MIN);
    is_number("-9223372036854775809", AI_ERROR, 0);
    is_number("9999999999999999999", AI_ERROR, 0);
    is_number("10000000000000000000", AI_ERROR, 0);
    is_number("1e18", AI_OK, 1000000000000000000);
    is_number("1e19", AI_ERROR, 0);
    is_number("1e999999999", AI_ERROR, 0);
    is_number("1e-999999999", AI_ERROR, 0);
    is_number("1e99999999999999999999999999", AI_ERROR, 0);
    is_number("1e-99999999999999999999999999", AI_ERROR, 0);
    is_number("1.00000000000000000000000000000000000000000001", AI_ERROR, 0);
    is_number("0.00000000000000000000000000000000000000000001e44", AI_OK, 1);
    is_number("null", AI_DECLINED, 0);
    is_number("\"1\"", AI_DECLINED, 0);

    /* 1 MB of zeros, taken back by the exponent */

    text = malloc(1000020);

    if (text != NULL) {
        memset(text, '0', 1000001);
        text[0] = '7';
        strcpy(text + 1000001, "e-999999");
        is_number(text, AI_OK, 70);
        strcpy(text + 1000001, "e-1000000");
        is_number(text, AI_OK, 7);
        strcpy(text + 1000001, "e-1000001");
        is_number(text, AI_ERROR, 0);
        free(text);
    }
}


static void
test_double(void)
{
    static const char *const  same[] = {
        "0", "-0", "1", "0.1", "-2.5e-3", "1e22", "1e23",
        "1.7976931348623157e308", "5e-324", "2.2250738585072011e-308",
        "123456789012345678901234567890",
        "9007199254740993", "9007199254740992.99999999999999999999999999999",
        "0.1000000000000000055511151231257827021181583404541015625",
        "1e-400", "0e9999999", "1.00000000000000011102230246251565404236316680"
        "908203125", "1.00000000000000011102230246251565404236316680908203124",
        NULL
    };

    int     i;
    double  d;

    for (i = 0; same[i]; i++) {
        parse(same[i]);
        d = 42;
        ok(ai_json_double(&doc, 0, &d) == AI_OK && d == strtod(same[i], NULL),
           "%s", same[i]);
    }

    parse("1e309");
    is_int(ai_json_double(&doc, 0, &d), AI_ERROR, "1e309");
    parse("-1e99999999999999999999");
    is_int(ai_json_double(&doc, 0, &d), AI_ERROR, "a longer exponent");
    parse("1e-99999999999999999999");
    ok(ai_json_double(&doc, 0, &d) == AI_OK && d == 0, "and a negative one");
    parse("\"1\"");
    is_int(ai_json_double(&doc, 0, &d), AI_DECLINED, "no number");
}


/* J6 */

static void
test_unique(void)
{
    ai_buf_t  b;
    ai_str_t  s;
    unsigned  i, n;

    parse("{\"model\":1,\"mod\\u0065l\":2}");
    is_int(ai_json_unique(&doc, 0), AI_ERROR, "a key in another spelling");
    is_int(doc.error, AI_JSON_E_DUPLICATE, "is a duplicate");

    parse("{\"a\":{\"b\":1,\"b\":2},\"b\":3,\"a\\u0000\"");
    parse("{\"a\":{\"b\":1,\"b\":2},\"b\":3,\"c\\/\":4,\"c\":5,\"\":6}");
    is_int(ai_json_unique(&doc, 0), AI_OK, "only this one object");
    is_int(ai_json_unique(&doc, 2), AI_ERROR, "the other one");
    is_int(ai_json_unique(&doc, AI_JSON_NONE), AI_OK, "no object");

    for (n = 10; n < 600; n += n < 24 ? 1 : 97) {
        for (i = 0; i < 2; i++) {
            is_int(parse_many(n, "{\"x\\u0037\":0,", "%s\"x%u\":1", "}", NULL),
                   n > 7 ? AI_ERROR : AI_OK, "a twin among %u", n);
            is_int(parse_many(n, "{\"y\\u0037\":0,", "%s\"x%u\":1", "}",
                              NULL), AI_OK, "none among %u", n);
        }
    }

    /* FNV-1a, 32 bits: "costarring" and "liquid" have one hash */

    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&b, "{\"costarring\":1,\"liquid\":2,\"declinate\":3,"
                   "\"macallums\":4,\"altarage\":5,\"zinke\":6");

    for (i = 0; i < 30; i++) {
        ai_buf_lit(&b, ",\"k");
        ai_buf_int(&b, i);
        ai_buf_lit(&b, "\":0");
    }

    n = (unsigned) ai_buf_len(&b);

    ai_buf_char(&b, '}');
    s = ai_buf_str(&b);
    ai_json_parse(&doc, &s, NULL);
    is_int(ai_json_unique(&doc, 0), AI_OK, "one hash is not one key");

    b.last = b.start + n;
    ai_buf_lit(&b, ",\"liq\\u0075id\":9}");
    s = ai_buf_str(&b);
    ai_json_parse(&doc, &s, NULL);
    is_int(ai_json_unique(&doc, 0), AI_ERROR, "but one key is");

    mem_fail_at(1);
    is_int(ai_json_unique(&doc, 0), AI_ERROR, "no scratch memory");
    is_int(doc.error, AI_JSON_E_MEMORY, "is said");
    mem_fail_never();

    mem_reset();
    ai_json_init(&doc, mem_pool());
}


static void
is_unescaped(const char *esc, const char *want)
{
    ai_buf_t  b;
    ai_str_t  s, plain;

    s = guard_str(esc, strlen(esc));

    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&b, "<");
    ai_json_unescape(&b, &s);
    is_mem(b.start + 1, ai_buf_len(&b) - 1, want, strlen(want), "%s", esc);

    is_int(ai_json_plain(&s, mem_pool(), &plain), AI_OK, "plain");
    is_str(plain, want, "is the same");

    guard_free();
}


static void
test_unescape(void)
{
    ai_str_t  s, out;

    is_unescaped("", "");
    is_unescaped("plain \xc3\xa9", "plain \xc3\xa9");
    is_unescaped("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t");
    is_unescaped("\\u0041\\u00e9\\u20ac", "A\xc3\xa9\xe2\x82\xac");
    is_unescaped("\\uD83D\\uDE00", "\xf0\x9f\x98\x80");
    is_unescaped("\\uDBFF\\uDFFF", "\xf4\x8f\xbf\xbf");
    is_unescaped("\\uD83D", "\xef\xbf\xbd");
    is_unescaped("\\uD83Dx", "\xef\xbf\xbdx");
    is_unescaped("\\uD83D\\n", "\xef\xbf\xbd\n");
    is_unescaped("\\uD83D\\uD83D\\uDE00", "\xef\xbf\xbd\xf0\x9f\x98\x80");
    is_unescaped("\\uDE00\\u0041", "\xef\xbf\xbd" "A");

    /* no parser has let these through, but nothing may break on them */

    is_unescaped("a\\", "a\\");
    is_unescaped("\\u12", "\\u12");
    is_unescaped("\\uzzzz", "\\uzzzz");
    is_unescaped("\\x", "\\x");
    is_unescaped("\\uD83D\\u12", "\xef\xbf\xbd\\u12");

    s = ai_lit("\\u0000");
    ai_json_plain(&s, mem_pool(), &out);
    is_mem(out.data, out.len, "", 1, "NUL");

    mem_fail_at(1);
    is_int(ai_json_plain(&s, mem_pool(), &out), AI_ERROR, "no memory");
    mem_fail_never();
}


/* everything before the end of a good text is truncated, at a guard page */

static void
test_prefixes(void)
{
    static const char  text[] =
        "{\"id\":\"chatcmpl-\\u00e9\\n\",\"n\":-12.5e+3,\"t\":[true,false,"
        "null,{\"\xc3\xa9\":\"\xe4\xbd\xa0\xf0\x9f\x98\x80 long enough to "
        "need more than sixteen bytes\"}],\"e\":{},\"a\":[]}";

    size_t  i, wrong;

    is_int(verdict_n(text, sizeof(text) - 1), AI_JSON_E_NONE, "whole");

    wrong = 0;

    for (i = 1; i < sizeof(text) - 1; i++) {
        wrong += verdict_n(text, i) != AI_JSON_E_TRUNCATED;
    }

    is_int(wrong, 0, "each of its starts is truncated");
}


static void
test_memory(void)
{
    int     forever, n;
    size_t  live;

    for (forever = 0; forever < 2; forever++) {
        for (n = 1; n < 100; n++) {
            mem_reset();
            ai_json_init(&doc, mem_pool());

            if (forever) {
                mem_fail_from((size_t) n);

            } else {
                mem_fail_at((size_t) n);
            }

            if (!ok(parse_many(3000, "[", "%s1", "]", NULL) == AI_OK
                    || mem_failed(), "allocation %d", n))
            {
                break;
            }

            if (!mem_failed()) {
                break;
            }
        }

        ok(n > 5, "%d allocations", n);
    }

    mem_reset();
    ai_json_init(&doc, mem_pool());

    mem_fail_at(1);
    is_int(parse("[]"), AI_ERROR, "no memory");
    is_int(doc.error, AI_JSON_E_MEMORY, "is the reason");
    is_int(parse("[]"), AI_OK, "next time there is");

    mem_reset();
    ai_json_init(&doc, mem_pool());

    parse_many(3000, "[", "%s1", "]", NULL);
    live = mem_count();
    is_int(mem_live(), 1, "one table");

    parse("[1,2,3]");
    is_int(mem_count(), live, "is used again");
}


int
main(void)
{
    ai_json_init(&doc, mem_pool());

    test_suite();
    test_errors();
    test_escapes();
    test_utf8();
    test_places();
    test_limits();
    test_table();
    test_walk();
    test_get();
    test_int();
    test_double();
    test_unique();
    test_unescape();
    test_prefixes();
    test_memory();

    mem_reset();

    return done();
}
