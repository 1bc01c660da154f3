
#include <provider/ai_rerank_upstream_int.h>


#define AI_RERANK_NUMBER_MAX  64    /* bytes of a score */
#define AI_RERANK_ID_MAX      10    /* digits of a place */
#define AI_RERANK_COUNT_TOP   INT64_C(1000000000000)


/* a result being put in order; "place" is where the provider had it */
typedef struct {
    ai_rank_t          rank;
    double             score;
    uint32_t           place;
} ai_rerank_item_t;


static void ai_rerank_settings(const ai_rerank_vendor_t *v,
    const ai_rerank_t *rr, ai_buf_t *b);
static void ai_rerank_name(ai_buf_t *b, const char *name);
static ai_int_t ai_rerank_root(const ai_target_t *t, const ai_json_t *doc,
    const ai_str_t *body, const ai_pool_t *pool, ai_ref_t *list,
    ai_error_t *err);
static ai_int_t ai_rerank_items(const ai_json_t *doc, ai_ref_t list,
    uint32_t n, const ai_pool_t *pool, ai_rerank_item_t *item);
static ai_int_t ai_rerank_item(const ai_json_t *doc, ai_ref_t v,
    ai_rerank_item_t *item);
static ai_int_t ai_rerank_place(const ai_json_t *doc, ai_ref_t v,
    uint32_t *index);
static void ai_rerank_sort(ai_rerank_item_t *item, uint32_t n);
static void ai_rerank_sink(ai_rerank_item_t *item, uint32_t i, uint32_t n);
static ai_int_t ai_rerank_worse(const ai_rerank_item_t *a,
    const ai_rerank_item_t *b);
static ai_int_t ai_rerank_keep(const ai_rerank_t *rr,
    const ai_rerank_item_t *item, uint32_t n, const ai_pool_t *pool,
    ai_result_t *res);
static void ai_rerank_usage(const ai_json_t *doc, ai_result_t *res);
static int64_t ai_rerank_count(const ai_json_t *doc, ai_ref_t object,
    const char *name);
static ai_int_t ai_rerank_no_memory(ai_error_t *err);


ai_int_t
ai_rerank_body(const ai_rerank_vendor_t *v, const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *b, ai_dropped_t *dropped,
    ai_error_t *err)
{
    const ai_rerank_t    *rr;
    const ai_document_t  *d;

    rr = &call->u.rerank;

    if (ai_rerank_check(v, rr, dropped, err) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_lit(b, "{\"query\":");
    ai_buf_quote_esc(b, &rr->query);

    if (v->model) {
        ai_rerank_name(b, "model");
        ai_buf_quote(b, &t->model);
    }

    ai_rerank_name(b, v->list);
    ai_buf_char(b, '[');

    for (d = rr->documents; d != NULL; d = d->next) {
        if (d != rr->documents) {
            ai_buf_char(b, ',');
        }

        ai_buf_quote_esc(b, &d->text);
    }

    ai_buf_char(b, ']');

    ai_rerank_settings(v, rr, b);

    return AI_OK;
}


static void
ai_rerank_settings(const ai_rerank_vendor_t *v, const ai_rerank_t *rr,
    ai_buf_t *b)
{
    int  truncate;

    if (v->top && rr->top_n > 0) {
        ai_rerank_name(b, v->top);
        ai_buf_int(b, ai_rerank_top(rr));
    }

    if (v->max_tokens && rr->max_tokens > 0) {
        ai_rerank_name(b, v->max_tokens);
        ai_buf_int(b, rr->max_tokens);
    }

    /* clients but TEI's expect that long texts are cut */

    truncate = rr->truncate;

    if (truncate == -1 && !v->cuts && rr->shape != AI_RERANK_TEI) {
        truncate = 1;
    }

    if (v->truncate && truncate != -1) {
        ai_rerank_name(b, v->truncate);
        ai_buf_cat(b, truncate ? &ai_lit("true") : &ai_lit("false"));
    }

    if (v->quiet) {
        ai_rerank_name(b, "return_documents");
        ai_buf_lit(b, "false");
    }

    if (v->instruction && rr->instruction.len) {
        ai_rerank_name(b, "instruction");
        ai_buf_quote_esc(b, &rr->instruction);
    }

    if (v->raw_scores && rr->raw_scores) {
        ai_rerank_name(b, "raw_scores");
        ai_buf_lit(b, "true");
    }
}


static void
ai_rerank_name(ai_buf_t *b, const char *name)
{
    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));
    ai_buf_lit(b, "\":");
}


