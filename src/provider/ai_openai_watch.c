
/*
 * The watch over OpenAI-shaped answers whose bytes go through unchanged.
 *
 * ai_watch_event() runs once an event of every stream: one parse into the
 * table that is kept, one walk over the members, no allocation once the
 * table is large enough.
 */

#include <provider/ai_openai_wire_int.h>


#define AI_WATCH_ID_MAX  256


static void ai_watch_walk(const ai_json_t *doc, ai_watch_root_t *root);
static ai_watch_e ai_watch_failed(ai_watch_t *w, const ai_str_t *body);
static void ai_watch_choices(ai_watch_t *w, ai_ref_t choices);
static void ai_watch_choice(ai_watch_t *w, ai_ref_t choice);
static void ai_watch_message(ai_watch_t *w, ai_ref_t message,
    int64_t choice);
static void ai_watch_calls(ai_watch_t *w, ai_ref_t calls, int64_t choice);
static void ai_watch_call(ai_watch_t *w, ai_ref_t function, int64_t choice,
    int64_t index);
static void ai_watch_text(ai_watch_t *w, ai_ref_t v, int64_t choice,
    int64_t index);
static void ai_watch_finish(ai_watch_t *w, int64_t index,
    ai_finish_e finish);
static void ai_watch_id(ai_watch_t *w, ai_ref_t v);
static void ai_watch_name(ai_watch_t *w, ai_ref_t v)
    __attribute__((noinline));
static void ai_watch_usage(ai_watch_t *w, const ai_watch_root_t *root);
static void ai_watch_media(ai_watch_t *w);
static ai_int_t ai_watch_is_image(const ai_json_t *doc, ai_ref_t v);
static void ai_watch_duration(ai_watch_t *w);
static ai_watch_e ai_watch_cut(ai_watch_t *w, const ai_sse_event_t *ev,
    const ai_watch_root_t *root, ai_str_t *out);
static ai_watch_e ai_watch_usage_null(ai_watch_t *w,
    const ai_sse_event_t *ev, ai_str_t *out);
static void ai_watch_error_set(ai_error_t *e, ai_error_e kind,
    const char *message);
static ai_int_t ai_watch_light(ai_watch_t *w, const ai_str_t *body,
    ai_str_t *out);
static size_t ai_watch_string(const ai_str_t *s, size_t i);
static size_t ai_watch_array(const ai_str_t *s, size_t i);


void
ai_watch_init(ai_watch_t *w, const ai_provider_t *provider,
    const ai_pool_t *pool, ai_int_t hide_usage)
{
    memset(w, 0, sizeof(ai_watch_t));

    w->provider = provider;
    w->pool = pool;
    w->hide_usage = hide_usage ? 1 : 0;
    w->error.retry_after = -1;

    ai_json_init(&w->doc, pool);
    ai_buf_init(&w->scratch, pool);
    ai_usage_init(&w->usage);
}


