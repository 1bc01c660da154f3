
/*
 * A provider's state on its way through a client that knows nothing of it.
 */

#include <api/ai_responses_int.h>
#include <codec/ai_base64.h>


typedef struct {
    ai_str_t           name;
    ai_uint_t          value;
} ai_responses_word_t;


static const ai_str_t *ai_responses_word(const ai_responses_word_t *words,
    ai_uint_t value);
static ai_uint_t ai_responses_word_value(const ai_responses_word_t *words,
    const ai_json_t *doc, ai_ref_t v);


static const ai_responses_word_t  ai_responses_kinds[] = {
    { ai_string("thinking"), AI_BLOCK_THINKING },
    { ai_string("redacted"), AI_BLOCK_REDACTED },
    { ai_string("call"), AI_BLOCK_TOOL_CALL },
    { ai_string("text"), AI_BLOCK_TEXT },
    { ai_null_string, 0 }
};

static const ai_responses_word_t  ai_responses_families[] = {
    { ai_string("openai"), AI_FAMILY_OPENAI },
    { ai_string("anthropic"), AI_FAMILY_ANTHROPIC },
    { ai_string("gemini"), AI_FAMILY_GEMINI },
    { ai_null_string, AI_FAMILY_NONE }
};


ai_int_t
ai_responses_state_ours(const ai_esc_t *s)
{
    return ai_str_starts(s, AI_RESPONSES_STATE_MARK);
}


void
ai_responses_state_write(ai_buf_t *b, ai_buf_t *scratch,
    const ai_responses_state_t *st)
{
    ai_str_t  text;

    ai_buf_reset(scratch);

    ai_buf_lit(scratch, AI_RESPONSES_STATE "{\"kind\":");
    ai_buf_quote_esc(scratch, ai_responses_word(ai_responses_kinds, st->kind));
    ai_buf_lit(scratch, ",\"family\":");
    ai_buf_quote_esc(scratch, ai_responses_word(ai_responses_families,
                                                st->family));

    if (st->id.len) {
        ai_buf_lit(scratch, ",\"id\":");
        ai_buf_quote_esc(scratch, &st->id);
    }

    if (st->text.len) {
        ai_buf_lit(scratch, ",\"text\":");
        ai_buf_quote_esc(scratch, &st->text);
    }

    ai_buf_lit(scratch, ",\"opaque\":");
    ai_buf_quote_esc(scratch, &st->opaque);
    ai_buf_lit(scratch, "}]}");

    if (scratch->failed) {
        b->failed = 1;
        return;
    }

    text = ai_buf_str(scratch);
    ai_base64_encode(b, &text);
}


ai_int_t
ai_responses_state_read(const ai_esc_t *s, ai_json_t *doc, ai_ref_t *list)
{
    ai_buf_t  b;
    ai_str_t  text;

    /* some writers of JSON escape a slash */

    if (ai_json_plain(s, doc->pool, &text) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_init(&b, doc->pool);

    if (ai_base64_decode(&b, &text) != AI_OK) {
        return AI_DECLINED;
    }

    if (b.failed) {
        return AI_ERROR;
    }

    text = ai_buf_str(&b);

    if (ai_json_parse(doc, &text, NULL) != AI_OK) {
        return doc->error == AI_JSON_E_MEMORY ? AI_ERROR : AI_DECLINED;
    }

    *list = ai_json_get(doc, AI_JSON_ROOT, "ai_blocks");

    return ai_json_type(doc, *list) == AI_JSON_ARRAY ? AI_OK : AI_DECLINED;
}


ai_int_t
ai_responses_state_get(const ai_json_t *doc, ai_ref_t v,
    ai_responses_state_t *st)
{
    memset(st, 0, sizeof(ai_responses_state_t));

    if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
        return AI_DECLINED;
    }

    st->kind = ai_responses_word_value(ai_responses_kinds, doc,
                                       ai_json_get(doc, v, "kind"));
    st->family = ai_responses_word_value(ai_responses_families, doc,
                                         ai_json_get(doc, v, "family"));
    st->id = ai_json_esc(doc, ai_json_get(doc, v, "id"));
    st->text = ai_json_esc(doc, ai_json_get(doc, v, "text"));
    st->opaque = ai_json_esc(doc, ai_json_get(doc, v, "opaque"));

    return st->kind != 0 && st->family != AI_FAMILY_NONE && st->opaque.len
           ? AI_OK : AI_DECLINED;
}


static const ai_str_t *
ai_responses_word(const ai_responses_word_t *words, ai_uint_t value)
{
    while (words->name.len && words->value != value) {
        words++;
    }

    return &words->name;
}


static ai_uint_t
ai_responses_word_value(const ai_responses_word_t *words,
    const ai_json_t *doc, ai_ref_t v)
{
    while (words->name.len
           && !ai_json_equal(doc, v, (char *) words->name.data,
                             words->name.len))
    {
        words++;
    }

    return words->value;
}
