
/*
 * A chat request as the body of generateContent: the envelope and its
 * settings.  Turns are in ai_gemini_contents.c.
 */

#include <provider/ai_gemini_build_int.h>


#define AI_GEMINI_STOP_MAX      5
#define AI_GEMINI_PRO_MIN       128
#define AI_GEMINI_LITE_MIN      512
#define AI_GEMINI_FLASH_MAX     24576
#define AI_GEMINI_PRO_MAX       32768
#define AI_GEMINI_LABELS_MAX    64
#define AI_GEMINI_LABEL_MAX     63


static ai_int_t ai_gemini_refused(const ai_target_t *t,
    const ai_request_t *rq, ai_error_t *err);
static void ai_gemini_dropped(const ai_request_t *rq, ai_dropped_t *dropped);
static void ai_gemini_labels(ai_gemini_build_t *g);
static ai_int_t ai_gemini_is_label(const ai_esc_t *s, ai_int_t key);
static ai_int_t ai_gemini_tools(ai_gemini_build_t *g);
static ai_int_t ai_gemini_tool_schema(ai_gemini_build_t *g,
    const ai_tool_t *tool);
static void ai_gemini_tool_choice(ai_gemini_build_t *g);
static ai_int_t ai_gemini_config(ai_gemini_build_t *g);
static ai_int_t ai_gemini_output(ai_gemini_build_t *g, ai_uint_t *n);
static void ai_gemini_stop(ai_gemini_build_t *g, ai_uint_t *n);
static void ai_gemini_thinking(ai_gemini_build_t *g, ai_uint_t *n);
static const char *ai_gemini_level(ai_gemini_build_t *g, ai_effort_e effort);
static int64_t ai_gemini_budget(ai_gemini_build_t *g, ai_effort_e effort);
static void ai_gemini_member(ai_gemini_build_t *g, ai_uint_t *n,
    const char *name);
static void ai_gemini_raw(ai_gemini_build_t *g, ai_uint_t *n,
    const char *name, const ai_raw_t *raw);
static void ai_gemini_int(ai_gemini_build_t *g, ai_uint_t *n,
    const char *name, int64_t value);


static const ai_str_t  ai_gemini_param_n = ai_string("n");
static const ai_str_t  ai_gemini_param_stop = ai_string("stop");
static const ai_str_t  ai_gemini_param_tools = ai_string("tools");
static const ai_str_t  ai_gemini_param_output = ai_string("response_format");


ai_int_t
ai_gemini_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_int_t           rc;
    ai_gemini_build_t  g;

    if (ai_gemini_refused(t, rq, err) != AI_OK) {
        return AI_ERROR;
    }

    ai_gemini_dropped(rq, dropped);

    memset(&g, 0, sizeof(ai_gemini_build_t));

    g.rq = rq;
    g.pool = pool;
    g.b = body;
    g.vertex = (t->provider == &ai_provider_vertex);
    g.dropped = dropped;
    g.err = err;

    ai_gemini_model(&t->model, &g.model);
    ai_buf_init(&g.tmp, pool);
    ai_json_init(&g.doc, pool);

    ai_buf_char(body, '{');

    rc = ai_gemini_contents(&g);

    if (rc == AI_OK) {
        rc = ai_gemini_tools(&g);
    }

    if (rc == AI_OK) {
        rc = ai_gemini_config(&g);
    }

    if (rc == AI_OK && rq->metadata.len != 0) {
        ai_gemini_labels(&g);
    }

    ai_buf_char(body, '}');

    if (body->failed || g.tmp.failed) {
        ai_error_set(err, AI_ERR_SERVER, "out of memory");
        return AI_ERROR;
    }

    return rc;
}


static ai_int_t
ai_gemini_refused(const ai_target_t *t, const ai_request_t *rq,
    ai_error_t *err)
{
    (void) t;

    if (rq->n > 1 && rq->stream) {
        ai_error_set_param(err, AI_ERR_UNSUPPORTED_PARAMETER,
                           "this model streams one answer at a time",
                           &ai_gemini_param_n);
        return AI_ERROR;
    }

    if (rq->n > AI_GEMINI_CHOICES) {
        ai_error_set_param(err, AI_ERR_UNSUPPORTED_PARAMETER,
                           "this model gives at most 8 answers",
                           &ai_gemini_param_n);
        return AI_ERROR;
    }

    if (rq->nstop > AI_GEMINI_STOP_MAX) {
        ai_error_set_param(err, AI_ERR_UNSUPPORTED_PARAMETER,
                           "this model takes at most 5 stop sequences",
                           &ai_gemini_param_stop);
        return AI_ERROR;
    }

    return AI_OK;
}


