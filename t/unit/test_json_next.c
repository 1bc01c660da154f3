
/*
 * ai_json_parse_next() against ai_json_parse(): whatever came before, the
 * table is the same as if it had been made anew.
 */

#include <stdio.h>

#include <codec/ai_json.h>
#include <codec/ai_sse.h>

#include "tap.h"
#include "mem.h"


static ai_json_t  next, fresh;
static unsigned   moved, bad, steps;


/* reads one text both ways; 1 if the results are alike */

static int
same(const ai_str_t *text)
{
    size_t     off;
    uint32_t   i;
    ai_int_t   rc[2];

    rc[0] = ai_json_parse_next(&next, text, NULL);
    rc[1] = ai_json_parse(&fresh, text, NULL);

    steps++;

    if (rc[0] != rc[1]) {
        diag("step %u: %d, not %d", steps, (int) rc[0], (int) rc[1]);
        return 0;
    }

    if (rc[1] != AI_OK) {
        return next.error == fresh.error && next.error_off == fresh.error_off;
    }

    moved += next.moved;

    if (next.n != fresh.n || next.len != fresh.len
        || next.text != fresh.text)
    {
        diag("step %u: %u nodes, not %u", steps, next.n, fresh.n);
        return 0;
    }

    for (i = 0; i < next.n; i++) {
        off = next.node[i].off;

        if (off != fresh.node[i].off
            || next.node[i].len != fresh.node[i].len
            || next.node[i].next != fresh.node[i].next
            || next.node[i].count != fresh.node[i].count
            || next.node[i].type != fresh.node[i].type
            || next.node[i].escaped != fresh.node[i].escaped)
        {
            diag("step %u: node %u differs", steps, i);
            return 0;
        }
    }

    return 1;
}


static void
test_pairs(void)
{
    size_t    i;
    ai_str_t  text;

    static const struct {
        const char  *text;
        unsigned     moved;
    } t[] = {
        { "{\"a\":{\"b\":\"x\",\"c\":null},\"d\":\"y\",\"e\":[1,\"z\"]}", 0 },
        { "{\"a\":{\"b\":\"x\",\"c\":null},\"d\":\"y\",\"e\":[1,\"z\"]}", 1 },
        { "{\"a\":{\"b\":\"xy\",\"c\":null},\"d\":\"y\",\"e\":[1,\"z\"]}", 1 },
        { "{\"a\":{\"b\":\"\",\"c\":null},\"d\":\"yyyy\",\"e\":[1,\"\"]}", 1 },
        { "{\"a\":{\"b\":\"\\n\",\"c\":null},\"d\":\"\xc3\xa9\",\"e\":[1,\"z"
          "\"]}", 1 },
        { "{\"a\":{\"b\":\"\\n\",\"c\":null},\"d\":\"\xc3\xa8\",\"e\":[1,\"z"
          "\"]}", 1 },
        { "{\"a\":{\"b\":\"\\\"\",\"c\":null},\"d\":\"\xc3\",\"e\":[1,\"z"
          "\"]}", 0 },
        { "{\"a\":{\"b\":\"x\",\"c\":null},\"d\":\"y\",\"e\":[1,\"z\"]}", 0 },
        { "{\"a\":{\"b\":\"x\",\"c\":true},\"d\":\"y\",\"e\":[1,\"z\"]}", 0 },
        { "{\"a\":{\"B\":\"x\",\"c\":true},\"d\":\"y\",\"e\":[1,\"z\"]}", 0 },
        { "{\"a\":{\"B\":\"x\",\"c\":true},\"d\":\"y\",\"e\":[2,\"z\"]}", 0 },
        { "{\"a\":{\"B\":\"x\",\"c\":true},\"d\":\"y\",\"e\":[2,\"z\"]} ", 0 },
        { "{\"a\":{\"B\":\"x\",\"c\":true},\"d\":\"y\",\"e\":[2,\"z", 0 },
        { "\"root\"", 0 },
        { "\"other root\"", 1 },
        { "\"other\":1", 0 },
        { "{\"k\" : \"v\"}", 0 },
        { "{\"l\" : \"v\"}", 0 },
        { "[\"a\",\"b\",\"c\",\"d\",\"e\"]", 0 },
        { "[\"1\",\"2\",\"3\",\"4\",\"e\"]", 1 },
        { "[\"a\",\"b\",\"c\",\"d\",\"f\"]", 0 },
        { "[\"a\",\"b\"]", 0 },
        { "[\"a\",7]", 0 },
        { "[\"a\",\"b]", 0 }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        text.data = (ai_char_t *) t[i].text;
        text.len = strlen(t[i].text);

        ok(same(&text), t[i].text);

        if (next.n) {
            is_int(next.moved, t[i].moved, "moved or made");
        }
    }
}


/* a recorded stream, and every event of it with one byte changed */

static void
test_stream(const char *path)
{
    FILE            *f;
    size_t           i;
    ai_str_t         in, data;
    ai_sse_t         sse;
    ai_char_t        copy[2048];
    ai_sse_event_t   ev;

    static ai_char_t  text[256 * 1024];

    f = fopen(path, "rb");
    ok(f != NULL, path);

    if (f == NULL) {
        return;
    }

    in.data = text;
    in.len = fread(text, 1, sizeof(text), f);
    fclose(f);

    ai_sse_init(&sse, mem_pool(), 0);
    bad = 0;
    moved = 0;
    steps = 0;

    while (ai_sse_next(&sse, &in, &ev) == AI_OK) {

        if (ev.data.data == NULL) {
            continue;
        }

        bad += !same(&ev.data);

        if (ev.data.len > sizeof(copy)) {
            continue;
        }

        data.data = copy;
        data.len = ev.data.len;

        for (i = 0; i < ev.data.len; i += 1 + steps % 3) {
            memcpy(copy, ev.data.data, ev.data.len);
            copy[i] ^= (ai_char_t) (1 << (steps % 8));
            bad += !same(&data);

            copy[i] = '"';
            bad += !same(&data);

            bad += !same(&ev.data);
        }
    }

    is_int(bad, 0, "as if parsed anew");
    ok(moved > steps / 10, "the table was moved where it could be");
}


static void
test_memory(void)
{
    unsigned   i;
    ai_int_t   rc;
    ai_str_t   text;
    ai_json_t  doc;

    text = ai_lit("{\"a\":\"b\"}");

    for (i = 1; i < 8; i++) {
        mem_fail_at(i);
        ai_json_init(&doc, mem_pool());
        rc = ai_json_parse_next(&doc, &text, NULL);
        mem_fail_never();

        if (rc == AI_OK) {
            break;
        }

        is_int(doc.error, AI_JSON_E_MEMORY, "no memory");
        is_int(doc.n, 0, "no nodes");
        is_int(ai_json_parse_next(&doc, &text, NULL), AI_OK, "and again");
    }

    ok(i > 1 && i < 8, "every allocation failed once");
}


int
main(void)
{
    ai_json_init(&next, mem_pool());
    ai_json_init(&fresh, mem_pool());

    test_pairs();
    test_stream(T_DATA "/recordings/openai/chat-streaming.response.sse");
    test_stream(T_DATA "/recordings/anthropic/"
                "vercel-anthropic-clear-thinking.1-stream.response.sse");
    test_memory();

    return done();
}
