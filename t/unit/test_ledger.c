
/*
 * The ledger against a model of it: random operations, each of which may be
 * killed at any store, by one process or with the machine; files that are cut,
 * zeroed, damaged, or mixed of the pages of two moments.
 */

#include <setjmp.h>
#include <stdio.h>

#include "ledger.h"

#include "mem.h"
#include "tap.h"


#define TICKETS   8
#define RECORDS   24
#define HISTORY   40000
#define COUNTERS  4
#define SECTOR    512


/* what the ledger should say.  Tickets are known by their owners, which are
 * all different here */

typedef struct {
    int64_t            head;
    int64_t            tail;
    unsigned           n;
    ai_ticket_t        ticket[TICKETS];
    int64_t            applied;             /* of the mark */
} model_t;


typedef enum {
    STEP_NOTHING = 0,
    STEP_KILL,                              /* at the steps-th one */
    STEP_LOOK,                              /* what a kill would leave */
    STEP_NEST                               /* a repair is killed, too */
} step_e;


static size_t        size;
static ai_ledger_t  *l;
static char         *area[4];               /* l is in one of the first two */
static unsigned      now_in;

static int64_t       counters[COUNTERS];    /* memory of the processes' own */

static ai_record_t   history[HISTORY];      /* by number, as it should be */
static model_t       before, after;

static step_e        mode;
static unsigned      steps, looked, nested, undone, finished;
static unsigned      no_ticket, no_room;
static jmp_buf       killed;

static const ai_char_t  ledger_id[] = "0123456789abcdef";
static const ai_char_t  other_id[] = "fedcba9876543210";

static unsigned  wrong;
static int       wrong_line;

