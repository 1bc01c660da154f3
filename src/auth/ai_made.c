
/*
 * The table of keys that were made, and the lines it is read from.
 */

#include <auth/ai_made.h>
#include <auth/ai_key_int.h>
#include <base/ai_hash.h>
#include <codec/ai_crc32.h>

#include <stdio.h>


#define AI_MADE_BUCKETS  64         /* at first */
#define AI_MADE_CHUNK    16384      /* of scratch memory */


/* what a line is read into: all of it goes when the next one is read */
typedef struct ai_made_block_s  ai_made_block_t;

struct ai_made_block_s {
    ai_made_block_t   *next;
    size_t             spare;       /* what follows is aligned */
};


typedef struct {
    const ai_pool_t   *pool;
    ai_made_block_t   *blocks;      /* of those that are too large */
    size_t             used;
    ai_pool_t          api;
    ai_char_t          chunk[AI_MADE_CHUNK] __attribute__((aligned(16)));
} ai_made_scratch_t;


static void *ai_made_scratch_alloc(void *data, size_t size);
static void ai_made_scratch_reset(ai_made_scratch_t *s);
static ai_int_t ai_made_line(ai_made_t *made, const ai_str_t *line,
    ai_key_error_t *err);
static ai_int_t ai_made_change_line(ai_made_t *made, ai_char_t type,
    ai_str_t *rest, ai_key_error_t *err);
static ai_int_t ai_made_apply(ai_made_t *made, int64_t version,
    const ai_str_t *id, const ai_made_body_t *body, const ai_key_t *key,
    ai_key_error_t *err);
static ai_made_key_t *ai_made_entry(ai_made_t *made, int64_t version,
    const ai_str_t *id, const ai_made_body_t *body, const ai_key_t *key);
static ai_uint_t ai_made_is_taken(const ai_made_t *made, const ai_str_t *id,
    const ai_made_digest_t *digest);
static void ai_made_oust(ai_made_t *made, const ai_key_t *key);
static void ai_made_link(ai_made_t *made, ai_made_key_t *entry,
    ai_made_key_t *place);
static void ai_made_unlink(ai_made_t *made, ai_made_key_t *entry);
static void ai_made_free_entry(ai_made_t *made, ai_made_key_t *entry);
static ai_int_t ai_made_grow(ai_made_t *made);
static ai_made_key_t **ai_made_slot(const ai_made_t *made,
    const ai_str_t *id);
static ai_uint_t ai_made_pepper(const ai_made_t *made,
    const ai_made_digest_t *digest);
static ai_str_t ai_made_word(ai_str_t *rest);
static ai_int_t ai_made_number(const ai_str_t *word, int64_t *n);
static ai_int_t ai_made_hex(const ai_str_t *word, ai_char_t *p, size_t n);
static ai_int_t ai_made_digest(const ai_str_t *word, ai_made_digest_t *d);
static ai_int_t ai_made_meta(const ai_str_t *word, ai_made_body_t *body);
static ai_int_t ai_made_fail(ai_key_error_t *err, const char *text);


ai_made_t *
ai_made_create(const ai_pool_t *pool, const ai_made_peppers_t *peppers,
    ai_uint_t keep)
{
    ai_made_t          *made;
    ai_made_scratch_t  *s;

    made = ai_pcalloc(pool, sizeof(ai_made_t));
    if (made == NULL) {
        return NULL;
    }

    made->pool = pool;
    made->peppers = *peppers;
    made->keep = (keep != 0);
    made->last = &made->first;
    made->nbuckets = AI_MADE_BUCKETS;
    made->by_id = ai_pcalloc(pool, AI_MADE_BUCKETS * sizeof(ai_made_key_t *));
    made->keys = ai_keys_create(pool);

    s = ai_palloc(pool, sizeof(ai_made_scratch_t));
    made->scratch = s;

    if (made->by_id == NULL || made->keys == NULL || s == NULL) {
        ai_made_free(made);
        return NULL;
    }

    s->pool = pool;
    s->blocks = NULL;
    s->used = 0;
    s->api.alloc = ai_made_scratch_alloc;
    s->api.free = NULL;
    s->api.data = s;

    return made;
}


void
ai_made_free(ai_made_t *made)
{
    ai_made_key_t  *entry, *next;

    if (made->keys) {
        ai_keys_free(made->keys);
    }

    for (entry = made->first; entry; entry = next) {
        next = entry->next;
        ai_made_free_entry(made, entry);
    }

    ai_pfree(made->pool, made->by_id);
    ai_pfree(made->pool, made->scratch);
    ai_pfree(made->pool, made);
}


