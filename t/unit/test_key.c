
/*
 * Key files: lines that are right, what each mistake is told as, the table,
 * and the digests.
 */

#include <auth/ai_key_int.h>

#include "tap.h"
#include "mem.h"


#define A16  "00112233445566778899aabbccddeeff"
#define B16  "ffeeddccbbaa99887766554433221100"
#define HEX  A16 B16
#define HEY  B16 A16


static ai_keys_t *
parse(const char *text, ai_uint_t pepper, ai_key_error_t *err, ai_int_t *rc)
{
    ai_str_t    s;
    ai_keys_t  *keys;

    keys = ai_keys_create(mem_pool());
    if (keys == NULL) {
        *rc = AI_ERROR;
        return NULL;
    }

    s.len = strlen(text);
    s.data = (ai_char_t *) guard_copy(text, s.len);

    *rc = ai_keys_parse(keys, &s, pepper, 7, err);

    /* nothing of the text may be needed any more */

    guard_free();

    return keys;
}


static void
test_line(void)
{
    ai_key_t        *k;
    ai_int_t         rc;
    ai_keys_t       *keys;
    ai_grant_t      *g;
    ai_key_error_t   err;

    keys = parse("# a comment\n\n  \t\r\n"
                 "hmac:" HEX " id=ci-bot team=search project=\"rag one\" "
                 "customer=acme user=u tier=gold role=dev "
                 "models=gpt-4o*,claude-* routes=all operations=chat,models "
                 "providers=openai regions=eu,us tools=search_* rpm=60 "
                 "tpm=100000 budget=50.25/month "
                 "expires=2027-01-31T12:34:56Z color=blue Shape=\"a b\"\r\n"
                 "\tsha256:" "00112233445566778899AABBCCDDEEFF"
                 "FFEEDDCCBBAA99887766554433221100"
                 " id=two disabled # the rest\n"
                 "sha256:" HEY " id=three", 3, &err, &rc);

    is_int(rc, AI_OK, "parsed: %s", err.text);
    is_int(ai_keys_count(keys), 3, "three keys");

    k = ai_keys_first(keys);

    is_int(k->pepper, 3, "the file's pepper");
    is_int(k->digest[0], 0x00, "digest, first byte");
    is_int(k->digest[15], 0xff, "digest, middle");
    is_int(k->digest[31], 0x00, "digest, last byte");
    is_int(k->digest[17], 0xee, "digest, 17");
    is_str(k->id, "ci-bot", "id");
    is_str(k->team, "search", "team");
    is_str(k->project, "rag one", "a value in quotes");
    is_str(k->customer, "acme", "customer");
    is_str(k->user, "u", "user");
    is_str(k->tier, "gold", "tier");
    is_str(k->role, "dev", "role");

    g = &k->grant;
    is_int(g->strict, 0, "what a key does not say is not narrowed");
    is_int(g->list[AI_GRANT_MODELS].n, 2, "two models");
    is_str(g->list[AI_GRANT_MODELS].v[0], "gpt-4o*", "the first");
    is_str(g->list[AI_GRANT_MODELS].v[1], "claude-*", "the second");
    is_int(g->list[AI_GRANT_ROUTES].n, 1, "a route");
    is_int(g->list[AI_GRANT_OPERATIONS].n, 2, "operations");
    is_int(g->list[AI_GRANT_PROVIDERS].n, 1, "a provider");
    is_int(g->list[AI_GRANT_REGIONS].n, 2, "regions");
    is_int(g->list[AI_GRANT_TOOLS].n, 1, "tools");

    is_int(k->rpm.amount, 60, "rpm");
    is_int(k->rpm.period, 60, "... a minute");
    is_int(k->tpm.amount, 100000, "tpm");
    is_int(k->tpm.period, 60, "... a minute");
    is_int(k->budget.amount, 50250000000LL, "budget, nano-USD");
    is_int(k->budget.period, AI_PERIOD_MONTH, "... a month");
    is_int(k->expires, 1801398896, "expires");
    is_int(k->disabled, 0, "not disabled");
    is_int(k->line, 4, "line");
    is_int(k->file, 7, "file");

    is_int(k->nattrs, 2, "attributes");
    is_str(*ai_key_attr(k, &ai_lit("color")), "blue", "one");
    is_str(*ai_key_attr(k, &ai_lit("shape")), "a b", "in lower case");
    ok(ai_key_attr(k, &ai_lit("size")) == NULL, "one that is not there");
    ok(ai_key_attr(k, &ai_lit("team")) == NULL, "built in");

    k = k->next;
    is_int(k->pepper, AI_KEY_SHA256, "sha256 has no pepper");
    is_int(k->disabled, 1, "disabled");
    is_int(k->rpm.amount, -1, "no limit");
    is_int(k->tpm.amount, -1, "no limit");
    is_int(k->budget.amount, -1, "no limit");
    ok(k->expires == AI_KEY_NEVER, "never expires");
    ok(k->grant.list[AI_GRANT_MODELS].v == NULL, "no list");
    is_int(k->line, 5, "line");

    mem_reset();
}