#define must(cond)                                                            \
    do {                                                                      \
        if (!(cond) && wrong++ == 0) {                                        \
            wrong_line = __LINE__;                                            \
            diag("line %d: false: %s", __LINE__, #cond);                      \
        }                                                                     \
    } while (0)


/* --- the model ---------------------------------------------------------- */


static ai_ticket_t *
model_ticket(model_t *m, int64_t owner)
{
    unsigned  i;

    for (i = 0; i < m->n; i++) {
        if (m->ticket[i].owner == owner) {
            return &m->ticket[i];
        }
    }

    return NULL;
}


static void
model_drop(model_t *m, int64_t owner)
{
    ai_ticket_t  *t;

    t = model_ticket(m, owner);
    *t = m->ticket[--m->n];
}


/* one of the values is enough while words change one by one */

static int
is_one_of(int64_t v, int64_t a, int64_t b)
{
    return v == a || v == b;
}


static int
same_ticket(const ai_ticket_t *t, const ai_ticket_t *a, const ai_ticket_t *b)
{
    uint32_t  i;

    if (b->nscopes != a->nscopes || t->nscopes != a->nscopes
        || (a->id && t->id != a->id)
        || t->start != a->start || t->series != a->series
        || !is_one_of(t->prompt, a->prompt, b->prompt)
        || !is_one_of(t->completion, a->completion, b->completion)
        || !is_one_of(t->cost, a->cost, b->cost)
        || !is_one_of(t->state, a->state, b->state))
    {
        return 0;
    }

    /* what was used is known before a provider is called */

    if (a->state != b->state && t->state == AI_TICKET_SENT
        && (t->prompt != b->prompt || t->cost != b->cost))
    {
        return 0;
    }

    for (i = 0; i < a->nscopes; i++) {
        if (memcmp(&t->scope[i], &a->scope[i], sizeof(ai_ledger_scope_t))) {
            return 0;
        }
    }

    return 1;
}


static int
same_record(const ai_record_t *r, const ai_record_t *want)
{
    if (r->type != want->type || r->nscopes != want->nscopes
        || r->seq != want->seq || r->id != want->id
        || r->start != want->start || r->owner != want->owner
        || r->series != want->series
        || memcmp(&r->amounts, &want->amounts, sizeof(ai_amounts_t)))
    {
        return 0;
    }

    return memcmp(&r->u, &want->u, r->type == AI_RECORD_FINAL
                  ? r->nscopes * sizeof(ai_ledger_scope_t)
                  : r->nscopes) == 0;
}


static int64_t
applied(ai_ledger_t *x)
{
    unsigned  i;

    for (i = 0; i < AI_LEDGER_MARKS; i++) {
        if (ai_ledger_mark_ok(&x->mark[i])
            && memcmp(x->mark[i].id, other_id, 16) == 0)
        {
            return x->mark[i].applied;
        }
    }

    return 0;
}


/* is the ledger as m says?  Words of tickets may be those of other */

static int
is_model(ai_ledger_t *x, model_t *m, model_t *other)
{
    int64_t             seq;
    unsigned            n;
    ai_ticket_t        *t, *a, *b;
    const ai_record_t  *r;

    if (ai_ledger_head(x) != m->head || ai_ledger_tail(x) != m->tail
        || ai_ledger_room(x) != RECORDS - (m->head - m->tail)
        || ai_ledger_open_tickets(x) != m->n || applied(x) != m->applied)
    {
        return 0;
    }

    for (seq = m->tail; seq < m->head; seq++) {
        r = ai_ledger_record(x, seq);

        if ((r != NULL) != (history[seq].type != 0)
            || (r && !same_record(r, &history[seq])))
        {
            return 0;
        }
    }

    if (ai_ledger_record(x, m->head) || ai_ledger_record(x, m->tail - 1)) {
        return 0;
    }

    t = NULL;
    n = 0;

    while ((t = ai_ledger_next(x, t)) != NULL) {
        a = model_ticket(m, t->owner);
        b = model_ticket(other, t->owner);

        if (a == NULL || !same_ticket(t, a, b ? b : a)) {
            return 0;
        }

        n++;
    }

    return n == m->n;
}


/* the cost of a record, to all that it is counted in */

static void
spend(int64_t seq, int64_t *sum)
{
    unsigned            k;
    const ai_record_t  *r;

    r = &history[seq];

    for (k = 0; r->type == AI_RECORD_FINAL && k < r->nscopes; k++) {
        sum[r->u.scope[k].counter] += r->amounts.cost;
    }
}


/* every counter has what open tickets reserve and what records say.  Those
 * below the tail never change: they are summed up once */

static int64_t  summed[COUNTERS], summed_to;


static void
count(model_t *m, int64_t *sum)
{
    int64_t             seq;
    unsigned            i, k;
    ai_ledger_scope_t  *s;

    if (summed_to > m->tail) {
        memset(summed, 0, sizeof(summed));
        summed_to = 0;
    }

    for ( /* void */ ; summed_to < m->tail; summed_to++) {
        spend(summed_to, summed);
    }

    memcpy(sum, summed, sizeof(summed));

    for (seq = m->tail; seq < m->head; seq++) {
        spend(seq, sum);
    }

    for (i = 0; i < m->n; i++) {
        for (k = 0; k < m->ticket[i].nscopes; k++) {
            s = &m->ticket[i].scope[k];
            sum[s->counter] += s->reserve;
        }
    }
}


static int
is_counted(model_t *m)
{
    int64_t  sum[COUNTERS];

    count(m, sum);

    return memcmp(sum, counters, sizeof(sum)) == 0;
}


/* the ledger is as before the operation, or as after it; which is told */

static model_t *
which(ai_ledger_t *x, int live)
{
    model_t  *m;

    m = is_model(x, &after, &before) ? &after
        : is_model(x, &before, &after) ? &before : NULL;

    must(m != NULL);

    if (m && live && !is_counted(m)) {
        must(0);
    }

    return m;
}


/* --- kills -------------------------------------------------------------- */


static ai_ledger_t *
reopen(char *where)
{
    const char          *why;
    ai_ledger_t         *x;
    ai_ledger_repair_t   done;

    x = ai_ledger_open(where, size, &why);

    must(x != NULL);

    ai_ledger_repair(x, &done);

    must(done.skipped == 0);

    return x;
}


/* the machine's other processes take over, and a master that is started
 * later; then all is as it was */

static void
look(void)
{
    char        *saved, *copy;
    int64_t      outside[COUNTERS];
    model_t     *m;

    saved = area[2];
    copy = area[1 - now_in];

    memcpy(saved, area[now_in], size);
    memcpy(copy, area[now_in], size);
    memcpy(outside, counters, sizeof(counters));

    mode = STEP_NOTHING;

    ai_redo_recover(&l->redo);

    m = which(l, 1);
    *(m == &before ? &undone : &finished) += 1;

    memcpy(area[now_in], saved, size);
    memcpy(counters, outside, sizeof(counters));

    mode = rnd(16) ? STEP_NOTHING : STEP_NEST;

    (void) which(reopen(copy), 0);

    mode = STEP_LOOK;
    looked++;
}


/* a repair that was killed here is begun again, elsewhere */

static void
nest(void)
{
    mode = STEP_NOTHING;

    memcpy(area[3], area[1 - now_in], size);
    (void) which(reopen(area[3]), 0);

    mode = STEP_NEST;
    nested++;
}


static void
step(void)
{
    switch (mode) {

    case STEP_NOTHING:
        break;

    case STEP_KILL:
        if (steps-- == 0) {
            longjmp(killed, 1);
        }

        break;

    case STEP_LOOK:
        look();
        break;

    case STEP_NEST:
        nest();
        break;
    }
}


/* --- operations --------------------------------------------------------- */


static int64_t  last_owner = 1000;


static void
random_amounts(ai_amounts_t *amounts)
{
    memset(amounts, 0, sizeof(ai_amounts_t));

    amounts->requests = 1;
    amounts->prompt = rnd(1000);
    amounts->completion = rnd(1000);
    amounts->cost = rnd(1000000);
}


static ai_ticket_t *
random_ticket(model_t *m)
{
    unsigned      i;
    ai_ticket_t  *t;

    t = NULL;

    for (i = m->n ? 1 + rnd(m->n) : 0; i; i--) {
        t = ai_ledger_next(l, t);
    }

    return t;
}


static void
random_scopes(ai_ledger_scope_t *scope, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        scope[i].counter = rnd(COUNTERS);
        scope[i].zone = rnd(1 << 30);
        scope[i].unit = rnd(6);
        scope[i].window = rnd(1 << 30);
        scope[i].reserve = rnd(100000);
    }
}


static ai_record_t *
expect_record(ai_record_e type)
{
    ai_record_t  *r;

    r = &history[after.head];

    memset(r, 0, sizeof(ai_record_t));
    r->type = (uint16_t) type;
    r->seq = after.head++;

    return r;
}


