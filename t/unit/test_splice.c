
/*
 * Edits of a JSON text: every combination of removals and insertions of
 * small objects is compared with an object put together from scratch.
 */

#include "tap.h"
#include "mem.h"

#include <codec/ai_splice.h>


static ai_json_t    doc;
static ai_splice_t  edits;
static ai_buf_t     out;


static void
start(const char *text)
{
    ai_str_t  s;

    s.len = strlen(text);
    s.data = (ai_char_t *) text;

    memset(&edits, 0, sizeof(edits));
    ai_json_parse(&doc, &s, NULL);
}


static void
replace(ai_ref_t v, const char *with)
{
    ai_raw_t  raw = { strlen(with), (ai_char_t *) with };

    ai_splice_replace(&edits, &doc, v, &raw);
}


static void
insert(ai_ref_t object, const char *member)
{
    ai_raw_t  raw = { strlen(member), (ai_char_t *) member };

    ai_splice_insert(&edits, &doc, object, &raw);
}


static ai_ref_t
key(ai_ref_t object, const char *name)
{
    return ai_json_get(&doc, object, name) - 1;
}


static void
cut(ai_ref_t object, const char *name)
{
    ai_splice_remove(&edits, &doc, object, key(object, name));
}


/* AI_OK if the result has the promised length, twice the same */

static ai_int_t
finish(void)
{
    size_t  len, again;

    if (ai_splice_finish(&edits, &doc, &len) != AI_OK) {
        return AI_ERROR;
    }

    ai_buf_reset(&out);
    ai_splice_write(&edits, &doc, &out);

    if (ai_splice_finish(&edits, &doc, &again) != AI_OK || again != len) {
        return 98;
    }

    return ai_buf_len(&out) == len ? AI_OK : 99;
}


static void
gives(const char *want)
{
    is_int(finish(), AI_OK, "finish");
    is_mem(out.start, ai_buf_len(&out), want, strlen(want), "%s", want);
}


static void
fails(const char *name)
{
    is_int(finish(), AI_ERROR, "%s", name);
    ok(edits.failed, "failed is set");
}


static void
test_single(void)
{
    static const char  text[] = " {\"a\" : 1 , \"b\":[2,3],\"c\":\"x\" } ";

    start(text);
    gives(text);

    start(text);
    replace(ai_json_get(&doc, 0, "b"), "{}");
    gives(" {\"a\" : 1 , \"b\":{},\"c\":\"x\" } ");

    start(text);
    replace(ai_json_get(&doc, 0, "c"), "true");
    replace(ai_json_get(&doc, 0, "a"), "-10");
    gives(" {\"a\" : -10 , \"b\":[2,3],\"c\":true } ");

    start(text);
    replace(AI_JSON_ROOT, "null");
    gives(" null ");

    start(text);
    cut(0, "a");
    gives(" {\"b\":[2,3],\"c\":\"x\" } ");

    start(text);
    cut(0, "b");
    gives(" {\"a\" : 1 ,\"c\":\"x\" } ");

    start(text);
    cut(0, "c");
    gives(" {\"a\" : 1 , \"b\":[2,3] } ");

    start(text);
    cut(0, "c");
    cut(0, "a");
    gives(" {\"b\":[2,3] } ");

    start(text);
    cut(0, "b");
    cut(0, "c");
    gives(" {\"a\" : 1  } ");

    start(text);
    cut(0, "b");
    cut(0, "a");
    gives(" {\"c\":\"x\" } ");

    start(text);
    cut(0, "c");
    cut(0, "b");
    cut(0, "a");
    gives(" { } ");

    start(text);
    insert(0, "\"i\":1");
    insert(0, "\"j\":2");
    gives(" {\"i\":1,\"j\":2,\"a\" : 1 , \"b\":[2,3],\"c\":\"x\" } ");

    start("{}");
    insert(0, "\"i\":1");
    insert(0, "\"j\":2");
    gives("{\"i\":1,\"j\":2}");

    start("{\"a\":{ },\"b\":{\"c\":1}}");
    insert(2, "\"i\":1");
    insert(4, "\"j\":2");
    insert(0, "\"k\":3");
    insert(2, "\"l\":4");
    cut(4, "c");
    gives("{\"k\":3,\"a\":{\"i\":1,\"l\":4 },\"b\":{\"j\":2}}");

    start("{\"a\":{\"x\":1,\"y\":2},\"b\":{\"c\":1,\"d\":2}}");
    cut(2, "y");
    cut(ai_json_get(&doc, 0, "b"), "c");
    gives("{\"a\":{\"x\":1},\"b\":{\"d\":2}}");

    start("[{\"a\":1}]");
    cut(1, "a");
    gives("[{}]");
}


