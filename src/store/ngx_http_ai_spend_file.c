
/*
 * The files of spend: the ledger of this master, those of others, and the
 * snapshot.
 *
 *     ledger.ID    one a master, locked (flock) as long as one of its
 *                  processes lives
 *     snapshot     all sums, and how far they go in which ledger
 *     snapshot.old the one before, for the case that it is damaged
 *     lock         of the master that writes snapshots
 *
 * A ledger that nobody locks is of a master that is gone: what its requests
 * had reserved is settled with what they are known to have used, and once both
 * snapshots have all of it the file is removed.
 *
 * A ledger belongs to one ai_zone: their lock is the same.  A reload that
 * makes the zone anew begins another ledger, with all that the old workers'
 * zone has; the old workers go on with theirs, and it is followed as if it
 * were another master's.
 */

#include <store/ngx_http_ai_spend_int.h>

#include <sys/file.h>


#define NGX_HTTP_AI_SPEND_TICKETS   16384
#define NGX_HTTP_AI_SPEND_RECORDS   32768
#define NGX_HTTP_AI_SPEND_OTHERS    16
#define NGX_HTTP_AI_SPEND_NAME      (sizeof("/ledger.") + 32)
#define NGX_HTTP_AI_SPEND_SLICE     64      /* records under one lock */

/* records that stay although a snapshot has them, as long as there is room:
 * for other masters, and for the snapshot before */
#define NGX_HTTP_AI_SPEND_KEEP      (NGX_HTTP_AI_SPEND_RECORDS / 2)

/* a snapshot that could not be written is not tried again for so long, ms,
 * and the next one not before so many times what this one took */
#define NGX_HTTP_AI_SPEND_RETRY     1000
#define NGX_HTTP_AI_SPEND_PACE      50

#define AI_PACK_MARK  0x316b726d            /* id, number of a record */
#define AI_PACK_OPEN  0x316e706f            /* a scope of a ticket that is
                                               open */


/* a ledger of another master */
typedef struct {
    ngx_str_t                  name;
    int                        fd;
    void                      *base;
    size_t                     size;
    ai_ledger_t               *ledger;
    unsigned                   dead:1;      /* and to be closed here */
} ngx_http_ai_spend_other_t;


typedef struct {
    ngx_uint_t                 bury;        /* those that are dead */
    ngx_uint_t                 n;
    ngx_http_ai_spend_other_t  other[NGX_HTTP_AI_SPEND_OTHERS];
} ngx_http_ai_spend_others_t;


/* one that this process maps, and locks */
typedef struct {
    int                        fd;
    void                      *base;
    size_t                     size;
    u_char                    *name;        /* of the file */
    size_t                     dir;         /* bytes of the folder's in it */
    ai_ledger_t               *ledger;      /* NULL: none */
} ngx_http_ai_spend_own_t;


static ngx_uint_t ngx_http_ai_spend_is_of(const ngx_http_ai_spend_own_t *own,
    const ngx_http_ai_spend_sh_t *sh);
static ngx_int_t ngx_http_ai_spend_create(ngx_http_ai_spend_own_t *own,
    ngx_http_ai_spend_main_conf_t *conf, ngx_log_t *log);
static ngx_uint_t ngx_http_ai_spend_is_blank(const void *base, size_t size);
static void ngx_http_ai_spend_drop(ngx_http_ai_spend_own_t *own);
static void ngx_http_ai_spend_exchange(ngx_http_ai_main_conf_t *amcf);
static ngx_int_t ngx_http_ai_spend_put(ngx_http_ai_main_conf_t *amcf,
    ngx_log_t *log);
static ngx_int_t ngx_http_ai_spend_refused(
    ngx_http_ai_spend_main_conf_t *conf, ngx_log_t *log);
static ngx_str_t ngx_http_ai_spend_name(
    const ngx_http_ai_spend_main_conf_t *conf, ngx_pool_t *pool,
    const char *name);
static void ngx_http_ai_spend_load(ngx_http_ai_main_conf_t *amcf,
    ngx_log_t *log);
static ngx_int_t ngx_http_ai_spend_read(ngx_http_ai_main_conf_t *amcf,
    const char *file, ai_str_t *in, ngx_log_t *log);
static size_t ngx_http_ai_spend_damage(ai_str_t in);
static void ngx_http_ai_spend_load_chunk(ngx_http_ai_main_conf_t *amcf,
    ai_unpack_t *u);
static void ngx_http_ai_spend_load_open(ngx_http_ai_main_conf_t *amcf,
    ai_unpack_t *u);
static void ngx_http_ai_spend_prepare(ai_buf_t *b);
static void ngx_http_ai_spend_pace(uint64_t from, ngx_int_t rc);
static void ngx_http_ai_spend_pack(ngx_http_ai_main_conf_t *amcf,
    ai_buf_t *b);
static void ngx_http_ai_spend_pack_mark(ai_buf_t *b, const ai_char_t *id,
    int64_t applied);
static void ngx_http_ai_spend_pack_open(ai_buf_t *b, const ai_ticket_t *t);
static ngx_int_t ngx_http_ai_spend_write(ngx_http_ai_main_conf_t *amcf,
    ai_buf_t *b, ngx_str_t *temp, ngx_pool_t *pool);
static ngx_int_t ngx_http_ai_spend_flush(int fd, ai_buf_t *b,
    const ngx_str_t *name, ngx_log_t *log);
static ngx_int_t ngx_http_ai_spend_publish(ngx_http_ai_main_conf_t *amcf,
    ngx_str_t *temp, int64_t head, ngx_pool_t *pool);
static ngx_int_t ngx_http_ai_spend_others(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_spend_others_t *others, ngx_pool_t *pool, ngx_log_t *log);
static ngx_int_t ngx_http_ai_spend_other(ngx_http_ai_spend_other_t *o,
    ngx_uint_t bury, ngx_log_t *log);
