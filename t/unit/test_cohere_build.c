
/*
 * Requests to Cohere: from an OpenAI client's body to Cohere's, the recorded
 * requests among them, and what only other clients can say.
 */

#include <provider/ai_cohere_int.h>
#include "tap.h"
#include "mem.h"


#define THINKS  "command-a-reasoning-08-2025"
#define PLAIN   "command-r7b-12-2024"

#define MSG     "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define ASK(x)  "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}," x "]"
#define USER(x) "\"messages\":[{\"role\":\"user\",\"content\":[" x "]}]"
#define T(x)    "{\"type\":\"text\",\"text\":\"" x "\"}"
#define F(n)    "{\"type\":\"function\",\"function\":{\"name\":\"" n "\"}}"
#define FOUT(n)                                                               \
    "{\"type\":\"function\",\"function\":{\"name\":\"" n "\",\"parameters\":" \
    "{\"type\":\"object\",\"properties\":{}}}}"
#define SCHEMA  "\"response_format\":{\"type\":\"json_schema\","              \
                "\"json_schema\":{\"name\":\"n\",\"strict\":true,\"schema\":" \
                "{\"type\":\"object\",\"z\":1.0,\"a\":\"\\u00e9\"}}}"
#define FORMAT  ",\"response_format\":{\"type\":\"json_object\","             \
                "\"json_schema\":{\"type\":\"object\",\"z\":1.0,"             \
                "\"a\":\"\\u00e9\"}}"
#define CALL    "{\"id\":\"c1\",\"type\":\"function\",\"function\":{"         \
                "\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}"

#define WEATHER "{\"type\":\"function\",\"function\":{\"name\":"              \
    "\"get_weather\",\"description\":\"Get the current weather for a city.\"" \
    ",\"parameters\":{\"additionalProperties\":false,\"properties\":{"        \
    "\"city\":{\"type\":\"string\"}},\"required\":[\"city\"],\"type\":"       \
    "\"object\"}}}"
#define PARIS   "\"messages\":[{\"role\":\"user\",\"content\":\"What's the "  \
    "weather in Paris?\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"   \
    "\"get_weather_9gpb31r7h7mj\",\"type\":\"function\",\"function\":{"       \
    "\"name\":\"get_weather\",\"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"" \
    "}}]},{\"role\":\"tool\",\"tool_call_id\":\"get_weather_9gpb31r7h7mj\","  \
    "\"content\":\"Sunny, 22C in Paris\"}]"


static ai_buf_t      body;
static ai_error_t    err;
static ai_dropped_t  dropped;


/* the rest of the target may be set before */

static ai_int_t
build_for(const char *model, int64_t max, const ai_request_t *rq)
{
    ai_target_t  t;

    memset(&t, 0, sizeof(t));
    memset(&err, 0, sizeof(err));
    ai_buf_init(&body, mem_pool());

    t.provider = &ai_provider_cohere;
    t.model.data = (ai_char_t *) model;
    t.model.len = strlen(model);
    t.max_output = max;

    return t.provider->build(&t, rq, mem_pool(), &body, &dropped, &err);
}


static ai_int_t
build_as(const char *model, int64_t max, const char *fields)
{
    char         *text;
    size_t        n;
    ai_str_t      in;
    ai_json_t     doc;
    ai_request_t  rq;

    memset(&dropped, 0, sizeof(dropped));
    memset(&err, 0, sizeof(err));
    ai_json_init(&doc, mem_pool());

    n = strlen(fields) + 32;
    text = malloc(n);
    in.len = (size_t) snprintf(text, n, "{\"model\":\"m\",%s}", fields);
    in.data = guard_copy(text, in.len);
    free(text);

    if (ai_json_parse(&doc, &in, NULL) != AI_OK
        || ai_openai_decode(&doc, mem_pool(), &rq, &dropped, &err) != AI_OK)
    {
        return AI_ERROR;
    }

    return build_for(model, max, &rq);
}


/* the body behind the model, and the names of what was left out */

static void
is_body(const char *model, const char *want, const char *left)
{
    char       text[512], names[512];
    size_t     i, n;
    ai_str_t   s;
    ai_json_t  doc;

    s = ai_buf_str(&body);
    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &s, NULL), AI_OK, "is JSON");
    is_int(ai_json_unique(&doc, AI_JSON_ROOT), AI_OK, "of distinct keys");

    n = (size_t) snprintf(text, sizeof(text), "{\"model\":\"%s\",", model);

    if (ok(s.len > n && memcmp(s.data, text, n) == 0, "of the model")) {
        is_mem(s.data + n, s.len - n - 1, want, strlen(want), "body");
    }

    for (i = 0, n = 0, names[0] = '\0'; i < dropped.n; i++) {
        n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%.*s",
                               i ? " " : "", (int) dropped.name[i].len,
                               dropped.name[i].data);
    }

    is_cstr(names, left, "left out");
    guard_free();
}


