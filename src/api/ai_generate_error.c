
#include <api/ai_generate.h>


static void ai_generate_details(ai_buf_t *b, const ai_error_t *err,
    const ai_str_t *message);
static void ai_generate_delay(ai_buf_t *b, int64_t ms);


void
ai_generate_error(ai_buf_t *b, const ai_error_t *err)
{
    ai_str_t               message;
    const ai_error_row_t  *row;

    row = ai_error_row(err->kind == AI_ERR_NONE ? AI_ERR_SERVER : err->kind);

    message = ai_error_message(err);
    if (message.len == 0) {
        message = row->text;
    }

    ai_buf_lit(b, "{\"error\":{\"code\":");
    ai_buf_int(b, ai_error_status(err));
    ai_buf_lit(b, ",\"message\":");
    ai_buf_quote(b, &message);
    ai_buf_lit(b, ",\"status\":");
    ai_buf_quote(b, &row->gemini);
    ai_generate_details(b, err, &message);
    ai_buf_lit(b, "}}");
}


/* clients read the delay here: Google sends no retry-after */

static void
ai_generate_details(ai_buf_t *b, const ai_error_t *err,
    const ai_str_t *message)
{
    ai_int_t  delay;

    delay = err->retry_after > 0;

    if (!delay && err->param.len == 0) {
        return;
    }

    ai_buf_lit(b, ",\"details\":[");

    if (err->param.len) {
        ai_buf_lit(b, "{\"@type\":\"type.googleapis.com/"
                      "google.rpc.BadRequest\",\"fieldViolations\":["
                      "{\"field\":");
        ai_buf_quote(b, &err->param);
        ai_buf_lit(b, ",\"description\":");
        ai_buf_quote(b, message);
        ai_buf_lit(b, "}]}");
    }

    if (delay) {
        if (err->param.len) {
            ai_buf_char(b, ',');
        }

        ai_buf_lit(b, "{\"@type\":\"type.googleapis.com/"
                      "google.rpc.RetryInfo\",\"retryDelay\":\"");
        ai_generate_delay(b, err->retry_after);
        ai_buf_lit(b, "s\"}");
    }

    ai_buf_char(b, ']');
}


static void
ai_generate_delay(ai_buf_t *b, int64_t ms)
{
    ai_char_t  part[4];

    ai_buf_int(b, ms / 1000);
    ms %= 1000;

    if (ms == 0) {
        return;
    }

    part[0] = '.';
    part[1] = (ai_char_t) ('0' + ms / 100);
    part[2] = (ai_char_t) ('0' + ms / 10 % 10);
    part[3] = (ai_char_t) ('0' + ms % 10);

    ai_buf_add(b, part, sizeof(part));
}


void
ai_generate_error_event(ai_buf_t *b, const ai_error_t *err)
{
    ai_buf_lit(b, "data: ");
    ai_generate_error(b, err);
    ai_buf_lit(b, "\r\n\r\n");
}


void
ai_generate_models(ai_buf_t *b, const ai_model_entry_t *models, size_t n)
{
    size_t  i;

    ai_buf_lit(b, "{\"models\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            ai_buf_char(b, ',');
        }

        ai_generate_model(b, &models[i]);
    }

    ai_buf_lit(b, "]}");
}


void
ai_generate_model(ai_buf_t *b, const ai_model_entry_t *model)
{
    ai_buf_lit(b, "{\"name\":\"models/");
    ai_buf_escape(b, &model->id);
    ai_buf_lit(b, "\",\"displayName\":");
    ai_buf_quote(b, &model->id);
    ai_buf_lit(b, ",\"supportedGenerationMethods\":[\"generateContent\","
               "\"streamGenerateContent\",\"countTokens\"]}");
}
