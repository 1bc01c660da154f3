
#include <api/ai_openai_int.h>


#define AI_OPENAI_BUCKETS    64
#define AI_OPENAI_CHAIN_MAX  64

#define AI_OPENAI_CALLS_MAX  1024       /* of one message */


/* a call that was seen, by its id */

typedef struct ai_openai_call_s  ai_openai_call_t;

struct ai_openai_call_s {
    ai_openai_call_t   *next;
    ai_esc_t            id;
    ai_esc_t            name;
};


typedef struct {
    const ai_openai_ctx_t  *c;
    ai_request_t           *rq;
    ai_turn_t             **tail;
    ai_turn_t              *results;    /* the turn that tool messages in a
                                           row go to */
    ai_block_t            **result_tail;
    ai_openai_call_t       *calls[AI_OPENAI_BUCKETS];   /* newest first */
    ai_esc_t                function;   /* of the last function_call: name */
    ai_esc_t                function_id;
    uint32_t                functions;
    ai_json_t               args;       /* used again for each call */
} ai_openai_messages_t;


enum {
    AI_MSG_ROLE = 0,
    AI_MSG_CONTENT,
    AI_MSG_NAME,
    AI_MSG_TOOL_CALLS,
    AI_MSG_TOOL_CALL_ID,
    AI_MSG_FUNCTION_CALL,
    AI_MSG_REFUSAL,
    AI_MSG_AUDIO,
    AI_MSG_REASONING_CONTENT,
    AI_MSG_REASONING,
    AI_MSG_THINKING_BLOCKS,
    AI_MSG_REASONING_DETAILS,
    AI_MSG_EXTRA,
    AI_MSG_CACHE,
    AI_MSG_FIELDS
};

static const ai_str_t  ai_openai_msg_names[AI_MSG_FIELDS] = {
    ai_string("role"),
    ai_string("content"),
    ai_string("name"),
    ai_string("tool_calls"),
    ai_string("tool_call_id"),
    ai_string("function_call"),
    ai_string("refusal"),
    ai_string("audio"),
    ai_string("reasoning_content"),
    ai_string("reasoning"),
    ai_string("thinking_blocks"),
    ai_string("reasoning_details"),
    ai_string("extra_content"),
    ai_string("cache_control")
};


