
/*
 * The registry of series, and each process's cache of pointers to them.
 */

#include <observe/ai_metric.h>


#define AI_METRIC_BUCKETS      1024         /* a power of two */
#define AI_METRIC_TABLE        1024         /* the same, of a cache */

/* nodes that are no series: a label of the operator's, and a value of it */
#define AI_METRIC_LABEL        0xfffe
#define AI_METRIC_VALUE        0xffff

#define AI_METRIC_KEY_MAX                                                     \
    (sizeof(uint32_t)                                                         \
     + AI_METRIC_LABELS_MAX * (sizeof(uint16_t) + AI_METRIC_VALUE_MAX))


/* the "other" of each family follows */
struct ai_metric_sh_s {
    uint64_t                   dropped;
    uint64_t                   bytes;       /* of series and values */
    uint32_t                   count[AI_METRIC_FAMILIES_MAX];
    ai_metric_series_t        *buckets[AI_METRIC_BUCKETS];
};


/* the key follows the slots */
struct ai_metric_entry_s {
    ai_metric_entry_t         *next;
    uint64_t                   hash;
    uint32_t                   len;
    uint32_t                   n;
    void                      *slots[];
};


static uint64_t ai_metric_hash(const void *data, size_t len);
static uint16_t ai_metric_words(const ai_metric_family_t *f);
static size_t ai_metric_room(uint16_t nwords, size_t len);
static void *ai_metric_alloc(const ai_metrics_t *m, size_t size,
    const ai_pool_t *pool);
static ai_metric_series_t *ai_metric_other(const ai_metrics_t *m,
    uint32_t family);
static ai_metric_series_t *ai_metric_lookup(const ai_metrics_t *m,
    uint16_t family, const ai_str_t *text, uint32_t hash);
static ai_metric_series_t *ai_metric_insert(const ai_metrics_t *m,
    uint16_t family, uint16_t nwords, const ai_str_t *text,
    const ai_pool_t *pool);
static void ai_metric_pair(const ai_str_t *label, const ai_str_t *value,
    ai_char_t *buf, ai_str_t *text);
static size_t ai_metric_key(ai_char_t *key, uint32_t kind,
    const ai_str_t *values, uint32_t n);


/* eight bytes a step; a mistaken match is no danger, texts are compared */

static uint64_t
ai_metric_hash(const void *data, size_t len)
{
    uint64_t          h, v;
    const ai_char_t  *p;

    h = 0x9e3779b97f4a7c15ull ^ len;

    for (p = data; len >= 8; p += 8, len -= 8) {
        memcpy(&v, p, 8);
        h = (h ^ v) * 0xff51afd7ed558ccdull;
        h ^= h >> 32;
    }

    for (v = 0; len; len--) {
        v = v << 8 | p[len - 1];
    }

    h = (h ^ v) * 0xff51afd7ed558ccdull;
    h ^= h >> 32;
    h *= 0xc4ceb9fe1a85ec53ull;

    return h ^ h >> 29;
}


uint64_t
ai_metric_fingerprint(const ai_metric_family_t *families, uint32_t n)
{
    uint32_t                   i, j;
    uint64_t                   h;
    const ai_metric_family_t  *f;

    h = sizeof(ai_metric_sh_t) + sizeof(ai_metric_series_t);

    for (i = 0; i < n; i++) {
        f = &families[i];

        h = h * 31 + ai_metric_hash(f->name, strlen(f->name));
        h = h * 31 + f->type * 64 + f->scale;

        for (j = 0; j < f->nlabels; j++) {
            h = h * 31 + ai_metric_hash(f->labels[j], strlen(f->labels[j]));
        }

        for (j = 0; j < f->nbounds; j++) {
            h = h * 31 + f->bounds[j].us;
        }
    }

    return h;
}


static uint16_t
ai_metric_words(const ai_metric_family_t *f)
{
    return f->type == AI_METRIC_HISTOGRAM ? (uint16_t) (f->nbounds + 2) : 1;
}


