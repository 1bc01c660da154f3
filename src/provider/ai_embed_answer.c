
/*
 * Answers with vectors.
 *
 * 2048 vectors of 1536 numbers are three million values in 40 MB.  One pass
 * over the text checks the numbers of arrays that have nothing else and leaves
 * a short text, which is then read as any other.
 */

#include <provider/ai_embed_wire_int.h>


#define AI_EMBED_ARRAYS_MIN  16
#define AI_EMBED_ARRAYS_MORE 64     /* that are no vectors */


static ai_int_t ai_embed_fold(ai_embed_answer_t *a);
static const ai_char_t *ai_embed_skip_string(const ai_char_t *p,
    const ai_char_t *end);
static const ai_char_t *ai_embed_skip_array(const ai_char_t *p,
    const ai_char_t *end);
static const ai_char_t *ai_embed_skip_number(const ai_char_t *p,
    const ai_char_t *end);
static const ai_char_t *ai_embed_skip_blank(const ai_char_t *p,
    const ai_char_t *end);
static const ai_char_t *ai_embed_skip_digits(const ai_char_t *p,
    const ai_char_t *end);
static ai_int_t ai_embed_note(ai_embed_answer_t *a, const ai_char_t *from,
    const ai_char_t *to);
static ai_int_t ai_embed_no_memory(ai_embed_answer_t *a);
static ai_int_t ai_embed_base64_ok(const ai_str_t *s, ai_int_t floats);


/* of base64 */

static const ai_char_t  ai_embed_digits[256] = {
    ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['0' ... '9'] = 1,
    ['+'] = 1, ['/'] = 1
};


ai_int_t
ai_embed_open(ai_embed_answer_t *a, const ai_target_t *t,
    const ai_call_t *call, const ai_str_t *body, const ai_pool_t *pool,
    ai_result_t *res, ai_error_t *err)
{
    ai_ref_t  error;
    ai_str_t  text;

    memset(err, 0, sizeof(ai_error_t));
    memset(a, 0, sizeof(ai_embed_answer_t));

    err->retry_after = -1;

    a->target = t;
    a->body = body;
    a->pool = pool;
    a->res = res;
    a->err = err;

    ai_json_init(&a->doc, pool);
    ai_buf_init(&a->text, pool);

    /* a vector may be there once for each type */

    a->max = call->u.embed.n <= UINT32_MAX / 16
             ? call->u.embed.n * 8 + AI_EMBED_ARRAYS_MORE : UINT32_MAX;

    if (ai_embed_fold(a) != AI_OK) {
        return AI_ERROR;
    }

    text = a->n ? ai_buf_str(&a->text) : *body;

    if (ai_json_parse(&a->doc, &text, NULL) != AI_OK) {
        return a->doc.error == AI_JSON_E_MEMORY ? ai_embed_no_memory(a)
                                                : AI_ERROR;
    }

    error = ai_json_get(&a->doc, AI_JSON_ROOT, "error");

    if (!ai_json_is_null(&a->doc, error)) {
        return ai_embed_invalid(a);
    }

    res->vectors = ai_pcalloc(pool, call->u.embed.n * sizeof(ai_vector_t));
    if (res->vectors == NULL) {
        return ai_embed_no_memory(a);
    }

    res->n = call->u.embed.n;

    return AI_OK;
}


ai_int_t
ai_embed_invalid(ai_embed_answer_t *a)
{
    size_t  i;

    static const char *const  names[] = {
        "error", "message", "detail", "errors"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!ai_json_is_null(&a->doc,
                             ai_json_get(&a->doc, AI_JSON_ROOT, names[i])))
        {
            ai_provider_error(a->target->provider, 0, a->body, a->pool,
                              a->err);
            break;
        }
    }

    return AI_ERROR;
}


static ai_int_t
ai_embed_no_memory(ai_embed_answer_t *a)
{
    ai_error_set(a->err, AI_ERR_SERVER, "Out of memory.");
    return AI_ERROR;
}


