
/*
 * The messages of a chat.  Ollama's own clients send calls and results without
 * ids: a call then gets one by its place, a result that of the first call of
 * its name that has none yet, among the calls of the last message that made
 * any.
 */

#include <api/ai_ollama_int.h>


typedef struct {
    ai_esc_t           id;
    ai_esc_t           name;
    uint32_t           id_hash;
    uint32_t           name_hash;
    unsigned           answered:1;
} ai_ollama_call_t;


typedef struct {
    const ai_openai_ctx_t  *c;
    ai_request_t           *rq;
    ai_turn_t             **tail;
    ai_turn_t              *results;    /* the turn that tool messages in a
                                           row go to */
    ai_block_t            **result_tail;
    ai_ollama_call_t        call[AI_OLLAMA_CALLS_MAX];
    uint32_t                ncalls;
    uint32_t                from;       /* those before have a result */
    uint32_t                made;       /* ids, in all messages */
} ai_ollama_messages_t;


enum {
    AI_MSG_ROLE = 0,
    AI_MSG_CONTENT,
    AI_MSG_IMAGES,
    AI_MSG_THINKING,
    AI_MSG_TOOL_CALLS,
    AI_MSG_TOOL_NAME,
    AI_MSG_NAME,
    AI_MSG_TOOL_CALL_ID,
    AI_MSG_FIELDS
};

static const ai_str_t  ai_ollama_msg_names[AI_MSG_FIELDS] = {
    ai_string("role"),
    ai_string("content"),
    ai_string("images"),
    ai_string("thinking"),
    ai_string("tool_calls"),
    ai_string("tool_name"),
    ai_string("name"),
    ai_string("tool_call_id")
};