ai_int_t
ai_rerank_end(ai_buf_t *b, ai_error_t *err)
{
    ai_buf_char(b, '}');

    return b->failed ? ai_rerank_no_memory(err) : AI_OK;
}


ai_int_t
ai_rerank_check(const ai_rerank_vendor_t *v, const ai_rerank_t *rr,
    ai_dropped_t *dropped, ai_error_t *err)
{
    if (rr->instruction.len && !v->instruction) {
        ai_error_set_param(err, AI_ERR_UNSUPPORTED_PARAMETER,
                           "this model takes no instruction",
                           &ai_lit("instruction"));
        return AI_ERROR;
    }

    if (rr->raw_scores && !v->raw_scores) {
        ai_error_set_param(err, AI_ERR_UNSUPPORTED_PARAMETER,
                           "this model gives no raw scores",
                           &ai_lit("raw_scores"));
        return AI_ERROR;
    }

    if (rr->max_tokens > 0 && v->max_tokens == NULL) {
        ai_dropped_add(dropped, "max_tokens_per_doc");
    }

    if (v->truncate == NULL
        && (rr->truncate == 0 || (rr->truncate == 1 && !v->cuts)))
    {
        ai_dropped_add(dropped, "truncation");
    }

    return AI_OK;
}


/* more than there are is refused by some */

int64_t
ai_rerank_top(const ai_rerank_t *rr)
{
    return rr->top_n > 0 ? ai_min(rr->top_n, (int64_t) rr->n) : -1;
}


ai_int_t
ai_rerank_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err)
{
    ai_int_t           rc;
    uint32_t           n;
    ai_ref_t           list;
    ai_json_t          doc;
    ai_rerank_item_t  *item;

    ai_error_set(err, AI_ERR_NONE, NULL);
    ai_json_init(&doc, pool);

    if (ai_json_parse(&doc, body, NULL) != AI_OK) {
        return doc.error == AI_JSON_E_MEMORY ? ai_rerank_no_memory(err)
                                             : AI_ERROR;
    }

    if (ai_rerank_root(t, &doc, body, pool, &list, err) != AI_OK) {
        return AI_ERROR;
    }

    n = doc.node[list].count;

    if (n > call->u.rerank.n) {
        return AI_ERROR;
    }

    item = ai_pcalloc(pool, (n + 1) * sizeof(ai_rerank_item_t));
    if (item == NULL) {
        return ai_rerank_no_memory(err);
    }

    rc = ai_rerank_items(&doc, list, call->u.rerank.n, pool, item);

    if (rc != AI_OK) {
        return rc == AI_DONE ? ai_rerank_no_memory(err) : AI_ERROR;
    }

    ai_rerank_sort(item, n);

    if (ai_rerank_keep(&call->u.rerank, item, n, pool, res) != AI_OK) {
        return ai_rerank_no_memory(err);
    }

    if (ai_json_type(&doc, AI_JSON_ROOT) == AI_JSON_OBJECT) {
        ai_rerank_usage(&doc, res);
    }

    ai_pfree(pool, item);
    ai_pfree(pool, doc.node);

    return AI_OK;
}


