
/*
 * The table of keys: by digest for requests, by id for those who read the
 * files.  A search takes the same steps whether there is a key or not.
 */

#include <auth/ai_key_int.h>


#define AI_KEYS_BUCKETS  64         /* at first */


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

    for (k = keys->by_id[ai_keys_id_slot(keys, &key->id)]; k; k = k->by_id) {
        if (ai_str_eq(&k->id, &key->id)) {
            *other = k;
            return AI_KEY_SAME_ID;
        }
    }

    if (keys->n >= keys->nbuckets && ai_keys_grow(keys) != AI_OK) {
        return AI_KEY_NO_MEMORY;
    }

    ai_keys_link(keys, key);

    *keys->last = key;
    keys->last = &key->next;
    keys->n++;

    return AI_KEY_ADDED;
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
    return ai_grant_permits(key ? &key->grant : NULL, what, name)
           && ai_grant_permits(role, what, name);
}
