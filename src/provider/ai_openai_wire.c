
/*
 * Readers shared by the watch and the decoder of OpenAI-shaped answers.
 */

#include <provider/ai_openai_wire_int.h>


#define AI_WIRE_TOKENS_MAX  INT64_C(1000000000000)


typedef struct {
    const char        *word;
    ai_finish_e        finish;
} ai_wire_word_t;


typedef struct {
    const char        *word;
    ai_tier_e          tier;
} ai_wire_tier_t;


static void ai_wire_reasoning(const ai_provider_t *provider, ai_usage_t *r);
static void ai_wire_read(const ai_json_t *doc, ai_ref_t v,
    const ai_wire_name_t *name, ai_usage_t *u);
static void ai_wire_modalities(const ai_json_t *doc, ai_ref_t list,
    int64_t *to);
static const ai_wire_name_t *ai_wire_name(const ai_json_t *doc, ai_ref_t k,
    const ai_wire_name_t *names);
static int64_t ai_wire_tokens(const ai_json_t *doc, ai_ref_t v);
static int64_t ai_wire_milliseconds(const ai_json_t *doc, ai_ref_t v);
static uint64_t ai_wire_hash(const ai_str_t *s, uint64_t seed);


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


/* all others cost what is usual, or are not of the list's prices at all */

static const ai_wire_tier_t  ai_wire_tiers[] = {
    { "flex", AI_TIER_FLEX },
    { "priority", AI_TIER_PRIORITY },
    { "batch", AI_TIER_BATCH },
    { "ON_DEMAND_FLEX", AI_TIER_FLEX },
    { "ON_DEMAND_PRIORITY", AI_TIER_PRIORITY },
    { NULL, AI_TIER_STANDARD }
};


/*
 * What vendors call the numbers of a usage.  Details win over what stands
 * beside them, and OpenAI's names over others.
 */

static const ai_wire_name_t  ai_wire_cached_names[] = {
    ai_wire_count("audio_tokens", cached_audio, AI_WIRE_SET),
    ai_wire_count("image_tokens", cached_image, AI_WIRE_SET),
    ai_wire_end
};


/* OpenAI's 12 hours are the longer of two as well */

static const ai_wire_name_t  ai_wire_written_names[] = {
    ai_wire_count("ephemeral_1h_input_tokens", cache_write_1h, AI_WIRE_SET),
    ai_wire_count("ttl_12h_tokens", cache_write_1h, AI_WIRE_SET),
    ai_wire_end
};


static const ai_wire_name_t  ai_wire_prompt_names[] = {
    ai_wire_count("cached_tokens", cached, AI_WIRE_SET),
    ai_wire_count("audio_tokens", prompt_audio, AI_WIRE_SET),
    ai_wire_count("image_tokens", prompt_image, AI_WIRE_SET),
    ai_wire_count("cache_write_tokens", cache_write, AI_WIRE_SET),
    ai_wire_count("cache_creation_input_tokens", cache_write, AI_WIRE_WEAK),
    ai_wire_count("cache_creation_tokens", cache_write, AI_WIRE_WEAK),
    ai_wire_inside("cached_tokens_details", ai_wire_cached_names),
    ai_wire_inside("cache_creation", ai_wire_written_names),
    ai_wire_inside("cache_write_tokens_details", ai_wire_written_names),
    ai_wire_end
};


static const ai_wire_name_t  ai_wire_completion_names[] = {
    ai_wire_count("reasoning_tokens", reasoning, AI_WIRE_SET),
    ai_wire_count("audio_tokens", completion_audio, AI_WIRE_SET),
    ai_wire_count("image_tokens", completion_image, AI_WIRE_SET),
    ai_wire_end
};


/* of OpenRouter, who puts them under either name */

static const ai_wire_name_t  ai_wire_server_names[] = {
    ai_wire_count("web_search_requests", searches, AI_WIRE_SET),
    ai_wire_end
};


/* of xAI, at one price */

static const ai_wire_name_t  ai_wire_xai_names[] = {
    ai_wire_count("web_search_calls", searches, AI_WIRE_SUM),
    ai_wire_count("x_search_calls", searches, AI_WIRE_SUM),
    ai_wire_end
};


