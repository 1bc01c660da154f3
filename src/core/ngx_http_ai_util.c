
/*
 * Small helpers of the glue.
 */

#include <core/ngx_http_ai.h>


#define NGX_HTTP_AI_SECRET_MAX   65536
#define NGX_HTTP_AI_NEAR_MAX     64         /* bytes of a name compared */


typedef struct {
    ngx_str_t                   name;       /* of the directive */
    const ngx_http_ai_block_t  *table;
    void                       *object;
} ngx_http_ai_block_ctx_t;


static void *ngx_http_ai_pool_alloc(void *data, size_t size);
static void ngx_http_ai_pool_free(void *data, void *p);
static void ngx_http_ai_conf_log(ngx_uint_t level, ngx_conf_t *cf,
    ngx_http_ai_place_t *place, const char *fmt, va_list args);
static ngx_uint_t ngx_http_ai_distance(ngx_str_t *a, ngx_str_t *b);
static char *ngx_http_ai_secret_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *secret);
static char *ngx_http_ai_secret_env(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *secret);
static char *ngx_http_ai_block_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_ai_block_unknown(ngx_conf_t *cf,
    ngx_http_ai_block_ctx_t *bc, ngx_str_t *name);


void
ngx_http_ai_pool(ai_pool_t *p, ngx_pool_t *pool)
{
    p->alloc = ngx_http_ai_pool_alloc;
    p->free = ngx_http_ai_pool_free;
    p->data = pool;
}


static void *
ngx_http_ai_pool_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static void
ngx_http_ai_pool_free(void *data, void *p)
{
    if (p) {
        (void) ngx_pfree(data, p);
    }
}


void
ngx_http_ai_place(ngx_conf_t *cf, ngx_http_ai_place_t *place)
{
    place->file = cf->conf_file->file.name;
    place->line = cf->conf_file->line;
}


static void
ngx_http_ai_conf_log(ngx_uint_t level, ngx_conf_t *cf,
    ngx_http_ai_place_t *place, const char *fmt, va_list args)
{
    u_char  errstr[NGX_MAX_CONF_ERRSTR], *p;

    p = ngx_vslprintf(errstr, errstr + NGX_MAX_CONF_ERRSTR, fmt, args);

    ngx_log_error(level, cf->log, 0, "%*s in %V:%ui",
                  (size_t) (p - errstr), errstr, &place->file, place->line);
}


void
ngx_http_ai_conf_error(ngx_conf_t *cf, ngx_http_ai_place_t *place,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_http_ai_conf_log(NGX_LOG_EMERG, cf, place, fmt, args);
    va_end(args);
}


void
ngx_http_ai_conf_warn(ngx_conf_t *cf, ngx_http_ai_place_t *place,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_http_ai_conf_log(NGX_LOG_WARN, cf, place, fmt, args);
    va_end(args);
}


ngx_str_t *
ngx_http_ai_nearest(ngx_str_t *written, ngx_str_t **names, ngx_uint_t n)
{
    size_t       len;
    ngx_str_t   *found;
    ngx_uint_t   i, d, best;

    found = NULL;
    best = NGX_MAX_UINT32_VALUE;

    for (i = 0; i < n; i++) {
        len = ngx_max(written->len, names[i]->len);

        if (written->len == 0 || len > NGX_HTTP_AI_NEAR_MAX) {
            continue;
        }

        d = ngx_http_ai_distance(written, names[i]);

        if (d * 3 <= len && d < best) {
            best = d;
            found = names[i];
        }
    }

    return found;
}


/*
 * Insertions, deletions, replacements and swaps of neighbours.  Case is not
 * a difference, so that "OpenAI" leads to "openai".
 */

