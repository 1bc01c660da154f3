
/*
 * What a model of Anthropic's takes: limits, thinking, sampling.
 *
 *   before 3.7          no thinking: effort is dropped
 *   3.7 to 4.5          a budget of at least 1024 tokens below max_tokens;
 *                       no temperature, no top_k, top_p from 0.95, no forced
 *                       tool; the turn of an open tool loop has to start with
 *                       the thinking it came with
 *   4.6 and later,      adaptive, with output_config.effort; forced tools are
 *   names unknown       allowed, temperature and top_k are not
 *
 * Without thinking: Opus since 4.7 and everything since 5 refuse sampling
 * parameters; since 4.1 temperature and top_p exclude each other.
 */

#include <provider/ai_anthropic_int.h>


#define AI_ANTHROPIC_BUDGET_FROM    307
#define AI_ANTHROPIC_ONE_OF_FROM    401
#define AI_ANTHROPIC_ADAPTIVE_FROM  406
#define AI_ANTHROPIC_OPUS_FROM      407
#define AI_ANTHROPIC_NEW_FROM       500

/* keeps the sums below in range whatever a client asks for */
#define AI_ANTHROPIC_TOKENS_TOP     1000000000


static size_t ai_anthropic_number(const ai_str_t *s, size_t i,
    unsigned *n);
static int64_t ai_anthropic_limit(const ai_target_t *t,
    const ai_request_t *rq);
static void ai_anthropic_budget(const ai_target_t *t,
    const ai_request_t *rq, ai_anthropic_plan_t *plan,
    ai_dropped_t *dropped);
static void ai_anthropic_sampling(const ai_target_t *t,
    ai_anthropic_plan_t *plan, ai_dropped_t *dropped);
static ai_int_t ai_anthropic_spelled(const ai_raw_t *raw, double *value);
static void ai_anthropic_drop(ai_raw_t *raw, const char *name,
    ai_dropped_t *dropped);


unsigned
ai_anthropic_version(const ai_str_t *model)
{
    size_t    i, next;
    unsigned  major, minor;
    ai_str_t  s;

    for (i = 0; i < model->len; i++) {
        s.data = model->data + i;
        s.len = ai_min(model->len - i, sizeof("claude") - 1);

        if (ai_str_caseeq(&s, &ai_lit("claude"))) {
            break;
        }
    }

    while (i < model->len) {
        next = ai_anthropic_number(model, i, &major);

        if (next != 0) {
            if (next == model->len
                || ai_anthropic_number(model, next + 1, &minor) == 0)
            {
                minor = 0;
            }

            return 100 * major + minor;
        }

        while (i < model->len && memchr("-._@:/", model->data[i], 6) == NULL)
        {
            i++;
        }

        i++;
    }

    return 0;
}


/* one or two digits that fill a part of the name: a longer number is a date;
 * the place behind them, or 0 */

static size_t
ai_anthropic_number(const ai_str_t *s, size_t i, unsigned *n)
{
    size_t  start;

    *n = 0;

    for (start = i; i < s->len && i < start + 3; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            break;
        }

        *n = *n * 10 + (s->data[i] - '0');
    }

    if (i == start || i == start + 3) {
        return 0;
    }

    if (i < s->len && memchr("-._@:/", s->data[i], 6) == NULL) {
        return 0;
    }

    return i;
}


void
ai_anthropic_plan(const ai_target_t *t, const ai_request_t *rq,
    ai_int_t bare_loop, ai_anthropic_plan_t *plan, ai_dropped_t *dropped)
{
    unsigned  version;

    memset(plan, 0, sizeof(ai_anthropic_plan_t));

    plan->max_tokens = ai_anthropic_limit(t, rq);
    plan->temperature = rq->temperature;
    plan->top_p = rq->top_p;
    plan->top_k = rq->top_k;
    plan->choice = rq->choice;
    plan->effort = rq->effort;

    if (rq->effort == AI_EFFORT_UNSET && rq->budget > 0) {
        plan->effort = ai_budget_effort(rq->budget);
    }

    if (plan->effort != AI_EFFORT_UNSET && plan->effort != AI_EFFORT_NONE) {
        version = ai_anthropic_version(&t->model);

        if (version == 0 || version >= AI_ANTHROPIC_ADAPTIVE_FROM) {
            plan->think = AI_ANTHROPIC_THINK_ADAPTIVE;

        } else if (version >= AI_ANTHROPIC_BUDGET_FROM && !bare_loop) {
            ai_anthropic_budget(t, rq, plan, dropped);

        } else {
            ai_dropped_add(dropped, "reasoning_effort");
        }
    }

    ai_anthropic_sampling(t, plan, dropped);
}


