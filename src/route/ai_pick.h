
/*
 * The choice of a target: weights and states in, an index out.
 *
 * The array holds all targets of a route, those that must not be chosen now
 * as well: hashing then keeps the other keys where they are.  All return an
 * index, or AI_DECLINED when nothing is usable.
 */

#ifndef AI_PICK_H
#define AI_PICK_H


#include <base/ai_base.h>


#define AI_PICK_WEIGHT_MAX   1000000


typedef struct {
    int64_t            weight;      /* 1 .. AI_PICK_WEIGHT_MAX; 0: no part in
                                       the order, as backups */
    int64_t            current;     /* running weight, kept by the caller */
    int64_t            conns;       /* requests in flight */
    uint64_t           id;          /* of the target, ai_pick_hash() of its
                                       name: its place does not matter */
    unsigned           usable:1;
} ai_pick_t;


#pragma GCC visibility push(hidden)


/*
 * Smooth weighted round robin: shares by weight, spread evenly.  Changes
 * current of the usable ones; values that other weights left are bounded.
 */
ai_int_t ai_pick_rr(ai_pick_t *t, ai_uint_t n);

/* the fewest requests for its weight; among equal ones round robin */
ai_int_t ai_pick_least_conn(ai_pick_t *t, ai_uint_t n);

/* the first one */
ai_int_t ai_pick_first(const ai_pick_t *t, ai_uint_t n);

/* the key modulo the sum of weights; hashed again where it falls on a target
 * that is not usable */
ai_int_t ai_pick_modulo(const ai_pick_t *t, ai_uint_t n, uint64_t key);

/*
 * Weighted rendezvous: each target draws a number from key and id, the best
 * one wins.  A target that comes or goes moves only its own keys.
 */
ai_int_t ai_pick_consistent(const ai_pick_t *t, ai_uint_t n, uint64_t key);

/* the same value on all machines and in all versions */
uint64_t ai_pick_hash(const ai_char_t *p, size_t len, uint64_t seed);


#pragma GCC visibility pop


#endif /* AI_PICK_H */
