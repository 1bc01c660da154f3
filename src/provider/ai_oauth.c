
#include <provider/ai_oauth.h>


#define AI_OAUTH_WHY_MAX    200
#define AI_OAUTH_WORD_MAX   32      /* longer ones may be secrets */


static ai_int_t ai_oauth_token(const ai_json_t *doc, const ai_pool_t *pool,
    ai_oauth_t *o);
static ai_int_t ai_oauth_expires(const ai_json_t *doc, const ai_pool_t *pool,
    ai_oauth_t *o);
static ai_int_t ai_oauth_bearer(const ai_json_t *doc, const ai_pool_t *pool,
    ai_oauth_t *o);
static void ai_oauth_refused(const ai_json_t *doc, unsigned status,
    const ai_pool_t *pool, ai_oauth_t *o);
static void ai_oauth_words(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v,
    const ai_pool_t *pool);


static const ai_json_limits_t  ai_oauth_limits = { 16, 4096, 256, 256 };


void
ai_oauth_field(ai_buf_t *b, const char *name, const ai_str_t *value)
{
    if (ai_buf_len(b)) {
        ai_buf_char(b, '&');
    }

    ai_buf_add(b, name, strlen(name));
    ai_buf_char(b, '=');
    ai_buf_uri(b, value, NULL);
}


ai_int_t
ai_oauth_answer(unsigned status, const ai_str_t *body, const ai_pool_t *pool,
    ai_oauth_t *o)
{
    ai_json_t  doc;

    memset(o, 0, sizeof(ai_oauth_t));

    ai_json_init(&doc, pool);

    if (ai_json_parse(&doc, body, &ai_oauth_limits) != AI_OK
        || ai_json_type(&doc, AI_JSON_ROOT) != AI_JSON_OBJECT)
    {
        if (status == 200) {
            o->why = ai_lit("the answer is no JSON object");
            return AI_ERROR;
        }

        doc.n = 0;
    }

    if (status != 200) {
        ai_oauth_refused(&doc, status, pool, o);
        return AI_ERROR;
    }

    if (ai_oauth_token(&doc, pool, o) != AI_OK
        || ai_oauth_expires(&doc, pool, o) != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_oauth_bearer(&doc, pool, o);
}


/* any other type would need more than a header */

static ai_int_t
ai_oauth_bearer(const ai_json_t *doc, const ai_pool_t *pool, ai_oauth_t *o)
{
    ai_str_t  s;
    ai_ref_t  v;

    static const ai_str_t  bearer = ai_string("Bearer");

    v = ai_json_get(doc, AI_JSON_ROOT, "token_type");

    if (ai_json_is_null(doc, v)) {
        return AI_OK;
    }

    if (ai_json_str(doc, v, pool, &s) != AI_OK
        || !ai_str_caseeq(&s, &bearer))
    {
        o->why = ai_lit("the token is not of type \"Bearer\"");
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_oauth_token(const ai_json_t *doc, const ai_pool_t *pool, ai_oauth_t *o)
{
    size_t    i;
    ai_ref_t  v;

    v = ai_json_get(doc, AI_JSON_ROOT, "access_token");

    if (ai_json_str(doc, v, pool, &o->token) != AI_OK || o->token.len == 0) {
        o->why = ai_lit("no \"access_token\" in the answer");
        return AI_ERROR;
    }

    if (o->token.len > AI_OAUTH_TOKEN_MAX) {
        o->why = ai_lit("the token is longer than 2048 bytes");
        return AI_ERROR;
    }

    /* it becomes part of a header */

    for (i = 0; i < o->token.len; i++) {
        if (o->token.data[i] <= 0x20 || o->token.data[i] >= 0x7f) {
            o->why = ai_lit("invalid character in the token");
            return AI_ERROR;
        }
    }

    return AI_OK;
}


/* a number, and with some a string of digits */

static ai_int_t
ai_oauth_expires(const ai_json_t *doc, const ai_pool_t *pool, ai_oauth_t *o)
{
    size_t    i;
    int64_t   n;
    ai_str_t  s;
    ai_ref_t  v;

    v = ai_json_get(doc, AI_JSON_ROOT, "expires_in");
    n = -1;

    if (ai_json_is_null(doc, v)) {
        n = AI_OAUTH_EXPIRES;

    } else if (ai_json_str(doc, v, pool, &s) == AI_OK) {

        for (i = 0; i < s.len && i < 10; i++) {

            if (s.data[i] < '0' || s.data[i] > '9') {
                break;
            }

            n = (n < 0 ? 0 : n) * 10 + (s.data[i] - '0');
        }

        if (i != s.len) {
            n = -1;
        }

    } else if (ai_json_int(doc, v, &n) != AI_OK) {
        n = -1;
    }

    if (n <= 0) {
        o->why = ai_lit("invalid \"expires_in\" in the answer");
        return AI_ERROR;
    }

    o->expires_in = ai_min(n, AI_OAUTH_EXPIRES_MAX);

    return AI_OK;
}


/* {"error":"word","error_description":".."} or {"error":{status,message}} */

static void
ai_oauth_refused(const ai_json_t *doc, unsigned status, const ai_pool_t *pool,
    ai_oauth_t *o)
{
    ai_ref_t  error;
    ai_buf_t  b;

    ai_buf_init(&b, pool);
    ai_buf_lit(&b, "status ");
    ai_buf_int(&b, status);

    if (doc->n) {
        error = ai_json_get(doc, AI_JSON_ROOT, "error");

        if (ai_json_type(doc, error) == AI_JSON_OBJECT) {
            ai_oauth_words(&b, doc, ai_json_get(doc, error, "status"), pool);
            ai_oauth_words(&b, doc, ai_json_get(doc, error, "message"), pool);

        } else {
            ai_oauth_words(&b, doc, error, pool);
            ai_oauth_words(&b, doc,
                           ai_json_get(doc, AI_JSON_ROOT,
                                       "error_description"),
                           pool);
        }
    }

    o->why = b.failed ? ai_lit("an error status") : ai_buf_str(&b);
}


/*
 * A text of the endpoint's for the log: as far as it is of short words of
 * plain letters and signs.  An echo of what was sent to it is not.
 */

static void
ai_oauth_words(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v,
    const ai_pool_t *pool)
{
    size_t     i, word;
    ai_str_t   s;
    ai_char_t  c;

    if (ai_json_str(doc, v, pool, &s) != AI_OK || s.len == 0) {
        return;
    }

    word = 0;

    for (i = 0; i < s.len && i < AI_OAUTH_WHY_MAX; i++) {
        c = s.data[i];
        word = c == ' ' ? 0 : word + 1;

        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\'
            || word > AI_OAUTH_WORD_MAX)
        {
            break;
        }
    }

    /* back to the last whole word */

    if (i < s.len) {
        while (i && s.data[i - 1] != ' ') {
            i--;
        }

        while (i && s.data[i - 1] == ' ') {
            i--;
        }
    }

    if (i) {
        ai_buf_lit(b, ", ");
        ai_buf_add(b, s.data, i);
    }
}
