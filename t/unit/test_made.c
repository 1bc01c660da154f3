
/*
 * Keys that were made: lines as they are written and read, which of two
 * changes holds, what a line that is not right is told as, attributes out of
 * JSON, and keys as JSON.
 */

#include <auth/ai_made.h>
#include <codec/ai_crc32.h>

#include "tap.h"
#include "mem.h"


#define A16  "00112233445566778899aabbccddeeff"
#define B16  "ffeeddccbbaa99887766554433221100"
#define HEX  A16 B16
#define HEY  B16 A16
#define EPO  "0123456789abcdef0123456789abcdef"


static ai_char_t  prints[3][AI_PRINT_LEN] = {
    "", { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 },
    { 0xaa, 0, 0, 0, 0, 0, 0, 0xbb }
};

static const ai_made_peppers_t  peppers = { prints, 3 };


static ai_str_t
str(const char *text)
{
    ai_str_t  s;

    s.data = (ai_char_t *) text;
    s.len = strlen(text);

    return s;
}


/* "+ 7 body": with its checksum */

static void
line(ai_buf_t *b, char type, const char *rest)
{
    char      crc[16];
    ai_str_t  s;

    s = str(rest);
    snprintf(crc, sizeof(crc), "%c %08x ", type, ai_crc32(s.data, s.len));

    ai_buf_add(b, crc, strlen(crc));
    ai_buf_cat(b, &s);
    ai_buf_char(b, '\n');
}


static ai_int_t
feed(ai_made_t *made, const ai_buf_t *b, ai_key_error_t *err)
{
    size_t    used;
    ai_int_t  rc;
    ai_str_t  s;

    s.len = ai_buf_len(b);
    s.data = (ai_char_t *) guard_copy((char *) b->start, s.len);

    rc = ai_made_read(made, &s, &used, err);
    guard_free();

    if (rc == AI_OK && used != s.len) {
        return AI_DONE;
    }

    return rc;
}


static void
sample(ai_buf_t *b)
{
    ai_buf_init(b, mem_pool());
    ai_buf_lit(b, "# a comment\n\n");

    line(b, '+', "1 created=100 sha256:" HEX " id=a team=\"the team\" "
         "models=m,n* color=red");
    line(b, '+', "2 created=200 rotated=300 blocked=400 until=500 was=hmac:"
         HEY " wasprint=aa000000000000bb print=1122334455667788 hmac:" HEX
         " id=b rpm=7");
    line(b, '+', "3 created=201 sha256:" HEY " id=c");
    line(b, '=', "12 " EPO);
    line(b, '-', "4 c");
}


static const ai_key_t *
found(ai_made_t *made, ai_uint_t pepper, const char *hex, int64_t now,
    ai_key_state_e *state)
{
    unsigned         x;
    ai_uint_t        i;
    ai_char_t        digest[AI_DIGEST_LEN];
    const ai_key_t  *key;

    for (i = 0; i < AI_DIGEST_LEN; i++) {
        (void) sscanf(hex + 2 * i, "%2x", &x);
        digest[i] = (ai_char_t) x;
    }

    *state = ai_keys_find(made->keys, pepper, digest, now, &key);

    return key;
}


static int
is(const ai_str_t *s, const char *want)
{
    return s->len == strlen(want) && memcmp(s->data, want, s->len) == 0;
}