static void
do_reserve(void)
{
    unsigned      i;
    ai_ticket_t   t, *got;

    memset(&t, 0, sizeof(t));
    t.owner = ++last_owner;
    t.start = rnd(1 << 30);
    t.series = rnd(1 << 30);
    t.nscopes = rnd(AI_LEDGER_SCOPES + 1);
    t.state = AI_TICKET_OPEN;
    random_scopes(t.scope, t.nscopes);

    if (after.n < TICKETS) {
        after.ticket[after.n++] = t;
    }

    got = ai_ledger_reserve(l, t.owner, t.start, t.series, t.scope,
                            t.nscopes);

    must((got != NULL) == (before.n < TICKETS));

    if (got == NULL) {
        no_ticket++;
        return;
    }

    for (i = 0; i < t.nscopes; i++) {
        (void) ai_redo_add(&l->redo, &counters[t.scope[i].counter],
                           t.scope[i].reserve);
    }

    ai_redo_commit(&l->redo);

    must(got->id != 0);
    model_ticket(&after, t.owner)->id = got->id;
}


static void
do_sent(ai_ticket_t *t)
{
    int64_t       prompt, cost;
    ai_ticket_t  *m;

    prompt = rnd(1000);
    cost = rnd(1000);

    m = model_ticket(&after, t->owner);
    m->state = AI_TICKET_SENT;
    m->prompt = ai_max(m->prompt, prompt);
    m->cost = ai_max(m->cost, cost);

    ai_ticket_sent(t, prompt, cost);
}


static void
do_progress(ai_ticket_t *t)
{
    int64_t       prompt, completion, cost;
    ai_ticket_t  *m;

    prompt = rnd(2000);
    completion = rnd(2000);
    cost = rnd(2000);

    m = model_ticket(&after, t->owner);
    m->prompt = ai_max(m->prompt, prompt);
    m->completion = ai_max(m->completion, completion);
    m->cost = ai_max(m->cost, cost);

    ai_ticket_progress(t, prompt, completion, cost);
}


static void
do_extend(ai_ticket_t *t)
{
    int64_t             more;
    uint32_t            i;
    ai_ledger_scope_t  *s;

    i = rnd(AI_LEDGER_SCOPES);
    more = rnd(1000);

    if (i >= t->nscopes) {
        must(ai_ticket_extend(l, t, i, more) == AI_DECLINED);
        return;
    }

    s = &model_ticket(&after, t->owner)->scope[i];
    s->reserve += more;

    must(ai_ticket_extend(l, t, i, more) == AI_OK);
    (void) ai_redo_add(&l->redo, &counters[s->counter], more);

    ai_redo_commit(&l->redo);
}


/* 0: the ring is full */

static int
stage_settle(ai_ticket_t *t)
{
    int64_t            owner;
    uint32_t           i;
    ai_record_t       *r;
    ai_amounts_t       amounts;
    ai_ledger_scope_t  *s;

    random_amounts(&amounts);

    if (after.head - after.tail == RECORDS) {
        must(ai_ledger_settle(l, t, 1, &amounts) == AI_AGAIN);
        no_room++;
        return 0;
    }

    owner = t->owner;

    r = expect_record(AI_RECORD_FINAL);
    r->id = t->id;
    r->owner = owner;
    r->start = t->start;
    r->series = rnd(1000);
    r->amounts = amounts;
    r->nscopes = (uint16_t) t->nscopes;
    memcpy(r->u.scope, t->scope, sizeof(t->scope));

    model_drop(&after, owner);

    must(ai_ledger_settle(l, t, r->series, &amounts) == AI_OK);
    must(ai_ledger_settle(l, t, r->series, &amounts) == AI_DECLINED);
    must(ai_ledger_release(l, t) == AI_DECLINED);

    for (i = 0; i < t->nscopes; i++) {
        s = &t->scope[i];
        (void) ai_redo_add(&l->redo, &counters[s->counter],
                           amounts.cost - s->reserve);
    }

    return 1;
}


static void
do_settle(ai_ticket_t *t)
{
    if (stage_settle(t)) {
        ai_redo_commit(&l->redo);
    }
}


/* two of them, and a new one that must not get the place of the first */

static void
do_batch(ai_ticket_t *t)
{
    int64_t       start;
    ai_ticket_t  *second, *got;

    second = ai_ledger_next(l, t);

    if (after.head + 2 - after.tail > RECORDS) {
        return;
    }

    start = rnd(1000);

    (void) stage_settle(t);

    /* the model is not looked at before it is complete: nothing can be seen
       before the commit anyway */

    if (second) {
        (void) stage_settle(second);
    }

    got = ai_ledger_reserve(l, ++last_owner, start, 5, NULL, 0);

    if (got) {
        must(got != t && got != second);

        memset(&after.ticket[after.n], 0, sizeof(ai_ticket_t));
        after.ticket[after.n].owner = last_owner;
        after.ticket[after.n].start = start;
        after.ticket[after.n].series = 5;
        after.ticket[after.n++].state = AI_TICKET_OPEN;
    }

    ai_redo_commit(&l->redo);

    if (got) {
        model_ticket(&after, last_owner)->id = got->id;
    }
}


/* written, and then not committed */

static void
do_give_up(ai_ticket_t *t)
{
    model_t       m;
    unsigned      i;
    ai_ticket_t  *next;

    m = after;

    for (i = rnd(3); t; i--) {
        next = ai_ledger_next(l, t);
        (void) stage_settle(t);
        t = i ? next : NULL;
    }

    after = m;

    ai_redo_begin(&l->redo);
}


static void
do_release(ai_ticket_t *t)
{
    uint32_t  i;

    model_drop(&after, t->owner);

    must(ai_ledger_release(l, t) == AI_OK);

    for (i = 0; i < t->nscopes; i++) {
        (void) ai_redo_add(&l->redo, &counters[t->scope[i].counter],
                           -t->scope[i].reserve);
    }

    ai_redo_commit(&l->redo);
}


