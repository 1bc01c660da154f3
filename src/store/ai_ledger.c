
/*
 * Nothing is changed that others believe in but through the redo: a record is
 * written behind the head, a ticket while its state says that it is free.
 */

#include <store/ai_ledger_int.h>


#define AI_LEDGER_ROUND(n)                                                    \
    (((n) + AI_LEDGER_PAGE - 1) / AI_LEDGER_PAGE * AI_LEDGER_PAGE)

/* the words of a ticket that have a CRC: five, and three a scope */
#define AI_TICKET_WORDS  (5 + 3 * AI_LEDGER_SCOPES)

/* bytes of a record of a few scopes, and of a line of the CPU's cache */
#define AI_LEDGER_USUAL  256
#define AI_LEDGER_LINE   64


static size_t ai_ledger_bits_size(uint32_t ntickets);
static const char *ai_ledger_refuse(const ai_ledger_t *l, size_t size);
static uint32_t ai_ledger_sum(const ai_ledger_t *l);

static ai_ticket_t *ai_ledger_free_ticket(ai_ledger_t *l);
static ai_uint_t ai_ledger_is_free(ai_ledger_t *l, uint32_t i);
static uint32_t ai_ledger_index(const ai_ledger_t *l, const ai_ticket_t *t);
static uint64_t ai_ledger_ticket_id(const ai_ledger_t *l, uint64_t number,
    uint32_t index);
static uint64_t ai_ledger_first(const ai_ledger_t *l);
static uint32_t ai_ledger_index_bits(const ai_ledger_t *l);
static uint32_t ai_ticket_sum(const ai_ledger_t *l, const ai_ticket_t *t);
static void ai_ticket_grow(int64_t *p, int64_t value);
static ai_int_t ai_ledger_ready(const ai_ledger_t *l, const ai_ticket_t *t,
    uint32_t words);
static void ai_ledger_set_free(ai_ledger_t *l, ai_ticket_t *t);

static ai_record_t *ai_ledger_final(ai_ledger_t *l, uint64_t id,
    int64_t owner, int64_t start, uint64_t series,
    const ai_ledger_scope_t *scope, uint32_t nscopes,
    const ai_amounts_t *amounts);
static ai_record_t *ai_ledger_record_begin(ai_ledger_t *l, ai_record_e type,
    int64_t start, uint64_t id);
static void ai_ledger_record_end(ai_ledger_t *l, ai_record_t *r);
static size_t ai_record_len(const ai_record_t *r);
static uint32_t ai_record_sum(const ai_ledger_t *l, const ai_record_t *r,
    size_t len);
static int64_t ai_ledger_mark_used(const ai_ledger_mark_t *mark);


_Static_assert(sizeof(ai_ledger_t) <= AI_LEDGER_PAGE, "the header is a page");
_Static_assert(sizeof(ai_ticket_t) <= AI_LEDGER_UNIT, "a ticket is a unit");
_Static_assert(sizeof(ai_record_t) <= AI_LEDGER_UNIT, "a record is a unit");
_Static_assert(offsetof(ai_ticket_t, scope) == 40
               && offsetof(ai_ledger_scope_t, reserve) == 24,
               "what ai_ticket_sum() takes");


size_t
ai_ledger_size(uint32_t ntickets, uint32_t nrecords)
{
    if (ntickets == 0 || ntickets > AI_LEDGER_TICKETS
        || nrecords == 0 || nrecords > AI_LEDGER_RECORDS)
    {
        return 0;
    }

    return AI_LEDGER_ROUND(AI_LEDGER_PAGE + ai_ledger_bits_size(ntickets)
                           + ((size_t) ntickets + nrecords) * AI_LEDGER_UNIT);
}


static size_t
ai_ledger_bits_size(uint32_t ntickets)
{
    return ((size_t) ntickets + 8 * AI_LEDGER_UNIT - 1)
           / (8 * AI_LEDGER_UNIT) * AI_LEDGER_UNIT;
}


