
/*
 * The spend ledger of a node: what is reserved by requests that run, and what
 * those that ended have used.  It is one area of memory, a file that all
 * processes of one nginx master map at the same address, so that nothing of
 * money is lost with a process, or with all of them:
 *
 *     header | tickets | ring of records
 *
 * A ticket is a request that runs: what it has reserved and how far it is.
 * When it ends its record goes into the ring and the ticket is free, in one
 * step, together with whatever else the caller stages in the ledger's redo
 * (base/ai_redo.h).  Records are numbered from 1 on without gaps; who keeps
 * sums of them (this node's counters, Redis, another nginx) remembers the
 * number of the last one it has applied.
 *
 * All calls are made under one lock, except the three that say so.  A ledger
 * of another master, or of one that is dead, is read through the same calls;
 * no memory is allocated anywhere here.
 */

#ifndef AI_LEDGER_H
#define AI_LEDGER_H


#include <base/ai_redo.h>
#include <store/ai_amounts.h>


#define AI_LEDGER_SCOPES    10      /* counters of one request */
#define AI_LEDGER_MARKS     16      /* other ledgers that are followed */
#define AI_LEDGER_TEXT      384     /* bytes of a definition */
#define AI_LEDGER_UNIT      512     /* bytes of a ticket, and of a record */


/* a counter that a request is counted in */
typedef struct {
    uint64_t           counter;     /* its id */
    uint32_t           zone;        /* hash of its limit zone's name */
    uint32_t           unit;        /* ai_unit_e */
    int64_t            window;      /* that it was admitted in: start of a
                                       calendar window, number of a slot */
    int64_t            reserve;     /* of the unit */
} ai_ledger_scope_t;


typedef enum {
    AI_TICKET_FREE = 0,
    AI_TICKET_OPEN,                 /* reserved, no provider was called */
    AI_TICKET_SENT                  /* a provider was */
} ai_ticket_e;


typedef struct {
    uint64_t           id;          /* unique, also among ledgers (as good as:
                                       64 bits made of the ledger's id) */
    int64_t            owner;       /* pid */
    int64_t            start;       /* of the request, s since 1970 */
    uint64_t           series;      /* whose: an id of store/ai_totals.h */
    uint32_t           nscopes;
    uint32_t           crc;         /* of what is above, and of the scopes but
                                       their reserves */
    ai_ledger_scope_t  scope[AI_LEDGER_SCOPES];

    /* words that change; whole ones */
    int64_t            state;       /* ai_ticket_e */
    int64_t            prompt;      /* what it has used so far: tokens ... */
    int64_t            completion;
    int64_t            cost;        /* ... and nano-USD */
} ai_ticket_t;


typedef enum {
    AI_RECORD_FINAL = 1,            /* a request ended */
    AI_RECORD_COUNTER,              /* text: what a counter's id stands for */
    AI_RECORD_SERIES                /* text: what a series' id stands for */
} ai_record_e;


typedef struct {
    uint32_t           crc;         /* of all that follows */
    uint16_t           type;        /* ai_record_e */
    uint16_t           nscopes;     /* or bytes of text */
    int64_t            seq;
    uint64_t           id;          /* FINAL: the ticket's; else what is
                                       defined */
    int64_t            start;       /* FINAL: of the request, s; else now */
    int64_t            owner;       /* FINAL: who wrote it */
    uint64_t           series;      /* FINAL */
    ai_amounts_t       amounts;     /* FINAL */

    union {
        ai_ledger_scope_t  scope[AI_LEDGER_SCOPES];
        ai_char_t          text[AI_LEDGER_TEXT];
    } u;
} ai_record_t;


/* how far the records of another ledger were applied here */
typedef struct {
    ai_char_t          id[16];
    int64_t            applied;     /* 0: nothing */
    int64_t            used;        /* is this entry? */
} ai_ledger_mark_t;


typedef struct ai_ledger_s  ai_ledger_t;


typedef struct {
    uint32_t           skipped;     /* records, tickets that are damaged */
    uint32_t           redone;      /* an operation was brought to its end */
} ai_ledger_repair_t;


#pragma GCC visibility push(hidden)


/* bytes for so many tickets and records, a multiple of 4096 */
size_t ai_ledger_size(uint32_t ntickets, uint32_t nrecords);

