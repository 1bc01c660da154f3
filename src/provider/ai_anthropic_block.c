
/*
 * The blocks of a message to Anthropic.
 */

#include <provider/ai_anthropic_int.h>


static void ai_anthropic_call(ai_anthropic_build_t *ab,
    const ai_block_t *blk);
static ai_int_t ai_anthropic_result(ai_anthropic_build_t *ab,
    const ai_block_t *blk);
static ai_int_t ai_anthropic_image(ai_anthropic_build_t *ab,
    const ai_block_t *blk);
static ai_int_t ai_anthropic_document(ai_anthropic_build_t *ab,
    const ai_block_t *blk);
static ai_int_t ai_anthropic_file_text(ai_anthropic_build_t *ab,
    const ai_block_t *blk);
static void ai_anthropic_source(ai_anthropic_build_t *ab,
    const ai_block_t *blk, const ai_str_t *media);
static ai_esc_t ai_anthropic_data(const ai_block_t *blk);
static ai_int_t ai_anthropic_base64(ai_buf_t *b, const ai_esc_t *data);


ai_int_t
ai_anthropic_block(ai_anthropic_build_t *ab, ai_role_e role,
    const ai_block_t *blk)
{
    switch (blk->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        ai_anthropic_text(ab, blk);
        return AI_OK;

    case AI_BLOCK_THINKING:
        ai_buf_lit(ab->b, "{\"type\":\"thinking\",\"thinking\":");
        ai_buf_quote_esc(ab->b, &blk->text);
        ai_buf_lit(ab->b, ",\"signature\":");
        ai_buf_quote_esc(ab->b, &blk->signature);
        ai_buf_char(ab->b, '}');
        return AI_OK;

    case AI_BLOCK_REDACTED:
        ai_buf_lit(ab->b, "{\"type\":\"redacted_thinking\",\"data\":");
        ai_buf_quote_esc(ab->b, &blk->data);
        ai_buf_char(ab->b, '}');
        return AI_OK;

    case AI_BLOCK_TOOL_CALL:
        ai_anthropic_call(ab, blk);
        return AI_OK;

    case AI_BLOCK_TOOL_RESULT:
        return ai_anthropic_result(ab, blk);

    default:
        break;
    }

    if (role == AI_ROLE_USER && blk->kind == AI_BLOCK_IMAGE) {
        return ai_anthropic_image(ab, blk);
    }

    if (role == AI_ROLE_USER && blk->kind == AI_BLOCK_FILE) {
        return ai_anthropic_document(ab, blk);
    }

    if (blk->kind == AI_BLOCK_AUDIO) {
        return ai_anthropic_refuse(ab, "this model does not take audio",
                                   "messages");
    }

    return ai_anthropic_refuse(ab, "this model takes images and files from "
                                   "the user only", "messages");
}


void
ai_anthropic_text(ai_anthropic_build_t *ab, const ai_block_t *blk)
{
    size_t    i;
    ai_esc_t  text;

    text = blk->text;

    while (blk == ab->tail && text.len > 0) {
        if (text.data[text.len - 1] == ' ') {
            text.len--;
            continue;
        }

        if (memchr("ntr", text.data[text.len - 1], 3) == NULL) {
            break;
        }

        /* a line end is spelled with an odd number of backslashes */

        for (i = text.len - 1; i > 0 && text.data[i - 1] == '\\'; i--) {
            /* void */
        }

        if ((text.len - 1 - i) % 2 == 0) {
            break;
        }

        text.len -= 2;
    }

    ai_buf_lit(ab->b, "{\"type\":\"text\",\"text\":");
    ai_buf_quote_esc(ab->b, &text);
    ai_anthropic_cache_mark(ab, &blk->cache_mark);
}


static void
ai_anthropic_call(ai_anthropic_build_t *ab, const ai_block_t *blk)
{
    ai_buf_lit(ab->b, "{\"type\":\"tool_use\",\"id\":\"");
    ai_anthropic_id(ab->b, &blk->id);
    ai_buf_lit(ab->b, "\",\"name\":\"");
    ai_anthropic_name(ab->b, &blk->name);
    ai_buf_lit(ab->b, "\",\"input\":");

    if (blk->args.len != 0) {
        ai_buf_cat(ab->b, &blk->args);

    } else {
        ai_buf_lit(ab->b, "{}");
    }

    ai_anthropic_cache_mark(ab, &blk->cache_mark);
}


