
/*
 * The reader of multipart/form-data: what it finds, at every split, at the
 * edge of a page, and without memory; what it refuses; what hostile bodies
 * cost.
 */

#include "tap.h"
#include "mem.h"

#include <codec/ai_multipart.h>

#include <time.h>


#define NFIELDS  2


static ai_multipart_t        m;
static ai_multipart_field_t  fields[NFIELDS];


static const char  body[] =
    "a preamble\r\nof two lines\r\n"
    "--xYz\r\n"
    "Content-Disposition: form-data; name=\"file\"; filename=\"a b.wav\"\r\n"
    "Content-Type: audio/wav\r\n"
    "\r\n"
    "RIFF\r\n--xY\r\n-\r\r\n--\n\r\n"
    "\r\n--xYz \t\r\n"
    "content-disposition: FORM-DATA;name=model;\r\n"
    "\r\n"
    "whisper-1"
    "\r\n--xYz\r\n"
    "X-Other: 1\r\n"
    "Content-Type:  text/plain; charset=utf-8 \r\n"
    "Content-Disposition: form-data; filename=\"q\\\"C:\\x%22\\\\.txt\" ; "
    "name=\"t[]\"\r\n"
    "\r\n"
    "\r\n--xYz\r\n"
    "Content-Disposition: form-data; name=\"stream\"\r\n"
    "\r\n"
    "true"
    "\r\n--xYz--\r\nan epilogue\r\n--xYz\r\n";


static void
setup(const char *boundary)
{
    ai_str_t  b = { strlen(boundary), (ai_char_t *) boundary };

    fields[0].name = ai_lit("model");
    fields[1].name = ai_lit("stream");

    ai_multipart_init(&m, mem_pool(), &b, fields, NFIELDS);
}


static ai_int_t
feed(const void *p, size_t len)
{
    return ai_multipart_feed(&m, p, len);
}


static ai_int_t
parse(const char *text)
{
    mem_reset();
    setup("b");

    return feed(text, strlen(text)) == AI_OK ? ai_multipart_end(&m) : AI_ERROR;
}


static ai_int_t
is_part(const ai_multipart_part_t *p, const char *name, const char *filename,
    const char *type, const char *start, const char *value)
{
    const char  *at;

    at = strstr(body, start);

    return p->name.len == strlen(name)
           && memcmp(p->name.data, name, p->name.len) == 0
           && (filename == NULL ? p->filename.data == NULL
               : p->filename.len == strlen(filename)
                 && memcmp(p->filename.data, filename, p->filename.len) == 0)
           && (type == NULL ? p->type.data == NULL
               : p->type.len == strlen(type)
                 && memcmp(p->type.data, type, p->type.len) == 0)
           && p->start == (uint64_t) (at - body)
           && p->off == (uint64_t) (strstr(at, "\r\n\r\n") + 4 - body)
           && p->len == strlen(value)
           && memcmp(body + p->off, value, p->len) == 0;
}


static ai_int_t
is_body(void)
{
    return m.n == 4
           && is_part(&m.part[0], "file", "a b.wav", "audio/wav",
                      "Content-Disposition: form-data; name=\"file\"",
                      "RIFF\r\n--xY\r\n-\r\r\n--\n\r\n")
           && is_part(&m.part[1], "model", NULL, NULL, "content-disposition",
                      "whisper-1")
           && is_part(&m.part[2], "t[]", "q\"C:\\x%22\\.txt",
                      "text/plain; charset=utf-8", "X-Other", "")
           && is_part(&m.part[3], "stream", NULL, NULL,
                      "Content-Disposition: form-data; name=\"stream\"",
                      "true")
           && ai_str_is(&fields[0].value, "whisper-1") && fields[0].part == 1
           && ai_str_is(&fields[1].value, "true") && fields[1].part == 3;
}


static void
test_whole(void)
{
    mem_reset();
    setup("xYz");

    is_int(feed(body, sizeof(body) - 1), AI_OK, "a body");
    is_int(ai_multipart_end(&m), AI_OK, "its end");
    ok(is_body(), "its parts");

    is_int(parse("--b--"), AI_OK, "no part");
    is_int(m.n, 0, "and none is found");
    ok(fields[0].value.data == NULL, "nor a field");

    is_int(parse("--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n"
                 "\r\n--b-- \t\n"), AI_OK, "an empty name, LF at the end");
    ok(m.n == 1 && m.part[0].name.len == 0 && m.part[0].len == 0,
       "and an empty value");
}


