
/*
 * Any text as a provider's answer with vectors: the first byte says which
 * service reads it, the second who asked and for how many.  What is read is
 * JSON with as many vectors, of which the client's form makes JSON again; what
 * is not is no answer, or an error that can be told.
 */

#include "fuzz_embed.h"


static const char *const  requests[][FORMS] = {
    { "{\"model\":\"m\",\"input\":\"a\"}",
      "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}",
      "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}",
      "{\"model\":\"m\",\"input\":\"a\"}",
      "{\"model\":\"m\",\"texts\":[\"a\"]}" },
    { "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"encoding_format\":"
      "\"base64\"}",
      "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}",
      "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}},"
      "{\"content\":{\"parts\":[{\"text\":\"b\"}]}}]}",
      "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}",
      "{\"model\":\"m\",\"texts\":[\"a\",\"b\"],\"embedding_types\":"
      "[\"base64\"]}" },
    { "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}",
      "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}",
      "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}",
      "{\"model\":\"m\",\"input\":[\"a\",\"b\",\"c\"]}",
      "{\"model\":\"m\",\"texts\":[\"a\",\"b\"],\"embedding_types\":"
      "[\"int8\"]}" }
};


/* how many values an array has by its commas */

static size_t
commas(const ai_raw_t *raw)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < raw->len; i++) {
        n += raw->data[i] == ',';
    }

    return n;
}


static void
check_result(const ai_call_t *call, const ai_result_t *res)
{
    uint32_t            i;
    const ai_vector_t  *v;

    must(res->kind == AI_CALL_EMBED && res->n == call->u.embed.n);
    must(res->usage.prompt >= -1);

    check_esc(&res->model);
    check_esc(&res->id);

    for (i = 0; i < res->n; i++) {
        v = &res->vectors[i];

        must(v->values.data != NULL);
        check_json(&v->values, v->format == AI_VECTOR_BASE64
                               ? AI_JSON_STRING : AI_JSON_ARRAY);

        if (v->format == AI_VECTOR_FLOAT && i == 0) {
            must(commas(&v->values) < v->values.len / 2);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_int_t             rc;
    ai_str_t             text, body, out;
    ai_call_t            call;
    ai_error_t           err;
    ai_result_t          res;
    ai_target_t          t;
    ai_dropped_t         dropped;
    const char          *request;
    const ai_dialect_t  *dialect;

    if (size < 2) {
        return 0;
    }

    dialect = forms[data[1] % FORMS];
    request = requests[data[1] / FORMS % 3][data[1] % FORMS];

    text.data = (ai_char_t *) request;
    text.len = strlen(request);

    must(decode(dialect, &text, &call, &dropped, &err) == AI_OK);
    check_dropped(&dropped);

    t = target_of(data[0] % SERVICES);

    body.data = (ai_char_t *) data + 2;
    body.len = size - 2;

    ai_result_init(&res, AI_CALL_EMBED);

    rc = services[data[0] % SERVICES].service->answer(&t, &call, &body,
                                                      &arena, &res, &err);

    if (rc == AI_OK) {
        check_json(&body, AI_JSON_OBJECT);
        check_result(&call, &res);

        /* not every vector fits into a float, or a float into JSON */

        if (reply(dialect, &call, &res, &out) == AI_OK) {
            check_json(&out, AI_JSON_OBJECT);
            must(out.len <= 4 * size + 1024);
        }

    } else {
        must(rc == AI_ERROR);

        if (err.kind != AI_ERR_NONE) {

            /* told as a 400, whatever its own status */

            err.status = 400;
            err.message = err.message.len ? err.message : ai_lit("no");
            check_error(&err, dialect->error);
        }
    }

    arena_free();

    return 0;
}
