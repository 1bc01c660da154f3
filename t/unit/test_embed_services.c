
/*
 * Embeddings as providers are asked for them, and answer.
 */

#include "embed.h"

#include <time.h>


#define O   &ai_dialect_openai_embeddings
#define G   &ai_dialect_gemini_embed
#define GB  &ai_dialect_gemini_batch_embed
#define L   &ai_dialect_ollama_embed
#define C   &ai_dialect_cohere_embed

#define IMAGE  "{\"model\":\"m\",\"images\":[\"data:image/jpg;base64,AAAA\"]}"
#define FUSED  "{\"content\":{\"parts\":[{\"text\":\"a\"},"             \
               "{\"fileData\":{}}]}}"
#define URL    "{\"model\":\"m\",\"images\":[\"https://x/y\"]}"


typedef struct {
    const ai_service_t  *service;
    const char          *model;
    const ai_dialect_t  *dialect;
    const char          *request;
    const char          *path;
    const char          *body;      /* NULL: refused, and "out" is the param */
    const char          *out;       /* left out */
} built_t;


static const ai_provider_t *
provider_of(const ai_service_t *s)
{
    return s == &ai_gemini_embed || s == &ai_vertex_embed
           ? &ai_provider_gemini
           : s == &ai_bedrock_embed ? &ai_provider_bedrock
           : s == &ai_voyage_embed ? &ai_provider_voyage
           : &ai_provider_openai;
}


static ai_target_t
target_of(const ai_service_t *s, const char *model)
{
    ai_target_t  t;

    memset(&t, 0, sizeof(t));

    t.provider = provider_of(s);
    t.model = str(model);
    t.max_output = -1;

    return t;
}


