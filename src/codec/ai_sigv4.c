
/*
 * AWS Signature Version 4: "Create a signed AWS API request" in the IAM User
 * Guide.
 *
 *     canonical request  = method, path, query, headers, names, payload
 *     string to sign     = algorithm, date, scope, hash of the above
 *     key                = HMAC chain of secret, day, region, service
 */

#include <codec/ai_sigv4.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


#define AI_SIGV4_ALGORITHM  "AWS4-HMAC-SHA256"
#define AI_SIGV4_DIGEST     32
#define AI_SIGV4_DATE       16      /* 20150830T123600Z */
#define AI_SIGV4_DAY        8

#define AI_SIGV4_MAX        65536   /* bytes of one value, far above any */
#define AI_SIGV4_YEAR_10000 INT64_C(253402300800)

#define AI_SIGV4_ALL        (AI_SIGV4_HEADERS + 3)


/* a request being signed */
typedef struct {
    const ai_sigv4_t  *r;
    ai_sigv4_header_t  header[AI_SIGV4_ALL];       /* in order of names */
    size_t             nheaders;
    ai_char_t          date[AI_SIGV4_DATE];
    ai_buf_t           b;           /* the request, then the string */
    ai_buf_t           path;
    ai_char_t          hash[AI_SIGV4_HASH];        /* of the request */
    ai_char_t          signature[AI_SIGV4_HASH];
} ai_sigv4_sign_t;


static ai_int_t ai_sigv4_check(const ai_sigv4_t *r);
static ai_int_t ai_sigv4_plain(const ai_str_t *s);
static ai_int_t ai_sigv4_word(const ai_str_t *s);
static void ai_sigv4_date(int64_t time, ai_char_t date[AI_SIGV4_DATE]);
static void ai_sigv4_digits(ai_char_t *p, int64_t n, size_t width);
static ai_int_t ai_sigv4_headers(ai_sigv4_sign_t *g);
static ai_int_t ai_sigv4_header_add(ai_sigv4_sign_t *g, const ai_str_t *name,
    const ai_str_t *value);
static ai_int_t ai_sigv4_namecmp(const ai_str_t *a, const ai_str_t *b);
static ai_int_t ai_sigv4_request(ai_sigv4_sign_t *g,
    const ai_char_t *payload);
static void ai_sigv4_path(ai_sigv4_sign_t *g);
static void ai_sigv4_segments(ai_buf_t *b, const ai_str_t *path);
static ai_int_t ai_sigv4_query(ai_buf_t *b, const ai_str_t *query);
static int ai_sigv4_argcmp(const void *one, const void *two);
static int ai_sigv4_spancmp(const ai_str_t *a, const ai_str_t *b);
static void ai_sigv4_lower(ai_buf_t *b, const ai_str_t *s);
static void ai_sigv4_trimmed(ai_buf_t *b, const ai_str_t *s);
static void ai_sigv4_names(ai_buf_t *b, const ai_sigv4_sign_t *g);
static void ai_sigv4_scope(ai_buf_t *b, const ai_sigv4_sign_t *g);
static ai_int_t ai_sigv4_signature(ai_sigv4_sign_t *g);
static ai_int_t ai_sigv4_hmac(const ai_char_t *key, size_t klen,
    const ai_str_t *text, ai_char_t *out);
static void ai_sigv4_lines(ai_sigv4_sign_t *g, ai_buf_t *out);
static void ai_sigv4_hex(const ai_char_t *p, size_t n, ai_char_t *out);
static ai_char_t ai_sigv4_tolower(ai_char_t c);


ai_int_t
ai_sigv4_hash(const ai_str_t *span, size_t n, ai_char_t hex[AI_SIGV4_HASH])
{
    int          ok;
    size_t       i;
    ai_char_t    digest[AI_SIGV4_DIGEST];
    EVP_MD_CTX  *md;

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        return AI_ERROR;
    }

    ok = EVP_DigestInit_ex(md, EVP_sha256(), NULL);

    for (i = 0; ok && i < n; i++) {
        if (span[i].len) {
            ok = EVP_DigestUpdate(md, span[i].data, span[i].len);
        }
    }

    ok = ok && EVP_DigestFinal_ex(md, digest, NULL);

    EVP_MD_CTX_free(md);

    if (!ok) {
        return AI_ERROR;
    }

    ai_sigv4_hex(digest, AI_SIGV4_DIGEST, hex);

    return AI_OK;
}


