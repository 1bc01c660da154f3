
/*
 * Answers of the Responses API: every recording against a reading of its own
 * last object, at every split, with memory that fails and at a guard page;
 * and what no recording shows.
 */

#include "tap.h"
#include "mem.h"
#include "upstream.h"


#define HERE   "t/data/recordings/openai-responses"
#define THERE  "t/data/recordings/responses"

#define ROW    (&ai_provider_openai_responses)

#define ANY    -1


/* what was said, by kind; calls, state and notes each ended by a line feed */

enum {
    SAID_TEXT,
    SAID_REFUSAL,
    SAID_THOUGHTS,
    SAID_CALLS,
    SAID_STATE,
    SAID_NOTES,
    SAID_LOGPROBS,
    SAID_N
};


typedef struct {
    seen_t        seen;
    seen_block_t  said[SAID_N];
    seen_block_t  id;
    seen_block_t  model;
    int64_t       created;
} said_t;


static said_t        one, two;
static ai_request_t  nothing;       /* asked for, with use_rq */
static int           use_rq;


static void
said_free(said_t *s)
{
    size_t  i;

    for (i = 0; i < SAID_N; i++) {
        free(s->said[i].text);
    }

    free(s->id.text);
    free(s->model.text);
    seen_free(&s->seen);

    memset(s->said, 0, sizeof(s->said));
    memset(&s->id, 0, sizeof(s->id));
    memset(&s->model, 0, sizeof(s->model));
    s->created = 0;

    for (i = 0; i < SAID_N; i++) {
        seen_add(&s->said[i], "", 0);
    }

    seen_add(&s->id, "", 0);
    seen_add(&s->model, "", 0);
}


static ai_int_t
said_event(void *data, const ai_event_t *ev)
{
    int      kind;
    said_t  *s = data;

    if (seen_event(&s->seen, ev) != AI_OK) {
        return AI_ERROR;
    }

    if (ev->type == AI_EVENT_START) {
        seen_add(&s->id, ev->id.data, ev->id.len);
        seen_add(&s->model, ev->model.data, ev->model.len);
        s->created = ev->created;
    }

    if (ev->type == AI_EVENT_BLOCK_START && ev->kind == AI_BLOCK_REDACTED) {
        seen_add(&s->said[SAID_STATE], ev->data.data, ev->data.len);
        seen_add(&s->said[SAID_STATE], "\n", 1);

        if (ev->family != AI_FAMILY_OPENAI) {
            seen_bad(&s->seen, "state of another family");
        }
    }

    if (ev->type != AI_EVENT_DELTA) {
        return AI_OK;
    }

    switch (ev->delta) {

    case AI_DELTA_SIGNATURE:
        if (ev->family != AI_FAMILY_OPENAI) {
            seen_bad(&s->seen, "a signature of another family");
        }

        seen_add(&s->said[SAID_STATE], ev->text.data, ev->text.len);
        seen_add(&s->said[SAID_STATE], "\n", 1);
        return AI_OK;

    case AI_DELTA_ANNOTATION:
        seen_add(&s->said[SAID_NOTES], ev->raw.data, ev->raw.len);
        seen_add(&s->said[SAID_NOTES], "\n", 1);
        return AI_OK;

    case AI_DELTA_LOGPROBS:
        seen_add(&s->said[SAID_LOGPROBS], ev->raw.data, ev->raw.len);
        seen_add(&s->said[SAID_LOGPROBS], "\n", 1);
        return AI_OK;

    default:
        break;
    }

    kind = ev->kind == AI_BLOCK_TEXT ? SAID_TEXT
           : ev->kind == AI_BLOCK_REFUSAL ? SAID_REFUSAL
           : ev->kind == AI_BLOCK_THINKING ? SAID_THOUGHTS : -1;

    if (kind >= 0) {
        seen_add(&s->said[kind], ev->text.data, ev->text.len);
    }

    return AI_OK;
}


/* calls, once all of them are there */

static void
said_calls(said_t *s)
{
    size_t  i;

    for (i = 0; i < s->seen.n; i++) {
        if (s->seen.block[i].kind == AI_BLOCK_TOOL_CALL) {
            seen_add(&s->said[SAID_CALLS], s->seen.block[i].text,
                     s->seen.block[i].len);
            seen_add(&s->said[SAID_CALLS], "\n", 1);
        }
    }
}


static ai_decoder_t *
decoder(said_t *s)
{
    ai_sink_t      sink;
    ai_decoder_t  *d;

    sink.event = said_event;
    sink.data = s;

    d = ai_decoder_create(ROW, mem_pool(), &sink);

    if (d && use_rq) {
        d->rq = &nothing;
    }

    return d;
}


static ai_int_t
run_stream(said_t *s, const char *data, size_t len, size_t split, size_t step)
{
    size_t           pos, n;
    ai_int_t         rc;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    said_free(s);

    d = decoder(s);
    if (d == NULL) {
        return AI_DECLINED;
    }

    ai_sse_init(&sse, mem_pool(), 0);

    for (pos = 0; pos < len; pos += n) {
        n = pos < split ? split - pos : step;
        n = n < len - pos ? n : len - pos;

        in.data = (ai_char_t *) data + pos;
        in.len = n;

        while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {
            if (ROW->stream(d, &ev) != AI_OK) {
                return AI_DECLINED;
            }
        }

        if (rc == AI_ERROR) {
            return AI_DECLINED;
        }
    }

    if (ai_sse_end(&sse, &ev, 1) == AI_OK && ROW->stream(d, &ev) != AI_OK) {
        return AI_DECLINED;
    }

    rc = ROW->stream_end(d);

    said_calls(s);

    return rc;
}


static ai_int_t
run_answer(said_t *s, const char *data, size_t len)
{
    ai_int_t       rc;
    ai_str_t       body;
    ai_decoder_t  *d;

    said_free(s);

    d = decoder(s);
    if (d == NULL) {
        return AI_DECLINED;
    }

    body.data = (ai_char_t *) data;
    body.len = len;

    rc = ROW->answer(d, &body);

    said_calls(s);

    return rc;
}


/* all of it as one text; the caller frees it */

static char *
said_dump(said_t *s)
{
    FILE    *f;
    char    *out, *grammar;
    size_t   i, len;

    grammar = seen_dump(&s->seen);

    f = open_memstream(&out, &len);
    if (f == NULL) {
        abort();
    }

    for (i = 0; i < SAID_N; i++) {
        fprintf(f, "%s\n", s->said[i].text);
    }

    fprintf(f, "%s %s %ld\n%s", s->id.text, s->model.text, (long) s->created,
            grammar);

    fclose(f);
    free(grammar);

    return out;
}


/*
 * The reading that the decoder is held against: the response object alone,
 * with nothing but the accessors of JSON.
 */

