
/*
 * The scripts that nodes share a Redis with (6.2 and newer): counters of
 * limits, exact under any number of nodes.
 *
 * Every script looks at all it is going to touch before it writes anything,
 * since Redis does not roll back a script that fails: keys may hold whatever
 * somebody left there, and such a key ("poisoned") must neither stop others
 * nor end a script half way.
 *
 * Amounts are integers as decimal texts, without leading zeros, of 18 digits
 * at most.  Redis adds them as 64-bit integers (HINCRBY); Lua's numbers are
 * doubles, exact to 2^53, and are used to compare only: limits and leases are
 * at most AI_LIMIT_MAX, below 2^53, and sums of them saturate there.  A sum
 * below zero counts as zero: refunds of one period do not widen another.
 *
 * All keys of a call must be different, and in a cluster of one hash slot.
 * What arguments may not be at all is answered with an error, "ERR ...".
 * Amounts in replies are texts, indexes and sequence numbers are integers.
 * Each script but AI_REDIS_EPOCH first compares the epoch, and answers
 * {"epoch", the current one or ""} when it is another: counters are not what
 * the caller believes, and nothing was done.
 */

#ifndef AI_REDIS_SCRIPTS_H
#define AI_REDIS_SCRIPTS_H


#include <base/ai_base.h>


typedef enum {

    /*
     * Gets the epoch, or makes it.
     *
     * KEYS   the epoch
     * ARGV   a random value, taken if there is none yet
     * reply  the epoch, a text
     */
    AI_REDIS_EPOCH = 0,

    /*
     * Adds records to counters, each once: the stream's key holds the number
     * of the last one that was applied.
     *
     * KEYS   the stream, the epoch, then hashes
     * ARGV   the epoch expected, number of the first record, how many; then
     *        for each its number of additions, and for each of those: the
     *        hash (1: the first), the field, what to add, and the seconds
     *        after which the hash may go (0: as it is)
     * reply  {"ok", last record applied, {hashes that are poisoned}}
     *        {"gap", last record applied}: records before the first are
     *            missing, nothing was done
     *        {"poison", 0}: the stream's key is no number, nothing was done
     *
     * Records up to the last one applied are skipped.  A hash that is not
     * one, or has something other than an amount in a field that is added to,
     * or where the sum might reach 10^18, is left alone altogether; the rest
     * goes on.  With no records it is a question for the last one applied.
     */
    AI_REDIS_SETTLE,

    /*
     * Leases from counters of calendar periods: all scopes or none.
     *
     * KEYS   the epoch, then a hash for each scope
     * ARGV   the epoch expected, the node, milliseconds the lease lasts; then
     *        for each scope: the limit, what the node holds and has not spent,
     *        the least and the most to give beyond that, and the seconds after
     *        which the hash may go
     * reply  {"ok", then for each scope: given, settled, leased by others}
     *        {"no", scope (1: the first), settled, leased by others}
     *        {"poison", scope}
     *
     * Fields: "u" is what was settled; "l:NODE" the lease of a node, given
     * and not settled yet, "d:NODE" when it ends, ms by Redis' clock; there
     * are no others.  What is free is the limit without what was settled,
     * without leases of others that have not ended, and without what the node
     * holds.  Where that is less than the least, nothing is given in any
     * scope.  Not more than a quarter of it is given, or the least, so that
     * the last of a limit goes where it is needed.  The node's lease becomes
     * what it holds with what was given.
     *
     * A least of 0 is never refused: what is held is a fact, and is written
     * down even where the limit was passed.  So it renews a lease (most 0) or
     * gives it back (held less than before); one of nothing is removed.
     * Leases of others that have ended are removed on the way.
     */
    AI_REDIS_GRANT,

    /*
     * The same from counters of sliding windows; what is given is used from
     * then on, and what is not needed is given back by AI_REDIS_SETTLE.
     *
     * KEYS   the epoch, then a hash for each scope
     * ARGV   the epoch expected; then for each scope: the limit, the number of
     *        the slot that runs, how many slots count, the least and the most
     *        to give, and the milliseconds after which the hash may go
     * reply  {"ok", then for each scope: given, the sum before}
     *        {"no", scope, the sum}
     *        {"poison", scope}
     *
     * Fields are numbers of slots.  Those that have slid out are removed;
     * those of clocks that are ahead count.
     */
    AI_REDIS_SLIDE,

    AI_REDIS_MAX
} ai_redis_script_e;


#pragma GCC visibility push(hidden)


/* a Lua text, constant */
const ai_str_t *ai_redis_script(ai_redis_script_e script);


#pragma GCC visibility pop


#endif /* AI_REDIS_SCRIPTS_H */
