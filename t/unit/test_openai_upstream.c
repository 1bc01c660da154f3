
/*
 * The decoder of OpenAI-shaped answers and the builder of requests.
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


static seen_t  seen, other;


static const ai_provider_t *
row(const char *file)
{
    ai_str_t              name;
    const char           *end;
    const ai_provider_t  *p;

    end = strstr(file, "--");

    if (end == NULL) {
        return &ai_provider_openai;
    }

    name.data = (ai_char_t *) file;
    name.len = (size_t) (end - file);
    p = ai_provider_find(&name);

    return p ? p : &ai_provider_compatible;
}


static ai_int_t
answer_run(const ai_provider_t *p, seen_t *s, const char *data, size_t len)
{
    ai_str_t       body;
    ai_sink_t      sink = { seen_event, s };
    ai_decoder_t  *d;

    d = ai_decoder_create(p, mem_pool(), &sink);
    if (d == NULL) {
        return AI_DECLINED;
    }

    body.data = (ai_char_t *) data;
    body.len = len;

    return p->answer(d, &body);
}


/* what choice 0 says, found without the decoder under test */

static void
plain_content(const char *data, size_t len, ai_buf_t *b, int64_t *total)
{
    ai_ref_t   c, v;
    ai_str_t   text;
    ai_esc_t   esc;
    ai_json_t  doc;
    int64_t    n;

    text.data = (ai_char_t *) data;
    text.len = len;

    ai_json_init(&doc, mem_pool());

    if (ai_json_parse(&doc, &text, NULL) != AI_OK) {
        return;
    }

    if (ai_json_int(&doc, ai_json_path(&doc, 0, "usage", "total_tokens", NULL),
                    &n) == AI_OK)
    {
        *total = n;
    }

    v = ai_json_get(&doc, 0, "choices");

    for (c = ai_json_first(&doc, v);
         c != AI_JSON_NONE;
         c = ai_json_next(&doc, v, c))
    {
        if (ai_json_int(&doc, ai_json_get(&doc, c, "index"), &n) == AI_OK
            && n != 0)
        {
            continue;
        }

        esc = ai_json_esc(&doc, ai_json_path(&doc, c, "delta", "content",
                                             NULL));
        ai_buf_cat(b, &esc);
        esc = ai_json_esc(&doc, ai_json_path(&doc, c, "message", "content",
                                             NULL));
        ai_buf_cat(b, &esc);
    }
}


static void
one_stream(const char *dir, const char *file)
{
    char      *data, *want, *got, *text, *line, *end;
    size_t     len, split, bad;
    int64_t    total;
    ai_int_t   rc;
    ai_buf_t   b;

    data = file_read(dir, file, &len);
    seen_free(&seen);

    rc = stream_run(row(file), mem_pool(), &seen, data, len, 0, 4096);
    want = seen_dump(&seen);

    ok(seen.bad == NULL, "%s: %s", file, seen.bad ? seen.bad : "grammar");

    if (strstr(file, "error_streaming.sse") || strstr(file, "stream_error")) {
        is_int(seen.errors, 1, "%s: an error", file);
        is_int(seen.error, AI_ERR_BAD_REQUEST, "%s: its kind", file);

    } else {
        is_int(rc, AI_OK, "%s: a whole stream", file);
        ok(seen.finishes >= 1, "%s: finished", file);
    }

    /* content against a plain reading of the lines */

    ai_buf_init(&b, mem_pool());
    total = -1;

    for (line = data; line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');

        if (strncmp(line, "data:", 5) == 0) {
            plain_content(line + 5, end ? (size_t) (end - line - 5)
                                        : strlen(line + 5), &b, &total);
        }
    }

    if (!strstr(file, "thinking_part") && !strstr(file, "annotations")
        && !strstr(file, "citations") && !strstr(file, "snowflake"))
    {
        text = seen_text(&seen, AI_BLOCK_TEXT);
        is_mem(text, strlen(text), b.start, ai_buf_len(&b), "%s: text", file);
        free(text);
    }

    if (total >= 0 && !strstr(file, "xai")) {
        is_int(seen.usage.total, total, "%s: total", file);
    }

    /* the same from any two parts, and from single bytes */

    bad = 0;

    for (split = 0; split <= len; split += len > 20000 ? 97 : 1) {
        mem_reset();
        seen_free(&other);

        (void) stream_run(row(file), mem_pool(), &other, data, len, split,
                          split % 2 ? 1 << 20 : 4000);
        got = seen_dump(&other);
        bad += strcmp(got, want) != 0;
        free(got);

        if (len > 4000) {
            split += 31;
        }
    }

    is_int(bad, 0, "%s: the same at every split", file);

    mem_reset();
    seen_free(&other);
    (void) stream_run(row(file), mem_pool(), &other, data, len, 0, 1);
    got = seen_dump(&other);
    is_cstr(got, want, "%s: the same in single bytes", file);
    free(got);

    free(want);
    free(data);
    mem_reset();
}