static void ngx_http_ai_spend_close(ngx_http_ai_spend_others_t *others);
static void ngx_http_ai_spend_catch_up(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_spend_other_t *o, ngx_log_t *log);
static void ngx_http_ai_spend_replay(ngx_http_ai_main_conf_t *amcf,
    const ai_record_t *rec);
static void ngx_http_ai_spend_inherit(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_spend_other_t *o);
static ngx_uint_t ngx_http_ai_spend_may_save(ngx_http_ai_main_conf_t *amcf,
    ngx_log_t *log);
static ngx_uint_t ngx_http_ai_spend_has(const ai_ledger_t *l, uint64_t id);
static void ngx_http_ai_spend_prune(ngx_http_ai_main_conf_t *amcf,
    ngx_pool_t *pool);


/* of this process, and those it is forked into; the second one is that of a
 * configuration that may still be refused */
static ngx_http_ai_spend_own_t  ngx_http_ai_spend_own;
static ngx_http_ai_spend_own_t  ngx_http_ai_spend_next;
static int                      ngx_http_ai_spend_lock_fd = -1;

/* of this process: when the next snapshot may be, by ngx_current_msec */
static ngx_msec_t               ngx_http_ai_spend_next_save;
static ngx_uint_t               ngx_http_ai_spend_failed;

/* bytes of the one before */
static size_t                   ngx_http_ai_spend_size;


ngx_int_t
ngx_http_ai_spend_map(void *data, ngx_log_t *log)
{
    ngx_http_ai_spend_main_conf_t  *conf = data;

    ngx_http_ai_spend_own_t  *own;

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (ngx_http_ai_spend_node(conf, log) != NGX_OK) {
        return NGX_ERROR;
    }

    own = &ngx_http_ai_spend_own;

    if (own->ledger
        && (own->dir != conf->dir->name.len
            || ngx_memcmp(own->name, conf->dir->name.data, own->dir) != 0))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "ai: \"state=\" cannot be changed by a reload: stop "
                      "nginx, move the folder to \"%V\", start nginx",
                      &conf->dir->name);
        return NGX_ERROR;
    }

    if (ngx_http_ai_spend_is_of(own, conf->sh)) {
        conf->ledger = own->ledger;
        return NGX_OK;
    }

    own = &ngx_http_ai_spend_next;

    if (!ngx_http_ai_spend_is_of(own, conf->sh)) {

        if (own->ledger) {
            (void) unlink((char *) own->name);
            ngx_http_ai_spend_drop(own);
        }

        if (ngx_http_ai_spend_refused(conf, log) != NGX_OK
            || ngx_http_ai_spend_create(own, conf, log) != NGX_OK)
        {
            return NGX_ERROR;
        }

        /* the sums of a zone are those of one ledger, and the marks in it */

        ngx_memzero(conf->sh, sizeof(ngx_http_ai_spend_sh_t));
        ngx_memcpy(conf->sh->id, ai_ledger_id(own->ledger), 16);
    }

    conf->ledger = own->ledger;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_ai_spend_is_of(const ngx_http_ai_spend_own_t *own,
    const ngx_http_ai_spend_sh_t *sh)
{
    return own->ledger && ngx_memcmp(ai_ledger_id(own->ledger), sh->id, 16)
                          == 0;
}


static ngx_int_t
ngx_http_ai_spend_create(ngx_http_ai_spend_own_t *own,
    ngx_http_ai_spend_main_conf_t *conf, ngx_log_t *log)
{
    int          fd, rc;
    void        *base;
    size_t       size;
    u_char       id[16], hex[33], *name;
    uint64_t     part;
    ngx_uint_t   i;
    struct stat  st;

    for (i = 0; i < 4; i++) {
        part = (uint64_t) ngx_random() ^ ((uint64_t) ngx_pid << 13)
               ^ (uint64_t) ngx_http_ai_now() * 0x9e3779b97f4a7c15ULL;
        ngx_memcpy(id + 4 * i, &part, 4);
    }

    *ngx_hex_dump(hex, id, 16) = '\0';

    name = ngx_alloc(conf->dir->name.len + NGX_HTTP_AI_SPEND_NAME, log);
    if (name == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(name, "%V/ledger.%s%Z", &conf->dir->name, hex);

    size = ai_ledger_size(NGX_HTTP_AI_SPEND_TICKETS,
                          NGX_HTTP_AI_SPEND_RECORDS);
    base = MAP_FAILED;

    fd = open((char *) name, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "ai: could not create \"%s\"", name);
        goto failed;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "ai: flock() of \"%s\" failed", name);
        goto failed;
    }

    /* workers of another master will read it: it is whose the folder is */

    if (stat((char *) conf->dir->name.data, &st) == 0
        && fchown(fd, st.st_uid, st.st_gid) == -1)
    {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "ai: fchown() of \"%s\" failed", name);
    }

    /* room on the disk now, and no SIGBUS later */

    rc = posix_fallocate(fd, 0, (off_t) size);

    if (rc) {
        ngx_log_error(NGX_LOG_EMERG, log, rc,
                      "ai: no room for the %uzM of \"%s\"", size >> 20, name);
        goto failed;
    }

    base = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (base == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "ai: mmap() of \"%s\" failed", name);
        goto failed;
    }

    own->fd = fd;
    own->base = base;
    own->size = size;
    own->name = name;
    own->dir = conf->dir->name.len;
    own->ledger = ai_ledger_create(base, NGX_HTTP_AI_SPEND_TICKETS,
                                   NGX_HTTP_AI_SPEND_RECORDS, id);

    return NGX_OK;

