
#include <api/ai_choice_int.h>


static ai_int_t ai_openai_tool_list(const ai_openai_ctx_t *c,
    const char *name, ai_ref_t list, ai_request_t *rq, ai_tool_t ***tail);
static ai_int_t ai_openai_tool(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_tool_t *tool);
static ai_int_t ai_openai_function(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_tool_t *tool);
static ai_int_t ai_openai_choice(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_request_t *rq);
static ai_int_t ai_openai_choice_named(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_request_t *rq);
static ai_int_t ai_openai_choice_allowed(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_request_t *rq);
static ai_int_t ai_openai_allowed_tools(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_request_t *rq);
static ai_int_t ai_openai_function_name(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_esc_t *name);
static ai_int_t ai_openai_function_call(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_request_t *rq);


ai_int_t
ai_openai_read_tools(const ai_openai_ctx_t *c, const ai_openai_tools_t *refs,
    ai_request_t *rq)
{
    ai_tool_t  **tail;

    tail = &rq->tools;

    if (ai_openai_tool_list(c, "tools", refs->tools, rq, &tail) != AI_OK) {
        return AI_ERROR;
    }

    rq->functions = refs->functions != AI_JSON_NONE && rq->tools == NULL;

    if (ai_openai_tool_list(c, "functions", refs->functions, rq, &tail)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs->choice != AI_JSON_NONE) {
        return ai_openai_choice(c, refs->choice, rq);
    }

    if (refs->function_call != AI_JSON_NONE) {
        return ai_openai_function_call(c, refs->function_call, rq);
    }

    return AI_OK;
}