static ai_int_t
ai_rerank_root(const ai_target_t *t, const ai_json_t *doc,
    const ai_str_t *body, const ai_pool_t *pool, ai_ref_t *list,
    ai_error_t *err)
{
    size_t  i;

    static const char  *const lists[] = { "results", "data", "records" };
    static const char  *const errors[] = { "error", "message", "detail" };

    *list = AI_JSON_ROOT;

    if (ai_json_type(doc, AI_JSON_ROOT) == AI_JSON_ARRAY) {
        return AI_OK;
    }

    if (ai_json_type(doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        return AI_ERROR;
    }

    for (i = 0; i < 3; i++) {
        *list = ai_json_get(doc, AI_JSON_ROOT, lists[i]);

        if (ai_json_type(doc, *list) == AI_JSON_ARRAY) {
            return AI_OK;
        }
    }

    for (i = 0; i < 3; i++) {
        if (!ai_json_is_null(doc, ai_json_get(doc, AI_JSON_ROOT, errors[i]))) {
            ai_provider_error(t->provider, 0, body, pool, err);
            break;
        }
    }

    return AI_ERROR;
}


/* AI_DONE: no memory */

static ai_int_t
ai_rerank_items(const ai_json_t *doc, ai_ref_t list, uint32_t n,
    const ai_pool_t *pool, ai_rerank_item_t *item)
{
    uint32_t    i, at;
    ai_int_t    rc;
    ai_ref_t    v;
    ai_char_t  *seen;

    seen = ai_pcalloc(pool, n / 8 + 1);
    if (seen == NULL) {
        return AI_DONE;
    }

    i = 0;
    rc = AI_OK;

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        item[i].place = i;

        if (ai_rerank_item(doc, v, &item[i]) != AI_OK) {
            rc = AI_ERROR;
            break;
        }

        at = item[i].rank.index;

        if (at >= n || (seen[at / 8] & (1 << at % 8))) {
            rc = AI_ERROR;
            break;
        }

        seen[at / 8] |= (ai_char_t) (1 << at % 8);
        i++;
    }

    ai_pfree(pool, seen);

    return rc;
}


static ai_int_t
ai_rerank_item(const ai_json_t *doc, ai_ref_t v, ai_rerank_item_t *item)
{
    size_t    i;
    ai_ref_t  score;

    static const char  *const names[] = {
        "relevance_score", "relevanceScore", "score"
    };

    if (ai_json_type(doc, v) != AI_JSON_OBJECT
        || ai_rerank_place(doc, v, &item->rank.index) != AI_OK)
    {
        return AI_ERROR;
    }

    score = AI_JSON_NONE;

    for (i = 0; i < 3 && score == AI_JSON_NONE; i++) {
        score = ai_json_get(doc, v, names[i]);
    }

    if (ai_json_double(doc, score, &item->score) != AI_OK) {
        return AI_ERROR;
    }

    item->rank.score = ai_json_raw(doc, score);

    return item->rank.score.len > AI_RERANK_NUMBER_MAX ? AI_ERROR : AI_OK;
}


/* Vertex gives back the id of a record, in which its place was sent */

static ai_int_t
ai_rerank_place(const ai_json_t *doc, ai_ref_t v, uint32_t *index)
{
    size_t    i;
    int64_t   n;
    ai_esc_t  id;
    ai_ref_t  ref;

    ref = ai_json_get(doc, v, "index");
    n = 0;

    if (ref != AI_JSON_NONE) {
        if (ai_json_int(doc, ref, &n) != AI_OK || n < 0 || n > INT32_MAX) {
            return AI_ERROR;
        }

        *index = (uint32_t) n;

        return AI_OK;
    }

    id = ai_json_esc(doc, ai_json_get(doc, v, "id"));

    if (id.len == 0 || id.len > AI_RERANK_ID_MAX) {
        return AI_ERROR;
    }

    for (i = 0; i < id.len; i++) {
        if (id.data[i] < '0' || id.data[i] > '9') {
            return AI_ERROR;
        }

        n = n * 10 + (id.data[i] - '0');
    }

    if (n > INT32_MAX) {
        return AI_ERROR;
    }

    *index = (uint32_t) n;

    return AI_OK;
}


/* nearly always it is in order; else a heap with the worst on top */

