
/*
 * A ledger whose processes are gone.  If they were killed its memory is what
 * they left; if the machine went down every page of the file may be of another
 * moment.  The second cannot be told from the first by a flag, only by a ring
 * that knows more than the header: records above "written".
 *
 * Every step may be done again: who is killed here leaves it to the next.
 */

#include <store/ai_ledger_int.h>


/* ticket numbers that may have been given and left no trace */
#define AI_LEDGER_LOST  (1 << 20)


static void ai_repair_redo(ai_ledger_t *l, ai_ledger_repair_t *done);
static void ai_repair_word(ai_ledger_t *l, const ai_redo_word_t *w);
static ai_uint_t ai_repair_is_header(const ai_ledger_t *l, const int64_t *p);
static ai_ticket_t *ai_repair_ticket_of(const ai_ledger_t *l, size_t off);
static int64_t ai_repair_last(const ai_ledger_t *l);
static void ai_repair_head(ai_ledger_t *l);
static void ai_repair_tail(ai_ledger_t *l);
static ai_uint_t ai_repair_is_tail(const ai_ledger_t *l, int64_t tail);
static void ai_repair_records(ai_ledger_t *l, ai_ledger_repair_t *done);
static void ai_repair_tickets(ai_ledger_t *l, ai_ledger_repair_t *done);
static void ai_repair_free(ai_ticket_t *t);
static void ai_repair_number(ai_ledger_t *l, uint64_t id);
static void ai_repair_marks(ai_ledger_t *l);


void
ai_ledger_repair(ai_ledger_t *l, ai_ledger_repair_t *done)
{
    memset(done, 0, sizeof(ai_ledger_repair_t));

    ai_repair_redo(l, done);
    ai_repair_head(l);
    ai_repair_tail(l);
    ai_repair_records(l, done);
    ai_repair_tickets(l, done);
    ai_repair_marks(l);

    memset(ai_ledger_bits(l), 0xff, (l->ntickets + 63) / 64 * 8);
    l->used = 0;

    l->number += AI_LEDGER_LOST;

    ai_ledger_pair(l->base, (int64_t) (uintptr_t) l);
}


static void
ai_repair_redo(ai_ledger_t *l, ai_ledger_repair_t *done)
{
    uint32_t    i;
    ai_redo_t  *redo;

    redo = &l->redo;

    if (redo->valid == 1 && redo->n <= AI_REDO_MAX
        && l->base[0] == ~l->base[1])
    {
        done->redone = 1;

        for (i = 0; i < redo->n; i++) {
            ai_repair_word(l, &redo->word[i]);
            AI_LEDGER_STEP();
        }
    }

    ai_ledger_barrier();
    redo->valid = 0;
    ai_ledger_barrier();

    redo->n = 0;
}


/* a word of another area, or that never changes, is left alone */

static void
ai_repair_word(ai_ledger_t *l, const ai_redo_word_t *w)
{
    size_t        off;
    int64_t      *p;
    ai_ticket_t  *t;

    off = (uintptr_t) w->p - (uintptr_t) l->base[0];

    if (off % sizeof(int64_t) || off > l->size - sizeof(int64_t)) {
        return;
    }

    p = (int64_t *) ((ai_char_t *) l + off);
    t = ai_repair_ticket_of(l, off);

    if (t && p == (int64_t *) &t->id) {

        if (w->value == 0) {
            t->id = 0;
        }

        return;
    }

    if (t && p == &t->state) {

        /* one that was opened cannot have gone on before the redo was done:
           this would be older than the ticket */

        if (w->value == AI_TICKET_FREE || t->state == AI_TICKET_FREE) {
            *p = w->value;
        }

        return;
    }

    if (t) {
        off = (size_t) ((ai_char_t *) p - (ai_char_t *) t->scope);

        if (off < sizeof(t->scope)
            && off % sizeof(ai_ledger_scope_t)
               == offsetof(ai_ledger_scope_t, reserve))
        {
            *p = w->value;
        }

        return;
    }

    if (ai_repair_is_header(l, p)) {
        *p = w->value;
    }
}


static ai_uint_t
ai_repair_is_header(const ai_ledger_t *l, const int64_t *p)
{
    ai_uint_t  i;

    if (p == &l->head[0] || p == &l->head[1]) {
        return 1;
    }

    for (i = 0; i < AI_LEDGER_MARKS; i++) {
        if (p == &l->mark[i].applied) {
            return 1;
        }
    }

    return 0;
}


