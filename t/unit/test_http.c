
/*
 * Answers to small calls of our own: framings, at every split point, and what
 * is no answer.
 */

#include <stdio.h>
#include <codec/ai_http.h>
#include "tap.h"
#include "mem.h"


#define MAX  1000


typedef struct {
    const char  *name;
    const char  *text;
    unsigned     status;            /* 0: refused */
    const char  *body;
    int          close;             /* ends with the connection */
} answer_t;


static const answer_t  answers[] = {
    { "length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200,
      "hello", 0 },
    { "bytes behind it", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
      "hello!!", 200, "hello", 0 },
    { "names and blanks", "HTTP/1.0 404\r\ncontent-LENGTH:\t 2 \r\nX:\r\n"
      "\r\nno", 404, "no", 0 },
    { "bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, "x",
      0 },
    { "nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", 0 },
    { "204", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", 0 },
    { "until closed", "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}", 200, "{\"a\":1}",
      1 },
    { "chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 200, "abc0123456789",
      0 },
    { "trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\nz\r\n00\r\nX-T: 1\r\nY: 2\r\n\r\n", 200, "z", 0 },
    { "interim", "HTTP/1.1 103 Early\r\nLink: x\r\nContent-Length: 9\r\n\r\n"
      "HTTP/1.1 100 Continue\r\n\r\n"
      "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", 201, "ok", 0 },
    { "identity", "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n"
      "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok", 0 },

    { "another protocol", "HTTP/2 200 OK\r\n\r\n", 0, NULL, 0 },
    { "no HTTP", "hello world, how are you\r\n\r\n", 0, NULL, 0 },
    { "a status of letters", "HTTP/1.1 2x0 OK\r\n\r\n", 0, NULL, 0 },
    { "a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", 0, NULL, 0 },
    { "a status below all", "HTTP/1.1 099 x\r\n\r\n", 0, NULL, 0 },
    { "101", "HTTP/1.1 101 Switching\r\n\r\n", 0, NULL, 0 },
    { "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
      "Content-Length: 2\r\n\r\n", 0, NULL, 0 },
    { "two framings", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
      "Transfer-Encoding: chunked\r\n\r\n", 0, NULL, 0 },
    { "a length below zero", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      0, NULL, 0 },
    { "a length beyond all", "HTTP/1.1 200 OK\r\n"
      "Content-Length: 99999999999999999999\r\n\r\n", 0, NULL, 0 },
    { "a length above the limit", "HTTP/1.1 200 OK\r\n"
      "Content-Length: 1001\r\n\r\n", 0, NULL, 0 },
    { "gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", 0, NULL,
      0 },
    { "gzip, chunked", "HTTP/1.1 200 OK\r\n"
      "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, NULL, 0 },
    { "a line without colon", "HTTP/1.1 200 OK\r\nhello\r\n\r\n", 0, NULL,
      0 },
    { "a blank before the colon", "HTTP/1.1 200 OK\r\n"
      "Content-Length : 1\r\n\r\nx", 0, NULL, 0 },
    { "a folded line", "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n", 0, NULL, 0 },
    { "a chunk of no size", "HTTP/1.1 200 OK\r\n"
      "Transfer-Encoding: chunked\r\n\r\n\r\n", 0, NULL, 0 },
    { "a chunk size of letters", "HTTP/1.1 200 OK\r\n"
      "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 0, NULL, 0 },
    { "a chunk beyond all", "HTTP/1.1 200 OK\r\n"
      "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n", 0, NULL,
      0 },
    { "a chunk that goes on", "HTTP/1.1 200 OK\r\n"
      "Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n", 0, NULL, 0 }
};


static ai_int_t
feed(ai_http_t *h, const char *p, size_t len)
{
    ai_int_t  rc;
    ai_str_t  s;

    s.data = guard_copy(p, len);
    s.len = len;
    rc = ai_http_feed(h, &s);
    guard_free();

    return rc;
}


static int
is_answer(ai_http_t *h, ai_int_t rc, const answer_t *a)
{
    if (a->status == 0) {
        return rc == AI_ERROR && ai_http_end(h) == AI_ERROR;
    }

    if (a->close) {

        if (rc != AI_AGAIN) {
            return 0;
        }

        rc = ai_http_end(h);
    }

    return rc == AI_OK && h->status == a->status && ai_http_end(h) == AI_OK
           && ai_buf_len(&h->body) == strlen(a->body)
           && (a->body[0] == '\0'
               || memcmp(h->body.start, a->body, strlen(a->body)) == 0);
}


static void
run(const answer_t *a)
{
    size_t     n, len;
    ai_int_t   rc;
    ai_http_t  h;

    len = strlen(a->text);

    ai_http_init(&h, mem_pool(), MAX);
    rc = feed(&h, a->text, len);
    ok(is_answer(&h, rc, a), "%s", a->name);

    for (n = 1; n < len; n++) {
        mem_reset();
        ai_http_init(&h, mem_pool(), MAX);
        rc = feed(&h, a->text, n);

        if (rc == AI_AGAIN) {
            rc = feed(&h, a->text + n, len - n);
        }

        if (!is_answer(&h, rc, a)) {
            break;
        }
    }

    is_int(n, len, "%s in two pieces", a->name);

    mem_reset();
    ai_http_init(&h, mem_pool(), MAX);
    rc = AI_AGAIN;

    for (n = 0; n < len && rc == AI_AGAIN; n++) {
        rc = feed(&h, a->text + n, 1);
    }

    ok(is_answer(&h, rc, a), "%s byte by byte", a->name);

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at(n);
        ai_http_init(&h, mem_pool(), MAX);
        rc = feed(&h, a->text, len);

        if (!mem_failed()) {
            break;
        }

        if (rc != AI_ERROR) {
            break;
        }
    }

    ok(!mem_failed(), "%s: memory that fails", a->name);

    if (a->status && !a->close) {
        mem_reset();
        ai_http_init(&h, mem_pool(), MAX);
        rc = feed(&h, a->text, strlen(a->text) - 8);
        ok(rc != AI_AGAIN || ai_http_end(&h) == AI_ERROR,
           "%s cut off", a->name);
    }

    mem_reset();
}


static void
limits(void)
{
    size_t     i, n;
    ai_int_t   rc;
    ai_http_t  h;

    static const char  head[] = "HTTP/1.1 200 OK\r\n";
    static const char  chunked[] = "HTTP/1.1 200 OK\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n";

    ai_http_init(&h, mem_pool(), MAX);
    rc = feed(&h, head, sizeof(head) - 1);

    for (i = 0; rc == AI_AGAIN && i < 10000; i++) {
        rc = feed(&h, "X-Header: 0123456789\r\n", 22);
    }

    ok(rc == AI_ERROR && i < 1600, "headers end at 32 KB, after %zu", i);

    mem_reset();
    ai_http_init(&h, mem_pool(), MAX);
    rc = feed(&h, head, sizeof(head) - 1);

    for (i = 0; rc == AI_AGAIN && i < 100000; i++) {
        rc = feed(&h, "XXXXXXXXXXXXXXXX", 16);
    }

    ok(rc == AI_ERROR && i < 2100, "and so does one line");

    mem_reset();
    ai_http_init(&h, mem_pool(), MAX);
    rc = AI_AGAIN;

    for (i = 0; rc == AI_AGAIN && i < 100; i++) {
        rc = feed(&h, "HTTP/1.1 100 x\r\n\r\n", 18);
    }

    ok(rc == AI_ERROR && i < 10, "interim answers end");

    mem_reset();
    ai_http_init(&h, mem_pool(), MAX);
    rc = feed(&h, chunked, sizeof(chunked) - 1);

    for (i = 0; rc == AI_AGAIN && i < 100; i++) {
        rc = feed(&h, "64\r\n", 4);

        for (n = 0; rc == AI_AGAIN && n < 10; n++) {
            rc = feed(&h, "0123456789", 10);
        }

        if (rc == AI_AGAIN) {
            rc = feed(&h, "\r\n", 2);
        }
    }

    ok(rc == AI_ERROR && i == 11, "chunks end at 1,000 bytes in sum");
    is_int(ai_buf_len(&h.body), MAX, "which are there");

    mem_reset();
    ai_http_init(&h, mem_pool(), MAX);
    rc = feed(&h, chunked, sizeof(chunked) - 1);

    for (i = 0; rc == AI_AGAIN && i < 10000; i++) {
        rc = feed(&h, "1;xxxxxx", 8);
    }

    ok(rc == AI_ERROR && i <= 129, "extensions of a chunk end at 1 KB");

    mem_reset();
    ai_http_init(&h, mem_pool(), MAX);
    rc = feed(&h, "HTTP/1.1 200 OK\r\n\r\n", 19);

    for (i = 0; rc == AI_AGAIN && i < 1000; i++) {
        rc = feed(&h, "0123456789", 10);
    }

    ok(rc == AI_ERROR && i == 101, "so does a body without length");

    rc = feed(&h, "x", 1);
    is_int(rc, AI_ERROR, "and it stays so");

    mem_reset();
    ai_http_init(&h, mem_pool(), MAX);
    rc = feed(&h, "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", 28);
    is_int(rc, AI_ERROR, "a zero byte");

    mem_reset();
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        run(&answers[i]);
    }

    limits();

    return done();
}