static ai_int_t
ai_anthropic_result(ai_anthropic_build_t *ab, const ai_block_t *blk)
{
    unsigned           n;
    const ai_block_t  *part;

    ai_buf_lit(ab->b, "{\"type\":\"tool_result\",\"tool_use_id\":\"");
    ai_anthropic_id(ab->b, &blk->id);
    ai_buf_char(ab->b, '"');

    n = 0;

    for (part = blk->content; part != NULL; part = part->next) {
        if (ai_anthropic_pass(AI_ROLE_USER, part) != 2) {
            continue;
        }

        if (n++ == 0) {
            ai_buf_lit(ab->b, ",\"content\":[");

        } else {
            ai_buf_char(ab->b, ',');
        }

        if (ai_anthropic_block(ab, AI_ROLE_USER, part) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (n != 0) {
        ai_buf_char(ab->b, ']');
    }

    if (blk->is_error) {
        ai_buf_lit(ab->b, ",\"is_error\":true");
    }

    ai_anthropic_cache_mark(ab, &blk->cache_mark);

    return AI_OK;
}


static ai_int_t
ai_anthropic_image(ai_anthropic_build_t *ab, const ai_block_t *blk)
{
    ai_str_t  media;

    if (blk->source == AI_SOURCE_NONE || blk->source == AI_SOURCE_TEXT) {
        return ai_anthropic_refuse(ab, "an image without its data",
                                   "messages");
    }

    media = blk->media;

    if (ai_str_caseeq(&media, &ai_lit("image/jpg"))) {
        media = ai_lit("image/jpeg");
    }

    ai_buf_lit(ab->b, "{\"type\":\"image\",");
    ai_anthropic_source(ab, blk, &media);
    ai_anthropic_cache_mark(ab, &blk->cache_mark);

    return AI_OK;
}


static ai_int_t
ai_anthropic_document(ai_anthropic_build_t *ab, const ai_block_t *blk)
{
    ai_str_t  media;

    /* "text/plain; charset=utf-8" counts as text, case folds */

    media = blk->media;
    media.len = ai_min(media.len, sizeof("text/") - 1);

    ai_buf_lit(ab->b, "{\"type\":\"document\",");

    if (blk->source == AI_SOURCE_TEXT
        || (blk->source == AI_SOURCE_BASE64
            && ai_str_caseeq(&media, &ai_lit("text/"))))
    {
        if (ai_anthropic_file_text(ab, blk) != AI_OK) {
            return AI_ERROR;
        }

    } else if (blk->source == AI_SOURCE_NONE
               || (blk->source == AI_SOURCE_BASE64
                   && !ai_str_caseeq(&blk->media,
                                     &ai_lit("application/pdf"))))
    {
        return ai_anthropic_refuse(ab, "this model takes PDF and text files "
                                       "only", "messages");

    } else {
        ai_anthropic_source(ab, blk, &ai_lit("application/pdf"));
    }

    if (blk->name.len != 0) {
        ai_buf_lit(ab->b, ",\"title\":");
        ai_buf_quote_esc(ab->b, &blk->name);
    }

    ai_anthropic_cache_mark(ab, &blk->cache_mark);

    return AI_OK;
}


/* a text source holds the text itself */

static ai_int_t
ai_anthropic_file_text(ai_anthropic_build_t *ab, const ai_block_t *blk)
{
    ai_str_t  text;
    ai_esc_t  data;

    ai_buf_lit(ab->b, "\"source\":{\"type\":\"text\",\"media_type\":"
                      "\"text/plain\",\"data\":");

    if (blk->source == AI_SOURCE_TEXT) {
        ai_buf_quote_esc(ab->b, &blk->data);

    } else {
        data = ai_anthropic_data(blk);
        ai_buf_reset(&ab->scratch);

        if (ai_anthropic_base64(&ab->scratch, &data) != AI_OK) {
            ai_error_set_param(ab->err, AI_ERR_INVALID_VALUE,
                               "a file's data is not valid base64",
                               &ai_lit("messages"));
            return AI_ERROR;
        }

        text = ai_buf_str(&ab->scratch);
        ai_buf_quote(ab->b, &text);
    }

    ai_buf_char(ab->b, '}');

    return AI_OK;
}


static void
ai_anthropic_source(ai_anthropic_build_t *ab, const ai_block_t *blk,
    const ai_str_t *media)
{
    ai_esc_t  data;

    if (blk->source == AI_SOURCE_URL) {
        ai_buf_lit(ab->b, "\"source\":{\"type\":\"url\",\"url\":");
        ai_buf_quote_esc(ab->b, &blk->data);

    } else if (blk->source == AI_SOURCE_ID) {
        ai_buf_lit(ab->b, "\"source\":{\"type\":\"file\",\"file_id\":");
        ai_buf_quote_esc(ab->b, &blk->data);

    } else {
        data = ai_anthropic_data(blk);

        ai_buf_lit(ab->b, "\"source\":{\"type\":\"base64\",\"media_type\":");
        ai_buf_quote(ab->b, media);
        ai_buf_lit(ab->b, ",\"data\":");
        ai_buf_quote_esc(ab->b, &data);
    }

    ai_buf_char(ab->b, '}');
}


/* only what stands behind the comma, should a whole data: URL have come */

static ai_esc_t
ai_anthropic_data(const ai_block_t *blk)
{
    ai_esc_t    data;
    ai_char_t  *p;

    data = blk->data;

    if (ai_str_starts(&data, "data:")) {
        p = memchr(data.data, ',', data.len);

        if (p != NULL) {
            data.len -= (size_t) (p + 1 - data.data);
            data.data = p + 1;
        }
    }

    return data;
}


/*
 * Decodes into b, in place: the spelling is decoded first, as '/' may be
 * written with a backslash.  Blanks are skipped, padding may be missing; both
 * alphabets are taken.
 */

static ai_int_t
ai_anthropic_base64(ai_buf_t *b, const ai_esc_t *data)
{
    size_t       i, n;
    uint32_t     bits;
    ai_str_t     s;
    ai_char_t    c, *out;
    const char  *at;

    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

    ai_json_unescape(b, data);

    s = ai_buf_str(b);

    if (b->failed || s.len == 0) {
        return AI_OK;
    }

    out = b->start;
    bits = 0;
    n = 0;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c == '=') {
            break;
        }

        if (c == '\r' || c == '\n' || c == ' ' || c == '\t') {
            continue;
        }

        at = memchr(alphabet, c, 66);

        if (at == NULL) {
            return AI_ERROR;
        }

        /* '-' is 62 and '_' 63 in the other alphabet */

        bits = bits << 6 | (uint32_t) (at - alphabet > 63
                                       ? at - alphabet - 2 : at - alphabet);

        if (++n % 4 != 1) {
            *out++ = (ai_char_t) (bits >> (6 - 2 * ((n - 1) % 4)));
        }
    }

    for ( /* void */ ; i < s.len; i++) {
        c = s.data[i];

        if (c != '=' && c != '\r' && c != '\n' && c != ' ' && c != '\t') {
            return AI_ERROR;
        }
    }

    b->last = out;

    return (n % 4 == 1) ? AI_ERROR : AI_OK;
}