static ai_ticket_t *
ai_repair_ticket_of(const ai_ledger_t *l, size_t off)
{
    size_t  first;

    first = (size_t) ((ai_char_t *) ai_ledger_ticket(l, 0) - (ai_char_t *) l);

    if (off < first || (off - first) / AI_LEDGER_UNIT >= l->ntickets) {
        return NULL;
    }

    return ai_ledger_ticket(l, (uint32_t) ((off - first) / AI_LEDGER_UNIT));
}


/*
 * The header is believed, unless it is damaged or there are records which it
 * has never heard of.  Those it has heard of and not counted were not
 * committed, and go: their tickets are open.
 */

static void
ai_repair_head(ai_ledger_t *l)
{
    int64_t  last, head, s;

    last = ai_repair_last(l);
    head = l->head[0];

    if (head != ~l->head[1] || head < 1) {
        head = last + 1;

    } else if (last >= head && last >= l->written) {
        head = last + 1;
    }

    for (s = last; s >= head; s--) {
        if (ai_ledger_slot(l, s)->seq == s) {
            ai_ledger_slot(l, s)->seq = 0;
            AI_LEDGER_STEP();
        }
    }

    ai_ledger_pair(l->head, head);

    l->written = head;
    ai_ledger_barrier();
}


/* the highest number in the ring, or 0 */

static int64_t
ai_repair_last(const ai_ledger_t *l)
{
    int64_t             last;
    uint32_t            i;
    const ai_record_t  *r;

    last = 0;

    for (i = 0; i < l->nrecords; i++) {
        r = ai_ledger_slot(l, i);

        if (r->seq > last && ai_ledger_record_ok(l, r)) {
            last = r->seq;
        }
    }

    return last;
}


/* the lower one of two that can be: records are offered once more rather than
 * not at all */

static void
ai_repair_tail(ai_ledger_t *l)
{
    int64_t  head, tail, other;

    head = l->head[0];
    tail = l->tail[0];
    other = ~l->tail[1];

    if (!ai_repair_is_tail(l, tail)
        || (ai_repair_is_tail(l, other) && other < tail))
    {
        tail = other;
    }

    if (!ai_repair_is_tail(l, tail)) {
        tail = head > l->nrecords ? head - l->nrecords : 1;
    }

    ai_ledger_pair(l->tail, tail);
}


static ai_uint_t
ai_repair_is_tail(const ai_ledger_t *l, int64_t tail)
{
    return tail >= 1 && tail <= l->head[0]
           && l->head[0] - tail <= (int64_t) l->nrecords;
}


/* also those below the tail: their tickets are done just as well */

static void
ai_repair_records(ai_ledger_t *l, ai_ledger_repair_t *done)
{
    int64_t       seq;
    uint32_t      i, index;
    ai_ticket_t  *t;
    ai_record_t  *r;

    for (seq = l->tail[0]; seq < l->head[0]; seq++) {
        if (ai_ledger_record(l, seq) == NULL) {
            done->skipped++;
        }
    }

    for (i = 0; i < l->nrecords; i++) {
        r = ai_ledger_slot(l, i);

        if (r->type != AI_RECORD_FINAL || r->id == 0
            || !ai_ledger_record_ok(l, r))
        {
            continue;
        }

        ai_repair_number(l, r->id);

        index = ai_ledger_ticket_index(l, r->id);

        if (index >= l->ntickets) {
            continue;
        }

        t = ai_ledger_ticket(l, index);

        if (t->id == r->id) {
            ai_repair_free(t);
        }
    }
}


static void
ai_repair_tickets(ai_ledger_t *l, ai_ledger_repair_t *done)
{
    uint32_t      i;
    ai_ticket_t  *t;

    for (i = 0; i < l->ntickets; i++) {
        t = ai_ledger_ticket(l, i);

        if (t->state == AI_TICKET_FREE) {
            continue;
        }

        if (ai_ledger_ticket_ok(l, t)) {
            ai_repair_number(l, t->id);
            continue;
        }

        ai_repair_free(t);

        done->skipped++;
    }
}


static void
ai_repair_free(ai_ticket_t *t)
{
    t->state = AI_TICKET_FREE;
    ai_ledger_barrier();

    t->id = 0;
}


/* records may have ids of other ledgers, whose numbers are far off */

static void
ai_repair_number(ai_ledger_t *l, uint64_t id)
{
    uint64_t  number;

    number = ai_ledger_ticket_number(l, id);

    if (number > l->number && number - l->number <= UINT32_MAX) {
        l->number = number;
    }
}


static void
ai_repair_marks(ai_ledger_t *l)
{
    ai_uint_t  i;

    for (i = 0; i < AI_LEDGER_MARKS; i++) {
        if (!ai_ledger_mark_ok(&l->mark[i])) {
            ai_ledger_unmark(l, &l->mark[i]);
        }
    }
}
