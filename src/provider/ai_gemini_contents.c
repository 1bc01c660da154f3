
/*
 * The turns of a chat request as Gemini's contents: roles alternate, results
 * stand in the order of their calls.
 */

#include <provider/ai_gemini_build_int.h>


/* stands for the signature of a call that Gemini did not make itself; from
 * the page "Thought signatures" of Google's documentation */
#define AI_GEMINI_NO_SIGNATURE  "skip_thought_signature_validator"


static const ai_turn_t *ai_gemini_user(ai_gemini_build_t *g,
    const ai_turn_t *turn, ai_int_t *rc);
static ai_int_t ai_gemini_results(ai_gemini_build_t *g,
    const ai_turn_t *turn, const ai_turn_t *end);
static ai_int_t ai_gemini_result(ai_gemini_build_t *g,
    const ai_block_t *block);
static ai_int_t ai_gemini_result_call(ai_gemini_build_t *g,
    const ai_block_t *block, const ai_block_t *call);
static ai_int_t ai_gemini_response(ai_gemini_build_t *g,
    const ai_block_t *block);
static ai_int_t ai_gemini_user_block(ai_gemini_build_t *g,
    const ai_block_t *block);
static ai_int_t ai_gemini_model_turn(ai_gemini_build_t *g,
    const ai_turn_t *turn);
static void ai_gemini_call_write(ai_gemini_build_t *g,
    const ai_block_t *block);
static void ai_gemini_call_id(ai_gemini_build_t *g, const ai_block_t *call);
static ai_int_t ai_gemini_system(ai_gemini_build_t *g);
static void ai_gemini_part(ai_gemini_build_t *g, ai_role_e role);
static void ai_gemini_text(ai_gemini_build_t *g, ai_role_e role,
    const ai_esc_t *text);


static const ai_str_t  ai_gemini_param_messages = ai_string("messages");


ai_int_t
ai_gemini_contents(ai_gemini_build_t *g)
{
    ai_int_t          rc;
    const ai_turn_t  *turn;

    static const ai_esc_t  blank = ai_string(" ");

    if (ai_gemini_calls(g) != AI_OK) {
        g->b->failed = 1;
        return AI_ERROR;
    }

    ai_buf_lit(g->b, "\"contents\":[");

    for (turn = g->rq->turns; turn != NULL; /* void */) {
        rc = AI_OK;

        switch (turn->role) {

        case AI_ROLE_USER:
            turn = ai_gemini_user(g, turn, &rc);
            break;

        case AI_ROLE_ASSISTANT:
            rc = ai_gemini_model_turn(g, turn);
            turn = turn->next;
            break;

        default:
            turn = turn->next;
        }

        if (rc != AI_OK) {
            return AI_ERROR;
        }
    }

    if (g->role != 0) {
        ai_buf_lit(g->b, "]}]");
        return ai_gemini_system(g);
    }

    /* instructions alone are said by the user, and something must be */

    if (ai_gemini_system(g) != AI_OK) {
        return AI_ERROR;
    }

    if (g->role == 0) {
        ai_gemini_text(g, AI_ROLE_USER, &blank);
    }

    ai_buf_lit(g->b, "]}]");

    return AI_OK;
}


static const ai_turn_t *
ai_gemini_user(ai_gemini_build_t *g, const ai_turn_t *turn, ai_int_t *rc)
{
    const ai_turn_t   *t, *end;
    const ai_block_t  *block;

    for (end = turn; end != NULL; end = end->next) {
        if (end->role == AI_ROLE_ASSISTANT) {
            break;
        }
    }

    *rc = ai_gemini_results(g, turn, end);

    for (t = turn; t != end && *rc == AI_OK; t = t->next) {

        if (t->role != AI_ROLE_USER) {
            continue;
        }

        if (t->name.len != 0) {
            ai_dropped_add(g->dropped, "name");
        }

        for (block = t->blocks; block != NULL; block = block->next) {

            *rc = ai_gemini_user_block(g, block);

            if (*rc != AI_OK) {
                break;
            }
        }
    }

    return end;
}


/*
 * Gemini matches results by their place when there are no ids it knows: those
 * of the last turn's calls come in the order of the calls, then the others.
 */