failed:

    if (fd != -1) {
        (void) unlink((char *) name);
        (void) close(fd);
    }

    ngx_free(name);

    return NGX_ERROR;
}


/* the file stays locked as long as another process has it */

static void
ngx_http_ai_spend_drop(ngx_http_ai_spend_own_t *own)
{
    if (own->ledger == NULL) {
        return;
    }

    (void) munmap(own->base, own->size);
    (void) close(own->fd);
    ngx_free(own->name);

    ngx_memzero(own, sizeof(ngx_http_ai_spend_own_t));
}


/* the configuration holds: what belongs to the old one only is the old
 * workers' */

static void
ngx_http_ai_spend_exchange(ngx_http_ai_main_conf_t *amcf)
{
    if (amcf->spend.sh
        && amcf->spend.ledger == ngx_http_ai_spend_own.ledger)
    {
        return;
    }

    /* in a single process requests of the old configuration are here */

    if (ngx_process != NGX_PROCESS_SINGLE) {
        ngx_http_ai_spend_drop(&ngx_http_ai_spend_own);
    }

    ngx_http_ai_spend_own = ngx_http_ai_spend_next;
    ngx_memzero(&ngx_http_ai_spend_next, sizeof(ngx_http_ai_spend_own_t));
}


/* the module is unloaded: by a reload without it */

static void __attribute__((destructor))
ngx_http_ai_spend_unload(void)
{
    ngx_http_ai_spend_drop(&ngx_http_ai_spend_own);
    ngx_http_ai_spend_drop(&ngx_http_ai_spend_next);

    if (ngx_http_ai_spend_lock_fd != -1) {
        (void) close(ngx_http_ai_spend_lock_fd);
        ngx_http_ai_spend_lock_fd = -1;
    }
}


/* files of another version: nothing of theirs may be lost */

static ngx_int_t
ngx_http_ai_spend_refused(ngx_http_ai_spend_main_conf_t *conf, ngx_log_t *log)
{
    int          fd;
    void        *base;
    DIR         *dir;
    char         path[NGX_MAX_PATH];
    ngx_int_t    rc;
    const char  *why;
    struct stat  st;

    struct dirent  *entry;

    dir = opendir((char *) conf->dir->name.data);

    if (dir == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "ai: could not read the folder \"%V\"",
                      &conf->dir->name);
        return NGX_ERROR;
    }

    rc = NGX_OK;

    while (rc == NGX_OK && (entry = readdir(dir)) != NULL) {

        if (ngx_strncmp(entry->d_name, "ledger.", 7) != 0) {
            continue;
        }

        (void) ngx_snprintf((u_char *) path, sizeof(path), "%V/%s%Z",
                            &conf->dir->name, entry->d_name);

        fd = open(path, O_RDONLY|O_CLOEXEC);

        if (fd == -1 || fstat(fd, &st) == -1 || st.st_size == 0) {
            if (fd != -1) {
                (void) close(fd);
            }

            continue;
        }

        base = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        (void) close(fd);

        if (base == MAP_FAILED) {
            continue;
        }

        if (ai_ledger_open(base, (size_t) st.st_size, &why) == NULL
            && !ngx_http_ai_spend_is_blank(base, (size_t) st.st_size))
        {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "ai: \"%s\" cannot be read: %s; move it away to "
                          "start without what is in it", path, why);
            rc = NGX_ERROR;
        }

        (void) munmap(base, (size_t) st.st_size);
    }

    (void) closedir(dir);

    return rc;
}


ngx_int_t
ngx_http_ai_spend_init_module(ngx_cycle_t *cycle,
    ngx_http_ai_main_conf_t *amcf)
{
    ai_pool_t                 pool;
    ngx_http_ai_main_conf_t  *old;
    ngx_http_ai_spend_sh_t   *sh;

    sh = amcf->spend.sh;

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (sh == NULL) {
        ngx_http_ai_spend_exchange(amcf);
        return NGX_OK;
    }

    /* what the old workers have until now; the rest is in their ledger */

    old = ngx_http_ai_spend_old(cycle);

    if (old && old->spend.sh && !sh->loaded) {
        (void) ngx_http_ai_spend_put(old, cycle->log);
    }

    ngx_http_ai_spend_lock(amcf);

    if (sh->totals == NULL) {
        ngx_http_ai_zone_pool(amcf->spend.zone, &pool);
        sh->totals = ai_totals_create(&pool);

        if (sh->totals == NULL) {
            ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                          "ai: ai_zone \"%V\" has no room for totals",
                          &amcf->spend.zone->shm.name);
        }
    }

    if (!sh->loaded) {
        sh->loaded = 1;
        ngx_http_ai_spend_load(amcf, cycle->log);
    }

    ngx_http_ai_spend_unlock(amcf);

    ngx_http_ai_totals_share_init_module(amcf);

    ngx_http_ai_spend_follow(amcf, cycle->log);

    ngx_http_ai_spend_exchange(amcf);
    ngx_http_ai_spend_renewed(cycle, amcf);

    return NGX_OK;
}


/* somebody was killed before it was formatted */

static ngx_uint_t
ngx_http_ai_spend_is_blank(const void *base, size_t size)
{
    const u_char  *p;

    p = base;

    return p[0] == 0 && ngx_memcmp(p, p + 1, size - 1) == 0;
}


/* the configuration before; NULL: there is none, or not of this module */

ngx_http_ai_main_conf_t *
ngx_http_ai_spend_old(ngx_cycle_t *cycle)
{
    ngx_uint_t    i;
    ngx_cycle_t  *old;

    old = cycle->old_cycle;

    if (old == NULL || ngx_is_init_cycle(old)) {
        return NULL;
    }

    for (i = 0; old->modules[i]; i++) {
        if (old->modules[i] == &ngx_http_ai_gateway_module) {
            return ngx_http_cycle_get_module_main_conf(old,
                                                  ngx_http_ai_gateway_module);
        }
    }

    return NULL;
}


