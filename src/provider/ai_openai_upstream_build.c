
/*
 * An ai_request_t as the body of an OpenAI-shaped chat request.
 */

#include <provider/ai_openai_wire_int.h>


/* characters; OpenAI refuses longer ones */
#define AI_BUILD_USER_MAX  64


typedef struct {
    const ai_target_t   *target;
    const ai_request_t  *rq;
    const ai_pool_t     *pool;
    ai_buf_t            *b;
    ai_dropped_t        *dropped;
    ai_error_t          *err;
    uint32_t             quirks;
    unsigned             messages:1;    /* one was written */
} ai_build_t;


static ai_int_t ai_build_refuse(ai_build_t *u, const char *param,
    const char *message);
static ai_int_t ai_build_turn(ai_build_t *u, const ai_turn_t *turn);
static void ai_build_open(ai_build_t *u, const ai_turn_t *turn,
    const char *role);
static ai_int_t ai_build_system(ai_build_t *u, const ai_turn_t *turn);
static ai_int_t ai_build_user(ai_build_t *u, const ai_turn_t *turn);
static ai_int_t ai_build_result(ai_build_t *u, const ai_block_t *result);
static ai_int_t ai_build_part(ai_build_t *u, const ai_block_t *block,
    ai_uint_t *n);
static ai_int_t ai_build_image(ai_build_t *u, const ai_block_t *block);
static ai_int_t ai_build_file(ai_build_t *u, const ai_block_t *block);
static ai_int_t ai_build_audio(ai_build_t *u, const ai_block_t *block);
static void ai_build_data_url(ai_build_t *u, const ai_block_t *block);
static ai_int_t ai_build_assistant(ai_build_t *u, const ai_turn_t *turn);
static void ai_build_thoughts(ai_build_t *u, const ai_turn_t *turn);
static void ai_build_details(ai_build_t *u, const ai_turn_t *turn);
static const char *ai_build_format(ai_family_e family);
static void ai_build_calls(ai_build_t *u, const ai_turn_t *turn);
static ai_uint_t ai_build_texts(ai_build_t *u, const ai_block_t *block);
static ai_int_t ai_build_is_text(const ai_block_t *block);
static void ai_build_tools(ai_build_t *u);
static ai_int_t ai_build_output(ai_build_t *u);
static void ai_build_effort(ai_build_t *u);
static ai_int_t ai_build_sampling(ai_build_t *u);
static size_t ai_build_chars(const ai_esc_t *s);
static void ai_build_labels(ai_build_t *u);
static void ai_build_raw(ai_build_t *u, const char *name,
    const ai_raw_t *value);
static void ai_build_esc(ai_build_t *u, const char *name,
    const ai_esc_t *value);
static void ai_build_key(ai_build_t *u, const char *name);


