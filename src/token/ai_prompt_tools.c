
/*
 * Tools, as models are told of them.
 *
 * OpenAI's models see a namespace of TypeScript, a type for each function:
 * as users of its API have found out, and as the open gpt-oss is told in its
 * published template.
 *
 *     // Get the weather of a place
 *     type get_weather = (_: {
 *     // of the place
 *     city: string,
 *     unit?: "C" | "F",
 *     }) => any;
 *
 * Others get JSON.
 */

#include <token/ai_prompt_int.h>


#define AI_TYPE_SCHEMA_MAX  (64 * 1024)     /* longer ones are plain text */
#define AI_TYPE_DEPTH       16


typedef struct {
    ai_prompt_t       *p;
    const ai_json_t   *doc;
    uint32_t           work;        /* that is left: references may form rings,
                                       or name one large type often */
    size_t             room;        /* the same for what is told, in bytes */
} ai_type_t;


static size_t ai_prompt_tool_type(ai_prompt_t *p, const ai_tool_t *tool);
static void ai_type_function(ai_type_t *t, const ai_raw_t *schema);
static void ai_prompt_tool_json(ai_prompt_t *p, const ai_tool_t *tool);
static void ai_prompt_tool_parts(ai_prompt_t *p, const ai_tool_t *tool);
static void ai_type_properties(ai_type_t *t, ai_ref_t schema,
    ai_ref_t properties, unsigned depth);
static ai_int_t ai_type_required(ai_type_t *t, ai_ref_t list,
    const ai_esc_t *name, ai_ref_t *next);
static void ai_type(ai_type_t *t, ai_ref_t schema, unsigned depth);
static void ai_type_named(ai_type_t *t, ai_ref_t schema, ai_ref_t type,
    unsigned depth);
static void ai_type_array(ai_type_t *t, ai_ref_t schema, unsigned depth);
static void ai_type_object(ai_type_t *t, ai_ref_t schema, unsigned depth);
static void ai_type_union(ai_type_t *t, ai_ref_t list, unsigned depth);
static void ai_type_values(ai_type_t *t, ai_ref_t list);
static ai_ref_t ai_type_resolve(ai_type_t *t, ai_ref_t schema);
static void ai_type_work(ai_type_t *t, uint32_t n);
static void ai_type_put(ai_type_t *t, const char *s);
static void ai_type_esc(ai_type_t *t, const ai_esc_t *s);
static void ai_type_raw(ai_type_t *t, const ai_raw_t *s);
static ai_int_t ai_type_room(ai_type_t *t, size_t n);


void
ai_prompt_tools_begin(ai_prompt_t *p)
{
    if (ai_prompt_frame(p->model)->form == AI_TOOLS_TYPESCRIPT) {
        ai_prompt_lit(p, "# Tools\n\n## functions\n\nnamespace functions {"
                      "\n\n");
    }
}


size_t
ai_prompt_tool(ai_prompt_t *p, const ai_tool_t *tool)
{
    switch (ai_prompt_frame(p->model)->form) {

    case AI_TOOLS_TYPESCRIPT:
        return ai_prompt_tool_type(p, tool);

    case AI_TOOLS_JSON:
        ai_prompt_tool_json(p, tool);
        break;

    default:
        ai_prompt_tool_parts(p, tool);
        break;
    }

    return 0;
}


void
ai_prompt_tools_end(ai_prompt_t *p)
{
    const ai_frame_t  *f;

    f = ai_prompt_frame(p->model);

    if (p->alone && !p->takes) {
        p->overhead += f->idle;
    }

    if (f->form == AI_TOOLS_TYPESCRIPT) {
        ai_prompt_lit(p, "} // namespace functions");
    }

    ai_prompt_break(p);
}


/* how much was told at once */

static size_t
ai_prompt_tool_type(ai_prompt_t *p, const ai_tool_t *tool)
{
    size_t     room;
    ai_type_t  t;

    room = 4 * ai_min(tool->schema.len, AI_TYPE_SCHEMA_MAX) + 256
           + tool->name.len + tool->description.len;

    t.p = p;
    t.doc = &p->doc;
    t.room = room;

    if (tool->description.len) {
        ai_type_put(&t, "// ");
        ai_type_esc(&t, &tool->description);
        ai_type_put(&t, "\n");
    }

    ai_type_put(&t, "type ");
    ai_type_esc(&t, &tool->name);

    if (tool->schema.len > AI_TYPE_SCHEMA_MAX) {
        ai_prompt_lit(p, " = (_: ");
        ai_prompt_put(p, AI_PIECE_COMPACT, &tool->schema);
        ai_prompt_lit(p, ") => any;\n\n");

    } else {
        ai_type_function(&t, &tool->schema);
    }

    return room - t.room;
}


