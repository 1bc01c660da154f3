
/*
 * The error table: every row complete and in the dialects' own words.
 */

#include "tap.h"
#include "mem.h"

#include <base/ai_error.h>


static int
is_one_of(const ai_str_t *s, const char *const *list)
{
    for ( /* void */ ; *list; list++) {
        if (s->len == strlen(*list) && memcmp(s->data, *list, s->len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* a sentence, with nothing that needs escaping in JSON */

static int
is_sentence(const ai_str_t *s)
{
    size_t  i;

    if (s->len < 20 || s->data[0] < 'A' || s->data[0] > 'Z'
        || s->data[s->len - 1] != '.')
    {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < 0x20 || s->data[i] > 0x7e || s->data[i] == '"'
            || s->data[i] == '\\')
        {
            return 0;
        }
    }

    return 1;
}


static void
test_rows(void)
{
    static const char *const  types[] = {
        "invalid_request_error", "authentication_error", "permission_error",
        "rate_limit_error", "insufficient_quota", "server_error",
        "timeout_error", NULL
    };

    static const char *const  anthropic[] = {
        "invalid_request_error", "authentication_error", "billing_error",
        "permission_error", "not_found_error", "request_too_large",
        "rate_limit_error", "api_error", "timeout_error", "overloaded_error",
        NULL
    };

    static const char *const  gemini[] = {
        "INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED",
        "NOT_FOUND", "ABORTED", "RESOURCE_EXHAUSTED", "INTERNAL",
        "UNAVAILABLE", "DEADLINE_EXCEEDED", NULL
    };

    int                    kind;
    const ai_error_row_t  *row;

    for (kind = AI_ERR_NONE; kind < AI_ERR_N; kind++) {
        row = ai_error_row(kind);

        ok(row->status >= 400 && row->status < 600, "%d: status %u", kind,
           row->status);
        ok(is_one_of(&row->type, types), "type");
        ok(is_one_of(&row->anthropic, anthropic), "Anthropic's type");
        ok(is_one_of(&row->gemini, gemini), "Google's status");
        ok(is_sentence(&row->text), "%.*s", (int) row->text.len,
           row->text.data);
    }

    ok(ai_error_row(AI_ERR_N) == ai_error_row(AI_ERR_SERVER)
       && ai_error_row((ai_error_e) -1) == ai_error_row(AI_ERR_SERVER),
       "no such kind: a server error");
}


static void
is_row(ai_error_e kind, unsigned status, const char *code,
    const char *anthropic, unsigned fallback)
{
    const ai_error_row_t  *row;

    row = ai_error_row(kind);

    is_int(row->status, status, "status of %d", kind);
    is_str(row->code, code, "code");
    is_str(row->anthropic, anthropic, "Anthropic's type");
    is_int(row->fallback, fallback, "fallback");
}


static void
test_table(void)
{
    is_row(AI_ERR_BAD_REQUEST, 400, "", "invalid_request_error", 0);
    is_row(AI_ERR_UNSUPPORTED_PARAMETER, 400, "unsupported_parameter",
           "invalid_request_error", 0);
    is_row(AI_ERR_INVALID_VALUE, 400, "invalid_value",
           "invalid_request_error", 0);
    is_row(AI_ERR_CONTEXT_LENGTH, 400, "context_length_exceeded",
           "invalid_request_error", 0);
    is_row(AI_ERR_CONTENT_POLICY, 400, "content_policy_violation",
           "invalid_request_error", 0);
    is_row(AI_ERR_UNAUTHORIZED, 401, "invalid_api_key",
           "authentication_error", 0);
    is_row(AI_ERR_FORBIDDEN, 403, "", "permission_error", 0);
    is_row(AI_ERR_REGION, 403, "region_not_allowed", "permission_error", 0);
    is_row(AI_ERR_MODEL_NOT_FOUND, 404, "model_not_found", "not_found_error",
           1);
    is_row(AI_ERR_METHOD, 405, "", "invalid_request_error", 0);
    is_row(AI_ERR_TIMEOUT, 408, "", "timeout_error", 1);
    is_row(AI_ERR_CONFLICT, 409, "", "invalid_request_error", 0);
    is_row(AI_ERR_TOO_LARGE, 413, "request_too_large", "request_too_large",
           0);
    is_row(AI_ERR_MEDIA_TYPE, 415, "", "invalid_request_error", 0);
    is_row(AI_ERR_UPGRADE, 426, "", "invalid_request_error", 0);
    is_row(AI_ERR_RATE_LIMIT, 429, "rate_limit_exceeded", "rate_limit_error",
           1);
    is_row(AI_ERR_QUOTA, 429, "insufficient_quota", "billing_error", 1);
    is_row(AI_ERR_SERVER, 500, "", "api_error", 1);
    is_row(AI_ERR_UPSTREAM, 502, "upstream_error", "api_error", 1);
    is_row(AI_ERR_UPSTREAM_AUTH, 502, "upstream_auth", "api_error", 1);
    is_row(AI_ERR_UPSTREAM_INVALID, 502, "upstream_invalid", "api_error", 1);
    is_row(AI_ERR_UPSTREAM_CUT, 502, "upstream_cut", "api_error", 1);
    is_row(AI_ERR_OVERLOADED, 503, "overloaded", "overloaded_error", 1);
    is_row(AI_ERR_NO_TARGET, 503, "no_target", "overloaded_error", 1);
    is_row(AI_ERR_UPSTREAM_TIMEOUT, 504, "upstream_timeout", "timeout_error",
           1);
}


static void
test_by_status(void)
{
    unsigned    status;
    ai_error_e  kind;

    for (status = 400; status < 700; status++) {
        kind = ai_error_by_status(status);

        if (kind <= AI_ERR_NONE || kind >= AI_ERR_N) {
            ok(0, "%u has a row", status);
        }
    }

    is_int(ai_error_by_status(200), AI_ERR_NONE, "200");
    is_int(ai_error_by_status(399), AI_ERR_NONE, "399");
    is_int(ai_error_by_status(400), AI_ERR_BAD_REQUEST, "400");
    is_int(ai_error_by_status(401), AI_ERR_UNAUTHORIZED, "401");
    is_int(ai_error_by_status(402), AI_ERR_QUOTA, "402");
    is_int(ai_error_by_status(403), AI_ERR_FORBIDDEN, "403");
    is_int(ai_error_by_status(404), AI_ERR_NOT_FOUND, "404");
    is_int(ai_error_by_status(408), AI_ERR_TIMEOUT, "408");
    is_int(ai_error_by_status(413), AI_ERR_TOO_LARGE, "413");
    is_int(ai_error_by_status(418), AI_ERR_BAD_REQUEST, "418");
    is_int(ai_error_by_status(422), AI_ERR_BAD_REQUEST, "422");
    is_int(ai_error_by_status(424), AI_ERR_OVERLOADED, "424");
    is_int(ai_error_by_status(429), AI_ERR_RATE_LIMIT, "429");
    is_int(ai_error_by_status(498), AI_ERR_RATE_LIMIT, "498");
    is_int(ai_error_by_status(500), AI_ERR_SERVER, "500");
    is_int(ai_error_by_status(502), AI_ERR_UPSTREAM, "502");
    is_int(ai_error_by_status(503), AI_ERR_OVERLOADED, "503");
    is_int(ai_error_by_status(504), AI_ERR_UPSTREAM_TIMEOUT, "504");
    is_int(ai_error_by_status(529), AI_ERR_OVERLOADED, "529");
    is_int(ai_error_by_status(599), AI_ERR_SERVER, "599");
    is_int(ai_error_by_status(999), AI_ERR_SERVER, "999");
}


static void
test_set(void)
{
    ai_str_t    param = ai_string("messages[0].content");
    ai_error_t  e;

    memset(&e, 0xff, sizeof(e));
    ai_error_set(&e, AI_ERR_OVERLOADED, NULL);

    is_int(ai_error_status(&e), 503, "the row's status");
    is_str(ai_error_message(&e),
           "The model is overloaded. Please try again later.",
           "the row's text");
    ok(e.param.len == 0 && e.code.len == 0 && e.retry_after == -1, "the rest");

    ai_error_set_param(&e, AI_ERR_INVALID_VALUE, "It must be a string.",
                       &param);
    e.status = 422;

    is_int(ai_error_status(&e), 422, "its own status");
    is_str(ai_error_message(&e), "It must be a string.", "its own message");
    is_str(e.param, "messages[0].content", "param");
}


static void
is_quoted(ai_error_e kind, const char *message, const char *param,
    const char *want)
{
    ai_buf_t    b;
    ai_str_t    s;
    ai_error_t  e;

    s.len = strlen(param);
    s.data = (ai_char_t *) param;

    ai_error_set_param(&e, kind, message, &s);
    ai_buf_init(&b, mem_pool());
    ai_error_quote(&b, &e);
    is_str(ai_buf_str(&b), want, "%s", want);
}


static void
test_quote(void)
{
    is_quoted(AI_ERR_INVALID_VALUE, "It is \"5\".", "top_n",
              "\"'top_n': It is \\\"5\\\".\"");
    is_quoted(AI_ERR_INVALID_VALUE, "Missing: 'top_n'.", "top_n",
              "\"Missing: 'top_n'.\"");
    is_quoted(AI_ERR_INVALID_VALUE, "top", "top_n", "\"'top_n': top\"");
    is_quoted(AI_ERR_INVALID_VALUE, "a", "\"\n", "\"'\\\"\\n': a\"");
    is_quoted(AI_ERR_INVALID_VALUE, "It is wrong.", "", "\"It is wrong.\"");
    is_quoted(AI_ERR_OVERLOADED, NULL, "",
              "\"The model is overloaded. Please try again later.\"");
}


static void
is_context(const char *message, int want)
{
    ai_str_t  s;

    s.len = strlen(message);
    s.data = (ai_char_t *) message;

    is_int(ai_error_is_context(&s), want, "%s", message);
}


static void
test_context(void)
{
    is_context("This model's maximum context length is 8192 tokens. However,"
               " your messages resulted in 9000 tokens.", 1);
    is_context("prompt is too long: 208310 tokens > 200000 maximum", 1);
    is_context("Input is too long for requested model.", 1);
    is_context("The input token count (1200000) exceeds the maximum number "
               "of tokens allowed (1048576).", 1);
    is_context("too many tokens", 1);
    is_context("Your input exceeds the context window of this model.", 1);
    is_context("", 0);
    is_context("Rate limit reached for gpt-4o: Limit 30000, used 29000.", 0);
    is_context("max_tokens must be at least 1", 0);
}


int
main(void)
{
    test_rows();
    test_table();
    test_by_status();
    test_set();
    test_quote();
    test_context();

    return done();
}
