
#include <api/ai_choice_int.h>
#include <api/ai_responses_int.h>


#define AI_RESPONSES_CUSTOM                                                   \
    "{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"  \
    "\"required\":[\"input\"],\"additionalProperties\":false}"

#define AI_RESPONSES_ONLY                                                     \
    ": only function and custom tools can be carried to this model."


/* a list of tools that is being read */

typedef struct {
    const ai_openai_ctx_t  *c;
    ai_tool_t             **tools;
    ai_tool_t             **tail;
    uint32_t                n;
    ai_ref_t                space;      /* the name of the namespace */
    ai_dropped_t           *dropped;
    unsigned                again:1;    /* may have a tool once more */
} ai_responses_list_t;


static ai_int_t ai_responses_list(ai_responses_list_t *l,
    const ai_openai_path_t *up, ai_ref_t list);
static ai_int_t ai_responses_additional(ai_responses_list_t *l,
    ai_ref_t input);
static ai_int_t ai_responses_tool(ai_responses_list_t *l,
    const ai_openai_path_t *path, ai_ref_t v);
static void ai_responses_add(ai_responses_list_t *l, ai_tool_t *tool);
static ai_int_t ai_responses_space(ai_responses_list_t *l,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_responses_join(const ai_openai_ctx_t *c,
    const ai_esc_t *space, ai_esc_t *name);
static ai_int_t ai_responses_function(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_tool_t *tool);
static ai_int_t ai_responses_strict(const ai_json_t *doc, ai_ref_t schema);
static ai_int_t ai_responses_custom(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_tool_t *tool);
static ai_int_t ai_responses_grammar(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_tool_t *tool);
static ai_int_t ai_responses_choice(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_request_t *rq);
static ai_int_t ai_responses_allowed(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t mode, ai_ref_t list,
    ai_request_t *rq);


ai_int_t
ai_responses_read_tools(const ai_openai_ctx_t *c,
    const ai_responses_refs_t *refs, ai_request_t *rq, ai_dropped_t *dropped)
{
    ai_openai_path_t     up;
    ai_responses_list_t  l;

    up.up = NULL;
    up.name = "tools";
    up.index = 0;

    l.c = c;
    l.tools = &rq->tools;
    l.tail = &rq->tools;
    l.n = 0;
    l.space = AI_JSON_NONE;
    l.dropped = dropped;
    l.again = 0;

    if (ai_responses_list(&l, &up, refs->tools) != AI_OK
        || ai_responses_additional(&l, refs->input) != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs->choice == AI_JSON_NONE) {
        return AI_OK;
    }

    return ai_responses_choice(c, refs->choice, rq);
}


static ai_int_t
ai_responses_list(ai_responses_list_t *l, const ai_openai_path_t *up,
    ai_ref_t list)
{
    ai_ref_t                v;
    ai_openai_path_t        path;
    const ai_openai_ctx_t  *c;

    c = l->c;

    path.up = up;
    path.name = NULL;
    path.index = 0;

    if (ai_openai_want(c, up, NULL, list, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    for (v = ai_json_first(c->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(c->doc, list, v))
    {
        if (++l->n > AI_OPENAI_TOOLS_MAX) {
            return ai_openai_bad_value(c, up, NULL, ": there are too many.");
        }

        if (ai_responses_tool(l, &path, v) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    return AI_OK;
}


/* what else is wrong with an item is told by the one who reads the input */

static ai_int_t
ai_responses_additional(ai_responses_list_t *l, ai_ref_t input)
{
    ai_ref_t          v, refs[2];
    ai_openai_path_t  up, item, path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("tools")
    };

    up.up = NULL;
    up.name = "input";
    up.index = 0;

    item.up = &up;
    item.name = NULL;
    item.index = 0;

    path.up = &item;
    path.name = "tools";
    path.index = 0;

    l->again = 1;

    if (ai_json_type(l->c->doc, input) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (v = ai_json_first(l->c->doc, input);
         v != AI_JSON_NONE;
         v = ai_json_next(l->c->doc, input, v))
    {
        if (ai_json_type(l->c->doc, v) == AI_JSON_OBJECT) {
            ai_openai_pick(l->c, v, names, 2, refs);

            if (ai_json_is(l->c->doc, refs[0], "additional_tools")
                && ai_responses_list(l, &path, refs[1]) != AI_OK)
            {
                return AI_ERROR;
            }
        }

        item.index++;
    }

    return AI_OK;
}


/*
 * Coding agents offer a web search and a search for further tools with every
 * request, and do without them well: these are left out.  Other tools of
 * OpenAI's own are asked for because they are needed.
 */

static ai_int_t
ai_responses_tool(ai_responses_list_t *l, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_int_t                rc;
    ai_esc_t                word;
    ai_ref_t                type;
    ai_tool_t              *tool;
    const ai_openai_ctx_t  *c;

    static const ai_str_t  names[] = { ai_string("type") };

    c = l->c;

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 1, &type);

    if (ai_openai_need(c, path, "type", type, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_is(c->doc, type, "namespace")) {
        return ai_responses_space(l, path, v);
    }

    word = ai_json_esc(c->doc, type);

    if (ai_str_starts(&word, "web_search")) {
        ai_dropped_add(l->dropped, "tools.web_search");
        return AI_OK;
    }

    if (ai_json_is(c->doc, type, "tool_search")) {
        ai_dropped_add(l->dropped, "tools.tool_search");
        return AI_OK;
    }

    tool = ai_pcalloc(c->pool, sizeof(ai_tool_t));
    if (tool == NULL) {
        return ai_openai_no_memory(c);
    }

    tool->strict = -1;

    if (ai_json_is(c->doc, type, "function")) {
        rc = ai_responses_function(c, path, v, tool);

    } else if (ai_json_is(c->doc, type, "custom")) {
        rc = ai_responses_custom(c, path, v, tool);

    } else {
        return ai_openai_unsupported(c, path, "type", AI_RESPONSES_ONLY);
    }

    if (rc != AI_OK) {
        return AI_ERROR;
    }

    if (l->space != AI_JSON_NONE) {
        tool->space = ai_json_esc(c->doc, l->space);

        if (ai_responses_join(c, &tool->space, &tool->name) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_responses_add(l, tool);

    return AI_OK;
}


/* of two tools of one name in the course of a conversation the later counts */

static void
ai_responses_add(ai_responses_list_t *l, ai_tool_t *tool)
{
    ai_tool_t  **old;

    old = l->again ? ai_choice_find(l->tools, &tool->name) : NULL;

    if (old == NULL) {
        *l->tail = tool;
        l->tail = &tool->next;
        return;
    }

    tool->next = (*old)->next;

    if (l->tail == &(*old)->next) {
        l->tail = &tool->next;
    }

    *old = tool;
}


/* its description is left out: the tools have theirs */

static ai_int_t
ai_responses_space(ai_responses_list_t *l, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_int_t          rc;
    ai_esc_t          name;
    ai_ref_t          refs[2];
    ai_openai_path_t  up;

    static const ai_str_t  names[] = {
        ai_string("name"), ai_string("tools")
    };

    if (l->space != AI_JSON_NONE) {
        return ai_openai_bad_value(l->c, path, "type",
                              ": there is no namespace within another.");
    }

    ai_openai_pick(l->c, v, names, 2, refs);

    if (ai_choice_name(l->c, path, "name", refs[0], &name) != AI_OK) {
        return AI_ERROR;
    }

    up.up = path;
    up.name = "tools";
    up.index = 0;

    l->space = refs[0];
    rc = ai_responses_list(l, &up, refs[1]);
    l->space = AI_JSON_NONE;

    return rc;
}


ai_int_t
ai_responses_name(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t space, ai_ref_t v, ai_esc_t *name)
{
    ai_esc_t  word;

    if (ai_openai_esc(c, path, "namespace", space, &word) != AI_OK
        || ai_openai_word(c, path, "name", v, name) != AI_OK)
    {
        return AI_ERROR;
    }

    return word.len ? ai_responses_join(c, &word, name) : AI_OK;
}


static ai_int_t
ai_responses_join(const ai_openai_ctx_t *c, const ai_esc_t *space,
    ai_esc_t *name)
{
    ai_buf_t  b;

    ai_buf_init(&b, c->pool);
    ai_buf_cat(&b, space);
    ai_buf_lit(&b, "__");
    ai_buf_cat(&b, name);

    *name = ai_buf_str(&b);

    return b.failed ? ai_openai_no_memory(c) : AI_OK;
}


static ai_int_t
ai_responses_function(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_tool_t *tool)
{
    ai_ref_t  refs[5];

    static const ai_str_t  names[] = {
        ai_string("name"), ai_string("description"), ai_string("parameters"),
        ai_string("strict"), ai_string("cache_control")
    };

    ai_openai_pick(c, v, names, 5, refs);

    if (ai_choice_name(c, path, "name", refs[0], &tool->name) != AI_OK
        || ai_openai_esc(c, path, "description", refs[1], &tool->description)
           != AI_OK
        || ai_openai_object(c, path, "parameters", refs[2], &tool->schema)
           != AI_OK
        || ai_openai_flag(c, path, "strict", refs[3], &tool->strict) != AI_OK
        || ai_openai_object(c, path, "cache_control", refs[4],
                            &tool->cache_mark) != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[3] == AI_JSON_NONE && refs[2] != AI_JSON_NONE
        && ai_responses_strict(c->doc, refs[2]))
    {
        tool->strict = 1;
    }

    return AI_OK;
}


/*
 * Strict is the default of this API, which completes a schema that is not;
 * others refuse it.  So the default holds for a schema that is strict as it
 * stands: every object in it is closed, and requires all it has.
 */

static ai_int_t
ai_responses_strict(const ai_json_t *doc, ai_ref_t schema)
{
    ai_ref_t  v, properties, required;

    for (v = schema; v < doc->node[schema].next; v++) {

        if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
            continue;
        }

        properties = ai_json_get(doc, v, "properties");

        if (ai_json_type(doc, properties) != AI_JSON_OBJECT) {

            if (ai_json_is(doc, ai_json_get(doc, v, "type"), "object")
                || v == schema)
            {
                return 0;
            }

            continue;
        }

        required = ai_json_get(doc, v, "required");

        if (ai_json_bool(doc, ai_json_get(doc, v, "additionalProperties"))
            != 0
            || (doc->node[properties].count != 0
                && (ai_json_type(doc, required) != AI_JSON_ARRAY
                    || doc->node[required].count
                       != doc->node[properties].count)))
        {
            return 0;
        }
    }

    return 1;
}


static ai_int_t
ai_responses_custom(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_tool_t *tool)
{
    ai_ref_t  refs[3];

    static const ai_str_t  names[] = {
        ai_string("name"), ai_string("description"), ai_string("format")
    };

    ai_openai_pick(c, v, names, 3, refs);

    if (ai_choice_name(c, path, "name", refs[0], &tool->name) != AI_OK
        || ai_openai_esc(c, path, "description", refs[1], &tool->description)
           != AI_OK)
    {
        return AI_ERROR;
    }

    tool->custom = 1;
    tool->schema = ai_lit(AI_RESPONSES_CUSTOM);

    if (refs[2] == AI_JSON_NONE) {
        return AI_OK;
    }

    return ai_responses_grammar(c, path, refs[2], tool);
}


/* nobody else is bound by a grammar, but a model that has read it follows */

static ai_int_t
ai_responses_grammar(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_tool_t *tool)
{
    ai_buf_t          b;
    ai_esc_t          syntax, definition;
    ai_ref_t          refs[3];
    ai_openai_path_t  format;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("syntax"), ai_string("definition")
    };

    format.up = path;
    format.name = "format";
    format.index = 0;

    if (ai_openai_want(c, &format, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 3, refs);

    if (!ai_json_is(c->doc, refs[0], "grammar")) {
        return AI_OK;
    }

    if (ai_openai_word(c, &format, "syntax", refs[1], &syntax) != AI_OK
        || ai_openai_word(c, &format, "definition", refs[2], &definition)
           != AI_OK)
    {
        return AI_ERROR;
    }

    ai_buf_init(&b, c->pool);
    ai_buf_cat(&b, &tool->description);
    ai_buf_add(&b, "\\n\\n", tool->description.len ? 4 : 0);
    ai_buf_lit(&b, "The input must match this grammar (");
    ai_buf_cat(&b, &syntax);
    ai_buf_lit(&b, "):\\n");
    ai_buf_cat(&b, &definition);

    if (b.failed) {
        return ai_openai_no_memory(c);
    }

    tool->description = ai_buf_str(&b);

    return AI_OK;
}


static ai_int_t
ai_responses_choice(const ai_openai_ctx_t *c, ai_ref_t v, ai_request_t *rq)
{
    ai_ref_t          refs[5];
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("name"), ai_string("mode"),
        ai_string("tools"), ai_string("namespace")
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

    ai_openai_pick(c, v, names, 5, refs);

    if (ai_openai_need(c, &path, "type", refs[0], AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_is(c->doc, refs[0], "allowed_tools")) {
        return ai_responses_allowed(c, &path, refs[2], refs[3], rq);
    }

    if (!ai_json_is(c->doc, refs[0], "function")
        && !ai_json_is(c->doc, refs[0], "custom"))
    {
        return ai_openai_unsupported(c, &path, "type", AI_RESPONSES_ONLY);
    }

    if (ai_responses_name(c, &path, refs[4], refs[1], &rq->choice_name)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_choice_find(&rq->tools, &rq->choice_name) == NULL) {
        return ai_openai_bad_value(c, &path, "name",
                                   ": there is no such tool.");
    }

    rq->choice = AI_CHOICE_NAMED;

    return AI_OK;
}


/* the tools that are named move to a list of their own, in that order */

static ai_int_t
ai_responses_allowed(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t mode, ai_ref_t list, ai_request_t *rq)
{
    ai_ref_t          e, refs[3];
    ai_esc_t          name;
    ai_tool_t        *allowed;
    ai_openai_path_t  up, entry;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("name"), ai_string("namespace")
    };

    if (ai_choice_mode(c, path, mode, list, rq) != AI_OK) {
        return AI_ERROR;
    }

    allowed = NULL;

    up.up = path;
    up.name = "tools";
    up.index = 0;

    entry.up = &up;
    entry.name = NULL;
    entry.index = 0;

    if (c->doc->node[list].count == 0
        || c->doc->node[list].count > AI_OPENAI_TOOLS_MAX)
    {
        return ai_openai_bad_value(c, &up, NULL,
                                   ": it is empty or there are too many.");
    }

    for (e = ai_json_first(c->doc, list);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, list, e))
    {
        if (ai_openai_want(c, &entry, NULL, e, AI_JSON_OBJECT) != AI_OK) {
            return AI_ERROR;
        }

        ai_openai_pick(c, e, names, 3, refs);

        if (!ai_json_is(c->doc, refs[0], "function")
            && !ai_json_is(c->doc, refs[0], "custom"))
        {
            return ai_openai_unsupported(c, &entry, "type",
                                         AI_RESPONSES_ONLY);
        }

        if (ai_responses_name(c, &entry, refs[2], refs[1], &name) != AI_OK) {
            return AI_ERROR;
        }

        if (ai_choice_allow(&rq->tools, &allowed, &name) != AI_OK) {
            return ai_openai_bad_value(c, &entry, "name",
                                       ": there is no such tool.");
        }

        entry.index++;
    }

    rq->tools = allowed;

    return AI_OK;
}
