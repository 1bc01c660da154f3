
/*
 * Words changed as one: what is left behind by a process that is stopped at
 * any instruction is brought to its end.
 *
 * On x86 the program runs step by step, and each state that memory is in on
 * the way is kept; then processes are killed in earnest, at any time.
 */

#define _GNU_SOURCE

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

#include <tap.h>
#include <mem.h>

#include <base/ai_redo.h>


#define WORDS   8
#define STATES  256


typedef struct {
    ai_redo_t         redo;
    int64_t           word[WORDS];
} shared_t;


typedef struct {
    size_t            n;
    uint64_t          steps;
    shared_t          state[STATES];
} states_t;


static shared_t                *shared;
static states_t                *states;
static volatile sig_atomic_t    stepping;


static void *
map(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }

    return p;
}


/* one change: words 0, 1, 3 and 7, two of them twice */

static const int64_t  before[WORDS] = { 10, 20, 30, 40, 50, 60, 70, 80 };
static const int64_t  after[WORDS] = { 5, 25, 30, 47, 50, 60, 70, -1 };


static void
change(void)
{
    ai_redo_begin(&shared->redo);
    (void) ai_redo_add(&shared->redo, &shared->word[0], -2);
    (void) ai_redo_add(&shared->redo, &shared->word[1], 5);
    (void) ai_redo_set(&shared->redo, &shared->word[3], 40);
    (void) ai_redo_add(&shared->redo, &shared->word[3], 7);
    (void) ai_redo_add(&shared->redo, &shared->word[0], -3);
    (void) ai_redo_set(&shared->redo, &shared->word[7], -1);
    ai_redo_commit(&shared->redo);
}


static void
recover(void)
{
    ai_redo_recover(&shared->redo);
}


static void
start(void)
{
    memset(shared, 0, sizeof(shared_t));
    memcpy(shared->word, before, sizeof(before));
}


/* 0: as before, 1: as after, -1: neither */

static int
outcome(void)
{
    if (memcmp(shared->word, before, sizeof(before)) == 0) {
        return 0;
    }

    return memcmp(shared->word, after, sizeof(after)) == 0 ? 1 : -1;
}


#if defined(__x86_64__)

#define STEP_FLAG  0x100

static void
keep(void)
{
    if (states->n
        && memcmp(&states->state[states->n - 1], shared, sizeof(shared_t))
           == 0)
    {
        return;
    }

    if (states->n < STATES) {
        memcpy(&states->state[states->n++], shared, sizeof(shared_t));
    }
}


static void
step(int sig, siginfo_t *info, void *context)
{
    ucontext_t  *u;

    (void) sig;
    (void) info;

    u = context;

    if (!stepping) {
        u->uc_mcontext.gregs[REG_EFL] &= ~STEP_FLAG;
        return;
    }

    states->steps++;
    keep();
    u->uc_mcontext.gregs[REG_EFL] |= STEP_FLAG;
}


/* all states memory is in while a process runs f() */

static void
walk(void (*f)(void))
{
    int               status;
    pid_t             pid;
    struct sigaction  sa;

    states->n = 0;
    states->steps = 0;
    fflush(stdout);

    pid = fork();

    if (pid == 0) {
        memset(&sa, 0, sizeof(sa));
        sa.sa_sigaction = step;
        sa.sa_flags = SA_SIGINFO;
        sigaction(SIGTRAP, &sa, NULL);

        stepping = 1;
        raise(SIGTRAP);
        f();
        stepping = 0;
        keep();
        _exit(0);
    }

    waitpid(pid, &status, 0);
}


static void
test_steps(void)
{
    int               rc, last, wrong, back, nested, again;
    size_t            i, j, n, inner;
    static shared_t   all[STATES], in[STATES];

    start();
    walk(change);

    n = states->n;
    memcpy(all, states->state, n * sizeof(shared_t));

    ok(states->steps > 100 && n > 15 && n < STATES,
       "%zu states in %llu steps", n, (unsigned long long) states->steps);

    last = 0;
    wrong = 0;
    back = 0;
    nested = 0;
    again = 0;

    for (i = 0; i < n; i++) {
        *shared = all[i];
        ai_redo_recover(&shared->redo);

        rc = outcome();
        wrong += rc == -1;
        back += rc < last;
        last = rc;

        ai_redo_recover(&shared->redo);
        again += outcome() != rc || shared->redo.valid;

        /* stopped in the middle of that as well */

        if (!all[i].redo.valid) {
            continue;
        }

        *shared = all[i];
        walk(recover);

        inner = states->n;
        memcpy(in, states->state, inner * sizeof(shared_t));

        for (j = 0; j < inner; j++) {
            *shared = in[j];
            ai_redo_recover(&shared->redo);
            nested += outcome() != 1;
        }
    }

    is_int(wrong, 0, "stopped anywhere: all of it or nothing");
    is_int(back, 0, "all of it from one moment on");
    is_int(last, 1, "which comes");
    is_int(again, 0, "a second recovery changes nothing");
    is_int(nested, 0, "stopped in a recovery: all of it");
}