static const built_t  builts[] = {

    /* OpenAI */

    { &ai_openai_embed, "e\"3", O,
      "{\"model\":\"m\",\"input\":\"a\\u00e9\",\"user\":\"u\","
      "\"dimensions\":9,\"encoding_format\":\"base64\"}", "/embeddings",
      "{\"model\":\"e\\\"3\",\"input\":\"a\\u00e9\",\"encoding_format\":"
      "\"base64\",\"dimensions\":9,\"user\":\"u\"}", "" },
    { &ai_openai_embed, "e", O,
      "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", "/embeddings",
      "{\"model\":\"e\",\"input\":[\"a\",\"b\"]}", "" },
    { &ai_openai_embed, "e", O,
      "{\"model\":\"m\",\"input\":[1,2]}", "/embeddings",
      "{\"model\":\"e\",\"input\":[1,2]}", "" },
    { &ai_openai_embed, "e", O,
      "{\"model\":\"m\",\"input\":[[1,2]]}", "/embeddings",
      "{\"model\":\"e\",\"input\":[[1,2]]}", "" },
    { &ai_openai_embed, "e", C,
      "{\"model\":\"m\",\"texts\":[\"a\"],\"input_type\":\"clustering\","
      "\"truncate\":\"END\"}", "/embeddings",
      "{\"model\":\"e\",\"input\":[\"a\"]}", "truncate,input_type" },
    { &ai_openai_embed, "e", C,
      "{\"model\":\"m\",\"texts\":[\"a\"],\"truncate\":\"NONE\"}",
      "/embeddings", "{\"model\":\"e\",\"input\":[\"a\"]}", "" },
    { &ai_openai_embed, "e", C, IMAGE, "/embeddings", NULL, "images" },
    { &ai_openai_embed, "e", C,
      "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":[\"int8\"]}",
      "/embeddings", NULL, "embedding_types" },

    /* Mistral, Voyage, Jina, TEI */

    { &ai_mistral_embed, "e", O,
      "{\"model\":\"m\",\"input\":[\"a\"],\"user\":\"u\",\"dimensions\":9}",
      "/embeddings",
      "{\"model\":\"e\",\"input\":[\"a\"],\"output_dimension\":9}", "user" },
    { &ai_mistral_embed, "e", O, "{\"model\":\"m\",\"input\":[1]}",
      "/embeddings", NULL, "input" },
    { &ai_voyage_embed, "voyage-3.5", C,
      "{\"model\":\"m\",\"texts\":[\"a\",\"b\"],\"input_type\":"
      "\"search_document\",\"truncate\":\"NONE\",\"embedding_types\":"
      "[\"uint8\"],\"output_dimension\":256}", "/embeddings",
      "{\"model\":\"voyage-3.5\",\"input\":[\"a\",\"b\"],\"output_dtype\":"
      "\"uint8\",\"output_dimension\":256,\"truncation\":false,"
      "\"input_type\":\"document\"}", "" },
    { &ai_voyage_embed, "v", G,
      "{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"taskType\":"
      "\"SEMANTIC_SIMILARITY\",\"title\":\"t\"}", "/embeddings",
      "{\"model\":\"v\",\"input\":\"a\"}", "input_type,title" },
    { &ai_voyage_embed, "v", O,
      "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"base64\"}",
      "/embeddings",
      "{\"model\":\"v\",\"input\":\"a\",\"encoding_format\":\"base64\"}",
      "" },
    { &ai_jina_embed, "j", C,
      "{\"model\":\"m\",\"inputs\":[{\"content\":[{\"type\":\"text\","
      "\"text\":\"a\"}]},{\"content\":[{\"type\":\"image_url\",\"image_url\":"
      "{\"url\":\"https://x/y\"}}]}],\"input_type\":\"search_query\","
      "\"truncate\":\"END\",\"embedding_types\":[\"base64\"]}",
      "/embeddings",
      "{\"model\":\"j\",\"input\":[\"a\",{\"image\":\"https://x/y\"}],"
      "\"embedding_type\":\"base64\",\"truncate\":true,\"task\":"
      "\"retrieval.query\"}", "" },
    { &ai_tei_embed, "t", O, "{\"model\":\"m\",\"input\":\"a\"}",
      "/v1/embeddings", "{\"model\":\"t\",\"input\":\"a\"}", "" },

    /* Gemini */

    { &ai_gemini_embed, "g/1", O,
      "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":9,\"user\":\"u\"}",
      "/models/g%2F1:embedContent",
      "{\"model\":\"models/g/1\",\"content\":{\"parts\":[{\"text\":\"a\"}]},"
      "\"outputDimensionality\":9}", "user" },
    { &ai_gemini_embed, "models/g", C,
      "{\"model\":\"m\",\"texts\":[\"a\",\"b\"],\"input_type\":"
      "\"search_document\"}", "/models/g:batchEmbedContents",
      "{\"requests\":[{\"model\":\"models/g\",\"content\":{\"parts\":[{"
      "\"text\":\"a\"}]},\"taskType\":\"RETRIEVAL_DOCUMENT\"},{\"model\":"
      "\"models/g\",\"content\":{\"parts\":[{\"text\":\"b\"}]},"
      "\"taskType\":\"RETRIEVAL_DOCUMENT\"}]}", "" },
    { &ai_gemini_embed, "g", C, IMAGE, "/models/g:batchEmbedContents",
      "{\"requests\":[{\"model\":\"models/g\",\"content\":{\"parts\":[{"
      "\"inlineData\":{\"mimeType\":\"image/jpg\",\"data\":\"AAAA\"}}]}}]}",
      "" },
    { &ai_gemini_embed, "g", C, URL, "/models/g:batchEmbedContents", NULL,
      "images" },
    { &ai_gemini_embed, "g", O, "{\"model\":\"m\",\"input\":[1]}",
      "/models/g:embedContent", NULL, "input" },

    /* Vertex */

    { &ai_vertex_embed, "gemini-embedding-001", GB,
      "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
      "\"taskType\":\"RETRIEVAL_QUERY\",\"outputDimensionality\":9,"
      "\"autoTruncate\":false},{\"content\":{\"parts\":[{\"text\":\"b\"}]},"
      "\"taskType\":\"RETRIEVAL_QUERY\",\"outputDimensionality\":9,"
      "\"autoTruncate\":false,\"title\":\"t\"}]}",
      "/google/models/gemini-embedding-001:predict",
      "{\"instances\":[{\"content\":\"a\",\"task_type\":\"RETRIEVAL_QUERY\"},"
      "{\"content\":\"b\",\"task_type\":\"RETRIEVAL_QUERY\",\"title\":\"t\"}"
      "],\"parameters\":{\"outputDimensionality\":9,\"autoTruncate\":false}}",
      "" },
    { &ai_vertex_embed, "text-embedding-005", O,
      "{\"model\":\"m\",\"input\":\"a\"}",
      "/google/models/text-embedding-005:predict",
      "{\"instances\":[{\"content\":\"a\"}]}", "" },
    { &ai_vertex_embed, "gemini-embedding-2", O,
      "{\"model\":\"m\",\"input\":[\"a\"]}",
      "/google/models/gemini-embedding-2:embedContent",
      "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}", "" },
    { &ai_vertex_embed, "gemini-embedding-2", O,
      "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}",
      "/google/models/gemini-embedding-2:embedContent", NULL, "input" },
    { &ai_vertex_embed, "multimodalembedding@001", C, IMAGE,
      "/google/models/multimodalembedding@001:predict",
      "{\"instances\":[{\"image\":{\"bytesBase64Encoded\":\"AAAA\","
      "\"mimeType\":\"image/jpg\"}}]}", "" },

    /* Cohere */

    { &ai_cohere_embed, "c", O,
      "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"base64\","
      "\"dimensions\":9,\"user\":\"u\"}", "/v2/embed",
      "{\"model\":\"c\",\"texts\":[\"a\"],\"input_type\":"
      "\"search_document\",\"output_dimension\":9,\"embedding_types\":["
      "\"float\"]}", "user" },
    { &ai_cohere_embed, "c", C, IMAGE, "/v2/embed",
      "{\"model\":\"c\",\"images\":[\"data:image/jpg;base64,AAAA\"],"
      "\"input_type\":\"image\",\"embedding_types\":[\"float\"]}", "" },
    { &ai_cohere_embed, "c", C,
      "{\"model\":\"m\",\"inputs\":[{\"content\":[{\"type\":\"text\","
      "\"text\":\"a\"}]},{\"content\":[{\"type\":\"image_url\",\"image_url\":"
      "{\"url\":\"https://x/y\"}}]}],\"input_type\":\"classification\","
      "\"truncate\":\"START\",\"embedding_types\":[\"binary\"]}",
      "/v2/embed",
      "{\"model\":\"c\",\"inputs\":[{\"content\":[{\"type\":\"text\","
      "\"text\":\"a\"}]},{\"content\":[{\"type\":\"image_url\",\"image_url\":"
      "{\"url\":\"https://x/y\"}}]}],\"input_type\":\"classification\","
      "\"truncate\":\"START\",\"embedding_types\":[\"binary\"]}", "" },
    { &ai_cohere_embed, "c", GB,
      "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
      "\"taskType\":\"SEMANTIC_SIMILARITY\",\"title\":\"t\"}]}",
      "/v2/embed",
      "{\"model\":\"c\",\"texts\":[\"a\"],\"input_type\":"
      "\"search_document\",\"embedding_types\":[\"float\"]}",
      "input_type,title" },

    /* Bedrock */

    { &ai_bedrock_embed, "amazon.titan-embed-text-v2:0", O,
      "{\"model\":\"m\",\"input\":[\"a\"],\"dimensions\":256}",
      "/model/amazon.titan-embed-text-v2%3A0/invoke",
      "{\"inputText\":\"a\",\"dimensions\":256}", "" },
    { &ai_bedrock_embed, "amazon.titan-embed-text-v2:0", O,
      "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}",
      "/model/amazon.titan-embed-text-v2%3A0/invoke", NULL, "input" },
    { &ai_bedrock_embed, "amazon.titan-embed-text-v1", O,
      "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":256}",
      "/model/amazon.titan-embed-text-v1/invoke", NULL, "dimensions" },
    { &ai_bedrock_embed, "amazon.titan-embed-text-v1", C, IMAGE,
      "/model/amazon.titan-embed-text-v1/invoke", NULL, "images" },
    { &ai_bedrock_embed, "amazon.titan-embed-text-v1", C,
      "{\"model\":\"m\",\"texts\":[\"a\"],\"output_dimension\":256}",
      "/model/amazon.titan-embed-text-v1/invoke", NULL, "output_dimension" },
    { &ai_bedrock_embed, "amazon.titan-embed-text-v1", G,
      "{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
      "\"outputDimensionality\":256}",
      "/model/amazon.titan-embed-text-v1/invoke", NULL,
      "outputDimensionality" },
    { &ai_bedrock_embed, "amazon.titan-embed-image-v1", C, IMAGE,
      "/model/amazon.titan-embed-image-v1/invoke",
      "{\"inputImage\":\"AAAA\"}", "" },
    { &ai_bedrock_embed, "amazon.titan-embed-image-v1", O,
      "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":384}",
      "/model/amazon.titan-embed-image-v1/invoke",
      "{\"inputText\":\"a\",\"embeddingConfig\":{\"outputEmbeddingLength\":"
      "384}}", "" },
    { &ai_bedrock_embed, "cohere.embed-english-v3", O,
      "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}",
      "/model/cohere.embed-english-v3/invoke",
      "{\"texts\":[\"a\",\"b\"],\"input_type\":\"search_document\"}", "" },
    { &ai_bedrock_embed, "eu.cohere.embed-v4:0", C,
      "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":[\"int8\"],"
      "\"truncate\":\"NONE\",\"output_dimension\":9}",
      "/model/eu.cohere.embed-v4%3A0/invoke",
      "{\"texts\":[\"a\"],\"input_type\":\"search_document\",\"truncate\":"
      "\"NONE\",\"output_dimension\":9,\"embedding_types\":[\"int8\"]}", "" },
    { &ai_bedrock_embed, "amazon.nova-2-multimodal-embeddings-v1:0", O,
      "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":384,\"input_type\":"
      "\"query\"}",
      "/model/amazon.nova-2-multimodal-embeddings-v1%3A0/invoke",
      "{\"schemaVersion\":\"nova-multimodal-embed-v1\",\"taskType\":"
      "\"SINGLE_EMBEDDING\",\"singleEmbeddingParams\":{\"embeddingPurpose\":"
      "\"GENERIC_RETRIEVAL\",\"embeddingDimension\":384,\"text\":{"
      "\"truncationMode\":\"END\",\"value\":\"a\"}}}", "" },
    { &ai_bedrock_embed, "amazon.nova-2-multimodal-embeddings-v1:0", C, IMAGE,
      "/model/amazon.nova-2-multimodal-embeddings-v1%3A0/invoke",
      "{\"schemaVersion\":\"nova-multimodal-embed-v1\",\"taskType\":"
      "\"SINGLE_EMBEDDING\",\"singleEmbeddingParams\":{\"embeddingPurpose\":"
      "\"GENERIC_INDEX\",\"image\":{\"format\":\"jpeg\",\"source\":{"
      "\"bytes\":\"AAAA\"}}}}", "" },
    { &ai_bedrock_embed, "anthropic.claude", O,
      "{\"model\":\"m\",\"input\":\"a\"}",
      "/model/anthropic.claude/invoke", NULL, "model" },

    /* what is of the API's own */

    { &ai_gemini_embed, "g", G, FUSED, "/models/g:embedContent",
      "{\"model\":\"models/g\",\"content\":{\"parts\":[{\"text\":\"a\"},"
      "{\"fileData\":{}}]}}", "" },
    { &ai_vertex_embed, "gemini-embedding-2", G, FUSED,
      "/google/models/gemini-embedding-2:embedContent",
      "{\"content\":{\"parts\":[{\"text\":\"a\"},{\"fileData\":{}}]}}",
      "" },
    { &ai_vertex_embed, "gemini-embedding-001", G, FUSED,
      "/google/models/gemini-embedding-001:predict", NULL, "content" },
    { &ai_vertex_embed, "multimodalembedding@001", G, FUSED,
      "/google/models/multimodalembedding@001:predict", NULL, "content" },
    { &ai_cohere_embed, "c", G, FUSED, "/v2/embed", NULL, "content" },
    { &ai_openai_embed, "e", G, FUSED, "/embeddings", NULL, "content" },
    { &ai_ollama_embed, "e", G, FUSED, "/api/embed", NULL, "content" },
    { &ai_bedrock_embed, "eu.cohere.embed-v4:0", C,
      "{\"model\":\"m\",\"inputs\":[{\"content\":[{\"type\":\"x\"}]}]}",
      "/model/eu.cohere.embed-v4%3A0/invoke",
      "{\"inputs\":[{\"content\":[{\"type\":\"x\"}]}],\"input_type\":"
      "\"search_document\"}", "" },
    { &ai_bedrock_embed, "eu.cohere.embed-v4:0", C,
      "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":[\"float\","
      "\"int8\"]}", "/model/eu.cohere.embed-v4%3A0/invoke", NULL,
      "embedding_types" },
    { &ai_openai_embed, "e", O,
      "{\"model\":\"m\",\"input\":[{\"image\":\"x\"},\"a\"]}",
      "/embeddings", "{\"model\":\"e\",\"input\":[{\"image\":\"x\"},"
      "\"a\"]}", "" },
    { &ai_mistral_embed, "e", O,
      "{\"model\":\"m\",\"input\":[{\"image\":\"x\"},\"a\"]}",
      "/embeddings", NULL, "input" },

    /* Ollama */

    { &ai_ollama_embed, "o:7b", L,
      "{\"model\":\"m\",\"input\":\"a\",\"truncate\":false,"
      "\"dimensions\":9}", "/api/embed",
      "{\"model\":\"o:7b\",\"input\":\"a\",\"truncate\":false,"
      "\"dimensions\":9}", "" },
    { &ai_ollama_embed, "o", C,
      "{\"model\":\"m\",\"texts\":[\"a\"],\"input_type\":\"search_query\"}",
      "/api/embed", "{\"model\":\"o\",\"input\":[\"a\"]}", "input_type" },
    { &ai_ollama_embed, "o", O, "{\"model\":\"m\",\"input\":[1]}",
      "/api/embed", NULL, "input" },
};


static void
test_build(void)
{
    size_t          i;
    ai_buf_t        b;
    ai_str_t        s;
    ai_json_t       doc;
    ai_target_t     t;
    const built_t  *c;

    for (i = 0; i < sizeof(builts) / sizeof(builts[0]); i++) {
        c = &builts[i];
        mem_reset();

        s = str(c->request);
        is_int(decode(c->dialect, "m", &s), AI_OK, "%s: %.60s", c->model,
               c->request);

        t = target_of(c->service, c->model);

        ai_buf_init(&b, mem_pool());
        c->service->path(&t, &call, &b);
        is_str(ai_buf_str(&b), c->path, "path");

        ai_buf_init(&b, mem_pool());

        if (c->body == NULL) {
            is_int(c->service->build(&t, &call, mem_pool(), &b, &dropped,
                                     &err), AI_ERROR, "refused");
            is_int(ai_error_status(&err), 400, "400");
            is_str(err.param, c->out, "names it");
            continue;
        }

        is_int(c->service->build(&t, &call, mem_pool(), &b, &dropped, &err),
               AI_OK, "built");
        is_str(ai_buf_str(&b), c->body, "body");
        is_str(left_out(), c->out, "left out");

        s = ai_buf_str(&b);
        ai_json_init(&doc, mem_pool());
        is_int(ai_json_parse(&doc, &s, NULL), AI_OK, "is JSON");
    }

    mem_reset();
}


/*
 * Recordings: what is in them was read by hand; "at" is in front of each
 * vector, in the order of the inputs.
 */

typedef struct {
    const ai_service_t  *service;
    const char          *name;
    const char          *model;
    unsigned             n;
    unsigned             size;
    long                 prompt;
    const char          *says;      /* the model */
    const char          *at[2];
    float                first[2];
    float                last[2];
} recorded_t;


static const recorded_t  recorded[] = {
    { &ai_openai_embed, "openai--embeddings-dimensions",
      "text-embedding-3-small", 1, 256, 5, "text-embedding-3-small",
      { "\"embedding\": ", NULL }, { 0.02042737975716591f, 0 },
      { 0.050367821007966995f, 0 } },
    { &ai_voyage_embed, "voyage--TestVoyageAI.test_documents", "voyage-3.5",
      2, 1024, 0, "voyage-3.5",
      { "\"embedding\": \"3sLt", "\"embedding\": " },
      { -0.007255895994603634f, 0.01413724198937416f },
      { -0.010136266238987446f, -0.017489369958639145f } },
    { &ai_cohere_embed, "cohere--TestCohere.test_query", "embed-v4.0", 1,
      1536, 4, "", { "\"float\": [", NULL }, { -0.018445116f, 0 },
      { 0.009343115f, 0 } },
    { &ai_vertex_embed, "vertex--TestGoogle.test_vertex_query",
      "gemini-embedding-001", 1, 3072, 4, "", { "\"values\": ", NULL },
      { -0.020920176059007645f, 0 }, { -0.0029871624428778887f, 0 } },
    { &ai_vertex_embed, "vertex--google_task_prefix_vertex",
      "gemini-embedding-2", 1, 3072, 11, "", { "\"values\": ", NULL },
      { -0.006532297f, 0 }, { 0.0024501951f, 0 } },
    { &ai_gemini_embed, "vertex--google_task_prefix_vertex",
      "gemini-embedding-2", 1, 3072, 11, "", { "\"values\": ", NULL },
      { -0.006532297f, 0 }, { 0.0024501951f, 0 } },
    { &ai_bedrock_embed, "bedrock--agw-titan-embeddings",
      "amazon.titan-embed-text-v2:0", 1, 3, 3, "",
      { "\"embedding\": ", NULL }, { -0.006603240966796875f, 0 },
      { 0.0121917724609375f, 0 } },
    { &ai_bedrock_embed, "bedrock--agw-cohere-embeddings",
      "cohere.embed-english-v3", 2, 3, -1, "",
      { "\"embeddings\": [", "0.3], " }, { 0.1f, 0.4f }, { 0.3f, 0.6f } },
};


typedef struct {
    const ai_dialect_t  *dialect;
    const char          *request[2];        /* of one and of two inputs */
    const char          *at;        /* what is in front of a vector */
    const char          *model;     /* the member, or NULL */
    const char          *tokens;
} client_t;


static const client_t  clients[] = {
    { O, { "{\"model\":\"m\",\"input\":\"a\"}",
           "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}" },
      "\"embedding\":", "model", "prompt_tokens" },
    { O, { "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"base64\"}",
           "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"encoding_format\":"
           "\"base64\"}" },
      "\"embedding\":", "model", "prompt_tokens" },
    { G, { "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}", NULL },
      "\"values\":", NULL, "promptTokenCount" },
    { GB, { "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}",
            "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}},"
            "{\"content\":{\"parts\":[{\"text\":\"b\"}]}}]}" },
      "\"values\":", NULL, "promptTokenCount" },
    { L, { "{\"model\":\"m\",\"input\":\"a\"}",
           "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}" },
      "\"embeddings\":[", "model", "prompt_eval_count" },
    { C, { "{\"model\":\"m\",\"texts\":[\"a\"]}",
           "{\"model\":\"m\",\"texts\":[\"a\",\"b\"]}" },
      "\"float\":[", NULL, "input_tokens" },
    { C, { "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":"
           "[\"base64\"]}",
           "{\"model\":\"m\",\"texts\":[\"a\",\"b\"],\"embedding_types\":"
           "[\"base64\"]}" },
      "\"base64\":[", NULL, "input_tokens" },
};


/* the text of vector i of a list that begins at s */

static const char *
vector_at(const char *s, const char *at, unsigned i)
{
    s = strstr(s, at);

    if (s == NULL) {
        return "";
    }

    s += strlen(at);

    if (i == 0) {
        return s;
    }

    if (strchr(at, '[') == NULL) {
        return vector_at(s, at, i - 1);
    }

    s += 1 + strcspn(s + 1, *s == '"' ? "\"" : "]");

    return s + 1 + strspn(s + 1, ", \n");
}


static void
check_recorded(const recorded_t *r, const client_t *c, const char *data,
    size_t len)
{
    char         name[64];
    char        *text;
    float        want[3072], got[3073];
    size_t       n;
    unsigned     i;
    ai_str_t     s, out;
    ai_target_t  t;
    const char  *p;

    mem_reset();

    is_int(decode_s(c->dialect, c->request[r->n - 1]), AI_OK, "%s to %.*s",
           r->name, (int) c->dialect->name.len, c->dialect->name.data);

    t = target_of(r->service, r->model);
    s.data = (ai_char_t *) guard_copy(data, len);
    s.len = len;

    ai_result_init(&res, AI_CALL_EMBED);
    is_int(r->service->answer(&t, &call, &s, mem_pool(), &res, &err), AI_OK,
           "is read");
    is_int(res.n, r->n, "vectors");
    is_int(res.usage.prompt, r->prompt, "prompt tokens");
    is_str(res.model, r->says, "model");

    is_int(reply(c->dialect, &out), AI_OK, "is written");

    text = ai_palloc(mem_pool(), out.len + 1);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';

    for (i = 0; i < r->n; i++) {

        /* Voyage's second has the same words in front */

        p = i == 1 && r->service == &ai_voyage_embed
            ? vector_at(data, r->at[1], 1) : vector_at(data, r->at[i], 0);

        if (i == 0 && r->service == &ai_voyage_embed) {
            p -= 5;
        }

        n = floats_of(p, want, r->size);
        is_int(n, r->size, "the recording has them all");
        ok(want[0] == r->first[i], "the first one");
        ok(want[n - 1] == r->last[i], "the last one");

        n = floats_of(vector_at(text, c->at, i), got, r->size + 1);
        is_int(n, r->size, "the answer too");
        is_mem((char *) got, n * 4, (char *) want, r->size * 4, "the same");
    }

    if (c->model) {
        snprintf(name, sizeof(name), "\"model\":\"%s\"",
                 *r->says ? r->says : "our \\\"model\\\"");
        ok(strstr(text, name) != NULL, "model");
    }

    snprintf(name, sizeof(name), "\"%s\":%ld", c->tokens,
             r->prompt < 0 ? 0 : r->prompt);

    if (r->prompt < 0 && strcmp(c->tokens, "promptTokenCount") == 0) {
        ok(strstr(text, "promptTokenCount") == NULL, "no tokens");

    } else {
        ok(strstr(text, name) != NULL, "tokens");
    }

    guard_free();
    mem_reset();
}


static void
test_recorded(void)
{
    char    *data, name[128];
    size_t   i, j, len;

    for (i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        snprintf(name, sizeof(name), "%s.response", recorded[i].name);
        data = slurp(name, &len);

        for (j = 0; j < sizeof(clients) / sizeof(clients[0]); j++) {
            if (clients[j].request[recorded[i].n - 1] != NULL) {
                check_recorded(&recorded[i], &clients[j], data, len);
            }
        }

        free(data);
    }
}


/* the requests that were recorded are read by the form of their API */

static void
test_requests(void)
{
    char      *data;
    size_t     len;
    ai_str_t   s;
    ai_buf_t   b;
    ai_target_t  t;

    data = slurp("openai--embeddings-dimensions.request", &len);
    s.data = (ai_char_t *) data;
    s.len = len;
    is_int(decode(O, "", &s), AI_OK, "OpenAI's request");
    is_int(call.u.embed.dimensions, 256, "dimensions");
    is_int(call.u.embed.format, AI_VECTOR_BASE64, "base64");
    is_int(dropped.n, 0, "nothing is left out");
    free(data);
    mem_reset();

    data = slurp("openai--embeddings-bad-request.request", &len);
    s.data = (ai_char_t *) data;
    s.len = len;
    is_int(decode(O, "", &s), AI_ERROR, "OpenAI's bad request");
    is_int(ai_error_status(&err), 400, "400");
    free(data);
    mem_reset();

    data = slurp("gemini--TestGoogle.test_embed_error.request", &len);
    s.data = (ai_char_t *) data;
    s.len = len;
    is_int(decode(GB, "nonexistent-model", &s), AI_OK, "Gemini's request");
    is_int(call.u.embed.purpose, AI_PURPOSE_QUERY, "purpose");
    is_str(call.u.embed.inputs->text, "Hello, world!", "text");

    t = target_of(&ai_vertex_embed, "gemini-embedding-001");
    ai_buf_init(&b, mem_pool());
    is_int(ai_vertex_embed.build(&t, &call, mem_pool(), &b, &dropped, &err),
           AI_OK, "as Vertex has it");
    is_str(ai_buf_str(&b), "{\"instances\":[{\"content\":\"Hello, world!\","
           "\"task_type\":\"RETRIEVAL_QUERY\"}]}", "the recorded one");
    free(data);
    mem_reset();

    data = slurp("cohere--TestCohere.test_query.request", &len);
    s.data = (ai_char_t *) data;
    s.len = len;
    is_int(decode(C, "", &s), AI_OK, "Cohere's request");
    is_int(call.u.embed.truncate, 0, "truncate");
    is_int(call.u.embed.purpose, AI_PURPOSE_QUERY, "purpose");
    is_int(dropped.n, 0, "nothing is left out");

    t = target_of(&ai_cohere_embed, "embed-v4.0");
    ai_buf_init(&b, mem_pool());
    is_int(ai_cohere_embed.build(&t, &call, mem_pool(), &b, &dropped, &err),
           AI_OK, "built again");
    is_str(ai_buf_str(&b), "{\"model\":\"embed-v4.0\",\"texts\":[\"Hello, "
           "world!\"],\"input_type\":\"search_query\",\"truncate\":\"NONE\","
           "\"embedding_types\":[\"float\"]}", "the same");
    free(data);
    mem_reset();
}


static void
test_error_rows(void)
{
    char    *data;
    size_t   i, len;
    ai_str_t  s;

    static const struct {
        const char           *name;
        const ai_provider_t  *provider;
        unsigned              status;
        ai_error_e            kind;
        const char           *message;
    } errors[] = {
        { "openai--TestOpenAI.test_embed_error", &ai_provider_openai, 404,
          AI_ERR_MODEL_NOT_FOUND, "The model `nonexistent` does not exist" },
        { "gemini--TestGoogle.test_embed_error", &ai_provider_gemini, 404,
          AI_ERR_MODEL_NOT_FOUND, "models/nonexistent-model is not found" },
        { "cohere--TestCohere.test_embed_error", &ai_provider_openai, 404,
          AI_ERR_MODEL_NOT_FOUND, "model 'nonexistent' not found" },
        { "voyage--TestVoyageAI.test_embed_error", &ai_provider_voyage, 400,
          AI_ERR_BAD_REQUEST, "Model nonexistent is not supported" },
    };

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        char  name[128];

        snprintf(name, sizeof(name), "%s.response", errors[i].name);
        data = slurp(name, &len);
        s.data = (ai_char_t *) data;
        s.len = len;

        ai_provider_error(errors[i].provider, errors[i].status, &s,
                          mem_pool(), &err);
        is_int(err.kind, errors[i].kind, "%s", errors[i].name);
        ok(ai_str_starts(&err.message, errors[i].message), "says it");

        /* with a status of 200 */

        ai_call_init(&call, AI_CALL_EMBED);
        decode_s(O, "{\"model\":\"m\",\"input\":\"a\"}");

        {
            ai_target_t  t;

            t = target_of(&ai_voyage_embed, "m");
            ai_result_init(&res, AI_CALL_EMBED);
            is_int(ai_voyage_embed.answer(&t, &call, &s, mem_pool(), &res,
                                          &err), AI_ERROR, "in a 200");
            ok(err.kind != AI_ERR_NONE && err.message.len > 0, "is told");
        }

        free(data);
        mem_reset();
    }
}


