
/*
 * What a provider would not read of its own client's request: hand-made
 * conversations, and recorded answers of many providers, written for a client
 * and sent back by it to the vendor of the client's API.
 */

#define _GNU_SOURCE     /* memmem() */

#include "tap.h"
#include "mem.h"
#include "upstream.h"

#include <api/ai_generate.h>
#include <api/ai_messages.h>
#include <api/ai_responses.h>
#include <codec/ai_base64.h>


#ifndef T_DATA
#define T_DATA  "t/data"
#endif


typedef ai_int_t (*foreign_pt)(const ai_json_t *doc, const ai_pool_t *pool,
    ai_omit_t *omit);

typedef struct {
    foreign_pt   fn;
    const char  *name;
    const char  *in;
    const char  *out;           /* NULL: nothing is foreign */
} case_t;


#define ID   "rs_0123456789abcdefghijABCDEFGHI7"
#define HEX  "rs_0123456789abcdef0123456789abcdef"

#define M(list)  "{\"model\":\"m\",\"messages\":[" list "],\"max_tokens\":9}"
#define A(list)  "{\"role\":\"assistant\",\"content\":[" list "]}"
#define U        "{\"role\":\"user\",\"content\":\"q\"}"
#define TEXT     "{\"type\":\"text\",\"text\":\"t\"}"
#define CALL     "{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\","      \
                 "\"input\":{\"signature\":\"\",\"type\":\"thinking\"}}"
#define RESULT   "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\"," \
                 "\"tool_use_id\":\"c\"}]}"
#define T(sig)   "{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":"   \
                 "\"" sig "\"}"
#define R(data)  "{\"type\":\"redacted_thinking\",\"data\":\"" data "\"}"

/* base64 of "anthropic:s", "openai:s", "openai-data:s", "gemini-data:s" */
#define G_ANTHROPIC  "YW50aHJvcGljOnM="
#define G_OPENAI     "b3BlbmFpOnM="
#define G_DATA       "b3BlbmFpLWRhdGE6cw=="
#define G_OWN_DATA   "Z2VtaW5pLWRhdGE6cw=="
#define G(list)      "{\"contents\":[" list "]}"
#define P(list)      "{\"role\":\"model\",\"parts\":[" list "]}"
#define Q            "{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]}"
#define SKIP         "skip_thought_signature_validator"

#define I(list)      "{\"input\":[" list "],\"model\":\"m\"}"
#define MSG          "{\"role\":\"user\",\"content\":\"q\"}"