static void
do_define(void)
{
    int64_t       now;
    ai_str_t      s;
    ai_char_t     text[AI_LEDGER_TEXT + 100];
    uint64_t      id;
    ai_record_t  *r;
    ai_record_e   type;

    s.data = text;
    s.len = rnd(sizeof(text));
    memset(text, 'a' + (int) rnd(26), sizeof(text));

    type = rnd(2) ? AI_RECORD_COUNTER : AI_RECORD_SERIES;
    id = rnd(1 << 30);
    now = rnd(1 << 30);

    if (after.head - after.tail == RECORDS) {
        must(ai_ledger_define(l, type, id, now, &s) == AI_AGAIN);
        return;
    }

    r = expect_record(type);
    r->id = id;
    r->start = now;
    r->nscopes = (uint16_t) ai_min(s.len, AI_LEDGER_TEXT);
    memcpy(r->u.text, text, r->nscopes);

    must(ai_ledger_define(l, type, id, now, &s) == AI_OK);

    ai_redo_commit(&l->redo);
}


/* what another ledger has: the record, and how far that one was read */

static void
do_add(void)
{
    uint32_t           i;
    ai_record_t        *r;
    ai_amounts_t        amounts;
    ai_ledger_mark_t   *mark;
    ai_ledger_scope_t   scope[AI_LEDGER_SCOPES];

    random_amounts(&amounts);

    mark = ai_ledger_mark(l, other_id);
    must(mark != NULL && mark == ai_ledger_mark(l, other_id));

    if (after.head - after.tail == RECORDS) {
        must(ai_ledger_add(l, 0, 1, 2, 3, NULL, 0, &amounts) == AI_AGAIN);
        return;
    }

    after.applied++;

    r = expect_record(AI_RECORD_FINAL);
    r->id = (uint64_t) rnd(1 << 30) << 34 | rnd(1 << 30);
    r->owner = rnd(1000);
    r->start = rnd(1 << 30);
    r->series = rnd(1000);
    r->amounts = amounts;
    r->nscopes = (uint16_t) rnd(AI_LEDGER_SCOPES + 1);
    memset(scope, 0, sizeof(scope));
    random_scopes(scope, r->nscopes);
    memcpy(r->u.scope, scope, sizeof(scope));

    must(ai_ledger_add(l, r->id, r->owner, r->start, r->series, scope,
                       r->nscopes, &amounts) == AI_OK);

    (void) ai_redo_add(&l->redo, &mark->applied, 1);

    for (i = 0; i < r->nscopes; i++) {
        (void) ai_redo_add(&l->redo, &counters[scope[i].counter],
                           amounts.cost);
    }

    ai_redo_commit(&l->redo);
}


static void
do_trim(void)
{
    int64_t  tail;

    tail = after.tail + rnd((uint32_t) (after.head - after.tail) + 3) - 1;
    after.tail = ai_max(after.tail, ai_min(tail, after.head));

    ai_ledger_trim(l, tail);
}


static void
operation(int give_up)
{
    ai_ticket_t  *t;

    ai_redo_begin(&l->redo);

    t = random_ticket(&before);

    switch (rnd(t ? 16 : 6)) {
    case 0:
    case 1:
    case 2:
        do_reserve();
        return;
    case 3:
        do_define();
        return;
    case 4:
        do_add();
        return;
    case 5:
        do_trim();
        return;
    case 6:
    case 7:
        do_sent(t);
        return;
    case 8:
        do_progress(t);
        return;
    case 9:
        do_extend(t);
        return;
    case 10:
        do_release(t);
        return;
    case 11:
        do_batch(t);
        return;
    case 12:
        if (give_up) {
            do_give_up(t);
            return;
        }

        /* fall through */
    default:
        do_settle(t);
    }
}


static void
run(int give_up)
{
    after = before;

    operation(give_up);

    mode = STEP_NOTHING;
    must(is_model(l, &after, &after) && is_counted(&after));
    before = after;
}


static void
start(uint64_t seed)
{
    unsigned  i;

    rnd_state = seed;

    for (i = 0; i < 4; i++) {
        memset(area[i], 0, size);
    }

    memset(counters, 0, sizeof(counters));
    memset(summed, 0, sizeof(summed));
    summed_to = 0;
    memset(history, 0, (size_t) (before.head + 8) * sizeof(ai_record_t));
    memset(&before, 0, sizeof(before));
    before.head = 1;
    before.tail = 1;

    wrong = 0;
    now_in = 0;
    l = ai_ledger_create(area[0], TICKETS, RECORDS, ledger_id);
}


/* --- tests -------------------------------------------------------------- */


static void
test_plain(void)
{
    unsigned  i;

    start(1);

    for (i = 0; i < 16000 && wrong == 0; i++) {
        run(1);
    }

    ok(wrong == 0 && before.head > 5000, "%u operations, %lld records", i,
       (long long) before.head - 1);
    ok(no_ticket > 50 && no_room > 50,
       "all tickets were used %u times, the ring was full %u times",
       no_ticket, no_room);
}


static void
test_look(void)
{
    unsigned  i;

    start(2);

    for (i = 0; i < 900 && wrong == 0; i++) {
        mode = STEP_LOOK;
        run(1);
    }

    is_int(wrong, 0, "a kill at each of %u stores, at %u of repairs", looked,
           nested);
    ok(looked > 7000 && nested > 7000 && undone > 2000 && finished > 2000,
       "%u left what was before, %u what came after", undone, finished);
}


/* the model as the ledger has it now */

