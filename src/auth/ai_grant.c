
/*
 * Lists of patterns, and the names of tools that are held against them.
 */

#include <auth/ai_grant.h>


static ai_int_t ai_grant_array(const ai_json_t *doc, ai_ref_t array,
    unsigned gemini, const ai_pool_t *pool, ai_names_t *names);
static ai_int_t ai_grant_tool(const ai_json_t *doc, ai_ref_t tool,
    const ai_pool_t *pool, ai_names_t *names);
static ai_int_t ai_grant_gemini(const ai_json_t *doc, ai_ref_t tool,
    const ai_pool_t *pool, ai_names_t *names);
static ai_int_t ai_grant_members(const ai_json_t *doc, ai_ref_t object,
    const char *key, const ai_pool_t *pool, ai_names_t *names);
static ai_int_t ai_grant_add(const ai_json_t *doc, ai_ref_t v,
    const ai_pool_t *pool, ai_names_t *names);


/* those of $ai_operation */

static const ai_str_t  ai_grant_operations[] = {
    ai_string("chat"),
    ai_string("embeddings"),
    ai_string("rerank"),
    ai_string("count_tokens"),
    ai_string("models"),
    ai_string("moderations"),
    ai_string("images"),
    ai_string("speech"),
    ai_string("transcriptions"),
    ai_string("translations"),
    ai_string("responses"),
    ai_string("files"),
    ai_string("batches"),
    ai_string("passthrough"),
    ai_null_string
};


const ai_str_t *
ai_grant_operation(ai_uint_t i)
{
    return ai_grant_operations[i].len ? &ai_grant_operations[i] : NULL;
}


ai_int_t
ai_pattern_is_valid(const ai_str_t *pattern)
{
    const ai_char_t  *star;

    if (pattern->len == 0) {
        return 0;
    }

    star = memchr(pattern->data, '*', pattern->len);

    return star == NULL || star == pattern->data + pattern->len - 1;
}


ai_int_t
ai_grant_permits(const ai_grant_t *grant, ai_grant_e what,
    const ai_str_t *name)
{
    ai_uint_t             i;
    const ai_patterns_t  *list;

    if (grant == NULL) {
        return 1;
    }

    list = &grant->list[what];

    if (list->v == NULL) {
        return !grant->strict;
    }

    for (i = 0; i < list->n; i++) {
        if (ai_str_glob(&list->v[i], name)) {
            return 1;
        }
    }

    return 0;
}


ai_int_t
ai_grant_is_open(const ai_grant_t *grant, ai_grant_e what)
{
    if (grant == NULL) {
        return 1;
    }

    if (grant->list[what].v == NULL) {
        return !grant->strict;
    }

    return ai_grant_names(grant, what, &ai_lit("*"));
}


ai_int_t
ai_grant_names(const ai_grant_t *grant, ai_grant_e what, const ai_str_t *word)
{
    ai_uint_t             i;
    const ai_patterns_t  *list;

    list = &grant->list[what];

    for (i = 0; i < list->n; i++) {
        if (ai_str_eq(&list->v[i], word)) {
            return 1;
        }
    }

    return 0;
}


