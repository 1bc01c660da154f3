
/*
 * src/token behind a pipe, for t/lib/token_oracle.py: answers requests on
 * standard input until it ends.  Numbers are little-endian.
 *
 *     request  u8 what, u8 tokenizer, u8[2] 0, u32 number, u32 length, bytes
 *     answer   i64, negative: one of the errors below
 *
 *     c  tokens of the text
 *     p  tokens of the text in pieces, cut at random by the number, some of
 *        them between two looks at the count so far
 *     e  the same in JSON's spelling, any character as an escape or not
 *     k  the sum of the parts at ai_tokenizer_cut()'s place, of `number`
 *        beginnings of the text; the count of the text when all agree
 *     o  nanoseconds of ai_tokenizer_open() in a new process
 *     t  nanoseconds of a count, the least of `number`
 *     l  a vocabulary in tiktoken's form as tokenizer LOADED, with the
 *        pattern of the request's
 *
 * Texts lie against an unreadable page.
 */

#include "mem.h"

#include <time.h>
#include <sys/wait.h>

#include <token/ai_tokenizer.h>


#define LOADED       9
#define ERR_NAME     -1         /* no such tokenizer */
#define ERR_PENDING  -2         /* the counter holds too much */
#define ERR_SO_FAR   -3         /* the count in between is not the text's */
#define ERR_CUT      -4         /* a place where the sum is another */
#define ERR_BOUNDS   -5         /* no such place in the text */
#define ERR_PARSE    -100       /* minus the line */


typedef struct {
    unsigned char      what;
    unsigned char      tokenizer;
    unsigned char      zero[2];
    uint32_t           number;
    uint32_t           len;
} request_t;


static const char  *names[] = { "o200k_base", "cl100k_base", "tekken",
                                "qwen" };

static const ai_tokenizer_t  *tokenizers[LOADED + 1];
static uint64_t               random_state;


static int64_t answer(const request_t *rq, const ai_char_t *p);
static int64_t pieces(const ai_tokenizer_t *t, const ai_char_t *p, size_t len,
    int escape);
static int64_t cuts(const ai_tokenizer_t *t, const ai_char_t *p, size_t len,
    uint32_t n);
static int64_t time_open(const ai_str_t *name);
static int64_t time_count(const ai_tokenizer_t *t, const ai_char_t *p,
    size_t len, uint32_t rounds);
static int64_t load(unsigned pattern, const ai_char_t *p, size_t len);


static uint32_t
rnd(uint32_t n)
{
    /* xorshift64* */

    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;

    return (uint32_t) ((random_state * 0x2545f4914f6cdd1dULL) >> 33) % n;
}


static ai_str_t
name_of(unsigned n)
{
    ai_str_t  s;

    s.data = (ai_char_t *) names[n];
    s.len = strlen(names[n]);

    return s;
}


/* of this process's CPU time: neighbours do not matter as much */

static int64_t
nanoseconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


int
main(void)
{
    char       *text;
    int64_t     result;
    request_t   rq;

    while (fread(&rq, sizeof(rq), 1, stdin) == 1) {

        text = malloc((size_t) rq.len + 1);
        if (text == NULL || fread(text, 1, rq.len, stdin) != rq.len) {
            return 2;
        }

        result = answer(&rq, guard_copy(text, rq.len));

        guard_free();
        free(text);

        if (fwrite(&result, sizeof(result), 1, stdout) != 1
            || fflush(stdout) != 0)
        {
            return 2;
        }
    }

    return 0;
}


