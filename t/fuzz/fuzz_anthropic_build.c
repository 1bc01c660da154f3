
/*
 * A request of an OpenAI client, decoded and built for Anthropic.  The first
 * byte selects the model and whether its limit is known.
 *
 * Asserted: what is built is JSON, and a body that the API takes as far as
 * that can be seen (keys, roles that alternate, order of blocks, names and
 * ids, budget); it is not larger than four times the request and 1 KB.
 */

#include <stdio.h>
#include <provider/ai_provider.h>

#include "../unit/anthropic_body.h"


typedef struct fuzz_mem_s  fuzz_mem_t;

struct fuzz_mem_s {
    fuzz_mem_t        *next;
    size_t             pad;
};


static void *
fuzz_alloc(void *data, size_t size)
{
    fuzz_mem_t  *m, **list;

    list = data;
    m = malloc(sizeof(fuzz_mem_t) + size);

    if (m == NULL) {
        abort();
    }

    m->next = *list;
    *list = m;

    return m + 1;
}


static void
fuzz_check(const ai_pool_t *pool, const ai_buf_t *body, size_t size)
{
    ai_str_t     s;
    ai_json_t    doc;
    const char  *fault;

    s = ai_buf_str(body);
    ai_json_init(&doc, pool);

    /* an argument's nesting comes on top of the body's own */

    if (ai_json_parse(&doc, &s, NULL) != AI_OK) {
        if (doc.error != AI_JSON_E_LIMIT) {
            abort();
        }

        return;
    }

    fault = body_fault(&doc);

    if (fault != NULL) {
        fprintf(stderr, "%s\n%.*s\n", fault, (int) s.len, (char *) s.data);
        abort();
    }

    if (s.len > 4 * size + 1024) {
        fprintf(stderr, "%zu -> %zu\n", size, s.len);
        abort();
    }
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_str_t      in;
    ai_buf_t      body;
    ai_json_t     doc;
    ai_pool_t     pool;
    ai_error_t    err;
    fuzz_mem_t   *list, *m;
    ai_target_t   t;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    static const ai_str_t  models[] = {
        ai_string("claude-3-5-haiku-20241022"),
        ai_string("claude-sonnet-4-20250514"),
        ai_string("claude-opus-4-7"),
        ai_string("claude-sonnet-4-6")
    };

    if (size == 0) {
        return 0;
    }

    list = NULL;
    pool.alloc = fuzz_alloc;
    pool.free = NULL;
    pool.data = &list;

    t.provider = &ai_provider_anthropic;
    t.model = models[data[0] & 3];
    t.max_output = (data[0] & 4) ? 64 << (data[0] >> 4) : -1;

    in.data = (ai_char_t *) data + 1;
    in.len = size - 1;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    ai_json_init(&doc, &pool);
    ai_buf_init(&body, &pool);

    if (ai_json_parse(&doc, &in, NULL) == AI_OK
        && ai_openai_decode(&doc, &pool, &rq, &dropped, &err) == AI_OK)
    {
        err.kind = AI_ERR_NONE;

        if (t.provider->build(&t, &rq, &pool, &body, &dropped, &err)
            == AI_OK)
        {
            fuzz_check(&pool, &body, in.len);

        } else if (err.kind == AI_ERR_NONE || err.kind == AI_ERR_SERVER) {
            abort();
        }
    }

    while ((m = list) != NULL) {
        list = m->next;
        free(m);
    }

    return 0;
}
