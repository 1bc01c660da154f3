
/*
 * Bodies of multipart/form-data: audio and images on their way to a provider.
 * They may be large and lie in a file; what is read of them is the name of
 * the model, and what is written is another one in its place.
 */

#include <core/ngx_http_ai.h>

#include <codec/ai_multipart.h>


#define NGX_HTTP_AI_FORM_SLICE  65536       /* of a file, at a time */


enum {
    NGX_HTTP_AI_FORM_MODEL = 0,
    NGX_HTTP_AI_FORM_STREAM,
    NGX_HTTP_AI_FORM_USER,
    NGX_HTTP_AI_FORM_FIELDS
};


struct ngx_http_ai_form_s {
    off_t                      model;       /* where its value is */
    off_t                      len;
    off_t                      size;        /* of the body */
};


static ngx_int_t ngx_http_ai_form_feed(ngx_http_request_t *r,
    ai_multipart_t *m, ngx_buf_t *b, u_char *slice);
static ngx_int_t ngx_http_ai_form_fields(ngx_http_ai_ctx_t *ctx,
    ai_multipart_t *m, ai_multipart_field_t *fields);
static ngx_int_t ngx_http_ai_form_refuse(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx, const char *why);


ngx_int_t
ngx_http_ai_form_scan(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx)
{
    u_char                *slice;
    ai_str_t               boundary, type;
    ngx_int_t              rc;
    ngx_chain_t           *cl;
    ai_multipart_t        *m;
    ai_multipart_field_t  *fields;

    ngx_str_null(&ctx->request_model);
    type = ai_lit("");

    if (r->headers_in.content_type) {
        type = ai_str(&r->headers_in.content_type->value);
    }

    if (ai_multipart_boundary(&type, &boundary) != AI_OK) {
        return ngx_http_ai_form_refuse(r, ctx, "this operation takes "
                                       "multipart/form-data with a boundary "
                                       "of 1 to 70 letters");
    }

    m = ngx_palloc(r->pool, sizeof(ai_multipart_t));
    fields = ngx_pcalloc(r->pool, NGX_HTTP_AI_FORM_FIELDS
                                  * sizeof(ai_multipart_field_t));
    slice = NULL;

    ctx->form = ngx_pcalloc(r->pool, sizeof(ngx_http_ai_form_t));

    if (m == NULL || fields == NULL || ctx->form == NULL) {
        return NGX_ERROR;
    }

    fields[NGX_HTTP_AI_FORM_MODEL].name = ai_lit("model");
    fields[NGX_HTTP_AI_FORM_STREAM].name = ai_lit("stream");
    fields[NGX_HTTP_AI_FORM_USER].name = ai_lit("user");

    ai_multipart_init(m, &ctx->pool, &boundary, fields,
                      NGX_HTTP_AI_FORM_FIELDS);

    cl = r->request_body ? r->request_body->bufs : NULL;

    for ( /* void */ ; cl; cl = cl->next) {
        ctx->form->size += ngx_buf_size(cl->buf);

        if (cl->buf->in_file && slice == NULL) {
            slice = ngx_palloc(r->pool, NGX_HTTP_AI_FORM_SLICE);
            if (slice == NULL) {
                return NGX_ERROR;
            }
        }

        rc = ngx_http_ai_form_feed(r, m, cl->buf, slice);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {
            break;
        }
    }

    if (slice) {
        (void) ngx_pfree(r->pool, slice);
    }

    if (m->error == AI_MULTIPART_E_NONE) {
        (void) ai_multipart_end(m);
    }

    if (m->error == AI_MULTIPART_E_MEMORY) {
        return NGX_ERROR;
    }

    if (m->error != AI_MULTIPART_E_NONE) {
        return ngx_http_ai_form_refuse(r, ctx,
                                       ai_multipart_strerror(m->error));
    }

    return ngx_http_ai_form_fields(ctx, m, fields);
}


/* NGX_DECLINED: m->error says why */

static ngx_int_t
ngx_http_ai_form_feed(ngx_http_request_t *r, ai_multipart_t *m, ngx_buf_t *b,
    u_char *slice)
{
    off_t    off;
    size_t   size;
    ssize_t  n;

    if (!b->in_file) {
        return ai_multipart_feed(m, b->pos, b->last - b->pos) == AI_OK
               ? NGX_OK : NGX_DECLINED;
    }

    for (off = b->file_pos; off < b->file_last; off += n) {

        size = (size_t) ngx_min(b->file_last - off, NGX_HTTP_AI_FORM_SLICE);
        n = ngx_read_file(b->file, slice, size, off);

        if (n <= 0) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "ai: could not read the request body back from "
                          "\"%V\"", &b->file->name);
            return NGX_ERROR;
        }

        if (ai_multipart_feed(m, slice, (size_t) n) != AI_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_form_fields(ngx_http_ai_ctx_t *ctx, ai_multipart_t *m,
    ai_multipart_field_t *fields)
{
    ngx_str_t              model;
    ai_multipart_field_t  *f;

    f = &fields[NGX_HTTP_AI_FORM_MODEL];

    if (f->value.data == NULL || f->value.len == 0) {
        ai_error_set_param(&ctx->error, AI_ERR_BAD_REQUEST,
                           "The field \"model\" is missing.",
                           &ai_lit("model"));
        return NGX_DECLINED;
    }

    model = ngx_http_ai_str(&f->value);

    if (ngx_http_ai_has_ctl(&model)) {
        ai_error_set_param(&ctx->error, AI_ERR_INVALID_VALUE,
                           "The field \"model\" has control characters.",
                           &ai_lit("model"));
        return NGX_DECLINED;
    }

    ctx->peek.model = f->value;
    ctx->form->model = (off_t) m->part[f->part].off;
    ctx->form->len = (off_t) m->part[f->part].len;

    ctx->peek.user = fields[NGX_HTTP_AI_FORM_USER].value;

    f = &fields[NGX_HTTP_AI_FORM_STREAM];

    ctx->peek.stream = (f->value.len == 4
                        && ngx_strncasecmp((u_char *) f->value.data,
                                           (u_char *) "true", 4)
                           == 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_form_refuse(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx,
    const char *why)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "ai: client sent a bad form: %s", why);

    ai_error_set(&ctx->error, AI_ERR_BAD_REQUEST, why);

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_ai_form_rewrite(ngx_http_ai_attempt_t *at)
{
    off_t                 rest;
    ngx_str_t             model;
    ngx_chain_t         **last;
    ngx_http_ai_form_t   *form;

    form = at->ctx->form;
    last = &at->body;

    model = at->candidate->model;
    rest = form->model + form->len;

    if (ngx_http_ai_rewrite_part(at, &last, 0, form->model) != NGX_OK
        || ngx_http_ai_rewrite_add(at, &last, model.data, model.len) != NGX_OK
        || ngx_http_ai_rewrite_part(at, &last, rest, form->size - rest)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    at->body_len = form->size - form->len + (off_t) model.len;

    return NGX_OK;
}
