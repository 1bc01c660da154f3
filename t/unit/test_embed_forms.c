
/*
 * Embeddings as clients ask for them, and are answered.
 */

#include "embed.h"

#include <api/ai_embed_int.h>
#include <math.h>
#include <time.h>


typedef struct {
    const ai_dialect_t  *dialect;
    const char          *body;
    const char          *param;
} bad_t;


static void
one(const ai_dialect_t *dialect, const char *body, const char *uri)
{
    ai_str_t  s;

    s.len = strlen(body);
    s.data = (ai_char_t *) guard_copy(body, s.len);

    is_int(decode(dialect, uri, &s), AI_OK, "%.60s", body);
}


static void
test_openai(void)
{
    ai_embed_t  *e;

    e = &call.u.embed;

    one(&ai_dialect_openai_embeddings, "{\"model\":\"m1\",\"input\":\"hi "
        "\\u00e9\",\"user\":\"u\"}", "");
    is_int(call.kind, AI_CALL_EMBED, "kind");
    is_str(call.model, "m1", "model");
    is_int(e->n, 1, "one");
    is_int(e->single, 1, "alone");
    is_int(e->inputs->kind, AI_INPUT_TEXT, "text");
    is_str(e->inputs->text, "hi \\u00e9", "as spelled");
    ok(e->inputs->next == NULL, "no other");
    is_int(e->format, AI_VECTOR_FLOAT, "float is the default");
    is_int(e->dimensions, -1, "no dimensions");
    is_int(e->truncate, -1, "no truncate");
    is_int(e->purpose, AI_PURPOSE_UNSET, "no purpose");
    is_str(e->user, "u", "user");

    one(&ai_dialect_openai_embeddings, "{\"model\":\"m1\",\"input\":[\"a\","
        "\"\"],\"encoding_format\":\"base64\",\"dimensions\":256,"
        "\"store\":true,\"nothing\":null,\"input_type\":\"query\"}", "");
    is_int(e->n, 2, "two");
    is_int(e->single, 0, "a list");
    is_str(e->inputs->text, "a", "first");
    is_str(e->inputs->next->text, "", "second");
    ok(e->inputs->next->text.data != NULL, "is there");
    is_int(e->format, AI_VECTOR_BASE64, "base64");
    is_int(e->dimensions, 256, "dimensions");
    is_int(e->purpose, AI_PURPOSE_QUERY, "purpose");
    is_str(left_out(), "store", "unknown ones are named");

    one(&ai_dialect_openai_embeddings, "{\"model\":\"m\",\"input\":[1, 2]}",
        "");
    is_int(e->n, 1, "tokens");
    is_int(e->single, 1, "alone");
    is_int(e->inputs->kind, AI_INPUT_TOKENS, "kind");
    is_str(e->inputs->tokens, "[1, 2]", "as spelled");

    one(&ai_dialect_openai_embeddings, "{\"model\":\"m\",\"input\":[[1,2],"
        "[3],\"x\"]}", "");
    is_int(e->n, 3, "lists of tokens");
    is_str(e->inputs->next->tokens, "[3]", "second");
    is_int(e->inputs->next->next->kind, AI_INPUT_TEXT, "and a text");
}


