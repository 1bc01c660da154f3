
/*
 * Amazon Bedrock: every recording at every split and with memory that fails,
 * what no recording shows, and requests from an OpenAI client to the body.
 */

#include <provider/ai_bedrock_int.h>
#include "tap.h"
#include "mem.h"
#include "upstream.h"
#include "eventstream.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif

#define RECORDINGS  TEST_DATA "/recordings/bedrock"

#define CLAUDE  "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
#define OLD     "anthropic.claude-3-5-haiku-20241022-v1:0"
#define OPUS    "anthropic.claude-opus-4-6-v1"
#define NOVA    "amazon.nova-lite-v1:0"
#define NOVA2   "us.amazon.nova-2-lite-v1:0"
#define OSS     "openai.gpt-oss-120b-1:0"
#define LLAMA   "meta.llama3-70b-instruct-v1:0"
#define PROFILE                                                               \
    "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a"

#define MSG     "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define USER(x) "\"messages\":[{\"role\":\"user\",\"content\":[" x "]}]"
#define OUT     "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"    \
                "\"hi\"}]}]"
#define F       "\"tools\":[{\"type\":\"function\",\"function\":"             \
                "{\"name\":\"f\"}}]"
#define SPEC(n) "{\"toolSpec\":{\"name\":\"" n "\",\"inputSchema\":{"      \
                "\"json\":{\"type\":\"object\",\"properties\":{}}}}}"
#define CONFIG  "\"toolConfig\":{\"tools\":[" SPEC("f") "]"
#define CALL    "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c.1\","    \
                "\"type\":\"function\",\"function\":{\"name\":\"f\","         \
                "\"arguments\":\"{\\\"a\\\":1}\"}}]}"
#define RESULT  "{\"role\":\"tool\",\"tool_call_id\":\"c.1\","                \
                "\"content\":\"r\"}"
#define LOOP    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"       \
                CALL "," RESULT "]"
#define LOOPED  "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"    \
                "\"hi\"}]},{\"role\":\"assistant\",\"content\":[{"            \
                "\"toolUse\":{\"toolUseId\":\"c.1\",\"name\":\"f\","         \
                "\"input\":{\"a\":1}}}]},{\"role\":\"user\",\"content\":["    \
                "{\"toolResult\":{\"toolUseId\":\"c.1\",\"content\":[{"       \
                "\"text\":\"r\"}]}}]}]"
#define MORE    "\"additionalModelRequestFields\":{"


typedef struct {
    const char        *name;
    ai_finish_e        finish;
    const char        *text;        /* a part of it */
    const char        *calls;       /* likewise */
    const char        *thinking;
    int64_t            prompt;
    int64_t            cached;
    int64_t            completion;
} recording_t;


static const recording_t  recordings[] = {
    { "agent_loop-v0", AI_FINISH_TOOLS, "", "get_weather {", "", 446, 0, 55 },
    { "agent_loop_streaming-v1", AI_FINISH_TOOLS, "",
      "get_weather {\\\"location\\\": \\\"San Francisco", "", 446, -1, 55 },
    { "agw-converse-stream-basic", AI_FINISH_STOP,
      "\\nOnce upon a time, there was a little boy named Jack", "", "", 15, -1,
      142 },
    { "agw-converse-stream-tool", AI_FINISH_TOOLS, "I'll call both tools.",
      "top_song {\\\"sign\\\":\\\"WZPZ\\\"}tooluse_kZJMlvQmRJ6eAyxxx hello "
      "{\\\"sign\\\":\\\"world\\\"}", "", 150, -1, 45 },
    { "bedrock_model_code_execution_tool_stream", AI_FINISH_TOOLS, "",
      "tooluse_ptgCcZ0uQu-UUMz0abqoWw final_result "
      "{\\\"result\\\":7006652.0}", "", 1002, -1, 59 },
    { "bedrock_model_with_code_execution_tool", AI_FINISH_TOOLS, "",
      "tooluse_DaRsVjwcShCI_3pOsIsWqg final_result", "", 1002, -1, 59 },
    { "bedrock_model_iter_stream", AI_FINISH_TOOLS, "<thinking> To find the",
      "get_temperature {\\\"city\\\":\\\"Paris\\\"}", "", 471, -1, 91 },
    { "bedrock_model_stream_empty_text_delta", AI_FINISH_STOP,
      "Hello! How can I help you today?", "", "The user just says \\\"Hi\\\"",
      70, -1, 43 },
    { "bedrock_model_thinking_part_stream", AI_FINISH_STOP,
      "Hello! It's nice to meet you.", "", "The user has greeted me", 36, -1,
      73 },
    { "bedrock_model_max_tokens", AI_FINISH_LENGTH, "", "", "", -2, -1, -2 },
    { "bedrock_native_output_stream", AI_FINISH_STOP,
      "{\\\"city\\\":\\\"Paris\\\"", "", "", 210, -1, 18 },
    { "bedrock_cache_write_and_read", 0, "", "", "", -2, -2, -2 },
    { "bedrock_single_tool_choice_preserves_cache-nova", AI_FINISH_TOOLS, "",
      "tooluse_AbFzl4JzQNAtgEfnacertb catalog_lookup ", "", 2514, 0, 13 },
    { "citations-document0", AI_FINISH_STOP, "employees get 20 days annual",
      "", "", 887, -1, 78 },
    { "citations_v1-v0-1", AI_FINISH_STOP,
      "employees should consult with your manager", "", "", 961, 0, 39 },
    { "converse_stream_with_content", AI_FINISH_LENGTH,
      "I am here and ready to assist", "", "", 8, -1, 10 },
    { "stop_settings-bedrock", AI_FINISH_STOP, "", "", "", -2, -2, -2 },
    { "vercel-amazon-bedrock-tool-no-args", AI_FINISH_TOOLS,
      "I'll update the issue list", "tool-use-id updateIssueList ", "", 100,
      -1, 25 },
    { NULL, 0, NULL, NULL, NULL, 0, 0, 0 }
};


