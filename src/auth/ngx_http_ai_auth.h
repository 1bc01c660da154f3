
/*
 * Who is calling: virtual keys, roles, and what may be asked for with them.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_AUTH_H
#define NGX_HTTP_AI_AUTH_H


#include <auth/ai_key.h>


typedef struct ngx_http_ai_keys_s           ngx_http_ai_keys_t;
typedef struct ngx_http_ai_made_s           ngx_http_ai_made_t;
typedef struct ngx_http_ai_role_s           ngx_http_ai_role_t;
typedef struct ai_key_s                     ngx_http_ai_key_t;
typedef struct ngx_http_ai_auth_loc_conf_s  ngx_http_ai_auth_loc_conf_t;


#define NGX_HTTP_AI_AUTH_OFF       0
#define NGX_HTTP_AI_AUTH_ON        1
#define NGX_HTTP_AI_AUTH_OPTIONAL  2


/* what of ai_api the caller may use */
typedef enum {
    NGX_HTTP_AI_API_NONE = 0,
    NGX_HTTP_AI_API_READ,
    NGX_HTTP_AI_API_WRITE
} ngx_http_ai_api_right_e;


/*
 * In ctx->identity; written by auth before the phases ACCESS and later run,
 * read by limit and observe.  Names are empty where there is none.
 */
typedef struct {
    ngx_str_t                  key;         /* the key's id, not the key */
    ngx_str_t                  team;
    ngx_str_t                  project;
    ngx_str_t                  customer;
    ngx_str_t                  user;
    ngx_str_t                  session;
    ngx_str_t                  tier;
    const ngx_http_ai_role_t  *role;        /* NULL: none */
    const ngx_http_ai_key_t   *entry;       /* NULL: no virtual key */

    /* limits that stand in the key's line; amount -1: none */
    ai_limit_t                  rpm;
    ai_limit_t                  tpm;
    ai_limit_t                  budget;

    /* why it failed, or what was refused: a static word, "missing",
     * "unknown", "expired", "disabled", "conflict" (several credentials),
     * "denied" (403); empty: nothing */
    ngx_str_t                  failure;

    const ngx_http_ai_auth_loc_conf_t  *conf;        /* whose this is */
    ngx_table_elt_t           *challenge;   /* WWW-Authenticate, or NULL */

    unsigned                   done:1;
    unsigned                   failed:1;    /* a credential was asked for and
                                               is missing or no good */
    unsigned                   stray:1;     /* ai_identity gave a role that
                                               there is not */
    unsigned                   refused:1;   /* by our access handler */
    unsigned                   busy:1;      /* values that may ask for it are
                                               evaluated */
} ngx_http_ai_identity_t;


typedef struct {
    ngx_array_t               *roles;       /* ngx_http_ai_role_t */
    unsigned                   limits:1;    /* a key has rpm=, tpm=, budget=,
                                               or may be made that has */
    ngx_array_t               *sets;        /* ngx_http_ai_keys_t * */
    ngx_array_t               *peppers;     /* of all of them; NULL: none */
    ngx_http_ai_made_t        *made;        /* keys made by ai_api; NULL: there
                                               cannot be any */
    unsigned                   any:1;       /* it is used somewhere */
} ngx_http_ai_auth_main_conf_t;


struct ngx_http_ai_auth_loc_conf_s {
    ngx_uint_t                 given;       /* mode as written, or UNSET */
    ngx_uint_t                 mode;        /* off, on, optional */
    ngx_http_complex_value_t  *source;      /* NULL: auto */
    ngx_http_ai_keys_t        *keys;        /* of all files; NULL: none */
    ngx_array_t               *identity;    /* of ai_identity; NULL: none */
    ngx_uint_t                 made;        /* are keys made by ai_api good
                                               here?  Or UNSET */
    ngx_http_ai_place_t        place;       /* of ai_auth */
};


/* "ai_role NAME { ... }" */
struct ngx_http_ai_role_s {
    ngx_str_t                  name;
    ngx_http_ai_place_t        place;
    ai_grant_t                 grant;
    ngx_uint_t                 api;         /* ngx_http_ai_api_right_e, or
                                               UNSET while it is read */
};


#pragma GCC visibility push(hidden)


