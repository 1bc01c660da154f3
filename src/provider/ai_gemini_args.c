
/*
 * Arguments of a call that come in pieces ("partialArgs"): each names a place
 * by a JSON path and gives a value, or a piece of a string.  They come in
 * document order, so JSON text can be written as they come, knowing only the
 * path of the last one.
 */

#include <provider/ai_gemini_int.h>


static ai_int_t ai_gemini_args_one(ai_gemini_args_t *a, const ai_json_t *doc,
    ai_ref_t v, ai_buf_t *b, ai_buf_t *tmp);
static ai_int_t ai_gemini_args_path(ai_gemini_args_t *to,
    const ai_str_t *path);
static ai_int_t ai_gemini_args_step(ai_gemini_args_t *to, size_t off,
    size_t len, ai_int_t element);
static uint32_t ai_gemini_args_common(const ai_gemini_args_t *a,
    const ai_gemini_args_t *to);
static ai_int_t ai_gemini_args_same(const ai_gemini_args_t *a,
    const ai_gemini_args_t *to, uint32_t i);
static void ai_gemini_args_close(ai_gemini_args_t *a, uint32_t depth,
    ai_buf_t *b);
static void ai_gemini_args_open(ai_gemini_args_t *a,
    const ai_gemini_args_t *to, uint32_t depth, ai_buf_t *b);
static ai_int_t ai_gemini_args_value(ai_gemini_args_t *a,
    const ai_json_t *doc, ai_ref_t v, ai_buf_t *b);


void
ai_gemini_args_start(ai_gemini_args_t *a)
{
    a->n = 0;
    a->any = 0;
    a->string = 0;
}