/*
 * Nothing is copied until the first array of numbers is found.  An array that
 * turns out to have other things in it is looked at again from its second
 * byte; what is in it was not an array, so no byte is read three times.
 */

static ai_int_t
ai_embed_fold(ai_embed_answer_t *a)
{
    const ai_char_t  *p, *end, *from, *to;

    from = a->body->data;
    end = from + a->body->len;

    for (p = from; p < end; /* void */) {

        if (*p == '"') {
            p = ai_embed_skip_string(p, end);
            continue;
        }

        if (*p != '[') {
            p++;
            continue;
        }

        to = ai_embed_skip_array(p, end);

        if (to == NULL) {
            p++;
            continue;
        }

        ai_buf_add(&a->text, from, (size_t) (p - from));

        if (ai_embed_note(a, p, to) != AI_OK) {
            return AI_ERROR;
        }

        p = to;
        from = to;
    }

    ai_buf_add(&a->text, from, a->n ? (size_t) (end - from) : 0);

    return a->text.failed ? ai_embed_no_memory(a) : AI_OK;
}


static const ai_char_t *
ai_embed_skip_string(const ai_char_t *p, const ai_char_t *end)
{
    const ai_char_t  *quote, *q;

    for ( ;; ) {
        p++;

        quote = memchr(p, '"', (size_t) (end - p));

        if (quote == NULL) {
            return end;
        }

        for (q = quote; q > p && q[-1] == '\\'; q--) {
            /* void */
        }

        p = quote;

        if ((quote - q) % 2 == 0) {
            return p + 1;
        }
    }
}


/* behind the array, or NULL: it has something that is no number, or nothing */

static const ai_char_t *
ai_embed_skip_array(const ai_char_t *p, const ai_char_t *end)
{
    for ( ;; ) {
        p = ai_embed_skip_number(ai_embed_skip_blank(p + 1, end), end);

        if (p == NULL) {
            return NULL;
        }

        p = ai_embed_skip_blank(p, end);

        if (p == end) {
            return NULL;
        }

        if (*p == ']') {
            return p + 1;
        }

        if (*p != ',') {
            return NULL;
        }
    }
}


static const ai_char_t *
ai_embed_skip_number(const ai_char_t *p, const ai_char_t *end)
{
    const ai_char_t  *digits;

    if (p < end && *p == '-') {
        p++;
    }

    digits = p;
    p = ai_embed_skip_digits(p, end);

    if (p == NULL || (*digits == '0' && p - digits > 1)) {
        return NULL;
    }

    if (p < end && *p == '.') {
        p = ai_embed_skip_digits(p + 1, end);

        if (p == NULL) {
            return NULL;
        }
    }

    if (p < end && (*p | 0x20) == 'e') {
        p++;

        if (p < end && (*p == '-' || *p == '+')) {
            p++;
        }

        p = ai_embed_skip_digits(p, end);
    }

    return p;
}


/* at least one, or NULL */

static const ai_char_t *
ai_embed_skip_digits(const ai_char_t *p, const ai_char_t *end)
{
    const ai_char_t  *start;

    start = p;

    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    return p == start ? NULL : p;
}


