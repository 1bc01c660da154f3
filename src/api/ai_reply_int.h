
/*
 * What the writers of answers share.
 */

#ifndef AI_REPLY_INT_H
#define AI_REPLY_INT_H


#include <api/ai_event.h>


#pragma GCC visibility push(hidden)


/* an array of want elements in place of one of n: the new ones are zeroed,
 * the old one is freed; NULL, and nothing has changed, without memory */
void *ai_reply_grow(const ai_pool_t *pool, void *old, uint32_t n,
    uint32_t want, size_t size);

/* err, or if it is NULL what to say where the provider ended the answer as
 * failed, in *invalid */
const ai_error_t *ai_reply_error(const ai_error_t *err, ai_error_t *invalid);


#pragma GCC visibility pop


#endif /* AI_REPLY_INT_H */
