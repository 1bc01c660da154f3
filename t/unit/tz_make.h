
/*
 * Time zones of a POSIX rule, and of changes in front of it, as TZif files of
 * version 2.
 */

#ifndef T_TZ_MAKE_H
#define T_TZ_MAKE_H


#include <mem.h>

#include <limit/ai_tz.h>


#define TZ_MAKE_MAX  8


typedef struct {
    int64_t  at;
    int32_t  offset;
} tz_change_t;


static void
tz_put(ai_char_t **p, uint64_t n, int bytes)
{
    while (bytes--) {
        *(*p)++ = (ai_char_t) (n >> (8 * bytes));
    }
}


static void
tz_head(ai_char_t **p, size_t times, size_t types)
{
    memcpy(*p, "TZif2", 5);
    memset(*p + 5, 0, 15);
    *p += 20;

    tz_put(p, 0, 4);
    tz_put(p, 0, 4);
    tz_put(p, 0, 4);
    tz_put(p, times, 4);
    tz_put(p, types, 4);
    tz_put(p, 4, 4);
}


/* the first offset is that of before */

static ai_str_t
tz_bytes(const char *rule, int32_t before, const tz_change_t *changes,
    size_t n)
{
    size_t            i;
    ai_str_t          s;
    ai_char_t        *p;
    static ai_char_t  buf[1024];

    p = buf;

    tz_head(&p, 0, 1);
    tz_put(&p, 0, 6);
    tz_put(&p, 0, 4);

    tz_head(&p, n, n + 1);

    for (i = 0; i < n; i++) {
        tz_put(&p, (uint64_t) changes[i].at, 8);
    }

    for (i = 0; i < n; i++) {
        tz_put(&p, i + 1, 1);
    }

    tz_put(&p, (uint64_t) (int64_t) before, 4);
    tz_put(&p, 0, 2);

    for (i = 0; i < n; i++) {
        tz_put(&p, (uint64_t) (int64_t) changes[i].offset, 4);
        tz_put(&p, 0, 2);
    }

    memcpy(p, "LMT", 4);
    p += 4;

    *p++ = '\n';
    memcpy(p, rule, strlen(rule));
    p += strlen(rule);
    *p++ = '\n';

    s.data = buf;
    s.len = (size_t) (p - buf);

    return s;
}


__attribute__((unused)) static ai_tz_t *
tz_make(const char *rule)
{
    ai_str_t  s;

    s = tz_bytes(rule, 0, NULL, 0);

    return ai_tz_read(&s, mem_pool());
}


#endif /* T_TZ_MAKE_H */
