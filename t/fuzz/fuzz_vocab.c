
/*
 * A word counted twice, by the tables and by merging it as it is defined: with
 * a vocabulary that is compiled in, and with one out of the input.
 *
 * The input: a byte n, n % 64 tokens as a byte for the length, 1 to 8, and
 * their bytes, then the word.
 */

#include "fuzz.h"
#include "vocab_naive.h"


#define TOKENS  63
#define WORD    400         /* longer ones take the definition too long */


static const ai_vocab_t  *compiled_in;
static naive_t            compiled_in_naive;


static void
check(const ai_vocab_t *v, const naive_t *naive, const uint8_t *p, size_t len)
{
    size_t  n;

    n = ai_vocab_count(v, p, len);

    must(n <= len);
    must(n == (len ? naive_count(naive, p, len) : 0));
    must(n == ai_vocab_count(v, p, len));
}


/* a pool that is dropped as a whole */

static void  *blocks[64];
static int    nblocks;


static void *
arena_alloc(void *data, size_t size)
{
    (void) data;

    must(nblocks < 64);
    blocks[nblocks] = malloc(size);

    return blocks[nblocks++];
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ai_pool_t  arena = { arena_alloc, NULL, NULL };

    size_t       len;
    uint32_t     n, *offset;
    naive_t      naive;
    ai_char_t   *bytes;
    ai_vocab_t  *v;

    if (compiled_in == NULL) {
        compiled_in = ai_vocab_build(&ai_vocab_data[1], &fuzz_pool);
        must(compiled_in != NULL);
        naive_open(&compiled_in_naive, &ai_vocab_data[1]);
    }

    if (size == 0) {
        return 0;
    }

    bytes = naive_alloc(TOKENS * 8);
    offset = naive_alloc((TOKENS + 1) * sizeof(uint32_t));
    offset[0] = 0;
    n = 0;

    for (len = *data++ % 64, size--; n < len && size; n++) {
        offset[n + 1] = offset[n] + *data++ % 8 + 1;
        size--;

        if (offset[n + 1] - offset[n] > size) {
            break;
        }

        memcpy(bytes + offset[n], data, offset[n + 1] - offset[n]);
        data += offset[n + 1] - offset[n];
        size -= offset[n + 1] - offset[n];
    }

    len = ai_min(size, WORD);

    check(compiled_in, &compiled_in_naive, data, len);

    v = ai_vocab_build_list(bytes, offset, n, &arena);

    if (naive_init(&naive, bytes, offset, n) && n) {
        must(v != NULL);
        check(v, &naive, data, len);

    } else {
        must(v == NULL);
    }

    while (nblocks) {
        free(blocks[--nblocks]);
    }

    naive_free(&naive);

    return 0;
}
