
/*
 * Any request to count tokens, of four spellings, for any service, and any
 * answer: what is built is JSON of the members that are taken, no longer than
 * the chat request would be, and a number that was read can be told.
 */

#include "fuzz_calls.h"


static const struct {
    const ai_service_t   *service;
    const ai_provider_t  *provider;
    const char           *model;
    const char           *last;     /* member of the root */
} services[] = {
    { &ai_anthropic_count_tokens, &ai_provider_anthropic,
      "claude-sonnet-4-5", "messages" },
    { &ai_vertex_anthropic_count_tokens, &ai_provider_vertex_anthropic,
      "claude-opus-4-6", "messages" },
    { &ai_gemini_count_tokens, &ai_provider_gemini, "gemini-2.5-flash",
      "generateContentRequest" },
    { &ai_vertex_gemini_count_tokens, &ai_provider_vertex,
      "gemini-3-pro-preview", "contents" },
    { &ai_bedrock_count_tokens, &ai_provider_bedrock,
      "us.anthropic.claude-sonnet-4-20250514-v1:0", "input" },
    { &ai_openai_count_tokens, &ai_provider_openai_responses, "gpt-5",
      "input" }
};

static const ai_dialect_t  *const dialects[] = {
    &ai_dialect_count_tokens, &ai_dialect_gemini_count,
    &ai_dialect_responses_count
};


static void
check_own(const ai_request_t *rq, const ai_block_t *b)
{
    (void) rq;
    (void) b;
}


static void
check_members(const ai_json_t *built, const char *last)
{
    size_t  i;

    static const char  *const none[] = {
        "max_tokens", "stream", "temperature", "top_p", "top_k",
        "stop_sequences", "metadata", "service_tier", "max_output_tokens",
        "store", "include"
    };

    must(ai_json_get(built, AI_JSON_ROOT, last) != AI_JSON_NONE);

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        must(ai_json_get(built, AI_JSON_ROOT, none[i]) == AI_JSON_NONE);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned             n;
    ai_json_t            built;
    ai_target_t          t;
    fuzz_call_t          f;
    const ai_dialect_t  *d;

    if (size == 0) {
        return 0;
    }

    fuzz_split(&f, data, size);

    d = dialects[f.choice % 3];
    n = f.choice / 3 % (sizeof(services) / sizeof(services[0]));

    memset(&t, 0, sizeof(t));
    t.provider = services[n].provider;
    t.model.data = (ai_char_t *) services[n].model;
    t.model.len = strlen(services[n].model);
    t.max_output = -1;

    if (fuzz_decode(&f, d) != AI_OK) {
        arena_free();
        return 0;
    }

    must(!f.peek.stream && !f.call.u.chat.stream);
    check_request(&f.call.u.chat, check_own);

    if (fuzz_build(&f, services[n].service, &t, &built) == AI_OK) {
        check_members(&built, services[n].last);
    }

    if (fuzz_answer(&f, services[n].service, &t) == AI_OK) {
        must(f.res.tokens >= 0);
        must(fuzz_reply(&f, d) == AI_OK);

    } else {
        must(f.res.tokens == -1);
    }

    arena_free();

    return 0;
}
