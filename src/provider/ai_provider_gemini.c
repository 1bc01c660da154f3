
/*
 * Google's Gemini API: https://ai.google.dev/api/generate-content
 */

#include <provider/ai_gemini_int.h>


#define AI_GEMINI_NAME_MAX  64
#define AI_GEMINI_NAME_CUT  55      /* and "_" and eight digits */


static void ai_gemini_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);
static int ai_gemini_digit(const ai_str_t *s, size_t i);
static ai_int_t ai_gemini_name_char(ai_char_t c, size_t at);
static ai_int_t ai_gemini_name_ok(const ai_str_t *name);
static size_t ai_gemini_name_map(ai_char_t *out, ai_buf_t *tmp,
    const ai_esc_t *name);


static const ai_service_t  *const ai_gemini_services[] = {
    &ai_gemini_embed,
    &ai_gemini_count_tokens,
    NULL
};


const ai_provider_t  ai_provider_gemini = {
    .name = ai_string("gemini"),
    .family = AI_FAMILY_GEMINI,
    .endpoint = ai_string(
                    "https://generativelanguage.googleapis.com/v1beta"),
    .base = ai_string("/v1beta"),
    .key_header = ai_string("x-goog-api-key"),
    .key_prefix = ai_string(""),
    .services = ai_gemini_services,
    .path = ai_gemini_path,
    .headers = ai_string(""),
    .build = ai_gemini_build,
    .decoder_size = sizeof(ai_gemini_decoder_t),
    .decoder_init = ai_gemini_decoder_init,
    .stream = ai_gemini_stream,
    .stream_end = ai_gemini_stream_end,
    .answer = ai_gemini_answer
};


static void
ai_gemini_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    ai_str_t  prefix, model;

    model = t->model;
    prefix = ai_lit("models/");

    if (ai_str_starts(&model, "tunedModels/")) {
        prefix = ai_lit("tunedModels/");
    }

    if (ai_str_starts(&model, (const char *) prefix.data)) {
        model.data += prefix.len;
        model.len -= prefix.len;
    }

    ai_buf_char(b, '/');
    ai_buf_cat(b, &prefix);

    ai_buf_uri(b, &model, NULL);

    if (stream) {
        ai_buf_lit(b, ":streamGenerateContent?alt=sse");

    } else {
        ai_buf_lit(b, ":generateContent");
    }
}


static int
ai_gemini_digit(const ai_str_t *s, size_t i)
{
    if (i >= s->len || s->data[i] < '0' || s->data[i] > '9') {
        return -1;
    }

    return s->data[i] - '0';
}


void
ai_gemini_model(const ai_str_t *name, ai_gemini_model_t *m)
{
    int     d;
    size_t  i;

    static const ai_str_t  stem = ai_string("gemini-");

    memset(m, 0, sizeof(ai_gemini_model_t));

    m->flash = ai_str_casefind(name, "flash");
    m->lite = ai_str_casefind(name, "lite");
    m->latest = ai_str_casefind(name, "gemini-flash-")
                || ai_str_casefind(name, "gemini-pro-latest");

    for (i = 0; i + stem.len < name->len; i++) {

        if (memcmp(name->data + i, stem.data, stem.len) != 0) {
            continue;
        }

        i += stem.len;
        d = ai_gemini_digit(name, i);

        if (d < 0) {
            return;
        }

        m->version = d * 100;

        if (i + 1 < name->len && name->data[i + 1] == '.') {
            d = ai_gemini_digit(name, i + 2);
            m->version += d > 0 ? d * 10 : 0;
        }

        return;
    }
}


static ai_int_t
ai_gemini_name_char(ai_char_t c, size_t at)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_') {
        return 1;
    }

    return at > 0
           && ((c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-');
}


static ai_int_t
ai_gemini_name_ok(const ai_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len && i <= AI_GEMINI_NAME_MAX; i++) {
        if (!ai_gemini_name_char(name->data[i], i)) {
            return 0;
        }
    }

    return i > 0 && i <= AI_GEMINI_NAME_MAX;
}


/* out has room for AI_GEMINI_NAME_MAX; 0: no memory */

static size_t
ai_gemini_name_map(ai_char_t *out, ai_buf_t *tmp, const ai_esc_t *name)
{
    int        i;
    size_t     n;
    ai_char_t  c;
    uint32_t   hash;
    ai_str_t   plain;

    static const char  hex[] = "0123456789abcdef";

    /* decoded first, so that two spellings of a name stay one name */

    ai_buf_reset(tmp);
    ai_json_unescape(tmp, name);

    if (tmp->failed) {
        return 0;
    }

    plain = ai_buf_str(tmp);

    if (ai_gemini_name_ok(&plain)) {
        memcpy(out, plain.data, plain.len);
        return plain.len;
    }

    hash = 2166136261u;

    for (n = 0; n < plain.len; n++) {
        hash = (hash ^ plain.data[n]) * 16777619u;
    }

    for (n = 0; n < plain.len && n < AI_GEMINI_NAME_CUT; n++) {
        c = plain.data[n];
        out[n] = ai_gemini_name_char(c, n) ? c : '_';
    }

    out[n++] = '_';

    for (i = 28; i >= 0; i -= 4) {
        out[n++] = hex[(hash >> i) & 15];
    }

    return n;
}


void
ai_gemini_name(ai_buf_t *b, ai_buf_t *tmp, const ai_esc_t *name)
{
    size_t     n;
    ai_char_t  out[AI_GEMINI_NAME_MAX];

    if (ai_gemini_name_ok(name)) {
        ai_buf_cat(b, name);
        return;
    }

    n = ai_gemini_name_map(out, tmp, name);

    if (n == 0) {
        b->failed = 1;
        return;
    }

    ai_buf_add(b, out, n);
}


const ai_tool_t *
ai_gemini_tool(const ai_request_t *rq, ai_buf_t *tmp, const ai_esc_t *name)
{
    size_t            n;
    ai_char_t         out[AI_GEMINI_NAME_MAX];
    const ai_tool_t  *tool;

    if (rq == NULL) {
        return NULL;
    }

    /* only names that were changed can be meant */

    for (tool = rq->tools; tool != NULL; tool = tool->next) {

        if (ai_gemini_name_ok(&tool->name)) {
            continue;
        }

        n = ai_gemini_name_map(out, tmp, &tool->name);

        if (n == name->len && n != 0 && memcmp(out, name->data, n) == 0) {
            return tool;
        }
    }

    return NULL;
}
