
/*
 * Answers of Anthropic: every recording, at every split, with memory that
 * fails, and what no recording shows.
 */

#include <provider/ai_provider.h>
#include "tap.h"
#include "mem.h"

#include "anthropic_cases.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif

#define RECORDINGS  TEST_DATA "/recordings/anthropic/"


/* everything a decoder said */
typedef struct {
    char           log[262144];         /* one line an event */
    size_t         len;
    char           text[65536];         /* decoded, by kind */
    char           thinking[65536];
    char           signature[65536];
    char           redacted[65536];
    char           refusal[65536];
    char           args[65536];         /* of the open call */
    char           calls[65536];
    size_t         ntext, nthinking, nsignature, nredacted, nrefusal, nargs;
    size_t         ncalls;
    int            annotations;
    int            starts, finishes, errors, pings;
    ai_finish_e    finish;
    ai_usage_t     usage;
    ai_error_e     error;
    char           message[256];
    char           id[128], model[128], stop_seq[128];
    int            fail_at;             /* the sink refuses this event */
    int            events;
} said_t;


static said_t  said, other;


static void
put(char *to, size_t *n, size_t size, const void *from, size_t len)
{
    if (len > size - 1 - *n) {
        abort();
    }

    if (len) {
        memcpy(to + *n, from, len);
    }

    *n += len;
    to[*n] = '\0';
}


#define PUT(s, field, p, l)                                                   \
    put((s)->field, &(s)->n##field, sizeof((s)->field), p, l)


static uint64_t
fnv(const char *p, size_t len)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325ULL;

    for (i = 0; i < len; i++) {
        h = (h ^ (unsigned char) p[i]) * 0x100000001b3ULL;
    }

    return h;
}


static void
note(said_t *s, const char *name, const ai_str_t *v)
{
    char  head[32];

    snprintf(head, sizeof(head), " %s(%d)=", name, v->data != NULL);
    put(s->log, &s->len, sizeof(s->log), head, strlen(head));
    put(s->log, &s->len, sizeof(s->log), v->data, v->len);
}


/* a plain malloc pool: decoding a text here is no part of what is tested */

static void *
plain_alloc(void *data, size_t size)
{
    (void) data;
    return malloc(size);
}


static void
plain_free(void *data, void *p)
{
    (void) data;
    free(p);
}


static const ai_pool_t  plain = { plain_alloc, plain_free, NULL };


static void
add_plain(said_t *s, const ai_event_t *ev)
{
    ai_buf_t  b;

    ai_buf_init(&b, &plain);
    ai_json_unescape(&b, ev->kind == AI_BLOCK_REDACTED ? &ev->data
                                                       : &ev->text);

    switch (ev->kind) {

    case AI_BLOCK_TEXT:
        PUT(s, text, b.start, ai_buf_len(&b));
        break;

    case AI_BLOCK_THINKING:
        if (ev->delta == AI_DELTA_SIGNATURE) {
            PUT(s, signature, b.start, ai_buf_len(&b));

        } else {
            PUT(s, thinking, b.start, ai_buf_len(&b));
        }

        break;

    case AI_BLOCK_REDACTED:
        PUT(s, redacted, b.start, ai_buf_len(&b));
        break;

    case AI_BLOCK_REFUSAL:
        PUT(s, refusal, b.start, ai_buf_len(&b));
        break;

    default:
        PUT(s, args, b.start, ai_buf_len(&b));
        break;
    }

    ai_pfree(&plain, b.start);
}


