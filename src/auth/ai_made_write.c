
/*
 * Keys that were made: how they are written, and how their attributes come out
 * of what somebody sent.
 */

#include <auth/ai_made.h>
#include <codec/ai_crc32.h>

#include <stdio.h>


static void ai_made_write(ai_buf_t *b, ai_char_t type, int64_t version,
    const ai_str_t *rest);
static void ai_made_write_number(ai_buf_t *b, const char *name, int64_t n);
static void ai_made_write_digest(ai_buf_t *b, const ai_made_digest_t *d);
static void ai_made_write_hex(ai_buf_t *b, const ai_char_t *p, size_t n);
static void ai_made_old(ai_buf_t *b, const ai_json_t *doc, ai_ref_t object,
    const ai_str_t *old);
static ai_uint_t ai_made_mentions(const ai_json_t *doc, ai_ref_t object,
    const ai_str_t *name);
static ai_uint_t ai_made_is_apart(const ai_str_t *name);
static ai_int_t ai_made_members(ai_buf_t *b, const ai_json_t *doc,
    ai_ref_t object, ai_uint_t meta, ai_key_error_t *err);
static ai_int_t ai_made_member(ai_buf_t *b, const ai_json_t *doc,
    const ai_str_t *name, ai_ref_t v, ai_key_error_t *err);
static ai_int_t ai_made_scalar(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v,
    ai_uint_t element);
static ai_uint_t ai_made_is_name(const ai_str_t *name);
static ai_int_t ai_made_wrong(ai_key_error_t *err, const char *text);
static ai_int_t ai_made_invalid(ai_key_error_t *err, const ai_str_t *name,
    const char *text);


void
ai_made_put(ai_buf_t *b, int64_t version, const ai_str_t *body)
{
    ai_made_write(b, '+', version, body);
}


void
ai_made_delete(ai_buf_t *b, int64_t version, const ai_str_t *id)
{
    ai_made_write(b, '-', version, id);
}


void
ai_made_mark(ai_buf_t *b, int64_t cursor, const ai_char_t *epoch)
{
    ai_str_t  s;

    s.data = (ai_char_t *) epoch;
    s.len = AI_EPOCH_LEN;

    ai_made_write(b, '=', cursor, &s);
}


static void
ai_made_write(ai_buf_t *b, ai_char_t type, int64_t version,
    const ai_str_t *rest)
{
    int       n;
    char      text[24];
    uint32_t  crc;

    n = snprintf(text, sizeof(text), "%lld ", (long long) version);

    crc = ai_crc32((ai_char_t *) text, (size_t) n);
    crc = ai_crc32_more(crc, rest->data, rest->len);

    ai_buf_char(b, type);
    ai_buf_char(b, ' ');
    ai_made_write_hex(b, (ai_char_t[]) { (ai_char_t) (crc >> 24),
                                         (ai_char_t) (crc >> 16),
                                         (ai_char_t) (crc >> 8),
                                         (ai_char_t) crc }, 4);
    ai_buf_char(b, ' ');
    ai_buf_add(b, text, (size_t) n);
    ai_buf_cat(b, rest);
    ai_buf_char(b, '\n');
}


void
ai_made_all(ai_buf_t *b, const ai_made_t *made)
{
    ai_buf_t              body;
    ai_str_t              s;
    const ai_made_key_t  *entry;

    ai_buf_lit(b, "# keys made by ai_api; nginx writes this file\n");

    ai_buf_init(&body, b->pool);

    for (entry = made->first; entry; entry = entry->next) {

        if (entry->key == NULL) {
            ai_made_delete(b, entry->version, &entry->id);
            continue;
        }

        ai_buf_reset(&body);
        ai_made_body(&body, &entry->body);

        s = ai_buf_str(&body);
        ai_made_put(b, entry->version, &s);

        b->failed |= body.failed;
    }

    if (made->shared) {
        ai_made_mark(b, made->cursor, made->epoch);
    }

    ai_pfree(b->pool, body.start);
}


