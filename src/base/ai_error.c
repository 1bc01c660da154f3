
/*
 * The table of everything a client can be told.
 *
 * Texts are whole sentences for the person who reads a client's log.  They
 * name no provider, no address and no key: which one failed is the operator's
 * business and stands in the log.
 */

#include <base/ai_error.h>


static ai_int_t ai_error_names(const ai_str_t *message,
    const ai_str_t *param);


#define AI_ROW(status, type, code, anthropic, gemini, text, fallback)         \
    { status, ai_string(type), ai_string(code), ai_string(anthropic),         \
      ai_string(gemini), ai_string(text), fallback }


/* in the order of ai_error_e; fallback follows mapping section 8, and is 0
 * where another target helps only if the operator says so (context length,
 * content policy) */

static const ai_error_row_t  ai_error_rows[] = {

    /* NONE: nobody asks for this row; a client that gets it was failed */
    AI_ROW(500, "server_error", "", "api_error", "INTERNAL",
           "The gateway had an internal error. Please try again.", 0),

    /* BAD_REQUEST */
    AI_ROW(400, "invalid_request_error", "",
           "invalid_request_error", "INVALID_ARGUMENT",
           "The request is not valid.", 0),

    /* BAD_JSON */
    AI_ROW(400, "invalid_request_error", "",
           "invalid_request_error", "INVALID_ARGUMENT",
           "The request body is not valid JSON.", 0),

    /* UNSUPPORTED_PARAMETER */
    AI_ROW(400, "invalid_request_error", "unsupported_parameter",
           "invalid_request_error", "INVALID_ARGUMENT",
           "A parameter of the request is not supported with this model.", 0),

    /* INVALID_VALUE */
    AI_ROW(400, "invalid_request_error", "invalid_value",
           "invalid_request_error", "INVALID_ARGUMENT",
           "A parameter of the request has an invalid value.", 0),

    /* CONTEXT_LENGTH */
    AI_ROW(400, "invalid_request_error", "context_length_exceeded",
           "invalid_request_error", "INVALID_ARGUMENT",
           "The prompt is too long for the context window of this model. "
           "Please shorten the messages or the requested output.", 0),

    /* CONTENT_POLICY */
    AI_ROW(400, "invalid_request_error", "content_policy_violation",
           "invalid_request_error", "INVALID_ARGUMENT",
           "The request was refused because of its content.", 0),

    /* UNAUTHORIZED */
    AI_ROW(401, "authentication_error", "invalid_api_key",
           "authentication_error", "UNAUTHENTICATED",
           "The API key is missing or not valid.", 0),

    /* FORBIDDEN */
    AI_ROW(403, "permission_error", "",
           "permission_error", "PERMISSION_DENIED",
           "This API key is not allowed to make this request.", 0),

    /* REGION */
    AI_ROW(403, "permission_error", "region_not_allowed",
           "permission_error", "PERMISSION_DENIED",
           "This request may not be served in any region that is available "
           "to it.", 0),

    /* NOT_FOUND */
    AI_ROW(404, "invalid_request_error", "",
           "not_found_error", "NOT_FOUND",
           "There is no such resource. Please check the URL.", 0),

    /* MODEL_NOT_FOUND */
    AI_ROW(404, "invalid_request_error", "model_not_found",
           "not_found_error", "NOT_FOUND",
           "The model does not exist or you do not have access to it.", 1),

    /* METHOD */
    AI_ROW(405, "invalid_request_error", "",
           "invalid_request_error", "INVALID_ARGUMENT",
           "This method is not allowed for this URL.", 0),

    /* TIMEOUT */
    AI_ROW(408, "timeout_error", "",
           "timeout_error", "DEADLINE_EXCEEDED",
           "The request was not received in time.", 1),

    /* CONFLICT; google.rpc maps ABORTED to 409 */
    AI_ROW(409, "invalid_request_error", "",
           "invalid_request_error", "ABORTED",
           "The request conflicts with another one. Please try again.", 0),

    /* TOO_LARGE */
    AI_ROW(413, "invalid_request_error", "request_too_large",
           "request_too_large", "INVALID_ARGUMENT",
           "The request is larger than the maximum size allowed.", 0),

    /* MEDIA_TYPE */
    AI_ROW(415, "invalid_request_error", "",
           "invalid_request_error", "INVALID_ARGUMENT",
           "The content type or encoding of the request is not supported.",
           0),

    /* UPGRADE */
    AI_ROW(426, "invalid_request_error", "",
           "invalid_request_error", "INVALID_ARGUMENT",
           "This URL needs a connection that is upgraded to another "
           "protocol.", 0),

    /* RATE_LIMIT */
    AI_ROW(429, "rate_limit_error", "rate_limit_exceeded",
           "rate_limit_error", "RESOURCE_EXHAUSTED",
           "The rate limit was reached. Please try again later.", 1),

    /* QUOTA */
    AI_ROW(429, "insufficient_quota", "insufficient_quota",
           "billing_error", "RESOURCE_EXHAUSTED",
           "The quota or budget is used up.", 1),

    /* SERVER */
    AI_ROW(500, "server_error", "", "api_error", "INTERNAL",
           "The server had an error while processing the request. "
           "Please try again.", 1),

    /* UPSTREAM */
    AI_ROW(502, "server_error", "upstream_error", "api_error", "INTERNAL",
           "The model provider could not be reached or did not answer "
           "properly. Please try again.", 1),

    /* UPSTREAM_AUTH */
    AI_ROW(502, "server_error", "upstream_auth", "api_error", "INTERNAL",
           "The model provider did not accept the gateway's request. "
           "Please tell your administrator.", 1),

    /* UPSTREAM_INVALID */
    AI_ROW(502, "server_error", "upstream_invalid", "api_error", "INTERNAL",
           "The model provider sent an answer that could not be understood. "
           "Please try again.", 1),

    /* UPSTREAM_CUT */
    AI_ROW(502, "server_error", "upstream_cut", "api_error", "INTERNAL",
           "The model provider ended the answer before it was complete. "
           "Please try again.", 1),

    /* OVERLOADED */
    AI_ROW(503, "server_error", "overloaded",
           "overloaded_error", "UNAVAILABLE",
           "The model is overloaded. Please try again later.", 1),

    /* NO_TARGET */
    AI_ROW(503, "server_error", "no_target",
           "overloaded_error", "UNAVAILABLE",
           "No provider is available for this model now. "
           "Please try again later.", 1),

    /* UPSTREAM_TIMEOUT */
    AI_ROW(504, "timeout_error", "upstream_timeout",
           "timeout_error", "DEADLINE_EXCEEDED",
           "The model provider did not answer in time. Please try again.", 1)
};