static void
add_esc(seen_block_t *b, const ai_json_t *doc, ai_ref_t v)
{
    ai_esc_t  s;

    s = ai_json_esc(doc, v);
    seen_add(b, s.data, s.len);
}


static void
add_lit(seen_block_t *b, const char *s)
{
    seen_add(b, s, strlen(s));
}


static void
read_message(said_t *s, const ai_json_t *doc, ai_ref_t item)
{
    ai_ref_t  list, part, notes, note;

    list = ai_json_get(doc, item, "content");

    for (part = ai_json_first(doc, list);
         part != AI_JSON_NONE;
         part = ai_json_next(doc, list, part))
    {
        add_esc(&s->said[SAID_TEXT], doc, ai_json_get(doc, part, "text"));
        add_esc(&s->said[SAID_REFUSAL], doc, ai_json_get(doc, part,
                                                         "refusal"));

        notes = ai_json_get(doc, part, "annotations");

        for (note = ai_json_first(doc, notes);
             note != AI_JSON_NONE;
             note = ai_json_next(doc, notes, note))
        {
            add_esc(&s->said[SAID_NOTES], doc, ai_json_get(doc, note, "url"));
            add_lit(&s->said[SAID_NOTES], "\n");
        }
    }
}


static void
read_reasoning(said_t *s, const ai_json_t *doc, ai_ref_t item)
{
    int       n;
    ai_ref_t  list, part;

    n = 0;
    list = ai_json_get(doc, item, "summary");

    if (ai_json_first(doc, list) == AI_JSON_NONE) {
        list = ai_json_get(doc, item, "content");
    }

    for (part = ai_json_first(doc, list);
         part != AI_JSON_NONE;
         part = ai_json_next(doc, list, part))
    {
        add_lit(&s->said[SAID_THOUGHTS], n++ ? "\\n\\n" : "");
        add_esc(&s->said[SAID_THOUGHTS], doc, ai_json_get(doc, part, "text"));
    }

    part = ai_json_get(doc, item, "encrypted_content");

    if (ai_json_esc(doc, part).len) {
        add_esc(&s->said[SAID_STATE], doc, part);
        add_lit(&s->said[SAID_STATE], "\n");
    }
}


static int64_t
read_count(const ai_json_t *doc, ai_ref_t usage, const char *details,
    const char *name)
{
    int64_t   n;
    ai_ref_t  v;

    v = details ? ai_json_get(doc, usage, details) : usage;

    return ai_json_int(doc, ai_json_get(doc, v, name), &n) == AI_OK ? n : -1;
}


static ai_finish_e
read_response(said_t *s, const ai_json_t *doc, ai_ref_t response)
{
    ai_ref_t    list, item, type, v;
    ai_usage_t  *u;

    said_free(s);

    add_esc(&s->id, doc, ai_json_get(doc, response, "id"));
    add_esc(&s->model, doc, ai_json_get(doc, response, "model"));

    list = ai_json_get(doc, response, "output");

    for (item = ai_json_first(doc, list);
         item != AI_JSON_NONE;
         item = ai_json_next(doc, list, item))
    {
        type = ai_json_get(doc, item, "type");

        if (ai_json_is(doc, type, "message")
            && ai_json_is(doc, ai_json_get(doc, item, "role"), "assistant"))
        {
            read_message(s, doc, item);

        } else if (ai_json_is(doc, type, "reasoning")) {
            read_reasoning(s, doc, item);

        } else if (ai_json_is(doc, type, "function_call")
                   || ai_json_is(doc, type, "custom_tool_call"))
        {
            add_esc(&s->said[SAID_CALLS], doc, ai_json_get(doc, item,
                                                           "call_id"));
            add_lit(&s->said[SAID_CALLS], " ");
            add_esc(&s->said[SAID_CALLS], doc, ai_json_get(doc, item,
                                                           "name"));
            add_lit(&s->said[SAID_CALLS], " ");
            add_esc(&s->said[SAID_CALLS], doc, ai_json_get(doc, item,
                                                           "arguments"));
            v = ai_json_get(doc, item, "input");

            if (v != AI_JSON_NONE) {
                add_lit(&s->said[SAID_CALLS], "{\\\"input\\\":\\\"");
                add_esc(&s->said[SAID_CALLS], doc, v);
                add_lit(&s->said[SAID_CALLS], "\\\"}");
            }

            add_lit(&s->said[SAID_CALLS], "\n");

        } else if (ai_json_is(doc, type, "web_search_call")) {
            v = ai_json_path(doc, item, "action", "type", NULL);

            if (v == AI_JSON_NONE || ai_json_is(doc, v, "search")) {
                s->seen.usage.searches = ai_max(s->seen.usage.searches, 0) + 1;
            }
        }
    }

    v = ai_json_get(doc, response, "usage");
    u = &s->seen.usage;

    if (ai_json_is(doc, ai_json_get(doc, response, "service_tier"), "flex")) {
        u->tier = AI_TIER_FLEX;
    }

    u->prompt = read_count(doc, v, NULL, "input_tokens");
    u->completion = read_count(doc, v, NULL, "output_tokens");
    u->total = read_count(doc, v, NULL, "total_tokens");
    u->cached = read_count(doc, v, "input_tokens_details", "cached_tokens");
    u->cache_write = read_count(doc, v, "input_tokens_details",
                                "cache_write_tokens");
    u->reasoning = read_count(doc, v, "output_tokens_details",
                              "reasoning_tokens");

    v = ai_json_get(doc, response, "status");

    if (ai_json_is(doc, v, "queued")) {
        return AI_FINISH_PAUSE;
    }

    return s->said[SAID_CALLS].len ? AI_FINISH_TOOLS : AI_FINISH_STOP;
}


/* the urls of the notes that came, to be compared with those that are there */

static void
note_urls(said_t *s, seen_block_t *urls)
{
    char       *p, *end;
    ai_str_t    text;
    ai_json_t   doc;

    for (p = s->said[SAID_NOTES].text; *p; p = end + 1) {
        end = strchr(p, '\n');

        text.data = (ai_char_t *) p;
        text.len = (size_t) (end - p);

        ai_json_init(&doc, mem_pool());

        if (ai_json_parse(&doc, &text, NULL) == AI_OK) {
            add_esc(urls, &doc, ai_json_path(&doc, 0, "url_citation", "url",
                                             NULL));
        }

        add_lit(urls, "\n");
    }
}


/* state: of each reasoning item that was told to be done, or NULL: it is in
 * the response.  In the last event of OpenAI's it is the same state, encrypted
 * once more */

