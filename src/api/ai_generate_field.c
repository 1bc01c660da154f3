
#include <api/ai_generate_int.h>


/* of the names in the tables, underscores included */
#define AI_GENERATE_NAME_MAX  64


static ai_int_t ai_generate_is_name(const ai_str_t *s, const ai_str_t *name);
static ai_int_t ai_generate_folds(const ai_str_t *s, const ai_str_t *name);


/* s is the name, or the name with "_x" for each of its "X" */

static ai_int_t
ai_generate_is_name(const ai_str_t *s, const ai_str_t *name)
{
    size_t     i, n;
    ai_char_t  ch;

    if (s->len < name->len || s->data[0] != name->data[0]) {
        return 0;
    }

    if (s->len == name->len) {
        return memcmp(s->data, name->data, s->len) == 0;
    }

    n = 0;

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (ch >= 'A' && ch <= 'Z') {
            if (n == s->len || s->data[n++] != '_') {
                return 0;
            }

            ch |= 0x20;
        }

        if (n == s->len || s->data[n++] != ch) {
            return 0;
        }
    }

    return n == s->len;
}


ai_int_t
ai_generate_key_is(const ai_json_t *doc, ai_ref_t key, const ai_str_t *name)
{
    char       snake[AI_GENERATE_NAME_MAX];
    size_t     i, n;
    ai_str_t   s;
    ai_char_t  ch;

    if (!doc->node[key].escaped) {
        s = ai_json_esc(doc, key);
        return ai_generate_is_name(&s, name);
    }

    if (ai_json_equal(doc, key, (const char *) name->data, name->len)) {
        return 1;
    }

    for (i = 0, n = 0; i < name->len && n < sizeof(snake) - 2; i++) {
        ch = name->data[i];

        if (ch >= 'A' && ch <= 'Z') {
            snake[n++] = '_';
            ch |= 0x20;
        }

        snake[n++] = (char) ch;
    }

    return ai_json_equal(doc, key, snake, n);
}


ai_ref_t
ai_generate_get(const ai_json_t *doc, ai_ref_t object, const char *name)
{
    ai_ref_t  key;
    ai_str_t  s;

    if (ai_json_type(doc, object) != AI_JSON_OBJECT) {
        return AI_JSON_NONE;
    }

    s.data = (ai_char_t *) name;
    s.len = strlen(name);

    for (key = ai_json_first(doc, object);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, object, key))
    {
        if (ai_generate_key_is(doc, key, &s)) {
            return ai_json_value(doc, key);
        }
    }

    return AI_JSON_NONE;
}


ai_int_t
ai_generate_pick(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t object, const ai_str_t *names, ai_uint_t n, ai_ref_t *refs,
    ai_dropped_t *dropped)
{
    ai_ref_t          key, v;
    ai_str_t          s;
    ai_uint_t         i;
    const ai_json_t  *doc;

    doc = c->doc;

    for (i = 0; i < n; i++) {
        refs[i] = AI_JSON_NONE;
    }

    for (key = ai_json_first(doc, object);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, object, key))
    {
        v = ai_json_value(doc, key);

        for (i = 0; i < n; i++) {
            if (ai_generate_key_is(doc, key, &names[i])) {
                break;
            }
        }

        if (i == n) {
            if (dropped && !ai_json_is_null(doc, v)) {
                s = ai_json_esc(doc, key);
                ai_dropped_add_str(dropped, &s);
            }

            continue;
        }

        if (refs[i] != AI_JSON_NONE) {
            return ai_openai_bad_value(c, up, (const char *) names[i].data,
                                       ": the field is there twice.");
        }

        refs[i] = v;
    }

    for (i = 0; i < n; i++) {
        if (ai_json_is_null(doc, refs[i])) {
            refs[i] = AI_JSON_NONE;
        }
    }

    return AI_OK;
}


/* equal but for letter case and underscores */

static ai_int_t
ai_generate_folds(const ai_str_t *s, const ai_str_t *name)
{
    size_t     i, n;
    ai_char_t  ch, want;

    for (i = 0, n = 0; i < s->len; i++) {
        ch = s->data[i];

        if (ch == '_') {
            continue;
        }

        if (n == name->len) {
            return 0;
        }

        want = name->data[n++];
        ch = ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch;
        want = want >= 'A' && want <= 'Z' ? want | 0x20 : want;

        if (ch != want) {
            return 0;
        }
    }

    return n == name->len;
}


/* some back ends ignore case: "Contents" would be read there */

ai_int_t
ai_generate_case(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t object, const ai_str_t *names, ai_uint_t n)
{
    ai_ref_t   key;
    ai_str_t   s;
    ai_uint_t  i;

    for (key = ai_json_first(c->doc, object);
         key != AI_JSON_NONE;
         key = ai_json_next(c->doc, object, key))
    {
        if (ai_json_str(c->doc, key, c->pool, &s) != AI_OK) {
            return ai_openai_no_memory(c);
        }

        for (i = 0; i < n; i++) {
            if (ai_generate_folds(&s, &names[i])
                && !ai_generate_is_name(&s, &names[i]))
            {
                return ai_openai_bad_value(c, up,
                                 (const char *) names[i].data,
                                 ": its name is in another letter case.");
            }
        }
    }

    return AI_OK;
}


ai_uint_t
ai_generate_enum(const ai_json_t *doc, ai_ref_t v, const ai_str_t *names,
    ai_uint_t n)
{
    ai_str_t   s;
    ai_uint_t  i;

    s = ai_json_esc(doc, v);

    for (i = 0; i < n; i++) {
        if (s.data && ai_str_caseeq(&s, &names[i])) {
            break;
        }
    }

    return i;
}


ai_int_t
ai_generate_embed(const ai_openai_ctx_t *c, ai_ref_t v, ai_esc_t *out)
{
    ai_buf_t  b;
    ai_raw_t  raw;

    raw = ai_json_raw(c->doc, v);

    ai_buf_init(&b, c->pool);
    ai_json_embed(&b, &raw);

    if (b.failed) {
        return ai_openai_no_memory(c);
    }

    *out = ai_buf_str(&b);

    return AI_OK;
}


ai_ref_t
ai_generate_first(const ai_json_t *doc, ai_ref_t list)
{
    if (ai_json_type(doc, list) == AI_JSON_ARRAY) {
        return ai_json_first(doc, list);
    }

    return list;
}


ai_ref_t
ai_generate_next(const ai_json_t *doc, ai_ref_t list, ai_ref_t v)
{
    if (ai_json_type(doc, list) == AI_JSON_ARRAY) {
        return ai_json_next(doc, list, v);
    }

    return AI_JSON_NONE;
}
