
#include <api/ai_decode_int.h>
#include <api/ai_generate_int.h>


#define AI_GENERATE_STOP_MAX  64


enum {
    AI_ROOT_CONTENTS = 0,
    AI_ROOT_SYSTEM,
    AI_ROOT_CONFIG,
    AI_ROOT_TOOLS,
    AI_ROOT_TOOL_CONFIG,
    AI_ROOT_LABELS,
    AI_ROOT_TIER,
    AI_ROOT_CACHED,
    AI_ROOT_SAFETY,
    AI_ROOT_STORE,
    AI_ROOT_MODEL,
    AI_ROOT_FIELDS
};


enum {
    AI_CONFIG_MAX_OUTPUT = 0,       /* by the peek */
    AI_CONFIG_CANDIDATES,
    AI_CONFIG_TEMPERATURE,
    AI_CONFIG_TOP_P,
    AI_CONFIG_TOP_K,
    AI_CONFIG_SEED,
    AI_CONFIG_PRESENCE,
    AI_CONFIG_FREQUENCY,
    AI_CONFIG_STOP,
    AI_CONFIG_MIME,
    AI_CONFIG_SCHEMA,
    AI_CONFIG_JSON_SCHEMA,
    AI_CONFIG_LOGPROBS,
    AI_CONFIG_TOP_LOGPROBS,
    AI_CONFIG_THINKING,
    AI_CONFIG_MODALITIES,
    AI_CONFIG_SPEECH,
    AI_CONFIG_IMAGE,
    AI_CONFIG_ROUTING,
    AI_CONFIG_FIELDS
};


static ai_int_t ai_generate_read_tier(ai_generate_dec_t *d, ai_ref_t v);
static ai_int_t ai_generate_whole(ai_generate_dec_t *d,
    const ai_openai_path_t *up, const char *name, ai_ref_t v, ai_raw_t *out);
static ai_int_t ai_generate_read_output(ai_generate_dec_t *d,
    const ai_openai_path_t *up, const ai_ref_t *refs);
static ai_int_t ai_generate_read_thinking(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v);
static ai_int_t ai_generate_read_refused(ai_generate_dec_t *d,
    const ai_openai_path_t *up, const ai_ref_t *refs);


static const ai_str_t  ai_generate_root[AI_ROOT_FIELDS] = {
    ai_string("contents"),
    ai_string("systemInstruction"),
    ai_string("generationConfig"),
    ai_string("tools"),
    ai_string("toolConfig"),
    ai_string("labels"),
    ai_string("serviceTier"),
    ai_string("cachedContent"),
    ai_string("safetySettings"),
    ai_string("store"),
    ai_string("model")
};


static const ai_str_t  ai_generate_config[AI_CONFIG_FIELDS] = {
    ai_string("maxOutputTokens"),
    ai_string("candidateCount"),
    ai_string("temperature"),
    ai_string("topP"),
    ai_string("topK"),
    ai_string("seed"),
    ai_string("presencePenalty"),
    ai_string("frequencyPenalty"),
    ai_string("stopSequences"),
    ai_string("responseMimeType"),
    ai_string("responseSchema"),
    ai_string("responseJsonSchema"),
    ai_string("responseLogprobs"),
    ai_string("logprobs"),
    ai_string("thinkingConfig"),
    ai_string("responseModalities"),
    ai_string("speechConfig"),
    ai_string("imageConfig"),
    ai_string("routingConfig")
};


ai_int_t
ai_generate_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_request_t *rq, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_ref_t           refs[AI_ROOT_FIELDS];
    ai_generate_dec_t  d;

    ai_request_init(rq);

    rq->model = peek->model;
    rq->stream = peek->stream;
    rq->include_usage = 1;
    rq->max_output = peek->max_output;
    rq->n = peek->n;
    rq->temperature = peek->temperature;

    d.c.doc = doc;
    d.c.pool = pool;
    d.c.err = err;
    d.rq = rq;
    d.dropped = dropped;

    if (ai_generate_pick(&d.c, NULL, AI_JSON_ROOT, ai_generate_root,
                         AI_ROOT_FIELDS, refs, dropped) != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[AI_ROOT_CACHED] != AI_JSON_NONE) {
        return ai_openai_unsupported(&d.c, NULL, "cachedContent",
                                     " is known to its provider only.");
    }

    if (refs[AI_ROOT_SAFETY] != AI_JSON_NONE) {
        ai_dropped_add(dropped, "safetySettings");
    }

    /* not to keep the request is what others do anyway */

    if (ai_json_bool(doc, refs[AI_ROOT_STORE]) == 1) {
        ai_dropped_add(dropped, "store");
    }

    if (ai_openai_object(&d.c, NULL, "labels", refs[AI_ROOT_LABELS],
                         &rq->metadata) != AI_OK
        || ai_generate_read_tier(&d, refs[AI_ROOT_TIER]) != AI_OK
        || ai_generate_read_config(&d, refs[AI_ROOT_CONFIG]) != AI_OK
        || ai_generate_read_tools(&d, refs[AI_ROOT_TOOLS],
                                  refs[AI_ROOT_TOOL_CONFIG]) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_generate_read_contents(&d, refs[AI_ROOT_SYSTEM],
                                     refs[AI_ROOT_CONTENTS]);
}