static void
one_answer(const char *dir, const char *file)
{
    char      *data, *text;
    size_t     len;
    int64_t    total;
    ai_int_t   rc;
    ai_buf_t   b;

    data = file_read(dir, file, &len);
    seen_free(&seen);

    rc = answer_run(row(file), &seen, data, len);

    if (strstr(data, "\"error\":") && seen.errors) {
        ok(seen.bad == NULL && rc == AI_OK, "%s: an error", file);

    } else if (strstr(data, "\"choices\"") == NULL) {
        is_int(rc, AI_ERROR, "%s: no chat answer", file);

    } else {
        is_int(rc, AI_OK, "%s: an answer", file);
        ok(seen.bad == NULL, "%s: %s", file, seen.bad ? seen.bad : "grammar");

        ai_buf_init(&b, mem_pool());
        total = -1;
        plain_content(data, len, &b, &total);

        if (ai_buf_len(&b) && !strstr(file, "annotations")
            && !strstr(file, "citations")
            && !strstr(data, "\"logprobs\": {")
            && !strstr(data, "\"logprobs\":{")
            && !strstr(data, "\"annotations\":[{"))
        {
            text = seen_text(&seen, AI_BLOCK_TEXT);

            if (strstr(text, "<note>") == NULL
                && strstr(text, "<logprobs>") == NULL)
            {
                is_mem(text, strlen(text), b.start, ai_buf_len(&b),
                       "%s: text", file);
            }

            free(text);
        }

        ok(seen.usage.prompt >= 0 || strstr(data, "prompt_tokens") == NULL,
           "%s: usage", file);
        ok(seen.finish != AI_FINISH_NONE, "%s: finish", file);
    }

    free(data);
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
    const char           *name;
    const ai_provider_t  *provider;
    const char           *stream;       /* LF LF between the events */
    ai_int_t              rc;
    const char           *want;         /* in the dump */
} oddity_t;


#define C(delta)  "data: {\"id\":\"i\",\"choices\":[{\"index\":0," \
                  "\"delta\":" delta "}]}\n\n"
#define F(reason) "data: {\"choices\":[{\"index\":0,\"delta\":{},"            \
                  "\"finish_reason\":\"" reason "\"}]}\n\n"
#define DONE      "data: [DONE]\n\n"


