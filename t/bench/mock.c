
/*
 * mock: a provider whose answers cost next to nothing.
 *
 *     mock -p port
 *
 * POST .../chat/completions is OpenAI's API, POST .../messages Anthropic's;
 * any other request gets 404.  The model's name says what is wanted:
 *
 *     mock-b600          JSON with 600 bytes of text
 *     mock-c200          with "stream": 200 events with text, in one write
 *     mock-c50-d10       50 events, a write each, 10 ms apart; the text of
 *                        each is "@" and the time of its write, 15 digits,
 *                        microseconds of CLOCK_MONOTONIC
 *
 * An answer is made once and then only written.  Writes block: both peers
 * of the benchmark always read.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>


#define MOCK_CONNS     1024
#define MOCK_REQUEST   (512 * 1024)
#define MOCK_REPLIES   64
#define MOCK_KEY       64
#define MOCK_EVENT     2048
#define MOCK_PHASE     137      /* us: streams do not write in step */
#define MOCK_STAMP     "@000000000000000"


typedef struct {
    char       key[MOCK_KEY + 2];  /* api, stream, model */
    int        anthropic;
    int        chunks;
    int        delay;              /* ms, 0: all at once */
    int        bytes;

    char      *data;
    size_t     len;
    size_t     size;
    size_t    *ends;               /* of each piece */
    int        nends;
} mock_reply_t;


typedef struct {
    int            fd;             /* 0: free */
    size_t         have;
    char          *in;
    mock_reply_t  *reply;          /* of a paced answer under way */
    int            piece;
    int64_t        due;
} mock_conn_t;


static void mock_accept(int ls);
static void mock_read(mock_conn_t *c);
static int mock_request(mock_conn_t *c);
static mock_reply_t *mock_find(const char *head, const char *body,
    const char *last);
static const char *mock_value(const char *p, const char *last,
    const char *name);
