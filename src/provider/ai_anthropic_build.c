
/*
 * A request for Anthropic's Messages API.
 *
 * System texts go to "system" whatever their place was.  What is left is cut
 * into runs of turns of one role, as roles have to alternate, and each run is
 * written in the order the API insists on: thinking, text, calls for the
 * assistant; results before everything else for the user.
 */

#include <provider/ai_anthropic_int.h>


/* a client without "tools" gets at most so many made up from its history;
 * OpenAI takes 128 tools in a request */
#define AI_ANTHROPIC_MADE_UP_MAX  128

#define AI_ANTHROPIC_NO_SCHEMA    "{\"type\":\"object\",\"properties\":{}}"


/* turns of one role in a row; "end" is the first of the next run */
typedef struct {
    const ai_turn_t      *first;
    const ai_turn_t      *end;
} ai_anthropic_run_t;


static ai_int_t ai_anthropic_refused(ai_anthropic_build_t *ab);
static void ai_anthropic_left_out(ai_anthropic_build_t *ab);
static void ai_anthropic_system(ai_anthropic_build_t *ab);
static ai_int_t ai_anthropic_messages(ai_anthropic_build_t *ab);
static ai_int_t ai_anthropic_run(ai_anthropic_build_t *ab,
    const ai_anthropic_run_t *run);
static const ai_turn_t *ai_anthropic_speaking(const ai_turn_t *turn,
    ai_role_e role);
static ai_int_t ai_anthropic_bare_loop(const ai_request_t *rq);
static void ai_anthropic_tools(ai_anthropic_build_t *ab);
static void ai_anthropic_made_up(ai_anthropic_build_t *ab);
static void ai_anthropic_schema(ai_anthropic_build_t *ab,
    const ai_raw_t *schema);
static void ai_anthropic_choice(ai_anthropic_build_t *ab, ai_int_t made_up);
static void ai_anthropic_tuning(ai_anthropic_build_t *ab);
static void ai_anthropic_stops(ai_anthropic_build_t *ab);
static void ai_anthropic_thinking(ai_anthropic_build_t *ab);
static void ai_anthropic_account(ai_anthropic_build_t *ab);


ai_int_t
ai_anthropic_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    return ai_anthropic_build_hosted(t, rq, NULL, pool, body, dropped, err);
}


