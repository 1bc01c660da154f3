
/*
 * How a model at Bedrock is to answer.
 *
 * "inferenceConfig" is for all models; what only some know goes to
 * "additionalModelRequestFields", which the API merges into the body that the
 * model's vendor defines.  A field that is named in both places is refused.
 *
 *   Claude              thinking, output_config, top_k, tool_choice
 *   Nova                inferenceConfig.topK
 *   Nova 2              reasoningConfig as well
 *   gpt-oss, Qwen,      reasoning_effort
 *   DeepSeek V3
 */

#include <provider/ai_bedrock_int.h>


#define AI_BEDROCK_METADATA_MAX    16
#define AI_BEDROCK_METADATA_VALUE  256


static void ai_bedrock_effort_plan(ai_bedrock_build_t *bb);
static void ai_bedrock_inference(ai_bedrock_build_t *bb);
static void ai_bedrock_comma(ai_bedrock_build_t *bb, unsigned *n,
    const char *field);
static void ai_bedrock_temperature(ai_bedrock_build_t *bb);
static ai_int_t ai_bedrock_stops(ai_bedrock_build_t *bb, unsigned n);
static void ai_bedrock_fields(ai_bedrock_build_t *bb);
static void ai_bedrock_claude(ai_bedrock_build_t *bb);
static void ai_bedrock_claude_effort(ai_bedrock_build_t *bb);
static void ai_bedrock_claude_choice(ai_bedrock_build_t *bb);
static void ai_bedrock_field(ai_bedrock_build_t *bb, const char *text);
static ai_str_t ai_bedrock_effort(ai_effort_e effort);
static void ai_bedrock_output(ai_bedrock_build_t *bb);
static void ai_bedrock_metadata(ai_bedrock_build_t *bb);
static ai_int_t ai_bedrock_metadata_fits(const ai_esc_t *s);
static void ai_bedrock_tier(ai_bedrock_build_t *bb);


void
ai_bedrock_tune(ai_bedrock_build_t *bb)
{
    if (bb->model != AI_BEDROCK_CLAUDE) {
        ai_bedrock_temperature(bb);
        ai_bedrock_effort_plan(bb);
    }

    ai_bedrock_inference(bb);
    ai_bedrock_fields(bb);
    ai_bedrock_output(bb);
    ai_bedrock_metadata(bb);
    ai_bedrock_tier(bb);
}


/*
 * Nova 2 takes neither a limit nor sampling with its highest effort: a limit
 * that the client set is worth more than the effort, sampling is not.
 */

static void
ai_bedrock_effort_plan(ai_bedrock_build_t *bb)
{
    ai_anthropic_plan_t  *plan;

    plan = &bb->plan;

    if (plan->effort == AI_EFFORT_UNSET || plan->effort == AI_EFFORT_NONE) {
        plan->effort = AI_EFFORT_UNSET;
        return;
    }

    if (bb->model == AI_BEDROCK_EFFORT) {
        return;
    }

    if (bb->model != AI_BEDROCK_NOVA2) {
        plan->effort = AI_EFFORT_UNSET;
        ai_dropped_add(bb->dropped, "reasoning_effort");
        return;
    }

    if (plan->effort < AI_EFFORT_HIGH) {
        return;
    }

    if (bb->rq->max_output >= 0) {
        plan->effort = AI_EFFORT_MEDIUM;
        return;
    }

    if (plan->temperature.len != 0) {
        ai_dropped_add(bb->dropped, "temperature");
        plan->temperature.len = 0;
    }

    if (plan->top_p.len != 0) {
        ai_dropped_add(bb->dropped, "top_p");
        plan->top_p.len = 0;
    }
}


/* without a limit the model's own holds */

