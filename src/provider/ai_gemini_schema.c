
/*
 * JSON schema -> the subset of OpenAPI 3.0's that Gemini models before 2.5
 * read: one type, "nullable" for null, string enums, no references.
 */

#include <provider/ai_gemini_int.h>


#define AI_GEMINI_SCHEMA_DEPTH  64
#define AI_GEMINI_SCHEMA_REFS   16      /* references within each other */
#define AI_GEMINI_SCHEMA_SAME   2       /* the same one among them */
#define AI_GEMINI_SCHEMA_MIN    65536


typedef enum {
    AI_GEMINI_TYPE = 0,
    AI_GEMINI_NULLABLE,
    AI_GEMINI_ENUM,
    AI_GEMINI_CONST,
    AI_GEMINI_FORMAT,
    AI_GEMINI_ITEMS,
    AI_GEMINI_PROPERTIES,
    AI_GEMINI_REQUIRED,
    AI_GEMINI_ANYOF,
    AI_GEMINI_ONEOF,
    AI_GEMINI_TEXT,             /* carried if a string */
    AI_GEMINI_NUMBER,           /* carried if a number */
    AI_GEMINI_ANY               /* carried */
} ai_gemini_word_e;


typedef struct {
    const char            *name;
    ai_gemini_word_e       kind;
} ai_gemini_word_t;


typedef struct {
    ai_buf_t              *b;
    const ai_json_t       *doc;
    size_t                 start;
    size_t                 max;
    uint64_t               work;        /* members looked at */
    uint32_t               depth;
    uint32_t               refs;
    ai_ref_t               ref[AI_GEMINI_SCHEMA_REFS];
    unsigned               large:1;
} ai_gemini_schema_t;


/* one schema object on its way out: what it has already */
typedef struct {
    uint32_t               done;        /* bits of ai_gemini_words[] */
    unsigned               any:1;       /* a member was written */
    unsigned               nullable:1;
    unsigned               object:1;    /* has properties */
    unsigned               array:1;     /* has items */
    unsigned               string:1;    /* has an enum */
} ai_gemini_object_t;