ai_ledger_t *
ai_ledger_create(void *area, uint32_t ntickets, uint32_t nrecords,
    const ai_char_t *id)
{
    size_t        size;
    ai_ledger_t  *l;

    size = ai_ledger_size(ntickets, nrecords);

    if (size == 0) {
        return NULL;
    }

    l = area;

    l->version = AI_LEDGER_VERSION;
    l->unit = AI_LEDGER_UNIT;
    l->size = size;
    l->ntickets = ntickets;
    l->nrecords = nrecords;
    memcpy(l->id, id, sizeof(l->id));
    l->salt = ai_crc32(id, sizeof(l->id));

    ai_ledger_pair(l->base, (int64_t) (uintptr_t) area);
    ai_ledger_pair(l->head, 1);
    ai_ledger_pair(l->tail, 1);
    l->written = 1;
    l->used = 1;

    memset(ai_ledger_bits(l), 0xff, ai_ledger_bits_size(ntickets));

    ai_ledger_barrier();

    l->magic = AI_LEDGER_MAGIC;
    l->crc = ai_ledger_sum(l);

    return l;
}


ai_ledger_t *
ai_ledger_open(void *area, size_t size, const char **why)
{
    *why = ai_ledger_refuse(area, size);

    return *why ? NULL : area;
}


static const char *
ai_ledger_refuse(const ai_ledger_t *l, size_t size)
{
    if (size < AI_LEDGER_PAGE) {
        return "it is too short";
    }

    if (l->magic != AI_LEDGER_MAGIC) {
        return "it is no ledger";
    }

    if (l->version != AI_LEDGER_VERSION || l->unit != AI_LEDGER_UNIT) {
        return "it is of another version";
    }

    if (l->crc != ai_ledger_sum(l)
        || l->size != ai_ledger_size(l->ntickets, l->nrecords))
    {
        return "its header is damaged";
    }

    if (l->size != size) {
        return l->size > size ? "it was cut off" : "it is too long";
    }

    return NULL;
}


static uint32_t
ai_ledger_sum(const ai_ledger_t *l)
{
    return ai_crc32((const ai_char_t *) l, offsetof(ai_ledger_t, crc));
}


const ai_char_t *
ai_ledger_id(const ai_ledger_t *l)
{
    return l->id;
}


ai_redo_t *
ai_ledger_redo(ai_ledger_t *l)
{
    return &l->redo;
}


uint64_t *
ai_ledger_bits(const ai_ledger_t *l)
{
    return (uint64_t *) ((ai_char_t *) l + AI_LEDGER_PAGE);
}


ai_ticket_t *
ai_ledger_ticket(const ai_ledger_t *l, uint32_t i)
{
    return (ai_ticket_t *) ((ai_char_t *) l + AI_LEDGER_PAGE
                            + ai_ledger_bits_size(l->ntickets)
                            + (size_t) i * AI_LEDGER_UNIT);
}


ai_record_t *
ai_ledger_slot(const ai_ledger_t *l, int64_t seq)
{
    return (ai_record_t *) ((ai_char_t *) ai_ledger_ticket(l, l->ntickets)
                            + (uint64_t) seq % l->nrecords * AI_LEDGER_UNIT);
}


void
ai_ledger_pair(int64_t *pair, int64_t value)
{
    pair[1] = ~value;
    ai_ledger_barrier();
    __atomic_store_n(&pair[0], value, __ATOMIC_RELEASE);
    ai_ledger_barrier();
}


ai_ticket_t *
ai_ledger_reserve(ai_ledger_t *l, int64_t owner, int64_t start,
    uint64_t series, const ai_ledger_scope_t *scope, uint32_t nscopes)
{
    ai_ticket_t  *t;

    if (nscopes > AI_LEDGER_SCOPES || l->redo.n >= AI_REDO_MAX) {
        return NULL;
    }

    t = ai_ledger_free_ticket(l);

    if (t == NULL) {
        return NULL;
    }

    t->id = ai_ledger_ticket_id(l, ++l->number, ai_ledger_index(l, t));
    t->owner = owner;
    t->start = start;
    t->series = series;
    t->nscopes = nscopes;

    if (nscopes) {
        memcpy(t->scope, scope, nscopes * sizeof(ai_ledger_scope_t));
    }

    AI_LEDGER_STEP();

    t->prompt = 0;
    t->completion = 0;
    t->cost = 0;
    t->crc = ai_ticket_sum(l, t);
    AI_LEDGER_STEP();

    (void) ai_redo_set(&l->redo, &t->state, AI_TICKET_OPEN);

    return t;
}