static frames_t      frames;
static seen_t        seen;
static ai_buf_t      body;
static ai_error_t    err;
static ai_dropped_t  dropped;


static ai_decoder_t *
decoder(const ai_request_t *rq)
{
    ai_sink_t      to;
    ai_decoder_t  *d;
    size_t         fail_at;

    fail_at = seen.fail_at;
    seen_free(&seen);
    seen.fail_at = fail_at;

    to.event = seen_event;
    to.data = &seen;

    d = ai_decoder_create(&ai_provider_bedrock, mem_pool(), &to);

    if (d) {
        d->rq = rq;
    }

    return d;
}


static ai_int_t
feed(ai_decoder_t *d, ai_eventstream_t *s, ai_str_t in)
{
    ai_int_t                rc;
    ai_sse_event_t          sse;
    ai_eventstream_event_t  ev;

    for ( ;; ) {
        rc = ai_eventstream_next(s, &in, &ev);

        if (rc != AI_OK) {
            return rc == AI_AGAIN ? AI_OK : AI_ERROR;
        }

        ai_eventstream_sse(&ev, &sse);

        if (d->provider->stream(d, &sse) != AI_OK) {
            return AI_ERROR;
        }
    }
}


/* in two pieces */

static ai_int_t
stream(const unsigned char *data, size_t len, size_t cut,
    const ai_request_t *rq)
{
    ai_int_t          rc;
    ai_str_t          in;
    ai_decoder_t     *d;
    ai_eventstream_t  s;

    ai_eventstream_init(&s, mem_pool(), 0);
    d = decoder(rq);

    if (d == NULL) {
        return AI_ERROR;
    }

    in.data = (ai_char_t *) data;
    in.len = cut;
    rc = feed(d, &s, in);

    if (rc == AI_OK) {
        in.data = (ai_char_t *) data + cut;
        in.len = len - cut;
        rc = feed(d, &s, in);
    }

    if (rc == AI_OK && ai_eventstream_end(&s) != AI_OK) {
        return AI_ERROR;
    }

    return rc == AI_OK ? d->provider->stream_end(d) : rc;
}


static ai_int_t
answer(const char *data, size_t len)
{
    ai_str_t       in;
    ai_decoder_t  *d;

    d = decoder(NULL);

    if (d == NULL) {
        return AI_ERROR;
    }

    in = guard_str(data, len);

    return d->provider->answer(d, &in);
}


/* a recording: stream or answer, as its name says */

static ai_int_t
play(const char *name, const char *data, size_t len, size_t cut)
{
    return strstr(name, ".bin")
           ? stream((const unsigned char *) data, len, cut, NULL)
           : answer(data, len);
}


static void
test_recording(const recording_t *r, const char *name)
{
    char  *text;

    is_int(seen.finish, r->finish ? r->finish : AI_FINISH_STOP, "%s: finish",
           name);

    text = seen_text(&seen, AI_BLOCK_TEXT);
    ok(strstr(text, r->text), "%s: text", name);
    free(text);

    text = seen_text(&seen, AI_BLOCK_TOOL_CALL);
    ok(r->calls[0] ? strstr(text, r->calls) != NULL : text[0] == '\0',
       "%s: calls %s", name, text);
    free(text);

    text = seen_text(&seen, AI_BLOCK_THINKING);
    ok(r->thinking[0] ? strstr(text, r->thinking) != NULL : text[0] == '\0',
       "%s: thinking", name);
    free(text);

    if (r->prompt != -2) {
        is_int(seen.usage.prompt, r->prompt, "%s: prompt", name);
        is_int(seen.usage.completion, r->completion, "%s: completion", name);
        is_int(seen.usage.cached, r->cached, "%s: cached", name);
    }
}


static void
test_recordings(void)
{
    DIR                *dir;
    char               *data, *want, *got;
    size_t              len, i, n, bad, known, events;
    struct dirent      *de;
    const recording_t  *r;

    known = 0;
    dir = opendir(RECORDINGS);

    while (dir && (de = readdir(dir)) != NULL) {
        n = strcspn(de->d_name, ".");

        if (strstr(de->d_name, ".response.") == NULL) {
            continue;
        }

        data = file_read(RECORDINGS, de->d_name, &len);

        if (strncmp(de->d_name, "agw-invoke-", 11) == 0) {
            is_int(play(de->d_name, data, len, len), AI_ERROR,
                   "%s is another operation: no end of an answer",
                   de->d_name);
            free(data);
            mem_reset();
            continue;
        }

        is_int(play(de->d_name, data, len, len), AI_OK, "%s", de->d_name);
        ok(seen.bad == NULL, "%s: %s", de->d_name, seen.bad);
        ok(seen.starts == 1 && seen.finishes == 1 && seen.errors == 0,
           "%s: whole", de->d_name);
        ok(seen.usage.prompt > 0 && seen.usage.completion > 0,
           "%s: usage", de->d_name);

        for (r = recordings; r->name; r++) {
            if (strlen(r->name) == n
                && strncmp(r->name, de->d_name, n) == 0)
            {
                test_recording(r, r->name);
                known++;
            }
        }

        want = seen_dump(&seen);
        events = seen.events;
        mem_reset();

        for (i = 0, bad = 0; strstr(de->d_name, ".bin") && i < len; i += 13) {
            bad += (play(de->d_name, data, len, i) != AI_OK);
            got = seen_dump(&seen);
            bad += (strcmp(want, got) != 0);
            free(got);
            mem_reset();
        }

        is_int(bad, 0, "%s: the same at every split", de->d_name);

        for (i = 1, bad = 0; i <= events; i++) {
            seen.fail_at = i;
            bad += (play(de->d_name, data, len, 0) != AI_ERROR);
            bad += (seen.events != i);
            mem_reset();
        }

        seen.fail_at = 0;
        is_int(bad, 0, "%s: the sink may refuse any event", de->d_name);

        for (i = 1, bad = 0; ; i++) {
            mem_fail_at(i);
            n = (play(de->d_name, data, len, 100) != AI_OK);

            if (mem_failed() == 0) {
                break;
            }

            bad += !n;
            mem_reset();
            mem_fail_from(i);
            bad += (play(de->d_name, data, len, 100) == AI_OK);
            mem_reset();
        }

        is_int(bad, 0, "%s: %zu allocations may fail", de->d_name, i - 1);

        mem_fail_never();
        mem_reset();
        guard_free();
        free(want);
        free(data);
    }

    if (dir) {
        closedir(dir);
    }

    is_int(known, sizeof(recordings) / sizeof(recordings[0]) - 1,
           "all that are known were there");
}


