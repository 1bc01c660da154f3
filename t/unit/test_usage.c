
/*
 * What providers report of usage, field by field, and what clients are told.
 * The recordings are read a second time by t/lib/pricing.py; here are the
 * forms that do not occur in them.
 */

#include "tap.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

#include <api/ai_dialect.h>
#include <provider/ai_provider.h>


#define CHAT(usage, more)                                                     \
    "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"x\"},"             \
    "\"finish_reason\":\"stop\"}],\"usage\":" usage more "}"

#define RESPONSE(output, usage, more)                                         \
    "{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[{\"type\":"      \
    "\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"              \
    "\"output_text\",\"text\":\"x\"}]}" output "],\"usage\":" usage more "}"

#define MESSAGE(usage)                                                        \
    "{\"content\":[{\"type\":\"text\",\"text\":\"x\"}],\"stop_reason\":"      \
    "\"end_turn\",\"usage\":" usage "}"

#define GENERATED(model, more, usage)                                         \
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]},"           \
    "\"finishReason\":\"STOP\"" more "}],\"modelVersion\":\"" model "\","     \
    "\"usageMetadata\":" usage "}"

#define CONVERSED(usage, more)                                                \
    "{\"output\":{\"message\":{\"content\":[{\"text\":\"x\"}]}},"             \
    "\"stopReason\":\"end_turn\",\"usage\":" usage more "}"

#define CALL(action)  ",{\"type\":\"web_search_call\",\"id\":\"w\"" action "}"


typedef struct {
    const char  *name;
    const char  *row;
    const char  *answer;
    const char  *usage;
} case_t;


static const struct {
    const char  *name;
    size_t       at;
} fields[] = {
    { "prompt", offsetof(ai_usage_t, prompt) },
    { "cached", offsetof(ai_usage_t, cached) },
    { "write", offsetof(ai_usage_t, cache_write) },
    { "write_1h", offsetof(ai_usage_t, cache_write_1h) },
    { "audio", offsetof(ai_usage_t, prompt_audio) },
    { "image", offsetof(ai_usage_t, prompt_image) },
    { "cached_audio", offsetof(ai_usage_t, cached_audio) },
    { "cached_image", offsetof(ai_usage_t, cached_image) },
    { "completion", offsetof(ai_usage_t, completion) },
    { "reasoning", offsetof(ai_usage_t, reasoning) },
    { "made_audio", offsetof(ai_usage_t, completion_audio) },
    { "made_image", offsetof(ai_usage_t, completion_image) },
    { "total", offsetof(ai_usage_t, total) },
    { "searches", offsetof(ai_usage_t, searches) },
    { "images", offsetof(ai_usage_t, images) },
    { "ms", offsetof(ai_usage_t, milliseconds) }
};


/* "prompt 3 completion 4": what is not -1 */

static const char *
text_of(const ai_usage_t *u)
{
    size_t        i, n;
    int64_t       v;
    static char   out[1024];

    static const char *const  tiers[] = { "", "batch ", "flex ", "priority " };

    n = (size_t) snprintf(out, sizeof(out), "%s", tiers[u->tier]);

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        memcpy(&v, (const char *) u + fields[i].at, sizeof(v));

        if (v != -1) {
            n += (size_t) snprintf(out + n, sizeof(out) - n, "%s %lld ",
                                   fields[i].name, (long long) v);
        }
    }

    if (n) {
        out[n - 1] = '\0';
    }

    return out;
}


static ai_usage_t  seen;


static ai_int_t
note(void *data, const ai_event_t *ev)
{
    (void) data;

    if (ev->type == AI_EVENT_USAGE) {
        seen = *ev->usage;
    }

    return AI_OK;
}


