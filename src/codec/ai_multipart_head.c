
/*
 * Header lines with parameters: Content-Type of a request, and what is in
 * front of a part of multipart/form-data.
 */

#include <codec/ai_multipart_int.h>


/* what a header block says, as spans of it */
typedef struct {
    ai_str_t           name;
    ai_str_t           filename;
    ai_str_t           type;
    ai_str_t           encoding;
    unsigned           disposition:1;
} ai_multipart_head_t;


/* one of "; name=value"; value is the inside of a quoted string */
typedef struct {
    ai_str_t           name;
    ai_str_t           value;
    unsigned           quoted:1;
} ai_multipart_param_t;


static ai_int_t ai_multipart_line(ai_multipart_head_t *h,
    const ai_str_t *line);
static ai_int_t ai_multipart_once(ai_str_t *field, const ai_str_t *value);
static ai_int_t ai_multipart_disposition(ai_multipart_head_t *h,
    ai_str_t value);
static ai_int_t ai_multipart_param(ai_str_t *rest, ai_multipart_param_t *pa);
static ai_int_t ai_multipart_quoted(ai_str_t *rest, ai_str_t *value);
static ai_str_t ai_multipart_token(ai_str_t *rest);
static void ai_multipart_blanks(ai_str_t *rest);
static ai_int_t ai_multipart_is_token(ai_char_t c);
static ai_int_t ai_multipart_strict(const ai_str_t *name);
static ai_char_t *ai_multipart_copy(ai_char_t *p, ai_str_t *dst,
    const ai_str_t *src, ai_int_t unescape);
static ai_int_t ai_multipart_plain(const ai_str_t *encoding);


