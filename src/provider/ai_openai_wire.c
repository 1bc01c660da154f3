
/*
 * Readers shared by the watch and the decoder of OpenAI-shaped answers.
 */

#include <provider/ai_openai_wire_int.h>


#define AI_WIRE_TOKENS_MAX  INT64_C(1000000000000)


typedef struct {
    const char        *word;
    ai_finish_e        finish;
} ai_wire_word_t;


const ai_json_limits_t  ai_wire_event_limits = {
    128, AI_WIRE_EVENT_NODES, 65536, 1024
};


const ai_json_limits_t  ai_wire_answer_limits = {
    128, AI_WIRE_ANSWER_NODES, 65536, 1024
};


static const ai_wire_word_t  ai_wire_words[] = {
    { "stop", AI_FINISH_STOP },
    { "length", AI_FINISH_LENGTH },
    { "tool_calls", AI_FINISH_TOOLS },
    { "content_filter", AI_FINISH_FILTER },
    { "function_call", AI_FINISH_TOOLS },
    { "tool_use", AI_FINISH_TOOLS },
    { "stop_sequence", AI_FINISH_STOP_SEQ },
    { "model_length", AI_FINISH_LENGTH },
    { "max_tokens", AI_FINISH_LENGTH },
    { "MAX_TOKENS", AI_FINISH_LENGTH },
    { "model_context_window_exceeded", AI_FINISH_CONTEXT },
    { "insufficient_system_resource", AI_FINISH_ERROR },
    { "error", AI_FINISH_ERROR },
    { "network_error", AI_FINISH_ERROR },
    { "sensitive", AI_FINISH_FILTER },
    { "SAFETY", AI_FINISH_FILTER },
    { "RECITATION", AI_FINISH_FILTER },
    { "refusal", AI_FINISH_FILTER },
    { NULL, AI_FINISH_NONE }
};


static int64_t ai_wire_tokens(const ai_json_t *doc, ai_ref_t object,
    const char *name);
static int64_t ai_wire_first(const ai_json_t *doc, ai_ref_t object,
    const char *const *names);
static int64_t ai_wire_detail(const ai_json_t *doc, ai_ref_t usage,
    const char *a, const char *b, const char *name);
static uint64_t ai_wire_hash(const ai_str_t *s, uint64_t seed);


ai_int_t
ai_wire_done(const ai_str_t *data)
{
    size_t            len;
    const ai_char_t  *p;

    p = data->data;
    len = data->len;

    while (len && (*p == ' ' || *p == '\t')) {
        p++;
        len--;
    }

    while (len && (p[len - 1] == ' ' || p[len - 1] == '\t')) {
        len--;
    }

    return len == 6 && memcmp(p, "[DONE]", 6) == 0;
}


ai_int_t
ai_wire_is_error(const ai_json_t *doc, ai_ref_t error)
{
    switch (ai_json_type(doc, error)) {

    case AI_JSON_OBJECT:
    case AI_JSON_ARRAY:
        return 1;

    case AI_JSON_STRING:
        return doc->node[error].len > 2;

    case AI_JSON_TRUE:
        return 1;

    default:
        return 0;
    }
}


void
ai_wire_start(const ai_json_t *doc, ai_ref_t answer, ai_ref_t created,
    ai_event_t *ev)
{
    double  time;

    ev->id = ai_json_esc(doc, ai_json_get(doc, answer, "id"));
    ev->model = ai_json_esc(doc, ai_json_get(doc, answer, "model"));

    if (ev->id.len == 0) {
        ev->id.data = NULL;
    }

    if (ev->model.len == 0) {
        ev->model.data = NULL;
    }

    if (ai_json_double(doc, created, &time) == AI_OK
        && time >= 1 && time < 1e12)
    {
        ev->created = (int64_t) time;
    }
}


ai_finish_e
ai_wire_finish(const ai_json_t *doc, ai_ref_t v)
{
    const ai_wire_word_t  *w;

    if (ai_json_type(doc, v) != AI_JSON_STRING || doc->node[v].len == 2) {
        return AI_FINISH_NONE;
    }

    for (w = ai_wire_words; w->word; w++) {
        if (ai_json_is(doc, v, w->word)) {
            return w->finish;
        }
    }

    return AI_FINISH_STOP;
}


void
ai_wire_usage(const ai_provider_t *provider, const ai_json_t *doc,
    ai_ref_t usage, ai_usage_t *u)
{
    ai_usage_t  r;

    static const char *const  prompt[] = {
        "prompt_tokens", "input_tokens", NULL
    };

    static const char *const  completion[] = {
        "completion_tokens", "output_tokens", NULL
    };

    static const char *const  cached[] = {
        "cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", NULL
    };

    if (ai_json_type(doc, usage) != AI_JSON_OBJECT) {
        return;
    }

    ai_usage_init(&r);

    r.prompt = ai_wire_first(doc, usage, prompt);
    r.completion = ai_wire_first(doc, usage, completion);
    r.total = ai_wire_tokens(doc, usage, "total_tokens");

    r.cached = ai_wire_detail(doc, usage, "prompt_tokens_details",
                              "input_tokens_details", "cached_tokens");
    if (r.cached < 0) {
        r.cached = ai_wire_first(doc, usage, cached);
    }

    r.cache_write = ai_wire_detail(doc, usage, "prompt_tokens_details",
                                   "input_tokens_details",
                                   "cache_write_tokens");

    r.reasoning = ai_wire_detail(doc, usage, "completion_tokens_details",
                                 "output_tokens_details",
                                 "reasoning_tokens");
    if (r.reasoning < 0) {
        r.reasoning = ai_wire_tokens(doc, usage, "reasoning_tokens");
    }

    /*
     * A total that only adds up with the reasoning in it shows that it was
     * left out of the completion, whoever the vendor is; without a total the
     * row decides.
     */

    if (r.reasoning > 0 && r.completion >= 0) {

        if (r.total < 0) {
            if (provider && (provider->quirks & AI_QUIRK_REASONING_APART)) {
                r.completion += r.reasoning;
            }

        } else if (r.prompt >= 0
                   && r.total == r.prompt + r.completion + r.reasoning)
        {
            r.completion += r.reasoning;
        }
    }

    ai_usage_merge(u, &r);
}


