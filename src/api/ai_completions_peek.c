
#include <api/ai_completions_int.h>
#include <api/ai_peek_int.h>


#define AI_COMPLETIONS_N_MAX       128
#define AI_COMPLETIONS_OUTPUT_MAX  INT32_MAX


/* the fields that are looked at here */
enum {
    AI_PEEK_MODEL = 0,
    AI_PEEK_PROMPT,
    AI_PEEK_STREAM,
    AI_PEEK_STREAM_OPTIONS,
    AI_PEEK_MAX_TOKENS,
    AI_PEEK_N,
    AI_PEEK_BEST_OF,
    AI_PEEK_DECISIONS,              /* those above: J7 */

    AI_PEEK_USER = AI_PEEK_DECISIONS,
    AI_PEEK_SAFETY,
    AI_PEEK_CACHE_KEY,
    AI_PEEK_METADATA,
    AI_PEEK_TEMPERATURE,
    AI_PEEK_LOGPROBS,
    AI_PEEK_FIELDS
};


static ai_int_t ai_completions_peek_prompts(const ai_openai_ctx_t *c,
    ai_ref_t v, ai_peek_t *peek);
static ai_int_t ai_completions_peek_numbers(const ai_openai_ctx_t *c,
    const ai_ref_t *refs, ai_peek_t *peek);


static const ai_str_t  ai_completions_peek_names[AI_PEEK_FIELDS] = {
    ai_string("model"),
    ai_string("prompt"),
    ai_string("stream"),
    ai_string("stream_options"),
    ai_string("max_tokens"),
    ai_string("n"),
    ai_string("best_of"),
    ai_string("user"),
    ai_string("safety_identifier"),
    ai_string("prompt_cache_key"),
    ai_string("metadata"),
    ai_string("temperature"),
    ai_string("logprobs")
};


ai_int_t
ai_completions_peek(const ai_json_t *doc, const ai_pool_t *pool,
    ai_peek_t *peek, ai_error_t *err)
{
    ai_ref_t         refs[AI_PEEK_FIELDS];
    ai_openai_ctx_t  c;

    c.doc = doc;
    c.pool = pool;
    c.err = err;

    memset(peek, 0, sizeof(ai_peek_t));

    if (ai_peek_walk(&c, ai_completions_peek_names, AI_PEEK_FIELDS,
                     AI_PEEK_DECISIONS, refs) != AI_OK
        || ai_peek_model(&c, refs[AI_PEEK_MODEL], &peek->model) != AI_OK
        || ai_peek_stream(&c, refs[AI_PEEK_STREAM],
                          refs[AI_PEEK_STREAM_OPTIONS], peek) != AI_OK
        || ai_completions_peek_prompts(&c, refs[AI_PEEK_PROMPT], peek)
           != AI_OK
        || ai_completions_peek_numbers(&c, refs, peek) != AI_OK
        || ai_openai_want(&c, NULL, "metadata", refs[AI_PEEK_METADATA],
                          AI_JSON_OBJECT) != AI_OK
        || ai_peek_user(&c, refs[AI_PEEK_USER], refs[AI_PEEK_SAFETY],
                        refs[AI_PEEK_CACHE_KEY], peek) != AI_OK)
    {
        return AI_ERROR;
    }

    peek->model_ref = refs[AI_PEEK_MODEL];
    peek->messages_ref = refs[AI_PEEK_PROMPT];
    peek->max_tokens_ref = refs[AI_PEEK_MAX_TOKENS];
    peek->metadata_ref = refs[AI_PEEK_METADATA];

    return AI_OK;
}


/* "a text", ["a text", ..], [token, ..] or [[token, ..], ..] */

static ai_int_t
ai_completions_peek_prompts(const ai_openai_ctx_t *c, ai_ref_t v,
    ai_peek_t *peek)
{
    ai_ref_t  first;

    peek->messages = 1;

    switch (ai_json_type(c->doc, v)) {

    case AI_JSON_STRING:
        return AI_OK;

    case AI_JSON_ARRAY:
        break;

    default:
        if (v == AI_JSON_NONE) {
            return ai_openai_missing(c, NULL, "prompt");
        }

        return ai_openai_bad_type(c, NULL, "prompt", "a string or an array",
                                  v);
    }

    first = ai_json_first(c->doc, v);

    switch (ai_json_type(c->doc, first)) {

    case AI_JSON_STRING:
    case AI_JSON_ARRAY:
        peek->messages = c->doc->node[v].count;
        return AI_OK;

    case AI_JSON_NUMBER:
        return AI_OK;

    default:
        return ai_openai_bad_value(c, NULL, "prompt",
                                   ": it must be texts or tokens.");
    }
}


/* 0 tokens are allowed: with "echo" a prompt is scored so */

static ai_int_t
ai_completions_peek_numbers(const ai_openai_ctx_t *c, const ai_ref_t *refs,
    ai_peek_t *peek)
{
    int64_t  best, n;

    best = -1;
    n = -1;

    peek->n = -1;
    peek->max_output = -1;

    if (ai_openai_integer(c, NULL, "max_tokens", refs[AI_PEEK_MAX_TOKENS], 0,
                          AI_COMPLETIONS_OUTPUT_MAX, &peek->max_output)
        != AI_OK
        || ai_openai_integer(c, NULL, "n", refs[AI_PEEK_N], 1,
                             AI_COMPLETIONS_N_MAX, &n) != AI_OK
        || ai_openai_integer(c, NULL, "best_of", refs[AI_PEEK_BEST_OF], 1,
                             AI_COMPLETIONS_N_MAX, &best) != AI_OK
        || ai_openai_number(c, NULL, "temperature", refs[AI_PEEK_TEMPERATURE],
                            &peek->temperature) != AI_OK)
    {
        return AI_ERROR;
    }

    n = ai_max(n, best);

    if (n != -1 || peek->messages > 1) {
        peek->n = ai_max(n, 1) * peek->messages;
    }

    peek->logprobs = refs[AI_PEEK_LOGPROBS] != AI_JSON_NONE;

    return AI_OK;
}


ai_int_t
ai_completions_last_text(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, size_t max, ai_str_t *out)
{
    ai_buf_t  b;
    ai_ref_t  v, list;

    out->len = 0;
    out->data = NULL;

    list = peek->messages_ref;
    v = list;

    if (ai_json_type(doc, list) == AI_JSON_ARRAY) {
        v = ai_json_first(doc, list);
    }

    if (ai_json_type(doc, v) != AI_JSON_STRING) {
        return AI_DECLINED;
    }

    ai_buf_init(&b, pool);

    while (v != AI_JSON_NONE) {
        if (ai_json_type(doc, v) == AI_JSON_STRING) {
            ai_peek_line(&b, doc, v, max);
        }

        if (v == list || ai_buf_len(&b) >= max) {
            break;
        }

        v = ai_json_next(doc, list, v);
    }

    if (b.failed) {
        return AI_ERROR;
    }

    *out = ai_buf_str(&b);
    out->len = ai_peek_cut(out, max);

    return AI_OK;
}
