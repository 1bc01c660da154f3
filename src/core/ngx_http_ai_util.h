
/*
 * Small helpers of the glue: strings between the two worlds, pools for pure
 * code, and what several configuration blocks need.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_UTIL_H
#define NGX_HTTP_AI_UTIL_H


/* by value: the two types have the same fields, not the same meaning */
static ngx_inline ai_str_t
ai_str(const ngx_str_t *s)
{
    ai_str_t  v;

    v.len = s->len;
    v.data = s->data;

    return v;
}


static ngx_inline ngx_str_t
ngx_http_ai_str(const ai_str_t *s)
{
    ngx_str_t  v;

    v.len = s->len;
    v.data = s->data;

    return v;
}


/* where a name was written, for errors found after the file was read */
typedef struct {
    ngx_str_t    file;
    ngx_uint_t   line;
} ngx_http_ai_place_t;


#pragma GCC visibility push(hidden)


/* an ai_pool_t over an nginx pool */
void ngx_http_ai_pool(ai_pool_t *p, ngx_pool_t *pool);

/* remembers where the configuration is being read */
void ngx_http_ai_place(ngx_conf_t *cf, ngx_http_ai_place_t *place);

/* [emerg], and [warn], with file:line of place */
void ngx_http_ai_conf_error(ngx_conf_t *cf, ngx_http_ai_place_t *place,
    const char *fmt, ...);
void ngx_http_ai_conf_warn(ngx_conf_t *cf, ngx_http_ai_place_t *place,
    const char *fmt, ...);

/*
 * The nearest of n names to what was written, for "did you mean"; NULL when
 * nothing is near (edit distance above a third of the length).
 */
ngx_str_t *ngx_http_ai_nearest(ngx_str_t *written, ngx_str_t **names,
    ngx_uint_t n);

/*
 * ", did you mean \"NAME\"?" when a name is near, else an empty string: the
 * end of an error message, to be used at once.
 */
ngx_str_t ngx_http_ai_hint(ngx_conf_t *cf, ngx_str_t *written,
    ngx_str_t **names, ngx_uint_t n);

/* letters, digits, "_", "-" and "."; not empty: names of blocks */
ngx_int_t ngx_http_ai_is_name(ngx_str_t *s);

/* "m", or "m*": one that is empty or has "*" elsewhere is refused, [emerg] */
ngx_int_t ngx_http_ai_model_pattern(ngx_conf_t *cf, ngx_str_t *s);

/* a plain number from 0 to 2^53, no suffix; NGX_ERROR */
int64_t ngx_http_ai_number(ngx_str_t *s);

/*
 * A secret: "file:PATH" (read now, trailing newline stripped, relative to the
 * configuration's prefix), "env:NAME", or the text itself, which gets a
 * [warn].
 * The value is owned by cf->pool and must never be logged.
 */
char *ngx_http_ai_secret(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *secret);

/* the same for texts of several lines, such as keys in PEM */
char *ngx_http_ai_secret_text(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *secret);

/*
 * A file of the configuration as a whole, at most max bytes: *name is made its
 * full path.  The text is of cf->temp_pool.  NGX_ERROR: said with [emerg].
 */
ngx_int_t ngx_http_ai_conf_file(ngx_conf_t *cf, ngx_str_t *name, size_t max,
    ngx_str_t *text);

/* the variables' text of a complex value without surrounding blanks */
ngx_int_t ngx_http_ai_compile(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv);

/*
 * Runs a "{ ... }" block whose lines are handled by a small table, which ends
 * with an empty name.  Every unknown name gets "did you mean"; "include" works
 * as everywhere.  A setter gets object + offset, and all words of the line:
 * n of them, the name is value[0].  What it returns other than NGX_CONF_OK
 * and NGX_CONF_ERROR is printed after the name.
 */
typedef struct {
    ngx_str_t    name;
    ngx_uint_t   min;               /* arguments */
    ngx_uint_t   max;
    char      *(*set)(ngx_conf_t *cf, void *object, ngx_str_t *value,
                     ngx_uint_t n);
    ngx_uint_t   offset;
} ngx_http_ai_block_t;

#define NGX_HTTP_AI_BLOCK_MANY   1000       /* for max: a list */

char *ngx_http_ai_block(ngx_conf_t *cf, const ngx_http_ai_block_t *table,
    void *object);

/* generic setters for block tables; "is duplicate" on a second time */
char *ngx_http_ai_block_msec(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n);
char *ngx_http_ai_block_flag(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n);
char *ngx_http_ai_block_str(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n);
char *ngx_http_ai_block_num(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n);

/* the same as ngx_http_complex_value(), which asks for a variable twice: here
 * one that stands alone is asked for once */
ngx_int_t ngx_http_ai_value(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv, ngx_str_t *value);

/* the first request header of this name, in lower case, or NULL */
ngx_table_elt_t *ngx_http_ai_header_in(ngx_http_request_t *r,
    ngx_str_t *name);

/* a CR, LF, NUL or another control character in it? */
ngx_int_t ngx_http_ai_has_ctl(ngx_str_t *s);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_UTIL_H */
