
#include <api/ai_openai_int.h>

#include <stdio.h>


static void ai_openai_path_add(ai_buf_t *b, const ai_openai_path_t *p);
static ai_int_t ai_openai_path(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_str_t *out);
static ai_int_t ai_openai_fail(const ai_openai_ctx_t *c, ai_error_e kind,
    const ai_openai_path_t *up, const char *name, const char *before,
    const char *after, const char *code);
static const char *ai_openai_kind(const ai_openai_ctx_t *c, ai_ref_t v);


static void
ai_openai_add_cstr(ai_buf_t *b, const char *cstr)
{
    ai_buf_add(b, cstr, strlen(cstr));
}


static void
ai_openai_path_add(ai_buf_t *b, const ai_openai_path_t *p)
{
    if (p == NULL) {
        return;
    }

    ai_openai_path_add(b, p->up);

    if (p->name == NULL) {
        ai_buf_char(b, '[');
        ai_buf_int(b, p->index);
        ai_buf_char(b, ']');
        return;
    }

    if (p->up) {
        ai_buf_char(b, '.');
    }

    ai_openai_add_cstr(b, p->name);
}


static ai_int_t
ai_openai_path(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_str_t *out)
{
    ai_buf_t          b;
    ai_openai_path_t  p;

    ai_buf_init(&b, c->pool);

    p.up = up;
    p.name = name;
    p.index = 0;

    ai_openai_path_add(&b, name ? &p : up);

    if (b.failed) {
        return AI_ERROR;
    }

    *out = ai_buf_str(&b);

    return AI_OK;
}


ai_int_t
ai_openai_no_memory(const ai_openai_ctx_t *c)
{
    ai_error_set(c->err, AI_ERR_SERVER, "Out of memory.");
    return AI_ERROR;
}


/* the message is: before 'path' after */

static ai_int_t
ai_openai_fail(const ai_openai_ctx_t *c, ai_error_e kind,
    const ai_openai_path_t *up, const char *name, const char *before,
    const char *after, const char *code)
{
    ai_buf_t  b;
    ai_str_t  path;

    if (ai_openai_path(c, up, name, &path) != AI_OK) {
        return ai_openai_no_memory(c);
    }

    ai_buf_init(&b, c->pool);
    ai_openai_add_cstr(&b, before);
    ai_buf_lit(&b, " '");
    ai_buf_cat(&b, &path);
    ai_buf_char(&b, '\'');
    ai_openai_add_cstr(&b, after);

    if (b.failed) {
        return ai_openai_no_memory(c);
    }

    ai_error_set_param(c->err, kind, "", &path);
    c->err->message = ai_buf_str(&b);

    if (code) {
        c->err->code.data = (ai_char_t *) code;
        c->err->code.len = strlen(code);
    }

    return AI_ERROR;
}


static const char *
ai_openai_kind(const ai_openai_ctx_t *c, ai_ref_t v)
{
    static const char *const  kinds[] = {
        "nothing", "an object", "an array", "a string", "a number",
        "a boolean", "a boolean", "null"
    };

    return kinds[v == AI_JSON_NONE ? 0 : ai_json_type(c->doc, v)];
}


static const char *
ai_openai_type_name(ai_json_type_e type)
{
    switch (type) {

    case AI_JSON_OBJECT:
        return "an object";

    case AI_JSON_ARRAY:
        return "an array";

    case AI_JSON_STRING:
        return "a string";

    case AI_JSON_NUMBER:
        return "a number";

    default:
        return "a boolean";
    }
}


ai_int_t
ai_openai_bad_type(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, const char *want, ai_ref_t v)
{
    char  after[128];

    /* both words are from the tables above */

    (void) snprintf(after, sizeof(after), ": expected %s, but got %s instead.",
                    want, ai_openai_kind(c, v));

    return ai_openai_fail(c, AI_ERR_INVALID_VALUE, up, name,
                          "Invalid type for", after, "invalid_type");
}


ai_int_t
ai_openai_bad_value(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, const char *why)
{
    return ai_openai_fail(c, AI_ERR_INVALID_VALUE, up, name,
                          "Invalid value for", why, NULL);
}


