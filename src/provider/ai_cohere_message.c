
/*
 * The messages of a request to Cohere.
 *
 *   assistant  content: one string, or parts of text and thinking; in front
 *              of calls its text is the tool_plan
 *   tool       a message of its own a result, before what the user says;
 *              images have no place in it and begin the user's message
 *
 * An empty text is refused by the API and left out, and so is a message that
 * has nothing else.
 */

#include <provider/ai_cohere_int.h>
#include <provider/ai_anthropic_int.h>


static ai_int_t ai_cohere_turn(ai_cohere_build_t *cb, const ai_turn_t *turn);
static void ai_cohere_open(ai_cohere_build_t *cb, const char *role);
static ai_int_t ai_cohere_system(ai_cohere_build_t *cb,
    const ai_turn_t *turn);
static ai_int_t ai_cohere_user(ai_cohere_build_t *cb, const ai_turn_t *turn);
static ai_int_t ai_cohere_results(ai_cohere_build_t *cb,
    const ai_turn_t *turn);
static ai_int_t ai_cohere_result(ai_cohere_build_t *cb,
    const ai_block_t *result);
static void ai_cohere_result_string(ai_cohere_build_t *cb,
    const ai_block_t *result, unsigned others);
static void ai_cohere_result_parts(ai_cohere_build_t *cb,
    const ai_block_t *result, unsigned others);
static ai_int_t ai_cohere_part(ai_cohere_build_t *cb, const ai_block_t *blk,
    unsigned n);
static ai_int_t ai_cohere_image(ai_cohere_build_t *cb,
    const ai_block_t *blk);
static ai_int_t ai_cohere_assistant(ai_cohere_build_t *cb,
    const ai_turn_t *turn);
static void ai_cohere_plan(ai_cohere_build_t *cb, const ai_turn_t *turn);
static void ai_cohere_calls(ai_cohere_build_t *cb, const ai_turn_t *turn);
static void ai_cohere_text(ai_cohere_build_t *cb, const ai_esc_t *text,
    unsigned n);
static ai_int_t ai_cohere_is_text(const ai_block_t *blk);
static ai_int_t ai_cohere_is_document(const ai_block_t *blk);
static ai_int_t ai_cohere_is_thinking(const ai_cohere_build_t *cb,
    const ai_block_t *blk);
static ai_int_t ai_cohere_is_media(const ai_block_t *blk);


#define AI_COHERE_NEXT  "(see the attachment in the next message)"


ai_int_t
ai_cohere_messages(ai_cohere_build_t *cb)
{
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    ai_buf_char(cb->b, '[');

    for (turn = cb->rq->turns; turn != NULL; turn = turn->next) {

        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            if (blk->cache_mark.len != 0) {
                ai_dropped_add(cb->dropped, "cache_control");
                break;
            }
        }

        if (ai_cohere_turn(cb, turn) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_buf_char(cb->b, ']');

    return AI_OK;
}


static ai_int_t
ai_cohere_turn(ai_cohere_build_t *cb, const ai_turn_t *turn)
{
    switch (turn->role) {

    case AI_ROLE_SYSTEM:
        return ai_cohere_system(cb, turn);

    case AI_ROLE_ASSISTANT:
        return ai_cohere_assistant(cb, turn);

    default: /* AI_ROLE_USER */
        return ai_cohere_user(cb, turn);
    }
}


static void
ai_cohere_open(ai_cohere_build_t *cb, const char *role)
{
    if (cb->messages++ != 0) {
        ai_buf_char(cb->b, ',');
    }

    ai_buf_lit(cb->b, "{\"role\":\"");
    ai_buf_add(cb->b, role, strlen(role));
    ai_buf_char(cb->b, '"');
}


static ai_int_t
ai_cohere_system(ai_cohere_build_t *cb, const ai_turn_t *turn)
{
    unsigned           texts;
    const ai_block_t  *blk, *only;

    texts = 0;
    only = NULL;

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if (ai_cohere_is_text(blk)) {
            texts++;
            only = blk;

        } else if (ai_cohere_is_media(blk)) {
            return ai_cohere_refuse(cb, "a system message can only hold text",
                                    "messages");
        }
    }

    if (texts == 0) {
        return AI_OK;
    }

    ai_cohere_open(cb, "system");
    ai_cohere_key(cb, "content");

    if (texts == 1) {
        ai_buf_quote_esc(cb->b, &only->text);
        ai_buf_char(cb->b, '}');

        return AI_OK;
    }

    texts = 0;

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if (ai_cohere_is_text(blk)) {
            ai_cohere_text(cb, &blk->text, texts++);
        }
    }

    ai_buf_lit(cb->b, "]}");

    return AI_OK;
}


