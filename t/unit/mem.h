
/*
 * Memory for the tests of pure code: a pool that counts and can fail, and
 * copies of input at the edge of an unreadable page.
 *
 *     ai_pool_t *pool = mem_pool();
 *
 *     mem_fail_at(3);          the third allocation from now on fails, once
 *     mem_fail_from(3);        it and all later ones fail
 *     mem_fail_never();
 *     mem_count();             allocations asked for since mem_reset()
 *     mem_bytes();             bytes given out, mem_live(): not freed yet
 *     mem_reset();             frees all, counts from 0, nothing fails
 *
 *     p = guard_copy(s, len);  p[len] is unreadable
 *     p = guard_after(s, len); p[-1] is unreadable
 *     guard_free();            all of them
 *
 * The usual loop over all failing allocations:
 *
 *     for (n = 1; n < 1000; n++) {
 *         mem_reset();
 *         mem_fail_at(n);
 *         rc = f(mem_pool());
 *         if (!mem_failed()) {
 *             break;               it needed fewer: all were tried
 *         }
 *         ok(rc == AI_ERROR, "allocation %d fails", n);
 *     }
 */

#ifndef T_MEM_H
#define T_MEM_H


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include <base/ai_base.h>


typedef struct mem_block_s  mem_block_t;

struct mem_block_s {
    mem_block_t   *next;
    mem_block_t  **prev;
    size_t         size;
    size_t         pad;         /* what follows is aligned for any type */
};


typedef struct guard_s  guard_t;

struct guard_s {
    guard_t       *next;
    void          *map;
    size_t         size;
};


static mem_block_t  *mem_blocks;
static size_t        mem_ncalls;
static size_t        mem_nbytes;
static size_t        mem_nlive;
static size_t        mem_first;         /* the call that fails, 0: none */
static int           mem_for_ever;
static size_t        mem_nfailed;
static guard_t      *guards;


/*
 * Each block is a malloc() of its own, so that the sanitizer sees its edges,
 * and is filled, so that nobody relies on zeroes.
 */

static void *
mem_alloc(void *data, size_t size)
{
    mem_block_t  *b;

    (void) data;

    mem_ncalls++;

    if (mem_first
        && (mem_ncalls == mem_first
            || (mem_for_ever && mem_ncalls > mem_first)))
    {
        mem_nfailed++;
        return NULL;
    }

    if (size > SIZE_MAX - sizeof(mem_block_t)) {
        return NULL;
    }

    b = malloc(sizeof(mem_block_t) + size);
    if (b == NULL) {
        return NULL;
    }

    b->size = size;
    b->next = mem_blocks;
    b->prev = &mem_blocks;

    if (mem_blocks) {
        mem_blocks->prev = &b->next;
    }

    mem_blocks = b;
    mem_nbytes += size;
    mem_nlive++;

    memset(b + 1, 0xa5, size);

    return b + 1;
}


static void
mem_free(void *data, void *p)
{
    mem_block_t  *b;

    (void) data;

    if (p == NULL) {
        return;
    }

    b = (mem_block_t *) p - 1;

    *b->prev = b->next;

    if (b->next) {
        b->next->prev = b->prev;
    }

    mem_nlive--;
    free(b);
}


__attribute__((unused)) static ai_pool_t *
mem_pool(void)
{
    static ai_pool_t  pool = { mem_alloc, mem_free, NULL };

    return &pool;
}


/* A pool whose free() is absent, as nginx's large arenas may have it. */

__attribute__((unused)) static ai_pool_t *
mem_pool_nofree(void)
{
    static ai_pool_t  pool = { mem_alloc, NULL, NULL };

    return &pool;
}


__attribute__((unused)) static void
mem_fail_at(size_t n)
{
    mem_first = n ? mem_ncalls + n : 0;
    mem_for_ever = 0;
    mem_nfailed = 0;
}


__attribute__((unused)) static void
mem_fail_from(size_t n)
{
    mem_fail_at(n);
    mem_for_ever = 1;
}


__attribute__((unused)) static void
mem_fail_never(void)
{
    mem_first = 0;
    mem_nfailed = 0;
}


/* how many allocations have failed since mem_fail_at() */

__attribute__((unused)) static size_t
mem_failed(void)
{
    return mem_nfailed;
}


__attribute__((unused)) static size_t
mem_count(void)
{
    return mem_ncalls;
}


__attribute__((unused)) static size_t
mem_bytes(void)
{
    return mem_nbytes;
}


__attribute__((unused)) static size_t
mem_live(void)
{
    return mem_nlive;
}


__attribute__((unused)) static void
mem_reset(void)
{
    while (mem_blocks) {
        mem_free(NULL, mem_blocks + 1);
    }

    mem_ncalls = 0;
    mem_nbytes = 0;
    mem_fail_never();
}


/* The pages of len bytes, with an unreadable one before and behind them. */

static unsigned char *
guard_map(size_t len, size_t *room)
{
    size_t          page;
    guard_t        *g;
    unsigned char  *p;

    page = (size_t) sysconf(_SC_PAGESIZE);
    *room = (len + page - 1) / page * page;

    g = malloc(sizeof(guard_t));
    if (g == NULL) {
        abort();
    }

    g->size = *room + 2 * page;
    g->map = mmap(NULL, g->size, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED) {
        perror("mmap");
        abort();
    }

    g->next = guards;
    guards = g;

    p = (unsigned char *) g->map + page;

    if (*room && mprotect(p, *room, PROT_READ|PROT_WRITE) == -1) {
        perror("mprotect");
        abort();
    }

    return p;
}


__attribute__((unused)) static unsigned char *
guard_copy(const void *bytes, size_t len)
{
    size_t          room;
    unsigned char  *p;

    p = guard_map(len, &room) + room - len;

    if (len) {
        memcpy(p, bytes, len);
    }

    return p;
}


__attribute__((unused)) static unsigned char *
guard_after(const void *bytes, size_t len)
{
    size_t          room;
    unsigned char  *p;

    p = guard_map(len, &room);

    if (len) {
        memcpy(p, bytes, len);
    }

    return p;
}


__attribute__((unused)) static void
guard_free(void)
{
    guard_t  *g;

    while (guards) {
        g = guards;
        guards = g->next;
        munmap(g->map, g->size);
        free(g);
    }
}


/* guard_copy() as a string */

__attribute__((unused)) static ai_str_t
guard_str(const void *bytes, size_t len)
{
    ai_str_t  s;

    s.len = len;
    s.data = guard_copy(bytes, len);

    return s;
}


#endif /* T_MEM_H */
