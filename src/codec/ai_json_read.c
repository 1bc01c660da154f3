
/*
 * Reading the node table, and text between its spellings.
 */

#include <codec/ai_json.h>
#include <codec/ai_json_int.h>
#include <base/ai_scan.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>


#define AI_JSON_FEW        16       /* keys compared each with each */

#define AI_JSON_PLAIN      18       /* digits that an int64 always holds */
#define AI_JSON_DIGITS     40       /* more than a double or int64 can tell */
#define AI_JSON_EXP_MAX    (1LL << 40)


/* a number taken apart: 0.DIGITS * 10^exp, no zeros at either end */

typedef struct {
    unsigned           negative:1;
    unsigned           more:1;      /* digits beyond those kept */
    unsigned           n;
    ai_char_t          digit[AI_JSON_DIGITS];
    int64_t            exp;
} ai_json_decimal_t;


/* the decoded bytes of a string, one by one */

typedef struct {
    const ai_char_t   *p;
    const ai_char_t   *end;
    ai_char_t          out[4];
    unsigned           i;
    unsigned           n;
} ai_json_chars_t;


static const ai_json_node_t *ai_json_node(const ai_json_t *doc, ai_ref_t v,
    ai_json_type_e type);
static ai_int_t ai_json_key_is(const ai_json_t *doc, ai_ref_t v,
    const char *s, size_t len);
static void ai_json_decimal(const ai_char_t *p, const ai_char_t *end,
    ai_json_decimal_t *d);
static void ai_json_digit(ai_json_decimal_t *d, ai_char_t c, int64_t *zeros);
static int64_t ai_json_exponent(const ai_char_t *p, const ai_char_t *end);
static const ai_char_t *ai_json_unescape_one(const ai_char_t *p,
    const ai_char_t *end, ai_char_t *out, unsigned *n);
static const ai_char_t *ai_json_unescape_hex(const ai_char_t *p,
    const ai_char_t *end, ai_char_t *out, unsigned *n);
static void ai_json_chars(const ai_json_t *doc, ai_ref_t v,
    ai_json_chars_t *c);
static int ai_json_char(ai_json_chars_t *c);
static int ai_json_key_cmp(const ai_json_t *doc, ai_ref_t a, ai_ref_t b);
static ai_int_t ai_json_key_same(const ai_json_t *doc, ai_ref_t a,
    ai_ref_t b);
