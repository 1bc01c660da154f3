
/*
 * Server-sent events.  E1 to E6 are the cases of RELIABILITY.md, section 4.
 * Each stream is read whole, at every split in two, in pieces of every size,
 * and byte by byte; always from memory that ends at a guard page.
 */

#include "tap.h"
#include "mem.h"

#include <codec/ai_sse.h>


static char    got[65536];          /* the events, written down */
static size_t  ngot;
static size_t  nbytes;              /* the sum of their bytes */


static void
note(const char *mark, const ai_str_t *s)
{
    size_t  i;

    ngot += (size_t) snprintf(got + ngot, sizeof(got) - ngot, "%s", mark);

    for (i = 0; i < s->len && ngot < sizeof(got) - 8; i++) {
        if (s->data[i] == '\n') {
            got[ngot++] = '|';

        } else {
            got[ngot++] = (char) s->data[i];
        }
    }

    got[ngot] = '\0';
}


/* "e:name " if there is one, "d:data;" if there is; comments are left out, as
 * their number depends on the split where a stream has CR LF */

static void
note_event(const ai_sse_event_t *ev)
{
    nbytes += ev->bytes.len;

    if (ev->comment != (ev->data.data == NULL && ev->name.data == NULL)) {
        note("COMMENT?", &ev->data);
    }

    if (ev->name.len) {
        note("e:", &ev->name);
        note(" ", &(ai_str_t) ai_null_string);
    }

    if (ev->data.data != NULL) {
        note("d:", &ev->data);
    }

    if (!ev->comment) {
        note(";", &(ai_str_t) ai_null_string);
    }
}


/* one buffer; checks that the bytes given out follow each other */

static int
feed(ai_sse_t *s, const char *p, size_t n, const char *text)
{
    ai_int_t        rc;
    ai_str_t        in;
    ai_sse_event_t  ev;

    in = guard_str(p, n);

    for ( ;; ) {
        rc = ai_sse_next(s, &in, &ev);

        if (rc == AI_AGAIN) {
            guard_free();
            return in.len ? 99 : 0;
        }

        if (rc != AI_OK) {
            guard_free();
            return -1;
        }

        if (ev.bytes.len == 0
            || memcmp(ev.bytes.data, text + nbytes, ev.bytes.len) != 0)
        {
            guard_free();
            return 98;
        }

        note_event(&ev);
    }
}


/* in pieces of "size", the first one of "first" bytes */

static int
feed_all(const char *text, size_t len, size_t first, size_t size,
    ai_int_t as_event)
{
    int             rc;
    size_t          i, n;
    ai_sse_t        s;
    ai_sse_event_t  ev;

    ngot = 0;
    got[0] = '\0';
    nbytes = 0;

    ai_sse_init(&s, mem_pool(), 0);

    for (i = 0; i < len; i += n) {
        n = i == 0 && first ? first : size;
        n = ai_min(n, len - i);

        rc = feed(&s, text + i, n, text);

        if (rc != 0) {
            return rc;
        }

        if (nbytes + (s.used ? 0 : ai_buf_len(&s.held)) != i + n) {
            return 97;
        }
    }

    if (ai_sse_end(&s, &ev, as_event) == AI_OK) {

        if (memcmp(ev.bytes.data, text + nbytes, ev.bytes.len) != 0) {
            return 96;
        }

        nbytes += ev.bytes.len;

        if (as_event) {
            nbytes -= ev.bytes.len;
            note_event(&ev);

        } else if (!ev.comment) {
            note("cut", &ev.data);
        }
    }

    if (ai_sse_end(&s, &ev, as_event) != AI_DECLINED) {
        return 95;
    }

    mem_reset();

    return nbytes == len ? 0 : 94;
}


static void
events_n(const char *text, size_t len, const char *want, ai_int_t as_event)
{
    int     rc;
    size_t  i, wrong;

    rc = feed_all(text, len, 0, len + 1, as_event);
    is_int(rc, 0, "whole");
    is_cstr(got, want, "events");

    wrong = 0;

    for (i = 1; i < len; i++) {
        wrong += feed_all(text, len, i, len, as_event) != 0
                 || strcmp(got, want) != 0;
        wrong += feed_all(text, len, 0, i, as_event) != 0
                 || strcmp(got, want) != 0;
    }

    is_int(wrong, 0, "split everywhere");
}


#define events(text, want)   events_n(text, sizeof(text) - 1, want, 0)
#define ended(text, want)    events_n(text, sizeof(text) - 1, want, 1)


