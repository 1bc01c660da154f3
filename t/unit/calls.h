
/*
 * For the tests of operations beside chat: a request decoded by a client's
 * form, built by a provider's service, answered, and told to the client.
 */

#ifndef T_CALLS_H
#define T_CALLS_H


#include <stdio.h>

#include <api/ai_dialect.h>
#include <provider/ai_provider.h>

#include "mem.h"


typedef struct {
    ai_json_t      doc;
    ai_peek_t      peek;
    ai_call_t      call;
    ai_result_t    res;
    ai_error_t     err;
    ai_dropped_t   dropped;
    ai_buf_t       body;
    ai_buf_t       out;
} call_t;


/* against a guard page; uri: the model a URI names, or NULL */

__attribute__((unused)) static ai_int_t
call_decode(call_t *c, const ai_dialect_t *d, const char *uri,
    const char *request, size_t len)
{
    ai_str_t  text;

    memset(c, 0, sizeof(call_t));
    ai_json_init(&c->doc, mem_pool());
    ai_buf_init(&c->body, mem_pool());
    ai_buf_init(&c->out, mem_pool());

    text = guard_str(request, len);

    if (uri) {
        c->peek.model.data = (ai_char_t *) uri;
        c->peek.model.len = strlen(uri);
    }

    if (ai_json_parse(&c->doc, &text, NULL) != AI_OK) {
        return AI_ERROR;
    }

    if (d->peek(&c->doc, mem_pool(), &c->peek, &c->err) != AI_OK) {
        return AI_ERROR;
    }

    return d->form->decode(&c->doc, &c->peek, mem_pool(), &c->call,
                           &c->dropped, &c->err);
}


__attribute__((unused)) static ai_int_t
call_build(call_t *c, const ai_service_t *s, const ai_target_t *t)
{
    ai_buf_reset(&c->body);

    return s->build(t, &c->call, mem_pool(), &c->body, &c->dropped, &c->err);
}


__attribute__((unused)) static ai_int_t
call_answer(call_t *c, const ai_service_t *s, const ai_target_t *t,
    const char *answer, size_t len)
{
    ai_str_t  text;

    text = guard_str(answer, len);
    ai_result_init(&c->res, s->kind);

    return s->answer(t, &c->call, &text, mem_pool(), &c->res, &c->err);
}


__attribute__((unused)) static ai_int_t
call_reply(call_t *c, const ai_dialect_t *d)
{
    static const ai_call_conf_t  conf = {
        .id = ai_string("0123456789abcdefghijklmnopqrs"),
        .model = ai_string("asked"),
        .created = 1700000000
    };

    ai_buf_reset(&c->out);

    return d->form->reply(&c->call, &c->res, &conf, mem_pool(), &c->out);
}


/* the names that were dropped, with a comma behind each */

__attribute__((unused)) static const char *
call_dropped(const call_t *c)
{
    size_t       n;
    uint32_t     i;
    static char  names[2048];

    n = 0;
    names[0] = '\0';

    for (i = 0; i < c->dropped.n; i++) {
        n += (size_t) snprintf(names + n, sizeof(names) - n, "%.*s,",
                               (int) c->dropped.name[i].len,
                               (char *) c->dropped.name[i].data);
    }

    return names;
}


__attribute__((unused)) static void
call_free(void)
{
    mem_reset();
    guard_free();
}


#endif /* T_CALLS_H */
