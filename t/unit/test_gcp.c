
/*
 * Google's credentials and the tokens they give: files as Google writes them
 * with members missing, wrong and changed; the form, whose assertion OpenSSL
 * verifies; answers of the endpoint, and what of them goes into a log.
 */

#include <stdio.h>
#include <codec/ai_json.h>
#include <provider/ai_gcp.h>
#include <provider/ai_oauth.h>
#include "tap.h"
#include "mem.h"
#include "rsa_key.h"


static char  json[8192];


/* a service account's file, with a member left out or other than usual */

static const char *
account(const char *pem, const char *name, const char *value)
{
    char        *p;
    size_t       i, n;
    const char  *s;

    static const char  *const members[][2] = {
        { "type", "\"service_account\"" },
        { "project_id", "\"acme-prod\"" },
        { "private_key_id", "\"0123abcd\"" },
        { "private_key", NULL },
        { "client_email", "\"gw@acme-prod.iam.gserviceaccount.com\"" },
        { "client_id", "\"1234567890\"" },
        { "auth_uri", "\"https://accounts.google.com/o/oauth2/auth\"" },
        { "token_uri", "\"https://oauth2.googleapis.com/token\"" },
        { "universe_domain", "\"googleapis.com\"" }
    };

    p = json;
    *p++ = '{';
    n = 0;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {

        s = members[i][1];

        if (name && strcmp(name, members[i][0]) == 0) {

            if (value == NULL) {
                continue;
            }

            s = value;
        }

        p += sprintf(p, "%s\n  \"%s\": ", n++ ? "," : "", members[i][0]);

        if (s) {
            p += sprintf(p, "%s", s);
            continue;
        }

        *p++ = '"';

        for (s = pem; *s; s++) {
            if (*s == '\n') {
                *p++ = '\\';
                *p++ = 'n';

            } else {
                *p++ = *s;
            }
        }

        *p++ = '"';
    }

    strcpy(p, "\n}\n");

    return json;
}


static ai_int_t
parse(const char *text, ai_gcp_credentials_t *c, const char **why)
{
    ai_str_t  s;

    s.len = strlen(text);
    s.data = guard_copy(text, s.len);
    *why = NULL;

    return ai_gcp_credentials_parse(&s, mem_pool(), c, why);
}


static void
files(const char *pem)
{
    size_t                n, len, i;
    ai_int_t              rc;
    ai_str_t              s;
    const char           *why;
    ai_gcp_credentials_t  c;

    static const char  *const bad[][2] = {
        { "type", NULL }, { "type", "\"external_account\"" },
        { "type", "1" },
        { "client_email", NULL }, { "client_email", "\"\"" },
        { "client_email", "null" }, { "client_email", "[]" },
        { "client_email", "\"a\\u0000b\"" },
        { "client_email", "\"a\\u001bb\"" },
        { "private_key", "null" }, { "private_key", "\"\"" },
        { "private_key", "{}" }, { "private_key_id", "7" },
        { "project_id", "7" }, { "token_uri", "[]" },
        { "auth_uri", "1,\"type\":\"authorized_user\"" }
    };

    is_int(parse(account(pem, NULL, NULL), &c, &why), AI_OK, "a file");
    is_int(c.kind, AI_GCP_SERVICE_ACCOUNT, "kind");
    is_str(c.client_email, "gw@acme-prod.iam.gserviceaccount.com", "email");
    is_str(c.private_key, pem, "key");
    is_str(c.private_key_id, "0123abcd", "its id");
    is_str(c.token_uri, "https://oauth2.googleapis.com/token", "place");
    is_str(c.project_id, "acme-prod", "project");

    is_int(parse(account(pem, "token_uri", NULL), &c, &why), AI_OK,
           "no token_uri");
    is_str(c.token_uri, "https://oauth2.googleapis.com/token",
           "then the usual one");
    is_int(parse(account(pem, "project_id", NULL), &c, &why), AI_OK,
           "no project");
    is_int(c.project_id.len, 0, "then none");
    is_int(parse(account(pem, "private_key_id", NULL), &c, &why), AI_OK,
           "no key id");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        rc = parse(account(pem, bad[i][0], bad[i][1]), &c, &why);
        ok(rc == AI_ERROR && why, "%s: %s: %s", bad[i][0],
           bad[i][1] ? bad[i][1] : "left out", why ? why : "taken");
    }

    is_int(parse("{\"type\":\"authorized_user\",\"client_id\":\"i\","
                 "\"client_secret\":\"s\",\"refresh_token\":\"r\","
                 "\"quota_project_id\":\"q\"}", &c, &why),
           AI_OK, "a user's file");
    is_int(c.kind, AI_GCP_AUTHORIZED_USER, "kind");
    is_str(c.refresh_token, "r", "refresh token");

    is_int(parse("{\"type\":\"authorized_user\",\"client_id\":\"i\","
                 "\"client_secret\":\"s\"}", &c, &why),
           AI_ERROR, "a user's without a token: %s", why);
    is_int(parse("[]", &c, &why), AI_ERROR, "an array: %s", why);
    is_int(parse("", &c, &why), AI_ERROR, "nothing: %s", why);
    is_int(parse("{\"type\":", &c, &why), AI_ERROR, "cut off: %s", why);

    account(pem, NULL, NULL);
    len = strlen(json) - 2;

    for (n = 0; n < len; n++) {
        mem_reset();
        s.data = guard_copy(json, n);
        s.len = n;

        if (ai_gcp_credentials_parse(&s, mem_pool(), &c, &why) != AI_ERROR) {
            break;
        }

        guard_free();
    }

    is_int(n, len, "no beginning of it is one");

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at(n);
        rc = parse(json, &c, &why);

        if (!mem_failed() || rc != AI_ERROR || why == NULL) {
            break;
        }
    }

    ok(rc == AI_OK && n > 2, "each of %zu allocations fails in turn", n - 1);

    mem_reset();
    guard_free();
}


