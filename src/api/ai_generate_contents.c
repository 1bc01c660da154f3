
/*
 * systemInstruction and contents as turns.
 *
 * A client that keeps a stream's chunks as they came brings one answer back
 * as many contents of the model, a few words in each: they become one turn,
 * and texts that follow each other one block.
 */

#include <api/ai_generate_int.h>


enum {
    AI_PART_TEXT = 0,
    AI_PART_INLINE,
    AI_PART_FILE,
    AI_PART_CALL,
    AI_PART_RESPONSE,
    AI_PART_KINDS,                  /* a part is one of those above */

    AI_PART_THOUGHT = AI_PART_KINDS,
    AI_PART_SIGNATURE,
    AI_PART_RESOLUTION,
    AI_PART_REFUSED,                /* from here on */
    AI_PART_CODE = AI_PART_REFUSED,
    AI_PART_CODE_RESULT,
    AI_PART_TOOL_CALL,
    AI_PART_TOOL_RESPONSE,
    AI_PART_FIELDS
};


typedef struct {
    ai_generate_dec_t  *d;
    ai_turn_t          *turn;       /* the last one, or NULL */
    ai_turn_t         **turns;
    ai_block_t        **tail;
    ai_block_t         *open;       /* text or thoughts that may go on */
    ai_buf_t            join;       /* its text, once it was put together */
    unsigned            joined:1;
    uint32_t            content;
    uint32_t            calls;      /* of this content */
} ai_generate_turns_t;


static ai_int_t ai_generate_system(ai_generate_dec_t *d, ai_ref_t v,
    ai_generate_turns_t *t);
