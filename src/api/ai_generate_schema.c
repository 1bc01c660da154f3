
/*
 * Schemas as Gemini has them, OpenAPI 3.0 in part, as JSON schema: types in
 * lower case, "nullable" as the type null, and the fields' names as JSON
 * schema spells them.  What is not known is copied.
 */

#include <api/ai_generate_int.h>


typedef enum {
    AI_SCHEMA_COPY = 0,
    AI_SCHEMA_TYPE,
    AI_SCHEMA_NULLABLE,
    AI_SCHEMA_ENUM,
    AI_SCHEMA_ONE,                  /* a schema, or true or false */
    AI_SCHEMA_LIST,
    AI_SCHEMA_MAP,
    AI_SCHEMA_COUNT,                /* int64: a number or a string of one */
    AI_SCHEMA_FORMAT,
    AI_SCHEMA_REF,
    AI_SCHEMA_EXAMPLE,
    AI_SCHEMA_DROP
} ai_schema_e;


typedef struct {
    ai_str_t           name;
    ai_str_t           json;        /* empty: the same */
    ai_schema_e        kind;
} ai_schema_field_t;


typedef struct {
    const ai_openai_ctx_t   *c;
    const ai_openai_path_t  *up;
    const char              *name;
    ai_buf_t                 b;
} ai_schema_t;


static ai_int_t ai_schema_value(ai_schema_t *s, ai_ref_t v);
static ai_int_t ai_schema_object(ai_schema_t *s, ai_ref_t v);
static ai_int_t ai_schema_field(ai_schema_t *s, ai_uint_t i, ai_ref_t v,
    ai_int_t null, ai_int_t typed);
static ai_uint_t ai_schema_find(const ai_json_t *doc, ai_ref_t key);
static ai_int_t ai_schema_type(ai_schema_t *s, ai_ref_t v, ai_int_t null);
static void ai_schema_lower(ai_schema_t *s, ai_ref_t v);
static ai_int_t ai_schema_list(ai_schema_t *s, ai_ref_t v, ai_int_t null);
static ai_int_t ai_schema_map(ai_schema_t *s, ai_ref_t v);
static ai_int_t ai_schema_enum(ai_schema_t *s, ai_ref_t v, ai_int_t null);
static void ai_schema_count(ai_schema_t *s, ai_ref_t v);
static void ai_schema_ref(ai_schema_t *s, ai_ref_t v);
static void ai_schema_copy(ai_schema_t *s, ai_ref_t v);
static ai_int_t ai_schema_bad(ai_schema_t *s, const char *why);


#define AI_SCHEMA(name, kind)  { ai_string(name), ai_null_string, kind }

static const ai_schema_field_t  ai_schema_fields[] = {
    AI_SCHEMA("type", AI_SCHEMA_TYPE),
    AI_SCHEMA("nullable", AI_SCHEMA_NULLABLE),
    AI_SCHEMA("anyOf", AI_SCHEMA_LIST),
    AI_SCHEMA("properties", AI_SCHEMA_MAP),
    AI_SCHEMA("items", AI_SCHEMA_ONE),
    AI_SCHEMA("enum", AI_SCHEMA_ENUM),
    AI_SCHEMA("description", AI_SCHEMA_COPY),
    AI_SCHEMA("required", AI_SCHEMA_COPY),
    AI_SCHEMA("format", AI_SCHEMA_FORMAT),
    AI_SCHEMA("title", AI_SCHEMA_COPY),
    AI_SCHEMA("default", AI_SCHEMA_COPY),
    AI_SCHEMA("pattern", AI_SCHEMA_COPY),
    AI_SCHEMA("minimum", AI_SCHEMA_COPY),
    AI_SCHEMA("maximum", AI_SCHEMA_COPY),
    AI_SCHEMA("minItems", AI_SCHEMA_COUNT),
    AI_SCHEMA("maxItems", AI_SCHEMA_COUNT),
    AI_SCHEMA("minLength", AI_SCHEMA_COUNT),
    AI_SCHEMA("maxLength", AI_SCHEMA_COUNT),
    AI_SCHEMA("minProperties", AI_SCHEMA_COUNT),
    AI_SCHEMA("maxProperties", AI_SCHEMA_COUNT),
    AI_SCHEMA("prefixItems", AI_SCHEMA_LIST),
    AI_SCHEMA("oneOf", AI_SCHEMA_LIST),
    AI_SCHEMA("allOf", AI_SCHEMA_LIST),
    AI_SCHEMA("additionalProperties", AI_SCHEMA_ONE),
    AI_SCHEMA("propertyOrdering", AI_SCHEMA_DROP),
    { ai_string("example"), ai_string("examples"), AI_SCHEMA_EXAMPLE },
    { ai_string("ref"), ai_string("$ref"), AI_SCHEMA_REF },
    { ai_string("defs"), ai_string("$defs"), AI_SCHEMA_MAP },
    AI_SCHEMA("examples", AI_SCHEMA_COPY),
    AI_SCHEMA("$ref", AI_SCHEMA_REF),
    AI_SCHEMA("$defs", AI_SCHEMA_MAP)
};

