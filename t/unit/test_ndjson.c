
/*
 * Newline-delimited JSON: whole, at every split in two, in pieces of every
 * size and byte by byte; always from memory that ends at a guard page.
 */

#include "tap.h"
#include "mem.h"

#include <codec/ai_ndjson.h>


static char    got[65536];          /* the lines, written down */
static size_t  ngot;
static size_t  nbytes;              /* the sum of their bytes */


static void
note(const ai_sse_event_t *ev)
{
    if (ev->name.data != NULL || ev->comment != (ev->data.data == NULL)) {
        ngot += (size_t) sprintf(got + ngot, "BAD");
    }

    if (ev->comment) {
        got[ngot++] = '-';

    } else {
        memcpy(got + ngot, ev->data.data, ev->data.len);
        ngot += ev->data.len;
        got[ngot++] = ';';
    }

    got[ngot] = '\0';
}


/* one buffer; checks that the bytes given out follow each other */

static int
feed(ai_ndjson_t *s, const char *p, size_t n, const char *text)
{
    ai_int_t        rc;
    ai_str_t        in;
    ai_sse_event_t  ev;

    in = guard_str(p, n);

    while ((rc = ai_ndjson_next(s, &in, &ev)) == AI_OK) {

        if (ev.bytes.len == 0
            || ev.bytes.data[ev.bytes.len - 1] != '\n'
            || memcmp(ev.bytes.data, text + nbytes, ev.bytes.len) != 0)
        {
            return 98;
        }

        nbytes += ev.bytes.len;
        note(&ev);
    }

    guard_free();

    return rc == AI_AGAIN && in.len == 0 ? 0 : 99;
}


static int
feed_all(const char *text, size_t len, size_t first, size_t size,
    ai_int_t as_event)
{
    int             rc;
    size_t          i, n;
    ai_ndjson_t     s;
    ai_sse_event_t  ev;

    ngot = 0;
    got[0] = '\0';
    nbytes = 0;

    ai_ndjson_init(&s, mem_pool(), 0);

    for (i = 0; i < len; i += n) {
        n = ai_min(i == 0 && first ? first : size, len - i);

        rc = feed(&s, text + i, n, text);

        if (rc != 0) {
            return rc;
        }

        if (nbytes + (s.used ? 0 : ai_buf_len(&s.held)) != i + n) {
            return 97;
        }
    }

    if (ai_ndjson_end(&s, &ev, as_event) == AI_OK) {

        if (memcmp(ev.bytes.data, text + nbytes, ev.bytes.len) != 0) {
            return 96;
        }

        nbytes += ev.bytes.len;

        if (as_event) {
            note(&ev);

        } else {
            ngot += (size_t) sprintf(got + ngot, "%s",
                                     ev.data.data ? "BAD" : "cut");
        }
    }

    if (ai_ndjson_end(&s, &ev, as_event) != AI_DECLINED) {
        return 95;
    }

    mem_reset();

    return nbytes == len ? 0 : 94;
}


static void
lines_n(const char *text, size_t len, const char *want, ai_int_t as_event)
{
    size_t  i, wrong;

    is_int(feed_all(text, len, 0, len + 1, as_event), 0, "whole");
    is_cstr(got, want, "lines");

    wrong = 0;

    for (i = 1; i < len; i++) {
        wrong += feed_all(text, len, i, len, as_event) != 0
                 || strcmp(got, want) != 0;
        wrong += feed_all(text, len, 0, i, as_event) != 0
                 || strcmp(got, want) != 0;
    }

    is_int(wrong, 0, "split everywhere");
}


#define lines(text, want)   lines_n(text, sizeof(text) - 1, want, 0)
#define ended(text, want)   lines_n(text, sizeof(text) - 1, want, 1)


