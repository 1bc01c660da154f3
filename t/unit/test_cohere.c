
/*
 * Answers of Cohere: every recording at every split and with memory that
 * fails, and what no recording shows.  What is expected of a recording was
 * read from it by other means than the decoder's.
 */

#include <provider/ai_cohere_int.h>
#include "tap.h"
#include "mem.h"
#include "upstream.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif

#define RECORDINGS  TEST_DATA "/recordings/cohere"


typedef struct {
    const char        *file;
    const char        *id;
    ai_finish_e        finish;
    const char        *text;        /* all of each */
    const char        *calls;
    const char        *thinking;
    int64_t            prompt;
    int64_t            cached;
    int64_t            completion;
} recording_t;


static const recording_t  recordings[] = {
    { "request_simple_success_with_vcr.response.json",
      "f17a5f6c-1734-4098-bd0d-733ef000ac7b", AI_FINISH_STOP,
      "Hello! How can I assist you today?", "", "",
      496, -1, 11 },
    { "stop_settings-cohere.response.json",
      "02069ccc-65d6-4286-ba8c-097e317431c5", AI_FINISH_STOP_SEQ,
      "The capital of France is a city known as", "", "",
      91, -1, 11 },
    { "tool_choice_matrix-auto-cohere-1.response.json",
      "72974c62-f509-4dc9-b3b0-f2a42a8b611b", AI_FINISH_STOP,
      "The weather in Paris is currently sunny and 22C.", "", "",
      1533, 1440, 36 },
    { "tool_choice_matrix-auto-cohere.response.json",
      "5481bf9b-876e-487f-88fe-6b59a9a5b96c", AI_FINISH_TOOLS,
      "I will use the 'get_weather' tool to find the weather in Paris.",
      "get_weather_9gpb31r7h7mj get_weather {\\\"city\\\":\\\"Paris\\\"}",
      "",
      1441, 144, 54 },
    { "tool_choice_matrix-list_single-cohere.response.json",
      "e6080fed-d1b4-404b-a4e9-496e522cc5f6", AI_FINISH_TOOLS,
      "I will use one or more of the available tools to find the answer",
      "get_weather_k5pr4trwbbfd get_weather {\\\"city\\\":\\\"Paris\\\"}",
      "",
      1452, 144, 33 },
    { "tool_choice_matrix-tools_plus_output-cohere-1.response.json",
      "60f8006b-4528-4586-bc9f-3fc03da47dac", AI_FINISH_TOOLS,
      "I will use one or more of the available tools to find the answer",
      "final_result_5ey6n45w0dgv final_result {\\\"city\\\":\\\"Paris\\\","
      "\\\"summary\\\":\\\"Sunny, 22C\\\"}",
      "",
      1622, 1024, 44 },
    { "vercel-cohere-citations.response.json",
      "68475c80-574b-4c65-98a4-e81cebab5dce", AI_FINISH_STOP,
      "The key benefits mentioned in this document are:\\n1. Automation of "
      "tasks\\n2. Better decision-making\\n3. Cost reduction", "", "",
      1683, 992, 62 },
    { "vercel-cohere-max-tokens.response.json",
      "039584d9-7236-4ecb-9dd7-f1bed57888bc", AI_FINISH_LENGTH,
      "**The History of", "", "",
      506, 448, 5 },
    { "vercel-cohere-reasoning-stream.response.sse",
      "c9117d7f-a7e4-499f-b643-a2a1e139687b", AI_FINISH_STOP,
      "The answer to 2 + 2 is 4.", "",
      "The user is asking for the sum of 2 and 2. Since this is a "
      "straightforward arithmetic problem, I don't need to use any tools. I "
      "can calculate the answer directly.",
      1394, 1360, 54 },
    { "vercel-cohere-reasoning.response.json",
      "53bcb235-5179-4a91-a578-cb372b5430bc", AI_FINISH_STOP,
      "2 + 2 = 4", "",
      "Okay, so I need to figure out what 2 + 2 is. Let me start by recalling "
      "what addition means.",
      1394, 1344, 582 },
    { "vercel-cohere-text-stream.response.sse",
      "321d178c-2c12-44d3-ae42-2f5510f6b1cc", AI_FINISH_STOP,
      "The capital of France is Paris.", "", "",
      507, 448, 10 },
    { "vercel-cohere-tool-call-stream.response.sse",
      "2941521a-b87a-45f6-9b0d-235fd66c3025", AI_FINISH_TOOLS,
      "I will use the weather tool to find the weather in San Francisco and "
      "the cityAttractions tool to find attractions in San Francisco.",
      "weather_e8p4pn45zt0t weather {\\\"location\\\": \\\"San "
      "Francisco\\\"}"
      "cityAttractions_pyxssbwnq9fq cityAttractions {\\\"city\\\": \\\"San "
      "Francisco\\\"}",
      "",
      1549, 1504, 95 },
    { "vercel-cohere-tool-call.response.json",
      "f201af17-e24a-4396-8f6a-98e8bf9c3432", AI_FINISH_TOOLS,
      "I will use the weather tool to find out the weather in San Francisco. "
      "I will also use the cityAttractions tool to find out what attractions "
      "are in San Francisco.",
      "weather_dqgshstja6p9 weather {\\\"location\\\":\\\"San "
      "Francisco\\\"}"
      "cityAttractions_dcxfx4myvx68 cityAttractions {\\\"city\\\":\\\"San "
      "Francisco\\\"}",
      "",
      1549, 992, 103 },
    { NULL, NULL, 0, NULL, NULL, NULL, 0, 0, 0 }
};


