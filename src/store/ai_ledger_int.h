
/*
 * How a ledger lies in memory.
 *
 *     header, one page | bits | tickets | ring
 *
 * What is truth: tickets' states, head, tail, and records whose CRC is right.
 * Everything else can be found again.  A record of number n is in slot
 * n % nrecords of the ring.  A ticket's id ends in its index, so that a record
 * leads to the ticket it came from.
 */

#ifndef AI_LEDGER_INT_H
#define AI_LEDGER_INT_H


#include <codec/ai_crc32.h>
#include <store/ai_ledger.h>


/* a test puts something between two stores */
#ifndef AI_LEDGER_STEP
#define AI_LEDGER_STEP()
#endif

/* those before are seen, and survive, if those behind are */
#define ai_ledger_barrier()                                                   \
    do {                                                                      \
        __atomic_thread_fence(__ATOMIC_RELEASE);                              \
        AI_LEDGER_STEP();                                                     \
    } while (0)


#define AI_LEDGER_MAGIC    0x7265676465316961   /* "ai1edger" */
#define AI_LEDGER_VERSION  1

#define AI_LEDGER_PAGE     4096

#define AI_LEDGER_TICKETS  (1 << 20)
#define AI_LEDGER_RECORDS  (1 << 30)


struct ai_ledger_s {
    uint64_t           magic;
    uint32_t           version;
    uint32_t           unit;        /* AI_LEDGER_UNIT */
    uint64_t           size;        /* of all */
    uint32_t           ntickets;
    uint32_t           nrecords;
    ai_char_t          id[16];
    uint32_t           salt;        /* of the sums: records of another ledger
                                       are none of this one */
    uint32_t           crc;         /* of what is above */

    /* words that change; those of two copies have the complement as a second
       one: they agree, or are not believed */
    int64_t            base[2];     /* address that redo's pointers are for */
    int64_t            head[2];
    int64_t            tail[2];

    int64_t            written;     /* records below this may be in the ring;
                                       >= head */
    uint64_t           number;      /* of the last ticket */
    uint32_t           cursor;      /* where to look for a free ticket */

    ai_ledger_mark_t   mark[AI_LEDGER_MARKS];
    ai_redo_t          redo;

    uint32_t           used;        /* tickets from here on were never given;
                                       0: not known */
};


#pragma GCC visibility push(hidden)


/* a bit for each ticket: clear, it is not free; set, it may be */
uint64_t *ai_ledger_bits(const ai_ledger_t *l);
ai_ticket_t *ai_ledger_ticket(const ai_ledger_t *l, uint32_t i);
ai_record_t *ai_ledger_slot(const ai_ledger_t *l, int64_t seq);

/* the parts of a ticket's id: the index may be too high, and the number any,
 * if it is of another ledger */
uint32_t ai_ledger_ticket_index(const ai_ledger_t *l, uint64_t id);
uint64_t ai_ledger_ticket_number(const ai_ledger_t *l, uint64_t id);

/* 1 or 0 */
ai_uint_t ai_ledger_ticket_ok(const ai_ledger_t *l, const ai_ticket_t *t);
ai_uint_t ai_ledger_record_ok(const ai_ledger_t *l, const ai_record_t *r);
ai_uint_t ai_ledger_mark_ok(const ai_ledger_mark_t *mark);

/* a word of two copies; the first one, which is read, is stored last */
void ai_ledger_pair(int64_t *pair, int64_t value);


#pragma GCC visibility pop


#endif /* AI_LEDGER_INT_H */
