
/*
 * The rows of Vertex AI: paths, which row serves which model, bodies, the
 * edits of what passes through, and recorded answers.
 */

#include <api/ai_openai.h>
#include <api/ai_messages.h>

#include "gemini_capture.h"


#ifndef T_DATA
#define T_DATA  "t/data"
#endif


typedef struct {
    const char   *name;
    size_t        text;             /* bytes, and FNV-1a */
    uint32_t      text_hash;
    const char   *calls;
    ai_finish_e   finish;
    int64_t       prompt;
    int64_t       completion;
    int64_t       reasoning;
    int64_t       total;
} recording_t;


/* what another program's JSON reader found in them; the two with finish
 * NONE give enums as numbers, which we never ask for */

static const recording_t  recordings[] = {
    { "google_vertex_logprobs.response.json",
      9, 0xe1574da5, "", AI_FINISH_STOP, 7, 80, 73, 87 },
    { "google_vertex_service_tier_flex_stream.response.sse",
      2, 0x85e4b82f, "", AI_FINISH_STOP, 5, 101, 100, 106 },
    { "generate_content_without_events.response.json",
      15, 0xb38e4b4a, "", AI_FINISH_NONE, 5, 349, 344, 354 },
    { "function_call_choice.response.json",
      0, 0x811c9dc5,
      "get_current_weather({\"location\":\"New Delhi\"})"
      "get_current_weather({\"location\":\"San Francisco\"})",
      AI_FINISH_NONE, 74, 216, 200, 290 },
    { "google_model_armor_prompt_template_text_gets_blocked-1"
      ".response.json",
      0, 0x811c9dc5, "", AI_FINISH_FILTER, -1, -1, -1, -1 },
    { "agw-gemini-blocked.response.json",
      0, 0x811c9dc5, "", AI_FINISH_FILTER, 12, 0, -1, 12 },
    { "streaming-logcontent-gemini-2.5-flash-vertexaiapi-async-default"
      ".response.sse",
      1068, 0x6d83e6b3, "", AI_FINISH_STOP, 8, 1514, 1257, 1522 },
    { "model_sees_multiple_images-google_vertex.response.json",
      0, 0x811c9dc5, "get_images({})", AI_FINISH_TOOLS, 26, 75, 68, 101 },
    { "google_vertex_tool_combination_omits_include_server_side_tool_"
      "invocations-1.response.json",
      861, 0x96daef9a, "", AI_FINISH_STOP, 125, 706, 456, 831 }
};


static char *
load(const char *name, size_t *len)
{
    FILE  *f;
    char   path[512], *p;
    long   n;

    snprintf(path, sizeof(path), T_DATA "/recordings/vertex/%s", name);

    f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }

    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);

    p = malloc((size_t) n + 1);
    *len = fread(p, 1, (size_t) n, f);
    fclose(f);

    return p;
}


