
/*
 * The file of keys that were made, in the folder of "state=":
 *
 *     keys         lines, see ai_made.h; one that changes a key is added at
 *                  the end, and all are written anew once most of them are of
 *                  no use any more
 *     keys.lock    flock()ed by who writes
 *
 * A line without its end is one that is being written, or that somebody has
 * begun who was killed: nobody reads it, and the next who writes cuts it off.
 *
 * Workers look at the file when a counter in the zone has changed; those of
 * another master, which has another zone, see it by a look twice a second.
 */

#include <auth/ngx_http_ai_made_int.h>

#include <sys/file.h>


#define NGX_HTTP_AI_MADE_LOOK    500        /* ms */
#define NGX_HTTP_AI_MADE_MAX     (1024 * 1024 * 1024)
#define NGX_HTTP_AI_MADE_TRIES   50         /* for the lock, 2 ms each */


static ngx_uint_t ngx_http_ai_made_is(const ngx_file_info_t *fi, ino_t ino,
    off_t size, const struct timespec *mtime);
static ngx_int_t ngx_http_ai_made_read(ngx_http_ai_made_t *made, int fd,
    ngx_file_info_t *fi, ngx_log_t *log);
static ngx_int_t ngx_http_ai_made_more(ngx_http_ai_made_t *made,
    ai_made_t *table, int fd, off_t *offset, off_t size, ngx_uint_t level,
    ngx_log_t *log);
static ngx_int_t ngx_http_ai_made_write(int fd, const ngx_str_t *name,
    ai_buf_t *b, ngx_log_t *log);
static ngx_int_t ngx_http_ai_made_anew(ngx_http_ai_made_t *made,
    ngx_log_t *log);
static void ngx_http_ai_made_sync_dir(ngx_http_ai_made_t *made,
    ngx_log_t *log);