static void
ai_rerank_sort(ai_rerank_item_t *item, uint32_t n)
{
    uint32_t          i;
    ai_rerank_item_t  tmp;

    for (i = 1; i < n; i++) {
        if (ai_rerank_worse(&item[i - 1], &item[i])) {
            break;
        }
    }

    if (i >= n) {
        return;
    }

    for (i = n / 2; i > 0; i--) {
        ai_rerank_sink(item, i - 1, n);
    }

    for (i = n - 1; i > 0; i--) {
        tmp = item[0];
        item[0] = item[i];
        item[i] = tmp;

        ai_rerank_sink(item, 0, i);
    }
}


static void
ai_rerank_sink(ai_rerank_item_t *item, uint32_t i, uint32_t n)
{
    uint32_t          child;
    ai_rerank_item_t  tmp;

    for ( ;; ) {
        child = 2 * i + 1;

        if (child >= n) {
            return;
        }

        if (child + 1 < n && ai_rerank_worse(&item[child + 1], &item[child])) {
            child++;
        }

        if (!ai_rerank_worse(&item[child], &item[i])) {
            return;
        }

        tmp = item[i];
        item[i] = item[child];
        item[child] = tmp;

        i = child;
    }
}


static ai_int_t
ai_rerank_worse(const ai_rerank_item_t *a, const ai_rerank_item_t *b)
{
    if (a->score < b->score) {
        return 1;
    }

    return !(a->score > b->score) && a->place > b->place;
}


static ai_int_t
ai_rerank_keep(const ai_rerank_t *rr, const ai_rerank_item_t *item,
    uint32_t n, const ai_pool_t *pool, ai_result_t *res)
{
    uint32_t  i;

    if (rr->top_n > 0 && rr->top_n < (int64_t) n) {
        n = (uint32_t) rr->top_n;
    }

    if (n == 0) {
        return AI_OK;
    }

    res->ranks = ai_palloc(pool, n * sizeof(ai_rank_t));
    if (res->ranks == NULL) {
        return AI_ERROR;
    }

    for (i = 0; i < n; i++) {
        res->ranks[i] = item[i].rank;
    }

    res->n = n;

    return AI_OK;
}


static void
ai_rerank_usage(const ai_json_t *doc, ai_result_t *res)
{
    ai_ref_t     usage, tokens, billed;
    ai_usage_t  *u;

    u = &res->usage;

    usage = ai_json_get(doc, AI_JSON_ROOT, "usage");
    tokens = ai_json_path(doc, AI_JSON_ROOT, "meta", "tokens", NULL);
    billed = ai_json_path(doc, AI_JSON_ROOT, "meta", "billed_units", NULL);

    u->prompt = ai_rerank_count(doc, usage, "prompt_tokens");
    u->completion = ai_rerank_count(doc, usage, "completion_tokens");
    u->total = ai_rerank_count(doc, usage, "total_tokens");

    if (u->prompt < 0) {
        u->prompt = ai_rerank_count(doc, tokens, "input_tokens");
    }

    if (u->completion < 0) {
        u->completion = ai_rerank_count(doc, tokens, "output_tokens");
    }

    /* who gives one number means what was read */

    if (u->prompt < 0 && u->completion <= 0) {
        u->prompt = u->total;
    }

    res->units = ai_rerank_count(doc, billed, "search_units");
    u->searches = res->units;

    ai_usage_normalise(u);

    res->id = ai_json_esc(doc, ai_json_get(doc, AI_JSON_ROOT, "id"));
    res->model = ai_json_esc(doc, ai_json_get(doc, AI_JSON_ROOT, "model"));
}


static int64_t
ai_rerank_count(const ai_json_t *doc, ai_ref_t object, const char *name)
{
    int64_t  n;

    if (ai_json_int(doc, ai_json_get(doc, object, name), &n) != AI_OK
        || n < 0 || n > AI_RERANK_COUNT_TOP)
    {
        return -1;
    }

    return n;
}


static ai_int_t
ai_rerank_no_memory(ai_error_t *err)
{
    ai_error_set(err, AI_ERR_SERVER, NULL);

    return AI_ERROR;
}