ai_watch_e
ai_watch_event(ai_watch_t *w, const ai_sse_event_t *ev, ai_str_t *out)
{
    ai_watch_root_t  *root;

    if (w->error.kind != AI_ERR_NONE) {
        return AI_WATCH_ERROR;
    }

    if (ev->data.data == NULL) {
        w->ntexts = 0;
        return AI_WATCH_PASS;
    }

    if (ev->data.len < 32 && ai_wire_done(&ev->data)) {
        w->done = 1;
        w->ntexts = 0;
        return AI_WATCH_PASS;
    }

    if (ev->name.len == 5 && memcmp(ev->name.data, "error", 5) == 0) {
        return ai_watch_failed(w, &ev->data);
    }

    if (ai_json_parse_next(&w->doc, &ev->data, &ai_wire_event_limits) != AI_OK
        || w->doc.node[AI_JSON_ROOT].type != AI_JSON_OBJECT)
    {
        w->ntexts = 0;
        return AI_WATCH_PASS;
    }

    root = &w->root;

    if (w->quiet && w->doc.moved) {
        return ai_watch_usage_null(w, ev, out);
    }

    ai_watch_walk(&w->doc, root);

    if (root->error != AI_JSON_NONE && ai_wire_is_error(&w->doc, root->error))
    {
        /* what was used until then is paid for */

        ai_watch_usage(w, root);

        return ai_watch_failed(w, &ev->data);
    }

    if (w->id.data == NULL && root->id != AI_JSON_NONE) {
        ai_watch_id(w, root->id);
        ai_watch_name(w, root->id);
    }

    w->quiet = (root->error == AI_JSON_NONE && root->groq == AI_JSON_NONE);

    w->ntexts = 0;

    if (root->choices != AI_JSON_NONE) {
        ai_watch_choices(w, root->choices);
    }

    w->quiet &= w->content;

    if (root->usage == AI_JSON_NONE) {

        if (root->groq != AI_JSON_NONE) {
            ai_watch_usage(w, root);
        }

        return AI_WATCH_PASS;
    }

    if (w->doc.node[root->usage].type != AI_JSON_NULL) {
        w->quiet = 0;
    }

    if (w->doc.node[root->usage].type == AI_JSON_OBJECT) {
        ai_watch_usage(w, root);

        if (w->hide_usage
            && root->choices != AI_JSON_NONE
            && w->doc.node[root->choices].type == AI_JSON_ARRAY
            && w->doc.node[root->choices].count == 0)
        {
            return AI_WATCH_DROP;
        }
    }

    return ai_watch_usage_null(w, ev, out);
}


/* a null that the client did not ask for is taken out again */

static ai_watch_e
ai_watch_usage_null(ai_watch_t *w, const ai_sse_event_t *ev, ai_str_t *out)
{
    if (!w->hide_usage
        || w->root.usage == AI_JSON_NONE
        || w->doc.node[w->root.usage].type != AI_JSON_NULL)
    {
        return AI_WATCH_PASS;
    }

    return ai_watch_cut(w, ev, &w->root, out);
}


ai_int_t
ai_watch_answer(ai_watch_t *w, const ai_str_t *body)
{
    ai_str_t               text;
    ai_json_type_e         type;
    ai_watch_root_t        root;

    text = *body;

    if (w->any && ai_watch_light(w, body, &text) != AI_OK) {
        ai_watch_error_set(&w->error, AI_ERR_SERVER, NULL);
        return AI_ERROR;
    }

    if (ai_json_parse(&w->doc, &text, &ai_wire_answer_limits) != AI_OK) {
        ai_watch_error_set(&w->error,
                           w->doc.error == AI_JSON_E_MEMORY
                               ? AI_ERR_SERVER : AI_ERR_UPSTREAM_INVALID,
                           NULL);
        return AI_ERROR;
    }

    type = ai_json_type(&w->doc, AI_JSON_ROOT);

    if (type != AI_JSON_OBJECT) {

        /* an embedding server may answer with a bare array */

        if (type == AI_JSON_ARRAY && w->any) {
            return AI_OK;
        }

        ai_watch_error_set(&w->error, AI_ERR_UPSTREAM_INVALID, NULL);
        return AI_ERROR;
    }

    ai_watch_walk(&w->doc, &root);

    if (ai_wire_is_error(&w->doc, root.error)) {
        (void) ai_watch_failed(w, &text);
        return AI_ERROR;
    }

    if (!w->any
        && (ai_json_type(&w->doc, root.choices) != AI_JSON_ARRAY
            || w->doc.node[root.choices].count == 0))
    {
        ai_watch_error_set(&w->error, AI_ERR_UPSTREAM_INVALID, NULL);
        return AI_ERROR;
    }

    ai_watch_id(w, root.id);
    ai_watch_choices(w, root.choices);
    ai_watch_usage(w, &root);

    return AI_OK;
}


