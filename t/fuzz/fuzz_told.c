
/*
 * What others have told, as Redis gives it: lines of "id amounts", and of
 * "=id names".  Sums are those of what can be read; what is printed is read
 * again as the same.
 */

#include <store/ai_totals_share.h>

#include "fuzz_arena.h"


#define T0  1795305600LL            /* 2026-11-22 00:00:00 UTC */


static void
one(ai_merge_t *m, const ai_str_t *id, const ai_str_t *text, int names,
    int64_t *requests)
{
    ai_str_t       dim[AI_DIM_MAX], again;
    ai_told_t      told;
    ai_char_t      copy[AI_TOLD_TEXT], digits[AI_TOLD_ID];
    ai_amounts_t   amounts;

    if (ai_told_id_read(id, &told.id) != AI_OK) {
        return;
    }

    ai_told_id(digits, told.id);

    must(memcmp(digits, id->data, AI_TOLD_ID) == 0);

    if (names) {
        must(ai_series_read(text, dim) != AI_OK
             || ai_merge_define(m, told.id, dim) == AI_OK
             || ai_merge_full(m) != AI_MERGE_FITS);
        return;
    }

    if (ai_told_read(text, &told.amounts) != AI_OK) {
        return;
    }

    again.data = copy;
    again.len = ai_told_text(copy, &told.amounts);

    must(again.len <= AI_TOLD_TEXT);
    must(ai_told_read(&again, &amounts) == AI_OK);
    must(memcmp(&amounts, &told.amounts, sizeof(amounts)) == 0);

    told.at = T0;
    told.step = 86400;
    told.amounts.requests %= 1000000;

    if (ai_merge_add(m, &told) == AI_OK) {
        *requests += told.amounts.requests;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 names;
    size_t              i, n;
    int64_t             want, sum;
    ai_str_t            id, text;
    ai_merge_t         *m;
    const uint8_t      *p, *end, *eol;
    ai_totals_row_t    *rows;
    ai_totals_query_t   q;

    if (size < 1 || size > 16384) {
        return 0;
    }

    memset(&q, 0, sizeof(q));
    q.group = data[0];

    m = ai_merge_create(&q, &arena, 16, 32);

    must(m != NULL);

    want = 0;
    end = data + size;

    for (p = data + 1; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t) (end - p));
        eol = eol ? eol : end;
        names = (p < eol && *p == '=');
        p += names;

        if (eol - p <= AI_TOLD_ID) {
            continue;
        }

        id = (ai_str_t) { AI_TOLD_ID, (ai_char_t *) p };
        text = (ai_str_t) { (size_t) (eol - p) - AI_TOLD_ID - 1,
                            (ai_char_t *) p + AI_TOLD_ID + 1 };

        one(m, &id, &text, names, &want);
    }

    rows = ai_merge_rows(m, &n);

    for (i = 0, sum = 0; i < n; i++) {
        sum += rows[i].amounts.requests;
    }

    must(n <= 17);
    must(n == 17 || sum == want);

    arena_free();

    return 0;
}