static ngx_str_t
ngx_http_ai_spend_name(const ngx_http_ai_spend_main_conf_t *conf,
    ngx_pool_t *pool, const char *name)
{
    ngx_str_t  path;

    path.len = 0;
    path.data = ngx_pnalloc(pool, conf->dir->name.len + ngx_strlen(name) + 2);

    if (path.data) {
        path.len = ngx_sprintf(path.data, "%V/%s%Z", &conf->dir->name, name)
                   - path.data - 1;
    }

    return path;
}


/*
 * The snapshot; under the lock, before anybody counts.  A damaged one is not
 * used if the one before is there: it only needs more of the ledgers.
 */

static void
ngx_http_ai_spend_load(ngx_http_ai_main_conf_t *amcf, ngx_log_t *log)
{
    size_t       bad;
    ai_str_t     in, file, older;
    ngx_int_t    rc;
    ai_unpack_t  u;

    older.len = 0;
    older.data = NULL;

    rc = ngx_http_ai_spend_read(amcf, "snapshot", &file, log);
    bad = (rc == NGX_OK) ? ngx_http_ai_spend_damage(file) : 0;

    if (rc != NGX_OK || bad) {

        if (ngx_http_ai_spend_read(amcf, "snapshot.old", &older, log)
            == NGX_OK
            && (rc != NGX_OK || ngx_http_ai_spend_damage(older) == 0))
        {
            ngx_log_error(NGX_LOG_ALERT, log, 0,
                          "ai: \"%V/snapshot\" is damaged or gone, the one "
                          "before is used", &amcf->spend.dir->name);
            in = file;
            file = older;
            older = in;

        } else if (rc == NGX_OK) {
            ngx_log_error(NGX_LOG_ALERT, log, 0,
                          "ai: \"%V/snapshot\" is damaged %uz bytes before "
                          "its end, what is behind is not known",
                          &amcf->spend.dir->name, bad);

        } else if (rc == NGX_ERROR) {
            ngx_log_error(NGX_LOG_ALERT, log, 0,
                          "ai: \"%V/snapshot\" is empty, what was spent "
                          "before is not known", &amcf->spend.dir->name);
        }
    }

    in = file;

    while (ai_unpack(&in, &u) == AI_OK) {
        ngx_http_ai_spend_load_chunk(amcf, &u);
    }

    ngx_http_ai_spend_size = file.len;

    if (file.len) {
        (void) munmap(file.data, file.len);
    }

    if (older.len) {
        (void) munmap(older.data, older.len);
    }
}


/* NGX_DECLINED: there is none; NGX_ERROR: nothing is in it */

static ngx_int_t
ngx_http_ai_spend_read(ngx_http_ai_main_conf_t *amcf, const char *file,
    ai_str_t *in, ngx_log_t *log)
{
    int          fd;
    void        *base;
    char         path[NGX_MAX_PATH];
    ngx_int_t    rc;
    struct stat  st;

    in->len = 0;
    in->data = NULL;

    (void) ngx_snprintf((u_char *) path, sizeof(path), "%V/%s%Z",
                        &amcf->spend.dir->name, file);

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "ai: could not open \"%s\"", path);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        base = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

        if (base == MAP_FAILED) {
            ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                          "ai: mmap() of \"%s\" failed", path);

        } else {
            in->data = base;
            in->len = (size_t) st.st_size;
            rc = NGX_OK;
        }
    }

    (void) close(fd);

    return rc;
}


/* bytes from the first damage to the end; 0: there is none */

static size_t
ngx_http_ai_spend_damage(ai_str_t in)
{
    ai_int_t     rc;
    ai_unpack_t  u;

    do {
        rc = ai_unpack(&in, &u);
    } while (rc == AI_OK);

    return rc == AI_DONE ? 0 : ngx_max(in.len, 1);
}


static void
ngx_http_ai_spend_load_chunk(ngx_http_ai_main_conf_t *amcf, ai_unpack_t *u)
{
    ai_str_t           id;
    ai_pool_t          pool;
    ai_ledger_mark_t  *mark;

    switch (u->type) {

    case AI_PACK_MARK:
        id = ai_unpack_str(u);

        if (id.len != 16) {
            return;
        }

        mark = ai_ledger_mark(amcf->spend.ledger, id.data);

        if (mark) {
            mark->applied = ai_unpack_int(u);
        }

        return;

    case AI_PACK_OPEN:
        ngx_http_ai_spend_load_open(amcf, u);
        return;

    default:
        ngx_http_ai_zone_pool(amcf->spend.zone, &pool);

        if (amcf->spend.sh->totals
            && ai_totals_load(amcf->spend.sh->totals, &pool, u)
               != AI_DECLINED)
        {
            return;
        }

        if (amcf->spend.hooks) {
            amcf->spend.hooks->load(amcf, u);
        }
    }
}


/* what was reserved then is in the ledger's ticket, or used since */

static void
ngx_http_ai_spend_load_open(ngx_http_ai_main_conf_t *amcf, ai_unpack_t *u)
{
    ai_redo_t          *redo;
    ai_amounts_t        nothing;
    ai_ledger_scope_t   scope;

    scope.counter = (uint64_t) ai_unpack_int(u);
    scope.zone = (uint32_t) ai_unpack_int(u);
    scope.unit = (uint32_t) ai_unpack_int(u);
    scope.window = ai_unpack_int(u);
    scope.reserve = ai_unpack_int(u);

    if (u->failed || amcf->spend.hooks == NULL) {
        return;
    }

    ngx_memzero(&nothing, sizeof(ai_amounts_t));
    redo = ai_ledger_redo(amcf->spend.ledger);

    ai_redo_begin(redo);
    (void) amcf->spend.hooks->settle(amcf, &scope, scope.reserve, &nothing,
                                     redo);
    ai_redo_commit(redo);
}


