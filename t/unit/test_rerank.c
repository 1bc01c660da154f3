
/*
 * Rerank: requests in three spellings, the bodies that seven services make of
 * them, and answers, recorded and made up, told in the client's spelling.
 * What is expected was written by hand from the recordings and the vendors'
 * references.
 */

#include "tap.h"
#include "calls.h"
#include "upstream.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif

#define RECORDINGS  TEST_DATA "/recordings/rerank"

#define M     "\"model\":\"m\""
#define Q     "\"query\":\"q\\u00e9\""
#define DOCS  "\"documents\":[\"a\",{\"t\":1,\"text\":\"b\\n\"},\"c\"]"
#define TEXTS "\"texts\":[\"a\",\"b\\n\",\"c\"]"
#define SIX   "\"documents\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]"

#define COHERE  "{" M "," Q "," DOCS "}"
#define VOYAGE  "{" Q "," DOCS "," M ",\"top_k\":null,\"truncation\":true}"
#define TEI     "{" Q "," TEXTS "}"

#define ID     "\"id\":\"0123456789abcdefghijklmnopqrs\""
#define V2     "\"api_version\":{\"version\":\"2\"}"


static call_t  c;


static ai_target_t
target(const ai_provider_t *provider, const char *model)
{
    ai_target_t  t;

    memset(&t, 0, sizeof(t));

    t.provider = provider;
    t.model.data = (ai_char_t *) model;
    t.model.len = strlen(model);
    t.max_output = -1;

    return t;
}


static ai_int_t
decode(const char *request)
{
    return call_decode(&c, &ai_dialect_rerank, NULL, request,
                       strlen(request));
}


/* --- requests ----------------------------------------------------------- */

typedef struct {
    const char        *request;
    const char        *documents;   /* text=spelled; */
    int64_t            top_n;
    int64_t            max_tokens;
    ai_rerank_e        shape;
    int                truncate;
    int                documents_back;
    int                raw;
    const char        *instruction;
    const char        *dropped;
} decoded_t;


static const decoded_t  decoded[] = {
    { COHERE, "a=\"a\";b\\n={\"t\":1,\"text\":\"b\\n\"};c=\"c\";",
      -1, -1, AI_RERANK_COHERE, -1, 0, 0, "", "" },
    { VOYAGE, "a=\"a\";b\\n={\"t\":1,\"text\":\"b\\n\"};c=\"c\";",
      -1, -1, AI_RERANK_VOYAGE, 1, 0, 0, "", "" },
    { "{" M "," Q ",\"documents\":[\"x\"],\"top_k\":2}", "x=\"x\";",
      2, -1, AI_RERANK_VOYAGE, -1, 0, 0, "", "" },
    { TEI, "a=\"a\";b\\n=\"b\\n\";c=\"c\";",
      -1, -1, AI_RERANK_TEI, -1, 0, 0, "", "" },
    { "{" M "," Q ",\"texts\":[\"\"],\"raw_scores\":true,\"truncate\":false,"
      "\"return_text\":true,\"truncation_direction\":\"Left\"}", "=\"\";",
      -1, -1, AI_RERANK_TEI, 0, 1, 1, "", "truncation_direction," },
    { "{" M "," Q ",\"documents\":[\"x\"],\"top_n\":3,"
      "\"return_documents\":true,\"max_tokens_per_doc\":512,"
      "\"priority\":5,\"rank_fields\":[\"title\"],\"instruction\":\"i\"}",
      "x=\"x\";", 3, 512, AI_RERANK_COHERE, -1, 1, 0, "i", "priority," },
    { "{" M "," Q ",\"documents\":[{\"text\":\"x\"}],\"top_n\":2147483647,"
      "\"truncation\":true,\"rank_fields\":[\"text\"]}",
      "x={\"text\":\"x\"};", INT32_MAX, -1, AI_RERANK_COHERE, 1, 0, 0, "",
      "" },
    { NULL, NULL, 0, 0, 0, 0, 0, 0, NULL, NULL }
};