static const case_t  cases[] = {

    /* Messages */

    { ai_messages_foreign, "no messages", "{\"model\":\"m\"}", NULL },
    { ai_messages_foreign, "no list", "{\"messages\":{\"role\":1}}", NULL },
    { ai_messages_foreign, "odd things in it",
      M("1,null,[],{},\"a\",{\"role\":\"assistant\"},{\"role\":\"assistant\","
        "\"content\":\"x\"},{\"role\":\"assistant\",\"content\":[1,null,[],{},"
        "{\"type\":7}]}"), NULL },
    { ai_messages_foreign, "its own", M(U "," A(T("EqQB") "," R("EuAB") ","
                                                TEXT)), NULL },
    { ai_messages_foreign, "an empty answer", M(A("")), NULL },
    { ai_messages_foreign, "a call whose input looks like it",
      M(A(CALL)), NULL },
    { ai_messages_foreign, "a user who says the same",
      M("{\"role\":\"user\",\"content\":[" T("") "]}"), NULL },
    { ai_messages_foreign, "a signature that is a number",
      M(A("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":1}")),
      NULL },

    { ai_messages_foreign, "empty, first", M(U "," A(T("") "," TEXT)),
      M(U "," A(TEXT)) },
    { ai_messages_foreign, "absent",
      M(A("{\"type\":\"thinking\",\"thinking\":\"x\"}," TEXT)), M(A(TEXT)) },
    { ai_messages_foreign, "null", M(A("{ \"type\":\"thinking\",\"thinking\":"
      "\"x\", \"signature\" : null } , " TEXT)), M(A(TEXT)) },
    { ai_messages_foreign, "OpenAI's", M(A(T("openai:abc") "," TEXT)),
      M(A(TEXT)) },
    { ai_messages_foreign, "OpenAI's, redacted",
      M(A(TEXT "," R("openai:abc"))), M(A(TEXT)) },
    { ai_messages_foreign, "of nobody, redacted", M(A(R("") "," TEXT)),
      M(A(TEXT)) },
    { ai_messages_foreign, "Gemini's, of a call",
      M(A(TEXT "," T("gemini:call:abc") "," CALL)), M(A(TEXT "," CALL)) },
    { ai_messages_foreign, "some",
      M(A(T("EqQB") "," T("gemini:a") "," R("EuAB") "," R("openai:b") ","
          TEXT)),
      M(A(T("EqQB") "," R("EuAB") "," TEXT)) },
    { ai_messages_foreign, "all of a message",
      M(U "," A(T("") "," R("openai:x")) "," U), M(U "," U) },
    { ai_messages_foreign, "all of all", M(A(T(""))), M("") },
    { ai_messages_foreign, "a key and a type with escapes",
      M(A("{\"t\\u0079pe\":\"th\\u0069nking\",\"thinking\":\"\",\"sign\\u0061"
          "ture\":\"\"}," TEXT)), M(A(TEXT)) },

    /* thinking is wanted, but the calls waited for have none before them */

    { ai_messages_foreign, "a bare loop",
      "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},"
      "\"messages\":[" U "," A(T("") "," CALL) "," RESULT "],"
      "\"max_tokens\":9}",
      "{\"messages\":[" U "," A(CALL) "," RESULT "],\"max_tokens\":9}" },
    { ai_messages_foreign, "a bare loop, thinking behind it",
      "{\"messages\":[" U "," A(T("") "," CALL) "," RESULT "],"
      "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}",
      "{\"messages\":[" U "," A(CALL) "," RESULT "]}" },
    { ai_messages_foreign, "and the edits that need it",
      "{\"messages\":[" A(T("") "," CALL) "," RESULT "],"
      "\"context_management\":{\"edits\":[{\"type\":\"clear_thinking_20251015"
      "\"}]},\"thinking\":{\"type\":\"enabled\"},\"max_tokens\":9}",
      "{\"messages\":[" A(CALL) "," RESULT "],\"max_tokens\":9}" },
    { ai_messages_foreign, "but not the others",
      "{\"messages\":[" A(T("") "," CALL) "," RESULT "],"
      "\"context_management\":{\"edits\":[{\"type\":\"clear_thinking_20251015"
      "\"},{\"type\":\"clear_tool_uses_20250919\"}]},"
      "\"thinking\":{\"type\":\"enabled\"}}",
      "{\"messages\":[" A(CALL) "," RESULT "],"
      "\"context_management\":{\"edits\":[{\"type\":\"clear_tool_uses_20250919"
      "\"}]}}" },
    { ai_messages_foreign, "a model that decides for itself",
      "{\"thinking\":{\"type\":\"adaptive\"},"
      "\"messages\":[" A(T("") "," CALL) "," RESULT "]}",
      "{\"thinking\":{\"type\":\"adaptive\"},"
      "\"messages\":[" A(CALL) "," RESULT "]}" },
    { ai_messages_foreign, "calls of an answer before the last",
      "{\"thinking\":{\"type\":\"enabled\"},"
      "\"messages\":[" A(T("") "," CALL) "," RESULT "," A(T("Eq") "," CALL) ","
      RESULT "]}",
      "{\"thinking\":{\"type\":\"enabled\"},"
      "\"messages\":[" A(CALL) "," RESULT "," A(T("Eq") "," CALL) "," RESULT
      "]}" },
    { ai_messages_foreign, "thinking that stays",
      "{\"thinking\":{\"type\":\"enabled\"},"
      "\"messages\":[" A(T("Eq") "," T("") "," CALL) "," RESULT "]}",
      "{\"thinking\":{\"type\":\"enabled\"},"
      "\"messages\":[" A(T("Eq") "," CALL) "," RESULT "]}" },
    { ai_messages_foreign, "one answer in two messages",
      "{\"thinking\":{\"type\":\"enabled\"},"
      "\"messages\":[" A(T("openai:x")) "," A(CALL) "," RESULT "]}",
      "{\"messages\":[" A(CALL) "," RESULT "]}" },
    { ai_messages_foreign, "no calls",
      "{\"thinking\":{\"type\":\"enabled\"},"
      "\"messages\":[" A(T("") "," TEXT) "," U "]}",
      "{\"thinking\":{\"type\":\"enabled\"},"
      "\"messages\":[" A(TEXT) "," U "]}" },

    /* generateContent */

    { ai_generate_foreign, "no contents", "{\"x\":1}", NULL },
    { ai_generate_foreign, "a string", "{\"contents\":\"x\"}", NULL },
    { ai_generate_foreign, "odd things in it",
      G("1,null,[],{},{\"parts\":1},{\"parts\":[1,null,[],{},{"
        "\"thoughtSignature\":7}]}"), NULL },
    { ai_generate_foreign, "its own",
      G(Q "," P("{\"text\":\"t\",\"thoughtSignature\":\"CsQB+/w==\"},"
                "{\"functionCall\":{\"name\":\"f\"},\"thought_signature\":"
                "\"CsQB-_w\"},{\"text\":\"\",\"thought\":true,"
                "\"thoughtSignature\":\"" SKIP "\"}")), NULL },
    { ai_generate_foreign, "an argument that looks like it",
      G(P("{\"functionCall\":{\"name\":\"f\",\"args\":{\"thoughtSignature\":"
          "\"" G_OPENAI "\"}}}")), NULL },

    { ai_generate_foreign, "a thought and its signature",
      G(P("{\"text\":\"t\",\"thought\":true,\"thoughtSignature\":\""
          G_ANTHROPIC "\"},{\"text\":\"a\"}")),
      G(P("{\"text\":\"t\",\"thought\":true},{\"text\":\"a\"}")) },
    { ai_generate_foreign, "snake case, in front",
      G(P("{\"thought_signature\":\"" G_OPENAI "\",\"text\":\"t\"}")),
      G(P("{\"text\":\"t\"}")) },
    { ai_generate_foreign, "escapes",
      G(P("{\"thought\\u0053ignature\":\"\\u0062" "3BlbmFpOnM=\","
          "\"text\":\"t\"}")),
      G(P("{\"text\":\"t\"}")) },
    { ai_generate_foreign, "alone in a part",
      G(P("{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"" G_DATA
          "\"},{\"text\":\"a\"}")),
      G(P("{\"text\":\"a\"}")) },
    { ai_generate_foreign, "alone, without a text",
      G(P("{\"text\":\"a\"},{\"text\":null,\"thoughtSignature\":\"" G_OWN_DATA
          "\"}")),
      G(P("{\"text\":\"a\"}")) },
    { ai_generate_foreign, "alone in a content",
      G(Q "," P("{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\""
                G_OPENAI "\"}") "," P("{\"text\":\"a\"}")),
      G(Q "," P("{\"text\":\"a\"}")) },
    { ai_generate_foreign, "of a call",
      G(P("{\"functionCall\":{\"name\":\"f\",\"args\":{}},"
          "\"thoughtSignature\":\"" G_OPENAI "\"}")),
      G(P("{\"functionCall\":{\"name\":\"f\",\"args\":{}},"
          "\"thoughtSignature\":\"" SKIP "\"}")) },
    { ai_generate_foreign, "no lists",
      "{\"contents\":{\"parts\":{\"text\":\"t\",\"thoughtSignature\":\""
      G_OPENAI "\"}}}",
      "{\"contents\":{\"parts\":{\"text\":\"t\"}}}" },
    { ai_generate_foreign, "no lists, alone",
      "{\"contents\":{\"parts\":{\"thought\":true,\"thoughtSignature\":\""
      G_OPENAI "\"}}}",
      "{\"contents\":{\"parts\":{\"thought\":true}}}" },
    { ai_generate_foreign, "in a request to be counted",
      "{\"generateContentRequest\":{\"contents\":[" P("{\"text\":\"t\","
      "\"thoughtSignature\":\"" G_OPENAI "\"}") "]}}",
      "{\"generateContentRequest\":{\"contents\":[" P("{\"text\":\"t\"}")
      "]}}" },

    /* Responses */

    { ai_responses_foreign, "a text", "{\"input\":\"q\"}", NULL },
    { ai_responses_foreign, "odd things in it",
      I("1,null,[],{},{\"type\":1},{\"type\":\"reasoning\",\"id\":1}"), NULL },
    { ai_responses_foreign, "its own",
      I(MSG ",{\"type\":\"reasoning\",\"id\":\"rs_68\",\"summary\":[],"
        "\"encrypted_content\":\"gAAAAA==\"}," MSG), NULL },
    { ai_responses_foreign, "its own, stored",
      I("{\"type\":\"reasoning\",\"id\":\"" HEX "01\",\"summary\":[]}"),
      NULL },
    { ai_responses_foreign, "a number of 32 digits, with null",
      I("{\"type\":\"reasoning\",\"id\":\"" HEX "\",\"summary\":[],"
        "\"encrypted_content\":null}"), NULL },
    { ai_responses_foreign, "thoughts in the open, whatever the id",
      I("{\"type\":\"reasoning\",\"id\":\"" ID "\",\"content\":[{\"type\":"
        "\"reasoning_text\",\"text\":\"x\"}]}"), NULL },
    { ai_responses_foreign, "an id that is too long",
      I("{\"type\":\"reasoning\",\"id\":\"" ID "1234\"}"), NULL },
    { ai_responses_foreign, "an id that is too short",
      I("{\"type\":\"reasoning\",\"id\":"
        "\"rs_0123456789abcdefghijABCDEFGHI\"}"), NULL },
    { ai_responses_foreign, "an id with a letter for a number",
      I("{\"type\":\"reasoning\",\"id\":\"" ID "a\"}"), NULL },
    { ai_responses_foreign, "an id with a dash",
      I("{\"type\":\"reasoning\",\"id\":"
        "\"rs_0123456789-bcdefghijABCDEFGHI7\"}"), NULL },
    { ai_responses_foreign, "a call with such an id",
      I("{\"type\":\"function_call\",\"id\":\"" ID "\"}"), NULL },

    { ai_responses_foreign, "an id of ours, nothing else",
      I(MSG ",{\"id\":\"" ID "\",\"type\":\"reasoning\",\"summary\":["
        "{\"type\":\"summary_text\",\"text\":\"x\"}],"
        "\"encrypted_content\":null,\"status\":\"completed\"}," MSG),
      I(MSG "," MSG) },
    { ai_responses_foreign, "the same, of a large answer",
      I(MSG ",{\"id\":\"" ID "095\",\"type\":\"reasoning\",\"content\":[]}"),
      I(MSG) },
    { ai_responses_foreign, "neither id nor state",
      I("{\"type\":\"reasoning\",\"summary\":[]}," MSG), I(MSG) },
    { ai_responses_foreign, "ours, and damaged",
      I("{\"type\":\"reasoning\",\"encrypted_content\":\"eyJhaV9ibG9ja3Mi!\"}"
        "," MSG), I(MSG) },
    { ai_responses_foreign, "ours, and not complete",
      I("{\"type\":\"reasoning\",\"encrypted_content\":\"eyJhaV9ibG9ja3MiOlt"
        "dfQ==\"}," MSG), I(MSG) }
};


#define NCASES  (sizeof(cases) / sizeof(cases[0]))


/* AI_OK with the text that is left */

static ai_int_t
leave(foreign_pt fn, const ai_str_t *in, ai_buf_t *out, uint32_t *n)
{
    ai_int_t   rc;
    ai_json_t  doc;
    ai_omit_t  omit;

    ai_buf_init(out, mem_pool());
    ai_json_init(&doc, mem_pool());

    if (ai_json_parse(&doc, in, NULL) != AI_OK) {
        return doc.error == AI_JSON_E_MEMORY ? AI_ERROR : AI_DECLINED;
    }

    rc = fn(&doc, mem_pool(), &omit);
    if (rc != AI_OK) {
        return rc;
    }

    *n = omit.n;
    ai_omit_write(&omit, &doc, out);

    return out->failed ? AI_ERROR : AI_OK;
}


static void
test_case(const case_t *c)
{
    size_t       i;
    uint32_t     n;
    ai_buf_t     out;
    ai_str_t     in;
    ai_int_t     rc;
    const char  *want;

    want = c->out ? c->out : c->in;
    in = guard_str(c->in, strlen(c->in));

    is_int(leave(c->fn, &in, &out, &n), AI_OK, "%s", c->name);
    is_mem(out.start, ai_buf_len(&out), want, strlen(want), "its text");
    ok((n != 0) == (c->out != NULL), "as many as there are: %u", n);

    mem_reset();

    /* what was left has nothing more */

    in = guard_str(want, strlen(want));
    is_int(leave(c->fn, &in, &out, &n), AI_OK, "once more");
    is_int(n, 0, "nothing is left to go");

    for (i = 1; i < 100; i++) {
        mem_reset();
        in = guard_str(c->in, strlen(c->in));
        mem_fail_at(i);

        rc = leave(c->fn, &in, &out, &n);

        if (!mem_failed()) {
            break;
        }

        if (rc != AI_ERROR) {
            ok(0, "allocation %zu fails", i);
        }
    }

    ok(i > 1 && i < 100, "%zu allocations", i - 1);

    mem_reset();
    guard_free();
}


/* state as the Responses dialect wraps it, by hand */

static void
test_wrapped(const char *state, const char *left)
{
    char       text[1024], want[1024];
    ai_buf_t   b;
    ai_str_t   s;
    case_t     c;

    s.data = (ai_char_t *) state;
    s.len = strlen(state);

    ai_buf_init(&b, mem_pool());
    ai_base64_encode(&b, &s);

    snprintf(text, sizeof(text),
             I("{\"id\":\"" ID "\",\"type\":\"reasoning\",\"summary\":[{\"type"
               "\":\"summary_text\",\"text\":\"x\"}],\"encrypted_content\":"
               "\"%.*s\",\"status\":\"completed\"}," MSG),
             (int) ai_buf_len(&b), b.start);

    snprintf(want, sizeof(want),
             I("{\"type\":\"reasoning\",\"summary\":[{\"type"
               "\":\"summary_text\",\"text\":\"x\"}],\"encrypted_content\":"
               "\"%s\",\"status\":\"completed\"}," MSG), left ? left : "");

    mem_reset();

    c.fn = ai_responses_foreign;
    c.name = state;
    c.in = text;
    c.out = left ? want : I(MSG);

    test_case(&c);
}


/* recordings */

typedef struct {
    void                *reply;
    const ai_dialect_t  *dialect;
    ai_family_e          own;       /* whose state the vendor reads */
    int                  signs;     /* pieces of its own state */
    int                  others;    /* pieces of others' */
} tee_t;


typedef struct {
    const char          *name;
    const ai_dialect_t  *dialect;
    ai_family_e          own;
    foreign_pt           fn;
} vendor_t;


static const vendor_t  vendors[] = {
    { "Messages", &ai_dialect_anthropic, AI_FAMILY_ANTHROPIC,
      ai_messages_foreign },
    { "generateContent", &ai_dialect_gemini, AI_FAMILY_GEMINI,
      ai_generate_foreign },
    { "Responses", &ai_dialect_responses, AI_FAMILY_OPENAI,
      ai_responses_foreign }
};


static int  nstates[3][2];      /* of a vendor: kept, removed */


/* counts state as it comes; a signature may come in several pieces */

static ai_int_t
tee_event(void *data, const ai_event_t *ev)
{
    int     state;
    tee_t  *t = data;

    state = (ev->type == AI_EVENT_DELTA && ev->delta == AI_DELTA_SIGNATURE
             && ev->text.len)
            || (ev->type == AI_EVENT_BLOCK_START
                && (ev->signature.len || ev->data.len))
            || (ev->type == AI_EVENT_DELTA && ev->delta == AI_DELTA_TEXT
                && ev->kind == AI_BLOCK_REDACTED && ev->text.len);

    if (state && ev->choice == 0) {
        if (ev->family == t->own) {
            t->signs++;

        } else {
            t->others++;
        }
    }

    return t->dialect->reply_event(t->reply, ev);
}


static ai_int_t
decode(const ai_provider_t *provider, const ai_sink_t *sink, const char *data,
    size_t len, int stream)
{
    ai_int_t         rc;
    ai_sse_t         sse;
    ai_str_t         in;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    d = ai_decoder_create(provider, mem_pool(), sink);
    in.data = (ai_char_t *) data;
    in.len = len;

    if (!stream) {
        return provider->answer(d, &in);
    }

    ai_sse_init(&sse, mem_pool(), 0);

    while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {
        if (provider->stream(d, &ev) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_sse_end(&sse, &ev, 1) == AI_OK && provider->stream(d, &ev) != AI_OK)
    {
        return AI_ERROR;
    }

    return provider->stream_end(d);
}


/* the request of a client that has the answer in its history */

static ai_int_t
turn(const vendor_t *v, const ai_str_t *answer, ai_buf_t *b)
{
    ai_raw_t   raw;
    ai_ref_t   ref;
    ai_json_t  doc;

    ai_buf_init(b, mem_pool());
    ai_json_init(&doc, mem_pool());

    if (ai_json_parse(&doc, answer, NULL) != AI_OK) {
        return AI_DECLINED;
    }

    if (v->own == AI_FAMILY_GEMINI) {
        ref = ai_json_get(&doc, AI_JSON_ROOT, "candidates");
        ref = ai_json_get(&doc, ref + 1, "content");

    } else {
        ref = ai_json_get(&doc, AI_JSON_ROOT,
                          v->own == AI_FAMILY_OPENAI ? "output" : "content");
    }

    if (ref == AI_JSON_NONE || doc.node[ref].count == 0) {
        return AI_DECLINED;
    }

    raw = ai_json_raw(&doc, ref);

    switch (v->own) {

    case AI_FAMILY_GEMINI:
        ai_buf_lit(b, "{\"contents\":[" Q ",");
        ai_buf_cat(b, &raw);
        ai_buf_lit(b, "," Q "]}");
        break;

    case AI_FAMILY_OPENAI:
        ai_buf_lit(b, "{\"model\":\"m\",\"input\":[" MSG ",");
        ai_buf_add(b, raw.data + 1, raw.len - 2);
        ai_buf_lit(b, "," MSG "]}");
        break;

    default:
        ai_buf_lit(b, "{\"model\":\"m\",\"messages\":[" U
                      ",{\"role\":\"assistant\",\"content\":");
        ai_buf_cat(b, &raw);
        ai_buf_lit(b, "}," U "]}");
        break;
    }

    return AI_OK;
}


static int
is_thought(const ai_json_t *doc, ai_ref_t v)
{
    ai_ref_t  type;

    type = ai_json_get(doc, v, "type");

    return ai_json_is(doc, type, "thinking")
           || ai_json_is(doc, type, "redacted_thinking")
           || ai_json_is(doc, type, "reasoning")
           || ai_json_get(doc, v, "thoughtSignature") != AI_JSON_NONE;
}


/*
 * State in the text, each of which has to be in the recording as it is; and
 * what else the text has, to be compared.
 */

static int
is_recorded(const ai_esc_t *s, const char *recording, size_t len)
{
    int       rc;
    ai_buf_t  b;

    if (memmem(recording, len, s->data, s->len) != NULL) {
        return 1;
    }

    /* Bedrock has what is base64 already in base64 */

    ai_buf_init(&b, mem_pool());
    ai_base64_encode(&b, s);
    rc = memmem(recording, len, b.start, ai_buf_len(&b)) != NULL;
    ai_pfree(mem_pool(), b.start);

    return rc;
}


static int
look(const ai_str_t *text, const char *recording, size_t len, ai_buf_t *rest,
    const char **bad)
{
    int        n;
    size_t     i;
    ai_esc_t   s;
    ai_raw_t   raw;
    ai_ref_t   r, c;
    ai_json_t  doc;

    static const char *const  names[] = {
        "signature", "data", "thoughtSignature", "encrypted_content"
    };

    ai_json_init(&doc, mem_pool());
    ai_buf_init(rest, mem_pool());

    if (ai_json_parse(&doc, text, NULL) != AI_OK) {
        *bad = "no JSON";
        return 0;
    }

    n = 0;

    for (r = 1; r < doc.n; r++) {

        if (doc.node[r].type != AI_JSON_OBJECT) {
            continue;
        }

        c = ai_json_get(&doc, r, "parts");

        if (is_thought(&doc, r)) {

            for (i = 0; i < 4; i++) {
                s = ai_json_esc(&doc, ai_json_get(&doc, r, names[i]));

                if (s.len == 0) {
                    continue;
                }

                n++;

                if (!is_recorded(&s, recording, len)) {
                    *bad = "state that is not in the recording";
                }
            }

        } else if (c == AI_JSON_NONE
                   && ai_json_get(&doc, r, "role") == AI_JSON_NONE
                   && ai_json_bool(&doc, ai_json_get(&doc, r, "thought")) != 1)
        {
            raw = ai_json_raw(&doc, r);
            ai_buf_cat(rest, &raw);
            ai_buf_char(rest, '\n');
        }

        /* what is inside was seen with it */

        if (ai_json_get(&doc, r, "role") == AI_JSON_NONE
            && ai_json_get(&doc, r, "messages") == AI_JSON_NONE
            && c == AI_JSON_NONE)
        {
            r = doc.node[r].next - 1;
        }
    }

    return n;
}


static void
test_recording(const ai_provider_t *provider, const char *dir,
    const char *name, size_t k)
{
    int              before, after;
    char            *data;
    tee_t            t;
    size_t           len;
    ai_buf_t         out, request, left, rest[2];
    ai_str_t         s;
    uint32_t         n;
    ai_int_t         rc;
    ai_sink_t        sink;
    const char      *bad;
    const vendor_t  *v;
    ai_reply_conf_t  conf;

    v = &vendors[k];
    data = file_read(dir, name, &len);

    memset(&t, 0, sizeof(t));
    memset(&conf, 0, sizeof(conf));

    conf.id = ai_lit("0123456789abcdefghijABCDEFGHI");
    conf.model = ai_lit("m");

    ai_buf_init(&out, mem_pool());

    t.dialect = v->dialect;
    t.own = v->own;
    t.reply = v->dialect->reply_create(&conf, &out, mem_pool());

    sink.event = tee_event;
    sink.data = &t;

    rc = decode(provider, &sink, data, len, name_ends(name, ".sse"));

    if (rc != AI_OK || v->dialect->reply_end(t.reply) != AI_OK) {
        free(data);
        mem_reset();
        return;
    }

    s = ai_buf_str(&out);

    if (turn(v, &s, &request) != AI_OK) {
        free(data);
        mem_reset();
        return;
    }

    bad = NULL;
    s = ai_buf_str(&request);

    before = look(&s, "", 0, &rest[0], &bad);
    bad = NULL;

    rc = leave(v->fn, &s, &left, &n);
    s = ai_buf_str(&left);

    after = rc == AI_OK ? look(&s, data, len, &rest[1], &bad) : -1;

    if (rc != AI_OK || bad
        || (t.signs == 0 && after != 0)
        || (t.signs != 0 && after == 0 && before != 0)
        || (t.others == 0 && after != before))
    {
        ok(0, "%s, %s: %s", v->name, name, bad ? bad : "state");
        diag("%d of its own, %d of others; %d before, %d after", t.signs,
             t.others, before, after);
        diag("%.*s", (int) ai_min(ai_buf_len(&request), 3000), request.start);
    }

    if (rc == AI_OK
        && (ai_buf_len(&rest[0]) != ai_buf_len(&rest[1])
            || (ai_buf_len(&rest[0])
                && memcmp(rest[0].start, rest[1].start, ai_buf_len(&rest[0]))
                   != 0)))
    {
        ok(0, "%s, %s: all else stays", v->name, name);
        diag("%.*s", (int) s.len, s.data);
    }

    /* nothing but the vendor's own: no byte changes, but for the wrapping */

    if (rc == AI_OK && n && t.others == 0 && t.signs == before
        && v->own != AI_FAMILY_OPENAI && before == after && before)
    {
        ok(0, "%s, %s: it stays as it is", v->name, name);
    }

    nstates[k][0] += after;
    nstates[k][1] += before - after;

    free(data);
    mem_reset();
}


static void
test_dir(const char *dir, const char *end, const ai_provider_t *row)
{
    char                  path[256], *dash;
    char                **names;
    size_t                i, k, n;
    ai_str_t              s;
    const ai_provider_t  *provider;

    snprintf(path, sizeof(path), "%s/recordings/%s", T_DATA, dir);
    names = dir_names(path, end, &n);

    for (i = 0; i < n; i++) {
        provider = row;
        dash = strstr(names[i], "--");

        if (provider == NULL) {
            s.data = (ai_char_t *) names[i];
            s.len = dash ? (size_t) (dash - names[i]) : 0;
            provider = ai_provider_find(&s);
        }

        if (provider == NULL || provider->answer == NULL
            || provider->family == AI_FAMILY_RESPONSES)
        {
            provider = row ? row : &ai_provider_openai;
        }

        for (k = 0; k < 3; k++) {
            test_recording(provider, path, names[i], k);
        }
    }

    ok(n, "%s: %zu recordings", dir, n);
    names_free(names, n);
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < NCASES; i++) {
        test_case(&cases[i]);
    }

    test_wrapped("{\"ai_blocks\":["
                 "{\"kind\":\"redacted\",\"family\":\"openai\","
                 "\"opaque\":\"gAAAAA==\"}]}", "gAAAAA==");
    test_wrapped("{\"ai_blocks\":["
                 "{\"kind\":\"thinking\",\"family\":\"openai\","
                 "\"text\":\"x\",\"opaque\":\"g\\/A\"}]}", "g\\/A");
    test_wrapped("{\"ai_blocks\":["
                 "{\"kind\":\"thinking\",\"family\":"
                 "\"anthropic\",\"text\":\"x\",\"opaque\":\"Eq\"}]}", NULL);
    test_wrapped("{\"ai_blocks\":["
                 "{\"kind\":\"call\",\"family\":\"gemini\","
                 "\"id\":\"c\",\"opaque\":\"Cs\"}]}", NULL);
    test_wrapped("{\"ai_blocks\":["
                 "{\"kind\":\"text\",\"family\":\"openai\","
                 "\"opaque\":\"Cs\"}]}", NULL);
    test_wrapped("{\"ai_blocks\":["
                 "{\"kind\":\"thinking\",\"family\":\"openai\","
                 "\"opaque\":\"a\"},{\"kind\":\"thinking\",\"family\":"
                 "\"openai\",\"opaque\":\"b\"}]}", NULL);
    test_wrapped("{\"ai_blocks\":["
                 "{\"kind\":\"thinking\",\"family\":\"openai\","
                 "\"opaque\":\"eyJhaV9ibG9ja3MiOltdfQ==\"}]}", NULL);
    test_wrapped("{\"ai_blocks\":[1]}", NULL);

    test_dir("anthropic", ".response.json", &ai_provider_anthropic);
    test_dir("anthropic", ".response.sse", &ai_provider_anthropic);
    test_dir("bedrock", ".response.json", &ai_provider_bedrock);
    test_dir("gemini", ".response.json", &ai_provider_gemini);
    test_dir("gemini", ".response.sse", &ai_provider_gemini);
    test_dir("compatible", ".json", NULL);
    test_dir("compatible", ".sse", NULL);
    test_dir("responses", ".json", &ai_provider_openai_responses);
    test_dir("responses", ".sse", &ai_provider_openai_responses);

    for (i = 0; i < 3; i++) {
        ok(nstates[i][0] && nstates[i][1],
           "%s: %d pieces of state stay, %d go", vendors[i].name,
           nstates[i][0], nstates[i][1]);
    }

    return done();
}