/* may the caller use an operation, a model ...?  By ctx->identity */
#define ngx_http_ai_auth_may(ctx, what, name)                                 \
    ai_key_permits((ctx)->identity.entry,                                     \
                   (ctx)->identity.role ? &(ctx)->identity.role->grant        \
                                        : NULL,                               \
                   what, name)


/* setters of "ai_key_file", "ai_auth", "ai_identity", "ai_role" */
char *ngx_http_ai_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ai_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ai_identity(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ai_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

void ngx_http_ai_auth_create(ngx_http_ai_auth_loc_conf_t *conf);
char *ngx_http_ai_auth_merge(ngx_conf_t *cf,
    ngx_http_ai_auth_loc_conf_t *prev, ngx_http_ai_auth_loc_conf_t *conf);

/* the whole file was read: roles that keys name, what roles name */
ngx_int_t ngx_http_ai_auth_init_conf(ngx_conf_t *cf,
    ngx_http_ai_main_conf_t *conf);
ngx_int_t ngx_http_ai_auth_init(ngx_conf_t *cf,
    ngx_http_ai_auth_main_conf_t *conf);

/* the keys of all files, a table for each level that has some */
ngx_uint_t ngx_http_ai_auth_tables(const ngx_http_ai_auth_main_conf_t *conf);
const ai_keys_t *ngx_http_ai_auth_table(
    const ngx_http_ai_auth_main_conf_t *conf, ngx_uint_t i);

/* the first of these with this id, of n tables; NULL: none */
const ai_key_t *ngx_http_ai_auth_by_id(
    const ngx_http_ai_auth_main_conf_t *conf, ngx_uint_t n,
    const ai_str_t *id);

/* a role by its name; NULL: there is none */
const ngx_http_ai_role_t *ngx_http_ai_auth_role(
    const ngx_http_ai_auth_main_conf_t *conf, ngx_str_t *name);

/* does this location know who asks, by a key or by ai_identity? */
#define ngx_http_ai_auth_is_on(conf)                                          \
    ((conf)->mode != NGX_HTTP_AI_AUTH_OFF || (conf)->identity)

/*
 * The digests of a token, looked up: the same work for all tokens.  An empty
 * one is AI_KEY_UNKNOWN; a key that is good lives as long as the request.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_ai_auth_find(ngx_http_request_t *r,
    const ngx_http_ai_auth_loc_conf_t *conf, ngx_str_t *token,
    ai_key_state_e *state, const ai_key_t **key);

/*
 * ctx->identity out of the credential, before the body is read.  NGX_OK, also
 * for one that is no good (identity.failed); NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_ai_auth_identify(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

/*
 * Identities that come from ai_identity: to be called again when more is
 * known, as the body is, or what auth_request found.
 */
ngx_int_t ngx_http_ai_auth_body(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

/* the ACCESS handler: 401 in the caller's dialect; and 403 for an operation,
 * a model, a route that the key or its role has not */
ngx_int_t ngx_http_ai_auth_handler(ngx_http_request_t *r);

/*
 * NGX_DECLINED: ctx->error says what the caller may not do.  What is not known
 * yet is permitted: the model and the route are asked for once more when they
 * are decided.
 */
ngx_int_t ngx_http_ai_auth_check(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
ngx_int_t ngx_http_ai_auth_check_way(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

/* may the model be used, asked for under either name?  Empty ones do not
 * count */
ngx_uint_t ngx_http_ai_auth_permits_model(const ngx_http_ai_ctx_t *ctx,
    ngx_str_t *requested, ngx_str_t *model);

/* may this candidate be used? asked for every one, fallbacks included */
ngx_uint_t ngx_http_ai_auth_permits(const ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_candidate_t *candidate);

/* may this route? */
ngx_uint_t ngx_http_ai_auth_permits_route(const ngx_http_ai_ctx_t *ctx,
    const ngx_http_ai_route_t *route);

/* by the role's "api"; nothing without a role */
ngx_http_ai_api_right_e ngx_http_ai_auth_api(const ngx_http_ai_ctx_t *ctx);

/* an attribute of the key that is not built in, $ai_key_NAME; NULL: none */
const ngx_str_t *ngx_http_ai_auth_attribute(const ngx_http_ai_ctx_t *ctx,
    const ngx_str_t *name);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_AUTH_H */
