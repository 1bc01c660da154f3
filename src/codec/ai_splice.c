
/*
 * Edits of a JSON text.
 *
 * Where a removed member's comma is depends on what else goes, so positions
 * of removals and the commas of insertions are worked out in finish:
 *
 *     {"a":1, "b":2, "c":3}       a member before the first one that stays
 *      ------                     goes with what is behind it, up to the next
 *
 *     {"a":1, "b":2, "c":3}       one after it goes with the comma in front
 *           --------
 */

#include <codec/ai_splice.h>


static ai_edit_t *ai_splice_add(ai_splice_t *s, ai_edit_e kind);
static ai_int_t ai_splice_is_object(const ai_json_t *doc, ai_ref_t object);
static ai_ref_t ai_splice_first_kept(const ai_splice_t *s,
    const ai_json_t *doc, ai_ref_t object);
static void ai_splice_place_remove(const ai_splice_t *s, const ai_json_t *doc,
    ai_edit_t *e);
static void ai_splice_place_insert(const ai_splice_t *s, const ai_json_t *doc,
    ai_edit_t *e);
static void ai_splice_sort(ai_splice_t *s);
static ai_int_t ai_splice_after(const ai_edit_t *a, const ai_edit_t *b);


void
ai_splice_init(ai_splice_t *s)
{
    s->n = 0;
    s->failed = 0;
}


void
ai_splice_replace(ai_splice_t *s, const ai_json_t *doc, ai_ref_t v,
    const ai_raw_t *with)
{
    ai_edit_t  *e;

    if (v >= doc->n) {
        s->failed = 1;
        return;
    }

    e = ai_splice_add(s, AI_EDIT_REPLACE);

    if (e != NULL) {
        e->off = doc->node[v].off;
        e->len = doc->node[v].len;
        e->with = *with;
    }
}


void
ai_splice_remove(ai_splice_t *s, const ai_json_t *doc, ai_ref_t object,
    ai_ref_t key)
{
    ai_edit_t  *e;

    if (!ai_splice_is_object(doc, object) || key <= object
        || key >= doc->node[object].next)
    {
        s->failed = 1;
        return;
    }

    e = ai_splice_add(s, AI_EDIT_REMOVE);

    if (e != NULL) {
        e->object = object;
        e->key = key;
    }
}


void
ai_splice_insert(ai_splice_t *s, const ai_json_t *doc, ai_ref_t object,
    const ai_raw_t *member)
{
    ai_edit_t  *e;

    if (!ai_splice_is_object(doc, object)) {
        s->failed = 1;
        return;
    }

    e = ai_splice_add(s, AI_EDIT_INSERT);

    if (e != NULL) {
        e->object = object;
        e->off = doc->node[object].off + 1;
        e->with = *member;
    }
}


static ai_edit_t *
ai_splice_add(ai_splice_t *s, ai_edit_e kind)
{
    ai_edit_t  *e;

    if (s->n == AI_SPLICE_MAX) {
        s->failed = 1;
        return NULL;
    }

    e = &s->edit[s->n++];

    memset(e, 0, sizeof(ai_edit_t));

    e->kind = kind;

    return e;
}


static ai_int_t
ai_splice_is_object(const ai_json_t *doc, ai_ref_t object)
{
    return ai_json_type(doc, object) == AI_JSON_OBJECT;
}


ai_int_t
ai_splice_finish(ai_splice_t *s, const ai_json_t *doc, size_t *len)
{
    size_t      size;
    uint32_t    i, done;
    ai_edit_t  *e;

    for (i = 0; i < s->n; i++) {
        e = &s->edit[i];

        if (e->kind == AI_EDIT_REMOVE) {
            ai_splice_place_remove(s, doc, e);

        } else if (e->kind == AI_EDIT_INSERT) {
            ai_splice_place_insert(s, doc, e);
        }
    }

    ai_splice_sort(s);

    size = doc->len;
    done = 0;

    for (i = 0; i < s->n; i++) {
        e = &s->edit[i];

        if (e->off < done || e->off > doc->len || e->len > doc->len - e->off
            || e->with.len > PTRDIFF_MAX - size - 1)
        {
            s->failed = 1;
            break;
        }

        done = e->off + e->len;
        size = size - e->len + e->with.len + e->comma;
    }

    *len = size;

    return s->failed ? AI_ERROR : AI_OK;
}


void
ai_splice_write(const ai_splice_t *s, const ai_json_t *doc, ai_buf_t *b)
{
    uint32_t          i, done;
    const ai_edit_t  *e;

    done = 0;

    for (i = 0; i < s->n; i++) {
        e = &s->edit[i];

        ai_buf_add(b, doc->text + done, e->off - done);
        ai_buf_cat(b, &e->with);

        if (e->comma) {
            ai_buf_char(b, ',');
        }

        done = e->off + e->len;
    }

    ai_buf_add(b, doc->text + done, doc->len - done);
}


/* the key of the first member no edit removes, or what follows the object */

static ai_ref_t
ai_splice_first_kept(const ai_splice_t *s, const ai_json_t *doc,
    ai_ref_t object)
{
    uint32_t  i;
    ai_ref_t  key, end;

    key = object + 1;
    end = doc->node[object].next;

    for (i = 0; i < s->n && key < end; /* void */) {

        if (s->edit[i].kind == AI_EDIT_REMOVE && s->edit[i].key == key) {
            key = doc->node[ai_json_value(doc, key)].next;
            i = 0;

        } else {
            i++;
        }
    }

    return key;
}


static void
ai_splice_place_remove(const ai_splice_t *s, const ai_json_t *doc,
    ai_edit_t *e)
{
    uint32_t               from, to;
    const ai_json_node_t  *value;

    value = &doc->node[ai_json_value(doc, e->key)];

    from = doc->node[e->key].off;
    to = value->off + value->len;

    if (e->key > ai_splice_first_kept(s, doc, e->object)) {

        do {
            from--;
        } while (doc->text[from] != ',');

    } else if (value->next < doc->node[e->object].next) {
        to = doc->node[value->next].off;
    }

    e->off = from;
    e->len = to - from;
}


/* a comma between insertions, and before a member that stays */

static void
ai_splice_place_insert(const ai_splice_t *s, const ai_json_t *doc,
    ai_edit_t *e)
{
    const ai_edit_t  *next;

    e->comma = ai_splice_first_kept(s, doc, e->object)
               < doc->node[e->object].next;

    for (next = e + 1; next < s->edit + s->n; next++) {
        if (next->kind == AI_EDIT_INSERT && next->object == e->object) {
            e->comma = 1;
        }
    }
}


/* by insertion, which keeps the order of the calls at one place */

static void
ai_splice_sort(ai_splice_t *s)
{
    uint32_t   i, k;
    ai_edit_t  e;

    for (i = 1; i < s->n; i++) {
        e = s->edit[i];

        for (k = i; k > 0 && ai_splice_after(&s->edit[k - 1], &e); k--) {
            s->edit[k] = s->edit[k - 1];
        }

        s->edit[k] = e;
    }
}


/* what inserts comes before what goes from the same place */

static ai_int_t
ai_splice_after(const ai_edit_t *a, const ai_edit_t *b)
{
    return a->off > b->off || (a->off == b->off && a->len && b->len == 0);
}
