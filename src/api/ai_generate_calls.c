
/*
 * Which call a functionResponse answers: the one with its id; without ids the
 * first one of its name that has no response yet, in the last turn that had
 * calls, then before it.
 */

#include <api/ai_generate_int.h>


typedef struct {
    const ai_block_t  *block;
    uint32_t           order;       /* among all calls */
    unsigned           answered:1;
} ai_generate_call_t;


typedef struct {
    ai_generate_call_t   *call;
    ai_generate_call_t  **by_id;
    ai_generate_call_t  **by_name;
    uint32_t             *from;     /* of a name's first place in by_name: the
                                       first that may have no response */
    uint32_t              n;
    uint32_t              past;     /* calls seen so far */
    uint32_t              base;     /* the last turn's first */
} ai_generate_link_t;


static ai_int_t ai_generate_link_init(ai_generate_link_t *l,
    const ai_openai_ctx_t *c, const ai_request_t *rq, uint32_t n);
static ai_int_t ai_generate_link_one(ai_generate_link_t *l,
    const ai_openai_ctx_t *c, ai_block_t *result);
static ai_generate_call_t *ai_generate_link_id(ai_generate_link_t *l,
    const ai_esc_t *id);
static ai_generate_call_t *ai_generate_link_name(ai_generate_link_t *l,
    const ai_esc_t *name);
static uint32_t ai_generate_lower(ai_generate_call_t *const *a, uint32_t n,
    size_t at, const ai_esc_t *s, uint32_t order);
static void ai_generate_sort(ai_generate_call_t **a, uint32_t n, size_t at);
static void ai_generate_sift(ai_generate_call_t **a, uint32_t i, uint32_t n,
    size_t at);
static int ai_generate_compare(const ai_esc_t *s1, uint32_t order1,
    const ai_esc_t *s2, uint32_t order2);


#define ai_generate_key(call, at)                                             \
    ((const ai_esc_t *) (const void *) ((const char *) (call)->block + (at)))


ai_int_t
ai_generate_link(const ai_openai_ctx_t *c, const ai_request_t *rq)
{
    uint32_t             calls, results;
    ai_int_t             any;
    ai_turn_t           *turn;
    ai_block_t          *b;
    ai_generate_link_t   l;

    calls = 0;
    results = 0;

    for (turn = rq->turns; turn; turn = turn->next) {
        for (b = turn->blocks; b; b = b->next) {
            calls += b->kind == AI_BLOCK_TOOL_CALL;
            results += b->kind == AI_BLOCK_TOOL_RESULT;
        }
    }

    if (results == 0) {
        return AI_OK;
    }

    if (ai_generate_link_init(&l, c, rq, calls) != AI_OK) {
        return ai_openai_no_memory(c);
    }

    for (turn = rq->turns; turn; turn = turn->next) {
        any = 0;

        for (b = turn->blocks; b; b = b->next) {

            if (b->kind == AI_BLOCK_TOOL_CALL) {
                l.base = any ? l.base : l.past;
                l.past++;
                any = 1;

            } else if (b->kind == AI_BLOCK_TOOL_RESULT
                       && ai_generate_link_one(&l, c, b) != AI_OK)
            {
                return AI_ERROR;
            }
        }
    }

    return AI_OK;
}


static ai_int_t
ai_generate_link_init(ai_generate_link_t *l, const ai_openai_ctx_t *c,
    const ai_request_t *rq, uint32_t n)
{
    uint32_t            i;
    const ai_turn_t    *turn;
    const ai_block_t   *b;

    memset(l, 0, sizeof(ai_generate_link_t));

    if (n == 0) {
        return AI_OK;
    }

    l->call = ai_pcalloc(c->pool, n * sizeof(ai_generate_call_t));
    l->by_id = ai_palloc(c->pool, n * sizeof(ai_generate_call_t *));
    l->by_name = ai_palloc(c->pool, n * sizeof(ai_generate_call_t *));
    l->from = ai_palloc(c->pool, n * sizeof(uint32_t));

    if (l->call == NULL || l->by_id == NULL || l->by_name == NULL
        || l->from == NULL)
    {
        return AI_ERROR;
    }

    for (turn = rq->turns; turn; turn = turn->next) {
        for (b = turn->blocks; b; b = b->next) {
            if (b->kind != AI_BLOCK_TOOL_CALL) {
                continue;
            }

            i = l->n++;

            l->call[i].block = b;
            l->call[i].order = i;
            l->by_id[i] = &l->call[i];
            l->by_name[i] = &l->call[i];
            l->from[i] = i;
        }
    }

    ai_generate_sort(l->by_id, n, offsetof(ai_block_t, id));
    ai_generate_sort(l->by_name, n, offsetof(ai_block_t, name));

    return AI_OK;
}