static ai_int_t
ai_cohere_user(ai_cohere_build_t *cb, const ai_turn_t *turn)
{
    unsigned           n, parts;
    const ai_block_t  *blk, *inner, *only;

    if (ai_cohere_results(cb, turn) != AI_OK) {
        return AI_ERROR;
    }

    parts = 0;
    only = NULL;

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {

        if (blk->kind != AI_BLOCK_TOOL_RESULT) {
            parts += (ai_cohere_is_text(blk) || ai_cohere_is_media(blk));
            only = ai_cohere_is_text(blk) ? blk : only;
            continue;
        }

        for (inner = blk->content; inner != NULL; inner = inner->next) {
            parts += (ai_cohere_is_media(inner)
                      && !ai_cohere_is_document(inner));
        }
    }

    if (parts == 0) {
        return AI_OK;
    }

    ai_cohere_open(cb, "user");
    ai_cohere_key(cb, "content");

    if (parts == 1 && only != NULL) {
        ai_buf_quote_esc(cb->b, &only->text);
        ai_buf_char(cb->b, '}');

        return AI_OK;
    }

    n = 0;

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        for (inner = blk->kind == AI_BLOCK_TOOL_RESULT ? blk->content : NULL;
             inner != NULL;
             inner = inner->next)
        {
            if (ai_cohere_is_media(inner) && !ai_cohere_is_document(inner)
                && ai_cohere_part(cb, inner, n++) != AI_OK)
            {
                return AI_ERROR;
            }
        }
    }

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if ((ai_cohere_is_text(blk) || ai_cohere_is_media(blk))
            && ai_cohere_part(cb, blk, n++) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    ai_buf_lit(cb->b, "]}");

    return AI_OK;
}


