
/*
 * Any text as a request for embeddings, in the form that its first byte says:
 * it is decoded, or refused with a 400 that has a message.  Each service then
 * writes a body that is JSON, with all of the texts in it, or refuses with a
 * 400 as well; and the form writes an answer.
 */

#define _GNU_SOURCE                 /* memmem() */

#include "fuzz_embed.h"


static void
check_call(const ai_call_t *call)
{
    uint32_t           n;
    const ai_embed_t  *e;
    const ai_input_t  *in;

    must(call->kind == AI_CALL_EMBED);

    e = &call->u.embed;
    n = 0;

    for (in = e->inputs; in; in = in->next) {
        n++;
        check_esc(&in->text);
        check_esc(&in->title);
        check_esc(&in->data);
        check_raw(&in->tokens, AI_JSON_ARRAY);

        must((in->kind == AI_INPUT_TEXT) == (in->text.data != NULL));
        must((in->kind == AI_INPUT_TOKENS) == (in->tokens.data != NULL));
        must((in->kind == AI_INPUT_IMAGE) == (in->data.data != NULL));
        must((in->kind == AI_INPUT_OTHER) == (in->raw.data != NULL));
        check_raw(&in->raw, AI_JSON_OBJECT);
        must((in->media.len > 0) == (in->source == AI_SOURCE_BASE64));
    }

    must(n > 0 && n == e->n);
    must(!e->single || n == 1);
    must(e->dimensions == -1 || e->dimensions > 0);
    must(e->truncate >= -1 && e->truncate <= 1);
    check_esc(&e->user);
}


static int
has(const ai_str_t *text, const ai_str_t *part)
{
    return part->len == 0
           || memmem(text->data, text->len, part->data, part->len) != NULL;
}


static void
check_services(const ai_call_t *call, ai_dropped_t *dropped, size_t size)
{
    size_t             i, n;
    ai_buf_t           b;
    ai_str_t           body;
    ai_error_t         err;
    ai_target_t        t;
    const ai_input_t  *in;

    for (i = 0; i < SERVICES; i++) {
        t = target_of(i);
        memset(&err, 0, sizeof(err));

        ai_buf_init(&b, &arena);
        services[i].service->path(&t, call, &b);
        must(ai_buf_len(&b) > 1 && *b.start == '/');

        ai_buf_init(&b, &arena);

        if (services[i].service->build(&t, call, &arena, &b, dropped, &err)
            != AI_OK)
        {
            check_error(&err, forms[0]->error);
            continue;
        }

        body = ai_buf_str(&b);
        check_json(&body, AI_JSON_OBJECT);
        must(body.len <= 4 * size + 1024 + (size_t) call->u.embed.n * 256);

        n = 0;

        for (in = call->u.embed.inputs; in && n < 8; in = in->next) {
            must(has(&body, &in->text) && has(&body, &in->tokens)
                 && has(&body, &in->data) && has(&body, &in->raw));
            n++;
        }
    }
}


static void
check_reply(const ai_dialect_t *dialect, const ai_call_t *call)
{
    uint32_t     i;
    ai_str_t     out;
    ai_int_t     rc;
    ai_result_t  res;

    ai_result_init(&res, AI_CALL_EMBED);

    res.n = call->u.embed.n;
    res.vectors = ai_palloc(&arena, res.n * sizeof(ai_vector_t));

    for (i = 0; i < res.n; i++) {
        res.vectors[i].format = i & 1 ? AI_VECTOR_BASE64 : AI_VECTOR_FLOAT;
        res.vectors[i].values = i & 1 ? ai_lit("\"AACAPw==\"")
                                      : ai_lit("[1.0]");
    }

    rc = reply(dialect, call, &res, &out);

    if (call->u.embed.format > AI_VECTOR_BASE64) {
        must(rc == AI_ERROR);
        return;
    }

    must(rc == AI_OK);
    check_json(&out, AI_JSON_OBJECT);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_int_t             rc;
    ai_str_t             text;
    ai_call_t            call;
    ai_error_t           err;
    ai_dropped_t         dropped;
    const ai_dialect_t  *dialect;

    if (size == 0) {
        return 0;
    }

    dialect = forms[data[0] % FORMS];

    text.data = (ai_char_t *) data + 1;
    text.len = size - 1;

    rc = decode(dialect, &text, &call, &dropped, &err);

    if (rc == AI_OK) {
        check_call(&call);
        check_dropped(&dropped);
        check_services(&call, &dropped, size);
        check_reply(dialect, &call);
        check_dropped(&dropped);

    } else if (rc == AI_ERROR) {
        check_error(&err, dialect->error);
    }

    arena_free();

    return 0;
}