/* a made-up stream: pairs of a type and a payload */

static ai_int_t
events(const char *const *p, const ai_request_t *rq)
{
    ai_int_t  rc;

    frames.len = 0;

    for ( /* void */ ; p[0]; p += 2) {
        frame_add(&frames, strstr(p[0], "Exception") ? "exception" : "event",
                  p[0], p[1]);
    }

    mem_reset();
    rc = stream(frames.data, frames.len, 0, rq);

    return rc;
}


#define EVENTS(...)  events((const char *const[]) { __VA_ARGS__, NULL }, NULL)

#define START   "messageStart", "{\"role\":\"assistant\"}"
#define DELTA(n, d)                                                           \
    "contentBlockDelta", "{\"contentBlockIndex\":" #n ",\"delta\":" d "}"
#define STOP(n)  "contentBlockStop", "{\"contentBlockIndex\":" #n "}"
#define END(r)   "messageStop", "{\"stopReason\":\"" r "\"}"
#define META     "metadata", "{\"usage\":{\"inputTokens\":3,"                 \
                 "\"outputTokens\":4,\"totalTokens\":7}}"
#define TOOL(n)  "contentBlockStart", "{\"contentBlockIndex\":" #n            \
                 ",\"start\":{\"toolUse\":{\"toolUseId\":\"i\",\"name\":"     \
                 "\"f\"}}}"

static void
is_dump(const char *want, const char *what)
{
    char  *got;

    got = seen_dump(&seen);
    *strstr(got, "starts ") = '\0';
    is_cstr(got, want, "%s", what);
    free(got);
    ok(seen.bad == NULL, "%s: %s", what, seen.bad);
}


static void
test_streams(void)
{
    is_int(EVENTS(START, DELTA(0, "{\"text\":\"a\"}"), END("end_turn"), META),
           AI_OK, "an answer");
    is_int(seen.usage.total, 7, "its usage");

    is_int(EVENTS(START, DELTA(0, "{\"text\":\"a\"}"), META, END("end_turn")),
           AI_OK, "metadata before the end");
    is_int(EVENTS(START, DELTA(0, "{\"text\":\"a\"}"), END("end_turn")),
           AI_OK, "no metadata");
    is_int(seen.usages, 0, "no usage then");
    is_int(EVENTS(START, DELTA(0, "{\"text\":\"a\"}"), META), AI_ERROR,
           "no end");
    is_int(EVENTS(START), AI_ERROR, "nothing");
    is_int(EVENTS("ping", "{}", START, "new", "not JSON", END("end_turn")),
           AI_OK, "types that are not known");
    is_int(EVENTS(END("end_turn"), META, END("max_tokens"),
                  DELTA(0, "{\"text\":\"a\"}")),
           AI_OK, "what comes after the end is not read");
    is_int(EVENTS(END("end_turn"), DELTA(0, "{\"text\":\"a\"}")), AI_ERROR,
           "text between the end and metadata");

    /* a block begins with its first delta that says something */

    is_int(EVENTS(START, DELTA(0, "{\"text\":\"\"}"), STOP(0),
                  DELTA(1, "{\"reasoningContent\":{\"text\":\"t\"}}"),
                  DELTA(1, "{\"reasoningContent\":{\"signature\":\"s\"}}"),
                  STOP(1), DELTA(2, "{\"text\":\"a\"}"),
                  DELTA(3, "{\"text\":\"b\"}"), TOOL(4),
                  DELTA(4, "{\"toolUse\":{\"input\":\"{}\"}}"), STOP(4),
                  END("end_turn"), META),
           AI_OK, "blocks");
    is_dump("0/0 kind 7 open 0: t<sig>s\n0/1 kind 1 open 0: a\n"
            "0/2 kind 1 open 0: b\n0/3 kind 5 open 0: i f {}\n", "blocks");
    is_int(seen.finish, AI_FINISH_TOOLS, "a call ends as one");

    is_int(EVENTS(START, DELTA(0, "{\"reasoningContent\":{\"signature\":"
                                  "\"s\"}}"),
                  DELTA(0, "{\"text\":\"a\"}"), END("end_turn"), META),
           AI_OK, "a signature alone, and a change of kind");
    is_dump("0/0 kind 7 open 0: <sig>s\n0/1 kind 1 open 0: a\n", "both");

    /* WkdGMFlRPT0= is ZGF0YQ==, AAEC is no text, !!!! nothing at all */

    is_int(EVENTS(START, DELTA(0, "{\"reasoningContent\":{"
                                  "\"redactedContent\":\"WkdGMFlRPT0=\"}}"),
                  DELTA(1, "{\"reasoningContent\":{\"redactedContent\":"
                           "\"AAEC\"}}"),
                  DELTA(2, "{\"reasoningContent\":{\"redactedContent\":"
                           "\"!!!!\"}}"),
                  DELTA(3, "{\"text\":\"a\"}"), END("end_turn"), META),
           AI_OK, "redacted thinking");
    is_dump("0/0 kind 8 open 0: ZGF0YQ==\n0/1 kind 1 open 0: a\n",
            "Anthropic's own spelling");

    /* the provider's own tools */

    is_int(EVENTS(START, "contentBlockStart",
                  "{\"contentBlockIndex\":0,\"start\":{\"toolUse\":{"
                  "\"toolUseId\":\"i\",\"name\":\"n\",\"type\":"
                  "\"server_tool_use\"}}}",
                  DELTA(0, "{\"toolUse\":{\"input\":\"{}\"}}"), STOP(0),
                  "contentBlockStart",
                  "{\"contentBlockIndex\":1,\"start\":{\"toolResult\":{}}}",
                  DELTA(1, "{\"toolResult\":[{\"text\":\"x\"}]}"), STOP(1),
                  "contentBlockStart",
                  "{\"contentBlockIndex\":2,\"start\":{}}",
                  DELTA(2, "{\"text\":\"a\"}"), END("end_turn"), META),
           AI_OK, "what the provider does itself");
    is_dump("0/0 kind 1 open 0: a\n", "is left out");
    is_int(seen.finish, AI_FINISH_STOP, "and no call");

    is_int(EVENTS(START, DELTA(0, "{\"citation\":{\"title\":\"T\","
                                  "\"location\":{\"web\":{\"url\":\"u\"}}}}"),
                  DELTA(0, "{\"text\":\"a\\u00e9b\"}"), STOP(0),
                  END("end_turn"), META),
           AI_OK, "a citation of the web");
    is_dump("0/0 kind 1 open 0: a\\u00e9b<note>{\"type\":\"url_citation\","
            "\"url_citation\":{\"url\":\"u\",\"title\":\"T\","
            "\"start_index\":0,\"end_index\":3}}\n", "an annotation");
}