static ai_int_t
ai_gemini_results(ai_gemini_build_t *g, const ai_turn_t *turn,
    const ai_turn_t *end)
{
    uint32_t             i;
    ai_gemini_call_t    *call;
    const ai_turn_t     *t;
    const ai_block_t    *block;
    ai_gemini_result_t  *r;

    for (t = turn; t != end; t = t->next) {

        if (t->role != AI_ROLE_USER) {
            continue;
        }

        for (block = t->blocks; block != NULL; block = block->next) {

            if (block->kind != AI_BLOCK_TOOL_RESULT) {
                continue;
            }

            call = ai_gemini_call(g, &block->id);

            if (call == NULL || call->order < g->base) {
                continue;
            }

            r = &g->result[g->nresults++];
            r->block = block;
            r->next = NULL;

            if (call->first == NULL) {
                call->first = r;

            } else {
                call->last->next = r;
            }

            call->last = r;
        }
    }

    for (i = g->base; i < g->past && i < g->ncalls; i++) {
        call = &g->call[i];

        for (r = call->first; r != NULL; r = r->next) {
            if (ai_gemini_result_call(g, r->block, call->block) != AI_OK) {
                return AI_ERROR;
            }
        }

        call->first = NULL;
    }

    for (t = turn; t != end; t = t->next) {

        if (t->role != AI_ROLE_USER) {
            continue;
        }

        for (block = t->blocks; block != NULL; block = block->next) {

            if (block->kind == AI_BLOCK_TOOL_RESULT
                && ai_gemini_result(g, block) != AI_OK)
            {
                return AI_ERROR;
            }
        }
    }

    return AI_OK;
}


/* a result that does not belong to the last turn's calls */

static ai_int_t
ai_gemini_result(ai_gemini_build_t *g, const ai_block_t *block)
{
    ai_gemini_call_t  *call;

    call = ai_gemini_call(g, &block->id);

    if (call != NULL && call->order >= g->base) {
        return AI_OK;
    }

    if (call == NULL && block->name.len == 0) {
        return ai_gemini_no(g, AI_ERR_INVALID_VALUE,
                            "a tool's result has no call with its id "
                            "before it");
    }

    return ai_gemini_result_call(g, block, call ? call->block : NULL);
}


static ai_int_t
ai_gemini_result_call(ai_gemini_build_t *g, const ai_block_t *block,
    const ai_block_t *call)
{
    ai_uint_t          n;
    const ai_block_t  *media;

    ai_gemini_part(g, AI_ROLE_USER);

    ai_buf_lit(g->b, "{\"functionResponse\":{");
    ai_gemini_call_id(g, call != NULL ? call : block);
    ai_buf_lit(g->b, "\"name\":\"");
    ai_gemini_name(g->b, &g->tmp, call != NULL ? &call->name : &block->name);
    ai_buf_lit(g->b, "\",\"response\":");

    if (ai_gemini_response(g, block) != AI_OK) {
        return AI_ERROR;
    }

    n = 0;

    if (g->model.version >= 300) {

        for (media = block->content; media != NULL; media = media->next) {

            if (!ai_gemini_is_media(media)) {
                continue;
            }

            if (n++ == 0) {
                ai_buf_lit(g->b, ",\"parts\":[");

            } else {
                ai_buf_char(g->b, ',');
            }

            if (ai_gemini_media(g, media) != AI_OK) {
                return AI_ERROR;
            }
        }
    }

    if (n != 0) {
        ai_buf_char(g->b, ']');
    }

    ai_buf_lit(g->b, "}}");

    return AI_OK;
}


/* an object as it is, any other text as {"output": "..."} */