static ai_int_t
ai_generate_link_one(ai_generate_link_t *l, const ai_openai_ctx_t *c,
    ai_block_t *result)
{
    ai_generate_call_t  *call;

    call = result->id.len ? ai_generate_link_id(l, &result->id) : NULL;

    if (call == NULL) {
        call = ai_generate_link_name(l, &result->name);
    }

    if (call == NULL) {
        return ai_openai_bad_value(c, NULL, "contents",
                                   ": a functionResponse has no functionCall "
                                   "before it.");
    }

    call->answered = 1;
    result->id = call->block->id;

    return AI_OK;
}


/* the last of them: clients use ids again */

static ai_generate_call_t *
ai_generate_link_id(ai_generate_link_t *l, const ai_esc_t *id)
{
    uint32_t             i;
    ai_generate_call_t  *call;

    if (l->by_id == NULL) {
        return NULL;
    }

    i = ai_generate_lower(l->by_id, l->n, offsetof(ai_block_t, id), id,
                          l->past);
    if (i == 0) {
        return NULL;
    }

    call = l->by_id[i - 1];

    return ai_str_eq(&call->block->id, id) ? call : NULL;
}


/*
 * The calls of a name lie together in by_name, in their order.  The first
 * pass starts at the last turn, the second at the first call left; "from"
 * only grows, so that all passes of the second kind together are linear.
 */

static ai_generate_call_t *
ai_generate_link_name(ai_generate_link_t *l, const ai_esc_t *name)
{
    size_t     at;
    uint32_t   first, i, start, pass;

    at = offsetof(ai_block_t, name);

    first = ai_generate_lower(l->by_name, l->n, at, name, 0);

    if (first == l->n || !ai_str_eq(&l->by_name[first]->block->name, name)) {
        return NULL;
    }

    for (pass = 0; pass < 2; pass++) {

        start = pass == 0 ? ai_generate_lower(l->by_name, l->n, at, name,
                                              l->base)
                          : first;

        if (start == l->n
            || !ai_str_eq(&l->by_name[start]->block->name, name))
        {
            continue;
        }

        for (i = ai_max(l->from[start], start);
             i < l->n && l->by_name[i]->order < l->past
             && ai_str_eq(&l->by_name[i]->block->name, name);
             i++)
        {
            if (!l->by_name[i]->answered) {
                l->from[start] = i;
                return l->by_name[i];
            }
        }

        l->from[start] = i;
    }

    return NULL;
}


/* the first that is not before (s, order) */

static uint32_t
ai_generate_lower(ai_generate_call_t *const *a, uint32_t n, size_t at,
    const ai_esc_t *s, uint32_t order)
{
    uint32_t  low, high, mid;

    low = 0;
    high = n;

    while (low < high) {
        mid = low + (high - low) / 2;

        if (ai_generate_compare(ai_generate_key(a[mid], at), a[mid]->order,
                                s, order) < 0)
        {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    return low;
}


/* heap sort: no memory, and no input is slow */

static void
ai_generate_sort(ai_generate_call_t **a, uint32_t n, size_t at)
{
    uint32_t             i;
    ai_generate_call_t  *call;

    for (i = n / 2; i > 0; i--) {
        ai_generate_sift(a, i - 1, n, at);
    }

    while (n > 1) {
        n--;

        call = a[0];
        a[0] = a[n];
        a[n] = call;

        ai_generate_sift(a, 0, n, at);
    }
}


static void
ai_generate_sift(ai_generate_call_t **a, uint32_t i, uint32_t n, size_t at)
{
    uint32_t             k;
    ai_generate_call_t  *call;

    while ((k = 2 * i + 1) < n) {

        if (k + 1 < n
            && ai_generate_compare(ai_generate_key(a[k], at), a[k]->order,
                                   ai_generate_key(a[k + 1], at),
                                   a[k + 1]->order) < 0)
        {
            k++;
        }

        if (ai_generate_compare(ai_generate_key(a[i], at), a[i]->order,
                                ai_generate_key(a[k], at), a[k]->order) >= 0)
        {
            return;
        }

        call = a[i];
        a[i] = a[k];
        a[k] = call;

        i = k;
    }
}


static int
ai_generate_compare(const ai_esc_t *s1, uint32_t order1, const ai_esc_t *s2,
    uint32_t order2)
{
    int  rc;

    if (s1->len != s2->len) {
        return s1->len < s2->len ? -1 : 1;
    }

    rc = s1->len ? memcmp(s1->data, s2->data, s1->len) : 0;

    if (rc) {
        return rc;
    }

    return (order1 > order2) - (order1 < order2);
}
