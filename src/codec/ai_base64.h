
/*
 * Base64, RFC 4648.
 */

#ifndef AI_BASE64_H
#define AI_BASE64_H


#include <base/ai_buf.h>


#pragma GCC visibility push(hidden)


/* appends s encoded, with padding */
void ai_base64_encode(ai_buf_t *b, const ai_str_t *s);

/*
 * Appends s decoded; no memory sets b->failed.  Either alphabet is taken, and
 * the padding may be missing.  AI_ERROR: another byte, or a length that none
 * has; nothing is appended then.
 */
ai_int_t ai_base64_decode(ai_buf_t *b, const ai_str_t *s);


#pragma GCC visibility pop


#endif /* AI_BASE64_H */