static ai_int_t
ai_cohere_results(ai_cohere_build_t *cb, const ai_turn_t *turn)
{
    const ai_block_t  *blk;

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if (blk->kind == AI_BLOCK_TOOL_RESULT
            && ai_cohere_result(cb, blk) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* one text is a string, several things are parts */

static ai_int_t
ai_cohere_result(ai_cohere_build_t *cb, const ai_block_t *result)
{
    unsigned           texts, documents, others;
    const ai_block_t  *blk;

    texts = 0;
    documents = 0;
    others = 0;

    for (blk = result->content; blk != NULL; blk = blk->next) {
        if (ai_cohere_is_text(blk)) {
            texts++;

        } else if (ai_cohere_is_document(blk)) {
            documents++;

        } else {
            others += ai_cohere_is_media(blk);
        }
    }

    ai_cohere_open(cb, "tool");
    ai_cohere_key(cb, "tool_call_id");
    ai_buf_quote_esc(cb->b, &result->id);
    ai_cohere_key(cb, "content");

    if (documents == 0 && texts <= 1) {
        ai_cohere_result_string(cb, result, others);

    } else {
        ai_cohere_result_parts(cb, result, others);
    }

    ai_buf_char(cb->b, '}');

    return AI_OK;
}


static void
ai_cohere_result_string(ai_cohere_build_t *cb, const ai_block_t *result,
    unsigned others)
{
    unsigned           n;
    const ai_block_t  *blk;

    n = 0;
    ai_buf_char(cb->b, '"');

    if (result->is_error) {
        ai_buf_lit(cb->b, "Error: ");
        n++;
    }

    for (blk = result->content; blk != NULL; blk = blk->next) {
        if (ai_cohere_is_text(blk)) {
            ai_buf_cat(cb->b, &blk->text);
            n++;
        }
    }

    if (others != 0) {
        ai_buf_add(cb->b, "\\n\\n", n ? 4 : 0);
        ai_buf_lit(cb->b, AI_COHERE_NEXT);

    } else if (n == 0) {
        ai_buf_lit(cb->b, "(empty)");
    }

    ai_buf_char(cb->b, '"');
}


static void
ai_cohere_result_parts(ai_cohere_build_t *cb, const ai_block_t *result,
    unsigned others)
{
    unsigned           n;
    const ai_block_t  *blk;

    n = 0;

    if (result->is_error) {
        ai_cohere_text(cb, &ai_lit("Error:"), n++);
    }

    for (blk = result->content; blk != NULL; blk = blk->next) {
        if (ai_cohere_is_text(blk)) {
            ai_cohere_text(cb, &blk->text, n++);
            continue;
        }

        if (!ai_cohere_is_document(blk)) {
            continue;
        }

        ai_buf_char(cb->b, n++ ? ',' : '[');
        ai_buf_lit(cb->b, "{\"type\":\"document\",\"document\":{\"data\":"
                          "{\"text\":");
        ai_buf_quote_esc(cb->b, &blk->data);

        if (blk->name.len != 0) {
            ai_cohere_key(cb, "title");
            ai_buf_quote_esc(cb->b, &blk->name);
        }

        ai_buf_lit(cb->b, "}}}");
    }

    if (others != 0) {
        ai_cohere_text(cb, &ai_lit(AI_COHERE_NEXT), n++);
    }

    ai_buf_char(cb->b, ']');
}


/* text, or an image: the models take no other media */

static ai_int_t
ai_cohere_part(ai_cohere_build_t *cb, const ai_block_t *blk, unsigned n)
{
    if (ai_cohere_is_text(blk)) {
        ai_cohere_text(cb, &blk->text, n);
        return AI_OK;
    }

    if (ai_cohere_is_document(blk)) {
        ai_cohere_text(cb, &blk->data, n);
        return AI_OK;
    }

    if (blk->kind != AI_BLOCK_IMAGE) {
        return ai_cohere_refuse(cb, "this model takes neither sound nor "
                                    "files, but for text", "messages");
    }

    ai_buf_char(cb->b, n ? ',' : '[');

    return ai_cohere_image(cb, blk);
}


static ai_int_t
ai_cohere_image(ai_cohere_build_t *cb, const ai_block_t *blk)
{
    if ((blk->source != AI_SOURCE_URL && blk->source != AI_SOURCE_BASE64)
        || blk->data.len == 0)
    {
        return ai_cohere_refuse(cb, "this model takes images as data or as "
                                    "a URL only", "messages");
    }

    ai_buf_lit(cb->b, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");

    if (blk->source == AI_SOURCE_BASE64) {
        ai_buf_lit(cb->b, "data:");
        ai_buf_escape(cb->b, &blk->media);
        ai_buf_lit(cb->b, ";base64,");
    }

    ai_buf_cat(cb->b, &blk->data);
    ai_buf_char(cb->b, '"');

    if (ai_str_is(&blk->detail, "auto") || ai_str_is(&blk->detail, "low")
        || ai_str_is(&blk->detail, "high"))
    {
        ai_cohere_key(cb, "detail");
        ai_buf_quote_esc(cb->b, &blk->detail);
    }

    ai_buf_lit(cb->b, "}}");

    return AI_OK;
}


/* a turn of thinking alone says nothing */

static ai_int_t
ai_cohere_assistant(ai_cohere_build_t *cb, const ai_turn_t *turn)
{
    unsigned           n, calls, texts, thoughts;
    const ai_block_t  *blk, *only;

    calls = 0;
    texts = 0;
    thoughts = 0;
    only = NULL;

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if (ai_cohere_is_media(blk)) {
            return ai_cohere_refuse(cb, "an assistant message can only hold "
                                        "text and tool calls", "messages");
        }

        calls += (blk->kind == AI_BLOCK_TOOL_CALL);
        thoughts += ai_cohere_is_thinking(cb, blk);

        if (ai_cohere_is_text(blk)) {
            texts++;
            only = blk;
        }
    }

    if (calls == 0 && texts == 0) {
        return AI_OK;
    }

    ai_cohere_open(cb, "assistant");

    if (calls == 0 && texts == 1 && thoughts == 0) {
        ai_cohere_key(cb, "content");
        ai_buf_quote_esc(cb->b, &only->text);

    } else if (calls == 0 || thoughts != 0) {
        ai_cohere_key(cb, "content");
        n = 0;

        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            if (ai_cohere_is_thinking(cb, blk)) {
                ai_buf_char(cb->b, n++ ? ',' : '[');
                ai_buf_lit(cb->b, "{\"type\":\"thinking\",\"thinking\":");
                ai_buf_quote_esc(cb->b, &blk->text);
                ai_buf_char(cb->b, '}');

            } else if (calls == 0 && ai_cohere_is_text(blk)) {
                ai_cohere_text(cb, &blk->text, n++);
            }
        }

        ai_buf_char(cb->b, ']');
    }

    if (calls != 0) {
        ai_cohere_plan(cb, turn);
        ai_cohere_calls(cb, turn);
    }

    ai_buf_char(cb->b, '}');

    return AI_OK;
}


static void
ai_cohere_plan(ai_cohere_build_t *cb, const ai_turn_t *turn)
{
    unsigned           n;
    const ai_block_t  *blk;

    n = 0;

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if (ai_cohere_is_text(blk)) {
            ai_buf_cat(cb->b, n++ ? &ai_lit("\\n\\n")
                                  : &ai_lit(",\"tool_plan\":\""));
            ai_buf_cat(cb->b, &blk->text);
        }
    }

    if (n != 0) {
        ai_buf_char(cb->b, '"');
    }
}


