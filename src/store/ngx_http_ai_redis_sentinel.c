
/*
 * ai_redis with "sentinel": before a connection is tried, and none is up, the
 * sentinels are asked in turn which server is the master.
 */

#include <store/ngx_http_ai_redis_int.h>


static void ngx_http_ai_redis_ask_auth(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static void ngx_http_ai_redis_ask_reply(void *data,
    const ngx_http_ai_redis_reply_t *reply);
static ngx_int_t ngx_http_ai_redis_ask_master(ngx_http_ai_redis_t *rd,
    const ngx_http_ai_redis_reply_t *reply);


void
ngx_http_ai_redis_ask(ngx_http_ai_redis_t *rd)
{
    ngx_http_ai_redis_addr_t  *addrs;

    addrs = rd->addrs.elts;

    rd->ask->found = 0;

    ngx_http_ai_redis_link_connect(rd->ask, &addrs[rd->at]);
}


void
ngx_http_ai_redis_ask_greet(ngx_http_ai_redis_link_t *link)
{
    ngx_str_t             argv[3];
    ngx_msec_t            timeout;
    ngx_http_ai_redis_t  *rd;

    rd = link->rd;
    timeout = rd->connect_timeout + rd->timeout;

    if (rd->sentinel_password.len) {
        ngx_str_set(&argv[0], "AUTH");
        argv[1] = rd->sentinel_password;

        if (ngx_http_ai_redis_own(link, argv, 2, timeout,
                                  ngx_http_ai_redis_ask_auth)
            != NGX_OK)
        {
            goto failed;
        }
    }

    ngx_str_set(&argv[0], "SENTINEL");
    ngx_str_set(&argv[1], "get-master-addr-by-name");
    argv[2] = rd->sentinel;

    if (ngx_http_ai_redis_own(link, argv, 3, timeout,
                              ngx_http_ai_redis_ask_reply)
        == NGX_OK)
    {
        return;
    }

failed:

    ngx_http_ai_redis_link_fail(link, NGX_HTTP_AI_REDIS_R_MEMORY, NULL);
}


static void
ngx_http_ai_redis_ask_auth(void *data, const ngx_http_ai_redis_reply_t *reply)
{
    if (reply->rc == NGX_HTTP_AI_REDIS_ERROR) {
        ngx_http_ai_redis_link_fail(data, NGX_HTTP_AI_REDIS_R_AUTH,
                                    &reply->text);
    }
}


static void
ngx_http_ai_redis_ask_reply(void *data,
    const ngx_http_ai_redis_reply_t *reply)
{
    ngx_http_ai_redis_link_t  *link = data;

    if (reply->rc == NGX_HTTP_AI_REDIS_ERROR) {
        ngx_http_ai_redis_link_fail(link,
                                    ngx_http_ai_redis_is(&reply->text,
                                                         "NOAUTH")
                                    ? NGX_HTTP_AI_REDIS_R_AUTH
                                    : NGX_HTTP_AI_REDIS_R_MASTER,
                                    &reply->text);
        return;
    }

    if (reply->rc != NGX_HTTP_AI_REDIS_OK) {
        return;
    }

    link->found = (ngx_http_ai_redis_ask_master(link->rd, reply) == NGX_OK);

    ngx_http_ai_redis_link_fail(link, link->found
                                      ? NGX_HTTP_AI_REDIS_R_NONE
                                      : NGX_HTTP_AI_REDIS_R_MASTER, NULL);
}


/* address and port; names would have to be looked up, which waits */

static ngx_int_t
ngx_http_ai_redis_ask_master(ngx_http_ai_redis_t *rd,
    const ngx_http_ai_redis_reply_t *reply)
{
    u_char      addr[sizeof(struct in6_addr)];
    ngx_int_t   port;
    ngx_str_t  *host;

    if (reply->type != NGX_HTTP_AI_REDIS_LIST || reply->n != 2
        || reply->list[0].type != NGX_HTTP_AI_REDIS_STR
        || reply->list[1].type != NGX_HTTP_AI_REDIS_STR)
    {
        return NGX_ERROR;
    }

    host = &reply->list[0].text;
    port = ngx_atoi(reply->list[1].text.data, reply->list[1].text.len);

    if (host->len >= sizeof(rd->master_host) || port < 1 || port > 65535) {
        return NGX_ERROR;
    }

    *ngx_cpymem(rd->master_host, host->data, host->len) = '\0';

    if (inet_pton(AF_INET, (char *) rd->master_host, addr) != 1
        && inet_pton(AF_INET6, (char *) rd->master_host, addr) != 1)
    {
        (void) ngx_cpystrn(rd->ask->code,
                           (u_char *) "it gave a name, not an address",
                           sizeof(rd->ask->code));
        return NGX_ERROR;
    }

    rd->master.host = (char *) rd->master_host;
    rd->master.port = port;
    rd->master.text.data = rd->master_text;
    rd->master.text.len = ngx_snprintf(rd->master_text,
                                       sizeof(rd->master_text), "%s:%i",
                                       rd->master_host, port)
                          - rd->master_text;

    return NGX_OK;
}


/* its connection has ended */

void
ngx_http_ai_redis_ask_lost(ngx_http_ai_redis_link_t *link)
{
    ngx_http_ai_redis_t  *rd;

    rd = link->rd;

    if (link->found) {

        /* if that fails the answer was old: not at once again */

        rd->tried = rd->addrs.nelts;
        ngx_http_ai_redis_link_connect(rd->leader, &rd->master);
        return;
    }

    ngx_http_ai_redis_changed(rd, link);

    rd->at = (rd->at + 1) % rd->addrs.nelts;

    ngx_http_ai_redis_link_retry(rd->leader);
}