static ai_int_t
sink(void *data, const ai_event_t *ev)
{
    char     line[512];
    said_t  *s;

    s = data;

    snprintf(line, sizeof(line), "%d c%u i%u k%d d%d f%d", ev->type,
             ev->choice, ev->index, ev->kind, ev->delta, ev->finish);
    put(s->log, &s->len, sizeof(s->log), line, strlen(line));

    note(s, "text", &ev->text);
    note(s, "raw", &ev->raw);
    note(s, "id", &ev->id);
    note(s, "name", &ev->name);
    note(s, "data", &ev->data);
    note(s, "model", &ev->model);
    note(s, "stop", &ev->stop_seq);

    if (ev->usage) {
        s->usage = *ev->usage;
        snprintf(line, sizeof(line), " u %lld %lld %lld %lld %lld",
                 (long long) ev->usage->prompt,
                 (long long) ev->usage->cached,
                 (long long) ev->usage->cache_write,
                 (long long) ev->usage->completion,
                 (long long) ev->usage->reasoning);
        put(s->log, &s->len, sizeof(s->log), line, strlen(line));
    }

    put(s->log, &s->len, sizeof(s->log), "\n", 1);

    switch (ev->type) {

    case AI_EVENT_START:
        s->starts++;
        snprintf(s->id, sizeof(s->id), "%.*s", (int) ev->id.len,
                 (char *) ev->id.data);
        snprintf(s->model, sizeof(s->model), "%.*s", (int) ev->model.len,
                 (char *) ev->model.data);
        break;

    case AI_EVENT_BLOCK_START:
        if (ev->kind == AI_BLOCK_REDACTED) {
            add_plain(s, ev);
        }

        if (ev->kind == AI_BLOCK_TOOL_CALL) {
            s->nargs = 0;
            PUT(s, calls, ev->id.data, ev->id.len);
            PUT(s, calls, " ", 1);
            PUT(s, calls, ev->name.data, ev->name.len);
        }

        break;

    case AI_EVENT_DELTA:
        if (ev->delta == AI_DELTA_ANNOTATION) {
            s->annotations++;

        } else {
            add_plain(s, ev);
        }

        break;

    case AI_EVENT_BLOCK_STOP:
        if (ev->kind == AI_BLOCK_TOOL_CALL) {
            snprintf(line, sizeof(line), " %zu %016llx;", s->nargs,
                     (unsigned long long) fnv(s->args, s->nargs));
            PUT(s, calls, line, strlen(line));
        }

        break;

    case AI_EVENT_FINISH:
        s->finishes++;
        s->finish = ev->finish;
        snprintf(s->stop_seq, sizeof(s->stop_seq), "%.*s",
                 (int) ev->stop_seq.len, (char *) ev->stop_seq.data);
        break;

    case AI_EVENT_ERROR:
        s->errors++;
        s->error = ev->error->kind;
        snprintf(s->message, sizeof(s->message), "%.*s",
                 (int) ev->error->message.len,
                 (char *) ev->error->message.data);
        break;

    case AI_EVENT_PING:
        s->pings++;
        break;

    default:
        break;
    }

    return (++s->events == s->fail_at) ? AI_ERROR : AI_OK;
}


static void
said_init(said_t *s)
{
    int  fail_at;

    fail_at = s->fail_at;

    s->len = s->ntext = s->nthinking = s->nsignature = s->nredacted = 0;
    s->nrefusal = s->nargs = s->ncalls = 0;
    s->log[0] = s->text[0] = s->thinking[0] = s->signature[0] = '\0';
    s->redacted[0] = s->refusal[0] = s->args[0] = s->calls[0] = '\0';
    s->message[0] = s->id[0] = s->model[0] = s->stop_seq[0] = '\0';
    s->annotations = s->starts = s->finishes = s->errors = s->pings = 0;
    s->finish = AI_FINISH_NONE;
    s->error = AI_ERR_NONE;
    s->events = 0;
    s->fail_at = fail_at;
    ai_usage_init(&s->usage);
}


static ai_decoder_t *
decoder(said_t *s, const ai_request_t *rq)
{
    ai_sink_t      to;
    ai_decoder_t  *d;

    said_init(s);

    to.event = sink;
    to.data = s;

    d = ai_decoder_create(&ai_provider_anthropic, mem_pool(), &to);

    if (d != NULL) {
        d->rq = rq;
    }

    return d;
}


