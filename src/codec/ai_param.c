
/*
 * Edits of a body that the configuration asks for.
 *
 * The edits of a list are put into one tree of names, where each meets what
 * those before it left; the tree then becomes edits of the text that cannot
 * overlap.  An edit within a value that another has set has to wait until that
 * value is part of the text: the rest of the list is a second round.
 */

#include <codec/ai_param.h>
#include <base/ai_scan.h>

#include <float.h>


typedef enum {
    AI_PARAM_KEEP = 0,              /* as in the body, or absent */
    AI_PARAM_VALUE,                 /* is set to raw */
    AI_PARAM_GONE,
    AI_PARAM_MADE                   /* an object of its children */
} ai_param_state_e;


typedef struct ai_param_node_s  ai_param_node_t;

struct ai_param_node_s {
    ai_param_node_t        *next;
    ai_param_node_t        *children;
    const ai_param_name_t  *name;
    ai_ref_t                v;      /* in the body, or AI_JSON_NONE */
    ai_raw_t                raw;
    ai_param_state_e        state;
    unsigned                element:1;
    unsigned                unique:1;
};


typedef struct {
    const ai_pool_t        *pool;
    ai_error_t             *err;
    ai_json_t               doc;    /* the body */
    ai_json_t               value;  /* of an edit */
    ai_param_node_t         root;
    ai_splice_t             splice;
} ai_param_plan_t;


static ai_int_t ai_param_names(ai_param_path_t *path, ai_buf_t *names,
    const char **why);
static ai_int_t ai_param_is_text(const ai_str_t *s);
static uint32_t ai_param_index(const ai_str_t *name);
static ai_int_t ai_param_parse(ai_param_plan_t *p, const ai_str_t *text);
static ai_int_t ai_param_round(ai_param_plan_t *p, const ai_param_t *list,
    size_t n, size_t *done);
static ai_int_t ai_param_text(ai_param_plan_t *p, ai_buf_t *b);
static ai_int_t ai_param_edit(ai_param_plan_t *p, const ai_param_t *e);
static ai_int_t ai_param_typed(ai_param_plan_t *p, const ai_param_t *e,
    ai_raw_t *raw);
static ai_int_t ai_param_child(ai_param_plan_t *p, const ai_param_t *e,
    const ai_param_name_t *name, ai_param_node_t **at);
static ai_int_t ai_param_find(ai_param_plan_t *p, const ai_param_t *e,
    ai_param_node_t *up, const ai_param_name_t *name, ai_ref_t *v);
static ai_int_t ai_param_leaf(ai_param_plan_t *p, const ai_param_t *e,
    ai_param_node_t *node, const ai_raw_t *raw);
static ai_int_t ai_param_limit(ai_param_plan_t *p, const ai_param_t *e,
    ai_param_node_t *node, const ai_raw_t *raw);
static ai_int_t ai_param_number(ai_param_plan_t *p, const ai_raw_t *raw,
    double *n);
static ai_int_t ai_param_is_absent(const ai_param_plan_t *p,
    const ai_param_node_t *node);
static ai_int_t ai_param_emit(ai_param_plan_t *p, ai_param_node_t *up);
static ai_int_t ai_param_emit_one(ai_param_plan_t *p, ai_ref_t object,
    ai_param_node_t *node);
static void ai_param_write(ai_buf_t *b, const ai_param_node_t *node);
static ai_int_t ai_param_fail(ai_param_plan_t *p, const ai_param_t *e,
    ai_error_e kind, const char *why);
static ai_int_t ai_param_no_memory(ai_param_plan_t *p);


ai_int_t
ai_param_compile(const ai_str_t *text, const ai_pool_t *pool,
    ai_param_path_t *path, const char **why)
{
    ai_buf_t  names;

    *why = NULL;

    path->text = *text;
    path->n = 0;

    if (text->len == 0) {
        *why = "the path is empty";
        return AI_ERROR;
    }

    if (!ai_param_is_text(text)) {
        *why = "the path has letters that are no UTF-8, or controls";
        return AI_ERROR;
    }

    path->name = ai_palloc(pool, AI_PARAM_DEPTH * sizeof(ai_param_name_t));
    if (path->name == NULL) {
        return AI_ERROR;
    }

    /* reserved as a whole, so that names stay where they are */

    ai_buf_init(&names, pool);

    if (ai_buf_reserve(&names, text->len + 1) != AI_OK) {
        return AI_ERROR;
    }

    return ai_param_names(path, &names, why);
}