static const oddity_t  oddities[] = {

    { "calls without index, id and type", &ai_provider_compatible,
      C("{\"tool_calls\":[{\"function\":{\"name\":\"a\",\"arguments\":"
        "\"{\"}}]}")
      C("{\"tool_calls\":[{\"function\":{\"arguments\":\"}\"}}]}")
      C("{\"tool_calls\":[{\"function\":{\"name\":\"b\",\"arguments\":"
        "{\"x\":\"y\"}}}]}") F("stop") DONE, AI_OK,
      " a {}\n0/1 kind 5 open 0: call_" },

    { "arguments as an object", &ai_provider_compatible,
      C("{\"tool_calls\":[{\"id\":\"q\",\"function\":{\"name\":\"b\","
        "\"arguments\":{\"x\":\"y\"}}}]}") F("stop") DONE, AI_OK,
      "q b {\\\"x\\\":\\\"y\\\"}\nstarts 1 finishes 1 finish 5" },

    { "parallel calls that interleave", &ai_provider_openai,
      C("{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{\"name\":"
        "\"a\",\"arguments\":\"\"}}]}")
      C("{\"tool_calls\":[{\"index\":1,\"id\":\"q\",\"function\":{\"name\":"
        "\"b\",\"arguments\":\"\"}}]}")
      C("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1\"}}]}")
      C("{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"2\"}}]}")
      F("tool_calls") DONE, AI_OK,
      "0/0 kind 5 open 0: p a 1\n0/1 kind 5 open 0: q b 2\n" },

    { "one index for two calls", &ai_provider_compatible,
      C("{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{\"name\":"
        "\"a\",\"arguments\":\"1\"}},{\"index\":0,\"id\":\"q\",\"function\":"
        "{\"name\":\"b\",\"arguments\":\"2\"}}]}")
      F("tool_calls") DONE, AI_OK,
      "0/0 kind 5 open 0: p a 1\n0/1 kind 5 open 0: q b 2\n" },

    { "repeated empty name", &ai_provider_mistral,
      C("{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{\"name\":"
        "\"a\",\"arguments\":\"1\"}}]}")
      C("{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{\"name\":"
        "\"\",\"arguments\":\"2\"}}]}")
      F("tool_calls") DONE, AI_OK, "0/0 kind 5 open 0: p a 12\nstarts" },

    { "arguments before the name", &ai_provider_compatible,
      C("{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{"
        "\"arguments\":\"1\"}}]}")
      C("{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{\"name\":"
        "\"a\",\"arguments\":\"2\"}}]}")
      F("tool_calls") DONE, AI_OK, "0/0 kind 5 open 0: p a 12\nstarts" },

    { "a call nobody named", &ai_provider_compatible,
      C("{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{"
        "\"arguments\":\"1\"}}]}") F("tool_calls") DONE, AI_DECLINED, "" },

    { "a call without arguments", &ai_provider_openai,
      C("{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{\"name\":"
        "\"a\",\"arguments\":\"\"}}]}") F("tool_calls") DONE, AI_OK,
      "p a {}\n" },

    { "a function_call", &ai_provider_openai,
      C("{\"function_call\":{\"name\":\"a\",\"arguments\":\"{\"}}")
      C("{\"function_call\":{\"arguments\":\"}\"}}") F("function_call") DONE,
      AI_OK, " a {}\nstarts 1 finishes 1 finish 5" },

    { "content as an array", &ai_provider_mistral,
      C("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":"
        "\"text\",\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":\"so\"}]}")
      F("stop") DONE, AI_OK,
      "0/0 kind 7 open 0: hm\n0/1 kind 1 open 0: so\n" },

    { "reasoning under two names", &ai_provider_openrouter,
      C("{\"reasoning\":\"r\",\"reasoning_details\":[{\"type\":"
        "\"reasoning.text\",\"text\":\"r\",\"signature\":\"s\",\"format\":"
        "\"anthropic-claude-v1\"}]}") F("stop") DONE, AI_OK,
      "0/0 kind 7 open 0: r<sig>s\n" },

    { "encrypted reasoning", &ai_provider_openrouter,
      C("{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":"
        "\"xyz\",\"format\":\"openai-responses-v1\"}]}")
      C("{\"content\":\"t\"}") F("stop") DONE, AI_OK,
      "0/0 kind 8 open 0: xyz\n0/1 kind 1 open 0: t\n" },

    { "refusal", &ai_provider_openai, C("{\"refusal\":\"no\"}") F("stop") DONE,
      AI_OK, "0/0 kind 9 open 0: no\n" },

    { "eos", &ai_provider_together, C("{\"content\":\"x\"}") F("eos") DONE,
      AI_OK, "finish 1 " },
    { "STOP", &ai_provider_compatible, C("{\"content\":\"x\"}") F("STOP") DONE,
      AI_OK, "finish 1 " },
    { "end_turn", &ai_provider_compatible, C("{\"content\":\"x\"}")
      F("end_turn") DONE, AI_OK, "finish 1 " },
    { "model_length", &ai_provider_mistral, C("{\"content\":\"x\"}")
      F("model_length") DONE, AI_OK, "finish 3 " },
    { "an empty reason", &ai_provider_compatible, C("{\"content\":\"x\"}")
      F("") DONE, AI_OK, "finish 1 " },
    { "a reason in every chunk", &ai_provider_compatible,
      F("stop") C("{\"content\":\"x\"}") F("length") DONE, AI_OK,
      "open 0: x\nstarts 1 finishes 1 finish 3 " },
    { "content_filter", &ai_provider_openai, F("content_filter") DONE, AI_OK,
      "finish 6 " },
    { "a matched stop", &ai_provider_vllm,
      "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":"
      "\"stop\",\"stop_reason\":\"END\"}]}\n\n" DONE, AI_OK, "finish 2 " },

    { "no [DONE]", &ai_provider_perplexity, C("{\"content\":\"x\"}")
      F("stop"), AI_OK, "finishes 1 finish 1" },
    { "no [DONE], no reason", &ai_provider_openai, C("{\"content\":\"x\"}"),
      AI_ERROR, "open 1: x\nstarts 1 finishes 0 finish 0" },
    { "nothing", &ai_provider_openai, "", AI_ERROR, "starts 0" },
    { "not JSON", &ai_provider_openai, "data: hello\n\n", AI_DECLINED, "" },
    { "a comment, CRLF, no space, no last line", &ai_provider_openrouter,
      ": OPENROUTER PROCESSING\r\n\r\ndata:{\"choices\":[{\"delta\":{"
      "\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata:[DONE]",
      AI_OK, "open 0: x\nstarts 1 finishes 1" },
    { "[DONE] with blanks", &ai_provider_openai, C("{\"content\":\"x\"}")
      "data:   [DONE]  \n\n", AI_OK, "finishes 1" },

    { "Azure's first chunk", &ai_provider_compatible,
      "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\","
      "\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n"
      C("{\"content\":\"x\"}") F("stop") DONE, AI_OK,
      "0/0 kind 1 open 0: x\nstarts 1" },

    { "an error in a chunk", &ai_provider_openrouter, C("{\"content\":\"x\"}")
      "data: {\"error\":{\"code\":502,\"message\":\"down\"},\"choices\":[]}"
      "\n\n" DONE, AI_OK, "errors 1 error" },
    { "an error by its name", &ai_provider_groq,
      "event: error\ndata: {\"error\":{\"message\":\"m\",\"status_code\":429}}"
      "\n\n", AI_OK, "errors 1 error" },
    { "an error of null", &ai_provider_openai,
      "data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"},"
      "\"finish_reason\":\"stop\"}]}\n\n" DONE, AI_OK, "errors 0" },

    { "two choices", &ai_provider_openai,
      "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}},"
      "{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"
      "data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":"
      "\"stop\"}]}\n\n" F("length") DONE, AI_OK,
      "1/0 kind 1 open 0: b\n0/0 kind 1 open 0: a\n"
      "starts 1 finishes 2 finish 3" },
    { "a choice out of range", &ai_provider_openai,
      "data: {\"choices\":[{\"index\":128,\"delta\":{\"content\":\"b\"}}]}"
      "\n\n", AI_DECLINED, "" },

    { "usage of Groq", &ai_provider_groq, C("{\"content\":\"x\"}")
      "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
      "\"x_groq\":{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}}"
      "\n\n" DONE, AI_OK, "usage 1 -1 -1 2 -1 -1" },
    { "usage of Moonshot", &ai_provider_compatible,
      "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":"
      "\"stop\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,"
      "\"cached_tokens\":1}}]}\n\n" DONE, AI_OK, "usage 3 1 -1 2 -1 -1" },
    { "usage of xAI", &ai_provider_xai, C("{\"content\":\"x\"}") F("stop")
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":291,"
      "\"completion_tokens\":26,\"total_tokens\":506,"
      "\"completion_tokens_details\":{\"reasoning_tokens\":189}}}\n\n" DONE,
      AI_OK, "usage 291 -1 -1 215 189 506" },
    { "reasoning that is in the completion", &ai_provider_xai,
      C("{\"content\":\"x\"}") F("stop")
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,"
      "\"completion_tokens\":20,\"total_tokens\":30,"
      "\"completion_tokens_details\":{\"reasoning_tokens\":5}}}\n\n" DONE,
      AI_OK, "usage 10 -1 -1 20 5 30" },
    { "usage of nonsense", &ai_provider_openai, C("{\"content\":\"x\"}")
      F("stop") "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-5,"
      "\"completion_tokens\":1e30,\"total_tokens\":1.5,"
      "\"prompt_tokens_details\":null}}\n\n" DONE, AI_OK,
      "usage -1 -1 -1 -1 -1 -1" },
};


