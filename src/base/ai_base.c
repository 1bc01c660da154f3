
/*
 * Strings and the allocator of pure code.
 */

#include <base/ai_base.h>


static ai_char_t ai_lower(ai_char_t c);
static ai_int_t ai_caseeq(const ai_char_t *a, const ai_char_t *b, size_t n);


/* a size of 0 is a mistake or a hostile length; it must not look like
 * "no memory", and what comes back must be an address of its own */

void *
ai_palloc(const ai_pool_t *pool, size_t size)
{
    return pool->alloc(pool->data, size ? size : 1);
}


void *
ai_pcalloc(const ai_pool_t *pool, size_t size)
{
    void  *p;

    p = ai_palloc(pool, size);

    if (p != NULL) {
        memset(p, 0, size);
    }

    return p;
}


void
ai_pfree(const ai_pool_t *pool, void *p)
{
    if (p != NULL && pool->free != NULL) {
        pool->free(pool->data, p);
    }
}


ai_int_t
ai_str_dup(const ai_pool_t *pool, ai_str_t *dst, const ai_str_t *src)
{
    ai_char_t  *p;

    p = ai_palloc(pool, src->len);
    if (p == NULL) {
        return AI_ERROR;
    }

    if (src->len) {
        memcpy(p, src->data, src->len);
    }

    dst->len = src->len;
    dst->data = p;

    return AI_OK;
}


ai_int_t
ai_str_eq(const ai_str_t *a, const ai_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


ai_int_t
ai_str_starts(const ai_str_t *s, const char *prefix)
{
    size_t  n;

    n = strlen(prefix);

    return s->len >= n && (n == 0 || memcmp(s->data, prefix, n) == 0);
}


ai_int_t
ai_str_caseeq(const ai_str_t *a, const ai_str_t *b)
{
    return a->len == b->len && ai_caseeq(a->data, b->data, a->len);
}


ai_int_t
ai_str_casefind(const ai_str_t *s, const char *what)
{
    size_t  i, n;

    n = strlen(what);

    if (n == 0) {
        return 1;
    }

    for (i = 0; i + n <= s->len; i++) {
        if (ai_caseeq(s->data + i, (const ai_char_t *) what, n)) {
            return 1;
        }
    }

    return 0;
}


ai_int_t
ai_str_glob(const ai_str_t *pattern, const ai_str_t *s)
{
    size_t  n;

    n = pattern->len;

    if (n == 0 || pattern->data[n - 1] != '*') {
        return ai_str_eq(pattern, s);
    }

    n--;

    return s->len >= n && (n == 0 || memcmp(s->data, pattern->data, n) == 0);
}


static ai_int_t
ai_caseeq(const ai_char_t *a, const ai_char_t *b, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (ai_lower(a[i]) != ai_lower(b[i])) {
            return 0;
        }
    }

    return 1;
}


/* not tolower(): it looks at the locale */

static ai_char_t
ai_lower(ai_char_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}