static void
ai_watch_walk(const ai_json_t *doc, ai_watch_root_t *root)
{
    ai_ref_t               k, before, *to;
    uint32_t               end;
    const ai_json_node_t  *node;

    memset(root, 0xff, sizeof(ai_watch_root_t));

    before = AI_JSON_NONE;
    node = doc->node;
    end = node[AI_JSON_ROOT].next;

    for (k = AI_JSON_ROOT + 1; k < end; k = node[k + 1].next) {
        to = NULL;

        /* by length first; an escaped key is longer than it looks */

        switch (node[k].escaped ? 0 : node[k].len) {

        case 4:
            if (ai_wire_key(doc, k, "id")) {
                to = &root->id;
            }

            break;

        case 7:
            if (ai_wire_key(doc, k, "usage")) {
                to = &root->usage;

            } else if (ai_wire_key(doc, k, "error")) {
                to = &root->error;
            }

            break;

        case 8:
            if (ai_wire_key(doc, k, "x_groq")) {
                to = &root->groq;
            }

            break;

        case 9:
            if (ai_wire_key(doc, k, "choices")) {
                to = &root->choices;
            }

            break;

        case 0:
            if (ai_json_is(doc, k, "id")) {
                to = &root->id;

            } else if (ai_json_is(doc, k, "usage")) {
                to = &root->usage;

            } else if (ai_json_is(doc, k, "error")) {
                to = &root->error;

            } else if (ai_json_is(doc, k, "choices")) {
                to = &root->choices;
            }

            break;
        }

        if (to && *to == AI_JSON_NONE) {
            *to = k + 1;

            if (to == &root->usage) {
                root->usage_before = before;
            }
        }

        before = k + 1;
    }
}


static ai_watch_e
ai_watch_failed(ai_watch_t *w, const ai_str_t *body)
{
    ai_provider_error(w->provider, 0, body, w->pool, &w->error);

    return AI_WATCH_ERROR;
}


static void
ai_watch_choices(ai_watch_t *w, ai_ref_t choices)
{
    ai_ref_t               v;
    uint32_t               end;
    const ai_json_node_t  *node;

    node = w->doc.node;

    if (choices == AI_JSON_NONE || node[choices].type != AI_JSON_ARRAY) {
        return;
    }

    end = node[choices].next;

    for (v = choices + 1; v < end; v = node[v].next) {
        if (node[v].type == AI_JSON_OBJECT) {
            ai_watch_choice(w, v);
        }
    }
}


static void
ai_watch_choice(ai_watch_t *w, ai_ref_t choice)
{
    int64_t                index;
    ai_ref_t               k, v, text, message;
    uint32_t               end;
    ai_finish_e            finish;
    const ai_json_t       *doc;
    const ai_json_node_t  *node;

    doc = &w->doc;
    node = doc->node;
    end = node[choice].next;

    index = 0;
    text = AI_JSON_NONE;
    message = AI_JSON_NONE;
    finish = AI_FINISH_NONE;

    for (k = choice + 1; k < end; k = node[v].next) {
        v = k + 1;

        switch (node[k].len) {

        case 6:
            if (ai_wire_key(doc, k, "text") && node[v].len > 2
                && node[v].type == AI_JSON_STRING)
            {
                w->content = 1;
                text = v;
            }

            break;

        case 7:
            if (ai_wire_key(doc, k, "index")) {

                if (node[v].len == 1) {
                    index = doc->text[node[v].off] - '0';

                } else if (ai_json_int(doc, v, &index) != AI_OK) {
                    index = 0;
                }

            } else if (ai_wire_key(doc, k, "delta")
                       && node[v].type == AI_JSON_OBJECT)
            {
                message = v;
            }

            break;

        case 9:
            if (ai_wire_key(doc, k, "message")
                && node[v].type == AI_JSON_OBJECT)
            {
                message = v;
            }

            break;

        case 15:
            if (node[v].type == AI_JSON_STRING
                && ai_wire_key(doc, k, "finish_reason"))
            {
                finish = ai_wire_finish(doc, v);
                w->quiet = 0;
            }

            break;
        }
    }

    if (text != AI_JSON_NONE) {
        ai_watch_text(w, text, index, 0);
    }

    if (message != AI_JSON_NONE) {
        ai_watch_message(w, message, index);
    }

    ai_watch_finish(w, index, finish);
}


/* "content" is set by what a user could see or a program act upon */

