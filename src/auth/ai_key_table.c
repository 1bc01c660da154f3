
/*
 * The table of keys: by digest for requests, by id for those who read the
 * files.  A search takes the same steps whether there is a key or not.
 */

#include <auth/ai_key_int.h>


#define AI_KEYS_BUCKETS  64         /* at first */


#define ai_key_text(key, offset)  ((ai_str_t *) ((char *) (key) + (offset)))


static size_t ai_key_lay(ai_char_t *base, ai_key_t *copy,
    const ai_key_t *key);
static size_t ai_key_lay_text(ai_char_t *base, size_t at, ai_str_t *dst,
    const ai_str_t *src);
static ai_key_t *ai_keys_of_id(const ai_keys_t *keys, const ai_str_t *id);
static ai_int_t ai_keys_grow(ai_keys_t *keys);
static void ai_keys_link(ai_keys_t *keys, ai_key_t *key);
static ai_uint_t ai_keys_digest_slot(const ai_keys_t *keys,
    const ai_char_t *digest);
static ai_uint_t ai_keys_id_slot(const ai_keys_t *keys, const ai_str_t *id);


ai_keys_t *
ai_keys_create(const ai_pool_t *pool)
{
    ai_keys_t  *keys;

    keys = ai_pcalloc(pool, sizeof(ai_keys_t));
    if (keys == NULL) {
        return NULL;
    }

    keys->pool = pool;
    keys->last = &keys->first;
    keys->nbuckets = AI_KEYS_BUCKETS;
    keys->nobody = ai_key_create(pool);
    keys->by_digest = ai_pcalloc(pool, AI_KEYS_BUCKETS * sizeof(ai_key_t *));
    keys->by_id = ai_pcalloc(pool, AI_KEYS_BUCKETS * sizeof(ai_key_t *));

    if (keys->nobody == NULL
        || keys->by_digest == NULL
        || keys->by_id == NULL)
    {
        ai_keys_free(keys);
        return NULL;
    }

    /* what is compared with it has another pepper */

    keys->nobody->pepper = (ai_uint_t) -1;

    return keys;
}


ai_key_t *
ai_key_create(const ai_pool_t *pool)
{
    ai_key_t  *key;

    key = ai_pcalloc(pool, sizeof(ai_key_t));
    if (key == NULL) {
        return NULL;
    }

    key->rpm.amount = -1;
    key->tpm.amount = -1;
    key->budget.amount = -1;
    key->expires = AI_KEY_NEVER;

    return key;
}


/*
 * The key, then what has pointers in it, then all bytes.
 */

ai_key_t *
ai_key_copy(const ai_pool_t *pool, const ai_key_t *key)
{
    size_t      size;
    ai_key_t   *copy;
    ai_char_t  *p;

    size = ai_key_lay(NULL, NULL, key);

    p = ai_palloc(pool, size);
    if (p == NULL) {
        return NULL;
    }

    copy = (ai_key_t *) p;

    *copy = *key;
    (void) ai_key_lay(p, copy, key);

    return copy;
}


/* without a copy it only counts; returns how many bytes it takes */

