
/*
 * The items of "input".  They come flat; what an assistant said in a row is
 * one turn, and so are the results of calls in a row.
 */

#include <api/ai_responses_int.h>


#define AI_RESPONSES_BUCKETS    64
#define AI_RESPONSES_CHAIN_MAX  64

#define AI_RESPONSES_USER                                                     \
    (AI_OPENAI_PART_TEXT|AI_OPENAI_PART_IMAGE|AI_OPENAI_PART_FILE             \
     |AI_OPENAI_PART_AUDIO)
#define AI_RESPONSES_RESULT                                                   \
    (AI_OPENAI_PART_TEXT|AI_OPENAI_PART_IMAGE|AI_OPENAI_PART_FILE)
#define AI_RESPONSES_SAID    (AI_OPENAI_PART_TEXT|AI_OPENAI_PART_REFUSAL)


/* a call, or a signature that waits for one, by the call's id */

typedef struct ai_responses_call_s  ai_responses_call_t;

struct ai_responses_call_s {
    ai_responses_call_t  *next;
    ai_esc_t              id;
    ai_block_t           *block;        /* NULL: not seen yet */
    ai_esc_t              signature;
    ai_family_e           family;
};


typedef struct {
    const ai_openai_ctx_t   *c;
    ai_request_t            *rq;
    ai_turn_t              **tail;
    ai_turn_t               *said;      /* the assistant's open turn */
    ai_turn_t               *results;   /* the open turn of results */
    ai_block_t             **block_tail;        /* of the open turn */
    ai_block_t              *text;      /* the last one the assistant said */
    ai_responses_call_t     *calls[AI_RESPONSES_BUCKETS];   /* newest first */
    ai_json_t                args;      /* used again for each call */
} ai_responses_input_t;


typedef struct {
    const char              *type;
    ai_int_t               (*read)(ai_responses_input_t *in,
                                 const ai_openai_path_t *path, ai_ref_t v);
} ai_responses_reader_t;


