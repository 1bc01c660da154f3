
/*
 * An ai_request_t as the body of a Responses request.
 */

#include <provider/ai_openai_wire_int.h>
#include <provider/ai_responses_upstream_int.h>


#define AI_RSP_NO_ARGS                                                        \
    "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"


static ai_int_t ai_rsp_check(ai_rsp_build_t *u);
static void ai_rsp_tools(ai_rsp_build_t *u);
static void ai_rsp_tool(ai_rsp_build_t *u, const ai_tool_t *tool);
static void ai_rsp_choice(ai_rsp_build_t *u);
static ai_int_t ai_rsp_format(ai_rsp_build_t *u);
static void ai_rsp_reasoning(ai_rsp_build_t *u);
static void ai_rsp_include(ai_rsp_build_t *u);
static ai_int_t ai_rsp_reasons(const ai_str_t *model);
static void ai_rsp_sampling(ai_rsp_build_t *u);
static void ai_rsp_labels(ai_rsp_build_t *u);
static void ai_rsp_raw(ai_buf_t *b, const char *name, const ai_raw_t *value);
static void ai_rsp_flag(ai_buf_t *b, const char *name, int on);
static void ai_rsp_cstr(ai_buf_t *b, const char *s);


ai_int_t
ai_rsp_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    int64_t           max;
    ai_int_t          rc;
    ai_rsp_build_t    u;
    const ai_tool_t  *tool;

    memset(&u, 0, sizeof(ai_rsp_build_t));

    u.target = t;
    u.rq = rq;
    u.b = body;
    u.dropped = dropped;
    u.err = err;
    u.quirks = t->provider->quirks;

    for (tool = rq->tools; tool; tool = tool->next) {
        u.custom |= tool->custom;
    }

    ai_json_init(&u.doc, pool);

    if (ai_rsp_check(&u) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_lit(body, "{\"model\":");
    ai_buf_quote(body, t->model.len ? &t->model : &rq->model);
    ai_buf_lit(body, ",\"input\":[");

    rc = ai_rsp_input(&u);

    ai_pfree(pool, u.doc.node);

    if (rc != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_lit(body, "],\"store\":false");

    if (rq->stream) {
        ai_buf_lit(body, ",\"stream\":true");
    }

    if (rq->max_output >= 0) {
        max = rq->max_output;

        if (t->max_output > 0) {
            max = ai_min(max, t->max_output);
        }

        ai_rsp_key(body, "max_output_tokens");
        ai_buf_int(body, ai_max(max, AI_RSP_OUTPUT_MIN));
    }

    ai_rsp_tools(&u);

    if (ai_rsp_format(&u) != AI_OK) {
        return AI_ERROR;
    }

    ai_rsp_reasoning(&u);
    ai_rsp_include(&u);
    ai_rsp_sampling(&u);
    ai_rsp_labels(&u);

    ai_buf_char(body, '}');

    if (body->failed) {
        ai_error_set(err, AI_ERR_SERVER, "");
        return AI_ERROR;
    }

    return AI_OK;
}


/* what has no place here and changes what is answered */

static ai_int_t
ai_rsp_check(ai_rsp_build_t *u)
{
    if (u->rq->n > 1) {
        return ai_rsp_refuse(u, "n", "This model gives one answer at a time.");
    }

    if (u->rq->nstop) {
        return ai_rsp_refuse(u, "stop",
                             "This model does not take stop sequences.");
    }

    if (u->rq->logprobs == 1 && (u->quirks & AI_QUIRK_NO_LOGPROBS)) {
        return ai_rsp_refuse(u, "logprobs",
                             "This model does not return logprobs.");
    }

    return AI_OK;
}


ai_int_t
ai_rsp_refuse(ai_rsp_build_t *u, const char *param, const char *message)
{
    ai_str_t  name;

    name.data = (ai_char_t *) param;
    name.len = strlen(param);

    ai_error_set_param(u->err, AI_ERR_UNSUPPORTED_PARAMETER, message, &name);

    return AI_ERROR;
}


ai_int_t
ai_rsp_is_custom(const ai_request_t *rq, const ai_esc_t *name)
{
    const ai_tool_t  *tool;

    for (tool = rq->tools; tool; tool = tool->next) {
        if (tool->custom && ai_str_eq(&tool->name, name)) {
            return 1;
        }
    }

    return 0;
}


static void
ai_rsp_tools(ai_rsp_build_t *u)
{
    const ai_tool_t  *tool;

    if (u->rq->tools == NULL) {
        return;
    }

    for (tool = u->rq->tools; tool; tool = tool->next) {
        ai_rsp_cstr(u->b, tool == u->rq->tools ? ",\"tools\":[" : ",");
        ai_rsp_tool(u, tool);
    }

    ai_buf_char(u->b, ']');

    ai_rsp_choice(u);

    if (u->rq->parallel >= 0) {
        ai_rsp_flag(u->b, "parallel_tool_calls", u->rq->parallel);
    }
}


/* strict is the default here, and nowhere else */

static void
ai_rsp_tool(ai_rsp_build_t *u, const ai_tool_t *tool)
{
    ai_buf_t  *b;

    b = u->b;

    ai_rsp_cstr(b, tool->custom ? "{\"type\":\"custom\",\"name\":"
                                : "{\"type\":\"function\",\"name\":");
    ai_buf_quote_esc(b, &tool->name);

    if (tool->description.data) {
        ai_rsp_key(b, "description");
        ai_buf_quote_esc(b, &tool->description);
    }

    if (tool->custom) {
        ai_buf_char(b, '}');
        return;
    }

    ai_rsp_key(b, "parameters");

    if (tool->schema.len) {
        ai_buf_cat(b, &tool->schema);

    } else {
        ai_buf_lit(b, AI_RSP_NO_ARGS);
    }

    if (!(u->quirks & AI_QUIRK_NO_STRICT_TOOLS)) {
        ai_rsp_flag(b, "strict", tool->strict == 1);

    } else if (tool->strict == 1) {
        ai_dropped_add(u->dropped, "tools.strict");
    }

    ai_buf_char(b, '}');
}


static void
ai_rsp_choice(ai_rsp_build_t *u)
{
    ai_buf_t            *b;
    const ai_request_t  *rq;

    b = u->b;
    rq = u->rq;

    switch (rq->choice) {

    case AI_CHOICE_AUTO:
        ai_buf_lit(b, ",\"tool_choice\":\"auto\"");
        break;

    case AI_CHOICE_NONE:
        ai_buf_lit(b, ",\"tool_choice\":\"none\"");
        break;

    case AI_CHOICE_REQUIRED:
        ai_buf_lit(b, ",\"tool_choice\":\"required\"");
        break;

    case AI_CHOICE_NAMED:
        ai_rsp_cstr(b, ai_rsp_is_custom(rq, &rq->choice_name)
                           ? ",\"tool_choice\":{\"type\":\"custom\","
                             "\"name\":"
                           : ",\"tool_choice\":{\"type\":\"function\","
                             "\"name\":");
        ai_buf_quote_esc(b, &rq->choice_name);
        ai_buf_char(b, '}');
        break;

    default:
        break;
    }
}


static ai_int_t
ai_rsp_format(ai_rsp_build_t *u)
{
    ai_buf_t            *b;
    const ai_request_t  *rq;

    b = u->b;
    rq = u->rq;

    if (rq->output == AI_OUTPUT_JSON) {
        ai_buf_lit(b, ",\"text\":{\"format\":{\"type\":\"json_object\"}}");
    }

    if (rq->output != AI_OUTPUT_SCHEMA) {
        return AI_OK;
    }

    if (u->quirks & AI_QUIRK_NO_SCHEMA) {
        return ai_rsp_refuse(u, "response_format", "This model does not "
                             "take a JSON schema for its answer.");
    }

    ai_buf_lit(b, ",\"text\":{\"format\":{\"type\":\"json_schema\",");
    ai_wire_output_name(b, rq);
    ai_rsp_key(b, "schema");

    if (rq->output_schema.len) {
        ai_buf_cat(b, &rq->output_schema);

    } else {
        ai_buf_lit(b, "{}");
    }

    if (rq->output_strict >= 0) {
        ai_rsp_flag(b, "strict", rq->output_strict);
    }

    ai_buf_lit(b, "}}");

    return AI_OK;
}


/*
 * A budget of nothing is no effort "none": models that do not reason refuse
 * the field, and without it the others think as little as they do by default.
 * A summary is asked for only by those who said that they show it: for some
 * models OpenAI gives it to verified organisations alone.
 */

static void
ai_rsp_reasoning(ai_rsp_build_t *u)
{
    ai_buf_t     *b;
    ai_effort_e   effort;
    const char   *word;

    static const char *const  words[] = {
        NULL, "none", "minimal", "low", "medium", "high", "xhigh", "max"
    };

    b = u->b;
    effort = u->rq->effort;

    if (effort == AI_EFFORT_UNSET && u->rq->budget > 0) {
        effort = ai_budget_effort(u->rq->budget);
    }

    word = (unsigned) effort < sizeof(words) / sizeof(words[0])
               ? words[effort] : NULL;

    if (word == NULL && u->rq->thoughts != 1) {
        return;
    }

    ai_buf_lit(b, ",\"reasoning\":{");

    if (word) {
        ai_buf_lit(b, "\"effort\":\"");
        ai_rsp_cstr(b, word);
        ai_buf_char(b, '"');
    }

    if (u->rq->thoughts == 1) {
        ai_rsp_cstr(b, word ? ",\"summary\":\"auto\""
                            : "\"summary\":\"auto\"");
    }

    ai_buf_char(b, '}');
}


static void
ai_rsp_include(ai_rsp_build_t *u)
{
    ai_int_t         reasons;
    const ai_str_t  *model;

    model = u->target->model.len ? &u->target->model : &u->rq->model;
    reasons = ai_rsp_reasons(model);

    if (!reasons && u->rq->logprobs != 1) {
        return;
    }

    ai_buf_lit(u->b, ",\"include\":[");

    if (reasons) {
        ai_buf_lit(u->b, "\"reasoning.encrypted_content\"");
    }

    if (u->rq->logprobs == 1) {
        ai_rsp_cstr(u->b, reasons ? ",\"message.output_text.logprobs\""
                                  : "\"message.output_text.logprobs\"");
    }

    ai_buf_char(u->b, ']');
}


/* OpenAI's models that do not reason answer 400 when they are asked for what
 * they thought; others are not known by name */

static ai_int_t
ai_rsp_reasons(const ai_str_t *model)
{
    ai_str_t            name;
    const char *const  *p;

    static const char *const  prefixes[] = { "ft:", "openai/", "openai.",
                                             NULL };
    static const char *const  plain[] = { "gpt-3", "gpt-4", "chatgpt-",
                                          NULL };

    name = *model;

    for (p = prefixes; *p; p++) {
        if (ai_str_starts(&name, *p)) {
            name.data += strlen(*p);
            name.len -= strlen(*p);
        }
    }

    for (p = plain; *p; p++) {
        if (ai_str_starts(&name, *p)) {
            return 0;
        }
    }

    return !(ai_str_starts(&name, "gpt-5") && ai_str_casefind(&name, "-chat"));
}


static void
ai_rsp_sampling(ai_rsp_build_t *u)
{
    const ai_request_t  *rq;

    rq = u->rq;

    ai_rsp_raw(u->b, "temperature", &rq->temperature);
    ai_rsp_raw(u->b, "top_p", &rq->top_p);

    if (rq->logprobs == 1 && rq->top_logprobs >= 0) {
        ai_rsp_key(u->b, "top_logprobs");
        ai_buf_int(u->b, rq->top_logprobs);
    }

    if (rq->top_k.len) {
        ai_dropped_add(u->dropped, "top_k");
    }

    if (rq->seed.len) {
        ai_dropped_add(u->dropped, "seed");
    }

    if (rq->presence.len) {
        ai_dropped_add(u->dropped, "presence_penalty");
    }

    if (rq->frequency.len) {
        ai_dropped_add(u->dropped, "frequency_penalty");
    }

    if (rq->logit_bias.len) {
        ai_dropped_add(u->dropped, "logit_bias");
    }
}


/* labels and tiers mean something to OpenAI's own service */

static void
ai_rsp_labels(ai_rsp_build_t *u)
{
    ai_int_t             own;
    const ai_request_t  *rq;

    rq = u->rq;
    own = u->target->provider == &ai_provider_openai_responses;

    if (rq->user.len) {
        ai_rsp_key(u->b, "user");
        ai_buf_quote_esc(u->b, &rq->user);
    }

    if (own) {
        ai_rsp_raw(u->b, "metadata", &rq->metadata);

    } else if (rq->metadata.len) {
        ai_dropped_add(u->dropped, "metadata");
    }

    if (rq->tier.len == 0) {
        return;
    }

    if (own && (ai_str_is(&rq->tier, "auto") || ai_str_is(&rq->tier, "default")
                || ai_str_is(&rq->tier, "flex")
                || ai_str_is(&rq->tier, "scale")
                || ai_str_is(&rq->tier, "priority")))
    {
        ai_rsp_key(u->b, "service_tier");
        ai_buf_quote_esc(u->b, &rq->tier);

    } else {
        ai_dropped_add(u->dropped, "service_tier");
    }
}


void
ai_rsp_key(ai_buf_t *b, const char *name)
{
    ai_buf_lit(b, ",\"");
    ai_rsp_cstr(b, name);
    ai_buf_lit(b, "\":");
}


static void
ai_rsp_raw(ai_buf_t *b, const char *name, const ai_raw_t *value)
{
    if (value->len) {
        ai_rsp_key(b, name);
        ai_buf_cat(b, value);
    }
}


static void
ai_rsp_flag(ai_buf_t *b, const char *name, int on)
{
    ai_rsp_key(b, name);
    ai_rsp_cstr(b, on ? "true" : "false");
}


static void
ai_rsp_cstr(ai_buf_t *b, const char *s)
{
    ai_buf_add(b, s, strlen(s));
}
