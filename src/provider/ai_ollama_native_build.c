
/*
 * A request for Ollama's /api/chat: a content is one text, with its images
 * beside it as base64; what tunes the model is in "options".
 */

#include <provider/ai_ollama_native_int.h>


typedef struct {
    const ai_target_t   *t;
    const ai_request_t  *rq;
    ai_buf_t            *b;
    ai_dropped_t        *dropped;
    ai_error_t          *err;
    unsigned             messages:1;    /* one was written */
    unsigned             options:1;
} ai_ollama_build_t;


static ai_int_t ai_ollama_refuse(ai_ollama_build_t *ob, const char *param,
    const char *message);
static ai_int_t ai_ollama_turn(ai_ollama_build_t *ob, const ai_turn_t *turn);
static void ai_ollama_open(ai_ollama_build_t *ob, const char *role);
static ai_int_t ai_ollama_user(ai_ollama_build_t *ob, const ai_turn_t *turn);
static ai_int_t ai_ollama_result(ai_ollama_build_t *ob,
    const ai_block_t *result);
static ai_int_t ai_ollama_content(ai_ollama_build_t *ob,
    const ai_block_t *block, ai_int_t is_error);
static const ai_esc_t *ai_ollama_text_of(const ai_block_t *block);
static ai_int_t ai_ollama_takes(ai_ollama_build_t *ob,
    const ai_block_t *block);
static void ai_ollama_images(ai_ollama_build_t *ob, const ai_block_t *block);
static ai_int_t ai_ollama_assistant(ai_ollama_build_t *ob,
    const ai_turn_t *turn);
static void ai_ollama_join(ai_ollama_build_t *ob, const ai_block_t *block,
    ai_block_e kind);
static void ai_ollama_calls(ai_ollama_build_t *ob, const ai_block_t *block);
static void ai_ollama_tools(ai_ollama_build_t *ob);
static void ai_ollama_tool(ai_ollama_build_t *ob, const ai_tool_t *tool);
static void ai_ollama_output(ai_ollama_build_t *ob);
static void ai_ollama_think(ai_ollama_build_t *ob);
static void ai_ollama_options(ai_ollama_build_t *ob);
static void ai_ollama_option(ai_ollama_build_t *ob, const char *name,
    const ai_raw_t *value);
static void ai_ollama_key(ai_ollama_build_t *ob, const char *name);
static void ai_ollama_left_out(ai_ollama_build_t *ob);
static void ai_ollama_cstr(ai_buf_t *b, const char *cstr);