static ai_int_t ai_responses_items(ai_responses_input_t *in, ai_ref_t input);
static ai_int_t ai_responses_read_item(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_turn_t *ai_responses_turn(ai_responses_input_t *in, ai_role_e role);
static ai_int_t ai_responses_said(ai_responses_input_t *in);
static ai_block_t *ai_responses_block(ai_responses_input_t *in,
    ai_block_e kind);

static ai_int_t ai_responses_message(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_responses_nothing(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_responses_call(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_responses_custom_call(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_responses_arguments(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v, ai_raw_t *args);
static ai_int_t ai_responses_result(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_responses_reasoning(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v);
static ai_int_t ai_responses_summary(ai_responses_input_t *in,
    const ai_openai_path_t *path, const char *name, ai_ref_t v);
static ai_int_t ai_responses_carried(ai_responses_input_t *in,
    const ai_esc_t *opaque);
static ai_int_t ai_responses_restore(ai_responses_input_t *in,
    const ai_responses_state_t *st);

static ai_responses_call_t *ai_responses_call_find(
    const ai_responses_input_t *in, const ai_esc_t *id);
static ai_responses_call_t *ai_responses_call_add(ai_responses_input_t *in,
    const ai_esc_t *id);
static ai_int_t ai_responses_call_note(ai_responses_input_t *in,
    ai_block_t *b);


static const ai_responses_reader_t  ai_responses_readers[] = {
    { "message", ai_responses_message },
    { "function_call", ai_responses_call },
    { "function_call_output", ai_responses_result },
    { "reasoning", ai_responses_reasoning },
    { "custom_tool_call", ai_responses_custom_call },
    { "custom_tool_call_output", ai_responses_result },
    { "additional_tools", ai_responses_nothing },
    { NULL, NULL }
};


ai_int_t
ai_responses_read_input(const ai_openai_ctx_t *c, ai_ref_t input,
    ai_ref_t instructions, ai_request_t *rq)
{
    ai_int_t              rc;
    ai_esc_t              text;
    ai_block_t           *b;
    ai_responses_input_t  in;

    memset(&in, 0, sizeof(ai_responses_input_t));

    in.c = c;
    in.rq = rq;
    in.tail = &rq->turns;

    ai_json_init(&in.args, c->pool);

    if (ai_openai_esc(c, NULL, "instructions", instructions, &text) != AI_OK) {
        return AI_ERROR;
    }

    if (text.len) {
        if (ai_responses_turn(&in, AI_ROLE_SYSTEM) == NULL) {
            return AI_ERROR;
        }

        b = ai_responses_block(&in, AI_BLOCK_TEXT);
        if (b == NULL) {
            return AI_ERROR;
        }

        b->text = text;
    }

    rc = ai_responses_items(&in, input);

    if (in.args.node) {
        ai_pfree(c->pool, in.args.node);
    }

    return rc;
}


static ai_int_t
ai_responses_items(ai_responses_input_t *in, ai_ref_t input)
{
    ai_ref_t                v;
    ai_block_t             *b;
    ai_openai_path_t        list, path;
    const ai_openai_ctx_t  *c;

    c = in->c;

    if (input == AI_JSON_NONE) {
        return ai_openai_missing(c, NULL, "input");
    }

    if (ai_json_type(c->doc, input) == AI_JSON_STRING) {

        if (ai_responses_turn(in, AI_ROLE_USER) == NULL) {
            return AI_ERROR;
        }

        b = ai_responses_block(in, AI_BLOCK_TEXT);
        if (b == NULL) {
            return AI_ERROR;
        }

        b->text = ai_json_esc(c->doc, input);

        return AI_OK;
    }

    list.up = NULL;
    list.name = "input";
    list.index = 0;

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    if (c->doc->node[input].count == 0) {
        return ai_openai_bad_value(c, &list, NULL, ": it must not be empty.");
    }

    for (v = ai_json_first(c->doc, input);
         v != AI_JSON_NONE;
         v = ai_json_next(c->doc, input, v))
    {
        if (ai_responses_read_item(in, &path, v) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    if (in->rq->turns == NULL) {
        return ai_openai_bad_value(c, &list, NULL, ": it says nothing.");
    }

    return AI_OK;
}


/* the short form of a message has no type, that of a reference only an id */

static ai_int_t
ai_responses_read_item(ai_responses_input_t *in, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_ref_t                      refs[2];
    const ai_openai_ctx_t        *c;
    const ai_responses_reader_t  *r;

    static const ai_str_t  names[] = { ai_string("type"), ai_string("role") };

    c = in->c;

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 2, refs);

    if (ai_openai_want(c, path, "type", refs[0], AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (refs[0] == AI_JSON_NONE && refs[1] != AI_JSON_NONE) {
        return ai_responses_message(in, path, v);
    }

    for (r = ai_responses_readers; r->type; r++) {
        if (ai_json_is(c->doc, refs[0], r->type)) {
            return r->read(in, path, v);
        }
    }

    if (refs[0] == AI_JSON_NONE
        || ai_json_is(c->doc, refs[0], "item_reference"))
    {
        return ai_openai_unsupported(c, path, NULL,
                     " refers to an item that is kept by the provider, which "
                     "is not possible with this model: send the item itself.");
    }

    return ai_openai_unsupported(c, path, "type",
                 ": this kind of item cannot be carried to this model.");
}


static ai_turn_t *
ai_responses_turn(ai_responses_input_t *in, ai_role_e role)
{
    ai_turn_t  *turn;

    turn = ai_pcalloc(in->c->pool, sizeof(ai_turn_t));
    if (turn == NULL) {
        ai_openai_no_memory(in->c);
        return NULL;
    }

    turn->role = role;

    *in->tail = turn;
    in->tail = &turn->next;

    in->said = NULL;
    in->results = NULL;
    in->text = NULL;
    in->block_tail = &turn->blocks;

    return turn;
}


/* an assistant's turn is open after this */

static ai_int_t
ai_responses_said(ai_responses_input_t *in)
{
    ai_turn_t  *turn;

    if (in->said) {
        return AI_OK;
    }

    turn = ai_responses_turn(in, AI_ROLE_ASSISTANT);
    in->said = turn;

    return turn ? AI_OK : AI_ERROR;
}


static ai_block_t *
ai_responses_block(ai_responses_input_t *in, ai_block_e kind)
{
    ai_block_t  *b;

    b = ai_block_add(in->c->pool, &in->block_tail, kind);
    if (b == NULL) {
        ai_openai_no_memory(in->c);
    }

    return b;
}


static ai_int_t
ai_responses_message(ai_responses_input_t *in, const ai_openai_path_t *path,
    ai_ref_t v)
{
    unsigned                allow;
    ai_ref_t                refs[2];
    ai_block_t             *b, **first;
    const ai_json_t        *doc;
    const ai_openai_ctx_t  *c;

    static const ai_str_t  names[] = {
        ai_string("role"), ai_string("content")
    };

    c = in->c;
    doc = c->doc;

    ai_openai_pick(c, v, names, 2, refs);

    if (ai_openai_need(c, path, "role", refs[0], AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    if (refs[1] == AI_JSON_NONE) {
        return ai_openai_missing(c, path, "content");
    }

    if (ai_json_is(doc, refs[0], "assistant")) {

        if (ai_responses_said(in) != AI_OK) {
            return AI_ERROR;
        }

        allow = AI_RESPONSES_SAID;

    } else if (ai_json_is(doc, refs[0], "user")) {

        if (ai_responses_turn(in, AI_ROLE_USER) == NULL) {
            return AI_ERROR;
        }

        allow = AI_RESPONSES_USER;

    } else if (ai_json_is(doc, refs[0], "system")
               || ai_json_is(doc, refs[0], "developer"))
    {
        if (ai_responses_turn(in, AI_ROLE_SYSTEM) == NULL) {
            return AI_ERROR;
        }

        allow = AI_OPENAI_PART_TEXT;

    } else {
        return ai_openai_bad_value(c, path, "role",
                                   ": it must be 'user', 'assistant', "
                                   "'system' or 'developer'.");
    }

    first = in->block_tail;

    if (ai_responses_read_content(c, path, "content", refs[1], allow,
                                  &in->block_tail) != AI_OK)
    {
        return AI_ERROR;
    }

    for (b = *first; b && in->said; b = b->next) {
        if (b->kind == AI_BLOCK_TEXT) {
            in->text = b;
        }
    }

    return AI_OK;
}


/* its tools have been read with the others */

static ai_int_t
ai_responses_nothing(ai_responses_input_t *in, const ai_openai_path_t *path,
    ai_ref_t v)
{
    (void) in;
    (void) path;
    (void) v;

    return AI_OK;
}


static ai_int_t
ai_responses_call(ai_responses_input_t *in, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_ref_t                refs[5];
    ai_block_t             *b;
    const ai_openai_ctx_t  *c;

    static const ai_str_t  names[] = {
        ai_string("call_id"), ai_string("name"), ai_string("arguments"),
        ai_string("cache_control"), ai_string("namespace")
    };

    c = in->c;

    ai_openai_pick(c, v, names, 5, refs);

    if (ai_responses_said(in) != AI_OK) {
        return AI_ERROR;
    }

    b = ai_responses_block(in, AI_BLOCK_TOOL_CALL);

    if (b == NULL
        || ai_openai_word(c, path, "call_id", refs[0], &b->id) != AI_OK
        || ai_responses_name(c, path, refs[4], refs[1], &b->name) != AI_OK
        || ai_responses_arguments(in, path, refs[2], &b->args) != AI_OK
        || ai_openai_object(c, path, "cache_control", refs[3],
                            &b->cache_mark) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_responses_call_note(in, b);
}


static ai_int_t
ai_responses_custom_call(ai_responses_input_t *in,
    const ai_openai_path_t *path, ai_ref_t v)
{
    ai_buf_t                args;
    ai_esc_t                input;
    ai_ref_t                refs[4];
    ai_block_t             *b;
    const ai_openai_ctx_t  *c;

    static const ai_str_t  names[] = {
        ai_string("call_id"), ai_string("name"), ai_string("input"),
        ai_string("namespace")
    };

    c = in->c;

    ai_openai_pick(c, v, names, 4, refs);

    if (ai_responses_said(in) != AI_OK) {
        return AI_ERROR;
    }

    b = ai_responses_block(in, AI_BLOCK_TOOL_CALL);

    if (b == NULL
        || ai_openai_word(c, path, "call_id", refs[0], &b->id) != AI_OK
        || ai_responses_name(c, path, refs[3], refs[1], &b->name) != AI_OK
        || ai_openai_need(c, path, "input", refs[2], AI_JSON_STRING) != AI_OK)
    {
        return AI_ERROR;
    }

    input = ai_json_esc(c->doc, refs[2]);

    ai_buf_init(&args, c->pool);
    ai_buf_lit(&args, "{\"input\":");
    ai_buf_quote_esc(&args, &input);
    ai_buf_char(&args, '}');

    if (args.failed) {
        return ai_openai_no_memory(c);
    }

    b->args = ai_buf_str(&args);

    return ai_responses_call_note(in, b);
}


/* a string with JSON in it: an object, or nothing at all */

static ai_int_t
ai_responses_arguments(ai_responses_input_t *in, const ai_openai_path_t *path,
    ai_ref_t v, ai_raw_t *args)
{
    ai_str_t                text;
    const ai_openai_ctx_t  *c;

    c = in->c;

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

    if (ai_json_parse(&in->args, &text, NULL) != AI_OK) {

        if (in->args.error == AI_JSON_E_MEMORY) {
            return ai_openai_no_memory(c);
        }

        if (in->args.error == AI_JSON_E_EMPTY) {
            return AI_OK;
        }
    }

    if (ai_json_type(&in->args, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        return ai_openai_bad_value(c, path, "arguments",
                                   ": it must be the JSON of an object.");
    }

    *args = ai_json_raw(&in->args, AI_JSON_ROOT);

    return AI_OK;
}


static ai_int_t
ai_responses_result(ai_responses_input_t *in, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_ref_t                   refs[3];
    ai_block_t                *b, **tail;
    ai_responses_call_t       *call;
    const ai_openai_ctx_t     *c;

    static const ai_str_t  names[] = {
        ai_string("call_id"), ai_string("output"), ai_string("cache_control")
    };

    c = in->c;

    ai_openai_pick(c, v, names, 3, refs);

    if (in->results == NULL) {
        in->results = ai_responses_turn(in, AI_ROLE_USER);
        if (in->results == NULL) {
            return AI_ERROR;
        }
    }

    b = ai_responses_block(in, AI_BLOCK_TOOL_RESULT);

    if (b == NULL
        || ai_openai_word(c, path, "call_id", refs[0], &b->id) != AI_OK
        || ai_openai_object(c, path, "cache_control", refs[2],
                            &b->cache_mark) != AI_OK)
    {
        return AI_ERROR;
    }

    call = ai_responses_call_find(in, &b->id);

    if (call && call->block) {
        b->name = call->block->name;
    }

    if (refs[1] == AI_JSON_NONE) {
        return ai_openai_missing(c, path, "output");
    }

    tail = &b->content;

    return ai_responses_read_content(c, path, "output", refs[1],
                                     AI_RESPONSES_RESULT, &tail);
}


/*
 * Our own state says it all, and the text as well as it was signed.  Anyone
 * else's is OpenAI's, who made up the format.
 */

static ai_int_t
ai_responses_reasoning(ai_responses_input_t *in, const ai_openai_path_t *path,
    ai_ref_t v)
{
    ai_int_t                rc;
    ai_esc_t                opaque;
    ai_ref_t                refs[3];
    ai_block_t             *b;
    const ai_openai_ctx_t  *c;

    static const ai_str_t  names[] = {
        ai_string("summary"), ai_string("content"),
        ai_string("encrypted_content")
    };

    c = in->c;

    ai_openai_pick(c, v, names, 3, refs);

    if (ai_openai_esc(c, path, "encrypted_content", refs[2], &opaque)
        != AI_OK
        || ai_responses_said(in) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_responses_state_ours(&opaque)) {
        rc = ai_responses_carried(in, &opaque);

        if (rc != AI_DECLINED) {
            return rc;
        }
    }

    if (ai_responses_summary(in, path, "summary", refs[0]) != AI_OK
        || ai_responses_summary(in, path, "content", refs[1]) != AI_OK)
    {
        return AI_ERROR;
    }

    if (opaque.len == 0 || ai_responses_state_ours(&opaque)) {
        return AI_OK;
    }

    b = ai_responses_block(in, AI_BLOCK_REDACTED);
    if (b == NULL) {
        return AI_ERROR;
    }

    b->data = opaque;
    b->family = AI_FAMILY_OPENAI;

    return AI_OK;
}


/* [{type, text}]: one thought each */

static ai_int_t
ai_responses_summary(ai_responses_input_t *in, const ai_openai_path_t *path,
    const char *name, ai_ref_t v)
{
    ai_esc_t                text;
    ai_ref_t                e, ref;
    ai_block_t             *b;
    ai_openai_path_t        list, entry;
    const ai_openai_ctx_t  *c;

    static const ai_str_t  names[] = { ai_string("text") };

    c = in->c;

    list.up = path;
    list.name = name;
    list.index = 0;

    entry.up = &list;
    entry.name = NULL;
    entry.index = 0;

    if (ai_openai_want(c, &list, NULL, v, AI_JSON_ARRAY) != AI_OK) {
        return AI_ERROR;
    }

    for (e = ai_json_first(c->doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, v, e))
    {
        if (ai_openai_want(c, &entry, NULL, e, AI_JSON_OBJECT) != AI_OK) {
            return AI_ERROR;
        }

        ai_openai_pick(c, e, names, 1, &ref);

        if (ai_openai_esc(c, &entry, "text", ref, &text) != AI_OK) {
            return AI_ERROR;
        }

        entry.index++;

        if (text.len == 0) {
            continue;
        }

        b = ai_responses_block(in, AI_BLOCK_THINKING);
        if (b == NULL) {
            return AI_ERROR;
        }

        b->text = text;
    }

    return AI_OK;
}


/* AI_DECLINED: it is damaged, and nothing of it was used */

static ai_int_t
ai_responses_carried(ai_responses_input_t *in, const ai_esc_t *opaque)
{
    ai_int_t              rc;
    ai_json_t             doc;
    ai_ref_t              v, list;
    ai_responses_state_t  st;

    ai_json_init(&doc, in->c->pool);

    rc = ai_responses_state_read(opaque, &doc, &list);

    if (rc == AI_ERROR) {
        ai_openai_no_memory(in->c);
    }

    for (v = rc == AI_OK ? ai_json_first(&doc, list) : AI_JSON_NONE;
         v != AI_JSON_NONE && rc == AI_OK;
         v = ai_json_next(&doc, list, v))
    {
        if (ai_responses_state_get(&doc, v, &st) == AI_OK) {
            rc = ai_responses_restore(in, &st);
        }
    }

    if (doc.node) {
        ai_pfree(in->c->pool, doc.node);
    }

    return rc;
}


static ai_int_t
ai_responses_restore(ai_responses_input_t *in, const ai_responses_state_t *st)
{
    ai_block_t           *b;
    ai_responses_call_t  *call;

    switch (st->kind) {

    case AI_BLOCK_THINKING:
    case AI_BLOCK_REDACTED:
        b = ai_responses_block(in, st->kind);
        if (b == NULL) {
            return AI_ERROR;
        }

        b->family = st->family;

        if (st->kind == AI_BLOCK_REDACTED) {
            b->data = st->opaque;
            return AI_OK;
        }

        b->text = st->text;
        b->signature = st->opaque;

        return AI_OK;

    case AI_BLOCK_TOOL_CALL:
        if (st->id.len == 0) {
            return AI_OK;
        }

        call = ai_responses_call_find(in, &st->id);

        if (call && call->block) {
            call->block->signature = st->opaque;
            call->block->family = st->family;
            return AI_OK;
        }

        call = ai_responses_call_add(in, &st->id);
        if (call == NULL) {
            return AI_ERROR;
        }

        call->signature = st->opaque;
        call->family = st->family;

        return AI_OK;

    default:
        if (in->text) {
            in->text->signature = st->opaque;
            in->text->family = st->family;
        }

        return AI_OK;
    }
}


/* FNV-1a */

static ai_uint_t
ai_responses_call_bucket(const ai_esc_t *id)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261U;

    for (i = 0; i < id->len; i++) {
        h = (h ^ id->data[i]) * 16777619U;
    }

    return (h ^ (h >> 16)) % AI_RESPONSES_BUCKETS;
}


/* the last one of that id; a result is near its call, so an end to the walk
 * costs nothing but what only hostile ids ask for */

static ai_responses_call_t *
ai_responses_call_find(const ai_responses_input_t *in, const ai_esc_t *id)
{
    ai_uint_t             n;
    ai_responses_call_t  *call;

    call = in->calls[ai_responses_call_bucket(id)];

    for (n = 0; call && n < AI_RESPONSES_CHAIN_MAX; n++) {
        if (ai_str_eq(&call->id, id)) {
            return call;
        }

        call = call->next;
    }

    return NULL;
}


static ai_responses_call_t *
ai_responses_call_add(ai_responses_input_t *in, const ai_esc_t *id)
{
    ai_responses_call_t  *call, **bucket;

    call = ai_pcalloc(in->c->pool, sizeof(ai_responses_call_t));
    if (call == NULL) {
        ai_openai_no_memory(in->c);
        return NULL;
    }

    bucket = &in->calls[ai_responses_call_bucket(id)];

    call->id = *id;
    call->next = *bucket;

    *bucket = call;

    return call;
}


static ai_int_t
ai_responses_call_note(ai_responses_input_t *in, ai_block_t *b)
{
    ai_responses_call_t  *call;

    call = ai_responses_call_find(in, &b->id);

    if (call == NULL || call->block) {
        call = ai_responses_call_add(in, &b->id);
        if (call == NULL) {
            return AI_ERROR;
        }
    }

    call->block = b;

    if (call->signature.len) {
        b->signature = call->signature;
        b->family = call->family;
    }

    return AI_OK;
}