static void
ai_bedrock_inference(ai_bedrock_build_t *bb)
{
    unsigned                    n;
    const ai_anthropic_plan_t  *plan;

    plan = &bb->plan;
    n = 0;

    if (bb->rq->max_output >= 0) {
        ai_bedrock_comma(bb, &n, "\"maxTokens\":");
        ai_buf_int(bb->b, plan->max_tokens);
    }

    if (plan->temperature.len != 0) {
        ai_bedrock_comma(bb, &n, "\"temperature\":");
        ai_buf_cat(bb->b, &plan->temperature);
    }

    if (plan->top_p.len != 0) {
        ai_bedrock_comma(bb, &n, "\"topP\":");
        ai_buf_cat(bb->b, &plan->top_p);
    }

    if (ai_bedrock_stops(bb, n)) {
        n++;

        /* which one it was is not in the answer unless asked for */

        if (bb->model == AI_BEDROCK_CLAUDE) {
            ai_buf_lit(bb->b, "},\"additionalModelResponseFieldPaths\":["
                              "\"/stop_sequence\"]");
            return;
        }
    }

    if (n != 0) {
        ai_buf_char(bb->b, '}');
    }
}


static void
ai_bedrock_comma(ai_bedrock_build_t *bb, unsigned *n, const char *field)
{
    ai_buf_cat(bb->b, (*n)++ ? &ai_lit(",")
                             : &ai_lit(",\"inferenceConfig\":{"));
    ai_buf_add(bb->b, field, strlen(field));
}


/* the API's range ends at 1; a longer spelling than any a client may send is
 * left to the API */

static void
ai_bedrock_temperature(ai_bedrock_build_t *bb)
{
    char       cstr[64];
    ai_raw_t  *raw;

    raw = &bb->plan.temperature;

    if (raw->len == 0 || raw->len >= sizeof(cstr)) {
        return;
    }

    memcpy(cstr, raw->data, raw->len);
    cstr[raw->len] = '\0';

    if (strtod(cstr, NULL) > 1) {
        *raw = ai_lit("1");
    }
}


/* n fields are written; were there any stops? */

static ai_int_t
ai_bedrock_stops(ai_bedrock_build_t *bb, unsigned n)
{
    uint32_t  i;
    ai_int_t  any;

    any = 0;

    for (i = 0; i < bb->rq->nstop; i++) {
        if (ai_anthropic_blank(&bb->rq->stop[i])) {
            ai_dropped_add(bb->dropped, "stop");
            continue;
        }

        if (any) {
            ai_buf_char(bb->b, ',');

        } else {
            ai_bedrock_comma(bb, &n, "\"stopSequences\":[");
            any = 1;
        }

        ai_buf_quote_esc(bb->b, &bb->rq->stop[i]);
    }

    if (any) {
        ai_buf_char(bb->b, ']');
    }

    return any;
}


static void
ai_bedrock_fields(ai_bedrock_build_t *bb)
{
    ai_str_t  word;

    word = ai_bedrock_effort(bb->plan.effort);

    switch (bb->model) {

    case AI_BEDROCK_CLAUDE:
        ai_bedrock_claude(bb);
        break;

    case AI_BEDROCK_NOVA:
    case AI_BEDROCK_NOVA2:
        if (bb->plan.top_k.len != 0) {
            ai_bedrock_field(bb, "\"inferenceConfig\":{\"topK\":");
            ai_buf_cat(bb->b, &bb->plan.top_k);
            ai_buf_char(bb->b, '}');
        }

        if (word.len != 0) {
            ai_bedrock_field(bb, "\"reasoningConfig\":{\"type\":\"enabled\","
                                 "\"maxReasoningEffort\":");
            ai_buf_quote(bb->b, &word);
            ai_buf_char(bb->b, '}');
        }

        break;

    default: /* AI_BEDROCK_EFFORT, AI_BEDROCK_OTHER, AI_BEDROCK_UNKNOWN */
        if (bb->plan.top_k.len != 0) {
            ai_dropped_add(bb->dropped, "top_k");
        }

        if (word.len != 0) {
            ai_bedrock_field(bb, "\"reasoning_effort\":");
            ai_buf_quote(bb->b, &word);
        }

        break;
    }

    if (bb->model != AI_BEDROCK_CLAUDE || !bb->modern) {

        if (bb->plan.choice == AI_CHOICE_NONE && bb->rq->tools != NULL
            && ai_bedrock_has_calls(bb))
        {
            ai_dropped_add(bb->dropped, "tool_choice");
        }

        if (bb->rq->parallel == 0 && bb->rq->tools != NULL) {
            ai_dropped_add(bb->dropped, "parallel_tool_calls");
        }
    }

    if (bb->fields != 0) {
        ai_buf_char(bb->b, '}');
    }
}


