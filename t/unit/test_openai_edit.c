
/*
 * The edits of a request that goes through.
 */

#include "tap.h"
#include "mem.h"
#include "upstream.h"

#include <provider/ai_provider_rows_int.h>


#define OPENAI  "t/data/recordings/openai"


/* the table of providers names them; their files are tested elsewhere */
__attribute__((weak)) const ai_provider_t  ai_provider_anthropic = {
    .name = ai_string("anthropic")
};
__attribute__((weak)) const ai_provider_t  ai_provider_gemini = {
    .name = ai_string("gemini")
};


static ai_dropped_t  dropped;
static ai_error_t    err;


/* the edited text; data NULL: refused */

static ai_str_t
edit(const ai_provider_t *p, const char *model, int64_t max, const char *data,
    size_t len)
{
    size_t            size;
    ai_buf_t          out;
    ai_str_t          text;
    ai_json_t         doc;
    ai_splice_t       edits;
    ai_target_t       t;
    ai_peek_t  peek;

    memset(&dropped, 0, sizeof(dropped));
    memset(&err, 0, sizeof(err));
    memset(&edits, 0, sizeof(edits));
    memset(&t, 0, sizeof(t));

    t.provider = p;
    t.model.data = (ai_char_t *) model;
    t.model.len = strlen(model);
    t.max_output = max;

    text = guard_str(data, len);
    ai_json_init(&doc, mem_pool());
    ai_buf_init(&out, mem_pool());

    if (ai_json_parse(&doc, &text, NULL) != AI_OK
        || ai_openai_peek(&doc, mem_pool(), &peek, &err) != AI_OK
        || ai_openai_edit(&t, &doc, &peek, mem_pool(), &edits, &dropped, &err)
           != AI_OK
        || ai_splice_finish(&edits, &doc, &size) != AI_OK)
    {
        return (ai_str_t) ai_null_string;
    }

    ai_splice_write(&edits, &doc, &out);

    if (out.failed) {
        return (ai_str_t) ai_null_string;
    }

    if (ai_buf_len(&out) != size) {
        ok(0, "the length that was announced");
    }

    return ai_buf_str(&out);
}


#define M  "\"messages\":[{\"role\":\"user\",\"content\":\"u\"}]"


/* a user's own fields are the user's business */

#define S                                                                     \
    "{\"role\":\"user\",\"content\":\"u\",\"reasoning_content\":\"r\"}, "     \
    "{\"reasoning_content\":\"r\",\"role\":\"assistant\","                    \
    "\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"\","          \
    "\"signature\":\"gemini:a\"}],\"content\":null,"                          \
    "\"tool_calls\":[{ \"id\":\"c\",\"type\":\"function\","                   \
    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},"                     \
    "\"extra_content\":{\"google\":{\"thought_signature\":\"x\"}}},"          \
    "{\"extra_content\":{},\"id\":\"d\"} ],"                                  \
    "\"reasoning_details\":[{\"type\":\"reasoning.text\"}]}"