/* rows without a chat */

static ai_int_t
sink(void *data, const ai_event_t *ev)
{
    (void) data;
    (void) ev;

    return AI_OK;
}


static void
test_rows(void)
{
    size_t                 i;
    ai_str_t               s;
    ai_sink_t              to;
    const ai_provider_t   *p;
    const ai_service_t    *const *service;

    static const char *const  names[] = { "voyage", "jina", "tei" };

    to.event = sink;
    to.data = NULL;

    for (i = 0; i < 3; i++) {
        s = str(names[i]);
        p = ai_provider_find(&s);
        ok(p != NULL, "%s is there", names[i]);
        ok(p->build == NULL && p->answer == NULL, "without a chat");
        ok(ai_decoder_create(p, mem_pool(), &to) != NULL, "a decoder can be "
           "made all the same");

        for (service = p->services; *service; service++) {
            ok((*service)->path && (*service)->build && (*service)->answer,
               "a service is whole");
        }

        ok(p->services[0]->kind == AI_CALL_EMBED, "embeddings");

        s = ai_lit("{\"detail\":\"no\"}");
        ai_provider_error(p, 429, &s, mem_pool(), &err);
        is_int(err.kind, AI_ERR_RATE_LIMIT, "an error");
    }

    mem_reset();
}


/* two inputs are asked for, unless it is one of Titan */

