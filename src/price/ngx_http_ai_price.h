
/*
 * ai_price_file, ai_price: the prices that requests are billed by.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_PRICE_H
#define NGX_HTTP_AI_PRICE_H


#include <price/ai_price.h>


typedef struct ngx_http_ai_unpriced_s  ngx_http_ai_unpriced_t;


typedef struct {
    ngx_str_t                  name;        /* of ai_price: "m", "m*",
                                               "provider/m" */
    ai_price_t                 price;
} ngx_http_ai_price_line_t;


typedef struct {
    ai_price_table_t          *table;       /* NULL: no ai_price_file */
    ngx_array_t               *lines;       /* ngx_http_ai_price_line_t */
    ngx_http_ai_unpriced_t    *unpriced;    /* in the zone */
    unsigned                   any:1;       /* a price is known of anything */
} ngx_http_ai_price_main_conf_t;


#pragma GCC visibility push(hidden)


/* setters of "ai_price_file", "ai_price" */
char *ngx_http_ai_price_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ai_price(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * A "price_in=2.5" of a provider's model line, in USD per million tokens:
 * param is all of it, for messages, name is "in", "out", "cached" or
 * "cache_write".  NGX_DECLINED: it is none of these; *price is made when it is
 * NULL.
 */
ngx_int_t ngx_http_ai_price_param(ngx_conf_t *cf, ai_price_t **price,
    ngx_str_t *param, ngx_str_t *name, ngx_str_t *value);

/* what is shared by workers; zone is the default one */
ngx_int_t ngx_http_ai_price_init_conf(ngx_http_ai_price_main_conf_t *conf,
    ngx_http_ai_zone_main_conf_t *zone);

/* the price of a model at a provider: that of its model line, of an ai_price,
 * of a file; NULL: unknown */
const ai_price_t *ngx_http_ai_price_get(
    const ngx_http_ai_price_main_conf_t *conf,
    const ngx_http_ai_provider_t *provider, const ai_price_t *own,
    ngx_str_t *model);

/* at->bill out of at->usage; warns once of a model without a price */
void ngx_http_ai_price_attempt(ngx_http_ai_attempt_t *at);

/* nano-USD as USD with nine decimals, at most NGX_HTTP_AI_PRICE_LEN bytes;
 * returns the end */
#define NGX_HTTP_AI_PRICE_LEN  (NGX_INT64_LEN + sizeof(".000000000"))
u_char *ngx_http_ai_price_print(u_char *p, int64_t nano);

/* what all attempts of a request cost */
void ngx_http_ai_price_sum(const ngx_http_ai_ctx_t *ctx, ai_bill_t *bill);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_PRICE_H */