static void
ai_watch_message(ai_watch_t *w, ai_ref_t message, int64_t choice)
{
    ai_ref_t               k, v;
    uint32_t               end;
    const ai_json_t       *doc;
    const ai_json_node_t  *node;

    doc = &w->doc;
    node = doc->node;
    end = node[message].next;

    for (k = message + 1; k < end; k = node[v].next) {
        v = k + 1;

        /* null, "", [] and {} are none */

        if (node[v].len <= 2 || node[v].type == AI_JSON_NULL
            || (node[v].type != AI_JSON_STRING && node[v].count == 0))
        {
            continue;
        }

        switch (node[k].len) {

        case 7:
            if (ai_wire_key(doc, k, "audio")) {
                w->content = 1;
            }

            break;

        case 9:
            if (ai_wire_key(doc, k, "content")
                || ai_wire_key(doc, k, "refusal"))
            {
                w->content = 1;
                ai_watch_text(w, v, choice, 0);
            }

            break;

        case 10:
            if (ai_wire_key(doc, k, "thinking")) {
                w->content = 1;
            }

            break;

        case 11:
            if (ai_wire_key(doc, k, "reasoning")) {
                w->content = 1;
                ai_watch_text(w, v, choice, 1);
            }

            break;

        case 12:
            if (ai_wire_key(doc, k, "tool_calls")) {
                w->content = 1;
                w->tools = 1;
                ai_watch_calls(w, v, choice);
            }

            break;

        case 15:
            if (ai_wire_key(doc, k, "function_call")) {
                w->content = 1;
                w->tools = 1;
                ai_watch_call(w, v, choice, 0);
            }

            break;

        case 19:
            if (ai_wire_key(doc, k, "reasoning_content")) {
                w->content = 1;
                ai_watch_text(w, v, choice, 1);

            } else if (ai_wire_key(doc, k, "reasoning_details")) {
                w->content = 1;
            }

            break;
        }
    }
}


static void
ai_watch_calls(ai_watch_t *w, ai_ref_t calls, int64_t choice)
{
    int64_t                index;
    ai_ref_t               v;
    uint32_t               end;
    const ai_json_node_t  *node;

    node = w->doc.node;

    if (node[calls].type != AI_JSON_ARRAY) {
        return;
    }

    end = node[calls].next;

    for (v = calls + 1; v < end; v = node[v].next) {

        if (ai_json_int(&w->doc, ai_json_get(&w->doc, v, "index"), &index)
            != AI_OK)
        {
            index = 0;
        }

        ai_watch_call(w, ai_json_get(&w->doc, v, "function"), choice, index);
    }
}


static void
ai_watch_call(ai_watch_t *w, ai_ref_t function, int64_t choice,
    int64_t index)
{
    ai_watch_text(w, ai_json_get(&w->doc, function, "name"), choice,
                  index + 2);
    ai_watch_text(w, ai_json_get(&w->doc, function, "arguments"), choice,
                  index + 2);
}


static void
ai_watch_text(ai_watch_t *w, ai_ref_t v, int64_t choice, int64_t index)
{
    ai_watch_text_t  *text;

    if (ai_json_type(&w->doc, v) != AI_JSON_STRING
        || w->ntexts == AI_WATCH_TEXTS)
    {
        return;
    }

    text = &w->text[w->ntexts++];

    text->ref = v;
    text->choice = (uint32_t) choice;
    text->index = (uint32_t) index;
}


static void
ai_watch_finish(ai_watch_t *w, int64_t index, ai_finish_e finish)
{
    uint64_t  bit;

    if (index < 0 || index >= AI_WIRE_CHOICES) {
        return;
    }

    bit = UINT64_C(1) << (index & 63);

    w->seen[index >> 6] |= bit;

    if (finish != AI_FINISH_NONE) {
        w->ended[index >> 6] |= bit;

        if (index == 0) {
            w->finish = (finish == AI_FINISH_STOP && w->tools)
                            ? AI_FINISH_TOOLS : finish;
        }
    }

    w->finished = w->seen[0] == w->ended[0] && w->seen[1] == w->ended[1];
}


