
/*
 * A request for Amazon Bedrock's Converse API.
 *
 * System texts go to "system" whatever their place was.  What is left is cut
 * into runs of turns of one role, as roles have to alternate, and each run is
 * written in the order that Claude insists on and the others take: thinking,
 * text, calls for the assistant; results before everything else for the user.
 * The model is in the path, and so is whether the answer is a stream.
 */

#include <provider/ai_bedrock_int.h>


/* turns of one role in a row; "end" is the first of the next run */
typedef struct {
    const ai_turn_t   *first;
    const ai_turn_t   *end;
} ai_bedrock_run_t;


static void ai_bedrock_plan(ai_bedrock_build_t *bb);
static ai_int_t ai_bedrock_refused(ai_bedrock_build_t *bb);
static void ai_bedrock_left_out(ai_bedrock_build_t *bb);
static void ai_bedrock_system(ai_bedrock_build_t *bb);
static ai_int_t ai_bedrock_messages(ai_bedrock_build_t *bb);
static ai_int_t ai_bedrock_run(ai_bedrock_build_t *bb,
    const ai_bedrock_run_t *run);
static const ai_block_t *ai_bedrock_tail(const ai_bedrock_build_t *bb,
    const ai_bedrock_run_t *run);
static const ai_turn_t *ai_bedrock_speaking(const ai_bedrock_build_t *bb,
    const ai_turn_t *turn, ai_role_e role);
static ai_int_t ai_bedrock_speaks(const ai_bedrock_build_t *bb,
    const ai_turn_t *turn);
static ai_int_t ai_bedrock_bare_loop(const ai_bedrock_build_t *bb);


ai_int_t
ai_bedrock_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    ai_bedrock_build_t  bb;

    memset(&bb, 0, sizeof(ai_bedrock_build_t));

    bb.rq = rq;
    bb.t = t;
    bb.b = body;
    bb.dropped = dropped;
    bb.err = err;

    ai_buf_init(&bb.scratch, pool);
    ai_json_init(&bb.doc, pool);

    if (ai_bedrock_refused(&bb) != AI_OK) {
        return AI_ERROR;
    }

    ai_bedrock_plan(&bb);
    ai_bedrock_left_out(&bb);

    ai_buf_char(body, '{');

    if (ai_bedrock_messages(&bb) != AI_OK) {
        return AI_ERROR;
    }

    ai_bedrock_system(&bb);

    if (ai_bedrock_tools(&bb) != AI_OK) {
        return AI_ERROR;
    }

    ai_bedrock_tune(&bb);

    ai_buf_char(body, '}');

    if (body->failed || bb.scratch.failed) {
        ai_error_set(err, AI_ERR_SERVER, NULL);
        return AI_ERROR;
    }

    return AI_OK;
}


/* the API's own range of a temperature ends at 1 for every model; Claude's
 * plan sees to that, the others' is made in ai_bedrock_tune.c */

static void
ai_bedrock_plan(ai_bedrock_build_t *bb)
{
    unsigned             version;
    const ai_request_t  *rq;

    rq = bb->rq;
    bb->model = ai_bedrock_model(&bb->t->model);

    bb->cache = (bb->model == AI_BEDROCK_CLAUDE
                 || bb->model == AI_BEDROCK_NOVA
                 || bb->model == AI_BEDROCK_NOVA2
                 || bb->model == AI_BEDROCK_UNKNOWN);

    if (bb->model == AI_BEDROCK_CLAUDE) {
        version = ai_anthropic_version(&bb->t->model);
        bb->modern = (version == 0 || version >= 405);

        ai_anthropic_plan(bb->t, rq, ai_bedrock_bare_loop(bb), &bb->plan,
                          bb->dropped);
        return;
    }

    bb->plan.max_tokens = ai_min(rq->max_output, AI_BEDROCK_TOKENS_TOP);

    if (bb->t->max_output > 0) {
        bb->plan.max_tokens = ai_min(bb->plan.max_tokens, bb->t->max_output);
    }

    bb->plan.temperature = rq->temperature;
    bb->plan.top_p = rq->top_p;
    bb->plan.top_k = rq->top_k;
    bb->plan.choice = rq->choice;
    bb->plan.effort = rq->effort;

    if (rq->effort == AI_EFFORT_UNSET && rq->budget > 0) {
        bb->plan.effort = ai_budget_effort(rq->budget);
    }
}


