
/*
 * The lines of a key file.
 */

#include <auth/ai_key_int.h>

#include <stdarg.h>
#include <stdio.h>


#define AI_KEY_SHOWN   64           /* bytes of a name in a message */


typedef enum {
    AI_FIELD_TEXT = 0,
    AI_FIELD_LIST,
    AI_FIELD_REQUESTS,
    AI_FIELD_TOKENS,
    AI_FIELD_BUDGET,
    AI_FIELD_DATE,
    AI_FIELD_FLAG
} ai_field_e;


typedef struct {
    ai_str_t           name;
    ai_field_e         type;
    size_t             offset;
} ai_field_t;


/* one line, while it is read */
typedef struct {
    const ai_pool_t   *pool;
    ai_key_t          *key;
    const ai_char_t   *p;
    const ai_char_t   *last;
    uint32_t           seen;        /* a bit for each field */
    ai_uint_t          alloc;       /* of key->attrs */
    ai_key_error_t    *err;
} ai_key_line_t;


static ai_uint_t ai_key_is_text(const ai_str_t *line);
static ai_int_t ai_key_add(ai_keys_t *keys, ai_key_t *key, ai_uint_t file,
    ai_key_error_t *err);
static ai_int_t ai_key_digest(ai_key_line_t *ln, ai_uint_t pepper);
static ai_int_t ai_key_hex(ai_char_t c);
static ai_int_t ai_key_word(ai_key_line_t *ln);
static ai_int_t ai_key_value(ai_key_line_t *ln, const ai_str_t *name,
    ai_str_t *value);
static ai_int_t ai_key_flag(ai_key_line_t *ln, const ai_str_t *name);
static ai_int_t ai_key_set(ai_key_line_t *ln, const ai_str_t *name,
    const ai_str_t *value);
static ai_int_t ai_key_field(ai_key_line_t *ln, const ai_field_t *f,
    const ai_str_t *value);
static ai_int_t ai_key_limit(ai_key_line_t *ln, const ai_field_t *f,
    const ai_str_t *value);
static ai_int_t ai_key_patterns(ai_key_line_t *ln, const ai_field_t *f,
    const ai_str_t *value);
static ai_int_t ai_key_operation(ai_key_line_t *ln, const ai_str_t *word);
static ai_int_t ai_key_unknown(ai_key_line_t *ln, const ai_str_t *name,
    const ai_str_t *value);
static const ai_field_t *ai_key_find_field(const ai_str_t *name);
static const ai_str_t *ai_key_near(const ai_str_t *name);
static ai_int_t ai_key_is_near(const ai_str_t *a, const ai_str_t *b);
static int64_t ai_key_days(int64_t y, int64_t m, int64_t d);
static ai_int_t ai_key_digits(const ai_char_t **p, size_t n, char end,
    int64_t *value);