static void
test_lines(void)
{
    lines("", "");
    lines("{\"a\":1}\n{\"b\":\"x y\"}\n", "{\"a\":1};{\"b\":\"x y\"};");
    lines("a\r\nb\r\nc\n", "a;b;c;");
    lines("a\rb\n\rc\n", "a\rb;\rc;");
    lines("\n\na\n\r\n\n b \n\r\r\n", "--a;-- b ;\r;");
    lines("a\r\r\n", "a\r;");
    lines("data: \xe4\xbd\xa0\0\n", "data: \xe4\xbd\xa0");

    lines("a\nb", "a;cut");
    lines("a\n\r", "a;cut");
    ended("a\nb", "a;b;");
    ended("a\nb\r", "a;b;");
    ended("a\n\r", "a;-");
    ended("a\n\n", "a;-");
    ended("b", "b;");
}


static void
test_in_place(void)
{
    char            text[] = "abc\r\n\nde";
    ai_str_t        in;
    ai_ndjson_t     s;
    ai_sse_event_t  ev;

    ai_ndjson_init(&s, mem_pool(), 0);

    in.data = (ai_char_t *) text;
    in.len = sizeof(text) - 1;

    is_int(ai_ndjson_next(&s, &in, &ev), AI_OK, "a line");
    ok(ev.data.data == (ai_char_t *) text && ev.data.len == 3, "in place");
    is_int(ev.bytes.len, 5, "with its end");

    is_int(ai_ndjson_next(&s, &in, &ev), AI_OK, "a blank one");
    ok(ev.comment && ev.bytes.data == (ai_char_t *) text + 5, "is a comment");
    is_int(mem_count(), 0, "nothing was copied");

    is_int(ai_ndjson_next(&s, &in, &ev), AI_AGAIN, "the rest");
    is_int(in.len, 0, "is held");

    mem_reset();
}


static void
test_max(void)
{
    size_t          n, split;
    ai_int_t        rc;
    ai_str_t        in;
    ai_ndjson_t     s;
    ai_sse_event_t  ev;

    static char  text[] = "0123456\n";

    for (split = 0; split < 9; split++) {
        for (n = 7; n < 10; n++) {
            ai_ndjson_init(&s, mem_pool(), n);

            in.data = (ai_char_t *) text;
            in.len = split;
            rc = ai_ndjson_next(&s, &in, &ev);

            if (rc == AI_AGAIN) {
                in.data = (ai_char_t *) text + split;
                in.len = 8 - split;
                rc = ai_ndjson_next(&s, &in, &ev);
            }

            if ((rc == AI_OK) != (n >= 8) || s.oversize != (n < 8)) {
                ok(0, "max %zu, split at %zu", n, split);
            }

            if (n < 8) {
                is_int(ai_ndjson_next(&s, &in, &ev), AI_ERROR, "stays so");
                is_int(ai_ndjson_end(&s, &ev, 1), AI_ERROR, "to the end");
            }

            mem_reset();
        }
    }

    /* no end in sight, and blank lines without end */

    ai_ndjson_init(&s, mem_pool(), 100);

    for (n = 0; n < 1000; n++) {
        in.data = (ai_char_t *) text;
        in.len = 7;

        if (ai_ndjson_next(&s, &in, &ev) != AI_AGAIN) {
            break;
        }
    }

    is_int(n, 14, "a line has an end");
    mem_reset();

    ai_ndjson_init(&s, mem_pool(), 100);

    for (n = 0; n < 1000; n++) {
        in.data = (ai_char_t *) text + 7;
        in.len = 1;

        if (ai_ndjson_next(&s, &in, &ev) != AI_OK || !ev.comment) {
            break;
        }
    }

    is_int(n, 1000, "blank lines are none");
    is_int(mem_count(), 0, "and take no memory");
}


static void
test_memory(void)
{
    ai_str_t        in;
    ai_ndjson_t     s;
    ai_sse_event_t  ev;

    ai_ndjson_init(&s, mem_pool(), 0);
    mem_fail_at(1);

    in.data = (ai_char_t *) "abc";
    in.len = 3;

    is_int(ai_ndjson_next(&s, &in, &ev), AI_ERROR, "no memory");
    ok(!s.oversize, "is not a long line");
    is_int(ai_ndjson_next(&s, &in, &ev), AI_ERROR, "and stays so");
    mem_reset();
}


int
main(void)
{
    test_lines();
    test_in_place();
    test_max();
    test_memory();

    return done();
}