static void
test_finish(void)
{
    size_t  i;
    char    end[128];

    static const struct {
        const char   *reason;
        ai_finish_e   finish;
    } cases[] = {
        { "end_turn", AI_FINISH_STOP },
        { "tool_use", AI_FINISH_TOOLS },
        { "max_tokens", AI_FINISH_LENGTH },
        { "stop_sequence", AI_FINISH_STOP_SEQ },
        { "guardrail_intervened", AI_FINISH_FILTER },
        { "content_filtered", AI_FINISH_FILTER },
        { "model_context_window_exceeded", AI_FINISH_CONTEXT },
        { "malformed_model_output", AI_FINISH_ERROR },
        { "malformed_tool_use", AI_FINISH_ERROR },
        { "not_known_yet", AI_FINISH_STOP }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(end, sizeof(end), "{\"stopReason\":\"%s\"}",
                 cases[i].reason);
        is_int(EVENTS(START, "messageStop", end, META), AI_OK, "%s",
               cases[i].reason);
        is_int(seen.finish, cases[i].finish, "is its finish");
    }
}


static void
test_errors(void)
{
    size_t  i;

    static const struct {
        const char   *type;
        const char   *payload;
        ai_error_e    kind;
    } cases[] = {
        { "throttlingException", "{\"message\":\"Too many requests\"}",
          AI_ERR_RATE_LIMIT },
        { "ThrottlingException", "{}", AI_ERR_RATE_LIMIT },
        { "modelNotReadyException", "{}", AI_ERR_RATE_LIMIT },
        { "serviceQuotaExceededException", "{}", AI_ERR_RATE_LIMIT },
        { "validationException", "{\"message\":\"bad\"}",
          AI_ERR_BAD_REQUEST },
        { "validationException",
          "{\"message\":\"Input is too long for requested model.\"}",
          AI_ERR_CONTEXT_LENGTH },
        { "validationException",
          "{\"message\":\"The provided model identifier is invalid.\"}",
          AI_ERR_MODEL_NOT_FOUND },
        { "accessDeniedException", "{}", AI_ERR_UPSTREAM_AUTH },
        { "resourceNotFoundException", "{}", AI_ERR_MODEL_NOT_FOUND },
        { "modelTimeoutException", "{}", AI_ERR_UPSTREAM_TIMEOUT },
        { "modelStreamErrorException",
          "{\"message\":\"m\",\"originalStatusCode\":500}",
          AI_ERR_OVERLOADED },
        { "serviceUnavailableException", "{}", AI_ERR_OVERLOADED },
        { "internalServerException", "{}", AI_ERR_UPSTREAM },
        { "newException", "", AI_ERR_UPSTREAM },
        { "newException", "<html>", AI_ERR_UPSTREAM }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(EVENTS(START, DELTA(0, "{\"text\":\"a\"}"), cases[i].type,
                      cases[i].payload, DELTA(0, "{\"text\":\"b\"}")),
               AI_OK, "%s is told", cases[i].type);
        is_int(seen.errors, 1, "once");
        is_int(seen.error, cases[i].kind, "as what it is");
        ok(seen.bad == NULL, "and nothing after it");
    }
}