static void
test_gemini(void)
{
    ai_embed_t  *e;

    e = &call.u.embed;

    one(&ai_dialect_gemini_embed, "{\"model\":\"models/g\",\"content\":"
        "{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"},"
        "{\"text\":\"\\\"c\"}]},\"task_type\":\"retrieval_document\","
        "\"title\":\"T\",\"output_dimensionality\":64,\"odd\":1}", "g");
    is_str(call.model, "g", "model of the URI");
    is_int(e->n, 1, "one");
    is_int(e->single, 1, "alone");
    is_str(e->inputs->text, "a\\nb\\n\\\"c", "texts are joined");
    is_str(e->inputs->title, "T", "title");
    is_int(e->purpose, AI_PURPOSE_DOCUMENT, "purpose");
    is_int(e->dimensions, 64, "dimensions");
    is_str(left_out(), "odd", "unknown ones are named");

    one(&ai_dialect_gemini_embed, "{\"content\":{\"parts\":{\"inline_data\":"
        "{\"mime_type\":\"image/png\",\"data\":\"AAAA\"}}},"
        "\"autoTruncate\":false}", "g");
    is_int(e->inputs->kind, AI_INPUT_IMAGE, "an image");
    is_int(e->inputs->source, AI_SOURCE_BASE64, "source");
    is_str(e->inputs->media, "image/png", "media");
    is_str(e->inputs->data, "AAAA", "data");
    is_int(e->truncate, 0, "truncate");

    one(&ai_dialect_gemini_batch_embed, "{\"requests\":[{\"model\":\"models/g"
        "\",\"content\":{\"parts\":[{\"text\":\"a\"}]},\"taskType\":"
        "\"CODE_RETRIEVAL_QUERY\",\"outputDimensionality\":8},{\"model\":"
        "\"models/g\",\"content\":{\"parts\":[{\"text\":\"b\"}]},\"taskType\":"
        "\"CODE_RETRIEVAL_QUERY\",\"outputDimensionality\":8,\"title\":"
        "\"X\"}]}", "g");
    is_int(e->n, 2, "two");
    is_int(e->single, 0, "a list");
    is_int(e->purpose, AI_PURPOSE_CODE, "purpose");
    is_int(e->dimensions, 8, "dimensions");
    is_str(e->inputs->text, "a", "first");
    is_str(e->inputs->next->text, "b", "second");
    is_str(e->inputs->next->title, "X", "its title");
    ok(e->inputs->title.data == NULL, "which the first has not");

    one(&ai_dialect_gemini_batch_embed, "{\"requests\":[{\"content\":"
        "{\"parts\":[{\"text\":\"a\"}]}}]}", "g");
    is_int(e->n, 1, "a batch of one");
    is_int(e->single, 0, "is a list");
}


/* what an API alone has goes to that API only */

static void
other(const ai_dialect_t *dialect, const char *body, const char *raw,
    ai_family_e family)
{
    ai_input_t  *in;

    one(dialect, body, "m");

    in = call.u.embed.inputs;

    is_int(in->kind, AI_INPUT_OTHER, "another");
    is_int(in->family, family, "its family");
    is_str(in->raw, raw, "as spelled");
    ok(in->text.data == NULL && in->data.data == NULL
       && in->media.data == NULL && in->source == AI_SOURCE_NONE,
       "nothing is left of what it began as");
}


static void
test_other(void)
{
    static const char *const  contents[] = {
        "{\"parts\":[{\"text\":\"a\"},{\"inlineData\":{\"mimeType\":"
        "\"image/png\",\"data\":\"AAAA\"}}]}",
        "{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
        "\"AAAA\"}},{\"text\":\"a\"},{\"text\":\"b\"}]}",
        "{\"parts\":[{\"inlineData\":{\"mimeType\":\"video/mp4\",\"data\":"
        "\"AAAA\"}}]}",
        "{\"parts\": [{\"fileData\":{\"fileUri\":\"x\"}}]}",
        "{\"parts\":[{}]}"
    };

    char    body[256];
    size_t  i;

    for (i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        snprintf(body, sizeof(body), "{\"content\":%s}", contents[i]);
        other(&ai_dialect_gemini_embed, body, contents[i],
              AI_FAMILY_GEMINI);
    }

    other(&ai_dialect_cohere_embed, "{\"model\":\"m\",\"inputs\":[{"
          "\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
          "\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}}]}]}",
          "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
          "\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}}]}",
          AI_FAMILY_COHERE);

    other(&ai_dialect_cohere_embed, "{\"model\":\"m\",\"inputs\":[{"
          "\"content\":[{\"type\":\"x\"},{\"type\":\"text\"}]}],"
          "\"embedding_types\":[\"int8\",\"x\"]}",
          "{\"content\":[{\"type\":\"x\"},{\"type\":\"text\"}]}",
          AI_FAMILY_COHERE);
    is_int(call.u.embed.format, AI_VECTOR_INT8, "the first type");
    is_int(call.u.embed.several, 1, "of several");

    other(&ai_dialect_openai_embeddings, "{\"model\":\"m\",\"input\":[{"
          "\"image\":\"x\"},\"a\"],\"input_type\":\"odd\"}",
          "{\"image\":\"x\"}", AI_FAMILY_OPENAI);
    is_int(err.kind, AI_ERR_NONE, "no error");
    is_str(left_out(), "input_type", "an odd word");
}