/*
 * Elsewhere no limit is the model's own, and coding agents, which write whole
 * files, give none.  All models since 3.7 can do 32000.
 */

static int64_t
ai_anthropic_limit(const ai_target_t *t, const ai_request_t *rq)
{
    int64_t  max;

    if (rq->max_output >= 0) {
        max = ai_min(rq->max_output, AI_ANTHROPIC_TOKENS_TOP);

    } else if (t->max_output > 0
               || ai_anthropic_version(&t->model) >= AI_ANTHROPIC_BUDGET_FROM)
    {
        max = AI_ANTHROPIC_MAX_NEW;

    } else {
        max = AI_ANTHROPIC_MAX_TOKENS;
    }

    return (t->max_output > 0) ? ai_min(max, t->max_output) : max;
}


/*
 * A limit that leaves no room beside the budget is raised by it, as far as
 * the model allows; then the budget gives way, and below its floor there is
 * no thinking.
 */

static void
ai_anthropic_budget(const ai_target_t *t, const ai_request_t *rq,
    ai_anthropic_plan_t *plan, ai_dropped_t *dropped)
{
    int64_t  max, budget;

    budget = rq->budget > 0 ? rq->budget : ai_effort_budget(rq->effort);
    budget = ai_max(budget, AI_ANTHROPIC_BUDGET_MIN);
    budget = ai_min(budget, AI_ANTHROPIC_TOKENS_TOP);

    max = plan->max_tokens;

    if (max <= budget) {
        max += budget;

        if (t->max_output > 0) {
            max = ai_min(max, t->max_output);
        }
    }

    budget = ai_min(budget, max - 1);

    if (budget < AI_ANTHROPIC_BUDGET_MIN) {
        ai_dropped_add(dropped, "reasoning_effort");
        return;
    }

    plan->think = AI_ANTHROPIC_THINK_BUDGET;
    plan->budget = budget;
    plan->max_tokens = max;

    if (plan->choice == AI_CHOICE_REQUIRED || plan->choice == AI_CHOICE_NAMED)
    {
        plan->choice = AI_CHOICE_AUTO;
        ai_dropped_add(dropped, "tool_choice");
    }
}


static void
ai_anthropic_sampling(const ai_target_t *t, ai_anthropic_plan_t *plan,
    ai_dropped_t *dropped)
{
    double    value;
    unsigned  version;

    version = ai_anthropic_version(&t->model);

    if (version >= AI_ANTHROPIC_NEW_FROM
        || (version >= AI_ANTHROPIC_OPUS_FROM
            && ai_str_casefind(&t->model, "opus")))
    {
        ai_anthropic_drop(&plan->temperature, "temperature", dropped);
        ai_anthropic_drop(&plan->top_p, "top_p", dropped);
        ai_anthropic_drop(&plan->top_k, "top_k", dropped);
        return;
    }

    if (plan->think != AI_ANTHROPIC_THINK_OFF) {
        ai_anthropic_drop(&plan->temperature, "temperature", dropped);
        ai_anthropic_drop(&plan->top_k, "top_k", dropped);

        if (ai_anthropic_spelled(&plan->top_p, &value) == AI_OK
            && value < 0.95)
        {
            ai_anthropic_drop(&plan->top_p, "top_p", dropped);
        }
    }

    if (ai_anthropic_spelled(&plan->temperature, &value) == AI_OK) {
        if (value > 1) {
            plan->temperature = ai_lit("1");
        }

        if (version >= AI_ANTHROPIC_ONE_OF_FROM) {
            ai_anthropic_drop(&plan->top_p, "top_p", dropped);
        }
    }
}


/* a number as spelled; AI_DECLINED: absent, or longer than any a client may
 * send (J4) */

static ai_int_t
ai_anthropic_spelled(const ai_raw_t *raw, double *value)
{
    char  cstr[64];

    if (raw->len == 0 || raw->len >= sizeof(cstr)) {
        return AI_DECLINED;
    }

    memcpy(cstr, raw->data, raw->len);
    cstr[raw->len] = '\0';

    *value = strtod(cstr, NULL);

    return AI_OK;
}


static void
ai_anthropic_drop(ai_raw_t *raw, const char *name, ai_dropped_t *dropped)
{
    if (raw->len != 0) {
        raw->len = 0;
        raw->data = NULL;
        ai_dropped_add(dropped, name);
    }
}
