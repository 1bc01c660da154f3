
/*
 * Amazon Bedrock.  The first byte selects: 0, a request of an OpenAI client
 * (its bits above say for which model); 1, a whole answer; 2, a stream, as
 * lines of a type, a blank and a payload; 3, a request to be signed, its
 * parts in lines.
 *
 * Asserted: a body is JSON, its roles alternate, it is not larger than four
 * times the request and 1 KB, and its path has no byte that was not encoded;
 * events follow the order of ai_event.h, texts are whole, usage is never
 * negative, an answer that ends well has its finish; nothing that is signed
 * brings another line, and signing twice gives the same.
 */

#include <codec/ai_sigv4.h>
#include <provider/ai_provider.h>
#include "fuzz.h"


typedef struct fuzz_mem_s  fuzz_mem_t;

struct fuzz_mem_s {
    fuzz_mem_t        *next;
    size_t             pad;
};


typedef struct {
    unsigned           starts;
    unsigned           finishes;
    unsigned           errors;
    uint32_t           blocks;
    unsigned           open;
    ai_block_e         kind;
} fuzz_said_t;


static void *
fuzz_list_alloc(void *data, size_t size)
{
    fuzz_mem_t  *m, **list;

    list = data;
    m = malloc(sizeof(fuzz_mem_t) + size);
    must(m != NULL);

    m->next = *list;
    *list = m;

    return m + 1;
}


static void
fuzz_esc(const ai_esc_t *esc)
{
    size_t  i;

    for (i = 0; i < esc->len; i++) {
        must(esc->data[i] >= 0x20 && esc->data[i] != '"');

        if (esc->data[i] == '\\') {
            must(i + 1 < esc->len);
            i++;
        }
    }
}


static ai_int_t
fuzz_sink(void *data, const ai_event_t *ev)
{
    fuzz_said_t  *s;

    s = data;

    must(s->errors == 0 && ev->choice == 0);

    fuzz_esc(&ev->text);
    fuzz_esc(&ev->id);
    fuzz_esc(&ev->name);
    fuzz_esc(&ev->data);
    fuzz_esc(&ev->stop_seq);

    switch (ev->type) {

    case AI_EVENT_START:
        must(s->starts++ == 0 && s->blocks == 0);
        break;

    case AI_EVENT_BLOCK_START:
        must(s->starts == 1 && s->finishes == 0 && !s->open);
        must(ev->index == s->blocks++);
        must(ev->kind != AI_BLOCK_TOOL_CALL
             || (ev->id.len > 0 && ev->name.len > 0));
        must(ev->kind != AI_BLOCK_REDACTED || ev->data.len > 0);
        s->open = 1;
        s->kind = ev->kind;
        break;

    case AI_EVENT_DELTA:
        must(s->open && ev->kind == s->kind && ev->index == s->blocks - 1);
        must(ev->text.len > 0 || ev->raw.len > 0);
        break;

    case AI_EVENT_BLOCK_STOP:
        must(s->open && ev->kind == s->kind && ev->index == s->blocks - 1);
        s->open = 0;
        break;

    case AI_EVENT_FINISH:
        must(s->starts == 1 && !s->open && s->finishes++ == 0);
        must(ev->finish != AI_FINISH_NONE);
        break;

    case AI_EVENT_USAGE:
        must(ev->usage->prompt >= -1 && ev->usage->completion >= -1);
        must(ev->usage->cached >= -1 && ev->usage->cache_write >= -1);
        must(ev->usage->total >= -1);
        break;

    default:
        must(ev->type == AI_EVENT_ERROR);
        must(ev->error->kind > AI_ERR_NONE && ev->error->kind < AI_ERR_N);
        s->errors++;
        break;
    }

    return AI_OK;
}


/* the next line, without its end */

