
/*
 * What fuzz targets share: a pool over malloc(), so that the sanitizer sees
 * every block, and must(), which stops the run.
 */

#ifndef T_FUZZ_H
#define T_FUZZ_H


#include <stdio.h>
#include <stdlib.h>

#include <base/ai_base.h>


#define must(cond)                                                            \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "%s:%d: false: %s\n", __FILE__, __LINE__, #cond); \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void *
fuzz_alloc(void *data, size_t size)
{
    (void) data;

    return malloc(size);
}


static void
fuzz_free(void *data, void *p)
{
    (void) data;

    free(p);
}


static const ai_pool_t  fuzz_pool = { fuzz_alloc, fuzz_free, NULL };


#endif /* T_FUZZ_H */