static void
compare(const char *file, said_t *got, ai_json_t *doc, ai_ref_t response,
    const char *state)
{
    ai_finish_e   finish;
    seen_block_t  urls;

    finish = read_response(&two, doc, response);

    is_cstr(got->id.text,
            strstr(file, "id-rotation") ? "capture-id-1" : two.id.text,
            "%s: id", file);
    is_cstr(got->model.text, two.model.text, "%s: model", file);
    is_cstr(got->said[SAID_THOUGHTS].text, two.said[SAID_THOUGHTS].text,
            "%s: thoughts", file);
    is_cstr(got->said[SAID_STATE].text,
            state ? state : two.said[SAID_STATE].text, "%s: state", file);
    is_cstr(got->said[SAID_CALLS].text, two.said[SAID_CALLS].text,
            "%s: calls", file);

    if (strstr(file, "agw-stream-refusal")) {
        is_cstr(got->said[SAID_REFUSAL].text, "I cannot help with that.",
                "%s: refusal", file);

    } else {
        is_cstr(got->said[SAID_TEXT].text, two.said[SAID_TEXT].text,
                "%s: text", file);
        is_cstr(got->said[SAID_REFUSAL].text, two.said[SAID_REFUSAL].text,
                "%s: refusal", file);
    }

    memset(&urls, 0, sizeof(urls));
    seen_add(&urls, "", 0);
    note_urls(got, &urls);
    is_cstr(urls.text, two.said[SAID_NOTES].text, "%s: citations", file);
    free(urls.text);

    is_int(got->seen.finish, finish, "%s: finish", file);
    is_mem(&got->seen.usage, sizeof(ai_usage_t), &two.seen.usage,
           sizeof(ai_usage_t), "%s: usage", file);
}


/* the same in any two parts and in single bytes; with events that end at a
 * guard page; with memory that fails */

static void
hard_stream(const char *file, const char *data, size_t len)
{
    char            *want, *got;
    size_t           split, bad, n;
    ai_int_t         rc, all;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    all = run_stream(&one, data, len, 0, 1 << 20);
    want = said_dump(&one);
    bad = 0;

    for (split = 0; split <= len; split += len > 12000 ? 211 : 1) {
        mem_reset();
        rc = run_stream(&two, data, len, split, split % 2 ? 1 << 20 : 4000);
        got = said_dump(&two);
        bad += rc != all || strcmp(got, want) != 0;
        free(got);

        if (len > 2000) {
            split += 37;
        }
    }

    is_int(bad, 0, "%s: the same at every split", file);

    mem_reset();
    rc = run_stream(&two, data, len, 0, 1);
    got = said_dump(&two);
    is_cstr(got, want, "%s: the same in single bytes", file);
    free(got);

    /* each event on its own */

    mem_reset();
    said_free(&two);
    d = decoder(&two);
    ai_sse_init(&sse, mem_pool(), 0);

    in.data = (ai_char_t *) data;
    in.len = len;
    rc = AI_OK;

    while (rc == AI_OK && ai_sse_next(&sse, &in, &ev) == AI_OK) {

        if (ev.data.len) {
            ev.data = guard_str(ev.data.data, ev.data.len);
        }

        rc = ROW->stream(d, &ev);
        guard_free();
    }

    said_calls(&two);
    got = said_dump(&two);
    is_cstr(got, want, "%s: the same at a guard page", file);
    free(got);
    free(want);

    bad = 0;

    for (n = 1; n < 1000; n++) {
        mem_reset();
        mem_fail_at(n);
        rc = run_stream(&two, data, len, 0, 4000);

        if (!mem_failed()) {
            break;
        }

        /* what an error says may be left out */

        bad += rc == AI_OK && !two.seen.errors;
    }

    is_int(bad, 0, "%s: %zu allocations fail", file, n - 1);
    mem_reset();
}


/* one response of a stream; its last event but [DONE] has the whole of it */

static void
one_stream(const char *file, const char *data, size_t len)
{
    char         *line, *end, *copy;
    ai_int_t      rc;
    ai_ref_t      v;
    ai_str_t      text;
    ai_json_t     doc, last;
    seen_block_t  state;

    rc = run_stream(&one, data, len, 0, 1 << 20);

    ok(one.seen.bad == NULL, "%s: %s", file,
       one.seen.bad ? one.seen.bad : "grammar");
    is_int(rc, AI_OK, "%s: a whole stream", file);

    if (strstr(file, "error")) {
        is_int(one.seen.errors, 1, "%s: an error", file);
        is_int(one.seen.error, AI_ERR_QUOTA, "%s: its kind", file);
        is_int(one.seen.finishes, 0, "%s: nothing finished", file);

        hard_stream(file, data, len);
        return;
    }

    is_int(one.seen.finishes, 1, "%s: finished", file);
    is_int(one.seen.usages, 1, "%s: usage once", file);

    copy = strndup(data, len);
    ai_json_init(&last, mem_pool());
    memset(&state, 0, sizeof(state));
    seen_add(&state, "", 0);

    for (line = copy; line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');

        if (strncmp(line, "data:", 5) != 0) {
            continue;
        }

        text.data = (ai_char_t *) line + 5;
        text.len = end ? (size_t) (end - line - 5) : strlen(line + 5);

        ai_json_init(&doc, mem_pool());

        if (ai_json_parse(&doc, &text, NULL) != AI_OK) {
            continue;
        }

        if (ai_json_get(&doc, 0, "response") != AI_JSON_NONE) {
            last = doc;
        }

        v = ai_json_path(&doc, 0, "item", "encrypted_content", NULL);

        if (ai_json_is(&doc, ai_json_get(&doc, 0, "type"),
                       "response.output_item.done")
            && ai_json_esc(&doc, v).len)
        {
            add_esc(&state, &doc, v);
            add_lit(&state, "\n");
        }
    }

    v = ai_json_get(&last, 0, "response");
    ok(v != AI_JSON_NONE, "%s: there is a last event", file);

    compare(file, &one, &last, v, state.text);
    free(state.text);
    free(copy);

    hard_stream(file, data, len);
}


/* a file may have several streams, one behind the other */

static void
stream_file(const char *dir, const char *file)
{
    int     n;
    char   *data, *p, *next, name[512];
    size_t  len;

    data = file_read(dir, file, &len);
    n = 0;

    for (p = data; p; p = next) {
        next = strstr(p + 1, "\n\nevent: response.created");
        next = next ? next + 2 : NULL;

        snprintf(name, sizeof(name), "%s%s%.0d", file, n ? " #" : "", n);
        n++;

        one_stream(name, p, next ? (size_t) (next - p) : strlen(p));
        mem_reset();
    }

    if (strstr(file, "reasoning-encrypted-content")) {
        is_int(n, 4, "%s: four streams", file);

    } else {
        is_int(n, 1, "%s: one stream", file);
    }

    free(data);
}


