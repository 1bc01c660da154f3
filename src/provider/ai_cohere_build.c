
/*
 * A request for Cohere's chat API.
 */

#include <provider/ai_cohere_int.h>
#include <provider/ai_anthropic_int.h>


/* a number and how it is spelled where it is the nearest that is allowed */
typedef struct {
    double             value;
    ai_str_t           spelled;
} ai_cohere_bound_t;


static ai_int_t ai_cohere_refused(ai_cohere_build_t *cb);
static void ai_cohere_left_out(ai_cohere_build_t *cb);
static ai_int_t ai_cohere_reasons(const ai_str_t *model);
static ai_int_t ai_cohere_tools(ai_cohere_build_t *cb);
static void ai_cohere_tool(ai_cohere_build_t *cb, const ai_tool_t *tool);
static void ai_cohere_output(ai_cohere_build_t *cb);
static void ai_cohere_thinking(ai_cohere_build_t *cb);
static void ai_cohere_sampling(ai_cohere_build_t *cb);
static void ai_cohere_within(ai_cohere_build_t *cb, const char *name,
    const ai_raw_t *raw, const ai_cohere_bound_t *low,
    const ai_cohere_bound_t *high);
static ai_int_t ai_cohere_number(ai_cohere_build_t *cb, const ai_raw_t *raw);
static void ai_cohere_top_k(ai_cohere_build_t *cb);
static void ai_cohere_seed(ai_cohere_build_t *cb);
static void ai_cohere_stop(ai_cohere_build_t *cb);


static const ai_cohere_bound_t  ai_cohere_zero = { 0, ai_string("0") };
static const ai_cohere_bound_t  ai_cohere_one = { 1, ai_string("1") };
static const ai_cohere_bound_t  ai_cohere_p_low = { 0.01, ai_string("0.01") };
static const ai_cohere_bound_t  ai_cohere_p_high = { 0.99,
                                                     ai_string("0.99") };


/* models that refuse to be told how to think; a name that is not known goes
 * to the provider as the client meant it */

static const char  *const ai_cohere_plain_models[] = {
    "command-r-",
    "command-r7b",
    "command-a-03-",
    "command-a-vision",
    "command-a-translate",
    "command-light",
    "command-nightly",
    "c4ai-",
    NULL
};


