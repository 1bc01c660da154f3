
/*
 * What a provider says when it does not answer.
 *
 * The status decides, the body refines: codes and words that are known tell a
 * spent quota from a rate limit, or a prompt that is too long from a bad one.
 * The text is for the client's log, so what names the operator's account or
 * key at the provider is taken out of it.
 */

#include <provider/ai_provider.h>


#define AI_PERROR_MESSAGE   2048
#define AI_PERROR_WORD      256
#define AI_PERROR_BODY      262144
#define AI_PERROR_DAY       INT64_C(86400000)


typedef struct {
    const char        *prefix;
    uint32_t           min;         /* bytes that must follow */
    unsigned           digit:1;     /* one of them a digit, or 16 of them */
    unsigned           blank:1;     /* the prefix ends with a blank */
} ai_secret_t;


typedef struct {
    const char        *word;
    unsigned           status;
} ai_perror_word_t;


/* what was found in a body; refs into doc */
typedef struct {
    ai_json_t          doc;
    ai_str_t           message;
    ai_str_t           code;
    ai_str_t           type;
    ai_str_t           param;
    ai_str_t           inner;       /* Azure's innererror.code */
    ai_str_t           reason;      /* google.rpc.ErrorInfo */
    int64_t            delay;       /* google.rpc.RetryInfo, or -1 */
    unsigned           status;      /* said in the body, or 0 */
    unsigned           daily:1;     /* a quota of the day */
    unsigned           flagged:1;   /* OpenRouter's moderation */
} ai_perror_t;


static const ai_secret_t  ai_secrets[] = {
    { "sk-", 8, 0, 0 },
    { "sk_", 8, 1, 0 },
    { "AIza", 8, 0, 0 },
    { "AQ.", 16, 0, 0 },
    { "AKIA", 12, 0, 0 },
    { "ASIA", 12, 0, 0 },
    { "ya29.", 8, 0, 0 },
    { "gsk_", 8, 0, 0 },
    { "xai-", 16, 0, 0 },
    { "pplx-", 8, 0, 0 },
    { "csk-", 8, 0, 0 },
    { "fw_", 8, 1, 0 },
    { "hf_", 8, 1, 0 },
    { "eyJ", 24, 0, 0 },
    { "Bearer ", 8, 1, 1 },
    { "org-", 6, 1, 0 },
    { "org_", 6, 1, 0 },
    { "acct-", 4, 1, 0 },
    { "acct_", 4, 1, 0 },
    { "user-", 6, 1, 0 },
    { "user_", 6, 1, 0 },
    { "proj-", 6, 1, 0 },
    { "proj_", 6, 1, 0 },
    { "team-", 6, 1, 0 },
    { "team_", 6, 1, 0 },
    { "arn:", 8, 1, 0 },
    { "projects/", 1, 0, 0 },
    { "project ", 6, 1, 1 },
    { "project_number:", 1, 0, 0 },
    { NULL, 0, 0, 0 }
};


/* an error without a status of its own */
static const ai_perror_word_t  ai_perror_words[] = {
    { "invalid_request_error", 400 },
    { "BadRequestError", 400 },
    { "INVALID_ARGUMENT", 400 },
    { "FAILED_PRECONDITION", 400 },
    { "OUT_OF_RANGE", 400 },
    { "tool_use_failed", 400 },
    { "authentication_error", 401 },
    { "invalid_api_key", 401 },
    { "UNAUTHENTICATED", 401 },
    { "billing_error", 402 },
    { "insufficient_quota", 402 },
    { "permission_error", 403 },
    { "PERMISSION_DENIED", 403 },
    { "not_found_error", 404 },
    { "NotFoundError", 404 },
    { "model_not_found", 404 },
    { "NOT_FOUND", 404 },
    { "request_too_large", 413 },
    { "rate_limit_error", 429 },
    { "rate_limit_exceeded", 429 },
    { "RESOURCE_EXHAUSTED", 429 },
    { "timeout_error", 504 },
    { "DEADLINE_EXCEEDED", 504 },
    { "overloaded_error", 529 },
    { "UNAVAILABLE", 503 },
    { "server_error", 500 },
    { "api_error", 500 },
    { "INTERNAL", 500 },
    { NULL, 0 }
};


