
/*
 * Google Cloud's credentials: the files that its tools write, and the requests
 * that turn them into access tokens.
 */

#ifndef AI_GCP_H
#define AI_GCP_H


#include <codec/ai_json.h>
#include <codec/ai_jwt.h>


#define AI_GCP_TOKEN_URI   "https://oauth2.googleapis.com/token"
#define AI_GCP_SCOPE       "https://www.googleapis.com/auth/cloud-platform"
#define AI_GCP_LIFE        3600     /* seconds, of an assertion */


typedef enum {
    AI_GCP_SERVICE_ACCOUNT = 1,
    AI_GCP_AUTHORIZED_USER          /* "gcloud auth application-default" */
} ai_gcp_kind_e;


/* plain; what a kind does not have is empty */
typedef struct {
    ai_gcp_kind_e      kind;
    ai_str_t           token_uri;
    ai_str_t           project_id;  /* may be empty */

    ai_str_t           client_email;
    ai_str_t           private_key; /* PEM */
    ai_str_t           private_key_id;     /* may be empty */

    ai_str_t           client_id;
    ai_str_t           client_secret;
    ai_str_t           refresh_token;
} ai_gcp_credentials_t;


#pragma GCC visibility push(hidden)


/*
 * Reads a credentials file; spans are of json or owned by pool.  AI_ERROR:
 * *why is a static text that follows the name of the file.
 */
ai_int_t ai_gcp_credentials_parse(const ai_str_t *json, const ai_pool_t *pool,
    ai_gcp_credentials_t *out, const char **why);

/*
 * Appends the form to be posted to token_uri.  key is that of private_key, now
 * in Unix seconds.  AI_ERROR: no memory, or signing failed.
 */
ai_int_t ai_gcp_form(const ai_gcp_credentials_t *gcp, ai_jwt_key_t *key,
    int64_t now, ai_buf_t *out);

/* the host of Vertex AI in a location: "global", "us", "europe-west4" */
void ai_gcp_vertex_host(const ai_str_t *location, ai_buf_t *b);


#pragma GCC visibility pop


#endif /* AI_GCP_H */