ai_int_t
ai_cohere_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    const ai_str_t     *model;
    ai_cohere_build_t   cb;

    memset(&cb, 0, sizeof(ai_cohere_build_t));

    model = t->model.len ? &t->model : &rq->model;

    cb.rq = rq;
    cb.t = t;
    cb.b = body;
    cb.dropped = dropped;
    cb.err = err;
    cb.reasons = ai_cohere_reasons(model) ? 1 : 0;
    cb.max_tokens = ai_min(rq->max_output, AI_COHERE_TOKENS_TOP);

    if (cb.max_tokens >= 0 && t->max_output > 0) {
        cb.max_tokens = ai_min(cb.max_tokens, t->max_output);
    }

    ai_json_init(&cb.doc, pool);

    if (ai_cohere_refused(&cb) != AI_OK) {
        return AI_ERROR;
    }

    ai_cohere_left_out(&cb);

    ai_buf_lit(body, "{\"model\":");
    ai_buf_quote(body, model);
    ai_buf_lit(body, ",\"messages\":");

    if (ai_cohere_messages(&cb) != AI_OK) {
        return AI_ERROR;
    }

    if (rq->stream) {
        ai_buf_lit(body, ",\"stream\":true");
    }

    if (ai_cohere_tools(&cb) != AI_OK) {
        return AI_ERROR;
    }

    ai_cohere_output(&cb);
    ai_cohere_thinking(&cb);
    ai_cohere_sampling(&cb);

    ai_buf_char(body, '}');

    if (body->failed) {
        ai_error_set(err, AI_ERR_SERVER, NULL);
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_cohere_refused(ai_cohere_build_t *cb)
{
    const ai_request_t  *rq;

    rq = cb->rq;

    if (rq->n > 1) {
        return ai_cohere_refuse(cb, "this model gives one answer to a "
                                    "request", "n");
    }

    if (rq->logprobs == 1 && rq->top_logprobs > 0) {
        return ai_cohere_refuse(cb, "this model gives the log probability of "
                                    "the token it chose only",
                                "top_logprobs");
    }

    if (rq->nstop > AI_COHERE_STOP_MAX) {
        return ai_cohere_refuse(cb, "this model takes at most 5 stop "
                                    "sequences", "stop");
    }

    if (rq->output != AI_OUTPUT_TEXT && rq->tools != NULL
        && rq->choice != AI_CHOICE_NONE)
    {
        return ai_cohere_refuse(cb, "this model takes a format of its answer "
                                    "only without tools", "response_format");
    }

    return AI_OK;
}


static void
ai_cohere_left_out(ai_cohere_build_t *cb)
{
    size_t               i;
    const ai_turn_t     *turn;
    const ai_request_t  *rq;

    rq = cb->rq;

    const struct {
        ai_int_t         there;
        const char      *name;
    } fields[] = {
        { rq->logit_bias.len != 0, "logit_bias" },
        { rq->user.len != 0, "user" },
        { rq->metadata.len != 0, "metadata" },
        { rq->tier.len != 0, "service_tier" },
        { rq->tools != NULL && rq->parallel == 0, "parallel_tool_calls" }
    };

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].there) {
            ai_dropped_add(cb->dropped, fields[i].name);
        }
    }

    for (turn = rq->turns; turn != NULL; turn = turn->next) {
        if (turn->name.len != 0) {
            ai_dropped_add(cb->dropped, "name");
            break;
        }
    }
}


static ai_int_t
ai_cohere_reasons(const ai_str_t *model)
{
    const char  *const *p;

    for (p = ai_cohere_plain_models; *p; p++) {
        if (ai_str_starts(model, *p)) {
            return 0;
        }
    }

    return !ai_str_is(model, "command-r") && !ai_str_is(model, "command");
}


/*
 * One tool cannot be named as the one to call: it alone is shown then, and a
 * call is required.  Tools that may not be called stand in the way of a
 * format of the answer and are left out.
 */

static ai_int_t
ai_cohere_tools(ai_cohere_build_t *cb)
{
    unsigned             n, strict;
    const ai_tool_t     *tool;
    const ai_request_t  *rq;

    rq = cb->rq;
    n = 0;
    strict = 0;

    if (rq->choice == AI_CHOICE_NONE && rq->output != AI_OUTPUT_TEXT) {
        return AI_OK;
    }

    for (tool = rq->tools; tool != NULL; tool = tool->next) {
        if (rq->choice == AI_CHOICE_NAMED
            && !ai_str_eq(&tool->name, &rq->choice_name))
        {
            continue;
        }

        ai_buf_cat(cb->b, n++ ? &ai_lit(",") : &ai_lit(",\"tools\":["));
        ai_cohere_tool(cb, tool);
        strict |= (tool->strict == 1);
    }

    if (n == 0) {
        if (rq->choice != AI_CHOICE_NAMED && rq->choice != AI_CHOICE_REQUIRED)
        {
            return AI_OK;
        }

        ai_error_set_param(cb->err, AI_ERR_INVALID_VALUE,
                           "tool_choice without its tool",
                           &ai_lit("tool_choice"));
        return AI_ERROR;
    }

    ai_buf_char(cb->b, ']');

    if (strict) {
        ai_buf_lit(cb->b, ",\"strict_tools\":true");
    }

    if (rq->choice == AI_CHOICE_NAMED || rq->choice == AI_CHOICE_REQUIRED) {
        ai_buf_lit(cb->b, ",\"tool_choice\":\"REQUIRED\"");

    } else if (rq->choice == AI_CHOICE_NONE) {
        ai_buf_lit(cb->b, ",\"tool_choice\":\"NONE\"");
    }

    return AI_OK;
}


