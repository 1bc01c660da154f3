
/*
 * Google Cloud: the "gcp" line of ai_provider { ... }.  A service account's
 * key, a user's refresh token or the metadata server gives access tokens;
 * Vertex AI's place and paths follow from project and location.
 */

#include <provider/ai_gcp.h>
#include <provider/ngx_http_ai_provider_int.h>
#include <provider/ngx_http_ai_token.h>

#include <ngx_sha1.h>


/* by its address: the name is known to Google's own resolver only */
#define NGX_HTTP_AI_GCP_METADATA  "169.254.169.254"
#define NGX_HTTP_AI_GCP_TOKEN                                                 \
    "/computeMetadata/v1/instance/service-accounts/default/token"


struct ngx_http_ai_gcp_s {
    ngx_str_t                  project;
    ngx_str_t                  location;
    ngx_str_t                  url;         /* of tokens */
    ngx_str_t                  metadata;    /* its host, or empty */
    ai_gcp_credentials_t       credentials; /* unless it is metadata */
    ai_jwt_key_t              *key;         /* of a service account */
};


static char *ngx_http_ai_gcp_param(ngx_conf_t *cf,
    ngx_http_ai_gcp_t *gcp, ngx_str_t *param);
static char *ngx_http_ai_gcp_credentials(ngx_conf_t *cf,
    ngx_http_ai_gcp_t *gcp, ngx_str_t *text);
static char *ngx_http_ai_gcp_metadata(ngx_conf_t *cf,
    ngx_http_ai_gcp_t *gcp);
static char *ngx_http_ai_gcp_file(ngx_conf_t *cf, ngx_http_ai_gcp_t *gcp,
    ngx_str_t *text);
static void ngx_http_ai_gcp_free(void *data);
static ngx_int_t ngx_http_ai_gcp_vertex(ngx_conf_t *cf,
    ngx_http_ai_provider_t *p);
static ngx_int_t ngx_http_ai_gcp_key(ngx_conf_t *cf,
    ngx_http_ai_gcp_t *gcp, ngx_str_t *key);
static ngx_int_t ngx_http_ai_gcp_is_safe(
    const ngx_http_ai_fetch_conf_t *place);
static ngx_int_t ngx_http_ai_gcp_request(void *data, ngx_pool_t *pool,
    ngx_http_ai_fetch_request_t *rq);


