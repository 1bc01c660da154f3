
/*
 * Chunks of numbers and strings for files of our own: a type, a length, a CRC,
 * then fields.  Readers take what they know and leave the rest of a chunk, so
 * that fields may be added at its end.
 *
 *     u32 type | u32 length of the fields | u32 crc of both and the fields |
 *     fields: int64 (8 bytes), string (u32 length, bytes); little-endian
 */

#ifndef AI_PACK_H
#define AI_PACK_H


#include <base/ai_buf.h>


typedef struct {
    uint32_t           type;
    ai_str_t           fields;      /* what is left of them */
    unsigned           failed:1;    /* a field was not there */
} ai_unpack_t;


#pragma GCC visibility push(hidden)


/* begin returns a mark that end wants */
size_t ai_pack_begin(ai_buf_t *b, uint32_t type);
void ai_pack_int(ai_buf_t *b, int64_t n);
void ai_pack_str(ai_buf_t *b, const ai_str_t *s);
void ai_pack_end(ai_buf_t *b, size_t mark);

/* takes the next chunk off in; AI_DONE: in is empty; AI_ERROR: damaged, or cut
 * off, and nothing behind it can be found */
ai_int_t ai_unpack(ai_str_t *in, ai_unpack_t *u);

/* 0 and an empty string where there is no such field; strings point into the
 * input */
int64_t ai_unpack_int(ai_unpack_t *u);
ai_str_t ai_unpack_str(ai_unpack_t *u);


#pragma GCC visibility pop


#endif /* AI_PACK_H */