static void
is_built(const char *model, const char *fields, const char *want,
    const char *left)
{
    mem_reset();

    if (is_int(build_as(model, -1, fields), AI_OK, "%s", fields)) {
        is_body(model, want, left);
    }
}


static void
is_refused(const char *fields, ai_error_e kind, const char *param,
    const char *what)
{
    mem_reset();
    is_int(build_as(THINKS, -1, fields), AI_ERROR, "%s", what);
    is_str(err.param, param, "names the field");
    is_int(err.kind, kind, "and its kind");
    guard_free();
}


static void
test_recorded(void)
{
    is_built("command-r7b-12-2024",
             "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]",
             "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]", "");
    is_built("command-r-plus", MSG ",\"stop\":\"Paris\"",
             MSG ",\"stop_sequences\":[\"Paris\"]", "");
    is_built(PLAIN, PARIS ",\"tools\":[" WEATHER "]",
             PARIS ",\"tools\":[" WEATHER "]", "");
    is_built(PLAIN, PARIS ",\"tools\":[" WEATHER "," F("final_result") "],"
             "\"tool_choice\":\"required\"",
             PARIS ",\"tools\":[" WEATHER "," FOUT("final_result") "],"
             "\"tool_choice\":\"REQUIRED\"", "");
}


static void
test_fields(void)
{
    is_built(THINKS, MSG ",\"stream\":true,\"stream_options\":{"
             "\"include_usage\":true}", MSG ",\"stream\":true", "");
    is_built(THINKS, MSG ",\"stream\":false", MSG, "");

    is_built(THINKS, MSG ",\"max_completion_tokens\":5,\"temperature\":0.30,"
             "\"top_p\":0.5,\"top_k\":4,\"seed\":7,\"frequency_penalty\":0.1,"
             "\"presence_penalty\":1e-1,\"stop\":[\"x\",\"\\n\"]",
             MSG ",\"max_tokens\":5,\"temperature\":0.30,\"p\":0.5,"
             "\"frequency_penalty\":0.1,\"presence_penalty\":1e-1,\"k\":4,"
             "\"seed\":7,\"stop_sequences\":[\"x\",\"\\n\"]", "");
    is_built(THINKS, MSG ",\"temperature\":2,\"top_p\":1,\"top_k\":501,"
             "\"frequency_penalty\":-0.5,\"presence_penalty\":1.5",
             MSG ",\"temperature\":1,\"p\":0.99,\"frequency_penalty\":0,"
             "\"presence_penalty\":1,\"k\":500", "");
    is_built(THINKS, MSG ",\"temperature\":0,\"top_p\":0,\"seed\":-1",
             MSG ",\"temperature\":0,\"p\":0.01", "seed");
    is_built(THINKS, MSG ",\"stop\":[\"1\",\"2\",\"3\",\"4\"],\"n\":1",
             MSG ",\"stop_sequences\":[\"1\",\"2\",\"3\",\"4\"]", "");

    is_built(THINKS, MSG ",\"logprobs\":true,\"top_logprobs\":0",
             MSG ",\"logprobs\":true", "");
    is_built(THINKS, MSG ",\"logprobs\":false", MSG, "");

    is_built(THINKS, MSG ",\"logit_bias\":{\"1\":1},\"user\":\"u\","
             "\"metadata\":{\"a\":\"b\"},\"service_tier\":\"flex\"", MSG,
             "logit_bias user metadata service_tier");
    is_built(THINKS, "\"messages\":[{\"role\":\"user\",\"name\":\"n\","
             "\"content\":\"hi\"}]", MSG, "name");

    mem_reset();
    is_int(build_as(THINKS, 100, MSG ",\"max_tokens\":500"), AI_OK, "a limit");
    is_body(THINKS, MSG ",\"max_tokens\":100", "");

    is_refused(MSG ",\"n\":2", AI_ERR_UNSUPPORTED_PARAMETER, "n",
               "two answers");
    is_refused(MSG ",\"logprobs\":true,\"top_logprobs\":1",
               AI_ERR_UNSUPPORTED_PARAMETER, "top_logprobs",
               "other tokens' probabilities");
}


