
/*
 * Values left out of a JSON text: every set of children of small documents, in
 * several spellings and added in several orders, is compared with the document
 * printed from its tree without them.
 */

#include "tap.h"
#include "mem.h"

#include <codec/ai_omit.h>


#define CHILDREN_MAX  16


typedef struct {
    ai_ref_t  in;
    ai_ref_t  ref;
} child_t;


static ai_json_t  doc;
static ai_omit_t  omit;
static ai_buf_t   out;

static child_t    child[CHILDREN_MAX];
static unsigned   nchild;


static void
start(const char *text)
{
    ai_str_t  s;

    s = guard_str(text, strlen(text));

    ai_json_init(&doc, mem_pool());
    ai_buf_init(&out, mem_pool());
    ai_omit_init(&omit, mem_pool());

    if (ai_json_parse(&doc, &s, NULL) != AI_OK) {
        ok(0, "%s is JSON", text);
    }
}


static void
finish(void)
{
    mem_reset();
    guard_free();
}


/* children in the order of the document: an element, or a member's key */

static void
children(void)
{
    ai_ref_t  v, c;

    nchild = 0;

    for (v = 0; v < doc.n; v++) {

        if (doc.node[v].type != AI_JSON_OBJECT
            && doc.node[v].type != AI_JSON_ARRAY)
        {
            continue;
        }

        for (c = ai_json_first(&doc, v);
             c != AI_JSON_NONE;
             c = ai_json_next(&doc, v, c))
        {
            child[nchild].in = v;
            child[nchild].ref = c;
            nchild++;
        }
    }
}


static int
is_out(unsigned set, ai_ref_t in, ai_ref_t ref)
{
    unsigned  i;

    for (i = 0; i < nchild; i++) {
        if (child[i].in == in && child[i].ref == ref) {
            return set >> i & 1;
        }
    }

    return 0;
}


/* the model: the tree printed without blanks */

static void
print(ai_buf_t *b, const ai_json_t *d, ai_ref_t v, unsigned set)
{
    int       n, object;
    ai_raw_t  raw;
    ai_ref_t  c;

    object = (d->node[v].type == AI_JSON_OBJECT);

    if (!object && d->node[v].type != AI_JSON_ARRAY) {
        raw = ai_json_raw(d, v);
        ai_buf_cat(b, &raw);
        return;
    }

    ai_buf_char(b, object ? '{' : '[');
    n = 0;

    for (c = ai_json_first(d, v);
         c != AI_JSON_NONE;
         c = ai_json_next(d, v, c))
    {
        if (d == &doc && is_out(set, v, c)) {
            continue;
        }

        if (n++) {
            ai_buf_char(b, ',');
        }

        if (object) {
            raw = ai_json_raw(d, c);
            ai_buf_cat(b, &raw);
            ai_buf_char(b, ':');
        }

        print(b, d, object ? ai_json_value(d, c) : c, set);
    }

    ai_buf_char(b, object ? '}' : ']');
}


/* order 0: of the document, 1: the other way, 2: mixed, each one twice */

static void
add(unsigned set, unsigned order)
{
    unsigned  i, k, n;

    ai_omit_init(&omit, mem_pool());

    n = order == 2 ? nchild * 2 : nchild;

    for (i = 0; i < n; i++) {
        k = order == 0 ? i : order == 1 ? nchild - 1 - i : i * 5 % nchild;

        if (order == 2 && nchild % 5 == 0) {
            k = (i + nchild / 2) % nchild;
        }

        if ((set >> k & 1)
            && ai_omit_add(&omit, &doc, child[k].in, child[k].ref) != AI_OK)
        {
            ok(0, "add");
        }
    }
}


/* the text in pieces, of which the result is made: each of its bytes comes
 * from the text, in order */

static int
is_part(const ai_str_t *s)
{
    size_t  i, k;

    for (i = 0, k = 0; i < s->len && k < doc.len; k++) {
        i += (s->data[i] == doc.text[k]);
    }

    return i == s->len;
}


static int
agrees(unsigned set, unsigned order)
{
    int        rc;
    ai_str_t   s, want, got;
    ai_buf_t   model, again;
    ai_json_t  parsed;

    add(set, order);
    ai_buf_reset(&out);
    ai_omit_write(&omit, &doc, &out);

    s = ai_buf_str(&out);

    ai_json_init(&parsed, mem_pool());
    ai_buf_init(&model, mem_pool());
    ai_buf_init(&again, mem_pool());

    if (ai_json_parse(&parsed, &s, NULL) != AI_OK) {
        diag("no JSON: %.*s", (int) s.len, s.data);
        return 0;
    }

    print(&model, &doc, AI_JSON_ROOT, set);
    print(&again, &parsed, AI_JSON_ROOT, 0);

    want = ai_buf_str(&model);
    got = ai_buf_str(&again);

    rc = ai_str_eq(&want, &got) && is_part(&s);

    if (!rc) {
        diag("set %x, order %u: %.*s", set, order, (int) s.len, s.data);
    }

    ai_pfree(mem_pool(), parsed.node);
    ai_pfree(mem_pool(), model.start);
    ai_pfree(mem_pool(), again.start);
    ai_pfree(mem_pool(), omit.list);

    return rc;
}