static size_t
ai_metric_room(uint16_t nwords, size_t len)
{
    return sizeof(ai_metric_series_t) + nwords * sizeof(uint64_t) + len;
}


size_t
ai_metric_size(const ai_metric_family_t *families, uint32_t n)
{
    size_t    size;
    uint32_t  i;

    size = sizeof(ai_metric_sh_t);

    for (i = 0; i < n; i++) {
        size += ai_metric_room(ai_metric_words(&families[i]), 0);
    }

    return size;
}


void
ai_metric_init(ai_metrics_t *m, void *block)
{
    uint32_t             i;
    ai_metric_series_t  *other;

    m->sh = block;

    if (m->cap == 0) {
        m->cap = AI_METRIC_SERIES;
    }

    for (i = 0; i < m->n; i++) {
        other = ai_metric_other(m, i);
        other->family = (uint16_t) i;
        other->nwords = ai_metric_words(&m->families[i]);
    }
}


static ai_metric_series_t *
ai_metric_other(const ai_metrics_t *m, uint32_t family)
{
    return (ai_metric_series_t *) ((char *) m->sh
                                   + ai_metric_size(m->families, family));
}


static ai_metric_series_t *
ai_metric_lookup(const ai_metrics_t *m, uint16_t family, const ai_str_t *text,
    uint32_t hash)
{
    ai_metric_series_t  *s;

    s = __atomic_load_n(&m->sh->buckets[hash & (AI_METRIC_BUCKETS - 1)],
                        __ATOMIC_ACQUIRE);

    for ( /* void */ ; s; s = s->next) {
        if (s->hash == hash && s->family == family && s->len == text->len
            && memcmp(s->words + s->nwords, text->data, text->len) == 0)
        {
            return s;
        }
    }

    return NULL;
}


/* others live in the zone as well; small blocks are powers of two there */

static void *
ai_metric_alloc(const ai_metrics_t *m, size_t size, const ai_pool_t *pool)
{
    void    *p;
    size_t   bytes;

    for (bytes = 8; bytes < size; bytes *= 2) { /* void */ }

    if (m->max_bytes && m->sh->bytes + bytes > m->max_bytes) {
        return NULL;
    }

    p = ai_palloc(pool, size);

    if (p) {
        m->sh->bytes += bytes;
    }

    return p;
}


/* NULL: no memory.  Killed before the last store it has taken memory only */

static ai_metric_series_t *
ai_metric_insert(const ai_metrics_t *m, uint16_t family, uint16_t nwords,
    const ai_str_t *text, const ai_pool_t *pool)
{
    uint32_t             hash;
    ai_metric_series_t  *s, **bucket;

    s = ai_metric_alloc(m, ai_metric_room(nwords, text->len), pool);
    if (s == NULL) {
        return NULL;
    }

    hash = (uint32_t) ai_metric_hash(text->data, text->len);
    bucket = &m->sh->buckets[hash & (AI_METRIC_BUCKETS - 1)];

    s->next = *bucket;
    s->hash = hash;
    s->len = (uint32_t) text->len;
    s->family = family;
    s->nwords = nwords;
    memset(s->words, 0, nwords * sizeof(uint64_t));
    memcpy(s->words + nwords, text->data, text->len);

    __atomic_store_n(bucket, s, __ATOMIC_RELEASE);

    return s;
}


ai_metric_series_t *
ai_metric_find(const ai_metrics_t *m, uint32_t family, const ai_str_t *text)
{
    return ai_metric_lookup(m, (uint16_t) family, text,
                           (uint32_t) ai_metric_hash(text->data, text->len));
}


ai_metric_series_t *
ai_metric_add(const ai_metrics_t *m, uint32_t family, const ai_str_t *text,
    const ai_pool_t *pool)
{
    ai_metric_series_t  *s;

    s = ai_metric_find(m, family, text);

    if (s) {
        return s;
    }

    if (m->sh->count[family] < m->cap) {
        s = ai_metric_insert(m, (uint16_t) family,
                             ai_metric_words(&m->families[family]), text,
                             pool);
        if (s) {
            m->sh->count[family]++;
            return s;
        }
    }

    (void) __atomic_fetch_add(&m->sh->dropped, 1, __ATOMIC_RELAXED);

    return ai_metric_other(m, family);
}


