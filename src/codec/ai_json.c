
/*
 * The JSON parser: one pass that validates and fills the node table.
 *
 *            +------------------------ "," in an array ---------+
 *            v                                                  |
 *     -->  value  -- scalar, empty container, "}" or "]" -->  behind  --> end
 *          |  ^  ^                                              |
 *      "{" |  |  +-- "[" goes back to value                     |
 *          v  | ":"                                             |
 *          key  <-------------- "," in an object ---------------+
 *
 * There is no stack: while a container is open, "next" of its node holds the
 * node of the container around it, and gets its meaning when it is closed.
 *
 * What happens at every byte is inlined into one function, with its state in
 * registers: that is worth a factor of two with the short texts of a stream.
 */

#include <codec/ai_json.h>
#include <codec/ai_json_int.h>
#include <base/ai_scan.h>


#define AI_JSON_MAX    (1024 * 1024 * 1024)
#define AI_JSON_MIN    64

#define AI_JSON_NO_CLOSER  0x100        /* no byte */

#define ai_json_inline   static inline __attribute__((always_inline))
#define ai_json_noinline static __attribute__((noinline))


/* what the functions that are not inlined have to know */

typedef struct {
    ai_json_t               *doc;
    const ai_char_t         *text;
    const ai_char_t         *end;
    const ai_char_t         *steps;     /* before it are 16 bytes and more */
    const ai_json_limits_t  *limits;
    size_t                   key;       /* the longest, with its quotes */
    ai_int_t                 escaped;   /* the string read last has escapes */
} ai_json_run_t;


/* the filled part of the table; never to be given to one of those */

typedef struct {
    ai_json_node_t          *node;      /* the next free one ... */
    ai_json_node_t          *last;      /* ... and where it is full */
    uint32_t                 n;
    ai_json_node_t          *open;      /* the innermost open container ... */
    uint32_t                 container; /* ... its number ... */
    unsigned                 closer;    /* ... and the bracket that ends it */
    uint32_t                 depth;
} ai_json_table_t;


