
/*
 * A tokenizer is a vocabulary and a pattern; a text is parted into words by
 * the one and each word into tokens by the other.
 */

#include <base/ai_scan.h>
#include <codec/ai_base64.h>
#include <token/ai_pretoken_int.h>


#define AI_TOKENIZERS      8
#define AI_TOKENIZER_WORDS 256      /* found at a time */
#define AI_TOKENIZER_STEP  1024
#define AI_TOKENIZER_STEPS 16       /* 16 KB of the stack */


struct ai_tokenizer_s {
    ai_str_t           name;
    ai_pretoken_e      pattern;
    ai_vocab_t        *vocab;
};


/* an operator's file, line by line */
typedef struct {
    const ai_char_t   *p;
    const ai_char_t   *end;
    ai_uint_t          line;
    ai_str_t           token;       /* base64 */
    uint32_t           rank;
    const char        *error;
} ai_ranks_t;


static void *ai_tokenizer_alloc(void *data, size_t size);
static void ai_tokenizer_free(void *data, void *p);


static const ai_pool_t  ai_tokenizer_pool = {
    ai_tokenizer_alloc,
    ai_tokenizer_free,
    NULL
};


static const struct {
    ai_str_t           name;
    ai_pretoken_e      pattern;

} ai_patterns[] = {
    { ai_string("cl100k_base"), AI_PRETOKEN_CL100K },
    { ai_string("o200k_base"), AI_PRETOKEN_O200K },
    { ai_string("tekken"), AI_PRETOKEN_TEKKEN },
    { ai_string("qwen"), AI_PRETOKEN_QWEN },
    { ai_string("llama3"), AI_PRETOKEN_LLAMA3 }
};


/* built by the first who asks, before there are workers; never freed */
static ai_tokenizer_t  *ai_tokenizers[AI_TOKENIZERS];


static void *
ai_tokenizer_alloc(void *data, size_t size)
{
    (void) data;

    return malloc(size);
}


static void
ai_tokenizer_free(void *data, void *p)
{
    (void) data;

    free(p);
}


const ai_tokenizer_t *
ai_tokenizer_open(const ai_str_t *name)
{
    ai_uint_t               i;
    ai_tokenizer_t         *t;
    const ai_vocab_data_t  *d;

    for (i = 0; i < AI_TOKENIZERS && ai_vocab_data[i].data != NULL; i++) {

        d = &ai_vocab_data[i];

        if (!ai_str_eq(&d->name, name)) {
            continue;
        }

        if (ai_tokenizers[i] != NULL) {
            return ai_tokenizers[i];
        }

        t = malloc(sizeof(ai_tokenizer_t));
        if (t == NULL) {
            return NULL;
        }

        t->name = d->name;
        t->pattern = d->pattern;
        t->vocab = ai_vocab_build(d, &ai_tokenizer_pool);

        if (t->vocab == NULL) {
            free(t);
            return NULL;
        }

        ai_tokenizers[i] = t;

        return t;
    }

    return NULL;
}


/* AI_DONE: the end; AI_ERROR: error */

static ai_int_t
ai_ranks_next(ai_ranks_t *r)
{
    uint64_t          n;
    const ai_char_t  *p, *eol;

    if (r->p == r->end) {
        return AI_DONE;
    }

    r->line++;
    eol = memchr(r->p, '\n', (size_t) (r->end - r->p));
    eol = eol ? eol : r->end;
    p = memchr(r->p, ' ', (size_t) (eol - r->p));

    if (p == NULL || p == r->p) {
        r->error = "no token and rank with a space between them";
        return AI_ERROR;
    }

    r->token.data = (ai_char_t *) r->p;
    r->token.len = (size_t) (p - r->p);

    for (n = 0, p++; p < eol && *p >= '0' && *p <= '9' && n <= UINT32_MAX;
         p++)
    {
        n = n * 10 + (*p - '0');
    }

    if (p < eol && p + 1 == eol && *p == '\r') {
        p++;
    }

    if (p != eol || n > UINT32_MAX || p[-1] == ' ') {
        r->error = "the rank is no number";
        return AI_ERROR;
    }

    r->rank = (uint32_t) n;
    r->p = eol == r->end ? eol : eol + 1;

    return AI_OK;
}


static uint32_t
ai_ranks_lines(const ai_str_t *file)
{
    uint32_t          n;
    const ai_char_t  *p, *end;

    p = file->data;
    end = p + file->len;

    for (n = 0; p != NULL && p < end; n++) {
        p = memchr(p, '\n', (size_t) (end - p));
        p = p ? p + 1 : end;
    }

    return n;
}


