
/*
 * CRC-32 as zlib has it.
 */

#ifndef AI_CRC32_H
#define AI_CRC32_H


#include <base/ai_base.h>


#pragma GCC visibility push(hidden)


uint32_t ai_crc32(const ai_char_t *p, size_t len);
/* of what has the sum crc, and these bytes behind it */
uint32_t ai_crc32_more(uint32_t crc, const ai_char_t *p, size_t len);


#pragma GCC visibility pop


#endif /* AI_CRC32_H */