static void
test_decoded(const decoded_t *d)
{
    size_t                n;
    char                  text[1024];
    const ai_rerank_t    *rr;
    const ai_document_t  *doc;

    if (!is_int(decode(d->request), AI_OK, "decodes %s", d->request)) {
        diag("%.*s", (int) c.err.message.len, (char *) c.err.message.data);
        call_free();
        return;
    }

    rr = &c.call.u.rerank;
    n = 0;
    text[0] = '\0';

    for (doc = rr->documents; doc; doc = doc->next) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%.*s=%.*s;",
                               (int) doc->text.len, (char *) doc->text.data,
                               (int) doc->spelled.len,
                               (char *) doc->spelled.data);
    }

    is_cstr(text, d->documents, "documents");
    is_int(c.call.kind, AI_CALL_RERANK, "kind");
    is_str(rr->query, "q\\u00e9", "the query as spelled");
    is_int(c.peek.messages, rr->n, "counted by the peek");
    is_int(rr->top_n, d->top_n, "top_n");
    is_int(rr->max_tokens, d->max_tokens, "max_tokens");
    is_int(rr->shape, d->shape, "shape");
    is_int(rr->truncate, d->truncate, "truncate");
    is_int(rr->return_documents, d->documents_back, "return_documents");
    is_int(rr->raw_scores, d->raw, "raw_scores");
    is_str(rr->instruction, d->instruction, "instruction");
    is_cstr(call_dropped(&c), d->dropped, "dropped");

    call_free();
}


typedef struct {
    const char  *request;
    const char  *param;
    const char  *says;
    ai_error_e   kind;
} refused_t;


static const refused_t  refused[] = {
    { "[]", "", "must be a JSON object", AI_ERR_BAD_JSON },
    { "{" Q "," DOCS "}", "model", "Missing", AI_ERR_INVALID_VALUE },
    { "{\"Model\":\"x\"," M "," Q "," DOCS "}", "model", "lower case",
      AI_ERR_INVALID_VALUE },
    { "{" M "," DOCS "}", "query", "Missing", AI_ERR_INVALID_VALUE },
    { "{" M ",\"query\":[\"q\"]," DOCS "}", "query", "Invalid type",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q "}", "documents", "Missing", AI_ERR_INVALID_VALUE },
    { "{" M "," Q ",\"documents\":\"a\"}", "documents", "Invalid type",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q ",\"documents\":[]}", "documents", "must not be empty",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q ",\"texts\":[]}", "texts", "must not be empty",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q ",\"documents\":[\"a\",7]}", "documents[1]",
      "a string or an object", AI_ERR_INVALID_VALUE },
    { "{" M "," Q ",\"documents\":[\"a\",{\"image\":\"x\"}]}",
      "documents[1].text", "Missing", AI_ERR_INVALID_VALUE },
    { "{" M "," Q ",\"documents\":[{\"text\":1}]}", "documents[0].text",
      "Invalid type", AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS "," TEXTS "}", "texts", "'documents' too",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS "," Q "}", "", "twice", AI_ERR_BAD_REQUEST },
    { "{" M "," Q "," DOCS ",\"top_n\":0}", "top_n", "too small",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS ",\"top_n\":1.5}", "top_n", "integer",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS ",\"top_n\":2147483648}", "top_n", "too large",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS ",\"top_n\":1,\"top_k\":1}", "top_k",
      "'top_n' too", AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS ",\"top_k\":\"1\"}", "top_k", "Invalid type",
      AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS ",\"return_documents\":1}", "return_documents",
      "Invalid type", AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS ",\"truncate\":\"END\"}", "truncate",
      "Invalid type", AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS ",\"max_tokens_per_doc\":0}",
      "max_tokens_per_doc", "too small", AI_ERR_INVALID_VALUE },
    { "{" M "," Q "," DOCS ",\"rank_fields\":[\"text\",\"t\"]}",
      "rank_fields", "only 'text'", AI_ERR_UNSUPPORTED_PARAMETER },
    { "{" M "," Q "," DOCS ",\"rank_fields\":\"text\"}", "rank_fields",
      "Invalid type", AI_ERR_INVALID_VALUE },
    { NULL, NULL, NULL, 0 }
};


static void
test_refused(const refused_t *r)
{
    char       text[512];
    ai_str_t   s;
    ai_json_t  doc;

    is_int(decode(r->request), AI_ERROR, "refuses %s", r->request);
    is_int(c.err.kind, r->kind, "kind");
    is_str(c.err.param, r->param, "param");

    snprintf(text, sizeof(text), "%.*s", (int) c.err.message.len,
             (char *) c.err.message.data);
    ok(strstr(text, r->says), "\"%s\" says \"%s\"", text, r->says);

    ai_dialect_rerank.error(&c.out, &c.err);
    s = ai_buf_str(&c.out);
    ai_json_init(&doc, mem_pool());
    ok(ai_json_parse(&doc, &s, NULL) == AI_OK
       && doc.node[AI_JSON_ROOT].count == 1
       && ai_json_is(&doc, ai_json_get(&doc, AI_JSON_ROOT, "message"), text),
       "as Cohere says it");

    call_free();
}