/* in two pieces, in three around each place, in pieces of each size */

static void
test_splits(void)
{
    size_t          i, k, n, bad, len;
    unsigned char  *p;

    len = sizeof(body) - 1;
    p = guard_copy(body, len);
    bad = 0;

    for (i = 0; i <= len; i++) {
        for (k = i; k <= len; k += k < i + 12 ? 1 : 37) {
            mem_reset();
            setup("xYz");

            if (feed(p, i) != AI_OK || feed(p + i, k - i) != AI_OK
                || feed(p + k, len - k) != AI_OK
                || ai_multipart_end(&m) != AI_OK || !is_body())
            {
                bad++;
            }
        }
    }

    is_int(bad, 0, "every split into two, many into three");

    for (n = 1; n < 64; n++) {
        mem_reset();
        setup("xYz");

        for (i = 0; i < len; i += k) {
            k = ai_min(n, len - i);
            bad += feed(p + i, k) != AI_OK;
        }

        bad += ai_multipart_end(&m) != AI_OK || !is_body();
    }

    is_int(bad, 0, "pieces of one size");
    guard_free();
}


/* cut off anywhere it is an error, and nothing behind the end is read */

static void
test_cut(void)
{
    size_t          i, bad, final;
    unsigned char  *p;

    final = (size_t) (strstr(body, "--xYz--") + 7 - body);
    bad = 0;

    for (i = 0; i < sizeof(body); i++) {
        p = guard_copy(body, i);
        mem_reset();
        setup("xYz");

        bad += feed(p, i) != AI_OK;

        /* between CR and LF of the last line nothing is sure */

        if (ai_multipart_end(&m) != (i < final || i == final + 1 ? AI_ERROR
                                                                 : AI_OK)
            || (m.error != AI_MULTIPART_E_NONE
                && m.error != AI_MULTIPART_E_TRUNCATED))
        {
            bad++;
        }

        guard_free();
    }

    is_int(bad, 0, "cut off at every byte");
}


static void
test_memory(void)
{
    size_t    n, bad;
    ai_int_t  rc;

    bad = 0;

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at(n);
        setup("xYz");

        rc = feed(body, sizeof(body) - 1);

        if (!mem_failed()) {
            break;
        }

        bad += rc != AI_ERROR || m.error != AI_MULTIPART_E_MEMORY;
    }

    ok(n > 5 && n < 100, "%zu allocations fail", n - 1);
    is_int(bad, 0, "and each is told");
}


#define HEAD   "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
#define MODEL  "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"
#define PART(s)  "--b\r\n" s "\r\n\r\nx\r\n--b--\r\n"
#define DISP(s)  PART("Content-Disposition: form-data; " s)