static void
test_failed(void)
{
    int  i;

    start("{\"a\":{\"b\":1},\"c\":2}");
    cut(0, "a");
    cut(2, "b");
    fails("a removal in a removal");

    start("{\"a\":{\"b\":1},\"c\":2}");
    replace(2, "1");
    insert(2, "\"x\":1");
    fails("an insertion into what is replaced");

    start("{\"a\":{\"b\":1},\"c\":2}");
    replace(2, "1");
    replace(2, "1");
    fails("one value replaced twice");

    start("{\"a\":{\"b\":1},\"c\":2}");
    cut(0, "c");
    cut(0, "c");
    fails("one member removed twice");

    start("{\"a\":{\"b\":1},\"c\":2}");
    replace(0, "1");
    cut(0, "c");
    fails("a member of what is replaced");

    start("{\"a\":1}");
    replace(AI_JSON_NONE, "1");
    fails("an absent value");

    start("{\"a\":1}");
    insert(2, "\"x\":1");
    fails("an insertion into a number");

    start("{\"a\":1}");
    ai_splice_remove(&edits, &doc, 0, AI_JSON_NONE);
    fails("an absent key");

    start("{\"a\":1}");
    ai_splice_remove(&edits, &doc, 0, 0);
    fails("the object itself");

    start("{\"a\":1}");

    for (i = 0; i < AI_SPLICE_MAX; i++) {
        insert(0, "\"x\":1");
    }

    is_int(finish(), AI_OK, "as many as there is room for");
    insert(0, "\"x\":1");
    fails("one too many");
}


/*
 * An object of n members, of which "gone" are removed, with "add" inserted
 * ones, the calls in forward or backward order.  Compared without white
 * space, which is free to stay or go at an edit.
 */

static int
combination(unsigned n, unsigned gone, unsigned add, int backward,
    const char *before, const char *behind)
{
    char      text[256], want[256], got[256], member[32], *p;
    size_t    i;
    unsigned  k;

    strcpy(text, "{");
    strcpy(want, "{");

    for (k = 0; k < add; k++) {
        snprintf(member, sizeof(member), "%s\"+%u\":%u", k ? "," : "", k, k);
        strcat(want, member);
    }

    for (k = 0; k < n; k++) {
        strcat(text, before);
        snprintf(member, sizeof(member), "\"%u\":[%u]", k, k);
        strcat(text, member);
        strcat(text, behind);
        strcat(text, k + 1 < n ? "," : "");

        if (!(gone & (1u << k))) {
            strcat(want, want[1] ? "," : "");
            strcat(want, member);
        }
    }

    strcat(text, "}");
    strcat(want, "}");

    start(text);

    for (i = 0; i < n; i++) {
        k = (unsigned) (backward ? n - 1 - i : i);

        if (gone & (1u << k)) {
            snprintf(member, sizeof(member), "%u", k);
            cut(0, member);
        }
    }

    for (k = 0; k < add; k++) {
        static char  added[4][32];

        snprintf(added[k], sizeof(added[k]), "\"+%u\":%u", k, k);
        insert(0, added[k]);
    }

    if (finish() != AI_OK) {
        return 0;
    }

    p = got;

    for (i = 0; i < ai_buf_len(&out); i++) {
        if (out.start[i] != ' ' && out.start[i] != '\n') {
            *p++ = (char) out.start[i];
        }
    }

    *p = '\0';

    if (strcmp(got, want) != 0) {
        diag("got %s, want %s", got, want);
        return 0;
    }

    return 1;
}


static void
test_combinations(void)
{
    unsigned  n, gone, add, wrong, all;

    wrong = 0;
    all = 0;

    for (n = 0; n <= 6; n++) {
        for (gone = 0; gone < 1u << n; gone++) {
            for (add = 0; add <= 3; add++) {
                wrong += !combination(n, gone, add, 0, "", "");
                wrong += !combination(n, gone, add, 1, "", "");
                wrong += !combination(n, gone, add, 0, "\n  ", " ");
                wrong += !combination(n, gone, add, 1, " ", "\n");
                all += 4;
            }
        }
    }

    is_int(wrong, 0, "all of %u combinations", all);
}


static void
test_memory(void)
{
    static char  big[5000];

    memset(big, '7', sizeof(big) - 1);

    start("{\"a\":1}");
    replace(2, big);

    mem_fail_from(1);
    ai_buf_init(&out, mem_pool());
    is_int(finish(), 99, "no memory to write to");
    ok(out.failed, "the buffer says so");
    mem_fail_never();
}


int
main(void)
{
    ai_json_init(&doc, mem_pool());
    ai_buf_init(&out, mem_pool());

    test_single();
    test_failed();
    test_combinations();
    test_memory();

    mem_reset();

    return done();
}