/* --- bodies ------------------------------------------------------------- */

#define TUNED(x)  "{" M "," Q "," DOCS x "}"
#define LIST      "\"documents\":[\"a\",\"b\\n\",\"c\"]"
#define AT(model) "{" Q ",\"model\":\"" model "\"," LIST

typedef struct {
    const ai_service_t   *service;
    const ai_provider_t  *provider;
    const char           *model;
    const char           *request;
    const char           *body;     /* NULL: refused, for ... */
    const char           *dropped;  /* ... this param */
} built_t;


static const built_t  built[] = {

    { &ai_cohere_rerank, &ai_provider_cohere, "rerank-v3.5", COHERE,
      AT("rerank-v3.5") "}", "" },
    { &ai_cohere_rerank, &ai_provider_cohere, "r\"", TUNED(",\"top_n\":9,"
      "\"max_tokens_per_doc\":100,\"return_documents\":true"),
      AT("r\\\"") ",\"top_n\":3,\"max_tokens_per_doc\":100}", "" },
    { &ai_cohere_rerank, &ai_provider_cohere, "r", VOYAGE, AT("r") "}", "" },
    { &ai_cohere_rerank, &ai_provider_cohere, "r",
      TUNED(",\"truncation\":false"), AT("r") "}", "truncation," },
    { &ai_cohere_rerank, &ai_provider_cohere, "r",
      TUNED(",\"instruction\":\"i\""), NULL, "instruction" },
    { &ai_cohere_rerank, &ai_provider_cohere, "r",
      TUNED(",\"raw_scores\":true"), NULL, "raw_scores" },

    { &ai_jina_rerank, &ai_provider_openai, "jina-reranker-v2", COHERE,
      AT("jina-reranker-v2") ",\"return_documents\":false}", "" },
    { &ai_jina_rerank, &ai_provider_openai, "j",
      TUNED(",\"top_k\":2,\"max_tokens_per_doc\":7"),
      AT("j") ",\"top_n\":2,\"return_documents\":false}",
      "max_tokens_per_doc," },
    { &ai_jina_rerank, &ai_provider_openai, "j",
      TUNED(",\"instruction\":\"i\""), NULL, "instruction" },

    { &ai_voyage_rerank, &ai_provider_openai, "rerank-2.5", COHERE,
      AT("rerank-2.5") "}", "" },
    { &ai_voyage_rerank, &ai_provider_openai, "rerank-2.5",
      TUNED(",\"top_n\":1,\"truncation\":false"),
      AT("rerank-2.5") ",\"top_k\":1,\"truncation\":false}", "" },
    { &ai_voyage_rerank, &ai_provider_openai, "v", VOYAGE,
      AT("v") ",\"truncation\":true}", "" },

    { &ai_openai_rerank, &ai_provider_openai, "bge", COHERE,
      AT("bge") ",\"return_documents\":false}", "" },
    { &ai_openai_rerank, &ai_provider_openai, "bge", TUNED(",\"top_n\":2,"
      "\"return_documents\":true,\"instruction\":\"i\\n\","
      "\"truncation\":true"), AT("bge") ",\"top_n\":2,"
      "\"return_documents\":false,\"instruction\":\"i\\n\"}", "truncation," },

    { &ai_tei_rerank, &ai_provider_openai, "x", COHERE,
      "{" Q "," TEXTS ",\"truncate\":true}", "" },
    { &ai_tei_rerank, &ai_provider_openai, "x", TEI,
      "{" Q "," TEXTS "}", "" },
    { &ai_tei_rerank, &ai_provider_openai, "x",
      "{" Q "," TEXTS ",\"truncate\":false,\"raw_scores\":true,"
      "\"return_text\":true}",
      "{" Q "," TEXTS ",\"truncate\":false,\"raw_scores\":true}", "" },
    { &ai_tei_rerank, &ai_provider_openai, "x",
      TUNED(",\"top_n\":2,\"max_tokens_per_doc\":9"),
      "{" Q "," TEXTS ",\"truncate\":true}", "max_tokens_per_doc," },

    { &ai_bedrock_rerank, &ai_provider_bedrock, "cohere.rerank-v3-5:0",
      TUNED(",\"top_n\":2,\"max_tokens_per_doc\":9"),
      "{" Q "," LIST ",\"top_n\":2,\"max_tokens_per_doc\":9,"
      "\"api_version\":2}", "" },
    { &ai_bedrock_rerank, &ai_provider_bedrock, "amazon.rerank-v1:0",
      TUNED(",\"top_n\":2,\"max_tokens_per_doc\":9"),
      "{" Q "," LIST ",\"top_n\":2}", "max_tokens_per_doc," },
    { &ai_bedrock_rerank, &ai_provider_bedrock, "..", COHERE, NULL, "model" },
    { &ai_bedrock_rerank, &ai_provider_bedrock, "cohere.rerank-v3-5:0",
      TUNED(",\"instruction\":\"i\""), NULL, "instruction" },

    { &ai_vertex_rerank, &ai_provider_vertex, "semantic-ranker-default-004",
      TUNED(",\"top_n\":2,\"truncation\":false"),
      "{\"model\":\"semantic-ranker-default-004\"," Q ",\"records\":["
      "{\"id\":\"0\",\"content\":\"a\"},{\"id\":\"1\",\"content\":\"b\\n\"},"
      "{\"id\":\"2\",\"content\":\"c\"}],\"topN\":2,"
      "\"ignoreRecordDetailsInResponse\":true}", "truncation," },
    { &ai_vertex_rerank, &ai_provider_vertex, "s",
      TUNED(",\"raw_scores\":true"), NULL, "raw_scores" },

    { NULL, NULL, NULL, NULL, NULL, NULL }
};