/*
 * The bit of a ticket is set before it becomes free, and cleared when it is
 * met here and is not free: so each is looked at once for every time that it
 * was freed.  The lowest ones are taken, which are in the CPU's cache: those
 * below the cursor are not free, but for what was given up.
 */

static ai_ticket_t *
ai_ledger_free_ticket(ai_ledger_t *l)
{
    uint32_t   i, k, n, words;
    uint64_t  *bits, word;

    n = l->ntickets;
    words = (n + 63) / 64;
    bits = ai_ledger_bits(l);
    i = l->cursor < n ? l->cursor : 0;

    /* the first word twice: above the cursor, then below */

    for (k = 0; k <= words; k++) {
        word = bits[i / 64] & ~(uint64_t) 0 << i % 64;

        for ( /* void */ ; word; word &= word - 1) {
            i = i / 64 * 64 + (uint32_t) __builtin_ctzll(word);

            if (i >= n) {
                break;
            }

            if (ai_ledger_is_free(l, i)) {
                l->cursor = i + 1;

                if (l->used) {
                    l->used = ai_max(l->used, i + 1);
                    ai_ledger_barrier();
                }

                return ai_ledger_ticket(l, i);
            }
        }

        i = (i / 64 + 1) % words * 64;
    }

    return NULL;
}


static ai_uint_t
ai_ledger_is_free(ai_ledger_t *l, uint32_t i)
{
    int64_t       staged;
    ai_ticket_t  *t;

    t = ai_ledger_ticket(l, i);
    staged = ai_redo_get(&l->redo, &t->state);

    if (t->state != AI_TICKET_FREE && staged != AI_TICKET_FREE) {
        ai_ledger_bits(l)[i / 64] &= ~((uint64_t) 1 << i % 64);
    }

    return t->state == AI_TICKET_FREE && staged == AI_TICKET_FREE;
}


/*
 * The index, and above it a number that begins somewhere in 2^44 or more: the
 * ids of two ledgers do not meet.
 */

static uint64_t
ai_ledger_ticket_id(const ai_ledger_t *l, uint64_t number, uint32_t index)
{
    return (ai_ledger_first(l) + number) << ai_ledger_index_bits(l) | index;
}


uint32_t
ai_ledger_ticket_index(const ai_ledger_t *l, uint64_t id)
{
    return (uint32_t) (id & (((uint64_t) 1 << ai_ledger_index_bits(l)) - 1));
}


uint64_t
ai_ledger_ticket_number(const ai_ledger_t *l, uint64_t id)
{
    uint32_t  bits;

    bits = ai_ledger_index_bits(l);

    return ((id >> bits) - ai_ledger_first(l)) & ~(uint64_t) 0 >> bits;
}


static uint64_t
ai_ledger_first(const ai_ledger_t *l)
{
    uint64_t  first;

    memcpy(&first, l->id, sizeof(first));

    return first;
}


static uint32_t
ai_ledger_index_bits(const ai_ledger_t *l)
{
    return l->ntickets == 1 ? 0
           : 32 - (uint32_t) __builtin_clz(l->ntickets - 1);
}


static uint32_t
ai_ledger_index(const ai_ledger_t *l, const ai_ticket_t *t)
{
    return (uint32_t) (((const ai_char_t *) t
                        - (const ai_char_t *) ai_ledger_ticket(l, 0))
                       / AI_LEDGER_UNIT);
}


static uint32_t
ai_ticket_sum(const ai_ledger_t *l, const ai_ticket_t *t)
{
    uint32_t         i;
    const uint64_t  *scope;
    uint64_t         word[AI_TICKET_WORDS], *w;

    word[0] = t->id;
    word[1] = (uint64_t) t->owner;
    word[2] = (uint64_t) t->start;
    word[3] = t->series;
    word[4] = t->nscopes;
    w = &word[5];

    for (i = 0; i < ai_min(t->nscopes, AI_LEDGER_SCOPES); i++) {
        scope = (const uint64_t *) &t->scope[i];
        *w++ = scope[0];
        *w++ = scope[1];
        *w++ = scope[2];
    }

    return l->salt ^ ai_crc32((const ai_char_t *) word,
                              (size_t) ((ai_char_t *) w
                                        - (ai_char_t *) word));
}