static void
answer_file(const char *dir, const char *file)
{
    char       *data, *want, *got, *guard;
    size_t      len, n, bad;
    ai_int_t    rc;
    ai_str_t    text;
    ai_json_t   doc;

    data = file_read(dir, file, &len);
    rc = run_answer(&one, data, len);

    ok(one.seen.bad == NULL, "%s: %s", file,
       one.seen.bad ? one.seen.bad : "grammar");

    text.data = (ai_char_t *) data;
    text.len = len;

    ai_json_init(&doc, mem_pool());
    is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "%s: JSON", file);

    if (strstr(file, "azure-deepseek")) {

        /* the project that has it took an answer to a chat for one of these */

        is_int(rc, AI_ERROR, "%s: of another API", file);

    } else if (ai_json_type(&doc, ai_json_get(&doc, 0, "error"))
               == AI_JSON_OBJECT)
    {
        is_int(rc, AI_OK, "%s: read", file);
        is_int(one.seen.errors, 1, "%s: an error", file);
        is_int(one.seen.events, 1, "%s: and nothing else", file);

    } else {
        is_int(rc, AI_OK, "%s: read", file);
        is_int(one.seen.finishes, 1, "%s: finished", file);
        compare(file, &one, &doc, 0, NULL);
    }

    want = said_dump(&one);
    mem_reset();

    guard = (char *) guard_copy(data, len);
    (void) run_answer(&two, guard, len);
    got = said_dump(&two);
    is_cstr(got, want, "%s: the same at a guard page", file);
    guard_free();
    free(got);
    free(want);

    bad = 0;

    for (n = 1; n < 1000; n++) {
        mem_reset();
        mem_fail_at(n);
        rc = run_answer(&two, data, len);

        if (!mem_failed()) {
            break;
        }

        bad += rc == AI_OK && !two.seen.errors;
    }

    is_int(bad, 0, "%s: %zu allocations fail", file, n - 1);

    free(data);
    mem_reset();
}


static void
recordings(void)
{
    char   **names;
    size_t   i, n, streams, answers;

    names = dir_names(HERE, ".sse", &n);
    streams = n;

    for (i = 0; i < n; i++) {
        stream_file(HERE, names[i]);
    }

    names_free(names, n);

    names = dir_names(THERE, ".sse", &n);
    streams += n;

    for (i = 0; i < n; i++) {
        stream_file(THERE, names[i]);
    }

    names_free(names, n);

    names = dir_names(HERE, ".json", &n);
    answers = n;

    for (i = 0; i < n; i++) {
        answer_file(HERE, names[i]);
    }

    names_free(names, n);

    is_int(streams, 22, "streams");
    is_int(answers, 37, "answers");
}


/* what no recording shows; events are lines, without "data: " */

typedef struct {
    const char   *name;
    const char   *events;
    ai_int_t      rc;
    int           finish;       /* -1 with an error: its kind in error */
    ai_error_e    error;
    const char   *said[5];      /* text, refusal, thoughts, calls, state */
} case_t;


#define CREATED                                                               \
    "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\","         \
    "\"model\":\"m\",\"created_at\":7}}\n"
#define COMPLETED                                                             \
    "{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\","       \
    "\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":1,"   \
    "\"output_tokens\":2,\"total_tokens\":3}}}\n"
#define ADDED(n, item)                                                        \
    "{\"type\":\"response.output_item.added\",\"output_index\":" #n ","       \
    "\"item\":{" item "}}\n"
#define DONE(n, item)                                                         \
    "{\"type\":\"response.output_item.done\",\"output_index\":" #n ","        \
    "\"item\":{" item "}}\n"
#define OF(kind, n, part, rest)                                               \
    "{\"type\":\"response." kind "\",\"output_index\":" #n ","                \
    "\"content_index\":" #part "," rest "}\n"
#define SUM(kind, n, part, rest)                                              \
    "{\"type\":\"response.reasoning_summary_" kind "\",\"output_index\":" #n  \
    ",\"summary_index\":" #part "," rest "}\n"
#define MSG     "\"type\":\"message\",\"role\":\"assistant\",\"content\":"
#define CALL(id, name, args)                                                  \
    "\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"" name      \
    "\",\"arguments\":\"" args "\""
#define WHOLE(status, output)                                                 \
    "{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\","       \
    "\"status\":\"" status "\",\"output\":[" output "]}}\n"