static void
resync(void)
{
    int64_t       seq;
    ai_ticket_t  *t;

    before.head = ai_ledger_head(l);
    before.tail = ai_ledger_tail(l);
    before.applied = applied(l);
    before.n = 0;

    for (t = ai_ledger_next(l, NULL); t; t = ai_ledger_next(l, t)) {
        before.ticket[before.n++] = *t;
    }

    /* lost ones */

    for (seq = before.tail; seq < before.head; seq++) {
        if (ai_ledger_record(l, seq) == NULL) {
            history[seq].type = 0;
        }
    }

    count(&before, counters);
}


static void
test_kill(void)
{
    model_t          *m;
    static unsigned   i, kills;

    start(3);
    kills = 0;

    for (i = 0; i < 16000 && wrong == 0; i++) {
        mode = rnd(2) ? STEP_KILL : STEP_NOTHING;
        steps = rnd(20);

        if (setjmp(killed) == 0) {
            run(1);
            continue;
        }

        mode = STEP_NOTHING;
        kills++;

        if (rnd(2)) {
            ai_redo_recover(&l->redo);
            m = which(l, 1);

        } else {
            memcpy(area[1 - now_in], area[now_in], size);
            memset(area[now_in], 0, size);
            now_in = 1 - now_in;
            l = reopen(area[now_in]);

            m = which(l, 0);
        }

        if (m == NULL) {
            break;
        }

        resync();
    }

    ok(wrong == 0, "%u kills in %u operations", kills, i);
    ok(kills > 3000 && before.head > 4000, "%lld records",
       (long long) before.head - 1);
}


static int
is_visible(const ai_record_t *r)
{
    return r->seq >= ai_ledger_tail(l) && r->seq < ai_ledger_head(l)
           && ai_ledger_record(l, r->seq) == r;
}


/* how many records between tail and head are not there; those that are, are
 * those that were written */

static unsigned
missing(void)
{
    int64_t             seq;
    unsigned            n;
    const ai_record_t  *r;

    n = 0;

    for (seq = ai_ledger_tail(l); seq < ai_ledger_head(l); seq++) {
        r = ai_ledger_record(l, seq);

        if (r == NULL) {
            n++;
            continue;
        }

        must(same_record(r, &history[seq]));
    }

    return n;
}


/* no request is both open and settled */

static void
once(int64_t from)
{
    int64_t       seq;
    ai_ticket_t  *t;

    for (t = ai_ledger_next(l, NULL); t; t = ai_ledger_next(l, t)) {

        for (seq = from; seq < before.head; seq++) {
            must(history[seq].type != AI_RECORD_FINAL
                 || history[seq].id != t->id);
        }
    }
}


static int
has_final(uint64_t id)
{
    unsigned            i;
    const ai_record_t  *r;

    for (i = 0; i < RECORDS; i++) {
        r = ai_ledger_slot(l, i);

        if (r->type == AI_RECORD_FINAL && r->id == id
            && ai_ledger_record_ok(l, r))
        {
            return 1;
        }
    }

    return 0;
}


/* every open ticket of a page that was taken is open, or its record is there;
 * and there are no others */

static void
check_tickets(char *const *from, const char *taken, model_t *const *m)
{
    size_t        off;
    unsigned      i, open;
    ai_ticket_t  *t, *now, *want;

    open = 0;

    for (i = 0; i < TICKETS; i++) {
        now = ai_ledger_ticket(l, i);
        off = (size_t) ((char *) now - (char *) l);
        t = (ai_ticket_t *) (from[(int) taken[off / SECTOR]] + off);

        if (t->state == AI_TICKET_FREE || has_final(t->id)) {
            must(now->state == AI_TICKET_FREE);
            continue;
        }

        want = model_ticket(m[(int) taken[off / SECTOR]], t->owner);
        must(want && same_ticket(now, want, want));
        open++;
    }

    must(open == ai_ledger_open_tickets(l));
}


/* the file after a power cut: each sector of it is of one of two moments */

static void
mix(char *first, char *second, model_t *m1, model_t *m2)
{
    char                *from[2], taken[256];
    size_t               i;
    int64_t              head;
    unsigned             percent;
    model_t             *m[2];
    const char          *why;
    ai_record_t         *r;
    ai_ledger_repair_t   done;

    from[0] = first;
    from[1] = second;
    m[0] = m1;
    m[1] = m2;
    percent = rnd(5) * 25;

    for (i = 0; i < size / SECTOR; i++) {
        taken[i] = rnd(100) < percent;
        memcpy(area[now_in] + i * SECTOR,
               from[(int) taken[i]] + i * SECTOR, SECTOR);
    }

    /* sometimes it is mapped elsewhere then, or its header is whole */

    if (rnd(2)) {
        for (i = 0; i < AI_LEDGER_PAGE / SECTOR; i++) {
            taken[i] = (char) (percent > 50);
            memcpy(area[now_in] + i * SECTOR,
                   from[(int) taken[i]] + i * SECTOR, SECTOR);
        }

        memcpy(area[1 - now_in], area[now_in], size);
        memset(area[now_in], 0, size);
        now_in = 1 - now_in;
    }

    l = ai_ledger_open(area[now_in], size, &why);
    must(l != NULL);

    head = l->head[0];

    for (i = 0; i < RECORDS; i++) {
        r = ai_ledger_slot(l, (int64_t) i);

        if (r->seq >= head && ai_ledger_record_ok(l, r)) {
            head = r->seq + 1;
        }
    }

    ai_ledger_repair(l, &done);

    must(ai_ledger_head(l) == head);
    must(ai_ledger_head(l) >= m1->head && ai_ledger_head(l) <= m2->head);
    must(ai_ledger_tail(l) >= m1->tail && ai_ledger_tail(l) <= m2->tail);
    must(missing() == done.skipped);
    check_tickets(from, taken, m);

    for (i = 0; i < RECORDS; i++) {
        must(!ai_ledger_record_ok(l, ai_ledger_slot(l, (int64_t) i))
             || ai_ledger_slot(l, (int64_t) i)->seq < ai_ledger_tail(l)
             || is_visible(ai_ledger_slot(l, (int64_t) i)));
    }
}