/* decodes a form's field in place; 0: it is not there */

static size_t
field(ai_buf_t *b, const char *name, char *out)
{
    char    hex[3], *p, *last;
    size_t  n;

    n = strlen(name);
    p = (char *) b->start;
    last = (char *) b->last;

    while (p < last) {

        if ((size_t) (last - p) > n && memcmp(p, name, n) == 0
            && p[n] == '=')
        {
            for (p += n + 1, n = 0; p < last && *p != '&'; p++, n++) {
                out[n] = *p;

                if (*p == '%') {
                    hex[0] = p[1];
                    hex[1] = p[2];
                    hex[2] = '\0';
                    out[n] = (char) strtol(hex, NULL, 16);
                    p += 2;
                }
            }

            out[n] = '\0';

            return n;
        }

        while (p < last && *p++ != '&') { /* void */ }
    }

    return 0;
}


static void
form(EVP_PKEY *pair, const char *pem)
{
    char                  jwt[8192], header[1024], claims[4096];
    char                  grant[256];
    size_t                n;
    int64_t               v;
    ai_buf_t              b;
    ai_str_t              s;
    ai_json_t             doc;
    const char           *why;
    ai_jwt_key_t         *key;
    ai_gcp_credentials_t  c;

    parse(account(pem, NULL, NULL), &c, &why);
    key = ai_jwt_key(&c.private_key, &why);
    ok(key != NULL, "the key of the file");

    ai_buf_init(&b, mem_pool());
    is_int(ai_gcp_form(&c, key, 1700000000, &b), AI_OK, "form");

    field(&b, "grant_type", grant);
    is_cstr(grant, "urn:ietf:params:oauth:grant-type:jwt-bearer", "grant");

    n = field(&b, "assertion", jwt);
    ok(rsa_jwt_verify(pair, (unsigned char *) jwt, n, header, claims),
       "the assertion is signed by the key");
    is_cstr(header, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"0123abcd\"}",
            "header");

    ai_json_init(&doc, mem_pool());
    s.data = (ai_char_t *) claims;
    s.len = strlen(claims);
    is_int(ai_json_parse(&doc, &s, NULL), AI_OK, "claims");
    ok(ai_json_is(&doc, ai_json_get(&doc, 0, "iss"),
                  "gw@acme-prod.iam.gserviceaccount.com"), "iss");
    ok(ai_json_is(&doc, ai_json_get(&doc, 0, "sub"),
                  "gw@acme-prod.iam.gserviceaccount.com"), "sub");
    ok(ai_json_is(&doc, ai_json_get(&doc, 0, "aud"),
                  "https://oauth2.googleapis.com/token"), "aud");
    ok(ai_json_is(&doc, ai_json_get(&doc, 0, "scope"),
                  "https://www.googleapis.com/auth/cloud-platform"), "scope");
    v = 0;
    ai_json_int(&doc, ai_json_get(&doc, 0, "iat"), &v);
    is_int(v, 1700000000, "iat");
    ai_json_int(&doc, ai_json_get(&doc, 0, "exp"), &v);
    is_int(v, 1700003600, "exp");

    parse("{\"type\":\"authorized_user\",\"client_id\":\"a b\","
          "\"client_secret\":\"s&t=\",\"refresh_token\":\"1//x+y%\"}",
          &c, &why);

    ai_buf_init(&b, mem_pool());
    is_int(ai_gcp_form(&c, NULL, 1, &b), AI_OK, "a user's form");
    s = ai_buf_str(&b);
    is_str(s, "grant_type=refresh_token&client_id=a%20b&"
              "client_secret=s%26t%3D&refresh_token=1%2F%2Fx%2By%25",
           "is encoded");

    for (n = 1; n < 100; n++) {
        ai_int_t  rc;

        mem_reset();
        parse(account(pem, NULL, NULL), &c, &why);
        mem_fail_at(n);
        ai_buf_init(&b, mem_pool());
        rc = ai_gcp_form(&c, key, 1, &b);

        if (!mem_failed()) {
            is_int(rc, AI_OK, "at last it is there");
            break;
        }

        if (rc != AI_ERROR) {
            ok(0, "allocation %zu fails unseen", n);
            break;
        }
    }

    ok(n > 3, "each of %zu allocations fails in turn", n - 1);

    ai_jwt_key_free(key);
    mem_reset();
    guard_free();
}


