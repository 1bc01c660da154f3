
/*
 * The house-keeping of spend: one worker at a time writes snapshots, settles
 * what workers that died had begun, and follows other masters.
 */

#include <store/ngx_http_ai_spend_int.h>

#include <signal.h>


#define NGX_HTTP_AI_SPEND_TICK    250       /* ms */
#define NGX_HTTP_AI_SPEND_LEASE   2000      /* without a sign of the leader */
#define NGX_HTTP_AI_SPEND_SAVE    2000      /* between snapshots */
#define NGX_HTTP_AI_SPEND_AGE     60000     /* between ageings */
#define NGX_HTTP_AI_SPEND_LOOK    1000      /* between looks at others */

/* an owner: the low bits are its pid (Linux has 22 at most), the others the
 * time its process was started at */
#define NGX_HTTP_AI_SPEND_PID     22


static void ngx_http_ai_spend_tick(ngx_event_t *ev);
static ngx_uint_t ngx_http_ai_spend_leads(ngx_http_ai_main_conf_t *amcf);
static void ngx_http_ai_spend_work(ngx_http_ai_main_conf_t *amcf,
    ngx_log_t *log);
static void ngx_http_ai_spend_bury(ngx_http_ai_main_conf_t *amcf);
static void ngx_http_ai_spend_age(ngx_http_ai_main_conf_t *amcf);
static int64_t ngx_http_ai_spend_started(ngx_pid_t pid);


static ngx_event_t       ngx_http_ai_spend_event;
static ngx_connection_t  ngx_http_ai_spend_dummy;
static int64_t           ngx_http_ai_spend_self;
static ngx_msec_t        ngx_http_ai_spend_saved;
static ngx_msec_t        ngx_http_ai_spend_looked;
static ngx_msec_t        ngx_http_ai_spend_aged;


ngx_int_t
ngx_http_ai_spend_init_process(ngx_cycle_t *cycle)
{
    ngx_event_t              *ev;
    ngx_http_ai_main_conf_t  *amcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);

    if (amcf == NULL || amcf->spend.sh == NULL) {
        return NGX_OK;
    }

    ngx_http_ai_spend_self = (ngx_http_ai_spend_started(ngx_pid)
                              << NGX_HTTP_AI_SPEND_PID) | ngx_pid;

    ev = &ngx_http_ai_spend_event;

    ngx_memzero(ev, sizeof(ngx_event_t));

    ngx_http_ai_spend_dummy.fd = (ngx_socket_t) -1;
    ngx_http_ai_spend_dummy.data = amcf;

    ev->handler = ngx_http_ai_spend_tick;
    ev->data = &ngx_http_ai_spend_dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_AI_SPEND_TICK);

    return NGX_OK;
}


int64_t
ngx_http_ai_spend_owner(void)
{
    return ngx_http_ai_spend_self;
}


static void
ngx_http_ai_spend_tick(ngx_event_t *ev)
{
    ngx_http_ai_main_conf_t  *amcf;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    amcf = ngx_http_ai_spend_dummy.data;

    if (ngx_http_ai_spend_leads(amcf)) {
        ngx_http_ai_spend_work(amcf, ev->log);
    }

    ngx_add_timer(ev, NGX_HTTP_AI_SPEND_TICK);
}


/* clocks that only go on are the same in all processes of a machine */

static ngx_uint_t
ngx_http_ai_spend_leads(ngx_http_ai_main_conf_t *amcf)
{
    ngx_uint_t               leads;
    ngx_http_ai_spend_sh_t  *sh;

    sh = amcf->spend.sh;

    ngx_http_ai_spend_lock(amcf);

    leads = (sh->leader == ngx_http_ai_spend_self
             || ngx_current_msec - sh->led > NGX_HTTP_AI_SPEND_LEASE);

    if (leads) {
        sh->leader = ngx_http_ai_spend_self;
        sh->led = ngx_current_msec;
    }

    ngx_http_ai_spend_unlock(amcf);

    return leads;
}


static void
ngx_http_ai_spend_work(ngx_http_ai_main_conf_t *amcf, ngx_log_t *log)
{
    ngx_msec_t  now;

    now = ngx_current_msec;

    if (now - ngx_http_ai_spend_looked >= NGX_HTTP_AI_SPEND_LOOK) {
        ngx_http_ai_spend_looked = now;

        ngx_http_ai_spend_bury(amcf);
        ngx_http_ai_spend_follow(amcf, log);
    }

    if (now - ngx_http_ai_spend_aged >= NGX_HTTP_AI_SPEND_AGE) {
        ngx_http_ai_spend_aged = now;
        ngx_http_ai_spend_age(amcf);
    }

    if (now - ngx_http_ai_spend_saved >= NGX_HTTP_AI_SPEND_SAVE
        && ngx_http_ai_spend_may_pack()
        && ai_ledger_head(amcf->spend.ledger) != amcf->spend.sh->saved)
    {
        ngx_http_ai_spend_saved = now;
        (void) ngx_http_ai_spend_save(amcf, log);
    }

    ngx_http_ai_totals_share_tick(amcf);
}


