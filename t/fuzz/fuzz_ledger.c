
/*
 * A ledger's file, damaged in any way, mapped somewhere else and repaired:
 * it is refused, or in order: records that are there are whole, no request is
 * settled twice or both settled and open, and it can be used.  A second
 * repair changes nothing.
 *
 * The input: a number of operations, a byte each; as many again, a moment
 * later; then damages of four bytes: what, where (two), and a value.
 */

#include <store/ai_ledger_int.h>

#include "fuzz.h"


#define TICKETS  4
#define RECORDS  10
#define SIZE     12288
#define SECTOR   512


static uint64_t  first[SIZE / 8], then[SIZE / 8], elsewhere[SIZE / 8];

static const ai_char_t  ledger_id[] = "0123456789abcdef";


static uint32_t
sum(const unsigned char *p, size_t len)
{
    int       i;
    uint32_t  c;

    for (c = 0xffffffff; len; len--) {
        c ^= *p++;

        for (i = 0; i < 8; i++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        }
    }

    return ~c;
}


static size_t
record_len(const ai_record_t *r)
{
    return offsetof(ai_record_t, u)
           + (r->type == AI_RECORD_FINAL
              ? r->nscopes * sizeof(ai_ledger_scope_t) : r->nscopes);
}


static void
operate(ai_ledger_t *l, unsigned what)
{
    ai_str_t           text;
    ai_ticket_t       *t;
    ai_amounts_t       amounts;
    ai_ledger_mark_t  *mark;
    ai_ledger_scope_t  scope[AI_LEDGER_SCOPES];

    memset(scope, 0, sizeof(scope));
    memset(&amounts, 0, sizeof(amounts));
    amounts.cost = what;

    text.data = (ai_char_t *) scope;
    text.len = what;

    t = ai_ledger_next(l, NULL);

    if (t && what & 8 && ai_ledger_next(l, t)) {
        t = ai_ledger_next(l, t);
    }

    ai_redo_begin(&l->redo);

    switch (what % 8) {
    case 0:
    case 1:
        t = ai_ledger_reserve(l, what, 1, 2, scope, what / 8 % 11);
        must(t || ai_ledger_open_tickets(l) == TICKETS);
        break;
    case 2:
        (void) ai_ledger_define(l, AI_RECORD_SERIES, 1, 2, &text);
        break;
    case 3:
        ai_ledger_trim(l, ai_ledger_tail(l) + what / 16);
        break;
    case 4:
        mark = ai_ledger_mark(l, (ai_char_t *) scope);
        if (mark && ai_ledger_add(l, 0, 1, 2, 3, scope, what / 8 % 11,
                                  &amounts) == AI_OK)
        {
            (void) ai_redo_add(&l->redo, &mark->applied, 1);
        }
        break;
    case 5:
        if (t) {
            ai_ticket_sent(t, what, what);
            ai_ticket_progress(t, what + 1, what, what);
            (void) ai_ticket_extend(l, t, what / 8 % 4, what);
        }
        break;
    case 6:
        if (t && what & 16) {
            (void) ai_ledger_release(l, t);
            break;
        }
        /* fall through */
    default:
        if (t && ai_ledger_settle(l, t, 1, &amounts) == AI_AGAIN) {
            must(ai_ledger_room(l) == 0);
        }
    }

    ai_redo_commit(&l->redo);
}