static void ai_perror_read(ai_perror_t *p, const ai_str_t *body,
    const ai_pool_t *pool);
static void ai_perror_fields(ai_perror_t *p, ai_ref_t e,
    const ai_pool_t *pool);
static void ai_perror_detail(ai_perror_t *p, ai_ref_t detail,
    const ai_pool_t *pool);
static void ai_perror_google(ai_perror_t *p, ai_ref_t details,
    const ai_pool_t *pool);
static void ai_perror_message(ai_perror_t *p, ai_ref_t v,
    const ai_pool_t *pool);
static void ai_perror_word(ai_perror_t *p, ai_ref_t v, const ai_pool_t *pool,
    ai_str_t *out);
static unsigned ai_perror_number(const ai_json_t *doc, ai_ref_t v);
static unsigned ai_perror_status(const ai_perror_t *p);
static ai_error_e ai_perror_kind(const ai_perror_t *p, unsigned status);
static ai_int_t ai_perror_says(const ai_perror_t *p, const char *word);
static ai_int_t ai_perror_policy(const ai_perror_t *p);
static ai_int_t ai_perror_key(const ai_perror_t *p);
static void ai_perror_scrub(const ai_pool_t *pool, const ai_str_t *in,
    size_t max, ai_str_t *out);
static size_t ai_perror_secret(const ai_str_t *in, size_t i,
    size_t *prefix);
static ai_int_t ai_perror_alnum(ai_char_t c);
static ai_int_t ai_perror_token(ai_char_t c);
static ai_int_t ai_perror_is_code(const ai_str_t *s);
static ai_int_t ai_perror_keeps_code(const ai_provider_t *provider,
    const ai_perror_t *p, ai_error_e kind);
static int64_t ai_perror_text_delay(const ai_str_t *message);
static int64_t ai_perror_duration(const ai_char_t *p, const ai_char_t *last,
    int64_t bare);
static ai_int_t ai_retry_decimal(const ai_char_t **pp, const ai_char_t *last,
    int64_t *thousandths);
static int64_t ai_retry_number(const ai_str_t *s, int64_t unit);
static int64_t ai_retry_date(const ai_str_t *s);
static int64_t ai_retry_days(int64_t year, int64_t month, int64_t day);


void
ai_provider_error(const ai_provider_t *provider, unsigned status,
    const ai_str_t *body, const ai_pool_t *pool, ai_error_t *err)
{
    ai_perror_t  p;

    memset(err, 0, sizeof(ai_error_t));
    memset(&p, 0, sizeof(ai_perror_t));

    err->retry_after = -1;
    p.delay = -1;

    ai_json_init(&p.doc, pool);
    ai_perror_read(&p, body, pool);

    if (status >= 200 && status < 300) {
        status = 0;
    }

    if (status == 0) {
        status = ai_perror_status(&p);
    }

    err->kind = ai_perror_kind(&p, status);

    /* what a refused key's answer says is between us and the provider */

    if (err->kind != AI_ERR_UPSTREAM_AUTH) {
        ai_perror_scrub(pool, &p.message, AI_PERROR_MESSAGE, &err->message);
    }

    if (err->kind == AI_ERR_BAD_REQUEST || err->kind == AI_ERR_CONTENT_POLICY
        || err->kind == AI_ERR_CONTEXT_LENGTH)
    {
        ai_perror_scrub(pool, &p.param, AI_PERROR_WORD, &err->param);
    }

    if ((err->kind == AI_ERR_BAD_REQUEST && status != 400)
        || (err->kind == AI_ERR_UPSTREAM && status == 500))
    {
        err->status = status;
    }

    if (ai_perror_keeps_code(provider, &p, err->kind)) {
        ai_perror_scrub(pool, &p.code, AI_PERROR_WORD, &err->code);
    }

    err->retry_after = p.delay;

    if (err->retry_after < 0
        && (err->kind == AI_ERR_RATE_LIMIT || err->kind == AI_ERR_OVERLOADED))
    {
        err->retry_after = ai_perror_text_delay(&p.message);
    }

    ai_pfree(pool, p.doc.node);
}