/*
 * The tokens as they come go to raw, where[rank] tells where they begin and
 * how long they are.
 */

static ai_int_t
ai_ranks_read(ai_ranks_t *r, ai_buf_t *raw, uint32_t (*where)[2], uint32_t n)
{
    size_t     at, len;
    uint32_t   bytes;
    ai_int_t   rc;
    ai_char_t  seen[256];

    memset(seen, 0, sizeof(seen));
    bytes = 0;

    while ((rc = ai_ranks_next(r)) == AI_OK) {
        at = ai_buf_len(raw);

        if (ai_base64_decode(raw, &r->token) != AI_OK) {
            r->error = "the token is no base64";
            return AI_ERROR;
        }

        if (raw->failed) {
            return AI_ERROR;
        }

        len = ai_buf_len(raw) - at;

        if (len == 0) {
            r->error = "the token is empty";
            return AI_ERROR;
        }

        if (r->rank >= n) {
            r->error = "the ranks are not 0 to the number of lines";
            return AI_ERROR;
        }

        if (where[r->rank][1]) {
            r->error = "the rank is there twice";
            return AI_ERROR;
        }

        where[r->rank][0] = (uint32_t) at;
        where[r->rank][1] = (uint32_t) len;

        if (len == 1 && !seen[raw->start[at]]) {
            seen[raw->start[at]] = 1;
            bytes++;
        }
    }

    if (rc == AI_DONE && bytes != 256) {
        r->error = "not all single bytes are tokens";
        r->line = 0;
        return AI_ERROR;
    }

    return rc;
}


/* in the order of their ranks */

static ai_vocab_t *
ai_ranks_build(const ai_buf_t *raw, uint32_t (*where)[2], uint32_t n,
    const ai_pool_t *pool)
{
    uint32_t     i, *offset;
    ai_char_t   *bytes;
    ai_vocab_t  *vocab;

    vocab = NULL;
    bytes = ai_palloc(pool, ai_buf_len(raw));
    offset = ai_palloc(pool, (n + (size_t) 1) * sizeof(uint32_t));

    if (bytes != NULL && offset != NULL) {
        offset[0] = 0;

        for (i = 0; i < n; i++) {
            memcpy(bytes + offset[i], raw->start + where[i][0], where[i][1]);
            offset[i + 1] = offset[i] + where[i][1];
        }

        vocab = ai_vocab_build_list(bytes, offset, n, pool);
    }

    ai_pfree(pool, offset);
    ai_pfree(pool, bytes);

    return vocab;
}


static ai_vocab_t *
ai_ranks_parse(ai_ranks_t *r, const ai_str_t *file, const ai_pool_t *pool)
{
    uint32_t      n, (*where)[2];
    ai_buf_t      raw;
    ai_vocab_t   *vocab;

    if (file->len > UINT32_MAX) {
        r->error = "the file is too large";
        return NULL;
    }

    n = ai_ranks_lines(file);

    if (n == 0) {
        r->error = "the file is empty";
        return NULL;
    }

    r->p = file->data;
    r->end = file->data + file->len;

    where = ai_pcalloc(pool, n * sizeof(*where));
    if (where == NULL) {
        return NULL;
    }

    vocab = NULL;
    ai_buf_init(&raw, pool);

    if (ai_buf_reserve(&raw, file->len) == AI_OK
        && ai_ranks_read(r, &raw, where, n) == AI_DONE)
    {
        vocab = ai_ranks_build(&raw, where, n, pool);
    }

    ai_pfree(pool, raw.start);
    ai_pfree(pool, where);

    return vocab;
}


const ai_tokenizer_t *
ai_tokenizer_parse(const ai_str_t *file, const ai_str_t *pattern,
    const ai_pool_t *pool, ai_uint_t *line, const char **error)
{
    ai_uint_t        i;
    ai_ranks_t       r;
    ai_tokenizer_t  *t;

    memset(&r, 0, sizeof(r));
    *line = 0;

    for (i = 0; !ai_str_eq(&ai_patterns[i].name, pattern); i++) {

        if (i == sizeof(ai_patterns) / sizeof(ai_patterns[0]) - 1) {
            *error = "no such pattern";
            return NULL;
        }
    }

    t = ai_palloc(pool, sizeof(ai_tokenizer_t));

    if (t != NULL) {
        t->name = ai_patterns[i].name;
        t->pattern = ai_patterns[i].pattern;
        t->vocab = ai_ranks_parse(&r, file, pool);

        if (t->vocab != NULL) {
            return t;
        }

        ai_pfree(pool, t);
    }

    *line = r.error ? r.line : 0;
    *error = r.error ? r.error : "no memory";

    return NULL;
}


