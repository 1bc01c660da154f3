
#include <api/ai_reply_int.h>


void *
ai_reply_grow(const ai_pool_t *pool, void *old, uint32_t n, uint32_t want,
    size_t size)
{
    void  *p;

    p = ai_pcalloc(pool, want * size);
    if (p == NULL) {
        return NULL;
    }

    if (n) {
        memcpy(p, old, n * size);
        ai_pfree(pool, old);
    }

    return p;
}


const ai_error_t *
ai_reply_error(const ai_error_t *err, ai_error_t *invalid)
{
    if (err) {
        return err;
    }

    memset(invalid, 0, sizeof(ai_error_t));
    ai_error_set(invalid, AI_ERR_UPSTREAM_INVALID,
                 "The model's answer ended with an error.");

    return invalid;
}