static void *
ai_made_scratch_alloc(void *data, size_t size)
{
    ai_made_scratch_t  *s = data;

    ai_char_t        *p;
    ai_made_block_t  *block;

    size = (size + 15) & ~(size_t) 15;

    if (size <= AI_MADE_CHUNK - s->used) {
        p = s->chunk + s->used;
        s->used += size;
        return p;
    }

    block = ai_palloc(s->pool, sizeof(ai_made_block_t) + size);
    if (block == NULL) {
        return NULL;
    }

    block->next = s->blocks;
    s->blocks = block;

    return block + 1;
}


static void
ai_made_scratch_reset(ai_made_scratch_t *s)
{
    ai_made_block_t  *block;

    while (s->blocks) {
        block = s->blocks;
        s->blocks = block->next;
        ai_pfree(s->pool, block);
    }

    s->used = 0;
}


ai_int_t
ai_made_read(ai_made_t *made, const ai_str_t *text, size_t *used,
    ai_key_error_t *err)
{
    ai_int_t          rc;
    ai_str_t          line;
    const ai_char_t  *p, *last, *end;

    p = text->data;
    last = p + text->len;
    err->text[0] = '\0';

    *used = 0;

    while (p < last) {
        end = memchr(p, '\n', (size_t) (last - p));

        if (end == NULL) {
            break;
        }

        line.data = (ai_char_t *) p;
        line.len = (size_t) (end - p);

        err->line = made->lines + 1;

        rc = ai_made_line(made, &line, err);
        ai_made_scratch_reset(made->scratch);

        if (rc != AI_OK) {
            return AI_ERROR;
        }

        made->lines++;
        p = end + 1;
        *used = (size_t) (p - text->data);
    }

    return AI_OK;
}


static ai_int_t
ai_made_line(ai_made_t *made, const ai_str_t *line, ai_key_error_t *err)
{
    ai_str_t   rest, word;
    ai_char_t  type, crc[4];
    uint32_t   sum;

    if (line->len == 0 || line->data[0] == '#') {
        return AI_OK;
    }

    if (line->len > AI_MADE_LINE_MAX) {
        return ai_made_fail(err, "a line is too long");
    }

    rest = *line;
    word = ai_made_word(&rest);
    type = word.data[0];

    if (word.len != 1 || (type != '+' && type != '-' && type != '=')) {
        return ai_made_fail(err, "a line begins with neither \"+\" nor "
                            "\"-\" nor \"=\"");
    }

    word = ai_made_word(&rest);

    if (ai_made_hex(&word, crc, 4) != AI_OK) {
        return ai_made_fail(err, "a line has no checksum");
    }

    sum = (uint32_t) crc[0] << 24 | crc[1] << 16 | crc[2] << 8 | crc[3];

    if (ai_crc32(rest.data, rest.len) != sum) {
        return ai_made_fail(err, "a line is not as it was written");
    }

    return ai_made_change_line(made, type, &rest, err);
}