static void
test_stops(void)
{
    uint32_t      i;
    ai_esc_t      stop[6];
    ai_turn_t     turn;
    ai_block_t    text;
    ai_request_t  rq;

    ai_request_init(&rq);
    memset(&turn, 0, sizeof(turn));
    memset(&text, 0, sizeof(text));

    text.kind = AI_BLOCK_TEXT;
    text.text = ai_lit("hi");
    turn.role = AI_ROLE_USER;
    turn.blocks = &text;
    rq.turns = &turn;
    rq.stop = stop;

    for (i = 0; i < 6; i++) {
        stop[i] = ai_lit("x");
    }

    mem_reset();
    memset(&dropped, 0, sizeof(dropped));
    rq.nstop = 6;
    is_int(build_for(THINKS, -1, &rq), AI_ERROR, "six stop sequences");
    is_str(err.param, "stop", "are refused");

    rq.nstop = 5;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "five");
    is_body(THINKS, MSG ",\"stop_sequences\":[\"x\",\"x\",\"x\",\"x\","
            "\"x\"]", "");

    /* what OpenAI's own clients cannot ask for */

    rq.nstop = 0;
    rq.top_k = ai_lit("1.5");
    rq.seed = ai_lit("18446744073709551615");
    rq.temperature = ai_lit("1e999");
    rq.frequency = ai_lit("-1e999");

    is_int(build_for(THINKS, -1, &rq), AI_OK, "odd numbers");
    is_body(THINKS, MSG ",\"temperature\":1,\"frequency_penalty\":0",
            "top_k seed");

    /* budgets */

    memset(&dropped, 0, sizeof(dropped));
    rq.top_k.len = 0;
    rq.seed.len = 0;
    rq.temperature.len = 0;
    rq.frequency.len = 0;

    rq.budget = 3000;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "a budget");
    is_body(THINKS, MSG ",\"thinking\":{\"type\":\"enabled\","
            "\"token_budget\":3000}", "");
    rq.max_output = 1000;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "a budget above the limit");
    is_body(THINKS, MSG ",\"thinking\":{\"type\":\"enabled\","
            "\"token_budget\":999},\"max_tokens\":1000", "");
    rq.max_output = 1;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "a limit of one");
    is_body(THINKS, MSG ",\"thinking\":{\"type\":\"enabled\","
            "\"token_budget\":1},\"max_tokens\":1", "");
    rq.max_output = -1;
    rq.budget = 0;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "no thinking");
    is_body(THINKS, MSG ",\"thinking\":{\"type\":\"disabled\"}", "");
    is_int(build_for(PLAIN, -1, &rq), AI_OK, "no thinking, where is none");
    is_body(PLAIN, MSG, "");
    mem_reset();
}


