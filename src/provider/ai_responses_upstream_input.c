
/*
 * Turns as the items of a Responses request's input.
 *
 *     system, user     {"role", "content"}, in their places
 *     tool result      function_call_output, in front of the user's message
 *     assistant        its blocks in order: {"role", "content"},
 *                      function_call, reasoning
 */

#include <provider/ai_openai_wire_int.h>
#include <provider/ai_responses_upstream_int.h>


/* calls of a turn that are looked at to find a result's */
#define AI_RSP_CALLS_MAX  256


static ai_int_t ai_rsp_system(ai_rsp_build_t *u, const ai_turn_t *turn);
static ai_int_t ai_rsp_user(ai_rsp_build_t *u, const ai_turn_t *turn);
static ai_int_t ai_rsp_assistant(ai_rsp_build_t *u, const ai_turn_t *turn);
static void ai_rsp_item_open(ai_rsp_build_t *u);
static void ai_rsp_message_open(ai_rsp_build_t *u, const ai_turn_t *turn,
    const char *role);
static ai_int_t ai_rsp_result(ai_rsp_build_t *u, const ai_block_t *result);
static ai_int_t ai_rsp_result_custom(const ai_rsp_build_t *u,
    const ai_block_t *result);
static void ai_rsp_result_text(ai_rsp_build_t *u, const ai_block_t *result);
static ai_int_t ai_rsp_part(ai_rsp_build_t *u, const ai_block_t *block);
static ai_int_t ai_rsp_image(ai_rsp_build_t *u, const ai_block_t *block);
static ai_int_t ai_rsp_file(ai_rsp_build_t *u, const ai_block_t *block);
static void ai_rsp_data_url(ai_buf_t *b, const ai_block_t *block);
static const ai_block_t *ai_rsp_spoken(ai_rsp_build_t *u,
    const ai_turn_t *turn, const ai_block_t *block);
static ai_int_t ai_rsp_call(ai_rsp_build_t *u, const ai_block_t *call);
static ai_int_t ai_rsp_custom_input(ai_rsp_build_t *u,
    const ai_block_t *call, ai_esc_t *input);
static const ai_block_t *ai_rsp_reasoning(ai_rsp_build_t *u,
    const ai_block_t *block);
static const ai_block_t *ai_rsp_state(const ai_block_t *block,
    ai_esc_t *opaque);
static ai_int_t ai_rsp_any(const ai_block_t *block, const ai_block_t *end);
static void ai_rsp_thoughts(ai_buf_t *b, const ai_block_t *block,
    const ai_block_t *end, const char *type);
static void ai_rsp_call_id(ai_buf_t *b, const ai_esc_t *id);
static ai_int_t ai_rsp_is_text(const ai_block_t *block);
static ai_int_t ai_rsp_is_thought(const ai_block_t *block);
static void ai_rsp_esc(ai_buf_t *b, const char *name, const ai_esc_t *value);