ai_int_t
ai_sigv4_sign(const ai_sigv4_t *r, const ai_char_t payload[AI_SIGV4_HASH],
    ai_buf_t *out)
{
    size_t           at;
    ai_int_t         rc;
    ai_sigv4_sign_t  g;

    if (ai_sigv4_check(r) != AI_OK) {
        return AI_DECLINED;
    }

    at = ai_buf_len(out);

    memset(&g, 0, sizeof(ai_sigv4_sign_t));

    g.r = r;
    ai_buf_init(&g.b, out->pool);
    ai_buf_init(&g.path, out->pool);

    ai_sigv4_date(r->time, g.date);

    rc = ai_sigv4_headers(&g);

    if (rc == AI_OK) {
        rc = ai_sigv4_request(&g, payload);
    }

    if (rc == AI_OK) {
        rc = ai_sigv4_signature(&g);
    }

    if (rc == AI_OK) {
        ai_sigv4_lines(&g, out);

        if (out->failed) {
            rc = AI_ERROR;

            if (out->start) {
                out->last = out->start + at;
            }
        }
    }

    ai_pfree(out->pool, g.b.start);
    ai_pfree(out->pool, g.path.start);

    return rc;
}


static ai_int_t
ai_sigv4_check(const ai_sigv4_t *r)
{
    size_t  i;

    if (r->time < 0 || r->time >= AI_SIGV4_YEAR_10000
        || r->nheaders > AI_SIGV4_HEADERS)
    {
        return AI_DECLINED;
    }

    if (!ai_sigv4_word(&r->access_key) || !ai_sigv4_word(&r->region)
        || !ai_sigv4_word(&r->service) || !ai_sigv4_word(&r->method)
        || r->secret.len == 0 || r->secret.len > AI_SIGV4_MAX
        || r->host.len == 0 || !ai_sigv4_plain(&r->host)
        || !ai_sigv4_plain(&r->token))
    {
        return AI_DECLINED;
    }

    if (r->path.len == 0 || r->path.data[0] != '/'
        || !ai_sigv4_plain(&r->path) || !ai_sigv4_plain(&r->query))
    {
        return AI_DECLINED;
    }

    for (i = 0; i < r->nheaders; i++) {
        if (!ai_sigv4_word(&r->headers[i].name)
            || !ai_sigv4_plain(&r->headers[i].value))
        {
            return AI_DECLINED;
        }
    }

    return AI_OK;
}


/* fits in a line of a header; may be empty */