static ai_int_t
ai_generate_read_tier(ai_generate_dec_t *d, ai_ref_t v)
{
    ai_uint_t  i;

    static const ai_str_t  names[] = {
        ai_string("standard"), ai_string("flex"), ai_string("priority")
    };

    static const ai_str_t  tiers[] = {
        ai_string("default"), ai_string("flex"), ai_string("priority")
    };

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(&d->c, NULL, "serviceTier", v, AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    i = ai_generate_enum(d->c.doc, v, names, 3);

    if (i == 3) {
        ai_dropped_add(d->dropped, "serviceTier");
        return AI_OK;
    }

    d->rq->tier = tiers[i];

    return AI_OK;
}


ai_int_t
ai_generate_read_config(ai_generate_dec_t *d, ai_ref_t v)
{
    ai_ref_t          refs[AI_CONFIG_FIELDS];
    ai_request_t     *rq;
    ai_openai_path_t  path;

    rq = d->rq;

    path.up = NULL;
    path.name = "generationConfig";
    path.index = 0;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_generate_pick(&d->c, &path, v, ai_generate_config,
                         AI_CONFIG_FIELDS, refs, d->dropped) != AI_OK
        || ai_openai_number(&d->c, &path, "topP", refs[AI_CONFIG_TOP_P],
                            &rq->top_p) != AI_OK
        || ai_openai_number(&d->c, &path, "presencePenalty",
                            refs[AI_CONFIG_PRESENCE], &rq->presence) != AI_OK
        || ai_openai_number(&d->c, &path, "frequencyPenalty",
                            refs[AI_CONFIG_FREQUENCY], &rq->frequency)
           != AI_OK
        || ai_generate_whole(d, &path, "topK", refs[AI_CONFIG_TOP_K],
                             &rq->top_k) != AI_OK
        || ai_generate_whole(d, &path, "seed", refs[AI_CONFIG_SEED],
                             &rq->seed) != AI_OK
        || ai_openai_flag(&d->c, &path, "responseLogprobs",
                          refs[AI_CONFIG_LOGPROBS], &rq->logprobs) != AI_OK
        || ai_openai_integer(&d->c, &path, "logprobs",
                             refs[AI_CONFIG_TOP_LOGPROBS], 0, 20,
                             &rq->top_logprobs) != AI_OK
        || ai_decode_stops(&d->c, &path, "stopSequences",
                           refs[AI_CONFIG_STOP], AI_GENERATE_STOP_MAX, d->rq)
           != AI_OK
        || ai_generate_read_output(d, &path, refs) != AI_OK
        || ai_generate_read_thinking(d, &path, refs[AI_CONFIG_THINKING])
           != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_generate_read_refused(d, &path, refs);
}


/* SDKs have topK as a float: "40.0", where other APIs want an integer */

static ai_int_t
ai_generate_whole(ai_generate_dec_t *d, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_raw_t *out)
{
    int64_t   n;
    ai_buf_t  b;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_integer(&d->c, up, name, v, INT64_MIN, INT64_MAX, &n)
        != AI_OK)
    {
        return AI_ERROR;
    }

    ai_buf_init(&b, d->c.pool);
    ai_buf_int(&b, n);

    if (b.failed) {
        return ai_openai_no_memory(&d->c);
    }

    *out = ai_buf_str(&b);

    return AI_OK;
}


