
/*
 * The scripts that nodes share a Redis with (6.2 and newer): counters of
 * limits, exact under any number of nodes.
 *
 * A node tells what it knows as a whole, "this much was used by me in this
 * window", and never what is to be added: to say it twice, or late, does no
 * harm, and after anything that Redis may have forgotten it is said again.
 * What a node may use without asking is its lease.
 *
 * Every script looks at all it is going to touch before it writes anything,
 * since Redis does not roll back a script that fails: keys may hold whatever
 * somebody left there, and such a key ("poisoned") must neither stop others
 * nor end a script half way.
 *
 * Amounts are integers as decimal texts, not negative, without leading zeros,
 * at most AI_REDIS_AMOUNT, which is below 2^53: Lua's numbers are doubles.
 * Sums of them saturate at 2^53.
 *
 * All keys of a call must be different, and in a cluster of one hash slot.
 * What arguments may not be at all is answered with an error, "ERR ...".
 * Amounts in replies are texts, indexes are integers.
 */

#ifndef AI_REDIS_SCRIPTS_H
#define AI_REDIS_SCRIPTS_H


#include <base/ai_base.h>


#define AI_REDIS_AMOUNT  9007199254740991


typedef enum {

    /*
     * The epoch: a name for what is in this Redis.  It changes when counters
     * are not what some node believes, because they were flushed, or restored
     * from a time before.  Then all nodes tell all they know anew, and for a
     * pause, in which they do so, nothing is leased.
     *
     * KEYS   the epoch, a hash; the pause, a string that expires
     * ARGV   the epoch that the node knows, "" if none; a random value, not
     *        empty; milliseconds of a pause, 1 at least
     * reply  the epoch, a text
     *
     * Fields of the hash: "now", the epoch; "before", those before, up to 64,
     * the latest first, with a space between; "run", the run_id of the server
     * that it was seen on, if the user may call INFO.
     *
     * The random value is the epoch from now on
     *     if there is none, with a pause if the node knows one;
     *     if the node knows one that is neither "now" nor in "before", where
     *     it is from now on, so that others who know it do not make a third;
     *     with a pause;
     *     if the server has another run_id than "run", or that was not known:
     *     it may have loaded an old file, or may be a replica that missed
     *     something; with a pause.
     * A pause that lasts longer stays.  An epoch is of [0-9A-Za-z_-], 1 to 64
     * of them.  A hash that is none, or an epoch that is no such text, counts
     * as if it was not there, and is replaced.
     */
    AI_REDIS_EPOCH = 0,

    /*
     * Tells what was used, asks for leases, renews them or gives them back.
     *
     * KEYS   the epoch, the pause, then a hash for each scope
     * ARGV   the epoch expected; the node; the owner of the lease (one node
     *        may have several, while a binary is exchanged); "1" if this owner
     *        is the only one of its node, else "0"; the serial of the call;
     *        milliseconds that leases last; then for each scope
     *            the oldest slot that counts, or "" if it has no slots
     *            the limit
     *            what the owner holds and has not used
     *            the least that it asks for beyond that, and the most
     *            seconds after which the hash may go, 1 to 10^9
     *            a number of pairs, 1000 at most, and these: a name, an
     *            amount.  The name is "u" or, with slots, the number of a
     *            slot, 1 at least; none is there twice
     * reply  {word, scope, then for each scope four texts: what was given;
     *            used by others; leased by others; what Redis knew this node
     *            to have used, of "u" or in slots that count, before this
     *            call}
     *
     * word   "ok"      all was given that was asked for, the least at least;
     *                  scope is 0
     *        "no"      a scope (1: the first) had not the least to give
     *        "wait"    something was asked for, a most above 0 also, and there
     *                  is a pause; the first of those
     *        "poison"  a scope that something was asked of is poisoned; the
     *                  first of those
     *        "stale"   a later call of this owner was here before, for this
     *                  scope: it was left alone.  Scope: the first of those
     *        "epoch"   {"epoch", the current one or ""}: it is another one,
     *                  nothing was done
     *
     * If several apply: epoch, stale, poison, wait, no.  With any word but
     * "ok" nothing is given, in no scope ("0"; a poisoned one: "-1" and three
     * "0"); but what was told is written down for all that are not poisoned,
     * nor stale.
     *
     * Fields: "u:NODE", what a node has used; with slots "s:NODE" instead: the
     * sum of the amounts that follow (or 2^53 - 1), then slot and amount in
     * turn, those of 0 left out, ascending, with a space between; and
     * "l:NODE:OWNER", three numbers with a space between: what is leased, when
     * that ends (ms by Redis' clock), the serial of the call that wrote it.
     * There are no others.  Nodes and owners are of [0-9a-f].  A field that is
     * none of these, or without such a value, poisons its hash; so does one of
     * another type, and one of more than 10000 fields.  (Of slots of others
     * only as much is looked at as is needed.)
     *
     * "u:NODE" never becomes less: the larger one of two amounts holds.  A
     * slot is replaced; an amount of 0 removes it, and one that is older than
     * the oldest is not written.  Those that are not told stay.  The lease
     * becomes what is held with what is given, until now + what leases last;
     * it stays with 0, for its serial, until it has ended.
     *
     * Used by others: "u:", or slots that count, of other nodes; and what
     * Redis knew of this node beyond the "u" that it tells now: its memory was
     * lost.  Slots are told by pieces: those that a call does not name stay,
     * and count.  Slots of clocks that are ahead count; those of this node
     * that have slid out are removed, those of others with their last one.
     * Leased by others: leases of other owners that have not ended.  Those
     * that have are removed on the way; with "1" those of other owners of this
     * node too.
     *
     * What is free is the limit without all that was used, without leases of
     * others, and without what is held.  If there is the least, the most is
     * given where that is not more than a quarter of what is free, and else
     * the least: so the last of a limit goes where it is needed, and none of
     * it lies where it is not enough for anything.  A least of 0 is never
     * refused: what was used and what is held is a fact, even where a limit
     * was passed; most may be more than 0 then.
     *
     * EXPIRE is set on each hash that was written to.
     */
    AI_REDIS_SHARE,

    AI_REDIS_MAX
} ai_redis_script_e;


#pragma GCC visibility push(hidden)


/* a Lua text, constant */
const ai_str_t *ai_redis_script(ai_redis_script_e script);


#pragma GCC visibility pop


#endif /* AI_REDIS_SCRIPTS_H */