static ai_int_t
ai_sigv4_plain(const ai_str_t *s)
{
    size_t  i;

    if (s->len > AI_SIGV4_MAX) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if ((s->data[i] < 0x20 && s->data[i] != '\t') || s->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* what stands between the separators of a scope, and names of headers */

static ai_int_t
ai_sigv4_word(const ai_str_t *s)
{
    size_t     i;
    ai_char_t  c;

    if (s->len == 0 || s->len > 1024) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (c <= ' ' || c >= 0x7f || memchr("/,;:=", c, 5) != NULL) {
            return 0;
        }
    }

    return 1;
}


/* the civil calendar from days, counted from March of the year 0 */

static void
ai_sigv4_date(int64_t time, ai_char_t date[AI_SIGV4_DATE])
{
    int64_t  days, secs, era, doe, yoe, doy, mp, month;

    days = time / 86400 + 719468;
    secs = time % 86400;

    era = days / 146097;
    doe = days % 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    month = mp < 10 ? mp + 3 : mp - 9;

    ai_sigv4_digits(date, era * 400 + yoe + (month <= 2), 4);
    ai_sigv4_digits(date + 4, month, 2);
    ai_sigv4_digits(date + 6, doy - (153 * mp + 2) / 5 + 1, 2);
    date[8] = 'T';
    ai_sigv4_digits(date + 9, secs / 3600, 2);
    ai_sigv4_digits(date + 11, secs / 60 % 60, 2);
    ai_sigv4_digits(date + 13, secs % 60, 2);
    date[15] = 'Z';
}


static void
ai_sigv4_digits(ai_char_t *p, int64_t n, size_t width)
{
    while (width > 0) {
        p[--width] = (ai_char_t) ('0' + n % 10);
        n /= 10;
    }
}


static ai_int_t
ai_sigv4_headers(ai_sigv4_sign_t *g)
{
    size_t    i;
    ai_str_t  date;

    date.data = g->date;
    date.len = AI_SIGV4_DATE;

    if (ai_sigv4_header_add(g, &ai_lit("host"), &g->r->host) != AI_OK
        || ai_sigv4_header_add(g, &ai_lit("x-amz-date"), &date) != AI_OK)
    {
        return AI_DECLINED;
    }

    if (g->r->token.len
        && ai_sigv4_header_add(g, &ai_lit("x-amz-security-token"),
                               &g->r->token)
           != AI_OK)
    {
        return AI_DECLINED;
    }

    for (i = 0; i < g->r->nheaders; i++) {
        if (ai_sigv4_header_add(g, &g->r->headers[i].name,
                                &g->r->headers[i].value)
            != AI_OK)
        {
            return AI_DECLINED;
        }
    }

    return AI_OK;
}


/* into its place; a name that is there already is refused */

static ai_int_t
ai_sigv4_header_add(ai_sigv4_sign_t *g, const ai_str_t *name,
    const ai_str_t *value)
{
    size_t    i, n;
    ai_int_t  cmp;

    for (i = 0; i < g->nheaders; i++) {
        cmp = ai_sigv4_namecmp(name, &g->header[i].name);

        if (cmp == 0) {
            return AI_DECLINED;
        }

        if (cmp < 0) {
            break;
        }
    }

    for (n = g->nheaders; n > i; n--) {
        g->header[n] = g->header[n - 1];
    }

    g->header[i].name = *name;
    g->header[i].value = *value;
    g->nheaders++;

    return AI_OK;
}


static ai_int_t
ai_sigv4_namecmp(const ai_str_t *a, const ai_str_t *b)
{
    size_t     i;
    ai_char_t  x, y;

    for (i = 0; i < a->len && i < b->len; i++) {
        x = ai_sigv4_tolower(a->data[i]);
        y = ai_sigv4_tolower(b->data[i]);

        if (x != y) {
            return x < y ? -1 : 1;
        }
    }

    return a->len < b->len ? -1 : a->len > b->len;
}


static ai_int_t
ai_sigv4_request(ai_sigv4_sign_t *g, const ai_char_t *payload)
{
    size_t     i;
    ai_buf_t  *b;
    ai_int_t   rc;
    ai_str_t   s;

    b = &g->b;

    ai_buf_cat(b, &g->r->method);
    ai_buf_char(b, '\n');

    ai_sigv4_path(g);
    ai_buf_char(b, '\n');

    rc = ai_sigv4_query(b, &g->r->query);

    if (rc != AI_OK) {
        return rc;
    }

    ai_buf_char(b, '\n');

    for (i = 0; i < g->nheaders; i++) {
        ai_sigv4_lower(b, &g->header[i].name);
        ai_buf_char(b, ':');
        ai_sigv4_trimmed(b, &g->header[i].value);
        ai_buf_char(b, '\n');
    }

    ai_buf_char(b, '\n');
    ai_sigv4_names(b, g);
    ai_buf_char(b, '\n');
    ai_buf_add(b, payload, AI_SIGV4_HASH);

    if (b->failed || g->path.failed) {
        return AI_ERROR;
    }

    s = ai_buf_str(b);

    return ai_sigv4_hash(&s, 1, g->hash);
}


static void
ai_sigv4_path(ai_sigv4_sign_t *g)
{
    ai_char_t  c, *p;

    static const char  hex[] = "0123456789ABCDEF";

    ai_sigv4_segments(&g->path, &g->r->path);

    for (p = g->path.start; p < g->path.last; p++) {
        c = *p;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || memchr("/-._~", c, 5) != NULL)
        {
            ai_buf_char(&g->b, c);
            continue;
        }

        ai_buf_char(&g->b, '%');
        ai_buf_char(&g->b, (ai_char_t) hex[c >> 4]);
        ai_buf_char(&g->b, (ai_char_t) hex[c & 15]);
    }
}