static seen_t              seen;
static char                id[256];
static char                stopped[256];
static char                message[1024];
static const ai_request_t  *request;


static ai_int_t
sink(void *data, const ai_event_t *ev)
{
    if (ev->type == AI_EVENT_START) {
        snprintf(id, sizeof(id), "%.*s", (int) ev->id.len,
                 (char *) ev->id.data);
    }

    if (ev->type == AI_EVENT_FINISH) {
        snprintf(stopped, sizeof(stopped), "%.*s", (int) ev->stop_seq.len,
                 (char *) ev->stop_seq.data);
    }

    if (ev->type == AI_EVENT_ERROR) {
        snprintf(message, sizeof(message), "%.*s",
                 (int) ev->error->message.len,
                 (char *) ev->error->message.data);
    }

    return seen_event(data, ev);
}


static ai_decoder_t *
decoder(void)
{
    size_t         fail_at;
    ai_sink_t      to;
    ai_decoder_t  *d;

    fail_at = seen.fail_at;
    seen_free(&seen);
    seen.fail_at = fail_at;

    id[0] = '\0';
    stopped[0] = '\0';
    message[0] = '\0';

    to.event = sink;
    to.data = &seen;

    d = ai_decoder_create(&ai_provider_cohere, mem_pool(), &to);

    if (d) {
        d->rq = request;
    }

    return d;
}


