
/*
 * Time zone files.
 *
 * Asserted: offsets are within 26 hours; a date begins where nothing before
 * has reached it; dates are in order; the calendar window of a moment has it
 * inside, and the next one begins where it ends.
 */

#include <limit/ai_window.h>
#include "fuzz_arena.h"


static int64_t
fuzz_time(const uint8_t *data, size_t size, size_t i)
{
    uint8_t  b[8];
    size_t   n;
    int64_t  at;

    for (n = 0; n < 8; n++) {
        b[n] = size ? data[(i * 8 + n) % size] : 0;
    }

    memcpy(&at, b, 8);

    return at;
}


static void
fuzz_moment(const ai_tz_t *tz, int64_t at)
{
    int32_t  offset, period;
    int64_t  y, m, d, w, day, next, start, end, start2, end2;

    offset = ai_tz_offset(tz, at);
    must(offset >= -26 * 3600 && offset <= 26 * 3600);

    ai_tz_date(tz, at, &y, &m, &d, &w);
    must(m >= 1 && m <= 12 && d >= 1 && d <= 31 && w >= 0 && w <= 6);

    day = ai_tz_midnight(tz, y, m, d);
    next = ai_tz_midnight(tz, y, m, d + 1);
    must(day <= next);

    if (at < -100000000000 || at > 100000000000) {
        return;
    }

    must(day <= at);
    must(day - at > -4 * 86400);

    /* nothing just before it has the date, or a later one */

    must(day - 1 + ai_tz_offset(tz, day - 1)
         < ai_tz_midnight(NULL, y, m, d));
    must(day + ai_tz_offset(tz, day) >= ai_tz_midnight(NULL, y, m, d));

    for (period = AI_PERIOD_MONTH; period <= AI_PERIOD_DAY; period++) {
        ai_window_calendar(period, tz, at, &start, &end);
        must(start <= at && at < end && end - start < 35 * 86400);

        ai_window_calendar(period, tz, end, &start2, &end2);
        must(start2 == end);
        ai_window_calendar(period, tz, start - 1, &start2, &end2);
        must(end2 == start);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t     i;
    ai_str_t   in;
    ai_tz_t   *tz;
    uint8_t   *copy;

    copy = malloc(size ? size : 1);
    must(copy != NULL);

    if (size) {
        memcpy(copy, data, size);
    }

    in.data = copy;
    in.len = size;

    tz = ai_tz_read(&in, &arena);

    free(copy);

    if (tz == NULL) {
        arena_free();
        return 0;
    }

    fuzz_moment(tz, INT64_MIN);
    fuzz_moment(tz, INT64_MAX);

    for (i = 0; i < 40; i++) {
        fuzz_moment(tz, (int64_t) i * 86400 * 73 + 12345);
        fuzz_moment(tz, fuzz_time(data, size, i));
        fuzz_moment(tz, fuzz_time(data, size, i) % 10000000000);
    }

    arena_free();

    return 0;
}