static void
ai_gemini_dropped(const ai_request_t *rq, ai_dropped_t *dropped)
{
    if (rq->user.len != 0) {
        ai_dropped_add(dropped, "user");
    }

    if (rq->logit_bias.len != 0) {
        ai_dropped_add(dropped, "logit_bias");
    }

    if (rq->parallel == 0) {
        ai_dropped_add(dropped, "parallel_tool_calls");
    }

    if (rq->tier.len != 0) {
        ai_dropped_add(dropped, "service_tier");
    }
}


/* labels of Vertex, for its bills; what is none would fail the request */

static void
ai_gemini_labels(ai_gemini_build_t *g)
{
    size_t    n;
    ai_esc_t  name, value;
    ai_ref_t  key;

    n = 0;

    if (g->vertex
        && ai_json_parse(&g->doc, &g->rq->metadata, NULL) == AI_OK
        && ai_json_type(&g->doc, AI_JSON_ROOT) == AI_JSON_OBJECT)
    {
        for (key = ai_json_first(&g->doc, AI_JSON_ROOT);
             key != AI_JSON_NONE;
             key = ai_json_next(&g->doc, AI_JSON_ROOT, key))
        {
            name = ai_json_esc(&g->doc, key);
            value = ai_json_esc(&g->doc, ai_json_value(&g->doc, key));

            if (n == AI_GEMINI_LABELS_MAX || !ai_gemini_is_label(&name, 1)
                || !ai_gemini_is_label(&value, 0))
            {
                ai_dropped_add(g->dropped, "metadata");
                continue;
            }

            if (n++ == 0) {
                ai_buf_lit(g->b, ",\"labels\":{");

            } else {
                ai_buf_char(g->b, ',');
            }

            ai_buf_quote_esc(g->b, &name);
            ai_buf_char(g->b, ':');
            ai_buf_quote_esc(g->b, &value);
        }

    } else if (g->vertex && g->doc.error == AI_JSON_E_MEMORY) {
        g->b->failed = 1;

    } else {
        ai_dropped_add(g->dropped, "metadata");
    }

    if (n) {
        ai_buf_char(g->b, '}');
    }
}


static ai_int_t
ai_gemini_is_label(const ai_esc_t *s, ai_int_t key)
{
    size_t     i;
    ai_char_t  c;

    if (s->data == NULL || s->len > AI_GEMINI_LABEL_MAX) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (c >= 'a' && c <= 'z') {
            continue;
        }

        if ((key && i == 0)
            || !((c >= '0' && c <= '9') || c == '_' || c == '-'))
        {
            return 0;
        }
    }

    return !key || s->len != 0;
}


static ai_int_t
ai_gemini_tools(ai_gemini_build_t *g)
{
    const ai_tool_t  *tool;

    if (g->rq->tools == NULL) {
        return AI_OK;
    }

    ai_buf_lit(g->b, ",\"tools\":[{\"functionDeclarations\":[");

    for (tool = g->rq->tools; tool != NULL; tool = tool->next) {

        if (tool != g->rq->tools) {
            ai_buf_char(g->b, ',');
        }

        ai_buf_lit(g->b, "{\"name\":\"");
        ai_gemini_name(g->b, &g->tmp, &tool->name);
        ai_buf_char(g->b, '"');

        if (tool->description.len != 0) {
            ai_buf_lit(g->b, ",\"description\":");
            ai_buf_quote_esc(g->b, &tool->description);
        }

        if (ai_gemini_tool_schema(g, tool) != AI_OK) {
            return AI_ERROR;
        }

        ai_buf_char(g->b, '}');
    }

    ai_buf_lit(g->b, "]}]");

    ai_gemini_tool_choice(g);

    return AI_OK;
}