static void
test_thinking(void)
{
    size_t  i;

    static const char  *const plain[] = {
        "command-r", "command-r-plus-08-2024", "command-r7b-12-2024",
        "command-a-03-2025", "command-a-vision-07-2025", "command",
        "command-a-translate-08-2025", "command-light", "command-nightly",
        "c4ai-aya-expanse-32b"
    };

#define EFFORT(e, n)                                                          \
    is_built(THINKS, MSG ",\"reasoning_effort\":\"" e "\"", MSG               \
             ",\"thinking\":{\"type\":\"enabled\",\"token_budget\":" #n "}",  \
             "")

    EFFORT("minimal", 128);
    EFFORT("low", 1024);
    EFFORT("medium", 2048);
    EFFORT("high", 4096);

    is_built(THINKS, MSG ",\"reasoning_effort\":\"none\"",
             MSG ",\"thinking\":{\"type\":\"disabled\"}", "");
    is_built("new-model", MSG ",\"reasoning_effort\":\"low\"", MSG
             ",\"thinking\":{\"type\":\"enabled\",\"token_budget\":1024}",
             "");

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        is_built(plain[i], MSG ",\"reasoning_effort\":\"low\"", MSG,
                 "reasoning_effort");
    }

    /* it goes back where it may be from */

#define THOUGHT  ASK("{\"role\":\"assistant\",\"content\":\"a\","             \
        "\"reasoning_content\":\"t\\n\"},{\"role\":\"user\",\"content\":"     \
        "\"b\"}")
#define SIGNED  ASK("{\"role\":\"assistant\",\"content\":\"a\","              \
        "\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"t\","     \
        "\"signature\":\"s\"},{\"type\":\"redacted_thinking\",\"data\":"      \
        "\"ZGF0YQ==\"}]},{\"role\":\"user\",\"content\":\"b\"}")
#define BARE     ASK("{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":"  \
        "\"user\",\"content\":\"b\"}")

    is_built(THINKS, THOUGHT,
             ASK("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\""
                 ",\"thinking\":\"t\\n\"}," T("a") "]},{\"role\":\"user\","
                 "\"content\":\"b\"}"), "");
    is_built(PLAIN, THOUGHT, BARE, "");
    is_built(THINKS, SIGNED, BARE, "");
    is_built(THINKS, ASK("{\"role\":\"assistant\",\"content\":null,"
                         "\"reasoning_content\":\"t\",\"tool_calls\":[" CALL
                         "]}"),
             ASK("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\""
                 ",\"thinking\":\"t\"}],\"tool_calls\":[" CALL "]}"), "");
}


static void
test_tools(void)
{
    is_built(THINKS, MSG ",\"tools\":[" F("f") "]",
             MSG ",\"tools\":[" FOUT("f") "]", "");
    is_built(THINKS, MSG ",\"tools\":[" F("f") "],\"tool_choice\":\"auto\"",
             MSG ",\"tools\":[" FOUT("f") "]", "");
    is_built(THINKS, MSG ",\"tools\":[" F("f") "],\"tool_choice\":\"none\"",
             MSG ",\"tools\":[" FOUT("f") "],\"tool_choice\":\"NONE\"", "");
    is_built(THINKS, MSG ",\"tools\":[" F("f") "," F("g") "," F("h") "],"
             "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
             "\"g\"}}",
             MSG ",\"tools\":[" FOUT("g") "],\"tool_choice\":\"REQUIRED\"",
             "");
    is_built(THINKS, MSG ",\"tools\":[" F("f") ",{\"type\":\"function\","
             "\"function\":{\"name\":\"a.b c\",\"description\":\"d\\t\","
             "\"strict\":true,\"parameters\":{\"type\":\"object\",\"n\":"
             "12345678901234567890}}}],\"parallel_tool_calls\":false",
             MSG ",\"tools\":[" FOUT("f") ",{\"type\":\"function\","
             "\"function\":{\"name\":\"a_b_c_8640d2e2\",\"description\":"
             "\"d\\t\",\"parameters\":{\"type\":\"object\",\"n\":"
             "12345678901234567890}}}],\"strict_tools\":true",
             "parallel_tool_calls");

    is_built(THINKS, MSG ",\"tools\":[{\"type\":\"function\",\"function\":{"
             "\"name\":\"f\"},\"cache_control\":{\"type\":\"ephemeral\"}}]",
             MSG ",\"tools\":[" FOUT("f") "]", "cache_control");

    is_refused(MSG ",\"tool_choice\":\"required\"", AI_ERR_INVALID_VALUE,
               "tool_choice", "a choice of nothing");

    is_built(THINKS, MSG "," SCHEMA, MSG FORMAT, "");
    is_built(THINKS, MSG ",\"response_format\":{\"type\":\"json_object\"}",
             MSG ",\"response_format\":{\"type\":\"json_object\"}", "");
    is_built(THINKS, MSG ",\"response_format\":{\"type\":\"text\"}", MSG, "");
    is_built(THINKS, MSG ",\"tools\":[" F("f") "],\"tool_choice\":\"none\","
             SCHEMA, MSG FORMAT, "");
    is_refused(MSG ",\"tools\":[" F("f") "]," SCHEMA,
               AI_ERR_UNSUPPORTED_PARAMETER, "response_format",
               "a format beside tools");
    is_refused(MSG ",\"tools\":[" F("f") "],\"response_format\":{\"type\":"
               "\"json_object\"}", AI_ERR_UNSUPPORTED_PARAMETER,
               "response_format", "this one as well");
}


