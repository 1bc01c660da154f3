
/*
 * AWS Signature Version 4, in request headers.
 *
 * Nothing is sent or read here: the caller gives the request as it goes out,
 * and sends the lines that come back with it, unchanged.  The clock is the
 * caller's too.
 */

#ifndef AI_SIGV4_H
#define AI_SIGV4_H


#include <base/ai_buf.h>


#define AI_SIGV4_HASH     64        /* a SHA-256 in hex */
#define AI_SIGV4_HEADERS  16        /* besides those that are always signed */
#define AI_SIGV4_QUERY    64        /* arguments */


typedef struct {
    ai_str_t           name;
    ai_str_t           value;
} ai_sigv4_header_t;


typedef struct {
    ai_str_t           access_key;
    ai_str_t           secret;
    ai_str_t           token;       /* of a session, or empty */
    ai_str_t           region;
    ai_str_t           service;     /* "bedrock" */

    ai_str_t           method;
    ai_str_t           host;        /* as in "Host", with a port if that has */
    ai_str_t           path;        /* as on the wire, encoded once */
    ai_str_t           query;       /* as on the wire, without "?" */

    /* sent and signed; neither Host nor those that are made here */
    const ai_sigv4_header_t  *headers;
    size_t             nheaders;

    int64_t            time;        /* Unix seconds */
} ai_sigv4_t;


#pragma GCC visibility push(hidden)


/* SHA-256 of spans one behind the other, in lower-case hex; AI_ERROR: the
 * library had no memory */
ai_int_t ai_sigv4_hash(const ai_str_t *span, size_t n,
    ai_char_t hex[AI_SIGV4_HASH]);

/*
 * Appends the lines "Authorization", "X-Amz-Date" and, with a token,
 * "X-Amz-Security-Token" to out, each ended by CRLF.  payload is the
 * ai_sigv4_hash() of the body.
 *
 * The path is made canonical the way all services but S3 have it: "." and ".."
 * are resolved, then it is encoded a second time.  Host, the date and the
 * token are signed with the headers given.
 *
 * AI_OK.  AI_DECLINED: this cannot be signed - something is missing, has a
 * control character in it, is not in range, or a header is there twice.
 * AI_ERROR: no memory.  out is as before unless AI_OK.  Copies of the secret
 * are wiped.
 */
ai_int_t ai_sigv4_sign(const ai_sigv4_t *r,
    const ai_char_t payload[AI_SIGV4_HASH], ai_buf_t *out);


#pragma GCC visibility pop


#endif /* AI_SIGV4_H */