/* RFC 3986, 5.2.4; slashes in a row count as one */

static void
ai_sigv4_segments(ai_buf_t *b, const ai_str_t *path)
{
    size_t  i, start, len;

    for (i = 0; i < path->len; /* void */ ) {

        while (i < path->len && path->data[i] == '/') {
            i++;
        }

        for (start = i; i < path->len && path->data[i] != '/'; i++) {
            /* void */
        }

        len = i - start;

        if (len == 0 || (len == 1 && path->data[start] == '.')) {
            continue;
        }

        if (len == 2 && memcmp(path->data + start, "..", 2) == 0) {

            while (ai_buf_len(b) > 0 && *--b->last != '/') {
                /* void */
            }

            continue;
        }

        ai_buf_char(b, '/');
        ai_buf_add(b, path->data + start, len);
    }

    if (ai_buf_len(b) == 0 || path->data[path->len - 1] == '/') {
        ai_buf_char(b, '/');
    }
}


/* sorted by name, then by value; a bare name gets its "=" */

static ai_int_t
ai_sigv4_query(ai_buf_t *b, const ai_str_t *query)
{
    size_t             i, n;
    ai_char_t         *p, *end, *amp, *eq;
    ai_sigv4_header_t  arg[AI_SIGV4_QUERY];

    if (query->len == 0) {
        return AI_OK;
    }

    n = 0;
    end = query->data + query->len;

    for (p = query->data; p < end; p = amp + 1) {
        amp = memchr(p, '&', (size_t) (end - p));

        if (amp == NULL) {
            amp = end;
        }

        if (amp == p) {
            continue;
        }

        if (n == AI_SIGV4_QUERY) {
            return AI_DECLINED;
        }

        eq = memchr(p, '=', (size_t) (amp - p));

        arg[n].name.data = p;
        arg[n].name.len = (size_t) ((eq ? eq : amp) - p);
        arg[n].value.data = eq ? eq + 1 : amp;
        arg[n].value.len = (size_t) (amp - arg[n].value.data);
        n++;
    }

    if (n > 1) {
        qsort(arg, n, sizeof(ai_sigv4_header_t), ai_sigv4_argcmp);
    }

    for (i = 0; i < n; i++) {
        if (i) {
            ai_buf_char(b, '&');
        }

        ai_buf_cat(b, &arg[i].name);
        ai_buf_char(b, '=');
        ai_buf_cat(b, &arg[i].value);
    }

    return AI_OK;
}


static int
ai_sigv4_argcmp(const void *one, const void *two)
{
    int                       cmp;
    const ai_sigv4_header_t  *a, *b;

    a = one;
    b = two;

    cmp = ai_sigv4_spancmp(&a->name, &b->name);

    return cmp ? cmp : ai_sigv4_spancmp(&a->value, &b->value);
}


static int
ai_sigv4_spancmp(const ai_str_t *a, const ai_str_t *b)
{
    int     cmp;
    size_t  n;

    n = ai_min(a->len, b->len);
    cmp = n ? memcmp(a->data, b->data, n) : 0;

    return cmp ? cmp : (a->len > b->len) - (a->len < b->len);
}


static void
ai_sigv4_lower(ai_buf_t *b, const ai_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        ai_buf_char(b, ai_sigv4_tolower(s->data[i]));
    }
}


/* without blanks around it, and one for several inside */

static void
ai_sigv4_trimmed(ai_buf_t *b, const ai_str_t *s)
{
    size_t    i;
    unsigned  blank, any;

    blank = 0;
    any = 0;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] == ' ' || s->data[i] == '\t') {
            blank = 1;
            continue;
        }

        if (blank && any) {
            ai_buf_char(b, ' ');
        }

        ai_buf_char(b, s->data[i]);
        blank = 0;
        any = 1;
    }
}


static void
ai_sigv4_names(ai_buf_t *b, const ai_sigv4_sign_t *g)
{
    size_t  i;

    for (i = 0; i < g->nheaders; i++) {
        if (i) {
            ai_buf_char(b, ';');
        }

        ai_sigv4_lower(b, &g->header[i].name);
    }
}


