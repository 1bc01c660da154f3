
/*
 * What a token endpoint may send: an answer read whole and in pieces is the
 * same, and what is taken for a token may stand in a header.  The input is
 * also read as the body alone, and as a file of credentials.
 *
 * The input: a byte that chooses pieces, then the answer.
 */

#include <codec/ai_http.h>
#include <provider/ai_gcp.h>
#include <provider/ai_oauth.h>

#include "fuzz.h"
#include "fuzz_arena.h"


#define MAX  4096


static ai_int_t
feed(ai_http_t *h, const uint8_t *p, size_t size, size_t most)
{
    size_t     i, n;
    uint8_t   *copy;
    ai_int_t   rc;
    ai_str_t   in;

    ai_http_init(h, &arena, MAX);
    rc = AI_AGAIN;

    for (i = 0; i < size && rc == AI_AGAIN; i += n) {
        n = ai_min(most, size - i);

        copy = malloc(n);
        must(copy != NULL);
        memcpy(copy, p + i, n);

        in.data = copy;
        in.len = n;
        rc = ai_http_feed(h, &in);

        free(copy);
    }

    if (rc == AI_AGAIN) {
        rc = ai_http_end(h);
    }

    must(ai_http_end(h) == rc);
    must(ai_buf_len(&h->body) <= MAX);

    return rc;
}


static void
token(const ai_str_t *body, unsigned status)
{
    size_t      i, word;
    ai_oauth_t  o;

    if (ai_oauth_answer(status, body, &arena, &o) == AI_OK) {
        must(status == 200);
        must(o.token.len > 0 && o.token.len <= AI_OAUTH_TOKEN_MAX);
        must(o.expires_in > 0 && o.expires_in <= AI_OAUTH_EXPIRES_MAX);

        for (i = 0; i < o.token.len; i++) {
            must(o.token.data[i] > 0x20 && o.token.data[i] < 0x7f);
        }

        return;
    }

    /* it goes into the log */

    must(o.why.len > 0 && o.why.len < 500);

    for (i = 0, word = 0; i < o.why.len; i++) {
        must(o.why.data[i] >= 0x20 && o.why.data[i] < 0x7f);
        word = o.why.data[i] == ' ' ? 0 : word + 1;
        must(word < 40);
    }
}


static void
credentials(const ai_str_t *json)
{
    ai_buf_t               b;
    const char            *why;
    ai_gcp_credentials_t   c;

    why = NULL;

    if (ai_gcp_credentials_parse(json, &arena, &c, &why) != AI_OK) {
        must(why != NULL);
        return;
    }

    must(c.token_uri.len > 0);

    if (c.kind == AI_GCP_SERVICE_ACCOUNT) {
        must(c.client_email.len > 0 && c.private_key.len > 0);
        ai_jwt_key_free(ai_jwt_key(&c.private_key, &why));
        return;
    }

    must(c.kind == AI_GCP_AUTHORIZED_USER);
    ai_buf_init(&b, &arena);
    must(ai_gcp_form(&c, NULL, 1, &b) == AI_OK);
    must(memchr(b.start, '\n', ai_buf_len(&b)) == NULL);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t    *text;
    ai_int_t    rc;
    ai_str_t    body;
    ai_http_t   whole, parts;

    if (size < 1) {
        return 0;
    }

    text = malloc(size);
    must(text != NULL);
    memcpy(text, data + 1, size - 1);

    rc = feed(&whole, text, size - 1, size);
    must(feed(&parts, text, size - 1, 1 + data[0] % 32) == rc);

    if (rc == AI_OK) {
        must(whole.status == parts.status);
        must(ai_buf_len(&whole.body) == ai_buf_len(&parts.body));
        must(ai_buf_len(&whole.body) == 0
             || memcmp(whole.body.start, parts.body.start,
                       ai_buf_len(&whole.body))
                == 0);

        body = ai_buf_str(&whole.body);
        token(&body, whole.status);
    }

    body.data = text;
    body.len = size - 1;

    token(&body, data[0] & 1 ? 200 : 400);
    credentials(&body);

    free(text);
    arena_free();

    return 0;
}
