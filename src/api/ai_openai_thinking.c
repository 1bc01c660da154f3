
#include <api/ai_openai_int.h>


/*
 * What a client brings back of a model's thinking.  Signed or encrypted state
 * belongs to one provider family and is worth nothing, or an error, elsewhere:
 *
 *   thinking_blocks     Anthropic's, or another's behind a prefix that our
 *                       own answers put there ("gemini:", "openai:")
 *   reasoning_details   by "format": anthropic-, google-, openai-
 *   reasoning_content   text alone, of nobody
 *
 * Only the first of these that is there is read: clients send the same
 * thoughts in several forms.
 */


static ai_int_t ai_openai_thinking_block(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_openai_thinking_join(const ai_openai_ctx_t *c,
    ai_block_t **first, ai_block_t ***tail, const ai_esc_t *text);
static ai_int_t ai_openai_detail(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_family_e ai_openai_family(ai_esc_t *opaque);
static ai_family_e ai_openai_format(const ai_json_t *doc, ai_ref_t v);
static ai_int_t ai_openai_each(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t list,
    ai_int_t (*read)(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
        ai_ref_t v, ai_block_t ***tail),
    ai_block_t ***tail);


ai_int_t
ai_openai_read_thinking(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const ai_openai_thinking_t *refs, ai_block_t ***tail)
{
    ai_esc_t     text, reasoning;
    ai_block_t  *b, **first;

    first = *tail;

    if (ai_openai_esc(c, up, "reasoning_content", refs->content, &text)
        != AI_OK
        || ai_openai_esc(c, up, "reasoning", refs->reasoning, &reasoning)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (text.len == 0) {
        text = reasoning;
    }

    if (ai_openai_each(c, up, "thinking_blocks", refs->blocks,
                       ai_openai_thinking_block, tail) != AI_OK)
    {
        return AI_ERROR;
    }

    if (*first) {
        return ai_openai_thinking_join(c, first, tail, &text);
    }

    if (ai_openai_each(c, up, "reasoning_details", refs->details,
                       ai_openai_detail, tail) != AI_OK)
    {
        return AI_ERROR;
    }

    if (*first || text.len == 0) {
        return AI_OK;
    }

    b = ai_block_add(c->pool, tail, AI_BLOCK_THINKING);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    b->text = text;

    return AI_OK;
}


static ai_int_t
ai_openai_each(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t list,
    ai_int_t (*read)(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
        ai_ref_t v, ai_block_t ***tail),
    ai_block_t ***tail)
{
    ai_ref_t          v;
    ai_openai_path_t  path, entry;

    if (ai_openai_want(c, up, name, list, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    path.up = up;
    path.name = name;
    path.index = 0;

    entry.up = &path;
    entry.name = NULL;
    entry.index = 0;

    for (v = ai_json_first(c->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(c->doc, list, v))
    {
        if (ai_openai_want(c, &entry, NULL, v, AI_JSON_OBJECT) != AI_OK
            || read(c, &entry, v, tail) != AI_OK)
        {
            return AI_ERROR;
        }

        entry.index++;
    }

    return AI_OK;
}


/* {type: thinking, thinking, signature} or {type: redacted_thinking, data} */

static ai_int_t
ai_openai_thinking_block(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t     refs[5];
    ai_block_t  *b;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("thinking"), ai_string("signature"),
        ai_string("data"), ai_string("cache_control")
    };

    ai_openai_pick(c, v, names, 5, refs);

    if (ai_json_is(c->doc, refs[0], "redacted_thinking")) {
        b = ai_block_add(c->pool, tail, AI_BLOCK_REDACTED);
        if (b == NULL) {
            return ai_openai_no_memory(c);
        }

        if (ai_openai_word(c, path, "data", refs[3], &b->data) != AI_OK) {
            return AI_ERROR;
        }

        b->family = ai_openai_family(&b->data);

        return AI_OK;
    }

    if (!ai_json_is(c->doc, refs[0], "thinking")) {
        return ai_openai_bad_value(c, path, "type",
                         ": it must be 'thinking' or 'redacted_thinking'.");
    }

    b = ai_block_add(c->pool, tail, AI_BLOCK_THINKING);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    if (ai_openai_esc(c, path, "thinking", refs[1], &b->text) != AI_OK
        || ai_openai_esc(c, path, "signature", refs[2], &b->signature)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (b->signature.len) {
        b->family = ai_openai_family(&b->signature);
    }

    return AI_OK;
}


/*
 * A client that put together a stream of ours has the thoughts in
 * reasoning_content and the signature in a block without text.  With one such
 * block they belong together.  With several nobody can tell which signature is
 * whose: then the text stays, and the signatures go, since a wrong one is
 * refused by its provider.
 */

static ai_int_t
ai_openai_thinking_join(const ai_openai_ctx_t *c, ai_block_t **first,
    ai_block_t ***tail, const ai_esc_t *text)
{
    uint32_t      n;
    ai_block_t   *b, *empty, **p;

    n = 0;
    empty = NULL;

    for (b = *first; b; b = b->next) {
        if (b->kind == AI_BLOCK_THINKING) {
            if (b->text.len) {
                return AI_OK;
            }

            empty = b;
            n++;
        }
    }

    if (text->len == 0) {
        return AI_OK;
    }

    if (n == 1) {
        empty->text = *text;
        return AI_OK;
    }

    /* redacted blocks stay in their places, the text goes in front */

    for (p = first; *p; /* void */ ) {
        if ((*p)->kind == AI_BLOCK_THINKING) {
            *p = (*p)->next;

        } else {
            p = &(*p)->next;
        }
    }

    *tail = p;

    b = ai_pcalloc(c->pool, sizeof(ai_block_t));
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    b->kind = AI_BLOCK_THINKING;
    b->text = *text;
    b->next = *first;
    *first = b;

    if (b->next == NULL) {
        *tail = &b->next;
    }

    return AI_OK;
}


/* reasoning.text {text, signature}, reasoning.summary {summary},
 * reasoning.encrypted {data}; kinds to come are left out */

static ai_int_t
ai_openai_detail(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_esc_t     text, signature;
    ai_ref_t     refs[6];
    ai_block_t  *b;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("text"), ai_string("signature"),
        ai_string("summary"), ai_string("data"), ai_string("format")
    };

    ai_openai_pick(c, v, names, 6, refs);

    if (ai_json_is(c->doc, refs[0], "reasoning.encrypted")) {
        if (ai_openai_esc(c, path, "data", refs[4], &text) != AI_OK) {
            return AI_ERROR;
        }

        if (text.len == 0) {
            return AI_OK;
        }

        b = ai_block_add(c->pool, tail, AI_BLOCK_REDACTED);
        if (b == NULL) {
            return ai_openai_no_memory(c);
        }

        b->data = text;
        b->family = ai_openai_format(c->doc, refs[5]);

        return AI_OK;
    }

    if (ai_openai_esc(c, path, "text", refs[1], &text) != AI_OK
        || ai_openai_esc(c, path, "signature", refs[2], &signature) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(c->doc, refs[0], "reasoning.summary")
        && ai_openai_esc(c, path, "summary", refs[3], &text) != AI_OK)
    {
        return AI_ERROR;
    }

    if (text.len == 0 && signature.len == 0) {
        return AI_OK;
    }

    b = ai_block_add(c->pool, tail, AI_BLOCK_THINKING);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    b->text = text;

    if (signature.len) {
        b->signature = signature;
        b->family = ai_openai_format(c->doc, refs[5]);
    }

    return AI_OK;
}


/* takes the prefix off; base64 has no colon in it */

static ai_family_e
ai_openai_family(ai_esc_t *opaque)
{
    size_t  n;

    if (ai_str_starts(opaque, AI_OPENAI_TAG_GEMINI)) {
        n = sizeof(AI_OPENAI_TAG_GEMINI) - 1;
        opaque->data += n;
        opaque->len -= n;
        return AI_FAMILY_GEMINI;
    }

    if (ai_str_starts(opaque, AI_OPENAI_TAG_OPENAI)) {
        n = sizeof(AI_OPENAI_TAG_OPENAI) - 1;
        opaque->data += n;
        opaque->len -= n;
        return AI_FAMILY_OPENAI;
    }

    return AI_FAMILY_ANTHROPIC;
}


static ai_family_e
ai_openai_format(const ai_json_t *doc, ai_ref_t v)
{
    ai_esc_t  format;

    format = ai_json_esc(doc, v);

    if (format.data == NULL || ai_str_starts(&format, "anthropic")) {
        return AI_FAMILY_ANTHROPIC;
    }

    if (ai_str_starts(&format, "google")) {
        return AI_FAMILY_GEMINI;
    }

    if (ai_str_starts(&format, "openai") || ai_str_starts(&format, "azure")) {
        return AI_FAMILY_OPENAI;
    }

    return AI_FAMILY_NONE;
}