/* tickets of workers that are gone */

static void
ngx_http_ai_spend_bury(ngx_http_ai_main_conf_t *amcf)
{
    int64_t       alive;
    ai_ledger_t  *l;
    ai_ticket_t  *t;

    l = amcf->spend.ledger;
    alive = ngx_http_ai_spend_self;

    ngx_http_ai_spend_lock(amcf);

    for (t = ai_ledger_next(l, NULL); t; t = ai_ledger_next(l, t)) {

        if (t->owner == ngx_http_ai_spend_self || t->owner == alive) {
            continue;
        }

        if (ngx_http_ai_spend_is_alive(t->owner)) {
            alive = t->owner;
            continue;
        }

        ngx_http_ai_spend_adopt(amcf, t, 1);
    }

    ngx_http_ai_spend_unlock(amcf);
}


ngx_uint_t
ngx_http_ai_spend_is_alive(int64_t owner)
{
    ngx_pid_t  pid;

    pid = (ngx_pid_t) (owner & ((1 << NGX_HTTP_AI_SPEND_PID) - 1));

    if (kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 0;
    }

    return ngx_http_ai_spend_started(pid) == owner >> NGX_HTTP_AI_SPEND_PID;
}


/* field 22 of proc(5)'s stat: clock ticks since the machine was started; the
 * second one is a name in parentheses, whatever is in it */

static int64_t
ngx_http_ai_spend_started(ngx_pid_t pid)
{
    int         fd;
    char       *p;
    ssize_t     n;
    ngx_uint_t  i;
    char        path[sizeof("/proc//stat") + NGX_INT64_LEN], buf[1024];

    (void) ngx_sprintf((u_char *) path, "/proc/%P/stat%Z", pid);

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return 0;
    }

    n = read(fd, buf, sizeof(buf) - 1);

    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    buf[n] = '\0';
    p = strrchr(buf, ')');

    /* dead, but for its parent that has not looked yet */

    if (p && (ngx_strncmp(p, ") Z", 3) == 0 || ngx_strncmp(p, ") X", 3) == 0))
    {
        return 0;
    }

    for (i = 0; p && i < 20; i++) {
        p = strchr(p + 1, ' ');
    }

    return p ? strtoll(p + 1, NULL, 10) : 0;
}


/* in steps: nobody waits for the lock for long */

static void
ngx_http_ai_spend_age(ngx_http_ai_main_conf_t *amcf)
{
    ai_int_t    rc;
    ai_pool_t   pool;
    ngx_uint_t  n;

    if (amcf->spend.sh->totals == NULL) {
        return;
    }

    ngx_http_ai_zone_pool(amcf->spend.zone, &pool);

    for (n = 0; n < 64; n++) {
        ngx_http_ai_spend_lock(amcf);
        rc = ai_totals_age(amcf->spend.sh->totals, &pool,
                           ai_ledger_redo(amcf->spend.ledger), ngx_time(),
                           amcf->spend.retain);
        ngx_http_ai_spend_unlock(amcf);

        if (rc != AI_AGAIN) {
            break;
        }
    }
}


void
ngx_http_ai_spend_exit_master(ngx_cycle_t *cycle)
{
    ngx_http_ai_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ai_gateway_module);

    if (amcf == NULL || amcf->spend.sh == NULL || ngx_test_config) {
        return;
    }

    ngx_http_ai_spend_bury(amcf);
    ngx_http_ai_spend_follow(amcf, cycle->log);
    (void) ngx_http_ai_spend_save(amcf, cycle->log);

    ngx_http_ai_share_exit_master(amcf);
}


#if (NGX_HTTP_AI_ABORT)

void
ngx_http_ai_spend_step(const ngx_http_ai_main_conf_t *amcf, const char *name)
{
    int      fd;
    ssize_t  n;
    char     path[NGX_MAX_PATH], text[64];

    (void) ngx_snprintf((u_char *) path, sizeof(path), "%V/abort%Z",
                        &amcf->spend.dir->name);

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    n = read(fd, text, sizeof(text) - 1);

    (void) close(fd);

    text[n > 0 ? n : 0] = '\0';

    if (ngx_strcmp(text, name) == 0 && unlink(path) == 0) {
        (void) kill(ngx_pid, SIGKILL);
    }
}

#endif