char *
ngx_http_ai_provider_gcp(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_http_ai_provider_t  *p = object;

    char               *rv;
    ngx_uint_t          i;
    ngx_http_ai_gcp_t  *gcp;

    if (p->gcp) {
        return "is duplicate";
    }

    gcp = ngx_pcalloc(cf->pool, sizeof(ngx_http_ai_gcp_t));
    if (gcp == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {
        rv = ngx_http_ai_gcp_param(cf, gcp, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (gcp->url.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"credentials=\" in \"gcp\"");
        return NGX_CONF_ERROR;
    }

    if (gcp->project.len == 0) {
        gcp->project = ngx_http_ai_str(&gcp->credentials.project_id);
    }

    if (gcp->location.len == 0) {
        ngx_str_set(&gcp->location, "global");
    }

    p->gcp = gcp;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_gcp_param(ngx_conf_t *cf, ngx_http_ai_gcp_t *gcp,
    ngx_str_t *param)
{
    u_char     *eq, *c;
    ngx_str_t   name, text, hint, *value;

    static ngx_str_t  words[] = {
        ngx_string("credentials"), ngx_string("project"),
        ngx_string("location")
    };

    ngx_str_t  *names[] = { &words[0], &words[1], &words[2] };

    name = *param;
    ngx_str_null(&text);

    eq = ngx_strlchr(param->data, param->data + param->len, '=');

    if (eq) {
        name.len = eq - param->data;
        text.data = eq + 1;
        text.len = param->len - name.len - 1;
    }

    if (eq && name.len == 11
        && ngx_strncmp(name.data, "credentials", 11) == 0)
    {
        return ngx_http_ai_gcp_credentials(cf, gcp, &text);
    }

    if (eq && name.len == 7 && ngx_strncmp(name.data, "project", 7) == 0) {
        value = &gcp->project;

    } else if (eq && name.len == 8
               && ngx_strncmp(name.data, "location", 8) == 0)
    {
        value = &gcp->location;

    } else {
        hint = ngx_http_ai_hint(cf, &name, names, 3);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of \"gcp\"%V",
                           &name, &hint);
        return NGX_CONF_ERROR;
    }

    if (value->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" of \"gcp\"", param);
        return NGX_CONF_ERROR;
    }

    /* both become parts of a path, a location of a host's name as well;
     * "example.com:project" is an old form of projects */

    for (c = text.data; c < text.data + text.len; c++) {
        if ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9')
            || *c == '-'
            || (value == &gcp->project && (*c == '.' || *c == ':')))
        {
            continue;
        }

        break;
    }

    if (text.len == 0 || c < text.data + text.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"gcp\"", param);
        return NGX_CONF_ERROR;
    }

    *value = text;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_gcp_credentials(ngx_conf_t *cf, ngx_http_ai_gcp_t *gcp,
    ngx_str_t *text)
{
    if (gcp->url.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"credentials=\" of \"gcp\"");
        return NGX_CONF_ERROR;
    }

    if (text->len == 8 && ngx_strncmp(text->data, "metadata", 8) == 0) {
        return ngx_http_ai_gcp_metadata(cf, gcp);
    }

    if ((text->len > 5 && ngx_strncmp(text->data, "file:", 5) == 0)
        || (text->len > 4 && ngx_strncmp(text->data, "env:", 4) == 0))
    {
        return ngx_http_ai_gcp_file(cf, gcp, text);
    }

    /* what was written may be the secret itself */

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"credentials=\" of \"gcp\" must be \"file:PATH\", "
                       "\"env:NAME\" or \"metadata\"");

    return NGX_CONF_ERROR;
}


/* the same variable as in Google's own libraries */