/* texts of nothing but blanks are refused by the API */

ai_int_t
ai_anthropic_blank(const ai_esc_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] == ' ') {
            continue;
        }

        if (s->data[i] == '\\' && i + 1 < s->len
            && memchr("ntr", s->data[i + 1], 3) != NULL)
        {
            i++;
            continue;
        }

        return 0;
    }

    return 1;
}


/*
 * Where in a message a block stands, 1 to 3; 0: it is left out.  Thinking
 * without Anthropic's own signature is worth nothing there and refused.
 */

unsigned
ai_anthropic_pass(ai_role_e role, const ai_block_t *blk)
{
    unsigned  ours;

    ours = (role == AI_ROLE_ASSISTANT && blk->family == AI_FAMILY_ANTHROPIC);

    switch (blk->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        return ai_anthropic_blank(&blk->text) ? 0 : 2;

    case AI_BLOCK_THINKING:
        return (ours && blk->signature.len != 0) ? 1 : 0;

    case AI_BLOCK_REDACTED:
        return (ours && blk->data.len != 0) ? 1 : 0;

    case AI_BLOCK_TOOL_CALL:
        return (role == AI_ROLE_ASSISTANT) ? 3 : 0;

    case AI_BLOCK_TOOL_RESULT:
        return (role == AI_ROLE_USER) ? 1 : 0;

    default: /* AI_BLOCK_IMAGE, AI_BLOCK_FILE, AI_BLOCK_AUDIO */
        return (role == AI_ROLE_SYSTEM) ? 0 : 2;
    }
}


void
ai_anthropic_cache_mark(ai_anthropic_build_t *ab, const ai_raw_t *mark)
{
    if (mark->len != 0) {
        ai_buf_lit(ab->b, ",\"cache_control\":");
        ai_buf_cat(ab->b, mark);
    }

    ai_buf_char(ab->b, '}');
}


ai_int_t
ai_anthropic_refuse(ai_anthropic_build_t *ab, const char *message,
    const char *param)
{
    ai_str_t  s;

    s.data = (ai_char_t *) param;
    s.len = strlen(param);

    ai_error_set_param(ab->err, AI_ERR_UNSUPPORTED_PARAMETER, message, &s);

    return AI_ERROR;
}