static void
test_read(void)
{
    ai_buf_t         b, again;
    ai_str_t         id;
    ai_made_t       *made;
    const ai_key_t  *key;
    ai_key_error_t   err;
    ai_key_state_e   state;

    sample(&b);
    made = ai_made_create(mem_pool(), &peppers, 0);
    ok(made && feed(made, &b, &err) == AI_OK, "lines are read");

    ok(made->live == 2 && made->n == 2 && made->lines == 7
       && made->version == 4, "what there is");
    ok(made->shared && made->cursor == 12
       && memcmp(made->epoch, EPO, AI_EPOCH_LEN) == 0, "a mark");

    key = found(made, AI_KEY_SHA256, HEX, 150, &state);
    ok(state == AI_KEY_GOOD && is(&key->id, "a") && is(&key->team, "the team")
       && key->made && key->grant.list[AI_GRANT_MODELS].n == 2
       && is(&key->grant.list[AI_GRANT_MODELS].v[1], "n*")
       && key->nattrs == 1 && is(&key->attrs[0].value, "red"), "a key");

    (void) found(made, 1, HEX, 450, &state);
    ok(state == AI_KEY_DISABLED, "one that is blocked, with its pepper");
    (void) found(made, 2, HEX, 450, &state);
    ok(state == AI_KEY_UNKNOWN, "and not with another");
    (void) found(made, 2, HEY, 450, &state);
    ok(state == AI_KEY_DISABLED, "its secret before is, too");
    (void) found(made, AI_KEY_SHA256, HEY, 450, &state);
    ok(state == AI_KEY_UNKNOWN, "one that was deleted");

    ai_buf_reset(&b);
    line(&b, '+', "5 created=200 until=500 was=hmac:" HEY
         " wasprint=aa000000000000bb print=1122334455667788 hmac:" HEX
         " id=b rpm=7 expires=2037-01-31");
    ok(feed(made, &b, &err) == AI_OK, "it is not blocked any more");
    key = found(made, 2, HEY, 499, &state);
    ok(state == AI_KEY_GOOD && is(&key->id, "b"), "before: good");
    (void) found(made, 2, HEY, 500, &state);
    ok(state == AI_KEY_EXPIRED, "until its time is over");
    (void) found(made, 1, HEX, 500, &state);
    ok(state == AI_KEY_GOOD, "the other one stays");

    id = str("b");
    ok(ai_made_find(made, &id)->key->rpm.amount == 7, "found by its id");
    ok(is(&made->first->id, "a") && is(&made->first->next->id, "b")
       && made->first->next->next == NULL, "in their order");

    /* lower versions do not count */

    ai_buf_reset(&b);
    line(&b, '-', "4 b");
    ok(feed(made, &b, &err) == AI_OK && ai_made_find(made, &id),
       "an older change is none");

    /* written, and read again */

    ai_buf_init(&again, mem_pool());
    ai_made_all(&again, made);
    ai_made_free(made);

    made = ai_made_create(mem_pool(), &peppers, 0);
    ok(feed(made, &again, &err) == AI_OK && made->live == 2
       && made->cursor == 12 && made->shared, "all of it, anew");

    ai_buf_init(&b, mem_pool());
    ai_made_all(&b, made);
    ok(ai_buf_len(&b) == ai_buf_len(&again)
       && memcmp(b.start, again.start, ai_buf_len(&b)) == 0, "is the same");

    ai_made_free(made);
    ai_pfree(mem_pool(), b.start);
    ai_pfree(mem_pool(), again.start);
}