#define AI_SCHEMA_FIELDS                                                      \
    (sizeof(ai_schema_fields) / sizeof(ai_schema_fields[0]))

#define AI_SCHEMA_TYPE_AT      0
#define AI_SCHEMA_NULLABLE_AT  1
#define AI_SCHEMA_ANY_AT       2

/* the last three have JSON schema's names for the three before them */
#define AI_SCHEMA_TWINS        3


ai_int_t
ai_generate_schema(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_raw_t *out)
{
    ai_schema_t  s;

    if (ai_openai_want(c, up, name, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    s.c = c;
    s.up = up;
    s.name = name;

    ai_buf_init(&s.b, c->pool);

    if (ai_schema_value(&s, v) != AI_OK) {
        return AI_ERROR;
    }

    if (s.b.failed) {
        return ai_openai_no_memory(c);
    }

    *out = ai_buf_str(&s.b);

    return AI_OK;
}


static ai_int_t
ai_schema_bad(ai_schema_t *s, const char *why)
{
    return ai_openai_bad_value(s->c, s->up, s->name, why);
}


/* no deeper than the parser goes */

static ai_int_t
ai_schema_value(ai_schema_t *s, ai_ref_t v)
{
    switch (ai_json_type(s->c->doc, v)) {

    case AI_JSON_OBJECT:
        return ai_schema_object(s, v);

    case AI_JSON_TRUE:
    case AI_JSON_FALSE:
        ai_schema_copy(s, v);
        return AI_OK;

    default:
        return ai_schema_bad(s, ": a schema in it is no object.");
    }
}


static ai_int_t
ai_schema_object(ai_schema_t *s, ai_ref_t v)
{
    size_t           last;
    ai_ref_t         key, at[AI_SCHEMA_FIELDS];
    ai_raw_t         raw;
    ai_int_t         null, typed;
    ai_uint_t        i;
    const ai_json_t  *doc;

    doc = s->c->doc;

    for (i = 0; i < AI_SCHEMA_FIELDS; i++) {
        at[i] = AI_JSON_NONE;
    }

    for (key = ai_json_first(doc, v);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, v, key))
    {
        i = ai_schema_find(doc, key);

        if (i == AI_SCHEMA_FIELDS) {
            continue;
        }

        if (at[i] != AI_JSON_NONE) {
            return ai_schema_bad(s, ": a schema has a field twice.");
        }

        at[i] = ai_json_value(doc, key);
    }

    for (i = AI_SCHEMA_FIELDS - AI_SCHEMA_TWINS; i < AI_SCHEMA_FIELDS; i++) {
        if (at[i] != AI_JSON_NONE
            && at[i - AI_SCHEMA_TWINS] != AI_JSON_NONE)
        {
            return ai_schema_bad(s, ": a schema has a field twice.");
        }
    }

    null = ai_json_bool(doc, at[AI_SCHEMA_NULLABLE_AT]) == 1;
    typed = !ai_json_is_null(doc, at[AI_SCHEMA_TYPE_AT]);

    ai_buf_char(&s->b, '{');
    last = ai_buf_len(&s->b);

    for (key = ai_json_first(doc, v);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, v, key))
    {
        i = ai_schema_find(doc, key);

        if (ai_buf_len(&s->b) != last) {
            ai_buf_char(&s->b, ',');
            last = ai_buf_len(&s->b);
        }

        if (i < AI_SCHEMA_FIELDS) {
            if (ai_schema_field(s, i, ai_json_value(doc, key), null, typed)
                != AI_OK)
            {
                return AI_ERROR;
            }

            continue;
        }

        raw = ai_json_raw(doc, key);
        ai_buf_cat(&s->b, &raw);
        ai_buf_char(&s->b, ':');
        ai_schema_copy(s, ai_json_value(doc, key));
    }

    /* the last field may have been left out */

    if (!s->b.failed && s->b.last[-1] == ',') {
        s->b.last--;
    }

    ai_buf_char(&s->b, '}');

    return AI_OK;
}