static void
test_mistakes(void)
{
    size_t           i;
    ai_int_t         rc;
    ai_key_error_t   err;

    static const struct {
        const char  *text;
        ai_uint_t    line;
        const char  *message;
    } cases[] = {
        { "sk-ai-secret id=x", 1,
          "a line begins with neither \"hmac:\" nor \"sha256:\"" },
        { "\n\nHMAC:" HEX " id=x", 3,
          "a line begins with neither \"hmac:\" nor \"sha256:\"" },
        { "sha256:" A16 " id=x", 1, "a digest is not 64 hexadecimal digits" },
        { "sha256:" HEX "0 id=x", 1,
          "a digest is not 64 hexadecimal digits" },
        { "sha256:" A16 "x0112233445566778899aabbccddeeff id=x", 1,
          "a digest is not 64 hexadecimal digits" },
        { "sha256:", 1, "a digest is not 64 hexadecimal digits" },
        { "sha256:" HEX, 1, "a key has no \"id\"" },
        { "sha256:" HEX " # id=x", 1, "a key has no \"id\"" },
        { "sha256:" HEX " id=", 1, "\"id\" is empty" },
        { "sha256:" HEX " id=\"\"", 1, "\"id\" is empty" },
        { "sha256:" HEX " id=x id=y", 1, "duplicate \"id\"" },
        { "sha256:" HEX " id=x a=1 A=2", 1, "duplicate \"A\"" },
        { "sha256:" HEX " id=x disabled disabled", 1,
          "duplicate \"disabled\"" },
        { "sha256:" HEX " id=x disabled=yes", 1,
          "\"disabled\" takes no value" },
        { "sha256:" HEX " id=x disbled", 1,
          "unknown word \"disbled\", did you mean \"disabled\"?" },
        { "sha256:" HEX " id=x team", 1, "no value in \"team\"" },
        { "sha256:" HEX " id=x thing", 1, "no value in \"thing\"" },
        { "sha256:" HEX " id=x modles=a", 1,
          "unknown attribute \"modles\", did you mean \"models\"?" },
        { "sha256:" HEX " id=x model=a", 1,
          "unknown attribute \"model\", did you mean \"models\"?" },
        { "sha256:" HEX " id=x modelss=a", 1,
          "unknown attribute \"modelss\", did you mean \"models\"?" },
        { "sha256:" HEX " id=x Team=a", 1,
          "unknown attribute \"Team\", did you mean \"team\"?" },
        { "sha256:" HEX " id=x expirse=2027-01-01", 1,
          "unknown attribute \"expirse\", did you mean \"expires\"?" },
        { "sha256:" HEX " id=x budgat=5/d", 1,
          "unknown attribute \"budgat\", did you mean \"budget\"?" },
        { "sha256:" HEX " id=x a-b=1", 1, "a name has other characters than "
          "letters, digits and \"_\"" },
        { "sha256:" HEX " id=x =1", 1, "a name has other characters than "
          "letters, digits and \"_\"" },
        { "sha256:" HEX " id=\"x", 1,
          "the value of \"id\" has no closing quote" },
        { "sha256:" HEX " id=\"x\"y", 1,
          "quotes are only around the whole value of \"id\"" },
        { "sha256:" HEX " id=x\"y\"", 1,
          "quotes are only around the whole value of \"id\"" },
        { "sha256:" HEX " id=x models=a,,b", 1, "invalid name in \"models\": "
          "it is empty, or has a \"*\" that is not its last character" },
        { "sha256:" HEX " id=x models=*-mini", 1, "invalid name in "
          "\"models\": it is empty, or has a \"*\" that is not its last "
          "character" },
        { "sha256:" HEX " id=x operations=chta", 1,
          "unknown operation \"chta\", did you mean \"chat\"?" },
        { "sha256:" HEX " id=x operations=everything", 1,
          "unknown operation \"everything\"" },
        { "sha256:" HEX " id=x rpm=60/m", 1,
          "invalid \"rpm\", it is a plain number" },
        { "sha256:" HEX " id=x rpm=-1", 1,
          "invalid \"rpm\", it is a plain number" },
        { "sha256:" HEX " id=x tpm=100k", 1,
          "invalid \"tpm\", it is a plain number" },
        { "sha256:" HEX " id=x budget=50", 1, "invalid \"budget\", it is USD "
          "in a period, such as \"50.00/month\"" },
        { "sha256:" HEX " id=x expires=tomorrow", 1, "invalid date in "
          "\"expires\", it is YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ" },
        { "sha256:" HEX " id=x\nsha256:" HEX " id=y", 2,
          "the key of \"y\" is that of \"x\"" },
        { "sha256:" HEX " id=x\n# c\nsha256:" HEY " id=x", 3,
          "duplicate id \"x\"" },
        { "sha256:" HEX " id=\001", 1, "a line has a control character" },
        { "hmac:" HEX " id=x", 1,
          "\"hmac:\" needs \"pepper=\" of \"ai_key_file\"" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) parse(cases[i].text, AI_KEY_SHA256, &err, &rc);

        is_int(rc, AI_ERROR, "case %d is an error", (int) i);
        is_int(err.line, cases[i].line, "... in line %d",
               (int) cases[i].line);
        is_cstr(err.text, cases[i].message, "... told");
        ok(strstr(err.text, "0011") == NULL && strstr(err.text, "secret")
           == NULL, "... without what may be secret");

        mem_reset();
    }
}