static void
test_ollama(void)
{
    ai_embed_t  *e;

    e = &call.u.embed;

    one(&ai_dialect_ollama_embed, "{\"model\":\"o\",\"input\":[\"a\",\"b\"],"
        "\"truncate\":false,\"dimensions\":3,\"options\":{\"num_ctx\":1},"
        "\"keep_alive\":\"5m\"}", "");
    is_str(call.model, "o", "model");
    is_int(e->n, 2, "two");
    is_int(e->truncate, 0, "truncate");
    is_int(e->dimensions, 3, "dimensions");
    is_str(left_out(), "options,keep_alive", "of the server alone");

    one(&ai_dialect_ollama_embed, "{\"model\":\"o\",\"input\":\"a\","
        "\"truncate\":true}", "");
    is_int(e->single, 1, "alone");
    is_int(e->truncate, 1, "truncate");
}


static void
test_cohere(void)
{
    ai_embed_t  *e;

    e = &call.u.embed;

    one(&ai_dialect_cohere_embed, "{\"model\":\"c\",\"texts\":[\"a\",\"b\"],"
        "\"input_type\":\"search_query\",\"embedding_types\":[\"int8\"],"
        "\"truncate\":\"START\",\"output_dimension\":512,\"max_tokens\":9}",
        "");
    is_str(call.model, "c", "model");
    is_int(e->n, 2, "two");
    is_int(e->purpose, AI_PURPOSE_QUERY, "purpose");
    is_int(e->format, AI_VECTOR_INT8, "format");
    is_int(e->truncate, 1, "truncate");
    is_int(e->cut_start, 1, "at the start");
    is_int(e->dimensions, 512, "dimensions");
    is_str(left_out(), "max_tokens", "left out");

    one(&ai_dialect_cohere_embed, "{\"model\":\"c\",\"images\":[\"data:image/"
        "png;base64,AAAA\"],\"input_type\":\"image\",\"truncate\":\"NONE\"}",
        "");
    is_int(e->inputs->kind, AI_INPUT_IMAGE, "an image");
    is_str(e->inputs->media, "image/png", "media");
    is_str(e->inputs->data, "AAAA", "data");
    is_int(e->purpose, AI_PURPOSE_IMAGE, "purpose");
    is_int(e->truncate, 0, "truncate");

    one(&ai_dialect_cohere_embed, "{\"model\":\"c\",\"inputs\":[{\"content\":"
        "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":"
        "\"b\"}]},{\"content\":[{\"type\":\"image_url\",\"image_url\":{"
        "\"url\":\"https://x/y.png\"}}]}],\"embedding_types\":[\"base64\"],"
        "\"truncate\":\"END\"}", "");
    is_int(e->n, 2, "two");
    is_str(e->inputs->text, "a\\nb", "texts are joined");
    is_int(e->inputs->next->source, AI_SOURCE_URL, "an image's URL");
    is_str(e->inputs->next->data, "https://x/y.png", "which it is");
    is_int(e->format, AI_VECTOR_BASE64, "format");
    is_int(e->cut_start, 0, "at the end");
}


#define G1  "{\"content\":{\"parts\":[{\"text\":\"a\"}]}"
#define O   &ai_dialect_openai_embeddings
#define G   &ai_dialect_gemini_embed
#define GB  &ai_dialect_gemini_batch_embed
#define L   &ai_dialect_ollama_embed
#define C   &ai_dialect_cohere_embed