typedef struct {
    unsigned     status;
    const char  *body;
    const char  *token;             /* NULL: refused */
    long         expires;
    const char  *why;               /* part of it */
} token_t;


static const token_t  tokens[] = {
    { 200, "{\"access_token\":\"ya29.a-b_c\",\"expires_in\":3599,"
      "\"token_type\":\"Bearer\"}", "ya29.a-b_c", 3599, NULL },
    { 200, "{\"expires_in\":\"86399\",\"access_token\":\"t\","
      "\"token_type\":\"bearer\",\"ext_expires_in\":1}", "t", 86399, NULL },
    { 200, "{\"access_token\":\"t\"}", "t", 300, NULL },
    { 200, "{\"access_token\":\"t\",\"expires_in\":null}", "t", 300, NULL },
    { 200, "{\"access_token\":\"t\",\"expires_in\":99999999}", "t", 86400,
      NULL },
    { 200, "{\"access_token\":\"\\u0074\\/\",\"expires_in\":60.0}", "t/", 60,
      NULL },

    { 200, "", NULL, 0, "no JSON" },
    { 200, "<html>", NULL, 0, "no JSON" },
    { 200, "[]", NULL, 0, "no JSON" },
    { 200, "{\"access_token\":", NULL, 0, "no JSON" },
    { 200, "{}", NULL, 0, "no \"access_token\"" },
    { 200, "{\"access_token\":\"\"}", NULL, 0, "no \"access_token\"" },
    { 200, "{\"access_token\":7}", NULL, 0, "no \"access_token\"" },
    { 200, "{\"access_token\":\"a b\"}", NULL, 0, "invalid character" },
    { 200, "{\"access_token\":\"a\\r\\nX: y\"}", NULL, 0,
      "invalid character" },
    { 200, "{\"access_token\":\"\xc3\xa9\"}", NULL, 0, "invalid character" },
    { 200, "{\"access_token\":\"t\",\"expires_in\":0}", NULL, 0,
      "expires_in" },
    { 200, "{\"access_token\":\"t\",\"expires_in\":-5}", NULL, 0,
      "expires_in" },
    { 200, "{\"access_token\":\"t\",\"expires_in\":1.5}", NULL, 0,
      "expires_in" },
    { 200, "{\"access_token\":\"t\",\"expires_in\":\"\"}", NULL, 0,
      "expires_in" },
    { 200, "{\"access_token\":\"t\",\"expires_in\":\"1h\"}", NULL, 0,
      "expires_in" },
    { 200, "{\"access_token\":\"t\",\"expires_in\":\"99999999999999999999\"}",
      NULL, 0, "expires_in" },
    { 200, "{\"access_token\":\"t\",\"expires_in\":true}", NULL, 0,
      "expires_in" },
    { 200, "{\"access_token\":\"t\",\"token_type\":\"mac\"}", NULL, 0,
      "Bearer" },
    { 200, "{\"access_token\":\"t\",\"token_type\":1}", NULL, 0, "Bearer" },

    { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT: "
      "Token must be a short-lived token (60 minutes)\"}", NULL, 0,
      "status 400, invalid_grant, Invalid JWT: Token must be a short-lived "
      "token (60 minutes)" },
    { 403, "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\","
      "\"message\":\"no access\"}}", NULL, 0,
      "status 403, PERMISSION_DENIED, no access" },
    { 500, "oops", NULL, 0, "status 500" },
    { 503, "", NULL, 0, "status 503" },
    { 201, "{\"access_token\":\"t\"}", NULL, 0, "status 201" },
    { 400, "{\"error\":\"x\\ny\"}", NULL, 0, "status 400" }
};