static int64_t
answer(const request_t *rq, const ai_char_t *p)
{
    unsigned               n = rq->tokenizer;
    ai_str_t               name;
    const ai_tokenizer_t  *t;

    if (rq->what == 'l') {
        return load(n, p, rq->len);
    }

    if (n < sizeof(names) / sizeof(names[0])) {
        name = name_of(n);

        if (rq->what == 'o') {
            return time_open(&name);
        }

        if (tokenizers[n] == NULL) {
            tokenizers[n] = ai_tokenizer_open(&name);
        }
    }

    t = n <= LOADED ? tokenizers[n] : NULL;
    if (t == NULL) {
        return ERR_NAME;
    }

    random_state = rq->number * 2654435761ULL + 88172645463325252ULL;

    switch (rq->what) {
    case 'c':
        return ai_tokenizer_count(t, p, rq->len);
    case 'p':
        return pieces(t, p, rq->len, 0);
    case 'e':
        return pieces(t, p, rq->len, 1);
    case 'k':
        return cuts(t, p, rq->len, rq->number);
    case 't':
        return time_count(t, p, rq->len, rq->number);
    default:
        exit(2);
    }
}


/* One well-formed character: its length, or 0 (Unicode 3.9, table 3-7). */

static size_t
character(const ai_char_t *p, size_t len, uint32_t *code)
{
    size_t    n, i;
    uint32_t  c;

    c = p[0];
    n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3
        : c < 0xf5 ? 4 : 0;

    if (n == 0 || n > len) {
        return 0;
    }

    c = n == 1 ? c : c & (0x7f >> n);

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000)))
        || (n == 4 && (c < 0x10000 || c > 0x10ffff)))
    {
        return 0;
    }

    *code = c;

    return n;
}


/* A character as a JSON string may have it. */

static size_t
spell(char *out, const ai_char_t *p, size_t n, uint32_t c)
{
    const char         *s;
    static const char   from[] = "\"\\/\b\f\n\r\t";
    static const char   to[] = "\"\\/bfnrt";

    s = c && c < 0x80 ? strchr(from, (int) c) : NULL;

    if (s && rnd(2)) {
        return (size_t) sprintf(out, "\\%c", to[s - from]);
    }

    if (c >= 0x20 && c != '"' && c != '\\' && rnd(8)) {
        memcpy(out, p, n);
        return n;
    }

    /* half a pair alone is U+FFFD; the first half must not find a second */

    if (c == 0xfffd && rnd(2)) {
        return (size_t) sprintf(out, "\\u%04x",
                                (unsigned) (0xdc00 | rnd(0x400)));
    }

    if (c >= 0x10000) {
        c -= 0x10000;
        return (size_t) sprintf(out, "\\ud%03x\\uD%03X",
                                (unsigned) (0x800 | c >> 10),
                                (unsigned) (0xc00 | (c & 0x3ff)));
    }

    return (size_t) sprintf(out, rnd(2) ? "\\u%04x" : "\\u%04X",
                            (unsigned) c);
}


/*
 * The next piece of the text.  Plain: any bytes; escaped: whole characters, or
 * a byte of what is none; middle: where it has half a pair behind it, or 0.
 */

static size_t
piece(const ai_char_t *p, size_t len, size_t want, int escape, char *out,
    size_t *olen, size_t *middle)
{
    size_t    n, done, size;
    uint32_t  c;

    *olen = 0;
    *middle = 0;

    if (!escape) {
        return want;
    }

    for (done = 0; done < want; done += n) {
        n = character(p + done, len - done, &c);

        if (n) {
            size = spell(out + *olen, p + done, n, c);
            *middle = size == 12 ? *olen + 6 : *middle;
            *olen += size;
            continue;
        }

        /* the rest of an ill-formed one may come as a piece of its own */

        out[(*olen)++] = (char) p[done];
        n = 1;
    }

    return done;
}


/* A piece is gone when the next one comes. */

static void
add(ai_counter_t *counter, const void *p, size_t len, int escape)
{
    ai_str_t  s;

    s.data = malloc(len ? len : 1);
    if (s.data == NULL) {
        exit(2);
    }

    s.len = len;
    memcpy(s.data, p, len);

    if (escape) {
        ai_counter_add_esc(counter, &s);

    } else {
        ai_counter_add(counter, s.data, len);
    }

    memset(s.data, 'x', len);
    free(s.data);
}