uint64_t
ai_metric_dropped(const ai_metrics_t *m)
{
    return __atomic_load_n(&m->sh->dropped, __ATOMIC_RELAXED);
}


void
ai_metric_observe(const ai_metrics_t *m, ai_metric_series_t *series,
    uint64_t us)
{
    uint32_t                   i;
    const ai_metric_family_t  *f;

    f = &m->families[series->family];

    for (i = 0; i < f->nbounds && us > f->bounds[i].us; i++) { /* void */ }

    (void) __atomic_fetch_add(&series->words[i], 1, __ATOMIC_RELAXED);
    (void) __atomic_fetch_add(&series->words[f->nbounds + 1], us,
                              __ATOMIC_RELAXED);
}


/* what a value is found by: the two names, with a byte that is in neither */

static void
ai_metric_pair(const ai_str_t *label, const ai_str_t *value, ai_char_t *buf,
    ai_str_t *text)
{
    size_t  n, v;

    n = ai_min(label->len, AI_METRIC_NAME_MAX);
    v = ai_min(value->len, AI_METRIC_VALUE_MAX);

    memcpy(buf, label->data, n);
    buf[n] = '\0';

    if (v) {
        memcpy(buf + n + 1, value->data, v);
    }

    text->data = buf;
    text->len = n + 1 + v;
}


ai_int_t
ai_metric_value(const ai_metrics_t *m, const ai_str_t *label,
    const ai_str_t *value, uint32_t max)
{
    uint32_t             hash;
    ai_str_t             text;
    ai_char_t            buf[AI_METRIC_NAME_MAX + AI_METRIC_VALUE_MAX + 1];
    ai_metric_series_t  *s;

    ai_metric_pair(label, value, buf, &text);
    hash = (uint32_t) ai_metric_hash(text.data, text.len);

    if (ai_metric_lookup(m, AI_METRIC_VALUE, &text, hash)) {
        return AI_OK;
    }

    s = ai_metric_lookup(m, AI_METRIC_LABEL, label,
                         (uint32_t) ai_metric_hash(label->data, label->len));

    return s && __atomic_load_n(&s->words[0], __ATOMIC_RELAXED) >= max
           ? AI_DECLINED : AI_AGAIN;
}


ai_int_t
ai_metric_value_add(const ai_metrics_t *m, const ai_str_t *label,
    const ai_str_t *value, uint32_t max, const ai_pool_t *pool)
{
    ai_int_t             rc;
    ai_str_t             text;
    ai_char_t            buf[AI_METRIC_NAME_MAX + AI_METRIC_VALUE_MAX + 1];
    ai_metric_series_t  *s;

    rc = ai_metric_value(m, label, value, max);

    if (rc != AI_AGAIN) {
        return rc;
    }

    s = ai_metric_lookup(m, AI_METRIC_LABEL, label,
                         (uint32_t) ai_metric_hash(label->data, label->len));

    if (s == NULL) {
        s = ai_metric_insert(m, AI_METRIC_LABEL, 1, label, pool);
    }

    if (s == NULL || max == 0) {
        return AI_DECLINED;
    }

    ai_metric_pair(label, value, buf, &text);

    if (ai_metric_insert(m, AI_METRIC_VALUE, 0, &text, pool) == NULL) {
        return AI_DECLINED;
    }

    ai_metric_inc(s, 1);

    return AI_OK;
}


static size_t
ai_metric_key(ai_char_t *key, uint32_t kind, const ai_str_t *values,
    uint32_t n)
{
    uint16_t    len;
    uint32_t    i;
    ai_char_t  *p;

    memcpy(key, &kind, sizeof(kind));
    p = key + sizeof(kind);

    for (i = 0; i < n; i++) {
        len = (uint16_t) ai_min(values[i].len, AI_METRIC_VALUE_MAX);

        memcpy(p, &len, sizeof(len));
        p += sizeof(len);

        if (len) {
            memcpy(p, values[i].data, len);
            p += len;
        }
    }

    return (size_t) (p - key);
}