static void
ai_type_function(ai_type_t *t, const ai_raw_t *schema)
{
    ai_ref_t  properties;

    t->p->doc.n = 0;
    properties = AI_JSON_NONE;

    if (schema->len && ai_json_parse(&t->p->doc, schema, NULL) == AI_OK) {
        properties = ai_json_get(t->doc, AI_JSON_ROOT, "properties");
    }

    t->work = 2 * t->doc->n + 256;

    if (ai_json_first(t->doc, properties) == AI_JSON_NONE) {
        ai_type_put(t, " = () => any;\n\n");
        return;
    }

    t->p->takes = 1;

    ai_type_put(t, " = (_: {\n");
    ai_type_properties(t, AI_JSON_ROOT, properties, 0);
    ai_type_put(t, "}) => any;\n\n");
}


/* as OpenAI's API has it, and so the templates of open models */

static void
ai_prompt_tool_json(ai_prompt_t *p, const ai_tool_t *tool)
{
    ai_prompt_lit(p, "\n{\"type\": \"function\", \"function\": "
                  "{\"name\": \"");
    ai_prompt_put(p, AI_PIECE_ESC, &tool->name);
    ai_prompt_lit(p, "\", \"description\": \"");
    ai_prompt_put(p, AI_PIECE_ESC, &tool->description);
    ai_prompt_lit(p, "\", \"parameters\": ");
    ai_prompt_put(p, AI_PIECE_SPACED, &tool->schema);
    ai_prompt_lit(p, "}}");
}


static void
ai_prompt_tool_parts(ai_prompt_t *p, const ai_tool_t *tool)
{
    ai_prompt_put(p, AI_PIECE_ESC, &tool->name);
    ai_prompt_break(p);
    ai_prompt_put(p, AI_PIECE_ESC, &tool->description);
    ai_prompt_break(p);
    ai_prompt_put(p, AI_PIECE_COMPACT, &tool->schema);
    ai_prompt_break(p);
}


static void
ai_type_properties(ai_type_t *t, ai_ref_t schema, ai_ref_t properties,
    unsigned depth)
{
    ai_esc_t  s;
    ai_raw_t  raw;
    ai_ref_t  name, value, list, next;

    list = ai_json_get(t->doc, schema, "required");
    next = AI_JSON_NONE;

    for (name = ai_json_first(t->doc, properties);
         name != AI_JSON_NONE && t->work;
         name = ai_json_next(t->doc, properties, name))
    {
        value = ai_json_value(t->doc, name);

        s = ai_json_esc(t->doc, ai_json_get(t->doc, value, "description"));
        if (s.len) {
            ai_type_put(t, "// ");
            ai_type_esc(t, &s);
            ai_type_put(t, "\n");
        }

        s = ai_json_esc(t->doc, name);
        ai_type_esc(t, &s);
        ai_type_put(t, ai_type_required(t, list, &s, &next) ? ": " : "?: ");
        ai_type(t, value, depth + 1);
        ai_type_put(t, ",");

        raw = ai_json_raw(t->doc, ai_json_get(t->doc, value, "default"));
        if (raw.len && ai_prompt_frame(t->p->model)->defaults) {
            ai_type_put(t, " // default: ");
            ai_type_raw(t, &raw);
        }

        ai_type_put(t, "\n");
    }
}


/*
 * Is the name in the list?  Mostly both are in the same order, so that the one
 * that comes next in the list is looked at first.
 */

static ai_int_t
ai_type_required(ai_type_t *t, ai_ref_t list, const ai_esc_t *name,
    ai_ref_t *next)
{
    ai_ref_t  v, start;
    ai_esc_t  s;

    if (ai_json_type(t->doc, list) != AI_JSON_ARRAY) {
        return 0;
    }

    start = *next != AI_JSON_NONE ? *next : ai_json_first(t->doc, list);

    for (v = start; v != AI_JSON_NONE && t->work; /* void */ ) {
        s = ai_json_esc(t->doc, v);
        v = ai_json_next(t->doc, list, v);

        if (s.data && ai_str_eq(&s, name)) {
            *next = v;
            return 1;
        }

        if (v == AI_JSON_NONE && *next != AI_JSON_NONE) {
            v = ai_json_first(t->doc, list);
        }

        if (v == start) {
            break;
        }

        ai_type_work(t, 1);
    }

    return 0;
}


static void
ai_type(ai_type_t *t, ai_ref_t schema, unsigned depth)
{
    ai_ref_t  v, list;

    schema = ai_type_resolve(t, schema);

    if (t->work == 0 || depth > AI_TYPE_DEPTH
        || ai_json_type(t->doc, schema) != AI_JSON_OBJECT)
    {
        ai_type_put(t, "any");
        return;
    }

    ai_type_work(t, 1 + t->doc->node[schema].count / 8);

    v = ai_json_get(t->doc, schema, "enum");
    if (ai_json_type(t->doc, v) == AI_JSON_ARRAY) {
        ai_type_values(t, v);
        return;
    }

    v = ai_json_get(t->doc, schema, "anyOf");
    if (v == AI_JSON_NONE) {
        v = ai_json_get(t->doc, schema, "oneOf");
    }

    if (ai_json_type(t->doc, v) == AI_JSON_ARRAY) {
        ai_type_union(t, v, depth);
        return;
    }

    v = ai_json_get(t->doc, schema, "type");

    if (ai_json_type(t->doc, v) != AI_JSON_ARRAY) {
        ai_type_named(t, schema, v, depth);
        return;
    }

    list = v;

    for (v = ai_json_first(t->doc, list); v != AI_JSON_NONE && t->work; ) {
        ai_type_work(t, 1);
        ai_type_named(t, schema, v, depth);

        v = ai_json_next(t->doc, list, v);
        if (v != AI_JSON_NONE) {
            ai_type_put(t, " | ");
        }
    }
}


