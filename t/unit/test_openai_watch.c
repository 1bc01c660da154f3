
/*
 * The watch over answers that go through.
 */

#include "tap.h"
#include "mem.h"
#include "upstream.h"

#include <provider/ai_provider_rows_int.h>


#define OPENAI      "t/data/recordings/openai"
#define COMPATIBLE  "t/data/recordings/compatible"


/* the table of providers names them; their files are tested elsewhere */
__attribute__((weak)) const ai_provider_t  ai_provider_anthropic = {
    .name = ai_string("anthropic")
};
__attribute__((weak)) const ai_provider_t  ai_provider_gemini = {
    .name = ai_string("gemini")
};


typedef struct {
    ai_watch_t  w;
    char       *out;            /* what would be forwarded */
    size_t      len;
    int         drops;
    int         edits;
    int         errors;
} watched_t;


static void
forward(watched_t *r, const ai_str_t *s)
{
    r->out = realloc(r->out, r->len + s->len + 1);
    if (r->out == NULL) {
        abort();
    }

    if (s->len) {
        memcpy(r->out + r->len, s->data, s->len);
    }

    r->len += s->len;
    r->out[r->len] = '\0';
}


static void
run(watched_t *r, const ai_provider_t *p, const char *data, size_t len,
    size_t split, size_t step, ai_int_t hide)
{
    size_t           pos, n;
    ai_str_t         in, out;
    ai_sse_t         sse;
    ai_sse_event_t   ev;

    memset(r, 0, sizeof(watched_t));
    ai_watch_init(&r->w, p, mem_pool(), hide);
    ai_sse_init(&sse, mem_pool(), 0);

    for (pos = 0; pos < len; pos += n) {
        n = pos < split ? split - pos : step;
        n = n < len - pos ? n : len - pos;

        /* against a guard page where it is cheap */

        in = (len < 600) ? guard_str(data + pos, n)
                         : (ai_str_t) { n, (ai_char_t *) data + pos };

        while (ai_sse_next(&sse, &in, &ev) == AI_OK) {

            switch (ai_watch_event(&r->w, &ev, &out)) {

            case AI_WATCH_PASS:
                forward(r, &ev.bytes);
                break;

            case AI_WATCH_EDIT:
                r->edits++;
                forward(r, &out);
                break;

            case AI_WATCH_DROP:
                r->drops++;
                break;

            case AI_WATCH_ERROR:
                r->errors++;
                break;
            }
        }

        guard_free();
    }

    if (ai_sse_end(&sse, &ev, 0) == AI_OK) {
        forward(r, &ev.bytes);
    }
}


static int
same(const watched_t *a, const watched_t *b)
{
    return a->len == b->len && (a->len == 0 || !memcmp(a->out, b->out, a->len))
           && !memcmp(&a->w.usage, &b->w.usage, sizeof(ai_usage_t))
           && a->w.finish == b->w.finish && a->w.done == b->w.done
           && a->w.content == b->w.content && a->w.tools == b->w.tools
           && a->w.finished == b->w.finished && a->drops == b->drops
           && a->edits == b->edits && a->errors == b->errors
           && ai_str_eq(&a->w.id, &b->w.id);
}