static const ai_wire_name_t  ai_wire_usage_names[] = {
    ai_wire_count("prompt_tokens", prompt, AI_WIRE_SET),
    ai_wire_count("completion_tokens", completion, AI_WIRE_SET),
    ai_wire_count("total_tokens", total, AI_WIRE_SET),
    ai_wire_inside("prompt_tokens_details", ai_wire_prompt_names),
    ai_wire_inside("completion_tokens_details", ai_wire_completion_names),
    ai_wire_count("input_tokens", prompt, AI_WIRE_WEAK),
    ai_wire_count("output_tokens", completion, AI_WIRE_WEAK),
    ai_wire_inside("input_tokens_details", ai_wire_prompt_names),
    ai_wire_inside("output_tokens_details", ai_wire_completion_names),
    ai_wire_inside("input_token_details", ai_wire_prompt_names),
    ai_wire_inside("output_token_details", ai_wire_completion_names),
    ai_wire_count("cached_tokens", cached, AI_WIRE_WEAK),
    ai_wire_count("prompt_cache_hit_tokens", cached, AI_WIRE_WEAK),
    ai_wire_count("num_cached_tokens", cached, AI_WIRE_WEAK),
    ai_wire_count("reasoning_tokens", reasoning, AI_WIRE_WEAK),
    ai_wire_count("audio_prompt_tokens", prompt_audio, AI_WIRE_WEAK),
    ai_wire_count("num_search_queries", searches, AI_WIRE_SET),
    ai_wire_inside("server_tool_use", ai_wire_server_names),
    ai_wire_inside("server_tool_use_details", ai_wire_server_names),
    ai_wire_inside("server_side_tool_usage_details", ai_wire_xai_names),
    ai_wire_count("seconds", milliseconds, AI_WIRE_SECONDS),
    ai_wire_count("prompt_audio_seconds", milliseconds, AI_WIRE_SECONDS),
    ai_wire_end
};


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
    double   time;
    int64_t  n;

    ev->id = ai_json_esc(doc, ai_json_get(doc, answer, "id"));
    ev->model = ai_json_esc(doc, ai_json_get(doc, answer, "model"));

    if (ev->id.len == 0) {
        ev->id.data = NULL;
    }

    if (ev->model.len == 0) {
        ev->model.data = NULL;
    }

    /* it is an integer, nearly always */

    if (ai_json_int(doc, created, &n) == AI_OK) {

        if (n >= 1 && n < 1000000000000) {
            ev->created = n;
        }

    } else if (ai_json_double(doc, created, &time) == AI_OK
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

    if (ai_json_type(doc, usage) != AI_JSON_OBJECT) {
        return;
    }

    ai_usage_init(&r);

    ai_wire_counts(doc, usage, ai_wire_usage_names, &r);
    ai_wire_reasoning(provider, &r);

    if (r.searches < 0
        && ai_json_get(doc, usage, "search_context_size") != AI_JSON_NONE)
    {
        /* Perplexity: a fee for the request, which always is a search */

        r.searches = 1;
    }

    ai_usage_merge(u, &r);
}


/*
 * A total that only adds up with the reasoning in it shows that it was left
 * out of the completion, whoever the vendor is; without a total the row
 * decides, and where it is the custom to leave it out, more of it than of the
 * whole is as good a proof.
 */

static void
ai_wire_reasoning(const ai_provider_t *provider, ai_usage_t *r)
{
    ai_int_t  apart;

    if (r->reasoning <= 0 || r->completion < 0) {
        return;
    }

    apart = provider && (provider->quirks & AI_QUIRK_REASONING_APART);

    if (r->total < 0) {

        if (apart) {
            r->completion += r->reasoning;
        }

    } else if (r->prompt >= 0
               && r->total == r->prompt + r->completion + r->reasoning)
    {
        r->completion += r->reasoning;

    } else if (apart && r->reasoning > r->completion) {
        r->completion += r->reasoning;
        r->total += r->reasoning;
    }
}


void
ai_wire_counts(const ai_json_t *doc, ai_ref_t object,
    const ai_wire_name_t *names, ai_usage_t *u)
{
    ai_ref_t               k, v;
    uint32_t               end;
    const ai_wire_name_t  *name;

    if (ai_json_type(doc, object) != AI_JSON_OBJECT) {
        return;
    }

    end = doc->node[object].next;

    for (k = object + 1; k < end; k = doc->node[v].next) {
        v = k + 1;
        name = ai_wire_name(doc, k, names);

        if (name == NULL) {
            continue;
        }

        if (name->inside) {
            ai_wire_counts(doc, v, name->inside, u);

        } else {
            ai_wire_read(doc, v, name, u);
        }
    }
}


