
/*
 * Rerank at providers: what the services share.
 *
 *   ai_rerank_upstream.c   the answer of any of them, and parts of requests
 *   ai_rerank_vendors.c    Cohere, Jina, Voyage, hosts that follow OpenAI, TEI
 *   ai_rerank_cloud.c      Amazon Bedrock, Vertex AI
 */

#ifndef AI_RERANK_UPSTREAM_INT_H
#define AI_RERANK_UPSTREAM_INT_H


#include <provider/ai_provider.h>


/* what a vendor takes beside a query and texts */
typedef struct {
    const char        *list;        /* of the texts */
    const char        *top;         /* NULL: the whole order comes back */
    const char        *truncate;    /* a flag, or NULL */
    const char        *max_tokens;  /* of a document, or NULL */
    unsigned           model:1;
    unsigned           quiet:1;     /* has to be told to leave texts out */
    unsigned           instruction:1;
    unsigned           raw_scores:1;
    unsigned           cuts:1;      /* cuts long texts unless told not to */
} ai_rerank_vendor_t;


#pragma GCC visibility push(hidden)


/*
 * The body, without its closing brace if more is to come.  Refused:
 * an instruction and raw scores where the vendor has none.
 */
ai_int_t ai_rerank_body(const ai_rerank_vendor_t *v, const ai_target_t *t,
    const ai_call_t *call, ai_buf_t *b, ai_dropped_t *dropped,
    ai_error_t *err);
ai_int_t ai_rerank_end(ai_buf_t *b, ai_error_t *err);

/* the two parts of it */
ai_int_t ai_rerank_check(const ai_rerank_vendor_t *v, const ai_rerank_t *rr,
    ai_dropped_t *dropped, ai_error_t *err);
int64_t ai_rerank_top(const ai_rerank_t *rr);        /* at most n, or -1 */

/*
 * An answer of any vendor: a list that is the root or one of its members
 * "results", "data", "records"; of objects with "index" or, as text, "id",
 * and with "relevance_score", "relevanceScore" or "score".  Places must be in
 * range and differ.  Sorted here, unless it was, and cut to top_n.
 */
ai_int_t ai_rerank_answer(const ai_target_t *t, const ai_call_t *call,
    const ai_str_t *body, const ai_pool_t *pool, ai_result_t *res,
    ai_error_t *err);


#pragma GCC visibility pop


#endif /* AI_RERANK_UPSTREAM_INT_H */
