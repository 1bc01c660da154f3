
/*
 * Keys that were made: any lines, with the checksum that they need, and any
 * JSON as attributes.  What is taken is found by its digest and id, is the
 * same when it is written and read again, and is valid JSON to those who ask.
 */

#include <string.h>

#include <auth/ai_made.h>
#include <codec/ai_crc32.h>

#include "fuzz.h"
#include "fuzz_arena.h"


#define HEX  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"


static ai_char_t  prints[2][AI_PRINT_LEN] = {
    "", { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 }
};

static const ai_made_peppers_t  peppers = { prints, 2 };


static void
look(const ai_made_t *made)
{
    ai_buf_t              b;
    ai_str_t              s;
    ai_json_t             doc;
    ai_uint_t             n, live;
    const ai_key_t       *found;
    const ai_made_key_t  *e;

    n = 0;
    live = 0;
    ai_buf_init(&b, &arena);

    for (e = made->first; e; e = e->next) {
        n++;
        must(ai_made_is_id(&e->id));
        must(ai_made_find(made, &e->id) == e);
        must(e->version <= made->version);

        if (e->key == NULL) {
            continue;
        }

        live++;
        must(ai_str_eq(&e->id, &e->key->id) && e->key->made);
        must(e->key->disabled == (e->body.blocked != 0));
        must(ai_keys_find(made->keys, e->key->pepper, e->key->digest, 0,
                          &found)
             != AI_KEY_UNKNOWN && found->made);
        must(ai_str_eq(&found->id, &e->id));

        ai_buf_reset(&b);
        ai_buf_lit(&b, "{\"id\":0");
        ai_key_json(&b, e->key);
        ai_buf_char(&b, '}');

        s = ai_buf_str(&b);
        ai_json_init(&doc, &arena);
        must(!b.failed && ai_json_parse(&doc, &s, NULL) == AI_OK);
    }

    must(n == made->n && live == made->live);
    must(made->last && *made->last == NULL);
}


static void
lines(const uint8_t *data, size_t size, unsigned keep)
{
    char             crc[16];
    size_t           used, i, start;
    ai_buf_t         b, all, again;
    ai_int_t         rc;
    ai_str_t         s;
    ai_made_t       *made, *other;
    ai_key_error_t   err;

    ai_buf_init(&b, &arena);

    for (i = 0, start = 0; i <= size; i++) {

        if (i < size && data[i] != '\n') {
            continue;
        }

        if (i > start) {
            snprintf(crc, sizeof(crc), "%c %08x ", data[start],
                     ai_crc32(data + start + 1, i - start - 1));
            ai_buf_add(&b, crc, strlen(crc));
            ai_buf_add(&b, data + start + 1, i - start - 1);
        }

        ai_buf_char(&b, '\n');
        start = i + 1;
    }

    made = ai_made_create(&arena, &peppers, keep);
    must(made != NULL);

    s = ai_buf_str(&b);
    rc = ai_made_read(made, &s, &used, &err);
    must(used <= s.len && (rc == AI_OK) == (used == s.len));
    must(rc == AI_OK || (err.line == made->lines + 1 && err.text[0]));

    look(made);

    /* what holds can be written */

    ai_buf_init(&all, &arena);
    ai_made_all(&all, made);

    other = ai_made_create(&arena, &peppers, keep);
    must(other != NULL);

    s = ai_buf_str(&all);
    must(ai_made_read(other, &s, &used, &err) == AI_OK && used == s.len);
    must(other->live == made->live && other->n == made->n);
    look(other);

    ai_buf_init(&again, &arena);
    ai_made_all(&again, other);
    must(ai_buf_len(&again) == ai_buf_len(&all)
         && memcmp(again.start, all.start, ai_buf_len(&all)) == 0);

    ai_made_free(made);
    ai_made_free(other);
}


/* an object, and what was before it: attributes of a key, if they are some */

static void
attrs(const uint8_t *data, size_t size)
{
    size_t           used;
    ai_buf_t         b, line;
    ai_str_t         s, old;
    ai_key_t        *key;
    ai_json_t        doc;
    ai_made_t       *made;
    const uint8_t   *p;
    ai_made_body_t   body;
    ai_key_error_t   err;

    p = memchr(data, '\n', size);

    if (p == NULL) {
        return;
    }

    ai_buf_init(&b, &arena);
    ai_buf_lit(&b, "created=1 sha256:" HEX " id=x ");
    ai_buf_add(&b, data, (size_t) (p - data));
    s = ai_buf_str(&b);

    old.len = 0;
    old.data = NULL;

    if (ai_made_parse(&arena, &s, &body, &key, &err) == AI_OK) {
        old = body.attrs;
    }

    s.data = (ai_char_t *) p + 1;
    s.len = size - (size_t) (p + 1 - data);

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, &s, NULL) != AI_OK) {
        return;
    }

    ai_buf_init(&b, &arena);
    ai_buf_lit(&b, "created=1 sha256:" HEX " id=x");

    if (ai_made_attrs(&b, &doc, AI_JSON_ROOT, &old, &err) != AI_OK) {
        must(err.text[0] != '\0');
        return;
    }

    s = ai_buf_str(&b);

    if (ai_made_parse(&arena, &s, &body, &key, &err) != AI_OK) {
        must(err.text[0] != '\0');
        return;
    }

    must(ai_str_is(&key->id, "x") && !key->disabled);

    ai_buf_init(&line, &arena);
    ai_made_put(&line, 1, &s);
    s = ai_buf_str(&line);

    made = ai_made_create(&arena, &peppers, 0);
    must(made != NULL);
    must(ai_made_read(made, &s, &used, &err) == AI_OK && used == s.len);
    must(made->live == 1 && made->lines == 1);
    look(made);
    ai_made_free(made);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    if (size < 2) {
        return 0;
    }

    copy = malloc(size - 1);
    must(copy != NULL);
    memcpy(copy, data + 1, size - 1);

    if (data[0] & 1) {
        attrs(copy, size - 1);

    } else {
        lines(copy, size - 1, (data[0] & 2) != 0);
    }

    free(copy);
    arena_free();

    return 0;
}
