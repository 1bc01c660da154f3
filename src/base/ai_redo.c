
/*
 * The order of stores is what this is about: x86 keeps that of the program,
 * the barriers keep the compiler's, and that of other machines.  None waits
 * for a store to be seen: who is killed has made it.
 */

#include <base/ai_redo.h>


/* a test puts something between two stores */
#ifndef AI_REDO_STEP
#define AI_REDO_STEP()
#endif

#define ai_redo_barrier()                                                     \
    do {                                                                      \
        __atomic_thread_fence(__ATOMIC_RELEASE);                              \
        AI_REDO_STEP();                                                       \
    } while (0)


static ai_int_t ai_redo_put(ai_redo_t *redo, ai_redo_word_t *w, int64_t *p,
    int64_t value);
static ai_redo_word_t *ai_redo_find(const ai_redo_t *redo, const int64_t *p);
static void ai_redo_store(ai_redo_t *redo);


void
ai_redo_begin(ai_redo_t *redo)
{
    redo->n = 0;
}


ai_int_t
ai_redo_set(ai_redo_t *redo, int64_t *p, int64_t value)
{
    return ai_redo_put(redo, ai_redo_find(redo, p), p, value);
}


/* w: the one there is of p, or NULL */

static ai_int_t
ai_redo_put(ai_redo_t *redo, ai_redo_word_t *w, int64_t *p, int64_t value)
{
    if (w == NULL) {

        if (redo->n == AI_REDO_MAX) {
            return AI_ERROR;
        }

        w = &redo->word[redo->n++];
        w->p = p;
    }

    w->value = value;

    return AI_OK;
}


ai_int_t
ai_redo_add(ai_redo_t *redo, int64_t *p, int64_t delta)
{
    int64_t          value;
    ai_redo_word_t  *w;

    w = ai_redo_find(redo, p);

    if (__builtin_add_overflow(w ? w->value : *p, delta, &value)) {
        value = delta > 0 ? INT64_MAX : INT64_MIN;
    }

    return ai_redo_put(redo, w, p, value);
}


int64_t
ai_redo_get(const ai_redo_t *redo, const int64_t *p)
{
    ai_redo_word_t  *w;

    w = ai_redo_find(redo, p);

    return w ? w->value : *p;
}


static ai_redo_word_t *
ai_redo_find(const ai_redo_t *redo, const int64_t *p)
{
    uint32_t  i;

    for (i = 0; i < redo->n; i++) {
        if (redo->word[i].p == p) {
            return (ai_redo_word_t *) &redo->word[i];
        }
    }

    return NULL;
}


void
ai_redo_commit(ai_redo_t *redo)
{
    ai_redo_barrier();
    redo->valid = 1;
    ai_redo_barrier();

    ai_redo_store(redo);
}


void
ai_redo_recover(ai_redo_t *redo)
{
    if (redo->valid) {
        ai_redo_store(redo);
    }
}


static void
ai_redo_store(ai_redo_t *redo)
{
    uint32_t  i;

    for (i = 0; i < redo->n; i++) {
        *redo->word[i].p = redo->word[i].value;
        AI_REDO_STEP();
    }

    ai_redo_barrier();
    redo->valid = 0;
    ai_redo_barrier();
}