static void
test_unknown_choice(void)
{
    ai_tool_t     tool;
    ai_request_t  rq;

    ai_request_init(&rq);
    memset(&tool, 0, sizeof(tool));
    tool.name = ai_lit("f");
    rq.tools = &tool;
    rq.choice = AI_CHOICE_NAMED;
    rq.choice_name = ai_lit("g");

    mem_reset();
    is_int(build_for(THINKS, -1, &rq), AI_ERROR, "a tool that is not there");
    is_str(err.param, "tool_choice", "cannot be chosen");
    is_int(err.kind, AI_ERR_INVALID_VALUE, "an invalid value");
    mem_reset();
}


#define IMAGE(u)  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" u "\"}}"

static void
test_messages(void)
{
    is_built(THINKS, "\"messages\":[{\"role\":\"developer\",\"content\":"
             "\"s\"},{\"role\":\"user\",\"content\":\"\\u00fc\\\"\"},{"
             "\"role\":\"system\",\"content\":[" T("a") "," T("b") "]},{"
             "\"role\":\"assistant\",\"content\":\"c\"},{\"role\":\"user\","
             "\"content\":\"d\"},{\"role\":\"user\",\"content\":\"e\"}]",
             "\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{"
             "\"role\":\"user\",\"content\":\"\\u00fc\\\"\"},{\"role\":"
             "\"system\",\"content\":[" T("a") "," T("b") "]},{\"role\":"
             "\"assistant\",\"content\":\"c\"},{\"role\":\"user\","
             "\"content\":\"d\"},{\"role\":\"user\",\"content\":\"e\"}]", "");

    /* a plan, calls, results */

    is_built(THINKS, ASK("{\"role\":\"assistant\",\"content\":[" T("a") ","
                         T("b") "],\"tool_calls\":[" CALL ",{\"id\":\"c2\","
                         "\"type\":\"function\",\"function\":{\"name\":"
                         "\"a.b c\",\"arguments\":\"\"}}]},{\"role\":\"tool\""
                         ",\"tool_call_id\":\"c1\",\"content\":\"r\\n\"},{"
                         "\"role\":\"tool\",\"tool_call_id\":\"c2\","
                         "\"content\":\"\"},{\"role\":\"user\",\"content\":"
                         "\"q\"}"),
             ASK("{\"role\":\"assistant\",\"tool_plan\":\"a\\n\\nb\","
                 "\"tool_calls\":[" CALL ",{\"id\":\"c2\",\"type\":"
                 "\"function\",\"function\":{\"name\":\"a_b_c_8640d2e2\","
                 "\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
                 "\"tool_call_id\":\"c1\",\"content\":\"r\\n\"},{\"role\":"
                 "\"tool\",\"tool_call_id\":\"c2\",\"content\":\"(empty)\"},{"
                 "\"role\":\"user\",\"content\":\"q\"}"), "");
    is_built(THINKS, ASK("{\"role\":\"tool\",\"tool_call_id\":\"c1\","
                         "\"content\":[" T("a") "," T("b") "]}"),
             ASK("{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":["
                 T("a") "," T("b") "]}"), "");

    /* empty texts */

    is_built(THINKS, ASK("{\"role\":\"assistant\",\"content\":\"\"},{"
                         "\"role\":\"user\",\"content\":[" T("") "," T("a")
                         "," T("") "]},{\"role\":\"system\",\"content\":"
                         "\"\"},{\"role\":\"user\",\"content\":\"\"}"),
             ASK("{\"role\":\"user\",\"content\":\"a\"}"), "");

    /* images and files */

    is_built(THINKS, USER(T("a") "," IMAGE("data:image/png;base64,AAAA") ","
                          "{\"type\":\"image_url\",\"image_url\":{\"url\":"
                          "\"https://x/a.png\",\"detail\":\"low\"}}"),
             USER(T("a") "," IMAGE("data:image/png;base64,AAAA") ","
                  "{\"type\":\"image_url\",\"image_url\":{\"url\":"
                  "\"https://x/a.png\",\"detail\":\"low\"}}"), "");
    is_built(THINKS, USER(IMAGE("https://x/a.png")),
             USER(IMAGE("https://x/a.png")), "");
    is_built(THINKS, USER("{\"type\":\"text\",\"text\":\"a\","
                          "\"cache_control\":{\"type\":\"ephemeral\"}}"),
             "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]",
             "cache_control");

    is_refused(USER("{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","
                    "\"file_data\":\"data:application/pdf;base64,AAAA\"}}"),
               AI_ERR_UNSUPPORTED_PARAMETER, "messages", "a file");
    is_refused(USER("{\"type\":\"input_audio\",\"input_audio\":{\"data\":"
                    "\"AAAA\",\"format\":\"mp3\"}}"),
               AI_ERR_UNSUPPORTED_PARAMETER, "messages", "sound");
}


/* what comes from Anthropic's clients: results with images, documents */

static void
test_results(void)
{
    ai_turn_t     turn;
    ai_block_t    result, text, image, file, asked;
    ai_request_t  rq;

    ai_request_init(&rq);
    memset(&turn, 0, sizeof(turn));
    memset(&result, 0, sizeof(result));
    memset(&text, 0, sizeof(text));
    memset(&image, 0, sizeof(image));
    memset(&file, 0, sizeof(file));
    memset(&asked, 0, sizeof(asked));
    memset(&dropped, 0, sizeof(dropped));

    asked.kind = AI_BLOCK_TEXT;
    asked.text = ai_lit("q");

    text.kind = AI_BLOCK_TEXT;
    text.text = ai_lit("t");

    image.kind = AI_BLOCK_IMAGE;
    image.source = AI_SOURCE_BASE64;
    image.media = ai_lit("image/png");
    image.data = ai_lit("AAAA");

    file.kind = AI_BLOCK_FILE;
    file.source = AI_SOURCE_TEXT;
    file.name = ai_lit("n");
    file.data = ai_lit("d");

    result.kind = AI_BLOCK_TOOL_RESULT;
    result.id = ai_lit("c1");
    result.next = &asked;
    result.content = &text;
    result.is_error = 1;

    turn.role = AI_ROLE_USER;
    turn.blocks = &result;
    rq.turns = &turn;

#define RESULT(c, u)                                                          \
    "\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":" c \
    "},{\"role\":\"user\",\"content\":" u "}]"
#define NEXT  "(see the attachment in the next message)"

    mem_reset();
    is_int(build_for(THINKS, -1, &rq), AI_OK, "a result that is an error");
    is_body(THINKS, RESULT("\"Error: t\"", "\"q\""), "");

    result.is_error = 0;
    text.next = &image;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "a result with an image");
    is_body(THINKS, RESULT("\"t\\n\\n" NEXT "\"",
                           "[" IMAGE("data:image/png;base64,AAAA") "," T("q")
                           "]"), "");

    result.content = &image;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "an image alone");
    is_body(THINKS, RESULT("\"" NEXT "\"",
                           "[" IMAGE("data:image/png;base64,AAAA") "," T("q")
                           "]"), "");

    result.content = &text;
    image.next = &file;
    result.is_error = 1;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "a result with a document");
    is_body(THINKS, RESULT("[" T("Error:") "," T("t") ",{\"type\":"
                           "\"document\",\"document\":{\"data\":{\"text\":"
                           "\"d\",\"title\":\"n\"}}}," T(NEXT) "]",
                           "[" IMAGE("data:image/png;base64,AAAA") "," T("q")
                           "]"), "");

    result.content = NULL;
    result.is_error = 0;
    asked.next = &file;
    is_int(build_for(THINKS, -1, &rq), AI_OK, "nothing, and a user's text");
    is_body(THINKS, RESULT("\"(empty)\"", "[" T("q") "," T("d") "]"), "");

    turn.role = AI_ROLE_ASSISTANT;
    turn.blocks = &image;
    is_int(build_for(THINKS, -1, &rq), AI_ERROR, "an assistant's image");
    is_str(err.param, "messages", "is refused");
    turn.role = AI_ROLE_SYSTEM;
    is_int(build_for(THINKS, -1, &rq), AI_ERROR, "a system's image");
    is_str(err.param, "messages", "is refused");
    turn.role = AI_ROLE_USER;
    image.source = AI_SOURCE_ID;
    is_int(build_for(THINKS, -1, &rq), AI_ERROR, "an image by its id");
    is_str(err.param, "messages", "is refused");
    mem_reset();
}