static void
test_order(void)
{
    ai_buf_t         b;
    ai_str_t         id, body;
    ai_made_t       *made;
    ai_key_error_t   err;
    ai_key_state_e   state;

    ai_buf_init(&b, mem_pool());
    made = ai_made_create(mem_pool(), &peppers, 1);

    line(&b, '-', "9 a");
    line(&b, '+', "8 created=1 sha256:" HEX " id=a");
    ok(feed(made, &b, &err) == AI_OK && made->live == 0 && made->n == 1,
       "what was deleted later stays deleted");

    id = str("a");
    body = str("created=1 sha256:" HEX " id=a");
    ok(ai_made_change(made, 10, &id, &body, &err) == AI_OK
       && made->live == 1, "and is made again");
    (void) found(made, 0, HEX, 1, &state);
    ok(state == AI_KEY_GOOD, "and good");

    id = str("b");
    ok(ai_made_change(made, 11, &id, &body, &err) == AI_ERROR
       && strstr(err.text, "another id"), "a body of another key");

    body = str("created=1 sha256:" HEX " id=b");
    ok(ai_made_change(made, 11, &id, &body, &err) == AI_ERROR
       && strstr(err.text, "same secret"), "the secret of another key");

    body = str("created=1 print=0000000000000000 hmac:" HEY " id=b");
    ok(ai_made_change(made, 11, &id, &body, &err) == AI_OK
       && made->lost == 1, "a pepper that is not there");
    (void) found(made, 1, HEY, 1, &state);
    ok(state == AI_KEY_UNKNOWN, "is no good");

    id = str("c");
    body = str("created=1 print=0000000000000001 hmac:" HEY " id=c");
    ok(ai_made_change(made, 12, &id, &body, &err) == AI_ERROR, "nor twice");

    id = str("b");
    body.len = 0;
    ok(ai_made_change(made, 12, &id, &body, &err) == AI_OK
       && made->lost == 0 && made->live == 1, "until it is deleted");

    id = str("d");
    body = str("created=1 until=9 was=sha256:" B16 B16 " sha256:" A16 A16
               " id=d");
    ok(ai_made_change(made, 13, &id, &body, &err) == AI_OK, "another key");
    id = str("e");
    body = str("created=1 sha256:" B16 B16 " id=e");
    ok(ai_made_change(made, 14, &id, &body, &err) == AI_OK
       && found(made, 0, B16 B16, 1, &state)->id.data[0] == 'e',
       "a secret before makes way");

    ai_buf_reset(&b);
    ai_made_all(&b, made);
    ai_buf_char(&b, '\0');
    ok(strstr((char *) b.start, " 12 b\n") != NULL,
       "of which others have to hear");

    ai_made_free(made);
    ai_pfree(mem_pool(), b.start);
}