static ai_int_t
ai_param_names(ai_param_path_t *path, ai_buf_t *names, const char **why)
{
    size_t            i;
    ai_char_t         c;
    const ai_str_t   *text;
    ai_param_name_t  *name;

    text = &path->text;
    name = NULL;

    for (i = 0; i <= text->len; i++) {

        if (name == NULL) {

            if (path->n == AI_PARAM_DEPTH) {
                *why = "the path has too many names";
                return AI_ERROR;
            }

            name = &path->name[path->n++];
            name->name.data = names->last;
        }

        c = i < text->len ? text->data[i] : '.';

        if (c != '.') {

            if (c == '\\') {
                if (++i == text->len) {
                    *why = "the path ends with a backslash";
                    return AI_ERROR;
                }

                c = text->data[i];
            }

            ai_buf_char(names, c);
            continue;
        }

        name->name.len = (size_t) (names->last - name->name.data);
        name->index = ai_param_index(&name->name);

        if (name->name.len == 0 || name->name.len > AI_PARAM_NAME) {
            *why = name->name.len ? "the path has too long a name"
                                  : "the path has an empty name";
            return AI_ERROR;
        }

        name = NULL;
    }

    return AI_OK;
}


static ai_int_t
ai_param_is_text(const ai_str_t *s)
{
    unsigned          n;
    const ai_char_t  *p, *end;

    end = s->data + s->len;

    for (p = s->data; p < end; p += n) {

        n = *p < 0x80 ? *p >= 0x20 && *p != 0x7f : ai_utf8_len(p, end);

        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


static uint32_t
ai_param_index(const ai_str_t *name)
{
    size_t    i;
    uint32_t  n;

    if (name->len == 0 || name->len > 9
        || (name->len > 1 && name->data[0] == '0'))
    {
        return AI_JSON_NONE;
    }

    n = 0;

    for (i = 0; i < name->len; i++) {

        if (name->data[i] < '0' || name->data[i] > '9') {
            return AI_JSON_NONE;
        }

        n = n * 10 + (uint32_t) (name->data[i] - '0');
    }

    return n;
}


ai_int_t
ai_param_check(ai_param_mode_e mode, const ai_str_t *value,
    const ai_pool_t *pool)
{
    double           n;
    ai_int_t         rc;
    ai_param_plan_t  p;

    if ((mode != AI_PARAM_MIN && mode != AI_PARAM_MAX) || value->len == 0) {
        return AI_OK;
    }

    p.pool = pool;
    ai_json_init(&p.value, pool);

    rc = ai_param_number(&p, value, &n);

    ai_pfree(pool, p.value.node);

    return rc;
}


ai_int_t
ai_param_body(const ai_pool_t *pool, const ai_str_t *body,
    const ai_param_t *list, size_t n, ai_buf_t *out, ai_error_t *err)
{
    size_t            i, done;
    ai_str_t          text;
    ai_buf_t          last, next;
    ai_param_plan_t  *p;

    p = ai_pcalloc(pool, sizeof(ai_param_plan_t));
    if (p == NULL) {
        ai_error_set(err, AI_ERR_SERVER, NULL);
        return AI_ERROR;
    }

    p->pool = pool;
    p->err = err;

    ai_json_init(&p->doc, pool);
    ai_json_init(&p->value, pool);
    ai_buf_init(&last, pool);

    text = *body;

    for (i = 0; i < n; i += done) {
        ai_buf_init(&next, pool);

        if (ai_param_parse(p, &text) != AI_OK
            || ai_param_round(p, list + i, n - i, &done) != AI_OK
            || ai_param_text(p, &next) != AI_OK)
        {
            return AI_ERROR;
        }

        if (ai_buf_len(&next)) {
            ai_pfree(pool, last.start);

            last = next;
            text = ai_buf_str(&last);
        }
    }

    ai_pfree(pool, p->doc.node);
    ai_pfree(pool, p->value.node);

    if (ai_buf_len(&last) == 0) {
        return AI_DECLINED;
    }

    *out = last;

    return AI_OK;
}


static ai_int_t
ai_param_parse(ai_param_plan_t *p, const ai_str_t *text)
{
    if (ai_json_parse(&p->doc, text, NULL) != AI_OK) {

        if (p->doc.error == AI_JSON_E_MEMORY) {
            return ai_param_no_memory(p);
        }

        ai_error_set(p->err, AI_ERR_BAD_JSON, ai_json_strerror(p->doc.error));
        return AI_ERROR;
    }

    if (ai_json_type(&p->doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        ai_error_set(p->err, AI_ERR_BAD_JSON,
                     "The request body must be a JSON object.");
        return AI_ERROR;
    }

    return AI_OK;
}


/* as many edits as go together, one at least */

static ai_int_t
ai_param_round(ai_param_plan_t *p, const ai_param_t *list, size_t n,
    size_t *done)
{
    size_t    i;
    ai_int_t  rc;

    memset(&p->root, 0, sizeof(ai_param_node_t));
    ai_splice_init(&p->splice);

    for (i = 0; i < ai_min(n, AI_SPLICE_MAX); i++) {

        rc = ai_param_edit(p, &list[i]);

        if (rc == AI_AGAIN) {
            break;
        }

        if (rc != AI_OK) {
            return AI_ERROR;
        }
    }

    *done = i;

    return ai_param_emit(p, &p->root);
}


/* nothing, if nothing changes */

static ai_int_t
ai_param_text(ai_param_plan_t *p, ai_buf_t *b)
{
    size_t  len;

    if (p->splice.n == 0) {
        return AI_OK;
    }

    if (ai_splice_finish(&p->splice, &p->doc, &len) != AI_OK
        || ai_buf_reserve(b, len) != AI_OK)
    {
        return ai_param_no_memory(p);
    }

    ai_splice_write(&p->splice, &p->doc, b);

    return AI_OK;
}


static ai_int_t
ai_param_edit(ai_param_plan_t *p, const ai_param_t *e)
{
    uint32_t          i;
    ai_int_t          rc;
    ai_raw_t          raw;
    ai_param_node_t  *node;

    if (e->mode != AI_PARAM_DROP) {

        if (e->value.len == 0) {
            return AI_OK;
        }

        if (ai_param_typed(p, e, &raw) != AI_OK) {
            return AI_ERROR;
        }

    } else {
        raw = (ai_raw_t) ai_null_string;
    }

    node = &p->root;

    for (i = 0; i < e->path->n; i++) {

        rc = ai_param_child(p, e, &e->path->name[i], &node);

        if (rc != AI_OK) {
            return rc == AI_DONE ? AI_OK : rc;
        }
    }

    return ai_param_leaf(p, e, node, &raw);
}


/* a JSON value, or the string with these letters */

static ai_int_t
ai_param_typed(ai_param_plan_t *p, const ai_param_t *e, ai_raw_t *raw)
{
    ai_buf_t  b;

    if (ai_json_parse(&p->value, &e->value, NULL) == AI_OK) {
        *raw = ai_json_raw(&p->value, AI_JSON_ROOT);
        return AI_OK;
    }

    if (p->value.error == AI_JSON_E_MEMORY) {
        return ai_param_no_memory(p);
    }

    ai_buf_init(&b, p->pool);
    ai_buf_quote(&b, &e->value);

    *raw = ai_buf_str(&b);

    return b.failed ? ai_param_no_memory(p) : AI_OK;
}


/*
 * One name further down.  AI_DONE: what is to be removed is not there.
 * AI_AGAIN: it is within a value that was set in this round.
 */

static ai_int_t
ai_param_child(ai_param_plan_t *p, const ai_param_t *e,
    const ai_param_name_t *name, ai_param_node_t **at)
{
    ai_int_t          rc;
    ai_ref_t          v;
    ai_param_node_t  *up, *node, **last;

    up = *at;

    if (up->state == AI_PARAM_VALUE) {
        return AI_AGAIN;
    }

    if (ai_param_is_absent(p, up)) {

        if (e->mode == AI_PARAM_DROP) {
            return AI_DONE;
        }

        up->state = AI_PARAM_MADE;
    }

    for (last = &up->children; *last; last = &(*last)->next) {
        if (ai_str_eq(&(*last)->name->name, &name->name)) {
            *at = *last;
            return AI_OK;
        }
    }

    v = AI_JSON_NONE;

    if (up->state == AI_PARAM_KEEP) {
        rc = ai_param_find(p, e, up, name, &v);
        if (rc != AI_OK) {
            return rc;
        }
    }

    if (v == AI_JSON_NONE && e->mode == AI_PARAM_DROP) {
        return AI_DONE;
    }

    node = ai_pcalloc(p->pool, sizeof(ai_param_node_t));
    if (node == NULL) {
        return ai_param_no_memory(p);
    }

    node->name = name;
    node->v = v;
    node->element = up->state == AI_PARAM_KEEP
                    && ai_json_type(&p->doc, up->v) == AI_JSON_ARRAY;

    *last = node;
    *at = node;

    return AI_OK;
}


/* the value of that name below up, which the body has, and which is not null;
 * of a name that is there twice another reader might take the other one */

static ai_int_t
ai_param_find(ai_param_plan_t *p, const ai_param_t *e, ai_param_node_t *up,
    const ai_param_name_t *name, ai_ref_t *v)
{
    uint32_t    i;
    ai_json_t  *doc;

    doc = &p->doc;

    switch (ai_json_type(doc, up->v)) {

    case AI_JSON_OBJECT:
        if (!up->unique && ai_json_unique(doc, up->v) != AI_OK) {

            if (doc->error != AI_JSON_E_DUPLICATE) {
                return ai_param_no_memory(p);
            }

            return ai_param_fail(p, e, AI_ERR_BAD_REQUEST,
                                 "an object on the way has a field twice.");
        }

        up->unique = 1;
        *v = ai_json_member(doc, up->v, (char *) name->name.data,
                            name->name.len);
        return AI_OK;

    case AI_JSON_ARRAY:
        if (name->index < doc->node[up->v].count) {

            *v = ai_json_first(doc, up->v);

            for (i = 0; i < name->index; i++) {
                *v = ai_json_next(doc, up->v, *v);
            }

            return AI_OK;
        }

        /* fall through */

    default:
        if (e->mode == AI_PARAM_DROP) {
            return AI_DONE;
        }

        return ai_param_fail(p, e, AI_ERR_INVALID_VALUE,
                             "what is on the way to it has no such field.");
    }
}


static ai_int_t
ai_param_leaf(ai_param_plan_t *p, const ai_param_t *e, ai_param_node_t *node,
    const ai_raw_t *raw)
{
    switch (e->mode) {

    case AI_PARAM_DROP:
        if (node->element) {
            return ai_param_fail(p, e, AI_ERR_INVALID_VALUE,
                                 "an element of an array cannot be removed.");
        }

        node->state = AI_PARAM_GONE;
        node->children = NULL;
        return AI_OK;

    case AI_PARAM_MIN:
    case AI_PARAM_MAX:
        return ai_param_limit(p, e, node, raw);

    case AI_PARAM_DEFAULT:
        if (!ai_param_is_absent(p, node)) {
            return AI_OK;
        }

        break;

    case AI_PARAM_SET:
        break;
    }

    node->state = AI_PARAM_VALUE;
    node->children = NULL;
    node->raw = *raw;

    return AI_OK;
}


static ai_int_t
ai_param_limit(ai_param_plan_t *p, const ai_param_t *e, ai_param_node_t *node,
    const ai_raw_t *raw)
{
    double    n, limit;
    ai_raw_t  now;

    if (ai_param_number(p, raw, &limit) != AI_OK) {
        return ai_param_fail(p, e, AI_ERR_SERVER, "its limit is no number.");
    }

    if (!ai_param_is_absent(p, node)) {

        now = node->state == AI_PARAM_KEEP ? ai_json_raw(&p->doc, node->v)
                                           : node->raw;

        if (node->state == AI_PARAM_MADE
            || (node->state == AI_PARAM_KEEP
                && ai_json_type(&p->doc, node->v) != AI_JSON_NUMBER)
            || ai_param_number(p, &now, &n) != AI_OK)
        {
            return ai_param_fail(p, e, AI_ERR_INVALID_VALUE,
                                 "it must be a number.");
        }

        if (e->mode == AI_PARAM_MIN ? n >= limit : n <= limit) {
            return AI_OK;
        }
    }

    node->state = AI_PARAM_VALUE;
    node->raw = *raw;

    return AI_OK;
}


/* a number that is too large for a double is as large as one can be */

static ai_int_t
ai_param_number(ai_param_plan_t *p, const ai_raw_t *raw, double *n)
{
    ai_int_t   rc;
    ai_raw_t   number;

    if (ai_json_parse(&p->value, raw, NULL) != AI_OK) {
        return AI_ERROR;
    }

    rc = ai_json_double(&p->value, AI_JSON_ROOT, n);

    if (rc == AI_ERROR) {
        number = ai_json_raw(&p->value, AI_JSON_ROOT);
        *n = number.data[0] == '-' ? -DBL_MAX : DBL_MAX;
    }

    return rc == AI_DECLINED ? AI_ERROR : AI_OK;
}


static ai_int_t
ai_param_is_absent(const ai_param_plan_t *p, const ai_param_node_t *node)
{
    switch (node->state) {

    case AI_PARAM_KEEP:
        return ai_json_is_null(&p->doc, node->v);

    case AI_PARAM_VALUE:
        return ai_str_is(&node->raw, "null");

    case AI_PARAM_GONE:
        return 1;

    case AI_PARAM_MADE:
        break;
    }

    return 0;
}


/* what is below up, which stays */

static ai_int_t
ai_param_emit(ai_param_plan_t *p, ai_param_node_t *up)
{
    ai_param_node_t  *node;

    for (node = up->children; node; node = node->next) {

        switch (node->state) {

        case AI_PARAM_KEEP:
            if (ai_param_emit(p, node) != AI_OK) {
                return AI_ERROR;
            }

            break;

        case AI_PARAM_GONE:
            if (node->v != AI_JSON_NONE) {
                ai_splice_remove(&p->splice, &p->doc, up->v, node->v - 1);
            }

            break;

        default:
            if (ai_param_emit_one(p, up->v, node) != AI_OK) {
                return AI_ERROR;
            }
        }
    }

    return AI_OK;
}


static ai_int_t
ai_param_emit_one(ai_param_plan_t *p, ai_ref_t object, ai_param_node_t *node)
{
    ai_buf_t  b;
    ai_raw_t  raw;

    ai_buf_init(&b, p->pool);

    if (node->v == AI_JSON_NONE) {
        ai_buf_quote(&b, &node->name->name);
        ai_buf_char(&b, ':');
    }

    ai_param_write(&b, node);

    if (b.failed) {
        return ai_param_no_memory(p);
    }

    raw = ai_buf_str(&b);

    if (node->v == AI_JSON_NONE) {
        ai_splice_insert(&p->splice, &p->doc, object, &raw);

    } else {
        ai_splice_replace(&p->splice, &p->doc, node->v, &raw);
    }

    return AI_OK;
}


/* a path is no longer than AI_PARAM_DEPTH */

static void
ai_param_write(ai_buf_t *b, const ai_param_node_t *node)
{
    ai_int_t                some;
    const ai_param_node_t  *child;

    if (node->state == AI_PARAM_VALUE) {
        ai_buf_cat(b, &node->raw);
        return;
    }

    ai_buf_char(b, '{');
    some = 0;

    for (child = node->children; child; child = child->next) {

        if (child->state == AI_PARAM_GONE) {
            continue;
        }

        if (some) {
            ai_buf_char(b, ',');
        }

        some = 1;

        ai_buf_quote(b, &child->name->name);
        ai_buf_char(b, ':');
        ai_param_write(b, child);
    }

    ai_buf_char(b, '}');
}


static ai_int_t
ai_param_fail(ai_param_plan_t *p, const ai_param_t *e, ai_error_e kind,
    const char *why)
{
    ai_buf_t  b;

    ai_buf_init(&b, p->pool);
    ai_buf_lit(&b, "Invalid '");
    ai_buf_cat(&b, &e->path->text);
    ai_buf_lit(&b, "': ");
    ai_buf_add(&b, why, strlen(why));

    ai_error_set_param(p->err, kind, NULL, &e->path->text);

    if (!b.failed) {
        p->err->message = ai_buf_str(&b);
    }

    return AI_ERROR;
}


static ai_int_t
ai_param_no_memory(ai_param_plan_t *p)
{
    ai_error_set(p->err, AI_ERR_SERVER, NULL);

    return AI_ERROR;
}
