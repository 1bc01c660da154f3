
#include <api/ai_choice_int.h>
#include <api/ai_generate_int.h>


static ai_int_t ai_generate_tool(ai_generate_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, uint32_t *n,
    ai_tool_t ***tail);
static ai_int_t ai_generate_hosted(ai_generate_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t key);
static ai_int_t ai_generate_function(ai_generate_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_tool_t *tool);
static ai_int_t ai_generate_choice(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v);
static ai_int_t ai_generate_allowed(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v);


ai_int_t
ai_generate_read_tools(ai_generate_dec_t *d, ai_ref_t tools, ai_ref_t config)
{
    uint32_t          n;
    ai_ref_t          v, refs[1];
    ai_tool_t       **tail;
    ai_openai_path_t  up, path;

    static const ai_str_t  names[] = {
        ai_string("functionCallingConfig")
    };

    up.up = NULL;
    up.name = "tools";
    up.index = 0;

    path.up = &up;
    path.name = NULL;
    path.index = 0;

    n = 0;
    tail = &d->rq->tools;

    for (v = ai_generate_first(d->c.doc, tools);
         v != AI_JSON_NONE;
         v = ai_generate_next(d->c.doc, tools, v))
    {
        if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
            || ai_generate_tool(d, &path, v, &n, &tail) != AI_OK)
        {
            return AI_ERROR;
        }

        path.index++;
    }

    if (config == AI_JSON_NONE) {
        return AI_OK;
    }

    up.name = "toolConfig";

    if (ai_openai_want(&d->c, &up, NULL, config, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, &up, config, names, 1, refs, d->dropped)
           != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_generate_choice(d, &up, refs[0]);
}


static ai_int_t
ai_generate_tool(ai_generate_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, uint32_t *n, ai_tool_t ***tail)
{
    ai_ref_t          key, list, e;
    ai_tool_t        *tool;
    ai_openai_path_t  up, entry;

    static const ai_str_t  name = ai_string("functionDeclarations");

    list = AI_JSON_NONE;

    for (key = ai_json_first(d->c.doc, v);
         key != AI_JSON_NONE;
         key = ai_json_next(d->c.doc, v, key))
    {
        if (ai_json_is_null(d->c.doc, ai_json_value(d->c.doc, key))) {
            continue;
        }

        if (!ai_generate_key_is(d->c.doc, key, &name)) {
            return ai_generate_hosted(d, path, key);
        }

        if (list != AI_JSON_NONE) {
            return ai_openai_bad_value(&d->c, path,
                                       (const char *) name.data,
                                       ": the field is there twice.");
        }

        list = ai_json_value(d->c.doc, key);
    }

    up.up = path;
    up.name = (const char *) name.data;
    up.index = 0;

    entry.up = &up;
    entry.name = NULL;
    entry.index = 0;

    for (e = ai_generate_first(d->c.doc, list);
         e != AI_JSON_NONE;
         e = ai_generate_next(d->c.doc, list, e))
    {
        if (++*n > AI_OPENAI_TOOLS_MAX) {
            return ai_openai_bad_value(&d->c, &up, NULL,
                                       ": there are too many.");
        }

        tool = ai_pcalloc(d->c.pool, sizeof(ai_tool_t));
        if (tool == NULL) {
            return ai_openai_no_memory(&d->c);
        }

        tool->strict = -1;

        if (ai_generate_function(d, &entry, e, tool) != AI_OK) {
            return AI_ERROR;
        }

        **tail = tool;
        *tail = &tool->next;

        entry.index++;
    }

    return AI_OK;
}


/* tools that the provider runs itself: googleSearch, codeExecution, ... */

static ai_int_t
ai_generate_hosted(ai_generate_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t key)
{
    size_t     i;
    ai_esc_t   s;
    ai_char_t  ch;
    char       name[65];

    s = ai_json_esc(d->c.doc, key);

    for (i = 0; i < s.len && i < sizeof(name) - 1; i++) {
        ch = s.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '_'))
        {
            break;
        }

        name[i] = (char) ch;
    }

    name[i] = '\0';

    return ai_openai_unsupported(&d->c, path, i && i == s.len ? name : NULL,
                                 ": only functions can be carried to this "
                                 "model.");
}