static void
test_power(void)
{
    char      *second;
    model_t    m1, m2;
    unsigned   i, k;

    second = (char *) guard_copy(area[0], size);

    start(4);

    for (i = 0; i < 3000 && wrong == 0; i++) {

        if (i % 100 == 0) {
            start(4 + i);
        }

        for (k = rnd(30); k; k--) {
            run(0);
        }

        m1 = before;
        memcpy(area[2], area[now_in], size);

        for (k = rnd(60); k && before.head + 2 < m1.head + RECORDS; k--) {
            run(0);
        }

        m2 = before;
        memcpy(second, area[now_in], size);

        mix(area[2], second, &m1, &m2);

        resync();
        once(ai_max(before.tail, m2.head - RECORDS));

        for (k = 20; k; k--) {
            run(0);
        }
    }

    is_int(wrong, 0, "%u power cuts", i);
}


/* bits are flipped anywhere: what is not hit is as it was */

static unsigned
flip(char *pristine)
{
    char        *p;
    size_t       off;
    int64_t      seq;
    unsigned     k;
    const char  *why;
    ai_ticket_t *t, *was;
    ai_ledger_repair_t  done;

    p = area[now_in];
    memcpy(pristine, p, size);

    for (k = 1 + rnd(4); k; k--) {
        off = rnd(3) ? rnd((uint32_t) size)
              : rnd(2) ? rnd(4096) : rnd(sizeof(ai_ledger_t) - 3080);
        p[off] = (char) (p[off] ^ 1 << rnd(8));
    }

    l = ai_ledger_open(p, size, &why);

    if (l == NULL) {
        must(why != NULL);
        must(memcmp(p, pristine, offsetof(ai_ledger_t, base)) != 0);
        return 0;
    }

    ai_ledger_repair(l, &done);

    k = missing();
    must(k <= done.skipped && done.skipped <= k + 4);

    for (seq = before.tail; seq < before.head; seq++) {
        off = (size_t) ((char *) ai_ledger_slot(l, seq) - p);

        if (memcmp(p + off, pristine + off, AI_LEDGER_UNIT) == 0) {
            must(ai_ledger_record(l, seq) != NULL);
        }
    }

    for (k = 0; k < TICKETS; k++) {
        t = ai_ledger_ticket(l, k);
        was = (ai_ticket_t *) (pristine + ((char *) t - p));

        must(t->state == AI_TICKET_FREE || was->state != AI_TICKET_FREE);
        must(t->state == AI_TICKET_FREE
             || memcmp(t, was, offsetof(ai_ticket_t, scope)) == 0);
    }

    once(1);

    return 1;
}


static void
test_flips(void)
{
    char      *pristine;
    unsigned   i, k, refused;

    pristine = (char *) guard_copy(area[0], size);
    refused = 0;

    for (i = 0; i < 3000 && wrong == 0; i++) {
        start(100 + i);

        for (k = 20 + rnd(60); k; k--) {
            run(0);
        }

        if (!flip(pristine)) {
            refused++;
            continue;
        }

        resync();

        for (k = 20; k; k--) {
            run(0);
        }
    }

    is_int(wrong, 0, "%u damaged files, %u of them refused", i, refused);
    ok(refused > 30 && refused < 1000, "some of them");
}


static void
test_zeroed(void)
{
    char                *pristine;
    size_t               off;
    int64_t              seq;
    unsigned             k, n, gone;
    const char          *why;
    ai_ledger_repair_t   done;

    start(5);
    pristine = (char *) guard_copy(area[0], size);

    while (before.head < 3 * RECORDS + 7
           || before.head - before.tail < RECORDS - 4 || before.n < 4)
    {
        run(0);
    }

    memcpy(pristine, area[now_in], size);
    gone = 0;

    for (k = 0; k <= RECORDS + TICKETS; k++) {
        off = size / 512 * 512 - k * AI_LEDGER_UNIT;
        off = ai_max(off, (size_t) ((char *) ai_ledger_ticket(l, 0)
                                    - (char *) l));

        memcpy(area[now_in], pristine, size);
        memset(area[now_in] + off, 0, size - off);

        l = ai_ledger_open(area[now_in], size, &why);
        ai_ledger_repair(l, &done);

        n = missing();
        must(n == done.skipped);
        must(ai_ledger_head(l) == before.head);
        must(ai_ledger_tail(l) == before.tail);

        for (seq = before.tail; seq < before.head; seq++) {
            must((ai_ledger_record(l, seq) != NULL)
                 == ((char *) ai_ledger_slot(l, seq) < (char *) l + off));
        }

        gone += n;
    }

    ok(wrong == 0 && gone > 100, "zeroed from any unit on");

    memcpy(area[now_in], pristine, size);

    for (off = 0; off < size; off += 100) {
        must(ai_ledger_open(area[now_in], off, &why) == NULL);
        must(strcmp(why, off < 4096 ? "it is too short"
                                    : "it was cut off") == 0);
    }

    is_int(wrong, 0, "cut off anywhere");
}