void
ai_made_body(ai_buf_t *b, const ai_made_body_t *body)
{
    ai_made_write_number(b, "created=", body->created);

    if (body->rotated) {
        ai_made_write_number(b, "rotated=", body->rotated);
    }

    if (body->blocked) {
        ai_made_write_number(b, "blocked=", body->blocked);
    }

    if (body->until) {
        ai_made_write_number(b, "until=", body->until);

        ai_buf_lit(b, "was=");
        ai_made_write_digest(b, &body->was);

        if (body->was.hmac) {
            ai_buf_lit(b, "wasprint=");
            ai_made_write_hex(b, body->was.print, AI_PRINT_LEN);
            ai_buf_char(b, ' ');
        }
    }

    if (body->digest.hmac) {
        ai_buf_lit(b, "print=");
        ai_made_write_hex(b, body->digest.print, AI_PRINT_LEN);
        ai_buf_char(b, ' ');
    }

    ai_made_write_digest(b, &body->digest);
    ai_buf_cat(b, &body->attrs);
}


static void
ai_made_write_number(ai_buf_t *b, const char *name, int64_t n)
{
    ai_buf_add(b, name, strlen(name));
    ai_buf_int(b, n);
    ai_buf_char(b, ' ');
}


static void
ai_made_write_digest(ai_buf_t *b, const ai_made_digest_t *d)
{
    if (d->hmac) {
        ai_buf_lit(b, "hmac:");

    } else {
        ai_buf_lit(b, "sha256:");
    }

    ai_made_write_hex(b, d->digest, AI_DIGEST_LEN);
    ai_buf_char(b, ' ');
}


static void
ai_made_write_hex(ai_buf_t *b, const ai_char_t *p, size_t n)
{
    size_t  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        ai_buf_char(b, (ai_char_t) hex[p[i] >> 4]);
        ai_buf_char(b, (ai_char_t) hex[p[i] & 0xf]);
    }
}


ai_int_t
ai_made_attrs(ai_buf_t *b, const ai_json_t *doc, ai_ref_t object,
    const ai_str_t *old, ai_key_error_t *err)
{
    err->line = 0;
    err->text[0] = '\0';

    if (object != AI_JSON_NONE
        && ai_json_type(doc, object) != AI_JSON_OBJECT)
    {
        return ai_made_wrong(err, "it is not a JSON object");
    }

    ai_made_old(b, doc, object, old);

    if (ai_made_members(b, doc, object, 0, err) != AI_OK) {
        return AI_ERROR;
    }

    return b->failed ? ai_made_wrong(err, "no memory") : AI_OK;
}


/* words of a line that was read before, so they are right */

static void
ai_made_old(ai_buf_t *b, const ai_json_t *doc, ai_ref_t object,
    const ai_str_t *old)
{
    ai_str_t          name, word;
    const ai_char_t  *p, *last;

    if (old->len == 0) {
        return;
    }

    p = old->data;
    last = p + old->len;

    while (p < last) {

        if (*p == ' ' || *p == '\t') {
            p++;
            continue;
        }

        if (*p == '#') {
            return;
        }

        word.data = (ai_char_t *) p;

        while (p < last && *p != '=' && *p != ' ' && *p != '\t') {
            p++;
        }

        name.data = word.data;
        name.len = (size_t) (p - name.data);

        if (p + 1 < last && p[0] == '=' && p[1] == '"') {
            for (p += 2; p < last && *p != '"'; p++) { /* void */ }
            p += (p < last);

        } else {
            while (p < last && *p != ' ' && *p != '\t') {
                p++;
            }
        }

        word.len = (size_t) (p - word.data);

        if (ai_made_is_apart(&name) || ai_made_mentions(doc, object, &name)) {
            continue;
        }

        ai_buf_char(b, ' ');
        ai_buf_cat(b, &word);
    }
}


static ai_uint_t
ai_made_mentions(const ai_json_t *doc, ai_ref_t object, const ai_str_t *name)
{
    ai_ref_t  meta;

    if (ai_json_member(doc, object, (char *) name->data, name->len)
        != AI_JSON_NONE)
    {
        return 1;
    }

    meta = ai_json_get(doc, object, "meta");

    return ai_json_type(doc, meta) == AI_JSON_OBJECT
           && ai_json_member(doc, meta, (char *) name->data, name->len)
              != AI_JSON_NONE;
}


