
/*
 * The ledger, killed at every instruction: a child goes through operations one
 * instruction at a time.  Whenever the memory that it shares with us has
 * changed we take over, as another process and as a master that is started
 * later: there is what was before the operation, or what comes after it.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <store/ai_ledger_int.h>

#include "tap.h"


#define TICKETS  4
#define RECORDS  12
#define SCOPES   3
#define COST     1000
#define MORE     7


typedef enum {
    OP_RESERVE = 0,
    OP_SENT,
    OP_EXTEND,
    OP_RELEASE,
    OP_SETTLE
} op_e;


/* behind the ledger, shared as well */

typedef struct {
    int64_t  counter[SCOPES];
    int64_t  op;
} shared_t;


typedef struct {
    int64_t   head;
    unsigned  open;
} state_t;


static size_t        size;              /* of the ledger, and of all */
static size_t        all;
static char         *area;
static char         *copy;
static char         *seen;
static ai_ledger_t  *l;
static shared_t     *shared;
static unsigned      wrong, looks, undone, finished;

static const ai_ledger_scope_t  scopes[SCOPES] = {
    { 0, 2, 3, 4, 500 }, { 1, 7, 1, 9, 1000 }, { 2, 12, 2, 14, 1500 }
};


/* --- the child ----------------------------------------------------------- */


static void
count(const ai_ticket_t *t, int64_t settled, int sign)
{
    int64_t   n;
    unsigned  i;

    for (i = 0; i < SCOPES; i++) {
        n = settled + sign * t->scope[i].reserve;
        (void) ai_redo_add(&l->redo, &shared->counter[i], n);
    }
}


static ai_ticket_t *
operate(op_e op, ai_ticket_t *t)
{
    ai_amounts_t  amounts;

    memset(&amounts, 0, sizeof(amounts));
    amounts.cost = COST;

    if (op == OP_SENT) {
        ai_ticket_sent(t, 10, 20);
        return t;
    }

    ai_redo_begin(&l->redo);

    switch (op) {

    case OP_RESERVE:
        t = ai_ledger_reserve(l, 1, 2, 3, scopes, SCOPES);
        count(t, 0, 1);
        break;

    case OP_EXTEND:
        (void) ai_ticket_extend(l, t, 1, MORE);
        (void) ai_redo_add(&l->redo, &shared->counter[1], MORE);
        break;

    case OP_RELEASE:
        (void) ai_ledger_release(l, t);
        count(t, 0, -1);
        break;

    default:
        (void) ai_ledger_settle(l, t, 7, &amounts);
        count(t, COST, -1);
    }

    ai_redo_commit(&l->redo);

    return t;
}


/* stops before each operation, and behind it */

static void
child(void)
{
    unsigned      i, k;
    ai_ticket_t  *t;
    static const op_e  ops[] = {
        OP_RESERVE, OP_SENT, OP_EXTEND, OP_SETTLE,
        OP_RESERVE, OP_EXTEND, OP_RELEASE
    };

    t = NULL;

    for (i = 0; i < 2; i++) {
        for (k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
            shared->op = ops[k];
            (void) raise(SIGSTOP);
            t = operate(ops[k], t);
            (void) raise(SIGSTOP);
        }
    }

    _exit(0);
}


/* --- us ----------------------------------------------------------------- */


/* what a ledger says; wrong, if it is not in order */

static state_t
state_of(ai_ledger_t *x, int live)
{
    int64_t             seq, sum[SCOPES];
    state_t             state;
    unsigned            i;
    ai_ticket_t        *t;
    const ai_record_t  *r;

    memset(sum, 0, sizeof(sum));
    state.head = ai_ledger_head(x);
    state.open = ai_ledger_open_tickets(x);

    for (t = ai_ledger_next(x, NULL); t; t = ai_ledger_next(x, t)) {
        wrong += t->state == AI_TICKET_SENT
                 && (t->prompt != 10 || t->cost != 20);

        for (i = 0; i < SCOPES; i++) {
            sum[i] += t->scope[i].reserve;
        }
    }

    for (seq = 1; seq < state.head; seq++) {
        r = ai_ledger_record(x, seq);

        wrong += r == NULL || r->amounts.cost != COST || r->series != 7
                 || r->nscopes != SCOPES
                 || r->u.scope[1].reserve != scopes[1].reserve + MORE;

        for (i = 0; i < SCOPES; i++) {
            sum[i] += COST;
        }
    }

    wrong += live && memcmp(sum, shared->counter, sizeof(sum)) != 0;

    return state;
}


static int
is_state(state_t a, state_t b)
{
    return a.head == b.head && a.open == b.open;
}


static void
look(state_t before, state_t after)
{
    state_t              state;
    const char          *why;
    ai_ledger_t         *x;
    ai_ledger_repair_t   repaired;

    looks++;
    memcpy(seen, area, all);
    memcpy(copy, area, size);

    ai_redo_recover(&l->redo);
    state = state_of(l, 1);

    if (is_state(state, before)) {
        undone++;

    } else {
        finished++;
        wrong += !is_state(state, after);
    }

    memcpy(area, seen, all);

    x = ai_ledger_open(copy, size, &why);

    if (x == NULL) {
        wrong++;
        return;
    }

    ai_ledger_repair(x, &repaired);
    state = state_of(x, 0);

    wrong += repaired.skipped != 0
             || (!is_state(state, before) && !is_state(state, after));
}


/* one operation; the child is stopped before it, and then behind it */

static int
single_steps(pid_t pid, int *status)
{
    state_t  before, after;

    before = state_of(l, 1);
    after = before;

    if (shared->op == OP_RESERVE) {
        after.open++;

    } else if (shared->op == OP_RELEASE || shared->op == OP_SETTLE) {
        after.open--;
        after.head += shared->op == OP_SETTLE;
    }

    memcpy(seen, area, all);

    do {
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1
            || waitpid(pid, status, 0) != pid || !WIFSTOPPED(*status))
        {
            return 0;
        }

        if (memcmp(seen, area, all) != 0) {
            look(before, after);
        }

    } while (WSTOPSIG(*status) != SIGSTOP);

    wrong += !is_state(state_of(l, 1), after);

    return 1;
}


static char *
shared_memory(size_t n)
{
    void  *p;

    p = mmap(NULL, n, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }

    return p;
}


int
main(void)
{
    int       status;
    pid_t     pid;
    unsigned  ops;

    size = ai_ledger_size(TICKETS, RECORDS);
    all = size + sizeof(shared_t);

    area = shared_memory(all);
    copy = shared_memory(size);
    seen = malloc(all);
    shared = (shared_t *) (area + size);

    l = ai_ledger_create(area, TICKETS, RECORDS,
                         (const ai_char_t *) "0123456789abcdef");

    pid = fork();

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1) {
            _exit(77);
        }

        child();
    }

    ops = 0;

    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {

        if (!single_steps(pid, &status)) {
            break;
        }

        ops++;

        if (ptrace(PTRACE_CONT, pid, NULL, NULL) == -1) {
            break;
        }
    }

    free(seen);

    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        ok(1, "no process may be traced here # SKIP");
        return done();
    }

    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
       "the child came through");
    is_int(ops, 14, "operations");
    ok(looks > 100 && undone > 50 && finished > 20,
       "%u changes of memory, %u of them before a commit", looks, undone);
    is_int(wrong, 0, "nothing is lost, nothing is twice");

    return done();
}