static void
answers(void)
{
    char         why[512];
    size_t       i, n;
    ai_int_t     rc;
    ai_str_t     s;
    ai_oauth_t   o;
    static char  text[6000];

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        s.len = strlen(tokens[i].body);
        s.data = guard_copy(tokens[i].body, s.len);

        rc = ai_oauth_answer(tokens[i].status, &s, mem_pool(), &o);

        if (tokens[i].token) {
            ok(rc == AI_OK && o.expires_in == tokens[i].expires
               && o.token.len == strlen(tokens[i].token)
               && memcmp(o.token.data, tokens[i].token, o.token.len) == 0,
               "%u %s", tokens[i].status, tokens[i].body);

        } else {
            snprintf(why, sizeof(why), "%.*s", (int) o.why.len, o.why.data);
            ok(rc == AI_ERROR && strstr(why, tokens[i].why) != NULL,
               "%u %s: %s", tokens[i].status, tokens[i].body, why);
        }

        for (n = 1; n < 100; n++) {
            mem_reset();
            mem_fail_at(n);

            rc = ai_oauth_answer(tokens[i].status, &s, mem_pool(), &o);

            if (!mem_failed()) {
                break;
            }

            if (tokens[i].status == 200 && rc != AI_ERROR) {
                ok(0, "allocation %zu fails unseen", n);
                break;
            }
        }

        guard_free();
        mem_reset();
    }

    for (n = 2047; n < 2050; n++) {
        memset(text, 'a', sizeof(text));
        memcpy(text, "{\"access_token\":\"", 17);
        memcpy(text + 17 + n, "\"}", 3);
        s.data = (ai_char_t *) text;
        s.len = 17 + n + 2;
        rc = ai_oauth_answer(200, &s, mem_pool(), &o);
        is_int(rc, n > 2048 ? AI_ERROR : AI_OK, "%zu bytes", n);
    }

    /* an endpoint that echoes what it got */

    snprintf(text, sizeof(text), "{\"error\":\"bad\",\"error_description\":"
             "\"Refused: eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOi.sig "
             "for you\"}");
    s.len = strlen(text);
    rc = ai_oauth_answer(400, &s, mem_pool(), &o);
    is_int(rc, AI_ERROR, "an echo is refused");
    is_str(o.why, "status 400, bad, Refused:", "and does not reach the log");

    /* every beginning of an answer */

    s.data = (ai_char_t *) tokens[0].body;

    for (n = 0; n < strlen(tokens[0].body); n++) {
        s.data = guard_copy(tokens[0].body, n);
        s.len = n;

        if (ai_oauth_answer(200, &s, mem_pool(), &o) != AI_ERROR) {
            break;
        }

        guard_free();
        mem_reset();
    }

    is_int(n, strlen(tokens[0].body), "no beginning of an answer is one");
}


static void
hosts(void)
{
    size_t    i;
    ai_buf_t  b;
    ai_str_t  s;

    static const char  *const names[][2] = {
        { "global", "aiplatform.googleapis.com" },
        { "us", "aiplatform.us.rep.googleapis.com" },
        { "eu", "aiplatform.eu.rep.googleapis.com" },
        { "europe-west4", "europe-west4-aiplatform.googleapis.com" },
        { "us-central1", "us-central1-aiplatform.googleapis.com" }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        s.data = (ai_char_t *) names[i][0];
        s.len = strlen(names[i][0]);
        ai_buf_init(&b, mem_pool());
        ai_gcp_vertex_host(&s, &b);
        s = ai_buf_str(&b);
        is_str(s, names[i][1], "%s", names[i][0]);
    }

    mem_reset();
}


int
main(void)
{
    char      *pem;
    EVP_PKEY  *pair;

    pair = rsa_key(2048);
    pem = rsa_key_pem(pair, RSA_KEY_PKCS8);

    files(pem);
    form(pair, pem);
    answers();
    hosts();

    free(pem);
    EVP_PKEY_free(pair);

    return done();
}
