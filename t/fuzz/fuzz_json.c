
/*
 * The JSON parser against jansson: both accept or both refuse, apart from
 * what the policy decides (RELIABILITY.md, J3 to J5).  Of what is accepted
 * the table must be sound, and each accessor must stand it.
 */

#include <jansson.h>

#include <codec/ai_json.h>

#include "fuzz.h"


static uint32_t  walked;


/* nodes in document order, spans inside each other and in a row */

static uint32_t
walk(const ai_json_t *doc, ai_ref_t v, uint32_t from, uint32_t to)
{
    uint32_t               count, at;
    ai_ref_t               k, next;
    const ai_json_node_t  *node;

    node = &doc->node[v];

    must(node->len > 0 && node->off >= from && node->off + node->len <= to);
    must(node->next > v && node->next <= doc->n);

    walked++;

    if (node->type != AI_JSON_OBJECT && node->type != AI_JSON_ARRAY) {
        must(node->next == v + 1 && node->count == 0);
        return node->off + node->len;
    }

    count = 0;
    at = node->off + 1;
    next = v + 1;

    for (k = ai_json_first(doc, v); k != AI_JSON_NONE;
         k = ai_json_next(doc, v, k))
    {
        must(k == next);

        if (node->type == AI_JSON_OBJECT) {
            must(doc->node[k].type == AI_JSON_STRING);
            at = walk(doc, k, at, node->off + node->len) + 1;
            k++;
        }

        at = walk(doc, k, at, node->off + node->len - 1);
        next = doc->node[k].next;
        k -= node->type == AI_JSON_OBJECT;
        count++;
    }

    must(count == node->count && next == node->next);

    return node->off + node->len;
}


static void
read_string(const ai_json_t *doc, ai_ref_t v)
{
    ai_buf_t  b, c;
    ai_str_t  s, again, esc;

    must(ai_json_str(doc, v, &fuzz_pool, &s) == AI_OK);

    /* what is decoded is UTF-8, and comes out the same again */

    ai_buf_init(&b, &fuzz_pool);
    ai_buf_init(&c, &fuzz_pool);

    ai_buf_escape(&b, &s);
    esc = ai_buf_str(&b);
    ai_json_unescape(&c, &esc);
    again = ai_buf_str(&c);

    must(ai_str_eq(&s, &again));

    ai_pfree(&fuzz_pool, b.start);
    ai_pfree(&fuzz_pool, c.start);

    if (doc->node[v].escaped) {
        ai_pfree(&fuzz_pool, s.data);
    }
}


static void
read_number(const ai_json_t *doc, ai_ref_t v)
{
    char      cstr[512];
    double    d;
    int64_t   n;
    ai_raw_t  raw;
    ai_int_t  rc, irc;

    rc = ai_json_double(doc, v, &d);
    irc = ai_json_int(doc, v, &n);

    raw = ai_json_raw(doc, v);

    if (raw.len < sizeof(cstr)) {
        memcpy(cstr, raw.data, raw.len);
        cstr[raw.len] = '\0';

        must(d == strtod(cstr, NULL));

        if (memchr(cstr, '.', raw.len) == NULL && raw.len < 19
            && strpbrk(cstr, "eE") == NULL)
        {
            must(irc == AI_OK && n == strtoll(cstr, NULL, 10));
        }
    }

    must(rc == AI_OK || irc == AI_ERROR);
    must(irc != AI_OK || (double) n == d);
}


/* twins by comparing each key with each */

static int
has_twins(const ai_json_t *doc, ai_ref_t object)
{
    int       twins;
    ai_ref_t  a, b;
    ai_str_t  s, t;

    twins = 0;

    for (a = ai_json_first(doc, object); a != AI_JSON_NONE;
         a = ai_json_next(doc, object, a))
    {
        for (b = ai_json_first(doc, object); b != a;
             b = ai_json_next(doc, object, b))
        {
            ai_json_str(doc, a, &fuzz_pool, &s);
            ai_json_str(doc, b, &fuzz_pool, &t);

            twins |= (int) ai_str_eq(&s, &t);

            if (doc->node[a].escaped) {
                ai_pfree(&fuzz_pool, s.data);
            }

            if (doc->node[b].escaped) {
                ai_pfree(&fuzz_pool, t.data);
            }
        }
    }

    return twins;
}


static void
read_all(ai_json_t *doc)
{
    ai_ref_t  v;

    walked = 0;
    walk(doc, AI_JSON_ROOT, 0, (uint32_t) doc->len);
    must(walked == doc->n);

    for (v = 0; v < doc->n; v++) {

        switch (ai_json_type(doc, v)) {

        case AI_JSON_STRING:
            read_string(doc, v);
            break;

        case AI_JSON_NUMBER:
            read_number(doc, v);
            break;

        case AI_JSON_OBJECT:
            if (doc->node[v].count < 100) {
                must((ai_json_unique(doc, v) != AI_OK) == has_twins(doc, v));
            }

            break;

        default:
            break;
        }
    }
}


/* is there something that the policy refuses and the grammar does not? */

static int
is_policy(const ai_json_t *doc, const uint8_t *data, size_t size)
{
    size_t  i;

    if (doc->error == AI_JSON_E_LIMIT) {
        return 1;
    }

    /* jansson does not see some of the NULs between tokens */

    if (memchr(data, '\0', size)) {
        return 1;
    }

    /* a \u0000 or lone surrogate in a key; jansson refuses lone surrogates
     * everywhere, and numbers beyond its types */

    for (i = 0; i + 1 < size; i++) {
        if (data[i] == '\\' && data[i + 1] == 'u') {
            return 1;
        }
    }

    return 0;
}


static int
has_big_number(const ai_json_t *doc)
{
    ai_ref_t  v;

    for (v = 0; v < doc->n; v++) {
        if (doc->node[v].type == AI_JSON_NUMBER
            && (doc->node[v].len > 18
                || memchr(doc->text + doc->node[v].off, 'e', doc->node[v].len)
                || memchr(doc->text + doc->node[v].off, 'E',
                          doc->node[v].len)))
        {
            return 1;
        }
    }

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t            *root;
    ai_int_t           rc;
    ai_str_t           text;
    ai_json_t          doc;
    json_error_t       error;
    ai_json_limits_t   limits;

    text.len = size;
    text.data = (ai_char_t *) data;

    ai_json_init(&doc, &fuzz_pool);
    rc = ai_json_parse(&doc, &text, NULL);

    must((rc == AI_OK) == (doc.error == AI_JSON_E_NONE));
    must((rc == AI_OK) == (doc.n > 0));
    must(doc.error_off <= size);

    root = json_loadb((const char *) data, size,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, &error);

    if (rc == AI_OK) {
        must(root != NULL || is_policy(&doc, data, size)
             || has_big_number(&doc)
             || json_error_code(&error) == json_error_stack_overflow);
        read_all(&doc);

    } else {
        must(root == NULL || is_policy(&doc, data, size));
    }

    json_decref(root);

    /* smaller limits refuse more, and leave the table usable */

    if (rc == AI_OK) {
        limits = ai_json_limits;
        limits.nodes = doc.n - 1;
        must(ai_json_parse(&doc, &text, &limits) == AI_ERROR
             && doc.error == AI_JSON_E_LIMIT && doc.n == 0);
        must(ai_json_parse(&doc, &text, NULL) == AI_OK);
    }

    ai_pfree(&fuzz_pool, doc.node);

    return 0;
}