static int mock_option(const char *model, const char *name, int value);
static void mock_render_json(mock_reply_t *r);
static void mock_render_stream(mock_reply_t *r);
static void mock_event(mock_reply_t *r, const char *name, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
static void mock_put(mock_reply_t *r, const char *data, size_t len);
static int mock_send(mock_conn_t *c, const char *data, size_t len);
static int mock_piece(mock_conn_t *c);
static void mock_timers(void);
static void mock_arm(void);
static void mock_close(mock_conn_t *c);
static int64_t mock_now(void);
static void mock_die(const char *what);


static int           mock_ep;
static int           mock_timer;
static int           mock_paced;
static int           mock_nreplies;
static mock_conn_t   mock_conns[MOCK_CONNS];
static mock_reply_t  mock_replies[MOCK_REPLIES];


int
main(int argc, char **argv)
{
    int                 ls, n, i, on, fired;
    struct sockaddr_in  sin;
    struct epoll_event  ev, events[256];

    if (argc != 3 || strcmp(argv[1], "-p") != 0) {
        fprintf(stderr, "usage: mock -p port\n");
        return 2;
    }

    on = 1;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons(atoi(argv[2]));

    ls = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (bind(ls, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(ls, MOCK_CONNS) == -1)
    {
        mock_die("listen");
    }

    mock_ep = epoll_create1(0);
    mock_timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

    ev.events = EPOLLIN;
    ev.data.ptr = &ls;
    epoll_ctl(mock_ep, EPOLL_CTL_ADD, ls, &ev);

    ev.data.ptr = &mock_timer;
    epoll_ctl(mock_ep, EPOLL_CTL_ADD, mock_timer, &ev);

    for ( ;; ) {
        n = epoll_wait(mock_ep, events, 256, -1);
        fired = 0;

        for (i = 0; i < n; i++) {
            if (events[i].data.ptr == &ls) {
                mock_accept(ls);

            } else if (events[i].data.ptr == &mock_timer) {
                fired = 1;

            } else {
                mock_read(events[i].data.ptr);
            }
        }

        if (fired || mock_paced) {
            mock_timers();
        }
    }
}


static void
mock_accept(int ls)
{
    int                 fd, i, on;
    struct epoll_event  ev;

    on = 1;

    while ((fd = accept(ls, NULL, NULL)) != -1) {

        for (i = 0; i < MOCK_CONNS && mock_conns[i].fd; i++) { /* void */ }

        if (i == MOCK_CONNS) {
            close(fd);
            continue;
        }

        mock_conns[i].fd = fd;
        mock_conns[i].have = 0;
        mock_conns[i].reply = NULL;

        if (mock_conns[i].in == NULL) {
            mock_conns[i].in = malloc(MOCK_REQUEST + 1);
            if (mock_conns[i].in == NULL) {
                mock_die("malloc");
            }
        }

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

        ev.events = EPOLLIN;
        ev.data.ptr = &mock_conns[i];
        epoll_ctl(mock_ep, EPOLL_CTL_ADD, fd, &ev);
    }
}


static void
mock_read(mock_conn_t *c)
{
    ssize_t  n;

    if (c->fd == 0) {
        return;
    }

    n = recv(c->fd, c->in + c->have, MOCK_REQUEST - c->have, MSG_DONTWAIT);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0) {
        mock_close(c);
        return;
    }

    c->have += n;
    c->in[c->have] = '\0';

    if (c->reply == NULL && mock_request(c) == -1) {
        mock_close(c);
    }
}


/* answers a request that is there in full; -1: close the connection */

static int
mock_request(mock_conn_t *c)
{
    char          *head, *length;
    size_t         size;
    mock_reply_t  *r;

    static const char  refused[] = "HTTP/1.1 404 Not Found" "\r\n"
                                   "Content-Length: 0" "\r\n\r\n";

    head = strstr(c->in, "\r\n\r\n");
    if (head == NULL) {
        return c->have == MOCK_REQUEST ? -1 : 0;
    }

    *head = '\0';
    length = strcasestr(c->in, "\r\ncontent-length:");
    size = head + 4 - c->in + (length ? strtoul(length + 17, NULL, 10) : 0);
    *head = '\r';

    if (size > MOCK_REQUEST) {
        return -1;
    }

    if (c->have < size) {
        return 0;
    }

    r = mock_find(c->in, head + 4, c->in + size);

    c->have = 0;        /* nobody pipelines here */

    if (r == NULL) {
        return mock_send(c, refused, sizeof(refused) - 1);
    }

    if (r->delay == 0) {
        return mock_send(c, r->data, r->len);
    }

    c->reply = r;
    c->piece = 0;
    c->due = mock_now() + (c - mock_conns) * MOCK_PHASE % (r->delay * 1000);
    mock_paced++;

    return 0;
}


static mock_reply_t *
mock_find(const char *head, const char *body, const char *last)
{
    int            i, line, stream;
    char           key[MOCK_KEY + 2];
    const char    *p;
    mock_reply_t  *r;

    line = strcspn(head, "\r");

    if (memmem(head, line, "/chat/completions", 17)) {
        key[0] = 'o';

    } else if (memmem(head, line, "/messages", 9)) {
        key[0] = 'a';

    } else {
        return NULL;
    }

    p = mock_value(body, last, "\"stream\"");
    stream = p && *p == 't';
    key[1] = stream ? 's' : 'j';

    p = mock_value(body, last, "\"model\"");
    if (p == NULL || *p++ != '"') {
        return NULL;
    }

    for (i = 0; i < MOCK_KEY - 1 && p < last && *p != '"'; i++) {
        key[2 + i] = *p++;
    }

    key[2 + i] = '\0';

    for (i = 0; i < mock_nreplies; i++) {
        if (strcmp(mock_replies[i].key, key) == 0) {
            return &mock_replies[i];
        }
    }

    if (mock_nreplies == MOCK_REPLIES) {
        return NULL;
    }

    r = &mock_replies[mock_nreplies++];
    strcpy(r->key, key);

    r->anthropic = key[0] == 'a';
    r->chunks = mock_option(key + 2, "-c", 20);
    r->delay = stream ? mock_option(key + 2, "-d", 0) : 0;
    r->bytes = mock_option(key + 2, "-b", 600);

    if (stream) {
        mock_render_stream(r);

    } else {
        mock_render_json(r);
    }

    return r;
}


/* the value after a name; bodies here have no such name in their texts */

static const char *
mock_value(const char *p, const char *last, const char *name)
{
    p = memmem(p, last - p, name, strlen(name));
    if (p == NULL) {
        return NULL;
    }

    p += strlen(name);

    while (p < last && (*p == ' ' || *p == ':')) {
        p++;
    }

    return p < last ? p : NULL;
}


static int
mock_option(const char *model, const char *name, int value)
{
    const char  *p;

    p = strstr(model, name);

    return p ? atoi(p + 2) : value;
}


static void
mock_render_json(mock_reply_t *r)
{
    int   i, n, tokens;
    char  *text, *body, head[256];

    text = calloc(1, r->bytes + 1);
    body = malloc(r->bytes + 1024);

    if (text == NULL || body == NULL) {
        mock_die("malloc");
    }

    for (i = 0; i < r->bytes; i++) {
        text[i] = "words of an answer, "[i % 20];
    }

    tokens = r->bytes / 4;

    if (r->anthropic) {
        n = sprintf(body, "{\"id\":\"msg_mock0001\",\"type\":\"message\","
                    "\"role\":\"assistant\",\"model\":\"%s\",\"content\":[{"
                    "\"type\":\"text\",\"text\":\"%s\"}],\"stop_reason\":"
                    "\"end_turn\",\"stop_sequence\":null,\"usage\":{"
                    "\"input_tokens\":250,\"cache_creation_input_tokens\":0,"
                    "\"cache_read_input_tokens\":0,\"output_tokens\":%d}}",
                    r->key + 2, text, tokens);

    } else {
        n = sprintf(body, "{\"id\":\"chatcmpl-mock0001\",\"object\":"
                    "\"chat.completion\",\"created\":1700000000,\"model\":"
                    "\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                    "\"assistant\",\"content\":\"%s\",\"refusal\":null},"
                    "\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                    "\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":"
                    "%d,\"total_tokens\":%d,\"prompt_tokens_details\":{"
                    "\"cached_tokens\":0},\"completion_tokens_details\":{"
                    "\"reasoning_tokens\":0}},\"system_fingerprint\":"
                    "\"fp_mock\"}", r->key + 2, text, tokens, tokens + 250);
    }

    mock_put(r, head, sprintf(head, "HTTP/1.1 200 OK" "\r\n"
                              "Content-Type: application/json" "\r\n"
                              "x-request-id: req_mock_0001" "\r\n"
                              "Content-Length: %d" "\r\n\r\n", n));
    mock_put(r, body, n);

    free(text);
    free(body);
}


#define MOCK_CHUNK                                                            \
    "{\"id\":\"chatcmpl-mock0001\",\"object\":\"chat.completion.chunk\","     \
    "\"created\":1700000000,\"model\":\"%s\",\"system_fingerprint\":"         \
    "\"fp_mock\",\"choices\":["

#define MOCK_CHOICE(delta, finish)                                            \
    MOCK_CHUNK "{\"index\":0,\"delta\":" delta ",\"logprobs\":null,"          \
    "\"finish_reason\":" finish "}]}"


static void
mock_render_stream(mock_reply_t *r)
{
    int          i;
    const char  *text, *model;

    static const char  head[] = "HTTP/1.1 200 OK" "\r\n"
                                "Content-Type: text/event-stream" "\r\n"
                                "Cache-Control: no-cache" "\r\n"
                                "x-request-id: req_mock_0001" "\r\n"
                                "Transfer-Encoding: chunked" "\r\n\r\n";

    model = r->key + 2;
    text = r->delay ? MOCK_STAMP : "words ";

    mock_put(r, head, sizeof(head) - 1);

    if (r->anthropic) {
        mock_event(r, "message_start", "{\"type\":\"message_start\","
                   "\"message\":{\"id\":\"msg_mock0001\",\"type\":"
                   "\"message\",\"role\":\"assistant\",\"model\":\"%s\","
                   "\"content\":[],\"stop_reason\":null,\"stop_sequence\":"
                   "null,\"usage\":{\"input_tokens\":250,"
                   "\"output_tokens\":1}}}", model);
        mock_event(r, "content_block_start", "{\"type\":"
                   "\"content_block_start\",\"index\":0,\"content_block\":{"
                   "\"type\":\"text\",\"text\":\"\"}}");
        mock_event(r, "ping", "{\"type\":\"ping\"}");

        for (i = 0; i < r->chunks; i++) {
            mock_event(r, "content_block_delta", "{\"type\":"
                       "\"content_block_delta\",\"index\":0,\"delta\":{"
                       "\"type\":\"text_delta\",\"text\":\"%s\"}}", text);
        }

        mock_event(r, "content_block_stop", "{\"type\":"
                   "\"content_block_stop\",\"index\":0}");
        mock_event(r, "message_delta", "{\"type\":\"message_delta\","
                   "\"delta\":{\"stop_reason\":\"end_turn\","
                   "\"stop_sequence\":null},\"usage\":{\"output_tokens\":"
                   "%d}}", r->chunks);
        mock_event(r, "message_stop", "{\"type\":\"message_stop\"}");

    } else {
        mock_event(r, NULL, MOCK_CHOICE("{\"role\":\"assistant\","
                   "\"content\":\"\",\"refusal\":null}", "null"), model);

        for (i = 0; i < r->chunks; i++) {
            mock_event(r, NULL, MOCK_CHOICE("{\"content\":\"%s\"}", "null"),
                       model, text);
        }

        mock_event(r, NULL, MOCK_CHOICE("{}", "\"stop\""), model);
        mock_event(r, NULL, MOCK_CHUNK "],\"usage\":{\"prompt_tokens\":250,"
                   "\"completion_tokens\":%d,\"total_tokens\":%d}}", model,
                   r->chunks, r->chunks + 250);
        mock_event(r, NULL, "[DONE]");
    }

    /* the end goes with the last event */

    mock_put(r, "0\r\n\r\n", 5);
    r->ends[r->nends - 1] = r->len;
}


/* one event is one HTTP chunk and one piece */

static void
mock_event(mock_reply_t *r, const char *name, const char *fmt, ...)
{
    int      n;
    char     event[MOCK_EVENT], size[32];
    va_list  args;

    n = name ? sprintf(event, "event: %s\n", name) : 0;
    n += sprintf(event + n, "data: ");

    va_start(args, fmt);
    n += vsnprintf(event + n, sizeof(event) - n - 3, fmt, args);
    va_end(args);

    n += sprintf(event + n, "\n\n");

    mock_put(r, size, sprintf(size, "%x\r\n", n));
    mock_put(r, event, n);
    mock_put(r, "\r\n", 2);

    r->ends = realloc(r->ends, (r->nends + 1) * sizeof(size_t));
    if (r->ends == NULL) {
        mock_die("realloc");
    }

    r->ends[r->nends++] = r->len;
}


static void
mock_put(mock_reply_t *r, const char *data, size_t len)
{
    if (r->len + len > r->size) {
        r->size = 2 * (r->len + len);

        r->data = realloc(r->data, r->size);
        if (r->data == NULL) {
            mock_die("realloc");
        }
    }

    memcpy(r->data + r->len, data, len);
    r->len += len;
}


static int
mock_send(mock_conn_t *c, const char *data, size_t len)
{
    ssize_t  n;

    while (len) {
        n = send(c->fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return -1;
        }

        data += n;
        len -= n;
    }

    return 0;
}


/* the next piece of a paced answer, with the time in its text */

static int
mock_piece(mock_conn_t *c)
{
    char           piece[2 * MOCK_EVENT], *stamp, digits[32];
    size_t         from, len;
    mock_reply_t  *r;

    r = c->reply;
    from = c->piece ? r->ends[c->piece - 1] : 0;
    len = r->ends[c->piece++] - from;

    memcpy(piece, r->data + from, len);

    stamp = memmem(piece, len, MOCK_STAMP, sizeof(MOCK_STAMP) - 1);
    if (stamp) {
        sprintf(digits, "%015lld", (long long) mock_now());
        memcpy(stamp + 1, digits, 15);
    }

    if (c->piece == r->nends) {
        c->reply = NULL;
        mock_paced--;
    }

    return mock_send(c, piece, len);
}


static void
mock_timers(void)
{
    int           i;
    int64_t       now;
    mock_conn_t  *c;

    now = mock_now();

    for (i = 0; i < MOCK_CONNS; i++) {
        c = &mock_conns[i];

        if (c->fd && c->reply && c->due <= now) {
            c->due += c->reply->delay * 1000;

            if (mock_piece(c) == -1) {
                mock_close(c);
            }
        }
    }

    mock_arm();
}


static void
mock_arm(void)
{
    int                i;
    int64_t            due;
    mock_conn_t       *c;
    struct itimerspec  ts;

    due = INT64_MAX;

    for (i = 0; i < MOCK_CONNS; i++) {
        c = &mock_conns[i];

        if (c->fd && c->reply && c->due < due) {
            due = c->due;
        }
    }

    if (due == INT64_MAX) {
        due = 0;        /* disarms */
    }

    memset(&ts, 0, sizeof(ts));
    ts.it_value.tv_sec = due / 1000000;
    ts.it_value.tv_nsec = due % 1000000 * 1000;

    /* setting it also takes back that it has fired */

    timerfd_settime(mock_timer, TFD_TIMER_ABSTIME, &ts, NULL);
}


static void
mock_close(mock_conn_t *c)
{
    if (c->reply) {
        c->reply = NULL;
        mock_paced--;
    }

    close(c->fd);
    c->fd = 0;
}


static int64_t
mock_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static void
mock_die(const char *what)
{
    fprintf(stderr, "mock: %s: %s\n", what, strerror(errno));
    exit(1);
}
