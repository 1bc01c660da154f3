
#include <provider/ai_aws.h>

#include <string.h>


static ai_int_t ai_aws_json(const ai_str_t *text, const ai_pool_t *pool,
    ai_aws_keys_t *keys);
static ai_int_t ai_aws_member(const ai_json_t *doc, const ai_pool_t *pool,
    const char *name, ai_str_t *out);
static void ai_aws_ini(const ai_str_t *text, const ai_str_t *profile,
    ai_aws_keys_t *keys);
static ai_int_t ai_aws_section(const ai_str_t *line, const ai_str_t *profile);
static void ai_aws_setting(const ai_str_t *line, ai_aws_keys_t *keys);
static ai_str_t ai_aws_trim(const ai_char_t *p, const ai_char_t *last);
static ai_int_t ai_aws_plain(const ai_str_t *s);


ai_int_t
ai_aws_credentials(const ai_str_t *text, const ai_str_t *profile,
    const ai_pool_t *pool, ai_aws_keys_t *keys)
{
    ai_int_t  rc;
    ai_str_t  s;

    memset(keys, 0, sizeof(ai_aws_keys_t));

    s = ai_aws_trim(text->data, text->data + text->len);

    if (s.len && s.data[0] == '{') {
        rc = ai_aws_json(&s, pool, keys);

        if (rc != AI_OK) {
            return rc;
        }

    } else {
        ai_aws_ini(&s, profile, keys);
    }

    if (keys->access_key.len == 0 || keys->secret.len == 0
        || !ai_aws_plain(&keys->access_key)
        || !ai_aws_plain(&keys->secret)
        || !ai_aws_plain(&keys->token))
    {
        return AI_DECLINED;
    }

    return AI_OK;
}


static ai_int_t
ai_aws_json(const ai_str_t *text, const ai_pool_t *pool, ai_aws_keys_t *keys)
{
    ai_int_t   rc;
    ai_json_t  doc;

    ai_json_init(&doc, pool);

    if (ai_json_parse(&doc, text, NULL) != AI_OK) {
        return doc.error == AI_JSON_E_MEMORY ? AI_ERROR : AI_DECLINED;
    }

    rc = ai_aws_member(&doc, pool, "AccessKeyId", &keys->access_key);

    if (rc == AI_OK) {
        rc = ai_aws_member(&doc, pool, "SecretAccessKey", &keys->secret);
    }

    if (rc == AI_OK) {
        rc = ai_aws_member(&doc, pool, "Token", &keys->token);
    }

    /* the name it has in answers of STS */

    if (rc == AI_OK && keys->token.len == 0) {
        rc = ai_aws_member(&doc, pool, "SessionToken", &keys->token);
    }

    return rc;
}


static ai_int_t
ai_aws_member(const ai_json_t *doc, const ai_pool_t *pool, const char *name,
    ai_str_t *out)
{
    ai_ref_t  v;

    v = ai_json_get(doc, AI_JSON_ROOT, name);

    if (ai_json_type(doc, v) != AI_JSON_STRING) {
        return AI_OK;
    }

    return ai_json_str(doc, v, pool, out) == AI_OK ? AI_OK : AI_ERROR;
}


static void
ai_aws_ini(const ai_str_t *text, const ai_str_t *profile,
    ai_aws_keys_t *keys)
{
    ai_str_t          line;
    ai_int_t          inside;
    const ai_char_t  *p, *last, *end;

    inside = 0;
    last = text->data + text->len;

    for (p = text->data; p < last; p = end + 1) {

        end = memchr(p, '\n', (size_t) (last - p));

        if (end == NULL) {
            end = last;
        }

        line = ai_aws_trim(p, end);

        if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';') {
            continue;
        }

        if (line.data[0] == '[') {
            inside = ai_aws_section(&line, profile);

        } else if (inside) {
            ai_aws_setting(&line, keys);
        }
    }
}


static ai_int_t
ai_aws_section(const ai_str_t *line, const ai_str_t *profile)
{
    ai_str_t  name;

    if (line->data[line->len - 1] != ']') {
        return 0;
    }

    name = ai_aws_trim(line->data + 1, line->data + line->len - 1);

    return ai_str_eq(&name, profile);
}


static void
ai_aws_setting(const ai_str_t *line, ai_aws_keys_t *keys)
{
    ai_str_t          name, value;
    const ai_char_t  *eq;

    eq = memchr(line->data, '=', line->len);

    if (eq == NULL) {
        return;
    }

    name = ai_aws_trim(line->data, eq);
    value = ai_aws_trim(eq + 1, line->data + line->len);

    if (ai_str_eq(&name, &ai_lit("aws_access_key_id"))) {
        keys->access_key = value;

    } else if (ai_str_eq(&name, &ai_lit("aws_secret_access_key"))) {
        keys->secret = value;

    } else if (ai_str_eq(&name, &ai_lit("aws_session_token"))) {
        keys->token = value;
    }
}


static ai_str_t
ai_aws_trim(const ai_char_t *p, const ai_char_t *last)
{
    ai_str_t  s;

    while (p < last && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
        p++;
    }

    while (p < last
           && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == '\r'
               || last[-1] == '\n'))
    {
        last--;
    }

    s.data = (ai_char_t *) p;
    s.len = (size_t) (last - p);

    return s;
}


/* what goes into a header line */

static ai_int_t
ai_aws_plain(const ai_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ' || s->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}
