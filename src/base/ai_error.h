
/*
 * Everything a client can be told, one row a case.
 *
 * A row has no dialect: api/ writes it in the caller's own (OpenAI, Anthropic,
 * Gemini).  Statuses and types follow section 8 of the normalised error table:
 * OpenAI's error reference, Anthropic's "Errors" page, google.rpc.Code.
 */

#ifndef AI_ERROR_H
#define AI_ERROR_H


#include <base/ai_buf.h>


typedef enum {
    AI_ERR_NONE = 0,

    /* the client's own */
    AI_ERR_BAD_REQUEST,             /* 400 invalid_request_error */
    AI_ERR_BAD_JSON,                /* 400 */
    AI_ERR_UNSUPPORTED_PARAMETER,   /* 400 unsupported_parameter */
    AI_ERR_INVALID_VALUE,           /* 400 invalid_value */
    AI_ERR_CONTEXT_LENGTH,          /* 400 context_length_exceeded */
    AI_ERR_CONTENT_POLICY,          /* 400 content_policy_violation */
    AI_ERR_UNAUTHORIZED,            /* 401 invalid_api_key */
    AI_ERR_FORBIDDEN,               /* 403 permission_error */
    AI_ERR_REGION,                  /* 403 region_not_allowed */
    AI_ERR_NOT_FOUND,               /* 404 no such path */
    AI_ERR_MODEL_NOT_FOUND,         /* 404 model_not_found */
    AI_ERR_METHOD,                  /* 405 */
    AI_ERR_TIMEOUT,                 /* 408 the client was too slow */
    AI_ERR_CONFLICT,                /* 409 */
    AI_ERR_TOO_LARGE,               /* 413 request_too_large */
    AI_ERR_MEDIA_TYPE,              /* 415 */
    AI_ERR_UPGRADE,                 /* 426 */
    AI_ERR_RATE_LIMIT,              /* 429 rate_limit_exceeded */
    AI_ERR_QUOTA,                   /* 429 insufficient_quota */

    /* the gateway's, or the provider's */
    AI_ERR_SERVER,                  /* 500 */
    AI_ERR_UPSTREAM,                /* 502 connect, reset, garbage */
    AI_ERR_UPSTREAM_AUTH,           /* 502 upstream_auth: our key refused */
    AI_ERR_UPSTREAM_INVALID,        /* 502 an answer that is none */
    AI_ERR_UPSTREAM_CUT,            /* 502 an answer without its end */
    AI_ERR_OVERLOADED,              /* 503 overloaded */
    AI_ERR_NO_TARGET,               /* 503 no target left */
    AI_ERR_UPSTREAM_TIMEOUT,        /* 504 */

    AI_ERR_N
} ai_error_e;


typedef struct {
    ai_error_e         kind;
    unsigned           status;      /* HTTP; 0: the row's */
    ai_str_t           message;     /* plain; empty: the row's text */
    ai_str_t           param;       /* plain, the field named, or empty */
    ai_str_t           code;        /* plain; empty: the row's */
    int64_t            retry_after; /* milliseconds, -1 unknown */
} ai_error_t;


typedef struct {
    unsigned           status;
    ai_str_t           type;        /* OpenAI's "type" */
    ai_str_t           code;        /* OpenAI's "code", empty: null */
    ai_str_t           anthropic;   /* Anthropic's error.type */
    ai_str_t           gemini;      /* google.rpc status */
    ai_str_t           text;        /* when there is no better message */
    unsigned           fallback:1;  /* another target may do better */
} ai_error_row_t;


#pragma GCC visibility push(hidden)


const ai_error_row_t *ai_error_row(ai_error_e kind);

/* fills e; message and param are kept, not copied */
void ai_error_set(ai_error_t *e, ai_error_e kind, const char *message);
void ai_error_set_param(ai_error_t *e, ai_error_e kind, const char *message,
    const ai_str_t *param);

unsigned ai_error_status(const ai_error_t *e);
ai_str_t ai_error_message(const ai_error_t *e);

/* the message in quotes; in front of one that does not name it, the field */
void ai_error_quote(ai_buf_t *b, const ai_error_t *e);

/* the row for a status alone; never AI_ERR_NONE for 400 and above */
ai_error_e ai_error_by_status(unsigned status);

/* does a provider's wording speak of a prompt that is too long? */
ai_int_t ai_error_is_context(const ai_str_t *message);           /* 1 or 0 */


#pragma GCC visibility pop


#endif /* AI_ERROR_H */
