
/*
 * What the targets for operations beside chat share.  An input is one byte
 * that chooses, a request, a NUL, and an answer.
 */

#ifndef T_FUZZ_CALLS_H
#define T_FUZZ_CALLS_H


#include <api/ai_dialect.h>
#include <provider/ai_provider.h>

#include "fuzz_request.h"


typedef struct {
    unsigned       choice;
    ai_str_t       request;
    ai_str_t       answer;
    ai_json_t      doc;
    ai_peek_t      peek;
    ai_call_t      call;
    ai_result_t    res;
    ai_error_t     err;
    ai_dropped_t   dropped;
    ai_buf_t       body;
    ai_buf_t       out;
} fuzz_call_t;


static void
fuzz_split(fuzz_call_t *f, const uint8_t *data, size_t size)
{
    const uint8_t  *nul;

    memset(f, 0, sizeof(fuzz_call_t));

    f->choice = data[0];
    f->request.data = (ai_char_t *) data + 1;
    f->request.len = size - 1;

    nul = memchr(data + 1, '\0', size - 1);

    if (nul) {
        f->request.len = (size_t) (nul - data) - 1;
        f->answer.data = (ai_char_t *) nul + 1;
        f->answer.len = size - f->request.len - 2;
    }

    ai_json_init(&f->doc, &arena);
    ai_buf_init(&f->body, &arena);
    ai_buf_init(&f->out, &arena);
}


/* decoded, or refused with an error that can be told */

static ai_int_t
fuzz_decode(fuzz_call_t *f, const ai_dialect_t *d)
{
    ai_int_t  rc;

    if (ai_json_parse(&f->doc, &f->request, NULL) != AI_OK) {
        return AI_ERROR;
    }

    f->peek.model = ai_lit("m");
    rc = d->peek(&f->doc, &arena, &f->peek, &f->err);

    if (rc == AI_OK) {
        must(f->peek.messages_ref == AI_JSON_NONE
             || f->peek.messages_ref < f->doc.n);

        rc = d->form->decode(&f->doc, &f->peek, &arena, &f->call,
                             &f->dropped, &f->err);
    }

    check_dropped(&f->dropped);

    if (rc != AI_OK) {
        must(rc == AI_ERROR);
        check_error(&f->err, d->error);
    }

    return rc;
}


/* built as one JSON object, or refused */

static ai_int_t
fuzz_build(fuzz_call_t *f, const ai_service_t *s, const ai_target_t *t,
    ai_json_t *built)
{
    size_t    i;
    ai_str_t  text;

    s->path(t, &f->call, &f->out);
    must(ai_buf_len(&f->out) > 1 && f->out.start[0] == '/');

    for (i = 0; i < ai_buf_len(&f->out); i++) {
        must(f->out.start[i] > 0x20 && f->out.start[i] < 0x7f);
    }

    ai_buf_reset(&f->out);

    if (s->build(t, &f->call, &arena, &f->body, &f->dropped, &f->err)
        != AI_OK)
    {
        must(f->err.kind != AI_ERR_NONE);
        return AI_ERROR;
    }

    check_dropped(&f->dropped);

    text = ai_buf_str(&f->body);
    ai_json_init(built, &arena);
    must(ai_json_parse(built, &text, NULL) == AI_OK);
    must(ai_json_type(built, AI_JSON_ROOT) == AI_JSON_OBJECT);

    return AI_OK;
}


static ai_int_t
fuzz_answer(fuzz_call_t *f, const ai_service_t *s, const ai_target_t *t)
{
    ai_int_t  rc;

    ai_result_init(&f->res, s->kind);

    rc = s->answer(t, &f->call, &f->answer, &arena, &f->res, &f->err);
    must(rc == AI_OK || rc == AI_ERROR);

    return rc;
}


static ai_int_t
fuzz_reply(fuzz_call_t *f, const ai_dialect_t *d)
{
    ai_str_t  text;

    static const ai_call_conf_t  conf = {
        .id = ai_string("0123456789abcdefghijklmnopqrs"),
        .model = ai_string("asked"),
        .created = 1700000000
    };

    if (d->form->reply(&f->call, &f->res, &conf, &arena, &f->out) != AI_OK) {
        return AI_ERROR;
    }

    text = ai_buf_str(&f->out);
    check_json(&text, 0);
    must(text.len <= 4 * (f->request.len + f->answer.len) + 1024);

    return AI_OK;
}


#endif /* T_FUZZ_CALLS_H */
