
/*
 * What OpenAI itself refuses of a conversation that was led with others: items
 * of reasoning that are not its own.  Those with state say so in the text of
 * it; those without are known by their id, which OpenAI has nothing under.
 *
 * State of OpenAI's that came another way is its own again: our wrapping is
 * taken off, and with it the id, which is not the one it was made for.
 */

#include <api/ai_responses_int.h>


#define AI_RESPONSES_ID_RANDOM  29      /* ai_dialect_id(), behind which ... */
#define AI_RESPONSES_ID_DIGITS  4       /* ... the number of the item is */


typedef struct {
    const ai_json_t   *doc;
    const ai_pool_t   *pool;
    ai_omit_t         *omit;
} ai_responses_foreign_t;


typedef struct {
    ai_ref_t           type;
    ai_ref_t           id;
    ai_ref_t           content;
    ai_ref_t           opaque;
} ai_responses_thought_t;


static ai_int_t ai_responses_foreign_item(ai_responses_foreign_t *f,
    ai_ref_t input, ai_ref_t v);
static ai_int_t ai_responses_foreign_wrapped(ai_responses_foreign_t *f,
    ai_ref_t input, ai_ref_t v, const ai_responses_thought_t *t);
static ai_int_t ai_responses_foreign_own(ai_responses_foreign_t *f,
    const ai_esc_t *opaque, ai_raw_t *raw);
static ai_int_t ai_responses_foreign_stored(const ai_json_t *doc,
    const ai_responses_thought_t *t);
static ai_int_t ai_responses_foreign_id(const ai_esc_t *id);


ai_int_t
ai_responses_foreign(const ai_json_t *doc, const ai_pool_t *pool,
    ai_omit_t *omit)
{
    ai_ref_t                v, input;
    ai_responses_foreign_t  f;

    ai_omit_init(omit, pool);

    f.doc = doc;
    f.pool = pool;
    f.omit = omit;

    input = ai_json_get(doc, AI_JSON_ROOT, "input");

    if (ai_json_type(doc, input) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (v = ai_json_first(doc, input);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, input, v))
    {
        if (ai_json_type(doc, v) == AI_JSON_OBJECT
            && ai_responses_foreign_item(&f, input, v) != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_responses_foreign_item(ai_responses_foreign_t *f, ai_ref_t input,
    ai_ref_t v)
{
    ai_esc_t                opaque;
    ai_responses_thought_t  t;

    t.type = ai_json_get(f->doc, v, "type");

    if (!ai_json_is(f->doc, t.type, "reasoning")) {
        return AI_OK;
    }

    t.id = ai_json_get(f->doc, v, "id");
    t.content = ai_json_get(f->doc, v, "content");
    t.opaque = ai_json_get(f->doc, v, "encrypted_content");

    opaque = ai_json_esc(f->doc, t.opaque);

    if (opaque.data && ai_responses_state_ours(&opaque)) {
        return ai_responses_foreign_wrapped(f, input, v, &t);
    }

    return ai_responses_foreign_stored(f->doc, &t)
           ? AI_OK : ai_omit_add(f->omit, f->doc, input, v);
}


static ai_int_t
ai_responses_foreign_wrapped(ai_responses_foreign_t *f, ai_ref_t input,
    ai_ref_t v, const ai_responses_thought_t *t)
{
    ai_int_t  rc;
    ai_esc_t  opaque;
    ai_raw_t  raw;

    opaque = ai_json_esc(f->doc, t->opaque);

    rc = ai_responses_foreign_own(f, &opaque, &raw);

    if (rc == AI_DECLINED) {
        return ai_omit_add(f->omit, f->doc, input, v);
    }

    if (rc != AI_OK
        || ai_omit_replace(f->omit, f->doc, t->opaque, &raw) != AI_OK)
    {
        return AI_ERROR;
    }

    return t->id == AI_JSON_NONE
           ? AI_OK : ai_omit_add(f->omit, f->doc, v, t->id - 1);
}


/* AI_OK: raw is OpenAI's state, in quotes; AI_DECLINED: it is not OpenAI's */

static ai_int_t
ai_responses_foreign_own(ai_responses_foreign_t *f, const ai_esc_t *opaque,
    ai_raw_t *raw)
{
    ai_int_t              rc;
    ai_buf_t              b;
    ai_ref_t              list;
    ai_json_t             doc;
    ai_responses_state_t  st;

    ai_json_init(&doc, f->pool);

    rc = ai_responses_state_read(opaque, &doc, &list);

    if (rc == AI_OK) {
        rc = doc.node[list].count == 1
             ? ai_responses_state_get(&doc, ai_json_first(&doc, list), &st)
             : AI_DECLINED;
    }

    if (rc == AI_OK
        && (st.family != AI_FAMILY_OPENAI
            || (st.kind != AI_BLOCK_THINKING && st.kind != AI_BLOCK_REDACTED)
            || ai_responses_state_ours(&st.opaque)))
    {
        rc = AI_DECLINED;
    }

    if (rc == AI_OK) {
        ai_buf_init(&b, f->pool);
        ai_buf_quote_esc(&b, &st.opaque);
        rc = b.failed ? AI_ERROR : AI_OK;
        *raw = ai_buf_str(&b);
    }

    if (doc.node) {
        ai_pfree(f->pool, doc.node);
    }

    return rc;
}


/* is there anything that a model can take up: state, the thoughts themselves,
 * or an id that is OpenAI's?  1 or 0 */

static ai_int_t
ai_responses_foreign_stored(const ai_json_t *doc,
    const ai_responses_thought_t *t)
{
    ai_esc_t  id;

    if (!ai_json_is_null(doc, t->opaque)) {
        return 1;
    }

    if (!ai_json_is_null(doc, t->content)
        && (ai_json_type(doc, t->content) != AI_JSON_ARRAY
            || doc->node[t->content].count))
    {
        return 1;
    }

    if (ai_json_is_null(doc, t->id)) {
        return 0;
    }

    id = ai_json_esc(doc, t->id);

    return id.data == NULL || !ai_responses_foreign_id(&id);
}


/*
 * Is it one of ours?  1 or 0.  Letters beyond "f" tell it from a number that
 * is written in hex, as OpenAI and others do.
 */

static ai_int_t
ai_responses_foreign_id(const ai_esc_t *id)
{
    size_t      i, n;
    ai_char_t   ch;
    ai_uint_t   digits, letters;

    n = sizeof("rs_") - 1;

    if (!ai_str_starts(id, "rs_")
        || id->len <= n + AI_RESPONSES_ID_RANDOM
        || id->len > n + AI_RESPONSES_ID_RANDOM + AI_RESPONSES_ID_DIGITS)
    {
        return 0;
    }

    letters = 0;

    for (i = n; i < id->len; i++) {
        ch = id->data[i];
        digits = (ch >= '0' && ch <= '9');

        if (!digits && (i >= n + AI_RESPONSES_ID_RANDOM
                        || !((ch >= 'a' && ch <= 'z')
                             || (ch >= 'A' && ch <= 'Z'))))
        {
            return 0;
        }

        letters += !digits && !(ch >= 'a' && ch <= 'f');
    }

    return letters != 0;
}
