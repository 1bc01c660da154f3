
/*
 * Counters of a snapshot: whatever the bytes are, what is read can be asked
 * for, settled and saved again.
 *
 * The input: a byte, how far the clock is ahead, days; then the file, whose
 * CRCs are made right.
 */

#include <codec/ai_eventstream.h>
#include <limit/ai_quota.h>

#include "fuzz_arena.h"


#define T0  1795305600LL            /* 2026-11-22 00:00:00 UTC */


static void
make_right(uint8_t *p, size_t len)
{
    size_t    n, i;
    uint32_t  crc;

    while (len >= 12) {
        n = (size_t) p[4] | (size_t) p[5] << 8;
        n = n > len - 12 ? len - 12 : n;

        p[4] = (uint8_t) n;
        p[5] = (uint8_t) (n >> 8);
        p[6] = p[7] = 0;

        crc = ai_crc32_more(ai_crc32(p, 8), p + 12, n);

        for (i = 0; i < 4; i++) {
            p[8 + i] = (uint8_t) (crc >> (8 * i));
        }

        p += 12 + n;
        len -= 12 + n;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t            now;
    uint8_t           *copy;
    ai_buf_t           b;
    ai_str_t           in;
    ai_redo_t          redo;
    ai_quota_t        *q;
    ai_unpack_t        u;
    ai_quotas_t       *t;
    ai_quota_claim_t   c;
    ai_quota_window_t  w;

    if (size < 1 || size > 16384) {
        return 0;
    }

    now = (T0 + (int8_t) data[0] * 86400LL) * 1000;
    copy = arena_alloc(NULL, size);
    memcpy(copy, data + 1, size - 1);
    make_right(copy, size - 1);

    t = ai_quotas_create(&arena, 1, 0);
    in = (ai_str_t) { size - 1, copy };

    while (ai_unpack(&in, &u) == AI_OK) {
        (void) ai_unpack_int(&u);
        (void) ai_quotas_load(t, &arena, &u, now);
    }

    for (q = ai_quotas_next(t, NULL); q; q = ai_quotas_next(t, q)) {
        memset(&redo, 0, sizeof(redo));
        memset(&c, 0, sizeof(c));

        c.quota = q;
        c.limit = AI_LIMIT_MAX;
        c.amount = 5;

        ai_quota_look(q, NULL, now, &w);
        ai_quota_roll(q, NULL, now, &redo);
        ai_redo_begin(&redo);

        if (ai_quota_check(&c, now, &redo)) {
            must(ai_quota_take(&c, &redo) == AI_OK);
            ai_redo_commit(&redo);
        }

        must(c.used >= 0 && c.remaining >= 0);

        ai_redo_begin(&redo);
        must(ai_quota_settle(q, c.window, c.amount, 3, &redo) == AI_OK);
        ai_redo_commit(&redo);

        ai_quota_look(q, NULL, now, &w);
        must(w.used >= 0 && w.reserved >= 0);
    }

    ai_buf_init(&b, &arena);
    ai_quotas_save(t, 1, &b);
    must(!b.failed);

    arena_free();

    return 0;
}