static void
test_bad_streams(void)
{
    size_t  i;

    static const char  *const bad[][2] = {
        { "messageStop", "" },
        { "messageStop", "{" },
        { "messageStop", "[]" },
        { "messageStop", "{\"stopReason\":1}" },
        { "metadata", "null" },
        { "contentBlockDelta", "{}" },
        { "contentBlockDelta", "{\"contentBlockIndex\":0}" },
        { "contentBlockDelta", "{\"delta\":{\"text\":\"a\"}}" },
        { "contentBlockDelta",
          "{\"contentBlockIndex\":-1,\"delta\":{\"text\":\"a\"}}" },
        { "contentBlockDelta",
          "{\"contentBlockIndex\":1e99,\"delta\":{\"text\":\"a\"}}" },
        { "contentBlockDelta",
          "{\"contentBlockIndex\":0,\"delta\":{\"text\":1}}" },
        { "contentBlockDelta",
          "{\"contentBlockIndex\":0,\"delta\":{\"toolUse\":{\"input\":"
          "\"{}\"}}}" },
        { "contentBlockStart",
          "{\"contentBlockIndex\":0,\"start\":{\"toolUse\":{}}}" },
        { "contentBlockStart",
          "{\"contentBlockIndex\":0,\"start\":{\"toolUse\":{\"name\":\"f\","
          "\"toolUseId\":\"\"}}}" },
        { "contentBlockStart",
          "{\"start\":{\"toolUse\":{\"name\":\"f\",\"toolUseId\":\"i\"}}}" }
    };

    static const char  *const answers[] = {
        "", "{}", "[]", "null", "{\"output\":{}}", "<html>",
        "{\"output\":{\"message\":{\"content\":1}}}",
        "{\"output\":{\"message\":{\"content\":[{\"text\":1}]}}}",
        "{\"output\":{\"message\":{\"content\":[{\"toolUse\":{}}]}}}",
        "{\"output\":{\"message\":{\"content\":[]}},\"stopReason\":[]}"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(EVENTS(START, bad[i][0], bad[i][1], END("end_turn"), META),
               AI_ERROR, "%s %s", bad[i][0], bad[i][1]);
    }

    is_int(EVENTS(START, TOOL(0),
                  DELTA(1, "{\"toolUse\":{\"input\":\"{}\"}}"),
                  END("tool_use")),
           AI_ERROR, "input of another block");

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        is_int(answer(answers[i], strlen(answers[i])), AI_ERROR, "%s",
               answers[i]);
    }

    is_int(answer("{\"message\":\"Input is too long\"}", 31), AI_OK,
           "an error in a 200");
    is_int(seen.error, AI_ERR_CONTEXT_LENGTH, "is one");

    is_int(EVENTS(START, "metadata", "{\"usage\":{\"inputTokens\":-5,"
                  "\"outputTokens\":9223372036854775807,"
                  "\"cacheReadInputTokenCount\":2}}", END("end_turn")),
           AI_OK, "usage that is nonsense");
    ok(seen.usage.prompt == -1 && seen.usage.completion == -1
       && seen.usage.cached == 2, "counts for nothing");
    guard_free();
    mem_reset();
}


static ai_int_t
build_as(const char *model, int64_t max, const char *fields)
{
    char         *text;
    size_t        n;
    ai_int_t      rc;
    ai_str_t      in;
    ai_json_t     doc;
    ai_target_t   t;
    ai_request_t  rq;

    memset(&dropped, 0, sizeof(dropped));
    memset(&err, 0, sizeof(err));
    ai_buf_init(&body, mem_pool());
    ai_json_init(&doc, mem_pool());

    n = strlen(fields) + 32;
    text = malloc(n);
    in.len = (size_t) snprintf(text, n, "{\"model\":\"m\",%s}", fields);
    in.data = guard_copy(text, in.len);
    free(text);

    t.provider = &ai_provider_bedrock;
    t.model.data = (ai_char_t *) model;
    t.model.len = strlen(model);
    t.max_output = max;

    rc = AI_ERROR;

    if (ai_json_parse(&doc, &in, NULL) == AI_OK
        && ai_openai_decode(&doc, mem_pool(), &rq, &dropped, &err) == AI_OK)
    {
        rc = t.provider->build(&t, &rq, mem_pool(), &body, &dropped, &err);
    }

    return rc;
}


/* the body without its braces, and the names of what was left out */

static void
is_built(const char *model, const char *fields, const char *want,
    const char *left)
{
    char       names[512];
    size_t     i, n;
    ai_str_t   s;
    ai_json_t  doc;

    mem_reset();
    is_int(build_as(model, -1, fields), AI_OK, "%s %s", model, fields);

    s = ai_buf_str(&body);
    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &s, NULL), AI_OK, "is JSON");

    s.data++;
    s.len -= ai_min(s.len, 2);
    is_str(s, want, "body");

    for (i = 0, n = 0, names[0] = '\0'; i < dropped.n; i++) {
        n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%.*s",
                               i ? " " : "", (int) dropped.name[i].len,
                               dropped.name[i].data);
    }

    is_cstr(names, left, "left out");
    guard_free();
}


static void
is_refused(const char *model, const char *fields, const char *param,
    const char *what)
{
    mem_reset();
    is_int(build_as(model, -1, fields), AI_ERROR, "%s", what);
    is_str(err.param, param, "names the field");
    ok(err.kind != AI_ERR_NONE && err.kind != AI_ERR_SERVER, "with a kind");
    guard_free();
}