static void
test_built(const built_t *b)
{
    ai_target_t  t;

    t = target(b->provider, b->model);

    is_int(decode(b->request), AI_OK, "%s", b->request);

    if (b->body == NULL) {
        is_int(call_build(&c, b->service, &t), AI_ERROR, "is refused");
        is_str(c.err.param, b->dropped, "param");
        call_free();
        return;
    }

    is_int(call_build(&c, b->service, &t), AI_OK, "is built");
    is_str(ai_buf_str(&c.body), b->body, "body");
    is_cstr(call_dropped(&c), b->dropped, "dropped");

    call_free();
}


static void
test_path(const ai_service_t *s, const ai_provider_t *provider,
    const char *model, const char *want)
{
    ai_target_t  t;

    t = target(provider, model);

    decode(COHERE);
    s->path(&t, &c.call, &c.out);
    is_str(ai_buf_str(&c.out), want, "path for %s", model);
    is_int(s->kind, AI_CALL_RERANK, "kind");

    call_free();
}


/* --- answers ------------------------------------------------------------ */

typedef struct {
    const ai_service_t   *service;
    const char           *name;
    const char           *results;  /* index=score; */
    int64_t               units;
    int64_t               prompt;
    int64_t               total;
    const char           *cohere;
    const char           *voyage;
    const char           *tei;
} recording_t;


#define D(i, s, n, v) "{\"index\":" #i ",\"" s "\":" #n v "}"
#define RD(i, n, t)   D(i, "relevance_score", n, ",\"document\":" t)
#define TD(i, n, t)   D(i, "score", n, ",\"text\":" t)
#define TX(t)         "{\"text\":" t "}"