ai_int_t
ai_ollama_native_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    const ai_turn_t    *turn;
    ai_ollama_build_t   ob;

    (void) pool;

    memset(&ob, 0, sizeof(ai_ollama_build_t));

    ob.t = t;
    ob.rq = rq;
    ob.b = body;
    ob.dropped = dropped;
    ob.err = err;

    if (rq->n > 1) {
        return ai_ollama_refuse(&ob, "n", "This model gives one answer to a "
                                "request.");
    }

    ai_buf_lit(body, "{\"model\":");
    ai_buf_quote(body, t->model.len ? &t->model : &rq->model);
    ai_buf_lit(body, ",\"messages\":[");

    for (turn = rq->turns; turn; turn = turn->next) {
        if (ai_ollama_turn(&ob, turn) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_buf_char(body, ']');

    ai_ollama_tools(&ob);
    ai_ollama_output(&ob);
    ai_ollama_think(&ob);
    ai_ollama_options(&ob);
    ai_ollama_left_out(&ob);

    if (rq->logprobs == 1) {
        ai_buf_lit(body, ",\"logprobs\":true");

        if (rq->top_logprobs > 0) {
            ai_buf_lit(body, ",\"top_logprobs\":");
            ai_buf_int(body, rq->top_logprobs);
        }
    }

    /* the API streams to who does not say */

    ai_ollama_cstr(body, rq->stream ? ",\"stream\":true}"
                                    : ",\"stream\":false}");

    if (body->failed) {
        ai_error_set(err, AI_ERR_SERVER, "");
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_ollama_refuse(ai_ollama_build_t *ob, const char *param,
    const char *message)
{
    ai_str_t  name;

    name.data = (ai_char_t *) param;
    name.len = strlen(param);

    ai_error_set_param(ob->err, AI_ERR_UNSUPPORTED_PARAMETER, message, &name);

    return AI_ERROR;
}


static ai_int_t
ai_ollama_turn(ai_ollama_build_t *ob, const ai_turn_t *turn)
{
    if (turn->name.len) {
        ai_dropped_add(ob->dropped, "messages.name");
    }

    switch (turn->role) {

    case AI_ROLE_SYSTEM:
        if (turn->blocks == NULL) {
            return AI_OK;
        }

        ai_ollama_open(ob, "system");
        return ai_ollama_content(ob, turn->blocks, 0);

    case AI_ROLE_ASSISTANT:
        return ai_ollama_assistant(ob, turn);

    default:
        return ai_ollama_user(ob, turn);
    }
}


static void
ai_ollama_open(ai_ollama_build_t *ob, const char *role)
{
    if (ob->messages) {
        ai_buf_char(ob->b, ',');
    }

    ob->messages = 1;

    ai_buf_lit(ob->b, "{\"role\":\"");
    ai_ollama_cstr(ob->b, role);
    ai_buf_char(ob->b, '"');
}


/* results first: they follow the message that made the calls */

static ai_int_t
ai_ollama_user(ai_ollama_build_t *ob, const ai_turn_t *turn)
{
    ai_uint_t          others;
    const ai_block_t  *block;

    others = 0;

    for (block = turn->blocks; block; block = block->next) {

        if (block->kind != AI_BLOCK_TOOL_RESULT) {
            others++;

        } else if (ai_ollama_result(ob, block) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (others == 0) {
        return AI_OK;
    }

    ai_ollama_open(ob, "user");

    return ai_ollama_content(ob, turn->blocks, 0);
}


static ai_int_t
ai_ollama_result(ai_ollama_build_t *ob, const ai_block_t *result)
{
    ai_ollama_open(ob, "tool");

    if (result->name.len) {
        ai_buf_lit(ob->b, ",\"tool_name\":");
        ai_buf_quote_esc(ob->b, &result->name);
    }

    ai_buf_lit(ob->b, ",\"tool_call_id\":");
    ai_buf_quote_esc(ob->b, &result->id);

    return ai_ollama_content(ob, result->content, result->is_error);
}


/* the rest of a message: all texts as one, and the images */

static ai_int_t
ai_ollama_content(ai_ollama_build_t *ob, const ai_block_t *blocks,
    ai_int_t is_error)
{
    ai_uint_t          n;
    const ai_esc_t    *text;
    const ai_block_t  *block;

    n = 0;

    ai_buf_lit(ob->b, ",\"content\":\"");

    if (is_error) {
        ai_buf_lit(ob->b, "Error: ");
    }

    for (block = blocks; block; block = block->next) {

        if (block->kind == AI_BLOCK_TOOL_RESULT) {
            continue;
        }

        if (ai_ollama_takes(ob, block) != AI_OK) {
            return AI_ERROR;
        }

        text = ai_ollama_text_of(block);

        if (text == NULL) {
            continue;
        }

        if (n++) {
            ai_buf_lit(ob->b, "\\n\\n");
        }

        ai_buf_cat(ob->b, text);
    }

    ai_buf_char(ob->b, '"');

    ai_ollama_images(ob, blocks);

    ai_buf_char(ob->b, '}');

    return AI_OK;
}


static const ai_esc_t *
ai_ollama_text_of(const ai_block_t *block)
{
    switch (block->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        return &block->text;

    case AI_BLOCK_FILE:
        return &block->data;

    default:
        return NULL;
    }
}


static ai_int_t
ai_ollama_takes(ai_ollama_build_t *ob, const ai_block_t *block)
{
    switch (block->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        return AI_OK;

    case AI_BLOCK_IMAGE:
        if (block->source == AI_SOURCE_BASE64) {
            return AI_OK;
        }

        return ai_ollama_refuse(ob, "messages", "Images must be given as data "
                                "for this model, not as a URL.");

    case AI_BLOCK_FILE:
        if (block->source == AI_SOURCE_TEXT) {
            return AI_OK;
        }

        return ai_ollama_refuse(ob, "messages", "This model takes no files.");

    case AI_BLOCK_AUDIO:
        return ai_ollama_refuse(ob, "messages", "This model takes no audio.");

    default:
        return ai_ollama_refuse(ob, "messages", "A message holds content this "
                                "model does not take.");
    }
}


static void
ai_ollama_images(ai_ollama_build_t *ob, const ai_block_t *block)
{
    ai_uint_t  n;

    n = 0;

    for ( /* void */ ; block; block = block->next) {

        if (block->kind != AI_BLOCK_IMAGE) {
            continue;
        }

        ai_ollama_cstr(ob->b, n++ ? "," : ",\"images\":[");
        ai_buf_quote_esc(ob->b, &block->data);
    }

    if (n) {
        ai_buf_char(ob->b, ']');
    }
}


/* thoughts go back as they are: templates show a model those that led to its
 * last calls; a turn of nothing else says nothing */

static ai_int_t
ai_ollama_assistant(ai_ollama_build_t *ob, const ai_turn_t *turn)
{
    ai_uint_t          calls, texts, thoughts;
    const ai_block_t  *block;

    calls = 0;
    texts = 0;
    thoughts = 0;

    for (block = turn->blocks; block; block = block->next) {

        switch (block->kind) {

        case AI_BLOCK_TOOL_CALL:
            calls++;
            break;

        case AI_BLOCK_THINKING:
            thoughts += block->text.len != 0;
            break;

        case AI_BLOCK_REDACTED:
            break;

        case AI_BLOCK_TEXT:
        case AI_BLOCK_REFUSAL:
            texts++;
            break;

        default:
            return ai_ollama_refuse(ob, "messages", "An assistant message can "
                                    "only hold text and tool calls.");
        }
    }

    if (calls == 0 && texts == 0) {
        return AI_OK;
    }

    ai_ollama_open(ob, "assistant");

    ai_buf_lit(ob->b, ",\"content\":");
    ai_ollama_join(ob, turn->blocks, AI_BLOCK_TEXT);

    if (thoughts) {
        ai_buf_lit(ob->b, ",\"thinking\":");
        ai_ollama_join(ob, turn->blocks, AI_BLOCK_THINKING);
    }

    if (calls) {
        ai_ollama_calls(ob, turn->blocks);
    }

    ai_buf_char(ob->b, '}');

    return AI_OK;
}


/* the texts of one kind; a refusal is a text */

static void
ai_ollama_join(ai_ollama_build_t *ob, const ai_block_t *block,
    ai_block_e kind)
{
    ai_uint_t   n;
    ai_block_e  own;

    n = 0;

    ai_buf_char(ob->b, '"');

    for ( /* void */ ; block; block = block->next) {
        own = block->kind == AI_BLOCK_REFUSAL ? AI_BLOCK_TEXT : block->kind;

        if (own != kind || block->text.len == 0) {
            continue;
        }

        if (n++) {
            ai_buf_lit(ob->b, "\\n\\n");
        }

        ai_buf_cat(ob->b, &block->text);
    }

    ai_buf_char(ob->b, '"');
}


static void
ai_ollama_calls(ai_ollama_build_t *ob, const ai_block_t *block)
{
    int64_t  n;

    n = 0;

    for ( /* void */ ; block; block = block->next) {

        if (block->kind != AI_BLOCK_TOOL_CALL) {
            continue;
        }

        ai_ollama_cstr(ob->b, n ? "," : ",\"tool_calls\":[");
        ai_buf_lit(ob->b, "{\"id\":");
        ai_buf_quote_esc(ob->b, &block->id);
        ai_buf_lit(ob->b, ",\"function\":{\"index\":");
        ai_buf_int(ob->b, n++);
        ai_buf_lit(ob->b, ",\"name\":");
        ai_buf_quote_esc(ob->b, &block->name);
        ai_buf_lit(ob->b, ",\"arguments\":");

        if (block->args.len) {
            ai_buf_cat(ob->b, &block->args);

        } else {
            ai_buf_lit(ob->b, "{}");
        }

        ai_buf_lit(ob->b, "}}");
    }

    ai_buf_char(ob->b, ']');
}


/* there is no tool_choice: "none" takes the tools away, a named one the
 * others; that one must be called cannot be said */

static void
ai_ollama_tools(ai_ollama_build_t *ob)
{
    ai_uint_t            n;
    const ai_tool_t     *tool;
    const ai_request_t  *rq;

    rq = ob->rq;
    n = 0;

    if (rq->choice == AI_CHOICE_NONE) {
        return;
    }

    for (tool = rq->tools; tool; tool = tool->next) {

        if (rq->choice == AI_CHOICE_NAMED
            && !ai_str_eq(&tool->name, &rq->choice_name))
        {
            continue;
        }

        ai_ollama_cstr(ob->b, n++ ? "," : ",\"tools\":[");
        ai_ollama_tool(ob, tool);
    }

    if (n) {
        ai_buf_char(ob->b, ']');
    }

    if (rq->choice == AI_CHOICE_REQUIRED || rq->choice == AI_CHOICE_NAMED) {
        ai_dropped_add(ob->dropped, "tool_choice");
    }

    if (rq->parallel == 0) {
        ai_dropped_add(ob->dropped, "parallel_tool_calls");
    }
}


static void
ai_ollama_tool(ai_ollama_build_t *ob, const ai_tool_t *tool)
{
    ai_buf_lit(ob->b, "{\"type\":\"function\",\"function\":{\"name\":");
    ai_buf_quote_esc(ob->b, &tool->name);

    if (tool->description.data) {
        ai_buf_lit(ob->b, ",\"description\":");
        ai_buf_quote_esc(ob->b, &tool->description);
    }

    ai_buf_lit(ob->b, ",\"parameters\":");

    if (tool->schema.len) {
        ai_buf_cat(ob->b, &tool->schema);

    } else {
        ai_buf_lit(ob->b, "{\"type\":\"object\",\"properties\":{}}");
    }

    ai_buf_lit(ob->b, "}}");

    if (tool->strict == 1) {
        ai_dropped_add(ob->dropped, "tools.strict");
    }
}


static void
ai_ollama_output(ai_ollama_build_t *ob)
{
    const ai_request_t  *rq;

    rq = ob->rq;

    if (rq->output == AI_OUTPUT_TEXT) {
        return;
    }

    ai_buf_lit(ob->b, ",\"format\":");

    if (rq->output == AI_OUTPUT_SCHEMA && rq->output_schema.len) {
        ai_buf_cat(ob->b, &rq->output_schema);

    } else {
        ai_buf_lit(ob->b, "\"json\"");
    }
}


/* models without levels take any word as "true" */

static void
ai_ollama_think(ai_ollama_build_t *ob)
{
    ai_effort_e  effort;

    static const char *const  words[] = {
        "", "false", "\"low\"", "\"low\"", "\"medium\"", "\"high\"",
        "\"high\"", "\"max\""
    };

    effort = ob->rq->effort;

    if (effort == AI_EFFORT_UNSET) {
        effort = ai_budget_effort(ob->rq->budget);
    }

    if (effort != AI_EFFORT_UNSET) {
        ai_buf_lit(ob->b, ",\"think\":");
        ai_ollama_cstr(ob->b, words[effort]);
    }
}


static void
ai_ollama_options(ai_ollama_build_t *ob)
{
    int64_t              max;
    uint32_t             i;
    const ai_request_t  *rq;

    rq = ob->rq;

    if (rq->max_output >= 0) {
        max = rq->max_output;

        if (ob->t->max_output > 0) {
            max = ai_min(max, ob->t->max_output);
        }

        ai_ollama_key(ob, "num_predict");
        ai_buf_int(ob->b, max);
    }

    ai_ollama_option(ob, "temperature", &rq->temperature);
    ai_ollama_option(ob, "top_p", &rq->top_p);
    ai_ollama_option(ob, "top_k", &rq->top_k);
    ai_ollama_option(ob, "seed", &rq->seed);
    ai_ollama_option(ob, "presence_penalty", &rq->presence);
    ai_ollama_option(ob, "frequency_penalty", &rq->frequency);

    if (rq->nstop) {
        ai_ollama_key(ob, "stop");

        for (i = 0; i < rq->nstop; i++) {
            ai_buf_char(ob->b, i ? ',' : '[');
            ai_buf_quote_esc(ob->b, &rq->stop[i]);
        }

        ai_buf_char(ob->b, ']');
    }

    if (ob->options) {
        ai_buf_char(ob->b, '}');
    }
}


static void
ai_ollama_option(ai_ollama_build_t *ob, const char *name,
    const ai_raw_t *value)
{
    if (value->len == 0) {
        return;
    }

    ai_ollama_key(ob, name);
    ai_buf_cat(ob->b, value);
}


static void
ai_ollama_key(ai_ollama_build_t *ob, const char *name)
{
    ai_ollama_cstr(ob->b, ob->options ? ",\"" : ",\"options\":{\"");
    ai_ollama_cstr(ob->b, name);
    ai_buf_lit(ob->b, "\":");

    ob->options = 1;
}


static void
ai_ollama_left_out(ai_ollama_build_t *ob)
{
    const ai_request_t  *rq;

    rq = ob->rq;

    if (rq->logit_bias.len) {
        ai_dropped_add(ob->dropped, "logit_bias");
    }

    if (rq->user.len) {
        ai_dropped_add(ob->dropped, "user");
    }

    if (rq->metadata.len) {
        ai_dropped_add(ob->dropped, "metadata");
    }

    if (rq->tier.len) {
        ai_dropped_add(ob->dropped, "service_tier");
    }
}


static void
ai_ollama_cstr(ai_buf_t *b, const char *cstr)
{
    ai_buf_add(b, cstr, strlen(cstr));
}