typedef struct {
    const ai_service_t  *service;
    const char          *model;
    const char          *body;
    ai_error_e           kind;
} broken_t;


#define P  (&ai_openai_embed)

static const broken_t  broken[] = {
    { P, "m", "", 0 },
    { P, "m", "[]", 0 },
    { P, "m", "null", 0 },
    { P, "m", "[1,2]", 0 },
    { P, "m", "<html>", 0 },
    { P, "m", "{}", 0 },
    { P, "m", "{\"data\":{}}", 0 },
    { P, "m", "{\"data\":[]}", 0 },
    { P, "m", "{\"data\":[1,2]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1]},"
              "{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1],\"index\":0},{\"embedding\":[1],"
              "\"index\":0}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1],\"index\":1},{\"embedding\":[1],"
              "\"index\":2}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1],\"index\":-1},{\"embedding\":"
              "[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1],\"index\":\"0\"},{\"embedding\":"
              "[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1],\"index\":1e30},{\"embedding\":"
              "[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1,null]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1,\"2\"]},{\"embedding\":[1]}]}",
      0 },
    { P, "m", "{\"data\":[{\"embedding\":[[1]]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":1},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":null},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[01]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1.]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[.5]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1e]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[+1]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1,]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[NaN]},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":\"\"},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":\"AAA=\"},{\"embedding\":[1]}]}", 0 },
    { P, "m", "{\"data\":[{\"embedding\":\"AAAA?A==\"},{\"embedding\":[1]}]}",
      0 },
    { P, "m", "{\"data\":[{\"embedding\":\"AAAAA\"},{\"embedding\":[1]}]}",
      0 },
    { P, "m", "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1]}]}x", 0 },
    { P, "m", "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1]}", 0 },
    { P, "m", "{\"error\":{\"message\":\"no\",\"code\":\"rate_limit_exceeded"
              "\"},\"data\":[{\"embedding\":[1]},{\"embedding\":[1]}]}",
      AI_ERR_RATE_LIMIT },
    { P, "m", "{\"error\":\"no\",\"ids\":[1,2,3]}", AI_ERR_UPSTREAM },

    { &ai_gemini_embed, "m", "{\"embeddings\":[{\"values\":[1]}]}", 0 },
    { &ai_gemini_embed, "m", "{\"embeddings\":[[1],[1]]}", 0 },
    { &ai_gemini_embed, "m", "{\"embedding\":{\"values\":[1]}}", 0 },
    { &ai_gemini_embed, "m", "{\"error\":{\"code\":429,\"status\":"
                             "\"RESOURCE_EXHAUSTED\"}}", AI_ERR_RATE_LIMIT },
    { &ai_vertex_embed, "m", "{\"predictions\":[{\"embeddings\":{\"values\":"
                             "[1]}},{}]}", 0 },
    { &ai_vertex_embed, "m", "{\"predictions\":{}}", 0 },
    { &ai_cohere_embed, "m", "{\"embeddings\":{\"float\":[[1]]}}", 0 },
    { &ai_cohere_embed, "m", "{\"embeddings\":{\"int8\":[[1],[1]]}}", 0 },
    { &ai_cohere_embed, "m", "{\"embeddings\":[[1],[1],[1]]}", 0 },
    { &ai_ollama_embed, "m", "{\"embeddings\":[1,2]}", 0 },
    { &ai_ollama_embed, "m", "{\"error\":\"model 'x' not found\"}",
      AI_ERR_UPSTREAM },
    { &ai_bedrock_embed, "amazon.titan-embed-text-v2:0",
      "{\"embedding\":[1]}", 0 },
    { &ai_bedrock_embed, "amazon.titan-embed-text-v2:0",
      "{\"message\":\"no\"}", AI_ERR_UPSTREAM },
};