static void
test_row(void)
{
    ai_str_t              name;
    ai_target_t           t;
    const ai_provider_t  *p;

    name = ai_lit("cohere");
    p = ai_provider_find(&name);

    if (!ok(p == &ai_provider_cohere, "the row is found")) {
        return;
    }

    memset(&t, 0, sizeof(t));
    t.provider = p;
    t.model = ai_lit("a/../b");

    mem_reset();
    ai_buf_init(&body, mem_pool());
    p->path(&t, 1, &body);

    is_str(ai_buf_str(&body), "/v2/chat", "its path has no model");
    is_str(p->endpoint, "https://api.cohere.com", "its endpoint");
    is_int(p->framing, AI_FRAMING_SSE, "its framing");
    is_int(p->family, AI_FAMILY_COHERE, "its family");
    is_str(p->key_prefix, "Bearer ", "its key");
    mem_reset();
}


static void
test_memory(void)
{
    int     ever;
    size_t  n, bad;

    static const char  rq[] = ASK("{\"role\":\"assistant\",\"content\":"
        "\"a\",\"reasoning_content\":\"t\",\"tool_calls\":[" CALL "]},{"
        "\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r\"}")
        ",\"tools\":[" F("f") "," F("a b") "],\"temperature\":0.5,\"seed\":1,"
        "\"top_k\":2,\"stop\":\"x\",\"reasoning_effort\":\"high\"";

    for (ever = 0; ever < 2; ever++) {
        for (n = 1, bad = 0; n < 1000; n++) {
            mem_reset();

            if (ever) {
                mem_fail_from(n);
            } else {
                mem_fail_at(n);
            }

            if (build_as(THINKS, -1, rq) == AI_OK) {
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
    test_recorded();
    test_fields();
    test_stops();
    test_thinking();
    test_tools();
    test_unknown_choice();
    test_messages();
    test_results();
    test_row();
    test_memory();

    return done();
}
