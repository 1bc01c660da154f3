
/*
 * load: sends one request again and again and reads every answer in full.
 *
 *     load [-c connections] [-n requests | -d seconds] [-e events]
 *          [-m marker] -b file http://127.0.0.1:port/path
 *
 * A closed loop: each connection sends its next request when the answer is
 * complete; after -d seconds no new ones are sent.  An answer is good if its
 * status is 200, its framing is right, it has -e times "data: " and -m in
 * its last bytes.  Prints one JSON object: counts, microseconds.
 *
 * Times that the mock put into texts ("@" and 15 digits) give the delay of
 * an event between the provider's write and the client's read.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define LOAD_ANSWER   (256 * 1024)
#define LOAD_SECOND   1000000000LL
#define LOAD_TIMEOUT  (60 * LOAD_SECOND)


typedef struct {
    int       fd;
    int       active;
    size_t    have;
    size_t    stamped;             /* times were looked for up to here */
    char     *in;
    int64_t   start;
} load_conn_t;


typedef struct {
    int64_t  *v;
    size_t    n;
    size_t    size;
} load_series_t;


typedef struct {
    int          conns;
    long         requests;
    int64_t      duration;
    int          events;           /* -1: any number */
    const char  *marker;
    char        *request;
    size_t       len;
    int          port;
} load_conf_t;


static void load_options(int argc, char **argv);
static char *load_body(const char *path, size_t *len);
static void load_open(load_conn_t *c);
static void load_start(load_conn_t *c);
static void load_read(load_conn_t *c);
static void load_stamps(load_conn_t *c, int64_t now);
static int load_complete(load_conn_t *c, char **body);
static int load_good(load_conn_t *c, char *body);
static ssize_t load_dechunk(char *p, char *last);
static void load_add(load_series_t *s, int64_t value);
static void load_print(const char *name, load_series_t *s);
static int load_compare(const void *one, const void *two);
static int64_t load_now(void);
static void load_die(const char *what);


static int            load_ep, load_active;
static long           load_started, load_done, load_bad;
static int64_t        load_stop;
static load_conf_t    load_conf;
static load_series_t  load_latency, load_delay;


int
main(int argc, char **argv)
{
    int                  n, i;
    int64_t              start, now;
    load_conn_t         *conns;
    struct epoll_event   events[256];

    load_options(argc, argv);

    prctl(PR_SET_TIMERSLACK, 1);

    load_ep = epoll_create1(0);

    conns = calloc(load_conf.conns, sizeof(load_conn_t));
    if (conns == NULL) {
        load_die("calloc");
    }

    for (i = 0; i < load_conf.conns; i++) {
        load_open(&conns[i]);
    }

    start = load_now();
    load_stop = start + load_conf.duration;

    for (i = 0; i < load_conf.conns; i++) {
        load_start(&conns[i]);
    }

    while (load_active) {
        n = epoll_wait(load_ep, events, 256, 1000);

        for (i = 0; i < n; i++) {
            load_read(events[i].data.ptr);
        }

        if (n == 0) {
            now = load_now();

            for (i = 0; i < load_conf.conns; i++) {
                if (conns[i].active && now - conns[i].start > LOAD_TIMEOUT) {
                    fprintf(stderr, "load: timeout\n");
                    return 1;
                }
            }
        }
    }

    printf("{\"done\":%ld,\"bad\":%ld,\"seconds\":%.6f", load_done, load_bad,
           (double) (load_now() - start) / LOAD_SECOND);
    load_print("latency", &load_latency);
    load_print("delay", &load_delay);
    printf("}\n");

    return 0;
}