static const recording_t  recordings[] = {

    { &ai_cohere_rerank, "cohere--agw-rerank.json",
      "2=0.91;0=0.42;", 1, 214, 216,
      "{\"id\":\"abc123\",\"results\":[" RD(2, 0.91, TX("\"c\"")) ","
      RD(0, 0.42, TX("\"a\"")) "],\"meta\":{" V2 ",\"billed_units\":{"
      "\"search_units\":1},\"tokens\":{\"input_tokens\":214}},"
      "\"model\":\"asked\",\"usage\":{\"total_tokens\":216}}",
      "{\"object\":\"list\",\"data\":[" RD(2, 0.91, "\"c\"") ","
      RD(0, 0.42, "\"a\"") "],\"model\":\"asked\",\"usage\":{"
      "\"total_tokens\":216}}",
      "[" TD(2, 0.91, "\"c\"") "," TD(0, 0.42, "\"a\"") "]" },

    { &ai_cohere_rerank, "cohere--vercel-cohere-reranking.1.json",
      "1=0.10183054;0=0.03762639;", 1, -1, -1,
      "{\"id\":\"b44fe75b-e3d3-489a-b61e-1a1aede3ef72\",\"results\":["
      RD(1, 0.10183054, TX("\"b\"")) "," RD(0, 0.03762639, TX("\"a\""))
      "],\"meta\":{" V2 ",\"billed_units\":{\"search_units\":1}},"
      "\"model\":\"asked\"}",
      "{\"object\":\"list\",\"data\":[" RD(1, 0.10183054, "\"b\"") ","
      RD(0, 0.03762639, "\"a\"") "],\"model\":\"asked\",\"usage\":{"
      "\"total_tokens\":0}}",
      "[" TD(1, 0.10183054, "\"b\"") "," TD(0, 0.03762639, "\"a\"") "]" },

    { &ai_openai_rerank, "together--vercel-togetherai-reranking.1.json",
      "0=0.6475887154399037;5=0.6323295373206566;", -1, 2966, 2966,
      "{\"id\":\"oGs6Zt9-62bZhn-99529372487b1b0a\",\"results\":["
      RD(0, 0.6475887154399037, TX("\"a\"")) ","
      RD(5, 0.6323295373206566, TX("\"f\"")) "],\"meta\":{" V2
      ",\"tokens\":{\"input_tokens\":2966}},"
      "\"model\":\"Salesforce/Llama-Rank-v1\",\"usage\":{"
      "\"total_tokens\":2966}}",
      "{\"object\":\"list\",\"data\":[" RD(0, 0.6475887154399037, "\"a\"")
      "," RD(5, 0.6323295373206566, "\"f\"")
      "],\"model\":\"Salesforce/Llama-Rank-v1\",\"usage\":{"
      "\"total_tokens\":2966}}",
      "[" TD(0, 0.6475887154399037, "\"a\"") ","
      TD(5, 0.6323295373206566, "\"f\"") "]" },

    { &ai_voyage_rerank, "voyage--vercel-voyage-reranking.1.json",
      "1=0.5703125;0=0.255859375;", -1, 12, 12,
      "{" ID ",\"results\":[" RD(1, 0.5703125, TX("\"b\"")) ","
      RD(0, 0.255859375, TX("\"a\"")) "],\"meta\":{" V2
      ",\"tokens\":{\"input_tokens\":12}},\"model\":\"rerank-2.5\","
      "\"usage\":{\"total_tokens\":12}}",
      "{\"object\":\"list\",\"data\":[" RD(1, 0.5703125, "\"b\"") ","
      RD(0, 0.255859375, "\"a\"") "],\"model\":\"rerank-2.5\",\"usage\":{"
      "\"total_tokens\":12}}",
      "[" TD(1, 0.5703125, "\"b\"") "," TD(0, 0.255859375, "\"a\"") "]" },

    { &ai_vertex_rerank, "vertex--agw-rerank.json",
      "2=0.97;0=0.30;", -1, -1, -1,
      "{" ID ",\"results\":[" RD(2, 0.97, TX("\"c\"")) ","
      RD(0, 0.30, TX("\"a\"")) "],\"meta\":{" V2 "},\"model\":\"asked\"}",
      "{\"object\":\"list\",\"data\":[" RD(2, 0.97, "\"c\"") ","
      RD(0, 0.30, "\"a\"") "],\"model\":\"asked\",\"usage\":{"
      "\"total_tokens\":0}}",
      "[" TD(2, 0.97, "\"c\"") "," TD(0, 0.30, "\"a\"") "]" },

    { &ai_bedrock_rerank, "bedrock--agw-rerank.json",
      "2=0.9;0=0.1;", -1, -1, -1,
      "{" ID ",\"results\":[" RD(2, 0.9, TX("\"c\"")) ","
      RD(0, 0.1, TX("\"a\"")) "],\"meta\":{" V2 "},\"model\":\"asked\"}",
      "{\"object\":\"list\",\"data\":[" RD(2, 0.9, "\"c\"") ","
      RD(0, 0.1, "\"a\"") "],\"model\":\"asked\",\"usage\":{"
      "\"total_tokens\":0}}",
      "[" TD(2, 0.9, "\"c\"") "," TD(0, 0.1, "\"a\"") "]" },

    { NULL, NULL, NULL, 0, 0, 0, NULL, NULL, NULL }
};


