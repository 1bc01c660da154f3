
/*
 * Edits chosen by the first bytes, on the body behind them: the result is
 * JSON, it is what the edits give one by one, and what no edit is about is
 * spelled as it was.
 *
 * The input: a byte n, then n % 8 edits of three bytes (mode, path, value),
 * then a byte and, if that is odd, a path up to LF that the first edit has
 * instead; then the body.
 */

#include <codec/ai_param.h>

#include "fuzz_arena.h"


#define EDITS  8


static const char *const  paths[] = {
    "a", "b", "n", "o", "o.a", "o.n", "o.p.q", "o.p", "a.0", "a.0.b", "a.1.n",
    "b.b", "b.5", "o.a.b", "\\a", "a.0.0"
};


static const char *const  values[] = {
    "1", "-2.5", "null", "\"s\"", "{}", "{\"a\":1,\"n\":[0]}", "[1,{\"b\":2}]",
    "text \"q\"", "", "1e999", "true", "[{\"n\":1}]"
};



static ai_param_path_t  path[EDITS];
static ai_param_t       list[EDITS];


static int
parse(ai_json_t *doc, const ai_str_t *text)
{
    ai_json_init(doc, &arena);

    return ai_json_parse(doc, text, NULL) == AI_OK;
}


/* the same but for the order of members; keys are compared decoded */

static int
same(const ai_json_t *a, ai_ref_t v, const ai_json_t *b, ai_ref_t w)
{
    ai_ref_t  k, l;
    ai_str_t  name, x, y;

    if (ai_json_type(a, v) != ai_json_type(b, w)
        || a->node[v].count != b->node[w].count)
    {
        return 0;
    }

    switch (ai_json_type(a, v)) {

    case AI_JSON_OBJECT:
        for (k = ai_json_first(a, v); k != AI_JSON_NONE;
             k = ai_json_next(a, v, k))
        {
            must(ai_json_str(a, k, &arena, &name) == AI_OK);
            l = ai_json_member(b, w, (char *) name.data, name.len);

            /* of a key that is there twice the first one */

            if (l == AI_JSON_NONE
                || !same(a, ai_json_member(a, v, (char *) name.data,
                                           name.len), b, l))
            {
                return 0;
            }
        }

        return 1;

    case AI_JSON_ARRAY:
        l = ai_json_first(b, w);

        for (k = ai_json_first(a, v); k != AI_JSON_NONE;
             k = ai_json_next(a, v, k))
        {
            if (!same(a, k, b, l)) {
                return 0;
            }

            l = ai_json_next(b, w, l);
        }

        return 1;

    default:
        x = ai_json_raw(a, v);
        y = ai_json_raw(b, w);

        return ai_str_eq(&x, &y);
    }
}


static int
is_edited(const ai_json_t *doc, ai_ref_t key, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (ai_json_equal(doc, key, (char *) path[i].name[0].name.data,
                          path[i].name[0].name.len))
        {
            return 1;
        }
    }

    return 0;
}


/* the members that no edit is about, in their order, byte for byte */

static void
check_kept(const ai_str_t *body, const ai_json_t *got, size_t n)
{
    ai_ref_t   k, l;
    ai_raw_t   x, y;
    ai_json_t  doc;

    must(parse(&doc, body));

    l = ai_json_first(got, 0);

    for (k = ai_json_first(&doc, 0); k != AI_JSON_NONE;
         k = ai_json_next(&doc, 0, k))
    {
        if (is_edited(&doc, k, n)) {
            continue;
        }

        while (l != AI_JSON_NONE && is_edited(got, l, n)) {
            l = ai_json_next(got, 0, l);
        }

        must(l != AI_JSON_NONE);

        x = ai_json_raw(&doc, k);
        y = ai_json_raw(got, l);
        must(ai_str_eq(&x, &y));

        x = ai_json_raw(&doc, ai_json_value(&doc, k));
        y = ai_json_raw(got, ai_json_value(got, l));
        must(ai_str_eq(&x, &y));

        l = ai_json_next(got, 0, l);
    }

    while (l != AI_JSON_NONE) {
        must(is_edited(got, l, n));
        l = ai_json_next(got, 0, l);
    }
}


static ai_int_t
one_by_one(const ai_str_t *body, size_t n, ai_str_t *text, ai_error_t *err)
{
    size_t    i;
    ai_int_t  rc;
    ai_buf_t  out;

    *text = *body;

    for (i = 0; i < n; i++) {
        ai_buf_init(&out, &arena);

        rc = ai_param_body(&arena, text, &list[i], 1, &out, err);

        if (rc == AI_ERROR) {
            return AI_ERROR;
        }

        if (rc == AI_OK) {
            *text = ai_buf_str(&out);
        }
    }

    return AI_OK;
}


static void
check(const ai_str_t *body, size_t n)
{
    ai_int_t    rc, single;
    ai_buf_t    out;
    ai_str_t    text, want;
    ai_json_t   got, other;
    ai_error_t  err, first;

    ai_buf_init(&out, &arena);

    rc = ai_param_body(&arena, body, list, n, &out, &err);
    single = one_by_one(body, n, &want, &first);

    if (rc == AI_ERROR || single == AI_ERROR) {

        /* too deep for another round, or not even JSON */

        must((rc == AI_ERROR && single == AI_ERROR)
             || (rc == AI_ERROR ? err.kind : first.kind) == AI_ERR_BAD_JSON);
        return;
    }

    must(!out.failed);

    text = rc == AI_OK ? ai_buf_str(&out) : *body;

    if (n == 0) {
        must(rc == AI_DECLINED);
        return;
    }

    if (!parse(&got, &text)) {
        must(got.error == AI_JSON_E_LIMIT);
        return;
    }

    must(parse(&other, &want));
    must(same(&got, 0, &other, 0) && same(&other, 0, &got, 0));

    check_kept(body, &got, n);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i, n;
    ai_str_t        text, body;
    const char     *why;
    const uint8_t  *p, *lf, *end;

    if (size < 1 || size > 65536 || size < 2 + 3 * (size_t) (data[0] % EDITS))
    {
        return 0;
    }

    n = data[0] % EDITS;
    p = data + 1;
    end = data + size;

    for (i = 0; i < n; i++, p += 3) {
        list[i].mode = (ai_param_mode_e) (p[0] % 5);
        list[i].path = &path[i];
        list[i].value.data = (ai_char_t *) values[p[2] % 12];
        list[i].value.len = strlen(values[p[2] % 12]);

        text.data = (ai_char_t *) paths[p[1] % 16];
        text.len = strlen(paths[p[1] % 16]);

        must(ai_param_compile(&text, &arena, &path[i], &why) == AI_OK);
    }

    if (*p++ & 1) {
        lf = memchr(p, '\n', (size_t) (end - p));

        if (lf && n) {
            text.data = (ai_char_t *) p;
            text.len = (size_t) (lf - p);

            if (ai_param_compile(&text, &arena, &path[0], &why) != AI_OK) {
                must(why != NULL && *why != '\0');
                n = 0;
            }

            p = lf + 1;
        }
    }

    body.data = (ai_char_t *) p;
    body.len = (size_t) (end - p);

    check(&body, n);

    arena_free();

    return 0;
}