static ai_int_t ai_openai_message(ai_openai_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_turn_t *ai_openai_turn(ai_openai_messages_t *m, ai_role_e role);
static ai_int_t ai_openai_plain_turn(ai_openai_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_role_e role,
    unsigned allow);
static ai_int_t ai_openai_assistant(ai_openai_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs);
static ai_int_t ai_openai_assistant_text(ai_openai_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_block_t ***tail);
static ai_int_t ai_openai_tool_calls(ai_openai_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_openai_tool_call(ai_openai_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_openai_function_form(ai_openai_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
static ai_int_t ai_openai_call_body(ai_openai_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_openai_arguments(ai_openai_messages_t *m,
    const ai_openai_path_t *path, ai_ref_t v, ai_raw_t *args);
static ai_int_t ai_openai_google(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_openai_result(ai_openai_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_int_t function);
static ai_int_t ai_openai_result_id(ai_openai_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_int_t function,
    ai_block_t *b);
static ai_int_t ai_openai_function_id(ai_openai_messages_t *m, ai_esc_t *id);
static ai_int_t ai_openai_call_note(ai_openai_messages_t *m,
    const ai_block_t *b);
static void ai_openai_call_find(const ai_openai_messages_t *m,
    const ai_esc_t *id, ai_esc_t *name);
static ai_uint_t ai_openai_call_bucket(const ai_esc_t *id);
static ai_int_t ai_openai_cache_mark(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);


ai_int_t
ai_openai_read_messages(const ai_openai_ctx_t *c, ai_ref_t messages,
    ai_request_t *rq)
{
    ai_int_t              rc;
    ai_ref_t              v;
    ai_openai_path_t      list, path;
    ai_openai_messages_t  m;

    memset(&m, 0, sizeof(ai_openai_messages_t));

    m.c = c;
    m.rq = rq;
    m.tail = &rq->turns;

    ai_json_init(&m.args, c->pool);

    list.up = NULL;
    list.name = "messages";
    list.index = 0;

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    rc = AI_OK;

    for (v = ai_json_first(c->doc, messages);
         v != AI_JSON_NONE && rc == AI_OK;
         v = ai_json_next(c->doc, messages, v))
    {
        rc = ai_openai_message(&m, &path, v);
        path.index++;
    }

    if (m.args.node) {
        ai_pfree(c->pool, m.args.node);
    }

    return rc;
}


static ai_int_t
ai_openai_message(ai_openai_messages_t *m, const ai_openai_path_t *path,
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

    ai_openai_pick(c, v, ai_openai_msg_names, AI_MSG_FIELDS, refs);

    role = refs[AI_MSG_ROLE];

    if (ai_openai_need(c, path, "role", role, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_is(doc, role, "tool")) {
        return ai_openai_result(m, path, refs, 0);
    }

    if (ai_json_is(doc, role, "function")) {
        return ai_openai_result(m, path, refs, 1);
    }

    m->results = NULL;

    if (ai_json_is(doc, role, "user")) {
        return ai_openai_plain_turn(m, path, refs, AI_ROLE_USER,
                                    AI_OPENAI_PART_TEXT|AI_OPENAI_PART_IMAGE
                                    |AI_OPENAI_PART_FILE
                                    |AI_OPENAI_PART_AUDIO);
    }

    if (ai_json_is(doc, role, "assistant")) {
        return ai_openai_assistant(m, path, refs);
    }

    if (ai_json_is(doc, role, "system") || ai_json_is(doc, role, "developer"))
    {
        return ai_openai_plain_turn(m, path, refs, AI_ROLE_SYSTEM,
                                    AI_OPENAI_PART_TEXT);
    }

    return ai_openai_bad_value(c, path, "role",
                               ": it must be 'system', 'developer', 'user', "
                               "'assistant', 'tool' or 'function'.");
}


static ai_turn_t *
ai_openai_turn(ai_openai_messages_t *m, ai_role_e role)
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
ai_openai_plain_turn(ai_openai_messages_t *m, const ai_openai_path_t *path,
    const ai_ref_t *refs, ai_role_e role, unsigned allow)
{
    ai_turn_t   *turn;
    ai_block_t **tail;

    turn = ai_openai_turn(m, role);
    if (turn == NULL) {
        return AI_ERROR;
    }

    tail = &turn->blocks;

    if (ai_openai_esc(m->c, path, "name", refs[AI_MSG_NAME], &turn->name)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[AI_MSG_CONTENT] == AI_JSON_NONE) {
        return ai_openai_missing(m->c, path, "content");
    }

    if (ai_openai_read_content(m->c, path, refs[AI_MSG_CONTENT], allow, &tail)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_cache_mark(m->c, path, refs[AI_MSG_CACHE], turn->blocks);
}


/* the order that Anthropic wants: thinking, text, calls */

static ai_int_t
ai_openai_assistant(ai_openai_messages_t *m, const ai_openai_path_t *path,
    const ai_ref_t *refs)
{
    ai_turn_t             *turn;
    ai_block_t           **tail;
    ai_openai_thinking_t   thinking;

    if (refs[AI_MSG_AUDIO] != AI_JSON_NONE) {
        return ai_openai_unsupported(m->c, path, "audio",
                                     " cannot be carried to this model.");
    }

    turn = ai_openai_turn(m, AI_ROLE_ASSISTANT);
    if (turn == NULL) {
        return AI_ERROR;
    }

    tail = &turn->blocks;

    thinking.content = refs[AI_MSG_REASONING_CONTENT];
    thinking.reasoning = refs[AI_MSG_REASONING];
    thinking.blocks = refs[AI_MSG_THINKING_BLOCKS];
    thinking.details = refs[AI_MSG_REASONING_DETAILS];

    if (ai_openai_esc(m->c, path, "name", refs[AI_MSG_NAME], &turn->name)
        != AI_OK
        || ai_openai_read_thinking(m->c, path, &thinking, &tail) != AI_OK
        || ai_openai_assistant_text(m, path, refs, &tail) != AI_OK
        || ai_openai_tool_calls(m, path, refs[AI_MSG_TOOL_CALLS], &tail)
           != AI_OK
        || ai_openai_function_form(m, path, refs[AI_MSG_FUNCTION_CALL], &tail)
           != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_cache_mark(m->c, path, refs[AI_MSG_CACHE], turn->blocks);
}


/* an empty string beside calls says nothing; alone it is an empty answer */

static ai_int_t
ai_openai_assistant_text(ai_openai_messages_t *m,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_block_t ***tail)
{
    ai_esc_t                refusal;
    ai_ref_t                v;
    ai_block_t             *b, *text, **first;
    const ai_openai_ctx_t  *c;

    c = m->c;
    v = refs[AI_MSG_CONTENT];
    first = *tail;

    if (v != AI_JSON_NONE
        && (ai_json_type(c->doc, v) != AI_JSON_STRING
            || ai_json_esc(c->doc, v).len
            || (refs[AI_MSG_TOOL_CALLS] == AI_JSON_NONE
                && refs[AI_MSG_FUNCTION_CALL] == AI_JSON_NONE
                && refs[AI_MSG_REFUSAL] == AI_JSON_NONE))
        && ai_openai_read_content(c, path, v,
                                  AI_OPENAI_PART_TEXT|AI_OPENAI_PART_REFUSAL,
                                  tail) != AI_OK)
    {
        return AI_ERROR;
    }

    text = NULL;

    for (b = *first; b; b = b->next) {
        if (b->kind == AI_BLOCK_TEXT) {
            text = b;
        }
    }

    if (text
        && ai_openai_google(c, path, refs[AI_MSG_EXTRA], text) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_openai_esc(c, path, "refusal", refs[AI_MSG_REFUSAL], &refusal)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (refusal.len == 0) {
        return AI_OK;
    }

    b = ai_block_add(c->pool, tail, AI_BLOCK_REFUSAL);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    b->text = refusal;

    return AI_OK;
}


static ai_int_t
ai_openai_tool_calls(ai_openai_messages_t *m, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t                e;
    ai_openai_path_t        list, entry;
    const ai_openai_ctx_t  *c;

    c = m->c;

    if (ai_openai_want(c, path, "tool_calls", v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    list.up = path;
    list.name = "tool_calls";
    list.index = 0;

    entry.up = &list;
    entry.name = NULL;
    entry.index = 0;

    for (e = ai_json_first(c->doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, v, e))
    {
        if (entry.index == AI_OPENAI_CALLS_MAX) {
            return ai_openai_bad_value(c, &list, NULL,
                                       ": there are too many.");
        }

        if (ai_openai_tool_call(m, &entry, e, tail) != AI_OK) {
            return AI_ERROR;
        }

        entry.index++;
    }

    return AI_OK;
}


static ai_int_t
ai_openai_tool_call(ai_openai_messages_t *m, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t                refs[5];
    ai_block_t             *b;
    ai_openai_path_t        function;
    const ai_openai_ctx_t  *c;

    static const ai_str_t  names[] = {
        ai_string("id"), ai_string("type"), ai_string("function"),
        ai_string("extra_content"), ai_string("cache_control")
    };

    c = m->c;

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 5, refs);

    if (ai_openai_want(c, path, "type", refs[1], AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (refs[1] != AI_JSON_NONE && !ai_json_is(c->doc, refs[1], "function")) {
        return ai_openai_unsupported(c, path, "type",
                     ": only function calls can be carried to this model.");
    }

    b = ai_block_add(c->pool, tail, AI_BLOCK_TOOL_CALL);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    function.up = path;
    function.name = "function";
    function.index = 0;

    if (ai_openai_word(c, path, "id", refs[0], &b->id) != AI_OK
        || ai_openai_call_body(m, &function, refs[2], b) != AI_OK
        || ai_openai_google(c, path, refs[3], b) != AI_OK
        || ai_openai_cache_mark(c, path, refs[4], b) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_call_note(m, b);
}


/* the deprecated form has no id; one is made up, and the function message
 * that follows gets the same */

static ai_int_t
ai_openai_function_form(ai_openai_messages_t *m, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_block_t        *b;
    ai_openai_path_t   function;

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    function.up = path;
    function.name = "function_call";
    function.index = 0;

    b = ai_block_add(m->c->pool, tail, AI_BLOCK_TOOL_CALL);
    if (b == NULL) {
        return ai_openai_no_memory(m->c);
    }

    if (ai_openai_call_body(m, &function, v, b) != AI_OK
        || ai_openai_function_id(m, &b->id) != AI_OK)
    {
        return AI_ERROR;
    }

    m->function = b->name;
    m->function_id = b->id;

    return AI_OK;
}


/* {name, arguments} */

static ai_int_t
ai_openai_call_body(ai_openai_messages_t *m, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_ref_t  refs[2];

    static const ai_str_t  names[] = {
        ai_string("name"), ai_string("arguments")
    };

    if (ai_openai_need(m->c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(m->c, v, names, 2, refs);

    if (ai_openai_word(m->c, path, "name", refs[0], &b->name) != AI_OK) {
        return AI_ERROR;
    }

    return ai_openai_arguments(m, path, refs[1], &b->args);
}


/* a string with JSON in it: an object, or nothing at all */

static ai_int_t
ai_openai_arguments(ai_openai_messages_t *m, const ai_openai_path_t *path,
    ai_ref_t v, ai_raw_t *args)
{
    ai_str_t                text;
    const ai_openai_ctx_t  *c;

    c = m->c;

    *args = ai_lit("{}");

    if (v == AI_JSON_NONE) {
        return AI_OK;
    }

    if (ai_openai_want(c, path, "arguments", v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (ai_json_str(c->doc, v, c->pool, &text) != AI_OK) {
        return ai_openai_no_memory(c);
    }

    if (ai_json_parse(&m->args, &text, NULL) != AI_OK) {

        if (m->args.error == AI_JSON_E_MEMORY) {
            return ai_openai_no_memory(c);
        }

        if (m->args.error == AI_JSON_E_EMPTY) {
            return AI_OK;
        }
    }

    if (ai_json_type(&m->args, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        return ai_openai_bad_value(c, path, "arguments",
                                   ": it must be the JSON of an object.");
    }

    *args = ai_json_raw(&m->args, AI_JSON_ROOT);

    return AI_OK;
}


/* extra_content of Google's own OpenAI endpoint; other people's is not ours
 * to judge */

static ai_int_t
ai_openai_google(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_ref_t          s;
    ai_openai_path_t  extra, google;

    s = ai_json_path(c->doc, v, "google", "thought_signature", NULL);

    if (ai_json_is_null(c->doc, s)) {
        return AI_OK;
    }

    extra.up = path;
    extra.name = "extra_content";
    extra.index = 0;

    google.up = &extra;
    google.name = "google";
    google.index = 0;

    if (ai_openai_esc(c, &google, "thought_signature", s, &b->signature)
        != AI_OK)
    {
        return AI_ERROR;
    }

    b->family = AI_FAMILY_GEMINI;

    return AI_OK;
}


static ai_int_t
ai_openai_result(ai_openai_messages_t *m, const ai_openai_path_t *path,
    const ai_ref_t *refs, ai_int_t function)
{
    ai_block_t             *b, **tail;
    const ai_openai_ctx_t  *c;

    c = m->c;

    if (m->results == NULL) {
        m->results = ai_openai_turn(m, AI_ROLE_USER);
        if (m->results == NULL) {
            return AI_ERROR;
        }

        m->result_tail = &m->results->blocks;
    }

    b = ai_block_add(c->pool, &m->result_tail, AI_BLOCK_TOOL_RESULT);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    if (ai_openai_result_id(m, path, refs, function, b) != AI_OK) {
        return AI_ERROR;
    }

    tail = &b->content;

    if (refs[AI_MSG_CONTENT] != AI_JSON_NONE
        && ai_openai_read_content(c, path, refs[AI_MSG_CONTENT],
                                  AI_OPENAI_PART_TEXT|AI_OPENAI_PART_IMAGE
                                  |AI_OPENAI_PART_FILE, &tail) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_openai_cache_mark(c, path, refs[AI_MSG_CACHE], b);
}


static ai_int_t
ai_openai_result_id(ai_openai_messages_t *m, const ai_openai_path_t *path,
    const ai_ref_t *refs, ai_int_t function, ai_block_t *b)
{
    const ai_openai_ctx_t  *c;

    c = m->c;

    if (!function) {
        if (ai_openai_esc(c, path, "name", refs[AI_MSG_NAME], &b->name)
            != AI_OK
            || ai_openai_word(c, path, "tool_call_id",
                              refs[AI_MSG_TOOL_CALL_ID], &b->id) != AI_OK)
        {
            return AI_ERROR;
        }

        ai_openai_call_find(m, &b->id, &b->name);

        return AI_OK;
    }

    if (ai_openai_word(c, path, "name", refs[AI_MSG_NAME], &b->name)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (m->function_id.len && ai_str_eq(&m->function, &b->name)) {
        b->id = m->function_id;
        m->function_id.len = 0;
        return AI_OK;
    }

    return ai_openai_function_id(m, &b->id);
}


static ai_int_t
ai_openai_function_id(ai_openai_messages_t *m, ai_esc_t *id)
{
    ai_buf_t  b;

    ai_buf_init(&b, m->c->pool);
    ai_buf_lit(&b, "call_function_");
    ai_buf_int(&b, m->functions++);

    if (b.failed) {
        return ai_openai_no_memory(m->c);
    }

    *id = ai_buf_str(&b);

    return AI_OK;
}


static ai_int_t
ai_openai_call_note(ai_openai_messages_t *m, const ai_block_t *b)
{
    ai_openai_call_t  *call, **bucket;

    call = ai_palloc(m->c->pool, sizeof(ai_openai_call_t));
    if (call == NULL) {
        return ai_openai_no_memory(m->c);
    }

    bucket = &m->calls[ai_openai_call_bucket(&b->id)];

    call->id = b->id;
    call->name = b->name;
    call->next = *bucket;

    *bucket = call;

    return AI_OK;
}


/* the last call of that id; a result is near its call, so an end to the walk
 * costs nothing but what only hostile ids ask for */

static void
ai_openai_call_find(const ai_openai_messages_t *m, const ai_esc_t *id,
    ai_esc_t *name)
{
    ai_uint_t          n;
    ai_openai_call_t  *call;

    call = m->calls[ai_openai_call_bucket(id)];

    for (n = 0; call && n < AI_OPENAI_CHAIN_MAX; n++) {
        if (ai_str_eq(&call->id, id)) {
            *name = call->name;
            return;
        }

        call = call->next;
    }
}


/* FNV-1a */

static ai_uint_t
ai_openai_call_bucket(const ai_esc_t *id)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261U;

    for (i = 0; i < id->len; i++) {
        h = (h ^ id->data[i]) * 16777619U;
    }

    return (h ^ (h >> 16)) % AI_OPENAI_BUCKETS;
}


/* LiteLLM's clients also mark a whole message: that is its last block */

static ai_int_t
ai_openai_cache_mark(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_raw_t  mark;

    if (v == AI_JSON_NONE || b == NULL) {
        return AI_OK;
    }

    if (ai_openai_object(c, path, "cache_control", v, &mark) != AI_OK) {
        return AI_ERROR;
    }

    while (b->next) {
        b = b->next;
    }

    b->cache_mark = mark;

    return AI_OK;
}