static const bad_t  bads[] = {
    { O, "[]", "" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"input\":\"b\"}", "" },
    { O, "{\"model\":\"m\",\"inp\\u0075t\":\"a\",\"input\":\"b\"}", "" },
    { O, "{\"input\":\"a\"}", "model" },
    { O, "{\"model\":\"\",\"input\":\"a\"}", "model" },
    { O, "{\"model\":\"m\",\"Model\":\"n\",\"input\":\"a\"}", "model" },
    { O, "{\"model\":\"m\",\"INPUT\":\"a\"}", "input" },
    { O, "{\"model\":\"m\"}", "input" },
    { O, "{\"model\":\"m\",\"input\":null}", "input" },
    { O, "{\"model\":\"m\",\"input\":[]}", "input" },
    { O, "{\"model\":\"m\",\"input\":5}", "input" },
    { O, "{\"model\":\"m\",\"input\":{\"a\":1}}", "input" },
    { O, "{\"model\":\"m\",\"input\":[1,\"a\"]}", "input" },
    { O, "{\"model\":\"m\",\"input\":[1,2.5]}", "input" },
    { O, "{\"model\":\"m\",\"input\":[-1]}", "input" },
    { O, "{\"model\":\"m\",\"input\":[99999999999999999999]}", "input" },
    { O, "{\"model\":\"m\",\"input\":[\"a\",5]}", "input[1]" },
    { O, "{\"model\":\"m\",\"input\":[\"a\",null]}", "input[1]" },
    { O, "{\"model\":\"m\",\"input\":[\"a\",[]]}", "input[1]" },
    { O, "{\"model\":\"m\",\"input\":[\"a\",[[1]]]}", "input[1]" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"user\":1}", "user" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":0}", "dimensions" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":-1}",
      "dimensions" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":1.5}",
      "dimensions" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":1e300}",
      "dimensions" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":\"8\"}",
      "dimensions" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"int8\"}",
      "encoding_format" },
    { O, "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":1}",
      "encoding_format" },

    { O, "{\"model\":\"m\",\"input\":\"a\",\"input_type\":1}",
      "input_type" },

    { G, "{}", "content" },
    { G, "{\"content\":\"a\"}", "content" },
    { G, "{\"content\":{}}", "content.parts" },
    { G, "{\"content\":{\"parts\":[]}}", "content.parts" },
    { G, "{\"content\":{\"parts\":[5]}}", "content.parts[0]" },
    { G, "{\"content\":{\"parts\":[{\"text\":5}]}}", "content.parts[0].text" },
    { G, G1 ",\"model\":\"models/other\"}", "model" },
    { G, G1 ",\"taskType\":\"WHAT\"}", "taskType" },
    { G, G1 ",\"taskType\":\"CLUSTERING\",\"task_type\":\"CLUSTERING\"}",
      "taskType" },
    { G, G1 ",\"tasktype\":\"CLUSTERING\"}", "taskType" },
    { G, G1 ",\"outputDimensionality\":0}", "outputDimensionality" },
    { G, G1 ",\"title\":[]}", "title" },

    { GB, "{}", "requests" },
    { GB, "{\"requests\":{}}", "requests" },
    { GB, "{\"requests\":[]}", "requests" },
    { GB, "{\"requests\":[5]}", "requests[0]" },
    { GB, "{\"requests\":[" G1 "},{}]}", "requests[1].content" },
    { GB, "{\"requests\":[" G1 ",\"model\":\"models/m\"}," G1 ",\"model\":"
          "\"models/n\"}]}", "requests[1].model" },
    { GB, "{\"requests\":[" G1 "}," G1 ",\"taskType\":\"CLUSTERING\"}]}",
      "requests[1].taskType" },
    { GB, "{\"requests\":[" G1 ",\"outputDimensionality\":8}," G1 "}]}",
      "requests[1].outputDimensionality" },
    { GB, "{\"requests\":[" G1 "}," G1 ",\"autoTruncate\":true}]}",
      "requests[1].autoTruncate" },

    { L, "{\"model\":\"m\",\"input\":[1,2]}", "input" },
    { L, "{\"model\":\"m\",\"input\":[[1]]}", "input[0]" },
    { L, "{\"model\":\"m\",\"input\":[]}", "input" },
    { L, "{\"model\":\"m\"}", "input" },
    { L, "{\"model\":\"m\",\"input\":\"a\",\"truncate\":1}", "truncate" },

    { C, "{\"model\":\"m\"}", "texts" },
    { C, "{\"model\":\"m\",\"texts\":\"a\"}", "texts" },
    { C, "{\"model\":\"m\",\"texts\":[]}", "texts" },
    { C, "{\"model\":\"m\",\"texts\":[1]}", "texts[0]" },
    { C, "{\"model\":\"m\",\"texts\":[\"a\"],\"images\":[\"b\"]}", "images" },
    { C, "{\"model\":\"m\",\"texts\":[\"a\"],\"inputs\":[]}", "inputs" },
    { C, "{\"model\":\"m\",\"images\":[\"b\"]}", "images[0]" },
    { C, "{\"model\":\"m\",\"images\":[\"data:text/plain;base64,AAAA\"]}",
      "images[0]" },
    { C, "{\"model\":\"m\",\"inputs\":[{}]}", "inputs[0].content" },
    { C, "{\"model\":\"m\",\"inputs\":[{\"content\":[]}]}",
      "inputs[0].content" },
    { C, "{\"model\":\"m\",\"inputs\":[{\"content\":[{\"type\":1}]}]}",
      "inputs[0].content[0].type" },
    { C, "{\"model\":\"m\",\"inputs\":[{\"content\":[{\"type\":\"text\"}]}]}",
      "inputs[0].content[0].text" },
    { C, "{\"model\":\"m\",\"inputs\":[{\"content\":[{\"type\":\"image_url\"}"
         "]}]}", "inputs[0].content[0].image_url" },
    { C, "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":\"float\"}",
      "embedding_types" },
    { C, "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":[\"x\"]}",
      "embedding_types" },
    { C, "{\"model\":\"m\",\"texts\":[\"a\"],\"truncate\":\"MIDDLE\"}",
      "truncate" },
    { C, "{\"model\":\"m\",\"texts\":[\"a\"],\"input_type\":7}",
      "input_type" },
};


