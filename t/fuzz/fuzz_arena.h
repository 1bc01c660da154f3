
/*
 * A pool that is emptied at once.
 */

#ifndef T_FUZZ_ARENA_H
#define T_FUZZ_ARENA_H


#include "fuzz.h"


typedef struct fuzz_block_s  fuzz_block_t;

struct fuzz_block_s {
    fuzz_block_t  *next;
    size_t         pad;
};


static fuzz_block_t  *blocks;


static void *
arena_alloc(void *data, size_t size)
{
    fuzz_block_t  *b;

    (void) data;

    b = malloc(sizeof(fuzz_block_t) + size);
    must(b != NULL);

    b->next = blocks;
    blocks = b;

    return b + 1;
}


static void
arena_free(void)
{
    fuzz_block_t  *b;

    while (blocks) {
        b = blocks;
        blocks = b->next;
        free(b);
    }
}


static const ai_pool_t  arena = { arena_alloc, NULL, NULL };


#endif /* T_FUZZ_ARENA_H */
