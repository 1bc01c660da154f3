
#include <api/ai_decode_int.h>


#define AI_DECODE_STOP_MAX  64


static const ai_field_t *ai_decode_field(const ai_json_t *doc, ai_ref_t key,
    const ai_field_t *fields);


ai_int_t
ai_decode_root(ai_decode_t *d, const ai_field_t *fields)
{
    ai_ref_t           key, v;
    ai_str_t           name;
    const ai_json_t   *doc;
    const ai_field_t  *f;

    doc = d->c.doc;

    for (key = ai_json_first(doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, AI_JSON_ROOT, key))
    {
        v = ai_json_value(doc, key);

        if (ai_json_is_null(doc, v)) {
            continue;
        }

        f = ai_decode_field(doc, key, fields);

        if (f->name.len == 0) {
            name = ai_json_esc(doc, key);
            ai_dropped_add_str(d->dropped, &name);
            continue;
        }

        if (f->read && f->read(d, f, v) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static const ai_field_t *
ai_decode_field(const ai_json_t *doc, ai_ref_t key, const ai_field_t *fields)
{
    const ai_field_t  *f;

    for (f = fields; f->name.len; f++) {
        if (ai_json_equal(doc, key, (char *) f->name.data, f->name.len)) {
            break;
        }
    }

    return f;
}


ai_int_t
ai_decode_number(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    return ai_openai_number(&d->c, NULL, ai_field_name(f), v,
                            ai_field_at(d, f, ai_raw_t));
}


ai_int_t
ai_decode_whole(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    int64_t  n;

    if (ai_openai_integer(&d->c, NULL, ai_field_name(f), v, INT64_MIN,
                          INT64_MAX, &n) != AI_OK)
    {
        return AI_ERROR;
    }

    *ai_field_at(d, f, ai_raw_t) = ai_json_raw(d->c.doc, v);

    return AI_OK;
}


ai_int_t
ai_decode_flag(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    return ai_openai_flag(&d->c, NULL, ai_field_name(f), v,
                          ai_field_at(d, f, int));
}


ai_int_t
ai_decode_esc(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    return ai_openai_esc(&d->c, NULL, ai_field_name(f), v,
                         ai_field_at(d, f, ai_esc_t));
}


ai_int_t
ai_decode_object(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    return ai_openai_object(&d->c, NULL, ai_field_name(f), v,
                            ai_field_at(d, f, ai_raw_t));
}


ai_int_t
ai_decode_ref(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    *(ai_ref_t *) (void *) ((char *) d->own + f->offset) = v;

    return AI_OK;
}


ai_int_t
ai_decode_drop(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    (void) v;

    ai_dropped_add_str(d->dropped, &f->name);

    return AI_OK;
}


ai_int_t
ai_decode_drop_true(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    if (ai_json_bool(d->c.doc, v) == 0) {
        return AI_OK;
    }

    return ai_decode_drop(d, f, v);
}


ai_int_t
ai_decode_user(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_esc_t  user;

    if (ai_openai_esc(&d->c, NULL, ai_field_name(f), v, &user) != AI_OK) {
        return AI_ERROR;
    }

    if (user.len && (d->rq->user.len == 0 || ai_str_is(&f->name, "user"))) {
        d->rq->user = user;
    }

    return AI_OK;
}


ai_int_t
ai_decode_stop(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    ai_request_t     *rq;
    const ai_json_t  *doc;

    rq = d->rq;
    doc = d->c.doc;

    if (ai_json_type(doc, v) == AI_JSON_ARRAY) {
        return ai_decode_stops(&d->c, NULL, ai_field_name(f), v,
                               AI_DECODE_STOP_MAX, rq);
    }

    if (ai_json_type(doc, v) != AI_JSON_STRING) {
        return ai_openai_bad_type(&d->c, NULL, ai_field_name(f),
                                  "a string or an array", v);
    }

    rq->stop = ai_palloc(d->c.pool, sizeof(ai_esc_t));
    if (rq->stop == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    rq->stop[rq->nstop++] = ai_json_esc(doc, v);

    return AI_OK;
}


ai_int_t
ai_decode_stops(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, uint32_t max, ai_request_t *rq)
{
    uint32_t          n;
    ai_ref_t          e;
    ai_openai_path_t  list, path;

    list.up = up;
    list.name = name;
    list.index = 0;

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    if (ai_openai_want(c, &list, NULL, v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    n = v == AI_JSON_NONE ? 0 : c->doc->node[v].count;

    if (n == 0) {
        return AI_OK;
    }

    if (n > max) {
        return ai_openai_bad_value(c, &list, NULL, ": there are too many.");
    }

    rq->stop = ai_palloc(c->pool, n * sizeof(ai_esc_t));
    if (rq->stop == NULL) {
        return ai_openai_no_memory(c);
    }

    for (e = ai_json_first(c->doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, v, e))
    {
        if (ai_openai_want(c, &path, NULL, e, AI_JSON_STRING) != AI_OK) {
            return AI_ERROR;
        }

        rq->stop[rq->nstop++] = ai_json_esc(c->doc, e);
        path.index++;
    }

    return AI_OK;
}


ai_int_t
ai_decode_top_logprobs(ai_decode_t *d, const ai_field_t *f, ai_ref_t v)
{
    return ai_openai_integer(&d->c, NULL, ai_field_name(f), v, 0, 20,
                             &d->rq->top_logprobs);
}


ai_int_t
ai_decode_effort(ai_decode_t *d, const ai_openai_path_t *up,
    const char *name, ai_ref_t v)
{
    ai_str_t  word;

    if (ai_openai_want(&d->c, up, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_str(d->c.doc, v, d->c.pool, &word) != AI_OK) {
        return ai_openai_no_memory(&d->c);
    }

    d->rq->effort = ai_effort_parse(&word);

    if (d->rq->effort == AI_EFFORT_UNSET) {
        return ai_openai_bad_value(&d->c, up, name,
                                   ": it must be 'none', 'minimal', 'low', "
                                   "'medium', 'high', 'xhigh' or 'max'.");
    }

    return AI_OK;
}