static void
test_all_sets(void)
{
    unsigned  i, set, order, bad;

    static const char *const  texts[] = {
        "[1]",
        "{\"a\":1}",
        "[1,2,3,4]",
        " [ 1 , 2 ,\n3\t,4 ] ",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}",
        "\r\n{ \"a\" : 1 , \"b\"\n: 2 ,\"c\":3, \"d\" :4 }\n",
        "[[],{},[[]],{\"a\":{}}]",
        "[[1,2],[3,4],[5,6]]",
        " [ [ 1 , 2 ] , [ 3 , 4 ] , [ 5 , 6 ] ] ",
        "{\"a\":[1,2,3],\"b\":{\"c\":4,\"d\":5},\"e\":6}",
        "{\"a\" : [ 1, 2 , 3 ] , \"b\":{ \"c\" :4 ,\"d\": 5 } ,\"e\" : 6}",
        "[\",\",\"]\",{\",\":\",\"},\"\\\",\",\"\\\\\"]",
        "{\"a\":[{\"b\":[{\"c\":[{\"d\":[1]}]}]}],\"e\":[[[2]]]}",
        "[[[[1,2],3],4],[5,[6,[7,8]]]]"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        start(texts[i]);
        children();

        ok(nchild <= CHILDREN_MAX, "%u children: %s", nchild, texts[i]);

        for (bad = 0, set = 0; set < 1U << nchild && bad < 3; set++) {
            for (order = 0; order < 3; order++) {
                bad += !agrees(set, order);
            }
        }

        is_int(bad, 0, "all %u sets", 1U << nchild);
        finish();
    }
}


static void
gives(const char *want)
{
    ai_buf_reset(&out);
    ai_omit_write(&omit, &doc, &out);

    is_mem(out.start, ai_buf_len(&out), want, strlen(want), "%s", want);
    finish();
}


static ai_ref_t
key(ai_ref_t object, const char *name)
{
    return ai_json_get(&doc, object, name) - 1;
}


static void
cut(ai_ref_t in, ai_ref_t v)
{
    is_int(ai_omit_add(&omit, &doc, in, v), AI_OK, "add");
}


static void
put(ai_ref_t v, const char *with)
{
    ai_raw_t  raw = { strlen(with), (ai_char_t *) with };

    is_int(ai_omit_replace(&omit, &doc, v, &raw), AI_OK, "replace");
}


/* which bytes stay, to the last blank */

static void
test_bytes(void)
{
    static const char  list[] = " [ 1 , 2 , 3 ] ";
    static const char  members[] = " {\"a\" : 1 , \"b\":[2,3],\"c\":\"x\" } ";

    start(list);
    gives(list);

    start(list);
    cut(0, 1);
    gives(" [ 2 , 3 ] ");

    start(list);
    cut(0, 2);
    gives(" [ 1  , 3 ] ");

    start(list);
    cut(0, 3);
    gives(" [ 1 , 2  ] ");

    start(list);
    cut(0, 1);
    cut(0, 2);
    gives(" [ 3 ] ");

    start(list);
    cut(0, 1);
    cut(0, 3);
    gives(" [ 2  ] ");

    start(list);
    cut(0, 2);
    cut(0, 3);
    gives(" [ 1   ] ");

    start(list);
    cut(0, 1);
    cut(0, 2);
    cut(0, 3);
    gives(" [  ] ");

    start(members);
    cut(0, key(0, "a"));
    gives(" {\"b\":[2,3],\"c\":\"x\" } ");

    start(members);
    cut(0, key(0, "b"));
    gives(" {\"a\" : 1 ,\"c\":\"x\" } ");

    start(members);
    cut(0, key(0, "c"));
    gives(" {\"a\" : 1 , \"b\":[2,3] } ");

    start(members);
    cut(ai_json_get(&doc, 0, "b"), ai_json_get(&doc, 0, "b") + 2);
    cut(0, key(0, "a"));
    gives(" {\"b\":[2],\"c\":\"x\" } ");
}