static ai_int_t
ai_gemini_tool_schema(ai_gemini_build_t *g, const ai_tool_t *tool)
{
    size_t    len;
    ai_int_t  rc;

    if (tool->schema.len == 0 || tool->schema.data[0] != '{') {
        return AI_OK;
    }

    if (!ai_gemini_is_old(&g->model)) {
        ai_buf_lit(g->b, ",\"parametersJsonSchema\":");
        ai_buf_cat(g->b, &tool->schema);
        return AI_OK;
    }

    len = ai_buf_len(g->b);

    ai_buf_lit(g->b, ",\"parameters\":");
    rc = ai_gemini_schema(g->b, &g->doc, &tool->schema);

    if (rc == AI_DECLINED && !g->b->failed) {
        g->b->last = g->b->start + len;
        return AI_OK;
    }

    if (rc != AI_OK) {
        ai_error_set_param(g->err, AI_ERR_INVALID_VALUE,
                           "a tool's parameters cannot be written as this "
                           "model reads them", &ai_gemini_param_tools);
        return AI_ERROR;
    }

    return AI_OK;
}


static void
ai_gemini_tool_choice(ai_gemini_build_t *g)
{
    static const char  *const modes[] = {
        NULL, "AUTO", "NONE", "ANY", "ANY"
    };

    const char  *mode;

    mode = modes[g->rq->choice];

    if (mode == NULL) {
        return;
    }

    ai_buf_lit(g->b, ",\"toolConfig\":{\"functionCallingConfig\":"
                     "{\"mode\":\"");
    ai_buf_add(g->b, mode, strlen(mode));
    ai_buf_char(g->b, '"');

    if (g->rq->choice == AI_CHOICE_NAMED) {
        ai_buf_lit(g->b, ",\"allowedFunctionNames\":[\"");
        ai_gemini_name(g->b, &g->tmp, &g->rq->choice_name);
        ai_buf_lit(g->b, "\"]");
    }

    ai_buf_lit(g->b, "}}");
}


static ai_int_t
ai_gemini_config(ai_gemini_build_t *g)
{
    ai_uint_t            n;
    const ai_request_t  *rq;

    n = 0;
    rq = g->rq;

    ai_gemini_int(g, &n, "maxOutputTokens", rq->max_output);
    ai_gemini_raw(g, &n, "temperature", &rq->temperature);
    ai_gemini_raw(g, &n, "topP", &rq->top_p);
    ai_gemini_raw(g, &n, "topK", &rq->top_k);

    if (rq->n > 1) {
        ai_gemini_int(g, &n, "candidateCount", rq->n);
    }

    ai_gemini_stop(g, &n);

    ai_gemini_raw(g, &n, "seed", &rq->seed);
    ai_gemini_raw(g, &n, "presencePenalty", &rq->presence);
    ai_gemini_raw(g, &n, "frequencyPenalty", &rq->frequency);

    if (rq->logprobs == 1) {
        ai_gemini_member(g, &n, "responseLogprobs");
        ai_buf_lit(g->b, "true");
        ai_gemini_int(g, &n, "logprobs", rq->top_logprobs);
    }

    if (ai_gemini_output(g, &n) != AI_OK) {
        return AI_ERROR;
    }

    ai_gemini_thinking(g, &n);

    if (n != 0) {
        ai_buf_char(g->b, '}');
    }

    return AI_OK;
}


static void
ai_gemini_member(ai_gemini_build_t *g, ai_uint_t *n, const char *name)
{
    if ((*n)++ == 0) {
        ai_buf_lit(g->b, ",\"generationConfig\":{\"");

    } else {
        ai_buf_lit(g->b, ",\"");
    }

    ai_buf_add(g->b, name, strlen(name));
    ai_buf_lit(g->b, "\":");
}


static void
ai_gemini_raw(ai_gemini_build_t *g, ai_uint_t *n, const char *name,
    const ai_raw_t *raw)
{
    if (raw->len != 0) {
        ai_gemini_member(g, n, name);
        ai_buf_cat(g->b, raw);
    }
}


static void
ai_gemini_int(ai_gemini_build_t *g, ai_uint_t *n, const char *name,
    int64_t value)
{
    if (value >= 0) {
        ai_gemini_member(g, n, name);
        ai_buf_int(g->b, value);
    }
}


static void
ai_gemini_stop(ai_gemini_build_t *g, ai_uint_t *n)
{
    uint32_t  i;

    if (g->rq->nstop == 0) {
        return;
    }

    ai_gemini_member(g, n, "stopSequences");
    ai_buf_char(g->b, '[');

    for (i = 0; i < g->rq->nstop; i++) {

        if (i != 0) {
            ai_buf_char(g->b, ',');
        }

        ai_buf_quote_esc(g->b, &g->rq->stop[i]);
    }

    ai_buf_char(g->b, ']');
}


