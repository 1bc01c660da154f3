
/*
 * ai_hash(): values of an implementation of SipHash-2-4 of its own, which was
 * held against the vector of its authors' paper.  They are in files and shared
 * by nodes: they can never change.
 */

#include <tap.h>
#include <mem.h>

#include <base/ai_hash.h>


/* of the bytes 0, 1, 2 ... n - 1 */

static const uint64_t  hashes[] = {
    0x75c31dac90b83099, 0xd059741da0acce07,
    0xe13ed0a3d605b002, 0x2cb480d8a3ab6e43,
    0x7fc8c7fb286f59ce, 0x69adf9d84fb50f39,
    0x392fbb70a10e6792, 0xa8b28b804bd7efbb,
    0xef74f663e5bae851, 0xdb539dc9706a5fbe,
    0xf7634bf35054c4fa, 0xc26fb1b52745c19e,
    0x637e46dfbe533200, 0x8a67195941d833b5,
    0x1473866d8edaa64c, 0xb6911b178636068b,
    0x2eb68a0ee664527a, 0x2c830c313327797b,
    0xe38116e129c5ab60, 0x92256a3f79360c7a,
    0xfff531070bd3ab16, 0x93cc678ba4b96707,
    0x1fc66a1bdbf6d156, 0x70eb676e325925a0,
    0xe79ac1a31d697623, 0x90cbf1d0bcef0064,
    0x721c4e466391b6f6, 0x6f5c1ccc34856245,
    0x3eea808a4759cb0e, 0x16f5ea6531dc014b,
    0x1f36663ac8f976ad, 0xf5caf6c9e28938f3
};


int
main(void)
{
    size_t      i, n;
    ai_char_t   text[1000], *p;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (ai_char_t) (i % 251);
    }

    for (n = 0; n < sizeof(hashes) / sizeof(hashes[0]); n++) {
        p = (ai_char_t *) guard_copy((char *) text, n);
        ok(ai_hash(p, n) == hashes[n], "%zu bytes", n);
    }

    p = (ai_char_t *) guard_copy((char *) text, sizeof(text));
    ok(ai_hash(p, sizeof(text)) == 0xf7f3a415f20874fa, "long, at an edge");
    guard_free();

    return done();
}
