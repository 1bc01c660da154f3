
#include <provider/ai_service_int.h>


#define AI_COUNT_TOP  INT64_C(1000000000000)


static ai_int_t ai_count_build(ai_chat_build_pt build, const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_json_t *doc, ai_dropped_t *dropped, ai_error_t *err);
static void ai_count_untuned(ai_request_t *rq);
static ai_int_t ai_count_is(const ai_json_t *doc, ai_ref_t key,
    const ai_str_t *names, size_t n);
static ai_int_t ai_count_number(const ai_json_t *doc, const char *name,
    int64_t *out);
static ai_int_t ai_count_no_memory(ai_error_t *err);


void
ai_service_path(const ai_target_t *t, const char *was, const char *now,
    ai_buf_t *b)
{
    size_t    at, len;
    ai_str_t  path;

    at = ai_buf_len(b);
    len = strlen(was);

    t->provider->path(t, 0, b);

    if (b->failed) {
        return;
    }

    path.data = b->start + at;
    path.len = ai_buf_len(b) - at;

    if (path.len >= len && memcmp(b->last - len, was, len) == 0) {
        b->last -= len;
        ai_buf_add(b, now, strlen(now));
    }
}


ai_int_t
ai_count_members(ai_chat_build_pt build, const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, const ai_str_t *names,
    size_t n, ai_buf_t *b, ai_dropped_t *dropped, ai_error_t *err)
{
    ai_buf_t   body;
    ai_ref_t   key;
    ai_raw_t   raw;
    ai_json_t  doc;
    ai_uint_t  i;

    if (ai_count_build(build, t, call, pool, &body, &doc, dropped, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    i = 0;

    for (key = ai_json_first(&doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(&doc, AI_JSON_ROOT, key))
    {
        if (!ai_count_is(&doc, key, names, n)) {
            continue;
        }

        if (i++ != 0) {
            ai_buf_char(b, ',');
        }

        raw = ai_json_raw(&doc, key);
        ai_buf_cat(b, &raw);
        ai_buf_char(b, ':');

        raw = ai_json_raw(&doc, ai_json_value(&doc, key));
        ai_buf_cat(b, &raw);
    }

    ai_pfree(pool, body.start);
    ai_pfree(pool, doc.node);

    return AI_OK;
}


static ai_int_t
ai_count_build(ai_chat_build_pt build, const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, ai_buf_t *body,
    ai_json_t *doc, ai_dropped_t *dropped, ai_error_t *err)
{
    ai_str_t      text;
    ai_request_t  rq;

    rq = call->u.chat;
    ai_count_untuned(&rq);

    ai_buf_init(body, pool);
    ai_json_init(doc, pool);

    if (build(t, &rq, pool, body, dropped, err) != AI_OK) {
        return AI_ERROR;
    }

    text = ai_buf_str(body);

    if (ai_json_parse(doc, &text, NULL) != AI_OK) {
        return ai_count_no_memory(err);
    }

    return AI_OK;
}


/* it says nothing to the model, and what is left out need not be told then */

static void
ai_count_untuned(ai_request_t *rq)
{
    static const ai_raw_t  none = ai_null_string;

    rq->stream = 0;
    rq->include_usage = 0;
    rq->n = -1;
    rq->max_output = -1;
    rq->temperature = none;
    rq->top_p = none;
    rq->top_k = none;
    rq->seed = none;
    rq->presence = none;
    rq->frequency = none;
    rq->logit_bias = none;
    rq->logprobs = -1;
    rq->top_logprobs = -1;
    rq->nstop = 0;
    rq->user = none;
    rq->metadata = none;
    rq->tier = none;
}


static ai_int_t
ai_count_is(const ai_json_t *doc, ai_ref_t key, const ai_str_t *names,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (ai_json_equal(doc, key, (char *) names[i].data, names[i].len)) {
            return 1;
        }
    }

    return 0;
}


ai_int_t
ai_count_end(const char *brackets, ai_buf_t *b, ai_error_t *err)
{
    ai_buf_add(b, brackets, strlen(brackets));

    return b->failed ? ai_count_no_memory(err) : AI_OK;
}


ai_int_t
ai_count_answer(const ai_target_t *t, const ai_str_t *body,
    const ai_pool_t *pool, const char *name, const char *cached,
    ai_result_t *res, ai_error_t *err)
{
    ai_int_t   rc;
    ai_json_t  doc;

    ai_error_set(err, AI_ERR_NONE, NULL);
    ai_json_init(&doc, pool);

    if (ai_json_parse(&doc, body, NULL) != AI_OK) {
        return doc.error == AI_JSON_E_MEMORY ? ai_count_no_memory(err)
                                             : AI_ERROR;
    }

    rc = ai_count_number(&doc, name, &res->tokens);

    if (rc == AI_OK && cached != NULL) {
        (void) ai_count_number(&doc, cached, &res->cached);
    }

    if (rc != AI_OK
        && (!ai_json_is_null(&doc, ai_json_get(&doc, AI_JSON_ROOT, "error"))
            || !ai_json_is_null(&doc, ai_json_get(&doc, AI_JSON_ROOT,
                                                  "message"))))
    {
        ai_provider_error(t->provider, 0, body, pool, err);
    }

    ai_pfree(pool, doc.node);

    return rc;
}


static ai_int_t
ai_count_number(const ai_json_t *doc, const char *name, int64_t *out)
{
    int64_t  n;

    if (ai_json_int(doc, ai_json_get(doc, AI_JSON_ROOT, name), &n) != AI_OK
        || n < 0 || n > AI_COUNT_TOP)
    {
        return AI_ERROR;
    }

    *out = n;

    return AI_OK;
}


static ai_int_t
ai_count_no_memory(ai_error_t *err)
{
    ai_error_set(err, AI_ERR_SERVER, NULL);

    return AI_ERROR;
}