static void
ai_bedrock_claude(ai_bedrock_build_t *bb)
{
    const ai_anthropic_plan_t  *plan;

    plan = &bb->plan;

    if (plan->think == AI_ANTHROPIC_THINK_BUDGET) {
        ai_bedrock_field(bb, "\"thinking\":{\"type\":\"enabled\","
                             "\"budget_tokens\":");
        ai_buf_int(bb->b, plan->budget);
        ai_buf_char(bb->b, '}');

    } else if (plan->think == AI_ANTHROPIC_THINK_ADAPTIVE) {
        ai_bedrock_field(bb, "\"thinking\":{\"type\":\"adaptive\","
                             "\"display\":");
        ai_buf_cat(bb->b, bb->rq->thoughts == 0 ? &ai_lit("\"omitted\"}")
                                                : &ai_lit("\"summarized\"}"));

        /* with a schema it stands in outputConfig, beside it */

        if (bb->rq->output != AI_OUTPUT_SCHEMA
            || bb->rq->output_schema.len == 0)
        {
            ai_bedrock_field(bb, "\"output_config\":{\"effort\":");
            ai_bedrock_claude_effort(bb);
            ai_buf_char(bb->b, '}');
        }
    }

    if (plan->top_k.len != 0) {
        ai_bedrock_field(bb, "\"top_k\":");
        ai_buf_cat(bb->b, &plan->top_k);
    }

    if (bb->modern && (bb->rq->tools != NULL || bb->made_up)) {
        ai_bedrock_claude_choice(bb);
    }
}


static void
ai_bedrock_claude_effort(ai_bedrock_build_t *bb)
{
    ai_str_t  word;

    word = bb->plan.effort == AI_EFFORT_XHIGH ? ai_lit("xhigh")
           : bb->plan.effort == AI_EFFORT_MAX ? ai_lit("max")
           : ai_bedrock_effort(bb->plan.effort);

    ai_buf_quote(bb->b, &word);
}


/* beside a toolChoice no "type" may stand here, without one it must */

static void
ai_bedrock_claude_choice(ai_bedrock_build_t *bb)
{
    ai_choice_e  choice;

    choice = bb->plan.choice;

    if (bb->made_up
        || (choice == AI_CHOICE_NONE && ai_bedrock_has_calls(bb)))
    {
        ai_bedrock_field(bb, "\"tool_choice\":{\"type\":\"none\"}");
        return;
    }

    if (bb->rq->parallel != 0 || choice == AI_CHOICE_NONE) {
        return;
    }

    if (choice == AI_CHOICE_REQUIRED || choice == AI_CHOICE_NAMED) {
        ai_bedrock_field(bb, "\"tool_choice\":{"
                             "\"disable_parallel_tool_use\":true}");

    } else {
        ai_bedrock_field(bb, "\"tool_choice\":{\"type\":\"auto\","
                             "\"disable_parallel_tool_use\":true}");
    }
}


static void
ai_bedrock_field(ai_bedrock_build_t *bb, const char *text)
{
    ai_buf_cat(bb->b, bb->fields++
                      ? &ai_lit(",")
                      : &ai_lit(",\"additionalModelRequestFields\":{"));
    ai_buf_add(bb->b, text, strlen(text));
}


/* the three words that all have; empty: not said */

static ai_str_t
ai_bedrock_effort(ai_effort_e effort)
{
    switch (effort) {

    case AI_EFFORT_MINIMAL:
    case AI_EFFORT_LOW:
        return ai_lit("low");

    case AI_EFFORT_MEDIUM:
        return ai_lit("medium");

    case AI_EFFORT_HIGH:
    case AI_EFFORT_XHIGH:
    case AI_EFFORT_MAX:
        return ai_lit("high");

    default: /* AI_EFFORT_UNSET, AI_EFFORT_NONE */
        return ai_lit("");
    }
}


/* the schema is a text here */

