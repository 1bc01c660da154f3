
/*
 * AWS signatures: vectors of the suite that AWS publishes (in aws-c-auth as
 * tests/aws-signing-test-suite/v4), requests that botocore signed, what is
 * refused, and memory that fails.
 */

#include <stdio.h>
#include <codec/ai_base64.h>
#include <codec/ai_sigv4.h>
#include "tap.h"
#include "mem.h"


#define EMPTY                                                                 \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SECRET  "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define FORM                                                                  \
    "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"

#define TOKEN                                                                 \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsK" \
    "WHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeeh" \
    "M4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q" \
    "6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypN" \
    "C9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="


typedef struct {
    const char        *name;
    const char        *method;
    const char        *path;
    const char        *query;
    const char        *token;
    const char        *header[6];
    const char        *body;
    const char        *names;
    const char        *signature;
} vector_t;


static const vector_t  vectors[] = {
    { "get-vanilla", "GET", "/",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },

    { "post-vanilla", "POST", "/",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },

    { "get-vanilla-with-session-token", "GET", "/",
      "",
      "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
      { NULL },
      "", "host;x-amz-date;x-amz-security-token",
      "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8" },

    { "post-sts-header-before", "POST", "/",
      "",
      TOKEN,
      { NULL },
      "", "host;x-amz-date;x-amz-security-token",
      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },

    { "post-header-key-case", "POST", "/",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },

    { "post-header-key-sort", "POST", "/",
      "",
      "",
      { "My-Header1",
        "value1" },
      "", "host;my-header1;x-amz-date",
      "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },

    { "post-header-value-case", "POST", "/",
      "",
      "",
      { "My-Header1",
        "VALUE1" },
      "", "host;my-header1;x-amz-date",
      "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d" },

    { "get-header-value-trim", "GET", "/",
      "",
      "",
      { "My-Header1",
        " value1",
        "My-Header2",
        " \"a   b   c\"" },
      "", "host;my-header1;my-header2;x-amz-date",
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },

    { "get-unreserved", "GET",
      "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"
      "z",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },

    { "get-slash-normalized", "GET", "//",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },

    { "get-slashes-normalized", "GET", "//example//",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84" },

    { "get-slash-dot-slash-normalized", "GET", "/./",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },

    { "get-slash-pointless-dot-normalized", "GET", "/./example",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5" },

    { "get-relative-normalized", "GET", "/example/..",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },

    { "get-relative-relative-normalized", "GET", "/example1/example2/../..",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },

    { "get-utf8", "GET", "/\341\210\264",
      "",
      "",
      { NULL },
      "", "host;x-amz-date",
      "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },

    { "get-vanilla-query-order-key-case", "GET", "/",
      "Param2=value2&Param1=value1",
      "",
      { NULL },
      "", "host;x-amz-date",
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },

    { "get-vanilla-query-order-encoded", "GET", "/",
      "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
      "",
      { NULL },
      "", "host;x-amz-date",
      "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac" },

    { "get-vanilla-empty-query-key", "GET", "/",
      "Param1=value1",
      "",
      { NULL },
      "", "host;x-amz-date",
      "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },

    { "post-vanilla-query", "POST", "/",
      "Param1=value1",
      "",
      { NULL },
      "", "host;x-amz-date",
      "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },

    { "post-x-www-form-urlencoded", "POST", "/",
      "",
      "",
      { "Content-Type",
        "application/x-www-form-urlencoded",
        "Content-Length",
        "13",
        "x-amz-content-sha256",
        "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e" },
      "Param1=value1", "content-length;content-type;host;x-amz-content-sha25"
      "6;x-amz-date",
      "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b" },

    { "post-x-www-form-urlencoded-parameters", "POST", "/",
      "",
      "",
      { "Content-Type",
        "application/x-www-form-urlencoded; charset=utf-8",
        "Content-Length",
        "13",
        "x-amz-content-sha256",
        "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e" },
      "Param1=value1", "content-length;content-type;host;x-amz-content-sha25"
      "6;x-amz-date",
      "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422" }
};


static ai_sigv4_header_t  headers[AI_SIGV4_HEADERS + 1];
static ai_buf_t           out;


static ai_str_t
str(const char *p)
{
    ai_str_t  s;

    s.data = (ai_char_t *) p;
    s.len = strlen(p);

    return s;
}


static ai_sigv4_t
vanilla(void)
{
    ai_sigv4_t  r;

    memset(&r, 0, sizeof(r));

    r.access_key = str("AKIDEXAMPLE");
    r.secret = str(SECRET);
    r.region = str("us-east-1");
    r.service = str("service");
    r.method = str("GET");
    r.host = str("example.amazonaws.com");
    r.path = str("/");
    r.headers = headers;
    r.time = 1440938160;

    return r;
}


static ai_int_t
sign(const ai_sigv4_t *r, const char *body)
{
    ai_str_t   s;
    ai_char_t  hash[AI_SIGV4_HASH];

    ai_buf_init(&out, mem_pool());
    s = str(body);

    if (ai_sigv4_hash(&s, 1, hash) != AI_OK) {
        return AI_ERROR;
    }

    return ai_sigv4_sign(r, hash, &out);
}


static void
test_vectors(void)
{
    char             want[2048];
    size_t           i, k;
    ai_sigv4_t       r;
    const vector_t  *v;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        v = &vectors[i];
        r = vanilla();

        r.method = str(v->method);
        r.path = str(v->path);
        r.query = str(v->query);
        r.token = str(v->token);

        for (k = 0; k < 6 && v->header[k]; k += 2) {
            headers[k / 2].name = str(v->header[k]);
            headers[k / 2].value = str(v->header[k + 1]);
        }

        r.nheaders = k / 2;

        snprintf(want, sizeof(want),
                 "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
                 "20150830/us-east-1/service/aws4_request, SignedHeaders=%s, "
                 "Signature=%s\r\nX-Amz-Date: 20150830T123600Z\r\n%s%s%s",
                 v->names, v->signature,
                 v->token[0] ? "X-Amz-Security-Token: " : "", v->token,
                 v->token[0] ? "\r\n" : "");

        is_int(sign(&r, v->body), AI_OK, "%s is signed", v->name);
        is_str(ai_buf_str(&out), want, "%s", v->name);
        mem_reset();
    }
}


/* botocore 1.44.5, SigV4Auth for "bedrock" */

static void
test_bedrock(void)
{
    ai_sigv4_t  r;

    r = vanilla();
    r.secret = str("se/cr+et");
    r.service = str("bedrock");
    r.region = str("eu-central-1");
    r.method = str("POST");
    r.host = str("bedrock-runtime.eu-central-1.amazonaws.com");
    r.path = str("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A"
                 "inference-profile%2Fus.amazon.nova-lite-v1%3A0/converse");
    r.token = str("FwoGZXIvYXdzE//token+1==");
    headers[0].name = str("Content-Type");
    headers[0].value = str("application/json");
    r.nheaders = 1;
    r.time = 1790000000;

    is_int(sign(&r, "{\"x\":1}"), AI_OK, "as botocore");
    is_str(ai_buf_str(&out),
           "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/202609"
           "21/eu-central-1/bedrock/aws4_request, "
           "SignedHeaders=content-type;host;x-amz-date;x-amz-security-tok"
           "en, "
           "Signature=41f1849374d10400bf741b0ec4696871"
           "7a5f53a1d9b0842ae1fc9700e2b39f4d\r\n"
           "X-Amz-Date: 20260921T141320Z\r\n"
           "X-Amz-Security-Token: FwoGZXIvYXdzE//token+1==\r\n",
           "the path is encoded again");
    mem_reset();
}


static void
test_hash(void)
{
    size_t     i;
    ai_str_t   span[3];
    ai_char_t  one[AI_SIGV4_HASH], two[AI_SIGV4_HASH];

    is_int(ai_sigv4_hash(NULL, 0, one), AI_OK, "no span");
    is_mem(one, sizeof(one), EMPTY, 64, "of nothing");

    span[0] = str("Param1=value1");
    is_int(ai_sigv4_hash(span, 1, one), AI_OK, "one span");
    is_mem(one, sizeof(one), FORM, 64, "of a form");

    for (i = 0; i <= 13; i++) {
        span[0] = guard_str("Param1=value1", i);
        span[1] = str("");
        span[2] = guard_str("Param1=value1" + i, 13 - i);
        is_int(ai_sigv4_hash(span, 3, two), AI_OK, "cut at %zu", i);
        is_mem(two, sizeof(two), one, sizeof(one), "is the same");
    }

    guard_free();
}


static void
test_dates(void)
{
    size_t      i;
    ai_sigv4_t  r;

    static const struct {
        int64_t      time;
        const char  *date;
    } cases[] = {
        { 0, "19700101T000000Z" },
        { 951782399, "20000228T235959Z" },
        { 951782400, "20000229T000000Z" },
        { 951868800, "20000301T000000Z" },
        { 1709164800, "20240229T000000Z" },
        { 1735689599, "20241231T235959Z" },
        { 4107542400, "21000301T000000Z" },
        { 253402300799, "99991231T235959Z" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = vanilla();
        r.time = cases[i].time;
        is_int(sign(&r, ""), AI_OK, "%s", cases[i].date);
        ok(ai_str_casefind(&(ai_str_t) { ai_buf_len(&out), out.start },
                           cases[i].date), "is in the line");
        mem_reset();
    }
}


static void
test_refused(void)
{
    size_t      i, n;
    char        long_query[1024];
    ai_sigv4_t  r, *p;

    p = &r;

#define REFUSED(what, ...)                                                    \
    r = vanilla();                                                            \
    __VA_ARGS__;                                                              \
    is_int(sign(p, ""), AI_DECLINED, what);                                   \
    is_int(ai_buf_len(&out), 0, "and nothing is written");                    \
    mem_reset();

    REFUSED("no key", r.access_key = str(""))
    REFUSED("a key with CRLF", r.access_key = str("A\r\nB"))
    REFUSED("a key with a slash", r.access_key = str("A/B"))
    REFUSED("no secret", r.secret = str(""))
    REFUSED("no region", r.region = str(""))
    REFUSED("a region with a slash", r.region = str("us/east"))
    REFUSED("a region with a blank", r.region = str("us east"))
    REFUSED("no service", r.service = str(""))
    REFUSED("no method", r.method = str(""))
    REFUSED("no host", r.host = str(""))
    REFUSED("a host with a line end", r.host = str("a\nb"))
    REFUSED("a token with CRLF", r.token = str("a\r\nX: b"))
    REFUSED("no path", r.path = str(""))
    REFUSED("a path without its slash", r.path = str("model"))
    REFUSED("a path with NUL", r.path = str("/"), r.path.len = 2)
    REFUSED("a query with a line end", r.query = str("a=\n"))
    REFUSED("before 1970", r.time = -1)
    REFUSED("after 9999", r.time = 253402300800)

    headers[0].name = str("host");
    headers[0].value = str("x");
    REFUSED("Host again", r.nheaders = 1)
    headers[0].name = str("X-AMZ-Date");
    REFUSED("the date again", r.nheaders = 1)
    headers[0].name = str("a:b");
    REFUSED("a name with a colon", r.nheaders = 1)
    headers[0].name = str("");
    REFUSED("an empty name", r.nheaders = 1)
    headers[0].name = str("a");
    headers[0].value = str("x\ry");
    REFUSED("a value with CR", r.nheaders = 1)
    headers[0].value = str("x");
    headers[1].name = str("A");
    headers[1].value = str("y");
    REFUSED("a name twice", r.nheaders = 2)
    REFUSED("too many", r.nheaders = AI_SIGV4_HEADERS + 1)

    for (i = 0, n = 0; i < AI_SIGV4_QUERY + 1; i++) {
        n += (size_t) snprintf(long_query + n, sizeof(long_query) - n,
                               "&a%zu", i);
    }

    REFUSED("too many arguments", r.query = str(long_query))

    r = vanilla();
    r.query = str("");
    *strrchr(long_query, '&') = '\0';
    r.query = str(long_query);
    is_int(sign(&r, ""), AI_OK, "just as many as may be");
    mem_reset();

    for (i = 0; i < AI_SIGV4_HEADERS; i++) {
        static char  names[AI_SIGV4_HEADERS][8];

        snprintf(names[i], sizeof(names[i]), "h%02zu", 50 - i);
        headers[i].name = str(names[i]);
        headers[i].value = str("v");
    }

    r = vanilla();
    r.nheaders = AI_SIGV4_HEADERS;
    is_int(sign(&r, ""), AI_OK, "as many headers");
    ok(ai_str_casefind(&(ai_str_t) { ai_buf_len(&out), out.start },
                       "=h35;h36;h37;"), "sorted");
    mem_reset();
}


static void
test_memory(void)
{
    int         ever;
    size_t      n;
    ai_int_t    rc;
    ai_sigv4_t  r;

    static const char  before[] = "Content-Type: application/json\r\n";

    for (ever = 0; ever < 2; ever++) {
        for (n = 1; n < 50; n++) {
            ai_str_t   s;
            ai_char_t  hash[AI_SIGV4_HASH];

            mem_reset();
            r = vanilla();
            r.token = str(TOKEN);
            r.path = str("/a/b");

            ai_buf_init(&out, mem_pool());
            ai_buf_lit(&out, before);

            s = str("");
            (void) ai_sigv4_hash(&s, 1, hash);

            if (ever) {
                mem_fail_from(n);
            } else {
                mem_fail_at(n);
            }

            rc = ai_sigv4_sign(&r, hash, &out);

            if (mem_failed() == 0) {
                break;
            }

            is_int(rc, AI_ERROR, "allocation %zu fails", n);
            is_mem(out.start, ai_buf_len(&out), before, sizeof(before) - 1,
                   "the buffer is as before");
        }

        is_int(rc, AI_OK, "enough memory");
        ok(n > 2, "after %zu", n);
        ok(mem_live() <= 2, "nothing is left but the lines");
    }

    mem_reset();
}


static void
test_base64(void)
{
    size_t       i, n;
    ai_buf_t     b, d;
    ai_str_t     s;
    ai_char_t    bytes[70];

    static const char  *const pairs[] = {
        "", "", "f", "Zg==", "fo", "Zm8=", "foo", "Zm9v", "foob", "Zm9vYg==",
        "fooba", "Zm9vYmE=", "foobar", "Zm9vYmFy", NULL
    };

    static const char  *const bad[] = {
        "A", "AAAAA", "A=", "AA=", "AAA==", "A===", "=", "====", "AA=A",
        "AA A", "AA\n=", "A!AA", "Zg==Zg==", "AAAA=", "AAAA==", NULL
    };

    for (i = 0; pairs[i]; i += 2) {
        ai_buf_init(&b, mem_pool());
        s = guard_str(pairs[i], strlen(pairs[i]));
        ai_base64_encode(&b, &s);
        is_str(ai_buf_str(&b), pairs[i + 1], "\"%s\"", pairs[i]);

        ai_buf_init(&d, mem_pool());
        s = guard_str(pairs[i + 1], strlen(pairs[i + 1]));
        is_int(ai_base64_decode(&d, &s), AI_OK, "back");
        is_str(ai_buf_str(&d), pairs[i], "is the same");
    }

    for (i = 0; bad[i]; i++) {
        ai_buf_init(&d, mem_pool());
        ai_buf_lit(&d, "x");
        s = guard_str(bad[i], strlen(bad[i]));
        is_int(ai_base64_decode(&d, &s), AI_ERROR, "\"%s\"", bad[i]);
        is_str(ai_buf_str(&d), "x", "nothing is appended");
    }

    ai_buf_init(&d, mem_pool());
    s = str("-_8");
    is_int(ai_base64_decode(&d, &s), AI_OK, "the other alphabet, unpadded");
    is_mem(d.start, ai_buf_len(&d), "\xfb\xff", 2, "two bytes");

    for (n = 0; n < sizeof(bytes); n++) {
        bytes[n] = (ai_char_t) (n * 151);
        s.data = bytes;
        s.len = n;

        ai_buf_init(&b, mem_pool());
        ai_base64_encode(&b, &s);
        s = ai_buf_str(&b);
        ai_buf_init(&d, mem_pool());
        (void) ai_base64_decode(&d, &s);
        is_mem(d.start, ai_buf_len(&d), bytes, n, "%zu bytes", n);
    }

    guard_free();
    mem_reset();
    mem_fail_from(1);
    ai_buf_init(&b, mem_pool());
    s = str("abc");
    ai_base64_encode(&b, &s);
    ok(b.failed, "no memory");
    ai_buf_init(&b, mem_pool());
    (void) ai_base64_decode(&b, &s);
    ok(b.failed, "nor for the way back");
    mem_reset();
}


int
main(void)
{
    test_vectors();
    test_bedrock();
    test_hash();
    test_dates();
    test_refused();
    test_memory();
    test_base64();

    return done();
}