static ai_int_t
feed(ai_decoder_t *d, ai_sse_t *s, ai_str_t in)
{
    ai_int_t        rc;
    ai_sse_event_t  ev;

    for ( ;; ) {
        rc = ai_sse_next(s, &in, &ev);

        if (rc != AI_OK) {
            return rc == AI_AGAIN ? AI_OK : AI_ERROR;
        }

        if (d->provider->stream(d, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }
}


/* in two pieces */

static ai_int_t
stream(const char *data, size_t len, size_t cut)
{
    ai_int_t       rc;
    ai_sse_t       s;
    ai_decoder_t  *d;

    ai_sse_init(&s, mem_pool(), 0);
    d = decoder();

    if (d == NULL) {
        return AI_ERROR;
    }

    rc = feed(d, &s, (ai_str_t) { cut, (ai_char_t *) data });

    if (rc == AI_OK) {
        rc = feed(d, &s, (ai_str_t) { len - cut, (ai_char_t *) data + cut });
    }

    return rc == AI_OK ? d->provider->stream_end(d) : rc;
}


static ai_int_t
answer(const char *data, size_t len)
{
    ai_int_t       rc;
    ai_str_t       in;
    ai_decoder_t  *d;

    d = decoder();

    if (d == NULL) {
        return AI_ERROR;
    }

    in = guard_str(data, len);
    rc = d->provider->answer(d, &in);
    guard_free();

    return rc;
}


static ai_int_t
play(const char *name, const char *data, size_t len, size_t cut)
{
    return name_ends(name, ".sse") ? stream(data, len, cut)
                                   : answer(data, len);
}


static void
is_text(ai_block_e kind, const char *want, const char *name, const char *what)
{
    char  *text;

    text = seen_text(&seen, kind);
    is_cstr(text, want, "%s: %s", name, what);
    free(text);
}


/* every event may be refused, every allocation may fail */

static void
test_failing(const char *name, const char *data, size_t len, size_t events)
{
    size_t    i, bad;
    ai_int_t  rc;

    for (i = 1, bad = 0; i <= events; i++) {
        seen.fail_at = i;
        bad += (play(name, data, len, 0) != AI_ERROR);
        bad += (seen.events != i);
        mem_reset();
    }

    seen.fail_at = 0;
    is_int(bad, 0, "%s: the sink may refuse any event", name);

    for (i = 1, bad = 0; ; i++) {
        mem_reset();
        mem_fail_at(i);
        rc = play(name, data, len, 100);

        if (mem_failed() == 0) {
            break;
        }

        bad += (rc != AI_ERROR);
        mem_reset();
        mem_fail_from(i);
        bad += (play(name, data, len, 100) != AI_ERROR);
    }

    is_int(bad, 0, "%s: %zu allocations may fail", name, i - 1);
    mem_reset();
}


static void
test_recording(const recording_t *r)
{
    char    *data, *want, *got;
    size_t   len, i, bad, events;

    data = file_read(RECORDINGS, r->file, &len);

    if (!ok(data != NULL, "%s is there", r->file)) {
        return;
    }

    is_int(play(r->file, data, len, len), AI_OK, "%s", r->file);
    ok(seen.bad == NULL, "%s: %s", r->file, seen.bad);
    ok(seen.starts == 1 && seen.finishes == 1 && seen.usages == 1
       && seen.errors == 0, "%s: whole", r->file);

    is_cstr(id, r->id, "%s: id", r->file);
    is_int(seen.finish, r->finish, "%s: finish", r->file);
    is_text(AI_BLOCK_TEXT, r->text, r->file, "text");
    is_text(AI_BLOCK_TOOL_CALL, r->calls, r->file, "calls");
    is_text(AI_BLOCK_THINKING, r->thinking, r->file, "thinking");

    is_int(seen.usage.prompt, r->prompt, "%s: prompt", r->file);
    is_int(seen.usage.cached, r->cached, "%s: cached", r->file);
    is_int(seen.usage.completion, r->completion, "%s: completion", r->file);

    want = seen_dump(&seen);
    events = seen.events;

    for (i = 0, bad = 0; name_ends(r->file, ".sse") && i < len; i++) {
        mem_reset();
        bad += (play(r->file, data, len, i) != AI_OK);
        got = seen_dump(&seen);
        bad += (strcmp(want, got) != 0);
        free(got);
    }

    is_int(bad, 0, "%s: the same at every split", r->file);

    for (i = 0, bad = 0; i + 2 < len; i++) {
        mem_reset();
        bad += ((name_ends(r->file, ".sse") ? stream(data, i, i)
                                            : answer(data, i))
                == AI_OK);
    }

    is_int(bad, 0, "%s: cut anywhere it is no answer", r->file);

    mem_reset();
    test_failing(r->file, data, len, events);

    free(want);
    free(data);
}


static void
test_recordings(void)
{
    char               **names;
    size_t               n, files;
    const recording_t   *r;

    for (r = recordings; r->file; r++) {
        test_recording(r);
    }

    names = dir_names(RECORDINGS, ".sse", &files);
    names_free(names, files);
    names = dir_names(RECORDINGS, ".json", &n);
    names_free(names, n);

    is_int(files + n, r - recordings, "there is no other recording");
}


/* a stream of lines, an event each; with the names of events or without */

static char    text[16384];
static size_t  text_len;


static ai_int_t
events(const char *const *data, int named)
{
    size_t       n, len;
    const char  *type;

    for (n = 0; *data; data++) {
        type = strstr(*data, "\"type\":\"");
        len = type ? strcspn(type + 8, "\"") : 0;

        if (named && type) {
            n += (size_t) snprintf(text + n, sizeof(text) - n,
                                   "event: %.*s\n", (int) len, type + 8);
        }

        n += (size_t) snprintf(text + n, sizeof(text) - n, "data: %s\n\n",
                               *data);
    }

    mem_reset();
    text_len = n;

    return stream(text, n, n / 2);
}


#define EVENTS(...)  events((const char *const[]) { __VA_ARGS__, NULL }, 1)
#define NAMELESS(...)                                                         \
    events((const char *const[]) { __VA_ARGS__, NULL }, 0)

#define START  "{\"id\":\"i1\",\"type\":\"message-start\",\"delta\":{"        \
               "\"message\":{\"role\":\"assistant\",\"content\":[]}}}"
#define IN(t, n, d)                                                           \
    "{\"type\":\"" t "\",\"index\":" #n ",\"delta\":{\"message\":{" d "}}}"
#define TEXT(n, x)   IN("content-delta", n, "\"content\":{\"text\":\"" x "\"}")
#define THINK(n, x)                                                           \
    IN("content-delta", n, "\"content\":{\"thinking\":\"" x "\"}")
#define BEGIN(n, k)                                                           \
    IN("content-start", n, "\"content\":{\"type\":\"" k "\",\"" k "\":\"\"}")
#define STOP(n)      "{\"type\":\"content-end\",\"index\":" #n "}"
#define PLAN(x)                                                               \
    "{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":"    \
    "\"" x "\"}}}"
#define CALL(n, i, f)                                                         \
    IN("tool-call-start", n, "\"tool_calls\":{\"id\":\"" i "\",\"type\":"     \
       "\"function\",\"function\":{\"name\":\"" f "\",\"arguments\":\"\"}}")
#define ARGS(n, x)                                                            \
    IN("tool-call-delta", n, "\"tool_calls\":{\"function\":{\"arguments\":"   \
       "\"" x "\"}}")
#define DONE(n)      "{\"type\":\"tool-call-end\",\"index\":" #n "}"
#define CITE(x)      IN("citation-start", 0, "\"citations\":" x)
#define USAGE        "\"usage\":{\"billed_units\":{\"input_tokens\":1,"       \
                     "\"output_tokens\":2},\"tokens\":{\"input_tokens\":3,"   \
                     "\"output_tokens\":4}}"
#define END(r)       "{\"type\":\"message-end\",\"delta\":{"                  \
                     "\"finish_reason\":\"" r "\"," USAGE "}}"


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
    is_int(EVENTS(START, TEXT(0, "a"), END("COMPLETE")), AI_OK, "an answer");
    is_int(seen.usage.total, 7, "its usage");
    is_cstr(id, "i1", "its id");

    is_int(NAMELESS(START, TEXT(0, "a"), END("COMPLETE")), AI_OK,
           "without names of events");
    is_dump("0/0 kind 1 open 0: a\n", "the same");

    is_int(EVENTS(TEXT(0, "a"), END("COMPLETE")), AI_OK, "without a start");
    is_int(EVENTS(START, END("COMPLETE")), AI_OK, "nothing said");
    is_int(EVENTS(START, TEXT(0, "a")), AI_ERROR, "no end");
    is_int(EVENTS(START, TEXT(0, "a"), STOP(0)), AI_ERROR, "nor here");
    is_int(EVENTS(START, TEXT(0, "a"), "[DONE]"), AI_ERROR,
           "another's end is none");
    is_int(EVENTS(START, END("COMPLETE"), TEXT(0, "a"), "no JSON"), AI_OK,
           "what comes after the end is not read");
    is_int(EVENTS("", START, "{\"type\":\"new-thing\",\"x\":1}", TEXT(0, "a"),
                  END("COMPLETE")),
           AI_OK, "types that are not known");
    is_int(NAMELESS(START, "{\"type\":\"new-thing\",\"x\":1}",
                    END("COMPLETE")),
           AI_OK, "nor named");

    is_int(EVENTS(START, BEGIN(0, "thinking"), THINK(0, "t"), STOP(0),
                  BEGIN(1, "text"), TEXT(1, "a"), TEXT(1, ""), TEXT(1, "b"),
                  STOP(1), PLAN("p"), PLAN("q"), CALL(4, "c1", "f"),
                  ARGS(4, "{"), ARGS(4, "}"), DONE(4), CALL(5, "c2", "g"),
                  DONE(5), END("TOOL_CALL")),
           AI_OK, "all kinds of blocks");
    is_dump("0/0 kind 7 open 0: t\n0/1 kind 1 open 0: ab\n"
            "0/2 kind 1 open 0: pq\n0/3 kind 5 open 0: c1 f {}\n"
            "0/4 kind 5 open 0: c2 g \n", "in order, numbered anew");
    is_int(seen.finish, AI_FINISH_TOOLS, "ends in calls");

    is_int(EVENTS(START, IN("content-start", 0, "\"content\":{\"type\":"
                            "\"text\",\"text\":\"x\"}"), TEXT(0, "y"),
                  IN("content-delta", 0, "\"content\":[{\"text\":\"z\"}]"),
                  IN("tool-call-start", 1, "\"tool_calls\":[{\"id\":\"c\","
                     "\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]"),
                  ARGS(1, "}"), END("COMPLETE")),
           AI_OK, "text in the start, arrays, arguments in the start");
    is_dump("0/0 kind 1 open 0: xyz\n0/1 kind 5 open 0: c f {}\n", "whole");
    is_int(seen.finish, AI_FINISH_TOOLS, "a call is one at any end");

    is_int(EVENTS(START, TEXT(0, "a\\u00e9\\n\\ud83d\\ude00"),
                  END("COMPLETE")),
           AI_OK, "escapes");
    is_dump("0/0 kind 1 open 0: a\\u00e9\\n\\ud83d\\ude00\n",
            "stay as they are");
}


#define URL(u)  "{\"type\":\"document\",\"document\":{\"id\":\"d\",\"url\":"  \
                "\"" u "\",\"title\":\"T\"}}"
#define NOTE(u, s, e)                                                         \
    "<note>{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"" u "\","   \
    "\"title\":\"T\",\"start_index\":" #s ",\"end_index\":" #e "}}"


static void
test_citations(void)
{
    is_int(EVENTS(START, TEXT(0, "a\\u00e9\\ud83d\\ude00b"), STOP(0),
                  TEXT(1, "cd"),
                  CITE("{\"start\":1,\"end\":2,\"text\":\"d\",\"type\":"
                       "\"TEXT_CONTENT\",\"sources\":["
                       URL("https://x/") "," URL("ftp://x/") ","
                       "{\"type\":\"tool\",\"tool_output\":{\"url\":"
                       "\"http://y\",\"title\":\"T\"}},{\"type\":\"tool\","
                       "\"tool_output\":{\"content\":\"c\"}},1]}"),
                  "{\"type\":\"citation-end\",\"index\":0}", STOP(1),
                  CITE("{\"start\":0,\"end\":1,\"sources\":["
                       URL("https://z/") "]}"),
                  END("COMPLETE")),
           AI_OK, "citations");
    is_dump("0/0 kind 1 open 0: a\\u00e9\\ud83d\\ude00b\n"
            "0/1 kind 1 open 0: cd" NOTE("https://x/", 5, 6)
            NOTE("http://y", 5, 6) NOTE("https://z/", 4, 5) "\n",
            "those with a URL, where they are in the whole text");

    is_int(EVENTS(START, CITE("{\"start\":0,\"end\":1,\"sources\":["
                              URL("https://x/") "]}"), PLAN("p"),
                  CITE("{\"start\":0,\"end\":1,\"sources\":["
                       URL("https://x/") "]}"),
                  TEXT(0, "a"),
                  CITE("{\"start\":2,\"end\":1,\"sources\":["
                       URL("https://x/") "]}"),
                  CITE("{\"start\":-1,\"end\":1,\"sources\":["
                       URL("https://x/") "]}"),
                  CITE("{\"start\":0,\"end\":9e18,\"sources\":["
                       URL("https://x/") "]}"),
                  CITE("{\"start\":0,\"end\":1,\"type\":\"PLAN\",\"sources\":["
                       URL("https://x/") "]}"),
                  CITE("{\"start\":0,\"end\":1,\"sources\":{}}"), CITE("[]"),
                  CITE("1"), END("COMPLETE")),
           AI_OK, "citations of something else, or of nowhere");
    is_dump("0/0 kind 1 open 0: p\n0/1 kind 1 open 0: a\n", "are left out");

#define BODY  "{\"id\":\"i\",\"finish_reason\":\"COMPLETE\",\"message\":{"    \
        "\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\"},{"           \
        "\"type\":\"text\",\"text\":\"ab\"},{\"type\":\"text\",\"text\":"     \
        "\"cd\"},{\"type\":\"new\"}],\"citations\":[{\"start\":0,\"end\":1,"  \
        "\"content_index\":2,\"sources\":[" URL("https://x/") "]},{"          \
        "\"start\":1,\"end\":2,\"sources\":[" URL("https://y/") "]}]},"       \
        USAGE "}"

    is_int(answer(BODY, sizeof(BODY) - 1), AI_OK, "an answer");
    is_dump("0/0 kind 7 open 0: t\n"
            "0/1 kind 1 open 0: ab" NOTE("https://y/", 1, 2) "\n"
            "0/2 kind 1 open 0: cd" NOTE("https://x/", 2, 3) "\n",
            "citations by block");
    mem_reset();
}


static void
test_logprobs(void)
{
#define PROB(t, l)                                                            \
    "{\"token\":\"" t "\",\"logprob\":" l ",\"bytes\":null,"                  \
    "\"top_logprobs\":[]}"
#define PROBS(x)  "<logprobs>{\"content\":[" x "],\"refusal\":null}"

    is_int(EVENTS(START,
                  "{\"type\":\"content-delta\",\"index\":0,\"delta\":{"
                  "\"message\":{\"content\":{\"text\":\"ab\"}}},\"logprobs\":{"
                  "\"text\":\"ab\",\"token_ids\":[1,2],\"logprobs\":[-0.10,"
                  "-2e-5]}}", END("COMPLETE")),
           AI_OK, "logprobs");
    is_dump("0/0 kind 1 open 0: ab" PROBS(PROB("ab", "-0.10") ","
                                          PROB("", "-2e-5")) "\n",
            "as OpenAI has them");

    is_int(EVENTS(START,
                  "{\"type\":\"content-delta\",\"index\":0,\"delta\":{"
                  "\"message\":{\"content\":{\"text\":\"ab\"}}},\"logprobs\":{"
                  "\"text\":\"ab\",\"token_ids\":[1,2],\"logprobs\":[\"x\"]}}",
                  END("COMPLETE")),
           AI_OK, "logprobs that are none");
    is_dump("0/0 kind 1 open 0: ab\n", "are left out");

#define LOGGED  "{\"message\":{\"content\":[{\"type\":\"text\",\"text\":"     \
        "\"ab\"}]},\"logprobs\":[{\"text\":\"a\",\"token_ids\":[1],"          \
        "\"logprobs\":[-1]},{\"text\":\"b\",\"token_ids\":[2],\"logprobs\":"  \
        "[-2]}]}"

    is_int(answer(LOGGED, sizeof(LOGGED) - 1), AI_OK, "of an answer");
    is_dump("0/0 kind 1 open 0: ab" PROBS(PROB("a", "-1") "," PROB("b", "-2"))
            "\n", "alike");
    is_int(seen.finish, AI_FINISH_STOP, "an end without a reason is a stop");
    is_int(seen.usages, 0, "and may have no usage");
    mem_reset();
}


static void
test_finish(void)
{
    size_t        i;
    char          end[128];
    ai_esc_t      stop;
    ai_request_t  rq;

    static const struct {
        const char   *reason;
        ai_finish_e   finish;
    } cases[] = {
        { "COMPLETE", AI_FINISH_STOP },
        { "STOP_SEQUENCE", AI_FINISH_STOP_SEQ },
        { "MAX_TOKENS", AI_FINISH_LENGTH },
        { "TOOL_CALL", AI_FINISH_STOP },
        { "ERROR_TOXIC", AI_FINISH_FILTER },
        { "ERROR_LIMIT", AI_FINISH_CONTEXT },
        { "NOT_KNOWN_YET", AI_FINISH_STOP }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(end, sizeof(end), "{\"type\":\"message-end\",\"delta\":{"
                 "\"finish_reason\":\"%s\"}}", cases[i].reason);
        is_int(EVENTS(START, TEXT(0, "a"), end), AI_OK, "%s",
               cases[i].reason);
        is_int(seen.finish, cases[i].finish, "is its finish");
    }

    is_int(EVENTS(START, CALL(0, "c", "f"), ARGS(0, "{\\\"a"),
                  END("MAX_TOKENS")), AI_OK, "a call that is cut off");
    is_int(seen.finish, AI_FINISH_LENGTH, "says so");

    ai_request_init(&rq);
    stop = ai_lit("\\n\\n");
    rq.stop = &stop;
    rq.nstop = 1;
    request = &rq;

    is_int(EVENTS(START, TEXT(0, "a"), END("STOP_SEQUENCE")), AI_OK, "a stop");
    is_cstr(stopped, "\\n\\n", "at the only sequence there was");
    is_int(EVENTS(START, TEXT(0, "a"), END("COMPLETE")), AI_OK, "an end");
    is_cstr(stopped, "", "at none");
    request = NULL;
}


static void
test_errors(void)
{
    size_t  i;

#define FAILED(r, x)                                                          \
    "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"" r "\"" x ","  \
    USAGE "}}"

    static const struct {
        const char   *data;
        ai_error_e    kind;
        const char   *message;
        int           usages;
    } cases[] = {
        { FAILED("ERROR", ",\"error\":\"it broke\""), AI_ERR_UPSTREAM,
          "it broke", 1 },
        { FAILED("ERROR", ""), AI_ERR_UPSTREAM, "", 1 },
        { FAILED("TIMEOUT", ""), AI_ERR_UPSTREAM_TIMEOUT, "", 1 },
        { FAILED("COMPLETE", ",\"error\":\"it broke\""), AI_ERR_UPSTREAM,
          "it broke", 1 },
        { "{\"message\":\"it broke\",\"id\":\"x\"}", AI_ERR_UPSTREAM,
          "it broke", 0 },
        { "{\"type\":\"error\",\"message\":\"it broke\"}",
          AI_ERR_UPSTREAM, "it broke", 0 },
        { "{\"error\":\"it broke\"}", AI_ERR_UPSTREAM, "it broke", 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(EVENTS(START, cases[i].data, TEXT(0, "b")), AI_OK,
               "%s is told", cases[i].data);
        is_int(seen.errors, 1, "once");
        is_int(seen.error, cases[i].kind, "as what it is");
        is_int(seen.finishes, 0, "and as no finish");
        is_int(seen.usages, cases[i].usages, "with what it cost");
        is_cstr(message, cases[i].message, "in the provider's words");
        ok(seen.bad == NULL, "and nothing after it");

        is_int(EVENTS(START, TEXT(0, "a"), cases[i].data), AI_OK,
               "%s after text", cases[i].data);
        ok(seen.errors == 1 && seen.finishes == 0, "is no stop either");
    }

#define BROKEN  "{\"id\":\"i\",\"finish_reason\":\"ERROR\",\"message\":{"     \
        "\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}," USAGE "}"
#define INSIDE  "{\"message\":\"too many tokens: the prompt is too long\"}"

    is_int(answer(BROKEN, sizeof(BROKEN) - 1), AI_OK, "a failed answer");
    ok(seen.errors == 1 && seen.n == 0 && seen.usage.prompt == 3,
       "is an error, not a part of one");
    is_int(answer(INSIDE, sizeof(INSIDE) - 1), AI_OK, "an error in a 200");
    is_int(seen.errors, 1, "is one");
    mem_reset();
}


static void
test_bad(void)
{
    size_t  i;

    static const char  *const bad[] = {
        "{\"type\":\"content-delta\"",
        "[]", "null", "1", "\"x\"", "{}", "x", "{\"type\":1}",
        "{\"type\":\"content-delta\"}",
        "{\"type\":\"content-delta\",\"delta\":{\"message\":{}}}",
        IN("content-delta", 0, "\"content\":\"a\""),
        IN("content-delta", 0, "\"content\":[]"),
        IN("content-delta", 0, "\"content\":{\"text\":1}"),
        IN("content-delta", 0, "\"content\":{\"thinking\":{}}"),
        "{\"type\":\"tool-plan-delta\",\"delta\":{}}",
        "{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":"
        "1}}}",
        IN("tool-call-start", 0, "\"tool_calls\":{}"),
        IN("tool-call-start", 0, "\"tool_calls\":[]"),
        CALL(0, "", "f"), CALL(0, "c", ""),
        ARGS(0, "{}"),
        "{\"type\":\"message-end\"}",
        "{\"type\":\"message-end\",\"delta\":[]}",
        "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":1}}"
    };

    static const char  *const answers[] = {
        "", "{}", "[]", "null", "<html>", "{\"message\":1}",
        "{\"message\":{\"content\":1}}",
        "{\"message\":{\"content\":[{\"text\":1}]}}",
        "{\"message\":{\"content\":[{\"thinking\":[]}]}}",
        "{\"message\":{\"tool_plan\":1}}",
        "{\"message\":{\"tool_calls\":{}}}",
        "{\"message\":{\"tool_calls\":[{}]}}",
        "{\"message\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{"
        "\"name\":\"f\",\"arguments\":1}}]}}",
        "{\"message\":{\"content\":[]},\"finish_reason\":[]}"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(EVENTS(START, bad[i], END("COMPLETE")), AI_ERROR, "%s",
               bad[i]);
        is_int(NAMELESS(START, bad[i], END("COMPLETE")), AI_ERROR,
               "without a name: %s", bad[i]);
    }

    is_int(EVENTS(START, CALL(0, "c", "f"), ARGS(1, "{}"), END("TOOL_CALL")),
           AI_ERROR, "arguments of another call");
    is_int(EVENTS(START, CALL(0, "c", "f"), DONE(0), ARGS(0, "{}"),
                  END("TOOL_CALL")),
           AI_ERROR, "arguments after the end of a call");
    is_int(EVENTS(START, TEXT(0, "a"), ARGS(0, "{}"), END("TOOL_CALL")),
           AI_ERROR, "arguments of a text");

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        is_int(answer(answers[i], strlen(answers[i])), AI_ERROR, "%s",
               answers[i]);
    }