static void
load_options(int argc, char **argv)
{
    int     c;
    char   *body, *path, *port;
    size_t  len;

    body = NULL;
    len = 0;

    load_conf.conns = 1;
    load_conf.events = -1;
    load_conf.duration = 3600 * LOAD_SECOND;

    while ((c = getopt(argc, argv, "b:c:d:e:m:n:")) != -1) {
        switch (c) {
        case 'b':
            body = load_body(optarg, &len);
            break;
        case 'c':
            load_conf.conns = atoi(optarg);
            break;
        case 'd':
            load_conf.duration = atof(optarg) * LOAD_SECOND;
            break;
        case 'e':
            load_conf.events = atoi(optarg);
            break;
        case 'm':
            load_conf.marker = optarg;
            break;
        case 'n':
            load_conf.requests = atol(optarg);
            break;
        default:
            exit(2);
        }
    }

    if (body == NULL || optind != argc - 1
        || strncmp(argv[optind], "http://127.0.0.1:", 17) != 0
        || (path = strchr(argv[optind] + 17, '/')) == NULL)
    {
        fprintf(stderr, "usage: load [options] -b file "
                        "http://127.0.0.1:port/path\n");
        exit(2);
    }

    port = argv[optind] + 17;
    load_conf.port = atoi(port);

    load_conf.request = malloc(len + strlen(path) + 512);
    if (load_conf.request == NULL) {
        load_die("malloc");
    }

    load_conf.len = sprintf(load_conf.request, "POST %s HTTP/1.1" "\r\n"
                            "Host: 127.0.0.1:%d" "\r\n"
                            "Authorization: Bearer sk-test" "\r\n"
                            "Content-Type: application/json" "\r\n"
                            "Content-Length: %zu" "\r\n\r\n",
                            path, load_conf.port, len);

    memcpy(load_conf.request + load_conf.len, body, len);
    load_conf.len += len;
    free(body);
}


static char *
load_body(const char *path, size_t *len)
{
    char  *body;
    FILE  *file;

    file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) == -1) {
        load_die(path);
    }

    *len = ftell(file);
    rewind(file);

    body = malloc(*len + 1);
    if (body == NULL || fread(body, 1, *len, file) != *len) {
        load_die(path);
    }

    fclose(file);

    return body;
}


static void
load_open(load_conn_t *c)
{
    int                 on;
    struct sockaddr_in  sin;
    struct epoll_event  ev;

    on = 1;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons(load_conf.port);

    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        load_die("connect");
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    c->in = malloc(LOAD_ANSWER + 1);
    if (c->in == NULL) {
        load_die("malloc");
    }

    ev.events = EPOLLIN;
    ev.data.ptr = c;
    epoll_ctl(load_ep, EPOLL_CTL_ADD, c->fd, &ev);
}


static void
load_start(load_conn_t *c)
{
    char     *p;
    size_t    len;
    ssize_t   n;
    int64_t   now;

    now = load_now();

    if (now >= load_stop
        || (load_conf.requests && load_started >= load_conf.requests))
    {
        return;
    }

    load_started++;
    load_active++;
    c->active = 1;
    c->have = 0;
    c->stamped = 0;
    c->start = now;

    /* blocks: the server always reads */

    p = load_conf.request;

    for (len = load_conf.len; len; len -= n) {
        n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n <= 0) {
            load_die("send");
        }

        p += n;
    }
}


static void
load_read(load_conn_t *c)
{
    int       rc;
    char     *body;
    ssize_t   n;
    int64_t   now;

    n = recv(c->fd, c->in + c->have, LOAD_ANSWER - c->have, MSG_DONTWAIT);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0 || !c->active) {
        fprintf(stderr, "load: the server %s\n",
                n > 0 ? "sent more than an answer" : "closed a connection");
        exit(1);
    }

    now = load_now();
    c->have += n;
    c->in[c->have] = '\0';

    load_stamps(c, now);

    rc = load_complete(c, &body);
    if (rc == 0) {
        return;
    }

    load_add(&load_latency, now - c->start);
    load_done++;

    if (rc == -1 || !load_good(c, body)) {
        if (load_bad++ == 0) {
            fprintf(stderr, "load: bad answer: %.2000s\n", c->in);
        }
    }

    load_active--;
    c->active = 0;

    load_start(c);
}


