
/*
 * Preloaded into nginx: its wall clock is ahead by the seconds, or behind by
 * them, that stand in a file.  Clocks that only go on are as they are.
 *
 *     AI_CLOCK=FILE   "+3600.000000"; looked at every time
 *
 * Nothing here takes memory or looks symbols up: sanitizers ask for the time
 * as well, and while they hold locks.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static char  path[4096];


/* nginx writes its title over the environment */

static void __attribute__((constructor))
init(void)
{
    const char  *name;

    name = getenv("AI_CLOCK");

    if (name != NULL && strlen(name) < sizeof(path)) {
        strcpy(path, name);
    }
}


/* ns */

static int64_t
offset(void)
{
    int         fd;
    char        text[64], *p;
    int64_t     ns;
    int         digits;
    ssize_t     n;

    if (path[0] == '\0') {
        return 0;
    }

    fd = (int) syscall(SYS_openat, AT_FDCWD, path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return 0;
    }

    n = syscall(SYS_read, fd, text, sizeof(text) - 1);

    (void) syscall(SYS_close, fd);

    text[n > 0 ? n : 0] = '\0';
    p = text[0] == '-' || text[0] == '+' ? text + 1 : text;

    for (ns = 0; *p >= '0' && *p <= '9'; p++) {
        ns = ns * 10 + (*p - '0');
    }

    p += *p == '.';

    for (digits = 0; digits < 9; digits++) {
        ns = ns * 10 + (*p >= '0' && *p <= '9' ? *p++ - '0' : 0);
    }

    return text[0] == '-' ? -ns : ns;
}


int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    int      rc;
    int64_t  ns;

    rc = (int) syscall(SYS_clock_gettime, clock, ts);

    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    {
        ns = (int64_t) ts->tv_sec * 1000000000 + ts->tv_nsec + offset();

        ts->tv_sec = (time_t) (ns / 1000000000);
        ts->tv_nsec = (long) (ns % 1000000000);
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec  ts;

    (void) zone;
    (void) clock_gettime(CLOCK_REALTIME, &ts);

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