ai_int_t
ai_anthropic_build_hosted(const ai_target_t *t, const ai_request_t *rq,
    const ai_str_t *version, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err)
{
    ai_anthropic_build_t  ab;

    memset(&ab, 0, sizeof(ai_anthropic_build_t));

    ab.rq = rq;
    ab.b = body;
    ab.dropped = dropped;
    ab.err = err;

    ai_buf_init(&ab.scratch, pool);
    ai_json_init(&ab.doc, pool);

    if (ai_anthropic_refused(&ab) != AI_OK) {
        return AI_ERROR;
    }

    ai_anthropic_left_out(&ab);
    ai_anthropic_plan(t, rq, ai_anthropic_bare_loop(rq), &ab.plan, dropped);

    if (version) {
        ai_buf_lit(body, "{\"anthropic_version\":");
        ai_buf_quote(body, version);

    } else {
        ai_buf_lit(body, "{\"model\":");
        ai_buf_quote(body, &t->model);
    }

    ai_buf_lit(body, ",\"max_tokens\":");
    ai_buf_int(body, ab.plan.max_tokens);

    ai_anthropic_system(&ab);

    if (ai_anthropic_messages(&ab) != AI_OK) {
        return AI_ERROR;
    }

    ai_anthropic_tools(&ab);
    ai_anthropic_tuning(&ab);
    ai_anthropic_thinking(&ab);
    ai_anthropic_account(&ab);

    if (rq->stream) {
        ai_buf_lit(body, ",\"stream\":true}");

    } else {
        ai_buf_lit(body, ",\"stream\":false}");
    }

    if (body->failed || ab.scratch.failed) {
        ai_error_set(err, AI_ERR_SERVER, NULL);
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_anthropic_refused(ai_anthropic_build_t *ab)
{
    if (ab->rq->n > 1) {
        return ai_anthropic_refuse(ab,
                                   "this model gives one answer to a request",
                                   "n");
    }

    if (ab->rq->logprobs == 1) {
        return ai_anthropic_refuse(ab, "this model gives no log probabilities",
                                   "logprobs");
    }

    return AI_OK;
}


static void
ai_anthropic_left_out(ai_anthropic_build_t *ab)
{
    const ai_turn_t     *turn;
    const ai_request_t  *rq;

    rq = ab->rq;

    if (rq->seed.len != 0) {
        ai_dropped_add(ab->dropped, "seed");
    }

    if (rq->presence.len != 0) {
        ai_dropped_add(ab->dropped, "presence_penalty");
    }

    if (rq->frequency.len != 0) {
        ai_dropped_add(ab->dropped, "frequency_penalty");
    }

    if (rq->logit_bias.len != 0) {
        ai_dropped_add(ab->dropped, "logit_bias");
    }

    if (rq->top_logprobs > 0) {
        ai_dropped_add(ab->dropped, "top_logprobs");
    }

    if (rq->metadata.len != 0) {
        ai_dropped_add(ab->dropped, "metadata");
    }

    for (turn = rq->turns; turn != NULL; turn = turn->next) {
        if (turn->name.len != 0) {
            ai_dropped_add(ab->dropped, "name");
            break;
        }
    }
}


static void
ai_anthropic_system(ai_anthropic_build_t *ab)
{
    unsigned           n;
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    n = 0;

    for (turn = ab->rq->turns; turn != NULL; turn = turn->next) {
        if (turn->role != AI_ROLE_SYSTEM) {
            continue;
        }

        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            if (ai_anthropic_pass(turn->role, blk) == 0) {
                continue;
            }

            if (n++ == 0) {
                ai_buf_lit(ab->b, ",\"system\":[");

            } else {
                ai_buf_char(ab->b, ',');
            }

            ai_anthropic_text(ab, blk);
        }
    }

    if (ab->rq->output == AI_OUTPUT_JSON) {
        if (n++ == 0) {
            ai_buf_lit(ab->b, ",\"system\":[");

        } else {
            ai_buf_char(ab->b, ',');
        }

        ai_buf_lit(ab->b, "{\"type\":\"text\",\"text\":\""
                          AI_ANTHROPIC_JSON_HINT "\"}");
    }

    if (n != 0) {
        ai_buf_char(ab->b, ']');
    }
}


static ai_int_t
ai_anthropic_messages(ai_anthropic_build_t *ab)
{
    unsigned             n;
    ai_role_e            role;
    ai_anthropic_run_t   run;

    ai_buf_lit(ab->b, ",\"messages\":[");

    run.first = ai_anthropic_speaking(ab->rq->turns, 0);

    for (n = 0; run.first != NULL; n++, run.first = run.end) {
        role = (run.first->role == AI_ROLE_USER) ? AI_ROLE_ASSISTANT
                                                 : AI_ROLE_USER;
        run.end = ai_anthropic_speaking(run.first->next, role);

        if (n != 0) {
            ai_buf_char(ab->b, ',');
        }

        if (ai_anthropic_run(ab, &run) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_buf_char(ab->b, ']');

    return AI_OK;
}


static ai_int_t
ai_anthropic_speaks(const ai_turn_t *turn)
{
    const ai_block_t  *blk;

    if (turn->role == AI_ROLE_SYSTEM) {
        return 0;
    }

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if (ai_anthropic_pass(turn->role, blk) != 0) {
            return 1;
        }
    }

    return 0;
}


/* the next turn that has something to say, of that role or of any with 0 */

static const ai_turn_t *
ai_anthropic_speaking(const ai_turn_t *turn, ai_role_e role)
{
    for ( /* void */ ; turn != NULL; turn = turn->next) {
        if ((role == 0 || turn->role == role) && ai_anthropic_speaks(turn)) {
            return turn;
        }
    }

    return NULL;
}


static ai_int_t
ai_anthropic_run(ai_anthropic_build_t *ab, const ai_anthropic_run_t *run)
{
    unsigned           n, pass;
    ai_role_e          role;
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    n = 0;
    role = run->first->role;
    ab->tail = NULL;

    if (role == AI_ROLE_USER) {
        ai_buf_lit(ab->b, "{\"role\":\"user\",\"content\":[");

    } else {
        ai_buf_lit(ab->b, "{\"role\":\"assistant\",\"content\":[");

        for (turn = run->first; run->end == NULL && turn != NULL;
             turn = turn->next)
        {
            for (blk = turn->blocks; blk != NULL; blk = blk->next) {
                if (turn->role == role
                    && ai_anthropic_pass(role, blk) == 2)
                {
                    ab->tail = blk;
                }
            }
        }
    }

    for (pass = 1; pass <= 3; pass++) {
        for (turn = run->first; turn != run->end; turn = turn->next) {
            for (blk = turn->blocks; blk != NULL; blk = blk->next) {
                if (turn->role != role
                    || ai_anthropic_pass(role, blk) != pass)
                {
                    continue;
                }

                if (n++ != 0) {
                    ai_buf_char(ab->b, ',');
                }

                if (ai_anthropic_block(ab, role, blk) != AI_OK) {
                    return AI_ERROR;
                }
            }
        }
    }

    ai_buf_lit(ab->b, "]}");

    return AI_OK;
}


/* does the last turn of the assistant call tools without thinking first? */

static ai_int_t
ai_anthropic_bare_loop(const ai_request_t *rq)
{
    unsigned           pass, thinking, calls;
    ai_role_e          last;
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    thinking = 0;
    calls = 0;
    last = AI_ROLE_USER;

    for (turn = rq->turns; turn != NULL; turn = turn->next) {
        if (!ai_anthropic_speaks(turn)) {
            continue;
        }

        if (turn->role == AI_ROLE_ASSISTANT && last != turn->role) {
            thinking = 0;
            calls = 0;
        }

        last = turn->role;

        if (turn->role != AI_ROLE_ASSISTANT) {
            continue;
        }

        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            pass = ai_anthropic_pass(turn->role, blk);
            thinking |= (pass == 1);
            calls |= (pass == 3);
        }
    }

    return calls && !thinking;
}


static void
ai_anthropic_tools(ai_anthropic_build_t *ab)
{
    size_t            at;
    const ai_tool_t  *tool;

    at = ai_buf_len(ab->b);

    for (tool = ab->rq->tools; tool != NULL; tool = tool->next) {
        if (tool == ab->rq->tools) {
            ai_buf_lit(ab->b, ",\"tools\":[{\"name\":\"");

        } else {
            ai_buf_lit(ab->b, ",{\"name\":\"");
        }

        ai_anthropic_name(ab->b, &tool->name);
        ai_buf_char(ab->b, '"');

        if (tool->description.data != NULL) {
            ai_buf_lit(ab->b, ",\"description\":");
            ai_buf_quote_esc(ab->b, &tool->description);
        }

        ai_buf_lit(ab->b, ",\"input_schema\":");
        ai_anthropic_schema(ab, &tool->schema);

        if (tool->strict == 1) {
            ai_buf_lit(ab->b, ",\"strict\":true");

        } else if (tool->strict == 0) {
            ai_buf_lit(ab->b, ",\"strict\":false");
        }

        ai_anthropic_cache_mark(ab, &tool->cache_mark);
    }

    if (ab->rq->tools != NULL) {
        ai_buf_char(ab->b, ']');
        ai_anthropic_choice(ab, 0);
        return;
    }

    ai_anthropic_made_up(ab);
    ai_anthropic_choice(ab, ai_buf_len(ab->b) != at);
}


/*
 * Calls in the history want their tools declared.  The order is that of the
 * history, so what was sent before stays a prefix for the prompt cache.
 */

static void
ai_anthropic_made_up(ai_anthropic_build_t *ab)
{
    unsigned           i, n;
    const ai_esc_t    *seen[AI_ANTHROPIC_MADE_UP_MAX];
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    n = 0;

    for (turn = ab->rq->turns; turn != NULL; turn = turn->next) {
        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            if (turn->role == AI_ROLE_SYSTEM
                || ai_anthropic_pass(turn->role, blk) != 3
                || n == AI_ANTHROPIC_MADE_UP_MAX)
            {
                continue;
            }

            for (i = 0; i < n && !ai_str_eq(seen[i], &blk->name); i++) {
                /* void */
            }

            if (i < n) {
                continue;
            }

            if (n == 0) {
                ai_buf_lit(ab->b, ",\"tools\":[{\"name\":\"");

            } else {
                ai_buf_lit(ab->b, ",{\"name\":\"");
            }

            ai_anthropic_name(ab->b, &blk->name);
            ai_buf_lit(ab->b, "\",\"input_schema\":"
                              AI_ANTHROPIC_NO_SCHEMA "}");

            seen[n++] = &blk->name;
        }
    }

    if (n != 0) {
        ai_buf_char(ab->b, ']');
    }
}


