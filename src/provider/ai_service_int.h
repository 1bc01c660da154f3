
/*
 * What services share with their provider's chat.
 */

#ifndef AI_SERVICE_INT_H
#define AI_SERVICE_INT_H


#include <provider/ai_provider.h>


typedef ai_int_t (*ai_chat_build_pt)(const ai_target_t *t,
    const ai_request_t *rq, const ai_pool_t *pool, ai_buf_t *body,
    ai_dropped_t *dropped, ai_error_t *err);


#pragma GCC visibility push(hidden)


/* the path of the provider's chat with another end: "/converse" */
void ai_service_path(const ai_target_t *t, const char *was, const char *now,
    ai_buf_t *b);

/*
 * The members named of the body that build writes for call's chat, without
 * what only tunes an answer: "a":..,"b":.. in their order there.  AI_ERROR as
 * build's.
 */
ai_int_t ai_count_members(ai_chat_build_pt build, const ai_target_t *t,
    const ai_call_t *call, const ai_pool_t *pool, const ai_str_t *names,
    size_t n, ai_buf_t *b, ai_dropped_t *dropped, ai_error_t *err);

ai_int_t ai_count_end(const char *brackets, ai_buf_t *b, ai_error_t *err);

/* an answer: an object with a number in "name", and in "cached" unless that
 * is NULL; as ai_service_t's */
ai_int_t ai_count_answer(const ai_target_t *t, const ai_str_t *body,
    const ai_pool_t *pool, const char *name, const char *cached,
    ai_result_t *res, ai_error_t *err);


#pragma GCC visibility pop


#endif /* AI_SERVICE_INT_H */