static ai_int_t
ai_made_change_line(ai_made_t *made, ai_char_t type, ai_str_t *rest,
    ai_key_error_t *err)
{
    int64_t         version;
    ai_str_t        word;
    ai_key_t       *key;
    ai_made_body_t  body;

    word = ai_made_word(rest);

    if (ai_made_number(&word, &version) != AI_OK) {
        return ai_made_fail(err, "a line has no version");
    }

    if (type == '=') {

        if (ai_made_hex(rest, made->epoch, AI_EPOCH_LEN / 2) != AI_OK) {
            return ai_made_fail(err, "a mark is not one");
        }

        memcpy(made->epoch, rest->data, AI_EPOCH_LEN);
        made->cursor = version;
        made->shared = 1;

        return AI_OK;
    }

    if (type == '-') {

        if (!ai_made_is_id(rest)) {
            return ai_made_fail(err, "invalid id of a key");
        }

        return ai_made_apply(made, version, rest, NULL, NULL, err);
    }

    if (ai_made_parse(&((ai_made_scratch_t *) made->scratch)->api, rest, &body,
                      &key, err)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_made_apply(made, version, &key->id, &body, key, err);
}


ai_int_t
ai_made_change(ai_made_t *made, int64_t version, const ai_str_t *id,
    const ai_str_t *body, ai_key_error_t *err)
{
    ai_int_t        rc;
    ai_key_t       *key;
    ai_made_body_t  b;

    err->line = 0;

    if (!ai_made_is_id(id)) {
        return ai_made_fail(err, "invalid id of a key");
    }

    if (body->len == 0) {
        return ai_made_apply(made, version, id, NULL, NULL, err);
    }

    rc = ai_made_parse(&((ai_made_scratch_t *) made->scratch)->api, body, &b,
                       &key, err);

    if (rc == AI_OK) {
        rc = ai_str_eq(id, &key->id)
             ? ai_made_apply(made, version, id, &b, key, err)
             : ai_made_fail(err, "a key has another id than its name");
    }

    ai_made_scratch_reset(made->scratch);

    return rc;
}


/* all that may fail comes first */

static ai_int_t
ai_made_apply(ai_made_t *made, int64_t version, const ai_str_t *id,
    const ai_made_body_t *body, const ai_key_t *key, ai_key_error_t *err)
{
    ai_made_key_t  *entry, *before;

    made->version = ai_max(made->version, version);
    before = ai_made_find(made, id);

    if (before && before->version > version) {
        return AI_OK;
    }

    entry = NULL;

    if (key || made->keep) {

        if (key && ai_made_is_taken(made, id, &body->digest)) {
            return ai_made_fail(err, "two keys have the same secret");
        }

        if (ai_keys_reserve(made->keys, 2) != AI_OK
            || (made->n == made->nbuckets && ai_made_grow(made) != AI_OK))
        {
            return ai_made_fail(err, "no memory");
        }

        entry = ai_made_entry(made, version, id, body, key);
        if (entry == NULL) {
            return ai_made_fail(err, "no memory");
        }
    }

    if (before) {
        ai_made_unlink(made, before);
    }

    if (entry) {
        ai_made_link(made, entry, before && before->key ? before : NULL);
    }

    if (before) {
        ai_made_free_entry(made, before);
    }

    return AI_OK;
}


static ai_made_key_t *
ai_made_entry(ai_made_t *made, int64_t version, const ai_str_t *id,
    const ai_made_body_t *body, const ai_key_t *key)
{
    size_t          attrs;
    ai_made_key_t  *entry;

    attrs = body ? body->attrs.len : 0;

    entry = ai_pcalloc(made->pool, sizeof(ai_made_key_t) + id->len + attrs);
    if (entry == NULL) {
        return NULL;
    }

    entry->version = version;
    entry->id.data = (ai_char_t *) (entry + 1);
    entry->id.len = id->len;
    memcpy(entry->id.data, id->data, id->len);

    if (key == NULL) {
        return entry;
    }

    entry->body = *body;
    entry->body.attrs.data = entry->id.data + id->len;
    memcpy(entry->body.attrs.data, body->attrs.data, attrs);

    entry->key = ai_key_copy(made->pool, key);
    entry->old = body->until ? ai_key_copy(made->pool, key) : NULL;

    if (entry->key == NULL || (body->until && entry->old == NULL)) {
        ai_made_free_entry(made, entry);
        return NULL;
    }

    entry->key->made = 1;
    entry->key->pepper = ai_made_pepper(made, &body->digest);
    entry->key->disabled = (body->blocked != 0);

    if (entry->old) {
        memcpy(entry->old->digest, body->was.digest, AI_DIGEST_LEN);
        entry->old->pepper = ai_made_pepper(made, &body->was);
        entry->old->disabled = (body->blocked != 0);
        entry->old->expires = ai_min(key->expires, body->until);
        entry->old->made = 1;
        entry->old->alias = 1;
    }

    return entry;
}


/* by a key with another id, and not only as its secret before */

static ai_uint_t
ai_made_is_taken(const ai_made_t *made, const ai_str_t *id,
    const ai_made_digest_t *digest)
{
    const ai_key_t  *found;

    return ai_keys_find(made->keys, ai_made_pepper(made, digest),
                        digest->digest, 0, &found)
           != AI_KEY_UNKNOWN
           && !found->alias && !ai_str_eq(&found->id, id);
}


/* a secret before makes way for the secret of a key */

static void
ai_made_oust(ai_made_t *made, const ai_key_t *key)
{
    const ai_key_t  *found;
    ai_made_key_t   *entry;

    if (ai_keys_find(made->keys, key->pepper, key->digest, 0, &found)
        == AI_KEY_UNKNOWN)
    {
        return;
    }

    entry = ai_made_find(made, &found->id);

    ai_keys_remove(made->keys, entry->old);
    ai_pfree(made->pool, entry->old);
    entry->old = NULL;
}


static void
ai_made_link(ai_made_t *made, ai_made_key_t *entry, ai_made_key_t *place)
{
    ai_key_t        *other;
    ai_made_key_t  **slot;

    slot = ai_made_slot(made, &entry->id);

    entry->by_id = *slot;
    *slot = entry;
    made->n++;

    /* one that was changed stays where it is */

    entry->back = place ? place->back : made->last;
    entry->next = *entry->back;
    *entry->back = entry;

    if (entry->next) {
        entry->next->back = &entry->next;

    } else {
        made->last = &entry->next;
    }

    if (entry->key == NULL) {
        return;
    }

    made->live++;
    made->lost += (entry->key->pepper == AI_KEY_LOST);

    ai_made_oust(made, entry->key);
    (void) ai_keys_add(made->keys, entry->key, &other);

    if (entry->old
        && ai_keys_add(made->keys, entry->old, &other) != AI_KEY_ADDED)
    {
        ai_pfree(made->pool, entry->old);
        entry->old = NULL;
    }
}


/* its place in the list is known by its "back" until it is freed */

static void
ai_made_unlink(ai_made_t *made, ai_made_key_t *entry)
{
    ai_made_key_t  **slot;

    for (slot = ai_made_slot(made, &entry->id);
         *slot != entry;
         slot = &(*slot)->by_id)
    {
        /* void */
    }

    *slot = entry->by_id;
    made->n--;

    *entry->back = entry->next;

    if (entry->next) {
        entry->next->back = entry->back;

    } else {
        made->last = entry->back;
    }

    if (entry->key == NULL) {
        return;
    }

    made->live--;
    made->lost -= (entry->key->pepper == AI_KEY_LOST);

    ai_keys_remove(made->keys, entry->key);

    if (entry->old) {
        ai_keys_remove(made->keys, entry->old);
    }
}


static void
ai_made_free_entry(ai_made_t *made, ai_made_key_t *entry)
{
    ai_pfree(made->pool, entry->key);
    ai_pfree(made->pool, entry->old);
    ai_pfree(made->pool, entry);
}


static ai_int_t
ai_made_grow(ai_made_t *made)
{
    ai_made_key_t  **by_id, **slot, *entry;

    by_id = ai_pcalloc(made->pool,
                       made->nbuckets * 2 * sizeof(ai_made_key_t *));
    if (by_id == NULL) {
        return AI_ERROR;
    }

    ai_pfree(made->pool, made->by_id);

    made->by_id = by_id;
    made->nbuckets *= 2;

    for (entry = made->first; entry; entry = entry->next) {
        slot = ai_made_slot(made, &entry->id);
        entry->by_id = *slot;
        *slot = entry;
    }

    return AI_OK;
}


ai_made_key_t *
ai_made_find(const ai_made_t *made, const ai_str_t *id)
{
    ai_made_key_t  *entry;

    for (entry = *ai_made_slot(made, id); entry; entry = entry->by_id) {
        if (ai_str_eq(&entry->id, id)) {
            return entry;
        }
    }

    return NULL;
}


static ai_made_key_t **
ai_made_slot(const ai_made_t *made, const ai_str_t *id)
{
    return &made->by_id[ai_hash(id->data, id->len) & (made->nbuckets - 1)];
}


static ai_uint_t
ai_made_pepper(const ai_made_t *made, const ai_made_digest_t *digest)
{
    ai_uint_t  i;

    if (!digest->hmac) {
        return AI_KEY_SHA256;
    }

    for (i = 1; i < made->peppers.n; i++) {
        if (memcmp(made->peppers.print[i], digest->print, AI_PRINT_LEN) == 0) {
            return i;
        }
    }

    return AI_KEY_LOST;
}


/* a part of a URL, and a word of a line */

ai_int_t
ai_made_is_id(const ai_str_t *id)
{
    size_t     i;
    ai_char_t  c;

    if (id->len == 0 || id->len > AI_MADE_ID_MAX || id->data[0] == '.') {
        return 0;
    }

    for (i = 0; i < id->len; i++) {
        c = id->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'
            || c == '@' || c == ':')
        {
            continue;
        }

        return 0;
    }

    return 1;
}