static void
ai_wire_read(const ai_json_t *doc, ai_ref_t v, const ai_wire_name_t *name,
    ai_usage_t *u)
{
    int64_t  n, *to;

    to = (int64_t *) (void *) ((char *) u + name->field);

    switch (name->how) {

    case AI_WIRE_TIER:
        ai_wire_tier_set(doc, v, u);
        return;

    case AI_WIRE_MODALITIES:
        ai_wire_modalities(doc, v, to);
        return;

    case AI_WIRE_SECONDS:
        n = ai_wire_milliseconds(doc, v);
        break;

    default:
        n = ai_wire_tokens(doc, v);
    }

    if (n < 0 || (*to >= 0 && name->how == AI_WIRE_WEAK)) {
        return;
    }

    if (*to >= 0 && name->how == AI_WIRE_SUM) {
        n = ai_min(*to + n, AI_WIRE_TOKENS_MAX);
    }

    *to = n;
}


/* enums are numbers for who asks for that; a film costs what text does */

static void
ai_wire_modalities(const ai_json_t *doc, ai_ref_t list, int64_t *to)
{
    int64_t   n, number;
    ai_ref_t  v, kind;

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        return;
    }

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        n = ai_wire_tokens(doc, ai_json_get(doc, v, "tokenCount"));
        kind = ai_json_get(doc, v, "modality");

        if (n < 0 || ai_json_is(doc, kind, "TEXT")) {
            continue;
        }

        number = 0;
        (void) ai_json_int(doc, kind, &number);

        if (number == 4 || ai_json_is(doc, kind, "AUDIO")) {
            to[0] = ai_min(ai_max(to[0], 0) + n, AI_WIRE_TOKENS_MAX);

        } else if (number == 2 || ai_json_is(doc, kind, "IMAGE")) {
            to[1] = ai_min(ai_max(to[1], 0) + n, AI_WIRE_TOKENS_MAX);
        }
    }
}


static const ai_wire_name_t *
ai_wire_name(const ai_json_t *doc, ai_ref_t k, const ai_wire_name_t *names)
{
    const ai_char_t       *key;
    const ai_json_node_t  *node;

    node = &doc->node[k];
    key = doc->text + node->off + 1;

    for ( /* void */ ; names->name; names++) {

        if (node->escaped ? ai_json_is(doc, k, names->name)
                          : (node->len == names->len + 2
                             && memcmp(key, names->name, names->len) == 0))
        {
            return names;
        }
    }

    return NULL;
}


ai_tier_e
ai_wire_tier(const ai_json_t *doc, ai_ref_t v)
{
    const ai_wire_tier_t  *t;

    if (ai_json_type(doc, v) != AI_JSON_STRING) {
        return AI_TIER_STANDARD;
    }

    for (t = ai_wire_tiers; t->word; t++) {
        if (ai_json_is(doc, v, t->word)) {
            return t->tier;
        }
    }

    return AI_TIER_STANDARD;
}


void
ai_wire_tier_set(const ai_json_t *doc, ai_ref_t v, ai_usage_t *u)
{
    ai_tier_e  tier;

    tier = ai_wire_tier(doc, v);

    if (tier != AI_TIER_STANDARD) {
        u->tier = tier;
    }
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
    ai_wire_tier_set(doc, ai_json_get(doc, AI_JSON_ROOT, "service_tier"), u);

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
ai_wire_tokens(const ai_json_t *doc, ai_ref_t v)
{
    int64_t  n;

    if (ai_json_int(doc, v, &n) != AI_OK || n < 0 || n > AI_WIRE_TOKENS_MAX) {
        return -1;
    }

    return n;
}


static int64_t
ai_wire_milliseconds(const ai_json_t *doc, ai_ref_t v)
{
    double  n;

    if (ai_json_double(doc, v, &n) != AI_OK
        || !(n >= 0 && n <= (double) AI_WIRE_TOKENS_MAX / 1000))
    {
        return -1;
    }

    return (int64_t) (n * 1000 + 0.5);
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
