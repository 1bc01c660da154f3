
#include <api/ai_openai.h>


static void
ai_openai_quote_or_null(ai_buf_t *b, const ai_str_t *s)
{
    if (s->len) {
        ai_buf_quote(b, s);
        return;
    }

    ai_buf_lit(b, "null");
}


void
ai_openai_error(ai_buf_t *b, const ai_error_t *err)
{
    ai_str_t               message;
    const ai_error_row_t  *row;

    row = ai_error_row(err->kind == AI_ERR_NONE ? AI_ERR_SERVER : err->kind);

    message = ai_error_message(err);
    if (message.len == 0) {
        message = row->text;
    }

    ai_buf_lit(b, "{\"error\":{\"message\":");
    ai_buf_quote(b, &message);
    ai_buf_lit(b, ",\"type\":");
    ai_buf_quote(b, &row->type);
    ai_buf_lit(b, ",\"param\":");
    ai_openai_quote_or_null(b, &err->param);
    ai_buf_lit(b, ",\"code\":");
    ai_openai_quote_or_null(b, err->code.len ? &err->code : &row->code);
    ai_buf_lit(b, "}}");
}


void
ai_openai_error_event(ai_buf_t *b, const ai_error_t *err)
{
    ai_buf_lit(b, "data: ");
    ai_openai_error(b, err);
    ai_buf_lit(b, "\n\n");
}


/* Anthropic's reader wants "type", "display_name" and a date; the date of a
 * model behind the gateway is not known */

void
ai_openai_model(ai_buf_t *b, const ai_model_entry_t *model)
{
    ai_buf_lit(b, "{\"id\":");
    ai_buf_quote(b, &model->id);
    ai_buf_lit(b, ",\"object\":\"model\",\"type\":\"model\",\"created\":0,"
                  "\"created_at\":\"1970-01-01T00:00:00Z\",\"owned_by\":");
    ai_buf_quote(b, &model->owner);
    ai_buf_lit(b, ",\"display_name\":");
    ai_buf_quote(b, &model->id);
    ai_buf_lit(b, "}");
}


void
ai_openai_models(ai_buf_t *b, const ai_model_entry_t *models, size_t n)
{
    size_t  i;

    ai_buf_lit(b, "{\"object\":\"list\",\"data\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            ai_buf_char(b, ',');
        }

        ai_openai_model(b, &models[i]);
    }

    ai_buf_lit(b, "],\"has_more\":false,\"first_id\":");

    if (n == 0) {
        ai_buf_lit(b, "null,\"last_id\":null}");
        return;
    }

    ai_buf_quote(b, &models[0].id);
    ai_buf_lit(b, ",\"last_id\":");
    ai_buf_quote(b, &models[n - 1].id);
    ai_buf_char(b, '}');
}