static ai_int_t
ai_gemini_response(ai_gemini_build_t *g, const ai_block_t *block)
{
    size_t             i;
    ai_str_t           text;
    const ai_block_t  *c;

    ai_buf_reset(&g->tmp);

    for (c = block->content; c != NULL; c = c->next) {
        if (c->kind == AI_BLOCK_TEXT) {
            ai_json_unescape(&g->tmp, &c->text);
        }
    }

    if (g->tmp.failed) {
        return AI_ERROR;
    }

    text = ai_buf_str(&g->tmp);

    for (i = 0; i < text.len && text.data[i] <= ' '; i++) { /* void */ }

    if (i < text.len && text.data[i] == '{'
        && ai_json_parse(&g->doc, &text, NULL) == AI_OK
        && ai_json_type(&g->doc, AI_JSON_ROOT) == AI_JSON_OBJECT
        && ai_json_unique(&g->doc, AI_JSON_ROOT) == AI_OK)
    {
        if (block->is_error) {
            ai_buf_lit(g->b, "{\"error\":");
        }

        ai_buf_cat(g->b, &text);

        if (block->is_error) {
            ai_buf_char(g->b, '}');
        }

        return AI_OK;
    }

    if (g->doc.error == AI_JSON_E_MEMORY) {
        g->tmp.failed = 1;
        return AI_ERROR;
    }

    if (block->is_error) {
        ai_buf_lit(g->b, "{\"error\":\"");

    } else {
        ai_buf_lit(g->b, "{\"output\":\"");
    }

    for (c = block->content; c != NULL; c = c->next) {
        if (c->kind == AI_BLOCK_TEXT) {
            ai_buf_cat(g->b, &c->text);
        }
    }

    ai_buf_lit(g->b, "\"}");

    return AI_OK;
}


static ai_int_t
ai_gemini_user_block(ai_gemini_build_t *g, const ai_block_t *block)
{
    const ai_block_t  *c;

    switch (block->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        ai_gemini_text(g, AI_ROLE_USER, &block->text);
        return AI_OK;

    case AI_BLOCK_IMAGE:
    case AI_BLOCK_FILE:
    case AI_BLOCK_AUDIO:
        ai_gemini_part(g, AI_ROLE_USER);
        return ai_gemini_media(g, block);

    case AI_BLOCK_TOOL_RESULT:

        if (g->model.version >= 300) {
            return AI_OK;
        }

        /* older models have no place for it in the response itself */

        for (c = block->content; c != NULL; c = c->next) {

            if (!ai_gemini_is_media(c)) {
                continue;
            }

            ai_gemini_part(g, AI_ROLE_USER);

            if (ai_gemini_media(g, c) != AI_OK) {
                return AI_ERROR;
            }
        }

        return AI_OK;

    default:
        return AI_OK;
    }
}


/*
 * A signature that came with a text is carried by clients as a thinking block
 * without a text of its own; it goes back to the turn's last text.
 */

static ai_int_t
ai_gemini_model_turn(ai_gemini_build_t *g, const ai_turn_t *turn)
{
    uint32_t           past;
    const ai_block_t  *block, *text, *signature;

    past = g->past;
    text = NULL;
    signature = NULL;

    for (block = turn->blocks; block != NULL; block = block->next) {

        if (block->kind == AI_BLOCK_TEXT && block->text.len != 0) {
            text = block;

        } else if (block->kind == AI_BLOCK_THINKING
                   && block->family == AI_FAMILY_GEMINI
                   && block->signature.len != 0)
        {
            signature = block;
        }
    }

    for (block = turn->blocks; block != NULL; block = block->next) {

        switch (block->kind) {

        case AI_BLOCK_TEXT:
        case AI_BLOCK_REFUSAL:

            if (block->text.len == 0) {
                break;
            }

            ai_gemini_part(g, AI_ROLE_ASSISTANT);
            ai_buf_lit(g->b, "{\"text\":");
            ai_buf_quote_esc(g->b, &block->text);

            if (block == text && signature != NULL) {
                ai_buf_lit(g->b, ",\"thoughtSignature\":");
                ai_buf_quote_esc(g->b, &signature->signature);
            }

            ai_buf_char(g->b, '}');
            break;

        case AI_BLOCK_THINKING:

            if (block->family != AI_FAMILY_GEMINI
                || block->signature.len == 0 || block->text.len == 0)
            {
                break;
            }

            ai_gemini_part(g, AI_ROLE_ASSISTANT);
            ai_buf_lit(g->b, "{\"text\":");
            ai_buf_quote_esc(g->b, &block->text);
            ai_buf_lit(g->b, ",\"thought\":true}");
            break;

        case AI_BLOCK_TOOL_CALL:
            ai_gemini_call_write(g, block);
            g->past++;
            break;

        case AI_BLOCK_IMAGE:
        case AI_BLOCK_FILE:
        case AI_BLOCK_AUDIO:
            ai_gemini_part(g, AI_ROLE_ASSISTANT);

            if (ai_gemini_media(g, block) != AI_OK) {
                return AI_ERROR;
            }

            break;

        default:
            break;
        }
    }

    /* several turns of the model in a row are one */

    if (g->past != past && !g->joined) {
        g->base = past;
        g->joined = 1;
    }

    return AI_OK;
}