ai_uint_t
ai_ledger_ticket_ok(const ai_ledger_t *l, const ai_ticket_t *t)
{
    return (t->state == AI_TICKET_OPEN || t->state == AI_TICKET_SENT)
           && t->nscopes <= AI_LEDGER_SCOPES
           && ai_ledger_ticket_index(l, t->id) == ai_ledger_index(l, t)
           && t->crc == ai_ticket_sum(l, t);
}


void
ai_ticket_sent(ai_ticket_t *t, int64_t prompt, int64_t cost)
{
    ai_ticket_grow(&t->prompt, prompt);
    ai_ticket_grow(&t->cost, cost);
    ai_ledger_barrier();

    __atomic_store_n(&t->state, AI_TICKET_SENT, __ATOMIC_RELEASE);
    ai_ledger_barrier();
}


void
ai_ticket_progress(ai_ticket_t *t, int64_t prompt, int64_t completion,
    int64_t cost)
{
    ai_ticket_grow(&t->prompt, prompt);
    ai_ticket_grow(&t->completion, completion);
    ai_ticket_grow(&t->cost, cost);
}


static void
ai_ticket_grow(int64_t *p, int64_t value)
{
    if (value > *p) {
        __atomic_store_n(p, value, __ATOMIC_RELAXED);
        AI_LEDGER_STEP();
    }
}


/* is the ticket in use, and is there room for so many words? */

static ai_int_t
ai_ledger_ready(const ai_ledger_t *l, const ai_ticket_t *t, uint32_t words)
{
    if (l->redo.n > AI_REDO_MAX - words) {
        return AI_ERROR;
    }

    if (t && ai_redo_get(&l->redo, &t->state) == AI_TICKET_FREE) {
        return AI_DECLINED;
    }

    return AI_OK;
}


ai_int_t
ai_ticket_extend(ai_ledger_t *l, ai_ticket_t *t, uint32_t scope, int64_t more)
{
    ai_int_t  rc;

    rc = ai_ledger_ready(l, t, 1);

    if (rc != AI_OK || scope >= t->nscopes) {
        return rc != AI_OK ? rc : AI_DECLINED;
    }

    return ai_redo_add(&l->redo, &t->scope[scope].reserve, more);
}


ai_int_t
ai_ledger_settle(ai_ledger_t *l, ai_ticket_t *t, uint64_t series,
    const ai_amounts_t *amounts)
{
    uint32_t      i;
    ai_int_t      rc;
    ai_record_t  *r;

    rc = ai_ledger_ready(l, t, 4);

    if (rc != AI_OK) {
        return rc;
    }

    r = ai_ledger_final(l, t->id, t->owner, t->start, series, t->scope,
                        ai_min(t->nscopes, AI_LEDGER_SCOPES), amounts);

    if (r == NULL) {
        return AI_AGAIN;
    }

    /* some may be staged */

    for (i = 0; i < r->nscopes; i++) {
        r->u.scope[i].reserve = ai_redo_get(&l->redo, &t->scope[i].reserve);
    }

    ai_ledger_record_end(l, r);
    ai_ledger_set_free(l, t);

    return AI_OK;
}


ai_int_t
ai_ledger_add(ai_ledger_t *l, uint64_t id, int64_t owner, int64_t start,
    uint64_t series, const ai_ledger_scope_t *scope, uint32_t nscopes,
    const ai_amounts_t *amounts)
{
    ai_record_t  *r;

    if (nscopes > AI_LEDGER_SCOPES || ai_ledger_ready(l, NULL, 2) != AI_OK) {
        return AI_ERROR;
    }

    r = ai_ledger_final(l, id, owner, start, series, scope, nscopes, amounts);

    if (r == NULL) {
        return AI_AGAIN;
    }

    ai_ledger_record_end(l, r);

    return AI_OK;
}


static ai_record_t *
ai_ledger_final(ai_ledger_t *l, uint64_t id, int64_t owner, int64_t start,
    uint64_t series, const ai_ledger_scope_t *scope, uint32_t nscopes,
    const ai_amounts_t *amounts)
{
    ai_record_t  *r;

    r = ai_ledger_record_begin(l, AI_RECORD_FINAL, start, id);

    if (r == NULL) {
        return NULL;
    }

    r->owner = owner;
    r->series = series;
    r->amounts = *amounts;
    r->nscopes = (uint16_t) nscopes;

    if (nscopes) {
        memcpy(r->u.scope, scope, nscopes * sizeof(ai_ledger_scope_t));
    }

    return r;
}


