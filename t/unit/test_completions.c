
/*
 * OpenAI's legacy completions: requests, answers in that form, the decoder
 * that watches answers, and which vendors have the API.
 */

#include "tap.h"
#include "mem.h"
#include "upstream.h"
#include "openai_dump.h"

#include <api/ai_dialect.h>
#include <provider/ai_provider_rows_int.h>


#define RECORDINGS  "t/data/recordings/completions"

#define ID      "cmpl-0123456789abcdefghijklmnopqrs"
#define H(n)    "data: {\"id\":\"" ID "\",\"object\":\"text_completion\","    \
                "\"created\":7,\"model\":\"m\",\"choices\":[{\"index\":" #n   \
                ",\"text\":\""
#define T(n, s) H(n) s "\",\"logprobs\":null,\"finish_reason\":null}]}\n\n"
#define F(n, s) H(n) "\",\"logprobs\":null,\"finish_reason\":\"" s            \
                "\"}]}\n\n"
#define DONE    "data: [DONE]\n\n"
#define A(s)    "{\"id\":\"" ID "\",\"object\":\"text_completion\","          \
                "\"created\":7,\"model\":\"m\",\"choices\":[" s "],\"usage\":"
#define C(n, t, f)  "{\"index\":" #n ",\"text\":\"" t "\",\"logprobs\":null," \
                "\"finish_reason\":\"" f "\"}"
#define USAGE(p, c, t) "{\"prompt_tokens\":" #p ",\"completion_tokens\":" #c  \
                ",\"total_tokens\":" #t ",\"prompt_tokens_details\":"         \
                "{\"cached_tokens\":0},\"completion_tokens_details\":"        \
                "{\"reasoning_tokens\":0}}"


static const ai_dialect_t *const  dialect = &ai_dialect_completions;


static ai_json_t     doc;
static ai_peek_t     peek;
static ai_error_t    err;
static ai_request_t  rq;
static ai_dropped_t  dropped;
static seen_t        seen;


static ai_int_t
look(const char *text)
{
    ai_str_t  s = { strlen(text), (ai_char_t *) text };

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));

    ai_json_init(&doc, mem_pool());

    if (ai_json_parse(&doc, &s, NULL) != AI_OK) {
        return AI_DECLINED;
    }

    return dialect->peek(&doc, mem_pool(), &peek, &err);
}


static ai_int_t
decode(const char *text)
{
    ai_int_t  rc;

    rc = look(text);

    return rc == AI_OK ? dialect->decode(&doc, &peek, mem_pool(), &rq,
                                         &dropped, &err)
                       : rc;
}


static void
test_peek(void)
{
    is_int(look("{\"model\":\"a\\u0062\",\"prompt\":\"x\"}"), AI_OK, "little");
    is_str(peek.model, "ab", "its model");
    ok(peek.model_ref != AI_JSON_NONE && peek.stream_ref == AI_JSON_NONE
       && peek.max_tokens_ref == AI_JSON_NONE
       && peek.include_usage_ref == AI_JSON_NONE
       && peek.stream_options_ref == AI_JSON_NONE, "its fields");
    ok(peek.n == -1 && peek.max_output == -1 && peek.messages == 1
       && !peek.stream && !peek.logprobs && !peek.include_usage,
       "its numbers");

    is_int(look("{\"prompt\":[\"x\",\"y\",\"z\"],\"n\":2,\"best_of\":3,"
                "\"max_tokens\":0,\"logprobs\":0,\"model\":\"m\",\"echo\":true"
                ",\"stream\":true,\"user\":\"\\u00fc\",\"temperature\":0.50,"
                "\"stream_options\":{\"include_usage\":true}}"), AI_OK,
           "much");
    ok(peek.n == 9 && peek.max_output == 0 && peek.messages == 3
       && peek.stream && peek.include_usage && peek.logprobs, "its numbers");
    is_str(peek.user, "\xc3\xbc", "its user");
    is_str(peek.temperature, "0.50", "its temperature");
    ok(ai_json_type(&doc, peek.messages_ref) == AI_JSON_ARRAY
       && ai_json_bool(&doc, peek.include_usage_ref) == 1
       && ai_json_type(&doc, peek.stream_options_ref) == AI_JSON_OBJECT,
       "its fields");

    is_int(look("{\"model\":\"m\",\"prompt\":[1,2,3]}"), AI_OK, "tokens");
    ok(peek.messages == 1 && peek.n == -1, "are one prompt");

    is_int(look("{\"model\":\"m\",\"prompt\":[[1,2],[3]]}"), AI_OK,
           "lists of tokens");
    ok(peek.messages == 2 && peek.n == 2, "are two");
}