ngx_int_t
ngx_http_ai_made_follow(ngx_http_ai_made_t *made, ngx_uint_t now,
    ngx_log_t *log)
{
    int                fd;
    ngx_int_t          rc;
    ngx_file_info_t    fi;
    ngx_atomic_uint_t  changes;

    changes = made->sh ? made->sh->changes : 0;

    if (!now && changes == made->changes
        && ngx_current_msec - made->looked < NGX_HTTP_AI_MADE_LOOK)
    {
        return NGX_OK;
    }

    made->changes = changes;
    made->looked = ngx_current_msec;

    if (ngx_file_info(made->path.data, &fi) != NGX_FILE_ERROR) {

        if (ngx_http_ai_made_is(&fi, made->ino, made->offset, &made->mtime)) {
            return NGX_OK;
        }

        if (ngx_http_ai_made_is(&fi, made->bad_ino, made->bad_size,
                                &made->bad_mtime))
        {
            return NGX_ERROR;
        }
    }

    fd = open((char *) made->path.data, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {

        if (ngx_errno == NGX_ENOENT && made->ino == 0) {
            return NGX_OK;
        }

        if (!made->absent) {
            made->absent = 1;
            ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                          "ai: could not open \"%V\", the keys that are known "
                          "go on", &made->path);
        }

        return ngx_errno == NGX_ENOENT ? NGX_OK : NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (fstat(fd, &fi) == 0) {
        rc = ngx_http_ai_made_read(made, fd, &fi, log);
    }

    made->absent = 0;
    made->bad_ino = 0;

    if (rc == NGX_DECLINED) {
        made->bad_ino = fi.st_ino;
        made->bad_size = fi.st_size;
        made->bad_mtime = fi.st_mtim;
    }

    (void) close(fd);

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


static ngx_uint_t
ngx_http_ai_made_is(const ngx_file_info_t *fi, ino_t ino, off_t size,
    const struct timespec *mtime)
{
    return fi->st_ino == ino && fi->st_size == size
           && fi->st_mtim.tv_sec == mtime->tv_sec
           && fi->st_mtim.tv_nsec == mtime->tv_nsec;
}


/* what is new; or all of it, if it is another file or does not go on as it was
 * known.  NGX_DECLINED: it is damaged */

static ngx_int_t
ngx_http_ai_made_read(ngx_http_ai_made_t *made, int fd, ngx_file_info_t *fi,
    ngx_log_t *log)
{
    off_t       offset;
    ngx_int_t   rc;
    ai_made_t  *table;

    if (fi->st_ino == made->ino && fi->st_size > made->offset
        && ngx_http_ai_made_more(made, made->table, fd, &made->offset,
                                 fi->st_size, NGX_LOG_INFO, log)
           == NGX_OK)
    {
        made->mtime = fi->st_mtim;
        return NGX_OK;
    }

    table = ai_made_create(&made->pool, &made->peppers, made->redis != NULL);
    if (table == NULL) {
        return NGX_ERROR;
    }

    offset = 0;

    rc = ngx_http_ai_made_more(made, table, fd, &offset, fi->st_size,
                               made->running ? NGX_LOG_CRIT : NGX_LOG_EMERG,
                               log);

    if (rc != NGX_OK) {
        ai_made_free(table);
        return rc;
    }

    if (made->table) {
        ai_made_free(made->table);
    }

    made->table = table;
    made->ino = fi->st_ino;
    made->offset = offset;
    made->mtime = fi->st_mtim;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_made_more(ngx_http_ai_made_t *made, ai_made_t *table, int fd,
    off_t *offset, off_t size, ngx_uint_t level, ngx_log_t *log)
{
    size_t           used;
    ssize_t          n;
    ai_int_t         rc;
    ai_str_t         text;
    ai_key_error_t   err;

    if (size == *offset) {
        return NGX_OK;
    }

    if (size - *offset > NGX_HTTP_AI_MADE_MAX) {
        ngx_log_error(level, log, 0, "ai: \"%V\" is too large", &made->path);
        return NGX_ERROR;
    }

    text.len = (size_t) (size - *offset);
    text.data = ngx_alloc(text.len, log);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    n = pread(fd, text.data, text.len, *offset);

    if (n == -1) {
        ngx_log_error(level, log, ngx_errno, "ai: could not read \"%V\"",
                      &made->path);
        ngx_free(text.data);
        return NGX_ERROR;
    }

    text.len = (size_t) n;

    rc = ai_made_read(table, &text, &used, &err);

    *offset += (off_t) used;

    ngx_free(text.data);

    if (rc != AI_OK) {
        ngx_log_error(level, log, 0, "ai: %s in %V:%ui", err.text, &made->path,
                      (ngx_uint_t) err.line);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ai_made_begin(ngx_http_ai_made_t *made, ngx_log_t *log)
{
    int         fd;
    ngx_uint_t  i;

    fd = open((char *) made->lock.data, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "ai: could not open \"%V\"", &made->lock);
        return NGX_ERROR;
    }

    for (i = 0; flock(fd, LOCK_EX|LOCK_NB) == -1; i++) {

        if (i == NGX_HTTP_AI_MADE_TRIES) {
            (void) close(fd);
            return NGX_BUSY;
        }

        ngx_msleep(2);
    }

    made->lock_fd = fd;

    if (ngx_http_ai_made_follow(made, 1, log) != NGX_OK) {
        ngx_http_ai_made_end(made);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_ai_made_end(ngx_http_ai_made_t *made)
{
    (void) close(made->lock_fd);
}


ngx_int_t
ngx_http_ai_made_append(ngx_http_ai_made_t *made, ai_buf_t *lines,
    ngx_log_t *log)
{
    int              fd;
    ngx_int_t        rc;
    ngx_uint_t       fresh;
    ngx_file_info_t  fi;

    fresh = 0;
    fd = open((char *) made->path.data, O_RDWR|O_APPEND|O_CLOEXEC);

    if (fd == -1 && ngx_errno == NGX_ENOENT) {

        /* taken away, or never there: what is known comes first */

        if (made->table->n && ngx_http_ai_made_anew(made, log) != NGX_OK) {
            return NGX_ERROR;
        }

        fresh = 1;
        fd = open((char *) made->path.data,
                  O_RDWR|O_APPEND|O_CREAT|O_CLOEXEC, 0600);
    }

    if (fd == -1 || fstat(fd, &fi) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "ai: could not open \"%V\"", &made->path);
        rc = NGX_ERROR;
        goto done;
    }

    if (made->ino == 0) {
        made->ino = fi.st_ino;
    }

    if (made->ino != fi.st_ino) {
        ngx_log_error(NGX_LOG_CRIT, log, 0, "ai: \"%V\" was exchanged",
                      &made->path);
        rc = NGX_ERROR;
        goto done;
    }

    /* what somebody has begun */

    if (fi.st_size > made->offset && ftruncate(fd, made->offset) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "ai: could not truncate \"%V\"", &made->path);
        rc = NGX_ERROR;
        goto done;
    }

    rc = ngx_http_ai_made_write(fd, &made->path, lines, log);

    if (rc == NGX_DECLINED) {

        /* it is not a line without its end */

        if (ftruncate(fd, made->offset) == -1) {
            ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                          "ai: could not truncate \"%V\"", &made->path);
        }
    }

    if (fresh) {
        ngx_http_ai_made_sync_dir(made, log);
    }

    if (ngx_http_ai_made_follow(made, 1, log) != NGX_OK) {
        rc = NGX_ERROR;
    }

    (void) ngx_atomic_fetch_add(&made->sh->changes, 1);

    if (rc == NGX_OK
        && made->table->lines > 2 * made->table->n + 1000)
    {
        (void) ngx_http_ai_made_anew(made, log);
    }

done:

    if (fd != -1) {
        (void) close(fd);
    }

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* NGX_DECLINED: not all of it; NGX_ERROR: it may be lost if the machine is */

static ngx_int_t
ngx_http_ai_made_write(int fd, const ngx_str_t *name, ai_buf_t *b,
    ngx_log_t *log)
{
    size_t   size;
    ssize_t  n;
    u_char  *p;

    p = b->start;
    size = ai_buf_len(b);

    while (size) {
        n = write(fd, p, size);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                          "ai: write() to \"%V\" failed", name);
            return NGX_DECLINED;
        }

        p += n;
        size -= n;
    }

    if (fsync(fd) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "ai: fsync() of \"%V\" failed", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the whole table as another file, which takes the place of the old one */

static ngx_int_t
ngx_http_ai_made_anew(ngx_http_ai_made_t *made, ngx_log_t *log)
{
    int              fd;
    ai_buf_t         b;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    ai_buf_init(&b, &made->pool);
    ai_made_all(&b, made->table);

    fd = -1;
    rc = NGX_ERROR;

    if (b.failed) {
        goto done;
    }

    fd = open((char *) made->temp.data, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC,
              0600);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "ai: could not create \"%V\"", &made->temp);
        goto done;
    }

    rc = ngx_http_ai_made_write(fd, &made->temp, &b, log);

    if (rc != NGX_OK) {
        goto done;
    }

    if (fstat(fd, &fi) == -1) {
        rc = NGX_ERROR;
        goto done;
    }

    if (ngx_rename_file(made->temp.data, made->path.data) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "ai: could not rename \"%V\"", &made->temp);
        rc = NGX_ERROR;
        goto done;
    }

    ngx_http_ai_made_sync_dir(made, log);

    made->ino = fi.st_ino;
    made->offset = fi.st_size;
    made->mtime = fi.st_mtim;
    made->table->lines = made->table->n + 1 + made->table->shared;

    (void) ngx_atomic_fetch_add(&made->sh->changes, 1);

done:

    if (fd != -1) {
        (void) close(fd);

        if (rc != NGX_OK) {
            (void) ngx_delete_file(made->temp.data);
        }
    }

    ai_pfree(&made->pool, b.start);

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_ai_made_sync_dir(ngx_http_ai_made_t *made, ngx_log_t *log)
{
    int  fd;

    fd = open((char *) made->conf->spend.dir->name.data, O_RDONLY|O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "ai: fsync() of \"%V\" failed",
                      &made->conf->spend.dir->name);
    }

    if (fd != -1) {
        (void) close(fd);
    }
}