#else

static void
test_steps(void)
{
    diag("no single steps on this machine");
}

#endif


/* moves amounts around, for ever: the sum of all words stays 0 */

static void
move(uint64_t seed)
{
    int64_t  amount;

    for ( ;; ) {
        ai_redo_recover(&shared->redo);

        seed = seed * 6364136223846793005 + 1442695040888963407;
        amount = (int64_t) (seed >> 40) - (1 << 23);

        ai_redo_begin(&shared->redo);
        (void) ai_redo_add(&shared->redo, &shared->word[seed >> 61], amount);
        (void) ai_redo_add(&shared->redo, &shared->word[seed >> 58 & 7],
                           -amount);
        (void) ai_redo_add(&shared->redo, &shared->word[seed >> 55 & 7], 1);
        (void) ai_redo_add(&shared->redo, &shared->word[seed >> 52 & 7], -1);
        ai_redo_commit(&shared->redo);
    }
}


static void
test_kill(void)
{
    int              i, j, status, wrong, moved;
    pid_t            pid;
    int64_t          sum;
    shared_t         last;
    struct timespec  wait;

    memset(shared, 0, sizeof(shared_t));
    wrong = 0;
    moved = 0;
    fflush(stdout);

    for (i = 0; i < 200; i++) {
        last = *shared;
        pid = fork();

        if (pid == 0) {
            move((uint64_t) i);
        }

        wait.tv_sec = 0;
        wait.tv_nsec = 1000000 + i * 7919;
        nanosleep(&wait, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        ai_redo_recover(&shared->redo);

        for (j = 0, sum = 0; j < WORDS; j++) {
            sum += shared->word[j];
        }

        wrong += sum != 0;
        moved += memcmp(last.word, shared->word, sizeof(last.word)) != 0;
    }

    is_int(wrong, 0, "killed 200 times: nothing is lost");
    ok(moved > 20, "%d times it had moved something", moved);
}


static void
test_words(void)
{
    int         i, rc;
    int64_t     x, y, many[AI_REDO_MAX + 1];
    static ai_redo_t  redo;

    x = 5;
    y = 7;

    ai_redo_begin(&redo);
    is_int(ai_redo_get(&redo, &x), 5, "what is");
    ai_redo_set(&redo, &x, 9);
    ai_redo_add(&redo, &x, 3);
    is_int(ai_redo_get(&redo, &x), 12, "what will be");
    is_int(x, 5, "nothing is changed yet");
    ai_redo_add(&redo, &y, -7);
    ai_redo_commit(&redo);
    ok(x == 12 && y == 0 && !redo.valid, "now it is");

    x = 1;
    ai_redo_recover(&redo);
    is_int(x, 1, "what was finished is not done again");

    ai_redo_begin(&redo);
    ai_redo_set(&redo, &x, 100);
    ai_redo_recover(&redo);
    is_int(x, 1, "what was not committed is not done");

    ai_redo_begin(&redo);
    ai_redo_commit(&redo);
    ok(x == 1 && !redo.valid, "nothing at all");

    x = INT64_MAX - 1;
    y = INT64_MIN + 1;
    ai_redo_begin(&redo);
    ai_redo_add(&redo, &x, 5);
    ai_redo_add(&redo, &y, -5);
    ai_redo_commit(&redo);
    ok(x == INT64_MAX && y == INT64_MIN, "sums stop at the ends");

    memset(many, 0, sizeof(many));
    ai_redo_begin(&redo);

    for (i = 0, rc = 0; i < AI_REDO_MAX; i++) {
        rc |= ai_redo_add(&redo, &many[i], i + 1) != AI_OK;
    }

    ok(rc == 0, "as many words as there are");
    is_int(ai_redo_add(&redo, &many[AI_REDO_MAX], 1), AI_ERROR, "one more");
    is_int(ai_redo_add(&redo, &many[3], 1), AI_OK, "one of them again");
    ai_redo_commit(&redo);

    for (i = 0, rc = 0; i < AI_REDO_MAX; i++) {
        rc |= many[i] != i + 1 + (i == 3);
    }

    ok(rc == 0 && many[AI_REDO_MAX] == 0, "all of them are stored");
}


int
main(void)
{
    shared = map(sizeof(shared_t));
    states = map(sizeof(states_t));

    test_words();
    test_steps();
    test_kill();

    return done();
}