static void ai_gemini_schema_value(ai_gemini_schema_t *s, ai_ref_t v);
static void ai_gemini_schema_members(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static void ai_gemini_schema_word(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_uint_t w, ai_ref_t v);
static ai_int_t ai_gemini_schema_type(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static ai_int_t ai_gemini_schema_types(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static ai_int_t ai_gemini_schema_enum(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static ai_int_t ai_gemini_schema_format(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static ai_int_t ai_gemini_schema_properties(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static ai_int_t ai_gemini_schema_required(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static ai_int_t ai_gemini_schema_anyof(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static void ai_gemini_schema_also(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, ai_ref_t v);
static void ai_gemini_schema_work(ai_gemini_schema_t *s, ai_ref_t v);
static ai_ref_t ai_gemini_schema_ref(ai_gemini_schema_t *s, ai_ref_t ref);
static ai_int_t ai_gemini_schema_key(const ai_esc_t *key,
    const ai_char_t *p, size_t len);
static ai_int_t ai_gemini_schema_null(const ai_json_t *doc, ai_ref_t v);
static void ai_gemini_schema_name(ai_gemini_schema_t *s,
    ai_gemini_object_t *o, const char *name);


/* in the order in which they are written; a word that ends up under another's
 * name has that one's bit too */
static const ai_gemini_word_t  ai_gemini_words[] = {
    { "type", AI_GEMINI_TYPE },
    { "nullable", AI_GEMINI_NULLABLE },
    { "title", AI_GEMINI_TEXT },
    { "description", AI_GEMINI_TEXT },
    { "format", AI_GEMINI_FORMAT },
    { "enum", AI_GEMINI_ENUM },
    { "const", AI_GEMINI_CONST },
    { "properties", AI_GEMINI_PROPERTIES },
    { "required", AI_GEMINI_REQUIRED },
    { "propertyOrdering", AI_GEMINI_REQUIRED },
    { "items", AI_GEMINI_ITEMS },
    { "anyOf", AI_GEMINI_ANYOF },
    { "oneOf", AI_GEMINI_ONEOF },
    { "minItems", AI_GEMINI_NUMBER },
    { "maxItems", AI_GEMINI_NUMBER },
    { "minLength", AI_GEMINI_NUMBER },
    { "maxLength", AI_GEMINI_NUMBER },
    { "minProperties", AI_GEMINI_NUMBER },
    { "maxProperties", AI_GEMINI_NUMBER },
    { "minimum", AI_GEMINI_NUMBER },
    { "maximum", AI_GEMINI_NUMBER },
    { "pattern", AI_GEMINI_TEXT },
    { "default", AI_GEMINI_ANY },
    { "example", AI_GEMINI_ANY }
};

#define AI_GEMINI_NWORDS                                                      \
    (sizeof(ai_gemini_words) / sizeof(ai_gemini_words[0]))

#define AI_GEMINI_BIT_TYPE    0x0001
#define AI_GEMINI_BIT_ENUM    0x0020
#define AI_GEMINI_BIT_CONST   0x0040
#define AI_GEMINI_BIT_ANYOF   0x0800
#define AI_GEMINI_BIT_ONEOF   0x1000


ai_int_t
ai_gemini_schema(ai_buf_t *b, ai_json_t *doc, const ai_raw_t *schema)
{
    ai_ref_t            v;
    ai_gemini_schema_t  s;

    if (ai_json_parse(doc, schema, NULL) != AI_OK) {

        if (doc->error == AI_JSON_E_MEMORY) {
            b->failed = 1;
        }

        return AI_ERROR;
    }

    v = AI_JSON_ROOT;

    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        return AI_ERROR;
    }

    /* an object that can have no members is refused in this form; a function
     * without arguments says nothing instead */

    if (ai_json_is(doc, ai_json_get(doc, v, "type"), "object")
        && ai_json_first(doc, ai_json_get(doc, v, "properties"))
           == AI_JSON_NONE
        && ai_json_get(doc, v, "$ref") == AI_JSON_NONE
        && ai_json_get(doc, v, "allOf") == AI_JSON_NONE
        && ai_json_get(doc, v, "anyOf") == AI_JSON_NONE
        && ai_json_get(doc, v, "oneOf") == AI_JSON_NONE)
    {
        return AI_DECLINED;
    }

    memset(&s, 0, sizeof(ai_gemini_schema_t));

    s.b = b;
    s.doc = doc;
    s.start = ai_buf_len(b);
    s.max = schema->len * 4 + AI_GEMINI_SCHEMA_MIN;

    ai_gemini_schema_value(&s, v);

    return (b->failed || s.large) ? AI_ERROR : AI_OK;
}


static void
ai_gemini_schema_value(ai_gemini_schema_t *s, ai_ref_t v)
{
    ai_gemini_object_t  o;

    memset(&o, 0, sizeof(ai_gemini_object_t));

    ai_buf_char(s->b, '{');

    if (s->depth < AI_GEMINI_SCHEMA_DEPTH) {
        s->depth++;
        ai_gemini_schema_members(s, &o, v);
        s->depth--;
    }

    if (!(o.done & (AI_GEMINI_BIT_TYPE|AI_GEMINI_BIT_ANYOF))) {
        ai_gemini_schema_name(s, &o, "type");

        if (o.array) {
            ai_buf_lit(s->b, "\"array\"");

        } else if (o.string) {
            ai_buf_lit(s->b, "\"string\"");

        } else {
            ai_buf_lit(s->b, "\"object\"");
        }
    }

    if (o.nullable) {
        ai_gemini_schema_name(s, &o, "nullable");
        ai_buf_lit(s->b, "true");
    }

    ai_buf_char(s->b, '}');

    if (ai_buf_len(s->b) - s->start > s->max) {
        s->large = 1;
    }
}


/* v's members, and those of what it refers to; what came first stays */

static void
ai_gemini_schema_members(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    ai_ref_t   k, all;
    ai_uint_t  w;

    if (ai_json_type(s->doc, v) != AI_JSON_OBJECT) {
        return;
    }

    ai_gemini_schema_work(s, v);

    for (w = 0; w < AI_GEMINI_NWORDS && !s->large && !s->b->failed; w++) {

        if (o->done & (1u << w)) {
            continue;
        }

        k = ai_json_get(s->doc, v, ai_gemini_words[w].name);

        if (k != AI_JSON_NONE) {
            ai_gemini_schema_word(s, o, w, k);
        }
    }

    k = ai_json_get(s->doc, v, "$ref");

    if (k != AI_JSON_NONE) {
        ai_gemini_schema_also(s, o, ai_gemini_schema_ref(s, k));
    }

    all = ai_json_get(s->doc, v, "allOf");

    if (ai_json_type(s->doc, all) != AI_JSON_ARRAY) {
        return;
    }

    for (k = ai_json_first(s->doc, all);
         k != AI_JSON_NONE && !s->large;
         k = ai_json_next(s->doc, all, k))
    {
        ai_gemini_schema_also(s, o, k);
    }
}


/* references may go in circles, and branch: neither may cost more than the
 * schema's size accounts for */

static void
ai_gemini_schema_work(ai_gemini_schema_t *s, ai_ref_t v)
{
    s->work += s->doc->node[v].count + 1;

    if (s->work > (uint64_t) s->doc->n * 8 + AI_GEMINI_SCHEMA_MIN) {
        s->large = 1;
    }
}


static void
ai_gemini_schema_also(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    uint32_t  i, same;

    if (v == AI_JSON_NONE || s->large || s->refs >= AI_GEMINI_SCHEMA_REFS) {
        return;
    }

    same = 0;

    for (i = 0; i < s->refs; i++) {
        same += (s->ref[i] == v);
    }

    if (same >= AI_GEMINI_SCHEMA_SAME) {
        return;
    }

    s->ref[s->refs++] = v;
    ai_gemini_schema_members(s, o, v);
    s->refs--;
}


static void
ai_gemini_schema_word(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_uint_t w, ai_ref_t v)
{
    ai_int_t               done;
    ai_raw_t               raw;
    ai_json_type_e         type;
    const ai_gemini_word_t  *word;

    word = &ai_gemini_words[w];
    type = ai_json_type(s->doc, v);
    done = 0;

    switch (word->kind) {

    case AI_GEMINI_TYPE:
        done = ai_gemini_schema_type(s, o, v);
        break;

    case AI_GEMINI_NULLABLE:
        o->nullable |= (type == AI_JSON_TRUE);
        return;

    case AI_GEMINI_ENUM:
    case AI_GEMINI_CONST:

        if (!(o->done & (AI_GEMINI_BIT_ENUM|AI_GEMINI_BIT_CONST))) {
            done = ai_gemini_schema_enum(s, o, v);
        }

        break;

    case AI_GEMINI_FORMAT:
        done = ai_gemini_schema_format(s, o, v);
        break;

    case AI_GEMINI_ITEMS:

        if (type == AI_JSON_ARRAY) {
            v = ai_json_first(s->doc, v);
        }

        if (ai_json_type(s->doc, v) == AI_JSON_OBJECT) {
            o->array = 1;
            ai_gemini_schema_name(s, o, "items");
            ai_gemini_schema_value(s, v);
            done = 1;
        }

        break;

    case AI_GEMINI_PROPERTIES:
        done = ai_gemini_schema_properties(s, o, v);
        break;

    case AI_GEMINI_REQUIRED:
        done = ai_gemini_schema_required(s, o, v);

        if (done) {
            raw = ai_json_raw(s->doc, v);
            ai_gemini_schema_name(s, o, word->name);
            ai_buf_cat(s->b, &raw);
        }

        break;

    case AI_GEMINI_ANYOF:
    case AI_GEMINI_ONEOF:

        if (!(o->done & (AI_GEMINI_BIT_ANYOF|AI_GEMINI_BIT_ONEOF))) {
            done = ai_gemini_schema_anyof(s, o, v);
        }

        if (done) {
            o->done |= AI_GEMINI_BIT_ANYOF;
        }

        break;

    case AI_GEMINI_TEXT:
    case AI_GEMINI_NUMBER:
    case AI_GEMINI_ANY:

        if ((word->kind == AI_GEMINI_TEXT && type != AI_JSON_STRING)
            || (word->kind == AI_GEMINI_NUMBER && type != AI_JSON_NUMBER))
        {
            return;
        }

        raw = ai_json_raw(s->doc, v);
        ai_gemini_schema_name(s, o, word->name);
        ai_buf_cat(s->b, &raw);
        done = 1;

        break;
    }

    if (done) {
        o->done |= 1u << w;
    }
}


static void
ai_gemini_schema_name(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    const char *name)
{
    if (o->any) {
        ai_buf_char(s->b, ',');
    }

    o->any = 1;

    ai_buf_char(s->b, '"');
    ai_buf_add(s->b, name, strlen(name));
    ai_buf_lit(s->b, "\":");
}


static ai_int_t
ai_gemini_schema_type(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    ai_raw_t  raw;

    if (ai_json_type(s->doc, v) == AI_JSON_ARRAY) {
        return ai_gemini_schema_types(s, o, v);
    }

    if (ai_json_type(s->doc, v) != AI_JSON_STRING) {
        return 0;
    }

    raw = ai_json_raw(s->doc, v);
    ai_gemini_schema_name(s, o, "type");
    ai_buf_cat(s->b, &raw);

    return 1;
}


/* ["string","null"], and several types as anyOf */

static ai_int_t
ai_gemini_schema_types(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    ai_ref_t   k, first;
    ai_raw_t   raw;
    ai_uint_t  n;

    n = 0;
    first = AI_JSON_NONE;

    for (k = ai_json_first(s->doc, v);
         k != AI_JSON_NONE;
         k = ai_json_next(s->doc, v, k))
    {
        if (ai_json_is(s->doc, k, "null")) {
            o->nullable = 1;

        } else if (ai_json_type(s->doc, k) == AI_JSON_STRING) {
            first = n == 0 ? k : first;
            n++;
        }
    }

    if (n <= 1) {
        return n == 0 ? 0 : ai_gemini_schema_type(s, o, first);
    }

    ai_gemini_schema_name(s, o, "anyOf");
    ai_buf_char(s->b, '[');

    for (k = first; k != AI_JSON_NONE; k = ai_json_next(s->doc, v, k)) {

        if (ai_json_type(s->doc, k) != AI_JSON_STRING
            || ai_json_is(s->doc, k, "null"))
        {
            continue;
        }

        if (k != first) {
            ai_buf_char(s->b, ',');
        }

        raw = ai_json_raw(s->doc, k);

        ai_buf_lit(s->b, "{\"type\":");
        ai_buf_cat(s->b, &raw);
        ai_buf_char(s->b, '}');
    }

    ai_buf_char(s->b, ']');

    o->done |= AI_GEMINI_BIT_ANYOF;

    return 1;
}


/* strings only; of anything else the values are not said */

static ai_int_t
ai_gemini_schema_enum(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    ai_ref_t        k;
    ai_raw_t        raw;
    ai_uint_t       n;
    ai_json_type_e  type;

    type = ai_json_type(s->doc, v);

    if (type == AI_JSON_STRING) {
        raw = ai_json_raw(s->doc, v);

        ai_gemini_schema_name(s, o, "enum");
        ai_buf_char(s->b, '[');
        ai_buf_cat(s->b, &raw);
        ai_buf_char(s->b, ']');

        o->string = 1;

        return 1;
    }

    if (type != AI_JSON_ARRAY) {
        return 0;
    }

    n = 0;

    for (k = ai_json_first(s->doc, v);
         k != AI_JSON_NONE;
         k = ai_json_next(s->doc, v, k))
    {
        type = ai_json_type(s->doc, k);

        if (type == AI_JSON_NULL) {
            o->nullable = 1;

        } else if (type == AI_JSON_STRING) {
            n++;

        } else {
            return 0;
        }
    }

    if (n == 0) {
        return 0;
    }

    ai_gemini_schema_name(s, o, "enum");
    ai_buf_char(s->b, '[');

    for (k = ai_json_first(s->doc, v);
         k != AI_JSON_NONE;
         k = ai_json_next(s->doc, v, k))
    {
        if (ai_json_type(s->doc, k) != AI_JSON_STRING) {
            continue;
        }

        raw = ai_json_raw(s->doc, k);
        ai_buf_cat(s->b, &raw);

        if (--n != 0) {
            ai_buf_char(s->b, ',');
        }
    }

    ai_buf_char(s->b, ']');

    o->string = 1;

    return 1;
}


static ai_int_t
ai_gemini_schema_format(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    ai_raw_t   raw;
    ai_uint_t  i;

    static const char  *const known[] = {
        "enum", "date-time", "int32", "int64", "float", "double", NULL
    };

    for (i = 0; known[i] != NULL; i++) {

        if (ai_json_is(s->doc, v, known[i])) {
            raw = ai_json_raw(s->doc, v);
            ai_gemini_schema_name(s, o, "format");
            ai_buf_cat(s->b, &raw);
            return 1;
        }
    }

    return 0;
}


static ai_int_t
ai_gemini_schema_properties(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    ai_ref_t   k;
    ai_raw_t   raw;
    ai_uint_t  n;

    if (ai_json_type(s->doc, v) != AI_JSON_OBJECT) {
        return 0;
    }

    n = 0;
    o->object = 1;

    ai_gemini_schema_name(s, o, "properties");
    ai_buf_char(s->b, '{');

    for (k = ai_json_first(s->doc, v);
         k != AI_JSON_NONE && !s->large && !s->b->failed;
         k = ai_json_next(s->doc, v, k))
    {
        if (n++ != 0) {
            ai_buf_char(s->b, ',');
        }

        raw = ai_json_raw(s->doc, k);
        ai_buf_cat(s->b, &raw);
        ai_buf_char(s->b, ':');

        ai_gemini_schema_value(s, ai_json_value(s->doc, k));
    }

    ai_buf_char(s->b, '}');

    return 1;
}


static ai_int_t
ai_gemini_schema_required(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    ai_ref_t  k;

    (void) o;

    if (ai_json_type(s->doc, v) != AI_JSON_ARRAY) {
        return 0;
    }

    for (k = ai_json_first(s->doc, v);
         k != AI_JSON_NONE;
         k = ai_json_next(s->doc, v, k))
    {
        if (ai_json_type(s->doc, k) != AI_JSON_STRING) {
            return 0;
        }
    }

    return 1;
}


static ai_int_t
ai_gemini_schema_null(const ai_json_t *doc, ai_ref_t v)
{
    return ai_json_is(doc, ai_json_get(doc, v, "type"), "null");
}


/* "or null" is nullable; a choice of one is that one */

static ai_int_t
ai_gemini_schema_anyof(ai_gemini_schema_t *s, ai_gemini_object_t *o,
    ai_ref_t v)
{
    ai_ref_t   k, one;
    ai_uint_t  n;

    if (ai_json_type(s->doc, v) != AI_JSON_ARRAY) {
        return 0;
    }

    n = 0;
    one = AI_JSON_NONE;

    for (k = ai_json_first(s->doc, v);
         k != AI_JSON_NONE;
         k = ai_json_next(s->doc, v, k))
    {
        if (ai_json_type(s->doc, k) != AI_JSON_OBJECT) {
            continue;
        }

        if (ai_gemini_schema_null(s->doc, k)) {
            o->nullable = 1;
            continue;
        }

        one = k;
        n++;
    }

    if (n <= 1) {
        ai_gemini_schema_also(s, o, one);
        return 0;
    }

    ai_gemini_schema_name(s, o, "anyOf");
    ai_buf_char(s->b, '[');

    for (k = ai_json_first(s->doc, v);
         k != AI_JSON_NONE;
         k = ai_json_next(s->doc, v, k))
    {
        if (ai_json_type(s->doc, k) != AI_JSON_OBJECT
            || ai_gemini_schema_null(s->doc, k))
        {
            continue;
        }

        ai_gemini_schema_value(s, k);

        if (--n != 0) {
            ai_buf_char(s->b, ',');
        }

        if (s->large || s->b->failed) {
            break;
        }
    }

    ai_buf_char(s->b, ']');

    return 1;
}


/* "#/$defs/Name", "#", or nothing of ours */

static ai_ref_t
ai_gemini_schema_ref(ai_gemini_schema_t *s, ai_ref_t ref)
{
    size_t            len;
    ai_esc_t          p, key;
    ai_ref_t          v, k, found;
    ai_char_t        *slash;
    const ai_json_t  *doc;

    doc = s->doc;
    p = ai_json_esc(doc, ref);

    if (p.len == 0 || p.data[0] != '#') {
        return AI_JSON_NONE;
    }

    v = AI_JSON_ROOT;
    p.data++;
    p.len--;

    while (p.len != 0 && p.data[0] == '/') {
        p.data++;
        p.len--;

        slash = memchr(p.data, '/', p.len);
        len = slash != NULL ? (size_t) (slash - p.data) : p.len;

        if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
            return AI_JSON_NONE;
        }

        ai_gemini_schema_work(s, v);
        found = AI_JSON_NONE;

        for (k = ai_json_first(doc, v);
             k != AI_JSON_NONE;
             k = ai_json_next(doc, v, k))
        {
            key = ai_json_esc(doc, k);

            if (ai_gemini_schema_key(&key, p.data, len)) {
                found = ai_json_value(doc, k);
                break;
            }
        }

        if (found == AI_JSON_NONE) {
            return AI_JSON_NONE;
        }

        v = found;
        p.data += len;
        p.len -= len;
    }

    return p.len == 0 ? v : AI_JSON_NONE;
}


/* a key against a piece of a JSON pointer, where ~1 is "/" and ~0 is "~" */

static ai_int_t
ai_gemini_schema_key(const ai_esc_t *key, const ai_char_t *p, size_t len)
{
    size_t     i, k;
    ai_char_t  c;

    k = 0;

    for (i = 0; i < len; i++) {
        c = p[i];

        if (c == '~' && i + 1 < len && (p[i + 1] == '0' || p[i + 1] == '1')) {
            c = p[++i] == '0' ? '~' : '/';
        }

        if (k == key->len || key->data[k++] != c) {
            return 0;
        }
    }

    return k == key->len;
}