static void
ai_type_named(ai_type_t *t, ai_ref_t schema, ai_ref_t type, unsigned depth)
{
    if (ai_json_is(t->doc, type, "string")) {
        ai_type_put(t, "string");

    } else if (ai_json_is(t->doc, type, "integer")
               || ai_json_is(t->doc, type, "number"))
    {
        ai_type_put(t, "number");

    } else if (ai_json_is(t->doc, type, "boolean")) {
        ai_type_put(t, "boolean");

    } else if (ai_json_is(t->doc, type, "null")) {
        ai_type_put(t, "null");

    } else if (ai_json_is(t->doc, type, "array")) {
        ai_type_array(t, schema, depth);

    } else if (ai_json_is(t->doc, type, "object")) {
        ai_type_object(t, schema, depth);

    } else {
        ai_type_put(t, "any");
    }
}


static void
ai_type_array(ai_type_t *t, ai_ref_t schema, unsigned depth)
{
    ai_type(t, ai_json_get(t->doc, schema, "items"), depth + 1);
    ai_type_put(t, "[]");
}


static void
ai_type_object(ai_type_t *t, ai_ref_t schema, unsigned depth)
{
    ai_ref_t  properties;

    properties = ai_json_get(t->doc, schema, "properties");

    if (ai_json_first(t->doc, properties) == AI_JSON_NONE) {
        ai_type_put(t, "object");
        return;
    }

    ai_type_put(t, "{\n");
    ai_type_properties(t, schema, properties, depth);
    ai_type_put(t, "}");
}


static void
ai_type_union(ai_type_t *t, ai_ref_t list, unsigned depth)
{
    ai_ref_t  v;

    for (v = ai_json_first(t->doc, list); v != AI_JSON_NONE && t->work; ) {
        ai_type(t, v, depth + 1);

        v = ai_json_next(t->doc, list, v);
        if (v != AI_JSON_NONE) {
            ai_type_put(t, " | ");
        }
    }
}


static void
ai_type_values(ai_type_t *t, ai_ref_t list)
{
    ai_ref_t  v;
    ai_raw_t  raw;

    for (v = ai_json_first(t->doc, list); v != AI_JSON_NONE; ) {
        raw = ai_json_raw(t->doc, v);
        ai_type_raw(t, &raw);

        v = ai_json_next(t->doc, list, v);
        if (v != AI_JSON_NONE) {
            ai_type_put(t, " | ");
        }
    }
}


/* what "$ref" names in this schema, "#/$defs/Name"; else the schema itself */

static ai_ref_t
ai_type_resolve(ai_type_t *t, ai_ref_t schema)
{
    ai_esc_t    s;
    ai_ref_t    v;
    ai_char_t  *p, *end, *last;

    s = ai_json_esc(t->doc, ai_json_get(t->doc, schema, "$ref"));

    if (s.len < 2 || s.data[0] != '#' || s.data[1] != '/') {
        return schema;
    }

    v = AI_JSON_ROOT;
    end = s.data + s.len;

    for (p = s.data + 2; p <= end && v != AI_JSON_NONE; p = last + 1) {
        last = memchr(p, '/', (size_t) (end - p));

        if (last == NULL) {
            last = end;
        }

        if (v < t->doc->n) {
            ai_type_work(t, t->doc->node[v].count / 8);
        }

        v = ai_json_member(t->doc, v, (const char *) p, (size_t) (last - p));
    }

    return v;
}


static void
ai_type_work(ai_type_t *t, uint32_t n)
{
    t->work -= ai_min(n, t->work);
}


static void
ai_type_put(ai_type_t *t, const char *s)
{
    ai_raw_t  raw;

    raw.data = (ai_char_t *) s;
    raw.len = strlen(s);

    ai_type_raw(t, &raw);
}


static void
ai_type_esc(ai_type_t *t, const ai_esc_t *s)
{
    if (ai_type_room(t, s->len)) {
        ai_counter_add_esc(&t->p->counter, s);
    }
}


static void
ai_type_raw(ai_type_t *t, const ai_raw_t *s)
{
    if (ai_type_room(t, s->len)) {
        ai_counter_add(&t->p->counter, s->data, s->len);
    }
}


static ai_int_t
ai_type_room(ai_type_t *t, size_t n)
{
    if (n > t->room) {
        t->room = 0;
        t->work = 0;
        return 0;
    }

    t->room -= n;

    return 1;
}