#define ODD(u)  "{\"message\":{\"content\":\"a\",\"tool_calls\":null,"        \
                "\"tool_plan\":null},\"usage\":" u "}"
#define NONSENSE  ODD("{\"tokens\":{\"input_tokens\":-5,\"output_tokens\":"   \
                      "9223372036854775807},\"billed_units\":{"              \
                      "\"input_tokens\":7.0},\"cached_tokens\":2}")
#define NUMBER    ODD("1")

    is_int(answer(NONSENSE, sizeof(NONSENSE) - 1), AI_OK,
           "content that is a string, usage that is nonsense");
    ok(seen.usage.prompt == 7 && seen.usage.completion == -1
       && seen.usage.cached == 2, "counts where it makes sense");
    is_dump("0/0 kind 1 open 0: a\n", "text");
    is_int(answer(NUMBER, sizeof(NUMBER) - 1), AI_OK, "usage that is none");
    is_int(seen.usages, 0, "is not told");

#define OBJECT  "{\"message\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{"  \
                "\"name\":\"f\",\"arguments\":{\"a\":\"b\"}}}]}}"

    is_int(answer(OBJECT, sizeof(OBJECT) - 1), AI_OK, "arguments not spelled");
    is_dump("0/0 kind 5 open 0: c f {\\\"a\\\":\\\"b\\\"}\n", "are");
    mem_reset();
}


