
/*
 * What the files of the multipart reader share.
 */

#ifndef AI_MULTIPART_INT_H
#define AI_MULTIPART_INT_H


#include <codec/ai_multipart.h>


#pragma GCC visibility push(hidden)


/*
 * Reads the header block of a part, which ends with an empty line, into part.
 * *encoded: there is a Content-Transfer-Encoding that changes the value.
 * AI_OK, AI_DECLINED: malformed, AI_ERROR: no memory.
 */
ai_int_t ai_multipart_head(const ai_str_t *head, const ai_pool_t *pool,
    ai_multipart_part_t *part, ai_int_t *encoded);


#pragma GCC visibility pop


#endif /* AI_MULTIPART_INT_H */