static ai_int_t ai_ollama_message(ai_ollama_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_turn_t *ai_ollama_turn(ai_ollama_messages_t *m, ai_role_e role);
static ai_int_t ai_ollama_plain(ai_ollama_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_role_e role);
static ai_int_t ai_ollama_assistant(ai_ollama_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs);
static ai_int_t ai_ollama_text(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, const char *name, ai_ref_t v,
    ai_block_e kind, ai_block_t ***tail);
static ai_int_t ai_ollama_no_images(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_ollama_calls(ai_ollama_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_ollama_call(ai_ollama_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_ollama_call_id(ai_ollama_messages_t *m, ai_esc_t *id);
static void ai_ollama_call_note(ai_ollama_messages_t *m,
    const ai_block_t *b);
static ai_int_t ai_ollama_result(ai_ollama_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs);
static ai_int_t ai_ollama_result_call(ai_ollama_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_block_t *b);
static ai_int_t ai_ollama_word(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, const char *name, ai_ref_t v,
    ai_esc_t *out);
static ai_ollama_call_t *ai_ollama_find(ai_ollama_messages_t *m,
    const ai_block_t *b);
static uint32_t ai_ollama_hash(const ai_esc_t *s);
static const char *ai_ollama_media(const ai_esc_t *s);


ai_int_t
ai_ollama_read_messages(const ai_openai_ctx_t *c, ai_ref_t messages,
    ai_request_t *rq)
{
    ai_ref_t              v;
    ai_openai_path_t      list, path;
    ai_ollama_messages_t  m;

    m.c = c;
    m.rq = rq;
    m.tail = &rq->turns;
    m.results = NULL;
    m.result_tail = NULL;
    m.ncalls = 0;
    m.from = 0;
    m.made = 0;

    list.up = NULL;
    list.name = "messages";
    list.index = 0;

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    for (v = ai_json_first(c->doc, messages);
         v != AI_JSON_NONE;
         v = ai_json_next(c->doc, messages, v))
    {
        if (ai_ollama_message(&m, &path, v) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    return AI_OK;
}


static ai_int_t
ai_ollama_message(ai_ollama_messages_t *m, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_ref_t                role, refs[AI_MSG_FIELDS];
    const ai_json_t        *doc;
    const ai_openai_ctx_t  *c;

    c = m->c;
    doc = c->doc;

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, ai_ollama_msg_names, AI_MSG_FIELDS, refs);

    role = refs[AI_MSG_ROLE];

    if (ai_openai_need(c, path, "role", role, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_is(doc, role, "tool")) {
        return ai_ollama_result(m, path, refs);
    }

    m->results = NULL;

    if (ai_json_is(doc, role, "user")) {
        return ai_ollama_plain(m, path, refs, AI_ROLE_USER);
    }

    if (ai_json_is(doc, role, "assistant")) {
        return ai_ollama_assistant(m, path, refs);
    }

    if (ai_json_is(doc, role, "system")) {

        if (ai_ollama_no_images(c, path, refs[AI_MSG_IMAGES]) != AI_OK) {
            return AI_ERROR;
        }

        return ai_ollama_plain(m, path, refs, AI_ROLE_SYSTEM);
    }

    return ai_openai_bad_value(c, path, "role",
                               ": it must be 'system', 'user', 'assistant' "
                               "or 'tool'.");
}


static ai_turn_t *
ai_ollama_turn(ai_ollama_messages_t *m, ai_role_e role)
{
    ai_turn_t  *turn;

    turn = ai_pcalloc(m->c->pool, sizeof(ai_turn_t));
    if (turn == NULL) {
        ai_openai_no_memory(m->c);
        return NULL;
    }

    turn->role = role;

    *m->tail = turn;
    m->tail = &turn->next;

    return turn;
}


static ai_int_t
ai_ollama_plain(ai_ollama_messages_t *m, const ai_openai_path_t *path,
    const ai_ref_t *refs, ai_role_e role)
{
    ai_turn_t   *turn;
    ai_block_t **tail;

    turn = ai_ollama_turn(m, role);
    if (turn == NULL) {
        return AI_ERROR;
    }

    tail = &turn->blocks;

    if (ai_ollama_read_images(m->c, path, refs[AI_MSG_IMAGES], &tail)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_ollama_text(m->c, path, "content", refs[AI_MSG_CONTENT],
                          AI_BLOCK_TEXT, &tail);
}


/* thinking, text, calls: the order that Anthropic wants */

static ai_int_t
ai_ollama_assistant(ai_ollama_messages_t *m, const ai_openai_path_t *path,
    const ai_ref_t *refs)
{
    ai_turn_t   *turn;
    ai_block_t **tail;

    turn = ai_ollama_turn(m, AI_ROLE_ASSISTANT);
    if (turn == NULL) {
        return AI_ERROR;
    }

    tail = &turn->blocks;

    if (ai_ollama_no_images(m->c, path, refs[AI_MSG_IMAGES]) != AI_OK
        || ai_ollama_text(m->c, path, "thinking", refs[AI_MSG_THINKING],
                          AI_BLOCK_THINKING, &tail) != AI_OK
        || ai_ollama_text(m->c, path, "content", refs[AI_MSG_CONTENT],
                          AI_BLOCK_TEXT, &tail) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_ollama_calls(m, path, refs[AI_MSG_TOOL_CALLS], &tail);
}


/* an optional string; an empty one says nothing */

static ai_int_t
ai_ollama_text(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    const char *name, ai_ref_t v, ai_block_e kind, ai_block_t ***tail)
{
    ai_block_t  *b;

    if (ai_openai_want(c, path, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_esc(c->doc, v).len == 0) {
        return AI_OK;
    }

    b = ai_block_add(c->pool, tail, kind);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    b->text = ai_json_esc(c->doc, v);

    return AI_OK;
}


static ai_int_t
ai_ollama_no_images(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v)
{
    if (ai_openai_want(c, path, "images", v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    if (v != AI_JSON_NONE && c->doc->node[v].count) {
        return ai_openai_unsupported(c, path, "images",
                                     ": only messages of the user and of "
                                     "tools can have them.");
    }

    return AI_OK;
}


static ai_int_t
ai_ollama_calls(ai_ollama_messages_t *m, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t                e;
    ai_block_t             *b;
    ai_openai_path_t        list, entry;
    const ai_openai_ctx_t  *c;

    c = m->c;

    if (ai_openai_want(c, path, "tool_calls", v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    if (v == AI_JSON_NONE || c->doc->node[v].count == 0) {
        return AI_OK;
    }

    list.up = path;
    list.name = "tool_calls";
    list.index = 0;

    entry.up = &list;
    entry.name = NULL;
    entry.index = 0;

    if (c->doc->node[v].count > AI_OLLAMA_CALLS_MAX) {
        return ai_openai_bad_value(c, &list, NULL, ": there are too many.");
    }

    m->ncalls = 0;
    m->from = 0;

    for (e = ai_json_first(c->doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, v, e))
    {
        b = ai_block_add(c->pool, tail, AI_BLOCK_TOOL_CALL);
        if (b == NULL) {
            return ai_openai_no_memory(c);
        }

        if (ai_ollama_call(m, &entry, e, b) != AI_OK) {
            return AI_ERROR;
        }

        ai_ollama_call_note(m, b);

        entry.index++;
    }

    return AI_OK;
}


static ai_int_t
ai_ollama_call(ai_ollama_messages_t *m, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_ref_t                refs[2], args[2];
    ai_openai_path_t        function;
    const ai_openai_ctx_t  *c;

    static const ai_str_t  names[] = {
        ai_string("id"), ai_string("function")
    };

    static const ai_str_t  inner[] = {
        ai_string("name"), ai_string("arguments")
    };

    c = m->c;

    function.up = path;
    function.name = "function";
    function.index = 0;

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 2, refs);

    if (ai_openai_need(c, &function, NULL, refs[1], AI_JSON_OBJECT) != AI_OK
        || ai_ollama_word(c, path, "id", refs[0], &b->id) != AI_OK)
    {
        return AI_ERROR;
    }

    ai_openai_pick(c, refs[1], inner, 2, args);

    b->args = ai_lit("{}");

    if (ai_openai_word(c, &function, "name", args[0], &b->name) != AI_OK
        || ai_openai_object(c, &function, "arguments", args[1], &b->args)
           != AI_OK)
    {
        return AI_ERROR;
    }

    return b->id.len ? AI_OK : ai_ollama_call_id(m, &b->id);
}


/* the same history gives the same ids, which keeps a provider's prompt cache
 * good */

static ai_int_t
ai_ollama_call_id(ai_ollama_messages_t *m, ai_esc_t *id)
{
    ai_buf_t  b;

    ai_buf_init(&b, m->c->pool);
    ai_buf_lit(&b, "call_ollama_");
    ai_buf_int(&b, m->made++);

    if (b.failed) {
        return ai_openai_no_memory(m->c);
    }

    *id = ai_buf_str(&b);

    return AI_OK;
}


static void
ai_ollama_call_note(ai_ollama_messages_t *m, const ai_block_t *b)
{
    ai_ollama_call_t  *call;

    call = &m->call[m->ncalls++];

    call->id = b->id;
    call->name = b->name;
    call->id_hash = ai_ollama_hash(&b->id);
    call->name_hash = ai_ollama_hash(&b->name);
    call->answered = 0;
}


static ai_int_t
ai_ollama_result(ai_ollama_messages_t *m, const ai_openai_path_t *path,
    const ai_ref_t *refs)
{
    ai_block_t             *b, **tail;
    const ai_openai_ctx_t  *c;

    c = m->c;

    if (m->results == NULL) {
        m->results = ai_ollama_turn(m, AI_ROLE_USER);
        if (m->results == NULL) {
            return AI_ERROR;
        }

        m->result_tail = &m->results->blocks;
    }

    b = ai_block_add(c->pool, &m->result_tail, AI_BLOCK_TOOL_RESULT);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    tail = &b->content;

    if (ai_ollama_result_call(m, path, refs, b) != AI_OK
        || ai_ollama_text(c, path, "content", refs[AI_MSG_CONTENT],
                          AI_BLOCK_TEXT, &tail) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_ollama_read_images(c, path, refs[AI_MSG_IMAGES], &tail);
}


/* older clients say "name", or nothing at all: the next call is meant then;
 * an id that is not among the last calls is carried as it is */

static ai_int_t
ai_ollama_result_call(ai_ollama_messages_t *m, const ai_openai_path_t *path,
    const ai_ref_t *refs, ai_block_t *b)
{
    ai_ollama_call_t       *call;
    const ai_openai_ctx_t  *c;

    c = m->c;

    if (ai_ollama_word(c, path, "name", refs[AI_MSG_NAME], &b->name) != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[AI_MSG_TOOL_NAME] != AI_JSON_NONE
        && ai_ollama_word(c, path, "tool_name", refs[AI_MSG_TOOL_NAME],
                          &b->name) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_ollama_word(c, path, "tool_call_id", refs[AI_MSG_TOOL_CALL_ID],
                       &b->id) != AI_OK)
    {
        return AI_ERROR;
    }

    call = ai_ollama_find(m, b);

    if (call) {
        call->answered = 1;

        b->id = call->id;
        b->name = call->name;

    } else if (b->id.len == 0) {
        return ai_openai_bad_value(c, path, NULL,
                                   ": there is no call before it that it "
                                   "could be the result of.");
    }

    return AI_OK;
}


/* an optional string, absent if it is empty, spelled to be compared */

static ai_int_t
ai_ollama_word(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    const char *name, ai_ref_t v, ai_esc_t *out)
{
    if (ai_openai_want(c, path, name, v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_esc(c->doc, v).len == 0) {
        return AI_OK;
    }

    return ai_openai_word(c, path, name, v, out);
}


static ai_ollama_call_t *
ai_ollama_find(ai_ollama_messages_t *m, const ai_block_t *b)
{
    uint32_t           i, hash;
    ai_ollama_call_t  *call;

    if (b->id.len) {
        hash = ai_ollama_hash(&b->id);

        for (i = 0; i < m->ncalls; i++) {
            call = &m->call[i];

            if (call->id_hash == hash && ai_str_eq(&call->id, &b->id)) {
                return call;
            }
        }

        return NULL;
    }

    hash = ai_ollama_hash(&b->name);

    while (m->from < m->ncalls && m->call[m->from].answered) {
        m->from++;
    }

    for (i = m->from; i < m->ncalls; i++) {
        call = &m->call[i];

        if (!call->answered
            && (b->name.len == 0
                || (call->name_hash == hash
                    && ai_str_eq(&call->name, &b->name))))
        {
            return call;
        }
    }

    return NULL;
}


/* FNV-1a */

static uint32_t
ai_ollama_hash(const ai_esc_t *s)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261U;

    for (i = 0; i < s->len; i++) {
        h = (h ^ s->data[i]) * 16777619U;
    }

    return h;
}


/* base64 that does not say of what, which others want to know */

ai_int_t
ai_ollama_read_images(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t           e;
    ai_esc_t           data;
    const char        *media;
    ai_block_t        *b;
    ai_openai_path_t   list, path;

    list.up = up;
    list.name = "images";
    list.index = 0;

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    if (ai_openai_want(c, &list, NULL, v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    for (e = ai_json_first(c->doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, v, e))
    {
        b = ai_block_add(c->pool, tail, AI_BLOCK_IMAGE);
        if (b == NULL) {
            return ai_openai_no_memory(c);
        }

        if (ai_openai_need(c, &path, NULL, e, AI_JSON_STRING) != AI_OK) {
            return AI_ERROR;
        }

        data = ai_json_esc(c->doc, e);

        if (ai_openai_base64(c, &path, NULL, &data, &b->data) != AI_OK) {
            return AI_ERROR;
        }

        media = ai_ollama_media(&b->data);

        if (media == NULL) {
            return ai_openai_bad_value(c, &path, NULL,
                                       ": it must be the base64 of a PNG, "
                                       "JPEG, GIF or WebP image.");
        }

        b->source = AI_SOURCE_BASE64;
        b->media.data = (ai_char_t *) media;
        b->media.len = strlen(media);

        path.index++;
    }

    return AI_OK;
}


/* by the first bytes of the file, as base64 has them */

static const char *
ai_ollama_media(const ai_esc_t *s)
{
    if (ai_str_starts(s, "iVBORw0KGgo")) {
        return "image/png";
    }

    if (ai_str_starts(s, "/9j/") || ai_str_starts(s, "_9j_")) {
        return "image/jpeg";
    }

    if (ai_str_starts(s, "R0lGOD")) {
        return "image/gif";
    }

    if (ai_str_starts(s, "UklGR") && s->len > 16
        && memcmp(s->data + 11, "XRUJQ", 5) == 0)
    {
        return "image/webp";
    }

    return NULL;
}