static ai_int_t
feed(ai_decoder_t *d, ai_sse_t *sse, ai_str_t in)
{
    ai_int_t        rc;
    ai_sse_event_t  ev;

    for ( ;; ) {
        rc = ai_sse_next(sse, &in, &ev);

        if (rc != AI_OK) {
            return (rc == AI_AGAIN) ? AI_OK : AI_ERROR;
        }

        if (d->provider->stream(d, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }
}


/* the stream in two pieces, or byte by byte with split == SIZE_MAX */

static ai_int_t
stream(said_t *s, const ai_str_t *in, size_t split, const ai_request_t *rq)
{
    size_t         i;
    ai_int_t       rc;
    ai_sse_t       sse;
    ai_str_t       part;
    ai_decoder_t  *d;

    ai_sse_init(&sse, mem_pool(), 0);
    d = decoder(s, rq);

    if (d == NULL) {
        return AI_ERROR;
    }

    if (split == SIZE_MAX) {
        for (i = 0, rc = AI_OK; rc == AI_OK && i < in->len; i++) {
            part.data = in->data + i;
            part.len = 1;
            rc = feed(d, &sse, part);
        }

    } else {
        part.data = in->data;
        part.len = split;
        rc = feed(d, &sse, part);

        if (rc == AI_OK) {
            part.data = in->data + split;
            part.len = in->len - split;
            rc = feed(d, &sse, part);
        }
    }

    return (rc == AI_OK) ? d->provider->stream_end(d) : rc;
}


static ai_int_t
answer(said_t *s, const ai_str_t *in, const ai_request_t *rq)
{
    ai_decoder_t  *d;

    d = decoder(s, rq);

    return (d == NULL) ? AI_ERROR : d->provider->answer(d, in);
}


static ai_str_t
cstr(const char *p)
{
    return guard_str(p, strlen(p));
}


static ai_int_t
stream_of(const char *text)
{
    ai_str_t  s;

    mem_reset();
    s = cstr(text);

    return stream(&said, &s, s.len, NULL);
}


static ai_int_t
answer_of(const char *text)
{
    ai_str_t  s;

    mem_reset();
    s = cstr(text);

    return answer(&said, &s, NULL);
}


static ai_str_t
slurp(const char *name, const char *ext)
{
    char       path[256];
    FILE      *f;
    long       size;
    char      *p;
    ai_str_t   s;

    snprintf(path, sizeof(path), RECORDINGS "%s.response.%s", name, ext);

    s.data = NULL;
    s.len = 0;
    f = fopen(path, "rb");

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        printf("Bail out! %s\n", path);
        exit(1);
    }

    rewind(f);
    p = malloc((size_t) size + 1);

    if (p == NULL || fread(p, 1, (size_t) size, f) != (size_t) size) {
        printf("Bail out! %s\n", path);
        exit(1);
    }

    fclose(f);
    s = guard_str(p, (size_t) size);
    free(p);

    return s;
}


static int
same_text(const char *p, size_t len, const case_text_t *want)
{
    return len == want->len && fnv(p, len) == want->hash;
}


static void
check_case(const case_t *c, const said_t *s)
{
    is_int(s->starts, 1, "%s: one start", c->name);
    is_int(s->finishes, 1, "%s: one finish", c->name);
    is_int(s->errors, 0, "%s: no error", c->name);
    is_int(s->finish, c->finish, "%s: finish", c->name);
    is_int(s->usage.prompt, c->prompt, "%s: prompt", c->name);
    is_int(s->usage.cached, c->cached, "%s: cached", c->name);
    is_int(s->usage.cache_write, c->written, "%s: written", c->name);
    is_int(s->usage.completion, c->completion, "%s: completion", c->name);
    is_int(s->usage.reasoning, c->reasoning, "%s: reasoning", c->name);
    is_cstr(s->id, c->id, "%s: id", c->name);
    is_cstr(s->model, c->model, "%s: model", c->name);
    is_cstr(s->calls, c->calls, "%s: calls", c->name);
    is_int(s->annotations, c->annotations, "%s: citations", c->name);

    ok(same_text(s->text, s->ntext, &c->text), "%s: text", c->name);
    ok(same_text(s->thinking, s->nthinking, &c->thinking), "%s: thinking",
       c->name);
    ok(same_text(s->signature, s->nsignature, &c->signature),
       "%s: signature", c->name);
    ok(same_text(s->redacted, s->nredacted, &c->redacted), "%s: redacted",
       c->name);
    ok(same_text(s->refusal, s->nrefusal, &c->refusal), "%s: refusal",
       c->name);
}


/* every split of the first 4 KB, then every 7th byte, then single bytes */

static void
check_splits(const case_t *c, const ai_str_t *in)
{
    size_t  i, bad;

    bad = 0;

    for (i = 0; i <= in->len; i += (i < 4096) ? 1 : 7) {
        mem_reset();

        if (stream(&other, in, i, NULL) != AI_OK || other.len != said.len
            || memcmp(other.log, said.log, said.len) != 0)
        {
            bad++;
        }
    }

    mem_reset();

    if (stream(&other, in, SIZE_MAX, NULL) != AI_OK || other.len != said.len
        || memcmp(other.log, said.log, said.len) != 0)
    {
        bad++;
    }

    is_int(bad, 0, "%s: every split gives the same events", c->name);
}


/* all that was said before memory failed is what is said with enough */

static void
check_memory(const case_t *c, const ai_str_t *in)
{
    int       ever;
    size_t    n, bad;
    ai_int_t  rc;

    bad = 0;

    for (ever = 0; ever < 2; ever++) {
        for (n = 1; n < 10000; n++) {
            mem_reset();

            if (ever) {
                mem_fail_from(n);

            } else {
                mem_fail_at(n);
            }

            rc = c->stream ? stream(&other, in, in->len / 2, NULL)
                           : answer(&other, in, NULL);

            if (!mem_failed()) {
                bad += (rc != AI_OK);
                break;
            }

            bad += (rc != AI_ERROR || other.len > said.len
                    || memcmp(other.log, said.log, other.len) != 0);
        }
    }

    mem_reset();
    is_int(bad, 0, "%s: failing memory is an error", c->name);
}


static void
check_sink(const case_t *c, const ai_str_t *in)
{
    int  i, n, bad;

    bad = 0;
    n = said.events;

    for (i = 1; i <= n; i++) {
        mem_reset();
        other.fail_at = i;

        bad += ((c->stream ? stream(&other, in, in->len, NULL)
                           : answer(&other, in, NULL))
                != AI_ERROR || other.events != i);
    }

    other.fail_at = 0;
    is_int(bad, 0, "%s: the sink ends it at any event", c->name);
}


static void
recordings(void)
{
    size_t         i;
    ai_str_t       in;
    const case_t  *c;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];
        in = slurp(c->name, c->stream ? "sse" : "json");

        mem_reset();

        if (c->stream) {
            is_int(stream(&said, &in, in.len, NULL), AI_OK, "%s", c->name);

        } else {
            is_int(answer(&said, &in, NULL), AI_OK, "%s", c->name);
        }

        check_case(c, &said);

        if (c->stream) {
            check_splits(c, &in);
        }

        check_memory(c, &in);
        check_sink(c, &in);
        guard_free();
    }
}