/* a schema as it is, with the "type" that the API insists on */

static void
ai_anthropic_schema(ai_anthropic_build_t *ab, const ai_raw_t *schema)
{
    ai_raw_t  raw;

    if (schema->len != 0
        && ai_json_parse(&ab->doc, schema, NULL) != AI_OK
        && ab->doc.error == AI_JSON_E_MEMORY)
    {
        ab->b->failed = 1;
        return;
    }

    if (schema->len == 0 || ab->doc.n == 0
        || ai_json_type(&ab->doc, AI_JSON_ROOT) != AI_JSON_OBJECT
        || ai_json_first(&ab->doc, AI_JSON_ROOT) == AI_JSON_NONE)
    {
        ai_buf_lit(ab->b, AI_ANTHROPIC_NO_SCHEMA);
        return;
    }

    raw = ai_json_raw(&ab->doc, AI_JSON_ROOT);

    if (ai_json_get(&ab->doc, AI_JSON_ROOT, "type") == AI_JSON_NONE) {
        ai_buf_lit(ab->b, "{\"type\":\"object\",");
        raw.data++;
        raw.len--;
    }

    ai_buf_cat(ab->b, &raw);
}


/*
 * Tools that are made up must not be called.  A choice without any tool is
 * the client's error and stays one.
 */