static void
test_build(void)
{
    is_built(CLAUDE, MSG, OUT, "");
    is_built(CLAUDE, MSG ",\"stream\":true", OUT, "");

    is_built(CLAUDE, MSG ",\"max_tokens\":5,\"temperature\":1.5,\"top_p\":0.5,"
             "\"top_k\":4,\"stop\":[\"x\",\" \"],\"seed\":1,"
             "\"presence_penalty\":1,\"logit_bias\":{\"1\":1}",
             OUT ",\"inferenceConfig\":{\"maxTokens\":5,\"temperature\":1,"
             "\"stopSequences\":[\"x\"]},"
             "\"additionalModelResponseFieldPaths\":[\"/stop_sequence\"],"
             MORE "\"top_k\":4}",
             "top_p seed presence_penalty logit_bias stop");
    is_built(NOVA, MSG ",\"temperature\":1.50,\"top_p\":0.5,\"top_k\":4,"
             "\"stop\":\"x\"",
             OUT ",\"inferenceConfig\":{\"temperature\":1,\"topP\":0.5,"
             "\"stopSequences\":[\"x\"]}," MORE
             "\"inferenceConfig\":{\"topK\":4}}", "");
    is_built(LLAMA, MSG ",\"temperature\":0.10,\"top_k\":4,\"stop\":\"x\"",
             OUT ",\"inferenceConfig\":{\"temperature\":0.10,"
             "\"stopSequences\":[\"x\"]}", "top_k");

    /* thinking, model by model */

    is_built(CLAUDE, MSG ",\"reasoning_effort\":\"low\"",
             OUT "," MORE "\"thinking\":{\"type\":\"enabled\","
             "\"budget_tokens\":1024}}", "");
    is_built(OPUS, MSG ",\"reasoning_effort\":\"xhigh\"",
             OUT "," MORE "\"thinking\":{\"type\":\"adaptive\",\"display\":"
             "\"summarized\"},\"output_config\":{\"effort\":\"xhigh\"}}", "");
    is_built(OPUS, MSG ",\"reasoning_effort\":\"minimal\",\"response_format\":"
             "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
             "\"schema\":{\"type\":\"object\",\"x\":\"\\\"\"}}}",
             OUT "," MORE "\"thinking\":{\"type\":\"adaptive\",\"display\":"
             "\"summarized\"}},\"outputConfig\":{\"textFormat\":{\"type\":"
             "\"json_schema\",\"structure\":{\"jsonSchema\":{\"schema\":"
             "\"{\\\"type\\\":\\\"object\\\",\\\"x\\\":\\\"\\\\\\\"\\\"}\","
             "\"name\":\"n\"}}},\"effort\":\"low\"}", "");
    is_built(OLD, MSG ",\"reasoning_effort\":\"low\"", OUT,
             "reasoning_effort");
    is_built(NOVA, MSG ",\"reasoning_effort\":\"low\"", OUT,
             "reasoning_effort");
    is_built(PROFILE, MSG ",\"reasoning_effort\":\"low\"", OUT,
             "reasoning_effort");
    is_built(NOVA, MSG ",\"reasoning_effort\":\"none\"", OUT, "");
    is_built(NOVA2, MSG ",\"reasoning_effort\":\"high\",\"temperature\":0.1",
             OUT "," MORE "\"reasoningConfig\":{\"type\":\"enabled\","
             "\"maxReasoningEffort\":\"high\"}}", "temperature");
    is_built(NOVA2, MSG ",\"reasoning_effort\":\"max\",\"max_tokens\":9",
             OUT ",\"inferenceConfig\":{\"maxTokens\":9}," MORE
             "\"reasoningConfig\":{\"type\":\"enabled\","
             "\"maxReasoningEffort\":\"medium\"}}", "");
    is_built(OSS, MSG ",\"reasoning_effort\":\"minimal\"",
             OUT "," MORE "\"reasoning_effort\":\"low\"}", "");

    /* the rest */

    is_built(NOVA, MSG ",\"response_format\":{\"type\":\"json_object\"}",
             OUT ",\"system\":[{\"text\":\"" AI_ANTHROPIC_JSON_HINT "\"}]",
             "");
    is_built(NOVA, MSG ",\"user\":\"u1\",\"metadata\":{\"a\":\"b c\","
             "\"d\":\"\xc3\xbc\",\"e\":\"\\n\"},\"service_tier\":\"flex\"",
             OUT ",\"requestMetadata\":{\"user\":\"u1\",\"a\":\"b c\"},"
             "\"serviceTier\":{\"type\":\"flex\"}", "metadata");
    is_built(NOVA, MSG ",\"service_tier\":\"default\"", OUT, "");

    mem_reset();
    is_int(build_as(NOVA, 100, MSG ",\"max_tokens\":500"), AI_OK, "a limit");
    is_str(ai_buf_str(&body), "{" OUT ",\"inferenceConfig\":{\"maxTokens\":"
           "100}}", "no more than the model's");

    is_refused(NOVA, MSG ",\"n\":2", "n", "two answers");
    is_refused(NOVA, MSG ",\"logprobs\":true", "logprobs", "logprobs");
    is_refused("..", MSG, "model", "a model that would change the path");
    is_refused(".", MSG, "model", "this one too");
    is_refused("", MSG, "model", "no model");
}