ai_int_t
ai_rsp_input(ai_rsp_build_t *u)
{
    ai_int_t          rc;
    const ai_turn_t  *turn;

    for (turn = u->rq->turns; turn; turn = turn->next) {

        switch (turn->role) {

        case AI_ROLE_SYSTEM:
            rc = ai_rsp_system(u, turn);
            break;

        case AI_ROLE_ASSISTANT:
            rc = ai_rsp_assistant(u, turn);
            break;

        default:
            rc = ai_rsp_user(u, turn);
        }

        if (rc != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_rsp_system(ai_rsp_build_t *u, const ai_turn_t *turn)
{
    const ai_block_t  *block;

    for (block = turn->blocks; block; block = block->next) {
        if (!ai_rsp_is_text(block)) {
            return ai_rsp_refuse(u, "messages",
                                 "A system message can only hold text.");
        }
    }

    if (turn->blocks == NULL) {
        return AI_OK;
    }

    ai_rsp_message_open(u, turn, "system");

    if (turn->blocks->next == NULL) {
        ai_buf_quote_esc(u->b, &turn->blocks->text);
        ai_buf_char(u->b, '}');

        return AI_OK;
    }

    for (block = turn->blocks; block; block = block->next) {
        ai_buf_char(u->b, block == turn->blocks ? '[' : ',');
        (void) ai_rsp_part(u, block);
    }

    ai_buf_lit(u->b, "]}");

    return AI_OK;
}


static ai_int_t
ai_rsp_user(ai_rsp_build_t *u, const ai_turn_t *turn)
{
    ai_uint_t          parts;
    const ai_block_t  *block, *only;

    parts = 0;
    only = NULL;

    for (block = turn->blocks; block; block = block->next) {

        if (block->kind != AI_BLOCK_TOOL_RESULT) {
            parts++;
            only = block;

        } else if (ai_rsp_result(u, block) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (parts == 0) {
        return AI_OK;
    }

    ai_rsp_message_open(u, turn, "user");

    if (parts == 1 && ai_rsp_is_text(only)) {
        ai_buf_quote_esc(u->b, &only->text);
        ai_buf_char(u->b, '}');

        return AI_OK;
    }

    ai_buf_char(u->b, '[');

    for (block = turn->blocks; block; block = block->next) {

        if (block->kind == AI_BLOCK_TOOL_RESULT) {
            continue;
        }

        if (ai_rsp_part(u, block) != AI_OK) {
            return AI_ERROR;
        }

        if (--parts) {
            ai_buf_char(u->b, ',');
        }
    }

    ai_buf_lit(u->b, "]}");

    return AI_OK;
}


/* reasoning that nothing follows is refused by the API */

static ai_int_t
ai_rsp_assistant(ai_rsp_build_t *u, const ai_turn_t *turn)
{
    const ai_block_t  *block, *last, *next;

    u->said = turn;
    last = NULL;

    for (block = turn->blocks; block; block = block->next) {

        if (block->kind == AI_BLOCK_TOOL_CALL
            || (ai_rsp_is_text(block) && block->text.len))
        {
            last = block;
        }
    }

    for (block = turn->blocks; block; block = next) {

        if (ai_rsp_is_text(block)) {
            next = ai_rsp_spoken(u, turn, block);

        } else if (ai_rsp_is_thought(block)) {
            next = last ? ai_rsp_reasoning(u, block) : block->next;

        } else if (block->kind == AI_BLOCK_TOOL_CALL) {

            if (ai_rsp_call(u, block) != AI_OK) {
                return AI_ERROR;
            }

            next = block->next;

        } else {
            return ai_rsp_refuse(u, "messages", "An assistant message can "
                                 "only hold text and tool calls.");
        }

        for ( /* void */ ; block != next; block = block->next) {
            if (block == last) {
                last = NULL;
            }
        }
    }

    return AI_OK;
}


static void
ai_rsp_item_open(ai_rsp_build_t *u)
{
    ai_buf_add(u->b, ",", u->items++ ? 1 : 0);
}


static void
ai_rsp_message_open(ai_rsp_build_t *u, const ai_turn_t *turn,
    const char *role)
{
    if (turn->name.len) {
        ai_dropped_add(u->dropped, "messages.name");
    }

    ai_rsp_item_open(u);

    ai_buf_lit(u->b, "{\"role\":\"");
    ai_buf_add(u->b, role, strlen(role));
    ai_buf_lit(u->b, "\",\"content\":");
}


/* text alone is a string, which every host takes */

static ai_int_t
ai_rsp_result(ai_rsp_build_t *u, const ai_block_t *result)
{
    const ai_block_t  *block;

    ai_rsp_item_open(u);

    if (ai_rsp_result_custom(u, result)) {
        ai_buf_lit(u->b, "{\"type\":\"custom_tool_call_output\"");

    } else {
        ai_buf_lit(u->b, "{\"type\":\"function_call_output\"");
    }

    ai_buf_lit(u->b, ",\"call_id\":\"");
    ai_rsp_call_id(u->b, &result->id);
    ai_buf_lit(u->b, "\",\"output\":");

    for (block = result->content; block; block = block->next) {
        if (!ai_rsp_is_text(block)) {
            break;
        }
    }

    if (block == NULL) {
        ai_rsp_result_text(u, result);
        ai_buf_char(u->b, '}');

        return AI_OK;
    }

    ai_buf_char(u->b, '[');

    if (result->is_error) {
        ai_buf_lit(u->b, "{\"type\":\"input_text\",\"text\":\"Error:\"},");
    }

    for (block = result->content; block; block = block->next) {

        if (ai_rsp_part(u, block) != AI_OK) {
            return AI_ERROR;
        }

        ai_buf_add(u->b, ",", block->next ? 1 : 0);
    }

    ai_buf_lit(u->b, "]}");

    return AI_OK;
}


static ai_int_t
ai_rsp_result_custom(const ai_rsp_build_t *u, const ai_block_t *result)
{
    ai_uint_t          n;
    const ai_block_t  *call;

    if (!u->custom) {
        return 0;
    }

    if (result->name.len) {
        return ai_rsp_is_custom(u->rq, &result->name);
    }

    call = u->said ? u->said->blocks : NULL;

    for (n = 0; call && n < AI_RSP_CALLS_MAX; n++) {

        if (call->kind == AI_BLOCK_TOOL_CALL
            && ai_str_eq(&call->id, &result->id))
        {
            return ai_rsp_is_custom(u->rq, &call->name);
        }

        call = call->next;
    }

    return 0;
}


static void
ai_rsp_result_text(ai_rsp_build_t *u, const ai_block_t *result)
{
    const ai_block_t  *block;

    ai_buf_char(u->b, '"');

    if (result->is_error) {
        ai_buf_lit(u->b, "Error: ");
    }

    for (block = result->content; block; block = block->next) {
        ai_buf_cat(u->b, &block->text);
        ai_buf_add(u->b, "\\n\\n", block->next ? 4 : 0);
    }

    ai_buf_char(u->b, '"');
}


static ai_int_t
ai_rsp_part(ai_rsp_build_t *u, const ai_block_t *block)
{
    switch (block->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        ai_buf_lit(u->b, "{\"type\":\"input_text\"");
        ai_rsp_esc(u->b, "text", &block->text);
        ai_buf_char(u->b, '}');

        return AI_OK;

    case AI_BLOCK_IMAGE:
        return ai_rsp_image(u, block);

    case AI_BLOCK_FILE:
        return ai_rsp_file(u, block);

    case AI_BLOCK_AUDIO:
        return ai_rsp_refuse(u, "messages",
                             "This model does not take audio here.");

    default:
        return ai_rsp_refuse(u, "messages", "A user message holds content "
                             "this model does not take.");
    }
}


static ai_int_t
ai_rsp_image(ai_rsp_build_t *u, const ai_block_t *block)
{
    ai_buf_lit(u->b, "{\"type\":\"input_image\"");

    switch (block->source) {

    case AI_SOURCE_BASE64:
        ai_rsp_key(u->b, "image_url");
        ai_rsp_data_url(u->b, block);
        break;

    case AI_SOURCE_URL:
        ai_rsp_esc(u->b, "image_url", &block->data);
        break;

    case AI_SOURCE_ID:
        ai_rsp_esc(u->b, "file_id", &block->data);
        break;

    default:
        return ai_rsp_refuse(u, "messages", "Images must be given as data or "
                             "as a URL for this model.");
    }

    /* not optional, by the letter of the API */

    if (block->detail.len) {
        ai_rsp_esc(u->b, "detail", &block->detail);

    } else {
        ai_buf_lit(u->b, ",\"detail\":\"auto\"");
    }

    ai_buf_char(u->b, '}');

    return AI_OK;
}


static ai_int_t
ai_rsp_file(ai_rsp_build_t *u, const ai_block_t *block)
{
    if (block->source == AI_SOURCE_TEXT) {
        ai_buf_lit(u->b, "{\"type\":\"input_text\"");
        ai_rsp_esc(u->b, "text", &block->data);
        ai_buf_char(u->b, '}');

        return AI_OK;
    }

    ai_buf_lit(u->b, "{\"type\":\"input_file\"");

    switch (block->source) {

    case AI_SOURCE_BASE64:
        ai_rsp_key(u->b, "filename");

        if (block->name.len) {
            ai_buf_quote_esc(u->b, &block->name);

        } else {
            ai_buf_lit(u->b, "\"file.pdf\"");
        }

        ai_rsp_key(u->b, "file_data");
        ai_rsp_data_url(u->b, block);
        break;

    case AI_SOURCE_URL:
        ai_rsp_esc(u->b, "file_url", &block->data);
        break;

    case AI_SOURCE_ID:
        ai_rsp_esc(u->b, "file_id", &block->data);
        break;

    default:
        return ai_rsp_refuse(u, "messages", "Files must be given as data, as "
                             "a URL or by their id for this model.");
    }

    ai_buf_char(u->b, '}');

    return AI_OK;
}


static void
ai_rsp_data_url(ai_buf_t *b, const ai_block_t *block)
{
    ai_buf_lit(b, "\"data:");
    ai_buf_escape(b, &block->media);
    ai_buf_lit(b, ";base64,");
    ai_buf_cat(b, &block->data);
    ai_buf_char(b, '"');
}


/* what was said in a row; the block behind it */

static const ai_block_t *
ai_rsp_spoken(ai_rsp_build_t *u, const ai_turn_t *turn,
    const ai_block_t *block)
{
    const ai_block_t  *next;

    next = block->next;

    if (block->kind == AI_BLOCK_TEXT
        && (next == NULL || !ai_rsp_is_text(next)))
    {
        if (block->text.len == 0) {
            return next;
        }

        ai_rsp_message_open(u, turn, "assistant");
        ai_buf_quote_esc(u->b, &block->text);
        ai_buf_char(u->b, '}');

        return next;
    }

    ai_rsp_message_open(u, turn, "assistant");

    for (next = block; next && ai_rsp_is_text(next); next = next->next) {
        ai_buf_char(u->b, next == block ? '[' : ',');

        if (next->kind == AI_BLOCK_REFUSAL) {
            ai_buf_lit(u->b, "{\"type\":\"refusal\"");
            ai_rsp_esc(u->b, "refusal", &next->text);

        } else {
            ai_buf_lit(u->b, "{\"type\":\"output_text\"");
            ai_rsp_esc(u->b, "text", &next->text);
        }

        ai_buf_char(u->b, '}');
    }

    ai_buf_lit(u->b, "]}");

    return next;
}


/* the item's own id is left out: it names what is not kept */

static ai_int_t
ai_rsp_call(ai_rsp_build_t *u, const ai_block_t *call)
{
    ai_int_t   rc;
    ai_esc_t   input;
    ai_buf_t  *b;

    b = u->b;
    rc = AI_DECLINED;

    if (u->custom && ai_rsp_is_custom(u->rq, &call->name)) {
        rc = ai_rsp_custom_input(u, call, &input);

        if (rc == AI_ERROR) {
            return AI_ERROR;
        }
    }

    ai_rsp_item_open(u);

    if (rc == AI_OK) {
        ai_buf_lit(b, "{\"type\":\"custom_tool_call\",\"call_id\":\"");

    } else {
        ai_buf_lit(b, "{\"type\":\"function_call\",\"call_id\":\"");
    }

    ai_rsp_call_id(b, &call->id);
    ai_buf_lit(b, "\",\"name\":");
    ai_buf_quote_esc(b, &call->name);

    if (rc == AI_OK) {
        ai_rsp_esc(b, "input", &input);
        ai_buf_char(b, '}');

        return AI_OK;
    }

    ai_buf_lit(b, ",\"arguments\":\"");

    if (call->args.len) {
        ai_json_embed(b, &call->args);

    } else {
        ai_buf_lit(b, "{}");
    }

    ai_buf_lit(b, "\"}");

    return AI_OK;
}


/* AI_DECLINED: what else there may be goes as text, whole */

static ai_int_t
ai_rsp_custom_input(ai_rsp_build_t *u, const ai_block_t *call,
    ai_esc_t *input)
{
    if (ai_json_parse(&u->doc, &call->args, NULL) != AI_OK) {

        if (u->doc.error == AI_JSON_E_MEMORY) {
            ai_error_set(u->err, AI_ERR_SERVER, "");
            return AI_ERROR;
        }

        return AI_DECLINED;
    }

    *input = ai_json_esc(&u->doc, ai_json_get(&u->doc, AI_JSON_ROOT,
                                              "input"));

    return input->data ? AI_OK : AI_DECLINED;
}


/*
 * Thoughts up to the state behind them; the block behind that.  A client of
 * this API has the summary in front of the state, others have both in one
 * block.  Without state there is nothing that a model could take up, but for
 * hosts that want the text itself back.
 */

static const ai_block_t *
ai_rsp_reasoning(ai_rsp_build_t *u, const ai_block_t *block)
{
    ai_esc_t           opaque;
    const ai_block_t  *end;

    end = ai_rsp_state(block, &opaque);

    if (opaque.len) {
        ai_rsp_item_open(u);
        ai_buf_lit(u->b, "{\"type\":\"reasoning\",\"summary\":[");
        ai_rsp_thoughts(u->b, block, end, "summary_text");
        ai_buf_lit(u->b, "],\"encrypted_content\":");
        ai_buf_quote_esc(u->b, &opaque);
        ai_buf_char(u->b, '}');

    } else if ((u->quirks & AI_QUIRK_REPLAY) && ai_rsp_any(block, end)) {
        ai_rsp_item_open(u);
        ai_buf_lit(u->b, "{\"type\":\"reasoning\",\"summary\":[],"
                   "\"content\":[");
        ai_rsp_thoughts(u->b, block, end, "reasoning_text");
        ai_buf_lit(u->b, "]}");
    }

    return end;
}


/* the block behind the first one with state, or behind all thoughts; opaque
 * is the state, empty if there is none or it is not OpenAI's */

static const ai_block_t *
ai_rsp_state(const ai_block_t *block, ai_esc_t *opaque)
{
    for ( /* void */ ; block && ai_rsp_is_thought(block);
         block = block->next)
    {
        *opaque = block->kind == AI_BLOCK_REDACTED ? block->data
                                                   : block->signature;

        if (opaque->len == 0) {
            continue;
        }

        if (block->family != AI_FAMILY_OPENAI) {
            opaque->len = 0;
        }

        return block->next;
    }

    opaque->len = 0;

    return block;
}


static ai_int_t
ai_rsp_any(const ai_block_t *block, const ai_block_t *end)
{
    for ( /* void */ ; block != end; block = block->next) {
        if (block->kind == AI_BLOCK_THINKING && block->text.len) {
            return 1;
        }
    }

    return 0;
}


static void
ai_rsp_thoughts(ai_buf_t *b, const ai_block_t *block, const ai_block_t *end,
    const char *type)
{
    ai_uint_t  n;

    n = 0;

    for ( /* void */ ; block != end; block = block->next) {

        if (block->kind != AI_BLOCK_THINKING || block->text.len == 0) {
            continue;
        }

        ai_buf_add(b, ",", n++ ? 1 : 0);
        ai_buf_lit(b, "{\"type\":\"");
        ai_buf_add(b, type, strlen(type));
        ai_buf_char(b, '"');
        ai_rsp_esc(b, "text", &block->text);
        ai_buf_char(b, '}');
    }
}


/* one that is too long is replaced by a hash, the same for the call and its
 * result */

static void
ai_rsp_call_id(ai_buf_t *b, const ai_esc_t *id)
{
    if (id->len && id->len <= AI_RSP_ID_MAX) {
        ai_buf_cat(b, id);
        return;
    }

    ai_wire_tool_id(b, 0, id);
}


static ai_int_t
ai_rsp_is_text(const ai_block_t *block)
{
    return block->kind == AI_BLOCK_TEXT || block->kind == AI_BLOCK_REFUSAL;
}


static ai_int_t
ai_rsp_is_thought(const ai_block_t *block)
{
    return block->kind == AI_BLOCK_THINKING
           || block->kind == AI_BLOCK_REDACTED;
}


static void
ai_rsp_esc(ai_buf_t *b, const char *name, const ai_esc_t *value)
{
    ai_rsp_key(b, name);
    ai_buf_quote_esc(b, value);
}