static void
one_stream(const char *dir, const char *file)
{
    char        *data;
    size_t       len, split, bad, step;
    watched_t    all, hidden, part;
    const char  *p;
    int          nulls;

    data = file_read(dir, file, &len);

    run(&all, &ai_provider_compatible, data, len, 0, 1 << 20, 0);

    if (!all.errors) {
        is_mem(all.out, all.len, data, len, "%s: bytes unchanged", file);
        ok(all.w.content == (strstr(file, "detailed-usage") == NULL),
           "%s: content", file);
        ok((all.w.finish != AI_FINISH_NONE && all.w.finished)
           == (strstr(data, "\"finish_reason\":\"") != NULL),
           "%s: finish", file);
        ok(all.w.usage.prompt > 0 || !strstr(data, "prompt_tokens\":"),
           "%s: usage", file);
        ok(all.w.done == (strstr(data, "[DONE]") != NULL), "%s: done", file);
        ok(all.w.id.len || strstr(data, "\"id\":\"\"") != NULL, "%s: id",
           file);
    }

    run(&hidden, &ai_provider_compatible, data, len, 0, 1 << 20, 1);

    ok(hidden.drops <= 1, "%s: at most one usage chunk", file);
    ok(strstr(hidden.out, "\"usage\":null") == NULL
       && strstr(hidden.out, "\"usage\": null") == NULL,
       "%s: no usage of null", file);
    ok(strstr(hidden.out, "\"choices\":[],\"usage\":{") == NULL,
       "%s: no usage chunk", file);

    for (nulls = 0, p = data; (p = strstr(p, "\"usage\":null")); p++) {
        nulls++;
    }

    if (nulls) {
        is_int(hidden.edits, nulls, "%s: edited chunks", file);

        if (!hidden.drops) {
            is_int(len - hidden.len, nulls * strlen(",\"usage\":null"),
                   "%s: nothing else is missing", file);
        }
    }

    bad = 0;
    step = len > 4000 ? len / 150 : 1;

    for (split = 0; split < len; split += step) {
        run(&part, &ai_provider_compatible, data, len, split, 1 << 20, 1);
        bad += !same(&hidden, &part);
        free(part.out);
        mem_reset();

        /* hidden's own memory went with the reset */
        free(hidden.out);
        run(&hidden, &ai_provider_compatible, data, len, 0, 1 << 20, 1);
    }

    run(&part, &ai_provider_compatible, data, len, 0, 1, 1);
    bad += !same(&hidden, &part);
    free(part.out);

    is_int(bad, 0, "%s: the same at every split", file);

    free(hidden.out);
    free(all.out);
    free(data);
    mem_reset();
}


static void
one_answer(const char *dir, const char *file)
{
    char        *data;
    size_t       len;
    ai_int_t     rc;
    ai_str_t     body;
    ai_watch_t   w;

    data = file_read(dir, file, &len);
    body = guard_str(data, len);

    ai_watch_init(&w, &ai_provider_openai, mem_pool(), 0);
    rc = ai_watch_answer(&w, &body);

    if (strstr(data, "\"choices\"") == NULL) {
        is_int(rc, AI_ERROR, "%s: no chat answer", file);
        ok(w.error.kind != AI_ERR_NONE, "%s: a reason", file);

        if (strstr(data, "\"error\"") == NULL) {
            ai_watch_init(&w, &ai_provider_openai, mem_pool(), 0);
            w.any = 1;
            is_int(ai_watch_answer(&w, &body), AI_OK, "%s: but an answer",
                   file);
        }

    } else {
        is_int(rc, AI_OK, "%s: an answer", file);
        ok(w.finish != AI_FINISH_NONE && w.finished, "%s: finish", file);
        ok(w.usage.prompt >= 0 || !strstr(data, "prompt_tokens"),
           "%s: usage", file);
        ok(!strstr(data, "\"function\":") || w.tools, "%s: calls", file);
    }

    free(data);
    guard_free();
    mem_reset();
}


static void
recordings(const char *dir)
{
    char    **names;
    size_t    i, n;

    names = dir_names(dir, ".sse", &n);
    ok(n > 5, "streams in %s", dir);

    for (i = 0; i < n; i++) {
        if (!strstr(names[i], "broken")) {
            one_stream(dir, names[i]);
        }
    }

    names_free(names, n);

    names = dir_names(dir, ".json", &n);
    ok(n > 20, "answers in %s", dir);

    for (i = 0; i < n; i++) {
        if (!strstr(names[i], ".request.") && !strstr(names[i], ".meta.")) {
            one_answer(dir, names[i]);
        }
    }

    names_free(names, n);
}


typedef struct {
    const char  *name;
    const char  *event;         /* with its blank line */
    ai_watch_e   want;
    const char  *out;           /* of an EDIT */
    int          content;
    int          tools;
    ai_finish_e  finish;
    int64_t      prompt;
    int64_t      completion;
} case_t;