static char *
ngx_http_ai_gcp_metadata(ngx_conf_t *cf, ngx_http_ai_gcp_t *gcp)
{
    char    *cstr;
    u_char  *p;
    size_t   len;

    cstr = getenv("GCE_METADATA_HOST");

    if (cstr == NULL || *cstr == '\0') {
        cstr = NGX_HTTP_AI_GCP_METADATA;
    }

    len = ngx_strlen(cstr);

    p = ngx_pnalloc(cf->pool, sizeof("http://") - 1 + len
                              + sizeof(NGX_HTTP_AI_GCP_TOKEN) - 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    gcp->url.data = p;
    gcp->url.len = ngx_sprintf(p, "http://%s" NGX_HTTP_AI_GCP_TOKEN, cstr)
                   - p;

    gcp->metadata.data = p + sizeof("http://") - 1;
    gcp->metadata.len = len;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_gcp_file(ngx_conf_t *cf, ngx_http_ai_gcp_t *gcp, ngx_str_t *text)
{
    char                *rv;
    ai_str_t             json;
    ngx_str_t            secret;
    ai_pool_t            pool;
    const char          *why;
    ngx_pool_cleanup_t  *cln;

    rv = ngx_http_ai_secret_text(cf, text, &secret);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_ai_pool(&pool, cf->pool);
    json = ai_str(&secret);
    why = "cannot be read";

    if (ai_gcp_credentials_parse(&json, &pool, &gcp->credentials, &why)
        != AI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"credentials=%V\" of \"gcp\" %s", text, why);
        return NGX_CONF_ERROR;
    }

    gcp->url = ngx_http_ai_str(&gcp->credentials.token_uri);

    if (gcp->credentials.kind != AI_GCP_SERVICE_ACCOUNT) {
        return NGX_CONF_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    gcp->key = ai_jwt_key(&gcp->credentials.private_key, &why);

    if (gcp->key == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"private_key\" in \"credentials=%V\" of \"gcp\" "
                           "%s", text, why);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_ai_gcp_free;
    cln->data = gcp->key;

    return NGX_CONF_OK;
}


static void
ngx_http_ai_gcp_free(void *data)
{
    ai_jwt_key_free(data);
}


/* the block was read, p->api is known */

ngx_int_t
ngx_http_ai_provider_gcp_finish(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_str_t  header = ngx_string("Authorization");

    if (p->gcp && p->key.len) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"gcp\" and \"key\" in ai_provider \"%V\" "
                               "exclude each other", &p->name);
        return NGX_ERROR;
    }

    if (p->gcp
        && ngx_http_ai_provider_sets(p, header.data, header.len))
    {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"set_header %V\" of ai_provider \"%V\" "
                               "conflicts with \"gcp\"", &header, &p->name);
        return NGX_ERROR;
    }

    if (p->api == &ai_provider_vertex) {
        return ngx_http_ai_gcp_vertex(cf, p);
    }

    if (p->gcp && p->endpoint.data == NULL) {

        /* another API at Google's: its endpoint has to be named, lest the
         * token goes to somebody else */

        ngx_http_ai_conf_error(cf, &p->place,
                               "\"gcp\" of ai_provider \"%V\" needs \"api "
                               "vertex\" or an \"endpoint\"", &p->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* endpoint and base, as far as they are not given */

static ngx_int_t
ngx_http_ai_gcp_vertex(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    size_t              len;
    ai_buf_t            b;
    ai_str_t            location;
    ai_pool_t           pool;
    ngx_http_ai_gcp_t  *gcp;

    gcp = p->gcp;

    if (gcp == NULL && p->key.len == 0) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "no \"gcp\" and no \"key\" in ai_provider "
                               "\"%V\"", &p->name);
        return NGX_ERROR;
    }

    if (gcp && gcp->project.len == 0 && p->base.data == NULL) {
        ngx_http_ai_conf_error(cf, &p->place,
                               "no \"project=\" in \"gcp\" of ai_provider "
                               "\"%V\", and its credentials name none",
                               &p->name);
        return NGX_ERROR;
    }

    ngx_http_ai_pool(&pool, cf->pool);

    if (p->endpoint.data == NULL) {
        ai_buf_init(&b, &pool);

        location = gcp ? ai_str(&gcp->location) : ai_lit("global");

        ai_buf_lit(&b, "https://");
        ai_gcp_vertex_host(&location, &b);

        if (b.failed) {
            return NGX_ERROR;
        }

        p->endpoint.data = b.start;
        p->endpoint.len = ai_buf_len(&b);
    }

    if (gcp == NULL && p->key_header.data == NULL) {

        /* with a key of its own it is "express mode" */

        ngx_str_set(&p->key_header, "x-goog-api-key");
        ngx_str_set(&p->key_prefix, "");
    }

    if (p->base.data) {
        return NGX_OK;
    }

    if (gcp == NULL) {
        ngx_str_set(&p->base, "/v1/publishers");
        return NGX_OK;
    }

    len = sizeof("/v1/projects//locations//publishers") - 1
          + gcp->project.len + gcp->location.len;

    p->base.data = ngx_pnalloc(cf->pool, len);
    if (p->base.data == NULL) {
        return NGX_ERROR;
    }

    p->base.len = len;
    ngx_sprintf(p->base.data, "/v1/projects/%V/locations/%V/publishers",
                &gcp->project, &gcp->location);

    return NGX_OK;
}


/* the whole file was read */

