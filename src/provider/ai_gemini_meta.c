
/*
 * What Gemini says beside its answer's parts: sources, probabilities, why it
 * ended and what it took.
 */

#include <provider/ai_gemini_int.h>
#include <provider/ai_openai_wire_int.h>


static void ai_gemini_logprob(ai_gemini_decoder_t *g, ai_ref_t v);
static int64_t ai_gemini_searches(ai_gemini_decoder_t *g);


static const ai_wire_name_t  ai_gemini_counts[] = {
    ai_wire_count("promptTokenCount", prompt, AI_WIRE_SUM),
    ai_wire_count("candidatesTokenCount", completion, AI_WIRE_SET),
    ai_wire_count("totalTokenCount", total, AI_WIRE_SET),
    ai_wire_count("promptTokensDetails", prompt_audio, AI_WIRE_MODALITIES),
    ai_wire_count("thoughtsTokenCount", reasoning, AI_WIRE_SET),
    ai_wire_count("candidatesTokensDetails", completion_audio,
                  AI_WIRE_MODALITIES),
    ai_wire_count("cachedContentTokenCount", cached, AI_WIRE_SET),
    ai_wire_count("cacheTokensDetails", cached_audio, AI_WIRE_MODALITIES),
    ai_wire_count("toolUsePromptTokenCount", prompt, AI_WIRE_SUM),
    ai_wire_count("toolUsePromptTokensDetails", prompt_audio,
                  AI_WIRE_MODALITIES),
    ai_wire_count("serviceTier", tier, AI_WIRE_TIER),
    ai_wire_count("trafficType", tier, AI_WIRE_TIER),
    ai_wire_end
};


/* AI_FINISH_ERROR: a stop if there is anything to show for it */
static const struct {
    const char            *name;
    ai_finish_e            finish;
} ai_gemini_reasons[] = {
    { "STOP", AI_FINISH_STOP },
    { "MAX_TOKENS", AI_FINISH_LENGTH },
    { "SAFETY", AI_FINISH_FILTER },
    { "RECITATION", AI_FINISH_FILTER },
    { "LANGUAGE", AI_FINISH_FILTER },
    { "BLOCKLIST", AI_FINISH_FILTER },
    { "PROHIBITED_CONTENT", AI_FINISH_FILTER },
    { "SPII", AI_FINISH_FILTER },
    { "MODEL_ARMOR", AI_FINISH_FILTER },
    { "IMAGE_SAFETY", AI_FINISH_FILTER },
    { "IMAGE_PROHIBITED_CONTENT", AI_FINISH_FILTER },
    { "IMAGE_RECITATION", AI_FINISH_FILTER },
    { "IMAGE_OTHER", AI_FINISH_FILTER },
    { "NO_IMAGE", AI_FINISH_FILTER },
    { "OTHER", AI_FINISH_FILTER },
    { "MALFORMED_FUNCTION_CALL", AI_FINISH_ERROR },
    { "UNEXPECTED_TOOL_CALL", AI_FINISH_ERROR },
    { "TOO_MANY_TOOL_CALLS", AI_FINISH_ERROR },
    { "MISSING_THOUGHT_SIGNATURE", AI_FINISH_ERROR },
    { "MALFORMED_RESPONSE", AI_FINISH_ERROR },
    { NULL, AI_FINISH_ERROR }
};


/* pages the answer rests on, as OpenAI's annotations; where in the text they
 * are used Gemini counts in bytes of the whole answer, so that stays unsaid */