static uint32_t ai_json_key_hash(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_json_unique_few(const ai_json_t *doc, ai_ref_t object);
static ai_int_t ai_json_unique_many(const ai_json_t *doc, uint64_t *key,
    uint32_t n);
static int ai_json_sort_cmp(const ai_json_t *doc, uint64_t a, uint64_t b);
static void ai_json_sort_sift(const ai_json_t *doc, uint64_t *key, uint32_t i,
    uint32_t n);


/* the node if it is there and of the type (0: any), or NULL */

static inline const ai_json_node_t *
ai_json_node(const ai_json_t *doc, ai_ref_t v, ai_json_type_e type)
{
    const ai_json_node_t  *node;

    if (v >= doc->n) {
        return NULL;
    }

    node = &doc->node[v];

    return type == 0 || node->type == type ? node : NULL;
}


ai_json_type_e
ai_json_type(const ai_json_t *doc, ai_ref_t v)
{
    return v < doc->n ? (ai_json_type_e) doc->node[v].type : 0;
}


ai_int_t
ai_json_is_null(const ai_json_t *doc, ai_ref_t v)
{
    return v >= doc->n || doc->node[v].type == AI_JSON_NULL;
}


ai_ref_t
ai_json_member(const ai_json_t *doc, ai_ref_t object, const char *key,
    size_t len)
{
    ai_ref_t               v, end;
    const ai_json_node_t  *node;

    node = ai_json_node(doc, object, AI_JSON_OBJECT);
    if (node == NULL) {
        return AI_JSON_NONE;
    }

    end = node->next;

    for (v = object + 1; v < end; v = doc->node[ai_json_value(doc, v)].next) {
        if (ai_json_key_is(doc, v, key, len)) {
            return ai_json_value(doc, v);
        }
    }

    return AI_JSON_NONE;
}


ai_ref_t
ai_json_path(const ai_json_t *doc, ai_ref_t v, ...)
{
    va_list      args;
    const char  *key;

    va_start(args, v);

    for (key = va_arg(args, const char *);
         key != NULL && v != AI_JSON_NONE;
         key = va_arg(args, const char *))
    {
        v = ai_json_get(doc, v, key);
    }

    va_end(args);

    return v;
}


ai_ref_t
ai_json_first(const ai_json_t *doc, ai_ref_t container)
{
    if (container >= doc->n || doc->node[container].count == 0) {
        return AI_JSON_NONE;
    }

    return container + 1;
}


ai_ref_t
ai_json_next(const ai_json_t *doc, ai_ref_t container, ai_ref_t v)
{
    const ai_json_node_t  *node;

    if (container >= doc->n || v >= doc->n) {
        return AI_JSON_NONE;
    }

    node = &doc->node[container];

    if (node->type == AI_JSON_OBJECT) {
        v = ai_json_value(doc, v);
    }

    v = doc->node[v].next;

    return v < node->next ? v : AI_JSON_NONE;
}


ai_raw_t
ai_json_raw(const ai_json_t *doc, ai_ref_t v)
{
    ai_raw_t  raw = ai_null_string;

    if (v < doc->n) {
        raw.len = doc->node[v].len;
        raw.data = (ai_char_t *) doc->text + doc->node[v].off;
    }

    return raw;
}


ai_esc_t
ai_json_esc(const ai_json_t *doc, ai_ref_t v)
{
    ai_esc_t               esc = ai_null_string;
    const ai_json_node_t  *node;

    node = ai_json_node(doc, v, AI_JSON_STRING);

    if (node != NULL) {
        esc.len = node->len - 2;
        esc.data = (ai_char_t *) doc->text + node->off + 1;
    }

    return esc;
}


ai_int_t
ai_json_str(const ai_json_t *doc, ai_ref_t v, const ai_pool_t *pool,
    ai_str_t *out)
{
    ai_esc_t  esc;

    esc = ai_json_esc(doc, v);

    if (esc.data == NULL) {
        return AI_DECLINED;
    }

    if (!doc->node[v].escaped) {
        *out = esc;
        return AI_OK;
    }

    return ai_json_plain(&esc, pool, out);
}


ai_int_t
ai_json_equal(const ai_json_t *doc, ai_ref_t v, const char *s, size_t len)
{
    return ai_json_node(doc, v, AI_JSON_STRING) != NULL
           && ai_json_key_is(doc, v, s, len);
}


/* v is a string */

static inline ai_int_t
ai_json_key_is(const ai_json_t *doc, ai_ref_t v, const char *s, size_t len)
{
    int                    c;
    size_t                 i;
    ai_json_chars_t        chars;
    const ai_json_node_t  *node;

    node = &doc->node[v];

    if (!node->escaped) {
        return node->len - 2 == len
               && doc->text[node->off + 1] == (ai_char_t) (len ? *s : '"')
               && memcmp(doc->text + node->off + 1, s, len) == 0;
    }

    ai_json_chars(doc, v, &chars);

    for (i = 0; i < len; i++) {
        c = ai_json_char(&chars);

        if (c != (ai_char_t) s[i]) {
            return 0;
        }
    }

    return ai_json_char(&chars) == -1;
}


ai_int_t
ai_json_bool(const ai_json_t *doc, ai_ref_t v)
{
    switch (ai_json_type(doc, v)) {

    case AI_JSON_TRUE:
        return 1;

    case AI_JSON_FALSE:
        return 0;

    default:
        return -1;
    }
}


ai_int_t
ai_json_int(const ai_json_t *doc, ai_ref_t v, int64_t *out)
{
    int64_t                i;
    uint64_t               n;
    const ai_char_t       *p, *end;
    ai_json_decimal_t      d;
    const ai_json_node_t  *node;

    node = ai_json_node(doc, v, AI_JSON_NUMBER);
    if (node == NULL) {
        return AI_DECLINED;
    }

    /* nearly all are a few digits */

    p = doc->text + node->off;
    end = p + node->len;
    n = 0;

    if (node->len <= AI_JSON_PLAIN) {

        while (p < end && *p >= '0' && *p <= '9') {
            n = n * 10 + (uint64_t) (*p++ - '0');
        }

        if (p == end) {
            *out = (int64_t) n;
            return AI_OK;
        }
    }

    ai_json_decimal(doc->text + node->off, end, &d);

    /* the last digit is not 0, so one behind the point is a fraction */

    if (d.exp < d.n || d.exp > 19) {
        return AI_ERROR;
    }

    n = 0;

    for (i = 0; i < d.exp; i++) {
        n = n * 10 + (i < d.n ? d.digit[i] - '0' : 0);
    }

    if (n > (uint64_t) INT64_MAX + d.negative) {
        return AI_ERROR;
    }

    *out = d.negative ? (int64_t) - n : (int64_t) n;

    return AI_OK;
}


ai_int_t
ai_json_double(const ai_json_t *doc, ai_ref_t v, double *out)
{
    int                    exp;
    char                   cstr[AI_JSON_DIGITS + 16], *p;
    ai_json_decimal_t      d;
    const ai_json_node_t  *node;

    node = ai_json_node(doc, v, AI_JSON_NUMBER);
    if (node == NULL) {
        return AI_DECLINED;
    }

    ai_json_decimal(doc->text + node->off, doc->text + node->off + node->len,
                    &d);

    /* written without a point, which another locale would spell otherwise;
     * one more digit stands for all that were not kept */

    p = cstr;

    if (d.negative) {
        *p++ = '-';
    }

    memcpy(p, d.digit, d.n);
    p += d.n;

    *p++ = d.more ? '1' : '0';

    exp = (int) ai_max(ai_min(d.exp - d.n - 1, 9999), -9999);

    snprintf(p, (size_t) (cstr + sizeof(cstr) - p), "e%d", exp);

    *out = strtod(cstr, NULL);

    return isfinite(*out) ? AI_OK : AI_ERROR;
}


/* one walk over the number, whatever its length */

static void
ai_json_decimal(const ai_char_t *p, const ai_char_t *end,
    ai_json_decimal_t *d)
{
    int        point;
    int64_t    zeros;

    d->negative = *p == '-';
    d->more = 0;
    d->n = 0;
    d->exp = 0;

    point = 0;
    zeros = 0;

    for (p += d->negative; p < end && (*p | 0x20) != 'e'; p++) {

        if (*p == '.') {
            point = 1;
            continue;
        }

        /* 0.DIGITS: each digit before the point counts, and each zero
         * between the point and the first other digit counts back */

        if (*p == '0' && d->n == 0) {
            d->exp -= point;
            continue;
        }

        d->exp += !point;

        ai_json_digit(d, *p, &zeros);
    }

    if (d->n == 0) {
        d->exp = 0;

    } else if (p < end) {
        d->exp += ai_json_exponent(p + 1, end);
    }
}


/* zeros are kept back until another digit comes */

static void
ai_json_digit(ai_json_decimal_t *d, ai_char_t c, int64_t *zeros)
{
    if (c == '0') {
        (*zeros)++;
        return;
    }

    for ( /* void */ ; *zeros && d->n < AI_JSON_DIGITS; (*zeros)--) {
        d->digit[d->n++] = '0';
    }

    *zeros = 0;

    if (d->n == AI_JSON_DIGITS) {
        d->more = 1;
        return;
    }

    d->digit[d->n++] = c;
}


/* held at a value far outside what the length of a number can make up for */

static int64_t
ai_json_exponent(const ai_char_t *p, const ai_char_t *end)
{
    int64_t    n;
    ai_char_t  sign;

    sign = *p;

    if (sign == '+' || sign == '-') {
        p++;
    }

    for (n = 0; p < end; p++) {
        n = ai_min(n * 10 + (*p - '0'), AI_JSON_EXP_MAX);
    }

    return sign == '-' ? -n : n;
}


ai_int_t
ai_json_plain(const ai_esc_t *s, const ai_pool_t *pool, ai_str_t *out)
{
    ai_buf_t    b;
    ai_char_t  *p;

    if (s->len == 0 || memchr(s->data, '\\', s->len) == NULL) {
        *out = *s;
        return AI_OK;
    }

    /* no escape is shorter than what it stands for */

    p = ai_palloc(pool, s->len);
    if (p == NULL) {
        return AI_ERROR;
    }

    ai_buf_init(&b, pool);

    b.start = p;
    b.last = p;
    b.end = p + s->len;

    ai_json_unescape(&b, s);

    *out = ai_buf_str(&b);

    return AI_OK;
}


void
ai_json_unescape(ai_buf_t *b, const ai_esc_t *s)
{
    unsigned          n;
    const ai_char_t  *p, *q, *end;

    if (s->len == 0 || ai_buf_reserve(b, s->len) != AI_OK) {
        return;
    }

    p = s->data;
    end = p + s->len;

    while (p < end) {

        q = memchr(p, '\\', (size_t) (end - p));
        if (q == NULL) {
            q = end;
        }

        memcpy(b->last, p, (size_t) (q - p));
        b->last += q - p;

        for (p = q; p < end && *p == '\\'; /* void */) {
            p = ai_json_unescape_one(p, end, b->last, &n);
            b->last += n;
        }
    }
}


/*
 * The escape at p into 1 to 4 bytes of out, never more than it takes itself.
 * What is no escape, in a text that was not parsed, stands for itself.
 */

static const ai_char_t *
ai_json_unescape_one(const ai_char_t *p, const ai_char_t *end, ai_char_t *out,
    unsigned *n)
{
    static const char  from[] = "\"\\/bfnrt";
    static const char  to[] = "\"\\/\b\f\n\r\t";

    const char        *s;

    if (end - p >= 2) {

        if (p[1] == 'u') {
            return ai_json_unescape_hex(p, end, out, n);
        }

        s = p[1] ? strchr(from, p[1]) : NULL;

        if (s != NULL) {
            *out = (ai_char_t) to[s - from];
            *n = 1;
            return p + 2;
        }
    }

    *out = *p;
    *n = 1;

    return p + 1;
}


static const ai_char_t *
ai_json_unescape_hex(const ai_char_t *p, const ai_char_t *end, ai_char_t *out,
    unsigned *n)
{
    int32_t  c, low;

    c = ai_json_hex4(p + 2, end);

    if (c < 0) {
        *out = *p;
        *n = 1;
        return p + 1;
    }

    p += 6;

    if ((c & 0xf800) != 0xd800) {
        *n = ai_utf8_put(out, (uint32_t) c);
        return p;
    }

    if ((c & 0xfc00) == 0xd800 && end - p >= 6 && p[0] == '\\' && p[1] == 'u')
    {
        low = ai_json_hex4(p + 2, end);

        if (low >= 0 && (low & 0xfc00) == 0xdc00) {
            *n = ai_utf8_put(out, 0x10000 + (uint32_t) (((c & 0x3ff) << 10)
                                                        | (low & 0x3ff)));
            return p + 6;
        }
    }

    *n = ai_utf8_put(out, 0xfffd);

    return p;
}


static void
ai_json_chars(const ai_json_t *doc, ai_ref_t v, ai_json_chars_t *c)
{
    ai_esc_t  esc;

    esc = ai_json_esc(doc, v);

    c->p = esc.data;
    c->end = esc.data + esc.len;
    c->i = 0;
    c->n = 0;
}


/* the next byte, or -1 at the end */

static inline int
ai_json_char(ai_json_chars_t *c)
{
    if (c->i < c->n) {
        return c->out[c->i++];
    }

    if (c->p == c->end) {
        return -1;
    }

    if (*c->p != '\\') {
        return *c->p++;
    }

    c->p = ai_json_unescape_one(c->p, c->end, c->out, &c->n);
    c->i = 1;

    return c->out[0];
}


ai_int_t
ai_json_unique(ai_json_t *doc, ai_ref_t object)
{
    uint32_t               i, n;
    uint64_t              *key;
    ai_int_t               rc;
    ai_ref_t               v;
    const ai_json_node_t  *node;

    node = ai_json_node(doc, object, AI_JSON_OBJECT);
    if (node == NULL) {
        return AI_OK;
    }

    n = node->count;

    if (n <= AI_JSON_FEW) {
        rc = ai_json_unique_few(doc, object);

    } else {
        key = ai_palloc(doc->pool, n * sizeof(uint64_t));
        if (key == NULL) {
            doc->error = AI_JSON_E_MEMORY;
            return AI_ERROR;
        }

        v = object + 1;

        for (i = 0; i < n; i++) {
            key[i] = (uint64_t) ai_json_key_hash(doc, v) << 32 | v;
            v = doc->node[ai_json_value(doc, v)].next;
        }

        rc = ai_json_unique_many(doc, key, n);

        ai_pfree(doc->pool, key);
    }

    if (rc != AI_OK) {
        doc->error = AI_JSON_E_DUPLICATE;
        doc->error_off = doc->node[object].off;
    }

    return rc;
}


static ai_int_t
ai_json_unique_few(const ai_json_t *doc, ai_ref_t object)
{
    ai_ref_t  a, b, end;

    end = doc->node[object].next;

    for (a = object + 1; a < end; a = doc->node[a + 1].next) {
        for (b = object + 1; b < a; b = doc->node[b + 1].next) {
            if (ai_json_key_same(doc, a, b)) {
                return AI_ERROR;
            }
        }
    }

    return AI_OK;
}


/* heapsort: in place, and no order of the keys makes it slow */

static ai_int_t
ai_json_unique_many(const ai_json_t *doc, uint64_t *key, uint32_t n)
{
    uint32_t  i;
    uint64_t  top;

    for (i = n / 2; i-- > 0; /* void */) {
        ai_json_sort_sift(doc, key, i, n);
    }

    for (i = n - 1; i > 0; i--) {
        top = key[0];
        key[0] = key[i];
        key[i] = top;

        ai_json_sort_sift(doc, key, 0, i);
    }

    for (i = 1; i < n; i++) {
        if (ai_json_sort_cmp(doc, key[i - 1], key[i]) == 0) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static void
ai_json_sort_sift(const ai_json_t *doc, uint64_t *key, uint32_t i, uint32_t n)
{
    uint32_t  child;
    uint64_t  k;

    k = key[i];

    for (child = 2 * i + 1; child < n; child = 2 * i + 1) {

        if (child + 1 < n
            && ai_json_sort_cmp(doc, key[child], key[child + 1]) < 0)
        {
            child++;
        }

        if (ai_json_sort_cmp(doc, k, key[child]) >= 0) {
            break;
        }

        key[i] = key[child];
        i = child;
    }

    key[i] = k;
}


/* by hash, and by the keys themselves, which a sender may have chosen so that
 * their hashes are equal */

static inline int
ai_json_sort_cmp(const ai_json_t *doc, uint64_t a, uint64_t b)
{
    if (a >> 32 != b >> 32) {
        return a >> 32 < b >> 32 ? -1 : 1;
    }

    return ai_json_key_cmp(doc, (ai_ref_t) a, (ai_ref_t) b);
}


static int
ai_json_key_cmp(const ai_json_t *doc, ai_ref_t a, ai_ref_t b)
{
    int                    x, y;
    ai_json_chars_t        ca, cb;
    const ai_json_node_t  *na, *nb;

    na = &doc->node[a];
    nb = &doc->node[b];

    if (!na->escaped && !nb->escaped && na->len == nb->len) {
        return memcmp(doc->text + na->off, doc->text + nb->off, na->len);
    }

    ai_json_chars(doc, a, &ca);
    ai_json_chars(doc, b, &cb);

    do {
        x = ai_json_char(&ca);
        y = ai_json_char(&cb);
    } while (x == y && x != -1);

    return x - y;
}


static ai_int_t
ai_json_key_same(const ai_json_t *doc, ai_ref_t a, ai_ref_t b)
{
    const ai_json_node_t  *na, *nb;

    na = &doc->node[a];
    nb = &doc->node[b];

    if (na->len != nb->len && !na->escaped && !nb->escaped) {
        return 0;
    }

    return ai_json_key_cmp(doc, a, b) == 0;
}


static uint32_t
ai_json_key_hash(const ai_json_t *doc, ai_ref_t v)
{
    int              c;
    uint32_t         h;
    ai_json_chars_t  chars;

    ai_json_chars(doc, v, &chars);

    h = 2166136261u;

    for (c = ai_json_char(&chars); c != -1; c = ai_json_char(&chars)) {
        h = (h ^ (uint32_t) c) * 16777619u;
    }

    return h;
}