#define START                                                                 \
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\","        \
    "\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":5,"           \
    "\"cache_read_input_tokens\":2,\"output_tokens\":1}}}\n\n"

#define OPEN(i, block)                                                        \
    "data: {\"type\":\"content_block_start\",\"index\":" i                    \
    ",\"content_block\":" block "}\n\n"

#define DELTA(i, delta)                                                       \
    "data: {\"type\":\"content_block_delta\",\"index\":" i                    \
    ",\"delta\":" delta "}\n\n"

#define CLOSE(i)                                                              \
    "data: {\"type\":\"content_block_stop\",\"index\":" i "}\n\n"

#define REASON(r)                                                             \
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":" r "},"    \
    "\"usage\":{\"output_tokens\":9}}\n\n"

#define STOP                                                                  \
    "data: {\"type\":\"message_stop\"}\n\n"

#define TEXT(t)                                                               \
    OPEN("0", "{\"type\":\"text\",\"text\":\"\"}")                            \
    DELTA("0", "{\"type\":\"text_delta\",\"text\":\"" t "\"}") CLOSE("0")

#define CALL                                                                  \
    "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}"


static void
reasons(void)
{
    char    text[1024];
    size_t  i;

    static const struct {
        const char   *reason;
        ai_finish_e   plain;
        ai_finish_e   tools;    /* when there was a call */
    } rows[] = {
        { "\"end_turn\"", AI_FINISH_STOP, AI_FINISH_TOOLS },
        { "\"stop_sequence\"", AI_FINISH_STOP_SEQ, AI_FINISH_STOP_SEQ },
        { "\"max_tokens\"", AI_FINISH_LENGTH, AI_FINISH_LENGTH },
        { "\"model_context_window_exceeded\"", AI_FINISH_CONTEXT,
          AI_FINISH_CONTEXT },
        { "\"tool_use\"", AI_FINISH_TOOLS, AI_FINISH_TOOLS },
        { "\"refusal\"", AI_FINISH_FILTER, AI_FINISH_FILTER },
        { "\"pause_turn\"", AI_FINISH_PAUSE, AI_FINISH_PAUSE },
        { "\"compaction\"", AI_FINISH_LENGTH, AI_FINISH_LENGTH },
        { "\"brand_new\"", AI_FINISH_STOP, AI_FINISH_TOOLS },
        { "null", AI_FINISH_STOP, AI_FINISH_TOOLS }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "%s" REASON("%s") STOP, START,
                 rows[i].reason);
        is_int(stream_of(text), AI_OK, "stream ends with %s", rows[i].reason);
        is_int(said.finish, rows[i].plain, "its finish");
        is_int(said.finishes, 1, "once");

        snprintf(text, sizeof(text), "%s%s%s" REASON("%s") STOP, START,
                 OPEN("0", CALL), CLOSE("0"), rows[i].reason);
        is_int(stream_of(text), AI_OK, "the same after a call");
        is_int(said.finish, rows[i].tools, "its finish");

        snprintf(text, sizeof(text), "{\"type\":\"message\",\"content\":[],"
                 "\"stop_reason\":%s}", rows[i].reason);
        is_int(answer_of(text), AI_OK, "the same whole");
        is_int(said.finish, rows[i].plain, "its finish");

        snprintf(text, sizeof(text), "{\"content\":[%s],"
                 "\"stop_reason\":%s}", CALL, rows[i].reason);
        is_int(answer_of(text), AI_OK, "the same whole with a call");
        is_int(said.finish, rows[i].tools, "its finish");
    }

    answer_of("{\"content\":[],\"stop_reason\":\"stop_sequence\","
              "\"stop_sequence\":\"\\nEnd\"}");
    is_cstr(said.stop_seq, "\\nEnd", "the sequence, as spelled");
}