ngx_int_t
ngx_http_ai_spend_save(ngx_http_ai_main_conf_t *amcf, ngx_log_t *log)
{
    if (!ngx_http_ai_spend_may_save(amcf, log)) {
        return NGX_DECLINED;
    }

    return ngx_http_ai_spend_put(amcf, log);
}


static ngx_int_t
ngx_http_ai_spend_put(ngx_http_ai_main_conf_t *amcf, ngx_log_t *log)
{
    int64_t      head;
    ai_buf_t     b;
    uint64_t     from;
    ai_pool_t    ap;
    ngx_int_t    rc;
    ngx_str_t    temp;
    ngx_pool_t  *pool;

    from = ngx_http_ai_now();

    pool = ngx_create_pool(16384, log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    ngx_http_ai_pool(&ap, pool);
    ai_buf_init(&b, &ap);

    ngx_http_ai_spend_prepare(&b);

    ngx_http_ai_spend_lock(amcf);
    head = ai_ledger_head(amcf->spend.ledger);
    ngx_http_ai_spend_pack(amcf, &b);
    ngx_http_ai_spend_unlock(amcf);

    rc = ngx_http_ai_spend_write(amcf, &b, &temp, pool);

    if (rc == NGX_OK) {
        ngx_http_ai_spend_lock(amcf);
        rc = ngx_http_ai_spend_publish(amcf, &temp, head, pool);
        ngx_http_ai_spend_unlock(amcf);
    }

    ngx_destroy_pool(pool);

    ngx_http_ai_spend_pace(from, rc);

    return rc;
}


/* memory is found, and its pages, while others may go on */

static void
ngx_http_ai_spend_prepare(ai_buf_t *b)
{
    size_t  size;

    size = ngx_http_ai_spend_size + ngx_http_ai_spend_size / 8;

    if (size && ai_buf_reserve(b, size) == AI_OK) {
        ngx_memzero(b->last, size);
    }
}


/* all wait for the one who packs: that is to be a small part of the time, and
 * what could not be written a moment ago cannot be now */

static void
ngx_http_ai_spend_pace(uint64_t from, ngx_int_t rc)
{
    uint64_t  took;

    took = (ngx_http_ai_now() - from) / 1000;        /* ms */

    ngx_http_ai_spend_failed = (rc != NGX_OK);
    ngx_http_ai_spend_next_save = ngx_current_msec
        + ngx_max((ngx_msec_t) took * NGX_HTTP_AI_SPEND_PACE,
                  NGX_HTTP_AI_SPEND_RETRY);
}


ngx_uint_t
ngx_http_ai_spend_may_pack(void)
{
    return (ngx_msec_int_t) (ngx_current_msec - ngx_http_ai_spend_next_save)
           >= 0;
}


void
ngx_http_ai_spend_make_room(ngx_http_ai_main_conf_t *amcf)
{
    int64_t       head;
    ai_buf_t      b;
    uint64_t      from;
    ai_pool_t     ap;
    ngx_int_t     rc;
    ngx_str_t     temp;
    ngx_pool_t   *pool;
    ai_ledger_t  *l;

    l = amcf->spend.ledger;

    if (ai_ledger_tail(l) < amcf->spend.sh->saved) {
        ai_ledger_trim(l, amcf->spend.sh->saved);
        return;
    }

    if (ngx_http_ai_spend_failed && !ngx_http_ai_spend_may_pack()) {
        return;
    }

    from = ngx_http_ai_now();

    pool = ngx_create_pool(16384, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    ngx_http_ai_pool(&ap, pool);
    ai_buf_init(&b, &ap);

    head = ai_ledger_head(l);
    ngx_http_ai_spend_pack(amcf, &b);

    rc = ngx_http_ai_spend_write(amcf, &b, &temp, pool);

    if (rc == NGX_OK) {
        rc = ngx_http_ai_spend_publish(amcf, &temp, head, pool);
    }

    if (rc == NGX_OK) {
        ai_ledger_trim(l, head);
    }

    ngx_destroy_pool(pool);

    ngx_http_ai_spend_pace(from, rc);
}


static void
ngx_http_ai_spend_pack(ngx_http_ai_main_conf_t *amcf, ai_buf_t *b)
{
    ngx_uint_t         i;
    ai_ledger_t       *l;
    ai_ticket_t       *t;
    ai_ledger_mark_t  *mark;

    l = amcf->spend.ledger;

    ngx_http_ai_spend_pack_mark(b, ai_ledger_id(l), ai_ledger_head(l) - 1);

    mark = ai_ledger_marks(l);

    for (i = 0; i < AI_LEDGER_MARKS; i++) {
        if (mark[i].used) {
            ngx_http_ai_spend_pack_mark(b, mark[i].id, mark[i].applied);
        }
    }

    if (amcf->spend.sh->totals) {
        ai_totals_save(amcf->spend.sh->totals, b);
    }

    if (amcf->spend.hooks == NULL) {
        return;
    }

    amcf->spend.hooks->save(amcf, b);

    for (t = ai_ledger_next(l, NULL); t; t = ai_ledger_next(l, t)) {
        ngx_http_ai_spend_pack_open(b, t);
    }

    ngx_http_ai_spend_size = ai_buf_len(b);
}


static void
ngx_http_ai_spend_pack_mark(ai_buf_t *b, const ai_char_t *id, int64_t applied)
{
    size_t    mark;
    ai_str_t  s;

    s.len = 16;
    s.data = (ai_char_t *) id;

    mark = ai_pack_begin(b, AI_PACK_MARK);
    ai_pack_str(b, &s);
    ai_pack_int(b, applied);
    ai_pack_end(b, mark);
}


static void
ngx_http_ai_spend_pack_open(ai_buf_t *b, const ai_ticket_t *t)
{
    size_t      mark;
    ngx_uint_t  i;

    for (i = 0; i < t->nscopes; i++) {
        mark = ai_pack_begin(b, AI_PACK_OPEN);

        ai_pack_int(b, (int64_t) t->scope[i].counter);
        ai_pack_int(b, t->scope[i].zone);
        ai_pack_int(b, t->scope[i].unit);
        ai_pack_int(b, t->scope[i].window);
        ai_pack_int(b, t->scope[i].reserve);

        ai_pack_end(b, mark);
    }
}


/* to a file of this process' own */

static ngx_int_t
ngx_http_ai_spend_write(ngx_http_ai_main_conf_t *amcf, ai_buf_t *b,
    ngx_str_t *temp, ngx_pool_t *pool)
{
    int        fd;
    ngx_int_t  rc;
    u_char     name[sizeof("snapshot.") + NGX_INT64_LEN];

    if (b->failed) {
        return NGX_ERROR;
    }

    ngx_sprintf(name, "snapshot.%P%Z", ngx_pid);
    *temp = ngx_http_ai_spend_name(&amcf->spend, pool, (char *) name);

    if (temp->data == NULL) {
        return NGX_ERROR;
    }

    fd = open((char *) temp->data, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ALERT, pool->log, ngx_errno,
                      "ai: could not create \"%V\"", temp);
        return NGX_ERROR;
    }

    rc = ngx_http_ai_spend_flush(fd, b, temp, pool->log);

    if (close(fd) == -1 && rc == NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, pool->log, ngx_errno,
                      "ai: close() of \"%V\" failed", temp);
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        (void) unlink((char *) temp->data);
    }

    return rc;
}


