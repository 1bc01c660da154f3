
/* Chunks of numbers and strings: there and back, cut, damaged. */

#include <tap.h>
#include <mem.h>

#include <store/ai_pack.h>


static ai_buf_t
sample(void)
{
    size_t    mark;
    ai_buf_t  b;
    ai_str_t  s;

    ai_buf_init(&b, mem_pool());

    mark = ai_pack_begin(&b, 0x64636261);
    ai_pack_int(&b, 1);
    ai_pack_int(&b, INT64_MIN);
    s = ai_lit("text");
    ai_pack_str(&b, &s);
    ai_pack_end(&b, mark);

    mark = ai_pack_begin(&b, 2);
    ai_pack_end(&b, mark);

    mark = ai_pack_begin(&b, 3);
    s = ai_lit("");
    ai_pack_str(&b, &s);
    ai_pack_int(&b, INT64_MAX);
    ai_pack_end(&b, mark);

    return b;
}


static void
test_bytes(void)
{
    ai_buf_t  b;

    /* the CRC is that of Python's zlib.crc32 over the other bytes */

    static const char  want[] =
        "abcd" "\x18\0\0\0" "\x19\x02\xde\x97"
        "\x01\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\x80" "\x04\0\0\0" "text";

    b = sample();

    is_mem(b.start, sizeof(want) - 1, want, sizeof(want) - 1, "the format");
    is_int(ai_buf_len(&b), 12 + 24 + 12 + 12 + 12, "and the rest");

    mem_reset();
}


static void
test_read(void)
{
    ai_buf_t     b;
    ai_str_t     in, s;
    ai_unpack_t  u;

    b = sample();
    in = guard_str(b.start, ai_buf_len(&b));

    is_int(ai_unpack(&in, &u), AI_OK, "a chunk");
    is_int(u.type, 0x64636261, "its type");
    is_int(ai_unpack_int(&u), 1, "a number");
    is_int(ai_unpack_int(&u), INT64_MIN, "another");
    s = ai_unpack_str(&u);
    is_str(s, "text", "a string");
    is_int(u.failed, 0, "all were there");
    is_int(ai_unpack_int(&u), 0, "no more numbers");
    is_int(u.failed, 1, "which is told");

    is_int(ai_unpack(&in, &u), AI_OK, "an empty chunk");
    s = ai_unpack_str(&u);
    is_int(s.len, 0, "no string");
    ok(s.data != NULL && u.failed, "is an empty one, and told");

    is_int(ai_unpack(&in, &u), AI_OK, "the last one");
    s = ai_unpack_str(&u);
    ok(s.len == 0 && !u.failed, "an empty string is one");
    is_int(ai_unpack_int(&u), INT64_MAX, "what is behind it");

    is_int(ai_unpack(&in, &u), AI_DONE, "the end");
    is_int(ai_unpack(&in, &u), AI_DONE, "again");

    guard_free();
    mem_reset();
}


/* fields that are longer than what is left of them */

static void
test_lengths(void)
{
    int          i;
    size_t       mark;
    ai_buf_t     b;
    ai_str_t     in, s;
    ai_unpack_t  u;

    static const int64_t  bad[] = {
        9, 0xffffffff, 0x7fffffff, 0xfffffffc, 5
    };

    for (i = 0; i < 5; i++) {
        ai_buf_init(&b, mem_pool());

        mark = ai_pack_begin(&b, 1);
        ai_pack_int(&b, bad[i]);
        ai_pack_end(&b, mark);

        in = guard_str(b.start, ai_buf_len(&b));

        is_int(ai_unpack(&in, &u), AI_OK, "length %d: a chunk", i);
        s = ai_unpack_str(&u);
        ok(s.len == 0 && u.failed, "length %d: no string", i);
        s = ai_unpack_str(&u);
        ok(s.len == 0 && u.failed, "length %d: and none behind it", i);
    }

    guard_free();
    mem_reset();
}


static void
test_damage(void)
{
    int          bit, bad, moved;
    size_t       i, len;
    ai_buf_t     b;
    ai_str_t     in;
    ai_unpack_t  u;

    b = sample();
    len = 12 + 24;
    bad = 0;
    moved = 0;

    for (i = 0; i < len; i++) {
        in = guard_str(b.start, i);

        if (ai_unpack(&in, &u) != (i ? AI_ERROR : AI_DONE)) {
            bad++;
        }

        moved += in.len != i;
        guard_free();
    }

    is_int(bad, 0, "cut anywhere: an error");
    is_int(moved, 0, "nothing is taken then");

    for (i = 0; i < len; i++) {
        for (bit = 0; bit < 8; bit++) {
            b.start[i] ^= 1 << bit;
            in = guard_str(b.start, len);

            if (ai_unpack(&in, &u) != AI_ERROR) {
                bad++;
            }

            b.start[i] ^= 1 << bit;
            guard_free();
        }
    }

    is_int(bad, 0, "any bit turned over: an error");

    mem_reset();
}


static void
test_memory(void)
{
    int       n, bad;
    ai_buf_t  b;

    bad = 0;

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_from(n);
        b = sample();

        if (!mem_failed()) {
            break;
        }

        bad += !b.failed;
    }

    ok(n > 1 && n < 100, "%d allocations", n - 1);
    is_int(bad, 0, "without memory the buffer says so");

    mem_reset();
}


int
main(void)
{
    test_bytes();
    test_read();
    test_lengths();
    test_damage();
    test_memory();

    return done();
}
