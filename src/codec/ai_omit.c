
/*
 * The commas: a value before the first one that stays goes with what is behind
 * it, up to the next; one after it goes with the comma in front.
 *
 *     [1, 2, 3]       [1, 2, 3]       [1, 2, 3]
 *      ---               ---           ---     both of the first: one
 *      ------            ------        ---===  that stays is still to come
 */

#include <codec/ai_omit.h>


typedef struct {
    uint32_t           from;        /* the span that goes */
    uint32_t           to;
    ai_ref_t           next;        /* the node behind it */
    ai_ref_t           in;
    unsigned           lead:1;      /* nothing before it in there stays */
} ai_omit_span_t;


static ai_int_t ai_omit_put(ai_omit_t *o, ai_ref_t in, ai_ref_t v,
    const ai_raw_t *with);
static uint32_t ai_omit_place(const ai_omit_t *o, ai_ref_t v);
static ai_int_t ai_omit_grow(ai_omit_t *o);
static ai_ref_t ai_omit_value(const ai_json_t *doc, const ai_omission_t *e);
static void ai_omit_span(const ai_json_t *doc, const ai_omission_t *e,
    ai_omit_span_t *s);


void
ai_omit_init(ai_omit_t *o, const ai_pool_t *pool)
{
    memset(o, 0, sizeof(ai_omit_t));

    o->pool = pool;
}


ai_int_t
ai_omit_add(ai_omit_t *o, const ai_json_t *doc, ai_ref_t in, ai_ref_t v)
{
    ai_json_type_e  type;

    type = ai_json_type(doc, in);

    if ((type != AI_JSON_ARRAY && type != AI_JSON_OBJECT)
        || v <= in || v >= doc->node[in].next)
    {
        return AI_ERROR;
    }

    return ai_omit_put(o, in, v, NULL);
}


ai_int_t
ai_omit_replace(ai_omit_t *o, const ai_json_t *doc, ai_ref_t v,
    const ai_raw_t *with)
{
    return v < doc->n ? ai_omit_put(o, AI_JSON_NONE, v, with) : AI_ERROR;
}


static ai_int_t
ai_omit_put(ai_omit_t *o, ai_ref_t in, ai_ref_t v, const ai_raw_t *with)
{
    uint32_t        i;
    ai_omission_t  *e;

    i = ai_omit_place(o, v);

    if (i == o->n || o->list[i].ref != v) {

        if (o->n == o->alloc && ai_omit_grow(o) != AI_OK) {
            return AI_ERROR;
        }

        e = &o->list[i];
        memmove(e + 1, e, (o->n - i) * sizeof(ai_omission_t));
        o->n++;

    } else if (with && o->list[i].in != AI_JSON_NONE) {
        return AI_OK;
    }

    e = &o->list[i];
    memset(e, 0, sizeof(ai_omission_t));

    e->ref = v;
    e->in = in;

    if (with) {
        e->with = *with;
    }

    return AI_OK;
}


/* where v is in the list, or would be */

static uint32_t
ai_omit_place(const ai_omit_t *o, ai_ref_t v)
{
    uint32_t  low, high, i;

    if (o->n == 0 || o->list[o->n - 1].ref < v) {
        return o->n;
    }

    low = 0;
    high = o->n;

    while (low < high) {
        i = low + (high - low) / 2;

        if (o->list[i].ref < v) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    return low;
}


static ai_int_t
ai_omit_grow(ai_omit_t *o)
{
    uint32_t        n;
    ai_omission_t  *list;

    /* a node is in it once, and there are less than 2^30 */

    n = o->alloc ? o->alloc * 2 : 16;

    list = ai_palloc(o->pool, (size_t) n * sizeof(ai_omission_t));
    if (list == NULL) {
        return AI_ERROR;
    }

    if (o->n) {
        memcpy(list, o->list, o->n * sizeof(ai_omission_t));
        ai_pfree(o->pool, o->list);
    }

    o->list = list;
    o->alloc = n;

    return AI_OK;
}


void
ai_omit_forget(ai_omit_t *o, const ai_json_t *doc, ai_ref_t v)
{
    uint32_t  from, to;

    if (v >= doc->n) {
        return;
    }

    from = ai_omit_place(o, v);
    to = ai_omit_place(o, doc->node[v].next);

    if (from == to) {
        return;
    }

    memmove(&o->list[from], &o->list[to],
            (o->n - to) * sizeof(ai_omission_t));

    o->n -= to - from;
}


static ai_ref_t
ai_omit_value(const ai_json_t *doc, const ai_omission_t *e)
{
    return ai_json_type(doc, e->in) == AI_JSON_OBJECT
           ? ai_json_value(doc, e->ref) : e->ref;
}


void
ai_omit_write(const ai_omit_t *o, const ai_json_t *doc, ai_buf_t *out)
{
    uint32_t              i, done;
    ai_omit_span_t        s;
    const ai_omission_t  *e;

    memset(&s, 0, sizeof(ai_omit_span_t));

    done = 0;

    for (i = 0; i < o->n; i++) {
        e = &o->list[i];

        if (e->ref < s.next) {
            continue;
        }

        ai_omit_span(doc, e, &s);

        ai_buf_add(out, doc->text + done, s.from - done);
        ai_buf_cat(out, &e->with);

        done = s.to;
    }

    ai_buf_add(out, doc->text + done, doc->len - done);
}


/* s is that of the entry before, of which this one may be the next sibling */

static void
ai_omit_span(const ai_json_t *doc, const ai_omission_t *e, ai_omit_span_t *s)
{
    const ai_json_node_t  *value;

    value = &doc->node[ai_omit_value(doc, e)];

    s->lead = e->in != AI_JSON_NONE
              && (e->ref == e->in + 1
                  || (s->lead && s->in == e->in && s->next == e->ref));

    s->from = doc->node[e->ref].off;
    s->to = value->off + value->len;
    s->next = value->next;
    s->in = e->in;

    if (e->in == AI_JSON_NONE) {
        return;
    }

    if (!s->lead) {

        do {
            s->from--;
        } while (doc->text[s->from] != ',');

    } else if (s->next < doc->node[e->in].next) {
        s->to = doc->node[s->next].off;
    }
}