ai_str_t
ai_tokenizer_name(const ai_tokenizer_t *t)
{
    return t->name;
}


static int64_t
ai_tokenizer_words(const ai_tokenizer_t *t, const ai_char_t *p, size_t len)
{
    size_t   i, n, from, ends[AI_TOKENIZER_WORDS];
    int64_t  tokens;

    tokens = 0;

    while (len) {
        n = ai_pretoken_words(t->pattern, p, len, ends, AI_TOKENIZER_WORDS);

        for (i = 0, from = 0; i < n; from = ends[i++]) {
            tokens += (int64_t) ai_vocab_count(t->vocab, p + from,
                                               ends[i] - from);
        }

        p += from;
        len -= from;
    }

    return tokens;
}


/* a character at *p to the buffer, or U+FFFD; how long that is */

static inline size_t
ai_tokenizer_char(const ai_char_t **p, const ai_char_t *end, ai_char_t *to)
{
    size_t  n;

    if (**p < 0x80) {
        *to = *(*p)++;
        return 1;
    }

    n = ai_utf8_len(*p, end);

    if (n == 0) {
        *p += ai_utf8_bad(*p, end);
        memcpy(to, "\xef\xbf\xbd", 3);
        return 3;
    }

    memcpy(to, *p, n);
    *p += n;

    return n;
}


/*
 * What is ill-formed at *start or soon after it is put right on the stack.
 * Stops where a word ends for certain, if the buffer has such a place.
 */

static int64_t
ai_tokenizer_mend(const ai_tokenizer_t *t, const ai_char_t **start,
    const ai_char_t *end)
{
    size_t            i, n, len, at[AI_TOKENIZER_STEPS];
    ai_char_t         buf[AI_TOKENIZER_STEPS * AI_TOKENIZER_STEP], skip[4];
    const ai_char_t  *p, *from[AI_TOKENIZER_STEPS];

    /* some places in the text and in buf that are the same */

    p = *start;
    len = 0;
    from[0] = p;
    at[0] = 0;

    for (i = 0; i < AI_TOKENIZER_STEPS && p < end; i++) {
        from[i] = p;
        at[i] = len;

        while (p < end && len + 3 < (i + 1) * AI_TOKENIZER_STEP) {
            len += ai_tokenizer_char(&p, end, buf + len);
        }
    }

    if (p < end) {
        n = ai_pretoken_stable(t->pattern, buf, len);
        len = n ? n : len;

        while (i && at[--i] > len) { /* void */ }

        p = from[i];

        for (n = at[i]; n < len; /* void */ ) {
            n += ai_tokenizer_char(&p, end, skip);
        }
    }

    *start = p;

    return ai_tokenizer_words(t, buf, len);
}


int64_t
ai_tokenizer_count(const ai_tokenizer_t *t, const ai_char_t *p, size_t len)
{
    size_t            n, good;
    int64_t           tokens;
    const ai_char_t  *end, *bad;

    if (len == 0) {
        return 0;
    }

    if (t == NULL) {
        return (int64_t) (len / AI_TOKENIZER_ROUGH
                          + (len % AI_TOKENIZER_ROUGH != 0));
    }

    tokens = 0;
    end = p + len;

    while (p < end) {
        bad = ai_pretoken_valid(p, end);
        good = (size_t) (bad - p);

        if (bad == end) {
            return tokens + ai_tokenizer_words(t, p, good);
        }

        /* one byte more shows that it is ill-formed, whatever follows */

        n = good + ai_utf8_bad(bad, end) + 1;
        n = ai_pretoken_stable(t->pattern, p, ai_min(n, (size_t) (end - p)));

        if (n > good) {
            n = ai_pretoken_stable(t->pattern, p, good);
        }

        if (n == 0 && good >= AI_TOKENIZER_STEPS * AI_TOKENIZER_STEP) {
            n = good;
        }

        tokens += ai_tokenizer_words(t, p, n);
        p += n;

        tokens += ai_tokenizer_mend(t, &p, end);
    }

    return tokens;
}


size_t
ai_tokenizer_cut(const ai_tokenizer_t *t, const ai_char_t *p, size_t len)
{
    if (t == NULL) {
        return len - len % AI_TOKENIZER_ROUGH;
    }

    return ai_pretoken_stable(t->pattern, p, len);
}