ai_int_t
ai_gemini_args_add(ai_gemini_args_t *a, const ai_json_t *doc,
    ai_ref_t partial, ai_buf_t *b, ai_buf_t *tmp)
{
    ai_ref_t  v;

    if (ai_json_type(doc, partial) != AI_JSON_ARRAY) {
        return AI_ERROR;
    }

    for (v = ai_json_first(doc, partial);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, partial, v))
    {
        if (ai_gemini_args_one(a, doc, v, b, tmp) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


void
ai_gemini_args_end(ai_gemini_args_t *a, ai_buf_t *b)
{
    if (a->string) {
        ai_buf_char(b, '"');
        a->string = 0;
    }

    if (!a->any) {
        ai_buf_lit(b, "{}");
        return;
    }

    ai_gemini_args_close(a, 0, b);
    ai_buf_char(b, '}');
}


static ai_int_t
ai_gemini_args_one(ai_gemini_args_t *a, const ai_json_t *doc, ai_ref_t v,
    ai_buf_t *b, ai_buf_t *tmp)
{
    uint32_t          common;
    ai_esc_t          esc;
    ai_str_t          path;
    ai_gemini_args_t  to;

    esc = ai_json_esc(doc, ai_json_get(doc, v, "jsonPath"));

    ai_buf_reset(tmp);
    ai_json_unescape(tmp, &esc);
    path = ai_buf_str(tmp);

    if (tmp->failed || ai_gemini_args_path(&to, &path) != AI_OK) {
        return AI_ERROR;
    }

    common = ai_gemini_args_common(a, &to);

    if (a->any && common == a->n && common == to.n) {

        /* more of the same: a string's next piece, or its end */

        return a->string ? ai_gemini_args_value(a, doc, v, b) : AI_ERROR;
    }

    if (a->string) {
        ai_buf_char(b, '"');
        a->string = 0;
    }

    /* a value cannot have members, nor can an array turn into an object */

    if (a->any
        && (common == a->n || common == to.n
            || a->step[common].element != to.step[common].element))
    {
        return AI_ERROR;
    }

    if (a->any) {
        ai_gemini_args_close(a, common, b);
        ai_buf_char(b, ',');
    }

    ai_gemini_args_open(a, &to, common, b);

    memcpy(a->path, to.path, path.len);
    memcpy(a->step, to.step, to.n * sizeof(ai_gemini_step_t));
    a->n = to.n;
    a->any = 1;

    return ai_gemini_args_value(a, doc, v, b);
}


/* $.a['b c'][0] */

static ai_int_t
ai_gemini_args_path(ai_gemini_args_t *to, const ai_str_t *path)
{
    size_t     i, from;
    ai_char_t  quote;
    ai_int_t   rc;

    if (path->len < 2 || path->len > AI_GEMINI_ARGS_PATH
        || path->data[0] != '$')
    {
        return AI_ERROR;
    }

    memcpy(to->path, path->data, path->len);
    to->n = 0;
    rc = AI_OK;

    for (i = 1; i < path->len && rc == AI_OK; /* void */) {

        if (path->data[i] == '.') {
            from = ++i;

            while (i < path->len
                   && path->data[i] != '.' && path->data[i] != '[')
            {
                i++;
            }

            rc = ai_gemini_args_step(to, from, i - from, 0);
            continue;
        }

        if (path->data[i++] != '[' || i == path->len) {
            return AI_ERROR;
        }

        quote = path->data[i];

        if (quote != '\'' && quote != '"') {
            from = i;
            quote = ']';

        } else {
            from = ++i;
        }

        while (i < path->len && path->data[i] != quote) {
            i++;
        }

        rc = ai_gemini_args_step(to, from, i - from, quote == ']');

        if (quote != ']') {
            i++;
        }

        if (i >= path->len || path->data[i++] != ']') {
            return AI_ERROR;
        }
    }

    /* the arguments themselves are an object */

    return (rc == AI_OK && !to->step[0].element) ? AI_OK : AI_ERROR;
}


static ai_int_t
ai_gemini_args_step(ai_gemini_args_t *to, size_t off, size_t len,
    ai_int_t element)
{
    size_t  i;

    if (to->n == AI_GEMINI_ARGS_DEPTH || len == 0) {
        return AI_ERROR;
    }

    for (i = 0; element && i < len; i++) {
        if (to->path[off + i] < '0' || to->path[off + i] > '9') {
            return AI_ERROR;
        }
    }

    to->step[to->n].off = off;
    to->step[to->n].len = len;
    to->step[to->n].element = element;
    to->n++;

    return AI_OK;
}


static uint32_t
ai_gemini_args_common(const ai_gemini_args_t *a, const ai_gemini_args_t *to)
{
    uint32_t  i;

    for (i = 0; i < a->n && i < to->n; i++) {
        if (!ai_gemini_args_same(a, to, i)) {
            break;
        }
    }

    return i;
}


static ai_int_t
ai_gemini_args_same(const ai_gemini_args_t *a, const ai_gemini_args_t *to,
    uint32_t i)
{
    const ai_gemini_step_t  *s1, *s2;

    s1 = &a->step[i];
    s2 = &to->step[i];

    return s1->len == s2->len && s1->element == s2->element
           && memcmp(a->path + s1->off, to->path + s2->off, s1->len) == 0;
}


/* ends the containers below "depth", whose member depth is the last one */

static void
ai_gemini_args_close(ai_gemini_args_t *a, uint32_t depth, ai_buf_t *b)
{
    uint32_t  i;

    for (i = a->n; i > depth + 1; i--) {
        ai_buf_char(b, a->step[i - 1].element ? ']' : '}');
    }
}


static void
ai_gemini_args_open(ai_gemini_args_t *a, const ai_gemini_args_t *to,
    uint32_t depth, ai_buf_t *b)
{
    uint32_t  i;
    ai_str_t  name;

    for (i = depth; i < to->n; i++) {

        if (i > depth || !a->any) {
            ai_buf_char(b, to->step[i].element ? '[' : '{');
        }

        if (to->step[i].element) {
            continue;
        }

        name.data = (ai_char_t *) to->path + to->step[i].off;
        name.len = to->step[i].len;

        ai_buf_quote(b, &name);
        ai_buf_char(b, ':');
    }
}


static ai_int_t
ai_gemini_args_value(ai_gemini_args_t *a, const ai_json_t *doc, ai_ref_t v,
    ai_buf_t *b)
{
    ai_ref_t  k;
    ai_raw_t  raw;

    k = ai_json_get(doc, v, "stringValue");

    if (ai_json_type(doc, k) == AI_JSON_STRING) {

        if (!a->string) {
            ai_buf_char(b, '"');
            a->string = 1;
        }

        raw = ai_json_esc(doc, k);
        ai_buf_cat(b, &raw);

        if (ai_json_bool(doc, ai_json_get(doc, v, "willContinue")) != 1) {
            ai_buf_char(b, '"');
            a->string = 0;
        }

        return AI_OK;
    }

    if (a->string) {
        return AI_ERROR;
    }

    k = ai_json_get(doc, v, "numberValue");

    if (ai_json_type(doc, k) != AI_JSON_NUMBER) {
        k = ai_json_get(doc, v, "boolValue");

        if (ai_json_bool(doc, k) < 0) {

            if (ai_json_get(doc, v, "nullValue") == AI_JSON_NONE) {
                return AI_ERROR;
            }

            ai_buf_lit(b, "null");
            return AI_OK;
        }
    }

    raw = ai_json_raw(doc, k);
    ai_buf_cat(b, &raw);

    return AI_OK;
}