static ai_int_t
ai_bedrock_refused(ai_bedrock_build_t *bb)
{
    const ai_str_t  *model;

    model = &bb->t->model;

    /* nothing that the path could be led astray with */

    if (model->len == 0 || ai_str_is(model, ".") || ai_str_is(model, "..")) {
        ai_error_set_param(bb->err, AI_ERR_MODEL_NOT_FOUND, NULL,
                           &ai_lit("model"));
        return AI_ERROR;
    }

    if (bb->rq->n > 1) {
        return ai_bedrock_refuse(bb, "this model gives one answer to a "
                                     "request", "n");
    }

    if (bb->rq->logprobs == 1) {
        return ai_bedrock_refuse(bb, "this model gives no log probabilities",
                                 "logprobs");
    }

    return AI_OK;
}


static void
ai_bedrock_left_out(ai_bedrock_build_t *bb)
{
    size_t               i;
    const ai_turn_t     *turn;
    const ai_request_t  *rq;

    rq = bb->rq;

    const struct {
        ai_int_t         there;
        const char      *name;
    } fields[] = {
        { rq->seed.len != 0, "seed" },
        { rq->presence.len != 0, "presence_penalty" },
        { rq->frequency.len != 0, "frequency_penalty" },
        { rq->logit_bias.len != 0, "logit_bias" },
        { rq->top_logprobs > 0, "top_logprobs" }
    };

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].there) {
            ai_dropped_add(bb->dropped, fields[i].name);
        }
    }

    for (turn = rq->turns; turn != NULL; turn = turn->next) {
        if (turn->name.len != 0) {
            ai_dropped_add(bb->dropped, "name");
            break;
        }
    }
}


static void
ai_bedrock_system(ai_bedrock_build_t *bb)
{
    unsigned           n;
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    n = 0;

    for (turn = bb->rq->turns; turn != NULL; turn = turn->next) {
        if (turn->role != AI_ROLE_SYSTEM) {
            continue;
        }

        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            if (ai_bedrock_pass(bb, turn->role, blk) == 0) {
                continue;
            }

            ai_buf_cat(bb->b, n++ ? &ai_lit(",") : &ai_lit(",\"system\":["));
            ai_bedrock_text(bb, blk);
            ai_bedrock_cache_point(bb, &blk->cache_mark);
        }
    }

    if (bb->rq->output == AI_OUTPUT_JSON) {
        ai_buf_cat(bb->b, n++ ? &ai_lit(",") : &ai_lit(",\"system\":["));
        ai_buf_lit(bb->b, "{\"text\":\"" AI_ANTHROPIC_JSON_HINT "\"}");
    }

    if (n != 0) {
        ai_buf_char(bb->b, ']');
    }
}