static void
ai_anthropic_choice(ai_anthropic_build_t *ab, ai_int_t made_up)
{
    unsigned  single;

    single = (ab->rq->parallel == 0);

    if (made_up) {
        ai_buf_lit(ab->b, ",\"tool_choice\":{\"type\":\"none\"}");
        return;
    }

    if (ab->rq->tools == NULL && ab->plan.choice != AI_CHOICE_REQUIRED
        && ab->plan.choice != AI_CHOICE_NAMED)
    {
        return;
    }

    switch (ab->plan.choice) {

    case AI_CHOICE_NONE:
        ai_buf_lit(ab->b, ",\"tool_choice\":{\"type\":\"none\"}");
        return;

    case AI_CHOICE_REQUIRED:
        ai_buf_lit(ab->b, ",\"tool_choice\":{\"type\":\"any\"");
        break;

    case AI_CHOICE_NAMED:
        ai_buf_lit(ab->b, ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"");
        ai_anthropic_name(ab->b, &ab->rq->choice_name);
        ai_buf_char(ab->b, '"');
        break;

    default: /* AI_CHOICE_UNSET, AI_CHOICE_AUTO */
        if (ab->plan.choice == AI_CHOICE_UNSET && !single) {
            return;
        }

        ai_buf_lit(ab->b, ",\"tool_choice\":{\"type\":\"auto\"");
        break;
    }

    if (single) {
        ai_buf_lit(ab->b, ",\"disable_parallel_tool_use\":true");
    }

    ai_buf_char(ab->b, '}');
}


