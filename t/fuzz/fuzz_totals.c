
/*
 * A file of totals: whatever the bytes are, what is read is found by a query,
 * saved and read again it is the same, and sums are kept while it grows old.
 *
 * The input: a byte, how many allocations there are before they fail (255: all
 * are made); a byte, whether CRCs are made right first; then the file.
 */

#include <store/ai_totals.h>
#include <codec/ai_eventstream.h>

#include "fuzz_arena.h"


static size_t  left;


static void *
some_alloc(void *data, size_t size)
{
    if (left == 0) {
        return NULL;
    }

    left--;

    return fuzz_alloc(data, size);
}


/* those of totals; their free() is tried as well, what is left is found by
 * query and save */

typedef struct cell_s  cell_t;

struct cell_s {
    cell_t  *next;
    cell_t  *prev;
};


static cell_t  list = { &list, &list };


static void *
kept_alloc(void *data, size_t size)
{
    cell_t  *c;

    c = some_alloc(data, sizeof(cell_t) + size);

    if (c == NULL) {
        return NULL;
    }

    c->next = list.next;
    c->prev = &list;
    c->next->prev = c;
    list.next = c;

    return c + 1;
}


static void
kept_free(void *data, void *p)
{
    cell_t  *c;

    c = (cell_t *) p - 1;

    c->next->prev = c->prev;
    c->prev->next = c->next;

    fuzz_free(data, c);
}


static const ai_pool_t  kept = { kept_alloc, kept_free, NULL };


static void
make_right(uint8_t *p, size_t len)
{
    size_t    n;
    uint32_t  crc;

    while (len >= 12) {
        n = (size_t) p[4] | (size_t) p[5] << 8;
        p[6] = p[7] = 0;

        if (n > len - 12) {
            n = len - 12;
            p[4] = (uint8_t) n;
            p[5] = (uint8_t) (n >> 8);
            p[6] = (uint8_t) (n >> 16);
        }

        crc = ai_crc32_more(ai_crc32(p, 8), p + 12, n);

        p[8] = (uint8_t) crc;
        p[9] = (uint8_t) (crc >> 8);
        p[10] = (uint8_t) (crc >> 16);
        p[11] = (uint8_t) (crc >> 24);

        p += 12 + n;
        len -= 12 + n;
    }
}


static ai_amounts_t
total(const ai_totals_t *t, size_t *rows)
{
    size_t              i, k, n;
    ai_amounts_t        sum;
    ai_totals_row_t    *r;
    ai_totals_query_t   q;

    static ai_buf_t     b;

    memset(&sum, 0, sizeof(sum));
    memset(&q, 0, sizeof(q));
    q.group = 0xff;
    q.step = 3600;

    must(ai_totals_query(t, &q, &arena, 100000, &r, &n) == AI_OK);
    ai_totals_sort(r, n);

    ai_buf_init(&b, &arena);

    for (i = 0; i < n; i++) {
        for (k = 0; k < AI_AMOUNTS_N; k++) {
            ((uint64_t *) &sum)[k] += ((uint64_t *) &r[i].amounts)[k];
        }

        ai_totals_json(&b, &q, &r[i]);
        ai_totals_csv(&b, &q, &r[i]);
    }

    must(!b.failed);
    *rows = n;

    return sum;
}


static size_t
load(ai_totals_t *t, ai_str_t in)
{
    size_t       n;
    ai_int_t     rc;
    ai_unpack_t  u;

    for (n = 0; ai_unpack(&in, &u) == AI_OK; n++) {
        rc = ai_totals_load(t, &kept, &u);

        must(rc == AI_OK || rc == AI_ERROR || rc == AI_DECLINED);
        must((rc == AI_DECLINED)
             == (u.type != AI_PACK_SERIES && u.type != AI_PACK_CELL));
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             i;
    size_t          n, rows, same;
    uint8_t        *copy;
    ai_buf_t        b;
    ai_redo_t       redo;
    ai_totals_t    *t, *o;
    ai_amounts_t    sum, more;

    if (size < 2 || size > 65536) {
        return 0;
    }

    copy = arena_alloc(NULL, size);
    memcpy(copy, data, size);

    if (copy[1] & 1) {
        make_right(copy + 2, size - 2);
    }

    left = 1000000;
    t = ai_totals_create(&kept);
    left = copy[0] == 255 ? left : copy[0];

    n = load(t, (ai_str_t) { size - 2, copy + 2 });
    sum = total(t, &rows);
    must(rows <= n);

    left = 1000000;
    ai_buf_init(&b, &arena);
    ai_totals_save(t, &b);
    must(!b.failed);

    o = ai_totals_create(&kept);
    must(load(o, ai_buf_str(&b)) >= rows);
    more = total(o, &same);
    must(same == rows && memcmp(&sum, &more, sizeof(sum)) == 0);

    memset(&redo, 0, sizeof(redo));

    for (i = 0; ai_totals_age(o, &kept, &redo, 253402300799, 0) == AI_AGAIN;
         i++)
    {
        must(i < 100000);
    }

    for (i = 0; ai_totals_age(t, &kept, &redo, INT64_MAX, 86400) == AI_AGAIN;
         i++)
    {
        must(i < 100000);
    }

    (void) total(o, &same);
    must(same <= rows);

    while (list.next != &list) {
        kept_free(NULL, list.next + 1);
    }

    arena_free();

    return 0;
}