ai_int_t
ai_made_parse(const ai_pool_t *pool, const ai_str_t *text,
    ai_made_body_t *body, ai_key_t **key, ai_key_error_t *err)
{
    ai_int_t    rc;
    ai_str_t    rest, line, word;

    memset(body, 0, sizeof(ai_made_body_t));

    rest = *text;

    do {
        line = rest;
        word = ai_made_word(&rest);
        rc = ai_made_meta(&word, body);
    } while (rc == AI_OK && word.len);

    if (rc != AI_DECLINED) {
        return ai_made_fail(err, "what describes a key cannot be read");
    }

    body->attrs = rest;
    body->digest.hmac = (word.data[0] == 'h');

    /* which pepper it is with is looked up later */

    if (ai_key_parse(pool, &line, 1, key, err) != AI_OK) {
        return AI_ERROR;
    }

    if (*key == NULL || !ai_made_is_id(&(*key)->id)) {
        return ai_made_fail(err, "invalid id of a key");
    }

    memcpy(body->digest.digest, (*key)->digest, AI_DIGEST_LEN);

    return AI_OK;
}


/* AI_DECLINED: the digest, at which the line of a key begins */

static ai_int_t
ai_made_meta(const ai_str_t *word, ai_made_body_t *body)
{
    ai_str_t   value;
    ai_uint_t  i;

    static const struct {
        ai_str_t  name;
        size_t    offset;
    } times[] = {
        { ai_string("created="), offsetof(ai_made_body_t, created) },
        { ai_string("rotated="), offsetof(ai_made_body_t, rotated) },
        { ai_string("blocked="), offsetof(ai_made_body_t, blocked) },
        { ai_string("until="), offsetof(ai_made_body_t, until) }
    };

    if (ai_str_starts(word, "hmac:") || ai_str_starts(word, "sha256:")) {
        return AI_DECLINED;
    }

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {

        if (word->len > times[i].name.len
            && memcmp(word->data, times[i].name.data, times[i].name.len) == 0)
        {
            value.data = word->data + times[i].name.len;
            value.len = word->len - times[i].name.len;

            return ai_made_number(&value, (int64_t *) ((char *) body
                                                       + times[i].offset));
        }
    }

#define ai_made_value(n)                                                      \
    ((ai_str_t) { word->len - (n), word->data + (n) })

    if (ai_str_starts(word, "print=")) {
        return ai_made_hex(&ai_made_value(6), body->digest.print,
                           AI_PRINT_LEN);
    }

    if (ai_str_starts(word, "wasprint=")) {
        return ai_made_hex(&ai_made_value(9), body->was.print, AI_PRINT_LEN);
    }

    if (ai_str_starts(word, "was=")) {
        return ai_made_digest(&ai_made_value(4), &body->was);
    }

#undef ai_made_value

    return AI_ERROR;
}