static ai_int_t
ai_gemini_output(ai_gemini_build_t *g, ai_uint_t *n)
{
    ai_int_t         rc;
    const ai_raw_t  *schema;

    if (g->rq->output == AI_OUTPUT_TEXT) {
        return AI_OK;
    }

    ai_gemini_member(g, n, "responseMimeType");
    ai_buf_lit(g->b, "\"application/json\"");

    schema = &g->rq->output_schema;

    if (g->rq->output != AI_OUTPUT_SCHEMA
        || schema->len == 0 || schema->data[0] != '{')
    {
        return AI_OK;
    }

    if (!ai_gemini_is_old(&g->model)) {
        ai_gemini_raw(g, n, "responseJsonSchema", schema);
        return AI_OK;
    }

    ai_gemini_member(g, n, "responseSchema");
    rc = ai_gemini_schema(g->b, &g->doc, schema);

    if (rc == AI_DECLINED) {
        ai_buf_lit(g->b, "{\"type\":\"object\"}");
        return AI_OK;
    }

    if (rc != AI_OK) {
        ai_error_set_param(g->err, AI_ERR_INVALID_VALUE,
                           "the schema cannot be written as this model "
                           "reads it", &ai_gemini_param_output);
        return AI_ERROR;
    }

    return AI_OK;
}


/* from 3 on a level, in 2.5 a number of tokens, before that nothing */

static void
ai_gemini_thinking(ai_gemini_build_t *g, ai_uint_t *n)
{
    ai_int_t     thoughts;
    int64_t      budget;
    const char  *level;
    ai_effort_e  effort;

    effort = g->rq->effort;
    budget = g->rq->budget;

    if (effort == AI_EFFORT_UNSET && budget < 0 && g->rq->thoughts < 0) {
        return;
    }

    if (g->model.version < 250 && !g->model.latest) {
        ai_dropped_add(g->dropped, "reasoning_effort");
        return;
    }

    ai_gemini_member(g, n, "thinkingConfig");
    ai_buf_char(g->b, '{');

    thoughts = budget > 0 || effort > AI_EFFORT_NONE;

    if (g->rq->thoughts >= 0) {
        thoughts = g->rq->thoughts;
    }

    if (g->model.version >= 300) {

        if (effort == AI_EFFORT_UNSET && budget >= 0) {
            effort = budget == 0 ? AI_EFFORT_NONE : ai_budget_effort(budget);
        }

        level = ai_gemini_level(g, effort);

        if (level != NULL) {
            ai_buf_lit(g->b, "\"thinkingLevel\":\"");
            ai_buf_add(g->b, level, strlen(level));
            ai_buf_lit(g->b, "\",");
        }

    } else {
        budget = ai_gemini_budget(g, effort);

        if (budget >= 0) {
            ai_buf_lit(g->b, "\"thinkingBudget\":");
            ai_buf_int(g->b, budget);
            ai_buf_char(g->b, ',');
        }
    }

    ai_buf_lit(g->b, "\"includeThoughts\":");

    if (thoughts) {
        ai_buf_lit(g->b, "true}");

    } else {
        ai_buf_lit(g->b, "false}");
    }
}


static const char *
ai_gemini_level(ai_gemini_build_t *g, ai_effort_e effort)
{
    switch (effort) {

    case AI_EFFORT_NONE:
    case AI_EFFORT_MINIMAL:
        return g->model.flash ? "MINIMAL" : "LOW";

    case AI_EFFORT_LOW:
        return "LOW";

    case AI_EFFORT_MEDIUM:
        return "MEDIUM";

    case AI_EFFORT_HIGH:
    case AI_EFFORT_XHIGH:
    case AI_EFFORT_MAX:
        return "HIGH";

    default:
        return NULL;
    }
}


/* within what the model takes; -1: its own default */

static int64_t
ai_gemini_budget(ai_gemini_build_t *g, ai_effort_e effort)
{
    int64_t  budget, min, max;

    budget = g->rq->budget;

    if (budget < 0) {

        if (effort == AI_EFFORT_UNSET) {
            return -1;
        }

        budget = effort == AI_EFFORT_NONE ? 0 : ai_effort_budget(effort);
    }

    min = g->model.lite ? AI_GEMINI_LITE_MIN : 1;
    max = AI_GEMINI_FLASH_MAX;

    if (!g->model.flash) {
        min = AI_GEMINI_PRO_MIN;
        max = AI_GEMINI_PRO_MAX;

    } else if (budget == 0) {
        return 0;
    }

    return ai_min(ai_max(budget, min), max);
}