static const case_t  cases[] = {

    { "only the last event",
      WHOLE("completed",
            "{\"type\":\"reasoning\",\"summary\":[{\"text\":\"a\"},"
            "{\"text\":\"b\"}],\"encrypted_content\":\"X\"},"
            "{" MSG "[{\"type\":\"output_text\",\"text\":\"hi\"}]},"
            "{" CALL("c1", "f", "{\\\"a\\\":1}") "}"),
      AI_OK, AI_FINISH_TOOLS, 0,
      { "hi", "", "a\\n\\nb", "c1 f {\\\"a\\\":1}\n", "X\n" } },

    { "deltas of an item that was never added",
      CREATED
      OF("output_text.delta", 0, 0, "\"delta\":\"he\"")
      OF("output_text.delta", 0, 0, "\"delta\":\"llo\"")
      WHOLE("completed",
            "{" MSG "[{\"type\":\"output_text\",\"text\":\"hello\"}]}"),
      AI_OK, AI_FINISH_STOP, 0, { "hello", "", "", "", "" } },

    { "texts that only end",
      CREATED
      OF("output_text.done", 0, 0, "\"text\":\"hello\"")
      OF("content_part.done", 0, 0,
         "\"part\":{\"type\":\"output_text\",\"text\":\"hello\"}")
      DONE(0, MSG "[{\"type\":\"output_text\",\"text\":\"hello\"}]")
      WHOLE("completed",
            "{" MSG "[{\"type\":\"output_text\",\"text\":\"hello\"}]}"),
      AI_OK, AI_FINISH_STOP, 0, { "hello", "", "", "", "" } },

    { "parts that only end",
      CREATED
      OF("content_part.done", 0, 0,
         "\"part\":{\"type\":\"output_text\",\"text\":\"hello\"}")
      OF("content_part.done", 0, 1,
         "\"part\":{\"type\":\"refusal\",\"refusal\":\"no\"}")
      COMPLETED,
      AI_OK, AI_FINISH_STOP, 0, { "hello", "no", "", "", "" } },

    { "an item that only ends",
      CREATED
      DONE(0, MSG "[{\"type\":\"output_text\",\"text\":\"a\"},"
           "{\"type\":\"output_text\",\"text\":\"b\"}]")
      DONE(1, CALL("c", "f", "{}"))
      COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0, { "ab", "", "", "c f {}\n", "" } },

    { "a part that the last event adds",
      CREATED
      OF("output_text.delta", 0, 0, "\"delta\":\"a\"")
      WHOLE("completed", "{" MSG "[{\"text\":\"a\"},{\"text\":\"b\"}]}"),
      AI_OK, AI_FINISH_STOP, 0, { "ab", "", "", "", "" } },

    { "parallel calls that interleave",
      CREATED
      ADDED(0, CALL("c0", "f", ""))
      ADDED(1, CALL("c1", "g", ""))
      OF("function_call_arguments.delta", 1, 0, "\"delta\":\"{\\\"b\\\"\"")
      OF("function_call_arguments.delta", 0, 0, "\"delta\":\"{\\\"a\\\"\"")
      OF("function_call_arguments.delta", 1, 0, "\"delta\":\":2}\"")
      OF("function_call_arguments.delta", 0, 0, "\"delta\":\":1}\"")
      OF("function_call_arguments.done", 0, 0,
         "\"arguments\":\"{\\\"a\\\":1}\"")
      DONE(1, CALL("c1", "g", "{\\\"b\\\":2}"))
      COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0,
      { "", "", "", "c0 f {\\\"a\\\":1}\nc1 g {\\\"b\\\":2}\n", "" } },

    { "a call without arguments",
      CREATED ADDED(0, CALL("c0", "f", "")) DONE(0, CALL("c0", "f", ""))
      COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0, { "", "", "", "c0 f {}\n", "" } },

    { "a call that is named at its end",
      CREATED
      OF("function_call_arguments.delta", 0, 0, "\"delta\":\"{\\\"a\\\"\"")
      OF("function_call_arguments.delta", 0, 0, "\"delta\":\":1}\"")
      OF("function_call_arguments.done", 0, 0,
         "\"arguments\":\"{\\\"a\\\":1}\"")
      DONE(0, CALL("c0", "f", "{\\\"a\\\":1}"))
      COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0,
      { "", "", "", "c0 f {\\\"a\\\":1}\n", "" } },

    { "a call that is named by the last event",
      CREATED
      OF("function_call_arguments.delta", 0, 0, "\"delta\":\"{\\\"a\\\"\"")
      WHOLE("completed", "{" CALL("c0", "f", "{\\\"a\\\":1}") "}"),
      AI_OK, AI_FINISH_TOOLS, 0,
      { "", "", "", "c0 f {\\\"a\\\":1}\n", "" } },

    { "a call that is never named",
      CREATED
      OF("function_call_arguments.delta", 0, 0, "\"delta\":\"{}\"")
      COMPLETED,
      AI_DECLINED, ANY, 0, { "", "", "", "", "" } },

    { "a call whose arguments are an object, and whose id is the item's",
      CREATED
      DONE(0, "\"type\":\"function_call\",\"id\":\"fc_1\",\"name\":\"f\","
           "\"arguments\":{\"a\":\"\\\"\"}")
      COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0,
      { "", "", "", "fc_1 f {\\\"a\\\":\\\"\\\\\\\"\\\"}\n", "" } },

    { "a call that is cut keeps its reason",
      CREATED
      ADDED(0, CALL("c0", "f", ""))
      OF("function_call_arguments.delta", 0, 0, "\"delta\":\"{\\\"a\\\"\"")
      "{\"type\":\"response.incomplete\",\"response\":{\"status\":"
      "\"incomplete\",\"incomplete_details\":{\"reason\":"
      "\"max_output_tokens\"}}}\n",
      AI_OK, AI_FINISH_LENGTH, 0, { "", "", "", "c0 f {\\\"a\\\"\n", "" } },

    { "filtered",
      CREATED
      OF("output_text.delta", 0, 0, "\"delta\":\"a\"")
      "{\"type\":\"response.incomplete\",\"response\":{"
      "\"incomplete_details\":{\"reason\":\"content_filter\"}}}\n",
      AI_OK, AI_FINISH_FILTER, 0, { "a", "", "", "", "" } },

    { "incomplete, but told by \"completed\"",
      CREATED WHOLE("incomplete", ""),
      AI_OK, AI_FINISH_LENGTH, 0, { "", "", "", "", "" } },

    { "a custom call with quotes, in pieces",
      CREATED
      ADDED(0, "\"type\":\"custom_tool_call\",\"call_id\":\"c\","
            "\"name\":\"x\",\"input\":\"\"")
      OF("custom_tool_call_input.delta", 0, 0, "\"delta\":\"a\\\"b\"")
      OF("custom_tool_call_input.delta", 0, 0, "\"delta\":\"\\\\n\\n\"")
      OF("custom_tool_call_input.done", 0, 0,
         "\"input\":\"a\\\"b\\\\n\\n\"")
      COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0,
      { "", "", "",
        "c x {\\\"input\\\":\\\"a\\\\\\\"b\\\\\\\\n\\\\n\\\"}\n", "" } },

    { "hosted tools are not calls",
      CREATED
      ADDED(0, "\"type\":\"web_search_call\",\"id\":\"w\",\"name\":\"s\","
            "\"call_id\":\"c\",\"arguments\":\"{}\"")
      OF("web_search_call.searching", 0, 0, "\"item_id\":\"w\"")
      DONE(0, "\"type\":\"web_search_call\",\"id\":\"w\"")
      ADDED(1, "\"type\":\"mcp_call\",\"name\":\"g\",\"arguments\":\"{}\"")
      DONE(1, "\"type\":\"mcp_call\",\"name\":\"g\",\"arguments\":\"{}\"")
      OF("output_text.delta", 2, 0, "\"delta\":\"a\"")
      COMPLETED,
      AI_OK, AI_FINISH_STOP, 0, { "a", "", "", "", "" } },

    { "a summary in two parts, and the state at the end",
      CREATED
      ADDED(0, "\"type\":\"reasoning\",\"encrypted_content\":\"early\"")
      SUM("text.delta", 0, 0, "\"delta\":\"a\"")
      SUM("text.delta", 0, 0, "\"delta\":\"b\"")
      SUM("text.done", 0, 0, "\"text\":\"ab\"")
      SUM("text.delta", 0, 1, "\"delta\":\"c\"")
      SUM("text.done", 0, 1, "\"text\":\"c\"")
      SUM("text.done", 0, 2, "\"text\":\"d\"")
      DONE(0, "\"type\":\"reasoning\",\"summary\":[{\"text\":\"ab\"},"
           "{\"text\":\"c\"},{\"text\":\"d\"},{\"text\":\"e\"}],"
           "\"encrypted_content\":\"late\"")
      COMPLETED,
      AI_OK, AI_FINISH_STOP, 0,
      { "", "", "ab\\n\\nc\\n\\nd\\n\\ne", "", "late\n" } },

    { "thoughts told in both ways are told once",
      CREATED
      OF("reasoning_text.delta", 0, 0, "\"delta\":\"a\"")
      SUM("text.delta", 0, 0, "\"delta\":\"b\"")
      DONE(0, "\"type\":\"reasoning\",\"summary\":[{\"text\":\"b\"}],"
           "\"content\":[{\"text\":\"a\"}]")
      COMPLETED,
      AI_OK, AI_FINISH_STOP, 0, { "", "", "a", "", "" } },

    { "an item that begins before another is over",
      CREATED
      ADDED(0, MSG "[]") ADDED(1, CALL("c", "f", ""))
      OF("output_text.delta", 0, 0, "\"delta\":\"a\"")
      OF("function_call_arguments.delta", 1, 0, "\"delta\":\"{}\"")
      OF("output_text.delta", 0, 0, "\"delta\":\"b\"")
      SUM("text.delta", 2, 0, "\"delta\":\"t\"")
      OF("output_text.delta", 0, 0, "\"delta\":\"c\"")
      COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0, { "abc", "", "t", "c f {}\n", "" } },

    { "events without numbers",
      CREATED
      "{\"type\":\"response.output_item.added\",\"item\":{" MSG "[]}}\n"
      "{\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n"
      "{\"type\":\"response.output_text.delta\",\"delta\":\"b\"}\n"
      "{\"type\":\"response.output_text.done\",\"text\":\"ab\"}\n"
      COMPLETED,
      AI_OK, AI_FINISH_STOP, 0, { "ab", "", "", "", "" } },

    { "everything twice",
      CREATED CREATED
      ADDED(0, CALL("c", "f", "")) ADDED(0, CALL("c", "f", ""))
      DONE(0, CALL("c", "f", "{}")) DONE(0, CALL("c", "f", "{}"))
      COMPLETED COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0, { "", "", "", "c f {}\n", "" } },

    { "the last event leaves an item out",
      CREATED
      SUM("text.delta", 0, 0, "\"delta\":\"t\"")
      DONE(0, "\"type\":\"reasoning\",\"summary\":[{\"text\":\"t\"}]")
      OF("output_text.delta", 1, 0, "\"delta\":\"a\"")
      WHOLE("completed", "{" MSG "[{\"text\":\"a\"}]}"),
      AI_OK, AI_FINISH_STOP, 0, { "a", "", "t", "", "" } },

    { "the last event counts otherwise",
      CREATED
      OF("output_text.delta", 0, 0, "\"delta\":\"a\"")
      OF("output_text.delta", 2, 0, "\"delta\":\"b\"")
      WHOLE("completed", "{" MSG "[{\"text\":\"a\"}]},"
            "{" MSG "[{\"text\":\"b\"}]},{" CALL("c", "f", "{}") "}"),
      AI_OK, AI_FINISH_TOOLS, 0, { "ab", "", "", "c f {}\n", "" } },

    { "deltas that stop short, and another spelling at the end",
      CREATED
      ADDED(0, CALL("c", "f", ""))
      OF("function_call_arguments.delta", 0, 0, "\"delta\":\"{\\\"\\u00e4\"")
      DONE(0, CALL("c", "f", "{\\\"\xc3\xa4\\\":1}"))
      OF("output_text.delta", 1, 0, "\"delta\":\"\xc3\xa4\\ud83d\\ude00\"")
      OF("output_text.done", 1, 0, "\"text\":\"\\u00e4\xf0\x9f\x98\x80z\"")
      OF("content_part.done", 1, 0,
         "\"part\":{\"text\":\"\\u00e4\xf0\x9f\x98\x80zy\"}")
      SUM("text.delta", 2, 0, "\"delta\":\"a\"")
      SUM("text.done", 2, 0, "\"text\":\"ab\"")
      DONE(2, "\"type\":\"reasoning\",\"summary\":[{\"text\":\"ab\"},"
           "{\"text\":\"c\"}]")
      COMPLETED,
      AI_OK, AI_FINISH_TOOLS, 0,
      { "\xc3\xa4\\ud83d\\ude00zy", "", "ab\\n\\nc",
        "c f {\\\"\\u00e4\\\":1}\n", "" } },

    { "[DONE] instead of the last event",
      CREATED OF("output_text.delta", 0, 0, "\"delta\":\"a\"") "[DONE]\n",
      AI_OK, AI_FINISH_STOP, 0, { "a", "", "", "", "" } },

    { "[DONE] behind nothing",
      CREATED "[DONE]\n",
      AI_DECLINED, ANY, 0, { "", "", "", "", "" } },

    { "cut",
      CREATED OF("output_text.delta", 0, 0, "\"delta\":\"a\""),
      AI_ERROR, ANY, 0, { "a", "", "", "", "" } },

    { "types to come are left out",
      CREATED "{\"type\":\"response.dream\",\"output_index\":0}\n"
      "{\"type\":\"keepalive\",\"sequence_number\":3}\n"
      ADDED(0, "\"type\":\"dream\",\"content\":[]") COMPLETED,
      AI_OK, AI_FINISH_STOP, 0, { "", "", "", "", "" } },

    { "an error, flat",
      CREATED "{\"type\":\"error\",\"code\":\"rate_limit_exceeded\","
      "\"message\":\"slow down\",\"param\":null}\n" COMPLETED,
      AI_OK, ANY, AI_ERR_RATE_LIMIT, { "", "", "", "", "" } },

    { "failed, the server's",
      CREATED "{\"type\":\"response.failed\",\"response\":{\"object\":"
      "\"response\",\"status\":\"failed\",\"error\":{\"code\":"
      "\"server_error\",\"message\":\"oh\"},\"output\":[]}}\n",
      AI_OK, ANY, AI_ERR_UPSTREAM, { "", "", "", "", "" } },

    { "failed, the client's",
      CREATED "{\"type\":\"response.failed\",\"response\":{\"object\":"
      "\"response\",\"status\":\"failed\",\"error\":{\"code\":"
      "\"invalid_prompt\",\"message\":\"oh\"}}}\n",
      AI_OK, ANY, AI_ERR_BAD_REQUEST, { "", "", "", "", "" } },

    { "failed, too long",
      CREATED "{\"type\":\"response.failed\",\"response\":{\"object\":"
      "\"response\",\"status\":\"failed\",\"error\":{\"code\":"
      "\"context_length_exceeded\",\"message\":\"oh\"},\"usage\":"
      "{\"input_tokens\":1}}}\n",
      AI_OK, ANY, AI_ERR_CONTEXT_LENGTH, { "", "", "", "", "" } },

    { "failed without a word",
      CREATED "{\"type\":\"response.failed\",\"response\":{\"object\":"
      "\"response\",\"status\":\"failed\",\"error\":null}}\n",
      AI_OK, ANY, AI_ERR_UPSTREAM, { "", "", "", "", "" } },

    { "an error in an event of no type",
      "{\"error\":{\"message\":\"gone\",\"code\":\"model_not_found\"}}\n",
      AI_OK, ANY, AI_ERR_MODEL_NOT_FOUND, { "", "", "", "", "" } },

    { "no JSON", CREATED "{\"type\":\n",
      AI_DECLINED, ANY, 0, { "", "", "", "", "" } },

    { "no object", "[1]\n",
      AI_DECLINED, ANY, 0, { "", "", "", "", "" } },

    { "an event of another API",
      "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n",
      AI_DECLINED, ANY, 0, { "", "", "", "", "" } },

    { "numbers and texts of other types",
      CREATED
      "{\"type\":\"response.output_text.delta\",\"output_index\":\"0\","
      "\"content_index\":-1,\"delta\":null}\n"
      "{\"type\":\"response.output_text.delta\",\"output_index\":1e30,"
      "\"content_index\":1e30,\"delta\":\"a\"}\n"
      "{\"type\":\"response.output_item.done\",\"item\":7}\n"
      "{\"type\":\"response.output_item.added\",\"item\":null}\n"
      "{\"type\":\"response.content_part.done\",\"part\":[]}\n"
      COMPLETED,
      AI_OK, AI_FINISH_STOP, 0, { "a", "", "", "", "" } }
};