static void
test_last_text(void)
{
    size_t    i;
    ai_str_t  text;

    static const struct {
        const char  *prompt;
        size_t       max;
        const char  *want;
    } cases[] = {
        { "\"a\\u00e9\"", 100, "a\xc3\xa9" },
        { "\"a\\u00e9\"", 2, "a" },
        { "\"\"", 100, "" },
        { "[\"a\"]", 100, "a" },
        { "[\"a\",\"b\",1,\"c\"]", 100, "a\nb\nc" },
        { "[\"a\",\"b\",\"c\"]", 3, "a\nb" },
        { "[1,2]", 100, NULL },
        { "[[1],\"x\"]", 100, NULL }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char  body[100];

        snprintf(body, sizeof(body), "{\"model\":\"m\",\"prompt\":%s}",
                 cases[i].prompt);

        is_int(look(body), AI_OK, "%s", body);

        is_int(dialect->last_text(&doc, &peek, mem_pool(), cases[i].max,
                                  &text),
               cases[i].want ? AI_OK : AI_DECLINED, "a text");

        if (cases[i].want) {
            is_str(text, cases[i].want, "which is right");
        }
    }
}


static void
test_decode(void)
{
    is_int(decode("{\"model\":\"m\",\"prompt\":\"a\\u00e9\\n\"}"), AI_OK,
           "a prompt");
    ok(rq.turns && rq.turns->next == NULL && rq.turns->role == AI_ROLE_USER
       && rq.turns->blocks && rq.turns->blocks->next == NULL
       && rq.turns->blocks->kind == AI_BLOCK_TEXT, "is a turn");
    is_str(rq.turns->blocks->text, "a\\u00e9\\n", "spelled as it was");
    ok(rq.max_output == 16 && rq.n == -1 && !rq.stream && rq.nstop == 0,
       "and OpenAI's limit");
    is_str(rq.model, "m", "its model");
    is_int(dropped.n, 0, "nothing is dropped");

    is_int(decode("{\"model\":\"m\",\"prompt\":[\"x\"],\"suffix\":\"\","
                  "\"echo\":false,\"best_of\":2,\"n\":2,\"logprobs\":null,"
                  "\"max_tokens\":7,\"temperature\":1e0,\"top_p\":0.10,"
                  "\"seed\":5,\"presence_penalty\":-1,"
                  "\"frequency_penalty\":2,\"logit_bias\":{\"5\":1},"
                  "\"stop\":[\"a\",\"\\n\"],\"user\":\"u\",\"stream\":true,"
                  "\"stream_options\":{\"include_usage\":true},"
                  "\"top_k\":40,\"min_p\":0.1}"), AI_OK, "much");
    ok(rq.max_output == 7 && rq.n == 2 && rq.stream && rq.include_usage
       && rq.nstop == 2, "numbers");
    is_str(rq.temperature, "1e0", "temperature");
    is_str(rq.top_p, "0.10", "top_p");
    is_str(rq.top_k, "40", "top_k");
    is_str(rq.seed, "5", "seed");
    is_str(rq.presence, "-1", "presence");
    is_str(rq.frequency, "2", "frequency");
    is_str(rq.logit_bias, "{\"5\":1}", "logit_bias");
    is_str(rq.stop[1], "\\n", "stop");
    is_str(rq.user, "u", "user");
    ok(dropped.n == 1 && ai_str_is(&dropped.name[0], "min_p"),
       "what has no place");

    is_int(decode("{\"model\":\"m\",\"prompt\":\"\",\"best_of\":1,"
                  "\"stop\":null,\"logprobs\":false}"),
           AI_OK, "what changes nothing");
    ok(rq.turns->blocks->text.len == 0 && rq.turns->blocks->text.data,
       "an empty prompt");
}