static const ai_char_t *
ai_embed_skip_blank(const ai_char_t *p, const ai_char_t *end)
{
    while (p < end
           && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    {
        p++;
    }

    return p;
}


static ai_int_t
ai_embed_note(ai_embed_answer_t *a, const ai_char_t *from,
    const ai_char_t *to)
{
    uint32_t   alloc;
    ai_raw_t  *arrays;

    if (a->n == a->alloc) {

        if (a->n == a->max) {
            return AI_ERROR;
        }

        alloc = ai_min(ai_max(a->alloc, AI_EMBED_ARRAYS_MIN / 2) * 2, a->max);

        arrays = ai_palloc(a->pool, alloc * sizeof(ai_raw_t));
        if (arrays == NULL) {
            return ai_embed_no_memory(a);
        }

        if (a->n) {
            memcpy(arrays, a->arrays, a->n * sizeof(ai_raw_t));
        }

        ai_pfree(a->pool, a->arrays);

        a->arrays = arrays;
        a->alloc = alloc;
    }

    ai_buf_char(&a->text, '[');
    ai_buf_int(&a->text, a->n);
    ai_buf_char(&a->text, ']');

    a->arrays[a->n].data = (ai_char_t *) from;
    a->arrays[a->n++].len = (size_t) (to - from);

    return AI_OK;
}


ai_int_t
ai_embed_put(ai_embed_answer_t *a, uint64_t i, ai_ref_t v,
    ai_vector_e format)
{
    int64_t       k;
    ai_str_t      s;
    ai_vector_t  *vector;

    if (i >= a->res->n || a->res->vectors[i].values.data != NULL) {
        return AI_ERROR;
    }

    vector = &a->res->vectors[i];
    vector->format = format;

    if (ai_json_type(&a->doc, v) == AI_JSON_STRING
        && (format == AI_VECTOR_FLOAT || format == AI_VECTOR_BASE64))
    {
        if (ai_json_str(&a->doc, v, a->pool, &s) != AI_OK) {
            return ai_embed_no_memory(a);
        }

        if (!ai_embed_base64_ok(&s, format == AI_VECTOR_FLOAT)) {
            return AI_ERROR;
        }

        vector->format = AI_VECTOR_BASE64;
        vector->values = ai_json_raw(&a->doc, v);

        return AI_OK;
    }

    /* a number alone in an array is the place of the one that was there */

    if (format == AI_VECTOR_BASE64
        || ai_json_type(&a->doc, v) != AI_JSON_ARRAY
        || ai_json_int(&a->doc, ai_json_first(&a->doc, v), &k) != AI_OK
        || k < 0 || k >= a->n)
    {
        return AI_ERROR;
    }

    vector->values = a->arrays[k];

    return AI_OK;
}


/* with floats: whole float32s */

static ai_int_t
ai_embed_base64_ok(const ai_str_t *s, ai_int_t floats)
{
    size_t            n, pad;
    const ai_char_t  *p, *end;

    end = s->data + s->len;

    for (p = s->data; p < end && ai_embed_digits[*p]; p++) {
        /* void */
    }

    n = (size_t) (p - s->data);
    pad = (size_t) (end - p);

    if (pad > 2 || (pad && *p != '=') || (pad == 2 && p[1] != '=')) {
        return 0;
    }

    /* what is left of the last bytes is told by how many digits they have */

    return n != 0 && n % 4 != 1 && (!floats || n * 3 / 4 % 4 == 0)
           && (pad == 0 || (n + pad) % 4 == 0);
}


ai_int_t
ai_embed_put_list(ai_embed_answer_t *a, ai_ref_t v, const char *name,
    ai_vector_e format)
{
    uint64_t  i;
    ai_ref_t  item;

    if (ai_json_type(&a->doc, v) != AI_JSON_ARRAY) {
        return ai_embed_invalid(a);
    }

    i = 0;

    for (item = ai_json_first(&a->doc, v);
         item != AI_JSON_NONE;
         item = ai_json_next(&a->doc, v, item))
    {
        if (ai_embed_put(a, i, name ? ai_json_get(&a->doc, item, name) : item,
                         format) != AI_OK)
        {
            return AI_ERROR;
        }

        i++;
    }

    return AI_OK;
}


void
ai_embed_count(ai_embed_answer_t *a, ai_ref_t v, int64_t *n)
{
    int64_t  count;

    if (ai_json_int(&a->doc, v, &count) == AI_OK && count >= 0) {
        *n = count;
    }
}


ai_int_t
ai_embed_done(ai_embed_answer_t *a)
{
    uint32_t  i;

    for (i = 0; i < a->res->n; i++) {
        if (a->res->vectors[i].values.data == NULL) {
            return AI_ERROR;
        }
    }

    ai_usage_normalise(&a->res->usage);

    return AI_OK;
}