static ngx_uint_t
ngx_http_ai_distance(ngx_str_t *a, ngx_str_t *b)
{
    u_char       ca, cb;
    ngx_uint_t   i, j, d, *row, *prev, *prev2, *tmp;
    ngx_uint_t   rows[3][NGX_HTTP_AI_NEAR_MAX + 1];

    prev2 = rows[0];
    prev = rows[1];
    row = rows[2];

    for (j = 0; j <= b->len; j++) {
        prev[j] = j;
        prev2[j] = 0;
    }

    for (i = 1; i <= a->len; i++) {
        row[0] = i;
        ca = ngx_tolower(a->data[i - 1]);

        for (j = 1; j <= b->len; j++) {
            cb = ngx_tolower(b->data[j - 1]);

            d = prev[j - 1] + (ca != cb);
            d = ngx_min(d, prev[j] + 1);
            d = ngx_min(d, row[j - 1] + 1);

            if (i > 1 && j > 1
                && ca == ngx_tolower(b->data[j - 2])
                && cb == ngx_tolower(a->data[i - 2]))
            {
                d = ngx_min(d, prev2[j - 2] + 1);
            }

            row[j] = d;
        }

        tmp = prev2;
        prev2 = prev;
        prev = row;
        row = tmp;
    }

    return prev[b->len];
}


ngx_str_t
ngx_http_ai_hint(ngx_conf_t *cf, ngx_str_t *written, ngx_str_t **names,
    ngx_uint_t n)
{
    ngx_str_t  hint, *near;

    ngx_str_null(&hint);

    near = ngx_http_ai_nearest(written, names, n);
    if (near == NULL) {
        return hint;
    }

    hint.data = ngx_pnalloc(cf->pool,
                            sizeof(", did you mean \"\"?") - 1 + near->len);
    if (hint.data == NULL) {
        return hint;
    }

    hint.len = ngx_sprintf(hint.data, ", did you mean \"%V\"?", near)
               - hint.data;

    return hint;
}


ngx_int_t
ngx_http_ai_is_name(ngx_str_t *s)
{
    u_char  *p, *last;

    last = s->data + s->len;

    for (p = s->data; p < last; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
            || (*p >= '0' && *p <= '9')
            || *p == '_' || *p == '-' || *p == '.')
        {
            continue;
        }

        return 0;
    }

    return s->len != 0;
}


int64_t
ngx_http_ai_number(ngx_str_t *s)
{
    int64_t   n;
    u_char   *p, *last;

    if (s->len == 0 || s->len > 15) {
        return NGX_ERROR;
    }

    n = 0;
    last = s->data + s->len;

    for (p = s->data; p < last; p++) {
        if (*p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        n = n * 10 + (*p - '0');
    }

    return n;
}


ngx_int_t
ngx_http_ai_has_ctl(ngx_str_t *s)
{
    u_char  *p, *last;

    last = s->data + s->len;

    for (p = s->data; p < last; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            return 1;
        }
    }

    return 0;
}


/* no message of this function shows a byte of the secret */

char *
ngx_http_ai_secret(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *secret)
{
    char       *rv;
    ngx_str_t  *args;

    args = cf->args->elts;

    rv = ngx_http_ai_secret_text(cf, value, secret);

    if (rv == NGX_CONF_OK && ngx_http_ai_has_ctl(secret)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" contains a control character", &args[0]);
        return NGX_CONF_ERROR;
    }

    return rv;
}


char *
ngx_http_ai_secret_text(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *secret)
{
    char       *rv;
    ngx_str_t  *args, name;

    args = cf->args->elts;
    name = *value;

    if (ngx_strncmp(name.data, "file:", 5) == 0) {
        name.data += 5;
        name.len -= 5;
        rv = ngx_http_ai_secret_file(cf, &name, secret);

    } else if (ngx_strncmp(name.data, "env:", 4) == 0) {
        name.data += 4;
        name.len -= 4;
        rv = ngx_http_ai_secret_env(cf, &name, secret);

    } else if (name.len && name.data[0] == '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" does not support variables", &args[0]);
        return NGX_CONF_ERROR;

    } else if (name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is empty", &args[0]);
        return NGX_CONF_ERROR;

    } else {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" is in plain text in the configuration, "
                           "use \"file:PATH\" or \"env:NAME\"", &args[0]);
        *secret = name;
        rv = NGX_CONF_OK;
    }

    return rv;
}