static const case_t  cases[] = {
    { "audio and images of a chat", "openai",
      CHAT("{\"prompt_tokens\":100,\"completion_tokens\":60,"
           "\"total_tokens\":160,\"prompt_tokens_details\":{"
           "\"cached_tokens\":40,\"audio_tokens\":30,\"image_tokens\":20,"
           "\"text_tokens\":50,\"cached_tokens_details\":{"
           "\"audio_tokens\":7,\"image_tokens\":8}},"
           "\"completion_tokens_details\":{\"reasoning_tokens\":5,"
           "\"audio_tokens\":11,\"image_tokens\":12}}",
           ",\"service_tier\":\"flex\""),
      "flex prompt 100 cached 40 audio 30 image 20 cached_audio 7 "
      "cached_image 8 completion 60 reasoning 5 made_audio 11 made_image 12 "
      "total 160" },

    { "details before the whole, and null", "openai",
      CHAT("{\"prompt_tokens_details\":{\"cached_tokens\":4},"
           "\"cached_tokens\":9,\"completion_tokens_details\":null,"
           "\"prompt_tokens\":8,\"completion_tokens\":2}", ""),
      "prompt 8 cached 4 completion 2 total 10" },

    { "a tier nobody knows", "groq",
      CHAT("{\"prompt_tokens\":1,\"completion_tokens\":2}",
           ",\"service_tier\":\"on_demand\""),
      "prompt 1 completion 2 total 3" },

    { "an escaped name", "openai",
      CHAT("{\"prompt\\u005ftokens\":1,\"completion_tokens\":2}", ""),
      "prompt 1 completion 2 total 3" },

    { "writes for an hour", "alibaba",
      CHAT("{\"prompt_tokens\":50,\"completion_tokens\":2,"
           "\"prompt_tokens_details\":{\"cached_tokens\":5,"
           "\"cache_creation_input_tokens\":20,\"cache_creation\":{"
           "\"ephemeral_5m_input_tokens\":12,"
           "\"ephemeral_1h_input_tokens\":8}}}", ""),
      "prompt 50 cached 5 write 20 write_1h 8 completion 2 total 52" },

    { "searches of OpenRouter", "openrouter",
      CHAT("{\"prompt_tokens\":1,\"completion_tokens\":2,"
           "\"server_tool_use\":{\"web_search_requests\":3}}", ""),
      "prompt 1 completion 2 total 3 searches 3" },

    { "searches of xAI, sources are none", "xai",
      CHAT("{\"prompt_tokens\":1,\"completion_tokens\":2,"
           "\"num_sources_used\":9,\"server_side_tool_usage_details\":{"
           "\"web_search_calls\":2,\"x_search_calls\":1,"
           "\"code_interpreter_calls\":5}}", ""),
      "prompt 1 completion 2 total 3 searches 3" },

    { "a search of Perplexity", "perplexity",
      CHAT("{\"prompt_tokens\":1,\"completion_tokens\":2,"
           "\"total_tokens\":3,\"search_context_size\":\"low\"}", ""),
      "prompt 1 completion 2 total 3 searches 1" },

    { "Perplexity's research", "perplexity",
      CHAT("{\"prompt_tokens\":33,\"completion_tokens\":7163,"
           "\"total_tokens\":7196,\"num_search_queries\":18,"
           "\"reasoning_tokens\":73997}", ""),
      "prompt 33 completion 81160 reasoning 73997 total 81193 searches 18" },

    { "Mistral hears", "mistral",
      CHAT("{\"prompt_tokens\":1,\"completion_tokens\":2,"
           "\"prompt_audio_seconds\":36}", ""),
      "prompt 1 completion 2 total 3 ms 36000" },

    { "searches are items", "openai_responses",
      RESPONSE(CALL("") CALL(",\"action\":{\"type\":\"search\"}")
               CALL(",\"action\":{\"type\":\"open_page\"}"),
               "{\"input_tokens\":3,\"output_tokens\":4,"
               "\"total_tokens\":7}", ",\"service_tier\":\"priority\""),
      "priority prompt 3 completion 4 total 7 searches 2" },

    { "writes that stay", "openai_responses",
      RESPONSE("", "{\"input_tokens\":30,\"output_tokens\":4,"
               "\"input_tokens_details\":{\"cache_write_tokens\":20,"
               "\"cache_write_tokens_details\":{\"ttl_30m_tokens\":15,"
               "\"ttl_12h_tokens\":5}}}", ",\"service_tier\":\"default\""),
      "prompt 30 write 20 write_1h 5 completion 4 total 34" },

    { "Anthropic's cache", "anthropic",
      MESSAGE("{\"input_tokens\":10,\"cache_creation_input_tokens\":30,"
              "\"cache_read_input_tokens\":5,\"output_tokens\":4,"
              "\"cache_creation\":{\"ephemeral_5m_input_tokens\":10,"
              "\"ephemeral_1h_input_tokens\":20},\"server_tool_use\":{"
              "\"web_search_requests\":2,\"web_fetch_requests\":7},"
              "\"service_tier\":\"batch\"}"),
      "batch prompt 45 cached 5 write 30 write_1h 20 completion 4 total 49 "
      "searches 2" },

    { "Anthropic's runs", "anthropic",
      MESSAGE("{\"input_tokens\":10,\"output_tokens\":4,\"iterations\":["
              "{\"input_tokens\":10,\"output_tokens\":4,"
              "\"cache_creation_input_tokens\":8,\"cache_creation\":{"
              "\"ephemeral_1h_input_tokens\":3}},"
              "{\"input_tokens\":1,\"output_tokens\":2,"
              "\"cache_creation_input_tokens\":8,\"cache_creation\":{"
              "\"ephemeral_1h_input_tokens\":4}}],"
              "\"service_tier\":\"standard\"}"),
      "prompt 27 write 16 write_1h 7 completion 6 total 33" },

    { "Gemini's modalities", "gemini",
      GENERATED("gemini-3-pro", "", "{\"promptTokenCount\":100,"
                "\"cachedContentTokenCount\":50,\"candidatesTokenCount\":30,"
                "\"thoughtsTokenCount\":7,\"toolUsePromptTokenCount\":20,"
                "\"totalTokenCount\":157,\"promptTokensDetails\":["
                "{\"modality\":\"TEXT\",\"tokenCount\":10},"
                "{\"modality\":\"AUDIO\",\"tokenCount\":40},"
                "{\"modality\":\"VIDEO\",\"tokenCount\":30},"
                "{\"modality\":2,\"tokenCount\":20}],"
                "\"toolUsePromptTokensDetails\":["
                "{\"modality\":\"IMAGE\",\"tokenCount\":5}],"
                "\"cacheTokensDetails\":[{\"modality\":\"AUDIO\","
                "\"tokenCount\":15},{\"modality\":\"IMAGE\","
                "\"tokenCount\":3}],\"candidatesTokensDetails\":["
                "{\"modality\":4,\"tokenCount\":6},"
                "{\"modality\":\"IMAGE\",\"tokenCount\":9}],"
                "\"trafficType\":\"ON_DEMAND_PRIORITY\"}"),
      "priority prompt 120 cached 50 audio 40 image 25 cached_audio 15 "
      "cached_image 3 completion 37 reasoning 7 made_audio 6 made_image 9 "
      "total 157" },

    { "Gemini 3 is billed by the question", "gemini",
      GENERATED("gemini-3-pro", ",\"groundingMetadata\":{"
                "\"webSearchQueries\":[\"a\",\"b\",\"c\"]}",
                "{\"promptTokenCount\":1,\"serviceTier\":\"flex\"}"),
      "flex prompt 1 completion 0 total 1 searches 3" },

    { "Gemini 2 by the prompt", "gemini",
      GENERATED("gemini-2.5-flash", ",\"groundingMetadata\":{"
                "\"webSearchQueries\":[\"a\",\"b\",\"c\"]}",
                "{\"promptTokenCount\":1,\"serviceTier\":\"standard\"}"),
      "prompt 1 completion 0 total 1 searches 1" },

    { "Bedrock's cache", "bedrock",
      CONVERSED("{\"inputTokens\":10,\"outputTokens\":4,"
                "\"cacheReadInputTokens\":5,\"cacheWriteInputTokens\":30,"
                "\"cacheDetails\":[{\"ttl\":\"5m\",\"inputTokens\":10},"
                "{\"ttl\":\"1h\",\"inputTokens\":20}]}",
                ",\"serviceTier\":{\"type\":\"priority\"}"),
      "priority prompt 45 cached 5 write 30 write_1h 20 completion 4 "
      "total 49" },

    { "what was cached, of nobody knows what", "bedrock",
      CONVERSED("{\"outputTokens\":4,\"cacheReadInputTokens\":5}", ""),
      "cached 5 completion 4 total 4" },

    { "Cohere searches", "cohere",
      "{\"id\":\"i\",\"finish_reason\":\"COMPLETE\",\"message\":{\"content\":"
      "[{\"type\":\"text\",\"text\":\"x\"}]},\"usage\":{\"billed_units\":{"
      "\"input_tokens\":1,\"output_tokens\":2,\"search_units\":3},"
      "\"tokens\":{\"input_tokens\":10,\"output_tokens\":20},"
      "\"cached_tokens\":4}}",
      "prompt 10 cached 4 completion 20 total 30 searches 3" },

    { "parts above their whole", "openai",
      CHAT("{\"prompt_tokens\":10,\"completion_tokens\":4,"
           "\"total_tokens\":14,\"prompt_tokens_details\":{"
           "\"cached_tokens\":8,\"cache_write_tokens\":8,"
           "\"audio_tokens\":11,\"cached_tokens_details\":{"
           "\"audio_tokens\":9}},\"completion_tokens_details\":{"
           "\"reasoning_tokens\":5}}", ""),
      "prompt 10 cached 8 write 2 audio 10 cached_audio 8 completion 4 "
      "reasoning 4 total 14" },

    { "nonsense", "openai",
      CHAT("{\"prompt_tokens\":-1,\"completion_tokens\":\"4\","
           "\"prompt_tokens_details\":[],\"completion_tokens_details\":7,"
           "\"seconds\":1e300,\"server_tool_use\":null,\"total_tokens\":1e30}",
           ",\"service_tier\":{\"type\":\"flex\"}"),
      "" }
};