static void
test_bad(void)
{
    size_t        i;
    ai_buf_t      b;
    ai_str_t      s, text;
    const bad_t  *t;
    ai_json_t     doc;

    for (i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        t = &bads[i];

        s.len = strlen(t->body);
        s.data = (ai_char_t *) guard_copy(t->body, s.len);

        is_int(decode(t->dialect, "m", &s), AI_ERROR, "%s", t->body);
        is_int(ai_error_status(&err), 400, "400");
        is_str(err.param, t->param, "names it");
        ok(err.message.len > 0, "says why");

        ai_buf_init(&b, mem_pool());
        t->dialect->error(&b, &err);
        text = ai_buf_str(&b);

        ai_json_init(&doc, mem_pool());
        is_int(ai_json_parse(&doc, &text, NULL), AI_OK, "an error is JSON");

        guard_free();
        mem_reset();
    }
}


static void
test_errors(void)
{
    ai_buf_t  b;

    memset(&err, 0, sizeof(err));
    ai_error_set(&err, AI_ERR_INVALID_VALUE, "no \"x\"");

    ai_buf_init(&b, mem_pool());
    ai_dialect_ollama_embed.error(&b, &err);
    is_str(ai_buf_str(&b), "{\"error\":\"no \\\"x\\\"\"}", "Ollama's");

    ai_buf_init(&b, mem_pool());
    ai_dialect_cohere_embed.error(&b, &err);
    is_str(ai_buf_str(&b), "{\"message\":\"no \\\"x\\\"\"}", "Cohere's");

    ai_buf_init(&b, mem_pool());
    ai_dialect_gemini_embed.error(&b, &err);
    is_str(ai_buf_str(&b), "{\"error\":{\"code\":400,\"message\":"
           "\"no \\\"x\\\"\",\"status\":\"INVALID_ARGUMENT\"}}", "Gemini's");
}


/* 1, -2.5, and 0.1f: 0x3f800000, 0xc0200000, 0x3dcccccd */

#define BASE64  "\"AACAPwAAIMDNzMw9\""

static void
answer(ai_vector_e format, uint32_t n)
{
    uint32_t  i;

    static ai_vector_t  vectors[4];

    ai_result_init(&res, AI_CALL_EMBED);

    for (i = 0; i < 4; i++) {
        vectors[i].format = format;
        vectors[i].values = format == AI_VECTOR_BASE64
                            ? ai_lit(BASE64) : ai_lit("[1.0, -25e-1,0.10]");
    }

    res.vectors = vectors;
    res.n = n;
    res.usage.prompt = 7;
}


