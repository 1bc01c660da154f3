
/*
 * A hash of 64 bits that is the same on every machine: what is in files, and
 * shared by nodes, is found by it.
 */

#ifndef AI_HASH_H
#define AI_HASH_H


#include <base/ai_base.h>


#pragma GCC visibility push(hidden)


uint64_t ai_hash(const ai_char_t *p, size_t len);


#pragma GCC visibility pop


#endif /* AI_HASH_H */