static size_t
ai_key_lay(ai_char_t *base, ai_key_t *copy, const ai_key_t *key)
{
    size_t     tables, bytes;
    ai_uint_t  i, j;

    static const size_t  texts[] = {
        offsetof(ai_key_t, id), offsetof(ai_key_t, team),
        offsetof(ai_key_t, project), offsetof(ai_key_t, customer),
        offsetof(ai_key_t, user), offsetof(ai_key_t, tier),
        offsetof(ai_key_t, role)
    };

    tables = sizeof(ai_key_t);
    bytes = tables + key->nattrs * sizeof(ai_key_attr_t);

    for (i = 0; i < AI_GRANT_MAX; i++) {
        bytes += key->grant.list[i].n * sizeof(ai_str_t);
    }

    for (i = 0; i < sizeof(texts) / sizeof(size_t); i++) {
        bytes += ai_key_lay_text(base, bytes,
                                 copy ? ai_key_text(copy, texts[i]) : NULL,
                                 ai_key_text(key, texts[i]));
    }

    if (copy && key->nattrs) {
        copy->attrs = (ai_key_attr_t *) (base + tables);
    }

    tables += key->nattrs * sizeof(ai_key_attr_t);

    for (i = 0; i < key->nattrs; i++) {
        bytes += ai_key_lay_text(base, bytes,
                                 copy ? &copy->attrs[i].name : NULL,
                                 &key->attrs[i].name);
        bytes += ai_key_lay_text(base, bytes,
                                 copy ? &copy->attrs[i].value : NULL,
                                 &key->attrs[i].value);
    }

    for (i = 0; i < AI_GRANT_MAX; i++) {

        if (copy && key->grant.list[i].v) {
            copy->grant.list[i].v = (ai_str_t *) (base + tables);
        }

        tables += key->grant.list[i].n * sizeof(ai_str_t);

        for (j = 0; j < key->grant.list[i].n; j++) {
            bytes += ai_key_lay_text(base, bytes,
                                     copy ? &copy->grant.list[i].v[j] : NULL,
                                     &key->grant.list[i].v[j]);
        }
    }

    return bytes;
}


static size_t
ai_key_lay_text(ai_char_t *base, size_t at, ai_str_t *dst,
    const ai_str_t *src)
{
    if (dst) {
        dst->len = src->len;
        dst->data = base + at;

        if (src->len) {
            memcpy(dst->data, src->data, src->len);
        }
    }

    return src->len;
}


ai_uint_t
ai_keys_count(const ai_keys_t *keys)
{
    return keys->n;
}


ai_key_t *
ai_keys_first(const ai_keys_t *keys)
{
    return keys->first;
}


const ai_key_t *
ai_keys_by_id(const ai_keys_t *keys, const ai_str_t *id)
{
    return ai_keys_of_id(keys, id);
}


static ai_key_t *
ai_keys_of_id(const ai_keys_t *keys, const ai_str_t *id)
{
    ai_key_t  *k;

    for (k = keys->by_id[ai_keys_id_slot(keys, id)]; k; k = k->by_id) {
        if (ai_str_eq(&k->id, id)) {
            return k;
        }
    }

    return NULL;
}


ai_key_add_e
ai_keys_add(ai_keys_t *keys, ai_key_t *key, ai_key_t **other)
{
    ai_key_t  *k;

    for (k = keys->by_digest[ai_keys_digest_slot(keys, key->digest)];
         k;
         k = k->by_digest)
    {
        if (k->pepper == key->pepper && ai_digest_eq(k->digest, key->digest)) {
            *other = k;
            return AI_KEY_SAME_DIGEST;
        }
    }

    k = key->alias ? NULL : ai_keys_of_id(keys, &key->id);

    if (k) {
        *other = k;
        return AI_KEY_SAME_ID;
    }

    if (ai_keys_reserve(keys, 1) != AI_OK) {
        return AI_KEY_NO_MEMORY;
    }

    ai_keys_link(keys, key);

    *keys->last = key;
    key->back = keys->last;
    key->next = NULL;
    keys->last = &key->next;
    keys->n++;

    return AI_KEY_ADDED;
}


void
ai_keys_remove(ai_keys_t *keys, ai_key_t *key)
{
    ai_key_t  **k;

    for (k = &keys->by_digest[ai_keys_digest_slot(keys, key->digest)];
         *k != key;
         k = &(*k)->by_digest)
    {
        /* void */
    }

    *k = key->by_digest;

    if (!key->alias) {
        for (k = &keys->by_id[ai_keys_id_slot(keys, &key->id)];
             *k != key;
             k = &(*k)->by_id)
        {
            /* void */
        }

        *k = key->by_id;
    }

    *key->back = key->next;

    if (key->next) {
        key->next->back = key->back;

    } else {
        keys->last = key->back;
    }

    keys->n--;
}