static void
test_replies(void)
{
    ai_str_t  out;

    decode_s(O, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
    answer(AI_VECTOR_FLOAT, 2);
    is_int(reply(O, &out), AI_OK, "OpenAI");
    is_str(out, "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\","
           "\"index\":0,\"embedding\":[1.0, -25e-1,0.10]},{\"object\":"
           "\"embedding\",\"index\":1,\"embedding\":[1.0, -25e-1,0.10]}],"
           "\"model\":\"our \\\"model\\\"\",\"usage\":{\"prompt_tokens\":7,"
           "\"total_tokens\":7}}", "floats as spelled");

    res.model = ai_lit("the\\u0022irs");
    res.usage.prompt = -1;
    res.vectors[1].format = AI_VECTOR_BASE64;
    res.vectors[1].values = ai_lit(BASE64);
    reply(O, &out);
    is_str(out, "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\","
           "\"index\":0,\"embedding\":[1.0, -25e-1,0.10]},{\"object\":"
           "\"embedding\",\"index\":1,\"embedding\":[1,-2.5,0.1]}],"
           "\"model\":\"the\\u0022irs\",\"usage\":{\"prompt_tokens\":0,"
           "\"total_tokens\":0}}", "floats out of base64");

    res.n = 1;
    is_int(reply(O, &out), AI_ERROR, "one is missing");

    decode_s(O, "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":"
             "\"base64\"}");
    answer(AI_VECTOR_FLOAT, 1);
    is_int(reply(O, &out), AI_OK, "base64");
    is_str(out, "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\","
           "\"index\":0,\"embedding\":" BASE64 "}],"
           "\"model\":\"our \\\"model\\\"\",\"usage\":{\"prompt_tokens\":7,"
           "\"total_tokens\":7}}", "base64 out of floats");

    answer(AI_VECTOR_BASE64, 1);
    reply(O, &out);
    ok(ai_str_casefind(&out, BASE64), "base64 as spelled");

    answer(AI_VECTOR_INT8, 1);
    is_int(reply(O, &out), AI_ERROR, "integers are no floats");

    answer(AI_VECTOR_FLOAT, 1);
    res.vectors[0].values = ai_lit("[1,1e39]");
    is_int(reply(O, &out), AI_ERROR, "too large for a float");

    decode_s(O, "{\"model\":\"m\",\"input\":\"a\"}");
    answer(AI_VECTOR_BASE64, 1);
    res.vectors[0].values = ai_lit("\"AACAfw==\"");
    is_int(reply(O, &out), AI_ERROR, "infinity is no JSON");
    res.vectors[0].values = ai_lit("\"AAA=\"");
    is_int(reply(O, &out), AI_ERROR, "half a float");
    res.vectors[0].values = ai_lit("\"\"");
    is_int(reply(O, &out), AI_ERROR, "no float");
    res.vectors[0].values = ai_lit("\"\\u0041ACAPw\\u003d=\"");
    is_int(reply(O, &out), AI_OK, "escapes");
    ok(ai_str_casefind(&out, "[1]"), "are read");

    decode(G, "g", &ai_lit(G1 "}"));
    answer(AI_VECTOR_BASE64, 1);
    is_int(reply(G, &out), AI_OK, "Gemini");
    is_str(out, "{\"embedding\":{\"values\":[1,-2.5,0.1]},\"usageMetadata\":"
           "{\"promptTokenCount\":7,\"totalTokenCount\":7}}", "one");

    decode(GB, "g", &ai_lit("{\"requests\":[" G1 "}," G1 "}]}"));
    answer(AI_VECTOR_FLOAT, 2);
    res.usage.prompt = -1;
    is_int(reply(GB, &out), AI_OK, "Gemini");
    is_str(out, "{\"embeddings\":[{\"values\":[1.0, -25e-1,0.10]},"
           "{\"values\":[1.0, -25e-1,0.10]}]}", "a batch");

    decode_s(L, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
    answer(AI_VECTOR_FLOAT, 2);
    is_int(reply(L, &out), AI_OK, "Ollama");
    is_str(out, "{\"model\":\"our \\\"model\\\"\",\"embeddings\":[[1.0, "
           "-25e-1,0.10],[1.0, -25e-1,0.10]],\"prompt_eval_count\":7}",
           "its answer");

    decode_s(C, "{\"model\":\"m\",\"texts\":[\"a\",\"\\u0062\"],"
             "\"embedding_types\":[\"base64\"]}");
    answer(AI_VECTOR_FLOAT, 2);
    is_int(reply(C, &out), AI_OK, "Cohere");
    is_str(out, "{\"id\":\"0123456789abcdefghijABCDEFGHI\",\"embeddings\":"
           "{\"base64\":[" BASE64 "," BASE64 "]},\"texts\":[\"a\","
           "\"\\u0062\"],\"meta\":{\"api_version\":{\"version\":\"2\"},"
           "\"billed_units\":{\"input_tokens\":7}},\"response_type\":"
           "\"embeddings_by_type\"}", "its answer");

    decode_s(C, "{\"model\":\"m\",\"texts\":[\"a\"],\"embedding_types\":"
             "[\"ubinary\"]}");
    answer(AI_VECTOR_UBINARY, 1);
    res.vectors[0].values = ai_lit("[255,0]");
    res.id = ai_lit("x\\\"y");
    reply(C, &out);
    is_str(out, "{\"id\":\"x\\\"y\",\"embeddings\":{\"ubinary\":[[255,0]]},"
           "\"texts\":[\"a\"],\"meta\":{\"api_version\":{\"version\":\"2\"},"
           "\"billed_units\":{\"input_tokens\":7}},\"response_type\":"
           "\"embeddings_by_type\"}", "integers as spelled");
}


static uint64_t
next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;

    return *x;
}


static const char *const  numbers[] = {
    "0", "-0", "0.0", "-0.0e5", "1", "-1", "1e0", "1E+2", "1e-45", "7e-46",
    "7.1e-46", "1.17549435e-38", "1.1754943e-38", "3.4028234e38",
    "3.4028235677973366e38", "16777217", "16777217.0", "16777219",
    "16777217.000000000000000000000000000000001", "1.00000005960464477539062",
    "1.00000005960464477539063", "1.000000059604644775390625",
    "1.000000059604644775390625000000000000000000000000000000000000000000001",
    "0.00000000000000000000000000000000000000000000000000000000000000000001"
    "e68", "100000000000000000000000000000000000000000000000000000000000e-59",
    "0.1", "0.020427379757165910", "123456789012345678901234567890",
    "0.000000000000000000000000000000000000011754943508222875e0",
    "1e-400", "1e-999999999999999999999", "0e999999999999999999999"
};


static void
test_floats(void)
{
    char       s[64];
    float      f, g, h;
    size_t     i, n, bad, longer;
    uint32_t   bits;
    uint64_t   x;
    ai_char_t  p[AI_EMBED_FLOAT_LEN];

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        g = strtof(numbers[i], NULL);
        is_int(ai_embed_float_parse((const ai_char_t *) numbers[i],
                                    strlen(numbers[i]), &f), AI_OK,
               "%.60s", numbers[i]);
        is_mem(&f, 4, &g, 4, "as strtof() reads it");
    }

    is_int(ai_embed_float_parse((const ai_char_t *) "4e38", 4, &f), AI_ERROR,
           "too large");
    is_int(ai_embed_float_parse((const ai_char_t *) "1e99999999999999", 16,
                                &f), AI_ERROR, "far too large");
    is_int(ai_embed_float_parse((const ai_char_t *) "-", 1, &f), AI_ERROR,
           "no digits");
    is_int(ai_embed_float_parse((const ai_char_t *) "1e", 2, &f), AI_ERROR,
           "no exponent");
    is_int(ai_embed_float_parse((const ai_char_t *) "1x", 2, &f), AI_ERROR,
           "a letter");
    is_int(ai_embed_float_parse((const ai_char_t *) "", 0, &f), AI_ERROR,
           "nothing");

    x = 88172645463325252ULL;
    bad = 0;
    longer = 0;

    for (i = 0; i < 300000; i++) {
        bits = (uint32_t) (next(&x) >> 16);

        if (i & 1) {
            bits = (bits & 0x807fffff) | (100 + bits % 30) << 23;
        }

        memcpy(&f, &bits, 4);

        if (!isfinite(f)) {
            bad += ai_embed_float_print(p, f) != 0;
            continue;
        }

        n = ai_embed_float_print(p, f);
        bad += n == 0 || n > sizeof(p);
        memcpy(s, p, n);
        s[n] = '\0';

        g = strtof(s, NULL);
        bad += memcmp(&f, &g, 4) != 0;
        bad += ai_embed_float_parse(p, n, &h) != AI_OK || memcmp(&h, &f, 4);

        snprintf(s, sizeof(s), "%.9g", (double) f);
        longer += n > strlen(s);

        snprintf(s, sizeof(s), "%.17g", (double) f
                 * (1 + (double) (x & 0xffff) * 1e-12));
        g = strtof(s, NULL);

        if (isfinite(g)) {
            bad += ai_embed_float_parse((ai_char_t *) s, strlen(s), &h)
                   != AI_OK || memcmp(&h, &g, 4);
        }
    }

    is_int(bad, 0, "floats there and back");
    is_int(longer, 0, "none is longer than nine digits make it");
}


