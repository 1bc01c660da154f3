
#include <api/ai_choice_int.h>


#define AI_CHOICE_NAME_MAX  256


/* names are compared with each other, so there is an end to their length */

ai_int_t
ai_choice_name(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *field, ai_ref_t v, ai_esc_t *name)
{
    if (ai_openai_word(c, up, field, v, name) != AI_OK) {
        return AI_ERROR;
    }

    if (name->len > AI_CHOICE_NAME_MAX) {
        return ai_openai_bad_value(c, up, field, ": it is too long.");
    }

    return AI_OK;
}


ai_tool_t **
ai_choice_find(ai_tool_t **tools, const ai_esc_t *name)
{
    while (*tools && !ai_str_eq(&(*tools)->name, name)) {
        tools = &(*tools)->next;
    }

    return *tools ? tools : NULL;
}


ai_int_t
ai_choice_allow(ai_tool_t **tools, ai_tool_t **allowed, const ai_esc_t *name)
{
    ai_tool_t  *tool, **where;

    where = ai_choice_find(tools, name);

    if (where == NULL) {
        return ai_choice_find(allowed, name) ? AI_OK : AI_DECLINED;
    }

    tool = *where;
    *where = tool->next;
    tool->next = NULL;

    while (*allowed) {
        allowed = &(*allowed)->next;
    }

    *allowed = tool;

    return AI_OK;
}


ai_int_t
ai_choice_word(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_request_t *rq)
{
    if (ai_json_is(c->doc, v, "none")) {
        rq->choice = AI_CHOICE_NONE;
        return AI_OK;
    }

    if (ai_json_is(c->doc, v, "auto")) {
        rq->choice = AI_CHOICE_AUTO;
        return AI_OK;
    }

    if (!ai_json_is(c->doc, v, "required")) {
        return ai_openai_bad_value(c, path, NULL,
                              ": it must be 'none', 'auto' or 'required'.");
    }

    if (rq->tools == NULL) {
        return ai_openai_bad_value(c, path, NULL,
                                   ": there are no tools to choose from.");
    }

    rq->choice = AI_CHOICE_REQUIRED;

    return AI_OK;
}


ai_int_t
ai_choice_mode(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t mode, ai_ref_t tools, ai_request_t *rq)
{
    if (ai_openai_need(c, up, "mode", mode, AI_JSON_STRING) != AI_OK
        || ai_openai_need(c, up, "tools", tools, AI_JSON_ARRAY) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(c->doc, mode, "auto")) {
        rq->choice = AI_CHOICE_AUTO;

    } else if (ai_json_is(c->doc, mode, "required")) {
        rq->choice = AI_CHOICE_REQUIRED;

    } else {
        return ai_openai_bad_value(c, up, "mode",
                                   ": it must be 'auto' or 'required'.");
    }

    return AI_OK;
}