static void
odd(void)
{
    char            *got;
    size_t           i, split, bad, len;
    ai_int_t         rc;
    const oddity_t  *o;

    for (i = 0; i < sizeof(oddities) / sizeof(oddities[0]); i++) {
        o = &oddities[i];
        len = strlen(o->stream);

        mem_reset();
        seen_free(&seen);

        rc = stream_run(o->provider, mem_pool(), &seen, o->stream, len, 0,
                        len + 1);
        got = seen_dump(&seen);

        is_int(rc, o->rc, "%s", o->name);
        ok(seen.bad == NULL, "%s: %s", o->name, seen.bad ? seen.bad : "");

        if (!ok(strstr(got, o->want) != NULL, "%s: seen", o->name)) {
            diag("got %s", got);
            diag("want %s", o->want);
        }

        bad = 0;

        for (split = 1; split < len; split++) {
            char  *again;

            mem_reset();
            seen_free(&other);

            bad += stream_run(o->provider, mem_pool(), &other, o->stream, len,
                              split, len) != rc;
            again = seen_dump(&other);
            bad += strcmp(again, got) != 0;
            free(again);
        }

        is_int(bad, 0, "%s: the same at every split", o->name);
        free(got);
    }
}


static void
failures(void)
{
    char      *data;
    size_t     len, n, bad, pass;
    ai_int_t   rc;

    data = file_read(COMPATIBLE, "openrouter--openrouter_streaming_reasoning"
                     ".sse", &len);
    bad = 0;

    for (pass = 0; pass < 2; pass++) {
        for (n = 1; n < 500; n++) {
            mem_reset();
            seen_free(&seen);

            if (pass) {
                mem_fail_from(n);

            } else {
                mem_fail_at(n);
            }

            rc = stream_run(&ai_provider_openrouter, mem_pool(), &seen, data,
                            len, 0, 7);

            if (!mem_failed()) {
                break;
            }

            bad += rc == AI_OK || seen.bad != NULL;
        }

        ok(n > 3 && n < 500, "%zu allocations tried", n);
    }

    is_int(bad, 0, "no failed allocation goes unnoticed");

    /* a sink that refuses ends the decoding */

    bad = 0;

    for (n = 1; n < 100; n++) {
        mem_reset();
        seen_free(&seen);
        seen.fail_at = n;

        rc = stream_run(&ai_provider_openrouter, mem_pool(), &seen, data, len,
                        0, 4096);

        if (seen.events < n) {
            break;
        }

        bad += rc == AI_OK || seen.events != n;
    }

    is_int(bad, 0, "the sink's refusal ends the decoding");
    free(data);
    mem_reset();
}