/* every allocation of a decode and a reply fails once */

static void
allocations(const ai_dialect_t *dialect, const char *body, ai_vector_e format)
{
    int       n;
    ai_int_t  rc;
    ai_str_t  out, s;

    s = str(body);

    for (n = 1; n < 200; n++) {
        mem_reset();
        mem_fail_at((size_t) n);

        rc = decode(dialect, "m", &s);

        if (rc == AI_OK) {
            answer(format, call.u.embed.n);
            rc = reply(dialect, &out);
        }

        if (!mem_failed()) {
            is_int(rc, AI_OK, "%d allocations", n - 1);
            break;
        }

        if (rc != AI_ERROR) {
            is_int(rc, AI_ERROR, "allocation %d fails", n);
        }
    }

    ok(n > 2 && n < 200, "all failed once");
    mem_reset();
}


static void
test_memory(void)
{
    allocations(O, "{\"model\":\"\\u006d\",\"input\":[\"a\",\"b\"],"
                "\"user\":\"\\u0075\",\"encoding_format\":\"base64\"}",
                AI_VECTOR_FLOAT);
    allocations(O, "{\"model\":\"m\",\"input\":[1]}", AI_VECTOR_BASE64);
    allocations(G, "{\"content\":{\"parts\":[{\"text\":\"a\"},{\"text\":\"b\""
                "}]},\"odd\":1}", AI_VECTOR_FLOAT);
    allocations(G, "{\"content\":{\"parts\":{\"inline_data\":{\"mime_type\":"
                "\"image/png\",\"data\":\"AAAA\"}}}}", AI_VECTOR_BASE64);
    allocations(GB, "{\"requests\":[" G1 "}," G1 "}]}", AI_VECTOR_FLOAT);
    allocations(L, "{\"model\":\"m\",\"input\":\"a\"}", AI_VECTOR_BASE64);
    allocations(C, "{\"model\":\"m\",\"inputs\":[{\"content\":[{\"type\":"
                "\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]"
                "},{\"content\":[{\"type\":\"image_url\",\"image_url\":{"
                "\"url\":\"data:image/png;base64,AAAA\"}}]}],"
                "\"embedding_types\":[\"base64\"]}", AI_VECTOR_FLOAT);
}


