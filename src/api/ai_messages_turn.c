
#include <api/ai_messages_int.h>


#define AI_MESSAGES_CHAIN_MAX   64
#define AI_MESSAGES_BLOCKS_MAX  65536   /* of one content */


typedef ai_int_t (*ai_messages_block_pt)(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);

typedef struct {
    ai_str_t              type;
    unsigned              allow;
    ai_messages_block_pt  read;
} ai_messages_block_t;


static ai_int_t ai_messages_system(ai_messages_dec_t *d);
static ai_int_t ai_messages_turn(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_turn_t *ai_messages_turn_add(ai_messages_dec_t *d, ai_role_e role);
static ai_int_t ai_messages_block(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, unsigned allow,
    ai_block_t ***tail);
static ai_int_t ai_messages_hosted(ai_messages_dec_t *d, ai_ref_t type);

static ai_int_t ai_messages_text(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_messages_reference(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_messages_thought(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_messages_redacted(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_messages_tool_use(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_messages_tool_result(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);

static ai_int_t ai_messages_untag(ai_esc_t *s, const char *tag);
static ai_family_e ai_messages_family(ai_esc_t *s);
static ai_int_t ai_messages_note(ai_messages_dec_t *d, const ai_block_t *b);
static void ai_messages_find(const ai_messages_dec_t *d, const ai_esc_t *id,
    ai_esc_t *name);
static ai_uint_t ai_messages_bucket(const ai_esc_t *id);


static const ai_messages_block_t  ai_messages_blocks[] = {

    { ai_string("text"), AI_MESSAGES_TEXT, ai_messages_text },
    { ai_string("tool_use"), AI_MESSAGES_ANSWER, ai_messages_tool_use },
    { ai_string("tool_result"), AI_MESSAGES_RESULT, ai_messages_tool_result },
    { ai_string("thinking"), AI_MESSAGES_ANSWER, ai_messages_thought },
    { ai_string("redacted_thinking"), AI_MESSAGES_ANSWER,
      ai_messages_redacted },
    { ai_string("image"), AI_MESSAGES_IMAGE, ai_messages_image },
    { ai_string("document"), AI_MESSAGES_DOCUMENT, ai_messages_document },
    { ai_string("search_result"), AI_MESSAGES_DOCUMENT,
      ai_messages_search_result },
    { ai_string("tool_reference"), AI_MESSAGES_REFERENCE,
      ai_messages_reference },

    { ai_null_string, 0, NULL }
};


ai_int_t
ai_messages_read_turns(ai_messages_dec_t *d, ai_ref_t messages)
{
    ai_ref_t          v;
    ai_openai_path_t  list, path;

    if (ai_messages_system(d) != AI_OK) {
        return AI_ERROR;
    }

    ai_messages_path(&list, NULL, "messages");
    ai_messages_path(&path, &list, NULL);

    for (v = ai_json_first(d->c.doc, messages);
         v != AI_JSON_NONE;
         v = ai_json_next(d->c.doc, messages, v))
    {
        if (ai_messages_turn(d, &path, v) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    return AI_OK;
}


/* SDKs send an empty list for no system prompt */

static ai_int_t
ai_messages_system(ai_messages_dec_t *d)
{
    ai_turn_t   *turn;
    ai_block_t **tail;

    if (d->system == AI_JSON_NONE
        || (ai_json_type(d->c.doc, d->system) == AI_JSON_ARRAY
            && d->c.doc->node[d->system].count == 0))
    {
        return AI_OK;
    }

    turn = ai_messages_turn_add(d, AI_ROLE_SYSTEM);
    if (turn == NULL) {
        return AI_ERROR;
    }

    tail = &turn->blocks;

    return ai_messages_read_content(d, NULL, "system", d->system,
                                    AI_MESSAGES_TEXT, &tail);
}


static ai_int_t
ai_messages_turn(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v)
{
    unsigned          allow;
    ai_ref_t          refs[2];
    ai_role_e         role;
    ai_turn_t        *turn;
    ai_block_t      **tail;
    const ai_json_t  *doc;

    static const ai_str_t  names[] = {
        ai_string("role"), ai_string("content")
    };

    doc = d->c.doc;

    if (ai_openai_want(&d->c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 2, refs);

    if (ai_openai_need(&d->c, path, "role", refs[0], AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(doc, refs[0], "user")) {
        role = AI_ROLE_USER;
        allow = AI_MESSAGES_TEXT|AI_MESSAGES_IMAGE|AI_MESSAGES_DOCUMENT
                |AI_MESSAGES_RESULT;

    } else if (ai_json_is(doc, refs[0], "assistant")) {
        role = AI_ROLE_ASSISTANT;
        allow = AI_MESSAGES_TEXT|AI_MESSAGES_ANSWER;

    } else if (ai_json_is(doc, refs[0], "system")) {
        role = AI_ROLE_SYSTEM;
        allow = AI_MESSAGES_TEXT;

    } else {
        return ai_openai_bad_value(&d->c, path, "role",
                         ": it must be 'user', 'assistant' or 'system'.");
    }

    if (refs[1] == AI_JSON_NONE) {
        return ai_openai_missing(&d->c, path, "content");
    }

    turn = ai_messages_turn_add(d, role);
    if (turn == NULL) {
        return AI_ERROR;
    }

    d->pending.len = 0;
    d->pending.data = NULL;

    tail = &turn->blocks;

    return ai_messages_read_content(d, path, "content", refs[1], allow,
                                    &tail);
}


static ai_turn_t *
ai_messages_turn_add(ai_messages_dec_t *d, ai_role_e role)
{
    ai_turn_t  *turn;

    turn = ai_pcalloc(d->c.pool, sizeof(ai_turn_t));
    if (turn == NULL) {
        ai_openai_no_memory(&d->c);
        return NULL;
    }

    turn->role = role;

    *d->tail = turn;
    d->tail = &turn->next;

    return turn;
}


ai_block_t *
ai_messages_add(ai_messages_dec_t *d, ai_block_t ***tail, ai_block_e kind)
{
    ai_block_t  *b;

    b = ai_block_add(d->c.pool, tail, kind);
    if (b == NULL) {
        ai_openai_no_memory(&d->c);
    }

    return b;
}


/* an empty list is an answer, or a result, of nothing; a user says
 * something */

ai_int_t
ai_messages_read_content(ai_messages_dec_t *d, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, unsigned allow, ai_block_t ***tail)
{
    ai_ref_t          e;
    ai_block_t       *b;
    const ai_json_t  *doc;
    ai_openai_path_t  list, path;

    doc = d->c.doc;

    ai_messages_path(&list, up, name);
    ai_messages_path(&path, &list, NULL);

    if (ai_json_type(doc, v) == AI_JSON_STRING) {
        b = ai_messages_add(d, tail, AI_BLOCK_TEXT);
        if (b == NULL) {
            return AI_ERROR;
        }

        b->text = ai_json_esc(doc, v);

        return AI_OK;
    }

    if (ai_json_type(doc, v) != AI_JSON_ARRAY) {
        return ai_openai_bad_type(&d->c, &list, NULL, "a string or an array",
                                  v);
    }

    if (doc->node[v].count == 0 && (allow & AI_MESSAGES_RESULT)) {
        return ai_openai_bad_value(&d->c, &list, NULL,
                                   ": it must not be empty.");
    }

    if (doc->node[v].count > AI_MESSAGES_BLOCKS_MAX) {
        return ai_openai_bad_value(&d->c, &list, NULL,
                                   ": there are too many.");
    }

    for (e = ai_json_first(doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(doc, v, e))
    {
        if (ai_messages_block(d, &path, e, allow, tail) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    return AI_OK;
}


static ai_int_t
ai_messages_block(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, unsigned allow, ai_block_t ***tail)
{
    ai_ref_t                    refs[2];
    ai_block_t                 *b, **first;
    const ai_messages_block_t  *t;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("cache_control")
    };

    if (ai_openai_want(&d->c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, names, 2, refs);

    if (ai_openai_need(&d->c, path, "type", refs[0], AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    for (t = ai_messages_blocks; t->type.len; t++) {
        if (ai_json_equal(d->c.doc, refs[0], (char *) t->type.data,
                          t->type.len))
        {
            break;
        }
    }

    if ((allow & AI_MESSAGES_ANSWER) && t->type.len == 0
        && ai_messages_hosted(d, refs[0]))
    {
        return AI_OK;
    }

    if (!(t->allow & allow)) {
        return ai_openai_bad_value(&d->c, path, "type",
                                   ": this kind of block is not known here.");
    }

    first = *tail;

    if (t->read(d, path, v, tail) != AI_OK) {
        return AI_ERROR;
    }

    if (refs[1] == AI_JSON_NONE || *first == NULL) {
        return AI_OK;
    }

    /* the last of those that the block became */

    for (b = *first; b->next; b = b->next) {
        /* void */
    }

    return ai_openai_object(&d->c, path, "cache_control", refs[1],
                            &b->cache_mark);
}


/*
 * What Anthropic's own tools did in earlier answers.  No other model can read
 * it; the text that came of it stays.  1 or 0
 */

static ai_int_t
ai_messages_hosted(ai_messages_dec_t *d, ai_ref_t type)
{
    size_t    n;
    ai_str_t  name, end;

    name = ai_json_esc(d->c.doc, type);
    n = sizeof("_tool_result") - 1;

    if (!ai_str_is(&name, "server_tool_use")
        && !ai_str_is(&name, "mcp_tool_use")
        && !ai_str_is(&name, "compaction")
        && !ai_str_is(&name, "fallback"))
    {
        if (name.len < n) {
            return 0;
        }

        end.data = name.data + name.len - n;
        end.len = n;

        if (!ai_str_is(&end, "_tool_result")) {
            return 0;
        }
    }

    ai_dropped_add_str(d->dropped, &name);

    return 1;
}


static ai_int_t
ai_messages_text(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t     text;
    ai_block_t  *b;

    static const ai_str_t  names[] = { ai_string("text") };

    ai_openai_pick(&d->c, v, names, 1, &text);

    if (ai_openai_need(&d->c, path, "text", text, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    b = ai_messages_add(d, tail, AI_BLOCK_TEXT);
    if (b == NULL) {
        return AI_ERROR;
    }

    b->text = ai_json_esc(d->c.doc, text);

    return AI_OK;
}


/* what a client's own search for tools found */

static ai_int_t
ai_messages_reference(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t     name;
    ai_block_t  *b;

    static const ai_str_t  names[] = { ai_string("tool_name") };

    ai_openai_pick(&d->c, v, names, 1, &name);

    b = ai_messages_add(d, tail, AI_BLOCK_TEXT);
    if (b == NULL) {
        return AI_ERROR;
    }

    return ai_openai_word(&d->c, path, "tool_name", name, &b->text);
}


static ai_int_t
ai_messages_thought(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t     refs[2];
    ai_esc_t     text, signature;
    ai_block_t  *b;

    static const ai_str_t  names[] = {
        ai_string("thinking"), ai_string("signature")
    };

    ai_openai_pick(&d->c, v, names, 2, refs);

    if (ai_openai_need(&d->c, path, "thinking", refs[0], AI_JSON_STRING)
        != AI_OK
        || ai_openai_esc(&d->c, path, "thinking", refs[0], &text) != AI_OK
        || ai_openai_esc(&d->c, path, "signature", refs[1], &signature)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (signature.len && ai_messages_untag(&signature, AI_MESSAGES_TAG_CALL))
    {
        d->pending = signature;
        return AI_OK;
    }

    b = ai_messages_add(d, tail, AI_BLOCK_THINKING);
    if (b == NULL) {
        return AI_ERROR;
    }

    b->text = text;

    if (signature.len) {
        b->family = ai_messages_family(&signature);
        b->signature = signature;
    }

    return AI_OK;
}


static ai_int_t
ai_messages_redacted(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t     data;
    ai_block_t  *b;

    static const ai_str_t  names[] = { ai_string("data") };

    ai_openai_pick(&d->c, v, names, 1, &data);

    b = ai_messages_add(d, tail, AI_BLOCK_REDACTED);
    if (b == NULL) {
        return AI_ERROR;
    }

    if (ai_openai_word(&d->c, path, "data", data, &b->data) != AI_OK) {
        return AI_ERROR;
    }

    b->family = ai_messages_family(&b->data);

    return AI_OK;
}


static ai_int_t
ai_messages_tool_use(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t     refs[3];
    ai_block_t  *b;

    static const ai_str_t  names[] = {
        ai_string("id"), ai_string("name"), ai_string("input")
    };

    ai_openai_pick(&d->c, v, names, 3, refs);

    b = ai_messages_add(d, tail, AI_BLOCK_TOOL_CALL);
    if (b == NULL) {
        return AI_ERROR;
    }

    b->args = ai_lit("{}");

    if (ai_openai_word(&d->c, path, "id", refs[0], &b->id) != AI_OK
        || ai_openai_word(&d->c, path, "name", refs[1], &b->name) != AI_OK
        || ai_openai_object(&d->c, path, "input", refs[2], &b->args) != AI_OK)
    {
        return AI_ERROR;
    }

    if (d->pending.len) {
        b->signature = d->pending;
        b->family = AI_FAMILY_GEMINI;
        d->pending.len = 0;
    }

    return ai_messages_note(d, b);
}


static ai_int_t
ai_messages_tool_result(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    int          is_error;
    ai_ref_t     refs[3];
    ai_block_t  *b, **content;

    static const ai_str_t  names[] = {
        ai_string("tool_use_id"), ai_string("content"), ai_string("is_error")
    };

    is_error = 0;

    ai_openai_pick(&d->c, v, names, 3, refs);

    b = ai_messages_add(d, tail, AI_BLOCK_TOOL_RESULT);
    if (b == NULL) {
        return AI_ERROR;
    }

    if (ai_openai_word(&d->c, path, "tool_use_id", refs[0], &b->id) != AI_OK
        || ai_openai_flag(&d->c, path, "is_error", refs[2], &is_error)
           != AI_OK)
    {
        return AI_ERROR;
    }

    b->is_error = is_error;
    ai_messages_find(d, &b->id, &b->name);

    if (refs[1] == AI_JSON_NONE) {
        return AI_OK;
    }

    content = &b->content;

    return ai_messages_read_content(d, path, "content", refs[1],
                                    AI_MESSAGES_TEXT|AI_MESSAGES_IMAGE
                                    |AI_MESSAGES_DOCUMENT
                                    |AI_MESSAGES_REFERENCE, &content);
}


/* takes the tag off; 1 or 0 */

static ai_int_t
ai_messages_untag(ai_esc_t *s, const char *tag)
{
    if (!ai_str_starts(s, tag)) {
        return 0;
    }

    s->data += strlen(tag);
    s->len -= strlen(tag);

    return 1;
}


static ai_family_e
ai_messages_family(ai_esc_t *s)
{
    if (ai_messages_untag(s, AI_OPENAI_TAG_GEMINI)) {
        return AI_FAMILY_GEMINI;
    }

    if (ai_messages_untag(s, AI_OPENAI_TAG_OPENAI)) {
        return AI_FAMILY_OPENAI;
    }

    return AI_FAMILY_ANTHROPIC;
}


static ai_int_t
ai_messages_note(ai_messages_dec_t *d, const ai_block_t *b)
{
    ai_messages_call_t  *call, **bucket;

    call = ai_palloc(d->c.pool, sizeof(ai_messages_call_t));
    if (call == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    bucket = &d->calls[ai_messages_bucket(&b->id)];

    call->id = b->id;
    call->name = b->name;
    call->next = *bucket;

    *bucket = call;

    return AI_OK;
}


/* the last call of that id; a result is near its call, so an end to the walk
 * costs nothing but what only hostile ids ask for */

static void
ai_messages_find(const ai_messages_dec_t *d, const ai_esc_t *id,
    ai_esc_t *name)
{
    ai_uint_t            n;
    ai_messages_call_t  *call;

    call = d->calls[ai_messages_bucket(id)];

    for (n = 0; call && n < AI_MESSAGES_CHAIN_MAX; n++) {
        if (ai_str_eq(&call->id, id)) {
            *name = call->name;
            return;
        }

        call = call->next;
    }
}


/* FNV-1a */

static ai_uint_t
ai_messages_bucket(const ai_esc_t *id)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261U;

    for (i = 0; i < id->len; i++) {
        h = (h ^ id->data[i]) * 16777619U;
    }

    return (h ^ (h >> 16)) % AI_MESSAGES_BUCKETS;
}