ai_int_t
ai_gemini_grounding(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v)
{
    ai_buf_t   *b;
    ai_ref_t    list, chunk, web;
    ai_esc_t    uri, title;
    ai_str_t    raw;
    ai_json_t  *doc;

    b = &g->d.scratch;
    doc = &g->d.doc;

    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        return AI_OK;
    }

    list = ai_json_get(doc, v, "webSearchQueries");

    if (ai_json_type(doc, list) == AI_JSON_ARRAY) {
        g->choice[c].searches = doc->node[list].count;
    }

    list = ai_json_get(doc, v, "groundingChunks");

    if (!g->choice[c].text || g->choice[c].cited
        || ai_json_type(doc, list) != AI_JSON_ARRAY)
    {
        return AI_OK;
    }

    /* first, for what ends before it may use the same scratch */

    if (ai_gemini_open(g, c, AI_BLOCK_TEXT, NULL) != AI_OK) {
        return AI_ERROR;
    }

    for (chunk = ai_json_first(doc, list);
         chunk != AI_JSON_NONE;
         chunk = ai_json_next(doc, list, chunk))
    {
        web = ai_json_get(doc, chunk, "web");
        uri = ai_json_esc(doc, ai_json_get(doc, web, "uri"));
        title = ai_json_esc(doc, ai_json_get(doc, web, "title"));

        if (uri.len == 0) {
            continue;
        }

        ai_buf_reset(b);
        ai_buf_lit(b, "{\"type\":\"url_citation\",\"url_citation\":{"
                      "\"start_index\":0,\"end_index\":0,\"url\":");
        ai_buf_quote_esc(b, &uri);
        ai_buf_lit(b, ",\"title\":");
        ai_buf_quote_esc(b, &title);
        ai_buf_lit(b, "}}");

        if (b->failed) {
            return AI_ERROR;
        }

        raw = ai_buf_str(b);

        if (ai_gemini_delta(g, c, AI_DELTA_ANNOTATION, &raw) != AI_OK) {
            return AI_ERROR;
        }

        g->choice[c].cited = 1;
    }

    return AI_OK;
}


ai_int_t
ai_gemini_logprobs(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v)
{
    ai_buf_t   *b;
    ai_ref_t    list, tops, top, token, other;
    ai_str_t    raw;
    ai_json_t  *doc;
    ai_uint_t   n;

    b = &g->d.scratch;
    doc = &g->d.doc;
    list = ai_json_get(doc, v, "chosenCandidates");
    tops = ai_json_get(doc, v, "topCandidates");
    token = ai_json_first(doc, list);

    if (!g->choice[c].text
        || ai_json_type(doc, list) != AI_JSON_ARRAY
        || token == AI_JSON_NONE)
    {
        return AI_OK;
    }

    if (ai_gemini_open(g, c, AI_BLOCK_TEXT, NULL) != AI_OK) {
        return AI_ERROR;
    }

    top = ai_json_type(doc, tops) == AI_JSON_ARRAY
              ? ai_json_first(doc, tops) : AI_JSON_NONE;

    ai_buf_reset(b);
    ai_buf_lit(b, "{\"content\":[");

    for (n = 0; token != AI_JSON_NONE; n++) {

        if (n != 0) {
            ai_buf_char(b, ',');
        }

        ai_buf_char(b, '{');
        ai_gemini_logprob(g, token);
        ai_buf_lit(b, ",\"top_logprobs\":[");

        other = ai_json_get(doc, top, "candidates");
        v = ai_json_type(doc, other) == AI_JSON_ARRAY
                ? ai_json_first(doc, other) : AI_JSON_NONE;

        while (v != AI_JSON_NONE) {
            ai_buf_char(b, '{');
            ai_gemini_logprob(g, v);
            ai_buf_char(b, '}');

            v = ai_json_next(doc, other, v);

            if (v != AI_JSON_NONE) {
                ai_buf_char(b, ',');
            }
        }

        ai_buf_lit(b, "]}");

        token = ai_json_next(doc, list, token);

        if (top != AI_JSON_NONE) {
            top = ai_json_next(doc, tops, top);
        }
    }

    ai_buf_lit(b, "],\"refusal\":null}");

    if (b->failed) {
        return AI_ERROR;
    }

    raw = ai_buf_str(b);

    return ai_gemini_delta(g, c, AI_DELTA_LOGPROBS, &raw);
}


