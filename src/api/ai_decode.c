
#include <api/ai_decode_int.h>


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