ai_int_t
ai_keys_reserve(ai_keys_t *keys, ai_uint_t n)
{
    while (keys->n + n > keys->nbuckets) {
        if (ai_keys_grow(keys) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


void
ai_keys_free(ai_keys_t *keys)
{
    ai_pfree(keys->pool, keys->nobody);
    ai_pfree(keys->pool, keys->by_digest);
    ai_pfree(keys->pool, keys->by_id);
    ai_pfree(keys->pool, keys);
}


static ai_int_t
ai_keys_grow(ai_keys_t *keys)
{
    size_t      size;
    ai_key_t  **by_digest, **by_id, *k;

    size = keys->nbuckets * 2 * sizeof(ai_key_t *);

    by_digest = ai_pcalloc(keys->pool, size);
    by_id = ai_pcalloc(keys->pool, size);

    if (by_digest == NULL || by_id == NULL) {
        ai_pfree(keys->pool, by_digest);
        ai_pfree(keys->pool, by_id);
        return AI_ERROR;
    }

    ai_pfree(keys->pool, keys->by_digest);
    ai_pfree(keys->pool, keys->by_id);

    keys->by_digest = by_digest;
    keys->by_id = by_id;
    keys->nbuckets *= 2;

    for (k = keys->first; k; k = k->next) {
        ai_keys_link(keys, k);
    }

    return AI_OK;
}


static void
ai_keys_link(ai_keys_t *keys, ai_key_t *key)
{
    ai_uint_t  i;

    i = ai_keys_digest_slot(keys, key->digest);
    key->by_digest = keys->by_digest[i];
    keys->by_digest[i] = key;

    if (key->alias) {
        return;
    }

    i = ai_keys_id_slot(keys, &key->id);
    key->by_id = keys->by_id[i];
    keys->by_id[i] = key;
}


/* a digest is its own hash: nobody can choose one */

static ai_uint_t
ai_keys_digest_slot(const ai_keys_t *keys, const ai_char_t *digest)
{
    uint32_t  h;

    memcpy(&h, digest, sizeof(h));

    return h & (keys->nbuckets - 1);
}


static ai_uint_t
ai_keys_id_slot(const ai_keys_t *keys, const ai_str_t *id)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261U;

    for (i = 0; i < id->len; i++) {
        h = (h ^ id->data[i]) * 16777619U;
    }

    return h & (keys->nbuckets - 1);
}


ai_key_state_e
ai_keys_find(const ai_keys_t *keys, ai_uint_t pepper, const ai_char_t *digest,
    int64_t now, const ai_key_t **key)
{
    unsigned         unknown, expired, disabled;
    ai_key_t        *k;
    const ai_key_t  *found;

    found = keys->nobody;

    for (k = keys->by_digest[ai_keys_digest_slot(keys, digest)];
         k;
         k = k->by_digest)
    {
        if (ai_digest_eq(k->digest, digest) & (k->pepper == pepper)) {
            found = k;
        }
    }

    /* once more, of whoever was found; it is all asked for, and decided at
     * the end */

    unknown = !ai_digest_eq(found->digest, digest) | (found->pepper != pepper);
    expired = now >= found->expires;
    disabled = found->disabled;

    *key = found;

    return unknown ? AI_KEY_UNKNOWN
           : disabled ? AI_KEY_DISABLED
           : expired ? AI_KEY_EXPIRED
           : AI_KEY_GOOD;
}


const ai_str_t *
ai_key_attr(const ai_key_t *key, const ai_str_t *name)
{
    ai_uint_t  i;

    for (i = 0; i < key->nattrs; i++) {
        if (ai_str_eq(&key->attrs[i].name, name)) {
            return &key->attrs[i].value;
        }
    }

    return NULL;
}


ai_int_t
ai_key_permits(const ai_key_t *key, const ai_grant_t *role, ai_grant_e what,
    const ai_str_t *name)
{
    return (key == NULL || ai_grant_permits(&key->grant, what, name))
           && (role == NULL || ai_grant_permits(role, what, name));
}
