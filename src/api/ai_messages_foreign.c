
/*
 * What Anthropic itself refuses of a conversation that was led with others:
 * thinking without a signature, or with one that is not its own, which our
 * answers put a word in front of.
 *
 * The tree is walked at once, without a look at the text for those words: in
 * 600 KB of a hundred turns that takes 10 us, one memmem() 60.
 */

#include <api/ai_messages_int.h>


typedef struct {
    const ai_json_t   *doc;
    ai_omit_t         *omit;

    /* the last answer; several messages in a row are one */
    unsigned           speaking:1;
    unsigned           calls:1;     /* it calls tools ... */
    unsigned           thinks:1;    /* ... and has thinking that stays ... */
    unsigned           cut:1;       /* ... and some that does not */
} ai_messages_foreign_t;


static ai_int_t ai_messages_foreign_message(ai_messages_foreign_t *f,
    ai_ref_t messages, ai_ref_t m);
static ai_int_t ai_messages_foreign_content(ai_messages_foreign_t *f,
    ai_ref_t content, ai_uint_t *n);
static ai_int_t ai_messages_foreign_block(ai_messages_foreign_t *f,
    ai_ref_t content, ai_ref_t b);
static ai_int_t ai_messages_foreign_state(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_messages_foreign_loop(ai_messages_foreign_t *f);
static ai_int_t ai_messages_foreign_edits(ai_messages_foreign_t *f);
static ai_int_t ai_messages_foreign_member(ai_messages_foreign_t *f,
    const char *name);


ai_int_t
ai_messages_foreign(const ai_json_t *doc, const ai_pool_t *pool,
    ai_omit_t *omit)
{
    ai_ref_t               m, messages;
    ai_messages_foreign_t  f;

    ai_omit_init(omit, pool);

    memset(&f, 0, sizeof(ai_messages_foreign_t));

    f.doc = doc;
    f.omit = omit;

    messages = ai_json_get(doc, AI_JSON_ROOT, "messages");

    if (ai_json_type(doc, messages) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (m = ai_json_first(doc, messages);
         m != AI_JSON_NONE;
         m = ai_json_next(doc, messages, m))
    {
        if (ai_messages_foreign_message(&f, messages, m) != AI_OK) {
            return AI_ERROR;
        }
    }

    return f.cut && f.calls && !f.thinks ? ai_messages_foreign_loop(&f)
                                         : AI_OK;
}


/* one of which nothing is left goes as a whole: an empty one is refused */

static ai_int_t
ai_messages_foreign_message(ai_messages_foreign_t *f, ai_ref_t messages,
    ai_ref_t m)
{
    ai_ref_t   content;
    ai_uint_t  n;

    if (!ai_json_is(f->doc, ai_json_get(f->doc, m, "role"), "assistant")) {
        f->speaking = 0;
        return AI_OK;
    }

    if (!f->speaking) {
        f->speaking = 1;
        f->calls = 0;
        f->thinks = 0;
        f->cut = 0;
    }

    content = ai_json_get(f->doc, m, "content");

    if (ai_json_type(f->doc, content) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    n = 0;

    if (ai_messages_foreign_content(f, content, &n) != AI_OK) {
        return AI_ERROR;
    }

    if (n == 0 || n < f->doc->node[content].count) {
        return AI_OK;
    }

    ai_omit_forget(f->omit, f->doc, m);

    return ai_omit_add(f->omit, f->doc, messages, m);
}


/* n: how many blocks go */

static ai_int_t
ai_messages_foreign_content(ai_messages_foreign_t *f, ai_ref_t content,
    ai_uint_t *n)
{
    ai_int_t  rc;
    ai_ref_t  b;

    for (b = ai_json_first(f->doc, content);
         b != AI_JSON_NONE;
         b = ai_json_next(f->doc, content, b))
    {
        rc = ai_messages_foreign_block(f, content, b);

        if (rc == AI_ERROR) {
            return AI_ERROR;
        }

        *n += (rc == AI_OK);
    }

    return AI_OK;
}


/* AI_OK: it goes; AI_DECLINED: it stays */

static ai_int_t
ai_messages_foreign_block(ai_messages_foreign_t *f, ai_ref_t content,
    ai_ref_t b)
{
    ai_ref_t          type, state;
    const ai_json_t  *doc;

    doc = f->doc;

    if (ai_json_type(doc, b) != AI_JSON_OBJECT) {
        return AI_DECLINED;
    }

    type = ai_json_get(doc, b, "type");

    if (ai_json_is(doc, type, "thinking")) {
        state = ai_json_get(doc, b, "signature");

    } else if (ai_json_is(doc, type, "redacted_thinking")) {
        state = ai_json_get(doc, b, "data");

    } else {
        f->calls |= ai_json_is(doc, type, "tool_use");
        return AI_DECLINED;
    }

    if (!ai_messages_foreign_state(doc, state)) {
        f->thinks = 1;
        return AI_DECLINED;
    }

    f->cut = 1;

    return ai_omit_add(f->omit, doc, content, b);
}


/* none, or behind a word of ours; what is no string is the client's own
 * mistake.  1 or 0 */

static ai_int_t
ai_messages_foreign_state(const ai_json_t *doc, ai_ref_t v)
{
    ai_esc_t  s;

    if (ai_json_is_null(doc, v)) {
        return 1;
    }

    s = ai_json_esc(doc, v);

    return s.data
           && (s.len == 0
               || ai_str_starts(&s, AI_OPENAI_TAG_GEMINI)
               || ai_str_starts(&s, AI_OPENAI_TAG_OPENAI));
}


/*
 * With a budget for thinking, an answer that waits for results of its calls
 * must begin with thinking.  If all there was is gone the request is made
 * without, as a translated one is (provider/ai_anthropic_plan.c).
 */

static ai_int_t
ai_messages_foreign_loop(ai_messages_foreign_t *f)
{
    ai_ref_t  thinking;

    thinking = ai_json_get(f->doc, AI_JSON_ROOT, "thinking");

    if (!ai_json_is(f->doc, ai_json_get(f->doc, thinking, "type"), "enabled"))
    {
        return AI_OK;
    }

    if (ai_messages_foreign_edits(f) != AI_OK) {
        return AI_ERROR;
    }

    return ai_messages_foreign_member(f, "thinking");
}


/* edits of the context that are refused without thinking */

static ai_int_t
ai_messages_foreign_edits(ai_messages_foreign_t *f)
{
    ai_esc_t   type;
    ai_ref_t   v, context, edits;
    ai_uint_t  n;

    context = ai_json_get(f->doc, AI_JSON_ROOT, "context_management");
    edits = ai_json_get(f->doc, context, "edits");

    if (ai_json_type(f->doc, edits) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    n = 0;

    for (v = ai_json_first(f->doc, edits);
         v != AI_JSON_NONE;
         v = ai_json_next(f->doc, edits, v))
    {
        type = ai_json_esc(f->doc, ai_json_get(f->doc, v, "type"));

        if (!ai_str_starts(&type, "clear_thinking")) {
            continue;
        }

        if (ai_omit_add(f->omit, f->doc, edits, v) != AI_OK) {
            return AI_ERROR;
        }

        n++;
    }

    return n && n == f->doc->node[edits].count
           ? ai_messages_foreign_member(f, "context_management") : AI_OK;
}


static ai_int_t
ai_messages_foreign_member(ai_messages_foreign_t *f, const char *name)
{
    ai_ref_t  v;

    v = ai_json_get(f->doc, AI_JSON_ROOT, name);

    return ai_omit_add(f->omit, f->doc, AI_JSON_ROOT, v - 1);
}
