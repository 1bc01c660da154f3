
/*
 * Several words of shared memory changed as one.  What they shall be is
 * written down first: if the process is killed in the middle, whoever takes
 * the lock next brings it to its end.  The words, and this, lie in memory that
 * all processes have at the same addresses; all calls are made under one lock.
 *
 *     add, set ...       staged, nothing is changed yet
 *     commit             all of it
 *     recover            after taking the lock, always
 */

#ifndef AI_REDO_H
#define AI_REDO_H


#include <base/ai_base.h>


#define AI_REDO_MAX  192


typedef struct {
    int64_t           *p;
    int64_t            value;
} ai_redo_word_t;


typedef struct {
    uint32_t           valid;       /* the words below are to be stored */
    uint32_t           n;
    ai_redo_word_t     word[AI_REDO_MAX];
} ai_redo_t;


#pragma GCC visibility push(hidden)


void ai_redo_begin(ai_redo_t *redo);

/* AI_ERROR: no room; nothing may be committed then */
ai_int_t ai_redo_set(ai_redo_t *redo, int64_t *p, int64_t value);

/* what *p will be; sums of several adds to one word hold, and do not wrap
 * around: they stop at the ends of int64_t */
ai_int_t ai_redo_add(ai_redo_t *redo, int64_t *p, int64_t delta);
int64_t ai_redo_get(const ai_redo_t *redo, const int64_t *p);

void ai_redo_commit(ai_redo_t *redo);
void ai_redo_recover(ai_redo_t *redo);


#pragma GCC visibility pop


#endif /* AI_REDO_H */