static void
calls(void)
{
    is_int(stream_of(START OPEN("3", CALL)
                     DELTA("3", "{\"type\":\"input_json_delta\","
                                "\"partial_json\":\"\"}")
                     CLOSE("3") REASON("\"tool_use\"") STOP), AI_OK,
           "a call without arguments");
    is_cstr(said.calls, "t1 f 0 cbf29ce484222325;", "has none");
    ok(strstr(said.log, "3 c0 i0 ") == NULL, "and no delta");

    is_int(stream_of(START OPEN("0", "{\"type\":\"tool_use\",\"id\":\"t\","
                                "\"name\":\"f\",\"input\":"
                                "{\"n\": 12345678901234567890, \"s\":\"\\n\"}"
                                "}")
                     CLOSE("0") REASON("\"tool_use\"") STOP), AI_OK,
           "a call with its arguments in the start");
    is_cstr(said.args, "{\"n\": 12345678901234567890, \"s\":\"\\n\"}",
            "are given as spelled");

    is_int(stream_of(START OPEN("0", "{\"type\":\"tool_use\",\"id\":\"t\","
                                "\"name\":\"f\",\"input\":{\"a\":1}}")
                     DELTA("0", "{\"type\":\"input_json_delta\","
                                "\"partial_json\":\"{\\\"b\\\"\"}")
                     DELTA("0", "{\"type\":\"input_json_delta\","
                                "\"partial_json\":\":2}\"}")
                     CLOSE("0") REASON("\"tool_use\"") STOP), AI_OK,
           "arguments in both places");
    is_cstr(said.args, "{\"b\":2}", "are those of the deltas");
    ok(strstr(said.log, "text(1)={\\\"b\\\"") != NULL,
       "fragments keep their spelling");

    is_int(stream_of(START
                     OPEN("0", "{\"type\":\"server_tool_use\",\"id\":\"s\","
                               "\"name\":\"web_search\",\"input\":{}}")
                     DELTA("0", "{\"type\":\"input_json_delta\","
                                "\"partial_json\":\"{}\"}") CLOSE("0")
                     OPEN("1", "{\"type\":\"web_search_tool_result\","
                               "\"content\":[]}") CLOSE("1")
                     OPEN("2", "{\"type\":\"text\",\"text\":\"a\"}")
                     DELTA("2", "{\"type\":\"text_delta\",\"text\":\"b\"}")
                     CLOSE("2") REASON("\"end_turn\"") STOP), AI_OK,
           "tools the provider runs");
    is_cstr(said.calls, "", "are no calls");
    is_int(said.finish, AI_FINISH_STOP, "nor a reason to stop for tools");
    is_cstr(said.text, "ab", "text in the start counts once");
    ok(strstr(said.log, "2 c0 i0 k1 ") != NULL, "and is block 0");
}