ai_int_t
ai_multipart_boundary(const ai_str_t *content_type, ai_str_t *boundary)
{
    size_t                i;
    ai_int_t              rc;
    ai_str_t              rest, type, found;
    ai_multipart_param_t  pa;

    static const ai_str_t  form = ai_string("multipart/form-data");
    static const ai_str_t  name = ai_string("boundary");

    rest = *content_type;
    found = (ai_str_t) ai_null_string;

    ai_multipart_blanks(&rest);

    type.data = rest.data;
    type.len = ai_min(rest.len, form.len);

    if (!ai_str_caseeq(&type, &form)) {
        return AI_DECLINED;
    }

    rest.data += form.len;
    rest.len -= form.len;

    while ((rc = ai_multipart_param(&rest, &pa)) == AI_OK) {

        if (!ai_str_caseeq(&pa.name, &name)) {

            /* "boundary*": a boundary to some */

            pa.name.len = ai_min(pa.name.len, name.len + 1);

            if (pa.name.len == name.len + 1
                && ai_str_caseeq(&pa.name, &ai_lit("boundary*")))
            {
                return AI_DECLINED;
            }

            continue;
        }

        if (found.data != NULL) {
            return AI_DECLINED;
        }

        found = pa.value;
    }

    if (rc != AI_DONE || found.len == 0 || found.len > AI_MULTIPART_BOUNDARY
        || found.data[found.len - 1] == ' ')
    {
        return AI_DECLINED;
    }

    for (i = 0; i < found.len; i++) {
        if (memchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789'()+_,-./:=? ", found.data[i], 75) == NULL)
        {
            return AI_DECLINED;
        }
    }

    *boundary = found;

    return AI_OK;
}


ai_int_t
ai_multipart_head(const ai_str_t *head, const ai_pool_t *pool,
    ai_multipart_part_t *part, ai_int_t *encoded)
{
    ai_str_t              line;
    ai_char_t            *p;
    const ai_char_t      *lf, *end;
    ai_multipart_head_t   h;

    memset(&h, 0, sizeof(ai_multipart_head_t));

    end = head->data + head->len;

    for (line.data = head->data; line.data < end;
         line.data = (ai_char_t *) lf + 1)
    {
        lf = memchr(line.data, '\n', (size_t) (end - line.data));

        if (lf == NULL || lf == line.data || lf[-1] != '\r') {
            return AI_DECLINED;
        }

        line.len = (size_t) (lf - 1 - line.data);

        if (line.len == 0) {
            break;
        }

        if (ai_multipart_line(&h, &line) != AI_OK) {
            return AI_DECLINED;
        }
    }

    if (h.name.data == NULL || !ai_multipart_strict(&h.name)) {
        return AI_DECLINED;
    }

    p = ai_palloc(pool, h.name.len + h.filename.len + h.type.len);
    if (p == NULL) {
        return AI_ERROR;
    }

    p = ai_multipart_copy(p, &part->name, &h.name, 1);
    p = ai_multipart_copy(p, &part->filename, &h.filename, 1);
    (void) ai_multipart_copy(p, &part->type, &h.type, 0);

    *encoded = !ai_multipart_plain(&h.encoding);

    return AI_OK;
}


static ai_int_t
ai_multipart_line(ai_multipart_head_t *h, const ai_str_t *line)
{
    size_t    i;
    ai_str_t  name, value;

    value = *line;

    for (i = 0; i < value.len; i++) {
        if ((value.data[i] < 0x20 && value.data[i] != '\t')
            || value.data[i] == 0x7f)
        {
            return AI_DECLINED;
        }
    }

    name = ai_multipart_token(&value);

    if (name.len == 0 || value.len == 0 || value.data[0] != ':') {
        return AI_DECLINED;
    }

    value.data++;
    value.len--;

    ai_multipart_blanks(&value);

    while (value.len && (value.data[value.len - 1] == ' '
                         || value.data[value.len - 1] == '\t'))
    {
        value.len--;
    }

    if (ai_str_caseeq(&name, &ai_lit("content-disposition"))) {
        return ai_multipart_disposition(h, value);
    }

    if (ai_str_caseeq(&name, &ai_lit("content-type"))) {
        return ai_multipart_once(&h->type, &value);
    }

    if (ai_str_caseeq(&name, &ai_lit("content-transfer-encoding"))) {
        return ai_multipart_once(&h->encoding, &value);
    }

    return AI_OK;
}


static ai_int_t
ai_multipart_once(ai_str_t *field, const ai_str_t *value)
{
    if (field->data != NULL) {
        return AI_DECLINED;
    }

    *field = *value;

    return AI_OK;
}


static ai_int_t
ai_multipart_disposition(ai_multipart_head_t *h, ai_str_t value)
{
    ai_int_t              rc;
    ai_str_t              type;
    ai_multipart_param_t  pa;

    type = ai_multipart_token(&value);

    if (h->disposition || !ai_str_caseeq(&type, &ai_lit("form-data"))) {
        return AI_DECLINED;
    }

    h->disposition = 1;

    while ((rc = ai_multipart_param(&value, &pa)) == AI_OK) {

        if (ai_str_caseeq(&pa.name, &ai_lit("name"))) {
            rc = ai_multipart_once(&h->name, &pa.value);

        } else if (ai_str_caseeq(&pa.name, &ai_lit("filename"))) {
            rc = ai_multipart_once(&h->filename, &pa.value);

        } else if (pa.name.len >= 5) {

            /* "name*", "name*0" */

            pa.name.len = 5;
            rc = ai_str_caseeq(&pa.name, &ai_lit("name*")) ? AI_DECLINED
                                                           : AI_OK;
        }

        if (rc != AI_OK) {
            return AI_DECLINED;
        }
    }

    return rc == AI_DONE ? AI_OK : AI_DECLINED;
}


/* takes one parameter off the front; AI_DONE: none is left */

static ai_int_t
ai_multipart_param(ai_str_t *rest, ai_multipart_param_t *pa)
{
    ai_multipart_blanks(rest);

    if (rest->len == 0) {
        return AI_DONE;
    }

    if (rest->data[0] != ';') {
        return AI_DECLINED;
    }

    rest->data++;
    rest->len--;

    ai_multipart_blanks(rest);

    if (rest->len == 0) {
        return AI_DONE;
    }

    pa->name = ai_multipart_token(rest);

    if (pa->name.len == 0 || rest->len < 2 || rest->data[0] != '=') {
        return AI_DECLINED;
    }

    rest->data++;
    rest->len--;

    pa->quoted = rest->data[0] == '"';

    if (pa->quoted) {
        return ai_multipart_quoted(rest, &pa->value);
    }

    pa->value = ai_multipart_token(rest);

    return pa->value.len ? AI_OK : AI_DECLINED;
}


/* the inside of a quoted string, escapes and all */

static ai_int_t
ai_multipart_quoted(ai_str_t *rest, ai_str_t *value)
{
    size_t  i;

    for (i = 1; i < rest->len && rest->data[i] != '"'; i++) {

        if (rest->data[i] == '\\' && i + 1 < rest->len
            && (rest->data[i + 1] == '"' || rest->data[i + 1] == '\\'))
        {
            i++;
        }
    }

    if (i >= rest->len) {
        return AI_DECLINED;
    }

    value->data = rest->data + 1;
    value->len = i - 1;

    rest->data += i + 1;
    rest->len -= i + 1;

    return AI_OK;
}


static ai_str_t
ai_multipart_token(ai_str_t *rest)
{
    ai_str_t  token;

    token.data = rest->data;
    token.len = 0;

    while (token.len < rest->len
           && ai_multipart_is_token(rest->data[token.len]))
    {
        token.len++;
    }

    rest->data += token.len;
    rest->len -= token.len;

    return token;
}


static void
ai_multipart_blanks(ai_str_t *rest)
{
    while (rest->len && (rest->data[0] == ' ' || rest->data[0] == '\t')) {
        rest->data++;
        rest->len--;
    }
}


static ai_int_t
ai_multipart_is_token(ai_char_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z')
           || memchr("!#$%&'*+-.^_`|~", c, 15) != NULL;
}


/* to some readers a backslash takes itself away before any letter: a name
 * that would be another one is refused.  Names of files may be a path */

static ai_int_t
ai_multipart_strict(const ai_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {

        if (name->data[i] != '\\') {
            continue;
        }

        i++;

        if (i == name->len
            || (name->data[i] != '"' && name->data[i] != '\\'))
        {
            return 0;
        }
    }

    return 1;
}


static ai_char_t *
ai_multipart_copy(ai_char_t *p, ai_str_t *dst, const ai_str_t *src,
    ai_int_t unescape)
{
    size_t  i;

    if (src->data == NULL) {
        *dst = *src;
        return p;
    }

    dst->data = p;

    for (i = 0; i < src->len; i++) {

        if (unescape && src->data[i] == '\\' && i + 1 < src->len
            && (src->data[i + 1] == '"' || src->data[i + 1] == '\\'))
        {
            i++;
        }

        *p++ = src->data[i];
    }

    dst->len = (size_t) (p - dst->data);

    return p;
}


static ai_int_t
ai_multipart_plain(const ai_str_t *encoding)
{
    return encoding->data == NULL
           || ai_str_caseeq(encoding, &ai_lit("binary"))
           || ai_str_caseeq(encoding, &ai_lit("8bit"))
           || ai_str_caseeq(encoding, &ai_lit("7bit"));
}