ai_int_t
ai_openai_missing(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name)
{
    return ai_openai_fail(c, AI_ERR_INVALID_VALUE, up, name,
                          "Missing required parameter:", ".",
                          "missing_required_parameter");
}


ai_int_t
ai_openai_unsupported(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, const char *why)
{
    return ai_openai_fail(c, AI_ERR_UNSUPPORTED_PARAMETER, up, name,
                          "Unsupported parameter:", why, NULL);
}


void
ai_openai_pick(const ai_openai_ctx_t *c, ai_ref_t object,
    const ai_str_t *names, ai_uint_t n, ai_ref_t *refs)
{
    ai_ref_t         key, v;
    ai_str_t         s;
    ai_uint_t        i;
    const ai_json_t  *doc;

    doc = c->doc;

    for (i = 0; i < n; i++) {
        refs[i] = AI_JSON_NONE;
    }

    for (key = ai_json_first(doc, object);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, object, key))
    {
        s = ai_json_esc(doc, key);
        v = ai_json_value(doc, key);

        for (i = 0; i < n; i++) {
            if (doc->node[key].escaped
                ? !ai_json_is(doc, key, (const char *) names[i].data)
                : !ai_str_eq(&s, &names[i]))
            {
                continue;
            }

            if (refs[i] == AI_JSON_NONE && !ai_json_is_null(doc, v)) {
                refs[i] = v;
            }

            break;
        }
    }
}


ai_int_t
ai_openai_want(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_json_type_e type)
{
    if (v == AI_JSON_NONE || ai_json_type(c->doc, v) == type) {
        return AI_OK;
    }

    return ai_openai_bad_type(c, up, name, ai_openai_type_name(type), v);
}


ai_int_t
ai_openai_need(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_json_type_e type)
{
    if (v == AI_JSON_NONE) {
        return ai_openai_missing(c, up, name);
    }

    return ai_openai_want(c, up, name, v, type);
}


ai_int_t
ai_openai_esc(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_esc_t *out)
{
    if (ai_openai_want(c, up, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    *out = ai_json_esc(c->doc, v);

    return AI_OK;
}


ai_int_t
ai_openai_word(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_esc_t *out)
{
    ai_buf_t  b;
    ai_str_t  plain;

    if (ai_openai_need(c, up, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    *out = ai_json_esc(c->doc, v);

    if (out->len == 0) {
        return ai_openai_bad_value(c, up, name, ": it must not be empty.");
    }

    if (!c->doc->node[v].escaped) {
        return AI_OK;
    }

    if (ai_json_str(c->doc, v, c->pool, &plain) != AI_OK) {
        return ai_openai_no_memory(c);
    }

    ai_buf_init(&b, c->pool);
    ai_buf_escape(&b, &plain);

    if (b.failed) {
        return ai_openai_no_memory(c);
    }

    *out = ai_buf_str(&b);

    return AI_OK;
}


ai_int_t
ai_openai_flag(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, int *out)
{
    ai_int_t  b;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    b = ai_json_bool(c->doc, v);
    if (b == -1) {
        return ai_openai_bad_type(c, up, name, "a boolean", v);
    }

    *out = (int) b;

    return AI_OK;
}


ai_int_t
ai_openai_integer(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, int64_t min, int64_t max, int64_t *out)
{
    int64_t   n;
    ai_raw_t  raw;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_number(c, up, name, v, &raw) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_int(c->doc, v, &n) != AI_OK) {
        return ai_openai_bad_value(c, up, name, ": it must be an integer.");
    }

    if (n < min) {
        return ai_openai_bad_value(c, up, name, ": it is too small.");
    }

    if (n > max) {
        return ai_openai_bad_value(c, up, name, ": it is too large.");
    }

    *out = n;

    return AI_OK;
}


ai_int_t
ai_openai_number(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_raw_t *out)
{
    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(c, up, name, v, AI_JSON_NUMBER) != AI_OK) {
        return AI_ERROR;
    }

    *out = ai_json_raw(c->doc, v);

    if (out->len > AI_OPENAI_NUMBER_MAX) {
        return ai_openai_bad_value(c, up, name, ": the number is too long.");
    }

    return AI_OK;
}


ai_int_t
ai_openai_object(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_raw_t *out)
{
    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(c, up, name, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    *out = ai_json_raw(c->doc, v);

    return AI_OK;
}