static const case_t  bodies[] = {

    { "cut", "{\"status\":\"incomplete\",\"incomplete_details\":{"
      "\"reason\":\"max_output_tokens\"},\"output\":[{" MSG
      "[{\"type\":\"output_text\",\"text\":\"a\"}]}]}",
      AI_OK, AI_FINISH_LENGTH, 0, { "a", "", "", "", "" } },

    { "filtered", "{\"status\":\"incomplete\",\"incomplete_details\":{"
      "\"reason\":\"content_filter\"},\"output\":[]}",
      AI_OK, AI_FINISH_FILTER, 0, { "", "", "", "", "" } },

    { "cut for a reason that is not told",
      "{\"status\":\"incomplete\",\"output\":[]}",
      AI_OK, AI_FINISH_LENGTH, 0, { "", "", "", "", "" } },

    { "cancelled", "{\"object\":\"response\",\"status\":\"cancelled\","
      "\"error\":null,\"output\":[]}",
      AI_OK, ANY, AI_ERR_UPSTREAM, { "", "", "", "", "" } },

    { "failed", "{\"object\":\"response\",\"status\":\"failed\","
      "\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"},"
      "\"output\":[]}",
      AI_OK, ANY, AI_ERR_RATE_LIMIT, { "", "", "", "", "" } },

    { "a content that is a string, and a message of somebody else's",
      "{\"output\":[{\"type\":\"message\",\"role\":\"user\","
      "\"content\":\"q\"},{" MSG "\"a\"},{\"role\":\"assistant\","
      "\"content\":[{\"text\":\"b\"}]},{\"content\":\"c\"}]}",
      AI_OK, AI_FINISH_STOP, 0, { "ab", "", "", "", "" } },

    { "items that are none", "{\"output\":[1,null,\"a\",[],{}]}",
      AI_OK, AI_FINISH_STOP, 0, { "", "", "", "", "" } },

    { "a call without a name",
      "{\"output\":[{\"type\":\"function_call\",\"call_id\":\"c\"}]}",
      AI_ERROR, ANY, 0, { "", "", "", "", "" } },

    { "nothing", "{}", AI_ERROR, ANY, 0, { "", "", "", "", "" } },
    { "no list", "{\"output\":null}", AI_ERROR, ANY, 0,
      { "", "", "", "", "" } },
    { "no object", "[{\"output\":[]}]", AI_ERROR, ANY, 0,
      { "", "", "", "", "" } },
    { "no JSON", "<html>", AI_ERROR, ANY, 0, { "", "", "", "", "" } },
    { "empty", "", AI_ERROR, ANY, 0, { "", "", "", "", "" } }
};