static ai_int_t
ai_generate_read_output(ai_generate_dec_t *d, const ai_openai_path_t *up,
    const ai_ref_t *refs)
{
    ai_ref_t       mime;
    ai_request_t  *rq;

    rq = d->rq;
    mime = refs[AI_CONFIG_MIME];

    if (ai_openai_want(&d->c, up, "responseMimeType", mime, AI_JSON_STRING)
        != AI_OK
        || ai_openai_want(&d->c, up, "responseJsonSchema",
                          refs[AI_CONFIG_JSON_SCHEMA], AI_JSON_OBJECT)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (mime != AI_JSON_NONE
        && !ai_json_is(d->c.doc, mime, "application/json")
        && !ai_json_is(d->c.doc, mime, "text/plain")
        && !ai_json_is(d->c.doc, mime, ""))
    {
        return ai_openai_unsupported(&d->c, up, "responseMimeType",
                         ": only text/plain and application/json can be "
                         "carried to this model.");
    }

    if (ai_json_is(d->c.doc, mime, "application/json")) {
        rq->output = AI_OUTPUT_JSON;
    }

    if (refs[AI_CONFIG_JSON_SCHEMA] != AI_JSON_NONE) {
        if (refs[AI_CONFIG_SCHEMA] != AI_JSON_NONE) {
            return ai_openai_bad_value(&d->c, up, "responseJsonSchema",
                                       ": there is 'responseSchema' too.");
        }

        rq->output = AI_OUTPUT_SCHEMA;
        rq->output_schema = ai_json_raw(d->c.doc,
                                        refs[AI_CONFIG_JSON_SCHEMA]);
        return AI_OK;
    }

    if (refs[AI_CONFIG_SCHEMA] == AI_JSON_NONE) {
        return AI_OK;
    }

    rq->output = AI_OUTPUT_SCHEMA;

    return ai_generate_schema(&d->c, up, "responseSchema",
                              refs[AI_CONFIG_SCHEMA], &rq->output_schema);
}


/* a budget of -1 leaves it to the model, as no budget does elsewhere */

static ai_int_t
ai_generate_read_thinking(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v)
{
    ai_ref_t          refs[3];
    ai_uint_t         level;
    ai_request_t     *rq;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("thinkingBudget"), ai_string("thinkingLevel"),
        ai_string("includeThoughts")
    };

    static const ai_str_t  levels[] = {
        ai_string("MINIMAL"), ai_string("LOW"), ai_string("MEDIUM"),
        ai_string("HIGH"), ai_string("THINKING_LEVEL_UNSPECIFIED")
    };

    static const ai_effort_e  efforts[] = {
        AI_EFFORT_MINIMAL, AI_EFFORT_LOW, AI_EFFORT_MEDIUM, AI_EFFORT_HIGH,
        AI_EFFORT_UNSET
    };

    rq = d->rq;

    path.up = up;
    path.name = "thinkingConfig";
    path.index = 0;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    rq->thoughts = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, &path, v, names, 3, refs, d->dropped)
           != AI_OK
        || ai_openai_integer(&d->c, &path, "thinkingBudget", refs[0], -1,
                             INT32_MAX, &rq->budget) != AI_OK
        || ai_openai_want(&d->c, &path, "thinkingLevel", refs[1],
                          AI_JSON_STRING) != AI_OK
        || ai_openai_flag(&d->c, &path, "includeThoughts", refs[2],
                          &rq->thoughts) != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[1] == AI_JSON_NONE) {
        return AI_OK;
    }

    if (refs[0] != AI_JSON_NONE) {
        return ai_openai_bad_value(&d->c, &path, "thinkingLevel",
                                   ": there is 'thinkingBudget' too.");
    }

    level = ai_generate_enum(d->c.doc, refs[1], levels, 5);

    if (level == 5) {
        return ai_openai_bad_value(&d->c, &path, "thinkingLevel",
                         ": it must be 'MINIMAL', 'LOW', 'MEDIUM' or "
                         "'HIGH'.");
    }

    rq->effort = efforts[level];

    return AI_OK;
}


static ai_int_t
ai_generate_read_refused(ai_generate_dec_t *d, const ai_openai_path_t *up,
    const ai_ref_t *refs)
{
    ai_ref_t   e, v;
    ai_uint_t  i;

    static const ai_str_t  text = ai_string("TEXT");

    static const ai_uint_t  refused[] = {
        AI_CONFIG_SPEECH, AI_CONFIG_IMAGE, AI_CONFIG_ROUTING
    };

    for (i = 0; i < 3; i++) {
        if (refs[refused[i]] != AI_JSON_NONE) {
            return ai_openai_unsupported(&d->c, up,
                         (const char *) ai_generate_config[refused[i]].data,
                         " cannot be carried to this model.");
        }
    }

    v = refs[AI_CONFIG_MODALITIES];

    for (e = ai_generate_first(d->c.doc, v);
         e != AI_JSON_NONE;
         e = ai_generate_next(d->c.doc, v, e))
    {
        if (ai_generate_enum(d->c.doc, e, &text, 1) != 0) {
            return ai_openai_unsupported(&d->c, up, "responseModalities",
                         ": only 'TEXT' can be carried to this model.");
        }
    }

    return AI_OK;
}
