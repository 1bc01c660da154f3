
/*
 * Errors of providers: any body gives a kind and a short message that is free
 * of control characters and of keys.  The first byte chooses the status.
 */

#include <provider/ai_provider_rows_int.h>


__attribute__((weak)) const ai_provider_t  ai_provider_anthropic;
__attribute__((weak)) const ai_provider_t  ai_provider_gemini;


#define BLOCKS  4096


static void    *blocks[BLOCKS];
static size_t   nblocks;


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


static void
check_text(const ai_str_t *s, size_t max)
{
    size_t  i;

    check(s->len <= max && (s->len == 0 || s->data));

    for (i = 0; i < s->len; i++) {
        check(s->data[i] >= 0x20 || s->data[i] == '\n' || s->data[i] == '\t');
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t          ms;
    ai_str_t         body;
    ai_error_t       e;
    const ai_pool_t  pool = { take, NULL, NULL };

    static const unsigned  statuses[] = {
        0, 200, 301, 400, 401, 402, 403, 404, 408, 413, 422, 424, 429, 498,
        500, 503, 529, 999
    };

    if (size == 0) {
        return 0;
    }

    body.data = (ai_char_t *) data + 1;
    body.len = size - 1;

    ai_provider_error(&ai_provider_openai,
                      statuses[data[0] % (sizeof(statuses)
                                          / sizeof(statuses[0]))],
                      &body, &pool, &e);

    check(e.kind > AI_ERR_NONE && e.kind < AI_ERR_N);
    check(e.retry_after >= -1 && e.retry_after <= 86400000);
    check(ai_error_status(&e) >= 400 && ai_error_status(&e) < 600);
    check(e.kind != AI_ERR_UPSTREAM_AUTH
          || (e.message.len == 0 && e.code.len == 0 && e.param.len == 0));
    check_text(&e.message, 2048);
    check_text(&e.code, 256);
    check_text(&e.param, 256);

    ms = ai_retry_after(&body, &body, 1700000000);
    check(ms >= -1 && ms <= 86400000);

    while (nblocks) {
        free(blocks[--nblocks]);
    }

    return 0;
}