static int64_t
pieces(const ai_tokenizer_t *t, const ai_char_t *p, size_t len, int escape)
{
    char           *out;
    size_t          done, n, olen, middle, most;
    int64_t         result;
    ai_counter_t    counter;
    static size_t   sizes[] = { 1, 3, 12, 60, 700, 5000, 70000 };

    most = sizes[rnd(7)];
    out = malloc(12 * (most + 8));
    if (out == NULL) {
        exit(2);
    }

    ai_counter_init(&counter, t, mem_pool());

    for (done = 0; done < len; done += n) {

        if (rnd(16) == 0) {
            add(&counter, p, 0, escape);
        }

        n = 1 + rnd((uint32_t) most);
        n = ai_min(n, len - done);
        n = piece(p + done, len - done, n, escape, out, &olen, &middle);

        if (!escape) {
            add(&counter, p + done, n, 0);

        } else {
            middle = rnd(2) ? middle : 0;
            add(&counter, out, middle, 1);
            add(&counter, out + middle, olen - middle, 1);
        }

        if (ai_buf_len(&counter.pending) > AI_COUNTER_MAX) {
            result = ERR_PENDING;
            goto done;
        }

        if (len < 20000 && rnd(len / most + 1) < 2
            && ai_counter_tokens(&counter)
               != ai_tokenizer_count(t, p, done + n))
        {
            result = ERR_SO_FAR;
            goto done;
        }
    }

    result = ai_counter_tokens(&counter);

done:

    free(out);
    ai_pfree(mem_pool(), counter.pending.start);

    return result;
}


static int64_t
cuts(const ai_tokenizer_t *t, const ai_char_t *p, size_t len, uint32_t n)
{
    size_t   begin, cut;
    int64_t  whole;

    whole = ai_tokenizer_count(t, p, len);

    while (n--) {
        begin = rnd((uint32_t) len + 1);
        cut = ai_tokenizer_cut(t, p, begin);

        if (cut > begin) {
            return ERR_BOUNDS;
        }

        if (ai_tokenizer_count(t, p, cut)
            + ai_tokenizer_count(t, p + cut, len - cut) != whole)
        {
            return ERR_CUT;
        }
    }

    return whole;
}


/* Each time in a process of its own: the tables are built once in each. */

static int64_t
time_open(const ai_str_t *name)
{
    int      fd[2];
    pid_t    pid;
    int64_t  t;

    if (pipe(fd) == -1) {
        exit(2);
    }

    pid = fork();

    if (pid == 0) {
        t = nanoseconds();
        t = ai_tokenizer_open(name) ? nanoseconds() - t : ERR_NAME;
        _exit(write(fd[1], &t, sizeof(t)) != sizeof(t));
    }

    close(fd[1]);

    if (pid == -1 || read(fd[0], &t, sizeof(t)) != sizeof(t)) {
        exit(2);
    }

    close(fd[0]);
    waitpid(pid, NULL, 0);

    return t;
}


static int64_t
time_count(const ai_tokenizer_t *t, const ai_char_t *p, size_t len,
    uint32_t rounds)
{
    int64_t  start, spent, least = INT64_MAX;

    while (rounds--) {
        start = nanoseconds();
        (void) ai_tokenizer_count(t, p, len);
        spent = nanoseconds() - start;
        least = ai_min(least, spent);
    }

    return least;
}


static int64_t
load(unsigned pattern, const ai_char_t *p, size_t len)
{
    ai_str_t               file, name;
    ai_uint_t              line;
    const char            *error;
    const ai_tokenizer_t  *t;

    if (pattern >= sizeof(names) / sizeof(names[0])) {
        return ERR_NAME;
    }

    name = name_of(pattern);
    file = (ai_str_t) { len, (ai_char_t *) p };
    line = 0;
    error = "";

    t = ai_tokenizer_parse(&file, &name, mem_pool(), &line, &error);
    if (t == NULL) {
        fprintf(stderr, "line %d: %s\n", (int) line, error);
        return ERR_PARSE - (int64_t) line;
    }

    tokenizers[LOADED] = t;

    return 0;
}