static void
ai_watch_id(ai_watch_t *w, ai_ref_t v)
{
    ai_str_t  id;

    if (v == AI_JSON_NONE || w->doc.node[v].len > AI_WATCH_ID_MAX
        || w->doc.node[v].len <= 2)
    {
        return;
    }

    if (ai_json_str(&w->doc, v, w->pool, &id) != AI_OK
        || ai_str_dup(w->pool, &w->id, &id) != AI_OK)
    {
        ai_str_t  none = ai_null_string;

        w->id = none;
    }
}


/* what the chunks of a stream have in common, for one that is written here;
 * apart from what is done for each of them */

static void
ai_watch_name(ai_watch_t *w, ai_ref_t v)
{
    ai_event_t  ev;

    if (w->id.data == NULL) {
        return;
    }

    memset(&ev, 0, sizeof(ai_event_t));

    ai_wire_start(&w->doc, AI_JSON_ROOT,
                  ai_json_get(&w->doc, AI_JSON_ROOT, "created"), &ev);

    ev.id = ai_json_esc(&w->doc, v);
    w->created = ev.created;

    if (ai_str_dup(w->pool, &w->name, &ev.id) != AI_OK
        || ev.model.len > AI_WATCH_ID_MAX
        || ai_str_dup(w->pool, &w->model, &ev.model) != AI_OK)
    {
        ai_str_t  none = ai_null_string;

        w->model = none;
    }
}


static void
ai_watch_usage(ai_watch_t *w, const ai_watch_root_t *root)
{
    if (ai_json_type(&w->doc, root->usage) == AI_JSON_OBJECT) {
        ai_wire_usage(w->provider, &w->doc, root->usage, &w->usage);
        ai_wire_tier_set(&w->doc, ai_json_get(&w->doc, AI_JSON_ROOT,
                                              "service_tier"), &w->usage);

    } else {
        (void) ai_wire_usage_any(w->provider, &w->doc, &w->usage);
    }

    if (w->any) {
        ai_watch_media(w);
    }
}


/*
 * What is billed by other units, or by tokens that are all of one kind.  A
 * stream says it in an event that the type tells, an answer by what is in it.
 */

static void
ai_watch_media(ai_watch_t *w)
{
    ai_ref_t          v, type;
    ai_usage_t       *u;
    const ai_json_t  *doc;

    u = &w->usage;
    doc = &w->doc;
    type = ai_json_get(doc, AI_JSON_ROOT, "type");

    if (ai_json_is(doc, type, "speech.audio.done")) {

        if (u->completion_audio < 0) {
            u->completion_audio = u->completion;
        }

        return;
    }

    if (ai_json_is(doc, type, "image_generation.completed")
        || ai_json_is(doc, type, "image_edit.completed"))
    {
        u->images = 1;

    } else {
        v = ai_json_get(doc, AI_JSON_ROOT, "data");

        if (ai_watch_is_image(doc, ai_json_first(doc, v))) {
            u->images = doc->node[v].count;
        }
    }

    if (u->images >= 0 && u->completion_image < 0) {
        u->completion_image = u->completion;
    }

    if (u->milliseconds < 0 && u->prompt < 0) {
        ai_watch_duration(w);
    }
}


static ai_int_t
ai_watch_is_image(const ai_json_t *doc, ai_ref_t v)
{
    return ai_json_type(doc, v) == AI_JSON_OBJECT
           && (ai_json_get(doc, v, "b64_json") != AI_JSON_NONE
               || ai_json_get(doc, v, "url") != AI_JSON_NONE);
}


/* a transcript that says how long it was, and nothing of what it is billed */

static void
ai_watch_duration(ai_watch_t *w)
{
    double            n;
    const ai_json_t  *doc;

    doc = &w->doc;

    if (ai_json_type(doc, ai_json_get(doc, AI_JSON_ROOT, "text"))
        == AI_JSON_STRING
        && ai_json_double(doc, ai_json_get(doc, AI_JSON_ROOT, "duration"), &n)
           == AI_OK
        && n >= 0 && n < 1e9)
    {
        w->usage.milliseconds = (int64_t) (n * 1000 + 0.5);
    }
}