static ai_uint_t
ai_schema_find(const ai_json_t *doc, ai_ref_t key)
{
    ai_uint_t  i;

    for (i = 0; i < AI_SCHEMA_FIELDS; i++) {
        if (ai_generate_key_is(doc, key, &ai_schema_fields[i].name)) {
            break;
        }
    }

    return i;
}


static ai_int_t
ai_schema_field(ai_schema_t *s, ai_uint_t i, ai_ref_t v, ai_int_t null,
    ai_int_t typed)
{
    const ai_json_t          *doc;
    const ai_schema_field_t  *f;

    doc = s->c->doc;
    f = &ai_schema_fields[i];

    if (ai_json_is_null(doc, v) && f->kind != AI_SCHEMA_COPY) {
        return AI_OK;
    }

    if (f->kind == AI_SCHEMA_NULLABLE || f->kind == AI_SCHEMA_DROP
        || (f->kind == AI_SCHEMA_TYPE
            && ai_json_is(doc, v, "TYPE_UNSPECIFIED"))
        || (f->kind == AI_SCHEMA_FORMAT && ai_json_is(doc, v, "enum")))
    {
        return AI_OK;
    }

    ai_buf_quote_esc(&s->b, f->json.len ? &f->json : &f->name);
    ai_buf_char(&s->b, ':');

    switch (f->kind) {

    case AI_SCHEMA_TYPE:
        return ai_schema_type(s, v, null);

    case AI_SCHEMA_ENUM:
        return ai_schema_enum(s, v, null);

    case AI_SCHEMA_ONE:
        return ai_schema_value(s, v);

    case AI_SCHEMA_LIST:
        return ai_schema_list(s, v,
                              null && !typed && i == AI_SCHEMA_ANY_AT);

    case AI_SCHEMA_MAP:
        return ai_schema_map(s, v);

    case AI_SCHEMA_COUNT:
        ai_schema_count(s, v);
        return AI_OK;

    case AI_SCHEMA_REF:
        ai_schema_ref(s, v);
        return AI_OK;

    case AI_SCHEMA_EXAMPLE:
        ai_buf_char(&s->b, '[');
        ai_schema_copy(s, v);
        ai_buf_char(&s->b, ']');
        return AI_OK;

    default:
        ai_schema_copy(s, v);
        return AI_OK;
    }
}


/* "STRING" is "string", or ["string","null"] */

static ai_int_t
ai_schema_type(ai_schema_t *s, ai_ref_t v, ai_int_t null)
{
    ai_int_t          list;
    ai_ref_t          e;
    const ai_json_t  *doc;

    doc = s->c->doc;
    list = null || ai_json_type(doc, v) == AI_JSON_ARRAY;

    if (list) {
        ai_buf_char(&s->b, '[');
    }

    for (e = ai_generate_first(doc, v);
         e != AI_JSON_NONE;
         e = ai_generate_next(doc, v, e))
    {
        if (ai_json_type(doc, e) != AI_JSON_STRING) {
            return ai_schema_bad(s, ": a type in it is no string.");
        }

        if (e != ai_generate_first(doc, v)) {
            ai_buf_char(&s->b, ',');
        }

        if (ai_json_is(doc, e, "null") || ai_json_is(doc, e, "NULL")) {
            null = 0;
        }

        ai_schema_lower(s, e);
    }

    if (null) {
        if (!s->b.failed && s->b.last[-1] != '[') {
            ai_buf_char(&s->b, ',');
        }

        ai_buf_lit(&s->b, "\"null\"");
    }

    if (list) {
        ai_buf_char(&s->b, ']');
    }

    return AI_OK;
}


static void
ai_schema_lower(ai_schema_t *s, ai_ref_t v)
{
    size_t     i;
    ai_esc_t   esc;
    ai_char_t  ch;

    esc = ai_json_esc(s->c->doc, v);

    ai_buf_char(&s->b, '"');

    for (i = 0; i < esc.len; i++) {
        ch = esc.data[i];

        /* in an escape capitals are digits only, of either case */

        ai_buf_char(&s->b, ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch);
    }

    ai_buf_char(&s->b, '"');
}


