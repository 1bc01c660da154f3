
/*
 * How many tokens a word is.
 *
 * What byte-pair merging makes of a word is the one row of tokens of which
 * each two neighbours, merged alone, stay these two: a merge across a border
 * would be the first one across it in the two alone as well.  So the row is
 * found from the left without merging anything: the longest token that can
 * stand behind the one before it, and one step back where nothing can.  Each
 * start of the word has one such row, so a place that was a dead end once is
 * one for good.
 */

#include <token/ai_vocab_int.h>


#define AI_VOCAB_STACK  256         /* tokens that can be taken back */
#define AI_VOCAB_DEAD   4096        /* bytes in which dead ends are known */
#define AI_VOCAB_ROWS   1024        /* more than AI_VOCAB_LENGTH_MAX */


/* the row up to "at" */
typedef struct {
    size_t             at;
    size_t             count;
    size_t             most;        /* largest count there was */
    size_t             front;       /* the last dead end, 0: none */
    size_t             base;        /* of the bits in dead */
    uint32_t           token[AI_VOCAB_STACK];       /* sized, a ring */
    uint64_t           dead[AI_VOCAB_DEAD / 64];
} ai_vocab_row_t;


/*
 * What the words were that came before: a text has few of them, and these
 * tables are a small part of the vocabulary's.  The one thing in these files
 * that changes: a process has its own, of a fixed size, and one thread counts.
 * Results do not depend on it.
 */

#define AI_VOCAB_HOT_TABLES  4          /* as many vocabularies at a time */
#define AI_VOCAB_HOT_WORDS   16384

/* a word's key and, in the highest four bits of its tail, its tokens */
typedef struct {
    ai_vocab_word_t    word[AI_VOCAB_HOT_WORDS];
    uint32_t           serial;
} ai_vocab_hot_t;


static ai_vocab_word_t *ai_vocab_hot_word(const ai_vocab_t *v,
    const ai_vocab_word_t *word);
static size_t ai_vocab_is_short(const ai_vocab_t *v, uint64_t key);
static size_t ai_vocab_is_word(const ai_vocab_t *v,
    const ai_vocab_word_t *key);
static size_t ai_vocab_split_word(const ai_vocab_t *v, const ai_char_t *p,
    size_t len);
static uint32_t ai_vocab_longest(const ai_vocab_t *v, const ai_char_t *p,
    size_t len, unsigned *whole);
static ai_int_t ai_vocab_follows(const ai_vocab_t *v, uint32_t left,
    uint32_t right, const ai_char_t *border);
static ai_int_t ai_vocab_unmerge(const ai_vocab_t *v, uint32_t left,
    uint32_t right, const ai_char_t *border);
static ai_int_t ai_vocab_is_dead(const ai_vocab_row_t *r, size_t at);
static ai_int_t ai_vocab_back(ai_vocab_row_t *r);
static size_t ai_vocab_rows(const ai_vocab_t *v, const ai_char_t *p,
    size_t len);


static ai_vocab_hot_t  ai_vocab_hot[AI_VOCAB_HOT_TABLES];


size_t
ai_vocab_count(const ai_vocab_t *v, const ai_char_t *p, size_t len)
{
    size_t           n;
    ai_vocab_word_t  word, *hot;

    if (len > 15) {
        return ai_vocab_split_word(v, p, len);
    }

    if (len <= 1) {
        return len;
    }

    if (len <= 7) {
        word.head = ai_vocab_short_key(p, len);
        word.tail = 0;

    } else {
        word = ai_vocab_word_key(p, len);
    }

    hot = ai_vocab_hot_word(v, &word);

    if (hot->head == word.head && (hot->tail ^ word.tail) << 4 == 0) {
        return hot->tail >> 60;
    }

    n = len <= 7 ? ai_vocab_is_short(v, word.head)
                 : ai_vocab_is_word(v, &word);

    if (n == 0) {
        n = ai_vocab_split_word(v, p, len);
    }

    hot->head = word.head;
    hot->tail = word.tail | (uint64_t) n << 60;

    return n;
}