void
ai_ledger_fetch(const ai_ledger_t *l)
{
    size_t            i;
    const ai_char_t  *p;

    p = (const ai_char_t *) ai_ledger_slot(l, ai_ledger_head(l));

    for (i = 0; i < AI_LEDGER_USUAL; i += AI_LEDGER_LINE) {
        __builtin_prefetch(p + i, 1);
    }
}


ai_int_t
ai_ledger_release(ai_ledger_t *l, ai_ticket_t *t)
{
    ai_int_t  rc;

    rc = ai_ledger_ready(l, t, 2);

    if (rc == AI_OK) {
        ai_ledger_set_free(l, t);
    }

    return rc;
}


/* without its id its CRC is wrong: a damaged state does not bring it back */

static void
ai_ledger_set_free(ai_ledger_t *l, ai_ticket_t *t)
{
    uint32_t  i;

    i = ai_ledger_index(l, t);

    ai_ledger_bits(l)[i / 64] |= (uint64_t) 1 << i % 64;
    l->cursor = ai_min(l->cursor, i);
    ai_ledger_barrier();

    (void) ai_redo_set(&l->redo, &t->state, AI_TICKET_FREE);
    (void) ai_redo_set(&l->redo, (int64_t *) &t->id, 0);
}


ai_int_t
ai_ledger_define(ai_ledger_t *l, ai_record_e type, uint64_t id, int64_t now,
    const ai_str_t *text)
{
    ai_record_t  *r;

    if (ai_ledger_ready(l, NULL, 2) != AI_OK) {
        return AI_ERROR;
    }

    r = ai_ledger_record_begin(l, type, now, id);

    if (r == NULL) {
        return AI_AGAIN;
    }

    r->owner = 0;
    r->series = 0;
    memset(&r->amounts, 0, sizeof(ai_amounts_t));
    r->nscopes = (uint16_t) ai_min(text->len, AI_LEDGER_TEXT);

    if (r->nscopes) {
        memcpy(r->u.text, text->data, r->nscopes);
    }

    ai_ledger_record_end(l, r);

    return AI_OK;
}


/*
 * The slot behind the head, and behind what is staged.  Records that were
 * written further on belong to something that was given up: none of them may
 * be taken for one that was not, later.  NULL: the ring is full.
 */

static ai_record_t *
ai_ledger_record_begin(ai_ledger_t *l, ai_record_e type, int64_t start,
    uint64_t id)
{
    int64_t       seq, s;
    ai_record_t  *r;

    seq = ai_redo_get(&l->redo, l->head);

    if ((uint64_t) seq - (uint64_t) l->tail[0] >= l->nrecords) {
        return NULL;
    }

    for (s = l->written - 1; s > seq; s--) {
        ai_ledger_slot(l, s)->seq = 0;
        AI_LEDGER_STEP();
    }

    l->written = seq + 1;
    ai_ledger_barrier();

    r = ai_ledger_slot(l, seq);

    r->type = (uint16_t) type;
    r->nscopes = 0;
    r->start = start;
    r->id = id;
    AI_LEDGER_STEP();

    return r;
}


static void
ai_ledger_record_end(ai_ledger_t *l, ai_record_t *r)
{
    int64_t  seq;

    AI_LEDGER_STEP();

    seq = l->written - 1;
    r->seq = seq;
    r->crc = ai_record_sum(l, r, ai_record_len(r));
    ai_ledger_barrier();

    (void) ai_redo_set(&l->redo, &l->head[0], seq + 1);
    (void) ai_redo_set(&l->redo, &l->head[1], ~(seq + 1));
}


/* 0: it cannot be one */

static size_t
ai_record_len(const ai_record_t *r)
{
    switch (r->type) {

    case AI_RECORD_FINAL:
        return r->nscopes > AI_LEDGER_SCOPES ? 0
               : offsetof(ai_record_t, u)
                 + r->nscopes * sizeof(ai_ledger_scope_t);

    case AI_RECORD_COUNTER:
    case AI_RECORD_SERIES:
        return r->nscopes > AI_LEDGER_TEXT ? 0
               : offsetof(ai_record_t, u) + r->nscopes;

    default:
        return 0;
    }
}