int64_t
ai_retry_after(const ai_str_t *ms, const ai_str_t *retry_after, int64_t now)
{
    int64_t  n, at;

    if (ms && ms->len) {
        n = ai_retry_number(ms, 1);

        if (n >= 0) {
            return n;
        }
    }

    if (retry_after == NULL || retry_after->len == 0) {
        return -1;
    }

    n = ai_retry_number(retry_after, 1000);

    if (n >= 0) {
        return n;
    }

    at = ai_retry_date(retry_after);

    /* two clocks may differ: a moment that is just over is now */

    if (at < 0 || now < 0 || at > now + 86400 || at < now - 86400) {
        return -1;
    }

    return at <= now ? 0 : (at - now) * 1000;
}


static void
ai_perror_read(ai_perror_t *p, const ai_str_t *body, const ai_pool_t *pool)
{
    ai_ref_t                root, e, v;
    const ai_json_limits_t  limits = { 64, 65536, 65536, 1024 };

    if (body == NULL || body->len == 0 || body->len > AI_PERROR_BODY
        || ai_json_parse(&p->doc, body, &limits) != AI_OK)
    {
        return;
    }

    root = AI_JSON_ROOT;

    if (ai_json_type(&p->doc, root) == AI_JSON_ARRAY) {
        root = ai_json_first(&p->doc, root);
    }

    if (ai_json_type(&p->doc, root) == AI_JSON_STRING) {
        ai_perror_message(p, root, pool);
        return;
    }

    e = ai_json_get(&p->doc, root, "error");

    /* the Responses API has its error one deeper */

    if (ai_json_is_null(&p->doc, e)) {
        v = ai_json_path(&p->doc, root, "response", "error", NULL);

        if (!ai_json_is_null(&p->doc, v)) {
            e = v;
        }
    }

    if (ai_json_type(&p->doc, e) == AI_JSON_ARRAY) {
        e = ai_json_first(&p->doc, e);
    }

    if (ai_json_type(&p->doc, e) == AI_JSON_OBJECT) {
        ai_perror_fields(p, e, pool);
        return;
    }

    if (ai_json_type(&p->doc, e) == AI_JSON_STRING) {
        ai_perror_message(p, e, pool);
    }

    ai_perror_fields(p, root, pool);
}


static void
ai_perror_fields(ai_perror_t *p, ai_ref_t e, const ai_pool_t *pool)
{
    unsigned     n;
    ai_ref_t     v;
    const char  *const *name;

    static const char *const  texts[] = {
        "message", "Message", "msg", "error_description", NULL
    };

    static const char *const  statuses[] = {
        "status_code", "status", "statusCode", "http_status", "code", NULL
    };

    for (name = texts; *name && p->message.len == 0; name++) {
        ai_perror_message(p, ai_json_get(&p->doc, e, *name), pool);
    }

    v = ai_json_get(&p->doc, e, "detail");

    if (p->message.len == 0) {
        ai_perror_detail(p, v, pool);
    }

    v = ai_json_path(&p->doc, e, "fault", "faultstring", NULL);

    if (p->message.len == 0) {
        ai_perror_message(p, v, pool);
    }

    ai_perror_word(p, ai_json_get(&p->doc, e, "code"), pool, &p->code);
    ai_perror_word(p, ai_json_get(&p->doc, e, "param"), pool, &p->param);
    ai_perror_word(p, ai_json_get(&p->doc, e, "type"), pool, &p->type);

    /* google.rpc.Code by name goes where others have their type */

    if (p->type.len == 0) {
        ai_perror_word(p, ai_json_get(&p->doc, e, "status"), pool, &p->type);
    }

    v = ai_json_path(&p->doc, e, "innererror", "code", NULL);
    ai_perror_word(p, v, pool, &p->inner);

    for (name = statuses; *name && p->status == 0; name++) {
        n = ai_perror_number(&p->doc, ai_json_get(&p->doc, e, *name));

        if (n >= 400 && n < 600) {
            p->status = n;
        }
    }

    v = ai_json_get(&p->doc, e, "metadata");

    if (ai_json_get(&p->doc, v, "flagged_input") != AI_JSON_NONE
        || ai_json_get(&p->doc, v, "reasons") != AI_JSON_NONE)
    {
        p->flagged = 1;
    }

    /* "Provider returned error" says less than what was returned */

    if (ai_str_is(&p->message, "Provider returned error")) {
        v = ai_json_get(&p->doc, v, "raw");

        if (ai_json_type(&p->doc, v) == AI_JSON_STRING
            && p->doc.node[v].len > 2)
        {
            ai_perror_message(p, v, pool);
        }
    }

    ai_perror_google(p, ai_json_get(&p->doc, e, "details"), pool);
}