static ngx_int_t
ngx_http_ai_spend_flush(int fd, ai_buf_t *b, const ngx_str_t *name,
    ngx_log_t *log)
{
    size_t    size;
    ssize_t   n;
    u_char   *p;

    p = b->start;
    size = ai_buf_len(b);

    while (size) {
        n = write(fd, p, size);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                          "ai: write() to \"%V\" failed", name);
            return NGX_ERROR;
        }

        p += n;
        size -= n;
    }

    return NGX_OK;
}


/*
 * In one step for whoever reads it; under the lock.  Somebody who was stopped
 * for a while has nothing to tell any more.
 */

static ngx_int_t
ngx_http_ai_spend_publish(ngx_http_ai_main_conf_t *amcf, ngx_str_t *temp,
    int64_t head, ngx_pool_t *pool)
{
    ngx_str_t  name, older;

    if (head < amcf->spend.sh->saved) {
        (void) unlink((char *) temp->data);
        return NGX_OK;
    }

    name = ngx_http_ai_spend_name(&amcf->spend, pool, "snapshot");
    older = ngx_http_ai_spend_name(&amcf->spend, pool, "snapshot.old");

    if (name.data == NULL || older.data == NULL) {
        (void) unlink((char *) temp->data);
        return NGX_ERROR;
    }

    ngx_http_ai_spend_step(amcf, "snapshot-written");

    /* the first time there is none */

    (void) unlink((char *) older.data);

    if (link((char *) name.data, (char *) older.data) == -1
        && ngx_errno != NGX_ENOENT)
    {
        ngx_log_error(NGX_LOG_ALERT, pool->log, ngx_errno,
                      "ai: link() to \"%V\" failed", &older);
    }

    if (rename((char *) temp->data, (char *) name.data) == -1) {
        ngx_log_error(NGX_LOG_ALERT, pool->log, ngx_errno,
                      "ai: rename() to \"%V\" failed", &name);
        (void) unlink((char *) temp->data);
        return NGX_ERROR;
    }

    ngx_http_ai_spend_step(amcf, "snapshot-there");

    amcf->spend.sh->saved = head;
    ai_ledger_trim(amcf->spend.ledger, head - NGX_HTTP_AI_SPEND_KEEP);

    return NGX_OK;
}


/*
 * Brings the sums up to what other ledgers have.  Those of masters that are
 * gone are closed: first all that they had written, then what they had begun.
 */

void
ngx_http_ai_spend_follow(ngx_http_ai_main_conf_t *amcf, ngx_log_t *log)
{
    ngx_uint_t                   i, n;
    ngx_pool_t                  *pool;
    ngx_http_ai_spend_others_t  *others;

    pool = ngx_create_pool(4096, log);
    if (pool == NULL) {
        return;
    }

    others = ngx_pcalloc(pool, sizeof(ngx_http_ai_spend_others_t));

    if (others) {
        others->bury = ngx_http_ai_spend_may_save(amcf, log);
    }

    if (others == NULL
        || ngx_http_ai_spend_others(amcf, others, pool, log) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return;
    }

    for (i = 0; i < others->n; i++) {
        ngx_http_ai_spend_catch_up(amcf, &others->other[i], log);
    }

    for (i = 0, n = 0; i < others->n; i++) {
        if (others->other[i].dead) {
            ngx_http_ai_spend_inherit(amcf, &others->other[i]);
            n++;
        }
    }

    amcf->spend.sh->sole = (others->bury && n == others->n);

    /* both snapshots */

    if (n
        && ngx_http_ai_spend_save(amcf, log) == NGX_OK
        && ngx_http_ai_spend_save(amcf, log) == NGX_OK)
    {

        for (i = 0; i < others->n; i++) {

            if (others->other[i].dead) {
                (void) unlink((char *) others->other[i].name.data);
            }
        }
    }

    ngx_http_ai_spend_prune(amcf, pool);

    ngx_http_ai_spend_close(others);
    ngx_destroy_pool(pool);
}