static uint32_t
ai_record_sum(const ai_ledger_t *l, const ai_record_t *r, size_t len)
{
    return l->salt ^ ai_crc32((const ai_char_t *) r + sizeof(r->crc),
                              len - sizeof(r->crc));
}


ai_uint_t
ai_ledger_record_ok(const ai_ledger_t *l, const ai_record_t *r)
{
    size_t  len;

    len = ai_record_len(r);

    return len && r->seq > 0 && ai_ledger_slot(l, r->seq) == r
           && r->crc == ai_record_sum(l, r, len);
}


ai_ticket_t *
ai_ledger_next(ai_ledger_t *l, ai_ticket_t *t)
{
    uint32_t  i, n;

    n = l->used && l->used < l->ntickets ? l->used : l->ntickets;

    for (i = t ? ai_ledger_index(l, t) + 1 : 0; i < n; i++) {
        t = ai_ledger_ticket(l, i);

        if (t->state != AI_TICKET_FREE && ai_ledger_ticket_ok(l, t)) {
            return t;
        }
    }

    return NULL;
}


uint32_t
ai_ledger_open_tickets(const ai_ledger_t *l)
{
    uint32_t      n;
    ai_ticket_t  *t;

    n = 0;
    t = NULL;

    while ((t = ai_ledger_next((ai_ledger_t *) l, t)) != NULL) {
        n++;
    }

    return n;
}


int64_t
ai_ledger_head(const ai_ledger_t *l)
{
    return __atomic_load_n(&l->head[0], __ATOMIC_ACQUIRE);
}


int64_t
ai_ledger_tail(const ai_ledger_t *l)
{
    return l->tail[0];
}


void
ai_ledger_trim(ai_ledger_t *l, int64_t tail)
{
    if (tail > l->head[0]) {
        tail = l->head[0];
    }

    if (tail > l->tail[0]) {
        ai_ledger_pair(l->tail, tail);
    }
}


int64_t
ai_ledger_room(const ai_ledger_t *l)
{
    uint64_t  used;

    used = (uint64_t) l->head[0] - (uint64_t) l->tail[0];

    return used < l->nrecords ? (int64_t) (l->nrecords - used) : 0;
}


const ai_record_t *
ai_ledger_record(const ai_ledger_t *l, int64_t seq)
{
    const ai_record_t  *r;

    if (seq < 1 || seq < l->tail[0] || seq >= ai_ledger_head(l)) {
        return NULL;
    }

    r = ai_ledger_slot(l, seq);

    return r->seq == seq && ai_ledger_record_ok(l, r) ? r : NULL;
}


ai_ledger_mark_t *
ai_ledger_mark(ai_ledger_t *l, const ai_char_t *id)
{
    ai_uint_t          i;
    ai_ledger_mark_t  *mark, *unused;

    unused = NULL;

    for (i = AI_LEDGER_MARKS; i-- > 0; /* void */ ) {
        mark = &l->mark[i];

        if (!ai_ledger_mark_ok(mark)) {
            unused = mark;

        } else if (memcmp(mark->id, id, sizeof(mark->id)) == 0) {
            return mark;
        }
    }

    if (unused) {
        ai_ledger_unmark(l, unused);

        memcpy(unused->id, id, sizeof(unused->id));
        unused->applied = 0;
        ai_ledger_barrier();

        unused->used = ai_ledger_mark_used(unused);
        ai_ledger_barrier();
    }

    return unused;
}


ai_ledger_mark_t *
ai_ledger_marks(ai_ledger_t *l)
{
    return l->mark;
}


void
ai_ledger_unmark(ai_ledger_t *l, ai_ledger_mark_t *mark)
{
    (void) l;

    mark->used = 0;
    ai_ledger_barrier();
}


ai_uint_t
ai_ledger_mark_ok(const ai_ledger_mark_t *mark)
{
    return mark->used == ai_ledger_mark_used(mark);
}


/* never 0, and another one for each id */

static int64_t
ai_ledger_mark_used(const ai_ledger_mark_t *mark)
{
    return (int64_t) ai_crc32(mark->id, sizeof(mark->id)) + 1;
}