/* FastAPI's: a string, or [{"loc":["body","x"],"msg":"..."}] */

static void
ai_perror_detail(ai_perror_t *p, ai_ref_t detail, const ai_pool_t *pool)
{
    ai_ref_t  v, loc, last;

    if (ai_json_type(&p->doc, detail) == AI_JSON_OBJECT) {
        ai_perror_message(p, ai_json_get(&p->doc, detail, "message"), pool);
        return;
    }

    if (ai_json_type(&p->doc, detail) != AI_JSON_ARRAY) {
        ai_perror_message(p, detail, pool);
        return;
    }

    v = ai_json_first(&p->doc, detail);

    ai_perror_message(p, ai_json_get(&p->doc, v, "msg"), pool);

    loc = ai_json_get(&p->doc, v, "loc");

    if (ai_json_type(&p->doc, loc) != AI_JSON_ARRAY) {
        return;
    }

    last = AI_JSON_NONE;

    for (v = ai_json_first(&p->doc, loc);
         v != AI_JSON_NONE;
         v = ai_json_next(&p->doc, loc, v))
    {
        last = v;
    }

    ai_perror_word(p, last, pool, &p->param);
}


static void
ai_perror_google(ai_perror_t *p, ai_ref_t details, const ai_pool_t *pool)
{
    ai_ref_t  d, v, list;
    ai_str_t  s;

    if (ai_json_type(&p->doc, details) != AI_JSON_ARRAY) {
        return;
    }

    for (d = ai_json_first(&p->doc, details);
         d != AI_JSON_NONE;
         d = ai_json_next(&p->doc, details, d))
    {
        if (p->reason.len == 0) {
            ai_perror_word(p, ai_json_get(&p->doc, d, "reason"), pool,
                           &p->reason);
        }

        v = ai_json_get(&p->doc, d, "retryDelay");

        if (p->delay < 0 && ai_json_type(&p->doc, v) == AI_JSON_STRING) {
            s = ai_json_esc(&p->doc, v);
            p->delay = ai_perror_duration(s.data, s.data + s.len, 1000);
        }

        list = ai_json_get(&p->doc, d, "violations");

        if (ai_json_type(&p->doc, list) != AI_JSON_ARRAY) {
            continue;
        }

        for (v = ai_json_first(&p->doc, list);
             v != AI_JSON_NONE;
             v = ai_json_next(&p->doc, list, v))
        {
            s = ai_json_esc(&p->doc, ai_json_get(&p->doc, v, "quotaId"));

            if (s.data && ai_str_casefind(&s, "PerDay")) {
                p->daily = 1;
            }
        }
    }
}


/* keeps what there is if v is no string */

static void
ai_perror_message(ai_perror_t *p, ai_ref_t v, const ai_pool_t *pool)
{
    ai_str_t  s;

    if (ai_json_str(&p->doc, v, pool, &s) == AI_OK) {
        p->message = s;
    }
}


/* a string or a number, as text; empty words are none */

static void
ai_perror_word(ai_perror_t *p, ai_ref_t v, const ai_pool_t *pool,
    ai_str_t *out)
{
    ai_str_t  s;

    if (ai_json_type(&p->doc, v) == AI_JSON_NUMBER) {
        *out = ai_json_raw(&p->doc, v);

    } else if (ai_json_str(&p->doc, v, pool, &s) == AI_OK && s.len) {
        *out = s;
    }
}