static ai_int_t
answered(const char *row, const char *answer)
{
    ai_str_t              name, body;
    ai_sink_t             sink = { note, NULL };
    ai_decoder_t         *d;
    const ai_provider_t  *provider;

    name.data = (ai_char_t *) row;
    name.len = strlen(row);
    body.data = (ai_char_t *) answer;
    body.len = strlen(answer);

    ai_usage_init(&seen);

    provider = ai_provider_find(&name);
    if (provider == NULL) {
        return AI_DECLINED;
    }

    d = ai_decoder_create(provider, mem_pool(), &sink);
    if (d == NULL) {
        return AI_ERROR;
    }

    return provider->answer(d, &body);
}


static void
reports(void)
{
    size_t         i, n;
    const case_t  *c;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];

        mem_reset();
        is_int(answered(c->row, c->answer), AI_OK, "%s", c->name);
        ai_usage_normalise(&seen);
        is_cstr(text_of(&seen), c->usage, "%s: usage", c->name);

        for (n = 1; /* void */ ; n++) {
            mem_reset();
            mem_fail_at(n);

            if (answered(c->row, c->answer) == AI_OK && !mem_failed()) {
                break;
            }
        }
    }

    mem_reset();
}


/* bytes that go through */

static const case_t  watched[] = {
    { "an answer", "w",
      CHAT("{\"prompt_tokens\":3,\"completion_tokens\":4,"
           "\"prompt_tokens_details\":{\"audio_tokens\":2}}",
           ",\"service_tier\":\"priority\""),
      "priority prompt 3 audio 2 completion 4 total 7" },

    { "images", "any",
      "{\"created\":1,\"data\":[{\"b64_json\":\"aGk=\"},{\"url\":\"u\"}],"
      "\"usage\":{\"total_tokens\":100,\"input_tokens\":50,"
      "\"output_tokens\":50,\"input_tokens_details\":{\"text_tokens\":10,"
      "\"image_tokens\":40}}}",
      "prompt 50 image 40 completion 50 made_image 50 total 100 images 2" },

    { "images, their tokens told apart", "any",
      "{\"data\":[{\"b64_json\":\"aGk=\"}],\"usage\":{\"input_tokens\":5,"
      "\"output_tokens\":50,\"output_tokens_details\":{\"text_tokens\":8,"
      "\"image_tokens\":42}}}",
      "prompt 5 completion 50 made_image 42 total 55 images 1" },

    { "images without usage", "any",
      "{\"data\":[{\"url\":\"u\"},{\"url\":\"v\"}]}", "images 2" },

    { "vectors are no images", "any",
      "{\"data\":[{\"embedding\":[1,2]}],\"usage\":{\"prompt_tokens\":2,"
      "\"total_tokens\":2}}", "prompt 2 total 2" },

    { "a transcript by tokens", "any",
      "{\"text\":\"x\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,"
      "\"input_token_details\":{\"text_tokens\":4,\"audio_tokens\":10},"
      "\"output_tokens\":45,\"total_tokens\":59}}",
      "prompt 14 audio 10 completion 45 total 59" },

    { "a transcript by time", "any",
      "{\"text\":\"x\",\"duration\":6.2,\"usage\":{\"type\":\"duration\","
      "\"seconds\":7}}", "ms 7000" },

    { "a transcript that says how long it was", "any",
      "{\"task\":\"transcribe\",\"duration\":8.4709,\"text\":\"x\"}",
      "ms 8471" },

    { "a file", "any", "{\"id\":\"f\",\"bytes\":7,\"duration\":3}", "" },

    { "the end of an image", "event",
      "{\"type\":\"image_generation.completed\",\"b64_json\":\"aGk=\","
      "\"usage\":{\"input_tokens\":5,\"output_tokens\":50,"
      "\"total_tokens\":55}}",
      "prompt 5 completion 50 made_image 50 total 55 images 1" },

    { "the end of a speech", "event",
      "{\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":5,"
      "\"output_tokens\":50,\"total_tokens\":55}}",
      "prompt 5 completion 50 made_audio 50 total 55" },

    { "the end of a transcript", "event",
      "{\"type\":\"transcript.text.done\",\"text\":\"x\",\"usage\":{"
      "\"type\":\"tokens\",\"input_tokens\":14,\"input_token_details\":{"
      "\"audio_tokens\":10},\"output_tokens\":4,\"total_tokens\":18}}",
      "prompt 14 audio 10 completion 4 total 18" }
};