static ai_int_t
fuzz_line(ai_str_t *in, ai_str_t *line)
{
    ai_char_t  *p;

    if (in->len == 0) {
        line->data = in->data;
        line->len = 0;
        return AI_DECLINED;
    }

    p = memchr(in->data, '\n', in->len);

    line->data = in->data;
    line->len = p ? (size_t) (p - in->data) : in->len;

    in->data += line->len + (p != NULL);
    in->len -= line->len + (p != NULL);

    return AI_OK;
}


static void
fuzz_answer(const ai_pool_t *pool, ai_str_t in, int stream)
{
    ai_int_t         rc;
    ai_str_t         line;
    ai_sink_t        sink;
    ai_char_t       *p;
    fuzz_said_t      said;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    memset(&said, 0, sizeof(said));
    sink.event = fuzz_sink;
    sink.data = &said;

    d = ai_decoder_create(&ai_provider_bedrock, pool, &sink);
    must(d != NULL);
    rc = AI_OK;

    if (!stream) {
        rc = d->provider->answer(d, &in);

    } else {
        while (rc == AI_OK && fuzz_line(&in, &line) == AI_OK) {
            memset(&ev, 0, sizeof(ev));
            ev.name = line;
            p = line.len ? memchr(line.data, ' ', line.len) : NULL;

            if (p != NULL) {
                ev.name.len = (size_t) (p - line.data);
                ev.data.data = p + 1;
                ev.data.len = line.len - ev.name.len - 1;
            }

            rc = d->provider->stream(d, &ev);
        }

        if (rc == AI_OK) {
            rc = d->provider->stream_end(d);
        }
    }

    must(rc != AI_OK || said.errors == 1
         || (said.finishes == 1 && d->terminal && d->finished));
    must(said.starts == d->started);
}