static void
names(void)
{
    ai_str_t      in;
    ai_tool_t     tools[3];
    ai_buf_t      body;
    ai_error_t    err;
    ai_target_t   t;
    ai_request_t  rq;
    ai_dropped_t  dropped;
    char          text[1024], name[160], *p;

    mem_reset();
    ai_request_init(&rq);
    memset(tools, 0, sizeof(tools));
    memset(&dropped, 0, sizeof(dropped));
    memset(&t, 0, sizeof(t));

    t.provider = &ai_provider_anthropic;
    t.model = ai_lit("claude-x");
    t.max_output = -1;

    tools[0].name = ai_lit("fine");
    tools[0].next = &tools[1];
    tools[1].name = ai_lit("a.b");
    tools[1].next = &tools[2];
    tools[2].name = ai_lit("w\\u00e4hle \\\"x\\\"");
    rq.tools = tools;

    ai_buf_init(&body, mem_pool());
    is_int(t.provider->build(&t, &rq, mem_pool(), &body, &dropped, &err),
           AI_OK, "names that do not fit are built");
    ai_buf_char(&body, '\0');

    ok(strstr((char *) body.start, "{\"name\":\"fine\",") != NULL,
       "a name that fits is kept");

    for (int i = 0; i < 2; i++) {
        p = strstr((char *) body.start, i ? "\"w__hle__x__" : "\"a_b_");
        ok(p != NULL, "a name that does not is changed");

        if (p == NULL) {
            continue;
        }

        snprintf(name, sizeof(name), "%.*s", (int) strcspn(p + 1, "\""),
                 p + 1);

        snprintf(text, sizeof(text), "{\"content\":[{\"type\":\"tool_use\","
                 "\"id\":\"t\",\"name\":\"%s\",\"input\":{}}]}", name);
        in = cstr(text);
        is_int(answer(&said, &in, &rq), AI_OK, "%s comes back", name);
        is_cstr(said.calls, i ? "t w\\u00e4hle \\\"x\\\" 0 cbf29ce484222325;"
                              : "t a.b 0 cbf29ce484222325;", "as it was");

        is_int(answer(&said, &in, NULL), AI_OK, "%s without a request", name);
        ok(strstr(said.calls, name) != NULL, "stays");
    }

    in = cstr("{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":"
              "\"zz_01234567\",\"input\":{}}]}");
    is_int(answer(&said, &in, &rq), AI_OK, "a name that looks changed");
    is_cstr(said.calls, "t zz_01234567 0 cbf29ce484222325;", "stays");
}


