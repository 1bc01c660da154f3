
/* The helpers of the unit tests themselves. */

#include "tap.h"
#include "mem.h"


static void
test_pool(void)
{
    int         i;
    void       *p;
    ai_pool_t  *pool;

    pool = mem_pool();

    mem_fail_at(2);
    ok(pool->alloc(pool->data, 10) != NULL, "first allocation");
    ok(pool->alloc(pool->data, 10) == NULL, "second one fails");
    p = pool->alloc(pool->data, 10);
    ok(p != NULL, "third one does not");
    is_int(mem_count(), 3, "counted");
    is_int(mem_failed(), 1, "one failed");
    is_int(mem_bytes(), 20, "bytes");

    pool->free(pool->data, p);
    is_int(mem_live(), 1, "one is left");

    mem_reset();
    is_int(mem_live(), 0, "none is left");

    mem_fail_from(2);
    for (i = 0; i < 5; i++) {
        pool->alloc(pool->data, 1);
    }
    is_int(mem_failed(), 4, "fails for ever");

    mem_reset();
}


static void
test_guard(void)
{
    unsigned char  *p;

    p = guard_copy("abc", 3);
    is_mem(p, 3, "abc", 3, "copy before a page");
    is_int(((uintptr_t) p + 3) % (uintptr_t) sysconf(_SC_PAGESIZE), 0,
           "ends at the page");

    p = guard_after("abc", 3);
    is_mem(p, 3, "abc", 3, "copy after a page");
    is_int((uintptr_t) p % (uintptr_t) sysconf(_SC_PAGESIZE), 0,
           "starts at the page");

    ok(guard_copy("", 0) != NULL, "empty");
    guard_free();
}


int
main(void)
{
    ai_str_t  s = ai_string("text");

    is_str(s, "text", "string");
    test_pool();
    test_guard();

    return done();
}