/*
 * The event without its "usage":null.  The member goes with the comma behind
 * it, or as the last one with the comma in front.  Data put together from
 * several lines has no place of its own in the event's bytes; such an event
 * passes, the null does no harm.
 */

static ai_watch_e
ai_watch_cut(ai_watch_t *w, const ai_sse_event_t *ev,
    const ai_watch_root_t *root, ai_str_t *out)
{
    size_t                 from, to;
    uintptr_t              data, bytes;
    const ai_json_node_t  *node;

    data = (uintptr_t) ev->data.data;
    bytes = (uintptr_t) ev->bytes.data;

    if (data < bytes || data - bytes > ev->bytes.len
        || ev->bytes.len - (data - bytes) < ev->data.len)
    {
        return AI_WATCH_PASS;
    }

    node = w->doc.node;

    if (node[root->usage].next < node[AI_JSON_ROOT].next) {
        from = node[root->usage - 1].off;
        to = node[node[root->usage].next].off;

    } else if (root->usage_before != AI_JSON_NONE) {
        from = node[root->usage_before].off + node[root->usage_before].len;
        to = node[root->usage].off + node[root->usage].len;

    } else {
        from = node[root->usage - 1].off;
        to = node[root->usage].off + node[root->usage].len;
    }

    from += data - bytes;
    to += data - bytes;

    ai_buf_reset(&w->scratch);
    w->scratch.failed = 0;

    if (ai_buf_reserve(&w->scratch, ev->bytes.len) != AI_OK) {
        return AI_WATCH_PASS;
    }

    ai_buf_add(&w->scratch, ev->bytes.data, from);
    ai_buf_add(&w->scratch, ev->bytes.data + to, ev->bytes.len - to);

    *out = ai_buf_str(&w->scratch);

    return AI_WATCH_EDIT;
}


static void
ai_watch_error_set(ai_error_t *e, ai_error_e kind, const char *message)
{
    memset(e, 0, sizeof(ai_error_t));

    e->kind = kind;
    e->retry_after = -1;

    if (message) {
        e->message.data = (ai_char_t *) message;
        e->message.len = strlen(message);
    }
}


/*
 * Embeddings come as arrays of millions of numbers that nobody here reads: a
 * large answer is parsed without the inside of its "embedding" arrays.  Text
 * that is no JSON stays none: only what is between two matching brackets of
 * digits, signs and commas is left out.
 */

static ai_int_t
ai_watch_light(ai_watch_t *w, const ai_str_t *body, ai_str_t *out)
{
    size_t  i, from, end;

    *out = *body;

    if (body->len < 65536) {
        return AI_OK;
    }

    ai_buf_reset(&w->scratch);
    w->scratch.failed = 0;

    from = 0;

    for (i = 0; i < body->len; /* void */ ) {

        if (body->data[i] == '"') {
            i = ai_watch_string(body, i);
            continue;
        }

        if (body->data[i] == '[') {
            end = ai_watch_array(body, i);

            if (end) {
                ai_buf_add(&w->scratch, body->data + from, i + 1 - from);
                from = end;
                i = end;
            }
        }

        i++;
    }

    ai_buf_add(&w->scratch, body->data + from, body->len - from);

    if (w->scratch.failed) {
        return AI_ERROR;
    }

    *out = ai_buf_str(&w->scratch);

    return AI_OK;
}


/* behind the string that starts at i */

static size_t
ai_watch_string(const ai_str_t *s, size_t i)
{
    for (i++; i < s->len; i++) {

        if (s->data[i] == '\\') {
            i++;
            continue;
        }

        if (s->data[i] == '"') {
            return i + 1;
        }
    }

    return s->len;
}


/* the closing bracket of an array of numbers that starts at i, or 0 */

static size_t
ai_watch_array(const ai_str_t *s, size_t i)
{
    ai_char_t  c;

    for (i++; i < s->len; i++) {
        c = s->data[i];

        if ((c >= '0' && c <= '9') || c == ',' || c == '.' || c == '-'
            || c == '+' || c == 'e' || c == 'E' || c == ' ' || c == '\n'
            || c == '\r' || c == '\t')
        {
            continue;
        }

        return c == ']' ? i : 0;
    }

    return 0;
}