void **
ai_metric_cache_get(ai_metric_cache_t *c, uint32_t kind,
    const ai_str_t *values, uint32_t nvalues, uint32_t n)
{
    size_t               len;
    uint64_t             hash;
    ai_char_t            key[AI_METRIC_KEY_MAX];
    ai_metric_entry_t   *e, **bucket;

    if (c->table == NULL) {
        c->table = ai_pcalloc(&c->pool,
                              AI_METRIC_TABLE * sizeof(ai_metric_entry_t *));
        if (c->table == NULL) {
            return NULL;
        }
    }

    len = ai_metric_key(key, kind, values,
                        ai_min(nvalues, AI_METRIC_LABELS_MAX));
    hash = ai_metric_hash(key, len);
    bucket = &c->table[hash & (AI_METRIC_TABLE - 1)];

    for (e = *bucket; e; e = e->next) {
        if (e->hash == hash && e->len == len && e->n == n
            && memcmp(e->slots + n, key, len) == 0)
        {
            return e->slots;
        }
    }

    e = ai_pcalloc(&c->pool, sizeof(ai_metric_entry_t) + n * sizeof(void *)
                             + len);
    if (e == NULL) {
        return NULL;
    }

    e->hash = hash;
    e->len = (uint32_t) len;
    e->n = n;
    memcpy(e->slots + n, key, len);

    e->next = *bucket;
    *bucket = e;
    c->n++;

    return e->slots;
}


void
ai_metric_cache_trim(ai_metric_cache_t *c)
{
    if (c->n > c->max) {
        ai_metric_cache_clear(c);
    }
}


void
ai_metric_cache_clear(ai_metric_cache_t *c)
{
    uint32_t            i;
    ai_metric_entry_t  *e, *next;

    if (c->table == NULL) {
        return;
    }

    for (i = 0; i < AI_METRIC_TABLE; i++) {
        for (e = c->table[i]; e; e = next) {
            next = e->next;
            ai_pfree(&c->pool, e);
        }
    }

    ai_pfree(&c->pool, c->table);

    c->table = NULL;
    c->n = 0;
}


/* heads are read once: what is added meanwhile is of the next scrape */

ai_metric_series_t **
ai_metric_list(const ai_metrics_t *m, const ai_pool_t *pool, size_t *starts)
{
    size_t               *end;
    uint32_t              i, f;
    ai_metric_series_t   *s, **heads, **list;

    heads = ai_palloc(pool, AI_METRIC_BUCKETS * sizeof(ai_metric_series_t *));
    if (heads == NULL) {
        return NULL;
    }

    starts[0] = 0;

    for (f = 0; f < m->n; f++) {
        starts[f + 1] = 1;
    }

    for (i = 0; i < AI_METRIC_BUCKETS; i++) {
        heads[i] = __atomic_load_n(&m->sh->buckets[i], __ATOMIC_ACQUIRE);

        for (s = heads[i]; s; s = s->next) {
            if (s->family < m->n) {
                starts[s->family + 1]++;
            }
        }
    }

    for (f = 0; f < m->n; f++) {
        starts[f + 1] += starts[f];
    }

    list = ai_palloc(pool, ai_max(starts[m->n], 1)
                           * sizeof(ai_metric_series_t *));
    end = ai_palloc(pool, ai_max(m->n, 1) * sizeof(size_t));

    if (list == NULL || end == NULL) {
        return NULL;
    }

    for (f = 0; f < m->n; f++) {
        end[f] = starts[f];
        list[end[f]++] = ai_metric_other(m, f);
    }

    for (i = 0; i < AI_METRIC_BUCKETS; i++) {
        for (s = heads[i]; s; s = s->next) {
            if (s->family < m->n) {
                list[end[s->family]++] = s;
            }
        }
    }

    return list;
}