/* a number, or a string of digits */

static unsigned
ai_perror_number(const ai_json_t *doc, ai_ref_t v)
{
    size_t    i;
    int64_t   n;
    ai_str_t  s;

    n = 0;

    if (ai_json_type(doc, v) == AI_JSON_STRING) {
        s = ai_json_esc(doc, v);

        if (s.len != 3) {
            return 0;
        }

        for (i = 0; i < 3; i++) {

            if (s.data[i] < '0' || s.data[i] > '9') {
                return 0;
            }

            n = n * 10 + (s.data[i] - '0');
        }

        return (unsigned) n;
    }

    if (ai_json_int(doc, v, &n) != AI_OK || n < 0 || n > 999) {
        return 0;
    }

    return (unsigned) n;
}


static unsigned
ai_perror_status(const ai_perror_t *p)
{
    const ai_perror_word_t  *w;

    if (p->status) {
        return p->status;
    }

    for (w = ai_perror_words; w->word; w++) {
        if (ai_perror_says(p, w->word)) {
            return w->status;
        }
    }

    return 0;
}


/*
 * A code of OpenAI's own API is what its clients look for; other vendors'
 * words are only of use where ours would say nothing.
 */

static ai_int_t
ai_perror_keeps_code(const ai_provider_t *provider, const ai_perror_t *p,
    ai_error_e kind)
{
    if (kind == AI_ERR_UPSTREAM_AUTH
        || !ai_perror_is_code(&p->code)
        || ai_str_eq(&p->code, &ai_error_row(kind)->code))
    {
        return 0;
    }

    if (kind == AI_ERR_BAD_REQUEST) {
        return 1;
    }

    if (kind == AI_ERR_CONTENT_POLICY) {
        return ai_str_is(&p->code, "content_filter");
    }

    return provider == &ai_provider_openai;
}


static ai_error_e
ai_perror_kind(const ai_perror_t *p, unsigned status)
{
    if (status == 0) {

        if (ai_perror_policy(p)) {
            return AI_ERR_CONTENT_POLICY;
        }

        if (ai_perror_says(p, "context_length_exceeded")
            || ai_error_is_context(&p->message))
        {
            return AI_ERR_CONTEXT_LENGTH;
        }

        return AI_ERR_UPSTREAM;
    }

    if (status < 400 || status >= 600) {
        return AI_ERR_UPSTREAM_INVALID;
    }

    if (status == 403 && p->flagged) {
        return AI_ERR_CONTENT_POLICY;
    }

    if (status == 401 || status == 403 || status == 407
        || (status == 400 && ai_perror_key(p)))
    {
        return AI_ERR_UPSTREAM_AUTH;
    }

    if (status == 402 || ai_perror_says(p, "insufficient_quota")
        || ai_perror_says(p, "billing_error")
        || (status == 429 && (p->daily || ai_str_is(&p->code, "1113")))
        || (status == 400
            && ai_str_casefind(&p->message, "credit balance is too low")))
    {
        return AI_ERR_QUOTA;
    }

    switch (status) {

    case 404:
        return AI_ERR_MODEL_NOT_FOUND;

    case 408:
    case 504:
    case 524:
        return AI_ERR_UPSTREAM_TIMEOUT;

    case 413:
        return AI_ERR_TOO_LARGE;

    case 429:
    case 498:
        return AI_ERR_RATE_LIMIT;

    case 424:
    case 503:
    case 529:
        return AI_ERR_OVERLOADED;
    }

    if (status >= 500) {
        return AI_ERR_UPSTREAM;
    }

    if (ai_perror_says(p, "model_not_found")
        || ai_str_casefind(&p->message, "model identifier is invalid"))
    {
        return AI_ERR_MODEL_NOT_FOUND;
    }

    if (ai_perror_policy(p)) {
        return AI_ERR_CONTENT_POLICY;
    }

    if (status == 400
        && (ai_perror_says(p, "context_length_exceeded")
            || ai_error_is_context(&p->message)))
    {
        return AI_ERR_CONTEXT_LENGTH;
    }

    return AI_ERR_BAD_REQUEST;
}


