
/*
 * Key files: any bytes.  A file that is refused says on which of its lines and
 * shows no digest; one that is taken has keys that are found by their digest,
 * have ids of their own, and attributes that do not shadow built-in ones.
 */

#include <string.h>

#include <auth/ai_key_int.h>

#include "fuzz.h"
#include "fuzz_arena.h"


static size_t
lines(const uint8_t *p, size_t size)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < size; i++) {
        n += (p[i] == '\n');
    }

    return n + (size && p[size - 1] != '\n');
}


static void
look(const ai_keys_t *keys, const ai_key_t *k, const ai_str_t *text)
{
    ai_uint_t        i, j;
    const ai_key_t  *found;
    ai_key_state_e   state;

    must(k->id.len > 0 && k->id.len < text->len);
    must(k->line >= 1 && k->file == 5);
    must(k->pepper == AI_KEY_SHA256 || k->pepper == 1);
    must(k->rpm.amount >= -1 && k->rpm.amount <= AI_LIMIT_MAX);
    must(k->tpm.amount >= -1 && k->tpm.amount <= AI_LIMIT_MAX);
    must(k->budget.amount >= -1 && k->budget.amount <= AI_LIMIT_MAX);
    must(k->expires >= 0);

    state = ai_keys_find(keys, k->pepper, k->digest, 0, &found);
    must(found == k);
    must(state == (k->disabled ? AI_KEY_DISABLED
                   : k->expires <= 0 ? AI_KEY_EXPIRED : AI_KEY_GOOD));

    must(ai_keys_find(keys, k->pepper + 7, k->digest, 0, &found)
         == AI_KEY_UNKNOWN);
    must(found->id.len == 0);

    for (i = 0; i < AI_GRANT_MAX; i++) {
        for (j = 0; j < k->grant.list[i].n; j++) {
            must(ai_pattern_is_valid(&k->grant.list[i].v[j]));
        }
    }

    for (i = 0; i < k->nattrs; i++) {
        must(ai_key_attr(k, &k->attrs[i].name) == &k->attrs[i].value);
        must(!ai_str_is(&k->attrs[i].name, "team"));
        must(!ai_str_is(&k->attrs[i].name, "models"));
        must(k->attrs[i].value.len > 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t         *copy;
    ai_int_t         rc;
    ai_str_t         text;
    ai_uint_t        n;
    ai_key_t        *k, *other;
    ai_keys_t       *keys;
    ai_key_error_t   err;

    if (size == 0) {
        return 0;
    }

    text.len = size - 1;
    copy = malloc(size);
    must(copy != NULL);
    memcpy(copy, data + 1, text.len);
    text.data = copy;

    keys = ai_keys_create(&arena);
    must(keys != NULL);

    rc = ai_keys_parse(keys, &text, data[0] & 1, 5, &err);

    must(err.line <= lines(copy, text.len));

    if (rc != AI_OK) {
        must(rc == AI_ERROR && err.line >= 1);
        must(err.text[0] != '\0' && strlen(err.text) < sizeof(err.text));

    } else {
        n = 0;

        for (k = ai_keys_first(keys); k; k = k->next, n++) {
            look(keys, k, &text);

            for (other = k->next; other && n < 50; other = other->next) {
                must(!ai_str_eq(&k->id, &other->id));
            }
        }

        must(n == ai_keys_count(keys));
    }

    free(copy);
    arena_free();

    return 0;
}