static ai_int_t
answer(capture_t *c, const char *bytes, size_t len, ai_int_t stream,
    size_t at)
{
    ai_int_t         rc;
    ai_str_t         in, rest;
    ai_sse_t         sse;
    ai_sink_t        sink;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = capture_event;
    sink.data = c;

    d = ai_decoder_create(&ai_provider_vertex, mem_pool(), &sink);

    in.data = (ai_char_t *) bytes;
    in.len = len;

    if (!stream) {
        return ai_provider_vertex.answer(d, &in);
    }

    ai_sse_init(&sse, mem_pool(), 0);

    rest.data = in.data + at;
    rest.len = len - at;
    in.len = at;

    for ( ;; ) {
        rc = ai_sse_next(&sse, &in, &ev);

        if (rc == AI_AGAIN && rest.len) {
            in = rest;
            rest.len = 0;
            continue;
        }

        if (rc != AI_OK) {
            break;
        }

        if (ai_provider_vertex.stream(d, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    return ai_provider_vertex.stream_end(d);
}


static uint32_t
hash(const capture_text_t *t)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261u;

    for (i = 0; i < t->len; i++) {
        h = (h ^ (unsigned char) t->p[i]) * 16777619u;
    }

    return h;
}


/* white space of arguments, which have none in their strings but one blank */

static ai_str_t
calls(capture_text_t *t)
{
    size_t    i, n;
    ai_str_t  s;

    n = 0;

    for (i = 0; i < t->len; i++) {
        if (t->p[i] == '\n' || t->p[i] == '\r'
            || (t->p[i] == ' ' && i && strchr("{ \n:,", t->p[i - 1]))
            || (t->p[i] == ' ' && i + 1 < t->len && t->p[i + 1] == ' '))
        {
            continue;
        }

        t->p[n++] = t->p[i];
    }

    s.data = (ai_char_t *) t->p;
    s.len = n;

    return s;
}


static void
recorded(const recording_t *r)
{
    char       *bytes, *copy;
    size_t      len, at, wrong, step;
    ai_int_t    stream;
    capture_t  *c, *part;
    ai_str_t    s;

    bytes = load(r->name, &len);

    if (!ok(bytes != NULL, "%s", r->name)) {
        return;
    }

    stream = strstr(r->name, ".sse") != NULL;
    copy = (char *) guard_copy(bytes, len);
    free(bytes);

    c = capture_create();
    is_int(answer(c, copy, len, stream, len), AI_OK, "%s: read", r->name);
    is_int(c->text.len, r->text, "%s: text", r->name);
    is_int(hash(&c->text), r->text_hash, "%s: its hash", r->name);
    s = calls(&c->calls);
    is_str(s, r->calls, "%s: calls", r->name);
    is_int(c->usage.prompt, r->prompt, "%s: prompt", r->name);
    is_int(c->usage.completion, r->completion, "%s: completion", r->name);
    is_int(c->usage.reasoning, r->reasoning, "%s: reasoning", r->name);
    is_int(c->usage.total, r->total, "%s: total", r->name);
    is_int(c->wrong, 0, "%s: events in order", r->name);
    is_int(c->finishes, 1, "%s: finished once", r->name);

    if (r->finish != AI_FINISH_NONE) {
        is_int(c->finish, r->finish, "%s: finish", r->name);
    }

    wrong = 0;
    step = len > 1000 ? 7 : 1;

    for (at = 0; stream && at < len; at += step) {
        mem_reset();
        part = capture_create();
        answer(part, copy, len, 1, at);
        wrong += part->log.len != c->log.len
                 || memcmp(part->log.p, c->log.p, c->log.len) != 0;
        capture_free(part);
    }

    is_int(wrong, 0, "%s: split anywhere", r->name);

    capture_free(c);
    guard_free();
    mem_reset();
}


/* --- requests --- */

typedef struct {
    ai_json_t      doc;
    ai_peek_t      peek;
    ai_request_t   rq;
    ai_dropped_t   dropped;
    ai_error_t     err;
    ai_target_t    t;
    ai_buf_t       body;
} case_t;


static ai_int_t
decode(case_t *k, const ai_dialect_t *dialect, const ai_provider_t *row,
    const char *model, const char *text)
{
    ai_str_t  s;

    memset(k, 0, sizeof(case_t));

    k->t.provider = row;
    k->t.model.data = (ai_char_t *) model;
    k->t.model.len = strlen(model);
    k->t.max_output = -1;

    s.len = strlen(text);
    s.data = guard_copy(text, s.len);

    ai_json_init(&k->doc, mem_pool());
    ai_buf_init(&k->body, mem_pool());

    /* of the URI */

    if (dialect == &ai_dialect_gemini) {
        k->peek.model = ai_lit("a");
    }

    if (ai_json_parse(&k->doc, &s, NULL) != AI_OK
        || dialect->peek(&k->doc, mem_pool(), &k->peek, &k->err) != AI_OK)
    {
        return AI_ERROR;
    }

    return dialect->decode(&k->doc, &k->peek, mem_pool(), &k->rq,
                           &k->dropped, &k->err);
}


static ai_int_t
build(case_t *k, const ai_provider_t *row, const char *model,
    const char *text)
{
    if (decode(k, &ai_dialect_openai, row, model, text) != AI_OK) {
        return AI_ERROR;
    }

    return row->build(&k->t, &k->rq, mem_pool(), &k->body, &k->dropped,
                      &k->err);
}


static void
path_is(const ai_provider_t *row, const char *model, ai_int_t stream,
    const char *want)
{
    ai_buf_t     b;
    ai_str_t     s;
    ai_target_t  t;

    memset(&t, 0, sizeof(ai_target_t));
    t.provider = row;
    t.model.data = (ai_char_t *) model;
    t.model.len = strlen(model);

    ai_buf_init(&b, mem_pool());
    row->path(&t, stream, &b);
    s = ai_buf_str(&b);
    is_str(s, want, "path of %s", model);
    mem_reset();
}


static void
rows(void)
{
    size_t    i;
    ai_str_t  s;

    static const char  *const models[][2] = {
        { "gemini-2.5-pro", "g" }, { "claude-opus-4-1@20250805", "c" },
        { "claude", "c" }, { "Claude", "g" }, { "", "g" }, { "cla", "g" }
    };

    s = ai_lit("vertex");
    ok(ai_provider_find(&s) == &ai_provider_vertex, "is in the table");

    for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        s.len = strlen(models[i][0]);
        s.data = guard_copy(models[i][0], s.len);
        ok(ai_provider_vertex.choose(&s, AI_FAMILY_OPENAI)
           == (models[i][1][0] == 'c' ? &ai_provider_vertex_anthropic
                                      : &ai_provider_vertex),
           "row of \"%s\"", models[i][0]);
        guard_free();
    }

    path_is(&ai_provider_vertex, "gemini-2.5-flash", 0,
            "/google/models/gemini-2.5-flash:generateContent");
    path_is(&ai_provider_vertex, "models/gemini-2.5-flash", 1,
            "/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    path_is(&ai_provider_vertex, "../x?y#z%/\xc3\xa4", 0,
            "/google/models/..%2Fx%3Fy%23z%25%2F%C3%A4:generateContent");
    path_is(&ai_provider_vertex_anthropic, "claude-sonnet-4-5@20250929", 0,
            "/anthropic/models/claude-sonnet-4-5@20250929:rawPredict");
    path_is(&ai_provider_vertex_anthropic, "claude 3", 1,
            "/anthropic/models/claude%203:streamRawPredict");
}


static void
bodies(void)
{
    size_t    n;
    case_t    k;
    ai_int_t  rc;
    ai_str_t  s;

    static const char  history[] =
        "{\"model\":\"m\",\"messages\":["
        "{\"role\":\"user\",\"content\":\"w\"},"
        "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"toolu_1\","
        "\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"toolu_1\","
        "\"content\":\"ok\"}],"
        "\"metadata\":{\"team\":\"a-1\",\"Big\":\"x\",\"v\":\"X\","
        "\"n_2\":\"\"}}";

    is_int(build(&k, &ai_provider_vertex, "gemini-2.5-flash", history),
           AI_OK, "a history with calls");
    s = ai_buf_str(&k.body);
    ok(ai_str_casefind(&s, "\"functionCall\":{\"name\":\"f\""),
       "calls without an id");
    ok(ai_str_casefind(&s, "\"functionResponse\":{\"name\":\"f\""),
       "results without an id");
    ok(!ai_str_casefind(&s, "toolu_1"), "no id anywhere");
    ok(ai_str_casefind(&s, "\"labels\":{\"team\":\"a-1\",\"n_2\":\"\"}"),
       "metadata are labels, as far as they may be");
    is_int(k.dropped.n, 1, "the rest is named");
    ai_json_init(&k.doc, mem_pool());
    is_int(ai_json_parse(&k.doc, &s, NULL), AI_OK, "JSON");
    guard_free();
    mem_reset();

    is_int(build(&k, &ai_provider_gemini, "gemini-2.5-flash", history),
           AI_OK, "the same for Gemini's own API");
    s = ai_buf_str(&k.body);
    ok(ai_str_casefind(&s, "\"id\":\"toolu_1\""), "has ids");
    ok(!ai_str_casefind(&s, "labels"), "and no labels");
    is_int(k.dropped.n, 1, "metadata is named");
    guard_free();
    mem_reset();

    is_int(build(&k, &ai_provider_vertex, "gemini-2.5-flash",
                 "{\"model\":\"m\",\"metadata\":{},\"messages\":[{\"role\":"
                 "\"user\",\"content\":[{\"type\":\"image_url\","
                 "\"image_url\":{\"url\":\"https://a.test/b.png\"}}]}]}"),
           AI_OK, "an image at an address");
    s = ai_buf_str(&k.body);
    ok(ai_str_casefind(&s, "\"fileUri\":\"https://a.test/b.png\","
                           "\"mimeType\":\"image/png\""),
       "is fetched by Vertex");
    ok(!ai_str_casefind(&s, "labels"), "no empty labels");
    guard_free();
    mem_reset();

    is_int(build(&k, &ai_provider_vertex, "gemini-2.5-flash",
                 "{\"model\":\"m\",\"messages\":[{\"role\":"
                 "\"user\",\"content\":[{\"type\":\"image_url\","
                 "\"image_url\":{\"url\":\"http://a.test/b.png\"}}]}]}"),
           AI_ERROR, "but not in clear text");
    guard_free();
    mem_reset();

    is_int(build(&k, &ai_provider_vertex_anthropic,
                 "claude-sonnet-4-5@20250929",
                 "{\"model\":\"m\",\"stream\":true,\"max_tokens\":5,"
                 "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"),
           AI_OK, "a request for Claude");
    s = ai_buf_str(&k.body);
    is_str(s, "{\"anthropic_version\":\"vertex-2023-10-16\","
              "\"max_tokens\":5,\"messages\":[{\"role\":\"user\","
              "\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],"
              "\"stream\":true}", "its body");
    guard_free();
    mem_reset();

    for (n = 1; n < 300; n++) {
        rc = decode(&k, &ai_dialect_openai, &ai_provider_vertex,
                    "gemini-2.5-flash", history);
        mem_fail_at(n);

        if (rc == AI_OK) {
            rc = k.t.provider->build(&k.t, &k.rq, mem_pool(), &k.body,
                                     &k.dropped, &k.err);
        }

        if (!mem_failed() || rc != AI_ERROR) {
            break;
        }

        guard_free();
        mem_reset();
    }

    ok(rc == AI_OK && !mem_failed() && n > 2,
       "each of %zu allocations fails in turn", n - 1);
    guard_free();
    mem_reset();
}


static void
edited(const ai_dialect_t *dialect, const ai_provider_t *row,
    const char *text, const char *want)
{
    size_t       len;
    case_t       k;
    ai_str_t     s;
    ai_buf_t     b;
    ai_splice_t  edits;

    memset(&edits, 0, sizeof(ai_splice_t));

    if (!ok(decode(&k, dialect, row, "to", text) == AI_OK, "%s", text)) {
        return;
    }

    row->edit(&k.t, &k.doc, &k.peek, &edits);

    ok(ai_splice_finish(&edits, &k.doc, &len) == AI_OK, "edits");
    ai_buf_init(&b, mem_pool());
    ai_splice_write(&edits, &k.doc, &b);
    s = ai_buf_str(&b);
    is_str(s, want, "what goes out");
    is_int(len, s.len, "as long as was said");

    guard_free();
    mem_reset();
}


#define ONE  "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define MAX  "\"max_tokens\":5,"
#define VER  "\"anthropic_version\":\"vertex-2023-10-16\""

static void
edits(void)
{
    edited(&ai_dialect_anthropic, &ai_provider_vertex_anthropic,
           "{\"model\":\"a\"," MAX ONE "}", "{" VER "," MAX ONE "}");
    edited(&ai_dialect_anthropic, &ai_provider_vertex_anthropic,
           "{" MAX ONE " , \"model\" : \"a\" }",
           "{" VER "," MAX ONE "  }");
    edited(&ai_dialect_anthropic, &ai_provider_vertex_anthropic,
           "{ " MAX "\"model\":\"a\\u0041\",\"x\":[1,{}]," ONE "}",
           "{" VER ", " MAX "\"x\":[1,{}]," ONE "}");
    edited(&ai_dialect_anthropic, &ai_provider_vertex_anthropic,
           "{\"anthropic_version\":\"own\",\"model\":\"a\"," MAX ONE "}",
           "{\"anthropic_version\":\"own\"," MAX ONE "}");
    edited(&ai_dialect_gemini, &ai_provider_vertex,
           "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]}",
           "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]}");
    edited(&ai_dialect_gemini, &ai_provider_vertex,
           "{\"model\":\"models/a\",\"contents\":[{\"parts\":"
           "[{\"text\":\"x\"}]}]}",
           "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]}");
}


static void
error(void)
{
    char       *bytes;
    ai_str_t    s;
    ai_error_t  err;

    bytes = load("generate_content_missing_model.response.json", &s.len);

    if (!ok(bytes != NULL, "a recorded error")) {
        return;
    }

    s.data = (ai_char_t *) bytes;
    ai_provider_error(&ai_provider_vertex, 404, &s, mem_pool(), &err);
    is_int(err.kind, AI_ERR_MODEL_NOT_FOUND, "no such model");

    free(bytes);
    mem_reset();
}


int
main(void)
{
    size_t  i;

    rows();
    bodies();
    edits();
    error();

    for (i = 0; i < sizeof(recordings) / sizeof(recordings[0]); i++) {
        recorded(&recordings[i]);
    }

    return done();
}