ai_int_t
ai_grant_tools(const ai_json_t *doc, unsigned gemini, const ai_pool_t *pool,
    ai_names_t *names)
{
    ai_ref_t  v;

    memset(names, 0, sizeof(ai_names_t));

    if (ai_json_type(doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        return AI_OK;
    }

    /* not the first of its name, but all of them */

    for (v = ai_json_first(doc, AI_JSON_ROOT);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, AI_JSON_ROOT, v))
    {
        if (!ai_json_is(doc, v, "tools") && !ai_json_is(doc, v, "functions")) {
            continue;
        }

        if (ai_grant_array(doc, ai_json_value(doc, v), gemini, pool, names)
            != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_grant_array(const ai_json_t *doc, ai_ref_t array, unsigned gemini,
    const ai_pool_t *pool, ai_names_t *names)
{
    ai_int_t  rc;
    ai_ref_t  v;

    if (ai_json_type(doc, array) == AI_JSON_OBJECT) {
        return gemini ? ai_grant_gemini(doc, array, pool, names)
                      : ai_grant_tool(doc, array, pool, names);
    }

    if (ai_json_type(doc, array) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (v = ai_json_first(doc, array);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, array, v))
    {
        rc = gemini ? ai_grant_gemini(doc, v, pool, names)
                    : ai_grant_tool(doc, v, pool, names);

        if (rc != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/*
 * {"type": "function", "function": {"name": ..}}, {"type": ..., "name": ..},
 * {"type": ..}; of several names each counts.
 */

static ai_int_t
ai_grant_tool(const ai_json_t *doc, ai_ref_t tool, const ai_pool_t *pool,
    ai_names_t *names)
{
    ai_ref_t   v;
    ai_uint_t  before;

    if (ai_json_type(doc, tool) != AI_JSON_OBJECT) {
        return ai_grant_add(doc, AI_JSON_NONE, pool, names);
    }

    before = names->n;

    for (v = ai_json_first(doc, tool);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, tool, v))
    {
        if (ai_json_is(doc, v, "name")) {
            if (ai_grant_add(doc, ai_json_value(doc, v), pool, names)
                != AI_OK)
            {
                return AI_ERROR;
            }

        } else if ((ai_json_is(doc, v, "function")
                    || ai_json_is(doc, v, "custom"))
                   && ai_grant_members(doc, ai_json_value(doc, v), "name",
                                       pool, names)
                      != AI_OK)
        {
            return AI_ERROR;
        }
    }

    if (names->n != before) {
        return AI_OK;
    }

    if (ai_grant_members(doc, tool, "type", pool, names) != AI_OK) {
        return AI_ERROR;
    }

    return names->n != before ? AI_OK
                              : ai_grant_add(doc, AI_JSON_NONE, pool, names);
}


/* {"functionDeclarations": [{"name": ..}], "googleSearch": {}} */

static ai_int_t
ai_grant_gemini(const ai_json_t *doc, ai_ref_t tool, const ai_pool_t *pool,
    ai_names_t *names)
{
    ai_int_t  rc;
    ai_ref_t  v;

    if (ai_json_type(doc, tool) != AI_JSON_OBJECT) {
        return ai_grant_add(doc, AI_JSON_NONE, pool, names);
    }

    for (v = ai_json_first(doc, tool);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, tool, v))
    {
        if (ai_json_is(doc, v, "functionDeclarations")
            || ai_json_is(doc, v, "function_declarations"))
        {
            rc = ai_grant_array(doc, ai_json_value(doc, v), 0, pool, names);

        } else {
            rc = ai_grant_add(doc, v, pool, names);
        }

        if (rc != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_grant_members(const ai_json_t *doc, ai_ref_t object, const char *key,
    const ai_pool_t *pool, ai_names_t *names)
{
    ai_ref_t  v;

    if (ai_json_type(doc, object) != AI_JSON_OBJECT) {
        return AI_OK;
    }

    for (v = ai_json_first(doc, object);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, object, v))
    {
        if (ai_json_is(doc, v, key)
            && ai_grant_add(doc, ai_json_value(doc, v), pool, names) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_grant_add(const ai_json_t *doc, ai_ref_t v, const ai_pool_t *pool,
    ai_names_t *names)
{
    ai_str_t   *p, name;
    ai_uint_t   n;

    memset(&name, 0, sizeof(ai_str_t));

    if (ai_json_type(doc, v) == AI_JSON_STRING
        && ai_json_str(doc, v, pool, &name) != AI_OK)
    {
        return AI_ERROR;
    }

    if (names->n == names->alloc) {
        n = names->alloc ? names->alloc * 2 : 16;

        p = ai_palloc(pool, n * sizeof(ai_str_t));
        if (p == NULL) {
            return AI_ERROR;
        }

        if (names->n) {
            memcpy(p, names->v, names->n * sizeof(ai_str_t));
            ai_pfree(pool, names->v);
        }

        names->v = p;
        names->alloc = n;
    }

    names->v[names->n++] = name;

    return AI_OK;
}