/* the memory of a stream does not grow with its length */

static void
bounded(void)
{
    size_t           i, at;
    ai_str_t         s;
    ai_sink_t        sink = { seen_event, &seen };
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    mem_reset();
    seen_free(&seen);
    d = ai_decoder_create(&ai_provider_openai, mem_pool(), &sink);
    memset(&ev, 0, sizeof(ev));
    s = ai_lit("{\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{"
               "\"content\":\"x\",\"tool_calls\":[{\"index\":0,\"id\":\"p\","
               "\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]}}]}");
    ev.data = s;

    for (i = 0, at = 0; i < 900; i++) {
        if (d->provider->stream(d, &ev) != AI_OK) {
            break;
        }

        if (i == 2) {
            at = mem_count();
        }
    }

    is_int(i, 900, "a long stream");
    is_int(mem_count(), at, "needs no more memory than a short one");
    mem_reset();
}


/* building */

static void
build_all(void)
{
    char                **names, *data;
    size_t                i, n, len, bad;
    ai_buf_t              out;
    ai_str_t              text;
    ai_json_t             doc, again;
    ai_error_t            err;
    ai_target_t           t;
    ai_request_t          rq, rq2;
    ai_dropped_t          dropped;
    const ai_provider_t  *const *p;

    names = dir_names(OPENAI, ".request.json", &n);
    bad = 0;

    for (i = 0; i < n; i++) {
        data = file_read(OPENAI, names[i], &len);

        mem_reset();
        text.data = (ai_char_t *) data;
        text.len = len;
        memset(&dropped, 0, sizeof(dropped));
        memset(&err, 0, sizeof(err));
        ai_request_init(&rq);
        ai_json_init(&doc, mem_pool());

        if (ai_json_parse(&doc, &text, NULL) != AI_OK
            || ai_openai_decode(&doc, mem_pool(), &rq, &dropped, &err)
               != AI_OK)
        {
            free(data);
            continue;
        }

        for (p = ai_providers; *p; p++) {

            if ((*p)->family != AI_FAMILY_OPENAI) {
                continue;
            }

            memset(&t, 0, sizeof(t));
            t.provider = *p;
            t.model = ai_lit("other");
            t.max_output = -1;
            memset(&dropped, 0, sizeof(dropped));
            memset(&err, 0, sizeof(err));
            ai_buf_init(&out, mem_pool());

            if ((*p)->build(&t, &rq, mem_pool(), &out, &dropped, &err)
                != AI_OK)
            {
                bad += err.kind == AI_ERR_NONE;
                continue;
            }

            text = ai_buf_str(&out);
            ai_json_init(&again, mem_pool());
            ai_request_init(&rq2);

            if (ai_json_parse(&again, &text, NULL) != AI_OK
                || ai_openai_decode(&again, mem_pool(), &rq2, &dropped, &err)
                   != AI_OK)
            {
                bad++;
                diag("%s for %.*s: %.*s", names[i], (int) (*p)->name.len,
                     (*p)->name.data, (int) text.len, text.data);
            }
        }

        free(data);
    }

    ok(n > 20, "requests");
    is_int(bad, 0, "what is built can be read again");
    names_free(names, n);
    mem_reset();
}


