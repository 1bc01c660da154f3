
#include <api/ai_choice_int.h>
#include <api/ai_messages_int.h>


static ai_int_t ai_messages_tool(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_tool_t *tool);
static ai_int_t ai_messages_choice(ai_messages_dec_t *d);
static ai_int_t ai_messages_choice_named(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v);


ai_int_t
ai_messages_read_tools(ai_messages_dec_t *d)
{
    ai_ref_t          v;
    ai_tool_t        *tool, **tail;
    ai_openai_path_t  list, path;

    tail = &d->rq->tools;

    ai_messages_path(&list, NULL, "tools");
    ai_messages_path(&path, &list, NULL);

    if (d->tools != AI_JSON_NONE
        && d->c.doc->node[d->tools].count > AI_OPENAI_TOOLS_MAX)
    {
        return ai_openai_bad_value(&d->c, &list, NULL,
                                   ": there are too many.");
    }

    for (v = ai_json_first(d->c.doc, d->tools);
         v != AI_JSON_NONE;
         v = ai_json_next(d->c.doc, d->tools, v))
    {
        tool = ai_pcalloc(d->c.pool, sizeof(ai_tool_t));
        if (tool == NULL) {
            return ai_openai_no_memory(&d->c);
        }

        tool->strict = -1;

        if (ai_messages_tool(d, &path, v, tool) != AI_OK) {
            return AI_ERROR;
        }

        *tail = tool;
        tail = &tool->next;

        path.index++;
    }

    return ai_messages_choice(d);
}


/* what only tunes how Anthropic shows a tool to the model is left out */

static ai_int_t
ai_messages_tool(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_tool_t *tool)
{
    ai_ref_t  refs[6];

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("name"), ai_string("description"),
        ai_string("input_schema"), ai_string("strict"),
        ai_string("cache_control")
    };

    if (ai_openai_want(&d->c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 6, refs);

    if (ai_openai_want(&d->c, path, "type", refs[0], AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[0] != AI_JSON_NONE && !ai_json_is(d->c.doc, refs[0], "custom")) {
        return ai_openai_unsupported(&d->c, path, "type",
                         ": only custom tools can be carried to this "
                         "model.");
    }

    if (ai_choice_name(&d->c, path, "name", refs[1], &tool->name) != AI_OK
        || ai_openai_esc(&d->c, path, "description", refs[2],
                         &tool->description) != AI_OK
        || ai_openai_need(&d->c, path, "input_schema", refs[3],
                          AI_JSON_OBJECT) != AI_OK
        || ai_openai_flag(&d->c, path, "strict", refs[4], &tool->strict)
           != AI_OK)
    {
        return AI_ERROR;
    }

    tool->schema = ai_json_raw(d->c.doc, refs[3]);

    return ai_openai_object(&d->c, path, "cache_control", refs[5],
                            &tool->cache_mark);
}


static ai_int_t
ai_messages_choice(ai_messages_dec_t *d)
{
    int               single;
    ai_ref_t          refs[3];
    ai_request_t     *rq;
    const ai_json_t  *doc;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("name"),
        ai_string("disable_parallel_tool_use")
    };

    if (d->choice == AI_JSON_NONE) {
        return AI_OK;
    }

    rq = d->rq;
    doc = d->c.doc;
    single = 0;

    ai_messages_path(&path, NULL, "tool_choice");

    if (ai_openai_want(&d->c, &path, NULL, d->choice, AI_JSON_OBJECT)
        != AI_OK)
    {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, d->choice, names, 3, refs);

    if (ai_openai_need(&d->c, &path, "type", refs[0], AI_JSON_STRING) != AI_OK
        || ai_openai_flag(&d->c, &path, "disable_parallel_tool_use", refs[2],
                          &single) != AI_OK)
    {
        return AI_ERROR;
    }

    if (single) {
        rq->parallel = 0;
    }

    if (ai_json_is(doc, refs[0], "tool")) {
        return ai_messages_choice_named(d, &path, refs[1]);
    }

    if (ai_json_is(doc, refs[0], "auto")) {
        rq->choice = AI_CHOICE_AUTO;

    } else if (ai_json_is(doc, refs[0], "none")) {
        rq->choice = AI_CHOICE_NONE;

    } else if (!ai_json_is(doc, refs[0], "any")) {
        return ai_openai_bad_value(&d->c, &path, "type",
                         ": it must be 'auto', 'any', 'tool' or 'none'.");

    } else if (rq->tools == NULL) {
        return ai_openai_bad_value(&d->c, &path, NULL,
                                   ": there are no tools to choose from.");

    } else {
        rq->choice = AI_CHOICE_REQUIRED;
    }

    return AI_OK;
}


static ai_int_t
ai_messages_choice_named(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_request_t     *rq;
    const ai_tool_t  *tool;

    rq = d->rq;

    if (ai_choice_name(&d->c, path, "name", v, &rq->choice_name) != AI_OK) {
        return AI_ERROR;
    }

    for (tool = rq->tools; tool; tool = tool->next) {
        if (ai_str_eq(&tool->name, &rq->choice_name)) {
            rq->choice = AI_CHOICE_NAMED;
            return AI_OK;
        }
    }

    return ai_openai_bad_value(&d->c, path, "name",
                               ": there is no such tool.");
}
