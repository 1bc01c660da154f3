
/*
 * OpenAI requests written for Gemini: JSON, contents that are not empty and
 * whose roles alternate, and no growth beyond 4x + 1 KB.  For models before
 * 2.5 the schemas' references are written out, and have 64 KB more each.
 *
 * The first byte chooses the model.
 */

#include <provider/ai_provider.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


typedef struct fuzz_block_s  fuzz_block_t;

struct fuzz_block_s {
    fuzz_block_t      *next;
};


static fuzz_block_t  *fuzz_blocks;


static void *
fuzz_alloc(void *data, size_t size)
{
    fuzz_block_t  *b;

    (void) data;

    b = malloc(sizeof(fuzz_block_t) + sizeof(void *) + size);
    if (b == NULL) {
        return NULL;
    }

    b->next = fuzz_blocks;
    fuzz_blocks = b;

    return (void **) (b + 1) + 1;
}


static const ai_pool_t  fuzz_pool = { fuzz_alloc, NULL, NULL };


#define must(cond)  do { if (!(cond)) { abort(); } } while (0)


static void
fuzz_contents(const ai_json_t *doc)
{
    ai_ref_t  list, v, role, parts;
    ai_int_t  user, last;

    list = ai_json_get(doc, AI_JSON_ROOT, "contents");
    must(ai_json_type(doc, list) == AI_JSON_ARRAY);
    must(ai_json_first(doc, list) != AI_JSON_NONE);

    last = -1;

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        role = ai_json_get(doc, v, "role");
        parts = ai_json_get(doc, v, "parts");
        user = ai_json_is(doc, role, "user");

        must(user || ai_json_is(doc, role, "model"));
        must(user != last);
        must(ai_json_type(doc, parts) == AI_JSON_ARRAY);
        must(ai_json_first(doc, parts) != AI_JSON_NONE);

        last = user;
    }
}


static void
fuzz_build(const ai_target_t *t, const ai_str_t *in)
{
    size_t            max;
    ai_buf_t          b;
    ai_str_t          body;
    ai_json_t         doc, out;
    ai_error_t        err;
    const ai_tool_t  *tool;
    ai_dropped_t      dropped;
    ai_request_t      rq;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));

    ai_json_init(&doc, &fuzz_pool);
    ai_json_init(&out, &fuzz_pool);
    ai_buf_init(&b, &fuzz_pool);
    ai_request_init(&rq);

    if (ai_json_parse(&doc, in, NULL) != AI_OK
        || ai_openai_decode(&doc, &fuzz_pool, &rq, &dropped, &err) != AI_OK)
    {
        return;
    }

    if (ai_provider_gemini.build(t, &rq, &fuzz_pool, &b, &dropped, &err)
        != AI_OK)
    {
        must(err.kind != AI_ERR_NONE && err.kind != AI_ERR_SERVER);
        return;
    }

    body = ai_buf_str(&b);
    must(ai_json_parse(&out, &body, NULL) == AI_OK);
    must(ai_json_type(&out, AI_JSON_ROOT) == AI_JSON_OBJECT);
    fuzz_contents(&out);

    max = in->len * 4 + 1024;

    if (ai_str_starts(&t->model, "gemini-1")
        || ai_str_starts(&t->model, "gemini-2.0"))
    {
        max += 65536;

        for (tool = rq.tools; tool != NULL; tool = tool->next) {
            max += 65536;
        }
    }

    must(body.len <= max);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_str_t       in;
    ai_target_t    t;
    fuzz_block_t  *block;

    static const ai_str_t  models[] = {
        ai_string("gemini-3-pro-preview"),
        ai_string("gemini-2.5-flash"),
        ai_string("gemini-2.0-flash"),
        ai_string("gemini-flash-latest")
    };

    if (size == 0) {
        return 0;
    }

    memset(&t, 0, sizeof(t));
    t.provider = &ai_provider_gemini;
    t.model = models[data[0] & 3];
    t.max_output = -1;

    in.data = (ai_char_t *) data + 1;
    in.len = size - 1;

    fuzz_build(&t, &in);

    while (fuzz_blocks != NULL) {
        block = fuzz_blocks;
        fuzz_blocks = block->next;
        free(block);
    }

    return 0;
}