static ai_str_t
build_one(const ai_provider_t *p, const char *request, ai_error_t *err,
    ai_dropped_t *dropped)
{
    ai_buf_t      out;
    ai_str_t      text;
    ai_json_t     doc;
    ai_target_t   t;
    ai_request_t  rq;

    text.data = (ai_char_t *) request;
    text.len = strlen(request);
    memset(dropped, 0, sizeof(ai_dropped_t));
    memset(err, 0, sizeof(ai_error_t));
    ai_request_init(&rq);
    ai_json_init(&doc, mem_pool());
    ai_buf_init(&out, mem_pool());
    memset(&t, 0, sizeof(t));
    t.provider = p;
    t.model = ai_lit("m");
    t.max_output = 100;

    if (ai_json_parse(&doc, &text, NULL) != AI_OK
        || ai_openai_decode(&doc, mem_pool(), &rq, dropped, err) != AI_OK
        || p->build(&t, &rq, mem_pool(), &out, dropped, err) != AI_OK)
    {
        return (ai_str_t) ai_null_string;
    }

    return ai_buf_str(&out);
}


#define USER62                                                                \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"


static void
builds(void)
{
    ai_str_t      s;
    ai_error_t    err;
    ai_dropped_t  dropped;

    static const char  full[] =
        "{\"model\":\"c\",\"messages\":[{\"role\":\"system\",\"content\":"
        "\"s\\u00e9\"},{\"role\":\"user\",\"name\":\"bob\",\"content\":\"u\"},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
        "\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{\\\"b\\\":12345678901234567890,\\\"a\\\":1.0}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"r\"}],"
        "\"stream\":true,\"max_tokens\":500,\"seed\":7,\"user\":\"me\"}";

    s = build_one(&ai_provider_openai, full, &err, &dropped);
    is_str(s,
           "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
           "\"s\\u00e9\"},{\"role\":\"user\",\"name\":\"bob\",\"content\":"
           "\"u\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
           "{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":"
           "\"f\",\"arguments\":\"{\\\"b\\\":12345678901234567890,\\\"a\\\":"
           "1.0}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"call_1\","
           "\"content\":\"r\"}],\"stream\":true,\"stream_options\":{"
           "\"include_usage\":true},\"max_completion_tokens\":100,\"seed\":7,"
           "\"user\":\"me\"}", "a request for OpenAI");

    s = build_one(&ai_provider_openai, "{\"model\":\"c\",\"messages\":[{"
                  "\"role\":\"user\",\"content\":\"u\"}],\"user\":\""
                  USER62 "\\u00e9\\n\"}", &err, &dropped);
    ok(ai_str_casefind(&s, USER62 "\\u00e9\\n\"") && dropped.n == 0,
       "a user's name of 64 characters");

    s = build_one(&ai_provider_openai, "{\"model\":\"c\",\"messages\":[{"
                  "\"role\":\"user\",\"content\":\"u\"}],\"user\":\""
                  USER62 "\xc3\xa9" "xy\"}", &err, &dropped);
    ok(s.len && !ai_str_casefind(&s, "\"user\":\"x") && dropped.n == 1
       && ai_str_is(&dropped.name[0], "user"), "one of 65 is left out");

    s = build_one(&ai_provider_mistral, full, &err, &dropped);
    ok(s.len && !ai_str_casefind(&s, "stream_options")
       && !ai_str_casefind(&s, "call_1") && !ai_str_casefind(&s, "bob")
       && !ai_str_casefind(&s, "\"user\":")
       && ai_str_casefind(&s, "\"max_tokens\":100")
       && ai_str_casefind(&s, "\"random_seed\":7"), "for Mistral");
    is_int(dropped.n, 2, "what was left out is named");

    s = build_one(&ai_provider_groq, "{\"model\":\"c\",\"messages\":[{\"role\""
                  ":\"user\",\"content\":\"u\"}],\"logprobs\":true}", &err,
                  &dropped);
    ok(s.len == 0 && err.kind == AI_ERR_UNSUPPORTED_PARAMETER
       && ai_str_is(&err.param, "logprobs"), "logprobs are refused");

    s = build_one(&ai_provider_deepseek, "{\"model\":\"c\",\"messages\":[{"
                  "\"role\":\"user\",\"content\":\"u\"}],\"response_format\":{"
                  "\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\","
                  "\"schema\":{}}}}", &err, &dropped);
    ok(s.len == 0 && err.kind == AI_ERR_UNSUPPORTED_PARAMETER,
       "a schema is refused");

    s = build_one(&ai_provider_deepseek, "{\"model\":\"c\",\"messages\":[{"
                  "\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                  "\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}],"
                  "\"reasoning_effort\":\"high\"}", &err, &dropped);
    ok(ai_str_casefind(&s, "\"content\":\"a\\n\\nb\"")
       && ai_str_casefind(&s, "\"thinking\":{\"type\":\"enabled\"}")
       && !ai_str_casefind(&s, "reasoning_effort"), "DeepSeek's own ways");

    mem_reset();
}


int
main(void)
{
    builds();
    odd();
    recordings(COMPATIBLE);
    recordings(OPENAI);
    failures();
    bounded();
    build_all();

    seen_free(&seen);
    seen_free(&other);
    guard_free();

    return done();
}