static void
test_errors(void)
{
    size_t  i, len, k;

    static const struct {
        const char            *name;
        const char            *text;
        ai_multipart_error_e   error;
    } cases[] = {
        { "nothing", "", AI_MULTIPART_E_TRUNCATED },
        { "preamble only", "abc\r\n", AI_MULTIPART_E_TRUNCATED },
        { "no final boundary", HEAD "x\r\n--b\r\n",
          AI_MULTIPART_E_TRUNCATED },
        { "one dash", HEAD "x\r\n--b-\r\n", AI_MULTIPART_E_BOUNDARY },
        { "a longer word", HEAD "x\r\n--bc\r\n", AI_MULTIPART_E_BOUNDARY },
        { "behind LF", HEAD "x\n--b--\r\n", AI_MULTIPART_E_BOUNDARY },
        { "behind LF in the preamble", "x\n" HEAD,
          AI_MULTIPART_E_BOUNDARY },
        { "a line with LF", "--b\nContent-Disposition: form-data; "
          "name=\"a\"\n\nx\n--b--\n", AI_MULTIPART_E_BOUNDARY },
        { "CR alone", "--b\rX", AI_MULTIPART_E_BOUNDARY },
        { "text behind the last", HEAD "x\r\n--b--x",
          AI_MULTIPART_E_BOUNDARY },
        { "CR alone behind the last", HEAD "x\r\n--b--\rx",
          AI_MULTIPART_E_BOUNDARY },
        { "no line before the boundary", HEAD "--b--\r\n",
          AI_MULTIPART_E_BOUNDARY },

        { "no headers", "--b\r\n\r\nx\r\n--b--", AI_MULTIPART_E_HEADER },
        { "no name", DISP("filename=\"x\""), AI_MULTIPART_E_HEADER },
        { "no disposition", PART("X-Y: z"), AI_MULTIPART_E_HEADER },
        { "another type", PART("Content-Disposition: file; name=\"a\""),
          AI_MULTIPART_E_HEADER },
        { "two names", DISP("name=\"a\"; name=\"a\""),
          AI_MULTIPART_E_HEADER },
        { "two file names", DISP("name=a; filename=b; FileName=c"),
          AI_MULTIPART_E_HEADER },
        { "name*", DISP("name=\"a\"; name*=UTF-8''b"),
          AI_MULTIPART_E_HEADER },
        { "name*0", DISP("name=a; Name*0=b"), AI_MULTIPART_E_HEADER },
        { "two dispositions", PART("Content-Disposition: form-data; name=a"
          "\r\nContent-Disposition: form-data"), AI_MULTIPART_E_HEADER },
        { "two types", PART("Content-Disposition: form-data; name=a\r\n"
          "Content-Type: a/b\r\nContent-type: a/b"), AI_MULTIPART_E_HEADER },
        { "a backslash in a name", DISP("name=\"mo\\del\""),
          AI_MULTIPART_E_HEADER },
        { "quote not closed", DISP("name=\"a"), AI_MULTIPART_E_HEADER },
        { "quote closed with an escape", DISP("name=\"a\\\""),
          AI_MULTIPART_E_HEADER },
        { "text behind a quote", DISP("name=\"a\"b"),
          AI_MULTIPART_E_HEADER },
        { "blank before =", DISP("name =\"a\""), AI_MULTIPART_E_HEADER },
        { "blank behind =", DISP("name= \"a\""), AI_MULTIPART_E_HEADER },
        { "no value", DISP("name="), AI_MULTIPART_E_HEADER },
        { "no =", DISP("name=a; b"), AI_MULTIPART_E_HEADER },
        { "no ;", PART("Content-Disposition: form-data name=a"),
          AI_MULTIPART_E_HEADER },
        { "no colon", PART("Content-Disposition: form-data; name=a\r\nX"),
          AI_MULTIPART_E_HEADER },
        { "no header's name", PART(": form-data; name=a"),
          AI_MULTIPART_E_HEADER },
        { "blank before colon", PART("X : y\r\nContent-Disposition: "
          "form-data; name=a"), AI_MULTIPART_E_HEADER },
        { "folded", PART("Content-Disposition: form-data;\r\n name=a"),
          AI_MULTIPART_E_HEADER },
        { "LF", PART("X: y\nContent-Disposition: form-data; name=a"),
          AI_MULTIPART_E_HEADER },
        { "CR", PART("X: y\rz\r\nContent-Disposition: form-data; name=a"),
          AI_MULTIPART_E_HEADER },
        { "DEL", DISP("name=\"a\x7f\""), AI_MULTIPART_E_HEADER },

        { "a field twice", MODEL "x\r\n" MODEL "y\r\n--b--",
          AI_MULTIPART_E_FIELD },
        { "a field twice, empty", MODEL "\r\n" MODEL "\r\n--b--",
          AI_MULTIPART_E_FIELD },
        { "a field that is a file", DISP("name=model; filename=x"),
          AI_MULTIPART_E_FIELD },
        { "a field that is encoded", DISP("name=model\r\n"
          "Content-Transfer-Encoding: base64"), AI_MULTIPART_E_FIELD },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(parse(cases[i].text), AI_ERROR, "%s", cases[i].name);
        is_int(m.error, cases[i].error, "which is told");
        is_int(feed("x", 1), AI_ERROR, "and stays");
        ok(strlen(ai_multipart_strerror(m.error)) > 10, "and has a text");

        mem_reset();
        setup("b");
        len = strlen(cases[i].text);

        for (k = 0; k < len; k++) {
            (void) feed(cases[i].text + k, 1);
        }

        (void) ai_multipart_end(&m);
        is_int(m.error, cases[i].error, "byte for byte the same");
    }

    is_int(parse(DISP("name=model\r\nContent-Transfer-Encoding: 8BIT")),
           AI_OK, "an encoding that is none");
    is_int(parse(DISP("name=a\r\nContent-Transfer-Encoding: base64")),
           AI_OK, "encoded, but not asked for");
    is_int(parse(DISP("name=a; filename*=UTF-8''x; n=b; filename=\"\"")),
           AI_OK, "parameters that are unknown");
    ok(m.part[0].filename.data != NULL && m.part[0].filename.len == 0,
       "an empty name of a file is there");
    is_int(parse(HEAD "x\r\n--b\r\nContent-Disposition: form-data; "
                 "name=a\r\n\r\n--B\r\n--c\r\n\r\n--c--\r\n--b--"), AI_OK,
           "multipart within, and a part twice");
    ok(m.n == 2 && m.part[1].len == sizeof("--B\r\n--c\r\n\r\n--c--") - 1,
       "is bytes");
}