static void
ai_bedrock_output(ai_bedrock_build_t *bb)
{
    const ai_request_t  *rq;

    rq = bb->rq;

    if (rq->output != AI_OUTPUT_SCHEMA || rq->output_schema.len == 0) {
        return;
    }

    ai_buf_lit(bb->b, ",\"outputConfig\":{\"textFormat\":{\"type\":"
                      "\"json_schema\",\"structure\":{\"jsonSchema\":{"
                      "\"schema\":\"");
    ai_json_embed(bb->b, &rq->output_schema);
    ai_buf_char(bb->b, '"');

    if (rq->output_name.len != 0) {
        ai_buf_lit(bb->b, ",\"name\":");
        ai_buf_quote_esc(bb->b, &rq->output_name);
    }

    if (rq->output_description.len != 0) {
        ai_buf_lit(bb->b, ",\"description\":");
        ai_buf_quote_esc(bb->b, &rq->output_description);
    }

    ai_buf_lit(bb->b, "}}}");

    if (bb->model == AI_BEDROCK_CLAUDE
        && bb->plan.think == AI_ANTHROPIC_THINK_ADAPTIVE)
    {
        ai_buf_lit(bb->b, ",\"effort\":");
        ai_bedrock_claude_effort(bb);
    }

    ai_buf_char(bb->b, '}');
}


/*
 * The client's metadata and user go to the invocation log of the account.
 * What the API's pattern does not allow is left out.
 */

static void
ai_bedrock_metadata(ai_bedrock_build_t *bb)
{
    unsigned    n;
    ai_ref_t    key;
    ai_esc_t    name, value;
    ai_json_t  *doc;

    n = 0;
    doc = &bb->doc;

    if (bb->rq->user.len != 0) {
        ai_buf_lit(bb->b, ",\"requestMetadata\":{\"user\":\"");
        ai_anthropic_user(bb->b, &bb->rq->user);
        ai_buf_char(bb->b, '"');
        n++;
    }

    if (bb->rq->metadata.len != 0
        && ai_json_parse(doc, &bb->rq->metadata, NULL) != AI_OK
        && doc->error == AI_JSON_E_MEMORY)
    {
        bb->b->failed = 1;
        return;
    }

    for (key = bb->rq->metadata.len
               && ai_json_type(doc, AI_JSON_ROOT) == AI_JSON_OBJECT
               ? ai_json_first(doc, AI_JSON_ROOT) : AI_JSON_NONE;
         key != AI_JSON_NONE;
         key = ai_json_next(doc, AI_JSON_ROOT, key))
    {
        name = ai_json_esc(doc, key);
        value = ai_json_esc(doc, ai_json_value(doc, key));

        if (n == AI_BEDROCK_METADATA_MAX || name.len == 0
            || value.data == NULL || !ai_bedrock_metadata_fits(&name)
            || !ai_bedrock_metadata_fits(&value)
            || (bb->rq->user.len != 0 && ai_str_is(&name, "user")))
        {
            ai_dropped_add(bb->dropped, "metadata");
            continue;
        }

        ai_buf_cat(bb->b, n++ ? &ai_lit(",")
                              : &ai_lit(",\"requestMetadata\":{"));
        ai_buf_quote_esc(bb->b, &name);
        ai_buf_char(bb->b, ':');
        ai_buf_quote_esc(bb->b, &value);
    }

    if (n != 0) {
        ai_buf_char(bb->b, '}');
    }
}


static ai_int_t
ai_bedrock_metadata_fits(const ai_esc_t *s)
{
    size_t     i;
    ai_char_t  c;

    if (s->len > AI_BEDROCK_METADATA_VALUE) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || memchr(" :_@$#=/+,-.", c, 12) != NULL))
        {
            return 0;
        }
    }

    return 1;
}


/* "default" is what is done without, on models that know no tiers too */

static void
ai_bedrock_tier(ai_bedrock_build_t *bb)
{
    const ai_esc_t  *tier;

    tier = &bb->rq->tier;

    if (tier->len == 0 || ai_str_is(tier, "auto")
        || ai_str_is(tier, "default"))
    {
        return;
    }

    if (ai_str_is(tier, "priority") || ai_str_is(tier, "flex")
        || ai_str_is(tier, "reserved"))
    {
        ai_buf_lit(bb->b, ",\"serviceTier\":{\"type\":");
        ai_buf_quote_esc(bb->b, tier);
        ai_buf_char(bb->b, '}');
        return;
    }

    ai_dropped_add(bb->dropped, "service_tier");
}
