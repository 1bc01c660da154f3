
#include <api/ai_peek_int.h>


#define AI_PEEK_MODEL_MAX  256


static ai_int_t ai_peek_key(const ai_openai_ctx_t *c, ai_ref_t key,
    ai_str_t *s);
static ai_int_t ai_peek_case(const ai_openai_ctx_t *c, const ai_str_t *s,
    const ai_str_t *names, ai_uint_t n);
static ai_uint_t ai_peek_find(const ai_str_t *s, const ai_str_t *names,
    ai_uint_t n);
static ai_esc_t ai_peek_start(const ai_esc_t *s, size_t max);


ai_int_t
ai_peek_root(const ai_openai_ctx_t *c)
{
    if (ai_json_type(c->doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        ai_error_set(c->err, AI_ERR_BAD_JSON,
                     "The request body must be a JSON object.");
        return AI_ERROR;
    }

    return ai_peek_unique(c, NULL, AI_JSON_ROOT);
}


ai_int_t
ai_peek_unique(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t object)
{
    ai_json_t  copy;

    /* the check notes its result in the doc it is given */

    copy = *c->doc;

    if (ai_json_unique(&copy, object) == AI_OK) {
        return AI_OK;
    }

    if (copy.error != AI_JSON_E_DUPLICATE) {
        return ai_openai_no_memory(c);
    }

    if (up) {
        return ai_openai_bad_value(c, up, NULL, ": it has a field twice.");
    }

    ai_error_set(c->err, AI_ERR_BAD_REQUEST,
                 "The request body has a field twice.");

    return AI_ERROR;
}


ai_int_t
ai_peek_walk(const ai_openai_ctx_t *c, const ai_str_t *names, ai_uint_t n,
    ai_uint_t decisions, ai_ref_t *refs)
{
    ai_ref_t   key, v;
    ai_str_t   s;
    ai_uint_t  i;

    for (i = 0; i < n; i++) {
        refs[i] = AI_JSON_NONE;
    }

    if (ai_peek_root(c) != AI_OK) {
        return AI_ERROR;
    }

    for (key = ai_json_first(c->doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(c->doc, AI_JSON_ROOT, key))
    {
        if (ai_peek_key(c, key, &s) != AI_OK) {
            return AI_ERROR;
        }

        i = ai_peek_find(&s, names, n);

        if (i == n) {
            if (ai_peek_case(c, &s, names, decisions) != AI_OK) {
                return AI_ERROR;
            }

            continue;
        }

        v = ai_json_value(c->doc, key);

        if (!ai_json_is_null(c->doc, v)) {
            refs[i] = v;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_peek_key(const ai_openai_ctx_t *c, ai_ref_t key, ai_str_t *s)
{
    *s = ai_json_esc(c->doc, key);

    if (c->doc->node[key].escaped
        && ai_json_str(c->doc, key, c->pool, s) != AI_OK)
    {
        return ai_openai_no_memory(c);
    }

    return AI_OK;
}


static ai_uint_t
ai_peek_find(const ai_str_t *s, const ai_str_t *names, ai_uint_t n)
{
    ai_uint_t  i;

    for (i = 0; i < n; i++) {
        if (s->len == names[i].len
            && memcmp(s->data, names[i].data, s->len) == 0)
        {
            break;
        }
    }

    return i;
}


/* some back ends ignore case: "Model" would be another model there */

static ai_int_t
ai_peek_case(const ai_openai_ctx_t *c, const ai_str_t *s,
    const ai_str_t *names, ai_uint_t n)
{
    ai_uint_t  i;

    for (i = 0; i < n; i++) {
        if (s->len == names[i].len && ai_str_caseeq(s, &names[i])) {
            return ai_openai_bad_value(c, NULL, (char *) names[i].data,
                                       ": its name must be in lower case.");
        }
    }

    return AI_OK;
}


/* U+FFFD is what a lone surrogate decodes to; the provider would read
 * something else */

ai_int_t
ai_peek_model(const ai_openai_ctx_t *c, ai_ref_t v, ai_str_t *model)
{
    size_t     i;
    ai_esc_t   esc;
    ai_char_t  ch, *p;

    if (ai_openai_word(c, NULL, "model", v, &esc) != AI_OK) {
        return AI_ERROR;
    }

    /* at most six bytes spell one */

    if (esc.len > AI_PEEK_MODEL_MAX * 6) {
        return ai_openai_bad_value(c, NULL, "model", ": it is too long.");
    }

    if (ai_json_str(c->doc, v, c->pool, model) != AI_OK) {
        return ai_openai_no_memory(c);
    }

    if (model->len > AI_PEEK_MODEL_MAX) {
        return ai_openai_bad_value(c, NULL, "model", ": it is too long.");
    }

    p = model->data;

    for (i = 0; i < model->len; i++) {
        ch = p[i];

        if (ch < 0x20 || ch == 0x7f
            || (ch == 0xc2 && i + 1 < model->len && p[i + 1] < 0xa0)
            || (ch == 0xef && model->len - i >= 3
                && p[i + 1] == 0xbf && p[i + 2] == 0xbd))
        {
            return ai_openai_bad_value(c, NULL, "model",
                                       ": it has control characters.");
        }
    }

    return AI_OK;
}


ai_int_t
ai_peek_text(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_str_t *out)
{
    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(c, up, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_str(c->doc, v, c->pool, out) != AI_OK) {
        return ai_openai_no_memory(c);
    }

    return AI_OK;
}


ai_int_t
ai_peek_stream(const ai_openai_ctx_t *c, ai_ref_t stream, ai_ref_t options,
    ai_peek_t *peek)
{
    int               on, usage;
    ai_ref_t          v;
    ai_openai_path_t  path;

    on = 0;
    usage = 0;
    v = AI_JSON_NONE;

    path.up = NULL;
    path.name = "stream_options";
    path.index = 0;

    if (ai_openai_flag(c, NULL, "stream", stream, &on) != AI_OK
        || ai_openai_want(c, &path, NULL, options, AI_JSON_OBJECT) != AI_OK)
    {
        return AI_ERROR;
    }

    if (options != AI_JSON_NONE) {
        if (ai_peek_unique(c, &path, options) != AI_OK) {
            return AI_ERROR;
        }

        v = ai_json_get(c->doc, options, "include_usage");

        if (!ai_json_is_null(c->doc, v)
            && ai_openai_flag(c, &path, "include_usage", v, &usage) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    peek->stream_ref = stream;
    peek->stream_options_ref = options;
    peek->include_usage_ref = v;
    peek->stream = on;
    peek->include_usage = usage;

    return AI_OK;
}


ai_int_t
ai_peek_user(const ai_openai_ctx_t *c, ai_ref_t user, ai_ref_t safety,
    ai_ref_t cache_key, ai_peek_t *peek)
{
    ai_str_t  id;

    memset(&id, 0, sizeof(ai_str_t));

    if (ai_peek_text(c, NULL, "user", user, &peek->user) != AI_OK
        || ai_peek_text(c, NULL, "safety_identifier", safety, &id) != AI_OK
        || ai_peek_text(c, NULL, "prompt_cache_key", cache_key,
                        &peek->cache_key) != AI_OK)
    {
        return AI_ERROR;
    }

    if (peek->user.len == 0) {
        peek->user = id;
    }

    return AI_OK;
}


ai_ref_t
ai_peek_last_user(const ai_json_t *doc, ai_ref_t messages)
{
    ai_ref_t  v, last;

    last = AI_JSON_NONE;

    for (v = ai_json_first(doc, messages);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, messages, v))
    {
        if (ai_json_type(doc, v) == AI_JSON_OBJECT
            && ai_json_is(doc, ai_json_get(doc, v, "role"), "user"))
        {
            last = v;
        }
    }

    return last;
}


ai_int_t
ai_peek_content(const ai_json_t *doc, ai_ref_t content, const char *type,
    const ai_pool_t *pool, size_t max, ai_str_t *out)
{
    ai_buf_t  b;
    ai_ref_t  v;

    ai_buf_init(&b, pool);

    if (ai_json_type(doc, content) == AI_JSON_STRING) {
        ai_peek_line(&b, doc, content, max);

    } else if (ai_json_type(doc, content) == AI_JSON_ARRAY) {

        for (v = ai_json_first(doc, content);
             v != AI_JSON_NONE && ai_buf_len(&b) < max;
             v = ai_json_next(doc, content, v))
        {
            if (ai_json_type(doc, v) == AI_JSON_OBJECT
                && ai_json_is(doc, ai_json_get(doc, v, "type"), type))
            {
                ai_peek_line(&b, doc, ai_json_get(doc, v, "text"), max);
            }
        }
    }

    if (b.failed) {
        return AI_ERROR;
    }

    *out = ai_buf_str(&b);
    out->len = ai_peek_cut(out, max);

    return AI_OK;
}


void
ai_peek_line(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v, size_t max)
{
    ai_esc_t  s;

    if (ai_buf_len(b)) {
        ai_buf_char(b, '\n');
    }

    s = ai_json_esc(doc, v);
    s = ai_peek_start(&s, max);
    ai_json_unescape(b, &s);
}


/*
 * A start of s that decodes to max bytes or more, or all of it; no escape is
 * cut.  A pair of surrogates may be, but then lies behind max.
 */

static ai_esc_t
ai_peek_start(const ai_esc_t *s, size_t max)
{
    size_t    i, n;
    ai_esc_t  cut;

    i = 0;

    for (n = 0; n < max && i < s->len; n++) {
        if (s->data[i] != '\\') {
            i++;

        } else if (i + 1 < s->len && s->data[i + 1] == 'u') {
            i += 6;

        } else {
            i += 2;
        }
    }

    /* the last plain byte may be the first of a sequence: ending within it
     * would not be UTF-8 */

    while (i < s->len && (s->data[i] & 0xc0) == 0x80) {
        i++;
    }

    cut.data = s->data;
    cut.len = ai_min(i, s->len);

    return cut;
}


size_t
ai_peek_cut(const ai_str_t *s, size_t max)
{
    size_t  n;

    if (s->len <= max) {
        return s->len;
    }

    for (n = max; n && (s->data[n] & 0xc0) == 0x80; n--) {
        /* void */
    }

    return n;
}