static void
ai_cohere_tool(ai_cohere_build_t *cb, const ai_tool_t *tool)
{
    ai_buf_lit(cb->b, "{\"type\":\"function\",\"function\":{\"name\":\"");
    ai_anthropic_name(cb->b, &tool->name);
    ai_buf_char(cb->b, '"');

    if (tool->description.len != 0) {
        ai_cohere_key(cb, "description");
        ai_buf_quote_esc(cb->b, &tool->description);
    }

    ai_cohere_key(cb, "parameters");

    if (tool->schema.len != 0) {
        ai_buf_cat(cb->b, &tool->schema);

    } else {
        ai_buf_lit(cb->b, "{\"type\":\"object\",\"properties\":{}}");
    }

    ai_buf_lit(cb->b, "}}");

    if (tool->cache_mark.len != 0) {
        ai_dropped_add(cb->dropped, "cache_control");
    }
}


static void
ai_cohere_output(ai_cohere_build_t *cb)
{
    const ai_request_t  *rq;

    rq = cb->rq;

    if (rq->output == AI_OUTPUT_TEXT) {
        return;
    }

    ai_buf_lit(cb->b, ",\"response_format\":{\"type\":\"json_object\"");

    if (rq->output == AI_OUTPUT_SCHEMA && rq->output_schema.len != 0) {
        ai_cohere_key(cb, "json_schema");
        ai_buf_cat(cb->b, &rq->output_schema);
    }

    ai_buf_char(cb->b, '}');
}


/* thinking counts as output: it leaves at least one token of that to the
 * answer */

static void
ai_cohere_thinking(ai_cohere_build_t *cb)
{
    int64_t              budget;
    ai_int_t             off;
    const ai_request_t  *rq;

    rq = cb->rq;

    if (rq->effort == AI_EFFORT_UNSET && rq->budget < 0) {
        return;
    }

    off = (rq->effort == AI_EFFORT_NONE
           || (rq->effort == AI_EFFORT_UNSET && rq->budget == 0));

    if (!cb->reasons) {
        if (!off) {
            ai_dropped_add(cb->dropped, "reasoning_effort");
        }

        return;
    }

    if (off) {
        ai_buf_lit(cb->b, ",\"thinking\":{\"type\":\"disabled\"}");
        return;
    }

    budget = rq->budget > 0 ? rq->budget : ai_effort_budget(rq->effort);
    budget = ai_min(budget, AI_COHERE_TOKENS_TOP);

    if (cb->max_tokens >= 0) {
        budget = ai_min(budget, cb->max_tokens - 1);
    }

    ai_buf_lit(cb->b, ",\"thinking\":{\"type\":\"enabled\","
                      "\"token_budget\":");
    ai_buf_int(cb->b, ai_max(budget, 1));
    ai_buf_char(cb->b, '}');
}


static void
ai_cohere_sampling(ai_cohere_build_t *cb)
{
    const ai_request_t  *rq;

    rq = cb->rq;

    if (cb->max_tokens >= 0) {
        ai_cohere_key(cb, "max_tokens");
        ai_buf_int(cb->b, cb->max_tokens);
    }

    ai_cohere_within(cb, "temperature", &rq->temperature, &ai_cohere_zero,
                     &ai_cohere_one);
    ai_cohere_within(cb, "p", &rq->top_p, &ai_cohere_p_low,
                     &ai_cohere_p_high);
    ai_cohere_within(cb, "frequency_penalty", &rq->frequency,
                     &ai_cohere_zero, &ai_cohere_one);
    ai_cohere_within(cb, "presence_penalty", &rq->presence, &ai_cohere_zero,
                     &ai_cohere_one);

    ai_cohere_top_k(cb);
    ai_cohere_seed(cb);
    ai_cohere_stop(cb);

    if (rq->logprobs == 1) {
        ai_buf_lit(cb->b, ",\"logprobs\":true");
    }
}