static void
ai_gemini_call_write(ai_gemini_build_t *g, const ai_block_t *block)
{
    ai_gemini_part(g, AI_ROLE_ASSISTANT);

    ai_buf_lit(g->b, "{\"functionCall\":{");
    ai_gemini_call_id(g, block);
    ai_buf_lit(g->b, "\"name\":\"");
    ai_gemini_name(g->b, &g->tmp, &block->name);
    ai_buf_lit(g->b, "\",\"args\":");

    if (block->args.len != 0) {
        ai_buf_cat(g->b, &block->args);

    } else {
        ai_buf_lit(g->b, "{}");
    }

    ai_buf_char(g->b, '}');

    if (block->family == AI_FAMILY_GEMINI && block->signature.len != 0) {
        ai_buf_lit(g->b, ",\"thoughtSignature\":");
        ai_buf_quote_esc(g->b, &block->signature);

    } else if (!g->called && (g->model.version >= 300 || g->model.latest)) {
        ai_buf_lit(g->b, ",\"thoughtSignature\":\""
                         AI_GEMINI_NO_SIGNATURE "\"");
    }

    ai_buf_char(g->b, '}');

    g->called = 1;
}


/* ids of the form "call_..." are not Gemini's, which may give none; Vertex
 * refuses all of them */

static void
ai_gemini_call_id(ai_gemini_build_t *g, const ai_block_t *call)
{
    if (g->vertex || call->id.len == 0
        || ai_str_starts(&call->id, "call_"))
    {
        return;
    }

    ai_buf_lit(g->b, "\"id\":");
    ai_buf_quote_esc(g->b, &call->id);
    ai_buf_char(g->b, ',');
}


static ai_int_t
ai_gemini_system(ai_gemini_build_t *g)
{
    ai_int_t           apart;
    ai_uint_t          n;
    const ai_turn_t   *turn;
    const ai_block_t  *block;

    n = 0;
    apart = (g->role != 0);

    for (turn = g->rq->turns; turn != NULL; turn = turn->next) {

        if (turn->role != AI_ROLE_SYSTEM) {
            continue;
        }

        for (block = turn->blocks; block != NULL; block = block->next) {

            if (ai_gemini_is_media(block)) {
                return ai_gemini_no(g, AI_ERR_UNSUPPORTED_PARAMETER,
                                    "system messages are text only");
            }

            if (block->kind != AI_BLOCK_TEXT || block->text.len == 0) {
                continue;
            }

            if (!apart) {
                ai_gemini_text(g, AI_ROLE_USER, &block->text);
                continue;
            }

            if (n++ == 0) {
                ai_buf_lit(g->b, ",\"systemInstruction\":{\"parts\":[");

            } else {
                ai_buf_char(g->b, ',');
            }

            ai_buf_lit(g->b, "{\"text\":");
            ai_buf_quote_esc(g->b, &block->text);
            ai_buf_char(g->b, '}');
        }
    }

    if (n != 0) {
        ai_buf_lit(g->b, "]}");
    }

    return AI_OK;
}


/* a part of this role comes next: in the open content, or a new one */

static void
ai_gemini_part(ai_gemini_build_t *g, ai_role_e role)
{
    if (g->role == role) {
        ai_buf_char(g->b, ',');
        return;
    }

    if (g->role != 0) {
        ai_buf_lit(g->b, "]},");
    }

    if (role == AI_ROLE_USER) {
        ai_buf_lit(g->b, "{\"role\":\"user\",\"parts\":[");

    } else {
        ai_buf_lit(g->b, "{\"role\":\"model\",\"parts\":[");
    }

    g->role = role;
    g->called = 0;
    g->joined = 0;
}


/* empty texts are refused by the API, and say nothing */

static void
ai_gemini_text(ai_gemini_build_t *g, ai_role_e role, const ai_esc_t *text)
{
    if (text->len == 0) {
        return;
    }

    ai_gemini_part(g, role);

    ai_buf_lit(g->b, "{\"text\":");
    ai_buf_quote_esc(g->b, text);
    ai_buf_char(g->b, '}');
}


ai_int_t
ai_gemini_no(ai_gemini_build_t *g, ai_error_e kind, const char *message)
{
    ai_error_set_param(g->err, kind, message, &ai_gemini_param_messages);

    return AI_ERROR;
}
