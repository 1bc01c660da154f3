
/*
 * Recorded answers of the Gemini API, read and compared with what another
 * program's JSON reader found in them.
 */

#include "gemini_capture.h"


#ifndef T_DATA
#define T_DATA  "t/data"
#endif


typedef struct {
    const char   *name;
    size_t        text;             /* bytes, and FNV-1a */
    uint32_t      text_hash;
    size_t        thoughts;
    uint32_t      thoughts_hash;
    size_t        signature;
    const char   *calls;
    ai_finish_e   finish;
    int64_t       prompt;
    int64_t       cached;
    int64_t       completion;
    int64_t       reasoning;
    int64_t       total;
} recording_t;


static const recording_t  recordings[] = {
    { "anthropic_server_tool_receive_history_from_another"
      "_provider.response.json",
      376, 0x9bf97c6c, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 302, -1, 194, -1, 496 },
    { "cancel_recorded_provider_stream-google.response.ss"
      "e",
      5, 0x246f9d40, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 6, -1, 36, 35, 42 },
    { "google_decimal_native_output.response.json",
      17, 0x5b7ccf87, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 13, -1, 71, 61, 84 },
    { "google_httpx_client_is_not_closed.response.json",
      35, 0x85453653, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 8, -1, 8, -1, 16 },
    { "google_model_cached_content-1.response.json",
      6, 0xc9b4d42a, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 3520, 3512, 44, 42, 3564 },
    { "google_model_gemini_3_5_flash.response.json",
      1, 0x310ca263, 0, 0x811c9dc5, 384,
      "",
      AI_FINISH_STOP, 15, -1, 73, 72, 88 },
    { "google_model_iter_stream-1.response.sse",
      0, 0x811c9dc5, 0, 0x811c9dc5, 0,
      "get_temperature({\"city\":\"Paris\"})",
      AI_FINISH_TOOLS, 64, -1, 5, -1, 69 },
    { "google_model_iter_stream.response.sse",
      0, 0x811c9dc5, 0, 0x811c9dc5, 0,
      "get_capital({\"country\":\"France\"})",
      AI_FINISH_TOOLS, 52, -1, 5, -1, 57 },
    { "google_model_max_tokens.response.json",
      24, 0x057f92d4, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_LENGTH, 15, -1, 5, -1, 20 },
    { "google_model_max_tokens_thinking_model_empty_respo"
      "nse.response.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_LENGTH, 15, -1, 2, 2, 17 },
    { "google_model_mobile_youtube_video_url_input.respon"
      "se.json",
      400, 0x3ff6bec3, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 17713, 17379, 889, 821, 18602 },
    { "google_model_safety_settings.response.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_FILTER, 14, -1, 0, -1, 14 },
    { "google_model_structured_output.response.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 0,
      "temperature({\"city\":\"London\",\"date\":\"2022-01-01\"})",
      AI_FINISH_TOOLS, 69, -1, 14, -1, 83 },
    { "google_model_thinking_part-1.response.json",
      3850, 0x6e7df1a8, 2787, 0x0d7692e9, 5732,
      "",
      AI_FINISH_STOP, 1280, -1, 2073, 1115, 3353 },
    { "google_model_thinking_part.response.json",
      3019, 0x3d3f2435, 2242, 0x92364f53, 5180,
      "",
      AI_FINISH_STOP, 29, -1, 1737, 1001, 1766 },
    { "google_model_top_k.response.json",
      31, 0x936b993f, 0, 0x811c9dc5, 72,
      "",
      AI_FINISH_STOP, 15, -1, 7, -1, 22 },
    { "google_streaming_tool_call_thought_signature.respo"
      "nse.sse",
      0, 0x811c9dc5, 0, 0x811c9dc5, 1408,
      "get_country({})",
      AI_FINISH_TOOLS, 29, -1, 212, 202, 241 },
    { "google_tool_config_any_with_tool_without_args-1.re"
      "sponse.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 0,
      "final_result({\"bar\":\"hello\"})",
      AI_FINISH_TOOLS, 27, -1, 5, -1, 32 },
    { "google_tool_config_any_with_tool_without_args.resp"
      "onse.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 0,
      "bar({})",
      AI_FINISH_TOOLS, 21, -1, 1, -1, 22 },
    { "mixed_content_ordering-google_2_5.response.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 212,
      "get_mixed_content({})",
      AI_FINISH_TOOLS, 38, -1, 42, 30, 80 },
    { "multimodal_tool_return_matrix-direct-uploaded_file"
      "-audio-google_gemini3-1.response.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 2280,
      "get_file({})",
      AI_FINISH_TOOLS, 316, -1, 403, 393, 719 },
    { "multimodal_tool_return_matrix-tool_return_content-"
      "binary-audio-google_2_5.response.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 336,
      "get_file({})",
      AI_FINISH_TOOLS, 41, -1, 62, 52, 103 },
    { "multimodal_tool_return_matrix-tool_return_content-"
      "uploaded_file-video-google_2_5.response.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 412,
      "get_file({})",
      AI_FINISH_TOOLS, 41, -1, 76, 66, 117 },
    { "multiple_agent_tool_calls-1.response.json",
      32, 0x47622e6f, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 35, -1, 8, -1, 43 },
    { "native_output_with_function_tools_stream-1.respons"
      "e.sse",
      51, 0x78375405, 0, 0x811c9dc5, 280,
      "",
      AI_FINISH_STOP, 128, -1, 51, 30, 179 },
    { "native_output_with_function_tools_stream.response."
      "sse",
      0, 0x811c9dc5, 0, 0x811c9dc5, 540,
      "get_user_country({})",
      AI_FINISH_TOOLS, 29, -1, 81, 69, 110 },
    { "reasoning_wire_contract-google-gemini-25-disable.r"
      "esponse.json",
      1, 0x310ca263, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 14, -1, 1, -1, 15 },
    { "tool_choice_matrix-auto-google-1.response.json",
      56, 0x863c068e, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 88, -1, 15, -1, 103 },
    { "tool_choice_matrix-none-google.response.json",
      399, 0xc76443e7, 0, 0x811c9dc5, 0,
      "",
      AI_FINISH_STOP, 49, -1, 1124, 996, 1173 },
    { "vercel-google-reasoning-gemini3-stream.response.ss"
      "e",
      55, 0x603a9128, 0, 0x811c9dc5, 1392,
      "",
      AI_FINISH_STOP, 9, -1, 325, 302, 334 },
    { "vercel-google-reasoning-gemini3.response.json",
      79, 0x10c93748, 0, 0x811c9dc5, 128,
      "",
      AI_FINISH_STOP, 9, -1, 287, 258, 296 },
    { "vercel-google-stream-no-args-tool-call-stream.resp"
      "onse.sse",
      0, 0x811c9dc5, 320, 0xf781bac9, 1060,
      "read_theme({})read_screen({\"id\":\"A\"})read_screen({"
      "\"id\":\"B\"})read_screen({\"id\":\"C\"})",
      AI_FINISH_TOOLS, 249, -1, 241, 183, 490 },
    { "vercel-google-stream-tool-call-arguments-stream.re"
      "sponse.sse",
      0, 0x811c9dc5, 0, 0x811c9dc5, 1032,
      "getWeather({\"location\":\"Boston\"})getWeather({\"loca"
      "tion\":\"San Francisco\"})",
      AI_FINISH_TOOLS, 26, -1, 155, 132, 181 },
    { "vercel-google-text-stream.response.sse",
      55, 0x45a09e08, 0, 0x811c9dc5, 916,
      "",
      AI_FINISH_STOP, 9, -1, 208, 185, 217 },
    { "vercel-google-tool-call-gemini3-stream.response.ss"
      "e",
      0, 0x811c9dc5, 0, 0x811c9dc5, 5488,
      "weather({\"location\":\"San Francisco\"})",
      AI_FINISH_TOOLS, 29, -1, 819, 804, 848 },
    { "vercel-google-tool-call-gemini3.response.json",
      0, 0x811c9dc5, 0, 0x811c9dc5, 96,
      "weather({\"location\":\"San Francisco\"})",
      AI_FINISH_TOOLS, 29, -1, 1816, 1801, 1845 },
};

#define NRECORDINGS  (sizeof(recordings) / sizeof(recordings[0]))


static char *
load(const char *name, size_t *len)
{
    FILE  *f;
    char   path[512], *p;
    long   n;

    snprintf(path, sizeof(path), T_DATA "/recordings/gemini/%s", name);

    f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }

    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);

    p = malloc(n + 1);
    *len = fread(p, 1, n, f);
    fclose(f);

    return p;
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


/* white space between the tokens of arguments */

static void
strip(capture_text_t *t)
{
    int     string;
    size_t  i, n;

    n = 0;
    string = 0;

    for (i = 0; i < t->len; i++) {

        if (!string && strchr(" \t\r\n", t->p[i])) {
            continue;
        }

        if (string && t->p[i] == '\\') {
            t->p[n++] = t->p[i++];

        } else if (t->p[i] == '"') {
            string = !string;
        }

        t->p[n++] = t->p[i];
    }

    t->len = n;
}


static void
check(const recording_t *r, capture_t *c)
{
    ai_str_t  calls;

    is_int(c->text.len, r->text, "%s: text", r->name);
    is_int(hash(&c->text), r->text_hash, "%s: text's hash", r->name);
    is_int(c->thoughts.len, r->thoughts, "%s: thoughts", r->name);
    is_int(hash(&c->thoughts), r->thoughts_hash, "%s: their hash", r->name);
    is_int(c->signature, r->signature, "%s: signatures", r->name);

    strip(&c->calls);
    calls.data = (ai_char_t *) c->calls.p;
    calls.len = c->calls.len;
    is_str(calls, r->calls, "%s: calls", r->name);

    is_int(c->finish, r->finish, "%s: finish", r->name);
    is_int(c->finishes, 1, "%s: finished once", r->name);
    is_int(c->usage.prompt, r->prompt, "%s: prompt", r->name);
    is_int(c->usage.cached, r->cached, "%s: cached", r->name);
    is_int(c->usage.completion, r->completion, "%s: completion", r->name);
    is_int(c->usage.reasoning, r->reasoning, "%s: reasoning", r->name);
    is_int(c->usage.total, r->total, "%s: total", r->name);
    is_int(c->error, AI_ERR_NONE, "%s: no error", r->name);
    is_int(c->wrong, 0, "%s: events in order", r->name);
}


/* a text with at most n bytes in each run of letters and digits that is
 * longer: signatures, which would make every split point expensive */

static size_t
shorten(char *p, size_t len, size_t max)
{
    size_t  i, n, run;

    n = 0;
    run = 0;

    for (i = 0; i < len; i++) {
        run = strchr(" \"\\,:\r\n{}[]", p[i]) ? 0 : run + 1;

        if (run <= max) {
            p[n++] = p[i];
        }
    }

    return n;
}


static void
splits(const char *name, char *bytes, size_t len)
{
    size_t      at, step;
    int         wrong;
    capture_t  *c, *whole;
    ai_str_t    in;

    len = shorten(bytes, len, 40);
    in = guard_str(bytes, len);
    bytes = (char *) in.data;

    whole = capture_create();
    capture_stream(whole, NULL, mem_pool(), bytes, len, len);

    wrong = 0;
    step = len > 4096 ? len / 1024 : 1;

    for (at = 0; at <= len; at++) {

        /* every byte of the first two events, then some of the others and
         * all ends of events */

        if (at > 1200 && at % step != 0
            && !(at < len && (bytes[at] == '\n' || bytes[at - 1] == '\n')))
        {
            continue;
        }

        c = capture_create();
        capture_stream(c, NULL, mem_pool(), bytes, len, at);

        if (c->log.len != whole->log.len
            || memcmp(c->log.p, whole->log.p, c->log.len) != 0)
        {
            wrong++;
        }

        capture_free(c);
        mem_reset();
    }

    c = capture_create();
    capture_stream(c, NULL, mem_pool(), bytes, len, (size_t) -1);

    is_mem(c->log.p, c->log.len, whole->log.p, whole->log.len,
           "%s: byte by byte", name);
    is_int(wrong, 0, "%s: split anywhere", name);

    capture_free(c);
    capture_free(whole);
    mem_reset();
    guard_free();
}


static ai_int_t
read_one(capture_t *c, const char *name, const char *bytes, size_t len)
{
    if (strstr(name, ".sse") != NULL) {
        return capture_stream(c, NULL, mem_pool(), bytes, len, len);
    }

    return capture_answer(c, NULL, mem_pool(), bytes, len);
}


static void
failing(const char *name, const char *bytes, size_t len)
{
    int         ever, n, wrong, tried;
    capture_t  *c;
    ai_int_t    rc;

    wrong = 0;
    tried = 0;

    for (ever = 0; ever < 2; ever++) {

        for (n = 1; n < 200; n++) {
            c = capture_create();

            if (ever) {
                mem_fail_from(n);

            } else {
                mem_fail_at(n);
            }

            rc = read_one(c, name, bytes, len);

            if (mem_failed() == 0) {
                n = 200;

            } else {
                wrong += (rc != AI_ERROR) + c->finishes;
                tried++;
            }

            capture_free(c);
            mem_reset();
        }
    }

    ok(tried >= 4, "%s: allocations", name);
    is_int(wrong, 0, "%s: each one failing", name);
}


/* a stream that ends anywhere before its last chunk has no end */

static void
cut(const char *name, const char *bytes, size_t len)
{
    size_t      i, last;
    capture_t  *c;

    last = 0;

    for (i = 0; i + 3 < len; i++) {
        if (memcmp(bytes + i, "\n\r\n", 3) == 0 && i + 3 < len) {
            last = i + 3;
        }
    }

    if (last == 0) {
        return;
    }

    c = capture_create();

    is_int(capture_stream(c, NULL, mem_pool(), bytes, last, last), AI_ERROR,
           "%s: cut", name);
    is_int(c->finishes, 0, "%s: not finished when cut", name);

    capture_free(c);
    mem_reset();
}


int
main(void)
{
    char       *bytes;
    size_t      i, len, streams;
    ai_str_t    in;
    capture_t  *c;

    streams = 0;

    for (i = 0; i < NRECORDINGS; i++) {
        bytes = load(recordings[i].name, &len);

        if (!ok(bytes != NULL, "%s", recordings[i].name)) {
            continue;
        }

        in = guard_str(bytes, len);
        c = capture_create();

        is_int(read_one(c, recordings[i].name, (char *) in.data, len), AI_OK,
               "%s: read", recordings[i].name);
        check(&recordings[i], c);

        capture_free(c);
        mem_reset();
        guard_free();

        failing(recordings[i].name, bytes, len);

        if (strstr(recordings[i].name, ".sse") != NULL) {
            cut(recordings[i].name, bytes, len);
            splits(recordings[i].name, bytes, len);
            streams++;
        }

        free(bytes);
    }

    is_int(streams, 11, "streams");

    return done();
}
