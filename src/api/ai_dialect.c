
#include <api/ai_dialect.h>


#define AI_DIALECT_ID  29


void
ai_dialect_id(ai_buf_t *b, const ai_char_t random[16])
{
    size_t     i;
    uint64_t   lane[2];
    ai_char_t  id[AI_DIALECT_ID];

    static const char  letters[] = "0123456789"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz";

    memcpy(lane, random, sizeof(lane));

    /* two 64-bit congruential sequences (Knuth's MMIX constants), seeded by
     * the two halves: an id has to be unlike others, not unpredictable */

    for (i = 0; i < AI_DIALECT_ID; i++) {
        lane[i & 1] = lane[i & 1] * UINT64_C(6364136223846793005)
                      + UINT64_C(1442695040888963407);
        id[i] = letters[(lane[i & 1] >> 33) % 62];
    }

    ai_buf_add(b, id, AI_DIALECT_ID);
}