static ai_vocab_word_t *
ai_vocab_hot_word(const ai_vocab_t *v, const ai_vocab_word_t *word)
{
    ai_vocab_hot_t  *hot;

    hot = &ai_vocab_hot[v->serial % AI_VOCAB_HOT_TABLES];

    if (hot->serial != v->serial) {
        memset(hot->word, 0, sizeof(hot->word));
        hot->serial = v->serial;
    }

    return &hot->word[ai_vocab_slot(ai_vocab_word_mix(word),
                                    AI_VOCAB_HOT_WORDS)];
}


static size_t
ai_vocab_is_short(const ai_vocab_t *v, uint64_t key)
{
    uint32_t  i;

    i = ai_vocab_slot(key, v->nshort);

    while (v->shorts[i] != UINT64_MAX) {

        if (v->shorts[i] == key) {
            return 1;
        }

        i = i + 1 == v->nshort ? 0 : i + 1;
    }

    return 0;
}


static size_t
ai_vocab_is_word(const ai_vocab_t *v, const ai_vocab_word_t *key)
{
    uint32_t  i;

    i = ai_vocab_slot(ai_vocab_word_mix(key), v->nword);

    while (v->words[i].tail != UINT64_MAX) {

        if (v->words[i].head == key->head && v->words[i].tail == key->tail) {
            return 1;
        }

        i = i + 1 == v->nword ? 0 : i + 1;
    }

    return 0;
}


static size_t
ai_vocab_split_word(const ai_vocab_t *v, const ai_char_t *p, size_t len)
{
    size_t          next;
    uint32_t        sized;
    unsigned        whole;
    ai_vocab_row_t  r;

    sized = ai_vocab_longest(v, p, len, &whole);

    if (whole) {
        return 1;
    }

    r.at = 0;
    r.count = 0;
    r.most = 0;
    r.front = 0;
    r.base = 0;
    r.token[AI_VOCAB_STACK - 1] = AI_VOCAB_NONE;

    for ( ;; ) {

        if (sized != AI_VOCAB_NONE) {
            next = r.at + ai_vocab_length(sized);

            if (!ai_vocab_is_dead(&r, next)
                && ai_vocab_follows(v, r.token[(r.count - 1) % AI_VOCAB_STACK],
                                    sized, p + r.at))
            {
                if (next == len) {
                    return r.count + 1;
                }

                r.token[r.count % AI_VOCAB_STACK] = sized;
                r.count++;
                r.at = next;

                sized = ai_vocab_longest(v, p + next, len - next, &whole);
                continue;
            }

        } else {

            if (ai_vocab_back(&r) != AI_OK) {
                return ai_vocab_rows(v, p, len);
            }

            sized = r.token[r.count % AI_VOCAB_STACK];
        }

        sized = v->entry[ai_vocab_token(sized)].prefix;
    }
}


/* the longest token at p; whole: a token is all of it, and be it one that no
 * merge leads to */

static uint32_t
ai_vocab_longest(const ai_vocab_t *v, const ai_char_t *p, size_t len,
    unsigned *whole)
{
    size_t    i, best;
    uint32_t  base, at, cell;

    base = v->root;
    best = 0;
    at = 0;
    cell = 0;

    for (i = 0; i < len; i++) {
        cell = v->cell[base + p[i]];

        if ((cell & 0x1ff) != (AI_VOCAB_CELL_USED | p[i])) {
            break;
        }

        if (cell & AI_VOCAB_CELL_TOKEN) {
            at = base + p[i];
            best = i + 1;
        }

        base = cell >> AI_VOCAB_CELL_SHIFT;

        if (base == 0) {
            i++;
            break;
        }
    }

    *whole = i == len
             && (cell & (AI_VOCAB_CELL_TOKEN | AI_VOCAB_CELL_WORD)) != 0;

    return ai_vocab_sized(v->value[at], best);
}


/*
 * Whether two tokens stay as they are when they are merged as one word: none
 * of the pieces that meet at the border on the way make a token before the
 * next merge that takes one of them.  Of equal ranks the left one goes first.
 */