static void
check(ai_ledger_t *l, int forged)
{
    int64_t             seq, other;
    ai_ticket_t        *t, *u;
    const ai_record_t  *r, *q;

    must(ai_ledger_tail(l) >= 1 && ai_ledger_tail(l) <= ai_ledger_head(l));
    must(ai_ledger_head(l) - ai_ledger_tail(l) <= RECORDS);
    must(ai_ledger_room(l) == RECORDS + ai_ledger_tail(l)
                              - ai_ledger_head(l));

    for (seq = ai_ledger_tail(l); seq < ai_ledger_head(l); seq++) {
        r = ai_ledger_record(l, seq);

        if (r == NULL) {
            continue;
        }

        must(r->seq == seq);
        must(r->nscopes <= (r->type == AI_RECORD_FINAL ? AI_LEDGER_SCOPES
                                                       : AI_LEDGER_TEXT));
        must((sum((const unsigned char *) r + 4, record_len(r) - 4)
              ^ sum(ledger_id, 16)) == r->crc);

        if (r->type != AI_RECORD_FINAL || r->id == 0) {
            continue;
        }

        for (t = ai_ledger_next(l, NULL); t; t = ai_ledger_next(l, t)) {
            must(t->id != r->id);
        }

        for (other = ai_ledger_tail(l); other < seq && !forged; other++) {
            q = ai_ledger_record(l, other);
            must(!q || q->type != AI_RECORD_FINAL || q->id != r->id);
        }
    }

    for (t = ai_ledger_next(l, NULL); t; t = ai_ledger_next(l, t)) {
        must(t->nscopes <= AI_LEDGER_SCOPES);

        for (u = ai_ledger_next(l, t); u; u = ai_ledger_next(l, u)) {
            must(u->id != t->id);
        }
    }
}


/* 1: it is nothing that could happen by chance */

static int
damage(ai_ledger_t *l, const uint8_t *p, int mixed)
{
    char         *area;
    size_t        off;
    int64_t       value;
    ai_record_t  *r;

    area = (char *) l;
    off = ((size_t) p[1] << 8 | p[2]) % SIZE;

    switch (p[0] % 6) {

    case 0:
        area[off] = (char) (area[off] ^ p[3]);
        return 0;

    case 1:
        off -= off % SECTOR;

        if (mixed) {
            memcpy(area + off, (char *) first + off, SECTOR);
        }

        return 0;

    case 2:
        off -= off % SECTOR;
        memset(area + off, 0, SECTOR);
        return 0;

    case 3:
        value = (int8_t) p[3];
        memcpy(area + off / 8 * 8, &value, 8);
        return 1;

    case 4:
        memset(area + off, p[3], ai_min((size_t) 64, SIZE - off));
        return 1;

    default:
        r = (ai_record_t *) (area + 4096 + SECTOR
                             + (TICKETS + off % RECORDS) * AI_LEDGER_UNIT);

        if (record_len(r) <= AI_LEDGER_UNIT) {
            r->crc = sum(ledger_id, 16) ^ sum((unsigned char *) r + 4,
                                   record_len(r) - 4);
        }

        return 1;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  forged, mixed;
    size_t               i, n;
    const char          *why;
    ai_ledger_t         *l;
    ai_ledger_repair_t   done;

    must(ai_ledger_size(TICKETS, RECORDS) == SIZE);

    if (size < 2) {
        return 0;
    }

    memset(then, 0, sizeof(then));
    l = ai_ledger_create(then, TICKETS, RECORDS, ledger_id);

    n = ai_min(data[0], size - 2);

    for (i = 0; i < n; i++) {
        operate(l, data[2 + i]);
    }

    check(l, 0);
    memcpy(first, then, sizeof(first));

    data += 2 + n;
    size -= 2 + n;
    n = ai_min((size_t) data[-1 - (ptrdiff_t) n], size);

    for (i = 0; i < n; i++) {
        operate(l, data[i]);
    }

    check(l, 0);

    mixed = ai_ledger_head(l)
            - ai_ledger_head((ai_ledger_t *) first) <= RECORDS;
    forged = 0;

    for (i = n; i + 4 <= size; i += 4) {
        forged |= damage(l, data + i, mixed);
    }

    memcpy(elsewhere, then, sizeof(then));
    memset(then, 0xee, sizeof(then));

    l = ai_ledger_open(elsewhere, SIZE, &why);

    if (l == NULL) {
        must(why != NULL);
        return 0;
    }

    ai_ledger_repair(l, &done);
    check(l, forged);

    memcpy(first, elsewhere, sizeof(first));
    ai_ledger_repair(l, &done);
    must(!done.redone);

    /* but for the ticket numbers that are passed over */

    ((ai_ledger_t *) first)->number = l->number;
    must(memcmp(first, elsewhere, sizeof(first)) == 0);

    for (i = 0; i < n; i++) {
        operate(l, data[i]);
    }

    check(l, forged);

    return 0;
}