static void
refused(void *p, uint32_t value, const char *want, const char *name)
{
    uint32_t     was;
    const char  *why;

    memcpy(&was, p, 4);
    memcpy(p, &value, 4);

    why = "it was opened";
    (void) ai_ledger_open(area[0], size, &why);
    is_cstr(why, want, "%s", name);

    memcpy(p, &was, 4);
}


static void
test_refused(void)
{
    const char  *why;

    start(6);

    ok(ai_ledger_open(area[0], size, &why) == l && why == NULL, "opened");

    refused(&l->magic, 0, "it is no ledger", "another file");
    refused(&l->version, 2, "it is of another version", "a later version");
    refused(&l->unit, 256, "it is of another version", "another unit");
    refused(&l->ntickets, 7, "its header is damaged", "fewer tickets");
    refused(l->id, 1, "its header is damaged", "another id");

    memset(area[1], 0, size);
    (void) ai_ledger_create(area[1], TICKETS, RECORDS, ledger_id);
    ok(ai_ledger_open(area[1], size + 4096, &why) == NULL,
       "of another size");
    is_cstr(why, "it is too long", "why");

    memset(area[1], 0, size);
    ok(ai_ledger_open(area[1], size, &why) == NULL, "zeros");
    is_cstr(why, "it is no ledger", "why");

    is_int(ai_ledger_size(0, 1), 0, "no tickets");
    is_int(ai_ledger_size(1, 0), 0, "no records");
    is_int(ai_ledger_size(1 << 21, 1), 0, "too many tickets");
    is_int(ai_ledger_size(1, 0x7fffffff), 0, "too many records");
    is_int(ai_ledger_size(4096, 65536) % 4096, 0, "whole pages");
    ok(ai_ledger_create(area[1], 0, 1, ledger_id) == NULL, "no tickets");
}


/* a record of another ledger is none of this one */

static void
test_foreign(void)
{
    ai_amounts_t         amounts;
    ai_ledger_repair_t   done;
    ai_ledger_t         *other;

    start(7);
    memset(area[1], 0, size);
    other = ai_ledger_create(area[1], TICKETS, RECORDS, other_id);

    random_amounts(&amounts);

    ai_redo_begin(&other->redo);
    is_int(ai_ledger_add(other, 7, 1, 2, 3, NULL, 0, &amounts), AI_OK,
           "a record of another ledger");
    ai_redo_commit(&other->redo);

    ok(ai_ledger_record(other, 1) != NULL, "it is one there");

    memcpy(ai_ledger_slot(l, 1), ai_ledger_slot(other, 1), AI_LEDGER_UNIT);
    ai_ledger_pair(l->head, 2);

    ok(ai_ledger_record(l, 1) == NULL, "it is none here");

    ai_ledger_repair(l, &done);
    is_int(done.skipped, 1, "but is counted");
}


/* nothing is staged where there is no room for all of it */

static void
test_redo_full(void)
{
    unsigned       i;
    int64_t        words[AI_REDO_MAX];
    ai_str_t       text = ai_string("text");
    ai_ticket_t   *t;
    ai_amounts_t   amounts;

    start(8);
    random_amounts(&amounts);

    ai_redo_begin(&l->redo);
    t = ai_ledger_reserve(l, 1, 2, 3, NULL, 0);
    ai_redo_commit(&l->redo);

    ok(t != NULL, "a ticket");

    ai_redo_begin(&l->redo);

    for (i = 0; i < AI_REDO_MAX - 3; i++) {
        (void) ai_redo_set(&l->redo, &words[i], 1);
    }

    is_int(ai_ledger_settle(l, t, 1, &amounts), AI_ERROR, "four words");
    is_int(l->redo.n, AI_REDO_MAX - 3, "none of them");

    while (l->redo.n < AI_REDO_MAX) {
        (void) ai_redo_set(&l->redo, &words[l->redo.n], 1);
    }

    is_int(ai_ledger_settle(l, t, 1, &amounts), AI_ERROR, "settle");
    is_int(ai_ledger_release(l, t), AI_ERROR, "release");
    is_int(ai_ledger_add(l, 0, 1, 2, 3, NULL, 0, &amounts), AI_ERROR, "add");
    is_int(ai_ledger_define(l, AI_RECORD_SERIES, 1, 2, &text), AI_ERROR,
           "define");
    is_int(ai_ticket_extend(l, t, 0, 1), AI_ERROR, "extend");
    ok(ai_ledger_reserve(l, 1, 2, 3, NULL, 0) == NULL, "reserve");
    ok(ai_ledger_reserve(l, 1, 2, 3, NULL, AI_LEDGER_SCOPES + 1) == NULL,
       "too many scopes");

    l->redo.n = 0;
    is_int(ai_ledger_settle(l, t, 1, &amounts), AI_OK, "then there is room");
    ai_redo_commit(&l->redo);
    is_int(ai_ledger_open_tickets(l), 0, "and it is done");
}


/* what a header from the middle of an old commit has in its redo does not
 * undo what a ticket has come to since, nor reach other words */