static ai_int_t
ai_bedrock_messages(ai_bedrock_build_t *bb)
{
    unsigned          n;
    ai_role_e         role;
    ai_bedrock_run_t  run;

    ai_buf_lit(bb->b, "\"messages\":[");

    run.first = ai_bedrock_speaking(bb, bb->rq->turns, 0);

    for (n = 0; run.first != NULL; n++, run.first = run.end) {
        role = (run.first->role == AI_ROLE_USER) ? AI_ROLE_ASSISTANT
                                                 : AI_ROLE_USER;
        run.end = ai_bedrock_speaking(bb, run.first->next, role);

        if (n != 0) {
            ai_buf_char(bb->b, ',');
        }

        if (ai_bedrock_run(bb, &run) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_buf_char(bb->b, ']');

    return AI_OK;
}


static ai_int_t
ai_bedrock_run(ai_bedrock_build_t *bb, const ai_bedrock_run_t *run)
{
    unsigned           n, pass, texts, files;
    ai_role_e          role;
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    n = 0;
    texts = 0;
    files = 0;
    role = run->first->role;
    bb->tail = ai_bedrock_tail(bb, run);

    ai_buf_cat(bb->b, role == AI_ROLE_USER
                      ? &ai_lit("{\"role\":\"user\",\"content\":[")
                      : &ai_lit("{\"role\":\"assistant\",\"content\":["));

    for (pass = 1; pass <= 3; pass++) {
        for (turn = run->first; turn != run->end; turn = turn->next) {
            for (blk = turn->blocks; blk != NULL; blk = blk->next) {
                if (turn->role != role
                    || ai_bedrock_pass(bb, role, blk) != pass)
                {
                    continue;
                }

                if (n++ != 0) {
                    ai_buf_char(bb->b, ',');
                }

                texts += (blk->kind == AI_BLOCK_TEXT);
                files += (blk->kind == AI_BLOCK_FILE);

                if (ai_bedrock_block(bb, role, blk) != AI_OK) {
                    return AI_ERROR;
                }
            }
        }
    }

    /* a document is refused without a text beside it */

    if (files != 0 && texts == 0) {
        ai_buf_lit(bb->b, ",{\"text\":\".\"}");
    }

    ai_buf_lit(bb->b, "]}");

    return AI_OK;
}


/* the last text of an assistant who is to go on */

static const ai_block_t *
ai_bedrock_tail(const ai_bedrock_build_t *bb, const ai_bedrock_run_t *run)
{
    const ai_turn_t   *turn;
    const ai_block_t  *blk, *tail;

    tail = NULL;

    if (run->first->role == AI_ROLE_USER || run->end != NULL) {
        return NULL;
    }

    for (turn = run->first; turn != NULL; turn = turn->next) {
        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            if (turn->role == run->first->role
                && ai_bedrock_pass(bb, turn->role, blk) == 2)
            {
                tail = blk;
            }
        }
    }

    return tail;
}


/* the next turn that has something to say, of that role or of any with 0 */

static const ai_turn_t *
ai_bedrock_speaking(const ai_bedrock_build_t *bb, const ai_turn_t *turn,
    ai_role_e role)
{
    for ( /* void */ ; turn != NULL; turn = turn->next) {
        if ((role == 0 || turn->role == role) && ai_bedrock_speaks(bb, turn))
        {
            return turn;
        }
    }

    return NULL;
}


static ai_int_t
ai_bedrock_speaks(const ai_bedrock_build_t *bb, const ai_turn_t *turn)
{
    const ai_block_t  *blk;

    if (turn->role == AI_ROLE_SYSTEM) {
        return 0;
    }

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if (ai_bedrock_pass(bb, turn->role, blk) != 0) {
            return 1;
        }
    }

    return 0;
}


/* does the last turn of the assistant call tools without thinking first? */

static ai_int_t
ai_bedrock_bare_loop(const ai_bedrock_build_t *bb)
{
    unsigned           pass, thinking, calls;
    ai_role_e          last;
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    thinking = 0;
    calls = 0;
    last = AI_ROLE_USER;

    for (turn = bb->rq->turns; turn != NULL; turn = turn->next) {
        if (!ai_bedrock_speaks(bb, turn)) {
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
            pass = ai_bedrock_pass(bb, turn->role, blk);
            thinking |= (pass == 1);
            calls |= (pass == 3);
        }
    }

    return calls && !thinking;
}


ai_int_t
ai_bedrock_has_calls(const ai_bedrock_build_t *bb)
{
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    for (turn = bb->rq->turns; turn != NULL; turn = turn->next) {
        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            if (turn->role != AI_ROLE_SYSTEM
                && (blk->kind == AI_BLOCK_TOOL_RESULT
                    || ai_bedrock_pass(bb, turn->role, blk) == 3))
            {
                return 1;
            }
        }
    }

    return 0;
}


ai_int_t
ai_bedrock_refuse(ai_bedrock_build_t *bb, const char *message,
    const char *param)
{
    ai_str_t  s;

    s.data = (ai_char_t *) param;
    s.len = strlen(param);

    ai_error_set_param(bb->err, AI_ERR_UNSUPPORTED_PARAMETER, message, &s);

    return AI_ERROR;
}


ai_int_t
ai_bedrock_invalid(ai_bedrock_build_t *bb, const char *message,
    const char *param)
{
    ai_str_t  s;

    s.data = (ai_char_t *) param;
    s.len = strlen(param);

    ai_error_set_param(bb->err, AI_ERR_INVALID_VALUE, message, &s);

    return AI_ERROR;
}