ai_int_t
ai_wire_usage_any(const ai_provider_t *provider, const ai_json_t *doc,
    ai_usage_t *u)
{
    ai_ref_t  v, choices;

    v = ai_json_get(doc, AI_JSON_ROOT, "usage");

    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        v = ai_json_path(doc, AI_JSON_ROOT, "x_groq", "usage", NULL);
    }

    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        choices = ai_json_get(doc, AI_JSON_ROOT, "choices");

        if (ai_json_type(doc, choices) == AI_JSON_ARRAY) {
            v = ai_json_get(doc, ai_json_first(doc, choices), "usage");
        }
    }

    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        return 0;
    }

    ai_wire_usage(provider, doc, v, u);

    return 1;
}


void
ai_wire_token(ai_buf_t *b, const ai_str_t *s, size_t n)
{
    size_t    i;
    uint64_t  h;

    static const char  set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz";

    h = 0;

    for (i = 0; i < n; i++) {

        if (i % 9 == 0) {
            h = ai_wire_hash(s, i / 9);
        }

        ai_buf_char(b, (ai_char_t) set[h % 62]);
        h /= 62;
    }
}


ai_int_t
ai_wire_tool_id_ok(uint32_t quirks, const ai_esc_t *id)
{
    size_t     i;
    ai_char_t  c;

    if (!(quirks & AI_QUIRK_STRICT_BODY)) {
        return id->len > 0 && id->len <= 40;
    }

    if (id->len != 9) {
        return 0;
    }

    for (i = 0; i < id->len; i++) {
        c = id->data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')))
        {
            return 0;
        }
    }

    return 1;
}


void
ai_wire_tool_id(ai_buf_t *b, uint32_t quirks, const ai_esc_t *id)
{
    size_t    start, len;
    ai_str_t  plain;

    if (ai_wire_tool_id_ok(quirks, id)) {
        ai_buf_cat(b, id);
        return;
    }

    /* two spellings of one id must give one token: hash it decoded, using
     * the free end of b as the place to decode to */

    if (id->len && memchr(id->data, '\\', id->len)) {
        start = ai_buf_len(b);
        ai_json_unescape(b, id);

        if (b->failed || ai_buf_reserve(b, 32) != AI_OK) {
            return;
        }

        len = ai_buf_len(b) - start;
        plain.data = b->start + start;
        plain.len = len;

        if (quirks & AI_QUIRK_STRICT_BODY) {
            ai_wire_token(b, &plain, 9);

        } else {
            ai_buf_lit(b, "call_");
            ai_wire_token(b, &plain, 24);
        }

        if (!b->failed) {
            memmove(b->start + start, b->start + start + len,
                    ai_buf_len(b) - start - len);
            b->last -= len;
        }

        return;
    }

    if (quirks & AI_QUIRK_STRICT_BODY) {
        ai_wire_token(b, id, 9);
        return;
    }

    ai_buf_lit(b, "call_");
    ai_wire_token(b, id, 24);
}


static int64_t
ai_wire_tokens(const ai_json_t *doc, ai_ref_t object, const char *name)
{
    int64_t  n;

    if (ai_json_int(doc, ai_json_get(doc, object, name), &n) != AI_OK
        || n < 0 || n > AI_WIRE_TOKENS_MAX)
    {
        return -1;
    }

    return n;
}


static int64_t
ai_wire_first(const ai_json_t *doc, ai_ref_t object, const char *const *names)
{
    int64_t  n;

    for ( /* void */ ; *names; names++) {
        n = ai_wire_tokens(doc, object, *names);

        if (n >= 0) {
            return n;
        }
    }

    return -1;
}


static int64_t
ai_wire_detail(const ai_json_t *doc, ai_ref_t usage, const char *a,
    const char *b, const char *name)
{
    int64_t  n;

    n = ai_wire_tokens(doc, ai_json_get(doc, usage, a), name);

    return n >= 0 ? n : ai_wire_tokens(doc, ai_json_get(doc, usage, b), name);
}


/* FNV-1a, its bits mixed at the end so that all digits depend on all bytes */

static uint64_t
ai_wire_hash(const ai_str_t *s, uint64_t seed)
{
    size_t    i;
    uint64_t  h;

    h = UINT64_C(14695981039346656037) ^ (seed * UINT64_C(0x9E3779B97F4A7C15));

    for (i = 0; i < s->len; i++) {
        h ^= s->data[i];
        h *= UINT64_C(1099511628211);
    }

    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    h ^= h >> 33;

    return h;
}


void
ai_wire_output_name(ai_buf_t *b, const ai_request_t *rq)
{
    ai_buf_lit(b, "\"name\":");

    if (rq->output_name.len) {
        ai_buf_quote_esc(b, &rq->output_name);

    } else {
        ai_buf_lit(b, "\"output\"");
    }

    if (rq->output_description.len) {
        ai_buf_lit(b, ",\"description\":");
        ai_buf_quote_esc(b, &rq->output_description);
    }
}