static void
test_refused(void)
{
    size_t  i;
    char    body[200];

    static const struct {
        const char  *fields;
        const char  *param;
        ai_error_e   kind;
        int          seen;          /* by the peek already */
    } cases[] = {
        { "\"prompt\":[\"x\",\"y\"]", "prompt",
          AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":[1]", "prompt", AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":[[1]]", "prompt", AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":\"x\",\"suffix\":\"s\"", "suffix",
          AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":\"x\",\"echo\":true", "echo",
          AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":\"x\",\"best_of\":2", "best_of",
          AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":\"x\",\"n\":2,\"best_of\":3", "best_of",
          AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":\"x\",\"logprobs\":0", "logprobs",
          AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":\"x\",\"max_tokens\":0", "max_tokens",
          AI_ERR_UNSUPPORTED_PARAMETER, 0 },
        { "\"prompt\":\"x\",\"echo\":1", "echo", 0, 0 },
        { "\"prompt\":\"x\",\"suffix\":1", "suffix", 0, 0 },
        { "\"prompt\":\"x\",\"logprobs\":true", "logprobs", 0, 0 },
        { "\"prompt\":\"x\",\"top_p\":\"1\"", "top_p", 0, 0 },
        { "\"prompt\":\"x\",\"stop\":1", "stop", 0, 0 },
        { "\"prompt\":\"x\",\"stop\":[1]", "stop[0]", 0, 0 },

        { "\"x\":1", "prompt", 0, 1 },
        { "\"prompt\":null", "prompt", 0, 1 },
        { "\"prompt\":{}", "prompt", 0, 1 },
        { "\"prompt\":5", "prompt", 0, 1 },
        { "\"prompt\":[]", "prompt", 0, 1 },
        { "\"prompt\":[null]", "prompt", 0, 1 },
        { "\"prompt\":\"x\",\"max_tokens\":-1", "max_tokens", 0, 1 },
        { "\"prompt\":\"x\",\"max_tokens\":1.5", "max_tokens", 0, 1 },
        { "\"prompt\":\"x\",\"n\":0", "n", 0, 1 },
        { "\"prompt\":\"x\",\"n\":129", "n", 0, 1 },
        { "\"prompt\":\"x\",\"best_of\":\"2\"", "best_of", 0, 1 },
        { "\"prompt\":\"x\",\"stream\":1", "stream", 0, 1 },
        { "\"prompt\":\"x\",\"stream_options\":[]", "stream_options", 0, 1 },
        { "\"prompt\":\"x\",\"stream_options\":{\"include_usage\":1}",
          "stream_options.include_usage", 0, 1 },
        { "\"prompt\":\"x\",\"user\":5", "user", 0, 1 },
        { "\"prompt\":\"x\",\"temperature\":\"hot\"", "temperature", 0, 1 },
        { "\"prompt\":\"x\",\"Prompt\":\"y\"", NULL, 0, 1 },
        { "\"prompt\":\"x\",\"Best_Of\":2", NULL, 0, 1 },
        { "\"prompt\":\"x\",\"promp\\u0074\":\"y\"", NULL, 0, 1 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", cases[i].fields);

        is_int(look(body), cases[i].seen ? AI_ERROR : AI_OK, "%s", body);
        is_int(decode(body), AI_ERROR, "is refused");

        if (cases[i].param) {
            is_str(err.param, cases[i].param, "with its name");
        }

        is_int(ai_error_status(&err), 400, "and a 400");
        ok(cases[i].kind == 0 || err.kind == cases[i].kind, "of its kind");
    }

    is_int(look("[]"), AI_ERROR, "a list");
    is_int(look("{\"prompt\":\"x\"}"), AI_ERROR, "no model");
    is_str(err.param, "model", "which is told");
}


static void
test_decode_memory(void)
{
    size_t    n, bad;
    ai_int_t  rc;

    bad = 0;

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at(n);

        rc = decode("{\"model\":\"\\u006d\",\"prompt\":\"x\",\"user\":"
                    "\"\\u0075\",\"stop\":[\"a\"]}");
        if (!mem_failed()) {
            break;
        }

        bad += rc == AI_OK;
    }

    ok(n > 4 && n < 100, "%zu allocations fail", n - 1);
    is_int(bad, 0, "and the request with each");
    mem_reset();
}


/* answers */