static const case_t  cases[] = {
    { "text", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":"
      "\"x\"}}]}\n\n", AI_WATCH_PASS, NULL, 1, 0, 0, -1, -1 },
    { "the role", "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":"
      "\"assistant\",\"content\":\"\",\"refusal\":null}}]}\n\n",
      AI_WATCH_PASS, NULL, 0, 0, 0, -1, -1 },
    { "thinking", "data: {\"choices\":[{\"delta\":{\"reasoning_content\":"
      "\"x\"}}]}\n\n", AI_WATCH_PASS, NULL, 1, 0, 0, -1, -1 },
    { "thinking of Groq", "data: {\"choices\":[{\"delta\":{\"reasoning\":"
      "\"x\"}}]}\n\n", AI_WATCH_PASS, NULL, 1, 0, 0, -1, -1 },
    { "empty details", "data: {\"choices\":[{\"delta\":{"
      "\"reasoning_details\":[ ],\"reasoning\":null}}]}\n\n",
      AI_WATCH_PASS, NULL, 0, 0, 0, -1, -1 },
    { "refusal", "data: {\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}\n\n",
      AI_WATCH_PASS, NULL, 1, 0, 0, -1, -1 },
    { "a call", "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":"
      "0}]},\"finish_reason\":\"stop\"}]}\n\n", AI_WATCH_PASS, NULL, 1, 1,
      AI_FINISH_TOOLS, -1, -1 },
    { "a function", "data: {\"choices\":[{\"delta\":{\"function_call\":{"
      "\"name\":\"f\"}}}]}\n\n", AI_WATCH_PASS, NULL, 1, 1, 0, -1, -1 },
    { "another choice ends", "data: {\"choices\":[{\"index\":1,\"delta\":{},"
      "\"finish_reason\":\"length\"}]}\n\n", AI_WATCH_PASS, NULL, 0, 0, 0, -1,
      -1 },

    { "the usage chunk", "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":"
      "1,\"completion_tokens\":2}}\n\n", AI_WATCH_DROP, NULL, 0, 0, 0, 1, 2 },
    { "the usage chunk, with blanks", "data: {\"choices\":[ ] , \"usage\" : "
      "{\"prompt_tokens\":1,\"completion_tokens\":2}}\r\n\r\n",
      AI_WATCH_DROP, NULL, 0, 0, 0, 1, 2 },
    { "usage with a choice", "data: {\"choices\":[{\"delta\":{}}],\"usage\":{"
      "\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n", AI_WATCH_PASS,
      NULL, 0, 0, 0, 1, 2 },
    { "usage without choices", "data: {\"type\":\"speech.audio.done\","
      "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}\n\n",
      AI_WATCH_PASS, NULL, 0, 0, 0, 1, 2 },
    { "Azure's first chunk", "data: {\"choices\":[],\"created\":0,\"id\":\"\","
      "\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n",
      AI_WATCH_PASS, NULL, 0, 0, 0, -1, -1 },

    { "null at the end", "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]"
      ", \"usage\" : null }\r\n\r\n", AI_WATCH_EDIT, "data: {\"choices\":[{"
      "\"delta\":{\"content\":\"x\"}}] }\r\n\r\n", 1, 0, 0, -1, -1 },
    { "null in the middle", "id: 1\ndata:{\"a\":1,\"usage\":null, "
      "\"choices\":[]}\n\n", AI_WATCH_EDIT, "id: 1\ndata:{\"a\":1,"
      "\"choices\":[]}\n\n", 0, 0, 0, -1, -1 },
    { "null in front", "data: {\"usage\":null,\"choices\":[]}\n\n",
      AI_WATCH_EDIT, "data: {\"choices\":[]}\n\n", 0, 0, 0, -1, -1 },
    { "null alone", "data: { \"usage\":null }\n\n", AI_WATCH_EDIT,
      "data: {  }\n\n", 0, 0, 0, -1, -1 },
    { "null by another spelling", "data: {\"us\\u0061ge\":null,\"choices\":[]}"
      "\n\n", AI_WATCH_EDIT, "data: {\"choices\":[]}\n\n", 0, 0, 0, -1, -1 },
    { "null in a nested object", "data: {\"choices\":[{\"usage\":null}]}\n\n",
      AI_WATCH_PASS, NULL, 0, 0, 0, -1, -1 },

    { "an error", "data: {\"error\":{\"message\":\"m\"}}\n\n",
      AI_WATCH_ERROR, NULL, 0, 0, 0, -1, -1 },
    { "an error that is a string", "data: {\"error\":\"m\"}\n\n",
      AI_WATCH_ERROR, NULL, 0, 0, 0, -1, -1 },
    { "an error after usage", "data: {\"error\":{\"message\":\"m\"},\"usage\":"
      "{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n", AI_WATCH_ERROR,
      NULL, 0, 0, 0, 1, 2 },
    { "an error by its name", "event: error\ndata: x\n\n", AI_WATCH_ERROR,
      NULL, 0, 0, 0, -1, -1 },
    { "no error", "data: {\"error\":null,\"choices\":[]}\n\n", AI_WATCH_PASS,
      NULL, 0, 0, 0, -1, -1 },

    { "not JSON", "data: {\"choices\n\n", AI_WATCH_PASS, NULL, 0, 0, 0, -1,
      -1 },
    { "an array", "data: [1,2]\n\n", AI_WATCH_PASS, NULL, 0, 0, 0, -1, -1 },
    { "a comment", ": hello\n\n", AI_WATCH_PASS, NULL, 0, 0, 0, -1, -1 },
    { "two lines of data", "data: {\"usage\":\ndata: null}\n\n",
      AI_WATCH_PASS, NULL, 0, 0, 0, -1, -1 },
};