/* everything at once, refused and without memory at every place */

static void
test_all(void)
{
#define ALL  "{\"id\":\"i\",\"finish_reason\":\"TOOL_CALL\",\"message\":{"    \
        "\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\"},{"           \
        "\"type\":\"text\",\"text\":\"ab\"}],\"tool_plan\":\"p\","            \
        "\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","         \
        "\"arguments\":{\"a\":1}}},{\"id\":\"d\",\"function\":{\"name\":"     \
        "\"g_00000000\",\"arguments\":\"{}\"}}],\"citations\":[{\"start\":0," \
        "\"end\":1,\"sources\":[" URL("https://x/") "]}]},\"logprobs\":[{"    \
        "\"text\":\"ab\",\"logprobs\":[-1]}]," USAGE "}"
#define CITED  "{\"start\":0,\"end\":1,\"sources\":[" URL("https://x/") "]}"

    ai_tool_t     tool;
    ai_request_t  rq;

    ai_request_init(&rq);
    memset(&tool, 0, sizeof(tool));
    tool.name = ai_lit("g");
    rq.tools = &tool;
    request = &rq;

    is_int(answer(ALL, sizeof(ALL) - 1), AI_OK, "an answer of everything");
    is_dump("0/0 kind 7 open 0: t\n0/1 kind 1 open 0: ab" PROBS(PROB("ab",
            "-1")) NOTE("https://x/", 0, 1) "\n0/2 kind 1 open 0: p\n"
            "0/3 kind 5 open 0: c f {\\\"a\\\":1}\n"
            "0/4 kind 5 open 0: d g_00000000 {}\n", "all of it");
    mem_reset();
    test_failing("made.json", ALL, sizeof(ALL) - 1, seen.events);

    is_int(EVENTS(START, THINK(0, "t"), STOP(0), TEXT(1, "a"), TEXT(1, "b"),
                  "{\"type\":\"content-delta\",\"index\":1,\"delta\":{"
                  "\"message\":{\"content\":{\"text\":\"c\"}}},"
                  "\"logprobs\":{\"text\":\"c\",\"logprobs\":[-1]}}",
                  CITE("[" CITED "," CITED "]"), PLAN("p"), PLAN("q"),
                  CALL(2, "c", "f"), ARGS(2, "{"), ARGS(2, "}"), DONE(2),
                  IN("tool-call-start", 3,
                     "\"tool_calls\":{\"id\":\"d\",\"function\":{"
                     "\"name\":\"g_00000000\","
                     "\"arguments\":{\"a\":1}}}"), DONE(3),
                  END("TOOL_CALL")),
           AI_OK, "a stream of everything");
    is_dump("0/0 kind 7 open 0: t\n0/1 kind 1 open 0: abc" PROBS(PROB("c",
            "-1")) NOTE("https://x/", 0, 1) NOTE("https://x/", 0, 1)
            "\n0/2 kind 1 open 0: pq\n0/3 kind 5 open 0: c f {}\n"
            "0/4 kind 5 open 0: d g_00000000 {\\\"a\\\":1}\n", "all of it");
    mem_reset();
    test_failing("made.sse", text, text_len, seen.events);

    request = NULL;
}


static void
test_names(void)
{
    ai_tool_t     tool;
    ai_request_t  rq;

    ai_request_init(&rq);
    memset(&tool, 0, sizeof(tool));
    tool.name = ai_lit("a.b c");
    rq.tools = &tool;
    request = &rq;

    is_int(EVENTS(START, CALL(0, "c", "a_b_c_8640d2e2"), END("TOOL_CALL")),
           AI_OK, "a name that was changed");
    is_dump("0/0 kind 5 open 0: c a.b c \n", "is the client's again");
    request = NULL;
}


int
main(void)
{
    test_recordings();
    test_streams();
    test_citations();
    test_logprobs();
    test_finish();
    test_errors();
    test_bad();
    test_all();
    test_names();

    mem_reset();
    guard_free();
    seen_free(&seen);

    return done();
}