static void
odd_streams(void)
{
    size_t  i;

    static const char  *const  broken[] = {
        START "data: {\"type\":\n\n" STOP,
        START "data: [1]\n\n" STOP,
        START "data: x\n\n" STOP,
        START "data: {\"a\":1}\n\n" STOP,
        START "data: {\"type\":7}\n\n" STOP,
        START DELTA("0", "{\"type\":\"input_json_delta\","
                         "\"partial_json\":\"{}\"}") STOP,
        START OPEN("0", "{\"type\":\"text\",\"text\":\"\"}")
            DELTA("0", "{\"type\":\"thinking_delta\",\"thinking\":\"x\"}")
            STOP,
        START OPEN("0", CALL)
            DELTA("0", "{\"type\":\"text_delta\",\"text\":\"x\"}") STOP,
        START OPEN("0", "{\"type\":\"text\",\"text\":\"\"}")
            DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"x\"}")
            STOP,
        START OPEN("0", "{\"type\":\"tool_use\",\"input\":{}}") STOP,
        START OPEN("\"0\"", CALL) STOP,
        START OPEN("1.5", CALL) STOP,
        START OPEN("0", "7") STOP,
        START DELTA("0", "7") STOP,
        START REASON("7") STOP,
        START REASON("\"end_turn\"") TEXT("late") STOP,
        "data: {\"type\":\"message_start\"}\n\n" STOP,
        START "data: {\"type\":\"text\\ud800\xff\"}\n\n" STOP
    };

    static const char  *const  cut[] = {
        "", START, START TEXT("a"), START TEXT("a") REASON("\"end_turn\""),
        ": hello\n\n", START TEXT("a") REASON("\"end_turn\"")
        "data: {\"type\":\"message_stop\"}\n"
    };

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        is_int(stream_of(broken[i]), AI_ERROR, "broken stream %zu", i);
        is_int(said.finishes == 0 || i == 15, 1, "has no finish");
    }

    for (i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
        is_int(stream_of(cut[i]), AI_ERROR, "a stream without its end, %zu",
               i);
    }

    is_int(stream_of(START START TEXT("a") ": x\n\nevent: ping\n"
                     "data: {\"type\": \"ping\"}\n\n"
                     "data: {\"type\":\"not_known_yet\"}\n\n"
                     REASON("\"end_turn\"") REASON("\"max_tokens\"") STOP STOP
                     "data: [DONE]\n\n" START), AI_OK, "what may be ignored");
    is_int(said.starts, 1, "one start");
    is_int(said.pings, 1, "one ping");
    is_int(said.finishes, 1, "one finish");
    is_int(said.finish, AI_FINISH_STOP, "the first");
    is_int(said.usage.prompt, 7, "prompt with what was cached");
    is_int(said.usage.completion, 9, "the last report of the completion");
    is_int(said.usage.total, 16, "their sum");

    is_int(stream_of(DELTA("0", "{\"type\":\"text_delta\",\"text\":\"a\"}")
                     DELTA("1", "{\"type\":\"thinking_delta\","
                                "\"thinking\":\"b\"}") STOP), AI_OK,
           "nothing but deltas");
    is_int(said.starts, 1, "are started");
    is_cstr(said.text, "a", "text is text");
    is_cstr(said.thinking, "b", "thinking is another block");
    is_int(said.finish, AI_FINISH_STOP, "and finished");

    is_int(stream_of(START OPEN("0", "{\"type\":\"redacted_thinking\","
                                     "\"data\":\"SECRET\"}") CLOSE("0")
                     OPEN("1", "{\"type\":\"thinking\",\"thinking\":\"\"}")
                     DELTA("1", "{\"type\":\"signature_delta\","
                                "\"signature\":\"Sig==\"}") CLOSE("1")
                     REASON("\"end_turn\"") STOP), AI_OK, "opaque state");
    is_cstr(said.redacted, "SECRET", "redacted thinking is whole");
    is_cstr(said.signature, "Sig==", "a signature without thinking");

    is_int(stream_of(START
                     OPEN("0", "{\"type\":\"text\",\"text\":"
                               "\"\\u00e9\\ud83d\\ude00\"}") CLOSE("0")
                     OPEN("1", "{\"type\":\"text\",\"text\":\"\"}")
                     DELTA("1", "{\"type\":\"citations_delta\",\"citation\":"
                                "{\"url\":\"http:\\/\\/x\",\"title\":null}}")
                     DELTA("1", "{\"type\":\"citations_delta\",\"citation\":"
                                "{\"type\":\"page_location\"}}")
                     DELTA("1", "{\"type\":\"text_delta\",\"text\":"
                                "\"a\\n\xc3\xa9\"}")
                     CLOSE("1") REASON("\"end_turn\"") STOP), AI_OK,
           "citations");
    is_int(said.annotations, 1, "those with a URL are carried");
    ok(strstr(said.log, "raw(1)={\"type\":\"url_citation\",\"url_citation\":"
                        "{\"url\":\"http:\\/\\/x\",\"title\":\"\","
                        "\"start_index\":2,\"end_index\":5}}") != NULL,
       "with the place of their block, in characters");
}


static void
errors(void)
{
    char    text[512];
    size_t  i;

    static const struct {
        const char  *type;
        const char  *message;
        ai_error_e   kind;
    } rows[] = {
        { "overloaded_error", "Overloaded", AI_ERR_OVERLOADED },
        { "rate_limit_error", "slow down", AI_ERR_RATE_LIMIT },
        { "api_error", "boom", AI_ERR_UPSTREAM },
        { "timeout_error", "late", AI_ERR_UPSTREAM_TIMEOUT },
        { "invalid_request_error", "bad", AI_ERR_BAD_REQUEST },
        { "invalid_request_error", "prompt is too long: 9 > 8",
          AI_ERR_CONTEXT_LENGTH },
        { "request_too_large", "big", AI_ERR_TOO_LARGE },
        { "not_found_error", "model: x", AI_ERR_MODEL_NOT_FOUND },
        { "billing_error", "no credit", AI_ERR_QUOTA },
        { "authentication_error", "invalid x-api-key",
          AI_ERR_UPSTREAM_AUTH },
        { "permission_error", "no", AI_ERR_UPSTREAM_AUTH }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "{\"type\":\"error\",\"error\":"
                 "{\"type\":\"%s\",\"message\":\"%s\"}}", rows[i].type,
                 rows[i].message);
        is_int(answer_of(text), AI_OK, "%s in a 200", rows[i].type);
        is_int(said.error, rows[i].kind, "its kind");
        is_int(said.starts, 0, "and nothing else");

        snprintf(text, sizeof(text), "%sevent: error\ndata: "
                 "{\"type\":\"error\",\"error\":{\"type\":\"%s\","
                 "\"message\":\"%s\"}}\n\n%s", START, rows[i].type,
                 rows[i].message, TEXT("late"));
        is_int(stream_of(text), AI_OK, "%s in a stream", rows[i].type);
        is_int(said.error, rows[i].kind, "its kind");
        is_int(said.errors, 1, "once");
        is_int(said.finishes, 0, "without a finish");
        is_cstr(said.text, "", "and nothing after it");
    }

    answer_of("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
              "\"message\":\"Overloaded\"}}");
    ok(strstr(said.message, "Overloaded") != NULL, "the message is kept");
    is_int(stream_of(START "data: {\"error\":{\"message\":\"no type\"}}\n\n"),
           AI_OK, "an error without a type");
    is_int(said.errors, 1, "is one");
    ok(said.error != AI_ERR_NONE, "of some kind");
}


