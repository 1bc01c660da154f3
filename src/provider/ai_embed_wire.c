
/*
 * Requests for vectors: what the providers' bodies have in common.
 */

#include <provider/ai_embed_wire_int.h>


ai_int_t
ai_embed_refuse(ai_error_t *err, const char *param, const char *message)
{
    ai_str_t  s;

    s.data = (ai_char_t *) param;
    s.len = strlen(param);

    ai_error_set_param(err, AI_ERR_UNSUPPORTED_PARAMETER, message, &s);

    return AI_ERROR;
}


ai_int_t
ai_embed_only(const ai_embed_t *e, unsigned kinds, ai_family_e family,
    ai_error_t *err)
{
    const ai_input_t  *in;

    for (in = e->inputs; in != NULL; in = in->next) {

        if (kinds & 1u << in->kind
            || (in->kind == AI_INPUT_OTHER && in->family == family
                && family != AI_FAMILY_NONE))
        {
            continue;
        }

        return ai_embed_refuse(err, e->input,
                   in->kind == AI_INPUT_TOKENS
                   ? "This model takes texts, not lists of tokens."
                   : in->kind == AI_INPUT_IMAGE
                   ? "This model cannot embed images."
                   : "This model cannot embed what the input has.");
    }

    return AI_OK;
}


ai_int_t
ai_embed_formats(const ai_embed_t *e, unsigned formats, ai_error_t *err)
{
    if (e->several) {
        return ai_embed_refuse(err, "embedding_types",
                               "This model's vectors are of one type.");
    }

    if (e->format == AI_VECTOR_FLOAT || e->format == AI_VECTOR_BASE64
        || formats & 1u << e->format)
    {
        return AI_OK;
    }

    return ai_embed_refuse(err, "embedding_types",
                           "This model's vectors are floats only.");
}


void
ai_embed_drop_titles(const ai_embed_t *e, ai_dropped_t *dropped)
{
    const ai_input_t  *in;

    for (in = e->inputs; in != NULL; in = in->next) {
        if (in->title.len) {
            ai_dropped_add(dropped, "title");
            break;
        }
    }
}


void
ai_embed_write_model(ai_buf_t *b, const ai_target_t *t)
{
    ai_buf_lit(b, "{\"model\":");
    ai_buf_quote(b, &t->model);
}


void
ai_embed_write_one(ai_buf_t *b, const ai_input_t *in)
{
    switch (in->kind) {

    case AI_INPUT_TOKENS:
        ai_buf_cat(b, &in->tokens);
        break;

    case AI_INPUT_IMAGE:
        ai_buf_char(b, '"');

        if (in->source == AI_SOURCE_BASE64) {
            ai_buf_lit(b, "data:");
            ai_buf_escape(b, &in->media);
            ai_buf_lit(b, ";base64,");
        }

        ai_buf_cat(b, &in->data);
        ai_buf_char(b, '"');
        break;

    case AI_INPUT_OTHER:
        ai_buf_cat(b, &in->raw);
        break;

    default: /* AI_INPUT_TEXT */
        ai_buf_quote_esc(b, &in->text);
        break;
    }
}


void
ai_embed_write_list(ai_buf_t *b, const ai_embed_t *e)
{
    const ai_input_t  *in;

    ai_buf_char(b, '[');

    for (in = e->inputs; in != NULL; in = in->next) {
        ai_embed_write_one(b, in);

        if (in->next) {
            ai_buf_char(b, ',');
        }
    }

    ai_buf_char(b, ']');
}


void
ai_embed_write_int(ai_buf_t *b, const char *name, int64_t n)
{
    if (n == -1) {
        return;
    }

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));
    ai_buf_lit(b, "\":");
    ai_buf_int(b, n);
}


void
ai_embed_write_flag(ai_buf_t *b, const char *name, int flag)
{
    if (flag == -1) {
        return;
    }

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));

    if (flag) {
        ai_buf_lit(b, "\":true");

    } else {
        ai_buf_lit(b, "\":false");
    }
}


ai_int_t
ai_embed_written(ai_buf_t *b, ai_error_t *err)
{
    if (b->failed) {
        ai_error_set(err, AI_ERR_SERVER, "Out of memory.");
        return AI_ERROR;
    }

    return AI_OK;
}