static void
test_tools(void)
{
    is_built(CLAUDE, MSG "," F, OUT "," CONFIG "}", "");
    is_built(CLAUDE, MSG "," F ",\"tool_choice\":\"auto\"", OUT "," CONFIG "}",
             "");
    is_built(CLAUDE, MSG "," F ",\"tool_choice\":\"none\"", OUT, "");
    is_built(CLAUDE, MSG "," F ",\"tool_choice\":\"required\"",
             OUT "," CONFIG ",\"toolChoice\":{\"any\":{}}}", "");
    is_built(LLAMA, MSG "," F ",\"tool_choice\":{\"type\":\"function\","
             "\"function\":{\"name\":\"f\"}}",
             OUT "," CONFIG ",\"toolChoice\":{\"tool\":{\"name\":\"f\"}}}",
             "");
    is_built(CLAUDE, MSG "," F ",\"parallel_tool_calls\":false",
             OUT "," CONFIG "}," MORE "\"tool_choice\":{\"type\":\"auto\","
             "\"disable_parallel_tool_use\":true}}", "");
    is_built(CLAUDE, MSG "," F ",\"parallel_tool_calls\":false,"
             "\"tool_choice\":\"required\"",
             OUT "," CONFIG ",\"toolChoice\":{\"any\":{}}}," MORE
             "\"tool_choice\":{\"disable_parallel_tool_use\":true}}", "");
    is_built(OLD, MSG "," F ",\"parallel_tool_calls\":false",
             OUT "," CONFIG "}", "parallel_tool_calls");
    is_built(CLAUDE, MSG ",\"parallel_tool_calls\":false", OUT, "");

    /* calls in the history want their tools */

    is_built(CLAUDE, LOOP, LOOPED "," CONFIG "}," MORE
             "\"tool_choice\":{\"type\":\"none\"}}", "");
    is_built(NOVA, LOOP, LOOPED "," CONFIG "}", "");
    is_built(CLAUDE, LOOP "," F ",\"tool_choice\":\"none\"", LOOPED "," CONFIG
             "}," MORE "\"tool_choice\":{\"type\":\"none\"}}", "");
    is_built(NOVA, LOOP "," F ",\"tool_choice\":\"none\"", LOOPED "," CONFIG
             "}", "tool_choice");

    /* names, ids, schemas */

    is_built(CLAUDE, MSG ",\"tools\":[{\"type\":\"function\",\"function\":{"
             "\"name\":\"a.b c\",\"description\":\"\",\"strict\":true,"
             "\"parameters\":{\"properties\":{}}}}]",
             OUT ",\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":"
             "\"a_b_c_8640d2e2\",\"inputSchema\":{\"json\":{\"type\":"
             "\"object\",\"properties\":{}}},\"strict\":true}}]}", "");
    is_built(OLD, MSG ",\"tools\":[{\"type\":\"function\",\"function\":{"
             "\"name\":\"f\",\"strict\":true}}]", OUT "," CONFIG "}", "");
    is_built(NOVA, "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{"
             "\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a b\",\"type\":"
             "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]"
             "},{\"role\":\"tool\",\"tool_call_id\":\"a b\",\"content\":\"\"}]"
             "," F,
             "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]"
             "},{\"role\":\"assistant\",\"content\":[{\"toolUse\":{"
             "\"toolUseId\":\"call_c8687a08aa5d6ed2044328fa6a697ab8\","
             "\"name\":\"f\",\"input\":{}}}]},{\"role\":\"user\",\"content\":["
             "{\"toolResult\":{\"toolUseId\":"
             "\"call_c8687a08aa5d6ed2044328fa6a697ab8\",\"content\":[{"
             "\"text\":\"(empty)\"}]}}]}]," CONFIG "}", "");

    is_refused(NOVA, MSG ",\"tool_choice\":\"required\"", "tool_choice",
               "a choice of nothing");
}


static void
test_names(void)
{
    char          name[80];
    ai_tool_t     tool;
    ai_request_t  rq;
    char         *text;

    ai_request_init(&rq);
    memset(&tool, 0, sizeof(tool));
    tool.name = ai_lit("a.b c");
    rq.tools = &tool;

    is_int(events((const char *const[]) { START, "contentBlockStart",
                  "{\"contentBlockIndex\":0,\"start\":{\"toolUse\":{"
                  "\"toolUseId\":\"i\",\"name\":\"a_b_c_8640d2e2\"}}}",
                  END("tool_use"), META, NULL }, &rq), AI_OK, "a call");
    text = seen_text(&seen, AI_BLOCK_TOOL_CALL);
    is_cstr(text, "i a.b c ", "has the client's name again");
    free(text);

    memset(name, 'a', sizeof(name));
    mem_reset();
    ai_buf_init(&body, mem_pool());
    ai_bedrock_name(&body, &(ai_esc_t) { 64, (ai_char_t *) name });
    is_mem(body.start, ai_buf_len(&body), name, 64, "64 letters stay");
    ai_buf_reset(&body);
    ai_bedrock_name(&body, &(ai_esc_t) { 65, (ai_char_t *) name });
    is_int(ai_buf_len(&body), 64, "65 do not");
    ok(memcmp(body.start, name, 55) == 0 && body.start[55] == '_',
       "but begin so");
    mem_reset();

    is_int(ai_bedrock_model(&ai_lit(CLAUDE)), AI_BEDROCK_CLAUDE, "Claude");
    is_int(ai_bedrock_model(&ai_lit(PROFILE)), AI_BEDROCK_UNKNOWN, "an ARN");
    is_int(ai_bedrock_model(&ai_lit("arn:aws:bedrock:eu-west-1::"
                                    "foundation-model/amazon.nova-pro-v1:0")),
           AI_BEDROCK_NOVA, "an ARN that says Nova");
    is_int(ai_bedrock_model(&ai_lit("arn:aws:bedrock:eu-west-1::"
                                    "foundation-model/meta.llama")),
           AI_BEDROCK_OTHER, "and another model");
}


#define IMAGE(u) "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" u "\"}}"
#define FILES(n, d)                                                           \
    "{\"type\":\"file\",\"file\":{\"filename\":\"" n "\",\"file_data\":\"" d  \
    "\"}}"
#define PDF      "data:application/pdf;base64,JVBERi0="
#define DOC(n)   "{\"document\":{\"format\":\"pdf\",\"name\":\"" n            \
                 "\",\"source\":{\"bytes\":\"JVBERi0=\"}}}"
#define ONE(x)   "\"messages\":[{\"role\":\"user\",\"content\":[" x "]}]"