static ai_int_t
ai_generate_function(ai_generate_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_tool_t *tool)
{
    ai_ref_t  refs[6];

    static const ai_str_t  names[] = {
        ai_string("name"), ai_string("description"), ai_string("parameters"),
        ai_string("parametersJsonSchema"), ai_string("response"),
        ai_string("responseJsonSchema")
    };

    if (ai_openai_want(&d->c, path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, path, v, names, 6, refs, d->dropped)
           != AI_OK
        || ai_choice_name(&d->c, path, "name", refs[0], &tool->name)
           != AI_OK
        || ai_openai_esc(&d->c, path, "description", refs[1],
                         &tool->description) != AI_OK
        || ai_openai_object(&d->c, path, "parametersJsonSchema", refs[3],
                            &tool->schema) != AI_OK)
    {
        return AI_ERROR;
    }

    /* no other API is told what a function gives back */

    if (refs[4] != AI_JSON_NONE || refs[5] != AI_JSON_NONE) {
        ai_dropped_add(d->dropped, "response");
    }

    if (refs[2] == AI_JSON_NONE) {
        return AI_OK;
    }

    if (refs[3] != AI_JSON_NONE) {
        return ai_openai_bad_value(&d->c, path, "parametersJsonSchema",
                                   ": there is 'parameters' too.");
    }

    return ai_generate_schema(&d->c, path, "parameters", refs[2],
                              &tool->schema);
}


static ai_int_t
ai_generate_choice(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v)
{
    ai_ref_t          refs[2];
    ai_uint_t         mode;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("mode"), ai_string("allowedFunctionNames")
    };

    static const ai_str_t  modes[] = {
        ai_string("AUTO"), ai_string("ANY"), ai_string("NONE"),
        ai_string("VALIDATED"), ai_string("MODE_UNSPECIFIED")
    };

    static const ai_choice_e  choices[] = {
        AI_CHOICE_AUTO, AI_CHOICE_REQUIRED, AI_CHOICE_NONE, AI_CHOICE_AUTO,
        AI_CHOICE_UNSET
    };

    path.up = up;
    path.name = "functionCallingConfig";
    path.index = 0;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, &path, v, names, 2, refs, d->dropped)
           != AI_OK
        || ai_openai_want(&d->c, &path, "mode", refs[0], AI_JSON_STRING)
           != AI_OK
        || ai_openai_want(&d->c, &path, "allowedFunctionNames", refs[1],
                          AI_JSON_ARRAY) != AI_OK)
    {
        return AI_ERROR;
    }

    mode = refs[0] == AI_JSON_NONE
           ? 4 : ai_generate_enum(d->c.doc, refs[0], modes, 5);

    if (mode == 5) {
        return ai_openai_bad_value(&d->c, &path, "mode",
                         ": it must be 'AUTO', 'ANY', 'NONE' or "
                         "'VALIDATED'.");
    }

    d->rq->choice = choices[mode];

    if (refs[1] == AI_JSON_NONE || d->c.doc->node[refs[1]].count == 0
        || d->rq->choice == AI_CHOICE_NONE)
    {
        return AI_OK;
    }

    return ai_generate_allowed(d, &path, refs[1]);
}


/* one that must be called is named, and of several the others go: they move
 * to a list of their own, in that order */

static ai_int_t
ai_generate_allowed(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v)
{
    ai_ref_t          e;
    ai_esc_t          name;
    ai_tool_t        *allowed;
    ai_request_t     *rq;
    ai_openai_path_t  list, entry;

    rq = d->rq;

    list.up = up;
    list.name = "allowedFunctionNames";
    list.index = 0;

    entry.up = &list;
    entry.name = NULL;
    entry.index = 0;

    if (d->c.doc->node[v].count > AI_OPENAI_TOOLS_MAX) {
        return ai_openai_bad_value(&d->c, &list, NULL,
                                   ": there are too many.");
    }

    allowed = NULL;

    for (e = ai_json_first(d->c.doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(d->c.doc, v, e))
    {
        if (ai_choice_name(&d->c, &entry, NULL, e, &name) != AI_OK) {
            return AI_ERROR;
        }

        if (rq->choice == AI_CHOICE_REQUIRED
            && d->c.doc->node[v].count == 1
            && ai_choice_find(&rq->tools, &name))
        {
            rq->choice = AI_CHOICE_NAMED;
            rq->choice_name = name;
            return AI_OK;
        }

        if (ai_choice_allow(&rq->tools, &allowed, &name) != AI_OK) {
            return ai_openai_bad_value(&d->c, &entry, NULL,
                                       ": there is no such function.");
        }

        entry.index++;
    }

    rq->tools = allowed;

    return AI_OK;
}