/* the lines as a stream; the caller frees it */

static char *
as_stream(const char *lines, size_t *len)
{
    FILE        *f;
    char        *out;
    const char  *end;

    f = open_memstream(&out, len);
    if (f == NULL) {
        abort();
    }

    for ( /* void */ ; *lines; lines = end + 1) {
        end = strchr(lines, '\n');
        fprintf(f, "data: %.*s\n\n", (int) (end - lines), lines);
    }

    fclose(f);

    return out;
}


static void
by_hand(void)
{
    char          *data;
    size_t         i, k, len;
    ai_int_t       rc;
    const case_t  *c;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];
        data = as_stream(c->events, &len);

        rc = run_stream(&one, data, len, 0, 1 << 20);

        is_int(rc, c->rc, "%s", c->name);
        ok(one.seen.bad == NULL, "%s: %s", c->name,
           one.seen.bad ? one.seen.bad : "grammar");
        is_int(one.seen.error, c->error, "%s: error", c->name);

        if (c->finish != ANY) {
            is_int(one.seen.finish, c->finish, "%s: finish", c->name);
        }

        is_int(one.seen.finishes, c->finish != ANY, "%s: finishes", c->name);

        for (k = 0; k < 5 && c->rc == AI_OK; k++) {
            is_cstr(one.said[k].text, c->said[k], "%s: said %zu", c->name, k);
        }

        hard_stream(c->name, data, len);
        free(data);
    }
}


static void
answers(void)
{
    size_t         i, k;
    const case_t  *c;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        c = &bodies[i];

        is_int(run_answer(&one, c->events, strlen(c->events)), c->rc,
               "%s", c->name);
        ok(one.seen.bad == NULL, "%s: grammar", c->name);
        is_int(one.seen.error, c->error, "%s: error", c->name);
        is_int(one.seen.finishes, c->finish != ANY, "%s: finishes", c->name);

        if (c->finish != ANY) {
            is_int(one.seen.finish, c->finish, "%s: finish", c->name);
        }

        for (k = 0; k < 5 && c->rc == AI_OK; k++) {
            is_cstr(one.said[k].text, c->said[k], "%s: said %zu", c->name, k);
        }

        mem_reset();
    }
}


static void
notes(void)
{
    char    *data;
    size_t   len;

    static const char  events[] =
        CREATED
        OF("output_text.delta", 0, 0, "\"delta\":\"\xc3\xa4\\n\\ud83d"
           "\\ude00b\"")
        OF("output_text.annotation.added", 0, 0, "\"annotation\":{\"type\":"
           "\"url_citation\",\"url\":\"u\",\"title\":\"t\",\"start_index\":1,"
           "\"end_index\":2}")
        OF("output_text.annotation.added", 0, 0, "\"annotation\":{\"type\":"
           "\"file_citation\",\"file_id\":\"f\"}")
        OF("content_part.done", 0, 0, "\"part\":{\"type\":\"output_text\","
           "\"text\":\"x\",\"annotations\":[{\"type\":\"url_citation\","
           "\"url\":\"u\",\"start_index\":1,\"end_index\":2}]}")
        OF("output_text.delta", 0, 1, "\"delta\":\"cd\"")
        OF("content_part.done", 0, 1, "\"part\":{\"type\":\"output_text\","
           "\"text\":\"cd\",\"annotations\":[{\"type\":\"url_citation\","
           "\"url\":\"v\",\"start_index\":0,\"end_index\":1}]}")
        COMPLETED;

    data = as_stream(events, &len);

    is_int(run_stream(&one, data, len, 0, 1 << 20), AI_OK, "notes");
    is_cstr(one.said[SAID_NOTES].text,
            "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"u\","
            "\"title\":\"t\",\"start_index\":1,\"end_index\":2}}\n"
            "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"v\","
            "\"start_index\":4,\"end_index\":5}}\n",
            "their places are in the whole text");

    free(data);
    mem_reset();
}