static void
ai_sigv4_scope(ai_buf_t *b, const ai_sigv4_sign_t *g)
{
    ai_buf_add(b, g->date, AI_SIGV4_DAY);
    ai_buf_char(b, '/');
    ai_buf_cat(b, &g->r->region);
    ai_buf_char(b, '/');
    ai_buf_cat(b, &g->r->service);
    ai_buf_lit(b, "/aws4_request");
}


static ai_int_t
ai_sigv4_signature(ai_sigv4_sign_t *g)
{
    size_t     i;
    ai_int_t   rc;
    ai_str_t   text[4], s;
    ai_char_t  key[AI_SIGV4_DIGEST];

    text[0].data = g->date;
    text[0].len = AI_SIGV4_DAY;
    text[1] = g->r->region;
    text[2] = g->r->service;
    text[3] = ai_lit("aws4_request");

    ai_buf_reset(&g->b);
    ai_buf_lit(&g->b, "AWS4");
    ai_buf_cat(&g->b, &g->r->secret);

    if (g->b.failed) {
        return AI_ERROR;
    }

    s = ai_buf_str(&g->b);
    rc = ai_sigv4_hmac(s.data, s.len, &text[0], key);

    OPENSSL_cleanse(s.data, s.len);

    for (i = 1; rc == AI_OK && i < 4; i++) {
        rc = ai_sigv4_hmac(key, AI_SIGV4_DIGEST, &text[i], key);
    }

    ai_buf_reset(&g->b);
    ai_buf_lit(&g->b, AI_SIGV4_ALGORITHM "\n");
    ai_buf_add(&g->b, g->date, AI_SIGV4_DATE);
    ai_buf_char(&g->b, '\n');
    ai_sigv4_scope(&g->b, g);
    ai_buf_char(&g->b, '\n');
    ai_buf_add(&g->b, g->hash, AI_SIGV4_HASH);

    if (g->b.failed) {
        rc = AI_ERROR;
    }

    if (rc == AI_OK) {
        s = ai_buf_str(&g->b);
        rc = ai_sigv4_hmac(key, AI_SIGV4_DIGEST, &s, key);
    }

    if (rc == AI_OK) {
        ai_sigv4_hex(key, AI_SIGV4_DIGEST, g->signature);
    }

    OPENSSL_cleanse(key, sizeof(key));

    return rc;
}


/* out may be the key */

static ai_int_t
ai_sigv4_hmac(const ai_char_t *key, size_t klen, const ai_str_t *text,
    ai_char_t *out)
{
    unsigned   len;
    ai_char_t  mac[EVP_MAX_MD_SIZE];

    len = 0;

    if (HMAC(EVP_sha256(), key, (int) klen, text->data, text->len, mac, &len)
        == NULL
        || len != AI_SIGV4_DIGEST)
    {
        return AI_ERROR;
    }

    memcpy(out, mac, AI_SIGV4_DIGEST);
    OPENSSL_cleanse(mac, sizeof(mac));

    return AI_OK;
}


static void
ai_sigv4_lines(ai_sigv4_sign_t *g, ai_buf_t *out)
{
    ai_buf_lit(out, "Authorization: " AI_SIGV4_ALGORITHM " Credential=");
    ai_buf_cat(out, &g->r->access_key);
    ai_buf_char(out, '/');
    ai_sigv4_scope(out, g);
    ai_buf_lit(out, ", SignedHeaders=");
    ai_sigv4_names(out, g);
    ai_buf_lit(out, ", Signature=");
    ai_buf_add(out, g->signature, AI_SIGV4_HASH);
    ai_buf_lit(out, "\r\nX-Amz-Date: ");
    ai_buf_add(out, g->date, AI_SIGV4_DATE);

    if (g->r->token.len) {
        ai_buf_lit(out, "\r\nX-Amz-Security-Token: ");
        ai_buf_cat(out, &g->r->token);
    }

    ai_buf_lit(out, "\r\n");
}


static void
ai_sigv4_hex(const ai_char_t *p, size_t n, ai_char_t *out)
{
    size_t  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        *out++ = (ai_char_t) hex[p[i] >> 4];
        *out++ = (ai_char_t) hex[p[i] & 15];
    }
}


static ai_char_t
ai_sigv4_tolower(ai_char_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}