static void
repeat(ai_buf_t *b, const char *head, const char *one, size_t n,
    const char *tail)
{
    size_t  i;

    ai_buf_init(b, mem_pool());
    ai_buf_add(b, head, strlen(head));

    for (i = 0; i < n; i++) {
        if (i) {
            ai_buf_char(b, ',');
        }

        ai_buf_add(b, one, strlen(one));
    }

    ai_buf_add(b, tail, strlen(tail));
}


static void
test_large(void)
{
    ai_buf_t   b;
    ai_str_t   s;
    clock_t    start;

    repeat(&b, "{\"model\":\"m\",\"input\":[", "\"a\"", 65536, "]}");
    s = ai_buf_str(&b);
    is_int(decode(O, "", &s), AI_OK, "65536 inputs");
    is_int(call.u.embed.n, 65536, "are counted");

    repeat(&b, "{\"model\":\"m\",\"input\":[", "\"a\"", 65537, "]}");
    s = ai_buf_str(&b);
    is_int(decode(O, "", &s), AI_ERROR, "one more");
    is_str(err.param, "input", "is too many");
    mem_reset();

    repeat(&b, "{\"model\":\"m\",\"input\":[", "1", 400000, "]}");
    s = ai_buf_str(&b);
    is_int(decode(O, "", &s), AI_OK, "many tokens");
    mem_reset();

    /* joined in one go */

    start = clock();
    repeat(&b, "{\"content\":{\"parts\":[", "{\"text\":\"0123456789\"}",
           200000, "]}}");
    s = ai_buf_str(&b);
    is_int(decode(G, "m", &s), AI_OK, "many parts");
    is_int(call.u.embed.inputs->text.len, 200000 * 12 - 2, "all are there");
    ok((clock() - start) / CLOCKS_PER_SEC < 5, "in time");
    mem_reset();
}


int
main(void)
{
    test_openai();
    test_gemini();
    test_ollama();
    test_cohere();
    test_other();
    guard_free();
    mem_reset();
    test_bad();
    test_errors();
    test_replies();
    test_floats();
    test_memory();
    test_large();

    mem_reset();

    return done();
}