static ai_int_t
ai_perror_says(const ai_perror_t *p, const char *word)
{
    size_t  len;

    len = strlen(word);

    return (p->code.len == len && memcmp(p->code.data, word, len) == 0)
           || (p->type.len == len && memcmp(p->type.data, word, len) == 0);
}


static ai_int_t
ai_perror_policy(const ai_perror_t *p)
{
    return ai_perror_says(p, "content_filter")
           || ai_perror_says(p, "content_policy_violation")
           || ai_perror_says(p, "content_policy")
           || ai_perror_says(p, "moderation_blocked")
           || ai_str_is(&p->inner, "ResponsibleAIPolicyViolation");
}


/* a key that was refused with a 400: Google and xAI do that */

static ai_int_t
ai_perror_key(const ai_perror_t *p)
{
    return ai_str_is(&p->reason, "API_KEY_INVALID")
           || ai_str_is(&p->reason, "API_KEY_EXPIRED")
           || ai_perror_says(p, "invalid_api_key")
           || ai_str_casefind(&p->message, "incorrect api key")
           || ai_str_casefind(&p->message, "api key not valid")
           || ai_str_casefind(&p->message, "api key expired");
}


/*
 * A copy for strangers: keys and account ids become their prefix and "***",
 * control characters blanks, and it ends within max bytes at the end of a
 * character.  Without memory there is no message.
 */

static void
ai_perror_scrub(const ai_pool_t *pool, const ai_str_t *in, size_t max,
    ai_str_t *out)
{
    size_t    i, n, prefix;
    ai_buf_t  b;
    ai_str_t  s;

    if (in->len == 0) {
        return;
    }

    ai_buf_init(&b, pool);

    if (ai_buf_reserve(&b, ai_min(in->len, max) + 32) != AI_OK) {
        return;
    }

    for (i = 0; i < in->len && ai_buf_len(&b) < max; /* void */ ) {

        n = ai_perror_secret(in, i, &prefix);

        if (n) {
            s.data = in->data + i;
            s.len = prefix;

            ai_buf_cat(&b, &s);
            ai_buf_lit(&b, "***");

            i += n;
            continue;
        }

        if ((in->data[i] < 0x20 && in->data[i] != '\n'
             && in->data[i] != '\t')
            || in->data[i] == 0x7f)
        {
            ai_buf_char(&b, ' ');

        } else {
            ai_buf_char(&b, in->data[i]);
        }

        i++;
    }

    if (b.failed) {
        return;
    }

    s = ai_buf_str(&b);

    if (i < in->len || s.len > max) {
        s.len = ai_min(s.len, max);

        /* step back over a character that is not whole */

        for (n = 0; n < 3 && s.len > n; n++) {
            if ((s.data[s.len - 1 - n] & 0xc0) != 0x80) {
                break;
            }
        }

        if (s.len > n
            && s.data[s.len - 1 - n] >= 0xc0
            && n < (size_t) (s.data[s.len - 1 - n] >= 0xf0 ? 3
                             : s.data[s.len - 1 - n] >= 0xe0 ? 2 : 1))
        {
            s.len -= n + 1;
        }
    }

    *out = s;
}


/* how many bytes at i are a secret, 0 if none; prefix: the part to be kept */