/* formats zeroed memory of that size; id: 16 random bytes */
ai_ledger_t *ai_ledger_create(void *area, uint32_t ntickets,
    uint32_t nrecords, const ai_char_t *id);

/*
 * Looks at an area that may be anything.  NULL: no ledger of this version, of
 * this size; *why says so, static text.
 */
ai_ledger_t *ai_ledger_open(void *area, size_t size, const char **why);

const ai_char_t *ai_ledger_id(const ai_ledger_t *l);
ai_redo_t *ai_ledger_redo(ai_ledger_t *l);

/*
 * Of one whose processes are all dead, mapped anywhere: brings an operation
 * that was interrupted to its end as far as the ledger's own words are
 * concerned (others were in memory that is gone), finds the head again if the
 * header was older than the ring, and frees tickets whose record is there.
 */
void ai_ledger_repair(ai_ledger_t *l, ai_ledger_repair_t *done);


/*
 * A ticket for a request; its state is staged, the rest is written.  NULL: no
 * ticket is free, or no room in the redo.  scope is copied.
 */
ai_ticket_t *ai_ledger_reserve(ai_ledger_t *l, int64_t owner, int64_t start,
    uint64_t series, const ai_ledger_scope_t *scope, uint32_t nscopes);

/* these by the ticket's owner, without a lock: a provider is called now; what
 * was used so far, which only grows */
void ai_ticket_sent(ai_ticket_t *t, int64_t prompt, int64_t cost);
void ai_ticket_progress(ai_ticket_t *t, int64_t prompt, int64_t completion,
    int64_t cost);

/* stages: one of its scopes reserves more */
ai_int_t ai_ticket_extend(ai_ledger_t *l, ai_ticket_t *t, uint32_t scope,
    int64_t more);

/*
 * Stages: the request has ended and used this, for a series that may be
 * another than the ticket's; its scopes go into the record with what they had
 * reserved.  AI_AGAIN: the ring is full; AI_ERROR: no room
 * in the redo.
 */
ai_int_t ai_ledger_settle(ai_ledger_t *l, ai_ticket_t *t, uint64_t series,
    const ai_amounts_t *amounts);

/* the same without a ticket: nothing is reserved.  id: as a ticket's would
 * be, or 0 */
ai_int_t ai_ledger_add(ai_ledger_t *l, uint64_t id, int64_t owner,
    int64_t start, uint64_t series, const ai_ledger_scope_t *scope,
    uint32_t nscopes, const ai_amounts_t *amounts);

/* a record is going to be written soon: its place in the ring, which is larger
 * than caches are, is fetched.  Without the lock */
void ai_ledger_fetch(const ai_ledger_t *l);

/* stages: it has used nothing */
ai_int_t ai_ledger_release(ai_ledger_t *l, ai_ticket_t *t);

/* stages: what an id stands for; text is cut at AI_LEDGER_TEXT */
ai_int_t ai_ledger_define(ai_ledger_t *l, ai_record_e type, uint64_t id,
    int64_t now, const ai_str_t *text);


/* tickets that are not free, one after the other: NULL before the first one,
 * NULL behind the last one; damaged ones are left out */
ai_ticket_t *ai_ledger_next(ai_ledger_t *l, ai_ticket_t *t);
uint32_t ai_ledger_open_tickets(const ai_ledger_t *l);


/* the number that the next record will have; those below tail may have been
 * overwritten.  The head may be read without the lock */
int64_t ai_ledger_head(const ai_ledger_t *l);
int64_t ai_ledger_tail(const ai_ledger_t *l);

/* records below this are not needed any more; it never goes back */
void ai_ledger_trim(ai_ledger_t *l, int64_t tail);

/* how many more fit in */
int64_t ai_ledger_room(const ai_ledger_t *l);

/* tail <= seq < head; NULL: it is not, or it is damaged */
const ai_record_t *ai_ledger_record(const ai_ledger_t *l, int64_t seq);


/* the mark for another ledger, made when there is none; NULL: no room */
ai_ledger_mark_t *ai_ledger_mark(ai_ledger_t *l, const ai_char_t *id);
void ai_ledger_unmark(ai_ledger_t *l, ai_ledger_mark_t *mark);
/* all AI_LEDGER_MARKS of them */
ai_ledger_mark_t *ai_ledger_marks(ai_ledger_t *l);


#pragma GCC visibility pop


#endif /* AI_LEDGER_H */