static const char *
results(void)
{
    size_t       n;
    uint32_t     i;
    static char  text[4096];

    n = 0;
    text[0] = '\0';

    for (i = 0; i < c.res.n; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%u=%.*s;",
                               c.res.ranks[i].index,
                               (int) c.res.ranks[i].score.len,
                               (char *) c.res.ranks[i].score.data);
    }

    return text;
}


static void
test_recording(const recording_t *r)
{
    char         *data;
    size_t        i, len;
    ai_target_t   t;

    static const char  *const requests[] = {
        "{" M "," Q "," SIX ",\"return_documents\":true}",
        "{" M "," Q "," SIX ",\"return_documents\":true,\"top_k\":null}",
        "{" Q ",\"texts\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"],"
        "\"return_text\":true}"
    };

    t = target(&ai_provider_openai, "at");

    data = file_read(RECORDINGS, r->name, &len);

    if (!ok(data != NULL, "%s is there", r->name)) {
        return;
    }

    for (i = 0; i < 3; i++) {
        decode(requests[i]);

        is_int(call_answer(&c, r->service, &t, data, len), AI_OK, "%s: read",
               r->name);
        is_cstr(results(), r->results, "results");
        is_int(c.res.units, r->units, "units");
        is_int(c.res.usage.searches, r->service == &ai_vertex_rerank
               || r->service == &ai_bedrock_rerank ? 1 : r->units,
               "what is billed");
        is_int(c.res.usage.prompt, r->prompt, "prompt");
        is_int(c.res.usage.total, r->total, "total");

        is_int(call_reply(&c, &ai_dialect_rerank), AI_OK, "told");
        is_str(ai_buf_str(&c.out), i == 0 ? r->cohere
                                   : i == 1 ? r->voyage : r->tei, "answer");
        call_free();
    }

    decode("{" M "," Q "," SIX ",\"top_n\":1}");
    call_answer(&c, r->service, &t, data, len);
    is_int(c.res.n, 1, "top_n is kept");
    is_int(call_reply(&c, &ai_dialect_rerank), AI_OK, "told");
    ai_buf_char(&c.out, '\0');
    ok(strstr((char *) c.out.start, "document") == NULL,
       "no document that was not asked for");
    call_free();

    /* every part of it is no answer */

    for (i = 0; i < len; i++) {
        if (strspn(data + i, " \n\r\t") == len - i) {
            break;
        }

        decode(requests[0]);

        if (call_answer(&c, r->service, &t, data, i) != AI_ERROR
            || c.err.kind != AI_ERR_NONE)
        {
            ok(0, "%s: %zu bytes are an answer", r->name, i);
        }

        call_free();
    }

    free(data);
}


typedef struct {
    const char        *answer;
    const char        *results;     /* NULL: none */
    ai_error_e         kind;
} answer_t;


#define R(i, s)  "{\"index\":" #i ",\"relevance_score\":" #s "}"