_Static_assert(sizeof(ai_error_rows) / sizeof(ai_error_rows[0]) == AI_ERR_N,
               "a row for every ai_error_e");


typedef struct {
    unsigned           status;
    ai_error_e         kind;
} ai_error_status_t;


static const ai_error_status_t  ai_error_statuses[] = {
    { 400, AI_ERR_BAD_REQUEST },
    { 401, AI_ERR_UNAUTHORIZED },
    { 402, AI_ERR_QUOTA },
    { 403, AI_ERR_FORBIDDEN },
    { 404, AI_ERR_NOT_FOUND },
    { 405, AI_ERR_METHOD },
    { 408, AI_ERR_TIMEOUT },
    { 409, AI_ERR_CONFLICT },
    { 413, AI_ERR_TOO_LARGE },
    { 415, AI_ERR_MEDIA_TYPE },
    { 422, AI_ERR_BAD_REQUEST },
    { 424, AI_ERR_OVERLOADED },         /* Hugging Face, Groq: not loaded */
    { 426, AI_ERR_UPGRADE },
    { 429, AI_ERR_RATE_LIMIT },
    { 498, AI_ERR_RATE_LIMIT },         /* Groq: flex capacity */
    { 500, AI_ERR_SERVER },
    { 502, AI_ERR_UPSTREAM },
    { 503, AI_ERR_OVERLOADED },
    { 504, AI_ERR_UPSTREAM_TIMEOUT },
    { 529, AI_ERR_OVERLOADED },         /* Anthropic */
    { 0, AI_ERR_NONE }
};


/* how providers word it; mapping section 8 and recorded answers */

static const char *const  ai_error_context[] = {
    "maximum context length",
    "prompt is too long",
    "input is too long",
    "exceeds the maximum number of tokens",
    "too many tokens",
    "input token count",
    "context_length_exceeded",
    "exceed context limit",
    "exceeds the context window",
    "exceed the context window",
    NULL
};


const ai_error_row_t *
ai_error_row(ai_error_e kind)
{
    if ((unsigned) kind >= AI_ERR_N) {
        kind = AI_ERR_SERVER;
    }

    return &ai_error_rows[kind];
}


void
ai_error_set(ai_error_t *e, ai_error_e kind, const char *message)
{
    ai_error_set_param(e, kind, message, NULL);
}


void
ai_error_set_param(ai_error_t *e, ai_error_e kind, const char *message,
    const ai_str_t *param)
{
    memset(e, 0, sizeof(ai_error_t));

    e->kind = kind;
    e->retry_after = -1;

    if (message != NULL) {
        e->message.len = strlen(message);
        e->message.data = (ai_char_t *) message;
    }

    if (param != NULL) {
        e->param = *param;
    }
}


unsigned
ai_error_status(const ai_error_t *e)
{
    return e->status ? e->status : ai_error_row(e->kind)->status;
}


ai_str_t
ai_error_message(const ai_error_t *e)
{
    return e->message.len ? e->message : ai_error_row(e->kind)->text;
}


void
ai_error_quote(ai_buf_t *b, const ai_error_t *e)
{
    ai_str_t  message;

    message = ai_error_message(e);

    ai_buf_char(b, '"');

    if (e->param.len && !ai_error_names(&message, &e->param)) {
        ai_buf_char(b, '\'');
        ai_buf_escape(b, &e->param);
        ai_buf_lit(b, "': ");
    }

    ai_buf_escape(b, &message);
    ai_buf_char(b, '"');
}


static ai_int_t
ai_error_names(const ai_str_t *message, const ai_str_t *param)
{
    size_t  i;

    for (i = 0; i + param->len <= message->len; i++) {
        if (memcmp(message->data + i, param->data, param->len) == 0) {
            return 1;
        }
    }

    return 0;
}


ai_error_e
ai_error_by_status(unsigned status)
{
    const ai_error_status_t  *s;

    for (s = ai_error_statuses; s->status; s++) {
        if (s->status == status) {
            return s->kind;
        }
    }

    if (status < 400) {
        return AI_ERR_NONE;
    }

    return status < 500 ? AI_ERR_BAD_REQUEST : AI_ERR_SERVER;
}


ai_int_t
ai_error_is_context(const ai_str_t *message)
{
    const char *const  *what;

    for (what = ai_error_context; *what; what++) {
        if (ai_str_casefind(message, *what)) {
            return 1;
        }
    }

    return 0;
}