static void
test_mistakes(void)
{
    size_t           i;
    ai_buf_t         b;
    ai_made_t       *made;
    ai_key_error_t   err;

    static const struct {
        char         type;
        const char  *rest;
        const char  *message;
    } cases[] = {
        { '*', "1 a", "neither \"+\"" },
        { '+', "", "no version" },
        { '+', "x created=1 sha256:" HEX " id=a", "no version" },
        { '+', "9999999999999999999 created=1 sha256:" HEX " id=a",
          "no version" },
        { '-', "1 ", "invalid id" },
        { '-', "1 a b", "invalid id" },
        { '=', "1 " A16 "0", "a mark is not one" },
        { '=', "1 " A16 "00", "a mark is not one" },
        { '+', "1 created=1", "what describes" },
        { '+', "1 created=x sha256:" HEX " id=a", "what describes" },
        { '+', "1 made=1 sha256:" HEX " id=a", "what describes" },
        { '+', "1 was=md5:" HEX " sha256:" HEX " id=a", "what describes" },
        { '+', "1 print=11 hmac:" HEX " id=a", "what describes" },
        { '+', "1 created=1 sha256:00 id=a", "64 hexadecimal" },
        { '+', "1 created=1 sha256:" HEX, "no \"id\"" },
        { '+', "1 created=1 sha256:" HEX " id=a/b", "invalid id" },
        { '+', "1 created=1 sha256:" HEX " id=.a", "invalid id" },
        { '+', "1 created=1 sha256:" HEX " id=a taem=x", "did you mean" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        made = ai_made_create(mem_pool(), &peppers, 0);
        ai_buf_init(&b, mem_pool());

        line(&b, '+', "1 created=1 sha256:" HEY " id=other");
        line(&b, cases[i].type, cases[i].rest);

        ok(feed(made, &b, &err) == AI_ERROR && err.line == 2
           && strstr(err.text, cases[i].message) && made->live == 1,
           "%c %.40s: %s", cases[i].type, cases[i].rest, err.text);

        ai_made_free(made);
        ai_pfree(mem_pool(), b.start);
    }

    made = ai_made_create(mem_pool(), &peppers, 0);
    ai_buf_init(&b, mem_pool());
    ai_buf_lit(&b, "+ 00000000 1 created=1 sha256:" HEX " id=a\n");
    ok(feed(made, &b, &err) == AI_ERROR && strstr(err.text, "as it was"),
       "another checksum");
    ai_buf_reset(&b);
    ai_buf_lit(&b, "+ zz\n");
    ok(feed(made, &b, &err) == AI_ERROR && strstr(err.text, "checksum"),
       "none");
    ai_made_free(made);
    ai_pfree(mem_pool(), b.start);
}


/* a file that grows: its lines come whole or not at all */

static void
test_split(void)
{
    size_t           i, used, rest;
    ai_buf_t         b, want, got;
    ai_str_t         s;
    ai_made_t       *made;
    unsigned         bad;
    ai_key_error_t   err;

    sample(&b);
    made = ai_made_create(mem_pool(), &peppers, 1);
    (void) feed(made, &b, &err);
    ai_buf_init(&want, mem_pool());
    ai_made_all(&want, made);
    ai_made_free(made);

    bad = 0;

    for (i = 0; i <= ai_buf_len(&b); i++) {
        made = ai_made_create(mem_pool(), &peppers, 1);

        s.len = i;
        s.data = (ai_char_t *) guard_copy((char *) b.start, i);
        bad |= (ai_made_read(made, &s, &used, &err) != AI_OK || used > i);
        guard_free();

        rest = ai_buf_len(&b) - used;
        s.len = rest;
        s.data = (ai_char_t *) guard_copy((char *) b.start + used, rest);
        bad |= (ai_made_read(made, &s, &used, &err) != AI_OK || used != rest);
        guard_free();

        ai_buf_init(&got, mem_pool());
        ai_made_all(&got, made);

        bad |= (ai_buf_len(&got) != ai_buf_len(&want)
                || memcmp(got.start, want.start, ai_buf_len(&want)) != 0);

        ai_made_free(made);
        ai_pfree(mem_pool(), got.start);
    }

    ok(!bad, "cut anywhere it is the same");

    ai_pfree(mem_pool(), b.start);
    ai_pfree(mem_pool(), want.start);
}


/* nothing is half there, nothing is lost of what there was */

static void
test_memory(void)
{
    int              n;
    size_t           live;
    ai_buf_t         b;
    ai_int_t         rc;
    ai_made_t       *made;
    unsigned         bad;
    ai_key_error_t   err;

    bad = 0;

    for (n = 1; n < 500; n++) {
        mem_reset();
        sample(&b);
        live = mem_live();

        mem_fail_at((size_t) n);
        made = ai_made_create(mem_pool(), &peppers, 1);
        rc = made ? feed(made, &b, &err) : AI_ERROR;

        if (!mem_failed()) {
            break;
        }

        bad |= (rc != AI_ERROR);
        mem_fail_never();

        if (made) {
            bad |= (strcmp(err.text, "no memory") != 0
                    || ai_keys_count(made->keys) > 4);
            ai_made_free(made);
        }

        bad |= (mem_live() != live);
    }

    ok(n > 10 && n < 500 && !bad, "any of %d allocations fails", n - 1);
    mem_reset();
}


static void
test_many(void)
{
    int              i;
    char             text[256];
    size_t           live;
    ai_buf_t         b;
    ai_str_t         id;
    ai_made_t       *made;
    unsigned         bad;
    ai_key_error_t   err;

    mem_reset();
    made = ai_made_create(mem_pool(), &peppers, 0);
    ai_buf_init(&b, mem_pool());
    bad = 0;

    for (i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "%d created=1 sha256:%08x" HEX "%08x "
                 "id=k%d", i + 1, (unsigned) i * 2654435761U, (unsigned) i,
                 i);
        memmove(text + strcspn(text, ":") + 9 + 48,
                text + strcspn(text, ":") + 9 + 64, strlen(text)
                - strcspn(text, ":") - 9 - 64 + 1);
        line(&b, '+', text);
    }

    ok(feed(made, &b, &err) == AI_OK && made->live == 3000, "many");
    live = mem_live();

    for (i = 0; i < 3000; i += 2) {
        ai_buf_reset(&b);
        snprintf(text, sizeof(text), "%d k%d", 3001 + i, i);
        line(&b, '-', text);
        bad |= (feed(made, &b, &err) != AI_OK);
    }

    for (i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "k%d", i);
        id = str(text);
        bad |= ((ai_made_find(made, &id) != NULL) != (i % 2));
    }

    ok(!bad && made->live == 1500 && ai_keys_count(made->keys) == 1500,
       "half of them are deleted");
    ok(mem_live() <= live - 3000, "and their memory is back");

    ai_made_free(made);
    ai_pfree(mem_pool(), b.start);
    ok(mem_live() == 0, "all of it is");
}