/* what is in range keeps its spelling */

static void
ai_cohere_within(ai_cohere_build_t *cb, const char *name,
    const ai_raw_t *raw, const ai_cohere_bound_t *low,
    const ai_cohere_bound_t *high)
{
    double           value;
    ai_int_t         rc;
    const ai_str_t  *spelled;

    if (raw->len == 0 || ai_cohere_number(cb, raw) != AI_OK) {
        return;
    }

    rc = ai_json_double(&cb->doc, AI_JSON_ROOT, &value);

    if (rc != AI_OK) {
        value = (raw->data[0] == '-') ? low->value - 1 : high->value + 1;
    }

    spelled = raw;

    if (value < low->value) {
        spelled = &low->spelled;

    } else if (value > high->value) {
        spelled = &high->spelled;
    }

    ai_cohere_key(cb, name);
    ai_buf_cat(cb->b, spelled);
}


static ai_int_t
ai_cohere_number(ai_cohere_build_t *cb, const ai_raw_t *raw)
{
    if (ai_json_parse(&cb->doc, raw, NULL) == AI_OK) {
        return ai_json_type(&cb->doc, AI_JSON_ROOT) == AI_JSON_NUMBER
               ? AI_OK : AI_DECLINED;
    }

    if (cb->doc.error == AI_JSON_E_MEMORY) {
        cb->b->failed = 1;
    }

    return AI_DECLINED;
}


static void
ai_cohere_top_k(ai_cohere_build_t *cb)
{
    int64_t          k;
    const ai_raw_t  *raw;

    raw = &cb->rq->top_k;

    if (raw->len == 0) {
        return;
    }

    if (ai_cohere_number(cb, raw) != AI_OK
        || ai_json_int(&cb->doc, AI_JSON_ROOT, &k) != AI_OK || k < 0)
    {
        ai_dropped_add(cb->dropped, "top_k");
        return;
    }

    ai_cohere_key(cb, "k");
    ai_buf_int(cb->b, ai_min(k, AI_COHERE_TOP_K_MAX));
}


/* the API's are not negative */

static void
ai_cohere_seed(ai_cohere_build_t *cb)
{
    int64_t          seed;
    const ai_raw_t  *raw;

    raw = &cb->rq->seed;

    if (raw->len == 0) {
        return;
    }

    if (ai_cohere_number(cb, raw) != AI_OK
        || ai_json_int(&cb->doc, AI_JSON_ROOT, &seed) != AI_OK || seed < 0)
    {
        ai_dropped_add(cb->dropped, "seed");
        return;
    }

    ai_cohere_key(cb, "seed");
    ai_buf_int(cb->b, seed);
}


static void
ai_cohere_stop(ai_cohere_build_t *cb)
{
    uint32_t             i;
    const ai_request_t  *rq;

    rq = cb->rq;

    for (i = 0; i < rq->nstop; i++) {
        ai_buf_cat(cb->b, i ? &ai_lit(",") : &ai_lit(",\"stop_sequences\":["));
        ai_buf_quote_esc(cb->b, &rq->stop[i]);
    }

    if (rq->nstop != 0) {
        ai_buf_char(cb->b, ']');
    }
}


void
ai_cohere_key(ai_cohere_build_t *cb, const char *name)
{
    ai_buf_lit(cb->b, ",\"");
    ai_buf_add(cb->b, name, strlen(name));
    ai_buf_lit(cb->b, "\":");
}


ai_int_t
ai_cohere_refuse(ai_cohere_build_t *cb, const char *message,
    const char *param)
{
    ai_str_t  s;

    s.data = (ai_char_t *) param;
    s.len = strlen(param);

    ai_error_set_param(cb->err, AI_ERR_UNSUPPORTED_PARAMETER, message, &s);

    return AI_ERROR;
}
