
/*
 * For checker C6, preloaded into nginx: how long a process was away from its
 * events, from the return of one epoll_wait() to the next call.
 *
 *     AI_LAG=FILE     where it is told, struct lag, by all processes at once
 *
 * Two figures.  The processor time is what the process itself has done, and
 * does not depend on what else the machine does.  The other one is all of the
 * time, but for that in which the process was ready and had no processor: that
 * is also what it has waited for in a system call.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>


typedef struct {
    int64_t  ns;
    int64_t  pid;
    int64_t  at;                /* ms since 1970 */
} lag_max_t;


/* 7 words */
typedef struct {
    int64_t    n;               /* of looks */
    lag_max_t  run;
    lag_max_t  away;
} lag_t;


static lag_t    *lag;
static int       pid, sched = -1;
static int64_t   from_run, from_all, from_wait;


/* not by libc: somebody else may be preloaded as well, and change the time */

static int64_t
now(clockid_t clock)
{
    struct timespec  ts;

    (void) syscall(SYS_clock_gettime, clock, &ts);

    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/* ns that this process was ready, and did not run */

static int64_t
waited(void)
{
    char       buf[128];
    ssize_t    n;
    long long  run, wait;

    n = pread(sched, buf, sizeof(buf) - 1, 0);

    if (n <= 0) {
        return 0;
    }

    buf[n] = '\0';

    return sscanf(buf, "%lld %lld", &run, &wait) == 2 ? wait : 0;
}


static void
keep(lag_max_t *max, int64_t ns)
{
    if (ns > max->ns) {
        max->ns = ns;
        max->pid = pid;
        max->at = now(CLOCK_REALTIME) / 1000000;
    }
}


static void __attribute__((constructor))
begin(void)
{
    int          fd;
    void        *p;
    const char  *file;

    file = getenv("AI_LAG");
    fd = file ? open(file, O_RDWR|O_CREAT|O_CLOEXEC, 0666) : -1;

    if (fd == -1 || ftruncate(fd, sizeof(lag_t)) == -1) {
        return;
    }

    p = mmap(NULL, sizeof(lag_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    (void) close(fd);

    lag = p == MAP_FAILED ? NULL : p;
}


int
epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
    int  n;

    static int  (*next)(int, struct epoll_event *, int, int);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "epoll_wait");
    }

    if (lag == NULL) {
        return next(epfd, events, max, timeout);
    }

    if (pid != getpid()) {
        pid = getpid();

        if (sched != -1) {
            (void) close(sched);
        }

        sched = open("/proc/self/schedstat", O_RDONLY|O_CLOEXEC);

    } else {
        keep(&lag->run, now(CLOCK_THREAD_CPUTIME_ID) - from_run);
        keep(&lag->away, now(CLOCK_MONOTONIC) - from_all
                         - (waited() - from_wait));
        lag->n++;
    }

    n = next(epfd, events, max, timeout);

    from_wait = waited();
    from_all = now(CLOCK_MONOTONIC);
    from_run = now(CLOCK_THREAD_CPUTIME_ID);

    return n;
}