static void
fuzz_path(const ai_target_t *t, const ai_pool_t *pool)
{
    ai_buf_t    b;
    ai_char_t  *p;

    ai_buf_init(&b, pool);
    t->provider->path(t, 1, &b);
    must(!b.failed);

    for (p = b.start; p < b.last; p++) {
        must((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
             || (*p >= '0' && *p <= '9')
             || memchr("/-._~%", *p, 6) != NULL);
    }
}


static void
fuzz_body(const ai_pool_t *pool, const ai_buf_t *body, size_t size)
{
    ai_ref_t   messages, v, role;
    ai_str_t   s;
    ai_json_t  doc;
    ai_int_t   user, last;

    s = ai_buf_str(body);
    ai_json_init(&doc, pool);

    /* an argument's nesting comes on top of the body's own */

    if (ai_json_parse(&doc, &s, NULL) != AI_OK) {
        must(doc.error == AI_JSON_E_LIMIT);
        return;
    }

    must(s.len <= 4 * size + 1024);
    must(ai_json_unique(&doc, AI_JSON_ROOT) == AI_OK);

    messages = ai_json_get(&doc, AI_JSON_ROOT, "messages");
    must(ai_json_type(&doc, messages) == AI_JSON_ARRAY);
    last = -1;

    for (v = ai_json_first(&doc, messages);
         v != AI_JSON_NONE;
         v = ai_json_next(&doc, messages, v))
    {
        role = ai_json_get(&doc, v, "role");
        user = ai_json_is(&doc, role, "user");
        must(user || ai_json_is(&doc, role, "assistant"));
        must(user != last);
        must(ai_json_first(&doc, ai_json_get(&doc, v, "content"))
             != AI_JSON_NONE);
        last = user;
    }
}


static void
fuzz_build(const ai_pool_t *pool, ai_str_t in, unsigned select)
{
    ai_buf_t      body;
    ai_json_t     doc;
    ai_error_t    err;
    ai_target_t   t;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    static const ai_str_t  models[] = {
        ai_string("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ai_string("anthropic.claude-opus-4-6-v1"),
        ai_string("anthropic.claude-3-5-haiku-20241022-v1:0"),
        ai_string("us.amazon.nova-2-lite-v1:0"),
        ai_string("amazon.nova-lite-v1:0"),
        ai_string("openai.gpt-oss-120b-1:0"),
        ai_string("meta.llama3-70b-instruct-v1:0"),
        ai_string("arn:aws:bedrock:eu-west-1:1:application-inference-profile")
    };

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    ai_json_init(&doc, pool);
    ai_buf_init(&body, pool);

    t.provider = &ai_provider_bedrock;
    t.model = models[select & 7];
    t.max_output = (select & 8) ? 2000 : -1;

    if (ai_json_parse(&doc, &in, NULL) != AI_OK
        || ai_openai_decode(&doc, pool, &rq, &dropped, &err) != AI_OK)
    {
        return;
    }

    if (rq.model.len > 0 && (select & 16)) {
        t.model = rq.model;
    }

    fuzz_path(&t, pool);

    err.kind = AI_ERR_NONE;

    if (t.provider->build(&t, &rq, pool, &body, &dropped, &err) == AI_OK) {
        fuzz_body(pool, &body, in.len);

    } else {
        must(err.kind != AI_ERR_NONE && err.kind != AI_ERR_SERVER);
    }
}


static void
fuzz_sign(ai_str_t in)
{
    size_t             i, n;
    ai_buf_t           one, two;
    ai_str_t           s;
    ai_char_t          hash[AI_SIGV4_HASH];
    ai_sigv4_t         r;
    ai_sigv4_header_t  headers[4];

    memset(&r, 0, sizeof(r));

    (void) fuzz_line(&in, &r.access_key);
    (void) fuzz_line(&in, &r.secret);
    (void) fuzz_line(&in, &r.token);
    (void) fuzz_line(&in, &r.region);
    (void) fuzz_line(&in, &r.host);
    (void) fuzz_line(&in, &r.path);
    (void) fuzz_line(&in, &r.query);

    r.service = ai_lit("bedrock");
    r.method = ai_lit("POST");
    r.time = 1700000000;
    r.headers = headers;

    while (r.nheaders < 4
           && fuzz_line(&in, &headers[r.nheaders].name) == AI_OK)
    {
        (void) fuzz_line(&in, &headers[r.nheaders].value);
        r.nheaders++;
    }

    /* every block is given back */

    ai_buf_init(&one, &fuzz_pool);
    ai_buf_init(&two, &fuzz_pool);
    must(ai_sigv4_hash(&in, 1, hash) == AI_OK);

    if (ai_sigv4_sign(&r, hash, &one) != AI_OK) {
        must(ai_buf_len(&one) == 0);
        return;
    }

    must(ai_sigv4_sign(&r, hash, &two) == AI_OK);
    s = ai_buf_str(&two);
    must(ai_str_eq(&s, &(ai_str_t) { ai_buf_len(&one), one.start }));

    for (i = 0, n = 0; i < s.len; i++) {
        must(s.data[i] >= ' ' || s.data[i] == '\t'
             || (s.data[i] == '\r' && s.data[i + 1] == '\n')
             || (s.data[i] == '\n' && i && s.data[i - 1] == '\r'));
        n += (s.data[i] == '\n');
    }

    must(n == (r.token.len ? 3 : 2));

    free(one.start);
    free(two.start);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_str_t     in;
    ai_pool_t    pool;
    fuzz_mem_t  *list, *m;

    if (size == 0) {
        return 0;
    }

    list = NULL;
    pool.alloc = fuzz_list_alloc;
    pool.free = NULL;
    pool.data = &list;

    in.data = (ai_char_t *) data + 1;
    in.len = size - 1;

    switch (data[0] & 3) {

    case 0:
        fuzz_build(&pool, in, data[0] >> 2);
        break;

    case 3:
        fuzz_sign(in);
        break;

    default:
        fuzz_answer(&pool, in, (data[0] & 3) == 2);
        break;
    }

    while ((m = list) != NULL) {
        list = m->next;
        free(m);
    }

    return 0;
}
