
#include <provider/ai_gcp.h>
#include <provider/ai_oauth.h>


#define AI_GCP_GRANT  "urn:ietf:params:oauth:grant-type:jwt-bearer"


static ai_int_t ai_gcp_member(const ai_json_t *doc, const char *name,
    const ai_pool_t *pool, ai_str_t *out);
static ai_int_t ai_gcp_service_account(const ai_json_t *doc,
    const ai_pool_t *pool, ai_gcp_credentials_t *out, const char **why);
static ai_int_t ai_gcp_authorized_user(const ai_json_t *doc,
    const ai_pool_t *pool, ai_gcp_credentials_t *out, const char **why);
static ai_int_t ai_gcp_assertion(const ai_gcp_credentials_t *gcp,
    ai_jwt_key_t *key, int64_t now, ai_buf_t *jwt);


static const ai_json_limits_t  ai_gcp_limits = { 16, 4096, 256, 256 };


ai_int_t
ai_gcp_credentials_parse(const ai_str_t *json, const ai_pool_t *pool,
    ai_gcp_credentials_t *out, const char **why)
{
    ai_json_t  doc;
    ai_ref_t   type;

    memset(out, 0, sizeof(ai_gcp_credentials_t));

    ai_json_init(&doc, pool);

    if (ai_json_parse(&doc, json, &ai_gcp_limits) != AI_OK) {
        *why = doc.error == AI_JSON_E_MEMORY ? "cannot be read, no memory"
                                             : "is not valid JSON";
        return AI_ERROR;
    }

    if (ai_json_type(&doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        *why = "is no JSON object";
        return AI_ERROR;
    }

    if (ai_json_unique(&doc, AI_JSON_ROOT) != AI_OK) {
        *why = "has a name twice";
        return AI_ERROR;
    }

    *why = "has an invalid \"project_id\" or \"token_uri\"";

    if (ai_gcp_member(&doc, "project_id", pool, &out->project_id) == AI_ERROR
        || ai_gcp_member(&doc, "token_uri", pool, &out->token_uri)
           == AI_ERROR)
    {
        return AI_ERROR;
    }

    if (out->token_uri.len == 0) {
        out->token_uri = ai_lit(AI_GCP_TOKEN_URI);
    }

    type = ai_json_get(&doc, AI_JSON_ROOT, "type");

    if (ai_json_is(&doc, type, "service_account")) {
        return ai_gcp_service_account(&doc, pool, out, why);
    }

    if (ai_json_is(&doc, type, "authorized_user")) {
        return ai_gcp_authorized_user(&doc, pool, out, why);
    }

    *why = "has a \"type\" other than \"service_account\" and "
           "\"authorized_user\"";

    return AI_ERROR;
}


/* AI_OK; AI_DECLINED: absent or empty; AI_ERROR: no string, a control
 * character, or no memory */

static ai_int_t
ai_gcp_member(const ai_json_t *doc, const char *name, const ai_pool_t *pool,
    ai_str_t *out)
{
    size_t    i;
    ai_ref_t  v;

    v = ai_json_get(doc, AI_JSON_ROOT, name);

    if (ai_json_is_null(doc, v)) {
        return AI_DECLINED;
    }

    if (ai_json_str(doc, v, pool, out) != AI_OK) {
        return AI_ERROR;
    }

    for (i = 0; i < out->len; i++) {
        if ((out->data[i] < 0x20 && out->data[i] != '\n'
             && out->data[i] != '\r')
            || out->data[i] == 0x7f)
        {
            return AI_ERROR;
        }
    }

    return out->len ? AI_OK : AI_DECLINED;
}


static ai_int_t
ai_gcp_service_account(const ai_json_t *doc, const ai_pool_t *pool,
    ai_gcp_credentials_t *out, const char **why)
{
    out->kind = AI_GCP_SERVICE_ACCOUNT;

    if (ai_gcp_member(doc, "client_email", pool, &out->client_email)
        != AI_OK)
    {
        *why = "has no \"client_email\"";
        return AI_ERROR;
    }

    if (ai_gcp_member(doc, "private_key", pool, &out->private_key) != AI_OK) {
        *why = "has no \"private_key\"";
        return AI_ERROR;
    }

    if (ai_gcp_member(doc, "private_key_id", pool, &out->private_key_id)
        == AI_ERROR)
    {
        *why = "has an invalid \"private_key_id\"";
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_gcp_authorized_user(const ai_json_t *doc, const ai_pool_t *pool,
    ai_gcp_credentials_t *out, const char **why)
{
    out->kind = AI_GCP_AUTHORIZED_USER;

    if (ai_gcp_member(doc, "client_id", pool, &out->client_id) != AI_OK
        || ai_gcp_member(doc, "client_secret", pool, &out->client_secret)
           != AI_OK
        || ai_gcp_member(doc, "refresh_token", pool, &out->refresh_token)
           != AI_OK)
    {
        *why = "has no \"client_id\", no \"client_secret\" or no "
               "\"refresh_token\"";
        return AI_ERROR;
    }

    return AI_OK;
}


ai_int_t
ai_gcp_form(const ai_gcp_credentials_t *gcp, ai_jwt_key_t *key, int64_t now,
    ai_buf_t *out)
{
    ai_str_t  s;
    ai_buf_t  jwt;

    if (gcp->kind == AI_GCP_AUTHORIZED_USER) {
        s = ai_lit("refresh_token");

        ai_oauth_field(out, "grant_type", &s);
        ai_oauth_field(out, "client_id", &gcp->client_id);
        ai_oauth_field(out, "client_secret", &gcp->client_secret);
        ai_oauth_field(out, "refresh_token", &gcp->refresh_token);

        return out->failed ? AI_ERROR : AI_OK;
    }

    ai_buf_init(&jwt, out->pool);

    if (ai_gcp_assertion(gcp, key, now, &jwt) != AI_OK) {
        return AI_ERROR;
    }

    s = ai_lit(AI_GCP_GRANT);
    ai_oauth_field(out, "grant_type", &s);

    s = ai_buf_str(&jwt);
    ai_oauth_field(out, "assertion", &s);

    return out->failed ? AI_ERROR : AI_OK;
}


static ai_int_t
ai_gcp_assertion(const ai_gcp_credentials_t *gcp, ai_jwt_key_t *key,
    int64_t now, ai_buf_t *jwt)
{
    ai_str_t  claims;
    ai_buf_t  b;

    ai_buf_init(&b, jwt->pool);

    ai_buf_lit(&b, "{\"iss\":");
    ai_buf_quote(&b, &gcp->client_email);
    ai_buf_lit(&b, ",\"sub\":");
    ai_buf_quote(&b, &gcp->client_email);
    ai_buf_lit(&b, ",\"scope\":\"" AI_GCP_SCOPE "\",\"aud\":");
    ai_buf_quote(&b, &gcp->token_uri);
    ai_buf_lit(&b, ",\"iat\":");
    ai_buf_int(&b, now);
    ai_buf_lit(&b, ",\"exp\":");
    ai_buf_int(&b, now + AI_GCP_LIFE);
    ai_buf_char(&b, '}');

    if (b.failed) {
        return AI_ERROR;
    }

    claims = ai_buf_str(&b);

    return ai_jwt_rs256(key, &gcp->private_key_id, &claims, jwt);
}


void
ai_gcp_vertex_host(const ai_str_t *location, ai_buf_t *b)
{
    if (ai_str_is(location, "global")) {
        ai_buf_lit(b, "aiplatform.googleapis.com");
        return;
    }

    if (ai_str_is(location, "us") || ai_str_is(location, "eu")) {
        ai_buf_lit(b, "aiplatform.");
        ai_buf_cat(b, location);
        ai_buf_lit(b, ".rep.googleapis.com");
        return;
    }

    ai_buf_cat(b, location);
    ai_buf_lit(b, "-aiplatform.googleapis.com");
}