static void
ai_cohere_calls(ai_cohere_build_t *cb, const ai_turn_t *turn)
{
    unsigned           n;
    const ai_block_t  *blk;

    n = 0;

    for (blk = turn->blocks; blk != NULL; blk = blk->next) {
        if (blk->kind != AI_BLOCK_TOOL_CALL) {
            continue;
        }

        ai_buf_cat(cb->b, n++ ? &ai_lit(",") : &ai_lit(",\"tool_calls\":["));
        ai_buf_lit(cb->b, "{\"id\":");
        ai_buf_quote_esc(cb->b, &blk->id);
        ai_buf_lit(cb->b, ",\"type\":\"function\",\"function\":{\"name\":\"");
        ai_anthropic_name(cb->b, &blk->name);
        ai_buf_lit(cb->b, "\",\"arguments\":\"");

        if (blk->args.len != 0) {
            ai_json_embed(cb->b, &blk->args);

        } else {
            ai_buf_lit(cb->b, "{}");
        }

        ai_buf_lit(cb->b, "\"}}");
    }

    ai_buf_char(cb->b, ']');
}


/* a part; the first one opens the array */

static void
ai_cohere_text(ai_cohere_build_t *cb, const ai_esc_t *text, unsigned n)
{
    ai_buf_char(cb->b, n ? ',' : '[');
    ai_buf_lit(cb->b, "{\"type\":\"text\",\"text\":");
    ai_buf_quote_esc(cb->b, text);
    ai_buf_char(cb->b, '}');
}


static ai_int_t
ai_cohere_is_text(const ai_block_t *blk)
{
    return (blk->kind == AI_BLOCK_TEXT || blk->kind == AI_BLOCK_REFUSAL)
           && blk->text.len != 0;
}


static ai_int_t
ai_cohere_is_document(const ai_block_t *blk)
{
    return blk->kind == AI_BLOCK_FILE && blk->source == AI_SOURCE_TEXT;
}


/* what others have signed is theirs */

static ai_int_t
ai_cohere_is_thinking(const ai_cohere_build_t *cb, const ai_block_t *blk)
{
    return cb->reasons && blk->kind == AI_BLOCK_THINKING
           && blk->text.len != 0 && blk->signature.len == 0
           && blk->family == AI_FAMILY_NONE;
}


static ai_int_t
ai_cohere_is_media(const ai_block_t *blk)
{
    return blk->kind == AI_BLOCK_IMAGE || blk->kind == AI_BLOCK_FILE
           || blk->kind == AI_BLOCK_AUDIO;
}