static void
load_stamps(load_conn_t *c, int64_t now)
{
    char  *p, *last;

    p = c->in + c->stamped;
    last = c->in + c->have;

    while ((p = memchr(p, '@', last - p)) != NULL && last - p >= 16) {
        load_add(&load_delay, now - atoll(p + 1) * 1000);
        p += 16;
    }

    /* one that is split over two reads is looked at again */

    c->stamped = p ? (size_t) (p - c->in) : c->have;
}


/* 1: the answer is complete; -1: it will never be */

static int
load_complete(load_conn_t *c, char **body)
{
    char  *head, *length;

    head = strstr(c->in, "\r\n\r\n");
    if (head == NULL) {
        return c->have == LOAD_ANSWER ? -1 : 0;
    }

    *body = head + 4;

    *head = '\0';
    length = strcasestr(c->in, "\r\ncontent-length:");
    *head = '\r';

    if (length) {
        return c->have - (*body - c->in) >= strtoul(length + 17, NULL, 10);
    }

    if (c->have == LOAD_ANSWER) {
        return -1;
    }

    return memcmp(c->in + c->have - 7, "\r\n0\r\n\r\n", 7) == 0;
}


static int
load_good(load_conn_t *c, char *body)
{
    int       events;
    char     *p, *last;
    ssize_t   len;

    if (strncmp(c->in, "HTTP/1.1 200 ", 13) != 0) {
        return 0;
    }

    last = c->in + c->have;

    p = strcasestr(c->in, "\r\ntransfer-encoding: chunked\r\n");

    if (p && p < body) {
        len = load_dechunk(body, last);
        if (len == -1) {
            return 0;
        }

        last = body + len;
    }

    *last = '\0';
    events = 0;

    for (p = body; (p = strstr(p, "data: ")) != NULL; p += 6) {
        events++;
    }

    if (load_conf.events != -1 && events != load_conf.events) {
        fprintf(stderr, "load: %d events, not %d\n", events,
                load_conf.events);
        return 0;
    }

    p = last - body > 256 ? last - 256 : body;

    return load_conf.marker == NULL || strstr(p, load_conf.marker) != NULL;
}


/* in place; the length without the framing, or -1 */

static ssize_t
load_dechunk(char *p, char *last)
{
    char           *to, *end, *body;
    unsigned long   size;

    body = p;
    to = p;

    while (p < last) {
        size = strtoul(p, &end, 16);

        if (end == p || size > (unsigned long) (last - p)
            || last - end < (ssize_t) size + 4
            || memcmp(end, "\r\n", 2) != 0
            || memcmp(end + 2 + size, "\r\n", 2) != 0)
        {
            return -1;
        }

        p = end + 2 + size + 2;

        if (size == 0) {
            return p == last ? to - body : -1;
        }

        memmove(to, end + 2, size);
        to += size;
    }

    return -1;
}


static void
load_add(load_series_t *s, int64_t value)
{
    if (s->n == s->size) {
        s->size = s->size ? 2 * s->size : 65536;

        s->v = realloc(s->v, s->size * sizeof(int64_t));
        if (s->v == NULL) {
            load_die("realloc");
        }
    }

    s->v[s->n++] = value;
}


static void
load_print(const char *name, load_series_t *s)
{
    if (s->n == 0) {
        return;
    }

    qsort(s->v, s->n, sizeof(int64_t), load_compare);

    printf(",\"%s\":{\"n\":%zu,\"p50\":%.1f,\"p99\":%.1f}", name, s->n,
           s->v[(s->n - 1) / 2] / 1e3,
           s->v[(size_t) ((s->n - 1) * 0.99)] / 1e3);
}


static int
load_compare(const void *one, const void *two)
{
    int64_t  a, b;

    a = *(const int64_t *) one;
    b = *(const int64_t *) two;

    return (a > b) - (a < b);
}


static int64_t
load_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * LOAD_SECOND + ts.tv_nsec;
}


static void
load_die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}
