
/*
 * The decoder of OpenAI-shaped answers: events obey their grammar, and the
 * way the stream is cut makes no difference.  The first byte chooses the size
 * of the pieces.
 */

#include "../unit/upstream.h"

#include <provider/ai_provider_rows_int.h>


__attribute__((weak)) const ai_provider_t  ai_provider_anthropic = {
    .name = ai_string("anthropic")
};
__attribute__((weak)) const ai_provider_t  ai_provider_gemini = {
    .name = ai_string("gemini")
};


#define BLOCKS  8192


static void    *blocks[BLOCKS];
static size_t   nblocks;
static seen_t   whole, parts;


static void *
take(void *data, size_t size)
{
    (void) data;

    return nblocks < BLOCKS ? (blocks[nblocks++] = malloc(size)) : NULL;
}


static void
check(int cond)
{
    if (!cond) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char            *a, *b;
    ai_int_t         rc, again;
    ai_str_t         body;
    ai_sink_t        sink = { seen_event, &parts };
    ai_decoder_t    *d;
    const ai_pool_t  pool = { take, NULL, NULL };

    if (size < 2 || size > 65536) {
        return 0;
    }

    seen_free(&whole);
    seen_free(&parts);

    rc = stream_run(&ai_provider_openrouter, &pool, &whole,
                    (const char *) data + 1, size - 1, 0, size);
    again = stream_run(&ai_provider_openrouter, &pool, &parts,
                       (const char *) data + 1, size - 1, 0, data[0] + 1u);

    a = seen_dump(&whole);
    b = seen_dump(&parts);

    check(rc == again && strcmp(a, b) == 0);
    check(whole.bad == NULL);
    check(rc != AI_OK || whole.errors || whole.starts == 0
          || whole.finishes > 0);

    free(a);
    free(b);
    seen_free(&parts);

    d = ai_decoder_create(&ai_provider_xai, &pool, &sink);
    check(d != NULL);

    body.data = (ai_char_t *) data + 1;
    body.len = size - 1;

    rc = d->provider->answer(d, &body);

    check(parts.bad == NULL);
    check(rc != AI_OK || parts.errors || parts.finishes > 0);

    seen_free(&whole);
    seen_free(&parts);

    while (nblocks) {
        free(blocks[--nblocks]);
    }

    return 0;
}