static size_t
ai_perror_secret(const ai_str_t *in, size_t i, size_t *prefix)
{
    size_t              n, len, digits;
    ai_str_t            rest, head;
    const ai_secret_t  *s;

    if (i && ai_perror_alnum(in->data[i - 1])) {
        return 0;
    }

    rest.data = in->data + i;
    rest.len = in->len - i;

    for (s = ai_secrets; s->prefix; s++) {
        len = strlen(s->prefix);

        if (rest.len <= len || (rest.data[0] | 0x20) != (s->prefix[0] | 0x20))
        {
            continue;
        }

        head.data = (ai_char_t *) s->prefix;
        head.len = len;

        rest.len = len;

        if (s->blank ? !ai_str_caseeq(&rest, &head)
                     : !ai_str_eq(&rest, &head))
        {
            rest.len = in->len - i;
            continue;
        }

        rest.len = in->len - i;
        digits = 0;

        for (n = len; n < rest.len; n++) {

            /* bearer tokens may be base64 */

            if (!ai_perror_token(rest.data[n])
                && !(s->blank && (rest.data[n] == '/' || rest.data[n] == '=')))
            {
                break;
            }

            digits += rest.data[n] >= '0' && rest.data[n] <= '9';
        }

        /* a full stop ends a sentence, not a key */

        while (n > len && (rest.data[n - 1] == '.' || rest.data[n - 1] == ':'))
        {
            n--;
        }

        if (n - len >= s->min && (!s->digit || digits || n - len >= 16)) {
            *prefix = len;
            return n;
        }
    }

    return 0;
}


static ai_int_t
ai_perror_alnum(ai_char_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}


static ai_int_t
ai_perror_token(ai_char_t c)
{
    return ai_perror_alnum(c) || c == '_' || c == '-' || c == '*'
           || c == '.' || c == ':' || c == '+' || c == '~';
}


/* a word that means something: no status in digits, nothing but letters,
 * digits and a few marks */

static ai_int_t
ai_perror_is_code(const ai_str_t *s)
{
    size_t  i, digits;

    if (s->len == 0 || s->len > 128) {
        return 0;
    }

    digits = 0;

    for (i = 0; i < s->len; i++) {

        if (!ai_perror_token(s->data[i]) && s->data[i] != ' ') {
            return 0;
        }

        digits += s->data[i] >= '0' && s->data[i] <= '9';
    }

    return digits < s->len;
}


/* "Please retry after 6 seconds.", "Please try again in 6m0s." */

static int64_t
ai_perror_text_delay(const ai_str_t *message)
{
    size_t       i, n, len;
    int64_t      ms;
    ai_str_t     part, head;
    const char  *const *w;

    static const char *const  words[] = {
        "retry after ", "try again in ", "retry in ", NULL
    };

    len = ai_min(message->len, AI_PERROR_MESSAGE);

    for (i = 0; i < len; i++) {

        if ((message->data[i] | 0x20) != 'r'
            && (message->data[i] | 0x20) != 't')
        {
            continue;
        }

        for (w = words; *w; w++) {
            n = strlen(*w);

            if (len - i <= n) {
                continue;
            }

            part.data = message->data + i;
            part.len = n;
            head.data = (ai_char_t *) *w;
            head.len = n;

            if (ai_str_caseeq(&part, &head)) {
                ms = ai_perror_duration(message->data + i + n,
                                        message->data + len, 1000);
                if (ms >= 0) {
                    return ms;
                }
            }
        }
    }

    return -1;
}


/*
 * "34.4s", "120ms", "6m0s", "1h2m3.5s", "6 seconds"; a number without a unit
 * counts "bare" milliseconds.  What follows the duration is not looked at.
 */

static int64_t
ai_perror_duration(const ai_char_t *p, const ai_char_t *last, int64_t bare)
{
    int64_t  n, unit, sum;

    sum = -1;

    while (p < last && ai_retry_decimal(&p, last, &n) == AI_OK) {

        while (p < last && *p == ' ' && sum < 0) {
            p++;
        }

        unit = bare;

        if (last - p >= 2 && p[0] == 'm' && p[1] == 's') {
            unit = 1;
            p += 2;

        } else if (p < last && *p == 'm') {
            unit = 60000;
            p++;

        } else if (p < last && *p == 'h') {
            unit = 3600000;
            p++;

        } else if (p < last && *p == 's') {
            unit = 1000;
            p++;

        } else if (sum >= 0) {
            break;
        }

        /* n is at most 1e11, a unit 3.6e6 */

        sum = (sum < 0 ? 0 : sum) + n * unit / 1000;

        if (sum > AI_PERROR_DAY) {
            return -1;
        }
    }

    return sum;
}


/* digits[.digits] in thousandths, at most 1e8 in whole */

