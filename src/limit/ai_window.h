
/*
 * Windows of time that limits are counted in.
 *
 * Calendar windows have a start and an end; all of a counter is of one.  A
 * sliding window of T is divided into AI_WINDOW_SLOTS parts; what counts is
 * the newest part, which runs, and as many before it as make T whole: never
 * less than T, at most T / AI_WINDOW_SLOTS more.  So a limit is never exceeded
 * in any T, and is used to more than 98 %.
 */

#ifndef AI_WINDOW_H
#define AI_WINDOW_H


#include <base/ai_limit.h>
#include <limit/ai_tz.h>


#define AI_WINDOW_SLOTS  64
#define AI_WINDOW_RING   (AI_WINDOW_SLOTS + 1)


#pragma GCC visibility push(hidden)


/* of a calendar period (AI_PERIOD_DAY ...), seconds: start <= now < end */
void ai_window_calendar(int32_t period, const ai_tz_t *tz, int64_t now,
    int64_t *start, int64_t *end);

/* the number of the slot of a moment, of a sliding window; ms since 1970 */
int64_t ai_window_slot(int32_t period, int64_t now_ms);
/* the moment a slot begins at, ms */
int64_t ai_window_slot_start(int32_t period, int64_t slot);

/*
 * A ring of AI_WINDOW_RING sums, the slot s at index s % AI_WINDOW_RING;
 * *newest is the number of the newest one.  Moves it on to slot: what has slid
 * out becomes 0.  A slot before the newest moves nothing: clocks go back.
 */
void ai_window_advance(int64_t *ring, int64_t *newest, int64_t slot);

/* the sum of what is in the window */
int64_t ai_window_sum(const int64_t *ring);

/* is this slot still in the window? 1 or 0 */
ai_int_t ai_window_has(int64_t newest, int64_t slot);

/*
 * When amount will have slid out of a window that is advanced: milliseconds
 * from now_ms, 0: it is free now, -1: never, more than is in the window.
 */
int64_t ai_window_wait(const int64_t *ring, int64_t newest, int32_t period,
    int64_t now_ms, int64_t amount);
/* ... and when all of it will have */
int64_t ai_window_clear(const int64_t *ring, int64_t newest, int32_t period,
    int64_t now_ms);


#pragma GCC visibility pop


#endif /* AI_WINDOW_H */