static const answer_t  answers[] = {

    /* order, and equals stay as they came */
    { "{\"results\":[" R(0, 0.1) "," R(1, 0.9) "," R(2, 0.5) "]}",
      "1=0.9;2=0.5;0=0.1;", 0 },
    { "{\"results\":[" R(2, 0.5) "," R(1, 0.5) "," R(0, 1e0) "]}",
      "0=1e0;2=0.5;1=0.5;", 0 },
    { "{\"results\":[" R(2, -3.25) "," R(0, -1) "]}", "0=-1;2=-3.25;", 0 },
    { "{\"results\":[]}", "", 0 },

    /* TEI, Infinity, Jina */
    { "[{\"index\":1,\"score\":0.9},{\"index\":0,\"score\":0.2,"
      "\"text\":\"a\"}]", "1=0.9;0=0.2;", 0 },
    { "{\"results\":[{\"index\":1,\"relevance_score\":2,\"document\":\"x\"}],"
      "\"usage\":{\"total_tokens\":5}}", "1=2;", 0 },
    { "{\"records\":[{\"id\":\"01\",\"score\":1}]}", "1=1;", 0 },
    { "{\"results\":null,\"data\":[" R(1, 1) "]}", "1=1;", 0 },
    { "{\"results\":[{\"index\":1.0,\"relevance_score\":1}]}", "1=1;", 0 },

    /* none of these is an answer */
    { "{\"results\":[" R(3, 1) "]}", NULL, 0 },
    { "{\"results\":[" R(-1, 1) "]}", NULL, 0 },
    { "{\"results\":[" R(4294967296, 1) "]}", NULL, 0 },
    { "{\"results\":[" R(1.5, 1) "]}", NULL, 0 },
    { "{\"results\":[" R("1", 1) "]}", NULL, 0 },
    { "{\"results\":[" R(1, 1) "," R(1, 2) "]}", NULL, 0 },
    { "{\"results\":[" R(0, 1) "," R(1, 2) "," R(2, 2) "," R(0, 2) "]}",
      NULL, 0 },
    { "{\"results\":[" R(1, "1") "]}", NULL, 0 },
    { "{\"results\":[" R(1, null) "]}", NULL, 0 },
    { "{\"results\":[" R(1, 1e999) "]}", NULL, 0 },
    { "{\"results\":[" R(1,
      0.11111111111111111111111111111111111111111111111111111111111111111)
      "]}", NULL, 0 },
    { "{\"results\":[{\"index\":1}]}", NULL, 0 },
    { "{\"results\":[{\"relevance_score\":1}]}", NULL, 0 },
    { "{\"results\":[1]}", NULL, 0 },
    { "{\"records\":[{\"id\":\"\",\"score\":1}]}", NULL, 0 },
    { "{\"records\":[{\"id\":\"-1\",\"score\":1}]}", NULL, 0 },
    { "{\"records\":[{\"id\":\"99999999999\",\"score\":1}]}", NULL, 0 },
    { "{\"records\":[{\"id\":\"9999999999\",\"score\":1}]}", NULL, 0 },
    { "{\"results\":{}}", NULL, 0 },
    { "{}", NULL, 0 },
    { "7", NULL, 0 },
    { "", NULL, 0 },
    { "<html>", NULL, 0 },

    /* an error inside a 200 */
    { "{\"error\":{\"message\":\"slow down\","
      "\"type\":\"rate_limit_error\"}}", NULL, AI_ERR_RATE_LIMIT },
    { "{\"message\":\"no\"}", NULL, AI_ERR_UPSTREAM },
    { "{\"detail\":\"no\"}", NULL, AI_ERR_UPSTREAM },

    { NULL, NULL, 0 }
};


static void
test_answer(const answer_t *a)
{
    ai_target_t  t;

    t = target(&ai_provider_openai, "at");

    decode(COHERE);

    if (a->results) {
        is_int(call_answer(&c, &ai_openai_rerank, &t, a->answer,
                           strlen(a->answer)), AI_OK, "reads %s", a->answer);
        is_cstr(results(), a->results, "results");
        is_int(call_reply(&c, &ai_dialect_rerank), AI_OK, "told");

    } else {
        is_int(call_answer(&c, &ai_openai_rerank, &t, a->answer,
                           strlen(a->answer)), AI_ERROR, "refuses %s",
               a->answer);

        if (a->kind == AI_ERR_UPSTREAM) {
            ok(c.err.kind != AI_ERR_NONE, "an error the provider reports");

        } else {
            is_int(c.err.kind, a->kind, "kind");
        }

        is_int(c.res.n, 0, "nothing is kept");
    }

    call_free();
}


/* sorted for real: many, in an order that is none */

static void
test_many(void)
{
    size_t       n;
    double       score, last;
    uint32_t     i, x, bad;
    ai_target_t  t;
    static char  request[16384], answer[65536];

    t = target(&ai_provider_openai, "at");

    n = (size_t) snprintf(request, sizeof(request), "{" M "," Q
                          ",\"top_n\":900,\"documents\":[\"0\"");

    for (i = 1; i < 1000; i++) {
        n += (size_t) snprintf(request + n, sizeof(request) - n, ",\"%u\"",
                               i);
    }

    snprintf(request + n, sizeof(request) - n, "]}");

    n = (size_t) snprintf(answer, sizeof(answer), "{\"results\":[");

    for (i = 0, x = 7; i < 1000; i++) {
        x = x * 1103515245u + 12345;
        n += (size_t) snprintf(answer + n, sizeof(answer) - n,
                               "%s{\"index\":%u,\"score\":0.%02u}",
                               i ? "," : "", (i * 7) % 1000, (x >> 16) % 100);
    }

    n += (size_t) snprintf(answer + n, sizeof(answer) - n, "]}");

    is_int(decode(request), AI_OK, "a thousand documents");
    is_int(call_answer(&c, &ai_openai_rerank, &t, answer, n), AI_OK, "read");
    is_int(c.res.n, 900, "top_n of them");

    bad = 0;
    last = 1;

    for (i = 0; i < c.res.n; i++) {
        score = strtod((char *) c.res.ranks[i].score.data, NULL);

        /* those that are equal in the order they came: (k * 143) % 1000 is
         * the place that document k was at */

        if (score > last
            || (i && !(score < last)
                && c.res.ranks[i].index * 143 % 1000
                   < c.res.ranks[i - 1].index * 143 % 1000))
        {
            bad++;
        }

        last = score;
    }

    is_int(bad, 0, "best first");

    call_free();
}