static ai_int_t
ai_retry_decimal(const ai_char_t **pp, const ai_char_t *last,
    int64_t *thousandths)
{
    int64_t           n, scale;
    const ai_char_t  *p;

    p = *pp;

    if (p == last || *p < '0' || *p > '9') {
        return AI_DECLINED;
    }

    n = 0;

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (*p - '0');

        if (n > 100000000) {
            return AI_DECLINED;
        }
    }

    n *= 1000;

    if (last - p >= 2 && *p == '.' && p[1] >= '0' && p[1] <= '9') {

        scale = 100;

        for (p++; p < last && *p >= '0' && *p <= '9'; p++) {
            n += (*p - '0') * scale;
            scale /= 10;
        }
    }

    *pp = p;
    *thousandths = n;

    return AI_OK;
}


/* the whole of s as a number of units of so many milliseconds */

static int64_t
ai_retry_number(const ai_str_t *s, int64_t unit)
{
    int64_t           n;
    const ai_char_t  *p, *last;

    p = s->data;
    last = p + s->len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (last > p && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    if (ai_retry_decimal(&p, last, &n) != AI_OK || p != last) {
        return -1;
    }

    n = n * unit / 1000;

    return n > AI_PERROR_DAY ? -1 : n;
}


/*
 * The three dates of HTTP (RFC 9110, 5.6.7) in Unix seconds, or -1:
 *
 *     Sun, 06 Nov 1994 08:49:37 GMT
 *     Sunday, 06-Nov-94 08:49:37 GMT
 *     Sun Nov  6 08:49:37 1994
 */

static int64_t
ai_retry_date(const ai_str_t *s)
{
    size_t       i;
    int64_t      n, part[8], month;
    uint32_t     parts, len;
    ai_str_t     word;
    const char  *found;

    static const char  months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

    parts = 0;
    month = -1;

    if (s->len > 64) {
        return -1;
    }

    for (i = 0; i < s->len; /* void */ ) {

        if (s->data[i] >= '0' && s->data[i] <= '9') {
            n = 0;
            len = 0;

            for ( /* void */ ;
                 i < s->len && s->data[i] >= '0' && s->data[i] <= '9';
                 i++)
            {
                if (++len > 4) {
                    return -1;
                }

                n = n * 10 + (s->data[i] - '0');
            }

            if (parts == 5) {
                return -1;
            }

            part[parts++] = n;
            continue;
        }

        if (((s->data[i] | 0x20) >= 'a') && ((s->data[i] | 0x20) <= 'z')) {
            word.data = s->data + i;

            while (i < s->len && (s->data[i] | 0x20) >= 'a'
                   && (s->data[i] | 0x20) <= 'z')
            {
                i++;
            }

            word.len = (size_t) (s->data + i - word.data);

            for (found = months; word.len == 3 && *found; found += 3) {
                if ((word.data[0] | 0x20) == found[0]
                    && (word.data[1] | 0x20) == found[1]
                    && (word.data[2] | 0x20) == found[2])
                {
                    month = (found - months) / 3 + 1;
                }
            }

            continue;
        }

        i++;
    }

    if (parts != 5 || month < 0) {
        return -1;
    }

    /* day year h m s, or in asctime's order day h m s year */

    if (part[4] >= 100) {
        n = part[4];
        part[4] = part[3];
        part[3] = part[2];
        part[2] = part[1];
        part[1] = n;
    }

    if (part[1] < 100) {
        part[1] += part[1] < 70 ? 2000 : 1900;
    }

    if (part[0] < 1 || part[0] > 31 || part[1] < 1970 || part[2] > 23
        || part[3] > 59 || part[4] > 60)
    {
        return -1;
    }

    return ai_retry_days(part[1], month, part[0]) * 86400
           + part[2] * 3600 + part[3] * 60 + part[4];
}


/* days since 1970-01-01 in the Gregorian calendar; years start in March, so
 * that the leap day is the last */

static int64_t
ai_retry_days(int64_t year, int64_t month, int64_t day)
{
    if (month < 3) {
        month += 12;
        year--;
    }

    return 365 * year + year / 4 - year / 100 + year / 400
           + (153 * month - 457) / 5 + day - 719469;
}
