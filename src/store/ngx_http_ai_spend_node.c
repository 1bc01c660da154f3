
/*
 * The name of a node among those that share a Redis: a random number in a file
 * of the folder of state=, as long as that is there.
 */

#include <store/ngx_http_ai_spend_int.h>

#include <sys/random.h>


#define NGX_HTTP_AI_SPEND_NODE_LEN  32


static ngx_int_t ngx_http_ai_spend_node_read(u_char *name, u_char *node,
    ngx_log_t *log);
static ngx_int_t ngx_http_ai_spend_node_make(u_char *name, u_char *node,
    ngx_log_t *log);


ngx_int_t
ngx_http_ai_spend_node(ngx_http_ai_spend_main_conf_t *conf, ngx_log_t *log)
{
    u_char     name[NGX_MAX_PATH];
    ngx_int_t  rc;

    if (conf->redis == NULL || ngx_test_config) {
        return NGX_OK;
    }

    (void) ngx_snprintf(name, sizeof(name), "%V/node%Z", &conf->dir->name);
    name[sizeof(name) - 1] = '\0';

    rc = ngx_http_ai_spend_node_read(name, conf->node, log);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_ai_spend_node_make(name, conf->node, log);
    }

    return rc;
}


/* NGX_DECLINED: there is none */

static ngx_int_t
ngx_http_ai_spend_node_read(u_char *name, u_char *node, ngx_log_t *log)
{
    int      fd;
    ssize_t  n, i;

    fd = open((char *) name, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "ai: could not open \"%s\"", name);
        return NGX_ERROR;
    }

    n = read(fd, node, NGX_HTTP_AI_SPEND_NODE_LEN);

    (void) close(fd);

    for (i = 0; i < n; i++) {
        if (!((node[i] >= '0' && node[i] <= '9')
              || (node[i] >= 'a' && node[i] <= 'f')))
        {
            break;
        }
    }

    if (n != NGX_HTTP_AI_SPEND_NODE_LEN || i != n) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "ai: \"%s\" does not hold the name of a node; without "
                      "it this node is a new one, and what it has used counts "
                      "twice", name);
        return NGX_ERROR;
    }

    node[n] = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_ai_spend_node_make(u_char *name, u_char *node, ngx_log_t *log)
{
    int      fd;
    u_char   bytes[NGX_HTTP_AI_SPEND_NODE_LEN / 2], *p;
    ssize_t  n;
    u_char   temp[NGX_MAX_PATH + 1];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "ai: getrandom() failed");
        return NGX_ERROR;
    }

    p = ngx_hex_dump(node, bytes, sizeof(bytes));
    *p = '\0';

    /* whole, or not there */

    (void) ngx_sprintf(temp, "%s~%Z", name);

    fd = open((char *) temp, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644);
    n = -1;

    if (fd != -1) {
        n = write(fd, node, NGX_HTTP_AI_SPEND_NODE_LEN);

        if (fsync(fd) == -1) {
            n = -1;
        }

        (void) close(fd);
    }

    if (n != NGX_HTTP_AI_SPEND_NODE_LEN
        || rename((char *) temp, (char *) name) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "ai: could not write \"%s\"", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}