static ai_int_t ai_key_fail(ai_key_error_t *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


#define ai_field(name, type, field)                                           \
    { ai_string(name), AI_FIELD_##type, offsetof(ai_key_t, field) }


static const ai_field_t  ai_key_fields[] = {
    ai_field("id", TEXT, id),
    ai_field("team", TEXT, team),
    ai_field("project", TEXT, project),
    ai_field("customer", TEXT, customer),
    ai_field("user", TEXT, user),
    ai_field("tier", TEXT, tier),
    ai_field("role", TEXT, role),
    ai_field("models", LIST, grant.list[AI_GRANT_MODELS]),
    ai_field("routes", LIST, grant.list[AI_GRANT_ROUTES]),
    ai_field("operations", LIST, grant.list[AI_GRANT_OPERATIONS]),
    ai_field("providers", LIST, grant.list[AI_GRANT_PROVIDERS]),
    ai_field("regions", LIST, grant.list[AI_GRANT_REGIONS]),
    ai_field("tools", LIST, grant.list[AI_GRANT_TOOLS]),
    ai_field("rpm", REQUESTS, rpm),
    ai_field("tpm", TOKENS, tpm),
    ai_field("budget", BUDGET, budget),
    ai_field("expires", DATE, expires),
    ai_field("disabled", FLAG, id)
};

#define AI_KEY_FIELDS  (sizeof(ai_key_fields) / sizeof(ai_field_t))

#define ai_key_is_blank(c)  ((c) == ' ' || (c) == '\t')

/* of a name, for "%.*s" */
#define ai_key_shown(s)                                                       \
    (int) ai_min((s)->len, AI_KEY_SHOWN), (const char *) (s)->data


ai_int_t
ai_keys_parse(ai_keys_t *keys, const ai_str_t *text, ai_uint_t pepper,
    ai_uint_t file, ai_key_error_t *err)
{
    ai_str_t          line;
    ai_key_t         *key;
    const ai_char_t  *p, *last, *end;

    p = text->data;
    last = p + text->len;

    err->line = 0;
    err->text[0] = '\0';

    for ( /* void */ ; p < last; p = end + 1) {

        end = memchr(p, '\n', (size_t) (last - p));

        if (end == NULL) {
            end = last;
        }

        err->line++;

        line.data = (ai_char_t *) p;
        line.len = (size_t) (end - p);

        if (line.len && line.data[line.len - 1] == '\r') {
            line.len--;
        }

        if (ai_key_parse(keys->pool, &line, pepper, &key, err) != AI_OK
            || (key && ai_key_add(keys, key, file, err) != AI_OK))
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


ai_int_t
ai_key_parse(const ai_pool_t *pool, const ai_str_t *text, ai_uint_t pepper,
    ai_key_t **key, ai_key_error_t *err)
{
    ai_key_line_t  ln;

    *key = NULL;

    if (text->len > AI_KEY_LINE_MAX) {
        return ai_key_fail(err, "a line is too long");
    }

    if (!ai_key_is_text(text)) {
        return ai_key_fail(err, "a line has a control character");
    }

    memset(&ln, 0, sizeof(ai_key_line_t));

    ln.pool = pool;
    ln.err = err;
    ln.p = text->data;
    ln.last = text->data + text->len;

    while (ln.p < ln.last && ai_key_is_blank(*ln.p)) {
        ln.p++;
    }

    if (ln.p == ln.last || *ln.p == '#') {
        return AI_OK;
    }

    ln.key = ai_key_create(pool);
    if (ln.key == NULL) {
        return ai_key_fail(err, "no memory");
    }

    if (ai_key_digest(&ln, pepper) != AI_OK) {
        return AI_ERROR;
    }

    while (ln.p < ln.last) {

        if (ai_key_is_blank(*ln.p)) {
            ln.p++;
            continue;
        }

        if (*ln.p == '#') {
            break;
        }

        if (ai_key_word(&ln) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ln.key->id.len == 0) {
        return ai_key_fail(err, "a key has no \"id\"");
    }

    *key = ln.key;

    return AI_OK;
}


static ai_uint_t
ai_key_is_text(const ai_str_t *line)
{
    size_t  i;

    for (i = 0; i < line->len; i++) {
        if ((line->data[i] < 0x20 && line->data[i] != '\t')
            || line->data[i] == 0x7f)
        {
            return 0;
        }
    }

    return 1;
}


static ai_int_t
ai_key_add(ai_keys_t *keys, ai_key_t *key, ai_uint_t file,
    ai_key_error_t *err)
{
    ai_key_t  *other;

    key->file = file;
    key->line = err->line;

    switch (ai_keys_add(keys, key, &other)) {

    case AI_KEY_ADDED:
        return AI_OK;

    case AI_KEY_SAME_DIGEST:
        return ai_key_fail(err, "the key of \"%.*s\" is that of \"%.*s\"",
                           ai_key_shown(&key->id), ai_key_shown(&other->id));

    case AI_KEY_SAME_ID:
        return ai_key_fail(err, "duplicate id \"%.*s\"",
                           ai_key_shown(&key->id));

    default:
        return ai_key_fail(err, "no memory");
    }
}


/* what stands there may be a key by mistake: it is not shown */

static ai_int_t
ai_key_digest(ai_key_line_t *ln, ai_uint_t pepper)
{
    size_t     i, len;
    ai_int_t   high, low;
    ai_str_t   word;

    word.data = (ai_char_t *) ln->p;

    while (ln->p < ln->last && !ai_key_is_blank(*ln->p)) {
        ln->p++;
    }

    word.len = (size_t) (ln->p - word.data);

    if (ai_str_starts(&word, "hmac:")) {

        if (pepper == AI_KEY_SHA256) {
            return ai_key_fail(ln->err, "\"hmac:\" needs \"pepper=\" of "
                               "\"ai_key_file\"");
        }

        ln->key->pepper = pepper;
        len = 5;

    } else if (ai_str_starts(&word, "sha256:")) {
        len = 7;

    } else {
        return ai_key_fail(ln->err, "a line begins with neither \"hmac:\" nor "
                           "\"sha256:\"");
    }

    word.data += len;
    word.len -= len;

    if (word.len != AI_DIGEST_LEN * 2) {
        return ai_key_fail(ln->err, "a digest is not 64 hexadecimal digits");
    }

    for (i = 0; i < AI_DIGEST_LEN; i++) {
        high = ai_key_hex(word.data[i * 2]);
        low = ai_key_hex(word.data[i * 2 + 1]);

        if (high < 0 || low < 0) {
            return ai_key_fail(ln->err,
                               "a digest is not 64 hexadecimal digits");
        }

        ln->key->digest[i] = (ai_char_t) (high << 4 | low);
    }

    return AI_OK;
}


static ai_int_t
ai_key_hex(ai_char_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : AI_ERROR;
}


/* "name=value", "name="a value"", or "disabled" */

static ai_int_t
ai_key_word(ai_key_line_t *ln)
{
    ai_str_t          name, value;
    const ai_char_t  *p;

    name.data = (ai_char_t *) ln->p;

    for (p = ln->p; p < ln->last; p++) {

        if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
            || (*p >= 'A' && *p <= 'Z') || *p == '_')
        {
            continue;
        }

        break;
    }

    name.len = (size_t) (p - ln->p);
    ln->p = p;

    if (name.len == 0) {
        return ai_key_fail(ln->err, "a name has other characters than "
                           "letters, digits and \"_\"");
    }

    if (p == ln->last || ai_key_is_blank(*p)) {
        return ai_key_flag(ln, &name);
    }

    if (*p != '=') {
        return ai_key_fail(ln->err, "a name has other characters than "
                           "letters, digits and \"_\"");
    }

    ln->p++;

    if (ai_key_value(ln, &name, &value) != AI_OK) {
        return AI_ERROR;
    }

    return ai_key_set(ln, &name, &value);
}


static ai_int_t
ai_key_value(ai_key_line_t *ln, const ai_str_t *name, ai_str_t *value)
{
    unsigned          quoted;
    const ai_char_t  *p, *end;

    p = ln->p;
    quoted = p < ln->last && *p == '"';
    p += quoted;

    for (end = p; end < ln->last; end++) {

        if (*end == '"' || (!quoted && ai_key_is_blank(*end))) {
            break;
        }
    }

    value->data = (ai_char_t *) p;
    value->len = (size_t) (end - p);

    if (quoted && end == ln->last) {
        return ai_key_fail(ln->err, "the value of \"%.*s\" has no closing "
                           "quote", ai_key_shown(name));
    }

    end += quoted;

    if (end < ln->last && !ai_key_is_blank(*end)) {
        return ai_key_fail(ln->err, "quotes are only around the whole value "
                           "of \"%.*s\"", ai_key_shown(name));
    }

    if (value->len == 0) {
        return ai_key_fail(ln->err, "\"%.*s\" is empty", ai_key_shown(name));
    }

    ln->p = end;

    return AI_OK;
}


static ai_int_t
ai_key_flag(ai_key_line_t *ln, const ai_str_t *name)
{
    const ai_str_t    *near;
    const ai_field_t  *f;

    f = ai_key_find_field(name);

    if (f && f->type == AI_FIELD_FLAG) {

        if (ln->key->disabled) {
            return ai_key_fail(ln->err, "duplicate \"%.*s\"",
                               ai_key_shown(name));
        }

        ln->key->disabled = 1;
        return AI_OK;
    }

    near = f ? NULL : ai_key_near(name);

    if (near) {
        return ai_key_fail(ln->err, "unknown word \"%.*s\", did you mean "
                           "\"%.*s\"?", ai_key_shown(name),
                           ai_key_shown(near));
    }

    return ai_key_fail(ln->err, "no value in \"%.*s\"", ai_key_shown(name));
}


static ai_int_t
ai_key_set(ai_key_line_t *ln, const ai_str_t *name, const ai_str_t *value)
{
    uint32_t           bit;
    const ai_str_t    *near;
    const ai_field_t  *f;

    f = ai_key_find_field(name);

    if (f == NULL) {
        near = ai_key_near(name);

        if (near) {
            return ai_key_fail(ln->err, "unknown attribute \"%.*s\", did you "
                               "mean \"%.*s\"?", ai_key_shown(name),
                               ai_key_shown(near));
        }

        return ai_key_unknown(ln, name, value);
    }

    if (f->type == AI_FIELD_FLAG) {
        return ai_key_fail(ln->err, "\"%.*s\" takes no value",
                           ai_key_shown(name));
    }

    bit = 1U << (f - ai_key_fields);

    if (ln->seen & bit) {
        return ai_key_fail(ln->err, "duplicate \"%.*s\"", ai_key_shown(name));
    }

    ln->seen |= bit;

    return ai_key_field(ln, f, value);
}


static ai_int_t
ai_key_field(ai_key_line_t *ln, const ai_field_t *f, const ai_str_t *value)
{
    void  *p;

    p = (char *) ln->key + f->offset;

    switch (f->type) {

    case AI_FIELD_TEXT:
        if (ai_str_dup(ln->pool, p, value) != AI_OK) {
            return ai_key_fail(ln->err, "no memory");
        }

        return AI_OK;

    case AI_FIELD_LIST:
        return ai_key_patterns(ln, f, value);

    case AI_FIELD_DATE:
        if (ai_key_date(value, p) != AI_OK) {
            return ai_key_fail(ln->err, "invalid date in \"%.*s\", it is "
                               "YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ",
                               ai_key_shown(&f->name));
        }

        return AI_OK;

    default:
        return ai_key_limit(ln, f, value);
    }
}


static ai_int_t
ai_key_limit(ai_key_line_t *ln, const ai_field_t *f, const ai_str_t *value)
{
    ai_int_t     rc;
    ai_limit_t  *limit;

    limit = (ai_limit_t *) ((char *) ln->key + f->offset);

    if (f->type == AI_FIELD_BUDGET) {

        if (ai_limit_parse(value, AI_UNIT_COST, limit) != AI_OK) {
            return ai_key_fail(ln->err, "invalid \"%.*s\", it is USD in a "
                               "period, such as \"50.00/month\"",
                               ai_key_shown(&f->name));
        }

        return AI_OK;
    }

    limit->period = 60;

    rc = ai_amount_parse(value, f->type == AI_FIELD_TOKENS
                                ? AI_UNIT_TOKENS : AI_UNIT_REQUESTS,
                         &limit->amount);

    if (rc != AI_OK) {
        return ai_key_fail(ln->err, "invalid \"%.*s\", it is a plain number",
                           ai_key_shown(&f->name));
    }

    return AI_OK;
}


static ai_int_t
ai_key_patterns(ai_key_line_t *ln, const ai_field_t *f, const ai_str_t *value)
{
    size_t          i;
    ai_str_t        word;
    ai_uint_t       n;
    ai_patterns_t  *list;

    list = (ai_patterns_t *) ((char *) ln->key + f->offset);

    n = 1;

    for (i = 0; i < value->len; i++) {
        n += (value->data[i] == ',');
    }

    list->v = ai_palloc(ln->pool, n * sizeof(ai_str_t));
    if (list->v == NULL) {
        return ai_key_fail(ln->err, "no memory");
    }

    word.data = value->data;

    for (i = 0; i <= value->len; i++) {

        if (i < value->len && value->data[i] != ',') {
            continue;
        }

        word.len = (size_t) (value->data + i - word.data);

        if (!ai_pattern_is_valid(&word)) {
            return ai_key_fail(ln->err, "invalid name in \"%.*s\": it is "
                               "empty, or has a \"*\" that is not its last "
                               "character", ai_key_shown(&f->name));
        }

        if (f->offset == offsetof(ai_key_t, grant.list[AI_GRANT_OPERATIONS])
            && ai_key_operation(ln, &word) != AI_OK)
        {
            return AI_ERROR;
        }

        if (ai_str_dup(ln->pool, &list->v[list->n], &word) != AI_OK) {
            return ai_key_fail(ln->err, "no memory");
        }

        list->n++;
        word.data = value->data + i + 1;
    }

    return AI_OK;
}


static ai_int_t
ai_key_operation(ai_key_line_t *ln, const ai_str_t *word)
{
    ai_uint_t        i;
    const ai_str_t  *known;

    for (i = 0; (known = ai_grant_operation(i)) != NULL; i++) {
        if (ai_str_glob(word, known)) {
            return AI_OK;
        }
    }

    for (i = 0; (known = ai_grant_operation(i)) != NULL; i++) {
        if (ai_key_is_near(word, known)) {
            return ai_key_fail(ln->err, "unknown operation \"%.*s\", did you "
                               "mean \"%.*s\"?", ai_key_shown(word),
                               ai_key_shown(known));
        }
    }

    return ai_key_fail(ln->err, "unknown operation \"%.*s\"",
                       ai_key_shown(word));
}


static ai_int_t
ai_key_unknown(ai_key_line_t *ln, const ai_str_t *name, const ai_str_t *value)
{
    size_t          i;
    ai_str_t        low;
    ai_uint_t       n;
    ai_key_t       *key;
    ai_key_attr_t  *attrs;

    key = ln->key;

    if (ai_str_dup(ln->pool, &low, name) != AI_OK) {
        return ai_key_fail(ln->err, "no memory");
    }

    for (i = 0; i < low.len; i++) {
        if (low.data[i] >= 'A' && low.data[i] <= 'Z') {
            low.data[i] |= 0x20;
        }
    }

    if (ai_key_attr(key, &low)) {
        return ai_key_fail(ln->err, "duplicate \"%.*s\"", ai_key_shown(name));
    }

    if (key->nattrs == ln->alloc) {
        n = ln->alloc ? ln->alloc * 2 : 4;

        attrs = ai_palloc(ln->pool, n * sizeof(ai_key_attr_t));
        if (attrs == NULL) {
            return ai_key_fail(ln->err, "no memory");
        }

        if (key->nattrs) {
            memcpy(attrs, key->attrs, key->nattrs * sizeof(ai_key_attr_t));
            ai_pfree(ln->pool, key->attrs);
        }

        key->attrs = attrs;
        ln->alloc = n;
    }

    attrs = &key->attrs[key->nattrs];
    attrs->name = low;

    if (ai_str_dup(ln->pool, &attrs->value, value) != AI_OK) {
        return ai_key_fail(ln->err, "no memory");
    }

    key->nattrs++;

    return AI_OK;
}


static const ai_field_t *
ai_key_find_field(const ai_str_t *name)
{
    ai_uint_t  i;

    for (i = 0; i < AI_KEY_FIELDS; i++) {
        if (ai_str_eq(&ai_key_fields[i].name, name)) {
            return &ai_key_fields[i];
        }
    }

    return NULL;
}


/* a name that may be a mistyped one of ours is not taken for one of yours */

static const ai_str_t *
ai_key_near(const ai_str_t *name)
{
    ai_uint_t  i;

    for (i = 0; i < AI_KEY_FIELDS; i++) {
        if (ai_key_is_near(name, &ai_key_fields[i].name)) {
            return &ai_key_fields[i].name;
        }
    }

    return NULL;
}


/*
 * At most one letter more, less, or another one, or two neighbours in each
 * other's place.  The letters' case is no difference.
 */

static ai_int_t
ai_key_is_near(const ai_str_t *a, const ai_str_t *b)
{
    size_t    i, rest;
    ai_str_t  x, y;

    for (i = 0; i < a->len && i < b->len; i++) {
        if ((a->data[i] | 0x20) != (b->data[i] | 0x20)) {
            break;
        }
    }

    x.data = a->data + i;
    x.len = a->len - i;
    y.data = b->data + i;
    y.len = b->len - i;

#define ai_key_tail(s, n)  ((ai_str_t) { (s).len - (n), (s).data + (n) })

    rest = ai_min(x.len, y.len);

    if (rest == 0) {
        return x.len + y.len <= 1;
    }

    if (x.len == y.len + 1) {
        return ai_str_caseeq(&ai_key_tail(x, 1), &y);
    }

    if (y.len == x.len + 1) {
        return ai_str_caseeq(&ai_key_tail(y, 1), &x);
    }

    if (x.len != y.len) {
        return 0;
    }

    if (ai_str_caseeq(&ai_key_tail(x, 1), &ai_key_tail(y, 1))) {
        return 1;
    }

    return rest >= 2
           && (x.data[0] | 0x20) == (y.data[1] | 0x20)
           && (x.data[1] | 0x20) == (y.data[0] | 0x20)
           && ai_str_caseeq(&ai_key_tail(x, 2), &ai_key_tail(y, 2));

#undef ai_key_tail
}


ai_int_t
ai_key_date(const ai_str_t *text, int64_t *seconds)
{
    int64_t           v[6];
    ai_uint_t         i, n;
    const ai_char_t  *p;

    static const char     ends[] = "--T::Z";
    static const int64_t  days[] = {
        31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (text->len != sizeof("2027-01-31") - 1
        && text->len != sizeof("2027-01-31T23:59:59Z") - 1)
    {
        return AI_ERROR;
    }

    n = text->len == sizeof("2027-01-31") - 1 ? 3 : 6;
    p = text->data;
    memset(v, 0, sizeof(v));

    for (i = 0; i < n; i++) {
        if (ai_key_digits(&p, i == 0 ? 4 : 2, i + 1 == 3 && n == 3 ? '\0'
                                                                   : ends[i],
                          &v[i])
            != AI_OK)
        {
            return AI_ERROR;
        }
    }

    if (v[0] < 1970 || v[1] < 1 || v[1] > 12
        || v[2] < 1 || v[2] > days[v[1] - 1]
        || (v[1] == 2 && v[2] == 29
            && (v[0] % 4 != 0 || (v[0] % 100 == 0 && v[0] % 400 != 0)))
        || v[3] > 23 || v[4] > 59 || v[5] > 59)
    {
        return AI_ERROR;
    }

    *seconds = ai_key_days(v[0], v[1], v[2]) * 86400
               + v[3] * 3600 + v[4] * 60 + v[5];

    return AI_OK;
}


/* n digits, and what ends them unless it is zero */

static ai_int_t
ai_key_digits(const ai_char_t **p, size_t n, char end, int64_t *value)
{
    size_t  i;

    *value = 0;

    for (i = 0; i < n; i++) {
        if ((*p)[i] < '0' || (*p)[i] > '9') {
            return AI_ERROR;
        }

        *value = *value * 10 + ((*p)[i] - '0');
    }

    *p += n;

    if (end == '\0') {
        return AI_OK;
    }

    return *(*p)++ == (ai_char_t) end ? AI_OK : AI_ERROR;
}


/* since 1970-01-01, of the Gregorian calendar; a year begins in March, so
 * that its odd day is the last one */

static int64_t
ai_key_days(int64_t y, int64_t m, int64_t d)
{
    y -= (m <= 2);
    m += (m <= 2) ? 9 : -3;

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d - 1
           - 719468;
}


static ai_int_t
ai_key_fail(ai_key_error_t *err, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);

    return AI_ERROR;
}