static void
watches(void)
{
    size_t           i;
    ai_str_t         text, out;
    ai_watch_t       w;
    const case_t    *c;
    ai_sse_event_t   ev;

    for (i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        c = &watched[i];

        mem_reset();
        ai_watch_init(&w, NULL, mem_pool(), 0);
        w.any = (*c->row != 'w');

        text.data = (ai_char_t *) c->answer;
        text.len = strlen(c->answer);

        if (*c->row == 'e') {
            memset(&ev, 0, sizeof(ev));
            ev.data = text;
            ev.bytes = text;
            is_int(ai_watch_event(&w, &ev, &out), AI_WATCH_PASS, "%s",
                   c->name);

        } else {
            is_int(ai_watch_answer(&w, &text), AI_OK, "%s", c->name);
        }

        ai_usage_normalise(&w.usage);
        is_cstr(text_of(&w.usage), c->usage, "%s: usage", c->name);
    }

    mem_reset();
}


/* what clients are told: the member is in the answer, in these words */

static const struct {
    const ai_dialect_t  *dialect;
    ai_usage_t           u;
    const char          *has;
    const char          *has_not;
} told[] = {
    { &ai_dialect_openai,
      { .prompt = 100, .cached = 40, .cache_write = 5, .cache_write_1h = -1,
        .prompt_audio = 30, .prompt_image = 20, .cached_audio = -1,
        .cached_image = -1, .completion = 60, .reasoning = 5,
        .completion_audio = 11, .completion_image = 12, .total = -1,
        .searches = -1, .tier = AI_TIER_FLEX },
      "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":60,"
      "\"total_tokens\":160,\"prompt_tokens_details\":{\"cached_tokens\":40,"
      "\"cache_write_tokens\":5,\"audio_tokens\":30,\"image_tokens\":20},"
      "\"completion_tokens_details\":{\"reasoning_tokens\":5,"
      "\"audio_tokens\":11,\"image_tokens\":12}},\"service_tier\":\"flex\"}",
      NULL },

    { &ai_dialect_openai,
      { .prompt = 10, .completion = 6, .total = -1, .tier = AI_TIER_BATCH },
      "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":6,"
      "\"total_tokens\":16,\"prompt_tokens_details\":{\"cached_tokens\":0},"
      "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}",
      "service_tier" },

    { &ai_dialect_responses,
      { .prompt = 100, .cached = 40, .prompt_audio = 30, .completion = 60,
        .completion_image = 12, .total = -1, .tier = AI_TIER_PRIORITY },
      "\"usage\":{\"input_tokens\":100,\"input_tokens_details\":{"
      "\"cached_tokens\":40,\"cache_write_tokens\":0,\"audio_tokens\":30},"
      "\"output_tokens\":60,\"output_tokens_details\":{"
      "\"reasoning_tokens\":0,\"image_tokens\":12},\"total_tokens\":160}",
      NULL },

    { &ai_dialect_responses,
      { .prompt = 1, .completion = 2, .total = -1, .tier = AI_TIER_FLEX },
      "\"service_tier\":\"flex\"", NULL },

    { &ai_dialect_responses,
      { .prompt = 1, .completion = 2, .total = -1 },
      "\"service_tier\":null", "audio_tokens" },

    { &ai_dialect_anthropic,
      { .prompt = 100, .cached = 40, .cache_write = 25, .cache_write_1h = 5,
        .completion = 60, .reasoning = 7, .total = -1, .searches = 3,
        .tier = AI_TIER_BATCH },
      "\"usage\":{\"input_tokens\":35,\"cache_creation_input_tokens\":25,"
      "\"cache_read_input_tokens\":40,\"cache_creation\":{"
      "\"ephemeral_5m_input_tokens\":20,\"ephemeral_1h_input_tokens\":5},"
      "\"output_tokens\":60,\"output_tokens_details\":{\"thinking_tokens\":7}"
      ",\"server_tool_use\":{\"web_search_requests\":3,"
      "\"web_fetch_requests\":0},\"service_tier\":\"batch\"}", NULL },

    { &ai_dialect_anthropic,
      { .prompt = 10, .cached = -1, .cache_write = -1, .cache_write_1h = -1,
        .completion = 6, .total = -1, .tier = AI_TIER_FLEX },
      "\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":0,"
      "\"cache_read_input_tokens\":0,\"output_tokens\":6}", "service_tier" },

    { &ai_dialect_gemini,
      { .prompt = 100, .cached = 40, .prompt_audio = 30, .prompt_image = 20,
        .cached_audio = 40, .completion = 60, .reasoning = 10,
        .completion_audio = -1, .completion_image = 50, .total = -1,
        .tier = AI_TIER_PRIORITY },
      "\"usageMetadata\":{\"promptTokenCount\":100,"
      "\"candidatesTokenCount\":50,\"totalTokenCount\":160,"
      "\"cachedContentTokenCount\":40,"
      "\"thoughtsTokenCount\":10,\"promptTokensDetails\":[{\"modality\":"
      "\"TEXT\",\"tokenCount\":50},{\"modality\":\"AUDIO\",\"tokenCount\":30}"
      ",{\"modality\":\"IMAGE\",\"tokenCount\":20}],\"cacheTokensDetails\":[{"
      "\"modality\":\"AUDIO\",\"tokenCount\":40}],"
      "\"candidatesTokensDetails\":[{\"modality\":\"IMAGE\",\"tokenCount\":"
      "50}],\"trafficType\":\"ON_DEMAND_PRIORITY\"}", NULL },

    { &ai_dialect_gemini,
      { .prompt = 10, .completion = 6, .total = -1 },
      "\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":6,"
      "\"totalTokenCount\":16}", "Details" }
};