/* what is no attribute here, but said otherwise */

static ai_uint_t
ai_made_is_apart(const ai_str_t *name)
{
    return ai_str_is(name, "id") || ai_str_is(name, "disabled")
           || ai_str_is(name, "grace");
}


static ai_int_t
ai_made_members(ai_buf_t *b, const ai_json_t *doc, ai_ref_t object,
    ai_uint_t meta, ai_key_error_t *err)
{
    ai_int_t  rc;
    ai_ref_t  k, v;
    ai_str_t  name;

    for (k = ai_json_first(doc, object);
         k != AI_JSON_NONE;
         k = ai_json_next(doc, object, k))
    {
        v = ai_json_value(doc, k);

        if (ai_json_str(doc, k, b->pool, &name) != AI_OK) {
            return ai_made_wrong(err, "no memory");
        }

        if (ai_made_is_apart(&name)) {

            if (meta) {
                return ai_made_invalid(err, &name, "is nothing of \"meta\"");
            }

            continue;
        }

        if (!meta && ai_str_is(&name, "meta")
            && ai_json_type(doc, v) == AI_JSON_OBJECT)
        {
            rc = ai_made_members(b, doc, v, 1, err);

        } else {
            rc = ai_made_member(b, doc, &name, v, err);
        }

        if (rc != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_made_member(ai_buf_t *b, const ai_json_t *doc, const ai_str_t *name,
    ai_ref_t v, ai_key_error_t *err)
{
    ai_int_t  rc;
    ai_ref_t  e;

    if (!ai_made_is_name(name)) {
        return ai_made_wrong(err, "a name has other characters than letters, "
                             "digits and \"_\"");
    }

    if (ai_json_is_null(doc, v)) {
        return AI_OK;
    }

    ai_buf_char(b, ' ');
    ai_buf_cat(b, name);
    ai_buf_lit(b, "=\"");

    rc = AI_OK;

    if (ai_json_type(doc, v) == AI_JSON_ARRAY) {

        for (e = ai_json_first(doc, v);
             e != AI_JSON_NONE && rc == AI_OK;
             e = ai_json_next(doc, v, e))
        {
            if (e != ai_json_first(doc, v)) {
                ai_buf_char(b, ',');
            }

            rc = ai_made_scalar(b, doc, e, 1);
        }

    } else {
        rc = ai_made_scalar(b, doc, v, 0);
    }

    ai_buf_char(b, '"');

    return rc == AI_OK ? AI_OK
           : ai_made_invalid(err, name, "is no text, number or list of them, "
                             "or has a quote in it");
}


static ai_uint_t
ai_made_is_name(const ai_str_t *name)
{
    size_t     i;
    ai_char_t  c;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_'))
        {
            return 0;
        }
    }

    return name->len != 0;
}


static ai_int_t
ai_made_scalar(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v,
    ai_uint_t element)
{
    ai_str_t  s;

    switch (ai_json_type(doc, v)) {

    case AI_JSON_STRING:
        if (ai_json_str(doc, v, b->pool, &s) != AI_OK) {
            b->failed = 1;
            return AI_OK;
        }

        if (s.len
            && (memchr(s.data, '"', s.len)
                || (element && memchr(s.data, ',', s.len))))
        {
            return AI_ERROR;
        }

        ai_buf_cat(b, &s);
        return AI_OK;

    case AI_JSON_NUMBER:
        s = ai_json_raw(doc, v);
        ai_buf_cat(b, &s);
        return AI_OK;

    default:
        return AI_ERROR;
    }
}


static ai_int_t
ai_made_wrong(ai_key_error_t *err, const char *text)
{
    (void) snprintf(err->text, sizeof(err->text), "%s", text);

    return AI_ERROR;
}


static ai_int_t
ai_made_invalid(ai_key_error_t *err, const ai_str_t *name, const char *text)
{
    (void) snprintf(err->text, sizeof(err->text), "\"%.*s\" %s",
                    (int) ai_min(name->len, 64), (char *) name->data, text);

    return AI_ERROR;
}