static void
test_field_length(void)
{
    size_t  n, len, step;
    char    text[1024];

    for (n = 0; n < 600; n++) {
        len = (size_t) snprintf(text, sizeof(text), MODEL "%0*d", (int) n, 0);

        if (n == 0) {
            len = sizeof(MODEL) - 1;
        }

        memcpy(text + len, "\r\n--b--", 7);
        len += 7;

        for (step = 1; step < 3; step++) {
            mem_reset();
            setup("b");

            if (step == 1) {
                (void) feed(text, len);

            } else {
                (void) feed(text, len - 9);
                (void) feed(text + len - 9, 9);
            }

            if (ai_multipart_end(&m)
                != (n > AI_MULTIPART_VALUE ? AI_ERROR : AI_OK)
                || (n <= AI_MULTIPART_VALUE && fields[0].value.len != n)
                || (n > AI_MULTIPART_VALUE
                    && m.error != AI_MULTIPART_E_FIELD))
            {
                ok(0, "a field of %zu", n);
                return;
            }
        }
    }

    ok(1, "fields of any length");
}


static ai_int_t
head_of(size_t len)
{
    static char  text[AI_MULTIPART_HEAD * 2];

    static const char  front[] = "Content-Disposition: form-data; name=a\r\n"
                                 "X: ";

    memcpy(text, "--b\r\n", 5);
    memset(text + 5, 'x', len);
    memcpy(text + 5, front, sizeof(front) - 1);
    memcpy(text + 5 + len - 4, "\r\n\r\n", 4);
    memcpy(text + 5 + len, "\r\n--b--", 8);

    return parse(text);
}


static void
test_limits(void)
{
    char        name[80], *p, *text;
    size_t      n, i;
    ai_str_t    b;

    is_int(head_of(AI_MULTIPART_HEAD), AI_OK, "the largest header block");
    is_int(head_of(AI_MULTIPART_HEAD + 1), AI_ERROR, "one more");
    is_int(m.error, AI_MULTIPART_E_LARGE, "is too large");

    text = malloc(20000 * sizeof(HEAD));

    for (n = 999; n < 10002; n = n < 1001 ? n + 1 : n + 9000) {
        p = text;

        for (i = 0; i < n; i++) {
            memcpy(p, HEAD "\r\n", sizeof(HEAD) + 1);
            p += sizeof(HEAD) + 1;
        }

        memcpy(p, "--b--", 6);

        is_int(parse(text), n > AI_MULTIPART_PARTS ? AI_ERROR : AI_OK,
               "%zu parts", n);

        if (n > AI_MULTIPART_PARTS) {
            is_int(m.error, AI_MULTIPART_E_PARTS, "are too many");

        } else {
            is_int(m.n, n, "are found");
        }
    }

    free(text);

    /* a boundary of 70, and what is almost one */

    memset(name, 'q', 70);
    name[70] = '\0';

    mem_reset();
    b.len = 70;
    b.data = (ai_char_t *) name;
    ai_multipart_init(&m, mem_pool(), &b, NULL, 0);

    feed("--", 2);
    feed(name, 70);
    feed("\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--", 48);
    feed(name, 69);
    feed("\r\n--", 4);
    feed(name, 70);
    feed("--", 2);

    is_int(ai_multipart_end(&m), AI_OK, "a boundary of 70");
    is_int(m.part[0].len, 2 + 2 + 69, "and 69 that are none");
}


/* bodies that look like a boundary all the way cost no more than others */