static void
test_lines(void)
{
    /* E1 */

    events("data: a\n\ndata: b\n\n", "d:a;d:b;");
    events("data: a\r\n\r\ndata: b\r\n\r\n", "d:a;d:b;");
    events("data: a\r\rdata: b\r\r", "d:a;d:b;");
    events("data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\r",
           "d:a;d:b;d:c;d:d;");
    events("data: a\ndata: b\rdata: c\r\ndata: d\r\n\r\n", "d:a|b|c|d;");
    events("\n\ndata: a\n\n\n\r\n\r\rdata: b\n\n", "d:a;d:b;");
    events("\r\n\r\n\r\n", "");

    /* E2 */

    events("\xef\xbb\xbf" "data: a\n\n\xef\xbb\xbf" "data: b\n\n", "d:a;");
    events("\xef\xbb\xbf\n\ndata: a\n\n", "d:a;");
    events("\xef\xbb\xbf\r\n\xef\n\ndata: a\n\n", "d:a;");
    events("\xef\xbb" "data: a\n\ndata: b\n\n", "d:b;");
    events("\xef\n\ndata: b\n\n", "d:b;");
    events("\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\ndata: b\n\n", "d:b;");
    events("data: a\xe2\x80\xa8\xe2\x80\xa9\xc2\x85\v\f\n\n",
           "d:a\xe2\x80\xa8\xe2\x80\xa9\xc2\x85\v\f;");

    /* E3 */

    events("data:x\n\ndata: x\n\ndata:  x\n\ndata:\tx\n\n",
           "d:x;d:x;d: x;d:\tx;");
    events("data\n\ndata:\n\ndata: \n\n", "d:;d:;d:;");
    events("data\ndata\n\ndata:\ndata: a\ndata:\n\n", "d:|;d:|a|;");
    events("data: a: b\n\n data: x\n\nDATA: x\n\ndatax: x\n\ndat: x\n\n",
           "d:a: b;");

    /* E4 */

    events(": ping\n\n:\n: x\ndata: a\n\n:data: b\n\n", "d:a;");
    events("id: 1\nretry: x\nfoo\nfoo: bar\n\nid\n\n", "");
    events("event: a\ndata: 1\n\nevent:b\n\nevent\ndata: 2\n\n",
           "e:a d:1;e:b ;d:2;");
    events("event: a\nevent: b\ndata: 1\n\n", "e:b d:1;");
    events("event: a\nevent\ndata: 1\n\nevents: a\ndata: 2\n\n", "d:1;d:2;");
    events("id: \0x\ndata: a\0b\n\n", "d:a");
}


/* E5 */

static void
test_end(void)
{
    events("data: a\n\ndata: b", "d:a;cut");
    events("data: a\n\ndata: b\n", "d:a;cut");
    events("data: a\n\n: b\n", "d:a;");
    events("data: a\n\n\xe4\xbd", "d:a;");
    events("data: \xff\xe4\xbd\n\n", "d:\xff\xe4\xbd;");
    events("", "");

    ended("data: a\n\ndata: b", "d:a;d:b;");
    ended("data: a\n\ndata: b\n", "d:a;d:b;");
    ended("data: a\n\nevent: x\ndata: b\ndata: c\r", "d:a;e:x d:b|c;");
    ended("data: a\r\n\r\ndata: [DONE]\r\n", "d:a;d:[DONE];");
    ended("data: a\n\n: x", "d:a;");
    ended("\xef\xbb\xbf" "data: a", "d:a;");
    ended("\xef\xbb", "");
}


static void
test_recorded(void)
{
    events("event: message_start\ndata: {\"type\":\"message_start\"}\n\n"
           "event: ping\ndata: {\"type\": \"ping\"}\n\n"
           "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{}}]}\n\n"
           ": OPENROUTER PROCESSING\n\n"
           "data: [DONE]\n\n",
           "e:message_start d:{\"type\":\"message_start\"};"
           "e:ping d:{\"type\": \"ping\"};"
           "d:{\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{}}]};d:[DONE];");
}


static void
test_spans(void)
{
    ai_str_t        in, rest;
    ai_sse_t        s;
    ai_sse_event_t  ev;

    ai_sse_init(&s, mem_pool(), 0);

    in = ai_lit(": c\nevent: e\ndata: one\n\n\ndata: two\n");
    rest = in;

    is_int(ai_sse_next(&s, &in, &ev), AI_OK, "first");
    ok(ev.bytes.data == rest.data && ev.data.data == rest.data + 19,
       "is a span of the input");
    is_str(ev.bytes, ": c\nevent: e\ndata: one\n\n", "with its comment");
    ok(!ev.comment, "and is none");
    is_int(mem_count(), 0, "nothing was allocated");

    is_int(ai_sse_next(&s, &in, &ev), AI_OK, "a blank line");
    ok(ev.comment && ev.data.data == NULL, "is a comment");
    is_str(ev.bytes, "\n", "alone");

    is_int(ai_sse_next(&s, &in, &ev), AI_AGAIN, "the rest is held");
    is_int(in.len, 0, "all of it");
    is_int(ai_sse_next(&s, &in, &ev), AI_AGAIN, "no more input");

    in = ai_lit("data: three\n\ndata: four\n\n");
    is_int(ai_sse_next(&s, &in, &ev), AI_OK, "put together");
    is_str(ev.data, "two\nthree", "data");
    is_str(ev.bytes, "data: two\ndata: three\n\n", "bytes");
    is_str(in, "data: four\n\n", "what is left");
    is_int(ai_sse_next(&s, &in, &ev), AI_OK, "next");
    is_str(ev.data, "four", "in place again");
    is_int(ai_sse_end(&s, &ev, 1), AI_DECLINED, "nothing is left");

    /* a CR ends an event at once */

    in = ai_lit("data: a\r\n\r");
    is_int(ai_sse_next(&s, &in, &ev), AI_OK, "CR at the end of the buffer");
    is_str(ev.bytes, "data: a\r\n\r", "does not wait for LF");
    in = ai_lit("\ndata: b\r\r");
    is_int(ai_sse_next(&s, &in, &ev), AI_OK, "LF in front of the next event");
    is_str(ev.bytes, "\ndata: b\r\r", "belongs to its bytes");
    is_str(ev.data, "b", "not to its lines");
    in = ai_lit("\n");
    is_int(ai_sse_next(&s, &in, &ev), AI_AGAIN, "LF at the end");
    is_int(ai_sse_end(&s, &ev, 0), AI_OK, "is given out");
    ok(ev.comment && ev.bytes.len == 1, "as what it is");

    mem_reset();
}