ngx_int_t
ngx_http_ai_model_pattern(ngx_conf_t *cf, ngx_str_t *s)
{
    u_char  *star, *last;

    last = s->data + s->len;
    star = ngx_strlchr(s->data, last, '*');

    if (s->len == 0 || (star && star != last - 1)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid model name \"%V\", "
                           "\"*\" may only be its last character", s);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_conf_file(ngx_conf_t *cf, ngx_str_t *name, size_t max,
    ngx_str_t *text)
{
    off_t            size;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    if (name->len == 0 || ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid file name");
        return NGX_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        goto failed;
    }

    size = ngx_file_size(&fi);

    if (!ngx_is_file(&fi) || size == 0 || size > (off_t) max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no file, is empty, or is larger than "
                           "%uz bytes", name, max);
        goto failed;
    }

    text->len = (size_t) size;
    text->data = ngx_pnalloc(cf->temp_pool, text->len);
    if (text->data == NULL) {
        goto failed;
    }

    n = ngx_read_fd(fd, text->data, text->len);

    if (n < 0 || (size_t) n != text->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n < 0 ? ngx_errno : 0,
                           ngx_read_fd_n " \"%V\" failed", name);
        goto failed;
    }

    (void) ngx_close_file(fd);

    return NGX_OK;

failed:

    (void) ngx_close_file(fd);

    return NGX_ERROR;
}


static char *
ngx_http_ai_secret_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *secret)
{
    u_char     *p, *last;
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_str_t   file;

    file = *name;

    if (file.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "no path after \"file:\"");
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &file);
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, NGX_HTTP_AI_SECRET_MAX);
    if (p == NULL) {
        (void) ngx_close_file(fd);
        return NGX_CONF_ERROR;
    }

    last = p;

    do {
        n = ngx_read_fd(fd, last, p + NGX_HTTP_AI_SECRET_MAX - last);

        if (n == -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_read_fd_n " \"%V\" failed", &file);
            (void) ngx_close_file(fd);
            return NGX_CONF_ERROR;
        }

        last += n;

    } while (n > 0 && last < p + NGX_HTTP_AI_SECRET_MAX);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &file);
    }

    if (last == p + NGX_HTTP_AI_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "file \"%V\" is too large for a secret", &file);
        return NGX_CONF_ERROR;
    }

    while (last > p && (last[-1] == LF || last[-1] == CR)) {
        last--;
    }

    if (last == p) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "file \"%V\" is empty",
                           &file);
        return NGX_CONF_ERROR;
    }

    secret->data = p;
    secret->len = last - p;

    return NGX_CONF_OK;
}


static char *
ngx_http_ai_secret_env(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *secret)
{
    char    *cstr;
    u_char  *p;
    size_t   len;

    cstr = name->len ? getenv((char *) name->data) : NULL;

    if (cstr == NULL || *cstr == '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "environment variable \"%V\" is %s", name,
                           cstr ? "empty" : "not set");
        return NGX_CONF_ERROR;
    }

    /* the environment is moved when the process title is set */

    len = ngx_strlen(cstr);

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(p, cstr, len);

    secret->data = p;
    secret->len = len;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_ai_compile(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv)
{
    ngx_str_t                          text;
    ngx_http_compile_complex_value_t   ccv;

    text = *value;

    while (text.len && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }

    while (text.len && (text.data[text.len - 1] == ' '
                        || text.data[text.len - 1] == '\t'))
    {
        text.len--;
    }

    *cv = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*cv == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &text;
    ccv.complex_value = *cv;

    return ngx_http_compile_complex_value(&ccv);
}