static ai_int_t
ai_made_digest(const ai_str_t *word, ai_made_digest_t *d)
{
    size_t    len;
    ai_str_t  hex;

    d->hmac = (ai_str_starts(word, "hmac:") != 0);

    if (!d->hmac && !ai_str_starts(word, "sha256:")) {
        return AI_ERROR;
    }

    len = d->hmac ? 5 : 7;

    hex.data = word->data + len;
    hex.len = word->len - len;

    return ai_made_hex(&hex, d->digest, AI_DIGEST_LEN);
}


/* up to the next blank, which goes too */

static ai_str_t
ai_made_word(ai_str_t *rest)
{
    size_t    i;
    ai_str_t  word;

    for (i = 0; i < rest->len && rest->data[i] != ' '; i++) { /* void */ }

    word.data = rest->data;
    word.len = i;

    i += (i < rest->len);
    rest->data += i;
    rest->len -= i;

    return word;
}


static ai_int_t
ai_made_number(const ai_str_t *word, int64_t *n)
{
    size_t  i;

    if (word->len == 0 || word->len > 18) {
        return AI_ERROR;
    }

    *n = 0;

    for (i = 0; i < word->len; i++) {

        if (word->data[i] < '0' || word->data[i] > '9') {
            return AI_ERROR;
        }

        *n = *n * 10 + (word->data[i] - '0');
    }

    return AI_OK;
}


static ai_int_t
ai_made_hex(const ai_str_t *word, ai_char_t *p, size_t n)
{
    size_t     i;
    ai_char_t  c;

    if (word->len != n * 2) {
        return AI_ERROR;
    }

    for (i = 0; i < word->len; i++) {
        c = word->data[i];

        if (c >= '0' && c <= '9') {
            c -= '0';

        } else if (c >= 'a' && c <= 'f') {
            c -= 'a' - 10;

        } else {
            return AI_ERROR;
        }

        p[i / 2] = (ai_char_t) (i % 2 ? p[i / 2] | c : c << 4);
    }

    return AI_OK;
}


static ai_int_t
ai_made_fail(ai_key_error_t *err, const char *text)
{
    (void) snprintf(err->text, sizeof(err->text), "%s", text);

    return AI_ERROR;
}