static const ai_char_t *ai_json_any(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_closed(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_string_rest(ai_json_run_t *r,
    const ai_char_t *p, ai_int_t key);
static const ai_char_t *ai_json_utf8(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_escape(ai_json_run_t *r, const ai_char_t *p,
    ai_int_t key);
static const ai_char_t *ai_json_unicode(ai_json_run_t *r, const ai_char_t *p,
    ai_int_t key);
static ai_int_t ai_json_grow(ai_json_run_t *r, uint32_t used);
static const ai_char_t *ai_json_fail(ai_json_run_t *r, ai_json_error_e error,
    const ai_char_t *p);


const ai_json_limits_t  ai_json_limits = { 128, 1000000, 65536, 1024 };


static const char *const  ai_json_errors[] = {
    "The text is valid JSON.",
    "The text is empty.",
    "The text does not follow the JSON grammar.",
    "The text is not valid UTF-8.",
    "The text ends too early.",
    "There is something behind the end of the JSON value.",
    "The text is nested too deeply, or has too many or too long parts.",
    "An object has the same key twice.",
    "There is not enough memory to read the text."
};


void
ai_json_init(ai_json_t *doc, const ai_pool_t *pool)
{
    memset(doc, 0, sizeof(ai_json_t));

    doc->pool = pool;
    ai_buf_init(&doc->last, pool);
}


const char *
ai_json_strerror(ai_json_error_e error)
{
    if ((unsigned) error > AI_JSON_E_MEMORY) {
        error = AI_JSON_E_SYNTAX;
    }

    return ai_json_errors[error];
}


#define ai_json_is_blank(c)                                                   \
    ((c) <= ' ' && ((c) == ' ' || (c) == '\n' || (c) == '\r' || (c) == '\t'))


ai_int_t
ai_json_parse(ai_json_t *doc, const ai_str_t *text,
    const ai_json_limits_t *limits)
{
    ai_json_run_t     r;
    const ai_char_t  *p, *last;

    doc->text = text->data;
    doc->len = text->len;
    doc->n = 0;
    doc->error = AI_JSON_E_NONE;
    doc->error_off = 0;
    doc->kept = 0;
    doc->moved = 0;

    if (text->len == 0) {
        doc->error = AI_JSON_E_EMPTY;
        return AI_ERROR;
    }

    p = text->data;

    r.doc = doc;
    r.text = p;
    r.end = p + text->len;
    r.steps = text->len < 16 ? p : r.end - 15;
    r.limits = limits ? limits : &ai_json_limits;
    r.key = (size_t) r.limits->key + 2;
    r.escaped = 0;

    if (text->len > AI_JSON_MAX) {
        ai_json_fail(&r, AI_JSON_E_LIMIT, p);
        return AI_ERROR;
    }

    for (last = r.end - 1; last > p && ai_json_is_blank(*last); last--) {
        /* void */
    }

    p = *last == '}' || *last == ']' ? ai_json_closed(&r, p)
                                     : ai_json_any(&r, p);

    return p ? AI_OK : AI_ERROR;
}


/* past white space; it ends before the end of a text that is "closed" */

ai_json_inline const ai_char_t *
ai_json_blank(const ai_json_run_t *r, const ai_char_t *p, const int closed)
{
    while ((closed || p < r->end) && ai_json_is_blank(*p)) {
        p++;
    }

    return p;
}


/* makes room for one more node */

ai_json_inline ai_int_t
ai_json_room(ai_json_run_t *r, ai_json_table_t *t)
{
    if (t->node != t->last) {
        return AI_OK;
    }

    if (ai_json_grow(r, t->n) != AI_OK) {
        return AI_ERROR;
    }

    t->node = r->doc->node + t->n;
    t->last = r->doc->node + ai_min(r->doc->alloc, r->limits->nodes);

    if (t->container != AI_JSON_NONE) {
        t->open = r->doc->node + t->container;
    }

    return AI_OK;
}


/* a node for the text from start to p */

ai_json_inline void
ai_json_add(const ai_json_run_t *r, ai_json_table_t *t,
    const ai_char_t *start, const ai_char_t *p, ai_json_type_e type)
{
    t->n++;

    t->node->off = (uint32_t) (start - r->text);
    t->node->len = (uint32_t) (p - start);
    t->node->next = t->n;
    t->node->type = (uint8_t) type;
    t->node->escaped = 0;
    t->node->spare = 0;
    t->node->count = 0;

    t->node++;
}


/* past the string whose quote is at p; most end within the first step */

ai_json_inline const ai_char_t *
ai_json_string(ai_json_run_t *r, ai_json_table_t *t, const ai_char_t *p,
    const int key)
{
    const ai_char_t  *start;

    start = p++;

#if (AI_SCAN_SSE2)

    if (p < r->steps) {
        unsigned  mask;

        mask = ai_scan_mask_plain(p);

        if (mask == 0) {
            p += 16;

            if (p < r->steps) {
                mask = ai_scan_mask_plain(p);
            }
        }

        if (mask) {
            p += (size_t) __builtin_ctz(mask);

            if (*p == '"') {
                p++;
                ai_json_add(r, t, start, p, AI_JSON_STRING);
                return p;
            }
        }
    }

#endif

    p = ai_json_string_rest(r, p, key);

    if (p != NULL) {
        ai_json_add(r, t, start, p, AI_JSON_STRING);
        t->node[-1].escaped = (uint8_t) r->escaped;
    }

    return p;
}


/* at least one */

ai_json_inline const ai_char_t *
ai_json_digits(ai_json_run_t *r, const ai_char_t *p, const int closed)
{
    if (!closed && p == r->end) {
        return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
    }

    if (*p < '0' || *p > '9') {
        return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
    }

    do {
        p++;
    } while ((closed || p < r->end) && *p >= '0' && *p <= '9');

    return p;
}


ai_json_inline const ai_char_t *
ai_json_number(ai_json_run_t *r, const ai_char_t *p, const int closed)
{
    if (*p == '-') {
        p++;
    }

    if ((closed || p < r->end) && *p == '0') {
        p++;

    } else {
        p = ai_json_digits(r, p, closed);
        if (p == NULL) {
            return NULL;
        }
    }

    if ((closed || p < r->end) && *p == '.') {
        p = ai_json_digits(r, p + 1, closed);
        if (p == NULL) {
            return NULL;
        }
    }

    if ((closed || p < r->end) && (*p | 0x20) == 'e') {
        p++;

        if ((closed || p < r->end) && (*p == '+' || *p == '-')) {
            p++;
        }

        p = ai_json_digits(r, p, closed);
    }

    return p;
}


ai_json_inline const ai_char_t *
ai_json_word(ai_json_run_t *r, const ai_char_t *p, const char *word,
    size_t len)
{
    size_t  left;

    left = (size_t) (r->end - p);

    if (left < len) {
        return ai_json_fail(r, memcmp(p, word, left) ? AI_JSON_E_SYNTAX
                                                     : AI_JSON_E_TRUNCATED, p);
    }

    if (memcmp(p, word, len) != 0) {
        return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
    }

    return p + len;
}


/* past a value that is neither a string nor a container */

ai_json_inline const ai_char_t *
ai_json_scalar(ai_json_run_t *r, ai_json_table_t *t, const ai_char_t *p,
    const int closed)
{
    ai_json_type_e    type;
    const ai_char_t  *start;

    start = p;

    switch (*p) {

    case 't':
        p = ai_json_word(r, p, "true", 4);
        type = AI_JSON_TRUE;
        break;

    case 'f':
        p = ai_json_word(r, p, "false", 5);
        type = AI_JSON_FALSE;
        break;

    case 'n':
        p = ai_json_word(r, p, "null", 4);
        type = AI_JSON_NULL;
        break;

    default:
        p = ai_json_number(r, p, closed);
        type = AI_JSON_NUMBER;
        break;
    }

    if (p != NULL) {
        ai_json_add(r, t, start, p, type);
    }

    return p;
}


/* past the colon of the key whose quote is at p */

ai_json_inline const ai_char_t *
ai_json_key(ai_json_run_t *r, ai_json_table_t *t, const ai_char_t *p,
    const int closed)
{
    const ai_char_t  *start;

    if ((!closed && p == r->end) || *p != '"') {

        p = ai_json_blank(r, p, closed);

        if (!closed && p == r->end) {
            return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
        }

        if (*p != '"') {
            return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
        }
    }

    if (ai_json_room(r, t) != AI_OK) {
        return NULL;
    }

    start = p;

    p = ai_json_string(r, t, p, 1);
    if (p == NULL) {
        return NULL;
    }

    if ((size_t) (p - start) > r->key) {
        return ai_json_fail(r, AI_JSON_E_LIMIT, start);
    }

    if ((!closed && p == r->end) || *p != ':') {

        p = ai_json_blank(r, p, closed);

        if (!closed && p == r->end) {
            return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
        }

        if (*p != ':') {
            return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
        }
    }

    return p + 1;
}


ai_json_inline void
ai_json_open(const ai_json_run_t *r, ai_json_table_t *t, const ai_char_t *p)
{
    uint32_t  n;

    n = t->n;
    t->open = t->node;

    ai_json_add(r, t, p, p, *p == '{' ? AI_JSON_OBJECT : AI_JSON_ARRAY);

    t->open->next = t->container;
    t->container = n;
    t->closer = *p + 2u;        /* as ASCII has them */
    t->depth++;
}


/* at the bracket */

ai_json_inline void
ai_json_close(const ai_json_run_t *r, ai_json_table_t *t, const ai_char_t *p)
{
    t->container = t->open->next;
    t->depth--;

    t->open->len = (uint32_t) (p + 1 - r->text) - t->open->off;
    t->open->next = t->n;

    if (t->container != AI_JSON_NONE) {
        t->open = r->doc->node + t->container;
        t->closer = t->open->type == AI_JSON_OBJECT ? '}' : ']';
    }
}


/*
 * The whole text; NULL if it is not right.
 *
 * There are two of it.  Where the last byte that is no blank closes a
 * bracket, no end can come behind anything but a closing bracket, or in a
 * string: it is looked for only there.
 */

ai_json_inline const ai_char_t *
ai_json_read(ai_json_run_t *r, const ai_char_t *p, const int closed)
{
    ai_char_t         c;
    ai_json_node_t    root;
    ai_json_table_t   t;

    if (r->doc->node == NULL && ai_json_grow(r, 0) != AI_OK) {
        return NULL;
    }

    t.node = r->doc->node;
    t.last = t.node + ai_min(r->doc->alloc, r->limits->nodes);
    t.n = 0;
    t.open = &root;
    t.container = AI_JSON_NONE;
    t.closer = AI_JSON_NO_CLOSER;
    t.depth = 0;

    /* a container for the root value, so that there is always one */
    root.count = 0;

value:

    if (!closed && p == r->end) {
        return ai_json_fail(r, t.n ? AI_JSON_E_TRUNCATED : AI_JSON_E_EMPTY,
                            p);
    }

    c = *p;

    if (ai_json_is_blank(c)) {
        p++;
        goto value;
    }

    if (ai_json_room(r, &t) != AI_OK) {
        return NULL;
    }

    t.open->count++;

    if (c == '"') {
        p = ai_json_string(r, &t, p, 0);

    } else if (c != '{' && c != '[') {
        p = ai_json_scalar(r, &t, p, closed);

    } else {

        if (t.depth == r->limits->depth) {
            return ai_json_fail(r, AI_JSON_E_LIMIT, p);
        }

        ai_json_open(r, &t, p);

        p = ai_json_blank(r, p + 1, closed);

        if (!closed && p == r->end) {
            return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
        }

        if (*p == t.closer) {
            goto close;
        }

        if (c == '[') {
            goto value;
        }

        goto key;
    }

    if (p == NULL) {
        return NULL;
    }

    if (!closed && t.container == AI_JSON_NONE) {
        goto end;
    }

    if (!closed && p == r->end) {
        return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
    }

behind:

    c = *p;

    if (c == ',') {
        p++;

        if (t.closer == '}') {
            goto key;
        }

        if (t.closer == ']') {
            goto value;
        }
    }

    if (c != t.closer) {

        if (!ai_json_is_blank(c)) {
            return ai_json_fail(r, t.closer == AI_JSON_NO_CLOSER
                                   ? AI_JSON_E_TRAILING : AI_JSON_E_SYNTAX,
                                p);
        }

        p = ai_json_blank(r, p, 0);

        if (p == r->end) {
            return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
        }

        goto behind;
    }

close:

    if (t.open->count > r->limits->members && t.closer == '}') {
        return ai_json_fail(r, AI_JSON_E_LIMIT, p);
    }

    ai_json_close(r, &t, p);

    p++;

    if (t.container == AI_JSON_NONE) {
        goto end;
    }

    if (p == r->end) {
        return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
    }

    goto behind;

key:

    p = ai_json_key(r, &t, p, closed);

    if (p == NULL) {
        return NULL;
    }

    goto value;

end:

    p = ai_json_blank(r, p, 0);

    if (p != r->end) {
        return ai_json_fail(r, AI_JSON_E_TRAILING, p);
    }

    r->doc->n = t.n;

    return p;
}


ai_json_noinline const ai_char_t *
ai_json_any(ai_json_run_t *r, const ai_char_t *p)
{
    return ai_json_read(r, p, 0);
}


ai_json_noinline const ai_char_t *
ai_json_closed(ai_json_run_t *r, const ai_char_t *p)
{
    return ai_json_read(r, p, 1);
}


/* from somewhere in a string to past its closing quote */

ai_json_noinline const ai_char_t *
ai_json_string_rest(ai_json_run_t *r, const ai_char_t *p, ai_int_t key)
{
    r->escaped = 0;

    for ( ;; ) {
        p = ai_scan_plain(p, r->end);

        if (p == r->end) {
            return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
        }

        if (*p == '"') {
            return p + 1;
        }

        if (*p == '\\') {
            r->escaped = 1;
            p = ai_json_escape(r, p, key);

        } else if (*p >= 0x80) {
            p = ai_json_utf8(r, p);

        } else {
            p = ai_json_fail(r, AI_JSON_E_SYNTAX, p);
        }

        if (p == NULL) {
            return NULL;
        }
    }
}


const ai_char_t *
ai_json_string_end(ai_json_t *doc, const ai_str_t *text, const ai_char_t *p,
    ai_int_t *escaped)
{
    ai_json_run_t  r;

    r.doc = doc;
    r.text = text->data;
    r.end = text->data + text->len;
    r.escaped = 0;

    p = ai_json_string_rest(&r, p, 0);

    *escaped = r.escaped;

    return p;
}


static inline const ai_char_t *
ai_json_utf8(ai_json_run_t *r, const ai_char_t *p)
{
    p = ai_utf8_run(p, r->end);

    if (p == r->end || *p < 0x80) {
        return p;
    }

    /* a good start that the end of the text cuts off is not malformed */

    return ai_json_fail(r, p[0] >= 0xc2 && p[0] <= 0xf4
                           && p + ai_utf8_bad(p, r->end) == r->end
                           ? AI_JSON_E_TRUNCATED : AI_JSON_E_UTF8, p);
}


/* one escape after the other, as text in \u notation has them */

static inline const ai_char_t *
ai_json_escape(ai_json_run_t *r, const ai_char_t *p, ai_int_t key)
{
    do {
        if (r->end - p < 2) {
            return ai_json_fail(r, AI_JSON_E_TRUNCATED, r->end);
        }

        switch (p[1]) {

        case '"': case '\\': case '/':
        case 'b': case 'f': case 'n': case 'r': case 't':
            p += 2;
            break;

        case 'u':
            p = ai_json_unicode(r, p, key);
            if (p == NULL) {
                return NULL;
            }

            break;

        default:
            return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
        }

    } while (p < r->end && *p == '\\');

    return p;
}


/* \uXXXX; in a key it must be a character other than NUL, in a value any
 * four digits do */

static const ai_char_t *
ai_json_unicode(ai_json_run_t *r, const ai_char_t *p, ai_int_t key)
{
    int32_t  c, low;

    c = ai_json_hex4(p + 2, r->end);

    if (c < 0) {
        return ai_json_fail(r, r->end - p < 6 ? AI_JSON_E_TRUNCATED
                                              : AI_JSON_E_SYNTAX, p);
    }

    if (!key || (c != 0 && (c & 0xf800) != 0xd800)) {
        return p + 6;
    }

    if ((c & 0xfc00) == 0xd800 && r->end - p >= 12
        && p[6] == '\\' && p[7] == 'u')
    {
        low = ai_json_hex4(p + 8, r->end);

        if (low >= 0 && (low & 0xfc00) == 0xdc00) {
            return p + 12;
        }
    }

    return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
}


ai_json_noinline ai_int_t
ai_json_grow(ai_json_run_t *r, uint32_t used)
{
    size_t           n;
    ai_json_t       *doc;
    ai_json_node_t  *node;

    doc = r->doc;

    if (used >= r->limits->nodes) {
        ai_json_fail(r, AI_JSON_E_LIMIT, r->end);
        return AI_ERROR;
    }

    /* a text of 1 GB has less than 2^30 nodes, so that 32 bits do */

    n = ai_max(doc->alloc, AI_JSON_MIN / 2);

    if (n > SIZE_MAX / 2 / sizeof(ai_json_node_t)) {
        ai_json_fail(r, AI_JSON_E_MEMORY, r->end);
        return AI_ERROR;
    }

    n = n * 2;

    node = ai_palloc(doc->pool, n * sizeof(ai_json_node_t));
    if (node == NULL) {
        ai_json_fail(r, AI_JSON_E_MEMORY, r->end);
        return AI_ERROR;
    }

    if (used) {
        memcpy(node, doc->node, used * sizeof(ai_json_node_t));
    }

    ai_pfree(doc->pool, doc->node);

    doc->node = node;
    doc->alloc = (uint32_t) n;

    return AI_OK;
}


/* returns NULL, for the callers to return */

ai_json_noinline __attribute__((cold)) const ai_char_t *
ai_json_fail(ai_json_run_t *r, ai_json_error_e error, const ai_char_t *p)
{
    r->doc->n = 0;
    r->doc->error = error;
    r->doc->error_off = (size_t) (p - r->doc->text);

    return NULL;
}