static ai_int_t
ai_vocab_follows(const ai_vocab_t *v, uint32_t left, uint32_t right,
    const ai_char_t *border)
{
    uint32_t                 token;
    const ai_vocab_entry_t  *l, *r;

    if (left == AI_VOCAB_NONE) {
        return 1;
    }

    if (v->odd) {
        return ai_vocab_odd_pair(v, border - ai_vocab_length(left),
                                 ai_vocab_length(left),
                                 ai_vocab_length(right));
    }

    l = &v->entry[ai_vocab_token(left)];
    r = &v->entry[ai_vocab_token(right)];

    token = v->bigram[border[-1] << 8 | border[0]];

    if (token < l->last && token < r->first) {
        return 0;
    }

    if ((l->after & ai_vocab_bit(border[0])) == 0
        || (r->before & ai_vocab_bit(border[-1])) == 0)
    {
        return 1;
    }

    return ai_vocab_unmerge(v, l->token, r->token, border);
}


/* back from two tokens to their bytes, the last merge first */

static ai_int_t
ai_vocab_unmerge(const ai_vocab_t *v, uint32_t left, uint32_t right,
    const ai_char_t *border)
{
    uint32_t  limit, after, before;

    limit = AI_VOCAB_NONE;
    after = ai_vocab_bit(border[0]);
    before = ai_vocab_bit(border[-1]);

    while (left > 255 || right > 255) {

        if ((v->split[left].after & after)
            && (v->split[right].before & before)
            && ai_vocab_pair(v, left, right) < limit)
        {
            return 0;
        }

        if (left > right) {
            limit = left;
            left = v->split[left].right;

        } else {
            limit = right + 1;
            right = v->split[right].left;
        }
    }

    return 1;
}


static ai_int_t
ai_vocab_is_dead(const ai_vocab_row_t *r, size_t at)
{
    if (r->front == 0 || at > r->front || at < r->base) {
        return 0;
    }

    at -= r->base;

    return r->dead[at / 64] >> (at % 64) & 1;
}


/* the last token is taken back, for nothing can follow it */

static ai_int_t
ai_vocab_back(ai_vocab_row_t *r)
{
    size_t  i;

    r->most = ai_max(r->most, r->count);

    if (r->count == 0 || r->most - r->count >= AI_VOCAB_STACK - 1) {
        return AI_ERROR;
    }

    if (r->front == 0 || r->at - r->base >= AI_VOCAB_DEAD) {
        r->base = r->at - ai_min(r->at, AI_VOCAB_DEAD / 2);
        r->front = r->at;
        memset(r->dead, 0, sizeof(r->dead));
    }

    i = r->at - r->base;
    r->dead[i / 64] |= (uint64_t) 1 << (i % 64);
    r->front = ai_max(r->front, r->at);

    r->count--;
    r->at -= ai_vocab_length(r->token[r->count % AI_VOCAB_STACK]);

    return r->at >= r->base ? AI_OK : AI_ERROR;
}


/*
 * The same without going back, for words in which that would go too far: the
 * last token of each start of the word, one start after the other.
 */

static size_t
ai_vocab_rows(const ai_vocab_t *v, const ai_char_t *p, size_t len)
{
    size_t    at, i, n, count[AI_VOCAB_ROWS];
    uint32_t  base, cell, sized, last[AI_VOCAB_ROWS], *to;

    memset(count, 0, sizeof(count));
    memset(last, 0xff, sizeof(last));
    last[0] = AI_VOCAB_NONE;

    for (at = 0; at < len; at++) {
        base = v->root;
        i = at % AI_VOCAB_ROWS;

        for (n = 1; base && n <= len - at; n++) {
            cell = v->cell[base + p[at + n - 1]];

            if ((cell & 0x1ff) != (AI_VOCAB_CELL_USED | p[at + n - 1])) {
                break;
            }

            sized = ai_vocab_sized(v->value[base + p[at + n - 1]], n);
            to = &last[(at + n) % AI_VOCAB_ROWS];

            if ((cell & AI_VOCAB_CELL_TOKEN) && *to == UINT32_MAX
                && ai_vocab_follows(v, last[i], sized, p + at))
            {
                *to = sized;
                count[(at + n) % AI_VOCAB_ROWS] = count[i] + 1;
            }

            base = cell >> AI_VOCAB_CELL_SHIFT;
        }

        last[i] = UINT32_MAX;
    }

    return count[len % AI_VOCAB_ROWS];
}
