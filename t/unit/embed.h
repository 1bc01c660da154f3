
/*
 * What the tests of embeddings share: a request decoded by a form, an answer
 * written by it, and an account of vectors that is not ours: strtof() and
 * OpenSSL's base64.
 */

#ifndef T_EMBED_H
#define T_EMBED_H


#include <openssl/evp.h>

#include <api/ai_dialect.h>
#include <provider/ai_provider.h>

#include "tap.h"
#include "mem.h"


static ai_call_t     call;
static ai_result_t   res;
static ai_error_t    err;
static ai_dropped_t  dropped;


static ai_str_t
str(const char *s)
{
    ai_str_t  v;

    v.data = (ai_char_t *) s;
    v.len = strlen(s);

    return v;
}


/* peek and decode; uri is the model that is not in the body */

__attribute__((unused)) static ai_int_t
decode(const ai_dialect_t *dialect, const char *uri, const ai_str_t *body)
{
    ai_json_t  *doc;
    ai_peek_t   peek;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));
    memset(&peek, 0, sizeof(peek));
    memset(&call, 0xa5, sizeof(call));

    peek.model = str(uri);

    /* the call keeps spans of the body only */

    doc = ai_palloc(mem_pool(), sizeof(ai_json_t));
    if (doc == NULL) {
        return AI_ERROR;
    }

    ai_json_init(doc, mem_pool());

    if (ai_json_parse(doc, body, NULL) != AI_OK) {
        return AI_ERROR;
    }

    if (dialect->peek(doc, mem_pool(), &peek, &err) != AI_OK) {
        return AI_ERROR;
    }

    return dialect->form->decode(doc, &peek, mem_pool(), &call, &dropped,
                                 &err);
}


__attribute__((unused)) static ai_int_t
decode_s(const ai_dialect_t *dialect, const char *body)
{
    ai_str_t  s;

    s = str(body);

    return decode(dialect, "m", &s);
}


__attribute__((unused)) static ai_int_t
reply(const ai_dialect_t *dialect, ai_str_t *out)
{
    ai_int_t        rc;
    ai_buf_t        b;
    ai_call_conf_t  conf;

    conf.id = ai_lit("0123456789abcdefghijABCDEFGHI");
    conf.model = ai_lit("our \"model\"");
    conf.created = 1700000000;

    ai_buf_init(&b, mem_pool());

    rc = dialect->form->reply(&call, &res, &conf, mem_pool(), &b);
    *out = ai_buf_str(&b);

    return rc;
}


/* names of what was left out, with commas */

__attribute__((unused)) static ai_str_t
left_out(void)
{
    uint32_t  i;
    ai_buf_t  b;

    ai_buf_init(&b, mem_pool());

    for (i = 0; i < dropped.n; i++) {
        if (i) {
            ai_buf_char(&b, ',');
        }

        ai_buf_cat(&b, &dropped.name[i]);
    }

    return ai_buf_str(&b);
}


/*
 * The floats of a JSON value at the start of s, an array of numbers or base64
 * in quotes; how many, at most max.
 */

__attribute__((unused)) static size_t
floats_of(const char *s, float *out, size_t max)
{
    int             len, n;
    char           *next;
    size_t          i;
    unsigned char  *bytes;

    while (*s == ' ' || *s == '\n') {
        s++;
    }

    if (*s == '"') {
        len = (int) strcspn(s + 1, "\"");
        bytes = malloc((size_t) len + 4);
        n = EVP_DecodeBlock(bytes, (const unsigned char *) s + 1, len);

        n -= n > 0 && s[len] == '=';
        n -= n > 0 && s[len - 1] == '=';

        for (i = 0; n > 0 && i < (size_t) n / 4 && i < max; i++) {
            memcpy(&out[i], bytes + 4 * i, 4);
        }

        free(bytes);

        return i;
    }

    for (i = 0; i < max && *s != ']'; i++) {
        out[i] = strtof(s + 1, &next);

        if (next == s + 1) {
            return 0;
        }

        s = next + strspn(next, " \n\r\t");
    }

    return i;
}


__attribute__((unused)) static char *
slurp(const char *name, size_t *len)
{
    char     path[512], *data;
    long     n;
    FILE    *f;

    snprintf(path, sizeof(path), "%s/recordings/embeddings/%s.json", T_DATA,
             name);

    f = fopen(path, "rb");
    if (f == NULL) {
        diag("no %s", path);
        *len = 0;
        return calloc(1, 1);
    }

    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);

    data = malloc((size_t) n + 1);
    *len = fread(data, 1, (size_t) n, f);
    data[*len] = '\0';
    fclose(f);

    return data;
}


#endif /* T_EMBED_H */