#define STR(s)   { sizeof(s) - 1, (ai_char_t *) (s) }
#define START    { .type = AI_EVENT_START }
#define OPEN(c, k)                                                            \
    { .type = AI_EVENT_BLOCK_START, .choice = c, .kind = AI_BLOCK_##k }
#define TEXT(c, k, s)                                                         \
    { .type = AI_EVENT_DELTA, .choice = c, .kind = AI_BLOCK_##k,              \
      .text = STR(s) }
#define STOP(c, k)                                                            \
    { .type = AI_EVENT_BLOCK_STOP, .choice = c, .kind = AI_BLOCK_##k }
#define FINISH(c, f)                                                          \
    { .type = AI_EVENT_FINISH, .choice = c, .finish = AI_FINISH_##f }
#define END      { .type = 0 }


typedef struct {
    const char  *name;
    const char  *stream;
    const char  *json;          /* NULL: an error */
    ai_event_t   ev[16];
} case_t;


static const case_t  cases[] = {

    { "a text",
      T(0, "a\\u00e9") T(0, "b\\n") F(0, "stop") DONE,
      A(C(0, "a\\u00e9b\\n", "stop")) USAGE(0, 0, 0) "}",
      { START, OPEN(0, TEXT), TEXT(0, TEXT, "a\\u00e9"), TEXT(0, TEXT, ""),
        TEXT(0, TEXT, "b\\n"), STOP(0, TEXT), FINISH(0, STOP_SEQ),
        TEXT(0, TEXT, "late"), FINISH(0, LENGTH), END } },

    { "nothing",
      F(0, "length") DONE, A(C(0, "", "length")) USAGE(0, 0, 0) "}",
      { FINISH(0, CONTEXT), END } },

    { "thoughts are left out, calls are none",
      T(0, "x") F(0, "stop") DONE,
      A(C(0, "x", "stop")) USAGE(0, 0, 0) "}",
      { START, OPEN(0, THINKING), TEXT(0, THINKING, "hm"), STOP(0, THINKING),
        OPEN(0, TEXT), TEXT(0, TEXT, "x"), STOP(0, TEXT), OPEN(0, TOOL_CALL),
        TEXT(0, TOOL_CALL, "{}"), STOP(0, TOOL_CALL), FINISH(0, TOOLS),
        END } },

    { "a refusal is text",
      T(0, "no") F(0, "content_filter") DONE,
      A(C(0, "no", "content_filter")) USAGE(0, 0, 0) "}",
      { START, TEXT(0, REFUSAL, "no"), FINISH(0, FILTER), END } },

    { "two choices",
      T(1, "y") T(0, "x") F(1, "stop") F(0, "length") DONE,
      A(C(0, "x", "length") "," C(1, "y", "stop")) USAGE(0, 0, 0) "}",
      { START, TEXT(1, TEXT, "y"), TEXT(0, TEXT, "x"), FINISH(1, STOP),
        FINISH(0, LENGTH), END } },

    { "an error",
      T(0, "x") "data: {\"error\":{\"message\":\"The model's answer ended "
      "with an error.\",\"type\":\"server_error\",\"param\":null,\"code\":"
      "\"upstream_invalid\"}}\n\n", NULL,
      { START, TEXT(0, TEXT, "x"), FINISH(0, ERROR), TEXT(0, TEXT, "y"),
        END } }
};


static ai_int_t
reply(const case_t *c, unsigned stream, unsigned usage, ai_buf_t *out)
{
    void             *r;
    ai_event_t        report;
    ai_usage_t        used;
    ai_reply_conf_t   conf;
    const ai_event_t *ev;

    memset(&conf, 0, sizeof(conf));
    memset(&report, 0, sizeof(report));

    conf.id = ai_lit("0123456789abcdefghijklmnopqrs");
    conf.model = ai_lit("m");
    conf.created = 7;
    conf.stream = stream;
    conf.include_usage = usage;

    ai_buf_init(out, mem_pool());

    r = dialect->reply_create(&conf, out, mem_pool());
    if (r == NULL) {
        return AI_ERROR;
    }

    for (ev = c->ev; ev->type; ev++) {
        if (dialect->reply_event(r, ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (usage) {
        ai_usage_init(&used);
        used.prompt = 3;
        used.completion = 4;

        report.type = AI_EVENT_USAGE;
        report.usage = &used;

        if (dialect->reply_event(r, &report) != AI_OK) {
            return AI_ERROR;
        }
    }

    return dialect->reply_end(r);
}


static void
test_reply(void)
{
    size_t         i, n, bad;
    ai_buf_t       out;
    ai_str_t       got;
    const case_t  *c;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];

        is_int(reply(c, 1, 0, &out), AI_OK, "%s, a stream", c->name);
        got = ai_buf_str(&out);
        is_str(got, c->stream, "as it should be");

        is_int(reply(c, 0, 0, &out), c->json ? AI_OK : AI_ERROR,
               "%s, an object", c->name);
        got = ai_buf_str(&out);

        if (c->json) {
            is_str(got, c->json, "as it should be");
        }

        bad = 0;

        for (n = 1; c->json && n < 100; n++) {
            mem_reset();
            mem_fail_at(n);

            if (reply(c, n & 1, 1, &out) == AI_OK && mem_failed()) {
                bad++;
            }

            mem_reset();
            mem_fail_at(n);

            if (reply(c, !(n & 1), 0, &out) == AI_OK && mem_failed()) {
                bad++;
            }
        }

        is_int(bad, 0, "without memory it fails");
        mem_reset();
    }

    is_int(reply(&cases[1], 1, 1, &out), AI_OK, "with usage");
    got = ai_buf_str(&out);
    is_str(got, H(0) "\",\"logprobs\":null,\"finish_reason\":\"length\"}],"
           "\"usage\":null}\n\ndata: {\"id\":\"" ID "\",\"object\":"
           "\"text_completion\",\"created\":7,\"model\":\"m\",\"choices\":[],"
           "\"usage\":" USAGE(3, 4, 7) "}\n\n" DONE, "at the end");

    is_int(reply(&cases[1], 0, 1, &out), AI_OK, "an object with usage");
    got = ai_buf_str(&out);
    is_str(got, A(C(0, "", "length")) USAGE(3, 4, 7) "}", "in it");
}


static void
test_reply_ends(void)
{
    ai_buf_t  out;

    static const case_t  none = { "none", "", NULL, { END } };
    static const case_t  open = { "open", "", NULL, { START,
        TEXT(0, TEXT, "x"), END } };
    static const case_t  half = { "half", "", NULL, { START,
        TEXT(1, TEXT, "x"), FINISH(0, STOP), END } };
    static const case_t  many = { "many", "", NULL, { START,
        TEXT(128, TEXT, "x"), END } };
    static const case_t  named = { "named", "", NULL, {
        { .type = AI_EVENT_START, .id = STR("cmpl-x"), .model = STR("y"),
          .created = 9 }, FINISH(0, STOP), END } };

    is_int(reply(&none, 1, 0, &out), AI_ERROR, "nothing was said");
    is_int(reply(&open, 1, 0, &out), AI_ERROR, "no reason");
    is_int(reply(&open, 0, 0, &out), AI_ERROR, "nor in an object");
    is_int(reply(&half, 1, 0, &out), AI_ERROR, "one of two has a reason");
    is_int(reply(&many, 1, 0, &out), AI_ERROR, "too many choices");
    is_int(reply(&named, 1, 0, &out), AI_OK, "the provider's names");
    ok(strstr((ai_buf_char(&out, 0), (char *) out.start),
              "{\"id\":\"cmpl-x\",\"object\":\"text_completion\","
              "\"created\":9,\"model\":\"y\"") != NULL, "are kept");
}


/* the decoder */

static const ai_provider_t *const  row = &ai_provider_openai_completions;


static ai_int_t
answer(const char *data, size_t len)
{
    ai_str_t       body = { len, (ai_char_t *) data };
    ai_sink_t      sink = { seen_event, &seen };
    ai_decoder_t  *d;

    d = ai_decoder_create(row, mem_pool(), &sink);

    return d == NULL ? AI_DECLINED : row->answer(d, &body);
}


static void
one_answer(const char *file, const char *want, int64_t total)
{
    char           *data, *got;
    size_t          len, n, bad;
    unsigned char  *p;

    data = file_read(RECORDINGS, file, &len);
    p = guard_copy(data, len);

    seen_free(&seen);
    is_int(answer((char *) p, len), AI_OK, "%s", file);

    got = seen_dump(&seen);
    ok(seen.bad == NULL, "its grammar: %s", seen.bad ? seen.bad : "fine");
    ok(strncmp(got, want, strlen(want)) == 0, "its events");
    is_int(seen.usage.total, total, "its usage");
    free(got);

    bad = 0;

    for (n = 0; n < len; n++) {
        seen_free(&seen);
        p = guard_copy(data, n);
        bad += answer((char *) p, n) == AI_OK && n < len - 2;
        guard_free();
    }

    is_int(bad, 0, "cut off it is none");

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at(n);
        seen_free(&seen);

        if (answer(data, len) == AI_OK && !mem_failed()) {
            break;
        }

        bad += !mem_failed();
    }

    ok(n < 100 && bad == 0, "%zu allocations fail", n - 1);
    mem_reset();
    guard_free();
    free(data);
}


static void
one_stream(const char *file, const char *want, ai_finish_e finish,
    int64_t total)
{
    char    *data, *all, *got;
    size_t   len, n, bad;

    data = file_read(RECORDINGS, file, &len);

    seen_free(&seen);
    is_int(stream_run(row, mem_pool(), &seen, data, len, 0, len), AI_OK,
           "%s", file);

    all = seen_dump(&seen);
    got = seen_text(&seen, AI_BLOCK_TEXT);
    ok(seen.bad == NULL, "its grammar: %s", seen.bad ? seen.bad : "fine");
    is_cstr(got, want, "its text");
    is_int(seen.finish, finish, "its reason");
    is_int(seen.usage.total, total, "its usage");
    ok(seen.starts == 1 && seen.finishes == 1 && seen.usages == 1, "once");
    free(got);

    bad = 0;

    for (n = 1; n < len; n++) {
        mem_reset();
        seen_free(&seen);

        bad += stream_run(row, mem_pool(), &seen, data, len, n, len) != AI_OK;

        got = seen_dump(&seen);
        bad += strcmp(got, all) != 0;
        free(got);
    }

    for (n = 1; n < 20; n++) {
        mem_reset();
        seen_free(&seen);

        bad += stream_run(row, mem_pool(), &seen, data, len, 0, n) != AI_OK;

        got = seen_dump(&seen);
        bad += strcmp(got, all) != 0;
        free(got);
    }

    is_int(bad, 0, "every split of it is the same");

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at(n);
        seen_free(&seen);

        if (stream_run(row, mem_pool(), &seen, data, len, 100, 50) == AI_OK
            && !mem_failed())
        {
            break;
        }

        bad += !mem_failed();
    }

    ok(n < 100 && bad == 0, "%zu allocations fail", n - 1);

    for (n = 1; n < 12; n++) {
        mem_reset();
        seen_free(&seen);
        seen.fail_at = n;
        bad += stream_run(row, mem_pool(), &seen, data, len, 0, len) == AI_OK;
    }

    is_int(bad, 0, "a sink that refuses ends it");

    mem_reset();
    free(all);
    free(data);
}


static void
test_recordings(void)
{
    one_stream("completion-streaming-usage.response.sse",
               " + fib(n-3) + fib(n-4)\\n\\ndef fibn(n):\\n    if n <= 1:\\n"
               "       ", AI_FINISH_LENGTH, 56);
    one_stream("vercel-openai-completion-text-stream.response.sse",
               "The holiday is called \\\"Gratitude Day\\\" and it is a day "
               "dedicated to", AI_FINISH_LENGTH, 30);

    one_answer("vercel-openai-completion-text.response.json",
               "0/0 kind 1 open 0: The new holiday is called \\\"Gratitude "
               "Day\\\" and it celebrates the importance of\n"
               "starts 1 finishes 1 finish 3 errors 0", 30);
    one_answer("completion-text-batch.response.json",
               "0/0 kind 1 open 0:  + fib(n-3)\n"
               "1/0 kind 1 open 0:  + fib(n-3) + fib(n-4)\n"
               "2/0 kind 1 open 0:   # 2\\n        return fib(n - 1) + "
               "fib(n - 2)\n"
               "3/0 kind 1 open 0:  \\n        return fib(n-1) + fib(n-2) + "
               "fib(n-3)\n"
               "starts 1 finishes 4 finish 1 errors 0", 107);
    one_answer("completion-suffix.response.json",
               "0/0 kind 1 open 0: \\n        return fib(n - 1) + fib(n - 2)"
               "\\n\\n\n"
               "1/0 kind 1 open 0: \\n        return fib(n-1) + fib(n-2)\\n\n"
               "starts 1 finishes 2 finish 1 errors 0", 55);
}


static void
test_errors(void)
{
    char      *data;
    size_t     len;
    ai_str_t   body;

    data = file_read(RECORDINGS, "completion-unknown-model.response.json",
                     &len);
    seen_free(&seen);
    is_int(answer(data, len), AI_OK, "an error inside a 200");
    ok(seen.errors == 1 && seen.starts == 0, "is one");

    body.data = (ai_char_t *) data;
    body.len = len;
    ai_provider_error(row, 404, &body, mem_pool(), &err);
    is_int(err.kind, AI_ERR_MODEL_NOT_FOUND, "and with its status");
    free(data);

    data = file_read(RECORDINGS, "completion-bad-request.response.json", &len);
    body.data = (ai_char_t *) data;
    body.len = len;
    ai_provider_error(row, 400, &body, mem_pool(), &err);
    ok(err.kind == AI_ERR_BAD_REQUEST || err.kind == AI_ERR_INVALID_VALUE,
       "another one");
    ok(strncmp((char *) err.message.data, "Invalid 'max_tokens': integer",
               29) == 0, "has its message");
    free(data);
}


#define EV(s)  "data: " s "\n\n"
#define TX(s)  EV("{\"choices\":[{\"index\":0,\"text\":\"" s "\","            \
                  "\"finish_reason\":null}],\"id\":\"i\",\"error\":\"\"}")


static void
test_streams(void)
{
    char    *got;
    size_t   i, k;

    static const struct {
        const char  *name;
        const char  *stream;
        ai_int_t     rc;
        const char  *want;
    } list[] = {
        { "no [DONE]", EV("{\"choices\":[{\"text\":\"x\",\"finish_reason\":"
          "\"stop\"}]}"), AI_OK, "0/0 kind 1 open 0: x\nstarts 1 finishes 1 "
          "finish 1 errors 0" },
        { "no reason", EV("{\"choices\":[{\"text\":\"x\"}]}") DONE, AI_OK,
          "0/0 kind 1 open 0: x\nstarts 1 finishes 1 finish 1 errors 0" },
        { "neither", EV("{\"choices\":[{\"text\":\"x\"}]}"), AI_ERROR,
          "0/0 kind 1 open 1: x\nstarts 1 finishes 0" },
        { "one of two", EV("{\"choices\":[{\"text\":\"x\",\"index\":1},"
          "{\"text\":\"y\",\"index\":0,\"finish_reason\":\"length\"}]}"),
          AI_ERROR, "1/0 kind 1 open 1: x\n0/0 kind 1 open 0: y\n" },
        { "nothing", DONE, AI_DECLINED, "starts 0" },
        { "no bytes", "", AI_ERROR, "starts 0" },
        { "no JSON", EV("{"), AI_DECLINED, "starts 0" },
        { "a list", EV("[]"), AI_DECLINED, "starts 0" },
        { "a negative index", EV("{\"choices\":[{\"text\":\"x\",\"index\":-1}"
          "]}"), AI_DECLINED, "starts 1" },
        { "too large an index", EV("{\"choices\":[{\"text\":\"x\",\"index\":"
          "262144}]}"), AI_DECLINED, "starts 1" },
        { "a stop that has a name", EV("{\"choices\":[{\"text\":\"\","
          "\"finish_reason\":\"stop\",\"stop_reason\":\"END\"}]}") DONE,
          AI_OK, "starts 1 finishes 1 finish 2 errors 0" },
        { "a stop that has a number", EV("{\"choices\":[{\"text\":\"\","
          "\"finish_reason\":\"stop\",\"stop_reason\":13}]}") DONE,
          AI_OK, "starts 1 finishes 1 finish 1 errors 0" },
        { "texts behind a reason", EV("{\"choices\":[{\"text\":\"x\","
          "\"finish_reason\":\"stop\"}]}") EV("{\"choices\":[{\"text\":\"y\","
          "\"finish_reason\":\"stop\"}]}") DONE, AI_OK,
          "0/0 kind 1 open 0: x\nstarts 1 finishes 1 finish 1 errors 0" },
        { "alike", TX("a") TX("b\\n") TX("") TX("c") DONE, AI_OK,
          "0/0 kind 1 open 0: ab\\nc\nstarts 1 finishes 1 finish 1 errors 0" },
        { "an error that is a text, alike", TX("a") TX("b")
          EV("{\"choices\":[{\"index\":0,\"text\":\"c\",\"finish_reason\":"
             "null}],\"id\":\"i\",\"error\":\"overloaded\"}"), AI_OK,
          "0/0 kind 1 open 1: ab\nstarts 1 finishes 0 finish 0 errors 1" },
        { "an event of the name error", TX("a") "event: error\n"
          EV("{\"message\":\"m\"}") TX("b"), AI_OK,
          "0/0 kind 1 open 1: a\nstarts 1 finishes 0 finish 0 errors 1" },
        { "two in turn", EV("{\"choices\":[{\"text\":\"x\",\"index\":0}]}")
          EV("{\"choices\":[{\"text\":\"y\",\"index\":1}]}")
          EV("{\"choices\":[{\"text\":\"z\",\"index\":1}]}")
          EV("{\"choices\":[{\"text\":\"z\",\"index\":0}]}") DONE, AI_OK,
          "0/0 kind 1 open 0: xz\n1/0 kind 1 open 0: yz\nstarts 1 finishes 2"
          " finish 1 errors 0" },
        { "two at once, alike",
          EV("{\"choices\":[{\"text\":\"x\",\"index\":0},"
             "{\"text\":\"y\",\"index\":1}]}")
          EV("{\"choices\":[{\"text\":\"X\",\"index\":0},"
             "{\"text\":\"Y\",\"index\":1}]}") DONE, AI_OK,
          "0/0 kind 1 open 0: xX\n1/0 kind 1 open 0: yY\n" },
        { "usage in every event",
          EV("{\"choices\":[{\"text\":\"x\"}],\"usage\":{\"prompt_tokens\":1,"
             "\"completion_tokens\":1}}")
          EV("{\"choices\":[{\"text\":\"y\"}],\"usage\":{\"prompt_tokens\":1,"
             "\"completion_tokens\":2}}") DONE, AI_OK,
          "0/0 kind 1 open 0: xy\nstarts 1 finishes 1 finish 1 errors 0 "
          "error 0\nusage 1 -1 -1 2 -1 -1\n" },
        { "comments and blanks", ": x\n\n" EV(" ")
          EV("{\"choices\":[]}") EV("{\"choices\":[7]}") EV("{}")
          EV("{\"choices\":[{\"text\":null,\"finish_reason\":\"stop\"}]}")
          EV(" [DONE] "), AI_OK, "starts 1 finishes 1 finish 1 errors 0" }
    };

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        for (k = 1; k < 4096; k *= 4) {
            seen_free(&seen);

            is_int(stream_run(row, mem_pool(), &seen, list[i].stream,
                              strlen(list[i].stream), 0, k),
                   list[i].rc, "%s", list[i].name);

            got = seen_dump(&seen);

            if (!ok(strncmp(got, list[i].want, strlen(list[i].want)) == 0,
                    "its events"))
            {
                diag("%s", got);
            }

            ok(seen.bad == NULL, "its grammar: %s",
               seen.bad ? seen.bad : "fine");
            free(got);
            mem_reset();
        }
    }
}


