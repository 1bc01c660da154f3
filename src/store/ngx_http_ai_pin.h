
/*
 * Where a stored object is: a Responses answer that a provider keeps can only
 * be asked for, or gone on from, at that provider.  All workers know; what is
 * not asked for is forgotten when the table is full.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_PIN_H
#define NGX_HTTP_AI_PIN_H


#pragma GCC visibility push(hidden)


/* asks for a table that fits the size of the zone */
ngx_int_t ngx_http_ai_pin_init_conf(ngx_http_ai_zone_main_conf_t *conf);

/* of an object's id, or a provider's name; never 0 for one that has bytes */
uint64_t ngx_http_ai_pin_hash(const u_char *p, size_t len);

/* remembers that the object is at this provider */
void ngx_http_ai_pin_set(const ngx_http_ai_zone_main_conf_t *zone,
    uint64_t id, uint64_t where);

/* where it is, or 0 */
uint64_t ngx_http_ai_pin_get(const ngx_http_ai_zone_main_conf_t *zone,
    uint64_t id);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_PIN_H */
