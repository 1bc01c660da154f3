
/*
 * A ledger that is killed between any two stores: the sources themselves, with
 * step() in all the places where they say that something could be put.
 */

#ifndef T_LEDGER_H
#define T_LEDGER_H


static void step(void);

#define AI_REDO_STEP()    step()
#define AI_LEDGER_STEP()  step()

#include <base/ai_redo.c>
#include <store/ai_ledger.c>
#include <store/ai_ledger_repair.c>


static uint64_t  rnd_state = 1;


static uint32_t
rnd(uint32_t n)
{
    rnd_state = rnd_state * 6364136223846793005 + 1442695040888963407;

    return n ? (uint32_t) (rnd_state >> 33) % n : 0;
}


#endif /* T_LEDGER_H */