static ai_int_t
ai_openai_tool_list(const ai_openai_ctx_t *c, const char *name,
    ai_ref_t list, ai_request_t *rq, ai_tool_t ***tail)
{
    ai_ref_t          v;
    ai_tool_t        *tool;
    ai_openai_path_t  up, path;

    if (list == AI_JSON_NONE) {
        return AI_OK;
    }

    up.up = NULL;
    up.name = name;
    up.index = 0;

    path.up = &up;
    path.name = NULL;
    path.index = 0;

    if (c->doc->node[list].count > AI_OPENAI_TOOLS_MAX) {
        return ai_openai_bad_value(c, &up, NULL, ": there are too many.");
    }

    for (v = ai_json_first(c->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(c->doc, list, v))
    {
        tool = ai_pcalloc(c->pool, sizeof(ai_tool_t));
        if (tool == NULL) {
            return ai_openai_no_memory(c);
        }

        tool->strict = -1;

        if ((rq->functions ? ai_openai_function(c, &path, v, tool)
             : ai_openai_tool(c, &path, v, tool)) != AI_OK)
        {
            return AI_ERROR;
        }

        **tail = tool;
        *tail = &tool->next;

        path.index++;
    }

    return AI_OK;
}


/* some clients leave the type out */

static ai_int_t
ai_openai_tool(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_tool_t *tool)
{
    ai_ref_t          refs[3];
    ai_openai_path_t  function;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("function"), ai_string("cache_control")
    };

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 3, refs);

    if (ai_openai_want(c, path, "type", refs[0], AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (refs[0] != AI_JSON_NONE && !ai_json_is(c->doc, refs[0], "function")) {
        return ai_openai_unsupported(c, path, "type",
                         ": only function tools can be carried to this "
                         "model.");
    }

    function.up = path;
    function.name = "function";
    function.index = 0;

    if (ai_openai_need(c, &function, NULL, refs[1], AI_JSON_OBJECT) != AI_OK
        || ai_openai_function(c, &function, refs[1], tool) != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[2] == AI_JSON_NONE) {
        return AI_OK;
    }

    return ai_openai_object(c, path, "cache_control", refs[2],
                            &tool->cache_mark);
}


static ai_int_t
ai_openai_function(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_tool_t *tool)
{
    ai_ref_t  refs[5];

    static const ai_str_t  names[] = {
        ai_string("name"), ai_string("description"), ai_string("parameters"),
        ai_string("strict"), ai_string("cache_control")
    };

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 5, refs);

    if (ai_choice_name(c, path, "name", refs[0], &tool->name) != AI_OK
        || ai_openai_esc(c, path, "description", refs[1], &tool->description)
           != AI_OK
        || ai_openai_object(c, path, "parameters", refs[2], &tool->schema)
           != AI_OK
        || ai_openai_flag(c, path, "strict", refs[3], &tool->strict) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_object(c, path, "cache_control", refs[4],
                            &tool->cache_mark);
}


static ai_int_t
ai_openai_choice(const ai_openai_ctx_t *c, ai_ref_t v, ai_request_t *rq)
{
    ai_ref_t          refs[3];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("function"), ai_string("allowed_tools")
    };

    path.up = NULL;
    path.name = "tool_choice";
    path.index = 0;

    if (ai_json_type(c->doc, v) == AI_JSON_STRING) {
        return ai_choice_word(c, &path, v, rq);
    }

    if (ai_json_type(c->doc, v) != AI_JSON_OBJECT) {
        return ai_openai_bad_type(c, &path, NULL, "a string or an object", v);
    }

    ai_openai_pick(c, v, names, 3, refs);

    if (ai_openai_need(c, &path, "type", refs[0], AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_is(c->doc, refs[0], "function")) {
        return ai_openai_choice_named(c, &path, refs[1], rq);
    }

    if (ai_json_is(c->doc, refs[0], "allowed_tools")) {
        return ai_openai_choice_allowed(c, &path, refs[2], rq);
    }

    return ai_openai_unsupported(c, &path, "type",
                 ": only function tools can be carried to this model.");
}


static ai_int_t
ai_openai_choice_named(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_request_t *rq)
{
    ai_openai_path_t  function;

    function.up = path;
    function.name = "function";
    function.index = 0;

    if (ai_openai_function_name(c, &function, v, &rq->choice_name) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_choice_find(&rq->tools, &rq->choice_name) == NULL) {
        return ai_openai_bad_value(c, &function, "name",
                                   ": there is no such tool.");
    }

    rq->choice = AI_CHOICE_NAMED;

    return AI_OK;
}


static ai_int_t
ai_openai_function_name(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_esc_t *name)
{
    ai_ref_t  ref;

    static const ai_str_t  names[] = { ai_string("name") };

    if (ai_openai_need(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 1, &ref);

    return ai_choice_name(c, path, "name", ref, name);
}


static ai_int_t
ai_openai_choice_allowed(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_request_t *rq)
{
    ai_ref_t          refs[2];
    ai_openai_path_t  allowed;

    static const ai_str_t  names[] = {
        ai_string("mode"), ai_string("tools")
    };

    allowed.up = path;
    allowed.name = "allowed_tools";
    allowed.index = 0;

    if (ai_openai_need(c, &allowed, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 2, refs);

    if (ai_choice_mode(c, &allowed, refs[0], refs[1], rq) != AI_OK) {
        return AI_ERROR;
    }

    return ai_openai_allowed_tools(c, &allowed, refs[1], rq);
}


/* the tools that are named move to a list of their own, in that order */

static ai_int_t
ai_openai_allowed_tools(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_request_t *rq)
{
    ai_ref_t          e, refs[2];
    ai_esc_t          name;
    ai_tool_t        *allowed;
    ai_openai_path_t  up, entry, function;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("function")
    };

    allowed = NULL;

    up.up = path;
    up.name = "tools";
    up.index = 0;

    entry.up = &up;
    entry.name = NULL;
    entry.index = 0;

    function.up = &entry;
    function.name = "function";
    function.index = 0;

    if (c->doc->node[v].count == 0
        || c->doc->node[v].count > AI_OPENAI_TOOLS_MAX)
    {
        return ai_openai_bad_value(c, &up, NULL,
                                   ": it is empty or there are too many.");
    }

    for (e = ai_json_first(c->doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, v, e))
    {
        if (ai_openai_want(c, &entry, NULL, e, AI_JSON_OBJECT) != AI_OK) {
            return AI_ERROR;
        }

        ai_openai_pick(c, e, names, 2, refs);

        if (!ai_json_is(c->doc, refs[0], "function")) {
            return ai_openai_unsupported(c, &entry, "type",
                         ": only function tools can be carried to this "
                         "model.");
        }

        if (ai_openai_function_name(c, &function, refs[1], &name) != AI_OK) {
            return AI_ERROR;
        }

        if (ai_choice_allow(&rq->tools, &allowed, &name) != AI_OK) {
            return ai_openai_bad_value(c, &function, "name",
                                       ": there is no such tool.");
        }

        entry.index++;
    }

    rq->tools = allowed;

    return AI_OK;
}


/* the old form: "none", "auto" or {"name": "f"} */

static ai_int_t
ai_openai_function_call(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_request_t *rq)
{
    ai_openai_path_t  path;

    path.up = NULL;
    path.name = "function_call";
    path.index = 0;

    if (ai_json_type(c->doc, v) == AI_JSON_STRING) {
        return ai_choice_word(c, &path, v, rq);
    }

    if (ai_openai_function_name(c, &path, v, &rq->choice_name) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_choice_find(&rq->tools, &rq->choice_name) == NULL) {
        return ai_openai_bad_value(c, &path, "name",
                                   ": there is no such function.");
    }

    rq->choice = AI_CHOICE_NAMED;

    return AI_OK;
}