static void
attrs(const char *json, const char *old, const char *want)
{
    ai_buf_t         b;
    ai_int_t         rc;
    ai_str_t         s, o;
    ai_json_t        doc;
    ai_key_error_t   err;

    ai_json_init(&doc, mem_pool());
    ai_buf_init(&b, mem_pool());

    s = str(json);
    o.len = strlen(old);
    o.data = (ai_char_t *) guard_copy(old, o.len);

    if (ai_json_parse(&doc, &s, NULL) != AI_OK) {
        ok(0, "%s is JSON", json);
        return;
    }

    rc = ai_made_attrs(&b, &doc, AI_JSON_ROOT, &o, &err);
    guard_free();

    ai_buf_char(&b, '\0');

    ok(want[0] == '!' ? rc == AI_ERROR && strstr(err.text, want + 1)
                      : rc == AI_OK && strcmp((char *) b.start, want) == 0,
       "%s and \"%s\": %s", json, old,
       rc == AI_OK ? (char *) b.start : err.text);
}


static void
test_attrs(void)
{
    attrs("{}", "", "");
    attrs("{\"team\":\"a b\",\"rpm\":60,\"models\":[\"m\",\"n*\"]}", "",
          " team=\"a b\" rpm=\"60\" models=\"m,n*\"");
    attrs("{\"meta\":{\"color\":\"red\",\"n\":1.50}}", "",
          " color=\"red\" n=\"1.50\"");
    attrs("{\"id\":\"x\",\"disabled\":true,\"grace\":1}",
          "id=y grace=7 team=a disabled", " team=a");
    attrs("{\"team\":null}", "id=x team=\"a b\" user=u  color=\"r g\"",
          " user=u color=\"r g\"");
    attrs("{\"team\":\"c\"}", "team=\"a b\" user=u # team=x",
          " user=u team=\"c\"");
    attrs("{\"meta\":{\"color\":null}}", "color=red user=u", " user=u");
    attrs("{\"meta\":\"x\"}", "", " meta=\"x\"");
    attrs("{\"t\\u0065am\":\"\\u00e4\"}", "team=x", " team=\"\xc3\xa4\"");
    attrs("{\"team\":\"a\\\"b\"}", "", "!\"team\" is no text");
    attrs("{\"models\":[\"a,b\"]}", "", "!\"models\" is no text");
    attrs("{\"models\":[[]]}", "", "!\"models\" is no text");
    attrs("{\"team\":true}", "", "!\"team\" is no text");
    attrs("{\"a b\":1}", "", "!other characters");
    attrs("{\"\":1}", "", "!other characters");
    attrs("{\"a=\\\"\":1}", "", "!other characters");
    attrs("{\"meta\":{\"meta\":{}}}", "", "!\"meta\" is no text");
    attrs("{\"meta\":{\"disabled\":\"x\"}}", "", "!nothing of \"meta\"");
    attrs("[]", "", "!not a JSON object");
}