static void
ai_gemini_logprob(ai_gemini_decoder_t *g, ai_ref_t v)
{
    ai_ref_t    k;
    ai_buf_t   *b;
    ai_esc_t    token;
    ai_raw_t    value;
    ai_json_t  *doc;

    b = &g->d.scratch;
    doc = &g->d.doc;

    token = ai_json_esc(doc, ai_json_get(doc, v, "token"));
    k = ai_json_get(doc, v, "logProbability");
    value = ai_lit("0");

    if (ai_json_type(doc, k) == AI_JSON_NUMBER) {
        value = ai_json_raw(doc, k);
    }

    ai_buf_lit(b, "\"token\":");
    ai_buf_quote_esc(b, &token);
    ai_buf_lit(b, ",\"logprob\":");
    ai_buf_cat(b, &value);
    ai_buf_lit(b, ",\"bytes\":null");
}


void
ai_gemini_finish_reason(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v)
{
    int64_t              number;
    ai_uint_t            i;
    ai_json_t           *doc;
    ai_gemini_choice_t  *choice;

    doc = &g->d.doc;
    choice = &g->choice[c];

    if (ai_json_is_null(doc, v)
        || ai_json_is(doc, v, "FINISH_REASON_UNSPECIFIED"))
    {
        return;
    }

    g->d.terminal = 1;

    /* enums are numbers for who asks for that; only the first two mean the
     * same in all versions */

    if (ai_json_int(doc, v, &number) == AI_OK) {

        if (number == 1) {
            choice->finish = AI_FINISH_STOP;

        } else if (number == 2) {
            choice->finish = AI_FINISH_LENGTH;

        } else {
            choice->finish = AI_FINISH_FILTER;
        }

        return;
    }

    for (i = 0; ai_gemini_reasons[i].name != NULL; i++) {
        if (ai_json_is(doc, v, ai_gemini_reasons[i].name)) {
            break;
        }
    }

    choice->finish = ai_gemini_reasons[i].finish;
}


/* counts that are zero are left out */

ai_int_t
ai_gemini_usage(ai_gemini_decoder_t *g, ai_ref_t v)
{
    ai_event_t  ev;
    ai_usage_t  usage;

    ai_gemini_report(&g->d.doc, v, &usage);

    if (usage.prompt < 0 && usage.completion < 0) {
        return AI_OK;
    }

    usage.completion = ai_max(usage.completion, 0);
    usage.searches = ai_gemini_searches(g);

    ai_usage_merge(&g->usage, &usage);
    ai_usage_normalise(&g->usage);

    memset(&ev, 0, sizeof(ai_event_t));

    ev.type = AI_EVENT_USAGE;
    ev.usage = &g->usage;

    return ai_gemini_send(g, &ev);
}


/* thoughts are counted beside the answer, and what tools put into the prompt
 * beside the prompt */

void
ai_gemini_report(const ai_json_t *doc, ai_ref_t v, ai_usage_t *u)
{
    ai_usage_init(u);
    ai_wire_counts(doc, v, ai_gemini_counts, u);

    if (u->reasoning >= 0) {
        u->completion = ai_max(u->completion, 0) + u->reasoning;
    }
}


/* up to Gemini 2 the prompt that is grounded is billed, whatever was asked
 * for; later each question */

static int64_t
ai_gemini_searches(ai_gemini_decoder_t *g)
{
    int64_t     n;
    uint32_t    i;
    ai_esc_t    model;
    ai_json_t  *doc;

    n = 0;

    for (i = 0; i < AI_GEMINI_CHOICES; i++) {
        n += g->choice[i].searches;
    }

    if (n == 0) {
        return -1;
    }

    doc = &g->d.doc;
    model = ai_json_esc(doc, ai_json_get(doc, AI_JSON_ROOT, "modelVersion"));

    if (model.len >= 8
        && (memcmp(model.data, "gemini-1", 8) == 0
            || memcmp(model.data, "gemini-2", 8) == 0))
    {
        return 1;
    }

    return n;
}
