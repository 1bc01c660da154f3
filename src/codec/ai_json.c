
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
 */

#include <codec/ai_json.h>
#include <codec/ai_json_int.h>
#include <base/ai_scan.h>


#define AI_JSON_MAX    (1024 * 1024 * 1024)
#define AI_JSON_MIN    64


typedef struct {
    ai_json_t               *doc;
    const ai_char_t         *end;
    const ai_json_limits_t  *limits;
    uint32_t                 room;      /* nodes until the table must grow */
    uint32_t                 parent;    /* the innermost open container */
    uint32_t                 depth;
    ai_char_t                close;     /* what ends it */
} ai_json_run_t;


static const ai_char_t *ai_json_run(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_scalar(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_open(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_close(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_behind(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_key(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_string(ai_json_run_t *r, const ai_char_t *p,
    ai_int_t key);
static const ai_char_t *ai_json_string_rest(ai_json_run_t *r,
    const ai_char_t *p, ai_int_t key, uint8_t *escaped);
static const ai_char_t *ai_json_utf8(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_escapes(ai_json_run_t *r, const ai_char_t *p,
    ai_int_t key);
static const ai_char_t *ai_json_unicode(ai_json_run_t *r, const ai_char_t *p,
    ai_int_t key);
static const ai_char_t *ai_json_number(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_digits(ai_json_run_t *r, const ai_char_t *p);
static const ai_char_t *ai_json_word(ai_json_run_t *r, const ai_char_t *p,
    const char *word, size_t len, ai_json_type_e type);
static ai_int_t ai_json_grow(ai_json_run_t *r);
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
}


const char *
ai_json_strerror(ai_json_error_e error)
{
    if ((unsigned) error > AI_JSON_E_MEMORY) {
        error = AI_JSON_E_SYNTAX;
    }

    return ai_json_errors[error];
}


/* past white space */

static inline const ai_char_t *
ai_json_blank(const ai_char_t *p, const ai_char_t *end)
{
    while (p < end && *p <= ' '
           && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    {
        p++;
    }

    return p;
}


/* a node for the text from start to p; its members, if any, come later */

static inline const ai_char_t *
ai_json_add(ai_json_run_t *r, const ai_char_t *start, const ai_char_t *p,
    uint8_t type, uint8_t escaped)
{
    ai_json_t       *doc;
    ai_json_node_t  *node;

    doc = r->doc;

    if (doc->n == r->room && ai_json_grow(r) != AI_OK) {
        return NULL;
    }

    node = &doc->node[doc->n++];

    node->off = (uint32_t) (start - doc->text);
    node->len = (uint32_t) (p - start);
    node->next = doc->n;
    node->count = 0;
    node->type = type;
    node->escaped = escaped;

    return p;
}


ai_int_t
ai_json_parse(ai_json_t *doc, const ai_str_t *text,
    const ai_json_limits_t *limits)
{
    ai_json_run_t     r;
    const ai_char_t  *p;

    doc->text = text->data;
    doc->len = text->len;
    doc->n = 0;
    doc->error = AI_JSON_E_NONE;
    doc->error_off = 0;

    r.doc = doc;
    r.limits = limits ? limits : &ai_json_limits;
    r.room = ai_min(doc->alloc, r.limits->nodes);
    r.parent = AI_JSON_NONE;
    r.depth = 0;
    r.close = '\0';

    if (text->len == 0) {
        doc->error = AI_JSON_E_EMPTY;
        return AI_ERROR;
    }

    p = text->data;
    r.end = p + text->len;

    if (text->len > AI_JSON_MAX) {
        ai_json_fail(&r, AI_JSON_E_LIMIT, p);
        return AI_ERROR;
    }

    p = ai_json_run(&r, p);
    if (p == NULL) {
        return AI_ERROR;
    }

    p = ai_json_blank(p, r.end);

    if (p != r.end) {
        ai_json_fail(&r, AI_JSON_E_TRAILING, p);
        return AI_ERROR;
    }

    return AI_OK;
}


/* the root value; past it, or NULL */

static const ai_char_t *
ai_json_run(ai_json_run_t *r, const ai_char_t *p)
{
    for ( ;; ) {
        p = ai_json_blank(p, r->end);

        if (p < r->end && (*p == '{' || *p == '[')) {

            p = ai_json_open(r, p);
            if (p == NULL) {
                return NULL;
            }

            if (p < r->end && *p != r->close) {

                if (r->close == '}') {
                    p = ai_json_key(r, p);
                    if (p == NULL) {
                        return NULL;
                    }
                }

                continue;
            }

        } else {
            p = ai_json_scalar(r, p);
            if (p == NULL) {
                return NULL;
            }
        }

        p = ai_json_behind(r, p);

        if (p == NULL || r->parent == AI_JSON_NONE) {
            return p;
        }
    }
}


static inline void
ai_json_count(ai_json_run_t *r)
{
    if (r->parent != AI_JSON_NONE) {
        r->doc->node[r->parent].count++;
    }
}


static inline const ai_char_t *
ai_json_scalar(ai_json_run_t *r, const ai_char_t *p)
{
    if (p == r->end) {
        return ai_json_fail(r, r->doc->n ? AI_JSON_E_TRUNCATED
                                         : AI_JSON_E_EMPTY, p);
    }

    ai_json_count(r);

    switch (*p) {

    case '"':
        return ai_json_string(r, p, 0);

    case 't':
        return ai_json_word(r, p, "true", 4, AI_JSON_TRUE);

    case 'f':
        return ai_json_word(r, p, "false", 5, AI_JSON_FALSE);

    case 'n':
        return ai_json_word(r, p, "null", 4, AI_JSON_NULL);

    default:
        return ai_json_number(r, p);
    }
}


/* at the first key or element, or at what closes an empty container */

static inline const ai_char_t *
ai_json_open(ai_json_run_t *r, const ai_char_t *p)
{
    uint32_t  parent;

    if (r->depth == r->limits->depth) {
        return ai_json_fail(r, AI_JSON_E_LIMIT, p);
    }

    ai_json_count(r);

    parent = r->doc->n;

    if (ai_json_add(r, p, p + 1, *p == '{' ? AI_JSON_OBJECT : AI_JSON_ARRAY,
                    0)
        == NULL)
    {
        return NULL;
    }

    r->doc->node[parent].next = r->parent;
    r->parent = parent;
    r->close = *p == '{' ? '}' : ']';
    r->depth++;

    return ai_json_blank(p + 1, r->end);
}


static inline const ai_char_t *
ai_json_close(ai_json_run_t *r, const ai_char_t *p)
{
    ai_json_node_t  *node;

    node = &r->doc->node[r->parent];

    r->parent = node->next;
    r->depth--;

    node->len = (uint32_t) (p + 1 - r->doc->text) - node->off;
    node->next = r->doc->n;

    if (r->parent != AI_JSON_NONE) {
        node = &r->doc->node[r->parent];
        r->close = node->type == AI_JSON_OBJECT ? '}' : ']';
    }

    return p + 1;
}


/* closes what ends here; at the next value, or behind the root */

static inline const ai_char_t *
ai_json_behind(ai_json_run_t *r, const ai_char_t *p)
{
    while (r->parent != AI_JSON_NONE) {

        p = ai_json_blank(p, r->end);

        if (p == r->end) {
            return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
        }

        if (*p == ',') {
            return r->close == ']' ? p + 1
                                   : ai_json_key(r, ai_json_blank(p + 1,
                                                                  r->end));
        }

        if (*p != r->close) {
            return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
        }

        p = ai_json_close(r, p);
    }

    return p;
}


/* past the colon */

static const ai_char_t *
ai_json_key(ai_json_run_t *r, const ai_char_t *p)
{
    if (p == r->end) {
        return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
    }

    if (*p != '"') {
        return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
    }

    if (r->doc->node[r->parent].count >= r->limits->members) {
        return ai_json_fail(r, AI_JSON_E_LIMIT, p);
    }

    p = ai_json_string(r, p, 1);
    if (p == NULL) {
        return NULL;
    }

    p = ai_json_blank(p, r->end);

    if (p == r->end) {
        return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
    }

    if (*p != ':') {
        return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
    }

    return p + 1;
}


/* the string whose quote is at p */

static inline const ai_char_t *
ai_json_string(ai_json_run_t *r, const ai_char_t *p, ai_int_t key)
{
    uint8_t           escaped;
    const ai_char_t  *start;

    start = p;
    escaped = 0;

    p = ai_scan_plain(p + 1, r->end);

    if (p == r->end || *p != '"') {
        p = ai_json_string_rest(r, p, key, &escaped);
        if (p == NULL) {
            return NULL;
        }
    }

    p++;

    if (key && (size_t) (p - start) - 2 > r->limits->key) {
        return ai_json_fail(r, AI_JSON_E_LIMIT, start);
    }

    return ai_json_add(r, start, p, AI_JSON_STRING, escaped);
}


/* from the first byte that is not plain to the closing quote */

static const ai_char_t *
ai_json_string_rest(ai_json_run_t *r, const ai_char_t *p, ai_int_t key,
    uint8_t *escaped)
{
    for ( ;; ) {

        if (p == r->end) {
            return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
        }

        if (*p == '"') {
            return p;
        }

        if (*p == '\\') {
            *escaped = 1;
            p = ai_json_escapes(r, p, key);

        } else if (*p >= 0x80) {
            p = ai_json_utf8(r, p);

        } else {
            p = ai_json_fail(r, AI_JSON_E_SYNTAX, p);
        }

        if (p == NULL) {
            return NULL;
        }

        p = ai_scan_plain(p, r->end);
    }
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

static const ai_char_t *
ai_json_escapes(ai_json_run_t *r, const ai_char_t *p, ai_int_t key)
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


static const ai_char_t *
ai_json_number(ai_json_run_t *r, const ai_char_t *p)
{
    const ai_char_t  *start;

    start = p;

    if (*p == '-') {
        p++;
    }

    if (p < r->end && *p == '0') {
        p++;

    } else {
        p = ai_json_digits(r, p);
        if (p == NULL) {
            return NULL;
        }
    }

    if (p < r->end && *p == '.') {
        p = ai_json_digits(r, p + 1);
        if (p == NULL) {
            return NULL;
        }
    }

    if (p < r->end && (*p | 0x20) == 'e') {
        p++;

        if (p < r->end && (*p == '+' || *p == '-')) {
            p++;
        }

        p = ai_json_digits(r, p);
        if (p == NULL) {
            return NULL;
        }
    }

    return ai_json_add(r, start, p, AI_JSON_NUMBER, 0);
}


/* at least one */

static inline const ai_char_t *
ai_json_digits(ai_json_run_t *r, const ai_char_t *p)
{
    if (p == r->end) {
        return ai_json_fail(r, AI_JSON_E_TRUNCATED, p);
    }

    if (*p < '0' || *p > '9') {
        return ai_json_fail(r, AI_JSON_E_SYNTAX, p);
    }

    do {
        p++;
    } while (p < r->end && *p >= '0' && *p <= '9');

    return p;
}


static inline const ai_char_t *
ai_json_word(ai_json_run_t *r, const ai_char_t *p, const char *word,
    size_t len, ai_json_type_e type)
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

    return ai_json_add(r, p, p + len, (uint8_t) type, 0);
}


static ai_int_t
ai_json_grow(ai_json_run_t *r)
{
    size_t           n;
    ai_json_t       *doc;
    ai_json_node_t  *node;

    doc = r->doc;

    if (doc->n >= r->limits->nodes) {
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

    if (doc->n) {
        memcpy(node, doc->node, doc->n * sizeof(ai_json_node_t));
    }

    ai_pfree(doc->pool, doc->node);

    doc->node = node;
    doc->alloc = (uint32_t) n;

    r->room = ai_min(doc->alloc, r->limits->nodes);

    return AI_OK;
}


/* returns NULL, for the callers to return */

static const ai_char_t *
ai_json_fail(ai_json_run_t *r, ai_json_error_e error, const ai_char_t *p)
{
    r->doc->n = 0;
    r->doc->error = error;
    r->doc->error_off = (size_t) (p - r->doc->text);

    return NULL;
}