static void
test_attrs_memory(void)
{
    int              n;
    ai_buf_t         b;
    ai_str_t         s, old;
    ai_int_t         rc;
    ai_json_t        doc;
    unsigned         bad;
    ai_key_error_t   err;

    s = str("{\"t\\u0065am\":\"\\u00e4 b\",\"meta\":{\"c\\u006f\":\"r\"},"
            "\"models\":[\"\\u0061\",\"b\"]}");
    old = str("user=u color=\"a b\"");
    bad = 0;

    for (n = 1; n < 100; n++) {
        mem_reset();
        ai_json_init(&doc, mem_pool());
        ai_buf_init(&b, mem_pool());

        if (ai_json_parse(&doc, &s, NULL) != AI_OK) {
            break;
        }

        mem_fail_at((size_t) n);
        rc = ai_made_attrs(&b, &doc, AI_JSON_ROOT, &old, &err);

        if (!mem_failed()) {
            bad |= (rc != AI_OK);
            break;
        }

        bad |= (rc != AI_ERROR || strcmp(err.text, "no memory") != 0);
    }

    ok(n > 4 && n < 100 && !bad, "any of %d allocations fails", n - 1);
    mem_reset();
}


static void
test_json(void)
{
    size_t           i;
    ai_buf_t         b;
    ai_str_t         s;
    ai_key_t        *key, *copy;
    ai_made_body_t   body;
    ai_key_error_t   err;

    static const struct {
        int64_t      seconds;
        const char  *text;
    } times[] = {
        { 0, "\"1970-01-01T00:00:00Z\"" },
        { 951782399, "\"2000-02-28T23:59:59Z\"" },
        { 951782400, "\"2000-02-29T00:00:00Z\"" },
        { 951868800, "\"2000-03-01T00:00:00Z\"" },
        { 4107542400, "\"2100-03-01T00:00:00Z\"" },
        { 1798761599, "\"2026-12-31T23:59:59Z\"" },
        { 253402300799, "\"9999-12-31T23:59:59Z\"" }
    };

    s = str("created=1 sha256:" HEX " id=a team=\"t\xc3\xa4\" project=p "
            "customer=c user=u tier=gold role=r models=m,n* routes=x "
            "operations=chat providers=q regions=eu tools=t* rpm=60 tpm=1000 "
            "budget=50/month color=\"a \\b\"");

    if (ai_made_parse(mem_pool(), &s, &body, &key, &err) != AI_OK) {
        ok(0, "a body is read");
        return;
    }

    copy = ai_key_copy(mem_pool(), key);
    memset(key, 0x55, sizeof(ai_key_t));

    ai_buf_init(&b, mem_pool());
    ai_key_json(&b, copy);
    ai_buf_char(&b, '\0');

    ok(strcmp((char *) b.start,
              ",\"team\":\"t\xc3\xa4\",\"project\":\"p\",\"customer\":\"c\","
              "\"user\":\"u\",\"tier\":\"gold\",\"role\":\"r\","
              "\"models\":[\"m\",\"n*\"],\"routes\":[\"x\"],"
              "\"operations\":[\"chat\"],\"providers\":[\"q\"],"
              "\"regions\":[\"eu\"],\"tools\":[\"t*\"],\"rpm\":60,"
              "\"tpm\":1000,\"budget\":\"50.00/month\","
              "\"meta\":{\"color\":\"a \\\\b\"}") == 0, "a key");

    copy->budget.amount = 1234567891;
    copy->budget.period = 36000;
    ai_buf_reset(&b);
    ai_key_json(&b, copy);
    ai_buf_char(&b, '\0');
    ok(strstr((char *) b.start, "\"budget\":\"1.234567891/10h\"") != NULL,
       "small money");

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        ai_buf_reset(&b);
        ai_key_json_time(&b, times[i].seconds);
        ai_buf_char(&b, '\0');
        ok(strcmp((char *) b.start, times[i].text) == 0, "%s",
           times[i].text);
    }

    mem_reset();
}


int
main(void)
{
    test_read();
    test_order();
    test_mistakes();
    test_split();
    test_memory();
    test_many();
    test_attrs();
    test_attrs_memory();
    test_json();

    return done();
}