static void
test_broken(void)
{
    size_t           i;
    ai_str_t         s;
    ai_target_t      t;
    const broken_t  *b;

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        b = &broken[i];
        mem_reset();

        decode_s(O, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
        t = target_of(b->service, b->model);

        s.len = strlen(b->body);
        s.data = (ai_char_t *) guard_copy(b->body, s.len);

        ai_result_init(&res, AI_CALL_EMBED);
        is_int(b->service->answer(&t, &call, &s, mem_pool(), &res, &err),
               AI_ERROR, "%.80s", b->body);

        if (b->kind == AI_ERR_UPSTREAM) {
            ok(err.kind != AI_ERR_NONE, "an error is told");

        } else {
            is_int(err.kind, b->kind, "kind");
        }

        guard_free();
    }

    mem_reset();
}


/* order, odd spellings, and what else an answer may have */

static void
test_answers(void)
{
    ai_str_t     s, out;
    ai_target_t  t;

    decode_s(O, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
    t = target_of(P, "m");

    s = ai_lit(" {\"ids\":[7],\"data\" : [ { \"index\" : 1 , \"embedding\" : "
               "[ 2 , -3E-2 ] },{\"embedding\":[1],\"index\":0,\"x\":[[1],[2],"
               "[\"[9]\"]]}],\"model\":\"a\\\"[1]\",\"usage\":{"
               "\"prompt_tokens\":3,\"total_tokens\":9}} ");
    ai_result_init(&res, AI_CALL_EMBED);
    is_int(P->answer(&t, &call, &s, mem_pool(), &res, &err), AI_OK, "read");
    is_str(res.vectors[0].values, "[1]", "the first by its index");
    is_str(res.vectors[1].values, "[ 2 , -3E-2 ]", "the second");
    is_str(res.model, "a\\\"[1]", "brackets in strings");
    is_int(res.usage.prompt, 3, "tokens");

    s = ai_lit("{\"data\":[{\"embedding\":\"AAAAAA==\"},{\"embedding\":"
               "\"\\u0041\\/AAAA\"}],\"usage\":{\"prompt_tokens\":-4}}");
    ai_result_init(&res, AI_CALL_EMBED);
    is_int(P->answer(&t, &call, &s, mem_pool(), &res, &err), AI_OK,
           "without indices, with escapes");
    is_int(res.vectors[1].format, AI_VECTOR_BASE64, "base64");
    is_int(res.usage.prompt, -1, "no such number of tokens");
    is_int(reply(O, &out), AI_OK, "written");
    ok(ai_str_casefind(&out, "\"embedding\":[0]"), "zero");

    decode_s(C, "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":"
             "[\"int8\"]}");
    s = ai_lit("{\"embeddings\":{\"int8\":[[-128,127]]},\"id\":\"I\",\"meta\":"
               "{\"billed_units\":{\"input_tokens\":2.0,\"image_tokens\":5}}"
               "}");
    ai_result_init(&res, AI_CALL_EMBED);
    t = target_of(&ai_cohere_embed, "m");
    is_int(ai_cohere_embed.answer(&t, &call, &s, mem_pool(), &res, &err),
           AI_OK, "integers");
    is_int(res.vectors[0].format, AI_VECTOR_INT8, "are no floats");
    is_int(res.usage.prompt, 7, "tokens of images count");
    is_str(res.id, "I", "id");

    decode_s(C, "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":"
             "[\"base64\",\"int8\"]}");
    s = ai_lit("{\"embeddings\":{\"int8\":[[1]],\"base64\":[\"AAA=\"]}}");
    ai_result_init(&res, AI_CALL_EMBED);
    is_int(ai_cohere_embed.answer(&t, &call, &s, mem_pool(), &res, &err),
           AI_OK, "Cohere's own base64");
    is_int(res.vectors[0].format, AI_VECTOR_BASE64, "is not looked into");

    s = ai_lit("{\"embeddings\":{\"base64\":[[1]]}}");
    ai_result_init(&res, AI_CALL_EMBED);
    is_int(ai_cohere_embed.answer(&t, &call, &s, mem_pool(), &res, &err),
           AI_ERROR, "but is a string");

    decode_s(O, "{\"model\":\"m\",\"input\":\"a\"}");
    s = ai_lit("{\"embeddings\":[{\"embeddingType\":\"TEXT\",\"embedding\":"
               "[0.5]}]}");
    ai_result_init(&res, AI_CALL_EMBED);
    t = target_of(&ai_bedrock_embed, "amazon.nova-2-multimodal-embeddings");
    is_int(ai_bedrock_embed.answer(&t, &call, &s, mem_pool(), &res, &err),
           AI_OK, "Nova");
    is_str(res.vectors[0].values, "[0.5]", "its vector");

    s = ai_lit("{\"predictions\":[{\"imageEmbedding\":[0.25]}]}");
    ai_result_init(&res, AI_CALL_EMBED);
    t = target_of(&ai_vertex_embed, "multimodalembedding@001");
    is_int(ai_vertex_embed.answer(&t, &call, &s, mem_pool(), &res, &err),
           AI_OK, "an image's");
    is_str(res.vectors[0].values, "[0.25]", "its vector");
    is_int(res.usage.prompt, -1, "no tokens");

    decode_s(O, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
    s = ai_lit("{\"model\":\"o\",\"embeddings\":[[1],[2]],"
               "\"total_duration\":5,\"prompt_eval_count\":4}");
    ai_result_init(&res, AI_CALL_EMBED);
    t = target_of(&ai_ollama_embed, "o");
    is_int(ai_ollama_embed.answer(&t, &call, &s, mem_pool(), &res, &err),
           AI_OK, "Ollama");
    is_str(res.vectors[1].values, "[2]", "its vector");
    is_int(res.usage.prompt, 4, "tokens");
    is_str(res.model, "o", "model");

    s = ai_lit("{\"predictions\":[{\"embeddings\":{\"values\":[1],"
               "\"statistics\":{\"token_count\":3}}},{\"embeddings\":{"
               "\"values\":[2],\"statistics\":{\"token_count\":4}}}]}");
    ai_result_init(&res, AI_CALL_EMBED);
    t = target_of(&ai_vertex_embed, "text-embedding-005");
    is_int(ai_vertex_embed.answer(&t, &call, &s, mem_pool(), &res, &err),
           AI_OK, "Vertex");
    is_int(res.usage.prompt, 7, "tokens are added");

    mem_reset();
}


/* every start of an answer is none, and every byte of it may be another */

static void
test_cut(void)
{
    size_t       n, len, bad;
    ai_str_t     s, out;
    ai_target_t  t;

    static const char  text[] =
        "{\"data\":[{\"embedding\":[1.5e-3,-2],\"index\":1},{\"embedding\":"
        "\"AAAAAAAAAAA=\",\"index\":0}],\"model\":\"a\\\\\\\"b\","
        "\"usage\":{\"total_tokens\":3}}";

    len = sizeof(text) - 1;
    bad = 0;
    t = target_of(P, "m");

    for (n = 0; n <= len; n++) {
        mem_reset();
        decode_s(O, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");

        s.len = n;
        s.data = (ai_char_t *) guard_copy(text, n);

        ai_result_init(&res, AI_CALL_EMBED);
        bad += P->answer(&t, &call, &s, mem_pool(), &res, &err)
               != (n == len ? AI_OK : AI_ERROR);
        bad += err.kind != AI_ERR_NONE;

        if (n == len) {
            is_int(reply(O, &out), AI_OK, "the whole can be told");
        }

        guard_free();
    }

    is_int(bad, 0, "cut at every byte");

    bad = 0;

    for (n = 0; n < len * 4; n++) {
        mem_reset();
        decode_s(O, "{\"model\":\"m\",\"input\":[\"a\",\"b\"],"
                 "\"encoding_format\":\"base64\"}");

        s.len = len;
        s.data = (ai_char_t *) guard_copy(text, len);
        s.data[n / 4] = (ai_char_t) "[]\"0"[n % 4];

        ai_result_init(&res, AI_CALL_EMBED);

        if (P->answer(&t, &call, &s, mem_pool(), &res, &err) == AI_OK) {
            ai_json_t  doc;

            bad += reply(O, &out) != AI_OK;
            ai_json_init(&doc, mem_pool());
            bad += ai_json_parse(&doc, &out, NULL) != AI_OK;
        }

        guard_free();
    }

    is_int(bad, 0, "other bytes");
    mem_reset();
}


static void
test_memory(void)
{
    int          n;
    size_t       i;
    ai_int_t     rc;
    ai_str_t     s, out;
    ai_buf_t     b;
    ai_target_t  t;

    static const struct {
        const ai_service_t  *service;
        const char          *model;
        const char          *body;
    } cases[] = {
        { &ai_openai_embed, "m", "{\"data\":[{\"embedding\":[1]},{"
          "\"embedding\":\"\\u0041AAAAA==\"}],\"model\":\"x\"}" },
        { &ai_gemini_embed, "m", "{\"embeddings\":[{\"values\":[1]},"
          "{\"values\":[2]}]}" },
        { &ai_vertex_embed, "m", "{\"predictions\":[{\"embeddings\":{"
          "\"values\":[1]}},{\"embeddings\":{\"values\":[2]}}]}" },
        { &ai_cohere_embed, "m", "{\"embeddings\":[[1],[2]]}" },
        { &ai_bedrock_embed, "cohere.embed", "{\"embeddings\":[[1],[2]]}" },
        { &ai_ollama_embed, "m", "{\"embeddings\":[[1],[2]]}" },
        { &ai_voyage_embed, "m", "{\"data\":[{\"embedding\":[1]},{"
          "\"embedding\":[1]}]}" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        t = target_of(cases[i].service, cases[i].model);
        s = str(cases[i].body);

        for (n = 1; n < 200; n++) {
            mem_reset();
            decode_s(O, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
            mem_fail_at((size_t) n);

            ai_buf_init(&b, mem_pool());
            ai_result_init(&res, AI_CALL_EMBED);

            rc = cases[i].service->build(&t, &call, mem_pool(), &b, &dropped,
                                         &err);

            if (rc == AI_OK) {
                rc = cases[i].service->answer(&t, &call, &s, mem_pool(),
                                              &res, &err);
            }

            if (rc == AI_OK) {
                rc = reply(O, &out);

            } else if (err.kind != AI_ERR_SERVER) {
                is_int(err.kind, AI_ERR_SERVER, "allocation %d fails", n);
            }

            if (!mem_failed()) {
                is_int(rc, AI_OK, "%d allocations", n - 1);
                break;
            }

            if (rc != AI_ERROR) {
                is_int(rc, AI_ERROR, "allocation %d fails", n);
            }
        }

        ok(n > 3 && n < 200, "all failed once");
    }

    mem_reset();
}


/* 2048 vectors of 1536 numbers, then as many small arrays as make 8 MB */

static void
test_large(void)
{
    int          i, j;
    char         number[32];
    size_t       bytes;
    ai_buf_t     b, in;
    ai_str_t     s, out;
    clock_t      start;
    ai_target_t  t;

    ai_buf_init(&in, mem_pool());
    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&in, "{\"model\":\"m\",\"encoding_format\":\"base64\","
                    "\"input\":[\"a\"");
    ai_buf_lit(&b, "{\"data\":[");

    for (i = 0; i < 2048; i++) {
        if (i) {
            ai_buf_lit(&in, ",\"a\"");
            ai_buf_char(&b, ',');
        }

        ai_buf_lit(&b, "{\"object\":\"embedding\",\"embedding\":[");

        for (j = 0; j < 1536; j++) {
            ai_buf_add(&b, number, (size_t) snprintf(number, sizeof(number),
                       "%s%.10f", j ? "," : "", (i * 7919 + j * 104729)
                       % 1000003 / 1e6 - 0.5));
        }

        ai_buf_lit(&b, "],\"index\":");
        ai_buf_int(&b, 2047 - i);
        ai_buf_char(&b, '}');
    }

    ai_buf_lit(&in, "]}");
    ai_buf_lit(&b, "]}");

    s = ai_buf_str(&in);
    is_int(decode(O, "", &s), AI_OK, "2048 inputs");

    s = ai_buf_str(&b);
    t = target_of(P, "m");
    bytes = mem_bytes();
    start = clock();

    ai_result_init(&res, AI_CALL_EMBED);
    is_int(P->answer(&t, &call, &s, mem_pool(), &res, &err), AI_OK,
           "%zu bytes", s.len);
    ok(mem_bytes() - bytes < 4 * 1024 * 1024, "read with %zu bytes",
       mem_bytes() - bytes);
    is_int(reply(O, &out), AI_OK, "as base64");
    ok(out.len > 2048 * 1536 / 3 * 16, "%zu bytes", out.len);

    diag("%.2f s", (double) (clock() - start) / CLOCKS_PER_SEC);
    ok((clock() - start) / CLOCKS_PER_SEC < 10, "in time");
    mem_reset();

    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&b, "{\"data\":[");

    for (i = 0; i < 2000000; i++) {
        ai_buf_lit(&b, "[1],");
    }

    ai_buf_lit(&b, "1]}");
    s = ai_buf_str(&b);
    start = clock();
    bytes = mem_bytes();

    decode_s(O, "{\"model\":\"m\",\"input\":\"a\"}");
    ai_result_init(&res, AI_CALL_EMBED);
    is_int(P->answer(&t, &call, &s, mem_pool(), &res, &err), AI_ERROR,
           "too many arrays");
    is_int(err.kind, AI_ERR_NONE, "are no answer");
    ok(mem_bytes() - bytes < 65536, "nothing is kept of them");
    ok((clock() - start) / CLOCKS_PER_SEC < 5, "in time");
    mem_reset();

    /* brackets within brackets are tried at each one */

    ai_buf_init(&b, mem_pool());

    for (i = 0; i < 4000000; i++) {
        ai_buf_lit(&b, "[1,");
    }

    s = ai_buf_str(&b);
    start = clock();
    ai_result_init(&res, AI_CALL_EMBED);
    decode_s(O, "{\"model\":\"m\",\"input\":\"a\"}");
    is_int(P->answer(&t, &call, &s, mem_pool(), &res, &err), AI_ERROR,
           "deep");
    ok((clock() - start) / CLOCKS_PER_SEC < 5, "in time");

    mem_reset();
}


int
main(void)
{
    test_build();
    test_recorded();
    test_requests();
    test_error_rows();
    test_rows();
    test_broken();
    test_answers();
    test_cut();
    test_memory();
    test_large();

    return done();
}