ai_int_t
ai_upstream_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err)
{
    int64_t      max;
    ai_build_t   u;
    ai_turn_t   *turn;

    memset(&u, 0, sizeof(ai_build_t));

    u.target = t;
    u.rq = rq;
    u.pool = pool;
    u.b = body;
    u.dropped = dropped;
    u.err = err;
    u.quirks = t->provider->quirks;

    ai_buf_lit(body, "{\"model\":");
    ai_buf_quote(body, t->model.len ? &t->model : &rq->model);
    ai_buf_lit(body, ",\"messages\":[");

    for (turn = rq->turns; turn; turn = turn->next) {
        if (ai_build_turn(&u, turn) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_buf_char(body, ']');

    if (rq->stream) {
        ai_buf_lit(body, ",\"stream\":true");

        if (!(u.quirks & AI_QUIRK_NO_STREAM_OPTIONS)) {
            ai_buf_lit(body, ",\"stream_options\":{\"include_usage\":true}");
        }
    }

    if (rq->max_output >= 0) {
        max = rq->max_output;

        if (t->max_output > 0) {
            max = ai_min(max, t->max_output);
        }

        ai_build_key(&u, (u.quirks & AI_QUIRK_MAX_TOKENS)
                             ? "max_tokens" : "max_completion_tokens");
        ai_buf_int(body, max);
    }

    ai_build_tools(&u);

    if (ai_build_output(&u) != AI_OK || ai_build_sampling(&u) != AI_OK) {
        return AI_ERROR;
    }

    ai_build_effort(&u);
    ai_build_labels(&u);

    ai_buf_char(body, '}');

    if (body->failed) {
        ai_error_set(err, AI_ERR_SERVER, "");
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_build_refuse(ai_build_t *u, const char *param, const char *message)
{
    ai_str_t  name;

    name.data = (ai_char_t *) param;
    name.len = strlen(param);

    ai_error_set_param(u->err, AI_ERR_UNSUPPORTED_PARAMETER, message, &name);

    return AI_ERROR;
}


static ai_int_t
ai_build_turn(ai_build_t *u, const ai_turn_t *turn)
{
    switch (turn->role) {

    case AI_ROLE_SYSTEM:
        return ai_build_system(u, turn);

    case AI_ROLE_ASSISTANT:
        return ai_build_assistant(u, turn);

    default:
        return ai_build_user(u, turn);
    }
}


static void
ai_build_open(ai_build_t *u, const ai_turn_t *turn, const char *role)
{
    if (u->messages) {
        ai_buf_char(u->b, ',');
    }

    u->messages = 1;

    ai_buf_lit(u->b, "{\"role\":\"");
    ai_buf_add(u->b, role, strlen(role));
    ai_buf_char(u->b, '"');

    if (turn == NULL || turn->name.len == 0) {
        return;
    }

    if (u->quirks & (AI_QUIRK_NO_NAMES|AI_QUIRK_STRICT_BODY)) {
        ai_dropped_add(u->dropped, "messages.name");
        return;
    }

    ai_build_esc(u, "name", &turn->name);
}


static ai_int_t
ai_build_system(ai_build_t *u, const ai_turn_t *turn)
{
    const ai_block_t  *block;

    for (block = turn->blocks; block; block = block->next) {
        if (!ai_build_is_text(block)) {
            return ai_build_refuse(u, "messages",
                                   "A system message can only hold text.");
        }
    }

    if (turn->blocks == NULL) {
        return AI_OK;
    }

    ai_build_open(u, turn, "system");
    ai_build_key(u, "content");
    (void) ai_build_texts(u, turn->blocks);
    ai_buf_char(u->b, '}');

    return AI_OK;
}


/*
 * The results of calls come first, as messages of their own: they must follow
 * the message that made the calls.  Their images cannot be in them and begin
 * the user's message.
 */

static ai_int_t
ai_build_user(ai_build_t *u, const ai_turn_t *turn)
{
    ai_uint_t          n, parts, texts;
    const ai_block_t  *block, *inner, *only;

    parts = 0;
    texts = 0;
    only = NULL;

    for (block = turn->blocks; block; block = block->next) {

        if (block->kind == AI_BLOCK_TOOL_RESULT) {

            if (ai_build_result(u, block) != AI_OK) {
                return AI_ERROR;
            }

            for (inner = block->content; inner; inner = inner->next) {
                parts += !ai_build_is_text(inner);
            }

            continue;
        }

        parts++;

        if (ai_build_is_text(block)) {
            texts++;
            only = block;
        }
    }

    if (parts == 0) {
        return AI_OK;
    }

    ai_build_open(u, turn, "user");
    ai_build_key(u, "content");

    if (texts == parts
        && (texts == 1 || (u->quirks & AI_QUIRK_TEXT_CONTENT)))
    {
        if (texts == 1) {
            ai_buf_quote_esc(u->b, &only->text);

        } else {
            (void) ai_build_texts(u, turn->blocks);
        }

        ai_buf_char(u->b, '}');

        return AI_OK;
    }

    ai_buf_char(u->b, '[');
    n = 0;

    for (block = turn->blocks; block; block = block->next) {

        if (block->kind != AI_BLOCK_TOOL_RESULT) {
            continue;
        }

        for (inner = block->content; inner; inner = inner->next) {
            if (!ai_build_is_text(inner)
                && ai_build_part(u, inner, &n) != AI_OK)
            {
                return AI_ERROR;
            }
        }
    }

    for (block = turn->blocks; block; block = block->next) {
        if (block->kind != AI_BLOCK_TOOL_RESULT
            && ai_build_part(u, block, &n) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    ai_buf_lit(u->b, "]}");

    return AI_OK;
}


static ai_int_t
ai_build_result(ai_build_t *u, const ai_block_t *result)
{
    ai_uint_t          n, others;
    const ai_block_t  *block;

    ai_build_open(u, NULL, "tool");

    ai_build_key(u, "tool_call_id");
    ai_buf_char(u->b, '"');
    ai_wire_tool_id(u->b, u->quirks, &result->id);
    ai_buf_char(u->b, '"');

    ai_build_key(u, "content");
    ai_buf_char(u->b, '"');

    if (result->is_error) {
        ai_buf_lit(u->b, "Error: ");
    }

    n = 0;
    others = 0;

    for (block = result->content; block; block = block->next) {

        if (!ai_build_is_text(block)) {
            others++;
            continue;
        }

        if (n++) {
            ai_buf_lit(u->b, "\\n\\n");
        }

        ai_buf_cat(u->b, &block->text);
    }

    if (others) {
        ai_buf_add(u->b, "\\n\\n", n ? 4 : 0);
        ai_buf_lit(u->b, "(see the attachment in the next message)");
    }

    ai_buf_lit(u->b, "\"}");

    return AI_OK;
}


static ai_int_t
ai_build_part(ai_build_t *u, const ai_block_t *block, ai_uint_t *n)
{
    if ((*n)++) {
        ai_buf_char(u->b, ',');
    }

    switch (block->kind) {

    case AI_BLOCK_IMAGE:
        return ai_build_image(u, block);

    case AI_BLOCK_FILE:
        return ai_build_file(u, block);

    case AI_BLOCK_AUDIO:
        return ai_build_audio(u, block);

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        ai_buf_lit(u->b, "{\"type\":\"text\"");
        ai_build_esc(u, "text", &block->text);
        ai_buf_char(u->b, '}');

        return AI_OK;

    default:
        return ai_build_refuse(u, "messages", "A user message holds content "
                               "this model does not take.");
    }
}


static ai_int_t
ai_build_image(ai_build_t *u, const ai_block_t *block)
{
    ai_buf_lit(u->b, "{\"type\":\"image_url\",\"image_url\":{\"url\":");

    switch (block->source) {

    case AI_SOURCE_BASE64:
        ai_build_data_url(u, block);
        break;

    case AI_SOURCE_URL:
        ai_buf_quote_esc(u->b, &block->data);
        break;

    default:
        return ai_build_refuse(u, "messages", "Images must be given as data "
                               "or as a URL for this model.");
    }

    if (block->detail.len) {
        ai_build_esc(u, "detail", &block->detail);
    }

    ai_buf_lit(u->b, "}}");

    return AI_OK;
}


static ai_int_t
ai_build_file(ai_build_t *u, const ai_block_t *block)
{
    if (block->source == AI_SOURCE_TEXT) {
        ai_buf_lit(u->b, "{\"type\":\"text\"");
        ai_build_esc(u, "text", &block->data);
        ai_buf_char(u->b, '}');

        return AI_OK;
    }

    /* Mistral has a part of its own, and takes addresses */

    if ((u->quirks & AI_QUIRK_STRICT_BODY)
        && (block->source == AI_SOURCE_BASE64
            || block->source == AI_SOURCE_URL))
    {
        ai_buf_lit(u->b, "{\"type\":\"document_url\",\"document_url\":");

        if (block->source == AI_SOURCE_URL) {
            ai_buf_quote_esc(u->b, &block->data);

        } else {
            ai_build_data_url(u, block);
        }

        if (block->name.len) {
            ai_build_esc(u, "document_name", &block->name);
        }

        ai_buf_char(u->b, '}');

        return AI_OK;
    }

    ai_buf_lit(u->b, "{\"type\":\"file\",\"file\":{");

    switch (block->source) {

    case AI_SOURCE_BASE64:
        ai_buf_lit(u->b, "\"filename\":");

        if (block->name.len) {
            ai_buf_quote_esc(u->b, &block->name);

        } else {
            ai_buf_lit(u->b, "\"file.pdf\"");
        }

        ai_buf_lit(u->b, ",\"file_data\":");
        ai_build_data_url(u, block);
        break;

    case AI_SOURCE_ID:
        ai_buf_lit(u->b, "\"file_id\":");
        ai_buf_quote_esc(u->b, &block->data);
        break;

    default:
        return ai_build_refuse(u, "messages", "Files must be given as data "
                               "for this model, not as a URL.");
    }

    ai_buf_lit(u->b, "}}");

    return AI_OK;
}


static ai_int_t
ai_build_audio(ai_build_t *u, const ai_block_t *block)
{
    const char  *format;

    if (ai_str_is(&block->media, "audio/wav")
        || ai_str_is(&block->media, "audio/x-wav")
        || ai_str_is(&block->media, "audio/wave"))
    {
        format = "wav";

    } else if (ai_str_is(&block->media, "audio/mpeg")
               || ai_str_is(&block->media, "audio/mp3"))
    {
        format = "mp3";

    } else {
        format = NULL;
    }

    if (format == NULL || block->source != AI_SOURCE_BASE64) {
        return ai_build_refuse(u, "messages", "Audio must be given as WAV or "
                               "MP3 data for this model.");
    }

    ai_buf_lit(u->b, "{\"type\":\"input_audio\",\"input_audio\":{\"data\":");
    ai_buf_quote_esc(u->b, &block->data);
    ai_buf_lit(u->b, ",\"format\":\"");
    ai_buf_add(u->b, format, 3);
    ai_buf_lit(u->b, "\"}}");

    return AI_OK;
}


static void
ai_build_data_url(ai_build_t *u, const ai_block_t *block)
{
    ai_buf_lit(u->b, "\"data:");
    ai_buf_escape(u->b, &block->media);
    ai_buf_lit(u->b, ";base64,");
    ai_buf_cat(u->b, &block->data);
    ai_buf_char(u->b, '"');
}


/* thinking is left out where nobody asked to have it back */

static ai_int_t
ai_build_assistant(ai_build_t *u, const ai_turn_t *turn)
{
    ai_uint_t          calls, texts;
    const ai_block_t  *block;

    calls = 0;
    texts = 0;

    for (block = turn->blocks; block; block = block->next) {

        switch (block->kind) {

        case AI_BLOCK_TOOL_CALL:
            calls++;
            break;

        case AI_BLOCK_THINKING:
        case AI_BLOCK_REDACTED:
            break;

        default:
            if (!ai_build_is_text(block)) {
                return ai_build_refuse(u, "messages", "An assistant message "
                                       "can only hold text and tool calls.");
            }

            texts++;
        }
    }

    /* a turn of thinking alone says nothing */

    if (calls == 0 && texts == 0) {
        return AI_OK;
    }

    ai_build_open(u, turn, "assistant");
    ai_build_key(u, "content");

    if (texts) {
        (void) ai_build_texts(u, turn->blocks);

    } else if (u->quirks & AI_QUIRK_TEXT_CONTENT) {
        ai_buf_lit(u->b, "\"\"");

    } else {
        ai_buf_lit(u->b, "null");
    }

    if (u->quirks & AI_QUIRK_REPLAY) {
        ai_build_thoughts(u, turn);
    }

    if (u->quirks & AI_QUIRK_DETAILS) {
        ai_build_details(u, turn);
    }

    if (calls) {
        ai_build_calls(u, turn);
    }

    ai_buf_char(u->b, '}');

    return AI_OK;
}


static void
ai_build_thoughts(ai_build_t *u, const ai_turn_t *turn)
{
    ai_uint_t          n;
    const ai_block_t  *block;

    n = 0;

    for (block = turn->blocks; block; block = block->next) {

        if (block->kind != AI_BLOCK_THINKING || block->text.len == 0) {
            continue;
        }

        if (n++ == 0) {
            ai_build_key(u, "reasoning_content");
            ai_buf_char(u->b, '"');

        } else {
            ai_buf_lit(u->b, "\\n\\n");
        }

        ai_buf_cat(u->b, &block->text);
    }

    if (n) {
        ai_buf_char(u->b, '"');
    }
}


/* OpenRouter hands each one to the family it is from */

static void
ai_build_details(ai_build_t *u, const ai_turn_t *turn)
{
    ai_uint_t          n;
    const char        *format;
    const ai_block_t  *block;

    n = 0;

    for (block = turn->blocks; block; block = block->next) {
        format = ai_build_format(block->family);

        if ((block->kind != AI_BLOCK_THINKING
             && block->kind != AI_BLOCK_REDACTED)
            || format == NULL)
        {
            continue;
        }

        ai_buf_add(u->b, ",\"reasoning_details\":[", n ? 1 : 22);

        if (block->kind == AI_BLOCK_THINKING) {
            ai_buf_lit(u->b, "{\"type\":\"reasoning.text\"");
            ai_build_esc(u, "text", &block->text);

            if (block->signature.len) {
                ai_build_esc(u, "signature", &block->signature);
            }

        } else {
            ai_buf_lit(u->b, "{\"type\":\"reasoning.encrypted\"");
            ai_build_esc(u, "data", &block->data);
        }

        ai_build_key(u, "format");
        ai_buf_char(u->b, '"');
        ai_buf_add(u->b, format, strlen(format));
        ai_buf_lit(u->b, "\",\"index\":");
        ai_buf_int(u->b, (int64_t) n++);
        ai_buf_char(u->b, '}');
    }

    if (n) {
        ai_buf_char(u->b, ']');
    }
}


static const char *
ai_build_format(ai_family_e family)
{
    switch (family) {

    case AI_FAMILY_ANTHROPIC:
        return "anthropic-claude-v1";

    case AI_FAMILY_GEMINI:
        return "google-gemini-v1";

    case AI_FAMILY_OPENAI:
        return "openai-responses-v1";

    default:
        return NULL;
    }
}


static void
ai_build_calls(ai_build_t *u, const ai_turn_t *turn)
{
    ai_uint_t          n;
    const ai_block_t  *block;

    n = 0;

    for (block = turn->blocks; block; block = block->next) {

        if (block->kind != AI_BLOCK_TOOL_CALL) {
            continue;
        }

        ai_buf_add(u->b, ",\"tool_calls\":[", n ? 1 : 15);
        n++;

        ai_buf_lit(u->b, "{\"id\":\"");
        ai_wire_tool_id(u->b, u->quirks, &block->id);
        ai_buf_lit(u->b, "\",\"type\":\"function\",\"function\":{\"name\":");
        ai_buf_quote_esc(u->b, &block->name);
        ai_buf_lit(u->b, ",\"arguments\":\"");

        if (block->args.len) {
            ai_json_embed(u->b, &block->args);

        } else {
            ai_buf_lit(u->b, "{}");
        }

        ai_buf_lit(u->b, "\"}}");
    }

    ai_buf_char(u->b, ']');
}


/* all texts of a chain as one string, an empty line between them */

static ai_uint_t
ai_build_texts(ai_build_t *u, const ai_block_t *block)
{
    ai_uint_t  n;

    n = 0;

    ai_buf_char(u->b, '"');

    for ( /* void */ ; block; block = block->next) {

        if (!ai_build_is_text(block)) {
            continue;
        }

        if (n++) {
            ai_buf_lit(u->b, "\\n\\n");
        }

        ai_buf_cat(u->b, &block->text);
    }

    ai_buf_char(u->b, '"');

    return n;
}


static ai_int_t
ai_build_is_text(const ai_block_t *block)
{
    return block->kind == AI_BLOCK_TEXT || block->kind == AI_BLOCK_REFUSAL;
}


static void
ai_build_tools(ai_build_t *u)
{
    ai_buf_t            *b;
    const ai_tool_t     *tool;
    const ai_request_t  *rq;

    b = u->b;
    rq = u->rq;

    if (rq->tools == NULL) {
        return;
    }

    for (tool = rq->tools; tool; tool = tool->next) {
        ai_buf_add(b, ",\"tools\":[", tool == rq->tools ? 10 : 1);
        ai_buf_lit(b, "{\"type\":\"function\",\"function\":{\"name\":");
        ai_buf_quote_esc(b, &tool->name);

        if (tool->description.data) {
            ai_build_esc(u, "description", &tool->description);
        }

        ai_build_raw(u, "parameters", &tool->schema);

        if (tool->strict >= 0) {

            if (!(u->quirks & AI_QUIRK_NO_STRICT_TOOLS)) {
                ai_build_key(u, "strict");
                ai_buf_add(b, tool->strict ? "true" : "false",
                           tool->strict ? 4 : 5);

            } else if (tool->strict) {
                ai_dropped_add(u->dropped, "tools.strict");
            }
        }

        ai_buf_lit(b, "}}");
    }

    ai_buf_char(b, ']');

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
        ai_buf_lit(b, ",\"tool_choice\":{\"type\":\"function\","
                   "\"function\":{\"name\":");
        ai_buf_quote_esc(b, &rq->choice_name);
        ai_buf_lit(b, "}}");
        break;

    default:
        break;
    }

    if (rq->parallel >= 0) {
        ai_build_key(u, "parallel_tool_calls");
        ai_buf_add(b, rq->parallel ? "true" : "false", rq->parallel ? 4 : 5);
    }
}


static ai_int_t
ai_build_output(ai_build_t *u)
{
    ai_buf_t            *b;
    const ai_request_t  *rq;

    b = u->b;
    rq = u->rq;

    if (rq->output == AI_OUTPUT_JSON) {
        ai_buf_lit(b, ",\"response_format\":{\"type\":\"json_object\"}");
    }

    if (rq->output != AI_OUTPUT_SCHEMA) {
        return AI_OK;
    }

    if (u->quirks & AI_QUIRK_NO_SCHEMA) {
        return ai_build_refuse(u, "response_format", "This model does not "
                               "take a JSON schema for its answer.");
    }

    ai_buf_lit(b, ",\"response_format\":{\"type\":\"json_schema\","
               "\"json_schema\":{");
    ai_wire_output_name(b, rq);
    ai_build_raw(u, "schema", &rq->output_schema);

    if (rq->output_strict >= 0) {
        ai_build_key(u, "strict");
        ai_buf_add(b, rq->output_strict ? "true" : "false",
                   rq->output_strict ? 4 : 5);
    }

    ai_buf_lit(b, "}}");

    return AI_OK;
}


/*
 * A budget of nothing is no effort "none": models that do not reason refuse
 * the field, and without it the others think as little as they do by default.
 */

static void
ai_build_effort(ai_build_t *u)
{
    ai_effort_e   effort;
    const char   *word;

    static const char *const  words[] = {
        NULL, "none", "minimal", "low", "medium", "high", "xhigh", "max"
    };

    effort = u->rq->effort;

    if (u->quirks & AI_QUIRK_THINKING) {

        if (effort == AI_EFFORT_NONE
            || (effort == AI_EFFORT_UNSET && u->rq->budget == 0))
        {
            ai_buf_lit(u->b, ",\"thinking\":{\"type\":\"disabled\"}");

        } else if (effort != AI_EFFORT_UNSET || u->rq->budget > 0) {
            ai_buf_lit(u->b, ",\"thinking\":{\"type\":\"enabled\"}");
        }

        return;
    }

    if (effort == AI_EFFORT_UNSET && u->rq->budget > 0) {
        effort = ai_budget_effort(u->rq->budget);
    }

    if (effort == AI_EFFORT_MAX && (u->quirks & AI_QUIRK_DETAILS)) {
        effort = AI_EFFORT_XHIGH;
    }

    if ((unsigned) effort >= sizeof(words) / sizeof(words[0])) {
        return;
    }

    word = words[effort];

    if (word) {
        ai_build_key(u, "reasoning_effort");
        ai_buf_char(u->b, '"');
        ai_buf_add(u->b, word, strlen(word));
        ai_buf_char(u->b, '"');
    }
}


static ai_int_t
ai_build_sampling(ai_build_t *u)
{
    uint32_t             i;
    const ai_request_t  *rq;

    rq = u->rq;

    if (rq->logprobs == 1 && (u->quirks & AI_QUIRK_NO_LOGPROBS)) {
        return ai_build_refuse(u, "logprobs",
                               "This model does not return logprobs.");
    }

    if (rq->n >= 0 && rq->n != 1) {
        ai_build_key(u, "n");
        ai_buf_int(u->b, rq->n);
    }

    ai_build_raw(u, "temperature", &rq->temperature);
    ai_build_raw(u, "top_p", &rq->top_p);
    ai_build_raw(u, "presence_penalty", &rq->presence);
    ai_build_raw(u, "frequency_penalty", &rq->frequency);
    ai_build_raw(u, (u->quirks & AI_QUIRK_RANDOM_SEED) ? "random_seed"
                                                       : "seed",
                 &rq->seed);

    if (u->quirks & AI_QUIRK_TOP_K) {
        ai_build_raw(u, "top_k", &rq->top_k);

    } else if (rq->top_k.len) {
        ai_dropped_add(u->dropped, "top_k");
    }

    if (!(u->quirks & (AI_QUIRK_NO_LOGPROBS|AI_QUIRK_STRICT_BODY))) {
        ai_build_raw(u, "logit_bias", &rq->logit_bias);

        if (rq->logprobs == 1) {
            ai_buf_lit(u->b, ",\"logprobs\":true");

            if (rq->top_logprobs >= 0) {
                ai_build_key(u, "top_logprobs");
                ai_buf_int(u->b, rq->top_logprobs);
            }
        }

    } else if (rq->logit_bias.len) {
        ai_dropped_add(u->dropped, "logit_bias");
    }

    for (i = 0; i < rq->nstop; i++) {
        ai_buf_add(u->b, ",\"stop\":[", i ? 1 : 9);
        ai_buf_quote_esc(u->b, &rq->stop[i]);
    }

    if (rq->nstop) {
        ai_buf_char(u->b, ']');
    }

    return AI_OK;
}


/* labels and tiers mean something to OpenAI's own service */

static void
ai_build_labels(ai_build_t *u)
{
    ai_int_t             own;
    const ai_request_t  *rq;

    rq = u->rq;
    own = u->target->provider == &ai_provider_openai;

    if (rq->user.len) {

        if ((u->quirks & AI_QUIRK_STRICT_BODY)
            || ai_build_chars(&rq->user) > AI_BUILD_USER_MAX)
        {
            ai_dropped_add(u->dropped, "user");

        } else {
            ai_build_esc(u, "user", &rq->user);
        }
    }

    if (own) {
        ai_build_raw(u, "metadata", &rq->metadata);

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
        ai_build_esc(u, "service_tier", &rq->tier);

    } else {
        ai_dropped_add(u->dropped, "service_tier");
    }
}


/* of a text: an escape is one, \u of a pair two */

static size_t
ai_build_chars(const ai_esc_t *s)
{
    size_t            n;
    const ai_char_t  *p, *end;

    n = 0;
    p = s->data;
    end = p + s->len;

    while (p < end) {
        n += (*p & 0xc0) != 0x80;
        p += *p != '\\' ? 1 : end - p > 5 && p[1] == 'u' ? 6 : 2;
    }

    return n;
}


static void
ai_build_raw(ai_build_t *u, const char *name, const ai_raw_t *value)
{
    if (value->len) {
        ai_build_key(u, name);
        ai_buf_cat(u->b, value);
    }
}


static void
ai_build_esc(ai_build_t *u, const char *name, const ai_esc_t *value)
{
    ai_build_key(u, name);
    ai_buf_quote_esc(u->b, value);
}


static void
ai_build_key(ai_build_t *u, const char *name)
{
    ai_buf_lit(u->b, ",\"");
    ai_buf_add(u->b, name, strlen(name));
    ai_buf_lit(u->b, "\":");
}