char *
ngx_http_ai_block(ngx_conf_t *cf, const ngx_http_ai_block_t *table,
    void *object)
{
    char                     *rv;
    ngx_str_t                *value;
    ngx_conf_t                save;
    ngx_http_ai_block_ctx_t   bc;

    /* cf->args are overwritten by the block's own lines */

    value = cf->args->elts;

    bc.name = value[0];
    bc.table = table;
    bc.object = object;

    save = *cf;
    cf->handler = ngx_http_ai_block_line;
    cf->handler_conf = (void *) &bc;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_http_ai_block_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_ai_block_ctx_t *bc = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_uint_t                  n;
    const ngx_http_ai_block_t  *row;

    value = cf->args->elts;
    n = cf->args->nelts;

    if (n == 2 && ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (row = bc->table; row->name.len; row++) {

        if (row->name.len != value[0].len
            || ngx_strcmp(row->name.data, value[0].data) != 0)
        {
            continue;
        }

        if (n - 1 < row->min || n - 1 > row->max) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" "
                               "directive", &value[0]);
            return NGX_CONF_ERROR;
        }

        rv = row->set(cf, (u_char *) bc->object + row->offset, value, n);

        if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s",
                               &row->name, rv);
            return NGX_CONF_ERROR;
        }

        return rv;
    }

    return ngx_http_ai_block_unknown(cf, bc, &value[0]);
}


static char *
ngx_http_ai_block_unknown(ngx_conf_t *cf, ngx_http_ai_block_ctx_t *bc,
    ngx_str_t *name)
{
    ngx_str_t    hint, **names, *copy;
    ngx_uint_t   i, n;

    for (n = 0; bc->table[n].name.len; n++) { /* void */ }

    names = ngx_palloc(cf->pool, n * sizeof(ngx_str_t *));
    copy = ngx_palloc(cf->pool, n * sizeof(ngx_str_t));

    if (names == NULL || copy == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {
        copy[i] = bc->table[i].name;
        names[i] = &copy[i];
    }

    hint = ngx_http_ai_hint(cf, name, names, n);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in %V%V",
                       name, &bc->name, &hint);

    return NGX_CONF_ERROR;
}


char *
ngx_http_ai_block_msec(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_msec_t  *msp = object;

    if (*msp != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    *msp = ngx_parse_time(&value[1], 0);

    if (*msp == (ngx_msec_t) NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"%V\"",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_ai_block_flag(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_flag_t  *fp = object;

    if (*fp != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        *fp = 1;

    } else if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        *fp = 0;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", "
                           "it must be \"on\" or \"off\"",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_ai_block_str(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_str_t  *sp = object;

    if (sp->data) {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "is empty";
    }

    *sp = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_ai_block_num(ngx_conf_t *cf, void *object, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_int_t  *np = object;

    if (*np != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    *np = ngx_atoi(value[1].data, value[1].len);

    if (*np == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" in \"%V\"",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_ai_value(ngx_http_request_t *r, ngx_http_complex_value_t *cv,
    ngx_str_t *value)
{
    ngx_http_variable_value_t   *v;
    ngx_http_script_var_code_t  *code;

    code = cv->lengths;

    if (code == NULL
        || code->code != (ngx_http_script_code_pt) (void *)
                         ngx_http_script_copy_var_len_code
        || *(uintptr_t *) (code + 1) != (uintptr_t) NULL)
    {
        return ngx_http_complex_value(r, cv, value);
    }

    ngx_http_script_flush_complex_value(r, cv);

    v = ngx_http_get_indexed_variable(r, code->index);

    value->len = v && !v->not_found ? v->len : 0;

    value->data = ngx_pnalloc(r->pool, value->len);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    if (value->len) {
        ngx_memcpy(value->data, v->data, value->len);
    }

    return NGX_OK;
}


ngx_table_elt_t *
ngx_http_ai_header_in(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == name->len
                && ngx_strncmp(h[i].lowcase_key, name->data, name->len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}
