
/*
 * The calls of a request's history, found by their ids.
 */

#include <provider/ai_gemini_build_int.h>


static void ai_gemini_sort(ai_gemini_call_t **a, uint32_t n);
static void ai_gemini_sift(ai_gemini_call_t **a, uint32_t i, uint32_t n);
static int ai_gemini_compare(const ai_esc_t *id1, uint32_t order1,
    const ai_esc_t *id2, uint32_t order2);


/* all calls of the history, to find them by id later */

ai_int_t
ai_gemini_calls(ai_gemini_build_t *g)
{
    uint32_t           n, results;
    const ai_turn_t   *turn;
    const ai_block_t  *block;

    n = 0;
    results = 0;

    for (turn = g->rq->turns; turn != NULL; turn = turn->next) {
        for (block = turn->blocks; block != NULL; block = block->next) {
            n += (turn->role == AI_ROLE_ASSISTANT
                  && block->kind == AI_BLOCK_TOOL_CALL);
            results += (block->kind == AI_BLOCK_TOOL_RESULT);
        }
    }

    if (n == 0 || results == 0) {
        return AI_OK;
    }

    g->call = ai_pcalloc(g->pool, n * sizeof(ai_gemini_call_t));
    if (g->call == NULL) {
        return AI_ERROR;
    }

    g->sorted = ai_palloc(g->pool, n * sizeof(ai_gemini_call_t *));
    if (g->sorted == NULL) {
        return AI_ERROR;
    }

    g->result = ai_palloc(g->pool, results * sizeof(ai_gemini_result_t));
    if (g->result == NULL) {
        return AI_ERROR;
    }

    for (turn = g->rq->turns; turn != NULL; turn = turn->next) {

        if (turn->role != AI_ROLE_ASSISTANT) {
            continue;
        }

        for (block = turn->blocks; block != NULL; block = block->next) {

            if (block->kind != AI_BLOCK_TOOL_CALL) {
                continue;
            }

            g->call[g->ncalls].block = block;
            g->call[g->ncalls].order = g->ncalls;
            g->sorted[g->ncalls] = &g->call[g->ncalls];
            g->ncalls++;
        }
    }

    ai_gemini_sort(g->sorted, g->ncalls);

    return AI_OK;
}


/* heap sort: no memory, and no input is slow */

static void
ai_gemini_sort(ai_gemini_call_t **a, uint32_t n)
{
    uint32_t           i;
    ai_gemini_call_t  *call;

    for (i = n / 2; i > 0; i--) {
        ai_gemini_sift(a, i - 1, n);
    }

    while (n > 1) {
        n--;

        call = a[0];
        a[0] = a[n];
        a[n] = call;

        ai_gemini_sift(a, 0, n);
    }
}


static void
ai_gemini_sift(ai_gemini_call_t **a, uint32_t i, uint32_t n)
{
    uint32_t           k;
    ai_gemini_call_t  *call;

    while ((k = 2 * i + 1) < n) {

        if (k + 1 < n
            && ai_gemini_compare(&a[k]->block->id, a[k]->order,
                                 &a[k + 1]->block->id, a[k + 1]->order) < 0)
        {
            k++;
        }

        if (ai_gemini_compare(&a[i]->block->id, a[i]->order,
                              &a[k]->block->id, a[k]->order) >= 0)
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
ai_gemini_compare(const ai_esc_t *id1, uint32_t order1, const ai_esc_t *id2,
    uint32_t order2)
{
    int  rc;

    if (id1->len != id2->len) {
        return id1->len < id2->len ? -1 : 1;
    }

    rc = id1->len != 0 ? memcmp(id1->data, id2->data, id1->len) : 0;

    if (rc != 0) {
        return rc;
    }

    return (order1 > order2) - (order1 < order2);
}


/* the last call of that id that was written; clients use ids again */

ai_gemini_call_t *
ai_gemini_call(ai_gemini_build_t *g, const ai_esc_t *id)
{
    uint32_t           low, high, mid;
    ai_gemini_call_t  *call;

    low = 0;
    high = g->ncalls;

    while (low < high) {
        mid = low + (high - low) / 2;
        call = g->sorted[mid];

        if (ai_gemini_compare(&call->block->id, call->order, id, g->past)
            < 0)
        {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    if (low == 0) {
        return NULL;
    }

    call = g->sorted[low - 1];

    return ai_str_eq(&call->block->id, id) ? call : NULL;
}
