
/*
 * What Gemini itself refuses of a conversation that was led with others: a
 * thoughtSignature that our answers made of someone else's state.
 */

#include <api/ai_generate_int.h>


/* stands for the signature of a call that Gemini did not make itself; from
 * the page "Thought signatures" of Google's documentation */
#define AI_GENERATE_UNSIGNED  "\"skip_thought_signature_validator\""


typedef struct {
    const ai_json_t   *doc;
    const ai_pool_t   *pool;
    ai_omit_t         *omit;
} ai_generate_foreign_t;


/* the members of a part that matter */

typedef struct {
    ai_ref_t           signature;   /* the key */
    ai_ref_t           call;
    ai_uint_t          others;      /* with something to say */
} ai_generate_part_t;


static ai_int_t ai_generate_foreign_contents(ai_generate_foreign_t *f,
    ai_ref_t contents);
static ai_int_t ai_generate_foreign_content(ai_generate_foreign_t *f,
    ai_ref_t contents, ai_ref_t content);
static ai_int_t ai_generate_foreign_part(ai_generate_foreign_t *f,
    ai_ref_t parts, ai_ref_t part);
static void ai_generate_foreign_read(const ai_json_t *doc, ai_ref_t part,
    ai_generate_part_t *p);


/* a count of tokens may have the whole request in a member */

ai_int_t
ai_generate_foreign(const ai_json_t *doc, const ai_pool_t *pool,
    ai_omit_t *omit)
{
    ai_ref_t               v;
    ai_generate_foreign_t  f;

    ai_omit_init(omit, pool);

    f.doc = doc;
    f.pool = pool;
    f.omit = omit;

    v = ai_generate_get(doc, AI_JSON_ROOT, "contents");

    if (v == AI_JSON_NONE) {
        v = ai_generate_get(doc, AI_JSON_ROOT, "generateContentRequest");
        v = ai_generate_get(doc, v, "contents");
    }

    return ai_generate_foreign_contents(&f, v);
}


static ai_int_t
ai_generate_foreign_contents(ai_generate_foreign_t *f, ai_ref_t contents)
{
    ai_ref_t  v;

    for (v = ai_generate_first(f->doc, contents);
         v != AI_JSON_NONE;
         v = ai_generate_next(f->doc, contents, v))
    {
        if (ai_json_type(f->doc, v) == AI_JSON_OBJECT
            && ai_generate_foreign_content(f, contents, v) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* SDKs keep each chunk of a stream as a content of its own, so that one may
 * have nothing else: without parts it is refused */

static ai_int_t
ai_generate_foreign_content(ai_generate_foreign_t *f, ai_ref_t contents,
    ai_ref_t content)
{
    ai_int_t   rc;
    ai_ref_t   v, parts;
    ai_uint_t  n;

    parts = ai_generate_get(f->doc, content, "parts");
    n = 0;

    for (v = ai_generate_first(f->doc, parts);
         v != AI_JSON_NONE;
         v = ai_generate_next(f->doc, parts, v))
    {
        if (ai_json_type(f->doc, v) != AI_JSON_OBJECT) {
            continue;
        }

        rc = ai_generate_foreign_part(f, parts, v);

        if (rc == AI_ERROR) {
            return AI_ERROR;
        }

        n += (rc == AI_DONE);
    }

    if (n == 0 || n < f->doc->node[parts].count
        || ai_json_type(f->doc, contents) != AI_JSON_ARRAY)
    {
        return AI_OK;
    }

    ai_omit_forget(f->omit, f->doc, content);

    return ai_omit_add(f->omit, f->doc, contents, content);
}


/* AI_DONE: all of it goes; AI_OK: it stays, with or without the signature */

static ai_int_t
ai_generate_foreign_part(ai_generate_foreign_t *f, ai_ref_t parts,
    ai_ref_t part)
{
    ai_raw_t            raw;
    ai_esc_t            s;
    ai_generate_part_t  p;
    ai_generate_sign_t  sign;

    ai_generate_foreign_read(f->doc, part, &p);

    if (p.signature == AI_JSON_NONE) {
        return AI_OK;
    }

    s = ai_json_esc(f->doc, ai_json_value(f->doc, p.signature));

    if (ai_generate_untag(f->pool, &s, &sign) != AI_OK) {
        return AI_ERROR;
    }

    /* state of Gemini's is never changed, but for that which belongs to no
     * part of an answer */

    if (sign.family == AI_FAMILY_GEMINI && !sign.data) {
        return AI_OK;
    }

    if (p.call != AI_JSON_NONE) {
        raw = ai_lit(AI_GENERATE_UNSIGNED);

        return ai_omit_replace(f->omit, f->doc,
                               ai_json_value(f->doc, p.signature), &raw);
    }

    if (p.others || ai_json_type(f->doc, parts) != AI_JSON_ARRAY) {
        return ai_omit_add(f->omit, f->doc, part, p.signature);
    }

    return ai_omit_add(f->omit, f->doc, parts, part) == AI_OK ? AI_DONE
                                                              : AI_ERROR;
}


static void
ai_generate_foreign_read(const ai_json_t *doc, ai_ref_t part,
    ai_generate_part_t *p)
{
    ai_ref_t  k, v;
    ai_esc_t  s;

    static const ai_str_t  signature = ai_string("thoughtSignature");
    static const ai_str_t  call = ai_string("functionCall");
    static const ai_str_t  thought = ai_string("thought");

    p->signature = AI_JSON_NONE;
    p->call = AI_JSON_NONE;
    p->others = 0;

    for (k = ai_json_first(doc, part);
         k != AI_JSON_NONE;
         k = ai_json_next(doc, part, k))
    {
        v = ai_json_value(doc, k);
        s = ai_json_esc(doc, v);

        if (ai_generate_key_is(doc, k, &signature) && s.data) {
            p->signature = k;

        } else if (ai_generate_key_is(doc, k, &call)) {
            p->call = v;

        } else if (!ai_generate_key_is(doc, k, &thought)
                   && !ai_json_is_null(doc, v)
                   && (s.data == NULL || s.len))
        {
            p->others++;
        }
    }
}