static void
odd_answers(void)
{
    size_t  i;

    static const char  *const  rows[] = {
        "", "x", "[]", "{}", "null", "{\"content\":{}}",
        "{\"type\":\"message\"}", "{\"content\":[]} x", "{\"content\":[",
        "<html>502</html>", "{\"error\":\"text\"}",
        "{\"content\":[],\"stop_reason\":1}",
        "{\"content\":[{\"type\":\"tool_use\"}]}"
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        is_int(answer_of(rows[i]), AI_ERROR, "no answer: %s", rows[i]);
    }

    is_int(answer_of("{\"content\":[7,\"x\",null,{\"type\":\"new\"},"
                     "{\"type\":\"text\",\"text\":\"\"}],\"usage\":{"
                     "\"input_tokens\":-5,\"cache_read_input_tokens\":1e30,"
                     "\"output_tokens\":\"7\",\"iterations\":[7,{},null]}}"),
           AI_OK, "nonsense that does not matter");
    is_int(said.usage.prompt, -1, "no prompt");
    is_int(said.usage.completion, -1, "no completion");

    is_int(answer_of("{\"content\":[],\"usage\":{\"input_tokens\":10,"
                     "\"cache_creation_input_tokens\":3,"
                     "\"cache_read_input_tokens\":4,\"output_tokens\":6,"
                     "\"output_tokens_details\":{\"thinking_tokens\":5}}}"),
           AI_OK, "all kinds of tokens");
    is_int(said.usage.prompt, 17, "prompt includes the cache");
    is_int(said.usage.cached, 4, "read");
    is_int(said.usage.cache_write, 3, "written");
    is_int(said.usage.completion, 6, "completion includes thinking");
    is_int(said.usage.reasoning, 5, "thinking");

    is_int(answer_of("{\"content\":[],\"usage\":{\"input_tokens\":10,"
                     "\"output_tokens\":6,\"iterations\":["
                     "{\"input_tokens\":100,\"output_tokens\":1},"
                     "{\"input_tokens\":10,\"output_tokens\":6}]}}"),
           AI_OK, "several runs");
    is_int(said.usage.prompt, 110, "all prompts count");
    is_int(said.usage.completion, 7, "all completions count");
}


/* a stream of a million events needs the memory of its largest one */

static void
memory(void)
{
    size_t          i, before;
    ai_str_t        in;
    ai_sse_t        sse;
    ai_decoder_t   *d;

    mem_reset();
    ai_sse_init(&sse, mem_pool(), 0);
    d = decoder(&said, NULL);
    in = cstr(START OPEN("0", "{\"type\":\"text\",\"text\":\"\"}"));
    feed(d, &sse, in);

    before = 0;
    in = cstr(DELTA("0", "{\"type\":\"citations_delta\",\"citation\":"
                         "{\"url\":\"u\\n\",\"title\":\"t\"}}")
              DELTA("0", "{\"type\":\"text_delta\",\"text\":\"\\u00e9\"}")
              CLOSE("0")
              OPEN("0", "{\"type\":\"tool_use\",\"id\":\"a\\n\",\"name\":"
                        "\"b_01234567\",\"input\":{\"a\":1}}")
              OPEN("0", "{\"type\":\"text\",\"text\":\"x\"}")
              "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":"
              "{\"output_tokens\":9}}\n\n");

    for (i = 0; i < 1000; i++) {
        said_init(&said);
        feed(d, &sse, in);

        if (i == 10) {
            before = mem_count();
        }
    }

    is_int(mem_count(), before, "a long stream allocates nothing");
}


int
main(void)
{
    recordings();
    reasons();
    calls();
    names();
    odd_streams();
    errors();
    odd_answers();
    memory();

    mem_reset();
    guard_free();

    return done();
}