static void
test_reply(void)
{
    ai_rank_t  rank;

    decode(COHERE);
    ai_result_init(&c.res, AI_CALL_RERANK);

    rank.index = 3;
    rank.score = ai_lit("1");
    c.res.ranks = &rank;
    c.res.n = 1;

    is_int(call_reply(&c, &ai_dialect_rerank), AI_ERROR,
           "a document that was not sent");

    call_free();

    decode(TUNED(",\"return_documents\":true"));
    ai_result_init(&c.res, AI_CALL_RERANK);

    rank.index = 1;
    c.res.ranks = &rank;
    c.res.n = 1;

    is_int(call_reply(&c, &ai_dialect_rerank), AI_OK, "an object");
    is_str(ai_buf_str(&c.out), "{" ID ",\"results\":["
           RD(1, 1, "{\"t\":1,\"text\":\"b\\n\"}") "],\"meta\":{" V2 "},"
           "\"model\":\"asked\"}", "comes back as it was");

    call_free();
}


static void
test_memory(const ai_service_t *s, const char *request)
{
    size_t       n;
    ai_int_t     rc;
    ai_target_t  t;

    static const char  answer[] = "{\"results\":[" R(0, 0.1) "," R(1, 0.9)
                                  "],\"id\":\"x\"}";

    t = target(&ai_provider_openai, "m");

    for (n = 1; n < 1000; n++) {
        mem_reset();
        mem_fail_at(n);

        rc = decode(request);

        if (rc == AI_OK) {
            rc = call_build(&c, s, &t);
        }

        if (rc == AI_OK) {
            rc = call_answer(&c, s, &t, answer, sizeof(answer) - 1);
        }

        if (rc == AI_OK) {
            rc = call_reply(&c, &ai_dialect_rerank);
        }

        guard_free();

        if (!mem_failed()) {
            break;
        }

        if (rc != AI_ERROR) {
            ok(0, "allocation %zu fails", n);
        }
    }

    is_int(rc, AI_OK, "%zu allocations failed", n - 1);
    ok(n > 3 && n < 1000, "there were some");

    call_free();
}


int
main(void)
{
    size_t  i;

    for (i = 0; decoded[i].request; i++) {
        test_decoded(&decoded[i]);
    }

    for (i = 0; refused[i].request; i++) {
        test_refused(&refused[i]);
    }

    for (i = 0; built[i].service; i++) {
        test_built(&built[i]);
    }

    test_path(&ai_cohere_rerank, &ai_provider_cohere, "r", "/v2/rerank");
    test_path(&ai_jina_rerank, &ai_provider_openai, "r", "/rerank");
    test_path(&ai_voyage_rerank, &ai_provider_openai, "r", "/rerank");
    test_path(&ai_openai_rerank, &ai_provider_openai, "r", "/rerank");
    test_path(&ai_tei_rerank, &ai_provider_openai, "r", "/rerank");
    test_path(&ai_bedrock_rerank, &ai_provider_bedrock,
              "cohere.rerank-v3-5:0", "/model/cohere.rerank-v3-5%3A0/invoke");
    test_path(&ai_vertex_rerank, &ai_provider_vertex, "s",
              "/rankingConfigs/default_ranking_config:rank");

    for (i = 0; recordings[i].name; i++) {
        test_recording(&recordings[i]);
    }

    for (i = 0; answers[i].answer; i++) {
        test_answer(&answers[i]);
    }

    test_many();
    test_reply();

    test_memory(&ai_cohere_rerank, TUNED(",\"return_documents\":true"));
    test_memory(&ai_openai_rerank, TUNED(",\"return_documents\":true"));
    test_memory(&ai_voyage_rerank, VOYAGE);
    test_memory(&ai_tei_rerank, "{" Q "," TEXTS ",\"return_text\":true}");
    test_memory(&ai_bedrock_rerank, COHERE);
    test_memory(&ai_vertex_rerank, COHERE);

    return done();
}
