
/*
 * Chunks: whatever the bytes are, every chunk that is taken is written again
 * as it was, and fields are read within it.
 *
 * The input is the file; or, if its first byte is odd, fields are read from
 * what follows as if its CRC had been right.
 */

#include <store/ai_pack.h>

#include "fuzz_arena.h"


static void
fields(ai_unpack_t *u)
{
    size_t       i, left;
    ai_str_t     s;
    ai_unpack_t  v;

    for (i = 0; !u->failed && i < 1000; i++) {
        left = u->fields.len;
        v = *u;

        (void) ai_unpack_int(&v);
        must(v.failed == (left < 8));

        s = ai_unpack_str(u);
        must(s.data != NULL);

        if (!u->failed) {
            must(s.data + s.len == u->fields.data);
            must(s.len + 4 + u->fields.len == left);

        } else {
            must(s.len == 0);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       mark, at;
    ai_buf_t     b;
    ai_int_t     rc;
    ai_str_t     in;
    ai_unpack_t  u;

    if (size < 1 || size > 65536) {
        return 0;
    }

    in.data = (ai_char_t *) data + 1;
    in.len = size - 1;

    ai_buf_init(&b, &arena);

    if (data[0] & 1) {
        mark = ai_pack_begin(&b, data[0]);
        ai_buf_cat(&b, &in);
        ai_pack_end(&b, mark);

        in = ai_buf_str(&b);
        must(ai_unpack(&in, &u) == AI_OK && u.fields.len == size - 1);
        must(u.type == data[0] && in.len == 0);

        fields(&u);
        arena_free();

        return 0;
    }

    for ( ;; ) {
        at = in.len;
        rc = ai_unpack(&in, &u);

        if (rc != AI_OK) {
            must(rc == (at ? AI_ERROR : AI_DONE) && in.len == at);
            break;
        }

        must(in.len + u.fields.len + 12 == at);

        ai_buf_reset(&b);
        mark = ai_pack_begin(&b, u.type);
        ai_buf_cat(&b, &u.fields);
        ai_pack_end(&b, mark);

        must(ai_buf_len(&b) == at - in.len);
        must(memcmp(b.start, in.data - ai_buf_len(&b), ai_buf_len(&b)) == 0);

        fields(&u);
    }

    arena_free();

    return 0;
}
