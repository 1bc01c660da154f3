
/*
 * Files of AWS credentials as the CLI, containers and STS write them, whole
 * and broken; and the paths of Azure, old and new.
 */

#include <stdio.h>
#include <provider/ai_aws.h>
#include <provider/ai_provider.h>
#include "tap.h"
#include "mem.h"


#define INI                                                                   \
    "# a comment\n; another\n\n[default]\n"                                   \
    "aws_access_key_id=AKIADEFAULT\naws_secret_access_key = s/e+c=ret\n"      \
    "region = eu-west-1\n\n[ team ]\r\n"                                      \
    "  aws_access_key_id  =  AKIATEAM\r\n"                                    \
    "aws_secret_access_key=teamsecret\r\naws_session_token=tok==\r\n"         \
    "[half]\naws_access_key_id=AKIAHALF\n[bad]\naws_access_key_id=A KIA\n"    \
    "aws_secret_access_key=x\n[team"

#define CONTAINER                                                             \
    " {\"RoleArn\":\"arn\",\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":"    \
    "\"a\\/b\",\"Token\":\"t\",\"Expiration\":\"2030-01-01T00:00:00Z\"}\n"


typedef struct {
    const char  *text;
    const char  *profile;
    const char  *id;            /* NULL: declined */
    const char  *secret;
    const char  *token;
} case_t;


static const case_t  cases[] = {
    { INI, "default", "AKIADEFAULT", "s/e+c=ret", "" },
    { INI, "team", "AKIATEAM", "teamsecret", "tok==" },
    { INI, "half", NULL, NULL, NULL },
    { INI, "bad", NULL, NULL, NULL },
    { INI, "none", NULL, NULL, NULL },
    { CONTAINER, "default", "ASIAX", "a/b", "t" },
    { "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\","
      "\"SessionToken\":\"c\"}", "", "A", "b", "c" },
    { "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\"}", "", "A", "b", "" },
    { "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":1}", "", NULL, NULL, NULL },
    { "{\"AccessKeyId\":\"A\\n\",\"SecretAccessKey\":\"b\"}", "", NULL, NULL,
      NULL },
    { "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\"", "", NULL, NULL,
      NULL },
    { "[1]", "", NULL, NULL, NULL },
    { "", "default", NULL, NULL, NULL },
    { "\n \t", "default", NULL, NULL, NULL },
    { "[default]", "default", NULL, NULL, NULL },
    { "[default]\naws_access_key_id\n=x\n", "default", NULL, NULL, NULL }
};


static ai_int_t
read_keys(const char *text, size_t len, const char *profile,
    ai_aws_keys_t *keys)
{
    ai_str_t  s, name;

    s.data = guard_copy(text, len);
    s.len = len;
    name.data = (ai_char_t *) profile;
    name.len = strlen(profile);

    return ai_aws_credentials(&s, &name, mem_pool(), keys);
}


static void
test_files(void)
{
    size_t         i;
    ai_int_t       rc;
    ai_aws_keys_t  keys;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        mem_reset();
        rc = read_keys(cases[i].text, strlen(cases[i].text),
                       cases[i].profile, &keys);

        if (cases[i].id == NULL) {
            is_int(rc, AI_DECLINED, "case %d is no credentials", (int) i);
            continue;
        }

        if (is_int(rc, AI_OK, "case %d", (int) i)) {
            is_str(keys.access_key, cases[i].id, "id");
            is_str(keys.secret, cases[i].secret, "secret");
            is_str(keys.token, cases[i].token, "token");
        }

        guard_free();
    }
}


/* a file that is being written */

static void
test_cut(void)
{
    size_t         n, wrong;
    ai_aws_keys_t  keys;

    wrong = 0;

    for (n = 0; n < sizeof(CONTAINER) - 3; n++) {
        mem_reset();
        wrong += (read_keys(CONTAINER, n, "default", &keys) != AI_DECLINED);
        guard_free();
    }

    is_int(wrong, 0, "half of a JSON file is no credentials");

    for (n = 0; n < sizeof(INI); n++) {
        mem_reset();
        (void) read_keys(INI, n, "team", &keys);
        guard_free();
    }

    ok(1, "an INI file at every length");
}


static void
test_memory(void)
{
    int            n;
    ai_int_t       rc;
    ai_aws_keys_t  keys;

    for (n = 1; n < 100; n++) {
        mem_reset();
        mem_fail_at(n);

        rc = read_keys(CONTAINER, sizeof(CONTAINER) - 1, "", &keys);

        if (!mem_failed()) {
            is_int(rc, AI_OK, "with memory");
            break;
        }

        is_int(rc, AI_ERROR, "allocation %d fails", n);
        guard_free();
    }

    mem_fail_never();
}


static void
test_azure(void)
{
    size_t         i;
    ai_buf_t       b;
    ai_str_t       name;
    ai_target_t    t;

    const ai_provider_t  *p;

    static const struct {
        const char  *version;
        const char  *deployment;
        const char  *path;
        const char  *speech;
        const char  *responses;
    } paths[] = {
        { "", "", "/v1/chat/completions", "/v1/audio/speech",
          "/v1/responses" },
        { "2024-10-21", "", "/deployments/gpt%204/chat/completions"
          "?api-version=2024-10-21", "/deployments/gpt%204/audio/speech"
          "?api-version=2024-10-21", "/responses?api-version=2024-10-21" },
        { "v", "d", "/deployments/d/chat/completions?api-version=v",
          "/deployments/d/audio/speech?api-version=v",
          "/responses?api-version=v" }
    };

    for (i = 0; i < 3; i++) {
        mem_reset();
        memset(&t, 0, sizeof(ai_target_t));

        t.provider = &ai_provider_azure;
        t.model = ai_lit("gpt 4");
        t.api_version.data = (ai_char_t *) paths[i].version;
        t.api_version.len = strlen(paths[i].version);
        t.deployment.data = (ai_char_t *) paths[i].deployment;
        t.deployment.len = strlen(paths[i].deployment);

        ai_buf_init(&b, mem_pool());
        ai_provider_azure.path(&t, 0, &b);
        is_str(ai_buf_str(&b), paths[i].path, "chat");

        name = ai_lit("audio/speech");
        ai_buf_reset(&b);
        ai_provider_azure.other(&t, &name, &b);
        is_str(ai_buf_str(&b), paths[i].speech, "speech");

        name = ai_lit("files/file-1");
        ai_buf_reset(&b);
        ai_provider_azure.other(&t, &name, &b);
        ok(memcmp(b.start, i ? "/files/file-1" : "/v1/files/file-1", 13) == 0,
           "a file belongs to no deployment");

        p = ai_provider_azure.choose(&t.model, AI_FAMILY_RESPONSES);
        ai_buf_reset(&b);
        p->path(&t, 0, &b);
        is_str(ai_buf_str(&b), paths[i].responses, "responses");
    }
}


int
main(void)
{
    test_files();
    test_cut();
    test_memory();
    test_azure();

    mem_reset();
    guard_free();

    return done();
}