static void
test_replace(void)
{
    static const char  text[] = "{\"a\": 1, \"b\":[2, 3],\"c\":\"x\"}";

    start(text);
    put(AI_JSON_ROOT, "null");
    gives("null");

    start(text);
    put(ai_json_get(&doc, 0, "c"), "{}");
    put(ai_json_get(&doc, 0, "a"), "\"one\"");
    gives("{\"a\": \"one\", \"b\":[2, 3],\"c\":{}}");

    start(text);
    put(ai_json_get(&doc, 0, "a"), "7");
    put(ai_json_get(&doc, 0, "a"), "8");
    cut(0, key(0, "b"));
    gives("{\"a\": 8,\"c\":\"x\"}");

    /* between two that go: it stays, so the comma is the one in front */

    start(text);
    cut(0, key(0, "a"));
    put(ai_json_get(&doc, 0, "b"), "[]");
    cut(0, key(0, "c"));
    gives("{\"b\":[]}");

    start(text);
    put(ai_json_get(&doc, 0, "b") + 2, "4");
    cut(ai_json_get(&doc, 0, "b"), ai_json_get(&doc, 0, "b") + 1);
    gives("{\"a\": 1, \"b\":[4],\"c\":\"x\"}");

    /* within what goes or is replaced, nothing matters */

    start(text);
    put(ai_json_get(&doc, 0, "b") + 2, "4");
    put(ai_json_get(&doc, 0, "b"), "5");
    cut(ai_json_get(&doc, 0, "b"), ai_json_get(&doc, 0, "b") + 1);
    gives("{\"a\": 1, \"b\":5,\"c\":\"x\"}");

    start(text);
    put(ai_json_get(&doc, 0, "a"), "4");
    cut(0, key(0, "a"));
    gives("{\"b\":[2, 3],\"c\":\"x\"}");

    /* one element left out and replaced: in either order it goes */

    start("[1,2]");
    cut(0, 1);
    put(1, "3");
    gives("[2]");

    start("[1,2]");
    put(1, "3");
    cut(0, 1);
    gives("[2]");
}


static void
test_forget(void)
{
    static const char  text[] = "[[1,2],[3,4],[5,6]]";

    start(text);
    cut(1, 2);
    cut(1, 3);
    cut(4, 5);
    cut(7, 9);
    ai_omit_forget(&omit, &doc, 4);
    is_int(omit.n, 3, "one is forgotten");
    gives("[[],[3,4],[5]]");

    start(text);
    cut(1, 2);
    cut(4, 6);
    ai_omit_forget(&omit, &doc, 0);
    is_int(omit.n, 0, "all are");
    ai_omit_forget(&omit, &doc, 0);
    ai_omit_forget(&omit, &doc, AI_JSON_NONE);
    gives(text);
}


static void
test_refused(void)
{
    ai_raw_t  raw = ai_string("1");

    start("[{\"a\":1},2]");

    is_int(ai_omit_add(&omit, &doc, 0, 0), AI_ERROR, "the container itself");
    is_int(ai_omit_add(&omit, &doc, 1, 4), AI_ERROR, "another's child");
    is_int(ai_omit_add(&omit, &doc, 3, 4), AI_ERROR, "of no container");
    is_int(ai_omit_add(&omit, &doc, AI_JSON_NONE, 1), AI_ERROR, "of none");
    is_int(ai_omit_add(&omit, &doc, 0, AI_JSON_NONE), AI_ERROR, "nothing");
    is_int(ai_omit_replace(&omit, &doc, doc.n, &raw), AI_ERROR, "no value");
    is_int(ai_omit_replace(&omit, &doc, AI_JSON_NONE, &raw), AI_ERROR,
           "nothing replaced");
    is_int(omit.n, 0, "nothing was added");

    finish();
}


/* as many as there are, twice the room each time */

static void
test_many(void)
{
    int       i;
    char     *text;
    ai_ref_t  v;

    enum { N = 20000 };

    text = malloc(2 * N + 2);
    text[0] = '[';

    for (i = 0; i < N; i++) {
        text[1 + 2 * i] = (char) ('0' + i % 10);
        text[2 + 2 * i] = i == N - 1 ? ']' : ',';
    }

    text[2 * N + 1] = '\0';

    start(text);

    for (v = 1; v < doc.n; v++) {
        if (doc.text[doc.node[v].off] != '7'
            && ai_omit_add(&omit, &doc, 0, v) != AI_OK)
        {
            ok(0, "add %u", v);
        }
    }

    is_int(omit.n, N / 10 * 9, "entries");

    ai_omit_write(&omit, &doc, &out);
    is_int(ai_buf_len(&out), 2 * (N / 10) + 1, "bytes");
    is_mem(out.start, 5, "[7,7,", 5, "sevens");

    free(text);
    finish();
}


static void
test_memory(void)
{
    size_t    n;
    ai_int_t  rc;
    ai_ref_t  v;

    for (n = 1; n < 100; n++) {
        start("[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,"
              "0,1,2,3,4,5,6,7,8,9]");
        mem_fail_at(n);

        rc = AI_OK;

        for (v = 1; v < doc.n && rc == AI_OK; v += 2) {
            rc = ai_omit_add(&omit, &doc, 0, v);
        }

        if (rc == AI_OK) {
            ai_omit_write(&omit, &doc, &out);
        }

        if (!mem_failed()) {
            break;
        }

        ok(rc == AI_ERROR || out.failed, "allocation %zu fails", n);
        finish();
    }

    ok(n > 2 && n < 100, "there were %zu", n - 1);
    gives("[1,3,5,7,9,1,3,5,7,9,1,3,5,7,9,1,3,5,7,9]");
}


int
main(void)
{
    test_all_sets();
    test_bytes();
    test_replace();
    test_forget();
    test_refused();
    test_many();
    test_memory();

    return done();
}
