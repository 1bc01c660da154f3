
/*
 * A request of any API is as many tokens in one go as in slices of a byte,
 * and no more than its bytes, its blocks and what vendors put around them can
 * be.  The first byte says which API, the second which model.
 */

#include <api/ai_dialect.h>
#include <token/ai_prompt.h>

#include "fuzz_arena.h"


#define BLOCK_MAX  65536        /* tokens of an image that is a few bytes */


static const ai_dialect_t *const  dialects[] = {
    &ai_dialect_openai, &ai_dialect_anthropic, &ai_dialect_gemini,
    &ai_dialect_responses, &ai_dialect_completions,
    &ai_dialect_openai_embeddings, &ai_dialect_rerank
};


static const char *const  models[] = {
    "gpt-4o", "gpt-5-mini", "gpt-oss-120b", "gpt-4", "claude-sonnet-4-5",
    "gemini-2.5-pro", "mistral-large-latest", "qwen3-32b", "llama-3.3-70b",
    "deepseek-chat", "command-a", "nova-pro", "x"
};


static int64_t
media(const ai_block_t *b)
{
    int64_t  n;

    for (n = 0; b; b = b->next) {
        n += b->kind == AI_BLOCK_IMAGE || b->kind == AI_BLOCK_FILE
             || b->kind == AI_BLOCK_AUDIO;
        n += media(b->content);
    }

    return n;
}


static int64_t
count(const ai_token_model_t *m, const ai_tokenizer_t *t,
    const ai_request_t *rq, size_t bytes)
{
    ai_int_t     rc;
    ai_prompt_t  p;

    ai_prompt_init(&p, m, t, rq, &fuzz_pool);

    while ((rc = ai_prompt_step(&p, bytes)) == AI_AGAIN) { /* void */ }

    must(rc == AI_OK);
    must(ai_prompt_step(&p, 1) == AI_OK);

    return p.tokens;
}


static void
chat(const ai_request_t *rq, const ai_token_model_t *m,
    const ai_tokenizer_t *t, size_t size)
{
    int64_t           n, blocks;
    const ai_turn_t  *turn;

    blocks = 0;

    for (turn = rq->turns; turn; turn = turn->next) {
        blocks += media(turn->blocks);
    }

    n = count(m, t, rq, SIZE_MAX);

    must(n >= 1);
    must(n <= 6 * (int64_t) size + 4096 + blocks * BLOCK_MAX);
    must(count(m, t, rq, 1) == n);
    must(count(m, t, rq, 50) == n);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t                n;
    ai_str_t               text, name;
    ai_json_t              doc;
    ai_call_t              call;
    ai_peek_t              peek;
    ai_error_t             err;
    ai_request_t           rq;
    ai_dropped_t           dropped;
    ai_token_model_t       m;
    const ai_dialect_t    *d;
    const ai_tokenizer_t  *t;

    if (size < 2) {
        return 0;
    }

    d = dialects[data[0] % (sizeof(dialects) / sizeof(dialects[0]))];

    name.data = (ai_char_t *) models[data[1] % (sizeof(models)
                                                / sizeof(models[0]))];
    name.len = strlen((char *) name.data);

    ai_token_model(&name, &m);
    t = ai_tokenizer_open(&m.tokenizer);
    must(t != NULL);

    memset(&err, 0, sizeof(err));
    memset(&peek, 0, sizeof(peek));
    memset(&dropped, 0, sizeof(dropped));
    memset(&call, 0, sizeof(call));

    peek.model = name;

    text.data = (ai_char_t *) data + 2;
    text.len = size - 2;

    ai_json_init(&doc, &arena);
    ai_request_init(&rq);

    if (ai_json_parse(&doc, &text, NULL) == AI_OK
        && d->peek(&doc, &arena, &peek, &err) == AI_OK)
    {
        if (d->form == NULL) {
            if (d->decode(&doc, &peek, &arena, &rq, &dropped, &err) == AI_OK)
            {
                chat(&rq, &m, t, size);
            }

        } else if (d->form->decode(&doc, &peek, &arena, &call, &dropped, &err)
                   == AI_OK)
        {
            n = ai_prompt_call(&m, t, &call, &fuzz_pool);

            /* a query counts for each document, whose text may be a byte */
            must(n >= 1 && n <= 2 * (int64_t) (size * size)
                                + 258 * (int64_t) size);
        }
    }

    arena_free();

    return 0;
}