static void
asked(void)
{
    char       *data;
    size_t      len;
    ai_tool_t   tool;

    static const char  events[] =
        CREATED
        ADDED(0, "\"type\":\"custom_tool_call\",\"call_id\":\"c\","
              "\"name\":\"x_search\",\"input\":\"\"")
        OF("custom_tool_call_input.delta", 0, 0, "\"delta\":\"q\"")
        DONE(0, "\"type\":\"custom_tool_call\",\"call_id\":\"c\","
             "\"name\":\"x_search\",\"input\":\"q\"")
        OF("output_text.delta", 1, 0, "\"delta\":\"a\",\"logprobs\":["
           "{\"token\":\"a\",\"logprob\":-0.1}]")
        COMPLETED;

    data = as_stream(events, &len);

    ai_request_init(&nothing);
    use_rq = 1;

    (void) run_stream(&one, data, len, 0, 1 << 20);
    is_cstr(one.said[SAID_CALLS].text, "", "a tool of the provider's own");
    is_int(one.seen.finish, AI_FINISH_STOP, "its finish");
    is_cstr(one.said[SAID_LOGPROBS].text, "", "logprobs nobody asked for");

    memset(&tool, 0, sizeof(tool));
    tool.name = ai_lit("x_search");
    tool.custom = 1;
    nothing.tools = &tool;
    nothing.logprobs = 1;

    (void) run_stream(&one, data, len, 0, 1 << 20);
    is_cstr(one.said[SAID_CALLS].text,
            "c x_search {\\\"input\\\":\\\"q\\\"}\n",
            "a tool of the client's");
    is_cstr(one.said[SAID_LOGPROBS].text,
            "{\"content\":[{\"token\":\"a\",\"logprob\":-0.1}],"
            "\"refusal\":null}\n", "logprobs");

    use_rq = 0;
    free(data);
    mem_reset();
}


/* a call without any id has one that differs from that of other answers */

static void
ids(void)
{
    char    *first;
    size_t   i;

    static const char *const  bodies[] = {
        "{\"id\":\"r1\",\"output\":[{\"type\":\"function_call\",\"name\":"
        "\"f\"},{\"type\":\"function_call\",\"name\":\"f\"}]}",
        "{\"id\":\"r2\",\"output\":[{\"type\":\"function_call\",\"name\":"
        "\"f\"},{\"type\":\"function_call\",\"name\":\"f\"}]}"
    };

    first = NULL;

    for (i = 0; i < 2; i++) {
        is_int(run_answer(&one, bodies[i], strlen(bodies[i])), AI_OK,
               "calls without an id");
        ok(one.seen.bad == NULL, "their ids");
        ok(one.seen.n == 2
           && strcmp(one.seen.block[0].text, one.seen.block[1].text) != 0,
           "they differ");

        if (first) {
            ok(strcmp(first, one.seen.block[0].text) != 0,
               "and from another answer's");
            free(first);

        } else {
            first = strdup(one.seen.block[0].text);
        }
    }

    mem_reset();
}


/* a stream of any length takes no more memory than a short one */

static void
memory(void)
{
    size_t           i, n, bytes;
    char             text[256];
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    said_free(&one);
    d = decoder(&one);
    memset(&ev, 0, sizeof(ev));
    bytes = 0;

    for (i = 0; i < 5000; i++) {
        n = (size_t) snprintf(text, sizeof(text),
                              "{\"type\":\"response.output_text.delta\","
                              "\"sequence_number\":%zu,\"output_index\":0,"
                              "\"content_index\":0,\"delta\":\"abc\"}", i);
        ev.data = ai_lit("");
        ev.data.data = (ai_char_t *) text;
        ev.data.len = n;

        if (ROW->stream(d, &ev) != AI_OK) {
            break;
        }

        if (i == 1500) {
            bytes = mem_bytes();
        }
    }

    is_int(i, 5000, "a long stream");
    is_int(mem_bytes(), bytes, "takes no more memory");
    is_int(one.said[SAID_TEXT].len, 15000, "and is all there");
    mem_reset();
}


/* more items than any answer has are refused */

static void
items(void)
{
    size_t           i;
    char             text[256];
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    said_free(&one);
    d = decoder(&one);
    memset(&ev, 0, sizeof(ev));

    for (i = 0; i < 10000; i++) {
        ev.data.data = (ai_char_t *) text;
        ev.data.len = (size_t) snprintf(text, sizeof(text),
                                        "{\"type\":\"response.output_item."
                                        "added\",\"output_index\":%zu,"
                                        "\"item\":{\"type\":\"message\"}}",
                                        i);

        if (ROW->stream(d, &ev) != AI_OK) {
            break;
        }
    }

    is_int(i, 4096, "items of one answer");
    mem_reset();
}


/* a sink that refuses ends the decoding, whichever event it refuses */

static void
refusing(void)
{
    char    *data;
    size_t   n, len, bad;

    data = as_stream(cases[0].events, &len);
    bad = 0;

    (void) run_stream(&one, data, len, 0, 1 << 20);

    for (n = 1; n <= one.seen.events; n++) {
        ai_decoder_t    *d;
        ai_str_t         in;
        ai_sse_t         sse;
        ai_sse_event_t   ev;

        said_free(&two);
        two.seen.fail_at = n;
        d = decoder(&two);
        ai_sse_init(&sse, mem_pool(), 0);

        in.data = (ai_char_t *) data;
        in.len = len;

        bad += ai_sse_next(&sse, &in, &ev) != AI_OK
               || ROW->stream(d, &ev) != AI_ERROR
               || two.seen.events != n;
    }

    ok(n > 10, "events to refuse");
    is_int(bad, 0, "an event refused ends it");

    free(data);
    mem_reset();
}


int
main(void)
{
    recordings();
    by_hand();
    answers();
    notes();
    asked();
    ids();
    memory();
    items();
    refusing();

    said_free(&one);
    said_free(&two);

    {
        size_t  i;

        for (i = 0; i < SAID_N; i++) {
            free(one.said[i].text);
            free(two.said[i].text);
        }

        free(one.id.text);
        free(one.model.text);
        free(two.id.text);
        free(two.model.text);
    }

    return done();
}