static void
events(void)
{
    size_t           i;
    ai_str_t         in, out;
    ai_sse_t         sse;
    ai_watch_e       got;
    ai_watch_t       w;
    const case_t    *c;
    ai_sse_event_t   ev;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];

        mem_reset();
        ai_watch_init(&w, &ai_provider_openai, mem_pool(), 1);
        ai_sse_init(&sse, mem_pool(), 0);
        in = guard_str(c->event, strlen(c->event));

        if (ai_sse_next(&sse, &in, &ev) != AI_OK) {
            ok(0, "%s: an event", c->name);
            continue;
        }

        got = ai_watch_event(&w, &ev, &out);

        is_int(got, c->want, "%s: what to do", c->name);

        if (got == AI_WATCH_EDIT && c->out) {
            is_str(out, c->out, "%s: edited", c->name);
        }

        ok(w.content == (unsigned) c->content
           && w.tools == (unsigned) c->tools && w.finish == c->finish,
           "%s: content, calls and finish", c->name);
        ok(w.usage.prompt == c->prompt && w.usage.completion == c->completion,
           "%s: usage", c->name);
        ok((w.error.kind != AI_ERR_NONE) == (c->want == AI_WATCH_ERROR),
           "%s: error", c->name);

        guard_free();
    }

    mem_reset();
}


static void
done_events(void)
{
    size_t           i;
    ai_str_t         out;
    ai_watch_t       w;
    ai_sse_event_t   ev;

    static const struct {
        const char  *data;
        unsigned     done;
    } d[] = {
        { "[DONE]", 1 }, { "  [DONE] \t", 1 }, { "[done]", 0 },
        { "\"[DONE]\"", 0 }, { "[DONE]x", 0 }, { "[DONE", 0 }, { "", 0 },
        { "{\"a\":\"[DONE]\"}", 0 }
    };

    for (i = 0; i < sizeof(d) / sizeof(d[0]); i++) {
        memset(&ev, 0, sizeof(ev));
        ev.data.data = (ai_char_t *) d[i].data;
        ev.data.len = strlen(d[i].data);
        ev.bytes = ev.data;

        ai_watch_init(&w, &ai_provider_openai, mem_pool(), 1);
        is_int(ai_watch_event(&w, &ev, &out), AI_WATCH_PASS, "%s passes",
               d[i].data);
        is_int(w.done, d[i].done, "%s: done", d[i].data);
    }

    mem_reset();
}