/* E6, and the memory of a stream */

static void
test_bounds(void)
{
    int             i, rc;
    size_t          calls;
    ai_str_t        in;
    ai_sse_t        s;
    ai_sse_event_t  ev;

    ai_sse_init(&s, mem_pool(), 16);
    in = ai_lit("data: 12345678\n\ndata: 123456789\n\n");
    is_int(ai_sse_next(&s, &in, &ev), AI_OK, "16 bytes");
    is_int(ai_sse_next(&s, &in, &ev), AI_ERROR, "17 bytes");
    ok(s.oversize, "oversize");
    is_str(in, "data: 123456789\n\n", "not taken");
    is_int(ai_sse_next(&s, &in, &ev), AI_ERROR, "it stays so");

    ai_sse_init(&s, mem_pool(), 16);
    in = ai_lit("data: 12345678\n");
    is_int(ai_sse_next(&s, &in, &ev), AI_AGAIN, "15 bytes");
    in = ai_lit("\ndata");
    is_int(ai_sse_next(&s, &in, &ev), AI_OK, "in two pieces");

    ai_sse_init(&s, mem_pool(), 16);
    in = ai_lit("data: 123456789\n");
    is_int(ai_sse_next(&s, &in, &ev), AI_AGAIN, "16 bytes, no end");
    in = ai_lit("\n");
    is_int(ai_sse_next(&s, &in, &ev), AI_ERROR, "in two pieces");
    ok(s.oversize && in.len == 1 && ai_buf_len(&s.held) == 16,
       "the bytes are still there");

    ai_sse_init(&s, mem_pool(), 0);
    is_int(s.max, 4 * 1024 * 1024, "4 MiB by default");
    calls = 0;
    rc = AI_OK;

    for (i = 0; i < 10000 && rc == AI_OK; i++) {
        in = ai_lit("data: a\ndata: ");
        rc = ai_sse_next(&s, &in, &ev) == AI_AGAIN ? AI_OK : AI_ERROR;
        in = ai_lit("b\n\n");

        if (rc == AI_OK) {
            rc = (int) ai_sse_next(&s, &in, &ev);
        }

        if (i == 10) {
            calls = mem_count();
        }
    }

    is_int(rc, AI_OK, "10,000 events");
    is_int(mem_count(), calls, "take no more memory than 10");

    mem_reset();
}


static void
test_memory(void)
{
    int             n, forever;
    ai_str_t        in;
    ai_sse_t        s;
    ai_int_t        rc;
    ai_sse_event_t  ev;

    for (forever = 0; forever < 2; forever++) {
        for (n = 1; n < 20; n++) {
            mem_reset();
            mem_fail_at((size_t) n);

            if (forever) {
                mem_fail_from((size_t) n);
            }

            ai_sse_init(&s, mem_pool(), 0);

            in = ai_lit("data: a\ndata: b\n\ndata: c\ndata: d\n");
            rc = ai_sse_next(&s, &in, &ev);

            if (rc == AI_OK) {
                rc = ai_sse_next(&s, &in, &ev);
            }

            if (rc == AI_AGAIN) {
                rc = ai_sse_end(&s, &ev, 1);
            }

            if (!mem_failed()) {
                break;
            }

            is_int(rc, AI_ERROR, "allocation %d fails", n);
            is_int(ai_sse_next(&s, &in, &ev), AI_ERROR, "and it stays so");
        }

        ok(n == 3 && rc == AI_OK, "%d allocations", n - 1);
    }

    mem_reset();
}


int
main(void)
{
    test_lines();
    test_end();
    test_recorded();
    test_spans();
    test_bounds();
    test_memory();

    return done();
}
