
/*
 * Rerank, as clients speak it to us: what its files share.
 *
 *   ai_rerank_dialect.c   the row, the peek
 *   ai_rerank_decode.c    a request
 *   ai_rerank_reply.c     an answer, and errors
 *
 * Nobody's standard, but most follow Cohere: Jina, Together, vLLM, Fireworks.
 * Voyage says "top_k" and "truncation" and answers with "data", Hugging Face's
 * TEI says "texts" and answers with an array.  A request in one of their
 * spellings is answered in it, so that their SDKs can read the answer.
 */

#ifndef AI_RERANK_INT_H
#define AI_RERANK_INT_H


#include <api/ai_dialect.h>


#pragma GCC visibility push(hidden)


/* the contracts of ai_form_t */

ai_int_t ai_rerank_decode(const ai_json_t *doc, const ai_peek_t *peek,
    const ai_pool_t *pool, ai_call_t *call, ai_dropped_t *dropped,
    ai_error_t *err);

ai_int_t ai_rerank_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out);

/* {"message":".."} */
void ai_rerank_error(ai_buf_t *b, const ai_error_t *err);


#pragma GCC visibility pop


#endif /* AI_RERANK_INT_H */