static void
replies(void)
{
    void             *r;
    size_t            i;
    ai_buf_t          out;
    ai_json_t         doc;
    ai_str_t          text;
    ai_reply_conf_t   conf;

    ai_event_t  ev[] = {
        { .type = AI_EVENT_START },
        { .type = AI_EVENT_BLOCK_START, .kind = AI_BLOCK_TEXT },
        { .type = AI_EVENT_DELTA, .kind = AI_BLOCK_TEXT,
          .text = ai_string("x") },
        { .type = AI_EVENT_BLOCK_STOP, .kind = AI_BLOCK_TEXT },
        { .type = AI_EVENT_FINISH, .finish = AI_FINISH_STOP },
        { .type = AI_EVENT_USAGE }
    };

    for (i = 0; i < sizeof(told) / sizeof(told[0]) * 2; i++) {
        size_t  k, n;

        n = i / 2;

        mem_reset();
        ai_buf_init(&out, mem_pool());
        memset(&conf, 0, sizeof(conf));

        conf.id = ai_lit("0123456789abcdefghijklmnopqrs");
        conf.model = ai_lit("m");
        conf.stream = i % 2;
        conf.include_usage = 1;

        ev[5].usage = &told[n].u;
        r = told[n].dialect->reply_create(&conf, &out, mem_pool());

        for (k = 0; k < 6; k++) {
            is_int(told[n].dialect->reply_event(r, &ev[k]), AI_OK, "event");
        }

        is_int(told[n].dialect->reply_end(r), AI_OK, "end");
        ai_buf_char(&out, '\0');

        ok(strstr((char *) out.start, told[n].has) != NULL, "%zu: says %s",
           i, told[n].has);
        ok(told[n].has_not == NULL
           || strstr((char *) out.start, told[n].has_not) == NULL,
           "%zu: does not say %s", i, told[n].has_not);

        if (!conf.stream) {
            text = ai_buf_str(&out);
            text.len--;
            ai_json_init(&doc, mem_pool());
            is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "is JSON");
        }
    }

    mem_reset();
}


static void
parts(void)
{
    ai_usage_t  u, with;

    ai_usage_init(&u);
    u.cached = 5;
    u.cache_write_1h = 3;
    u.reasoning = 2;
    ai_usage_normalise(&u);
    is_cstr(text_of(&u), "cached 5 write 3 write_1h 3 reasoning 2",
            "parts of nobody knows what stay");

    ai_usage_init(&with);
    with.prompt = 7;
    with.tier = AI_TIER_BATCH;
    ai_usage_merge(&u, &with);
    ai_usage_init(&with);
    with.cached = 6;
    ai_usage_merge(&u, &with);
    ai_usage_normalise(&u);
    is_cstr(text_of(&u), "batch prompt 7 cached 6 write 1 write_1h 1 "
            "reasoning 2 total 7", "reports add up");
}


int
main(void)
{
    reports();
    watches();
    replies();
    parts();

    return done();
}