static void
test_linear(void)
{
    size_t    i, k, n, size;
    char     *text;
    clock_t   from, took[5];

    static const char  *const  units[] = {
        "x", "\r\n--bbbbbbbbbbbbbbbbbbbbbbbbbbbb", "\n", "\r\n-", "\r"
    };

    size = 4 << 20;
    text = malloc(size);

    for (k = 0; k < 5; k++) {
        n = strlen(units[k]);

        for (i = 0; i + n <= size; i += n) {
            memcpy(text + i, units[k], n);
        }

        memset(text + i, 'x', size - i);

        mem_reset();
        setup("bbbbbbbbbbbbbbbbbbbbbbbbbbbbb");

        from = clock();
        is_int(feed(text, size), AI_OK, "4 MB of lines of kind %zu", k);
        took[k] = clock() - from;
    }

    free(text);

    for (k = 0; k < 5; k++) {
        ok(took[k] < CLOCKS_PER_SEC, "kind %zu in %ld us", k,
           (long) took[k]);
    }
}


static void
test_boundary(void)
{
    size_t    i, n;
    char      text[70000];
    ai_str_t  type, b;

    static const struct {
        const char  *type;
        const char  *want;
    } cases[] = {
        { "multipart/form-data; boundary=abc", "abc" },
        { "Multipart/Form-Data;BOUNDARY=abc", "abc" },
        { " multipart/form-data ; boundary=abc ; charset=utf-8", "abc" },
        { "multipart/form-data; a=\"b;\\\"boundary=x\"; boundary=y;", "y" },
        { "multipart/form-data; boundary=\"a b:/=?(),\"", "a b:/=?()," },
        { "multipart/form-data; boundary=----WebKitFormBoundaryAb_1.'+",
          "----WebKitFormBoundaryAb_1.'+" },
        { "multipart/form-data", NULL },
        { "multipart/form-data;", NULL },
        { "multipart/form-data; boundary", NULL },
        { "multipart/form-data; boundary=", NULL },
        { "multipart/form-data; boundary=\"\"", NULL },
        { "multipart/form-data; boundary=\"a \"", NULL },
        { "multipart/form-data; boundary=\"a", NULL },
        { "multipart/form-data; boundary=\"a\\b\"", NULL },
        { "multipart/form-data; boundary=\"a\\\"b\"", NULL },
        { "multipart/form-data; boundary=a/b", NULL },
        { "multipart/form-data; boundary=a b", NULL },
        { "multipart/form-data; boundary=a#b", NULL },
        { "multipart/form-data; boundary=a\r\nX: y", NULL },
        { "multipart/form-data; boundary=a; boundary=a", NULL },
        { "multipart/form-data; boundary=a; boundary*=b", NULL },
        { "multipart/form-data; boundary=a; Boundary*0=b", NULL },
        { "multipart/form-data boundary=a", NULL },
        { "multipart/form-data-x; boundary=a", NULL },
        { "multipart/mixed; boundary=a", NULL },
        { "multipart", NULL },
        { "", NULL }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = strlen(cases[i].type);
        type = guard_str(cases[i].type, n);

        if (cases[i].want == NULL) {
            is_int(ai_multipart_boundary(&type, &b), AI_DECLINED, "no: %s",
                   cases[i].type);

        } else {
            is_int(ai_multipart_boundary(&type, &b), AI_OK, "yes: %s",
                   cases[i].type);
            is_str(b, cases[i].want, "and it is right");
        }

        guard_free();
    }

    for (i = 0; i < 4; i++) {
        n = i == 0 ? 1 : i == 1 ? 70 : i == 2 ? 71 : 65536;

        type.len = (size_t) snprintf(text, sizeof(text),
                                     "multipart/form-data; boundary=%0*d",
                                     (int) n, 0);
        type.data = (ai_char_t *) text;

        is_int(ai_multipart_boundary(&type, &b), n > 70 ? AI_DECLINED : AI_OK,
               "a boundary of %zu", n);
    }

    /* every byte, in a token and in quotes */

    for (i = 0; i < 256; i++) {
        n = (size_t) snprintf(text, sizeof(text),
                              "multipart/form-data; boundary=a?b") - 2;
        text[n] = (char) i;
        type.len = n + 2;
        type.data = (ai_char_t *) text;

        if ((ai_multipart_boundary(&type, &b) == AI_OK && b.len == 3)
            != (strchr("'+-._0123456789abcdefghijklmnopqrstuvwxyz"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ", (int) i) != NULL && i))
        {
            ok(0, "letter %zu", i);
        }
    }
}


int
main(void)
{
    test_whole();
    test_splits();
    test_cut();
    test_memory();
    test_errors();
    test_field_length();
    test_limits();
    test_linear();
    test_boundary();

    mem_reset();

    return done();
}