static void
test_blocks(void)
{
    is_built(NOVA, USER(IMAGE("data:image/jpg;base64,AAAA")),
             ONE("{\"image\":{\"format\":\"jpeg\",\"source\":{\"bytes\":"
                 "\"AAAA\"}}}"), "");
    is_refused(NOVA, USER(IMAGE("https://example.com/a.png")), "messages",
               "a URL");
    is_refused(NOVA, USER(IMAGE("data:image/tiff;base64,AAAA")), "messages",
               "a format");

    is_built(NOVA, USER(FILES("a.pdf", PDF) "," FILES("a (2)", PDF) ","
                        FILES("../\xc3\xa4\\u00e4  b", PDF)),
             ONE(DOC("a-pdf") "," DOC("a (2) (2)") "," DOC("- b (3)")
                 ",{\"text\":\".\"}"), "");
    is_built(NOVA, USER(FILES("a(1)", PDF) ",{\"type\":\"text\",\"text\":"
                        "\"t\"}"),
             ONE(DOC("a(1) (1)") ",{\"text\":\"t\"}"), "");
    is_built(NOVA, USER(FILES("a.XLSX",
                              "data:application/octet-stream;base64,AAAA")),
             ONE("{\"document\":{\"format\":\"xlsx\",\"name\":\"a-XLSX\","
                 "\"source\":{\"bytes\":\"AAAA\"}}},{\"text\":\".\"}"), "");
    is_refused(NOVA, USER(FILES("a.exe",
                                "data:application/octet-stream;base64,AAAA")),
               "messages", "a kind of file");
    is_built(NOVA, USER("{\"type\":\"input_audio\",\"input_audio\":{\"data\":"
                        "\"AAAA\",\"format\":\"mp3\"}}"),
             ONE("{\"audio\":{\"format\":\"mp3\",\"source\":{\"bytes\":"
                 "\"AAAA\"}}}"), "");

    /* cache points */

    is_built(CLAUDE, "\"messages\":[{\"role\":\"system\",\"content\":[{"
             "\"type\":\"text\",\"text\":\"s\",\"cache_control\":{\"type\":"
             "\"ephemeral\",\"ttl\":\"1h\"}}]},{\"role\":\"user\",\"content\":"
             "[{\"type\":\"text\",\"text\":\"u\",\"cache_control\":{\"type\":"
             "\"ephemeral\"}}]}]",
             ONE("{\"text\":\"u\"},{\"cachePoint\":{\"type\":\"default\"}}")
             ",\"system\":[{\"text\":\"s\"},{\"cachePoint\":{\"type\":"
             "\"default\",\"ttl\":\"1h\"}}]", "");
    is_built(LLAMA, USER("{\"type\":\"text\",\"text\":\"u\","
                         "\"cache_control\":{\"type\":\"ephemeral\"}}"),
             ONE("{\"text\":\"u\"}"), "cache_control");

    /* thinking goes back to Claude, and only there */

#define THOUGHT  "\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{"      \
        "\"role\":\"assistant\",\"content\":\"a\",\"thinking_blocks\":[{"     \
        "\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"},{"     \
        "\"type\":\"redacted_thinking\",\"data\":\"ZGF0YQ==\"}]},{\"role\":"  \
        "\"user\",\"content\":\"b\"}]"
#define Q(x)     "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"   \
        "\"q\"}]},{\"role\":\"assistant\",\"content\":[" x "{\"text\":\"a\"}" \
        "]},{\"role\":\"user\",\"content\":[{\"text\":\"b\"}]}]"

    is_built(CLAUDE, THOUGHT,
             Q("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"t\","
               "\"signature\":\"s\"}}},{\"reasoningContent\":{"
               "\"redactedContent\":\"WkdGMFlRPT0=\"}},"), "");
    is_built(OSS, THOUGHT, Q(""), "");

    /* turns of one role are one, empty texts none, a tail has no blanks */

    is_built(NOVA, "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{"
             "\"role\":\"assistant\",\"content\":\" \"},{\"role\":\"user\","
             "\"content\":\"b\"},{\"role\":\"system\",\"content\":\"s\"},{"
             "\"role\":\"assistant\",\"content\":\"c \\n\"}]",
             "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"a\"},{"
             "\"text\":\"b\"}]},{\"role\":\"assistant\",\"content\":[{"
             "\"text\":\"c\"}]}],\"system\":[{\"text\":\"s\"}]", "");
}


static void
test_path(void)
{
    ai_target_t  t;

    t.provider = &ai_provider_bedrock;
    t.max_output = -1;
    t.model = ai_lit("arn:aws:bedrock:a:1:x/us.a-b_c~d e\xc3\xa4%?#");

    mem_reset();
    ai_buf_init(&body, mem_pool());
    t.provider->path(&t, 0, &body);
    is_str(ai_buf_str(&body), "/model/arn%3Aaws%3Abedrock%3Aa%3A1%3Ax%2Fus.a-"
           "b_c~d%20e%C3%A4%25%3F%23/converse", "a path");

    ai_buf_reset(&body);
    t.model = ai_lit("m");
    t.provider->path(&t, 1, &body);
    is_str(ai_buf_str(&body), "/model/m/converse-stream", "of a stream");
    mem_reset();

    is_int(ai_provider_bedrock.framing, AI_FRAMING_EVENTSTREAM, "framing");
    is_int(ai_provider_openai.framing, AI_FRAMING_SSE, "others have SSE");
}


static void
test_build_memory(void)
{
    int     ever;
    size_t  n, bad;

    static const char  rq[] = LOOP "," F ",\"tool_choice\":\"none\","
        "\"metadata\":{\"a\":\"b\"},\"user\":\"a@b\",\"response_format\":{"
        "\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":"
        "{\"a\":1}}},\"reasoning_effort\":\"high\"";

    for (ever = 0; ever < 2; ever++) {
        for (n = 1, bad = 0; n < 1000; n++) {
            mem_reset();

            if (ever) {
                mem_fail_from(n);
            } else {
                mem_fail_at(n);
            }

            if (build_as(OPUS, -1, rq) == AI_OK) {
                bad += (mem_failed() != 0);
                break;
            }

            bad += (mem_failed() == 0);
            guard_free();
        }

        is_int(bad, 0, "%zu allocations of a request may fail", n - 1);
    }

    mem_reset();
    guard_free();
}


int
main(void)
{
    test_recordings();
    test_streams();
    test_finish();
    test_errors();
    test_bad_streams();
    test_build();
    test_tools();
    test_names();
    test_blocks();
    test_path();
    test_build_memory();

    seen_free(&seen);

    return done();
}