static ai_int_t
ai_schema_list(ai_schema_t *s, ai_ref_t v, ai_int_t null)
{
    ai_ref_t          e;
    const ai_json_t  *doc;

    doc = s->c->doc;

    if (ai_json_type(doc, v) != AI_JSON_ARRAY) {
        return ai_schema_bad(s, ": a list of schemas in it is no array.");
    }

    ai_buf_char(&s->b, '[');

    for (e = ai_json_first(doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(doc, v, e))
    {
        if (e != ai_json_first(doc, v)) {
            ai_buf_char(&s->b, ',');
        }

        if (ai_schema_value(s, e) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (null) {
        if (doc->node[v].count) {
            ai_buf_char(&s->b, ',');
        }

        ai_buf_lit(&s->b, "{\"type\":\"null\"}");
    }

    ai_buf_char(&s->b, ']');

    return AI_OK;
}


/* names of one's own, each with a schema */

static ai_int_t
ai_schema_map(ai_schema_t *s, ai_ref_t v)
{
    ai_raw_t          raw;
    ai_ref_t          key;
    const ai_json_t  *doc;

    doc = s->c->doc;

    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        return ai_schema_bad(s, ": its properties are no object.");
    }

    ai_buf_char(&s->b, '{');

    for (key = ai_json_first(doc, v);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, v, key))
    {
        if (key != ai_json_first(doc, v)) {
            ai_buf_char(&s->b, ',');
        }

        raw = ai_json_raw(doc, key);
        ai_buf_cat(&s->b, &raw);
        ai_buf_char(&s->b, ':');

        if (ai_schema_value(s, ai_json_value(doc, key)) != AI_OK) {
            return AI_ERROR;
        }
    }

    ai_buf_char(&s->b, '}');

    return AI_OK;
}


/* a list that has no null in it would forbid what "nullable" allows */

static ai_int_t
ai_schema_enum(ai_schema_t *s, ai_ref_t v, ai_int_t null)
{
    ai_ref_t          e;
    const ai_json_t  *doc;

    doc = s->c->doc;

    if (ai_json_type(doc, v) != AI_JSON_ARRAY) {
        return ai_schema_bad(s, ": an enum in it is no array.");
    }

    ai_buf_char(&s->b, '[');

    for (e = ai_json_first(doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(doc, v, e))
    {
        if (e != ai_json_first(doc, v)) {
            ai_buf_char(&s->b, ',');
        }

        if (ai_json_is_null(doc, e)) {
            null = 0;
        }

        ai_schema_copy(s, e);
    }

    if (null) {
        if (doc->node[v].count) {
            ai_buf_char(&s->b, ',');
        }

        ai_buf_lit(&s->b, "null");
    }

    ai_buf_char(&s->b, ']');

    return AI_OK;
}


static void
ai_schema_count(ai_schema_t *s, ai_ref_t v)
{
    size_t    i;
    ai_esc_t  esc;

    esc = ai_json_esc(s->c->doc, v);

    for (i = 0; i < esc.len; i++) {
        if (esc.data[i] < '0' || esc.data[i] > '9') {
            break;
        }
    }

    if (i == 0 || i != esc.len || (esc.data[0] == '0' && esc.len > 1)) {
        ai_schema_copy(s, v);
        return;
    }

    ai_buf_cat(&s->b, &esc);
}


static void
ai_schema_ref(ai_schema_t *s, ai_ref_t v)
{
    ai_esc_t  esc;

    esc = ai_json_esc(s->c->doc, v);

    if (esc.data == NULL || !ai_str_starts(&esc, "#/defs/")) {
        ai_schema_copy(s, v);
        return;
    }

    ai_buf_lit(&s->b, "\"#/$defs/");
    ai_buf_add(&s->b, esc.data + sizeof("#/defs/") - 1,
               esc.len - (sizeof("#/defs/") - 1));
    ai_buf_char(&s->b, '"');
}


static void
ai_schema_copy(ai_schema_t *s, ai_ref_t v)
{
    ai_raw_t  raw;

    raw = ai_json_raw(s->c->doc, v);
    ai_buf_cat(&s->b, &raw);
}