static void
test_old_redo(void)
{
    uint64_t             id;
    ai_ticket_t         *t;
    ai_ledger_repair_t   done;

    start(11);

    ai_redo_begin(&l->redo);
    t = ai_ledger_reserve(l, 1, 2, 3, NULL, 0);
    ai_redo_commit(&l->redo);
    id = t->id;

    ai_ticket_sent(t, 10, 20);

    (void) ai_redo_set(&l->redo, &t->prompt, 1);
    (void) ai_redo_set(&l->redo, (int64_t *) &t->id, 1);
    (void) ai_redo_set(&l->redo, (int64_t *) &l->number, 77);
    (void) ai_redo_set(&l->redo, (int64_t *) ai_ledger_slot(l, 3), 1);
    (void) ai_redo_set(&l->redo, (int64_t *) area[1], 99);
    (void) ai_redo_set(&l->redo, (int64_t *) (area[0] + size), 99);
    (void) ai_redo_set(&l->redo, (int64_t *) (area[0] - 8), 99);
    (void) ai_redo_set(&l->redo, (int64_t *) (area[0] + size - 4), 99);
    l->redo.valid = 1;

    ai_ledger_repair(l, &done);

    is_int(done.redone, 1, "redone");
    is_int(done.skipped, 0, "nothing is damaged");
    is_int(t->state, AI_TICKET_SENT, "a ticket that was sent is so still");
    is_int(t->prompt, 10, "its tokens are its own");
    ok(t->id == id, "and its id");
    ok(l->number > 77, "ticket numbers go on");
    is_int(((char *) ai_ledger_slot(l, 3))[0], 0, "no record is touched");
    is_int(area[1][0], 0, "no other memory");

    l->redo.n = AI_REDO_MAX + 1;
    l->redo.valid = 1;
    ai_ledger_repair(l, &done);
    is_int(done.redone, 0, "more words than there are");
}


/* the state of a free ticket is damaged, and its record is long gone */

static void
test_revived(void)
{
    unsigned             i;
    ai_ticket_t         *t;
    ai_amounts_t         amounts;
    ai_ledger_repair_t   done;

    start(12);
    random_amounts(&amounts);

    ai_redo_begin(&l->redo);
    t = ai_ledger_reserve(l, 1, 2, 3, NULL, 0);
    ai_redo_commit(&l->redo);

    ai_redo_begin(&l->redo);
    (void) ai_ledger_settle(l, t, 3, &amounts);
    ai_redo_commit(&l->redo);

    for (i = 0; i < RECORDS; i++) {
        ai_ledger_trim(l, ai_ledger_head(l));
        ai_redo_begin(&l->redo);
        (void) ai_ledger_add(l, 0, 1, 2, 3, NULL, 0, &amounts);
        ai_redo_commit(&l->redo);
    }

    t->state = AI_TICKET_SENT;

    ai_ledger_repair(l, &done);

    is_int(ai_ledger_open_tickets(l), 0, "it is not open again");
    is_int(done.skipped, 1, "but is counted");
}


/* all of many tickets are found, in whatever order they became free */

static void
test_tickets(void)
{
    void         *p;
    size_t        n;
    unsigned      i, k, got, same;
    uint64_t      last;
    ai_ticket_t  *t[1000];

    rnd_state = 9;
    n = ai_ledger_size(1000, 8);
    p = calloc(1, n);
    l = ai_ledger_create(p, 1000, 8, ledger_id);
    same = 0;
    last = 0;

    for (k = 0; k < 20; k++) {
        got = 0;

        for (i = 0; i < 1001; i++) {
            ai_redo_begin(&l->redo);
            t[got] = ai_ledger_reserve(l, 1, 2, 3, NULL, 0);

            /* some are not committed, and are free then */

            if (t[got] && rnd(4)) {
                same += t[got]->id <= last && last >> 63 == t[got]->id >> 63;
                last = t[got]->id;
                ai_redo_commit(&l->redo);
                got++;

            } else if (t[got]) {
                i--;
            }

            if (got == 1000) {
                break;
            }
        }

        ai_redo_begin(&l->redo);
        must(got == 1000 && ai_ledger_open_tickets(l) == 1000);
        must(ai_ledger_reserve(l, 1, 2, 3, NULL, 0) == NULL);

        for (i = 0; i < 1000; i++) {
            ai_redo_begin(&l->redo);
            must(ai_ledger_release(l, t[(i * 7 + k) % 1000]) == AI_OK);
            ai_redo_commit(&l->redo);
        }

        must(ai_ledger_open_tickets(l) == 0);
    }

    is_int(wrong, 0, "a thousand tickets, all used and all free");
    is_int(same, 0, "no id twice");

    free(p);
}


static void
test_marks(void)
{
    unsigned           i, k;
    ai_char_t          id[16];
    ai_ledger_mark_t  *mark[AI_LEDGER_MARKS];

    start(10);
    memset(id, 0, sizeof(id));

    for (i = 0; i < AI_LEDGER_MARKS; i++) {
        id[3] = (ai_char_t) i;
        mark[i] = ai_ledger_mark(l, id);
        must(mark[i] && mark[i]->applied == 0 && mark[i]->used);
        mark[i]->applied = i + 1;

        for (k = 0; k < i; k++) {
            must(mark[i] != mark[k]);
        }
    }

    id[3] = AI_LEDGER_MARKS;
    must(ai_ledger_mark(l, id) == NULL);

    ai_ledger_unmark(l, mark[5]);
    must(ai_ledger_mark(l, id) == mark[5] && mark[5]->applied == 0);

    id[3] = 6;
    must(ai_ledger_mark(l, id) == mark[6] && mark[6]->applied == 7);

    is_int(wrong, 0, "marks");
}


int
main(void)
{
    unsigned  i;
    void     *zero;

    size = ai_ledger_size(TICKETS, RECORDS);
    zero = calloc(1, size);

    for (i = 0; i < 4; i++) {
        area[i] = (char *) guard_copy(zero, size);
    }

    free(zero);

    test_refused();
    test_foreign();
    test_redo_full();
    test_marks();
    test_old_redo();
    test_revived();
    test_tickets();
    test_plain();
    test_look();
    test_kill();
    test_power();
    test_flips();
    test_zeroed();

    guard_free();

    return done();
}