static ai_int_t ai_generate_system_text(ai_generate_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_generate_turns_t *t);
static ai_int_t ai_generate_content(ai_generate_turns_t *t,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_generate_role(ai_generate_turns_t *t,
    const ai_openai_path_t *path, ai_ref_t v, ai_role_e *role);
static ai_int_t ai_generate_turn(ai_generate_turns_t *t, ai_role_e role);
static ai_int_t ai_generate_part(ai_generate_turns_t *t,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_generate_part_kind(ai_generate_turns_t *t,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_uint_t *kind);
static ai_int_t ai_generate_part_text(ai_generate_turns_t *t,
    const ai_openai_path_t *path, const ai_ref_t *refs);
static ai_int_t ai_generate_append(ai_generate_turns_t *t, ai_block_e kind,
    const ai_esc_t *text);
static ai_int_t ai_generate_signed(ai_generate_turns_t *t, ai_int_t thought,
    const ai_esc_t *signature);
static ai_int_t ai_generate_call(ai_generate_turns_t *t,
    const ai_openai_path_t *path, ai_ref_t v, const ai_esc_t *signature);
static ai_int_t ai_generate_call_id(ai_generate_turns_t *t, ai_block_t *b);
static ai_int_t ai_generate_resolution(ai_generate_turns_t *t,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);


static const ai_str_t  ai_generate_parts[AI_PART_FIELDS] = {
    ai_string("text"),
    ai_string("inlineData"),
    ai_string("fileData"),
    ai_string("functionCall"),
    ai_string("functionResponse"),
    ai_string("thought"),
    ai_string("thoughtSignature"),
    ai_string("mediaResolution"),
    ai_string("executableCode"),
    ai_string("codeExecutionResult"),
    ai_string("toolCall"),
    ai_string("toolResponse")
};


ai_int_t
ai_generate_read_contents(ai_generate_dec_t *d, ai_ref_t system,
    ai_ref_t contents)
{
    ai_ref_t             v;
    ai_turn_t           *last;
    ai_openai_path_t     up, path;
    ai_generate_turns_t  t;

    memset(&t, 0, sizeof(ai_generate_turns_t));

    t.d = d;
    t.turns = &d->rq->turns;

    if (ai_generate_system(d, system, &t) != AI_OK) {
        return AI_ERROR;
    }

    last = t.turn;

    up.up = NULL;
    up.name = "contents";
    up.index = 0;

    path.up = &up;
    path.name = NULL;
    path.index = 0;

    for (v = ai_generate_first(d->c.doc, contents);
         v != AI_JSON_NONE;
         v = ai_generate_next(d->c.doc, contents, v))
    {
        t.content = path.index;
        t.calls = 0;

        if (ai_generate_content(&t, &path, v) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    if (t.turn == last) {
        return ai_openai_bad_value(&d->c, &up, NULL,
                                   ": there is nothing in it.");
    }

    return ai_generate_link(&d->c, d->rq);
}


/* a string, a content, or parts */

static ai_int_t
ai_generate_system(ai_generate_dec_t *d, ai_ref_t v, ai_generate_turns_t *t)
{
    ai_ref_t          e, parts;
    ai_openai_path_t  up, list, path;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    up.up = NULL;
    up.name = "systemInstruction";
    up.index = 0;

    list.up = &up;
    list.name = "parts";
    list.index = 0;

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    parts = ai_generate_get(d->c.doc, v, "parts");

    if (parts == AI_JSON_NONE) {
        parts = v;
        path.up = &up;
    }

    if (ai_json_is_null(d->c.doc, parts)) {
        return AI_OK;
    }

    if (ai_generate_turn(t, AI_ROLE_SYSTEM) != AI_OK) {
        return AI_ERROR;
    }

    for (e = ai_generate_first(d->c.doc, parts);
         e != AI_JSON_NONE;
         e = ai_generate_next(d->c.doc, parts, e))
    {
        if (ai_generate_system_text(d, &path, e, t) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    return AI_OK;
}


static ai_int_t
ai_generate_system_text(ai_generate_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_generate_turns_t *t)
{
    ai_ref_t     refs[AI_PART_FIELDS];
    ai_block_t  *b;

    if (ai_json_type(d->c.doc, v) == AI_JSON_OBJECT) {

        /* a content without parts */

        if (path->up->up == NULL && path->index == 0
            && ai_generate_get(d->c.doc, v, "role") != AI_JSON_NONE
            && ai_generate_get(d->c.doc, v, "text") == AI_JSON_NONE)
        {
            return AI_OK;
        }

        if (ai_generate_pick(&d->c, path, v, ai_generate_parts,
                             AI_PART_FIELDS, refs, d->dropped) != AI_OK)
        {
            return AI_ERROR;
        }

        v = refs[AI_PART_TEXT];

        if (v == AI_JSON_NONE) {
            return ai_openai_unsupported(&d->c, path, NULL,
                                         ": instructions are text only.");
        }
    }

    if (ai_openai_want(&d->c, path, NULL, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    b = ai_block_add(d->c.pool, &t->tail, AI_BLOCK_TEXT);
    if (b == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    b->text = ai_json_esc(d->c.doc, v);

    return AI_OK;
}


/* {role, parts}; a string or a part alone is the user's */

static ai_int_t
ai_generate_content(ai_generate_turns_t *t, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_ref_t           e, refs[2];
    ai_role_e          role;
    ai_openai_path_t   list, entry;
    ai_generate_dec_t  *d;

    static const ai_str_t  names[] = {
        ai_string("role"), ai_string("parts")
    };

    d = t->d;

    if (ai_json_type(d->c.doc, v) == AI_JSON_STRING
        || (ai_generate_get(d->c.doc, v, "parts") == AI_JSON_NONE
            && ai_generate_get(d->c.doc, v, "role") == AI_JSON_NONE))
    {
        if (ai_generate_turn(t, AI_ROLE_USER) != AI_OK) {
            return AI_ERROR;
        }

        return ai_generate_part(t, path, v);
    }

    if (ai_generate_pick(&d->c, path, v, names, 2, refs, d->dropped) != AI_OK
        || ai_generate_role(t, path, refs[0], &role) != AI_OK)
    {
        return AI_ERROR;
    }

    list.up = path;
    list.name = "parts";
    list.index = 0;

    entry.up = &list;
    entry.name = NULL;
    entry.index = 0;

    /* an answer may have been empty */

    if (refs[1] == AI_JSON_NONE
        || (ai_json_type(d->c.doc, refs[1]) == AI_JSON_ARRAY
            && d->c.doc->node[refs[1]].count == 0))
    {
        return AI_OK;
    }

    if (ai_generate_turn(t, role) != AI_OK) {
        return AI_ERROR;
    }

    for (e = ai_generate_first(d->c.doc, refs[1]);
         e != AI_JSON_NONE;
         e = ai_generate_next(d->c.doc, refs[1], e))
    {
        if (ai_generate_part(t, &entry, e) != AI_OK) {
            return AI_ERROR;
        }

        entry.index++;
    }

    return AI_OK;
}


static ai_int_t
ai_generate_role(ai_generate_turns_t *t, const ai_openai_path_t *path,
    ai_ref_t v, ai_role_e *role)
{
    const ai_json_t  *doc;

    doc = t->d->c.doc;

    if (ai_openai_want(&t->d->c, path, "role", v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    *role = AI_ROLE_USER;

    if (v == AI_JSON_NONE || ai_json_is(doc, v, "user")
        || ai_json_is(doc, v, "function") || ai_json_is(doc, v, ""))
    {
        return AI_OK;
    }

    if (ai_json_is(doc, v, "model")) {
        *role = AI_ROLE_ASSISTANT;
        return AI_OK;
    }

    return ai_openai_bad_value(&t->d->c, path, "role",
                               ": it must be 'user', 'model' or "
                               "'function'.");
}


static ai_int_t
ai_generate_turn(ai_generate_turns_t *t, ai_role_e role)
{
    ai_turn_t  *turn;

    if (t->turn && t->turn->role == role && role == AI_ROLE_ASSISTANT) {
        return AI_OK;
    }

    turn = ai_pcalloc(t->d->c.pool, sizeof(ai_turn_t));
    if (turn == NULL) {
        return ai_openai_no_memory(&t->d->c);
    }

    turn->role = role;

    *t->turns = turn;
    t->turns = &turn->next;
    t->turn = turn;
    t->tail = &turn->blocks;
    t->open = NULL;

    return AI_OK;
}


static ai_int_t
ai_generate_part(ai_generate_turns_t *t, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_esc_t            signature;
    ai_ref_t            refs[AI_PART_FIELDS];
    ai_uint_t           i, kind;
    ai_block_t        **last;
    ai_generate_dec_t  *d;

    d = t->d;

    if (ai_json_type(d->c.doc, v) == AI_JSON_STRING) {
        for (i = 0; i < AI_PART_FIELDS; i++) {
            refs[i] = AI_JSON_NONE;
        }

        refs[AI_PART_TEXT] = v;

        return ai_generate_part_text(t, path, refs);
    }

    kind = AI_PART_TEXT;

    if (ai_openai_want(&d->c, path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, path, v, ai_generate_parts,
                            AI_PART_FIELDS, refs, d->dropped) != AI_OK
        || ai_generate_part_kind(t, path, refs, &kind) != AI_OK
        || ai_openai_esc(&d->c, path, "thoughtSignature",
                         refs[AI_PART_SIGNATURE], &signature) != AI_OK)
    {
        return AI_ERROR;
    }

    if (kind == AI_PART_TEXT) {
        return ai_generate_part_text(t, path, refs);
    }

    t->open = NULL;
    last = t->tail;

    switch (kind) {

    case AI_PART_CALL:
        return ai_generate_call(t, path, refs[kind], &signature);

    case AI_PART_RESPONSE:
        if (t->turn->role != AI_ROLE_USER) {
            return ai_openai_bad_value(&d->c, path, "functionResponse",
                                       ": it is not the model's to give.");
        }

        return ai_generate_read_response(d, path, refs[kind], &t->tail);

    case AI_PART_INLINE:
        if (ai_generate_read_inline(d, path, refs[kind], &t->tail) != AI_OK) {
            return AI_ERROR;
        }

        break;

    default:
        if (ai_generate_read_file(d, path, refs[kind], &t->tail) != AI_OK) {
            return AI_ERROR;
        }
    }

    return ai_generate_resolution(t, path, refs[AI_PART_RESOLUTION], *last);
}


/* exactly one of the kinds; a signature or a thought alone has no text */

static ai_int_t
ai_generate_part_kind(ai_generate_turns_t *t, const ai_openai_path_t *path,
    const ai_ref_t *refs, ai_uint_t *kind)
{
    ai_uint_t  i, n;

    for (i = AI_PART_REFUSED; i < AI_PART_FIELDS; i++) {
        if (refs[i] != AI_JSON_NONE) {
            return ai_openai_unsupported(&t->d->c, path,
                                 (const char *) ai_generate_parts[i].data,
                                 " cannot be carried to this model.");
        }
    }

    n = 0;
    *kind = AI_PART_TEXT;

    for (i = 0; i < AI_PART_KINDS; i++) {
        if (refs[i] != AI_JSON_NONE) {
            *kind = i;
            n++;
        }
    }

    if (n == 1 || (n == 0 && (refs[AI_PART_SIGNATURE] != AI_JSON_NONE
                              || refs[AI_PART_THOUGHT] != AI_JSON_NONE)))
    {
        return AI_OK;
    }

    return ai_openai_bad_value(&t->d->c, path, NULL,
                         ": it must have one of 'text', 'inlineData', "
                         "'fileData', 'functionCall' and "
                         "'functionResponse'.");
}


static ai_int_t
ai_generate_part_text(ai_generate_turns_t *t, const ai_openai_path_t *path,
    const ai_ref_t *refs)
{
    int                       thought;
    ai_esc_t                  text, signature;
    const ai_openai_ctx_t    *c;

    c = &t->d->c;
    thought = 0;

    if (ai_openai_esc(c, path, "text", refs[AI_PART_TEXT], &text) != AI_OK
        || ai_openai_flag(c, path, "thought", refs[AI_PART_THOUGHT],
                          &thought) != AI_OK
        || ai_openai_esc(c, path, "thoughtSignature",
                         refs[AI_PART_SIGNATURE], &signature) != AI_OK)
    {
        return AI_ERROR;
    }

    if (t->turn->role != AI_ROLE_ASSISTANT) {
        if (thought) {
            return ai_openai_bad_value(c, path, "thought",
                                       ": only the model has thoughts.");
        }

        t->open = NULL;

        return ai_generate_append(t, AI_BLOCK_TEXT, &text);
    }

    if (text.len && ai_generate_append(t, thought ? AI_BLOCK_THINKING
                                                  : AI_BLOCK_TEXT, &text)
                    != AI_OK)
    {
        return AI_ERROR;
    }

    return signature.len ? ai_generate_signed(t, thought, &signature) : AI_OK;
}


static ai_int_t
ai_generate_append(ai_generate_turns_t *t, ai_block_e kind,
    const ai_esc_t *text)
{
    const ai_openai_ctx_t  *c;

    c = &t->d->c;

    if (t->open == NULL || t->open->kind != kind) {

        t->open = ai_block_add(c->pool, &t->tail, kind);
        if (t->open == NULL) {
            return ai_openai_no_memory(c);
        }

        t->open->text = *text;
        t->joined = 0;

        return AI_OK;
    }

    if (!t->joined) {
        ai_buf_init(&t->join, c->pool);
        ai_buf_cat(&t->join, &t->open->text);
        t->joined = 1;
    }

    ai_buf_cat(&t->join, text);

    if (t->join.failed) {
        return ai_openai_no_memory(c);
    }

    t->open->text = ai_buf_str(&t->join);

    return AI_OK;
}


/*
 * A signature ends the thoughts before it.  One that came with a text is a
 * thinking block of its own, without text; so is one of another provider
 * whose thoughts the client did not bring.
 */

static ai_int_t
ai_generate_signed(ai_generate_turns_t *t, ai_int_t thought,
    const ai_esc_t *signature)
{
    ai_block_t              *b;
    ai_generate_sign_t       sign;
    const ai_openai_ctx_t   *c;

    c = &t->d->c;

    if (ai_generate_untag(c->pool, signature, &sign) != AI_OK) {
        return ai_openai_no_memory(c);
    }

    b = t->open;
    t->open = NULL;

    if (sign.text.len == 0) {
        return AI_OK;
    }

    if (sign.data) {
        b = ai_block_add(c->pool, &t->tail, AI_BLOCK_REDACTED);
        if (b == NULL) {
            return ai_openai_no_memory(c);
        }

        b->data = sign.text;
        b->family = sign.family;

        return AI_OK;
    }

    if (b == NULL || b->kind != AI_BLOCK_THINKING
        || (sign.family == AI_FAMILY_GEMINI && !thought))
    {
        b = ai_block_add(c->pool, &t->tail, AI_BLOCK_THINKING);
        if (b == NULL) {
            return ai_openai_no_memory(c);
        }
    }

    b->signature = sign.text;
    b->family = sign.family;

    return AI_OK;
}


static ai_int_t
ai_generate_call(ai_generate_turns_t *t, const ai_openai_path_t *path,
    ai_ref_t v, const ai_esc_t *signature)
{
    ai_ref_t             refs[5];
    ai_block_t          *b;
    ai_openai_path_t     up;
    ai_generate_dec_t   *d;
    ai_generate_sign_t   sign;

    static const ai_str_t  names[] = {
        ai_string("id"), ai_string("name"), ai_string("args"),
        ai_string("partialArgs"), ai_string("willContinue")
    };

    d = t->d;

    up.up = path;
    up.name = "functionCall";
    up.index = 0;

    if (t->turn->role != AI_ROLE_ASSISTANT) {
        return ai_openai_bad_value(&d->c, &up, NULL,
                                   ": only the model makes calls.");
    }

    b = ai_block_add(d->c.pool, &t->tail, AI_BLOCK_TOOL_CALL);
    if (b == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    b->args = ai_lit("{}");

    if (ai_openai_want(&d->c, &up, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, &up, v, names, 5, refs, d->dropped)
           != AI_OK
        || ai_openai_word(&d->c, &up, "name", refs[1], &b->name) != AI_OK
        || ai_openai_object(&d->c, &up, "args", refs[2], &b->args) != AI_OK
        || ai_openai_want(&d->c, &up, "id", refs[0], AI_JSON_STRING)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[3] != AI_JSON_NONE) {
        return ai_openai_unsupported(&d->c, &up, "partialArgs",
                                     " cannot be carried to this model.");
    }

    if (refs[0] != AI_JSON_NONE && ai_json_esc(d->c.doc, refs[0]).len
        && ai_openai_word(&d->c, &up, "id", refs[0], &b->id) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_generate_call_id(t, b) != AI_OK) {
        return AI_ERROR;
    }

    if (signature->len == 0) {
        return AI_OK;
    }

    if (ai_generate_untag(d->c.pool, signature, &sign) != AI_OK) {
        return ai_openai_no_memory(&d->c);
    }

    b->signature = sign.text;
    b->family = sign.family;

    return AI_OK;
}


/* the same in every request that repeats this history, for caches of
 * prompts */

static ai_int_t
ai_generate_call_id(ai_generate_turns_t *t, ai_block_t *b)
{
    ai_buf_t  id;

    t->calls++;

    if (b->id.len) {
        return AI_OK;
    }

    ai_buf_init(&id, t->d->c.pool);
    ai_buf_lit(&id, "call_");
    ai_buf_int(&id, t->content);
    ai_buf_char(&id, '_');
    ai_buf_int(&id, t->calls - 1);

    if (id.failed) {
        return ai_openai_no_memory(&t->d->c);
    }

    b->id = ai_buf_str(&id);

    return AI_OK;
}


/* {"level": "MEDIA_RESOLUTION_LOW"} is OpenAI's "detail" */

static ai_int_t
ai_generate_resolution(ai_generate_turns_t *t, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_ref_t   level;
    ai_uint_t  i;

    static const ai_str_t  names[] = {
        ai_string("MEDIA_RESOLUTION_LOW"), ai_string("MEDIA_RESOLUTION_HIGH"),
        ai_string("MEDIA_RESOLUTION_ULTRA_HIGH")
    };

    if (ai_openai_want(&t->d->c, path, "mediaResolution", v, AI_JSON_OBJECT)
        != AI_OK)
    {
        return AI_ERROR;
    }

    level = ai_generate_get(t->d->c.doc, v, "level");
    i = ai_generate_enum(t->d->c.doc, level, names, 3);

    if (b->kind == AI_BLOCK_IMAGE && i < 3) {
        b->detail = i == 0 ? ai_lit("low") : ai_lit("high");
    }

    return AI_OK;
}