static const struct {
    const char           *name;
    const ai_provider_t  *provider;
    const char           *in;
    const char           *out;          /* NULL: refused */
    uint32_t              dropped;
} cases[] = {
    { "nothing to do", &ai_provider_openai,
      "{ \"model\" : \"m\" , " M " }", "{ \"model\" : \"m\" , " M " }", 0 },
    { "another model", &ai_provider_openai,
      "{\"model\":\"x\"," M "}", "{\"model\":\"m\"," M "}", 0 },
    { "the same model, spelled oddly", &ai_provider_openai,
      "{\"model\":\"\\u006d\"," M "}", "{\"model\":\"\\u006d\"," M "}", 0 },
    { "a stream", &ai_provider_openai,
      "{\"model\":\"m\"," M ",\"stream\":true}",
      "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," M
      ",\"stream\":true}", 0 },
    { "options that are empty", &ai_provider_openai,
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{ }}",
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{"
      "\"include_usage\":true }}", 0 },
    { "options without usage", &ai_provider_openai,
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{"
      "\"include_obfuscation\":false}}",
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{"
      "\"include_usage\":true,\"include_obfuscation\":false}}", 0 },
    { "usage unwanted", &ai_provider_openai,
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{"
      "\"include_usage\":false}}",
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{"
      "\"include_usage\":true}}", 0 },
    { "usage wanted", &ai_provider_openai,
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{"
      "\"include_usage\":true}}",
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{"
      "\"include_usage\":true}}", 0 },
    { "options of null", &ai_provider_openai,
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":null}",
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{"
      "\"include_usage\":true}}", 0 },
    { "no options for Perplexity", &ai_provider_perplexity,
      "{\"model\":\"m\"," M ",\"stream\":true,\"stream_options\":{}}",
      "{\"model\":\"m\"," M ",\"stream\":true}", 0 },
    { "a limit above the model's", &ai_provider_openai,
      "{\"model\":\"m\"," M ",\"max_tokens\":5000}",
      "{\"model\":\"m\"," M ",\"max_tokens\":1000}", 0 },
    { "a limit below it", &ai_provider_openai,
      "{\"model\":\"m\"," M ",\"max_completion_tokens\":1e2}",
      "{\"model\":\"m\"," M ",\"max_completion_tokens\":1e2}", 0 },
    { "the other name of the limit", &ai_provider_together,
      "{\"model\":\"m\"," M ",\"max_completion_tokens\":5000}",
      "{\"model\":\"m\"," M ",\"max_tokens\":1000}", 0 },
    { "logprobs at Groq", &ai_provider_groq,
      "{\"model\":\"m\"," M ",\"logprobs\":true}", NULL, 0 },
    { "a schema at DeepSeek", &ai_provider_deepseek,
      "{\"model\":\"m\"," M ",\"response_format\":{\"type\":\"json_schema\","
      "\"json_schema\":{\"name\":\"n\",\"schema\":{}}}}", NULL, 0 },
    { "names at Groq", &ai_provider_groq,
      "{\"model\":\"m\",\"messages\":[ {\"name\":\"bob\",\"role\":\"user\","
      "\"content\":\"u\"}, {\"role\":\"user\",\"content\":\"v\" , \"name\":"
      "\"al\"} ]}",
      "{\"model\":\"m\",\"messages\":[ {\"role\":\"user\",\"content\":\"u\"}, "
      "{\"role\":\"user\",\"content\":\"v\"} ]}", 1 },
    { "strict tools at xAI", &ai_provider_xai,
      "{\"model\":\"m\"," M ",\"tools\":[{\"type\":\"function\",\"function\":{"
      "\"strict\":true,\"name\":\"f\",\"parameters\":{\"b\":1,\"a\":2}}}]}",
      "{\"model\":\"m\"," M ",\"tools\":[{\"type\":\"function\",\"function\":{"
      "\"name\":\"f\",\"parameters\":{\"b\":1,\"a\":2}}}]}", 1 },
    { "all that Mistral refuses", &ai_provider_mistral,
      "{\"user\":\"me\",\"store\":true,\"model\":\"m\",\"messages\":[{\"role\""
      ":\"assistant\",\"refusal\":null,\"content\":\"c\",\"annotations\":[],"
      "\"audio\":null,\"reasoning_content\":\"r\"}],\"seed\":7,\"stream\":true"
      ",\"stream_options\":{},\"logprobs\":false,\"verbosity\":\"low\"}",
      "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":"
      "\"c\"}],\"random_seed\":7,\"stream\":true}", 6 },

    /* what other vendors' answers add */

    { "thoughts and state to OpenAI", &ai_provider_openai,
      "{\"model\":\"m\",\"messages\":[" S "]}",
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"u\","
      "\"reasoning_content\":\"r\"}, {\"role\":\"assistant\",\"content\":null,"
      "\"tool_calls\":[{ \"id\":\"c\",\"type\":\"function\",\"function\":{"
      "\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"d\"} ]}]}", 0 },
    { "the same to Azure", &ai_provider_azure,
      "{\"model\":\"m\",\"messages\":[{\"thinking_blocks\":[],\"role\":"
      "\"assistant\",\"content\":\"c\",\"extra_content\":{},\"name\":\"n\"}]}",
      "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":"
      "\"c\",\"name\":\"n\"}]}", 0 },
    { "keys with escapes", &ai_provider_openai,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
      "\"reasoning\\u005fcontent\":\"r\",\"content\":\"c\"}]}",
      "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":"
      "\"c\"}]}", 0 },
    { "vLLM wants its thoughts back", &ai_provider_vllm,
      "{\"model\":\"m\",\"messages\":[" S "]}",
      "{\"model\":\"m\",\"messages\":[" S "]}", 0 },
    { "so does DeepSeek", &ai_provider_deepseek,
      "{\"model\":\"m\",\"messages\":[" S "]}",
      "{\"model\":\"m\",\"messages\":[" S "]}", 0 },
    { "OpenRouter its details", &ai_provider_openrouter,
      "{\"model\":\"m\",\"messages\":[" S "]}",
      "{\"model\":\"m\",\"messages\":[" S "]}", 0 },
    { "an unknown host whatever there is", &ai_provider_compatible,
      "{\"model\":\"m\",\"messages\":[" S "]}",
      "{\"model\":\"m\",\"messages\":[" S "]}", 0 },
};


static void
table(void)
{
    size_t    i;
    ai_str_t  got;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        got = edit(cases[i].provider, "m", 1000, cases[i].in,
                   strlen(cases[i].in));

        if (cases[i].out == NULL) {
            ok(got.data == NULL && err.kind == AI_ERR_UNSUPPORTED_PARAMETER
               && err.param.len, "%s: refused", cases[i].name);

        } else {
            is_str(got, cases[i].out, "%s", cases[i].name);
        }

        is_int(dropped.n, cases[i].dropped, "%s: dropped", cases[i].name);

        guard_free();
        mem_reset();
    }
}


/* the ids of a call and of its result change alike, any number of times */

static void
tool_ids(void)
{
    size_t      i, n;
    ai_buf_t    b;
    ai_str_t    got, call, result, kept;
    ai_ref_t    list, m;
    ai_json_t   doc;

    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&b, "{\"model\":\"m\",\"messages\":[");

    for (i = 0; i < 200; i++) {
        ai_buf_lit(&b, "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"
                   "\"call_\\u0061");
        ai_buf_int(&b, (int64_t) i);
        ai_buf_lit(&b, "\",\"type\":\"function\",\"function\":{\"name\":"
                   "\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
                   "\"tool_call_id\":\"call_a");
        ai_buf_int(&b, (int64_t) i);
        ai_buf_lit(&b, "\",\"content\":\"r\"},");
    }

    ai_buf_lit(&b, "{\"role\":\"tool\",\"name\":\"f\",\"tool_call_id\":"
               "\"abcDEF123\",\"content\":\"r\"}]}");

    got = edit(&ai_provider_mistral, "m", -1, (char *) b.start,
               ai_buf_len(&b));
    ai_json_init(&doc, mem_pool());

    if (!ok(got.data && ai_json_parse(&doc, &got, NULL) == AI_OK,
            "two hundred calls"))
    {
        return;
    }

    list = ai_json_get(&doc, 0, "messages");
    m = ai_json_first(&doc, list);

    for (i = 0, n = 0; i < 200; i++) {
        call = ai_json_esc(&doc, ai_json_get(&doc, ai_json_first(&doc,
                   ai_json_get(&doc, m, "tool_calls")), "id"));
        m = ai_json_next(&doc, list, m);
        result = ai_json_esc(&doc, ai_json_get(&doc, m, "tool_call_id"));
        m = ai_json_next(&doc, list, m);

        n += call.len == 9 && ai_str_eq(&call, &result)
             && memchr(call.data, '_', 9) == NULL;
    }

    is_int(n, 200, "calls and results have one id");

    kept = ai_json_esc(&doc, ai_json_get(&doc, m, "tool_call_id"));
    is_str(kept, "abcDEF123", "an id that fits stays");
    ok(ai_json_get(&doc, m, "name") != AI_JSON_NONE, "a tool's name stays");

    guard_free();
    mem_reset();
}


/* every recording: equal outside the spans that must change */

static void
recordings(void)
{
    char                  **names, *data;
    size_t                  i, n, len, bad, refused, front, back;
    ai_str_t                got, text;
    ai_json_t               doc;
    const ai_provider_t    *const *p;

    names = dir_names(OPENAI, ".request.json", &n);
    ok(n > 20, "requests");
    bad = 0;
    refused = 0;

    for (i = 0; i < n; i++) {
        data = file_read(OPENAI, names[i], &len);
        text.data = (ai_char_t *) data;
        text.len = len;
        ai_json_init(&doc, mem_pool());

        if (ai_json_parse(&doc, &text, NULL) != AI_OK
            || ai_json_get(&doc, 0, "messages") == AI_JSON_NONE)
        {
            free(data);
            continue;
        }

        got = edit(&ai_provider_openai, "other-model", -1, data, len);

        if (got.data == NULL) {
            refused++;

        } else {

            /* the model alone, and at most an insertion in front */

            for (front = 0; front < got.len && front < len
                 && got.data[front] == (ai_char_t) data[front]; front++)
            { /* void */ }

            for (back = 0; back < got.len && back < len
                 && got.data[got.len - 1 - back]
                    == (ai_char_t) data[len - 1 - back]; back++)
            { /* void */ }

            if (!strstr(data, "\"stream\"") && front + back + 60 < len) {
                bad++;
                diag("%s: %zu + %zu of %zu", names[i], front, back, len);
            }

            ai_json_init(&doc, mem_pool());
            bad += ai_json_parse(&doc, &got, NULL) != AI_OK;
            bad += !ai_json_is(&doc, ai_json_get(&doc, 0, "model"),
                               "other-model");
        }

        for (p = ai_providers; *p; p++) {

            if ((*p)->family != AI_FAMILY_OPENAI) {
                continue;
            }

            got = edit(*p, "m", 10, data, len);

            if (got.data == NULL) {
                bad += err.kind == AI_ERR_NONE;
                continue;
            }

            ai_json_init(&doc, mem_pool());
            bad += ai_json_parse(&doc, &got, NULL) != AI_OK;
        }

        free(data);
        guard_free();
        mem_reset();
    }

    is_int(bad, 0, "every recording is edited well");
    ok(refused <= 1, "and none is refused");
    names_free(names, n);
}


static void
failures(void)
{
    size_t      n, pass, bad;
    ai_str_t    got;
    const char *in;

    in = cases[sizeof(cases) / sizeof(cases[0]) - 1].in;
    bad = 0;

    for (pass = 0; pass < 2; pass++) {
        for (n = 1; n < 100; n++) {
            mem_reset();

            if (pass) {
                mem_fail_from(n);

            } else {
                mem_fail_at(n);
            }

            got = edit(&ai_provider_mistral, "x\"y", 5, in, strlen(in));

            if (!mem_failed()) {
                break;
            }

            bad += got.data != NULL;
            guard_free();
        }

        ok(n > 2 && n < 100, "%zu allocations tried", n);
    }

    is_int(bad, 0, "no failed allocation goes unnoticed");
    guard_free();
    mem_reset();
}


static void
rows(void)
{
    ai_str_t  name;

    name = ai_lit("mistral");
    ok(ai_provider_find(&name) == &ai_provider_mistral, "a row");
    name = ai_lit("openai_compatible");
    ok(ai_provider_find(&name) == &ai_provider_compatible, "another");
    is_str(ai_provider_compatible.base, "/v1", "its base");
    is_int(ai_provider_compatible.endpoint.len, 0, "no endpoint");
    name = ai_lit("Mistral");
    ok(ai_provider_find(&name) == NULL, "names are exact");
}


int
main(void)
{
    rows();
    table();
    tool_ids();
    recordings();
    failures();

    return done();
}