static ngx_int_t
ngx_http_ai_spend_others(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_spend_others_t *others, ngx_pool_t *pool, ngx_log_t *log)
{
    DIR                        *dir;
    u_char                      own[33];
    struct dirent              *entry;
    ngx_http_ai_spend_other_t  *o;

    *ngx_hex_dump(own, (u_char *) ai_ledger_id(amcf->spend.ledger), 16) = '\0';

    dir = opendir((char *) amcf->spend.dir->name.data);

    if (dir == NULL) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "ai: could not read the folder \"%V\"",
                      &amcf->spend.dir->name);
        return NGX_ERROR;
    }

    while (others->n < NGX_HTTP_AI_SPEND_OTHERS
           && (entry = readdir(dir)) != NULL)
    {
        if (ngx_strncmp(entry->d_name, "ledger.", 7) != 0
            || ngx_strcmp(entry->d_name + 7, own) == 0)
        {
            continue;
        }

        o = &others->other[others->n];
        o->name = ngx_http_ai_spend_name(&amcf->spend, pool, entry->d_name);

        if (o->name.data
            && ngx_http_ai_spend_other(o, others->bury, log) == NGX_OK)
        {
            others->n++;
        }
    }

    (void) closedir(dir);

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_spend_other(ngx_http_ai_spend_other_t *o, ngx_uint_t bury,
    ngx_log_t *log)
{
    const char          *why;
    struct stat          st;
    ai_ledger_repair_t   done;

    o->fd = open((char *) o->name.data, O_RDWR|O_CLOEXEC);

    if (o->fd == -1) {
        return NGX_DECLINED;
    }

    o->dead = (bury && flock(o->fd, LOCK_EX|LOCK_NB) == 0);
    o->base = MAP_FAILED;

    /* one that is being made is locked before it has a size */

    if (fstat(o->fd, &st) == -1 || st.st_size == 0) {
        goto failed;
    }

    o->size = (size_t) st.st_size;
    o->base = mmap(NULL, o->size, PROT_READ|PROT_WRITE, MAP_SHARED, o->fd, 0);

    if (o->base == MAP_FAILED) {
        goto failed;
    }

    o->ledger = ai_ledger_open(o->base, o->size, &why);

    if (o->ledger == NULL) {

        if (o->dead && ngx_http_ai_spend_is_blank(o->base, o->size)) {
            (void) unlink((char *) o->name.data);

        } else if (o->dead) {
            ngx_log_error(NGX_LOG_ALERT, log, 0,
                          "ai: \"%V\" cannot be read: %s", &o->name, why);
        }

        goto failed;
    }

    if (o->dead) {
        ai_ledger_repair(o->ledger, &done);

        if (done.skipped) {
            ngx_log_error(NGX_LOG_ALERT, log, 0,
                          "ai: %uD entries of \"%V\" are damaged and were "
                          "left out", done.skipped, &o->name);
        }
    }

    return NGX_OK;

failed:

    if (o->base != MAP_FAILED) {
        (void) munmap(o->base, o->size);
    }

    (void) close(o->fd);

    return NGX_DECLINED;
}


static void
ngx_http_ai_spend_close(ngx_http_ai_spend_others_t *others)
{
    ngx_uint_t  i;

    for (i = 0; i < others->n; i++) {
        (void) munmap(others->other[i].base, others->other[i].size);
        (void) close(others->other[i].fd);
    }
}


/* records that are not in the sums yet */

static void
ngx_http_ai_spend_catch_up(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_spend_other_t *o, ngx_log_t *log)
{
    int64_t             seq, head, lost;
    ai_redo_t          *redo;
    ngx_uint_t          n;
    ai_ledger_mark_t   *mark;
    const ai_record_t  *rec;

    redo = ai_ledger_redo(amcf->spend.ledger);
    lost = 0;

    do {
        ngx_http_ai_spend_lock(amcf);

        mark = ai_ledger_mark(amcf->spend.ledger, ai_ledger_id(o->ledger));

        if (mark == NULL) {
            ngx_http_ai_spend_unlock(amcf);
            ngx_log_error(NGX_LOG_ALERT, log, 0,
                          "ai: too many ledgers in \"%V\"",
                          &amcf->spend.dir->name);
            o->dead = 0;
            return;
        }

        head = ai_ledger_head(o->ledger);

        if (mark->applied + 1 < ai_ledger_tail(o->ledger)) {
            lost += ai_ledger_tail(o->ledger) - mark->applied - 1;
            mark->applied = ai_ledger_tail(o->ledger) - 1;
        }

        for (n = 0; n < NGX_HTTP_AI_SPEND_SLICE; n++) {

            seq = mark->applied + 1;

            if (seq >= head) {
                break;
            }

            rec = ai_ledger_record(o->ledger, seq);

            ai_redo_begin(redo);

            if (rec) {
                ngx_http_ai_spend_replay(amcf, rec);
            }

            (void) ai_redo_set(redo, &mark->applied, seq);
            ai_redo_commit(redo);
        }

        ngx_http_ai_spend_unlock(amcf);

    } while (n == NGX_HTTP_AI_SPEND_SLICE);

    if (lost) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "ai: %L records of \"%V\" were overwritten before "
                      "they were counted", lost, &o->name);
    }
}