/* one letter is a mistake only of names that are built in */

static void
test_near(void)
{
    ai_int_t         rc;
    ai_key_error_t   err;

    (void) parse("sha256:" HEX " id=x colour=1 teamlead=2 modelling=3 "
                 "ip=1.2.3.4 models=*", 0, &err, &rc);

    is_int(rc, AI_ERROR, "\"ip\" is near \"id\"");
    is_cstr(err.text, "unknown attribute \"ip\", did you mean \"id\"?",
            "... which is told");

    (void) parse("sha256:" HEX " id=x colour=1 teamlead=2 modelling=3 "
                 "models=*", 0, &err, &rc);
    is_int(rc, AI_OK, "two letters are enough: %s", err.text);

    mem_reset();
}


static void
test_date(void)
{
    int64_t    t;
    size_t     i;
    ai_str_t   s;

    static const struct {
        const char  *text;
        int64_t      seconds;           /* -1: refused */
    } cases[] = {
        { "1970-01-01", 0 },
        { "1970-01-01T00:00:01Z", 1 },
        { "2000-02-29", 951782400 },
        { "2024-02-29T23:59:59Z", 1709251199 },
        { "2027-01-31", 1801353600 },
        { "2038-01-19T03:14:08Z", 2147483648LL },
        { "9999-12-31T23:59:59Z", 253402300799LL },
        { "1969-12-31", -1 },
        { "2023-02-29", -1 },
        { "2100-02-29", -1 },
        { "2027-04-31", -1 },
        { "2027-13-01", -1 },
        { "2027-00-01", -1 },
        { "2027-01-00", -1 },
        { "2027-01-01T24:00:00Z", -1 },
        { "2027-01-01T00:60:00Z", -1 },
        { "2027-01-01T00:00:60Z", -1 },
        { "2027-01-01T00:00:00", -1 },
        { "2027-01-01 00:00:00Z", -1 },
        { "2027-01-01T00:00:00X", -1 },
        { "2027/01/01", -1 },
        { "2027-1-01", -1 },
        { "27-01-01", -1 },
        { "", -1 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s.len = strlen(cases[i].text);
        s.data = (ai_char_t *) guard_copy(cases[i].text, s.len);
        t = -1;

        if (cases[i].seconds < 0) {
            is_int(ai_key_date(&s, &t), AI_ERROR, "\"%s\"", cases[i].text);
            continue;
        }

        is_int(ai_key_date(&s, &t), AI_OK, "\"%s\"", cases[i].text);
        is_int(t, cases[i].seconds, "... is %s", cases[i].text);
    }

    guard_free();
}


/* many keys, found among each other; no state is told of a digest that is
 * not that of the same pepper */

static void
test_find(void)
{
    int               i, wrong;
    char              line[256], *text, *p;
    ai_int_t          rc;
    ai_char_t         digest[AI_DIGEST_LEN];
    ai_keys_t        *keys;
    ai_key_error_t    err;
    const ai_key_t   *k;

    enum { N = 3000 };

    text = malloc(N * sizeof(line));
    p = text;

    for (i = 0; i < N; i++) {
        p += sprintf(p, "%s:%08x%048x%08x id=k%d%s%s\n",
                     i % 2 ? "hmac" : "sha256", (unsigned) i * 2654435761U, i,
                     i, i, i % 5 ? "" : " disabled",
                     i % 3 ? "" : " expires=2026-01-01");
    }

    keys = parse(text, 2, &err, &rc);
    is_int(rc, AI_OK, "%d keys: %s", N, err.text);
    is_int(ai_keys_count(keys), N, "all of them");

    wrong = 0;

    for (k = ai_keys_first(keys), i = 0; k; k = k->next, i++) {
        const ai_key_t   *got, *other;
        ai_key_state_e    want;

        want = i % 5 == 0 ? AI_KEY_DISABLED
               : i % 3 == 0 ? AI_KEY_EXPIRED : AI_KEY_GOOD;

        wrong += ai_keys_find(keys, i % 2 ? 2 : 0, k->digest, 1767225600,
                              &got) != want
                 || got != k;
        wrong += ai_keys_find(keys, i % 2 ? 0 : 2, k->digest, 1767225600,
                              &other) != AI_KEY_UNKNOWN
                 || other == k || other == NULL;

        if (want == AI_KEY_EXPIRED) {
            wrong += ai_keys_find(keys, k->pepper, k->digest, 1767225599,
                                  &got) != AI_KEY_GOOD;
        }

        /* one bit off */

        memcpy(digest, k->digest, AI_DIGEST_LEN);
        digest[i % AI_DIGEST_LEN] ^= (ai_char_t) (1 << i % 8);

        wrong += ai_keys_find(keys, k->pepper, digest, 0, &got)
                 != AI_KEY_UNKNOWN
                 || got->id.len != 0;
    }

    is_int(i, N, "in the file's order");
    is_int(wrong, 0, "each is found, and nothing else");

    memset(digest, 0, sizeof(digest));
    is_int(ai_keys_find(keys, 9, digest, 0, &k), AI_KEY_UNKNOWN,
           "the digest of nobody");
    is_int(ai_keys_find(keys, (ai_uint_t) -1, digest, 0, &k) == AI_KEY_UNKNOWN
           || k->id.len == 0, 1, "... is no key");

    free(text);
    mem_reset();
}


static void
hex(const ai_char_t *digest, char *out)
{
    int  i;

    for (i = 0; i < AI_DIGEST_LEN; i++) {
        sprintf(out + i * 2, "%02x", digest[i]);
    }
}


/* FIPS 180-4 and RFC 4231 */

static void
test_digest(void)
{
    char          out[65], key[131];
    size_t        i;
    ai_str_t      secret, text;
    ai_char_t     digest[AI_DIGEST_LEN];
    ai_pepper_t  *pepper;

    static const struct {
        const char  *secret;
        size_t       len;
        const char  *text;
        const char  *want;
    } cases[] = {
        { "", 0, "abc", "ba7816bf8f01cfea414140de5dae2223"
          "b00361a396177a9cb410ff61f20015ad" },
        { "", 0, "", "e3b0c44298fc1c149afbf4c8996fb924"
          "27ae41e4649b934ca495991b7852b855" },
        { "Jefe", 4, "what do ya want for nothing?",
          "5bdcc146bf60754e6a042426089575c7"
          "5a003f089d2739839dec58b964ec3843" },
        { "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
          "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20, "Hi There",
          "b0344c61d8db38535ca8afceaf0bf12b"
          "881dc200c9833da726e9376c2e32cff7" },
        { NULL, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
          "60e431591ee0b67f0d8a26aacbf5b77f"
          "8e0bc6213728c5140546040f0ee37f54" },
    };

    memset(key, 0xaa, sizeof(key));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        secret.data = (ai_char_t *) (cases[i].secret ? cases[i].secret : key);
        secret.len = cases[i].len;
        text.data = (ai_char_t *) cases[i].text;
        text.len = strlen(cases[i].text);

        pepper = ai_pepper_create(&secret);
        ok(pepper != NULL, "a pepper of %d bytes", (int) secret.len);

        (void) ai_pepper_digest(pepper, &ai_lit("something else"), digest);
        is_int(ai_pepper_digest(pepper, &text, digest), AI_OK, "a digest");
        hex(digest, out);
        is_cstr(out, cases[i].want, "... is the one of the standard");

        ai_pepper_free(pepper);
    }

    ai_pepper_free(NULL);
}


static void
test_memory(void)
{
    int              n;
    ai_int_t         rc;
    ai_keys_t       *keys;
    ai_key_error_t   err;

    for (n = 1; n < 1000; n++) {
        mem_reset();
        mem_fail_at((size_t) n);

        keys = parse("sha256:" HEX " id=x team=a models=a,b color=1 "
                     "shape=2 size=3 taste=4 smell=5 sound=6\n"
                     "sha256:" HEY " id=y", 0, &err, &rc);

        if (!mem_failed()) {
            is_int(rc, AI_OK, "enough memory");
            break;
        }

        if (!(keys == NULL || rc == AI_ERROR)) {
            ok(0, "allocation %d fails", n);
        }
    }

    ok(n > 10, "%d allocations failed", n - 1);
    mem_reset();
}


int
main(void)
{
    test_line();
    test_mistakes();
    test_near();
    test_date();
    test_find();
    test_digest();
    test_memory();

    return done();
}