static void
answers(void)
{
    size_t       i;
    ai_buf_t     b;
    ai_str_t     body;
    ai_watch_t   w;

    static const struct {
        const char  *body;
        unsigned     any;
        ai_int_t     rc;
        ai_error_e   kind;
    } a[] = {
        { "", 0, AI_ERROR, AI_ERR_UPSTREAM_INVALID },
        { "<html>", 0, AI_ERROR, AI_ERR_UPSTREAM_INVALID },
        { "[]", 0, AI_ERROR, AI_ERR_UPSTREAM_INVALID },
        { "{}", 0, AI_ERROR, AI_ERR_UPSTREAM_INVALID },
        { "{\"choices\":[]}", 0, AI_ERROR, AI_ERR_UPSTREAM_INVALID },
        { "{\"choices\":{}}", 0, AI_ERROR, AI_ERR_UPSTREAM_INVALID },
        { "{\"choices\":[{}]}", 0, AI_OK, AI_ERR_NONE },
        { "{\"error\":null,\"choices\":[{}]}", 0, AI_OK, AI_ERR_NONE },
        { "{\"error\":{\"code\":429}}", 0, AI_ERROR, AI_ERR_RATE_LIMIT },
        { "{\"error\":{\"code\":429}}", 1, AI_ERROR, AI_ERR_RATE_LIMIT },
        { "{\"error\":\"boom\"}", 0, AI_ERROR, AI_ERR_UPSTREAM },
        { "{\"object\":\"list\",\"data\":[]}", 1, AI_OK, AI_ERR_NONE },
        { "[[0.5]]", 1, AI_OK, AI_ERR_NONE },
        { "17", 1, AI_ERROR, AI_ERR_UPSTREAM_INVALID },
        { "", 1, AI_ERROR, AI_ERR_UPSTREAM_INVALID },
    };

    for (i = 0; i < sizeof(a) / sizeof(a[0]); i++) {
        body = guard_str(a[i].body, strlen(a[i].body));
        ai_watch_init(&w, &ai_provider_openai, mem_pool(), 0);
        w.any = a[i].any;

        is_int(ai_watch_answer(&w, &body), a[i].rc, "%s (%u)", a[i].body,
               a[i].any);
        is_int(w.error.kind, a[i].kind, "%s: kind", a[i].body);
    }

    /* embeddings: the numbers are not looked at */

    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&b, "{\"object\":\"list\",\"data\":[{\"embedding\":[");

    for (i = 0; i < 200000; i++) {
        ai_buf_lit(&b, "-0.125e-3,");
    }

    ai_buf_lit(&b, "1],\"text\":\"[1,2\\\"\"}],\"usage\":{\"prompt_tokens\":"
               "7,\"total_tokens\":7}}");
    body = ai_buf_str(&b);

    ai_watch_init(&w, &ai_provider_openai, mem_pool(), 0);
    w.any = 1;
    is_int(ai_watch_answer(&w, &body), AI_OK, "a large embedding");
    is_int(w.usage.prompt, 7, "its usage");
    ok(w.doc.alloc < 1000, "its numbers take no nodes");

    guard_free();
    mem_reset();
}


/* the id is found, or not; nothing else may happen */

static void
failures(void)
{
    char       *data;
    size_t      len, n, pass, bad;
    watched_t   r;

    data = file_read(OPENAI, "chat-streaming.response.sse", &len);
    bad = 0;

    for (pass = 0; pass < 2; pass++) {
        for (n = 1; n < 200; n++) {
            mem_reset();

            if (pass) {
                mem_fail_from(n);

            } else {
                mem_fail_at(n);
            }

            /* in one piece: the SSE parser itself needs nothing */

            run(&r, &ai_provider_openai, data, len, 0, 1 << 20, 0);
            bad += r.len != len || memcmp(r.out, data, len) != 0;
            free(r.out);

            if (!mem_failed()) {
                break;
            }
        }

        ok(n >= 2 && n < 200, "%zu allocations tried", n);
    }

    is_int(bad, 0, "bytes go through without memory");

    mem_reset();
    run(&r, &ai_provider_openai, data, len, 0, 1 << 20, 1);
    ok(mem_count() < 20, "a stream takes few allocations");
    free(r.out);
    free(data);
    mem_reset();
}


int
main(void)
{
    events();
    done_events();
    answers();
    recordings(OPENAI);
    recordings(COMPATIBLE);
    failures();

    return done();
}