ngx_int_t
ngx_http_ai_provider_gcp_init(ngx_conf_t *cf, ngx_http_ai_provider_t *p)
{
    ngx_str_t                  key;
    ngx_http_ai_gcp_t         *gcp;
    ngx_http_ai_fetch_conf_t  *place;

    gcp = p->gcp;

    if (gcp == NULL) {
        return NGX_OK;
    }

    place = ngx_http_ai_fetch_conf(cf, &p->place, &gcp->url,
                                   &p->ssl_trusted_certificate);
    if (place == NULL) {
        return NGX_ERROR;
    }

    if (gcp->metadata.len == 0 && !place->ssl
        && !ngx_http_ai_gcp_is_safe(place))
    {
        ngx_http_ai_conf_error(cf, &p->place,
                               "\"token_uri\" in the credentials of "
                               "ai_provider \"%V\" is not https://",
                               &p->name);
        return NGX_ERROR;
    }

    if (ngx_http_ai_gcp_key(cf, gcp, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    p->credential = &ngx_http_ai_token_credential;
    p->credential_data = ngx_http_ai_token_create(cf, &p->name, &key, place,
                                                  ngx_http_ai_gcp_request,
                                                  gcp);

    return p->credential_data ? NGX_OK : NGX_ERROR;
}


/* nobody but this machine hears it */

static ngx_int_t
ngx_http_ai_gcp_is_safe(const ngx_http_ai_fetch_conf_t *place)
{
    ngx_uint_t            i;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    for (i = 0; i < place->naddrs; i++) {

        switch (place->addrs[i].sockaddr->sa_family) {

        case AF_INET:
            sin = (struct sockaddr_in *) place->addrs[i].sockaddr;

            if (ntohl(sin->sin_addr.s_addr) >> 24 != 127) {
                return 0;
            }

            break;

#if (NGX_HAVE_INET6)
        case AF_INET6:
            sin6 = (struct sockaddr_in6 *) place->addrs[i].sockaddr;

            if (!IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr)) {
                return 0;
            }

            break;
#endif

        default:
            return 0;
        }
    }

    return place->naddrs != 0;
}


/* a hash of all that makes the tokens what they are */

static ngx_int_t
ngx_http_ai_gcp_key(ngx_conf_t *cf, ngx_http_ai_gcp_t *gcp, ngx_str_t *key)
{
    u_char       hash[20];
    ngx_uint_t   i;
    ngx_sha1_t   sha1;

    ai_gcp_credentials_t  *c = &gcp->credentials;

    const ai_str_t  parts[] = {
        ai_str(&gcp->url), c->client_email, c->private_key_id,
        c->private_key, c->client_id, c->client_secret, c->refresh_token
    };

    ngx_sha1_init(&sha1);

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        ngx_sha1_update(&sha1, &parts[i].len, sizeof(size_t));

        if (parts[i].len) {
            ngx_sha1_update(&sha1, parts[i].data, parts[i].len);
        }
    }

    ngx_sha1_final(hash, &sha1);

    key->len = sizeof("gcp/") - 1 + 2 * sizeof(hash);

    key->data = ngx_pnalloc(cf->pool, key->len);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(key->data, "gcp/", 4);
    ngx_hex_dump(key->data + 4, hash, sizeof(hash));

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_gcp_request(void *data, ngx_pool_t *pool,
    ngx_http_ai_fetch_request_t *rq)
{
    ngx_http_ai_gcp_t  *gcp = data;

    ai_buf_t   b;
    ai_pool_t  ai_pool;

    if (gcp->metadata.len) {
        ngx_str_set(&rq->method, "GET");
        ngx_str_set(&rq->headers, "Metadata-Flavor: Google" CRLF
                                  "Accept: application/json" CRLF);
        return NGX_OK;
    }

    ngx_http_ai_pool(&ai_pool, pool);
    ai_buf_init(&b, &ai_pool);

    if (ai_gcp_form(&gcp->credentials, gcp->key, ngx_time(), &b) != AI_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&rq->method, "POST");
    ngx_str_set(&rq->headers,
                "Content-Type: application/x-www-form-urlencoded" CRLF
                "Accept: application/json" CRLF);

    rq->body.data = b.start;
    rq->body.len = ai_buf_len(&b);

    return NGX_OK;
}