static void
ai_anthropic_tuning(ai_anthropic_build_t *ab)
{
    if (ab->plan.temperature.len != 0) {
        ai_buf_lit(ab->b, ",\"temperature\":");
        ai_buf_cat(ab->b, &ab->plan.temperature);
    }

    if (ab->plan.top_p.len != 0) {
        ai_buf_lit(ab->b, ",\"top_p\":");
        ai_buf_cat(ab->b, &ab->plan.top_p);
    }

    if (ab->plan.top_k.len != 0) {
        ai_buf_lit(ab->b, ",\"top_k\":");
        ai_buf_cat(ab->b, &ab->plan.top_k);
    }

    ai_anthropic_stops(ab);
}


static void
ai_anthropic_stops(ai_anthropic_build_t *ab)
{
    unsigned  n;
    uint32_t  i;

    n = 0;

    for (i = 0; i < ab->rq->nstop; i++) {
        if (ai_anthropic_blank(&ab->rq->stop[i])) {
            ai_dropped_add(ab->dropped, "stop");
            continue;
        }

        if (n++ == 0) {
            ai_buf_lit(ab->b, ",\"stop_sequences\":[");

        } else {
            ai_buf_char(ab->b, ',');
        }

        ai_buf_quote_esc(ab->b, &ab->rq->stop[i]);
    }

    if (n != 0) {
        ai_buf_char(ab->b, ']');
    }
}


static void
ai_anthropic_thinking(ai_anthropic_build_t *ab)
{
    ai_int_t  schema, adaptive;

    static const ai_str_t  words[] = {
        ai_string("low"),       /* AI_EFFORT_MINIMAL */
        ai_string("low"),
        ai_string("medium"),
        ai_string("high"),
        ai_string("xhigh"),
        ai_string("max")
    };

    schema = (ab->rq->output == AI_OUTPUT_SCHEMA
              && ab->rq->output_schema.len != 0);
    adaptive = (ab->plan.think == AI_ANTHROPIC_THINK_ADAPTIVE);

    if (ab->plan.think == AI_ANTHROPIC_THINK_BUDGET) {
        ai_buf_lit(ab->b, ",\"thinking\":{\"type\":\"enabled\","
                          "\"budget_tokens\":");
        ai_buf_int(ab->b, ab->plan.budget);
        ai_buf_char(ab->b, '}');

    } else if (adaptive && ab->rq->thoughts == 0) {
        ai_buf_lit(ab->b, ",\"thinking\":{\"type\":\"adaptive\","
                          "\"display\":\"omitted\"}");

    } else if (adaptive) {
        ai_buf_lit(ab->b, ",\"thinking\":{\"type\":\"adaptive\","
                          "\"display\":\"summarized\"}");
    }

    if (!schema && !adaptive) {
        return;
    }

    ai_buf_lit(ab->b, ",\"output_config\":{");

    if (adaptive) {
        ai_buf_lit(ab->b, "\"effort\":");
        ai_buf_quote(ab->b, &words[ab->plan.effort - AI_EFFORT_MINIMAL]);
    }

    if (schema) {
        ai_buf_cat(ab->b, adaptive ? &ai_lit(",") : &ai_lit(""));
        ai_buf_lit(ab->b, "\"format\":{\"type\":\"json_schema\","
                          "\"schema\":");
        ai_buf_cat(ab->b, &ab->rq->output_schema);
        ai_buf_char(ab->b, '}');
    }

    ai_buf_char(ab->b, '}');
}


static void
ai_anthropic_account(ai_anthropic_build_t *ab)
{
    if (ab->rq->user.len != 0) {
        ai_buf_lit(ab->b, ",\"metadata\":{\"user_id\":\"");
        ai_anthropic_user(ab->b, &ab->rq->user);
        ai_buf_lit(ab->b, "\"}");
    }

    if (ab->rq->tier.len == 0) {
        return;
    }

    if (ai_str_is(&ab->rq->tier, "auto")) {
        ai_buf_lit(ab->b, ",\"service_tier\":\"auto\"");

    } else if (ai_str_is(&ab->rq->tier, "default")) {
        ai_buf_lit(ab->b, ",\"service_tier\":\"standard_only\"");

    } else {
        ai_dropped_add(ab->dropped, "service_tier");
    }
}