static void
ngx_http_ai_spend_replay(ngx_http_ai_main_conf_t *amcf,
    const ai_record_t *rec)
{
    ai_str_t                 text, dim[AI_DIM_MAX];
    ai_pool_t                pool;
    ai_ledger_scope_t        scope[AI_LEDGER_SCOPES];
    ngx_http_ai_spend_end_t  end;

    text.data = (ai_char_t *) rec->u.text;
    text.len = rec->nscopes;

    switch (rec->type) {

    case AI_RECORD_COUNTER:
        if (amcf->spend.hooks) {
            amcf->spend.hooks->define(amcf, rec->id, &text);
        }

        return;

    case AI_RECORD_SERIES:
        if (amcf->spend.sh->totals
            && ai_series_read(&text, dim) == AI_OK)
        {
            ngx_http_ai_zone_pool(amcf->spend.zone, &pool);
            (void) ai_totals_define(amcf->spend.sh->totals, &pool, rec->id,
                                    dim);
        }

        return;

    case AI_RECORD_FINAL:
        break;

    default:
        return;
    }

    /* what it had reserved was reserved elsewhere */

    ngx_memcpy(scope, rec->u.scope,
               rec->nscopes * sizeof(ai_ledger_scope_t));
    ngx_http_ai_spend_unreserved(scope, rec->nscopes);

    ngx_memzero(&end, sizeof(ngx_http_ai_spend_end_t));

    end.start = rec->start;
    end.series = rec->series;
    end.scope = scope;
    end.nscopes = rec->nscopes;
    end.amounts = rec->amounts;

    ngx_http_ai_spend_apply(amcf, &end);
}


/* requests of a dead master that had not ended */

static void
ngx_http_ai_spend_inherit(ngx_http_ai_main_conf_t *amcf,
    ngx_http_ai_spend_other_t *o)
{
    ai_ticket_t  *t, *next;

    for (t = ai_ledger_next(o->ledger, NULL); t; t = next) {

        next = ai_ledger_next(o->ledger, t);

        ngx_http_ai_spend_lock(amcf);

        /* somebody may have died after it had written the record */

        if (t->state == AI_TICKET_SENT
            && !ngx_http_ai_spend_has(amcf->spend.ledger, t->id))
        {
            ngx_http_ai_spend_adopt(amcf, t, 0);
        }

        t->state = AI_TICKET_FREE;

        ngx_http_ai_spend_unlock(amcf);
    }
}


/* nothing will come of ledgers that are not there any more */

static void
ngx_http_ai_spend_prune(ngx_http_ai_main_conf_t *amcf, ngx_pool_t *pool)
{
    u_char             name[sizeof("ledger.") + 32];
    ngx_str_t          path;
    ngx_uint_t         i;
    ai_ledger_mark_t  *mark;

    mark = ai_ledger_marks(amcf->spend.ledger);

    for (i = 0; i < AI_LEDGER_MARKS; i++) {

        if (!mark[i].used) {
            continue;
        }

        *ngx_hex_dump(ngx_cpymem(name, "ledger.", 7), mark[i].id, 16) = '\0';
        path = ngx_http_ai_spend_name(&amcf->spend, pool, (char *) name);

        if (path.data
            && access((char *) path.data, F_OK) == -1
            && ngx_errno == NGX_ENOENT)
        {
            ngx_http_ai_spend_lock(amcf);
            ai_ledger_unmark(amcf->spend.ledger, &mark[i]);
            ngx_http_ai_spend_unlock(amcf);
        }
    }
}


static ngx_uint_t
ngx_http_ai_spend_has(const ai_ledger_t *l, uint64_t id)
{
    int64_t             seq;
    const ai_record_t  *rec;

    for (seq = ai_ledger_tail(l); seq < ai_ledger_head(l); seq++) {
        rec = ai_ledger_record(l, seq);

        if (rec && rec->type == AI_RECORD_FINAL && rec->id == id) {
            return 1;
        }
    }

    return 0;
}


/*
 * Settled with what is known of it: the prompt, once a provider was called,
 * and the last that was noted of the answer.
 */

void
ngx_http_ai_spend_adopt(ngx_http_ai_main_conf_t *amcf, const ai_ticket_t *t,
    ngx_uint_t own)
{
    ai_ledger_scope_t        scope[AI_LEDGER_SCOPES];
    ngx_http_ai_spend_end_t  end;

    ngx_memzero(&end, sizeof(ngx_http_ai_spend_end_t));

    end.id = t->id;
    end.owner = t->owner;
    end.start = t->start;
    end.series = t->series;
    end.scope = t->scope;
    end.nscopes = t->nscopes;

    if (own) {
        end.ticket = (ai_ticket_t *) t;

        if (t->state == AI_TICKET_OPEN) {
            ngx_http_ai_spend_giveback(amcf, end.ticket);
            return;
        }

    } else {
        ngx_memcpy(scope, t->scope, sizeof(scope));
        ngx_http_ai_spend_unreserved(scope, t->nscopes);
        end.scope = scope;
    }

    end.amounts.requests = 1;
    end.amounts.failed = 1;
    end.amounts.estimated = 1;
    end.amounts.prompt = t->prompt;
    end.amounts.completion = t->completion;
    end.amounts.cost = t->cost;

    ngx_http_ai_spend_book(amcf, &end);
}


/* snapshots are written, and ledgers closed, by one master at a time */

static ngx_uint_t
ngx_http_ai_spend_may_save(ngx_http_ai_main_conf_t *amcf, ngx_log_t *log)
{
    ngx_str_t    name;
    ngx_pool_t  *pool;

    if (ngx_http_ai_spend_lock_fd == -1) {

        pool = ngx_create_pool(4096, log);
        if (pool == NULL) {
            return 0;
        }

        name = ngx_http_ai_spend_name(&amcf->spend, pool, "lock");

        if (name.data) {
            ngx_http_ai_spend_lock_fd = open((char *) name.data,
                                             O_RDWR|O_CREAT|O_CLOEXEC, 0600);
        }

        ngx_destroy_pool(pool);

        if (ngx_http_ai_spend_lock_fd == -1) {
            return 0;
        }
    }

    return flock(ngx_http_ai_spend_lock_fd, LOCK_EX|LOCK_NB) == 0;
}