/* a batch of many prompts; memory stays a byte for each choice */

static void
test_batch(void)
{
    char      *body, *p;
    size_t     i, n;
    ai_int_t   rc;

    n = 5000;
    body = malloc(n * 100);
    p = body + sprintf(body, "{\"choices\":[");

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s{\"text\":\"\",\"index\":%zu,\"finish_reason\":"
                     "\"stop\"}", i ? "," : "", i);
    }

    p += sprintf(p, "]}");

    seen_free(&seen);
    mem_reset();

    rc = answer(body, (size_t) (p - body));

    is_int(rc, AI_OK, "%zu choices", n);
    is_int(seen.finishes, n, "each has ended");

    free(body);
    mem_reset();
}


static void
test_rows(void)
{
    size_t                i;
    ai_buf_t              path;
    ai_str_t              name, s;
    ai_target_t           target;
    const ai_provider_t  *p;

    static const struct {
        const char  *name;
        int          completions;
        int          responses;
    } rows[] = {
        { "openai", 1, 1 }, { "groq", 0, 1 }, { "together", 1, 0 },
        { "deepseek", 0, 0 }, { "xai", 1, 1 }, { "mistral", 0, 0 },
        { "openrouter", 1, 1 }, { "vllm", 1, 0 }, { "ollama", 1, 0 },
        { "perplexity", 0, 0 }, { "fireworks", 1, 1 }, { "cerebras", 1, 0 },
        { "huggingface", 0, 1 }, { "moonshot", 0, 0 }, { "zai", 0, 0 },
        { "alibaba", 0, 0 }, { "openai_compatible", 1, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        name.data = (ai_char_t *) rows[i].name;
        name.len = strlen(rows[i].name);
        s = ai_lit("m");

        p = ai_provider_find(&name);

        if (!ok(p != NULL, "%s is there", rows[i].name)) {
            continue;
        }

        ok((p->choose && p->choose(&s, AI_FAMILY_COMPLETIONS) == row)
           == rows[i].completions, "its completions");
        ok((p->choose && p->choose(&s, AI_FAMILY_RESPONSES)
            == &ai_provider_openai_responses) == rows[i].responses,
           "its responses");
        ok(p->choose == NULL
           || (p->choose(&s, AI_FAMILY_OPENAI) == p
               && p->choose(&s, AI_FAMILY_ANTHROPIC) == p
               && p->choose(&s, AI_FAMILY_COMPLETIONS) != NULL),
           "all others are chat's");
    }

    p = ai_provider_ollama.choose(&s, AI_FAMILY_OLLAMA);
    ok(p == &ai_provider_ollama_native, "Ollama's own API");

    memset(&target, 0, sizeof(target));
    ai_buf_init(&path, mem_pool());
    row->path(&target, 1, &path);
    s = ai_buf_str(&path);
    is_str(s, "/completions", "the path");
    ok(row->build == NULL && row->family == AI_FAMILY_COMPLETIONS,
       "nothing is translated to it");
    mem_reset();
}


int
main(void)
{
    test_peek();
    test_last_text();
    test_decode();
    test_refused();
    test_decode_memory();
    test_reply();
    test_reply_ends();
    test_recordings();
    test_errors();
    test_streams();
    test_batch();
    test_rows();

    seen_free(&seen);
    mem_reset();

    return done();
}
