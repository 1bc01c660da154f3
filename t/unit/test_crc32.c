
/*
 * The sum, as it is made here and as it is made on other processors,
 * against the sum by single bits: every length and alignment up to some words.
 */

#include <codec/ai_crc32.h>

#define AI_NO_SIMD  1
#define ai_crc32  plain
#define ai_crc32_more  plain_more
uint32_t plain(const ai_char_t *p, size_t len);
uint32_t plain_more(uint32_t crc, const ai_char_t *p, size_t len);
#include <codec/ai_crc32.c>
#undef ai_crc32
#undef ai_crc32_more

#include "mem.h"
#include "tap.h"


static uint32_t
slow(const unsigned char *p, size_t len)
{
    int       i;
    uint32_t  c;

    for (c = 0xffffffff; len; len--) {
        c ^= *p++;

        for (i = 0; i < 8; i++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        }
    }

    return ~c;
}


int
main(void)
{
    size_t         len, from, wrong;
    uint32_t       n;
    unsigned char  bytes[128], *p;

    n = 1;

    for (len = 0; len < sizeof(bytes); len++) {
        n = n * 1664525 + 1013904223;
        bytes[len] = (unsigned char) (n >> 24);
    }

    wrong = 0;

    for (from = 0; from < 9; from++) {
        for (len = 0; len < 115; len++) {
            wrong += ai_crc32(bytes + from, len) != slow(bytes + from, len);
            wrong += plain(bytes + from, len) != slow(bytes + from, len);
        }
    }

    is_int(wrong, 0, "every length at every alignment");

    for (len = 0; len < 100; len++) {
        p = guard_copy(bytes, len);
        wrong += ai_crc32(p, len) != slow(bytes, len);
        wrong += plain(p, len) != slow(bytes, len);
    }

    is_int(wrong, 0, "nothing is read behind the end");

    for (from = 0; from < 100; from++) {
        n = ai_crc32_more(ai_crc32(bytes, from), bytes + from, 100 - from);
        wrong += n != slow(bytes, 100);
        n = plain_more(plain(bytes, from), bytes + from, 100 - from);
        wrong += n != slow(bytes, 100);
    }

    is_int(wrong, 0, "in two pieces");

    is_int(ai_crc32((const ai_char_t *) "123456789", 9), 0xcbf43926,
           "the check value that everyone has");

    guard_free();

    return done();
}
